//! Laws of explanations of evictions: what they say would have changed the answer changes it, and nothing less does.
#![allow(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{Pod, Quantity, Uid};
use node_lifecycle::behaviour::{Behaviour, Feature};
use node_lifecycle::eviction::{
    Action, DiskLayout, DiskResource, Event, EvictionConfig, EvictionPod, Explanation, Level, Levels,
    Manager, Observation, Outcome, PodName, PodStats, RankBy, Signal, Step, Threshold, ThresholdState,
    ThresholdValue,
};
use node_lifecycle::machine::{Machine, Timestamp};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_740_830_400);

/// A node, and what it is asked.
#[derive(Debug, Clone)]
struct Node {
    config: EvictionConfig,
    behaviour: Behaviour,
    layout: DiskLayout,
    /// What was left a minute before, if anyone looked.
    before: Option<Levels>,
    levels: Levels,
    /// How much more is left once what no pod needs was freed, and whether that was measured.
    freed: Option<i64>,
    pods: Vec<(Arc<EvictionPod>, Option<PodStats>)>,
}

impl Node {
    fn explanation(&self) -> Explanation {
        let observed = |levels| {
            let pods = self.pods.iter().map(|(pod, stats)| (Arc::clone(pod), stats.clone().map(Arc::new)));
            Outcome::Observed(Arc::new(Observation::new(levels, self.layout, pods)))
        };
        let freed = |(signal, level): (Signal, &Level)| {
            let freed = self.freed.filter(|_| signal.filesystem().is_some());
            let time = self.freed.and(level.time).map(|time| time + Duration::from_secs(1));
            (
                signal,
                Level {
                    available: level.available + freed.unwrap_or(0),
                    time: time.or(level.time),
                    ..*level
                },
            )
        };
        let mut manager = Manager::new(self.config.clone(), Arc::new(self.behaviour.clone()), NOW).unwrap();
        let mut actions = Vec::new();
        manager.step(NOW, Event::AgentStarted { epoch: 1 }, &mut actions);
        for (minute, levels) in (0..).zip(self.before.into_iter().chain([self.levels])) {
            let now = NOW + Duration::from_secs(60 * minute);
            manager.wake(now, &mut actions);
            let mut seen = levels;
            while let Some(action) = actions.pop() {
                let (operation, outcome) = match action {
                    Action::Observe { operation } => (operation, observed(seen)),
                    Action::Reclaim { operation, .. } => {
                        seen = levels.iter().map(freed).collect();
                        (operation, Outcome::Reclaimed { freed_bytes: None })
                    }
                    _ => continue,
                };
                manager.step(now, Event::Done { operation, outcome }, &mut actions);
            }
        }
        manager.explanation().unwrap()
    }

    fn evicted(&self) -> Vec<PodName> {
        self.explanation().evicted.into_iter().map(|evicted| evicted.pod).collect()
    }

    /// The same with so much more of a signal left.
    fn with_more(&self, signal: Signal, more: i64) -> Self {
        let level = *self.levels.get(signal).unwrap();
        let level = Level { available: level.available.saturating_add(more), ..level };
        Self { levels: self.levels.with(signal, level), ..self.clone() }
    }

    /// The same with one pod using so much less of what it is ranked by.
    fn with_less(&self, uid: &Uid, by: RankBy, less: u64) -> Self {
        let mut node = self.clone();
        let stats =
            node.pods.iter_mut().find(|(pod, _)| pod.uid == *uid).and_then(|(_, stats)| stats.as_mut());
        let stats = stats.unwrap();
        let container = stats.containers.first_mut();
        let used = match by {
            RankBy::Memory => &mut stats.memory_working_set_bytes,
            RankBy::Pids => &mut stats.process_count,
            RankBy::Disk { usage, resource } => {
                let container = container.unwrap();
                let usage = if usage.layers { &mut container.rootfs } else { &mut container.logs };
                match resource {
                    DiskResource::Bytes => &mut usage.used_bytes,
                    DiskResource::Inodes => &mut usage.inodes_used,
                }
            }
        };
        *used = Some(used.unwrap() - less);
        node
    }
}

fn amount() -> impl Strategy<Value = Quantity> {
    (1..2_000_i64, select(vec![0_i64, 1, 500])).prop_map(|(amount, milli)| {
        Quantity::from_units(amount) + Quantity::from_milli(milli, Quantity::ZERO.format())
    })
}

fn threshold() -> impl Strategy<Value = Threshold> {
    let value = prop_oneof![
        amount().prop_map(ThresholdValue::Quantity),
        (0.01..0.9_f32).prop_map(ThresholdValue::Percentage)
    ];
    let reclaim = prop::option::of(amount().prop_map(ThresholdValue::Quantity));
    let grace = prop_oneof![4 => Just(0), 1 => Just(60)].prop_map(Duration::from_secs);
    (select(Signal::ALL.to_vec()), value, grace, reclaim).prop_map(
        |(signal, value, grace_period, min_reclaim)| Threshold { signal, value, grace_period, min_reclaim },
    )
}

fn levels() -> impl Strategy<Value = Levels> {
    let level = (-20..2_000_i64, 0..4_000_i64, any::<bool>())
        .prop_map(|(available, capacity, timed)| Level { available, capacity, time: timed.then_some(NOW) });
    btree_map(select(Signal::ALL.to_vec()), level, 3..=Signal::ALL.len())
        .prop_map(|levels| levels.into_iter().collect())
}

/// Few different numbers, so that pods come out equal; layers or logs only, so that there is one number to change.
fn pods(layout: DiskLayout) -> impl Strategy<Value = Vec<(Arc<EvictionPod>, Option<PodStats>)>> {
    let pod =
        (0..2_i32, prop::bool::weighted(0.2), 0..3_u64, prop::option::weighted(0.9, (0..4_u64, 0..4_u64)));
    vec(pod, 0..6).prop_map(move |pods| {
        let of = pods.into_iter().enumerate().map(|(n, (priority, critical, request, used))| {
            let request = json!({"memory": request.to_string(), "ephemeral-storage": request.to_string()});
            let mut pod: Pod = serde_json::from_value(json!({
                "metadata": {"name": format!("pod-{n}"), "namespace": "shop", "uid": format!("u{}", n * 5 % 7)},
                "spec": {"priority": priority, "containers": [{"name": "app", "resources": {"requests": request}}]},
            }))
            .unwrap();
            if critical {
                pod.metadata.annotations.insert(Pod::CONFIG_MIRROR.into(), "hash".into());
            }
            let stats = used.map(|(used, inodes)| {
                let disk = json!({"usedBytes": used, "inodesUsed": inodes});
                let (rootfs, logs) = if layout == DiskLayout::Dedicated {
                    (disk.clone(), disk)
                } else {
                    (disk, json!({}))
                };
                serde_json::from_value(json!({"memoryWorkingSetBytes": used, "processCount": inodes,
                    "containers": [{"name": "app", "rootfs": rootfs, "logs": logs}]}))
                .unwrap()
            });
            (Arc::new(EvictionPod::of(&pod, &Behaviour::default())), stats)
        });
        of.collect()
    })
}

fn node() -> impl Strategy<Value = Node> {
    let layouts = vec![DiskLayout::One, DiskLayout::Dedicated, DiskLayout::Split, DiskLayout::LayersApart];
    let layout = select(layouts).prop_flat_map(|layout| (Just(layout), pods(layout)));
    let seen = (prop::option::of(levels()), levels(), prop::option::of(prop_oneof![Just(0), 0..1_000_i64]));
    (vec(threshold(), 1..6), seen, layout, any::<bool>(), prop::bool::weighted(0.8)).prop_map(
        |(thresholds, (before, levels, freed), (layout, pods), is_kubelet, gate)| {
            let mut behaviour = if is_kubelet { Behaviour::kubelet_1_32() } else { Behaviour::default() };
            behaviour.gates.set(Feature::KubeletSeparateDiskGC, gate);
            let config = EvictionConfig { thresholds, ..EvictionConfig::default() };
            Node { config, behaviour, layout, before, levels, freed, pods }
        },
    )
}

/// Whole units, rounded up.
fn whole(amount: &Quantity) -> i64 {
    amount.value().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_enough_left_nobody_goes_and_with_one_less_somebody_does(node in node()) {
        let explanation = node.explanation();
        let text = explanation.to_string();
        let Some(otherwise) = explanation.otherwise else { return Ok(()) };
        prop_assert!(!otherwise.enough.is_empty());
        let add = |node: Node, (signal, missing): (&Signal, &Quantity)| node.with_more(*signal, whole(missing));
        let enough = otherwise.enough.iter().fold(node, add);
        prop_assert_eq!(enough.evicted(), [], "{}", text);
        // What was freed may leave one threshold of several to be met.
        let is_one = explanation.thresholds.iter().filter(|stands| stands.available.is_some()).count() == 1;
        if is_one || enough.freed == Some(0) {
            for signal in otherwise.enough.keys() {
                prop_assert_eq!(enough.with_more(*signal, -1).evicted().len(), 1, "one less of {}", signal);
            }
        }
    }

    #[test]
    fn who_uses_less_goes_after_the_next(node in node()) {
        let explanation = node.explanation();
        let (Some(otherwise), Some(ranking)) = (explanation.otherwise, explanation.ranking) else { return Ok(()) };
        let chosen = &explanation.evicted[0].pod;
        match (otherwise.less, &otherwise.next) {
            (Some(less), Some(next)) => {
                prop_assert_eq!(&node.with_less(&chosen.uid, ranking.by, less).evicted(), std::slice::from_ref(next));
                let kept = node.with_less(&chosen.uid, ranking.by, less - 1).evicted();
                prop_assert_eq!(&kept, std::slice::from_ref(chosen));
            }
            (None, Some(_)) => {
                let key = ranking.pods.iter().find(|ranked| ranked.pod == *chosen).unwrap().key;
                if !key.no_stats && key.usage > 0 {
                    let kept = node.with_less(&chosen.uid, ranking.by, key.usage).evicted();
                    prop_assert_eq!(&kept, std::slice::from_ref(chosen));
                }
            }
            (less, None) => prop_assert_eq!(less, None),
        }
    }

    #[test]
    fn an_explanation_is_one_story(node in node()) {
        let explanation = node.explanation();
        let acted_on = explanation.steps.last();
        prop_assert_eq!(
            explanation.evicted.len(),
            usize::from(acted_on.is_some_and(|step| step.outcome == Step::Evicts))
        );
        if let (Some(step), [evicted]) = (acted_on, &*explanation.evicted) {
            let ranking = explanation.ranking.as_ref().unwrap();
            prop_assert_eq!(ranking.signal, step.signal);
            let first = ranking.pods.iter().find(|ranked| !ranked.is_critical).unwrap();
            prop_assert_eq!(&first.pod, &evicted.pod);
        }
        if let Some(ranking) = &explanation.ranking {
            prop_assert!(explanation.problem.is_none() || ranking.signal.filesystem().is_none());
        }
        for stands in &explanation.thresholds {
            let is_short = stands.headroom.as_ref().is_some_and(|headroom| headroom.signum() < 0);
            match stands.state {
                ThresholdState::Unmet => prop_assert!(!is_short, "{stands:?}"),
                ThresholdState::NotCounted => {}
                _ => prop_assert!(is_short || stands.headroom.is_none(), "{stands:?}"),
            }
        }
        let text = explanation.to_string();
        let rows = text.lines().take_while(|row| !row.starts_with("Conditions")).filter(|row| row.starts_with("  "));
        prop_assert_eq!(rows.count(), explanation.thresholds.len());
        let data = serde_json::to_string(&explanation).unwrap();
        prop_assert_eq!(serde_json::from_str::<Explanation>(&data).unwrap(), explanation);
    }
}
