//! The port of everything else that a pod needs of its node.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{ContainerConfig, PodReference, PodSandboxConfig};
use crate::api::Pod;
use crate::pod::Failure;

/// Prepares and releases what a pod needs of its node: volumes, secrets, devices, cgroups, credentials.
///
/// (How much a pod may use is another thing: [`pod::PodResources`](crate::pod::PodResources).)
///
/// See the [module](super) for what holds of every port. The order for one pod is: `prepare_pod`, and no sandbox
/// before it has succeeded; the `generate_*` calls for each sandbox and each instance; `release_pod` once nothing
/// of the pod runs and its sandboxes are stopped, and the pod is not finished before that has succeeded. Two
/// calls for one pod never overlap.
#[async_trait]
pub trait PodResources: Send + Sync {
    /// Prepares all that the pod needs; its sandbox may be made when this returns.
    ///
    /// Idempotent: called before every sandbox, when the spec has changed, and after the agent's restart. What is
    /// there already stays. Waiting for something slow (a volume that another node still has) is
    /// up to two minutes, after that it is an error and is tried again. After a lost answer it is called again.
    ///
    /// # Errors
    /// [`PrepareError`]; what was prepared so far stays and is released with the rest.
    async fn prepare_pod(&self, pod: &Arc<Pod>) -> Result<(), PrepareError>;

    /// Releases all that was prepared for the pod, in part or in full, by this agent or the one before it. The
    /// pod's spec may not be known any more.
    ///
    /// Idempotent: a pod that nothing was prepared for is released.
    ///
    /// # Errors
    /// [`PrepareError`] when something is still held; it is tried again.
    async fn release_pod(&self, pod: &PodReference) -> Result<(), PrepareError>;

    /// Adds to what a sandbox is made from: DNS, its cgroup, sysctls, port mappings. Labels and names stay as
    /// they are.
    ///
    /// The same pod, prepared in the same way, gives the same additions. Adds nothing unless it is implemented.
    ///
    /// # Errors
    /// [`PrepareError`] when something is missing; the sandbox is not made, and it is tried again.
    async fn generate_sandbox_config(
        &self,
        _pod: &Arc<Pod>,
        _config: &mut PodSandboxConfig,
    ) -> Result<(), PrepareError> {
        Ok(())
    }

    /// Adds to what an instance is made from: environment, mounts, devices, users, CPU sets. Labels and names
    /// stay as they are. `config.metadata` says which container it is.
    ///
    /// Adds nothing unless it is implemented.
    ///
    /// # Errors
    /// [`PrepareError`] when something is missing, such as a key of a `ConfigMap`: the container waits with the
    /// reason `CreateContainerConfigError`.
    async fn generate_container_config(
        &self,
        _pod: &Arc<Pod>,
        _config: &mut ContainerConfig,
    ) -> Result<(), PrepareError> {
        Ok(())
    }
}

/// Why a pod's needs are not met, or are still held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// Something that the pod names is not there (yet): a secret, a volume, a device.
    #[error("missing: {0}")]
    Missing(Arc<str>),
    /// It was not ready within this time.
    #[error("not ready within {0:?}")]
    DeadlineExceeded(Duration),
    /// Whoever prepares it cannot be reached. It may have taken effect.
    #[error("not available: {0}")]
    Unavailable(Arc<str>),
    /// Anything else.
    #[error("{0}")]
    Unknown(Arc<str>),
}

impl From<&PrepareError> for Failure {
    /// With the word `CreateContainerConfigError`, which counts where a container is made.
    fn from(error: &PrepareError) -> Self {
        Self { reason: "CreateContainerConfigError".into(), message: error.to_string().into() }
    }
}
