//! Evictions: whose turn it is, who is above a limit, and a tick of the manager, on nodes of 110, 1,000 and 10,000 pods.
//!
//! Beside the time, an operation's allocations are printed.

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

mod shop;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use node_lifecycle::behaviour::Compat;
use node_lifecycle::eviction::{
    DiskLayout, ObservedPod, RankBy, Signal, first_in_rank, local_storage_violation, rank_into,
};

fn ranking(criterion: &mut Criterion) {
    for count in [110, 1_000, 10_000] {
        let pods = shop::observed_pods(count);
        let mut ranked = Vec::new();
        for signal in [Signal::MemoryAvailable, Signal::NodefsAvailable, Signal::PidAvailable] {
            let by = RankBy::of(signal, DiskLayout::One);
            shop::measure(criterion, &format!("{count} pods: rank for {signal}"), || {
                rank_into(by, black_box(&pods), Compat::default(), &mut ranked);
                ranked.len()
            });
            shop::measure(criterion, &format!("{count} pods: the first for {signal}"), || {
                first_in_rank(by, black_box(&pods), Compat::default(), |pod| !pod.pod().is_critical)
            });
        }
        let unmeasured: Vec<_> = pods.iter().map(|pod| ObservedPod::new(pod.pod().clone(), None)).collect();
        shop::measure(criterion, &format!("{count} pods: rank without stats"), || {
            rank_into(RankBy::Memory, black_box(&unmeasured), Compat::default(), &mut ranked);
            ranked.len()
        });
        shop::measure(criterion, &format!("{count} pods: who is above a limit"), || {
            let pods = black_box(&pods).iter();
            pods.filter(|pod| local_storage_violation(pod, DiskLayout::One).is_some()).count()
        });
    }
}

fn ticks(criterion: &mut Criterion) {
    for count in [110, 1_000, 10_000] {
        for (name, memory, disk) in
            [("without pressure", 50, 50), ("short of memory", 0, 50), ("short of disk", 50, 1)]
        {
            let (mut evictions, seen) = (shop::Evictions::new(), shop::observation(count, memory, disk));
            shop::measure(criterion, &format!("{count} pods: a tick {name}"), || {
                evictions.tick(black_box(&seen))
            });
        }
    }
}

criterion_group!(benches, ranking, ticks);
criterion_main!(benches);
