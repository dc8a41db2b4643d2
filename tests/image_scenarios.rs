//! Scenarios of images: what pods want, and what is pulled, proved and removed, as text that is read like code.
//!
//! A file in `tests/scenarios/image/` tells its story in prose, then has the image fields of a `KubeletConfiguration`,
//! what registries have, what happens ([`Node::play`] has the words for it), and the log. Under `--- switches` stands
//! `compat` where the node is the kubelet 1.32's, `events` where the log has what is recorded on pods, and `looks` where
//! it says when images are looked at. A name that begins with a number is of the issue of that number in Kubernetes' own
//! tracker. `RECORD=1 cargo test --test image_scenarios` writes the logs anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod script;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{GoDuration, ImagePullPolicy, Quantity};
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::image::{
    Access, Coordinates, CredentialSource, Credentials, ImageFilesystem, ImageGc, ImageGcAction,
    ImageGcConfig, ImageGcEvent, ImageGcOutcome, ImageGcPolicy, ImageInventory, ImageListing, ImagePresence,
    ImagePullCredentials, ImageReference, ImageUser, Keyring, ListedImage, PathRule, PrefetchBudget,
    PullConfig, PullId, PullProgress, PullRateLimit, PullRecords, PullRequest, PullResult, PullUrgency,
    Puller, PullerAction, PullerEvent, PullerOutcome, RegistryCredentials, SignaturePolicy, SignatureVerdict,
    Verification, VerificationPolicy,
};
use node_lifecycle::machine::{Machine, OperationId, Snapshots, Timestamp};
use serde::Deserialize;

#[test]
fn scenarios() {
    script::replay("tests/scenarios/image", play);
}

/// Plays a scenario and writes its log.
fn play(scenario: &str) -> String {
    let lines = |name: &str| {
        let text = script::section(scenario, name).unwrap_or_default();
        text.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>()
    };
    let settings: serde_json::Value =
        serde_json::from_str(script::section(scenario, "kubelet").expect("a scenario has a kubelet"))
            .unwrap();
    let mut node = Node::new(&settings, &lines("switches"));
    for line in lines("registry") {
        node.offer(line);
    }
    for line in lines("script") {
        node.play(line);
    }
    node.log
}

/// The image fields of a `KubeletConfiguration`, as far as the scenarios need them, and our own of signatures.
#[derive(Debug, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Settings {
    serialize_image_pulls: bool,
    max_parallel_image_pulls: Option<NonZeroU32>,
    #[serde(rename = "registryPullQPS")]
    registry_pull_qps: u32,
    registry_burst: u32,
    image_pull_credentials_verification_policy: VerificationPolicy,
    preloaded_images_verification_allowlist: Vec<String>,
    signatures: SignaturePolicy,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            serialize_image_pulls: true,
            max_parallel_image_pulls: None,
            registry_pull_qps: 5,
            registry_burst: 10,
            image_pull_credentials_verification_policy: VerificationPolicy::default(),
            preloaded_images_verification_allowlist: Vec::new(),
            signatures: SignaturePolicy::default(),
        }
    }
}

/// An image of a registry.
#[derive(Debug, Clone, Default)]
struct Offer {
    id: Arc<str>,
    size: u64,
    /// What it takes on the disk besides what it shares with others.
    alone: u64,
    takes: Duration,
    /// After that long containers can be made from it.
    lazy: Option<Duration>,
    /// How much of it comes until nothing comes any more.
    stalls_at: Option<u64>,
    tells_progress: bool,
    /// The password that it needs.
    needs: Option<String>,
    is_signed: bool,
}

/// An image of the node.
#[derive(Debug, Clone)]
struct Image {
    names: BTreeSet<ImageReference>,
    size: u64,
    alone: u64,
    pinned: bool,
    /// The pod that has it to itself.
    owner: Option<String>,
}

/// A pod, and what it waits for or runs from.
#[derive(Debug, Clone)]
struct Wants {
    image: String,
    policy: ImagePullPolicy,
    urgency: PullUrgency,
    secret: Option<String>,
    no_cache: bool,
    prefetch: bool,
    state: PodState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PodState {
    Waits,
    /// Its container is being made from this image.
    Starts(Arc<str>),
    Runs(Arc<str>),
}

/// A pull of the runtime.
#[derive(Debug, Clone)]
struct Pull {
    image: Arc<str>,
    /// Whose credentials it has.
    wants: Option<Wants>,
    /// The pod that has the image to itself.
    owner: Option<String>,
}

/// What is on its way.
#[derive(Debug)]
enum Coming {
    Look(OperationId, Arc<str>, String),
    Usable(OperationId, Arc<str>),
    Progress(OperationId, PullProgress),
    Pulled(OperationId),
    /// What somebody says of the signature of an image.
    Verified(OperationId, Arc<str>),
    Started(String),
    Retry(String),
    Observed(OperationId, Arc<ImageInventory>),
    Measured(OperationId),
    Removed(OperationId, Arc<str>),
}

/// A node in virtual time: a question takes 10 ms, a look at all images 100 ms, a removal and the start of a container
/// 1 s.
struct Node {
    puller: Puller,
    collector: ImageGc,
    records: PullRecords,
    verification: Verification,
    pull_config: PullConfig,
    gc_config: ImageGcConfig,
    behaviour: Arc<Behaviour>,
    logs_events: bool,
    logs_looks: bool,
    tells_needs: bool,
    registry: BTreeMap<ImageReference, Offer>,
    is_registry_down: bool,
    secrets: BTreeMap<String, String>,
    images: BTreeMap<Arc<str>, Image>,
    sandbox_image: Option<Arc<str>>,
    stuck: BTreeSet<String>,
    pods: BTreeMap<String, Wants>,
    /// The pulls of the runtime.
    pulls: BTreeMap<OperationId, Pull>,
    cancelled: BTreeSet<OperationId>,
    capacity: u64,
    /// What others than images take on the disk.
    other: u64,
    start: Timestamp,
    now: Timestamp,
    coming: BTreeMap<(Timestamp, u32), Coming>,
    sent: u32,
    epoch: u32,
    evictions: u32,
    log: String,
}

impl Node {
    fn new(settings: &serde_json::Value, switches: &[&str]) -> Self {
        let compat = if switches.contains(&"compat") { Compat::kubelet_1_32() } else { Compat::default() };
        let gates = settings["featureGates"].as_object().into_iter().flatten();
        let gates: Vec<_> = gates.map(|(gate, on)| format!("{gate}={on}")).collect();
        let behaviour = Arc::new(Behaviour { compat, gates: gates.join(",").parse().unwrap() });
        let policy: ImageGcPolicy = serde_json::from_value(settings.clone()).unwrap();
        let gc_config = ImageGcConfig { policy, ..ImageGcConfig::default() };
        let own: Settings = serde_json::from_value(settings.clone()).unwrap();
        let mut prefetch = PrefetchBudget::default();
        if let Some(most) = settings["prefetchBytes"].as_str() {
            prefetch.max_bytes = bytes(most);
        }
        let pull_config = PullConfig {
            max_parallel: if own.serialize_image_pulls {
                Some(NonZeroU32::MIN)
            } else {
                own.max_parallel_image_pulls
            },
            rate_limit: (own.registry_pull_qps > 0)
                .then(|| PullRateLimit::per_second(own.registry_pull_qps, own.registry_burst)),
            prefetch,
            signatures: own.signatures,
            ..PullConfig::default()
        };
        let verification = Verification::new(
            own.image_pull_credentials_verification_policy,
            &own.preloaded_images_verification_allowlist,
            behaviour.gates,
        )
        .unwrap();
        let start = Timestamp::from_unix_seconds(1_000_000);
        Self {
            puller: Puller::new(pull_config.clone(), Arc::clone(&behaviour), start).unwrap(),
            collector: ImageGc::new(gc_config, Arc::clone(&behaviour), start).unwrap(),
            records: PullRecords::default(),
            verification,
            pull_config,
            gc_config,
            behaviour,
            logs_events: switches.contains(&"events"),
            logs_looks: switches.contains(&"looks"),
            tells_needs: !switches.contains(&"needs-untold"),
            registry: BTreeMap::new(),
            is_registry_down: false,
            secrets: BTreeMap::new(),
            images: BTreeMap::new(),
            sandbox_image: None,
            stuck: BTreeSet::new(),
            pods: BTreeMap::new(),
            pulls: BTreeMap::new(),
            cancelled: BTreeSet::new(),
            capacity: 100 << 30,
            other: 0,
            start,
            now: start,
            coming: BTreeMap::new(),
            sent: 0,
            epoch: 0,
            evictions: 0,
            log: String::new(),
        }
    }

    /// `app:1 2Gi takes=30s alone=1Gi lazy=3s stalls=1Gi progress needs=password signed`: an image of a registry, how large it
    /// is and how long it takes.
    fn offer(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let (name, size) = (words.next().unwrap(), bytes(words.next().unwrap()));
        let mut offer = Offer { id: id_of(name), size, alone: size, takes: seconds(10), ..Offer::default() };
        for word in words {
            match word.split_once('=').unwrap_or((word, "")) {
                ("takes", time) => offer.takes = duration(time),
                ("alone", size) => offer.alone = bytes(size),
                ("signed", _) => offer.is_signed = true,
                ("lazy", time) => offer.lazy = Some(duration(time)),
                ("stalls", size) => offer.stalls_at = Some(bytes(size)),
                ("progress", _) => offer.tells_progress = true,
                ("needs", password) => offer.needs = Some(password.to_owned()),
                other => panic!("no image has {other:?}"),
            }
        }
        self.registry.insert(reference(name), offer);
    }

    fn play(&mut self, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["disk", capacity, other] => (self.capacity, self.other) = (bytes(capacity), bytes(other)),
            ["image", name, size, ref how @ ..] => self.load(name, size, how),
            ["sandbox-image", name] => self.sandbox_image = Some(id_of(name)),
            ["registry", "is", "down"] => self.is_registry_down = true,
            ["registry", "is", "up"] => self.is_registry_down = false,
            ["registry", "has", ..] => self.offer(line.trim_start_matches("registry has ")),
            ["secret", name, password] => drop(self.secrets.insert(name.to_owned(), password.to_owned())),
            ["sign", image] => self.registry.get_mut(&image.parse().unwrap()).unwrap().is_signed = true,
            ["stuck", image] => drop(self.stuck.insert(id_of(image).to_string())),
            ["loose", image] => drop(self.stuck.remove(&*id_of(image))),
            ["want", pod, image, ref how @ ..] => self.want(pod, image, how, false),
            ["prefetch", name, image, ref how @ ..] => self.want(name, image, how, true),
            ["again", pod] => self.ask(pod),
            ["gone", pod] => self.gone(pod),
            ["evict"] => {
                let request = OperationId { epoch: 1, seq: self.evictions };
                self.evictions += 1;
                self.say("an eviction wants room");
                self.tell_collector(ImageGcEvent::DeleteUnused { request });
            }
            ["start"] => self.start_agent(),
            ["run", time] => self.run_until(self.now + duration(time)),
            ["restart-agent"] => {
                self.say("the agent restarts with its snapshot");
                let environment = (self.pull_config.clone(), Arc::clone(&self.behaviour));
                self.puller = Puller::restore(again(&self.puller.snapshot()), environment, self.now).unwrap();
                let environment = (self.gc_config, Arc::clone(&self.behaviour));
                self.collector =
                    ImageGc::restore(again(&self.collector.snapshot()), environment, self.now).unwrap();
                self.records = PullRecords::restore(again(&self.records.snapshot())).unwrap();
                self.start_agent();
            }
            ["new-agent"] => {
                self.say("the agent restarts with nothing");
                self.puller =
                    Puller::new(self.pull_config.clone(), Arc::clone(&self.behaviour), self.now).unwrap();
                self.collector = ImageGc::new(self.gc_config, Arc::clone(&self.behaviour), self.now).unwrap();
                self.records = PullRecords::default();
                self.start_agent();
                for pod in self.pods.keys().cloned().collect::<Vec<_>>() {
                    self.ask(&pod);
                }
            }
            _ => panic!("no script has {line:?}"),
        }
    }

    /// An image that is there, whoever has brought it.
    fn load(&mut self, name: &str, size: &str, how: &[&str]) {
        let image = Image {
            names: [reference(name)].into(),
            size: bytes(size),
            alone: bytes(size),
            pinned: how.contains(&"pinned"),
            owner: None,
        };
        self.images.insert(id_of(name), image);
    }

    /// `Always`, `Never`, `priority=5`, `critical`, `blocks`, `secret=team`, `no-cache`.
    fn want(&mut self, pod: &str, image: &str, how: &[&str], prefetch: bool) {
        let mut wants = Wants {
            image: image.to_owned(),
            policy: ImagePullPolicy::IfNotPresent,
            urgency: PullUrgency::default(),
            secret: None,
            no_cache: false,
            prefetch,
            state: PodState::Waits,
        };
        for word in how {
            match word.split_once('=').unwrap_or((word, "")) {
                ("Always", _) => wants.policy = ImagePullPolicy::Always,
                ("Never", _) => wants.policy = ImagePullPolicy::Never,
                ("critical", _) => wants.urgency.node_critical = true,
                ("blocks", _) => wants.urgency.blocks_next_container = true,
                ("priority", priority) => wants.urgency.priority = priority.parse().unwrap(),
                ("secret", name) => wants.secret = Some(name.to_owned()),
                ("no-cache", _) => wants.no_cache = true,
                other => panic!("no pod has {other:?}"),
            }
        }
        self.pods.insert(pod.to_owned(), wants);
        self.ask(pod);
    }

    fn ask(&mut self, pod: &str) {
        let Some(wants) = self.pods.get(pod).filter(|wants| wants.state == PodState::Waits) else { return };
        let credentials: Vec<_> =
            self.keyring(wants).iter().map(|(entry, _)| entry.credentials.hash()).collect();
        let request = PullRequest {
            policy: wants.policy,
            credentials: credentials.join("+").into(),
            urgency: wants.urgency,
            prefetch: wants.prefetch,
            no_cache: wants.no_cache,
            ..PullRequest::new(pull_id(pod, wants.prefetch), wants.image.as_str())
        };
        self.tell_puller(PullerEvent::Wanted(Arc::new(request)));
    }

    /// What a pod has for its image.
    fn keyring(&self, wants: &Wants) -> Vec<(RegistryCredentials, ImagePullCredentials)> {
        let Some((name, password)) = wants.secret.as_ref().and_then(|name| self.secrets.get_key_value(name))
        else {
            return Vec::new();
        };
        let coordinates =
            Coordinates { namespace: "shop".into(), name: name.as_str().into(), uid: name.as_str().into() };
        let entry = RegistryCredentials {
            registry: "r.example".to_owned(),
            credentials: Credentials {
                username: "bob".to_owned(),
                password: password.as_str().into(),
                ..Credentials::default()
            },
            source: Some(CredentialSource::Secret(coordinates)),
        };
        let (keyring, _) = Keyring::new(PathRule::Segments, [entry.clone()]);
        let found = keyring.lookup(reference(&wants.image).repository());
        let known = ImagePullCredentials::presented(&found);
        found.iter().map(|_| (entry.clone(), known.clone())).collect()
    }

    /// A pod is gone, or nobody asks for the image ahead of time any more.
    fn gone(&mut self, pod: &str) {
        let wants = self.pods.remove(pod).expect("the pod is known");
        self.tell_puller(PullerEvent::Unwanted(pull_id(pod, wants.prefetch)));
        self.tell_collector(ImageGcEvent::PodGone);
    }

    fn start_agent(&mut self) {
        self.epoch += 1;
        let images = self.images.iter().map(|(id, image)| (&**id, image.names.iter().map(|it| it.as_str())));
        self.records.agent_started(self.now, images);
        self.tell_collector(ImageGcEvent::AgentStarted { epoch: self.epoch });
        self.tell_puller(PullerEvent::AgentStarted { epoch: self.epoch });
    }

    fn run_until(&mut self, end: Timestamp) {
        loop {
            let coming = self.coming.first_key_value().map(|((at, _), _)| *at);
            let due = [self.puller.next_wakeup(), self.collector.next_wakeup()].into_iter().flatten().min();
            match (coming, due) {
                (Some(at), due) if at <= end && due.is_none_or(|due| at < due) => {
                    self.now = at;
                    let (_, coming) = self.coming.pop_first().unwrap();
                    self.arrive(coming);
                }
                (_, Some(due)) if due <= end => {
                    self.now = due;
                    let mut actions = Vec::new();
                    self.puller.wake(due, &mut actions);
                    self.do_pulls(actions);
                    let mut actions = Vec::new();
                    self.collector.wake(due, &mut actions);
                    self.do_collection(actions);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    fn tell_puller(&mut self, event: PullerEvent) {
        let mut actions = Vec::new();
        self.puller.step(self.now, event, &mut actions);
        self.do_pulls(actions);
    }

    fn tell_collector(&mut self, event: ImageGcEvent) {
        let mut actions = Vec::new();
        self.collector.step(self.now, event, &mut actions);
        self.do_collection(actions);
    }

    fn do_pulls(&mut self, actions: Vec<PullerAction>) {
        for action in actions {
            match action {
                PullerAction::Look { operation, image, request } => {
                    self.send(
                        Duration::from_millis(10),
                        Coming::Look(operation, image, name_of(&request.id)),
                    );
                }
                PullerAction::Pull { operation, image, request } => {
                    self.begin_pull(operation, &image, &request);
                }
                PullerAction::CancelPull { operation } => {
                    let image = Arc::clone(&self.pulls[&operation].image);
                    self.say(format!("cancels the pull of {image}"));
                    let is_of = |coming: &Coming| {
                        matches!(coming, Coming::Pulled(it) | Coming::Usable(it, _) | Coming::Progress(it, _)
                            if *it == operation)
                    };
                    self.coming.retain(|_, coming| !is_of(coming));
                    self.cancelled.insert(operation);
                    self.send(Duration::from_millis(10), Coming::Pulled(operation));
                }
                PullerAction::VerifySignature { operation, image, subject, .. } => {
                    self.say(format!("asks whether {} has signed {image}", subject.authority));
                    self.send(Duration::from_millis(500), Coming::Verified(operation, image));
                }
                PullerAction::Answer { id, result } => self.answered(&name_of(&id), *result),
                PullerAction::Record { id, event } => {
                    if self.logs_events {
                        self.say(format!("event for {}: {}: {}", name_of(&id), event.reason, event.message));
                    }
                }
                PullerAction::Progress(standing) => {
                    let progress = standing.progress;
                    let mut line = format!(
                        "{}: {} of {}",
                        standing.image,
                        mib(progress.bytes),
                        mib(progress.total_bytes.unwrap_or(0))
                    );
                    if let (Some(rate), Some(left)) = (standing.bytes_per_second, standing.time_left) {
                        write!(line, ", {} a second, {} to go", mib(rate), GoDuration(left)).unwrap();
                    }
                    self.say(line);
                }
                PullerAction::Note(note) => self.say(format!("note: {note}")),
            }
        }
    }

    fn begin_pull(&mut self, operation: OperationId, image: &Arc<str>, request: &PullRequest) {
        let pod = name_of(&request.id);
        self.say(format!("pulls {image} for {pod}"));
        self.records.begin(image);
        let owner = request.no_cache.then(|| pod.clone());
        let wants = self.pods.get(&pod).cloned();
        self.pulls.insert(operation, Pull { image: Arc::clone(image), wants, owner });
        let Some(offer) = self.registry.get(&reference(image)).cloned().filter(|_| !self.is_registry_down)
        else {
            return self.send(seconds(1), Coming::Pulled(operation));
        };
        if !self.may_pull(operation) {
            return self.send(seconds(1), Coming::Pulled(operation));
        }
        let whole = offer.takes.as_secs();
        for second in 1..whole {
            let came = offer.size * second / whole;
            let progress = PullProgress {
                bytes: came.min(offer.stalls_at.unwrap_or(u64::MAX)),
                total_bytes: Some(offer.size),
                ..PullProgress::default()
            };
            if offer.tells_progress {
                self.send(seconds(second), Coming::Progress(operation, progress));
            }
        }
        if let Some(lazy) = offer.lazy {
            self.send(lazy, Coming::Usable(operation, offer.id));
        }
        if offer.stalls_at.is_none() {
            self.send(offer.takes, Coming::Pulled(operation));
        }
    }

    /// Whether the registry serves a pull.
    fn may_pull(&self, operation: OperationId) -> bool {
        let Pull { image, wants, .. } = &self.pulls[&operation];
        let needs = self.registry.get(&reference(image)).and_then(|offer| offer.needs.as_ref());
        let has = |password: &String| {
            let entries = wants.iter().flat_map(|wants| self.keyring(wants));
            entries.into_iter().any(|(entry, _)| entry.credentials.password.reveal() == password)
        };
        needs.is_none_or(has)
    }

    fn answered(&mut self, pod: &str, result: PullResult) {
        let (image_ref, how) = match result {
            PullResult::Failed(failure) => {
                let mut line = format!("{pod}: {failure}");
                if let Some(at) = failure.retry_at.filter(|at| *at > self.now) {
                    let after = at - self.now;
                    write!(line, " (again in {})", GoDuration(after)).unwrap();
                    self.send(after, Coming::Retry(pod.to_owned()));
                }
                return self.say(line);
            }
            PullResult::Present { image_ref } => (image_ref, "has its image"),
            PullResult::Pulled { image_ref, .. } => (image_ref, "has its image, which was pulled"),
            PullResult::Usable { image_ref, .. } => {
                (image_ref, "can use its image, and the rest of it is to come")
            }
        };
        self.say(format!("{pod} {how}"));
        let Some(wants) = self.pods.get_mut(pod).filter(|wants| !wants.prefetch) else { return };
        wants.state = PodState::Starts(Arc::clone(&image_ref));
        self.send(seconds(1), Coming::Started(pod.to_owned()));
        if self.tells_needs {
            self.tell_collector(ImageGcEvent::Needed { id: image_ref });
        }
    }

    fn do_collection(&mut self, actions: Vec<ImageGcAction>) {
        for action in actions {
            match action {
                ImageGcAction::Observe { operation } => {
                    if self.logs_looks {
                        self.say("looks at the images");
                    }
                    let seen = Arc::new(ImageInventory::new(&self.listing(), self.behaviour.gates));
                    self.send(Duration::from_millis(100), Coming::Observed(operation, seen));
                }
                ImageGcAction::Measure { operation } => {
                    self.send(Duration::from_millis(10), Coming::Measured(operation));
                }
                ImageGcAction::Remove { operation, removal } => {
                    self.say(format!("removes {removal}"));
                    self.send(seconds(1), Coming::Removed(operation, removal.id));
                }
                ImageGcAction::Reclaimed { result, .. } => self.say(match result {
                    Ok(freed) => format!("has freed {} for the eviction", mib(freed)),
                    Err(error) => format!("could not free what should be: {error}"),
                }),
                ImageGcAction::Warn { reason, message } => self.say(format!("warning: {reason}: {message}")),
                ImageGcAction::Note(note) => {
                    if self.logs_looks {
                        self.say(format!("note: {note}"));
                    }
                }
            }
        }
    }

    fn listing(&self) -> ImageListing {
        let image = |(id, image): (&Arc<str>, &Image)| ListedImage {
            id: Arc::clone(id),
            names: image.names.iter().map(|name| name.as_str().into()).collect(),
            size_bytes: image.size,
            pinned: image.pinned,
            ..ListedImage::default()
        };
        let (mut containers, mut needed) = (Vec::new(), BTreeSet::new());
        for wants in self.pods.values() {
            match &wants.state {
                PodState::Runs(id) => {
                    containers.push(ImageUser { image: Arc::clone(id), ..ImageUser::default() });
                }
                PodState::Starts(id) => drop(needed.insert(Arc::clone(id))),
                PodState::Waits => {}
            }
        }
        if !self.tells_needs {
            needed.clear();
        }
        let no_cache = self.images.iter().filter(|(_, image)| image.owner.is_some());
        ImageListing {
            images: self.images.iter().map(image).collect(),
            containers,
            sandbox_image: self.sandbox_image.clone(),
            needed,
            no_cache: no_cache.map(|(id, _)| Arc::clone(id)).collect(),
        }
    }

    fn send(&mut self, takes: Duration, coming: Coming) {
        self.sent += 1;
        self.coming.insert((self.now + takes, self.sent), coming);
    }

    fn arrive(&mut self, coming: Coming) {
        match coming {
            Coming::Look(operation, image, pod) => {
                let outcome = PullerOutcome::Looked(self.presence(&image, &pod));
                self.tell_puller(PullerEvent::Done { operation, outcome });
            }
            Coming::Usable(operation, image_ref) => {
                let Pull { image, owner, .. } = self.pulls[&operation].clone();
                self.add(&image, owner);
                self.tell_puller(PullerEvent::Usable { operation, image_ref });
            }
            Coming::Progress(operation, progress) => {
                self.tell_puller(PullerEvent::Progress { operation, progress });
            }
            Coming::Pulled(operation) => self.pulled(operation),
            Coming::Verified(operation, image) => {
                let offer = self.registry.get(&image.parse().unwrap());
                let outcome = PullerOutcome::Verified(if offer.is_some_and(|offer| offer.is_signed) {
                    SignatureVerdict::Valid { until: None }
                } else {
                    SignatureVerdict::Invalid { reason: "no signature was found".into() }
                });
                self.tell_puller(PullerEvent::Done { operation, outcome });
            }
            Coming::Started(pod) => {
                let Some(wants) = self.pods.get_mut(&pod) else { return };
                let PodState::Starts(id) = wants.state.clone() else { return };
                if self.images.contains_key(&id) {
                    wants.state = PodState::Runs(id);
                    self.say(format!("{pod} runs"));
                } else {
                    wants.state = PodState::Waits;
                    self.say(format!("{pod} cannot start: its image is gone"));
                    self.ask(&pod);
                }
            }
            Coming::Retry(pod) => self.ask(&pod),
            Coming::Observed(operation, seen) => {
                self.tell_collector(ImageGcEvent::Done {
                    operation,
                    outcome: ImageGcOutcome::Observed(seen),
                });
                let present: Vec<_> = self.images.keys().cloned().collect();
                self.records.prune(&present.iter().map(AsRef::as_ref).collect(), self.now);
            }
            Coming::Measured(operation) => {
                let used = self.images.values().map(|image| image.alone).sum::<u64>() + self.other;
                let available_bytes = self.capacity.saturating_sub(used);
                let disk = ImageFilesystem { capacity_bytes: self.capacity, available_bytes };
                self.tell_collector(ImageGcEvent::Done {
                    operation,
                    outcome: ImageGcOutcome::Measured(disk),
                });
            }
            Coming::Removed(operation, id) => {
                let outcome = if self.stuck.contains(&*id) {
                    ImageGcOutcome::Failed("device is busy".into())
                } else {
                    if self.images.remove(&id).is_some() {
                        self.tell_puller(PullerEvent::Removed(id));
                    }
                    ImageGcOutcome::Removed
                };
                self.tell_collector(ImageGcEvent::Done { operation, outcome });
            }
        }
    }

    /// Whether an image is there, and the pod may use it.
    fn presence(&mut self, image: &str, pod: &str) -> ImagePresence {
        let named = reference(image);
        let found = self.images.iter().find(|(_, image)| image.names.contains(&named));
        let Some((id, found)) = found.map(|(id, image)| (Arc::clone(id), image.clone())) else {
            return ImagePresence::Absent;
        };
        if found.owner.is_some_and(|owner| owner != pod) {
            return ImagePresence::Unproven;
        }
        let presented = self.pods.get(pod).map(|wants| self.keyring(wants)).unwrap_or_default();
        let presented = presented.into_iter().next().map(|(_, known)| known).unwrap_or_default();
        let (access, _) = self.records.verify(self.now, &self.verification, image, &id, &presented);
        match access {
            Access::Granted(_) => ImagePresence::Present(id),
            Access::MustPull => {
                self.say(format!("{pod} has to prove that it may use {image}"));
                ImagePresence::Unproven
            }
        }
    }

    /// A pull of the runtime has come to its end.
    fn pulled(&mut self, operation: OperationId) {
        let may_pull = self.may_pull(operation);
        let Some(Pull { image, wants, owner }) = self.pulls.remove(&operation) else { return };
        // A former agent's pull ends all the same, and nobody hears of it.
        let is_ours = operation.epoch == self.epoch;
        let outcome = match self.registry.get(&reference(&image)).cloned() {
            _ if self.cancelled.remove(&operation) => PullerOutcome::Failed("context canceled".into()),
            _ if self.is_registry_down => {
                PullerOutcome::Failed("RegistryUnavailable: connection refused".into())
            }
            None => PullerOutcome::Failed("not found".into()),
            Some(_) if !may_pull => PullerOutcome::Failed("unauthorized".into()),
            Some(offer) => {
                self.add(&image, owner);
                if is_ours {
                    let known = wants.iter().flat_map(|wants| self.keyring(wants)).next();
                    let known = match (known, &offer.needs) {
                        (Some((_, known)), Some(_)) => known,
                        _ => ImagePullCredentials::anonymous(),
                    };
                    self.records.succeeded(self.now, &image, &offer.id, &known);
                }
                PullerOutcome::Pulled { image_ref: offer.id, size_bytes: offer.size }
            }
        };
        if is_ours {
            if matches!(outcome, PullerOutcome::Failed(_)) {
                self.records.failed(&image);
            }
            self.tell_puller(PullerEvent::Done { operation, outcome });
        }
    }

    /// The runtime has an image by this name.
    fn add(&mut self, name: &str, owner: Option<String>) {
        let named = reference(name);
        let offer = self.registry.get(&named).cloned().unwrap();
        let new =
            Image { names: BTreeSet::new(), size: offer.size, alone: offer.alone, pinned: false, owner };
        self.images.entry(offer.id).or_insert(new).names.insert(named);
    }

    /// `     12.300  web runs`
    fn say(&mut self, what: impl AsRef<str>) {
        let seconds = Duration::as_secs_f64(&(self.now - self.start));
        writeln!(self.log, "{seconds:>10.3}  {}", what.as_ref()).unwrap();
    }
}

/// Stored and read again.
fn again<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

fn reference(name: &str) -> ImageReference {
    name.parse().unwrap()
}

fn id_of(name: &str) -> Arc<str> {
    format!("sha-{name}").into()
}

fn pull_id(pod: &str, prefetch: bool) -> PullId {
    if prefetch {
        PullId::Named(pod.into())
    } else {
        PullId::Container { pod: pod.into(), name: "app".into() }
    }
}

fn name_of(id: &PullId) -> String {
    id.pod().map_or_else(|| id.to_string(), ToString::to_string)
}

fn bytes(text: &str) -> u64 {
    text.parse::<Quantity>().unwrap().value().unwrap().unsigned_abs()
}

fn mib(bytes: u64) -> String {
    format!("{}Mi", bytes >> 20)
}

fn duration(text: &str) -> Duration {
    text.parse::<GoDuration>().unwrap().0
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
