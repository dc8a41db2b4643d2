//! What the ports in memory do beyond the contracts: faults, probes, hooks, a record of it all.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::executor::LocalPool;
use futures::future::join;
use futures::task::LocalSpawnExt;
use node_lifecycle::api::{ContainerId, GoDuration, Pod, PodStatus};
use node_lifecycle::container::{
    Address, HookCall, HookKind, ProbeAnswer, ProbeCheck, ProbeKind, SandboxState,
};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::pod::Failure;
use node_lifecycle::runtime::{
    CALL_TIMEOUT, Clock, ContainerState, HookError, HookRequest, HookRunner, ImageError, ImageService,
    ImageSpec, PodReference, PodResources, PodSandboxFilter, PrepareError, ProbeReport, ProbeRequest,
    ProbeRunner, PullUpdate, RuntimeError, RuntimeService, RuntimeStatus, StatusSink, StatusUpdate,
    pod_sandbox_config,
};
use node_lifecycle::sim::{
    Behavior, Call, CallFault, Hooks, Latencies, MemoryPorts, MemorySettings, Pull, Stalled,
};

use crate::bench::{Bench, Program, pod, sandbox, started};
use crate::memory::settings;

const START: Timestamp = Timestamp::UNIX_EPOCH;
const UID: &str = "u1";

fn ports() -> MemoryPorts {
    MemoryPorts::with_settings(START, settings(Latencies::NONE))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_call_that_fails_does_nothing() {
    let ports = ports();
    ports.calls.inject(Call::RunPodSandbox, CallFault::Fails("no space left".into()));
    let made = ports.run(ports.runtime.run_pod_sandbox(&ports.sandbox_config(UID, 0), ""));
    assert_eq!(made, Err(RuntimeError::Unknown("no space left".into())));
    assert_eq!(ports.run(ports.runtime.list_pod_sandbox(&PodSandboxFilter::default())), Ok(vec![]));
    let failure = Failure::from(&made.unwrap_err());
    assert_eq!((&*failure.reason, &*failure.message), ("", "no space left"));
}

#[test]
fn a_call_that_is_late_does_its_work_late_or_not_at_all() {
    let ports = ports();
    ports.calls.inject(Call::RunPodSandbox, CallFault::Delays(seconds(7)));
    ports.run(ports.runtime.run_pod_sandbox(&ports.sandbox_config(UID, 0), "")).unwrap();
    assert_eq!(ports.clock.now(), START + seconds(7));

    ports.calls.inject(Call::RunPodSandbox, CallFault::Delays(seconds(7000)));
    let made = ports.run(ports.runtime.run_pod_sandbox(&ports.sandbox_config(UID, 1), ""));
    assert_eq!(made, Err(RuntimeError::DeadlineExceeded(CALL_TIMEOUT)));
    assert_eq!(ports.clock.now(), START + seconds(7 + 120));
    assert_eq!(ports.run(ports.runtime.list_pod_sandbox(&PodSandboxFilter::default())).unwrap().len(), 1);
}

#[test]
fn a_lost_answer_leaves_the_work_done() {
    let ports = ports();
    ports.calls.inject(Call::RunPodSandbox, CallFault::LosesAnswer);
    let made = ports.run(ports.runtime.run_pod_sandbox(&ports.sandbox_config(UID, 0), ""));
    assert!(made.unwrap_err().is_lost());
    assert_eq!(ports.clock.now(), START + CALL_TIMEOUT);
    let records = ports.run(ports.runtime.pod_records(&UID.into())).unwrap();
    assert_eq!(records.sandboxes[0].state, SandboxState::Ready);
}

#[test]
fn a_call_that_hangs_does_nothing_and_is_given_up() {
    let ports = ports();
    ports.calls.inject(Call::Version, CallFault::Hangs);
    assert_eq!(ports.clock.run(ports.runtime.version()), Err(Stalled::Idle(START)));
    ports.calls.inject(Call::RunPodSandbox, CallFault::Hangs);
    let config = ports.sandbox_config(UID, 0);
    let mut call = Box::pin(ports.runtime.run_pod_sandbox(&config, ""));
    assert_eq!(ports.clock.run_until(START + seconds(600), call.as_mut()), Ok(None));
    drop(call);
    assert_eq!(ports.clock.now(), START + seconds(600));
    assert_eq!(ports.run(ports.runtime.all_records()).unwrap().len(), 0);
}

#[test]
fn a_stop_that_is_given_up_goes_on() {
    let ports = ports();
    let sandbox = ports.run(sandbox(&ports, UID));
    let id = ports.run(started(&ports, (UID, &sandbox), Program::IgnoresStop));
    let mut stop = ports.runtime.stop_container(&id, seconds(5));
    assert_eq!(ports.clock.run_until(START + seconds(1), stop.as_mut()), Ok(None));
    drop(stop);
    ports.clock.advance(seconds(4));
    let status = ports.run(ports.runtime.container_status(&id)).unwrap();
    assert_eq!((status.exit_code, status.finished_at), (137, Some(START + seconds(5))));
}

#[test]
fn every_call_is_on_record_in_order() {
    let ports = ports();
    let sandbox = ports.run(sandbox(&ports, UID));
    ports.clock.advance(seconds(1));
    ports.run(ports.runtime.stop_pod_sandbox(&sandbox)).unwrap();
    let made = ports.calls.take_made();
    let made: Vec<_> = made.iter().map(|it| (it.at - START, it.call, &*it.subject)).collect();
    assert_eq!(
        made,
        [
            (seconds(0), Call::PullImage, ports.image()),
            (seconds(0), Call::RunPodSandbox, "pod"),
            (seconds(1), Call::StopPodSandbox, sandbox.as_str()),
        ]
    );
    assert_eq!(ports.calls.made(), []);
}

#[test]
fn a_container_can_die_and_be_lost() {
    let ports = ports();
    let sandbox = ports.run(sandbox(&ports, UID));
    let id = ports.run(started(&ports, (UID, &sandbox), Program::Obeys));
    let other = ports.run(started(&ports, (UID, &sandbox), Program::IgnoresStop));
    ports.runtime.exit(&id, 137, "OOMKilled");
    let status = ports.run(ports.runtime.container_status(&id)).unwrap();
    assert_eq!((status.exit_code, &*status.reason), (137, "OOMKilled"));
    ports.runtime.exit(&id, 0, "Completed");
    assert_eq!(ports.run(ports.runtime.container_status(&id)).unwrap(), status, "it ends once");
    ports.runtime.lose(&other);
    let status = ports.run(ports.runtime.container_status(&other)).unwrap();
    assert_eq!(status.container.state, ContainerState::Unknown);
    ports.runtime.kill_sandbox(&sandbox);
    let status = ports.run(ports.runtime.pod_sandbox_status(&sandbox)).unwrap();
    assert_eq!(status.sandbox.state, SandboxState::NotReady);
}

#[test]
fn a_network_that_is_not_ready_takes_no_pods() {
    let ports = ports();
    ports.runtime.set_network_not_ready(Some("cni plugin not initialized"));
    let status = ports.run(ports.runtime.status()).unwrap();
    assert!(status.holds(RuntimeStatus::RUNTIME_READY) && !status.holds(RuntimeStatus::NETWORK_READY));
    ports.run(ports.runtime.run_pod_sandbox(&ports.sandbox_config(UID, 0), "")).unwrap_err();
    ports.runtime.set_network_not_ready(None);
    ports.run(ports.runtime.run_pod_sandbox(&ports.sandbox_config(UID, 0), "")).unwrap();
}

#[test]
fn pulls_fail_as_often_as_their_behaviour_says() {
    let pull = Pull {
        takes: Some(GoDuration(seconds(3))),
        fails: Some("manifest unknown".into()),
        times: Some(2),
        ..Pull::default()
    };
    let behavior = Behavior { pull, ..Behavior::default() };
    let settings =
        MemorySettings { behavior: Arc::new(move |_| behavior.clone()), ..MemorySettings::default() };
    let ports = MemoryPorts::with_settings(START, settings);
    let pull = || ports.run(ports.runtime.pull_image(&"a:1".into(), None, None));
    for _ in 0..2 {
        let failure = Failure::from(&pull().unwrap_err());
        assert_eq!((&*failure.reason, &*failure.message), ("ErrImagePull", "manifest unknown"));
    }
    pull().unwrap();
    assert_eq!(ports.clock.now(), START + seconds(9));
    let malformed = ports.run(ports.runtime.pull_image(&"".into(), None, None)).unwrap_err();
    assert!(matches!(malformed, ImageError::InvalidImageName(_)));
    assert_eq!(&*Failure::from(&malformed).reason, "InvalidImageName");
}

#[test]
fn a_pull_tells_how_far_it_has_come() {
    let none = ports();
    let refused = none.run(none.runtime.pull_image_with_progress(&"a:1".into(), None, None));
    assert!(matches!(refused, Err(ImageError::Unimplemented(_))));

    let usable_after = Some(GoDuration(seconds(5)));
    let pull = Pull { takes: Some(GoDuration(seconds(8))), usable_after, ..Pull::default() };
    let behavior = Behavior { pull, ..Behavior::default() };
    let settings = MemorySettings {
        behavior: Arc::new(move |_| behavior.clone()),
        pull_progress: true,
        image_size: 400,
        ..MemorySettings::default()
    };
    let ports = MemoryPorts::with_settings(START, settings);
    let spec = ImageSpec { runtime_handler: "kata".into(), ..ImageSpec::from("a:1") };
    let lines = ports.run(async {
        let mut going = ports.runtime.pull_image_with_progress(&spec, None, None).await.unwrap();
        let mut lines = Vec::new();
        while let Some(update) = going.next().await {
            let what = match update.unwrap() {
                PullUpdate::Progress(progress) => format!("{} bytes", progress.bytes),
                PullUpdate::Usable(_) => "usable".to_owned(),
                PullUpdate::Pulled(_) => "pulled".to_owned(),
            };
            lines.push((ports.clock.now().since(START).as_secs(), what));
        }
        lines
    });
    let expected =
        [(0, "0 bytes"), (2, "100 bytes"), (4, "200 bytes"), (5, "usable"), (6, "300 bytes"), (8, "pulled")];
    assert_eq!(lines, expected.map(|(at, what)| (at, what.to_owned())));
    let image = ports.run(ports.runtime.image_status(&spec)).unwrap().unwrap();
    assert_eq!(&*image.spec.runtime_handler, "kata");

    // Whoever drops the stream gives the pull up.
    let other = "b:1".into();
    drop(ports.run(ports.runtime.pull_image_with_progress(&other, None, None)).unwrap());
    assert_eq!(ports.run(ports.runtime.image_status(&other)), Ok(None));
}

fn probe(id: &ContainerId, kind: ProbeKind) -> ProbeRequest {
    ProbeRequest {
        pod: pod(UID),
        pod_ip: "10.0.0.1".into(),
        container: Program::Obeys.name().into(),
        id: id.clone(),
        kind,
        check: Arc::new(ProbeCheck::TcpSocket(Address { host: None, port: 80 })),
        timeout: seconds(1),
    }
}

#[test]
fn probes_follow_the_script() {
    let ports = ports();
    let sandbox = ports.run(sandbox(&ports, UID));
    let id = ports.run(started(&ports, (UID, &sandbox), Program::Obeys));
    let ask = |kind| ports.run(ports.probes.probe(&probe(&id, kind))).answer;
    let all = || [ProbeKind::Startup, ProbeKind::Liveness, ProbeKind::Readiness].map(ask);
    use ProbeAnswer::{Failure, Success, Unknown, Warning};
    assert_eq!(all(), [Failure, Success, Failure]);
    ports.clock.advance(seconds(3));
    assert_eq!(all(), [Success, Success, Failure]);
    ports.clock.advance(seconds(2));
    assert_eq!(all(), [Success, Success, Success]);

    let name = Program::Obeys.name();
    ports.probes.set(&UID.into(), name, ProbeKind::Liveness, Some(Warning));
    ports.probes.set(&UID.into(), name, ProbeKind::Readiness, Some(Unknown));
    assert_eq!(all(), [Success, Warning, Unknown]);
    ports.probes.set(&UID.into(), name, ProbeKind::Readiness, None);
    assert_eq!(all(), [Success, Warning, Success]);

    ports.run(ports.runtime.stop_container(&id, seconds(1))).unwrap();
    assert_eq!(all(), [Failure, Failure, Failure]);
}

#[test]
fn a_probe_that_is_too_slow_has_failed() {
    let ports = ports();
    let sandbox = ports.run(sandbox(&ports, UID));
    let id = ports.run(started(&ports, (UID, &sandbox), Program::Obeys));
    let ask = || ports.run(ports.probes.probe(&probe(&id, ProbeKind::Liveness)));
    ports.calls.inject(Call::Probe, CallFault::Delays(seconds(30)));
    assert_eq!(ask(), ProbeReport::too_slow(seconds(1)));
    assert_eq!(ports.clock.now(), START + seconds(1));
    ports.calls.inject(Call::Probe, CallFault::Fails("no such port".into()));
    assert_eq!(ask(), ProbeReport::error("no such port"));
}

fn hook(id: &ContainerId, kind: HookKind, timeout: Option<Duration>) -> HookRequest {
    HookRequest {
        pod: pod(UID),
        pod_ip: "10.0.0.1".into(),
        container: Program::Obeys.name().into(),
        id: id.clone(),
        kind,
        call: HookCall::Exec { command: Arc::new(["drain".to_owned()]) },
        timeout,
    }
}

#[test]
fn hooks_take_their_time_and_end_with_the_container() {
    let hooks = Hooks {
        post_start: GoDuration(seconds(2)),
        pre_stop: GoDuration(seconds(20)),
        post_start_fails: true,
        ..Hooks::default()
    };
    let base = settings(Latencies::NONE);
    let behavior = Arc::clone(&base.behavior);
    let settings = MemorySettings {
        behavior: Arc::new(move |subject| Behavior { hook: hooks, ..behavior(subject) }),
        ..base
    };
    let ports = MemoryPorts::with_settings(START, settings);
    let sandbox = ports.run(sandbox(&ports, UID));
    let id = ports.run(started(&ports, (UID, &sandbox), Program::Obeys));
    let run = |kind, timeout| ports.run(ports.hooks.run_hook(&hook(&id, kind, timeout)));

    assert!(matches!(run(HookKind::PostStart, None), Err(HookError::Failed(_))));
    assert_eq!(ports.clock.now(), START + seconds(2));
    assert_eq!(run(HookKind::PreStop, Some(seconds(30))), Ok(()));
    assert_eq!(ports.clock.now(), START + seconds(22));
    let late = run(HookKind::PreStop, Some(seconds(5)));
    assert_eq!(late, Err(HookError::DeadlineExceeded(seconds(5))));
    assert_eq!(ports.clock.now(), START + seconds(27));

    let request = hook(&id, HookKind::PreStop, None);
    let (ended, ()) = ports.run(join(ports.hooks.run_hook(&request), async {
        ports.clock.sleep_until(START + seconds(30)).await;
        ports.runtime.exit(&id, 1, "Error");
    }));
    assert!(matches!(ended, Err(HookError::Failed(_))));
    assert_eq!(ports.clock.now(), START + seconds(30));
    assert!(matches!(run(HookKind::PreStop, None), Err(HookError::Runtime(_))));
}

#[test]
fn a_sink_keeps_what_it_gets() {
    let ports = ports();
    let update = |version| StatusUpdate { pod: pod(UID), version, status: Arc::new(PodStatus::default()) };
    ports.calls.inject(Call::SendStatus, CallFault::LosesAnswer);
    ports.run(ports.sink.send_status(&update(1))).unwrap_err();
    ports.run(ports.sink.send_status(&update(1))).unwrap();
    ports.run(ports.sink.send_status(&update(2))).unwrap();
    let sent: Vec<_> = ports.sink.sent().iter().map(|(at, update)| (*at - START, update.version)).collect();
    assert_eq!(sent, [(seconds(0), 1), (CALL_TIMEOUT, 1), (CALL_TIMEOUT, 2)]);
    ports.run(ports.sink.delete_pod(&pod(UID))).unwrap();
    assert_eq!(ports.sink.deleted()[UID].1, pod(UID));
    assert!(ports.sink.status(&UID.into()).is_some());
}

#[test]
fn nothing_is_generated_for_a_pod_that_is_not_prepared() {
    let ports = ports();
    let pod = r#"{"metadata": {"name": "pod", "uid": "u1"}, "spec": {"containers": [{"name": "a", "image": "a"}]}}"#;
    let pod = Arc::new(Pod::from_json(pod).unwrap());
    let mut config = pod_sandbox_config(&pod, 0, &Default::default());
    let refused = ports.run(ports.resources.generate_sandbox_config(&pod, &mut config)).unwrap_err();
    assert!(matches!(refused, PrepareError::Missing(_)));
    assert_eq!(&*Failure::from(&refused).reason, "CreateContainerConfigError");
    ports.run(ports.resources.prepare_pod(&pod)).unwrap();
    assert_eq!(ports.resources.prepared().len(), 1);
    ports.run(ports.resources.generate_sandbox_config(&pod, &mut config)).unwrap();
    ports.run(ports.resources.release_pod(&PodReference::from(&*pod))).unwrap();
    assert_eq!(ports.resources.prepared().len(), 0);
}

/// The ports run on any executor, here one of the `futures` crate.
#[test]
fn an_executor_of_your_own() {
    let ports = MemoryPorts::with_settings(START, settings(Latencies::default()));
    let mut pool = LocalPool::new();
    let pods: Vec<_> = (0..3)
        .map(|number| {
            let ports = ports.clone();
            let future = async move {
                let uid = format!("u{number}");
                let sandbox = sandbox(&ports, &uid).await;
                let id = started(&ports, (&uid, &sandbox), Program::IgnoresStop).await;
                ports.runtime.stop_container(&id, seconds(number)).await.unwrap();
                ports.clock.now()
            };
            pool.spawner().spawn_local_with_handle(future).unwrap()
        })
        .collect();
    loop {
        pool.run_until_stalled();
        if ports.clock.advance_to_next_timer().is_none() {
            break;
        }
    }
    let ended = pool.run_until(futures::future::join_all(pods));
    let latencies = Latencies::default();
    let made =
        latencies.pull + latencies.create_sandbox + latencies.create + latencies.start + latencies.stop;
    assert_eq!(ended, [0, 1, 2].map(|number| START + made + seconds(number)));
    let records = ports.run(ports.runtime.all_records()).unwrap();
    assert!(records.values().all(|pod| pod.containers[0].exit().is_some()));
}
