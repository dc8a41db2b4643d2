//! What garbage collection looks at, and what it asks for.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::api::{ContainerId, SandboxId, Uid};
use crate::container::SandboxState;
use crate::machine::Timestamp;

/// How many dead containers stay, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GcPolicy {
    /// How long ago a container was made, at the least, when it is removed.
    pub min_age: Duration,
    /// How many dead instances of each container of a pod stay; `None`: any number.
    pub max_per_pod_container: Option<usize>,
    /// How many dead containers stay on the node; `None`: any number.
    pub max_containers: Option<usize>,
}

impl Default for GcPolicy {
    /// The kubelet's defaults: no minimum age, one a container, any number in all.
    fn default() -> Self {
        Self { min_age: Duration::ZERO, max_per_pod_container: Some(1), max_containers: None }
    }
}

/// What is looked at in one collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GcScope {
    /// Dead containers.
    Containers,
    /// Dead sandboxes.
    Sandboxes,
    /// Containers, then sandboxes, then log folders.
    #[default]
    All,
}

impl GcScope {
    pub(super) const fn containers(self) -> bool {
        matches!(self, Self::Containers | Self::All)
    }

    pub(super) const fn sandboxes(self) -> bool {
        matches!(self, Self::Sandboxes | Self::All)
    }

    pub(super) const fn log_directories(self) -> bool {
        matches!(self, Self::All)
    }
}

/// What is known of the pods when a collection begins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GcContext {
    /// The time.
    pub now: Timestamp,
    /// What is looked at.
    pub scope: GcScope,
    /// The pods that are gone for good: nothing of them is needed any more.
    pub gone: BTreeSet<Uid>,
    /// The pods whose containers have ended for good, although the pods are not gone.
    pub ended: BTreeSet<Uid>,
    /// Whether room is needed, so that the containers of pods that have [ended](Self::ended) go too.
    pub evict_ended: bool,
    /// Whether every source of pods has been heard. Before that a pod that nobody named may still come, so
    /// no container and no log goes because its pod is gone. (A sandbox does: another can be made.)
    pub all_sources_ready: bool,
}

impl GcContext {
    /// Why everything that is dead of a pod may go, if it may.
    pub(super) fn whole_pod(&self, pod: &Uid) -> Option<GcReason> {
        if self.gone.contains(pod) {
            Some(GcReason::PodGone)
        } else if self.evict_ended && self.ended.contains(pod) {
            Some(GcReason::PodEnded)
        } else {
            None
        }
    }
}

/// What the runtime and the disk list.
///
/// `None` stands for a listing that failed or was not made. What follows from it is left alone: without
/// containers no sandbox goes either, for nobody knows which of them still hold one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GcInventory {
    /// All containers, those that run included.
    pub containers: Option<Vec<ListedContainer>>,
    /// All sandboxes.
    pub sandboxes: Option<Vec<ListedSandbox>>,
    /// The names of the pods' log folders, `<namespace>_<name>_<uid>`.
    pub log_directories: Option<Vec<String>>,
}

/// A container in the runtime's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedContainer {
    /// The instance.
    pub id: ContainerId,
    /// Its pod.
    pub pod: Uid,
    /// The sandbox that it is in.
    pub sandbox: SandboxId,
    /// The container's name in the pod.
    pub name: Arc<str>,
    /// What it does.
    pub state: ListedState,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a listed container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ListedState {
    /// It has been made and not started.
    Created,
    /// It runs.
    Running,
    /// It has ended.
    Exited,
    /// The runtime does not know; it may run.
    Unknown,
}

/// A sandbox in the runtime's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedSandbox {
    /// The sandbox.
    pub id: SandboxId,
    /// Its pod.
    pub pod: Uid,
    /// Whether it can run containers.
    pub state: SandboxState,
    /// When it was made.
    pub created_at: Timestamp,
}

/// One thing that is to be removed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Removal {
    /// What.
    pub target: GcTarget,
    /// The pod that it belongs to.
    pub pod: Uid,
    /// Why.
    pub reason: GcReason,
}

/// What is removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum GcTarget {
    /// A container.
    #[serde(rename_all = "camelCase")]
    Container {
        /// The instance.
        id: ContainerId,
        /// The container's name in the pod.
        name: Arc<str>,
        /// Whether it has to be stopped first, because it may run. Where that fails it is not removed, and
        /// the removal has failed.
        stop_first: bool,
    },
    /// A sandbox. It is always stopped first, which frees its network; where that fails it is not removed,
    /// and the removal has failed.
    Sandbox {
        /// The sandbox.
        id: SandboxId,
    },
    /// The log folder of a pod, with everything in it.
    LogDirectory {
        /// The folder's name.
        name: String,
    },
}

/// Why something is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
#[non_exhaustive]
pub enum GcReason {
    /// Its pod is gone for good.
    PodGone,
    /// Its pod has ended for good and room is needed.
    PodEnded,
    /// There are more dead instances of one container than are kept.
    PerPodContainer {
        /// How many there were.
        dead: usize,
        /// How many are kept.
        limit: usize,
    },
    /// There are more dead containers on the node than are kept, and more of this one than its equal share.
    Share {
        /// How many there were on the node.
        dead: usize,
        /// How many are kept on the node.
        limit: usize,
        /// How many are kept of each container.
        share: usize,
    },
    /// There are more dead containers on the node than are kept, and this is the oldest.
    Total {
        /// How many there were on the node.
        dead: usize,
        /// How many are kept on the node.
        limit: usize,
    },
    /// Its pod has a newer sandbox.
    Replaced,
}

impl fmt::Display for GcReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PodGone => f.write_str("its pod is gone"),
            Self::PodEnded => f.write_str("its pod has ended and room is needed"),
            Self::PerPodContainer { dead, limit } => {
                write!(f, "{dead} of its kind are dead, the newest {limit} are kept")
            }
            Self::Share { dead, limit, share } => write!(
                f,
                "{dead} containers of the node are dead, {limit} are kept: of each kind the newest {share}"
            ),
            Self::Total { dead, limit } => {
                write!(f, "{dead} containers of the node are dead, the newest {limit} are kept")
            }
            Self::Replaced => f.write_str("its pod has a newer sandbox"),
        }
    }
}

impl fmt::Display for GcTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container { id, .. } => write!(f, "container {id}"),
            Self::Sandbox { id } => write!(f, "sandbox {id}"),
            Self::LogDirectory { name } => write!(f, "log folder {name}"),
        }
    }
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.target, self.reason)
    }
}
