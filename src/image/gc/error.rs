//! What goes wrong in a collection.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::GoDuration;

/// What went wrong in a collection, in the kubelet's words where it has any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
#[non_exhaustive]
pub enum ImageGcError {
    /// No-cache images stay that should have gone.
    #[error("no-cache images could not be removed: {}", Aggregate(errors))]
    NoCache {
        /// Why, in order.
        errors: Vec<Arc<str>>,
    },
    /// Images stay that are too old.
    #[error(
        "wanted to free images older than {maximum}, encountered errors in image deletion: {}",
        Aggregate(errors)
    )]
    MaximumAge {
        /// The maximum age.
        maximum: GoDuration,
        /// Why, in order.
        errors: Vec<Arc<str>>,
    },
    /// Images could not be removed that are in the way; others may have gone instead.
    #[error(
        "wanted to free {wanted} bytes, but freed {freed} bytes space with errors in image deletion: {}",
        Aggregate(errors)
    )]
    Room {
        /// Bytes. On demand the most that there are.
        wanted: i64,
        /// Bytes.
        freed: u64,
        /// Why, in order.
        errors: Vec<Arc<str>>,
    },
    /// The disk is too full, and there is nothing else that could go.
    #[error(
        "Failed to garbage collect required amount of images. Attempted to free {wanted} bytes, \
         but only found {freed} bytes eligible to free."
    )]
    NotEnough {
        /// Bytes.
        wanted: i64,
        /// Bytes.
        freed: u64,
    },
    /// The disk is said to hold nothing at all.
    #[error("invalid capacity 0 on image filesystem")]
    ZeroCapacity,
    /// The disk could not be measured.
    #[error("{error}")]
    Filesystem {
        /// Why.
        error: Arc<str>,
    },
}

impl ImageGcError {
    /// The reason of the warning that is recorded on the node for it, with its text as the message.
    #[must_use]
    pub const fn event_reason(&self) -> Option<&'static str> {
        match self {
            Self::NotEnough { .. } => Some("FreeDiskSpaceFailed"),
            Self::ZeroCapacity => Some("InvalidDiskCapacity"),
            _ => None,
        }
    }
}

/// Several errors as one, each text once.
struct Aggregate<'a>(&'a [Arc<str>]);

impl fmt::Display for Aggregate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = BTreeSet::new();
        let texts: Vec<_> = self.0.iter().map(|text| &**text).filter(|text| said.insert(*text)).collect();
        match &*texts {
            [text] => f.write_str(text),
            texts => write!(f, "[{}]", texts.join(", ")),
        }
    }
}
