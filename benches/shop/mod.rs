//! The pod that everything is measured with: 3 init containers, 2 sidecars and 3 app containers.

#![allow(dead_code, clippy::expect_used, reason = "shared by benches and tests that need different parts")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::Criterion;
use node_lifecycle::api::{Container, Pod, PodPhase, Uid};
use node_lifecycle::behaviour::Behaviour;
use node_lifecycle::container::{
    ContainerIndex, ContainerRecord, Exit, InstanceSight, InstanceState, PodRecords, PodSight, ProbeAnswer,
    ProbeResult, ProbeResults, ProberAction, ProberSettings, RecordState, SandboxRecord, SandboxState, Sight,
    spec_hash,
};
use node_lifecycle::eviction::{
    self, ContainerStats, DiskLayout, EvictionConfig, EvictionPod, FsUsage, Level, Levels, Manager,
    Observation, ObservedPod, PodStats, Signal, VolumeStats,
};
use node_lifecycle::machine::{Machine, Timestamp};
use node_lifecycle::pod::{
    CompiledPod, Event, Lifecycle, LifecycleAction, LifecycleEvent, LifecycleSettings, Observed, Outcome,
    PodProbes, ProbesAction, ProbesEvent,
};

pub(crate) const POD: &str = include_str!("pod.json");

/// Measures an operation's time, and prints what one of it allocates.
pub(crate) fn measure<T>(criterion: &mut Criterion, name: &str, mut operation: impl FnMut() -> T) {
    operation();
    let allocated = allocation_counter::measure(|| {
        black_box(operation());
    });
    println!("{name}: {} allocations, {} bytes", allocated.count_total, allocated.bytes_total);
    criterion.bench_function(name, |bencher| bencher.iter(&mut operation));
}

pub(crate) fn pod() -> Pod {
    Pod::from_json(POD).expect("the bench's own pod is well-formed")
}

pub(crate) fn compiled() -> CompiledPod {
    CompiledPod::compile(&pod(), &Arc::new(Behaviour::default())).expect("the bench's own pod compiles")
}

/// Everything runs as it should; `crashed` has ended.
pub(crate) fn observed(pod: &CompiledPod, crashed: &str) -> Observed {
    let spec = &pod.spec;
    let at = Timestamp::from_unix_seconds;
    let exited = |code| {
        RecordState::Exited(Exit {
            exit_code: code,
            finished_at: at(500),
            reason: Arc::from("Completed"),
            ..Exit::default()
        })
    };
    let record = |n: i64, container: &Container| ContainerRecord {
        id: format!("c{n}").into(),
        name: container.name.as_str().into(),
        attempt: 0,
        spec_hash: spec_hash(container),
        image: container.image.as_str().into(),
        image_ref: format!("{}@sha256:{n:064x}", container.image).into(),
        created_at: at(100 + n),
        state: match container.name.as_str() {
            name if name == crashed => exited(1),
            name if name.starts_with("init") => exited(0),
            _ => RecordState::Running { started_at: at(200) },
        },
    };
    let sandbox = SandboxRecord {
        id: "s".into(),
        attempt: 0,
        state: SandboxState::Ready,
        ip: Some("10.0.0.7".to_owned()),
        host_network: false,
        created_at: at(90),
        ..SandboxRecord::default()
    };
    let all = spec.init_containers.iter().chain(&spec.containers);
    let containers = (0..).zip(all).map(|(n, container)| record(n, container)).collect();
    Observed::new(pod, PodRecords { sandboxes: vec![sandbox], containers })
}

pub(crate) fn probes(pod: &CompiledPod) -> Vec<ProbeResults> {
    let passed = Some(ProbeResult::Success);
    vec![ProbeResults { startup: passed, liveness: passed, readiness: passed }; pod.containers().len()]
}

/// That many pods in no order, of three priorities, which use more or less than they request and are within their
/// limits.
pub(crate) fn observed_pods(count: u32) -> Vec<ObservedPod> {
    let usage = |bytes| FsUsage { used_bytes: Some(bytes), inodes_used: Some(bytes >> 12) };
    let observed = |n: u32| {
        let (mut pod, spread) = (pod(), n.wrapping_mul(0x9e37_79b9));
        pod.metadata.uid = format!("{spread:08x}-9a1c-4b7e-8d52-0c4f6e2a7b31").into();
        Arc::make_mut(&mut pod.spec).priority = Some(i32::try_from(n % 3).unwrap_or_default() * 1000);
        let used = u64::from(spread >> 2);
        let containers = pod.spec.init_containers.iter().chain(&pod.spec.containers);
        let containers = containers.map(|container| ContainerStats {
            name: container.name.as_str().into(),
            memory_working_set_bytes: Some(used / 8),
            rootfs: usage(used / 16),
            logs: usage(used / 64),
        });
        let stats = PodStats {
            memory_working_set_bytes: Some(used),
            process_count: Some(used % 100),
            ephemeral_storage_used_bytes: Some(used),
            containers: containers.collect(),
            volumes: vec![VolumeStats { name: "data".into(), usage: usage(used / 2) }],
        };
        ObservedPod::new(EvictionPod::of(&pod, &Behaviour::default()).into(), Some(stats.into()))
    };
    (0..count).map(observed).collect()
}

/// A node with so many pods that has `memory` and `disk` left, in percent.
pub(crate) fn observation(count: u32, memory: i64, disk: i64) -> Arc<Observation> {
    let left = |percent| Level { available: percent << 30, capacity: 100 << 30, time: None };
    let levels = Levels::default()
        .with(Signal::MemoryAvailable, left(memory))
        .with(Signal::AllocatableMemoryAvailable, left(memory))
        .with(Signal::NodefsAvailable, left(disk))
        .with(Signal::NodefsInodesFree, left(disk))
        .with(Signal::ImagefsAvailable, left(disk))
        .with(Signal::ImagefsInodesFree, left(disk))
        .with(Signal::ContainerfsAvailable, left(disk))
        .with(Signal::ContainerfsInodesFree, left(disk))
        .with(Signal::PidAvailable, left(50));
    Arc::new(Observation::new(levels, DiskLayout::One, observed_pods(count).into_iter().map(Into::into)))
}

/// An eviction manager that waits for its first observation.
pub(crate) struct Evictions {
    manager: Manager,
    now: Timestamp,
    actions: Vec<eviction::Action>,
}

impl Evictions {
    pub(crate) fn new() -> Self {
        let now = Timestamp::from_unix_seconds(1000);
        let manager = Manager::new(EvictionConfig::default(), Arc::default(), now);
        let mut manager = manager.expect("the default is valid");
        let mut actions = Vec::new();
        manager.step(now, eviction::Event::AgentStarted { epoch: 1 }, &mut actions);
        Self { manager, now, actions }
    }

    /// One tick, from its observation to the wait for the next one; what can be freed frees nothing, and who has to go
    /// is gone at once. The pod that had to go.
    pub(crate) fn tick(&mut self, seen: &Arc<Observation>) -> Option<Uid> {
        let mut evicted = None;
        while let Some(action) = self.actions.pop() {
            let (operation, outcome) = match action {
                eviction::Action::Observe { operation } => {
                    (operation, eviction::Outcome::Observed(Arc::clone(seen)))
                }
                eviction::Action::Reclaim { operation, .. } => {
                    (operation, eviction::Outcome::Reclaimed { freed_bytes: None })
                }
                eviction::Action::Evict(eviction) => {
                    evicted = Some(eviction.uid);
                    (eviction.operation, eviction::Outcome::Accepted)
                }
                _ => continue,
            };
            let event = eviction::Event::Done { operation, outcome };
            self.manager.step(self.now, event, &mut self.actions);
        }
        match &evicted {
            Some(uid) => {
                self.manager.step(self.now, eviction::Event::CleanedUp(uid.clone()), &mut self.actions);
            }
            None => {
                self.now = self.manager.next_wakeup().expect("there is another tick");
                self.manager.wake(self.now, &mut self.actions);
            }
        }
        evicted
    }
}

/// A container that runs and has started.
pub(crate) fn sight(container: ContainerIndex) -> Sight {
    let state = InstanceState::Running { started_at: Timestamp::from_unix_seconds(200) };
    let instance = Some(InstanceSight { id: format!("c{}", container.0).into(), state, started: true });
    Sight { pod: PodSight { phase: PodPhase::Running, deleted: false }, instance }
}

/// The pod's probes, all of which have been answered until nothing more is asked at 200 s.
pub(crate) fn probers(pod: &CompiledPod) -> PodProbes {
    let now = Timestamp::from_unix_seconds(200);
    let mut probes = PodProbes::new(Arc::new(pod.clone()), ProberSettings::default(), Duration::ZERO, now);
    let mut actions = Vec::new();
    for container in pod.sidecars().union(pod.apps()).iter() {
        probes.step(now, ProbesEvent::Container { container, sight: sight(container) }, &mut actions);
    }
    answer_all(&mut probes, now, &mut actions);
    probes
}

/// Answers all that is asked, with success; how much that was.
pub(crate) fn answer_all(probes: &mut PodProbes, now: Timestamp, actions: &mut Vec<ProbesAction>) -> usize {
    let mut answered = 0;
    while let Some(asked) = actions.pop() {
        if let ProberAction::Attempt { operation, .. } = asked.action {
            answered += 1;
            probes.step(now, ProbesEvent::Answered { operation, answer: ProbeAnswer::Success }, actions);
        }
    }
    answered
}

/// The pod as a whole: all runs, is ready, and is said.
pub(crate) fn lifecycle() -> (Lifecycle, Timestamp) {
    let (compiled, mut now) = (Arc::new(compiled()), Timestamp::from_unix_seconds(200));
    let records = Box::new(observed(&compiled, "").records().clone());
    let mut pod = Lifecycle::new(&pod(), compiled, LifecycleSettings::default(), Duration::ZERO, now);
    let mut actions = Vec::new();
    pod.step(now, LifecycleEvent::Pod(Event::Observed { at: now, records }), &mut actions);
    // Thresholds are reached after a few periods.
    for _ in 0..5 {
        settle(&mut pod, now, &mut actions);
        now = pod.next_wakeup().unwrap_or(now);
        pod.wake(now, &mut actions);
    }
    settle(&mut pod, now, &mut actions);
    (pod, now)
}

/// Answers probes and status sends, well, until nothing more is asked.
pub(crate) fn settle(pod: &mut Lifecycle, now: Timestamp, actions: &mut Vec<LifecycleAction>) {
    while let Some(action) = actions.pop() {
        let event = match action {
            LifecycleAction::SendStatus { version, .. } => {
                LifecycleEvent::StatusSent { version, taken: true }
            }
            LifecycleAction::Probe(ProbesAction {
                action: ProberAction::Attempt { operation, .. }, ..
            }) => LifecycleEvent::Answered { operation, answer: ProbeAnswer::Success },
            LifecycleAction::Pod(action) if action.operation().is_some() => {
                let (Some(operation), outcome) = (action.operation(), Outcome::Done) else { continue };
                LifecycleEvent::Pod(Event::Done { operation, outcome })
            }
            _ => continue,
        };
        pod.step(now, event, actions);
    }
}
