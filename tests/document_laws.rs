//! What holds of the document reader whatever the text.

use std::collections::BTreeMap;

use node_lifecycle::document::{self, Document, Node, Position, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// Any text, and texts made of what the grammars care about.
fn text() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        4 => prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", ": ", "- ", "? ", "\n", "\n  ", "\n    ", "\r\n", "\t", " ", "\"", "'", "|", "|2-\n",
            ">", ">+\n", "&a ", "*a", "&b ", "*b ", "<<", "<<: ", "!!int ", "!!str", "!", "!x ", "---\n", "...\n", "#", "# c\n",
            "%YAML 1.1\n", "%TAG ! x\n", "\\", "\\ud83d", "\\x", "\\u00", "\u{feff}", "\0", "\u{85}", "\u{2028}", "~", "null",
            "yes", "0x", "017", "1e3", "-", ".inf", "1_0", "@", "`", "é", "\u{1f600}",
        ])
        .prop_map(str::to_owned),
        1 => "[a-z0-9]{1,3}",
        1 => any::<char>().prop_map(String::from),
    ];
    prop_oneof![
        vec(any::<char>(), 0..40).prop_map(String::from_iter),
        vec(token, 0..60).prop_map(|t| t.concat())
    ]
}

fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9_./~-]{0,12}",
        vec(any::<char>(), 0..8).prop_map(String::from_iter),
        prop::sample::select(vec![
            "yes", "null", "017", "<<", "1e3", "- a", "a: b", "#", "a\nb", "\t", "&a", "*a", "!x"
        ])
        .prop_map(str::to_owned),
    ]
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        (-1000i16..1000).prop_map(|n| (f64::from(n) / 8.0).into()),
        string().prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Into::into),
            vec((string(), inner), 0..6)
                .prop_map(|entries| entries.into_iter().collect::<serde_json::Value>()),
        ]
    })
}

fn assert_within(text: &str, documents: &[Document]) {
    fn check(lines: &[usize], position: Position) {
        let (line, column) = (position.line as usize, position.column as usize);
        assert!(line >= 1 && line <= lines.len(), "{position} in {lines:?}");
        assert!(column >= 1 && column <= lines[line - 1] + 1, "{position} in {lines:?}");
    }
    fn walk(lines: &[usize], node: &Node) {
        check(lines, node.position());
        match node.value() {
            Value::Sequence(nodes) => nodes.iter().for_each(|node| walk(lines, node)),
            Value::Mapping(mapping) => mapping.iter().for_each(|entry| {
                check(lines, entry.position());
                walk(lines, entry.node());
            }),
            _ => {}
        }
    }
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<usize> = lines.split('\n').map(|line| line.chars().count() + 1).collect();
    documents.iter().for_each(|document| walk(&lines, document.root()));
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Thing {
    some_number: i64,
    small: Option<u8>,
    ratio: f64,
    words: Vec<String>,
    by_name: BTreeMap<String, Inner>,
    #[serde(flatten)]
    more: BTreeMap<String, serde_json::Value>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
#[serde(untagged)]
enum Inner {
    Truth(bool),
    Number(i32),
    Text(String),
    Pair { left: String, right: Box<Option<bool>> },
}

fn thing() -> impl Strategy<Value = serde_json::Value> {
    // Mostly what a Thing wants, sometimes not.
    let field = |right: BoxedStrategy<serde_json::Value>| prop_oneof![19 => right, 1 => json()];
    let inner = prop_oneof![
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        string().prop_map(Into::into),
        (string(), any::<Option<bool>>()).prop_map(|(l, r)| serde_json::json!({"left": l, "right": r})),
    ];
    (
        field(any::<i64>().prop_map(Into::into).boxed()),
        field(any::<Option<u8>>().prop_map(Into::into).boxed()),
        field(any::<f64>().prop_map(Into::into).boxed()),
        field(vec(string(), 0..3).prop_map(Into::into).boxed()),
        field(vec((string(), inner), 0..3).prop_map(|e| e.into_iter().collect()).boxed()),
        json(),
    )
        .prop_map(|(number, small, ratio, words, by_name, more)| {
            serde_json::json!({
                "someNumber": number, "small": small, "ratio": ratio, "words": words, "byName": by_name, "more": more,
            })
        })
}

proptest! {
    /// Strictly read is leniently read, where nothing is wrong.
    #[test]
    fn lenient_is_strict_where_nothing_is_wrong(text in text()) {
        let lenient = document::read_leniently(&text);
        prop_assert!(lenient.duplicates.len() <= document::MAX_LISTED_DUPLICATES);
        match document::read(&text) {
            Ok(documents) => {
                prop_assert_eq!(lenient.documents, documents);
                prop_assert!(lenient.duplicates.is_empty() && lenient.error.is_none());
            }
            Err(_) => prop_assert!(!lenient.duplicates.is_empty() || lenient.error.is_some()),
        }
    }

    #[test]
    fn no_text_panics(text in text()) {
        for read in [document::read(&text), document::read_json(&text)] {
            match read {
                Ok(documents) => assert_within(&text, &documents),
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }

    #[test]
    fn json_reads_back(value in json()) {
        for text in [value.to_string(), format!("{value:#}")] {
            for documents in [document::read_json(&text).unwrap(), document::read(&text).unwrap()] {
                prop_assert_eq!(documents.len(), 1);
                if text.starts_with(['{', '[']) || cfg!(not(feature = "yaml")) {
                    prop_assert_eq!(documents[0].root().to_json(), value.clone());
                }
                assert_within(&text, &documents);
            }
        }
    }

    #[test]
    fn decoding_agrees_with_serde_json(value in thing()) {
        let here = document::read_json(&value.to_string()).unwrap()[0].decode::<Thing>();
        let there = serde_json::from_value::<Thing>(value);
        match (here, there) {
            (Ok(here), Ok(there)) => prop_assert_eq!(here, there),
            (Err(_), Err(_)) => {}
            (here, there) => prop_assert!(false, "{here:?} against {there:?}"),
        }
    }
}

#[cfg(feature = "yaml")]
mod yaml {
    use super::*;

    /// Kubernetes' reader makes integers of floats without a fraction.
    fn integral(value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value::{Array, Number, Object};
        match value {
            Number(number) if number.is_f64() => {
                let digits = number.as_f64().unwrap_or_default().to_string();
                match (digits.parse::<i64>(), digits.parse::<u64>()) {
                    (Ok(integer), _) => integer.into(),
                    (_, Ok(integer)) => integer.into(),
                    _ => Number(number),
                }
            }
            Array(values) => values.into_iter().map(integral).collect(),
            Object(entries) => entries.into_iter().map(|(key, value)| (key, integral(value))).collect(),
            other => other,
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_as_yaml(text in text()) {
            match document::read_yaml(&text) {
                Ok(documents) => {
                    assert_within(&text, &documents);
                    for document in documents {
                        let _any: Result<Thing, _> = document.decode();
                        prop_assert_eq!(document.decode::<serde_json::Value>().unwrap(), document.root().to_json());
                    }
                }
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }

        #[test]
        fn json_reads_back_as_yaml(value in json()) {
            for text in [value.to_string(), format!("{value:#}")] {
                let documents = document::read_yaml(&text).unwrap();
                prop_assert_eq!(documents.len(), 1);
                prop_assert_eq!(documents[0].root().to_json(), integral(value.clone()));
                assert_within(&text, &documents);
            }
        }
    }
}
