//! The port of signatures.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::image::{PullPod, SignatureVerdict};

/// Says whether an image is signed as it has to be.
///
/// See the [module](super) for what holds of every port. When it is asked, for which images, and for how long an answer
/// counts is decided by [`Puller`](crate::image::Puller) and its
/// [`SignaturePolicy`](crate::image::SignaturePolicy). What is behind it may ask a registry for signatures, or a service
/// that does; `examples/verify_signature.rs` is one that checks a signature of cosign against a public key.
///
/// ```
/// use async_trait::async_trait;
/// use node_lifecycle::image::SignatureVerdict;
/// use node_lifecycle::runtime::{SignatureError, SignatureRequest, SignatureVerifier};
///
/// /// Takes what somebody has looked at.
/// struct Listed(Vec<String>);
///
/// #[async_trait]
/// impl SignatureVerifier for Listed {
///     async fn verify(&self, request: &SignatureRequest) -> Result<SignatureVerdict, SignatureError> {
///         Ok(if self.0.iter().any(|digest| **digest == *request.image_ref) {
///             SignatureVerdict::Valid { until: None }
///         } else {
///             SignatureVerdict::Invalid { reason: "not on the list".into() }
///         })
///     }
/// }
/// ```
#[async_trait]
pub trait SignatureVerifier: Send + Sync {
    /// Checks an image's signature, within [`SIGNATURE_TIMEOUT`].
    ///
    /// Idempotent. That there is none is an answer, not an error. It is about the content of
    /// [`image_ref`](SignatureRequest::image_ref), whatever the tag means by now, and counts for every pod that the
    /// same rule is for: what depends on the pod belongs into a rule of its own.
    ///
    /// # Errors
    /// [`SignatureError`] when it cannot be said. An image that has to be signed is not used then, and it is asked
    /// again later.
    async fn verify(&self, request: &SignatureRequest) -> Result<SignatureVerdict, SignatureError>;
}

/// How long the check of a signature may take.
pub const SIGNATURE_TIMEOUT: Duration = super::CALL_TIMEOUT;

/// An image whose signature is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SignatureRequest {
    /// The reference, with its tag.
    pub image: Arc<str>,
    /// What containers are made from, as the image service names it. Signatures are made of the manifest's digest: where
    /// this is the image's id, [`image_status`](super::ImageService::image_status) tells the digests.
    pub image_ref: Arc<str>,
    /// In whose name it has to be signed: the rule's
    /// [`authority`](crate::image::SignatureRule::authority).
    pub authority: Arc<str>,
    /// The pod that needs it, or one of those.
    pub pod: Option<Arc<PullPod>>,
}

/// Why it cannot be said whether an image is signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// What has the signatures, or checks them, cannot be reached.
    #[error("signatures are not available: {0}")]
    Unavailable(Arc<str>),
    /// There is no key of this name.
    #[error("the authority `{0}` is not known")]
    UnknownAuthority(Arc<str>),
    /// No answer within this time.
    #[error("no answer within {0:?}")]
    DeadlineExceeded(Duration),
    /// Anything else.
    #[error("{0}")]
    Unknown(Arc<str>),
}
