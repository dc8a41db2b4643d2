//! An answer in sentences, so that the kubelet's and the library's can be compared.

use node_lifecycle::image::{ImageGcPolicyError, ImageGcReason};

use super::decide::{Answer, Case, Stay};
use super::differ::Seen;

/// The aspects: the configuration, what goes, in which order, what stays, what goes wrong.
pub(crate) fn seen(case: &Case<'_>, answer: &Result<Answer, ImageGcPolicyError>) -> Seen<5> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(refusal) => {
            let mut seen = Seen::default();
            seen[0].push(format!("the configuration is refused: {refusal}"));
            return seen;
        }
    };
    let name = |at: &usize| case.images.get(*at).map_or("", |image| &*image.name).to_owned();
    let goes = answer.goes.iter().map(|(at, removal)| {
        let why = match removal.reason {
            ImageGcReason::MaximumAge { .. } => "too old",
            ImageGcReason::DiskSpace { .. } => "in the way",
            _ => "unused",
        };
        format!("{} goes, as it is {why}", name(at))
    });
    let mut goes: Vec<_> = goes.collect();
    goes.sort();
    if goes.is_empty() {
        goes.push("nothing goes".to_owned());
    }
    let order = answer.goes.iter().enumerate();
    let order = order.map(|(place, (at, _))| format!("number {} is {}", place + 1, name(at)));
    let mut stays: Vec<_> =
        answer.stays.iter().map(|(at, why)| format!("{} {}", name(at), stays(*why))).collect();
    stays.sort();
    [vec!["the configuration is taken".to_owned()], goes, order.collect(), stays, answer.errors.clone()]
}

const fn stays(why: Stay) -> &'static str {
    match why {
        Stay::InUse => "stays, as it is in use",
        Stay::Awaited => "stays, as a pod waits for it",
        Stay::Pinned => "stays, as it is pinned",
        Stay::TooYoung { .. } => "stays, as it is too young",
        Stay::JustUsed => "stays, as it was used just now",
    }
}
