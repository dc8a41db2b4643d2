//! An answer in sentences, so that the kubelet's and the library's can be compared.

use node_lifecycle::eviction::{Explanation, Ranking, Step, ThresholdState};

use super::decide::{Answer, Refusal};
use super::differ::Seen;

/// The aspects: the configuration, the thresholds, the conditions, what is done, who goes, the order.
pub(crate) fn seen(answer: &Result<Answer, Refusal>) -> Seen<6> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(refusal) => {
            let refusal = refusal.to_string().replace('\n', "; ");
            let mut seen = Seen::default();
            seen[0].push(format!("the configuration is refused: {refusal}"));
            return seen;
        }
    };
    let of = |sentences: fn(&Explanation) -> Vec<String>| {
        answer.explanation.as_ref().map(sentences).unwrap_or_default()
    };
    [
        vec!["the configuration is taken".to_owned()],
        of(thresholds),
        of(conditions),
        of(steps),
        of(evicted),
        answer.order.as_ref().map(order).unwrap_or_default(),
    ]
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

fn order(order: &Ranking) -> Vec<String> {
    let places = order.pods.iter().enumerate();
    let resource = order.signal.resource();
    places.map(|(at, place)| format!("place {} for {resource} is {}", at + 1, place.pod)).collect()
}
