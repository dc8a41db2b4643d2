//! What can be wrong with the files and flags of a configuration, all at once.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::flags::FlagError;
use super::provenance::Origin;
use super::source::{Place, Unreadable};
use crate::behaviour::FeatureGateError;
use crate::document::{DecodeError, Position, ReadError};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// A file has no text.
    #[error("{file}: {why}")]
    Unreadable {
        /// Its name.
        file: Arc<str>,
        /// Why.
        why: Unreadable,
    },
    /// A file has no content.
    #[error("{file}: has no content; a file of a configuration needs apiVersion and kind at least")]
    Empty {
        /// Its name.
        file: Arc<str>,
    },
    /// A text cannot be read.
    #[error("{file}:{error}")]
    Text {
        /// The file.
        file: Arc<str>,
        /// What is wrong, and where.
        error: ReadError,
    },
    /// A file has a second document, which the kubelet would never look at.
    #[error("{at}: only the first document of a file counts; put this one into a file of its own")]
    LaterDocument {
        /// Where it begins.
        at: Place,
    },
    /// A document is no mapping.
    #[error("{at}: expected fields and their values")]
    NoMapping {
        /// Where it begins.
        at: Place,
    },
    /// `apiVersion` or `kind` is missing or another.
    #[error("{at}: {field} {}; expected {expected}", found.as_ref().map_or("is missing".to_owned(), |f| format!("is {f}")))]
    Type {
        /// Where it stands, or the document.
        at: Place,
        /// `apiVersion` or `kind`.
        field: &'static str,
        /// What stands there.
        found: Option<String>,
        /// What has to.
        expected: &'static str,
    },
    /// A field that does not exist.
    #[error("{at}: there is no field {field}{}", nearest.as_ref().map_or(String::new(), |n| format!("; did you mean {n}?")))]
    UnknownField {
        /// Its path.
        field: String,
        /// Where it stands.
        at: Place,
        /// The nearest field that exists.
        nearest: Option<String>,
    },
    /// A value that does not fit its field.
    #[error("{at}: {field}: {message}")]
    Value {
        /// The path of the field.
        field: String,
        /// Where it stands.
        at: Place,
        /// What is wrong with it.
        message: String,
    },
    /// There are more fields in a file that do not exist than are said one by one.
    #[error("{file}: {count} fields do not exist; is it a configuration of a kubelet?")]
    ManyUnknownFields {
        /// The file.
        file: Arc<str>,
        /// How many there are.
        count: usize,
    },
    /// A feature gate that does not exist, or is locked.
    #[error("{by}: {error}{}", error.advice().map_or(String::new(), |advice| format!("; {advice}")))]
    Gate {
        /// Who sets it.
        by: Origin,
        /// What is wrong.
        error: FeatureGateError,
    },
    /// A flag of the command line.
    #[error(transparent)]
    Flag(#[from] FlagError),
}

impl Problem {
    /// The file that it is in; `None`: it is the command line.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Unreadable { file, .. }
            | Self::Empty { file }
            | Self::Text { file, .. }
            | Self::ManyUnknownFields { file, .. } => Some(file),
            Self::LaterDocument { at }
            | Self::NoMapping { at }
            | Self::Type { at, .. }
            | Self::UnknownField { at, .. }
            | Self::Value { at, .. } => Some(&at.file),
            Self::Gate { by, .. } => by.file(),
            Self::Flag(_) => None,
        }
    }

    /// Where it is in the file; `None`: it is about the file as a whole, or about the command line.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Text { error, .. } => Some(error.position()),
            Self::LaterDocument { at }
            | Self::NoMapping { at }
            | Self::Type { at, .. }
            | Self::UnknownField { at, .. }
            | Self::Value { at, .. }
            | Self::Gate { by: Origin::File(at), .. } => Some(at.position),
            Self::Unreadable { .. }
            | Self::Empty { .. }
            | Self::ManyUnknownFields { .. }
            | Self::Gate { .. }
            | Self::Flag(_) => None,
        }
    }

    pub(super) fn value(file: Arc<str>, error: &DecodeError) -> Self {
        let at = Place { file, position: error.position() };
        Self::Value { field: error.path().to_owned(), at, message: error.message().to_owned() }
    }
}

/// Everything that is wrong, in the order of the files and of what stands in them, flags last.
#[derive(Debug, Clone, PartialEq, Error)]
pub struct ConfigErrors(pub(super) Vec<Problem>);

impl ConfigErrors {
    /// The problems, at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}
