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
    /// On its way out: a way back to what was before.
    Deprecated,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::GeneralAvailability => "GA",
            Self::Deprecated => "deprecated",
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
    /// The number of its enhancement proposal, if it has one.
    pub kep: Option<u32>,
    /// Every stage that it has reached, oldest first.
    pub history: &'static [Maturity],
    /// What it does, in a line.
    pub summary: &'static str,
}

/// A stage that a feature has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maturity {
    /// The stage.
    pub stage: Stage,
    /// The minor release of Kubernetes 1 in which it reached it: 32 is 1.32.
    pub since: u32,
    /// Whether it is on by default from then on.
    pub default: bool,
}

impl FeatureInfo {
    /// The stage that it has in the release 1.`minor`; `None` before it appeared.
    #[must_use]
    pub fn in_release(&self, minor: u32) -> Option<Maturity> {
        self.history.iter().rev().find(|maturity| maturity.since <= minor).copied()
    }
}

macro_rules! features {
    ($($name:ident: $(KEP $kep:literal,)? [$($stage:ident $since:literal $default:ident),+]: $summary:literal;)*) => {
        /// A feature gate that a decision of this crate reads, by Kubernetes' name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Feature {
            $(
                #[doc = concat!($summary, " (", $("KEP-", stringify!($kep), ":",)?
                    $(" ", stringify!($stage), " in 1.", stringify!($since), " and ", stringify!($default), ";",)+
                    " `on` and `off` are the defaults.)")]
                $name,
            )*
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
                        kep: features!(@kep $($kep)?),
                        history: &[$(Maturity {
                            stage: Stage::$stage,
                            since: $since,
                            default: features!(@default $default),
                        }),+],
                        summary: $summary,
                    },)*
                }
            }
        }
    };
    (@kep) => { None };
    (@kep $kep:literal) => { Some($kep) };
    (@default on) => { true };
    (@default off) => { false };
}

features! {
    AllowOverwriteTerminationGracePeriodSeconds: [Deprecated 32 off]:
        "A soft eviction may give a pod more grace than its own spec does.";
    ContainerRestartRules: KEP 5307, [Alpha 34 off, Beta 35 on]:
        "Containers have a restart policy of their own, and rules by exit code.";
    ContainerStopSignals: KEP 4960, [Alpha 33 off]:
        "A container names the signal that stops it.";
    CustomCPUCFSQuotaPeriod: KEP 2570, [Alpha 12 off]:
        "The period of CPU quotas can be set.";
    ImageMaximumGCAge: KEP 4210, [Alpha 29 off, Beta 30 on, GeneralAvailability 35 on]:
        "An image that nobody uses for long enough is removed, however much room there is.";
    ImageVolume: KEP 4639, [Alpha 31 off, Beta 33 off, Beta 35 on]:
        "The content of an image can be mounted as a volume.";
    InPlacePodLevelResourcesVerticalScaling: KEP 5419, [Alpha 35 off, Beta 36 on]:
        "Requests and limits of a pod as a whole can be changed while it runs.";
    InPlacePodVerticalScaling: KEP 1287, [Alpha 27 off, Beta 33 on, GeneralAvailability 35 on]:
        "Requests and limits of a running pod can be changed.";
    KubeletCrashLoopBackOffMax: KEP 4603, [Alpha 32 off, Beta 35 on]:
        "A node can lower the longest crash-loop back-off.";
    KubeletEnsureSecretPulledImages: KEP 2535, [Alpha 33 off, Beta 35 on]:
        "Whoever uses an image that a node has must be allowed to fetch it.";
    KubeletPSI: KEP 4205, [Alpha 33 off, Beta 34 on, GeneralAvailability 36 on]:
        "Pressure stall information is measured.";
    KubeletSeparateDiskGC: KEP 4191, [Alpha 29 off, Beta 31 on]:
        "Writeable layers and images can be on disks of their own.";
    KubeletServiceAccountTokenForCredentialProviders: KEP 4412, [Alpha 33 off, Beta 34 on]:
        "Credential provider plugins are given a token of the pod's service account.";
    PSINodeCondition: KEP 5394, [Alpha 36 off]:
        "Conditions of the node say that tasks wait for memory or for disks.";
    PodLevelResources: KEP 2837, [Alpha 32 off, Beta 34 on]:
        "A pod has resource requests and limits of its own.";
    PodObservedGenerationTracking: KEP 5067, [Alpha 33 off, Beta 34 on, GeneralAvailability 35 on]:
        "A pod's status says which generation of its spec it is of.";
    PodReadyToStartContainersCondition: KEP 3085, [Alpha 28 off, Beta 29 on]:
        "A condition says whether a pod has its sandbox and its network.";
    ReduceDefaultCrashLoopBackOffDecay: KEP 4603, [Alpha 33 off]:
        "Crash-loop back-off starts at 1 s and ends at 1 min.";
    RestartAllContainersOnContainerExits: KEP 5532, [Alpha 35 off, Beta 36 on]:
        "The exit of one container can restart all containers of its pod.";
    RuntimeClassInImageCriApi: KEP 4216, [Alpha 29 off]:
        "An image is pulled, kept and removed for each runtime handler apart.";
    SidecarsRestartableDuringPodTermination: KEP 4438, [Alpha 37 off]:
        "A sidecar that ends while its pod goes is restarted as long as it is needed.";
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
    fn defaults_follow_the_release() {
        let [old, new] = [32, 34].map(FeatureGates::of_release);
        assert!(!old.enabled(Feature::PodLevelResources) && new.enabled(Feature::PodLevelResources));
        for feature in Feature::ALL {
            let history = feature.info().history;
            assert!(history.is_sorted_by_key(|maturity| (maturity.since, maturity.stage)), "{feature}");
        }
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
