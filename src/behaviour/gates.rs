//! The feature gates that decisions of this crate read.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How mature a feature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Off by default, may change or go.
    Alpha,
    /// Complete, usually on by default.
    Beta,
    /// Generally available.
    #[serde(rename = "GA")]
    GeneralAvailability,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::GeneralAvailability => "GA",
        })
    }
}

/// What is known of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeatureInfo {
    /// The gate.
    pub feature: Feature,
    /// Kubernetes' name of the gate.
    pub name: &'static str,
    /// The stage in which it first appeared.
    pub stage: Stage,
    /// The release in which it first appeared.
    pub since: &'static str,
    /// The number of its enhancement proposal.
    pub kep: u32,
    /// Whether a Kubernetes 1.32 has it on. A gate that is newer than 1.32 is off.
    pub default: bool,
    /// What it does, in a line.
    pub summary: &'static str,
}

macro_rules! features {
    ($($name:ident: $stage:ident since $since:literal, KEP $kep:literal, default $default:literal: $summary:literal;)*) => {
        /// A feature gate that a decision of this crate reads, by Kubernetes' name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Feature {
            $(#[doc = concat!($summary, " (KEP-", stringify!($kep), ", since ", $since, ".)")] $name,)*
        }

        impl Feature {
            /// Every gate, in alphabetical order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// What is known of it.
            #[must_use]
            pub const fn info(self) -> FeatureInfo {
                match self {
                    $(Self::$name => FeatureInfo {
                        feature: self,
                        name: stringify!($name),
                        stage: Stage::$stage,
                        since: $since,
                        kep: $kep,
                        default: $default,
                        summary: $summary,
                    },)*
                }
            }
        }
    };
}

features! {
    ContainerRestartRules: Alpha since "1.34", KEP 5307, default false:
        "Containers have a restart policy of their own.";
    CustomCPUCFSQuotaPeriod: Alpha since "1.12", KEP 2570, default false:
        "The period of CPU quotas can be set.";
    KubeletCrashLoopBackOffMax: Alpha since "1.32", KEP 4603, default false:
        "A node can lower the longest crash-loop back-off.";
    PodLevelResources: Alpha since "1.32", KEP 2837, default false:
        "A pod has resource requests and limits of its own.";
    ReduceDefaultCrashLoopBackOffDecay: Alpha since "1.33", KEP 4603, default false:
        "Crash-loop back-off starts at 1 s and ends at 1 min.";
}

impl Feature {
    /// Kubernetes' name of the gate.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.info().name
    }

    const fn bit(self) -> u64 {
        1 << self as u32
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Feature {
    type Err = ParseFeatureGatesError;
    fn from_str(name: &str) -> Result<Self, ParseFeatureGatesError> {
        Self::ALL
            .iter()
            .copied()
            .find(|feature| feature.name() == name)
            .ok_or_else(|| ParseFeatureGatesError::Unknown { name: name.to_owned() })
    }
}

/// Which feature gates are on. The default is what Kubernetes 1.32 ships.
///
/// Reads and prints the form of the kubelet's `--feature-gates` flag; in serde it is a map.
///
/// ```
/// use node_lifecycle::behaviour::{Feature, FeatureGates};
///
/// let gates: FeatureGates = "ContainerRestartRules=true".parse()?;
/// assert!(gates.enabled(Feature::ContainerRestartRules));
/// assert!("ContainerRestartRule=true".parse::<FeatureGates>().is_err());
/// # Ok::<(), node_lifecycle::behaviour::ParseFeatureGatesError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct FeatureGates(u64);

/// Why a list of feature gates was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseFeatureGatesError {
    /// No gate of that name is read here.
    #[error("unknown feature gate `{name}`: expected one of {}", names())]
    Unknown {
        /// The name that was given.
        name: String,
    },
    /// An entry that is not `NAME=true` or `NAME=false`.
    #[error("`{entry}` is no feature gate setting: expected NAME=true or NAME=false")]
    Form {
        /// The entry that was given.
        entry: String,
    },
}

fn names() -> String {
    Feature::ALL.iter().map(|feature| feature.name()).collect::<Vec<_>>().join(", ")
}

impl FeatureGates {
    /// Whether a gate is on.
    #[must_use]
    pub const fn enabled(self, feature: Feature) -> bool {
        self.0 & feature.bit() != 0
    }

    /// Switches a gate.
    pub const fn set(&mut self, feature: Feature, enabled: bool) {
        if enabled {
            self.0 |= feature.bit();
        } else {
            self.0 &= !feature.bit();
        }
    }

    /// The same gates with one of them switched.
    #[must_use]
    pub const fn with(mut self, feature: Feature, enabled: bool) -> Self {
        self.set(feature, enabled);
        self
    }
}

impl Default for FeatureGates {
    fn default() -> Self {
        Feature::ALL.iter().fold(Self(0), |gates, feature| gates.with(*feature, feature.info().default))
    }
}

impl FromStr for FeatureGates {
    type Err = ParseFeatureGatesError;
    fn from_str(text: &str) -> Result<Self, ParseFeatureGatesError> {
        let mut gates = Self::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let form = || ParseFeatureGatesError::Form { entry: entry.to_owned() };
            let (name, value) = entry.split_once('=').ok_or_else(form)?;
            gates.set(name.trim().parse()?, value.trim().parse().map_err(|_| form())?);
        }
        Ok(gates)
    }
}

impl fmt::Display for FeatureGates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, feature) in Feature::ALL.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma}{feature}={}", self.enabled(*feature))?;
        }
        Ok(())
    }
}

impl fmt::Debug for FeatureGates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for FeatureGates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Feature::ALL.iter().map(|feature| (feature.name(), self.enabled(*feature))))
    }
}

impl<'de> Deserialize<'de> for FeatureGates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut gates = Self::default();
        for (name, enabled) in std::collections::BTreeMap::<String, bool>::deserialize(deserializer)? {
            gates.set(name.parse().map_err(de::Error::custom)?, enabled);
        }
        Ok(gates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_round_trip_as_a_flag_and_as_a_map() {
        let gates = FeatureGates::default().with(Feature::PodLevelResources, true);
        assert_eq!(gates.to_string().parse(), Ok(gates));
        let json = serde_json::to_string(&gates).unwrap();
        assert_eq!(serde_json::from_str::<FeatureGates>(&json).unwrap(), gates);
    }

    #[test]
    fn a_wrong_gate_is_named() {
        let wrong = "PodLevelResources=yes".parse::<FeatureGates>().unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "`PodLevelResources=yes` is no feature gate setting: expected NAME=true or NAME=false"
        );
        let unknown = "Sidecars=true".parse::<FeatureGates>().unwrap_err().to_string();
        assert!(unknown.starts_with("unknown feature gate `Sidecars`"), "{unknown}");
    }
}
