//! What is valid and dangerous.

use std::fmt;

use crate::api::Quantity;
use crate::behaviour::FeatureGateNote;
use crate::eviction::{Signal, Threshold, ThresholdNotice, ThresholdValue};

/// Something that is valid and dangerous. Its text says what to do about it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ConfigWarning {
    /// Pods are evicted for a full disk of images before images are removed from it.
    EvictionBeforeImageGc {
        /// `imageGCHighThresholdPercent`.
        high_threshold_percent: i32,
        /// The threshold.
        threshold: Threshold,
        /// How full the disk is when it is met, in percent.
        full_percent: f32,
    },
    /// Nothing removes images that nobody uses, except evictions.
    ImagesAreNeverRemoved,
    /// A soft threshold is never met before the hard one.
    SoftThresholdWithoutReach {
        /// The signal.
        signal: Signal,
        /// The soft one.
        soft: ThresholdValue,
        /// The hard one.
        hard: ThresholdValue,
    },
    /// Pods that are evicted for a soft threshold have no time to end.
    SoftEvictionWithoutGrace,
    /// Something about a text of a threshold.
    Threshold(ThresholdNotice),
    /// As much is reserved as the node has, or more.
    ReservedBeyondCapacity {
        /// The resource.
        resource: String,
        /// What the system, the agent and the hard thresholds have.
        reserved: Quantity,
        /// What the node has.
        capacity: Quantity,
    },
    /// `reservedSystemCPUs` counts instead of what is reserved of `cpu`.
    ReservedCpusOverride {
        /// How many CPUs they are.
        cpus: i64,
    },
    /// A cgroup is held to a reservation that is not there.
    NothingToEnforce {
        /// `systemReserved` or `kubeReserved`.
        field: &'static str,
    },
    /// Pods within their limits can use up the node's process ids.
    PidsOvercommitted {
        /// `maxPods`.
        pods: i32,
        /// `podPidsLimit`.
        limit: i64,
        /// How many the node has for pods.
        available: i64,
    },
    /// A shutdown leaves pods no time at all.
    NoShutdownTimeForPods,
    /// A shutdown leaves critical pods no time at all.
    NoShutdownTimeForCriticalPods,
    /// A shutdown leaves pods less time than they have by default.
    ShortShutdown {
        /// Seconds that a shutdown leaves.
        seconds: i64,
        /// Seconds that a pod has.
        pod_seconds: i64,
    },
    /// Evicted pods may have more time than a shutdown leaves.
    GraceBeyondShutdown {
        /// `evictionMaxPodGracePeriod`, in seconds.
        grace: i64,
        /// Seconds that a shutdown leaves.
        seconds: i64,
    },
    /// Two entries are for the same priority.
    DoubledShutdownPriority {
        /// The priority.
        priority: i32,
    },
    /// Anyone who reaches the node may run commands in its containers.
    OpenServer,
    /// Anyone who reaches the node may read what runs there.
    ReadOnlyPort {
        /// The port.
        port: i32,
    },
    /// Containers may swap on a node that may not.
    SwapIsRefused,
    /// Something about a feature gate.
    FeatureGate(FeatureGateNote),
}

impl From<ThresholdNotice> for ConfigWarning {
    fn from(notice: ThresholdNotice) -> Self {
        Self::Threshold(notice)
    }
}

impl From<FeatureGateNote> for ConfigWarning {
    fn from(note: FeatureGateNote) -> Self {
        Self::FeatureGate(note)
    }
}

impl ConfigWarning {
    /// The field that it is about, so that it can be looked up who set it.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::EvictionBeforeImageGc { .. } | Self::ImagesAreNeverRemoved => "imageGCHighThresholdPercent",
            Self::SoftThresholdWithoutReach { signal, .. } => return format!("evictionSoft.{signal}"),
            Self::SoftEvictionWithoutGrace | Self::GraceBeyondShutdown { .. } => "evictionMaxPodGracePeriod",
            Self::Threshold(ThresholdNotice::SwitchedOff { field, signal, .. }) => {
                return format!("{field}.{signal}");
            }
            Self::Threshold(_) => "evictionHard",
            Self::ReservedBeyondCapacity { resource, .. } => return format!("kubeReserved.{resource}"),
            Self::ReservedCpusOverride { .. } => "reservedSystemCPUs",
            Self::NothingToEnforce { field } => field,
            Self::PidsOvercommitted { .. } => "podPidsLimit",
            Self::NoShutdownTimeForPods
            | Self::NoShutdownTimeForCriticalPods
            | Self::ShortShutdown { .. } => "shutdownGracePeriod",
            Self::DoubledShutdownPriority { .. } => "shutdownGracePeriodByPodPriority",
            Self::OpenServer => "authentication.anonymous.enabled",
            Self::ReadOnlyPort { .. } => "readOnlyPort",
            Self::SwapIsRefused => "failSwapOn",
            Self::FeatureGate(note) => return format!("featureGates.{}", note.name()),
        }
        .to_owned()
    }
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EvictionBeforeImageGc { high_threshold_percent: high, threshold, full_percent: full } => {
                write!(
                    f,
                    "imageGCHighThresholdPercent: images are removed from {high} % full on, and {threshold} is met from \
                     {full} % full on, so that pods are evicted first: set it to {} or less",
                    full.floor()
                )
            }
            Self::ImagesAreNeverRemoved => f.write_str(
                "imageGCHighThresholdPercent: at 100 no image is removed before the disk is so full that pods are \
                 evicted: set it below 100, or imageMaximumGCAge",
            ),
            Self::SoftThresholdWithoutReach { signal, soft, hard } => write!(
                f,
                "evictionSoft.{signal}: {soft} is not above the hard threshold of {hard}, so that it is never met \
                 alone: raise it, or take it out"
            ),
            Self::SoftEvictionWithoutGrace => f.write_str(
                "evictionMaxPodGracePeriod: at 0 pods that are evicted for a soft threshold are killed at once: set \
                 the most seconds that they may have",
            ),
            Self::Threshold(notice) => notice.fmt(f),
            Self::ReservedBeyondCapacity { resource, reserved, capacity } => write!(
                f,
                "{resource}: of the {capacity} of the node {reserved} are reserved by systemReserved, kubeReserved and \
                 evictionHard, which leaves nothing to pods: reserve less"
            ),
            Self::ReservedCpusOverride { cpus } => write!(
                f,
                "reservedSystemCPUs: its {cpus} CPUs count, and what systemReserved and kubeReserved say of cpu does \
                 not: take one of the two out"
            ),
            Self::NothingToEnforce { field } => write!(
                f,
                "{field}: enforceNodeAllocatable holds its cgroup to it, and it is empty: set it, or enforce less"
            ),
            Self::PidsOvercommitted { pods, limit, available } => write!(
                f,
                "podPidsLimit: {pods} pods with {limit} process ids each can use up the {available} that the node has \
                 for them: lower it or maxPods, or set evictionHard of pid.available"
            ),
            Self::NoShutdownTimeForPods => f.write_str(
                "shutdownGracePeriod: a shutdown of the node kills pods at once: give them more than the critical ones \
                 take of it",
            ),
            Self::NoShutdownTimeForCriticalPods => f.write_str(
                "shutdownGracePeriod: a shutdown of the node kills critical pods at once: set \
                 shutdownGracePeriodCriticalPods",
            ),
            Self::ShortShutdown { seconds, pod_seconds } => write!(
                f,
                "shutdownGracePeriod: a shutdown of the node leaves pods {seconds} s, and by default they have \
                 {pod_seconds} s to end: give them as much"
            ),
            Self::GraceBeyondShutdown { grace, seconds } => write!(
                f,
                "evictionMaxPodGracePeriod: an evicted pod may have {grace} s, and a shutdown of the node leaves \
                 {seconds} s: lower it, or give shutdowns more time"
            ),
            Self::DoubledShutdownPriority { priority } => write!(
                f,
                "shutdownGracePeriodByPodPriority: the priority {priority} is there twice: keep one of the two"
            ),
            Self::OpenServer => f.write_str(
                "authentication.anonymous.enabled: anyone who reaches the node may run commands in its containers, \
                 since authorization.mode is AlwaysAllow: set it to false, or the mode to Webhook",
            ),
            Self::ReadOnlyPort { port } => write!(
                f,
                "readOnlyPort: anyone who reaches port {port} may read what runs on the node: set it to 0"
            ),
            Self::SwapIsRefused => f.write_str(
                "failSwapOn: memorySwap lets containers swap, and with this the agent does not start on a node that \
                 can: set it to false",
            ),
            Self::FeatureGate(note) => write!(f, "featureGates.{}: {note}", note.name()),
        }
    }
}
