//! Why a tick of the eviction manager came out as it did.

mod build;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Action, DiskLayout, Event, EvictionConfig, EvictionConfigError, EvictionPod, LimitExceeded, Manager,
    NodeReclaim, Observation, Outcome, Pressures, RankBy, RankKey, Signal, Threshold,
};
use crate::api::{Quantity, Uid};
use crate::behaviour::Behaviour;
use crate::machine::{Machine, Timestamp};

/// Why a tick came out as it did, in the order in which it went: what was observed, which thresholds were met and since
/// when, what was freed, who was considered and by what, who had to go, and what would have changed that.
///
/// It displays as a text for a person; serde gives the same as data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Explanation {
    /// When the tick began.
    pub at: Timestamp,
    /// Why the node could not be observed, or why its disks do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Arc<str>>,
    /// How the disks are laid out, if that is known.
    pub layout: Option<DiskLayout>,
    /// Every threshold, in the order in which they count.
    pub thresholds: Vec<ThresholdExplanation>,
    /// The conditions that the node has.
    pub pressures: Pressures,
    /// Pods that use more local disk than their own limits allow.
    pub over_limit: Vec<LimitExplanation>,
    /// What was freed that no pod needs, in order.
    pub reclaims: Vec<ReclaimExplanation>,
    /// The thresholds that were acted on, in order, and what came of each.
    pub steps: Vec<StepExplanation>,
    /// Whose turn it is, for the threshold that was acted on last; where none was, for the first that is met. `None`
    /// also where it is not known what of a pod is on which disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranking: Option<Ranking>,
    /// Who had to go.
    pub evicted: Vec<EvictedExplanation>,
    /// What would have made another of it, where a pod had to go for a threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Otherwise>,
}

/// How a threshold stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ThresholdExplanation {
    /// The threshold.
    pub threshold: Threshold,
    /// What was observed of its signal.
    pub sight: Sight,
    /// What is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<i64>,
    /// How much there is in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<i64>,
    /// What has to be left, as an amount; with what has to be freed if it was met for its grace period before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed: Option<Quantity>,
    /// How much more is left than has to be; below zero, how much is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headroom: Option<Quantity>,
    /// Whether it is met, and since when.
    pub state: ThresholdState,
}

/// Whether a threshold is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum ThresholdState {
    /// It is not.
    Unmet,
    /// It is, and its grace period goes on.
    InGrace {
        /// Since when.
        since: Timestamp,
        /// When the grace period is over.
        until: Timestamp,
    },
    /// It is, for its grace period at least.
    Met {
        /// Since when.
        since: Timestamp,
    },
    /// It was, and not enough has been freed since.
    Held {
        /// Since when.
        since: Timestamp,
    },
    /// It did not count in this tick: it came from the layout of the disks only now, this is not known, or the node
    /// could not be observed.
    NotCounted,
}

/// What was observed of a signal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sight {
    /// A measurement that is later than the last one.
    Fresh,
    /// The same measurement as before: it drives no eviction.
    Stale,
    /// Nothing: its thresholds stay as they were.
    #[default]
    Unobserved,
}

/// A pod that uses more local disk than its own limits allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LimitExplanation {
    /// The pod.
    pub pod: PodName,
    /// The first limit that it exceeds.
    pub exceeded: LimitExceeded,
    /// Whether it stays all the same, because it is critical.
    pub is_spared: bool,
}

/// Something that was freed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ReclaimExplanation {
    /// What.
    pub what: NodeReclaim,
    /// Bytes, if anyone counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freed_bytes: Option<u64>,
    /// Why that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Arc<str>>,
    /// Whether it is still going on.
    pub is_pending: bool,
}

/// A threshold that was acted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StepExplanation {
    /// Its signal.
    pub signal: Signal,
    /// Whether it is a hard one.
    pub is_hard: bool,
    /// What came of it.
    pub outcome: Step,
    /// What is left after what no pod needs was freed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_after: Option<i64>,
    /// What has to be left by then, with what has to be freed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed_after: Option<Quantity>,
}

/// What came of acting on a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// What no pod needs is being freed.
    Reclaims,
    /// That was enough.
    Resolved,
    /// What that has brought is not known: the next tick says.
    Unproven,
    /// There is no pod that can go.
    NobodyCanGo,
    /// It is not known what of a pod is on which disk.
    NoRanking,
    /// A pod had to go.
    Evicts,
}

/// Pods in the order in which they go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Ranking {
    /// For which signal.
    pub signal: Signal,
    /// What they are ordered by.
    pub by: RankBy,
    /// All active pods, also those that cannot go.
    pub pods: Vec<RankedName>,
}

/// A pod in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RankedName {
    /// The pod.
    #[serde(flatten)]
    pub pod: PodName,
    /// Whether it cannot go: it is static, a mirror, or of a priority that only the system has.
    pub is_critical: bool,
    /// What it was ordered by.
    pub key: RankKey,
}

/// What a pod is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodName {
    /// Its identity.
    pub uid: Uid,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// A pod that had to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EvictedExplanation {
    /// The pod.
    pub pod: PodName,
    /// Seconds of grace.
    pub grace_seconds: i64,
    /// What its status says.
    pub message: Arc<str>,
    /// Why that was refused, so that it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Arc<str>>,
}

/// What would have made another of an eviction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Otherwise {
    /// How much more would have had to be left for nobody to go, of each signal that evictions are due for: bytes,
    /// inodes or processes.
    pub enough: BTreeMap<Signal, Quantity>,
    /// Who is next in line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<PodName>,
    /// How much less the chosen pod would have had to use for the next one to go instead. `None`: it would have gone
    /// whatever it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub less: Option<u64>,
}

impl From<&EvictionPod> for PodName {
    fn from(pod: &EvictionPod) -> Self {
        Self { uid: pod.uid.clone(), namespace: Arc::clone(&pod.namespace), name: Arc::clone(&pod.name) }
    }
}

/// What a node would do about one observation, as if it began with it: a soft threshold that is met begins its grace
/// period, and what no pod needs frees nothing.
///
/// # Errors
/// As [`Manager::new`].
pub fn explain(
    config: EvictionConfig,
    behaviour: Arc<Behaviour>,
    observation: &Arc<Observation>,
    now: Timestamp,
) -> Result<Option<Explanation>, EvictionConfigError> {
    let mut manager = Manager::new(config, behaviour, now)?;
    let mut actions = Vec::new();
    manager.step(now, Event::AgentStarted { epoch: 1 }, &mut actions);
    let mut seen = Arc::clone(observation);
    while let Some(action) = actions.pop() {
        let (operation, outcome) = match action {
            Action::Observe { operation } => (operation, Outcome::Observed(Arc::clone(&seen))),
            Action::Reclaim { operation, .. } => {
                // What is observed after that counts as measured then.
                let mut later = Observation::clone(&seen);
                later.levels.forget_times();
                seen = Arc::new(later);
                (operation, Outcome::Reclaimed { freed_bytes: None })
            }
            _ => continue,
        };
        actions.clear();
        manager.step(now, Event::Done { operation, outcome }, &mut actions);
    }
    Ok(manager.explanation())
}

#[cfg(test)]
mod tests;
