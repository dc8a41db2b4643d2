//! The simulated node.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use super::runtime::{Cast, Runtime, probe_results};
use super::{Config, Fault, Pull, Subject, TraceEntry, TraceEvent};
use crate::api::{ContainerId, ImagePullPolicy, Pod, PodPhase, SandboxId, SleepAction, Uid};
use crate::container::{ContainerIndex, ContainerRecord, ProbeKind, ProbeResult};
use crate::machine::{Machine, OperationId, RestoreError, Snapshots, Timestamp};
use crate::pod::{
    Action, Change, CompileError, CompiledPod, Event, Failure, NeededImage, Outcome, Verdict, Worker,
};

/// A deterministic node in virtual time. See the [module](super) for an example.
#[derive(Debug, Clone)]
pub struct Node {
    config: Config,
    now: Timestamp,
    pods: Vec<SimPod>,
    /// Places in `pods` whose pod is gone.
    free: Vec<u32>,
    added: u64,
    /// Counts the lives of the agent.
    epoch: u32,
    by_uid: BTreeMap<Uid, u32>,
    queue: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
    made: u64,
    rng: SplitMix64,
    images: BTreeSet<Arc<str>>,
    changes: Vec<StatusChange>,
    trace: Vec<TraceEntry>,
    actions: Vec<Action>,
    at_this_instant: u32,
}

/// Something that looks different from outside, as it is told to whoever listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChange {
    /// When.
    pub at: Timestamp,
    /// Of which pod.
    pub uid: Uid,
    /// What.
    pub change: Change,
}

/// Time does not go on: the node does one thing after another at the same instant. Zero latencies together
/// with a zero retry period can do that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("time stands still at {at}: {events} events in a row; give retries or calls a time that is not zero")]
pub struct Livelock {
    /// When.
    pub at: Timestamp,
    /// How many events there were.
    pub events: u32,
}

#[derive(Debug, Clone)]
struct SimPod {
    /// Counts the pods that have had this place: events for an earlier one are void.
    life: u32,
    pod: Pod,
    name: Arc<str>,
    compiled: Arc<CompiledPod>,
    worker: Worker,
    runtime: Runtime,
    cast: Cast,
    pulls: Vec<u32>,
    /// The wake-up that is in the queue.
    wakeup: Option<Timestamp>,
    relists: bool,
}

#[derive(Debug, Clone)]
struct Scheduled {
    at: Timestamp,
    /// Ties go in the order in which they were scheduled.
    number: u64,
    pod: u32,
    life: u32,
    what: What,
}

/// What happens next.
#[derive(Debug, Clone)]
enum What {
    /// A machine's timer.
    Wake,
    /// A call has its effect; `answers` says how its outcome comes.
    Effect(Box<Effect>),
    /// An outcome is handed over.
    Answer(OperationId, Box<Outcome>),
    /// An instance ends, if it still ends now.
    End(ContainerId),
    /// A probe of an instance comes to a result.
    Probe(ContainerId, ProbeKind, ProbeResult),
    /// The runtime is asked for everything.
    Relist,
}

#[derive(Debug, Clone)]
struct Effect {
    action: Action,
    fault: Option<Fault>,
    /// The pod as it was when the call was made.
    compiled: Arc<CompiledPod>,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl Node {
    /// How many events at one instant count as a [`Livelock`].
    pub const MAX_EVENTS_AT_ONE_INSTANT: u32 = 10_000_000;

    /// A node without pods.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            now: config.start,
            rng: SplitMix64::seed_from_u64(config.seed),
            config,
            pods: Vec::new(),
            free: Vec::new(),
            added: 0,
            epoch: 0,
            by_uid: BTreeMap::new(),
            queue: BinaryHeap::new(),
            scheduled: 0,
            made: 0,
            images: BTreeSet::new(),
            changes: Vec::new(),
            trace: Vec::new(),
            actions: Vec::new(),
            at_this_instant: 0,
        }
    }

    /// What time it is.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// When the next thing happens, if anything does.
    #[must_use]
    pub fn next_event(&self) -> Option<Timestamp> {
        self.queue.peek().map(|Reverse(next)| next.at)
    }

    /// Gives the node a pod. Without a UID it gets one. A UID that the node has had before and that is gone
    /// begins a new life; one that is still here is an [`update`](Self::update).
    ///
    /// # Errors
    /// [`CompileError`] when the pod cannot be run.
    pub fn add(&mut self, mut pod: Pod) -> Result<Uid, CompileError> {
        if pod.metadata.uid.as_str().is_empty() {
            pod.metadata.uid = Uid::from(format!("sim-{}", self.added));
        }
        let uid = pod.metadata.uid.clone();
        if self.by_uid.contains_key(&uid) {
            self.update(pod)?;
            return Ok(uid);
        }
        let compiled = Arc::new(CompiledPod::compile(&pod, &self.config.behaviour)?);
        let worker = Worker::new(&pod, Arc::clone(&compiled), self.config.settings, self.now);
        let cast = Cast::new(&self.config, &pod, &compiled);
        let name = Arc::from(format!("{}/{}", pod.metadata.namespace, pod.metadata.name));
        let pulls = vec![0; compiled.containers().len()];
        let runtime = Runtime::default();
        let relists = false;
        let wakeup = None;
        let new = SimPod { life: 0, pod, name, compiled, worker, runtime, cast, pulls, wakeup, relists };
        let index = self.place(new);
        self.by_uid.insert(uid.clone(), index);
        self.note(index, |_| TraceEvent::PodAdded);
        self.relist(index);
        Ok(uid)
    }

    fn place(&mut self, mut new: SimPod) -> u32 {
        self.added += 1;
        if let Some(index) = self.free.pop() {
            let old = &mut self.pods[index as usize];
            new.life = old.life.wrapping_add(1);
            *old = new;
            return index;
        }
        self.pods.push(new);
        u32::try_from(self.pods.len() - 1).unwrap_or(u32::MAX)
    }

    /// Gives a pod another spec. One that the node does not have is passed over.
    ///
    /// # Errors
    /// [`CompileError`] when the new spec cannot be run; the old one stays.
    pub fn update(&mut self, pod: Pod) -> Result<(), CompileError> {
        let Some(index) = self.by_uid.get(&pod.metadata.uid).copied() else { return Ok(()) };
        let compiled = Arc::new(CompiledPod::compile(&pod, &self.config.behaviour)?);
        let known = &mut self.pods[index as usize];
        known.cast = Cast::new(&self.config, &pod, &compiled);
        known.pulls.resize(compiled.containers().len(), 0);
        known.compiled = Arc::clone(&compiled);
        known.pod = pod;
        self.deliver(index, Event::Updated(compiled));
        Ok(())
    }

    /// Begins the deletion of a pod, with seconds of grace or its own. Says whether the node has it.
    pub fn delete(&mut self, uid: &Uid, grace_seconds: Option<i64>) -> bool {
        let Some(index) = self.by_uid.get(uid).copied() else { return false };
        self.note(index, |_| TraceEvent::PodDeleted { grace_seconds });
        self.deliver(index, Event::Deleted { grace_seconds });
        true
    }

    /// Decides that a pod has to fail: it is evicted, preempted, not admitted. Says whether the node has it.
    pub fn judge(&mut self, uid: &Uid, verdict: Verdict) -> bool {
        let Some(index) = self.by_uid.get(uid).copied() else { return false };
        self.note(index, |_| TraceEvent::PodJudged { reason: Arc::clone(&verdict.reason) });
        self.deliver(index, Event::Verdict(Box::new(verdict)));
        true
    }

    /// The newest sandbox of a pod dies, and with it what runs in it. Says whether there was one.
    pub fn kill_sandbox(&mut self, uid: &Uid) -> bool {
        let Some(index) = self.by_uid.get(uid).copied() else { return false };
        let runtime = &mut self.pods[index as usize].runtime;
        let Some(id) = runtime.sandboxes.last().map(|newest| newest.id.clone()) else { return false };
        let killed = runtime.stop_sandbox(&id);
        let dead = runtime.sandboxes.last().cloned();
        self.note(index, |_| TraceEvent::SandboxDied);
        for id in killed {
            self.exit(index, &id, 137, true);
        }
        if let Some(dead) = dead {
            self.deliver(index, Event::Sandbox(Box::new(dead)));
        }
        true
    }

    /// The runtime loses all that it has of a pod, or the ended instances of one container, as when someone
    /// removes them by hand; the agent sees it when it asks. Says whether the node has the pod.
    pub fn lose_records(&mut self, uid: &Uid, container: Option<&str>) -> bool {
        let Some(index) = self.by_uid.get(uid).copied() else { return false };
        let runtime = &mut self.pods[index as usize].runtime;
        match container {
            None => *runtime = Runtime::default(),
            Some(name) => runtime.instances.retain(|instance| {
                *instance.process.record.name != *name || instance.process.record.exit().is_none()
            }),
        }
        self.note(index, |_| TraceEvent::RecordsLost);
        self.relist(index);
        true
    }

    /// Restarts the node's agent: every machine is stored and taken up again, calls in flight are forgotten,
    /// and the runtime is asked for everything. The containers run on.
    ///
    /// # Errors
    /// [`RestoreError`] when a machine cannot be taken up again, which would be a fault of this library.
    pub fn restart_agent(&mut self) -> Result<(), RestoreError> {
        self.epoch += 1;
        let indices: Vec<u32> = self.by_uid.values().copied().collect();
        for index in indices {
            self.note(index, |_| TraceEvent::AgentRestarted);
            let known = &mut self.pods[index as usize];
            let environment = (Arc::clone(&known.compiled), self.config.settings);
            known.worker = Worker::restore(known.worker.snapshot(), environment, self.now)?;
            self.deliver(index, Event::AgentStarted { epoch: self.epoch });
            self.relist(index);
        }
        Ok(())
    }

    /// Lets things happen until `until`, which it is then.
    ///
    /// # Errors
    /// [`Livelock`] when time does not go on.
    pub fn run_until(&mut self, until: Timestamp) -> Result<(), Livelock> {
        while self.next_event().is_some_and(|at| at <= until) {
            self.step()?;
        }
        self.now = self.now.max(until);
        Ok(())
    }

    /// Lets the next thing happen; says whether there was one.
    ///
    /// # Errors
    /// [`Livelock`] when time does not go on.
    pub fn step(&mut self) -> Result<bool, Livelock> {
        let Some(Reverse(next)) = self.queue.pop() else { return Ok(false) };
        if next.at > self.now {
            self.now = next.at;
            self.at_this_instant = 0;
        }
        self.at_this_instant += 1;
        if self.at_this_instant > Self::MAX_EVENTS_AT_ONE_INSTANT {
            return Err(Livelock { at: self.now, events: self.at_this_instant });
        }
        if self.pods[next.pod as usize].life == next.life {
            self.happen(next.pod, next.what);
        }
        Ok(true)
    }

    /// The phase of a pod; `None` when the node does not have it or it is gone.
    #[must_use]
    pub fn phase(&self, uid: &Uid) -> Option<PodPhase> {
        self.worker(uid).map(Worker::phase)
    }

    /// The machine of a pod; `None` when the node does not have it or it is gone.
    #[must_use]
    pub fn worker(&self, uid: &Uid) -> Option<&Worker> {
        let index = *self.by_uid.get(uid)?;
        Some(&self.pods[index as usize].worker)
    }

    /// Takes what has changed since the last time, oldest first.
    pub fn take_changes(&mut self) -> Vec<StatusChange> {
        std::mem::take(&mut self.changes)
    }

    /// Takes the trace since the last time, oldest first. It is kept only where the configuration asks for
    /// it.
    pub fn take_trace(&mut self) -> Vec<TraceEntry> {
        std::mem::take(&mut self.trace)
    }

    fn happen(&mut self, pod: u32, what: What) {
        let now = self.now;
        match what {
            What::Wake => {
                let known = &mut self.pods[pod as usize];
                known.wakeup = None;
                known.worker.wake(now, &mut self.actions);
                self.after_step(pod);
            }
            What::Effect(effect) => self.take_effect(pod, *effect),
            What::Answer(operation, outcome) => {
                self.deliver(pod, Event::Done { operation, outcome: *outcome });
            }
            What::End(id) => self.end(pod, &id),
            What::Probe(id, probe, result) => {
                let runs = self.pods[pod as usize].runtime.instance(&id);
                if runs.is_some_and(|instance| instance.process.record.is_running()) {
                    self.deliver(pod, Event::Probed { id, probe, result });
                }
            }
            What::Relist => {
                self.pods[pod as usize].relists = false;
                self.relist(pod);
            }
        }
    }

    fn deliver(&mut self, pod: u32, event: Event) {
        let known = &mut self.pods[pod as usize];
        known.worker.step(self.now, event, &mut self.actions);
        self.after_step(pod);
    }

    /// Carries out what the machine asked for, and sets its timer.
    fn after_step(&mut self, pod: u32) {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            self.carry_out(pod, action);
        }
        self.actions = actions;
        let known = &mut self.pods[pod as usize];
        let wakeup = known.worker.next_wakeup();
        if let Some(at) = wakeup
            && known.wakeup.is_none_or(|scheduled| at < scheduled)
        {
            known.wakeup = Some(at);
            self.schedule(at, pod, What::Wake);
        }
    }

    fn schedule(&mut self, at: Timestamp, pod: u32, what: What) {
        self.scheduled += 1;
        let (at, number, life) = (at.max(self.now), self.scheduled, self.pods[pod as usize].life);
        self.queue.push(Reverse(Scheduled { at, number, pod, life, what }));
    }

    /// Asks the runtime for everything, and again after a while if an answer can go astray.
    fn relist(&mut self, pod: u32) {
        let known = &mut self.pods[pod as usize];
        let records = Box::new(known.runtime.report());
        let at = self.now;
        self.deliver(pod, Event::Observed { at, records });
        let known = &mut self.pods[pod as usize];
        let can_go_astray = self.config.faults.per_mille > 0 || self.epoch > 0;
        if can_go_astray && !known.relists && !known.worker.is_finished() {
            known.relists = true;
            self.schedule(self.now + self.config.relist, pod, What::Relist);
        }
    }

    /// A call is made: after its latency it has its effect.
    fn carry_out(&mut self, pod: u32, action: Action) {
        if let Action::Report { change } = action {
            self.report(pod, change);
            return;
        }
        self.trace_action(pod, &action);
        let fault = self.draw_fault().map(|fault| match action {
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

    fn report(&mut self, pod: u32, change: Change) {
        let known = &self.pods[pod as usize];
        let uid = known.pod.metadata.uid.clone();
        if change == Change::Finished && self.by_uid.remove(&uid).is_some() {
            self.free.push(pod);
        }
        self.note(pod, |known| match change {
            Change::Phase(phase) => TraceEvent::Phase { phase },
            Change::Container { container, view } => {
                TraceEvent::Container { container: known.name_of(container), view }
            }
            Change::Note(note) => TraceEvent::Note { note },
            Change::AllContainersRestarting(restarting) => TraceEvent::AllContainersRestarting { restarting },
            Change::Terminated => TraceEvent::PodTerminated,
            Change::Finished => TraceEvent::PodFinished,
        });
        self.changes.push(StatusChange { at: self.now, uid, change });
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

    fn take_effect(&mut self, pod: u32, Effect { action, fault, compiled }: Effect) {
        let Some(operation) = action.operation() else { return };
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
            Some(Fault::NeverAnswers) => {}
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
                self.deliver(pod, Event::Done { operation, outcome });
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
            Action::CreateContainer { container, sandbox, attempt, .. } => {
                self.made += 1;
                let id = ContainerId::from(format!("c{}", self.made));
                let SimPod { cast, runtime, .. } = known;
                runtime.create(compiled, cast, (id.clone(), container, attempt), sandbox, now);
                Outcome::ContainerCreated(id)
            }
            Action::StartContainer { id, .. } => return self.start(pod, &id),
            Action::RunPostStart { container, .. } => {
                let behavior = known.cast.behaviors.get(container.at());
                if behavior.is_some_and(|behavior| behavior.hook.post_start_fails) {
                    failed("the hook failed")
                } else {
                    Outcome::Done
                }
            }
            Action::RunPreStop { container, .. } => {
                if let Some(container) = container {
                    self.note(pod, |known| TraceEvent::PreStopped { container: known.name_of(container) });
                }
                Outcome::Done
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

    /// Starts an instance: its end and its probes follow from its script.
    fn start(&mut self, pod: u32, id: &ContainerId) -> Option<Outcome> {
        let now = self.now;
        let known = &mut self.pods[pod as usize];
        let Some(instance) = known.runtime.instance(id) else {
            return Some(failed("no such container"));
        };
        instance.process.start(now);
        let (container, script, attempt, end) = (
            instance.container,
            instance.process.script,
            instance.process.record.attempt,
            instance.process.end,
        );
        let probes = probe_results(&known.pod, &known.compiled, container, script);
        self.note(pod, |known| TraceEvent::Started { container: known.name_of(container), attempt });
        if let Some((at, ..)) = end {
            self.schedule(at, pod, What::End(id.clone()));
        }
        for (after, probe, result) in probes {
            self.schedule(now + after, pod, What::Probe(id.clone(), probe, result));
        }
        Some(Outcome::Done)
    }

    /// An instance ends, if it still is to end now.
    fn end(&mut self, pod: u32, id: &ContainerId) {
        let now = self.now;
        let instance = self.pods[pod as usize].runtime.instance(id);
        let Some(instance) = instance.filter(|instance| instance.process.record.is_running()) else { return };
        match instance.process.end {
            Some((at, code, forced)) if at <= now => self.exit(pod, id, code, forced),
            _ => {}
        }
    }

    fn exit(&mut self, pod: u32, id: &ContainerId, exit_code: i32, forced: bool) {
        let now = self.now;
        let Some(instance) = self.pods[pod as usize].runtime.instance(id) else { return };
        instance.process.exit(now, exit_code);
        let (container, record): (_, ContainerRecord) = (instance.container, instance.process.record.clone());
        self.note(pod, |known| TraceEvent::Exited { container: known.name_of(container), exit_code, forced });
        self.deliver(pod, Event::Container(Box::new(record)));
    }

    fn draw_fault(&mut self) -> Option<Fault> {
        let per_mille = u64::from(self.config.faults.per_mille);
        if per_mille == 0 || self.rng.next_u64() % 1000 >= per_mille {
            return None;
        }
        Some(match self.rng.next_u64() % 5 {
            0 => Fault::Fails,
            1 => Fault::TimesOut,
            2 => Fault::AnswersLate,
            3 => Fault::AnswersTwice,
            _ => Fault::NeverAnswers,
        })
    }

    fn note(&mut self, pod: u32, event: impl FnOnce(&SimPod) -> TraceEvent) {
        if self.config.trace {
            let known = &self.pods[pod as usize];
            let (at, name, event) = (self.now, Arc::clone(&known.name), event(known));
            self.trace.push(TraceEntry { at, pod: name, event });
        }
    }

    fn trace_action(&mut self, pod: u32, action: &Action) {
        self.note(pod, |known| {
            let name = |container: &ContainerIndex| known.name_of(*container);
            let name_if = |container: &Option<ContainerIndex>| container.map(|index| known.name_of(index));
            match action {
                Action::PrepareResources { .. } => TraceEvent::PreparingResources,
                Action::ReleaseResources { .. } => TraceEvent::ReleasingResources,
                Action::CreateSandbox { attempt, .. } => TraceEvent::CreatingSandbox { attempt: *attempt },
                Action::StopSandbox { reason, .. } => TraceEvent::StoppingSandbox { reason: *reason },
                Action::RemoveSandbox { .. } => TraceEvent::RemovingSandbox,
                Action::EnsureImage { container, image, reason, .. } => TraceEvent::Pulling {
                    container: name(container),
                    image: known.image_of(*container, *image),
                    reason: *reason,
                },
                Action::CreateContainer { container, attempt, .. } => {
                    TraceEvent::Creating { container: name(container), attempt: *attempt }
                }
                Action::StartContainer { container, .. } => {
                    TraceEvent::Starting { container: name(container) }
                }
                Action::RunPostStart { container, .. } => {
                    TraceEvent::PostStart { container: name(container) }
                }
                Action::RunPreStop { container, timeout_seconds, .. } => TraceEvent::PreStop {
                    container: name_if(container).unwrap_or_default(),
                    timeout_seconds: *timeout_seconds,
                },
                Action::StopContainer { container, timeout_seconds, .. } => TraceEvent::Stopping {
                    container: name_if(container).unwrap_or_default(),
                    timeout_seconds: *timeout_seconds,
                },
                Action::RemoveContainer { container, .. } => {
                    TraceEvent::Removing { container: name(container) }
                }
                Action::Report { change: Change::Phase(phase) } => TraceEvent::Phase { phase: *phase },
                Action::Report { .. } => TraceEvent::PodTerminated,
            }
        });
    }
}

impl SimPod {
    fn name_of(&self, index: ContainerIndex) -> Arc<str> {
        self.compiled.container(index).map(|container| Arc::clone(&container.name)).unwrap_or_default()
    }

    fn image_of(&self, index: ContainerIndex, which: NeededImage) -> Arc<str> {
        let container = self.compiled.container(index);
        container
            .and_then(|container| container.image(which))
            .map(|(image, _)| Arc::clone(image))
            .unwrap_or_default()
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
        let hook = self.cast.behaviors.get(index.at()).map(|behavior| behavior.hook).unwrap_or_default();
        if post_start { hook.post_start.0 } else { hook.pre_stop.0 }
    }
}

fn failed(message: &str) -> Outcome {
    Outcome::Failed(Box::new(Failure { reason: Arc::default(), message: message.into() }))
}
