//! Containers, in the messages of the CRI.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ImageSpec, NamespaceOption};
use crate::api::{ContainerId, SandboxId};
use crate::machine::Timestamp;

/// What a container is called: unique in its sandbox, and refused when it is in use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerMetadata {
    /// Its name in the pod.
    pub name: String,
    /// Counts the instances of the container.
    pub attempt: u32,
}

/// What an instance of a container is made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerConfig {
    /// What it is called.
    pub metadata: ContainerMetadata,
    /// Its image, which has to be there.
    pub image: ImageSpec,
    /// The entry point; empty takes the image's.
    pub command: Vec<String>,
    /// Its arguments; empty takes the image's, unless there is a `command`.
    pub args: Vec<String>,
    /// The folder that it starts in; empty takes the image's.
    pub working_dir: String,
    /// Environment variables, in order.
    pub envs: Vec<KeyValue>,
    /// What is mounted, in order.
    pub mounts: Vec<Mount>,
    /// Devices of the node.
    pub devices: Vec<Device>,
    /// Devices by their fully qualified CDI names.
    pub cdi_devices: Vec<String>,
    /// Labels; see [`POD_UID_LABEL`](super::POD_UID_LABEL) and its neighbours.
    pub labels: BTreeMap<String, String>,
    /// Annotations, which the runtime keeps and gives back.
    pub annotations: BTreeMap<String, String>,
    /// The log file, below the sandbox's `log_directory`; empty: none.
    pub log_path: String,
    /// Whether there is a standard input.
    pub stdin: bool,
    /// Whether it is closed after the first that attaches.
    pub stdin_once: bool,
    /// Whether there is a terminal.
    pub tty: bool,
    /// What only Linux has.
    pub linux: LinuxContainerConfig,
    /// The signal that asks it to stop, such as `SIGUSR1`; `None` takes the image's (KEP-4960).
    pub stop_signal: Option<String>,
}

/// An environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyValue {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Something that is mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mount {
    /// Where the container sees it.
    pub container_path: String,
    /// Where the node has it. Empty for an image.
    pub host_path: String,
    /// Whether it cannot be written.
    pub readonly: bool,
    /// Whether what is mounted below cannot be written either (KEP-3857).
    pub recursive_read_only: bool,
    /// Whether it is labelled for SELinux.
    pub selinux_relabel: bool,
    /// Who sees what is mounted below it later.
    pub propagation: MountPropagation,
    /// An image instead of a path of the node (KEP-4639).
    pub image: Option<ImageSpec>,
    /// A folder inside the image.
    pub image_sub_path: String,
}

/// Who sees what is mounted below a mount later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MountPropagation {
    /// Each side its own.
    #[default]
    Private,
    /// The container sees the node's.
    HostToContainer,
    /// Both see both.
    Bidirectional,
}

/// A device of the node in a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Device {
    /// Where the container sees it.
    pub container_path: String,
    /// Where the node has it.
    pub host_path: String,
    /// What the container may do with it: letters of `rwm`.
    pub permissions: String,
}

/// What only a container on Linux has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinuxContainerConfig {
    /// What the kernel is told.
    pub resources: LinuxContainerResources,
    /// As whom it runs, and what it may do.
    pub security_context: LinuxContainerSecurityContext,
}

/// What the kernel is told of a container. Zero leaves a number as it is, or at the runtime's default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinuxContainerResources {
    /// The period of the CPU quota, in microseconds.
    pub cpu_period: i64,
    /// CPU time in each period, in microseconds.
    pub cpu_quota: i64,
    /// CPU shares, 2 to 262144.
    pub cpu_shares: i64,
    /// The memory limit, in bytes.
    pub memory_limit_in_bytes: i64,
    /// Who is killed first when memory is short, −1000 to 1000.
    pub oom_score_adj: i64,
    /// The CPUs that it runs on, such as `0-3,7`.
    pub cpuset_cpus: String,
    /// The memory nodes that it uses.
    pub cpuset_mems: String,
    /// Limits of huge pages in bytes, by page size such as `2MB`.
    pub hugepage_limits: BTreeMap<String, u64>,
    /// Other files of cgroup v2, by name.
    pub unified: BTreeMap<String, String>,
    /// The limit of memory and swap together, in bytes.
    pub memory_swap_limit_in_bytes: i64,
}

/// As whom a container runs, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinuxContainerSecurityContext {
    /// What it shares: as its sandbox.
    pub namespace_options: NamespaceOption,
    /// Whether it may do everything.
    pub privileged: bool,
    /// Capabilities beside the runtime's default ones.
    pub add_capabilities: Vec<String>,
    /// Capabilities that are taken away.
    pub drop_capabilities: Vec<String>,
    /// The user that it runs as.
    pub run_as_user: Option<i64>,
    /// The group that it runs as.
    pub run_as_group: Option<i64>,
    /// The user that it runs as, by name; counts without `run_as_user`.
    pub run_as_username: String,
    /// Whether its root file system cannot be written.
    pub readonly_rootfs: bool,
    /// More groups.
    pub supplemental_groups: Vec<i64>,
    /// Whether a process cannot gain privileges.
    pub no_new_privs: bool,
}

/// New resources for a container that runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerResources {
    /// What the kernel is told.
    pub linux: LinuxContainerResources,
    /// Annotations for the runtime's plugins.
    pub annotations: BTreeMap<String, String>,
}

/// Which containers are meant: those that satisfy all of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerFilter {
    /// The one of this name.
    pub id: Option<ContainerId>,
    /// Those in this state.
    pub state: Option<ContainerState>,
    /// Those in this sandbox.
    pub pod_sandbox_id: Option<SandboxId>,
    /// Those with these labels.
    pub label_selector: BTreeMap<String, String>,
}

/// What a container does, in the CRI's words. The numbers of the CRI are in this order, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ContainerState {
    /// It has been made and not started.
    Created,
    /// It runs.
    Running,
    /// It has ended, or could not be started.
    Exited,
    /// The runtime does not know.
    #[default]
    Unknown,
}

/// A container in a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// The runtime's name of the instance.
    pub id: ContainerId,
    /// The sandbox that it is in.
    pub pod_sandbox_id: SandboxId,
    /// What it is called.
    pub metadata: ContainerMetadata,
    /// The image that it was made from.
    pub image: ImageSpec,
    /// The same image with its digest; containerd has the image's id for one that was never pulled.
    pub image_ref: Arc<str>,
    /// What it does.
    pub state: ContainerState,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Container {
    /// An instance that was just made, and bears the names that it was given.
    #[must_use]
    pub fn new(
        id: ContainerId,
        sandbox: &SandboxId,
        config: &ContainerConfig,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            pod_sandbox_id: sandbox.clone(),
            metadata: config.metadata.clone(),
            image: config.image.clone(),
            image_ref: Arc::clone(&config.image.image),
            state: ContainerState::Created,
            created_at,
            labels: config.labels.clone(),
            annotations: config.annotations.clone(),
        }
    }
}

/// What a runtime knows of a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerStatus {
    /// What the list says of it.
    pub container: Container,
    /// Since when it runs or ran; `None` when it was never started.
    pub started_at: Option<Timestamp>,
    /// When it ended; `None` when it has not. For a very short process containerd may say a little before
    /// `started_at`.
    pub finished_at: Option<Timestamp>,
    /// Its exit code; 128 and a signal's number when it was killed. Counts when it is exited.
    pub exit_code: i32,
    /// Why it is so, in a word: `Completed`, `Error`, `OOMKilled`, `StartError`, …
    pub reason: Arc<str>,
    /// Why it is so, for a person.
    pub message: Arc<str>,
    /// Where its log is.
    pub log_path: String,
    /// What is mounted into it, as far as the runtime says.
    pub mounts: Vec<Mount>,
    /// What the kernel was told; `None` when the runtime does not say.
    pub resources: Option<ContainerResources>,
}
