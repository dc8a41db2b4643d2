//! Whether a container that is not running is started.

use super::{ContainerRecord, RecordState};
use crate::api::{Container, RestartPolicy};

/// Whether a container is to be started, given its latest instance: the general rule for app containers.
///
/// Never once deletion began. Yes when there is no instance, or one that was made and not started, or one
/// that the runtime has lost sight of. No while it runs. After an exit the policy decides. A sidecar's own
/// `Always` is the business of the walk over init containers, not of this rule.
///
/// ```
/// use node_lifecycle::api::RestartPolicy;
/// use node_lifecycle::container::restarts;
///
/// assert!(restarts(RestartPolicy::Never, None, false));
/// assert!(!restarts(RestartPolicy::Never, None, true));
/// ```
#[must_use]
pub fn restarts(policy: RestartPolicy, latest: Option<&ContainerRecord>, deleted: bool) -> bool {
    if deleted {
        return false;
    }
    match latest.map(|record| &record.state) {
        None | Some(RecordState::Created | RecordState::Unknown) => true,
        Some(RecordState::Running { .. }) => false,
        Some(RecordState::Exited(exit)) => match policy {
            RestartPolicy::Always => true,
            RestartPolicy::OnFailure => exit.exit_code != 0,
            RestartPolicy::Never => false,
        },
    }
}

/// Whether the latest instance ended with exit code 0.
#[must_use]
pub fn succeeded(latest: Option<&ContainerRecord>) -> bool {
    latest.and_then(ContainerRecord::exit).is_some_and(|exit| exit.exit_code == 0)
}

/// What makes an instance outdated when it changes: the container's name and image.
///
/// The kubelet hashes the same two fields since 1.31. The value is this library's own and is kept with the
/// container by the runtime; it means nothing elsewhere.
#[must_use]
pub fn spec_hash(container: &Container) -> u64 {
    // FNV-1a, 64 bits.
    let bytes = container.name.bytes().chain([0]).chain(container.image.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
