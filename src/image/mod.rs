//! Images: what a reference means, whose credentials fetch it, and who may use what is already there.
//!
//! * [`ImageReference`] is the name of an image, normalised as Kubernetes does it.
//!
//! ```
//! use node_lifecycle::image::ImageReference;
//!
//! let image: ImageReference = "nginx:1.27".parse()?;
//! assert_eq!(image.repository(), "docker.io/library/nginx");
//! # Ok::<(), node_lifecycle::image::ImageReferenceError>(())
//! ```

mod reference;

pub use reference::{ImageReference, ImageReferenceError, ReferenceProblem};
