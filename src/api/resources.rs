//! Amounts of resources by name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::nullable::{is_default, nullable};
use super::{PodSpec, Quantity};

/// Amounts by resource name: `cpu` in cores, `memory` and `ephemeral-storage` in bytes, and any other.
pub type ResourceList = BTreeMap<String, Quantity>;

/// What is asked for and what is the most.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ResourceRequirements {
    /// What is set aside.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub requests: ResourceList,
    /// What may be used at most.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub limits: ResourceList,
}

impl PodSpec {
    /// What the containers' requests or limits come to, by the rule of KEP-753: app containers and sidecars
    /// together, or an init container beside the sidecars before it, whichever is more.
    pub(crate) fn of_containers(&self, of: fn(&ResourceRequirements) -> &ResourceList) -> ResourceList {
        let mut total = ResourceList::new();
        let at_work = self.init_containers.iter().filter(|container| container.is_sidecar());
        for container in self.containers.iter().chain(at_work) {
            for (name, amount) in of(&container.resources) {
                match total.get_mut(name) {
                    Some(sum) => *sum += amount,
                    None => drop(total.insert(name.clone(), amount.clone())),
                }
            }
        }
        let mut sidecars = BTreeMap::<&str, Quantity>::new();
        for container in &self.init_containers {
            // A resource that this container does not name is no higher than at the container before.
            for (name, amount) in of(&container.resources) {
                if container.is_sidecar() {
                    let sidecars = sidecars.entry(name).or_default();
                    *sidecars += amount;
                    raise(&mut total, name, sidecars);
                } else if let Some(sidecars) = sidecars.get(name.as_str()) {
                    raise(&mut total, name, &(amount + sidecars));
                } else {
                    raise(&mut total, name, amount);
                }
            }
        }
        total
    }
}

/// Whether a pod as a whole can ask for it (KEP-2837).
pub(crate) fn is_pod_level(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || is_huge_pages(name)
}

/// Whether it is memory in huge pages, of which nobody gets more than was asked for.
pub(crate) fn is_huge_pages(name: &str) -> bool {
    name.starts_with("hugepages-")
}

/// Makes an amount at least that; equal ones keep their format.
fn raise(list: &mut ResourceList, name: &str, least: &Quantity) {
    match list.get_mut(name) {
        Some(amount) if *amount >= *least => {}
        Some(amount) => amount.clone_from(least),
        None => drop(list.insert(name.to_owned(), least.clone())),
    }
}
