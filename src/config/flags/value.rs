//! The values of flags: from text to what would stand in a file.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::table::FlagKind;
use crate::api::Quantity;
use crate::config::SignedDuration;
use crate::document::{Node, Number, Position, Value};

type Read = Result<Value, String>;

/// Reads a value. What the same flag said earlier on the line is there to be added to.
pub(super) fn read(kind: FlagKind, text: &str, earlier: Option<&Value>) -> Read {
    match kind {
        FlagKind::Bool => boolean(text).map(Value::Bool),
        FlagKind::Int32 => integer(text, "ParseInt", i32::MIN.into(), i32::MAX.into()),
        FlagKind::Int64 => integer(text, "ParseInt", i64::MIN.into(), i64::MAX.into()),
        FlagKind::Uint32 => integer(text, "ParseUint", 0, u32::MAX.into()),
        FlagKind::String => Ok(Value::String(text.to_owned())),
        FlagKind::Ip => match text.parse::<IpAddr>() {
            Err(_) if !text.is_empty() => Err(format!("{text:?} is not a valid IP address")),
            _ => Ok(Value::String(text.to_owned())),
        },
        FlagKind::Quantity => {
            text.parse::<Quantity>().map(|_| Value::String(text.to_owned())).map_err(|e| e.to_string())
        }
        FlagKind::Duration => match text.parse::<SignedDuration>() {
            Ok(duration) => Ok(Value::String(duration.to_string())),
            Err(error) => Err(error.to_string()),
        },
        FlagKind::List => {
            let new = if text.is_empty() { Vec::new() } else { comma_separated(text)? };
            let new = new.into_iter().map(|item| Node::of(Value::String(item)));
            Ok(appended(earlier, new))
        }
        FlagKind::Map(separator) => {
            pairs(text, separator, "string", earlier, |value| Ok(Value::String(value.to_owned())))
        }
        FlagKind::MapWhole => {
            let (key, value) = text.split_once('=').ok_or("malformed pair, expect string=string")?;
            let new = (key.trim().to_owned(), Node::of(Value::String(value.trim().to_owned())));
            Ok(with_entries(earlier, [new]))
        }
        FlagKind::Gates => pairs(text, '=', "bool", earlier, |value| boolean(value).map(Value::Bool)),
        FlagKind::Headers => headers(text, earlier),
        FlagKind::Taints => taints(text),
        FlagKind::ReservedMemory => reserved_memory(text, earlier),
        FlagKind::VModule => vmodule(text),
    }
}

/// As Go's `strconv.ParseBool`.
fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

/// As Go's `strconv.ParseInt` with base 0: `0x`, `0b`, `0o` and a leading zero, and `_` between digits after one of them.
fn integer(text: &str, function: &str, least: i128, most: i128) -> Read {
    let wrong = |what: &str| format!("strconv.{function}: parsing {text:?}: {what}");
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let has_prefix = radix != 10;
    let misplaced = digits.ends_with('_') || digits.contains("__") || (digits.contains('_') && !has_prefix);
    let digits: String = digits.chars().filter(|digit| *digit != '_').collect();
    if misplaced || digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(wrong("invalid syntax"));
    }
    let number = i128::from_str_radix(&digits, radix).map_err(|_| wrong("value out of range"))?;
    let number = if negative { -number } else { number };
    if number < least || number > most || (negative && least == 0) {
        return Err(wrong("value out of range"));
    }
    i64::try_from(number)
        .map(|number| Value::Number(Number::Signed(number)))
        .map_err(|e| wrong(&e.to_string()))
}

/// A line of comma-separated values, as Go's `encoding/csv` reads it: an item in `"…"` may have commas, `""` is `"`.
fn comma_separated(text: &str) -> Result<Vec<String>, String> {
    let (mut items, mut rest) = (Vec::new(), text);
    loop {
        let Some(quoted) = rest.strip_prefix('"') else {
            let (item, after) =
                rest.split_once(',').map_or((rest, None), |(item, after)| (item, Some(after)));
            if item.contains('"') {
                return Err("bare \" in non-quoted-field".to_owned());
            }
            items.push(item.to_owned());
            match after {
                Some(after) => rest = after,
                None => return Ok(items),
            }
            continue;
        };
        let (mut item, mut left) = (String::new(), quoted);
        rest = loop {
            let Some((before, after)) = left.split_once('"') else {
                return Err("extraneous or missing \" in quoted-field".to_owned());
            };
            item.push_str(before);
            match after.strip_prefix('"') {
                Some(after) => {
                    item.push('"');
                    left = after;
                }
                None => break after,
            }
        };
        items.push(item);
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.is_empty() => return Ok(items),
            None => return Err("extraneous or missing \" in quoted-field".to_owned()),
        }
    }
}

fn pairs(
    text: &str,
    separator: char,
    kind: &str,
    earlier: Option<&Value>,
    value: impl Fn(&str) -> Read,
) -> Read {
    let mut new = Vec::new();
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let (key, text) = pair
            .split_once(separator)
            .ok_or_else(|| format!("malformed pair, expect string{separator}{kind}"))?;
        let (key, text) = (key.trim(), text.trim());
        let read = value(text).map_err(|error| format!("invalid value of {key}: {text}, err: {error}"))?;
        new.push((key.to_owned(), Node::of(read)));
    }
    Ok(with_entries(earlier, new))
}

fn headers(text: &str, earlier: Option<&Value>) -> Read {
    let mut lists: BTreeMap<&str, Vec<Node>> = BTreeMap::new();
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(':').ok_or("malformed pair, expect string:string")?;
        lists.entry(key.trim()).or_default().push(Node::of(Value::String(value.trim().to_owned())));
    }
    let known = |key: &str| match earlier {
        Some(Value::Mapping(earlier)) => earlier.get(key),
        _ => None,
    };
    let new = lists.into_iter().map(|(key, items)| {
        let list = appended(known(key).map(Node::value), items);
        (key.to_owned(), Node::of(list))
    });
    Ok(with_entries(earlier, new))
}

/// `key=value:effect,…`
fn taints(text: &str) -> Read {
    let mut items = Vec::new();
    for taint in text.split(',').filter(|_| !text.is_empty()) {
        let wrong = |why: &str| format!("invalid taint spec: {taint}, {why}");
        let (name, effect) = taint.split_once(':').ok_or_else(|| wrong("an effect is expected"))?;
        if !matches!(effect, "NoSchedule" | "PreferNoSchedule" | "NoExecute") {
            return Err(format!("invalid taint effect: {effect}, unsupported taint effect"));
        }
        let (key, value) = name.split_once('=').map_or((name, None), |(key, value)| (key, Some(value)));
        if key.is_empty() {
            return Err(wrong("a key is expected"));
        }
        let fields = [("key", Some(key)), ("value", value), ("effect", Some(effect))];
        let fields = fields.into_iter().filter_map(|(name, text)| Some((name, text?)));
        let fields = fields.map(|(name, text)| (name.to_owned(), Node::of(Value::String(text.to_owned()))));
        items.push(Node::of(with_entries(None, fields)));
    }
    Ok(Value::Sequence(items))
}

/// `node:type=quantity,…/…`
fn reserved_memory(text: &str, earlier: Option<&Value>) -> Read {
    if text.is_empty() {
        return Ok(Value::Sequence(Vec::new()));
    }
    let mut items = Vec::new();
    for reservation in text.split(';') {
        let form = || {
            format!(
                "the reserved memory has incorrect format, expected numaNodeID:type=quantity[,type=quantity...], got \
                 {reservation}"
            )
        };
        let (node, limits) =
            reservation.split_once(':').filter(|(_, rest)| !rest.contains(':')).ok_or_else(form)?;
        let node: i32 =
            node.parse().map_err(|error| format!("failed to convert the NUMA node ID, error: {error}"))?;
        let mut read = Vec::new();
        for limit in limits.split(',') {
            let (kind, amount) = limit.split_once('=').ok_or_else(form)?;
            if kind != "memory" && !kind.starts_with("hugepages-") {
                return Err(format!("memory type conversion error, unknown type: {kind:?}"));
            }
            amount.parse::<Quantity>().map_err(|error| error.to_string())?;
            read.push((kind.to_owned(), Node::of(Value::String(amount.to_owned()))));
        }
        items.push(Node::of(with_entries(
            None,
            [
                ("numaNode".to_owned(), Node::of(Value::Number(Number::Signed(node.into())))),
                ("limits".to_owned(), Node::of(with_entries(None, read))),
            ],
        )));
    }
    Ok(appended(earlier, items))
}

/// `pattern=N,…`
fn vmodule(text: &str) -> Read {
    let mut items = Vec::new();
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let form = || format!("{pair:?} does not have the pattern=N format");
        let (pattern, verbosity) =
            pair.split_once('=').filter(|(pattern, _)| !pattern.is_empty()).ok_or_else(form)?;
        let verbosity = integer(verbosity, "ParseUint", 0, i32::MAX.into())
            .map_err(|error| format!("parsing verbosity in {pair:?}: {error}"))?;
        items.push(Node::of(with_entries(
            None,
            [
                ("filePattern".to_owned(), Node::of(Value::String(pattern.to_owned()))),
                ("verbosity".to_owned(), Node::of(verbosity)),
            ],
        )));
    }
    Ok(Value::Sequence(items))
}

fn appended(earlier: Option<&Value>, new: impl IntoIterator<Item = Node>) -> Value {
    let mut items = match earlier {
        Some(Value::Sequence(items)) => items.clone(),
        _ => Vec::new(),
    };
    items.extend(new);
    Value::Sequence(items)
}

/// The mapping with new entries, which replace those of the same key.
fn with_entries(earlier: Option<&Value>, new: impl IntoIterator<Item = (String, Node)>) -> Value {
    let mut entries: Vec<(String, Node)> = match earlier {
        Some(Value::Mapping(earlier)) => {
            earlier.iter().map(|entry| (entry.key().to_owned(), entry.node().clone())).collect()
        }
        _ => Vec::new(),
    };
    let mut places: BTreeMap<String, usize> =
        entries.iter().enumerate().map(|(place, (key, _))| (key.clone(), place)).collect();
    for (key, node) in new {
        match places.get(&key).and_then(|place| entries.get_mut(*place)) {
            Some(entry) => entry.1 = node,
            None => {
                places.insert(key.clone(), entries.len());
                entries.push((key, node));
            }
        }
    }
    Node::mapping(entries.into_iter().map(|(key, node)| (key, Position::default(), node))).into_value()
}
