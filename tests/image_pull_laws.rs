//! Laws of the puller: under random requests, answers, progress and restarts, whatever the order.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test, a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::ImagePullPolicy;
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::container::BackOffSettings;
use node_lifecycle::image::{
    FAIR_PULL_TURN, ImagePresence, ImageReference, PrefetchBudget, PullConfig, PullFailure, PullId,
    PullProgress, PullRateLimit, PullReason, PullRequest, PullResult, PullUrgency, Puller, PullerAction,
    PullerEvent, PullerNote, PullerOutcome, PullerSnapshot, TokenBucket,
};
use node_lifecycle::machine::{Machine, OperationId, Snapshots, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const START: Timestamp = Timestamp::from_unix_seconds(1000);
/// The first two are the same image, and the last is none.
const IMAGES: [&str; 6] =
    ["a", "docker.io/library/a:latest", "b:1", "registry.example/team/c:2", "d:1", "no name of an image"];

/// What happens, in small numbers, made real against what was asked for so far.
#[derive(Debug, Clone)]
enum Seed {
    Want(PullRequest),
    Unwant(PullId),
    Answer { which: Index, how: u8, bytes: u64 },
    Progress { which: Index, progress: PullProgress },
    Usable { which: Index },
    Removed(&'static str),
    AgentStarted,
    Foreign(OperationId),
}

fn id() -> impl Strategy<Value = PullId> {
    let pod = || select(vec!["u0", "u1", "u2", "u3"]).prop_map(Into::into);
    prop_oneof![
        6 => (pod(), select(vec!["c0", "c1"]))
            .prop_map(|(pod, name)| PullId::Container { pod, name: name.into() }),
        1 => pod().prop_map(|pod| PullId::Volume { pod, name: "v".into() }),
        1 => select(vec!["x", "y"]).prop_map(|name| PullId::Named(name.into())),
    ]
}

fn urgency() -> impl Strategy<Value = PullUrgency> {
    (prop::bool::weighted(0.1), any::<bool>(), -2..3_i32).prop_map(
        |(node_critical, blocks_next_container, priority)| PullUrgency {
            node_critical,
            blocks_next_container,
            priority,
        },
    )
}

fn request() -> impl Strategy<Value = PullRequest> {
    let policy = select(vec![
        ImagePullPolicy::Always,
        ImagePullPolicy::IfNotPresent,
        ImagePullPolicy::IfNotPresent,
        ImagePullPolicy::Never,
    ]);
    let flag = || prop::bool::weighted(0.2);
    (id(), select(IMAGES.to_vec()), policy, (flag(), flag()), urgency(), (flag(), flag())).prop_map(
        |(id, image, policy, (secret, kata), urgency, (prefetch, no_cache))| PullRequest {
            policy,
            credentials: if secret { "k1" } else { "" }.into(),
            runtime_handler: if kata { "kata" } else { "" }.into(),
            urgency,
            prefetch,
            no_cache,
            ..PullRequest::new(id, image)
        },
    )
}

fn progress() -> impl Strategy<Value = PullProgress> {
    let bytes = || prop_oneof![8 => 0..2000_u64, 1 => any::<u64>()];
    (bytes(), prop::option::of(bytes()), 0..4_u32, prop::option::of(0..4_u32)).prop_map(
        |(bytes, total_bytes, layers, total_layers)| PullProgress {
            bytes,
            total_bytes,
            layers,
            total_layers,
        },
    )
}

fn seed() -> impl Strategy<Value = Seed> {
    prop_oneof![
        8 => request().prop_map(Seed::Want),
        2 => id().prop_map(Seed::Unwant),
        10 => (any::<Index>(), 0..8_u8, 0..1500_u64)
            .prop_map(|(which, how, bytes)| Seed::Answer { which, how, bytes }),
        3 => (any::<Index>(), progress()).prop_map(|(which, progress)| Seed::Progress { which, progress }),
        1 => any::<Index>().prop_map(|which| Seed::Usable { which }),
        1 => select(IMAGES.to_vec()).prop_map(Seed::Removed),
        1 => Just(Seed::AgentStarted),
        1 => (0..3_u32, any::<u32>()).prop_map(|(epoch, seq)| Seed::Foreign(OperationId { epoch, seq })),
    ]
}

fn log() -> impl Strategy<Value = Vec<(u64, Seed)>> {
    let after = prop_oneof![4 => 0..3_000_u64, 1 => 0..90_000_u64];
    vec((after, seed()), 1..80)
}

fn config() -> impl Strategy<Value = PullConfig> {
    let rate = prop::option::of((1..4_u32, 1..20_u64, 1..4_u32));
    let prefetch = (0..3_u32, 0..3000_u64, prop::option::of(1..500_u32));
    (0..4_u32, rate, prefetch).prop_map(|(parallel, rate, (max_parallel, max_bytes, per_second))| {
        PullConfig {
            max_parallel: NonZeroU32::new(parallel),
            rate_limit: rate.map(|(tokens, seconds, burst)| PullRateLimit {
                tokens,
                period: Duration::from_secs(seconds),
                burst,
            }),
            back_off: BackOffSettings { initial: secs(10), max: secs(60), expire_after: None },
            call_timeout: secs(20),
            pull_timeout: secs(60),
            progress_deadline: secs(15),
            progress_interval: secs(2),
            prefetch: PrefetchBudget {
                max_parallel,
                max_bytes,
                bytes_per_second: per_second.and_then(NonZeroU32::new),
            },
            ..PullConfig::default()
        }
    })
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn behaviour(kubelet: bool) -> Arc<Behaviour> {
    let compat = if kubelet { Compat::kubelet_1_32() } else { Compat::default() };
    Arc::new(Behaviour { compat, ..Behaviour::default() })
}

/// The image and the credentials of a request.
type Key = (ImageReference, Arc<str>);

fn key(request: &PullRequest) -> Key {
    (request.image.parse().unwrap(), Arc::clone(&request.credentials))
}

/// Makes events of seeds, the same ones for the same actions.
#[derive(Default)]
struct World {
    asked: Vec<PullerAction>,
    epoch: u32,
}

impl World {
    fn event(&mut self, seed: &Seed) -> PullerEvent {
        let any = OperationId { epoch: 99, seq: 99 };
        let asked = |which: &Index| {
            // The latest as a rule, so that most answers come while they are waited for.
            let from = self.asked.len().saturating_sub(6);
            let from = if which.index(10) == 0 { 0 } else { from };
            let late = self.asked.get(from..).unwrap_or_default();
            (!late.is_empty()).then(|| which.get(late))
        };
        let operation = |which: &Index| asked(which).and_then(PullerAction::operation).unwrap_or(any);
        match seed {
            Seed::Want(request) => PullerEvent::Wanted(Arc::new(request.clone())),
            Seed::Unwant(id) => PullerEvent::Unwanted(id.clone()),
            Seed::Answer { which, how, bytes } => PullerEvent::Done {
                operation: operation(which),
                outcome: match (how, asked(which)) {
                    (0, _) => PullerOutcome::Failed("RegistryUnavailable: down".into()),
                    (1, _) => PullerOutcome::Failed("boom".into()),
                    (2, Some(PullerAction::Look { .. })) => PullerOutcome::Looked(ImagePresence::Unproven),
                    (3, Some(PullerAction::Look { .. })) => {
                        PullerOutcome::Looked(ImagePresence::Present("there".into()))
                    }
                    (4, Some(PullerAction::Pull { .. })) => PullerOutcome::Looked(ImagePresence::Absent),
                    (_, Some(PullerAction::Look { .. })) => PullerOutcome::Looked(ImagePresence::Absent),
                    _ => PullerOutcome::Pulled { image_ref: "pulled".into(), size_bytes: *bytes },
                },
            },
            Seed::Progress { which, progress } => {
                PullerEvent::Progress { operation: operation(which), progress: *progress }
            }
            Seed::Usable { which } => {
                PullerEvent::Usable { operation: operation(which), image_ref: "usable".into() }
            }
            Seed::Removed(image) => PullerEvent::Removed((*image).into()),
            Seed::AgentStarted => {
                self.epoch += 1;
                PullerEvent::AgentStarted { epoch: self.epoch }
            }
            Seed::Foreign(operation) => PullerEvent::Done {
                operation: *operation,
                outcome: PullerOutcome::Failed("nobody asked".into()),
            },
        }
    }

    fn saw(&mut self, actions: &[PullerAction]) {
        self.asked.extend(actions.iter().filter(|action| action.operation().is_some()).cloned());
    }
}

/// What the laws need to know of a node, told from events and actions alone.
struct Model {
    config: PullConfig,
    kubelet: bool,
    now: Timestamp,
    wanted: BTreeMap<PullId, Arc<PullRequest>>,
    looks: BTreeMap<OperationId, Timestamp>,
    pulls: BTreeMap<OperationId, Pull>,
    begun: Vec<Timestamp>,
    operations: BTreeSet<OperationId>,
    /// How often pulls of an image have failed one after the other, the delay that followed, and when that began.
    failed: BTreeMap<Key, (Duration, Timestamp)>,
    prefetched: BTreeMap<ImageReference, u64>,
    /// Images that somebody has got who needs them now, with this event.
    used: BTreeSet<ImageReference>,
}

struct Pull {
    key: Key,
    prefetch: bool,
    until: Timestamp,
    heard: Option<PullProgress>,
    cancelled: bool,
}

impl Model {
    fn new(config: &PullConfig, kubelet: bool) -> Self {
        Self {
            config: config.clone(),
            kubelet,
            now: START,
            wanted: BTreeMap::new(),
            looks: BTreeMap::new(),
            pulls: BTreeMap::new(),
            begun: Vec::new(),
            operations: BTreeSet::new(),
            failed: BTreeMap::new(),
            prefetched: BTreeMap::new(),
            used: BTreeSet::new(),
        }
    }

    /// An event, before the puller takes it, but after it did what was due.
    fn happens(&mut self, event: &PullerEvent) {
        self.used.clear();
        match event {
            PullerEvent::Wanted(request) => {
                // Somebody may need now what is fetched ahead of time.
                self.pulls.values_mut().filter(|_| !request.prefetch).for_each(|pull| pull.prefetch = false);
                self.wanted.insert(request.id.clone(), Arc::clone(request));
            }
            PullerEvent::Unwanted(id) => {
                self.wanted.remove(id);
            }
            PullerEvent::Done { operation, outcome } => {
                let is_of_look = matches!(outcome, PullerOutcome::Looked(_) | PullerOutcome::Failed(_));
                if is_of_look {
                    self.looks.remove(operation);
                }
                if matches!(outcome, PullerOutcome::Looked(_)) {
                    return;
                }
                let ended = self.pulls.remove(operation);
                if let (Some(pull), PullerOutcome::Pulled { .. }) = (ended, outcome) {
                    // Whoever has waited for it.
                    self.failed.remove(&pull.key);
                }
            }
            PullerEvent::Progress { operation, progress } => {
                let Some(pull) = self.pulls.get_mut(operation).filter(|pull| !pull.cancelled) else { return };
                let more =
                    |heard: PullProgress| progress.bytes > heard.bytes || progress.layers > heard.layers;
                if pull.heard.is_none_or(more) {
                    pull.until = self.now + self.config.progress_deadline;
                }
                let heard = pull.heard.get_or_insert(*progress);
                heard.bytes = heard.bytes.max(progress.bytes);
                heard.layers = heard.layers.max(progress.layers);
            }
            PullerEvent::Removed(image) => {
                if let Ok(image) = image.parse::<ImageReference>() {
                    self.prefetched.remove(&image);
                }
            }
            PullerEvent::AgentStarted { .. } => {
                self.looks.clear();
                self.pulls.clear();
            }
            _ => {}
        }
    }

    /// What the puller asks for.
    fn asks(&mut self, action: &PullerAction) {
        if let Some(operation) = action.operation() {
            assert!(self.operations.insert(operation), "{operation} is used twice");
        }
        match action {
            PullerAction::Look { operation, request, .. } => {
                assert_eq!(self.wanted.get(&request.id), Some(request));
                assert_ne!(request.policy, ImagePullPolicy::Always);
                self.looks.insert(*operation, self.now + self.config.call_timeout);
            }
            PullerAction::Pull { operation, request, .. } => self.begins(*operation, request),
            PullerAction::CancelPull { operation } => {
                let pull = self.pulls.get_mut(operation).unwrap();
                assert!(!pull.cancelled, "cancelled twice");
                pull.cancelled = true;
                pull.until = self.now + self.config.call_timeout;
            }
            PullerAction::Record { id, .. } => {
                assert!(self.wanted.get(id).is_some_and(|request| !request.prefetch), "nobody is waiting");
            }
            PullerAction::Answer { id, result } => {
                let request = self.wanted.remove(id).unwrap();
                self.answers(&request, result);
            }
            PullerAction::Progress(standing) => {
                assert!(standing.waiting.iter().all(|id| self.wanted.contains_key(id)));
            }
            PullerAction::Note(PullerNote::TimedOut { operation }) => {
                let until = self.looks.remove(operation).or_else(|| Some(self.pulls.get(operation)?.until));
                assert!(until.unwrap() <= self.now, "given up too early");
                if self.pulls.get(operation).is_some_and(|pull| pull.cancelled) {
                    self.pulls.remove(operation);
                }
            }
            PullerAction::VerifySignature { .. } => panic!("no image has to be signed"),
            PullerAction::Note(_) => {}
        }
    }

    fn begins(&mut self, operation: OperationId, request: &Arc<PullRequest>) {
        assert_eq!(self.wanted.get(&request.id), Some(request));
        assert_ne!(request.policy, ImagePullPolicy::Never);
        let key = key(request);
        assert!(self.pulls.values().all(|pull| pull.key != key), "two of {key:?} at once");
        if request.prefetch {
            let others = self.pulls.values().filter(|pull| pull.prefetch).count();
            assert!(others < self.config.prefetch.max_parallel as usize);
            assert!(self.prefetched.values().sum::<u64>() < self.config.prefetch.max_bytes);
        }
        let (prefetch, until) = (request.prefetch, self.now + self.config.pull_timeout);
        self.pulls.insert(operation, Pull { key, prefetch, until, heard: None, cancelled: false });
        let most = self.config.max_parallel.map_or(usize::MAX, |most| most.get() as usize);
        assert!(self.pulls.len() <= most, "{} at once", self.pulls.len());
        self.begun.push(self.now);
    }

    fn answers(&mut self, request: &PullRequest, result: &PullResult) {
        if let PullResult::Failed(PullFailure { reason: PullReason::InvalidImageName, .. }) = result {
            assert!(request.image.contains(' '));
            return;
        }
        let image = key(request).0;
        match result {
            PullResult::Present { .. } => {
                assert_ne!(request.policy, ImagePullPolicy::Always);
                assert!(!request.no_cache, "served from a cache");
            }
            PullResult::Pulled { took, took_with_waiting, no_cache, .. } => {
                assert!(took <= took_with_waiting);
                assert_eq!(*no_cache, request.no_cache);
            }
            PullResult::Usable { .. } => assert!(!request.prefetch),
            PullResult::Failed(failure) => self.fails(request, failure),
        }
        match result {
            PullResult::Failed(_) => {}
            PullResult::Pulled { size_bytes, .. } if request.prefetch => {
                if !self.used.contains(&image) {
                    self.prefetched.insert(image, *size_bytes);
                }
            }
            _ if request.prefetch => {}
            _ => {
                self.prefetched.remove(&image);
                self.used.insert(image);
            }
        }
    }

    /// Each delay is twice the last, until there has been none for long, or a success.
    fn fails(&mut self, request: &PullRequest, failure: &PullFailure) {
        let settings = self.config.back_off;
        let known = self.failed.get(&key(request)).copied();
        match failure.reason {
            PullReason::ErrImagePull | PullReason::RegistryUnavailable if !self.kubelet => {
                let (delay, at) = match known {
                    // Of one pull, as many as have waited for it.
                    Some((delay, at)) if at == self.now => (delay, at),
                    Some((delay, at)) if self.now - at <= settings.max * 2 => {
                        ((delay * 2).min(settings.max), self.now)
                    }
                    _ => (settings.initial, self.now),
                };
                assert_eq!(failure.retry_at, Some(at + delay));
                self.failed.insert(key(request), (delay, at));
            }
            PullReason::ImagePullBackOff => {
                assert!(failure.retry_at.unwrap() > self.now);
                if !self.kubelet {
                    let (delay, at) = known.unwrap();
                    assert_eq!(failure.retry_at, Some(at + delay));
                }
            }
            PullReason::PrefetchRefused => assert!(request.prefetch),
            _ => {}
        }
    }

    /// In no time more pulls begin than the rate allows.
    fn check_rate(&self) {
        let Some(limit) = self.config.rate_limit else { return };
        for (n, from) in self.begun.iter().enumerate() {
            for (m, to) in self.begun.iter().enumerate().skip(n) {
                let flown = (*to - *from).as_nanos() * u128::from(limit.tokens) / limit.period.as_nanos();
                assert!(((m - n) as u128) < flown + u128::from(limit.burst), "too many at once");
            }
        }
    }
}

fn drive(
    puller: &mut Puller,
    world: &mut World,
    now: &mut Timestamp,
    log: &[(u64, Seed)],
) -> Vec<Vec<PullerAction>> {
    log.iter()
        .map(|(after, seed)| {
            *now += Duration::from_millis(*after);
            let mut actions = Vec::new();
            puller.step(*now, world.event(seed), &mut actions);
            world.saw(&actions);
            actions
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Never more at once than configured, never two of one key, within rate and budgets; delays double; who is not
    /// waiting is told nothing; and each is answered once.
    #[test]
    fn the_laws_hold(config in config(), kubelet in prop::bool::weighted(0.2), log in log()) {
        let mut puller = Puller::new(config.clone(), behaviour(kubelet), START).unwrap();
        let (mut model, mut world) = (Model::new(&config, kubelet), World::default());
        for (after, seed) in &log {
            model.now += Duration::from_millis(*after);
            let event = world.event(seed);
            let mut actions = Vec::new();
            // At a restart of the agent what is due is void as well.
            if !matches!(event, PullerEvent::AgentStarted { .. }) {
                puller.wake(model.now, &mut actions);
                actions.iter().for_each(|action| model.asks(action));
                world.saw(&actions);
                actions.clear();
            }
            model.happens(&event);
            puller.step(model.now, event, &mut actions);
            actions.iter().for_each(|action| model.asks(action));
            world.saw(&actions);
            prop_assert_eq!(puller.under_way(), model.pulls.len());
            prop_assert!(model.wanted.keys().all(|id| puller.is_wanted(id)));
        }
        model.check_rate();
    }

    /// Timers are in the future, and a wake before the time changes nothing.
    #[test]
    fn the_contract_holds(config in config(), kubelet in any::<bool>(), log in log()) {
        let mut puller = Puller::new(config, behaviour(kubelet), START).unwrap();
        let (mut world, mut now) = (World::default(), START);
        for step in &log {
            let before = puller.snapshot();
            let early = puller.next_wakeup().map_or(now, |due| due.moved_back(Duration::from_nanos(1)).min(now));
            let mut nothing = Vec::new();
            puller.wake(early, &mut nothing);
            prop_assert!(nothing.is_empty());
            prop_assert_eq!(before, puller.snapshot());
            drive(&mut puller, &mut world, &mut now, std::slice::from_ref(step));
            prop_assert!(puller.next_wakeup().is_none_or(|due| due > now));
            if let Some(due) = puller.next_wakeup() {
                let mut woken = puller.clone();
                woken.wake(due, &mut nothing);
                prop_assert!(woken.next_wakeup().is_none_or(|next| next > due));
            }
        }
    }

    /// A log replays to the same actions, and a puller that was stored in between goes on the same.
    #[test]
    fn replay_and_restore_are_exact(
        config in config(),
        kubelet in any::<bool>(),
        log in log(),
        cut in any::<Index>(),
    ) {
        let new = || Puller::new(config.clone(), behaviour(kubelet), START).unwrap();
        let (mut one, mut world, mut now) = (new(), World::default(), START);
        let whole = drive(&mut one, &mut world, &mut now, &log);

        let cut = cut.index(log.len());
        let (mut two, mut world, mut now) = (new(), World::default(), START);
        let mut parts = drive(&mut two, &mut world, &mut now, &log[..cut]);
        let stored = serde_json::to_string(&two.snapshot()).unwrap();
        let snapshot: PullerSnapshot = serde_json::from_str(&stored).unwrap();
        let mut two = Puller::restore(snapshot, (config.clone(), behaviour(kubelet)), now).unwrap();
        prop_assert_eq!(serde_json::to_string(&two.snapshot()).unwrap(), stored);
        prop_assert_eq!(two.next_wakeup(), {
            let (mut three, mut world, mut now) = (new(), World::default(), START);
            drive(&mut three, &mut world, &mut now, &log[..cut]);
            three.next_wakeup()
        });
        parts.extend(drive(&mut two, &mut world, &mut now, &log[cut..]));
        prop_assert_eq!(whole, parts);
        prop_assert_eq!(one.snapshot(), two.snapshot());
    }

    /// A clock that was set back between two lives moves every instant: the rest goes on as if nothing had been.
    #[test]
    fn an_earlier_clock_moves_all_instants(config in config(), log in log(), cut in any::<Index>(), back in 1..10_000_u64) {
        let (mut one, mut world, mut now) =
            (Puller::new(config.clone(), behaviour(false), START).unwrap(), World::default(), START);
        let cut = cut.index(log.len());
        drive(&mut one, &mut world, &mut now, &log[..cut]);
        let back = Duration::from_millis(back);
        let mut two = Puller::restore(one.snapshot(), (config, behaviour(false)), now.moved_back(back)).unwrap();
        prop_assert_eq!(two.next_wakeup(), one.next_wakeup().map(|due| due.moved_back(back)));
        let asked = world.asked.clone();
        let shape = |steps: Vec<Vec<PullerAction>>| {
            steps.into_iter().flatten().filter_map(|action| action.operation()).collect::<Vec<_>>()
        };
        let mut earlier = now.moved_back(back);
        let mut other = World { asked, epoch: world.epoch };
        prop_assert_eq!(
            shape(drive(&mut one, &mut world, &mut now, &log[cut..])),
            shape(drive(&mut two, &mut other, &mut earlier, &log[cut..]))
        );
    }

    /// With a runtime that answers, each request is answered in the end, and each that has to be is pulled.
    #[test]
    fn every_wanted_image_is_tried(
        mut config in config(),
        kubelet in any::<bool>(),
        requests in vec((0..5_000_u64, request(), 1..9_000_u64), 1..40),
        mut restart in prop::option::of(0..40_usize),
    ) {
        // What does not fit at all waits for ever.
        config.prefetch = PrefetchBudget { max_parallel: 1, max_bytes: u64::MAX, bytes_per_second: NonZeroU32::new(7) };
        let mut puller = Puller::new(config, behaviour(kubelet), START).unwrap();
        let mut due: BTreeMap<(Timestamp, OperationId), PullerOutcome> = BTreeMap::new();
        let mut wanted: BTreeMap<PullId, Arc<PullRequest>> = BTreeMap::new();
        let mut tried: BTreeSet<Key> = BTreeSet::new();
        let mut arrivals: VecDeque<_> = requests.iter().scan(START, |at, (after, request, _)| {
            *at += Duration::from_millis(*after);
            Some((*at, Arc::new(request.clone())))
        }).collect();
        let (mut now, mut actions) = (START, Vec::new());
        for _ in 0..5_000 {
            for action in actions.drain(..) {
                match action {
                    PullerAction::Look { operation, .. } => {
                        due.insert((now + Duration::from_millis(3), operation), PullerOutcome::Looked(ImagePresence::Absent));
                    }
                    PullerAction::Pull { operation, request, .. } => {
                        tried.insert(key(&request));
                        let takes = requests[operation.seq as usize % requests.len()].2;
                        let outcome = PullerOutcome::Pulled { image_ref: "r".into(), size_bytes: takes };
                        due.insert((now + Duration::from_millis(takes), operation), outcome);
                    }
                    PullerAction::CancelPull { operation } => {
                        let at = due.keys().find(|(_, of)| *of == operation).copied().unwrap();
                        due.remove(&at);
                        due.insert((now + Duration::from_millis(1), operation), PullerOutcome::Failed("gone".into()));
                    }
                    PullerAction::Answer { id, result } => {
                        let request = wanted.remove(&id).unwrap();
                        let refused = matches!(&*result, PullResult::Failed(_));
                        prop_assert!(refused || tried.contains(&key(&request)));
                        let may_be = request.image.contains(' ') || request.policy == ImagePullPolicy::Never || (request.prefetch && request.no_cache);
                        let limited = kubelet && matches!(&*result, PullResult::Failed(failure)
                            if failure.message.contains("pull QPS exceeded"));
                        prop_assert!(!refused || may_be || limited, "{:?}: {:?}", request, result);
                    }
                    _ => {}
                }
            }
            let next = [due.keys().next().map(|(at, _)| *at), puller.next_wakeup()].into_iter().flatten().min();
            let arrival = arrivals.front().map(|(at, _)| *at);
            if arrival.is_some_and(|arrival| next.is_none_or(|next| arrival < next)) {
                now = arrival.unwrap();
                if restart.take_if(|after| *after + arrivals.len() == requests.len()).is_some() {
                    due.clear();
                    puller.step(now, PullerEvent::AgentStarted { epoch: 7 }, &mut actions);
                    continue;
                }
                let (_, request) = arrivals.pop_front().unwrap();
                wanted.insert(request.id.clone(), Arc::clone(&request));
                puller.step(now, PullerEvent::Wanted(request), &mut actions);
            } else if let Some(at) = next {
                now = at;
                match due.first_entry().filter(|entry| entry.key().0 <= now) {
                    Some(entry) => {
                        let ((_, operation), outcome) = entry.remove_entry();
                        puller.step(now, PullerEvent::Done { operation, outcome }, &mut actions);
                    }
                    None => puller.wake(now, &mut actions),
                }
            } else if actions.is_empty() {
                break;
            }
        }
        prop_assert!(wanted.is_empty(), "{wanted:?} still wait");
    }

    /// What waits for a free slot goes by urgency, and every fourth by arrival.
    #[test]
    fn the_order_is_that_of_urgency_with_fair_turns(urgencies in vec(urgency(), 1..40), kubelet in any::<bool>()) {
        let config = PullConfig { rate_limit: None, ..PullConfig::default() };
        let mut puller = Puller::new(config, behaviour(kubelet), START).unwrap();
        let mut actions = Vec::new();
        let want = |n: usize, urgency| PullerEvent::Wanted(Arc::new(PullRequest {
            policy: ImagePullPolicy::Always,
            urgency,
            ..PullRequest::new(PullId::Named(format!("{n}").into()), format!("image{n}"))
        }));
        // The first begins at once; the others wait.
        let mut waiting: Vec<(usize, PullUrgency)> = urgencies.iter().copied().enumerate().collect();
        for (n, urgency) in &waiting {
            puller.step(START, want(*n, *urgency), &mut actions);
        }
        let mut expected = vec![waiting.remove(0).0];
        while !waiting.is_empty() {
            let is_fair = kubelet || (expected.len() + 1) % FAIR_PULL_TURN as usize == 0;
            let urgent = waiting.iter().enumerate().max_by_key(|(n, (_, urgency))| (*urgency, std::cmp::Reverse(*n)));
            let next = if is_fair { 0 } else { urgent.unwrap().0 };
            expected.push(waiting.remove(next).0);
        }
        let mut order = Vec::new();
        while let Some(action) = actions.pop() {
            if let PullerAction::Pull { operation, request, .. } = action {
                order.push(request.image.trim_start_matches("image").parse::<usize>().unwrap());
                actions.clear();
                let outcome = PullerOutcome::Pulled { image_ref: "r".into(), size_bytes: 1 };
                puller.step(START, PullerEvent::Done { operation, outcome }, &mut actions);
            }
        }
        prop_assert_eq!(order, expected);
    }

    /// However many urgent ones come, one that is not waits for a bounded number of pulls.
    #[test]
    fn nothing_starves(before in 0..6_usize, parallel in 1..4_u32) {
        let config = PullConfig { rate_limit: None, max_parallel: NonZeroU32::new(parallel), ..PullConfig::default() };
        let mut puller = Puller::new(config, behaviour(false), START).unwrap();
        let (mut actions, mut n) = (Vec::new(), 0);
        let mut want = |puller: &mut Puller, actions: &mut Vec<PullerAction>, name: &str, priority| {
            n += 1;
            let request = PullRequest {
                policy: ImagePullPolicy::Always,
                urgency: PullUrgency { priority, ..PullUrgency::default() },
                ..PullRequest::new(PullId::Named(format!("{name}{n}").into()), format!("{name}{n}"))
            };
            puller.step(START, PullerEvent::Wanted(Arc::new(request)), actions);
        };
        for _ in 0..parallel as usize + before {
            want(&mut puller, &mut actions, "urgent", 10);
        }
        want(&mut puller, &mut actions, "humble", 0);
        let mut running = Vec::new();
        for begun in 0.. {
            running.extend(actions.drain(..).filter_map(|action| match action {
                PullerAction::Pull { operation, request, .. } => Some((operation, request)),
                _ => None,
            }));
            if running.iter().any(|(_, request)| request.image.starts_with("humble")) {
                break;
            }
            prop_assert!(begun <= (before + 1) * FAIR_PULL_TURN as usize, "it starves");
            want(&mut puller, &mut actions, "urgent", 10);
            want(&mut puller, &mut actions, "urgent", 10);
            let (operation, _) = running.remove(0);
            let outcome = PullerOutcome::Pulled { image_ref: "r".into(), size_bytes: 1 };
            puller.step(START, PullerEvent::Done { operation, outcome }, &mut actions);
        }
    }

    /// A bucket never gives more than its rate, nor less than it says.
    #[test]
    fn a_bucket_keeps_its_rate(
        tokens in 1..50_u32,
        period in 1..5_000_000_000_u64,
        burst in 1..5_u32,
        waits in vec(0..2_000_000_000_u64, 1..60),
    ) {
        let limit = PullRateLimit { tokens, period: Duration::from_nanos(period), burst };
        let mut bucket = TokenBucket::new(limit, START);
        let (mut now, mut taken) = (START, Vec::new());
        for wait in waits {
            now += Duration::from_nanos(wait);
            let next = bucket.next_token(now).unwrap();
            prop_assert_eq!(bucket.clone().take(now), next == now);
            if next > now {
                prop_assert!(!bucket.clone().take(next.moved_back(Duration::from_nanos(1))));
                prop_assert!(bucket.clone().take(next));
            }
            if bucket.take(now) {
                taken.push(now);
            }
        }
        for (n, from) in taken.iter().enumerate() {
            for (m, to) in taken.iter().enumerate().skip(n) {
                let flown = (*to - *from).as_nanos() * u128::from(tokens) / u128::from(period);
                prop_assert!(((m - n) as u128) < flown + u128::from(burst));
            }
        }
    }
}
