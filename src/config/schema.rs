//! The fields that there are: which are unknown, and which they are nearest to.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::kubelet::{Field, FieldKind, KubeletConfiguration, SignedDuration};
use crate::api::Quantity;
use crate::document::{Mapping, Node, Number, Position, Value};

/// The whole.
pub(super) const ROOT: FieldKind = FieldKind::Struct(KubeletConfiguration::FIELDS);

/// Fields of the whole by name: there are too many to look through.
static BY_NAME: LazyLock<BTreeMap<&str, &Field>> =
    LazyLock::new(|| KubeletConfiguration::FIELDS.iter().map(|field| (field.name, field)).collect());

/// The field of a struct that has this name.
pub(super) fn field(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    if fields.len() == KubeletConfiguration::FIELDS.len() {
        return BY_NAME.get(name).copied();
    }
    fields.iter().find(|field| field.name == name)
}

/// The field of a struct that Go's decoder takes a key for: the one of that name, or one that differs in case only.
pub(super) fn field_in_any_case(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    field(fields, name).or_else(|| fields.iter().find(|field| folded(field.name).eq(folded(name))))
}

/// A name as Go compares keys: two letters beyond ASCII count as the ASCII ones that they fold to.
fn folded(name: &str) -> impl Iterator<Item = char> + '_ {
    name.chars().map(|letter| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        letter => letter.to_ascii_lowercase(),
    })
}

/// What may stand under a key. What is not known is a string.
pub(super) fn kind_of(kind: FieldKind, key: &str) -> FieldKind {
    match kind {
        FieldKind::Struct(fields) => field(fields, key).map_or(FieldKind::String, |field| field.kind),
        FieldKind::Map(element) => *element,
        _ => FieldKind::String,
    }
}

/// The path of a key below another path. Keys of maps stand in brackets, as Kubernetes writes them.
pub(super) fn below(path: &str, kind: FieldKind, key: &str) -> String {
    match kind {
        FieldKind::Map(_) => format!("{path}[{key}]"),
        _ if path.is_empty() => key.to_owned(),
        _ => format!("{path}.{key}"),
    }
}

/// What a look through one file finds.
pub(super) enum Finding<'a> {
    /// A key that is none of the fields there.
    Unknown { path: String, position: Position, fields: &'static [Field], key: &'a str },
    /// A field that is newer than Kubernetes 1.32.
    Newer { path: String, position: Position, since: u32 },
    /// A value that does not fit.
    Misfit { path: String, position: Position, message: String },
}

/// Looks through a mapping for what is no field and for what does not fit.
pub(super) fn look<'a>(mapping: &'a Mapping, kind: FieldKind, path: &str, found: &mut Vec<Finding<'a>>) {
    for entry in mapping {
        let (key, position) = (entry.key(), entry.position());
        let here = || below(path, kind, key);
        let kind = match kind {
            FieldKind::Struct(fields) => {
                let Some(field) = field(fields, key) else {
                    found.push(Finding::Unknown { path: here(), position, fields, key });
                    continue;
                };
                if let Some(since) = field.since {
                    found.push(Finding::Newer { path: here(), position, since });
                }
                field.kind
            }
            FieldKind::Map(element) => *element,
            _ => continue,
        };
        look_at(entry.node(), kind, &here, found);
    }
}

fn look_at<'a>(node: &'a Node, kind: FieldKind, here: &dyn Fn() -> String, found: &mut Vec<Finding<'a>>) {
    match (kind, node.value()) {
        (FieldKind::Struct(_) | FieldKind::Map(_), Value::Mapping(mapping)) => {
            look(mapping, kind, &here(), found);
        }
        (FieldKind::List(element), Value::Sequence(items)) => {
            for (n, item) in items.iter().enumerate() {
                look_at(item, *element, &|| format!("{}[{n}]", here()), found);
            }
        }
        _ => {
            if let Some(message) = misfit(kind, node) {
                found.push(Finding::Misfit { path: here(), position: node.position(), message });
            }
        }
    }
}

/// What is wrong with a value, seen from the outside.
pub(super) fn misfit(kind: FieldKind, node: &Node) -> Option<String> {
    let expected = match (kind, node.value()) {
        (_, Value::Null)
        | (FieldKind::Bool, Value::Bool(_))
        | (FieldKind::Float, Value::Number(_))
        | (FieldKind::String, Value::String(_))
        | (FieldKind::Quantity, Value::Number(_))
        | (FieldKind::DurationOrNanoseconds, Value::Number(_)) => return None,
        (FieldKind::Int32, Value::Number(Number::Signed(n))) if i32::try_from(*n).is_ok() => return None,
        (FieldKind::Uint32, Value::Number(Number::Signed(n))) if u32::try_from(*n).is_ok() => return None,
        (FieldKind::Int64, Value::Number(Number::Signed(_))) => return None,
        (FieldKind::Duration | FieldKind::DurationOrNanoseconds, Value::String(text)) => {
            return text.parse::<SignedDuration>().err().map(|error| error.to_string());
        }
        (FieldKind::Quantity, Value::String(text)) => {
            return text.parse::<Quantity>().err().map(|error| error.to_string());
        }
        (FieldKind::Time, Value::String(_)) => return None,
        (FieldKind::Bool, _) => "true or false",
        (FieldKind::Int32, _) => "a whole number of 32 bits",
        (FieldKind::Int64, _) => "a whole number of 64 bits",
        (FieldKind::Uint32, _) => "a whole number of 32 bits, not below 0",
        (FieldKind::Float, _) => "a number",
        (FieldKind::String, _) => "a string",
        (FieldKind::Duration | FieldKind::DurationOrNanoseconds, _) => "a duration such as 1m30s",
        (FieldKind::Quantity, _) => "a quantity such as 1Gi",
        (FieldKind::Time, _) => "an instant such as 2026-01-02T15:04:05Z",
        (FieldKind::List(_), _) => "a list",
        (FieldKind::Map(_) | FieldKind::Struct(_), _) => "a mapping",
    };
    Some(format!("does not fit: expected {expected}"))
}

/// The nearest field to a key that is none of the fields where it stands: a neighbour that is written nearly so, or a
/// field elsewhere that is written exactly so; with its path.
pub(super) fn nearest(fields: &'static [Field], path: &str, key: &str) -> Option<String> {
    let neighbours = fields.iter().map(|field| field.name);
    if let Some(name) = nearest_name(neighbours, key) {
        return Some(path.strip_suffix(key).unwrap_or_default().to_owned() + name);
    }
    let mut elsewhere = None;
    find_exactly(KubeletConfiguration::FIELDS, "", key, &mut elsewhere);
    elsewhere
}

fn find_exactly(fields: &'static [Field], path: &str, key: &str, found: &mut Option<String>) {
    for field in fields {
        let path = if path.is_empty() { field.name.to_owned() } else { format!("{path}.{}", field.name) };
        if field.name == key {
            found.get_or_insert(path);
            return;
        }
        find_exactly(field.kind.fields(), &path, key, found);
    }
}

/// The name that is nearest to what somebody wrote, if one is near: a third of the letters may be others, whatever
/// the case.
pub(super) fn nearest_name<'n>(names: impl Iterator<Item = &'n str>, written: &str) -> Option<&'n str> {
    const LONGEST: usize = 80;
    if written.len() > LONGEST {
        return None;
    }
    let lower = written.to_lowercase();
    let near = names.filter_map(|name| {
        let distance = strsim::osa_distance(&name.to_lowercase(), &lower);
        (distance <= name.len().max(3) / 3).then_some((distance, name))
    });
    near.min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_near() {
        let fields = KubeletConfiguration::FIELDS;
        for (written, meant) in [
            ("maxPod", Some("maxPods")),
            ("MaxPods", Some("maxPods")),
            ("evictionhard", Some("evictionHard")),
            ("systemreserved", Some("systemReserved")),
            ("cacheTTL", Some("authentication.webhook.cacheTTL")),
            ("something", None),
        ] {
            assert_eq!(nearest(fields, written, written).as_deref(), meant, "{written}");
        }
        assert_eq!(nearest_name(["MemoryQoS", "NodeSwap"].into_iter(), "NodeSwop"), Some("NodeSwap"));
    }

    #[test]
    fn letters_fold_as_in_go() {
        let fields = KubeletConfiguration::FIELDS;
        assert_eq!(field_in_any_case(fields, "MAXPODS").map(|field| field.name), Some("maxPods"));
        assert_eq!(field_in_any_case(fields, "maxPod\u{17f}").map(|field| field.name), Some("maxPods"));
        assert!(field_in_any_case(fields, "max-pods").is_none());
    }
}
