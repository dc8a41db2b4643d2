//! What holds of the pods of a node, whatever sources, runtime and API server do, and in whatever order.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{Pod, PodSpec, PodStatus, Uid};
use node_lifecycle::behaviour::Behaviour;
use node_lifecycle::container::{
    ContainerRecord, Exit, KeptWithContainer, PodRecords, ProbeAnswer, ProberAction, RecordState,
    SandboxRecord, SandboxState,
};
use node_lifecycle::machine::{Machine, Snapshots, Timestamp};
use node_lifecycle::pod::{
    Action, Change, Event, KillPodOptions, LifecycleAction, LifecycleEvent, Outcome, PodUpdate, Pods,
    PodsAction, PodsEvent, PodsSettings, PodsSnapshot, StatusOverride,
};
use proptest::prelude::*;

/// What happens. Pods 0 and 1 are static and have one name, 2 cannot be compiled, 3 to 5 are the API's, and 6 and 7
/// are known to the runtime only.
#[derive(Debug, Clone)]
enum Seed {
    Offer(u8),
    Delete(u8, Option<i64>),
    /// The source has it no more, and nobody was asked.
    Remove(u8),
    Evict(u8, Option<i64>, bool),
    /// The runtime has something of a pod that nobody knows.
    Orphan(u8),
    /// A container ends.
    Exit(u8, u8),
    Advance(u16),
    /// Answers that were given before come again.
    Again,
    /// The node is observed as it was a while ago.
    Late,
    Restart,
}

fn seed() -> impl Strategy<Value = Seed> {
    let grace = || prop::option::of(0..40_i64);
    prop_oneof![
        6 => (0..6_u8).prop_map(Seed::Offer),
        2 => (0..6_u8, grace()).prop_map(|(pod, grace)| Seed::Delete(pod, grace)),
        1 => (0..6_u8).prop_map(Seed::Remove),
        2 => (0..6_u8, grace(), any::<bool>()).prop_map(|(pod, grace, says)| Seed::Evict(pod, grace, says)),
        1 => (6..8_u8).prop_map(Seed::Orphan),
        3 => (0..6_u8, 0..3_u8).prop_map(|(pod, code)| Seed::Exit(pod, code)),
        8 => (0..200_u16).prop_map(Seed::Advance),
        1 => Just(Seed::Again),
        1 => Just(Seed::Late),
        1 => Just(Seed::Restart),
    ]
}

fn uid(pod: u8) -> Uid {
    Uid::from(format!("uid-{pod}"))
}

fn pod(number: u8) -> Pod {
    let (name, source) =
        if number < 2 { ("etcd".to_owned(), "file") } else { (format!("pod-{number}"), "api") };
    let policy = ["Always", "OnFailure", "Never"][usize::from(number % 3)];
    let json = format!(
        r#"{{"metadata": {{"name": "{name}", "namespace": "shop", "uid": "uid-{number}",
              "annotations": {{"kubernetes.io/config.source": "{source}"}}}},
            "spec": {{"restartPolicy": "{policy}", "terminationGracePeriodSeconds": 20,
              "initContainers": [{{"name": "proxy", "image": "p:1", "restartPolicy": "Always",
                "lifecycle": {{"preStop": {{"exec": {{"command": ["drain"]}}}}}}}}],
              "containers": [{{"name": "app", "image": "a:1", "readinessProbe": {{"exec": {{"command": ["ask"]}}}}}}]}}}}"#
    );
    let mut pod = Pod::from_json(&json).unwrap();
    if number == 2 {
        let mut spec = PodSpec::clone(&pod.spec);
        spec.containers.push(spec.containers[0].clone());
        pod.spec = Arc::new(spec);
    }
    pod
}

/// A runtime, an API server and a clock around the machine; and what it must not do.
struct World {
    pods: Pods,
    now: Timestamp,
    epoch: u32,
    /// How each next answer goes: 0 fails, 1 is lost, 2 and 3 are late, all others come at once.
    faults: Vec<u8>,
    calls: usize,
    is_calm: bool,
    made: u32,
    runtime: BTreeMap<Uid, PodRecords>,
    api: BTreeMap<Uid, Pod>,
    gone: BTreeSet<Uid>,
    /// Pods of which a source has said that it has them no more.
    removed: BTreeSet<Uid>,
    answers: Vec<(Timestamp, PodsEvent)>,
    given: Vec<PodsEvent>,
    before: Vec<(Timestamp, Arc<BTreeMap<Uid, PodRecords>>)>,
    observed: bool,
    observe_at: Timestamp,
    terminated: BTreeSet<Uid>,
    versions: BTreeMap<Uid, u64>,
}

impl World {
    fn new(faults: Vec<u8>) -> Self {
        let now = Timestamp::from_unix_seconds(1_735_689_600);
        Self {
            pods: Pods::new(Arc::default(), PodsSettings::default(), now),
            now,
            epoch: 0,
            faults,
            calls: 0,
            is_calm: false,
            made: 0,
            runtime: BTreeMap::new(),
            api: BTreeMap::new(),
            gone: BTreeSet::new(),
            removed: BTreeSet::new(),
            answers: Vec::new(),
            given: Vec::new(),
            before: Vec::new(),
            observed: false,
            observe_at: now,
            terminated: BTreeSet::new(),
            versions: BTreeMap::new(),
        }
    }

    fn hand(&mut self, event: PodsEvent) {
        let mut actions = Vec::new();
        self.pods.step(self.now, event, &mut actions);
        self.carry_out(actions);
    }

    fn carry_out(&mut self, actions: Vec<PodsAction>) {
        assert!(self.pods.next_wakeup().is_none_or(|at| at > self.now), "it has to be woken later than now");
        for action in actions {
            let is_work = matches!(action, PodsAction::Pod { .. } | PodsAction::ReadKept { .. });
            assert!(self.observed || !is_work, "before the first observation: {action:?}");
            match action {
                PodsAction::Pod { uid, action } => self.call(&uid, action),
                PodsAction::ReadKept { operation, uid } => {
                    let records = self.runtime.get(&uid).cloned().unwrap_or_default();
                    let kept = records.containers.iter().map(|record| KeptWithContainer {
                        pod: uid.clone(),
                        pod_name: "orphan".to_owned(),
                        name: record.name.to_string(),
                        termination_grace_period_seconds: Some(7),
                        ..KeptWithContainer::default()
                    });
                    let kept = Some(kept.collect());
                    let event = PodsEvent::Kept { operation, uid: uid.clone(), kept };
                    self.answer(event, PodsEvent::Kept { operation, uid, kept: None });
                }
                _ => {}
            }
        }
    }

    /// Answers in one of many ways; says whether the call takes effect.
    fn answer(&mut self, well: PodsEvent, badly: PodsEvent) {
        let (event, after) = match self.fault() {
            0 => (badly, 0),
            1 => return,
            2 => (well, 3),
            3 => (well, 150),
            _ => (well, 0),
        };
        self.answers.push((self.now + Duration::from_secs(after), event));
    }

    fn fault(&mut self) -> u8 {
        self.calls += 1;
        if self.is_calm { 9 } else { self.faults.get(self.calls % self.faults.len()).copied().unwrap_or(9) }
    }

    fn call(&mut self, uid: &Uid, action: LifecycleAction) {
        let answer = |event| PodsEvent::Pod { uid: uid.clone(), event };
        match action {
            LifecycleAction::Pod(action) => {
                if let Action::Report { change: Change::Terminated } = action {
                    self.terminated.insert(uid.clone());
                }
                let Some(operation) = action.operation() else { return };
                let done = |outcome| answer(LifecycleEvent::Pod(Event::Done { operation, outcome }));
                let failed = done(Outcome::Failed(Box::default()));
                if self.faults.get((self.calls + 1) % self.faults.len()) == Some(&0) && !self.is_calm {
                    // It fails, and nothing has happened.
                    self.calls += 1;
                    self.answers.push((self.now, failed));
                    return;
                }
                let outcome = self.take_effect(uid, action);
                self.answer(done(outcome), failed);
            }
            LifecycleAction::Probe(probe) => {
                if let ProberAction::Attempt { operation, .. } = probe.action {
                    let answered = |answer| LifecycleEvent::Answered { operation, answer };
                    let (well, badly) = (answered(ProbeAnswer::Success), answered(ProbeAnswer::Failure));
                    self.answer(answer(well), answer(badly));
                }
            }
            LifecycleAction::SendStatus { version, status } => {
                let is_static = uid.as_str() < "uid-2";
                assert!(is_static || !self.removed.contains(uid), "its source has {uid} no more");
                let last = self.versions.insert(uid.clone(), version).unwrap_or(0);
                assert!(version >= last, "{uid}: version {version} after {last}");
                if let Some(known) = self.api.get_mut(uid) {
                    if let Some(phase) = known.status.phase.filter(|phase| phase.is_terminal()) {
                        assert_eq!(status.phase, Some(phase), "{uid}: a terminal phase stays");
                    }
                    known.status = PodStatus::clone(&status);
                }
                let sent = |taken| answer(LifecycleEvent::StatusSent { version, taken });
                self.answer(sent(true), sent(false));
            }
            LifecycleAction::DeletePod => {
                let runs = self.runtime.get(uid).is_some_and(is_running);
                assert!(!runs, "{uid} is deleted from the API and runs");
                self.api.remove(uid);
                self.gone.insert(uid.clone());
                let deleted = |gone| answer(LifecycleEvent::PodDeleted { gone });
                self.answer(deleted(true), deleted(false));
            }
        }
    }

    fn take_effect(&mut self, uid: &Uid, action: Action) -> Outcome {
        let makes = matches!(
            action,
            Action::CreateSandbox { .. } | Action::CreateContainer { .. } | Action::StartContainer { .. }
        );
        let is_static = uid.as_str() < "uid-2";
        if makes {
            assert!(is_static || !self.terminated.contains(uid), "{uid} starts again: {action:?}");
            let same_name = [uid_of(is_static, 0), uid_of(is_static, 1)];
            for other in same_name.into_iter().flatten().filter(|other| other != uid) {
                let runs = self.runtime.get(&other).is_some_and(is_running);
                assert!(!runs, "{uid} begins while {other} of its name runs");
            }
        }
        let (now, made) = (self.now, self.made);
        self.made += 1;
        let pod = self.pods.lifecycle(uid).map(|life| Arc::clone(life.worker().pod()));
        let records = self.runtime.entry(uid.clone()).or_default();
        let find = |records: &mut PodRecords, id: &_, state: RecordState| {
            for record in records.containers.iter_mut().filter(|record| record.id == *id) {
                if record.exit().is_none() {
                    record.state = state.clone();
                }
            }
        };
        match action {
            Action::CreateSandbox { attempt, .. } => {
                let sandbox = SandboxRecord {
                    id: format!("s{made}").into(),
                    attempt,
                    state: SandboxState::Ready,
                    created_at: now,
                    ..SandboxRecord::default()
                };
                records.sandboxes.insert(0, sandbox.clone());
                return Outcome::SandboxCreated(sandbox.id);
            }
            Action::CreateContainer { container, attempt, .. } => {
                let pod = pod.unwrap();
                let compiled = pod.container(container).unwrap();
                let record = ContainerRecord {
                    id: format!("c{made}").into(),
                    name: Arc::clone(&compiled.name),
                    attempt,
                    spec_hash: compiled.spec_hash,
                    created_at: now,
                    ..ContainerRecord::default()
                };
                records.containers.insert(0, record.clone());
                return Outcome::ContainerCreated(record.id);
            }
            Action::StartContainer { id, .. } => {
                find(records, &id, RecordState::Running { started_at: now });
            }
            Action::StopContainer { id, .. } => find(records, &id, exited(137, now)),
            Action::RemoveContainer { id, .. } => records.containers.retain(|record| record.id != id),
            Action::StopSandbox { sandbox, .. } => {
                let mut all = records.sandboxes.iter_mut();
                all.by_ref().filter(|it| it.id == sandbox).for_each(|it| it.state = SandboxState::NotReady);
                if records.sandboxes.iter().all(|it| it.state == SandboxState::NotReady) {
                    let running: Vec<_> = records.containers.iter().map(|it| it.id.clone()).collect();
                    running.iter().for_each(|id| find(records, id, exited(137, now)));
                }
            }
            Action::RemoveSandbox { sandbox, .. } => {
                records.sandboxes.retain(|it| it.id != sandbox);
                if records.sandboxes.is_empty() {
                    self.runtime.remove(uid);
                }
            }
            _ => {}
        }
        self.runtime.retain(|_, records| *records != PodRecords::default());
        Outcome::Done
    }

    /// Lets time go on, second by second and from one deadline to the next.
    fn advance(&mut self, by: u64) {
        let until = self.now + Duration::from_secs(by);
        for _ in 0..100_000 {
            let answer = self.answers.iter().map(|(at, _)| *at).min();
            let next = [answer, self.pods.next_wakeup(), Some(self.observe_at)].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= until) else { break };
            self.now = self.now.max(next);
            if let Some(at) = self.answers.iter().position(|(at, _)| *at <= self.now) {
                let (_, event) = self.answers.remove(at);
                self.given.push(event.clone());
                self.hand(event);
            } else if self.observe_at <= self.now {
                self.observe();
            } else {
                let mut actions = Vec::new();
                self.pods.wake(self.now, &mut actions);
                self.carry_out(actions);
            }
        }
        self.now = self.now.max(until);
    }

    fn observe(&mut self) {
        let pods = Arc::new(self.runtime.clone());
        self.observed = true;
        self.before.push((self.now, Arc::clone(&pods)));
        self.observe_at = self.now + Duration::from_secs(1);
        self.hand(PodsEvent::Observed { at: self.now, pods });
        self.now += Duration::from_nanos(1);
    }

    fn offer(&mut self, pod: &Pod, is_new: bool) {
        let pod = Arc::new(pod.clone());
        let update = if is_new { PodUpdate::create(pod) } else { PodUpdate::update(pod) };
        self.hand(PodsEvent::Update(update));
    }

    fn want(&mut self) {
        let pods = Arc::new(self.api.keys().cloned().collect());
        self.hand(PodsEvent::Wanted { pods, all_sources_ready: true });
    }

    fn plant(&mut self, seed: &Seed) {
        match seed {
            Seed::Offer(number) => {
                let is_new = !self.api.contains_key(&uid(*number));
                if self.gone.contains(&uid(*number)) {
                    return;
                }
                let pod = self.api.entry(uid(*number)).or_insert_with(|| pod(*number)).clone();
                self.offer(&pod, is_new);
            }
            Seed::Delete(number, grace) => {
                let now = self.now;
                let Some(pod) = self.api.get_mut(&uid(*number)) else { return };
                pod.metadata.deletion_timestamp.get_or_insert(now);
                pod.metadata.deletion_grace_period_seconds = *grace;
                let pod = pod.clone();
                self.offer(&pod, false);
            }
            Seed::Remove(number) => {
                if self.api.remove(&uid(*number)).is_some() {
                    self.gone.insert(uid(*number));
                    self.removed.insert(uid(*number));
                    self.hand(PodsEvent::Removed { uid: uid(*number) });
                }
            }
            Seed::Evict(number, grace, says) => {
                let says =
                    says.then(|| Arc::new(StatusOverride { reason: "Evicted".into(), ..Default::default() }));
                let options = KillPodOptions {
                    evict: true,
                    grace_period_seconds_override: *grace,
                    status: says,
                    completed: Some("evicted".into()),
                };
                self.hand(PodsEvent::Kill { uid: uid(*number), options });
            }
            Seed::Orphan(number) => {
                let sandbox = SandboxRecord {
                    id: format!("orphan-s{number}").into(),
                    state: SandboxState::Ready,
                    created_at: self.now,
                    ..SandboxRecord::default()
                };
                let container = ContainerRecord {
                    id: format!("orphan-c{number}").into(),
                    name: "strange".into(),
                    created_at: self.now,
                    state: RecordState::Running { started_at: self.now },
                    ..ContainerRecord::default()
                };
                let records = PodRecords { sandboxes: vec![sandbox], containers: vec![container] };
                self.runtime.entry(uid(*number)).or_insert(records);
            }
            Seed::Exit(number, code) => {
                let now = self.now;
                let records = self.runtime.get_mut(&uid(*number));
                let record =
                    records.and_then(|records| records.containers.iter_mut().find(|it| it.is_running()));
                let Some(record) = record else { return };
                record.state = exited((*code).into(), now);
                let (uid, record) = (uid(*number), Box::new(record.clone()));
                if self.observed {
                    self.hand(PodsEvent::Pod { uid, event: LifecycleEvent::Pod(Event::Container(record)) });
                }
            }
            Seed::Advance(seconds) => self.advance(u64::from(*seconds)),
            Seed::Again => {
                let again: Vec<_> = self.given.iter().rev().take(3).cloned().collect();
                again.into_iter().for_each(|event| self.hand(event));
            }
            Seed::Late => {
                let earlier = self.before.iter().rev().nth(3).filter(|_| self.observed).cloned();
                if let Some((at, pods)) = earlier {
                    self.hand(PodsEvent::Observed { at, pods });
                }
            }
            Seed::Restart => {
                self.epoch += 1;
                self.pods = stored(&self.pods, self.now);
                self.answers.clear();
                self.given.clear();
                self.before.clear();
                self.observed = false;
                self.observe_at = self.now + Duration::from_secs(2);
                let jitter = Duration::from_secs(3);
                self.hand(PodsEvent::AgentStarted { epoch: self.epoch, jitter });
                for pod in self.api.clone().into_values() {
                    self.offer(&pod, true);
                }
                self.want();
            }
        }
    }
}

fn uid_of(is_static: bool, number: u8) -> Option<Uid> {
    is_static.then(|| uid(number))
}

fn is_running(records: &PodRecords) -> bool {
    records.containers.iter().any(ContainerRecord::is_running)
}

fn exited(exit_code: i32, finished_at: Timestamp) -> RecordState {
    RecordState::Exited(Exit { exit_code, finished_at, ..Exit::default() })
}

/// Through text and back.
fn stored(pods: &Pods, now: Timestamp) -> Pods {
    let text = serde_json::to_string(&pods.snapshot()).unwrap();
    let snapshot: PodsSnapshot = serde_json::from_str(&text).unwrap();
    assert_eq!(snapshot, pods.snapshot(), "a snapshot reads back as it was");
    Pods::restore(snapshot, (Arc::new(Behaviour::default()), PodsSettings::default()), now).unwrap()
}

fn life() -> impl Strategy<Value = (Vec<u8>, Vec<Seed>)> {
    (prop::collection::vec(0..12_u8, 1..40), prop::collection::vec(seed(), 1..40))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every pod that is removed is stopped, finished and forgotten, and nothing of it stays; and on the way there
    /// the laws hold that the world asserts.
    #[test]
    fn what_is_removed_is_forgotten((faults, seeds) in life()) {
        let mut world = World::new(faults);
        world.want();
        seeds.iter().for_each(|seed| world.plant(seed));

        world.is_calm = true;
        let known: Vec<Uid> = world.api.keys().cloned().collect();
        world.api.clear();
        world.want();
        known.into_iter().for_each(|uid| world.hand(PodsEvent::Removed { uid }));
        for _ in 0..60 {
            if world.runtime.is_empty() && world.pods.uids().next().is_none() {
                break;
            }
            world.advance(20);
        }
        prop_assert!(world.runtime.is_empty(), "left in the runtime: {:?}", world.runtime);
        let left: Vec<_> = world.pods.uids().collect();
        prop_assert!(left.is_empty(), "left: {left:?}");
        prop_assert_eq!(world.pods.workers().known().count(), 0);
        prop_assert_eq!(world.pods.next_wakeup(), None);
    }

    /// A machine that is stored and taken up at any step goes on as the one that was not.
    #[test]
    fn a_snapshot_goes_on_as_the_machine_would((faults, seeds) in life(), at in 0..40_usize) {
        let mut one = World::new(faults.clone());
        let mut other = World::new(faults);
        for world in [&mut one, &mut other] {
            world.want();
        }
        for (step, seed) in seeds.iter().enumerate() {
            if step == at {
                other.pods = stored(&other.pods, other.now);
            }
            one.plant(seed);
            other.plant(seed);
        }
        one.advance(30);
        other.advance(30);
        let lines = |pods: &Pods| serde_json::to_string_pretty(&pods.snapshot()).unwrap();
        let (went_on, taken_up) = (lines(&one.pods), lines(&other.pods));
        let differs = went_on.lines().zip(taken_up.lines()).find(|(one, other)| one != other);
        prop_assert_eq!(differs, None);
        prop_assert_eq!(one.calls, other.calls);
        prop_assert_eq!(one.runtime, other.runtime);
    }
}
