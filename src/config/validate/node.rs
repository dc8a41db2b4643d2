//! The node and its pods.

use std::time::Duration;

use super::error::Findings;
use super::gates::Gates;
use super::go::{Float, Quoted, QuotedList};
use super::{Host, is_on};
use crate::behaviour::{Feature, FeatureGates};
use crate::config::{KubeletConfiguration, SignedDuration};
use crate::eviction::Platform;
use crate::image::{AllowlistProblem, Verification, VerificationPolicy};

const TOPOLOGY_POLICIES: [&str; 4] = ["none", "best-effort", "restricted", "single-numa-node"];

impl KubeletConfiguration {
    pub(super) fn check_topology(&self, found: &mut Findings) {
        let policy = &*self.topology_manager_policy;
        if !TOPOLOGY_POLICIES.contains(&policy) {
            found.add(
                "topologyManagerPolicy",
                format_args!(
                    "invalid configuration: topologyManagerPolicy (--topology-manager-policy) {} must be one of: {}",
                    Quoted(policy),
                    QuotedList(&TOPOLOGY_POLICIES)
                ),
            );
        }
        if !matches!(&*self.topology_manager_scope, "container" | "pod") {
            found.add(
                "topologyManagerScope",
                format_args!(
                    "invalid configuration: topologyManagerScope (--topology-manager-scope) {} must be one of: \
                     \"container\", or \"pod\"",
                    Quoted(&self.topology_manager_scope)
                ),
            );
        }
    }

    pub(super) fn check_shutdown(&self, gates: &Gates<'_>, found: &mut Findings) {
        let [whole, critical] = [self.shutdown_grace_period, self.shutdown_grace_period_critical_pods];
        let is_wrong = |period: SignedDuration| {
            period.is_negative() || (!period.is_zero() && period < SignedDuration::from_seconds(1))
        };
        let is_set = whole > SignedDuration::ZERO || critical > SignedDuration::ZERO;
        if gates.enabled("GracefulNodeShutdown") {
            if critical > whole {
                found.add_with(
                    "shutdownGracePeriodCriticalPods",
                    &["shutdownGracePeriod"],
                    format_args!(
                        "invalid configuration: shutdownGracePeriodCriticalPods {{{critical}}} must be <= \
                         shutdownGracePeriod {{{whole}}}"
                    ),
                );
            }
            for (field, period) in
                [("shutdownGracePeriod", whole), ("shutdownGracePeriodCriticalPods", critical)]
            {
                if is_wrong(period) {
                    found.add(
                        field,
                        format_args!(
                            "invalid configuration: {field} {{{period}}} must be either zero or otherwise >= 1 sec"
                        ),
                    );
                }
            }
        } else if is_set {
            found.add_with(
                "shutdownGracePeriod",
                &["shutdownGracePeriodCriticalPods"],
                "invalid configuration: specifying shutdownGracePeriod or shutdownGracePeriodCriticalPods requires \
                 feature gate GracefulNodeShutdown",
            );
        }
        if self.shutdown_grace_period_by_pod_priority.is_empty() {
            return;
        }
        if !gates.enabled("GracefulNodeShutdownBasedOnPodPriority") {
            found.add(
                "shutdownGracePeriodByPodPriority",
                "invalid configuration: Specifying shutdownGracePeriodByPodPriority requires \
                 feature gate GracefulNodeShutdownBasedOnPodPriority",
            );
        } else if is_set {
            found.add_with(
                "shutdownGracePeriodByPodPriority",
                &["shutdownGracePeriod", "shutdownGracePeriodCriticalPods"],
                "invalid configuration: Cannot specify both shutdownGracePeriodByPodPriority and \
                 shutdownGracePeriod at the same time",
            );
        }
    }

    pub(super) fn check_swap(&self, gates: &Gates<'_>, found: &mut Findings) {
        let behavior = &*self.memory_swap.swap_behavior;
        if !gates.enabled("NodeSwap") {
            if !behavior.is_empty() {
                found.add(
                    "memorySwap.swapBehavior",
                    "invalid configuration: memorySwap.swapBehavior cannot be set when NodeSwap feature flag is disabled",
                );
            }
        } else if !matches!(behavior, "" | "NoSwap" | "LimitedSwap") {
            found.add(
                "memorySwap.swapBehavior",
                format_args!(
                    "invalid configuration: memorySwap.swapBehavior {} must be one of: \"\", \"LimitedSwap\" or \"NoSwap\"",
                    Quoted(behavior)
                ),
            );
        }
    }

    pub(super) fn check_crash_loop(&self, gates: &Gates<'_>, found: &mut Findings) {
        const FIELD: &str = "crashLoopBackOff.maxContainerRestartPeriod";
        let is_enabled = gates.enabled("KubeletCrashLoopBackOffMax");
        match self.crash_loop_back_off.max_container_restart_period {
            None if is_enabled => found.add(
                FIELD,
                "invalid configuration: FeatureGate KubeletCrashLoopBackOffMax is enabled, \
                 CrashLoopBackOff.MaxContainerRestartPeriod must be set",
            ),
            Some(_) if !is_enabled => found.add(
                FIELD,
                "invalid configuration: FeatureGate KubeletCrashLoopBackOffMax not enabled, \
                 CrashLoopBackOff.MaxContainerRestartPeriod must not be set",
            ),
            // Whole milliseconds count.
            Some(period) if !(1_000..=300_000).contains(&(period.nanoseconds() / 1_000_000)) => found.add(
                FIELD,
                format_args!(
                    "invalid configuration: CrashLoopBackOff.MaxContainerRestartPeriod (got: {} seconds) \
                     must be set between 1s and 300s",
                    Float(seconds(period))
                ),
            ),
            _ => {}
        }
    }

    pub(super) fn check_hairpin(&self, found: &mut Findings) {
        if !matches!(&*self.hairpin_mode, "none" | "hairpin-veth" | "promiscuous-bridge") {
            found.add(
                "hairpinMode",
                format_args!(
                    "invalid configuration: option {} specified for hairpinMode (--hairpin-mode). \
                     Valid options are \"none\", \"hairpin-veth\" or \"promiscuous-bridge\"",
                    Quoted(&self.hairpin_mode)
                ),
            );
        }
    }

    /// What Kubernetes 1.33 checks; 1.32 does not know these fields.
    pub(super) fn check_image_credentials(&self, gates: &Gates<'_>, found: &mut Findings) {
        const POLICY: &str = "imagePullCredentialsVerificationPolicy";
        const LIST: &str = "preloadedImagesVerificationAllowlist";
        let policy = &*self.image_pull_credentials_verification_policy;
        let list = &*self.preloaded_images_verification_allowlist;
        if !gates.enabled("KubeletEnsureSecretPulledImages") {
            for (field, is_set) in [(POLICY, !policy.is_empty()), (LIST, !list.is_empty())] {
                if is_set {
                    found.add(
                        field,
                        format_args!(
                            "invalid configuration: `{field}` must not be set if KubeletEnsureSecretPulledImages \
                             feature gate is not enabled"
                        ),
                    );
                }
            }
            return;
        }
        if !matches!(
            policy,
            "NeverVerify" | "NeverVerifyPreloadedImages" | "NeverVerifyAllowlistedImages" | "AlwaysVerify"
        ) {
            found.add(
                POLICY,
                format_args!(
                    "invalid configuration: option {} specified for {POLICY}. Valid options are \"NeverVerify\", \
                     \"NeverVerifyPreloadedImages\", \"NeverVerifyAllowlistedImages\" or \"AlwaysVerify\"",
                    Quoted(policy)
                ),
            );
        }
        if !list.is_empty() && policy != "NeverVerifyAllowlistedImages" {
            // The kubelet misspells its field.
            found.add_with(
                LIST,
                &[POLICY],
                format_args!(
                    "invalid configuration: can't set `{LIST}` if `imagePullCredentialsVertificationPolicy` is not \
                     \"NeverVerifyAllowlistedImages\""
                ),
            );
        } else {
            let allowed = VerificationPolicy::NeverVerifyAllowlistedImages;
            let on = FeatureGates::default().with(Feature::KubeletEnsureSecretPulledImages, true);
            if let Err(error) = Verification::new(allowed, list, on) {
                let entry = list.get(error.index).map(String::as_str).unwrap_or_default();
                found.add(
                    format_args!("{LIST}[{}]", error.index),
                    format_args!(
                        "invalid configuration: invalid image pattern in `{LIST}`: {}",
                        pattern_message(&error.problem, entry)
                    ),
                );
            }
        }
    }

    pub(super) fn check_host(&self, host: &Host, found: &mut Findings) {
        match host.platform {
            Platform::Linux if host.cgroup_v2 => {}
            Platform::Linux if is_on(self.fail_cgroup_v1) => found.add(
                "failCgroupV1",
                "kubelet is configured to not run on a host using cgroup v1. \
                 cgroup v1 support is in maintenance mode",
            ),
            Platform::Linux if self.single_process_oom_kill == Some(false) => found.add(
                "singleProcessOOMKill",
                "invalid configuration: singleProcessOOMKill must not be explicitly set to false when using cgroup v1",
            ),
            Platform::Windows => {
                if is_on(self.cgroups_per_qos) {
                    found.add(
                        "cgroupsPerQOS",
                        "invalid configuration: CgroupsPerQOS (--cgroups-per-qos) true is not supported on Windows",
                    );
                }
                let enforced = self.enforce_node_allocatable.as_deref().unwrap_or_default();
                if !enforced.is_empty() {
                    found.add(
                        "enforceNodeAllocatable",
                        format_args!(
                            "invalid configuration: EnforceNodeAllocatable (--enforce-node-allocatable) [{}] is not \
                             supported on Windows",
                            enforced.join(" ")
                        ),
                    );
                }
            }
            Platform::Linux | Platform::Other => {}
        }
    }

    pub(super) fn check_hidden_metrics(&self, found: &mut Findings) {
        if !matches!(&*self.show_hidden_metrics_for_version, "" | "1.31") {
            found.add(
                "showHiddenMetricsForVersion",
                "--show-hidden-metrics-for-version must be omitted or have the value '1.31'. \
                 Only the previous minor version is allowed",
            );
        }
    }

    pub(super) fn check_pod_logs_dir(&self, found: &mut Findings) {
        const FIELD: &str = "podLogsDir";
        let folder = &*self.pod_logs_dir;
        if folder.is_empty() {
            found.add(FIELD, "invalid configuration: podLogsDir was not specified");
        }
        // The kubelet misspells the last.
        for (is_wrong, rule) in [
            (!folder.starts_with('/'), "must be absolute path"),
            (!is_clean(folder), "must be normalized"),
            (!folder.is_ascii(), "mut contains ASCII characters only"),
        ] {
            if is_wrong {
                found.add(
                    FIELD,
                    format_args!("invalid configuration: pod logs path {} {rule}", Quoted(folder)),
                );
            }
        }
    }
}

/// What the kubelet says of an entry that is no pattern.
fn pattern_message(problem: &AllowlistProblem, entry: &str) -> String {
    match problem {
        AllowlistProblem::Space => format!("leading/trailing spaces are not allowed: {entry}"),
        AllowlistProblem::NoRegistry if entry.is_empty() => "the supplied pattern is too short: ".to_owned(),
        AllowlistProblem::NoRegistry => "at least registry hostname is required".to_owned(),
        AllowlistProblem::Glob => {
            format!("not a valid wildcard pattern, only patterns ending with '/*' are allowed: {entry}")
        }
        AllowlistProblem::Reference(error) => format!("failed to parse as an image name: {error}"),
        AllowlistProblem::NotNormalised(_) => {
            format!("neither tag nor digest is accepted in an image reference: {entry}")
        }
    }
}

/// As Go makes a float of a duration.
fn seconds(duration: SignedDuration) -> f64 {
    let seconds = Duration::from_nanos(duration.nanoseconds().unsigned_abs()).as_secs_f64();
    if duration.is_negative() { -seconds } else { seconds }
}

/// Whether a path is as short as it can be: no `//`, `.` or `..` that could go, and no `/` at its end.
fn is_clean(path: &str) -> bool {
    if matches!(path, "/" | ".") {
        return true;
    }
    let (is_rooted, relative) = match path.strip_prefix('/') {
        Some(relative) => (true, relative),
        None => (false, path),
    };
    let mut may_go_up = !is_rooted;
    relative.split('/').all(|part| match part {
        "" | "." => false,
        ".." => may_go_up,
        _ => {
            may_go_up = false;
            true
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_clean_or_not() {
        for clean in ["/", ".", "/var/log", "a", "../a", "../..", "...", "/a..b"] {
            assert!(is_clean(clean), "{clean}");
        }
        for other in ["", "//", "/a/", "a//b", "./a", "/..", "/../a", "a/../b", "a/.", "../a/.."] {
            assert!(!is_clean(other), "{other}");
        }
    }
}
