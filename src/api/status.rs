//! What a node says of a pod.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::nullable::{is_default, nullable};
use super::{ResourceList, ResourceRequirements, VolumeMount};
use crate::machine::Timestamp;

/// Where a pod is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PodPhase {
    /// Accepted; not all of its containers have been started.
    Pending,
    /// At least one container runs or is being restarted.
    Running,
    /// All containers ended well, for good.
    Succeeded,
    /// All containers ended, at least one of them badly.
    Failed,
    /// The node cannot be asked.
    Unknown,
}

impl PodPhase {
    /// Whether it is `Succeeded` or `Failed`, which never change.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

impl fmt::Display for PodPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A pod's quality of service: who goes first when memory is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum QosClass {
    /// Every container's limits are given and equal to its requests.
    Guaranteed,
    /// Something is given.
    Burstable,
    /// Nothing is given.
    BestEffort,
}

impl fmt::Display for QosClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What is known of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodStatus {
    /// Where it is in its life.
    #[serde(default, deserialize_with = "phase", skip_serializing_if = "Option::is_none")]
    pub phase: Option<PodPhase>,
    /// What holds of it.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub conditions: Vec<PodCondition>,
    /// Why it is so, for a person.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub message: String,
    /// Why it is so, in a word such as `Evicted`.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub reason: String,
    /// The node's address.
    #[serde(default, rename = "hostIP", deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub host_ip: String,
    /// The node's addresses, at most one of each family.
    #[serde(default, rename = "hostIPs", deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub host_ips: Vec<PodIp>,
    /// The pod's first address.
    #[serde(default, rename = "podIP", deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub pod_ip: String,
    /// The pod's addresses, at most one of each family.
    #[serde(default, rename = "podIPs", deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub pod_ips: Vec<PodIp>,
    /// When the node accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Timestamp>,
    /// Its init containers, in spec order.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub init_container_statuses: Vec<ContainerStatus>,
    /// Its app containers.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub container_statuses: Vec<ContainerStatus>,
    /// Its ephemeral containers.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub ephemeral_container_statuses: Vec<ContainerStatus>,
    /// The claims that were made for it from templates (KEP-3063). Whoever makes them says so, not the node.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub resource_claim_statuses: Vec<PodResourceClaimStatus>,
    /// Its quality of service.
    #[serde(default, deserialize_with = "qos_class", skip_serializing_if = "Option::is_none")]
    pub qos_class: Option<QosClass>,
    /// The generation of the spec that this was computed from (KEP-5067).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

impl PodStatus {
    /// The statuses of all containers: init, app, ephemeral.
    pub fn all_container_statuses(&self) -> impl Iterator<Item = &ContainerStatus> {
        let inits = self.init_container_statuses.iter();
        inits.chain(&self.container_statuses).chain(&self.ephemeral_container_statuses)
    }
}

fn phase<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PodPhase>, D::Error> {
    absent_if_empty(deserializer)
}

fn qos_class<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<QosClass>, D::Error> {
    absent_if_empty(deserializer)
}

/// An empty text is what an absent enumeration prints as in some clients.
fn absent_if_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    use serde::de::IntoDeserializer;
    match Option::<String>::deserialize(deserializer)? {
        Some(text) if !text.is_empty() => T::deserialize(text.into_deserializer()).map(Some),
        _ => Ok(None),
    }
}

/// An address of a pod or a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PodIp {
    /// IPv4 or IPv6, as text.
    #[serde(default, deserialize_with = "nullable")]
    pub ip: String,
}

/// A claim that was made for a pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodResourceClaimStatus {
    /// The claim's name in the pod.
    pub name: String,
    /// The claim that was made; absent where none was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_claim_name: Option<String>,
}

/// Something that holds of a pod or does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodCondition {
    /// Which condition, such as `Ready`.
    #[serde(rename = "type")]
    pub type_: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in a word.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub reason: String,
    /// Why, for a person.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub message: String,
    /// When the status last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Timestamp>,
    /// When it was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_probe_time: Option<Timestamp>,
    /// The generation of the spec that this was computed from (KEP-5067).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

impl PodCondition {
    /// The pod takes traffic.
    pub const READY: &'static str = "Ready";
    /// All of its containers take traffic.
    pub const CONTAINERS_READY: &'static str = "ContainersReady";
    /// Its init containers have done their work.
    pub const INITIALIZED: &'static str = "Initialized";
    /// It has a node.
    pub const POD_SCHEDULED: &'static str = "PodScheduled";
    /// It has its sandbox and its network (KEP-3085).
    pub const READY_TO_START_CONTAINERS: &'static str = "PodReadyToStartContainers";
    /// It goes for the cluster's sake rather than by its own fault (KEP-3329).
    pub const DISRUPTION_TARGET: &'static str = "DisruptionTarget";
    /// A change of its resources waits (KEP-1287).
    pub const RESIZE_PENDING: &'static str = "PodResizePending";
    /// A change of its resources is being made (KEP-1287).
    pub const RESIZE_IN_PROGRESS: &'static str = "PodResizeInProgress";
    /// All containers are stopped in order to begin anew (KEP-5532).
    pub const ALL_CONTAINERS_RESTARTING: &'static str = "AllContainersRestarting";
}

impl PodStatus {
    /// A condition by its type.
    #[must_use]
    pub fn condition(&self, type_: &str) -> Option<&PodCondition> {
        self.conditions.iter().find(|condition| condition.type_ == type_)
    }
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// It does.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
}

/// What is known of a container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerStatus {
    /// The container's name.
    pub name: String,
    /// What it does now. Absent: unknown.
    #[serde(default, deserialize_with = "state", skip_serializing_if = "Option::is_none")]
    pub state: Option<ContainerState>,
    /// What its instance before the present one did.
    #[serde(default, deserialize_with = "state", skip_serializing_if = "Option::is_none")]
    pub last_state: Option<ContainerState>,
    /// Whether it takes traffic.
    #[serde(default, deserialize_with = "nullable")]
    pub ready: bool,
    /// Whether it has started: its `postStart` hook has returned and its startup probe has passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<bool>,
    /// How often it was restarted.
    #[serde(default, deserialize_with = "nullable")]
    pub restart_count: u32,
    /// The image's reference.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub image: String,
    /// The image's digest, as the runtime gives it.
    #[serde(default, rename = "imageID", deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub image_id: String,
    /// The instance, as `<runtime>://<id>`.
    #[serde(
        default,
        rename = "containerID",
        deserialize_with = "nullable",
        skip_serializing_if = "is_default"
    )]
    pub container_id: String,
    /// What the node has set aside for it (KEP-1287).
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub allocated_resources: ResourceList,
    /// What is in force for it (KEP-1287).
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub resources: ResourceRequirements,
    /// Its mounts.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub volume_mounts: Vec<VolumeMount>,
    /// The user that its first process started as (KEP-3619).
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub user: BTreeMap<String, serde_json::Value>,
    /// The signal that stops it (KEP-4960).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
}

/// What a container does: one of three.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ContainerState {
    /// It has not been started, or waits to be started again.
    Waiting(ContainerStateWaiting),
    /// It runs.
    Running(ContainerStateRunning),
    /// It has ended.
    Terminated(ContainerStateTerminated),
}

/// Reads `{}` and `null` as absent; of several members the API's order of precedence counts.
fn state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ContainerState>, D::Error> {
    #[derive(Deserialize)]
    struct Members {
        #[serde(default)]
        running: Option<ContainerStateRunning>,
        #[serde(default)]
        terminated: Option<ContainerStateTerminated>,
        #[serde(default)]
        waiting: Option<ContainerStateWaiting>,
    }
    let members = Option::<Members>::deserialize(deserializer)?;
    Ok(members.and_then(|Members { running, terminated, waiting }| {
        running
            .map(ContainerState::Running)
            .or(terminated.map(ContainerState::Terminated))
            .or(waiting.map(ContainerState::Waiting))
    }))
}

/// A container that waits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContainerStateWaiting {
    /// For what, in a word such as `CrashLoopBackOff`.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub reason: String,
    /// For what, for a person.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub message: String,
}

/// A container that runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerStateRunning {
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
}

/// A container that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerStateTerminated {
    /// How.
    #[serde(default, deserialize_with = "nullable")]
    pub exit_code: i32,
    /// By which signal, or 0.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub signal: i32,
    /// Why, in a word such as `OOMKilled`.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub reason: String,
    /// What it left as its termination message.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub message: String,
    /// Since when it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The instance, as `<runtime>://<id>`.
    #[serde(
        default,
        rename = "containerID",
        deserialize_with = "nullable",
        skip_serializing_if = "is_default"
    )]
    pub container_id: String,
}
