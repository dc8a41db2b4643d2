//! The settings of a pod's lifecycle.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::ProberSettings;
use crate::pod::WorkerSettings;

/// The settings of a pod's lifecycle, shared by the pods of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LifecycleSettings {
    /// The periods of its worker.
    pub worker: WorkerSettings,
    /// The settings of its probes.
    pub prober: ProberSettings,
    /// What a status says of the node.
    pub node: Arc<NodeAddresses>,
    /// Whether statuses are made and sent. Without it nothing is published, and
    /// [`Lifecycle::status`](super::Lifecycle::status) stays empty.
    pub publishes: bool,
    /// How long the answer to a status may take before it is sent again: 30 s.
    pub send_timeout: Duration,
    /// How long a status that was not taken waits before it is sent again: 10 s.
    pub send_retry: Duration,
}

impl Default for LifecycleSettings {
    fn default() -> Self {
        Self {
            worker: WorkerSettings::default(),
            prober: ProberSettings::default(),
            node: Arc::default(),
            publishes: true,
            send_timeout: Duration::from_secs(30),
            send_retry: Duration::from_secs(10),
        }
    }
}

/// What a pod's status says of its node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeAddresses {
    /// The node's addresses, the primary one first, at most one of each family; none where nobody knows them.
    pub host_ips: Vec<String>,
    /// The node's addresses as it was configured: the first one's family goes first in the pod's. Without any it is
    /// IPv4.
    pub node_ips: Vec<String>,
    /// The runtime's name, which is put before the ids of instances: `containerd`, by default.
    pub runtime: String,
}

impl Default for NodeAddresses {
    fn default() -> Self {
        Self { host_ips: Vec::new(), node_ips: Vec::new(), runtime: "containerd".to_owned() }
    }
}
