//! The ports of what an image service does not know: who needs images, and how large their disk is.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;

use super::{FilesystemUsage, ImageError};
use crate::image::ImageFilesystem;

/// Knows which images the node's pods need.
///
/// See the [module](super) for what holds of every port. `driver::Handle` is one, for the pods of its driver.
#[async_trait]
pub trait PodImages: Send + Sync {
    /// The images that admitted pods need or are about to need, as the pods write them: those of containers that have
    /// not been made yet too. One too many stays on the disk; one that is missing may be removed, and is pulled again.
    ///
    /// # Errors
    /// [`ImageError`] when that cannot be said: nothing is removed then.
    async fn needed_images(&self) -> Result<BTreeSet<Arc<str>>, ImageError>;
}

/// Counts the disk that images are on.
///
/// See the [module](super) for what holds of every port. An image service says what images take, and no more;
/// how much there is, and what everything else takes, is asked here: `statvfs` of the mount point as a rule.
#[async_trait]
pub trait ImageDisk: Send + Sync {
    /// How much room there is now on the file system that the image service names, by the service's own count of what
    /// images take.
    ///
    /// # Errors
    /// [`ImageError`] when that cannot be said: nothing is removed for want of room then.
    async fn room(&self, usage: &FilesystemUsage) -> Result<ImageFilesystem, ImageError>;
}

/// A disk, or a part of one, that images have to themselves.
///
/// ```
/// use node_lifecycle::runtime::{FilesystemUsage, ImageDisk, ImageQuota};
///
/// let usage = FilesystemUsage { used_bytes: 600, ..FilesystemUsage::default() };
/// let room = futures::executor::block_on(ImageQuota { capacity_bytes: 1000 }.room(&usage))?;
/// assert_eq!(room.available_bytes, 400);
/// # Ok::<(), node_lifecycle::runtime::ImageError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageQuota {
    /// Bytes.
    pub capacity_bytes: u64,
}

#[async_trait]
impl ImageDisk for ImageQuota {
    async fn room(&self, usage: &FilesystemUsage) -> Result<ImageFilesystem, ImageError> {
        Ok(usage.within(self.capacity_bytes))
    }
}
