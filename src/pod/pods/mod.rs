//! The pods of a node as one machine.

mod calls;
mod entry;
mod message;
mod observe;
mod refusal;
mod remains;
mod settings;
mod snapshot;

pub use message::{PodsAction, PodsEvent, PodsNote};
pub use settings::PodsSettings;
pub use snapshot::PodsSnapshot;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::{Lifecycle, LifecycleAction, Workers, WorkersAction, WorkersEvent};
use crate::api::{Pod, PodPhase, PodStatus, Uid};
use crate::behaviour::Behaviour;
use crate::machine::{Machine, Timestamp};
use entry::{Entry, State};

/// The pods of a node as one machine: [`Workers`] says what is to be done of each pod, and one [`Lifecycle`] a pod
/// does it.
///
/// Sources say which pods there are, the runtime says what it has of them, and what is to be done about each comes
/// out with its UID.
///
/// # How the two are joined
///
/// * A pod that is let through gets a lifecycle, which goes on by itself: its `SyncPod` is done at once. When its
///   containers have ended by themselves, the set of pods is told so.
/// * A pod that goes is told so (as deleted, or with the verdict that its status has to say), and its call waits
///   until its last container has ended; the next one until everything that it held has been given back.
/// * What a source changes reaches the pod's machine at once, whatever is in flight.
/// * A pod that no source knows is stopped by what the runtime [kept](crate::container::KeptWithContainer) with its
///   containers, and nothing of it stays.
/// * A pod that cannot be brought up ([`CompileError`](super::CompileError)) is refused: its status is `Failed`, and
///   what the runtime has of it goes.
/// * A pod is forgotten when no source wants it. What is left of it still goes, and a pod of its UID that is
///   wanted again begins when that is over. Outcomes of its last life are foreign to the new one, and the versions
///   of statuses count on.
///
/// # An agent's restart
///
/// After [`AgentStarted`](PodsEvent::AgentStarted) nothing is done before the first full observation, and no pod is
/// brought up before its source offers it again (the kubelet's rule); one that was going goes on.
///
/// # Cost
///
/// There is one index of deadlines over the pods: asking for the next one takes no time that grows with them, and a
/// step touches the pod that it is about. An observation of the node touches the pods of which it says something
/// new.
///
/// ```
/// use std::sync::Arc;
/// use node_lifecycle::api::{Pod, PodPhase};
/// use node_lifecycle::machine::{Machine, Timestamp};
/// use node_lifecycle::pod::{
///     Action, LifecycleAction, PodUpdate, Pods, PodsAction, PodsEvent, PodsSettings,
/// };
///
/// let pod = Arc::new(Pod::from_json(r#"{"metadata": {"name": "web", "namespace": "shop", "uid": "1"},
///     "spec": {"containers": [{"name": "app", "image": "nginx:1.27"}]}}"#)?);
/// let (now, uid) = (Timestamp::from_unix_seconds(0), pod.metadata.uid.clone());
/// let mut pods = Pods::new(Arc::default(), PodsSettings::default(), now);
/// let mut actions = Vec::new();
///
/// // Nothing is done before the runtime was observed.
/// pods.step(now, PodsEvent::Update(PodUpdate::create(pod)), &mut actions);
/// assert!(actions.is_empty());
/// pods.step(now, PodsEvent::Observed { at: now, pods: Arc::default() }, &mut actions);
/// let prepares = |action: &PodsAction| {
///     matches!(action, PodsAction::Pod { action: LifecycleAction::Pod(Action::PrepareResources { .. }), .. })
/// };
/// assert!(actions.iter().any(prepares));
/// assert_eq!(pods.phase(&uid), Some(PodPhase::Pending));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pods {
    behaviour: Arc<Behaviour>,
    settings: PodsSettings,
    workers: Workers,
    state: State,
    entries: BTreeMap<Uid, Entry>,
    /// The next deadline of each pod that has one.
    deadlines: BTreeSet<(Timestamp, Uid)>,
    /// What the set of pods asks for. Empty between steps.
    queue: VecDeque<WorkersAction>,
    scratch: Scratch,
}

/// Buffers that are empty between steps.
#[derive(Debug, Clone, Default)]
struct Scratch {
    workers: Vec<WorkersAction>,
    life: Vec<LifecycleAction>,
}

impl Pods {
    /// A node without pods, of which nothing has been observed.
    #[must_use]
    pub fn new(behaviour: Arc<Behaviour>, settings: PodsSettings, now: Timestamp) -> Self {
        let workers = Workers::new(Arc::clone(&behaviour), now);
        Self::with(behaviour, settings, workers, State::new(now))
    }

    fn with(behaviour: Arc<Behaviour>, settings: PodsSettings, workers: Workers, state: State) -> Self {
        Self {
            behaviour,
            settings,
            workers,
            state,
            entries: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            queue: VecDeque::new(),
            scratch: Scratch::default(),
        }
    }

    /// The set of pods: where each is in its life, and what may be done about it.
    #[must_use]
    pub const fn workers(&self) -> &Workers {
        &self.workers
    }

    /// A pod as a whole, once it was let through.
    #[must_use]
    pub fn lifecycle(&self, uid: &Uid) -> Option<&Lifecycle> {
        Some(&self.entries.get(uid)?.life.as_ref()?.machine)
    }

    /// A pod as its machine has it, or as it was last offered. Of one that only the runtime knows: what was kept
    /// with its containers.
    #[must_use]
    pub fn pod(&self, uid: &Uid) -> Option<&Arc<Pod>> {
        let entry = self.entries.get(uid)?;
        entry.life.as_ref().map(|life| &life.of).or(entry.memory.pod.as_ref())
    }

    /// The mirror of a static pod, as it was last seen: what its statuses are sent to.
    #[must_use]
    pub fn mirror(&self, uid: &Uid) -> Option<&Arc<Pod>> {
        self.entries.get(uid)?.memory.mirror.as_ref()
    }

    /// What the node says of a pod. `None`: nothing yet.
    #[must_use]
    pub fn status(&self, uid: &Uid) -> Option<&PodStatus> {
        let entry = self.entries.get(uid)?;
        match &entry.memory.refusal {
            Some(refusal) => Some(&refusal.status),
            None => entry.life.as_ref()?.machine.status(),
        }
    }

    /// Where a pod is in its life, as the API says it.
    #[must_use]
    pub fn phase(&self, uid: &Uid) -> Option<PodPhase> {
        let entry = self.entries.get(uid)?;
        match &entry.memory.refusal {
            Some(refusal) => refusal.status.phase,
            None => Some(entry.life.as_ref()?.machine.worker().phase()),
        }
    }

    /// The pods that there is something of, by UID: those that are known, and those of which something is left.
    pub fn uids(&self) -> impl Iterator<Item = &Uid> {
        self.entries.keys()
    }

    /// Does what is due for one pod.
    fn wake_pod(&mut self, uid: &Uid, actions: &mut Vec<PodsAction>) {
        let now = self.state.now;
        let Some(entry) = self.entries.get_mut(uid) else { return };
        entry.due = None;
        let is_requeued = entry.memory.requeue_at.take_if(|at| *at <= now).is_some();
        let is_unread = entry.memory.reading.is_some_and(|(_, until)| until <= now);
        if let Some(life) = &mut entry.life
            && life.machine.next_wakeup().is_some_and(|at| at <= now)
        {
            life.machine.wake(now, &mut self.scratch.life);
            entry.memory.stepped_at = now;
            entry.memory.settled = false;
            self.emit(uid, actions);
        }
        if is_unread {
            self.reading_failed(uid);
        }
        if is_requeued {
            self.tell_workers(WorkersEvent::Due { uid: uid.clone() });
        }
        self.follow(uid, actions);
    }

    fn handle(&mut self, event: PodsEvent, actions: &mut Vec<PodsAction>) {
        match event {
            PodsEvent::Update(update) => self.update(update, actions),
            PodsEvent::Kill { uid, options } => self.kill(uid, options, actions),
            PodsEvent::Removed { uid } => self.remove(&uid, actions),
            PodsEvent::Wanted { pods, all_sources_ready } => self.want(pods, all_sources_ready, actions),
            PodsEvent::Observed { at, pods } => self.observe(at, &pods, actions),
            PodsEvent::Pod { uid, event } => self.pod_event(&uid, event, actions),
            PodsEvent::Kept { operation, uid, kept } => self.take_kept(operation, &uid, kept, actions),
            PodsEvent::AgentStarted { epoch, jitter } => self.restart(epoch, jitter),
        }
    }
}

impl Machine for Pods {
    type Event = PodsEvent;
    type Action = PodsAction;

    fn step(&mut self, now: Timestamp, event: PodsEvent, actions: &mut Vec<PodsAction>) {
        if matches!(event, PodsEvent::AgentStarted { .. }) {
            // What was due in the agent's last life is void.
            self.state.now = self.state.now.max(now);
        } else {
            self.wake(now, actions);
        }
        self.handle(event, actions);
        self.run(actions);
    }

    fn wake(&mut self, now: Timestamp, actions: &mut Vec<PodsAction>) {
        self.state.now = self.state.now.max(now);
        self.workers.wake(self.state.now, &mut self.scratch.workers);
        while self.deadlines.first().is_some_and(|(at, _)| *at <= self.state.now) {
            let Some((_, uid)) = self.deadlines.pop_first() else { break };
            self.wake_pod(&uid, actions);
            self.run(actions);
        }
    }

    fn next_wakeup(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(at, _)| *at)
    }
}
