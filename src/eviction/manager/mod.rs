//! The machine that watches what a node has left, and has pods go.

mod choose;
mod message;
mod snapshot;
mod state;
mod tick;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{EvictionConfig, EvictionConfigError, LayoutThresholds, Pressures, Threshold};
use crate::api::Uid;
use crate::behaviour::Behaviour;
use crate::machine::{Machine, OperationId, Operations, Timestamp};

pub use message::{Action, Event, Eviction, EvictionAnnotations, NodeReclaim, Note, Outcome};
pub use snapshot::ManagerSnapshot;
pub(super) use state::Watch;
use state::{Phase, State};
pub(super) use tick::Standing;
use tick::Tick;

/// The machine that watches what a node has left, and has pods go.
///
/// A tick goes so:
///
/// 1. The node is [observed](Action::Observe). From that follow the conditions that it has, and which thresholds have
///    been met for their grace period.
/// 2. Every pod that uses more local disk than its own limits allow has to go, and the tick is over.
/// 3. Otherwise the first threshold counts: memory before all else, hard before soft, then by the signal's name. What
///    no pod needs is [freed](Action::Reclaim), where that helps, and the node is observed again.
/// 4. If that was not enough, the first pod in rank that is not critical has to go.
///
/// After an eviction nothing happens until what was evicted is [cleaned up](Event::CleanedUp), or for the
/// [cleanup timeout](EvictionConfig::cleanup_timeout); then the next tick comes at once. Otherwise it comes after the
/// [monitoring interval](EvictionConfig::monitoring_interval), or at a [notification](Event::MemoryNotification).
///
/// A signal that was not measured anew since the last tick counts for conditions and grace periods and drives no
/// eviction; nor does one that was not observed at all, whose threshold stays as it was.
#[derive(Debug, Clone)]
pub struct Manager {
    pub(super) config: EvictionConfig,
    pub(super) behaviour: Arc<Behaviour>,
    pub(super) state: State,
    pub(super) tick: Tick,
}

impl Manager {
    /// A node of which nothing is known yet. It begins with [`Event::AgentStarted`].
    ///
    /// # Errors
    /// [`EvictionConfigError`] when the configuration is not [valid](EvictionConfig::validate).
    pub fn new(
        config: EvictionConfig,
        behaviour: Arc<Behaviour>,
        now: Timestamp,
    ) -> Result<Self, EvictionConfigError> {
        config.validate(behaviour.compat)?;
        let state = State::new(&config.thresholds, now);
        Ok(Self { config, behaviour, state, tick: Tick::default() })
    }

    /// The conditions that the node has by now.
    #[must_use]
    pub const fn pressures(&self) -> Pressures {
        self.state.pressures
    }

    /// Those of the configuration, with what follows from the layout of the disks.
    fn thresholds(&self) -> Vec<Threshold> {
        match self.state.layout.filter(|layout| layout.is_supported(&self.behaviour)) {
            Some(layout) => {
                let LayoutThresholds { configured, derived, .. } = self.config.thresholds_for(layout);
                configured.into_iter().chain(derived).collect()
            }
            None => self.config.thresholds.clone(),
        }
    }

    fn has_something_to_do(&self) -> bool {
        !self.config.thresholds.is_empty() || self.config.local_storage_capacity_isolation
    }

    /// Begins a tick.
    fn observe(&mut self, actions: &mut Vec<Action>) {
        let operation = self.state.operations.issue();
        self.state.notified = false;
        self.state.phase = Phase::Observation { operation, until: self.operation_deadline() };
        actions.push(Action::Observe { operation });
    }

    /// Waits for the next tick.
    fn rest(&mut self, actions: &mut Vec<Action>) {
        if self.state.notified {
            self.observe(actions);
        } else {
            self.state.phase = Phase::Interval { until: self.state.now + self.config.monitoring_interval };
        }
    }

    fn operation_deadline(&self) -> Timestamp {
        self.state.now + self.config.operation_timeout
    }

    fn restart_agent(&mut self, epoch: u32, actions: &mut Vec<Action>) {
        self.state.operations = Operations::of_epoch(epoch);
        if self.behaviour.compat.forget_eviction_state || !self.has_something_to_do() {
            let State { now, operations, pressures, .. } = self.state;
            self.state = State { operations, ..State::new(&self.config.thresholds, now) };
            if !pressures.is_empty() {
                actions.push(Action::SetPressures(Pressures::NONE));
            }
        }
        if !self.has_something_to_do() {
            return;
        }
        match &mut self.state.phase {
            Phase::Cleanup { until, .. } if *until <= self.state.now => self.give_up(actions),
            // Whether these evictions were accepted nobody will say any more.
            Phase::Cleanup { pods, .. } => pods.values_mut().for_each(|pending| *pending = None),
            _ => self.observe(actions),
        }
    }

    /// What was asked for and is not answered in time.
    fn give_up(&mut self, actions: &mut Vec<Action>) {
        match std::mem::replace(&mut self.state.phase, Phase::Start) {
            Phase::Start => {}
            Phase::Interval { .. } => self.observe(actions),
            Phase::Observation { operation, .. } => {
                actions.push(Action::Note(Note::TimedOut { operation }));
                self.rest(actions);
            }
            Phase::Reclaim { operation, .. } => {
                actions.push(Action::Note(Note::TimedOut { operation }));
                self.reclaimed(Err("not answered in time".into()), actions);
            }
            Phase::Check { operation, .. } => {
                actions.push(Action::Note(Note::TimedOut { operation }));
                self.check(None, actions);
            }
            Phase::Cleanup { pods, .. } => {
                let pods = u32::try_from(pods.len()).unwrap_or(u32::MAX);
                actions.push(Action::Note(Note::CleanupTimedOut { pods }));
                self.observe(actions);
            }
        }
    }

    fn done(&mut self, operation: OperationId, outcome: Outcome, actions: &mut Vec<Action>) {
        match (&mut self.state.phase, outcome) {
            (Phase::Observation { operation: asked, .. }, Outcome::Observed(seen)) if *asked == operation => {
                self.begin(&seen, actions);
            }
            (Phase::Observation { operation: asked, .. }, Outcome::Failed(error)) if *asked == operation => {
                self.fail(error, None, actions);
            }
            (Phase::Observation { operation: asked, .. }, Outcome::StatsFailed { error, disks })
                if *asked == operation =>
            {
                self.fail(error, Some(&disks), actions);
            }
            (Phase::Reclaim { operation: asked, .. }, Outcome::Reclaimed { freed_bytes })
                if *asked == operation =>
            {
                self.reclaimed(Ok(freed_bytes), actions);
            }
            (Phase::Reclaim { operation: asked, .. }, Outcome::Failed(error)) if *asked == operation => {
                self.reclaimed(Err(error), actions);
            }
            (Phase::Check { operation: asked, .. }, Outcome::Observed(seen)) if *asked == operation => {
                self.check(Some(seen), actions);
            }
            (
                Phase::Check { operation: asked, .. },
                Outcome::Failed(error) | Outcome::StatsFailed { error, .. },
            ) if *asked == operation => {
                actions.push(Action::Note(Note::ObservationFailed { error }));
                self.check(None, actions);
            }
            (Phase::Cleanup { .. }, Outcome::Accepted) => self.answered(operation, None, actions),
            (Phase::Cleanup { .. }, Outcome::Failed(error)) => {
                self.answered(operation, Some(error), actions);
            }
            // Stale, doubled, foreign, or no answer to what was asked.
            _ => {}
        }
    }

    /// An eviction was accepted, or refused with an error.
    fn answered(&mut self, operation: OperationId, refused: Option<Arc<str>>, actions: &mut Vec<Action>) {
        let Phase::Cleanup { pods, any_gone, .. } = &mut self.state.phase else { return };
        let Some((uid, pending)) = pods.iter_mut().find(|(_, pending)| **pending == Some(operation)) else {
            return;
        };
        *pending = None;
        let Some(error) = refused else { return };
        let uid = uid.clone();
        self.tick.refused(&uid, &error);
        if !self.behaviour.compat.count_refused_evictions {
            pods.remove(&uid);
        }
        let (nobody_left, any_gone) = (pods.is_empty(), *any_gone);
        actions.push(Action::Note(Note::EvictionRefused { uid, error }));
        match (nobody_left, any_gone) {
            (false, _) => {}
            (true, true) => self.observe(actions),
            (true, false) => self.rest(actions),
        }
    }

    fn cleaned_up(&mut self, uid: &Uid, actions: &mut Vec<Action>) {
        let Phase::Cleanup { pods, any_gone, .. } = &mut self.state.phase else { return };
        if pods.remove(uid).is_some() {
            *any_gone = true;
            if pods.is_empty() {
                self.observe(actions);
            }
        }
    }

    /// Waits for the pods that have to go.
    fn wait_for_cleanup(&mut self, pods: BTreeMap<Uid, Option<OperationId>>) {
        let until = self.state.now + self.config.cleanup_timeout;
        self.state.phase = Phase::Cleanup { pods, any_gone: false, until };
    }
}

impl Machine for Manager {
    type Event = Event;
    type Action = Action;

    fn step(&mut self, now: Timestamp, event: Event, actions: &mut Vec<Action>) {
        if let Event::AgentStarted { epoch } = event {
            self.state.now = self.state.now.max(now);
            return self.restart_agent(epoch, actions);
        }
        self.wake(now, actions);
        match event {
            Event::Done { operation, outcome } => self.done(operation, outcome, actions),
            Event::CleanedUp(uid) => self.cleaned_up(&uid, actions),
            Event::MemoryNotification => match self.state.phase {
                Phase::Start => {}
                Phase::Interval { .. } => self.observe(actions),
                _ => self.state.notified = true,
            },
            Event::AgentStarted { .. } => {}
        }
    }

    fn wake(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.state.now = self.state.now.max(now);
        if self.state.phase.until().is_some_and(|until| until <= self.state.now) {
            self.give_up(actions);
        }
    }

    fn next_wakeup(&self) -> Option<Timestamp> {
        self.state.phase.until()
    }
}
