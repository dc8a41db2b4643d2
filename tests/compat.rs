//! Each fault of the kubelet 1.32 that can be copied: what is right, and what the kubelet does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{Container, ExecAction, Pod, PodPhase, PodSpec, Probe, RestartPolicy};
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::container::{
    ContainerIndex, ContainerRecord, ContainerSet, Exit, InstanceSight, InstanceState, PodRecords, PodSight,
    ProberSettings, Readiness, RecordState, SandboxRecord, SandboxState, Sight, spec_hash,
};
use node_lifecycle::machine::{Machine, Timestamp};
use node_lifecycle::pod::{CompiledPod, Observed, PlanContext, PodProbes, ProbesEvent, plan};

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
