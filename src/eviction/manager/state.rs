//! What the manager remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::api::Uid;
use crate::eviction::{DiskLayout, Levels, Pressure, Pressures, Signal, Threshold};
use crate::machine::{OperationId, Operations, Timestamp};

/// What the manager remembers from tick to tick.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::eviction) struct State {
    pub(super) now: Timestamp,
    pub(super) operations: Operations,
    pub(super) phase: Phase,
    /// A memory notification came while something else was on its way.
    pub(super) notified: bool,
    /// How the disks are laid out, once that is known.
    pub(in crate::eviction) layout: Option<DiskLayout>,
    /// One a threshold, in the order of the configuration; those that follow from the layout come last.
    pub(in crate::eviction) watches: Vec<Watch>,
    /// What was last observed. Its times say what is fresh.
    pub(super) levels: Levels,
    /// When each condition last held by what was observed.
    pub(super) last_pressed: [Option<Timestamp>; Pressure::ALL.len()],
    /// The conditions that the node was last said to have.
    pub(in crate::eviction) pressures: Pressures,
    /// Signals that are known to be unobserved.
    pub(super) unobserved: BTreeSet<Signal>,
}

/// What the manager is waiting for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Phase {
    /// The start of the agent.
    Start,
    /// The next tick.
    Interval { until: Timestamp },
    /// An observation, which begins a tick.
    Observation { operation: OperationId, until: Timestamp },
    /// That what no pod needs is freed.
    Reclaim { operation: OperationId, until: Timestamp },
    /// An observation that says what that has brought.
    Check { operation: OperationId, until: Timestamp },
    /// That pods which have to go are gone.
    Cleanup {
        /// By their evictions, as long as these are not answered.
        pods: BTreeMap<Uid, Option<OperationId>>,
        /// Whether any that had to go is gone already.
        any_gone: bool,
        until: Timestamp,
    },
}

/// A threshold, and how it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::eviction) struct Watch {
    pub(in crate::eviction) threshold: Threshold,
    /// Since when it has been met, if it is.
    pub(super) since: Option<Timestamp>,
    /// Whether it was met for its grace period: it is until the least is freed that has to be.
    pub(super) is_held: bool,
    /// Whether the node was asked to free what no pod needs, and it is not known yet what that has brought.
    pub(super) is_reclaimed: bool,
}

impl State {
    pub(super) fn new(thresholds: &[Threshold], now: Timestamp) -> Self {
        Self {
            now,
            operations: Operations::of_epoch(0),
            phase: Phase::Start,
            notified: false,
            layout: None,
            watches: thresholds.iter().cloned().map(Watch::new).collect(),
            levels: Levels::default(),
            last_pressed: [None; Pressure::ALL.len()],
            pressures: Pressures::NONE,
            unobserved: BTreeSet::new(),
        }
    }

    /// The same thresholds in another form or number: each goes on as the one of its signal and grace period did.
    pub(super) fn watch(&mut self, thresholds: impl IntoIterator<Item = Threshold>) {
        let mut before = std::mem::take(&mut self.watches);
        self.watches.extend(thresholds.into_iter().map(|threshold| {
            let same = |watch: &Watch| {
                (watch.threshold.signal, watch.threshold.grace_period)
                    == (threshold.signal, threshold.grace_period)
            };
            match before.iter().position(same) {
                Some(at) => Watch { threshold, ..before.remove(at) },
                None => Watch::new(threshold),
            }
        }));
    }

    /// Moves every instant back.
    pub(super) fn move_back(&mut self, by: Duration) {
        let back = |time: &mut Timestamp| *time = time.moved_back(by);
        back(&mut self.now);
        self.phase.until_mut().into_iter().for_each(back);
        self.watches.iter_mut().filter_map(|watch| watch.since.as_mut()).for_each(back);
        self.levels.times_mut().for_each(back);
        self.last_pressed.iter_mut().flatten().for_each(back);
    }
}

impl Watch {
    fn new(threshold: Threshold) -> Self {
        Self { threshold, since: None, is_held: false, is_reclaimed: false }
    }
}

impl Phase {
    /// When it is given up. At the end of time nothing is.
    pub(super) fn until(&self) -> Option<Timestamp> {
        let until = match self {
            Self::Start => return None,
            Self::Interval { until }
            | Self::Observation { until, .. }
            | Self::Reclaim { until, .. }
            | Self::Check { until, .. }
            | Self::Cleanup { until, .. } => *until,
        };
        Some(until).filter(|until| *until < Timestamp::MAX)
    }

    const fn until_mut(&mut self) -> Option<&mut Timestamp> {
        match self {
            Self::Start => None,
            Self::Interval { until }
            | Self::Observation { until, .. }
            | Self::Reclaim { until, .. }
            | Self::Check { until, .. }
            | Self::Cleanup { until, .. } => Some(until),
        }
    }
}
