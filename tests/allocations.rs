//! What happens again and again allocates nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../benches/shop/mod.rs"]
mod shop;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use allocation_counter::measure;
use node_lifecycle::api::Pod;
use node_lifecycle::container::ContainerSet;
use node_lifecycle::machine::{Machine, OperationId, Timestamp};
use node_lifecycle::pod::{
    PlanContext, PodUpdate, RuntimeState, Seen, SyncOutcome, SyncPlan, Workers, WorkersAction, WorkersEvent,
    phase, plan_into,
};

#[test]
fn the_plan_of_a_steady_pod() {
    let pod = shop::compiled();
    let (observed, probes) = (shop::observed(&pod, ""), shop::probes(&pod));
    let context = PlanContext { probes: &probes, ..PlanContext::default() };
    let mut plan = SyncPlan::default();
    let allocated = measure(|| plan_into(&pod, &observed, context, &mut plan));
    assert!(plan.is_empty());
    assert_eq!(allocated.count_total, 0, "from the first time on");
}

#[test]
fn the_plan_of_a_crashing_pod_reuses_its_buffers() {
    let pod = shop::compiled();
    let (observed, probes) = (shop::observed(&pod, "api"), shop::probes(&pod));
    let context = PlanContext { probes: &probes, ..PlanContext::default() };
    let mut plan = SyncPlan::default();
    plan_into(&pod, &observed, context, &mut plan);
    let allocated = measure(|| plan_into(&pod, &observed, context, &mut plan));
    assert_eq!(plan.start_apps.len(), 1);
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn order_and_phase() {
    let pod = shop::compiled();
    let running = shop::observed(&pod, "").running();
    let seen = vec![Seen::Running { started: true }; pod.containers().len()];
    let allocated = measure(|| {
        let ready: ContainerSet =
            running.iter().filter(|index| pod.waits_for(*index, running).is_empty()).collect();
        assert_eq!(ready, pod.apps());
        let _ = phase(&pod, &seen, false);
    });
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn the_pods_of_a_node_where_nothing_changes() {
    let pods = (0..200_u32).map(|n| {
        let mut pod = shop::pod();
        pod.metadata.uid = format!("uid-{n}").into();
        Arc::new(pod)
    });
    let pods: Vec<_> = pods.collect();
    let (now, mut actions) = (Timestamp::from_unix_seconds(1000), Vec::new());
    let mut workers = Workers::new(Arc::default(), now);
    workers.step(now, WorkersEvent::RuntimeListed { at: now, pods: Arc::default() }, &mut actions);
    let sync = |workers: &mut Workers, actions: &mut Vec<WorkersAction>, pod: &Arc<Pod>| {
        workers.step(now, WorkersEvent::Update(PodUpdate::sync(Arc::clone(pod))), actions);
        let operation = actions.pop().and_then(|action| action.operation()).unwrap();
        let (uid, outcome) = (pod.metadata.uid.clone(), SyncOutcome::Done);
        workers.step(now, WorkersEvent::Done { uid, operation, outcome }, actions);
        actions.clear();
    };
    pods.iter().for_each(|pod| sync(&mut workers, &mut actions, pod));
    let desired: Arc<BTreeSet<_>> = Arc::new(pods.iter().map(|pod| pod.metadata.uid.clone()).collect());
    let has = desired.iter().map(|uid| (uid.clone(), RuntimeState::Running));
    let listed: Arc<BTreeMap<_, _>> = Arc::new(has.collect());
    let mut round = |workers: &mut Workers| {
        // All is well, for the sources, for the runtime and for every pod.
        let events = [
            WorkersEvent::SyncKnown { desired: Arc::clone(&desired), all_sources_ready: true },
            WorkersEvent::RuntimeListed { at: now, pods: Arc::clone(&listed) },
            WorkersEvent::RuntimeObserved {
                at: now,
                uid: pods[7].metadata.uid.clone(),
                state: RuntimeState::Running,
            },
            WorkersEvent::Done {
                uid: pods[7].metadata.uid.clone(),
                operation: OperationId { epoch: 9, seq: 9 },
                outcome: SyncOutcome::Failed,
            },
        ];
        events.into_iter().for_each(|event| workers.step(now, event, &mut actions));
        workers.wake(now, &mut actions);
        assert!(actions.is_empty());
        pods.iter().for_each(|pod| sync(workers, &mut actions, pod));
    };
    round(&mut workers);
    let allocated = measure(|| round(&mut workers));
    assert_eq!(allocated.count_total, 0);
}
