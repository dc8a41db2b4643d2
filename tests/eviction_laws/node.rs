//! Nodes in small numbers, what is seen of them, and the arithmetic of thresholds.

use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{Pod, Quantity};
use node_lifecycle::behaviour::{Behaviour, Compat, Feature, FeatureGates};
use node_lifecycle::eviction::{
    Action, ContainerStats, DiskLayout, Disks, EvictionConfig, EvictionPod, Filesystem, FsUsage,
    LayoutThresholds, Level, Levels, Manager, NodeReclaim, Note, Observation, PodStats, Pressure, Signal,
    Threshold, ThresholdValue, VolumeStats,
};
use node_lifecycle::machine::Timestamp;
use proptest::prelude::*;
use serde_json::json;

pub(crate) const INTERVAL: Duration = Duration::from_secs(10);
pub(crate) const CLEANUP: Duration = Duration::from_secs(30);
pub(crate) const OPERATION: Duration = Duration::from_secs(120);

pub(crate) fn start() -> Timestamp {
    Timestamp::from_unix_seconds(1000)
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A node in small numbers, so that they meet.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) config: EvictionConfig,
    pub(crate) gates: FeatureGates,
    pub(crate) layout: DiskLayout,
    pods: Vec<Arc<EvictionPod>>,
}

impl Node {
    pub(crate) fn behaviour(&self, compat: Compat) -> Arc<Behaviour> {
        Arc::new(Behaviour { gates: self.gates, compat })
    }

    pub(crate) fn manager(&self, compat: Compat) -> Manager {
        Manager::new(self.config.clone(), self.behaviour(compat), start()).unwrap()
    }

    /// The thresholds in force, those of the configuration first.
    pub(crate) fn thresholds(&self, layout: Option<DiskLayout>) -> Vec<Threshold> {
        match layout.filter(|layout| self.supports(*layout)) {
            None => self.config.thresholds.clone(),
            Some(layout) => {
                let LayoutThresholds { configured, derived, .. } = self.config.thresholds_for(layout);
                configured.into_iter().chain(derived).collect()
            }
        }
    }

    pub(crate) fn supports(&self, layout: DiskLayout) -> bool {
        let is_split = matches!(layout, DiskLayout::Split | DiskLayout::LayersApart);
        !is_split || self.gates.enabled(Feature::KubeletSeparateDiskGC)
    }
}

fn signal() -> impl Strategy<Value = Signal> {
    prop::sample::select(Signal::ALL.to_vec())
}

fn amount(from: i64) -> impl Strategy<Value = ThresholdValue> {
    let share = prop::sample::select(vec![0.0_f32, 0.05, 0.1, 0.33, 0.5, 1.0]);
    prop_oneof![
        3 => (from..100_i64).prop_map(|amount| ThresholdValue::Quantity(Quantity::from_units(amount))),
        1 => share.prop_map(ThresholdValue::Percentage),
    ]
}

fn threshold() -> impl Strategy<Value = Threshold> {
    let grace_period = prop::sample::select(vec![0, 0, 0, 15, 60]);
    (signal(), amount(1), grace_period, prop::option::of(amount(0))).prop_map(
        |(signal, value, grace_period, min_reclaim)| Threshold {
            signal,
            value,
            grace_period: seconds(grace_period),
            min_reclaim,
        },
    )
}

/// UIDs are few, so that some pods have the same.
fn pod() -> impl Strategy<Value = Arc<EvictionPod>> {
    let priority = prop::sample::select(vec![-1, 0, 0, 0, 1000, 2_000_000_000]);
    let grace = prop::sample::select(vec![None, Some(0), Some(10), Some(100)]);
    let limit = || prop::option::weighted(0.2, 1..120_i64);
    (0..8_u8, 0..6_u8, priority, grace, 0..60_i64, 0..60_i64, limit(), limit()).prop_map(
        |(uid, kind, priority, grace, memory, disk, of_volume, of_container)| {
            let annotations = match kind {
                0 => json!({Pod::CONFIG_SOURCE: "file"}),
                1 => json!({Pod::CONFIG_MIRROR: "1"}),
                _ => json!({}),
            };
            let mut resources = json!({"requests": {"memory": memory, "ephemeral-storage": disk}});
            if let Some(limit) = of_container {
                resources["limits"] = json!({"ephemeral-storage": limit});
            }
            let mut empty_dir = json!({});
            if let Some(limit) = of_volume {
                empty_dir["sizeLimit"] = json!(limit);
            }
            let pod: Pod = serde_json::from_value(json!({
                "metadata": {"name": "pod", "uid": uid.to_string(), "annotations": annotations},
                "spec": {
                    "priority": priority,
                    "terminationGracePeriodSeconds": grace,
                    "containers": [{"name": "app", "image": "app:1", "resources": resources}],
                    "volumes": [{"name": "cache", "emptyDir": empty_dir}],
                },
            }))
            .unwrap();
            let pod = EvictionPod::of(&pod, &Behaviour::default());
            assert_eq!(pod.is_critical, kind < 2 || priority == 2_000_000_000);
            Arc::new(pod)
        },
    )
}

pub(crate) fn node() -> impl Strategy<Value = Node> {
    use DiskLayout::{Dedicated, LayersApart, One, Split};
    let layout = prop::sample::select(vec![One, One, Dedicated, Dedicated, Split, Split, LayersApart]);
    let config = (
        prop::collection::vec(threshold(), 0..7),
        prop::sample::select(vec![0, 30, 300]),
        prop::sample::select(vec![0, 30]),
        prop::bool::weighted(0.7),
    );
    let gates = (prop::bool::weighted(0.7), prop::bool::weighted(0.2));
    (config, gates, layout, prop::collection::vec(pod(), 0..7)).prop_map(
        |((thresholds, transition, grace, isolation), (split, overwrite), layout, pods)| Node {
            config: EvictionConfig {
                thresholds,
                pressure_transition_period: seconds(transition),
                max_pod_grace_period_seconds: grace,
                local_storage_capacity_isolation: isolation,
                ..EvictionConfig::default()
            },
            gates: FeatureGates::default()
                .with(Feature::KubeletSeparateDiskGC, split)
                .with(Feature::AllowOverwriteTerminationGracePeriodSeconds, overwrite),
            layout,
            pods,
        },
    )
}

/// What is seen of a node at one time.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    /// By signal: available, capacity, how the time is made.
    levels: [Option<(i64, i64, u8)>; Signal::ALL.len()],
    /// Whether the runtime answers for the disks.
    answers: (bool, bool),
    /// By pod: whether it is listed, and what it uses.
    pods: Vec<(bool, Option<[u64; 5]>)>,
}

pub(crate) fn sight() -> impl Strategy<Value = Sight> {
    let amount = prop_oneof![
        20 => -5..150_i64,
        1 => prop::sample::select(vec![i64::MIN, i64::MAX]),
    ];
    let capacity = prop_oneof![20 => 0..200_i64, 1 => prop::sample::select(vec![i64::MIN, i64::MAX])];
    let level = prop::option::weighted(0.9, (amount, capacity, 0..10_u8));
    let used = || prop_oneof![20 => 0..100_u64, 1 => Just(u64::MAX)];
    let usage = prop::option::weighted(0.85, [used(), used(), used(), used(), used()]);
    let pods = prop::collection::vec((prop::bool::weighted(0.9), usage), 7);
    let answer = || prop::bool::weighted(0.9);
    (prop::array::uniform9(level), (answer(), answer()), pods).prop_map(|(levels, answers, pods)| Sight {
        levels,
        answers,
        pods,
    })
}

impl Sight {
    /// The same at a time, after something else was seen.
    pub(crate) fn of(&self, node: &Node, now: Timestamp, before: &Levels) -> Arc<Observation> {
        let levels = Signal::ALL.into_iter().zip(self.levels).filter_map(|(signal, level)| {
            let (available, capacity, time) = level?;
            let known = before.get(signal).and_then(|level| level.time);
            let time = match time {
                0 => None,
                1 => Some(now.moved_back(seconds(100))),
                2 | 3 => Some(known.unwrap_or(now)),
                _ => Some(now),
            };
            Some((signal, Level { available, capacity, time }))
        });
        let pods = node.pods.iter().zip(&self.pods).filter(|(_, (is_listed, _))| *is_listed);
        let pods = pods.map(|(pod, (_, usage))| {
            let stats = usage.map(|[memory, processes, layer, logs, volume]| {
                let of = |bytes, inodes| FsUsage { used_bytes: Some(bytes), inodes_used: Some(inodes) };
                Arc::new(PodStats {
                    memory_working_set_bytes: Some(memory),
                    process_count: Some(processes),
                    ephemeral_storage_used_bytes: Some(layer.saturating_add(logs)),
                    containers: vec![ContainerStats {
                        name: "app".into(),
                        memory_working_set_bytes: Some(memory),
                        rootfs: of(layer, logs),
                        logs: of(logs, 1),
                    }],
                    volumes: vec![VolumeStats { name: "cache".into(), usage: of(volume, layer) }],
                })
            });
            (Arc::clone(pod), stats)
        });
        Arc::new(Observation::new(levels.collect(), self.disks(node), pods))
    }

    pub(crate) fn disks(&self, node: &Node) -> Disks {
        let Disks { dedicated_image_fs, dedicated_container_fs } = node.layout.into();
        let answer = |answer, answers: bool| if answers { answer } else { Err("no disk info".into()) };
        Disks {
            dedicated_image_fs: answer(dedicated_image_fs, self.answers.0),
            dedicated_container_fs: answer(dedicated_container_fs, self.answers.1),
        }
    }
}

/// How much has to be left.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "as it is documented")]
pub(crate) fn wanted(value: &ThresholdValue, capacity: i64) -> i128 {
    i128::from(match value {
        ThresholdValue::Quantity(quantity) => quantity.value().unwrap(),
        ThresholdValue::Percentage(share) => (capacity as f64 * f64::from(*share)) as i64,
    })
}

pub(crate) fn is_met(threshold: &Threshold, level: &Level) -> bool {
    i128::from(level.available) < wanted(&threshold.value, level.capacity)
}

pub(crate) fn is_unresolved(threshold: &Threshold, level: &Level) -> bool {
    let more = threshold.min_reclaim.as_ref().map_or(0, |more| wanted(more, level.capacity));
    i128::from(level.available) < wanted(&threshold.value, level.capacity) + more
}

pub(crate) fn is_fresh(level: &Level, before: &Levels, signal: Signal) -> bool {
    match (before.get(signal).map(|level| level.time), level.time) {
        (None, _) | (_, None) | (Some(None), _) => true,
        (Some(Some(before)), Some(time)) => time > before,
    }
}

/// What can be freed for a file system (SIG Node's table of reclaims, with KEP-4191).
pub(crate) fn ways(layout: DiskLayout, filesystem: Filesystem) -> Vec<NodeReclaim> {
    use NodeReclaim::{Containers, Images};
    let freed = match layout {
        DiskLayout::One | DiskLayout::LayersApart => [true, true],
        DiskLayout::Dedicated => [filesystem != Filesystem::Nodefs; 2],
        DiskLayout::Split => [filesystem != Filesystem::Imagefs, filesystem == Filesystem::Imagefs],
    };
    [Containers, Images].into_iter().zip(freed).filter(|(_, helps)| *helps).map(|(what, _)| what).collect()
}

pub(crate) fn index(pressure: Pressure) -> usize {
    Pressure::ALL.into_iter().position(|it| it == pressure).unwrap()
}

/// What an action says, without the names of operations.
pub(crate) fn word(action: &Action) -> String {
    match action {
        Action::Observe { .. } => "look".to_owned(),
        Action::Reclaim { what, .. } => format!("free {what}"),
        Action::Evict(eviction) => {
            let why = if eviction.annotations.is_some() { "the node" } else { "its limit" };
            format!("evict {} within {:?} for {why}", eviction.uid, eviction.verdict.grace_seconds.unwrap())
        }
        Action::SetPressures(pressures) => format!("conditions {:?}", pressures.iter().collect::<Vec<_>>()),
        Action::ThresholdMet(resource) => format!("short of {resource}"),
        Action::Note(Note::Unobserved { signal }) => format!("unobserved {signal}"),
        Action::Note(Note::DuplicatePod { uid }) => format!("duplicate {uid}"),
        Action::Note(Note::ReclaimFailed { what, .. }) => format!("not freed: {what}"),
        Action::Note(Note::EvictionRefused { uid, .. }) => format!("refused: {uid}"),
        Action::Note(Note::CleanupTimedOut { pods }) => format!("not cleaned up: {pods}"),
        Action::Note(note) => {
            serde_json::to_value(note).unwrap()["note"].as_str().unwrap_or_default().to_owned()
        }
    }
}

pub(crate) fn has_outcome(action: &&Action) -> bool {
    matches!(action, Action::Observe { .. } | Action::Reclaim { .. } | Action::Evict(_))
}
