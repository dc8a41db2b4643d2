//! A container runtime in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;

use super::calls::{Call, Calls, Passage, Refusal};
use super::events::Events;
use super::lock;
use super::state::{Instance, State};
use crate::api::{ContainerId, SandboxId};
use crate::container::{RecordState, SandboxState};
use crate::machine::Timestamp;
use crate::runtime::{
    CALL_TIMEOUT, Clock, Container, ContainerConfig, ContainerEventResponse, ContainerFilter,
    ContainerResources, ContainerStatus, ExecSyncResponse, Image, LinuxContainerResources, PodSandbox,
    PodSandboxConfig, PodSandboxFilter, PodSandboxStatus, RuntimeCondition, RuntimeError, RuntimeHandler,
    RuntimeService, RuntimeStatus, Version,
};
use crate::sim::{Behavior, Latencies, Script, Subject};

/// How a container behaves: a function of the container.
pub type BehaviorOf = dyn Fn(&Subject<'_>) -> Behavior + Send + Sync;
/// What a command in a container comes to: a function of the container and the command.
pub type ExecOf = dyn Fn(&Subject<'_>, &[String]) -> ExecSyncResponse + Send + Sync;

/// What a runtime in memory is like.
#[derive(Clone)]
pub struct MemorySettings {
    /// How long its calls take; none by default. The other calls take no time.
    pub latencies: Latencies,
    /// How its containers behave. A container's kind and restart policy are known by its annotations; without
    /// them it is an app container that is always restarted.
    pub behavior: Arc<BehaviorOf>,
    /// What commands in its containers come to; exit code 0 by default.
    pub exec: Arc<ExecOf>,
    /// Whether it has a stream of events; containerd has none by default.
    pub container_events: bool,
    /// Whether pulls tell of their progress; by default they do not, as with containerd.
    pub pull_progress: bool,
    /// What an image takes that is pulled, in bytes; 10 MiB by default.
    pub image_size: u64,
}

impl Default for MemorySettings {
    fn default() -> Self {
        Self {
            latencies: Latencies::NONE,
            behavior: Arc::new(|_| Behavior::default()),
            exec: Arc::new(|_, _| ExecSyncResponse::default()),
            container_events: false,
            pull_progress: false,
            image_size: 10 << 20,
        }
    }
}

impl fmt::Debug for MemorySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySettings").field("latencies", &self.latencies).finish_non_exhaustive()
    }
}

/// A container runtime in memory: [`RuntimeService`] and [`ImageService`](crate::runtime::ImageService). A clone is
/// a handle to the same.
///
/// Containers follow the scripts of their [`Behavior`] in the time of the clock. It answers as containerd was
/// measured to: an unknown container is `NotFound`, an unknown sandbox counts as stopped and removed.
#[derive(Debug, Clone)]
pub struct MemoryRuntime {
    pub(super) calls: Calls,
    pub(super) settings: Arc<MemorySettings>,
    state: Arc<Mutex<State>>,
}

impl MemoryRuntime {
    /// One that has nothing yet.
    #[must_use]
    pub fn new(calls: &Calls, settings: MemorySettings) -> Self {
        Self { calls: calls.clone(), settings: Arc::new(settings), state: Arc::default() }
    }

    /// The process of a container ends by itself, now: with `OOMKilled`, say. Nothing when it does not run.
    pub fn exit(&self, id: &ContainerId, exit_code: i32, reason: &str) {
        self.with(|state, now| state.exit(id, now, exit_code, Some(reason)));
    }

    /// A sandbox dies, with what runs in it.
    pub fn kill_sandbox(&self, id: &SandboxId) {
        self.with(|state, now| state.stop_sandbox(id, now));
    }

    /// The runtime loses sight of a container: its state is unknown.
    pub fn lose(&self, id: &ContainerId) {
        self.with(|state, _| {
            if let Some(instance) = state.instances.get_mut(id) {
                instance.process.record.state = RecordState::Unknown;
                instance.process.end = None;
            }
        });
    }

    /// The runtime's network is not ready, for this reason, or is again.
    pub fn set_network_not_ready(&self, reason: Option<&str>) {
        self.with(|state, _| state.not_ready = reason.map(Arc::from));
    }

    /// Loads an image, as from a file.
    pub fn add_image(&self, image: Image) {
        self.with(|state, _| state.images.insert(Arc::clone(&image.id), image));
    }

    /// Removes an image, by whichever of its names, as a runtime does that collects its images itself. Whether it was
    /// there.
    pub fn collect_image(&self, name: &str) -> bool {
        self.with(|state, _| {
            let id = state.image(name).map(|image| Arc::clone(&image.id));
            id.is_some_and(|id| state.images.remove(&id).is_some())
        })
    }

    /// Does something with the state as of now.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = self.calls.clock.now();
        let (result, woken) = {
            let mut state = lock(&self.state);
            state.settle(now);
            let result = work(&mut state, now);
            (result, state.take_woken())
        };
        woken.into_iter().for_each(std::task::Waker::wake);
        result
    }

    /// Looks again with every change, and at the time that was named last, until there is an answer.
    pub(super) async fn wait_for<T>(
        &self,
        mut look: impl FnMut(&mut State, Timestamp) -> ControlFlow<T, Option<Timestamp>>,
    ) -> T {
        let mut sleep: Option<BoxFuture<'static, ()>> = None;
        poll_fn(move |context| {
            loop {
                let looked = self.with(|state, now| {
                    let looked = look(state, now);
                    if looked.is_continue() {
                        state.wait(context.waker());
                    }
                    looked
                });
                match looked {
                    ControlFlow::Break(answer) => return Poll::Ready(answer),
                    ControlFlow::Continue(at) => {
                        // The timer of the last look goes.
                        drop(std::mem::replace(&mut sleep, at.map(|at| self.calls.clock.sleep_until(at))));
                    }
                }
                let has_come = sleep.as_mut().is_some_and(|sleep| sleep.as_mut().poll(context).is_ready());
                if !has_come {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    async fn begin(&self, call: Call, subject: &str, takes: Duration) -> Result<Passage, Refusal> {
        self.calls.begin(call, subject, takes, Some(CALL_TIMEOUT)).await
    }
}

/// `Unknown`, in words like containerd's.
fn unknown(message: String) -> RuntimeError {
    RuntimeError::Unknown(message.into())
}

fn no_container(id: &ContainerId) -> RuntimeError {
    RuntimeError::NotFound(format!("an error occurred when try to find container \"{id}\"").into())
}

fn no_sandbox(id: &SandboxId) -> RuntimeError {
    RuntimeError::NotFound(format!("an error occurred when try to find sandbox \"{id}\"").into())
}

/// Whether all labels of a selector are there.
fn selected(selector: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    selector.iter().all(|(name, value)| labels.get(name) == Some(value))
}

#[async_trait]
impl RuntimeService for MemoryRuntime {
    async fn version(&self) -> Result<Version, RuntimeError> {
        let passage = self.begin(Call::Version, "", Duration::ZERO).await?;
        let version = Version {
            runtime_name: "memory".into(),
            runtime_version: env!("CARGO_PKG_VERSION").into(),
            runtime_api_version: "v1".into(),
        };
        passage.answer(Ok(version)).await
    }

    async fn status(&self) -> Result<RuntimeStatus, RuntimeError> {
        let passage = self.begin(Call::Status, "", Duration::ZERO).await?;
        let not_ready = self.with(|state, _| state.not_ready.clone());
        let condition = |type_: &str, reason: Option<&str>| RuntimeCondition {
            type_: type_.into(),
            status: reason.is_none(),
            reason: reason.unwrap_or_default().into(),
            message: String::new(),
        };
        let status = RuntimeStatus {
            conditions: vec![
                condition(RuntimeStatus::RUNTIME_READY, None),
                condition(RuntimeStatus::NETWORK_READY, not_ready.as_deref()),
            ],
            runtime_handlers: vec![RuntimeHandler::default()],
        };
        passage.answer(Ok(status)).await
    }

    async fn run_pod_sandbox(
        &self,
        config: &PodSandboxConfig,
        runtime_handler: &str,
    ) -> Result<SandboxId, RuntimeError> {
        let takes = self.settings.latencies.create_sandbox;
        let passage = self.begin(Call::RunPodSandbox, &config.metadata.name, takes).await?;
        let made = self.with(|state, now| {
            let wanted = &config.metadata;
            if wanted.name.is_empty() || wanted.uid.as_str().is_empty() {
                return Err(RuntimeError::InvalidArgument("sandbox config must include metadata".into()));
            }
            if !runtime_handler.is_empty() {
                return Err(unknown(format!("no runtime for \"{runtime_handler}\" is configured")));
            }
            if let Some(reason) = &state.not_ready {
                return Err(unknown(format!("failed to setup network for sandbox: {reason}")));
            }
            let taken = state.sandboxes.iter().find(|(_, sandbox)| sandbox.config.metadata == *wanted);
            if let Some((id, _)) = taken {
                let name = format!("{}_{}_{}_{}", wanted.name, wanted.namespace, wanted.uid, wanted.attempt);
                return Err(unknown(format!(
                    "failed to reserve sandbox name \"{name}\": name \"{name}\" is reserved for \"{id}\""
                )));
            }
            Ok(state.add_sandbox(config.clone(), runtime_handler.to_owned(), now))
        });
        passage.answer(made).await
    }

    async fn stop_pod_sandbox(&self, id: &SandboxId) -> Result<(), RuntimeError> {
        let passage =
            self.begin(Call::StopPodSandbox, id.as_str(), self.settings.latencies.stop_sandbox).await?;
        self.with(|state, now| state.stop_sandbox(id, now));
        passage.answer(Ok(())).await
    }

    async fn remove_pod_sandbox(&self, id: &SandboxId) -> Result<(), RuntimeError> {
        let takes = self.settings.latencies.remove_sandbox;
        let passage = self.begin(Call::RemovePodSandbox, id.as_str(), takes).await?;
        self.with(|state, now| state.remove_sandbox(id, now));
        passage.answer(Ok(())).await
    }

    async fn pod_sandbox_status(&self, id: &SandboxId) -> Result<PodSandboxStatus, RuntimeError> {
        let passage = self.begin(Call::PodSandboxStatus, id.as_str(), Duration::ZERO).await?;
        let status = self.with(|state, _| state.sandboxes.get(id).map(|sandbox| sandbox.status(id)));
        passage.answer(status.ok_or_else(|| no_sandbox(id))).await
    }

    async fn list_pod_sandbox(&self, filter: &PodSandboxFilter) -> Result<Vec<PodSandbox>, RuntimeError> {
        let passage = self.begin(Call::ListPodSandbox, "", Duration::ZERO).await?;
        let PodSandboxFilter { id: wanted, state: wanted_state, label_selector } = filter;
        let listed = self.with(|state, _| {
            let sandboxes = state.sandboxes.iter().filter(|(id, sandbox)| {
                wanted.as_ref().is_none_or(|wanted| *wanted == **id)
                    && wanted_state.is_none_or(|wanted| wanted == sandbox.state)
                    && selected(label_selector, &sandbox.config.labels)
            });
            sandboxes.map(|(id, sandbox)| sandbox.listed(id)).collect()
        });
        passage.answer(Ok(listed)).await
    }

    async fn create_container(
        &self,
        sandbox: &SandboxId,
        config: &ContainerConfig,
        sandbox_config: &PodSandboxConfig,
    ) -> Result<ContainerId, RuntimeError> {
        let takes = self.settings.latencies.create;
        let passage = self.begin(Call::CreateContainer, &config.metadata.name, takes).await?;
        let made = self.with(|state, now| {
            let wanted = &config.metadata;
            let Some(known) = state.sandboxes.get(sandbox) else { return Err(no_sandbox(sandbox)) };
            if known.state == SandboxState::NotReady {
                return Err(unknown(format!("sandbox \"{sandbox}\" is not running")));
            }
            if known.config.metadata != sandbox_config.metadata || wanted.name.is_empty() {
                let message = "container and sandbox config must include the metadata of the sandbox";
                return Err(RuntimeError::InvalidArgument(message.into()));
            }
            let mut instances = state.instances.iter();
            let taken =
                instances.find(|(_, known)| known.sandbox == *sandbox && known.config.metadata == *wanted);
            if let Some((id, _)) = taken {
                let name = format!("{}_{}", wanted.name, wanted.attempt);
                return Err(unknown(format!(
                    "failed to reserve container name \"{name}\": name \"{name}\" is reserved for \"{id}\""
                )));
            }
            let Some(image) = state.image(&config.image.image).cloned() else {
                let message = format!("failed to resolve image \"{}\"", config.image.image);
                return Err(RuntimeError::NotFound(message.into()));
            };
            let script = |subject: &Subject<'_>, policy| {
                let script = (self.settings.behavior)(subject).script;
                script.unwrap_or_else(|| Script::usual(subject.kind, policy))
            };
            Ok(state.add_instance(sandbox, (config.clone(), &image), script, now))
        });
        passage.answer(made).await
    }

    async fn start_container(&self, id: &ContainerId) -> Result<(), RuntimeError> {
        let passage = self.begin(Call::StartContainer, id.as_str(), self.settings.latencies.start).await?;
        let started = self.with(|state, now| {
            let Some(instance) = state.instances.get(id) else { return Err(no_container(id)) };
            if instance.process.record.state != RecordState::Created {
                return Err(unknown(format!("container \"{id}\" is not in created state")));
            }
            let sandbox = state.sandboxes.get(&instance.sandbox);
            if sandbox.is_none_or(|sandbox| sandbox.state == SandboxState::NotReady) {
                return Err(unknown(format!("sandbox container \"{}\" is not running", instance.sandbox)));
            }
            state.start(id, now);
            Ok(())
        });
        passage.answer(started).await
    }

    async fn stop_container(&self, id: &ContainerId, timeout: Duration) -> Result<(), RuntimeError> {
        let limit = CALL_TIMEOUT.saturating_add(timeout);
        let takes = self.settings.latencies.stop;
        let passage = self.calls.begin(Call::StopContainer, id.as_str(), takes, Some(limit)).await?;
        let told = self.with(|state, now| {
            let instance = state.instances.get_mut(id).ok_or_else(|| no_container(id))?;
            if instance.process.record.is_running() {
                instance.process.stop(now, timeout);
            }
            // Whoever waits for its end waits for another time now.
            state.shorten();
            state.settle(now);
            Ok(())
        });
        if told.is_ok() {
            self.wait_for(|state, _| match state.instances.get(id) {
                Some(Instance { process, .. }) if process.record.is_running() => {
                    ControlFlow::Continue(process.end.map(|(at, ..)| at))
                }
                _ => ControlFlow::Break(()),
            })
            .await;
        }
        passage.answer(told).await
    }

    async fn remove_container(&self, id: &ContainerId) -> Result<(), RuntimeError> {
        let takes = self.settings.latencies.remove_sandbox;
        let passage = self.begin(Call::RemoveContainer, id.as_str(), takes).await?;
        self.with(|state, now| state.remove(id, now));
        passage.answer(Ok(())).await
    }

    async fn list_containers(&self, filter: &ContainerFilter) -> Result<Vec<Container>, RuntimeError> {
        let passage = self.begin(Call::ListContainers, "", Duration::ZERO).await?;
        let ContainerFilter { id: wanted, state: wanted_state, pod_sandbox_id, label_selector } = filter;
        let listed = self.with(|state, _| {
            let listed = state.instances.values().map(Instance::listed).filter(|container| {
                wanted.as_ref().is_none_or(|wanted| *wanted == container.id)
                    && wanted_state.is_none_or(|wanted| wanted == container.state)
                    && pod_sandbox_id.as_ref().is_none_or(|wanted| *wanted == container.pod_sandbox_id)
                    && selected(label_selector, &container.labels)
            });
            listed.collect()
        });
        passage.answer(Ok(listed)).await
    }

    async fn container_status(&self, id: &ContainerId) -> Result<ContainerStatus, RuntimeError> {
        let passage = self.begin(Call::ContainerStatus, id.as_str(), Duration::ZERO).await?;
        let status = self.with(|state, _| state.instances.get(id).map(Instance::status));
        passage.answer(status.ok_or_else(|| no_container(id))).await
    }

    async fn update_container_resources(
        &self,
        id: &ContainerId,
        resources: &ContainerResources,
    ) -> Result<(), RuntimeError> {
        let passage = self.begin(Call::UpdateContainerResources, id.as_str(), Duration::ZERO).await?;
        let updated = self.with(|state, _| {
            let instance = state.instances.get_mut(id).ok_or_else(|| no_container(id))?;
            if !matches!(instance.process.record.state, RecordState::Created | RecordState::Running { .. }) {
                return Err(unknown(format!("container \"{id}\" is not running")));
            }
            update(&mut instance.resources.linux, &resources.linux);
            instance.resources.annotations.extend(resources.annotations.clone());
            Ok(())
        });
        passage.answer(updated).await
    }

    async fn exec_sync(
        &self,
        id: &ContainerId,
        command: &[String],
        timeout: Duration,
    ) -> Result<ExecSyncResponse, RuntimeError> {
        let limit = if timeout.is_zero() { None } else { Some(timeout) };
        let passage = self.calls.begin(Call::ExecSync, id.as_str(), Duration::ZERO, limit).await?;
        let ran = self.with(|state, _| {
            let instance = state.instances.get(id).ok_or_else(|| no_container(id))?;
            if instance.process.record.is_running() {
                Ok((self.settings.exec)(&instance.subject(), command))
            } else {
                Err(unknown(format!("container \"{id}\" is not running")))
            }
        });
        passage.answer(ran).await
    }

    async fn container_events(
        &self,
    ) -> Result<BoxStream<'static, Result<ContainerEventResponse, RuntimeError>>, RuntimeError> {
        let passage = self.begin(Call::GetContainerEvents, "", Duration::ZERO).await?;
        let events: Result<BoxStream<'static, _>, _> = if self.settings.container_events {
            Ok(Box::pin(Events::new(self.clone())))
        } else {
            Err(RuntimeError::Unimplemented("GetContainerEvents"))
        };
        passage.answer(events).await
    }
}

/// What is zero or empty stays as it is.
fn update(known: &mut LinuxContainerResources, new: &LinuxContainerResources) {
    let number = |known: &mut i64, new: i64| {
        if new != 0 {
            *known = new;
        }
    };
    number(&mut known.cpu_period, new.cpu_period);
    number(&mut known.cpu_quota, new.cpu_quota);
    number(&mut known.cpu_shares, new.cpu_shares);
    number(&mut known.memory_limit_in_bytes, new.memory_limit_in_bytes);
    number(&mut known.oom_score_adj, new.oom_score_adj);
    number(&mut known.memory_swap_limit_in_bytes, new.memory_swap_limit_in_bytes);
    for (known, new) in
        [(&mut known.cpuset_cpus, &new.cpuset_cpus), (&mut known.cpuset_mems, &new.cpuset_mems)]
    {
        if !new.is_empty() {
            known.clone_from(new);
        }
    }
    known.hugepage_limits.extend(new.hugepage_limits.clone());
    known.unified.extend(new.unified.clone());
}
