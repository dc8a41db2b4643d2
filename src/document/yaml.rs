//! From the events of a YAML parser to trees.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::node::Duplicates;
use super::scalar::{self, Scalar, ScalarTag};
use super::{
    Document, Entry, MAX_ALIASED_BYTES, MAX_ALIASED_NODES, MAX_DEPTH, Mapping, Node, Position, ReadError,
    Value,
};

/// Adds the documents of a text to those that are there, for as long as it can be read.
pub(super) fn read(
    text: &str,
    duplicates: &mut Duplicates,
    documents: &mut Vec<Document>,
) -> Result<(), ReadError> {
    let mut number = 0;
    let anchors = text.contains('&');
    let mut builder = Builder::new(anchors);
    let end = end(text);
    let position = |marker| position(marker).min(end);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| ReadError::Syntax {
            position: position(*error.marker()),
            message: error.info().into(),
        })?;
        let position = position(span.start);
        match event {
            Event::DocumentStart(_) => {
                number += 1;
                builder = Builder::new(anchors);
            }
            Event::DocumentEnd => {
                let finished = std::mem::replace(&mut builder, Builder::new(anchors));
                documents.extend(finished.root.map(|root| Document::new(number, root)));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = Step::Scalar { text, tag: scalar_tag(style, tag.as_deref()) };
                if !builder.is_empty_document(&scalar, anchor, tag.is_some()) {
                    builder.step(scalar, anchor, position, duplicates)?;
                }
            }
            Event::SequenceStart(anchor, _) => {
                builder.step(Step::StartSequence, anchor, position, duplicates)?;
            }
            Event::MappingStart(anchor, _) => {
                builder.step(Step::StartMapping, anchor, position, duplicates)?;
            }
            Event::SequenceEnd | Event::MappingEnd => builder.step(Step::End, 0, position, duplicates)?,
            Event::Alias(anchor) => builder.alias(anchor, position, duplicates)?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd => {}
        }
    }
    Ok(())
}

fn position(marker: Marker) -> Position {
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Position { line: narrow(marker.line()).max(1), column: narrow(marker.col()).saturating_add(1) }
}

fn scalar_tag(style: ScalarStyle, tag: Option<&Tag>) -> ScalarTag {
    match tag {
        Some(tag) if tag.handle.is_empty() && tag.suffix == "!" => ScalarTag::Implicit,
        Some(tag) if tag.is_yaml_core_schema() => ScalarTag::named(&tag.suffix),
        // A verbatim tag, `!<tag:yaml.org,2002:int>`.
        Some(tag) => match tag.suffix.strip_prefix("tag:yaml.org,2002:") {
            Some(name) if tag.handle.is_empty() => ScalarTag::named(name),
            _ => ScalarTag::String,
        },
        None if style == ScalarStyle::Plain => ScalarTag::Implicit,
        None => ScalarTag::String,
    }
}

/// Where a text ends. The parser ends each with a line break of its own and may point behind that.
fn end(text: &str) -> Position {
    let (mut lines, mut line_start) = (1, 0);
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')) {
            lines += 1;
            line_start = at + 1;
        }
    }
    position(Marker::new(text.len(), lines, text.get(line_start..).unwrap_or_default().chars().count()))
}

/// An event inside a document, aliases expanded.
#[derive(Clone)]
enum Step<'a> {
    Scalar { text: Cow<'a, str>, tag: ScalarTag },
    StartSequence,
    StartMapping,
    End,
}

/// Builds one document.
struct Builder<'a> {
    root: Option<Node>,
    frames: Vec<Frame>,
    /// All steps so far, if the text can have anchors at all. An alias takes those of its anchor again.
    log: Option<Vec<(Step<'a>, Position)>>,
    /// Which steps of the log are the value of an anchor.
    anchors: BTreeMap<usize, Range<usize>>,
    nodes_left: usize,
    bytes_left: usize,
}

/// A sequence or mapping that is not finished.
struct Frame {
    position: Position,
    anchor: usize,
    /// Its first step in the log.
    start: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, key: Option<Key>, merge: Option<(Position, Node)> },
}

enum Key {
    Name(String, Position),
    Merge(Position),
}

impl<'a> Builder<'a> {
    fn new(anchors: bool) -> Self {
        Self {
            root: None,
            frames: Vec::new(),
            log: anchors.then(Vec::new),
            anchors: BTreeMap::new(),
            nodes_left: MAX_ALIASED_NODES,
            bytes_left: MAX_ALIASED_BYTES,
        }
    }

    /// The parser makes an empty scalar of a document without content.
    fn is_empty_document(&self, step: &Step<'_>, anchor: usize, tagged: bool) -> bool {
        let empty =
            matches!(step, Step::Scalar { text, tag } if text.is_empty() && *tag == ScalarTag::Implicit);
        empty && self.frames.is_empty() && anchor == 0 && !tagged
    }

    fn alias(
        &mut self,
        anchor: usize,
        position: Position,
        duplicates: &mut Duplicates,
    ) -> Result<(), ReadError> {
        if self.frames.iter().any(|frame| frame.anchor == anchor) {
            return Err(ReadError::AliasInItself { position });
        }
        let steps = self.anchors.get(&anchor).cloned().ok_or(ReadError::UnknownAlias { position })?;
        for at in steps {
            let Some((step, anchored)) = self.log.as_ref().and_then(|log| log.get(at)).cloned() else {
                break;
            };
            let bytes = match &step {
                Step::Scalar { text, .. } => text.len(),
                _ => 0,
            };
            match (self.nodes_left.checked_sub(1), self.bytes_left.checked_sub(bytes)) {
                (Some(nodes), Some(bytes)) => (self.nodes_left, self.bytes_left) = (nodes, bytes),
                _ => return Err(ReadError::TooManyAliases { position }),
            }
            self.step(step, 0, anchored, duplicates)?;
        }
        Ok(())
    }

    fn step(
        &mut self,
        step: Step<'a>,
        anchor: usize,
        position: Position,
        duplicates: &mut Duplicates,
    ) -> Result<(), ReadError> {
        let start = self.log.as_ref().map_or(0, Vec::len);
        if let Some(log) = &mut self.log {
            log.push((step.clone(), position));
        }
        let content = match step {
            Step::Scalar { text, tag } => {
                if anchor > 0 {
                    self.anchors.insert(anchor, start..start + 1);
                }
                return self.scalar(&text, tag, position, duplicates);
            }
            Step::StartSequence => Content::Sequence(Vec::new()),
            Step::StartMapping => Content::Mapping { entries: Vec::new(), key: None, merge: None },
            Step::End => return self.end(duplicates),
        };
        if self.awaits_key() {
            let found = match content {
                Content::Sequence(_) => "a sequence",
                Content::Mapping { .. } => "a mapping",
            };
            return Err(ReadError::Key { position, found });
        }
        if self.frames.len() >= MAX_DEPTH {
            return Err(ReadError::TooDeep { position });
        }
        self.frames.push(Frame { position, anchor, start, content });
        Ok(())
    }

    fn awaits_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { content: Content::Mapping { key: None, .. }, .. }))
    }

    fn scalar(
        &mut self,
        text: &str,
        tag: ScalarTag,
        position: Position,
        duplicates: &mut Duplicates,
    ) -> Result<(), ReadError> {
        let scalar = match (tag, scalar::resolve(tag, text)) {
            (ScalarTag::Binary, _) => return Err(ReadError::Binary { position }),
            (_, Some(scalar)) => scalar,
            (_, None) => {
                return Err(ReadError::Tag {
                    position,
                    tag: tag.name(),
                    text: text.chars().take(40).collect(),
                });
            }
        };
        if let Some(Frame { content: Content::Mapping { key: key @ None, .. }, .. }) = self.frames.last_mut()
        {
            *key = Some(if text == "<<" && tag == ScalarTag::Implicit {
                Key::Merge(position)
            } else {
                let name = scalar.into_key().ok_or(ReadError::Key { position, found: "null" })?;
                Key::Name(name, position)
            });
            return Ok(());
        }
        let value =
            Scalar::into_value(scalar).ok_or_else(|| ReadError::NotFinite { position, text: text.into() });
        self.place(Node::new(value?, position), duplicates)
    }

    fn end(&mut self, duplicates: &mut Duplicates) -> Result<(), ReadError> {
        let Some(Frame { position, anchor, start, content }) = self.frames.pop() else { return Ok(()) };
        if let (Some(log), 1..) = (&self.log, anchor) {
            self.anchors.insert(anchor, start..log.len());
        }
        let value = match content {
            Content::Sequence(nodes) => Value::Sequence(nodes),
            Content::Mapping { entries, merge, .. } => {
                let mut mapping = Mapping::new(entries, duplicates)?;
                if let Some((_, merged)) = merge {
                    merge_into(&mut mapping, merged)?;
                }
                Value::Mapping(mapping)
            }
        };
        self.place(Node::new(value, position), duplicates)
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, node: Node, duplicates: &mut Duplicates) -> Result<(), ReadError> {
        match self.frames.last_mut().map(|frame| &mut frame.content) {
            None => self.root = Some(node),
            Some(Content::Sequence(nodes)) => nodes.push(node),
            Some(Content::Mapping { entries, key, merge }) => match (key.take(), &merge) {
                (Some(Key::Name(name, position)), _) => entries.push(Entry::new(name, position, node)),
                (Some(Key::Merge(position)), None) => *merge = Some((position, node)),
                (Some(Key::Merge(position)), Some((first, _))) => {
                    duplicates.add(ReadError::DuplicateKey { key: "<<".into(), position, first: *first })?;
                    *merge = Some((position, node));
                }
                (None, _) => {}
            },
        }
        Ok(())
    }
}

/// Of several mappings the earlier ones win, and all of them lose against what is there.
fn merge_into(mapping: &mut Mapping, merged: Node) -> Result<(), ReadError> {
    let position = merged.position();
    let nodes = match merged.into_value() {
        Value::Sequence(nodes) => nodes,
        value => vec![Node::new(value, position)],
    };
    let others = nodes.into_iter().map(|node| {
        let position = node.position();
        match node.into_value() {
            Value::Mapping(other) => Ok(other),
            _ => Err(ReadError::Merge { position }),
        }
    });
    mapping.merge(others.collect::<Result<Vec<_>, _>>()?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::read_yaml as read;
    use super::*;

    fn one(text: &str) -> serde_json::Value {
        let documents = read(text).unwrap_or_else(|error| panic!("{error} in {text}"));
        assert_eq!(documents.len(), 1, "{text}");
        documents[0].root().to_json()
    }

    fn error(text: &str) -> String {
        read(text).expect_err(text).to_string()
    }

    #[test]
    fn a_manifest() {
        let text = "# a pod\r\napiVersion: v1\r\nspec:\r\n  containers:\r\n  - name: web\r\n    args: [\"a\", 'b', c]\r\n    \
                    command:\r\n    - |\r\n      one\r\n      two\r\n";
        assert_eq!(
            one(text),
            json!({"apiVersion": "v1", "spec": {"containers": [
                {"name": "web", "args": ["a", "b", "c"], "command": ["one\ntwo\n"]}
            ]}})
        );
        let documents = read(text).unwrap();
        let containers = documents[0].get("spec").unwrap().get("containers").unwrap();
        let container = &containers.as_sequence().unwrap()[0];
        assert_eq!(container.position(), Position { line: 5, column: 5 });
        let entry = container.as_mapping().unwrap().entry("args").unwrap();
        assert_eq!(entry.position(), Position { line: 6, column: 5 });
        assert_eq!(entry.node().as_sequence().unwrap()[1].position(), Position { line: 6, column: 17 });
    }

    #[test]
    fn documents_are_counted_and_empty_ones_left_out() {
        let read = |text| {
            let documents = read(text).unwrap();
            documents.iter().map(|d| (d.number(), d.root().to_json())).collect::<Vec<_>>()
        };
        assert_eq!(read(""), []);
        assert_eq!(read("# nothing\n"), []);
        assert_eq!(
            read("---\n---\na: 1\n---\n# nothing\n---\nb\n..."),
            [(2, json!({"a": 1})), (4, json!("b"))]
        );
        assert_eq!(read("# text\n---\na: 1"), [(1, json!({"a": 1}))]);
        assert_eq!(read("\u{feff}---\nnull\n"), [(1, json!(null))]);
        assert_eq!(read("--- ''\n"), [(1, json!(""))]);
    }

    #[test]
    fn scalars_in_place() {
        assert_eq!(
            one("a: yes\nb: 'yes'\nc: 0644\nd: 1.0\ne:\nf: 2024-01-01\ng: \"5\"\nh: >-\n  5\n"),
            json!({"a": true, "b": "yes", "c": 420, "d": 1, "e": null, "f": "2024-01-01", "g": "5", "h": "5"})
        );
        assert_eq!(
            one("{8080: web, on: 1, 1.5: x, '': z}"),
            json!({"8080": "web", "true": 1, "1.5": "x", "": "z"})
        );
        assert_eq!(
            one(
                "[!!str 5, !!int '5', !!float 5, ! 5, ! '5', !own 5, !!set {a}, !<tag:yaml.org,2002:int> '7']"
            ),
            json!(["5", 5, 5, 5, 5, "5", {"a": null}, 7])
        );
    }

    #[test]
    fn anchors_and_merges() {
        assert_eq!(
            one("a: &a {x: 1, w: 2}\nb: *a\nc:\n  w: 3\n  <<: *a\nd:\n  <<: [*a, {x: 9, z: 9}]\n"),
            json!({"a": {"x": 1, "w": 2}, "b": {"x": 1, "w": 2}, "c": {"w": 3, "x": 1},
                   "d": {"x": 1, "w": 2, "z": 9}})
        );
        assert_eq!(one("&k key: &v [1]\nw: *v\nx: *k"), json!({"key": [1], "w": [1], "x": "key"}));
        assert_eq!(one("a: &k key\n*k : 2"), json!({"a": "key", "key": 2}));
        assert_eq!(one("a: &a 1\nb: &a 2\nc: *a"), json!({"a": 1, "b": 2, "c": 2}));
        assert_eq!(one("- &a [&b {c: d}]\n- *b\n- *a\n"), json!([[{"c": "d"}], {"c": "d"}, [{"c": "d"}]]));
        assert_eq!(one("'<<': 1"), json!({"<<": 1}));
        let documents = read("a: &a\n  x: 1\nb: *a").unwrap();
        assert_eq!(
            documents[0].get("b").unwrap().get("x").unwrap().position(),
            Position { line: 2, column: 6 }
        );
    }

    #[test]
    fn what_is_refused() {
        for (text, expected) in [
            ("a: 1\nb: 2\na: 3", "3:1: the key \"a\" is already set at 1:1; keep one of the two"),
            ("{1: a, '1': b}", "1:8: the key \"1\" is already set at 1:2; keep one of the two"),
            ("<<: {}\n<<: {}", "2:1: the key \"<<\" is already set at 1:1; keep one of the two"),
            ("<<: 1", "1:5: `<<` takes a mapping or a sequence of mappings"),
            ("<<: [{}, []]", "1:10: `<<` takes a mapping or a sequence of mappings"),
            ("a: &a [*a]", "1:8: this alias stands inside of the value that it refers to"),
            ("--- &a 1\n--- *a", "2:5: this alias has no anchor before it in the same document"),
            ("~: 1", "1:1: null cannot be a key; use a string"),
            ("? [a]\n: 1", "1:3: a sequence cannot be a key; use a string"),
            ("{{a: b}: 1}", "1:2: a mapping cannot be a key; use a string"),
            ("a: .inf", "1:4: .inf is not a finite number; quote it if it is a string"),
            ("a: !!int x", "1:4: \"x\" is no !!int"),
            ("a: !!binary aGk=", "1:4: !!binary is not supported; write the base64 text as a string"),
        ] {
            assert_eq!(error(text), expected, "{text}");
        }
        assert!(error("a: b: c").starts_with("1:5: "));
        assert!(error("a: *none").starts_with("1:4: "));
    }

    #[test]
    fn hostile_texts_are_bounded() {
        let deep = format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert!(read(&deep).is_ok());
        for text in ["[".repeat(1 << 16), "- ".repeat(1 << 16), "{a: ".repeat(1 << 16), "? ".repeat(1 << 12)]
        {
            assert!(read(&text).is_err());
        }
        let mut laughs = "- &a0 [lol, lol]\n".to_owned();
        for level in 1..40 {
            laughs += &format!("- &a{level} [*a{0}, *a{0}]\n", level - 1);
        }
        assert!(matches!(read(&laughs), Err(ReadError::TooManyAliases { .. })));
        let long = format!("- &a {}\n{}", "x".repeat(1 << 20), "- *a\n".repeat(5));
        assert!(matches!(read(&long), Err(ReadError::TooManyAliases { .. })));
        let mut chain = "- &a0 []\n".to_owned();
        for level in 1..200 {
            chain += &format!("- &a{level} [*a{}]\n", level - 1);
        }
        assert!(matches!(read(&chain), Err(ReadError::TooDeep { .. })));
    }
}
