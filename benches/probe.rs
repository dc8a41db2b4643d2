//! The probes of one pod: a run that is asked and answered, a sight that did not change.
//!
//! Beside the time, each operation's allocations are printed.

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

mod shop;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use node_lifecycle::container::{
    CompiledProbe, ContainerIndex, ProbeAnswer, ProbeAtExit, ProbeKind, Prober, ProberAction, ProberEvent,
    ProberSettings,
};
use node_lifecycle::machine::{Machine, Timestamp};
use node_lifecycle::pod::ProbesEvent;

/// Measures an operation's time, and prints what one of it allocates.
fn measure(criterion: &mut Criterion, name: &str, mut operation: impl FnMut()) {
    operation();
    let allocated = allocation_counter::measure(&mut operation);
    println!("{name}: {} allocations, {} bytes", allocated.count_total, allocated.bytes_total);
    criterion.bench_function(name, |bencher| bencher.iter(&mut operation));
}

fn one(criterion: &mut Criterion) {
    let pod = shop::compiled();
    let spec = &pod.spec.containers[0];
    let probe = spec.liveness_probe.as_ref().expect("the bench's own pod has it");
    let probe = CompiledProbe::new(ProbeKind::Liveness, probe, spec, ProbeAtExit::Waits);
    let mut now = Timestamp::from_unix_seconds(200);
    let mut prober = Prober::new(Arc::new(probe), ProberSettings::default(), Duration::ZERO, now);
    let (mut actions, sight) = (Vec::new(), shop::sight(ContainerIndex(0)));
    prober.step(now, ProberEvent::Seen(sight.clone()), &mut actions);
    measure(criterion, "one probe: a run, asked and answered", || {
        now = prober.next_wakeup().expect("it asks every period");
        prober.wake(now, &mut actions);
        while let Some(action) = actions.pop() {
            if let ProberAction::Attempt { operation, .. } = action {
                let answer = ProbeAnswer::Success;
                prober.step(now, ProberEvent::Answered { operation, answer }, &mut actions);
            }
        }
    });
    measure(criterion, "one probe: a sight that did not change", || {
        prober.step(now, ProberEvent::Seen(black_box(&sight).clone()), &mut actions);
    });
    assert!(actions.is_empty());
}

fn all(criterion: &mut Criterion) {
    let pod = shop::compiled();
    let mut probes = shop::probers(&pod);
    let mut actions = Vec::new();
    let mut now = Timestamp::from_unix_seconds(200);
    let asked = [ProbeKind::Liveness, ProbeKind::Readiness].map(|kind| probes.probed(kind).len());
    let name = format!("a pod's probes: a run of all {}", asked.iter().sum::<usize>());
    measure(criterion, &name, || {
        now = probes.next_wakeup().expect("they ask every period");
        probes.wake(now, &mut actions);
        shop::answer_all(&mut probes, now, &mut actions);
    });
    let container = pod.apps().iter().next().expect("the bench's own pod has apps");
    let sight = shop::sight(container);
    measure(criterion, "a pod's probes: a sight that did not change", || {
        let sight = black_box(&sight).clone();
        probes.step(now, ProbesEvent::Container { container, sight }, &mut actions);
    });
    measure(criterion, "a pod's probes: a wake too early", || probes.wake(black_box(now), &mut actions));
    assert!(actions.is_empty());
}

criterion_group!(benches, one, all);
criterion_main!(benches);
