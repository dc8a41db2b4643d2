//! What is worth telling whoever wrote a configuration, though nothing is wrong with it.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::provenance::{Origin, Setting};
use super::source::Place;
use crate::document::{ReadError, is_within};

/// Something that the merge did and that a person may not expect.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// A list in a drop-in has replaced an earlier one. Lists are not merged.
    ListReplaced {
        /// The field.
        field: String,
        /// Who has replaced it.
        by: Origin,
        /// What was there.
        was: Setting,
    },
    /// A `null` in a drop-in has taken away what was there; if the field has a default, it has that again.
    TakenAway {
        /// The field.
        field: String,
        /// Who has taken it away.
        by: Origin,
        /// What was there.
        was: Setting,
    },
    /// The base sets `evictionHard`, so that the defaults of the signals that it does not name do not count.
    EvictionDefaultsGone {
        /// Who sets it.
        by: Origin,
        /// The signals, and what their defaults would be.
        gone: Vec<(&'static str, &'static str)>,
    },
    /// A drop-in sets `evictionHard` where the base does not: the defaults of the signals that it does not name count
    /// all the same.
    EvictionDefaultsKept {
        /// Who sets it.
        by: Origin,
        /// The signals, and their defaults.
        kept: Vec<(&'static str, &'static str)>,
    },
    /// `0%` or `100%` switches a threshold off.
    SignalOff {
        /// The field.
        field: String,
        /// Who has set it.
        by: Origin,
        /// `0%` or `100%`.
        value: String,
    },
    /// A file in a folder of the drop-in folder counts.
    InSubFolder {
        /// Its name.
        file: Arc<str>,
    },
    /// A default that followed from what the base says stays, though a drop-in has changed what it follows from.
    StickyDefault {
        /// The field.
        field: String,
        /// What it is.
        value: Value,
        /// What it would be if everything stood in the base; `None`: unset.
        otherwise: Option<Value>,
    },
    /// Zero, or an empty text, is the same as unset here, so that the field has its default.
    ZeroIsUnset {
        /// The field.
        field: String,
        /// Who has set it so.
        by: Origin,
        /// The default that counts.
        default: Value,
    },
    /// An empty list or map of the base is unset again as soon as there is a folder of drop-ins
    /// ([`Compat::forget_empty_settings`](crate::behaviour::Compat::forget_empty_settings)).
    EmptyForgotten {
        /// The field.
        field: String,
        /// Who had set it.
        by: Origin,
    },
    /// A field that does not exist is passed over
    /// ([`Compat::accept_unknown_fields`](crate::behaviour::Compat::accept_unknown_fields)).
    UnknownField {
        /// Its path.
        field: String,
        /// Where it stands.
        at: Place,
        /// The nearest field that exists.
        nearest: Option<String>,
    },
    /// There are more fields in a file that do not exist than are noted one by one.
    ManyUnknownFields {
        /// The file.
        file: Arc<str>,
        /// How many there are.
        count: usize,
    },
    /// A field is newer than Kubernetes 1.32.
    NewerField {
        /// The field.
        field: String,
        /// Where it stands.
        at: Place,
        /// The minor release of Kubernetes 1 that brought it.
        since: u32,
    },
    /// A key stands twice in the base, and the last one counts
    /// ([`Compat::accept_unknown_fields`](crate::behaviour::Compat::accept_unknown_fields)).
    DoubledKey {
        /// The file.
        file: Arc<str>,
        /// Which key, and where.
        error: ReadError,
    },
    /// A key of a drop-in counts although its case is another one
    /// ([`Compat::match_any_case`](crate::behaviour::Compat::match_any_case)).
    OtherCase {
        /// The field that it counts as.
        field: String,
        /// The key as it is written.
        written: String,
        /// Who has written it.
        by: Origin,
    },
    /// A value in a drop-in would not fit, but a later file has replaced it.
    UnusedMisfit {
        /// The field.
        field: String,
        /// Where it stands.
        at: Place,
        /// What is wrong with it.
        message: String,
    },
    /// Only the first document of a file counts
    /// ([`Compat::ignore_later_documents`](crate::behaviour::Compat::ignore_later_documents)).
    LaterDocument {
        /// Where the second one begins.
        at: Place,
    },
    /// A relative path in a drop-in stays as it is: it is relative to where the agent runs, and not to the file, as in
    /// the base.
    RelativePath {
        /// The field.
        field: String,
        /// Who has set it.
        by: Origin,
        /// The path.
        path: String,
    },
    /// A flag has replaced a map of the files as a whole.
    MapReplaced {
        /// The field.
        field: String,
        /// The flag.
        flag: &'static str,
        /// The keys that are gone.
        keys: Vec<String>,
    },
    /// A flag of the kubelet that sets no field of its configuration.
    NoField {
        /// The flag, with its dashes.
        flag: String,
    },
}

impl Note {
    /// The path of the field that it is about, if it is about one.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::ListReplaced { field, .. }
            | Self::TakenAway { field, .. }
            | Self::SignalOff { field, .. }
            | Self::StickyDefault { field, .. }
            | Self::ZeroIsUnset { field, .. }
            | Self::EmptyForgotten { field, .. }
            | Self::UnknownField { field, .. }
            | Self::NewerField { field, .. }
            | Self::OtherCase { field, .. }
            | Self::UnusedMisfit { field, .. }
            | Self::RelativePath { field, .. }
            | Self::MapReplaced { field, .. } => Some(field),
            Self::EvictionDefaultsGone { .. } | Self::EvictionDefaultsKept { .. } => Some("evictionHard"),
            Self::InSubFolder { .. }
            | Self::ManyUnknownFields { .. }
            | Self::DoubledKey { .. }
            | Self::LaterDocument { .. }
            | Self::NoField { .. } => None,
        }
    }

    /// Whether it is about a field, something in it, or what it is in.
    pub fn concerns(&self, field: &str) -> bool {
        self.field().is_some_and(|of| is_within(field, of) || is_within(of, field))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListReplaced { field, by, was } => {
                write!(f, "{by}: {field} replaces {was}; lists are not merged")
            }
            Self::TakenAway { field, by, was } => write!(f, "{by}: null takes {was} away from {field}"),
            Self::EvictionDefaultsGone { by, gone } => {
                write!(f, "{by}: with evictionHard in the base ")?;
                signals(f, gone)?;
                f.write_str(" no longer counts by default")
            }
            Self::EvictionDefaultsKept { by, kept } => {
                write!(f, "{by}: evictionHard in a drop-in leaves ")?;
                signals(f, kept)?;
                f.write_str(" as it is by default")
            }
            Self::SignalOff { field, by, value } => write!(f, "{by}: {field}: `{value}` switches it off"),
            Self::InSubFolder { file } => {
                write!(f, "{file}: files in folders of the drop-in folder count")
            }
            Self::StickyDefault { field, value, otherwise } => {
                write!(f, "{field} stays {value}, the default that follows from the base alone; ")?;
                match otherwise {
                    Some(otherwise) => write!(f, "if all stood in one file it would be {otherwise}"),
                    None => f.write_str("if all stood in one file it would be unset"),
                }
            }
            Self::ZeroIsUnset { field, by, default } => {
                write!(f, "{by}: {field}: zero or nothing means the default, {default}")
            }
            Self::EmptyForgotten { field, by } => {
                write!(f, "{by}: {field}: that it is empty is forgotten, because there is a drop-in folder")
            }
            Self::UnknownField { field, at, nearest } => {
                write!(f, "{at}: there is no field {field}, and it is passed over")?;
                nearest.as_ref().map_or(Ok(()), |nearest| write!(f, "; did you mean {nearest}?"))
            }
            Self::NewerField { field, at, since } => {
                write!(f, "{at}: {field} came with Kubernetes 1.{since}; older nodes do not know it")
            }
            Self::ManyUnknownFields { file, count } => {
                write!(f, "{file}: {count} fields do not exist, and are passed over")
            }
            Self::DoubledKey { file, error } => write!(f, "{file}:{error}; the last one counts"),
            Self::OtherCase { field, written, by } => write!(f, "{by}: `{written}` counts as {field}"),
            Self::UnusedMisfit { field, at, message } => {
                write!(f, "{at}: {field}: {message}; not an error only because something replaces it")
            }
            Self::LaterDocument { at } => write!(f, "{at}: only the first document of a file counts"),
            Self::RelativePath { field, by, path } => {
                write!(
                    f,
                    "{by}: {field}: `{path}` is relative to where the kubelet runs, as in every drop-in"
                )
            }
            Self::MapReplaced { field, flag, keys } => {
                write!(f, "{flag}: replaces all of {field}, and so takes away {}", keys.join(", "))
            }
            Self::NoField { flag } => write!(f, "{flag}: sets no field of the configuration"),
        }
    }
}

fn signals(f: &mut fmt::Formatter<'_>, signals: &[(&str, &str)]) -> fmt::Result {
    for (n, (signal, value)) in signals.iter().enumerate() {
        write!(f, "{}{signal}<{value}", if n == 0 { "" } else { ", " })?;
    }
    Ok(())
}

/// As text.
impl Serialize for Note {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
