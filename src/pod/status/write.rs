//! Writing into buffers that are there: what is the same already is left alone, so that a status that is
//! generated again and again allocates nothing.

use std::collections::BTreeMap;

use super::compare::same_text;
use crate::api::{
    ConditionStatus, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus, PodCondition, PodIp, PodStatus,
};

pub(super) fn text(to: &mut String, from: &str) {
    if !same_text(to, from) {
        to.clear();
        to.push_str(from);
    }
}

/// Empties a map. (Clearing an empty one has its price.)
pub(super) fn nothing<K, V>(to: &mut BTreeMap<K, V>) {
    if !to.is_empty() {
        to.clear();
    }
}

/// For what is seldom there and seldom changes.
pub(super) fn value<T: Clone + PartialEq>(to: &mut T, from: &T) {
    if to != from {
        to.clone_from(from);
    }
}

/// A vector that is filled anew from its beginning; what is left over from before goes at the end.
pub(super) struct Refill<'a, T> {
    list: &'a mut Vec<T>,
    filled: usize,
}

impl<'a, T> Refill<'a, T> {
    pub(super) const fn new(list: &'a mut Vec<T>) -> Self {
        Self { list, filled: 0 }
    }

    /// What is filled, and the next entry, which still has what it had before.
    pub(super) fn next(&mut self, blank: fn() -> T) -> (&[T], &mut T) {
        let at = self.filled;
        if at == self.list.len() {
            self.list.push(blank());
        }
        self.filled += 1;
        let (filled, rest) = self.list.split_at_mut(at);
        (filled, &mut rest[0])
    }

    pub(super) fn filled(&mut self) -> &mut [T] {
        &mut self.list[..self.filled]
    }

    pub(super) fn finish(self) {
        self.list.truncate(self.filled);
    }
}

fn list<T>(to: &mut Vec<T>, from: &[T], blank: fn() -> T, copy: fn(&mut T, &T)) {
    to.truncate(from.len());
    let (same, new) = from.split_at(to.len());
    to.iter_mut().zip(same).for_each(|(to, from)| copy(to, from));
    to.extend(new.iter().map(|from| {
        let mut entry = blank();
        copy(&mut entry, from);
        entry
    }));
}

/// Makes a state waiting and gives its words to write.
pub(super) fn waiting(to: &mut Option<ContainerState>, reason: &str, message: &str) {
    let mut waiting = match to.take() {
        Some(ContainerState::Waiting(waiting)) => waiting,
        _ => ContainerStateWaiting::default(),
    };
    text(&mut waiting.reason, reason);
    text(&mut waiting.message, message);
    *to = Some(ContainerState::Waiting(waiting));
}

/// Makes a state terminated; `fill` has to write every field.
pub(super) fn terminated(to: &mut Option<ContainerState>, fill: impl FnOnce(&mut ContainerStateTerminated)) {
    let mut terminated = match to.take() {
        Some(ContainerState::Terminated(terminated)) => terminated,
        _ => ContainerStateTerminated::default(),
    };
    fill(&mut terminated);
    *to = Some(ContainerState::Terminated(terminated));
}

pub(super) fn state(to: &mut Option<ContainerState>, from: Option<&ContainerState>) {
    match from {
        None => *to = None,
        Some(ContainerState::Running(ContainerStateRunning { started_at })) => {
            *to = Some(ContainerState::Running(ContainerStateRunning { started_at: *started_at }));
        }
        Some(ContainerState::Waiting(from)) => waiting(to, &from.reason, &from.message),
        Some(ContainerState::Terminated(from)) => terminated(to, |to| {
            to.exit_code = from.exit_code;
            to.signal = from.signal;
            text(&mut to.reason, &from.reason);
            text(&mut to.message, &from.message);
            to.started_at = from.started_at;
            to.finished_at = from.finished_at;
            text(&mut to.container_id, &from.container_id);
        }),
    }
}

pub(super) fn container(to: &mut ContainerStatus, from: &ContainerStatus) {
    let ContainerStatus {
        name,
        state: now,
        last_state,
        ready,
        started,
        restart_count,
        image,
        image_id,
        container_id,
        allocated_resources,
        resources,
        volume_mounts,
        user,
        stop_signal,
    } = to;
    text(name, &from.name);
    state(now, from.state.as_ref());
    state(last_state, from.last_state.as_ref());
    *ready = from.ready;
    *started = from.started;
    *restart_count = from.restart_count;
    text(image, &from.image);
    text(image_id, &from.image_id);
    text(container_id, &from.container_id);
    value(allocated_resources, &from.allocated_resources);
    value(resources, &from.resources);
    value(volume_mounts, &from.volume_mounts);
    value(user, &from.user);
    value(stop_signal, &from.stop_signal);
}

pub(super) fn blank_condition() -> PodCondition {
    PodCondition {
        type_: String::new(),
        status: ConditionStatus::Unknown,
        reason: String::new(),
        message: String::new(),
        last_transition_time: None,
        last_probe_time: None,
        observed_generation: None,
    }
}

pub(super) fn condition(to: &mut PodCondition, from: &PodCondition) {
    let PodCondition {
        type_,
        status,
        reason,
        message,
        last_transition_time,
        last_probe_time,
        observed_generation,
    } = to;
    text(type_, &from.type_);
    *status = from.status;
    text(reason, &from.reason);
    text(message, &from.message);
    *last_transition_time = from.last_transition_time;
    *last_probe_time = from.last_probe_time;
    *observed_generation = from.observed_generation;
}

/// All of a status but its conditions.
pub(super) fn pod_but_conditions(to: &mut PodStatus, from: &PodStatus) {
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
    } = to;
    let copy_ip = |to: &mut PodIp, from: &PodIp| text(&mut to.ip, &from.ip);
    *phase = from.phase;
    text(message, &from.message);
    text(reason, &from.reason);
    text(host_ip, &from.host_ip);
    list(host_ips, &from.host_ips, PodIp::default, copy_ip);
    text(pod_ip, &from.pod_ip);
    list(pod_ips, &from.pod_ips, PodIp::default, copy_ip);
    *start_time = from.start_time;
    let blank = ContainerStatus::default;
    list(init_container_statuses, &from.init_container_statuses, blank, container);
    list(container_statuses, &from.container_statuses, blank, container);
    list(ephemeral_container_statuses, &from.ephemeral_container_statuses, blank, container);
    value(resource_claim_statuses, &from.resource_claim_statuses);
    *qos_class = from.qos_class;
    *observed_generation = from.observed_generation;
}
