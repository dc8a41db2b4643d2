//! How much of each thing the node has left.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Signal;
use crate::machine::Timestamp;

/// What is left of something and how much there is of it, at an instant.
///
/// Bytes, inodes or processes, by its [`Signal`]. What is available may be negative, where more processes run than
/// may, and above the capacity, where two numbers were read at different times; both are taken as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Level {
    /// What is left.
    pub available: i64,
    /// How much there is in all. Percentages are of this.
    pub capacity: i64,
    /// When it was measured. Without a time it counts as measured just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
}

impl Level {
    /// Whether it was measured later than `earlier`, as far as is known: without a time of its own, or with
    /// nothing earlier to compare it with, it was.
    #[must_use]
    pub fn is_fresh_after(&self, earlier: Option<&Self>) -> bool {
        let Some(earlier) = earlier else { return true };
        // An earlier one without a time is older than everything.
        self.time.is_none() || self.time > earlier.time
    }
}

/// The [`Level`] of each signal that was observed. In serde it is a map by the signals' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "BTreeMap<Signal, Level>", into = "BTreeMap<Signal, Level>")]
pub struct Levels([Option<Level>; Signal::ALL.len()]);

impl Levels {
    /// That of one signal, if it was observed.
    #[must_use]
    pub const fn get(&self, signal: Signal) -> Option<&Level> {
        self.0[signal as usize].as_ref()
    }

    /// Sets that of one signal.
    pub const fn set(&mut self, signal: Signal, level: Option<Level>) {
        self.0[signal as usize] = level;
    }

    /// The same with one signal's level set.
    #[must_use]
    pub const fn with(mut self, signal: Signal, level: Level) -> Self {
        self.set(signal, Some(level));
        self
    }

    /// All that were observed, in the order of the signals' names.
    pub fn iter(&self) -> impl Iterator<Item = (Signal, &Level)> {
        Signal::ALL.into_iter().filter_map(|signal| Some((signal, self.get(signal)?)))
    }
}

impl Levels {
    /// Leaves out when each was measured, so that all count as measured just now.
    pub(super) fn forget_times(&mut self) {
        self.0.iter_mut().flatten().for_each(|level| level.time = None);
    }

    /// The times of all measurements.
    pub(super) fn times_mut(&mut self) -> impl Iterator<Item = &mut Timestamp> {
        self.0.iter_mut().flatten().filter_map(|level| level.time.as_mut())
    }
}

impl FromIterator<(Signal, Level)> for Levels {
    fn from_iter<I: IntoIterator<Item = (Signal, Level)>>(levels: I) -> Self {
        levels.into_iter().fold(Self::default(), |all, (signal, level)| all.with(signal, level))
    }
}

impl From<BTreeMap<Signal, Level>> for Levels {
    fn from(levels: BTreeMap<Signal, Level>) -> Self {
        levels.into_iter().collect()
    }
}

impl From<Levels> for BTreeMap<Signal, Level> {
    fn from(levels: Levels) -> Self {
        levels.iter().map(|(signal, level)| (signal, *level)).collect()
    }
}
