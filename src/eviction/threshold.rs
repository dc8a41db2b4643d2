//! When something is low.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::amount::in_nanos;
use super::{Level, Signal};
use crate::api::Quantity;

/// When a signal is low, for how long it may be, and how much has to be freed then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Threshold {
    /// What is watched.
    pub signal: Signal,
    /// It is low when less than this is left.
    pub value: ThresholdValue,
    /// How long it may be low before pods are evicted for it. Zero makes the threshold a hard one.
    #[serde(default)]
    pub grace_period: Duration,
    /// Once it has been low for that long, it stays so until this much more than `value` is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_reclaim: Option<ThresholdValue>,
}

/// An amount, or a share of what there is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ThresholdValue {
    /// Bytes, inodes or processes.
    Quantity(Quantity),
    /// A share of the capacity: 0.1 is ten percent.
    Percentage(#[serde(serialize_with = "as_share", deserialize_with = "from_share")] f32),
}

impl Threshold {
    /// Whether it has no grace period: pods are evicted at once, with the least grace there is. A soft threshold
    /// with a grace period of zero is a hard one.
    #[must_use]
    pub const fn is_hard(&self) -> bool {
        self.grace_period.is_zero()
    }

    /// Whether `level` is below it.
    #[must_use]
    pub fn is_met(&self, level: &Level) -> bool {
        self.value.nanos(level.capacity) > in_nanos(level.available)
    }

    /// The most that may be left, in whole numbers, where it is met. None where it never is.
    pub(super) fn highest_below(&self, capacity: i64) -> Option<i128> {
        let highest = self.value.nanos(capacity).saturating_sub(1).div_euclid(in_nanos(1));
        Some(highest).filter(|highest| *highest >= i128::from(i64::MIN))
    }

    /// Whether `level` is not above it by what has to be freed.
    #[must_use]
    pub fn is_unresolved(&self, level: &Level) -> bool {
        self.needed_nanos(level, true) > in_nanos(level.available)
    }

    /// How much has to be left; where it `is_held`, with what has to be freed.
    #[must_use]
    pub fn needed(&self, level: &Level, is_held: bool) -> Quantity {
        self.quantity(self.needed_nanos(level, is_held))
    }

    /// How much more is left than is [needed](Self::needed); below zero, how much is missing.
    #[must_use]
    pub fn headroom(&self, level: &Level, is_held: bool) -> Quantity {
        self.quantity(in_nanos(level.available).saturating_sub(self.needed_nanos(level, is_held)))
    }

    fn needed_nanos(&self, level: &Level, is_held: bool) -> i128 {
        let min_reclaim = self.min_reclaim.as_ref().filter(|_| is_held);
        let min_reclaim = min_reclaim.map_or(0, |value| value.nanos(level.capacity));
        self.value.nanos(level.capacity).saturating_add(min_reclaim)
    }

    /// An amount of what the signal is of.
    fn quantity(&self, nanos: i128) -> Quantity {
        Quantity::from_nanos(nanos, self.signal.resource().format())
    }
}

impl ThresholdValue {
    /// The amount that it comes to where there is `capacity` in all, as messages print it. A share is cut to a whole
    /// number, as the kubelet cuts it.
    #[must_use]
    pub fn amount(&self, capacity: i64) -> Quantity {
        match self {
            Self::Quantity(quantity) => quantity.clone(),
            Self::Percentage(share) => {
                Quantity::from_units(share_of(capacity, *share)).with_format(crate::api::Format::BinarySi)
            }
        }
    }

    /// The same in billionths, saturating.
    fn nanos(&self, capacity: i64) -> i128 {
        match self {
            Self::Quantity(quantity) => quantity.nanos_saturating(),
            Self::Percentage(share) => in_nanos(share_of(capacity, *share)),
        }
    }
}

/// A share that is no number is of nothing: it is below everything.
#[expect(clippy::cast_possible_truncation, reason = "a share is cut to a whole number, and saturates")]
#[expect(clippy::cast_precision_loss, reason = "as the kubelet computes it")]
fn share_of(capacity: i64, share: f32) -> i64 {
    if share.is_nan() { i64::MIN } else { (capacity as f64 * f64::from(share)) as i64 }
}

/// Not every format has a number that is none: such a share is text.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn as_share<S: Serializer>(share: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    if share.is_finite() { serializer.serialize_f32(*share) } else { serializer.collect_str(share) }
}

fn from_share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Share {
        Number(f32),
        Text(String),
    }
    match Share::deserialize(deserializer)? {
        Share::Number(share) => Ok(share),
        Share::Text(text) => text.parse().map_err(de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_reads_back_whether_it_is_a_number_or_not() {
        for share in [0.1_f32, 1.0, f32::MIN_POSITIVE, f32::INFINITY, f32::NAN] {
            let text = serde_json::to_string(&ThresholdValue::Percentage(share)).unwrap();
            let read: ThresholdValue = serde_json::from_str(&text).unwrap();
            assert!(
                matches!(read, ThresholdValue::Percentage(read) if read.total_cmp(&share).is_eq()),
                "{text}"
            );
        }
    }
}
