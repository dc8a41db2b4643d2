//! The simulated node.

mod calls;
mod probes;
mod server;
mod trace;

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use super::runtime::{Cast, Runtime};
use super::{Config, Fault, TraceEntry, TraceEvent};
use crate::api::{ContainerId, Pod, PodPhase, PodStatus, Uid};
use crate::machine::{Machine, OperationId, RestoreError, Snapshots, Timestamp};
use crate::pod::{
    Change, CompileError, CompiledPod, Event, Lifecycle, LifecycleAction, LifecycleEvent, LifecycleSettings,
    Outcome, Verdict, Worker,
};
use calls::Effect;
use probes::Answer;
use server::{Request, Server};
use trace::Told;

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
    /// The first life of the agent that is there: calls of those before it that have not been carried out are not.
    agent: u32,
    by_uid: BTreeMap<Uid, u32>,
    queue: BinaryHeap<Reverse<Scheduled>>,
    /// What happens now, in order.
    at_once: VecDeque<Scheduled>,
    scheduled: u64,
    made: u64,
    rng: SplitMix64,
    images: BTreeSet<Arc<str>>,
    changes: Vec<StatusChange>,
    trace: Vec<TraceEntry>,
    actions: Vec<LifecycleAction>,
    /// What the configuration makes of the settings of pods.
    settings: LifecycleSettings,
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
    /// As its source has it: of one that is not static, the API server, with the status that was last taken there.
    pod: Arc<Pod>,
    name: Arc<str>,
    compiled: Arc<CompiledPod>,
    lifecycle: Lifecycle,
    server: Server,
    runtime: Runtime,
    cast: Cast,
    pulls: Vec<u32>,
    /// The wake-up that is in the queue.
    wakeup: Option<Timestamp>,
    relists: bool,
    /// What the trace has of it already.
    told: Told,
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
    /// An attempt of a probe is answered.
    Probe(Answer),
    /// The API server gets a request.
    Request(Box<Request>),
    /// What came of a request is handed over to the life of the agent that made it.
    Reply(u32, Box<LifecycleEvent>),
    /// The agent hears of the pod as it is there.
    Offer(Arc<Pod>),
    /// The runtime is asked for everything.
    Relist,
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
        let settings = LifecycleSettings {
            worker: config.settings,
            prober: config.prober,
            publishes: config.statuses,
            ..LifecycleSettings::default()
        };
        Self {
            now: config.start,
            rng: SplitMix64::seed_from_u64(config.seed),
            config,
            settings,
            pods: Vec::new(),
            free: Vec::new(),
            added: 0,
            epoch: 0,
            agent: 0,
            by_uid: BTreeMap::new(),
            queue: BinaryHeap::new(),
            at_once: VecDeque::new(),
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
        let later = self.queue.peek().map(|Reverse(next)| next.at);
        self.at_once.front().map(|next| next.at).into_iter().chain(later).min()
    }

    fn next(&mut self) -> Option<Scheduled> {
        match (self.at_once.front(), self.queue.peek()) {
            (Some(now), Some(Reverse(later))) if later < now => {}
            (None, _) => {}
            (Some(_), _) => return self.at_once.pop_front(),
        }
        self.queue.pop().map(|Reverse(next)| next)
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
        let settings = self.settings.clone();
        let lifecycle = Lifecycle::new(&pod, Arc::clone(&compiled), settings, Duration::ZERO, self.now);
        let cast = Cast::new(&self.config, &pod, &compiled);
        let name = Arc::from(format!("{}/{}", pod.metadata.namespace, pod.metadata.name));
        let pulls = vec![0; compiled.containers().len()];
        let pod = Arc::new(pod);
        let server = Server::new(&self.config, &pod, &compiled);
        let (life, wakeup, relists, runtime) = (0, None, false, Runtime::default());
        let told = Told::default();
        let new = SimPod {
            life,
            pod,
            name,
            compiled,
            lifecycle,
            server,
            runtime,
            cast,
            pulls,
            wakeup,
            relists,
            told,
        };
        let index = self.place(new);
        self.by_uid.insert(uid.clone(), index);
        self.note(index, |_| TraceEvent::PodAdded);
        if self.config.statuses {
            self.offer(index);
        }
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

    /// Gives a pod another spec; its status and its deletion stay. One that the node does not have is passed over.
    ///
    /// # Errors
    /// [`CompileError`] when the new spec cannot be run; the old one stays.
    pub fn update(&mut self, mut pod: Pod) -> Result<(), CompileError> {
        let Some(index) = self.by_uid.get(&pod.metadata.uid).copied() else { return Ok(()) };
        let compiled = Arc::new(CompiledPod::compile(&pod, &self.config.behaviour)?);
        let known = &mut self.pods[index as usize];
        known.cast = Cast::new(&self.config, &pod, &compiled);
        known.pulls.resize(compiled.containers().len(), 0);
        known.compiled = compiled;
        pod.status = known.pod.status.clone();
        pod.metadata.deletion_timestamp = known.pod.metadata.deletion_timestamp;
        pod.metadata.deletion_grace_period_seconds = known.pod.metadata.deletion_grace_period_seconds;
        known.pod = Arc::new(pod);
        self.offer(index);
        Ok(())
    }

    /// Begins the deletion of a pod, with seconds of grace or its own. Says whether the node has it.
    pub fn delete(&mut self, uid: &Uid, grace_seconds: Option<i64>) -> bool {
        let Some(index) = self.by_uid.get(uid).copied() else { return false };
        self.note(index, |_| TraceEvent::PodDeleted { grace_seconds });
        self.stamp(index, grace_seconds);
        if self.config.statuses {
            self.offer(index);
        } else {
            self.deliver_to_worker(index, Event::Deleted { grace_seconds });
        }
        true
    }

    /// Decides that a pod has to fail: it is evicted, preempted, not admitted. Says whether the node has it.
    pub fn judge(&mut self, uid: &Uid, verdict: Verdict) -> bool {
        let Some(index) = self.by_uid.get(uid).copied() else { return false };
        self.note(index, |_| TraceEvent::PodJudged { reason: Arc::clone(&verdict.reason) });
        self.deliver_to_worker(index, Event::Verdict(Box::new(verdict)));
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
            self.deliver_to_worker(index, Event::Sandbox(Box::new(dead)));
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
        for index in self.indices() {
            self.note(index, |_| TraceEvent::AgentRestarted);
            let known = &mut self.pods[index as usize];
            let environment = (Arc::clone(&known.compiled), self.settings.clone());
            known.lifecycle = Lifecycle::restore(known.lifecycle.snapshot(), environment, self.now)?;
            self.begin_life(index);
        }
        Ok(())
    }

    /// Replaces the node's agent by one that has nothing stored: it knows of each pod what its source says (of one
    /// from the API server with the status that was last taken there, if [`Config::statuses`] are sent), and what
    /// the runtime has. Calls that the old one had made go down with it where nothing has come of them yet. The
    /// containers run on.
    pub fn replace_agent(&mut self) {
        self.epoch += 1;
        self.agent = self.epoch;
        for index in self.indices() {
            self.note(index, |_| TraceEvent::AgentReplaced);
            let known = &mut self.pods[index as usize];
            if known.server.is_gone {
                // Nobody speaks of it any more.
                self.remove(index);
                continue;
            }
            let (pod, settings) = (Arc::clone(&known.compiled), self.settings.clone());
            known.lifecycle = Lifecycle::new(&known.pod, pod, settings, Duration::ZERO, self.now);
            self.begin_life(index);
        }
    }

    fn indices(&self) -> Vec<u32> {
        self.by_uid.values().copied().collect()
    }

    fn begin_life(&mut self, index: u32) {
        let event = LifecycleEvent::AgentStarted { epoch: self.epoch, jitter: Duration::ZERO };
        self.deliver(index, event);
        if self.config.statuses {
            self.offer(index);
        }
        self.relist(index);
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
        let Some(next) = self.next() else { return Ok(false) };
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
    pub fn lifecycle(&self, uid: &Uid) -> Option<&Lifecycle> {
        self.by_uid.get(uid).map(|index| &self.pods[*index as usize].lifecycle)
    }

    /// The machine of a pod's containers; `None` when the node does not have the pod or it is gone.
    #[must_use]
    pub fn worker(&self, uid: &Uid) -> Option<&Worker> {
        self.lifecycle(uid).map(Lifecycle::worker)
    }

    /// What the node says of a pod; `None` when it says nothing (see [`Config::statuses`]), does not have it, or it is
    /// gone.
    #[must_use]
    pub fn status(&self, uid: &Uid) -> Option<&PodStatus> {
        self.lifecycle(uid)?.status()
    }

    /// A pod as the API server has it (a static one: its mirror), with the status that was last taken there; `None`
    /// when the node does not have it or it is gone.
    #[must_use]
    pub fn api_pod(&self, uid: &Uid) -> Option<&Pod> {
        let known = &self.pods[*self.by_uid.get(uid)? as usize];
        Some(known.server.mirror.as_ref().unwrap_or(&known.pod))
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
                if known.wakeup != Some(now) {
                    // It was put forward.
                    return;
                }
                known.wakeup = None;
                known.lifecycle.wake(now, &mut self.actions);
                self.after_step(pod);
            }
            What::Effect(effect) => self.take_effect(pod, *effect),
            What::Answer(operation, outcome) => {
                self.deliver_to_worker(pod, Event::Done { operation, outcome: *outcome });
            }
            What::End(id) => self.end(pod, &id),
            What::Probe(answer) => self.answer_probe(pod, answer),
            What::Request(request) => self.serve(pod, *request),
            What::Reply(epoch, event) => self.reply(pod, epoch, *event),
            What::Offer(offered) => self.offer_as(pod, offered),
            What::Relist => {
                self.pods[pod as usize].relists = false;
                self.relist(pod);
            }
        }
    }

    fn deliver_to_worker(&mut self, pod: u32, event: Event) {
        self.deliver(pod, LifecycleEvent::Pod(event));
    }

    fn deliver(&mut self, pod: u32, event: LifecycleEvent) {
        let known = &mut self.pods[pod as usize];
        known.lifecycle.step(self.now, event, &mut self.actions);
        self.after_step(pod);
    }

    /// Carries out what the machine asked for, and sets its timer.
    fn after_step(&mut self, pod: u32) {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            match action {
                LifecycleAction::Pod(action) => self.carry_out(pod, action),
                LifecycleAction::Probe(action) => self.probe(pod, action),
                LifecycleAction::SendStatus { version, status } => self.send_status(pod, version, status),
                LifecycleAction::DeletePod => self.delete_from_server(pod),
            }
        }
        self.actions = actions;
        if self.config.statuses {
            self.tell_conditions(pod);
        }
        // Where an answer comes at once the timer is set after it.
        let is_next = |next: &Scheduled| next.pod == pod && matches!(next.what, What::Probe(_));
        if self.at_once.back().is_some_and(is_next) {
            return;
        }
        let known = &mut self.pods[pod as usize];
        let wakeup = known.lifecycle.next_wakeup();
        if let Some(at) = wakeup
            && known.wakeup.is_none_or(|scheduled| at < scheduled)
        {
            known.wakeup = Some(at);
            self.schedule(at, pod, What::Wake);
        }
    }

    /// The node has nothing more to do with a pod.
    fn remove(&mut self, pod: u32) {
        if self.by_uid.remove(&self.pods[pod as usize].pod.metadata.uid).is_some() {
            self.free.push(pod);
        }
    }

    fn schedule(&mut self, at: Timestamp, pod: u32, what: What) {
        self.scheduled += 1;
        let (at, number, life) = (at.max(self.now), self.scheduled, self.pods[pod as usize].life);
        let scheduled = Scheduled { at, number, pod, life, what };
        if at == self.now {
            self.at_once.push_back(scheduled);
        } else {
            self.queue.push(Reverse(scheduled));
        }
    }

    /// Asks the runtime for everything, and again after a while if an answer can go astray.
    fn relist(&mut self, pod: u32) {
        let known = &mut self.pods[pod as usize];
        let records = Box::new(known.runtime.report());
        let at = self.now;
        self.deliver_to_worker(pod, Event::Observed { at, records });
        let known = &mut self.pods[pod as usize];
        let can_go_astray = self.config.faults.per_mille > 0 || self.epoch > 0;
        if can_go_astray && !known.relists && !known.lifecycle.is_finished() {
            known.relists = true;
            self.schedule(self.now + self.config.relist, pod, What::Relist);
        }
    }

    fn draw_fault(&mut self, of: &[Fault]) -> Option<Fault> {
        let per_mille = u64::from(self.config.faults.per_mille);
        if per_mille == 0 || self.rng.next_u64() % 1000 >= per_mille {
            return None;
        }
        let count = u64::try_from(of.len()).unwrap_or(u64::MAX).max(1);
        let which = usize::try_from(self.rng.next_u64() % count).unwrap_or_default();
        of.get(which).copied()
    }
}
