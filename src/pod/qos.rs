//! A pod's quality of service, and who goes first when memory is short.
//!
//! Only `cpu` and `memory` count, and only amounts above zero. Init containers and sidecars count as app
//! containers do; ephemeral ones cannot ask for anything.
//!
//! - `BestEffort`: nothing is asked for;
//! - `Guaranteed`: every container limits both, and for both what is requested is what is the limit;
//! - `Burstable`: anything else.
//!
//! Under the gate `PodLevelResources` (KEP-2837) a pod with resources of its own is judged by these alone,
//! whatever its containers say.

use super::resources::{pod_level, requested_by_containers};
use crate::api::{Container, Pod, PodSpec, QosClass, Quantity, ResourceList, ResourceRequirements};
use crate::behaviour::FeatureGates;

/// What [`oom_score_adj`] gives to whoever has to be killed last.
const GUARANTEED: i32 = -997;
/// What it gives to whoever has to be killed first; also the kernel's scale.
const BEST_EFFORT: i32 = 1000;
/// The range for everybody else: a guaranteed container that uses all memory scores 1000 - 997.
const BURSTABLE: std::ops::RangeInclusive<i128> = 3..=999;

/// A pod's quality of service by its spec.
///
/// What is requested and what is the limit is compared over the whole pod. (Between valid containers, whose
/// requests do not exceed their limits, that is the same as comparing each.)
///
/// ```
/// use node_lifecycle::api::{Pod, QosClass};
/// use node_lifecycle::behaviour::FeatureGates;
/// use node_lifecycle::pod::qos_class;
///
/// // Requests that are absent are taken from the limits when defaults are applied.
/// let pod = Pod::from_json(r#"{"metadata": {"name": "db"}, "spec": {"containers": [
///     {"name": "db", "image": "db:1", "resources": {"limits": {"cpu": "2", "memory": "4Gi"}}}]}}"#)?;
/// assert_eq!(qos_class(&pod.spec, FeatureGates::default()), QosClass::Guaranteed);
/// # Ok::<(), node_lifecycle::api::PodError>(())
/// ```
#[must_use]
pub fn qos_class(spec: &PodSpec, gates: FeatureGates) -> QosClass {
    match pod_level(spec, gates) {
        Some(own) => class_of([own]),
        None => class_of(
            spec.containers.iter().chain(&spec.init_containers).map(|container| &container.resources),
        ),
    }
}

/// A pod's quality of service: the class that its status names, or else the one that [`qos_class`] computes.
///
/// A pod's class is fixed when the API server accepts it, so what the status says goes first.
#[must_use]
pub fn pod_qos_class(pod: &Pod, gates: FeatureGates) -> QosClass {
    pod.status.qos_class.unwrap_or_else(|| qos_class(&pod.spec, gates))
}

fn class_of<'a, R: IntoIterator<Item = &'a ResourceRequirements>>(resources: R) -> QosClass {
    const NAMES: [&str; 2] = ["cpu", "memory"];
    let mut requests = [Quantity::ZERO, Quantity::ZERO];
    let mut limits = [Quantity::ZERO, Quantity::ZERO];
    let mut all_limited = true;
    for resources in resources {
        for ((name, requests), limits) in NAMES.iter().zip(&mut requests).zip(&mut limits) {
            if let Some(request) = above_zero(&resources.requests, name) {
                *requests += request;
            }
            match above_zero(&resources.limits, name) {
                Some(limit) => *limits += limit,
                None => all_limited = false,
            }
        }
    }
    if requests.iter().chain(&limits).all(Quantity::is_zero) {
        QosClass::BestEffort
    } else if all_limited && requests == limits {
        QosClass::Guaranteed
    } else {
        QosClass::Burstable
    }
}

fn above_zero<'a>(list: &'a ResourceList, name: &str) -> Option<&'a Quantity> {
    list.get(name).filter(|amount| amount.signum() > 0)
}

/// The `oom_score_adj` of a container's processes, from −997 to 1000: the kernel adds it to the share of memory
/// that a process uses, in thousandths, and kills the highest first.
///
/// - [Node-critical](Pod::is_node_critical) pods and `Guaranteed` ones have −997, `BestEffort` ones 1000.
/// - Otherwise it is 1000 less the thousandths of the node's memory that the container requests (rounded down
///   before the subtraction), from 3 to 999: who stays within its request is killed after who does not.
/// - A sidecar's (KEP-753) is not higher than that of the app container that requests least, so that it does
///   not go before the container it serves.
/// - Under the gate `PodLevelResources` (KEP-2837) what the pod's own memory request leaves over is shared
///   equally between its init and app containers, in whole bytes, and counts as requested by each.
///
/// The class is that of [`pod_qos_class`]; `container` is one of the pod's own; `memory_capacity_bytes` is the
/// node's. A capacity of 0 counts as 1, so that whatever requests memory has 3 and what does not has 999.
/// Amounts below zero count as zero.
///
/// ```
/// use node_lifecycle::api::Pod;
/// use node_lifecycle::behaviour::FeatureGates;
/// use node_lifecycle::pod::oom_score_adj;
///
/// let pod = Pod::from_json(r#"{"metadata": {"name": "web"}, "spec": {"containers": [
///     {"name": "app", "image": "app:1", "resources": {"requests": {"memory": "1Gi"}}}]}}"#)?;
/// let app = &pod.spec.containers[0];
/// assert_eq!(oom_score_adj(&pod, app, 8 << 30, FeatureGates::default()), 875);
/// # Ok::<(), node_lifecycle::api::PodError>(())
/// ```
#[must_use]
pub fn oom_score_adj(
    pod: &Pod,
    container: &Container,
    memory_capacity_bytes: u64,
    gates: FeatureGates,
) -> i32 {
    if pod.is_node_critical() {
        return GUARANTEED;
    }
    match pod_qos_class(pod, gates) {
        QosClass::Guaranteed => return GUARANTEED,
        QosClass::BestEffort => return BEST_EFFORT,
        QosClass::Burstable => {}
    }
    let spec = &pod.spec;
    let mut request = memory_request(&container.resources);
    if is_sidecar_of(spec, container) {
        let least = spec.containers.iter().map(|app| memory_request(&app.resources)).min();
        request = request.max(least.unwrap_or(0));
    }
    let requested = u128::from(request) + u128::from(left_over_share(spec, gates));
    // At most 1000 * 2^65 / 1.
    let thousandths = 1000 * requested / u128::from(memory_capacity_bytes.max(1));
    let adjustment = i128::from(BEST_EFFORT) - i128::try_from(thousandths).unwrap_or(i128::MAX);
    i32::try_from(adjustment.clamp(*BURSTABLE.start(), *BURSTABLE.end())).unwrap_or(BEST_EFFORT - 1)
}

fn memory_request(resources: &ResourceRequirements) -> u64 {
    resources.requests.get("memory").map_or(0, Quantity::bytes_saturating)
}

/// An app container may have the restart policy of a sidecar (KEP-5307), so it is looked for where sidecars
/// stand.
fn is_sidecar_of(spec: &PodSpec, container: &Container) -> bool {
    container.is_sidecar() && spec.init_containers.iter().any(|init| init.name == container.name)
}

/// Each container's share of the bytes that the pod requests beyond what its containers do.
fn left_over_share(spec: &PodSpec, gates: FeatureGates) -> u64 {
    let Some(own) = pod_level(spec, gates) else { return 0 };
    let own = memory_request(own);
    let containers = requested_by_containers(spec, "memory");
    let left_over = own.saturating_sub(containers.map_or(0, |amount| amount.bytes_saturating()));
    let count = spec.containers.len() + spec.init_containers.len();
    u64::try_from(count).ok().and_then(|count| left_over.checked_div(count)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behaviour::Feature;
    use serde_json::{Value, json};

    const GIB: u64 = 1 << 30;

    fn pod(spec: &Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "p"}, "spec": spec})).unwrap()
    }

    fn class(spec: &Value) -> QosClass {
        qos_class(&pod(spec).spec, FeatureGates::default())
    }

    fn on() -> FeatureGates {
        FeatureGates::default().with(Feature::PodLevelResources, true)
    }

    fn both(cpu: &str, memory: &str) -> Value {
        let amounts = json!({"cpu": cpu, "memory": memory});
        json!({"requests": amounts, "limits": amounts})
    }

    fn scores(pod: &Pod, capacity: u64, gates: FeatureGates) -> Vec<i32> {
        let containers = pod.spec.init_containers.iter().chain(&pod.spec.containers);
        containers.map(|container| oom_score_adj(pod, container, capacity, gates)).collect()
    }

    #[test]
    fn a_class_is_of_all_containers() {
        let whole = json!({"name": "a", "resources": both("1", "1Gi")});
        assert_eq!(class(&json!({"containers": [whole]})), QosClass::Guaranteed);
        assert_eq!(class(&json!({"containers": [whole, {"name": "b"}]})), QosClass::Burstable);
        let init = json!({"containers": [whole], "initContainers": [{"name": "b"}]});
        assert_eq!(class(&init), QosClass::Burstable);
        let ephemeral = json!({"containers": [whole], "ephemeralContainers": [{"name": "b"}]});
        assert_eq!(class(&ephemeral), QosClass::Guaranteed);
    }

    #[test]
    fn only_cpu_and_memory_above_zero_count() {
        let disk = json!({"requests": {"ephemeral-storage": "1Gi", "cpu": "0", "memory": "-1"}});
        assert_eq!(class(&json!({"containers": [{"name": "a", "resources": disk}]})), QosClass::BestEffort);
        let unequal = json!({"requests": {"cpu": "1"}, "limits": {"cpu": "1", "memory": "1Gi"}});
        assert_eq!(class(&json!({"containers": [{"name": "a", "resources": unequal}]})), QosClass::Burstable);
        assert_eq!(class(&json!({})), QosClass::BestEffort);
    }

    #[test]
    fn a_pods_own_resources_decide_under_their_gate() {
        let pod = pod(&json!({"resources": both("1", "1Gi"), "containers": [{"name": "a"}]}));
        assert_eq!(qos_class(&pod.spec, FeatureGates::default()), QosClass::BestEffort);
        assert_eq!(qos_class(&pod.spec, on()), QosClass::Guaranteed);
    }

    #[test]
    fn what_containers_request_counts_for_the_pod() {
        let amounts = r#"{"cpu": "1", "memory": "1Gi"}"#;
        let json = format!(
            r#"{{"metadata": {{"name": "p"}}, "spec": {{"resources": {{"limits": {amounts}}}, "containers": [
                {{"name": "a", "image": "a", "resources": {{"requests": {{"cpu": "1"}}}}}}]}}}}"#
        );
        let pod = Pod::from_json(&json).unwrap();
        assert_eq!(qos_class(&pod.spec, on()), QosClass::Guaranteed);
        let less = json.replace(r#""requests": {"cpu": "1"}"#, r#""requests": {"cpu": "900m"}"#);
        assert_eq!(qos_class(&Pod::from_json(&less).unwrap().spec, on()), QosClass::Burstable);
    }

    #[test]
    fn the_status_goes_first() {
        let mut pod = pod(&json!({"containers": [{"name": "a"}]}));
        assert_eq!(pod_qos_class(&pod, on()), QosClass::BestEffort);
        pod.status.qos_class = Some(QosClass::Guaranteed);
        assert_eq!(pod_qos_class(&pod, on()), QosClass::Guaranteed);
        assert_eq!(scores(&pod, GIB, on()), [-997]);
    }

    #[test]
    fn a_sidecar_does_not_go_before_its_app() {
        let requests = |memory: &str| json!({"requests": {"memory": memory}});
        let sidecar = |memory| json!({"name": "s", "restartPolicy": "Always", "resources": requests(memory)});
        let with = |memory| {
            let apps = json!([
                {"name": "a", "resources": requests("256Mi")}, {"name": "b", "resources": requests("128Mi")}]);
            scores(&pod(&json!({"initContainers": [sidecar(memory)], "containers": apps})), GIB, on())
        };
        assert_eq!(with("1Mi"), [875, 750, 875]);
        assert_eq!(with("512Mi"), [500, 750, 875]);
    }

    #[test]
    fn what_a_pod_asks_for_beyond_its_containers_is_shared() {
        let pod = pod(&json!({"resources": {"requests": {"memory": "640Mi"}}, "containers": [
            {"name": "a", "resources": {"requests": {"memory": "128Mi"}}}, {"name": "b"}]}));
        assert_eq!(scores(&pod, GIB, FeatureGates::default()), [875, 999]);
        assert_eq!(scores(&pod, GIB, on()), [625, 750]);
    }

    #[test]
    fn node_critical_pods_go_last() {
        let critical = |priority: i32| {
            let pod = pod(&json!({"priority": priority, "priorityClassName": "system-node-critical",
                "containers": [{"name": "a"}]}));
            scores(&pod, GIB, on())
        };
        assert_eq!(critical(2_000_001_000), [-997]);
        assert_eq!(critical(1_999_999_999), [1000]);
    }

    #[test]
    fn hostile_numbers_stay_in_range() {
        let of = |memory: &str, capacity| {
            let resources = json!({"requests": {"cpu": "1", "memory": memory}});
            let spec = json!({"containers": [{"name": "a", "resources": resources}]});
            scores(&pod(&spec), capacity, FeatureGates::default())
        };
        assert_eq!(of("1e1000", 1), [3]);
        assert_eq!(of("9223372036854775807", u64::MAX), [501]);
        assert_eq!(of("-9223372036854775808", 1), [999]);
        assert_eq!(of("1", 0), [3]);
        assert_eq!(of("0", 0), [999]);
    }
}
