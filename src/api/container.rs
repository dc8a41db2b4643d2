//! A container as the spec has it.

use serde::{Deserialize, Serialize};

use super::nullable::{is_default, nullable};
use super::{Lifecycle, Probe, ResourceRequirements};

/// A container of a pod: init, app or ephemeral, which of them is told by the list that it stands in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// The name, unique in the pod.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    /// The image's reference, as written.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub image: String,
    /// When the image is pulled. Absent: `Always` for the tag `latest` or none, else `IfNotPresent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<ImagePullPolicy>,
    /// The entry point.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub command: Vec<String>,
    /// Its arguments.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub args: Vec<String>,
    /// Ports that it listens on, as far as it names them.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub ports: Vec<ContainerPort>,
    /// Requests and limits.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub resources: ResourceRequirements,
    /// What a change of resources in place needs (KEP-1287).
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub resize_policy: Vec<ResizePolicy>,
    /// The container's own restart policy. `Always` on an init container makes it a sidecar (KEP-753);
    /// any other use needs the gate `ContainerRestartRules` (KEP-5307).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<RestartPolicy>,
    /// What certain exit codes mean, before the policy is looked at (KEP-5307).
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub restart_policy_rules: Vec<ContainerRestartRule>,
    /// Whether the container is alive; it is restarted when not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness_probe: Option<Probe>,
    /// Whether the container takes traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness_probe: Option<Probe>,
    /// Whether the container has started; other probes wait for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup_probe: Option<Probe>,
    /// Hooks and the stop signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Lifecycle>,
    /// Mounted volumes.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub volume_mounts: Vec<VolumeMount>,
    /// Ephemeral containers only: the container whose process namespace is entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_container_name: Option<String>,
}

/// A port that a container listens on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerPort {
    /// Its name, by which probes and hooks may call it. Absent: it has none.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub name: String,
    /// Its number on the node; 0 stands for none.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub host_port: u16,
    /// Its number, from 1 to 65535.
    pub container_port: u16,
    /// What is spoken there.
    #[serde(default, deserialize_with = "nullable")]
    pub protocol: Protocol,
    /// The node's address at which the host port is bound. Absent: all of them.
    #[serde(default, rename = "hostIP", deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub host_ip: String,
}

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP. The default.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// Whether something that ended runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum RestartPolicy {
    /// Whatever its exit code. The default.
    #[default]
    Always,
    /// When it failed.
    OnFailure,
    /// Never.
    Never,
}

/// What the exit codes of a container mean (KEP-5307).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerRestartRule {
    /// What happens.
    pub action: RestartRuleAction,
    /// On which exit codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_codes: Option<ExitCodes>,
}

/// What a restart rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestartRuleAction {
    /// The container is restarted.
    Restart,
    /// All containers of the pod are restarted (KEP-5532).
    RestartAllContainers,
}

/// A set of exit codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExitCodes {
    /// Whether the codes below are meant, or all others.
    pub operator: ExitCodeOperator,
    /// Up to 255 exit codes.
    #[serde(default, deserialize_with = "nullable")]
    pub values: Vec<i32>,
}

/// How a set of exit codes is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExitCodeOperator {
    /// The codes that are listed.
    In,
    /// All others.
    NotIn,
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ImagePullPolicy {
    /// Before every start.
    Always,
    /// When the node does not have it.
    IfNotPresent,
    /// Not at all: without the image the container waits.
    Never,
}

/// What a change of one resource in place needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResizePolicy {
    /// `cpu` or `memory`.
    pub resource_name: String,
    /// `NotRequired` or `RestartContainer`.
    pub restart_policy: String,
}

/// A volume as a container sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeMount {
    /// The volume's name.
    pub name: String,
    /// Where it is seen.
    #[serde(default, deserialize_with = "nullable")]
    pub mount_path: String,
    /// A folder inside the volume.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub sub_path: String,
    /// Whether it cannot be written.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub read_only: bool,
    /// Whether what is mounted below cannot be written either (KEP-3857).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recursive_read_only: Option<String>,
}

impl Container {
    /// Whether it would be a sidecar in `spec.initContainers`: its own restart policy is `Always`.
    #[must_use]
    pub fn is_sidecar(&self) -> bool {
        self.restart_policy == Some(RestartPolicy::Always)
    }

    /// Its `preStop` hook.
    #[must_use]
    pub fn pre_stop(&self) -> Option<&super::LifecycleHandler> {
        self.lifecycle.as_ref()?.pre_stop.as_ref()
    }

    /// Its `postStart` hook.
    #[must_use]
    pub fn post_start(&self) -> Option<&super::LifecycleHandler> {
        self.lifecycle.as_ref()?.post_start.as_ref()
    }
}
