//! Which file systems are one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Filesystem, Signal};
use crate::behaviour::{Behaviour, Feature};

/// How images, writeable layers and the rest of the node share disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskLayout {
    /// One file system has everything.
    #[default]
    One,
    /// Images and writeable layers are on a file system of their own.
    Dedicated,
    /// Images are on a file system of their own, writeable layers on the node's (KEP-4191).
    Split,
    /// Writeable layers are apart and images are not. Kubernetes does not provide for it: signals work as they
    /// are configured, and none follows from another.
    LayersApart,
}

impl DiskLayout {
    /// The layout that a runtime's two answers make.
    #[must_use]
    pub const fn of(dedicated_image_fs: bool, dedicated_container_fs: bool) -> Self {
        match (dedicated_image_fs, dedicated_container_fs) {
            (false, false) => Self::One,
            (true, false) => Self::Dedicated,
            (true, true) => Self::Split,
            (false, true) => Self::LayersApart,
        }
    }

    /// Whether images are on a file system of their own.
    #[must_use]
    pub const fn has_dedicated_image_fs(self) -> bool {
        matches!(self, Self::Dedicated | Self::Split)
    }

    /// Whether writeable layers are on another file system than images.
    #[must_use]
    pub const fn has_dedicated_container_fs(self) -> bool {
        matches!(self, Self::Split | Self::LayersApart)
    }

    /// Whether `behaviour` knows how to tell images and writeable layers apart, where this layout needs it: the
    /// gate `KubeletSeparateDiskGC`.
    #[must_use]
    pub fn is_supported(self, behaviour: &Behaviour) -> bool {
        !self.has_dedicated_container_fs() || behaviour.gates.enabled(Feature::KubeletSeparateDiskGC)
    }

    /// The file system whose thresholds those of `containerfs` follow.
    #[must_use]
    pub const fn containerfs_follows(self) -> Option<Filesystem> {
        match self {
            Self::One | Self::Split => Some(Filesystem::Nodefs),
            Self::Dedicated => Some(Filesystem::Imagefs),
            Self::LayersApart => None,
        }
    }

    /// What of a pod's usage is on the file system of `signal`. None for signals that are of no file system.
    #[must_use]
    pub const fn usage_on(self, signal: Signal) -> Option<DiskUsageKinds> {
        let Some(filesystem) = signal.filesystem() else { return None };
        Some(match (self, filesystem) {
            (Self::One | Self::LayersApart, _) => DiskUsageKinds::ALL,
            (Self::Dedicated, Filesystem::Nodefs) => {
                DiskUsageKinds { layers: false, logs: true, volumes: true }
            }
            (Self::Dedicated, Filesystem::Imagefs | Filesystem::Containerfs) => {
                DiskUsageKinds { layers: true, logs: false, volumes: false }
            }
            (Self::Split, Filesystem::Nodefs | Filesystem::Containerfs) => DiskUsageKinds::ALL,
            (Self::Split, Filesystem::Imagefs) => {
                DiskUsageKinds { layers: false, logs: false, volumes: false }
            }
        })
    }
}

/// Which parts of a pod's disk usage count. Images count for nobody: pods share them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DiskUsageKinds {
    /// Writeable layers of containers.
    pub layers: bool,
    /// Logs of containers.
    pub logs: bool,
    /// Volumes on the node's disk: `emptyDir` (not in memory), `hostPath`, `configMap`, `gitRepo`.
    pub volumes: bool,
}

impl DiskUsageKinds {
    /// All three.
    pub const ALL: Self = Self { layers: true, logs: true, volumes: true };
}

/// What the runtime says about its disks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Disks {
    /// Whether images are on another file system than the node's; or why that is not known.
    pub dedicated_image_fs: Result<bool, Arc<str>>,
    /// Whether writeable layers are on another file system than images; or why that is not known.
    pub dedicated_container_fs: Result<bool, Arc<str>>,
}

impl From<DiskLayout> for Disks {
    fn from(layout: DiskLayout) -> Self {
        Self {
            dedicated_image_fs: Ok(layout.has_dedicated_image_fs()),
            dedicated_container_fs: Ok(layout.has_dedicated_container_fs()),
        }
    }
}
