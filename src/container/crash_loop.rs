//! How long a container that keeps ending waits before it runs again.

use std::borrow::Borrow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{BackOff, BackOffSettings};
use crate::api::GoDuration;
use crate::behaviour::{Feature, FeatureGates};
use crate::machine::Timestamp;

/// How long crash-looping containers wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CrashLoopSettings {
    /// The first delay: 10 s.
    pub initial: Duration,
    /// The longest delay: 300 s.
    pub max: Duration,
    /// The quiet time after which the delays start anew, whatever the longest is: 600 s.
    pub expire_after: Duration,
}

impl Default for CrashLoopSettings {
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(10),
            max: Duration::from_secs(300),
            expire_after: Duration::from_secs(600),
        }
    }
}

impl CrashLoopSettings {
    /// The settings of a node (KEP-4603).
    ///
    /// The gate `ReduceDefaultCrashLoopBackOffDecay` makes the first delay 1 s and the longest 60 s. Under the
    /// gate `KubeletCrashLoopBackOffMax` a node's own longest delay (`crashLoopBackOff.maxContainerRestartPeriod`,
    /// 1 s to 300 s) comes before both, and the first delay is never longer than it.
    #[must_use]
    pub fn of_node(gates: FeatureGates, max_container_restart_period: Option<Duration>) -> Self {
        let mut settings = Self::default();
        if gates.enabled(Feature::ReduceDefaultCrashLoopBackOffDecay) {
            settings.initial = Duration::from_secs(1);
            settings.max = Duration::from_secs(60);
        }
        if gates.enabled(Feature::KubeletCrashLoopBackOffMax)
            && let Some(max) = max_container_restart_period
        {
            settings.max = max;
            settings.initial = settings.initial.min(max);
        }
        settings
    }
}

impl CrashLoopSettings {
    const fn back_off(self) -> BackOffSettings {
        let Self { initial, max, expire_after } = self;
        BackOffSettings { initial, max, expire_after: Some(expire_after) }
    }
}

/// The crash-loop back-off of a pod's containers.
///
/// The key has to contain the container's [`spec_hash`](super::spec_hash), so that a new image starts afresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent, bound(deserialize = "K: Ord + Deserialize<'de>"))]
pub struct CrashLoop<K: Ord> {
    back_off: BackOff<K>,
}

/// A restart that is refused for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InBackOff {
    /// How long containers of this key wait after they ended.
    pub delay: Duration,
    /// When the restart will be allowed.
    pub until: Timestamp,
}

impl InBackOff {
    /// The reason that a waiting container shows.
    pub const REASON: &'static str = "CrashLoopBackOff";

    /// The message that a waiting container shows: the kubelet's words.
    #[must_use]
    pub fn message(&self, container: &str, pod: &str) -> String {
        format!("back-off {} restarting failed container={container} pod={pod}", GoDuration(self.delay))
    }
}

impl<K: Ord> CrashLoop<K> {
    /// Without a history.
    #[must_use]
    pub const fn new(settings: CrashLoopSettings) -> Self {
        Self { back_off: BackOff::new(settings.back_off()) }
    }

    /// Takes other settings; the delays so far stay.
    pub const fn set_settings(&mut self, settings: CrashLoopSettings) {
        self.back_off.set_settings(settings.back_off());
    }

    /// Asks to start a container again whose latest instance ended at `finished_at`; allowed, it advances
    /// the delay for the next time.
    ///
    /// # Errors
    /// [`InBackOff`] when the delay has not passed; nothing changes then.
    pub fn restart<Q: Ord + ToOwned<Owned = K> + ?Sized>(
        &mut self,
        key: &Q,
        finished_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), InBackOff>
    where
        K: Borrow<Q>,
    {
        if self.back_off.is_in_back_off_since(key, finished_at, now) {
            let delay = self.back_off.delay(key);
            return Err(InBackOff { delay, until: finished_at + delay });
        }
        self.back_off.next(key, finished_at, now);
        Ok(())
    }

    /// The present delay of a key.
    #[must_use]
    pub fn delay<Q: Ord + ?Sized>(&self, key: &Q) -> Duration
    where
        K: Borrow<Q>,
    {
        self.back_off.delay(key)
    }

    /// Forgets what has been quiet for longer than the expiry.
    pub fn gc(&mut self, now: Timestamp) {
        self.back_off.gc(now);
    }

    pub(crate) fn move_back(&mut self, by: Duration) {
        self.back_off.move_back(by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_shape_the_curve() {
        let gates = FeatureGates::default();
        let node_max = Some(Duration::from_secs(5));
        assert_eq!(CrashLoopSettings::of_node(gates, node_max), CrashLoopSettings::default());
        let capped =
            CrashLoopSettings::of_node(gates.with(Feature::KubeletCrashLoopBackOffMax, true), node_max);
        assert_eq!((capped.initial, capped.max), (Duration::from_secs(5), Duration::from_secs(5)));
        let gentle = gates.with(Feature::ReduceDefaultCrashLoopBackOffDecay, true);
        let gentle = CrashLoopSettings::of_node(gentle, None);
        assert_eq!((gentle.initial, gentle.max), (Duration::from_secs(1), Duration::from_secs(60)));
    }

    #[test]
    fn quiet_time_starts_the_delays_anew() {
        let mut crash_loop = CrashLoop::new(CrashLoopSettings::default());
        let at = Timestamp::from_unix_seconds;
        assert_eq!(crash_loop.restart(&1, at(0), at(0)), Ok(()));
        assert_eq!(crash_loop.restart(&1, at(5), at(15)), Ok(()));
        assert_eq!(crash_loop.delay(&1), Duration::from_secs(20));
        assert_eq!(crash_loop.restart(&1, at(615), at(635)), Ok(()), "exactly 600 s later is not stale");
        assert_eq!(crash_loop.delay(&1), Duration::from_secs(40));
        assert_eq!(crash_loop.restart(&1, at(1236), at(1236)), Ok(()), "601 s later is");
        assert_eq!(crash_loop.delay(&1), Duration::from_secs(10));
    }

    #[test]
    fn the_message_is_the_kubelets() {
        let refused = InBackOff { delay: Duration::from_secs(80), until: Timestamp::UNIX_EPOCH };
        assert_eq!(
            refused.message("app", "p_n(u1)"),
            "back-off 1m20s restarting failed container=app pod=p_n(u1)"
        );
    }
}
