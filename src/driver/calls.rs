//! From actions to calls, and from what they answer to events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::images::ImagesHandle;
use super::limit::{answered, within};
use super::pulls::KnownImage;
use super::{Adjust, Answer, Core, DriverSettings, Ports};
use crate::api::{Pod, SandboxId, Uid};
use crate::container::{ContainerIndex, HookKind, KeptWithContainer, ProbeAnswer, ProberAction};
use crate::machine::Timestamp;
use crate::pod::{
    Action, CompiledPod, Event, Failure, LifecycleAction, LifecycleEvent, Outcome, PodsAction, PodsEvent,
    ProbesAction,
};
use crate::runtime::{
    ContainerFilter, POD_UID_LABEL, PodReference, PodSandboxConfig, ProbeRequest, RuntimeError, SinkError,
    StatusUpdate, container_config, done_if_gone, pod_sandbox_config,
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
    pub(super) images: ImagesHandle,
    pub(super) adjust: Option<Arc<Adjust>>,
    /// The attempts of its sandboxes.
    attempts: BTreeMap<SandboxId, u32>,
    /// What its containers are made from, by name, as far as that was said in this life of the agent.
    known_images: BTreeMap<Arc<str>, KnownImage>,
}

impl Core {
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
                    self.known_images.remove(&uid);
                    self.prefetched.remove(&uid);
                    self.images.pod_gone(uid);
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
            LifecycleAction::Pod(Action::EnsureImage { operation, container, image, .. }) => {
                if self.settings.prefetch_images && self.prefetched.insert(uid.clone()) {
                    self.prefetch(&uid, (container, image));
                }
                self.start_pull(uid, operation, (container, image));
            }
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
    pub(super) fn subject(&self, uid: &Uid) -> Option<Subject> {
        let worker = self.pods.lifecycle(uid)?.worker();
        let sandboxes = worker.observed().sandboxes();
        let pod_ip = sandboxes.first().and_then(|sandbox| sandbox.ip.as_deref()).unwrap_or_default();
        Some(Subject {
            ports: self.ports.clone(),
            settings: Arc::clone(&self.settings),
            pod: Arc::clone(self.pods.pod(uid)?),
            compiled: Arc::clone(worker.pod()),
            pod_ip: pod_ip.into(),
            images: self.images.clone(),
            adjust: self.adjust.clone(),
            known_images: self.known_images.get(uid).cloned().unwrap_or_default(),
            attempts: sandboxes.iter().map(|sandbox| (sandbox.id.clone(), sandbox.attempt)).collect(),
        })
    }

    fn start_operation(&self, uid: Uid, action: Action) {
        let (Some(operation), Some(subject)) = (action.operation(), self.subject(&uid)) else { return };
        self.calls.push(Box::pin(async move {
            let limit = limit_of(&action, &subject.settings);
            let outcome = within_limit(&subject, limit, subject.carry_out(action)).await;
            let outcome = outcome.unwrap_or_else(|failure| Outcome::Failed(Box::new(failure)));
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

/// What comes of a call within `limit`.
pub(super) async fn within_limit<T>(
    subject: &Subject,
    limit: Duration,
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let late = |limit| failed(&RuntimeError::DeadlineExceeded(limit));
    answered(&*subject.ports.clock, limit, late, call).await
}

/// How long an action may take.
fn limit_of(action: &Action, settings: &DriverSettings) -> Duration {
    match action {
        Action::RunPostStart { .. } => settings.patience,
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
            // Of a container that the spec does not have no hook is known; images have a way of their own.
            Action::RunPreStop { container: None, .. }
            | Action::EnsureImage { .. }
            | Action::Report { .. } => {}
        }
        Ok(Outcome::Done)
    }

    /// What sandbox number `attempt` is made from; the same whenever it is asked for.
    pub(super) async fn sandbox_config(&self, attempt: u32) -> Result<PodSandboxConfig, Failure> {
        let mut config = pod_sandbox_config(&self.pod, attempt, &self.settings.node);
        let generated = self.ports.resources.generate_sandbox_config(&self.pod, &mut config).await;
        generated.map_err(|error| failed(&error))?;
        Ok(config)
    }

    /// The handler of the pod's runtime class.
    pub(super) fn handler(&self) -> Result<&str, Failure> {
        let Some(class) = &self.pod.spec.runtime_class_name else { return Ok("") };
        let known = self.settings.runtime_handlers.get(class).map(String::as_str);
        known.ok_or_else(|| Failure {
            message: format!("runtime class {class}: the node has no handler of it").into(),
            ..Failure::default()
        })
    }

    /// That of the newest sandbox.
    pub(super) fn latest_attempt(&self) -> u32 {
        self.attempts.values().copied().max().unwrap_or(0)
    }

    async fn create_container(
        &self,
        container: ContainerIndex,
        sandbox: &SandboxId,
        attempt: u32,
    ) -> Result<Outcome, Failure> {
        let gone = || Failure { message: "the pod has no such container".into(), ..Failure::default() };
        let image = &self.compiled.container(container).ok_or_else(gone)?.image;
        let name = self.compiled.name_of(container);
        let image_ref = match self.known_images.get(name).filter(|known| known.image == *image) {
            Some(known) => Arc::clone(&known.image_ref),
            None => {
                let found = self.ports.images.image_status(&Arc::clone(image).into()).await;
                let found = found.map_err(|error| failed(&error))?;
                found.map_or_else(|| Arc::clone(image), |found| found.id)
            }
        };
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
