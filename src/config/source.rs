//! What is merged: texts that have a name.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use thiserror::Error;

use crate::document::Position;

/// The most bytes that one file of a configuration may have.
///
/// Everything that a kubelet can be told is some 10 KB. The kubelet itself has no limit.
pub const MAX_FILE_BYTES: usize = 4 << 20;

/// What a file is to the merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SourceKind {
    /// The file that the kubelet is given with `--config`.
    Base,
    /// A file of the folder that it is given with `--config-dir`.
    DropIn,
}

/// A file of a configuration: its name, and its text or why there is none.
///
/// ```
/// use node_lifecycle::config::Source;
///
/// let base = Source::base("/etc/kubelet/config.yaml", "apiVersion: kubelet.config.k8s.io/v1beta1\n");
/// assert_eq!(base.folder(), "/etc/kubelet");
/// assert_eq!(Source::drop_in("10-a.conf", "").folder(), "");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    name: Arc<str>,
    kind: SourceKind,
    content: Result<String, Unreadable>,
}

/// Why a file has no text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// It is not there, may not be read, or is no file.
    #[error("cannot be read: {0}")]
    Io(String),
    /// Links lead in a circle.
    #[error("its links lead in a circle")]
    Loop,
    /// It is not UTF-8.
    #[error("is not UTF-8 from byte {at} on; save it as UTF-8")]
    NotUtf8 {
        /// The first byte that is not, counted from 0.
        at: usize,
    },
    /// It is larger than [`MAX_FILE_BYTES`].
    #[error("is larger than {MAX_FILE_BYTES} bytes, the most that a file of a configuration may have")]
    TooLarge,
}

impl Source {
    /// The base file. Relative paths in it are relative to the folder that its name has.
    pub fn base(name: impl Into<Arc<str>>, text: impl Into<String>) -> Self {
        Self { name: name.into(), kind: SourceKind::Base, content: Ok(text.into()) }
    }

    /// A drop-in. Its name is that in the folder; one with a `/` is in a folder therein.
    pub fn drop_in(name: impl Into<Arc<str>>, text: impl Into<String>) -> Self {
        Self { name: name.into(), kind: SourceKind::DropIn, content: Ok(text.into()) }
    }

    /// A file that could not be read. What is wrong with it is reported with everything else.
    pub fn unreadable(name: impl Into<Arc<str>>, kind: SourceKind, why: Unreadable) -> Self {
        Self { name: name.into(), kind, content: Err(why) }
    }

    /// A file from its bytes, which may be too many, or no text.
    pub fn from_bytes(name: impl Into<Arc<str>>, kind: SourceKind, bytes: Vec<u8>) -> Self {
        let content = match bytes.len() {
            0..=MAX_FILE_BYTES => String::from_utf8(bytes)
                .map_err(|error| Unreadable::NotUtf8 { at: error.utf8_error().valid_up_to() }),
            _ => Err(Unreadable::TooLarge),
        };
        Self { name: name.into(), kind, content }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn shared_name(&self) -> &Arc<str> {
        &self.name
    }

    /// What it is to the merge.
    pub fn kind(&self) -> SourceKind {
        self.kind
    }

    /// Its text.
    ///
    /// # Errors
    ///
    /// If it could not be read, or is larger than [`MAX_FILE_BYTES`].
    pub fn text(&self) -> Result<&str, &Unreadable> {
        match &self.content {
            Ok(text) if text.len() > MAX_FILE_BYTES => Err(&Unreadable::TooLarge),
            Ok(text) => Ok(text),
            Err(why) => Err(why),
        }
    }

    /// The folder that it is in, by its name, without a `/` at the end (but for the root); empty if the name says none.
    pub fn folder(&self) -> &str {
        match self.name.rsplit_once('/') {
            Some(("", _)) => "/",
            Some((folder, _)) => folder,
            None => "",
        }
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The name of the file.
    pub file: Arc<str>,
    /// Line and column therein.
    pub position: Position,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.position)
    }
}

impl Serialize for Place {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
