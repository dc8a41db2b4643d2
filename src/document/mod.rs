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
//! A key that stands twice in one mapping is refused, as Kubernetes' strict reader does; a lenient one, in which
//! the last wins, can be added when something needs it.

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
pub use node::{Document, Entry, Mapping, Node, Number, Position, Value};
pub(crate) use path::{is_within, join};
pub(crate) use salvage::Salvaged;

/// How deep sequences and mappings may nest, aliases expanded.
pub const MAX_DEPTH: usize = 128;

/// How many nodes the aliases of one YAML document may add to it.
pub const MAX_ALIASED_NODES: usize = 100_000;

/// How many bytes of text the aliases of one YAML document may add to it.
pub const MAX_ALIASED_BYTES: usize = 4 << 20;

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
    let start = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    read_either(text, start.starts_with(['{', '[']))
}

#[cfg(feature = "yaml")]
fn read_either(text: &str, looks_like_json: bool) -> Result<Vec<Document>, ReadError> {
    if !looks_like_json {
        return read_yaml(text);
    }
    match read_json(text) {
        Err(as_json @ ReadError::Syntax { .. }) => match read_yaml(text) {
            Err(as_yaml) if as_yaml.position() > as_json.position() => Err(as_yaml),
            Err(_) => Err(as_json),
            read => read,
        },
        read => read,
    }
}

#[cfg(not(feature = "yaml"))]
fn read_either(text: &str, looks_like_json: bool) -> Result<Vec<Document>, ReadError> {
    match read_json(text) {
        Err(ReadError::Syntax { position, .. }) if !looks_like_json => Err(ReadError::NotJson { position }),
        read => read,
    }
}

/// Reads a text of JSON values, one after the other, each a document.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn read_json(text: &str) -> Result<Vec<Document>, ReadError> {
    json::read(text)
}

/// Reads a YAML text of any number of documents.
///
/// # Errors
///
/// The first thing that is wrong.
#[cfg(feature = "yaml")]
pub fn read_yaml(text: &str) -> Result<Vec<Document>, ReadError> {
    yaml::read(text)
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
