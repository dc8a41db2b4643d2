//! Each fault of the kubelet 1.32 that can be copied: what is right, and what the kubelet does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use node_lifecycle::api::{
    ConditionStatus, Container, ContainerState, ContainerStateRunning, ContainerStateTerminated,
    ContainerStateWaiting, ContainerStatus, Pod, PodCondition, PodPhase, PodReadinessGate, PodSpec,
    PodStatus, RestartPolicy,
};
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::container::{
    ContainerIndex, ContainerRecord, ContainerSet, Exit, PodRecords, RecordState, SandboxRecord,
    SandboxState, spec_hash,
};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::pod::{
    ApiPod, CompiledPod, MergeContext, Observed, PlanContext, StatusCache, StatusInputs, Waiting,
    merge_status, needs_readiness_reconcile, plan, pod_status,
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
