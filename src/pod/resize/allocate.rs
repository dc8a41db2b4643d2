//! From desired to allocated.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;

use super::Allocation;
use super::allocation::resizable;
use crate::api::{ConditionStatus, Container, Pod, PodCondition, PodSpec, QosClass, Quantity, ResourceList};
use crate::behaviour::{Feature, FeatureGates};
use crate::machine::Timestamp;
use crate::pod::{Overhead, pod_resources, qos_class};

/// What [`resize`] has to know of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResizeNode<'a> {
    /// What the node has for pods. A resource that is not named is not there.
    pub allocatable: &'a ResourceList,
    /// What is set aside for all other pods; where one is being made smaller, what it still has.
    pub others: &'a ResourceList,
    /// The pod's containers that may swap, as they are or as they would be.
    pub swapping: &'a BTreeSet<String>,
    /// Whether containers of guaranteed pods have CPUs of their own (the CPU manager's policy is `static`).
    pub exclusive_cpus: bool,
    /// Whether they have memory of their own (the memory manager's policy is `Static`).
    pub exclusive_memory: bool,
}

static NOTHING: ResourceList = ResourceList::new();
static NOBODY: BTreeSet<String> = BTreeSet::new();

impl Default for ResizeNode<'_> {
    /// A node that has nothing.
    fn default() -> Self {
        Self {
            allocatable: &NOTHING,
            others: &NOTHING,
            swapping: &NOBODY,
            exclusive_cpus: false,
            exclusive_memory: false,
        }
    }
}

/// What becomes of a pod's resize.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resize {
    /// There is none: what is allocated is what the spec asks for.
    Unchanged,
    /// It is set aside now.
    Allocate(Allocation),
    /// It has to wait until there is room.
    Deferred(Deferred),
    /// It cannot be, now or later, unless the spec or the node changes.
    Infeasible(Infeasible),
}

/// What there is too little of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferred {
    /// `cpu` or `memory`.
    pub resource: &'static str,
    /// How much the pod asks for.
    pub requested: Quantity,
    /// How much the other pods have.
    pub used: Quantity,
    /// How much the node has for pods.
    pub capacity: Quantity,
}

/// Why a resize can never be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Infeasible {
    /// The feature gate is off.
    GateOff(Feature),
    /// Static pods are not resized.
    StaticPod,
    /// The memory of a container that may swap changes, and the container would not be restarted for it.
    Swap {
        /// The container.
        container: String,
    },
    /// The pod is guaranteed and has CPUs of its own.
    ExclusiveCpus,
    /// The pod is guaranteed and has memory of its own.
    ExclusiveMemory,
    /// The node is too small.
    Capacity {
        /// `cpu` or `memory`.
        resource: &'static str,
        /// How much the pod asks for.
        requested: Quantity,
        /// How much the node has for pods.
        capacity: Quantity,
    },
}

/// What becomes of the resize that a pod's spec asks for, given what is allocated to it.
///
/// A pod's requests are what counts, with its overhead and as [`pod_resources`] has them. The reasons are looked
/// for in the order of [`Infeasible`], memory before CPU where the node is too small; then CPU before memory where
/// it is too full. A pod that asks for none of a resource never lacks it.
#[must_use]
pub fn resize(pod: &Pod, allocated: &Allocation, node: &ResizeNode<'_>, gates: FeatureGates) -> Resize {
    let spec = &pod.spec;
    if allocated.is_of(spec, gates) {
        return Resize::Unchanged;
    }
    if let Some(reason) = not_allowed(pod, allocated, node, gates) {
        return Resize::Infeasible(reason);
    }
    let requests = pod_resources(spec, gates, Overhead::Included).requests;
    for resource in ["memory", "cpu"] {
        let (requested, capacity) = (amount(&requests, resource), amount(node.allocatable, resource));
        if requested > capacity {
            return Resize::Infeasible(Infeasible::Capacity { resource, requested, capacity });
        }
    }
    for resource in ["cpu", "memory"] {
        let (requested, capacity) = (amount(&requests, resource), amount(node.allocatable, resource));
        let used = amount(node.others, resource);
        if requested.signum() > 0 && &requested + &used > capacity {
            return Resize::Deferred(Deferred { resource, requested, used, capacity });
        }
    }
    Resize::Allocate(Allocation::of(spec))
}

/// What forbids the resize whatever room there is.
fn not_allowed(
    pod: &Pod,
    allocated: &Allocation,
    node: &ResizeNode<'_>,
    gates: FeatureGates,
) -> Option<Infeasible> {
    let spec = &*pod.spec;
    let off = |feature| (!gates.enabled(feature)).then_some(Infeasible::GateOff(feature));
    if let Some(off) = off(Feature::InPlacePodVerticalScaling) {
        return Some(off);
    }
    if pod.is_static() {
        return Some(Infeasible::StaticPod);
    }
    let swaps = |container: &&Container| {
        node.swapping.contains(&container.name)
            && changes(container, allocated, "memory")
            && !restarts_for(container, "memory")
    };
    if let Some(container) = resizable(spec).find(swaps) {
        return Some(Infeasible::Swap { container: container.name.clone() });
    }
    if !allocated.is_of_pod(spec, gates)
        && let Some(off) = off(Feature::InPlacePodLevelResourcesVerticalScaling)
    {
        return Some(off);
    }
    if qos_class(spec, gates) == QosClass::Guaranteed {
        let any_changes = |name| resizable(spec).any(|container| changes(container, allocated, name));
        if node.exclusive_cpus && any_changes("cpu") {
            return Some(Infeasible::ExclusiveCpus);
        }
        if node.exclusive_memory && any_changes("memory") {
            return Some(Infeasible::ExclusiveMemory);
        }
    }
    None
}

fn amount(list: &ResourceList, name: &str) -> Quantity {
    list.get(name).cloned().unwrap_or_default()
}

/// Whether a container's request changes.
fn changes(container: &Container, allocated: &Allocation, name: &str) -> bool {
    let allocated = allocated.containers.get(&container.name);
    allocated.is_some_and(|it| amount(&it.requests, name) != amount(&container.resources.requests, name))
}

/// Whether a container is restarted when an amount of it changes.
pub(super) fn restarts_for(container: &Container, name: &str) -> bool {
    let policy = container.resize_policy.iter().find(|policy| policy.resource_name == name);
    policy.is_some_and(|policy| policy.restart_policy == "RestartContainer")
}

/// The condition `PodResizePending` for it; `None` when the pod must not have it. `generation` is the pod's, where
/// conditions say it (KEP-5067).
#[must_use]
pub fn resize_pending_condition(resize: &Resize, generation: Option<i64>) -> Option<PodCondition> {
    let (reason, message) = match resize {
        Resize::Unchanged | Resize::Allocate(_) => return None,
        Resize::Deferred(deferred) => ("Deferred", deferred.to_string()),
        Resize::Infeasible(reason) => ("Infeasible", reason.to_string()),
    };
    Some(condition("PodResizePending", reason, message, generation))
}

pub(super) fn condition(type_: &str, reason: &str, message: String, generation: Option<i64>) -> PodCondition {
    PodCondition {
        type_: type_.to_owned(),
        status: ConditionStatus::True,
        reason: reason.to_owned(),
        message,
        last_transition_time: None,
        last_probe_time: None,
        observed_generation: generation,
    }
}

/// An amount as the kubelet counts it: CPU in milli units, memory in bytes.
fn counted(resource: &str, amount: &Quantity) -> i64 {
    if resource == "cpu" { amount.milli_value_saturating() } else { amount.value_saturating() }
}

impl fmt::Display for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource, requested, used, capacity } = self;
        let [requested, used, capacity] = [requested, used, capacity].map(|amount| counted(resource, amount));
        write!(
            f,
            "Node didn't have enough resource: {resource}, requested: {requested}, used: {used}, capacity: {capacity}"
        )
    }
}

impl fmt::Display for Infeasible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exclusive = |f: &mut fmt::Formatter<'_>, manager, policy| {
            write!(
                f,
                "Resize is infeasible for Guaranteed Pods alongside {manager} Manager policy \"{policy}\""
            )
        };
        match self {
            Self::GateOff(feature) => write!(f, "{feature} is disabled"),
            Self::StaticPod => f.write_str("In-place resize of static-pods is not supported"),
            Self::Swap { .. } => f.write_str("In-place resize of containers with swap is not supported."),
            Self::ExclusiveCpus => exclusive(f, "CPU", "static"),
            Self::ExclusiveMemory => exclusive(f, "Memory", "Static"),
            Self::Capacity { resource, requested, capacity } => {
                let [requested, capacity] = [requested, capacity].map(|amount| counted(resource, amount));
                write!(
                    f,
                    "Node didn't have enough capacity: {resource}, requested: {requested}, capacity: {capacity}"
                )
            }
        }
    }
}

/// The order in which deferred resizes are tried again when there is room: the least goes first.
///
/// First those that ask for no more than is allocated, then the pods of higher priority, then guaranteed pods, then
/// those that have waited for longer. Pods that tie should be taken by their identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResizePriority {
    increases: bool,
    priority: Reverse<i32>,
    is_not_guaranteed: bool,
    waits_since: Timestamp,
}

impl ResizePriority {
    /// The place of a pod. `pending_since` is when its `PodResizePending` came to be; `None` when it has just been
    /// asked for.
    #[must_use]
    pub fn of(
        spec: &PodSpec,
        allocated: &Allocation,
        pending_since: Option<Timestamp>,
        gates: FeatureGates,
    ) -> Self {
        let requests = |spec: &PodSpec| pod_resources(spec, gates, Overhead::Included).requests;
        let (old, new) = (requests(&allocated.applied_to(spec)), requests(spec));
        Self {
            increases: ["cpu", "memory"].iter().any(|name| amount(&new, name) > amount(&old, name)),
            priority: Reverse(spec.priority.unwrap_or(0)),
            is_not_guaranteed: qos_class(spec, gates) != QosClass::Guaranteed,
            waits_since: pending_since.unwrap_or(Timestamp::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(resources: &str) -> Pod {
        let json = format!(
            r#"{{"metadata": {{"name": "p"}}, "spec": {{"containers": [
                {{"name": "a", "image": "a:1", "resources": {resources}}}]}}}}"#
        );
        Pod::from_json(&json).unwrap()
    }

    fn list(cpu: &str, memory: &str) -> ResourceList {
        [("cpu", cpu), ("memory", memory)].map(|(name, it)| (name.to_owned(), it.parse().unwrap())).into()
    }

    fn message(pod: &Pod, node: &ResizeNode<'_>, gates: FeatureGates) -> String {
        let allocated = Allocation::of(
            &self::pod(
                r#"{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}}"#,
            )
            .spec,
        );
        let resize = resize(pod, &allocated, node, gates);
        resize_pending_condition(&resize, None).map_or_else(String::new, |condition| condition.message)
    }

    #[test]
    fn what_forbids_a_resize_is_said_in_kubernetes_words() {
        let (allocatable, swapping) = (list("8", "8Gi"), BTreeSet::from(["a".to_owned()]));
        let room = ResizeNode { allocatable: &allocatable, ..ResizeNode::default() };
        let gates = FeatureGates::of_release(35);
        let cpu = pod(r#"{"limits": {"cpu": "2", "memory": "1Gi"}}"#);
        let memory = pod(r#"{"limits": {"cpu": "1", "memory": "2Gi"}}"#);

        assert_eq!(message(&cpu, &room, FeatureGates::default()), "InPlacePodVerticalScaling is disabled");
        let mut of_a_file = cpu.clone();
        of_a_file.metadata.annotations.insert(Pod::CONFIG_SOURCE.to_owned(), "file".to_owned());
        assert_eq!(message(&of_a_file, &room, gates), "In-place resize of static-pods is not supported");

        let swaps = ResizeNode { swapping: &swapping, ..room };
        assert_eq!(message(&cpu, &swaps, gates), "");
        assert_eq!(
            message(&memory, &swaps, gates),
            "In-place resize of containers with swap is not supported."
        );

        let exclusive = ResizeNode { exclusive_cpus: true, exclusive_memory: true, ..room };
        assert_eq!(
            message(&cpu, &exclusive, gates),
            "Resize is infeasible for Guaranteed Pods alongside CPU Manager policy \"static\""
        );
        assert_eq!(
            message(&memory, &exclusive, gates),
            "Resize is infeasible for Guaranteed Pods alongside Memory Manager policy \"Static\""
        );

        let mut own = cpu;
        std::sync::Arc::make_mut(&mut own.spec).resources.limits = list("4", "4Gi");
        assert_eq!(message(&own, &room, gates), "InPlacePodLevelResourcesVerticalScaling is disabled");
        assert_eq!(message(&own, &room, FeatureGates::of_release(36)), "");
    }

    #[test]
    fn resizes_that_ask_for_no_more_come_first() {
        let gates = FeatureGates::of_release(35);
        let allocated = Allocation::of(&pod(r#"{"requests": {"cpu": "2"}}"#).spec);
        let place = |cpu: &str, priority, since| {
            let mut spec = (*pod(&format!(r#"{{"requests": {{"cpu": "{cpu}"}}}}"#)).spec).clone();
            spec.priority = Some(priority);
            ResizePriority::of(&spec, &allocated, since, gates)
        };
        let at = |seconds| Some(Timestamp::from_unix_seconds(seconds));
        assert!(place("1", 0, None) < place("3", 100, at(0)));
        assert!(place("3", 100, None) < place("3", 0, at(0)));
        assert!(place("3", 0, at(1)) < place("3", 0, at(2)));
        assert!(place("3", 0, at(2)) < place("3", 0, None));
    }
}
