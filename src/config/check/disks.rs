//! Thresholds beside each other.

use super::{ConfigCheck, ConfigWarning};
use crate::api::Quantity;
use crate::config::KubeletConfiguration;
use crate::eviction::{EvictionConfig, Signal, ThresholdValue};

impl KubeletConfiguration {
    pub(super) fn warn_of_disks(&self, config: &EvictionConfig, check: &mut ConfigCheck) {
        let high = self.image_gc_high_threshold_percent.unwrap_or_default();
        if high >= 100 {
            if self.image_maximum_gc_age.is_zero() {
                check.warnings.push(ConfigWarning::ImagesAreNeverRemoved);
            }
            return;
        }
        for threshold in config.thresholds.iter().filter(|it| it.signal == Signal::ImagefsAvailable) {
            let ThresholdValue::Percentage(share) = threshold.value else { continue };
            let full = 100.0 - share * 100.0;
            if f64::from(high) > f64::from(full) {
                check.warnings.push(ConfigWarning::EvictionBeforeImageGc {
                    high_threshold_percent: high,
                    threshold: threshold.clone(),
                    full_percent: full,
                });
            }
        }
    }
}

/// Whether a threshold is met only where another one is met too. Not known where an amount is compared with a share
/// of what is not known.
pub(super) fn is_within(inner: &ThresholdValue, outer: &ThresholdValue, capacity: Option<&Quantity>) -> bool {
    match (inner, outer) {
        (ThresholdValue::Percentage(inner), ThresholdValue::Percentage(outer)) => inner <= outer,
        (ThresholdValue::Quantity(inner), ThresholdValue::Quantity(outer)) => inner <= outer,
        _ => capacity.is_some_and(|capacity| {
            let capacity = capacity.value_saturating();
            inner.amount(capacity) <= outer.amount(capacity)
        }),
    }
}
