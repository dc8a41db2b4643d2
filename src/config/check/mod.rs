//! What no machine can be made of, and what is dangerous.

mod construct;
mod disks;
mod error;
mod node;
mod reserved;
#[cfg(test)]
mod tests;
mod warning;

pub use error::{CheckError, ReservationProblem};
pub use warning::ConfigWarning;

use std::collections::BTreeSet;
use std::fmt;

use super::{ConfigConversionError, Host, KubeletConfiguration, MachineSettings};
use crate::behaviour::{Compat, FeatureGateNote};
use crate::eviction::EvictionConfig;

/// What was found in a configuration. Prints a line each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConfigCheck {
    /// What a node cannot run with: first what the kubelet [refuses](KubeletConfiguration::validate), in its order,
    /// then what only the construction of a machine finds.
    pub errors: Vec<CheckError>,
    /// What is valid and dangerous.
    pub warnings: Vec<ConfigWarning>,
}

impl ConfigCheck {
    /// Whether a node can run with it.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }
}

impl fmt::Display for ConfigCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = self.errors.iter().map(|error| format!("error: {error}"));
        let warnings = self.warnings.iter().map(|warning| format!("warning: {warning}"));
        f.write_str(&errors.chain(warnings).collect::<Vec<_>>().join("\n"))
    }
}

impl KubeletConfiguration {
    /// Everything that is wrong with it on such a host, and what is valid and dangerous. The defaults have to be
    /// [applied](Self::apply_defaults) before.
    ///
    /// Beside the kubelet's [validation](Self::validate) it reads what the kubelet reads only when it starts: texts of
    /// thresholds, reservations and sizes, names of policies, durations that may not be negative. A configuration without
    /// errors makes every machine.
    ///
    /// Amounts are compared with what the node has where [`Host::capacity`] says it.
    ///
    /// ```
    /// use node_lifecycle::behaviour::Compat;
    /// use node_lifecycle::config::{Host, KubeletConfiguration};
    ///
    /// let config: KubeletConfiguration = serde_json::from_str(r#"{
    ///     "kubeReserved": {"memory": "1 GB"},
    ///     "evictionHard": {"imagefs.available": "20%", "memory.available": "100Mi",
    ///                      "imagefs.inodesFree": "5%", "nodefs.available": "10%", "nodefs.inodesFree": "5%"}}"#)?;
    /// let check = config.with_defaults().check(&Host::default(), Compat::default());
    /// assert_eq!(check.errors[0].path(), "kubeReserved.memory");
    /// assert_eq!(
    ///     check.warnings[0].to_string(),
    ///     "imageGCHighThresholdPercent: images are removed from 85 % full on, and imagefs.available<20% is met from 80 % \
    ///      full on, so that pods are evicted first: set it to 80 or less"
    /// );
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn check(&self, host: &Host, compat: Compat) -> ConfigCheck {
        let mut check = ConfigCheck::default();
        if let Err(errors) = self.validate(host) {
            check.errors.extend(errors.into_iter().map(CheckError::from));
        }
        let (machines, wrong) = MachineSettings::with_errors(self, host, compat);
        let has_thresholds = !wrong.iter().any(|it| matches!(it, ConfigConversionError::Threshold(_)));
        let mut said: BTreeSet<_> = check.errors.iter().map(CheckError::path).collect();
        for error in wrong {
            // What was refused already is not said twice.
            if said.insert(error.path()) {
                check.errors.push(error.into());
            }
        }
        self.check_construction(&mut check);
        let reserved = self.check_reservations(&mut check);
        if has_thresholds {
            self.warn_of_disks(&machines.eviction, &mut check);
            self.warn_of_thresholds(&machines.eviction, host, &mut check);
            self.warn_of_reservations(&machines.eviction, &reserved, host, &mut check);
            check.warnings.extend(machines.eviction_notices.into_iter().map(ConfigWarning::from));
        }
        self.warn_of_shutdown(host, &mut check);
        self.warn_of_server(&mut check);
        self.warn_of_swap(&mut check);
        self.warn_of_gates(host, &mut check);
        check
    }

    fn warn_of_thresholds(&self, config: &EvictionConfig, host: &Host, check: &mut ConfigCheck) {
        let soft: Vec<_> = config.thresholds.iter().filter(|threshold| !threshold.is_hard()).collect();
        if !soft.is_empty() && self.eviction_max_pod_grace_period == 0 {
            check.warnings.push(ConfigWarning::SoftEvictionWithoutGrace);
        }
        for soft in soft {
            let hard = config.thresholds.iter().filter(|hard| hard.is_hard() && hard.signal == soft.signal);
            for hard in hard {
                let capacity = host.capacity_of(soft.signal);
                if disks::is_within(&soft.value, &hard.value, capacity.as_ref()) {
                    check.warnings.push(ConfigWarning::SoftThresholdWithoutReach {
                        signal: soft.signal,
                        soft: soft.value.clone(),
                        hard: hard.value.clone(),
                    });
                }
            }
        }
    }

    fn warn_of_gates(&self, host: &Host, check: &mut ConfigCheck) {
        let Ok(gates) = host.gates.apply(&self.feature_gate_settings()) else { return };
        let notes = gates.notes().into_iter().filter(|note| !matches!(note, FeatureGateNote::Unread { .. }));
        check.warnings.extend(notes.map(ConfigWarning::from));
    }
}
