//! A pod.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::nullable::{is_default, nullable};
use super::{Container, ObjectMeta, PodStatus, ResourceList, ResourceRequirements, RestartPolicy, Volume};

/// A pod: what it is called, what is asked for, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pod {
    /// What it is called and when it goes.
    #[serde(default, deserialize_with = "nullable")]
    pub metadata: ObjectMeta,
    /// What is asked for.
    #[serde(default, deserialize_with = "nullable")]
    pub spec: Arc<PodSpec>,
    /// What is known of it.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub status: PodStatus,
}

impl Pod {
    /// The annotation that says where a pod comes from.
    pub const CONFIG_SOURCE: &'static str = "kubernetes.io/config.source";
    /// The annotation that makes a pod the mirror of a static one.
    pub const CONFIG_MIRROR: &'static str = "kubernetes.io/config.mirror";
    /// The annotation that has the UID under which the node has a static pod.
    pub const CONFIG_HASH: &'static str = "kubernetes.io/config.hash";
    /// The lowest priority that only the system's own priority classes have.
    pub const SYSTEM_CRITICAL_PRIORITY: i32 = 2_000_000_000;
    /// The priority class of what a node cannot do without.
    pub const NODE_CRITICAL: &'static str = "system-node-critical";

    /// Whether it comes from a file or another source of the node rather than from the API.
    #[must_use]
    pub fn is_static(&self) -> bool {
        self.metadata.annotations.get(Self::CONFIG_SOURCE).is_some_and(|source| source != "api")
    }

    /// Whether it stands in the API for a static pod.
    #[must_use]
    pub fn is_mirror(&self) -> bool {
        self.metadata.annotations.contains_key(Self::CONFIG_MIRROR)
    }

    /// Whether the node gives it precedence over others: it is static, a mirror, or of at least
    /// [`Pod::SYSTEM_CRITICAL_PRIORITY`].
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.is_static()
            || self.is_mirror()
            || self.spec.priority.is_some_and(|priority| priority >= Self::SYSTEM_CRITICAL_PRIORITY)
    }

    /// Whether it is [critical](Self::is_critical) and of the priority class `system-node-critical`: the
    /// node is of no use without it.
    #[must_use]
    pub fn is_node_critical(&self) -> bool {
        self.spec.priority_class_name == Self::NODE_CRITICAL && self.is_critical()
    }

    /// Whether deletion began.
    #[must_use]
    pub const fn is_deleted(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// `<name>_<namespace>(<uid>)`, as the kubelet writes a pod in messages.
    #[must_use]
    pub fn display_name(&self) -> String {
        let ObjectMeta { name, namespace, uid, .. } = &self.metadata;
        format!("{name}_{namespace}({uid})")
    }
}

/// What is asked for of a pod.
///
/// Fields that no lifecycle decision reads (node selection, scheduling gates, DNS, security contexts, …) are
/// passed over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodSpec {
    /// Containers that run before the others, one after another; those with the restart policy `Always`
    /// are sidecars and stay.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub init_containers: Vec<Container>,
    /// The app containers.
    #[serde(default, deserialize_with = "nullable")]
    pub containers: Vec<Container>,
    /// Containers added to the running pod for debugging (KEP-277).
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub ephemeral_containers: Vec<Container>,
    /// Whether containers that ended run again.
    #[serde(default, deserialize_with = "nullable")]
    pub restart_policy: RestartPolicy,
    /// Seconds between the stop signal and the kill. Absent means 30, by [`Pod::apply_defaults`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub termination_grace_period_seconds: Option<i64>,
    /// Seconds after which the pod fails, counted from its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_deadline_seconds: Option<i64>,
    /// The node that it runs on.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub node_name: String,
    /// The operating system that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<PodOs>,
    /// Whether it shares the node's network.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub host_network: bool,
    /// `false` gives the pod a user namespace of its own (KEP-127). Absent means true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_users: Option<bool>,
    /// Whether its containers see each other's processes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_process_namespace: Option<bool>,
    /// The priority, from −2147483648 to 2147483647.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// The name that the priority came from.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub priority_class_name: String,
    /// Requests and limits of the pod as a whole (KEP-2837).
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub resources: ResourceRequirements,
    /// What the sandbox itself takes (KEP-688).
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub overhead: ResourceList,
    /// Conditions that have to be true beside the containers' readiness.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub readiness_gates: Vec<PodReadinessGate>,
    /// Taints that it bears.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub tolerations: Vec<Toleration>,
    /// Secrets to pull images with.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub image_pull_secrets: Vec<LocalObjectReference>,
    /// The service account that it runs as.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub service_account_name: String,
    /// The runtime that runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_class_name: Option<String>,
    /// Volumes.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub volumes: Vec<Volume>,
}

/// The operating system that a pod is for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PodOs {
    /// `linux` or `windows`.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
}

/// A condition that has to be true before the pod is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodReadinessGate {
    /// The type of the condition.
    pub condition_type: String,
}

/// A taint that a pod bears.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Toleration {
    /// The taint's key; empty with the operator `Exists` means every taint.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub key: String,
    /// `Exists` or `Equal`; absent means `Equal`.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub operator: String,
    /// The taint's value, for `Equal`.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`; absent means all.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub effect: String,
    /// Seconds that a `NoExecute` taint is borne; absent means for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<i64>,
}

/// An object of the pod's namespace, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LocalObjectReference {
    /// Its name.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
}
