//! The port of lifecycle hooks.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{PodReference, RuntimeError};
use crate::api::ContainerId;
use crate::container::{HandlerError, HookCall, HookKind};
use crate::pod::Failure;

/// Runs a hook once.
///
/// See the [module](super) for what holds of every port. A runner never retries.
///
/// What a hook does is decided by [`hook_action`](crate::container::hook_action). A runner gets the
/// [`HookAction::Call`](crate::container::HookAction::Call)s only: the caller itself waits out a
/// [`HookAction::Sleep`](crate::container::HookAction::Sleep), over the [`Clock`](super::Clock), and a hook that
/// does nothing that is known has failed without one.
#[async_trait]
pub trait HookRunner: Send + Sync {
    /// Runs the hook, and returns when it has ended.
    ///
    /// Not idempotent, and run at least once: after a lost answer or the agent's restart it may be run again,
    /// as Kubernetes says of hooks. With [`HookRequest::timeout`] it is given up when that is over. A `preStop`
    /// hook of a container that ends meanwhile ends too.
    ///
    /// # Errors
    /// [`HookError`]. After [`HookError::AnsweredInTheClear`] the caller asks once more, by
    /// [`HookRequest::in_the_clear`]. After any other, a container is killed whose `postStart` it was, and stopped
    /// as if the hook had ended well where it was its `preStop`.
    async fn run_hook(&self, request: &HookRequest) -> Result<(), HookError>;
}

/// One hook of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRequest {
    /// The pod.
    pub pod: PodReference,
    /// The pod's first address; empty when it has none. What an [`Address`](crate::container::Address) without a
    /// host means.
    pub pod_ip: Arc<str>,
    /// The container's name.
    pub container: Arc<str>,
    /// The instance.
    pub id: ContainerId,
    /// Which hook.
    pub kind: HookKind,
    /// What it does.
    pub call: HookCall,
    /// How long it may take; `None`: as long as it needs.
    pub timeout: Option<Duration>,
}

impl HookRequest {
    /// The same hook in the clear, which is asked for when an encrypted question was answered in the clear;
    /// `None` where it is not encrypted.
    #[must_use]
    pub fn in_the_clear(&self) -> Option<Self> {
        Some(Self { call: self.call.in_the_clear()?, ..self.clone() })
    }
}

/// Why a hook failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// The command ended with another exit code than 0, or there was no answer over HTTP.
    #[error("the hook failed: {0}")]
    Failed(Arc<str>),
    /// It was asked over HTTPS, and the server speaks HTTP.
    #[error("the hook was asked over HTTPS and answered over HTTP")]
    AnsweredInTheClear,
    /// It did not end in time.
    #[error("the hook did not end within {0:?}")]
    DeadlineExceeded(Duration),
    /// It cannot be carried out: a port by a name that the container does not have, a pod without an address.
    #[error("the hook cannot be carried out: {0}")]
    Invalid(#[from] HandlerError),
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
