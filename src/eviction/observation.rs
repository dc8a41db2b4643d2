//! All that is known of a node at once, indexed on arrival.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{DiskLayout, DiskUsageKinds, Disks, EvictionPod, FsUsage, Levels, PodStats, exceeded_limits};
use crate::api::Uid;

/// All that is known of a node at once: what it has left, how its disks are laid out, which pods are active and what
/// they use. Made once, shared by [`Arc`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "Stored")]
pub struct Observation {
    /// What the node has left.
    pub levels: Levels,
    /// How its disks are laid out.
    pub disks: Disks,
    pods: Vec<ObservedPod>,
    duplicates: Vec<Uid>,
}

/// An observation as it is read: which pods count is found out anew.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    levels: Levels,
    disks: Disks,
    pods: Vec<(Arc<EvictionPod>, Option<Arc<PodStats>>)>,
    #[serde(default)]
    duplicates: Vec<Uid>,
}

/// An active pod and what it uses. In serde it is the pod and its stats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    from = "(Arc<EvictionPod>, Option<Arc<PodStats>>)",
    into = "(Arc<EvictionPod>, Option<Arc<PodStats>>)"
)]
pub struct ObservedPod {
    pod: Arc<EvictionPod>,
    stats: Option<Arc<PodStats>>,
    usage: PodUsage,
    // What every pod is asked for in a tick, side by side.
    pub(super) memory_request_nanos: i128,
    pub(super) ephemeral_storage_request_nanos: i128,
    pub(super) priority: i32,
    /// The beginning of its UID, which mostly decides between two.
    pub(super) uid_start: u64,
    /// Whether it exceeds a limit, if all that can count does.
    pub(super) may_exceed_limit: bool,
}

/// What a pod uses, in sums that saturate. What was not measured counts as zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PodUsage {
    /// Bytes of memory.
    pub memory: u64,
    /// Processes.
    pub processes: u64,
    /// Writeable layers.
    pub layers: DiskUsage,
    /// Logs.
    pub logs: DiskUsage,
    /// Volumes on the node's disk.
    pub volumes: DiskUsage,
}

/// Bytes and inodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskUsage {
    /// Bytes.
    pub bytes: u64,
    /// Inodes.
    pub inodes: u64,
}

impl Observation {
    /// What is known of a node, with its active pods in the order in which the node has them. Pods without stats have
    /// `None`. Of pods with the same UID the first counts, and the others are [`duplicates`](Self::duplicates).
    pub fn new(
        levels: Levels,
        disks: impl Into<Disks>,
        pods: impl IntoIterator<Item = (Arc<EvictionPod>, Option<Arc<PodStats>>)>,
    ) -> Self {
        let mut known = BTreeSet::new();
        let (mut observed, mut duplicates) = (Vec::new(), Vec::new());
        for (pod, stats) in pods {
            if known.insert(pod.uid.clone()) {
                observed.push(ObservedPod::new(pod, stats));
            } else {
                duplicates.push(pod.uid.clone());
            }
        }
        Self { levels, disks: disks.into(), pods: observed, duplicates }
    }

    /// The same with other levels, and other stats of the pods that have some.
    pub(super) fn with_stats(
        &self,
        levels: Levels,
        mut stats: impl FnMut(&ObservedPod) -> Option<PodStats>,
    ) -> Self {
        let with = |pod: &ObservedPod| match stats(pod) {
            Some(stats) => ObservedPod::new(pod.pod.clone(), Some(stats.into())),
            None => pod.clone(),
        };
        let pods = self.pods.iter().map(with).collect();
        Self { levels, disks: self.disks.clone(), pods, duplicates: self.duplicates.clone() }
    }

    /// The active pods, in the node's order.
    #[must_use]
    pub fn pods(&self) -> &[ObservedPod] {
        &self.pods
    }

    /// The UIDs of pods that were left out, because another pod has the same.
    #[must_use]
    pub fn duplicates(&self) -> &[Uid] {
        &self.duplicates
    }
}

impl From<Stored> for Observation {
    fn from(Stored { levels, disks, pods, duplicates }: Stored) -> Self {
        let mut read = Self::new(levels, disks, pods);
        read.duplicates.splice(..0, duplicates);
        read
    }
}

impl ObservedPod {
    /// A pod and what it uses.
    #[must_use]
    pub fn new(pod: Arc<EvictionPod>, stats: Option<Arc<PodStats>>) -> Self {
        let usage = stats.as_deref().map(|stats| PodUsage::of(&pod, stats)).unwrap_or_default();
        let mut uid_start = [0; 8];
        uid_start.iter_mut().zip(pod.uid.as_str().bytes()).for_each(|(start, byte)| *start = byte);
        let mut observed = Self {
            memory_request_nanos: pod.memory_request.nanos_saturating(),
            ephemeral_storage_request_nanos: pod.ephemeral_storage_request.nanos_saturating(),
            priority: pod.priority,
            uid_start: u64::from_be_bytes(uid_start),
            may_exceed_limit: true,
            usage,
            pod,
            stats,
        };
        let exceeded = exceeded_limits(&observed, DiskLayout::One).next();
        observed.may_exceed_limit = exceeded.is_some();
        observed
    }

    /// The pod.
    #[must_use]
    pub const fn pod(&self) -> &Arc<EvictionPod> {
        &self.pod
    }

    /// What was measured of it, if anything was.
    #[must_use]
    pub fn stats(&self) -> Option<&PodStats> {
        self.stats.as_deref()
    }

    /// What it uses.
    #[must_use]
    pub const fn usage(&self) -> &PodUsage {
        &self.usage
    }
}

impl From<(Arc<EvictionPod>, Option<Arc<PodStats>>)> for ObservedPod {
    fn from((pod, stats): (Arc<EvictionPod>, Option<Arc<PodStats>>)) -> Self {
        Self::new(pod, stats)
    }
}

impl From<ObservedPod> for (Arc<EvictionPod>, Option<Arc<PodStats>>) {
    fn from(observed: ObservedPod) -> Self {
        (observed.pod, observed.stats)
    }
}

impl PodUsage {
    fn of(pod: &EvictionPod, stats: &PodStats) -> Self {
        let mut usage = Self {
            memory: stats.memory_working_set_bytes.unwrap_or_default(),
            processes: stats.process_count.unwrap_or_default(),
            ..Self::default()
        };
        for container in &stats.containers {
            usage.layers.add(&container.rootfs);
            usage.logs.add(&container.logs);
        }
        for volume in &stats.volumes {
            if pod.volumes.iter().any(|of_pod| of_pod.is_local && of_pod.name == volume.name) {
                usage.volumes.add(&volume.usage);
            }
        }
        usage
    }

    /// What it uses of a disk, of the kinds that count.
    #[must_use]
    pub const fn on_disk(&self, kinds: DiskUsageKinds) -> DiskUsage {
        let mut sum = DiskUsage { bytes: 0, inodes: 0 };
        if kinds.layers {
            sum = sum.plus(self.layers);
        }
        if kinds.logs {
            sum = sum.plus(self.logs);
        }
        if kinds.volumes {
            sum = sum.plus(self.volumes);
        }
        sum
    }
}

impl DiskUsage {
    const fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            inodes: self.inodes.saturating_add(other.inodes),
        }
    }

    fn add(&mut self, measured: &FsUsage) {
        let measured = Self {
            bytes: measured.used_bytes.unwrap_or_default(),
            inodes: measured.inodes_used.unwrap_or_default(),
        };
        *self = self.plus(measured);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Pod;
    use crate::behaviour::Behaviour;

    #[test]
    fn of_pods_with_the_same_uid_the_first_counts_however_they_come() {
        let pod = |name: &str| {
            let mut pod = Pod::default();
            pod.metadata.name = name.into();
            pod.metadata.uid = "u".into();
            (Arc::new(EvictionPod::of(&pod, &Behaviour::default())), None)
        };
        let observation = |pods: &[&str]| {
            Observation::new(Levels::default(), DiskLayout::One, pods.iter().map(|it| pod(it)))
        };
        let right = observation(&["a", "b"]);
        assert_eq!(right.duplicates(), [Uid::from("u")]);
        let mut json = serde_json::to_value(&right).unwrap();
        assert_eq!(serde_json::from_value::<Observation>(json.clone()).unwrap(), right);

        json["pods"] = serde_json::to_value([pod("a"), pod("b")]).unwrap();
        json.as_object_mut().unwrap().remove("duplicates");
        assert_eq!(serde_json::from_value::<Observation>(json).unwrap(), right);
    }
}
