//! What holds of the eviction manager, whatever the node is like and whatever comes back to it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod life;
mod node;
mod ticks;

use std::sync::Arc;

use node_lifecycle::api::{Pod, Quantity};
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::eviction::{
    Action, DiskLayout, Event, EvictionConfig, EvictionPod, Level, Levels, Manager, Observation, Outcome,
    Signal, Threshold, ThresholdValue,
};
use node_lifecycle::machine::{Machine, Snapshots, Timestamp};
use proptest::prelude::*;

use crate::life::{Seed, World, life, live};
use crate::node::{INTERVAL, has_outcome, node, seconds, start};
use crate::ticks::{play, tick};

#[test]
fn nothing_is_due_at_the_end_of_time() {
    let mut manager = Manager::new(EvictionConfig::default(), Arc::default(), start()).unwrap();
    let mut actions = Vec::new();
    manager.step(Timestamp::MAX, Event::AgentStarted { epoch: 1 }, &mut actions);
    assert!(matches!(actions[..], [Action::Observe { .. }]));
    assert_eq!(manager.next_wakeup(), None);
    manager.wake(Timestamp::MAX, &mut actions);
    assert_eq!(actions.len(), 1);
}

/// A clock that is set back between two lives of the agent: what has passed of a grace period has passed, what was
/// measured before is not measured anew, and the condition stays.
#[test]
fn a_grace_period_goes_on_when_the_clock_is_set_back() {
    let threshold = Threshold {
        signal: Signal::MemoryAvailable,
        value: ThresholdValue::Quantity(Quantity::from_units(10)),
        grace_period: seconds(60),
        min_reclaim: None,
    };
    let config = EvictionConfig { thresholds: vec![threshold], ..EvictionConfig::default() };
    let mut manager = Manager::new(config.clone(), Arc::default(), start()).unwrap();
    let look = |manager: &mut Manager, now: Timestamp, epoch| {
        let mut actions = Vec::new();
        match epoch {
            Some(epoch) => manager.step(now, Event::AgentStarted { epoch }, &mut actions),
            None => manager.wake(now, &mut actions),
        }
        let Some(Action::Observe { operation }) = actions.pop() else { panic!("{actions:?}") };
        let level = Level { available: 5, capacity: 100, time: Some(now) };
        let pod = Arc::new(EvictionPod::of(&Pod::default(), &Behaviour::default()));
        let levels = Levels::default().with(Signal::MemoryAvailable, level);
        let seen = Arc::new(Observation::new(levels, DiskLayout::One, [(pod, None)]));
        manager.step(now, Event::Done { operation, outcome: Outcome::Observed(seen) }, &mut actions);
        actions
    };
    let said = look(&mut manager, start(), Some(1));
    assert!(matches!(said[..], [Action::SetPressures(_)]));
    assert!(look(&mut manager, start() + seconds(20), None).is_empty());

    let earlier = start().moved_back(seconds(3600));
    let environment = (config, Arc::default());
    let mut manager = Manager::restore(manager.snapshot(), environment, earlier).unwrap();
    assert_eq!(manager.next_wakeup(), Some(earlier + INTERVAL));
    assert!(look(&mut manager, earlier, Some(2)).is_empty());
    assert!(look(&mut manager, earlier + seconds(30), None).is_empty());
    let said = look(&mut manager, earlier + seconds(40), None);
    assert!(matches!(said[..], [Action::ThresholdMet(_), Action::Evict(_)]), "{said:?}");
}

/// As many cases as `PROPTEST_CASES` asks for; without it the usual number.
fn cases(usual: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|asked| asked.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(usual), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(600))]

    /// Conditions, grace periods, what is freed, who goes, with how much grace, and when the node is looked at next.
    #[test]
    fn ticks_follow_the_rules(node in node(), ticks in prop::collection::vec(tick(), 1..12)) {
        play(&node, &ticks)?;
    }
}

proptest! {
    #![proptest_config(cases(400))]

    /// One operation at a time, nobody chosen while pods go, one pod a tick, never a critical one, none for what is
    /// stale or was enough, conditions that stay as long as they have to, and a time to be woken at that is to come.
    #[test]
    fn a_node_keeps_its_laws(node in node(), life in life()) {
        live(&node, &life, Compat::default(), false)?;
    }

    /// The same with the kubelet's faults, those aside.
    #[test]
    fn the_kubelet_keeps_them_but_for_its_faults(node in node(), life in life()) {
        live(&node, &life, Compat::kubelet_1_32(), false)?;
    }
}

proptest! {
    #![proptest_config(cases(100))]

    /// The same log gives the same actions, restored after every step or not.
    #[test]
    fn replay_and_restore_are_exact(node in node(), life in life(), is_right in any::<bool>()) {
        let compat = if is_right { Compat::default() } else { Compat::kubelet_1_32() };
        let (log, manager) = live(&node, &life, compat, false)?;
        for restores in [false, true] {
            let (again, same) = live(&node, &life, compat, restores)?;
            prop_assert_eq!(&again, &log);
            prop_assert_eq!(same.snapshot(), manager.snapshot());
        }
    }

    /// A manager can go on with another configuration, other gates and an earlier clock.
    #[test]
    fn a_manager_goes_on_elsewhere(
        node in node(),
        other in node(),
        life in life(),
        then in life(),
        back in 0..100_u64,
        starts in any::<bool>(),
    ) {
        let (_, manager) = live(&node, &life, Compat::default(), false)?;
        let mut world = World { now: start().moved_back(seconds(back)), epoch: 100, ..World::default() };
        let environment = (other.config.clone(), other.behaviour(Compat::default()));
        let mut manager = Manager::restore(manager.snapshot(), environment, world.now).unwrap();
        let has_work = !other.config.thresholds.is_empty() || other.config.local_storage_capacity_isolation;
        // Without a start of the agent it goes on with what it was at.
        for (after, seed) in then.iter().skip(usize::from(!starts)) {
            world.now += seconds(after.unsigned_abs());
            let mut actions = Vec::new();
            if !matches!(seed, Seed::AgentStarted) {
                manager.wake(world.now, &mut actions);
            }
            if !matches!(seed, Seed::Due | Seed::AllCleanedUp) {
                manager.step(world.now, world.event(&other, seed), &mut actions);
            }
            prop_assert!(manager.next_wakeup().is_none_or(|due| due > world.now));
            if starts && !has_work {
                prop_assert!(manager.next_wakeup().is_none() && manager.pressures().is_empty());
            }
            let is_of_threshold =
                |action: &&Action| matches!(action, Action::Evict(it) if it.annotations.is_some());
            prop_assert!(actions.iter().filter(is_of_threshold).count() <= 1);
            let snapshot = manager.snapshot();
            manager.wake(world.now, &mut Vec::new());
            prop_assert_eq!(manager.snapshot(), snapshot);
            world.asked.extend(actions.into_iter().filter(|action| has_outcome(&action)));
        }
    }
}
