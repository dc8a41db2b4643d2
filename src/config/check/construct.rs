//! What only the construction of a machine finds.

use super::{CheckError, ConfigCheck};
use crate::api::Quantity;
use crate::config::{KubeletConfiguration, SignedDuration};

/// How many ids a range of a user namespace is a multiple of.
const IDS: i64 = 65_536;

impl KubeletConfiguration {
    pub(super) fn check_construction(&self, check: &mut ConfigCheck) {
        self.check_durations(check);
        self.check_names(check);
        self.check_logs(check);
        if let Some(ids) = self.user_namespaces.as_ref().and_then(|it| it.ids_per_pod)
            && (ids < IDS || ids % IDS != 0)
        {
            check.errors.push(CheckError::IdsPerPod(ids));
        }
    }

    fn check_durations(&self, check: &mut ConfigCheck) {
        let mut refuse = |path, duration: SignedDuration| {
            if duration.is_negative() {
                check.errors.push(CheckError::NegativeDuration { path, duration });
            }
        };
        // Those that the kubelet's validation or a machine looks at are not here; a negative volumeStatsAggPeriod switches it off.
        refuse("fileCheckFrequency", self.file_check_frequency);
        refuse("httpCheckFrequency", self.http_check_frequency);
        refuse("authentication.webhook.cacheTTL", self.authentication.webhook.cache_ttl);
        let webhook = &self.authorization.webhook;
        refuse("authorization.webhook.cacheAuthorizedTTL", webhook.cache_authorized_ttl);
        refuse("authorization.webhook.cacheUnauthorizedTTL", webhook.cache_unauthorized_ttl);
        refuse("streamingConnectionIdleTimeout", self.streaming_connection_idle_timeout);
        refuse("nodeStatusUpdateFrequency", self.node_status_update_frequency);
        refuse("nodeStatusReportFrequency", self.node_status_report_frequency);
        refuse("cpuManagerReconcilePeriod", self.cpu_manager_reconcile_period);
        refuse("logging.flushFrequency", self.logging.flush_frequency.duration);
        for (index, it) in self.shutdown_grace_period_by_pod_priority.iter().enumerate() {
            let seconds = it.shutdown_grace_period_seconds;
            if seconds < 0 {
                check.errors.push(CheckError::NegativeShutdown { index, seconds });
            }
        }
    }

    fn check_names(&self, check: &mut ConfigCheck) {
        let mut expect = |path, value: &str, known: &[&str], expected| {
            if !known.contains(&value) {
                let value = value.chars().take(64).collect();
                check.errors.push(CheckError::Unknown { path, value, expected });
            }
        };
        expect(
            "authorization.mode",
            &self.authorization.mode,
            &["AlwaysAllow", "Webhook"],
            "AlwaysAllow or Webhook",
        );
        expect("cgroupDriver", &self.cgroup_driver, &["cgroupfs", "systemd"], "cgroupfs or systemd");
        expect(
            "configMapAndSecretChangeDetectionStrategy",
            &self.config_map_and_secret_change_detection_strategy,
            &["Get", "Cache", "Watch"],
            "Get, Cache or Watch",
        );
        expect(
            "memoryReservationPolicy",
            &self.memory_reservation_policy,
            &["", "None", "TieredReservation"],
            "None or TieredReservation",
        );
    }

    fn check_logs(&self, check: &mut ConfigCheck) {
        let size = &self.container_log_max_size;
        let is_whole = |size: &Quantity| size.value().is_ok_and(|bytes| Quantity::from_units(bytes) == *size);
        if !size.parse::<Quantity>().is_ok_and(|size| is_whole(&size)) {
            check.errors.push(CheckError::LogSize(size.chars().take(64).collect()));
        }
        let files = self.container_log_max_files.unwrap_or_default();
        if files < 2 {
            check.errors.push(CheckError::LogFiles(files));
        }
    }
}
