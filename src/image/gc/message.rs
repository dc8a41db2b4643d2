//! What happens to the machine, and what it asks for.

use std::fmt;
use std::sync::Arc;

use super::{ImageFilesystem, ImageInventory, ImageRemoval};
use crate::machine::OperationId;

/// What can happen to [`ImageGc`](super::ImageGc).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ImageGcEvent {
    /// What came of an action. An operation that is not in flight is passed over.
    Done {
        /// The action's operation.
        operation: OperationId,
        /// What came of it.
        outcome: ImageGcOutcome,
    },
    /// Everything that nobody uses is to go, because room is needed. Answered by
    /// [`ImageGcAction::Reclaimed`].
    DeleteUnused {
        /// Whoever asks.
        request: OperationId,
    },
    /// An admitted pod is about to use an image that is there, or a pull has found it there. It stays, also in a
    /// collection that is under way, but for a removal that is in flight. From the next look on
    /// [`ImageListing::needed`](super::ImageListing::needed) says so.
    Needed {
        /// The image's id.
        id: Arc<str>,
    },
    /// A pod is gone, and with it maybe the last user of a no-cache image: it is time to look.
    PodGone,
    /// The agent starts, or has been restarted: operations in flight are void.
    AgentStarted {
        /// The number of the agent's life, higher than any before.
        epoch: u32,
    },
}

/// What came of an action.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ImageGcOutcome {
    /// What there is: to [`ImageGcAction::Observe`].
    Observed(Arc<ImageInventory>),
    /// How much room there is: to [`ImageGcAction::Measure`].
    Measured(ImageFilesystem),
    /// The image is gone, or was not there: to [`ImageGcAction::Remove`].
    Removed,
    /// It failed, and why.
    Failed(Arc<str>),
}

/// What [`ImageGc`](super::ImageGc) asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageGcAction {
    /// List the images and the containers, and say what pods wait for.
    Observe {
        /// The operation, answered by [`ImageGcOutcome::Observed`].
        operation: OperationId,
    },
    /// Measure the disk that images are on, as of now.
    Measure {
        /// The operation, answered by [`ImageGcOutcome::Measured`].
        operation: OperationId,
    },
    /// Remove an image, by its id.
    Remove {
        /// The operation, answered by [`ImageGcOutcome::Removed`].
        operation: OperationId,
        /// Which one, and why.
        removal: ImageRemoval,
    },
    /// What nobody uses has gone: the answer to [`ImageGcEvent::DeleteUnused`].
    Reclaimed {
        /// Whoever asked.
        request: OperationId,
        /// How many bytes that has freed, or why not all could go that should.
        result: Result<u64, Arc<str>>,
    },
    /// Record a warning on the node.
    Warn {
        /// Its reason.
        reason: &'static str,
        /// Its message.
        message: Arc<str>,
    },
    /// Something that should not be. Nobody has to act.
    Note(ImageGcNote),
}

/// Something that should not be, and what is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageGcNote {
    /// The images could not be looked at; what is remembered of them stays.
    ObservationFailed {
        /// Why.
        error: Arc<str>,
    },
    /// A collection did not free what it should have. The next one tries again.
    CollectionFailed {
        /// Why.
        error: Arc<str>,
    },
    /// An operation was not answered in time, and counts as failed.
    TimedOut {
        /// Which one.
        operation: OperationId,
    },
}

impl fmt::Display for ImageGcNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ObservationFailed { error } => write!(f, "the images could not be looked at: {error}"),
            Self::CollectionFailed { error } => {
                write!(f, "images were not collected as they should be: {error}")
            }
            Self::TimedOut { operation } => write!(f, "operation {operation} was not answered in time"),
        }
    }
}
