//! What is known of a feature gate.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Feature;
use super::table;

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

/// A part of Kubernetes that reads gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Component {
    /// `kube-apiserver`.
    ApiServer,
    /// `cloud-controller-manager`.
    CloudControllerManager,
    /// `kube-controller-manager`.
    ControllerManager,
    /// `kube-proxy`.
    KubeProxy,
    /// The kubelet.
    Kubelet,
    /// `kube-scheduler`.
    Scheduler,
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiServer => "kube-apiserver",
            Self::CloudControllerManager => "cloud-controller-manager",
            Self::ControllerManager => "kube-controller-manager",
            Self::KubeProxy => "kube-proxy",
            Self::Kubelet => "kubelet",
            Self::Scheduler => "kube-scheduler",
        })
    }
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
    /// Whether it can no longer be switched to anything but the default.
    pub locked: bool,
}

/// What is known of a feature gate.
///
/// ```
/// use node_lifecycle::behaviour::{Feature, FeatureInfo, Stage};
///
/// let age = FeatureInfo::named("ImageMaximumGCAge").expect("Kubernetes has it");
/// assert_eq!((age.kep, age.feature), (Some(4210), Some(Feature::ImageMaximumGCAge)));
/// let [alpha, beta] = [29, 32].map(|minor| age.in_release(minor).map(|it| (it.stage, it.default)));
/// assert_eq!((alpha, beta), (Some((Stage::Alpha, false)), Some((Stage::Beta, true))));
///
/// // A gate goes some releases after its feature is generally available.
/// let cpu = FeatureInfo::named("CPUManager").expect("Kubernetes had it");
/// assert!(cpu.in_release(32).is_some_and(|it| it.locked));
/// assert_eq!((cpu.removed, cpu.in_release(33)), (Some(33), None));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeatureInfo {
    /// Kubernetes' name of the gate.
    pub name: &'static str,
    /// The gate as machines take it; `None` where no decision of this crate reads it.
    pub feature: Option<Feature>,
    /// The number of its enhancement proposal, where one is known.
    pub kep: Option<u32>,
    /// The parts of Kubernetes that read it, in alphabetical order. (Every part accepts every gate.)
    pub components: &'static [Component],
    /// Every stage that it has reached, oldest first, as far as [1.36](Self::NEWEST) knows. Empty where a
    /// proposal names the gate and no release has it.
    pub history: &'static [Maturity],
    /// The minor release that does not know it any more: 33 is 1.33.
    pub removed: Option<u32>,
    /// The gates that must be on for this one to be on, in alphabetical order, as 1.36 states them (the first
    /// release to do so was 1.35).
    pub dependencies: &'static [&'static str],
    /// What it does, in a line.
    pub summary: &'static str,
}

impl FeatureInfo {
    /// The oldest release of which all gates are here: those that had gone by then are not.
    pub const OLDEST: u32 = 29;
    /// The newest release of which all gates are here.
    pub const NEWEST: u32 = 36;

    /// Every gate, in the byte order of the names.
    pub fn all() -> impl ExactSizeIterator<Item = &'static Self> + Clone {
        table::GATES.iter().copied()
    }

    /// The gate of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        let found = table::GATES.binary_search_by(|info| info.name.cmp(name)).ok()?;
        table::GATES.get(found).copied()
    }

    /// The stage that it has in the release 1.`minor`; `None` before it appeared and once it is gone. A release
    /// after [`NEWEST`](Self::NEWEST) is answered as that one is.
    #[must_use]
    pub fn in_release(&self, minor: u32) -> Option<Maturity> {
        if self.removed.is_some_and(|removed| removed <= minor) {
            return None;
        }
        self.history.iter().rev().find(|maturity| maturity.since <= minor).copied()
    }

    /// Whether a part of Kubernetes reads it.
    #[must_use]
    pub fn is_read_by(&self, component: Component) -> bool {
        self.components.contains(&component)
    }
}

/// How many gates there are at each stage. Collects from any selection of gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StageCounts {
    /// Gates at alpha.
    pub alpha: usize,
    /// Gates at beta.
    pub beta: usize,
    /// Gates of what is generally available.
    pub general_availability: usize,
    /// Gates on their way out.
    pub deprecated: usize,
}

impl StageCounts {
    /// All of them.
    #[must_use]
    pub const fn total(self) -> usize {
        self.alpha + self.beta + self.general_availability + self.deprecated
    }
}

impl FromIterator<Stage> for StageCounts {
    fn from_iter<I: IntoIterator<Item = Stage>>(stages: I) -> Self {
        let mut counts = Self::default();
        for stage in stages {
            *match stage {
                Stage::Alpha => &mut counts.alpha,
                Stage::Beta => &mut counts.beta,
                Stage::GeneralAvailability => &mut counts.general_availability,
                Stage::Deprecated => &mut counts.deprecated,
            } += 1;
        }
        counts
    }
}
