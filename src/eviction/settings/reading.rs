//! From texts to thresholds, in the order in which the kubelet reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::share::parse_go_float;
use super::{EvictionSettings, Platform, ThresholdError, ThresholdField, ThresholdNotice, ThresholdProblem};
use crate::api::{GoDuration, Quantity};
use crate::behaviour::Compat;
use crate::eviction::{Signal, Threshold, ThresholdValue};

/// What switches a signal off, to the letter: `0.0%` does not.
const OFF: [&str; 2] = ["0%", "100%"];

/// What was read so far.
pub(in crate::eviction) struct Reading {
    compat: Compat,
    pub(in crate::eviction) thresholds: Vec<Threshold>,
    pub(super) notices: Vec<ThresholdNotice>,
    pub(super) errors: Vec<ThresholdError>,
}

impl Reading {
    pub(in crate::eviction) fn of(settings: &EvictionSettings, platform: Platform, compat: Compat) -> Self {
        let mut reading =
            Self { compat, thresholds: Vec::with_capacity(8), notices: Vec::new(), errors: Vec::new() };
        reading.values(ThresholdField::Hard, settings.eviction_hard_in_force(platform));
        let hard = reading.thresholds.len();
        reading.values(ThresholdField::Soft, entries(&settings.eviction_soft));
        reading.grace_periods(&settings.eviction_soft_grace_period, hard);
        reading.min_reclaims(&settings.eviction_minimum_reclaim);
        reading.missing_grace_periods(settings);
        let pods_are_held = settings.enforce_node_allocatable.as_ref();
        if pods_are_held.is_none_or(|enforced| enforced.iter().any(|key| key == "pods")) {
            reading.copy_for_allocatable_memory();
        }
        reading.thresholds.sort_by(Threshold::precedence);
        reading
    }

    /// Hard or soft thresholds.
    fn values<'a>(&mut self, field: ThresholdField, entries: impl Iterator<Item = (&'a str, &'a str)>) {
        for (name, text) in entries {
            let Some(signal) = self.signal(field, name, text) else { continue };
            if let Some(text) = OFF.into_iter().find(|off| *off == text) {
                self.notices.push(ThresholdNotice::SwitchedOff { field, signal, text });
                continue;
            }
            match self.value(text) {
                Ok(value) => self.thresholds.push(Threshold {
                    signal,
                    value,
                    grace_period: Duration::ZERO,
                    min_reclaim: None,
                }),
                Err(problem) => self.refuse(field, name, Some(text), problem),
            }
        }
    }

    /// Those of the soft thresholds, which stand behind `hard` others.
    fn grace_periods(&mut self, entries: &BTreeMap<String, String>, hard: usize) {
        let field = ThresholdField::SoftGracePeriod;
        for (name, text) in entries {
            let Some(signal) = self.signal(field, name, text) else { continue };
            match grace_period(text) {
                Ok(period) => {
                    let soft = self.thresholds.iter_mut().skip(hard);
                    soft.filter(|threshold| threshold.signal == signal)
                        .for_each(|threshold| threshold.grace_period = period);
                }
                Err(problem) => self.refuse(field, name, Some(text), problem),
            }
        }
    }

    fn min_reclaims(&mut self, entries: &BTreeMap<String, String>) {
        let field = ThresholdField::MinimumReclaim;
        for (name, text) in entries {
            let Some(signal) = self.signal(field, name, text) else { continue };
            match self.min_reclaim(text) {
                Ok(value) => {
                    let of_signal = self.thresholds.iter_mut().filter(|threshold| threshold.signal == signal);
                    of_signal.for_each(|threshold| threshold.min_reclaim = Some(value.clone()));
                }
                Err(problem) => self.refuse(field, name, Some(text), problem),
            }
        }
    }

    fn missing_grace_periods(&mut self, settings: &EvictionSettings) {
        for (name, text) in &settings.eviction_soft {
            let counts = Signal::from_name(name).is_some() && !OFF.contains(&text.as_str());
            if counts && !settings.eviction_soft_grace_period.contains_key(name) {
                let problem = ThresholdProblem::NoGracePeriod;
                self.refuse(ThresholdField::SoftGracePeriod, name, None, problem);
            }
        }
    }

    /// The pods' cgroup has the hard thresholds of the node's memory.
    fn copy_for_allocatable_memory(&mut self) {
        let is_copied =
            |threshold: &&Threshold| threshold.signal == Signal::MemoryAvailable && threshold.is_hard();
        let copy = |threshold: &Threshold| Threshold {
            signal: Signal::AllocatableMemoryAvailable,
            ..threshold.clone()
        };
        let copies: Vec<_> = self.thresholds.iter().filter(is_copied).map(copy).collect();
        self.thresholds.extend(copies);
    }

    fn signal(&mut self, field: ThresholdField, name: &str, text: &str) -> Option<Signal> {
        let known = Signal::from_name(name);
        if known.is_none() {
            self.refuse(field, name, Some(text), ThresholdProblem::UnknownSignal);
        }
        known
    }

    fn value(&self, text: &str) -> Result<ThresholdValue, ThresholdProblem> {
        if text.ends_with('%') {
            return match self.share(text)? {
                share if share < 0.0 => Err(ThresholdProblem::Below0),
                share if share > 1.0 => Err(ThresholdProblem::Above100),
                share => Ok(ThresholdValue::Percentage(share)),
            };
        }
        let quantity = Quantity::parse(text).map_err(ThresholdProblem::Quantity)?;
        if quantity.signum() > 0 {
            Ok(ThresholdValue::Quantity(quantity))
        } else {
            Err(ThresholdProblem::NotPositive(quantity))
        }
    }

    fn min_reclaim(&self, text: &str) -> Result<ThresholdValue, ThresholdProblem> {
        if text.ends_with('%') {
            return match self.share(text)? {
                share if share <= 0.0 => Err(ThresholdProblem::ReclaimNotAbove0),
                share => Ok(ThresholdValue::Percentage(share)),
            };
        }
        let quantity = Quantity::parse(text).map_err(ThresholdProblem::Quantity)?;
        if quantity.signum() >= 0 {
            Ok(ThresholdValue::Quantity(quantity))
        } else {
            Err(ThresholdProblem::NegativeReclaim)
        }
    }

    fn share(&self, text: &str) -> Result<f32, ThresholdProblem> {
        let number = text.trim_end_matches('%');
        let read = parse_go_float(number).map_err(|_| ThresholdProblem::Percentage)?;
        let is_plain = read.is_decimal && number.len() + 1 == text.len();
        if is_plain || self.compat.accept_malformed_percentages {
            Ok(read.value / 100.0)
        } else {
            Err(ThresholdProblem::Percentage)
        }
    }

    fn refuse(&mut self, field: ThresholdField, signal: &str, text: Option<&str>, problem: ThresholdProblem) {
        let text = text.map(str::to_owned);
        self.errors.push(ThresholdError { field, signal: signal.to_owned(), text, problem });
    }
}

fn grace_period(text: &str) -> Result<Duration, ThresholdProblem> {
    // Go's durations may have a sign.
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned.parse() {
        Ok(GoDuration(period)) if text.starts_with('-') && period != Duration::ZERO => {
            Err(ThresholdProblem::NegativeGracePeriod)
        }
        Ok(GoDuration(period)) => Ok(period),
        Err(error) => Err(ThresholdProblem::Duration(error)),
    }
}

fn entries(map: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    map.iter().map(|(signal, text)| (signal.as_str(), text.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let settings: EvictionSettings = serde_json::from_str(
            r#"{"evictionHard": {"memory.Available": "1Gi", "nodefs.available": "150%", "pid.available": "0"},
                "evictionSoft": {"imagefs.available": "1e", "memory.available": "nan%"},
                "evictionSoftGracePeriod": {"memory.available": "-30s", "pid.available": "30"},
                "evictionMinimumReclaim": {"nodefs.available": "-1", "pid.available": "0%"}}"#,
        )
        .unwrap();
        let errors = settings.config(Platform::Linux, Compat::default()).unwrap_err();
        let said: Vec<_> = errors
            .errors()
            .iter()
            .map(|error| (error.field, error.signal.as_str(), error.kubelet_message().unwrap_or_default()))
            .collect();
        let (hard, soft) = (ThresholdField::Hard, ThresholdField::Soft);
        let (grace, reclaim) = (ThresholdField::SoftGracePeriod, ThresholdField::MinimumReclaim);
        let expected = [
            (hard, "memory.Available", "unsupported eviction signal memory.Available"),
            (
                hard,
                "nodefs.available",
                "eviction percentage threshold nodefs.available must be <= 100%: 150%",
            ),
            (hard, "pid.available", "eviction threshold pid.available must be positive: 0"),
            (soft, "imagefs.available", "unable to parse quantity's suffix"),
            (soft, "memory.available", ""),
            (
                grace,
                "memory.available",
                "invalid eviction grace period specified: -30s, must be a positive value",
            ),
            (grace, "pid.available", "time: missing unit in duration \"30\""),
            (reclaim, "nodefs.available", "negative eviction minimum reclaim specified for nodefs.available"),
            (
                reclaim,
                "pid.available",
                "eviction percentage minimum reclaim pid.available must be positive: 0%",
            ),
            (
                grace,
                "imagefs.available",
                "grace period must be specified for the soft eviction threshold imagefs.available",
            ),
        ];
        assert_eq!(said, expected.map(|(field, signal, message)| (field, signal, message.to_owned())));
        assert!(errors.to_string().starts_with(
            "evictionHard[memory.Available]: `1Gi` is for an unknown signal: expected one of allocatable"
        ));
    }
}
