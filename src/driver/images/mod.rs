//! Runs the images of a node over its ports: one [`Puller`] for all pulls, and [`ImageGc`] where the library collects.

mod collecting;
mod credentials;
mod handle;
mod message;
mod pulling;
mod pulls;
mod settings;

pub use handle::ImagesHandle;
pub use message::{ImagesEvent, ImagesNote, ImagesSnapshot, PullOrder};
pub use settings::{GarbageCollection, ImagePorts, ImagesError, ImagesSettings};

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use futures::channel::{mpsc, oneshot};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};

use crate::api::Uid;
use crate::image::{
    CredentialProviders, ImageGc, ImageGcAction, ImageGcEvent, ImageReference, PullId, PullRecords,
    PullRequest, PullResult, Puller, PullerAction, PullerEvent,
};
use crate::machine::{Machine, OperationId, Operations, RestoreError, Snapshots, Timestamp};
use crate::runtime::Image;
use collecting::Removing;
use credentials::{PodKeyring, Registrar};
use handle::Command;
use pulls::{Held, UnderWay};

/// Runs the images of a node over its ports, on any executor.
///
/// Every decision stays in the machines. What is done here beside calling ports:
///
/// * **Credentials.** An image is tried with what matches it of the pod's secrets, then of the node's own, then of what
///   plugins answer, one after the other; without any where nothing matches. Plugins are asked when there is something
///   to pull, or to prove, and equal questions once.
/// * **Records.** A pull is recorded before the runtime is asked for it and when it has ended; one that was given up
///   stays recorded as begun until it is known what came of it. An image that is there is given to who may use it.
/// * **Progress**, where the service has it; otherwise the plain call. A pull that nobody wants is dropped at the port.
/// * **Removals and pulls keep out of each other's way**: an image that is found there while it is being removed is
///   looked at again when that is over, and one that was pulled meanwhile is pulled again if it has gone.
///
/// It is one future, [`run`](Self::run), that spawns nothing and sleeps over the clock only. A restart of the agent is
/// [`ImagesHandle::snapshot`] before and [`Images::restarted`] after: delays, tokens, ages and records go on, and pulls
/// that were under way begin anew.
///
/// ```
/// # #[cfg(feature = "sim")] {
/// use node_lifecycle::driver::{ImagePorts, Images, ImagesSettings, Ports};
/// use node_lifecycle::image::{PullId, PullRequest, PullResult};
/// use node_lifecycle::machine::Timestamp;
/// use node_lifecycle::sim::MemoryPorts;
///
/// let memory = MemoryPorts::new(Timestamp::UNIX_EPOCH);
/// let ports = ImagePorts::from(&Ports::from(&memory));
/// let mut images = Images::new(ports, ImagesSettings::default()).unwrap();
/// let handle = images.handle();
/// let story = async {
///     let id = PullId::Container { pod: "u1".into(), name: "app".into() };
///     let pulled = handle.pull(PullRequest::new(id, "nginx:1.27").into()).await;
///     handle.stop();
///     pulled
/// };
/// let ((), pulled) = memory.clock.run(async { futures::join!(images.run(), story) }).unwrap();
/// let Ok(PullResult::Pulled { image_ref, .. }) = pulled else { panic!() };
/// assert!(image_ref.starts_with("sha256:"));
/// # }
/// ```
pub struct Images {
    ports: ImagePorts,
    settings: Arc<ImagesSettings>,
    epoch: u32,
    puller: Puller,
    /// Where the library collects.
    collection: Option<ImageGc>,
    records: PullRecords,
    registrar: Arc<Registrar>,
    /// What is wanted in this life of the agent.
    orders: BTreeMap<PullId, Order>,
    pulls: BTreeMap<OperationId, UnderWay>,
    /// Images that are not cached, by id: which pod has each to itself, and since when.
    no_cache: BTreeMap<Arc<str>, (Uid, Timestamp)>,
    /// Images that were pulled with no known end, and since when that is so.
    doubtful: BTreeMap<Arc<str>, Timestamp>,
    /// The runtime's images as of the last look: names by id.
    listed: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    removing: Option<Removing>,
    /// What waits for the end of a removal.
    held: Vec<Held>,
    /// When the runtime's images are looked at next, where it collects them itself.
    look_at: Option<Timestamp>,
    /// Until when pulls of a former life are kept that nobody has asked for again.
    unasked_until: Option<Timestamp>,
    reclaims: BTreeMap<OperationId, oneshot::Sender<Result<u64, Arc<str>>>>,
    operations: Operations,
    handle: ImagesHandle,
    commands: mpsc::UnboundedReceiver<Command>,
    told: mpsc::UnboundedReceiver<ImagesEvent>,
    watch: Option<Watch>,
    calls: FuturesUnordered<BoxFuture<'static, Answer>>,
    pull_actions: Vec<PullerAction>,
    collection_actions: Vec<ImageGcAction>,
}

type Watch = Box<dyn FnMut(Timestamp, &ImagesEvent) + Send>;

/// Something that is wanted.
struct Order {
    order: Arc<PullOrder>,
    ticket: u64,
    /// Who waits for it.
    sender: Option<oneshot::Sender<PullResult>>,
    /// What the pod has, once that is known; the machine knows of the order then.
    keyring: Option<Arc<PodKeyring>>,
}

/// What a call came to.
enum Answer {
    /// What the pod of an order has.
    Keyring {
        id: PullId,
        ticket: u64,
        keyring: Arc<PodKeyring>,
    },
    Pulls(pulls::Answer),
    Collection(collecting::Answer),
}

/// What woke the driver.
enum Woken {
    Command(Command),
    Event(ImagesEvent),
    Answer(Answer),
    Time,
}

impl Images {
    /// A driver of the images of a node that nothing is known of yet.
    ///
    /// # Errors
    /// [`ImagesError`] when the settings are not valid.
    pub fn new(ports: ImagePorts, settings: ImagesSettings) -> Result<Self, ImagesError> {
        let (now, behaviour) = (ports.clock.now(), &settings.behaviour);
        let puller = Puller::new(settings.pulls.clone(), Arc::clone(behaviour), now)?;
        let collection = match settings.collection {
            GarbageCollection::Library(config) => Some(ImageGc::new(config, Arc::clone(behaviour), now)?),
            GarbageCollection::Runtime { .. } => None,
        };
        let plugins = settings.plugins.clone();
        let plugins =
            plugins.map(|plugins| CredentialProviders::new(plugins, behaviour.gates)).transpose()?;
        Ok(Self::of(ports, settings, (puller, collection, plugins)))
    }

    /// The same with the [default settings](ImagesSettings), which are valid.
    #[must_use]
    pub fn with_default_settings(ports: ImagePorts) -> Self {
        let settings = ImagesSettings::default();
        let puller = Puller::with_default_config(Arc::clone(&settings.behaviour), ports.clock.now());
        Self::of(ports, settings, (puller, None, None))
    }

    fn of(
        ports: ImagePorts,
        settings: ImagesSettings,
        (puller, collection, plugins): (Puller, Option<ImageGc>, Option<CredentialProviders>),
    ) -> Self {
        let (sender, commands) = mpsc::unbounded();
        let (events, told) = mpsc::unbounded();
        let settings = Arc::new(settings);
        Self {
            registrar: Arc::new(Registrar::new(ports.clone(), Arc::clone(&settings), plugins, events)),
            ports,
            settings,
            epoch: 0,
            puller,
            collection,
            records: PullRecords::default(),
            orders: BTreeMap::new(),
            pulls: BTreeMap::new(),
            no_cache: BTreeMap::new(),
            doubtful: BTreeMap::new(),
            listed: BTreeMap::new(),
            removing: None,
            held: Vec::new(),
            look_at: None,
            unasked_until: None,
            reclaims: BTreeMap::new(),
            operations: Operations::of_epoch(0),
            handle: ImagesHandle::new(sender),
            commands,
            told,
            watch: None,
            calls: FuturesUnordered::new(),
            pull_actions: Vec::new(),
            collection_actions: Vec::new(),
        }
    }

    /// The images in the agent's next life, as they were stored. Secrets are asked for again, and so are plugins.
    ///
    /// A pull that a pod was waiting for goes on, and has to be asked for again within
    /// [`ImagesSettings::call_timeout`]. One with a [name](PullId::Named) goes on in any case.
    ///
    /// # Errors
    /// [`ImagesError`] when the settings are not valid, or the snapshot is of an unknown version or does not fit.
    pub fn restarted(
        ports: ImagePorts,
        snapshot: ImagesSnapshot,
        settings: ImagesSettings,
    ) -> Result<Self, ImagesError> {
        let ImagesSnapshot { version, epoch, puller, collection, records, no_cache } = snapshot;
        if version != ImagesSnapshot::VERSION {
            let supported = ImagesSnapshot::VERSION;
            return Err(RestoreError::Version { found: version, supported }.into());
        }
        let now = ports.clock.now();
        let behaviour = Arc::clone(&settings.behaviour);
        let puller = Puller::restore(puller, (settings.pulls.clone(), Arc::clone(&behaviour)), now)?;
        let collection = match (settings.collection, collection) {
            (GarbageCollection::Library(config), Some(stored)) => {
                Some(ImageGc::restore(stored, (config, behaviour), now)?)
            }
            _ => None,
        };
        let records = PullRecords::restore(records)?;
        let mut images = Self::new(ports, settings)?;
        if collection.is_some() {
            images.collection = collection;
        }
        images.doubtful = records.snapshot().intents.into_iter().map(|intent| (intent.image, now)).collect();
        images.no_cache = no_cache.into_iter().map(|(id, pod)| (id, (pod, now))).collect();
        Ok(Self { epoch, puller, records, ..images })
    }

    /// What speaks to the driver while it runs.
    #[must_use]
    pub fn handle(&self) -> ImagesHandle {
        self.handle.clone()
    }

    /// Shows everything that happens to `watch`, with its time: for the events of pods and of the node, statuses, the
    /// store of records, logs and tests.
    #[must_use]
    pub fn watched(mut self, watch: impl FnMut(Timestamp, &ImagesEvent) + Send + 'static) -> Self {
        self.watch = Some(Box::new(watch));
        self
    }

    /// The machine of the pulls, as it is.
    #[must_use]
    pub const fn puller(&self) -> &Puller {
        &self.puller
    }

    /// The machine that collects, where the library does.
    #[must_use]
    pub const fn collection(&self) -> Option<&ImageGc> {
        self.collection.as_ref()
    }

    /// With whose credentials images were fetched.
    #[must_use]
    pub const fn records(&self) -> &PullRecords {
        &self.records
    }

    /// The images as a value that can be stored.
    #[must_use]
    pub fn snapshot(&self) -> ImagesSnapshot {
        ImagesSnapshot {
            version: ImagesSnapshot::VERSION,
            epoch: self.epoch,
            puller: self.puller.snapshot(),
            collection: self.collection.as_ref().map(Snapshots::snapshot),
            records: self.records.snapshot(),
            no_cache: self.no_cache.iter().map(|(id, (pod, _))| (id.clone(), pod.clone())).collect(),
        }
    }

    /// Which images the node's pods need is asked here from now on.
    pub(in crate::driver) fn set_pods(&mut self, pods: Arc<dyn crate::runtime::PodImages>) {
        self.ports.pods = pods;
    }

    /// Runs until it is told to [stop](ImagesHandle::stop). Calls that are in flight then are dropped, as when the agent
    /// dies; dropping the future has the same effect. Run again it begins another life of the agent.
    pub async fn run(&mut self) {
        self.begin();
        let life = Life(self);
        let images = &mut *life.0;
        loop {
            let now = images.ports.clock.now();
            images.puller.wake(now, &mut images.pull_actions);
            if let Some(collection) = &mut images.collection {
                collection.wake(now, &mut images.collection_actions);
            }
            images.drop_unasked(now);
            images.look(now);
            images.carry_out();
            match images.woken().await {
                Woken::Command(Command::Stop) => break,
                Woken::Command(command) => images.obey(command),
                Woken::Event(event) => images.tell(&event),
                Woken::Answer(answer) => images.take(answer),
                Woken::Time => {}
            }
        }
    }

    /// A life of the agent begins: what was in flight is void.
    fn begin(&mut self) {
        let now = self.ports.clock.now();
        self.epoch = self.epoch.saturating_add(1);
        let epoch = self.epoch;
        self.let_go();
        self.operations = Operations::of_epoch(epoch);
        self.pull_actions.clear();
        self.collection_actions.clear();
        self.puller.step(now, PullerEvent::AgentStarted { epoch }, &mut self.pull_actions);
        match &mut self.collection {
            Some(collection) => {
                collection.step(now, ImageGcEvent::AgentStarted { epoch }, &mut self.collection_actions);
            }
            None => self.look_at = Some(now),
        }
        self.unasked_until = Some(now + self.settings.call_timeout);
    }

    /// Drops what is in flight.
    fn let_go(&mut self) {
        let now = self.ports.clock.now();
        self.calls.clear();
        self.doubtful.extend(std::mem::take(&mut self.pulls).into_values().map(|pull| (pull.image, now)));
        self.held.clear();
        self.removing = None;
        self.reclaims.clear();
    }

    /// Does what the machines ask for.
    fn carry_out(&mut self) {
        while !self.pull_actions.is_empty() || !self.collection_actions.is_empty() {
            let mut actions = std::mem::take(&mut self.pull_actions);
            actions.drain(..).for_each(|action| self.carry_out_pull(action));
            if self.pull_actions.is_empty() {
                self.pull_actions = actions;
            }
            let mut actions = std::mem::take(&mut self.collection_actions);
            actions.drain(..).for_each(|action| self.carry_out_collection(action));
            if self.collection_actions.is_empty() {
                self.collection_actions = actions;
            }
        }
    }

    /// Waits for whatever comes first.
    async fn woken(&mut self) -> Woken {
        let collection = self.collection.as_ref().and_then(Machine::next_wakeup);
        let due = [self.puller.next_wakeup(), collection, self.look_at, self.unasked_until];
        let due = due.into_iter().flatten().min();
        let mut sleep = self.ports.clock.sleep_until(due.unwrap_or(Timestamp::MAX));
        poll_fn(|context| {
            // (The handle of its own keeps the channel open, and the registrar the other.)
            if let Poll::Ready(Some(command)) = self.commands.poll_next_unpin(context) {
                return Poll::Ready(Woken::Command(command));
            }
            if let Poll::Ready(Some(event)) = self.told.poll_next_unpin(context) {
                return Poll::Ready(Woken::Event(event));
            }
            if let Poll::Ready(Some(answer)) = self.calls.poll_next_unpin(context) {
                return Poll::Ready(Woken::Answer(answer));
            }
            sleep.as_mut().poll(context).map(|()| Woken::Time)
        })
        .await
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Pull { order, ticket, sender } => {
                let order = Arc::from(order);
                let asked = Order { order: Arc::clone(&order), ticket, sender, keyring: None };
                self.orders.insert(order.id().clone(), asked);
                self.find_keyring(&order, ticket);
            }
            Command::Unwanted { id, ticket } => {
                let known = self.orders.get(&id).map(|order| order.ticket);
                if ticket.is_none() || ticket == known {
                    self.unwant(id);
                }
            }
            Command::Needed(images) => self.need_names(&images),
            Command::PodGone(pod) => {
                let of_pod = |id: &&PullId| id.pod() == Some(&pod);
                let wanted = self.puller.requests().map(|request| &request.id).chain(self.orders.keys());
                let ids: BTreeSet<_> = wanted.filter(of_pod).cloned().collect();
                ids.into_iter().for_each(|id| self.unwant(id));
                if !self.no_cache.is_empty() {
                    self.hand_collection(ImageGcEvent::PodGone);
                }
            }
            Command::DeleteUnused(sender) => {
                if self.collection.is_none() {
                    // Nobody waits for it any more, then.
                    let _ = sender.send(Err("the runtime collects its images itself".into()));
                    return;
                }
                let request = self.operations.issue();
                self.reclaims.insert(request, sender);
                self.hand_collection(ImageGcEvent::DeleteUnused { request });
            }
            Command::Look(look) => look(self),
            Command::Stop => {}
        }
    }

    fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Keyring { id, ticket, keyring } => self.found_keyring(&id, ticket, keyring),
            Answer::Pulls(answer) => self.take_pull(answer),
            Answer::Collection(answer) => self.take_collection(answer),
        }
    }

    /// Asks what the pod of an order has.
    fn find_keyring(&self, order: &Arc<PullOrder>, ticket: u64) {
        let (registrar, order) = (Arc::clone(&self.registrar), Arc::clone(order));
        self.calls.push(Box::pin(async move {
            let keyring = Arc::new(registrar.of_pod(&order.request).await);
            Answer::Keyring { id: order.id().clone(), ticket, keyring }
        }));
    }

    /// The machine is told of an order once it is known what its pod has.
    fn found_keyring(&mut self, id: &PullId, ticket: u64, keyring: Arc<PodKeyring>) {
        let Some(order) = self.orders.get_mut(id).filter(|order| order.ticket == ticket) else { return };
        let credentials = self.registrar.name(&keyring, &order.order.request.image);
        order.keyring = Some(keyring);
        let request = PullRequest { credentials, ..order.order.request.clone() };
        self.hand_pull(PullerEvent::Wanted(Arc::new(request)));
    }

    fn unwant(&mut self, id: PullId) {
        self.orders.remove(&id);
        self.hand_pull(PullerEvent::Unwanted(id));
    }

    /// Pulls of a former life that no pod has asked for again are wanted by nobody.
    fn drop_unasked(&mut self, now: Timestamp) {
        if self.unasked_until.take_if(|until| *until <= now).is_none() {
            return;
        }
        let ids = self.puller.requests().map(|request| &request.id);
        let is_unasked = |id: &&PullId| id.pod().is_some() && !self.orders.contains_key(id);
        let ids: Vec<_> = ids.filter(is_unasked).cloned().collect();
        ids.into_iter().for_each(|id| self.unwant(id));
    }

    fn hand_pull(&mut self, event: PullerEvent) {
        self.puller.step(self.ports.clock.now(), event, &mut self.pull_actions);
    }

    fn hand_collection(&mut self, event: ImageGcEvent) {
        if let Some(collection) = &mut self.collection {
            collection.step(self.ports.clock.now(), event, &mut self.collection_actions);
        }
    }

    fn tell(&mut self, event: &ImagesEvent) {
        if let Some(watch) = &mut self.watch {
            watch(self.ports.clock.now(), event);
        }
    }

    fn note(&mut self, note: ImagesNote) {
        self.tell(&ImagesEvent::Note(note));
    }

    /// The records have changed.
    fn tell_records(&mut self) {
        if self.watch.is_some() {
            let records = Box::new(self.records.snapshot());
            self.tell(&ImagesEvent::Records(records));
        }
    }
}

/// A life of the agent. What is in flight ends with it, and nobody waits any more.
struct Life<'a>(&'a mut Images);

impl Drop for Life<'_> {
    fn drop(&mut self) {
        self.0.let_go();
        self.0.orders.clear();
    }
}

/// A reference in both spellings: as it is written, and normalised.
fn spellings(image: &Arc<str>) -> impl Iterator<Item = Arc<str>> + use<> {
    let normalised = image.parse::<ImageReference>().ok().map(|image| image.as_str().into());
    [Arc::clone(image)].into_iter().chain(normalised)
}

/// The names of an image by which it may be asked for, its id included.
fn names_of(image: &Image) -> impl Iterator<Item = &Arc<str>> {
    image.names().chain([&image.id])
}
