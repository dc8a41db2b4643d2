//! What happens again and again allocates nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../benches/shop/mod.rs"]
mod shop;

use allocation_counter::measure;
use node_lifecycle::container::ContainerSet;
use node_lifecycle::pod::{PlanContext, Seen, SyncPlan, phase, plan_into};

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
