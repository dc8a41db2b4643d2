//! The feature gates: which there are, which are on, and which of them decisions read.

mod effective;
mod info;
mod settings;
mod table;

pub use effective::{
    EffectiveGate, EffectiveGates, FeatureGateError, FeatureGateErrors, FeatureGateNote, GateRegistry,
    GateSource, GateState,
};
pub use info::{Component, FeatureInfo, Maturity, Stage, StageCounts};
pub use settings::{FeatureGateSettings, GateGroup, ParseFeatureGatesError};
pub use table::Feature;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

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

/// Which feature gates are on. The default is what Kubernetes 1.32 ships; [`of_release`](Self::of_release) has
/// the others.
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

impl FeatureGates {
    /// The minor release of Kubernetes 1 that the defaults are of.
    pub const BASELINE: u32 = 32;

    /// The defaults of the release 1.`minor`. A gate that is newer is off.
    #[must_use]
    pub fn of_release(minor: u32) -> Self {
        let is_on = |feature: &Feature| feature.info().in_release(minor).is_some_and(|it| it.default);
        Feature::ALL.iter().fold(Self(0), |gates, feature| gates.with(*feature, is_on(feature)))
    }
}

impl Default for FeatureGates {
    fn default() -> Self {
        Self::of_release(Self::BASELINE)
    }
}

impl FromStr for FeatureGates {
    type Err = ParseFeatureGatesError;
    fn from_str(text: &str) -> Result<Self, ParseFeatureGatesError> {
        Self::try_from(&text.parse::<FeatureGateSettings>()?)
    }
}

impl TryFrom<&FeatureGateSettings> for FeatureGates {
    type Error = ParseFeatureGatesError;
    /// The defaults, with what is set. Every gate that a decision reads can be set, however new or old it is;
    /// [`GateRegistry::apply`] judges settings as a kubelet of some release does.
    fn try_from(settings: &FeatureGateSettings) -> Result<Self, ParseFeatureGatesError> {
        settings
            .iter()
            .try_fold(Self::default(), |gates, (name, enabled)| Ok(gates.with(name.parse()?, enabled)))
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
        Self::try_from(&FeatureGateSettings::deserialize(deserializer)?).map_err(de::Error::custom)
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
    fn defaults_follow_the_release() {
        let [old, new] = [32, 34].map(FeatureGates::of_release);
        assert!(!old.enabled(Feature::PodLevelResources) && new.enabled(Feature::PodLevelResources));
    }

    #[test]
    fn a_wrong_gate_is_named() {
        let wrong = "PodLevelResources=yes".parse::<FeatureGates>().unwrap_err();
        let text = r#"invalid value of PodLevelResources: yes, err: strconv.ParseBool: parsing "yes": invalid syntax"#;
        assert_eq!(wrong.to_string(), text);
        let unknown = "Sidecars=true".parse::<FeatureGates>().unwrap_err().to_string();
        assert!(unknown.starts_with("unknown feature gate `Sidecars`"), "{unknown}");
    }
}
