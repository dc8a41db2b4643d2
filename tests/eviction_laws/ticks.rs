//! Ticks, compared with a model of the rules that is written to be read: one tick is one function from top to bottom.

use std::collections::BTreeSet;
use std::sync::Arc;

use node_lifecycle::api::Uid;
use node_lifecycle::behaviour::{Compat, Feature};
use node_lifecycle::eviction::{
    Action, DiskLayout, Disks, Event, Levels, Manager, NodeReclaim, Observation, Outcome, Pressure,
    Pressures, RankBy, Signal, Threshold, local_storage_violation, rank,
};
use node_lifecycle::machine::{Machine, Timestamp};
use proptest::prelude::*;

use crate::node::{
    CLEANUP, INTERVAL, Node, OPERATION, Sight, has_outcome, index, is_fresh, is_met, is_unresolved, seconds,
    sight, start, ways, word,
};

/// A tick, and everything that is going to be answered in it.
#[derive(Debug, Clone)]
pub(crate) struct Tick {
    sight: Sight,
    look: Answer,
    free: [Answer; 2],
    check: Answer,
    checked: Sight,
    /// By the number of the eviction.
    refuses: [bool; 8],
    cleaned_up_after: u64,
    notified_after: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Done,
    Failed,
    StatsFailed,
    Lost,
}

pub(crate) fn tick() -> impl Strategy<Value = Tick> {
    use Answer::{Done, Failed, Lost, StatsFailed};
    let answer = || prop_oneof![12 => Just(Done), 1 => Just(Failed), 1 => Just(StatsFailed), 1 => Just(Lost)];
    let after = (0..45_u64, prop::option::weighted(0.2, 1..10_u64));
    let refuses = prop::array::uniform8(prop::bool::weighted(0.2));
    (sight(), answer(), [answer(), answer()], answer(), sight(), refuses, after).prop_map(
        |(sight, look, free, check, checked, refuses, (cleaned_up_after, notified_after))| Tick {
            sight,
            look,
            free,
            check,
            checked,
            refuses,
            cleaned_up_after,
            notified_after,
        },
    )
}

/// A threshold, and how it stands.
#[derive(Debug, Clone)]
struct Watched {
    threshold: Threshold,
    since: Option<Timestamp>,
    is_held: bool,
    /// Something was freed for it, and nobody could say what that brought.
    is_freed: bool,
}

/// The rules, told in one go.
struct Model<'a> {
    node: &'a Node,
    now: Timestamp,
    layout: Option<DiskLayout>,
    watched: Vec<Watched>,
    levels: Levels,
    unobserved: BTreeSet<Signal>,
    last_met: [Option<Timestamp>; 3],
    conditions: Pressures,
    log: Vec<String>,
}

impl<'a> Model<'a> {
    fn new(node: &'a Node) -> Self {
        let mut model = Self {
            node,
            now: start(),
            layout: None,
            watched: Vec::new(),
            levels: Levels::default(),
            unobserved: BTreeSet::new(),
            last_met: [None; 3],
            conditions: Pressures::NONE,
            log: Vec::new(),
        };
        model.watch();
        model
    }

    fn say(&mut self, word: impl Into<String>) {
        self.log.push(word.into());
    }

    fn watch(&mut self) {
        let mut before = std::mem::take(&mut self.watched);
        for threshold in self.node.thresholds(self.layout) {
            let key = |threshold: &Threshold| (threshold.signal, threshold.grace_period);
            let known = before.iter().position(|watched| key(&watched.threshold) == key(&threshold));
            let (since, is_held, is_freed) = known.map_or((None, false, false), |at| {
                let Watched { since, is_held, is_freed, .. } = before.remove(at);
                (since, is_held, is_freed)
            });
            self.watched.push(Watched { threshold, since, is_held, is_freed });
        }
    }

    /// A tick from its observation on, to the pods that have to go.
    fn tick(&mut self, tick: &Tick) -> Vec<Uid> {
        let seen = tick.sight.of(self.node, self.now, &self.levels);
        match tick.look {
            Answer::Done => {
                for uid in seen.duplicates() {
                    self.say(format!("duplicate {uid}"));
                }
                self.settle_layout(&seen.disks);
            }
            Answer::StatsFailed => {
                self.settle_layout(&tick.sight.disks(self.node));
                self.say("observationFailed");
                return Vec::new();
            }
            Answer::Failed => {
                self.say("observationFailed");
                return Vec::new();
            }
            Answer::Lost => {
                self.now += OPERATION;
                self.say("timedOut");
                return Vec::new();
            }
        }
        let due = self.judge(&seen.levels);
        self.set_conditions();
        self.levels = seen.levels;
        if let Some(layout) = self.layout
            && self.node.config.local_storage_capacity_isolation
        {
            let is_over = |pod: &&_| local_storage_violation(pod, layout).is_some();
            let evicted: Vec<_> =
                seen.pods().iter().filter(is_over).map(|pod| pod.pod().uid.clone()).collect();
            for uid in &evicted {
                self.say(format!("evict {uid} within 1 for its limit"));
            }
            if !evicted.is_empty() {
                return evicted;
            }
        }
        self.relieve(&due, &seen, tick).into_iter().collect()
    }

    fn settle_layout(&mut self, disks: &Disks) {
        if self.layout.is_none() {
            match (&disks.dedicated_image_fs, &disks.dedicated_container_fs) {
                (Ok(_), Ok(_)) => {
                    self.layout = Some(self.node.layout);
                    self.watch();
                }
                _ => self.say("layoutUnknown"),
            }
        }
        if self.layout.is_some_and(|layout| !self.node.supports(layout)) {
            self.say("layoutUnsupported");
        }
    }

    /// The thresholds that drive evictions, in order.
    fn judge(&mut self, levels: &Levels) -> Vec<usize> {
        let (now, mut due, mut said) = (self.now, Vec::new(), Vec::new());
        for (at, watched) in self.watched.iter_mut().enumerate() {
            let signal = watched.threshold.signal;
            let counts = self.layout.is_some() || signal.filesystem().is_none();
            let Some(level) = levels.get(signal).filter(|_| counts) else {
                if self.unobserved.insert(signal) {
                    said.push(format!("unobserved {signal}"));
                }
                continue;
            };
            self.unobserved.remove(&signal);
            let lasts = is_met(&watched.threshold, level)
                || watched.is_held && is_unresolved(&watched.threshold, level);
            if !lasts {
                (watched.since, watched.is_held, watched.is_freed) = (None, false, false);
                continue;
            }
            let since = *watched.since.get_or_insert(now);
            watched.is_held = now - since >= watched.threshold.grace_period;
            if watched.is_held && is_fresh(level, &self.levels, signal) {
                due.push(at);
            }
        }
        self.log.append(&mut said);
        due.sort_by_key(|at| {
            let Threshold { signal, grace_period, .. } = self.watched[*at].threshold;
            let is_memory = signal.name().contains("emory");
            (!is_memory, !grace_period.is_zero(), signal.name(), grace_period)
        });
        due
    }

    fn set_conditions(&mut self) {
        let holds = |pressure: &Pressure| {
            let is_it = |watched: &Watched| watched.threshold.signal.pressure() == *pressure;
            self.watched.iter().any(|watched| is_it(watched) && watched.since.is_some())
        };
        let held: Vec<_> = Pressure::ALL.into_iter().filter(holds).collect();
        for pressure in &held {
            self.last_met[index(*pressure)] = Some(self.now);
        }
        let lasts = |pressure: &Pressure| {
            let period = self.node.config.pressure_transition_period;
            let last = self.last_met[index(*pressure)];
            held.contains(pressure) || last.is_some_and(|last| self.now - last < period)
        };
        let conditions: Pressures = Pressure::ALL.into_iter().filter(lasts).collect();
        if conditions != self.conditions {
            self.conditions = conditions;
            self.say(format!("conditions {:?}", conditions.iter().collect::<Vec<_>>()));
        }
    }

    /// Frees, looks again, and has one pod go if it must.
    fn relieve(&mut self, due: &[usize], seen: &Observation, tick: &Tick) -> Option<Uid> {
        let layout = self.layout.filter(|layout| self.node.supports(*layout));
        let (mut freed, mut checked): (Vec<NodeReclaim>, Option<Arc<Observation>>) = (Vec::new(), None);
        for &at in due {
            let threshold = self.watched[at].threshold.clone();
            let (signal, filesystem) = (threshold.signal, threshold.signal.filesystem());
            self.say(format!("short of {}", signal.resource()));
            let is_freed = std::mem::take(&mut self.watched[at].is_freed);
            // Whether what was freed is enough; nobody may know.
            let is_enough = |checked: &Option<Arc<Observation>>| {
                let level = checked.as_ref()?.levels.get(signal)?;
                is_fresh(level, &seen.levels, signal).then(|| !is_unresolved(&threshold, level))
            };
            if is_enough(&checked) == Some(true) {
                continue;
            }
            let ways = layout.zip(filesystem).map_or(Vec::new(), |(layout, of)| ways(layout, of));
            if !is_freed && !ways.is_empty() {
                let new: Vec<_> = ways.into_iter().filter(|way| !freed.contains(way)).collect();
                for what in &new {
                    self.free(*what, tick.free[freed.len()]);
                    freed.push(*what);
                }
                if !new.is_empty() {
                    checked = self.check(tick, seen);
                }
                match is_enough(&checked) {
                    Some(true) => continue,
                    Some(false) => {}
                    None => {
                        self.watched[at].is_freed = true;
                        return None;
                    }
                }
            }
            if filesystem.is_some() && layout.is_none() {
                continue;
            }
            let by = RankBy::of(signal, layout.unwrap_or_default());
            let order = rank(by, seen.pods(), Compat::default());
            let mut order = order.into_iter().map(|ranked| seen.pods()[ranked.index].pod());
            let victim = order.find(|pod| !pod.is_critical)?;
            let granted = self.node.config.max_pod_grace_period_seconds;
            let overwrites = self.node.gates.enabled(Feature::AllowOverwriteTerminationGracePeriodSeconds);
            let grace = match (threshold.grace_period.is_zero(), victim.termination_grace_period_seconds) {
                (true, _) => 1,
                (false, Some(own)) if !overwrites && own < granted => own,
                _ => granted,
            };
            self.say(format!("evict {} within {grace} for the node", victim.uid));
            for (signal, level) in checked.iter().flat_map(|checked| checked.levels.iter()) {
                if level.time > self.levels.get(signal).and_then(|known| known.time) {
                    self.levels.set(signal, Some(*level));
                }
            }
            return Some(victim.uid.clone());
        }
        None
    }

    fn free(&mut self, what: NodeReclaim, answer: Answer) {
        self.say(format!("free {what}"));
        if answer == Answer::Lost {
            self.now += OPERATION;
            self.say("timedOut");
        }
        if answer != Answer::Done {
            self.say(format!("not freed: {what}"));
        }
    }

    fn check(&mut self, tick: &Tick, seen: &Observation) -> Option<Arc<Observation>> {
        self.say("look");
        match tick.check {
            Answer::Done => return Some(tick.checked.of(self.node, self.now, &seen.levels)),
            Answer::Lost => {
                self.now += OPERATION;
                self.say("timedOut");
            }
            Answer::Failed | Answer::StatsFailed => self.say("observationFailed"),
        }
        None
    }
}

/// A manager whose operations are answered as its ticks say.
struct Rig<'a> {
    node: &'a Node,
    manager: Manager,
    now: Timestamp,
    actions: Vec<Action>,
    log: Vec<String>,
}

impl Rig<'_> {
    fn hand(&mut self, event: Event) {
        self.manager.step(self.now, event, &mut self.actions);
    }

    fn wake_when_due(&mut self) {
        self.now = self.manager.next_wakeup().unwrap();
        self.manager.wake(self.now, &mut self.actions);
    }

    /// Says what was asked for, and which of it has an outcome.
    fn listen(&mut self) -> Vec<Action> {
        self.log.extend(self.actions.iter().map(word));
        self.actions.drain(..).filter(|action| has_outcome(&action)).collect()
    }

    /// Answers all that a tick asks for, from its observation on.
    fn tick(&mut self, tick: &Tick, before: &Levels) -> Vec<Action> {
        let (mut asked, mut looks, mut frees) = (self.listen(), 0, tick.free.iter());
        let mut seen = *before;
        while let [Action::Observe { .. } | Action::Reclaim { .. }] = asked[..] {
            let (operation, answer, outcome) = match asked.remove(0) {
                Action::Observe { operation } => {
                    looks += 1;
                    let (answer, sight) =
                        if looks == 1 { (tick.look, &tick.sight) } else { (tick.check, &tick.checked) };
                    let observation = sight.of(self.node, self.now, &seen);
                    if looks == 1 {
                        seen = observation.levels;
                    }
                    (operation, answer, Outcome::Observed(observation))
                }
                Action::Reclaim { operation, .. } => {
                    let answer = *frees.next().expect("each thing is freed once");
                    (operation, answer, Outcome::Reclaimed { freed_bytes: Some(1) })
                }
                _ => unreachable!(),
            };
            let outcome = match answer {
                Answer::Done => outcome,
                Answer::StatsFailed if matches!(outcome, Outcome::Observed(_)) => {
                    Outcome::StatsFailed { error: "no".into(), disks: tick.sight.disks(self.node).into() }
                }
                Answer::Failed | Answer::StatsFailed => Outcome::Failed("no".into()),
                Answer::Lost => {
                    self.wake_when_due();
                    asked = self.listen();
                    continue;
                }
            };
            self.hand(Event::Done { operation, outcome });
            asked = self.listen();
        }
        asked
    }
}

/// Plays ticks with the manager and with the model, and compares them; and so their pace.
pub(crate) fn play(node: &Node, ticks: &[Tick]) -> Result<(), TestCaseError> {
    let manager = node.manager(Compat::default());
    let mut rig = Rig { node, manager, now: start(), actions: Vec::new(), log: Vec::new() };
    let mut model = Model::new(node);
    rig.hand(Event::AgentStarted { epoch: 1 });
    if node.config.thresholds.is_empty() && !node.config.local_storage_capacity_isolation {
        prop_assert!(rig.actions.is_empty() && rig.manager.next_wakeup().is_none());
        return Ok(());
    }
    for tick in ticks {
        model.say("look");
        let before = model.levels;
        let evicted = model.tick(tick);
        let mut asked = rig.tick(tick, &before);
        prop_assert_eq!(&rig.log, &model.log);
        prop_assert_eq!(rig.now, model.now);
        prop_assert_eq!(rig.manager.pressures(), model.conditions);
        model.log.clear();
        rig.log.clear();

        let mut going = BTreeSet::new();
        for ((action, uid), refuses) in asked.drain(..).zip(&evicted).zip(tick.refuses) {
            let Action::Evict(eviction) = action else { panic!("{action:?}") };
            let outcome = if refuses { Outcome::Failed("no".into()) } else { Outcome::Accepted };
            rig.hand(Event::Done { operation: eviction.operation, outcome });
            if refuses {
                model.say(format!("refused: {uid}"));
            } else {
                going.insert(uid.clone());
            }
        }
        // What is said of an eviction stands before the next look, which the next round of the model says.
        let refused = rig.listen();
        prop_assert!(refused.is_empty());
        match tick.notified_after {
            _ if !going.is_empty() && tick.cleaned_up_after < 30 => {
                rig.now += seconds(tick.cleaned_up_after);
                for uid in &going {
                    prop_assert!(rig.actions.is_empty(), "{:?} before {uid} is gone", rig.actions);
                    rig.hand(Event::CleanedUp(uid.clone()));
                }
            }
            _ if !going.is_empty() => {
                prop_assert_eq!(rig.manager.next_wakeup(), Some(rig.now + CLEANUP));
                rig.wake_when_due();
                model.say(format!("not cleaned up: {}", going.len()));
            }
            Some(after) => {
                rig.now += seconds(after);
                rig.hand(Event::MemoryNotification);
            }
            None => {
                prop_assert_eq!(rig.manager.next_wakeup(), Some(rig.now + INTERVAL));
                rig.wake_when_due();
            }
        }
        model.now = rig.now;
    }
    Ok(())
}
