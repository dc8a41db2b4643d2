//! What a pod's status depends on beside its spec and its records.

use crate::api::{PodStatus, ResourceList, ResourceRequirements};
use crate::container::{ContainerSet, ProbeResults};

/// What a pod's status depends on beside its spec and its records: references, and sets by container.
///
/// Lists have one entry a container, in the order of their indices; a missing entry says nothing.
#[derive(Debug, Clone, Copy)]
pub struct StatusInputs<'a> {
    /// The status that the API server has.
    pub api: &'a PodStatus,
    /// The status that the node produced last; `None` takes the API server's in its place.
    pub previous: Option<&'a PodStatus>,
    /// Whether deletion of the pod began.
    pub deleted: bool,
    /// The generation of the spec, for the gate `PodObservedGenerationTracking`.
    pub generation: Option<i64>,
    /// Whether all of its containers have been stopped for good.
    pub terminal: bool,
    /// Why the last start of each container came to nothing.
    pub waiting: &'a [Option<Waiting<'a>>],
    /// Containers that were killed in order to be started again, whatever their policy: one that has ended so waits.
    pub restarting: ContainerSet,
    /// What the probes say of the latest instance of each container.
    pub probes: &'a [ProbeResults],
    /// Containers whose startup is being probed: without a result they have not started.
    pub startup_probed: ContainerSet,
    /// Containers whose readiness is being probed: without a success they are not ready.
    pub readiness_probed: ContainerSet,
    /// Containers whose `postStart` hook has not come back: they have not started.
    pub hooks_pending: ContainerSet,
    /// Whether all containers are being stopped in order to begin anew, for the gate
    /// `RestartAllContainersOnContainerExits`.
    pub all_containers_restarting: bool,
    /// What makes the pod fail, if something does.
    pub verdict: Option<StatusVerdict<'a>>,
    /// The node's addresses, the primary one first, at most one of each family; none where nobody knows them.
    pub host_ips: &'a [String],
    /// The node's addresses as it was configured: the first one's family goes first in the pod's. Without any
    /// it is IPv4.
    pub node_ips: &'a [String],
    /// The runtime's name, which is put before the ids of instances: `containerd` for `containerd://…`.
    pub runtime: &'a str,
    /// How far a change of the pod's resources has come, for the gate `InPlacePodVerticalScaling`.
    pub resize: ResizeProgress<'a>,
    /// What is set aside and in force for each container, for the gate `InPlacePodVerticalScaling`.
    pub resources: &'a [Option<StatusResources<'a>>],
}

impl<'a> StatusInputs<'a> {
    /// Those of a pod of which the API server's status is known, and nothing else: no probe, no failed start,
    /// not deleted, under `containerd`.
    #[must_use]
    pub const fn new(api: &'a PodStatus) -> Self {
        Self {
            api,
            previous: None,
            deleted: false,
            generation: None,
            terminal: false,
            waiting: &[],
            restarting: ContainerSet::EMPTY,
            probes: &[],
            startup_probed: ContainerSet::EMPTY,
            readiness_probed: ContainerSet::EMPTY,
            hooks_pending: ContainerSet::EMPTY,
            all_containers_restarting: false,
            verdict: None,
            host_ips: &[],
            node_ips: &[],
            runtime: "containerd",
            resize: ResizeProgress { pending: None, in_progress: None },
            resources: &[],
        }
    }

    /// The status that is gone on from.
    pub(super) fn previous(&self) -> &'a PodStatus {
        self.previous.unwrap_or(self.api)
    }
}

/// Why a container waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting<'a> {
    /// In a word such as `CrashLoopBackOff`.
    pub reason: &'a str,
    /// For a person.
    pub message: &'a str,
}

/// Why a pod fails, whatever its containers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusVerdict<'a> {
    /// In a word: `Evicted`, `DeadlineExceeded`, `Preempting`, `NodeShutdown`, …
    pub reason: &'a str,
    /// For a person.
    pub message: &'a str,
    /// The message of the condition `DisruptionTarget` (KEP-3329), where the pod goes for the node's sake.
    pub disruption: Option<&'a str>,
    /// Whether a pod that has succeeded stays so, as in a shutdown of the node.
    pub spares_succeeded: bool,
}

/// How far a change of a pod's resources has come (KEP-1287).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResizeProgress<'a> {
    /// What was asked for last waits, or cannot be.
    pub pending: Option<(ResizePending, &'a str)>,
    /// What was granted is being made: the error of the last attempt, empty when there was none.
    pub in_progress: Option<&'a str>,
}

/// Why a change of resources is not being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResizePending {
    /// There is no room for it now.
    Deferred,
    /// There never will be on this node.
    Infeasible,
}

/// The resources of a container as its status says them (KEP-1287).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusResources<'a> {
    /// What the node has set aside.
    pub allocated: &'a ResourceList,
    /// What is in force.
    pub actual: &'a ResourceRequirements,
}
