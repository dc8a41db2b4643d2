//! What is set aside for a pod.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::{Container, PodSpec, ResourceRequirements};
use crate::behaviour::{Feature, FeatureGates};

/// Resources of a pod that can change while it runs: the pod's own, and those of its app containers and sidecars.
///
/// It is what a node stores of a pod beside its spec, so that an agent that restarts knows what was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Allocation {
    /// The pod's own (KEP-2837).
    pub pod: ResourceRequirements,
    /// Those of its containers, by name.
    pub containers: BTreeMap<String, ResourceRequirements>,
}

impl Allocation {
    /// What a spec asks for.
    #[must_use]
    pub fn of(spec: &PodSpec) -> Self {
        let of = |container: &Container| (container.name.clone(), container.resources.clone());
        Self { pod: spec.resources.clone(), containers: resizable(spec).map(of).collect() }
    }

    /// The spec with these resources in place of its own. A container that is not named keeps its own.
    #[must_use]
    pub fn applied_to(&self, spec: &PodSpec) -> PodSpec {
        let mut spec = spec.clone();
        spec.resources.clone_from(&self.pod);
        let sidecars = spec.init_containers.iter_mut().filter(|container| container.is_sidecar());
        for container in sidecars.chain(&mut spec.containers) {
            if let Some(resources) = self.containers.get(&container.name) {
                container.resources.clone_from(resources);
            }
        }
        spec
    }

    /// Whether this is what a spec asks for. A container of the spec that is not named here does not count: it has
    /// not been allocated in the first place. Nor do the pod's own without the gate `PodLevelResources`.
    #[must_use]
    pub fn is_of(&self, spec: &PodSpec, gates: FeatureGates) -> bool {
        self.is_of_pod(spec, gates)
            && resizable(spec).all(|container| {
                self.containers.get(&container.name).is_none_or(|resources| *resources == container.resources)
            })
    }
}

impl Allocation {
    /// The same of the pod's own resources.
    pub(super) fn is_of_pod(&self, spec: &PodSpec, gates: FeatureGates) -> bool {
        self.pod == spec.resources || !gates.enabled(Feature::PodLevelResources)
    }
}

/// The containers whose resources can change: sidecars, then app containers.
pub(super) fn resizable(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.init_containers.iter().filter(|container| container.is_sidecar()).chain(&spec.containers)
}
