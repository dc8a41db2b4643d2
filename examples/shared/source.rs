//! Texts, where they come from, and what stands where in them.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use node_lifecycle::document::{Document, Node, Position, ReadError};
use serde::de::DeserializeOwned;

/// Something that stands in the `examples` folder of this crate.
pub(crate) fn shipped(name: &str) -> PathBuf {
    let in_crate = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    if in_crate.exists() { in_crate } else { Path::new("examples").join(name) }
}

/// A path as it is named to the user: what is shipped by its place in the crate.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path).display().to_string()
}

/// What is in a file. What is wrong is said with its name.
pub(crate) fn read_file(path: &Path) -> Result<String, String> {
    let text = fs::File::open(path).and_then(|mut file| read_text(&mut file));
    text.map_err(|error| format!("{}: {error}", shown(path)))
}

pub(crate) fn read_text(from: &mut dyn Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("is not UTF-8 text: see byte {at}"))
    })
}

/// The only document of those that were read, which is one with `expected`.
pub(crate) fn only_document(
    file: &str,
    documents: Result<Vec<Document>, ReadError>,
    expected: &str,
) -> Result<Document, String> {
    let mut documents = documents.map_err(|error| {
        let (position, message) = (error.position(), error.to_string());
        let message = message.strip_prefix(&format!("{position}: ")).unwrap_or(&message);
        format!("{file}: line {}, column {}: {message}", position.line, position.column)
    })?;
    match (documents.pop(), documents.len()) {
        (Some(document), 0) => Ok(document),
        (last, others) => {
            let found = others + usize::from(last.is_some());
            Err(format!("{file}: has {found} documents, expected one with {expected}"))
        }
    }
}

/// What a value of a document says. What is wrong is said with its place.
pub(crate) fn decode<T: DeserializeOwned>(file: &str, document: usize, value: &Node) -> Result<T, String> {
    value.decode().map_err(|error| {
        let place = at(file, document, error.position());
        let path = if error.path().is_empty() { String::new() } else { format!("{}: ", error.path()) };
        format!("{place}: {path}{}", error.message())
    })
}

/// A place as it is named to the user: `pod.yaml: document 1, line 3, column 1`.
pub(crate) fn at(file: &str, document: usize, Position { line, column }: Position) -> String {
    format!("{file}: document {document}, line {line}, column {column}")
}
