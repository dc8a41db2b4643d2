//! What holds of the set of pods that a node agent knows, whatever happens to it and in whatever order.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{Pod, PodPhase, PodSpec, Uid};
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::machine::{Machine, OperationId, Snapshots, Timestamp};
use node_lifecycle::pod::{
    KillPodOptions, PodStage, PodSubject, PodUpdate, RunningPod, RuntimeState, StatusOverride, SyncOutcome,
    UpdateType, Workers, WorkersAction, WorkersEvent, WorkersSnapshot,
};
use proptest::prelude::*;

/// Pods 0 to 2 are static and have one name, 3 is static and has another, 4 to 6 are the API's.
const PODS: u8 = 7;

/// An event in small numbers, made real against what the machine has asked for so far.
#[derive(Debug, Clone)]
enum Seed {
    Update {
        pod: u8,
        kind: u8,
        phase: u8,
        deletion: Option<Option<i64>>,
        kill: Option<Kill>,
    },
    Running {
        pod: u8,
        kind: u8,
        kill: Option<Kill>,
    },
    SyncKnown {
        desired: u8,
        all_sources_ready: bool,
    },
    Listed {
        states: [u8; PODS as usize],
        age: u64,
    },
    Observed {
        pod: u8,
        state: u8,
        age: u64,
    },
    /// Answers one of the operations asked for, old ones too.
    Answer {
        which: usize,
        how: u8,
    },
    /// Answers the latest one, whatever it is.
    AnswerLatest {
        how: u8,
    },
    Due {
        pod: u8,
    },
    AgentStarted,
    Foreign(u8, OperationId),
}

#[derive(Debug, Clone)]
struct Kill {
    evict: bool,
    grace: Option<i64>,
    status: bool,
}

fn kill() -> impl Strategy<Value = Kill> {
    (any::<bool>(), prop::option::of(-2..60_i64), any::<bool>()).prop_map(|(evict, grace, status)| Kill {
        evict,
        grace,
        status,
    })
}

fn seed() -> impl Strategy<Value = Seed> {
    let deletion = || prop::option::weighted(0.2, prop::option::of(-2..60_i64));
    prop_oneof![
        8 => (0..PODS, 0..4_u8, 0..12_u8, deletion(), prop::option::weighted(0.3, kill()))
            .prop_map(|(pod, kind, phase, deletion, kill)| Seed::Update { pod, kind, phase, deletion, kill }),
        2 => (0..PODS, 0..6_u8, prop::option::weighted(0.3, kill()))
            .prop_map(|(pod, kind, kill)| Seed::Running { pod, kind, kill }),
        3 => (any::<u8>(), prop::bool::weighted(0.7))
            .prop_map(|(desired, all_sources_ready)| Seed::SyncKnown { desired, all_sources_ready }),
        3 => (prop::array::uniform7(0..5_u8), 0..20_u64)
            .prop_map(|(states, age)| Seed::Listed { states, age }),
        2 => (0..PODS, 0..5_u8, 0..20_u64)
            .prop_map(|(pod, state, age)| Seed::Observed { pod, state, age }),
        5 => (any::<usize>(), 0..5_u8).prop_map(|(which, how)| Seed::Answer { which, how }),
        8 => (0..9_u8).prop_map(|how| Seed::AnswerLatest { how }),
        2 => (0..PODS).prop_map(|pod| Seed::Due { pod }),
        1 => Just(Seed::AgentStarted),
        1 => (0..PODS, 0..4_u32, 0..40_u32)
            .prop_map(|(pod, epoch, seq)| Seed::Foreign(pod, OperationId { epoch, seq })),
    ]
}

fn life() -> impl Strategy<Value = Vec<(i64, Seed)>> {
    let listed = (Just(0_i64), Just(Seed::Listed { states: [0; PODS as usize], age: 0 }));
    let then = prop::collection::vec((-5..20_i64, seed()), 1..80);
    (prop::option::weighted(0.8, listed), then)
        .prop_map(|(listed, then)| listed.into_iter().chain(then).collect())
}

fn uid(pod: u8) -> Uid {
    Uid::from(format!("uid-{pod}"))
}

fn is_static(uid: &Uid) -> bool {
    uid.as_str() < "uid-4"
}

fn full_name(uid: &Uid) -> &'static str {
    if uid.as_str() < "uid-3" { "etcd" } else { "other" }
}

fn pod(number: u8, phase: u8, deletion: Option<Option<i64>>) -> Arc<Pod> {
    let uid = uid(number);
    let mut pod = Pod::default();
    pod.metadata.name = if is_static(&uid) { full_name(&uid).to_owned() } else { format!("pod-{number}") };
    if is_static(&uid) {
        pod.metadata.annotations.insert(Pod::CONFIG_SOURCE.to_owned(), "file".to_owned());
    }
    pod.metadata.uid = uid;
    pod.status.phase = match phase {
        0 => Some(PodPhase::Succeeded),
        1 => Some(PodPhase::Failed),
        2..6 => Some(PodPhase::Running),
        _ => None,
    };
    if let Some(grace) = deletion {
        pod.metadata.deletion_timestamp = Some(Timestamp::UNIX_EPOCH);
        pod.metadata.deletion_grace_period_seconds = grace;
    }
    let termination_grace_period_seconds = [None, Some(30), Some(0)][usize::from(number % 3)];
    pod.spec = Arc::new(PodSpec { termination_grace_period_seconds, ..PodSpec::default() });
    Arc::new(pod)
}

fn state(of: u8) -> RuntimeState {
    use RuntimeState::{Exited, Nothing, Running, SandboxOnly, Unreadable};
    [Nothing, Running, SandboxOnly, Exited, Unreadable][usize::from(of % 5)]
}

fn outcome(of: u8) -> SyncOutcome {
    match of {
        0 => SyncOutcome::Failed,
        1 => SyncOutcome::NetworkNotReady,
        2 => SyncOutcome::Canceled,
        3 => SyncOutcome::Terminal,
        _ => SyncOutcome::Done,
    }
}

/// Makes events of seeds.
#[derive(Default)]
struct World {
    asked: Vec<(Uid, OperationId)>,
    epoch: u32,
    notices: u32,
}

impl World {
    fn event(&mut self, now: Timestamp, seed: &Seed) -> WorkersEvent {
        let kinds = [UpdateType::Create, UpdateType::Update, UpdateType::Sync, UpdateType::Kill];
        let at = |age: u64| now.moved_back(Duration::from_secs(age));
        match seed {
            Seed::Update { pod: number, kind, phase, deletion, kill } => WorkersEvent::Update(PodUpdate {
                kind: kinds[usize::from(*kind)],
                subject: PodSubject::Pod(pod(*number, *phase, *deletion)),
                mirror: None,
                kill: self.kill(kill.as_ref()),
            }),
            Seed::Running { pod, kind, kill } => WorkersEvent::Update(PodUpdate {
                kind: *kinds.get(usize::from(*kind)).unwrap_or(&UpdateType::Kill),
                subject: PodSubject::Running(Arc::new(RunningPod {
                    uid: uid(*pod),
                    ..RunningPod::default()
                })),
                mirror: None,
                kill: self.kill(kill.as_ref()),
            }),
            Seed::SyncKnown { desired, all_sources_ready } => {
                let desired = (0..PODS).filter(|pod| desired & (1 << pod) != 0).map(uid);
                let desired = Arc::new(desired.collect());
                WorkersEvent::SyncKnown { desired, all_sources_ready: *all_sources_ready }
            }
            Seed::Listed { states, age } => {
                let pods = (0..PODS).zip(states).map(|(pod, of)| (uid(pod), state(*of)));
                WorkersEvent::RuntimeListed { at: at(*age), pods: Arc::new(pods.collect()) }
            }
            Seed::Observed { pod, state: of, age } => {
                WorkersEvent::RuntimeObserved { at: at(*age), uid: uid(*pod), state: state(*of) }
            }
            Seed::Answer { which, how } => {
                let call = self.asked.get(which % self.asked.len().max(1)).cloned();
                let (uid, operation) = call.unwrap_or((uid(0), OperationId { epoch: 9, seq: 9 }));
                WorkersEvent::Done { uid, operation, outcome: outcome(*how) }
            }
            Seed::AnswerLatest { how } => {
                let call = self.asked.last().cloned();
                let (uid, operation) = call.unwrap_or((uid(0), OperationId { epoch: 9, seq: 9 }));
                WorkersEvent::Done { uid, operation, outcome: outcome(*how) }
            }
            Seed::Due { pod } => WorkersEvent::Due { uid: uid(*pod) },
            Seed::AgentStarted => {
                self.epoch += 1;
                WorkersEvent::AgentStarted { epoch: self.epoch }
            }
            Seed::Foreign(pod, operation) => {
                WorkersEvent::Done { uid: uid(*pod), operation: *operation, outcome: SyncOutcome::Done }
            }
        }
    }

    fn kill(&mut self, kill: Option<&Kill>) -> Option<KillPodOptions> {
        let kill = kill?;
        self.notices += 1;
        Some(KillPodOptions {
            evict: kill.evict,
            grace_period_seconds_override: kill.grace,
            status: kill.status.then(Arc::<StatusOverride>::default),
            completed: Some(self.notices.to_string().into()),
        })
    }
}

/// What is true of the pods by what was asked, and the laws of it.
#[derive(Default)]
struct Truth {
    /// By pod, the call whose outcome has not come.
    in_flight: BTreeMap<Uid, OperationId>,
    stages: BTreeMap<Uid, PodStage>,
    graces: BTreeMap<Uid, i64>,
    /// Pods that were synced and are not through.
    synced: BTreeSet<Uid>,
    /// Pods that went, in this life of their UID.
    went: BTreeSet<Uid>,
    listed: bool,
    offered: BTreeSet<Uid>,
    told: BTreeSet<Arc<str>>,
}

impl Truth {
    fn before(&mut self, event: &WorkersEvent) {
        match event {
            WorkersEvent::AgentStarted { .. } => {
                self.in_flight.clear();
                self.offered.clear();
                self.listed = false;
            }
            WorkersEvent::RuntimeListed { .. } => self.listed = true,
            WorkersEvent::Update(update) => {
                self.offered.insert(update.subject.uid().clone());
            }
            WorkersEvent::SyncKnown { desired, .. } => self.offered.extend(desired.iter().cloned()),
            WorkersEvent::Done { uid, operation, .. } => {
                self.in_flight.retain(|of, known| of != uid || known != operation);
            }
            _ => {}
        }
    }

    fn after(
        &mut self,
        workers: &Workers,
        event: &WorkersEvent,
        actions: &[WorkersAction],
        compat: Compat,
    ) -> Result<(), TestCaseError> {
        let is_right = compat == Compat::default();
        for action in actions {
            let uid = action.uid().clone();
            if let Some(operation) = action.operation() {
                prop_assert!(self.listed, "{action:?} before the runtime was listed");
                let other = self.in_flight.insert(uid.clone(), operation);
                prop_assert!(other.is_none(), "{action:?} while {other:?} is in flight");
            }
            match action {
                WorkersAction::SyncPod { pod, .. } => {
                    let is_terminal = pod.status.phase.is_some_and(PodPhase::is_terminal);
                    prop_assert!(!pod.is_deleted() && !is_terminal, "{action:?}");
                    prop_assert!(!self.went.contains(&uid), "{uid} is synced after it went");
                    prop_assert!(self.offered.contains(&uid), "{uid} is synced before it was offered");
                    self.synced.insert(uid.clone());
                    let same = |other: &&Uid| is_static(other) && full_name(other) == full_name(&uid);
                    let started = self.synced.iter().filter(same).count();
                    prop_assert!(!is_static(&uid) || started <= 1, "{:?} are started at once", self.synced);
                }
                WorkersAction::SyncTerminatingPod { grace_period_seconds, .. } => {
                    self.went.insert(uid.clone());
                    if let Some(grace) = grace_period_seconds {
                        prop_assert!(*grace >= 1, "{action:?}");
                        let known = self.graces.get(&uid).copied().unwrap_or(i64::MAX);
                        prop_assert!(!is_right || *grace <= known, "{action:?} after {known} s");
                    }
                }
                WorkersAction::SyncTerminatingRuntimePod { .. } | WorkersAction::SyncTerminatedPod { .. } => {
                    self.went.insert(uid);
                }
                WorkersAction::Cancel { operation, .. } => {
                    prop_assert_eq!(self.in_flight.get(&uid), Some(operation));
                }
                WorkersAction::Completed { notice, .. } => {
                    prop_assert!(self.told.insert(Arc::clone(notice)), "{notice} is told twice");
                }
                WorkersAction::Finished { .. } => {
                    self.synced.remove(&uid);
                }
                WorkersAction::Forgotten { .. } => {
                    self.synced.remove(&uid);
                    self.went.remove(&uid);
                    self.stages.remove(&uid);
                    self.graces.remove(&uid);
                }
                WorkersAction::Requeue { .. } => {}
            }
        }
        for pod in (0..PODS).map(uid) {
            let Some(stage) = workers.stage(&pod) else {
                prop_assert!(!self.stages.contains_key(&pod), "{pod} is gone and nobody said so");
                continue;
            };
            if stage > PodStage::Sync {
                self.went.insert(pod.clone());
            }
            let before = self.stages.insert(pod.clone(), stage);
            prop_assert!(before.is_none_or(|before| before <= stage), "{pod}: {stage:?} after {before:?}");
            if let WorkersEvent::SyncKnown { all_sources_ready: false, .. } = event {
                prop_assert!(before == Some(stage), "{pod} changes by sources that were not read");
            }
            if let Some(grace) = workers.grace_period_seconds(&pod) {
                let before = self.graces.insert(pod.clone(), grace).unwrap_or(i64::MAX);
                prop_assert!(!is_right || grace <= before, "{pod} has {grace} s after {before} s");
            }
            let stopped = workers.is_pod_known_terminated(&pod);
            prop_assert!(stopped != workers.could_have_running_containers(&pod));
            prop_assert_eq!(stopped, workers.should_pod_runtime_be_removed(&pod));
            prop_assert!(!workers.should_pod_be_finished(&pod) || stopped);
            prop_assert!(!stopped || workers.is_pod_termination_requested(&pod));
        }
        Ok(())
    }
}

fn new(compat: Compat) -> Workers {
    let behaviour = Behaviour { compat, ..Behaviour::default() };
    Workers::new(Arc::new(behaviour), Timestamp::from_unix_seconds(1000))
}

/// Lives through seeds and then to the end: every call is answered and no source wants anything.
fn live(life: &[(i64, Seed)], compat: Compat, restores: bool) -> Result<Vec<WorkersAction>, TestCaseError> {
    let (mut workers, mut world, mut truth) = (new(compat), World::default(), Truth::default());
    let (mut now, mut actions, mut log) = (Timestamp::from_unix_seconds(1000), Vec::new(), Vec::new());
    let mut latest = now;
    for (elapsed, seed) in life {
        now = Timestamp::from_unix_seconds(now.unix_nanos() / 1_000_000_000 + elapsed);
        latest = latest.max(now);
        let event = world.event(now, seed);
        truth.before(&event);
        workers.step(now, event.clone(), &mut actions);
        truth.after(&workers, &event, &actions, compat)?;
        let asked = actions.iter().filter_map(|action| Some((action.uid().clone(), action.operation()?)));
        world.asked.extend(asked);
        log.append(&mut actions);
        let snapshot = workers.snapshot();
        workers.wake(now, &mut actions);
        prop_assert!(actions.is_empty() && workers.next_wakeup().is_none());
        prop_assert_eq!(&workers.snapshot(), &snapshot);
        if restores {
            let json = serde_json::to_string(&snapshot).unwrap();
            let read: WorkersSnapshot = serde_json::from_str(&json).unwrap();
            let behaviour = Arc::new(Behaviour { compat, ..Behaviour::default() });
            workers = Workers::restore(read, behaviour, Timestamp::MAX).unwrap();
            prop_assert_eq!(&workers.snapshot(), &snapshot);
        }
    }

    // The clock is right again.
    now = latest;
    for _ in 0..8 {
        now += Duration::from_secs(1);
        let events = [
            WorkersEvent::RuntimeListed { at: now, pods: Arc::default() },
            WorkersEvent::SyncKnown { desired: Arc::default(), all_sources_ready: true },
        ];
        let answers = truth.in_flight.clone();
        let done = |(uid, operation)| WorkersEvent::Done { uid, operation, outcome: SyncOutcome::Done };
        for event in events.into_iter().chain(answers.into_iter().map(done)) {
            truth.before(&event);
            workers.step(now, event.clone(), &mut actions);
            truth.after(&workers, &event, &actions, compat)?;
            log.append(&mut actions);
        }
    }
    prop_assert_eq!(workers.known().count(), 0, "somebody is left");
    if compat == Compat::default() {
        let asked = usize::try_from(world.notices).unwrap();
        prop_assert_eq!(truth.told.len(), asked, "who kills a pod is told when it is through");
    }
    Ok(log)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// One call of a pod at a time; stages only go forward; nothing that went is synced again; grace only shrinks; one
    /// static pod of a name at a time; every kill is answered once; and whoever is not wanted is gone in the end.
    #[test]
    fn a_node_keeps_its_laws(life in life()) {
        live(&life, Compat::default(), false)?;
    }

    /// The same with the kubelet's faults, those aside.
    #[test]
    fn the_kubelet_keeps_them_but_for_its_faults(life in life()) {
        live(&life, Compat::kubelet_1_32(), false)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, ..ProptestConfig::default() })]

    /// The same log gives the same actions, restored after every step or not.
    #[test]
    fn replay_and_restore_are_exact(life in life()) {
        let log = live(&life, Compat::default(), false)?;
        prop_assert_eq!(&live(&life, Compat::default(), false)?, &log);
        prop_assert_eq!(live(&life, Compat::default(), true)?, log);
    }
}
