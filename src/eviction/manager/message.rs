//! What happens to the manager, and what it asks for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::{Quantity, Uid};
use crate::eviction::{Disks, Observation, Pressures, Resource, Signal};
use crate::machine::OperationId;
use crate::pod::{KillPodOptions, StatusOverride, Verdict};

/// What can happen to the manager.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// What came of an action. An operation that is not in flight is passed over.
    Done {
        /// The action's operation.
        operation: OperationId,
        /// What came of it.
        outcome: Outcome,
    },
    /// Nothing of an evicted pod runs any more, and what it held is given back.
    CleanedUp(Uid),
    /// The kernel says that memory has fallen below a threshold, so that it is time to look.
    MemoryNotification,
    /// The agent starts, or has been restarted: operations in flight are void.
    AgentStarted {
        /// The number of the agent's life, higher than any before.
        epoch: u32,
    },
}

/// What came of an action.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Outcome {
    /// What is known of the node: to [`Action::Observe`].
    Observed(Arc<Observation>),
    /// The stats could not be read; the disks may be known all the same: to [`Action::Observe`].
    StatsFailed {
        /// Why.
        error: Arc<str>,
        /// What the runtime says about them.
        disks: Box<Disks>,
    },
    /// What can go has gone: to [`Action::Reclaim`].
    Reclaimed {
        /// How many bytes that freed, if anyone counted.
        freed_bytes: Option<u64>,
    },
    /// The pod goes, even if that ends late or with an error: to [`Action::Evict`].
    Accepted,
    /// It failed, and why. A pod whose eviction fails stays.
    Failed(Arc<str>),
}

/// What the manager asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Look at the node anew: its stats as of now, its active pods, its disks.
    Observe {
        /// The operation, answered by [`Outcome::Observed`].
        operation: OperationId,
    },
    /// Free what no pod needs.
    Reclaim {
        /// The operation, answered by [`Outcome::Reclaimed`].
        operation: OperationId,
        /// What can go.
        what: NodeReclaim,
    },
    /// Stop a pod for good; record the warning `Evicted` with its message and annotations.
    Evict(Box<Eviction>),
    /// The conditions that the node has from now on.
    SetPressures(Pressures),
    /// Record the warning `EvictionThresholdMet` on the node.
    ThresholdMet(Resource),
    /// Something that should not be. Nobody has to act.
    Note(Note),
}

/// What a node can free before a pod has to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NodeReclaim {
    /// All dead containers.
    Containers,
    /// All images that no container uses.
    Images,
}

/// A pod that has to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eviction {
    /// The operation, answered by [`Outcome::Accepted`].
    pub operation: OperationId,
    /// Which pod.
    pub uid: Uid,
    /// What its status says, and how much grace it has.
    pub verdict: Verdict,
    /// What the event on the pod says beside its message. None where a limit of its own is what it exceeded.
    pub annotations: Option<EvictionAnnotations>,
}

/// What the event on an evicted pod says for programs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EvictionAnnotations {
    /// What the node was short of; `None` where nothing is known of what the pod used.
    pub starved_resource: Option<Resource>,
    /// The containers that used more of it than they requested, and how much.
    pub offending_containers: Vec<(Arc<str>, Quantity)>,
}

/// Something that should not be, and what is made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "note")]
#[non_exhaustive]
pub enum Note {
    /// The node could not be observed; it is looked at again after the monitoring interval.
    ObservationFailed {
        /// Why.
        error: Arc<str>,
    },
    /// A signal with a threshold was not observed: its threshold stays as it was, and drives no eviction.
    Unobserved {
        /// Which one.
        signal: Signal,
    },
    /// It is not known how the disks are laid out: no pod is evicted for one. Said at each tick.
    LayoutUnknown {
        /// Why.
        error: Arc<str>,
    },
    /// Images and writeable layers are on disks of their own, and the gate `KubeletSeparateDiskGC` is off: no pod is
    /// evicted for a disk. Said at each tick.
    LayoutUnsupported,
    /// Several pods have the same UID: the first counts.
    DuplicatePod {
        /// The UID.
        uid: Uid,
    },
    /// What was to be freed could not be.
    ReclaimFailed {
        /// What.
        what: NodeReclaim,
        /// Why.
        error: Arc<str>,
    },
    /// An eviction was refused: the pod stays, and the next tick chooses again.
    EvictionRefused {
        /// Which pod.
        uid: Uid,
        /// Why.
        error: Arc<str>,
    },
    /// An operation was not answered in time, and is given up.
    TimedOut {
        /// Which one.
        operation: OperationId,
    },
    /// Pods that were evicted have not been cleaned up in time: the node is looked at all the same.
    CleanupTimedOut {
        /// How many.
        pods: u32,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ObservationFailed { error } => write!(f, "the node could not be observed: {error}"),
            Self::Unobserved { signal } => {
                write!(f, "{signal} was not observed: no pod is evicted for it")
            }
            Self::LayoutUnknown { error } => {
                write!(f, "it is not known how the disks are laid out: {error}: no pod is evicted for a disk")
            }
            Self::LayoutUnsupported => f.write_str(
                "images and writeable layers are on disks of their own, and KubeletSeparateDiskGC is off: \
                 no pod is evicted for a disk",
            ),
            Self::DuplicatePod { uid } => write!(f, "several pods have the UID {uid}: the first counts"),
            Self::ReclaimFailed { what, error } => write!(f, "{what} could not be freed: {error}"),
            Self::EvictionRefused { uid, error } => {
                write!(f, "the eviction of {uid} was refused: {error}: the next tick chooses again")
            }
            Self::TimedOut { operation } => write!(f, "operation {operation} was not answered in time"),
            Self::CleanupTimedOut { pods } => {
                write!(f, "{pods} evicted pods were not cleaned up in time")
            }
        }
    }
}

impl fmt::Display for NodeReclaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Containers => "dead containers",
            Self::Images => "unused images",
        })
    }
}

impl Eviction {
    /// The reason in the status of an evicted pod.
    pub const REASON: &'static str = "Evicted";

    /// The same for [`Workers`](crate::pod::Workers) and [`Pods`](crate::pod::Pods).
    #[must_use]
    pub fn kill_options(&self) -> KillPodOptions {
        let Verdict { reason, message, grace_seconds, disruption, spares_succeeded } = self.verdict.clone();
        KillPodOptions {
            evict: true,
            grace_period_seconds_override: grace_seconds,
            status: Some(Arc::new(StatusOverride { reason, message, disruption, spares_succeeded })),
            completed: None,
        }
    }
}

impl EvictionAnnotations {
    /// As they stand on the event.
    #[must_use]
    pub fn to_map(&self) -> BTreeMap<&'static str, String> {
        let Some(resource) = self.starved_resource else { return BTreeMap::new() };
        let join = |of: fn(&(Arc<str>, Quantity)) -> String| {
            self.offending_containers.iter().map(of).collect::<Vec<_>>().join(",")
        };
        BTreeMap::from([
            ("offending_containers", join(|(name, _)| name.to_string())),
            ("offending_containers_usage", join(|(_, usage)| usage.to_kubelet_string())),
            ("starved_resource", resource.to_string()),
        ])
    }
}
