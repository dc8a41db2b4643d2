//! From what the pod looks like to the status that the API server has.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Lifecycle, LifecycleAction};
use crate::api::{Pod, PodCondition, PodStatus};
use crate::container::{ContainerIndex, ContainerSet, ProbeKind, Readiness, SandboxRecord, SandboxState};
use crate::machine::Timestamp;
use crate::pod::{
    ApiPod, CompiledPod, MergeContext, ProbesEvent, StatusInputs, StatusVerdict, ViewState, Waiting,
    merge_status, pod_status_into,
};

/// The pod as the API server has it, as far as its status goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Known {
    status: PodStatus,
    mirror: Option<PodStatus>,
    deleted: bool,
    is_mirror: bool,
    generation: Option<i64>,
}

impl Known {
    pub(super) fn of(pod: &Pod, mirror: Option<&Pod>) -> Self {
        Self {
            status: pod.status.clone(),
            mirror: mirror.map(|mirror| mirror.status.clone()),
            deleted: pod.is_deleted(),
            is_mirror: pod.is_mirror(),
            generation: pod.metadata.generation,
        }
    }

    pub(super) const fn is_deleted(&self) -> bool {
        self.deleted
    }

    pub(super) const fn api<'a>(&'a self, pod: &'a CompiledPod) -> ApiPod<'a> {
        let Self { status, mirror, deleted, is_mirror, .. } = self;
        ApiPod { pod, status, mirror: mirror.as_ref(), deleted: *deleted, is_mirror: *is_mirror }
    }

    /// The status that what is sent takes the place of: a static pod's is its mirror's. `None`: there is nowhere to
    /// send it to.
    const fn to(&self, pod: &CompiledPod) -> Option<&PodStatus> {
        if pod.is_static { self.mirror.as_ref() } else { Some(&self.status) }
    }
}

/// How far what was said is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sending {
    /// Whether the last status was made, now that nothing is left to be released.
    said_last: bool,
    /// What is on its way, and when its answer is waited for no more.
    in_flight: Option<(InFlight, Timestamp)>,
    /// When the next attempt may be made, after a failure.
    retry_at: Option<Timestamp>,
    /// Whether the API server has the pod no more.
    is_gone: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum InFlight {
    Status(u64, Arc<PodStatus>),
    Deletion,
}

impl Sending {
    pub(super) const fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// The version of the status that is on its way.
    pub(super) fn version(&self) -> Option<u64> {
        match self.in_flight {
            Some((InFlight::Status(version, _), _)) => Some(version),
            _ => None,
        }
    }

    pub(super) fn next_wakeup(&self) -> Option<Timestamp> {
        self.in_flight.as_ref().map(|(_, until)| *until).or(self.retry_at)
    }

    pub(super) fn move_back(&mut self, by: std::time::Duration) {
        let instants = self.in_flight.iter_mut().map(|(_, until)| until).chain(&mut self.retry_at);
        instants.for_each(|at| *at = at.moved_back(by));
    }
}

impl Lifecycle {
    /// Says what the pod looks like, if that is something new, and sends what has to be sent.
    pub(super) fn publish(&mut self, actions: &mut Vec<LifecycleAction>) {
        let is_dirty = std::mem::take(&mut self.scratch.is_dirty);
        if !self.settings.publishes || !self.worker.is_synced() {
            return;
        }
        if is_dirty && !self.sending.said_last {
            self.say();
            self.ask_readiness(actions);
        }
        if self.worker.is_released() && !self.sending.said_last {
            self.sending.said_last = true;
            let api = self.known.api(self.worker.pod());
            self.statuses.terminate(self.now, &api);
        }
        self.send(actions);
    }

    /// Generates the status and takes it, if it may follow what was said.
    fn say(&mut self) {
        let pod = self.worker.pod();
        let waiting: Vec<Option<Waiting<'_>>> = (0..)
            .map(ContainerIndex)
            .take(pod.containers().len())
            .map(|index| {
                let (reason, message) = self.worker.waiting(index)?;
                Some(Waiting { reason: reason.word(), message })
            })
            .collect();
        let verdict = self.worker.verdict().map(|verdict| StatusVerdict {
            reason: &verdict.reason,
            message: &verdict.message,
            disruption: verdict.disruption.as_deref(),
            spares_succeeded: verdict.spares_succeeded,
        });
        let node = &self.settings.node;
        let inputs = StatusInputs {
            previous: self.statuses.status(),
            deleted: self.known.deleted || self.worker.is_deleted(),
            generation: self.known.generation,
            terminal: self.worker.is_terminated(),
            waiting: &waiting,
            restarting: self.worker.restarting(),
            probes: self.probes.results(),
            startup_probed: self.probes.probed(ProbeKind::Startup),
            readiness_probed: self.probes.probed(ProbeKind::Readiness),
            hooks_pending: self.worker.hooks_pending(),
            all_containers_restarting: self.worker.all_containers_restarting(),
            verdict,
            host_ips: &node.host_ips,
            node_ips: &node.node_ips,
            runtime: &node.runtime,
            ..StatusInputs::new(&self.known.status)
        };
        let (observed, status) = (self.worker.observed(), &mut self.scratch.status);
        pod_status_into(pod, observed, &inputs, status);
        // A pod that has ended keeps the addresses that it had, though its network is gone.
        let is_ready = |sandbox: &SandboxRecord| sandbox.state == SandboxState::Ready;
        if status.pod_ip.is_empty() && !observed.sandboxes().iter().any(is_ready) {
            let before = self.statuses.status().unwrap_or(&self.known.status);
            status.pod_ip.clone_from(&before.pod_ip);
            status.pod_ips.clone_from(&before.pod_ips);
        }
        let api = self.known.api(pod);
        self.statuses.set(self.now, &api, &mut self.scratch.status);
    }

    /// A container that has started and is not ready is asked at once rather than a period later.
    fn ask_readiness(&mut self, actions: &mut Vec<LifecycleAction>) {
        let probed: ContainerSet = self.probes.probed(ProbeKind::Readiness);
        for container in probed.iter() {
            let started = self
                .worker
                .view(container)
                .is_some_and(|view| view.state == ViewState::Running && view.started);
            let latest = self.worker.observed().latest(container);
            let asks = latest.is_some_and(|latest| {
                self.probes.readiness(container, &latest.id, started) == Readiness::RunProbe
            });
            if asks {
                self.step_probes(ProbesEvent::Run { container, probe: ProbeKind::Readiness });
            }
        }
        self.route_probes(actions);
    }

    /// Sends the newest status, or deletes the pod when nothing is left to be said; one thing at a time.
    fn send(&mut self, actions: &mut Vec<LifecycleAction>) {
        self.sending.retry_at.take_if(|at| *at <= self.now);
        if self.sending.in_flight.is_some() || self.sending.retry_at.is_some() || self.sending.is_gone {
            return;
        }
        let pod = Arc::clone(self.worker.pod());
        let Some(to) = self.known.to(&pod) else { return };
        let until = self.now + self.settings.send_timeout;
        if let Some(update) = self.statuses.next_update() {
            let context = MergeContext {
                now: self.now,
                could_run: !self.worker.is_terminated(),
                is_static: pod.is_static,
                behaviour: &pod.behaviour,
            };
            let (version, status) = (update.version, Arc::new(merge_status(to, update.status, context)));
            self.sending.in_flight = Some((InFlight::Status(version, Arc::clone(&status)), until));
            actions.push(LifecycleAction::SendStatus { version, status });
        } else if self.worker.is_finished() && self.statuses.can_be_deleted(&self.known.api(&pod)) {
            self.sending.in_flight = Some((InFlight::Deletion, until));
            actions.push(LifecycleAction::DeletePod);
        }
    }

    /// Takes what came of sending a status; one that is not on its way is stale.
    pub(super) fn status_sent(&mut self, version: u64, taken: bool) {
        let is_it = |in_flight: &InFlight| matches!(in_flight, InFlight::Status(sent, _) if *sent == version);
        let Some((InFlight::Status(_, status), _)) = self.sending.in_flight.take_if(|(it, _)| is_it(it))
        else {
            return;
        };
        if taken {
            self.statuses.sent(version);
            let status = Arc::unwrap_or_clone(status);
            if self.worker.pod().is_static {
                // The mirror may be gone by now.
                self.known.mirror = self.known.mirror.take().map(|_| status);
            } else {
                self.known.status = status;
            }
        } else {
            self.statuses.failed(version);
            self.sending.retry_at = Some(self.now + self.settings.send_retry);
        }
    }

    /// What is on its way was merged with what the API server had before. What is not the node's to say is what it
    /// has now.
    pub(super) fn rebase_sending(&mut self) {
        let pod = self.worker.pod();
        let Some((InFlight::Status(_, status), _)) = &mut self.sending.in_flight else { return };
        let Some(to) = self.known.to(pod) else { return };
        let disruption = status.condition(PodCondition::DISRUPTION_TARGET);
        let context = MergeContext {
            now: disruption.and_then(|condition| condition.last_transition_time).unwrap_or(self.now),
            could_run: !self.worker.is_terminated(),
            is_static: pod.is_static,
            behaviour: &pod.behaviour,
        };
        *status = Arc::new(merge_status(to, status, context));
    }

    /// Takes what came of deleting the pod, or that somebody else deleted it.
    pub(super) fn pod_deleted(&mut self, gone: bool) {
        let was_asked = self.sending.in_flight.take_if(|(it, _)| *it == InFlight::Deletion).is_some();
        if gone && !self.worker.pod().is_static {
            self.restart_sending();
            self.sending.is_gone = true;
        } else if was_asked {
            self.sending.retry_at = Some(self.now + self.settings.send_retry);
        }
    }

    /// Waits for no answer any more, as in a new life of the agent: what was on its way is sent again.
    pub(super) fn restart_sending(&mut self) {
        if let Some(version) = self.sending.version() {
            self.statuses.failed(version);
        }
        self.sending.in_flight = None;
        self.sending.retry_at = None;
    }

    /// Gives up on an answer that has taken too long.
    pub(super) fn expire_sending(&mut self) {
        if let Some((InFlight::Status(version, _), _)) =
            self.sending.in_flight.take_if(|(_, until)| *until <= self.now)
        {
            self.statuses.failed(version);
        }
    }
}
