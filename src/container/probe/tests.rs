use std::sync::Arc;
use std::time::Duration;

use super::super::HandlerError;
use super::*;
use crate::api::{Container, PodPhase, Probe};
use crate::machine::{Machine, OperationId, Timestamp};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

/// A probe of the command `true`: a period of 10 s, a timeout of 1 s, three failures.
fn prober(kind: ProbeKind) -> Prober {
    let probe: Probe = serde_json::from_str(r#"{"exec": {"command": ["true"]}}"#).unwrap();
    let probe = CompiledProbe::new(kind, &probe, &Container::default(), ProbeAtExit::Ends);
    Prober::new(Arc::new(probe), ProberSettings::default(), Duration::ZERO, at(0))
}

fn running(id: &str, since: i64, started: bool) -> Sight {
    let state = InstanceState::Running { started_at: at(since) };
    let instance = Some(InstanceSight { id: id.into(), state, started });
    Sight { pod: PodSight { phase: PodPhase::Running, deleted: false }, instance }
}

fn step(prober: &mut Prober, seconds: i64, event: ProberEvent) -> Vec<ProberAction> {
    let mut actions = Vec::new();
    prober.step(at(seconds), event, &mut actions);
    actions
}

fn see(prober: &mut Prober, seconds: i64, sight: Sight) -> Vec<ProberAction> {
    step(prober, seconds, ProberEvent::Seen(sight))
}

fn wake(prober: &mut Prober, seconds: i64) -> Vec<ProberAction> {
    let mut actions = Vec::new();
    prober.wake(at(seconds), &mut actions);
    actions
}

fn asked(actions: &[ProberAction]) -> Option<OperationId> {
    actions.iter().find_map(|action| match action {
        ProberAction::Attempt { operation, .. } => Some(*operation),
        _ => None,
    })
}

fn answer(
    prober: &mut Prober,
    seconds: i64,
    asked: Option<OperationId>,
    answer: ProbeAnswer,
) -> Vec<ProberAction> {
    step(prober, seconds, ProberEvent::Answered { operation: asked.expect("it asked"), answer })
}

#[test]
fn three_failures_of_liveness_hold_it_until_the_next_instance() {
    let mut prober = prober(ProbeKind::Liveness);
    let mut actions = see(&mut prober, 0, running("c1", 0, true));
    for seconds in [0, 10, 20] {
        assert_eq!(prober.result(), Some(ProbeResult::Success));
        if seconds > 0 {
            actions = wake(&mut prober, seconds);
        }
        actions = answer(&mut prober, seconds, asked(&actions), ProbeAnswer::Failure);
    }
    let (id, probe, result) = ("c1".into(), ProbeKind::Liveness, ProbeResult::Failure);
    assert_eq!(actions, [ProberAction::Changed { id, probe, result }]);
    assert!(prober.is_on_hold());
    assert_eq!(prober.next_wakeup(), None);

    assert!(
        asked(&see(&mut prober, 25, running("c2", 24, true))).is_some(),
        "a new instance is asked at once"
    );
    assert_eq!(prober.result(), Some(ProbeResult::Success));
}

#[test]
fn readiness_waits_for_the_start_and_is_then_asked_at_once() {
    let mut prober = prober(ProbeKind::Readiness);
    assert_eq!(asked(&see(&mut prober, 0, running("c1", 0, false))), None);
    assert_eq!(prober.next_wakeup(), None);
    assert!(asked(&see(&mut prober, 3, running("c1", 0, true))).is_some());
}

#[test]
fn an_attempt_that_cannot_be_made_is_made_three_times() {
    let mut prober = prober(ProbeKind::Readiness);
    let first = see(&mut prober, 0, running("c1", 0, true));
    let second = answer(&mut prober, 0, asked(&first), ProbeAnswer::Error);
    let late = answer(&mut prober, 1, asked(&first), ProbeAnswer::Success);
    assert_eq!(late, [], "it has been given up");
    // The second is never answered: 1 s of timeout and 10 s of slack.
    assert_eq!(prober.next_wakeup(), Some(at(11)));
    let third = wake(&mut prober, 11);
    assert!(asked(&second) < asked(&third));
    let (id, probe, fault) = ("c1".into(), ProbeKind::Readiness, ProbeFault::NoAnswer);
    let errored = answer(&mut prober, 12, asked(&third), ProbeAnswer::Error);
    assert_eq!(errored[0], ProberAction::Errored { id, probe, fault });
    assert!(asked(&errored).is_some(), "the next run was due since 10 s");
    assert_eq!((prober.result(), prober.result_run()), (Some(ProbeResult::Failure), 0));
}

#[test]
fn a_run_that_is_wanted_sets_the_pace_anew() {
    let mut prober = prober(ProbeKind::Readiness);
    let first = see(&mut prober, 0, running("c1", 0, true));
    assert_eq!(step(&mut prober, 0, ProberEvent::Run), [], "one is under way");
    let second = answer(&mut prober, 1, asked(&first), ProbeAnswer::Failure);
    answer(&mut prober, 1, asked(&second), ProbeAnswer::Success);
    assert_eq!(prober.result(), Some(ProbeResult::Success));
    assert_eq!(prober.next_wakeup(), Some(at(11)));
}

#[test]
fn deletion_ends_liveness_and_not_readiness() {
    for kind in ProbeKind::ALL {
        let mut prober = prober(kind);
        let sight = running("c1", 0, kind != ProbeKind::Startup);
        let attempt = asked(&see(&mut prober, 0, sight.clone()));
        let deleted = Sight { pod: PodSight { deleted: true, ..sight.pod }, ..sight };
        see(&mut prober, 1, deleted);
        let ends = kind != ProbeKind::Readiness;
        assert_eq!(prober.is_ended(), ends, "{kind}");
        answer(&mut prober, 1, attempt, ProbeAnswer::Failure);
        assert_eq!(prober.result_run(), u32::from(!ends), "{kind}: stale once it ended");
    }
}

#[test]
fn a_restarted_agent_waits_for_a_sight_and_for_its_jitter() {
    let mut prober = prober(ProbeKind::Liveness);
    let attempt = asked(&see(&mut prober, 0, running("c1", 0, true)));
    answer(&mut prober, 0, attempt, ProbeAnswer::Failure);
    step(&mut prober, 30, ProberEvent::AgentStarted { epoch: 1, jitter: Duration::from_secs(4) });
    assert_eq!((prober.next_wakeup(), prober.result_run()), (None, 1));
    see(&mut prober, 31, running("c1", 0, true));
    assert_eq!(step(&mut prober, 31, ProberEvent::Run), []);
    assert_eq!(prober.next_wakeup(), Some(at(34)));
    assert_eq!(asked(&wake(&mut prober, 34)), Some(OperationId { epoch: 1, seq: 0 }));
}

#[test]
fn a_start_in_the_future_counts_from_when_it_was_seen() {
    let mut prober = prober(ProbeKind::Startup);
    assert!(asked(&see(&mut prober, 5, running("c1", 1_000_000, false))).is_some());
}

#[test]
fn a_check_that_cannot_be_made_is_said_once_a_run() {
    let probe: Probe = serde_json::from_str(r#"{"tcpSocket": {"port": "web"}}"#).unwrap();
    let probe = CompiledProbe::new(ProbeKind::Liveness, &probe, &Container::default(), ProbeAtExit::Ends);
    let mut prober = Prober::new(Arc::new(probe), ProberSettings::default(), Duration::ZERO, at(0));
    see(&mut prober, 0, running("c1", 0, true));
    assert_eq!(prober.next_wakeup(), Some(at(10)));
    assert!(matches!(
        wake(&mut prober, 10)[..],
        [ProberAction::Errored { fault: ProbeFault::Check(HandlerError::UnknownPort { .. }), .. }]
    ));
}

#[test]
fn an_attempt_out_of_turn_is_not_made_again() {
    let mut prober = prober(ProbeKind::Startup);
    let attempt = asked(&see(&mut prober, 0, running("c1", 0, false)));
    see(&mut prober, 1, running("c1", 0, true));
    assert_eq!(answer(&mut prober, 1, attempt, ProbeAnswer::Error), []);
    assert_eq!(prober.next_wakeup(), None);
}

#[test]
fn a_probe_that_ended_with_an_instance_begins_anew_with_another_one() {
    let mut prober = prober(ProbeKind::Readiness);
    see(&mut prober, 0, running("c1", 0, true));
    let mut ended = running("c1", 0, true);
    ended.instance.as_mut().unwrap().state = InstanceState::Terminated;
    see(&mut prober, 1, ended);
    assert!(prober.is_ended());
    assert!(asked(&see(&mut prober, 2, running("c2", 2, true))).is_some());
    assert!(!prober.is_ended());
}

#[test]
fn an_action_is_small() {
    assert!(size_of::<ProberAction>() <= 128, "{}", size_of::<ProberAction>());
}
