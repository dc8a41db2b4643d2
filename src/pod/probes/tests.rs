use super::*;
use crate::api::{Pod, PodPhase};
use crate::behaviour::Behaviour;
use crate::container::ProbeAnswer;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

fn compile_pod(containers: &str) -> Arc<CompiledPod> {
    let json =
        format!(r#"{{"metadata": {{"name": "web", "uid": "1"}}, "spec": {{"containers": {containers}}}}}"#);
    let pod = Pod::from_json(&json).unwrap();
    Arc::new(CompiledPod::compile(&pod, &Arc::new(Behaviour::default())).unwrap())
}

fn app(name: &str) -> String {
    let probe = r#"{"exec": {"command": ["true"]}, "failureThreshold": 1}"#;
    format!(r#"{{"name": "{name}", "image": "a:1", "livenessProbe": {probe}, "readinessProbe": {probe}}}"#)
}

fn running(id: &str) -> Sight {
    let state = InstanceState::Running { started_at: at(0) };
    let instance = Some(InstanceSight { id: id.into(), state, started: true });
    Sight { pod: PodSight { phase: PodPhase::Running, deleted: false }, instance }
}

fn step(probes: &mut PodProbes, event: ProbesEvent) -> Vec<ProbesAction> {
    let mut actions = Vec::new();
    probes.step(at(0), event, &mut actions);
    actions
}

fn attempts(actions: &[ProbesAction]) -> Vec<(ContainerIndex, ProbeKind, OperationId)> {
    let attempt = |asked: &ProbesAction| match &asked.action {
        ProberAction::Attempt { operation, probe, .. } => Some((asked.container, *probe, *operation)),
        _ => None,
    };
    actions.iter().filter_map(attempt).collect()
}

#[test]
fn containers_keep_their_probes_by_their_names() {
    let pod = compile_pod(&format!("[{}, {}]", app("a"), app("b")));
    let [a, b] = [0, 1].map(ContainerIndex);
    let mut probes = PodProbes::new(pod, ProberSettings::default(), Duration::ZERO, at(0));
    step(&mut probes, ProbesEvent::Container { container: a, sight: running("a1") });
    let actions = step(&mut probes, ProbesEvent::Container { container: b, sight: running("b1") });
    let [(_, ProbeKind::Readiness, ready), (_, ProbeKind::Liveness, alive)] = attempts(&actions)[..] else {
        panic!("{actions:?}")
    };

    step(&mut probes, ProbesEvent::Updated(compile_pod(&format!("[{}]", app("b")))));
    let actions = step(&mut probes, ProbesEvent::Answered { operation: ready, answer: ProbeAnswer::Success });
    assert_eq!(actions[0].container, a, "b stands first now");
    assert_eq!(probes.results()[0].readiness, Some(ProbeResult::Success));

    let unprobed = r#"[{"name": "b", "image": "a:1"}]"#;
    step(&mut probes, ProbesEvent::Updated(compile_pod(unprobed)));
    assert_eq!(probes.results(), [ProbeResults::default()]);
    assert_eq!(probes.next_wakeup(), None);
    assert_eq!(
        step(&mut probes, ProbesEvent::Answered { operation: alive, answer: ProbeAnswer::Failure }),
        []
    );
}

#[test]
fn what_ended_begins_anew_with_the_spec_if_there_is_something_to_ask() {
    let pod = compile_pod(&format!("[{}]", app("a")));
    let a = ContainerIndex(0);
    let mut probes = PodProbes::new(Arc::clone(&pod), ProberSettings::default(), Duration::ZERO, at(0));
    step(&mut probes, ProbesEvent::Container { container: a, sight: running("a1") });
    let deleted = PodSight { phase: PodPhase::Running, deleted: true };
    step(&mut probes, ProbesEvent::Pod(deleted));
    assert!(probes.probed(ProbeKind::Liveness).is_empty());
    assert_eq!(probes.probed(ProbeKind::Readiness).len(), 1);
    assert_eq!(probes.results()[0].liveness, None);

    assert_eq!(step(&mut probes, ProbesEvent::Updated(Arc::clone(&pod))), []);
    step(&mut probes, ProbesEvent::Pod(PodSight { deleted: false, ..deleted }));
    let actions = step(&mut probes, ProbesEvent::Updated(pod));
    assert_eq!(attempts(&actions).len(), 1, "liveness, of the instance that is known");
}

#[test]
fn a_status_that_is_of_another_instance_waits_for_its_probe() {
    let pod = compile_pod(&format!("[{}]", app("a")));
    let a = ContainerIndex(0);
    let mut probes = PodProbes::new(pod, ProberSettings::default(), Duration::ZERO, at(0));
    let asked = attempts(&step(&mut probes, ProbesEvent::Container { container: a, sight: running("a1") }));
    step(&mut probes, ProbesEvent::Answered { operation: asked[0].2, answer: ProbeAnswer::Success });
    assert_eq!(probes.readiness(a, &"a1".into(), true), Readiness::Ready);
    assert_eq!(probes.readiness(a, &"a2".into(), true), Readiness::RunProbe);
    assert!(probes.started(a, &"a2".into(), true), "there is no startup probe");
}
