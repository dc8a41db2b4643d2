//! The contract of a machine and the laws of statuses, for a pod as a whole under events in any order, garbage
//! included.

use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{ExecAction, Pod, PodCondition, PodStatus, Probe, RestartPolicy};
use node_lifecycle::container::{PodRecords, ProbeAnswer, ProberAction};
use node_lifecycle::machine::{Machine, OperationId, Snapshots, Timestamp};
use node_lifecycle::pod::{
    Action, CompiledPod, Event, Lifecycle, LifecycleAction, LifecycleEvent, LifecycleSettings, Outcome,
};
use proptest::prelude::*;

use crate::machine::{Seed, World, seed, updated};
use crate::pods::{Case, case};

const START: Timestamp = Timestamp::from_unix_seconds(1000);

/// An event in small numbers, made real against what the machine has asked for so far.
#[derive(Debug, Clone)]
enum Deed {
    Pod(Seed),
    Probed {
        which: usize,
        how: u8,
    },
    Sent {
        taken: bool,
        stale: bool,
    },
    Gone(bool),
    /// The source offers the pod again.
    Offered {
        how: u8,
        deleted: bool,
    },
    AgentStarted(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        12 => seed().prop_map(Deed::Pod),
        4 => (any::<usize>(), 0..5_u8).prop_map(|(which, how)| Deed::Probed { which, how }),
        4 => (any::<bool>(), prop::bool::weighted(0.1)).prop_map(|(taken, stale)| Deed::Sent { taken, stale }),
        1 => any::<bool>().prop_map(Deed::Gone),
        2 => (any::<u8>(), prop::bool::weighted(0.1)).prop_map(|(how, deleted)| Deed::Offered { how, deleted }),
        1 => (0..20_u64).prop_map(Deed::AgentStarted),
    ]
}

fn log() -> impl Strategy<Value = Vec<(u64, Deed)>> {
    prop::collection::vec((prop_oneof![Just(0_u64), 0..40_000_u64], deed()), 1..60)
}

/// What is around a pod.
#[derive(Clone)]
struct Around {
    runtime: World,
    now: Timestamp,
    pod: Pod,
    asked: Vec<OperationId>,
    sent: Vec<(u64, Arc<PodStatus>)>,
    taken: Vec<Arc<PodStatus>>,
    epoch: u32,
}

impl Around {
    fn event(&mut self, compiled: &Arc<CompiledPod>, deed: &Deed) -> LifecycleEvent {
        match deed {
            Deed::Pod(seed) => LifecycleEvent::Pod(self.runtime.event(compiled, self.now, seed)),
            Deed::Probed { which, how } => {
                let operation = self.asked.get(which % self.asked.len().max(1)).copied();
                let operation = operation.unwrap_or(OperationId { epoch: 9, seq: 9 });
                let answer = [
                    ProbeAnswer::Success,
                    ProbeAnswer::Warning,
                    ProbeAnswer::Failure,
                    ProbeAnswer::Unknown,
                    ProbeAnswer::Error,
                ][usize::from(*how)];
                LifecycleEvent::Answered { operation, answer }
            }
            Deed::Sent { taken, stale } => {
                let (version, status) = self.sent.last().cloned().unwrap_or_default();
                if *taken && !stale && version > 0 {
                    self.pod.status = PodStatus::clone(&status);
                    self.taken.push(status);
                }
                LifecycleEvent::StatusSent {
                    version: version - u64::from(*stale && version > 0),
                    taken: *taken,
                }
            }
            Deed::Gone(gone) => LifecycleEvent::PodDeleted { gone: *gone },
            Deed::Offered { how, deleted } => {
                if *deleted && self.pod.metadata.deletion_timestamp.is_none() {
                    self.pod.metadata.deletion_timestamp = Some(self.now);
                    self.pod.metadata.deletion_grace_period_seconds = Some(i64::from(*how % 40));
                }
                let compiled =
                    if how % 3 == 0 { Arc::new(updated(compiled, *how)) } else { Arc::clone(compiled) };
                let mirror = (how % 2 == 0).then(|| Arc::new(self.pod.clone()));
                LifecycleEvent::Offered { pod: Arc::new(self.pod.clone()), compiled, mirror }
            }
            Deed::AgentStarted(jitter) => {
                self.epoch += 10;
                LifecycleEvent::AgentStarted { epoch: self.epoch, jitter: Duration::from_secs(*jitter) }
            }
        }
    }

    fn take(&mut self, actions: &[LifecycleAction]) {
        for action in actions {
            match action {
                LifecycleAction::Pod(action) if action.operation().is_some() => {
                    self.runtime.asked.push(action.clone());
                }
                LifecycleAction::Probe(asked) => {
                    if let ProberAction::Attempt { operation, .. } = asked.action {
                        self.asked.push(operation);
                    }
                }
                LifecycleAction::SendStatus { version, status } => {
                    self.sent.push((*version, Arc::clone(status)));
                }
                LifecycleAction::Pod(_) | LifecycleAction::DeletePod => {}
            }
        }
    }

    fn step(&mut self, pod: &mut Lifecycle, (after, deed): &(u64, Deed)) -> Vec<LifecycleAction> {
        self.now += Duration::from_millis(*after);
        let event = self.event(&Arc::clone(pod.worker().pod()), deed);
        let mut actions = Vec::new();
        pod.step(self.now, event, &mut actions);
        self.take(&actions);
        actions
    }
}

fn probed(case: &mut Case, is_static: bool) {
    let probe = |period| {
        Some(Probe {
            exec: Some(ExecAction { command: vec!["true".to_owned()] }),
            period_seconds: Some(period),
            ..Probe::default()
        })
    };
    if is_static {
        case.pod.metadata.annotations.insert("kubernetes.io/config.source".to_owned(), "file".to_owned());
    }
    let spec = Arc::make_mut(&mut case.pod.spec);
    for (n, container) in spec.containers.iter_mut().enumerate() {
        if n % 2 == 0 {
            container.readiness_probe = probe(3);
        } else {
            container.liveness_probe = probe(7);
        }
    }
}

fn begin(case: &Case) -> (Lifecycle, Around) {
    let compiled = Arc::new(CompiledPod::compile(&case.pod, &case.behaviour()).unwrap());
    let pod =
        Lifecycle::new(&case.pod, compiled, LifecycleSettings::default(), Duration::from_secs(3), START);
    let around = Around {
        runtime: World::default(),
        now: START,
        pod: case.pod.clone(),
        asked: Vec::new(),
        sent: Vec::new(),
        taken: Vec::new(),
        epoch: 0,
    };
    (pod, around)
}

fn times_follow(old: &PodStatus, new: &PodStatus) -> Result<(), TestCaseError> {
    for condition in &new.conditions {
        if condition.type_ == PodCondition::DISRUPTION_TARGET {
            continue;
        }
        let Some(before) = old.conditions.iter().find(|known| known.type_ == condition.type_) else {
            continue;
        };
        if before.status == condition.status {
            prop_assert_eq!(
                before.last_transition_time,
                condition.last_transition_time,
                "{}",
                condition.type_
            );
        } else {
            prop_assert!(before.last_transition_time <= condition.last_transition_time);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(crate::cases(300))]

    #[test]
    fn the_contract_holds((mut case, is_static) in (case(), prop::bool::weighted(0.2)), log in log()) {
        probed(&mut case, is_static);
        let (mut pod, mut around) = begin(&case);
        let mut version = 0;
        let mut on_its_way: Option<Timestamp> = None;
        for step in &log {
            if let Some(due) = pod.next_wakeup() {
                let before = pod.snapshot();
                let mut nothing = Vec::new();
                let early = due.moved_back(Duration::from_nanos(1)).min(around.now);
                pod.wake(early, &mut nothing);
                prop_assert!(nothing.is_empty());
                prop_assert_eq!(before, pod.snapshot());
            }
            let before = around.sent.last().cloned();
            let said = pod.status().cloned();
            let actions = around.step(&mut pod, step);
            prop_assert!(pod.next_wakeup().is_none_or(|due| due > around.now), "{:?} at {}", pod.next_wakeup(), around.now);
            match &step.1 {
                Deed::AgentStarted(_) | Deed::Pod(Seed::AgentStarted) => on_its_way = None,
                Deed::Sent { stale: false, .. } => on_its_way = None,
                _ => {}
            }
            if let (Some(said), Some(status)) = (said, pod.status()) {
                times_follow(&said, status)?;
            }
            let mut last = before;
            for action in &actions {
                if let LifecycleAction::SendStatus { version: next, status } = action {
                    prop_assert!(*next >= version, "{next} after {version}");
                    let answered = matches!(step.1, Deed::Sent { .. });
                    prop_assert!(answered || on_its_way.is_none_or(|until| until <= around.now));
                    on_its_way = Some(around.now + Duration::from_secs(30));
                    version = *next;
                    if let Some((_, last)) = &last && !is_static {
                        let end = last.phase.filter(|phase| phase.is_terminal());
                        prop_assert!(end.is_none() || status.phase == end, "{:?} after {end:?}", status.phase);
                    }
                    last = Some((*next, Arc::clone(status)));
                }
            }
            if matches!(step.1, Deed::Sent { .. }) {
                on_its_way = None;
            }
        }
    }

    #[test]
    fn replay_and_restore_are_exact(mut case in case(), log in log(), cut in any::<prop::sample::Index>()) {
        probed(&mut case, false);
        let (mut one, mut around) = begin(&case);
        let whole: Vec<_> = log.iter().map(|step| around.step(&mut one, step)).collect();
        let cut = cut.index(log.len());
        let (mut two, mut around) = begin(&case);
        let mut parts: Vec<_> = log[..cut].iter().map(|step| around.step(&mut two, step)).collect();
        let stored = serde_json::to_string(&two.snapshot()).unwrap();
        let environment = (Arc::clone(two.worker().pod()), LifecycleSettings::default());
        let mut two = Lifecycle::restore(serde_json::from_str(&stored).unwrap(), environment, around.now).unwrap();
        prop_assert_eq!(serde_json::to_string(&two.snapshot()).unwrap(), stored);
        parts.extend(log[cut..].iter().map(|step| around.step(&mut two, step)));
        prop_assert_eq!(whole, parts);
        prop_assert_eq!(one.snapshot(), two.snapshot());
    }

    /// What is said is what would be said now: no change of the records is missed.
    #[test]
    fn what_is_said_is_up_to_date(mut case in case(), log in log()) {
        probed(&mut case, false);
        let spec = Arc::make_mut(&mut case.pod.spec);
        spec.restart_policy = RestartPolicy::Always;
        for app in &mut spec.containers {
            app.restart_policy = None;
            app.restart_policy_rules.clear();
        }
        let (mut pod, mut around) = begin(&case);
        for step in &log {
            around.step(&mut pod, step);
            if !pod.worker().is_synced() || pod.worker().is_released() { continue }
            let Some(said) = pod.status().filter(|said| !said.phase.unwrap().is_terminal()) else { continue };
            let ip = pod.worker().observed().sandboxes().first().and_then(|sandbox| sandbox.ip.clone()).unwrap_or_default();
            if !ip.is_empty() {
                prop_assert_eq!(&said.pod_ip, &ip);
            }
            for record in &pod.worker().observed().records().containers {
                let latest = pod.worker().pod().index_of(&record.name).and_then(|index| pod.worker().observed().latest(index));
                if latest != Some(record) { continue }
                let status = said.container_statuses.iter().find(|status| *status.name == *record.name);
                let Some(status) = status else { continue };
                prop_assert_eq!(&status.container_id, &format!("containerd://{}", record.id));
                prop_assert_eq!(&*status.image_id, &*record.image_ref);
            }
        }
    }

    /// The same report twice at one time asks for nothing the second time.
    #[test]
    fn nothing_is_asked_twice(mut case in case(), log in log()) {
        probed(&mut case, false);
        let (mut pod, mut around) = begin(&case);
        for step in &log {
            around.step(&mut pod, step);
            let records = Box::new(pod.worker().observed().records().clone());
            let report = LifecycleEvent::Pod(Event::Observed { at: around.now, records });
            let mut actions = Vec::new();
            pod.step(around.now, report.clone(), &mut actions);
            pod.step(around.now, report.clone(), &mut actions);
            around.take(&actions);
            actions.clear();
            pod.step(around.now, report, &mut actions);
            prop_assert!(actions.is_empty(), "{:?}", actions);
        }
    }

    /// Whatever came before: once everybody answers, a deleted pod is gone in bounded time.
    #[test]
    fn a_deleted_pod_goes(mut case in case(), log in log()) {
        probed(&mut case, false);
        let (mut pod, mut around) = begin(&case);
        for step in &log {
            around.step(&mut pod, step);
        }
        if pod.is_finished() { return Ok(()) }
        around.pod.metadata.deletion_timestamp = Some(around.now);
        around.pod.metadata.deletion_grace_period_seconds = Some(3);
        let compiled = Arc::clone(pod.worker().pod());
        let offered = LifecycleEvent::Offered { pod: Arc::new(around.pod.clone()), compiled, mirror: None };
        let mut actions = Vec::new();
        pod.step(around.now, offered, &mut actions);
        let observed = |now| LifecycleEvent::Pod(Event::Observed { at: now, records: Box::<PodRecords>::default() });
        let until = around.now + Duration::from_secs(3 * 3600);
        let mut rounds = 0;
        while !pod.is_finished() {
            rounds += 1;
            prop_assert!(rounds < 20_000, "it runs in circles");
            for action in std::mem::take(&mut actions) {
                let event = match action {
                    LifecycleAction::Pod(action) => {
                        let Some(operation) = action.operation() else { continue };
                        let outcome = match action {
                            Action::CreateSandbox { .. } => Outcome::SandboxCreated(format!("late{rounds}").into()),
                            Action::CreateContainer { .. } => Outcome::ContainerCreated(format!("late{rounds}").into()),
                            _ => Outcome::Done,
                        };
                        LifecycleEvent::Pod(Event::Done { operation, outcome })
                    }
                    LifecycleAction::SendStatus { version, .. } => LifecycleEvent::StatusSent { version, taken: true },
                    LifecycleAction::DeletePod => LifecycleEvent::PodDeleted { gone: true },
                    LifecycleAction::Probe(_) => continue,
                };
                pod.step(around.now, event, &mut actions);
            }
            if actions.is_empty() {
                around.now += Duration::from_secs(5);
                pod.step(around.now, observed(around.now), &mut actions);
            }
            prop_assert!(around.now < until, "it is still there: {:?}", pod.snapshot());
        }
    }
}
