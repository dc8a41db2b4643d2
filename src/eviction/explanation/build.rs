//! From what happened in a tick to why it did.

use super::{
    EvictedExplanation, Explanation, LimitExplanation, Otherwise, PodName, RankedName, Ranking,
    ReclaimExplanation, Step, StepExplanation, ThresholdExplanation, ThresholdState,
};
use crate::behaviour::Compat;
use crate::eviction::manager::{Standing, Watch};
use crate::eviction::{
    Level, Manager, Observation, ObservedPod, RankBy, Signal, exceeded_limits, local_storage_violation, rank,
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
            let is_held = standing.is_some_and(|standing| standing.is_past_grace);
            ThresholdExplanation {
                threshold: watch.threshold.clone(),
                sight: standing.map(|standing| standing.sight).unwrap_or_default(),
                available: level.map(|level| level.available),
                capacity: level.map(|level| level.capacity),
                needed: level.map(|level| watch.threshold.needed(level, is_held)),
                headroom: level.map(|level| watch.threshold.headroom(level, is_held)),
                state: state_of(watch, standing),
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
            let available_after = after.map(|level| level.available);
            Some(StepExplanation { signal, is_hard: threshold.is_hard(), outcome: *outcome, available_after })
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
        Some(self.state.watches.get(at)?.threshold.signal)
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
        let threshold = &self.state.watches.get(self.tick.driving()?)?.threshold;
        let latest = self.tick.check.as_deref().and_then(|check| check.levels.get(threshold.signal));
        let level: &Level = latest.or_else(|| seen.levels.get(threshold.signal))?;
        let by = self.rank_by(threshold.signal);
        let compat = self.behaviour.compat;
        let ranked = rank(by, seen.pods(), compat);
        let next = ranked.iter().find(|ranked| {
            let is_other = ranked.index != evicted.pod;
            is_other && seen.pods().get(ranked.index).is_some_and(|other| !other.pod().is_critical)
        });
        let pods = next.and_then(|next| Some((seen.pods().get(evicted.pod)?, seen.pods().get(next.index)?)));
        Some(Otherwise {
            enough: -threshold.headroom(level, true),
            next: pods.map(|(_, next)| PodName::from(&**next.pod())),
            less: pods.and_then(|(chosen, next)| least_saving(chosen, next, by, compat)),
        })
    }
}

/// How much less `chosen` would have to use for `next` to go first.
fn least_saving(chosen: &ObservedPod, next: &ObservedPod, by: RankBy, compat: Compat) -> Option<u64> {
    let (key, other) = (by.key(chosen, compat), by.key(next, compat));
    // Less usage never moves a pod forward, so the least that moves it behind the other can be halved in on.
    let is_enough = |less: u64| by.compare(&by.with_usage(key, key.usage - less), &other).is_gt();
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

fn state_of(watch: &Watch, standing: Option<&Standing>) -> ThresholdState {
    match standing {
        None => ThresholdState::NotCounted,
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
