//! Limits on what a pod uses of the node's local disk.
//!
//! Three kinds, looked at in this order; the first that is exceeded ends the pod:
//!
//! 1. the size limit of an `emptyDir`, on disk or in memory: the first volume of the spec that is above it;
//! 2. what the pod as a whole may use: its containers' limits together;
//! 3. what a container may use: its logs, and its writeable layer unless images have a disk of their own. Init
//!    containers and sidecars have no such limit.
//!
//! A pod of which nothing was measured is within its limits, and what was not measured of a pod counts as zero. A
//! [critical](super::EvictionPod::is_critical) pod is never evicted for a limit; [`exceeded_limits`] still says which
//! it exceeds.
//!
//! ```
//! use node_lifecycle::api::Pod;
//! use node_lifecycle::behaviour::Behaviour;
//! use node_lifecycle::eviction::{DiskLayout, EvictionPod, ObservedPod, PodStats, local_storage_violation};
//!
//! let pod = Pod::from_json(r#"{"metadata": {"name": "web"}, "spec": {
//!     "containers": [{"name": "app", "image": "app:1"}],
//!     "volumes": [{"name": "cache", "emptyDir": {"sizeLimit": "64Mi"}}]}}"#)?;
//! let pod = EvictionPod::of(&pod, &Behaviour::default());
//! let stats: PodStats = serde_json::from_str(r#"{"volumes": [{"name": "cache", "usedBytes": 67108865}]}"#).unwrap();
//! let pod = ObservedPod::new(pod.into(), Some(stats.into()));
//! let violation = local_storage_violation(&pod, DiskLayout::One).unwrap();
//! assert_eq!(violation.message(), r#"Usage of EmptyDir volume "cache" exceeds the limit "64Mi". "#);
//! # Ok::<(), node_lifecycle::api::PodError>(())
//! ```

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::amount::in_nanos;
use super::{DiskLayout, FsUsage, ObservedPod, PodStats};
use crate::api::Quantity;

/// A limit on local disk that a pod exceeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum LimitExceeded {
    /// The size of an `emptyDir`.
    EmptyDir {
        /// The volume.
        volume: Arc<str>,
        /// Bytes that it uses.
        used: u64,
        /// Its size limit.
        limit: Quantity,
    },
    /// What the whole pod may use.
    Pod {
        /// Bytes that it uses.
        used: u64,
        /// Its containers' limits together.
        limit: Quantity,
    },
    /// What one container may use.
    Container {
        /// The container.
        name: Arc<str>,
        /// Bytes that it uses, of what counts.
        used: u64,
        /// Its limit.
        limit: Quantity,
    },
}

impl LimitExceeded {
    /// What the pod's status says of it, in the kubelet's words, with the space at their end.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::EmptyDir { volume, limit, .. } => {
                format!("Usage of EmptyDir volume \"{volume}\" exceeds the limit \"{limit}\". ")
            }
            Self::Pod { limit, .. } => {
                format!("Pod ephemeral local storage usage exceeds the total limit of containers {limit}. ")
            }
            Self::Container { name, limit, .. } => {
                format!("Container {name} exceeded its local ephemeral storage limit \"{limit}\". ")
            }
        }
    }
}

impl LimitExceeded {
    /// How many bytes more are used than may be.
    #[must_use]
    pub fn over(&self) -> Quantity {
        let (Self::EmptyDir { used, limit, .. }
        | Self::Pod { used, limit }
        | Self::Container { used, limit, .. }) = self;
        Quantity::from_bytes(*used) - limit
    }
}

/// The limit that `pod` has to go for, if it exceeds one and is not critical.
#[must_use]
pub fn local_storage_violation(pod: &ObservedPod, layout: DiskLayout) -> Option<LimitExceeded> {
    if pod.may_exceed_limit && !pod.pod().is_critical { exceeded_limits(pod, layout).next() } else { None }
}

/// The first limit of each kind that `pod` exceeds, critical or not.
pub fn exceeded_limits(pod: &ObservedPod, layout: DiskLayout) -> impl Iterator<Item = LimitExceeded> {
    let kinds = [of_empty_dirs, of_pod, of_containers];
    pod.stats().into_iter().flat_map(move |stats| kinds.map(|kind| kind(pod, stats, layout))).flatten()
}

fn of_empty_dirs(pod: &ObservedPod, stats: &PodStats, _: DiskLayout) -> Option<LimitExceeded> {
    pod.pod().volumes.iter().find_map(|volume| {
        let limit = volume.size_limit.as_ref()?;
        // The last one counts where a volume was measured twice.
        let measured = stats.volumes.iter().rev().find(|measured| measured.name == volume.name)?;
        let used = measured.usage.used_bytes.unwrap_or_default();
        let exceeded =
            || LimitExceeded::EmptyDir { volume: Arc::clone(&volume.name), used, limit: limit.clone() };
        is_above(used, limit).then(exceeded)
    })
}

fn of_pod(pod: &ObservedPod, stats: &PodStats, _: DiskLayout) -> Option<LimitExceeded> {
    let limit = pod.pod().ephemeral_storage_limit.as_ref()?;
    let used = stats.ephemeral_storage_used_bytes.unwrap_or_default();
    is_above(used, limit).then(|| LimitExceeded::Pod { used, limit: limit.clone() })
}

fn of_containers(pod: &ObservedPod, stats: &PodStats, layout: DiskLayout) -> Option<LimitExceeded> {
    let limited = pod.pod().containers.iter().filter(|container| !container.is_init);
    let bytes = |usage: &FsUsage| usage.used_bytes.unwrap_or_default();
    stats.containers.iter().find_map(|measured| {
        let container = limited.clone().find(|container| container.name == measured.name)?;
        let limit = container.ephemeral_storage_limit.as_ref()?;
        let layer = if layout.has_dedicated_image_fs() { 0 } else { bytes(&measured.rootfs) };
        let used = bytes(&measured.logs).saturating_add(layer);
        let exceeded =
            || LimitExceeded::Container { name: Arc::clone(&container.name), used, limit: limit.clone() };
        is_above(used, limit).then(exceeded)
    })
}

fn is_above(used: u64, limit: &Quantity) -> bool {
    in_nanos(used) > limit.nanos_saturating()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::EvictionPod;
    use super::*;
    use crate::api::Pod;
    use crate::behaviour::Behaviour;

    /// A pod with a limit of each kind, of 10 bytes.
    fn pod(priority: i32, stats: Value) -> ObservedPod {
        let limited = json!({"limits": {"ephemeral-storage": "10"}});
        let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "p"}, "spec": {
            "priority": priority,
            "containers": [{"name": "app", "image": "app:1", "resources": limited}],
            "initContainers": [{"name": "init", "image": "init:1", "resources": limited}],
            "volumes": [
                {"name": "zero", "emptyDir": {"sizeLimit": "0"}},
                {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "10"}},
            ],
        }}))
        .unwrap();
        let stats: PodStats = serde_json::from_value(stats).unwrap();
        ObservedPod::new(EvictionPod::of(&pod, &Behaviour::default()).into(), Some(stats.into()))
    }

    fn everything_above() -> Value {
        json!({
            "ephemeralStorageUsedBytes": 11,
            "containers": [{"name": "init", "logs": {"usedBytes": 99}}, {"name": "app", "logs": {"usedBytes": 11}}],
            "volumes": [{"name": "zero", "usedBytes": 99}, {"name": "memory", "usedBytes": 11}],
        })
    }

    #[test]
    fn volumes_come_before_the_pod_and_the_pod_before_its_containers() {
        let exceeded: Vec<_> = exceeded_limits(&pod(0, everything_above()), DiskLayout::One).collect();
        let limit = Quantity::from_units(10);
        let (volume, name) = ("memory".into(), "app".into());
        assert_eq!(
            exceeded,
            [
                LimitExceeded::EmptyDir { volume, used: 11, limit: limit.clone() },
                LimitExceeded::Pod { used: 11, limit: limit.clone() },
                LimitExceeded::Container { name, used: 11, limit },
            ]
        );
    }

    #[test]
    fn what_is_at_its_limit_or_was_not_measured_is_within() {
        for stats in [json!({"ephemeralStorageUsedBytes": 10}), json!({"volumes": [{"name": "memory"}]})] {
            assert_eq!(local_storage_violation(&pod(0, stats), DiskLayout::One), None);
        }
    }

    #[test]
    fn a_writeable_layer_counts_where_images_are_on_its_disk() {
        let stats = json!({"containers": [
            {"name": "app", "logs": {"usedBytes": 5}, "rootfs": {"usedBytes": 6}}]});
        let counts = |layout| local_storage_violation(&pod(0, stats.clone()), layout).is_some();
        let layouts =
            [DiskLayout::One, DiskLayout::LayersApart, DiskLayout::Dedicated, DiskLayout::Split].map(counts);
        assert_eq!(layouts, [true, true, false, false]);
    }

    #[test]
    fn a_critical_pod_stays_and_what_it_exceeds_is_known() {
        let pod = pod(Pod::SYSTEM_CRITICAL_PRIORITY, everything_above());
        assert_eq!(local_storage_violation(&pod, DiskLayout::One), None);
        assert_eq!(exceeded_limits(&pod, DiskLayout::One).count(), 3);
    }
}
