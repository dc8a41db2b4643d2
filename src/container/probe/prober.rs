//! The machine of one probe of one container.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::state::{Attempt, State};
use super::{
    CompiledProbe, ProbeAnswer, ProbeFault, ProbeKind, ProbeResult, ProberAction, ProberEvent, Sight,
};
use crate::api::ContainerId;
use crate::machine::{Machine, Operations, Timestamp};

/// How many attempts a run makes when they cannot be made.
const ATTEMPTS: u8 = 3;

/// One probe of one container as a machine: it asks, and makes a result of the answers.
///
/// The rules are the kubelet's:
///
/// * A new instance begins with [`ProbeKind::initial_result`]. Its result changes when as many answers in a row
///   say so as the threshold for it wants. An instance that does not run has failed.
/// * Nothing is asked within the initial delay. Until the instance has started only the startup probe asks, and
///   from then on all others do.
/// * After a failure of liveness, and after any result of startup, nothing is asked until there is another
///   instance. (The run of equal answers goes on across instances.)
/// * It ends when the pod's phase is terminal, when the container has ended and does not run again, and, for
///   liveness and startup, when the pod is being stopped: readiness goes on, so that traffic does until the app
///   says otherwise.
/// * An attempt that cannot be made is made again, three times at most; then the run counts for nothing.
///
/// Its pace differs. The kubelet's workers look once a period, so that a question that has become due waits for up
/// to a period; here it is asked when its time has come: when the instance is seen to run, when the initial delay
/// is over, when the container has started. From then on it is asked once a period. And where the kubelet waits
/// for an attempt for as long as it takes, here one that is not answered within its timeout and
/// [`ProberSettings::slack`] counts as one that could not be made.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use node_lifecycle::api::{Container, PodPhase, Probe};
/// use node_lifecycle::container::{
///     ProbeAtExit, CompiledProbe, InstanceSight, InstanceState, PodSight, ProbeAnswer, ProbeKind, ProbeResult, Prober,
///     ProberAction, ProberEvent, ProberSettings, Sight,
/// };
/// use node_lifecycle::machine::{Machine, Timestamp};
///
/// let probe: Probe = serde_json::from_str(
///     r#"{"httpGet": {"port": 80}, "initialDelaySeconds": 5, "successThreshold": 2}"#)?;
/// let probe = CompiledProbe::new(ProbeKind::Readiness, &probe, &Container::default(), ProbeAtExit::Waits);
/// let start = Timestamp::from_unix_seconds(0);
/// let mut prober = Prober::new(Arc::new(probe), ProberSettings::default(), Duration::ZERO, start);
///
/// let mut actions = Vec::new();
/// let sight = Sight {
///     pod: PodSight { phase: PodPhase::Running, deleted: false },
///     instance: Some(InstanceSight {
///         id: "c1".into(),
///         state: InstanceState::Running { started_at: start },
///         started: true,
///     }),
/// };
/// prober.step(start, ProberEvent::Seen(sight), &mut actions);
/// assert_eq!(prober.result(), Some(ProbeResult::Failure), "not ready until it says so");
///
/// // Asked at 5 s and at 15 s; the second success in a row is the threshold.
/// for seconds in [5, 15] {
///     assert_eq!(prober.next_wakeup(), Some(Timestamp::from_unix_seconds(seconds)));
///     let now = Timestamp::from_unix_seconds(seconds);
///     actions.clear();
///     prober.wake(now, &mut actions);
///     let [ProberAction::Attempt { operation, .. }] = actions[..] else { panic!("{actions:?}") };
///     prober.step(now, ProberEvent::Answered { operation, answer: ProbeAnswer::Success }, &mut actions);
/// }
/// assert_eq!(prober.result(), Some(ProbeResult::Success));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Prober {
    pub(super) probe: Arc<CompiledProbe>,
    pub(super) settings: ProberSettings,
    pub(super) state: State,
    pub(super) wakeup: Option<Timestamp>,
}

/// The settings of a prober.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProberSettings {
    /// How long after its timeout an attempt may be answered before it counts as one that could not be made:
    /// 10 s.
    pub slack: Duration,
    /// What makes it run.
    pub pace: Pace,
}

impl Default for ProberSettings {
    fn default() -> Self {
        Self { slack: Duration::from_secs(10), pace: Pace::default() }
    }
}

/// What makes a prober run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Pace {
    /// Its period, and [`ProberEvent::Run`].
    #[default]
    Period,
    /// [`ProberEvent::Run`] only: for whoever keeps the periods of many probers elsewhere, and for replays.
    Asked,
}

impl Prober {
    /// A prober that has seen nothing yet and asks nothing for `jitter`, of which no more than a period counts.
    #[must_use]
    pub fn new(
        probe: Arc<CompiledProbe>,
        settings: ProberSettings,
        jitter: Duration,
        now: Timestamp,
    ) -> Self {
        let mut state = State::new(now);
        state.quiet_until = now + jitter.min(probe.period);
        Self { probe, settings, state, wakeup: None }
    }

    /// What it was made of.
    #[must_use]
    pub const fn probe(&self) -> &Arc<CompiledProbe> {
        &self.probe
    }

    /// The instance that it asks and that its result is of.
    #[must_use]
    pub const fn instance(&self) -> Option<&ContainerId> {
        self.state.id.as_ref()
    }

    /// What it says of its instance; `None` before the first one. After its end, what it said last.
    #[must_use]
    pub const fn result(&self) -> Option<ProbeResult> {
        self.state.result
    }

    /// How many equal answers came in a row. A result after which nothing is asked sets it to 0.
    #[must_use]
    pub const fn result_run(&self) -> u32 {
        self.state.result_run
    }

    /// Whether it asks nothing until there is another instance.
    #[must_use]
    pub const fn is_on_hold(&self) -> bool {
        self.state.on_hold
    }

    /// Whether it is over. Only [`ProbeAtExit::Ends`](super::ProbeAtExit) leaves it a way back.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.state.ended
    }

    /// What it saw last.
    #[must_use]
    pub const fn sight(&self) -> &Sight {
        &self.state.sight
    }

    fn handle(&mut self, event: ProberEvent, actions: &mut Vec<ProberAction>) {
        match event {
            ProberEvent::Seen(sight) => self.state.see(&self.probe, sight, actions),
            ProberEvent::Run => {
                let may_ask = self.state.opens_at(&self.probe).is_some_and(|at| at <= self.state.now);
                self.state.wanted |= may_ask || self.state.attempt.is_some();
            }
            ProberEvent::Answered { operation, answer } => {
                if let Some(attempt) = self.state.attempt.take_if(|attempt| attempt.operation == operation) {
                    self.take(attempt, answer, actions);
                }
            }
            ProberEvent::Updated(probe) => {
                if probe.kind == self.probe.kind && probe != self.probe {
                    self.probe = probe;
                    self.state.attempt = None;
                    self.state.next = self.state.now;
                }
            }
            ProberEvent::AgentStarted { epoch, jitter } => {
                let next = self.state.operations.epoch().saturating_add(1);
                self.state.operations = Operations::of_epoch(epoch.max(next));
                self.state.sight = Sight::default();
                self.state.attempt = None;
                self.state.wanted = false;
                self.state.quiet_until = self.state.now + jitter.min(self.probe.period);
            }
        }
    }

    /// Everything that is due.
    fn settle(&mut self, actions: &mut Vec<ProberAction>) {
        let now = self.state.now;
        if let Some(attempt) = self.state.attempt.take_if(|attempt| attempt.deadline <= now) {
            self.take(attempt, ProbeAnswer::Error, actions);
        }
        if let Some(due) = self.due().filter(|due| *due <= now) {
            self.run(due, actions);
        }
        self.wakeup = self.compute_wakeup();
    }

    /// When the next run begins if nothing happens first.
    fn due(&self) -> Option<Timestamp> {
        let opens = self.state.opens_at(&self.probe)?;
        let next = match self.settings.pace {
            _ if self.state.wanted => self.state.quiet_until,
            Pace::Period => self.state.next.max(self.state.quiet_until),
            Pace::Asked => return None,
        };
        Some(opens.max(next))
    }

    /// Begins the run that was due.
    fn run(&mut self, due: Timestamp, actions: &mut Vec<ProberAction>) {
        let (now, period) = (self.state.now, self.probe.period);
        // One that is wanted at once, or comes a period too late, sets the pace anew.
        let wanted = std::mem::take(&mut self.state.wanted);
        let from = if wanted || now.since(due) >= period { now } else { due };
        self.state.next = from + period;
        self.attempt(1, actions);
    }

    fn attempt(&mut self, number: u8, actions: &mut Vec<ProberAction>) {
        let Some(id) = self.state.id.clone() else { return };
        let CompiledProbe { kind: probe, timeout, .. } = *self.probe;
        match &self.probe.check {
            Ok(check) => {
                let operation = self.state.operations.issue();
                let deadline = self.state.now + timeout.saturating_add(self.settings.slack);
                self.state.attempt = Some(Attempt { operation, number, deadline });
                let check = Arc::clone(check);
                actions.push(ProberAction::Attempt { operation, id, probe, timeout, check });
            }
            Err(error) => {
                let fault = ProbeFault::Check(error.clone());
                actions.push(ProberAction::Errored { id, probe, fault });
            }
        }
    }

    /// Takes what an attempt came to.
    fn take(&mut self, attempt: Attempt, answer: ProbeAnswer, actions: &mut Vec<ProberAction>) {
        if answer != ProbeAnswer::Error {
            self.state.take(&self.probe, answer, actions);
        } else if attempt.number < ATTEMPTS {
            self.attempt(attempt.number + 1, actions);
        } else if let Some(id) = self.state.id.clone() {
            let (probe, fault) = (self.probe.kind, ProbeFault::NoAnswer);
            actions.push(ProberAction::Errored { id, probe, fault });
        }
    }

    pub(super) fn compute_wakeup(&self) -> Option<Timestamp> {
        let deadline = self.state.attempt.map(|attempt| attempt.deadline);
        deadline.into_iter().chain(self.due()).filter(|at| *at > self.state.now).min()
    }
}

impl ProbeKind {
    /// What a probe says of an instance that it has not asked yet: it is alive, it is not ready, and whether it has
    /// started is not known.
    #[must_use]
    pub const fn initial_result(self) -> ProbeResult {
        match self {
            Self::Startup => ProbeResult::Unknown,
            Self::Liveness => ProbeResult::Success,
            Self::Readiness => ProbeResult::Failure,
        }
    }
}

impl Machine for Prober {
    type Event = ProberEvent;
    type Action = ProberAction;

    fn step(&mut self, now: Timestamp, event: ProberEvent, actions: &mut Vec<ProberAction>) {
        if matches!(event, ProberEvent::AgentStarted { .. }) {
            // What was due in the agent's last life is void.
            self.state.now = self.state.now.max(now);
        } else {
            self.wake(now, actions);
        }
        self.handle(event, actions);
        self.settle(actions);
    }

    fn wake(&mut self, now: Timestamp, actions: &mut Vec<ProberAction>) {
        self.state.now = self.state.now.max(now);
        if self.wakeup.is_some_and(|due| due <= self.state.now) {
            self.settle(actions);
        }
    }

    fn next_wakeup(&self) -> Option<Timestamp> {
        self.wakeup
    }
}
