//! What holds for probes under events in any order, garbage included.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{
    Container, ContainerId, ExecAction, ObjectMeta, Pod, PodPhase, PodSpec, Port, Probe, RestartPolicy,
    TcpSocketAction,
};
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::container::{
    CompiledProbe, ContainerIndex, InstanceSight, InstanceState, Pace, PodSight, ProbeAnswer, ProbeAtExit,
    ProbeFault, ProbeKind, ProbeResult, ProbeResults, Prober, ProberAction, ProberEvent, ProberSettings,
    Sight,
};
use node_lifecycle::machine::{Machine, OperationId, Snapshots, Timestamp};
use node_lifecycle::pod::{CompiledPod, PodProbes, PodProbesSnapshot, ProbesAction, ProbesEvent};
use proptest::prelude::*;

/// An event in small numbers, made real against what was asked for so far.
#[derive(Debug, Clone)]
enum Seed {
    See {
        container: u8,
        sight: Sight,
        age: i64,
    },
    Pod(PodSight),
    Run {
        container: u8,
        probe: ProbeKind,
    },
    /// Answers one of the attempts asked for, old ones too.
    Answer {
        which: usize,
        answer: ProbeAnswer,
    },
    Foreign(OperationId, ProbeAnswer),
    Update(u8),
    AgentStarted {
        jitter: u64,
    },
    Wake,
}

fn start() -> Timestamp {
    Timestamp::from_unix_seconds(1000)
}

fn kind() -> impl Strategy<Value = ProbeKind> {
    prop::sample::select(&ProbeKind::ALL)
}

fn answer() -> impl Strategy<Value = ProbeAnswer> {
    prop_oneof![
        4 => Just(ProbeAnswer::Success),
        4 => Just(ProbeAnswer::Failure),
        1 => Just(ProbeAnswer::Warning),
        1 => Just(ProbeAnswer::Unknown),
        1 => Just(ProbeAnswer::Error),
    ]
}

fn pod_sight() -> impl Strategy<Value = PodSight> {
    let phase = prop_oneof![
        20 => Just(PodPhase::Running),
        3 => Just(PodPhase::Pending),
        1 => Just(PodPhase::Unknown),
        1 => Just(PodPhase::Failed),
    ];
    (phase, prop::bool::weighted(0.05)).prop_map(|(phase, deleted)| PodSight { phase, deleted })
}

fn sight() -> impl Strategy<Value = Sight> {
    let state = prop_oneof![
        8 => Just(InstanceState::Running { started_at: Timestamp::UNIX_EPOCH }),
        1 => Just(InstanceState::Waiting),
        1 => Just(InstanceState::Terminated),
    ];
    let instance = (0..3_u8, state, any::<bool>()).prop_map(|(id, state, started)| InstanceSight {
        id: format!("c{id}").into(),
        state,
        started,
    });
    (pod_sight(), prop::option::weighted(0.95, instance)).prop_map(|(pod, instance)| Sight { pod, instance })
}

fn seed() -> impl Strategy<Value = Seed> {
    prop_oneof![
        6 => (0..4_u8, sight(), -60..60_i64).prop_map(|(container, sight, age)| Seed::See { container, sight, age }),
        1 => pod_sight().prop_map(Seed::Pod),
        2 => (0..4_u8, kind()).prop_map(|(container, probe)| Seed::Run { container, probe }),
        // The latest most of the time.
        9 => (prop_oneof![Just(0), 0..6_usize], answer()).prop_map(|(which, answer)| Seed::Answer { which, answer }),
        1 => (any::<u32>(), any::<u32>(), answer())
            .prop_map(|(epoch, seq, answer)| Seed::Foreign(OperationId { epoch, seq }, answer)),
        1 => any::<u8>().prop_map(Seed::Update),
        1 => (0..20_u64).prop_map(|jitter| Seed::AgentStarted { jitter }),
        3 => Just(Seed::Wake),
    ]
}

/// Seconds between steps; time may run backwards.
fn log() -> impl Strategy<Value = Vec<(i64, Seed)>> {
    let after = prop_oneof![8 => 0..12_000_i64, 1 => -5_000..0_i64, 1 => Just(i64::MAX / 2_000_000)];
    prop::collection::vec((after, seed()), 1..80)
}

fn number() -> impl Strategy<Value = Option<i32>> {
    prop_oneof![
        2 => Just(None),
        8 => (1..5_i32).prop_map(Some),
        1 => prop::sample::select(vec![0, -1, i32::MIN, i32::MAX]).prop_map(Some),
    ]
}

fn probe() -> BoxedStrategy<Probe> {
    let probe = (prop::bool::weighted(0.9), prop::array::uniform5(number())).prop_map(|(known, numbers)| {
        let [initial_delay_seconds, timeout_seconds, period_seconds, success_threshold, failure_threshold] =
            numbers;
        let exec = known.then(|| ExecAction { command: vec!["true".to_owned()] });
        let tcp_socket =
            (!known).then(|| TcpSocketAction { port: Port::Name("none".to_owned()), host: String::new() });
        Probe {
            exec,
            tcp_socket,
            initial_delay_seconds,
            timeout_seconds,
            period_seconds,
            success_threshold,
            failure_threshold,
            ..Probe::default()
        }
    });
    probe.boxed()
}

fn container(name: &'static str) -> BoxedStrategy<Container> {
    let probes = prop::array::uniform3(prop::option::weighted(0.8, probe()));
    let container = probes.prop_map(move |probes| {
        let [startup_probe, liveness_probe, readiness_probe] = probes;
        Container {
            name: name.to_owned(),
            startup_probe,
            liveness_probe,
            readiness_probe,
            ..Container::default()
        }
    });
    container.boxed()
}

fn compile(spec: PodSpec, compat: Compat) -> Arc<CompiledPod> {
    let metadata = ObjectMeta { uid: "1".into(), ..ObjectMeta::default() };
    let pod = Pod { metadata, spec: Arc::new(spec), ..Pod::default() };
    Arc::new(CompiledPod::compile(&pod, &Arc::new(Behaviour { compat, ..Behaviour::default() })).unwrap())
}

/// A sidecar, two app containers, and an init container without probes.
fn pod() -> impl Strategy<Value = Arc<CompiledPod>> {
    let policy = prop::sample::select(vec![RestartPolicy::Always, RestartPolicy::Never]);
    let compat = prop::sample::select(vec![Compat::default(), Compat::kubelet_1_32()]);
    (container("proxy"), container("web"), container("db"), policy, compat).prop_map(
        |(proxy, web, db, restart_policy, compat)| {
            let proxy = Container { restart_policy: Some(RestartPolicy::Always), ..proxy };
            let init = Container { name: "init".to_owned(), ..Container::default() };
            let spec = PodSpec {
                restart_policy,
                init_containers: vec![init, proxy],
                containers: vec![web, db],
                ..PodSpec::default()
            };
            compile(spec, compat)
        },
    )
}

fn after_exit() -> impl Strategy<Value = ProbeAtExit> {
    prop::sample::select(vec![ProbeAtExit::Waits, ProbeAtExit::Ends, ProbeAtExit::StaysEnded])
}

fn settings() -> impl Strategy<Value = ProberSettings> {
    prop::bool::weighted(0.9).prop_map(|periodic| ProberSettings {
        pace: if periodic { Pace::Period } else { Pace::Asked },
        ..ProberSettings::default()
    })
}

fn moved(now: Timestamp, millis: i64) -> Timestamp {
    let by = Duration::from_millis(millis.unsigned_abs());
    if millis < 0 { now.moved_back(by) } else { now + by }
}

fn real(mut sight: Sight, now: Timestamp, age: i64) -> Sight {
    if let Some(InstanceSight { state: InstanceState::Running { started_at }, .. }) = &mut sight.instance {
        *started_at = moved(now, age.saturating_mul(-1000));
    }
    sight
}

fn updated(pod: &CompiledPod, how: u8) -> Arc<CompiledPod> {
    let mut spec = PodSpec::clone(&pod.spec);
    match how % 5 {
        0 => spec.containers.reverse(),
        1 => spec.containers.truncate(1),
        2 => {
            let app = &mut spec.containers[0];
            std::mem::swap(&mut app.liveness_probe, &mut app.readiness_probe);
        }
        3 => spec.containers[0].startup_probe = None,
        _ => {}
    }
    compile(spec, pod.behaviour.compat)
}

fn operation(action: &ProberAction) -> Option<OperationId> {
    match action {
        ProberAction::Attempt { operation, .. } => Some(*operation),
        _ => None,
    }
}

/// Makes events of seeds, the same ones for the same actions.
#[derive(Default)]
struct World {
    asked: Vec<OperationId>,
    epoch: u32,
}

impl World {
    fn event(&mut self, pod: &CompiledPod, now: Timestamp, seed: &Seed) -> Option<ProbesEvent> {
        Some(match seed.clone() {
            Seed::See { container, sight, age } => {
                ProbesEvent::Container { container: ContainerIndex(container), sight: real(sight, now, age) }
            }
            Seed::Pod(sight) => ProbesEvent::Pod(sight),
            Seed::Run { container, probe } => {
                ProbesEvent::Run { container: ContainerIndex(container), probe }
            }
            Seed::Answer { which, answer } => {
                let operation = *self.asked.get(self.asked.len().checked_sub(which + 1)?)?;
                ProbesEvent::Answered { operation, answer }
            }
            Seed::Foreign(operation, answer) => ProbesEvent::Answered { operation, answer },
            Seed::Update(how) => ProbesEvent::Updated(updated(pod, how)),
            Seed::AgentStarted { jitter } => {
                self.epoch += 1;
                ProbesEvent::AgentStarted { epoch: self.epoch, jitter: Duration::from_secs(jitter) }
            }
            Seed::Wake => return None,
        })
    }
}

fn drive(
    probes: &mut PodProbes,
    world: &mut World,
    now: &mut Timestamp,
    log: &[(i64, Seed)],
) -> Vec<Vec<ProbesAction>> {
    log.iter()
        .map(|(after, seed)| {
            *now = moved(*now, *after);
            let mut actions = Vec::new();
            match world.event(&Arc::clone(probes.pod()), *now, seed) {
                Some(event) => probes.step(*now, event, &mut actions),
                None => probes.wake(*now, &mut actions),
            }
            world.asked.extend(actions.iter().filter_map(|asked| operation(&asked.action)));
            actions
        })
        .collect()
}

/// Whether a probe may ask now, by what it sees: running, its turn by startup, not on hold.
fn may_ask(prober: &Prober) -> bool {
    let running = prober.sight().instance.as_ref().is_some_and(|instance| {
        matches!(instance.state, InstanceState::Running { .. })
            && instance.started != (prober.probe().kind == ProbeKind::Startup)
    });
    running && !prober.is_on_hold() && !prober.is_ended()
}

/// What has to hold of one probe, told from outside.
#[derive(Default)]
struct Watch {
    answers: Vec<ProbeResult>,
    open: Option<OperationId>,
    asked: Vec<OperationId>,
    /// The instance that nothing may be asked of any more.
    done_with: Option<ContainerId>,
}

impl Watch {
    /// Looks at what one call did. `answered` is the answer that was handed in, if it was the open attempt's.
    fn look(&mut self, prober: &Prober, answered: Option<ProbeResult>, actions: &[ProberAction]) {
        let kind = prober.probe().kind;
        if prober.instance() != self.done_with.as_ref() {
            self.done_with = None;
        }
        self.answers.extend(answered);
        for action in actions {
            match action {
                ProberAction::Attempt { operation, id, probe, .. } => {
                    assert!(may_ask(prober), "{prober:?}");
                    assert_eq!((Some(id), *probe), (prober.instance(), kind));
                    assert_ne!(Some(id), self.done_with.as_ref(), "on hold");
                    assert!(!self.asked.contains(operation), "{operation} is used twice");
                    self.open = Some(*operation);
                    self.asked.push(*operation);
                }
                ProberAction::Changed { result, id, .. } if answered.is_some() => {
                    let threshold = match result {
                        ProbeResult::Success => prober.probe().success_threshold,
                        _ => prober.probe().failure_threshold,
                    };
                    let run = self.answers.iter().rev().take_while(|answer| *answer == result).count();
                    assert!(
                        run >= usize::try_from(threshold).unwrap(),
                        "{result:?} after {run} of {threshold}"
                    );
                    if kind == ProbeKind::Startup
                        || (kind, *result) == (ProbeKind::Liveness, ProbeResult::Failure)
                    {
                        self.done_with = Some(id.clone());
                    }
                }
                ProberAction::Changed { result, id, .. } => {
                    let instance = prober.sight().instance.as_ref().unwrap();
                    let running = matches!(instance.state, InstanceState::Running { .. });
                    assert_eq!(*id, instance.id);
                    let allowed = *result == kind.initial_result()
                        || (*result == ProbeResult::Failure && !running)
                        || (*result == ProbeResult::Success && prober.sight().pod.deleted);
                    assert!(allowed, "{result:?} without an answer");
                }
                ProberAction::Errored { fault, .. } => {
                    if *fault == ProbeFault::NoAnswer {
                        self.open = None;
                    }
                }
                ProberAction::Ended { .. } => self.open = None,
            }
        }
        if !may_ask(prober) {
            self.open = None;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    /// A result changes only at its threshold, or because of what is seen; nothing is asked out of turn or on
    /// hold; a probe that may ask never falls asleep.
    #[test]
    fn a_result_changes_only_at_its_threshold(
        kind in kind(), spec in probe(), after_exit in after_exit(), log in log(),
    ) {
        let probe = Arc::new(CompiledProbe::new(kind, &spec, &Container::default(), after_exit));
        let mut now = start();
        let mut prober = Prober::new(probe, ProberSettings::default(), Duration::ZERO, now);
        let (mut watch, mut latest, mut epoch) = (Watch::default(), now, 0);
        for (after, seed) in log {
            now = moved(now, after);
            latest = latest.max(now);
            let mut actions = Vec::new();
            prober.wake(now, &mut actions);
            watch.look(&prober, None, &actions);
            let mut answered = None;
            let before = prober.instance().cloned();
            let event = match seed {
                Seed::See { sight, age, .. } => ProberEvent::Seen(real(sight, now, age)),
                Seed::Pod(pod) => ProberEvent::Seen(Sight { pod, ..prober.sight().clone() }),
                Seed::Run { .. } => ProberEvent::Run,
                Seed::Answer { which, answer } => {
                    let asked = watch.asked.len().checked_sub(which + 1).map(|at| watch.asked[at]);
                    let Some(operation) = asked else { continue };
                    if watch.open == Some(operation) {
                        watch.open = None;
                        answered = match answer {
                            ProbeAnswer::Success | ProbeAnswer::Warning => Some(ProbeResult::Success),
                            ProbeAnswer::Failure | ProbeAnswer::Unknown => Some(ProbeResult::Failure),
                            ProbeAnswer::Error => None,
                        };
                    }
                    ProberEvent::Answered { operation, answer }
                }
                Seed::Foreign(operation, answer) if !watch.asked.contains(&operation) => {
                    ProberEvent::Answered { operation, answer }
                }
                Seed::AgentStarted { jitter } => {
                    epoch += 1;
                    watch.open = None;
                    ProberEvent::AgentStarted { epoch, jitter: Duration::from_secs(jitter) }
                }
                _ => continue,
            };
            actions.clear();
            prober.step(now, event, &mut actions);
            if prober.instance() != before.as_ref() {
                watch.open = None;
                watch.done_with = None;
            }
            watch.look(&prober, answered, &actions);
            prop_assert!(prober.next_wakeup().is_none_or(|due| due > latest));
            let end_of_time = latest + Duration::from_secs(u64::from(u32::MAX)) == Timestamp::MAX;
            prop_assert!(!may_ask(&prober) || prober.next_wakeup().is_some() || end_of_time, "{prober:?}");
        }
    }

    /// No panic; timers are in the future; a wake before the time changes nothing; operations have names of their
    /// own; a restarted agent asks nothing of a container that it has not seen; results are those of living probers.
    #[test]
    fn the_contract_holds(pod in pod(), settings in settings(), jitter in 0..9_u64, log in log()) {
        let mut now = start();
        let mut probes = PodProbes::new(pod, settings, Duration::from_secs(jitter), now);
        let (mut world, mut names, mut latest) = (World::default(), BTreeSet::new(), now);
        let mut seen = BTreeSet::new();
        for step in &log {
            if let Some(due) = probes.next_wakeup() {
                let (before, mut nothing) = (probes.snapshot(), Vec::new());
                probes.wake(due.moved_back(Duration::from_nanos(1)).min(latest), &mut nothing);
                prop_assert!(nothing.is_empty());
                prop_assert_eq!(before, probes.snapshot());
            }
            match &step.1 {
                Seed::AgentStarted { .. } => seen.clear(),
                Seed::See { container, .. } => {
                    seen.insert(probes.pod().name_of(ContainerIndex(*container)).to_owned());
                }
                _ => {}
            }
            let before = Arc::clone(probes.pod());
            let actions = drive(&mut probes, &mut world, &mut now, std::slice::from_ref(step)).remove(0);
            latest = latest.max(now);
            prop_assert!(probes.next_wakeup().is_none_or(|due| due > latest));
            for asked in &actions {
                if let Some(operation) = operation(&asked.action) {
                    prop_assert!(names.insert(operation), "{operation} is used twice");
                    // What was due before an update speaks of the pod as it was.
                    let names = [&before, probes.pod()].map(|pod| pod.name_of(asked.container));
                    prop_assert!(names.into_iter().any(|name| seen.contains(name)), "{asked:?} unseen");
                }
            }
            let results = (0..).map(ContainerIndex).take(probes.pod().containers().len()).map(|index| {
                let mut results = ProbeResults::default();
                for kind in ProbeKind::ALL {
                    let living = probes.prober(index, kind).filter(|prober| !prober.is_ended());
                    results.set(kind, living.and_then(Prober::result));
                }
                results
            });
            prop_assert_eq!(results.collect::<Vec<_>>(), probes.results());
        }
    }

    /// A log replays to the same actions, and probes that were stored in between go on the same.
    #[test]
    fn a_log_replays_and_a_snapshot_goes_on_the_same(
        pod in pod(), settings in settings(), log in log(), cut in any::<prop::sample::Index>(),
    ) {
        let new = || PodProbes::new(Arc::clone(&pod), settings, Duration::from_secs(3), start());
        let (mut one, mut world, mut now) = (new(), World::default(), start());
        let whole = drive(&mut one, &mut world, &mut now, &log);

        let cut = cut.index(log.len());
        let (mut two, mut world, mut now) = (new(), World::default(), start());
        let mut parts = drive(&mut two, &mut world, &mut now, &log[..cut]);
        let stored = serde_json::to_string(&two.snapshot()).unwrap();
        let snapshot: PodProbesSnapshot = serde_json::from_str(&stored).unwrap();
        let environment = (Arc::clone(two.pod()), settings);
        let mut two = PodProbes::restore(snapshot, environment, Timestamp::MAX).unwrap();
        prop_assert_eq!(serde_json::to_string(&two.snapshot()).unwrap(), stored);
        parts.extend(drive(&mut two, &mut world, &mut now, &log[cut..]));
        prop_assert_eq!(whole, parts);
        prop_assert_eq!(one.snapshot(), two.snapshot());
    }
}

#[test]
fn a_snapshot_of_another_pod_or_version_is_refused() {
    let probe = Probe { exec: Some(ExecAction { command: vec!["true".to_owned()] }), ..Probe::default() };
    let app = Container { name: "app".to_owned(), liveness_probe: Some(probe), ..Container::default() };
    let with = |containers| compile(PodSpec { containers, ..PodSpec::default() }, Compat::default());
    let settings = ProberSettings::default();
    let probes = PodProbes::new(with(vec![app]), settings, Duration::ZERO, start());
    let refused = PodProbes::restore(probes.snapshot(), (with(vec![]), settings), start()).unwrap_err();
    assert_eq!(refused.to_string(), "snapshot does not fit: probes: found app Liveness, expected ");
    let mut newer = probes.snapshot();
    newer.version = 2;
    let refused = PodProbes::restore(newer, (Arc::clone(probes.pod()), settings), start()).unwrap_err();
    assert_eq!(refused.to_string(), "snapshot has version 2, this library reads version 1");
}

#[test]
fn a_clock_that_was_set_back_moves_every_instant() {
    let probe = Probe { exec: Some(ExecAction { command: vec!["true".to_owned()] }), ..Probe::default() };
    let app = Container { name: "app".to_owned(), liveness_probe: Some(probe), ..Container::default() };
    let pod = compile(PodSpec { containers: vec![app], ..PodSpec::default() }, Compat::default());
    let settings = ProberSettings::default();
    let mut probes = PodProbes::new(Arc::clone(&pod), settings, Duration::ZERO, start());
    let instance = Some(InstanceSight {
        id: "c".into(),
        state: InstanceState::Running { started_at: start() },
        started: true,
    });
    let sight = Sight { pod: PodSight { phase: PodPhase::Running, deleted: false }, instance };
    probes.step(start(), ProbesEvent::Container { container: ContainerIndex(0), sight }, &mut Vec::new());
    assert_eq!(probes.next_wakeup(), Some(start() + Duration::from_secs(11)));
    let earlier = start().moved_back(Duration::from_secs(500));
    let probes = PodProbes::restore(probes.snapshot(), (pod, settings), earlier).unwrap();
    assert_eq!(probes.next_wakeup(), Some(earlier + Duration::from_secs(11)));
}
