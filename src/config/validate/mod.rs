//! What the kubelet refuses to run with.

mod allocatable;
mod cpus;
mod error;
mod gates;
mod go;
mod logging;
mod node;
mod seen;
mod taint;
#[cfg(test)]
mod tests;
mod url;

pub(super) use cpus::reserved_cpu_count;
pub use error::{ValidationError, ValidationErrors};
pub(super) use gates::Gates;

use error::Findings;
use go::Float;

use super::{KubeletConfiguration, SignedDuration};
use crate::api::ResourceList;
use crate::behaviour::GateRegistry;
use crate::eviction::Platform;

/// What the machine is like that a configuration is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// What it runs on. Linux, by default.
    pub platform: Platform,
    /// Whether it has cgroup v2. True, by default.
    pub cgroup_v2: bool,
    /// How much it has, by resource: `cpu`, `memory`, `ephemeral-storage`, `pid`. Empty, by default: that is not
    /// known, and what depends on it is not checked.
    pub capacity: ResourceList,
    /// The gates that its agent knows: those of 1.32, by default.
    /// [With newer ones](GateRegistry::with_newer) those pass too that decisions of this crate read.
    pub gates: GateRegistry,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            platform: Platform::Linux,
            cgroup_v2: true,
            capacity: ResourceList::new(),
            gates: GateRegistry::default(),
        }
    }
}

impl KubeletConfiguration {
    /// Whether the kubelet 1.32 would run with it on such a host. The defaults have to be
    /// [applied](Self::apply_defaults) before: what is unset counts as zero, as it does to the kubelet.
    ///
    /// ```
    /// use node_lifecycle::config::{Host, KubeletConfiguration};
    ///
    /// let config: KubeletConfiguration = serde_json::from_str(r#"{"maxPods": -1, "podLogsDir": "logs"}"#)?;
    /// let errors = config.with_defaults().validate(&Host::default()).unwrap_err();
    /// assert_eq!(
    ///     errors.to_string(),
    ///     "invalid configuration: maxPods (--max-pods) -1 must not be a negative number\n\
    ///      invalid configuration: pod logs path \"logs\" must be absolute path"
    /// );
    /// assert_eq!(errors.errors()[0].path(), "maxPods");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    /// Everything that the kubelet says, in its words and its order. A feature gate that does not exist or cannot be
    /// switched is all that is said then, because other rules depend on gates.
    ///
    /// Where the kubelet goes through a map in any order, this goes in the order of the keys.
    pub fn validate(&self, host: &Host) -> Result<(), ValidationErrors> {
        let mut found = Findings::default();
        if let Some(gates) = Gates::of(self, host.gates, &mut found) {
            self.find_errors(&gates, host, &mut found);
        }
        if found.0.is_empty() { Ok(()) } else { Err(ValidationErrors(found.0)) }
    }

    fn find_errors(&self, gates: &Gates<'_>, host: &Host, found: &mut Findings) {
        self.check_agent(gates, found);
        self.check_image_gc(gates, found);
        self.check_limits(found);
        self.check_pulls(found);
        if self.server_tls_bootstrap && !gates.enabled("RotateKubeletServerCertificate") {
            found.add(
                "serverTLSBootstrap",
                "invalid configuration: serverTLSBootstrap true requires feature gate RotateKubeletServerCertificate",
            );
        }
        if self.run_once {
            found.add(
                "runOnce",
                "invalid configuration: runOnce (--runOnce) true, Runonce mode has been deprecated and should not be set",
            );
        }
        taint::check(&self.register_with_taints, found);
        self.check_topology(found);
        self.check_shutdown(gates, found);
        self.check_swap(gates, found);
        self.check_crash_loop(gates, found);
        self.check_node_allocatable(found);
        self.check_hairpin(found);
        self.check_image_credentials(gates, found);
        self.check_reserved_cpus(found);
        self.check_reserved_memory(found);
        self.check_host(host, found);
        self.check_hidden_metrics(found);
        logging::check(&self.logging, gates, found);
        self.check_tracing(gates, found);
        self.check_memory_qos(gates, found);
        self.check_runtime_and_logs(gates, found);
        self.check_pod_logs_dir(found);
    }

    fn check_agent(&self, gates: &Gates<'_>, found: &mut Findings) {
        if self.node_lease_duration_seconds <= 0 {
            found.add(
                "nodeLeaseDurationSeconds",
                "invalid configuration: nodeLeaseDurationSeconds must be greater than 0",
            );
        }
        if !self.system_cgroups.is_empty() && self.cgroup_root.is_empty() {
            found.add_with(
                "systemCgroups",
                &["cgroupRoot"],
                "invalid configuration: systemCgroups (--system-cgroups) was specified and \
                 cgroupRoot (--cgroup-root) was not specified",
            );
        }
        found.not_negative("eventBurst", "--event-burst", self.event_burst.into());
        found.not_negative("eventRecordQPS", "--event-qps", number(self.event_record_qps));
        if number(self.healthz_port) != 0 {
            found.within("healthzPort", "--healthz-port", number(self.healthz_port), [1, 65535]);
        }
        let period = self.cpu_cfs_quota_period.unwrap_or_default();
        let wrong_period = if gates.enabled("CustomCPUCFSQuotaPeriod") {
            (!(1_000_000..=1_000_000_000).contains(&period.nanoseconds()))
                .then_some("must be between 1ms and 1sec, inclusive")
        } else {
            (period != SignedDuration::from_milliseconds(100))
                .then_some("requires feature gate CustomCPUCFSQuotaPeriod")
        };
        if let Some(wrong) = wrong_period {
            found.add(
                "cpuCFSQuotaPeriod",
                format_args!(
                    "invalid configuration: cpuCFSQuotaPeriod (--cpu-cfs-quota-period) {{{period}}} {wrong}"
                ),
            );
        }
    }

    fn check_image_gc(&self, gates: &Gates<'_>, found: &mut Findings) {
        let [high, low] =
            [self.image_gc_high_threshold_percent, self.image_gc_low_threshold_percent].map(number);
        found.within("imageGCHighThresholdPercent", "--image-gc-high-threshold", high, [0, 100]);
        found.within("imageGCLowThresholdPercent", "--image-gc-low-threshold", low, [0, 100]);
        if low >= high {
            found.add_with(
                "imageGCLowThresholdPercent",
                &["imageGCHighThresholdPercent"],
                format_args!(
                    "invalid configuration: imageGCLowThresholdPercent (--image-gc-low-threshold) {low} must be \
                     less than imageGCHighThresholdPercent (--image-gc-high-threshold) {high}"
                ),
            );
        }
        let [minimum, maximum] = [self.image_minimum_gc_age, self.image_maximum_gc_age];
        if !maximum.is_zero() && !gates.enabled("ImageMaximumGCAge") {
            found.add(
                "imageMaximumGCAge",
                "invalid configuration: ImageMaximumGCAge feature gate is required for \
                 Kubelet configuration option imageMaximumGCAge",
            );
        }
        if maximum.is_negative() {
            found.add(
                "imageMaximumGCAge",
                format_args!("invalid configuration: imageMaximumGCAge {maximum} must not be negative"),
            );
        }
        if maximum > SignedDuration::ZERO && maximum <= minimum {
            found.add_with(
                "imageMaximumGCAge",
                &["imageMinimumGCAge"],
                format_args!(
                    "invalid configuration: imageMaximumGCAge {maximum} must be greater than imageMinimumGCAge {minimum}"
                ),
            );
        }
    }

    fn check_limits(&self, found: &mut Findings) {
        found.within("iptablesDropBit", "--iptables-drop-bit", number(self.iptables_drop_bit), [0, 31]);
        let bit = number(self.iptables_masquerade_bit);
        found.within("iptablesMasqueradeBit", "--iptables-masquerade-bit", bit, [0, 31]);
        found.not_negative("kubeAPIBurst", "--kube-api-burst", self.kube_api_burst.into());
        found.not_negative("kubeAPIQPS", "--kube-api-qps", number(self.kube_api_qps));
        let images = number(self.node_status_max_images);
        if images < -1 {
            found.add(
                "nodeStatusMaxImages",
                format_args!(
                    "invalid configuration: nodeStatusMaxImages (--node-status-max-images) {images} must be -1 or greater"
                ),
            );
        }
        found.not_negative("maxOpenFiles", "--max-open-files", self.max_open_files);
        found.not_negative("maxPods", "--max-pods", self.max_pods.into());
        found.within("oomScoreAdj", "--oom-score-adj", number(self.oom_score_adj), [-1000, 1000]);
        found.not_negative("podsPerCore", "--pods-per-core", self.pods_per_core.into());
        found.within("port", "--port", self.port.into(), [1, 65535]);
        // 0 switches it off.
        found.within("readOnlyPort", "--read-only-port", self.read_only_port.into(), [0, 65535]);
        found.not_negative("registryBurst", "--registry-burst", self.registry_burst.into());
        found.not_negative("registryPullQPS", "--registry-qps", number(self.registry_pull_qps));
    }

    fn check_pulls(&self, found: &mut Findings) {
        let Some(most) = self.max_parallel_image_pulls else { return };
        if most < 1 {
            found.add(
                "maxParallelImagePulls",
                format_args!("invalid configuration: maxParallelImagePulls {most} must be a positive number"),
            );
        }
        if most > 1 && is_on(self.serialize_image_pulls) {
            found.add_with(
                "maxParallelImagePulls",
                &["serializeImagePulls"],
                "invalid configuration: maxParallelImagePulls cannot be larger than 1 unless \
                 SerializeImagePulls (--serialize-image-pulls) is set to false",
            );
        }
    }

    fn check_memory_qos(&self, gates: &Gates<'_>, found: &mut Findings) {
        match self.memory_throttling_factor {
            None if gates.enabled("MemoryQoS") => found.add(
                "memoryThrottlingFactor",
                "invalid configuration: memoryThrottlingFactor is required when MemoryQoS feature flag is enabled",
            ),
            Some(factor) if factor <= 0.0 || factor > 1.0 => found.add(
                "memoryThrottlingFactor",
                format_args!(
                    "invalid configuration: memoryThrottlingFactor {} must be greater than 0 and less than or equal to 1.0",
                    Float(factor)
                ),
            ),
            _ => {}
        }
    }

    fn check_runtime_and_logs(&self, gates: &Gates<'_>, found: &mut Findings) {
        if self.container_runtime_endpoint.is_empty() {
            found.add(
                "containerRuntimeEndpoint",
                "invalid configuration: the containerRuntimeEndpoint was not specified or empty",
            );
        }
        if is_on(self.enable_system_log_query) {
            if !gates.enabled("NodeLogQuery") {
                // The kubelet names the wrong field.
                found.add(
                    "enableSystemLogQuery",
                    "invalid configuration: NodeLogQuery feature gate is required for enableSystemLogHandler",
                );
            }
            if !is_on(self.enable_system_log_handler) {
                found.add_with(
                    "enableSystemLogQuery",
                    &["enableSystemLogHandler"],
                    "invalid configuration: enableSystemLogHandler is required for enableSystemLogQuery",
                );
            }
        }
        if number(self.container_log_max_workers) < 1 {
            found.add(
                "containerLogMaxWorkers",
                "invalid configuration: containerLogMaxWorkers must be greater than or equal to 1",
            );
        }
        if self.container_log_monitor_interval.unwrap_or_default() < SignedDuration::from_seconds(3) {
            found.add(
                "containerLogMonitorInterval",
                "invalid configuration: containerLogMonitorInterval must be a positive time duration \
                 greater than or equal to 3s",
            );
        }
    }
}

/// An unset number counts as zero, as in the kubelet's own form of a configuration.
fn number(value: Option<i32>) -> i64 {
    value.unwrap_or_default().into()
}

/// An unset switch is off, as in the kubelet's own form of a configuration.
fn is_on(value: Option<bool>) -> bool {
    value.unwrap_or_default()
}
