//! A pod's status, as a whole.

use std::net::IpAddr;

use super::conditions::{
    ConditionDecision, ConditionReason, ContainerStatuses, containers_ready, find_condition, find_status,
    pod_initialized, ready_by_gates, ready_to_start_containers,
};
use super::container::Writing;
use super::inputs::{ResizePending, ResizeProgress, StatusInputs};
use super::owned::is_owned;
use super::write::{self, Refill, blank_condition};
use crate::api::{ConditionStatus, ContainerStatus, PodCondition, PodIp, PodPhase, PodStatus};
use crate::behaviour::Feature;
use crate::container::{ContainerIndex, ContainerKind};
use crate::pod::phase::phase_of;
use crate::pod::{CompiledPod, Observed, Seen};

/// The reason of a `DisruptionTarget` condition that the node sets.
const TERMINATION_BY_KUBELET: &str = "TerminationByKubelet";

/// A pod's status, from what the runtime has of it.
///
/// It has no start time, and its conditions have no transition times: those depend on the status before and
/// are [`StatusCache::set`](super::StatusCache::set)'s to say.
#[must_use]
pub fn pod_status(pod: &CompiledPod, observed: &Observed, inputs: &StatusInputs<'_>) -> PodStatus {
    let mut status = PodStatus::default();
    pod_status_into(pod, observed, inputs, &mut status);
    status
}

/// [`pod_status`] into a status that is there, whatever it has: its buffers are used again, and a status that
/// comes out the same allocates nothing.
pub fn pod_status_into(
    pod: &CompiledPod,
    observed: &Observed,
    inputs: &StatusInputs<'_>,
    status: &mut PodStatus,
) {
    let generate = Generate { pod, observed, inputs };
    generate.containers(status);
    generate.phase(status);
    generate.conditions(status);
    generate.addresses(status);
    status.start_time = None;
    status.resource_claim_statuses.clear();
    status.qos_class = Some(inputs.api.qos_class.unwrap_or(pod.qos));
    status.observed_generation = generate.generation();
}

struct Generate<'a> {
    pod: &'a CompiledPod,
    observed: &'a Observed,
    inputs: &'a StatusInputs<'a>,
}

impl Generate<'_> {
    /// One status a container: init containers in spec order, others by name.
    fn containers(&self, status: &mut PodStatus) {
        let (pod, spec, previous) = (self.pod, &self.pod.spec, self.inputs.previous());
        status.init_container_statuses.resize_with(spec.init_containers.len(), ContainerStatus::default);
        status.container_statuses.resize_with(spec.containers.len(), ContainerStatus::default);
        status
            .ephemeral_container_statuses
            .resize_with(spec.ephemeral_containers.len(), ContainerStatus::default);
        let specs = spec.init_containers.iter().chain(&spec.containers).chain(&spec.ephemeral_containers);
        for ((index, container), spec) in (0..).map(ContainerIndex).zip(pod.containers()).zip(specs) {
            let (list, old) = match container.kind {
                ContainerKind::Init | ContainerKind::Sidecar => {
                    (&mut status.init_container_statuses, &previous.init_container_statuses)
                }
                ContainerKind::App => (&mut status.container_statuses, &previous.container_statuses),
                ContainerKind::Ephemeral => {
                    (&mut status.ephemeral_container_statuses, &previous.ephemeral_container_statuses)
                }
            };
            let slot = container.status_slot;
            let old = find_status(old, slot, &container.name);
            let Some(to) = list.get_mut(slot) else { continue };
            let (observed, inputs) = (self.observed, self.inputs);
            Writing { pod, observed, inputs, index, container, spec, old }.write(to);
        }
    }

    /// Where the pod is in its life, and why. A terminal phase that was said stays.
    fn phase(&self, status: &mut PodStatus) {
        let (api, previous) = (self.inputs.api, self.inputs.previous());
        let compat = self.pod.behaviour.compat;
        let nothing_started = compat.compute_phase_before_startup;
        let seen = self.pod.containers().iter().map(|container| {
            let list = if container.kind.is_init() {
                &status.init_container_statuses
            } else {
                &status.container_statuses
            };
            // An ephemeral container is not counted, whatever is seen of it.
            match list.get(container.status_slot).map(Seen::from).unwrap_or_default() {
                Seen::Running { started } => Seen::Running { started: started && !nothing_started },
                seen => seen,
            }
        });
        let now = phase_of(self.pod, seen, self.inputs.terminal);
        let terminal = |phase: Option<PodPhase>| phase.filter(|phase| phase.is_terminal());
        let is_held = !self.pod.is_static && !compat.leave_terminal_phases;
        let ended = terminal(previous.phase).filter(|_| is_held);
        let mut phase = ended
            .or_else(|| terminal(Some(now)))
            .or_else(|| terminal(previous.phase))
            .or_else(|| terminal(api.phase))
            .unwrap_or(now);

        let (mut reason, mut message) = ("", "");
        if Some(phase) == previous.phase {
            reason = if previous.reason.is_empty() { &api.reason } else { &previous.reason };
            message = if previous.message.is_empty() { &api.message } else { &previous.message };
        }
        if let Some(verdict) = &self.inputs.verdict
            && ended.is_none()
            && !(verdict.spares_succeeded && phase == PodPhase::Succeeded)
        {
            phase = PodPhase::Failed;
            (reason, message) = (verdict.reason, verdict.message);
        }
        status.phase = terminal(api.phase).or(Some(phase));
        write::text(&mut status.reason, reason);
        write::text(&mut status.message, message);
    }

    /// Those of others, as the API server has them; then the node's own.
    fn conditions(&self, status: &mut PodStatus) {
        let (pod, inputs, gates) = (self.pod, self.inputs, self.pod.behaviour.gates);
        let phase = status.phase.unwrap_or(PodPhase::Unknown);
        let statuses =
            ContainerStatuses { inits: &status.init_container_statuses, apps: &status.container_statuses };
        let mut conditions = Refill::new(&mut status.conditions);
        for foreign in &inputs.api.conditions {
            if !is_owned(&foreign.type_, gates) {
                write::condition(conditions.next(blank_condition).1, foreign);
            }
        }
        self.disruption(&mut conditions);

        let generation = self.generation();
        let mut own = |type_: &str, decide: &dyn Fn(&[PodCondition]) -> ConditionDecision| {
            let (before, to) = conditions.next(blank_condition);
            decide(before).write(type_, pod, before, to);
            to.observed_generation = generation;
        };
        if gates.enabled(Feature::PodReadyToStartContainersCondition) {
            own(PodCondition::READY_TO_START_CONTAINERS, &|_| ready_to_start_containers(pod, self.observed));
        }
        own(PodCondition::INITIALIZED, &|_| pod_initialized(pod, Some(statuses), phase));
        let containers = containers_ready(pod, Some(statuses), phase);
        own(PodCondition::READY, &|before| ready_by_gates(pod, containers, before));
        own(PodCondition::CONTAINERS_READY, &|_| containers);
        own(PodCondition::POD_SCHEDULED, &|_| ConditionDecision {
            status: ConditionStatus::True,
            reason: ConditionReason::Plain,
        });
        if gates.enabled(Feature::InPlacePodVerticalScaling) {
            write_resize(inputs.resize, generation, &mut conditions);
        }
        if gates.enabled(Feature::RestartAllContainersOnContainerExits) {
            self.restarting(phase, &mut conditions);
        }
        conditions.finish();
    }

    /// That all containers begin anew is said while it is so, and denied from then on.
    fn restarting(&self, phase: PodPhase, conditions: &mut Refill<'_, PodCondition>) {
        const TYPE: &str = PodCondition::ALL_CONTAINERS_RESTARTING;
        let was_said = || find_condition(&self.inputs.previous().conditions, TYPE).is_some();
        let (status, reason, message) = match phase {
            _ if self.inputs.all_containers_restarting => {
                let message = "container exited with restart policy rule";
                (ConditionStatus::True, "RestartAllContainersStarted", message)
            }
            _ if !was_said() => return,
            PodPhase::Succeeded => (ConditionStatus::False, "PodCompleted", ""),
            PodPhase::Failed => (ConditionStatus::False, "PodFailed", ""),
            _ => (ConditionStatus::False, "", ""),
        };
        write_fresh(conditions.next(blank_condition).1, (TYPE, status, reason, message), self.generation());
    }

    /// That the pod goes for the cluster's sake is said once, when it is decided, and kept from then on.
    fn disruption(&self, conditions: &mut Refill<'_, PodCondition>) {
        let verdict = self.inputs.verdict.and_then(|verdict| verdict.disruption);
        let known = find_condition(&self.inputs.previous().conditions, PodCondition::DISRUPTION_TARGET);
        if verdict.is_none() && known.is_none() {
            return;
        }
        let is_target = |condition: &PodCondition| condition.type_ == PodCondition::DISRUPTION_TARGET;
        let at = conditions.filled().iter().position(is_target);
        let to = match at {
            Some(at) => &mut conditions.filled()[at],
            None => conditions.next(blank_condition).1,
        };
        match (verdict, known) {
            (Some(message), _) => {
                let said =
                    (PodCondition::DISRUPTION_TARGET, ConditionStatus::True, TERMINATION_BY_KUBELET, message);
                write_fresh(to, said, self.generation());
            }
            (None, Some(known)) => write::condition(to, known),
            (None, None) => {}
        }
    }

    fn addresses(&self, status: &mut PodStatus) {
        let inputs = self.inputs;
        let hosts = || inputs.host_ips.iter().map(String::as_str);
        write::text(&mut status.host_ip, hosts().next().unwrap_or_default());
        fill_addresses(hosts().take(2), &mut status.host_ips);

        let sandbox = self.observed.sandboxes().first();
        let own = || {
            let first = sandbox.and_then(|sandbox| sandbox.ip.as_ref());
            let others = sandbox.into_iter().flat_map(|sandbox| &sandbox.additional_ips);
            first.into_iter().chain(others).map(String::as_str)
        };
        let primary = inputs.node_ips.first().and_then(|ip| Family::of(ip)).unwrap_or(Family::V4);
        let of_family = |family| own().find(|ip| Family::of(ip) == Some(family));
        let mut ips = [of_family(primary), of_family(primary.other())];
        if ips[0].is_none() {
            ips.swap(0, 1);
        }
        if self.pod.spec.host_network {
            // The node's addresses are the pod's. One that it has stays; the second family may come later.
            ips[0] = ips[0].or_else(|| hosts().next());
            let second = hosts().nth(1).filter(|second| ips[0].and_then(Family::of) != Family::of(second));
            ips[1] = ips[1].or(second);
        }
        write::text(&mut status.pod_ip, ips[0].unwrap_or_default());
        fill_addresses(ips.into_iter().flatten(), &mut status.pod_ips);
    }

    /// The generation that the status is of. Once a status has one, it is kept up even with the gate off.
    fn generation(&self) -> Option<i64> {
        let inputs = self.inputs;
        let is_kept_up = self.pod.behaviour.gates.enabled(Feature::PodObservedGenerationTracking)
            || inputs.previous().observed_generation.is_some()
            || inputs.api.observed_generation.is_some();
        inputs.generation.filter(|_| is_kept_up)
    }
}

fn write_resize(
    resize: ResizeProgress<'_>,
    generation: Option<i64>,
    conditions: &mut Refill<'_, PodCondition>,
) {
    let pending = resize.pending.map(|(why, message)| {
        let reason = match why {
            ResizePending::Deferred => "Deferred",
            ResizePending::Infeasible => "Infeasible",
        };
        (PodCondition::RESIZE_PENDING, reason, message)
    });
    let in_progress = resize.in_progress.map(|error| {
        let reason = if error.is_empty() { "" } else { "Error" };
        (PodCondition::RESIZE_IN_PROGRESS, reason, error)
    });
    for (type_, reason, message) in pending.into_iter().chain(in_progress) {
        let to = conditions.next(blank_condition).1;
        write_fresh(to, (type_, ConditionStatus::True, reason, message), generation);
    }
}

/// Writes a condition without times: type, status, reason and message.
fn write_fresh(
    to: &mut PodCondition,
    (type_, status, reason, message): (&str, ConditionStatus, &str, &str),
    generation: Option<i64>,
) {
    write::text(&mut to.type_, type_);
    to.status = status;
    write::text(&mut to.reason, reason);
    write::text(&mut to.message, message);
    to.last_transition_time = None;
    to.last_probe_time = None;
    to.observed_generation = generation;
}

fn fill_addresses(ips: impl Iterator<Item: AsRef<str>>, to: &mut Vec<PodIp>) {
    let mut filled = Refill::new(to);
    for ip in ips {
        write::text(&mut filled.next(PodIp::default).1.ip, ip.as_ref());
    }
    filled.finish();
}

/// The family of an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

impl Family {
    /// `None` for what is no address. An IPv4 address in IPv6's clothing is one of IPv4.
    fn of(ip: &str) -> Option<Self> {
        match ip.parse::<IpAddr>().ok()?.to_canonical() {
            IpAddr::V4(_) => Some(Self::V4),
            IpAddr::V6(_) => Some(Self::V6),
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::V4 => Self::V6,
            Self::V6 => Self::V4,
        }
    }
}
