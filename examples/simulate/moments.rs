//! The moments of a pod's life, in words.

use std::time::Duration;

use node_lifecycle::api::PodPhase;
use node_lifecycle::container::ContainerKind;
use node_lifecycle::sim::Fault;

use super::state::{End, RESTART, State};
use super::time::short;
use super::timeline::{Detail, Lane, Span, Timeline};

/// Something that happened, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) at: Duration,
    /// What comes first at the same time.
    rank: Rank,
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Deletion,
    Agent,
    Fault,
    Probe,
    Exit,
    Wait,
    Stop,
    Start,
    Pod,
    Phase,
    Gone,
}

/// What happened to a pod, in the order of time.
pub(crate) fn moments(pod: &Timeline) -> Vec<Moment> {
    let mut moments = Vec::new();
    let mut add = |at: Duration, rank: Rank, text: String| moments.push(Moment { at, rank, text });
    for (at, call, fault) in &pod.faults {
        add(*at, Rank::Fault, format!("fault: {call} {}", fault_in_words(*fault)));
    }
    for lane in &pod.lanes {
        of_lane(lane, &mut add);
    }
    if let Some(deletion) = pod.deleted {
        add(
            deletion.at,
            Rank::Deletion,
            format!("the pod is deleted, with {}s of grace", deletion.grace_seconds),
        );
    }
    for at in &pod.restarts {
        add(*at, Rank::Agent, RESTART.label.to_owned());
    }
    for (at, fact) in &pod.facts {
        add(*at, Rank::Pod, fact.clone());
    }
    if let Some(at) = pod.ready_at {
        add(at, Rank::Pod, "the pod is ready".to_owned());
    }
    for (at, phase) in &pod.phases {
        match phase {
            PodPhase::Succeeded => add(*at, Rank::Phase, "the pod has succeeded".to_owned()),
            PodPhase::Failed => add(*at, Rank::Phase, "the pod has failed".to_owned()),
            _ => {}
        }
    }
    if let Some(at) = pod.gone_at {
        add(at, Rank::Gone, "nothing is left of the pod".to_owned());
    }
    moments.sort_by_key(|moment| (moment.at, moment.rank));
    moments
}

fn of_lane(lane: &Lane, add: &mut impl FnMut(Duration, Rank, String)) {
    let name = &lane.name;
    for (at, word) in &lane.words {
        add(*at, Rank::Probe, word.clone());
    }
    let mut exits = lane.exits.iter().peekable();
    let mut runs = 0;
    for (n, span) in lane.spans.iter().enumerate() {
        while let Some(exit) = exits.next_if(|exit| exit.at <= span.from) {
            add(exit.at, Rank::Exit, exited(lane, exit.end, exit.code));
        }
        let before = n.checked_sub(1).and_then(|before| lane.spans.get(before)).map(|span| span.state);
        let ran = matches!(before, Some(State::PostStart | State::Running | State::Ready | State::PreStop));
        match span.state {
            State::PostStart | State::Running | State::Ready if !ran => {
                runs += 1;
                let again = if runs > 1 { " again" } else { "" };
                let ready = if span.state == State::Ready { " and is ready" } else { "" };
                add(span.from, Rank::Start, format!("{name} runs{again}{ready}"));
            }
            State::Ready if matches!(before, Some(State::PostStart | State::Running)) => {
                add(span.from, Rank::Start, format!("{name} is ready"));
            }
            State::Running if before == Some(State::Ready) => {
                add(span.from, Rank::Start, format!("{name} is not ready any more"));
            }
            State::BackOff => add(span.from, Rank::Wait, back_off(lane, span)),
            State::PostStart => add(span.from, Rank::Start, format!("the postStart hook of {name} runs")),
            State::PreStop => add(span.from, Rank::Stop, format!("the preStop hook of {name} runs")),
            State::Stopping => {
                let grace = match span.detail {
                    Detail::Seconds(seconds) => format!(", and has {seconds}s"),
                    _ => String::new(),
                };
                add(span.from, Rank::Stop, format!("{name} is told to stop{grace}"));
            }
            _ => {}
        }
    }
    for exit in exits {
        add(exit.at, Rank::Exit, exited(lane, exit.end, exit.code));
    }
}

fn exited(lane: &Lane, end: End, code: i32) -> String {
    let Lane { name, kind, .. } = lane;
    match end {
        End::Well if *kind == ContainerKind::Init => format!("{name} is done: exit code 0"),
        End::Well => format!("{name} exits with 0"),
        End::Badly => format!("{name} exits with {code}"),
        End::Killed => format!("{name} is killed: exit code {code}"),
    }
}

fn back_off(lane: &Lane, span: &Span) -> String {
    let (word, message) = match &span.detail {
        Detail::Because(word, message) => (word.as_ref().map(ToString::to_string), &**message),
        _ => (None, ""),
    };
    let mut text = format!("{} waits for {}", lane.name, short(span.to.saturating_sub(span.from)));
    if let Some(word) = word {
        text = format!("{text}: {word}");
    }
    if !message.is_empty() {
        text = format!("{text} ({message})");
    }
    text
}

const fn fault_in_words(fault: Fault) -> &'static str {
    match fault {
        Fault::Fails => "fails",
        Fault::TimesOut => "works, and is said to have timed out",
        Fault::AnswersLate => "answers late",
        Fault::AnswersTwice => "answers twice",
        Fault::NeverAnswers => "works, and never answers",
        Fault::GetsLost => "gets lost",
    }
}
