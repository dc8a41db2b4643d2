//! What happens to the puller, and what it asks for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ImagePresence, PullFailure};
use crate::api::{ImagePullPolicy, Uid};
use crate::image::{ImageEvent, SignatureSubject, SignatureVerdict};
use crate::machine::OperationId;

/// What an image is needed for. At most one request of each is under way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PullId {
    /// A container of a pod.
    Container {
        /// The pod.
        pod: Uid,
        /// The container's name.
        name: Arc<str>,
    },
    /// An image volume of a pod.
    Volume {
        /// The pod.
        pod: Uid,
        /// The volume's name.
        name: Arc<str>,
    },
    /// No pod: someone wants it to be there.
    Named(Arc<str>),
}

/// An image that somebody needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullRequest {
    /// What for.
    pub id: PullId,
    /// The reference, as written.
    pub image: Arc<str>,
    /// When it is pulled.
    pub policy: ImagePullPolicy,
    /// Which credentials a pull takes, by a name that means nothing here, such as a hash; empty: none.
    pub credentials: Arc<str>,
    /// The runtime handler that it is for; empty: the default one.
    pub runtime_handler: Arc<str>,
    /// How much it matters.
    pub urgency: PullUrgency,
    /// Nobody waits for it yet: it comes last, within [`PullConfig::prefetch`](super::PullConfig::prefetch), and
    /// without events. When its turn has come, ask for it anew without this.
    pub prefetch: bool,
    /// The image is pulled anew for each pod, is never taken as it is, and has to go with the last container of its
    /// pod.
    pub no_cache: bool,
    /// The pod, as a runtime is told of it.
    pub pod: Option<Arc<PullPod>>,
}

/// A pod that an image is pulled for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullPod {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its identity.
    pub uid: Uid,
    /// The service account that it runs as.
    pub service_account: Arc<str>,
}

/// How much a pull matters. The greater goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullUrgency {
    /// The node does not work without it: its pod is critical.
    pub node_critical: bool,
    /// The pod's next container cannot start without it.
    pub blocks_next_container: bool,
    /// The pod's priority.
    pub priority: i32,
}

/// What can happen to the puller.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PullerEvent {
    /// Somebody needs an image. The same request again changes nothing; another of the same [`PullId`] takes its
    /// place.
    Wanted(Arc<PullRequest>),
    /// Nobody waits for it any more: it gets no answer.
    Unwanted(PullId),
    /// What came of an action. An operation that is not in flight is passed over.
    Done {
        /// The action's operation.
        operation: OperationId,
        /// What came of it.
        outcome: PullerOutcome,
    },
    /// How far a pull has come.
    Progress {
        /// The pull.
        operation: OperationId,
        /// How far.
        progress: PullProgress,
    },
    /// Containers can be made from the image, although the pull goes on.
    Usable {
        /// The pull.
        operation: OperationId,
        /// The reference to make them from.
        image_ref: Arc<str>,
    },
    /// An image is gone from the node, by the reference that it was asked for with or that containers are made from: it
    /// takes no room any more.
    Removed(Arc<str>),
    /// The agent starts, or has been restarted: operations in flight are void, and what is wanted is looked at anew.
    AgentStarted {
        /// The number of the agent's life, higher than any before.
        epoch: u32,
    },
}

/// What came of an action.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PullerOutcome {
    /// Whether the image is there: to [`PullerAction::Look`].
    Looked(ImagePresence),
    /// It is there now: to [`PullerAction::Pull`].
    Pulled {
        /// The reference to make containers from.
        image_ref: Arc<str>,
        /// What it takes on the disk; 0 where that is not known.
        size_bytes: u64,
    },
    /// Whether its signature is in order: to [`PullerAction::VerifySignature`], which is answered by
    /// [`Failed`](Self::Failed) where that cannot be said.
    Verified(SignatureVerdict),
    /// The pull failed or was given up, in the runtime's words; those of [`failed_pull`](super::failed_pull) have a
    /// meaning.
    Failed(Arc<str>),
}

/// How far a pull has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullProgress {
    /// Bytes that have come.
    pub bytes: u64,
    /// Bytes in all, where that is known.
    pub total_bytes: Option<u64>,
    /// Layers that are there.
    pub layers: u32,
    /// Layers in all, where that is known.
    pub total_layers: Option<u32>,
}

/// What the puller asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullerAction {
    /// Ask whether the image is there, and whether the pod may use it.
    Look {
        /// The operation, answered by [`PullerOutcome::Looked`].
        operation: OperationId,
        /// The reference, with its tag.
        image: Arc<str>,
        /// For whom.
        request: Arc<PullRequest>,
    },
    /// Pull the image, with the credentials and for the pod of the request.
    Pull {
        /// The operation, answered by [`PullerOutcome::Pulled`] or [`PullerOutcome::Failed`].
        operation: OperationId,
        /// The reference, with its tag.
        image: Arc<str>,
        /// The most urgent of those who wait for it.
        request: Arc<PullRequest>,
    },
    /// Check the signature of an image that is there.
    VerifySignature {
        /// The operation, answered by [`PullerOutcome::Verified`] or [`PullerOutcome::Failed`].
        operation: OperationId,
        /// The reference, with its tag.
        image: Arc<str>,
        /// What has to be signed, and in whose name.
        subject: Box<SignatureSubject>,
        /// For whom, or for one of those.
        request: Arc<PullRequest>,
    },
    /// Give up a pull. Its outcome is waited for all the same.
    CancelPull {
        /// The pull's operation.
        operation: OperationId,
    },
    /// What became of a request. It is not known any more after that.
    Answer {
        /// Of which.
        id: PullId,
        /// What.
        result: Box<PullResult>,
    },
    /// Record an event on the pod, if there is one.
    Record {
        /// Of which request.
        id: PullId,
        /// The event.
        event: Box<ImageEvent>,
    },
    /// How far a pull has come, for the status of those who wait for it.
    Progress(Box<PullStanding>),
    /// Something that should not be. Nobody has to act.
    Note(PullerNote),
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PullResult {
    /// The image was there.
    Present {
        /// The reference to make containers from.
        image_ref: Arc<str>,
    },
    /// The image was pulled.
    Pulled {
        /// The reference to make containers from.
        image_ref: Arc<str>,
        /// What it takes on the disk; 0 where that is not known.
        size_bytes: u64,
        /// How long the pull took, as far as this request was there to see it.
        took: Duration,
        /// The same with the time that it waited for its turn.
        took_with_waiting: Duration,
        /// It must not be used by another pod, and has to go with the last container of this one.
        no_cache: bool,
    },
    /// The image can be used, and the rest of it comes in the background.
    Usable {
        /// The reference to make containers from.
        image_ref: Arc<str>,
        /// As above.
        no_cache: bool,
    },
    /// The image cannot be had now.
    Failed(PullFailure),
}

/// How a pull stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullStanding {
    /// The reference, with its tag.
    pub image: Arc<str>,
    /// Who waits for it, in order.
    pub waiting: Vec<PullId>,
    /// How far it has come.
    pub progress: PullProgress,
    /// Bytes a second of late; `None` before there is anything to compare.
    pub bytes_per_second: Option<u64>,
    /// How long the rest takes at this rate, where that can be told.
    pub time_left: Option<Duration>,
}

/// Something that should not be, and what is made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "note")]
#[non_exhaustive]
pub enum PullerNote {
    /// An operation was not answered in time, and is given up.
    TimedOut {
        /// Which one.
        operation: OperationId,
    },
    /// The rest of an image that containers use already could not be fetched.
    RestFailed {
        /// The image.
        image: Arc<str>,
        /// Why.
        error: Arc<str>,
    },
}

impl PullId {
    /// The pod that it is needed for.
    #[must_use]
    pub const fn pod(&self) -> Option<&Uid> {
        match self {
            Self::Container { pod, .. } | Self::Volume { pod, .. } => Some(pod),
            Self::Named(_) => None,
        }
    }
}

impl PullRequest {
    /// A container's image, with the policy `IfNotPresent`, no credentials, and nothing that makes it matter more
    /// than another.
    #[must_use]
    pub fn new(id: PullId, image: impl Into<Arc<str>>) -> Self {
        Self {
            id,
            image: image.into(),
            policy: ImagePullPolicy::IfNotPresent,
            credentials: Arc::from(""),
            runtime_handler: Arc::from(""),
            urgency: PullUrgency::default(),
            prefetch: false,
            no_cache: false,
            pod: None,
        }
    }
}

impl PullerAction {
    /// The operation of an action that has an outcome.
    #[must_use]
    pub const fn operation(&self) -> Option<OperationId> {
        match self {
            Self::Look { operation, .. }
            | Self::Pull { operation, .. }
            | Self::VerifySignature { operation, .. } => Some(*operation),
            Self::CancelPull { .. }
            | Self::Answer { .. }
            | Self::Record { .. }
            | Self::Progress(_)
            | Self::Note(_) => None,
        }
    }
}

impl PullResult {
    /// The reference to make containers from, if there is one.
    #[must_use]
    pub const fn image_ref(&self) -> Option<&Arc<str>> {
        match self {
            Self::Present { image_ref } | Self::Pulled { image_ref, .. } | Self::Usable { image_ref, .. } => {
                Some(image_ref)
            }
            Self::Failed(_) => None,
        }
    }
}

impl fmt::Display for PullId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container { pod, name } => write!(f, "container {name} of {pod}"),
            Self::Volume { pod, name } => write!(f, "volume {name} of {pod}"),
            Self::Named(name) => write!(f, "{name}"),
        }
    }
}

impl fmt::Display for PullerNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut { operation } => write!(f, "operation {operation} was not answered in time"),
            Self::RestFailed { image, error } => {
                write!(f, "the rest of {image} could not be fetched, and containers use it: {error}")
            }
        }
    }
}
