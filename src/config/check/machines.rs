//! The settings of machines that a check tries.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::api::GoDuration;
use crate::config::{KubeletConfiguration, SignedDuration};
use crate::eviction::EvictionSettings;
use crate::image::{ImageGcPolicy, PullConfig, PullRateLimit};

pub(super) fn eviction_settings(config: &KubeletConfiguration) -> EvictionSettings {
    EvictionSettings {
        eviction_hard: config.eviction_hard.clone(),
        eviction_soft: config.eviction_soft.clone(),
        eviction_soft_grace_period: config.eviction_soft_grace_period.clone(),
        eviction_minimum_reclaim: config.eviction_minimum_reclaim.clone(),
        enforce_node_allocatable: config.enforce_node_allocatable.clone(),
        merge_default_eviction_settings: config.merge_default_eviction_settings,
        eviction_pressure_transition_period: Some(GoDuration(length(
            config.eviction_pressure_transition_period,
        ))),
        eviction_max_pod_grace_period: Some(config.eviction_max_pod_grace_period),
        local_storage_capacity_isolation: config.local_storage_capacity_isolation,
    }
}

pub(super) fn image_gc_policy(config: &KubeletConfiguration) -> ImageGcPolicy {
    ImageGcPolicy {
        high_threshold_percent: config.image_gc_high_threshold_percent.unwrap_or_default(),
        low_threshold_percent: config.image_gc_low_threshold_percent.unwrap_or_default(),
        minimum_age: length(config.image_minimum_gc_age),
        maximum_age: length(config.image_maximum_gc_age),
    }
}

pub(super) fn pull_config(config: &KubeletConfiguration) -> PullConfig {
    let positive = |number: i32| u32::try_from(number).unwrap_or_default();
    let max_parallel = if config.serialize_image_pulls == Some(true) {
        Some(NonZeroU32::MIN)
    } else {
        config.max_parallel_image_pulls.map(positive).and_then(NonZeroU32::new)
    };
    let tokens = config.registry_pull_qps.map_or(0, positive);
    PullConfig {
        max_parallel,
        rate_limit: (tokens != 0).then(|| PullRateLimit::per_second(tokens, positive(config.registry_burst))),
        call_timeout: length(config.runtime_request_timeout),
        ..PullConfig::default()
    }
}

/// A negative duration, which is an error of its own, is none.
fn length(duration: SignedDuration) -> Duration {
    duration.to_duration().unwrap_or_default()
}
