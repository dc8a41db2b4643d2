//! From what happened in a tick to why it did.

use std::collections::BTreeMap;

use super::{
    EvictedExplanation, Explanation, LimitExplanation, Otherwise, PodName, RankedName, Ranking,
    ReclaimExplanation, Sight, Step, StepExplanation, ThresholdExplanation, ThresholdState,
};
use crate::api::Quantity;
use crate::behaviour::Compat;
use crate::eviction::manager::{Standing, Watch};
use crate::eviction::rank::order;
use crate::eviction::{
    Manager, Observation, ObservedPod, RankBy, RankedPod, Signal, Threshold, exceeded_limits,
    local_storage_violation, rank,
};

impl Manager {
    /// Why the last tick came out as it did, or stands as it stands. `None` before the first one; a restart of the agent
    /// forgets it.
    #[must_use]
    pub fn explanation(&self) -> Option<Explanation> {
        let at = self.tick.at?;
        let observation = self.tick.observation.as_deref();
        let ranking = observation.and_then(|seen| Some(self.ranking(seen, self.ranked_signal()?)));
        let otherwise = observation.zip(ranking.as_ref()).and_then(|(seen, _)| self.otherwise(seen));
        Some(Explanation {
            at,
            problem: self.tick.error.clone(),
            layout: self.state.layout,
            thresholds: self.thresholds_explained(observation),
            pressures: self.state.pressures,
            over_limit: observation.map(|seen| self.over_limit(seen)).unwrap_or_default(),
            reclaims: self.reclaims_explained(),
            steps: self.steps_explained(),
            ranking,
            evicted: observation.map(|seen| self.evicted_explained(seen)).unwrap_or_default(),
            otherwise,
        })
    }

    fn thresholds_explained(&self, observation: Option<&Observation>) -> Vec<ThresholdExplanation> {
        let mut watches: Vec<_> = self.state.watches.iter().enumerate().collect();
        watches.sort_by(|(_, a), (_, b)| a.threshold.precedence(&b.threshold));
        let explained = watches.into_iter().map(|(at, watch)| {
            let standing = self.tick.standings.get(at);
            let level = observation.and_then(|seen| seen.levels.get(watch.threshold.signal));
            let is_held = standing.is_some_and(|standing| standing.was_held);
            ThresholdExplanation {
                threshold: watch.threshold.clone(),
                sight: standing.map(|standing| standing.sight).unwrap_or_default(),
                available: level.map(|level| level.available),
                capacity: level.map(|level| level.capacity),
                needed: level.map(|level| watch.threshold.needed(level, is_held)),
                headroom: level.map(|level| watch.threshold.headroom(level, is_held)),
                state: state_of(watch, standing, level.is_some()),
            }
        });
        explained.collect()
    }

    fn over_limit(&self, seen: &Observation) -> Vec<LimitExplanation> {
        let Some(layout) = self.state.layout.filter(|_| self.config.local_storage_capacity_isolation) else {
            return Vec::new();
        };
        let explained = seen.pods().iter().filter_map(|observed| {
            Some(LimitExplanation {
                pod: PodName::from(&**observed.pod()),
                exceeded: exceeded_limits(observed, layout).next()?,
                is_spared: local_storage_violation(observed, layout).is_none(),
            })
        });
        explained.collect()
    }

    fn reclaims_explained(&self) -> Vec<ReclaimExplanation> {
        let explained = self.tick.reclaims.iter().map(|reclaimed| {
            let (freed_bytes, error) = match &reclaimed.outcome {
                Some(Ok(freed_bytes)) => (*freed_bytes, None),
                Some(Err(error)) => (None, Some(error.clone())),
                None => (None, None),
            };
            let is_pending = reclaimed.outcome.is_none();
            ReclaimExplanation { what: reclaimed.what, freed_bytes, error, is_pending }
        });
        explained.collect()
    }

    fn steps_explained(&self) -> Vec<StepExplanation> {
        let explained = self.tick.due.iter().zip(&self.tick.steps).filter_map(|(at, outcome)| {
            let threshold = &self.state.watches.get(*at)?.threshold;
            let signal = threshold.signal;
            let after = self.tick.check.as_deref().and_then(|check| check.levels.get(signal));
            Some(StepExplanation {
                signal,
                is_hard: threshold.is_hard(),
                outcome: *outcome,
                available_after: after.map(|level| level.available),
                needed_after: after.map(|level| threshold.needed(level, true)),
            })
        });
        explained.collect()
    }

    /// The signal that pods are ranked for: that which was acted on last, or the first that is met.
    fn ranked_signal(&self) -> Option<Signal> {
        let is_met =
            |at: &usize| self.tick.standings.get(*at).is_some_and(|standing| standing.since.is_some());
        let mut met: Vec<_> = (0..self.state.watches.len()).filter(is_met).collect();
        met.sort_by(|a, b| {
            let threshold = |at: &usize| self.state.watches.get(*at).map(|watch| &watch.threshold);
            threshold(a).zip(threshold(b)).map_or(std::cmp::Ordering::Equal, |(a, b)| a.precedence(b))
        });
        let at = self.tick.driving().or(met.first().copied())?;
        Some(self.state.watches.get(at)?.threshold.signal).filter(|signal| self.has_ranking(*signal))
    }

    fn ranking(&self, seen: &Observation, signal: Signal) -> Ranking {
        let by = self.rank_by(signal);
        let named = rank(by, seen.pods(), self.behaviour.compat).into_iter().filter_map(|ranked| {
            let pod = seen.pods().get(ranked.index)?.pod();
            Some(RankedName { pod: PodName::from(&**pod), is_critical: pod.is_critical, key: ranked.key })
        });
        Ranking { signal, by, pods: named.collect() }
    }

    fn evicted_explained(&self, seen: &Observation) -> Vec<EvictedExplanation> {
        let explained = self.tick.evicted.iter().filter_map(|evicted| {
            Some(EvictedExplanation {
                pod: PodName::from(&**seen.pods().get(evicted.pod)?.pod()),
                grace_seconds: evicted.grace_seconds,
                message: evicted.message.clone(),
                refused: evicted.refused.clone(),
            })
        });
        explained.collect()
    }

    /// What would have made another of the eviction for a threshold.
    fn otherwise(&self, seen: &Observation) -> Option<Otherwise> {
        let (Some(Step::Evicts), [evicted]) = (self.tick.steps.last(), &*self.tick.evicted) else {
            return None;
        };
        let by = self.rank_by(self.state.watches.get(self.tick.driving()?)?.threshold.signal);
        let compat = self.behaviour.compat;
        let ranked = rank(by, seen.pods(), compat);
        let chosen = ranked.iter().find(|ranked| ranked.index == evicted.pod)?;
        let next = ranked.iter().find(|ranked| {
            let is_other = ranked.index != evicted.pod;
            is_other && seen.pods().get(ranked.index).is_some_and(|other| !other.pod().is_critical)
        });
        Some(Otherwise {
            enough: self.enough(seen),
            next: next.and_then(|next| Some(PodName::from(&**seen.pods().get(next.index)?.pod()))),
            less: next.and_then(|next| least_saving(chosen, next, by, seen.pods(), compat)),
        })
    }

    /// How much more of each signal would have had to be left for no threshold to drive an eviction. What was freed
    /// counts if the threshold that was acted on last would still have had it freed.
    fn enough(&self, seen: &Observation) -> BTreeMap<Signal, Quantity> {
        let mut enough = BTreeMap::new();
        let mut frees = None;
        for &at in self.tick.due.iter().skip(self.tick.steps.len().saturating_sub(1)) {
            let (Some(watch), Some(standing)) = (self.state.watches.get(at), self.tick.standings.get(at))
            else {
                continue;
            };
            let threshold = &watch.threshold;
            let signal = threshold.signal;
            let Some(level) = seen.levels.get(signal).filter(|_| self.has_ranking(signal)) else { continue };
            let at_first = -threshold.headroom(level, standing.was_held);
            let at_check = self.missing_at_check(threshold, seen).filter(|missing| *missing < at_first);
            let frees = *frees.get_or_insert(at_check.is_some());
            let missing = at_check.filter(|_| frees).unwrap_or(at_first);
            if missing.signum() > 0 {
                let most = enough.entry(signal).or_insert(Quantity::ZERO);
                *most = missing.max(most.clone());
            }
        }
        enough
    }

    /// How much was missing after what no pod needs was freed, where that was looked at.
    fn missing_at_check(&self, threshold: &Threshold, seen: &Observation) -> Option<Quantity> {
        let check = &self.tick.check.as_deref()?.levels;
        let missing = |threshold: &Threshold| Some(-threshold.headroom(check.get(threshold.signal)?, true));
        if !self.behaviour.compat.check_every_threshold {
            let is_fresh = check.get(threshold.signal)?.is_fresh_after(seen.levels.get(threshold.signal));
            return missing(threshold).filter(|_| is_fresh);
        }
        // All others have to be unmet then, and all of the same signal.
        let watches = self.state.watches.iter().map(|watch| &watch.threshold);
        let (same, others): (Vec<_>, Vec<_>) = watches.partition(|it| it.signal == threshold.signal);
        let is_missing = |it: &Threshold| missing(it).is_some_and(|missing| missing.signum() > 0);
        let all_else = !others.into_iter().any(is_missing);
        same.into_iter().filter_map(missing).max().filter(|_| all_else)
    }
}

/// How much less `chosen` would have to use for `next` to go first.
fn least_saving(
    chosen: &RankedPod,
    next: &RankedPod,
    by: RankBy,
    pods: &[ObservedPod],
    compat: Compat,
) -> Option<u64> {
    let RankedPod { index, key } = *chosen;
    // Less usage never moves a pod forward, so the least that moves it behind the other can be halved in on.
    let is_enough = |less: u64| {
        let saving = RankedPod { index, key: by.with_usage(key, key.usage - less) };
        order(by, pods, compat, &saving, next).is_gt()
    };
    let (mut enough, mut not_enough) = (key.usage, 0);
    if key.no_stats || !is_enough(enough) {
        return None;
    }
    while enough - not_enough > 1 {
        let between = not_enough + (enough - not_enough) / 2;
        if is_enough(between) { enough = between } else { not_enough = between }
    }
    Some(enough)
}

fn state_of(watch: &Watch, standing: Option<&Standing>, has_level: bool) -> ThresholdState {
    match standing {
        None => ThresholdState::NotCounted,
        // It was observed, and passed over.
        Some(Standing { sight: Sight::Unobserved, .. }) if has_level => ThresholdState::NotCounted,
        Some(Standing { since: None, .. }) => ThresholdState::Unmet,
        Some(Standing { since: Some(since), is_only_held: true, .. }) => {
            ThresholdState::Held { since: *since }
        }
        Some(Standing { since: Some(since), is_past_grace: true, .. }) => {
            ThresholdState::Met { since: *since }
        }
        Some(Standing { since: Some(since), .. }) => {
            ThresholdState::InGrace { since: *since, until: *since + watch.threshold.grace_period }
        }
    }
}
