//! Two configurations side by side.

use node_lifecycle::config::{FieldProvenance, diff};
use serde::Serialize;

use super::annotate::{beside, plain};
use super::copied::Copied;
use super::decide::{Answer, Case};
use super::report::Field;

/// What differs between two configurations.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) decides: Copied,
    /// What each is made of.
    pub(crate) left: String,
    pub(crate) right: String,
    pub(crate) differences: Vec<Differing>,
}

/// A field that differs.
#[derive(Debug, Serialize)]
pub(crate) struct Differing {
    pub(crate) field: String,
    pub(crate) left: Option<Field>,
    pub(crate) right: Option<Field>,
    /// The same in words: the value, and where it comes from.
    #[serde(skip)]
    pub(crate) words: (Words, Words),
}

type Words = (String, String);

impl Comparison {
    pub(crate) fn new(left: (&Case<'_>, &Answer), right: (&Case<'_>, &Answer)) -> Self {
        let differences = diff(&left.1.effective.provenance, &right.1.effective.provenance);
        let differing = differences.into_iter().map(|it| Differing {
            left: it.left.map(|field| known(left, &it.field, field)),
            right: it.right.map(|field| known(right, &it.field, field)),
            words: (words(left, &it.field, it.left), words(right, &it.field, it.right)),
            field: it.field,
        });
        Self {
            decides: left.0.args.compat,
            left: left.0.loaded.described(),
            right: right.0.loaded.described(),
            differences: differing.collect(),
        }
    }
}

fn known((case, answer): (&Case<'_>, &Answer), path: &str, field: FieldProvenance<'_>) -> Field {
    Field::new(&case.loaded.names, &answer.effective, path, field)
}

fn words((case, answer): (&Case<'_>, &Answer), path: &str, side: Option<FieldProvenance<'_>>) -> Words {
    let Some(field) = side else { return ("unset".to_owned(), String::new()) };
    let value = field.value().map_or_else(|| "unset".to_owned(), |value| plain(&value));
    (value, beside(&case.loaded.names, &answer.effective, path, field))
}
