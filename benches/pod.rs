//! One pod: reading it, compiling it, and what is decided about it again and again.
//!
//! Beside the time, each operation's allocations are printed.

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

mod shop;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use node_lifecycle::api::{Pod, PodPhase};
use node_lifecycle::behaviour::Behaviour;
use node_lifecycle::container::{ContainerIndex, ContainerRecord, ContainerSet};
use node_lifecycle::machine::Machine;
use node_lifecycle::pod::{
    CompiledPod, Event, LifecycleEvent, Observed, PlanContext, Seen, SyncPlan, phase, plan_into,
};
use shop::measure;

fn reading(criterion: &mut Criterion) {
    measure(criterion, "read a pod", || Pod::from_json(black_box(shop::POD)).expect("well-formed"));
    let (pod, behaviour) = (shop::pod(), Arc::new(Behaviour::default()));
    measure(criterion, "compile a pod", || {
        CompiledPod::compile(black_box(&pod), &behaviour).expect("well-formed")
    });
    let compiled = shop::compiled();
    let records = shop::observed(&compiled, "").records().clone();
    measure(criterion, "index a pod's records", || Observed::new(&compiled, black_box(records.clone())));
}

fn planning(criterion: &mut Criterion) {
    let pod = shop::compiled();
    let probes = shop::probes(&pod);
    let context = PlanContext { probes: &probes, ..PlanContext::default() };
    let mut plan = SyncPlan::default();
    for (name, crashed) in [("plan, steady pod", ""), ("plan, a crashed container", "api")] {
        let observed = shop::observed(&pod, crashed);
        measure(criterion, name, || plan_into(black_box(&pod), black_box(&observed), context, &mut plan));
        assert_eq!(plan.is_empty(), crashed.is_empty());
    }
}

fn order_and_phase(criterion: &mut Criterion) {
    let pod = shop::compiled();
    let observed = shop::observed(&pod, "");
    let running = observed.running();
    measure(criterion, "stop order of the running containers", || {
        let mut here = black_box(running);
        let mut stopped = 0;
        // All the way down, turn by turn.
        while !here.is_empty() {
            let ready: ContainerSet =
                here.iter().filter(|index| pod.waits_for(*index, here).is_empty()).collect();
            stopped += ready.len();
            here = here.difference(ready);
        }
        stopped
    });
    let indices = (0..).map(ContainerIndex).take(pod.containers().len());
    let seen: Vec<_> = indices
        .map(|index| match observed.latest(index).and_then(ContainerRecord::exit) {
            Some(exit) => Seen::Exited { code: exit.exit_code },
            None => Seen::Running { started: true },
        })
        .collect();
    measure(criterion, "phase", || phase(black_box(&pod), black_box(&seen), false));
    assert_eq!(phase(&pod, &seen, false), PodPhase::Running);
}

fn stepping(criterion: &mut Criterion) {
    let (mut pod, now) = shop::lifecycle();
    let (record, mut actions) = (pod.worker().observed().records().containers[0].clone(), Vec::new());
    let mut worker = pod.worker().clone();
    let mut nothing = Vec::new();
    measure(criterion, "worker: a container that did not change", || {
        worker.step(now, Event::Container(Box::new(record.clone())), &mut nothing);
    });
    measure(criterion, "lifecycle: a container that did not change", || {
        let event = LifecycleEvent::Pod(Event::Container(Box::new(record.clone())));
        pod.step(now, event, &mut actions);
    });
    measure(criterion, "lifecycle: a round of all probes", || {
        let due = pod.next_wakeup().expect("probes go on");
        pod.wake(due, &mut actions);
        shop::settle(&mut pod, due, &mut actions);
    });
    assert!(nothing.is_empty() && actions.is_empty());
}

criterion_group!(benches, reading, planning, order_and_phase, stepping);
criterion_main!(benches);
