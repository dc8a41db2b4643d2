//! What depends on a pod's spec only, computed once.

use std::sync::Arc;

use super::{Overhead, PodResources, pod_resources, qos_class};
use crate::api::{Container, ImagePullPolicy, Pod, PodSpec, QosClass, RestartPolicy, Uid};
use crate::behaviour::{Behaviour, Feature};
use crate::container::{ContainerIndex, ContainerKind, ContainerSet, ProbeGrace, spec_hash};
use crate::ordering::{Edge, Ordering, OrderingError};

/// A pod's spec made ready for decisions: containers by index, kinds, effective restart policies, orders,
/// quality of service and resources.
///
/// It is compiled anew when the spec or the behaviour changes, and never stored.
#[derive(Debug, Clone)]
pub struct CompiledPod {
    /// The pod's identity.
    pub uid: Uid,
    /// `<name>_<namespace>(<uid>)`, as messages name it.
    pub display_name: Arc<str>,
    /// Whether it comes from the node's own files rather than from the API.
    pub is_static: bool,
    /// The spec that it was compiled from.
    pub spec: Arc<PodSpec>,
    /// What it was compiled under.
    pub behaviour: Arc<Behaviour>,
    /// Its quality of service by its spec. A class that its status names goes first: see
    /// [`pod_qos_class`](super::pod_qos_class).
    pub qos: QosClass,
    /// What it asks for as a whole, with its overhead.
    pub resources: PodResources,
    containers: Vec<CompiledContainer>,
    ordering: Ordering,
    sets: Sets,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sets {
    inits: ContainerSet,
    sidecars: ContainerSet,
    apps: ContainerSet,
    ephemeral: ContainerSet,
}

/// A container of a compiled pod.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CompiledContainer {
    /// Its name.
    pub name: Arc<str>,
    /// Its image, as written.
    pub image: Arc<str>,
    /// What it is for.
    pub kind: ContainerKind,
    /// Its own restart policy where it has one and the gate `ContainerRestartRules` is on, else the pod's.
    /// (A sidecar's `Always` shows in its kind.)
    pub restart_policy: RestartPolicy,
    /// When its image is pulled.
    pub image_pull_policy: ImagePullPolicy,
    /// What makes an instance outdated.
    pub spec_hash: u64,
    /// Whether it has a startup probe.
    pub startup_probe: bool,
    /// Whether it has a liveness probe.
    pub liveness_probe: bool,
    /// Whether it has a readiness probe.
    pub readiness_probe: bool,
    /// Whether it has a `postStart` hook.
    pub post_start: bool,
    /// Whether it has a `preStop` hook.
    pub pre_stop: bool,
    /// The grace period of its startup probe.
    pub startup_grace: ProbeGrace,
    /// The grace period of its liveness probe.
    pub liveness_grace: ProbeGrace,
    /// Where its status stands in the list of its kind: init containers in spec order, others by name.
    pub(super) status_slot: usize,
}

/// Why a pod cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// Its containers have no order.
    #[error(transparent)]
    Ordering(#[from] OrderingError),
    /// It uses what a feature gate that is off has to allow.
    #[error("{path}: needs the feature gate {gate}, which is off: {allowed}")]
    GateNeeded {
        /// The path of the field.
        path: String,
        /// The gate.
        gate: Feature,
        /// What is allowed without it.
        allowed: &'static str,
    },
}

impl CompiledPod {
    /// Compiles a pod.
    ///
    /// # Errors
    /// [`CompileError`] when names are not unique, or a field needs a gate that is off.
    pub fn compile(pod: &Pod, behaviour: &Arc<Behaviour>) -> Result<Self, CompileError> {
        Self::compile_with(pod, behaviour, &[])
    }

    /// Compiles a pod together with the caller's own wishes for its order.
    ///
    /// # Errors
    /// As for [`compile`](Self::compile), and when an edge cannot be.
    pub fn compile_with(pod: &Pod, behaviour: &Arc<Behaviour>, edges: &[Edge]) -> Result<Self, CompileError> {
        let spec = &pod.spec;
        let ordering = Ordering::of(spec, edges)?;
        if !behaviour.gates.enabled(Feature::ContainerRestartRules) {
            refuse_container_policies(spec)?;
        }
        let lists = [
            (ContainerKind::Init, &spec.init_containers),
            (ContainerKind::App, &spec.containers),
            (ContainerKind::Ephemeral, &spec.ephemeral_containers),
        ];
        let containers = lists.into_iter().flat_map(|(kind, containers)| {
            containers.iter().enumerate().map(move |(at, container)| {
                let by_name = || containers.iter().filter(|other| other.name < container.name).count();
                let status_slot = if kind == ContainerKind::Init { at } else { by_name() };
                CompiledContainer { status_slot, ..CompiledContainer::of(container, kind, spec) }
            })
        });
        let containers: Vec<_> = containers.collect();
        let mut sets = Sets::default();
        for (index, container) in (0..).map(ContainerIndex).zip(&containers) {
            match container.kind {
                ContainerKind::Init => sets.inits.insert(index),
                ContainerKind::Sidecar => {
                    sets.inits.insert(index);
                    sets.sidecars.insert(index);
                }
                ContainerKind::App => sets.apps.insert(index),
                ContainerKind::Ephemeral => sets.ephemeral.insert(index),
            }
        }
        Ok(Self {
            uid: pod.metadata.uid.clone(),
            display_name: pod.display_name().into(),
            is_static: pod.is_static(),
            spec: Arc::clone(spec),
            behaviour: Arc::clone(behaviour),
            qos: qos_class(spec, behaviour.gates),
            resources: pod_resources(spec, behaviour.gates, Overhead::Included),
            containers,
            ordering,
            sets,
        })
    }

    /// Its containers, in the order of their indices.
    #[must_use]
    pub fn containers(&self) -> &[CompiledContainer] {
        &self.containers
    }

    /// One of its containers; `None` for an index of another pod.
    #[must_use]
    pub fn container(&self, index: ContainerIndex) -> Option<&CompiledContainer> {
        self.containers.get(index.at())
    }

    /// The index of a container by its name.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<ContainerIndex> {
        let at = self.containers.iter().position(|container| &*container.name == name)?;
        u8::try_from(at).ok().map(ContainerIndex)
    }

    /// The name of a container; empty for an index of another pod.
    #[must_use]
    pub fn name_of(&self, index: ContainerIndex) -> &str {
        self.container(index).map_or("", |container| &container.name)
    }

    /// The orders of its containers.
    #[must_use]
    pub const fn ordering(&self) -> &Ordering {
        &self.ordering
    }

    /// All of its init containers, sidecars among them.
    #[must_use]
    pub const fn inits(&self) -> ContainerSet {
        self.sets.inits
    }

    /// Its sidecars.
    #[must_use]
    pub const fn sidecars(&self) -> ContainerSet {
        self.sets.sidecars
    }

    /// Its app containers.
    #[must_use]
    pub const fn apps(&self) -> ContainerSet {
        self.sets.apps
    }

    /// Its ephemeral containers.
    #[must_use]
    pub const fn ephemeral(&self) -> ContainerSet {
        self.sets.ephemeral
    }

    /// The running containers that one waits for before it is told to stop.
    #[must_use]
    pub fn waits_for(&self, index: ContainerIndex, running: ContainerSet) -> ContainerSet {
        let before = if self.behaviour.compat.wait_for_next_sidecar_only {
            self.ordering.stop_next(index)
        } else {
            self.ordering.stop_after(index)
        };
        before.intersection(running)
    }
}

impl CompiledContainer {
    fn of(container: &Container, kind: ContainerKind, spec: &PodSpec) -> Self {
        let kind =
            if kind == ContainerKind::Init && container.is_sidecar() { ContainerKind::Sidecar } else { kind };
        let own_policy = container.restart_policy.filter(|_| kind != ContainerKind::Sidecar);
        let grace = |probe: &Option<crate::api::Probe>| {
            probe.as_ref().and_then(|probe| probe.termination_grace_period_seconds)
        };
        Self {
            name: container.name.as_str().into(),
            image: container.image.as_str().into(),
            kind,
            restart_policy: own_policy.unwrap_or(spec.restart_policy),
            image_pull_policy: container
                .image_pull_policy
                .unwrap_or_else(|| ImagePullPolicy::default_for(&container.image)),
            spec_hash: spec_hash(container),
            startup_probe: container.startup_probe.is_some(),
            liveness_probe: container.liveness_probe.is_some(),
            readiness_probe: container.readiness_probe.is_some(),
            post_start: container.post_start().is_some(),
            pre_stop: container.pre_stop().is_some(),
            startup_grace: grace(&container.startup_probe),
            liveness_grace: grace(&container.liveness_probe),
            status_slot: 0,
        }
    }
}

/// Without the gate, `Always` on an init container is all that a container may say of its restarts.
fn refuse_container_policies(spec: &PodSpec) -> Result<(), CompileError> {
    let inits =
        spec.init_containers.iter().enumerate().map(|(n, container)| ("initContainers", n, container));
    let apps = spec.containers.iter().enumerate().map(|(n, container)| ("containers", n, container));
    for (list, n, container) in inits.chain(apps) {
        let policy_refused = match container.restart_policy {
            None => false,
            Some(RestartPolicy::Always) => list == "containers",
            Some(_) => true,
        };
        let field = if policy_refused {
            "restartPolicy"
        } else if container.restart_policy_rules.is_empty() {
            continue;
        } else {
            "restartPolicyRules"
        };
        return Err(CompileError::GateNeeded {
            path: format!("spec.{list}[{n}].{field}"),
            gate: Feature::ContainerRestartRules,
            allowed: "without it only init containers have a restart policy, and that is `Always`",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_containers_own_policy_needs_its_gate() {
        let json = r#"{"metadata": {"name": "p"}, "spec": {"restartPolicy": "Never",
            "initContainers": [{"name": "i", "image": "i:1", "restartPolicy": "OnFailure"}],
            "containers": [{"name": "a", "image": "a:1"}]}}"#;
        let pod = Pod::from_json(json).unwrap();
        let behaviour = Arc::new(Behaviour::default());
        assert_eq!(
            CompiledPod::compile(&pod, &behaviour).unwrap_err().to_string(),
            "spec.initContainers[0].restartPolicy: needs the feature gate ContainerRestartRules, which is off: \
             without it only init containers have a restart policy, and that is `Always`"
        );
        let gates = behaviour.gates.with(Feature::ContainerRestartRules, true);
        let compiled =
            CompiledPod::compile(&pod, &Arc::new(Behaviour { gates, ..Behaviour::default() })).unwrap();
        let policies: Vec<_> =
            compiled.containers().iter().map(|container| container.restart_policy).collect();
        assert_eq!(policies, [RestartPolicy::OnFailure, RestartPolicy::Never]);
    }
}
