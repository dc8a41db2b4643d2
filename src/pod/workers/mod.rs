//! The machine of the set of pods that a node agent knows: which pod is brought up, which goes, which is gone.

mod known;
mod message;
mod snapshot;
mod state;
mod update;
mod work;

pub use message::{
    KillPodOptions, PodSubject, PodUpdate, Requeue, RunningPod, RuntimeState, StatusOverride, SyncOutcome,
    UpdateType, WorkersAction, WorkersEvent,
};
pub use snapshot::WorkersSnapshot;

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::Uid;
use crate::behaviour::Behaviour;
use crate::machine::{Machine, Timestamp};
use state::{PodState, State};

/// The machine of the set of pods that a node agent knows: which is brought up, which goes, which is gone.
///
/// It is what the kubelet calls its pod workers. It knows no container; it says when a pod is to be synced,
/// stopped and cleaned up, one call of a pod at a time, and it remembers enough never to begin what has ended.
///
/// # A pod's life
///
/// ```text
/// update ─► Sync ──► Terminating ──────► Terminated ──────► Finished ──► forgotten
///           SyncPod  SyncTerminatingPod  SyncTerminatedPod  no source wants it, or it was offered anew
/// ```
///
/// * A pod begins to go when it is deleted, terminal for its source, [killed](UpdateType::Kill), wanted by no
///   source ([`SyncKnown`](WorkersEvent::SyncKnown)), or when `SyncPod` says that it came to its
///   [end](SyncOutcome::Terminal). It never comes back from there.
/// * Of updates that come while a call is in flight the newest one is kept. A call is [given
///   up](WorkersAction::Cancel) when the pod begins to go and when it gets less time; its outcome is waited for.
/// * A grace period only shrinks once a pod goes. Where nobody asked for one (the pod came to its end by itself,
///   or no source wants it) the call has none, and each container takes its own.
/// * Nothing is retried by itself: every outcome leads to a [`Requeue`](WorkersAction::Requeue), and whoever
///   drives the machine answers it in time. Orphans are retried with every `SyncKnown`.
/// * A pod that is terminal at first sight, and of which the runtime has nothing that runs, stopped in an
///   earlier life of the agent: what it holds is released, and nothing else is done.
/// * A pod that only the runtime knows is killed without a configuration and then forgotten.
/// * Of static pods with one full name one is let through at a time, in the order in which they came. One that
///   goes before its turn is finished without a call.
/// * A [`Create`](UpdateType::Create) of a pod that goes says that a source wants its UID anew: once it has
///   finished, the next `SyncKnown` forgets it, and the source has to offer it again.
///
/// # An agent's restart
///
/// [`AgentStarted`](WorkersEvent::AgentStarted) makes calls in flight void. Nothing is done before the runtime
/// was listed in full; no pod is synced before its source offers it again; and nobody is an orphan before all
/// sources were read. A pod that was going goes on, one that has ended stays so, whatever the API says of it by
/// then. (The kubelet forgets all of this, and starts a pod again whose end did not reach the API.) What a
/// source of the node itself offers again after a restart is offered anew.
///
/// # With one worker a pod
///
/// This machine decides what is to be done of a pod; [`Worker`](super::Worker) is how. Who composes both keeps
/// one worker for each pod that was let through, and
///
/// * for `SyncPod` makes the worker if there is none, or gives it the compiled pod as
///   [`Updated`](super::Event::Updated). The call is `Done` as soon as the worker has taken it: a worker goes on
///   by itself. When it says that the pod has [terminated](super::Change::Terminated), an update of the type
///   `Sync` leads to a `SyncPod` that is `Terminal`;
/// * for `SyncTerminatingPod` hands the worker [`Deleted`](super::Event::Deleted), or a
///   [`Verdict`](super::Verdict) made of the status override, with the grace period. The call stays in flight
///   until the worker has [terminated](super::Worker::is_terminated). On `Cancel` it answers `Canceled`: the
///   next call brings the shorter grace;
/// * for `SyncTerminatingRuntimePod` stops what the runtime has of the pod, as it stops any sandbox;
/// * for `SyncTerminatedPod` releases what was prepared for the pod (volumes, devices, cgroups), and answers
///   when that is done. The worker goes with `Forgotten`;
/// * keeps one deadline a pod for `Requeue`, and answers it with [`Due`](WorkersEvent::Due);
/// * after `SyncKnown` offers every pod that is wanted and was `Forgotten` anew.
///
/// # What it does differently
///
/// The faults that can be copied are fields of [`Compat`](crate::behaviour::Compat): a zero grace that is
/// forgotten, the sync of an orphan that is not given up, a static pod that waits for its retry where its name
/// is free, a pod that does not terminate because its containers are gone already, kills that are never
/// answered, and static pods that finish while they run.
///
/// ```
/// use std::sync::Arc;
/// use node_lifecycle::api::Pod;
/// use node_lifecycle::behaviour::Behaviour;
/// use node_lifecycle::machine::{Machine, Timestamp};
/// use node_lifecycle::pod::{
///     KillPodOptions, PodStage, PodUpdate, SyncOutcome, Workers, WorkersAction, WorkersEvent,
/// };
///
/// let pod = Arc::new(Pod::from_json(r#"{"metadata": {"name": "web", "namespace": "shop", "uid": "1"},
///     "spec": {"terminationGracePeriodSeconds": 30, "containers": [{"name": "app", "image": "nginx:1.27"}]}}"#)?);
/// let (now, uid) = (Timestamp::from_unix_seconds(0), pod.metadata.uid.clone());
/// let mut workers = Workers::new(Arc::new(Behaviour::default()), now);
/// let mut actions = Vec::new();
///
/// // Nothing is done before the runtime has been listed.
/// workers.step(now, WorkersEvent::Update(PodUpdate::create(Arc::clone(&pod))), &mut actions);
/// assert!(actions.is_empty());
/// workers.step(now, WorkersEvent::RuntimeListed { at: now, pods: Arc::default() }, &mut actions);
/// let WorkersAction::SyncPod { operation, .. } = actions[0] else { panic!("{actions:?}") };
///
/// // The pod is evicted while it is brought up: that is given up, and then its containers stop.
/// actions.clear();
/// let five = KillPodOptions { evict: true, grace_period_seconds_override: Some(5), ..KillPodOptions::default() };
/// workers.step(now, WorkersEvent::Update(PodUpdate::kill(Arc::clone(&pod), five)), &mut actions);
/// assert_eq!(actions, [WorkersAction::Cancel { operation, uid: uid.clone() }]);
/// actions.clear();
/// let outcome = SyncOutcome::Canceled;
/// workers.step(now, WorkersEvent::Done { uid: uid.clone(), operation, outcome }, &mut actions);
/// let stops = |action: &WorkersAction| {
///     matches!(action, WorkersAction::SyncTerminatingPod { grace_period_seconds: Some(5), .. })
/// };
/// assert!(actions.iter().any(stops));
/// assert_eq!(workers.stage(&uid), Some(PodStage::Terminating));
/// assert!(workers.could_have_running_containers(&uid));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Workers {
    behaviour: Arc<Behaviour>,
    state: State,
    /// Pods that something happened to. Empty between steps.
    queue: VecDeque<Uid>,
    /// A buffer that is empty between steps.
    changed: Vec<Uid>,
}

/// Where a pod is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PodStage {
    /// It is brought in line with what is wanted.
    Sync,
    /// Its containers have to stop.
    Terminating,
    /// Its containers have stopped for good; it may hold volumes, devices and the like.
    Terminated,
    /// It holds nothing any more.
    Finished,
}

/// What is known of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownPod {
    /// Where it is in its life.
    pub stage: PodStage,
    /// Whether no source wanted it when all of them were last read.
    pub orphan: bool,
    /// Whether a source ever described it; otherwise only the runtime knows it.
    pub has_config: bool,
    /// Whether it is a static pod.
    pub is_static: bool,
}

impl Workers {
    /// A node without pods, whose runtime has not been listed and whose sources have not been read.
    #[must_use]
    pub fn new(behaviour: Arc<Behaviour>, now: Timestamp) -> Self {
        Self::with(behaviour, State::new(now))
    }

    fn with(behaviour: Arc<Behaviour>, state: State) -> Self {
        Self { behaviour, state, queue: VecDeque::new(), changed: Vec::new() }
    }

    /// Where a pod is in its life. `None`: it is not known.
    #[must_use]
    pub fn stage(&self, uid: &Uid) -> Option<PodStage> {
        self.state.pods.get(uid).map(PodState::stage)
    }

    /// The pods that are known, by UID.
    pub fn known(&self) -> impl Iterator<Item = (&Uid, KnownPod)> {
        self.state.pods.iter().map(|(uid, pod)| {
            let subject = pod.active.as_ref().or(pod.pending.as_ref()).map(|work| &work.subject);
            let known = KnownPod {
                stage: pod.stage(),
                orphan: pod.orphan,
                has_config: subject.is_some_and(|subject| subject.pod().is_some()),
                is_static: subject.is_some_and(PodSubject::is_static),
            };
            (uid, known)
        })
    }

    /// The seconds that a pod has to stop, once it goes and someone said something about it. They only shrink.
    #[must_use]
    pub fn grace_period_seconds(&self, uid: &Uid) -> Option<i64> {
        match self.state.pods.get(uid)?.life {
            state::Life::Terminating { grace, .. } => grace,
            _ => None,
        }
    }

    /// Whether all of a pod's containers are known to have stopped for good. Of a pod that is not known: no.
    #[must_use]
    pub fn is_pod_known_terminated(&self, uid: &Uid) -> bool {
        self.state.pods.get(uid).is_some_and(PodState::is_terminated)
    }

    /// Whether a pod is deleted, or wanted by no source. Of a pod that is not known: no.
    #[must_use]
    pub fn is_pod_deleted(&self, uid: &Uid) -> bool {
        self.state.pods.get(uid).is_some_and(|pod| pod.deleted)
    }

    /// Whether a pod could have running containers. Of a pod that is not known: until all sources have been read.
    #[must_use]
    pub fn could_have_running_containers(&self, uid: &Uid) -> bool {
        self.state.pods.get(uid).map_or(!self.state.sources_read, |pod| !pod.is_terminated())
    }

    /// Whether a pod holds nothing any more, so that its status may be the last. Of a pod that is not known: once
    /// all sources have been read.
    #[must_use]
    pub fn should_pod_be_finished(&self, uid: &Uid) -> bool {
        self.state.pods.get(uid).map_or(self.state.sources_read, PodState::is_finished)
    }

    /// Whether a pod goes or has gone, even if it is still being brought up at this moment. Of a pod that is not
    /// known: no.
    #[must_use]
    pub fn is_pod_termination_requested(&self, uid: &Uid) -> bool {
        self.state.pods.get(uid).is_some_and(PodState::is_termination_requested)
    }

    /// Whether nothing of a pod is started any more and its containers are being stopped, or were. Of a pod that is
    /// not known: once all sources have been read.
    #[must_use]
    pub fn should_pod_containers_be_terminating(&self, uid: &Uid) -> bool {
        self.state.pods.get(uid).map_or(self.state.sources_read, |pod| pod.termination_started)
    }

    /// Whether what the runtime has of a pod may be removed. Of a pod that is not known: once all sources have been
    /// read.
    #[must_use]
    pub fn should_pod_runtime_be_removed(&self, uid: &Uid) -> bool {
        self.state.pods.get(uid).map_or(self.state.sources_read, PodState::is_terminated)
    }

    /// Whether what a pod has on the node's disk may be removed: it is evicted, or deleted and stopped. Of a pod that
    /// is not known: once all sources have been read.
    #[must_use]
    pub fn should_pod_content_be_removed(&self, uid: &Uid) -> bool {
        let may_go = |pod: &PodState| pod.evicted || (pod.deleted && pod.is_terminated());
        self.state.pods.get(uid).map_or(self.state.sources_read, may_go)
    }

    /// Whether the static pod that has a full name (`<name>_<namespace>`) goes and is not gone yet: until then its
    /// mirror has to stay.
    #[must_use]
    pub fn is_pod_for_mirror_pod_terminating_by_full_name(&self, full_name: &str) -> bool {
        let pod = self.state.started_static.get(full_name).and_then(|uid| self.state.pods.get(uid));
        pod.is_some_and(|pod| pod.is_termination_requested() && !pod.is_terminated())
    }
}

impl Machine for Workers {
    type Event = WorkersEvent;
    type Action = WorkersAction;

    fn step(&mut self, now: Timestamp, event: WorkersEvent, actions: &mut Vec<WorkersAction>) {
        self.wake(now, actions);
        match event {
            WorkersEvent::Update(update) => self.update(update, actions),
            WorkersEvent::SyncKnown { desired, all_sources_ready } => {
                self.sync_known(&desired, all_sources_ready, actions);
            }
            WorkersEvent::RuntimeListed { at, pods } => self.list_runtime(at, &pods, actions),
            WorkersEvent::RuntimeObserved { at, uid, state } => self.observe_runtime(at, uid, state),
            WorkersEvent::Done { uid, operation, outcome } => self.done(uid, operation, outcome, actions),
            WorkersEvent::Due { uid } => self.look_again(uid),
            WorkersEvent::AgentStarted { epoch } => self.restart_agent(epoch),
        }
        self.run(actions);
    }

    fn wake(&mut self, now: Timestamp, _: &mut Vec<WorkersAction>) {
        self.state.now = self.state.now.max(now);
    }

    /// Nothing is due by time: whoever drives the machine keeps the times of [`Requeue`].
    fn next_wakeup(&self) -> Option<Timestamp> {
        None
    }
}

#[cfg(test)]
mod tests;
