//! Whether parts of a status are the same: the same answers as `==` gives, word by word.
//!
//! Statuses are full of short texts that are nearly always equal. On some processors the C library's comparison
//! of these takes ten times as long as it has to, and that was most of the time of every status.

use crate::api::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    PodIp,
};

/// Whether two texts are the same.
pub(super) fn same_text(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    // The last word overlaps the one before, so that nothing is left over.
    if let (Some(a_last), Some(b_last)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
        return word(a_last) == word(b_last) && words.into_iter().all(|(a, b)| word(a) == word(b));
    }
    match (a.first_chunk::<4>(), b.first_chunk::<4>()) {
        (Some(a_first), Some(b_first)) => a_first == b_first && a.last_chunk::<4>() == b.last_chunk::<4>(),
        _ => a.iter().zip(b).all(|(a, b)| a == b),
    }
}

const fn word(bytes: &[u8; 8]) -> u64 {
    u64::from_ne_bytes(*bytes)
}

pub(super) fn same_containers(a: &[ContainerStatus], b: &[ContainerStatus]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_container(a, b))
}

fn same_container(a: &ContainerStatus, b: &ContainerStatus) -> bool {
    let ContainerStatus {
        name,
        state,
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
    } = a;
    *ready == b.ready
        && *started == b.started
        && *restart_count == b.restart_count
        && same_text(name, &b.name)
        && same_state(state.as_ref(), b.state.as_ref())
        && same_state(last_state.as_ref(), b.last_state.as_ref())
        && same_text(image, &b.image)
        && same_text(image_id, &b.image_id)
        && same_text(container_id, &b.container_id)
        && *allocated_resources == b.allocated_resources
        && *resources == b.resources
        && *volume_mounts == b.volume_mounts
        && *user == b.user
        && *stop_signal == b.stop_signal
}

fn same_state(a: Option<&ContainerState>, b: Option<&ContainerState>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(ContainerState::Waiting(a)), Some(ContainerState::Waiting(b))) => {
            let ContainerStateWaiting { reason, message } = a;
            same_text(reason, &b.reason) && same_text(message, &b.message)
        }
        (Some(ContainerState::Running(a)), Some(ContainerState::Running(b))) => {
            let ContainerStateRunning { started_at } = a;
            *started_at == b.started_at
        }
        (Some(ContainerState::Terminated(a)), Some(ContainerState::Terminated(b))) => {
            let ContainerStateTerminated {
                exit_code,
                signal,
                reason,
                message,
                started_at,
                finished_at,
                container_id,
            } = a;
            *exit_code == b.exit_code
                && *signal == b.signal
                && same_text(reason, &b.reason)
                && same_text(message, &b.message)
                && *started_at == b.started_at
                && *finished_at == b.finished_at
                && same_text(container_id, &b.container_id)
        }
        _ => false,
    }
}

pub(super) fn same_ips(a: &[PodIp], b: &[PodIp]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_text(&a.ip, &b.ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_are_told_apart_at_every_place() {
        for length in 0..40 {
            let text = "x".repeat(length);
            assert!(same_text(&text, &text.clone()) && !same_text(&text, &format!("{text}x")));
            for at in 0..length {
                let mut other = text.clone();
                other.replace_range(at..=at, "y");
                assert!(!same_text(&text, &other), "{at} of {length}");
            }
        }
    }
}
