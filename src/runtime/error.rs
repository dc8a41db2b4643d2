//! Why a call of a runtime failed, and which word the API has for it.

use std::sync::Arc;
use std::time::Duration;

use crate::pod::Failure;

/// Why a call of a [`RuntimeService`](super::RuntimeService) failed.
///
/// The kinds are those status codes of gRPC that a node can act upon; containerd answers nearly everything else
/// with the code `Unknown` and a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// There is no sandbox, container or image of this name (any more).
    #[error("not found: {0}")]
    NotFound(Arc<str>),
    /// The call itself is wrong, and repeating it is of no use.
    #[error("invalid argument: {0}")]
    InvalidArgument(Arc<str>),
    /// No answer within this time. The call may have taken effect, or may still.
    #[error("no answer within {0:?}; the call may have taken effect")]
    DeadlineExceeded(Duration),
    /// The runtime cannot be reached, or went away during the call. It may have taken effect.
    #[error("the runtime is not available: {0}")]
    Unavailable(Arc<str>),
    /// The runtime does not know this call.
    #[error("the runtime does not know {0}")]
    Unimplemented(&'static str),
    /// Anything else, in the runtime's own words.
    #[error("{0}")]
    Unknown(Arc<str>),
}

impl RuntimeError {
    /// There is nothing of this name.
    #[must_use]
    pub fn not_found(id: impl std::fmt::Display) -> Self {
        Self::NotFound(id.to_string().into())
    }

    /// Whether the thing that was named does not exist.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }

    /// Whether the call may have taken effect although no answer came.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        matches!(self, Self::DeadlineExceeded(_) | Self::Unavailable(_))
    }
}

/// Takes what is gone for stopped and removed: the result of a stop or a removal, with
/// [`RuntimeError::NotFound`] made good.
///
/// ```
/// use node_lifecycle::runtime::{RuntimeError, done_if_gone};
///
/// assert_eq!(done_if_gone(Err(RuntimeError::NotFound("c1".into()))), Ok(()));
/// assert!(done_if_gone(Err(RuntimeError::Unknown("busy".into()))).is_err());
/// ```
///
/// # Errors
/// Every other error, as it was.
pub fn done_if_gone(result: Result<(), RuntimeError>) -> Result<(), RuntimeError> {
    match result {
        Err(RuntimeError::NotFound(_)) => Ok(()),
        other => other,
    }
}

/// Why a call of an [`ImageService`](super::ImageService) failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The registry has no such image, or it is for another platform.
    #[error("not found: {0}")]
    NotFound(Arc<str>),
    /// The reference is malformed.
    #[error("invalid image name: {0}")]
    InvalidImageName(Arc<str>),
    /// The registry cannot be reached.
    #[error("the registry is not available: {0}")]
    RegistryUnavailable(Arc<str>),
    /// The image's signature does not satisfy the runtime's policy.
    #[error("the signature was not accepted: {0}")]
    SignatureValidationFailed(Arc<str>),
    /// No answer within this time. A pull may still go on.
    #[error("no answer within {0:?}; the call may have taken effect")]
    DeadlineExceeded(Duration),
    /// The service cannot be reached, or went away during the call. It may have taken effect.
    #[error("the image service is not available: {0}")]
    Unavailable(Arc<str>),
    /// The service does not know this call.
    #[error("the image service does not know {0}")]
    Unimplemented(&'static str),
    /// Anything else, in the service's own words.
    #[error("{0}")]
    Unknown(Arc<str>),
}

impl ImageError {
    /// The word that the API shows for a container that waits for a pull that failed so.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::InvalidImageName(_) => "InvalidImageName",
            Self::RegistryUnavailable(_) => "RegistryUnavailable",
            Self::SignatureValidationFailed(_) => "SignatureValidationFailed",
            _ => "ErrImagePull",
        }
    }

    /// Whether the call may have taken effect although no answer came.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        matches!(self, Self::DeadlineExceeded(_) | Self::Unavailable(_))
    }

    /// As the CRI says it: begun with one of its own words where one fits, which is how
    /// [`failed_pull`](crate::image::failed_pull) tells what has failed.
    #[must_use]
    pub fn to_cri_text(&self) -> String {
        match self {
            Self::RegistryUnavailable(text) | Self::SignatureValidationFailed(text) => {
                format!("{}: {text}", self.reason())
            }
            _ => self.to_string(),
        }
    }
}

impl From<std::io::Error> for RuntimeError {
    /// In the system's own words; something that is not there is not found.
    fn from(error: std::io::Error) -> Self {
        let text = Arc::from(error.to_string());
        if error.kind() == std::io::ErrorKind::NotFound { Self::NotFound(text) } else { Self::Unknown(text) }
    }
}

impl From<&RuntimeError> for Failure {
    /// With the usual word for the action.
    fn from(error: &RuntimeError) -> Self {
        Self { reason: Arc::default(), message: error.to_string().into() }
    }
}

impl From<&ImageError> for Failure {
    /// With the word of [`ImageError::reason`].
    fn from(error: &ImageError) -> Self {
        Self { reason: error.reason().into(), message: error.to_string().into() }
    }
}
