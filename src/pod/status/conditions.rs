//! The conditions that a node says of a pod: whether it is initialised, whether its containers and it are
//! ready, whether it has its sandbox.

use std::fmt::Write as _;

use super::compare::same_text;
use super::write;
use crate::api::{ConditionStatus, ContainerState, ContainerStatus, PodCondition, PodPhase, PodStatus};
use crate::container::{ContainerIndex, ContainerKind, ContainerSet};
use crate::pod::{CompiledContainer, CompiledPod, Observed, sandbox_fault};

/// What is known of a pod's containers.
#[derive(Debug, Clone, Copy)]
pub struct ContainerStatuses<'a> {
    /// Of its init containers, best in spec order.
    pub inits: &'a [ContainerStatus],
    /// Of its app containers, best by name.
    pub apps: &'a [ContainerStatus],
}

impl<'a> From<&'a PodStatus> for ContainerStatuses<'a> {
    fn from(status: &'a PodStatus) -> Self {
        Self { inits: &status.init_container_statuses, apps: &status.container_statuses }
    }
}

impl<'a> ContainerStatuses<'a> {
    /// The status of a container of the pod. Found at once where the lists are in the order of a status that a
    /// node writes.
    fn of(self, container: &CompiledContainer) -> Option<&'a ContainerStatus> {
        let list = if container.kind.is_init() { self.inits } else { self.apps };
        find_status(list, container.status_slot, &container.name)
    }
}

/// A status by its container's name, looked for where it should be first.
pub(super) fn find_status<'a>(
    list: &'a [ContainerStatus],
    slot: usize,
    name: &str,
) -> Option<&'a ContainerStatus> {
    let has_name = |status: &&ContainerStatus| same_text(&status.name, name);
    list.get(slot).filter(has_name).or_else(|| list.iter().find(has_name))
}

/// A condition by its type.
pub(super) fn find_condition<'a>(conditions: &'a [PodCondition], type_: &str) -> Option<&'a PodCondition> {
    conditions.iter().find(|condition| same_text(&condition.type_, type_))
}

/// Whether a condition holds, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConditionDecision {
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why.
    pub reason: ConditionReason,
}

/// Why a condition of a pod holds or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConditionReason {
    /// There is nothing to add.
    Plain,
    /// Nothing is known of the containers.
    UnknownContainerStatuses,
    /// Some containers are not ready.
    ContainersNotReady {
        /// Those of which nothing is known.
        unknown: ContainerSet,
        /// Those that are known not to be.
        unready: ContainerSet,
    },
    /// Some init containers have not done their work.
    ContainersNotInitialized {
        /// Those of which nothing is known.
        unknown: ContainerSet,
        /// Those that are known not to have.
        incomplete: ContainerSet,
    },
    /// Conditions that the spec asks for do not hold.
    ReadinessGatesNotReady,
    /// The pod has succeeded.
    PodCompleted,
    /// The pod has failed.
    PodFailed,
}

impl ConditionReason {
    /// The API's word for it; empty for [`Plain`](Self::Plain).
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::UnknownContainerStatuses => "UnknownContainerStatuses",
            Self::ContainersNotReady { .. } => "ContainersNotReady",
            Self::ContainersNotInitialized { .. } => "ContainersNotInitialized",
            Self::ReadinessGatesNotReady => "ReadinessGatesNotReady",
            Self::PodCompleted => "PodCompleted",
            Self::PodFailed => "PodFailed",
        }
    }

    /// Says it for a person, as the kubelet does. `conditions` are those that readiness gates ask of.
    #[must_use]
    pub fn explain(self, pod: &CompiledPod, conditions: &[PodCondition]) -> String {
        let mut message = String::new();
        self.write_message(pod, conditions, &mut message);
        message
    }

    fn write_message(self, pod: &CompiledPod, conditions: &[PodCondition], to: &mut String) {
        to.clear();
        match self {
            Self::ContainersNotReady { unknown, unready } => {
                write_names(pod, "unknown", unknown, to);
                write_names(pod, "unready", unready, to);
            }
            Self::ContainersNotInitialized { unknown, incomplete } => {
                write_names(pod, "unknown", unknown, to);
                write_names(pod, "incomplete", incomplete, to);
            }
            Self::ReadinessGatesNotReady => write_gates(pod, conditions, to),
            Self::Plain | Self::UnknownContainerStatuses | Self::PodCompleted | Self::PodFailed => {}
        }
    }
}

fn write_names(pod: &CompiledPod, what: &str, containers: ContainerSet, to: &mut String) {
    if containers.is_empty() {
        return;
    }
    let comma = if to.is_empty() { "" } else { ", " };
    to.extend([comma, "containers with ", what, " status: ["]);
    for (n, index) in containers.iter().enumerate() {
        to.extend([if n == 0 { "" } else { " " }, pod.name_of(index)]);
    }
    to.push(']');
}

fn write_gates(pod: &CompiledPod, conditions: &[PodCondition], to: &mut String) {
    for gate in &pod.spec.readiness_gates {
        let gate = &gate.condition_type;
        let comma = if to.is_empty() { "" } else { ", " };
        // Writing to a text does not fail.
        _ = match gate_status(conditions, gate) {
            Some(ConditionStatus::True) => Ok(()),
            None => {
                let missing = "corresponding condition of pod readiness gate";
                write!(to, "{comma}{missing} {gate:?} does not exist.")
            }
            Some(status) => {
                write!(to, "{comma}the status of pod readiness gate {gate:?} is not \"True\", but {status:?}")
            }
        };
    }
}

fn gate_status(conditions: &[PodCondition], gate: &str) -> Option<ConditionStatus> {
    find_condition(conditions, gate).map(|condition| condition.status)
}

impl ConditionDecision {
    const HOLDS: Self = Self { status: ConditionStatus::True, reason: ConditionReason::Plain };

    pub(super) const fn not(reason: ConditionReason) -> Self {
        Self { status: ConditionStatus::False, reason }
    }

    /// What containers and pods are in a terminal phase: not ready.
    pub(super) const fn in_terminal_phase(phase: PodPhase) -> Self {
        Self::not(match phase {
            PodPhase::Succeeded => ConditionReason::PodCompleted,
            _ => ConditionReason::PodFailed,
        })
    }

    /// As a condition of a status, without times. `conditions` are those that readiness gates ask of.
    #[must_use]
    pub fn to_condition(self, type_: &str, pod: &CompiledPod, conditions: &[PodCondition]) -> PodCondition {
        let mut condition = write::blank_condition();
        self.write(type_, pod, conditions, &mut condition);
        condition
    }

    /// Writes every field.
    pub(super) fn write(
        self,
        type_: &str,
        pod: &CompiledPod,
        conditions: &[PodCondition],
        to: &mut PodCondition,
    ) {
        write::text(&mut to.type_, type_);
        to.status = self.status;
        write::text(&mut to.reason, self.reason.word());
        self.reason.write_message(pod, conditions, &mut to.message);
        to.last_transition_time = None;
        to.last_probe_time = None;
        to.observed_generation = None;
    }
}

/// The condition `ContainersReady`: whether all app containers and sidecars are ready. `statuses` is `None`
/// when nothing is known.
#[must_use]
pub fn containers_ready(
    pod: &CompiledPod,
    statuses: Option<ContainerStatuses<'_>>,
    phase: PodPhase,
) -> ConditionDecision {
    let Some(statuses) = statuses else {
        return ConditionDecision::not(ConditionReason::UnknownContainerStatuses);
    };
    let (mut unknown, mut unready) = (ContainerSet::EMPTY, ContainerSet::EMPTY);
    for (index, container) in (0..).map(ContainerIndex).zip(pod.containers()) {
        if !matches!(container.kind, ContainerKind::Sidecar | ContainerKind::App) {
            continue;
        }
        match statuses.of(container) {
            None => unknown.insert(index),
            Some(status) if !status.ready => unready.insert(index),
            Some(_) => {}
        }
    }
    if phase == PodPhase::Failed || phase == PodPhase::Succeeded && unknown.is_empty() {
        ConditionDecision::in_terminal_phase(phase)
    } else if unknown.is_empty() && unready.is_empty() {
        ConditionDecision::HOLDS
    } else {
        ConditionDecision::not(ConditionReason::ContainersNotReady { unknown, unready })
    }
}

/// The condition `Ready`: whether the containers are ready and every readiness gate of the spec holds, by the
/// `conditions` that there are.
///
/// ```
/// use std::sync::Arc;
/// use node_lifecycle::api::{ContainerStatus, Pod, PodPhase, PodStatus};
/// use node_lifecycle::behaviour::Behaviour;
/// use node_lifecycle::pod::{CompiledPod, pod_ready};
///
/// let pod = Pod::from_json(r#"{"metadata": {"name": "web"}, "spec": {
///     "readinessGates": [{"conditionType": "example.com/in-rotation"}],
///     "containers": [{"name": "app", "image": "app:1"}]}}"#)?;
/// let pod = CompiledPod::compile(&pod, &Arc::new(Behaviour::default()))?;
/// let app = ContainerStatus { name: "app".to_owned(), ready: true, ..ContainerStatus::default() };
/// let status = PodStatus { container_statuses: vec![app], ..PodStatus::default() };
///
/// let ready = pod_ready(&pod, Some((&status).into()), PodPhase::Running, &status.conditions);
/// assert_eq!(ready.reason.word(), "ReadinessGatesNotReady");
/// assert_eq!(
///     ready.reason.explain(&pod, &status.conditions),
///     "corresponding condition of pod readiness gate \"example.com/in-rotation\" does not exist."
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn pod_ready(
    pod: &CompiledPod,
    statuses: Option<ContainerStatuses<'_>>,
    phase: PodPhase,
    conditions: &[PodCondition],
) -> ConditionDecision {
    ready_by_gates(pod, containers_ready(pod, statuses, phase), conditions)
}

/// `Ready`, where `ContainersReady` is known.
pub(super) fn ready_by_gates(
    pod: &CompiledPod,
    containers: ConditionDecision,
    conditions: &[PodCondition],
) -> ConditionDecision {
    let holds = |gate: &str| gate_status(conditions, gate) == Some(ConditionStatus::True);
    if containers.status != ConditionStatus::True {
        containers
    } else if pod.spec.readiness_gates.iter().all(|gate| holds(&gate.condition_type)) {
        ConditionDecision::HOLDS
    } else {
        ConditionDecision::not(ConditionReason::ReadinessGatesNotReady)
    }
}

/// The condition `Initialized`: whether regular init containers have ended well and sidecars have started.
/// Once an app container has run, it holds whatever sidecars do. `statuses` is `None` when nothing is known.
#[must_use]
pub fn pod_initialized(
    pod: &CompiledPod,
    statuses: Option<ContainerStatuses<'_>>,
    phase: PodPhase,
) -> ConditionDecision {
    let Some(statuses) = statuses else {
        return if pod.inits().is_empty() {
            initialized_after(ContainerSet::EMPTY, ContainerSet::EMPTY, phase)
        } else {
            ConditionDecision::not(ConditionReason::UnknownContainerStatuses)
        };
    };
    let (mut unknown, mut incomplete) = (ContainerSet::EMPTY, ContainerSet::EMPTY);
    let inits = pod.containers().iter().take_while(|container| container.kind.is_init());
    for (index, container) in (0..).map(ContainerIndex).zip(inits) {
        let is_sidecar = container.kind == ContainerKind::Sidecar;
        match statuses.of(container) {
            None => unknown.insert(index),
            Some(status) if is_sidecar && status.started == Some(true) => {}
            Some(status) if !is_sidecar && status.ready => {}
            Some(_) => incomplete.insert(index),
        }
    }
    let ran = |status: &ContainerStatus| {
        matches!(status.state, Some(ContainerState::Running(_) | ContainerState::Terminated(_)))
    };
    let any_app_ran = || {
        let apps = pod.containers().iter().filter(|container| container.kind == ContainerKind::App);
        apps.filter_map(|container| statuses.of(container)).any(ran)
    };
    match initialized_after(unknown, incomplete, phase) {
        decision if decision.status != ConditionStatus::True && any_app_ran() => ConditionDecision::HOLDS,
        decision => decision,
    }
}

fn initialized_after(unknown: ContainerSet, incomplete: ContainerSet, phase: PodPhase) -> ConditionDecision {
    if phase == PodPhase::Succeeded && unknown.is_empty() {
        ConditionDecision { status: ConditionStatus::True, reason: ConditionReason::PodCompleted }
    } else if unknown.is_empty() && incomplete.is_empty() {
        ConditionDecision::HOLDS
    } else {
        ConditionDecision::not(ConditionReason::ContainersNotInitialized { unknown, incomplete })
    }
}

/// The condition `PodReadyToStartContainers` (KEP-3085): whether the pod has a sandbox that serves, with its
/// network.
#[must_use]
pub fn ready_to_start_containers(pod: &CompiledPod, observed: &Observed) -> ConditionDecision {
    match sandbox_fault(pod, observed) {
        None => ConditionDecision::HOLDS,
        Some(_) => ConditionDecision::not(ConditionReason::Plain),
    }
}

/// Whether the condition `Ready` that a status has is not what it would be by that same status, because a
/// readiness gate's condition has changed since. Only pods with readiness gates are looked at, and only where
/// the condition is there.
///
/// The kubelet leaves sidecars out of this look, so that a pod with both sidecars and gates never comes to
/// rest: [`Compat::reconcile_readiness_without_sidecars`](crate::behaviour::Compat).
#[must_use]
pub fn needs_readiness_reconcile(pod: &CompiledPod, status: &PodStatus) -> bool {
    if pod.spec.readiness_gates.is_empty() {
        return false;
    }
    let Some(present) = status.condition(PodCondition::READY) else { return false };
    let mut statuses = ContainerStatuses::from(status);
    if pod.behaviour.compat.reconcile_readiness_without_sidecars {
        statuses.inits = &[];
    }
    let known = !(statuses.inits.is_empty() && statuses.apps.is_empty());
    let phase = status.phase.unwrap_or(PodPhase::Unknown);
    let ready = pod_ready(pod, Some(statuses).filter(|_| known), phase, &status.conditions);
    ready.status != present.status || ready.reason.explain(pod, &status.conditions) != present.message
}
