//! The port of sandboxes and containers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_core::stream::BoxStream;

use super::records;
use super::{
    Container, ContainerConfig, ContainerFilter, ContainerResources, ContainerStatus, PodSandbox,
    PodSandboxConfig, PodSandboxFilter, PodSandboxStatus, RuntimeError,
};
use crate::api::{ContainerId, SandboxId, Uid};
use crate::container::PodRecords;
use crate::machine::Timestamp;

/// The node's sandboxes and containers, as the CRI's `RuntimeService` has them.
///
/// See the [module](super) for what holds of every port. Besides:
///
/// * The order within a pod is the caller's: a sandbox, then containers in it; each created, started, stopped,
///   removed. A runtime refuses what comes out of order and changes nothing.
/// * What was answered shows in the next list and status, except that a process that ends by itself may show
///   late, usually by a tenth of a second.
/// * Everything outlives the caller: after its restart it finds what it left, by the labels.
#[async_trait]
pub trait RuntimeService: Send + Sync {
    /// What the runtime is. The first answer to it means that the runtime takes calls.
    ///
    /// # Errors
    /// [`RuntimeError`] while it does not. A runtime in the agent's own process need not implement it.
    async fn version(&self) -> Result<Version, RuntimeError> {
        Err(RuntimeError::Unimplemented("Version"))
    }

    /// Whether the runtime and its network are ready.
    ///
    /// # Errors
    /// [`RuntimeError`] when the runtime cannot say. A runtime in the agent's own process need not implement it.
    async fn status(&self) -> Result<RuntimeStatus, RuntimeError> {
        Err(RuntimeError::Unimplemented("Status"))
    }

    /// Makes and starts a sandbox with its network; it is ready when this returns. `runtime_handler` is the
    /// handler of the pod's runtime class, empty for the default one.
    ///
    /// Not idempotent: its name, attempt included, is taken until it is removed, and a second call with it
    /// fails. A call that failed or whose answer is lost may have left a sandbox, ready or not: list before
    /// trying again, with the next attempt.
    ///
    /// # Errors
    /// [`RuntimeError`]; a sandbox that is not ready may be left.
    async fn run_pod_sandbox(
        &self,
        config: &PodSandboxConfig,
        runtime_handler: &str,
    ) -> Result<SandboxId, RuntimeError>;

    /// Takes a sandbox's network away and kills at once what still runs in it. Stop containers first, if
    /// they shall have their grace.
    ///
    /// Idempotent. An unknown sandbox counts as stopped, or is [`RuntimeError::NotFound`], which
    /// [`done_if_gone`](super::done_if_gone) takes for the same.
    ///
    /// # Errors
    /// [`RuntimeError`] when something may still run or hold the network; try again.
    async fn stop_pod_sandbox(&self, id: &SandboxId) -> Result<(), RuntimeError>;

    /// Removes a sandbox and its containers, killing what runs. Its name is free then.
    ///
    /// Idempotent, with unknown ones as for [`stop_pod_sandbox`](Self::stop_pod_sandbox). A runtime may refuse
    /// one that has not been stopped.
    ///
    /// # Errors
    /// [`RuntimeError`] when it may still be there; try again.
    async fn remove_pod_sandbox(&self, id: &SandboxId) -> Result<(), RuntimeError>;

    /// What is known of a sandbox.
    ///
    /// # Errors
    /// [`RuntimeError::NotFound`] when there is none, or another when the runtime cannot say. A runtime without a
    /// network need not implement it: there is no more to be known than what the list says.
    async fn pod_sandbox_status(&self, id: &SandboxId) -> Result<PodSandboxStatus, RuntimeError> {
        let filter = PodSandboxFilter { id: Some(id.clone()), ..PodSandboxFilter::default() };
        let listed = self.list_pod_sandbox(&filter).await?;
        let found = listed.into_iter().find(|sandbox| sandbox.id == *id);
        let sandbox = found.ok_or_else(|| RuntimeError::NotFound(id.as_str().into()))?;
        Ok(PodSandboxStatus { sandbox, ..PodSandboxStatus::default() })
    }

    /// The sandboxes that are meant, stopped ones included, in any order.
    ///
    /// # Errors
    /// [`RuntimeError`] when the runtime cannot say; never a part of the list.
    async fn list_pod_sandbox(&self, filter: &PodSandboxFilter) -> Result<Vec<PodSandbox>, RuntimeError>;

    /// Makes an instance in a sandbox that is ready. `sandbox_config` is what the sandbox was made from;
    /// containerd 1.6 crashes without it.
    ///
    /// Not idempotent, with names as for [`run_pod_sandbox`](Self::run_pod_sandbox).
    ///
    /// # Errors
    /// [`RuntimeError`]: [`NotFound`](RuntimeError::NotFound) when the sandbox or the image is absent.
    async fn create_container(
        &self,
        sandbox: &SandboxId,
        config: &ContainerConfig,
        sandbox_config: &PodSandboxConfig,
    ) -> Result<ContainerId, RuntimeError>;

    /// Starts an instance that was made; its process runs when this returns, and may have ended.
    ///
    /// Not idempotent: an instance is started once. One that cannot be (its command is missing, say) is listed
    /// as exited, with code 128 and the reason `StartError`.
    ///
    /// # Errors
    /// [`RuntimeError`]; look at the status after a lost answer.
    async fn start_container(&self, id: &ContainerId) -> Result<(), RuntimeError>;

    /// Sends an instance its stop signal, kills it when `timeout` is over, and returns when it has ended.
    /// A `timeout` of zero kills at once.
    ///
    /// Idempotent: one that has ended, or was never started, is stopped. A second call while one is under way
    /// may shorten its time and never lengthens it. An unknown one counts as stopped or is
    /// [`RuntimeError::NotFound`]. The time limit of a call begins after `timeout`. Giving up the call does not
    /// call back the signal; whether the kill still comes then is up to the runtime: call again.
    ///
    /// # Errors
    /// [`RuntimeError`] when it may still run.
    async fn stop_container(&self, id: &ContainerId, timeout: Duration) -> Result<(), RuntimeError>;

    /// Removes an instance, killing it when it runs. Its log stays.
    ///
    /// Idempotent, with unknown ones as for [`stop_container`](Self::stop_container).
    ///
    /// # Errors
    /// [`RuntimeError`] when it may still be there.
    async fn remove_container(&self, id: &ContainerId) -> Result<(), RuntimeError>;

    /// The containers that are meant, ended ones included, in any order.
    ///
    /// # Errors
    /// [`RuntimeError`] when the runtime cannot say; never a part of the list.
    async fn list_containers(&self, filter: &ContainerFilter) -> Result<Vec<Container>, RuntimeError>;

    /// What is known of an instance.
    ///
    /// # Errors
    /// [`RuntimeError::NotFound`] when there is none, or another when the runtime cannot say.
    async fn container_status(&self, id: &ContainerId) -> Result<ContainerStatus, RuntimeError>;

    /// Tells the kernel other resources of an instance that was made and has not ended (KEP-1287).
    ///
    /// Idempotent; what is absent or zero stays as it is.
    ///
    /// # Errors
    /// [`RuntimeError`]; some of it may be in force. A runtime that has no such thing need not implement it.
    async fn update_container_resources(
        &self,
        _id: &ContainerId,
        _resources: &ContainerResources,
    ) -> Result<(), RuntimeError> {
        Err(RuntimeError::Unimplemented("UpdateContainerResources"))
    }

    /// Runs a command in an instance that runs, and returns when it has ended: whatever its exit code, that
    /// is an answer. A `timeout` of zero is none; when it is over the command is killed.
    ///
    /// Not idempotent: with a lost answer the command may have run, or still run.
    ///
    /// # Errors
    /// [`RuntimeError`]: [`DeadlineExceeded`](RuntimeError::DeadlineExceeded) when `timeout` is over. A runtime
    /// that has no such thing need not implement it.
    async fn exec_sync(
        &self,
        _id: &ContainerId,
        _command: &[String],
        _timeout: Duration,
    ) -> Result<ExecSyncResponse, RuntimeError> {
        Err(RuntimeError::Unimplemented("ExecSync"))
    }

    /// What happens to containers, from now on.
    ///
    /// A hint that saves waiting for the next list, nothing to rely on: events may be lost, doubled or late,
    /// and the stream may end or fail at any time; list then, and ask for a new one.
    ///
    /// # Errors
    /// [`RuntimeError::Unimplemented`] where there are none, as without the gate `EventedPLEG` (KEP-3386); this
    /// is what is answered unless it is implemented.
    async fn container_events(
        &self,
    ) -> Result<BoxStream<'static, Result<ContainerEventResponse, RuntimeError>>, RuntimeError> {
        Err(RuntimeError::Unimplemented("GetContainerEvents"))
    }

    /// All that there is of one pod, made from lists and statuses: see [`sandbox_record`](super::sandbox_record)
    /// and [`container_record`](super::container_record). Empty when there is nothing.
    ///
    /// What goes between a list and its status is left out. It is true as of when it was asked for, not of when
    /// it is answered.
    ///
    /// # Errors
    /// [`RuntimeError`] of any call but a status that is not found; never a part of the records.
    async fn pod_records(&self, uid: &Uid) -> Result<PodRecords, RuntimeError> {
        records::of_pod(self, uid).await
    }

    /// All that there is of all pods, by UID: [`pod_records`](Self::pod_records) of the whole node. What does
    /// not bear a pod's UID is not the node's own and is passed over.
    ///
    /// # Errors
    /// As for [`pod_records`](Self::pod_records).
    async fn all_records(&self) -> Result<BTreeMap<Uid, PodRecords>, RuntimeError> {
        records::of_all(self).await
    }
}

/// What a runtime is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Version {
    /// Its name, such as `containerd`: the scheme of the API's container ids.
    pub runtime_name: String,
    /// Its version.
    pub runtime_version: String,
    /// The version of the interface, such as `v1`.
    pub runtime_api_version: String,
}

/// Whether a runtime is ready.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuntimeStatus {
    /// [`RUNTIME_READY`](Self::RUNTIME_READY), [`NETWORK_READY`](Self::NETWORK_READY) and others, in the
    /// runtime's order.
    pub conditions: Vec<RuntimeCondition>,
    /// The handlers that there are.
    pub runtime_handlers: Vec<RuntimeHandler>,
}

impl RuntimeStatus {
    /// The condition that says that the runtime takes pods.
    pub const RUNTIME_READY: &'static str = "RuntimeReady";
    /// The condition that says that pods get a network.
    pub const NETWORK_READY: &'static str = "NetworkReady";

    /// Whether a condition holds. One that is not there does not.
    #[must_use]
    pub fn holds(&self, condition: &str) -> bool {
        self.conditions.iter().any(|known| known.type_ == condition && known.status)
    }
}

/// Something that holds of a runtime or does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuntimeCondition {
    /// Which condition.
    pub type_: String,
    /// Whether it holds.
    pub status: bool,
    /// Why, in a word.
    pub reason: String,
    /// Why, for a person.
    pub message: String,
}

/// A handler of a runtime, and what it can do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuntimeHandler {
    /// Its name; empty for the default one.
    pub name: String,
    /// Whether mounts can be read-only all the way down (KEP-3857).
    pub recursive_read_only_mounts: bool,
    /// Whether pods can have user namespaces (KEP-127).
    pub user_namespaces: bool,
}

/// What a command in a container came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecSyncResponse {
    /// Its standard output; runtimes cut it, containerd at 16 MiB.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// Its exit code.
    pub exit_code: i32,
}

/// Something that happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerEventResponse {
    /// The container; the id of a sandbox when it happened to that.
    pub container_id: Arc<str>,
    /// What happened.
    pub container_event_type: ContainerEventType,
    /// When.
    pub created_at: Timestamp,
    /// Its sandbox as it is then, where the runtime says so.
    pub pod_sandbox_status: Option<PodSandboxStatus>,
    /// All containers of that sandbox as they are then.
    pub containers_statuses: Vec<ContainerStatus>,
}

impl ContainerEventResponse {
    /// The UID of the pod that it happened to, where the runtime says so.
    #[must_use]
    pub fn pod_uid(&self) -> Option<&Uid> {
        self.pod_sandbox_status.as_ref().map(|status| &status.sandbox.metadata.uid)
    }
}

/// What can happen to a container. The numbers of the CRI are in this order, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContainerEventType {
    /// It was made.
    Created,
    /// It was started.
    Started,
    /// It has ended.
    Stopped,
    /// It was removed.
    Deleted,
}
