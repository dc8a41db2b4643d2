//! What a sandbox and a container are made from, as far as the pod's spec says it.

use std::sync::Arc;

use super::{
    ContainerConfig, ContainerMetadata, ImageSpec, LinuxContainerConfig, LinuxContainerResources,
    LinuxContainerSecurityContext, LinuxPodSandboxConfig, LinuxSandboxSecurityContext, NamespaceMode,
    NamespaceOption, PodSandboxConfig, PodSandboxMetadata,
};
use crate::api::{Container, Pod, Quantity, ResourceRequirements};
use crate::behaviour::FeatureGates;
use crate::container::labels::{
    CONTAINER_HASH_ANNOTATION, CONTAINER_KIND_ANNOTATION, CONTAINER_RESTART_COUNT_ANNOTATION,
    CONTAINER_RESTART_POLICY_ANNOTATION, POD_NAME_LABEL, POD_NAMESPACE_LABEL, POD_UID_LABEL,
};
use crate::container::{ContainerIndex, ContainerKind, KeptWithContainer};
use crate::pod::{
    CompiledPod, DEFAULT_CPU_PERIOD_US, cpu_period_us, cpu_quota_us, cpu_shares, oom_score_adj,
};

/// The file of a cgroup v2 that says whether its processes are killed together.
const OOM_GROUP: &str = "memory.oom.group";

/// What a node adds to what a pod says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSettings {
    /// The folder of all pods' logs (KubeletConfiguration `podLogsDir`); empty: no logs.
    pub pod_logs_dir: String,
    /// The node's memory, in bytes, which out-of-memory scores are relative to. `None` leaves them at 0.
    pub memory_capacity_bytes: Option<u64>,
    /// The period of CPU quotas in microseconds (KubeletConfiguration `cpuCFSQuotaPeriod`); `None`: no quotas
    /// are set (`cpuCFSQuota: false`).
    pub cpu_cfs_quota_period_us: Option<u64>,
    /// Whether all processes of a container are killed when its memory runs out, instead of the one that the kernel
    /// chooses (KubeletConfiguration `singleProcessOOMKill: false`, the default on cgroup v2): true. Has to be false
    /// on cgroup v1, which cannot.
    pub oom_group_kill: bool,
}

impl Default for NodeSettings {
    fn default() -> Self {
        Self {
            pod_logs_dir: "/var/log/pods".to_owned(),
            memory_capacity_bytes: None,
            cpu_cfs_quota_period_us: Some(DEFAULT_CPU_PERIOD_US),
            oom_group_kill: true,
        }
    }
}

/// What the sandbox of a pod is made from: names, labels, the log folder, shared namespaces.
///
/// What the spec of this library does not read (DNS, sysctls, a cgroup, user namespaces) is added by
/// [`PodResources::generate_sandbox_config`](super::PodResources::generate_sandbox_config).
///
/// ```
/// use node_lifecycle::api::Pod;
/// use node_lifecycle::runtime::{NodeSettings, POD_UID_LABEL, pod_sandbox_config};
///
/// let pod = Pod::from_json(r#"{"metadata": {"name": "web", "namespace": "shop", "uid": "u1"},
///     "spec": {"containers": [{"name": "app", "image": "app:1"}]}}"#)?;
/// let config = pod_sandbox_config(&pod, 1, &NodeSettings::default());
/// assert_eq!(config.metadata.attempt, 1);
/// assert_eq!(config.labels[POD_UID_LABEL], "u1");
/// assert_eq!(config.log_directory, "/var/log/pods/shop_web_u1");
/// # Ok::<(), node_lifecycle::api::PodError>(())
/// ```
#[must_use]
pub fn pod_sandbox_config(pod: &Pod, attempt: u32, node: &NodeSettings) -> PodSandboxConfig {
    let meta = &pod.metadata;
    let log_directory = if node.pod_logs_dir.is_empty() {
        String::new()
    } else {
        format!("{}/{}_{}_{}", node.pod_logs_dir, meta.namespace, meta.name, meta.uid)
    };
    // The pod's own labels too; the node's own go first.
    let mut labels = meta.labels.clone();
    labels.extend(pod_labels(pod));
    PodSandboxConfig {
        metadata: PodSandboxMetadata {
            name: meta.name.clone(),
            uid: meta.uid.clone(),
            namespace: meta.namespace.clone(),
            attempt,
        },
        hostname: if pod.spec.host_network { String::new() } else { hostname(&meta.name) },
        log_directory,
        labels,
        annotations: meta.annotations.clone(),
        linux: LinuxPodSandboxConfig {
            security_context: LinuxSandboxSecurityContext {
                namespace_options: namespaces(pod),
                ..LinuxSandboxSecurityContext::default()
            },
            ..LinuxPodSandboxConfig::default()
        },
        ..PodSandboxConfig::default()
    }
}

/// A pod's name as a host name: at most 63 characters, and no `-` or `.` at the end.
fn hostname(name: &str) -> String {
    name.chars().take(63).collect::<String>().trim_end_matches(['-', '.']).to_owned()
}

fn pod_labels(pod: &Pod) -> [(String, String); 3] {
    let meta = &pod.metadata;
    [
        (POD_NAME_LABEL.to_owned(), meta.name.clone()),
        (POD_NAMESPACE_LABEL.to_owned(), meta.namespace.clone()),
        (POD_UID_LABEL.to_owned(), meta.uid.to_string()),
    ]
}

fn namespaces(pod: &Pod) -> NamespaceOption {
    let shared = pod.spec.share_process_namespace == Some(true);
    NamespaceOption {
        network: if pod.spec.host_network { NamespaceMode::Node } else { NamespaceMode::Pod },
        pid: if shared { NamespaceMode::Pod } else { NamespaceMode::Container },
        ipc: NamespaceMode::Pod,
        target_id: String::new(),
    }
}

/// What instance number `attempt` of a container is made from: names, labels, what is
/// [kept with it](KeptWithContainer) so that it can be stopped when its pod is gone, the image that was found
/// (`image_ref`), command, stop signal, resources. `None` when the pod has no such container.
///
/// What only a node's other parts know (environment, mounts, devices, users) is added by
/// [`PodResources::generate_container_config`](super::PodResources::generate_container_config). `compiled` is of the
/// same spec as `pod`.
///
/// ```
/// use std::sync::Arc;
/// use node_lifecycle::api::Pod;
/// use node_lifecycle::behaviour::Behaviour;
/// use node_lifecycle::container::{ContainerIndex, KeptWithContainer};
/// use node_lifecycle::pod::CompiledPod;
/// use node_lifecycle::runtime::{CONTAINER_RESTART_COUNT_ANNOTATION, NodeSettings, container_config};
///
/// let pod = Pod::from_json(r#"{"metadata": {"name": "web", "uid": "u1"}, "spec": {"containers": [
///     {"name": "app", "image": "app:1", "resources": {"limits": {"cpu": "1500m"}}}]}}"#)?;
/// let compiled = CompiledPod::compile(&pod, &Arc::new(Behaviour::default()))?;
/// let app = ContainerIndex(0);
/// let config = container_config(&pod, &compiled, app, 2, "sha256:f00", &NodeSettings::default()).unwrap();
/// assert_eq!(&*config.image.image, "sha256:f00");
/// assert_eq!(config.annotations[CONTAINER_RESTART_COUNT_ANNOTATION], "2");
/// assert_eq!(config.linux.resources.cpu_quota, 150_000);
/// assert_eq!(config.linux.resources.unified["memory.oom.group"], "1");
/// assert_eq!(config.log_path, "app/2.log");
///
/// let (kept, _) = KeptWithContainer::read(&config.labels, &config.annotations);
/// assert_eq!((&*kept.name, kept.grace_seconds(None)), ("app", 30));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn container_config(
    pod: &Pod,
    compiled: &CompiledPod,
    container: ContainerIndex,
    attempt: u32,
    image_ref: &str,
    node: &NodeSettings,
) -> Option<ContainerConfig> {
    let known = compiled.container(container)?;
    let spec = &pod.spec;
    let all = spec.init_containers.iter().chain(&spec.containers).chain(&spec.ephemeral_containers);
    let container = all.into_iter().nth(container.at())?;
    let kept = KeptWithContainer::of(pod, container, compiled.behaviour.compat);
    let mut annotations = kept.annotations();
    annotations.extend([
        (CONTAINER_RESTART_COUNT_ANNOTATION.to_owned(), attempt.to_string()),
        (CONTAINER_HASH_ANNOTATION.to_owned(), format!("{:x}", known.spec_hash)),
        (CONTAINER_KIND_ANNOTATION.to_owned(), word_of(known.kind).to_owned()),
        (CONTAINER_RESTART_POLICY_ANNOTATION.to_owned(), format!("{:?}", known.restart_policy)),
    ]);
    Some(ContainerConfig {
        metadata: ContainerMetadata { name: container.name.clone(), attempt },
        image: ImageSpec {
            image: image_ref.into(),
            user_specified_image: Arc::clone(&known.image),
            ..ImageSpec::default()
        },
        command: container.command.clone(),
        args: container.args.clone(),
        labels: kept.labels(),
        annotations,
        log_path: format!("{}/{attempt}.log", container.name),
        linux: LinuxContainerConfig {
            resources: container_resources(pod, container, compiled.behaviour.gates, node),
            security_context: LinuxContainerSecurityContext {
                namespace_options: namespaces(pod),
                ..LinuxContainerSecurityContext::default()
            },
        },
        stop_signal: container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.stop_signal.clone()),
        ..ContainerConfig::default()
    })
}

const fn word_of(kind: ContainerKind) -> &'static str {
    match kind {
        ContainerKind::Init => "init",
        ContainerKind::Sidecar => "sidecar",
        ContainerKind::App => "app",
        ContainerKind::Ephemeral => "ephemeral",
    }
}

/// What the kernel is told of a container: shares by its CPU request, or its limit where it has none; quota and
/// memory by its limits; who is killed when its memory runs out.
fn container_resources(
    pod: &Pod,
    container: &Container,
    gates: FeatureGates,
    node: &NodeSettings,
) -> LinuxContainerResources {
    let ResourceRequirements { requests, limits } = &container.resources;
    let milli = |cpu: Option<&Quantity>| cpu.map_or(0, Quantity::milli_value_saturating);
    let cpu = requests.get("cpu").or_else(|| limits.get("cpu"));
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let quota = node.cpu_cfs_quota_period_us.and_then(|period| {
        let quota = cpu_quota_us(milli(limits.get("cpu")), period, gates)?;
        Some((quota, cpu_period_us(period, gates)))
    });
    let score = node.memory_capacity_bytes.map_or(0, |bytes| oom_score_adj(pod, container, bytes, gates));
    LinuxContainerResources {
        cpu_shares: number(cpu_shares(milli(cpu))),
        cpu_quota: quota.map_or(0, |(quota, _)| number(quota)),
        cpu_period: quota.map_or(0, |(_, period)| number(period)),
        memory_limit_in_bytes: limits.get("memory").map_or(0, |memory| number(memory.bytes_saturating())),
        oom_score_adj: score.into(),
        unified: node.oom_group_kill.then(|| (OOM_GROUP.to_owned(), "1".to_owned())).into_iter().collect(),
        ..LinuxContainerResources::default()
    }
}
