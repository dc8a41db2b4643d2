//! Scenarios of evictions: what happens on a node, and whom the eviction manager has go, as text that is read like code.
//!
//! A file in `tests/scenarios/eviction/` tells its story in prose, then has the eviction fields of a
//! `KubeletConfiguration`, the pods, what happens ([`Node::play`] has the words for it), and the log. Under
//! `--- switches` stands `compat` where the manager is the kubelet 1.32's, and `looks` where the log says when the
//! node is looked at. A name that begins with a number is of the issue of that number in Kubernetes' own tracker.
//! `RECORD=1 cargo test --test eviction_scenarios` writes the logs anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod script;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{GoDuration, Pod, Quantity, Uid};
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::eviction::{
    Action, ContainerStats, DiskLayout, Disks, Event, EvictionConfig, EvictionPod, EvictionSettings, FsUsage,
    Level, Levels, Manager, NodeReclaim, Observation, Outcome, Platform, PodStats, Signal, VolumeStats,
};
use node_lifecycle::machine::{Machine, Snapshots, Timestamp};
use serde_json::json;

#[test]
fn scenarios() {
    script::replay("tests/scenarios/eviction", play);
}

/// Plays a scenario and writes its log.
fn play(scenario: &str) -> String {
    let section = |name: &str| script::section(scenario, name);
    let switched = |word: &str| section("switches").is_some_and(|text| text.lines().any(|line| line == word));
    let compat = if switched("compat") { Compat::kubelet_1_32() } else { Compat::default() };
    let settings: EvictionSettings =
        serde_json::from_str(section("kubelet").expect("a scenario has a kubelet")).unwrap();
    let (config, _) = settings.config(Platform::Linux, compat).unwrap();
    let mut node = Node::new(config, Behaviour { compat, ..Behaviour::default() }, switched("looks"));
    for line in section("pods").unwrap_or_default().lines().filter(|line| !line.is_empty()) {
        let (pod, usage) = (pod(line), Usage::default());
        node.pods.push((Arc::new(pod), usage));
    }
    for line in section("script").expect("a scenario has a script").lines().filter(|line| !line.is_empty()) {
        node.play(line);
    }
    node.log
}

/// `web memory=1Gi disk=1Gi emptyDir=1Gi priority=10 grace=30 static`: its requests, the limit of its `emptyDir`, and
/// what else its spec says.
fn pod(line: &str) -> EvictionPod {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap();
    let (mut requests, mut annotations, mut empty_dir) = (json!({}), json!({}), json!({}));
    let mut spec = json!({});
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("memory", amount) => requests["memory"] = json!(amount),
            ("disk", amount) => requests["ephemeral-storage"] = json!(amount),
            ("emptyDir", limit) => empty_dir["sizeLimit"] = json!(limit),
            ("priority", priority) => spec["priority"] = json!(priority.parse::<i32>().unwrap()),
            ("grace", grace) => spec["terminationGracePeriodSeconds"] = json!(grace.parse::<i64>().unwrap()),
            ("static", _) => annotations[Pod::CONFIG_SOURCE] = json!("file"),
            other => panic!("no pod has {other:?}"),
        }
    }
    spec["containers"] = json!([{"name": "app", "image": "app:1", "resources": {"requests": requests}}]);
    spec["volumes"] = json!([{"name": "cache", "emptyDir": empty_dir}]);
    let metadata = json!({"name": name, "uid": name, "annotations": annotations});
    let pod: Pod = serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap();
    EvictionPod::of(&pod, &Behaviour::default())
}

/// What a pod uses, in bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Usage {
    memory: u64,
    disk: u64,
    cache: u64,
}

impl Usage {
    fn stats(self) -> Arc<PodStats> {
        let of = |bytes| FsUsage { used_bytes: Some(bytes), inodes_used: None };
        let container = ContainerStats {
            name: "app".into(),
            memory_working_set_bytes: Some(self.memory),
            rootfs: of(self.disk),
            logs: of(0),
        };
        Arc::new(PodStats {
            memory_working_set_bytes: Some(self.memory),
            containers: vec![container],
            volumes: vec![VolumeStats { name: "cache".into(), usage: of(self.cache) }],
            ..PodStats::default()
        })
    }
}

/// How the node's stats are.
#[derive(Debug)]
enum Stats {
    Fresh,
    /// Nothing has been measured since.
    Stale(Timestamp, Box<Levels>),
    Failing,
}

/// A node in virtual time: looking takes 100 ms, freeing 1 s, the end of a pod 2 s if nothing else is said.
struct Node {
    manager: Manager,
    environment: (EvictionConfig, Arc<Behaviour>),
    logs_looks: bool,
    start: Timestamp,
    now: Timestamp,
    pods: Vec<(Arc<EvictionPod>, Usage)>,
    levels: Levels,
    disks: Disks,
    stats: Stats,
    /// What the next reclaim of each kind frees.
    frees: BTreeMap<NodeReclaim, Vec<(Signal, i64)>>,
    refused: BTreeSet<Uid>,
    cleanups: BTreeMap<Uid, Duration>,
    /// What is on its way to the manager, by time and order.
    coming: BTreeMap<(Timestamp, u32), Coming>,
    sent: u32,
    epoch: u32,
    log: String,
}

#[derive(Debug)]
enum Coming {
    Answer(Action),
    Gone(Uid),
}

impl Node {
    fn new(config: EvictionConfig, behaviour: Behaviour, logs_looks: bool) -> Self {
        let (start, environment) = (Timestamp::from_unix_seconds(1_000_000), (config, Arc::new(behaviour)));
        Self {
            manager: Manager::new(environment.0.clone(), Arc::clone(&environment.1), start).unwrap(),
            environment,
            logs_looks,
            start,
            now: start,
            pods: Vec::new(),
            levels: Levels::default(),
            disks: DiskLayout::One.into(),
            stats: Stats::Fresh,
            frees: BTreeMap::new(),
            refused: BTreeSet::new(),
            cleanups: BTreeMap::new(),
            coming: BTreeMap::new(),
            sent: 0,
            epoch: 0,
            log: String::new(),
        }
    }

    fn play(&mut self, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["disks", "unknown"] => {
                self.disks =
                    Disks { dedicated_image_fs: Err("no answer".into()), dedicated_container_fs: Ok(false) };
            }
            ["disks", layout] => {
                self.disks = serde_json::from_value::<DiskLayout>(json!(layout)).unwrap().into();
            }
            ["node", ref levels @ ..] => levels.iter().for_each(|level| self.set_level(level)),
            ["pod", name, ref usages @ ..] => {
                let is_it = |(pod, _): &&mut (Arc<EvictionPod>, Usage)| pod.name.as_ref() == name;
                let (_, usage) = self.pods.iter_mut().find(is_it).expect("the pod is known");
                for word in usages {
                    match word.split_once('=').unwrap() {
                        ("memory", amount) => usage.memory = bytes(amount).unsigned_abs(),
                        ("disk", amount) => usage.disk = bytes(amount).unsigned_abs(),
                        ("cache", amount) => usage.cache = bytes(amount).unsigned_abs(),
                        other => panic!("no pod uses {other:?}"),
                    }
                }
            }
            ["stats", "fresh"] => self.stats = Stats::Fresh,
            ["stats", "stale"] => self.stats = Stats::Stale(self.now, self.levels.into()),
            ["stats", "fail"] => self.stats = Stats::Failing,
            ["frees", what, ref amounts @ ..] => {
                let amount = |word: &&str| {
                    let (signal, amount) = word.split_once('=').unwrap();
                    (signal.parse().unwrap(), bytes(amount))
                };
                let what = serde_json::from_value(json!(what)).unwrap();
                self.frees.insert(what, amounts.iter().map(amount).collect());
            }
            ["refuse", pod] => drop(self.refused.insert(pod.into())),
            ["accept", pod] => drop(self.refused.remove(&Uid::from(pod))),
            ["cleanup", pod, time] => drop(self.cleanups.insert(pod.into(), duration(time))),
            ["start"] => self.start_agent(),
            ["run", time] => self.run_until(self.now + duration(time)),
            ["notify"] => {
                self.say("the kernel says that memory is low");
                self.hand(Event::MemoryNotification);
            }
            ["restart-agent"] => {
                self.say("the agent restarts with its snapshot");
                let text = serde_json::to_string(&self.manager.snapshot()).unwrap();
                let snapshot = serde_json::from_str(&text).unwrap();
                self.manager = Manager::restore(snapshot, self.environment.clone(), self.now).unwrap();
                self.start_agent();
            }
            ["new-agent"] => {
                self.say("the agent restarts with nothing");
                let (config, behaviour) = self.environment.clone();
                self.manager = Manager::new(config, behaviour, self.now).unwrap();
                self.start_agent();
            }
            _ => panic!("no script has {line:?}"),
        }
    }

    /// `memory.available=1Gi/16Gi`: what is left, of how much; `memory.available=unknown`.
    fn set_level(&mut self, word: &str) {
        let (signal, level) = word.split_once('=').unwrap();
        let level = level.split_once('/').map(|(available, capacity)| Level {
            available: bytes(available),
            capacity: bytes(capacity),
            time: None,
        });
        self.levels.set(signal.parse().unwrap(), level);
    }

    fn start_agent(&mut self) {
        self.epoch += 1;
        self.hand(Event::AgentStarted { epoch: self.epoch });
    }

    fn run_until(&mut self, end: Timestamp) {
        loop {
            let coming = self.coming.first_key_value().map(|((at, _), _)| *at);
            match (coming, self.manager.next_wakeup()) {
                (Some(at), due) if at <= end && due.is_none_or(|due| at < due) => {
                    self.now = at;
                    let (_, coming) = self.coming.pop_first().unwrap();
                    self.arrive(coming);
                }
                (_, Some(due)) if due <= end => {
                    self.now = due;
                    let mut actions = Vec::new();
                    self.manager.wake(due, &mut actions);
                    self.carry_out(actions);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    fn hand(&mut self, event: Event) {
        let mut actions = Vec::new();
        self.manager.step(self.now, event, &mut actions);
        self.carry_out(actions);
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            let takes = match &action {
                Action::Observe { .. } => {
                    if self.logs_looks {
                        self.say("looks");
                    }
                    Duration::from_millis(100)
                }
                Action::Reclaim { what, .. } => {
                    self.say(format!("frees {what}"));
                    Duration::from_secs(1)
                }
                Action::Evict(eviction) => {
                    let (uid, verdict) = (&eviction.uid, &eviction.verdict);
                    let grace = verdict.grace_seconds.unwrap();
                    let disrupts = if verdict.disruption.is_some() { "" } else { ", no disruption" };
                    let message = verdict.message.trim_end();
                    self.say(format!("evicts {uid} within {grace} s{disrupts}: {message}"));
                    Duration::ZERO
                }
                Action::SetPressures(pressures) => {
                    let names: Vec<_> = pressures.iter().map(|it| it.to_string()).collect();
                    let names = if names.is_empty() { "none".to_owned() } else { names.join(" ") };
                    self.say(format!("conditions: {names}"));
                    continue;
                }
                Action::ThresholdMet(resource) => {
                    self.say(format!("is low on {resource}"));
                    continue;
                }
                Action::Note(note) => {
                    self.say(format!("note: {note}"));
                    continue;
                }
            };
            self.send(takes, Coming::Answer(action));
        }
    }

    fn send(&mut self, takes: Duration, coming: Coming) {
        self.sent += 1;
        self.coming.insert((self.now + takes, self.sent), coming);
    }

    fn arrive(&mut self, coming: Coming) {
        let event = match coming {
            Coming::Answer(Action::Observe { operation }) => {
                Event::Done { operation, outcome: self.observe() }
            }
            Coming::Answer(Action::Reclaim { operation, what }) => {
                for (signal, amount) in self.frees.remove(&what).unwrap_or_default() {
                    self.free(signal, amount);
                }
                Event::Done { operation, outcome: Outcome::Reclaimed { freed_bytes: None } }
            }
            Coming::Answer(Action::Evict(eviction)) => {
                let uid = eviction.uid.clone();
                let outcome = if self.refused.contains(&uid) {
                    Outcome::Failed("it cannot be killed".into())
                } else {
                    let takes = self.cleanups.get(&uid).copied().unwrap_or(Duration::from_secs(2));
                    self.send(takes, Coming::Gone(uid));
                    Outcome::Accepted
                };
                Event::Done { operation: eviction.operation, outcome }
            }
            Coming::Answer(action) => panic!("{action:?} has no outcome"),
            Coming::Gone(uid) => {
                let Some(at) = self.pods.iter().position(|(pod, _)| pod.uid == uid) else { return };
                let (_, usage) = self.pods.remove(at);
                self.free(Signal::MemoryAvailable, i64::try_from(usage.memory).unwrap());
                let (layers, volumes) = (usage.disk.try_into().unwrap(), usage.cache.try_into().unwrap());
                self.free(Signal::ContainerfsAvailable, layers);
                if self.disks == DiskLayout::Dedicated.into() {
                    self.free(Signal::ImagefsAvailable, layers);
                    self.free(Signal::NodefsAvailable, volumes);
                } else {
                    self.free(Signal::ContainerfsAvailable, volumes);
                    self.free(Signal::NodefsAvailable, layers + volumes);
                }
                self.say(format!("{uid} is gone"));
                Event::CleanedUp(uid)
            }
        };
        self.hand(event);
    }

    fn observe(&self) -> Outcome {
        let (time, levels) = match &self.stats {
            Stats::Fresh => (self.now, self.levels),
            Stats::Stale(time, levels) => (*time, **levels),
            Stats::Failing => {
                let disks = Box::new(self.disks.clone());
                return Outcome::StatsFailed { error: "the runtime does not answer".into(), disks };
            }
        };
        let levels = levels.iter().map(|(signal, level)| (signal, Level { time: Some(time), ..*level }));
        let pods = self.pods.iter().map(|(pod, usage)| (Arc::clone(pod), Some(usage.stats())));
        Outcome::Observed(Arc::new(Observation::new(levels.collect(), self.disks.clone(), pods)))
    }

    fn free(&mut self, signal: Signal, amount: i64) {
        if let Some(level) = self.levels.get(signal).copied() {
            self.levels.set(signal, Some(Level { available: level.available + amount, ..level }));
        }
    }

    /// `   12.300  is low on memory`
    fn say(&mut self, what: impl AsRef<str>) {
        let seconds = Duration::as_secs_f64(&(self.now - self.start));
        writeln!(self.log, "{seconds:>9.3}  {}", what.as_ref()).unwrap();
    }
}

fn bytes(text: &str) -> i64 {
    text.parse::<Quantity>().unwrap().value().unwrap()
}

fn duration(text: &str) -> Duration {
    text.parse::<GoDuration>().unwrap().0
}
