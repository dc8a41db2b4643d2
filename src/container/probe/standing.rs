//! What probes mean for a container's status.

use super::ProbeResult;

/// Whether an instance counts as started: it runs, and its startup probe passed. Without a result, it has
/// started exactly if there is no startup prober that could still come to one.
///
/// ```
/// use node_lifecycle::container::{ProbeResult, is_started};
///
/// assert!(is_started(true, None, false));
/// assert!(!is_started(true, None, true), "its prober has not seen it yet");
/// assert!(!is_started(true, Some(ProbeResult::Unknown), true));
/// assert!(!is_started(false, Some(ProbeResult::Success), true));
/// ```
#[must_use]
pub const fn is_started(running: bool, startup: Option<ProbeResult>, has_prober: bool) -> bool {
    running
        && match startup {
            Some(result) => matches!(result, ProbeResult::Success),
            None => !has_prober,
        }
}

/// Whether an app container or a sidecar takes traffic, and whether its readiness prober should be asked to run
/// at once because it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Readiness {
    /// It does.
    Ready,
    /// It does not.
    NotReady,
    /// It does not, and its readiness prober should run now rather than a period later.
    RunProbe,
}

/// Whether an instance takes traffic: it has started (see [`is_started`]) and its readiness probe says so, or
/// there is no readiness prober.
///
/// ```
/// use node_lifecycle::container::{ProbeResult, Readiness, readiness};
///
/// assert_eq!(readiness(true, None, false), Readiness::Ready);
/// assert_eq!(readiness(true, Some(ProbeResult::Failure), true), Readiness::RunProbe);
/// assert_eq!(readiness(false, Some(ProbeResult::Success), true), Readiness::NotReady);
/// ```
#[must_use]
pub const fn readiness(started: bool, result: Option<ProbeResult>, has_prober: bool) -> Readiness {
    match result {
        _ if !started => Readiness::NotReady,
        Some(ProbeResult::Success) => Readiness::Ready,
        _ if has_prober => Readiness::RunProbe,
        _ => Readiness::Ready,
    }
}
