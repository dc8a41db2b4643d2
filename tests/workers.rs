//! A node agent in small: the machine of all pods, with one worker a pod, over a runtime that obeys.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{Pod, PodPhase, Uid};
use node_lifecycle::behaviour::Behaviour;
use node_lifecycle::container::{
    ContainerRecord, Exit, PodRecords, RecordState, SandboxRecord, SandboxState,
};
use node_lifecycle::machine::{Machine, OperationId, Timestamp};
use node_lifecycle::pod::{
    Action, CompiledPod, Event, KillPodOptions, Outcome, PodStage, PodUpdate, StatusOverride, SyncOutcome,
    Verdict, Worker, WorkerSettings, Workers, WorkersAction, WorkersEvent,
};

/// What stands between both machines and the runtime.
struct Agent {
    workers: Workers,
    pods: BTreeMap<Uid, Worker>,
    /// Calls that wait for their pod's worker to terminate.
    stopping: BTreeMap<Uid, OperationId>,
    runtime: BTreeMap<Uid, PodRecords>,
    now: Timestamp,
    /// What was asked of the runtime and of the node, in order.
    log: Vec<String>,
}

impl Agent {
    fn new() -> Self {
        let now = Timestamp::from_unix_seconds(1000);
        let (pods, stopping, runtime) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut agent = Self {
            workers: Workers::new(Arc::default(), now),
            pods,
            stopping,
            runtime,
            now,
            log: Vec::new(),
        };
        agent.hand(WorkersEvent::RuntimeListed { at: now, pods: Arc::default() });
        agent
    }

    fn hand(&mut self, event: WorkersEvent) {
        let mut actions = Vec::new();
        self.workers.step(self.now, event, &mut actions);
        actions.into_iter().for_each(|action| self.carry_out(action));
    }

    fn done(&mut self, uid: Uid, operation: OperationId, outcome: SyncOutcome) {
        self.hand(WorkersEvent::Done { uid, operation, outcome });
    }

    fn carry_out(&mut self, action: WorkersAction) {
        match action {
            WorkersAction::SyncPod { operation, uid, pod, .. } => {
                if !self.pods.contains_key(&uid) {
                    let compiled = CompiledPod::compile(&pod, &Arc::new(Behaviour::default())).unwrap();
                    let worker = Worker::new(&pod, Arc::new(compiled), WorkerSettings::default(), self.now);
                    self.pods.insert(uid.clone(), worker);
                    self.tell(&uid, Event::Observed { at: self.now, records: Box::default() });
                }
                let ended = self.pods[&uid].is_terminated();
                self.done(uid, operation, if ended { SyncOutcome::Terminal } else { SyncOutcome::Done });
            }
            WorkersAction::SyncTerminatingPod {
                operation,
                uid,
                grace_period_seconds: grace_seconds,
                status,
                ..
            } => {
                self.log.push(format!("terminating, {grace_seconds:?}"));
                self.stopping.insert(uid.clone(), operation);
                let event = match status {
                    None => Event::Deleted { grace_seconds },
                    Some(status) => {
                        let StatusOverride { reason, message, .. } = StatusOverride::clone(&status);
                        Event::Verdict(Box::new(Verdict {
                            reason,
                            message,
                            grace_seconds,
                            ..Verdict::default()
                        }))
                    }
                };
                self.tell(&uid, event);
            }
            WorkersAction::SyncTerminatedPod { operation, uid, .. } => {
                self.log.push("release".to_owned());
                self.done(uid, operation, SyncOutcome::Done);
            }
            WorkersAction::Cancel { operation, uid } => {
                self.stopping.remove(&uid);
                self.done(uid, operation, SyncOutcome::Canceled);
            }
            WorkersAction::Forgotten { uid, .. } => {
                self.pods.remove(&uid);
                self.log.push("forgotten".to_owned());
            }
            WorkersAction::Completed { notice, .. } => self.log.push(format!("told {notice}")),
            WorkersAction::SyncTerminatingRuntimePod { .. }
            | WorkersAction::Requeue { .. }
            | WorkersAction::Finished { .. } => {}
        }
    }

    /// Hands an event to a pod's worker, and does for it what it asks for.
    fn tell(&mut self, uid: &Uid, event: Event) {
        let mut actions = Vec::new();
        self.pods.get_mut(uid).unwrap().step(self.now, event, &mut actions);
        for action in actions {
            if let Some(operation) = action.operation() {
                let outcome = self.run(uid, &action);
                self.tell(uid, Event::Done { operation, outcome });
                let records = Box::new(self.runtime[uid].clone());
                self.now += Duration::from_millis(1);
                self.tell(uid, Event::Observed { at: self.now, records });
            }
        }
        if self.pods[uid].is_terminated() {
            match self.stopping.remove(uid) {
                Some(operation) => self.done(uid.clone(), operation, SyncOutcome::Done),
                None if self.workers.stage(uid) == Some(PodStage::Sync) => {
                    self.hand(WorkersEvent::Due { uid: uid.clone() });
                }
                None => {}
            }
        }
    }

    fn run(&mut self, uid: &Uid, action: &Action) -> Outcome {
        let (pod, records) = (Arc::clone(self.pods[uid].pod()), self.runtime.entry(uid.clone()).or_default());
        match action {
            Action::CreateSandbox { attempt, .. } => {
                let (id, state) = (format!("sandbox-{attempt}").into(), SandboxState::Ready);
                let made = SandboxRecord {
                    id,
                    attempt: *attempt,
                    state,
                    created_at: self.now,
                    ..Default::default()
                };
                records.sandboxes.insert(0, made.clone());
                return Outcome::SandboxCreated(made.id);
            }
            Action::CreateContainer { container, attempt, .. } => {
                let compiled = pod.container(*container).unwrap();
                let made = ContainerRecord {
                    id: format!("{}-{attempt}", compiled.name).into(),
                    name: Arc::clone(&compiled.name),
                    attempt: *attempt,
                    spec_hash: compiled.spec_hash,
                    created_at: self.now,
                    ..ContainerRecord::default()
                };
                records.containers.insert(0, made.clone());
                return Outcome::ContainerCreated(made.id);
            }
            Action::StartContainer { .. } => set_all(records, &RecordState::Running { started_at: self.now }),
            Action::StopContainer { timeout_seconds, .. } => {
                self.log.push(format!("stop, {timeout_seconds} s"));
                set_all(records, &exited(137, self.now));
            }
            Action::StopSandbox { .. } => {
                records.sandboxes.iter_mut().for_each(|sandbox| sandbox.state = SandboxState::NotReady);
            }
            Action::RemoveSandbox { .. } => *records = PodRecords::default(),
            _ => {}
        }
        Outcome::Done
    }
}

fn set_all(records: &mut PodRecords, state: &RecordState) {
    records.containers.iter_mut().for_each(|record| record.state = state.clone());
}

fn exited(exit_code: i32, finished_at: Timestamp) -> RecordState {
    RecordState::Exited(Exit { exit_code, finished_at, ..Exit::default() })
}

fn pod(restart_policy: &str) -> Arc<Pod> {
    let json = format!(
        r#"{{"metadata": {{"name": "web", "namespace": "shop", "uid": "1"}},
             "spec": {{"restartPolicy": "{restart_policy}", "terminationGracePeriodSeconds": 30,
                      "containers": [{{"name": "app", "image": "app:1"}}]}}}}"#
    );
    Arc::new(Pod::from_json(&json).unwrap())
}

#[test]
fn an_evicted_pod_goes_all_the_way() {
    let (mut agent, pod, uid) = (Agent::new(), pod("Always"), Uid::from("1"));
    agent.hand(WorkersEvent::Update(PodUpdate::create(Arc::clone(&pod))));
    assert_eq!(agent.pods[&uid].phase(), PodPhase::Running);
    let options = KillPodOptions {
        evict: true,
        grace_period_seconds_override: Some(5),
        status: Some(Arc::new(StatusOverride {
            reason: "Evicted".into(),
            message: "no memory".into(),
            ..StatusOverride::default()
        })),
        completed: Some("the eviction manager".into()),
    };
    agent.hand(WorkersEvent::Update(PodUpdate::kill(pod, options)));
    assert_eq!(agent.log, ["terminating, Some(5)", "stop, 5 s", "told the eviction manager", "release"]);
    assert_eq!(agent.pods[&uid].phase(), PodPhase::Failed);
    assert!(agent.workers.should_pod_be_finished(&uid));
    agent.hand(WorkersEvent::SyncKnown { desired: Arc::default(), all_sources_ready: true });
    assert_eq!(agent.log.last().map(String::as_str), Some("forgotten"));
}

#[test]
fn a_job_ends_by_itself() {
    let (mut agent, uid) = (Agent::new(), Uid::from("1"));
    agent.hand(WorkersEvent::Update(PodUpdate::create(pod("Never"))));
    agent.now += Duration::from_secs(5);
    set_all(agent.runtime.get_mut(&uid).unwrap(), &exited(0, agent.now));
    let records = Box::new(agent.runtime[&uid].clone());
    agent.tell(&uid, Event::Observed { at: agent.now, records });
    assert_eq!(agent.log, ["terminating, None", "release"]);
    assert_eq!(agent.pods[&uid].phase(), PodPhase::Succeeded);
    assert_eq!(agent.workers.stage(&uid), Some(PodStage::Finished));
}

#[test]
fn an_orphan_is_stopped_with_its_own_grace() {
    let mut agent = Agent::new();
    agent.hand(WorkersEvent::Update(PodUpdate::create(pod("Always"))));
    for _ in 0..2 {
        agent.hand(WorkersEvent::SyncKnown { desired: Arc::default(), all_sources_ready: true });
    }
    assert_eq!(agent.log, ["terminating, None", "stop, 30 s", "release", "forgotten"]);
    assert!(agent.pods.is_empty() && agent.workers.known().next().is_none());
}
