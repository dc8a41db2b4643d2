//! What `crictl` prints: the CRI's messages as JSON, where numbers of 64 bits are strings.

use std::fmt;

use node_lifecycle::document::Document;
use node_lifecycle::machine::Timestamp;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::source::{at, decode};

/// An image of `crictl images -o json`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Image {
    pub(crate) id: String,
    #[serde(deserialize_with = "names")]
    pub(crate) repo_tags: Vec<String>,
    #[serde(deserialize_with = "names")]
    pub(crate) repo_digests: Vec<String>,
    /// What it takes, in bytes, as the runtime counts it.
    pub(crate) size: Count,
    pub(crate) pinned: bool,
    spec: Option<Spec>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    runtime_handler: String,
}

impl Image {
    /// The handler that it was pulled for.
    pub(crate) fn runtime_handler(&self) -> &str {
        self.spec.as_ref().map_or("", |spec| &spec.runtime_handler)
    }

    /// What a person calls it.
    pub(crate) fn name(&self) -> &str {
        let names = self.repo_tags.iter().chain(&self.repo_digests);
        names.map(String::as_str).next().unwrap_or(&self.id)
    }
}

/// What `crictl imagefsinfo -o json` says of one file system.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct FsUsage {
    /// In nanoseconds.
    timestamp: Count,
    fs_id: FsId,
    used_bytes: Wrapped,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct FsId {
    mountpoint: String,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Wrapped {
    value: Count,
}

impl FsUsage {
    /// When it was measured.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        let nanos = i64::try_from(self.timestamp.0).ok().filter(|nanos| *nanos > 0);
        nanos.map(Timestamp::from_unix_nanos)
    }

    pub(crate) fn mountpoint(&self) -> &str {
        &self.fs_id.mountpoint
    }

    pub(crate) const fn used_bytes(&self) -> u64 {
        self.used_bytes.value.0
    }
}

/// The images of a document.
pub(crate) fn images(file: &str, document: &Document) -> Result<Vec<Image>, String> {
    let list = document.get("images").filter(|list| list.as_sequence().is_some());
    let list = list.ok_or_else(|| {
        format!("{file}: has no list `images`: expected what `crictl images -o json` prints")
    })?;
    let images: Vec<Image> =
        decode(file, document.number(), list).map_err(|error| below(&error, "images"))?;
    for (image, node) in images.iter().zip(list.as_sequence().into_iter().flatten()) {
        if image.id.is_empty() {
            let place = at(file, document.number(), node.position());
            return Err(format!(
                "{place}: id: is missing: expected the image's id, as `crictl images -o json` has it"
            ));
        }
    }
    Ok(images)
}

/// The file systems of a document, in each form that `crictl` has had.
pub(crate) fn filesystems(file: &str, document: &Document) -> Result<Vec<FsUsage>, String> {
    let status = document.get("status").unwrap_or_else(|| document.root());
    let found = match status.get("imageFilesystems") {
        Some(list) => {
            decode(file, document.number(), list).map_err(|error| below(&error, "imageFilesystems"))?
        }
        None if status.get("usedBytes").is_some() => {
            vec![decode(file, document.number(), status)?]
        }
        None => Vec::new(),
    };
    if found.is_empty() {
        return Err(format!(
            "{file}: has no `imageFilesystems`: expected what `crictl imagefsinfo -o json` prints"
        ));
    }
    Ok(found)
}

/// With the name of the list that the path goes on from.
fn below(error: &str, list: &str) -> String {
    error.replacen(": [", &format!(": {list}["), 1)
}

/// A number that may be written as a string, as protobuf's JSON does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Count(pub(crate) u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Digits;

        impl Visitor<'_> for Digits {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number from 0 to 18446744073709551615, as a number or a string")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Count, E> {
                Ok(Count(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Count, E> {
                text.parse().map(Count).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        from.deserialize_any(Digits)
    }
}

/// Names, without those that stand for none; `null` counts as none.
fn names<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let mut names = Option::<Vec<String>>::deserialize(from)?.unwrap_or_default();
    names.retain(|name| !name.contains("<none>"));
    Ok(names)
}
