//! Each fault of the kubelet 1.32 that can be copied: what is right, and what the kubelet does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{
    ConditionStatus, Container, ContainerState, ContainerStateRunning, ContainerStateTerminated,
    ContainerStateWaiting, ContainerStatus, ExecAction, Pod, PodCondition, PodPhase, PodReadinessGate,
    PodSpec, PodStatus, Probe, RestartPolicy, Uid,
};
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::container::{
    ContainerIndex, ContainerRecord, ContainerSet, Exit, GarbageCollection, GcContext, GcInventory, GcPolicy,
    GcTarget, InstanceSight, InstanceState, KeptWithContainer, ListedContainer, ListedState, PodRecords,
    PodSight, ProbeKind, ProberSettings, Readiness, RecordState, SandboxRecord, SandboxState, Sight,
    spec_hash,
};
use node_lifecycle::machine::{Machine, Timestamp};
use node_lifecycle::pod::{
    ApiPod, CompiledPod, KillPodOptions, MergeContext, Observed, PlanContext, PodProbes, PodStage, PodUpdate,
    ProbesEvent, Requeue, RunningPod, RuntimeState, StatusCache, StatusInputs, SyncOutcome, Waiting, Workers,
    WorkersAction, WorkersEvent, merge_status, needs_readiness_reconcile, plan, pod_grace_seconds,
    pod_status,
};

fn container(name: &str) -> Container {
    Container { name: name.to_owned(), image: format!("{name}:1"), ..Container::default() }
}

fn sidecar(name: &str) -> Container {
    Container { restart_policy: Some(RestartPolicy::Always), ..container(name) }
}

fn compile(spec: PodSpec, compat: Compat) -> CompiledPod {
    let pod = Pod { spec: Arc::new(spec), ..Pod::default() };
    CompiledPod::compile(&pod, &Arc::new(Behaviour { compat, ..Behaviour::default() })).unwrap()
}

/// The same pod, as it is right and as the kubelet 1.32 has it.
fn both(spec: &PodSpec) -> [CompiledPod; 2] {
    [Compat::default(), Compat::kubelet_1_32()].map(|compat| compile(spec.clone(), compat))
}

fn exited(container: &Container, exit_code: i32) -> ContainerRecord {
    let finished_at = Timestamp::from_unix_seconds(60);
    ContainerRecord {
        id: container.name.as_str().into(),
        name: container.name.as_str().into(),
        attempt: 0,
        spec_hash: spec_hash(container),
        created_at: Timestamp::from_unix_seconds(1),
        state: RecordState::Exited(Exit {
            exit_code,
            finished_at,
            reason: "Completed".into(),
            ..Exit::default()
        }),
        ..ContainerRecord::default()
    }
}

fn names(pod: &CompiledPod, containers: impl IntoIterator<Item = ContainerIndex>) -> Vec<String> {
    containers.into_iter().map(|index| pod.name_of(index).to_owned()).collect()
}

#[test]
fn rerun_finished_containers() {
    // A job of two steps: one has ended, the sandbox's record is gone.
    let spec = PodSpec {
        restart_policy: RestartPolicy::Never,
        containers: vec![container("done"), container("lost")],
        ..PodSpec::default()
    };
    let [right, kubelet] = both(&spec).map(|pod| {
        let records =
            PodRecords { containers: vec![exited(&spec.containers[0], 0)], ..PodRecords::default() };
        let plan = plan(&pod, &Observed::new(&pod, records), PlanContext::default());
        (plan.create_sandbox, names(&pod, plan.starts().map(|start| start.container)))
    });
    assert_eq!(right, (true, vec!["lost".to_owned()]));
    assert_eq!(kubelet, (true, vec!["done".to_owned(), "lost".to_owned()]));

    // With nothing left to run, there is nothing to make a sandbox for.
    let spec = PodSpec { containers: vec![container("done")], ..spec };
    let [right, kubelet] = both(&spec).map(|pod| {
        let records =
            PodRecords { containers: vec![exited(&spec.containers[0], 1)], ..PodRecords::default() };
        plan(&pod, &Observed::new(&pod, records), PlanContext::default()).create_sandbox
    });
    assert_eq!((right, kubelet), (false, true));
}

#[test]
fn keep_never_pods_without_sandbox() {
    // A sandbox was lost between the making of a container and its start.
    let spec = PodSpec {
        restart_policy: RestartPolicy::Never,
        init_containers: vec![container("init")],
        containers: vec![container("done"), container("made"), container("new")],
        ..PodSpec::default()
    };
    let made = ContainerRecord { state: RecordState::Created, ..exited(&spec.containers[1], 0) };
    let lost = SandboxRecord { id: "s".into(), state: SandboxState::NotReady, ..SandboxRecord::default() };
    let plans = |spec: &PodSpec, containers: Vec<ContainerRecord>| {
        both(spec).map(|pod| {
            let records = PodRecords { sandboxes: vec![lost.clone()], containers: containers.clone() };
            let plan = plan(&pod, &Observed::new(&pod, records), PlanContext::default());
            (plan.create_sandbox, names(&pod, plan.starts().map(|start| start.container)))
        })
    };
    let done = exited(&spec.containers[0], 0);
    let init = |exit_code| exited(&spec.init_containers[0], exit_code);
    let [right, kubelet] = plans(&spec, vec![made, done.clone(), init(0)]);
    assert_eq!(
        right,
        (true, vec!["made".to_owned(), "new".to_owned()]),
        "what has finished is not run again"
    );
    assert_eq!(kubelet, (false, vec![]));

    // An init container that was only made has its turn, and one that failed fails the pod.
    let only_made = ContainerRecord { state: RecordState::Created, ..init(0) };
    assert_eq!(plans(&spec, vec![only_made])[0], (true, vec!["init".to_owned()]));
    assert_eq!(plans(&spec, vec![init(1)])[0], (false, vec![]));

    // With nothing left that has never run, there is nothing to make a sandbox for.
    let over = PodSpec { init_containers: vec![], containers: vec![container("done")], ..spec.clone() };
    assert_eq!(plans(&over, vec![done])[0], (false, vec![]));
}

#[test]
fn start_work_for_deleted_pods() {
    let spec = PodSpec {
        init_containers: vec![container("init")],
        containers: vec![container("app")],
        ephemeral_containers: vec![container("debug")],
        ..PodSpec::default()
    };
    let deleted = PlanContext { deleted: true, ..PlanContext::default() };
    let sandbox = SandboxRecord {
        id: "s".into(),
        attempt: 0,
        state: SandboxState::Ready,
        ip: None,
        host_network: false,
        created_at: Timestamp::UNIX_EPOCH,
        ..SandboxRecord::default()
    };
    let [right, kubelet] = both(&spec).map(|pod| {
        let nothing = plan(&pod, &Observed::new(&pod, PodRecords::default()), deleted);
        let records = PodRecords { sandboxes: vec![sandbox.clone()], ..PodRecords::default() };
        let sandbox_only = plan(&pod, &Observed::new(&pod, records), deleted);
        (nothing.create_sandbox, names(&pod, sandbox_only.starts().map(|start| start.container)))
    });
    assert_eq!(right, (false, vec![]));
    assert_eq!(kubelet, (true, vec!["debug".to_owned(), "init".to_owned()]));
}

#[test]
fn wait_for_next_sidecar_only() {
    let spec = PodSpec {
        init_containers: vec![sidecar("logs"), sidecar("proxy"), sidecar("mesh")],
        containers: vec![container("app")],
        ..PodSpec::default()
    };
    // `proxy` has died; `mesh` still needs `logs`.
    let running: ContainerSet = [0, 2].into_iter().map(ContainerIndex).collect();
    let [right, kubelet] =
        both(&spec).map(|pod| names(&pod, pod.waits_for(ContainerIndex(0), running).iter()));
    assert_eq!(right, ["mesh"]);
    assert!(kubelet.is_empty());
}

#[test]
fn end_probes_by_pod_policy() {
    let probe = Probe { exec: Some(ExecAction { command: vec!["true".to_owned()] }), ..Probe::default() };
    let spec = PodSpec {
        restart_policy: RestartPolicy::Never,
        init_containers: vec![Container { readiness_probe: Some(probe), ..sidecar("proxy") }],
        containers: vec![container("job")],
        ..PodSpec::default()
    };
    // The first instance of `proxy` has ended, the second runs.
    let [right, kubelet] = both(&spec).map(|pod| {
        let (proxy, now) = (ContainerIndex(0), Timestamp::UNIX_EPOCH);
        let mut probes = PodProbes::new(Arc::new(pod), ProberSettings::default(), Duration::ZERO, now);
        let states = [("c1", InstanceState::Terminated), ("c2", InstanceState::Running { started_at: now })];
        for (id, state) in states {
            let instance = Some(InstanceSight { id: id.into(), state, started: true });
            let sight = Sight { pod: PodSight { phase: PodPhase::Running, deleted: false }, instance };
            probes.step(now, ProbesEvent::Container { container: proxy, sight }, &mut Vec::new());
        }
        probes.readiness(proxy, &"c2".into(), true)
    });
    assert_eq!(right, Readiness::RunProbe, "it is asked first");
    assert_eq!(kubelet, Readiness::Ready, "nobody asks any more");
}

#[test]
fn forget_zero_grace() {
    let both = |previous, deletion, wanted| {
        [Compat::default(), Compat::kubelet_1_32()]
            .map(|compat| pod_grace_seconds(compat, previous, deletion, wanted, Some(30)))
    };
    // The pod has two seconds; its deletion says zero, and a shutdown would give it a minute.
    assert_eq!(both(Some(2), Some(0), Some(60)), [1, 60]);
    assert_eq!(both(None, Some(0), Some(60)), [1, 60]);
    // Alone, zero is as soon as possible for both; what is negative is so too.
    assert_eq!(both(Some(2), Some(0), None), [1, 1]);
    assert_eq!(both(None, Some(10), Some(-5)), [1, 1]);
}

/// The pods of a node, as it is right and as the kubelet 1.32 has it.
fn both_workers() -> [Workers; 2] {
    [Compat::default(), Compat::kubelet_1_32()].map(|compat| {
        let behaviour = Arc::new(Behaviour { compat, ..Behaviour::default() });
        let mut workers = Workers::new(behaviour, at(0));
        step(&mut workers, 0, WorkersEvent::RuntimeListed { at: at(0), pods: Arc::default() });
        workers
    })
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

fn step(workers: &mut Workers, seconds: i64, event: WorkersEvent) -> Vec<WorkersAction> {
    let mut actions = Vec::new();
    workers.step(at(seconds), event, &mut actions);
    actions
}

fn update(workers: &mut Workers, update: PodUpdate) -> Vec<WorkersAction> {
    step(workers, 1, WorkersEvent::Update(update))
}

fn done(workers: &mut Workers, asked: &[WorkersAction], outcome: SyncOutcome) -> Vec<WorkersAction> {
    let call = asked.iter().find(|action| action.operation().is_some()).unwrap();
    let (uid, operation) = (call.uid().clone(), call.operation().unwrap());
    step(workers, 9, WorkersEvent::Done { uid, operation, outcome })
}

fn api_pod(uid: &str) -> Pod {
    let mut pod = Pod::default();
    pod.metadata.uid = uid.into();
    "web".clone_into(&mut pod.metadata.name);
    pod
}

fn static_pod(uid: &str) -> Pod {
    let mut pod = api_pod(uid);
    pod.metadata.annotations.insert(Pod::CONFIG_SOURCE.to_owned(), "file".to_owned());
    pod
}

fn told(completed: &str) -> KillPodOptions {
    KillPodOptions { completed: Some(completed.into()), ..KillPodOptions::default() }
}

fn is_sync(action: &WorkersAction) -> bool {
    matches!(action, WorkersAction::SyncPod { .. })
}

#[test]
fn wait_for_sync_of_orphans() {
    let [right, kubelet] = both_workers().map(|mut workers| {
        let asked = update(&mut workers, PodUpdate::create(api_pod("1").into()));
        assert!(is_sync(&asked[0]));
        let gone = WorkersEvent::SyncKnown { desired: Arc::default(), all_sources_ready: true };
        step(&mut workers, 2, gone)
    });
    assert!(matches!(right[..], [WorkersAction::Cancel { .. }]));
    assert!(kubelet.is_empty());
}

#[test]
fn static_pods_wait_for_retry() {
    let [right, kubelet] = both_workers().map(|mut workers| {
        let asked = update(&mut workers, PodUpdate::create(static_pod("1").into()));
        done(&mut workers, &asked, SyncOutcome::Done);
        let waits = update(&mut workers, PodUpdate::create(static_pod("2").into()));
        assert!(matches!(waits[..], [WorkersAction::Requeue { after: Requeue::Backoff, .. }]));
        let mut asked = update(&mut workers, PodUpdate::kill(static_pod("1").into(), told("k")));
        asked = done(&mut workers, &asked, SyncOutcome::Done);
        asked = done(&mut workers, &asked, SyncOutcome::Done);
        asked.iter().any(is_sync)
    });
    assert_eq!((right, kubelet), (true, false));

    // A pod that is forgotten while it waits and comes back stands behind those who came meanwhile.
    let [right, kubelet] = both_workers().map(|mut workers| {
        let synced = update(&mut workers, PodUpdate::create(static_pod("1").into()));
        for uid in ["2", "3"] {
            update(&mut workers, PodUpdate::create(static_pod(uid).into()));
        }
        let desired: BTreeSet<Uid> = ["1", "3"].map(Uid::from).into();
        step(&mut workers, 2, WorkersEvent::SyncKnown { desired: desired.into(), all_sources_ready: true });
        update(&mut workers, PodUpdate::create(static_pod("2").into()));
        update(&mut workers, PodUpdate::kill(static_pod("1").into(), told("k")));
        let mut asked = done(&mut workers, &synced, SyncOutcome::Canceled);
        asked = done(&mut workers, &asked, SyncOutcome::Done);
        let mut next = done(&mut workers, &asked, SyncOutcome::Done);
        for uid in ["3", "2"] {
            next.extend(step(&mut workers, 9, WorkersEvent::Due { uid: uid.into() }));
        }
        next.iter().find(|action| is_sync(action)).map(|action| action.uid().to_string())
    });
    assert_eq!((right.as_deref(), kubelet.as_deref()), (Some("3"), Some("2")));
}

#[test]
fn retry_termination_of_gone_pods() {
    let [right, kubelet] = both_workers().map(|mut workers| {
        let asked = update(&mut workers, PodUpdate::create(api_pod("1").into()));
        done(&mut workers, &asked, SyncOutcome::Done);
        let asked = update(&mut workers, PodUpdate::kill(api_pod("1").into(), told("k")));
        let state = RuntimeState::Exited;
        step(&mut workers, 20, WorkersEvent::RuntimeObserved { at: at(20), uid: "1".into(), state });
        let then = done(&mut workers, &asked, SyncOutcome::Failed);
        then.iter().any(|action| matches!(action, WorkersAction::SyncTerminatedPod { .. }))
    });
    assert_eq!((right, kubelet), (true, false));
}

#[test]
fn drop_completion_notices() {
    let notices = |actions: &[WorkersAction]| {
        actions.iter().filter(|action| matches!(action, WorkersAction::Completed { .. })).count()
    };
    let [right, kubelet] = both_workers().map(|mut workers| {
        // Waits for its name and is killed; is killed again when it has finished; the runtime's own.
        update(&mut workers, PodUpdate::create(static_pod("1").into()));
        update(&mut workers, PodUpdate::create(static_pod("2").into()));
        let unstarted = update(&mut workers, PodUpdate::kill(static_pod("2").into(), told("a")));
        let finished = update(&mut workers, PodUpdate::kill(static_pod("2").into(), told("b")));
        let running = Arc::new(RunningPod { uid: "3".into(), ..RunningPod::default() });
        let kill = PodUpdate { kill: Some(told("c")), ..PodUpdate::kill_running(running) };
        let asked = update(&mut workers, kill);
        let gone = done(&mut workers, &asked, SyncOutcome::Done);
        [notices(&unstarted), notices(&finished), notices(&gone)]
    });
    assert_eq!((right, kubelet), ([1, 1, 1], [0, 0, 0]));
}

#[test]
fn finish_observed_static_pods() {
    let [right, kubelet] = both_workers().map(|mut workers| {
        let running = Arc::new(RunningPod { uid: "1".into(), ..RunningPod::default() });
        let asked = update(&mut workers, PodUpdate::kill_running(running));
        // The file is read while the containers are being stopped, and that fails.
        update(&mut workers, PodUpdate::update(static_pod("1").into()));
        done(&mut workers, &asked, SyncOutcome::Failed);
        workers.stage(&"1".into())
    });
    assert_eq!((right, kubelet), (Some(PodStage::Terminating), Some(PodStage::Finished)));
}

#[test]
fn count_failed_removals() {
    // Two pods have a dead container each, one may stay, and the older cannot be removed.
    let dead = |id: &str, created: i64| ListedContainer {
        id: id.into(),
        pod: id.into(),
        sandbox: id.into(),
        name: "app".into(),
        state: ListedState::Exited,
        created_at: Timestamp::from_unix_seconds(created),
    };
    let inventory = GcInventory {
        containers: Some(vec![dead("stuck", 100), dead("other", 200)]),
        ..GcInventory::default()
    };
    let policy = GcPolicy { max_containers: Some(1), ..GcPolicy::default() };
    let context = GcContext { now: Timestamp::from_unix_seconds(1000), ..GcContext::default() };
    let [right, kubelet] = [Compat::default(), Compat::kubelet_1_32()].map(|compat| {
        let mut collection = GarbageCollection::begin(&inventory, &policy, &context, compat);
        let mut tried = Vec::new();
        while let Some(removal) = collection.next_removal() {
            let GcTarget::Container { id, .. } = &removal.target else { panic!("{removal}") };
            tried.push(id.to_string());
            let succeeded = id.as_str() != "stuck";
            collection.finished(succeeded);
        }
        tried
    });
    assert_eq!(right, ["stuck", "other"]);
    assert_eq!(kubelet, ["stuck"]);
}

#[test]
fn forget_probe_grace() {
    let probe = Probe { termination_grace_period_seconds: Some(60), ..Probe::default() };
    let spec = PodSpec {
        termination_grace_period_seconds: Some(5),
        containers: vec![Container { liveness_probe: Some(probe), ..container("app") }],
        ..PodSpec::default()
    };
    let pod = Pod { spec: Arc::new(spec), ..Pod::default() };
    // The agent has restarted, and all that is left of the pod is what the runtime kept.
    let [right, kubelet] = [Compat::default(), Compat::kubelet_1_32()].map(|compat| {
        let kept = KeptWithContainer::of(&pod, &pod.spec.containers[0], compat);
        let (found, faults) = KeptWithContainer::read(&kept.labels(), &kept.annotations());
        assert_eq!(faults, []);
        found.grace_seconds(Some(ProbeKind::Liveness))
    });
    assert_eq!((right, kubelet), (60, 5));
}

fn running(container: &Container) -> ContainerRecord {
    let started_at = Timestamp::from_unix_seconds(2);
    ContainerRecord { state: RecordState::Running { started_at }, ..exited(container, 0) }
}

fn status_of(name: &str, state: ContainerState) -> ContainerStatus {
    ContainerStatus { name: name.to_owned(), state: Some(state), ready: true, ..ContainerStatus::default() }
}

fn ran(exit_code: i32) -> ContainerState {
    ContainerState::Terminated(ContainerStateTerminated { exit_code, ..ContainerStateTerminated::default() })
}

fn runs() -> ContainerState {
    ContainerState::Running(ContainerStateRunning::default())
}

fn waits() -> ContainerState {
    ContainerState::Waiting(ContainerStateWaiting::default())
}

fn of_phase(phase: PodPhase) -> PodStatus {
    PodStatus { phase: Some(phase), ..PodStatus::default() }
}

#[test]
fn hide_sidecar_back_off() {
    let spec = PodSpec {
        restart_policy: RestartPolicy::Never,
        init_containers: vec![sidecar("proxy")],
        containers: vec![container("app")],
        ..PodSpec::default()
    };
    let [right, kubelet] = both(&spec).map(|pod| {
        let containers = vec![exited(&spec.init_containers[0], 1), running(&spec.containers[0])];
        let observed = Observed::new(&pod, PodRecords { containers, ..PodRecords::default() });
        let waiting = [Some(Waiting { reason: "CrashLoopBackOff", message: "back-off 10s" })];
        let api = PodStatus::default();
        let inputs = StatusInputs { waiting: &waiting, ..StatusInputs::new(&api) };
        pod_status(&pod, &observed, &inputs).init_container_statuses[0].state.clone()
    });
    assert!(matches!(right, Some(ContainerState::Waiting(waiting)) if waiting.reason == "CrashLoopBackOff"));
    assert!(matches!(kubelet, Some(ContainerState::Terminated(end)) if end.exit_code == 1));
}

#[test]
fn compute_phase_before_startup() {
    let spec = PodSpec {
        init_containers: vec![sidecar("proxy")],
        containers: vec![container("app")],
        ..PodSpec::default()
    };
    // The app has crashed and waits to be started again, beside a proxy that runs.
    let phases = both(&spec).map(|pod| {
        let containers = vec![running(&spec.init_containers[0]), exited(&spec.containers[0], 1)];
        let observed = Observed::new(&pod, PodRecords { containers, ..PodRecords::default() });
        let waiting = [None, Some(Waiting { reason: "CrashLoopBackOff", message: "back-off 10s" })];
        let api = of_phase(PodPhase::Running);
        let inputs = StatusInputs { waiting: &waiting, ..StatusInputs::new(&api) };
        pod_status(&pod, &observed, &inputs).phase
    });
    assert_eq!(phases, [Some(PodPhase::Running), Some(PodPhase::Pending)]);
}

#[test]
fn leave_terminal_phases() {
    let spec = PodSpec { containers: vec![container("app")], ..PodSpec::default() };
    let ended = PodStatus {
        container_statuses: vec![status_of("app", ran(1))],
        reason: "Evicted".to_owned(),
        ..of_phase(PodPhase::Failed)
    };
    let again =
        PodStatus { container_statuses: vec![status_of("app", runs())], ..of_phase(PodPhase::Running) };
    let [right, kubelet] = both(&spec).map(|pod| {
        let (now, behaviour) = (Timestamp::UNIX_EPOCH, &pod.behaviour);
        let context = MergeContext { now, could_run: true, is_static: false, behaviour };
        let merged = merge_status(&ended, &again, context);

        let (mut cache, api) = (StatusCache::default(), PodStatus::default());
        let api = ApiPod::new(&pod, &api);
        assert!(cache.set(now, &api, &mut ended.clone()).is_accepted());
        let is_news = cache.set(now, &api, &mut again.clone()).is_accepted();
        assert_eq!(cache.status().unwrap().phase, merged.phase);
        (merged.phase, merged.reason, merged.container_statuses[0].state.clone(), is_news)
    });
    assert_eq!(right, (Some(PodPhase::Failed), "Evicted".to_owned(), Some(ran(1)), false));
    assert_eq!(kubelet, (Some(PodPhase::Running), String::new(), Some(runs()), true));
}

#[test]
fn reconcile_readiness_without_sidecars() {
    let spec = PodSpec {
        init_containers: vec![sidecar("proxy")],
        containers: vec![container("app")],
        readiness_gates: vec![PodReadinessGate { condition_type: "example.com/gate".to_owned() }],
        ..PodSpec::default()
    };
    let condition = |type_: &str| PodCondition {
        type_: type_.to_owned(),
        status: ConditionStatus::True,
        reason: String::new(),
        message: String::new(),
        last_transition_time: None,
        last_probe_time: None,
        observed_generation: None,
    };
    // All is as it should be.
    let status = PodStatus {
        init_container_statuses: vec![status_of("proxy", runs())],
        container_statuses: vec![status_of("app", runs())],
        conditions: vec![condition("example.com/gate"), condition("Ready")],
        ..of_phase(PodPhase::Running)
    };
    assert_eq!(both(&spec).map(|pod| needs_readiness_reconcile(&pod, &status)), [false, true]);
}

#[test]
fn refuse_after_unknown_init_container() {
    let spec = PodSpec {
        restart_policy: RestartPolicy::Never,
        init_containers: vec![container("init")],
        containers: vec![container("app")],
        ..PodSpec::default()
    };
    let accepted = both(&spec).map(|pod| {
        let stray = PodStatus {
            init_container_statuses: vec![status_of("nobody", waits())],
            ..of_phase(PodPhase::Pending)
        };
        let api = ApiPod::new(&pod, &stray);
        StatusCache::default()
            .set(Timestamp::UNIX_EPOCH, &api, &mut of_phase(PodPhase::Running))
            .is_accepted()
    });
    assert_eq!(accepted, [true, false]);
}

#[test]
fn judge_ended_pods_by_api_only() {
    let spec = PodSpec {
        init_containers: vec![container("init")],
        containers: vec![container("app")],
        ..PodSpec::default()
    };
    let [right, kubelet] = both(&spec).map(|pod| {
        // The node has seen the app run, and the API server does not know it yet.
        let (mut cache, api) = (StatusCache::default(), of_phase(PodPhase::Pending));
        let (api, now) = (ApiPod::new(&pod, &api), Timestamp::UNIX_EPOCH);
        let mut status = PodStatus {
            init_container_statuses: vec![status_of("init", ran(0))],
            container_statuses: vec![status_of("app", runs())],
            ..of_phase(PodPhase::Running)
        };
        assert!(cache.set(now, &api, &mut status).is_accepted());
        assert!(cache.terminate(now, &api).is_accepted());
        let status = cache.status().unwrap();
        assert_eq!(status.phase, Some(PodPhase::Failed));
        status.container_statuses[0].state.clone()
    });
    assert!(matches!(right, Some(ContainerState::Terminated(end)) if end.exit_code == 137));
    assert_eq!(kubelet, Some(runs()));
}

/// Every field is right by default, is what the kubelet 1.32 does, and has its row and its test.
#[test]
fn every_fault_has_a_row_and_a_test() {
    let [right, kubelet] =
        [Compat::default(), Compat::kubelet_1_32()].map(|compat| serde_json::to_value(compat).unwrap());
    let rows =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/kubelet-differences.md")).unwrap();
    for (field, copied) in kubelet.as_object().unwrap() {
        assert_eq!((&right[field], copied), (&false.into(), &true.into()), "{field}");
        let mut snake_case = String::new();
        for letter in field.chars() {
            if letter.is_ascii_uppercase() {
                snake_case.push('_');
            }
            snake_case.push(letter.to_ascii_lowercase());
        }
        assert!(rows.contains(&format!("| `{snake_case}` |")), "{snake_case} has no row");
        let test = format!("fn {snake_case}()");
        let files = [
            include_str!("compat.rs"),
            include_str!("compat_config.rs"),
            include_str!("compat_eviction.rs"),
            include_str!("compat_image.rs"),
        ];
        let is_tested = files.iter().any(|tests| tests.contains(&test));
        assert!(is_tested, "{snake_case} has no test");
    }
}
