//! The one form that statuses are compared and sent in.

use crate::api::{ContainerState, ContainerStatus, PodStatus};
use crate::machine::Timestamp;
use crate::pod::CompiledPod;

/// How many bytes of termination messages a pod has in all.
pub const MAX_TERMINATION_MESSAGES_BYTES: usize = 12 * 1024;

/// Cuts stamps to whole seconds and termination messages to a container's share, and puts containers in order:
/// init containers as the spec has them, others by name. An even share each of
/// [`MAX_TERMINATION_MESSAGES_BYTES`]; what is cut is cut between characters.
pub(super) fn normalise(pod: &CompiledPod, status: &mut PodStatus) {
    let share = MAX_TERMINATION_MESSAGES_BYTES
        .checked_div(pod.containers().len())
        .unwrap_or(MAX_TERMINATION_MESSAGES_BYTES);
    cut_stamp(&mut status.start_time);
    for condition in &mut status.conditions {
        cut_stamp(&mut condition.last_probe_time);
        cut_stamp(&mut condition.last_transition_time);
    }
    let lists = [
        &mut status.init_container_statuses,
        &mut status.container_statuses,
        &mut status.ephemeral_container_statuses,
    ];
    for container in lists.into_iter().flatten() {
        cut_state(&mut container.state, share);
        cut_state(&mut container.last_state, share);
    }
    sort_inits(pod, &mut status.init_container_statuses);
    sort_by_name(&mut status.container_statuses);
    sort_by_name(&mut status.ephemeral_container_statuses);
}

fn cut_stamp(stamp: &mut Option<Timestamp>) {
    *stamp = stamp.map(Timestamp::truncated_to_seconds);
}

fn cut_state(state: &mut Option<ContainerState>, share: usize) {
    match state {
        Some(ContainerState::Running(running)) => cut_stamp(&mut running.started_at),
        Some(ContainerState::Terminated(end)) => {
            cut_stamp(&mut end.started_at);
            cut_stamp(&mut end.finished_at);
            if end.message.len() > share {
                let mut length = share;
                while !end.message.is_char_boundary(length) {
                    length -= 1;
                }
                end.message.truncate(length);
            }
        }
        Some(ContainerState::Waiting(_)) | None => {}
    }
}

fn sort_by_name(statuses: &mut [ContainerStatus]) {
    if !statuses.is_sorted_by(|a, b| a.name <= b.name) {
        statuses.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

/// What the spec does not have comes last.
fn sort_inits(pod: &CompiledPod, statuses: &mut [ContainerStatus]) {
    let mut sorted = 0;
    for init in &pod.spec.init_containers {
        let here = statuses.iter().skip(sorted).position(|status| status.name == init.name);
        if let Some(here) = here {
            statuses.swap(sorted, sorted + here);
            sorted += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ContainerStateTerminated, Pod};
    use crate::behaviour::Behaviour;
    use std::sync::Arc;

    #[test]
    fn messages_are_cut_between_characters() {
        let json = r#"{"metadata": {"name": "p"}, "spec": {"containers": [
            {"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}, {"name": "c", "image": "c:1"}]}}"#;
        let pod = Pod::from_json(json).unwrap();
        let pod = CompiledPod::compile(&pod, &Arc::new(Behaviour::default())).unwrap();
        // A share is 4096 bytes, and the 1366th of these begins one byte before.
        let message = "€".repeat(2000);
        let end = ContainerStateTerminated { message, ..ContainerStateTerminated::default() };
        let state = Some(ContainerState::Terminated(end));
        let a = ContainerStatus { name: "a".to_owned(), state, ..ContainerStatus::default() };
        let mut status = PodStatus { container_statuses: vec![a], ..PodStatus::default() };
        normalise(&pod, &mut status);
        let Some(ContainerState::Terminated(end)) = &status.container_statuses[0].state else {
            unreachable!()
        };
        assert_eq!(end.message.len(), 4095);
    }
}
