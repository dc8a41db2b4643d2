//! From actions to calls, and from what they answer to events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::limit::within;
use super::{Answer, Driver, DriverSettings, Ports};
use crate::api::{ImagePullPolicy, Pod, SandboxId, Uid};
use crate::container::{ContainerIndex, HookKind, KeptWithContainer, ProbeAnswer, ProberAction};
use crate::machine::Timestamp;
use crate::pod::{
    Action, CompiledPod, Event, Failure, LifecycleAction, LifecycleEvent, NeededImage, Outcome, PodsAction,
    PodsEvent, ProbesAction,
};
use crate::runtime::{
    ContainerFilter, ImageError, POD_UID_LABEL, PodReference, PodSandboxConfig, ProbeRequest, RuntimeError,
    SinkError, StatusUpdate, container_config, done_if_gone, pod_sandbox_config,
};

/// How much longer than its own time a probe or a hook may take before it is given up.
const SLACK: Duration = Duration::from_secs(1);

/// A pod as a call needs it.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) ports: Ports,
    pub(super) settings: Arc<DriverSettings>,
    pub(super) pod: Arc<Pod>,
    pub(super) compiled: Arc<CompiledPod>,
    /// Its first address, or nothing.
    pub(super) pod_ip: Arc<str>,
    /// The attempts of its sandboxes.
    attempts: BTreeMap<SandboxId, u32>,
}

impl Driver {
    /// Makes a call of everything that is asked for.
    pub(super) fn carry_out(&mut self, now: Timestamp) {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            if let Some(watch) = &mut self.watch {
                watch(now, &action);
            }
            match action {
                PodsAction::Pod { uid, action } => self.start(uid, action),
                PodsAction::ReadKept { operation, uid } => {
                    let of = uid.clone();
                    let kept = self.call(|runtime| Box::pin(async move { read_kept(&*runtime, &of).await }));
                    self.calls.push(Box::pin(async move {
                        let kept = kept.await.and_then(Result::ok);
                        Answer::Event(PodsEvent::Kept { operation, uid, kept })
                    }));
                }
                PodsAction::Forgotten { uid, .. } => {
                    self.offered.remove(&uid);
                }
                // These are for whoever watches.
                PodsAction::Refused { .. }
                | PodsAction::Completed { .. }
                | PodsAction::Finished { .. }
                | PodsAction::Note { .. } => {}
            }
        }
        self.actions = actions;
    }

    fn start(&mut self, uid: Uid, action: LifecycleAction) {
        match action {
            LifecycleAction::Pod(action) => self.start_operation(uid, action),
            LifecycleAction::Probe(probe) => self.start_probe(uid, probe),
            LifecycleAction::SendStatus { version, status } => {
                let Some(pod) = self.reference(&uid) else { return };
                let ports = self.ports.clone();
                let limit = self.settings.call_timeout;
                self.calls.push(Box::pin(async move {
                    let update = StatusUpdate { pod, version, status };
                    let sent = within(&*ports.clock, limit, ports.statuses.send_status(&update)).await;
                    // To a pod that is gone nothing more is sent.
                    let taken = matches!(sent, Some(Ok(()) | Err(SinkError::NotFound(_))));
                    let event = LifecycleEvent::StatusSent { version, taken };
                    Answer::Event(PodsEvent::Pod { uid, event })
                }));
            }
            LifecycleAction::DeletePod => {
                let Some(pod) = self.reference(&uid) else { return };
                let ports = self.ports.clone();
                let limit = self.settings.call_timeout;
                self.calls.push(Box::pin(async move {
                    let deleted = within(&*ports.clock, limit, ports.statuses.delete_pod(&pod)).await;
                    let gone = matches!(deleted, Some(Ok(()) | Err(SinkError::NotFound(_))));
                    let event = LifecycleEvent::PodDeleted { gone };
                    Answer::Event(PodsEvent::Pod { uid, event })
                }));
            }
        }
    }

    /// What the API server calls a pod: a static one is its mirror there.
    fn reference(&self, uid: &Uid) -> Option<PodReference> {
        let pod = self.pods.pod(uid)?;
        let of_api = if pod.is_static() { self.pods.mirror(uid)? } else { pod };
        Some(PodReference::from(&**of_api))
    }

    /// A pod as it is now.
    fn subject(&self, uid: &Uid) -> Option<Subject> {
        let worker = self.pods.lifecycle(uid)?.worker();
        let sandboxes = worker.observed().sandboxes();
        let pod_ip = sandboxes.first().and_then(|sandbox| sandbox.ip.as_deref()).unwrap_or_default();
        Some(Subject {
            ports: self.ports.clone(),
            settings: Arc::clone(&self.settings),
            pod: Arc::clone(self.pods.pod(uid)?),
            compiled: Arc::clone(worker.pod()),
            pod_ip: pod_ip.into(),
            attempts: sandboxes.iter().map(|sandbox| (sandbox.id.clone(), sandbox.attempt)).collect(),
        })
    }

    fn start_operation(&self, uid: Uid, action: Action) {
        let (Some(operation), Some(subject)) = (action.operation(), self.subject(&uid)) else { return };
        self.calls.push(Box::pin(async move {
            let limit = limit_of(&action, &subject.settings);
            let clock = Arc::clone(&subject.ports.clock);
            let outcome = match within(&*clock, limit, subject.carry_out(action)).await {
                Some(Ok(outcome)) => outcome,
                Some(Err(failure)) => Outcome::Failed(Box::new(failure)),
                None => Outcome::Failed(Box::new(failed(&RuntimeError::DeadlineExceeded(limit)))),
            };
            let event = LifecycleEvent::Pod(Event::Done { operation, outcome });
            Answer::Event(PodsEvent::Pod { uid, event })
        }));
    }

    fn start_probe(&self, uid: Uid, probe: ProbesAction) {
        let ProberAction::Attempt { operation, id, probe: kind, timeout, check } = probe.action else {
            return;
        };
        let Some(Subject { ports, pod, compiled, pod_ip, .. }) = self.subject(&uid) else { return };
        let container = compiled.name_of(probe.container).into();
        let pod = PodReference::from(&*pod);
        self.calls.push(Box::pin(async move {
            let request = ProbeRequest { pod, pod_ip, container, id, kind, check, timeout };
            let report = within(&*ports.clock, timeout + SLACK, ports.probes.probe(&request)).await;
            let answer = report.map_or(ProbeAnswer::Failure, |report| report.answer);
            let event = LifecycleEvent::Answered { operation, answer };
            Answer::Event(PodsEvent::Pod { uid, event })
        }));
    }
}

/// How long an action may take.
fn limit_of(action: &Action, settings: &DriverSettings) -> Duration {
    match action {
        Action::EnsureImage { .. } | Action::RunPostStart { .. } => settings.patience,
        Action::RunPreStop { timeout_seconds, .. } => Duration::from_secs(*timeout_seconds) + SLACK,
        Action::StopContainer { timeout_seconds, .. } => {
            Duration::from_secs(*timeout_seconds).saturating_add(settings.call_timeout)
        }
        _ => settings.call_timeout,
    }
}

/// What was kept with the containers of a pod.
async fn read_kept(
    runtime: &dyn crate::runtime::RuntimeService,
    uid: &Uid,
) -> Result<Vec<KeptWithContainer>, RuntimeError> {
    let label_selector = BTreeMap::from([(POD_UID_LABEL.to_owned(), uid.to_string())]);
    let filter = ContainerFilter { label_selector, ..ContainerFilter::default() };
    let listed = runtime.list_containers(&filter).await?;
    // What cannot be read counts as absent.
    let kept = listed.iter().map(|container| {
        let (kept, _) = KeptWithContainer::read(&container.labels, &container.annotations);
        kept
    });
    Ok(kept.collect())
}

/// What went wrong, as an outcome says it.
pub(super) fn failed<'a, E>(error: &'a E) -> Failure
where
    Failure: From<&'a E>,
{
    Failure::from(error)
}

impl Subject {
    async fn carry_out(&self, action: Action) -> Result<Outcome, Failure> {
        let Ports { runtime, resources, .. } = &self.ports;
        match action {
            Action::PrepareResources { .. } => {
                resources.prepare_pod(&self.pod).await.map_err(|error| failed(&error))?;
            }
            Action::ReleaseResources { .. } => {
                let pod = PodReference::from(&*self.pod);
                resources.release_pod(&pod).await.map_err(|error| failed(&error))?;
            }
            Action::CreateSandbox { attempt, .. } => {
                let config = self.sandbox_config(attempt).await?;
                let handler = self.handler()?;
                let made = runtime.run_pod_sandbox(&config, handler).await;
                return made.map(Outcome::SandboxCreated).map_err(|error| failed(&error));
            }
            Action::StopSandbox { sandbox, .. } => {
                done_if_gone(runtime.stop_pod_sandbox(&sandbox).await).map_err(|error| failed(&error))?;
            }
            Action::RemoveSandbox { sandbox, .. } => {
                done_if_gone(runtime.remove_pod_sandbox(&sandbox).await).map_err(|error| failed(&error))?;
            }
            Action::EnsureImage { container, image, .. } => self.ensure_image(container, image).await?,
            Action::CreateContainer { container, sandbox, attempt, .. } => {
                return self.create_container(container, &sandbox, attempt).await;
            }
            Action::StartContainer { id, .. } => {
                runtime.start_container(&id).await.map_err(|error| failed(&error))?;
            }
            Action::RunPostStart { container, id, .. } => {
                self.run_hook(container, id, HookKind::PostStart, None).await?;
            }
            Action::RunPreStop { container: Some(container), id, timeout_seconds, .. } => {
                let timeout = Some(Duration::from_secs(timeout_seconds));
                self.run_hook(container, id, HookKind::PreStop, timeout).await?;
            }
            Action::StopContainer { id, timeout_seconds, .. } => {
                let stopped = runtime.stop_container(&id, Duration::from_secs(timeout_seconds)).await;
                done_if_gone(stopped).map_err(|error| failed(&error))?;
            }
            Action::RemoveContainer { id, .. } => {
                done_if_gone(runtime.remove_container(&id).await).map_err(|error| failed(&error))?;
            }
            // Of a container that the spec does not have no hook is known.
            Action::RunPreStop { container: None, .. } | Action::Report { .. } => {}
        }
        Ok(Outcome::Done)
    }

    /// What sandbox number `attempt` is made from; the same whenever it is asked for.
    async fn sandbox_config(&self, attempt: u32) -> Result<PodSandboxConfig, Failure> {
        let mut config = pod_sandbox_config(&self.pod, attempt, &self.settings.node);
        let generated = self.ports.resources.generate_sandbox_config(&self.pod, &mut config).await;
        generated.map_err(|error| failed(&error))?;
        Ok(config)
    }

    /// The handler of the pod's runtime class.
    fn handler(&self) -> Result<&str, Failure> {
        let Some(class) = &self.pod.spec.runtime_class_name else { return Ok("") };
        let known = self.settings.runtime_handlers.get(class).map(String::as_str);
        known.ok_or_else(|| Failure {
            message: format!("runtime class {class}: the node has no handler of it").into(),
            ..Failure::default()
        })
    }

    /// Sees to it that an image is there, by its pull policy.
    async fn ensure_image(&self, container: ContainerIndex, which: NeededImage) -> Result<(), Failure> {
        let compiled = self.compiled.container(container);
        let Some((image, policy)) = compiled.and_then(|compiled| compiled.image(which)) else {
            return Ok(());
        };
        let images = &self.ports.images;
        let spec = Arc::clone(image).into();
        if policy != ImagePullPolicy::Always {
            // What a pull may take is not what asking for an image may take.
            let limit = self.settings.call_timeout;
            let known = within(&*self.ports.clock, limit, images.image_status(&spec)).await;
            let known = known.unwrap_or(Err(ImageError::DeadlineExceeded(limit)));
            let known =
                known.map_err(|error| Failure { reason: "ImageInspectError".into(), ..failed(&error) })?;
            if known.is_some() {
                return Ok(());
            }
        }
        if policy == ImagePullPolicy::Never {
            return Err(Failure {
                reason: "ErrImageNeverPull".into(),
                message: format!(r#"Container image "{image}" is not present with pull policy of Never"#)
                    .into(),
            });
        }
        // The pod travels with its pull, as what its sandbox is made from.
        let of_pod = self.sandbox_config(self.attempts.values().copied().max().unwrap_or(0)).await?;
        images.pull_image(&spec, None, Some(&of_pod)).await.map_err(|error| failed(&error))?;
        Ok(())
    }

    async fn create_container(
        &self,
        container: ContainerIndex,
        sandbox: &SandboxId,
        attempt: u32,
    ) -> Result<Outcome, Failure> {
        let gone = || Failure { message: "the pod has no such container".into(), ..Failure::default() };
        let image = &self.compiled.container(container).ok_or_else(gone)?.image;
        let found = self.ports.images.image_status(&Arc::clone(image).into()).await;
        let found = found.map_err(|error| failed(&error))?;
        let image_ref = found.map_or_else(|| Arc::clone(image), |found| found.id);
        let node = &self.settings.node;
        let config = container_config(&self.pod, &self.compiled, container, attempt, &image_ref, node);
        let mut config = config.ok_or_else(gone)?;
        let generated = self.ports.resources.generate_container_config(&self.pod, &mut config).await;
        generated.map_err(|error| failed(&error))?;
        let of_sandbox = self.sandbox_config(self.attempts.get(sandbox).copied().unwrap_or(0)).await?;
        let made = self.ports.runtime.create_container(sandbox, &config, &of_sandbox).await;
        made.map(Outcome::ContainerCreated).map_err(|error| failed(&error))
    }
}
