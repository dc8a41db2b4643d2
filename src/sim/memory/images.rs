//! The images of a runtime in memory.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_core::stream::BoxStream;

use super::MemoryRuntime;
use super::calls::Call;
use super::pulling::Pulling;
use crate::container::ContainerKind;
use crate::runtime::{
    AuthConfig, CALL_TIMEOUT, FilesystemUsage, Image, ImageError, ImageFsInfo, ImageService, ImageSpec,
    PodSandboxConfig, PullUpdate,
};
use crate::sim::{Pull, Subject};

/// Where images would be.
const MOUNTPOINT: &str = "/var/lib/memory";

/// Every well-formed reference can be pulled, unless the [`Pull`](crate::sim::Pull) of its behaviour says
/// otherwise. The behaviour of a pull is that of the pod that it is for (or no pod), a container without a name, and the
/// image; how often it fails is counted by image.
#[async_trait]
impl ImageService for MemoryRuntime {
    async fn image_status(&self, image: &ImageSpec) -> Result<Option<Image>, ImageError> {
        let (call, takes) = (Call::ImageStatus, self.settings.latencies.image_status);
        let passage = self.calls.begin(call, &image.image, takes, Some(CALL_TIMEOUT)).await?;
        let known = self.with(|state, _| state.image(&image.image).cloned());
        passage.answer(Ok(known)).await
    }

    async fn pull_image(
        &self,
        image: &ImageSpec,
        _auth: Option<&AuthConfig>,
        sandbox_config: Option<&PodSandboxConfig>,
    ) -> Result<Arc<str>, ImageError> {
        let name = &image.image;
        let pull = self.pull_of(name, sandbox_config);
        let takes = pull.takes.map_or(self.settings.latencies.pull, |takes| takes.0);
        let passage = self.calls.begin(Call::PullImage, name, takes, None).await?;
        let pulled = self.fetch(image, &pull);
        passage.answer(pulled).await
    }

    async fn pull_image_with_progress(
        &self,
        image: &ImageSpec,
        _auth: Option<&AuthConfig>,
        sandbox_config: Option<&PodSandboxConfig>,
    ) -> Result<BoxStream<'static, Result<PullUpdate, ImageError>>, ImageError> {
        if !self.settings.pull_progress {
            return Err(ImageError::Unimplemented("PullImage with progress"));
        }
        let pull = self.pull_of(&image.image, sandbox_config);
        let passage = self.calls.begin(Call::PullImage, &image.image, Duration::ZERO, None).await?;
        let going: BoxStream<'static, _> = Box::pin(Pulling::new(self.clone(), image.clone(), pull));
        passage.answer(Ok(going)).await
    }

    async fn list_images(&self, filter: Option<&ImageSpec>) -> Result<Vec<Image>, ImageError> {
        let passage = self.calls.begin(Call::ListImages, "", Duration::ZERO, Some(CALL_TIMEOUT)).await?;
        let listed = self.with(|state, _| match filter {
            Some(image) => state.image(&image.image).into_iter().cloned().collect(),
            None => state.images.values().cloned().collect(),
        });
        passage.answer(Ok(listed)).await
    }

    async fn remove_image(&self, image: &ImageSpec) -> Result<(), ImageError> {
        let (call, name) = (Call::RemoveImage, &image.image);
        let passage = self.calls.begin(call, name, Duration::ZERO, Some(CALL_TIMEOUT)).await?;
        self.with(|state, _| {
            if let Some(id) = state.image(name).map(|image| Arc::clone(&image.id)) {
                state.images.remove(&id);
            }
        });
        passage.answer(Ok(())).await
    }

    async fn image_fs_info(&self) -> Result<ImageFsInfo, ImageError> {
        let passage = self.calls.begin(Call::ImageFsInfo, "", Duration::ZERO, Some(CALL_TIMEOUT)).await?;
        let usage = self.with(|state, now| FilesystemUsage {
            timestamp: now,
            mountpoint: MOUNTPOINT.to_owned(),
            used_bytes: state.images.values().fold(0, |sum: u64, image| sum.saturating_add(image.size)),
            inodes_used: u64::try_from(state.images.len()).unwrap_or(u64::MAX),
        });
        let info = ImageFsInfo { image_filesystems: vec![usage], container_filesystems: Vec::new() };
        passage.answer(Ok(info)).await
    }
}

impl MemoryRuntime {
    /// How a pull behaves.
    fn pull_of(&self, image: &str, sandbox_config: Option<&PodSandboxConfig>) -> Pull {
        let pod = sandbox_config.map_or("", |config| &config.metadata.name);
        let kind = ContainerKind::App;
        (self.settings.behavior)(&Subject { pod, container: "", image, kind }).pull
    }

    /// The end of a pull.
    pub(super) fn fetch(&self, image: &ImageSpec, pull: &Pull) -> Result<Arc<str>, ImageError> {
        let name = &image.image;
        self.with(|state, _| {
            if name.is_empty() || name.contains(char::is_whitespace) {
                return Err(ImageError::InvalidImageName(
                    format!("invalid reference format: `{name}`").into(),
                ));
            }
            if let Some(message) = &pull.fails {
                let failed = state.failed_pulls.entry(Arc::clone(name)).or_default();
                if pull.times.is_none_or(|times| *failed < times) {
                    *failed = failed.saturating_add(1);
                    return Err(ImageError::Unknown(message.as_str().into()));
                }
            }
            if let Some(known) = state.image(name) {
                return Ok(Arc::clone(&known.id));
            }
            let spec = image.clone();
            let image = Image { spec, ..new_image(name, self.settings.image_size) };
            let id = Arc::clone(&image.id);
            state.images.insert(Arc::clone(&id), image);
            Ok(id)
        })
    }
}

/// An image that was pulled by a name: its id and its digest follow from the name.
fn new_image(name: &Arc<str>, size: u64) -> Image {
    let digest = digest(name);
    let (repository, is_digest) = match name.split_once('@') {
        Some((repository, _)) => (repository, true),
        None => (without_tag(name), false),
    };
    let by_digest = if is_digest { Arc::clone(name) } else { format!("{repository}@sha256:{digest}").into() };
    Image {
        id: image_id(name),
        repo_tags: if is_digest { Vec::new() } else { vec![Arc::clone(name)] },
        repo_digests: vec![by_digest],
        size,
        ..Image::default()
    }
}

/// A colon after the last slash begins a tag; one before it a port.
fn without_tag(name: &str) -> &str {
    match name.rfind(':') {
        Some(colon) if !name[colon..].contains('/') => &name[..colon],
        _ => name,
    }
}

/// The id of an image that was pulled by a name.
pub(super) fn image_id(name: &str) -> Arc<str> {
    format!("sha256:{}", digest(name)).into()
}

fn digest(name: &str) -> String {
    // FNV-1a, 64 bits.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:064x}")
}
