//! What is held to its part of the node.

use super::error::{At, Findings};
use super::go::Quoted;
use super::is_on;
use super::seen::Seen;
use crate::config::KubeletConfiguration;

const PODS: &str = "pods";
const NONE: &str = "none";
const SYSTEM: [&str; 2] = ["system-reserved", "system-reserved-compressible"];
const KUBE: [&str; 2] = ["kube-reserved", "kube-reserved-compressible"];

const FIELD: &str = "enforceNodeAllocatable";

impl KubeletConfiguration {
    pub(super) fn check_node_allocatable(&self, found: &mut Findings) {
        let enforced = self.enforce_node_allocatable.as_deref().unwrap_or_default();
        for [all, compressible] in [SYSTEM, KUBE] {
            let has = |wanted| enforced.iter().any(|it| it == wanted);
            if has(all) && has(compressible) {
                found.add(
                    FIELD,
                    format_args!(
                        "invalid configuration: both {} and {} cannot be specified together in \
                         enforceNodeAllocatable (--enforce-node-allocatable)",
                        Quoted(all),
                        Quoted(compressible)
                    ),
                );
            }
        }
        let mut seen = Seen::new();
        for (index, it) in enforced.iter().enumerate() {
            let path = At(FIELD, index, "");
            if !seen.insert(it) {
                found.add(
                    path,
                    format_args!(
                        "invalid configuration: duplicated enforcements {} in \
                         enforceNodeAllocatable (--enforce-node-allocatable)",
                        Quoted(it)
                    ),
                );
                continue;
            }
            match &**it {
                PODS => {}
                NONE => {
                    if enforced.len() > 1 {
                        found.add(
                            path,
                            "invalid configuration: enforceNodeAllocatable (--enforce-node-allocatable) may not \
                             contain additional enforcements when \"none\" is specified",
                        );
                    }
                    continue;
                }
                it if SYSTEM.contains(&it) => {
                    if self.system_reserved_cgroup.is_empty() {
                        found.add_with(
                            path,
                            &["systemReservedCgroup"],
                            Missing("systemReservedCgroup (--system-reserved-cgroup)", SYSTEM),
                        );
                    }
                }
                it if KUBE.contains(&it) => {
                    if self.kube_reserved_cgroup.is_empty() {
                        found.add_with(
                            path,
                            &["kubeReservedCgroup"],
                            Missing("kubeReservedCgroup (--kube-reserved-cgroup)", KUBE),
                        );
                    }
                }
                it => {
                    found.add(
                        path,
                        format_args!(
                            "invalid configuration: option {} specified for enforceNodeAllocatable \
                             (--enforce-node-allocatable). Valid options are \"pods\", \"system-reserved\", \
                             \"system-reserved-compressible\", \"kube-reserved\", \"kube-reserved-compressible\" \
                             or \"none\"",
                            Quoted(it)
                        ),
                    );
                    continue;
                }
            }
            if !is_on(self.cgroups_per_qos) {
                found.add_with(
                    path,
                    &["cgroupsPerQOS"],
                    format_args!(
                        "invalid configuration: cgroupsPerQOS (--cgroups-per-qos) must be set to true when {} \
                         contained in enforceNodeAllocatable (--enforce-node-allocatable)",
                        Quoted(it)
                    ),
                );
            }
        }
    }
}

/// A cgroup that is missing for one of two enforcements.
struct Missing(&'static str, [&'static str; 2]);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(cgroup, [all, compressible]) = self;
        write!(
            f,
            "invalid configuration: {cgroup} must be specified when {} or {} included in \
             enforceNodeAllocatable (--enforce-node-allocatable)",
            Quoted(all),
            Quoted(compressible)
        )
    }
}
