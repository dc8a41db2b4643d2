//! What a runtime reports of a pod: its sandboxes and its containers, every attempt that is still listed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::{ContainerId, SandboxId};
use crate::machine::Timestamp;

/// All that a runtime reports of one pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodRecords {
    /// Its sandboxes, newest first.
    pub sandboxes: Vec<SandboxRecord>,
    /// Its containers, newest first: of several with one name the first is the latest instance.
    pub containers: Vec<ContainerRecord>,
}

/// A sandbox as the runtime reports it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SandboxRecord {
    /// The runtime's name of it.
    pub id: SandboxId,
    /// Counts the sandboxes of the pod.
    pub attempt: u32,
    /// Whether it can run containers.
    pub state: SandboxState,
    /// Its address: `None` when the runtime gave no network status, empty when that has no address.
    pub ip: Option<String>,
    /// Its other addresses, as of the second family of a dual-stack node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_ips: Vec<String>,
    /// Whether it shares the node's network.
    pub host_network: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Whether a sandbox can run containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SandboxState {
    /// It can.
    Ready,
    /// It has been stopped or has died.
    #[default]
    NotReady,
}

/// One instance of a container as the runtime reports it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerRecord {
    /// The runtime's name of the instance.
    pub id: ContainerId,
    /// The container's name in the pod.
    pub name: Arc<str>,
    /// Counts the instances of the container; the API's restart count.
    pub attempt: u32,
    /// The [`spec_hash`](super::spec_hash) of the container that it was made from.
    pub spec_hash: u64,
    /// The image that it was made from, as the runtime names it.
    #[serde(default)]
    pub image: Arc<str>,
    /// The same image with its digest: the API's `imageID`.
    #[serde(default)]
    pub image_ref: Arc<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// What it does.
    pub state: RecordState,
}

/// What an instance does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RecordState {
    /// It has been made and not started.
    #[default]
    Created,
    /// It runs.
    #[serde(rename_all = "camelCase")]
    Running {
        /// Since when.
        started_at: Timestamp,
    },
    /// It has ended.
    Exited(Exit),
    /// The runtime does not know.
    Unknown,
}

/// How an instance ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exit {
    /// Its exit code; 128 and a signal's number when it was killed.
    pub exit_code: i32,
    /// Since when it ran; `None` when it never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Why, in the runtime's word: `Completed`, `Error`, `OOMKilled`, …
    pub reason: Arc<str>,
    /// What it left as its termination message.
    #[serde(default)]
    pub message: Arc<str>,
}

impl ContainerRecord {
    /// Whether it runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        matches!(self.state, RecordState::Running { .. })
    }

    /// Since when it runs or ran.
    #[must_use]
    pub const fn started_at(&self) -> Option<Timestamp> {
        match &self.state {
            RecordState::Running { started_at } => Some(*started_at),
            RecordState::Exited(exit) => exit.started_at,
            RecordState::Created | RecordState::Unknown => None,
        }
    }

    /// How it ended, if it has.
    #[must_use]
    pub const fn exit(&self) -> Option<&Exit> {
        match &self.state {
            RecordState::Exited(exit) => Some(exit),
            _ => None,
        }
    }
}
