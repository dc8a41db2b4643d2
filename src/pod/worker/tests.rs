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
    let starts_nothing =
        |action: &Action| matches!(action, Action::Report { .. } | Action::ReleaseResources { .. });
    assert!(actions.iter().all(starts_nothing), "{actions:?}");
    assert!(worker.is_terminated() && worker.phase() == PodPhase::Succeeded);
}

fn operation_of(actions: &mut Vec<Action>, is: impl Fn(&Action) -> bool) -> Option<OperationId> {
    let found = actions.iter().find(|action| is(action)).and_then(Action::operation);
    actions.clear();
    found
}

#[test]
fn nothing_is_made_before_resources_are_prepared() {
    let mut worker = worker(r#"[{"name": "a", "image": "a"}]"#);
    let (at, mut actions) = (Timestamp::from_unix_seconds, Vec::new());
    let prepares = |action: &Action| matches!(action, Action::PrepareResources { .. });
    worker.step(at(1000), Event::Observed { at: at(1000), records: Box::default() }, &mut actions);
    let operation = operation_of(&mut actions, prepares).unwrap();
    let outcome = Outcome::Failed(Box::default());
    worker.step(at(1000), Event::Done { operation, outcome }, &mut actions);
    assert_eq!(operation_of(&mut actions, |action| action.operation().is_some()), None);
    worker.wake(at(1010), &mut actions);
    let operation = operation_of(&mut actions, prepares).expect("it is tried again");
    worker.step(at(1011), Event::Done { operation, outcome: Outcome::Done }, &mut actions);
    assert!(matches!(actions[..], [Action::CreateSandbox { attempt: 0, .. }]), "{actions:?}");
}

#[test]
fn a_pod_is_finished_when_its_resources_are_released() {
    let mut worker = worker(r#"[{"name": "a", "image": "a"}]"#);
    let (at, mut actions) = (Timestamp::from_unix_seconds, Vec::new());
    let releases = |action: &Action| matches!(action, Action::ReleaseResources { .. });
    worker.step(at(1000), Event::Deleted { grace_seconds: None }, &mut actions);
    worker.step(at(1000), Event::Observed { at: at(1000), records: Box::default() }, &mut actions);
    assert!(
        operation_of(&mut actions, releases).is_some() && worker.is_terminated() && !worker.is_finished()
    );

    // The agent dies before the answer: it is asked for again.
    let environment = (Arc::clone(worker.pod()), WorkerSettings::default());
    let mut worker = Worker::restore(worker.snapshot(), environment, at(1001)).unwrap();
    worker.step(at(1001), Event::AgentStarted { epoch: 1 }, &mut actions);
    worker.step(at(1001), Event::Observed { at: at(1001), records: Box::default() }, &mut actions);
    let operation = operation_of(&mut actions, releases).unwrap();
    worker.step(at(1002), Event::Done { operation, outcome: Outcome::Done }, &mut actions);
    assert!(worker.is_finished());
}

#[test]
fn what_should_not_be_is_said_once() {
    use crate::container::{ContainerRecord, Exit, PodRecords, RecordState, SandboxRecord, SandboxState};
    let mut worker = worker(r#"[{"name": "a", "image": "a"}]"#);
    let (at, mut actions) = (Timestamp::from_unix_seconds, Vec::new());
    let exited = Exit { exit_code: 4_000, ..Exit::default() };
    let container = |id: &str, name: &str, state| ContainerRecord {
        id: id.into(),
        name: name.into(),
        state,
        ..ContainerRecord::default()
    };
    let ready = |id: &str, created_at| SandboxRecord {
        id: id.into(),
        state: SandboxState::Ready,
        created_at,
        ..SandboxRecord::default()
    };
    let records = PodRecords {
        sandboxes: vec![ready("s1", at(1)), ready("s2", at(2))],
        containers: vec![
            container("c1", "a", RecordState::Exited(exited)),
            container("c2", "stranger", RecordState::Created),
        ],
    };
    let mut notes = |worker: &mut Worker, now, event| {
        worker.step(now, event, &mut actions);
        let notes = actions.drain(..).filter_map(|action| match action {
            Action::Report { change: Change::Note(note) } => Some(note),
            _ => None,
        });
        notes.collect::<Vec<_>>()
    };
    let report = || Event::Observed { at: at(1000), records: Box::new(records.clone()) };
    let expected = [
        Note::ExitCode { container: Some(ContainerIndex(0)), exit_code: 4_000 },
        Note::SandboxesReady { count: 2 },
        Note::StrangeContainers { count: 1 },
    ];
    assert_eq!(notes(&mut worker, at(1000), report()), expected);
    assert_eq!(notes(&mut worker, at(1000), report()), []);
    let deleted = Event::Deleted { grace_seconds: Some(-5) };
    let expected = [Note::ClockWentBack, Note::NegativeGrace { seconds: -5 }];
    assert_eq!(notes(&mut worker, at(900), deleted), expected);
}

#[test]
fn a_new_life_of_the_agent_prepares_anew_and_a_late_container_is_released_again() {
    use crate::container::{ContainerRecord, Exit, RecordState};
    let mut worker = worker(r#"[{"name": "a", "image": "a"}]"#);
    let (at, mut actions) = (Timestamp::from_unix_seconds, Vec::new());
    let prepares = |action: &Action| matches!(action, Action::PrepareResources { .. });
    let releases = |action: &Action| matches!(action, Action::ReleaseResources { .. });
    let done = |operation| Event::Done { operation, outcome: Outcome::Done };
    let observed = |seconds| Event::Observed { at: at(seconds), records: Box::default() };
    worker.step(at(1000), observed(1000), &mut actions);
    let operation = operation_of(&mut actions, prepares).unwrap();
    worker.step(at(1000), done(operation), &mut actions);
    worker.step(at(1001), Event::AgentStarted { epoch: 1 }, &mut actions);
    actions.clear();
    worker.step(at(1001), observed(1001), &mut actions);
    let operation = operation_of(&mut actions, prepares).expect("what is there stays, what is not comes");
    worker.step(at(1001), done(operation), &mut actions);
    actions.clear();

    worker.step(at(1002), Event::Deleted { grace_seconds: Some(1) }, &mut actions);
    worker.step(at(1300), observed(1300), &mut actions);
    let operation = operation_of(&mut actions, releases).unwrap();
    // The record of a sandbox keeps the pod from being finished.
    worker.step(at(1300), Event::Sandbox(Box::default()), &mut actions);
    worker.step(at(1300), done(operation), &mut actions);
    assert!(worker.is_released() && !worker.is_finished());
    actions.clear();
    let mut late = ContainerRecord {
        id: "late".into(),
        name: "a".into(),
        state: RecordState::Running { started_at: at(1301) },
        ..ContainerRecord::default()
    };
    worker.step(at(1301), Event::Container(Box::new(late.clone())), &mut actions);
    assert!(operation_of(&mut actions, releases).is_none() && !worker.is_released());
    late.state = RecordState::Exited(Exit { finished_at: at(1302), ..Exit::default() });
    worker.step(at(1302), Event::Container(Box::new(late)), &mut actions);
    assert!(operation_of(&mut actions, releases).is_some(), "it may hold something again");
}
