//! What is kept from pods.

use std::collections::BTreeMap;

use super::{CheckError, ConfigCheck, ConfigWarning, ReservationProblem};
use crate::api::{Quantity, ResourceList};
use crate::config::validate::reserved_cpu_count;
use crate::config::{Host, KubeletConfiguration};
use crate::eviction::{EvictionConfig, Signal};

const RESOURCES: [&str; 4] = ["cpu", "memory", "ephemeral-storage", "pid"];

impl Host {
    /// How much the node has of what a signal is of, where it is known and the signal is of the node as a whole.
    pub(super) fn capacity_of(&self, signal: Signal) -> Option<Quantity> {
        let resource = match signal {
            Signal::MemoryAvailable => "memory",
            Signal::NodefsAvailable => "ephemeral-storage",
            Signal::PidAvailable => "pid",
            _ => return None,
        };
        self.capacity.get(resource).cloned()
    }
}

impl KubeletConfiguration {
    /// What is reserved, by resource, as the kubelet adds it up.
    pub(super) fn check_reservations(&self, check: &mut ConfigCheck) -> ResourceList {
        let mut reserved = ResourceList::new();
        for (field, amounts) in
            [("systemReserved", &self.system_reserved), ("kubeReserved", &self.kube_reserved)]
        {
            self.read_reservations(field, amounts, &mut reserved, check);
        }
        if let Some(cpus) = reserved_cpu_count(&self.reserved_system_cpus) {
            reserved.insert("cpu".to_owned(), Quantity::from_units(cpus));
            if self.system_reserved.contains_key("cpu") || self.kube_reserved.contains_key("cpu") {
                check.warnings.push(ConfigWarning::ReservedCpusOverride { cpus });
            }
        }
        let has_cpu = reserved.get("cpu").is_some_and(|cpu| cpu.signum() > 0);
        if self.cpu_manager_policy == "static" && !has_cpu {
            check.errors.push(CheckError::NoReservedCpu);
        }
        let enforced = self.enforce_node_allocatable.as_deref().unwrap_or_default();
        for (names, field, amounts) in [
            (["system-reserved", "system-reserved-compressible"], "systemReserved", &self.system_reserved),
            (["kube-reserved", "kube-reserved-compressible"], "kubeReserved", &self.kube_reserved),
        ] {
            if amounts.is_empty() && enforced.iter().any(|name| names.contains(&name.as_str())) {
                check.warnings.push(ConfigWarning::NothingToEnforce { field });
            }
        }
        reserved
    }

    fn read_reservations(
        &self,
        field: &'static str,
        amounts: &BTreeMap<String, String>,
        reserved: &mut ResourceList,
        check: &mut ConfigCheck,
    ) {
        for (resource, text) in amounts {
            let problem = match text.parse::<Quantity>() {
                _ if !RESOURCES.contains(&resource.as_str()) => ReservationProblem::Resource,
                Err(error) => ReservationProblem::Quantity(error),
                Ok(amount) if amount.signum() < 0 => ReservationProblem::Negative,
                Ok(amount) => {
                    *reserved.entry(resource.clone()).or_default() += &amount;
                    continue;
                }
            };
            check.errors.push(CheckError::Reservation {
                field,
                resource: resource.clone(),
                text: text.chars().take(64).collect(),
                problem,
            });
        }
    }

    pub(super) fn warn_of_reservations(
        &self,
        config: &EvictionConfig,
        reserved: &ResourceList,
        host: &Host,
        check: &mut ConfigCheck,
    ) {
        let mut reserved = reserved.clone();
        for threshold in config.thresholds.iter().filter(|threshold| threshold.is_hard()) {
            let resource = match threshold.signal {
                Signal::MemoryAvailable => "memory",
                Signal::NodefsAvailable => "ephemeral-storage",
                Signal::PidAvailable => "pid",
                _ => continue,
            };
            if let Some(capacity) = host.capacity.get(resource) {
                *reserved.entry(resource.to_owned()).or_default() +=
                    &threshold.value.amount(capacity.value_saturating());
            }
        }
        for (resource, capacity) in &host.capacity {
            let Some(reserved) = reserved.get(resource) else { continue };
            if reserved >= capacity {
                check.warnings.push(ConfigWarning::ReservedBeyondCapacity {
                    resource: resource.clone(),
                    reserved: reserved.clone(),
                    capacity: capacity.clone(),
                });
            }
        }
        self.warn_of_pids(&reserved, host, check);
    }

    fn warn_of_pids(&self, reserved: &ResourceList, host: &Host, check: &mut ConfigCheck) {
        let (Some(limit @ 1..), Some(capacity)) = (self.pod_pids_limit, host.capacity.get("pid")) else {
            return;
        };
        let reserved = reserved.get("pid").map_or(0, Quantity::value_saturating);
        let available = capacity.value_saturating().saturating_sub(reserved);
        if limit.saturating_mul(self.max_pods.into()) > available {
            let pods = self.max_pods;
            check.warnings.push(ConfigWarning::PidsOvercommitted { pods, limit, available });
        }
    }
}
