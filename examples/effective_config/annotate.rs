//! What a person would write beside a value.

use node_lifecycle::config::{Effective, FieldProvenance, Origin, Setting};
use serde_json::Value;

use super::names::Names;
use super::words::shortened;

/// How many characters of a value are shown that does not count any more.
const WIDTH: usize = 48;
/// How many of them are shown.
const SHOWN: usize = 3;

/// `20-team.conf:7, was 110 in kubelet.yaml:12`.
pub(crate) fn beside(names: &Names, effective: &Effective, path: &str, field: FieldProvenance<'_>) -> String {
    let origin = field.origin();
    let from = source(names, effective, path, origin);
    let overrode = field.overrode();
    if !origin.is_set() {
        return match overrode.iter().rev().find(|was| was.origin().is_set()) {
            Some(was) => format!("{from}, as {} means unset", setting(names, effective, path, was)),
            None => from,
        };
    }
    let mut text = if field.value().is_none() { format!("taken away by {from}") } else { from };
    for (n, was) in overrode.iter().rev().take(SHOWN).enumerate() {
        let joint = if n == 0 { ", was" } else { ", before" };
        text.push_str(&format!("{joint} {}", setting(names, effective, path, was)));
    }
    if overrode.len() > SHOWN {
        text.push_str(", …");
    }
    text
}

/// Where a value comes from.
pub(crate) fn source(names: &Names, effective: &Effective, path: &str, origin: &Origin) -> String {
    match origin {
        Origin::Default => "default".to_owned(),
        Origin::Derived => match effective.follows_from(path) {
            Some(from) => format!("derived from {from}"),
            None => "derived".to_owned(),
        },
        Origin::File(place) => names.line(place),
        Origin::Flag(flag) => (*flag).to_owned(),
    }
}

/// `110 in kubelet.yaml:12`.
fn setting(names: &Names, effective: &Effective, path: &str, was: &Setting) -> String {
    let value = was.value().map_or_else(|| "null".to_owned(), |value| plain(&value));
    let value = shortened(&value, WIDTH);
    match was.origin() {
        Origin::Default => format!("{value} by default"),
        Origin::Flag(flag) => format!("{value} by {flag}"),
        origin => format!("{value} in {}", source(names, effective, path, origin)),
    }
}

/// A value without the quotes of a text.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", "))
        }
        value => value.to_string(),
    }
}
