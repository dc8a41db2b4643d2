//! What a pod uses.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What a pod uses, as far as it was measured. Absent is not zero in messages, and counts as zero in sums.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodStats {
    /// Bytes of memory that it cannot do without: what is charged to it, less the caches that can go.
    pub memory_working_set_bytes: Option<u64>,
    /// Processes.
    pub process_count: Option<u64>,
    /// Bytes of local disk of the pod as a whole: layers, logs, `emptyDir` volumes, its `/etc/hosts`.
    pub ephemeral_storage_used_bytes: Option<u64>,
    /// Its containers, in the order in which they were measured.
    pub containers: Vec<ContainerStats>,
    /// Its volumes.
    pub volumes: Vec<VolumeStats>,
}

/// What a container uses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerStats {
    /// Its name.
    pub name: Arc<str>,
    /// Bytes of memory that it cannot do without.
    pub memory_working_set_bytes: Option<u64>,
    /// Its writeable layer.
    pub rootfs: FsUsage,
    /// Its logs.
    pub logs: FsUsage,
}

/// What a volume uses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VolumeStats {
    /// Its name in the pod.
    pub name: Arc<str>,
    /// How much.
    #[serde(flatten)]
    pub usage: FsUsage,
}

/// What something uses of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FsUsage {
    /// Bytes.
    pub used_bytes: Option<u64>,
    /// Inodes.
    pub inodes_used: Option<u64>,
}
