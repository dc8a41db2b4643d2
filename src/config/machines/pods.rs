//! Pods: their pace, their containers, their cgroups.

use std::time::Duration;

use super::ConfigConversionError;
use super::reading::Reading;
use crate::api::Quantity;
use crate::container::CrashLoopSettings;
use crate::eviction::Platform;
use crate::pod::{LifecycleSettings, PodCgroupSettings, PodsSettings, ResizeNode, WorkerSettings};
use crate::runtime::NodeSettings;

impl Reading<'_> {
    pub(super) fn pods(&mut self) -> PodsSettings {
        PodsSettings {
            lifecycle: self.lifecycle(),
            resync: self.duration("syncFrequency", self.config.sync_frequency),
            ..PodsSettings::default()
        }
    }

    pub(super) fn lifecycle(&mut self) -> LifecycleSettings {
        LifecycleSettings { worker: self.worker(), ..LifecycleSettings::default() }
    }

    pub(super) fn worker(&mut self) -> WorkerSettings {
        WorkerSettings {
            crash_loop: self.crash_loop(),
            operation_timeout: self.call_timeout(),
            ..WorkerSettings::default()
        }
    }

    pub(super) fn crash_loop(&mut self) -> CrashLoopSettings {
        let gates = self.gates();
        let period = self.config.crash_loop_back_off.max_container_restart_period;
        let max = period.map(|value| {
            // Whole milliseconds count, as in validation.
            if !(1_000..=300_000).contains(&(value.nanoseconds() / 1_000_000)) {
                let path = "crashLoopBackOff.maxContainerRestartPeriod";
                self.refuse(ConfigConversionError::Duration { path, value, expected: "1s to 5m0s" });
            }
            value.to_duration().unwrap_or_default()
        });
        CrashLoopSettings::of_node(gates, max)
    }

    pub(super) fn node(&mut self) -> NodeSettings {
        let memory = self.host.capacity.get("memory").map(Quantity::bytes_saturating);
        NodeSettings {
            pod_logs_dir: self.config.pod_logs_dir.clone(),
            memory_capacity_bytes: memory.filter(|bytes| *bytes > 0),
            cpu_cfs_quota_period_us: self.cpu_cfs_quota_period_us(),
            oom_group_kill: self.kills_groups(),
        }
    }

    /// Only cgroup v2 can; there it is the default.
    fn kills_groups(&self) -> bool {
        let is_possible = self.host.platform == Platform::Linux && self.host.cgroup_v2;
        is_possible && self.config.single_process_oom_kill != Some(true)
    }

    pub(super) fn pod_cgroup(&mut self) -> PodCgroupSettings {
        // What is 0 or less is no limit.
        let pids = self.config.pod_pids_limit.and_then(|limit| u64::try_from(limit).ok());
        PodCgroupSettings {
            cpu_cfs_quota_period_us: self.cpu_cfs_quota_period_us(),
            pids_limit: pids.filter(|limit| *limit > 0),
        }
    }

    /// Whole microseconds, which is what the kernel counts in: a fraction is cut off, as the kubelet does.
    fn cpu_cfs_quota_period_us(&mut self) -> Option<u64> {
        let value = self.config.cpu_cfs_quota_period.unwrap_or_default();
        let micros = value.to_duration().and_then(|period| u64::try_from(period.as_micros()).ok());
        let in_range = (1_000_000..=1_000_000_000).contains(&value.nanoseconds());
        if !in_range {
            let path = "cpuCFSQuotaPeriod";
            self.refuse(ConfigConversionError::Duration { path, value, expected: "1ms to 1s" });
        }
        micros.filter(|_| in_range && self.config.cpu_cfs_quota != Some(false))
    }

    pub(super) fn resize(&mut self) -> ResizeNode<'static> {
        const CPU: &[&str] = &["none", "static"];
        let memory: &[&str] = match self.host.platform {
            Platform::Windows => &["None", "BestEffort"],
            Platform::Linux | Platform::Other => &["None", "Static"],
        };
        let policies =
            [&self.config.cpu_manager_policy, &self.config.memory_manager_policy].map(String::clone);
        let [exclusive_cpus, exclusive_memory] = [policies[0] == "static", policies[1] == "Static"];
        for ((path, known), policy) in
            [("cpuManagerPolicy", CPU), ("memoryManagerPolicy", memory)].into_iter().zip(policies)
        {
            if !known.contains(&&*policy) {
                self.refuse_word(path, policy, known);
            }
        }
        ResizeNode { exclusive_cpus, exclusive_memory, ..ResizeNode::default() }
    }

    /// How long a call of the runtime may take.
    pub(super) fn call_timeout(&mut self) -> Duration {
        self.duration("runtimeRequestTimeout", self.config.runtime_request_timeout)
    }

    #[cfg(feature = "driver")]
    pub(super) fn driver(&mut self) -> crate::driver::DriverSettings {
        crate::driver::DriverSettings {
            call_timeout: self.call_timeout(),
            node: self.node(),
            ..crate::driver::DriverSettings::default()
        }
    }
}
