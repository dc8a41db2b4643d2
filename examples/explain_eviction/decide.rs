//! What a node decides.

use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{GoDuration, Summary, Uid};
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::eviction::{
    Action, DiskLayout, Event, EvictionConfig, EvictionConfigError, Explanation, Forecast, Level, Levels,
    Manager, Note, Observation, Outcome, Platform, Ranking, Rates, Signal, SummaryReport, ThresholdErrors,
    ThresholdExplanation, ThresholdState, forecast,
};
use node_lifecycle::machine::{Machine, Timestamp};

use super::args::Args;
use super::load::Loaded;
use super::node::KubeletConfig;

/// A node that is looked at.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) args: &'a Args,
    pub(crate) loaded: &'a Loaded,
    pub(crate) now: Timestamp,
    layout: DiskLayout,
}

/// What it decides.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) notices: Vec<String>,
    pub(crate) report: SummaryReport,
    pub(crate) observation: Arc<Observation>,
    /// `None`: nothing is watched on this node.
    pub(crate) explanation: Option<Explanation>,
    pub(crate) order: Option<Ranking>,
    config: EvictionConfig,
    behaviour: Arc<Behaviour>,
}

/// Why it decides nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Thresholds(#[from] ThresholdErrors),
    #[error(transparent)]
    Config(#[from] EvictionConfigError),
}

impl<'a> Case<'a> {
    pub(crate) fn new(args: &'a Args, loaded: &'a Loaded) -> Self {
        let layout = args.disks.map(DiskLayout::from).or_else(|| DiskLayout::guess(&loaded.summary));
        let newest = newest(&Levels::from(&loaded.summary));
        let now = args.now.or(newest).unwrap_or(Timestamp::UNIX_EPOCH);
        Self { args, loaded, now, layout: layout.unwrap_or_default() }
    }

    /// What was assumed.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.args.disks.is_none() {
            notes.push(match DiskLayout::guess(&self.loaded.summary) {
                Some(_) => {
                    "the layout of the disks is guessed by their sizes: --disks says better".to_owned()
                }
                None => {
                    "the summary does not tell how the disks are laid out: it counts as one, and --disks \
                         says better"
                        .to_owned()
                }
            });
        }
        if self.now == Timestamp::UNIX_EPOCH && self.args.now.is_none() {
            notes.push("the summary has no times: --now says when it was made".to_owned());
        }
        if let Some((file, earlier)) = &self.loaded.earlier
            && newest(&Levels::from(earlier)).is_some_and(|time| time >= self.now)
        {
            notes.push(format!("{file} is not earlier: nothing changes"));
        }
        notes
    }

    pub(crate) fn answer(&self, compat: Compat) -> Result<Answer, Refusal> {
        let KubeletConfig { settings, gates, .. } = &self.loaded.config;
        let behaviour = Arc::new(Behaviour { gates: *gates, compat });
        let (config, notices) = settings.config(Platform::Linux, compat)?;
        let Loaded { summary, pods, .. } = self.loaded;
        let (observation, report) = Observation::from_summary(summary, self.layout, pods, &behaviour);
        let observation = Arc::new(observation);
        let explanation = self.explain(&config, &behaviour, &observation)?;
        let signal = self.args.signal.or_else(|| {
            let explanation = explanation.as_ref()?;
            let ranked = explanation.ranking.as_ref().map(|ranking| ranking.signal);
            ranked.or_else(|| nearest(&explanation.thresholds))
        });
        Ok(Answer {
            notices: notices.iter().map(ToString::to_string).collect(),
            order: signal.map(|signal| Ranking::of(signal, self.layout, &observation, compat)),
            report,
            observation,
            explanation,
            config,
            behaviour,
        })
    }

    /// A tick of a node that has run for a while: it knows its disks, and has been as it is for as long as was asked.
    fn explain(
        &self,
        config: &EvictionConfig,
        behaviour: &Arc<Behaviour>,
        seen: &Arc<Observation>,
    ) -> Result<Option<Explanation>, EvictionConfigError> {
        let begin = self.now.moved_back(self.args.met_for.0);
        let mut manager = Manager::new(config.clone(), Arc::clone(behaviour), begin)?;
        let disks = Arc::new(Observation::new(Levels::default(), self.layout, []));
        drive(&mut manager, Event::AgentStarted { epoch: 1 }, begin, &disks);
        let before = with_times(seen, |time| Some(time?.moved_back(self.args.met_for.0)));
        let evicted = drive(&mut manager, Event::MemoryNotification, begin, &before);
        if self.args.met_for.0.is_zero() {
            return Ok(manager.explanation());
        }
        // Whoever had to go at the beginning is still there, and may have to go again.
        let mut events: Vec<_> = evicted.into_iter().map(Event::CleanedUp).collect();
        if events.is_empty() {
            events.push(Event::MemoryNotification);
        }
        for event in events {
            drive(&mut manager, event, self.now, seen);
        }
        Ok(manager.explanation())
    }
}

/// Does what the manager asks for; says who had to go.
fn drive(manager: &mut Manager, event: Event, now: Timestamp, seen: &Arc<Observation>) -> Vec<Uid> {
    let (mut actions, mut evicted) = (Vec::new(), Vec::new());
    let mut seen = Arc::clone(seen);
    manager.step(now, event, &mut actions);
    while !actions.is_empty() {
        for action in std::mem::take(&mut actions) {
            let (operation, outcome) = match action {
                Action::Observe { operation } => (operation, Outcome::Observed(Arc::clone(&seen))),
                Action::Reclaim { operation, .. } => {
                    // What is observed after that counts as measured then.
                    seen = with_times(&seen, |_| None);
                    (operation, Outcome::Reclaimed { freed_bytes: None })
                }
                Action::Evict(eviction) => {
                    evicted.push(eviction.uid);
                    (eviction.operation, Outcome::Accepted)
                }
                _ => continue,
            };
            manager.step(now, Event::Done { operation, outcome }, &mut actions);
        }
    }
    evicted
}

/// The same, measured at other times.
fn with_times(seen: &Observation, time: impl Fn(Option<Timestamp>) -> Option<Timestamp>) -> Arc<Observation> {
    let levels =
        seen.levels.iter().map(|(signal, level)| (signal, Level { time: time(level.time), ..*level }));
    let mut other = seen.clone();
    other.levels = levels.collect();
    Arc::new(other)
}

/// The signal that is nearest to its threshold, for its capacity.
fn nearest(thresholds: &[ThresholdExplanation]) -> Option<Signal> {
    let share = |threshold: &ThresholdExplanation| {
        let headroom = threshold.headroom.as_ref()?.value_saturating();
        let parts = i128::from(headroom) * i128::from(u32::MAX);
        Some((parts.checked_div(threshold.capacity?.into())?, threshold.threshold.signal))
    };
    thresholds.iter().filter_map(share).min().map(|(_, signal)| signal)
}

impl Answer {
    /// What will run out when, if things go on as since `earlier`.
    pub(crate) fn forecast(&self, case: &Case<'_>, earlier: &Summary) -> Forecast {
        let pods = &case.loaded.pods;
        let (before, _) = Observation::from_summary(earlier, case.layout, pods, &self.behaviour);
        let elapsed = newest(&before.levels).map_or(Duration::ZERO, |from| case.now - from);
        let rates = Rates::between(&before, &self.observation, elapsed);
        forecast(&self.config, &self.observation, &rates, case.now, case.args.horizon.0, &self.behaviour)
    }

    /// What one look at files cannot know, and what the explanation does not say.
    pub(crate) fn notes(&self, case: &Case<'_>) -> Vec<String> {
        let mut notes = Vec::new();
        let Some(explanation) = &self.explanation else { return notes };
        if explanation.problem.is_none() && !case.layout.is_supported(&self.behaviour) {
            notes.push(Note::LayoutUnsupported.to_string());
        }
        if !explanation.reclaims.is_empty() {
            notes.push(
                "what freeing what no pod needs would bring is not known: it counts as nothing".to_owned(),
            );
        }
        let left = explanation.thresholds.iter().filter_map(|threshold| match threshold.state {
            ThresholdState::InGrace { until, .. } => Some(until - case.now),
            _ => None,
        });
        if let Some(left) = left.max().filter(|_| case.args.met_for.0.is_zero()) {
            notes.push(format!(
                "one look does not tell since when a threshold is met: its grace period begins with it; \
                 --met-for {} shows who goes at its end",
                GoDuration(left)
            ));
        }
        notes
    }
}

/// When the node was measured last, if it says so.
fn newest(levels: &Levels) -> Option<Timestamp> {
    levels.iter().filter_map(|(_, level)| level.time).max()
}
