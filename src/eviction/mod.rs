//! Evictions: when a node runs out of something, which pod has to go, and why.

mod layout;
mod level;
mod observation;
mod pod;
mod rank;
mod signal;
mod stats;
mod threshold;

pub use layout::{DiskLayout, DiskUsageKinds, Disks};
pub use level::{Level, Levels};
pub use observation::{DiskUsage, Observation, ObservedPod, PodUsage};
pub use pod::{EvictionContainer, EvictionPod, EvictionVolume};
pub use rank::{DiskResource, RankBy, RankKey, RankedPod, first_in_rank, rank, rank_into};
pub use signal::{Filesystem, ParseSignalError, Pressure, Pressures, Resource, Signal};
pub use stats::{ContainerStats, FsUsage, PodStats, VolumeStats};
pub use threshold::{Threshold, ThresholdValue};
