//! A node's images in memory, and a registry that is watched.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{Either, select};
use futures::stream::{BoxStream, StreamExt};
use node_lifecycle::driver::{
    ImagePorts, Images, ImagesEvent, ImagesHandle, ImagesSettings, ImagesSnapshot, Ports, PullOrder, Stopped,
};
use node_lifecycle::image::{PullId, PullPod, PullRequest, PullResult};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::runtime::{
    AuthConfig, Clock, Image, ImageError, ImageFsInfo, ImageQuota, ImageService, ImageSpec, PodSandboxConfig,
    PullUpdate,
};
use node_lifecycle::sim::{Call, MemoryPorts, MemoryRuntime, MemorySettings, VirtualClock};

pub(crate) const START: Timestamp = Timestamp::from_unix_seconds(1_735_689_600);

/// What was seen of pulls at the port.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Image and user of each call, in order; no user: without credentials.
    pub(crate) tried: Vec<(String, Option<String>)>,
    /// The pods that pulls were for, by name.
    pub(crate) pods: Vec<Option<String>>,
    /// Under way: image and user.
    pub(crate) under_way: Vec<(String, Option<String>)>,
    /// The most at once.
    pub(crate) most: usize,
    /// Whether one image was pulled twice at once with the same credentials.
    pub(crate) doubled: bool,
    /// Pulls that were dropped before they had ended.
    pub(crate) dropped: Vec<String>,
    /// Who may pull an image; whoever it is where it is not in here.
    pub(crate) users: BTreeMap<String, BTreeSet<String>>,
}

/// The images of a runtime in memory, with a registry that asks who it is.
#[derive(Clone)]
pub(crate) struct Registry {
    runtime: MemoryRuntime,
    pub(crate) seen: Arc<Mutex<Seen>>,
}

/// A pull that is under way at the port.
struct Guard {
    seen: Arc<Mutex<Seen>>,
    pull: (String, Option<String>),
    has_ended: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut seen = self.seen.lock().unwrap();
        let at = seen.under_way.iter().position(|pull| *pull == self.pull).unwrap();
        seen.under_way.remove(at);
        if !self.has_ended {
            seen.dropped.push(self.pull.0.clone());
        }
    }
}

impl Registry {
    fn begin(
        &self,
        image: &ImageSpec,
        auth: Option<&AuthConfig>,
        pod: Option<&PodSandboxConfig>,
    ) -> Result<Guard, ImageError> {
        let pull = (image.image.to_string(), auth.map(|auth| auth.username.clone()));
        let mut seen = self.seen.lock().unwrap();
        seen.tried.push(pull.clone());
        seen.pods.push(pod.map(|pod| pod.metadata.name.clone()));
        if let Some(users) = seen.users.get(&pull.0)
            && !pull.1.as_ref().is_some_and(|user| users.contains(user))
        {
            return Err(ImageError::Unknown(format!("{}: 401 Unauthorized", pull.0).into()));
        }
        seen.doubled |= seen.under_way.contains(&pull);
        seen.under_way.push(pull.clone());
        seen.most = seen.most.max(seen.under_way.len());
        Ok(Guard { seen: Arc::clone(&self.seen), pull, has_ended: false })
    }
}

#[async_trait]
impl ImageService for Registry {
    async fn image_status(&self, image: &ImageSpec) -> Result<Option<Image>, ImageError> {
        self.runtime.image_status(image).await
    }

    async fn pull_image(
        &self,
        image: &ImageSpec,
        auth: Option<&AuthConfig>,
        pod: Option<&PodSandboxConfig>,
    ) -> Result<Arc<str>, ImageError> {
        let mut guard = self.begin(image, auth, pod)?;
        let pulled = self.runtime.pull_image(image, auth, pod).await;
        guard.has_ended = true;
        pulled
    }

    async fn pull_image_with_progress(
        &self,
        image: &ImageSpec,
        auth: Option<&AuthConfig>,
        pod: Option<&PodSandboxConfig>,
    ) -> Result<BoxStream<'static, Result<PullUpdate, ImageError>>, ImageError> {
        let going = self.runtime.pull_image_with_progress(image, auth, pod).await?;
        let mut guard = self.begin(image, auth, pod)?;
        Ok(going
            .map(move |update| {
                // (The whole of it moves in here.)
                let guard: &mut Guard = &mut guard;
                guard.has_ended |= matches!(update, Ok(PullUpdate::Pulled(_)) | Err(_));
                update
            })
            .boxed())
    }

    async fn list_images(&self, filter: Option<&ImageSpec>) -> Result<Vec<Image>, ImageError> {
        self.runtime.list_images(filter).await
    }

    async fn remove_image(&self, image: &ImageSpec) -> Result<(), ImageError> {
        self.runtime.remove_image(image).await
    }

    async fn image_fs_info(&self) -> Result<ImageFsInfo, ImageError> {
        self.runtime.image_fs_info().await
    }
}

/// A node.
pub(crate) struct Node {
    pub(crate) memory: MemoryPorts,
    pub(crate) registry: Registry,
    pub(crate) ports: ImagePorts,
    pub(crate) events: Arc<Mutex<Vec<ImagesEvent>>>,
}

impl Node {
    /// One whose pulls take so many seconds, with a disk of so many bytes.
    pub(crate) fn new(settings: MemorySettings, capacity_bytes: u64) -> Self {
        let memory = MemoryPorts::with_settings(START, settings);
        let registry = Registry { runtime: memory.runtime.clone(), seen: Arc::default() };
        let ports = ImagePorts {
            images: Arc::new(registry.clone()),
            disk: Arc::new(ImageQuota { capacity_bytes }),
            ..ImagePorts::from(&Ports::from(&memory))
        };
        Self { memory, registry, ports, events: Arc::default() }
    }

    pub(crate) fn images(&self, settings: ImagesSettings) -> Images {
        self.watched(Images::new(self.ports.clone(), settings).unwrap())
    }

    /// The next life of the agent, from what was stored as text.
    pub(crate) fn restarted(&self, snapshot: &ImagesSnapshot, settings: ImagesSettings) -> Images {
        let stored = serde_json::to_string(snapshot).unwrap();
        let snapshot = serde_json::from_str(&stored).unwrap();
        self.watched(Images::restarted(self.ports.clone(), snapshot, settings).unwrap())
    }

    fn watched(&self, images: Images) -> Images {
        let events = Arc::clone(&self.events);
        images.watched(move |_, event| events.lock().unwrap().push(event.clone()))
    }

    /// Runs the images for as long as someone speaks to them.
    pub(crate) fn with<T>(&self, images: &mut Images, story: impl Future<Output = T>) -> T {
        match self.memory.clock.run(select(Box::pin(images.run()), Box::pin(story))).unwrap() {
            Either::Left(_) => panic!("the driver was not told to stop"),
            Either::Right((told, _)) => told,
        }
    }

    pub(crate) fn clock(&self) -> &VirtualClock {
        &self.memory.clock
    }

    pub(crate) async fn sleep(&self, seconds: u64) {
        self.clock().sleep_until(self.clock().now() + Duration::from_secs(seconds)).await;
    }

    /// Of the calls that were made, what those of this kind were about.
    pub(crate) fn of(&self, call: Call) -> Vec<String> {
        let made = self.memory.calls.made().into_iter().filter(|made| made.call == call);
        made.map(|made| made.subject.to_string()).collect()
    }

    pub(crate) fn has(&self, image: &str) -> bool {
        let spec = image.into();
        self.clock().run(self.memory.runtime.image_status(&spec)).unwrap().unwrap().is_some()
    }

    /// Who a registry has pulls from.
    pub(crate) fn tried(&self) -> Vec<(String, Option<String>)> {
        self.registry.seen.lock().unwrap().tried.clone()
    }

    pub(crate) fn told<T>(&self, about: impl Fn(&ImagesEvent) -> Option<T>) -> Vec<T> {
        self.events.lock().unwrap().iter().filter_map(about).collect()
    }
}

/// What a container of a pod needs.
pub(crate) fn request(pod: &str, image: &str) -> PullRequest {
    let id = PullId::Container { pod: pod.into(), name: "app".into() };
    let known = PullPod {
        namespace: "shop".into(),
        name: pod.into(),
        uid: pod.into(),
        service_account: "default".into(),
    };
    PullRequest { pod: Some(Arc::new(known)), ..PullRequest::new(id, image) }
}

pub(crate) fn order(pod: &str, image: &str) -> PullOrder {
    request(pod, image).into()
}

/// Asks for an image, and waits for it.
pub(crate) async fn pull(handle: &ImagesHandle, pod: &str, image: &str) -> PullResult {
    handle.pull(order(pod, image)).await.unwrap()
}

/// The word for a pull that failed; nothing for one that did not.
pub(crate) fn reason(result: &Result<PullResult, Stopped>) -> Option<&'static str> {
    match result {
        Ok(PullResult::Failed(failure)) => Some(failure.reason.as_str()),
        _ => None,
    }
}
