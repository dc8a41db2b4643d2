//! What differs between two configurations, and who is to blame.

use std::fmt;

use serde_json::Value;

use super::provenance::{Content, FieldProvenance, Provenance, Slot, Slots};
use super::{FieldKind, schema};
use crate::document::Node;

/// A field that is not the same in two configurations.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Difference<'a> {
    /// Its path.
    pub field: String,
    /// What is known of it in the first one, if it has it.
    pub left: Option<FieldProvenance<'a>>,
    /// What is known of it in the second one, if it has it.
    pub right: Option<FieldProvenance<'a>>,
}

/// Every field that differs, by path, in the order of the names. Where a value comes from makes no difference.
///
/// ```
/// use node_lifecycle::config::{Flags, diff, merge};
///
/// let with = |flags: &[&str]| merge(None, None, &Flags::parse(flags), Default::default());
/// let (one, two) = (with(&["--max-pods=60"])?, with(&["--eviction-hard=memory.available<1Gi"])?);
/// let differences: Vec<_> = diff(&one.provenance, &two.provenance).iter().map(ToString::to_string).collect();
/// assert_eq!(differences, [
///     r#"evictionHard[memory.available]: unset | "1Gi" (--eviction-hard)"#,
///     "maxPods: 60 (--max-pods) | 110 (default)",
/// ]);
/// # Ok::<(), node_lifecycle::config::ConfigErrors>(())
/// ```
pub fn diff<'a>(left: &'a Provenance, right: &'a Provenance) -> Vec<Difference<'a>> {
    let mut differences = Vec::new();
    compare(Some(&left.slots), Some(&right.slots), schema::ROOT, "", &mut differences);
    differences
}

fn compare<'a>(
    left: Option<&'a Slots>,
    right: Option<&'a Slots>,
    kind: FieldKind,
    path: &str,
    differences: &mut Vec<Difference<'a>>,
) {
    let mut keys: Vec<&String> = left.into_iter().chain(right).flat_map(Slots::keys).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let get = |slots: Option<&'a Slots>| slots?.get(key).filter(|slot| !slot.is_gone());
        let (left, right) = (get(left), get(right));
        let here = || schema::below(path, kind, key);
        if left.is_none_or(is_map) && right.is_none_or(is_map) {
            let (left, right) = (left.and_then(Slot::map), right.and_then(Slot::map));
            compare(left, right, schema::kind_of(kind, key), &here(), differences);
        } else if value(left) != value(right) {
            differences.push(Difference {
                field: here(),
                left: left.map(FieldProvenance),
                right: right.map(FieldProvenance),
            });
        }
    }
}

fn is_map(slot: &Slot) -> bool {
    matches!(slot.content, Content::Map(_))
}

fn value(slot: Option<&Slot>) -> Option<Value> {
    slot.and_then(Slot::to_node).as_ref().map(Node::to_json)
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |side: &Option<FieldProvenance<'_>>| match side.and_then(|it| it.value().zip(Some(it))) {
            Some((value, field)) => format!("{value} ({})", field.origin()),
            None => "unset".to_owned(),
        };
        write!(f, "{}: {} | {}", self.field, side(&self.left), side(&self.right))
    }
}
