//! What happens again and again allocates nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../benches/shop/mod.rs"]
mod shop;

use allocation_counter::measure;
use node_lifecycle::container::{ContainerSet, ProbeKind};
use node_lifecycle::machine::Machine;
use node_lifecycle::pod::{PlanContext, ProbesEvent, Seen, SyncPlan, phase, plan_into};

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
fn probes_of_a_steady_pod() {
    let pod = shop::compiled();
    let mut probes = shop::probers(&pod);
    let (mut actions, mut answered) = (Vec::with_capacity(32), 0);
    let app = pod.apps().iter().next().unwrap();
    let sight = shop::sight(app);
    let mut now = probes.next_wakeup().unwrap();
    let mut round = || {
        // A period: every probe is asked and answered; nothing else changes.
        probes.wake(now, &mut actions);
        answered += shop::answer_all(&mut probes, now, &mut actions);
        probes.step(now, ProbesEvent::Container { container: app, sight: sight.clone() }, &mut actions);
        probes.step(now, ProbesEvent::Pod(sight.pod), &mut actions);
        assert!(actions.is_empty());
        now = probes.next_wakeup().unwrap();
    };
    round();
    assert_eq!(measure(&mut round).count_total, 0);
    let asked = [ProbeKind::Liveness, ProbeKind::Readiness].map(|kind| probes.probed(kind).len());
    assert_eq!(answered, 2 * asked.iter().sum::<usize>());
    assert!(answered > 0);
}
