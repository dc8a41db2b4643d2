//! A pod's worker lives over the ports: every action is a call, every outcome goes back, and what the runtime
//! reports reads as what the worker made.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use node_lifecycle::api::{ContainerId, GoDuration, ImagePullPolicy, Pod, PodPhase};
use node_lifecycle::behaviour::Behaviour;
use node_lifecycle::container::{HookAction, HookKind, hook_action};
use node_lifecycle::machine::{Machine, OperationId, Timestamp};
use node_lifecycle::pod::{Action, Change, CompiledPod, Event, Failure, Outcome, Worker, WorkerSettings};
use node_lifecycle::runtime::{
    Clock, HookError, HookRequest, HookRunner, ImageService, NodeSettings, PodReference, PodResources,
    RuntimeService, container_config, done_if_gone, pod_sandbox_config,
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

/// What went wrong, as an outcome says it.
#[allow(clippy::needless_pass_by_value, reason = "this is what `map_err` takes")]
fn failed<E>(error: E) -> Failure
where
    for<'a> Failure: From<&'a E>,
{
    Failure::from(&error)
}

async fn call(
    ports: &MemoryPorts,
    pod: &Arc<Pod>,
    compiled: &CompiledPod,
    action: Action,
) -> Result<Outcome, Failure> {
    let MemoryPorts { runtime, resources, .. } = ports;
    let node = NodeSettings::default();
    let sandbox_config = |attempt| pod_sandbox_config(pod, attempt, &node);
    let hook =
        |container, id, kind, timeout| run_hook(ports, pod, compiled.name_of(container), id, kind, timeout);
    let done = |()| Outcome::Done;
    match action {
        Action::PrepareResources { .. } => resources.prepare_pod(pod).await.map(done).map_err(failed),
        Action::ReleaseResources { .. } => {
            let reference = PodReference::from(&**pod);
            resources.release_pod(&reference).await.map(done).map_err(failed)
        }
        Action::CreateSandbox { attempt, .. } => {
            let mut config = sandbox_config(attempt);
            let generated = resources.generate_sandbox_config(pod, &mut config).await;
            generated.map_err(failed)?;
            let made = runtime.run_pod_sandbox(&config, "").await;
            made.map(Outcome::SandboxCreated).map_err(failed)
        }
        Action::StopSandbox { sandbox, .. } => {
            let stopped = done_if_gone(runtime.stop_pod_sandbox(&sandbox).await);
            stopped.map(done).map_err(failed)
        }
        Action::RemoveSandbox { sandbox, .. } => {
            let removed = done_if_gone(runtime.remove_pod_sandbox(&sandbox).await);
            removed.map(done).map_err(failed)
        }
        Action::EnsureImage { container, .. } => {
            let container = compiled.container(container).unwrap();
            let image = Arc::clone(&container.image).into();
            let known = runtime.image_status(&image).await.map_err(failed)?;
            if known.is_none() || container.image_pull_policy == ImagePullPolicy::Always {
                runtime.pull_image(&image, None, None).await.map_err(failed)?;
            }
            Ok(Outcome::Done)
        }
        Action::CreateContainer { container, sandbox, attempt, .. } => {
            let image = &compiled.container(container).unwrap().image;
            let mut config = container_config(pod, compiled, container, attempt, image, &node).unwrap();
            let generated = resources.generate_container_config(pod, &mut config).await;
            generated.map_err(failed)?;
            let of_sandbox = runtime.pod_sandbox_status(&sandbox).await.map_err(failed)?;
            let of_sandbox = sandbox_config(of_sandbox.sandbox.metadata.attempt);
            let made = runtime.create_container(&sandbox, &config, &of_sandbox).await;
            made.map(Outcome::ContainerCreated).map_err(failed)
        }
        Action::StartContainer { id, .. } => runtime.start_container(&id).await.map(done).map_err(failed),
        Action::RunPostStart { container, id, .. } => {
            hook(container, id, HookKind::PostStart, None).await.map(done)
        }
        Action::RunPreStop { container, id, timeout_seconds, .. } => {
            let timeout = Some(Duration::from_secs(timeout_seconds));
            hook(container.unwrap(), id, HookKind::PreStop, timeout).await.map(done)
        }
        Action::StopContainer { id, timeout_seconds, .. } => {
            let stopped = runtime.stop_container(&id, Duration::from_secs(timeout_seconds)).await;
            done_if_gone(stopped).map(done).map_err(failed)
        }
        Action::RemoveContainer { id, .. } => {
            let removed = done_if_gone(runtime.remove_container(&id).await);
            removed.map(done).map_err(failed)
        }
        Action::Report { .. } => unreachable!("a report is no operation"),
    }
}

/// Runs a hook as the spec has it. A wait is waited for here; the rest is the runner's, and is asked once more in
/// the clear where that is what the server speaks.
async fn run_hook(
    ports: &MemoryPorts,
    pod: &Pod,
    container: &str,
    id: ContainerId,
    kind: HookKind,
    timeout: Option<Duration>,
) -> Result<(), Failure> {
    let containers = pod.spec.init_containers.iter().chain(&pod.spec.containers);
    let spec = containers.into_iter().find(|it| it.name == container).unwrap();
    let handler = match kind {
        HookKind::PostStart => spec.post_start(),
        HookKind::PreStop => spec.pre_stop(),
    };
    let action = hook_action(handler.unwrap(), container, &spec.ports);
    let call = match action.map_err(|error| failed(HookError::Invalid(error)))? {
        HookAction::Sleep(wait) => {
            let most = timeout.unwrap_or(Duration::MAX);
            ports.clock.sleep_until(ports.clock.now() + wait.min(most)).await;
            return if wait > most { Err(failed(HookError::DeadlineExceeded(most))) } else { Ok(()) };
        }
        HookAction::Call(call) => call,
    };
    let records = ports.runtime.pod_records(&pod.metadata.uid).await.map_err(failed)?;
    let pod_ip = records.sandboxes.first().and_then(|sandbox| sandbox.ip.as_deref()).unwrap_or_default();
    let request = HookRequest {
        pod: PodReference::from(pod),
        pod_ip: pod_ip.into(),
        container: container.into(),
        id,
        kind,
        call,
        timeout,
    };
    let mut ran = ports.hooks.run_hook(&request).await;
    if ran == Err(HookError::AnsweredInTheClear)
        && let Some(request) = request.in_the_clear()
    {
        ran = ports.hooks.run_hook(&request).await;
    }
    ran.map_err(failed)
}

/// A pod with an init container, a sidecar with a hook, and an app; deleted after a minute.
fn live(ports: &MemoryPorts) -> Vec<(Duration, PodPhase)> {
    let json = r#"{"metadata": {"name": "web", "namespace": "default", "uid": "u1"}, "spec": {
        "initContainers": [
            {"name": "migrate", "image": "m:1"},
            {"name": "proxy", "image": "p:1", "restartPolicy": "Always",
             "ports": [{"name": "admin", "containerPort": 8081}],
             "lifecycle": {"preStop": {"httpGet": {"path": "/drain", "port": "admin"}}}}],
        "containers": [{"name": "app", "image": "a:1",
             "lifecycle": {"postStart": {"exec": {"command": ["warm-up"]}}, "preStop": {"sleep": {"seconds": 5}}}}]}}"#;
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
    let stopped = order(&ports, &[Call::RunHook, Call::StopContainer]);
    let stopped: Vec<_> = stopped.iter().map(|(call, _)| *call).collect();
    assert_eq!(stopped, [Call::RunHook, Call::RunHook, Call::StopContainer, Call::StopContainer]);
    let hooks = order(&ports, &[Call::RunHook]);
    let hooks: Vec<_> = hooks.iter().map(|(_, name)| &**name).collect();
    assert_eq!(hooks, ["app", "proxy"], "the app's second hook is a wait, which is no call");
    let first_and_last = order(&ports, &[Call::PreparePod, Call::RunPodSandbox, Call::ReleasePod]);
    let first_and_last: Vec<_> = first_and_last.into_iter().map(|(call, _)| call).collect();
    assert_eq!(first_and_last, [Call::PreparePod, Call::RunPodSandbox, Call::ReleasePod]);
    let left = ports.clock.run(ports.runtime.pod_records(&"u1".into())).unwrap().unwrap();
    assert!(left.containers.iter().all(|record| !record.is_running()));
    assert_eq!(ports.resources.prepared().len(), 0);
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
