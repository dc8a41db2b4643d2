//! What is assumed of every implementation of the ports.

use std::collections::BTreeMap;
use std::slice::from_ref;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, join, select};
use node_lifecycle::api::{ContainerId, Pod, PodPhase, PodStatus, SandboxId, Uid};
use node_lifecycle::container::{
    Address, HookCall, HookKind, ProbeAnswer, ProbeCheck, ProbeKind, RecordState, SandboxState,
};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::runtime::{
    ContainerEventType, ContainerFilter, ContainerResources, ContainerState, ContainerStatus, HookRequest,
    LinuxContainerResources, PodReference, PodSandboxFilter, ProbeRequest, RuntimeError, RuntimeStatus,
    SinkError, StatusUpdate, done_if_gone,
};

use crate::bench::{Bench, Program, created, pod, sandbox, started};

/// One test a contract, for one bench.
macro_rules! contracts {
    ($bench:expr) => {
        $crate::contract::contracts!($bench;
            says_what_it_is, a_sandbox_comes_and_goes, a_container_comes_and_goes,
            names_are_taken_until_they_are_removed, stopping_and_removing_again_is_done,
            what_is_unknown_is_not_found_or_gone, what_comes_out_of_order_is_refused,
            a_stop_ends_with_the_process, a_stop_kills_when_its_time_is_over, a_stop_without_time_kills,
            a_second_stop_shortens_the_first, removing_kills, a_stopped_sandbox_has_nothing_that_runs,
            images_come_and_go, lists_are_filtered, records_are_newest_first, resources_are_told_again,
            an_exit_code_is_an_answer, events_tell_what_happens, a_clock_goes_one_way,
            a_probe_asks_who_runs, a_hook_runs_where_something_runs, a_status_may_come_again, a_pod_is_prepared_and_released_again);
    };
    ($bench:expr; $($contract:ident),*) => {$(
        #[test]
        fn $contract() {
            let bench = $bench;
            $crate::bench::Bench::run(&bench, $crate::contract::$contract(&bench));
        }
    )*};
}
pub(crate) use contracts;

const UID: &str = "contract-1";
const GRACE: Duration = Duration::from_secs(10);

/// Looks until a container has ended: a runtime may see it late.
async fn ended(bench: &impl Bench, id: &ContainerId) -> ContainerStatus {
    for _ in 0..200 {
        let status = bench.runtime().container_status(id).await.unwrap();
        if status.container.state == ContainerState::Exited {
            return status;
        }
        bench.clock().sleep_until(bench.clock().now() + Duration::from_millis(50)).await;
    }
    panic!("{id} does not end");
}

async fn state_of(bench: &impl Bench, id: &ContainerId) -> ContainerState {
    bench.runtime().container_status(id).await.unwrap().container.state
}

pub(crate) async fn says_what_it_is(bench: &impl Bench) {
    let version = bench.runtime().version().await.unwrap();
    assert_eq!(version.runtime_api_version, "v1");
    assert!(!version.runtime_name.is_empty());
    let status = bench.runtime().status().await.unwrap();
    assert!(status.holds(RuntimeStatus::RUNTIME_READY));
    assert!(!status.holds("NoSuchCondition"));
}

pub(crate) async fn a_sandbox_comes_and_goes(bench: &impl Bench) {
    let runtime = bench.runtime();
    let config = bench.sandbox_config(UID, 0);
    let id = runtime.run_pod_sandbox(&config, "").await.unwrap();
    let status = runtime.pod_sandbox_status(&id).await.unwrap();
    assert_eq!((&status.sandbox.id, status.sandbox.state), (&id, SandboxState::Ready));
    assert_eq!(status.sandbox.metadata, config.metadata);
    assert_eq!(status.sandbox.labels, config.labels);
    let listed = runtime.list_pod_sandbox(&PodSandboxFilter::default()).await.unwrap();
    assert_eq!(listed, [status.sandbox]);

    runtime.stop_pod_sandbox(&id).await.unwrap();
    let status = runtime.pod_sandbox_status(&id).await.unwrap();
    assert_eq!(status.sandbox.state, SandboxState::NotReady);

    runtime.remove_pod_sandbox(&id).await.unwrap();
    assert!(runtime.pod_sandbox_status(&id).await.unwrap_err().is_not_found());
    assert_eq!(runtime.list_pod_sandbox(&PodSandboxFilter::default()).await.unwrap(), []);
}

pub(crate) async fn a_container_comes_and_goes(bench: &impl Bench) {
    let runtime = bench.runtime();
    let sandbox = sandbox(bench, UID).await;
    let id = created(bench, (UID, &sandbox), Program::ExitsWith3).await;
    let status = runtime.container_status(&id).await.unwrap();
    assert_eq!(status.container.state, ContainerState::Created);
    assert_eq!((status.started_at, status.finished_at), (None, None));
    let config = bench.container_config(UID, Program::ExitsWith3, 0);
    assert_eq!(status.container.metadata, config.metadata);
    assert_eq!(status.container.labels, config.labels);
    assert_eq!(status.container.annotations, config.annotations);
    assert_eq!(status.container.pod_sandbox_id, sandbox);

    runtime.start_container(&id).await.unwrap();
    let status = ended(bench, &id).await;
    assert_eq!((status.exit_code, &*status.reason), (3, "Error"));
    assert!(status.started_at.is_some() && status.finished_at.is_some());

    runtime.remove_container(&id).await.unwrap();
    assert!(runtime.container_status(&id).await.unwrap_err().is_not_found());
    assert_eq!(runtime.list_containers(&ContainerFilter::default()).await.unwrap(), []);
}

pub(crate) async fn names_are_taken_until_they_are_removed(bench: &impl Bench) {
    let runtime = bench.runtime();
    let first = sandbox(bench, UID).await;
    let config = bench.sandbox_config(UID, 0);
    runtime.run_pod_sandbox(&config, "").await.unwrap_err();
    assert_eq!(runtime.list_pod_sandbox(&PodSandboxFilter::default()).await.unwrap().len(), 1);
    let second = runtime.run_pod_sandbox(&bench.sandbox_config(UID, 1), "").await.unwrap();
    assert_ne!(first, second);

    let id = created(bench, (UID, &first), Program::Obeys).await;
    let container = bench.container_config(UID, Program::Obeys, 0);
    runtime.create_container(&first, &container, &config).await.unwrap_err();
    assert_eq!(runtime.list_containers(&ContainerFilter::default()).await.unwrap().len(), 1);
    let next = bench.container_config(UID, Program::Obeys, 1);
    assert_ne!(runtime.create_container(&first, &next, &config).await.unwrap(), id);

    runtime.remove_container(&id).await.unwrap();
    assert_ne!(runtime.create_container(&first, &container, &config).await.unwrap(), id, "a new instance");
    runtime.stop_pod_sandbox(&first).await.unwrap();
    runtime.run_pod_sandbox(&config, "").await.unwrap_err();
    runtime.remove_pod_sandbox(&first).await.unwrap();
    assert_ne!(runtime.run_pod_sandbox(&config, "").await.unwrap(), first);
}

pub(crate) async fn stopping_and_removing_again_is_done(bench: &impl Bench) {
    let runtime = bench.runtime();
    let sandbox = sandbox(bench, UID).await;
    let ran = started(bench, (UID, &sandbox), Program::Obeys).await;
    let never_ran = created(bench, (UID, &sandbox), Program::IgnoresStop).await;
    for id in [&ran, &never_ran] {
        for _ in 0..2 {
            runtime.stop_container(id, GRACE).await.unwrap();
        }
    }
    let before = runtime.container_status(&ran).await.unwrap();
    runtime.stop_container(&ran, Duration::ZERO).await.unwrap();
    assert_eq!(runtime.container_status(&ran).await.unwrap(), before, "an end is an end");
    for id in [&ran, &never_ran] {
        for _ in 0..2 {
            done_if_gone(runtime.remove_container(id).await).unwrap();
        }
    }
    for _ in 0..2 {
        done_if_gone(runtime.stop_pod_sandbox(&sandbox).await).unwrap();
    }
    for _ in 0..2 {
        done_if_gone(runtime.remove_pod_sandbox(&sandbox).await).unwrap();
    }
    done_if_gone(runtime.stop_pod_sandbox(&sandbox).await).unwrap();
}

pub(crate) async fn what_is_unknown_is_not_found_or_gone(bench: &impl Bench) {
    let runtime = bench.runtime();
    let (sandbox, container) = (SandboxId::from("no-such-sandbox"), ContainerId::from("no-such-container"));
    assert!(runtime.pod_sandbox_status(&sandbox).await.unwrap_err().is_not_found());
    assert!(runtime.container_status(&container).await.unwrap_err().is_not_found());
    done_if_gone(runtime.stop_pod_sandbox(&sandbox).await).unwrap();
    done_if_gone(runtime.remove_pod_sandbox(&sandbox).await).unwrap();
    done_if_gone(runtime.stop_container(&container, GRACE).await).unwrap();
    done_if_gone(runtime.remove_container(&container).await).unwrap();
    runtime.start_container(&container).await.unwrap_err();
    let resources = ContainerResources::default();
    runtime.update_container_resources(&container, &resources).await.unwrap_err();
    let config = bench.container_config(UID, Program::Obeys, 0);
    runtime.create_container(&sandbox, &config, &bench.sandbox_config(UID, 0)).await.unwrap_err();
    let uid = Uid::from("no-such-pod");
    assert_eq!(runtime.pod_records(&uid).await.unwrap(), Default::default());
}

pub(crate) async fn what_comes_out_of_order_is_refused(bench: &impl Bench) {
    let runtime = bench.runtime();
    let sandbox = sandbox(bench, UID).await;
    let id = started(bench, (UID, &sandbox), Program::Obeys).await;
    runtime.start_container(&id).await.unwrap_err();
    assert_eq!(state_of(bench, &id).await, ContainerState::Running, "as it was");
    runtime.stop_container(&id, GRACE).await.unwrap();
    runtime.start_container(&id).await.unwrap_err();
    assert_eq!(state_of(bench, &id).await, ContainerState::Exited);

    runtime.stop_pod_sandbox(&sandbox).await.unwrap();
    let config = bench.container_config(UID, Program::Obeys, 1);
    runtime.create_container(&sandbox, &config, &bench.sandbox_config(UID, 0)).await.unwrap_err();
    assert_eq!(runtime.list_containers(&ContainerFilter::default()).await.unwrap().len(), 1);
}

pub(crate) async fn a_stop_ends_with_the_process(bench: &impl Bench) {
    let sandbox = sandbox(bench, UID).await;
    let id = started(bench, (UID, &sandbox), Program::Obeys).await;
    let before = bench.clock().now();
    bench.runtime().stop_container(&id, Duration::from_secs(60)).await.unwrap();
    assert!(bench.clock().now() - before < Duration::from_secs(60), "it does not wait for the kill");
    let status = bench.runtime().container_status(&id).await.unwrap();
    assert_eq!((status.container.state, status.exit_code), (ContainerState::Exited, 0));
}

pub(crate) async fn a_stop_kills_when_its_time_is_over(bench: &impl Bench) {
    let sandbox = sandbox(bench, UID).await;
    let id = started(bench, (UID, &sandbox), Program::IgnoresStop).await;
    let before = bench.clock().now();
    bench.runtime().stop_container(&id, Duration::from_secs(1)).await.unwrap();
    assert!(bench.clock().now() - before >= Duration::from_secs(1), "not before");
    let status = ended(bench, &id).await;
    assert_eq!(status.exit_code, 137);
}

pub(crate) async fn a_stop_without_time_kills(bench: &impl Bench) {
    let sandbox = sandbox(bench, UID).await;
    for program in [Program::IgnoresStop, Program::Obeys] {
        let id = started(bench, (UID, &sandbox), program).await;
        bench.runtime().stop_container(&id, Duration::ZERO).await.unwrap();
        assert_eq!(state_of(bench, &id).await, ContainerState::Exited);
    }
}

pub(crate) async fn a_second_stop_shortens_the_first(bench: &impl Bench) {
    let sandbox = sandbox(bench, UID).await;
    let id = started(bench, (UID, &sandbox), Program::IgnoresStop).await;
    let before = bench.clock().now();
    let first = bench.runtime().stop_container(&id, Duration::from_secs(3600));
    let (first, second) = join(first, async {
        bench.clock().sleep_until(before + Duration::from_millis(100)).await;
        bench.runtime().stop_container(&id, Duration::from_secs(1)).await
    })
    .await;
    assert_eq!((first, second), (Ok(()), Ok(())));
    assert!(bench.clock().now() - before < Duration::from_secs(60));
    assert_eq!(ended(bench, &id).await.exit_code, 137);
}

pub(crate) async fn removing_kills(bench: &impl Bench) {
    let sandbox = sandbox(bench, UID).await;
    let id = started(bench, (UID, &sandbox), Program::IgnoresStop).await;
    bench.runtime().remove_container(&id).await.unwrap();
    assert!(bench.runtime().container_status(&id).await.unwrap_err().is_not_found());
}

pub(crate) async fn a_stopped_sandbox_has_nothing_that_runs(bench: &impl Bench) {
    let runtime = bench.runtime();
    let sandbox = sandbox(bench, UID).await;
    let id = started(bench, (UID, &sandbox), Program::IgnoresStop).await;
    runtime.stop_pod_sandbox(&sandbox).await.unwrap();
    assert_eq!(ended(bench, &id).await.exit_code, 137);
    runtime.remove_pod_sandbox(&sandbox).await.unwrap();
    assert!(runtime.container_status(&id).await.unwrap_err().is_not_found(), "it goes with its sandbox");
}

pub(crate) async fn images_come_and_go(bench: &impl Bench) {
    let (images, spec) = (bench.images(), bench.image().into());
    images.remove_image(&spec).await.unwrap();
    assert_eq!(images.image_status(&spec).await.unwrap(), None, "absent is an answer");
    let sandbox = bench.runtime().run_pod_sandbox(&bench.sandbox_config(UID, 0), "").await.unwrap();
    let config = bench.container_config(UID, Program::Obeys, 0);
    let made = bench.runtime().create_container(&sandbox, &config, &bench.sandbox_config(UID, 0)).await;
    assert!(made.unwrap_err().is_not_found());

    let image_ref = images.pull_image(&spec, None, None).await.unwrap();
    assert_eq!(images.pull_image(&spec, None, None).await, Ok(Arc::clone(&image_ref)), "again");
    let image = images.image_status(&spec).await.unwrap().unwrap();
    assert_eq!(images.image_status(&image_ref.into()).await.unwrap().as_ref(), Some(&image));
    assert_eq!(images.list_images(Some(&spec)).await.unwrap(), from_ref(&image));
    assert!(images.list_images(None).await.unwrap().contains(&image));
    assert!(image.size > 0);
    let info = images.image_fs_info().await.unwrap();
    assert_eq!(info.image_filesystems.len(), 1);

    images.pull_image(&"not a reference".into(), None, None).await.unwrap_err();
    for _ in 0..2 {
        images.remove_image(&spec).await.unwrap();
    }
    assert_eq!(images.list_images(Some(&spec)).await.unwrap(), []);
}

pub(crate) async fn lists_are_filtered(bench: &impl Bench) {
    let runtime = bench.runtime();
    let (one, two) = (sandbox(bench, UID).await, sandbox(bench, "contract-2").await);
    runtime.stop_pod_sandbox(&two).await.unwrap();
    let ids = |filter| async move {
        let listed = runtime.list_pod_sandbox(&filter).await.unwrap();
        listed.into_iter().map(|sandbox| sandbox.id).collect::<Vec<_>>()
    };
    let by_label = BTreeMap::from([("io.kubernetes.pod.uid".to_owned(), UID.to_owned())]);
    let filter = PodSandboxFilter::default;
    assert_eq!(ids(filter()).await.len(), 2);
    assert_eq!(ids(PodSandboxFilter { id: Some(two.clone()), ..filter() }).await, from_ref(&two));
    assert_eq!(ids(PodSandboxFilter { state: Some(SandboxState::NotReady), ..filter() }).await, [two]);
    assert_eq!(ids(PodSandboxFilter { label_selector: by_label, ..filter() }).await, from_ref(&one));

    let runs = started(bench, (UID, &one), Program::Obeys).await;
    let made = created(bench, (UID, &one), Program::IgnoresStop).await;
    let ids = |filter| async move {
        let listed = runtime.list_containers(&filter).await.unwrap();
        listed.into_iter().map(|container| container.id).collect::<Vec<_>>()
    };
    let filter = ContainerFilter::default;
    assert_eq!(ids(ContainerFilter { pod_sandbox_id: Some(one), ..filter() }).await.len(), 2);
    assert_eq!(ids(ContainerFilter { id: Some(made.clone()), ..filter() }).await, from_ref(&made));
    assert_eq!(ids(ContainerFilter { state: Some(ContainerState::Running), ..filter() }).await, [runs]);
    assert_eq!(ids(ContainerFilter { state: Some(ContainerState::Created), ..filter() }).await, [made]);
    let nobody = BTreeMap::from([("io.kubernetes.pod.uid".to_owned(), "nobody".to_owned())]);
    assert_eq!(ids(ContainerFilter { label_selector: nobody, ..filter() }).await, []);
}

pub(crate) async fn records_are_newest_first(bench: &impl Bench) {
    let runtime = bench.runtime();
    let first = sandbox(bench, UID).await;
    let ended_id = started(bench, (UID, &first), Program::ExitsWith3).await;
    ended(bench, &ended_id).await;
    runtime.stop_pod_sandbox(&first).await.unwrap();
    let config = bench.sandbox_config(UID, 1);
    let second = runtime.run_pod_sandbox(&config, "").await.unwrap();
    let container = bench.container_config(UID, Program::Obeys, 4);
    let running = runtime.create_container(&second, &container, &config).await.unwrap();
    runtime.start_container(&running).await.unwrap();
    let other = sandbox(bench, "contract-2").await;
    // Not a node's own.
    let mut foreign = bench.sandbox_config("contract-3", 0);
    foreign.labels.clear();
    runtime.run_pod_sandbox(&foreign, "").await.unwrap();

    let records = runtime.pod_records(&UID.into()).await.unwrap();
    let sandboxes: Vec<_> = records.sandboxes.iter().map(|it| (&it.id, it.attempt, it.state)).collect();
    assert_eq!(sandboxes, [(&second, 1, SandboxState::Ready), (&first, 0, SandboxState::NotReady)]);
    let containers: Vec<_> = records.containers.iter().map(|it| (&it.id, &*it.name, it.attempt)).collect();
    assert_eq!(containers, [(&running, "obeys", 4), (&ended_id, "exits-with-3", 0)]);
    assert_eq!(records.containers[0].spec_hash, u64::MAX - 4);
    assert!(matches!(records.containers[0].state, RecordState::Running { .. }));
    let exit = records.containers[1].exit().unwrap();
    assert_eq!(exit.exit_code, 3);
    assert!(exit.started_at.unwrap() <= exit.finished_at);

    let all = runtime.all_records().await.unwrap();
    assert_eq!(all.keys().map(Uid::as_str).collect::<Vec<_>>(), [UID, "contract-2"]);
    assert_eq!(all[UID], records);
    assert_eq!(all["contract-2"].sandboxes[0].id, other);
}

pub(crate) async fn resources_are_told_again(bench: &impl Bench) {
    let sandbox = sandbox(bench, UID).await;
    let id = started(bench, (UID, &sandbox), Program::Obeys).await;
    let resources = |memory_limit_in_bytes, cpu_shares| ContainerResources {
        linux: LinuxContainerResources {
            memory_limit_in_bytes,
            cpu_shares,
            ..LinuxContainerResources::default()
        },
        ..ContainerResources::default()
    };
    for _ in 0..2 {
        bench.runtime().update_container_resources(&id, &resources(64 << 20, 512)).await.unwrap();
    }
    bench.runtime().update_container_resources(&id, &resources(0, 256)).await.unwrap();
    // What a runtime does not say, it does not say.
    if let Some(known) = bench.runtime().container_status(&id).await.unwrap().resources {
        assert_eq!((known.linux.memory_limit_in_bytes, known.linux.cpu_shares), (64 << 20, 256));
    }
    bench.runtime().stop_container(&id, GRACE).await.unwrap();
    bench.runtime().update_container_resources(&id, &resources(32 << 20, 2)).await.unwrap_err();
}

pub(crate) async fn an_exit_code_is_an_answer(bench: &impl Bench) {
    let sandbox = sandbox(bench, UID).await;
    let id = started(bench, (UID, &sandbox), Program::Obeys).await;
    let exec = |command: &str| {
        let (id, command) = (id.clone(), ["sh", "-c", command].map(str::to_owned));
        async move { bench.runtime().exec_sync(&id, &command, GRACE).await }
    };
    match exec("exit 0").await {
        Err(RuntimeError::Unimplemented(_)) => return,
        ran => assert_eq!(ran.unwrap().exit_code, 0),
    }
    assert_eq!(exec("exit 4").await.unwrap().exit_code, 4);
    bench.runtime().stop_container(&id, GRACE).await.unwrap();
    exec("exit 0").await.unwrap_err();
}

pub(crate) async fn events_tell_what_happens(bench: &impl Bench) {
    let mut events = match bench.runtime().container_events().await {
        Err(RuntimeError::Unimplemented(_)) => return,
        events => events.unwrap(),
    };
    let sandbox = sandbox(bench, UID).await;
    let id = started(bench, (UID, &sandbox), Program::ExitsWith3).await;
    let stopped = async {
        while let Some(event) = events.next().await {
            let event = event.unwrap();
            if *event.container_id == *id.as_str()
                && event.container_event_type == ContainerEventType::Stopped
            {
                return event;
            }
        }
        panic!("the stream ends");
    };
    let limit = bench.clock().sleep_until(bench.clock().now() + Duration::from_secs(10));
    let Either::Left((event, _)) = select(Box::pin(stopped), limit).await else { panic!("no event") };
    if let Some(uid) = event.pod_uid() {
        assert_eq!(uid.as_str(), UID);
        assert_eq!(event.records().containers[0].exit().unwrap().exit_code, 3);
    }
}

pub(crate) async fn a_clock_goes_one_way(bench: &impl Bench) {
    let clock = bench.clock();
    let start = clock.now();
    clock.sleep_until(start).await;
    clock.sleep_until(Timestamp::from_unix_nanos(i64::MIN)).await;
    let soon = start + Duration::from_millis(20);
    let (early, late) = join(
        async {
            clock.sleep_until(soon).await;
            clock.now()
        },
        async {
            clock.sleep_until(start + Duration::from_millis(40)).await;
            clock.now()
        },
    )
    .await;
    assert!(soon <= early && early <= late && start + Duration::from_millis(40) <= late);
    // Given up.
    drop(clock.sleep_until(Timestamp::MAX));
    assert!(clock.now() >= late);
}

pub(crate) async fn a_probe_asks_who_runs(bench: &impl Bench) {
    let Some(probes) = bench.probes() else { return };
    let sandbox = sandbox(bench, UID).await;
    let id = started(bench, (UID, &sandbox), Program::Obeys).await;
    let ask = |check| {
        let request = ProbeRequest {
            pod: pod(UID),
            pod_ip: "".into(),
            container: Program::Obeys.name().into(),
            id: id.clone(),
            kind: ProbeKind::Liveness,
            check: Arc::new(check),
            timeout: GRACE,
        };
        async move { probes.probe(&request).await.answer }
    };
    let command = || ProbeCheck::Exec { command: ["sh", "-c", "exit 0"].map(str::to_owned).into() };
    assert_eq!(ask(command()).await, ProbeAnswer::Success);
    // Nobody could be asked, which is not the container's fault.
    assert_eq!(ask(ProbeCheck::TcpSocket(Address { host: None, port: 80 })).await, ProbeAnswer::Error);
    bench.runtime().stop_container(&id, GRACE).await.unwrap();
    assert!(matches!(ask(command()).await, ProbeAnswer::Failure | ProbeAnswer::Error));
}

pub(crate) async fn a_hook_runs_where_something_runs(bench: &impl Bench) {
    let Some(hooks) = bench.hooks() else { return };
    let sandbox = sandbox(bench, UID).await;
    let id = started(bench, (UID, &sandbox), Program::Obeys).await;
    let request = HookRequest {
        pod: pod(UID),
        pod_ip: "".into(),
        container: Program::Obeys.name().into(),
        id: id.clone(),
        kind: HookKind::PreStop,
        call: HookCall::Exec { command: ["sh", "-c", "exit 0"].map(str::to_owned).into() },
        timeout: Some(GRACE),
    };
    hooks.run_hook(&request).await.unwrap();
    bench.runtime().stop_container(&id, GRACE).await.unwrap();
    hooks.run_hook(&request).await.unwrap_err();
}

pub(crate) async fn a_status_may_come_again(bench: &impl Bench) {
    let Some(sink) = bench.sink() else { return };
    let pod = pod(UID);
    let update = |version, phase| StatusUpdate {
        pod: pod.clone(),
        version,
        status: Arc::new(PodStatus { phase: Some(phase), ..PodStatus::default() }),
    };
    sink.send_status(&update(1, PodPhase::Pending)).await.unwrap();
    for _ in 0..2 {
        sink.send_status(&update(2, PodPhase::Running)).await.unwrap();
    }
    for _ in 0..2 {
        sink.delete_pod(&pod).await.unwrap();
    }
    let refused = sink.send_status(&update(3, PodPhase::Running)).await;
    assert_eq!(refused, Err(SinkError::NotFound(UID.into())));
}

pub(crate) async fn a_pod_is_prepared_and_released_again(bench: &impl Bench) {
    let Some(resources) = bench.resources() else { return };
    let json = r#"{"metadata": {"name": "pod", "namespace": "contract", "uid": "contract-1"},
        "spec": {"containers": [{"name": "obeys", "image": "a:1"}]}}"#;
    let pod = Arc::new(Pod::from_json(json).unwrap());
    let reference = PodReference::from(&*pod);
    resources.release_pod(&reference).await.unwrap();
    for _ in 0..2 {
        resources.prepare_pod(&pod).await.unwrap();
    }
    let (mut sandbox, mut container) =
        (bench.sandbox_config(UID, 0), bench.container_config(UID, Program::Obeys, 0));
    resources.generate_sandbox_config(&pod, &mut sandbox).await.unwrap();
    resources.generate_container_config(&pod, &mut container).await.unwrap();
    assert_eq!(sandbox.metadata, bench.sandbox_config(UID, 0).metadata);
    assert_eq!(container.labels, bench.container_config(UID, Program::Obeys, 0).labels);
    let mut again = bench.sandbox_config(UID, 0);
    resources.generate_sandbox_config(&pod, &mut again).await.unwrap();
    assert_eq!(again, sandbox, "the same pod, the same additions");
    for _ in 0..2 {
        resources.release_pod(&reference).await.unwrap();
    }
}
