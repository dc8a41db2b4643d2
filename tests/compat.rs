//! Each fault of the kubelet 1.32 that can be copied: what is right, and what the kubelet does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use node_lifecycle::api::{Container, Pod, PodSpec, Probe, RestartPolicy};
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::container::{
    ContainerIndex, ContainerRecord, ContainerSet, Exit, GarbageCollection, GcContext, GcInventory, GcPolicy,
    GcTarget, KeptWithContainer, ListedContainer, ListedState, PodRecords, ProbeKind, RecordState,
    SandboxRecord, SandboxState, spec_hash,
};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::pod::{CompiledPod, Observed, PlanContext, plan};

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
