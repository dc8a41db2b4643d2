//! What somebody sets: a list of gates, as a flag and as a map.

use std::collections::{BTreeMap, btree_map};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Feature, Stage};

/// The gates that a flag or a configuration sets, by name: known or not, groups included.
///
/// Reads and prints the form of the kubelet's `--feature-gates` flag; in serde it is the map `featureGates`. Of
/// several settings of a gate in one text the last counts.
///
/// ```
/// use node_lifecycle::behaviour::FeatureGateSettings;
///
/// let mut settings: FeatureGateSettings = "NodeSwap=false, AllAlpha=T".parse()?;
/// assert_eq!(settings.to_string(), "AllAlpha=true,NodeSwap=false");
/// settings.extend([("NodeSwap", true)]);
/// assert_eq!(settings.get("NodeSwap"), Some(true));
///
/// let wrong = "NodeSwap=yes".parse::<FeatureGateSettings>().unwrap_err();
/// let said = r#"invalid value of NodeSwap: yes, err: strconv.ParseBool: parsing "yes": invalid syntax"#;
/// assert_eq!(wrong.to_string(), said);
/// # Ok::<(), node_lifecycle::behaviour::ParseFeatureGatesError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FeatureGateSettings(BTreeMap<String, bool>);

/// Why a list of feature gates was refused. The texts are the kubelet's where it has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseFeatureGatesError {
    /// No decision here reads a gate of that name.
    #[error("unknown feature gate `{name}`: expected one of {}", names())]
    Unknown {
        /// The name that was given.
        name: String,
    },
    /// An entry without `=`.
    #[error("malformed pair, expect string=bool")]
    Pair {
        /// The entry that was given.
        entry: String,
    },
    /// A value that is neither true nor false. Right are `true`, `false`, `True`, `False`, `TRUE`, `FALSE`, `t`,
    /// `f`, `T`, `F`, `1` and `0`.
    #[error("invalid value of {name}: {value}, err: strconv.ParseBool: parsing {value:?}: invalid syntax")]
    Value {
        /// The gate.
        name: String,
        /// The value that was given.
        value: String,
    },
}

fn names() -> String {
    Feature::ALL.iter().map(|feature| feature.name()).collect::<Vec<_>>().join(", ")
}

impl FromStr for FeatureGateSettings {
    type Err = ParseFeatureGatesError;
    fn from_str(text: &str) -> Result<Self, ParseFeatureGatesError> {
        text.split(',').filter(|entry| !entry.is_empty()).map(pair).collect()
    }
}

fn pair(entry: &str) -> Result<(String, bool), ParseFeatureGatesError> {
    let Some((name, value)) = entry.split_once('=') else {
        return Err(ParseFeatureGatesError::Pair { entry: entry.to_owned() });
    };
    let (name, value) = (name.trim(), value.trim());
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok((name.to_owned(), true)),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok((name.to_owned(), false)),
        _ => Err(ParseFeatureGatesError::Value { name: name.to_owned(), value: value.to_owned() }),
    }
}

impl fmt::Display for FeatureGateSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (name, enabled)) in self.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma}{name}={enabled}")?;
        }
        Ok(())
    }
}

impl FeatureGateSettings {
    /// What a gate, or a group, is set to; `None` where nothing sets it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<bool> {
        self.0.get(name).copied()
    }

    /// Sets a gate, or a group; gives what it was set to before.
    pub fn set(&mut self, name: impl Into<String>, enabled: bool) -> Option<bool> {
        self.0.insert(name.into(), enabled)
    }

    /// Every setting, in byte order of the names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, bool)> {
        self.0.iter().map(|(name, enabled)| (name.as_str(), *enabled))
    }

    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<String>> FromIterator<(N, bool)> for FeatureGateSettings {
    fn from_iter<I: IntoIterator<Item = (N, bool)>>(settings: I) -> Self {
        Self(settings.into_iter().map(|(name, enabled)| (name.into(), enabled)).collect())
    }
}

/// The later settings win, as those of a flag win over those of the files.
impl<N: Into<String>> Extend<(N, bool)> for FeatureGateSettings {
    fn extend<I: IntoIterator<Item = (N, bool)>>(&mut self, settings: I) {
        self.0.extend(settings.into_iter().map(|(name, enabled)| (name.into(), enabled)));
    }
}

impl IntoIterator for FeatureGateSettings {
    type Item = (String, bool);
    type IntoIter = btree_map::IntoIter<String, bool>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A name that switches all gates of a stage which nothing else sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GateGroup {
    /// `AllAlpha`.
    AllAlpha,
    /// `AllBeta`.
    AllBeta,
}

impl GateGroup {
    /// Both.
    pub const ALL: [Self; 2] = [Self::AllAlpha, Self::AllBeta];

    /// The group of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    /// Its name among the gates.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllAlpha => "AllAlpha",
            Self::AllBeta => "AllBeta",
        }
    }

    /// The stage of the gates that it switches.
    #[must_use]
    pub const fn stage(self) -> Stage {
        match self {
            Self::AllAlpha => Stage::Alpha,
            Self::AllBeta => Stage::Beta,
        }
    }
}
