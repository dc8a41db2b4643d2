//! From amounts to what the kernel is told: CPU shares and weight, CPU quota, the memory limit.

use super::resources::pod_level;
use super::{CompiledPod, PodResources};
use crate::api::{PodSpec, QosClass, Quantity, ResourceList};
use crate::behaviour::{Feature, FeatureGates};

/// The period of CPU quotas unless another is set, in microseconds.
pub const DEFAULT_CPU_PERIOD_US: u64 = 100_000;

const SHARES_PER_CPU: u128 = 1024;
const MIN_SHARES: u64 = 2;
const MAX_SHARES: u64 = 1 << 18;
const MIN_QUOTA_US: u64 = 1000;
const MAX_QUOTA_US: u64 = i64::MAX.unsigned_abs();

/// CPU shares (`cpu.shares`) for a request in thousandths of a CPU: 1024 a CPU, rounded down, from 2 to 262144,
/// which is the kernel's range.
///
/// ```
/// use node_lifecycle::pod::cpu_shares;
///
/// assert_eq!(cpu_shares(1500), 1536);
/// assert_eq!(cpu_shares(0), 2);
/// ```
#[must_use]
pub fn cpu_shares(milli_cpu: i64) -> u64 {
    let milli_cpu = u128::from(u64::try_from(milli_cpu).unwrap_or(0));
    saturated(milli_cpu * SHARES_PER_CPU / 1000).clamp(MIN_SHARES, MAX_SHARES)
}

/// The weight (`cpu.weight` of cgroup v2, 1 to 10000) for CPU shares: the one range laid linearly over the
/// other, as in KEP-2254, rounded down. Shares out of range count as its nearer end.
///
/// ```
/// use node_lifecycle::pod::{cpu_shares, cpu_weight};
///
/// assert_eq!(cpu_weight(cpu_shares(1000)), 39);
/// ```
#[must_use]
pub fn cpu_weight(shares: u64) -> u64 {
    1 + (shares.clamp(MIN_SHARES, MAX_SHARES) - MIN_SHARES) * 9999 / (MAX_SHARES - MIN_SHARES)
}

/// The period of CPU quotas in microseconds: `configured_us` (KubeletConfiguration has 1 ms to 1 s) if the gate
/// `CustomCPUCFSQuotaPeriod` is on, else [`DEFAULT_CPU_PERIOD_US`].
#[must_use]
pub const fn cpu_period_us(configured_us: u64, gates: FeatureGates) -> u64 {
    if gates.enabled(Feature::CustomCPUCFSQuotaPeriod) { configured_us } else { DEFAULT_CPU_PERIOD_US }
}

/// The CPU time in microseconds that a limit in thousandths of a CPU allows in each period: at least 1 ms,
/// which is the least that the kernel takes, and at most 2⁶³−1 µs. `None` for 0, which is no limit.
///
/// The period is [`cpu_period_us`] of the one that is given. A limit below zero is refused by the API; here it
/// gets the least.
///
/// ```
/// use node_lifecycle::behaviour::{Feature, FeatureGates};
/// use node_lifecycle::pod::cpu_quota_us;
///
/// let gates = FeatureGates::default();
/// assert_eq!(cpu_quota_us(1500, 10_000, gates), Some(150_000));
/// let gates = gates.with(Feature::CustomCPUCFSQuotaPeriod, true);
/// assert_eq!(cpu_quota_us(1500, 10_000, gates), Some(15_000));
/// assert_eq!(cpu_quota_us(0, 10_000, gates), None);
/// ```
#[must_use]
pub fn cpu_quota_us(milli_cpu: i64, period_us: u64, gates: FeatureGates) -> Option<u64> {
    let of_period = |milli_cpu| {
        let quota = u128::from(milli_cpu) * u128::from(cpu_period_us(period_us, gates)) / 1000;
        saturated(quota).clamp(MIN_QUOTA_US, MAX_QUOTA_US)
    };
    (milli_cpu != 0).then(|| of_period(u64::try_from(milli_cpu).unwrap_or(0)))
}

fn saturated(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// What a node says of the cgroups of all its pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodCgroupSettings {
    /// The period of CPU quotas in microseconds (KubeletConfiguration `cpuCFSQuotaPeriod`): 100 ms. `None`: no
    /// quotas are set (`cpuCFSQuota: false`).
    pub cpu_cfs_quota_period_us: Option<u64>,
    /// How many process ids a pod may have (KubeletConfiguration `podPidsLimit`); `None`, the default: as many as all
    /// pods together.
    pub pids_limit: Option<u64>,
}

impl Default for PodCgroupSettings {
    fn default() -> Self {
        Self { cpu_cfs_quota_period_us: Some(DEFAULT_CPU_PERIOD_US), pids_limit: None }
    }
}

/// What the kernel is told of a pod as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PodCgroup {
    /// Its part of the CPU when all want it; see [`cpu_weight`] for cgroup v2.
    pub cpu_shares: u64,
    /// The CPU time that it has in each period, in microseconds; `None` is unlimited.
    pub cpu_quota_us: Option<u64>,
    /// That period, in microseconds.
    pub cpu_period_us: u64,
    /// The memory that it may use, in bytes; `None` is unlimited.
    pub memory_limit_bytes: Option<u64>,
    /// How many process ids it may have; `None` is unlimited.
    pub pids_limit: Option<u64>,
}

/// What the kernel is told of a pod as a whole, overhead included.
///
/// `qos` is [`pod_qos_class`](super::pod_qos_class). A `BestEffort` pod has the fewest shares and no limits. A limit of a `Burstable` pod is one only if the pod
/// itself gives it (KEP-2837) or every init and app container does: the sum of some containers' limits would
/// hold back the others.
///
/// ```
/// use std::sync::Arc;
///
/// use node_lifecycle::api::Pod;
/// use node_lifecycle::behaviour::Behaviour;
/// use node_lifecycle::pod::{CompiledPod, PodCgroupSettings, pod_cgroup};
///
/// let pod = Pod::from_json(r#"{"metadata": {"name": "web"}, "spec": {"containers": [
///     {"name": "app", "image": "app:1", "resources": {
///         "requests": {"cpu": "500m"}, "limits": {"cpu": "2", "memory": "1Gi"}}},
///     {"name": "log", "image": "log:1", "resources": {"limits": {"memory": "64Mi"}}}]}}"#)?;
/// let pod = CompiledPod::compile(&pod, &Arc::new(Behaviour::default()))?;
///
/// let node = PodCgroupSettings { pids_limit: Some(4096), ..PodCgroupSettings::default() };
/// let cgroup = pod_cgroup(&pod, pod.qos, &node);
/// assert_eq!(cgroup.cpu_shares, 512);
/// assert_eq!(cgroup.cpu_quota_us, None); // `log` has no limit
/// assert_eq!(cgroup.memory_limit_bytes, Some(1088 << 20));
/// assert_eq!(cgroup.pids_limit, Some(4096));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn pod_cgroup(pod: &CompiledPod, qos: QosClass, node: &PodCgroupSettings) -> PodCgroup {
    let gates = pod.behaviour.gates;
    let limit = |name| bounded_limit(&pod.spec, &pod.resources, gates, qos, name);
    let cpu_request = match qos {
        QosClass::BestEffort => None,
        QosClass::Burstable | QosClass::Guaranteed => pod.resources.requests.get("cpu"),
    };
    PodCgroup {
        cpu_shares: cpu_shares(cpu_request.map_or(0, Quantity::milli_value_saturating)),
        cpu_quota_us: node
            .cpu_cfs_quota_period_us
            .and_then(|period_us| cpu_quota_us(limit("cpu")?.milli_value_saturating(), period_us, gates)),
        cpu_period_us: cpu_period_us(node.cpu_cfs_quota_period_us.unwrap_or(DEFAULT_CPU_PERIOD_US), gates),
        memory_limit_bytes: limit("memory").map(Quantity::bytes_saturating).filter(|bytes| *bytes > 0),
        pids_limit: node.pids_limit,
    }
}

/// The limit of a pod as a whole, if it has one.
pub(super) fn bounded_limit<'a>(
    spec: &PodSpec,
    resources: &'a PodResources,
    gates: FeatureGates,
    qos: QosClass,
    name: &str,
) -> Option<&'a Quantity> {
    let bounds = match qos {
        QosClass::Guaranteed => true,
        QosClass::Burstable => is_bounded(spec, gates, name),
        QosClass::BestEffort => false,
    };
    resources.limits.get(name).filter(|_| bounds)
}

/// Whether the pod's limit of a resource holds back nothing that has no limit of its own.
fn is_bounded(spec: &PodSpec, gates: FeatureGates, name: &str) -> bool {
    let limited = |limits: &ResourceList| limits.get(name).is_some_and(|limit| !limit.is_zero());
    pod_level(spec, gates).is_some_and(|own| limited(&own.limits))
        || spec
            .containers
            .iter()
            .chain(&spec.init_containers)
            .all(|container| limited(&container.resources.limits))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::api::Pod;
    use crate::behaviour::Behaviour;
    use serde_json::{Value, json};

    fn cgroup(spec: &Value, qos: Option<QosClass>, gates: FeatureGates) -> PodCgroup {
        cgroup_on(
            PodCgroupSettings { cpu_cfs_quota_period_us: Some(50_000), pids_limit: None },
            spec,
            qos,
            gates,
        )
    }

    fn cgroup_on(
        node: PodCgroupSettings,
        spec: &Value,
        qos: Option<QosClass>,
        gates: FeatureGates,
    ) -> PodCgroup {
        let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "p"}, "spec": spec})).unwrap();
        let behaviour = Arc::new(Behaviour { gates, ..Behaviour::default() });
        let pod = CompiledPod::compile(&pod, &behaviour).unwrap();
        pod_cgroup(&pod, qos.unwrap_or(pod.qos), &node)
    }

    #[test]
    fn shares_and_weights_stay_in_the_kernels_range() {
        for (milli_cpu, shares, weight) in [
            (i64::MIN, 2, 1),
            (-1, 2, 1),
            (1, 2, 1),
            (2, 2, 1),
            (3, 3, 1),
            (100, 102, 4),
            (256_000, 262_144, 10_000),
            (i64::MAX, 262_144, 10_000),
        ] {
            assert_eq!((cpu_shares(milli_cpu), cpu_weight(shares)), (shares, weight), "{milli_cpu}");
        }
        assert_eq!((cpu_weight(0), cpu_weight(u64::MAX)), (1, 10_000));
    }

    #[test]
    fn quotas_have_a_least_and_a_most() {
        let off = FeatureGates::default();
        let on = off.with(Feature::CustomCPUCFSQuotaPeriod, true);
        for (milli_cpu, period, gates, quota) in [
            (1, 100_000, off, 1000),
            (11, 100_000, off, 1100),
            (11, 1_000_000, off, 1100),
            (11, 1_000_000, on, 11_000),
            (1000, 0, on, 1000),
            (-1, 100_000, off, 1000),
            (i64::MIN, u64::MAX, on, 1000),
            (i64::MAX, u64::MAX, on, 9_223_372_036_854_775_807),
        ] {
            assert_eq!(cpu_quota_us(milli_cpu, period, gates), Some(quota), "{milli_cpu} {period}");
        }
    }

    #[test]
    fn a_limit_holds_the_pod_only_if_all_its_containers_have_one() {
        let limits = json!({"limits": {"cpu": "1", "memory": "1Gi"}});
        let spec = |init: &Value| {
            json!({"resources": {"limits": {"memory": "2Gi"}}, "overhead": {"memory": "1Gi"},
                "initContainers": [{"name": "i", "resources": init}],
                "containers": [{"name": "a", "resources": limits}]})
        };
        let off = FeatureGates::default();
        let all = cgroup(&spec(&limits), None, off);
        assert_eq!((all.cpu_quota_us, all.memory_limit_bytes), (Some(100_000), Some(2 << 30)));
        let some = cgroup(&spec(&json!({})), None, off);
        assert_eq!((some.cpu_quota_us, some.memory_limit_bytes), (None, None));
        let own = cgroup(&spec(&json!({})), None, off.with(Feature::PodLevelResources, true));
        assert_eq!((own.cpu_quota_us, own.memory_limit_bytes), (None, Some(3 << 30)));
    }

    #[test]
    fn the_class_of_the_status_decides() {
        let spec = json!({"containers": [
            {"name": "a", "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1", "memory": "1Gi"}}},
            {"name": "b"}]});
        let gates = FeatureGates::default().with(Feature::CustomCPUCFSQuotaPeriod, true);
        let best_effort = cgroup(&spec, Some(QosClass::BestEffort), gates);
        assert_eq!((best_effort.cpu_shares, best_effort.cpu_quota_us), (2, None));
        let guaranteed = cgroup(&spec, Some(QosClass::Guaranteed), gates);
        assert_eq!((guaranteed.cpu_quota_us, guaranteed.cpu_period_us), (Some(50_000), 50_000));
        assert_eq!(guaranteed.memory_limit_bytes, Some(1 << 30));
    }

    #[test]
    fn a_node_may_set_no_quotas_and_limit_processes() {
        let limits = json!({"limits": {"cpu": "1", "memory": "1Gi"}});
        let spec = json!({"containers": [{"name": "a", "resources": limits}]});
        let node = PodCgroupSettings { cpu_cfs_quota_period_us: None, pids_limit: Some(7) };
        let cgroup = cgroup_on(node, &spec, None, FeatureGates::default());
        assert_eq!((cgroup.cpu_quota_us, cgroup.pids_limit), (None, Some(7)));
        assert_eq!(cgroup.memory_limit_bytes, Some(1 << 30));
    }
}
