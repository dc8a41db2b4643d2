//! A configuration that is being read, and what was wrong so far.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ConfigConversionError, ConfigConversionErrors};
use crate::api::GoDuration;
use crate::behaviour::{Behaviour, Compat, FeatureGates};
use crate::config::{Host, KubeletConfiguration, SignedDuration};
use crate::eviction::{EvictionConfig, EvictionSettings, ThresholdNotice};

/// A configuration that is being read for machines. What is wrong is kept, and a default stands in for it.
pub(super) struct Reading<'a> {
    /// With its defaults.
    pub(super) config: KubeletConfiguration,
    pub(super) host: &'a Host,
    pub(super) compat: Compat,
    errors: Vec<ConfigConversionError>,
    /// Where the errors of each path stand: a hostile file has many.
    by_path: BTreeMap<String, Vec<usize>>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(config: &KubeletConfiguration, host: &'a Host, compat: Compat) -> Self {
        Self {
            config: config.clone().with_defaults(),
            host,
            compat,
            errors: Vec::new(),
            by_path: BTreeMap::new(),
        }
    }

    /// What was read, if nothing was wrong with it.
    pub(super) fn finish<T>(self, read: fn(&mut Self) -> T) -> Result<T, ConfigConversionErrors> {
        let (settings, errors) = self.finish_anyway(read);
        if errors.is_empty() { Ok(settings) } else { Err(ConfigConversionErrors(errors)) }
    }

    /// What was read, with defaults for what was wrong.
    pub(super) fn finish_anyway<T>(mut self, read: fn(&mut Self) -> T) -> (T, Vec<ConfigConversionError>) {
        (read(&mut self), self.errors)
    }

    /// Keeps what is wrong. A field that several machines read is wrong once.
    pub(super) fn refuse(&mut self, error: impl Into<ConfigConversionError>) {
        let error = error.into();
        let same_path = self.by_path.entry(error.path()).or_default();
        if !same_path.iter().any(|known| self.errors.get(*known) == Some(&error)) {
            same_path.push(self.errors.len());
            self.errors.push(error);
        }
    }

    /// A duration from zero.
    pub(super) fn duration(&mut self, path: &'static str, value: SignedDuration) -> Duration {
        value.to_duration().unwrap_or_else(|| {
            self.refuse(ConfigConversionError::Duration { path, value, expected: "0s or more" });
            Duration::ZERO
        })
    }

    /// A number from zero.
    pub(super) fn natural(&mut self, path: &'static str, value: i32) -> u32 {
        u32::try_from(value).unwrap_or_else(|_| {
            let value = value.into();
            self.refuse(ConfigConversionError::Number { path, value, expected: "0 or more" });
            0
        })
    }

    /// A word that is none of those that mean something.
    pub(super) fn refuse_word(
        &mut self,
        path: &'static str,
        value: String,
        expected: &'static [&'static str],
    ) {
        self.refuse(ConfigConversionError::Word { path, value, expected });
    }

    /// Which gates are on, and what is copied of the kubelet.
    pub(super) fn behaviour(&mut self) -> Behaviour {
        Behaviour { gates: self.gates(), compat: self.compat }
    }

    /// Which gates are on.
    pub(super) fn gates(&mut self) -> FeatureGates {
        match self.host.gates.apply(&self.config.feature_gate_settings()) {
            Ok(effective) => effective.typed(),
            Err(errors) => {
                errors.into_iter().for_each(|error| self.refuse(error));
                FeatureGates::default()
            }
        }
    }

    pub(super) fn eviction(&mut self) -> EvictionConfig {
        self.eviction_with_notices().0
    }

    /// What an eviction manager runs with, and what is worth telling whoever wrote it.
    pub(super) fn eviction_with_notices(&mut self) -> (EvictionConfig, Vec<ThresholdNotice>) {
        match self.eviction_settings().config(self.host.platform, self.compat) {
            Ok(read) => read,
            Err(errors) => {
                errors.errors().iter().for_each(|error| self.refuse(error.clone()));
                Default::default()
            }
        }
    }

    /// The texts of the thresholds as they are written: what is wrong with them is said when they are read.
    pub(super) fn eviction_settings(&mut self) -> EvictionSettings {
        const TRANSITION: &str = "evictionPressureTransitionPeriod";
        let transition = self.duration(TRANSITION, self.config.eviction_pressure_transition_period);
        const GRACE: &str = "evictionMaxPodGracePeriod";
        let grace = self.config.eviction_max_pod_grace_period;
        self.natural(GRACE, grace);
        let config = self.config.clone();
        EvictionSettings {
            eviction_hard: config.eviction_hard,
            eviction_soft: config.eviction_soft,
            eviction_soft_grace_period: config.eviction_soft_grace_period,
            eviction_minimum_reclaim: config.eviction_minimum_reclaim,
            enforce_node_allocatable: config.enforce_node_allocatable,
            merge_default_eviction_settings: config.merge_default_eviction_settings,
            eviction_pressure_transition_period: Some(GoDuration(transition)),
            eviction_max_pod_grace_period: Some(grace),
            local_storage_capacity_isolation: config.local_storage_capacity_isolation,
        }
    }
}
