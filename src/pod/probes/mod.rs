//! All probes of one pod as one machine.

mod compile;
mod deadlines;
mod message;
mod snapshot;

pub use message::{ProbesAction, ProbesEvent};
pub use snapshot::PodProbesSnapshot;

use std::sync::Arc;
use std::time::Duration;

use super::CompiledPod;
use crate::api::ContainerId;
use crate::container::{
    CompiledProbe, ContainerIndex, ContainerSet, InstanceSight, InstanceState, PodSight, ProbeAtExit,
    ProbeKind, ProbeResult, ProbeResults, Prober, ProberAction, ProberEvent, ProberSettings, Readiness,
    Sight, is_started, readiness,
};
use crate::machine::{Machine, OperationId, Operations, Timestamp};
use compile::compile;
use deadlines::Deadlines;

/// All probes of one pod as one machine: a [`Prober`] for each probe of each app container and sidecar.
///
/// Whoever drives it says what the containers do, carries out the attempts, and hands the results to the pod's
/// [`Worker`](super::Worker). [`started`](Self::started) and [`readiness`](Self::readiness) are what a status
/// says of an instance.
///
/// A prober that ended is made afresh when the pod's spec is handed over again and there is something to ask.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use node_lifecycle::api::{Pod, PodPhase};
/// use node_lifecycle::behaviour::Behaviour;
/// use node_lifecycle::container::{
///     InstanceSight, InstanceState, PodSight, ProbeAnswer, ProbeResult, ProberAction, ProberSettings, Readiness,
///     Sight,
/// };
/// use node_lifecycle::machine::{Machine, Timestamp};
/// use node_lifecycle::pod::{CompiledPod, PodProbes, ProbesAction, ProbesEvent};
///
/// let pod = Pod::from_json(r#"{"metadata": {"name": "web"}, "spec": {"containers": [{"name": "app", "image": "a:1",
///     "startupProbe": {"exec": {"command": ["started"]}}, "readinessProbe": {"httpGet": {"port": 80}}}]}}"#)?;
/// let pod = Arc::new(CompiledPod::compile(&pod, &Arc::new(Behaviour::default()))?);
/// let (app, id, now) = (pod.index_of("app").unwrap(), "c1".into(), Timestamp::from_unix_seconds(0));
/// let mut probes = PodProbes::new(pod, ProberSettings::default(), Duration::ZERO, now);
///
/// let sight = |started| Sight {
///     pod: PodSight { phase: PodPhase::Running, deleted: false },
///     instance: Some(InstanceSight {
///         id: "c1".into(),
///         state: InstanceState::Running { started_at: now },
///         started,
///     }),
/// };
/// let mut actions = Vec::new();
/// let started = probes.started(app, &id, true);
/// assert!(!started);
/// probes.step(now, ProbesEvent::Container { container: app, sight: sight(started) }, &mut actions);
/// let operation = actions.iter().find_map(|asked| match asked.action {
///     ProberAction::Attempt { operation, .. } => Some(operation),
///     _ => None,
/// });
/// let answered = ProbesEvent::Answered { operation: operation.unwrap(), answer: ProbeAnswer::Success };
/// probes.step(now, answered, &mut actions);
/// assert_eq!(probes.results()[0].startup, Some(ProbeResult::Success));
/// assert!(probes.started(app, &id, true), "so a status says, and readiness is asked from then on");
/// assert_eq!(probes.readiness(app, &id, true), Readiness::RunProbe);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PodProbes {
    pod: Arc<CompiledPod>,
    settings: ProberSettings,
    now: Timestamp,
    operations: Operations,
    sight: PodSight,
    /// In the order of containers, and of [`ProbeKind::ALL`] within one.
    slots: Vec<Slot>,
    results: Vec<ProbeResults>,
    deadlines: Deadlines,
    /// Empty between steps.
    scratch: Vec<ProberAction>,
}

#[derive(Debug, Clone)]
struct Slot {
    container: ContainerIndex,
    prober: Prober,
    /// The attempt that was asked for last: by its name outside and by the prober's own.
    asked: Option<(OperationId, OperationId)>,
}

impl PodProbes {
    /// The probes of a pod that has not been seen yet. They ask nothing for `jitter`, of which no more than each
    /// probe's period counts: the kubelet gives a random part of it while the agent has only just started.
    #[must_use]
    pub fn new(pod: Arc<CompiledPod>, settings: ProberSettings, jitter: Duration, now: Timestamp) -> Self {
        let slots = compile(&pod)
            .map(|(container, probe)| Slot {
                container,
                prober: Prober::new(Arc::new(probe), settings, jitter, now),
                asked: None,
            })
            .collect();
        let operations = Operations::of_epoch(0);
        Self::of_slots(pod, settings, now, operations, PodSight::default(), slots)
    }

    fn of_slots(
        pod: Arc<CompiledPod>,
        settings: ProberSettings,
        now: Timestamp,
        operations: Operations,
        sight: PodSight,
        slots: Vec<Slot>,
    ) -> Self {
        let (deadlines, scratch) = (Deadlines::default(), Vec::new());
        let mut probes =
            Self { pod, settings, now, operations, sight, slots, results: Vec::new(), deadlines, scratch };
        probes.index();
        probes
    }

    /// What follows from the probers.
    fn index(&mut self) {
        self.results.clear();
        self.results.resize(self.pod.containers().len(), ProbeResults::default());
        for slot in self.slots.iter().filter(|slot| !slot.prober.is_ended()) {
            if let Some(results) = self.results.get_mut(slot.container.at()) {
                results.set(slot.prober.probe().kind, slot.prober.result());
            }
        }
        self.deadlines.fill(self.slots.iter().map(|slot| slot.prober.next_wakeup()));
    }

    /// The pod as it was compiled.
    #[must_use]
    pub const fn pod(&self) -> &Arc<CompiledPod> {
        &self.pod
    }

    /// The pod as it was seen last.
    pub(crate) const fn sight(&self) -> PodSight {
        self.sight
    }

    /// What the probes say of the latest instance of each container, in the order of their indices: the form that
    /// a [`PlanContext`](super::PlanContext) takes.
    #[must_use]
    pub fn results(&self) -> &[ProbeResults] {
        &self.results
    }

    /// The containers that have a living prober of a kind.
    #[must_use]
    pub fn probed(&self, kind: ProbeKind) -> ContainerSet {
        let living =
            self.slots.iter().filter(|slot| slot.prober.probe().kind == kind && !slot.prober.is_ended());
        living.map(|slot| slot.container).collect()
    }

    /// The prober of a container's probe. One that ended is still there; its result counts no more.
    #[must_use]
    pub fn prober(&self, container: ContainerIndex, kind: ProbeKind) -> Option<&Prober> {
        self.slots.get(self.find(container, kind)?).map(|slot| &slot.prober)
    }

    /// Whether an instance counts as started, given whether it runs; see [`is_started`].
    #[must_use]
    pub fn started(&self, container: ContainerIndex, id: &ContainerId, running: bool) -> bool {
        let (result, has_prober) = self.standing(container, id, ProbeKind::Startup);
        is_started(running, result, has_prober)
    }

    /// Whether an instance takes traffic, given whether it runs and has started; see [`readiness`]. (A regular
    /// init container has no probes: it is ready once it has ended well.)
    #[must_use]
    pub fn readiness(&self, container: ContainerIndex, id: &ContainerId, started: bool) -> Readiness {
        let (result, has_prober) = self.standing(container, id, ProbeKind::Readiness);
        readiness(started, result, has_prober)
    }

    /// What a living prober says of an instance, and whether there is one.
    fn standing(
        &self,
        container: ContainerIndex,
        id: &ContainerId,
        kind: ProbeKind,
    ) -> (Option<ProbeResult>, bool) {
        let living = self.prober(container, kind).filter(|prober| !prober.is_ended());
        let of_it = living.filter(|prober| prober.instance() == Some(id));
        (of_it.and_then(Prober::result), living.is_some())
    }

    fn find(&self, container: ContainerIndex, kind: ProbeKind) -> Option<usize> {
        self.of_container(container).find(|at| self.slots[*at].prober.probe().kind == kind)
    }

    fn of_container(&self, container: ContainerIndex) -> std::ops::Range<usize> {
        let start = self.slots.partition_point(|slot| slot.container < container);
        let more = self.slots[start..].iter().take_while(|slot| slot.container == container).count();
        start..start + more
    }

    fn handle(&mut self, event: ProbesEvent, actions: &mut Vec<ProbesAction>) {
        match event {
            ProbesEvent::Container { container, sight: Sight { pod, instance } } => {
                for at in self.of_container(container) {
                    let known = self.slots[at].prober.sight();
                    if known.pod != pod || known.instance != instance {
                        let sight = Sight { pod, instance: instance.clone() };
                        self.step_slot(at, ProberEvent::Seen(sight), actions);
                    }
                }
                self.see_pod(pod, actions);
            }
            ProbesEvent::Pod(pod) => self.see_pod(pod, actions),
            ProbesEvent::Run { container, probe } => {
                if let Some(at) = self.find(container, probe) {
                    self.step_slot(at, ProberEvent::Run, actions);
                }
            }
            ProbesEvent::Answered { operation, answer } => {
                let asked = |slot: &Slot| slot.asked.filter(|(outside, _)| *outside == operation);
                let mut slots = self.slots.iter().enumerate();
                if let Some((at, (_, operation))) = slots.find_map(|(at, slot)| Some((at, asked(slot)?))) {
                    self.slots[at].asked = None;
                    self.step_slot(at, ProberEvent::Answered { operation, answer }, actions);
                }
            }
            ProbesEvent::Updated(pod) => self.update(pod, actions),
            ProbesEvent::AgentStarted { epoch, jitter } => {
                let epoch = epoch.max(self.operations.epoch().saturating_add(1));
                self.operations = Operations::of_epoch(epoch);
                self.sight = PodSight::default();
                for at in 0..self.slots.len() {
                    self.slots[at].asked = None;
                    self.step_slot(at, ProberEvent::AgentStarted { epoch, jitter }, actions);
                }
            }
        }
    }

    fn see_pod(&mut self, pod: PodSight, actions: &mut Vec<ProbesAction>) {
        if pod == self.sight {
            return;
        }
        self.sight = pod;
        for at in 0..self.slots.len() {
            let known = self.slots[at].prober.sight();
            if known.pod != pod {
                let sight = Sight { pod, instance: known.instance.clone() };
                self.step_slot(at, ProberEvent::Seen(sight), actions);
            }
        }
    }

    /// Follows a changed spec. Containers keep their probers by their names; what is gone is dropped with what it
    /// said, and an attempt that was under way for it is answered in vain.
    fn update(&mut self, pod: Arc<CompiledPod>, actions: &mut Vec<ProbesAction>) {
        let unchanged = Arc::ptr_eq(&pod, &self.pod) && !self.slots.iter().any(|slot| slot.prober.is_ended());
        if pod.uid != self.pod.uid || unchanged {
            return;
        }
        let before = std::mem::replace(&mut self.pod, pod);
        let mut old = std::mem::take(&mut self.slots);
        let sights: Vec<_> = old.iter().map(|slot| (slot.container, slot.prober.sight().clone())).collect();
        let mut events = Vec::new();
        for (container, probe) in compile(&self.pod) {
            let (name, kind, probe) = (self.pod.name_of(container), probe.kind, Arc::new(probe));
            let is_its = |container: ContainerIndex| before.name_of(container) == name;
            let sight =
                sights.iter().find(|(container, _)| is_its(*container)).map(|(_, sight)| sight.clone());
            let sight = sight.unwrap_or(Sight { pod: self.sight, instance: None });
            let same = old.iter().position(|slot| is_its(slot.container) && slot.prober.probe().kind == kind);
            let same = same.map(|at| old.swap_remove(at));
            let slot = match same.filter(|slot| !slot.prober.is_ended() || is_over(&probe, &sight)) {
                Some(slot) => {
                    events.push(ProberEvent::Updated(probe));
                    Slot { container, ..slot }
                }
                None => {
                    let prober = Prober::new(probe, self.settings, Duration::ZERO, self.now);
                    events.push(ProberEvent::Seen(sight));
                    Slot { container, prober, asked: None }
                }
            };
            self.slots.push(slot);
        }
        self.index();
        for (at, event) in events.into_iter().enumerate() {
            self.step_slot(at, event, actions);
        }
    }

    fn step_slot(&mut self, at: usize, event: ProberEvent, actions: &mut Vec<ProbesAction>) {
        let now = self.now;
        self.slots[at].prober.step(now, event, &mut self.scratch);
        self.after(at, actions);
    }

    /// Takes over what a prober did.
    fn after(&mut self, at: usize, actions: &mut Vec<ProbesAction>) {
        let Slot { container, prober, asked } = &mut self.slots[at];
        self.deadlines.set(at, prober.next_wakeup());
        for mut action in self.scratch.drain(..) {
            let mut set = |probe, result| {
                if let Some(results) = self.results.get_mut(container.at()) {
                    results.set(probe, result);
                }
            };
            match &mut action {
                ProberAction::Attempt { operation, .. } => {
                    let outside = self.operations.issue();
                    *asked = Some((outside, *operation));
                    *operation = outside;
                }
                ProberAction::Changed { probe, result, .. } => set(*probe, Some(*result)),
                ProberAction::Ended { probe } => set(*probe, None),
                ProberAction::Errored { .. } => {}
            }
            actions.push(ProbesAction { container: *container, action });
        }
    }
}

/// Whether a probe has nothing to ask of its container any more.
fn is_over(probe: &CompiledProbe, sight: &Sight) -> bool {
    let ended = |instance: &InstanceSight| instance.state == InstanceState::Terminated;
    let has_ended = sight.instance.as_ref().is_some_and(ended);
    sight.pod.ends(probe.kind) || (has_ended && probe.after_exit != ProbeAtExit::Waits)
}

impl Machine for PodProbes {
    type Event = ProbesEvent;
    type Action = ProbesAction;

    fn step(&mut self, now: Timestamp, event: ProbesEvent, actions: &mut Vec<ProbesAction>) {
        if matches!(event, ProbesEvent::AgentStarted { .. }) {
            // What was due in the agent's last life is void.
            self.now = self.now.max(now);
        } else {
            self.wake(now, actions);
        }
        self.handle(event, actions);
    }

    fn wake(&mut self, now: Timestamp, actions: &mut Vec<ProbesAction>) {
        self.now = self.now.max(now);
        while let Some(at) = self.deadlines.due(self.now) {
            self.slots[at].prober.wake(self.now, &mut self.scratch);
            self.after(at, actions);
        }
    }

    fn next_wakeup(&self) -> Option<Timestamp> {
        self.deadlines.first()
    }
}

#[cfg(test)]
mod tests;
