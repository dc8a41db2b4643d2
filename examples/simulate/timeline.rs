//! From a trace to lanes: what each container of a pod did from when to when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{ConditionStatus, PodCondition, PodPhase};
use node_lifecycle::container::{ContainerKind, ProbeAnswer, ProbeKind, ProbeResult};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::ordering::Direction;
use node_lifecycle::pod::{CompiledPod, ViewState, WaitingReason};
use node_lifecycle::sim::{Fault, TraceEntry, TraceEvent};

use super::axis::{Axis, Layout};
use super::state::{End, Mark, Standing, State};
use super::time::short;

/// What happened to one pod. All times count from the start of the run.
#[derive(Debug)]
pub(crate) struct Timeline {
    /// `<namespace>/<name>`.
    pub(crate) name: Arc<str>,
    /// What it was made from.
    pub(crate) source: String,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) phases: Vec<(Duration, PodPhase)>,
    /// What its conditions come to, from when on.
    pub(crate) standings: Vec<(Duration, Standing)>,
    /// What happened to its conditions that is worth a word.
    pub(crate) facts: Vec<(Duration, String)>,
    /// When the node's agent was restarted.
    pub(crate) restarts: Vec<Duration>,
    pub(crate) ready_at: Option<Duration>,
    pub(crate) deleted: Option<Deletion>,
    pub(crate) terminated_at: Option<Duration>,
    pub(crate) gone_at: Option<Duration>,
    /// When its first sandbox was there.
    pub(crate) sandbox_at: Option<Duration>,
    /// Calls that went wrong on purpose: when, which call, and how.
    pub(crate) faults: Vec<(Duration, String, Fault)>,
    /// When it is gone, or when nobody looks any more.
    pub(crate) end: Duration,
    start: Timestamp,
    own_grace: i64,
    last_call: String,
    /// The conditions that hold.
    holds: BTreeSet<Arc<str>>,
}

/// The deletion of a pod.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deletion {
    pub(crate) at: Duration,
    pub(crate) grace_seconds: i64,
}

/// What one container did.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) name: Arc<str>,
    pub(crate) kind: ContainerKind,
    /// What it follows on the way up, and on the way down.
    pub(crate) follows: (Vec<Arc<str>>, Vec<Arc<str>>),
    pub(crate) spans: Vec<Span>,
    pub(crate) exits: Vec<Exit>,
    /// What went wrong with its probes and hooks.
    pub(crate) marks: Vec<(Duration, Mark)>,
    /// What its probes and hooks did, in words.
    pub(crate) words: Vec<(Duration, String)>,
    /// When its instances began to run.
    pub(crate) starts: Vec<Duration>,
    /// When it was first ready; of an init container, when it was done.
    pub(crate) ready_at: Option<Duration>,
    /// When it was last told to stop.
    pub(crate) told_to_stop_at: Option<Duration>,
    is_ready: bool,
}

/// Something that a container did for a while.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
    pub(crate) state: State,
    /// More about it.
    pub(crate) detail: Detail,
}

/// More about what a container did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Detail {
    #[default]
    None,
    /// What it waits for, in the API's word, and what the runtime said.
    Because(Option<WaitingReason>, Arc<str>),
    /// The seconds that it has got.
    Seconds(u64),
}

/// The end of an instance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exit {
    pub(crate) at: Duration,
    pub(crate) code: i32,
    pub(crate) end: End,
}

/// The timelines of several pods, made from the one trace of their node.
#[derive(Debug, Default)]
pub(crate) struct Timelines {
    pods: Vec<Timeline>,
    by_name: BTreeMap<Arc<str>, usize>,
}

impl Timelines {
    /// A pod that will be in the trace.
    pub(crate) fn expect(&mut self, name: Arc<str>, source: String, pod: &CompiledPod, start: Timestamp) {
        self.by_name.insert(Arc::clone(&name), self.pods.len());
        self.pods.push(Timeline::new(name, source, pod, start));
    }

    pub(crate) fn take(&mut self, entry: &TraceEntry) {
        if let Some(pod) = self.by_name.get(&entry.pod).and_then(|at| self.pods.get_mut(*at)) {
            pod.take(entry);
        }
    }

    /// All of them, as of the time when nobody looks any more.
    pub(crate) fn finish(mut self, end: Duration) -> Vec<Timeline> {
        for pod in &mut self.pods {
            pod.finish(end);
        }
        self.pods
    }
}

impl Timeline {
    fn new(name: Arc<str>, source: String, pod: &CompiledPod, start: Timestamp) -> Self {
        Self {
            name,
            source,
            lanes: pod.containers().iter().map(|container| Lane::new(pod, &container.name)).collect(),
            phases: vec![(Duration::ZERO, PodPhase::Pending)],
            standings: vec![(Duration::ZERO, Standing::Nothing)],
            facts: Vec::new(),
            restarts: Vec::new(),
            ready_at: None,
            deleted: None,
            terminated_at: None,
            gone_at: None,
            sandbox_at: None,
            faults: Vec::new(),
            end: Duration::ZERO,
            start,
            own_grace: pod.spec.termination_grace_period_seconds.unwrap_or(30),
            last_call: String::new(),
            holds: BTreeSet::new(),
        }
    }

    /// Whether it is ready as a whole: all that stays is.
    fn is_ready(&self) -> bool {
        self.lanes.iter().filter(|lane| lane.stays()).all(|lane| lane.is_ready)
    }

    /// A time in few characters: from the start of the run, and once the pod is deleted from its deletion.
    pub(crate) fn clock(&self, at: Duration) -> String {
        match self.deleted.and_then(|deletion| at.checked_sub(deletion.at)) {
            Some(after) if !after.is_zero() => format!("+{}", short(after)),
            _ => short(at),
        }
    }

    /// An axis for all that happened.
    pub(crate) fn axis(&self, layout: Layout) -> Axis {
        let spans = self.lanes.iter().flat_map(|lane| &lane.spans);
        let moments = spans.flat_map(|span| [span.from, span.to]);
        let marks = self.lanes.iter().flat_map(|lane| lane.marks.iter().map(|(at, _)| *at));
        let moments = moments.chain(self.phases.iter().map(|(at, _)| *at)).chain([self.end]);
        let moments = moments.chain(marks).chain(self.restarts.iter().copied());
        let exits: Vec<_> = self.lanes.iter().flat_map(|lane| &lane.exits).map(|exit| exit.at).collect();
        Axis::new(moments, &exits, self.deleted.map(|deletion| deletion.at), layout)
    }

    pub(crate) fn phase(&self) -> Option<PodPhase> {
        self.phases.last().map(|(_, phase)| *phase)
    }

    pub(crate) fn reached(&self, phase: PodPhase) -> Option<Duration> {
        self.phases.iter().find(|(_, reached)| *reached == phase).map(|(at, _)| *at)
    }

    fn take(&mut self, entry: &TraceEntry) {
        let at = entry.at - self.start;
        match &entry.event {
            TraceEvent::PodDeleted { grace_seconds } => {
                let grace_seconds = grace_seconds.unwrap_or(self.own_grace);
                self.deleted.get_or_insert(Deletion { at, grace_seconds });
                self.give_up_starts(at);
            }
            TraceEvent::Phase { phase } => {
                if self.phase() != Some(*phase) {
                    self.phases.push((at, *phase));
                }
            }
            TraceEvent::PodTerminated => {
                self.terminated_at = Some(at);
                self.give_up_starts(at);
            }
            TraceEvent::SandboxReady { .. } => {
                self.sandbox_at.get_or_insert(at);
            }
            TraceEvent::PodFinished => self.gone_at = Some(at),
            TraceEvent::AgentRestarted | TraceEvent::AgentReplaced => self.restarts.push(at),
            TraceEvent::Condition { condition, status, reason } => {
                self.condition(at, condition, *status, reason);
            }
            TraceEvent::ConditionGone { condition } => {
                self.condition(at, condition, ConditionStatus::False, "");
            }
            TraceEvent::ProbeFault { container, probe, fault } => {
                let call = format!("asking the {} probe of {container}", kind(*probe));
                self.faults.push((at, call, *fault));
            }
            TraceEvent::Fault { fault } => {
                self.faults.push((at, std::mem::take(&mut self.last_call), *fault));
            }
            event => {
                if let Some(lane) = event_container(event).and_then(|name| self.lane(name)) {
                    lane.take(at, event);
                }
            }
        }
        if self.ready_at.is_none() && self.is_ready() {
            self.ready_at = Some(at);
        }
        if let Some(call) = call(&entry.event) {
            self.last_call = call;
        }
    }

    fn condition(&mut self, at: Duration, condition: &Arc<str>, status: ConditionStatus, reason: &str) {
        let holds = status == ConditionStatus::True;
        let is_news =
            if holds { self.holds.insert(Arc::clone(condition)) } else { self.holds.remove(condition) };
        let is = |condition| self.holds.contains(condition);
        let standing = if is(PodCondition::ALL_CONTAINERS_RESTARTING) {
            Standing::Restarting
        } else if is(PodCondition::READY) {
            Standing::Ready
        } else if is(PodCondition::INITIALIZED) && is(PodCondition::READY_TO_START_CONTAINERS) {
            Standing::Initialized
        } else if is(PodCondition::READY_TO_START_CONTAINERS) {
            Standing::Network
        } else {
            Standing::Nothing
        };
        if self.standings.last().is_none_or(|(_, last)| *last != standing) {
            self.standings.push((at, standing));
        }
        if !is_news {
            return;
        }
        let because = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        let fact = match (&**condition, holds) {
            (PodCondition::READY, false) => format!("the pod is not ready any more{because}"),
            (PodCondition::ALL_CONTAINERS_RESTARTING, true) => "all containers are restarted".to_owned(),
            (PodCondition::DISRUPTION_TARGET, true) => {
                format!("the pod is the target of a disruption{because}")
            }
            _ => return,
        };
        self.facts.push((at, fact));
    }

    /// What has not been started will not be.
    fn give_up_starts(&mut self, at: Duration) {
        for lane in &mut self.lanes {
            if matches!(lane.state(), State::Waiting | State::Pulling | State::BackOff) {
                lane.enter(at, State::Ended, Detail::None);
            }
        }
    }

    fn lane(&mut self, name: &str) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|lane| &*lane.name == name)
    }

    fn finish(&mut self, end: Duration) {
        self.end = self.gone_at.unwrap_or(end);
        for lane in &mut self.lanes {
            lane.close(self.end);
            lane.spans.retain(|span| span.from < span.to);
        }
    }
}

impl Lane {
    fn new(pod: &CompiledPod, name: &Arc<str>) -> Self {
        let index = pod.index_of(name);
        let kind =
            index.and_then(|index| pod.container(index)).map_or(ContainerKind::App, |found| found.kind);
        let ordering = pod.ordering();
        // What comes immediately before it: the last group that it waits for.
        let before = |direction, all: node_lifecycle::container::ContainerSet| {
            let stages = ordering.stages(direction);
            let last = stages.into_iter().rev().map(|stage| stage.intersection(all));
            let last = last.into_iter().find(|stage| !stage.is_empty()).unwrap_or_default();
            last.iter().map(|index| Arc::from(pod.name_of(index))).collect()
        };
        let follows = index.map_or_else(Default::default, |index| {
            (
                before(Direction::Start, ordering.start_after(index)),
                before(Direction::Stop, ordering.stop_after(index)),
            )
        });
        let waits =
            Span { from: Duration::ZERO, to: Duration::ZERO, state: State::Waiting, detail: Detail::None };
        Self {
            name: Arc::clone(name),
            kind,
            follows,
            spans: vec![waits],
            exits: Vec::new(),
            marks: Vec::new(),
            words: Vec::new(),
            starts: Vec::new(),
            ready_at: None,
            told_to_stop_at: None,
            is_ready: false,
        }
    }

    /// Whether it is meant to be there as long as the pod runs.
    pub(crate) const fn stays(&self) -> bool {
        matches!(self.kind, ContainerKind::App | ContainerKind::Sidecar)
    }

    /// How long it ran in all.
    pub(crate) fn ran(&self) -> Duration {
        self.spent(|state| {
            matches!(
                state,
                State::PostStart | State::Running | State::Ready | State::PreStop | State::Stopping
            )
        })
    }

    /// How long it spent in certain states.
    pub(crate) fn spent(&self, counts: impl Fn(State) -> bool) -> Duration {
        let spans = self.spans.iter().filter(|span| counts(span.state));
        spans.fold(Duration::ZERO, |sum, span| sum.saturating_add(span.to.saturating_sub(span.from)))
    }

    /// How long it just went on running after a moment.
    pub(crate) fn idle_since(&self, moment: Duration) -> Duration {
        let runs = self.spans.iter().filter(|span| matches!(span.state, State::Running | State::Ready));
        runs.fold(Duration::ZERO, |sum, span| {
            sum.saturating_add(span.to.saturating_sub(span.from.max(moment)))
        })
    }

    /// What it does at the end.
    pub(crate) fn state(&self) -> State {
        self.spans.last().map_or(State::Ended, |span| span.state)
    }

    fn take(&mut self, at: Duration, event: &TraceEvent) {
        match event {
            TraceEvent::Pulling { .. } => self.enter(at, State::Pulling, Detail::None),
            TraceEvent::Pulled { already_present, .. } if self.state() == State::Pulling => {
                // A look whether the image is there is part of the start.
                if *already_present && let Some(last) = self.spans.last_mut() {
                    last.state = State::Starting;
                }
                self.enter(at, State::Starting, Detail::None);
            }
            TraceEvent::Creating { .. } | TraceEvent::Starting { .. } => {
                self.enter(at, State::Starting, Detail::None);
            }
            TraceEvent::PullFailed { message, .. } => {
                self.enter(at, State::BackOff, Detail::Because(None, Arc::clone(message)));
            }
            TraceEvent::Started { .. } => {
                self.starts.push(at);
                self.enter(at, State::Running, Detail::None);
            }
            TraceEvent::PreStop { timeout_seconds, .. } => {
                self.enter(at, State::PreStop, Detail::Seconds(*timeout_seconds));
            }
            TraceEvent::PreStopped { failed, .. } => {
                self.hook_ended(at, "preStop", *failed);
                if self.state() == State::PreStop {
                    self.enter(at, self.runs(), Detail::None);
                }
            }
            TraceEvent::PostStart { .. } => self.enter(at, State::PostStart, Detail::None),
            TraceEvent::PostStarted { failed, .. } => {
                self.hook_ended(at, "postStart", *failed);
                if self.state() == State::PostStart {
                    self.enter(at, State::Running, Detail::None);
                }
            }
            TraceEvent::Probed { probe, answer, result, .. } => self.probed(at, *probe, *answer, *result),
            TraceEvent::Stopping { timeout_seconds, .. } if self.state() != State::Ended => {
                self.told_to_stop_at = Some(at);
                self.enter(at, State::Stopping, Detail::Seconds(*timeout_seconds));
            }
            TraceEvent::Exited { exit_code, forced, .. } => {
                if self.kind == ContainerKind::Init && *exit_code == 0 {
                    self.ready_at.get_or_insert(at);
                }
                self.exits.push(Exit { at, code: *exit_code, end: End::of(*exit_code, *forced) });
                self.enter(at, State::Ended, Detail::None);
            }
            TraceEvent::Container { view, .. } => {
                // A regular init container is done, not ready.
                self.is_ready = view.ready && view.started;
                if self.is_ready {
                    self.ready_at.get_or_insert(at);
                }
                self.look(at, view.state);
            }
            _ => {}
        }
    }

    fn hook_ended(&mut self, at: Duration, hook: &str, failed: bool) {
        if failed {
            self.marks.push((at, Mark::Hook));
            self.words.push((at, format!("the {hook} hook of {} fails", self.name)));
        }
    }

    fn probed(&mut self, at: Duration, probe: ProbeKind, answer: ProbeAnswer, result: Option<ProbeResult>) {
        let (name, kind) = (&self.name, kind(probe));
        let (mark, word) = match (answer, result) {
            (ProbeAnswer::Failure | ProbeAnswer::Unknown, Some(ProbeResult::Failure)) => {
                (Some(Mark::Probe(probe, true)), format!("the {kind} probe of {name} has failed"))
            }
            (ProbeAnswer::Failure | ProbeAnswer::Unknown, _) => {
                (Some(Mark::Probe(probe, false)), format!("the {kind} probe of {name} fails"))
            }
            (ProbeAnswer::Error, _) => (None, format!("the {kind} probe of {name} cannot be asked")),
            // That it is ready is said anyway.
            _ if probe == ProbeKind::Readiness => return,
            _ => (None, format!("the {kind} probe of {name} passes")),
        };
        self.marks.extend(mark.map(|mark| (at, mark)));
        self.words.push((at, word));
    }

    /// What it looks like from outside tells readiness and waiting apart.
    fn look(&mut self, at: Duration, view: ViewState) {
        match (view, self.state()) {
            (ViewState::Running, State::Running | State::Ready) => self.enter(at, self.runs(), Detail::None),
            (ViewState::Waiting { reason, .. }, State::BackOff) => {
                if let Some(Span { detail: Detail::Because(known, _), .. }) = self.spans.last_mut() {
                    *known = Some(reason);
                }
            }
            (
                ViewState::Waiting { reason, .. },
                State::Ended | State::Waiting | State::Pulling | State::Starting,
            ) if !matches!(reason, WaitingReason::PodInitializing | WaitingReason::ContainerCreating) => {
                self.enter(at, State::BackOff, Detail::Because(Some(reason), Arc::default()));
            }
            _ => {}
        }
    }

    const fn runs(&self) -> State {
        if self.is_ready { State::Ready } else { State::Running }
    }

    fn enter(&mut self, at: Duration, state: State, detail: Detail) {
        if self.state() == state && detail == Detail::None {
            return;
        }
        self.close(at);
        self.spans.push(Span { from: at, to: at, state, detail });
    }

    fn close(&mut self, at: Duration) {
        if let Some(last) = self.spans.last_mut() {
            last.to = last.to.max(at);
        }
    }
}

/// A probe's kind within a sentence.
const fn kind(probe: ProbeKind) -> &'static str {
    match probe {
        ProbeKind::Startup => "startup",
        ProbeKind::Readiness => "readiness",
        ProbeKind::Liveness => "liveness",
    }
}

fn event_container(event: &TraceEvent) -> Option<&str> {
    match event {
        TraceEvent::Pulling { container, .. }
        | TraceEvent::Pulled { container, .. }
        | TraceEvent::PullFailed { container, .. }
        | TraceEvent::Creating { container, .. }
        | TraceEvent::Starting { container }
        | TraceEvent::Started { container, .. }
        | TraceEvent::PostStart { container }
        | TraceEvent::PostStarted { container, .. }
        | TraceEvent::Probed { container, .. }
        | TraceEvent::PreStop { container, .. }
        | TraceEvent::PreStopped { container, .. }
        | TraceEvent::Stopping { container, .. }
        | TraceEvent::Exited { container, .. }
        | TraceEvent::Container { container, .. } => Some(container),
        _ => None,
    }
}

/// A call of the runtime in words, if the event is one.
fn call(event: &TraceEvent) -> Option<String> {
    Some(match event {
        TraceEvent::CreatingSandbox { .. } => "making the sandbox".to_owned(),
        TraceEvent::StoppingSandbox { .. } => "stopping the sandbox".to_owned(),
        TraceEvent::RemovingSandbox => "removing the sandbox".to_owned(),
        TraceEvent::Pulling { container, .. } => format!("having the image of {container}"),
        TraceEvent::Creating { container, .. } => format!("making {container}"),
        TraceEvent::Starting { container } => format!("starting {container}"),
        TraceEvent::PostStart { container } => format!("the postStart hook of {container}"),
        TraceEvent::PreStop { container, .. } => format!("the preStop hook of {container}"),
        TraceEvent::Stopping { container, .. } => format!("stopping {container}"),
        TraceEvent::StatusSent { version } => format!("sending status {version}"),
        TraceEvent::DeletingPod => "deleting the pod from the API server".to_owned(),
        _ => return None,
    })
}
