//! The contract of a machine, for a pod's worker under events in any order, garbage included.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{Container, ContainerId, ObjectMeta, Pod, PodSpec, SandboxId};
use node_lifecycle::container::{
    ContainerRecord, Exit, PodRecords, ProbeKind, ProbeResult, RecordState, SandboxRecord, SandboxState,
};
use node_lifecycle::machine::{Machine, OperationId, Snapshots, Timestamp};
use node_lifecycle::pod::{
    Action, CompiledPod, Event, Outcome, Verdict, Worker, WorkerSettings, WorkerSnapshot,
};
use proptest::prelude::*;

use crate::pods::{Case, case};

/// An event in small numbers, made real against what the machine has asked for so far.
#[derive(Debug, Clone)]
pub(crate) enum Seed {
    /// Answers one of the operations asked for, old ones too.
    Answer {
        which: usize,
        how: u8,
    },
    Container {
        container: u8,
        id: u8,
        attempt: u32,
        state: u8,
        age: i64,
    },
    Sandbox {
        id: u8,
        attempt: u32,
        ready: bool,
        ip: u8,
        age: i64,
    },
    /// A full report of what was made of the machine's actions, with some of it missing or changed.
    Report {
        lag: u64,
        skip: usize,
        extra: bool,
    },
    Probe {
        id: u8,
        probe: u8,
        result: u8,
    },
    Delete(Option<i64>),
    Verdict(Option<i64>),
    AgentStarted,
    /// Another form of the pod: an image changed, a debugger more, containers in another order, one less.
    Update(u8),
    Foreign(OperationId),
}

pub(crate) fn seed() -> impl Strategy<Value = Seed> {
    prop_oneof![
        8 => (any::<usize>(), 0..8_u8).prop_map(|(which, how)| Seed::Answer { which, how }),
        3 => (0..14_u8, any::<u8>(), 0..4_u32, 0..6_u8, -50..50_i64)
            .prop_map(|(container, id, attempt, state, age)| Seed::Container { container, id, attempt, state, age }),
        2 => (0..4_u8, 0..3_u32, any::<bool>(), 0..3_u8, -50..50_i64)
            .prop_map(|(id, attempt, ready, ip, age)| Seed::Sandbox { id, attempt, ready, ip, age }),
        4 => (0..30_u64, any::<usize>(), any::<bool>()).prop_map(|(lag, skip, extra)| Seed::Report { lag, skip, extra }),
        2 => (any::<u8>(), 0..3_u8, 0..3_u8).prop_map(|(id, probe, result)| Seed::Probe { id, probe, result }),
        1 => prop::option::of(any::<i64>()).prop_map(Seed::Delete),
        1 => prop::option::of(any::<i64>()).prop_map(Seed::Verdict),
        1 => Just(Seed::AgentStarted),
        2 => any::<u8>().prop_map(Seed::Update),
        1 => (any::<u32>(), any::<u32>()).prop_map(|(epoch, seq)| Seed::Foreign(OperationId { epoch, seq })),
    ]
}

/// Makes events of seeds, the same ones for the same actions.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) asked: Vec<Action>,
    pub(crate) records: PodRecords,
    made: u32,
    epoch: u32,
}

impl World {
    pub(crate) fn event(&mut self, pod: &CompiledPod, now: Timestamp, seed: &Seed) -> Event {
        match seed {
            Seed::Answer { which, how } => self.answer(*which, *how, now),
            Seed::Container { container, id, attempt, state, age } => {
                Event::Container(Box::new(self.record(pod, now, *container, *id, *attempt, *state, *age)))
            }
            Seed::Sandbox { id, attempt, ready, ip, age } => {
                let record = SandboxRecord {
                    id: SandboxId::from(format!("s{id}")),
                    attempt: *attempt,
                    state: if *ready { SandboxState::Ready } else { SandboxState::NotReady },
                    ip: [None, Some(String::new()), Some("10.0.0.1".to_owned())][usize::from(*ip % 3)]
                        .clone(),
                    host_network: *ip == 2 && *ready && *attempt == 2,
                    created_at: at_age(now, *age),
                    ..SandboxRecord::default()
                };
                self.records.sandboxes.retain(|known| known.id != record.id);
                self.records.sandboxes.insert(0, record.clone());
                Event::Sandbox(Box::new(record))
            }
            Seed::Report { lag, skip, extra } => {
                let mut records = self.records.clone();
                if !records.containers.is_empty() && skip % 3 == 0 {
                    records.containers.remove(skip % self.records.containers.len());
                }
                if *extra {
                    records.containers.push(self.record(pod, now, 200, 250, 0, 1, 0));
                }
                let at = now.moved_back(Duration::from_secs(*lag));
                Event::Observed { at, records: Box::new(records) }
            }
            Seed::Probe { id, probe, result } => {
                let known =
                    self.records.containers.get(usize::from(*id) % self.records.containers.len().max(1));
                let id = known.map_or_else(|| ContainerId::from("none"), |known| known.id.clone());
                let probe =
                    [ProbeKind::Startup, ProbeKind::Liveness, ProbeKind::Readiness][usize::from(*probe)];
                let result =
                    [ProbeResult::Success, ProbeResult::Failure, ProbeResult::Unknown][usize::from(*result)];
                Event::Probed { id, probe, result }
            }
            Seed::Delete(grace_seconds) => Event::Deleted { grace_seconds: *grace_seconds },
            Seed::Verdict(grace_seconds) => Event::Verdict(Box::new(Verdict {
                reason: "Evicted".into(),
                message: "The node was low on resource: memory.".into(),
                grace_seconds: *grace_seconds,
                ..Verdict::default()
            })),
            Seed::AgentStarted => {
                self.epoch += 1;
                Event::AgentStarted { epoch: self.epoch }
            }
            Seed::Update(how) => Event::Updated(Arc::new(updated(pod, *how))),
            Seed::Foreign(operation) => Event::Done { operation: *operation, outcome: Outcome::Done },
        }
    }

    fn answer(&mut self, which: usize, how: u8, now: Timestamp) -> Event {
        let Some(action) = self.asked.get(which % self.asked.len().max(1)).cloned() else {
            return Event::Observed { at: now, records: Box::new(self.records.clone()) };
        };
        let operation = action.operation().unwrap_or(OperationId { epoch: 9, seq: 9 });
        if how == 0 {
            return Event::Done { operation, outcome: Outcome::Failed(Box::default()) };
        }
        if how == 1 {
            return Event::Done { operation, outcome: Outcome::SandboxCreated("odd".into()) };
        }
        self.made += 1;
        let outcome = match action {
            Action::CreateSandbox { .. } => Outcome::SandboxCreated(format!("made{}", self.made).into()),
            Action::CreateContainer { .. } => Outcome::ContainerCreated(format!("made{}", self.made).into()),
            _ => Outcome::Done,
        };
        Event::Done { operation, outcome }
    }

    #[expect(clippy::too_many_arguments, reason = "a record has as many fields")]
    fn record(
        &mut self,
        pod: &CompiledPod,
        now: Timestamp,
        container: u8,
        id: u8,
        attempt: u32,
        state: u8,
        age: i64,
    ) -> ContainerRecord {
        let known = pod.containers().get(usize::from(container));
        let exit = |exit_code, reason: &str| {
            RecordState::Exited(Exit {
                exit_code,
                finished_at: at_age(now, age / 2),
                reason: reason.into(),
                ..Exit::default()
            })
        };
        let record = ContainerRecord {
            id: ContainerId::from(format!("c{container}-{id}")),
            name: known.map_or_else(|| Arc::from("stranger"), |known| Arc::clone(&known.name)),
            attempt,
            spec_hash: known.map_or(0, |known| known.spec_hash).wrapping_add(u64::from(id == 7)),
            created_at: at_age(now, age),
            state: match state {
                0 => RecordState::Created,
                1 | 2 => RecordState::Running { started_at: at_age(now, age / 2) },
                3 => exit(0, "Completed"),
                4 => exit(137, "OOMKilled"),
                _ => RecordState::Unknown,
            },
            ..ContainerRecord::default()
        };
        self.records.containers.retain(|known| known.id != record.id);
        self.records.containers.insert(0, record.clone());
        record
    }
}

pub(crate) fn updated(pod: &CompiledPod, how: u8) -> CompiledPod {
    let mut spec = PodSpec::clone(&pod.spec);
    match how % 4 {
        0 => spec.containers[0].image = format!("changed:{how}"),
        1 => {
            let debugger = Container { name: format!("debug-{how}"), ..Container::default() };
            spec.ephemeral_containers.retain(|known| known.name != debugger.name);
            spec.ephemeral_containers.push(debugger);
        }
        2 => spec.containers.reverse(),
        _ => spec.containers.truncate(1),
    }
    let metadata = ObjectMeta { uid: pod.uid.clone(), ..ObjectMeta::default() };
    let updated = Pod { metadata, spec: Arc::new(spec), ..Pod::default() };
    CompiledPod::compile(&updated, &pod.behaviour).unwrap()
}

fn at_age(now: Timestamp, seconds: i64) -> Timestamp {
    if seconds < 0 {
        now + Duration::from_secs(seconds.unsigned_abs())
    } else {
        now.moved_back(Duration::from_secs(seconds.unsigned_abs()))
    }
}

fn worker(case: &Case) -> Worker {
    let compiled = CompiledPod::compile(&case.pod, &case.behaviour()).unwrap();
    Worker::new(&case.pod, Arc::new(compiled), WorkerSettings::default(), Timestamp::from_unix_seconds(1000))
}

fn log() -> impl Strategy<Value = Vec<(u64, Seed)>> {
    prop::collection::vec((0..40_000_u64, seed()), 1..60)
}

/// Drives a worker through a log; what it asked for, step by step.
fn drive(
    worker: &mut Worker,
    world: &mut World,
    now: &mut Timestamp,
    log: &[(u64, Seed)],
) -> Vec<Vec<Action>> {
    log.iter()
        .map(|(after, seed)| {
            *now += Duration::from_millis(*after);
            let event = world.event(&worker.pod().clone(), *now, seed);
            let mut actions = Vec::new();
            worker.step(*now, event, &mut actions);
            world.asked.extend(actions.iter().filter(|action| action.operation().is_some()).cloned());
            actions
        })
        .collect()
}

proptest! {
    #![proptest_config(crate::cases(1500))]

    /// No panic; timers are in the future; a wake before the time changes nothing; operations have names of
    /// their own; attempts only grow; after a restart of the agent nothing happens before an observation.
    #[test]
    fn the_contract_holds(case in case(), log in log()) {
        let (mut worker, mut world, mut now) = (worker(&case), World::default(), Timestamp::from_unix_seconds(1000));
        let mut names = std::collections::BTreeSet::new();
        let mut attempts: BTreeMap<Arc<str>, u32> = BTreeMap::new();
        let mut observed = false;
        for step in &log {
            if let Some(due) = worker.next_wakeup() {
                let before = worker.snapshot();
                let mut nothing = Vec::new();
                let early = due.moved_back(Duration::from_nanos(1)).min(now);
                worker.wake(early, &mut nothing);
                prop_assert!(nothing.is_empty());
                prop_assert_eq!(before, worker.snapshot());
            }
            match step.1 {
                Seed::AgentStarted => observed = false,
                Seed::Report { .. } => observed = true,
                Seed::Answer { .. } if world.asked.is_empty() => observed = true,
                _ => {}
            }
            let actions = drive(&mut worker, &mut world, &mut now, std::slice::from_ref(step)).remove(0);
            prop_assert!(worker.next_wakeup().is_none_or(|due| due > now));
            prop_assert!(observed || actions.is_empty(), "{actions:?} before an observation");
            for record in &worker.observed().records().containers {
                if worker.pod().index_of(&record.name).is_some() {
                    let highest = attempts.entry(Arc::clone(&record.name)).or_default();
                    *highest = (*highest).max(record.attempt + 1);
                }
            }
            for action in actions {
                if let Some(operation) = action.operation() {
                    prop_assert!(names.insert(operation), "{operation} is used twice");
                }
                if let Action::CreateContainer { container, attempt, .. } = action {
                    let name = worker.pod().name_of(container);
                    let next = attempts.get(name).copied().unwrap_or(0);
                    prop_assert!(attempt >= next, "attempt {attempt} of {container:?} after {next}");
                }
            }
        }
    }

    /// A log replays to the same actions, and a worker that was stored in between goes on the same.
    #[test]
    fn replay_and_restore_are_exact(case in case(), log in log(), cut in any::<prop::sample::Index>()) {
        let start = Timestamp::from_unix_seconds(1000);
        let (mut one, mut world, mut now) = (worker(&case), World::default(), start);
        let whole = drive(&mut one, &mut world, &mut now, &log);

        let cut = cut.index(log.len());
        let (mut two, mut world, mut now) = (worker(&case), World::default(), start);
        let mut parts = drive(&mut two, &mut world, &mut now, &log[..cut]);
        let stored = serde_json::to_string(&two.snapshot()).unwrap();
        let snapshot: WorkerSnapshot = serde_json::from_str(&stored).unwrap();
        let environment = (Arc::clone(two.pod()), WorkerSettings::default());
        let mut two = Worker::restore(snapshot, environment, now).unwrap();
        prop_assert_eq!(serde_json::to_string(&two.snapshot()).unwrap(), stored);
        parts.extend(drive(&mut two, &mut world, &mut now, &log[cut..]));
        prop_assert_eq!(whole, parts);
        prop_assert_eq!(one.snapshot(), two.snapshot());
    }
}
