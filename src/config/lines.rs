//! A configuration as YAML, line by line, so that something can be said beside each.

use std::fmt;

use super::merge::Effective;
use super::provenance::{Content, FieldProvenance, Slot, Slots};
use super::{FieldKind, schema};
use crate::document::{Mapping, Node, Number, Value};

/// A line of a configuration. Prints as YAML, without a line break.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Line<'a> {
    /// The path of the field that it is about.
    pub field: String,
    /// How deep it lies: fields of the whole at 0, with two spaces for each step.
    pub depth: usize,
    /// The line without what is before it. Of something that was taken away it is a comment.
    pub text: String,
    /// What is known of its value. `None` for the name of a struct or a map, and for the items of a list, which are known
    /// as a whole beside its name.
    pub provenance: Option<FieldProvenance<'a>>,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:width$}{}", "", self.text, width = 2 * self.depth)
    }
}

impl Effective {
    /// The lines of a YAML file that says what this configuration says, in the order of the names, after `apiVersion` and
    /// `kind`. `shows` is asked for each value, and for what a `null` has taken away, by its path.
    ///
    /// With all values the file makes the same configuration again, unless a flag has set something that a file cannot say,
    /// such as a zero that in a file means the default, or the file has a folder, to which a drop-in's relative path would
    /// then be relative.
    ///
    /// ```
    /// use node_lifecycle::config::{Flags, Source, merge};
    ///
    /// let base = Source::base("kubelet.yaml", r#"{"apiVersion": "kubelet.config.k8s.io/v1beta1",
    ///     "kind": "KubeletConfiguration",
    ///     "clusterDNS": ["10.96.0.10"], "evictionHard": {"memory.available": "1Gi", "nodefs.available": "0"}}"#);
    /// let effective = merge(Some(&base), None, &Flags::parse(&["--max-pods=60"]), Default::default())?;
    /// let lines = effective.lines(|_, field| field.origin().is_set());
    /// let text: Vec<_> = lines.iter().map(ToString::to_string).collect();
    /// assert_eq!(text, [
    ///     "apiVersion: kubelet.config.k8s.io/v1beta1",
    ///     "kind: KubeletConfiguration",
    ///     "clusterDNS:",
    ///     "  - 10.96.0.10",
    ///     "evictionHard:",
    ///     "  memory.available: 1Gi",
    ///     r#"  nodefs.available: "0""#,
    ///     "maxPods: 60",
    /// ]);
    /// assert_eq!(lines[7].provenance.unwrap().origin().to_string(), "--max-pods");
    /// # Ok::<(), node_lifecycle::config::ConfigErrors>(())
    /// ```
    pub fn lines(&self, mut shows: impl FnMut(&str, FieldProvenance<'_>) -> bool) -> Vec<Line<'_>> {
        const TYPE: [&str; 2] = ["apiVersion", "kind"];
        let mut writing = Writing { lines: Vec::new(), shows: &mut shows };
        for (key, text) in TYPE.into_iter().zip([&self.config.api_version, &self.config.kind]) {
            let text = format!("{key}: {}", quoted(text));
            let provenance = self.provenance.slots.get(key).map(FieldProvenance);
            writing.lines.push(Line { field: key.to_owned(), depth: 0, text, provenance });
        }
        let rest = self.provenance.slots.iter().filter(|(key, _)| !TYPE.contains(&key.as_str()));
        writing.fields(rest, schema::ROOT, "", 0);
        writing.lines
    }
}

struct Writing<'a, 's> {
    lines: Vec<Line<'a>>,
    shows: &'s mut dyn FnMut(&str, FieldProvenance<'_>) -> bool,
}

impl<'a> Writing<'a, '_> {
    fn fields(
        &mut self,
        slots: impl Iterator<Item = (&'a String, &'a Slot)>,
        kind: FieldKind,
        path: &str,
        depth: usize,
    ) {
        for (key, slot) in slots {
            let field = schema::below(path, kind, key);
            match &slot.content {
                Content::Map(below) if !below.is_empty() => {
                    self.map(below, schema::kind_of(kind, key), &field, key, depth);
                }
                _ if !(self.shows)(&field, FieldProvenance(slot)) => {}
                content => self.value(content, slot, &field, &quoted(key), depth),
            }
        }
    }

    /// The name of a map, if something below it is shown.
    fn map(&mut self, below: &'a Slots, kind: FieldKind, field: &str, key: &str, depth: usize) {
        let begin = self.lines.len();
        let text = format!("{}:", quoted(key));
        self.lines.push(Line { field: field.to_owned(), depth, text, provenance: None });
        self.fields(below.iter(), kind, field, depth + 1);
        let is_there = |line: &Line<'_>| line.provenance.is_none_or(|field| field.value().is_some());
        let shown = self.lines.get(begin + 1..).unwrap_or_default();
        if shown.is_empty() {
            self.lines.truncate(begin);
        } else if !shown.iter().any(is_there)
            && let Some(line) = self.lines.get_mut(begin)
        {
            // What was all taken away leaves an empty map.
            line.text.push_str(" {}");
        }
    }

    fn value(&mut self, content: &'a Content, slot: &'a Slot, field: &str, key: &str, depth: usize) {
        let (text, items) = match content {
            Content::Leaf(node) => match node.value() {
                Value::Sequence(items) if !items.is_empty() => (format!("{key}:"), items.as_slice()),
                _ => (format!("{key}: {}", flow(node)), [].as_slice()),
            },
            Content::Map(_) => (format!("{key}: {{}}"), [].as_slice()),
            Content::Gone => (format!("# {key}: null"), [].as_slice()),
        };
        let provenance = Some(FieldProvenance(slot));
        self.lines.push(Line { field: field.to_owned(), depth, text, provenance });
        self.lines.extend(items.iter().map(|item| Line {
            field: field.to_owned(),
            depth: depth + 1,
            text: format!("- {}", flow(item)),
            provenance: None,
        }));
    }
}

/// A value in one line.
fn flow(node: &Node) -> String {
    match node.value() {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(Number::Signed(number)) => number.to_string(),
        Value::Number(Number::Unsigned(number)) => number.to_string(),
        Value::Number(Number::Float(_)) => node.to_json().to_string(),
        Value::String(text) => quoted(text),
        Value::Sequence(items) => {
            format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Value::Mapping(mapping) => format!("{{{}}}", entries(mapping)),
    }
}

fn entries(mapping: &Mapping) -> String {
    let entries = mapping.iter().map(|entry| format!("{}: {}", quoted(entry.key()), flow(entry.node())));
    entries.collect::<Vec<_>>().join(", ")
}

/// A string, in quotes where any reader might take it for something else.
fn quoted(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' => {
                quoted.push(character);
            }
            // Beyond these YAML has its longer escapes.
            _ => quoted.push_str(&match u32::from(character) {
                code @ ..=0xffff => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            }),
        }
    }
    quoted.push('"');
    quoted
}

/// Words and amounts, which no YAML of any age reads as something else.
fn is_plain(text: &str) -> bool {
    const OTHERS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let fits = |character: char| character.is_ascii_alphanumeric() || "_./%+-".contains(character);
    let without_scheme = text.replacen("://", "/", 1);
    without_scheme.chars().all(fits)
        && match text.chars().next() {
            Some('/') => true,
            Some('a'..='z' | 'A'..='Z') => !OTHERS.contains(&text.to_ascii_lowercase().as_str()),
            Some('0'..='9') => is_address(text) || is_amount(text),
            _ => false,
        }
}

/// Four numbers, and perhaps the size of the network.
fn is_address(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (address, network) = text.split_once('/').unwrap_or((text, "0"));
    address.split('.').count() == 4 && address.split('.').all(is_number) && is_number(network)
}

/// Numbers with units: `10%`, `1.5Gi`, `1h30m`.
fn is_amount(text: &str) -> bool {
    const UNITS: [&str; 19] = [
        "%", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "k", "M", "G", "T", "P", "E", "h", "m", "s", "ms", "us",
        "ns",
    ];
    let mut rest = text;
    while !rest.is_empty() {
        let unit = rest.trim_start_matches(|character: char| character.is_ascii_digit() || character == '.');
        let end = unit.find(|character: char| character.is_ascii_digit()).unwrap_or(unit.len());
        let (name, after) = unit.split_at(end);
        if unit.len() == rest.len() || !UNITS.contains(&name) || (name == "E" && !after.is_empty()) {
            return false;
        }
        rest = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_without_quotes_what_needs_none() {
        for text in [
            "memory.available",
            "10.96.0.10",
            "10.244.0.0/24",
            "100Mi",
            "1.5Gi",
            "10%",
            "1h30m0s",
            "0s",
            "500ms",
            "/etc/kubernetes/manifests",
            "unix:///run/containerd/containerd.sock",
            "kubelet.config.k8s.io/v1beta1",
            "Webhook",
            "iptables-mode",
            "node.kubernetes.io/x",
        ] {
            assert_eq!(quoted(text), text);
        }
        for text in
            ["", "0", "1.5", "yes", "Off", "1e3", "1E3", "0x1f", "0o7", "1_0", "~", "-", "::1", "2026-01-02"]
        {
            assert_eq!(quoted(text), format!("\"{text}\""));
        }
        assert_eq!(quoted("a\u{1}\u{85}\u{2028}\u{10ffff}\n\"é"), r#""a\u0001\u0085\u2028\U0010ffff\n\"é""#);
    }

    #[cfg(feature = "yaml")]
    proptest::proptest! {
        #[test]
        fn any_text_reads_as_itself(text in ".*|[0-9a-zA-Z_.:+%-]{1,8}|[ -~]{0,12}|\\PC*") {
            let line = format!("{}: {}\nlist: [{{{}: {}}}]\n", quoted(&text), quoted(&text), quoted(&text), quoted(&text));
            let documents = crate::document::read_yaml(&line);
            if text == "<<" || text == "list" {
                return Ok(());
            }
            let document = documents.map_err(|error| proptest::test_runner::TestCaseError::fail(error.to_string()))?;
            let root = document[0].root().to_json();
            proptest::prop_assert_eq!(&root[&text], &serde_json::json!(text));
            proptest::prop_assert_eq!(&root["list"][0][&text], &serde_json::json!(text));
        }
    }
}
