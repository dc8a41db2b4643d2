//! What will run out when, and whose turn it would be, if things go on as they do. The kubelet has nothing of this.
//!
//! What is observed counts as of now, and changes by constant [`Rates`]. A threshold is met from the first nanosecond
//! at which what is left, in whole bytes, inodes or processes, is less than it; that is solved, not stepped. From then
//! on the node has the condition and the grace period runs. When that is over, the first pod in rank that is not
//! critical would be evicted, as pods stand then.
//!
//! This is the manager's decision if it looked at that instant. It looks every monitoring interval, so it acts that
//! much later at most. A forecast looks at each threshold by itself: it counts on no garbage collection, on no other
//! eviction before, and, of a threshold that is met already, on no time that it has been met before now. Of several
//! that are met the manager acts on the first in the order of [`Threshold::precedence`]. Local disk that a single pod
//! has too much of is not foreseen.
//!
//! ```
//! use node_lifecycle::api::{Pod, Summary};
//! use node_lifecycle::behaviour::Behaviour;
//! use node_lifecycle::eviction::{DiskLayout, EvictionConfig, Observation, Rates, forecast};
//! use std::time::Duration;
//!
//! let pod = Pod::from_json(r#"{"metadata": {"name": "web", "namespace": "default", "uid": "u-1"}, "spec": {
//!     "containers": [{"name": "app", "image": "web:1", "resources": {"requests": {"memory": "1Gi"}}}]}}"#)?;
//! let behaviour = Behaviour::default();
//! let at = |time: &str, available: u64, used: u64| {
//!     let summary = Summary::from_json(&format!(r#"{{
//!         "node": {{"memory": {{"time": "{time}", "availableBytes": {available}, "workingSetBytes": {used}}}}},
//!         "pods": [{{"podRef": {{"uid": "u-1"}}, "memory": {{"workingSetBytes": {used}}}}}]}}"#))?;
//!     let (observation, _) = Observation::from_summary(&summary, DiskLayout::One, [&pod], &behaviour);
//!     Ok::<_, node_lifecycle::api::SummaryError>(observation)
//! };
//! let earlier = at("2025-03-01T11:59:50Z", 310 << 20, 1500 << 20)?;
//! let later = at("2025-03-01T12:00:00Z", 300 << 20, 1510 << 20)?;
//! let rates = Rates::between(&earlier, &later, Duration::from_secs(10));
//!
//! let now = "2025-03-01T12:00:00Z".parse()?;
//! let hour = Duration::from_secs(3600);
//! let forecast = forecast(&EvictionConfig::default(), &later, &rates, now, hour, &behaviour);
//! assert_eq!(
//!     forecast.to_string(),
//!     "memory.available falls below 100Mi at 12:03:20, in 3m20s: \
//!      default/web would be evicted, which uses 1.7Gi and requests 1Gi\n"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::rates::projected_level;
use super::{
    Amount, DiskLayout, Disks, EvictionConfig, Level, Observation, ObservedPod, PodName, RankBy, RankKey,
    Rate, Rates, Resource, Threshold, ThresholdValue, first_in_rank,
};
use crate::api::{GoDuration, Quantity};
use crate::behaviour::Behaviour;
use crate::machine::Timestamp;

/// What will run out when. Displays as a line for each threshold that is met, with times in UTC, cut to seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Forecast {
    /// From when on it looks.
    pub now: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// The thresholds that are met in this time, by when they first are; of several at once, as the manager takes them.
    pub crossings: Vec<Crossing>,
}

/// A threshold that is met, and what comes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Crossing {
    /// The threshold.
    pub threshold: Threshold,
    /// What it comes to.
    pub limit: Quantity,
    /// When it is met first: now, if it is met already.
    pub at: Timestamp,
    /// When its grace period is over. `None` where it is not met any more by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acts_at: Option<Timestamp>,
    /// Who would be evicted then. `None` where nobody would: there is no pod that is not critical, or it is of a disk,
    /// and the layout of the disks is not known or [not supported](DiskLayout::is_supported).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub victim: Option<Victim>,
}

/// A pod whose turn it would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Victim {
    /// The pod.
    #[serde(flatten)]
    pub pod: PodName,
    /// What makes it the first.
    pub key: RankKey,
}

/// Which thresholds are met from `now` on, no later than after `horizon`, and whose turn it would be.
///
/// Signals that were not observed are not foreseen. Where the layout of the disks is not known or not supported, the
/// thresholds are those of `config`, and no pod goes for a disk ([`Compat::need_disk_layout`]: nor for anything else).
///
/// [`Compat::need_disk_layout`]: crate::behaviour::Compat::need_disk_layout
#[must_use]
pub fn forecast(
    config: &EvictionConfig,
    observation: &Observation,
    rates: &Rates,
    now: Timestamp,
    horizon: Duration,
    behaviour: &Behaviour,
) -> Forecast {
    let layout = layout(&observation.disks, behaviour);
    let mut thresholds = match layout {
        Some(layout) => config.thresholds_for(layout).into_all(),
        None => config.thresholds.clone(),
    };
    thresholds.sort_by(Threshold::precedence);
    let until = now + horizon;
    let mut crossings: Vec<_> = thresholds
        .into_iter()
        .filter_map(|threshold| {
            let level = observation.levels.get(threshold.signal)?;
            let rate = rates.of(threshold.signal);
            let met_after = met_after(&threshold, level, rate).filter(|after| *after <= until - now)?;
            let acts_after = met_after.saturating_add(threshold.grace_period);
            let acts = threshold.is_met(&projected_level(level, rate, acts_after));
            let victim = acts.then(|| victim(&threshold, layout, observation, rates, acts_after, behaviour));
            Some(Crossing {
                limit: threshold.value.amount(level.capacity),
                at: now + met_after,
                acts_at: acts.then(|| now + acts_after),
                victim: victim.flatten(),
                threshold,
            })
        })
        .collect();
    crossings.sort_by_key(|crossing| crossing.at);
    Forecast { now, until, crossings }
}

/// How the disks are laid out, if that is known and supported.
fn layout(disks: &Disks, behaviour: &Behaviour) -> Option<DiskLayout> {
    let images = *disks.dedicated_image_fs.as_ref().ok()?;
    let layers = match &disks.dedicated_container_fs {
        Ok(layers) => *layers,
        Err(_) if behaviour.compat.need_disk_layout => false,
        Err(_) => return None,
    };
    Some(DiskLayout::of(images, layers)).filter(|layout| layout.is_supported(behaviour))
}

fn met_after(threshold: &Threshold, level: &Level, rate: Rate) -> Option<Duration> {
    if threshold.is_met(level) {
        return Some(Duration::ZERO);
    }
    rate.reaches(threshold.highest_below(level.capacity)? - i128::from(level.available))
}

fn victim(
    threshold: &Threshold,
    layout: Option<DiskLayout>,
    observation: &Observation,
    rates: &Rates,
    after: Duration,
    behaviour: &Behaviour,
) -> Option<Victim> {
    let (signal, compat) = (threshold.signal, behaviour.compat);
    if layout.is_none() && (compat.need_disk_layout || signal.filesystem().is_some()) {
        return None;
    }
    let by = RankBy::of(signal, layout.unwrap_or_default());
    let projected = observation.projected(rates, after);
    let may_go = |pod: &ObservedPod| !pod.pod().is_critical;
    let first = first_in_rank(by, projected.pods(), compat, may_go)?;
    let pod = projected.pods().get(first.index)?.pod();
    Some(Victim { pod: PodName::from(&**pod), key: first.key })
}

impl Forecast {
    /// The threshold for which a pod would be evicted first.
    #[must_use]
    pub fn first_eviction(&self) -> Option<&Crossing> {
        self.crossings
            .iter()
            .filter(|crossing| crossing.victim.is_some())
            .min_by(|a, b| a.acts_at.cmp(&b.acts_at).then_with(|| a.threshold.precedence(&b.threshold)))
    }

    /// An instant and how far off it is.
    fn when(&self, at: Timestamp) -> String {
        let [now, time] = [self.now, at].map(DateTime::<Utc>::from);
        let clock =
            time.format(if now.date_naive() == time.date_naive() { "%H:%M:%S" } else { "%F %H:%M:%S" });
        match Duration::from_secs((at - self.now).as_secs()) {
            Duration::ZERO => format!("at {clock}, in less than 1s"),
            off => format!("at {clock}, in {}", GoDuration(off)),
        }
    }
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Crossing { threshold, limit, at, acts_at, victim } in &self.crossings {
            let Threshold { signal, value, grace_period, .. } = threshold;
            write!(f, "{signal} {} below {value}", if *at == self.now { "is" } else { "falls" })?;
            if matches!(value, ThresholdValue::Percentage(_)) {
                write!(f, " ({})", Amount::of(signal.resource(), limit))?;
            }
            if *at != self.now {
                write!(f, " {}", self.when(*at))?;
            }
            let grace_period = GoDuration(*grace_period);
            match (acts_at, victim) {
                (None, _) => write!(f, ", and recovers within its grace period of {grace_period}")?,
                (Some(acts_at), _) if acts_at != at => {
                    write!(f, "; after its grace period of {grace_period}, {}: ", self.when(*acts_at))?;
                }
                _ => f.write_str(": ")?,
            }
            match victim {
                Some(victim) => writeln!(f, "{}", Sentence(victim, signal.resource()))?,
                None if acts_at.is_some() => f.write_str("no pod would be evicted\n")?,
                None => f.write_str("\n")?,
            }
        }
        if self.crossings.is_empty() {
            writeln!(f, "no threshold is met {}", self.when(self.until).replacen("at ", "until ", 1))?;
        }
        Ok(())
    }
}

/// What would happen to a pod, and why to this one.
struct Sentence<'a>(&'a Victim, Resource);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Victim { pod, key }, resource) = self;
        write!(f, "{}/{} would be evicted, ", pod.namespace, pod.name)?;
        match resource {
            _ if key.no_stats => f.write_str("of which nothing was measured"),
            Resource::Memory | Resource::EphemeralStorage => {
                let used = Amount::of_units(*resource, key.usage);
                write!(f, "which uses {used} and requests {}", Amount::of(*resource, &key.request()))
            }
            Resource::Inodes => write!(f, "which has {} inodes", key.usage),
            Resource::Pids => write!(f, "which has {} processes", key.usage),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EvictionPod, Levels, PodStats, Signal};
    use super::*;
    use crate::api::Pod;
    use std::sync::Arc;

    const MINUTE: Duration = Duration::from_secs(60);

    fn threshold(signal: Signal, value: ThresholdValue, grace_period: Duration) -> Threshold {
        Threshold { signal, value, grace_period, min_reclaim: None }
    }

    fn units(amount: i64) -> ThresholdValue {
        ThresholdValue::Quantity(Quantity::from_units(amount))
    }

    /// A node with 1000 left of 4000, where each of the pods has so many processes or was not measured.
    fn told(threshold: Threshold, change: i64, pods: &[(&str, Option<u64>)]) -> String {
        let signal = threshold.signal;
        let levels = Levels::default().with(signal, Level { available: 1000, capacity: 4000, time: None });
        let pods = pods.iter().map(|(name, processes)| {
            let mut pod = Pod::default();
            pod.metadata.name = (*name).into();
            pod.metadata.namespace = "default".into();
            pod.metadata.uid = (*name).into();
            let stats = processes.map(|count| PodStats { process_count: Some(count), ..PodStats::default() });
            (EvictionPod::of(&pod, &Behaviour::default()).into(), stats.map(Arc::new))
        });
        let observation = Observation::new(levels, DiskLayout::One, pods);
        let rates = Rates { signals: [(signal, Rate::per_second(change))].into(), ..Rates::default() };
        let config = EvictionConfig { thresholds: vec![threshold], ..EvictionConfig::default() };
        let now = "2025-03-01T23:59:00Z".parse().unwrap();
        forecast(&config, &observation, &rates, now, 10 * MINUTE, &Behaviour::default()).to_string()
    }

    #[test]
    fn a_forecast_reads_well() {
        let pods = [("web", Some(300)), ("db", Some(20))];
        let hard = threshold(Signal::PidAvailable, ThresholdValue::Percentage(0.1), Duration::ZERO);
        assert_eq!(
            told(hard.clone(), -10, &pods),
            "pid.available falls below 10% (400) at 2025-03-02 00:00:00, in 1m0s: \
             default/web would be evicted, which has 300 processes\n"
        );
        assert_eq!(
            told(hard.clone(), -601, &[]),
            "pid.available falls below 10% (400) at 23:59:00, in less than 1s: no pod would be evicted\n"
        );
        assert_eq!(told(hard, 10, &pods), "no threshold is met until 2025-03-02 00:09:00, in 10m0s\n");
    }

    #[test]
    fn a_grace_period_is_waited_for_and_may_be_enough() {
        let pods = [("new", None)];
        let soft = threshold(Signal::MemoryAvailable, units(2000), 2 * MINUTE);
        assert_eq!(
            told(soft.clone(), -1, &pods),
            "memory.available is below 2k; after its grace period of 2m0s, at 2025-03-02 00:01:00, in 2m0s: \
             default/new would be evicted, of which nothing was measured\n"
        );
        assert_eq!(
            told(soft, 10, &pods),
            "memory.available is below 2k, and recovers within its grace period of 2m0s\n"
        );
    }

    #[test]
    fn what_acts_first_need_not_be_met_first() {
        let soft = threshold(Signal::MemoryAvailable, units(1001), 5 * MINUTE);
        let hard = threshold(Signal::MemoryAvailable, units(900), Duration::ZERO);
        let config = EvictionConfig { thresholds: vec![soft, hard.clone()], ..EvictionConfig::default() };
        let levels = Levels::default()
            .with(Signal::MemoryAvailable, Level { available: 1000, capacity: 4000, time: None });
        let pod = EvictionPod::of(&Pod::default(), &Behaviour::default()).into();
        let observation = Observation::new(levels, DiskLayout::One, [(pod, None)]);
        let rates = Rate::per_second(-1);
        let rates = Rates { signals: [(Signal::MemoryAvailable, rates)].into(), ..Rates::default() };
        let now = Timestamp::UNIX_EPOCH;
        let forecast = forecast(&config, &observation, &rates, now, 10 * MINUTE, &Behaviour::default());
        assert_eq!(forecast.crossings.len(), 2);
        assert_eq!(forecast.crossings[0].at, now);
        assert_eq!(forecast.first_eviction().map(|crossing| &crossing.threshold), Some(&hard));
    }
}
