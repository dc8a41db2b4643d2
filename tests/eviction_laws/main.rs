//! What holds of the eviction manager, whatever the node is like and whatever comes back to it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod life;
mod node;
mod ticks;

use std::sync::Arc;

use node_lifecycle::behaviour::Compat;
use node_lifecycle::eviction::{Action, Event, EvictionConfig, Manager};
use node_lifecycle::machine::{Machine, Snapshots, Timestamp};
use proptest::prelude::*;

use crate::life::{Seed, World, life, live};
use crate::node::{has_outcome, node, seconds, start};
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
        // What was due when the agent stopped is done first, whatever time it is.
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
