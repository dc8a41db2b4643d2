use std::sync::Arc;

use super::*;
use crate::behaviour::Behaviour;
use crate::machine::{RestoreError, Snapshots};

fn worker(containers: &str) -> Worker {
    let json =
        format!(r#"{{"metadata": {{"name": "p", "uid": "u"}}, "spec": {{"containers": {containers}}}}}"#);
    let pod = Pod::from_json(&json).unwrap();
    let compiled = Arc::new(CompiledPod::compile(&pod, &Arc::new(Behaviour::default())).unwrap());
    Worker::new(&pod, compiled, WorkerSettings::default(), Timestamp::UNIX_EPOCH)
}

#[test]
fn actions_are_small() {
    assert!(size_of::<Action>() <= 128, "{}", size_of::<Action>());
}

#[test]
fn a_snapshot_that_does_not_fit_is_refused() {
    let (one, other) =
        (worker(r#"[{"name": "a", "image": "a"}]"#), worker(r#"[{"name": "b", "image": "a"}]"#));
    let restore = |snapshot| {
        let environment = (Arc::clone(other.pod()), WorkerSettings::default());
        Worker::restore(snapshot, environment, Timestamp::UNIX_EPOCH).map(|_| ()).unwrap_err()
    };
    let refused = restore(one.snapshot());
    assert_eq!(refused.to_string(), "snapshot does not fit: containers: found a, expected b");
    let mut newer = other.snapshot();
    newer.version += 1;
    let (found, supported) = (newer.version, WorkerSnapshot::VERSION);
    assert_eq!(restore(newer), RestoreError::Version { found, supported });
}

#[test]
fn instants_move_back_with_the_clock() {
    let mut worker = worker(r#"[{"name": "a", "image": "a"}]"#);
    let (at, mut actions) = (Timestamp::from_unix_seconds, Vec::new());
    worker.step(at(1000), Event::Observed { at: at(1000), records: Box::default() }, &mut actions);
    let operation = actions.iter().find_map(Action::operation).unwrap();
    let outcome = Outcome::Failed(Box::default());
    worker.step(at(1001), Event::Done { operation, outcome }, &mut actions);
    assert_eq!(worker.next_wakeup(), Some(at(1011)), "the sandbox is tried again after 10 s");

    let environment = (Arc::clone(worker.pod()), WorkerSettings::default());
    let restored = Worker::restore(worker.snapshot(), environment, at(401)).unwrap();
    assert_eq!(restored.next_wakeup(), Some(at(411)));
}

#[test]
fn a_pod_that_is_terminal_in_the_api_never_runs_again() {
    let json = r#"{"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "a"}]},
                   "status": {"phase": "Succeeded"}}"#;
    let pod = Pod::from_json(json).unwrap();
    let compiled = Arc::new(CompiledPod::compile(&pod, &Arc::new(Behaviour::default())).unwrap());
    let (now, mut actions) = (Timestamp::UNIX_EPOCH, Vec::new());
    let mut worker = Worker::new(&pod, compiled, WorkerSettings::default(), now);
    worker.step(now, Event::Observed { at: now, records: Box::default() }, &mut actions);
    assert!(actions.iter().all(|action| matches!(action, Action::Report { .. })), "{actions:?}");
    assert!(worker.is_terminated() && worker.phase() == PodPhase::Succeeded);
}
