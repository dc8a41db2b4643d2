//! Sandboxes, in the messages of the CRI.

use std::collections::BTreeMap;

use super::LinuxContainerResources;
use crate::api::{Protocol, SandboxId, Uid};
use crate::container::SandboxState;
use crate::machine::Timestamp;

/// What a sandbox is called: unique in a runtime, and refused when it is in use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodSandboxMetadata {
    /// The pod's name.
    pub name: String,
    /// The pod's UID.
    pub uid: Uid,
    /// The pod's namespace.
    pub namespace: String,
    /// Counts the sandboxes of the pod.
    pub attempt: u32,
}

/// What a sandbox is made from. Made anew from a pod it has to be the same for as long as the sandbox lives:
/// every container is created with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodSandboxConfig {
    /// What it is called.
    pub metadata: PodSandboxMetadata,
    /// The host name; empty for a pod on the node's network.
    pub hostname: String,
    /// The folder for its containers' logs; empty: no logs.
    pub log_directory: String,
    /// Name servers; `None` takes the node's.
    pub dns_config: Option<DnsConfig>,
    /// Ports of the node that lead to it.
    pub port_mappings: Vec<PortMapping>,
    /// Labels; see [`POD_UID_LABEL`](super::POD_UID_LABEL) and its neighbours.
    pub labels: BTreeMap<String, String>,
    /// Annotations, which the runtime keeps and gives back.
    pub annotations: BTreeMap<String, String>,
    /// What only Linux has.
    pub linux: LinuxPodSandboxConfig,
}

/// Name servers of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DnsConfig {
    /// Their addresses.
    pub servers: Vec<String>,
    /// Search domains.
    pub searches: Vec<String>,
    /// Options of `resolv.conf`.
    pub options: Vec<String>,
}

/// A port of the node that leads to a pod.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortMapping {
    /// The protocol.
    pub protocol: Protocol,
    /// The pod's port.
    pub container_port: u16,
    /// The node's port.
    pub host_port: u16,
    /// The node's address; empty: all.
    pub host_ip: String,
}

/// What only a sandbox on Linux has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinuxPodSandboxConfig {
    /// The pod's cgroup, which exists already. Empty leaves it to the runtime; containerd then has no
    /// statistics of the pod.
    pub cgroup_parent: String,
    /// What it shares, and as whom it runs.
    pub security_context: LinuxSandboxSecurityContext,
    /// Kernel parameters.
    pub sysctls: BTreeMap<String, String>,
    /// What the sandbox itself takes (KEP-688).
    pub overhead: Option<LinuxContainerResources>,
    /// What its containers take together.
    pub resources: Option<LinuxContainerResources>,
}

/// What a sandbox shares, and as whom it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinuxSandboxSecurityContext {
    /// What it shares with the node.
    pub namespace_options: NamespaceOption,
    /// The user that its first process runs as.
    pub run_as_user: Option<i64>,
    /// The group that its first process runs as.
    pub run_as_group: Option<i64>,
    /// Whether its root file system cannot be written.
    pub readonly_rootfs: bool,
    /// More groups.
    pub supplemental_groups: Vec<i64>,
    /// Whether one of its containers is privileged.
    pub privileged: bool,
}

/// Which namespaces are shared with whom. A sandbox and its containers have the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamespaceOption {
    /// The network: `Pod` or `Node`.
    pub network: NamespaceMode,
    /// The processes that are seen: `Pod` (all of the pod's), `Container`, `Node` or `Target`.
    pub pid: NamespaceMode,
    /// Inter-process communication: `Pod` or `Node`.
    pub ipc: NamespaceMode,
    /// The container whose processes are seen with `Target`.
    pub target_id: String,
}

/// With whom a namespace is shared. The numbers of the CRI are in this order, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum NamespaceMode {
    /// With the pod's other containers.
    #[default]
    Pod,
    /// With nobody.
    Container,
    /// With the node.
    Node,
    /// With one other container.
    Target,
}

/// Which sandboxes are meant: those that satisfy all of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodSandboxFilter {
    /// The one of this name.
    pub id: Option<SandboxId>,
    /// Those in this state.
    pub state: Option<SandboxState>,
    /// Those with these labels.
    pub label_selector: BTreeMap<String, String>,
}

/// A sandbox in a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodSandbox {
    /// The runtime's name of it.
    pub id: SandboxId,
    /// What it is called.
    pub metadata: PodSandboxMetadata,
    /// Whether it can run containers.
    pub state: SandboxState,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The handler that runs it; empty: the default one.
    pub runtime_handler: String,
}

impl PodSandbox {
    /// A sandbox that was just made: ready, and with the names that it was given.
    #[must_use]
    pub fn new(id: SandboxId, config: &PodSandboxConfig, created_at: Timestamp) -> Self {
        Self {
            id,
            metadata: config.metadata.clone(),
            state: SandboxState::Ready,
            created_at,
            labels: config.labels.clone(),
            annotations: config.annotations.clone(),
            runtime_handler: String::new(),
        }
    }
}

/// What a runtime knows of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodSandboxStatus {
    /// What the list says of it.
    pub sandbox: PodSandbox,
    /// Its addresses. `None` when the runtime gives no network status, as for a pod on the node's network.
    pub network: Option<PodSandboxNetworkStatus>,
    /// What it shares with the node.
    pub namespace_options: NamespaceOption,
}

/// The addresses of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodSandboxNetworkStatus {
    /// The first; empty when there is none.
    pub ip: String,
    /// The others.
    pub additional_ips: Vec<String>,
}
