//! CPUs and memory that are kept for the system.

use std::fmt;

use super::error::Findings;
use super::go::{Quoted, atoi};
use crate::api::Quantity;
use crate::config::KubeletConfiguration;

impl KubeletConfiguration {
    pub(super) fn check_reserved_cpus(&self, found: &mut Findings) {
        let cpus = &self.reserved_system_cpus;
        if cpus.is_empty() {
            return;
        }
        if !self.system_reserved_cgroup.is_empty() || !self.kube_reserved_cgroup.is_empty() {
            found.add_with(
                "reservedSystemCPUs",
                &["systemReservedCgroup", "kubeReservedCgroup"],
                "invalid configuration: can't use reservedSystemCPUs (--reserved-cpus) with \
                 systemReservedCgroup (--system-reserved-cgroup) or kubeReservedCgroup (--kube-reserved-cgroup)",
            );
        }
        if let Err(error) = check_cpu_list(cpus) {
            found.add(
                "reservedSystemCPUs",
                format_args!(
                    "invalid configuration: unable to parse reservedSystemCPUs (--reserved-cpus) {cpus}, error: {error}"
                ),
            );
        }
    }

    pub(super) fn check_reserved_memory(&self, found: &mut Findings) {
        for (index, reserved) in self.reserved_memory.iter().enumerate() {
            let node = reserved.numa_node;
            for (name, amount) in &reserved.limits {
                let path = Limit(index, name);
                let quoted = Quoted(name);
                let mut before = self.reserved_memory.iter().take(index);
                if name != "memory" && !name.starts_with("hugepages-") {
                    found.add(
                        path,
                        format_args!(
                            "invalid configuration: the limit type {quoted} for NUMA node {node} is not supported, \
                             only [memory hugepages-<HugePageSize>] is accepted"
                        ),
                    );
                }
                if *amount == Quantity::ZERO {
                    found.add(
                        path,
                        format_args!(
                            "invalid configuration: reserved memory may not be zero for NUMA node {node} \
                             and resource {quoted}"
                        ),
                    );
                }
                if before.any(|it| it.numa_node == node && it.limits.contains_key(name)) {
                    found.add(
                        path,
                        format_args!(
                            "invalid configuration: the reserved memory has a duplicate value for NUMA node {node} \
                             and resource {quoted}"
                        ),
                    );
                }
            }
        }
    }
}

/// The path of an amount of memory.
#[derive(Clone, Copy)]
struct Limit<'a>(usize, &'a str);

impl fmt::Display for Limit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(index, name) = self;
        write!(f, "reservedMemory[{index}].limits.{name}")
    }
}

/// A list of CPUs as Linux writes it: `0-3,7`.
fn check_cpu_list(list: &str) -> Result<(), String> {
    for range in list.split(',') {
        let Some((first, last)) = range.split_once('-') else {
            atoi(range).map_err(|error| error.to_string())?;
            continue;
        };
        let first = atoi(first).map_err(|error| error.to_string())?;
        let last = atoi(last).map_err(|error| error.to_string())?;
        if first > last {
            return Err(format!("invalid range {} ({first} > {last})", Quoted(range)));
        }
    }
    Ok(())
}
