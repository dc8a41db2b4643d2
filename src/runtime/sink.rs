//! The port of statuses: where the node says what became of a pod.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::api::{Pod, PodStatus, Uid};

/// Takes the statuses of pods: the API server, or whoever stands for it.
///
/// See the [module](super) for what holds of every port.
#[async_trait]
pub trait StatusSink: Send + Sync {
    /// Writes a pod's status.
    ///
    /// Idempotent: the same status again changes nothing. Of one pod one status is under way at a time, with a
    /// higher version than the last that was taken; a sink may drop one that is not newer. It writes only the pod
    /// of this UID, never a namesake, and only what the status says: conditions that others own stay. After a lost
    /// answer the same or a newer status is sent again.
    ///
    /// # Errors
    /// [`SinkError`]; [`NotFound`](SinkError::NotFound) when the pod is gone, and nothing more is sent.
    async fn send_status(&self, update: &StatusUpdate) -> Result<(), SinkError>;

    /// Deletes a pod at once, with no grace: everything of it is gone from the node.
    ///
    /// Idempotent: one that is gone, or has a namesake in its place, counts as deleted. Comes after the pod's
    /// last status was taken.
    ///
    /// # Errors
    /// [`SinkError`] when it may still be there; it is tried again.
    async fn delete_pod(&self, pod: &PodReference) -> Result<(), SinkError>;
}

/// Which pod is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct PodReference {
    /// Its identity: the one that counts.
    pub uid: Uid,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl From<&Pod> for PodReference {
    fn from(pod: &Pod) -> Self {
        Self {
            uid: pod.metadata.uid.clone(),
            namespace: pod.metadata.namespace.as_str().into(),
            name: pod.metadata.name.as_str().into(),
        }
    }
}

/// A status that is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusUpdate {
    /// Of which pod.
    pub pod: PodReference,
    /// Counts up with every change of the pod's status in this life of the agent; never sent out of order.
    pub version: u64,
    /// The status, merged with the newest one that the node knows.
    pub status: Arc<PodStatus>,
}

/// Why a status was not taken, or a pod not deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// There is no pod of this UID any more.
    #[error("there is no pod {0} any more")]
    NotFound(Uid),
    /// Someone else changed the pod meanwhile: merge with its new status, and send again.
    #[error("the pod was changed meanwhile: {0}")]
    Conflict(Arc<str>),
    /// It was refused, and the same again would be too.
    #[error("refused: {0}")]
    Invalid(Arc<str>),
    /// No answer within this time. It may have been taken.
    #[error("no answer within {0:?}; it may have been taken")]
    DeadlineExceeded(Duration),
    /// Nobody there. It may have been taken.
    #[error("not available: {0}")]
    Unavailable(Arc<str>),
    /// Anything else.
    #[error("{0}")]
    Unknown(Arc<str>),
}
