//! The runtime's calls: how long they take, what they do, what comes of them.

use std::sync::Arc;
use std::time::Duration;

use super::{Node, SimPod, What};
use crate::api::{ContainerId, ImagePullPolicy, SandboxId, SleepAction};
use crate::container::{ContainerIndex, ContainerRecord};
use crate::machine::OperationId;
use crate::pod::{Action, CompiledPod, Event, Failure, NeededImage, Outcome};
use crate::sim::{Fault, Hooks, Pull, Subject, TraceEvent};

/// A call on its way.
#[derive(Debug, Clone)]
pub(super) struct Effect {
    action: Action,
    fault: Option<Fault>,
    /// The pod as it was when the call was made.
    compiled: Arc<CompiledPod>,
}

impl Node {
    /// A call is made: after its latency it has its effect.
    pub(super) fn carry_out(&mut self, pod: u32, action: Action) {
        if let Action::Report { change } = action {
            self.report(pod, change);
            return;
        }
        self.trace_action(pod, &action);
        let fault = self.draw_fault(&Fault::OF_CALLS).map(|fault| match action {
            // Whoever pulls and runs hooks lives with the agent, and answers.
            Action::EnsureImage { .. } | Action::RunPostStart { .. } | Action::RunPreStop { .. }
                if fault == Fault::NeverAnswers =>
            {
                Fault::AnswersLate
            }
            _ => fault,
        });
        if let Some(fault) = fault {
            self.note(pod, |_| TraceEvent::Fault { fault });
        }
        let at = self.now + self.latency(pod, &action);
        let compiled = Arc::clone(&self.pods[pod as usize].compiled);
        self.schedule(at, pod, What::Effect(Box::new(Effect { action, fault, compiled })));
    }

    fn latency(&self, pod: u32, action: &Action) -> Duration {
        let (latencies, known) = (&self.config.latencies, &self.pods[pod as usize]);
        match action {
            Action::PrepareResources { .. } => latencies.prepare_resources,
            Action::ReleaseResources { .. } => latencies.release_resources,
            Action::CreateSandbox { .. } => latencies.create_sandbox,
            Action::StopSandbox { .. } => latencies.stop_sandbox,
            Action::RemoveSandbox { .. } => latencies.remove_sandbox,
            Action::EnsureImage { container, image, .. } => {
                if !self.has_to_pull(&known.compiled, *container, *image) {
                    return latencies.image_status;
                }
                let takes = self.pull_of(known, *container, *image).and_then(|pull| pull.takes);
                takes.map_or(latencies.pull, |takes| takes.0)
            }
            Action::CreateContainer { .. } => latencies.create,
            Action::StartContainer { .. } => latencies.start,
            Action::RunPostStart { container, .. } => known.hook(*container, true),
            Action::RunPreStop { container, timeout_seconds, .. } => {
                let takes = container.map_or(Duration::ZERO, |container| known.hook(container, false));
                takes.min(Duration::from_secs(*timeout_seconds))
            }
            Action::StopContainer { .. } => latencies.stop,
            Action::RemoveContainer { .. } => latencies.remove_sandbox,
            Action::Report { .. } => Duration::ZERO,
        }
    }

    fn has_to_pull(&self, pod: &CompiledPod, container: ContainerIndex, which: NeededImage) -> bool {
        let Some((image, policy)) = pod.container(container).and_then(|container| container.image(which))
        else {
            return false;
        };
        match policy {
            ImagePullPolicy::Always => true,
            ImagePullPolicy::IfNotPresent => !self.images.contains(image),
            ImagePullPolicy::Never => false,
        }
    }

    /// What the pulls of an image do. That of a volume behaves as a container of that image would.
    fn pull_of(&self, pod: &SimPod, container: ContainerIndex, which: NeededImage) -> Option<Pull> {
        if which == NeededImage::Container {
            return pod.cast.behaviors.get(container.at()).map(|behavior| behavior.pull.clone());
        }
        let known = pod.compiled.container(container)?;
        let (image, _) = known.image(which)?;
        let subject =
            Subject { pod: &pod.pod.metadata.name, container: &known.name, image, kind: known.kind };
        Some((self.config.behavior)(&subject).pull)
    }

    pub(super) fn take_effect(&mut self, pod: u32, Effect { action, fault, compiled }: Effect) {
        let Some(operation) = action.operation().filter(|operation| operation.epoch >= self.agent) else {
            return;
        };
        let works = fault != Some(Fault::Fails);
        let outcome =
            if works { self.work(pod, action, fault, &compiled) } else { Some(failed("injected fault")) };
        let Some(outcome) = outcome else { return };
        self.answer(pod, operation, outcome, fault, Duration::ZERO);
    }

    /// Hands over an outcome, unless it goes astray.
    fn answer(
        &mut self,
        pod: u32,
        operation: OperationId,
        outcome: Outcome,
        fault: Option<Fault>,
        after: Duration,
    ) {
        let at = self.now + after;
        match fault {
            Some(Fault::NeverAnswers | Fault::GetsLost) => {}
            Some(Fault::TimesOut) => {
                let outcome = failed("context deadline exceeded");
                self.schedule(at + Duration::from_secs(2), pod, What::Answer(operation, Box::new(outcome)));
            }
            Some(Fault::AnswersLate) => {
                self.schedule(at + Duration::from_secs(5), pod, What::Answer(operation, Box::new(outcome)));
            }
            Some(Fault::AnswersTwice) => {
                self.schedule(at, pod, What::Answer(operation, Box::new(outcome.clone())));
                self.schedule(at + Duration::from_secs(1), pod, What::Answer(operation, Box::new(outcome)));
            }
            Some(Fault::Fails) | None if after.is_zero() => {
                self.deliver_to_worker(pod, Event::Done { operation, outcome });
            }
            Some(Fault::Fails) | None => self.schedule(at, pod, What::Answer(operation, Box::new(outcome))),
        }
    }

    /// Does what a call does, for the pod as it was when the call was made; its outcome, or `None` when that
    /// comes later.
    fn work(
        &mut self,
        pod: u32,
        action: Action,
        fault: Option<Fault>,
        compiled: &CompiledPod,
    ) -> Option<Outcome> {
        let now = self.now;
        let known = &mut self.pods[pod as usize];
        Some(match action {
            Action::PrepareResources { .. } | Action::ReleaseResources { .. } => Outcome::Done,
            Action::CreateSandbox { attempt, .. } => {
                self.made += 1;
                let id = SandboxId::from(format!("s{}", self.made));
                let host_network = known.pod.spec.host_network;
                known.runtime.create_sandbox(id.clone(), attempt, host_network, now);
                self.note(pod, |_| TraceEvent::SandboxReady { attempt });
                Outcome::SandboxCreated(id)
            }
            Action::StopSandbox { sandbox, .. } => {
                for id in known.runtime.stop_sandbox(&sandbox) {
                    self.exit(pod, &id, 137, true);
                }
                Outcome::Done
            }
            Action::RemoveSandbox { sandbox, .. } => {
                known.runtime.remove_sandbox(&sandbox);
                Outcome::Done
            }
            Action::RemoveContainer { id, .. } => {
                known.runtime.instances.retain(|instance| instance.process.record.id != id);
                Outcome::Done
            }
            Action::EnsureImage { container, image, .. } => self.pull(pod, (container, image), compiled),
            Action::CreateContainer { sandbox, .. } if !known.runtime.is_ready(&sandbox) => {
                failed("sandbox container is not running")
            }
            Action::CreateContainer { container, sandbox, attempt, .. } => {
                self.made += 1;
                let id = ContainerId::from(format!("c{}", self.made));
                let SimPod { cast, runtime, .. } = known;
                runtime.create(compiled, cast, (id.clone(), container, attempt), sandbox, now);
                Outcome::ContainerCreated(id)
            }
            Action::StartContainer { id, .. } => return self.start(pod, &id),
            Action::RunPostStart { container, .. } => {
                let failed = known.hooks(container).post_start_fails;
                self.hook_ended(pod, Some(container), true, failed.then_some("the hook failed"))
            }
            Action::RunPreStop { container, timeout_seconds, .. } => {
                let hooks = container.map(|container| known.hooks(container)).unwrap_or_default();
                let takes = container.map_or(Duration::ZERO, |container| known.hook(container, false));
                let error = if takes > Duration::from_secs(timeout_seconds) {
                    Some("context deadline exceeded")
                } else {
                    hooks.pre_stop_fails.then_some("the hook failed")
                };
                self.hook_ended(pod, container, false, error)
            }
            Action::StopContainer { operation, id, timeout_seconds, .. } => {
                let end = known.runtime.instance(&id).filter(|instance| instance.process.record.is_running());
                let Some(instance) = end else { return Some(Outcome::Done) };
                instance.process.stop(now, Duration::from_secs(timeout_seconds));
                let end = instance.process.end.map_or(now, |(at, ..)| at);
                self.schedule(end, pod, What::End(id));
                // The call comes back when the container has stopped.
                let after = (end - now).max(Duration::from_nanos(1));
                self.answer(pod, operation, Outcome::Done, fault, after);
                return None;
            }
            Action::Report { .. } => return None,
        })
    }

    /// What comes of a hook, by the error that it ended with.
    fn hook_ended(
        &mut self,
        pod: u32,
        container: Option<ContainerIndex>,
        post_start: bool,
        error: Option<&str>,
    ) -> Outcome {
        let has_failed = error.is_some();
        if let Some(container) = container {
            self.note(pod, |known| {
                let container = known.name_of(container);
                if post_start {
                    TraceEvent::PostStarted { container, failed: has_failed }
                } else {
                    TraceEvent::PreStopped { container, failed: has_failed }
                }
            });
        }
        error.map_or(Outcome::Done, failed)
    }

    fn pull(
        &mut self,
        pod: u32,
        (container, which): (ContainerIndex, NeededImage),
        compiled: &CompiledPod,
    ) -> Outcome {
        let pulls = self.has_to_pull(compiled, container, which);
        let pull = self.pull_of(&self.pods[pod as usize], container, which);
        let image = compiled.container(container).and_then(|container| container.image(which));
        let (Some(pull), Some((image, policy))) = (pull, image) else { return Outcome::Done };
        let known = &mut self.pods[pod as usize];
        let Some(tries) = known.pulls.get_mut(container.at()) else { return Outcome::Done };
        let outcome = match &pull.fails {
            Some(message) if pulls && pull.times.is_none_or(|times| *tries < times) => {
                *tries = tries.saturating_add(1);
                failed(message)
            }
            _ if pulls => {
                self.images.insert(Arc::clone(image));
                Outcome::Done
            }
            _ if policy == ImagePullPolicy::Never && !self.images.contains(image) => {
                let message = format!("Container image \"{image}\" is not present with pull policy of Never");
                Outcome::Failed(Box::new(Failure {
                    reason: "ErrImageNeverPull".into(),
                    message: message.into(),
                }))
            }
            _ => Outcome::Done,
        };
        self.note(pod, |known| match &outcome {
            Outcome::Failed(failure) => TraceEvent::PullFailed {
                container: known.name_of(container),
                message: Arc::clone(&failure.message),
            },
            _ => TraceEvent::Pulled { container: known.name_of(container), already_present: !pulls },
        });
        outcome
    }

    /// Starts an instance: its end follows from its script.
    fn start(&mut self, pod: u32, id: &ContainerId) -> Option<Outcome> {
        let now = self.now;
        let known = &mut self.pods[pod as usize];
        let Some(instance) = known.runtime.instance(id) else {
            return Some(failed("no such container"));
        };
        let sandbox = instance.sandbox.clone();
        if !known.runtime.is_ready(&sandbox) {
            return Some(failed("sandbox container is not running"));
        }
        let instance = known.runtime.instance(id)?;
        instance.process.start(now);
        let (container, attempt, end) =
            (instance.container, instance.process.record.attempt, instance.process.end);
        known.told.forget(container);
        self.note(pod, |known| TraceEvent::Started { container: known.name_of(container), attempt });
        if let Some((at, ..)) = end {
            self.schedule(at, pod, What::End(id.clone()));
        }
        Some(Outcome::Done)
    }

    /// An instance ends, if it still is to end now.
    pub(super) fn end(&mut self, pod: u32, id: &ContainerId) {
        let now = self.now;
        let instance = self.pods[pod as usize].runtime.instance(id);
        let Some(instance) = instance.filter(|instance| instance.process.record.is_running()) else { return };
        match instance.process.end {
            Some((at, code, forced)) if at <= now => self.exit(pod, id, code, forced),
            _ => {}
        }
    }

    pub(super) fn exit(&mut self, pod: u32, id: &ContainerId, exit_code: i32, forced: bool) {
        let now = self.now;
        let Some(instance) = self.pods[pod as usize].runtime.instance(id) else { return };
        instance.process.exit(now, exit_code);
        let (container, record): (_, ContainerRecord) = (instance.container, instance.process.record.clone());
        self.note(pod, |known| TraceEvent::Exited { container: known.name_of(container), exit_code, forced });
        self.deliver_to_worker(pod, Event::Container(Box::new(record)));
    }
}

impl SimPod {
    pub(super) fn name_of(&self, index: ContainerIndex) -> Arc<str> {
        self.compiled.container(index).map(|container| Arc::clone(&container.name)).unwrap_or_default()
    }

    pub(super) fn image_of(&self, index: ContainerIndex, which: NeededImage) -> Arc<str> {
        let container = self.compiled.container(index);
        container
            .and_then(|container| container.image(which))
            .map(|(image, _)| Arc::clone(image))
            .unwrap_or_default()
    }

    fn hooks(&self, index: ContainerIndex) -> Hooks {
        self.cast.behaviors.get(index.at()).map(|behavior| behavior.hook).unwrap_or_default()
    }

    /// How long a hook takes: a `sleep` what the spec says, anything else what the behaviour says.
    fn hook(&self, index: ContainerIndex, post_start: bool) -> Duration {
        let spec = &self.pod.spec;
        let mut containers = spec.init_containers.iter().chain(&spec.containers);
        let container = containers.nth(index.at());
        let handler = container
            .and_then(|container| if post_start { container.post_start() } else { container.pre_stop() });
        if let Some(SleepAction { seconds }) = handler.and_then(|handler| handler.sleep) {
            return Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        }
        let hook = self.hooks(index);
        if post_start { hook.post_start.0 } else { hook.pre_stop.0 }
    }
}

fn failed(message: &str) -> Outcome {
    Outcome::Failed(Box::new(Failure { reason: Arc::default(), message: message.into() }))
}
