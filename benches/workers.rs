//! The set of a node's pods: what a step costs on a node of 110 and of 10,000 pods.
//!
//! What happens to one pod must not cost more where there are more of them (but for the depth of a map). What
//! speaks of all pods (what the sources want, what the runtime has) is compared with all of them.
//!
//! Beside the time, an operation's allocations are printed.

#![allow(clippy::expect_used, clippy::panic, missing_docs, reason = "a bench")]

mod shop;

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use node_lifecycle::api::{Pod, Uid};
use node_lifecycle::machine::{Machine, OperationId, Timestamp};
use node_lifecycle::pod::{
    PodUpdate, RunningPod, RuntimeState, SyncOutcome, Workers, WorkersAction, WorkersEvent,
};

const NOW: Timestamp = Timestamp::from_unix_seconds(1000);

struct Node {
    workers: Workers,
    actions: Vec<WorkersAction>,
}

impl Node {
    fn new(pods: &[Arc<Pod>]) -> Self {
        let mut node = Self { workers: Workers::new(Arc::default(), NOW), actions: Vec::new() };
        node.step(WorkersEvent::RuntimeListed { at: NOW, pods: Arc::default() });
        for pod in pods {
            node.drive(PodUpdate::create(Arc::clone(pod)));
        }
        node
    }

    fn step(&mut self, event: WorkersEvent) {
        self.workers.step(NOW, event, &mut self.actions);
    }

    /// Hands over an update and answers every call that follows from it.
    fn drive(&mut self, update: PodUpdate) {
        self.step(WorkersEvent::Update(update));
        while let Some(action) = self.actions.pop() {
            if let Some(operation) = action.operation() {
                let uid = action.uid().clone();
                self.step(WorkersEvent::Done { uid, operation, outcome: SyncOutcome::Done });
            }
        }
    }
}

fn pods(count: u32) -> Vec<Arc<Pod>> {
    let pod = |n: u32| {
        let mut pod = shop::pod();
        pod.metadata.uid =
            Uid::from(format!("{:08x}-9a1c-4b7e-8d52-0c4f6e2a7b31", n.wrapping_mul(0x9e37_79b9)));
        Arc::new(pod)
    };
    (0..count).map(pod).collect()
}

fn measure(criterion: &mut Criterion, name: &str, mut operation: impl FnMut()) {
    operation();
    let allocated = allocation_counter::measure(&mut operation);
    println!("{name}: {} allocations, {} bytes", allocated.count_total, allocated.bytes_total);
    criterion.bench_function(name, |bencher| bencher.iter(&mut operation));
}

fn steps(criterion: &mut Criterion) {
    for count in [110, 10_000] {
        let pods = pods(count);
        let mut node = Node::new(&pods);
        let desired: Arc<BTreeSet<Uid>> = Arc::new(pods.iter().map(|pod| pod.metadata.uid.clone()).collect());
        let has = pods.iter().map(|pod| (pod.metadata.uid.clone(), RuntimeState::Running));
        let listed: Arc<BTreeMap<Uid, RuntimeState>> = Arc::new(has.collect());
        node.step(WorkersEvent::SyncKnown { desired: Arc::clone(&desired), all_sources_ready: true });
        let mut turn = pods.iter().cycle();
        let mut next = || turn.next().cloned().unwrap_or_default();

        measure(criterion, &format!("{count} pods: one is synced"), || {
            node.drive(PodUpdate::sync(black_box(next())));
        });
        measure(criterion, &format!("{count} pods: what the runtime has of one, unchanged"), || {
            let uid = next().metadata.uid.clone();
            node.step(WorkersEvent::RuntimeObserved { at: NOW, uid, state: RuntimeState::Running });
        });
        measure(criterion, &format!("{count} pods: the outcome of an unknown call"), || {
            let (uid, operation) = (next().metadata.uid.clone(), OperationId { epoch: 9, seq: 9 });
            node.step(WorkersEvent::Done { uid, operation, outcome: SyncOutcome::Done });
        });
        let running = Arc::new(RunningPod { uid: "another".into(), ..RunningPod::default() });
        measure(criterion, &format!("{count} pods: one more comes and goes"), || {
            node.drive(PodUpdate::kill_running(Arc::clone(&running)));
        });
        measure(criterion, &format!("{count} pods: what the sources want, unchanged"), || {
            let desired = Arc::clone(&desired);
            node.step(WorkersEvent::SyncKnown { desired, all_sources_ready: true });
            node.actions.clear();
        });
        measure(criterion, &format!("{count} pods: what the runtime has, unchanged"), || {
            node.step(WorkersEvent::RuntimeListed { at: NOW, pods: Arc::clone(&listed) });
        });
        assert!(node.actions.is_empty());
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);
