//! Laws of forecasts of evictions: they agree with a simulation of the same rates.
#![allow(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{Pod, Quantity, Uid};
use node_lifecycle::behaviour::{Behaviour, Feature};
use node_lifecycle::eviction::{
    ContainerRates, ContainerStats, DiskLayout, EvictionConfig, EvictionPod, Filesystem, FsRates, FsUsage,
    Level, Levels, Observation, PodRates, PodStats, RankBy, Rate, Rates, Signal, Threshold, ThresholdValue,
    explain, first_in_rank, forecast,
};
use node_lifecycle::machine::Timestamp;
use proptest::array::uniform8;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_740_830_400);
const NANO: Duration = Duration::from_nanos(1);

/// A node, how it changes, and what it is asked.
#[derive(Debug, Clone)]
struct Node {
    config: EvictionConfig,
    layout: DiskLayout,
    observation: Observation,
    rates: Rates,
    now: Timestamp,
    horizon: Duration,
    behaviour: Behaviour,
}

/// Numbers as a node has them, or any that there are.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    hostile: bool,
}

impl Numbers {
    fn amount(self) -> BoxedStrategy<i64> {
        if self.hostile {
            prop_oneof![any::<i64>(), select(vec![i64::MIN, -1, 0, 1, i64::MAX])].boxed()
        } else {
            (0..100_000_i64).boxed()
        }
    }

    fn usage(self) -> BoxedStrategy<Option<u64>> {
        let usage = if self.hostile { any::<u64>().boxed() } else { (0..5_000_u64).boxed() };
        prop::option::weighted(0.9, usage).boxed()
    }

    fn rate(self) -> BoxedStrategy<Rate> {
        let (change, per) = if self.hostile {
            let per = prop_oneof![any::<Duration>(), select(vec![Duration::ZERO, NANO, Duration::MAX])];
            (self.amount(), per.boxed())
        } else {
            ((-5_000..2_000_i64).boxed(), select(vec![1, 7, 10, 60]).prop_map(Duration::from_secs).boxed())
        };
        (change, per).prop_map(|(change, per)| Rate { change, per }).boxed()
    }

    fn threshold(self) -> impl Strategy<Value = Threshold> {
        let share = if self.hostile { any::<f32>().boxed() } else { (0.01..0.9_f32).boxed() };
        let quantity = self.amount().prop_flat_map(|amount| {
            // Not all thresholds are whole.
            select(vec![0_i64, 1, 500]).prop_map(move |milli| {
                let fraction = Quantity::from_milli(milli, Quantity::ZERO.format());
                Quantity::from_units(amount) + fraction
            })
        });
        let value = prop_oneof![
            quantity.prop_map(ThresholdValue::Quantity),
            share.prop_map(ThresholdValue::Percentage),
        ];
        let grace_period = if self.hostile {
            any::<Duration>().boxed()
        } else {
            select(vec![0, 10, 90]).prop_map(Duration::from_secs).boxed()
        };
        (select(Signal::ALL.to_vec()), value, grace_period).prop_map(|(signal, value, grace_period)| {
            Threshold { signal, value, grace_period, min_reclaim: None }
        })
    }

    fn level(self) -> impl Strategy<Value = Level> {
        let time = prop::option::of(select(vec![NOW, Timestamp::MAX]));
        (self.amount(), self.amount(), time).prop_map(|(available, capacity, time)| Level {
            available,
            capacity,
            time,
        })
    }

    fn stats(self) -> impl Strategy<Value = Option<Arc<PodStats>>> {
        let stats = uniform8(self.usage()).prop_map(|[memory, processes, disk, a, b, c, d, of_container]| {
            Arc::new(PodStats {
                memory_working_set_bytes: memory,
                process_count: processes,
                ephemeral_storage_used_bytes: disk,
                containers: vec![ContainerStats {
                    name: "app".into(),
                    memory_working_set_bytes: of_container,
                    rootfs: FsUsage { used_bytes: a, inodes_used: b },
                    logs: FsUsage { used_bytes: c, inodes_used: d },
                }],
                volumes: Vec::new(),
            })
        });
        prop::option::weighted(0.8, stats)
    }

    fn pod_rates(self) -> impl Strategy<Value = PodRates> {
        uniform8(self.rate()).prop_map(|[memory, processes, ephemeral_storage, a, b, c, d, of_container]| {
            let container = ContainerRates {
                memory: of_container,
                rootfs: FsRates { bytes: a, inodes: b },
                logs: FsRates { bytes: c, inodes: d },
            };
            let containers = [("app".into(), container)].into();
            PodRates { memory, processes, ephemeral_storage, containers, ..PodRates::default() }
        })
    }

    fn observation(self) -> impl Strategy<Value = (DiskLayout, Observation)> {
        let layouts = [DiskLayout::One, DiskLayout::Dedicated, DiskLayout::Split, DiskLayout::LayersApart];
        let levels = btree_map(select(Signal::ALL.to_vec()), self.level(), 0..=Signal::ALL.len());
        let pods = vec((0..3_i32, any::<bool>(), 0..4_000_i64, self.stats()), 0..6);
        (select(layouts.to_vec()), levels, pods).prop_map(|(layout, levels, pods)| {
            let levels = levels
                .into_iter()
                .fold(Levels::default(), |levels, (signal, level)| levels.with(signal, level));
            let pods = pods.into_iter().enumerate().map(|(n, (priority, critical, request, stats))| {
                let mut pod: Pod = serde_json::from_value(serde_json::json!({
                    "metadata": {"name": format!("pod-{n}"), "namespace": "default", "uid": format!("u{n}")},
                    "spec": {"priority": priority, "containers": [{"name": "app", "resources": {
                        "requests": {"memory": request.to_string(), "ephemeral-storage": request.to_string()}}}]},
                }))
                .unwrap();
                if critical {
                    pod.metadata.annotations.insert(Pod::CONFIG_MIRROR.into(), "hash".into());
                }
                (Arc::new(EvictionPod::of(&pod, &Behaviour::default())), stats)
            });
            (layout, Observation::new(levels, layout, pods))
        })
    }

    fn node(self) -> impl Strategy<Value = Node> {
        let rates = (
            btree_map(select(Signal::ALL.to_vec()), self.rate(), 0..=Signal::ALL.len()),
            btree_map((0..6).prop_map(|n| Uid::from(format!("u{n}"))), self.pod_rates(), 0..6),
        );
        let (now, horizon) = if self.hostile {
            (any::<i64>().prop_map(Timestamp::from_unix_nanos).boxed(), any::<Duration>().boxed())
        } else {
            (Just(NOW).boxed(), (0..600_u64).prop_map(Duration::from_secs).boxed())
        };
        let is_kubelet = any::<bool>();
        (vec(self.threshold(), 0..6), self.observation(), rates, now, horizon, is_kubelet).prop_map(
            |(thresholds, (layout, observation), (signals, pods), now, horizon, is_kubelet)| Node {
                config: EvictionConfig { thresholds, ..EvictionConfig::default() },
                layout,
                observation,
                rates: Rates { signals, pods },
                now,
                horizon,
                behaviour: if is_kubelet { Behaviour::kubelet_1_32() } else { Behaviour::default() },
            },
        )
    }
}

impl Node {
    fn is_met(&self, threshold: &Threshold, after: Duration) -> bool {
        let then = self.observation.projected(&self.rates, after);
        then.levels.get(threshold.signal).is_some_and(|level| threshold.is_met(level))
    }

    /// That what is foreseen is what is found, however it is looked for.
    fn check(&self) -> Result<(), TestCaseError> {
        let Self { config, layout, observation, rates, now, horizon, behaviour } = self;
        let forecast = forecast(config, observation, rates, *now, *horizon, behaviour);
        prop_assert!(forecast.crossings.is_sorted_by_key(|crossing| crossing.at));
        prop_assert_eq!(forecast.until, *now + *horizon);
        let json = serde_json::to_string(&forecast).unwrap();
        prop_assert!(!forecast.to_string().is_empty() && !json.is_empty());

        let mut never = config.thresholds_for(*layout).into_all();
        for crossing in &forecast.crossings {
            // Those that are no number are equal to nothing, and are never met.
            let at = never.iter().position(|threshold| *threshold == crossing.threshold);
            never.remove(at.ok_or_else(|| TestCaseError::fail("a threshold that there is not"))?);
            let (threshold, after) = (&crossing.threshold, crossing.at - *now);
            prop_assert!(crossing.at <= forecast.until && self.is_met(threshold, after));
            for earlier in [after.checked_sub(NANO), after.checked_div(2), after.checked_div(7)] {
                let Some(earlier) = earlier.filter(|earlier| *earlier < after) else { continue };
                prop_assert!(!self.is_met(threshold, earlier), "{threshold} is met before {after:?}");
            }

            let acts_after = after.saturating_add(threshold.grace_period);
            prop_assert_eq!(crossing.acts_at.is_some(), self.is_met(threshold, acts_after));
            prop_assert_eq!(crossing.acts_at.unwrap_or(*now + acts_after), *now + acts_after);
            let then = observation.projected(rates, acts_after);
            let by = RankBy::of(threshold.signal, *layout);
            let first = first_in_rank(by, then.pods(), behaviour.compat, |pod| !pod.pod().is_critical);
            let expected = first.map(|first| (then.pods()[first.index].pod().uid.clone(), first.key));
            let found = crossing.victim.as_ref().map(|victim| (victim.pod.uid.clone(), victim.key));
            prop_assert_eq!(found, expected.filter(|_| crossing.acts_at.is_some()));
        }
        for threshold in never {
            for after in [Duration::ZERO, *horizon / 3, *horizon] {
                prop_assert!(!self.is_met(&threshold, after.min(Timestamp::MAX - *now)));
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_foreseen_is_what_is_found(node in Numbers { hostile: false }.node()) {
        node.check()?;
    }

    #[test]
    fn hostile_numbers_are_foreseen_as_well(node in Numbers { hostile: true }.node()) {
        node.check()?;
    }

    /// A node that is stepped, second by second, is low within the second before it is seen to be.
    #[test]
    fn a_stepped_node_agrees(
        threshold in Numbers { hostile: false }.threshold(),
        level in Numbers { hostile: false }.level(),
        change in -5_000..5_000_i64,
    ) {
        let rates = Rates { signals: [(threshold.signal, Rate::per_second(change))].into(), ..Rates::default() };
        let config = EvictionConfig { thresholds: vec![threshold.clone()], ..EvictionConfig::default() };
        let levels = Levels::default().with(threshold.signal, level);
        // With this layout no threshold follows from another.
        let observation = Observation::new(levels, DiskLayout::LayersApart, []);
        let horizon = Duration::from_secs(100);
        let forecast = forecast(&config, &observation, &rates, NOW, horizon, &Behaviour::default());

        let mut stepped = level;
        let mut seen = None;
        for second in 0..=100_u64 {
            if threshold.is_met(&stepped) {
                seen = Some(second);
                break;
            }
            stepped.available += change;
        }
        let foreseen = forecast.crossings.first().map(|crossing| crossing.at - NOW);
        prop_assert_eq!(foreseen.map(|after| after.as_nanos().div_ceil(1_000_000_000)), seen.map(u128::from));
    }

    #[test]
    fn rates_between_two_observations_lead_from_one_to_the_other(
        node in Numbers { hostile: false }.node(),
        seconds in 1..100_u64,
    ) {
        let elapsed = Duration::from_secs(seconds);
        let earlier = &node.observation;
        let later = earlier.projected(&node.rates, elapsed);
        let rates = Rates::between(earlier, &later, elapsed);
        // The end of time has nothing after it.
        let ends = earlier.levels.iter().any(|(_, level)| level.time == Some(Timestamp::MAX));
        if !ends {
            prop_assert_eq!(earlier.projected(&rates, elapsed), later);
        }
    }

    /// The manager, shown what the node comes to, evicts whom the forecast names, and nobody just before.
    #[test]
    fn the_manager_evicts_whom_the_forecast_names(node in Numbers { hostile: false }.node(), unknown in 0..8_u8, gate in any::<bool>()) {
        let mut node = node;
        node.behaviour.gates.set(Feature::KubeletSeparateDiskGC, gate);
        let failed = || Err("runtime is down".into());
        match unknown {
            0 => node.observation.disks.dedicated_image_fs = failed(),
            1 => node.observation.disks.dedicated_container_fs = failed(),
            _ => {}
        }
        let Node { config, observation, rates, now, horizon, behaviour, .. } = &node;
        for crossing in forecast(config, observation, rates, *now, *horizon, behaviour).crossings {
            let Some(acts_at) = crossing.acts_at else { continue };
            let signal = crossing.threshold.signal;
            let threshold = Threshold { grace_period: Duration::ZERO, ..crossing.threshold };
            let config = EvictionConfig {
                thresholds: vec![threshold],
                local_storage_capacity_isolation: false,
                ..EvictionConfig::default()
            };
            let evicted = |at: Timestamp| {
                let mut then = observation.projected(rates, at - *now);
                // What follows from a threshold is not what is asked about.
                for derived in [Signal::ContainerfsAvailable, Signal::ContainerfsInodesFree] {
                    then.levels.set(derived, None);
                }
                then.levels.set(signal, observation.projected(rates, at - *now).levels.get(signal).copied());
                let tick = explain(config.clone(), Arc::new(behaviour.clone()), &Arc::new(then), at);
                tick.map(|tick| tick.into_iter().flat_map(|tick| tick.evicted).map(|it| it.pod).collect::<Vec<_>>())
            };
            // Not every threshold is one that a manager takes, and those of containerfs follow others.
            let is_containerfs = signal.filesystem() == Some(Filesystem::Containerfs);
            let Ok(names) = evicted(acts_at) else { continue };
            if !is_containerfs {
                prop_assert_eq!(names, crossing.victim.into_iter().map(|victim| victim.pod).collect::<Vec<_>>());
            }
            if crossing.at > *now {
                prop_assert_eq!(evicted(crossing.at.moved_back(NANO)), Ok(Vec::new()));
            }
        }
    }
}
