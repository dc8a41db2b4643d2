//! What is recorded for people to see.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::api::GoDuration;

/// An event as Kubernetes words it, to be recorded on the object that it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageEvent {
    /// Whether something is wrong.
    #[serde(rename = "type")]
    pub event_type: ImageEventType,
    /// The word for programs, such as `Pulling`.
    pub reason: Arc<str>,
    /// The sentence for people.
    pub message: Arc<str>,
}

/// Whether something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ImageEventType {
    /// Nothing is.
    Normal,
    /// Something is.
    Warning,
}

impl ImageEvent {
    /// A pull begins.
    #[must_use]
    pub fn pulling(image: &str) -> Self {
        Self::normal("Pulling", format!("Pulling image {image:?}"))
    }

    /// A pull has ended well. Times are cut to milliseconds.
    #[must_use]
    pub fn pulled(image: &str, took: Duration, took_with_waiting: Duration, size_bytes: u64) -> Self {
        let (took, waited) = (in_millis(took), in_millis(took_with_waiting));
        Self::normal(
            "Pulled",
            format!(
                "Successfully pulled image {image:?} in {took} ({waited} including waiting). \
                 Image size: {size_bytes} bytes."
            ),
        )
    }

    /// A pull goes on, and the image can be used. Of Kubernetes is only the reason.
    #[must_use]
    pub fn usable(image: &str, took: Duration) -> Self {
        let took = in_millis(took);
        Self::normal(
            "Pulled",
            format!("Image {image:?} can be used after {took}, and the rest of it is still to come"),
        )
    }

    /// Nothing has to be pulled.
    #[must_use]
    pub fn present(image: &str) -> Self {
        Self::normal("Pulled", present_message(image))
    }

    /// A pull has failed, in the runtime's words.
    #[must_use]
    pub fn pull_failed(image: &str, error: &str) -> Self {
        Self::warning("Failed", format!("Failed to pull image {image:?}: {error}"))
    }

    /// An image is used although its signature is not in order. Of Kubernetes is only the reason.
    #[must_use]
    pub fn unsigned(image: &str, reason: &str) -> Self {
        Self::warning(
            "SignatureValidationFailed",
            format!("Image {image:?} is used although the signature validation failed: {reason}"),
        )
    }

    /// A pull is not tried yet.
    #[must_use]
    pub fn back_off(image: &str) -> Self {
        Self::normal("BackOff", back_off_message(image))
    }

    fn normal(reason: &str, message: String) -> Self {
        Self { event_type: ImageEventType::Normal, reason: reason.into(), message: message.into() }
    }

    pub(super) fn warning(reason: &str, message: impl Into<Arc<str>>) -> Self {
        Self { event_type: ImageEventType::Warning, reason: reason.into(), message: message.into() }
    }
}

pub(super) fn present_message(image: &str) -> String {
    format!("Container image {image:?} already present on machine")
}

pub(super) fn back_off_message(image: &str) -> String {
    format!("Back-off pulling image {image:?}")
}

fn in_millis(duration: Duration) -> GoDuration {
    GoDuration(Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
}
