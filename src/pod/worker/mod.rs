//! The machine of one pod: from its first sight to the end of its last container.

mod again;
mod message;
mod note;
mod resources;
mod settings;
mod sidecars;
mod snapshot;
mod start;
mod state;
mod sync;
mod terminate;
mod view;

pub use message::{Action, Event, Failure, Outcome, StopReason, Verdict};
pub use note::Note;
pub use settings::WorkerSettings;
pub use snapshot::WorkerSnapshot;
pub use view::{Change, ContainerView, ViewState, WaitingReason};

use std::sync::Arc;

use super::{CompiledPod, Observed, Seen, SyncPlan, TerminationStep};
use crate::api::{ContainerState, Pod, PodPhase};
use crate::container::{
    ContainerIndex, ContainerRecord, ContainerSet, Exit, PodRecords, ProbeResults, RecordState,
};
use crate::machine::{Machine, OperationId, Timestamp};
use state::{Again, Resources, Stage, State};

/// The machine of one pod: turns observations into actions, through plan, order and back-off.
///
/// It takes what happens to a pod as [`Event`]s and says what is to be done as [`Action`]s. Starts go one at
/// a time, in the plan's order; kills begin at once. Nothing is done before the first full observation, nor
/// after an agent's restart before the next. Nothing is started before the pod's resources are prepared, and
/// the pod is finished only when they are given back.
///
/// ```
/// use std::sync::Arc;
/// use node_lifecycle::api::Pod;
/// use node_lifecycle::behaviour::Behaviour;
/// use node_lifecycle::container::PodRecords;
/// use node_lifecycle::machine::{Machine, Timestamp};
/// use node_lifecycle::pod::{Action, CompiledPod, Event, Outcome, Worker, WorkerSettings};
///
/// let pod = Pod::from_json(r#"{"metadata": {"name": "web", "uid": "1"},
///     "spec": {"containers": [{"name": "app", "image": "nginx:1.27"}]}}"#)?;
/// let compiled = Arc::new(CompiledPod::compile(&pod, &Arc::new(Behaviour::default()))?);
/// let now = Timestamp::from_unix_seconds(0);
/// let mut worker = Worker::new(&pod, compiled, WorkerSettings::default(), now);
///
/// let mut actions = Vec::new();
/// worker.step(now, Event::Observed { at: now, records: Box::new(PodRecords::default()) }, &mut actions);
/// let prepare = actions.iter().find_map(Action::operation).unwrap();
/// worker.step(now, Event::Done { operation: prepare, outcome: Outcome::Done }, &mut actions);
/// assert!(actions.iter().any(|action| matches!(action, Action::CreateSandbox { attempt: 0, .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Worker {
    pod: Arc<CompiledPod>,
    settings: WorkerSettings,
    state: State,
    observed: Observed,
    wakeup: Option<Timestamp>,
    scratch: Scratch,
}

/// Buffers that are empty between steps.
#[derive(Debug, Clone, Default)]
struct Scratch {
    plan: SyncPlan,
    steps: Vec<TerminationStep>,
    seen: Vec<Seen>,
    notes: Vec<Note>,
    probes: Vec<ProbeResults>,
    /// Whether something became known that a status says and no [`ContainerView`] shows: an address, an image's
    /// digest, a message.
    has_news: bool,
}

impl Worker {
    /// A worker for a pod that the node has just learnt of. What the API's status says of it counts: a pod
    /// that is terminal there never runs again, and restart counts go on.
    #[must_use]
    pub fn new(pod: &Pod, compiled: Arc<CompiledPod>, settings: WorkerSettings, now: Timestamp) -> Self {
        let state = State::new(pod, &compiled, &settings, now);
        let observed = Observed::new(&compiled, ended_by_the_api(pod, &compiled));
        Self { pod: compiled, settings, state, observed, wakeup: None, scratch: Scratch::default() }
    }

    /// The pod as it was compiled.
    #[must_use]
    pub const fn pod(&self) -> &Arc<CompiledPod> {
        &self.pod
    }

    /// Where the pod is in its life.
    #[must_use]
    pub const fn phase(&self) -> PodPhase {
        self.state.phase
    }

    /// What a container looks like.
    #[must_use]
    pub fn view(&self, index: ContainerIndex) -> Option<&ContainerView> {
        self.state.tracks.get(index.at()).map(|track| &track.view)
    }

    /// Why the last start of a container came to nothing, and the same for a person.
    #[must_use]
    pub fn waiting(&self, index: ContainerIndex) -> Option<(WaitingReason, &Arc<str>)> {
        let track = self.state.tracks.get(index.at())?;
        track.waiting.map(|reason| (reason, &track.message))
    }

    /// Someone else's decision that the pod has to fail, if there is one.
    #[must_use]
    pub const fn verdict(&self) -> Option<&Verdict> {
        self.state.verdict.as_ref()
    }

    /// What is known of the pod's sandboxes and containers.
    #[must_use]
    pub const fn observed(&self) -> &Observed {
        &self.observed
    }

    /// Whether its containers are being stopped, for good.
    #[must_use]
    pub const fn is_terminating(&self) -> bool {
        matches!(self.state.stage, Stage::Terminating { .. })
    }

    /// Whether all of its containers have ended for good.
    #[must_use]
    pub const fn is_terminated(&self) -> bool {
        self.state.said_terminated
    }

    /// Whether nothing is left of it: deleted, stopped, removed.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        matches!(self.state.stage, Stage::Finished)
    }

    /// Whether what it needed has been given back, for good.
    #[must_use]
    pub fn is_released(&self) -> bool {
        self.is_terminated() && self.state.resources == Resources::Released
    }

    /// Whether its deletion began.
    #[must_use]
    pub const fn is_deleted(&self) -> bool {
        self.state.deleted
    }

    /// Whether there has been a full observation in this life of the agent.
    #[must_use]
    pub const fn is_synced(&self) -> bool {
        self.state.synced
    }

    /// Whether the outcome of an operation is waited for still. One that is not need not be carried out to its end.
    #[must_use]
    pub fn is_in_flight(&self, operation: OperationId) -> bool {
        self.state.in_flight.iter().any(|known| known.operation == operation)
    }

    /// Containers whose `postStart` hook has not come back.
    #[must_use]
    pub const fn hooks_pending(&self) -> ContainerSet {
        self.state.hooks_pending
    }

    /// Containers that were killed in order to be started again, whatever their policy.
    #[must_use]
    pub const fn restarting(&self) -> ContainerSet {
        self.state.restarting
    }

    /// Whether all containers are being stopped and removed in order to be started again (KEP-5532): the pod's
    /// condition `AllContainersRestarting`. It ends when none is left and the pod begins anew.
    #[must_use]
    pub fn all_containers_restarting(&self) -> bool {
        self.state.again.is_some_and(|again| again.step == state::AgainStep::Stopping)
    }

    /// Whether something became known since this was asked last that a status has to say, though nothing looks
    /// different.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.scratch.has_news)
    }

    fn handle(&mut self, event: Event, actions: &mut Vec<Action>) {
        match event {
            Event::Updated(pod) => self.update(pod),
            Event::Deleted { grace_seconds } => {
                self.note_grace(grace_seconds);
                self.delete(grace_seconds, actions);
            }
            Event::Verdict(verdict) => {
                self.note_grace(verdict.grace_seconds);
                self.judge(*verdict, actions);
            }
            Event::Observed { at, records } => self.observe(at, *records, actions),
            Event::Container(record) => {
                self.observe_container(*record);
                self.take_evidence(actions);
            }
            Event::Sandbox(record) => {
                self.observe_sandbox(*record);
                self.take_evidence(actions);
            }
            // `step` has taken it.
            Event::Probed { .. } => {}
            Event::Done { operation, outcome } => self.finish_operation(operation, outcome, actions),
            Event::AgentStarted { epoch } => self.restart_agent(epoch),
        }
    }

    /// Everything that follows from the state as it is now.
    fn settle(&mut self, actions: &mut Vec<Action>) {
        self.expire_operations(actions);
        if self.state.synced {
            self.keep_deadline(actions);
            match self.state.stage {
                Stage::Syncing => self.sync(actions),
                Stage::Terminating { .. } => self.terminate(actions),
                Stage::Terminated => self.clean_up(actions),
                Stage::Finished => {}
            }
            if !self.is_finished() {
                self.report(actions);
            }
        }
        self.report_notes(actions);
        self.wakeup = self.compute_wakeup();
    }

    fn compute_wakeup(&self) -> Option<Timestamp> {
        if !self.state.synced || self.is_finished() {
            return None;
        }
        let retries = self.state.tracks.iter().filter_map(|track| track.retry_at);
        retries
            .chain(self.state.resources_retry_at)
            .chain(self.state.sandbox_retry_at)
            .chain(self.state.in_flight.iter().filter_map(|operation| operation.deadline))
            .chain(self.state.termination.next_wakeup())
            .chain(self.state.unsettled_until)
            .chain(self.active_deadline().next_wakeup())
            .chain(self.ends_known_by())
            .chain(self.state.again.and_then(Again::next_wakeup))
            .chain(self.sidecar_changes_at())
            .filter(|at| *at > self.state.now)
            .min()
    }
}

/// The instances that have ended by the API's status, as the runtime would report them.
fn ended_by_the_api(pod: &Pod, compiled: &CompiledPod) -> PodRecords {
    let ended = pod.status.all_container_statuses().filter_map(|status| {
        let Some(ContainerState::Terminated(ended)) = &status.state else { return None };
        let container = compiled.container(compiled.index_of(&status.name)?)?;
        let (_, id) = ended.container_id.split_once("://").or(status.container_id.split_once("://"))?;
        let exit = Exit {
            exit_code: ended.exit_code,
            started_at: ended.started_at,
            finished_at: ended.finished_at?,
            reason: ended.reason.as_str().into(),
            message: ended.message.as_str().into(),
        };
        Some(ContainerRecord {
            id: id.into(),
            name: Arc::clone(&container.name),
            attempt: status.restart_count,
            spec_hash: container.spec_hash,
            image: status.image.as_str().into(),
            image_ref: status.image_id.as_str().into(),
            created_at: exit.started_at.unwrap_or(exit.finished_at),
            state: RecordState::Exited(exit),
        })
    });
    PodRecords { sandboxes: Vec::new(), containers: ended.collect() }
}

impl Machine for Worker {
    type Event = Event;
    type Action = Action;

    fn step(&mut self, now: Timestamp, event: Event, actions: &mut Vec<Action>) {
        self.note_clock(now < self.state.now);
        if matches!(event, Event::AgentStarted { .. }) {
            // What was due in the agent's last life is void.
            self.state.now = self.state.now.max(now);
        } else {
            self.wake(now, actions);
        }
        if let Event::Probed { id, probe, result } = &event {
            // What a probe says at first, and what it has said before, change nothing.
            if !self.take_probe(id, *probe, *result) && self.scratch.notes.is_empty() {
                return;
            }
        } else {
            self.handle(event, actions);
        }
        self.settle(actions);
    }

    fn wake(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.state.now = self.state.now.max(now);
        if self.wakeup.is_some_and(|due| due <= self.state.now) {
            self.settle(actions);
        }
    }

    fn next_wakeup(&self) -> Option<Timestamp> {
        self.wakeup
    }
}

#[cfg(test)]
mod tests;
