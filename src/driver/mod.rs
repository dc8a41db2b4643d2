//! Runs the pods of a node over the ports, on any executor.
//!
//! [`Driver`] takes what [`Pods`] asks for, calls the ports, and hands back what came of it. Every decision stays in
//! the machine; a driver decides two small things: a `sleep` of a hook is waited out over the [`Clock`], and a call that
//! does not answer in time has failed.
//!
//! * Calls run side by side: none waits for another, nor keeps another pod waiting.
//! * The runtime is observed in full every second ([`DriverSettings::relist`]). Where it has container events, the
//!   pod that one is about is observed at once.
//! * All pulls of a node go through one [`Images`], which [`Driver::with_images`] takes with the node's settings for
//!   pulls, credentials and collection. A pull that no pod waits for any more is dropped at the port.
//! * It is one future, [`Driver::run`], that spawns nothing and sleeps over the [`Clock`] only.
//!
//! A restart of the agent is [`Handle::snapshot`] before and [`Driver::restarted`] after, and the same for its
//! [`Images`]; without a snapshot the pods are found again by what the runtime has.
//!
//! ```
//! # #[cfg(feature = "sim")] {
//! use std::sync::Arc;
//! use std::time::Duration;
//! use node_lifecycle::api::{Pod, PodPhase};
//! use node_lifecycle::driver::{Driver, DriverSettings};
//! use node_lifecycle::machine::Timestamp;
//! use node_lifecycle::pod::{Pods, PodsSettings};
//! use node_lifecycle::runtime::Clock;
//! use node_lifecycle::sim::MemoryPorts;
//!
//! let pod = Arc::new(Pod::from_json(r#"{"metadata": {"name": "web", "namespace": "shop", "uid": "1"},
//!     "spec": {"containers": [{"name": "app", "image": "nginx:1.27"}]}}"#).unwrap());
//! let memory = MemoryPorts::new(Timestamp::UNIX_EPOCH);
//! let pods = Pods::new(Arc::default(), PodsSettings::default(), memory.clock.now());
//! let mut driver = Driver::new((&memory).into(), pods, DriverSettings::default());
//! let handle = driver.handle();
//!
//! // A source of pods: here, this pod and no other; and someone who stops it all after a minute.
//! handle.want([pod.metadata.uid.clone()].into(), true);
//! handle.offer(pod);
//! let minute = async {
//!     memory.clock.sleep_until(Timestamp::from_unix_seconds(60)).await;
//!     handle.stop();
//! };
//! memory.clock.run(async { futures::join!(driver.run(), minute) }).unwrap();
//! assert_eq!(memory.sink.status(&"1".into()).unwrap().phase, Some(PodPhase::Running));
//! # }
//! ```

mod calls;
mod handle;
mod hook;
mod images;
mod limit;
mod ports;
mod pulls;
mod settings;

pub use handle::{Handle, Stopped};
pub use images::{
    GarbageCollection, ImagePorts, Images, ImagesError, ImagesEvent, ImagesHandle, ImagesNote,
    ImagesSettings, ImagesSnapshot, PullOrder,
};
pub use ports::{Absent, ExecOnly, Ports};
pub use settings::DriverSettings;

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::channel::mpsc;
use futures::future::{AbortHandle, BoxFuture, Either, select};
use futures::stream::{BoxStream, FuturesUnordered, StreamExt};

use crate::api::{Pod, Uid};
use crate::behaviour::Behaviour;
use crate::container::{ContainerIndex, PodRecords};
use crate::image::PullRequest;
use crate::machine::{Machine, OperationId, RestoreError, Snapshots, Timestamp};
use crate::pod::{Event, LifecycleEvent, PodUpdate, Pods, PodsAction, PodsEvent, PodsSettings, PodsSnapshot};
use crate::runtime::{Clock, ContainerEventResponse, RuntimeError, RuntimeService};
use handle::Command;
use limit::within;
use pulls::{KnownImage, images_of};

/// What a call came to.
enum Answer {
    Event(PodsEvent),
    /// An image is there, or is not to be had.
    Ensured {
        uid: Uid,
        operation: OperationId,
        image: Option<(ContainerIndex, KnownImage)>,
        event: PodsEvent,
    },
    /// Nobody waited any more for an image.
    GivenUp(Uid, OperationId),
    /// All that the runtime has, as of when it was asked.
    Listed(Timestamp, Option<BTreeMap<Uid, PodRecords>>),
    /// All that it has of one pod.
    Found(Timestamp, Uid, Option<PodRecords>),
    Subscribed(Result<Events, RuntimeError>),
}

/// What woke the driver.
enum Woken {
    Command(Command),
    Answer(Answer),
    /// Something happened to a container, of this pod if the runtime says so.
    ContainerEvent(Option<Uid>),
    /// There will be no more of these.
    EventsEnded,
    Time,
}

type Events = BoxStream<'static, Result<ContainerEventResponse, RuntimeError>>;
type Watch = Box<dyn FnMut(Timestamp, &PodsAction) + Send>;
/// What an embedder makes of what a pod's image is asked for with.
type Adjust = dyn Fn(&Pod, &mut PullRequest) + Send + Sync;

/// Runs the pods of a node over its ports. See the [module](self).
pub struct Driver {
    core: Core,
    images: Images,
}

struct Core {
    ports: Ports,
    settings: Arc<DriverSettings>,
    pods: Pods,
    handle: Handle,
    commands: mpsc::UnboundedReceiver<Command>,
    watch: Option<Watch>,
    calls: FuturesUnordered<BoxFuture<'static, Answer>>,
    actions: Vec<PodsAction>,
    /// Pods that a source has offered in this life of the agent.
    offered: BTreeSet<Uid>,
    /// When the runtime is observed next; `None` while it is.
    relist_at: Option<Timestamp>,
    /// Pods that are being observed, and whether something happened to them since.
    looking: BTreeMap<Uid, bool>,
    events: Subscription,
    images: ImagesHandle,
    adjust: Option<Arc<Adjust>>,
    /// What pods wait for.
    pulls: BTreeMap<(Uid, OperationId), AbortHandle>,
    /// What containers are made from, by pod and name.
    known_images: BTreeMap<Uid, BTreeMap<Arc<str>, KnownImage>>,
    /// Pods whose later images were asked for.
    prefetched: BTreeSet<Uid>,
}

/// What a driver has of a runtime's container events.
enum Subscription {
    /// It asks for them with the next observation.
    Due,
    Asked,
    Here(Events),
    /// The runtime has none.
    None,
}

impl Driver {
    /// A driver of these pods, whose images are pulled as the kubelet does by default, without credentials. See
    /// [`with_images`](Self::with_images).
    #[must_use]
    pub fn new(ports: Ports, pods: Pods, settings: DriverSettings) -> Self {
        let images = Images::with_default_settings((&ports).into());
        let (sender, commands) = mpsc::unbounded();
        let core = Core {
            relist_at: Some(ports.clock.now()),
            ports,
            settings: Arc::new(settings),
            pods,
            handle: Handle::new(sender),
            commands,
            watch: None,
            calls: FuturesUnordered::new(),
            actions: Vec::new(),
            offered: BTreeSet::new(),
            looking: BTreeMap::new(),
            events: Subscription::Due,
            images: images.handle(),
            adjust: None,
            pulls: BTreeMap::new(),
            known_images: BTreeMap::new(),
            prefetched: BTreeSet::new(),
        };
        Self { core, images }.with_pods_known()
    }

    /// A driver in the agent's next life: the pods as they were stored, with everything that was in flight void.
    /// The probes of the node are spread over `jitter`.
    ///
    /// # Errors
    /// [`RestoreError`] when the snapshot is of an unknown version or does not fit.
    pub fn restarted(
        ports: Ports,
        snapshot: PodsSnapshot,
        environment: (Arc<Behaviour>, PodsSettings),
        settings: DriverSettings,
        jitter: Duration,
    ) -> Result<Self, RestoreError> {
        let now = ports.clock.now();
        let mut pods = Pods::restore(snapshot, environment, now)?;
        // The machine counts on from the highest epoch that it knows.
        let mut actions = Vec::new();
        pods.step(now, PodsEvent::AgentStarted { epoch: 0, jitter }, &mut actions);
        let mut driver = Self::new(ports, pods, settings);
        driver.core.actions = actions;
        Ok(driver)
    }

    /// Pulls over these images: with credentials, limits and a collection of the embedder's choice. It runs them, and
    /// is itself who [knows the pods](crate::runtime::PodImages).
    ///
    /// ```
    /// # #[cfg(feature = "sim")] {
    /// use std::sync::Arc;
    /// use node_lifecycle::driver::{
    ///     Driver, DriverSettings, GarbageCollection, ImagePorts, Images, ImagesSettings, Ports,
    /// };
    /// use node_lifecycle::image::ImageGcConfig;
    /// use node_lifecycle::machine::Timestamp;
    /// use node_lifecycle::pod::{Pods, PodsSettings};
    /// use node_lifecycle::runtime::{Clock, ImageQuota};
    /// use node_lifecycle::sim::MemoryPorts;
    ///
    /// let memory = MemoryPorts::new(Timestamp::UNIX_EPOCH);
    /// let ports = Ports::from(&memory);
    /// let collection = GarbageCollection::Library(ImageGcConfig::default());
    /// let settings = ImagesSettings { collection, ..ImagesSettings::default() };
    /// let disk = Arc::new(ImageQuota { capacity_bytes: 100 << 30 });
    /// let images = Images::new(ImagePorts { disk, ..ImagePorts::from(&ports) }, settings).unwrap();
    ///
    /// let pods = Pods::new(Arc::default(), PodsSettings::default(), memory.clock.now());
    /// let driver = Driver::new(ports, pods, DriverSettings::default()).with_images(images);
    /// # let _ = driver.images();
    /// # }
    /// ```
    #[must_use]
    pub fn with_images(self, images: Images) -> Self {
        let images_handle = images.handle();
        Self { core: Core { images: images_handle, ..self.core }, images }.with_pods_known()
    }

    fn with_pods_known(mut self) -> Self {
        self.images.set_pods(Arc::new(self.core.handle.clone()));
        self
    }

    /// Lets `adjust` have a say in what an image of a pod is asked for with: its urgency, whether it is cached.
    #[must_use]
    pub fn adjusting_pulls(
        mut self,
        adjust: impl Fn(&Pod, &mut PullRequest) + Send + Sync + 'static,
    ) -> Self {
        self.core.adjust = Some(Arc::new(adjust));
        self
    }

    /// What speaks to the driver while it runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.core.handle.clone()
    }

    /// What speaks to its images while it runs.
    #[must_use]
    pub fn images(&self) -> ImagesHandle {
        self.core.images.clone()
    }

    /// Shows every action to `watch` before it is carried out, with its time: for logs, metrics and tests.
    #[must_use]
    pub fn watched(mut self, watch: impl FnMut(Timestamp, &PodsAction) + Send + 'static) -> Self {
        self.core.watch = Some(Box::new(watch));
        self
    }

    /// The pods as they are.
    #[must_use]
    pub const fn pods(&self) -> &Pods {
        &self.core.pods
    }

    /// Runs until it is told to [stop](Handle::stop). Calls that are in flight then are dropped, as when the agent
    /// dies; what they left is found after a [restart](Self::restarted).
    ///
    /// Dropping the future has the same effect.
    pub async fn run(&mut self) {
        let Self { core, images } = self;
        // Without its images, should these be stopped alone, nothing is pulled any more.
        if let Either::Right(((), core)) = select(pin!(core.run()), pin!(images.run())).await {
            core.await;
        }
    }
}

impl Core {
    async fn run(&mut self) {
        loop {
            let now = self.ports.clock.now();
            self.pods.wake(now, &mut self.actions);
            self.carry_out(now);
            self.drop_pulls();
            self.relist(now);
            match self.woken().await {
                Woken::Command(Command::Stop) => break,
                Woken::Command(command) => self.obey(command),
                Woken::Answer(answer) => self.take(answer),
                Woken::ContainerEvent(Some(uid)) => self.look(uid),
                Woken::ContainerEvent(None) => self.relist_soon(),
                Woken::EventsEnded => self.events = Subscription::Due,
                Woken::Time => {}
            }
        }
        self.calls.clear();
        self.pulls.clear();
        self.events = Subscription::Due;
        self.looking.clear();
        self.relist_at = Some(self.ports.clock.now());
    }

    /// Waits for whatever comes first.
    async fn woken(&mut self) -> Woken {
        let due = [self.relist_at, self.pods.next_wakeup()].into_iter().flatten().min();
        let mut sleep = self.ports.clock.sleep_until(due.unwrap_or(Timestamp::MAX));
        poll_fn(|context| {
            // (The handle of its own keeps the channel open.)
            if let Poll::Ready(Some(command)) = self.commands.poll_next_unpin(context) {
                return Poll::Ready(Woken::Command(command));
            }
            if let Poll::Ready(Some(answer)) = self.calls.poll_next_unpin(context) {
                return Poll::Ready(Woken::Answer(answer));
            }
            if let Subscription::Here(events) = &mut self.events
                && let Poll::Ready(event) = events.poll_next_unpin(context)
            {
                return Poll::Ready(match event {
                    Some(Ok(event)) => Woken::ContainerEvent(event.pod_uid().cloned()),
                    Some(Err(_)) | None => Woken::EventsEnded,
                });
            }
            sleep.as_mut().poll(context).map(|()| Woken::Time)
        })
        .await
    }

    fn hand(&mut self, event: PodsEvent) {
        self.pods.step(self.ports.clock.now(), event, &mut self.actions);
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Offer { pod, mirror } => self.offer(pod, mirror),
            Command::Event(event) => {
                if let PodsEvent::Removed { uid } = &*event {
                    self.offered.remove(uid);
                }
                self.hand(*event);
            }
            Command::Look(look) => look(&self.pods),
            Command::Stop => {}
        }
    }

    /// A source has a pod, new to it or changed.
    fn offer(&mut self, pod: Arc<Pod>, mirror: Option<Arc<Pod>>) {
        let is_new = self.offered.insert(pod.metadata.uid.clone());
        if is_new {
            self.images.needed(images_of(&pod).collect());
        }
        let update = if is_new { PodUpdate::create(pod) } else { PodUpdate::update(pod) };
        self.hand(PodsEvent::Update(PodUpdate { mirror, ..update }));
    }

    fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Event(event) => self.hand(event),
            Answer::Ensured { uid, operation, image, event } => {
                self.pulls.remove(&(uid.clone(), operation));
                if let Some((container, image)) = image
                    && let Some(lifecycle) = self.pods.lifecycle(&uid)
                {
                    let name = lifecycle.worker().pod().name_of(container).into();
                    self.known_images.entry(uid).or_default().insert(name, image);
                }
                self.hand(event);
            }
            Answer::GivenUp(uid, operation) => drop(self.pulls.remove(&(uid, operation))),
            Answer::Listed(at, records) => {
                self.relist_at = Some(self.ports.clock.now().max(at + self.settings.relist));
                if let Some(records) = records {
                    self.hand(PodsEvent::Observed { at, pods: Arc::new(records) });
                }
            }
            Answer::Found(at, uid, records) => {
                let is_news = self.looking.remove(&uid).unwrap_or(false);
                if let Some(records) = records {
                    let event = LifecycleEvent::Pod(Event::Observed { at, records: Box::new(records) });
                    self.hand(PodsEvent::Pod { uid: uid.clone(), event });
                }
                if is_news {
                    self.look(uid);
                }
            }
            Answer::Subscribed(Ok(events)) => self.events = Subscription::Here(events),
            Answer::Subscribed(Err(RuntimeError::Unimplemented(_))) => self.events = Subscription::None,
            Answer::Subscribed(Err(_)) => self.events = Subscription::Due,
        }
    }

    /// Observes the runtime in full, when it is time; and asks for its events, unless they are here.
    fn relist(&mut self, now: Timestamp) {
        if self.relist_at.take_if(|at| *at <= now).is_none() {
            return;
        }
        if matches!(self.events, Subscription::Due) {
            self.events = Subscription::Asked;
            let subscribed = self.call(|runtime| Box::pin(async move { runtime.container_events().await }));
            self.calls.push(Box::pin(async move {
                let lost = RuntimeError::Unavailable("no answer in time".into());
                Answer::Subscribed(subscribed.await.unwrap_or(Err(lost)))
            }));
        }
        let listed = self.call(|runtime| Box::pin(async move { runtime.all_records().await }));
        self.calls.push(Box::pin(async move { Answer::Listed(now, listed.await.and_then(Result::ok)) }));
    }

    /// Something happened, and nobody says to which pod.
    fn relist_soon(&mut self) {
        let now = self.ports.clock.now();
        self.relist_at = self.relist_at.map(|at| at.min(now));
    }

    /// Observes one pod; once more, where that is under way.
    fn look(&mut self, uid: Uid) {
        if let Some(is_news) = self.looking.get_mut(&uid) {
            *is_news = true;
            return;
        }
        self.looking.insert(uid.clone(), false);
        let (now, of) = (self.ports.clock.now(), uid.clone());
        let found = self.call(|runtime| Box::pin(async move { runtime.pod_records(&of).await }));
        self.calls.push(Box::pin(async move { Answer::Found(now, uid, found.await.and_then(Result::ok)) }));
    }

    /// A call of the runtime, within the usual time: `None` when there was no answer.
    fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(Arc<dyn RuntimeService>) -> BoxFuture<'static, T>,
    ) -> BoxFuture<'static, Option<T>> {
        let call = call(Arc::clone(&self.ports.runtime));
        let (clock, limit): (Arc<dyn Clock>, _) = (Arc::clone(&self.ports.clock), self.settings.call_timeout);
        Box::pin(async move { within(&*clock, limit, call).await })
    }
}
