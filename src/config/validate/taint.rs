//! The taints that a node registers with.

use super::error::{At, Findings};
use crate::api::is_dns_subdomain;
use crate::config::Taint;
use crate::machine::Timestamp;

const FIELD: &str = "registerWithTaints";

pub(super) fn check(taints: &[Taint], found: &mut Findings) {
    for (index, taint) in taints.iter().enumerate() {
        if !is_valid(taint) {
            let Taint { key, value, effect, time_added } = taint;
            let time = Time(*time_added);
            found.add(At(FIELD, index, ""), format_args!("invalid taint: {{{key} {value} {effect} {time}}}"));
        }
        if taint.time_added.is_some() {
            found.add(At(FIELD, index, "timeAdded"), "invalid configuration: taint.TimeAdded is not nil");
        }
    }
}

fn is_valid(taint: &Taint) -> bool {
    is_qualified_name(&taint.key)
        && (taint.value.is_empty() || is_name(&taint.value))
        && matches!(&*taint.effect, "" | "NoSchedule" | "PreferNoSchedule" | "NoExecute")
}

/// A name such as those of labels: `key`, `example.com/key`.
fn is_qualified_name(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_dns_subdomain(prefix) && is_name(name),
        None => is_name(text),
    }
}

/// 1 to 63 letters, digits, `-`, `_` and `.`, a letter or a digit first and last.
fn is_name(text: &str) -> bool {
    let is_end = |character: char| character.is_ascii_alphanumeric();
    text.len() <= 63
        && text.starts_with(is_end)
        && text.ends_with(is_end)
        && text.chars().all(|character| is_end(character) || matches!(character, '-' | '_' | '.'))
}

/// As Go prints it.
struct Time(Option<Timestamp>);

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(time) = self.0 else { return f.write_str("<nil>") };
        let text = time.to_string();
        match text.strip_suffix('Z').and_then(|text| text.split_once('T')) {
            Some((date, time)) => write!(f, "{date} {time} +0000 UTC"),
            None => f.write_str(&text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_those_of_labels() {
        for right in ["a", "A-b_c.9", "example.com/a", &"a".repeat(63)] {
            assert!(is_qualified_name(right), "{right}");
        }
        for wrong in
            ["", "-", "a-", "a b", "a/b/c", "/a", "a/", "Example.com/a", "ä", "a..b/", &"a".repeat(64)]
        {
            assert!(!is_qualified_name(wrong), "{wrong}");
        }
    }
}
