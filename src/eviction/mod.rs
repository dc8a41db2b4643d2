//! Evictions: when a node runs out of something, which pod has to go, and why.

mod config;
mod containerfs;
mod layout;
mod level;
mod observation;
mod pod;
mod settings;
mod signal;
mod stats;
mod threshold;

pub use config::{EvictionConfig, EvictionConfigError};
pub use containerfs::LayoutThresholds;
pub use layout::{DiskLayout, DiskUsageKinds, Disks};
pub use level::{Level, Levels};
pub use observation::{DiskUsage, Observation, ObservedPod, PodUsage};
pub use pod::{EvictionContainer, EvictionPod, EvictionVolume};
pub use settings::{
    EvictionSettings, Platform, ThresholdError, ThresholdErrors, ThresholdField, ThresholdNotice,
    ThresholdProblem,
};
pub use signal::{Filesystem, ParseSignalError, Pressure, Pressures, Resource, Signal};
pub use stats::{ContainerStats, FsUsage, PodStats, VolumeStats};
pub use threshold::{Threshold, ThresholdValue};
