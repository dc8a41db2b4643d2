//! One pod as a whole: its containers, its probes and its status, as one machine.

mod message;
mod probing;
mod publish;
mod settings;
mod snapshot;

pub use message::{LifecycleAction, LifecycleEvent};
pub use settings::{LifecycleSettings, NodeAddresses};
pub use snapshot::LifecycleSnapshot;

use std::sync::Arc;
use std::time::Duration;

use super::{Action, Change, CompiledPod, Event, PodProbes, ProbesAction, ProbesEvent, StatusCache, Worker};
use crate::api::{Pod, PodStatus};
use crate::container::{ContainerIndex, ContainerSet, ProbeResults};
use crate::machine::{Machine, Timestamp};
use publish::{Known, Sending};

/// One pod as a whole: a [`Worker`] for its containers, [`PodProbes`] for its probes and a [`StatusCache`] for what
/// is said of it, joined.
///
/// The worker's containers are what the probes ask; the probes' results are what the worker and the status go by;
/// whatever looks different afterwards becomes a status, which is sent until the API server has it.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use node_lifecycle::api::{Pod, PodPhase};
/// use node_lifecycle::behaviour::Behaviour;
/// use node_lifecycle::machine::{Machine, Timestamp};
/// use node_lifecycle::pod::{CompiledPod, Event, Lifecycle, LifecycleAction, LifecycleEvent, LifecycleSettings};
///
/// let pod = Arc::new(Pod::from_json(r#"{"metadata": {"name": "web", "uid": "1"},
///     "spec": {"containers": [{"name": "app", "image": "nginx:1.27"}]}}"#)?);
/// let compiled = Arc::new(CompiledPod::compile(&pod, &Arc::new(Behaviour::default()))?);
/// let now = Timestamp::from_unix_seconds(0);
/// let mut pod = Lifecycle::new(&pod, compiled, LifecycleSettings::default(), Duration::ZERO, now);
///
/// let mut actions = Vec::new();
/// let nothing = Event::Observed { at: now, records: Box::default() };
/// pod.step(now, LifecycleEvent::Pod(nothing), &mut actions);
/// let sent = actions.iter().find_map(|action| match action {
///     LifecycleAction::SendStatus { version: 1, status } => Some(status),
///     _ => None,
/// });
/// assert_eq!(sent.unwrap().phase, Some(PodPhase::Pending));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lifecycle {
    settings: LifecycleSettings,
    now: Timestamp,
    worker: Worker,
    probes: PodProbes,
    statuses: StatusCache,
    known: Known,
    sending: Sending,
    /// Whether the probes have seen the containers in this life of the agent.
    seen: bool,
    wakeup: Option<Timestamp>,
    scratch: Scratch,
}

/// Buffers that are empty between steps, and what happened in the one at hand.
#[derive(Debug, Clone, Default)]
struct Scratch {
    worker: Vec<Action>,
    probes: Vec<ProbesAction>,
    /// Containers that look different.
    changed: ContainerSet,
    /// Whether the pod looks different.
    is_dirty: bool,
    /// What it is written into.
    status: PodStatus,
}

impl Lifecycle {
    /// A pod that the node has just learnt of. Probes ask nothing for `jitter`, of which no more than each probe's
    /// period counts.
    #[must_use]
    pub fn new(
        pod: &Pod,
        compiled: Arc<CompiledPod>,
        settings: LifecycleSettings,
        jitter: Duration,
        now: Timestamp,
    ) -> Self {
        let worker = Worker::new(pod, Arc::clone(&compiled), settings.worker, now);
        let probes = PodProbes::new(compiled, settings.prober, jitter, now);
        Self {
            settings,
            now,
            worker,
            probes,
            statuses: StatusCache::default(),
            known: Known::of(pod, None),
            sending: Sending::default(),
            seen: false,
            wakeup: None,
            scratch: Scratch::default(),
        }
    }

    /// The machine of its containers.
    #[must_use]
    pub const fn worker(&self) -> &Worker {
        &self.worker
    }

    /// The machine of its probes.
    #[must_use]
    pub const fn probes(&self) -> &PodProbes {
        &self.probes
    }

    /// What the node says of it. `None`: nothing yet.
    #[must_use]
    pub const fn status(&self) -> Option<&PodStatus> {
        self.statuses.status()
    }

    /// What the probes say of a container.
    #[must_use]
    pub fn probe_results(&self, index: ContainerIndex) -> ProbeResults {
        self.probes.results().get(index.at()).copied().unwrap_or_default()
    }

    /// Whether nothing is left of it: deleted, stopped, released, removed, and gone from the API server where that
    /// waits for the node.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let api_waits = self.settings.publishes && self.known.is_deleted() && !self.worker.pod().is_static;
        self.worker.is_finished() && (self.sending.is_gone() || !api_waits)
    }

    fn handle(&mut self, event: LifecycleEvent) {
        match event {
            LifecycleEvent::Offered { pod, compiled, mirror } => {
                self.offer(&pod, compiled, mirror.as_deref());
            }
            LifecycleEvent::Pod(Event::Updated(compiled)) => self.update(compiled),
            LifecycleEvent::Pod(Event::AgentStarted { epoch }) => self.restart_agent(epoch, Duration::ZERO),
            LifecycleEvent::Pod(event) => {
                // A verdict changes what is said of the pod, though its containers look the same.
                self.scratch.is_dirty |= matches!(event, Event::Verdict(_));
                self.step_worker(event);
            }
            LifecycleEvent::Answered { operation, answer } => {
                self.step_probes(ProbesEvent::Answered { operation, answer });
            }
            LifecycleEvent::StatusSent { version, taken } => self.status_sent(version, taken),
            LifecycleEvent::PodDeleted { gone } => self.pod_deleted(gone),
            LifecycleEvent::AgentStarted { epoch, jitter } => self.restart_agent(epoch, jitter),
        }
    }

    fn offer(&mut self, pod: &Pod, compiled: Arc<CompiledPod>, mirror: Option<&Pod>) {
        if compiled.uid != self.worker.pod().uid {
            return;
        }
        self.known = Known::of(pod, mirror);
        self.scratch.is_dirty = true;
        let api = self.known.api(self.worker.pod());
        self.statuses.reconcile(&api);
        self.rebase_sending();
        if !Arc::ptr_eq(&compiled, self.worker.pod()) {
            self.update(compiled);
        }
        if pod.is_deleted() {
            let grace_seconds = pod.metadata.deletion_grace_period_seconds;
            self.step_worker(Event::Deleted { grace_seconds });
        }
    }

    fn update(&mut self, compiled: Arc<CompiledPod>) {
        if compiled.uid != self.worker.pod().uid {
            return;
        }
        self.scratch.is_dirty = true;
        self.step_worker(Event::Updated(Arc::clone(&compiled)));
        self.step_probes(ProbesEvent::Updated(compiled));
        // Containers may have other indices now.
        self.seen = false;
    }

    fn restart_agent(&mut self, epoch: u32, jitter: Duration) {
        self.seen = false;
        self.restart_sending();
        self.step_worker(Event::AgentStarted { epoch });
        self.step_probes(ProbesEvent::AgentStarted { epoch, jitter });
    }

    fn step_worker(&mut self, event: Event) {
        self.worker.step(self.now, event, &mut self.scratch.worker);
    }

    fn step_probes(&mut self, event: ProbesEvent) {
        self.probes.step(self.now, event, &mut self.scratch.probes);
    }

    /// Everything that follows: from the worker to the probes and back until nothing is left, and then to the
    /// status.
    fn settle(&mut self, actions: &mut Vec<LifecycleAction>) {
        loop {
            self.route_worker(actions);
            self.show_to_probes();
            self.route_probes(actions);
            if self.scratch.worker.is_empty() && self.scratch.probes.is_empty() {
                break;
            }
        }
        self.publish(actions);
        let next = [self.worker.next_wakeup(), self.probes.next_wakeup(), self.sending.next_wakeup()];
        self.wakeup = next.into_iter().flatten().filter(|at| *at > self.now).min();
    }

    /// The worker's actions go outward; what they say of containers and pod is taken note of.
    fn route_worker(&mut self, actions: &mut Vec<LifecycleAction>) {
        let scratch = &mut self.scratch;
        for action in scratch.worker.drain(..) {
            if let Action::Report { change } = &action {
                if let Change::Container { container, .. } = change {
                    scratch.changed.insert(*container);
                }
                scratch.is_dirty |= !matches!(change, Change::Note(_));
            }
            actions.push(LifecycleAction::Pod(action));
        }
    }
}

impl Machine for Lifecycle {
    type Event = LifecycleEvent;
    type Action = LifecycleAction;

    fn step(&mut self, now: Timestamp, event: LifecycleEvent, actions: &mut Vec<LifecycleAction>) {
        let restarts = matches!(
            event,
            LifecycleEvent::AgentStarted { .. } | LifecycleEvent::Pod(Event::AgentStarted { .. })
        );
        if restarts {
            // What was due in the agent's last life is void.
            self.now = self.now.max(now);
        } else {
            self.wake(now, actions);
        }
        self.handle(event);
        self.settle(actions);
    }

    fn wake(&mut self, now: Timestamp, actions: &mut Vec<LifecycleAction>) {
        self.now = self.now.max(now);
        if self.wakeup.is_none_or(|due| due > self.now) {
            return;
        }
        self.worker.wake(self.now, &mut self.scratch.worker);
        self.probes.wake(self.now, &mut self.scratch.probes);
        self.expire_sending();
        self.settle(actions);
    }

    fn next_wakeup(&self) -> Option<Timestamp> {
        self.wakeup
    }
}

#[cfg(test)]
mod tests;
