//! A pod's worker lives over the ports: every action is a call, every outcome goes back, and what the runtime
//! reports reads as what the worker made.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use node_lifecycle::api::{GoDuration, ImagePullPolicy, Pod, PodPhase};
use node_lifecycle::behaviour::Behaviour;
use node_lifecycle::machine::{Machine, OperationId, Timestamp};
use node_lifecycle::pod::{Action, Change, CompiledPod, Event, Failure, Outcome, Worker, WorkerSettings};
use node_lifecycle::runtime::{
    Clock, HookHandler, HookKind, HookRequest, HookRunner, ImageService, NodeSettings, PodPreparer,
    PodReference, RuntimeService, container_config, done_if_gone, pod_sandbox_config,
};
use node_lifecycle::sim::{Behavior, Call, CallFault, Latencies, MemoryPorts, MemorySettings, Script};

type Answer<'a> = Pin<Box<dyn Future<Output = (OperationId, Outcome)> + 'a>>;

/// The smallest driver there can be: of one pod, without statuses and probes.
struct Driver<'a> {
    ports: &'a MemoryPorts,
    pod: Arc<Pod>,
    compiled: Arc<CompiledPod>,
    worker: Worker,
    phases: Vec<(Duration, PodPhase)>,
}

impl Driver<'_> {
    /// Runs the pod until it is finished; it is deleted at a certain time.
    async fn run(&mut self, delete_at: Timestamp) {
        let (ports, pod, compiled) = (self.ports, Arc::clone(&self.pod), Arc::clone(&self.compiled));
        let clock = &ports.clock;
        let start = clock.now();
        let (mut calls, mut actions) = (FuturesUnordered::<Answer<'_>>::new(), Vec::new());
        let mut relist_at = start;
        let mut delete_at = Some(delete_at);
        while !self.worker.is_finished() {
            let now = clock.now();
            if relist_at <= now {
                let records = Box::new(ports.runtime.pod_records(&pod.metadata.uid).await.unwrap());
                self.worker.step(clock.now(), Event::Observed { at: now, records }, &mut actions);
                relist_at = now + Duration::from_secs(1);
            }
            if delete_at.take_if(|at| *at <= now).is_some() {
                self.worker.step(now, Event::Deleted { grace_seconds: None }, &mut actions);
            }
            self.worker.wake(now, &mut actions);
            for action in actions.drain(..) {
                match action {
                    Action::Report { change: Change::Phase(phase) } => self.phases.push((now - start, phase)),
                    Action::Report { .. } => {}
                    action => calls.push(Box::pin(carry_out(ports, &pod, &compiled, action))),
                }
            }
            let next = [Some(relist_at), delete_at, self.worker.next_wakeup()].into_iter().flatten().min();
            let sleep = clock.sleep_until(next.unwrap());
            let answered = match select(calls.next(), sleep).await {
                Either::Left((Some(answered), _)) => answered,
                Either::Left((None, sleep)) => {
                    sleep.await;
                    continue;
                }
                Either::Right(_) => continue,
            };
            let (operation, outcome) = answered;
            self.worker.step(clock.now(), Event::Done { operation, outcome }, &mut actions);
        }
    }
}

async fn carry_out(
    ports: &MemoryPorts,
    pod: &Arc<Pod>,
    compiled: &CompiledPod,
    action: Action,
) -> (OperationId, Outcome) {
    let operation = action.operation().unwrap();
    let outcome = call(ports, pod, compiled, action).await;
    (operation, outcome.unwrap_or_else(|failure| Outcome::Failed(Box::new(failure))))
}

async fn call(
    ports: &MemoryPorts,
    pod: &Arc<Pod>,
    compiled: &CompiledPod,
    action: Action,
) -> Result<Outcome, Failure> {
    let MemoryPorts { runtime, hooks, preparer, .. } = ports;
    let failed = |error| Failure::from(&error);
    let node = NodeSettings::default();
    let sandbox_config = |attempt| pod_sandbox_config(pod, attempt, &node);
    let hook = |container, id, kind, timeout| HookRequest {
        pod: PodReference::from(&**pod),
        pod_ip: String::new(),
        container: compiled.name_of(container).into(),
        id,
        kind,
        handler: HookHandler::Exec(Default::default()),
        timeout,
    };
    match action {
        Action::PrepareResources { .. } => {
            preparer.prepare_pod(pod).await.map(|()| Outcome::Done).map_err(|error| Failure::from(&error))
        }
        Action::ReleaseResources { .. } => {
            let released = preparer.release_pod(&PodReference::from(&**pod)).await;
            released.map(|()| Outcome::Done).map_err(|error| Failure::from(&error))
        }
        Action::CreateSandbox { attempt, .. } => {
            let mut config = sandbox_config(attempt);
            preparer
                .generate_sandbox_config(pod, &mut config)
                .await
                .map_err(|error| Failure::from(&error))?;
            runtime.run_pod_sandbox(&config, "").await.map(Outcome::SandboxCreated).map_err(failed)
        }
        Action::StopSandbox { sandbox, .. } => {
            done_if_gone(runtime.stop_pod_sandbox(&sandbox).await).map(|()| Outcome::Done).map_err(failed)
        }
        Action::RemoveSandbox { sandbox, .. } => {
            done_if_gone(runtime.remove_pod_sandbox(&sandbox).await).map(|()| Outcome::Done).map_err(failed)
        }
        Action::EnsureImage { container, .. } => {
            let container = compiled.container(container).unwrap();
            let image = Arc::clone(&container.image).into();
            let failed = |error| Failure::from(&error);
            let known = runtime.image_status(&image).await.map_err(failed)?;
            if known.is_none() || container.image_pull_policy == ImagePullPolicy::Always {
                runtime.pull_image(&image, None, None).await.map_err(failed)?;
            }
            Ok(Outcome::Done)
        }
        Action::CreateContainer { container, sandbox, attempt, .. } => {
            let image = &compiled.container(container).unwrap().image;
            let mut config = container_config(pod, compiled, container, attempt, image, &node).unwrap();
            let generated = preparer.generate_container_config(pod, &mut config).await;
            generated.map_err(|error| Failure::from(&error))?;
            let of_sandbox = runtime.pod_sandbox_status(&sandbox).await.map_err(failed)?;
            let of_sandbox = sandbox_config(of_sandbox.sandbox.metadata.attempt);
            let made = runtime.create_container(&sandbox, &config, &of_sandbox).await;
            made.map(Outcome::ContainerCreated).map_err(failed)
        }
        Action::StartContainer { id, .. } => {
            runtime.start_container(&id).await.map(|()| Outcome::Done).map_err(failed)
        }
        Action::RunPostStart { container, id, .. } => {
            let ran = hooks.run_hook(&hook(container, id, HookKind::PostStart, None)).await;
            ran.map(|()| Outcome::Done).map_err(|error| Failure::from(&error))
        }
        Action::RunPreStop { container, id, timeout_seconds, .. } => {
            let timeout = Some(Duration::from_secs(timeout_seconds));
            let ran = hooks.run_hook(&hook(container.unwrap(), id, HookKind::PreStop, timeout)).await;
            ran.map(|()| Outcome::Done).map_err(|error| Failure::from(&error))
        }
        Action::StopContainer { id, timeout_seconds, .. } => {
            let stopped = runtime.stop_container(&id, Duration::from_secs(timeout_seconds)).await;
            done_if_gone(stopped).map(|()| Outcome::Done).map_err(failed)
        }
        Action::RemoveContainer { id, .. } => {
            done_if_gone(runtime.remove_container(&id).await).map(|()| Outcome::Done).map_err(failed)
        }
        Action::Report { .. } => unreachable!("a report is no operation"),
    }
}

/// A pod with an init container, a sidecar with a hook, and an app; deleted after a minute.
fn live(ports: &MemoryPorts) -> Vec<(Duration, PodPhase)> {
    let json = r#"{"metadata": {"name": "web", "namespace": "default", "uid": "u1"}, "spec": {
        "initContainers": [
            {"name": "migrate", "image": "m:1"},
            {"name": "proxy", "image": "p:1", "restartPolicy": "Always",
             "lifecycle": {"preStop": {"exec": {"command": ["drain"]}}}}],
        "containers": [{"name": "app", "image": "a:1"}]}}"#;
    let pod = Arc::new(Pod::from_json(json).unwrap());
    let compiled = Arc::new(CompiledPod::compile(&pod, &Arc::new(Behaviour::default())).unwrap());
    let worker = Worker::new(&pod, Arc::clone(&compiled), WorkerSettings::default(), ports.clock.now());
    let mut driver = Driver { ports, pod, compiled, worker, phases: Vec::new() };
    let delete_at = ports.clock.now() + Duration::from_secs(60);
    ports.clock.run(driver.run(delete_at)).unwrap();
    driver.phases
}

fn ports() -> MemoryPorts {
    let slow = Script::Runs {
        starts_after: GoDuration::default(),
        ready_after: GoDuration::default(),
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

fn order(ports: &MemoryPorts, wanted: &[Call]) -> Vec<(Call, String)> {
    let made = ports.calls.made().into_iter().filter(|made| wanted.contains(&made.call));
    made.map(|made| (made.call, made.subject.to_string())).collect()
}

#[test]
fn a_pod_lives_and_dies_over_the_ports() {
    let ports = ports();
    let phases = live(&ports);
    let phases: Vec<_> = phases.into_iter().map(|(_, phase)| phase).collect();
    assert!(phases.contains(&PodPhase::Running), "{phases:?}");
    let created = order(&ports, &[Call::CreateContainer]);
    let created: Vec<_> = created.iter().map(|(_, name)| &**name).collect();
    assert_eq!(created, ["migrate", "proxy", "app"], "each once: what is reported is what was made");
    let stopped = order(&ports, &[Call::StopContainer, Call::RunHook]);
    assert_eq!(stopped.len(), 3, "one hook, and two stops: {stopped:?}");
    assert_eq!(stopped[0], (Call::RunHook, "proxy".to_owned()));
    let first_and_last = order(&ports, &[Call::PreparePod, Call::RunPodSandbox, Call::ReleasePod]);
    let first_and_last: Vec<_> = first_and_last.into_iter().map(|(call, _)| call).collect();
    assert_eq!(first_and_last, [Call::PreparePod, Call::RunPodSandbox, Call::ReleasePod]);
    let left = ports.clock.run(ports.runtime.pod_records(&"u1".into())).unwrap().unwrap();
    assert!(left.containers.iter().all(|record| !record.is_running()));
    assert_eq!(ports.preparer.prepared().len(), 0);
}

#[test]
fn a_pod_lives_and_dies_through_faults() {
    for fault in [
        CallFault::Fails("busy".into()),
        CallFault::LosesAnswer,
        CallFault::Hangs,
        CallFault::Delays(Duration::from_secs(30)),
    ] {
        for call in [
            Call::RunPodSandbox,
            Call::StopPodSandbox,
            Call::ImageStatus,
            Call::PullImage,
            Call::CreateContainer,
            Call::StartContainer,
            Call::StopContainer,
            Call::RunHook,
        ] {
            let ports = ports();
            ports.calls.inject(call, fault.clone());
            let begun = ports.clock.now();
            live(&ports);
            let took = ports.clock.now() - begun;
            assert!(took < Duration::from_secs(900), "{call:?} {fault:?}: {took:?}");
            let left = ports.clock.run(ports.runtime.pod_records(&"u1".into())).unwrap().unwrap();
            assert!(left.containers.iter().all(|record| !record.is_running()), "{call:?} {fault:?}");
        }
    }
}
