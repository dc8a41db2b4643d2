//! The port of lifecycle hooks.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{PodReference, RuntimeError};
use crate::api::{ContainerId, ExecAction, HttpGetAction, LifecycleHandler};
use crate::pod::Failure;

/// Runs a hook once.
///
/// See the [module](super) for what holds of every port. A runner never retries.
#[async_trait]
pub trait HookRunner: Send + Sync {
    /// Runs the hook, and returns when it has ended.
    ///
    /// Not idempotent, and run at least once: after a lost answer or the agent's restart it may be run again,
    /// as Kubernetes says of hooks. With [`HookRequest::timeout`] it is given up when that is over. A `preStop`
    /// hook of a container that ends meanwhile ends too.
    ///
    /// # Errors
    /// [`HookError`]. After a `postStart` the container is killed; after a `preStop` it is stopped as if the hook
    /// had ended well.
    async fn run_hook(&self, request: &HookRequest) -> Result<(), HookError>;
}

/// One hook of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRequest {
    /// The pod.
    pub pod: PodReference,
    /// The pod's first address; empty when it has none. What an absent host in the handler means.
    pub pod_ip: String,
    /// The container's name.
    pub container: Arc<str>,
    /// The instance.
    pub id: ContainerId,
    /// Which hook.
    pub kind: HookKind,
    /// What it does.
    pub handler: HookHandler,
    /// How long it may take; `None`: as long as it needs.
    pub timeout: Option<Duration>,
}

/// Which hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookKind {
    /// `postStart`.
    PostStart,
    /// `preStop`.
    PreStop,
}

/// What a hook does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookHandler {
    /// A command in the container: exit code 0 is success.
    Exec(ExecAction),
    /// A question over HTTP or HTTPS: 200 to 399 is success. A certificate is not
    /// verified.
    HttpGet(HttpGetAction),
}

impl HookHandler {
    /// What a runner has to do for a handler. `None` for one that needs no runner: a `sleep`, which is waited for
    /// by the [`Clock`](super::Clock), and one that does nothing.
    #[must_use]
    pub fn of(handler: &LifecycleHandler) -> Option<Self> {
        let exec = handler.exec.clone().map(Self::Exec);
        exec.or_else(|| handler.http_get.clone().map(Self::HttpGet))
    }
}

/// Why a hook failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// It ended, with another exit code than 0 or another answer than 200 to 399.
    #[error("the hook failed: {0}")]
    Failed(Arc<str>),
    /// It did not end in time.
    #[error("the hook did not end within {0:?}")]
    DeadlineExceeded(Duration),
    /// The handler cannot be carried out: a port by a name that the container does not have, say.
    #[error("the hook cannot be carried out: {0}")]
    Invalid(Arc<str>),
    /// The runtime did not run the command.
    #[error("the command was not run: {0}")]
    Runtime(#[from] RuntimeError),
    /// Anything else; it may have run.
    #[error("{0}")]
    Unknown(Arc<str>),
}

impl From<&HookError> for Failure {
    /// With the usual word for the action.
    fn from(error: &HookError) -> Self {
        Self { reason: Arc::default(), message: error.to_string().into() }
    }
}
