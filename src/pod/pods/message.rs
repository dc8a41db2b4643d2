//! What happens to the pods of a node, and what is to be done about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::api::{ContainerId, Uid};
use crate::container::{KeptWithContainer, PodRecords};
use crate::machine::{OperationId, Timestamp};
use crate::pod::{KillPodOptions, LifecycleAction, LifecycleEvent, PodUpdate};

/// What can happen to the pods of a node.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PodsEvent {
    /// A source offers a pod or has it in another form, or someone wants it gone. What a source offers counts as
    /// wanted from then on.
    Update(PodUpdate),
    /// A pod has to go, as it was last offered. One that was never offered is answered as gone.
    Kill {
        /// Which pod.
        uid: Uid,
        /// How.
        options: KillPodOptions,
    },
    /// A source has a pod no more.
    Removed {
        /// Which pod.
        uid: Uid,
    },
    /// All pods that the node's sources want by now, in place of what was known of that. Until all sources have been
    /// read nobody goes for not being wanted.
    Wanted {
        /// The pods, by UID.
        pods: Arc<BTreeSet<Uid>>,
        /// Whether every source has been read in this life of the agent. Stays so once it was said.
        all_sources_ready: bool,
    },
    /// All that the runtime has of all pods, as of `at`; of any other it has nothing. One that is older than the last
    /// is passed over.
    Observed {
        /// When the runtime was asked.
        at: Timestamp,
        /// What it has.
        pods: Arc<BTreeMap<Uid, PodRecords>>,
    },
    /// Something happened to one pod, or came of an action about it: containers and sandboxes, outcomes, answers of
    /// probes, statuses that were sent. Of a pod that is gone it is passed over, and so is what comes by another way:
    /// what a source offers ([`Update`](Self::Update)) and the agent's restart.
    Pod {
        /// Which pod.
        uid: Uid,
        /// What happened.
        event: LifecycleEvent,
    },
    /// What the runtime kept with the containers of a pod that no source knows. `None`: it could not be read.
    Kept {
        /// The action's operation.
        operation: OperationId,
        /// Which pod.
        uid: Uid,
        /// What was kept, of each of its containers.
        kept: Option<Vec<KeptWithContainer>>,
    },
    /// The agent has been restarted: what was in flight is void, nothing happens before the next full observation,
    /// and no pod is brought up before its source offers it again.
    AgentStarted {
        /// The number of the agent's life, higher than any before.
        epoch: u32,
        /// For how long the probes of a node are spread, so that they do not all start at once.
        jitter: Duration,
    },
}

/// What is to be done about the pods of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "for")]
pub enum PodsAction {
    /// About one pod: answered by [`PodsEvent::Pod`].
    Pod {
        /// Which pod.
        uid: Uid,
        /// What is to be done.
        action: LifecycleAction,
    },
    /// Read what the runtime kept with the containers of a pod that no source knows. Answered by
    /// [`PodsEvent::Kept`].
    ReadKept {
        /// The operation.
        operation: OperationId,
        /// Which pod.
        uid: Uid,
    },
    /// A pod cannot be brought up as it is. Its status says so, which is sent as any other.
    Refused {
        /// Which pod.
        uid: Uid,
        /// Why, in a word.
        reason: Arc<str>,
        /// Why, for a person.
        message: Arc<str>,
    },
    /// The containers of a pod have stopped, or there is nothing left to stop: what a kill asked to be told.
    Completed {
        /// Which pod.
        uid: Uid,
        /// As it was asked for.
        notice: Arc<str>,
    },
    /// A pod has come to its end and holds nothing any more.
    Finished {
        /// Which pod.
        uid: Uid,
    },
    /// A pod is known no more.
    Forgotten {
        /// Which pod.
        uid: Uid,
        /// Whether a source wanted a pod of this UID meanwhile. It begins anew as it was last offered, if it is still
        /// wanted.
        restart_wanted: bool,
    },
    /// Something is as it should not be. Nobody has to act.
    Note {
        /// With which pod.
        uid: Uid,
        /// What.
        note: PodsNote,
    },
}

impl PodsAction {
    /// Which pod it is about.
    #[must_use]
    pub const fn uid(&self) -> &Uid {
        match self {
            Self::Pod { uid, .. }
            | Self::ReadKept { uid, .. }
            | Self::Refused { uid, .. }
            | Self::Completed { uid, .. }
            | Self::Finished { uid }
            | Self::Forgotten { uid, .. }
            | Self::Note { uid, .. } => uid,
        }
    }
}

/// Something that should not be, and what is made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "note")]
#[non_exhaustive]
pub enum PodsNote {
    /// The runtime reports one container under two pods: each of them takes it as reported. Said once.
    SharedContainer {
        /// The container.
        id: ContainerId,
        /// The other pod.
        other: Uid,
    },
    /// A pod that is known came in a form that cannot be: it goes on as it was.
    UpdateRefused {
        /// Why, for a person.
        message: Arc<str>,
    },
}
