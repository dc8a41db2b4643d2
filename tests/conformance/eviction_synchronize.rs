//! The eviction manager, tick by tick.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{Pod, Uid};
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::eviction::{
    Action, Disks, Event, Eviction, EvictionConfig, EvictionPod, EvictionSettings, Level, Levels, Manager,
    NodeReclaim, Note, Observation, Outcome, Platform, PodStats, Signal,
};
use node_lifecycle::machine::{Machine, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::compare;
use crate::runtime::decode;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    config: Config,
    feature_gates: BTreeMap<String, bool>,
    disk: Disk,
    pods: Vec<Pod>,
    pod_stats_sets: Vec<BTreeMap<Uid, Arc<PodStats>>>,
    ticks: Vec<Tick>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(flatten)]
    settings: Value,
    eviction_pressure_transition_period_ms: u64,
    eviction_max_pod_grace_period_seconds: i64,
    local_storage_capacity_isolation: bool,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "camelCase")]
struct Disk {
    dedicated_image_fs: bool,
    dedicated_container_fs: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tick {
    now: Timestamp,
    active_pods: Vec<usize>,
    pod_stats_set: usize,
    node: Node,
    #[serde(rename = "containerGC")]
    container_gc: Freed,
    #[serde(rename = "imageGC")]
    image_gc: Freed,
    #[serde(default)]
    summary_error: bool,
    #[serde(default)]
    summary_after_reclaim_error: bool,
    #[serde(default)]
    has_dedicated_image_fs_error: bool,
    #[serde(default)]
    has_dedicated_container_fs_error: bool,
    #[serde(default)]
    kill_errors: BTreeSet<Uid>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(rename_all = "camelCase", default)]
struct Node {
    memory: Option<Memory>,
    allocatable_memory: Option<Memory>,
    node_fs: Option<Fs>,
    image_fs: Option<Fs>,
    container_fs: Option<Fs>,
    rlimit: Option<Rlimit>,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Memory {
    time: Option<Timestamp>,
    available_bytes: Option<i64>,
    working_set_bytes: Option<i64>,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Fs {
    time: Option<Timestamp>,
    available_bytes: Option<i64>,
    capacity_bytes: Option<i64>,
    inodes_free: Option<i64>,
    inodes: Option<i64>,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Rlimit {
    time: Option<Timestamp>,
    #[serde(rename = "maxPID")]
    max_pid: Option<i64>,
    num_of_running_processes: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Freed {
    error: bool,
    node_fs_bytes: i64,
    node_fs_inodes: i64,
    image_fs_bytes: i64,
    image_fs_inodes: i64,
    container_fs_bytes: i64,
    container_fs_inodes: i64,
}

/// The kubelet's words for a layout that it does not support.
const SPLIT_WITHOUT_GATE: &str = "KubeletSeparateDiskGC is turned off but we still have a split filesystem";

/// Of each tick the recorded alternative that is met, or all of them.
pub(crate) fn eviction_synchronize(input: &Value, recorded: &Value) -> (Value, Value) {
    let case: Case = decode(input);
    let mut behaviour = Behaviour::kubelet_1_32();
    for (gate, enabled) in &case.feature_gates {
        behaviour.gates.set(gate.parse().unwrap_or_else(|error| panic!("{error}")), *enabled);
    }
    let settings: EvictionSettings = decode(&case.config.settings);
    let (config, _) =
        settings.config(Platform::Linux, Compat::kubelet_1_32()).unwrap_or_else(|error| panic!("{error}"));
    let config = EvictionConfig {
        pressure_transition_period: Duration::from_millis(case.config.eviction_pressure_transition_period_ms),
        max_pod_grace_period_seconds: case.config.eviction_max_pod_grace_period_seconds,
        local_storage_capacity_isolation: case.config.local_storage_capacity_isolation,
        ..config
    };
    let pods: Vec<_> = case.pods.iter().map(|pod| Arc::new(EvictionPod::of(pod, &behaviour))).collect();
    let start = case.ticks.first().map_or(Timestamp::UNIX_EPOCH, |tick| tick.now);
    let manager = Manager::new(config, Arc::new(behaviour), start).unwrap_or_else(|error| panic!("{error}"));
    let mut rig = Rig { manager, pods, disk: case.disk, stats: &case.pod_stats_sets };
    let mut ticks = Vec::new();
    for (n, tick) in case.ticks.iter().enumerate() {
        let (outcome, conditions) = rig.run(tick, n == 0);
        let alternatives = recorded["ticks"][n]["alternatives"].as_array().cloned().unwrap_or_default();
        let is_met = |recorded: &Value| compare::differences(recorded, &outcome).is_empty();
        let expected = match alternatives.iter().find(|recorded| is_met(recorded)) {
            Some(met) => met.clone(),
            None => json!(alternatives),
        };
        let expected = json!({"conditions": recorded["ticks"][n]["conditions"], "outcome": expected});
        ticks.push((expected, json!({"conditions": conditions, "outcome": outcome})));
    }
    let (expected, actual): (Vec<_>, Vec<_>) = ticks.into_iter().unzip();
    (json!(expected), json!(actual))
}

struct Rig<'a> {
    manager: Manager,
    pods: Vec<Arc<EvictionPod>>,
    disk: Disk,
    stats: &'a [BTreeMap<Uid, Arc<PodStats>>],
}

impl Rig<'_> {
    /// One tick at the time it was recorded at, whatever the manager's own pace is.
    fn run(&mut self, tick: &Tick, is_first: bool) -> (Value, Value) {
        let mut actions = Vec::new();
        if is_first {
            self.manager.step(tick.now, Event::AgentStarted { epoch: 1 }, &mut actions);
        }
        self.manager.wake(tick.now, &mut actions);
        for pod in &self.pods {
            self.manager.step(tick.now, Event::CleanedUp(pod.uid.clone()), &mut actions);
        }
        if !actions.iter().any(|action| matches!(action, Action::Observe { .. })) {
            self.manager.step(tick.now, Event::MemoryNotification, &mut actions);
        }
        let mut node = tick.node.clone();
        let mut reclaims = Vec::new();
        let (mut error, mut resource, mut evicted) = (None, None, Vec::new());
        while !actions.is_empty() {
            for action in std::mem::take(&mut actions) {
                let (operation, outcome) = match action {
                    Action::Observe { operation } => {
                        (operation, self.observe(tick, &node, !reclaims.is_empty()))
                    }
                    Action::Reclaim { operation, what } => {
                        let (name, freed) = match what {
                            NodeReclaim::Containers => ("containerGC", &tick.container_gc),
                            NodeReclaim::Images => ("imageGC", &tick.image_gc),
                        };
                        reclaims.push(name);
                        node.free(freed);
                        let failed = Outcome::Failed("cannot free".into());
                        let done = Outcome::Reclaimed { freed_bytes: None };
                        (operation, if freed.error { failed } else { done })
                    }
                    Action::Evict(eviction) => {
                        evicted.push(told(&eviction));
                        let is_refused = tick.kill_errors.contains(&eviction.uid);
                        let refused = Outcome::Failed("cannot kill".into());
                        (eviction.operation, if is_refused { refused } else { Outcome::Accepted })
                    }
                    Action::ThresholdMet(low) => {
                        resource = Some(low);
                        continue;
                    }
                    Action::Note(Note::LayoutUnknown { error: why }) => {
                        let text = format!("eviction manager: failed to get HasDedicatedImageFs: {why}");
                        error = Some(text);
                        continue;
                    }
                    Action::Note(Note::LayoutUnsupported) => {
                        error = Some(SPLIT_WITHOUT_GATE.to_owned());
                        continue;
                    }
                    Action::Note(_) | Action::SetPressures(_) => continue,
                };
                self.manager.step(tick.now, Event::Done { operation, outcome }, &mut actions);
            }
        }
        let outcome = json!({
            "error": error,
            "attemptingToReclaim": resource,
            "reclaimCalls": reclaims,
            "evicted": evicted,
        });
        (outcome, json!(self.manager.pressures()))
    }

    fn observe(&self, tick: &Tick, node: &Node, after_reclaim: bool) -> Outcome {
        let answer = |answer, fails: bool| if fails { Err("no disk info".into()) } else { Ok(answer) };
        let disks = Disks {
            dedicated_image_fs: answer(self.disk.dedicated_image_fs, tick.has_dedicated_image_fs_error),
            dedicated_container_fs: answer(
                self.disk.dedicated_container_fs,
                tick.has_dedicated_container_fs_error,
            ),
        };
        if if after_reclaim { tick.summary_after_reclaim_error } else { tick.summary_error } {
            return Outcome::StatsFailed { error: "no stats".into(), disks: Box::new(disks) };
        }
        let stats = &self.stats[tick.pod_stats_set];
        let pods = tick.active_pods.iter().map(|at| &self.pods[*at]);
        let pods = pods.map(|pod| (Arc::clone(pod), stats.get(&pod.uid).cloned()));
        Outcome::Observed(Arc::new(Observation::new(node.levels(), disks, pods)))
    }
}

/// What a pod that has to go is told.
fn told(eviction: &Eviction) -> Value {
    let verdict = &eviction.verdict;
    let condition = verdict.disruption.as_ref().map(|message| {
        json!({"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet", "message": message})
    });
    json!({
        "uid": eviction.uid,
        "gracePeriodSeconds": verdict.grace_seconds,
        "isEvicted": eviction.kill_options().evict,
        "phase": "Failed",
        "reason": verdict.reason,
        "message": verdict.message,
        "condition": condition,
        "annotations": eviction.annotations.as_ref().map(|annotations| annotations.to_map()),
    })
}

impl Node {
    fn levels(&self) -> Levels {
        let mut levels = Levels::default();
        let mut set = |signal, time, available: Option<i64>, capacity: Option<i64>| {
            let level = available.zip(capacity);
            levels.set(signal, level.map(|(available, capacity)| Level { available, capacity, time }));
        };
        let memories = [
            (Signal::MemoryAvailable, &self.memory),
            (Signal::AllocatableMemoryAvailable, &self.allocatable_memory),
        ];
        for (signal, memory) in memories {
            let Some(memory) = memory else { continue };
            let capacity = memory.available_bytes.zip(memory.working_set_bytes).map(|(a, b)| a + b);
            set(signal, memory.time, memory.available_bytes, capacity);
        }
        let disks = [
            (Signal::NodefsAvailable, Signal::NodefsInodesFree, &self.node_fs),
            (Signal::ImagefsAvailable, Signal::ImagefsInodesFree, &self.image_fs),
            (Signal::ContainerfsAvailable, Signal::ContainerfsInodesFree, &self.container_fs),
        ];
        for (bytes, inodes, fs) in disks {
            let Some(fs) = fs else { continue };
            set(bytes, fs.time, fs.available_bytes, fs.capacity_bytes);
            set(inodes, fs.time, fs.inodes_free, fs.inodes);
        }
        if let Some(pids) = &self.rlimit {
            let available = pids.max_pid.zip(pids.num_of_running_processes).map(|(max, run)| max - run);
            set(Signal::PidAvailable, pids.time, available, pids.max_pid);
        }
        levels
    }

    fn free(&mut self, freed: &Freed) {
        let disks = [
            (&mut self.node_fs, freed.node_fs_bytes, freed.node_fs_inodes),
            (&mut self.image_fs, freed.image_fs_bytes, freed.image_fs_inodes),
            (&mut self.container_fs, freed.container_fs_bytes, freed.container_fs_inodes),
        ];
        for (fs, bytes, inodes) in disks {
            let Some(fs) = fs else { continue };
            fs.available_bytes = fs.available_bytes.map(|available| available + bytes);
            fs.inodes_free = fs.inodes_free.map(|free| free + inodes);
        }
    }
}
