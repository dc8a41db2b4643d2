//! The pods of a node over ports in memory, in virtual time.

#![cfg(all(feature = "driver", feature = "sim"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::executor::LocalPool;
use futures::future::{Either, select};
use futures::task::LocalSpawnExt;
use node_lifecycle::api::{ConditionStatus, GoDuration, Pod, PodPhase, Uid};
use node_lifecycle::driver::{Driver, DriverSettings, Handle};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::pod::{KillPodOptions, Pods, PodsAction, PodsSettings, PodsSnapshot, StatusOverride};
use node_lifecycle::runtime::{Clock, RuntimeService, container_config, pod_sandbox_config};
use node_lifecycle::sim::{
    Behavior, Call, CallFault, Latencies, MemoryPorts, MemorySettings, Script, VirtualClock,
};

/// A pod with an init container, a sidecar with a hook, and an app with a probe, a hook and a wait.
const WEB: &str = r#"{"metadata": {"name": "web", "namespace": "shop", "uid": "u1"}, "spec": {
    "terminationGracePeriodSeconds": 30,
    "initContainers": [
        {"name": "migrate", "image": "m:1"},
        {"name": "proxy", "image": "p:1", "restartPolicy": "Always",
         "ports": [{"name": "admin", "containerPort": 8081}],
         "lifecycle": {"preStop": {"httpGet": {"path": "/drain", "port": "admin"}}}}],
    "containers": [{"name": "app", "image": "a:1",
         "readinessProbe": {"exec": {"command": ["ask"]}, "periodSeconds": 2},
         "lifecycle": {"postStart": {"exec": {"command": ["warm-up"]}}, "preStop": {"sleep": {"seconds": 5}}}}]}}"#;

fn pod(json: &str) -> Arc<Pod> {
    Arc::new(Pod::from_json(json).unwrap())
}

fn named(name: &str, spec: &str) -> Arc<Pod> {
    let json = format!(
        r#"{{"metadata": {{"name": "{name}", "namespace": "shop", "uid": "{name}"}}, "spec": {spec}}}"#
    );
    pod(&json)
}

/// The pod with a deletion stamp.
fn deleted(pod: &Arc<Pod>, now: Timestamp) -> Arc<Pod> {
    let mut pod = Pod::clone(pod);
    pod.metadata.deletion_timestamp = Some(now);
    pod.metadata.deletion_grace_period_seconds = pod.spec.termination_grace_period_seconds;
    Arc::new(pod)
}

/// A node whose apps take four seconds to stop.
fn ports() -> MemoryPorts {
    let slow = Script::Runs {
        starts_after: GoDuration::default(),
        ready_after: GoDuration(Duration::from_secs(3)),
        stops_after: GoDuration(Duration::from_secs(4)),
        ignores_sigterm: false,
    };
    let script = move |name: &str| (name == "app").then_some(slow);
    let settings = MemorySettings {
        latencies: Latencies::default(),
        behavior: Arc::new(move |subject| Behavior {
            script: script(subject.container),
            ..Behavior::default()
        }),
        ..MemorySettings::default()
    };
    MemoryPorts::with_settings(Timestamp::from_unix_seconds(1_735_689_600), settings)
}

fn driver(ports: &MemoryPorts) -> Driver {
    // Pulls and hooks that hang are given up sooner than usual.
    let patience = Duration::from_secs(120);
    let mut settings = PodsSettings::default();
    settings.lifecycle.worker.patience = patience;
    let pods = Pods::new(Arc::default(), settings, ports.clock.now());
    Driver::new(ports.into(), pods, DriverSettings { patience, ..DriverSettings::default() })
}

/// Runs the driver for as long as someone speaks to it.
fn with<T>(ports: &MemoryPorts, driver: &mut Driver, story: impl Future<Output = T>) -> T {
    let run = Box::pin(driver.run());
    let story = Box::pin(story);
    match ports.clock.run(select(run, story)).unwrap() {
        Either::Left(_) => panic!("the driver was not told to stop"),
        Either::Right((told, _)) => told,
    }
}

async fn sleep(clock: &VirtualClock, seconds: u64) {
    clock.sleep_until(clock.now() + Duration::from_secs(seconds)).await;
}

/// Waits for something to hold of the pods, which takes less than 20 minutes.
async fn until(ports: &MemoryPorts, handle: &Handle, holds: impl Fn(&Pods) -> bool + Clone + Send + 'static) {
    for _ in 0..2400 {
        if handle.look(holds.clone()).await.unwrap() {
            return;
        }
        ports.clock.sleep_until(ports.clock.now() + Duration::from_millis(500)).await;
    }
    let seen = handle.look(|pods| format!("{:?}", pods.workers().known().collect::<Vec<_>>())).await;
    panic!(
        "it did not come to hold: {seen:?}\n{:?}",
        ports.calls.made().iter().rev().take(20).collect::<Vec<_>>()
    );
}

fn is_ready(uid: &'static str) -> impl Fn(&Pods) -> bool + Clone + Send + 'static {
    move |pods| {
        let ready = |status: &node_lifecycle::api::PodStatus| {
            status.condition("Ready").is_some_and(|ready| ready.status == ConditionStatus::True)
        };
        pods.status(&uid.into()).is_some_and(ready)
    }
}

fn is_forgotten(uid: &'static str) -> impl Fn(&Pods) -> bool + Clone + Send + 'static {
    move |pods| pods.uids().all(|known| known.as_str() != uid)
}

fn order(ports: &MemoryPorts, wanted: &[Call]) -> Vec<(Call, String)> {
    let made = ports.calls.made().into_iter().filter(|made| wanted.contains(&made.call));
    made.map(|made| (made.call, made.subject.to_string())).collect()
}

fn of(ports: &MemoryPorts, call: Call) -> Vec<String> {
    order(ports, &[call]).into_iter().map(|(_, subject)| subject).collect()
}

/// Up, ready, deleted, gone.
async fn live(ports: &MemoryPorts, handle: &Handle, web: &Arc<Pod>) {
    handle.want([web.metadata.uid.clone()].into(), true);
    handle.offer(Arc::clone(web));
    until(ports, handle, is_ready("u1")).await;
    handle.offer(deleted(web, ports.clock.now()));
    until(ports, handle, is_forgotten("u1")).await;
}

fn left(ports: &MemoryPorts) -> usize {
    ports.clock.run(ports.runtime.all_records()).unwrap().unwrap().len()
}

#[test]
fn a_pod_lives_and_dies() {
    let (ports, web) = (ports(), pod(WEB));
    let mut driver = driver(&ports);
    let handle = driver.handle();
    with(&ports, &mut driver, live(&ports, &handle, &web));

    assert_eq!(of(&ports, Call::CreateContainer), ["migrate", "proxy", "app"], "in order, and each once");
    let stopped = order(&ports, &[Call::RunHook, Call::StopContainer]);
    let calls: Vec<_> = stopped.iter().map(|(call, _)| *call).collect();
    assert_eq!(calls, [Call::RunHook, Call::RunHook, Call::StopContainer, Call::StopContainer]);
    assert_eq!(
        of(&ports, Call::RunHook),
        ["app", "proxy"],
        "the app's second hook is a wait, which is no call"
    );
    assert!(of(&ports, Call::Probe).len() > 1, "the app was asked until it was ready");

    let sent = ports.sink.sent();
    let versions: Vec<u64> = sent.iter().map(|(_, update)| update.version).collect();
    assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
    let mut phases: Vec<_> = sent.iter().filter_map(|(_, update)| update.status.phase).collect();
    phases.dedup();
    assert_eq!(phases[..2], [PodPhase::Pending, PodPhase::Running]);
    assert!(phases[2..].iter().all(|phase| phase.is_terminal()) && phases.len() == 3, "{phases:?}");
    assert!(ports.sink.deleted().contains_key("u1"));
    let about_resources = order(&ports, &[Call::PreparePod, Call::RunPodSandbox, Call::ReleasePod]);
    let about_resources: Vec<_> = about_resources.into_iter().map(|(call, _)| call).collect();
    assert_eq!(about_resources, [Call::PreparePod, Call::RunPodSandbox, Call::ReleasePod]);
    assert_eq!((left(&ports), ports.resources.prepared().len()), (0, 0));
}

#[test]
fn an_agent_that_restarts_in_the_middle_of_a_termination_goes_on() {
    let (ports, web) = (ports(), pod(WEB));
    let mut first = driver(&ports);
    let handle = first.handle();
    let snapshot = with(&ports, &mut first, async {
        handle.want([web.metadata.uid.clone()].into(), true);
        handle.offer(Arc::clone(&web));
        until(&ports, &handle, is_ready("u1")).await;
        handle.offer(deleted(&web, ports.clock.now()));
        sleep(&ports.clock, 7).await;
        handle.snapshot().await.unwrap()
    });
    drop(first);
    let stored: PodsSnapshot = serde_json::from_str(&serde_json::to_string(&snapshot).unwrap()).unwrap();
    let created = of(&ports, Call::CreateContainer).len();
    ports.clock.advance(Duration::from_secs(3));

    let environment = (Arc::default(), PodsSettings::default());
    let mut second =
        Driver::restarted((&ports).into(), stored, environment, DriverSettings::default(), Duration::ZERO)
            .unwrap();
    let handle = second.handle();
    with(&ports, &mut second, async {
        handle.offer(deleted(&web, ports.clock.now()));
        handle.want([web.metadata.uid.clone()].into(), true);
        until(&ports, &handle, is_forgotten("u1")).await;
    });
    assert_eq!(of(&ports, Call::CreateContainer).len(), created, "nothing was started again");
    assert!(ports.sink.deleted().contains_key("u1"));
    assert_eq!((left(&ports), ports.resources.prepared().len()), (0, 0));
}

#[test]
fn a_pod_lives_and_dies_through_every_fault_of_every_call() {
    let calls = [
        Call::RunPodSandbox,
        Call::StopPodSandbox,
        Call::RemovePodSandbox,
        Call::PodSandboxStatus,
        Call::ListPodSandbox,
        Call::CreateContainer,
        Call::StartContainer,
        Call::StopContainer,
        Call::ListContainers,
        Call::ContainerStatus,
        Call::GetContainerEvents,
        Call::ImageStatus,
        Call::PullImage,
        Call::Probe,
        Call::RunHook,
        Call::SendStatus,
        Call::DeletePod,
        Call::PreparePod,
        Call::ReleasePod,
        Call::GenerateSandboxConfig,
        Call::GenerateContainerConfig,
    ];
    let faults = [
        CallFault::Fails("busy".into()),
        CallFault::LosesAnswer,
        CallFault::Hangs,
        CallFault::Delays(Duration::from_secs(30)),
    ];
    for call in calls {
        for fault in &faults {
            let (ports, web) = (ports(), pod(WEB));
            ports.calls.inject(call, fault.clone());
            let mut driver = driver(&ports);
            let handle = driver.handle();
            let begun = ports.clock.now();
            with(&ports, &mut driver, live(&ports, &handle, &web));
            let took = ports.clock.now() - begun;
            assert!(took < Duration::from_secs(600), "{call:?} {fault:?}: {took:?}");
            assert_eq!((left(&ports), ports.resources.prepared().len()), (0, 0), "{call:?} {fault:?}");
            assert!(ports.sink.deleted().contains_key("u1"), "{call:?} {fault:?}");
        }
    }
}

#[test]
fn a_call_that_hangs_keeps_no_other_pod_waiting() {
    let ports = ports();
    let spec = r#"{"containers": [{"name": "app", "image": "a:1"}]}"#;
    let names = ["one", "two", "three", "four", "five"];
    ports.calls.inject(Call::CreateContainer, CallFault::Hangs);
    let mut driver = driver(&ports);
    let handle = driver.handle();
    let runs = |pods: &Pods, name: &str| pods.phase(&name.into()) == Some(PodPhase::Running);
    with(&ports, &mut driver, async {
        handle.want(names.iter().map(|name| Uid::from(*name)).collect(), true);
        names.iter().for_each(|name| handle.offer(named(name, spec)));
        sleep(&ports.clock, 60).await;
        let running = handle.look(move |pods| names.iter().filter(|name| runs(pods, name)).count()).await;
        assert_eq!(running, Ok(4), "one waits for its answer");
        until(&ports, &handle, move |pods| names.iter().all(|name| runs(pods, name))).await;
        names.iter().for_each(|name| handle.remove((*name).into()));
        until(&ports, &handle, |pods| pods.uids().next().is_none()).await;
    });
    assert_eq!(left(&ports), 0);
}

#[test]
fn an_evicted_pod_says_why_and_whoever_asked_is_told() {
    let (ports, web) = (ports(), pod(WEB));
    let told = Arc::new(Mutex::new(Vec::new()));
    let watch = Arc::clone(&told);
    let mut driver = driver(&ports).watched(move |_, action| {
        if let PodsAction::Completed { notice, .. } = action {
            watch.lock().unwrap().push(notice.clone());
        }
    });
    let handle = driver.handle();
    with(&ports, &mut driver, async {
        handle.want([web.metadata.uid.clone()].into(), true);
        handle.offer(Arc::clone(&web));
        until(&ports, &handle, is_ready("u1")).await;
        let status =
            StatusOverride { reason: "Evicted".into(), message: "no memory".into(), ..Default::default() };
        let options = KillPodOptions {
            evict: true,
            grace_period_seconds_override: Some(3),
            status: Some(Arc::new(status)),
            completed: Some("the eviction manager".into()),
        };
        handle.kill(web.metadata.uid.clone(), options);
        until(&ports, &handle, |pods| pods.workers().should_pod_be_finished(&"u1".into())).await;
        sleep(&ports.clock, 1).await;
    });
    assert_eq!(*told.lock().unwrap(), ["the eviction manager".into()]);
    let status = ports.sink.status(&"u1".into()).unwrap();
    assert_eq!((status.phase, &*status.reason), (Some(PodPhase::Failed), "Evicted"));
    assert!(ports.sink.deleted().is_empty(), "the API server keeps it");
}

#[test]
fn a_pod_that_cannot_be_is_refused_and_goes_when_it_is_deleted() {
    let ports = ports();
    let twin = r#"{"containers": [{"name": "app", "image": "a:1"}]}"#;
    let mut odd = Pod::clone(&named("odd", twin));
    let mut spec = odd.spec.as_ref().clone();
    spec.containers.push(spec.containers[0].clone());
    odd.spec = Arc::new(spec);
    let odd = Arc::new(odd);
    let mut driver = driver(&ports);
    let handle = driver.handle();
    with(&ports, &mut driver, async {
        handle.want(["odd".into()].into(), true);
        handle.offer(Arc::clone(&odd));
        sleep(&ports.clock, 5).await;
        let status = ports.sink.status(&"odd".into()).unwrap();
        assert_eq!((status.phase, &*status.reason), (Some(PodPhase::Failed), "InvalidPodSpec"));
        handle.offer(deleted(&odd, ports.clock.now()));
        until(&ports, &handle, is_forgotten("odd")).await;
    });
    assert!(ports.sink.deleted().contains_key("odd"));
}

#[test]
fn a_pod_that_nobody_knows_is_stopped_with_the_grace_that_was_kept() {
    let ports = ports();
    let web = pod(WEB);
    let compiled = node_lifecycle::pod::CompiledPod::compile(&web, &Arc::default()).unwrap();
    let node = DriverSettings::default().node;
    let runtime = &ports.runtime;
    let proxy = compiled.index_of("proxy").unwrap();
    let made = ports.clock.run(async {
        let of_sandbox = pod_sandbox_config(&web, 0, &node);
        let sandbox = runtime.run_pod_sandbox(&of_sandbox, "").await.unwrap();
        node_lifecycle::runtime::ImageService::pull_image(runtime, &"p:1".into(), None, None).await.unwrap();
        let config = container_config(&web, &compiled, proxy, 0, "p:1", &node).unwrap();
        let made = runtime.create_container(&sandbox, &config, &of_sandbox).await.unwrap();
        runtime.start_container(&made).await.unwrap();
        made
    });
    made.unwrap();
    let mut driver = driver(&ports);
    let handle = driver.handle();
    with(&ports, &mut driver, async {
        handle.want(BTreeSet::new(), true);
        sleep(&ports.clock, 60).await;
    });
    assert_eq!(of(&ports, Call::RunHook), ["proxy"], "its hook was kept as well");
    assert_eq!(of(&ports, Call::ReleasePod), ["web"], "and its name");
    assert_eq!(left(&ports), 0);
    assert!(ports.sink.sent().is_empty(), "nobody hears of it");
}

#[test]
fn any_executor_will_do() {
    let (ports, web) = (ports(), pod(WEB));
    let mut driver = driver(&ports);
    let handle = driver.handle();
    let mut pool = LocalPool::new();
    let spawner = pool.spawner();
    spawner.spawn_local(async move { driver.run().await }).unwrap();
    let (clock, done) = (ports.clock.clone(), Arc::new(Mutex::new(false)));
    let is_done = Arc::clone(&done);
    spawner
        .spawn_local(async move {
            live(&ports, &handle, &web).await;
            handle.stop();
            *is_done.lock().unwrap() = true;
        })
        .unwrap();
    while !*done.lock().unwrap() {
        pool.run_until_stalled();
        assert!(*done.lock().unwrap() || clock.advance_to_next_timer().is_some(), "it has stalled");
    }
    pool.run();
}
