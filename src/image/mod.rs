//! Images: what a reference means, whose credentials fetch it, and who may use what is already there.
//!
//! * [`ImageReference`] is the name of an image, normalised as Kubernetes does it.
//! * [`Puller`] is the machine for all pulls of a node; [`pull_decision`] is one decision of it.
//!
//! ```
//! use node_lifecycle::image::ImageReference;
//!
//! let image: ImageReference = "nginx:1.27".parse()?;
//! assert_eq!(image.repository(), "docker.io/library/nginx");
//! # Ok::<(), node_lifecycle::image::ImageReferenceError>(())
//! ```

mod event;
mod pull;
mod reference;

pub use event::{ImageEvent, ImageEventType};
pub use pull::{
    FAIR_PULL_TURN, ImagePresence, PrefetchBudget, PullConfig, PullConfigError, PullDecision, PullFailure,
    PullId, PullPod, PullProgress, PullRateLimit, PullReason, PullRequest, PullResult, PullStanding,
    PullUrgency, Puller, PullerAction, PullerEvent, PullerNote, PullerOutcome, PullerSnapshot, TokenBucket,
    failed_pull, pull_decision,
};
pub use reference::{ImageReference, ImageReferenceError, ReferenceProblem};
