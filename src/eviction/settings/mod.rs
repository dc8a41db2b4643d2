//! What a node's configuration says about evictions.
//!
//! [`EvictionSettings`] are the eviction fields of a `KubeletConfiguration`, as they are written.
//! [`EvictionSettings::config`] reads them:
//!
//! - Without `evictionHard` the defaults of the [`Platform`] count. With it they do not, whichever signals it names,
//!   unless `mergeDefaultEvictionSettings` is true (Kubernetes 1.33): then what it does not name has its default.
//! - A value is a quantity above zero, or a percentage from 0 to 100 of what there is. The texts `0%` and `100%`
//!   switch the signal off.
//! - Each signal of `evictionSoft` needs a grace period. One of zero makes it a hard threshold.
//! - What `evictionMinimumReclaim` says of a signal is for its hard and its soft threshold. It is a quantity, zero
//!   included, or a percentage above zero.
//! - Where `enforceNodeAllocatable` has `pods`, as by default, the pods' cgroup gets the hard thresholds of
//!   `memory.available` as its own: `allocatableMemory.available`.
//!
//! Everything that is wrong is said at once, with what would be right. What is different here: the kubelet reads
//! percentages as Go reads a number, behind any number of `%`. [`Compat::accept_malformed_percentages`] is its way.
//!
//! ```
//! use node_lifecycle::behaviour::Compat;
//! use node_lifecycle::eviction::{EvictionSettings, Platform};
//!
//! let kubelet = r#"{"kind": "KubeletConfiguration", "maxPods": 50,
//!     "evictionHard": {"memory.available": "1Gi", "nodefs.available": "100%"}, "enforceNodeAllocatable": []}"#;
//! let settings: EvictionSettings = serde_json::from_str(kubelet)?;
//! let (config, notices) = settings.config(Platform::Linux, Compat::default())?;
//! assert_eq!(config.thresholds.len(), 1);
//! assert_eq!(config.thresholds[0].to_string(), "memory.available<1Gi");
//! assert_eq!(notices[0].to_string(), "evictionHard[nodefs.available]: `100%` switches it off");
//!
//! let settings: EvictionSettings = serde_json::from_str(r#"{"evictionSoft": {"memory.available": "7%%"}}"#)?;
//! assert_eq!(
//!     settings.config(Platform::Linux, Compat::default()).unwrap_err().to_string(),
//!     "evictionSoft[memory.available]: `7%%` is no percentage: expected a decimal number and one %, such as 12.5%\n\
//!      evictionSoftGracePeriod[memory.available]: is missing: expected how long the soft threshold may be met, \
//!      such as 1m30s"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod reading;
mod share;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use error::{ThresholdError, ThresholdErrors, ThresholdField, ThresholdNotice, ThresholdProblem};
pub(super) use reading::Reading;

use super::EvictionConfig;
use crate::api::{GoDuration, nullable};
use crate::behaviour::Compat;

/// The eviction fields of a `KubeletConfiguration`. Its other fields pass, so that a whole one can be read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EvictionSettings {
    /// By signal, below which value pods are evicted at once. Absent: the defaults of the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction_hard: Option<BTreeMap<String, String>>,
    /// By signal, below which value pods are evicted if it lasts.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "BTreeMap::is_empty")]
    pub eviction_soft: BTreeMap<String, String>,
    /// By signal, how long a soft threshold may be met: durations as Go writes them.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "BTreeMap::is_empty")]
    pub eviction_soft_grace_period: BTreeMap<String, String>,
    /// By signal, how much more than its threshold has to be left before it is no longer short.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "BTreeMap::is_empty")]
    pub eviction_minimum_reclaim: BTreeMap<String, String>,
    /// What is held to what the node allots to pods. Absent: `pods`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforce_node_allocatable: Option<Vec<String>>,
    /// Whether signals that `evictionHard` does not name have their defaults. Absent: they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge_default_eviction_settings: Option<bool>,
    /// How long a condition of the node stays after it was last met. Absent or zero: 5 min, as Kubernetes reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction_pressure_transition_period: Option<GoDuration>,
    /// The most seconds of grace that a pod has which is evicted for a soft threshold. Absent: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction_max_pod_grace_period: Option<i32>,
    /// Whether pods are held to their limits of local disk. Absent: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_storage_capacity_isolation: Option<bool>,
}

/// What a node runs on. Its default thresholds follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Linux.
    #[default]
    Linux,
    /// Windows.
    Windows,
    /// Anything else.
    Other,
}

impl Platform {
    /// `evictionHard`, where the configuration has none, as of Kubernetes 1.32: signals and values, in the order of
    /// the signals' names.
    #[must_use]
    pub const fn default_eviction_hard(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Linux => &[
                ("imagefs.available", "15%"),
                ("imagefs.inodesFree", "5%"),
                ("memory.available", "100Mi"),
                ("nodefs.available", "10%"),
                ("nodefs.inodesFree", "5%"),
            ],
            Self::Windows => {
                &[("imagefs.available", "15%"), ("memory.available", "500Mi"), ("nodefs.available", "10%")]
            }
            Self::Other => {
                &[("imagefs.available", "15%"), ("memory.available", "100Mi"), ("nodefs.available", "10%")]
            }
        }
    }
}

impl EvictionSettings {
    /// What an eviction manager runs with, and what is worth telling whoever wrote the settings.
    ///
    /// The thresholds are in the order of [`Threshold::precedence`](super::Threshold::precedence). What is no setting
    /// of a `KubeletConfiguration` has its default.
    ///
    /// # Errors
    /// Everything that is wrong with the thresholds at once.
    pub fn config(
        &self,
        platform: Platform,
        compat: Compat,
    ) -> Result<(EvictionConfig, Vec<ThresholdNotice>), ThresholdErrors> {
        let reading = Reading::of(self, platform, compat);
        if !reading.errors.is_empty() {
            return Err(ThresholdErrors(reading.errors));
        }
        let mut config = EvictionConfig::with_thresholds(reading.thresholds);
        if let Some(GoDuration(period)) = self.eviction_pressure_transition_period
            && period != Duration::ZERO
        {
            config.pressure_transition_period = period;
        }
        config.max_pod_grace_period_seconds = self.eviction_max_pod_grace_period.unwrap_or_default().into();
        config.local_storage_capacity_isolation = self.local_storage_capacity_isolation.unwrap_or(true);
        let mut notices = reading.notices;
        if self.eviction_hard.is_some() && self.merge_default_eviction_settings != Some(true) {
            let dropped = self.unnamed_defaults(platform);
            notices.extend(dropped.map(|&(signal, text)| ThresholdNotice::DefaultDropped { signal, text }));
        }
        Ok((config, notices))
    }

    /// `evictionHard` with the defaults that count beside it: signals and values.
    pub fn eviction_hard_in_force(&self, platform: Platform) -> impl Iterator<Item = (&str, &str)> {
        let named =
            self.eviction_hard.iter().flatten().map(|(signal, value)| (signal.as_str(), value.as_str()));
        let inherits = self.eviction_hard.is_none() || self.merge_default_eviction_settings == Some(true);
        let defaults = self.unnamed_defaults(platform).filter(move |_| inherits);
        named.chain(defaults.map(|&(signal, value)| (signal, value)))
    }

    /// The defaults of the signals that `evictionHard` does not name.
    fn unnamed_defaults(
        &self,
        platform: Platform,
    ) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        let is_named = |signal| self.eviction_hard.as_ref().is_some_and(|named| named.contains_key(signal));
        platform.default_eviction_hard().iter().filter(move |(signal, _)| !is_named(*signal))
    }
}
