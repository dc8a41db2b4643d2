//! How fast what a node has left and what its pods use change, and what they come to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    ContainerStats, FsUsage, Level, Levels, Observation, ObservedPod, PodStats, Signal, VolumeStats,
};
use crate::api::Uid;

/// A change in some time, which goes on at the same pace. Exact, however small.
///
/// ```
/// use node_lifecycle::eviction::Rate;
/// use std::time::Duration;
///
/// let rate = Rate { change: -10, per: Duration::from_secs(60) };
/// assert_eq!(rate.over(Duration::from_secs(90)), -15);
/// // Less than a whole one is rounded down: what is left counts from below.
/// assert_eq!(rate.over(Duration::from_secs(1)), -1);
/// assert_eq!(Rate::per_second(4).over(Duration::from_millis(1900)), 7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rate {
    /// How much it changes: bytes, inodes or processes.
    pub change: i64,
    /// In which time. Where that is zero, nothing changes.
    pub per: Duration,
}

/// How fast a node's levels and the usage of its pods change. What is not in here stays as it is, and so does what was
/// not measured.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Rates {
    /// What becomes of what is available. Below zero it gets less.
    pub signals: BTreeMap<Signal, Rate>,
    /// What becomes of what pods use. Above zero they use more.
    pub pods: BTreeMap<Uid, PodRates>,
}

/// How fast what a pod uses changes: each number of its [`PodStats`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodRates {
    /// Bytes of memory of the pod.
    pub memory: Rate,
    /// Processes.
    pub processes: Rate,
    /// Bytes of local disk of the pod as a whole.
    pub ephemeral_storage: Rate,
    /// Its containers, by name.
    pub containers: BTreeMap<Arc<str>, ContainerRates>,
    /// Its volumes, by name.
    pub volumes: BTreeMap<Arc<str>, FsRates>,
}

/// How fast what a container uses changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerRates {
    /// Bytes of memory.
    pub memory: Rate,
    /// Its writeable layer.
    pub rootfs: FsRates,
    /// Its logs.
    pub logs: FsRates,
}

/// How fast what something uses of a file system changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FsRates {
    /// Bytes.
    pub bytes: Rate,
    /// Inodes.
    pub inodes: Rate,
}

impl Rate {
    /// So much in every second.
    #[must_use]
    pub const fn per_second(change: i64) -> Self {
        Self { change, per: Duration::from_secs(1) }
    }

    /// What it comes to in some time, rounded down. A time of more than 292 years counts as that.
    #[must_use]
    pub fn over(self, time: Duration) -> i128 {
        let change = i128::from(self.change) * i128::from(nanos(time));
        change.checked_div_euclid(self.per_nanos()).unwrap_or(0)
    }

    /// The first nanosecond, within 292 years, at which it has come to `change` or less; `change` is below zero.
    pub(super) fn reaches(self, change: i128) -> Option<Duration> {
        let down = i128::from(self.change).checked_neg().filter(|down| *down > 0)?;
        // Rounded down it is there as soon as it is less than one above.
        let above = change.saturating_add(1).saturating_neg().checked_mul(self.per_nanos())?;
        let first = i64::try_from(above / down).ok()?.checked_add(1)?;
        (self.per > Duration::ZERO).then_some(Duration::from_nanos(first.unsigned_abs()))
    }

    fn per_nanos(self) -> i128 {
        i128::try_from(self.per.as_nanos()).unwrap_or(i128::MAX)
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

impl Rates {
    /// What changed between two observations, and in which time.
    ///
    /// Where both levels of a signal have a time, these count, and otherwise `elapsed` does, as it does for pods.
    /// A level that was not measured later than the earlier one does not change. Nor does what only one of the two
    /// has: a pod, a container, a number.
    #[must_use]
    pub fn between(earlier: &Observation, later: &Observation, elapsed: Duration) -> Self {
        let signals = later.levels.iter().filter_map(|(signal, level)| {
            let before = earlier.levels.get(signal)?;
            let per = match (before.time, level.time) {
                (Some(from), Some(to)) => to - from,
                _ => elapsed,
            };
            let change = i128::from(level.available) - i128::from(before.available);
            Some((signal, Rate { change: saturating(change), per }))
        });
        let before: BTreeMap<&Uid, &PodStats> =
            earlier.pods().iter().filter_map(|pod| Some((&pod.pod().uid, pod.stats()?))).collect();
        let pods = later.pods().iter().filter_map(|pod| {
            let uid = &pod.pod().uid;
            Some((uid.clone(), PodRates::between(before.get(uid)?, pod.stats()?, elapsed)))
        });
        Self { signals: signals.collect(), pods: pods.collect() }
    }

    /// How fast what is available of a signal changes.
    #[must_use]
    pub fn of(&self, signal: Signal) -> Rate {
        self.signals.get(&signal).copied().unwrap_or_default()
    }
}

impl PodRates {
    fn between(earlier: &PodStats, later: &PodStats, elapsed: Duration) -> Self {
        let rate = |earlier, later| rate_between(earlier, later, elapsed);
        let fs = |earlier: &FsUsage, later: &FsUsage| FsRates {
            bytes: rate(earlier.used_bytes, later.used_bytes),
            inodes: rate(earlier.inodes_used, later.inodes_used),
        };
        let containers = later.containers.iter().filter_map(|container| {
            let before = earlier.containers.iter().find(|before| before.name == container.name)?;
            let rates = ContainerRates {
                memory: rate(before.memory_working_set_bytes, container.memory_working_set_bytes),
                rootfs: fs(&before.rootfs, &container.rootfs),
                logs: fs(&before.logs, &container.logs),
            };
            Some((container.name.clone(), rates))
        });
        let volumes = later.volumes.iter().filter_map(|volume| {
            let before = earlier.volumes.iter().find(|before| before.name == volume.name)?;
            Some((volume.name.clone(), fs(&before.usage, &volume.usage)))
        });
        Self {
            memory: rate(earlier.memory_working_set_bytes, later.memory_working_set_bytes),
            processes: rate(earlier.process_count, later.process_count),
            ephemeral_storage: rate(earlier.ephemeral_storage_used_bytes, later.ephemeral_storage_used_bytes),
            containers: containers.collect(),
            volumes: volumes.collect(),
        }
    }
}

fn rate_between(earlier: Option<u64>, later: Option<u64>, per: Duration) -> Rate {
    let (Some(earlier), Some(later)) = (earlier, later) else { return Rate::default() };
    Rate { change: saturating(i128::from(later) - i128::from(earlier)), per }
}

fn saturating(change: i128) -> i64 {
    i64::try_from(change).unwrap_or(if change < 0 { i64::MIN } else { i64::MAX })
}

impl Observation {
    /// What this observation comes to after `time`, if everything goes on changing as it does: in whole numbers,
    /// rounded down, that saturate; no usage falls below zero. Times move along, capacities stay.
    ///
    /// ```
    /// use node_lifecycle::eviction::{DiskLayout, Level, Levels, Observation, Rate, Rates, Signal};
    /// use std::time::Duration;
    ///
    /// let level = Level { available: 1000, capacity: 4000, time: None };
    /// let levels = Levels::default().with(Signal::MemoryAvailable, level);
    /// let observation = Observation::new(levels, DiskLayout::One, []);
    ///
    /// let mut rates = Rates::default();
    /// rates.signals.insert(Signal::MemoryAvailable, Rate::per_second(-30));
    /// let later = observation.projected(&rates, Duration::from_secs(10));
    /// assert_eq!(later.levels.get(Signal::MemoryAvailable).unwrap().available, 700);
    ///
    /// // Two observations say how fast things change.
    /// let rates = Rates::between(&observation, &later, Duration::from_secs(10));
    /// assert_eq!(rates.of(Signal::MemoryAvailable).change, -300);
    /// ```
    #[must_use]
    pub fn projected(&self, rates: &Rates, time: Duration) -> Self {
        let mut levels = Levels::default();
        for (signal, level) in self.levels.iter() {
            levels.set(signal, Some(projected_level(level, rates.of(signal), time)));
        }
        self.with_stats(levels, |pod| projected_pod(pod, rates, time))
    }
}

pub(super) fn projected_level(level: &Level, rate: Rate, time: Duration) -> Level {
    Level {
        available: saturating(i128::from(level.available) + rate.over(time)),
        capacity: level.capacity,
        time: level.time.map(|measured| measured + time),
    }
}

/// The stats of a pod after some time, if they change.
fn projected_pod(pod: &ObservedPod, rates: &Rates, time: Duration) -> Option<PodStats> {
    let (stats, rates) = (pod.stats()?, rates.pods.get(&pod.pod().uid)?);
    let number = |used: Option<u64>, rate: Rate| {
        let used = i128::from(used?) + rate.over(time);
        Some(u64::try_from(used.max(0)).unwrap_or(u64::MAX))
    };
    let fs = |usage: &FsUsage, rates: FsRates| FsUsage {
        used_bytes: number(usage.used_bytes, rates.bytes),
        inodes_used: number(usage.inodes_used, rates.inodes),
    };
    let containers = stats.containers.iter().map(|container| {
        let rates = rates.containers.get(&container.name).copied().unwrap_or_default();
        ContainerStats {
            name: container.name.clone(),
            memory_working_set_bytes: number(container.memory_working_set_bytes, rates.memory),
            rootfs: fs(&container.rootfs, rates.rootfs),
            logs: fs(&container.logs, rates.logs),
        }
    });
    let volumes = stats.volumes.iter().map(|volume| {
        let rates = rates.volumes.get(&volume.name).copied().unwrap_or_default();
        VolumeStats { name: volume.name.clone(), usage: fs(&volume.usage, rates) }
    });
    Some(PodStats {
        memory_working_set_bytes: number(stats.memory_working_set_bytes, rates.memory),
        process_count: number(stats.process_count, rates.processes),
        ephemeral_storage_used_bytes: number(stats.ephemeral_storage_used_bytes, rates.ephemeral_storage),
        containers: containers.collect(),
        volumes: volumes.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_exact_and_rounds_down() {
        let third = Rate { change: -1, per: Duration::from_secs(3) };
        assert_eq!(third.over(Duration::from_secs(3)), -1);
        assert_eq!(third.over(Duration::from_nanos(3_000_000_001)), -2);
        assert_eq!(third.reaches(-1), Some(Duration::from_nanos(1)));
        assert_eq!(third.reaches(-2), Some(Duration::from_nanos(3_000_000_001)));
        assert_eq!(Rate::per_second(1).reaches(-1), None);
        assert_eq!(Rate { change: -1, per: Duration::ZERO }.reaches(-1), None);
        assert_eq!(Rate { change: i64::MIN, per: Duration::ZERO }.over(Duration::MAX), 0);
    }

    #[test]
    fn absurd_rates_never_overflow() {
        for change in [i64::MIN, -1, 0, 1, i64::MAX] {
            for per in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
                let rate = Rate { change, per };
                for time in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
                    let level = Level { available: change, capacity: change, time: None };
                    projected_level(&level, rate, time);
                }
                for target in [-1, i128::from(i64::MIN) * 2, i128::MIN] {
                    rate.reaches(target);
                }
            }
        }
    }
}
