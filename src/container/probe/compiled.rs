//! A probe as the spec has it, made ready.

use std::sync::Arc;
use std::time::Duration;

use super::super::HandlerError;
use super::{ProbeCheck, ProbeKind};
use crate::api::{Container, Probe};

/// A probe of a container, made ready: numbers with their defaults, the check resolved. It is compiled anew when
/// the spec changes, and never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompiledProbe {
    /// What it is for.
    pub kind: ProbeKind,
    /// How long after the start of an instance nothing is asked.
    pub initial_delay: Duration,
    /// The time between two runs, at least a second.
    pub period: Duration,
    /// How long an attempt may take, at least a second.
    pub timeout: Duration,
    /// How many answers in a row make a success, at least one.
    pub success_threshold: u32,
    /// How many answers in a row make a failure, at least one.
    pub failure_threshold: u32,
    /// What becomes of it when an instance has ended.
    pub after_exit: ProbeAtExit,
    /// What an attempt does. A probe that cannot be asked is no error of the pod's: it never comes to a result, as
    /// with the kubelet, and each run says so.
    pub check: Result<Arc<ProbeCheck>, HandlerError>,
}

/// What becomes of a probe when the instance that it asked has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProbeAtExit {
    /// It waits for the next one: the container runs again.
    Waits,
    /// It ends: the container does not run again. If it does all the same (its record was lost, all containers
    /// of the pod are restarted), the probe begins anew.
    Ends,
    /// It ends and stays so, as the kubelet's do until the pod's next sync.
    StaysEnded,
}

impl CompiledProbe {
    /// Compiles a probe. Numbers that are absent, zero or negative take their defaults: no initial delay, a
    /// period of 10 s, a timeout of 1 s, one success, three failures.
    #[must_use]
    pub fn new(kind: ProbeKind, probe: &Probe, container: &Container, after_exit: ProbeAtExit) -> Self {
        let number = |field: Option<i32>, default| match field.map(u32::try_from) {
            Some(Ok(number)) if number > 0 => number,
            _ => default,
        };
        let seconds = |field, default| Duration::from_secs(number(field, default).into());
        Self {
            kind,
            initial_delay: seconds(probe.initial_delay_seconds, 0),
            period: seconds(probe.period_seconds, 10),
            timeout: seconds(probe.timeout_seconds, 1),
            success_threshold: number(probe.success_threshold, 1),
            failure_threshold: number(probe.failure_threshold, 3),
            after_exit,
            check: ProbeCheck::resolve(probe, container).map(Arc::new),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_sense_take_their_defaults() {
        for odd in [None, Some(0), Some(-7), Some(i32::MIN)] {
            let probe = Probe {
                initial_delay_seconds: odd,
                period_seconds: odd,
                timeout_seconds: odd,
                success_threshold: odd,
                failure_threshold: odd,
                ..Probe::default()
            };
            let compiled =
                CompiledProbe::new(ProbeKind::Liveness, &probe, &Container::default(), ProbeAtExit::Waits);
            let seconds = [compiled.initial_delay, compiled.period, compiled.timeout].map(|d| d.as_secs());
            assert_eq!(seconds, [0, 10, 1]);
            assert_eq!((compiled.success_threshold, compiled.failure_threshold), (1, 3));
            assert_eq!(compiled.check, Err(HandlerError::EmptyProbe));
        }
    }
}
