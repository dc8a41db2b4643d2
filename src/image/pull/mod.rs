//! The machine for all pulls of a node.

mod bucket;
mod config;
mod decision;
mod finish;
mod message;
mod progress;
mod snapshot;
mod start;
mod state;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use crate::api::{GoDuration, ImagePullPolicy};
use crate::behaviour::{Behaviour, Compat};
use crate::image::{ImageEvent, ImageReference, ImageReferenceError};
use crate::machine::{Machine, OperationId, Operations, Timestamp};

pub use bucket::TokenBucket;
pub use config::{PrefetchBudget, PullConfig, PullConfigError, PullRateLimit};
pub use decision::{ImagePresence, PullDecision, PullFailure, PullReason, failed_pull, pull_decision};
pub use message::{
    PullId, PullPod, PullProgress, PullRequest, PullResult, PullStanding, PullUrgency, PullerAction,
    PullerEvent, PullerNote, PullerOutcome,
};
pub use snapshot::PullerSnapshot;
use state::{Asked, State, Target};

/// Every so many pulls it is the turn of the one that has waited longest, whatever the urgency of the others.
pub const FAIR_PULL_TURN: u32 = 4;

/// The machine for all pulls of a node.
///
/// A request goes so:
///
/// 1. Unless it has to be pulled in any case, the runtime is [asked](PullerAction::Look) whether the image is there.
/// 2. An image that could not be pulled is not tried again for a while: the request fails at once. The delay goes by
///    image and credentials, doubles with each failure, and ends with a success.
/// 3. It waits for its turn. Requests for the same image with the same credentials share one pull, and there are never
///    two of these at once.
/// 4. The image is [pulled](PullerAction::Pull).
/// 5. If it has to be [signed](PullConfig::signatures), its signature is [asked for](PullerAction::VerifySignature).
///    Whatever comes of it, an image that has to be signed is not handed out without an answer that it is. Other requests
///    do not wait for it meanwhile.
///
/// The answer to a request that failed is final; whoever still needs the image asks again.
///
/// # Whose turn it is
///
/// What is [urgent](PullUrgency) goes first: what the node cannot do without, what a pod's next container waits for,
/// what belongs to a pod of high priority, what came first. Every [fourth](FAIR_PULL_TURN) pull is that of the one that
/// has waited longest, so that each has its turn in the end. What is only fetched
/// [ahead of time](PullRequest::prefetch) comes last, and gives way to what is wanted now.
///
/// A pull that the [rate limit](PullConfig::rate_limit) holds up waits for the next token.
///
/// # What does not end
///
/// A pull that is not answered in time, or of which progress was heard and that makes none any more, is given up. One
/// that nobody wants any more is [cancelled](PullerAction::CancelPull).
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use node_lifecycle::image::{
///     PullConfig, PullId, PullRequest, Puller, PullerAction, PullerEvent, PullerOutcome, ImagePresence,
/// };
/// use node_lifecycle::machine::{Machine, Timestamp};
///
/// let now = Timestamp::UNIX_EPOCH;
/// let mut puller = Puller::new(PullConfig::default(), Arc::default(), now)?;
/// let mut actions = Vec::new();
/// let id = PullId::Container { pod: "uid".into(), name: "app".into() };
/// puller.step(now, PullerEvent::Wanted(Arc::new(PullRequest::new(id, "nginx:1.27"))), &mut actions);
///
/// // Carry out what it asks for, and say what came of it. Here the runtime does not have the image.
/// let PullerAction::Look { operation, .. } = actions[0] else { panic!() };
/// actions.clear();
/// let outcome = PullerOutcome::Looked(ImagePresence::Absent);
/// puller.step(now, PullerEvent::Done { operation, outcome }, &mut actions);
/// let [PullerAction::Record { event, .. }, PullerAction::Pull { image, .. }] = &actions[..] else { panic!() };
/// assert_eq!(&*event.message, r#"Pulling image "nginx:1.27""#);
/// assert_eq!(&**image, "nginx:1.27");
/// # Ok::<(), node_lifecycle::image::PullConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Puller {
    config: PullConfig,
    behaviour: Arc<Behaviour>,
    state: State,
}

impl Puller {
    /// Nothing is wanted yet.
    ///
    /// # Errors
    /// [`PullConfigError`] when the configuration is not [valid](PullConfig::validate).
    pub fn new(
        config: PullConfig,
        behaviour: Arc<Behaviour>,
        now: Timestamp,
    ) -> Result<Self, PullConfigError> {
        config.validate()?;
        let state = State::new(&config, now);
        Ok(Self { config, behaviour, state })
    }

    /// Whether a request waits for its answer.
    #[must_use]
    pub fn is_wanted(&self, id: &PullId) -> bool {
        self.state.requests.contains_key(id)
    }

    /// How many pulls are under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.state.running.len()
    }

    /// The delay that stands after the last failure of what a request asks for; zero without one.
    #[must_use]
    pub fn back_off(&self, request: &PullRequest) -> Duration {
        let Ok((_, target)) = resolve(request) else { return Duration::ZERO };
        self.state.back_off.delay(&back_off_key(request, &target, self.behaviour.compat))
    }

    fn by_arrival(&self) -> bool {
        self.behaviour.compat.pull_in_order_of_arrival
    }

    fn wanted(&mut self, request: Arc<PullRequest>, actions: &mut Vec<PullerAction>) {
        let before = self.state.requests.get(&request.id);
        if before.is_some_and(|asked| asked.request == request) {
            return;
        }
        let before = self.forget(&request.id);
        self.state.arrived = self.state.arrived.saturating_add(1);
        match resolve(&request) {
            Ok((image, target)) => {
                let (arrived, since) = (self.state.arrived, self.state.now);
                let id = request.id.clone();
                let (look, held, looked_again) = (None, None, false);
                let asked = Asked { request, image, target, arrived, look, looked_again, held, since };
                self.state.requests.insert(id.clone(), asked);
                self.accept(&id, actions);
            }
            Err(error) => {
                let (image, error) = (&request.image, error.kubelet_message(&request.image));
                let message = format!("Failed to apply default image tag {image:?}: {error}");
                refuse(&request, PullFailure::new(PullReason::InvalidImageName, message), actions);
            }
        }
        if let Some(target) = before {
            self.drop_unwanted(&target, actions);
        }
    }

    fn unwanted(&mut self, id: &PullId, actions: &mut Vec<PullerAction>) {
        if let Some(target) = self.forget(id) {
            self.drop_unwanted(&target, actions);
        }
    }

    /// Forgets a request, and says which pull it waited for.
    fn forget(&mut self, id: &PullId) -> Option<Target> {
        let asked = self.state.requests.remove(id)?;
        if let Some(held) = asked.held {
            self.state.release(id, held.check);
            return None;
        }
        match asked.look {
            Some((operation, until)) => {
                self.state.looks.remove(&operation);
                self.state.deadlines.remove(&(until, operation));
                None
            }
            None => {
                let by_arrival = self.by_arrival();
                self.state.leave(id, &asked.target, by_arrival);
                Some(asked.target)
            }
        }
    }

    /// A request begins.
    fn accept(&mut self, id: &PullId, actions: &mut Vec<PullerAction>) {
        let Some(asked) = self.state.requests.get(id) else { return };
        let request = &asked.request;
        if request.prefetch && request.no_cache {
            let why = "not fetched ahead of time: the image is pulled anew for each pod";
            return self.fail(id, PullFailure::new(PullReason::PrefetchRefused, why), actions);
        }
        let is_under_way = self.state.pulls.get(&asked.target).is_some_and(|pull| pull.running().is_some());
        match request.policy {
            ImagePullPolicy::Never if request.no_cache => self.decide(id, &ImagePresence::Absent, actions),
            ImagePullPolicy::Always | ImagePullPolicy::IfNotPresent if is_under_way => self.join(id, actions),
            ImagePullPolicy::Always => self.pull(id, actions),
            ImagePullPolicy::IfNotPresent if request.no_cache => self.pull(id, actions),
            ImagePullPolicy::IfNotPresent | ImagePullPolicy::Never => self.look(id, actions),
        }
    }

    /// Asks whether an image is there.
    fn look(&mut self, id: &PullId, actions: &mut Vec<PullerAction>) {
        let Some(asked) = self.state.requests.get_mut(id) else { return };
        let operation = self.state.operations.issue();
        let until = self.state.now + self.config.call_timeout;
        asked.look = Some((operation, until));
        self.state.looks.insert(operation, id.clone());
        self.state.deadlines.insert((until, operation));
        let (image, request) = (Arc::clone(&asked.image), Arc::clone(&asked.request));
        actions.push(PullerAction::Look { operation, image, request });
    }

    fn looked(&mut self, operation: OperationId, presence: &ImagePresence, actions: &mut Vec<PullerAction>) {
        let Some(id) = self.state.looks.remove(&operation) else { return };
        let look = self.state.requests.get_mut(&id).and_then(|asked| asked.look.take());
        if let Some((operation, until)) = look {
            self.state.deadlines.remove(&(until, operation));
        }
        self.decide(&id, presence, actions);
    }

    fn decide(&mut self, id: &PullId, presence: &ImagePresence, actions: &mut Vec<PullerAction>) {
        let Some(asked) = self.state.requests.get(id) else { return };
        let request = &asked.request;
        match pull_decision(&request.image, request.policy, presence) {
            PullDecision::Pull => self.pull(id, actions),
            PullDecision::Refuse(failure) => self.fail(id, failure, actions),
            PullDecision::Use(image_ref) => {
                if !request.prefetch {
                    self.state.prefetched.remove(&asked.target.image);
                }
                let event = ImageEvent::present(&request.image);
                if let Some(asked) = self.state.requests.remove(id) {
                    self.hand_out(asked, event, PullResult::Present { image_ref }, actions);
                }
            }
        }
    }

    /// Has an image pulled, unless that has just failed.
    fn pull(&mut self, id: &PullId, actions: &mut Vec<PullerAction>) {
        let Some(asked) = self.state.requests.get(id) else { return };
        let key = back_off_key(&asked.request, &asked.target, self.behaviour.compat);
        if asked.looked_again || !self.state.back_off.is_in_back_off_since_update(&key, self.state.now) {
            return self.join(id, actions);
        }
        self.refuse_for_now(asked, actions);
        self.state.requests.remove(id);
    }

    /// Waits for a pull.
    fn join(&mut self, id: &PullId, actions: &mut Vec<PullerAction>) {
        let by_arrival = self.by_arrival();
        self.state.join(id, by_arrival);
        let Some(asked) = self.state.requests.get(id) else { return };
        let Some(running) = self.state.pulls.get(&asked.target).and_then(|pull| pull.running()) else {
            return;
        };
        if !running.is_cancelled {
            record(&asked.request, ImageEvent::pulling(&asked.request.image), actions);
        }
        let target = asked.target.clone();
        self.serve_usable(&target, actions);
    }

    fn fail(&mut self, id: &PullId, failure: PullFailure, actions: &mut Vec<PullerAction>) {
        if let Some(asked) = self.state.requests.remove(id) {
            refuse(&asked.request, failure, actions);
        }
    }

    fn done(&mut self, operation: OperationId, outcome: &PullerOutcome, actions: &mut Vec<PullerAction>) {
        match outcome {
            PullerOutcome::Looked(presence) => self.looked(operation, presence, actions),
            PullerOutcome::Failed(error) if self.state.looks.contains_key(&operation) => {
                self.looked(operation, &ImagePresence::Unknown(Arc::clone(error)), actions);
            }
            PullerOutcome::Verified(verdict) => self.verified(operation, Ok(verdict), actions),
            PullerOutcome::Failed(error) if self.state.signatures.checks.contains_key(&operation) => {
                self.verified(operation, Err(error), actions);
            }
            _ => self.ended(operation, outcome, actions),
        }
    }

    fn restart_agent(&mut self, epoch: u32, actions: &mut Vec<PullerAction>) {
        let state = &mut self.state;
        state.operations = Operations::of_epoch(epoch);
        state.looks.clear();
        state.pulls.clear();
        state.queue.clear();
        state.arrivals.clear();
        state.running.clear();
        state.busy.clear();
        state.deadlines.clear();
        self.restart_checks(actions);
        let mut waiting: Vec<_> =
            self.state.requests.values().map(|asked| (asked.arrived, asked.request.id.clone())).collect();
        waiting.sort();
        for (_, id) in waiting {
            if let Some(asked) = self.state.requests.get_mut(&id) {
                (asked.look, asked.held, asked.looked_again) = (None, None, false);
                self.accept(&id, actions);
            }
        }
    }

    /// What was not answered in time. Whether there was anything.
    fn give_up(&mut self, actions: &mut Vec<PullerAction>) -> bool {
        let mut any = false;
        while let Some((until, operation)) = self.state.deadlines.first().copied()
            && until <= self.state.now
        {
            any = true;
            self.state.deadlines.pop_first();
            if self.state.looks.contains_key(&operation) {
                actions.push(PullerAction::Note(PullerNote::TimedOut { operation }));
                let error = format!("no answer within {}", GoDuration(self.config.call_timeout));
                self.looked(operation, &ImagePresence::Unknown(error.into()), actions);
            } else if self.state.signatures.checks.contains_key(&operation) {
                self.check_overdue(operation, actions);
            } else {
                self.overdue(operation, actions);
            }
        }
        any
    }
}

impl Machine for Puller {
    type Event = PullerEvent;
    type Action = PullerAction;

    fn step(&mut self, now: Timestamp, event: PullerEvent, actions: &mut Vec<PullerAction>) {
        if let PullerEvent::AgentStarted { epoch } = event {
            self.state.now = self.state.now.max(now);
            self.restart_agent(epoch, actions);
            return self.start_pulls(actions);
        }
        self.wake(now, actions);
        match event {
            PullerEvent::Wanted(request) => self.wanted(request, actions),
            PullerEvent::Unwanted(id) => self.unwanted(&id, actions),
            PullerEvent::Done { operation, outcome } => self.done(operation, &outcome, actions),
            PullerEvent::Progress { operation, progress } => self.progress(operation, progress, actions),
            PullerEvent::Usable { operation, image_ref } => self.usable(operation, &image_ref, actions),
            PullerEvent::Removed(image) => {
                let reference = image.parse::<ImageReference>().ok();
                self.state.prefetched.retain(|prefetched, (image_ref, _)| {
                    Some(prefetched) != reference.as_ref() && *image_ref != image
                });
            }
            PullerEvent::AgentStarted { .. } => {}
        }
        self.start_pulls(actions);
    }

    fn wake(&mut self, now: Timestamp, actions: &mut Vec<PullerAction>) {
        self.state.now = self.state.now.max(now);
        let any = self.give_up(actions);
        if any || self.state.blocked_until.is_some_and(|until| until <= self.state.now) {
            self.start_pulls(actions);
        }
    }

    fn next_wakeup(&self) -> Option<Timestamp> {
        let deadline = self.state.deadlines.first().map(|(until, _)| *until);
        // At the end of time nothing is due.
        [deadline, self.state.blocked_until].into_iter().flatten().min().filter(|due| *due < Timestamp::MAX)
    }
}

/// By what the delays go: image and credentials, or, for the kubelet, the pod and what it wrote.
fn back_off_key(request: &PullRequest, target: &Target, compat: Compat) -> String {
    if compat.keep_pull_back_off {
        format!("{}_{}", request.id.pod().map_or("", |uid| uid.as_str()), request.image)
    } else {
        target.back_off_key()
    }
}

/// A reference with its tag, and what a pull of it is shared by.
fn resolve(request: &PullRequest) -> Result<(Arc<str>, Target), ImageReferenceError> {
    let tagged = ImageReference::with_default_tag(&request.image)?;
    let target = Target {
        image: request.image.parse()?,
        credentials: Arc::clone(&request.credentials),
        runtime_handler: Arc::clone(&request.runtime_handler),
        owner: request.no_cache.then(|| request.id.pod().cloned().unwrap_or_default()),
    };
    Ok((tagged.into(), target))
}

fn record(request: &PullRequest, event: ImageEvent, actions: &mut Vec<PullerAction>) {
    if !request.prefetch {
        actions.push(PullerAction::Record { id: request.id.clone(), event: Box::new(event) });
    }
}

fn answer(asked: &Asked, result: PullResult, actions: &mut Vec<PullerAction>) {
    actions.push(PullerAction::Answer { id: asked.request.id.clone(), result: Box::new(result) });
}

/// A request fails before any pull.
fn refuse(request: &PullRequest, failure: PullFailure, actions: &mut Vec<PullerAction>) {
    record(request, failure.event(), actions);
    let result = Box::new(PullResult::Failed(failure));
    actions.push(PullerAction::Answer { id: request.id.clone(), result });
}
