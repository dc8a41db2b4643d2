//! The machine that looks for images, remembers them and collects them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    ImageCollection, ImageGcAction as Action, ImageGcContext, ImageGcEvent as Event, ImageGcNote as Note,
    ImageGcOutcome as Outcome, ImageGcPolicy, ImageGcPolicyError, ImageGcScope as Scope, ImageGcStep,
    ImageInventory, ImageRecords,
};
use crate::behaviour::Behaviour;
use crate::machine::{Machine, OperationId, Operations, RestoreError, Snapshots, Timestamp};

/// What [`ImageGc`] runs with. The default is the kubelet's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ImageGcConfig {
    /// When images go.
    pub policy: ImageGcPolicy,
    /// How often images are looked at, above zero: 5 min.
    pub detection_period: Duration,
    /// How often they are collected, above zero: 5 min.
    pub collection_period: Duration,
    /// How long the outcome of an action is waited for, above zero: 2 min.
    pub operation_timeout: Duration,
}

impl Default for ImageGcConfig {
    fn default() -> Self {
        Self {
            policy: ImageGcPolicy::default(),
            detection_period: Duration::from_secs(300),
            collection_period: Duration::from_secs(300),
            operation_timeout: Duration::from_secs(120),
        }
    }
}

/// The machine that looks for images, remembers them and collects them, one removal at a time.
///
/// ```
/// use std::sync::Arc;
/// use node_lifecycle::behaviour::Behaviour;
/// use node_lifecycle::image::{
///     ImageGc, ImageGcAction, ImageGcConfig, ImageGcEvent, ImageGcOutcome, ImageInventory, ImageListing,
/// };
/// use node_lifecycle::machine::{Machine, OperationId, Timestamp};
///
/// let (now, behaviour) = (Timestamp::from_unix_seconds(1000), Arc::new(Behaviour::default()));
/// let mut images = ImageGc::new(ImageGcConfig::default(), Arc::clone(&behaviour), now)?;
/// let mut actions = Vec::new();
/// images.step(now, ImageGcEvent::AgentStarted { epoch: 1 }, &mut actions);
/// let Some(ImageGcAction::Observe { operation }) = actions.pop() else { unreachable!() };
///
/// // An eviction wants room before a pod has to go; and there is an image that nobody uses.
/// let request = OperationId { epoch: 1, seq: 0 };
/// images.step(now, ImageGcEvent::DeleteUnused { request }, &mut actions);
/// let listing: ImageListing = serde_json::from_str(r#"{"images": [{"id": "sha256:a", "sizeBytes": 700}]}"#)?;
/// let seen = Arc::new(ImageInventory::new(&listing, behaviour.gates));
/// let mut answer = |operation, outcome| {
///     images.step(now, ImageGcEvent::Done { operation, outcome }, &mut actions);
///     actions.pop().unwrap()
/// };
/// let ImageGcAction::Measure { operation } = answer(operation, ImageGcOutcome::Observed(seen.clone())) else {
///     unreachable!()
/// };
/// let failed = ImageGcOutcome::Failed("no answer from the disk".into());
/// let ImageGcAction::Observe { operation } = answer(operation, failed) else { unreachable!() };
/// let ImageGcAction::Remove { operation, removal } = answer(operation, ImageGcOutcome::Observed(seen)) else {
///     unreachable!()
/// };
/// assert_eq!(&*removal.id, "sha256:a");
/// let answered = answer(operation, ImageGcOutcome::Removed);
/// assert_eq!(answered, ImageGcAction::Reclaimed { request, result: Ok(700) });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ImageGc {
    config: ImageGcConfig,
    behaviour: Arc<Behaviour>,
    state: State,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    now: Timestamp,
    operations: Operations,
    records: ImageRecords,
    /// When the agent started first.
    began: Option<Timestamp>,
    /// Whether the images have been looked at since.
    has_detected: bool,
    /// What is needed, as was said since the present look began.
    needed: BTreeSet<Arc<str>>,
    next_detection: Timestamp,
    next_collection: Timestamp,
    /// Whether the last collection failed.
    has_failed: bool,
    /// Who wants everything to go that nobody uses, and waits for a look.
    requests: Vec<OperationId>,
    /// Who waits for the present collection.
    served: Vec<OperationId>,
    phase: Phase,
    collection: Option<ImageCollection>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Phase {
    /// The start of the agent is waited for.
    Start,
    /// Something is due then.
    Rest { until: Timestamp },
    /// The images are being looked at.
    Observation { operation: OperationId, until: Timestamp, scope: Scope },
    /// The disk is being measured.
    Measurement { operation: OperationId, until: Timestamp },
    /// An image is being removed.
    Removal { operation: OperationId, until: Timestamp },
}

impl ImageGc {
    /// A node of whose images nothing is known yet. It begins with [`ImageGcEvent::AgentStarted`](Event::AgentStarted).
    ///
    /// # Errors
    /// [`ImageGcPolicyError`] when the policy is not [valid](ImageGcPolicy::validate).
    pub fn new(
        config: ImageGcConfig,
        behaviour: Arc<Behaviour>,
        now: Timestamp,
    ) -> Result<Self, ImageGcPolicyError> {
        config.policy.validate()?;
        let state = State {
            now,
            operations: Operations::of_epoch(0),
            records: ImageRecords::default(),
            began: None,
            has_detected: false,
            needed: BTreeSet::new(),
            next_detection: now,
            next_collection: now,
            has_failed: false,
            requests: Vec::new(),
            served: Vec::new(),
            phase: Phase::Start,
            collection: None,
        };
        Ok(Self { config, behaviour, state })
    }

    /// What is remembered of the images.
    #[must_use]
    pub const fn records(&self) -> &ImageRecords {
        &self.state.records
    }

    fn restart_agent(&mut self, epoch: u32, actions: &mut Vec<Action>) {
        let state = &mut self.state;
        state.operations = Operations::of_epoch(epoch);
        state.collection = None;
        state.requests.clear();
        state.served.clear();
        if self.behaviour.compat.forget_image_ages {
            state.records = ImageRecords::default();
            state.began = None;
            state.has_detected = false;
            state.has_failed = false;
        }
        state.began.get_or_insert(state.now);
        state.next_detection = state.now;
        state.next_collection = state.now;
        self.observe(actions);
    }

    fn need(&mut self, id: &Arc<str>) {
        self.state.records.need(id);
        // The look that is under way may not know it.
        if self.state.phase.operation().is_some() {
            self.state.needed.insert(Arc::clone(id));
        }
    }

    /// Looks at the images, and then does what is due.
    fn observe(&mut self, actions: &mut Vec<Action>) {
        let state = &mut self.state;
        let scope = if !state.requests.is_empty() {
            Scope::Unused
        } else if state.next_collection <= state.now {
            state.next_collection = state.now + self.config.collection_period.max(LEAST_WAIT);
            Scope::All
        } else {
            Scope::NoCache
        };
        state.next_detection = state.now + self.config.detection_period.max(LEAST_WAIT);
        state.served.append(&mut state.requests);
        state.needed.clear();
        let (operation, until) = self.operation();
        self.state.phase = Phase::Observation { operation, until, scope };
        actions.push(Action::Observe { operation });
    }

    fn operation(&mut self) -> (OperationId, Timestamp) {
        let until = self.state.now + self.config.operation_timeout.max(LEAST_WAIT);
        (self.state.operations.issue(), until)
    }

    fn observed(&mut self, seen: &ImageInventory, scope: Scope, actions: &mut Vec<Action>) {
        let state = &mut self.state;
        if std::mem::replace(&mut state.has_detected, true) {
            state.records.detect(seen, state.now);
        } else {
            state.records.detect_existing(seen, state.now);
        }
        for id in &state.needed {
            state.records.need(id);
        }
        let is_off = scope == Scope::All && self.config.policy.is_off(self.behaviour.gates);
        let scope = if is_off { Scope::NoCache } else { scope };
        let context = ImageGcContext { now: state.now, began: state.began.unwrap_or(state.now), scope };
        let policy = &self.config.policy;
        state.collection = Some(ImageCollection::begin(&state.records, policy, context, &self.behaviour));
        self.go_on(actions);
    }

    /// The next step of the present collection.
    fn go_on(&mut self, actions: &mut Vec<Action>) {
        let Some(collection) = &mut self.state.collection else { return self.rest(actions) };
        match collection.next_step(&self.state.records) {
            ImageGcStep::Remove(removal) => {
                let (operation, until) = self.operation();
                self.state.phase = Phase::Removal { operation, until };
                actions.push(Action::Remove { operation, removal });
            }
            ImageGcStep::Measure => {
                let (operation, until) = self.operation();
                self.state.phase = Phase::Measurement { operation, until };
                actions.push(Action::Measure { operation });
            }
            ImageGcStep::Done => self.conclude(actions),
        }
    }

    /// Says what came of the present collection.
    fn conclude(&mut self, actions: &mut Vec<Action>) {
        let Some(collection) = self.state.collection.take() else { return self.rest(actions) };
        for error in collection.errors() {
            if let Some(reason) = error.event_reason() {
                actions.push(Action::Warn { reason, message: error.to_string().into() });
            }
        }
        let errors: Vec<_> = collection.errors().iter().map(ToString::to_string).collect();
        let result =
            if errors.is_empty() { Ok(collection.freed_bytes()) } else { Err(errors.join("; ").into()) };
        if let Err(error) = &result {
            actions.push(Action::Note(Note::CollectionFailed { error: Arc::clone(error) }));
        }
        self.answer(collection.scope(), &result, actions);
    }

    /// Answers who waits for it, and rests.
    fn answer(&mut self, scope: Scope, result: &Result<u64, Arc<str>>, actions: &mut Vec<Action>) {
        for request in self.state.served.drain(..) {
            actions.push(Action::Reclaimed { request, result: result.clone() });
        }
        if scope == Scope::All {
            let had_failed = std::mem::replace(&mut self.state.has_failed, result.is_err());
            if let (true, Err(message)) = (had_failed, result) {
                actions.push(Action::Warn { reason: "ImageGCFailed", message: Arc::clone(message) });
            }
        }
        self.rest(actions);
    }

    /// Waits for what is due next.
    fn rest(&mut self, actions: &mut Vec<Action>) {
        let until = self.state.next_detection.min(self.state.next_collection);
        if until <= self.state.now || !self.state.requests.is_empty() {
            self.observe(actions);
        } else {
            self.state.phase = Phase::Rest { until };
        }
    }

    fn done(&mut self, operation: OperationId, outcome: Outcome, actions: &mut Vec<Action>) {
        let State { phase, collection, records, .. } = &mut self.state;
        match (*phase, outcome) {
            // Stale, doubled or foreign.
            (phase, _) if phase.operation() != Some(operation) => {}
            (Phase::Observation { scope, .. }, Outcome::Observed(seen)) => {
                self.observed(&seen, scope, actions);
            }
            (Phase::Observation { scope, .. }, Outcome::Failed(error)) => {
                actions.push(Action::Note(Note::ObservationFailed { error: Arc::clone(&error) }));
                self.answer(scope, &Err(error), actions);
            }
            (Phase::Measurement { .. }, Outcome::Measured(disk)) => {
                collection.iter_mut().for_each(|it| it.measured(records, Ok(disk)));
                self.go_on(actions);
            }
            (Phase::Measurement { .. }, Outcome::Failed(error)) => {
                collection.iter_mut().for_each(|it| it.measured(records, Err(Arc::clone(&error))));
                self.go_on(actions);
            }
            (Phase::Removal { .. }, Outcome::Removed) => {
                collection.iter_mut().for_each(|it| it.finished(records, Ok(())));
                self.go_on(actions);
            }
            (Phase::Removal { .. }, Outcome::Failed(error)) => {
                collection.iter_mut().for_each(|it| it.finished(records, Err(Arc::clone(&error))));
                self.go_on(actions);
            }
            // No answer to what was asked.
            _ => {}
        }
    }
}

impl Phase {
    const fn operation(self) -> Option<OperationId> {
        match self {
            Self::Start | Self::Rest { .. } => None,
            Self::Observation { operation, .. }
            | Self::Measurement { operation, .. }
            | Self::Removal { operation, .. } => Some(operation),
        }
    }

    const fn until(self) -> Option<Timestamp> {
        match self {
            Self::Start => None,
            Self::Rest { until }
            | Self::Observation { until, .. }
            | Self::Measurement { until, .. }
            | Self::Removal { until, .. } => Some(until),
        }
    }

    fn move_back(&mut self, by: Duration) {
        if let Self::Rest { until }
        | Self::Observation { until, .. }
        | Self::Measurement { until, .. }
        | Self::Removal { until, .. } = self
        {
            *until = until.moved_back(by);
        }
    }
}

/// Nothing is due at the time at which it is asked for.
const LEAST_WAIT: Duration = Duration::from_nanos(1);

impl Machine for ImageGc {
    type Event = Event;
    type Action = Action;

    fn step(&mut self, now: Timestamp, event: Event, actions: &mut Vec<Action>) {
        if let Event::AgentStarted { epoch } = event {
            self.state.now = self.state.now.max(now);
            return self.restart_agent(epoch, actions);
        }
        if let Event::Needed { id } = &event {
            // Before anything that is due removes it.
            self.need(id);
        }
        self.wake(now, actions);
        match event {
            Event::Done { operation, outcome } => self.done(operation, outcome, actions),
            Event::DeleteUnused { request } => {
                self.state.requests.push(request);
                if let Phase::Rest { .. } = self.state.phase {
                    self.observe(actions);
                }
            }
            Event::PodGone => {
                self.state.next_detection = self.state.now;
                if let Phase::Rest { .. } = self.state.phase {
                    self.observe(actions);
                }
            }
            Event::Needed { .. } | Event::AgentStarted { .. } => {}
        }
    }

    fn wake(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.state.now = self.state.now.max(now);
        if self.state.phase.until().is_none_or(|until| until > self.state.now) {
            return;
        }
        match self.state.phase.operation() {
            Some(operation) => {
                actions.push(Action::Note(Note::TimedOut { operation }));
                self.done(operation, Outcome::Failed("not answered in time".into()), actions);
            }
            None => self.observe(actions),
        }
    }

    fn next_wakeup(&self) -> Option<Timestamp> {
        // At the end of time nothing is due.
        self.state.phase.until().filter(|due| *due < Timestamp::MAX)
    }
}

/// [`ImageGc`] as a value that can be stored: since when images are there, when they were last used, and what is under
/// way.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageGcSnapshot {
    /// The version of this form.
    pub version: u32,
    state: State,
}

impl ImageGcSnapshot {
    /// The version that is written and read.
    pub const VERSION: u32 = 1;
}

impl Snapshots for ImageGc {
    type Snapshot = ImageGcSnapshot;
    type Environment = (ImageGcConfig, Arc<Behaviour>);

    fn snapshot(&self) -> ImageGcSnapshot {
        ImageGcSnapshot { version: ImageGcSnapshot::VERSION, state: self.state.clone() }
    }

    fn restore(
        snapshot: ImageGcSnapshot,
        (config, behaviour): (ImageGcConfig, Arc<Behaviour>),
        now: Timestamp,
    ) -> Result<Self, RestoreError> {
        let ImageGcSnapshot { version, mut state } = snapshot;
        if version != ImageGcSnapshot::VERSION {
            return Err(RestoreError::Version { found: version, supported: ImageGcSnapshot::VERSION });
        }
        config.policy.validate().map_err(|error| RestoreError::Mismatch {
            what: "image garbage collection policy",
            found: error.to_string(),
            expected: "a valid one".into(),
        })?;
        let back = state.now.since(now);
        if !back.is_zero() {
            state.move_back(back);
        }
        Ok(Self { config, behaviour, state })
    }
}

impl State {
    fn move_back(&mut self, by: Duration) {
        for time in [&mut self.now, &mut self.next_detection, &mut self.next_collection] {
            *time = time.moved_back(by);
        }
        self.began = self.began.map(|began| began.moved_back(by));
        self.records.move_back(by);
        self.phase.move_back(by);
        if let Some(collection) = &mut self.collection {
            collection.move_back(by);
        }
    }
}
