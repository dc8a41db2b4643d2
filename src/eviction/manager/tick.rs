//! One tick: what is observed, what follows from it, and what can be freed before a pod has to go.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::state::{Phase, Watch};
use super::{Action, Manager, NodeReclaim, Note};
use crate::api::Uid;
use crate::eviction::{
    DiskLayout, Disks, Filesystem, LayoutThresholds, Levels, Observation, Pressure, Pressures, Sight, Signal,
    Step,
};
use crate::machine::Timestamp;

/// What happened in a tick so far. Buffers are used again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::eviction) struct Tick {
    /// When it began. `None`: there was none.
    pub(in crate::eviction) at: Option<Timestamp>,
    /// What was observed; `None` when that failed.
    pub(in crate::eviction) observation: Option<Arc<Observation>>,
    /// Why nothing was observed, or why the disks do not count.
    pub(in crate::eviction) error: Option<Arc<str>>,
    /// How each watch stands, by its index.
    pub(in crate::eviction) standings: Vec<Standing>,
    /// The watches that drive evictions, first comes first; then what was done about each.
    pub(in crate::eviction) due: Vec<usize>,
    /// One each of those that were looked at, in their order.
    pub(in crate::eviction) steps: Vec<Step>,
    /// What was freed, in order.
    pub(in crate::eviction) reclaims: Vec<Reclaimed>,
    /// What was observed after that.
    pub(in crate::eviction) check: Option<Arc<Observation>>,
    /// Who had to go, in order.
    pub(in crate::eviction) evicted: Vec<Evicted>,
}

/// How a threshold stands in a tick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::eviction) struct Standing {
    /// Since when it has been met or held, if it is.
    pub(in crate::eviction) since: Option<Timestamp>,
    /// Whether it is not met any more, and held until enough is freed.
    pub(in crate::eviction) is_only_held: bool,
    /// Whether that has been so for its grace period.
    pub(in crate::eviction) is_past_grace: bool,
    /// Whether that was so before this tick, so that enough has to be freed.
    pub(in crate::eviction) was_held: bool,
    /// What was observed of its signal.
    pub(in crate::eviction) sight: Sight,
}

/// Something that was to be freed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::eviction) struct Reclaimed {
    pub(in crate::eviction) what: NodeReclaim,
    /// How many bytes that freed, or why not. `None`: it is not answered yet.
    pub(in crate::eviction) outcome: Option<Result<Option<u64>, Arc<str>>>,
}

/// A pod that had to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::eviction) struct Evicted {
    /// Its index in the observation.
    pub(in crate::eviction) pod: usize,
    pub(in crate::eviction) message: Arc<str>,
    pub(in crate::eviction) grace_seconds: i64,
    /// Why that was refused, if it was.
    pub(in crate::eviction) refused: Option<Arc<str>>,
}

impl Tick {
    /// Begins anew.
    fn begin(&mut self, at: Timestamp, observation: Option<Arc<Observation>>) {
        self.at = Some(at);
        self.observation = observation;
        self.error = None;
        self.standings.clear();
        self.due.clear();
        self.steps.clear();
        self.reclaims.clear();
        self.check = None;
        self.evicted.clear();
    }

    /// The watch that is looked at.
    pub(in crate::eviction) fn driving(&self) -> Option<usize> {
        self.due.get(self.steps.len().checked_sub(1)?).copied()
    }

    /// What came of looking at it.
    pub(super) fn conclude(&mut self, step: Step) {
        if let Some(last) = self.steps.last_mut() {
            *last = step;
        }
    }

    /// Moves every instant back.
    pub(super) fn move_back(&mut self, by: Duration) {
        let since = self.standings.iter_mut().filter_map(|standing| standing.since.as_mut());
        self.at.iter_mut().chain(since).for_each(|time| *time = time.moved_back(by));
    }

    pub(super) fn refused(&mut self, uid: &Uid, error: &Arc<str>) {
        let Some(observation) = &self.observation else { return };
        let is_it = |evicted: &&mut Evicted| {
            observation.pods().get(evicted.pod).is_some_and(|observed| observed.pod().uid == *uid)
        };
        if let Some(evicted) = self.evicted.iter_mut().find(is_it) {
            evicted.refused = Some(Arc::clone(error));
        }
    }
}

impl Manager {
    /// The node's stats could not be read; its disks may be known all the same.
    pub(super) fn fail(&mut self, error: Arc<str>, disks: Option<&Disks>, actions: &mut Vec<Action>) {
        self.tick.begin(self.state.now, None);
        if let Some(disks) = disks {
            self.settle_layout(disks, actions);
        }
        self.tick.error.get_or_insert_with(|| Arc::clone(&error));
        actions.push(Action::Note(Note::ObservationFailed { error }));
        self.rest(actions);
    }

    /// The node was observed.
    pub(super) fn begin(&mut self, seen: &Arc<Observation>, actions: &mut Vec<Action>) {
        self.tick.begin(self.state.now, Some(Arc::clone(seen)));
        for uid in seen.duplicates() {
            actions.push(Action::Note(Note::DuplicatePod { uid: uid.clone() }));
        }
        let Some(counted) = self.settle_layout(&seen.disks, actions) else { return self.rest(actions) };
        self.judge(&seen.levels, counted, actions);
        self.set_pressures(actions);
        self.state.levels = seen.levels;
        if self.config.local_storage_capacity_isolation && self.evict_over_limit(seen, actions) {
            return;
        }
        self.rank_thresholds();
        self.next_threshold(actions);
    }

    /// Finds out how the disks are laid out, if that is not known. Says how many watches count in this tick; `None`: the
    /// tick is over.
    fn settle_layout(&mut self, disks: &Disks, actions: &mut Vec<Action>) -> Option<usize> {
        let compat = self.behaviour.compat;
        let known = self.state.watches.len();
        let is_found = self.state.layout.is_none();
        if is_found {
            match (&disks.dedicated_image_fs, &disks.dedicated_container_fs) {
                (Ok(images), Ok(layers)) => self.state.layout = Some(DiskLayout::of(*images, *layers)),
                (Ok(images), Err(_)) if compat.need_disk_layout => {
                    self.state.layout = Some(DiskLayout::of(*images, false));
                }
                (Err(error), _) | (_, Err(error)) => {
                    self.tick.error = Some(Arc::clone(error));
                    actions.push(Action::Note(Note::LayoutUnknown { error: Arc::clone(error) }));
                    return (!compat.need_disk_layout).then_some(known);
                }
            }
        }
        let Some(layout) = self.state.layout.filter(|layout| layout.is_supported(&self.behaviour)) else {
            if is_found || !compat.need_disk_layout {
                self.tick.error = Some(Note::LayoutUnsupported.to_string().into());
                actions.push(Action::Note(Note::LayoutUnsupported));
            }
            return (!is_found || !compat.need_disk_layout).then_some(known);
        };
        if !is_found {
            return Some(known);
        }
        let LayoutThresholds { configured, derived, .. } = self.config.thresholds_for(layout);
        let counted = configured.len() + if compat.derive_containerfs_late { 0 } else { derived.len() };
        self.state.watch(configured.into_iter().chain(derived));
        Some(counted)
    }

    /// Whether it is known what of a pod counts for a signal.
    pub(in crate::eviction) fn has_ranking(&self, signal: Signal) -> bool {
        self.has_ranking_of_disks()
            || !(self.behaviour.compat.need_disk_layout || signal.filesystem().is_some())
    }

    /// Whether it is known what of a pod counts for a disk.
    pub(super) fn has_ranking_of_disks(&self) -> bool {
        self.state.layout.is_some_and(|layout| layout.is_supported(&self.behaviour))
    }

    /// How each threshold stands by what was observed.
    fn judge(&mut self, levels: &Levels, counted: usize, actions: &mut Vec<Action>) {
        let now = self.state.now;
        let forgets = self.behaviour.compat.forget_unobserved_thresholds;
        for watch in self.state.watches.iter_mut().take(counted) {
            let signal = watch.threshold.signal;
            let was_held = watch.is_held;
            let level = levels.get(signal);
            let standing = match level {
                Some(level) => {
                    let is_met = watch.threshold.is_met(level);
                    let is_active = is_met || (was_held && watch.threshold.is_unresolved(level));
                    watch.settle(is_active, now);
                    let is_fresh = level.is_fresh_after(self.state.levels.get(signal));
                    Standing {
                        is_only_held: is_active && !is_met,
                        was_held,
                        sight: if is_fresh { Sight::Fresh } else { Sight::Stale },
                        ..Standing::of(watch)
                    }
                }
                None => {
                    if forgets {
                        watch.settle(false, now);
                    }
                    Standing::of(watch)
                }
            };
            if level.is_some() {
                self.state.unobserved.remove(&signal);
            } else if self.state.unobserved.insert(signal) {
                actions.push(Action::Note(Note::Unobserved { signal }));
            }
            self.tick.standings.push(standing);
        }
    }

    /// The conditions of the node: those that hold, and those that held less than the transition period ago.
    fn set_pressures(&mut self, actions: &mut Vec<Action>) {
        let now = self.state.now;
        let mut pressures = Pressures::NONE;
        for (standing, watch) in self.tick.standings.iter().zip(&self.state.watches) {
            if standing.since.is_some() {
                let pressure = watch.threshold.signal.pressure();
                self.state.last_pressed[pressure as usize] = Some(now);
                pressures.set(pressure, !self.behaviour.compat.hide_pressure_without_transition);
            }
        }
        for pressure in Pressure::ALL {
            let held = |last: Timestamp| now - last < self.config.pressure_transition_period;
            if self.state.last_pressed[pressure as usize].is_some_and(held) {
                pressures.set(pressure, true);
            }
        }
        if pressures != self.state.pressures {
            self.state.pressures = pressures;
            actions.push(Action::SetPressures(pressures));
        }
    }

    /// Which thresholds drive evictions, and in which order.
    fn rank_thresholds(&mut self) {
        let standings = self.tick.standings.iter().enumerate();
        let drives =
            |(_, standing): &(usize, &Standing)| standing.is_past_grace && standing.sight == Sight::Fresh;
        self.tick.due.extend(standings.filter(drives).map(|(at, _)| at));
        let watches = &self.state.watches;
        self.tick.due.sort_by(|a, b| match (watches.get(*a), watches.get(*b)) {
            (Some(a), Some(b)) => a.threshold.precedence(&b.threshold),
            (a, b) => a.is_some().cmp(&b.is_some()),
        });
    }

    /// Goes on with the next threshold that drives evictions, if there is one.
    pub(super) fn next_threshold(&mut self, actions: &mut Vec<Action>) {
        let Some(&at) = self.tick.due.get(self.tick.steps.len()) else { return self.rest(actions) };
        let Some(watch) = self.state.watches.get_mut(at) else { return self.rest(actions) };
        let signal = watch.threshold.signal;
        self.tick.steps.push(Step::Reclaims);
        // What was freed in an earlier tick has done what it could by now.
        let is_reclaimed = std::mem::take(&mut watch.is_reclaimed);
        actions.push(Action::ThresholdMet(signal.resource()));
        if self.is_enough(at) == Some(true) {
            self.tick.conclude(Step::Resolved);
            self.next_threshold(actions);
        } else if is_reclaimed {
            self.evict_for(at, actions);
        } else {
            self.reclaim_next(signal, actions);
        }
    }

    /// Frees what has not been freed in this tick, or says what that has brought.
    fn reclaim_next(&mut self, signal: Signal, actions: &mut Vec<Action>) {
        let ways = if self.has_ranking_of_disks() { reclaims(signal, self.state.layout) } else { &[] };
        let is_left = |way: &&NodeReclaim| self.tick.reclaims.iter().all(|done| done.what != **way);
        if let Some(&what) = ways.iter().find(is_left) {
            let operation = self.state.operations.issue();
            self.tick.reclaims.push(Reclaimed { what, outcome: None });
            self.tick.check = None;
            self.state.phase = Phase::Reclaim { operation, until: self.operation_deadline() };
            actions.push(Action::Reclaim { operation, what });
        } else if ways.is_empty() {
            if let Some(at) = self.tick.driving() {
                self.evict_for(at, actions);
            }
        } else if let Some(check) = self.tick.check.clone() {
            self.check(Some(check), actions);
        } else {
            let operation = self.state.operations.issue();
            self.state.phase = Phase::Check { operation, until: self.operation_deadline() };
            actions.push(Action::Observe { operation });
        }
    }

    /// What no pod needs was freed, or that failed.
    pub(super) fn reclaimed(&mut self, outcome: Result<Option<u64>, Arc<str>>, actions: &mut Vec<Action>) {
        let Some(last) = self.tick.reclaims.last_mut() else { return self.rest(actions) };
        if let Err(error) = &outcome {
            let (what, error) = (last.what, Arc::clone(error));
            actions.push(Action::Note(Note::ReclaimFailed { what, error }));
        }
        last.outcome = Some(outcome);
        let driving = self.tick.driving().and_then(|at| self.state.watches.get(at));
        match driving.map(|watch| watch.threshold.signal) {
            Some(signal) => self.reclaim_next(signal, actions),
            None => self.rest(actions),
        }
    }

    /// Whether what was freed is enough. `None`: nobody can say.
    pub(super) fn check(&mut self, seen: Option<Arc<Observation>>, actions: &mut Vec<Action>) {
        let Some(at) = self.tick.driving() else { return self.rest(actions) };
        self.tick.check = seen;
        match self.is_enough(at) {
            Some(true) => {
                self.tick.conclude(Step::Resolved);
                if self.behaviour.compat.check_every_threshold {
                    self.rest(actions);
                } else {
                    self.next_threshold(actions);
                }
            }
            Some(false) => self.evict_for(at, actions),
            None => {
                self.tick.conclude(Step::Unproven);
                if let Some(watch) = self.state.watches.get_mut(at) {
                    watch.is_reclaimed = true;
                }
                self.rest(actions);
            }
        }
    }

    fn is_enough(&self, at: usize) -> Option<bool> {
        let check = self.tick.check.as_ref();
        if self.behaviour.compat.check_every_threshold {
            let is_unresolved = |watch: &Watch| {
                let level = check.and_then(|check| check.levels.get(watch.threshold.signal));
                level.is_some_and(|level| watch.threshold.is_unresolved(level))
            };
            return Some(check.is_some() && !self.state.watches.iter().any(is_unresolved));
        }
        let threshold = &self.state.watches.get(at)?.threshold;
        let level = check?.levels.get(threshold.signal)?;
        level.is_fresh_after(self.state.levels.get(threshold.signal)).then(|| !threshold.is_unresolved(level))
    }
}

impl Watch {
    /// Takes whether it is met, or held, by now.
    fn settle(&mut self, is_active: bool, now: Timestamp) {
        self.since = is_active.then(|| self.since.unwrap_or(now));
        self.is_held = self.is_past_grace(now);
        self.is_reclaimed &= is_active;
    }

    fn is_past_grace(&self, now: Timestamp) -> bool {
        self.since.is_some_and(|since| now - since >= self.threshold.grace_period)
    }
}

impl Standing {
    fn of(watch: &Watch) -> Self {
        Self {
            since: watch.since,
            is_only_held: false,
            was_held: false,
            is_past_grace: watch.is_held,
            sight: Sight::Unobserved,
        }
    }
}

/// What a node can free where a signal is low, in order. Nothing helps against a lack of memory or processes; where
/// images have a disk of their own, what is on the node's disk belongs to pods.
const fn reclaims(signal: Signal, layout: Option<DiskLayout>) -> &'static [NodeReclaim] {
    let (Some(filesystem), Some(layout)) = (signal.filesystem(), layout) else { return &[] };
    match (layout, filesystem) {
        (DiskLayout::One | DiskLayout::LayersApart, _)
        | (DiskLayout::Dedicated, Filesystem::Imagefs | Filesystem::Containerfs) => {
            &[NodeReclaim::Containers, NodeReclaim::Images]
        }
        (DiskLayout::Dedicated, Filesystem::Nodefs) => &[],
        (DiskLayout::Split, Filesystem::Imagefs) => &[NodeReclaim::Images],
        (DiskLayout::Split, Filesystem::Nodefs | Filesystem::Containerfs) => &[NodeReclaim::Containers],
    }
}
