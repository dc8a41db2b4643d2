//! What happens to the pods of a node, and what is to be done about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::{Pod, Uid};
use crate::machine::{OperationId, Timestamp};

/// What can happen to the pods of a node.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum WorkersEvent {
    /// A source offers a pod, or someone wants it gone.
    Update(PodUpdate),
    /// What the node's sources want by now, by UID. A pod that is not among them is an orphan.
    SyncKnown {
        /// The pods that are wanted.
        desired: Arc<BTreeSet<Uid>>,
        /// Whether every source has been read. Until then nobody is an orphan for not being wanted.
        all_sources_ready: bool,
    },
    /// All pods that the runtime has, as of `at`; of any other it has nothing. What was observed later stays.
    RuntimeListed {
        /// When the runtime was asked.
        at: Timestamp,
        /// What it has of each pod.
        pods: Arc<BTreeMap<Uid, RuntimeState>>,
    },
    /// What the runtime has of one pod, as of `at`.
    RuntimeObserved {
        /// When the runtime was asked.
        at: Timestamp,
        /// Which pod.
        uid: Uid,
        /// What it has.
        state: RuntimeState,
    },
    /// What came of a call. A call that is not in flight is passed over.
    Done {
        /// Of which pod.
        uid: Uid,
        /// The call.
        operation: OperationId,
        /// What came of it.
        outcome: SyncOutcome,
    },
    /// A pod that was [put back](WorkersAction::Requeue) is to be looked at again: its newest update is played
    /// once more.
    Due {
        /// Which pod.
        uid: Uid,
    },
    /// The agent has been restarted: calls in flight are void, and nothing is done before the runtime has been
    /// listed again, nor for a pod that its source has not offered again.
    AgentStarted {
        /// The number of the agent's life, higher than any before.
        epoch: u32,
    },
}

/// What a source, or someone else on the node, says of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodUpdate {
    /// Why it comes.
    pub kind: UpdateType,
    /// The pod.
    pub subject: PodSubject,
    /// What stands in the API for a static pod.
    pub mirror: Option<Arc<Pod>>,
    /// How it is to go. Means something once the pod goes only; before that a notice is given at once.
    pub kill: Option<KillPodOptions>,
}

impl PodUpdate {
    /// A source offers a pod for the first time.
    #[must_use]
    pub fn create(pod: Arc<Pod>) -> Self {
        Self { kind: UpdateType::Create, subject: PodSubject::Pod(pod), mirror: None, kill: None }
    }

    /// A source offers a pod in another form.
    #[must_use]
    pub fn update(pod: Arc<Pod>) -> Self {
        Self { kind: UpdateType::Update, ..Self::create(pod) }
    }

    /// The pod is to be looked at again.
    #[must_use]
    pub fn sync(pod: Arc<Pod>) -> Self {
        Self { kind: UpdateType::Sync, ..Self::create(pod) }
    }

    /// The pod has to go.
    #[must_use]
    pub fn kill(pod: Arc<Pod>, options: KillPodOptions) -> Self {
        Self { kind: UpdateType::Kill, kill: Some(options), ..Self::create(pod) }
    }

    /// A pod that no source knows and the runtime has, has to go.
    #[must_use]
    pub fn kill_running(pod: Arc<RunningPod>) -> Self {
        let subject = PodSubject::Running(pod);
        Self { kind: UpdateType::Kill, subject, mirror: None, kill: None }
    }
}

/// Why an update comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum UpdateType {
    /// The pod is new to its source.
    Create,
    /// The pod changed.
    Update,
    /// The pod is to be looked at again.
    Sync,
    /// The pod has to go.
    Kill,
}

/// The pod of an update: as a source has it, or as the runtime has it where no source does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PodSubject {
    /// With its configuration.
    Pod(Arc<Pod>),
    /// Known from the runtime only. Such a pod can only be killed.
    Running(Arc<RunningPod>),
}

impl PodSubject {
    /// The pod's identity.
    #[must_use]
    pub fn uid(&self) -> &Uid {
        match self {
            Self::Pod(pod) => &pod.metadata.uid,
            Self::Running(running) => &running.uid,
        }
    }

    /// `<name>_<namespace>`.
    #[must_use]
    pub fn full_name(&self) -> String {
        match self {
            Self::Pod(pod) => format!("{}_{}", pod.metadata.name, pod.metadata.namespace),
            Self::Running(running) => format!("{}_{}", running.name, running.namespace),
        }
    }

    pub(super) fn pod(&self) -> Option<&Arc<Pod>> {
        match self {
            Self::Pod(pod) => Some(pod),
            Self::Running(_) => None,
        }
    }

    pub(super) fn is_static(&self) -> bool {
        self.pod().is_some_and(|pod| pod.is_static())
    }
}

/// A pod as the runtime knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunningPod {
    /// The identity.
    pub uid: Uid,
    /// The name.
    pub name: Arc<str>,
    /// The namespace.
    pub namespace: Arc<str>,
}

/// How a pod is to go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KillPodOptions {
    /// Whether it is evicted: its content may then go before its last container has.
    pub evict: bool,
    /// Seconds that it gets, if that is less than what it has; zero or less is as soon as possible.
    pub grace_period_seconds_override: Option<i64>,
    /// What its status has to say of it. The latest one counts.
    pub status: Option<Arc<StatusOverride>>,
    /// Asks for a [notice](WorkersAction::Completed) of this name when its containers have stopped.
    pub completed: Option<Arc<str>>,
}

/// What the status of a pod that has to fail says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatusOverride {
    /// Why, in a word such as `Evicted`.
    pub reason: Arc<str>,
    /// Why, for a person.
    pub message: Arc<str>,
    /// The message of the condition `DisruptionTarget` (KEP-3329), where the pod goes for the node's sake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disruption: Option<Arc<str>>,
    /// Whether a pod that has succeeded by then stays so, as in a shutdown of the node.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spares_succeeded: bool,
}

/// What the runtime has of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RuntimeState {
    /// Nothing.
    Nothing,
    /// At least one container that runs.
    Running,
    /// A sandbox that is ready, and no container that runs.
    SandboxOnly,
    /// Records only: no container runs and no sandbox is ready.
    Exited,
    /// It could not be read.
    Unreadable,
}

impl RuntimeState {
    /// Whether it is certain that nothing runs.
    #[must_use]
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::Nothing | Self::Exited)
    }
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum SyncOutcome {
    /// It is done.
    Done,
    /// It is done, and the pod has come to its end by itself. Means something of
    /// [`SyncPod`](WorkersAction::SyncPod) only.
    Terminal,
    /// It failed.
    Failed,
    /// It failed because the node's network is not ready.
    NetworkNotReady,
    /// It was given up because of a [`Cancel`](WorkersAction::Cancel).
    Canceled,
}

/// What is to be done about the pods of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "action")]
pub enum WorkersAction {
    /// Bring the runtime in line with the pod.
    SyncPod {
        /// The call.
        operation: OperationId,
        /// Which pod.
        uid: Uid,
        /// The type of the update that it follows from.
        kind: UpdateType,
        /// The pod as it is wanted.
        pod: Arc<Pod>,
        /// What that update had of its mirror.
        mirror: Option<Arc<Pod>>,
    },
    /// Stop the pod's containers. Nothing of it is started any more.
    SyncTerminatingPod {
        /// The call.
        operation: OperationId,
        /// Which pod.
        uid: Uid,
        /// The pod as it was last wanted.
        pod: Arc<Pod>,
        /// Seconds that it gets, at least 1; `None`: nobody said, each container takes its own.
        grace_period_seconds: Option<i64>,
        /// What its status has to say of it.
        status: Option<Arc<StatusOverride>>,
    },
    /// Stop the containers of a pod that only the runtime knows.
    SyncTerminatingRuntimePod {
        /// The call.
        operation: OperationId,
        /// Which pod.
        uid: Uid,
        /// What is known of it.
        pod: Arc<RunningPod>,
    },
    /// Release what the pod holds: nothing of it runs any more.
    SyncTerminatedPod {
        /// The call.
        operation: OperationId,
        /// Which pod.
        uid: Uid,
        /// The pod as it was last wanted.
        pod: Arc<Pod>,
    },
    /// Give up a call as soon as possible. Its outcome is still waited for.
    Cancel {
        /// The call.
        operation: OperationId,
        /// Of which pod.
        uid: Uid,
    },
    /// Look at the pod again after a while, with an update of the type [`Sync`](UpdateType::Sync) or with
    /// [`Due`](WorkersEvent::Due). The newest of a pod's replaces those before.
    Requeue {
        /// Which pod.
        uid: Uid,
        /// After which while.
        after: Requeue,
    },
    /// The containers of a pod have stopped, or there is nothing left to stop: what a kill asked to be told.
    Completed {
        /// Which pod.
        uid: Uid,
        /// As it was asked for.
        notice: Arc<str>,
    },
    /// The pod has come to its end and holds nothing any more. It stays known until no source wants it.
    Finished {
        /// Which pod.
        uid: Uid,
    },
    /// The pod is known no more.
    Forgotten {
        /// Which pod.
        uid: Uid,
        /// Whether a source wanted a pod of this UID meanwhile: if it still does, it has to offer it anew.
        restart_wanted: bool,
    },
}

impl WorkersAction {
    /// The call that the action is, if it has an outcome.
    #[must_use]
    pub const fn operation(&self) -> Option<OperationId> {
        match self {
            Self::SyncPod { operation, .. }
            | Self::SyncTerminatingPod { operation, .. }
            | Self::SyncTerminatingRuntimePod { operation, .. }
            | Self::SyncTerminatedPod { operation, .. } => Some(*operation),
            Self::Cancel { .. }
            | Self::Requeue { .. }
            | Self::Completed { .. }
            | Self::Finished { .. }
            | Self::Forgotten { .. } => None,
        }
    }

    /// Which pod it is about.
    #[must_use]
    pub const fn uid(&self) -> &Uid {
        match self {
            Self::SyncPod { uid, .. }
            | Self::SyncTerminatingPod { uid, .. }
            | Self::SyncTerminatingRuntimePod { uid, .. }
            | Self::SyncTerminatedPod { uid, .. }
            | Self::Cancel { uid, .. }
            | Self::Requeue { uid, .. }
            | Self::Completed { uid, .. }
            | Self::Finished { uid }
            | Self::Forgotten { uid, .. } => uid,
        }
    }
}

/// After which while a pod is looked at again. Whoever drives the machine has the times and the jitter; the
/// kubelet's stand here, and all but the first are drawn from `[1, 1.5)` times what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Requeue {
    /// At once: the pod has come to another stage.
    Immediate,
    /// After a success: the node's `syncFrequency`, 60 s unless it says otherwise.
    Resync,
    /// After a failure, or while a static pod waits for its name: 10 s.
    Backoff,
    /// After a failure that will soon be over, as of a network that is not ready: 1 s.
    Transient,
}
