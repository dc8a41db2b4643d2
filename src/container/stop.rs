//! The arithmetic of stopping one container: its hook, its turn, its timeout.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::machine::Timestamp;

/// The shortest time in seconds that a container gets between the stop signal and the kill.
pub const MINIMUM_GRACE_SECONDS: u64 = 2;

/// A probe's own grace period, when its failure is why the container stops (KEP-2238).
pub type ProbeGrace = Option<i64>;

/// The grace period of a container in seconds, before any override.
///
/// `deletion` is the pod's `deletionGracePeriodSeconds` and comes first, whatever the reason. Then, where the
/// pod's `terminationGracePeriodSeconds` is set (`spec`), the failed probe's own (which may be longer or
/// shorter), else the pod's. Then [`MINIMUM_GRACE_SECONDS`].
///
/// ```
/// use node_lifecycle::container::grace_seconds;
///
/// assert_eq!(grace_seconds(Some(5), Some(30), Some(60)), 5);
/// assert_eq!(grace_seconds(None, Some(30), Some(60)), 60);
/// assert_eq!(grace_seconds(None, None, Some(60)), 2);
/// ```
#[must_use]
pub fn grace_seconds(deletion: Option<i64>, spec: Option<i64>, probe: ProbeGrace) -> i64 {
    const MINIMUM: i64 = MINIMUM_GRACE_SECONDS.cast_signed();
    deletion.or_else(|| spec.map(|spec| probe.unwrap_or(spec))).unwrap_or(MINIMUM)
}

/// One container on its way down.
///
/// Its grace period is spent in three phases: the `preStop` hook, the wait for its turn, and the time between
/// the stop signal and the kill. Each phase takes the whole seconds that it lasted (truncated, as the kubelet
/// counts) from what is left for the next; the last one is never shorter than [`MINIMUM_GRACE_SECONDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stop {
    /// Where it is.
    pub phase: StopPhase,
    /// When the phase began.
    pub since: Timestamp,
    /// Whole seconds of grace that were left when the phase began.
    pub grace: u64,
}

/// Where a container is on its way down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StopPhase {
    /// Its `preStop` hook runs.
    Hook,
    /// It runs on until the containers that it waits for are gone.
    Waiting,
    /// It has been told to stop, and is killed when the grace is over.
    Stopping,
}

impl Stop {
    /// Begins at `now` with `grace` seconds (negative counts as none). Without time for it the hook is not
    /// run.
    #[must_use]
    pub fn begin(now: Timestamp, grace: i64, has_hook: bool) -> Self {
        let grace = u64::try_from(grace).unwrap_or(0);
        let phase = if has_hook && grace > 0 { StopPhase::Hook } else { StopPhase::Waiting };
        Self { phase, since: now, grace }
    }

    /// The hook has come back.
    pub fn hook_finished(&mut self, now: Timestamp) {
        if self.phase == StopPhase::Hook {
            self.enter(StopPhase::Waiting, now);
        }
    }

    /// Goes on as far as it can at `now`, given whether its turn has come; says whether the container is to
    /// be told to stop now.
    #[must_use]
    pub fn advance(&mut self, now: Timestamp, is_its_turn: bool) -> bool {
        if self.phase == StopPhase::Hook && self.is_up(now) {
            self.enter(StopPhase::Waiting, now);
        }
        let told = self.phase == StopPhase::Waiting && (is_its_turn || self.is_up(now));
        if told {
            self.enter(StopPhase::Stopping, now);
            self.grace = self.grace.max(MINIMUM_GRACE_SECONDS);
        }
        told
    }

    /// Shortens what is left to `grace` seconds from `now`, if that is less; says whether a container that
    /// has been told to stop is to be told again.
    #[must_use]
    pub fn shrink(&mut self, now: Timestamp, grace: i64) -> bool {
        let mut grace = u64::try_from(grace).unwrap_or(0);
        if self.phase == StopPhase::Stopping {
            grace = grace.max(MINIMUM_GRACE_SECONDS);
        }
        let shorter = now + Duration::from_secs(grace) < self.deadline();
        if shorter {
            self.since = now;
            self.grace = grace;
        }
        shorter && self.phase == StopPhase::Stopping
    }

    /// When the present phase ends by itself.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.since + Duration::from_secs(self.grace)
    }

    /// When to call [`advance`](Self::advance) if nothing happens first. A container that has been told to
    /// stop is the runtime's business.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        (self.phase != StopPhase::Stopping).then(|| self.deadline())
    }

    fn is_up(&self, now: Timestamp) -> bool {
        now >= self.deadline()
    }

    fn enter(&mut self, phase: StopPhase, now: Timestamp) {
        let spent = now.since(self.since).as_secs();
        *self = Self { phase, since: now.max(self.since), grace: self.grace.saturating_sub(spent) };
    }

    pub(crate) fn move_back(&mut self, by: Duration) {
        self.since = self.since.moved_back(by);
    }
}

/// How a container will go, by [`forecast_stop`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StopForecast {
    /// Whether its `preStop` hook is run.
    pub runs_hook: bool,
    /// When it is told to stop, from the beginning.
    pub stopped_at: Duration,
    /// The timeout that it is given, in whole seconds.
    pub timeout_seconds: u64,
}

/// How one container will go that is stopped alone, with `grace` seconds: `pre_stop` is how long its hook takes,
/// if it has one. It drives a [`Stop`].
///
/// ```
/// use node_lifecycle::container::{StopForecast, forecast_stop};
/// use std::time::Duration;
///
/// let hook = Duration::from_millis(3_900);
/// let forecast = forecast_stop(10, Some(hook));
/// assert_eq!(forecast, StopForecast { runs_hook: true, stopped_at: hook, timeout_seconds: 7 });
/// ```
#[must_use]
pub fn forecast_stop(grace: i64, pre_stop: Option<Duration>) -> StopForecast {
    let start = Timestamp::UNIX_EPOCH;
    let mut stop = Stop::begin(start, grace, pre_stop.is_some());
    let runs_hook = stop.phase == StopPhase::Hook;
    let mut now = start;
    while !stop.advance(now, true) {
        // It is the container's turn, so only its hook can keep it.
        now = stop.deadline().min(start + pre_stop.unwrap_or_default());
        stop.hook_finished(now);
    }
    StopForecast { runs_hook, stopped_at: now - start, timeout_seconds: stop.grace }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    #[test]
    fn each_phase_takes_whole_seconds() {
        let mut stop = Stop::begin(at(0), 10, true);
        assert!(!stop.advance(at(0), true), "the hook comes first");
        stop.hook_finished(at(3_900));
        assert!(!stop.advance(at(3_900), false));
        assert!(stop.advance(at(5_800), true));
        assert_eq!((stop.phase, stop.grace), (StopPhase::Stopping, 6), "10 - 3 - 1");
    }

    #[test]
    fn a_hook_that_hangs_leaves_the_minimum() {
        let mut stop = Stop::begin(at(0), 10, true);
        assert_eq!(stop.next_wakeup(), Some(at(10_000)));
        assert!(stop.advance(at(10_000), false), "no time is left to wait for a turn");
        assert_eq!(stop.grace, MINIMUM_GRACE_SECONDS);
    }

    #[test]
    fn grace_shrinks_and_never_grows() {
        let mut stop = Stop::begin(at(0), 30, false);
        assert!(!stop.shrink(at(1_000), 60));
        assert_eq!(stop.deadline(), at(30_000));
        assert!(!stop.shrink(at(1_000), 5), "it has not been told to stop yet");
        assert_eq!(stop.deadline(), at(6_000));
        assert!(stop.advance(at(2_000), true));
        assert!(stop.shrink(at(2_500), 0), "told again, with the minimum");
        assert_eq!(stop.deadline(), at(4_500));
    }
}
