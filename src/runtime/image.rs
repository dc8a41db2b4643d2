//! The port of images.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_core::stream::BoxStream;

use super::{Container, ContainerStatus, ImageError, PodSandboxConfig};
use crate::image::{ImageFilesystem, ImagePresence, ImageUser, ListedImage, PullProgress};
use crate::machine::Timestamp;

/// The node's images, as the CRI's `ImageService` has them.
///
/// See the [module](super) for what holds of every port. Where images are never removed, the first two calls are
/// enough.
#[async_trait]
pub trait ImageService: Send + Sync {
    /// The image of this reference, tag, digest or id, or `None` when the node does not have it.
    ///
    /// That it is absent is an answer, not an error.
    ///
    /// # Errors
    /// [`ImageError`] when the service cannot say; the API's word for it is `ImageInspectError`.
    async fn image_status(&self, image: &ImageSpec) -> Result<Option<Image>, ImageError>;

    /// Fetches an image and returns its reference: what [`ContainerConfig::image`](super::ContainerConfig) and
    /// [`ImageService::image_status`] take.
    ///
    /// Idempotent: an image that is there is looked up at the registry again, and fetched if its tag has moved.
    /// There is no limit to a pull's time: a service may give one up that makes no progress, and a registry
    /// that accepts a connection and never answers has to be given up. It does not retry. A pull whose answer is
    /// lost may still go on and end well; the next one then finds what it fetched. Credentials that the registry
    /// does not ask for do no harm. The pod that it is for travels with it, so that a runtime knows for whom it works.
    ///
    /// # Errors
    /// [`ImageError`]; [`ImageError::reason`] is the word for a container that waits for it.
    async fn pull_image(
        &self,
        image: &ImageSpec,
        auth: Option<&AuthConfig>,
        sandbox_config: Option<&PodSandboxConfig>,
    ) -> Result<Arc<str>, ImageError>;

    /// The same, and how far it has come while it goes on. Dropping the stream gives the pull up.
    ///
    /// The stream ends with [`PullUpdate::Pulled`] or an error. Where it stands still, the caller gives it up.
    ///
    /// # Errors
    /// [`ImageError::Unimplemented`] where the service cannot tell: [`pull_image`](Self::pull_image) is called then.
    /// Otherwise as there, at once or in the stream.
    async fn pull_image_with_progress(
        &self,
        _image: &ImageSpec,
        _auth: Option<&AuthConfig>,
        _sandbox_config: Option<&PodSandboxConfig>,
    ) -> Result<BoxStream<'static, Result<PullUpdate, ImageError>>, ImageError> {
        Err(ImageError::Unimplemented("PullImage with progress"))
    }

    /// The images of the node, each once, ordered by id; with a `filter` that one, if it is there.
    ///
    /// # Errors
    /// [`ImageError`] when the service cannot say.
    async fn list_images(&self, _filter: Option<&ImageSpec>) -> Result<Vec<Image>, ImageError> {
        Err(ImageError::Unimplemented("ListImages"))
    }

    /// Removes an image, by whichever of its names.
    ///
    /// All of its tags go with it. Idempotent: one that is not there counts as removed. Containers that were
    /// made from it go on.
    ///
    /// # Errors
    /// [`ImageError`] when it may still be there.
    async fn remove_image(&self, _image: &ImageSpec) -> Result<(), ImageError> {
        Err(ImageError::Unimplemented("RemoveImage"))
    }

    /// How full the file systems of images and containers are.
    ///
    /// The numbers may lag behind by the service's own period.
    ///
    /// # Errors
    /// [`ImageError`] when the service cannot say.
    async fn image_fs_info(&self) -> Result<ImageFsInfo, ImageError> {
        Err(ImageError::Unimplemented("ImageFsInfo"))
    }
}

/// How a pull goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullUpdate {
    /// How far it has come.
    Progress(PullProgress),
    /// Containers can be made from this reference, and the rest comes in the background.
    Usable(Arc<str>),
    /// It has ended well: what [`ImageService::pull_image`] returns.
    Pulled(Arc<str>),
}

/// A reference to an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ImageSpec {
    /// A name with a tag or a digest, or an id.
    pub image: Arc<str>,
    /// What the pod's author wrote, where `image` is resolved.
    pub user_specified_image: Arc<str>,
    /// The handler that it is for; empty: the default one.
    pub runtime_handler: Arc<str>,
    /// Annotations for the service.
    pub annotations: BTreeMap<String, String>,
}

impl<T: Into<Arc<str>>> From<T> for ImageSpec {
    /// The image as someone wrote it, for the default handler.
    fn from(image: T) -> Self {
        Self { image: image.into(), ..Self::default() }
    }
}

/// An image of the node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// Its id: the digest of its configuration.
    pub id: Arc<str>,
    /// Its names with tags.
    pub repo_tags: Vec<Arc<str>>,
    /// Its names with digests. One that was loaded from a file has none.
    pub repo_digests: Vec<Arc<str>>,
    /// What it takes on the disk, in bytes.
    pub size: u64,
    /// The user that it runs as, by number.
    pub uid: Option<i64>,
    /// The user that it runs as, by name.
    pub username: String,
    /// Whether it must not be removed.
    pub pinned: bool,
    /// What the service keeps with it: annotations, and the handler that it is for.
    pub spec: ImageSpec,
}

impl Image {
    /// Its names, with tags and with digests.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.repo_tags.iter().chain(&self.repo_digests)
    }
}

impl From<&Image> for ListedImage {
    /// As the collection of images takes it.
    fn from(image: &Image) -> Self {
        Self {
            id: Arc::clone(&image.id),
            runtime_handler: Arc::clone(&image.spec.runtime_handler),
            names: image.names().cloned().collect(),
            size_bytes: image.size,
            pinned: image.pinned,
        }
    }
}

impl From<&Container> for ImageUser {
    /// The image that it was made from; what it has mounted is not in a list.
    fn from(container: &Container) -> Self {
        let Container { image, image_ref, .. } = container;
        Self {
            image: Arc::clone(if image_ref.is_empty() { &image.image } else { image_ref }),
            runtime_handler: Arc::clone(&image.runtime_handler),
            image_mounts: Vec::new(),
        }
    }
}

impl From<&ContainerStatus> for ImageUser {
    /// With the images that it has mounted (KEP-4639).
    fn from(status: &ContainerStatus) -> Self {
        let mounts = status.mounts.iter().filter_map(|mount| mount.image.as_ref());
        Self {
            image_mounts: mounts.map(|image| Arc::clone(&image.image)).collect(),
            ..Self::from(&status.container)
        }
    }
}

impl From<Result<Option<Image>, ImageError>> for ImagePresence {
    /// What [`ImageService::image_status`] says, where every pod may use every image.
    fn from(status: Result<Option<Image>, ImageError>) -> Self {
        match status {
            Ok(Some(image)) => Self::Present(image.id),
            Ok(None) => Self::Absent,
            Err(error) => Self::Unknown(error.to_cri_text().into()),
        }
    }
}

/// Credentials for a registry. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct AuthConfig {
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
    /// User and password in base64, where they are not given apart.
    pub auth: String,
    /// The registry that they are for.
    pub server_address: String,
    /// A token that gets another token.
    pub identity_token: String,
    /// A token for the registry.
    pub registry_token: String,
}

impl fmt::Debug for AuthConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthConfig").field("server_address", &self.server_address).finish_non_exhaustive()
    }
}

/// How full the file systems of images and containers are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageFsInfo {
    /// Where images are; usually one.
    pub image_filesystems: Vec<FilesystemUsage>,
    /// Where containers write. Empty: where the images are.
    pub container_filesystems: Vec<FilesystemUsage>,
}

/// What is used of a file system by images or containers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilesystemUsage {
    /// When it was measured.
    pub timestamp: Timestamp,
    /// Where it is mounted.
    pub mountpoint: String,
    /// Bytes.
    pub used_bytes: u64,
    /// Inodes.
    pub inodes_used: u64,
}

impl ImageFsInfo {
    /// The file system that images are on: the first, as for Kubernetes, where a service names several.
    #[must_use]
    pub fn of_images(&self) -> Option<&FilesystemUsage> {
        self.image_filesystems.first()
    }
}

impl FilesystemUsage {
    /// How much room there is where images have `capacity_bytes` to themselves.
    ///
    /// ```
    /// use node_lifecycle::runtime::FilesystemUsage;
    ///
    /// let usage = FilesystemUsage { used_bytes: 900, ..FilesystemUsage::default() };
    /// assert_eq!(usage.within(1000).used_percent(), Some(90));
    /// assert_eq!(usage.within(500).available_bytes, 0);
    /// ```
    #[must_use]
    pub const fn within(&self, capacity_bytes: u64) -> ImageFilesystem {
        ImageFilesystem { capacity_bytes, available_bytes: capacity_bytes.saturating_sub(self.used_bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{ContainerMetadata, Mount};

    #[test]
    fn the_collection_is_shown_what_the_service_says() {
        let image = Image {
            id: "sha256:1".into(),
            repo_tags: vec!["web:1".into()],
            repo_digests: vec!["web@sha256:2".into()],
            size: 7,
            pinned: true,
            spec: ImageSpec { runtime_handler: "kata".into(), ..ImageSpec::default() },
            ..Image::default()
        };
        let listed = ListedImage::from(&image);
        assert_eq!(listed.names, ["web:1".into(), Arc::from("web@sha256:2")]);
        assert_eq!((&*listed.id, &*listed.runtime_handler), ("sha256:1", "kata"));
        assert_eq!((listed.size_bytes, listed.pinned), (7, true));

        let mut container = Container {
            image: image.spec,
            image_ref: "web@sha256:2".into(),
            metadata: ContainerMetadata::default(),
            ..Container::default()
        };
        let user = ImageUser::from(&container);
        assert_eq!((&*user.image, &*user.runtime_handler), ("web@sha256:2", "kata"));
        container.image_ref = "".into();
        container.image.image = "web:1".into();
        let mounts = [Some("model:1".into()), None].map(|image| Mount { image, ..Mount::default() });
        let status = ContainerStatus { container, mounts: mounts.into(), ..ContainerStatus::default() };
        let user = ImageUser::from(&status);
        assert_eq!((&*user.image, &*user.image_mounts), ("web:1", &[Arc::from("model:1")][..]));
    }

    #[test]
    fn the_first_file_system_of_images_counts() {
        let usage = |used_bytes| FilesystemUsage { used_bytes, ..FilesystemUsage::default() };
        let info = ImageFsInfo { image_filesystems: vec![usage(1), usage(2)], ..ImageFsInfo::default() };
        assert_eq!(info.of_images(), Some(&usage(1)));
        assert_eq!(ImageFsInfo::default().of_images(), None);
    }
}
