//! What an eviction manager runs with.

use std::cmp::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::settings::Reading;
use super::{EvictionSettings, Platform, Resource, Signal, Threshold, ThresholdValue};
use crate::behaviour::Compat;

/// What an eviction manager runs with. The default is the kubelet's on Linux;
/// [`EvictionSettings::config`] makes one from a `KubeletConfiguration`.
///
/// ```
/// use node_lifecycle::eviction::EvictionConfig;
///
/// let config = EvictionConfig::default();
/// let thresholds: Vec<_> = config.thresholds.iter().map(ToString::to_string).collect();
/// assert_eq!(
///     thresholds,
///     [
///         "allocatableMemory.available<100Mi",
///         "memory.available<100Mi",
///         "imagefs.available<15%",
///         "imagefs.inodesFree<5%",
///         "nodefs.available<10%",
///         "nodefs.inodesFree<5%",
///     ]
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EvictionConfig {
    /// When what is low. Of several that are met the first one in the order of [`Threshold::precedence`] decides,
    /// whatever their order here; only of those that are alike in it the first one here.
    pub thresholds: Vec<Threshold>,
    /// How long a condition of the node stays after it was last met: 5 min.
    pub pressure_transition_period: Duration,
    /// The most seconds of grace that a pod has which is evicted for a soft threshold, from 0: 0.
    pub max_pod_grace_period_seconds: i64,
    /// Whether pods are held to their limits of local disk: true.
    pub local_storage_capacity_isolation: bool,
    /// How often the node is looked at, above zero: 10 s.
    pub monitoring_interval: Duration,
    /// How long evicted pods are waited for before another one is chosen, above zero: 30 s.
    pub cleanup_timeout: Duration,
    /// How long the outcome of an action is waited for, above zero: 2 min.
    pub operation_timeout: Duration,
}

/// Why an [`EvictionConfig`] is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvictionConfigError {
    /// A threshold is a share that there is not.
    #[error("thresholds[{at}].value of {signal} is the share {share}: expected 0 to 1")]
    Share {
        /// Its place in the list.
        at: usize,
        /// Its signal.
        signal: Signal,
        /// The share.
        share: f32,
    },
    /// A threshold is an amount that is not above zero.
    #[error("thresholds[{at}].value of {signal} is {value}: expected more than 0")]
    NotPositive {
        /// Its place in the list.
        at: usize,
        /// Its signal.
        signal: Signal,
        /// The amount.
        value: ThresholdValue,
    },
    /// What a threshold wants to have freed is below zero, or no number.
    #[error("thresholds[{at}].minReclaim of {signal} is {value}: expected 0 or more")]
    MinReclaim {
        /// Its place in the list.
        at: usize,
        /// Its signal.
        signal: Signal,
        /// The amount or share.
        value: ThresholdValue,
    },
    /// There are more thresholds than nine signals can have use for.
    #[error("there are {0} thresholds: expected {most} at most", most = EvictionConfig::MOST_THRESHOLDS)]
    TooMany(usize),
    /// The grace of evicted pods is below zero.
    #[error("maxPodGracePeriodSeconds is {0}: expected 0 or more")]
    NegativeGracePeriod(i64),
    /// A duration is zero that must not be.
    #[error("{0} is 0: expected more")]
    Zero(&'static str),
}

impl EvictionConfig {
    /// How many thresholds a node can have.
    pub const MOST_THRESHOLDS: usize = 128;

    pub(super) const fn with_thresholds(thresholds: Vec<Threshold>) -> Self {
        Self {
            thresholds,
            pressure_transition_period: Duration::from_secs(300),
            max_pod_grace_period_seconds: 0,
            local_storage_capacity_isolation: true,
            monitoring_interval: Duration::from_secs(10),
            cleanup_timeout: Duration::from_secs(30),
            operation_timeout: Duration::from_secs(120),
        }
    }

    /// Checks what no manager can run with.
    ///
    /// Several thresholds of one signal and kind are no error: settings can make them, where a soft threshold has a
    /// grace period of zero. The signal is low when any of them says so.
    ///
    /// # Errors
    /// The first thing that is wrong. Under [`Compat::accept_malformed_percentages`] shares that are no number pass.
    pub fn validate(&self, compat: Compat) -> Result<(), EvictionConfigError> {
        if self.thresholds.len() > Self::MOST_THRESHOLDS {
            return Err(EvictionConfigError::TooMany(self.thresholds.len()));
        }
        for (at, Threshold { signal, value, min_reclaim, .. }) in self.thresholds.iter().enumerate() {
            let signal = *signal;
            match value {
                ThresholdValue::Percentage(share)
                    if share.is_nan() && compat.accept_malformed_percentages => {}
                ThresholdValue::Percentage(share) if !(0.0..=1.0).contains(share) => {
                    return Err(EvictionConfigError::Share { at, signal, share: *share });
                }
                ThresholdValue::Quantity(quantity) if quantity.signum() <= 0 => {
                    return Err(EvictionConfigError::NotPositive { at, signal, value: value.clone() });
                }
                _ => {}
            }
            let is_amount = |value: &&ThresholdValue| match value {
                ThresholdValue::Percentage(share) if share.is_finite() => *share >= 0.0,
                ThresholdValue::Percentage(_) => compat.accept_malformed_percentages,
                ThresholdValue::Quantity(quantity) => quantity.signum() >= 0,
            };
            if let Some(value) = min_reclaim.as_ref().filter(|value| !is_amount(value)) {
                return Err(EvictionConfigError::MinReclaim { at, signal, value: value.clone() });
            }
        }
        if self.max_pod_grace_period_seconds < 0 {
            return Err(EvictionConfigError::NegativeGracePeriod(self.max_pod_grace_period_seconds));
        }
        let above_zero = [
            ("monitoringInterval", self.monitoring_interval),
            ("cleanupTimeout", self.cleanup_timeout),
            ("operationTimeout", self.operation_timeout),
        ];
        match above_zero.into_iter().find(|(_, duration)| duration.is_zero()) {
            Some((name, _)) => Err(EvictionConfigError::Zero(name)),
            None => Ok(()),
        }
    }
}

impl Default for EvictionConfig {
    fn default() -> Self {
        let reading = Reading::of(&EvictionSettings::default(), Platform::Linux, Compat::default());
        Self::with_thresholds(reading.thresholds)
    }
}

impl Threshold {
    /// Which of two thresholds decides when both are met: memory goes first, then hard goes before soft, then the
    /// signal's name decides, then the shorter grace period.
    #[must_use]
    pub fn precedence(&self, other: &Self) -> Ordering {
        let key = |threshold: &Self| {
            let is_memory = threshold.signal.resource() == Resource::Memory;
            (!is_memory, !threshold.is_hard(), threshold.signal, threshold.grace_period)
        };
        key(self).cmp(&key(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Quantity;

    #[test]
    fn refuses_what_no_manager_can_run_with() {
        let share = ThresholdValue::Percentage;
        let quantity = |units| ThresholdValue::Quantity(Quantity::from_units(units));
        let with = |value, min_reclaim| {
            let grace_period = Duration::ZERO;
            let threshold = Threshold { signal: Signal::PidAvailable, value, grace_period, min_reclaim };
            EvictionConfig::with_thresholds(vec![threshold])
        };
        for right in [
            with(share(0.0), Some(share(2.0))),
            with(share(1.0), Some(quantity(0))),
            with(quantity(1), None),
            EvictionConfig::default(),
        ] {
            assert_eq!(right.validate(Compat::default()), Ok(()));
        }
        let many = vec![with(quantity(1), None).thresholds[0].clone(); EvictionConfig::MOST_THRESHOLDS + 1];
        let many = EvictionConfig::with_thresholds(many).validate(Compat::default());
        assert_eq!(many, Err(EvictionConfigError::TooMany(129)));
        let refused = |config: EvictionConfig| config.validate(Compat::default()).unwrap_err().to_string();
        for (wrong, message) in [
            (share(f32::NAN), "the share NaN: expected 0 to 1"),
            (share(1.01), "the share 1.01: expected 0 to 1"),
            (share(-0.1), "the share -0.1: expected 0 to 1"),
            (quantity(0), "0: expected more than 0"),
        ] {
            assert_eq!(
                refused(with(wrong, None)),
                format!("thresholds[0].value of pid.available is {message}")
            );
        }
        for (wrong, printed) in [(share(f32::INFINITY), "inf%"), (share(-0.5), "-50%"), (quantity(-1), "-1")]
        {
            assert_eq!(
                refused(with(quantity(1), Some(wrong))),
                format!("thresholds[0].minReclaim of pid.available is {printed}: expected 0 or more")
            );
        }
        let config = EvictionConfig::default();
        assert_eq!(
            refused(EvictionConfig { max_pod_grace_period_seconds: -1, ..config.clone() }),
            "maxPodGracePeriodSeconds is -1: expected 0 or more"
        );
        assert_eq!(
            refused(EvictionConfig { monitoring_interval: Duration::ZERO, ..config }),
            "monitoringInterval is 0: expected more"
        );
    }
}
