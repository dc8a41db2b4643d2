//! CPUs and memory that are kept for the system.

use std::fmt;

use super::error::Findings;
use super::go::{Quoted, atoi};
use super::seen::Seen;
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
        let mut seen = Seen::new();
        for (index, reserved) in self.reserved_memory.iter().enumerate() {
            let node = reserved.numa_node;
            for (name, amount) in &reserved.limits {
                let path = Limit(index, name);
                let quoted = Quoted(name);
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
                if !seen.insert((node, name)) {
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

/// How many CPUs `reservedSystemCPUs` has; `None` if it has none or cannot be read.
pub(in crate::config) fn reserved_cpu_count(list: &str) -> Option<i64> {
    let mut ranges = Vec::new();
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (atoi(first).ok()?, atoi(last).ok()?);
        ranges.push((first.max(0), last));
    }
    ranges.sort_unstable();
    let (mut count, mut next) = (0_i64, 0);
    for (first, last) in ranges {
        let fresh = last.saturating_add(1).saturating_sub(first.max(next)).max(0);
        count = count.saturating_add(fresh);
        next = next.max(last.saturating_add(1));
    }
    Some(count)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_counted_once() {
        for (list, count) in [
            ("0", Some(1)),
            ("0-3", Some(4)),
            ("1,2,5-7", Some(5)),
            ("5-7,0-6,6", Some(8)),
            ("0-9223372036854775807", Some(i64::MAX)),
            ("", None),
            ("1,,2", None),
            ("x", None),
        ] {
            assert_eq!(reserved_cpu_count(list), count, "{list}");
        }
    }
}
