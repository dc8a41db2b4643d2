//! What comes late, twice, wrong or never, and the laws that hold all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use node_lifecycle::api::Uid;
use node_lifecycle::behaviour::Compat;
use node_lifecycle::eviction::{
    Action, DiskLayout, Disks, Event, Levels, Manager, ManagerSnapshot, NodeReclaim, Note, Observation,
    Outcome, Pressures, Threshold,
};
use node_lifecycle::machine::{Machine, OperationId, Snapshots, Timestamp};
use proptest::prelude::*;

use crate::node::{
    CLEANUP, INTERVAL, Node, OPERATION, Sight, has_outcome, index, is_fresh, is_met, is_unresolved, sight,
    start,
};

/// An event in small numbers, made real against what was asked for.
#[derive(Debug, Clone)]
pub(crate) enum Seed {
    /// Answers the operation that was asked for last.
    Latest(u8, Sight),
    /// Answers any one.
    Any(usize, u8, Sight),
    CleanedUp(u8),
    AllCleanedUp,
    Notification,
    /// Nothing until something is due.
    Due,
    AgentStarted,
    Foreign(OperationId),
}

fn seed() -> impl Strategy<Value = Seed> {
    prop_oneof![
        12 => (0..12_u8, sight()).prop_map(|(how, sight)| Seed::Latest(how, sight)),
        3 => (any::<usize>(), 0..12_u8, sight()).prop_map(|(which, how, sight)| Seed::Any(which, how, sight)),
        1 => (0..8_u8).prop_map(Seed::CleanedUp),
        3 => Just(Seed::AllCleanedUp),
        2 => Just(Seed::Notification),
        6 => Just(Seed::Due),
        1 => Just(Seed::AgentStarted),
        1 => (0..4_u32, 0..9_u32).prop_map(|(epoch, seq)| Seed::Foreign(OperationId { epoch, seq })),
    ]
}

/// Seconds that pass, also backwards, and what happens then.
pub(crate) fn life() -> impl Strategy<Value = Vec<(i64, Seed)>> {
    let after = prop_oneof![20 => Just(0), 10 => -20..40_i64, 1 => Just(1_000)];
    let then = prop::collection::vec((after, seed()), 1..60);
    then.prop_map(|then| std::iter::once((0, Seed::AgentStarted)).chain(then).collect())
}

/// What was asked for, kept by who answers.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) asked: Vec<Action>,
    pub(crate) seen: Levels,
    pub(crate) epoch: u32,
}

impl World {
    pub(crate) fn event(&mut self, node: &Node, seed: &Seed) -> Event {
        let (action, how, sight) = match seed {
            Seed::Latest(how, sight) => (self.asked.last(), *how, sight),
            Seed::Any(which, how, sight) => (self.asked.get(which % self.asked.len().max(1)), *how, sight),
            Seed::CleanedUp(pod) => return Event::CleanedUp(pod.to_string().into()),
            Seed::Notification => return Event::MemoryNotification,
            Seed::AgentStarted => {
                self.epoch += 1;
                return Event::AgentStarted { epoch: self.epoch };
            }
            Seed::Foreign(operation) => {
                return Event::Done { operation: *operation, outcome: Outcome::Accepted };
            }
            Seed::Due | Seed::AllCleanedUp => unreachable!("is made of other events"),
        };
        let (operation, right) = match action {
            Some(Action::Observe { operation }) => {
                let observation = sight.of(node, self.now, &self.seen);
                self.seen = observation.levels;
                (*operation, Outcome::Observed(observation))
            }
            Some(Action::Reclaim { operation, .. }) => (*operation, Outcome::Reclaimed { freed_bytes: None }),
            Some(Action::Evict(eviction)) => (eviction.operation, Outcome::Accepted),
            _ => (OperationId { epoch: 9, seq: 9 }, Outcome::Accepted),
        };
        let outcome = match how {
            0 => Outcome::Failed("no".into()),
            1 => Outcome::StatsFailed { error: "no".into(), disks: sight.disks(node).into() },
            2 => Outcome::Accepted,
            3 => Outcome::Reclaimed { freed_bytes: Some(u64::MAX) },
            _ => right,
        };
        Event::Done { operation, outcome }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Look,
    Check,
    Free,
}

/// What is true by what was asked and answered, and the laws of it.
struct Truth<'a> {
    node: &'a Node,
    is_right: bool,
    names: BTreeSet<OperationId>,
    in_flight: Option<(OperationId, Kind, Timestamp)>,
    /// Pods that have to go, by their evictions as long as these are not answered.
    going: BTreeMap<Uid, Option<OperationId>>,
    until: Timestamp,
    layout: Option<DiskLayout>,
    seen: Option<Arc<Observation>>,
    before: Levels,
    checked: Option<Arc<Observation>>,
    /// What was seen before the pod went that had to go in the tick before.
    old: Option<Arc<Observation>>,
    freed: BTreeSet<NodeReclaim>,
    is_freeing: bool,
    /// By threshold, in this tick.
    evictions: u32,
    last_met: [Option<Timestamp>; 3],
    conditions: Pressures,
    was_notified: bool,
}

impl<'a> Truth<'a> {
    fn new(node: &'a Node, compat: Compat) -> Self {
        Self {
            node,
            is_right: compat == Compat::default(),
            names: BTreeSet::new(),
            in_flight: None,
            going: BTreeMap::new(),
            until: start(),
            layout: None,
            seen: None,
            before: Levels::default(),
            checked: None,
            old: None,
            freed: BTreeSet::new(),
            is_freeing: false,
            evictions: 0,
            last_met: [None; 3],
            conditions: Pressures::NONE,
            was_notified: false,
        }
    }

    fn before(&mut self, event: &Event, now: Timestamp) {
        match event {
            Event::Done { operation, outcome } => self.answered(*operation, outcome, now),
            Event::CleanedUp(uid) => drop(self.going.remove(uid)),
            Event::AgentStarted { .. } => {
                self.in_flight = None;
                self.is_freeing = false;
                self.going.values_mut().for_each(|pending| *pending = None);
                if !self.is_right {
                    self.going.clear();
                    self.layout = None;
                    self.seen = None;
                    self.before = Levels::default();
                }
            }
            Event::MemoryNotification => self.was_notified = true,
            _ => {}
        }
    }

    fn answered(&mut self, operation: OperationId, outcome: &Outcome, now: Timestamp) {
        let is_it = |pending: &Option<OperationId>| *pending == Some(operation);
        match outcome {
            Outcome::Failed(_) if self.is_right => self.going.retain(|_, pending| !is_it(pending)),
            Outcome::Failed(_) | Outcome::Accepted => {
                self.going.values_mut().filter(|pending| is_it(pending)).for_each(|pending| *pending = None);
            }
            _ => {}
        }
        let Some((_, kind, _)) = self.in_flight.filter(|(asked, ..)| *asked == operation) else { return };
        match (kind, outcome) {
            (Kind::Look, Outcome::Observed(seen)) => self.begin(seen, now),
            (Kind::Look, Outcome::StatsFailed { disks, .. }) => self.settle_layout(disks),
            (Kind::Check, Outcome::Observed(seen)) => self.checked = Some(Arc::clone(seen)),
            (Kind::Look | Kind::Check | Kind::Free, Outcome::Failed(_))
            | (Kind::Check, Outcome::StatsFailed { .. })
            | (Kind::Free, Outcome::Reclaimed { .. }) => {}
            _ => return,
        }
        if kind != Kind::Free {
            self.is_freeing = false;
        }
        self.in_flight = None;
    }

    fn settle_layout(&mut self, disks: &Disks) {
        let layout = match (&disks.dedicated_image_fs, &disks.dedicated_container_fs) {
            (Ok(images), Ok(layers)) => DiskLayout::of(*images, *layers),
            (Ok(images), Err(_)) if !self.is_right => DiskLayout::of(*images, false),
            _ => return,
        };
        self.layout.get_or_insert(layout);
    }

    fn begin(&mut self, seen: &Arc<Observation>, now: Timestamp) {
        self.settle_layout(&seen.disks);
        if let Some(before) = self.seen.replace(Arc::clone(seen)) {
            self.before = before.levels;
        }
        self.old = self.checked.take().filter(|_| self.evictions > 0);
        self.freed.clear();
        self.evictions = 0;
        for threshold in self.node.thresholds(self.layout) {
            let counts = self.layout.is_some() || threshold.signal.filesystem().is_none();
            let level = seen.levels.get(threshold.signal).filter(|_| counts);
            if level.is_some_and(|level| is_met(&threshold, level)) {
                self.last_met[index(threshold.signal.pressure())] = Some(now);
            }
        }
    }

    fn after(&mut self, actions: &[Action], now: Timestamp) -> Result<(), TestCaseError> {
        let mut is_evicting = false;
        for action in actions {
            match action {
                Action::Observe { operation } | Action::Reclaim { operation, .. } => {
                    prop_assert!(self.going.is_empty(), "{action:?} while {:?} go", self.going);
                    prop_assert_eq!(self.in_flight, None, "{:?}", action);
                    prop_assert!(self.names.insert(*operation));
                    let kind = match action {
                        Action::Reclaim { what, .. } => {
                            prop_assert!(self.freed.insert(*what), "{what} are freed twice");
                            self.is_freeing = true;
                            Kind::Free
                        }
                        _ if self.is_freeing => Kind::Check,
                        _ => Kind::Look,
                    };
                    self.was_notified &= kind != Kind::Look;
                    self.in_flight = Some((*operation, kind, now + OPERATION));
                }
                Action::Evict(eviction) => {
                    prop_assert!(
                        is_evicting || self.going.is_empty(),
                        "{action:?} while {:?} go",
                        self.going
                    );
                    prop_assert_eq!(self.in_flight, None);
                    prop_assert!(self.names.insert(eviction.operation));
                    let seen = self.seen.as_ref().unwrap();
                    let pod = seen.pods().iter().find(|pod| pod.pod().uid == eviction.uid);
                    prop_assert!(pod.is_some_and(|pod| !pod.pod().is_critical), "{action:?}");
                    if eviction.annotations.is_some() {
                        self.evictions += 1;
                        prop_assert_eq!(self.evictions, 1, "{:?} after another one", action);
                        let message = &eviction.verdict.message;
                        let mut thresholds = self.node.thresholds(self.layout).into_iter();
                        prop_assert!(thresholds.any(|it| self.drives(&it, message)), "{action:?}");
                    }
                    self.going.insert(eviction.uid.clone(), Some(eviction.operation));
                    (is_evicting, self.until) = (true, now + CLEANUP);
                }
                Action::SetPressures(pressures) => {
                    prop_assert_ne!(*pressures, self.conditions);
                    let period = self.node.config.pressure_transition_period;
                    for pressure in self.conditions.iter().filter(|pressure| !pressures.has(*pressure)) {
                        let last = self.last_met[index(pressure)];
                        let is_over = last.is_none_or(|last| now - last >= period);
                        prop_assert!(is_over || !self.is_right, "no {pressure} at {now}, met at {last:?}");
                    }
                    self.conditions = *pressures;
                }
                Action::Note(Note::TimedOut { operation }) => {
                    let (asked, kind, until) = self.in_flight.take().unwrap();
                    prop_assert!(asked == *operation && until <= now);
                    self.is_freeing &= kind == Kind::Free;
                }
                Action::Note(Note::CleanupTimedOut { pods }) => {
                    prop_assert!(self.until <= now && self.going.len() == usize::try_from(*pods).unwrap());
                    self.going.clear();
                }
                Action::ThresholdMet(_) | Action::Note(_) => {}
            }
        }
        Ok(())
    }

    /// Whether a pod may go for a threshold: by a fresh measurement, unless what was freed is enough.
    fn drives(&self, threshold: &Threshold, message: &str) -> bool {
        let Threshold { signal, .. } = *threshold;
        let level = |seen: &Option<Arc<Observation>>| seen.as_ref()?.levels.get(signal).copied();
        let (seen, checked) = (level(&self.seen), level(&self.checked));
        let is_old =
            level(&self.old).is_some_and(|old| old.time.is_some() && old.time == seen.and_then(|it| it.time));
        let is_low = seen.is_some_and(|seen| {
            (is_met(threshold, &seen) || is_unresolved(threshold, &seen))
                && (is_fresh(&seen, &self.before, signal) || !self.is_right)
        });
        let is_enough = checked.zip(self.seen.as_ref()).is_some_and(|(checked, seen)| {
            is_fresh(&checked, &seen.levels, signal) && !is_unresolved(threshold, &checked)
        });
        let said = format!("low on resource: {}. ", signal.resource());
        message.contains(&said) && is_low && !(self.is_right && (is_enough || is_old))
    }

    /// When the manager looks at the node next.
    fn pace(&self, manager: &Manager, now: Timestamp) -> Result<(), TestCaseError> {
        let due = manager.next_wakeup();
        prop_assert!(due.is_none_or(|due| due > now), "{due:?} at {now}");
        prop_assert_eq!(manager.pressures(), self.conditions);
        let has_work =
            !self.node.config.thresholds.is_empty() || self.node.config.local_storage_capacity_isolation;
        match self.in_flight {
            _ if !has_work => prop_assert_eq!(due, None),
            Some((.., until)) => prop_assert_eq!(due, Some(until)),
            None if !self.going.is_empty() => prop_assert_eq!(due, Some(self.until)),
            None => prop_assert!(
                due.is_some_and(|due| due <= now + INTERVAL) && !self.was_notified,
                "{due:?} at {now}, notified: {}",
                self.was_notified
            ),
        }
        Ok(())
    }
}

/// The log of a life, and the manager at its end.
pub(crate) fn live(
    node: &Node,
    life: &[(i64, Seed)],
    compat: Compat,
    restores: bool,
) -> Result<(Vec<Vec<Action>>, Manager), TestCaseError> {
    let mut manager = node.manager(compat);
    let mut world = World { now: start(), ..World::default() };
    let (mut truth, mut latest, mut log) = (Truth::new(node, compat), start(), Vec::new());
    for (after, seed) in life {
        world.now = Timestamp::from_unix_nanos(world.now.unix_nanos() + after * 1_000_000_000);
        if let (Seed::Due, Some(due)) = (seed, manager.next_wakeup()) {
            world.now = world.now.max(due);
        }
        latest = latest.max(world.now);
        let mut actions = Vec::new();
        // What was due in the agent's last life is not done.
        if !matches!(seed, Seed::AgentStarted) {
            manager.wake(world.now, &mut actions);
            truth.after(&actions, latest)?;
            truth.pace(&manager, latest)?;
        }
        world.asked.extend(actions.iter().filter(has_outcome).cloned());
        log.push(std::mem::take(&mut actions));
        let events = match seed {
            Seed::Due => Vec::new(),
            Seed::AllCleanedUp => truth.going.keys().cloned().map(Event::CleanedUp).collect(),
            seed => vec![world.event(node, seed)],
        };
        for event in events {
            truth.before(&event, latest);
            manager.step(world.now, event, &mut actions);
            truth.after(&actions, latest)?;
            world.asked.extend(actions.iter().filter(has_outcome).cloned());
            log.push(std::mem::take(&mut actions));
            truth.pace(&manager, latest)?;
        }
        let before = manager.snapshot();
        manager.wake(latest, &mut actions);
        prop_assert!(actions.is_empty(), "{actions:?} before the time");
        prop_assert_eq!(&manager.snapshot(), &before);
        if restores {
            let text = serde_json::to_string(&before).unwrap();
            let read: ManagerSnapshot = serde_json::from_str(&text).unwrap();
            let environment = (node.config.clone(), node.behaviour(compat));
            manager = Manager::restore(read, environment, Timestamp::MAX).unwrap();
            prop_assert_eq!(&manager.snapshot(), &before);
        }
    }
    Ok((log, manager))
}
