//! The port of the pull secrets of pods.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::image::{Password, PullPod, PullSecret, ServiceAccount};

/// Finds what a pod may pull images with.
///
/// See the [module](super) for what holds of every port. It is asked when an image is wanted, so that a secret that has
/// changed counts for the next one. What it gives is kept until the image is there, and never stored or shown.
///
/// ```
/// use async_trait::async_trait;
/// use node_lifecycle::image::{PullPod, PullSecret};
/// use node_lifecycle::runtime::{PodPullSecrets, PullSecrets, PullSecretsError};
///
/// /// Every pod has the same.
/// struct Shared(PullSecret);
///
/// #[async_trait]
/// impl PullSecrets for Shared {
///     async fn pull_secrets(&self, _pod: &PullPod) -> Result<PodPullSecrets, PullSecretsError> {
///         Ok(PodPullSecrets { secrets: vec![self.0.clone()], ..PodPullSecrets::default() })
///     }
/// }
/// ```
#[async_trait]
pub trait PullSecrets: Send + Sync {
    /// The pod's `imagePullSecrets`, in their order, and its service account.
    ///
    /// Idempotent. A secret that is not there is [missing](PodPullSecrets::missing), which is no error.
    ///
    /// # Errors
    /// [`PullSecretsError`] when that cannot be said; the image is tried without the pod's own, and that is told.
    async fn pull_secrets(&self, pod: &PullPod) -> Result<PodPullSecrets, PullSecretsError>;

    /// A token of the pod's service account for this audience, bound to the pod: what credential provider plugins
    /// with `tokenAttributes` are given (KEP-4412).
    ///
    /// # Errors
    /// [`PullSecretsError`]; the image is tried without that plugin's credentials.
    async fn service_account_token(
        &self,
        _pod: &PullPod,
        _audience: &str,
    ) -> Result<Password, PullSecretsError> {
        Err(PullSecretsError::Unimplemented("tokens of service accounts"))
    }
}

/// What a pod may pull images with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodPullSecrets {
    /// Its pull secrets that are there, in their order.
    pub secrets: Vec<PullSecret>,
    /// The names of those that are not.
    pub missing: Vec<Arc<str>>,
    /// Its service account, where plugins are asked on its behalf. Its tokens are asked for apart.
    pub service_account: Option<ServiceAccount>,
}

/// Why nothing can be said of a pod's secrets. Has none of them in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PullSecretsError {
    /// No answer within this time.
    #[error("no answer within {0:?}")]
    DeadlineExceeded(Duration),
    /// Whoever has them cannot be reached.
    #[error("not available: {0}")]
    Unavailable(Arc<str>),
    /// There are none of these here.
    #[error("there are no {0} here")]
    Unimplemented(&'static str),
    /// Anything else.
    #[error("{0}")]
    Unknown(Arc<str>),
}
