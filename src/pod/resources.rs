//! What a pod asks for as a whole.
//!
//! The containers of a pod do not all run at once, so its amounts are not their plain sum. The rule is that
//! of KEP-753, for each resource by itself:
//!
//! - at work, a pod needs what its app containers and all its sidecars need together;
//! - on the way there, a regular init container needs its own amount and that of the sidecars before it;
//! - the pod needs the highest of these, and the sandbox's overhead (KEP-688) on top.
//!
//! Under the gate `PodLevelResources` (KEP-2837) an amount of `cpu`, `memory` or `hugepages-…` in the pod's
//! own `resources` takes the place of what its containers come to. Ephemeral containers ask for nothing.
//!
//! Only what is written counts: that a limit without a request implies one, and that a pod with resources of its own
//! requests at least what its containers do, are defaults, which
//! [`Pod::apply_defaults`](crate::api::Pod::apply_defaults) fills in.

use serde::{Deserialize, Serialize};

use crate::api::{PodSpec, Quantity, ResourceList, ResourceRequirements, is_pod_level};
use crate::behaviour::{Feature, FeatureGates};

/// What a pod asks for as a whole: the effective amounts, by resource name.
///
/// `cpu` is in cores, `memory`, `ephemeral-storage` and huge pages are in bytes, anything else is counted. A
/// resource that is named only with the amount 0 is there, with 0; one that is not named is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PodResources {
    /// What is set aside for it.
    #[serde(default)]
    pub requests: ResourceList,
    /// What it may use at most, as far as limits are given. The limit of a container without one is not in
    /// it, so it bounds the pod only where every container has one; [`pod_cgroup`](super::pod_cgroup) looks.
    #[serde(default)]
    pub limits: ResourceList,
}

/// Whether what the sandbox itself takes (KEP-688) counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overhead {
    /// It counts: what the node has to have free, and what the pod's cgroup is given.
    Included,
    /// It does not: what the containers come to.
    Excluded,
}

/// What a pod asks for as a whole, by its spec.
///
/// Overhead is added to all requests, and to a limit only where there is one that is not zero: to add it to a
/// limit that is not there would make one. A sum has the format (`Mi`, `m`, …) of its first amount that is not
/// zero: app containers come first, then sidecars, each in spec order; where an init container's need is the
/// highest, its own amount comes first. Sums are exact, and stop at [`Quantity`]'s limit of 10¹⁰⁰⁰.
///
/// ```
/// use node_lifecycle::api::Pod;
/// use node_lifecycle::behaviour::FeatureGates;
/// use node_lifecycle::pod::{Overhead, pod_resources};
///
/// let pod = Pod::from_json(r#"{"metadata": {"name": "web"}, "spec": {
///     "initContainers": [
///         {"name": "proxy", "image": "proxy:1", "restartPolicy": "Always",
///          "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}},
///         {"name": "migrate", "image": "app:1", "resources": {"requests": {"memory": "1Gi"}}}],
///     "containers": [
///         {"name": "app", "image": "app:1", "resources": {"requests": {"cpu": "500m", "memory": "256Mi"}}}],
///     "overhead": {"memory": "32Mi"}}}"#)?;
///
/// let gates = FeatureGates::default();
/// let all = pod_resources(&pod.spec, gates, Overhead::Included);
/// assert_eq!(all.requests["cpu"].to_string(), "600m"); // app and proxy
/// assert_eq!(all.requests["memory"].to_string(), "1120Mi"); // migrate beside proxy, and the sandbox
/// assert!(all.limits.is_empty());
///
/// let containers = pod_resources(&pod.spec, gates, Overhead::Excluded);
/// assert_eq!(containers.requests["memory"].to_string(), "1088Mi");
/// # Ok::<(), node_lifecycle::api::PodError>(())
/// ```
#[must_use]
pub fn pod_resources(spec: &PodSpec, gates: FeatureGates, overhead: Overhead) -> PodResources {
    let mut requests = spec.of_containers(requests);
    let mut limits = spec.of_containers(limits);
    if let Some(own) = pod_level(spec, gates) {
        override_with(&mut requests, &own.requests);
        override_with(&mut limits, &own.limits);
    }
    if overhead == Overhead::Included {
        for (name, amount) in &spec.overhead {
            add(&mut requests, name, amount);
            if let Some(limit) = limits.get_mut(name).filter(|limit| !limit.is_zero()) {
                *limit += amount;
            }
        }
    }
    PodResources { requests, limits }
}

/// The pod's own requests and limits, if they are given and the gate lets them count.
pub(super) fn pod_level(spec: &PodSpec, gates: FeatureGates) -> Option<&ResourceRequirements> {
    let own = &spec.resources;
    let given = || own.requests.keys().chain(own.limits.keys()).any(|name| is_pod_level(name));
    (gates.enabled(Feature::PodLevelResources) && given()).then_some(own)
}

/// What the containers' requests of one resource come to.
pub(super) fn requested_by_containers(spec: &PodSpec, name: &str) -> Option<Quantity> {
    spec.of_containers(requests).remove(name)
}

fn requests(resources: &ResourceRequirements) -> &ResourceList {
    &resources.requests
}

fn limits(resources: &ResourceRequirements) -> &ResourceList {
    &resources.limits
}

fn add(list: &mut ResourceList, name: &str, amount: &Quantity) {
    match list.get_mut(name) {
        Some(sum) => *sum += amount,
        None => drop(list.insert(name.to_owned(), amount.clone())),
    }
}

fn override_with(list: &mut ResourceList, own: &ResourceList) {
    for (name, amount) in own.iter().filter(|(name, _)| is_pod_level(name)) {
        list.insert(name.clone(), amount.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn texts(list: &ResourceList) -> Vec<String> {
        list.iter().map(|(name, amount)| format!("{name}={amount}")).collect()
    }

    fn of(spec: Value, gates: FeatureGates) -> (Vec<String>, Vec<String>) {
        let spec = serde_json::from_value(spec).unwrap();
        let resources = pod_resources(&spec, gates, Overhead::Included);
        (texts(&resources.requests), texts(&resources.limits))
    }

    fn asks(name: &str, memory: &str) -> Value {
        json!({"name": name, "resources": {"requests": {"memory": memory}, "limits": {"memory": memory}}})
    }

    fn sidecar(name: &str, memory: &str) -> Value {
        let mut container = asks(name, memory);
        container["restartPolicy"] = json!("Always");
        container
    }

    #[test]
    fn an_init_container_needs_the_sidecars_before_it_and_none_behind() {
        let spec = |inits: [Value; 3]| json!({"initContainers": inits, "containers": [asks("app", "1Gi")]});
        let first = spec([asks("init", "3Gi"), sidecar("a", "1Gi"), sidecar("b", "1Gi")]);
        assert_eq!(of(first, FeatureGates::default()).0, ["memory=3Gi"]);
        let last = spec([sidecar("a", "1Gi"), sidecar("b", "1Gi"), asks("init", "3Gi")]);
        assert_eq!(of(last, FeatureGates::default()).0, ["memory=5Gi"]);
        let small = spec([sidecar("a", "1Gi"), sidecar("b", "1Gi"), asks("init", "1Mi")]);
        assert_eq!(of(small, FeatureGates::default()).0, ["memory=3Gi"]);
    }

    #[test]
    fn overhead_makes_no_limit() {
        let spec = json!({"overhead": {"cpu": "50m", "memory": "32Mi", "example.com/dev": "1"}, "containers": [
            {"name": "a", "resources": {"requests": {"cpu": "0"}, "limits": {"cpu": "0", "memory": "64Mi"}}}]});
        let (requests, limits) = of(spec, FeatureGates::default());
        assert_eq!(requests, ["cpu=50m", "example.com/dev=1", "memory=32Mi"]);
        assert_eq!(limits, ["cpu=0", "memory=96Mi"]);
    }

    #[test]
    fn a_pods_own_resources_need_their_gate() {
        let spec = json!({
            "resources": {"requests": {"memory": "4Gi", "ephemeral-storage": "1Gi"}, "limits": {"cpu": "2"}},
            "overhead": {"memory": "1Gi"},
            "containers": [asks("a", "1Gi")]});
        let off = FeatureGates::default();
        let on = off.with(Feature::PodLevelResources, true);
        assert_eq!(of(spec.clone(), off), (vec!["memory=2Gi".to_owned()], vec!["memory=2Gi".to_owned()]));
        let limits = vec!["cpu=2".to_owned(), "memory=2Gi".to_owned()];
        assert_eq!(of(spec, on), (vec!["memory=5Gi".to_owned()], limits));
    }

    #[test]
    fn a_sum_has_the_format_of_the_first_amount_that_is_not_zero() {
        let spec = |amounts: [&str; 3]| json!({"containers": amounts.map(|amount| asks(amount, amount))});
        assert_eq!(of(spec(["0", "64M", "64Mi"]), FeatureGates::default()).0, ["memory=131108864"]);
        assert_eq!(of(spec(["0", "64Mi", "64Mi"]), FeatureGates::default()).0, ["memory=128Mi"]);
        assert_eq!(of(spec(["1Ki", "1k", "24"]), FeatureGates::default()).0, ["memory=2Ki"]);
    }

    #[test]
    fn sums_neither_wrap_nor_fail() {
        let huge = json!({"containers": [asks("a", "9223372036854775807"), asks("b", "1"), asks("c", "1e1000")],
            "overhead": {"memory": "1e1000"}});
        let spec: PodSpec = serde_json::from_value(huge).unwrap();
        let resources = pod_resources(&spec, FeatureGates::default(), Overhead::Included);
        assert_eq!(resources.requests["memory"], "1e1000".parse().unwrap());
        let negative = json!({"containers": [asks("a", "-9223372036854775808"), asks("b", "-1e1000")]});
        let spec: PodSpec = serde_json::from_value(negative).unwrap();
        let resources = pod_resources(&spec, FeatureGates::default(), Overhead::Included);
        assert_eq!(resources.requests["memory"], "-1e1000".parse().unwrap());
    }
}
