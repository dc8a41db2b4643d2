//! The defaults of Kubernetes 1.32.

use super::kubelet::wire::Wire;
use super::validate::Gates;
use super::{
    CrashLoopBackOffConfig, KubeletAnonymousAuthentication, KubeletAuthentication, KubeletAuthorization,
    KubeletConfiguration, KubeletWebhookAuthentication, KubeletWebhookAuthorization, LoggingConfiguration,
    SignedDuration,
};
use crate::behaviour::{FeatureGates, GateRegistry};

impl KubeletConfiguration {
    /// Fills in what is unset, as Kubernetes 1.32 does when it has read a file.
    ///
    /// ```
    /// use node_lifecycle::config::KubeletConfiguration;
    ///
    /// let mut config: KubeletConfiguration = serde_json::from_str(r#"{"maxParallelImagePulls": 5}"#)?;
    /// config.apply_defaults();
    /// assert_eq!(config.max_pods, 110);
    /// assert_eq!(config.serialize_image_pulls, Some(false));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// Beside [`Self::kubernetes_1_32`] some follow from other fields:
    ///
    /// - `nodeStatusReportFrequency` is what `nodeStatusUpdateFrequency` is set to, if it is.
    /// - `serializeImagePulls` is false if `maxParallelImagePulls` is above 1.
    /// - `podPidsLimit` below 0 is −1.
    /// - `crashLoopBackOff.maxContainerRestartPeriod` is 5 min if `featureGates` switches
    ///   `KubeletCrashLoopBackOffMax` on, and `imagePullCredentialsVerificationPolicy` is
    ///   `NeverVerifyPreloadedImages` if it switches `KubeletEnsureSecretPulledImages` on.
    ///
    /// `evictionHard` has none here: what it is without thresholds depends on the platform, and
    /// [`EvictionSettings`](crate::eviction::EvictionSettings) fills it in.
    pub fn apply_defaults(&mut self) {
        self.apply_defaults_under(&FeatureGates::default());
    }

    /// As [`apply_defaults`](Self::apply_defaults), where flags have switched gates before `featureGates` is heard.
    /// What is no gate, or cannot be set, is passed over: validation says it.
    pub fn apply_defaults_under(&mut self, gates: &FeatureGates) {
        if !self.node_status_update_frequency.is_zero() {
            self.node_status_report_frequency.fill(self.node_status_update_frequency);
        }
        if self.pod_pids_limit.is_some_and(|limit| limit < 0) {
            self.pod_pids_limit = None;
        }
        self.serialize_image_pulls.get_or_insert(self.max_parallel_image_pulls.is_none_or(|most| most < 2));
        let gates = Gates::over(*gates, &self.feature_gates, GateRegistry::default().with_newer());
        let crash_loop = gates.enabled("KubeletCrashLoopBackOffMax");
        let verification = gates.enabled("KubeletEnsureSecretPulledImages");
        if crash_loop {
            self.crash_loop_back_off.fill(CrashLoopBackOffConfig {
                max_container_restart_period: Some(SignedDuration::from_seconds(300)),
            });
        }
        if verification {
            self.image_pull_credentials_verification_policy.fill("NeverVerifyPreloadedImages".to_owned());
        }
        self.fill(Self::kubernetes_1_32());
    }

    /// [`apply_defaults`](Self::apply_defaults), by value.
    #[must_use]
    pub fn with_defaults(mut self) -> Self {
        self.apply_defaults();
        self
    }

    /// The defaults that are the same in every configuration; what has none is unset.
    ///
    /// ```
    /// use node_lifecycle::config::KubeletConfiguration;
    ///
    /// let defaults = KubeletConfiguration::kubernetes_1_32();
    /// assert_eq!(defaults.sync_frequency.to_string(), "1m0s");
    /// assert_eq!(defaults.serialize_image_pulls, None);
    /// ```
    #[must_use]
    pub fn kubernetes_1_32() -> Self {
        let text = str::to_owned;
        let seconds = SignedDuration::from_seconds;
        Self {
            enable_server: Some(true),
            pod_logs_dir: text("/var/log/pods"),
            sync_frequency: seconds(60),
            file_check_frequency: seconds(20),
            http_check_frequency: seconds(20),
            address: text("0.0.0.0"),
            port: 10250,
            authentication: KubeletAuthentication {
                anonymous: KubeletAnonymousAuthentication { enabled: Some(false) },
                webhook: KubeletWebhookAuthentication { enabled: Some(true), cache_ttl: seconds(120) },
                ..Default::default()
            },
            authorization: KubeletAuthorization {
                mode: text("Webhook"),
                webhook: KubeletWebhookAuthorization {
                    cache_authorized_ttl: seconds(300),
                    cache_unauthorized_ttl: seconds(30),
                },
            },
            registry_pull_qps: Some(5),
            registry_burst: 10,
            event_record_qps: Some(50),
            event_burst: 100,
            enable_debugging_handlers: Some(true),
            healthz_port: Some(10248),
            healthz_bind_address: text("127.0.0.1"),
            oom_score_adj: Some(-999),
            streaming_connection_idle_timeout: seconds(4 * 3600),
            node_status_update_frequency: seconds(10),
            node_status_report_frequency: seconds(300),
            node_lease_duration_seconds: 40,
            image_minimum_gc_age: seconds(120),
            image_gc_high_threshold_percent: Some(85),
            image_gc_low_threshold_percent: Some(80),
            volume_stats_agg_period: seconds(60),
            cgroups_per_qos: Some(true),
            cgroup_driver: text("cgroupfs"),
            cpu_manager_policy: text("none"),
            cpu_manager_reconcile_period: seconds(10),
            memory_manager_policy: text("None"),
            topology_manager_policy: text("none"),
            topology_manager_scope: text("container"),
            runtime_request_timeout: seconds(120),
            hairpin_mode: text("promiscuous-bridge"),
            max_pods: 110,
            pod_pids_limit: Some(-1),
            resolv_conf: Some(text("/etc/resolv.conf")),
            cpu_cfs_quota: Some(true),
            cpu_cfs_quota_period: Some(SignedDuration::from_milliseconds(100)),
            node_status_max_images: Some(50),
            max_open_files: 1_000_000,
            content_type: text("application/vnd.kubernetes.protobuf"),
            kube_api_qps: Some(50),
            kube_api_burst: 100,
            eviction_pressure_transition_period: seconds(300),
            enable_controller_attach_detach: Some(true),
            make_iptables_util_chains: Some(true),
            iptables_masquerade_bit: Some(14),
            iptables_drop_bit: Some(15),
            fail_swap_on: Some(true),
            container_log_max_size: text("10Mi"),
            container_log_max_files: Some(5),
            container_log_max_workers: Some(1),
            container_log_monitor_interval: Some(seconds(10)),
            config_map_and_secret_change_detection_strategy: text("Watch"),
            enforce_node_allocatable: Some(vec![text("pods")]),
            volume_plugin_dir: text("/usr/libexec/kubernetes/kubelet-plugins/volume/exec/"),
            logging: LoggingConfiguration {
                format: text("text"),
                flush_frequency: LoggingConfiguration::DEFAULT_FLUSH_FREQUENCY,
                ..Default::default()
            },
            enable_system_log_handler: Some(true),
            enable_profiling_handler: Some(true),
            enable_debug_flags_handler: Some(true),
            seccomp_default: Some(false),
            memory_throttling_factor: Some(0.9),
            register_node: Some(true),
            local_storage_capacity_isolation: Some(true),
            container_runtime_endpoint: text("unix:///run/containerd/containerd.sock"),
            fail_cgroup_v1: Some(false),
            ..Self::default()
        }
    }

    /// As the kubelet's own encoder writes it, which differs from [`Serialize`](serde::Serialize) in one thing: an
    /// `evictionHard` or `enforceNodeAllocatable` that is set to nothing is left out, and so is unset when it is read
    /// again.
    ///
    /// # Errors
    /// If a number is none that JSON has.
    pub fn to_kubelet_json(&self) -> Result<serde_json::Value, serde_json::Error> {
        let mut json = serde_json::to_value(self)?;
        if let Some(fields) = json.as_object_mut() {
            if self.eviction_hard.as_ref().is_some_and(Wire::is_empty) {
                fields.remove("evictionHard");
            }
            if self.enforce_node_allocatable.as_ref().is_some_and(Wire::is_empty) {
                fields.remove("enforceNodeAllocatable");
            }
        }
        Ok(json)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn defaulted(json: serde_json::Value) -> KubeletConfiguration {
        serde_json::from_value::<KubeletConfiguration>(json).unwrap().with_defaults()
    }

    #[test]
    fn what_is_set_stays() {
        let config = defaulted(json!({
            "maxPods": 7, "failSwapOn": false, "registryPullQPS": 0, "enforceNodeAllocatable": [],
            "authentication": {"webhook": {"enabled": false}},
            "logging": {"flushFrequency": 9, "options": {"json": {"infoBufferSize": "1Mi"}}},
        }));
        assert_eq!(
            (config.max_pods, config.fail_swap_on, config.registry_pull_qps),
            (7, Some(false), Some(0))
        );
        assert_eq!(config.enforce_node_allocatable, Some(vec![]));
        let webhook = &config.authentication.webhook;
        assert_eq!((webhook.enabled, webhook.cache_ttl.to_string()), (Some(false), "2m0s".to_owned()));
        assert!(!config.logging.flush_frequency.as_text);
        assert_eq!(config.logging.options.json.info_buffer_size.to_string(), "1Mi");
    }

    #[test]
    fn zero_is_unset_where_it_cannot_be_told_apart() {
        let config = defaulted(json!({"maxPods": 0, "imageMinimumGCAge": "0s", "containerLogMaxSize": ""}));
        assert_eq!(config.max_pods, 110);
        assert_eq!(config.image_minimum_gc_age.to_string(), "2m0s");
        assert_eq!(config.container_log_max_size, "10Mi");
    }

    #[test]
    fn some_follow_from_others() {
        for (given, name, expected) in [
            (json!({"maxParallelImagePulls": 2}), "serializeImagePulls", json!(false)),
            (json!({"maxParallelImagePulls": 1}), "serializeImagePulls", json!(true)),
            (
                json!({"maxParallelImagePulls": 2, "serializeImagePulls": true}),
                "serializeImagePulls",
                json!(true),
            ),
            (json!({"nodeStatusUpdateFrequency": "20s"}), "nodeStatusReportFrequency", json!("20s")),
            (json!({}), "nodeStatusReportFrequency", json!("5m0s")),
            (json!({"podPidsLimit": -9}), "podPidsLimit", json!(-1)),
            (json!({"podPidsLimit": 0}), "podPidsLimit", json!(0)),
            (json!({}), "crashLoopBackOff", json!({})),
            (
                json!({"featureGates": {"KubeletCrashLoopBackOffMax": true}}),
                "crashLoopBackOff",
                json!({"maxContainerRestartPeriod": "5m0s"}),
            ),
            (
                json!({"featureGates": {"AllAlpha": true, "NoSuchGate": true}}),
                "crashLoopBackOff",
                json!({"maxContainerRestartPeriod": "5m0s"}),
            ),
            (
                json!({"featureGates": {"KubeletEnsureSecretPulledImages": true}}),
                "imagePullCredentialsVerificationPolicy",
                json!("NeverVerifyPreloadedImages"),
            ),
        ] {
            assert_eq!(serde_json::to_value(defaulted(given.clone())).unwrap()[name], expected, "{given}");
        }
    }

    #[test]
    fn gates_that_are_on_already_count() {
        let mut config = KubeletConfiguration::default();
        config.apply_defaults_under(&"KubeletCrashLoopBackOffMax=true".parse().unwrap());
        assert!(config.crash_loop_back_off.max_container_restart_period.is_some());
    }

    #[test]
    fn defaults_are_applied_once() {
        let once = KubeletConfiguration::default().with_defaults();
        assert_eq!(once.clone().with_defaults(), once);
        assert_eq!(defaulted(serde_json::to_value(&once).unwrap()), once);
    }
}
