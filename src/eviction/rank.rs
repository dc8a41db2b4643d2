//! Whose turn it is when something runs out.
//!
//! The best victim comes first. By memory and by disk:
//!
//! 1. pods of which nothing was measured;
//! 2. pods that use more than they request;
//! 3. pods of lower priority;
//! 4. pods that use more above their request (or less below it).
//!
//! By processes, for which there are no requests: lower priority, then pods of which nothing was measured, then more
//! processes. What is left equal is ordered by UID, so that the order does not depend on that of the list. What was
//! not measured of a pod counts as zero.
//!
//! [`rank`] gives the whole order, with the key that each pod was ordered by; [`first_in_rank`] finds the first one
//! that may go without sorting.
//!
//! What is different here: the kubelet takes a request in bytes off a number of inodes
//! ([`Compat::rank_inodes_less_bytes`]), and leaves equal pods as it has them ([`Compat::rank_ties_as_listed`]).
//!
//! ```
//! use node_lifecycle::api::Pod;
//! use node_lifecycle::behaviour::{Behaviour, Compat};
//! use node_lifecycle::eviction::{EvictionPod, ObservedPod, PodStats, RankBy, rank};
//!
//! let pod = |name: &str, request: &str, used| {
//!     let pod = Pod::from_json(&format!(r#"{{"metadata": {{"name": "{name}"}}, "spec": {{"containers": [
//!         {{"name": "app", "image": "app:1", "resources": {{"requests": {{"memory": "{request}"}}}}}}]}}}}"#))?;
//!     let stats = PodStats { memory_working_set_bytes: Some(used), ..PodStats::default() };
//!     let pod = EvictionPod::of(&pod, &Behaviour::default());
//!     Ok::<_, node_lifecycle::api::PodError>(ObservedPod::new(pod.into(), Some(stats.into())))
//! };
//! let pods = [pod("small", "1Gi", 900 << 20)?, pod("greedy", "64Mi", 100 << 20)?];
//! let order = rank(RankBy::Memory, &pods, Compat::default());
//! assert_eq!(order[0].index, 1);
//! assert!(order[0].key.exceeds_request);
//! assert_eq!(order[0].key.above_request().to_string(), "36Mi");
//! # Ok::<(), node_lifecycle::api::PodError>(())
//! ```

use std::cmp::{Ordering, Reverse};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::amount::in_nanos;
use super::{DiskLayout, DiskUsageKinds, ObservedPod, Resource, Signal};
use crate::api::{Format, Quantity};
use crate::behaviour::Compat;

/// What pods are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum RankBy {
    /// The memory that they use.
    Memory,
    /// What they use of a disk.
    Disk {
        /// What of it counts.
        usage: DiskUsageKinds,
        /// Bytes or inodes.
        resource: DiskResource,
    },
    /// Their processes.
    Pids,
}

/// What of a disk can run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DiskResource {
    /// Bytes.
    Bytes,
    /// Inodes.
    Inodes,
}

/// A pod's place in the order, and why it has that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankedPod {
    /// Its index in the list of pods.
    pub index: usize,
    /// What it was ordered by.
    pub key: RankKey,
}

/// What a pod is ordered by. Bytes, inodes or processes, by what pods are [ranked by](RankBy).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RankKey {
    /// Whether nothing was measured of it.
    pub no_stats: bool,
    /// Whether it uses more than it requests. Never set by processes, for which there are no requests.
    pub exceeds_request: bool,
    /// Its priority.
    pub priority: i32,
    /// How much it uses.
    pub usage: u64,
    /// How much of that it requests, in billionths.
    #[serde(serialize_with = "as_quantity", deserialize_with = "from_quantity")]
    request: i128,
}

impl RankBy {
    /// What pods are ranked by when `signal` is low.
    #[must_use]
    pub const fn of(signal: Signal, layout: DiskLayout) -> Self {
        let resource = match signal.resource() {
            Resource::Memory => return Self::Memory,
            Resource::Pids => return Self::Pids,
            Resource::EphemeralStorage => DiskResource::Bytes,
            Resource::Inodes => DiskResource::Inodes,
        };
        match layout.usage_on(signal) {
            Some(usage) => Self::Disk { usage, resource },
            None => Self::Disk { usage: DiskUsageKinds::ALL, resource },
        }
    }

    /// What `pod` is ordered by.
    #[must_use]
    pub fn key(self, pod: &ObservedPod, compat: Compat) -> RankKey {
        let (used, request_of_disk) = (pod.usage(), pod.ephemeral_storage_request_nanos);
        let (usage, request) = match self {
            Self::Memory => (used.memory, pod.memory_request_nanos),
            Self::Pids => (used.processes, 0),
            Self::Disk { usage, resource: DiskResource::Bytes } => {
                (used.on_disk(usage).bytes, request_of_disk)
            }
            Self::Disk { usage, resource: DiskResource::Inodes } => {
                let request = if compat.rank_inodes_less_bytes { request_of_disk } else { 0 };
                (used.on_disk(usage).inodes, request)
            }
        };
        let no_stats = pod.stats().is_none();
        let key = RankKey { no_stats, exceeds_request: false, priority: pod.priority, usage, request };
        self.with_usage(key, usage)
    }

    /// What a pod with that key would be ordered by if it used so much.
    pub(super) fn with_usage(self, key: RankKey, usage: u64) -> RankKey {
        let exceeds_request = match self {
            Self::Memory | Self::Disk { resource: DiskResource::Bytes, .. } => in_nanos(usage) > key.request,
            Self::Disk { resource: DiskResource::Inodes, .. } => usage > 0,
            Self::Pids => false,
        };
        RankKey { exceeds_request: exceeds_request && !key.no_stats, usage, ..key }
    }

    /// Which of two goes first, by their keys alone.
    #[must_use]
    pub fn compare(self, a: &RankKey, b: &RankKey) -> Ordering {
        let above = |key: &RankKey| Reverse(key.above_request_in_nanos());
        match self {
            Self::Memory | Self::Disk { .. } => {
                let key = |key: &RankKey| (!key.no_stats, !key.exceeds_request, key.priority, above(key));
                key(a).cmp(&key(b))
            }
            Self::Pids => {
                let key = |key: &RankKey| (key.priority, !key.no_stats, above(key));
                key(a).cmp(&key(b))
            }
        }
    }
}

impl RankKey {
    /// How much it requests.
    #[must_use]
    pub fn request(&self) -> Quantity {
        Quantity::from_nanos(self.request, Format::BinarySi)
    }

    /// How much more it uses than it requests: below zero where it uses less, zero where nothing was measured.
    #[must_use]
    pub fn above_request(&self) -> Quantity {
        Quantity::from_nanos(self.above_request_in_nanos(), Format::BinarySi)
    }

    fn above_request_in_nanos(&self) -> i128 {
        if self.no_stats { 0 } else { in_nanos(self.usage).saturating_sub(self.request) }
    }
}

/// All pods, the best victim first.
#[must_use]
pub fn rank(by: RankBy, pods: &[ObservedPod], compat: Compat) -> Vec<RankedPod> {
    let mut ranked = Vec::new();
    rank_into(by, pods, compat, &mut ranked);
    ranked
}

/// [`rank`] into a list that is used again.
pub fn rank_into(by: RankBy, pods: &[ObservedPod], compat: Compat, ranked: &mut Vec<RankedPod>) {
    ranked.clear();
    ranked.extend(keys(by, pods, compat));
    ranked.sort_unstable_by(|a, b| order(by, pods, compat, a, b));
}

/// The first in the order of those that are eligible, which is asked only of pods that would go before the first so
/// far. Neither sorts nor allocates.
pub fn first_in_rank(
    by: RankBy,
    pods: &[ObservedPod],
    compat: Compat,
    mut eligible: impl FnMut(&ObservedPod) -> bool,
) -> Option<RankedPod> {
    let mut first: Option<RankedPod> = None;
    for (ranked, pod) in keys(by, pods, compat).zip(pods) {
        let is_before = first.as_ref().is_none_or(|first| order(by, pods, compat, &ranked, first).is_lt());
        if is_before && eligible(pod) {
            first = Some(ranked);
        }
    }
    first
}

fn keys(by: RankBy, pods: &[ObservedPod], compat: Compat) -> impl Iterator<Item = RankedPod> {
    pods.iter().enumerate().map(move |(index, pod)| RankedPod { index, key: by.key(pod, compat) })
}

/// The order of two pods of a list. No two are equal.
pub(super) fn order(
    by: RankBy,
    pods: &[ObservedPod],
    compat: Compat,
    a: &RankedPod,
    b: &RankedPod,
) -> Ordering {
    let by_uid = || {
        let (Some(a), Some(b)) = (pods.get(a.index), pods.get(b.index)) else { return Ordering::Equal };
        if compat.rank_ties_as_listed {
            return Ordering::Equal;
        }
        a.uid_start.cmp(&b.uid_start).then_with(|| a.pod().uid.cmp(&b.pod().uid))
    };
    by.compare(&a.key, &b.key).then_with(by_uid).then(a.index.cmp(&b.index))
}

fn as_quantity<S: Serializer>(nanos: &i128, serializer: S) -> Result<S::Ok, S::Error> {
    Quantity::from_nanos(*nanos, Format::BinarySi).serialize(serializer)
}

fn from_quantity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
    Ok(Quantity::deserialize(deserializer)?.nanos_saturating())
}
