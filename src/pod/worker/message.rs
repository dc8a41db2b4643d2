//! What happens to a pod, and what is to be done about it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Change;
use crate::api::{ContainerId, SandboxId};
use crate::container::{ContainerIndex, ContainerRecord, PodRecords, ProbeKind, ProbeResult, SandboxRecord};
use crate::machine::{OperationId, Timestamp};
use crate::pod::{CompiledPod, KillPodReason, KillReason, NeededImage, StartReason};

/// What can happen to a pod.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// Its spec changed: an image, or an ephemeral container more. A pod with another UID is not this one and
    /// is passed over.
    Updated(Arc<CompiledPod>),
    /// Its deletion began, or got another grace period. `None` takes the pod's own, zero is as
    /// soon as possible.
    /// A grace period only shrinks.
    Deleted {
        /// Seconds.
        grace_seconds: Option<i64>,
    },
    /// Someone else decided that the pod has to fail: it is not admitted, evicted, preempted, …
    Verdict(Box<Verdict>),
    /// All that the runtime has of the pod, as of `at`.
    Observed {
        /// When the runtime was asked. What happened since then is not undone by the report.
        at: Timestamp,
        /// The report.
        records: Box<PodRecords>,
    },
    /// One container changed.
    Container(Box<ContainerRecord>),
    /// One sandbox changed.
    Sandbox(Box<SandboxRecord>),
    /// A probe of an instance came to another result.
    Probed {
        /// The instance.
        id: ContainerId,
        /// Which probe.
        probe: ProbeKind,
        /// Its result.
        result: ProbeResult,
    },
    /// An action's outcome.
    Done {
        /// The action's operation.
        operation: OperationId,
        /// What came of it.
        outcome: Outcome,
    },
    /// The agent has been restarted: operations in flight are void, and nothing happens before the next full
    /// observation.
    AgentStarted {
        /// The number of the agent's life, higher than any before.
        epoch: u32,
    },
}

/// Someone else's decision that a pod has to fail.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Verdict {
    /// Why, in a word such as `Evicted`.
    pub reason: Arc<str>,
    /// Why, for a person.
    pub message: Arc<str>,
    /// Seconds of grace; `None` takes the pod's own.
    pub grace_seconds: Option<i64>,
    /// The message of the condition `DisruptionTarget` (KEP-3329), where the pod goes for the node's sake: it is
    /// evicted, preempted or shut down with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disruption: Option<Arc<str>>,
    /// Whether a pod that has succeeded by then stays so, as in a shutdown of the node.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub spares_succeeded: bool,
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Outcome {
    /// It is done.
    Done,
    /// The sandbox is there.
    SandboxCreated(SandboxId),
    /// The container is there.
    ContainerCreated(ContainerId),
    /// It failed.
    Failed(Box<Failure>),
}

/// Why an action failed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Failure {
    /// In a word, such as `ErrImageNeverPull`. Empty: the usual word for the action.
    pub reason: Arc<str>,
    /// For a person.
    pub message: Arc<str>,
}

/// What is to be done about a pod.
///
/// Containers are named by their index in the pod; image, policy and hooks are read from the compiled pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "action")]
pub enum Action {
    /// Prepare what the pod needs before its sandbox is made: volumes, secrets, devices, cgroups. What is
    /// prepared already stays.
    PrepareResources {
        /// The operation.
        operation: OperationId,
    },
    /// Give back what was prepared: none of the pod's containers runs any more, nor will.
    ReleaseResources {
        /// The operation.
        operation: OperationId,
    },
    /// Make a sandbox. Answered by [`Outcome::SandboxCreated`].
    CreateSandbox {
        /// The operation.
        operation: OperationId,
        /// Its attempt.
        attempt: u32,
    },
    /// Stop a sandbox and whatever runs in it.
    StopSandbox {
        /// The operation.
        operation: OperationId,
        /// Which.
        sandbox: SandboxId,
        /// Why.
        reason: StopReason,
    },
    /// Remove a sandbox with its containers.
    RemoveSandbox {
        /// The operation.
        operation: OperationId,
        /// Which.
        sandbox: SandboxId,
    },
    /// See to it that an image that a container needs is there, by its pull policy. See
    /// [`CompiledContainer::image`](crate::pod::CompiledContainer::image).
    EnsureImage {
        /// The operation.
        operation: OperationId,
        /// For which container.
        container: ContainerIndex,
        /// Which of its images.
        image: NeededImage,
        /// Why the container is started.
        reason: StartReason,
    },
    /// Make an instance of a container. Answered by [`Outcome::ContainerCreated`].
    CreateContainer {
        /// The operation.
        operation: OperationId,
        /// Which container.
        container: ContainerIndex,
        /// In which sandbox.
        sandbox: SandboxId,
        /// The attempt of the instance.
        attempt: u32,
    },
    /// Start an instance.
    StartContainer {
        /// The operation.
        operation: OperationId,
        /// Which container.
        container: ContainerIndex,
        /// Which instance.
        id: ContainerId,
    },
    /// Run the `postStart` hook of an instance.
    RunPostStart {
        /// The operation.
        operation: OperationId,
        /// Which container.
        container: ContainerIndex,
        /// Which instance.
        id: ContainerId,
    },
    /// Run the `preStop` hook of an instance.
    RunPreStop {
        /// The operation.
        operation: OperationId,
        /// Which container.
        container: Option<ContainerIndex>,
        /// Which instance.
        id: ContainerId,
        /// Whole seconds that it may take.
        timeout_seconds: u64,
    },
    /// Send an instance its stop signal, and kill it when the timeout is over.
    StopContainer {
        /// The operation.
        operation: OperationId,
        /// Which container; `None` when it is not in the spec.
        container: Option<ContainerIndex>,
        /// Which instance.
        id: ContainerId,
        /// Whole seconds, at least 2.
        timeout_seconds: u64,
    },
    /// Remove an instance that has ended: the pod begins anew, in another sandbox or, where one exit restarts all
    /// containers, in the same.
    RemoveContainer {
        /// The operation.
        operation: OperationId,
        /// Which container.
        container: ContainerIndex,
        /// Which instance.
        id: ContainerId,
    },
    /// Tell whoever listens what changed. Nothing comes back.
    Report {
        /// What changed.
        change: Change,
    },
}

/// Why something is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum StopReason {
    /// The pod is deleted.
    Deleted,
    /// The pod has come to its end.
    Completed,
    /// Someone else's verdict.
    Verdict,
    /// The plan kills the pod.
    Plan(KillPodReason),
    /// The plan kills the container.
    Container(KillReason),
    /// Its `postStart` hook failed.
    PostStartHook,
}

impl Action {
    /// The operation that the action is, if it has an outcome.
    #[must_use]
    pub const fn operation(&self) -> Option<OperationId> {
        match self {
            Self::PrepareResources { operation }
            | Self::ReleaseResources { operation }
            | Self::CreateSandbox { operation, .. }
            | Self::StopSandbox { operation, .. }
            | Self::RemoveSandbox { operation, .. }
            | Self::EnsureImage { operation, .. }
            | Self::CreateContainer { operation, .. }
            | Self::StartContainer { operation, .. }
            | Self::RunPostStart { operation, .. }
            | Self::RunPreStop { operation, .. }
            | Self::StopContainer { operation, .. }
            | Self::RemoveContainer { operation, .. } => Some(*operation),
            Self::Report { .. } => None,
        }
    }
}
