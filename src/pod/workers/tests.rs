use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::api::{Pod, PodPhase};
use crate::machine::{OperationId, RestoreError, Snapshots};

/// The pods of a node, answered by hand.
struct Node {
    workers: Workers,
    seconds: i64,
}

impl Node {
    /// A node whose runtime was listed: it has nothing.
    fn new() -> Self {
        let workers = Workers::new(Arc::default(), Timestamp::UNIX_EPOCH);
        let mut node = Self { workers, seconds: 0 };
        node.list(&[]);
        node
    }

    fn step(&mut self, event: WorkersEvent) -> Vec<WorkersAction> {
        let mut actions = Vec::new();
        self.workers.step(Timestamp::from_unix_seconds(self.seconds), event, &mut actions);
        self.seconds += 1;
        actions
    }

    fn list(&mut self, pods: &[(&str, RuntimeState)]) -> Vec<WorkersAction> {
        let pods: BTreeMap<_, _> = pods.iter().map(|(uid, has)| (Uid::from(*uid), *has)).collect();
        let at = Timestamp::from_unix_seconds(self.seconds);
        self.step(WorkersEvent::RuntimeListed { at, pods: pods.into() })
    }

    fn update(&mut self, update: PodUpdate) -> Vec<WorkersAction> {
        self.step(WorkersEvent::Update(update))
    }

    fn sync_known(&mut self, desired: &[&str], all_sources_ready: bool) -> Vec<WorkersAction> {
        let desired: BTreeSet<_> = desired.iter().map(|uid| Uid::from(*uid)).collect();
        self.step(WorkersEvent::SyncKnown { desired: desired.into(), all_sources_ready })
    }

    /// Answers the call among `asked`.
    fn done(&mut self, asked: &[WorkersAction], outcome: SyncOutcome) -> Vec<WorkersAction> {
        let (uid, operation) = call(asked).unwrap();
        self.step(WorkersEvent::Done { uid, operation, outcome })
    }

    /// The agent ends, and another takes up what it stored.
    fn restart(&mut self) {
        let json = serde_json::to_string(&self.workers.snapshot()).unwrap();
        let now = Timestamp::from_unix_seconds(self.seconds);
        self.workers = Workers::restore(serde_json::from_str(&json).unwrap(), Arc::default(), now).unwrap();
        assert!(self.step(WorkersEvent::AgentStarted { epoch: 0 }).is_empty());
    }
}

fn call(asked: &[WorkersAction]) -> Option<(Uid, OperationId)> {
    asked.iter().find_map(|action| Some((action.uid().clone(), action.operation()?)))
}

fn pod(uid: &str) -> Pod {
    let mut pod = Pod::default();
    pod.metadata.uid = uid.into();
    pod
}

fn kind(actions: &[WorkersAction]) -> &'static str {
    let call = actions.iter().find(|action| action.operation().is_some());
    call.map_or("none", |action| match action {
        WorkersAction::SyncPod { .. } => "sync",
        WorkersAction::SyncTerminatingPod { .. } => "terminating",
        WorkersAction::SyncTerminatingRuntimePod { .. } => "terminating runtime",
        _ => "terminated",
    })
}

#[test]
fn actions_are_small() {
    assert!(size_of::<WorkersAction>() <= 128, "{}", size_of::<WorkersAction>());
}

#[test]
fn a_whole_life() {
    let mut node = Node::new();
    let asked = node.update(PodUpdate::create(pod("1").into()));
    assert_eq!(kind(&asked), "sync");
    // It comes to its end by itself.
    let asked = node.done(&asked, SyncOutcome::Terminal);
    assert!(asked.iter().any(|action| matches!(
        action,
        WorkersAction::SyncTerminatingPod { grace_period_seconds: None, .. }
    )));
    let asked = node.done(&asked, SyncOutcome::Done);
    assert_eq!((kind(&asked), node.workers.is_pod_known_terminated(&"1".into())), ("terminated", true));
    node.done(&asked, SyncOutcome::Done);
    assert!(node.workers.should_pod_be_finished(&"1".into()));
    // It stays known for as long as it is wanted, and nothing is done about it.
    assert!(node.update(PodUpdate::sync(pod("1").into())).is_empty());
    assert!(node.sync_known(&["1"], true).is_empty());
    let gone = node.sync_known(&[], true);
    assert_eq!(gone, [WorkersAction::Forgotten { uid: "1".into(), restart_wanted: false }]);
}

#[test]
fn only_the_newest_update_is_kept() {
    let mut node = Node::new();
    let asked = node.update(PodUpdate::create(pod("1").into()));
    for version in ["2", "3"] {
        let mut pod = pod("1");
        version.clone_into(&mut pod.metadata.resource_version);
        assert!(node.update(PodUpdate::update(pod.into())).is_empty());
    }
    let then = node.done(&asked, SyncOutcome::Done);
    let versions = then.iter().filter_map(|action| match action {
        WorkersAction::SyncPod { pod, .. } => Some(&*pod.metadata.resource_version),
        _ => None,
    });
    assert_eq!(versions.collect::<Vec<_>>(), ["3"]);
}

#[test]
fn no_orphans_before_all_sources_are_read() {
    let mut node = Node::new();
    let asked = node.update(PodUpdate::create(pod("1").into()));
    node.done(&asked, SyncOutcome::Done);
    assert!(node.sync_known(&[], false).is_empty());
    assert!(node.workers.could_have_running_containers(&"stranger".into()));
    let asked = node.sync_known(&[], true);
    assert_eq!(kind(&asked), "terminating");
    assert!(!node.workers.could_have_running_containers(&"stranger".into()));
    assert!(node.workers.known().all(|(_, known)| known.orphan && known.has_config));
}

#[test]
fn a_terminal_pod_is_finished_after_a_restart() {
    // Kubernetes issue 116925: what a pod holds is released though it stopped in an earlier life of the agent.
    let mut done = pod("1");
    done.status.phase = Some(PodPhase::Succeeded);
    for has in [RuntimeState::Nothing, RuntimeState::Exited, RuntimeState::Running, RuntimeState::Unreadable]
    {
        let mut node = Node { workers: Workers::new(Arc::default(), Timestamp::UNIX_EPOCH), seconds: 0 };
        // Its source is read first: what the runtime has is not known yet.
        assert!(node.update(PodUpdate::create(done.clone().into())).is_empty());
        assert!(node.workers.could_have_running_containers(&"1".into()));
        let asked = node.list(&[("1", has)]);
        let expected = match has {
            RuntimeState::Running => "terminating",
            RuntimeState::Unreadable => "none",
            _ => "terminated",
        };
        assert_eq!(kind(&asked), expected, "{has:?}");
    }
}

#[test]
fn a_pod_that_has_ended_is_not_started_again_by_a_restart() {
    // Kubernetes issues 37447 and 104531: its end did not reach the API.
    let mut node = Node::new();
    let asked = node.update(PodUpdate::create(pod("1").into()));
    let asked = node.done(&asked, SyncOutcome::Terminal);
    let asked = node.done(&asked, SyncOutcome::Done);
    node.restart();
    assert!(node.done(&asked, SyncOutcome::Done).is_empty(), "of another life");
    assert!(node.update(PodUpdate::create(pod("1").into())).is_empty());
    let asked = node.list(&[]);
    assert_eq!(kind(&asked), "terminated");
    node.done(&asked, SyncOutcome::Done);
    node.restart();
    node.list(&[]);
    assert!(node.update(PodUpdate::create(pod("1").into())).is_empty());
    assert!(node.sync_known(&["1"], true).is_empty());
    assert_eq!(node.workers.stage(&"1".into()), Some(PodStage::Finished));
}

#[test]
fn a_restart_waits_for_the_runtime_and_for_the_source() {
    let mut node = Node::new();
    for uid in ["going", "staying", "lost"] {
        let asked = node.update(PodUpdate::create(pod(uid).into()));
        node.done(&asked, SyncOutcome::Done);
    }
    let options = KillPodOptions { grace_period_seconds_override: Some(5), ..KillPodOptions::default() };
    node.update(PodUpdate::kill(pod("going").into(), options));
    node.restart();
    let asked = node.list(&[("going", RuntimeState::Running)]);
    let stops = |action: &WorkersAction| {
        matches!(action, WorkersAction::SyncTerminatingPod { grace_period_seconds: Some(5), .. })
    };
    assert!(asked.len() == 1 && stops(&asked[0]), "{asked:?}");
    assert_eq!(kind(&node.update(PodUpdate::create(pod("staying").into()))), "sync");
    assert_eq!(kind(&node.sync_known(&["going", "staying"], true)), "terminating");
    assert!(node.workers.is_pod_termination_requested(&"lost".into()));
}

#[test]
fn the_same_uid_comes_back() {
    let mut node = Node::new();
    let asked = node.update(PodUpdate::create(pod("1").into()));
    node.done(&asked, SyncOutcome::Done);
    let asked = node.update(PodUpdate::kill(pod("1").into(), KillPodOptions::default()));
    assert!(node.update(PodUpdate::create(pod("1").into())).is_empty());
    let asked = node.done(&asked, SyncOutcome::Done);
    assert!(node.sync_known(&["1"], true).is_empty(), "not before it has finished");
    node.done(&asked, SyncOutcome::Done);
    let gone = node.sync_known(&["1"], true);
    assert_eq!(gone, [WorkersAction::Forgotten { uid: "1".into(), restart_wanted: true }]);
    assert_eq!(kind(&node.update(PodUpdate::create(pod("1").into()))), "sync");
}

#[test]
fn a_pod_of_the_runtime_only() {
    let mut node = Node::new();
    let running = Arc::new(RunningPod { uid: "1".into(), ..RunningPod::default() });
    let kind_of = UpdateType::Sync;
    let sync = PodUpdate { kind: kind_of, ..PodUpdate::kill_running(Arc::clone(&running)) };
    assert!(node.update(sync).is_empty() && node.workers.stage(&"1".into()).is_none());
    let asked = node.update(PodUpdate::kill_running(running));
    assert_eq!(kind(&asked), "terminating runtime");
    // Its source describes it after all: it is offered anew once it is gone.
    node.update(PodUpdate::create(pod("1").into()));
    let gone = node.done(&asked, SyncOutcome::Done);
    assert_eq!(gone, [WorkersAction::Forgotten { uid: "1".into(), restart_wanted: true }]);
}

#[test]
fn a_snapshot_that_does_not_fit_is_refused() {
    let mut node = Node::new();
    node.update(PodUpdate::create(pod("1").into()));
    let restore = |edit: fn(&mut WorkersSnapshot)| {
        let mut snapshot = node.workers.snapshot();
        edit(&mut snapshot);
        Workers::restore(snapshot, Arc::default(), Timestamp::MAX).map(|_| ()).unwrap_err()
    };
    let newer = restore(|snapshot| snapshot.version = 2);
    assert_eq!(newer, RestoreError::Version { found: 2, supported: 1 });
    let twice = restore(|snapshot| {
        let call = snapshot.state.pods.values_mut().find_map(|pod| pod.in_flight.as_mut());
        call.unwrap().operation = OperationId { epoch: 7, seq: 0 };
    });
    let text = "snapshot does not fit: operation: found 7.0, expected one that was given out";
    assert_eq!(twice.to_string(), text);
    let stranger = restore(|snapshot| {
        snapshot.state.started_static.insert("etcd_kube-system".into(), "1".into());
    });
    let text = "snapshot does not fit: static pod: found 1, expected a known pod of this full name";
    assert_eq!(stranger.to_string(), text);
}

#[test]
fn instants_move_back_with_the_clock() {
    let mut node = Node { workers: Workers::new(Arc::default(), Timestamp::UNIX_EPOCH), seconds: 1000 };
    node.list(&[("1", RuntimeState::Running)]);
    node.update(PodUpdate::create(pod("1").into()));
    let at = Timestamp::from_unix_seconds;
    let restored = Workers::restore(node.workers.snapshot(), Arc::default(), at(401)).unwrap();
    assert_eq!((restored.state.now, restored.state.listed_at), (at(401), Some(at(400))));
    assert_eq!(restored.state.runtime_of(&"1".into()).map(|seen| seen.at), Some(at(400)));
}
