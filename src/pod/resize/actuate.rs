//! From allocated to actuated.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::allocate::{condition, restarts_for};
use super::allocation::resizable;
use crate::api::{Container, PodCondition, PodSpec, Quantity, ResourceList, ResourceRequirements};
use crate::behaviour::FeatureGates;
use crate::pod::cgroup::bounded_limit;
use crate::pod::{Overhead, pod_resources, qos_class};

/// What a pod and its containers were last told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Actuated {
    /// The pod's own cgroup.
    pub pod: PodAmounts,
    /// The containers that run, by name. One that does not run is not here: it gets what is allocated when it is
    /// started.
    pub containers: BTreeMap<String, ResourceRequirements>,
}

/// What a pod's own cgroup is told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodAmounts {
    /// The most memory, in bytes; `None` is unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<Quantity>,
    /// The most CPU; `None` is unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_limit: Option<Quantity>,
    /// The CPU that is set aside.
    pub cpu_request: Quantity,
}

impl PodAmounts {
    /// What the cgroup of a pod with this spec is to be told, overhead included. A limit is there only where it
    /// holds back nothing that has no limit of its own: see [`pod_cgroup`](crate::pod::pod_cgroup).
    #[must_use]
    pub fn of(spec: &PodSpec, gates: FeatureGates) -> Self {
        let resources = pod_resources(spec, gates, Overhead::Included);
        let qos = qos_class(spec, gates);
        let limit = |name| {
            bounded_limit(spec, &resources, gates, qos, name).filter(|limit| !limit.is_zero()).cloned()
        };
        Self {
            memory_limit: limit("memory"),
            cpu_limit: limit("cpu"),
            cpu_request: resources.requests.get("cpu").cloned().unwrap_or_default(),
        }
    }
}

/// How much memory a pod and its containers use, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MemoryUsage {
    /// The pod as a whole; `None` when that is not known.
    pub pod: Option<u64>,
    /// Its containers, by name.
    pub containers: BTreeMap<String, u64>,
}

/// What has to be done so that a pod has what is allocated to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResizePlan {
    /// The containers that have to be stopped and started again, because their `resizePolicy` says so: sidecars,
    /// then app containers, in spec order. They are stopped before the steps begin, and have what is allocated
    /// when they are started again after them.
    pub restart: Vec<String>,
    /// What has to be told in place, in order. When a step fails, the rest is left for a new plan.
    pub steps: Vec<ResizeStep>,
    /// Why nothing is told in place, though there is something to tell. `steps` is empty then.
    pub blocked: Option<ResizeBlocked>,
}

/// One thing that is told in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum ResizeStep {
    /// The pod's own cgroup is told an amount.
    #[serde(rename_all = "camelCase")]
    Pod {
        /// Of what.
        resource: ResizeResource,
        /// Whether it is the limit or the request.
        part: ResizePart,
        /// How much; `None` is unlimited.
        to: Option<Quantity>,
    },
    /// A container is told its resources: those of `resource` are new, the others what it was told before.
    #[serde(rename_all = "camelCase")]
    Container {
        /// The container.
        name: String,
        /// What changes.
        resource: ResizeResource,
        /// All that it is told.
        to: ResourceRequirements,
    },
}

/// What can change in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ResizeResource {
    /// Memory.
    Memory,
    /// CPU.
    Cpu,
}

/// Which side of an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ResizePart {
    /// The most that may be used.
    Limit,
    /// What is set aside.
    Request,
}

/// Memory limits that cannot be lowered now, because the memory is in use; the kernel would kill for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot decrease memory limits: {}", joined(.0))]
#[non_exhaustive]
pub struct ResizeBlocked(pub Vec<MemoryInUse>);

/// One memory limit that cannot be lowered now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryInUse {
    /// The container; `None` for the pod as a whole.
    pub container: Option<String>,
    /// What the limit is to be, in bytes.
    pub limit: u64,
    /// What is in use, in bytes: as much or more. `None` when that is not known.
    pub usage: Option<u64>,
}

/// What has to be done so that the running containers of a pod have what is allocated, and its cgroup too. `spec` is
/// the pod's spec with what is allocated ([`Allocation::applied_to`](super::Allocation::applied_to)).
///
/// Memory goes before CPU. Of each, the pod's own cgroup goes first where it grows; then containers that get less,
/// then those that get more, each in the order of [`restart`](ResizePlan::restart); then the pod's own cgroup where
/// it shrinks. So the containers' limits never come to more than the pod's. A container gets less or more by its
/// limit, or by its request where the limit stays.
///
/// A memory limit is not lowered to what is in use already, or below; then nothing is told in place, as the changes
/// of a resize belong together. What the restarted containers use does not count.
///
/// ```
/// use node_lifecycle::api::Pod;
/// use node_lifecycle::behaviour::FeatureGates;
/// use node_lifecycle::pod::{Actuated, Allocation, MemoryUsage, PodAmounts, resize_plan};
///
/// let pod = |memory: &str| Pod::from_json(&format!(r#"{{"metadata": {{"name": "web"}}, "spec": {{"containers": [
///     {{"name": "app", "image": "app:1", "resources": {{"limits": {{"memory": "{memory}"}}}}}}]}}}}"#));
/// let gates = FeatureGates::of_release(35);
/// let (old, new) = (pod("1Gi")?.spec, pod("512Mi")?.spec);
/// let actuated = Actuated { pod: PodAmounts::of(&old, gates), containers: Allocation::of(&old).containers };
///
/// let mut usage = MemoryUsage { pod: Some(200 << 20), containers: [("app".to_owned(), 200 << 20)].into() };
/// assert_eq!(resize_plan(&new, &actuated, &usage, gates).steps.len(), 2); // the container, then the pod
///
/// usage.containers.insert("app".to_owned(), 600 << 20);
/// assert_eq!(
///     resize_plan(&new, &actuated, &usage, gates).blocked.unwrap().to_string(),
///     "cannot decrease memory limits: \
///      attempting to set container \"app\" memory limit (536870912) below current usage (629145600)"
/// );
/// # Ok::<(), node_lifecycle::api::PodError>(())
/// ```
#[must_use]
pub fn resize_plan(
    spec: &PodSpec,
    actuated: &Actuated,
    usage: &MemoryUsage,
    gates: FeatureGates,
) -> ResizePlan {
    let wanted = PodAmounts::of(spec, gates);
    let mut containers: Vec<_> = resizable(spec).filter_map(|it| Resized::of(it, actuated)).collect();
    let (restart, in_place): (Vec<_>, Vec<_>) = containers.drain(..).partition(Resized::needs_restart);
    let restart: Vec<_> = restart.into_iter().map(|resized| resized.spec.name.clone()).collect();

    if let Some(blocked) = blocked(&in_place, &restart, (&actuated.pod, &wanted), usage) {
        return ResizePlan { restart, steps: Vec::new(), blocked: Some(blocked) };
    }
    let mut steps = Vec::new();
    for resource in [ResizeResource::Memory, ResizeResource::Cpu] {
        let pod = pod_steps(resource, &actuated.pod, &wanted);
        let pod_step = |wanted: Ordering| {
            let steps = pod.iter().filter(move |(direction, _)| *direction == wanted);
            steps.map(|(_, step)| step.clone())
        };
        steps.extend(pod_step(Ordering::Greater));
        for wanted in [Ordering::Less, Ordering::Greater] {
            let changed = in_place.iter().filter(|resized| resized.direction(resource) == wanted);
            steps.extend(changed.map(|resized| resized.step(resource)));
        }
        steps.extend(pod_step(Ordering::Less));
    }
    ResizePlan { restart, steps, blocked: None }
}

/// Whether a running container has not been told what is allocated. Other resources than CPU and memory, and
/// containers that do not run, do not count.
#[must_use]
pub fn is_resize_in_progress(spec: &PodSpec, actuated: &Actuated) -> bool {
    resizable(spec).filter_map(|container| Resized::of(container, actuated)).any(|resized| {
        resized.direction(ResizeResource::Memory).is_ne() || resized.direction(ResizeResource::Cpu).is_ne()
    })
}

/// The condition `PodResizeInProgress`; `None` when the pod must not have it. `error` is why the last attempt
/// failed: [`ResizeBlocked`], or what the runtime said. `generation` is that of the spec that was allocated, where
/// conditions say it (KEP-5067).
#[must_use]
pub fn resize_in_progress_condition(
    spec: &PodSpec,
    actuated: &Actuated,
    error: Option<&str>,
    generation: Option<i64>,
) -> Option<PodCondition> {
    let reason = if error.is_some() { "Error" } else { "" };
    let message = error.unwrap_or_default().to_owned();
    is_resize_in_progress(spec, actuated)
        .then(|| condition("PodResizeInProgress", reason, message, generation))
}

/// A running container whose amounts are looked at.
struct Resized<'a> {
    spec: &'a Container,
    told: &'a ResourceRequirements,
}

impl<'a> Resized<'a> {
    fn of(spec: &'a Container, actuated: &'a Actuated) -> Option<Self> {
        actuated.containers.get(&spec.name).map(|told| Self { spec, told })
    }

    fn needs_restart(&self) -> bool {
        [ResizeResource::Memory, ResizeResource::Cpu]
            .into_iter()
            .any(|resource| self.direction(resource).is_ne() && restarts_for(self.spec, resource.name()))
    }

    /// Whether the container gets more or less than it was told.
    fn direction(&self, resource: ResizeResource) -> Ordering {
        let (new, old, name) = (&self.spec.resources, self.told, resource.name());
        let request = |list: &ResourceList| list.get(name).cloned().unwrap_or_default();
        by_limit(limit(&new.limits, name), limit(&old.limits, name))
            .then_with(|| request(&new.requests).cmp(&request(&old.requests)))
    }

    fn step(&self, resource: ResizeResource) -> ResizeStep {
        let mut to = self.told.clone();
        let new = &self.spec.resources;
        // Memory has been told when it is CPU's turn.
        for resource in [ResizeResource::Memory, ResizeResource::Cpu].into_iter().filter(|it| *it <= resource)
        {
            for (told, new) in [(&mut to.limits, &new.limits), (&mut to.requests, &new.requests)] {
                match new.get(resource.name()) {
                    Some(amount) => drop(told.insert(resource.name().to_owned(), amount.clone())),
                    None => drop(told.remove(resource.name())),
                }
            }
        }
        ResizeStep::Container { name: self.spec.name.clone(), resource, to }
    }
}

impl ResizeResource {
    /// Kubernetes' name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
        }
    }
}

/// A limit; zero is none.
fn limit<'a>(limits: &'a ResourceList, name: &str) -> Option<&'a Quantity> {
    limits.get(name).filter(|limit| !limit.is_zero())
}

/// Orders limits: none is the highest.
fn by_limit(a: Option<&Quantity>, b: Option<&Quantity>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.cmp(b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

/// What the pod's own cgroup is told of a resource, and whether it grows by that.
fn pod_steps(
    resource: ResizeResource,
    told: &PodAmounts,
    wanted: &PodAmounts,
) -> Vec<(Ordering, ResizeStep)> {
    let limit = |amounts: &PodAmounts| match resource {
        ResizeResource::Memory => amounts.memory_limit.clone(),
        ResizeResource::Cpu => amounts.cpu_limit.clone(),
    };
    let (old, new) = (limit(told), limit(wanted));
    let limits = by_limit(new.as_ref(), old.as_ref());
    let mut steps = vec![(limits, ResizeStep::Pod { resource, part: ResizePart::Limit, to: new })];
    if resource == ResizeResource::Cpu {
        let requests = wanted.cpu_request.cmp(&told.cpu_request);
        let to = Some(wanted.cpu_request.clone());
        steps.push((requests, ResizeStep::Pod { resource, part: ResizePart::Request, to }));
    }
    steps.retain(|(direction, _)| direction.is_ne());
    steps
}

/// Which memory limits cannot be lowered now.
fn blocked(
    in_place: &[Resized<'_>],
    restart: &[String],
    (told, wanted): (&PodAmounts, &PodAmounts),
    usage: &MemoryUsage,
) -> Option<ResizeBlocked> {
    let lowered = |new: Option<&Quantity>, old: Option<&Quantity>| {
        new.filter(|_| by_limit(new, old).is_lt()).map(Quantity::bytes_saturating)
    };
    let mut in_use = Vec::new();
    let mut check = |container: Option<&str>, limit: u64, usage: Option<u64>| {
        if usage.is_none_or(|usage| usage >= limit) {
            in_use.push(MemoryInUse { container: container.map(str::to_owned), limit, usage });
        }
    };
    if let Some(limit) = lowered(wanted.memory_limit.as_ref(), told.memory_limit.as_ref()) {
        let freed = restart.iter().filter_map(|name| usage.containers.get(name));
        let freed = freed.fold(0_u64, |sum, usage| sum.saturating_add(*usage));
        check(None, limit, usage.pod.map(|usage| usage.saturating_sub(freed)));
    }
    for resized in in_place {
        let (new, old) =
            (limit(&resized.spec.resources.limits, "memory"), limit(&resized.told.limits, "memory"));
        if let Some(limit) = lowered(new, old) {
            let name = &resized.spec.name;
            check(Some(name), limit, usage.containers.get(name).copied());
        }
    }
    (!in_use.is_empty()).then_some(ResizeBlocked(in_use))
}

/// Several are written as the kubelet writes a list of errors.
fn joined(in_use: &[MemoryInUse]) -> String {
    let texts: Vec<_> = in_use.iter().map(ToString::to_string).collect();
    if texts.len() == 1 { texts.concat() } else { format!("[{}]", texts.join(", ")) }
}

impl fmt::Display for MemoryInUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = match &self.container {
            Some(name) => format!("container {name:?}"),
            None => "pod".to_owned(),
        };
        let limit = self.limit;
        match self.usage {
            Some(usage) => {
                write!(f, "attempting to set {whose} memory limit ({limit}) below current usage ({usage})")
            }
            None => {
                write!(f, "attempting to set {whose} memory limit ({limit}) while its usage is not known")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Allocation;
    use super::*;
    use serde_json::{Value, json};

    fn spec(containers: &Value) -> PodSpec {
        serde_json::from_value(json!({ "containers": containers })).unwrap()
    }

    fn app(name: &str, cpu: &str, memory: &str) -> Value {
        json!({"name": name, "resources": {"requests": {"cpu": cpu, "memory": memory},
            "limits": {"cpu": cpu, "memory": memory}}})
    }

    fn actuated(spec: &PodSpec) -> Actuated {
        let gates = FeatureGates::of_release(35);
        Actuated { pod: PodAmounts::of(spec, gates), containers: Allocation::of(spec).containers }
    }

    fn steps(plan: &ResizePlan) -> Vec<String> {
        let text = |step: &ResizeStep| match step {
            ResizeStep::Pod { resource, part, to } => {
                let to = to.as_ref().map_or("unlimited".to_owned(), ToString::to_string);
                format!("pod {} {part:?} {to}", resource.name())
            }
            ResizeStep::Container { name, resource, to } => {
                let amount = |name| to.limits.get(name).map_or("none".to_owned(), ToString::to_string);
                format!("{name} {}: cpu {}, memory {}", resource.name(), amount("cpu"), amount("memory"))
            }
        };
        plan.steps.iter().map(text).collect()
    }

    fn plan(old: &PodSpec, new: &PodSpec) -> ResizePlan {
        let usage = MemoryUsage {
            pod: Some(1),
            containers: old.containers.iter().map(|it| (it.name.clone(), 1)).collect(),
        };
        resize_plan(new, &actuated(old), &usage, FeatureGates::of_release(35))
    }

    #[test]
    fn less_goes_before_more_and_the_pod_around_them() {
        let old = spec(&json!([app("a", "1", "1Gi"), app("b", "1", "1Gi")]));
        let new = spec(&json!([app("a", "3", "3Gi"), app("b", "500m", "512Mi")]));
        assert_eq!(
            steps(&plan(&old, &new)),
            [
                "pod memory Limit 3584Mi",
                "b memory: cpu 1, memory 512Mi",
                "a memory: cpu 1, memory 3Gi",
                "pod cpu Limit 3500m",
                "pod cpu Request 3500m",
                "b cpu: cpu 500m, memory 512Mi",
                "a cpu: cpu 3, memory 3Gi",
            ]
        );
        assert_eq!(
            steps(&plan(&new, &old))[0..3],
            ["a memory: cpu 3, memory 1Gi", "b memory: cpu 500m, memory 1Gi", "pod memory Limit 2Gi"]
        );
    }

    #[test]
    fn a_container_is_restarted_where_its_policy_says_so() {
        let policy = json!([{"resourceName": "memory", "restartPolicy": "RestartContainer"}]);
        let with_policy = |cpu, memory| {
            let mut container = app("a", cpu, memory);
            container["resizePolicy"] = policy.clone();
            spec(&json!([container]))
        };
        let old = with_policy("1", "1Gi");
        let cpu_only = plan(&old, &with_policy("2", "1Gi"));
        assert_eq!((cpu_only.restart.len(), cpu_only.steps.len()), (0, 3));
        let both = plan(&old, &with_policy("2", "512Mi"));
        assert_eq!(both.restart, ["a"]);
        assert_eq!(steps(&both), ["pod memory Limit 512Mi", "pod cpu Limit 2", "pod cpu Request 2"]);
    }

    #[test]
    fn a_limit_that_goes_is_more() {
        let old = spec(&json!([app("a", "1", "1Gi")]));
        let new = spec(&json!([{"name": "a", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}]));
        assert_eq!(
            steps(&plan(&old, &new)),
            [
                "pod memory Limit unlimited",
                "a memory: cpu 1, memory none",
                "pod cpu Limit unlimited",
                "a cpu: cpu none, memory none",
            ]
        );
        assert!(plan(&old, &new).blocked.is_none());
    }

    #[test]
    fn a_pod_that_was_not_told_is_told_again() {
        let spec = spec(&json!([app("a", "1", "1Gi")]));
        let mut told = actuated(&spec);
        told.pod.memory_limit = Some("2Gi".parse().unwrap());
        let usage = MemoryUsage { pod: Some(1), ..MemoryUsage::default() };
        let plan = resize_plan(&spec, &told, &usage, FeatureGates::of_release(35));
        assert_eq!(steps(&plan), ["pod memory Limit 1Gi"]);
    }

    #[test]
    fn memory_in_use_is_not_taken() {
        let (old, new) = (spec(&json!([app("a", "1", "1Gi")])), spec(&json!([app("a", "2", "1Mi")])));
        let usage = MemoryUsage { pod: Some(2 << 20), ..MemoryUsage::default() };
        let plan = resize_plan(&new, &actuated(&old), &usage, FeatureGates::of_release(35));
        assert!(plan.steps.is_empty());
        assert_eq!(
            plan.blocked.unwrap().to_string(),
            "cannot decrease memory limits: \
             [attempting to set pod memory limit (1048576) below current usage (2097152), \
             attempting to set container \"a\" memory limit (1048576) while its usage is not known]"
        );
    }

    #[test]
    fn progress_is_told_of_running_containers_only() {
        let (old, new) = (spec(&json!([app("a", "1", "1Gi")])), spec(&json!([app("a", "2", "1Gi")])));
        let mut told = actuated(&old);
        let condition = resize_in_progress_condition(&new, &told, Some("no"), Some(3)).unwrap();
        assert_eq!((&*condition.reason, &*condition.message), ("Error", "no"));
        told.containers.clear();
        assert_eq!(resize_in_progress_condition(&new, &told, None, None), None);
    }
}
