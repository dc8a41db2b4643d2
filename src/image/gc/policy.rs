//! When images go.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::api::GoDuration;
use crate::behaviour::{Feature, FeatureGates};

/// When images go. The default is the kubelet's; in serde it has the names of `KubeletConfiguration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageGcPolicy {
    /// How full the disk of images is, in percent of its capacity, when images are removed to make room, from 0 to
    /// 100: 85. At 100, without a maximum age, [`ImageGc`](super::ImageGc) leaves the disk alone.
    #[serde(rename = "imageGCHighThresholdPercent")]
    pub high_threshold_percent: i32,
    /// How full it is afterwards, from 0 to the high threshold: 80.
    #[serde(rename = "imageGCLowThresholdPercent")]
    pub low_threshold_percent: i32,
    /// How long ago an image was first seen, at the least, when it goes: 2 min.
    #[serde(rename = "imageMinimumGCAge", with = "go_duration")]
    pub minimum_age: Duration,
    /// How long an image stays that nobody uses, however much room there is (KEP 4210). Zero: for ever; otherwise
    /// longer than the minimum age.
    #[serde(rename = "imageMaximumGCAge", with = "go_duration")]
    pub maximum_age: Duration,
}

impl Default for ImageGcPolicy {
    fn default() -> Self {
        Self {
            high_threshold_percent: 85,
            low_threshold_percent: 80,
            minimum_age: Duration::from_secs(120),
            maximum_age: Duration::ZERO,
        }
    }
}

/// Why an [`ImageGcPolicy`] is refused, in the kubelet's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageGcPolicyError {
    /// The high threshold is no percentage.
    #[error("invalid HighThresholdPercent {0}, must be in range [0-100]")]
    HighThreshold(i32),
    /// The low threshold is no percentage.
    #[error("invalid LowThresholdPercent {0}, must be in range [0-100]")]
    LowThreshold(i32),
    /// The low threshold is above the high one.
    #[error("LowThresholdPercent {low} can not be higher than HighThresholdPercent {high}")]
    ThresholdOrder {
        /// The low threshold.
        low: i32,
        /// The high threshold.
        high: i32,
    },
    /// The maximum age is not above the minimum age, so that no image could stay.
    #[error("imageMaximumGCAge {maximum} must be greater than imageMinimumGCAge {minimum}")]
    AgeOrder {
        /// The maximum age.
        maximum: GoDuration,
        /// The minimum age.
        minimum: GoDuration,
    },
}

impl ImageGcPolicy {
    /// Checks the thresholds and the ages.
    ///
    /// # Errors
    /// [`ImageGcPolicyError`] says which one is wrong, and what would be right.
    pub fn validate(&self) -> Result<(), ImageGcPolicyError> {
        self.validate_thresholds()?;
        if !self.maximum_age.is_zero() && self.maximum_age <= self.minimum_age {
            let (maximum, minimum) = (GoDuration(self.maximum_age), GoDuration(self.minimum_age));
            return Err(ImageGcPolicyError::AgeOrder { maximum, minimum });
        }
        Ok(())
    }

    /// Checks the thresholds only, as the kubelet's image manager does: the ages are checked with its configuration.
    ///
    /// # Errors
    /// [`ImageGcPolicyError`], but for [`AgeOrder`](ImageGcPolicyError::AgeOrder).
    pub fn validate_thresholds(&self) -> Result<(), ImageGcPolicyError> {
        let (high, low) = (self.high_threshold_percent, self.low_threshold_percent);
        if !(0..=100).contains(&high) {
            return Err(ImageGcPolicyError::HighThreshold(high));
        }
        if !(0..=100).contains(&low) {
            return Err(ImageGcPolicyError::LowThreshold(low));
        }
        if low > high {
            return Err(ImageGcPolicyError::ThresholdOrder { low, high });
        }
        Ok(())
    }

    /// Whether nothing goes by itself: no age is too old and no disk too full.
    pub(super) const fn is_off(&self, gates: FeatureGates) -> bool {
        let has_maximum = !self.maximum_age.is_zero() && gates.enabled(Feature::ImageMaximumGCAge);
        self.high_threshold_percent == 100 && !has_maximum
    }
}

/// How much room there is on the disk that images are on.
///
/// Where writeable layers have a disk of their own (KEP 4191), that one does not count: no image that goes makes room
/// on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ImageFilesystem {
    /// Bytes.
    pub capacity_bytes: u64,
    /// Bytes. More than there can be counts as all of them.
    pub available_bytes: u64,
}

impl ImageFilesystem {
    /// How full it is, in percent of its capacity, rounded up; `None` where that is zero.
    #[must_use]
    pub fn used_percent(self) -> Option<i32> {
        let available = u128::from(self.available_bytes.min(self.capacity_bytes)) * 100;
        let free = available.checked_div(u128::from(self.capacity_bytes))?;
        Some(100 - i32::try_from(free).unwrap_or(100))
    }

    /// What is missing to the low threshold, in bytes; below zero where there is room already.
    pub(super) fn missing_bytes(self, policy: &ImageGcPolicy) -> i64 {
        let (capacity, available) = (i128::from(self.capacity_bytes), i128::from(self.available_bytes));
        let wanted = capacity * i128::from(100 - policy.low_threshold_percent.clamp(0, 100)) / 100;
        i64::try_from(wanted - available.min(capacity)).unwrap_or(i64::MAX)
    }
}

mod go_duration {
    use super::{Deserialize, Duration, GoDuration, Serialize};

    pub(super) fn serialize<S: serde::Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        // As long as a Go duration can be.
        GoDuration((*duration).min(Duration::from_nanos(i64::MAX.unsigned_abs()))).serialize(to)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        GoDuration::deserialize(from).map(|GoDuration(duration)| duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_has_the_names_of_the_configuration() {
        let json = r#"{"imageGCHighThresholdPercent":85,"imageGCLowThresholdPercent":80,"imageMinimumGCAge":"2m0s","imageMaximumGCAge":"0s"}"#;
        assert_eq!(serde_json::to_string(&ImageGcPolicy::default()).unwrap(), json);
        let policy: ImageGcPolicy = serde_json::from_str(r#"{"imageMaximumGCAge": "48h"}"#).unwrap();
        assert_eq!(policy.maximum_age, Duration::from_secs(48 * 3600));
        assert_eq!(policy.validate(), Ok(()));
    }

    #[test]
    fn a_wrong_policy_says_what_would_be_right() {
        let wrong = |change: fn(&mut ImageGcPolicy)| {
            let mut policy = ImageGcPolicy::default();
            change(&mut policy);
            policy.validate().unwrap_err().to_string()
        };
        assert_eq!(
            wrong(|policy| policy.low_threshold_percent = 90),
            "LowThresholdPercent 90 can not be higher than HighThresholdPercent 85"
        );
        assert_eq!(
            wrong(|policy| policy.maximum_age = policy.minimum_age),
            "imageMaximumGCAge 2m0s must be greater than imageMinimumGCAge 2m0s"
        );
    }

    #[test]
    fn a_disk_of_any_size_is_measured() {
        let disk = |capacity_bytes, available_bytes| ImageFilesystem { capacity_bytes, available_bytes };
        assert_eq!(disk(0, 10).used_percent(), None);
        assert_eq!(disk(u64::MAX, u64::MAX).used_percent(), Some(0));
        assert_eq!(disk(10, u64::MAX).used_percent(), Some(0));
        assert_eq!(disk(u64::MAX, 0).used_percent(), Some(100));
        let policy = ImageGcPolicy { low_threshold_percent: 0, ..ImageGcPolicy::default() };
        assert_eq!(disk(u64::MAX, 0).missing_bytes(&policy), i64::MAX);
        assert_eq!(disk(199, 45).missing_bytes(&ImageGcPolicy::default()), 39 - 45);
    }
}
