//! One decision: whether an image has to be pulled, and what a pull that failed is called.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::ImagePullPolicy;
use crate::image::ImageEvent;
use crate::machine::Timestamp;

/// What is known of an image on the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ImagePresence {
    /// It is not there.
    Absent,
    /// It is there, under this reference.
    Present(Arc<str>),
    /// It is there, and the pod has to prove by a pull with its own credentials that it may use it
    /// ([`Access::MustPull`](crate::image::Access::MustPull), KEP-2535); or it is another pod's that is not cached.
    Unproven,
    /// The runtime does not say, and why.
    Unknown(Arc<str>),
}

/// What to do for a container that needs an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullDecision {
    /// Use it as it is, under this reference.
    Use(Arc<str>),
    /// Pull it.
    Pull,
    /// The container cannot start.
    Refuse(PullFailure),
}

/// Why a container has not got its image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullFailure {
    /// The word for it.
    pub reason: PullReason,
    /// The sentence.
    pub message: Arc<str>,
    /// From when it is of use to ask again; `None`: whenever something has changed.
    pub retry_at: Option<Timestamp>,
}

/// The API's word for a container that waits for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PullReason {
    /// The reference is malformed.
    InvalidImageName,
    /// The runtime does not say whether it is there.
    ImageInspectError,
    /// It is not there, and must not be pulled.
    ErrImageNeverPull,
    /// A pull has failed, and the next is not due yet.
    ImagePullBackOff,
    /// The pull has failed.
    ErrImagePull,
    /// The pull has failed: the registry cannot be reached.
    RegistryUnavailable,
    /// The pull has failed: the signature does not satisfy the runtime's policy.
    SignatureValidationFailed,
    /// It is not fetched ahead of time. The kubelet has no word for this.
    PrefetchRefused,
}

/// Whether an image has to be pulled. The policy `Always` does not look whether it is there.
///
/// ```
/// use node_lifecycle::api::ImagePullPolicy::{Always, IfNotPresent, Never};
/// use node_lifecycle::image::{ImagePresence, PullDecision, pull_decision};
///
/// let present = ImagePresence::Present("sha256:1".into());
/// assert_eq!(pull_decision("busybox", IfNotPresent, &present), PullDecision::Use("sha256:1".into()));
/// assert_eq!(pull_decision("busybox", Always, &present), PullDecision::Pull);
/// let PullDecision::Refuse(failure) = pull_decision("busybox", Never, &ImagePresence::Absent) else { panic!() };
/// assert_eq!(failure.reason.to_string(), "ErrImageNeverPull");
/// assert_eq!(&*failure.message, r#"Container image "busybox" is not present with pull policy of Never"#);
/// ```
#[must_use]
pub fn pull_decision(image: &str, policy: ImagePullPolicy, presence: &ImagePresence) -> PullDecision {
    match (policy, presence) {
        (ImagePullPolicy::Always, _) => PullDecision::Pull,
        // The kubelet names no image here: it has got none.
        (_, ImagePresence::Unknown(error)) => PullDecision::Refuse(PullFailure::new(
            PullReason::ImageInspectError,
            format!("Failed to inspect image \"\": {error}"),
        )),
        (_, ImagePresence::Present(reference)) => PullDecision::Use(Arc::clone(reference)),
        (ImagePullPolicy::Never, _) => PullDecision::Refuse(PullFailure::new(
            PullReason::ErrImageNeverPull,
            format!("Container image {image:?} is not present with pull policy of Never"),
        )),
        (ImagePullPolicy::IfNotPresent, _) => PullDecision::Pull,
    }
}

/// What a pull that failed is called: `error` is what the runtime says, which begins with one of the CRI's own words
/// where one fits.
///
/// ```
/// use node_lifecycle::image::{PullReason, failed_pull};
///
/// let failure = failed_pull("app:1", "RegistryUnavailable: dial tcp timeout");
/// assert_eq!(failure.reason, PullReason::RegistryUnavailable);
/// assert_eq!(
///     &*failure.message,
///     "image pull failed for app:1 because the registry is unavailable: dial tcp timeout"
/// );
/// ```
#[must_use]
pub fn failed_pull(image: &str, error: &str) -> PullFailure {
    for (reason, what) in [
        (PullReason::RegistryUnavailable, "the registry is unavailable"),
        (PullReason::SignatureValidationFailed, "the signature validation failed"),
    ] {
        if let Some(rest) = error.strip_prefix(reason.as_str()) {
            return PullFailure::new(reason, format!("image pull failed for {image} because {what}{rest}"));
        }
    }
    PullFailure::new(PullReason::ErrImagePull, error)
}

impl PullFailure {
    pub(super) fn new(reason: PullReason, message: impl Into<Arc<str>>) -> Self {
        Self { reason, message: message.into(), retry_at: None }
    }

    pub(super) fn retry_at(mut self, at: Timestamp) -> Self {
        self.retry_at = Some(at);
        self
    }

    /// The event that tells of a failure before any pull.
    pub(super) fn event(&self) -> ImageEvent {
        let reason = match self.reason {
            PullReason::ErrImageNeverPull => self.reason.as_str(),
            _ => "InspectFailed",
        };
        ImageEvent::warning(reason, Arc::clone(&self.message))
    }
}

impl fmt::Display for PullFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl PullReason {
    /// As the API has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidImageName => "InvalidImageName",
            Self::ImageInspectError => "ImageInspectError",
            Self::ErrImageNeverPull => "ErrImageNeverPull",
            Self::ImagePullBackOff => "ImagePullBackOff",
            Self::ErrImagePull => "ErrImagePull",
            Self::RegistryUnavailable => "RegistryUnavailable",
            Self::SignatureValidationFailed => "SignatureValidationFailed",
            Self::PrefetchRefused => "PrefetchRefused",
        }
    }
}

impl fmt::Display for PullReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
