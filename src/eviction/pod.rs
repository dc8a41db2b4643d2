//! What an eviction reads of a pod's object, computed once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::{Container, EmptyDirVolume, Pod, QosClass, Quantity, ResourceList, Uid, Volume};
use crate::behaviour::Behaviour;
use crate::pod::{Overhead, pod_qos_class, pod_resources};

/// What an eviction reads of a pod's object.
///
/// A pod's request counts as the kubelet counts it for evictions: the regular containers together, or a single init
/// container where that is more (sidecars have no special part in it), and overhead where there is a request at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EvictionPod {
    /// The pod's identity.
    pub uid: Uid,
    /// Its name.
    pub name: Arc<str>,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its priority; without one it is 0.
    pub priority: i32,
    /// Whether it is never evicted: it is static, a mirror, or of a priority that only the system has.
    pub is_critical: bool,
    /// Its quality of service.
    pub qos: QosClass,
    /// Seconds of grace that its spec gives it.
    pub termination_grace_period_seconds: Option<i64>,
    /// The memory that it requests, in bytes.
    pub memory_request: Quantity,
    /// The local disk that it requests, in bytes.
    pub ephemeral_storage_request: Quantity,
    /// The local disk that its containers may use together, where any of them has a limit.
    pub ephemeral_storage_limit: Option<Quantity>,
    /// Its containers and init containers.
    pub containers: Vec<EvictionContainer>,
    /// Its volumes that count.
    pub volumes: Vec<EvictionVolume>,
}

/// A container, as far as evictions read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EvictionContainer {
    /// Its name.
    pub name: Arc<str>,
    /// Whether it is an init container, a sidecar included.
    pub is_init: bool,
    /// The memory that it requests, in bytes.
    pub memory_request: Quantity,
    /// The local disk that it requests, in bytes.
    pub ephemeral_storage_request: Quantity,
    /// The local disk that it may use, if that is limited.
    pub ephemeral_storage_limit: Option<Quantity>,
}

/// A volume, as far as evictions read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EvictionVolume {
    /// Its name in the pod.
    pub name: Arc<str>,
    /// Whether what it uses is on the node's disk: an `emptyDir` that is not in memory, a `hostPath`, a `configMap`
    /// or a `gitRepo`.
    pub is_local: bool,
    /// The size at which its pod is evicted: that of an `emptyDir`, if it is above zero.
    pub size_limit: Option<Quantity>,
}

impl EvictionPod {
    /// What an eviction reads of `pod`.
    #[must_use]
    pub fn of(pod: &Pod, behaviour: &Behaviour) -> Self {
        let spec = &pod.spec;
        let mut limits = pod_resources(spec, behaviour.gates, Overhead::Included).limits;
        let regular = spec.containers.iter().map(|container| EvictionContainer::of(container, false));
        let inits = spec.init_containers.iter().map(|container| EvictionContainer::of(container, true));
        Self {
            uid: pod.metadata.uid.clone(),
            name: pod.metadata.name.as_str().into(),
            namespace: pod.metadata.namespace.as_str().into(),
            priority: spec.priority.unwrap_or_default(),
            is_critical: pod.is_critical(),
            qos: pod_qos_class(pod, behaviour.gates),
            termination_grace_period_seconds: spec.termination_grace_period_seconds,
            memory_request: request(pod, "memory"),
            ephemeral_storage_request: request(pod, "ephemeral-storage"),
            ephemeral_storage_limit: limits.remove("ephemeral-storage"),
            containers: regular.chain(inits).collect(),
            volumes: spec.volumes.iter().filter_map(EvictionVolume::of).collect(),
        }
    }

    /// `<namespace>/<name>`.
    #[must_use]
    pub fn display_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

impl EvictionContainer {
    fn of(container: &Container, is_init: bool) -> Self {
        let amount = |list: &ResourceList, name| list.get(name).cloned();
        let requests = &container.resources.requests;
        Self {
            name: container.name.as_str().into(),
            is_init,
            memory_request: amount(requests, "memory").unwrap_or_default(),
            ephemeral_storage_request: amount(requests, "ephemeral-storage").unwrap_or_default(),
            ephemeral_storage_limit: amount(&container.resources.limits, "ephemeral-storage")
                .filter(|limit| !limit.is_zero()),
        }
    }
}

impl EvictionVolume {
    fn of(volume: &Volume) -> Option<Self> {
        let on_disk = |empty_dir: &EmptyDirVolume| empty_dir.medium != "Memory";
        let is_local = volume.empty_dir.as_ref().is_some_and(on_disk)
            || volume.host_path.is_some()
            || volume.config_map.is_some()
            || volume.git_repo.is_some();
        let size_limit = volume.empty_dir.as_ref().and_then(|empty_dir| empty_dir.size_limit.clone());
        let size_limit = size_limit.filter(|limit| limit.signum() > 0);
        let counts = is_local || size_limit.is_some();
        counts.then(|| Self { name: volume.name.as_str().into(), is_local, size_limit })
    }
}

/// What a pod requests of a resource, as evictions and preemptions count it.
pub(super) fn request(pod: &Pod, resource: &str) -> Quantity {
    let of = |container: &Container| container.resources.requests.get(resource).cloned();
    let spec = &pod.spec;
    let regular: Quantity = spec.containers.iter().filter_map(of).sum();
    let total = spec.init_containers.iter().filter_map(of).fold(regular, Quantity::max);
    match spec.overhead.get(resource) {
        Some(overhead) if !total.is_zero() => total + overhead,
        _ => total,
    }
}
