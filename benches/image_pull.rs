//! The puller: what a request costs, and whose turn it is among 1,000 that wait.
//!
//! Beside the time, an operation's allocations are printed.

#![allow(clippy::expect_used, clippy::panic, missing_docs, reason = "a bench")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use node_lifecycle::api::ImagePullPolicy;
use node_lifecycle::image::{
    PullConfig, PullId, PullRequest, PullUrgency, Puller, PullerAction, PullerEvent, PullerOutcome,
};
use node_lifecycle::machine::{Machine, OperationId, Timestamp};

const NOW: Timestamp = Timestamp::from_unix_seconds(1000);

fn request(n: i32) -> Arc<PullRequest> {
    let id = PullId::Container { pod: format!("u{n}").into(), name: "app".into() };
    let scattered = n.wrapping_mul(0x61c8_8647);
    Arc::new(PullRequest {
        policy: ImagePullPolicy::Always,
        credentials: "k".into(),
        urgency: PullUrgency {
            node_critical: scattered % 16 == 0,
            blocks_next_container: scattered % 2 == 0,
            priority: scattered % 1000,
        },
        ..PullRequest::new(id, format!("registry.example/team/app:{n}"))
    })
}

/// One pull under way, and so many that wait.
fn queued(count: i32) -> (Puller, OperationId) {
    let config = PullConfig { rate_limit: None, ..PullConfig::default() };
    let mut puller = Puller::new(config, Arc::default(), NOW).expect("a valid configuration");
    let mut actions = Vec::new();
    for n in 0..=count {
        puller.step(NOW, PullerEvent::Wanted(request(n)), &mut actions);
    }
    let running = actions.iter().find_map(PullerAction::operation).expect("the first begins");
    (puller, running)
}

/// Ends the pull under way, and so the next begins.
fn turn(puller: &mut Puller, running: OperationId, actions: &mut Vec<PullerAction>) -> Option<OperationId> {
    actions.clear();
    let outcome = PullerOutcome::Pulled { image_ref: "sha256:1".into(), size_bytes: 1 };
    puller.step(NOW, PullerEvent::Done { operation: running, outcome }, actions);
    actions.iter().find_map(PullerAction::operation)
}

fn order(criterion: &mut Criterion) {
    let all = queued(1000);
    criterion.bench_function("the order of 1,000 queued pulls, each ended", |bencher| {
        let mut actions = Vec::new();
        bencher.iter_batched(
            || all.clone(),
            |(mut puller, running)| {
                let mut next = Some(running);
                while let Some(running) = next {
                    next = turn(&mut puller, running, &mut actions);
                }
                puller
            },
            BatchSize::LargeInput,
        );
    });
    let mut actions = Vec::new();
    let mut ended = all.clone();
    let allocated = allocation_counter::measure(|| {
        turn(&mut ended.0, ended.1, &mut actions);
    });
    println!("one turn of 1,000: {} allocations", allocated.count_total);
    // One step: a pull ends, and the next begins. It grows with the logarithm of what waits.
    for count in [100, 1_000, 10_000] {
        let all = queued(count);
        criterion.bench_function(&format!("{count} queued: one ends, and the next begins"), |bencher| {
            let mut actions = Vec::new();
            let (mut puller, mut running) = all.clone();
            bencher.iter(|| {
                running = turn(&mut puller, running, &mut actions).unwrap_or_else(|| {
                    let (again, first) = all.clone();
                    puller = again;
                    first
                });
            });
        });
    }
    criterion.bench_function("1,000 queued: one more is wanted, and not any more", |bencher| {
        let (mut puller, _) = all.clone();
        let (one, id) = (request(5000), request(5000).id.clone());
        bencher.iter(|| {
            actions.clear();
            puller.step(NOW, PullerEvent::Wanted(black_box(Arc::clone(&one))), &mut actions);
            puller.step(NOW, PullerEvent::Unwanted(black_box(id.clone())), &mut actions);
        });
    });
    criterion.bench_function("1,000 queued: the outcome of an unknown pull", |bencher| {
        let (mut puller, _) = all.clone();
        bencher.iter(|| {
            turn(&mut puller, OperationId { epoch: 9, seq: 9 }, &mut actions);
        });
    });
}

criterion_group!(benches, order);
criterion_main!(benches);
