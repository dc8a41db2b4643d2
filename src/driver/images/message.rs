//! What a driver of images is asked for, what it tells, and how it is stored.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::Uid;
use crate::image::{
    CredentialFault, ImageEvent, ImageGcNote, ImageGcSnapshot, ImageRemoval, PullId, PullRecordsSnapshot,
    PullRequest, PullStanding, PullerNote, PullerSnapshot, WithinSegment,
};
use crate::runtime::PodSandboxConfig;

/// An image that somebody needs, and what the runtime is told of the pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullOrder {
    /// What for, when and how urgently. Its [`credentials`](PullRequest::credentials) are filled in here, by what the
    /// pod of [`PullRequest::pod`] has.
    pub request: PullRequest,
    /// What the pod's sandbox is made from: the pod travels with its pull, and its annotations go with the image.
    /// `None`: what the request says of the pod.
    pub sandbox_config: Option<Arc<PodSandboxConfig>>,
}

impl PullOrder {
    /// What for.
    #[must_use]
    pub const fn id(&self) -> &PullId {
        &self.request.id
    }
}

impl From<PullRequest> for PullOrder {
    fn from(request: PullRequest) -> Self {
        Self { request, sandbox_config: None }
    }
}

/// What happens with a node's images. Has no secret in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImagesEvent {
    /// To be recorded on the pod, if there is one.
    Pod {
        /// What the image is for.
        id: PullId,
        /// The event.
        event: Box<ImageEvent>,
    },
    /// A warning to be recorded on the node.
    Node {
        /// Its reason.
        reason: &'static str,
        /// Its message.
        message: Arc<str>,
    },
    /// How far a pull has come, for a status.
    Progress(Box<PullStanding>),
    /// The records of pulls have changed. They have to be stored before this returns: what they are about is done
    /// after it.
    Records(Box<PullRecordsSnapshot>),
    /// An image is about to be removed.
    Removing(ImageRemoval),
    /// An image is gone that was not removed here.
    Vanished {
        /// Its id.
        id: Arc<str>,
    },
    /// Something that should not be. Nobody has to act.
    Note(ImagesNote),
}

/// Something that should not be, and what is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImagesNote {
    /// Of a pull.
    Pull(PullerNote),
    /// Of a collection.
    Collection(ImageGcNote),
    /// Credentials that cannot be read, and are left out.
    Credentials(Box<CredentialFault>),
    /// A plugin is asked for an image that its pattern is a mere beginning of. Said once a pattern.
    WithinSegment(Box<WithinSegment>),
    /// A plugin had no answer: the image is tried without.
    Plugin {
        /// Its name.
        name: Arc<str>,
        /// Why.
        error: Arc<str>,
    },
    /// What a pod may pull with is not known: the image is tried without.
    Secrets {
        /// The pod.
        pod: Uid,
        /// Why.
        error: Arc<str>,
    },
    /// The runtime's images could not be listed; what is known of them stays.
    Look {
        /// Why.
        error: Arc<str>,
    },
}

impl fmt::Display for ImagesNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pull(note) => note.fmt(f),
            Self::Collection(note) => note.fmt(f),
            Self::Credentials(fault) => fault.fmt(f),
            Self::WithinSegment(notice) => {
                let WithinSegment { provider, pattern, image } = &**notice;
                write!(
                    f,
                    "the plugin {provider} is asked for {image}, of which {pattern} is a mere beginning"
                )
            }
            Self::Plugin { name, error } => write!(f, "the plugin {name} has no credentials: {error}"),
            Self::Secrets { pod, error } => {
                write!(f, "what pod {pod} may pull with is not known, and it is tried without: {error}")
            }
            Self::Look { error } => write!(f, "the images could not be looked at: {error}"),
        }
    }
}

/// A driver of images as a value that can be stored. Has no secret in it: those are asked for again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImagesSnapshot {
    /// The version of this form.
    pub version: u32,
    /// The agent's life.
    pub(super) epoch: u32,
    pub(super) puller: PullerSnapshot,
    pub(super) collection: Option<ImageGcSnapshot>,
    /// With whose credentials images were fetched, in the kubelet's own form.
    pub records: PullRecordsSnapshot,
    /// Images that are not cached, by id, with the pod that has each to itself.
    pub(super) no_cache: BTreeMap<Arc<str>, Uid>,
}

impl ImagesSnapshot {
    /// The version that is written and read.
    pub const VERSION: u32 = 1;
}
