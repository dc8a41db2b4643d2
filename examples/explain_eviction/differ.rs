//! Where the kubelet and the library answer differently, and what makes the difference.

use node_lifecycle::behaviour::Compat;
use node_lifecycle::eviction::{Explanation, Step, ThresholdState};
use serde::Serialize;
use serde_json::{Map, Value};

use super::decide::{Answer, Case, Order, Refusal};

/// Something that the other one sees differently.
#[derive(Debug, Serialize)]
pub(crate) struct Difference {
    /// How the other one sees it.
    pub(crate) otherwise: String,
    /// Which fields of `Compat` make that difference, each by itself, as `docs/kubelet-differences.md` names them.
    pub(crate) fields: Vec<String>,
}

/// Where `theirs` answers otherwise than `ours`.
pub(crate) fn differences(case: &Case<'_>, ours: Compat, theirs: Compat) -> Vec<Difference> {
    let (mine, other) = (Seen::of(&case.answer(ours)), Seen::of(&case.answer(theirs)));
    if mine == other {
        return Vec::new();
    }
    let switched: Vec<_> =
        switches(ours, theirs).map(|(field, compat)| (field, Seen::of(&case.answer(compat)))).collect();
    // Whoever refuses the configuration says nothing else.
    let said = if mine.0[0] == other.0[0] { mine.0.len() } else { 1 };
    let aspects = mine.0.iter().zip(&other.0).enumerate().take(said);
    let differ = aspects.filter(|(_, (mine, other))| mine != other).map(|(at, (mine, other))| Difference {
        otherwise: otherwise(mine, other),
        fields: switched
            .iter()
            .filter(|(_, seen)| seen.0.get(at) == Some(other))
            .map(|(field, _)| field.clone())
            .collect(),
    });
    differ.collect()
}

/// Each field in which the two differ, and `ours` with this one as in `theirs`.
fn switches(ours: Compat, theirs: Compat) -> impl Iterator<Item = (String, Compat)> {
    let fields = |compat: Compat| match serde_json::to_value(compat) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let (ours, theirs) = (fields(ours), fields(theirs));
    theirs.into_iter().filter_map(move |(field, value)| {
        let mut switched = ours.clone();
        let before = switched.insert(field.clone(), value.clone());
        let compat = serde_json::from_value(Value::Object(switched)).ok()?;
        (before != Some(value)).then(|| (snake(&field), compat))
    })
}

fn snake(camel: &str) -> String {
    camel.chars().fold(String::new(), |mut snake, letter| {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
        snake
    })
}

/// An answer in sentences, those of one aspect together: the configuration, the thresholds, the conditions, what is
/// done, who goes, the order.
#[derive(Debug, PartialEq)]
struct Seen([Vec<String>; 6]);

impl Seen {
    fn of(answer: &Result<Answer, Refusal>) -> Self {
        let answer = match answer {
            Ok(answer) => answer,
            Err(refusal) => {
                let refusal = refusal.to_string().replace('\n', "; ");
                let mut seen = Self(Default::default());
                seen.0[0].push(format!("the configuration is refused: {refusal}"));
                return seen;
            }
        };
        let of = |sentences: fn(&Explanation) -> Vec<String>| {
            answer.explanation.as_ref().map(sentences).unwrap_or_default()
        };
        Self([
            vec!["the configuration is taken".to_owned()],
            of(thresholds),
            of(conditions),
            of(steps),
            of(evicted),
            answer.order.as_ref().map(order).unwrap_or_default(),
        ])
    }
}

fn thresholds(explanation: &Explanation) -> Vec<String> {
    let seen = explanation.thresholds.iter().map(|seen| {
        let state = match seen.state {
            ThresholdState::Unmet => "is not met",
            ThresholdState::InGrace { .. } => "is met, and its grace period goes on",
            ThresholdState::Met { .. } => "is met",
            ThresholdState::Held { .. } => "is held",
            ThresholdState::NotCounted => "does not count yet",
        };
        format!("{} {state}", seen.threshold)
    });
    seen.collect()
}

fn conditions(explanation: &Explanation) -> Vec<String> {
    let names: Vec<_> = explanation.pressures.iter().map(|pressure| pressure.name()).collect();
    let names = if names.is_empty() { "no condition".to_owned() } else { names.join(", ") };
    vec![format!("the node has {names}")]
}

fn steps(explanation: &Explanation) -> Vec<String> {
    let taken = explanation.steps.iter().map(|step| {
        let outcome = match step.outcome {
            Step::Reclaims => "is not decided yet",
            Step::Resolved => "has enough after what no pod needs was freed",
            Step::Unproven => "waits for what freeing has brought",
            Step::NobodyCanGo => "has no pod that can go",
            Step::NoRanking => "has no ranking",
            Step::Evicts => "has a pod go",
        };
        format!("{} {outcome}", step.signal)
    });
    taken.collect()
}

fn evicted(explanation: &Explanation) -> Vec<String> {
    if explanation.evicted.is_empty() {
        return vec!["nobody has to go".to_owned()];
    }
    let going = explanation.evicted.iter();
    going.map(|gone| format!("{} has to go, with {}s of grace", gone.pod, gone.grace_seconds)).collect()
}

fn order(order: &Order) -> Vec<String> {
    let places = order.pods.iter().enumerate();
    let resource = order.signal.resource();
    places.map(|(at, place)| format!("place {} for {resource} is {}", at + 1, place.pod)).collect()
}

/// What the other one says first that is not said here.
fn otherwise(mine: &[String], other: &[String]) -> String {
    let new: Vec<_> = other.iter().filter(|sentence| !mine.contains(sentence)).map(String::as_str).collect();
    let gone = mine.iter().filter(|sentence| !other.contains(sentence));
    match new.as_slice() {
        [] => format!("not so: {}", gone.map(String::as_str).collect::<Vec<_>>().join("; ")),
        [first, rest @ ..] if rest.len() > 2 => {
            format!("{first}; and {} more like it", rest.len())
        }
        all => all.join("; "),
    }
}
