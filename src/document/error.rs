//! What can be wrong with a text, and with a value that is read as a type.

use std::fmt;

use thiserror::Error;

use super::{MAX_ALIASED_BYTES, MAX_ALIASED_NODES, MAX_DEPTH, Position};

/// Why a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The text is no JSON, or no YAML.
    #[error("{position}: {message}")]
    #[non_exhaustive]
    Syntax {
        /// Where reading stopped.
        position: Position,
        /// What stands there and what was expected.
        message: String,
    },
    /// The text is no JSON and YAML was compiled out.
    #[error("{position}: this is not JSON; reading YAML needs the feature `yaml` of node-lifecycle")]
    #[non_exhaustive]
    NotJson {
        /// Where reading stopped.
        position: Position,
    },
    /// A key stands twice in one mapping.
    #[error("{position}: the key {key:?} is already set at {first}; keep one of the two")]
    #[non_exhaustive]
    DuplicateKey {
        /// The key.
        key: String,
        /// Where it stands the second time.
        position: Position,
        /// Where it stands first.
        first: Position,
    },
    /// Sequences and mappings nest more than [`MAX_DEPTH`] deep.
    #[error("{position}: nested more than {MAX_DEPTH} deep")]
    #[non_exhaustive]
    TooDeep {
        /// Where the first one too many begins.
        position: Position,
    },
    /// Aliases repeat more than [`MAX_ALIASED_NODES`] nodes or [`MAX_ALIASED_BYTES`] bytes of text.
    #[error(
        "{position}: aliases repeat more than {MAX_ALIASED_NODES} values or {MAX_ALIASED_BYTES} bytes; \
         write the values out"
    )]
    #[non_exhaustive]
    TooManyAliases {
        /// The alias that goes too far.
        position: Position,
    },
    /// An alias stands inside of what it refers to.
    #[error("{position}: this alias stands inside of the value that it refers to")]
    #[non_exhaustive]
    AliasInItself {
        /// The alias.
        position: Position,
    },
    /// An alias refers to nothing in its document.
    #[error("{position}: this alias has no anchor before it in the same document")]
    #[non_exhaustive]
    UnknownAlias {
        /// The alias.
        position: Position,
    },
    /// `<<` has a value that cannot be merged.
    #[error("{position}: `<<` takes a mapping or a sequence of mappings")]
    #[non_exhaustive]
    Merge {
        /// The value.
        position: Position,
    },
    /// A key is null, a sequence or a mapping.
    #[error("{position}: {found} cannot be a key; use a string")]
    #[non_exhaustive]
    Key {
        /// The key.
        position: Position,
        /// What it is.
        found: &'static str,
    },
    /// A scalar is not what its tag says.
    #[error("{position}: {text:?} is no !!{tag}")]
    #[non_exhaustive]
    Tag {
        /// The scalar, or its tag.
        position: Position,
        /// The tag, without `!!`.
        tag: &'static str,
        /// The text, its beginning if it is long.
        text: String,
    },
    /// `!!binary` has no meaning in Kubernetes' objects.
    #[error("{position}: !!binary is not supported; write the base64 text as a string")]
    #[non_exhaustive]
    Binary {
        /// The scalar, or its tag.
        position: Position,
    },
    /// Infinity, or not a number: JSON, and with it Kubernetes, has neither.
    #[error("{position}: {text} is not a finite number; quote it if it is a string")]
    #[non_exhaustive]
    NotFinite {
        /// The scalar.
        position: Position,
        /// Its text.
        text: String,
    },
}

impl ReadError {
    /// Where the text is wrong.
    pub fn position(&self) -> Position {
        match self {
            Self::Syntax { position, .. }
            | Self::DuplicateKey { position, .. }
            | Self::TooDeep { position } => *position,
            Self::NotJson { position } => *position,
            Self::TooManyAliases { position }
            | Self::AliasInItself { position }
            | Self::UnknownAlias { position }
            | Self::Merge { position }
            | Self::Key { position, .. }
            | Self::Tag { position, .. }
            | Self::Binary { position }
            | Self::NotFinite { position, .. } => *position,
        }
    }
}

/// Why a value cannot be read as a type: where the value stands, the path of its field, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct DecodeError {
    path: String,
    position: Option<Position>,
    message: String,
}

impl DecodeError {
    /// The path of the field, such as `spec.containers[0].image`; empty for the document itself.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where the value, or an unknown key, begins.
    pub fn position(&self) -> Position {
        self.position.unwrap_or_default()
    }

    /// What is wrong and what was expected, without path and position.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Sets the position, unless a deeper one is known.
    pub(super) fn at(mut self, position: Position) -> Self {
        self.position.get_or_insert(position);
        self
    }

    pub(super) fn with_path(self, path: String) -> Self {
        Self { path, ..self }
    }

    pub(super) fn with_hint(mut self, hint: &str) -> Self {
        self.message.push_str("; ");
        self.message.push_str(hint);
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.position())?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { path: String::new(), position: None, message: message.to_string() }
    }
}
