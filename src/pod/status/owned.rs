//! Which conditions are the node's to say, and whether two statuses are the same as far as the node goes.

use super::compare::{same_containers, same_ips, same_text};
use super::conditions::find_condition;
use crate::api::{PodCondition, PodStatus};
use crate::behaviour::{Feature, FeatureGates};

/// Whether a condition is the node's alone. `DisruptionTarget` is not: others set it too.
pub(super) fn is_owned(type_: &str, gates: FeatureGates) -> bool {
    match type_ {
        PodCondition::READY
        | PodCondition::CONTAINERS_READY
        | PodCondition::INITIALIZED
        | PodCondition::POD_SCHEDULED => true,
        PodCondition::READY_TO_START_CONTAINERS => gates.enabled(Feature::PodReadyToStartContainersCondition),
        PodCondition::RESIZE_PENDING | PodCondition::RESIZE_IN_PROGRESS => {
            gates.enabled(Feature::InPlacePodVerticalScaling)
        }
        PodCondition::ALL_CONTAINERS_RESTARTING => {
            gates.enabled(Feature::RestartAllContainersOnContainerExits)
        }
        _ => false,
    }
}

/// Whether the node says nothing in `new` that is not in `old`. Of conditions only those count that it owns or
/// shares, by status, reason and message; one that is in `old` only is not looked at.
pub(super) fn says_the_same(old: &PodStatus, new: &PodStatus, gates: FeatureGates) -> bool {
    let counts = |condition: &&PodCondition| {
        is_owned(&condition.type_, gates) || condition.type_ == PodCondition::DISRUPTION_TARGET
    };
    let is_known = |new: &PodCondition| {
        find_condition(&old.conditions, &new.type_).is_some_and(|old| {
            old.status == new.status
                && same_text(&old.reason, &new.reason)
                && same_text(&old.message, &new.message)
                && old.observed_generation == new.observed_generation
        })
    };
    let PodStatus {
        phase,
        conditions: _,
        message,
        reason,
        host_ip,
        host_ips,
        pod_ip,
        pod_ips,
        start_time,
        init_container_statuses,
        container_statuses,
        ephemeral_container_statuses,
        resource_claim_statuses,
        qos_class,
        observed_generation,
    } = new;
    old.phase == *phase
        && same_text(&old.reason, reason)
        && same_text(&old.message, message)
        && same_containers(&old.container_statuses, container_statuses)
        && same_containers(&old.init_container_statuses, init_container_statuses)
        && same_containers(&old.ephemeral_container_statuses, ephemeral_container_statuses)
        && same_text(&old.pod_ip, pod_ip)
        && same_ips(&old.pod_ips, pod_ips)
        && same_text(&old.host_ip, host_ip)
        && same_ips(&old.host_ips, host_ips)
        && old.start_time == *start_time
        && old.qos_class == *qos_class
        && old.observed_generation == *observed_generation
        && old.resource_claim_statuses == *resource_claim_statuses
        && new.conditions.iter().filter(counts).all(is_known)
}
