//! Which images go.
//!
//! What an image is to the node is found out by looking: what the runtime [lists](ImageListing), which containers use
//! it, and what pods wait for. [`ImageRecords`] remember since when it is there and when it was last used. A collection
//! goes so:
//!
//! 1. Images that are not to be kept go as soon as nobody uses them, whatever their age.
//! 2. What nobody has used for longer than the [maximum age](ImageGcPolicy::maximum_age) goes (KEP 4210).
//! 3. The disk is measured. From the [high threshold](ImageGcPolicy::high_threshold_percent) on, images go until it
//!    is down to the low one, those first that have been unused longest.
//!
//! Whatever the phase, an image stays that a container uses, also as a volume (KEP 4639), that an admitted pod waits
//! for, that is being pulled, or that the runtime pins; and but for the first phase one that is younger than the
//! [minimum age](ImageGcPolicy::minimum_age).
//!
//! What is different here: an image's age counts from when it was first seen, and outlives the agent; a removal that
//! fails does not keep the disk from being looked at; and where nothing has to be freed nothing goes. See
//! [`Compat`](crate::behaviour::Compat) for the kubelet's way.

mod collection;
mod error;
mod inventory;
mod machine;
mod message;
mod policy;
mod queue;
mod records;
#[cfg(test)]
mod tests;

pub use collection::{
    ImageCollection, ImageGcContext, ImageGcReason, ImageGcScope, ImageGcStep, ImageRemoval, image_gc_plan,
};

pub use error::ImageGcError;
pub use inventory::{ImageInventory, ImageListing, ImageUser, ListedImage};
pub use machine::{ImageGc, ImageGcConfig, ImageGcSnapshot};
pub use message::{ImageGcAction, ImageGcEvent, ImageGcNote, ImageGcOutcome};
pub use policy::{ImageFilesystem, ImageGcPolicy, ImageGcPolicyError};
pub use records::{ImageRecord, ImageRecords};
