//! Whole lives: a pod created, ready, deleted and removed on the simulated node, without faults and trace.
//!
//! Beside the time, an operation's allocations are printed, and how many lives that is in a minute.

#![allow(clippy::expect_used, clippy::disallowed_methods, missing_docs, reason = "a bench, with a clock")]

mod shop;

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use node_lifecycle::api::{Pod, PodPhase, Uid};
use node_lifecycle::pod::Change;
use node_lifecycle::sim::{Config, Node};

/// One pod after another.
fn live(node: &mut Node, pod: &Pod) {
    let start = node.now();
    let uid = node.add(pod.clone()).expect("the bench's own pod compiles");
    node.run_until(start + Duration::from_secs(60)).expect("time goes on");
    assert_eq!(node.phase(&uid), Some(PodPhase::Running));
    node.delete(&uid, None);
    node.run_until(start + Duration::from_secs(120)).expect("time goes on");
    assert_eq!(node.phase(&uid), None);
    node.take_changes();
}

/// Many pods at once: all are created, run, are deleted and go.
fn live_together(pods: u32, pod: &Pod) {
    let mut node = Node::new(Config::default());
    let start = node.now();
    for n in 0..pods {
        let mut pod = pod.clone();
        pod.metadata.uid = Uid::from(format!("pod-{n}"));
        node.add(pod).expect("the bench's own pod compiles");
    }
    node.run_until(start + Duration::from_secs(60)).expect("time goes on");
    let running = node.take_changes();
    let running = running.iter().filter(|change| change.change == Change::Phase(PodPhase::Running));
    let running: Vec<_> = running.map(|change| change.uid.clone()).collect();
    assert_eq!(running.len(), pods as usize);
    for uid in &running {
        node.delete(uid, None);
    }
    node.run_until(start + Duration::from_secs(120)).expect("time goes on");
    let gone = node.take_changes();
    assert_eq!(gone.iter().filter(|change| change.change == Change::Finished).count(), pods as usize);
}

fn lives(criterion: &mut Criterion) {
    let pod = shop::pod();
    let mut node = Node::new(Config::default());
    live(&mut node, &pod);
    let allocated = allocation_counter::measure(|| live(&mut node, &pod));
    println!("a life: {} allocations, {} bytes", allocated.count_total, allocated.bytes_total);
    criterion.bench_function("a life", |bencher| bencher.iter(|| live(&mut node, &pod)));

    let began = Instant::now();
    const LIVES: u32 = 20_000;
    for _ in 0..LIVES {
        live(&mut node, &pod);
    }
    println!(
        "one after another: {:.0} lives a minute",
        f64::from(LIVES) * 60.0 / began.elapsed().as_secs_f64()
    );

    let mut group = criterion.benchmark_group("together");
    group.sample_size(10);
    group.bench_function("5,000 pods", |bencher| bencher.iter(|| live_together(5_000, &pod)));
    let began = Instant::now();
    live_together(5_000, &pod);
    println!("5,000 at once: {:.0} lives a minute", 5_000.0 * 60.0 / began.elapsed().as_secs_f64());
    group.finish();
}

criterion_group!(benches, lives);
criterion_main!(benches);
