//! The settings of a node's pods.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::api::Uid;
use crate::pod::{LifecycleSettings, Requeue};

/// The settings of a node's pods.
///
/// Where the kubelet draws a time at random, so that not all pods are looked at at once, it is spread by the pods'
/// UIDs here: the same pod has the same part of it every time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodsSettings {
    /// The settings of each pod.
    pub lifecycle: LifecycleSettings,
    /// How long after a success a pod is looked at again (KubeletConfiguration `syncFrequency`): 60 s.
    pub resync: Duration,
    /// How long after a failure, or while a static pod waits for its name: 10 s.
    pub back_off: Duration,
    /// How long after a failure that will soon be over: 1 s.
    pub transient: Duration,
    /// By how much these are spread: up to so many per cent are added, 50 by default.
    pub jitter_percent: u32,
}

impl Default for PodsSettings {
    fn default() -> Self {
        Self {
            lifecycle: LifecycleSettings::default(),
            resync: Duration::from_secs(60),
            back_off: Duration::from_secs(10),
            transient: Duration::from_secs(1),
            jitter_percent: 50,
        }
    }
}

impl PodsSettings {
    /// After which time a pod is looked at again; zero: at once.
    pub(super) fn requeue(&self, uid: &Uid, after: Requeue) -> Duration {
        let base = match after {
            Requeue::Immediate => return Duration::ZERO,
            Requeue::Resync => self.resync,
            Requeue::Backoff => self.back_off,
            Requeue::Transient => self.transient,
        };
        base.saturating_add(part_of(uid, base.saturating_mul(self.jitter_percent) / 100))
    }
}

/// A pod's own part of a time, from zero up to it, by its UID.
pub(super) fn part_of(uid: &Uid, whole: Duration) -> Duration {
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let mut hash = uid.as_str().bytes().fold(0x811c_9dc5_u32, mix);
    // Names that differ at their end only are spread, too.
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^= hash >> 16;
    let nanos = whole.as_nanos().saturating_mul(u128::from(hash)) >> 32;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spread_by_uid_and_within_bounds() {
        let settings = PodsSettings::default();
        let times: Vec<_> = (0..100)
            .map(|number| settings.requeue(&Uid::from(format!("pod-{number}")), Requeue::Resync).as_secs())
            .collect();
        assert!(times.iter().all(|seconds| (60..=90).contains(seconds)), "{times:?}");
        assert!(times.iter().max() > Some(&85) && times.iter().min() < Some(&65), "{times:?}");
        let exact = PodsSettings { jitter_percent: 0, ..settings };
        assert_eq!(exact.requeue(&"1".into(), Requeue::Backoff), Duration::from_secs(10));
    }
}
