//! One pull: with one credential after the other, with its progress where the service can tell.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::stream::{BoxStream, StreamExt};

use super::credentials::{PodKeyring, Registrar};
use super::{ImagePorts, ImagesSettings};
use crate::driver::limit::within;
use crate::image::{ImagePullCredentials, KeyringEntry, PullRequest};
use crate::runtime::{AuthConfig, ImageError, ImageSpec, PodSandboxConfig, PullUpdate};

/// What a pull needs of its driver.
#[derive(Clone)]
pub(super) struct PullContext {
    pub(super) ports: ImagePorts,
    pub(super) settings: Arc<ImagesSettings>,
    pub(super) registrar: Arc<Registrar>,
}

/// A pull that is under way.
pub(super) struct Pulling {
    context: PullContext,
    spec: ImageSpec,
    request: Arc<PullRequest>,
    sandbox_config: Option<Arc<PodSandboxConfig>>,
    keyring: Option<Arc<PodKeyring>>,
    /// What it is still tried with; `None`: that is not known yet.
    untried: Option<VecDeque<Option<KeyringEntry>>>,
    /// What it is tried with.
    trying: Option<KeyringEntry>,
    stream: Option<BoxStream<'static, Result<PullUpdate, ImageError>>>,
    /// Whether containers can be made from it already.
    is_usable: bool,
    errors: Vec<Arc<str>>,
    is_lost: bool,
}

/// How a pull goes on.
pub(super) enum Step {
    /// It goes on.
    Update(PullUpdate, Box<Pulling>),
    /// It is there.
    Pulled(Pulled),
    /// It has failed.
    Failed(PullEnd),
}

/// An image that was pulled.
pub(super) struct Pulled {
    /// What containers are made from.
    pub(super) image_ref: Arc<str>,
    /// The image's id, where the service says so.
    pub(super) id: Arc<str>,
    pub(super) size_bytes: u64,
    pub(super) credentials: ImagePullCredentials,
}

/// Why there is no image.
pub(super) struct PullEnd {
    pub(super) error: Arc<str>,
    /// Whether it may have come, or may still.
    pub(super) is_lost: bool,
}

impl Pulling {
    pub(super) const fn new(
        context: PullContext,
        spec: ImageSpec,
        request: Arc<PullRequest>,
        sandbox_config: Option<Arc<PodSandboxConfig>>,
        keyring: Option<Arc<PodKeyring>>,
    ) -> Self {
        Self {
            context,
            spec,
            request,
            sandbox_config,
            keyring,
            untried: None,
            trying: None,
            stream: None,
            is_usable: false,
            errors: Vec::new(),
            is_lost: false,
        }
    }

    /// Goes on until there is something to say. Dropping it gives the pull up.
    pub(super) async fn next(mut self: Box<Self>) -> Step {
        loop {
            let Some(stream) = &mut self.stream else {
                match self.try_next().await {
                    Some(Ok(image_ref)) => return Step::Pulled(self.finish(image_ref).await),
                    Some(Err(error)) => self.failed(&error),
                    // There is a stream now.
                    None if self.stream.is_some() => {}
                    None => return Step::Failed(self.end()),
                }
                continue;
            };
            match stream.next().await {
                Some(Ok(PullUpdate::Pulled(image_ref))) => {
                    self.stream = None;
                    return Step::Pulled(self.finish(image_ref).await);
                }
                Some(Ok(update)) => {
                    self.is_usable |= matches!(update, PullUpdate::Usable(_));
                    return Step::Update(update, self);
                }
                Some(Err(error)) => self.failed(&error),
                None => self.failed(&ImageError::Unavailable("the pull ended without an answer".into())),
            }
        }
    }

    /// Pulls with the next credentials: what came of it, or a stream that tells, or nothing is left.
    async fn try_next(&mut self) -> Option<Result<Arc<str>, ImageError>> {
        if self.untried.is_none() {
            let entries = self.entries().await;
            self.untried = Some(entries);
        }
        let entry = self.untried.as_mut()?.pop_front()?;
        let auth = entry.as_ref().map(|entry| AuthConfig::from(&entry.credentials));
        self.trying = entry;
        let (images, spec) = (&self.context.ports.images, &self.spec);
        let sandbox_config = self.sandbox_config.as_deref();
        match images.pull_image_with_progress(spec, auth.as_ref(), sandbox_config).await {
            Ok(stream) => {
                self.stream = Some(stream);
                None
            }
            Err(ImageError::Unimplemented(_)) => {
                Some(images.pull_image(spec, auth.as_ref(), sandbox_config).await)
            }
            Err(error) => Some(Err(error)),
        }
    }

    /// What it is tried with: without credentials where there are none for it.
    async fn entries(&mut self) -> VecDeque<Option<KeyringEntry>> {
        let registrar = Arc::clone(&self.context.registrar);
        let keyring = match &self.keyring {
            Some(keyring) => Arc::clone(keyring),
            None => Arc::new(registrar.of_pod(&self.request).await),
        };
        match registrar.entries(&keyring, &self.request).await {
            Ok(entries) if entries.is_empty() => [None].into(),
            Ok(entries) => entries.into_iter().map(Some).collect(),
            Err(error) => {
                self.errors.push(error);
                VecDeque::new()
            }
        }
    }

    fn failed(&mut self, error: &ImageError) {
        self.stream = None;
        self.is_lost |= error.is_lost();
        let text = Arc::from(error.to_cri_text());
        if !self.errors.contains(&text) {
            self.errors.push(text);
        }
        // What containers use already is not begun anew.
        if self.is_usable
            && let Some(untried) = &mut self.untried
        {
            untried.clear();
        }
    }

    fn end(&self) -> PullEnd {
        let error = match &*self.errors {
            [error] => Arc::clone(error),
            errors => format!("[{}]", errors.join(", ")).into(),
        };
        PullEnd { error, is_lost: self.is_lost || self.is_usable }
    }

    /// Asks what it is that was pulled.
    async fn finish(&mut self, image_ref: Arc<str>) -> Pulled {
        let PullContext { ports, settings, .. } = &self.context;
        let spec = ImageSpec { image: Arc::clone(&image_ref), ..self.spec.clone() };
        let image = within(&*ports.clock, settings.call_timeout, ports.images.image_status(&spec)).await;
        let image = image.and_then(Result::ok).flatten();
        let credentials = match &self.trying {
            Some(entry) => ImagePullCredentials::of(entry),
            None => ImagePullCredentials::anonymous(),
        };
        Pulled {
            id: image.as_ref().map_or_else(|| Arc::clone(&image_ref), |image| Arc::clone(&image.id)),
            size_bytes: image.map_or(0, |image| image.size),
            image_ref,
            credentials,
        }
    }
}
