//! Where the kubelet and the library answer differently, and what makes the difference.

use std::cell::LazyCell;

use node_lifecycle::config::{Difference as FieldDifference, FieldProvenance, MergeOptions, diff};
use serde::Serialize;
use serde_json::Value;

use super::annotate::{plain, source};
use super::decide::{Answer, Case, options};
use super::differ::{Difference, switches};

/// Something that the other one sees differently.
#[derive(Debug, Serialize)]
pub(crate) struct Mark {
    /// The field that it is about; empty if it is about the whole.
    pub(crate) field: String,
    #[serde(flatten)]
    pub(crate) difference: Difference,
}

/// Everything that the other one sees differently. Whoever refuses a configuration says nothing else.
pub(crate) fn marks(case: &Case<'_>, mine: &Answer) -> Vec<Mark> {
    let (ours, theirs) = (options(case.args.compat), options(case.args.compat.other()));
    let other = case.answer(theirs);
    // Most agree, and then nobody asks.
    let switched = LazyCell::new(|| {
        ways(ours, theirs).map(|(field, way)| (field, case.answer(way))).collect::<Vec<_>>()
    });
    let because = |agrees: &dyn Fn(&Answer) -> bool| {
        switched.iter().filter(|(_, answer)| agrees(answer)).map(|(field, _)| field.clone()).collect()
    };
    match (mine.errors.as_slice(), other.errors.as_slice()) {
        ([], []) => {
            let differences = diff(&mine.effective.provenance, &other.effective.provenance);
            let mark = |it: FieldDifference<'_>| Mark {
                difference: Difference {
                    otherwise: format!("{}: {}", it.field, described(case, &other, &it)),
                    fields: because(&|answer| value(answer, &it.field) == it.right.and_then(|it| it.value())),
                },
                field: it.field,
            };
            differences.into_iter().map(mark).collect()
        }
        ([], refused) => {
            let mark = |error: &super::decide::Said| Mark {
                field: error.field.clone(),
                difference: Difference {
                    otherwise: format!("refused, {}", case.loaded.names.sentence(&error.text)),
                    fields: because(&|answer| answer.errors.contains(error)),
                },
            };
            refused.iter().map(mark).collect()
        }
        (_, []) => vec![Mark {
            field: String::new(),
            difference: Difference {
                otherwise: "nothing is wrong with it".to_owned(),
                fields: because(&|answer| answer.errors.is_empty()),
            },
        }],
        _ => Vec::new(),
    }
}

/// Each thing in which the two differ, and `ours` with this one as in `theirs`.
fn ways(ours: MergeOptions, theirs: MergeOptions) -> impl Iterator<Item = (String, MergeOptions)> {
    let faults = switches(ours.compat, theirs.compat)
        .map(move |(field, compat)| (field, MergeOptions { compat, ..ours }));
    let registry = MergeOptions { registry: theirs.registry, ..ours };
    faults.chain([("which gates there are".to_owned(), registry)])
}

fn value(answer: &Answer, field: &str) -> Option<Value> {
    answer.effective.provenance.field(field).and_then(|field| field.value())
}

/// What the other one has.
fn described(case: &Case<'_>, other: &Answer, difference: &FieldDifference<'_>) -> String {
    let said = |field: FieldProvenance<'_>| {
        let from = source(&case.loaded.names, &other.effective, &difference.field, field.origin());
        Some(format!("{} ({from})", plain(&field.value()?)))
    };
    difference.right.and_then(said).unwrap_or_else(|| "unset".to_owned())
}
