//! One reader from text to typed values, for manifests and configuration alike.
//!
//! [`read`] takes a whole text, JSON or YAML, and gives its documents as trees of [`Node`]s, each of which
//! knows where it stands in the text. [`Document::decode`] turns a tree into any type that implements
//! [`serde::Deserialize`]; what does not fit is reported with the path of the field, the line and the column.
//!
//! ```
//! use node_lifecycle::document;
//! use serde::Deserialize;
//!
//! #[derive(Deserialize, Debug, PartialEq)]
//! #[serde(rename_all = "camelCase")]
//! struct Settings {
//!     max_pods: u16,
//!     cluster_dns: Vec<String>,
//! }
//!
//! let documents = document::read("{\n  \"maxPods\": 110,\n  \"clusterDns\": [\"10.0.0.10\"]\n}")?;
//! let settings: Settings = documents[0].decode()?;
//! assert_eq!(settings, Settings { max_pods: 110, cluster_dns: vec!["10.0.0.10".into()] });
//!
//! let documents = document::read("{\n  \"maxPods\": 110,\n  \"clusterDns\": [\"10.0.0.10\", 7]\n}")?;
//! let error = documents[0].decode::<Settings>().unwrap_err();
//! assert_eq!(error.path(), "clusterDns[1]");
//! assert_eq!((error.position().line, error.position().column), (3, 31));
//! assert_eq!(
//!     error.to_string(),
//!     "3:31: clusterDns[1]: invalid type: integer `7`, expected a string; quote it to make it a string"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # JSON
//!
//! JSON is RFC 8259 and nothing more: no comments, no trailing commas, no lone surrogates. Several values one
//! after the other are several documents. A byte order mark at the start is passed over.
//!
//! # YAML (feature `yaml`)
//!
//! Kubernetes reads YAML with `sigs.k8s.io/yaml`, which turns it into JSON by the rules of YAML 1.1 as go-yaml v2
//! has them, and this reader gives the values that come out of that:
//!
//! | plain scalar | is |
//! |---|---|
//! | `true` `yes` `on` `y`, `false` `no` `off` `n`, each also `Capitalised` and `UPPER` | a boolean |
//! | nothing, `~`, `null`, `Null`, `NULL` | null |
//! | `12`, `+12`, `1_000`, `0x1f`, `0b101`, `0o17`, `017` | an integer; a leading zero means octal |
//! | `1.5`, `.5`, `1e3`, `08` | a float; one without a fraction is the integer it equals (`1e3` is 1000) |
//! | `1:30`, `2024-01-01`, `0x`, `1e400`, anything else | a string |
//!
//! Quoted and block scalars are strings. Keys that are numbers or booleans become strings (`8080: web`, and `on:`
//! is the key `true`). Tags of the YAML type repository (`!!str`, `!!int`, …) are obeyed, `!!binary` is refused,
//! and others mean nothing. Anchors, aliases and merge keys (`<<`) work, within one document.
//!
//! It differs from Kubernetes' reader on purpose where that one guesses or loses something: an explicit key beats
//! a merged one wherever `<<` stands, keys that differ only as YAML (`1` and `"1"`) are duplicates, and flow
//! mappings at the start of a text need not be JSON.
//!
//! # Hostile text
//!
//! Nothing panics. Nesting is bounded by [`MAX_DEPTH`] and what aliases repeat by [`MAX_ALIASED_NODES`] and
//! [`MAX_ALIASED_BYTES`], so that no tree overflows the stack or the memory when it is walked, cloned or dropped.
//! A key that stands twice in one mapping is refused, as Kubernetes' strict reader does; in [`read_leniently`] the
//! last one wins, and is listed.

mod decode;
mod error;
mod json;
mod node;
mod path;
mod salvage;
#[cfg(feature = "yaml")]
mod scalar;
#[cfg(feature = "yaml")]
mod yaml;

pub use error::{DecodeError, ReadError};
use node::Duplicates;
pub use node::{Document, Entry, Mapping, Node, Number, Position, Value};
pub(crate) use path::{is_within, join};
pub(crate) use salvage::Salvaged;

/// How deep sequences and mappings may nest, aliases expanded.
pub const MAX_DEPTH: usize = 128;

/// How many nodes the aliases of one YAML document may add to it.
pub const MAX_ALIASED_NODES: usize = 100_000;

/// How many bytes of text the aliases of one YAML document may add to it.
pub const MAX_ALIASED_BYTES: usize = 4 << 20;

/// How many doubled keys of one text are listed.
pub const MAX_LISTED_DUPLICATES: usize = 64;

/// Reads all documents of a text.
///
/// With the feature `yaml` the text is YAML; one that begins with `{` or `[` is tried as JSON first, because YAML
/// knows less of tabs and surrogate pairs. Without it the text must be JSON.
///
/// Documents without content are left out, but counted: see [`Document::number`]. An empty text has no documents,
/// which is no error here.
///
/// # Errors
///
/// The first thing that is wrong. Of a text that is neither JSON nor YAML, the complaint of whichever reader got
/// further.
pub fn read(text: &str) -> Result<Vec<Document>, ReadError> {
    let (documents, ended) = read_with(text, || Duplicates::Refused).0;
    ended.map_or(Ok(documents), Err)
}

/// What could be read of a text: see [`read_leniently`].
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Lenient {
    /// The documents up to where reading ended.
    pub documents: Vec<Document>,
    /// Keys that stand twice in a mapping, in the order in which the mappings end: each is a
    /// [`ReadError::DuplicateKey`]. The last one of each counts. Of many the first [`MAX_LISTED_DUPLICATES`] are here.
    pub duplicates: Vec<ReadError>,
    /// Why reading ended before the end of the text.
    pub error: Option<ReadError>,
}

/// Reads as much of a text as can be read: as [`read`], but of a key that stands twice the last one counts, and the
/// documents before one that cannot be read are there all the same.
pub fn read_leniently(text: &str) -> Lenient {
    let ((documents, error), duplicates) = read_with(text, || Duplicates::Listed(Vec::new()));
    let duplicates = match duplicates {
        Duplicates::Listed(duplicates) => duplicates,
        Duplicates::Refused => Vec::new(),
    };
    Lenient { documents, duplicates, error }
}

/// What was read, and why reading ended early.
type Partial = (Vec<Document>, Option<ReadError>);

fn read_with(text: &str, duplicates: fn() -> Duplicates) -> (Partial, Duplicates) {
    let start = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    read_either(text, start.starts_with(['{', '[']), duplicates)
}

fn partial(
    read: fn(&str, &mut Duplicates, &mut Vec<Document>) -> Result<(), ReadError>,
    text: &str,
    mut duplicates: Duplicates,
) -> (Partial, Duplicates) {
    let mut documents = Vec::new();
    let ended = read(text, &mut duplicates, &mut documents).err();
    ((documents, ended), duplicates)
}

#[cfg(feature = "yaml")]
fn read_either(text: &str, looks_like_json: bool, duplicates: fn() -> Duplicates) -> (Partial, Duplicates) {
    if !looks_like_json {
        return partial(yaml::read, text, duplicates());
    }
    let as_json = partial(json::read, text, duplicates());
    let Some(ReadError::Syntax { position: json_ends, .. }) = as_json.0.1 else { return as_json };
    let as_yaml = partial(yaml::read, text, duplicates());
    match &as_yaml.0.1 {
        Some(error) if error.position() <= json_ends => as_json,
        _ => as_yaml,
    }
}

#[cfg(not(feature = "yaml"))]
fn read_either(text: &str, looks_like_json: bool, duplicates: fn() -> Duplicates) -> (Partial, Duplicates) {
    let mut read = partial(json::read, text, duplicates());
    if let (false, Some(ReadError::Syntax { position, .. })) = (looks_like_json, &read.0.1) {
        read.0.1 = Some(ReadError::NotJson { position: *position });
    }
    read
}

/// Reads a text of JSON values, one after the other, each a document.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn read_json(text: &str) -> Result<Vec<Document>, ReadError> {
    let mut documents = Vec::new();
    json::read(text, &mut Duplicates::Refused, &mut documents).map(|()| documents)
}

/// Reads a YAML text of any number of documents.
///
/// # Errors
///
/// The first thing that is wrong.
#[cfg(feature = "yaml")]
pub fn read_yaml(text: &str) -> Result<Vec<Document>, ReadError> {
    let mut documents = Vec::new();
    yaml::read(text, &mut Duplicates::Refused, &mut documents).map(|()| documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn json_is_tried_first() {
        let documents = read("\u{feff}\n{\t\"a\":\t\"\\ud83d\\ude00\"\t}\n[1.0]").unwrap();
        assert_eq!(documents[0].get("a").and_then(Node::as_str), Some("\u{1f600}"));
        assert_eq!(documents[1].root().as_sequence().unwrap()[0].as_number(), Some(Number::Float(1.0)));
        assert_eq!(read("").unwrap(), []);
        assert_eq!(
            error("{\"a\": 1, \"a\": 2}"),
            "1:10: the key \"a\" is already set at 1:2; keep one of the two"
        );
    }

    #[test]
    fn leniently_the_last_of_a_key_counts() {
        let read = read_leniently("{\"a\": 1, \"b\": {\"c\": 1, \"c\": 2}, \"a\": 3, \"a\": 4}\n{} }");
        assert_eq!(read.documents[0].root().to_json(), serde_json::json!({"a": 4, "b": {"c": 2}}));
        assert_eq!(read.documents.len(), 2);
        let duplicates: Vec<_> = read.duplicates.iter().map(ToString::to_string).collect();
        assert_eq!(
            duplicates,
            [
                "1:24: the key \"c\" is already set at 1:16; keep one of the two",
                "1:33: the key \"a\" is already set at 1:2; keep one of the two",
                "1:41: the key \"a\" is already set at 1:33; keep one of the two",
            ]
        );
        assert_eq!(read.error.map(|error| error.position().line), Some(2));
        let keys: Vec<_> = (0..40).map(|n| format!("\"k{}\": {n}", n % 20)).collect();
        let read = read_leniently(&format!("{{{}}}", keys.join(",")));
        assert_eq!(read.documents[0].get("k3").and_then(Node::as_number), Some(Number::Signed(23)));
        assert_eq!(
            (read.documents[0].root().as_mapping().map(Mapping::len), read.duplicates.len()),
            (Some(20), 20)
        );
    }

    #[test]
    #[cfg(feature = "yaml")]
    fn leniently_in_yaml_too() {
        let read = read_leniently("a: 1\n<<: {c: 1}\na: 2\n<<: {c: 2}\n---\nb: [\n");
        assert_eq!(read.documents[0].root().to_json(), serde_json::json!({"a": 2, "c": 2}));
        assert_eq!(read.documents.len(), 1);
        assert_eq!(read.duplicates.len(), 2);
        assert!(read.error.is_some());
    }

    #[test]
    #[cfg(feature = "yaml")]
    fn what_is_no_json_may_be_yaml() {
        assert_eq!(read("{a: [1.0, b]}").unwrap()[0].root().to_json(), serde_json::json!({"a": [1, "b"]}));
        assert_eq!(read("{\"a\": 1}\n---\n{\"b\": 2}\n").unwrap().len(), 2);
        assert_eq!(error("{\"a\": tru\n\"b\": 1}").split(':').next(), Some("2"));
    }

    #[test]
    #[cfg(not(feature = "yaml"))]
    fn without_yaml_its_need_is_named() {
        assert_eq!(
            error("kind: Pod"),
            "1:1: this is not JSON; reading YAML needs the feature `yaml` of node-lifecycle"
        );
        assert_eq!(error("{kind: Pod}"), "1:2: expected a key in double quotes, found 'k'");
    }
}
