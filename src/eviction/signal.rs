//! What can run out on a node, and what that is called.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::api::Format;

/// A signal of the node: what is left of something that can run out. In the order of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Signal {
    /// Memory that the pods' cgroup has left of what the node allots to pods, in bytes.
    #[serde(rename = "allocatableMemory.available")]
    AllocatableMemoryAvailable,
    /// What is free of the file system of writeable layers, in bytes.
    #[serde(rename = "containerfs.available")]
    ContainerfsAvailable,
    /// Inodes that are free there.
    #[serde(rename = "containerfs.inodesFree")]
    ContainerfsInodesFree,
    /// What is free of the file system of images, in bytes.
    #[serde(rename = "imagefs.available")]
    ImagefsAvailable,
    /// Inodes that are free there.
    #[serde(rename = "imagefs.inodesFree")]
    ImagefsInodesFree,
    /// Memory that the node has left, in bytes.
    #[serde(rename = "memory.available")]
    MemoryAvailable,
    /// What is free of the node's own file system, which has volumes and logs, in bytes.
    #[serde(rename = "nodefs.available")]
    NodefsAvailable,
    /// Inodes that are free there.
    #[serde(rename = "nodefs.inodesFree")]
    NodefsInodesFree,
    /// Processes that can still be started.
    #[serde(rename = "pid.available")]
    PidAvailable,
}

/// What a signal is of, as messages and events name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Resource {
    /// Memory.
    #[serde(rename = "memory")]
    Memory,
    /// Bytes of a disk.
    #[serde(rename = "ephemeral-storage")]
    EphemeralStorage,
    /// Inodes of a file system.
    #[serde(rename = "inodes")]
    Inodes,
    /// Processes.
    #[serde(rename = "pids")]
    Pids,
}

/// A condition of the node that says what it is short of. In the order in which a node reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Pressure {
    /// Memory is short.
    #[serde(rename = "MemoryPressure")]
    Memory,
    /// A disk is full, or has no inodes left.
    #[serde(rename = "DiskPressure")]
    Disk,
    /// There are too many processes.
    #[serde(rename = "PIDPressure")]
    Pid,
}

/// Which of the conditions a node has. In serde it is the list of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Pressure>", into = "Vec<Pressure>")]
pub struct Pressures([bool; Pressure::ALL.len()]);

/// One of the file systems that a node tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filesystem {
    /// Volumes, logs and everything else of the node.
    Nodefs,
    /// Images.
    Imagefs,
    /// The writeable layers of containers.
    Containerfs,
}

/// Text that names no signal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no eviction signal: expected one of {}", Signal::ALL.map(Signal::name).join(", "))]
pub struct ParseSignalError {
    /// The text, as far as it is worth repeating.
    pub name: String,
}

impl Signal {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 9] = [
        Self::AllocatableMemoryAvailable,
        Self::ContainerfsAvailable,
        Self::ContainerfsInodesFree,
        Self::ImagefsAvailable,
        Self::ImagefsInodesFree,
        Self::MemoryAvailable,
        Self::NodefsAvailable,
        Self::NodefsInodesFree,
        Self::PidAvailable,
    ];

    /// Kubernetes' name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllocatableMemoryAvailable => "allocatableMemory.available",
            Self::ContainerfsAvailable => "containerfs.available",
            Self::ContainerfsInodesFree => "containerfs.inodesFree",
            Self::ImagefsAvailable => "imagefs.available",
            Self::ImagefsInodesFree => "imagefs.inodesFree",
            Self::MemoryAvailable => "memory.available",
            Self::NodefsAvailable => "nodefs.available",
            Self::NodefsInodesFree => "nodefs.inodesFree",
            Self::PidAvailable => "pid.available",
        }
    }

    /// The signal of that name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.name() == name)
    }

    /// What it is of.
    #[must_use]
    pub const fn resource(self) -> Resource {
        match self {
            Self::AllocatableMemoryAvailable | Self::MemoryAvailable => Resource::Memory,
            Self::ContainerfsAvailable | Self::ImagefsAvailable | Self::NodefsAvailable => {
                Resource::EphemeralStorage
            }
            Self::ContainerfsInodesFree | Self::ImagefsInodesFree | Self::NodefsInodesFree => {
                Resource::Inodes
            }
            Self::PidAvailable => Resource::Pids,
        }
    }

    /// Which condition the node has when it is low.
    #[must_use]
    pub const fn pressure(self) -> Pressure {
        match self.resource() {
            Resource::Memory => Pressure::Memory,
            Resource::EphemeralStorage | Resource::Inodes => Pressure::Disk,
            Resource::Pids => Pressure::Pid,
        }
    }

    /// Which file system it is of, if it is of one.
    #[must_use]
    pub const fn filesystem(self) -> Option<Filesystem> {
        match self {
            Self::ContainerfsAvailable | Self::ContainerfsInodesFree => Some(Filesystem::Containerfs),
            Self::ImagefsAvailable | Self::ImagefsInodesFree => Some(Filesystem::Imagefs),
            Self::NodefsAvailable | Self::NodefsInodesFree => Some(Filesystem::Nodefs),
            Self::AllocatableMemoryAvailable | Self::MemoryAvailable | Self::PidAvailable => None,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Signal {
    type Err = ParseSignalError;
    fn from_str(name: &str) -> Result<Self, ParseSignalError> {
        Self::from_name(name).ok_or_else(|| ParseSignalError { name: name.chars().take(64).collect() })
    }
}

impl Resource {
    /// The name in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::EphemeralStorage => "ephemeral-storage",
            Self::Inodes => "inodes",
            Self::Pids => "pids",
        }
    }
}

impl Resource {
    /// How amounts of it are written: bytes in the binary family, what is counted in the decimal one.
    pub(super) const fn format(self) -> Format {
        match self {
            Self::Memory | Self::EphemeralStorage => Format::BinarySi,
            Self::Inodes | Self::Pids => Format::DecimalSi,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Pressure {
    /// All of them, in the order in which a node reports them.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Disk, Self::Pid];

    /// Kubernetes' name of the condition.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "MemoryPressure",
            Self::Disk => "DiskPressure",
            Self::Pid => "PIDPressure",
        }
    }
}

impl fmt::Display for Pressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Pressures {
    /// None.
    pub const NONE: Self = Self([false; Pressure::ALL.len()]);

    /// Whether the node has it.
    #[must_use]
    pub const fn has(self, pressure: Pressure) -> bool {
        self.0[pressure as usize]
    }

    /// Sets whether the node has it.
    pub const fn set(&mut self, pressure: Pressure, holds: bool) {
        self.0[pressure as usize] = holds;
    }

    /// Whether the node has none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// Those that it has, in order.
    pub fn iter(self) -> impl Iterator<Item = Pressure> {
        Pressure::ALL.into_iter().filter(move |pressure| self.has(*pressure))
    }
}

impl FromIterator<Pressure> for Pressures {
    fn from_iter<I: IntoIterator<Item = Pressure>>(pressures: I) -> Self {
        pressures.into_iter().fold(Self::NONE, |mut all, pressure| {
            all.set(pressure, true);
            all
        })
    }
}

impl From<Vec<Pressure>> for Pressures {
    fn from(pressures: Vec<Pressure>) -> Self {
        pressures.into_iter().collect()
    }
}

impl From<Pressures> for Vec<Pressure> {
    fn from(pressures: Pressures) -> Self {
        pressures.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_are_in_order() {
        for signal in Signal::ALL {
            assert_eq!(signal.name().parse(), Ok(signal));
            assert_eq!(serde_json::to_value(signal).unwrap(), signal.name());
        }
        assert!(Signal::ALL.is_sorted() && Signal::ALL.is_sorted_by_key(|signal| signal.name()));
        for (condition, name) in Pressure::ALL.map(|it| (it, it.name())) {
            assert_eq!(serde_json::to_value(condition).unwrap(), name);
        }
        assert!("memory.free".parse::<Signal>().unwrap_err().to_string().contains("memory.available"));
    }
}
