//! A node's pods from their first sight to their end, and the grace that a pod gets.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{Pod, Uid};
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::machine::{Machine, OperationId, Timestamp};
use node_lifecycle::pod::{
    KillPodOptions, KnownPod, PodStage, PodSubject, PodUpdate, Requeue, RunningPod, RuntimeState,
    StatusOverride, SyncOutcome, Workers, WorkersAction, WorkersEvent, pod_grace_seconds,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::runtime::decode;

pub(crate) fn effective_pod_grace(input: &Value) -> Value {
    let seconds = |value: &Value| decode::<Option<i64>>(value);
    let previous = seconds(&input["previousGracePeriodSeconds"]).filter(|previous| *previous != 0);
    let grace = pod_grace_seconds(
        Compat::kubelet_1_32(),
        previous,
        seconds(&input["deletionGracePeriodSeconds"]),
        seconds(&input["options"]["gracePeriodOverrideSeconds"]),
        seconds(&input["terminationGracePeriodSeconds"]),
    );
    json!({"gracePeriodSeconds": grace, "changed": previous.is_some_and(|previous| previous != grace)})
}

/// Replays the steps of a case, answering calls as the case says.
pub(crate) fn pod_workers(input: &Value) -> Value {
    let mut node = Node::new();
    let uids: Vec<Uid> = decode(&input["uids"]);
    let full_names: Vec<String> = decode(&input["fullNames"]);
    let steps: Vec<Value> = decode(&input["steps"]);
    let steps = steps.iter().map(|step| {
        node.now += Duration::from_secs(1);
        let mut out = node.step(step);
        let state = uids.iter().map(|uid| (uid.to_string(), queries(&node.workers, uid)));
        out["state"] = state.collect();
        let terminating = |name: &String| {
            let is_terminating = node.workers.is_pod_for_mirror_pod_terminating_by_full_name(name);
            (name.clone(), json!(is_terminating))
        };
        out["mirrorTerminating"] = full_names.iter().map(terminating).collect();
        out
    });
    json!({"steps": steps.collect::<Vec<_>>()})
}

/// What the workers run on: the calls that a case answers, and what came of a step.
struct Node {
    workers: Workers,
    now: Timestamp,
    answers: BTreeMap<Uid, Answers>,
    /// By pod, the call that is blocked.
    blocked: BTreeMap<Uid, OperationId>,
    calls: BTreeMap<OperationId, &'static str>,
    events: BTreeMap<String, Vec<Value>>,
    enqueued: BTreeMap<String, Vec<&'static str>>,
    completed: Vec<Arc<str>>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answers {
    sync_pod: Option<String>,
    terminating: Option<String>,
    terminated: Option<String>,
    runtime_terminating: Option<String>,
    runtime_cache: Option<String>,
    cache_error: Option<bool>,
}

impl Node {
    fn new() -> Self {
        let now = Timestamp::from_unix_seconds(1_740_823_200);
        let mut node = Self {
            workers: Workers::new(Arc::new(Behaviour::kubelet_1_32()), now),
            now,
            answers: BTreeMap::new(),
            blocked: BTreeMap::new(),
            calls: BTreeMap::new(),
            events: BTreeMap::new(),
            enqueued: BTreeMap::new(),
            completed: Vec::new(),
        };
        let actions = node.hand(WorkersEvent::RuntimeListed { at: now, pods: Arc::default() });
        node.drive(actions);
        node
    }

    fn step(&mut self, step: &Value) -> Value {
        self.events.clear();
        self.enqueued.clear();
        self.completed.clear();
        let uid: Uid = decode::<Option<Uid>>(&step["uid"]).unwrap_or_default();
        let mut out = json!({});
        match step["op"].as_str() {
            Some("update") => {
                if let Some(update) = update(step) {
                    let actions = self.hand(WorkersEvent::Update(update));
                    self.drive(actions);
                }
            }
            Some("syncKnown") => {
                let desired = Arc::new(decode(&step["desired"]));
                // What is known is asked at once, before any call is answered.
                let actions = self.hand(WorkersEvent::SyncKnown { desired, all_sources_ready: true });
                let known = self.workers.known().map(|(uid, known)| {
                    let state = match known.stage {
                        PodStage::Sync => "sync",
                        PodStage::Terminating => "terminating",
                        PodStage::Terminated | PodStage::Finished => "terminated",
                    };
                    let KnownPod { orphan, has_config, is_static, .. } = known;
                    let known = json!({
                        "state": state,
                        "orphan": orphan,
                        "hasConfig": has_config,
                        "static": is_static,
                    });
                    (uid.to_string(), known)
                });
                out["known"] = known.collect();
                self.drive(actions);
            }
            Some("behaviour") => {
                let new: Answers = decode(step);
                let known = self.answers.entry(uid.clone()).or_default();
                *known = Answers {
                    sync_pod: new.sync_pod.or(known.sync_pod.take()),
                    terminating: new.terminating.or(known.terminating.take()),
                    terminated: new.terminated.or(known.terminated.take()),
                    runtime_terminating: new.runtime_terminating.or(known.runtime_terminating.take()),
                    runtime_cache: new.runtime_cache.or(known.runtime_cache.take()),
                    cache_error: new.cache_error.or(known.cache_error),
                };
                let state = match known.runtime_cache.as_deref() {
                    _ if known.cache_error == Some(true) => RuntimeState::Unreadable,
                    Some("containers") => RuntimeState::Running,
                    Some("sandbox") => RuntimeState::SandboxOnly,
                    Some("exited") => RuntimeState::Exited,
                    _ => RuntimeState::Nothing,
                };
                let actions = self.hand(WorkersEvent::RuntimeObserved { at: self.now, uid, state });
                self.drive(actions);
            }
            Some("release") => {
                let blocked = self.blocked.remove(&uid);
                out["released"] = json!(blocked.is_some());
                if let Some(operation) = blocked {
                    let result = step["result"].as_str().unwrap_or_default().to_owned();
                    let event = self.answer(&uid, operation, &result);
                    let actions = self.hand(event);
                    self.drive(actions);
                }
            }
            other => panic!("unknown step {other:?}"),
        }
        self.completed.sort();
        out["events"] = json!(self.events);
        out["enqueued"] = json!(self.enqueued);
        out["completed"] = json!(self.completed);
        out
    }

    fn hand(&mut self, event: WorkersEvent) -> VecDeque<WorkersAction> {
        let mut actions = Vec::new();
        self.workers.step(self.now, event, &mut actions);
        actions.into()
    }

    /// Carries out actions, and what follows from them, until nothing does.
    fn drive(&mut self, mut actions: VecDeque<WorkersAction>) {
        while let Some(action) = actions.pop_front() {
            if let Some(event) = self.carry_out(&action) {
                actions.extend(self.hand(event));
            }
        }
    }

    fn carry_out(&mut self, action: &WorkersAction) -> Option<WorkersEvent> {
        let version = |pod: &Arc<Pod>| pod.metadata.resource_version.clone();
        let answers = self.answers.get(action.uid()).cloned().unwrap_or_default();
        let (call, started, answer) = match action {
            WorkersAction::SyncPod { kind, pod, mirror, .. } => {
                let started = json!({
                    "updateType": kind,
                    "podVersion": version(pod),
                    "mirrorVersion": mirror.as_ref().map(version),
                });
                ("SyncPod", started, answers.sync_pod)
            }
            WorkersAction::SyncTerminatingPod { pod, grace_period_seconds, status, .. } => {
                let started = json!({
                    "podVersion": version(pod),
                    "gracePeriodSeconds": grace_period_seconds,
                    "statusFn": status.as_ref().map(|status| &status.reason),
                });
                ("SyncTerminatingPod", started, answers.terminating)
            }
            WorkersAction::SyncTerminatingRuntimePod { .. } => {
                ("SyncTerminatingRuntimePod", json!({}), answers.runtime_terminating)
            }
            WorkersAction::SyncTerminatedPod { pod, .. } => {
                ("SyncTerminatedPod", json!({"podVersion": version(pod)}), answers.terminated)
            }
            WorkersAction::Cancel { operation, uid } => {
                self.blocked.remove(uid);
                return Some(self.answer(uid, *operation, "canceled"));
            }
            WorkersAction::Requeue { uid, after } => {
                let after = match after {
                    Requeue::Immediate => "immediate",
                    Requeue::Resync => "resync",
                    Requeue::Backoff => "backoff",
                    Requeue::Transient => "transient",
                    other => panic!("unknown requeue {other:?}"),
                };
                self.enqueued.entry(uid.to_string()).or_default().push(after);
                return None;
            }
            WorkersAction::Completed { notice, .. } => {
                self.completed.push(Arc::clone(notice));
                return None;
            }
            WorkersAction::Finished { .. } | WorkersAction::Forgotten { .. } => return None,
        };
        let (operation, uid) = (action.operation()?, action.uid());
        self.calls.insert(operation, call);
        let mut event = started;
        event["call"] = json!(call);
        self.events.entry(uid.to_string()).or_default().push(event);
        match answer.as_deref() {
            Some("block") => {
                self.blocked.insert(uid.clone(), operation);
                None
            }
            answer => Some(self.answer(uid, operation, answer.unwrap_or("ok"))),
        }
    }

    fn answer(&mut self, uid: &Uid, operation: OperationId, result: &str) -> WorkersEvent {
        let call = self.calls.remove(&operation).unwrap_or_default();
        let outcome = match result {
            "ok" => SyncOutcome::Done,
            "terminal" => SyncOutcome::Terminal,
            "error" => SyncOutcome::Failed,
            "networkError" => SyncOutcome::NetworkNotReady,
            "canceled" => SyncOutcome::Canceled,
            other => panic!("unknown result {other}"),
        };
        self.events.entry(uid.to_string()).or_default().push(json!({"end": call, "result": result}));
        WorkersEvent::Done { uid: uid.clone(), operation, outcome }
    }
}

/// The update of a step. `None` where it speaks of no pod.
fn update(step: &Value) -> Option<PodUpdate> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Kill {
        #[serde(default)]
        evict: bool,
        grace_period_override_seconds: Option<i64>,
        status_fn: Option<Arc<str>>,
        completed: Option<Arc<str>>,
    }
    let pod: Option<Arc<Pod>> = decode(&step["pod"]);
    let running: Option<Arc<RunningPod>> = decode(&step["runningPod"]);
    let kill: Option<Kill> = decode(&step["kill"]);
    Some(PodUpdate {
        kind: decode(&step["type"]),
        subject: pod.map(PodSubject::Pod).or(running.map(PodSubject::Running))?,
        mirror: decode(&step["mirrorPod"]),
        kill: kill.map(|kill| KillPodOptions {
            evict: kill.evict,
            grace_period_seconds_override: kill.grace_period_override_seconds,
            status: kill
                .status_fn
                .map(|reason| Arc::new(StatusOverride { reason, ..StatusOverride::default() })),
            completed: kill.completed,
        }),
    })
}

fn queries(workers: &Workers, uid: &Uid) -> Value {
    json!({
        "isPodKnownTerminated": workers.is_pod_known_terminated(uid),
        "couldHaveRunningContainers": workers.could_have_running_containers(uid),
        "shouldPodBeFinished": workers.should_pod_be_finished(uid),
        "isPodTerminationRequested": workers.is_pod_termination_requested(uid),
        "shouldPodContainersBeTerminating": workers.should_pod_containers_be_terminating(uid),
        "shouldPodRuntimeBeRemoved": workers.should_pod_runtime_be_removed(uid),
        "shouldPodContentBeRemoved": workers.should_pod_content_be_removed(uid),
    })
}
