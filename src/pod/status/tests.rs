//! What a reader should see of statuses.

use std::sync::Arc;

use super::*;
use crate::api::{
    ConditionStatus, ContainerState, ContainerStateRunning, ContainerStatus, Pod, PodCondition, PodPhase,
    PodStatus,
};
use crate::behaviour::{Behaviour, Feature};
use crate::container::{
    ContainerIndex, ContainerRecord, Exit, PodRecords, ProbeResult, ProbeResults, RecordState, SandboxRecord,
    SandboxState,
};
use crate::machine::Timestamp;
use crate::pod::{CompiledPod, Observed};

const POD: &str = r#"{"metadata": {"name": "web", "uid": "1"}, "spec": {"os": {"name": "linux"}, 
    "containers": [{"name": "app", "image": "app:1", "lifecycle": {"stopSignal": "SIGUSR1"}}]}}"#;

fn compiled(json: &str, gates: &[Feature]) -> CompiledPod {
    let mut behaviour = Behaviour::default();
    gates.iter().for_each(|gate| behaviour.gates.set(*gate, true));
    CompiledPod::compile(&Pod::from_json(json).unwrap(), &Arc::new(behaviour)).unwrap()
}

fn record(name: &str, at: i64, state: RecordState) -> ContainerRecord {
    ContainerRecord {
        id: format!("{name}-{at}").into(),
        name: name.into(),
        attempt: 3,
        created_at: Timestamp::from_unix_seconds(at),
        state,
        ..ContainerRecord::default()
    }
}

fn running() -> RecordState {
    RecordState::Running { started_at: Timestamp::from_unix_millis(2500) }
}

fn exited(exit_code: i32) -> RecordState {
    let finished_at = Timestamp::from_unix_millis(4700);
    RecordState::Exited(Exit { exit_code, finished_at, ..Exit::default() })
}

fn observed(pod: &CompiledPod, containers: Vec<ContainerRecord>) -> Observed {
    Observed::new(pod, PodRecords { containers, sandboxes: vec![] })
}

fn app(status: &PodStatus) -> &ContainerStatus {
    &status.container_statuses[0]
}

fn says(state: Option<&ContainerState>) -> String {
    match state {
        None => "nothing".to_owned(),
        Some(ContainerState::Waiting(waiting)) => format!("waits: {}", waiting.reason),
        Some(ContainerState::Running(running)) => format!("runs since {:?}", running.started_at.unwrap()),
        Some(ContainerState::Terminated(end)) => format!("ended: {} {}", end.exit_code, end.reason),
    }
}

#[test]
fn the_newest_instance_is_the_state_and_the_one_before_the_last_state() {
    let pod = compiled(POD, &[]);
    let observed = observed(
        &pod,
        vec![record("app", 1, exited(9)), record("app", 3, running()), record("app", 2, exited(7))],
    );
    let api = PodStatus::default();
    let status = pod_status(&pod, &observed, &StatusInputs::new(&api));
    let app = app(&status);
    assert_eq!(says(app.state.as_ref()), "runs since 1970-01-01T00:00:02Z");
    assert_eq!(says(app.last_state.as_ref()), "ended: 7 ");
    assert_eq!((app.restart_count, &*app.container_id), (3, "containerd://app-3"));
    assert_eq!((app.ready, app.started, status.phase), (true, Some(true), Some(PodPhase::Running)));
}

#[test]
fn a_container_that_ran_and_left_no_trace_was_lost() {
    let pod = compiled(POD, &[]);
    let ran = ContainerState::Running(ContainerStateRunning::default());
    let old = ContainerStatus {
        name: "app".to_owned(),
        state: Some(ran),
        restart_count: 4,
        ..ContainerStatus::default()
    };
    let api = PodStatus { container_statuses: vec![old], ..PodStatus::default() };
    let gone = observed(&pod, vec![]);
    let inputs = StatusInputs::new(&api);
    let status = pod_status(&pod, &gone, &inputs);
    assert_eq!(says(app(&status).state.as_ref()), "waits: ContainerCreating");
    assert_eq!(says(app(&status).last_state.as_ref()), "ended: 137 ContainerStatusUnknown");
    assert_eq!(app(&status).restart_count, 5);
    // It counts as stopped: the pod does not become pending again.
    assert_eq!(status.phase, Some(PodPhase::Running));

    let deleted = pod_status(&pod, &gone, &StatusInputs { deleted: true, ..inputs });
    assert_eq!(app(&deleted).restart_count, 4, "nobody starts it again");

    let unknown = observed(&pod, vec![record("app", 3, RecordState::Unknown)]);
    let status = pod_status(&pod, &unknown, &inputs);
    assert_eq!(says(app(&status).state.as_ref()), "ended: 137 ContainerStatusUnknown");
    assert_eq!(app(&status).restart_count, 5);
}

#[test]
fn probes_and_hooks_say_whether_a_container_is_ready() {
    let pod = compiled(POD, &[]);
    let observed = observed(&pod, vec![record("app", 1, running())]);
    let api = PodStatus::default();
    let all = pod.apps();
    let ready = |startup, readiness, inputs: StatusInputs<'_>| {
        let probes = [ProbeResults { startup, liveness: None, readiness }];
        let inputs = StatusInputs { probes: &probes, ..inputs };
        let status = pod_status(&pod, &observed, &inputs);
        (app(&status).started, app(&status).ready)
    };
    let inputs = StatusInputs::new(&api);
    let probed = StatusInputs { startup_probed: all, readiness_probed: all, ..inputs };
    let (yes, no) = (Some(ProbeResult::Success), Some(ProbeResult::Failure));
    assert_eq!(ready(None, None, probed), (Some(false), false));
    assert_eq!(ready(yes, None, probed), (Some(true), false));
    assert_eq!(ready(yes, yes, probed), (Some(true), true));
    assert_eq!(ready(no, yes, probed), (Some(false), false));
    // A readiness that nobody probes any more does not count.
    assert_eq!(ready(None, no, inputs), (Some(true), true));
    assert_eq!(ready(yes, yes, StatusInputs { hooks_pending: all, ..probed }), (Some(false), false));
}

#[test]
fn addresses_come_in_the_nodes_order_of_families() {
    let sandbox = SandboxRecord {
        state: SandboxState::Ready,
        ip: Some("fd00::7".to_owned()),
        additional_ips: vec!["10.0.0.7".to_owned(), "10.0.0.8".to_owned(), "nonsense".to_owned()],
        ..SandboxRecord::default()
    };
    let records = PodRecords { sandboxes: vec![sandbox], containers: vec![] };
    let (api, hosts) = (PodStatus::default(), ["192.168.1.5".to_owned(), "fd00:1::5".to_owned()]);
    let inputs = StatusInputs { host_ips: &hosts, ..StatusInputs::new(&api) };
    let addresses = |pod: &CompiledPod, records: &PodRecords, inputs: StatusInputs<'_>| {
        let status = pod_status(pod, &Observed::new(pod, records.clone()), &inputs);
        assert_eq!((&*status.host_ip, status.host_ips.len()), ("192.168.1.5", 2));
        status.pod_ips.into_iter().map(|ip| ip.ip).collect::<Vec<_>>()
    };
    let pod = compiled(POD, &[]);
    assert_eq!(addresses(&pod, &records, inputs), ["10.0.0.7", "fd00::7"]);
    let node_ips = ["fd00:1::5".to_owned()];
    let v6_first = StatusInputs { node_ips: &node_ips, ..inputs };
    assert_eq!(addresses(&pod, &records, v6_first), ["fd00::7", "10.0.0.7"]);

    let host = compiled(&POD.replace(r#""spec": {"#, r#""spec": {"hostNetwork": true, "#), &[]);
    assert_eq!(addresses(&host, &PodRecords::default(), inputs), ["192.168.1.5", "fd00:1::5"]);
}

#[test]
fn a_verdict_fails_the_pod_and_says_whether_it_goes_for_the_nodes_sake() {
    let pod = compiled(POD, &[]);
    let observed = observed(&pod, vec![record("app", 1, running())]);
    let api = PodStatus::default();
    let verdict = StatusVerdict {
        reason: "Evicted",
        message: "The node was low on resource: memory. ",
        disruption: Some("The node was low on resource: memory. "),
        spares_succeeded: false,
    };
    let inputs = StatusInputs { verdict: Some(verdict), ..StatusInputs::new(&api) };
    let status = pod_status(&pod, &observed, &inputs);
    assert_eq!((status.phase, &*status.reason), (Some(PodPhase::Failed), "Evicted"));
    let disruption = status.condition("DisruptionTarget").unwrap();
    assert_eq!(&*disruption.reason, "TerminationByKubelet");
    assert_eq!(status.condition("Ready").map(|ready| &*ready.reason), Some("PodFailed"));

    // From then on it is known, whoever asks.
    let later = StatusInputs { previous: Some(&status), ..StatusInputs::new(&api) };
    let later = pod_status(&pod, &observed, &later);
    assert_eq!((later.phase, &*later.reason), (Some(PodPhase::Failed), "Evicted"));
    assert_eq!(later.condition("DisruptionTarget"), Some(disruption));
    // What the API server knows to have succeeded has not failed.
    let succeeded = PodStatus { phase: Some(PodPhase::Succeeded), ..PodStatus::default() };
    let status = pod_status(&pod, &observed, &StatusInputs { api: &succeeded, ..inputs });
    assert_eq!(status.phase, Some(PodPhase::Succeeded));
}

#[test]
fn what_newer_gates_add() {
    let gates = [
        Feature::PodObservedGenerationTracking,
        Feature::InPlacePodVerticalScaling,
        Feature::ContainerStopSignals,
    ];
    let api = PodStatus::default();
    let pending = (ResizePending::Infeasible, "Node didn't have enough capacity: memory");
    let inputs = StatusInputs {
        generation: Some(5),
        resize: ResizeProgress { pending: Some(pending), in_progress: Some("") },
        ..StatusInputs::new(&api)
    };
    let [old, new] = [&[][..], &gates].map(|gates| {
        let pod = compiled(POD, gates);
        pod_status(&pod, &observed(&pod, vec![record("app", 1, running())]), &inputs)
    });
    assert_eq!((old.observed_generation, &app(&old).stop_signal), (None, &None));
    assert_eq!(old.condition("PodResizePending"), None);

    assert_eq!(new.observed_generation, Some(5));
    assert!(new.conditions.iter().all(|condition| condition.observed_generation == Some(5)));
    assert_eq!(app(&new).stop_signal.as_deref(), Some("SIGUSR1"));
    let pending = new.condition("PodResizePending").unwrap();
    assert_eq!((pending.status, &*pending.reason), (ConditionStatus::True, "Infeasible"));
    assert_eq!(new.condition("PodResizeInProgress").map(|it| &*it.reason), Some(""));
}

#[test]
fn a_container_that_its_own_rule_brings_back_waits() {
    let json = r#"{"metadata": {"name": "p"}, "spec": {"restartPolicy": "Never", "containers": [
        {"name": "app", "image": "a:1", "restartPolicy": "Never", "restartPolicyRules": [
            {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]}]}}"#;
    let pod = compiled(json, &[Feature::ContainerRestartRules]);
    let api = PodStatus::default();
    let waiting = [Some(Waiting { reason: "CrashLoopBackOff", message: "" })];
    let inputs = StatusInputs { waiting: &waiting, ..StatusInputs::new(&api) };
    let state = |exit_code| {
        let status = pod_status(&pod, &observed(&pod, vec![record("app", 1, exited(exit_code))]), &inputs);
        says(app(&status).state.as_ref())
    };
    assert_eq!((&*state(42), &*state(1)), ("waits: CrashLoopBackOff", "ended: 1 "));
}

#[test]
fn what_is_sent_is_the_newest_and_an_answer_that_comes_late_is_dropped() {
    let pod = compiled(POD, &[]);
    let there = PodStatus::default();
    let api = ApiPod::new(&pod, &there);
    let mut cache = StatusCache::default();
    let say = |cache: &mut StatusCache, at, phase| {
        let mut status = PodStatus { phase: Some(phase), ..PodStatus::default() };
        cache.set(Timestamp::from_unix_seconds(at), &api, &mut status)
    };
    let next = |cache: &mut StatusCache| cache.next_update().map(|update| update.version);
    assert!(cache.needs_update(&api) && next(&mut cache).is_none(), "nothing is said yet");

    assert!(say(&mut cache, 1, PodPhase::Pending).is_accepted());
    assert_eq!(next(&mut cache), Some(1));
    assert!(say(&mut cache, 2, PodPhase::Running).is_accepted());
    assert!(say(&mut cache, 3, PodPhase::Failed).is_accepted());
    assert_eq!(next(&mut cache), None, "the first is on its way");
    assert!(cache.failed(1));
    assert_eq!(next(&mut cache), Some(3), "the second is passed over");
    assert!(!cache.sent(1), "its answer is not waited for any more");
    assert!(cache.sent(3) && !cache.needs_update(&api));

    // Somebody has overwritten it.
    let theirs = PodStatus { phase: Some(PodPhase::Running), ..cache.status().unwrap().clone() };
    assert!(cache.reconcile(&ApiPod::new(&pod, &theirs)));
    assert_eq!(next(&mut cache), Some(3));

    // The agent restarts: nobody knows what came of that.
    let mut restored = StatusCache::restore(cache.snapshot(&pod), &pod, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(next(&mut restored), Some(3));
    let other = compiled(&POD.replace(r#""uid": "1""#, r#""uid": "2""#), &[]);
    assert!(StatusCache::restore(cache.snapshot(&pod), &other, Timestamp::UNIX_EPOCH).is_err());
}

#[test]
fn a_pod_goes_from_the_api_server_when_nothing_of_it_is_left() {
    let pod = compiled(POD, &[]);
    let (running, failed) = [PodPhase::Running, PodPhase::Failed]
        .map(|phase| PodStatus { phase: Some(phase), ..PodStatus::default() })
        .into();
    let there = |status| ApiPod { deleted: true, ..ApiPod::new(&pod, status) };
    let mut cache = StatusCache::default();
    let now = Timestamp::UNIX_EPOCH;
    assert!(cache.set(now, &there(&running), &mut failed.clone()).is_accepted());
    assert!(!cache.can_be_deleted(&there(&failed)), "something may still run");
    assert!(cache.terminate(now, &there(&running)).is_accepted());
    assert!(!cache.can_be_deleted(&there(&running)), "the API server does not know yet that it has ended");
    assert!(cache.can_be_deleted(&there(&failed)));
    assert!(!cache.can_be_deleted(&ApiPod::new(&pod, &failed)), "nobody wants it to go");
}

#[test]
fn a_readiness_of_a_container_that_nobody_knows_changes_nothing() {
    let pod = compiled(POD, &[]);
    let there = PodStatus::default();
    let (api, now) = (ApiPod::new(&pod, &there), Timestamp::UNIX_EPOCH);
    let mut cache = StatusCache::default();
    assert_eq!(cache.set_ready(now, &api, "containerd://app-1", true), StatusChange::NothingSaid);
    let observed = observed(&pod, vec![record("app", 1, running())]);
    let probed = StatusInputs { readiness_probed: pod.apps(), ..StatusInputs::new(&there) };
    let mut status = pod_status(&pod, &observed, &probed);
    status.container_statuses.push(ContainerStatus { name: "stranger".to_owned(), ..Default::default() });
    let change = cache.set(now, &api, &mut status);
    assert_eq!(change, StatusChange::Accepted { version: 1, unknown_containers: 1 });

    assert_eq!(cache.set_ready(now, &api, "containerd://app-2", true), StatusChange::UnknownContainer);
    assert_eq!(cache.set_ready(now, &api, "containerd://app-1", false), StatusChange::Unchanged);
    let later = Timestamp::from_unix_seconds(9);
    assert!(cache.set_ready(later, &api, "containerd://app-1", true).is_accepted());
    let ready = cache.status().unwrap().condition("Ready").unwrap();
    assert_eq!((ready.status, ready.last_transition_time), (ConditionStatus::True, Some(later)));
    let initialized = cache.status().unwrap().condition("Initialized").unwrap();
    assert_eq!(initialized.last_transition_time, Some(now), "it has not changed");
    assert_eq!(pod.index_of("stranger"), None::<ContainerIndex>);
}

#[test]
fn that_all_containers_begin_anew_is_said_and_taken_back() {
    let pod = compiled(POD, &[Feature::RestartAllContainersOnContainerExits]);
    let observed = observed(&pod, vec![record("app", 1, running())]);
    let api = PodStatus::default();
    let inputs = StatusInputs { all_containers_restarting: true, ..StatusInputs::new(&api) };
    let mut status = pod_status(&pod, &observed, &inputs);
    let said = |status: &PodStatus| {
        let condition = status.condition(PodCondition::ALL_CONTAINERS_RESTARTING)?;
        Some((condition.status, condition.reason.clone(), condition.last_transition_time))
    };
    let mut cache = StatusCache::default();
    let at = Timestamp::from_unix_seconds;
    assert!(cache.set(at(10), &ApiPod::new(&pod, &api), &mut status).is_accepted());
    let first = cache.status().unwrap().clone();
    let started = "RestartAllContainersStarted".to_owned();
    assert_eq!(said(&first), Some((ConditionStatus::True, started, Some(at(10)))));

    let later = StatusInputs { previous: Some(&first), ..StatusInputs::new(&api) };
    let mut status = pod_status(&pod, &observed, &later);
    assert!(cache.set(at(20), &ApiPod::new(&pod, &api), &mut status).is_accepted());
    assert_eq!(said(cache.status().unwrap()), Some((ConditionStatus::False, String::new(), Some(at(20)))));
    // A pod of which it never was so says nothing of it.
    assert_eq!(said(&pod_status(&pod, &observed, &StatusInputs::new(&api))), None);
}
