//! Evictions: when a node runs out of something, which pod has to go, and why.

mod layout;
mod level;
mod observation;
mod pod;
mod psi;
mod signal;
mod stats;
mod summary;
mod threshold;

pub use layout::{DiskLayout, DiskUsageKinds, Disks};
pub use level::{Level, Levels};
pub use observation::{DiskUsage, Observation, ObservedPod, PodUsage};
pub use pod::{EvictionContainer, EvictionPod, EvictionVolume};
pub use psi::{
    Contention, ContentionPressure, ContentionVerdict, Psi, PsiConditions, PsiConfig, PsiConfigError,
    PsiObservation, contention,
};
pub use signal::{Filesystem, ParseSignalError, Pressure, Pressures, Resource, Signal};
pub use stats::{ContainerStats, FsUsage, PodStats, VolumeStats};
pub use summary::SummaryReport;
pub use threshold::{Threshold, ThresholdValue};
