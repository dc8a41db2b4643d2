//! Shutdowns, the server, and swap.

use std::collections::BTreeSet;

use super::{ConfigCheck, ConfigWarning};
use crate::behaviour::FeatureGates;
use crate::config::validate::Gates;
use crate::config::{Host, KubeletConfiguration, SignedDuration};

/// How many seconds a pod has to end where it does not say.
const POD_GRACE_SECONDS: i64 = 30;

impl KubeletConfiguration {
    pub(super) fn warn_of_shutdown(&self, host: &Host, check: &mut ConfigCheck) {
        let warnings = &mut check.warnings;
        let gates = Gates::over(FeatureGates::default(), &self.feature_gates, host.gates);
        if !gates.enabled("GracefulNodeShutdown") {
            return;
        }
        let seconds = |duration: SignedDuration| duration.nanoseconds() / 1_000_000_000;
        let by_priority = &self.shutdown_grace_period_by_pod_priority;
        let least = if by_priority.is_empty() {
            let whole = seconds(self.shutdown_grace_period);
            let critical = seconds(self.shutdown_grace_period_critical_pods);
            if whole <= 0 || !(0..=whole).contains(&critical) {
                return;
            }
            if critical == 0 {
                warnings.push(ConfigWarning::NoShutdownTimeForCriticalPods);
            }
            whole - critical
        } else {
            let mut known = BTreeSet::new();
            for it in by_priority.iter().filter(|it| !known.insert(it.priority)) {
                warnings.push(ConfigWarning::DoubledShutdownPriority { priority: it.priority });
            }
            let lowest = by_priority.iter().min_by_key(|it| it.priority);
            lowest.map_or(0, |lowest| lowest.shutdown_grace_period_seconds)
        };
        match least {
            ..0 => {}
            0 => warnings.push(ConfigWarning::NoShutdownTimeForPods),
            1..POD_GRACE_SECONDS => {
                warnings
                    .push(ConfigWarning::ShortShutdown { seconds: least, pod_seconds: POD_GRACE_SECONDS });
            }
            _ => {}
        }
        let evicted = i64::from(self.eviction_max_pod_grace_period);
        if evicted > least && least > 0 {
            warnings.push(ConfigWarning::GraceBeyondShutdown { grace: evicted, seconds: least });
        }
    }

    pub(super) fn warn_of_server(&self, check: &mut ConfigCheck) {
        if self.enable_server == Some(false) {
            return;
        }
        if self.authentication.anonymous.enabled == Some(true) && self.authorization.mode == "AlwaysAllow" {
            check.warnings.push(ConfigWarning::OpenServer);
        }
        if self.read_only_port > 0 {
            check.warnings.push(ConfigWarning::ReadOnlyPort { port: self.read_only_port });
        }
    }

    pub(super) fn warn_of_swap(&self, check: &mut ConfigCheck) {
        if self.memory_swap.swap_behavior == "LimitedSwap" && self.fail_swap_on == Some(true) {
            check.warnings.push(ConfigWarning::SwapIsRefused);
        }
    }
}
