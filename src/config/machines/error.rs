//! What no machine can be made of.

use std::fmt;

use crate::behaviour::FeatureGateError;
use crate::config::SignedDuration;
use crate::eviction::ThresholdError;
use crate::image::{AllowlistError, ImageGcPolicyError};

/// A field of which no machine can be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigConversionError {
    /// A duration that is out of range.
    #[error("{path}: {value} is {}: expected {expected}", fault(.value.is_negative()))]
    Duration {
        /// The field.
        path: &'static str,
        /// What it is.
        value: SignedDuration,
        /// What would be right.
        expected: &'static str,
    },
    /// A number that is out of range.
    #[error("{path}: {value} is {}: expected {expected}", fault(*.value < 0))]
    Number {
        /// The field.
        path: &'static str,
        /// What it is.
        value: i64,
        /// What would be right.
        expected: &'static str,
    },
    /// A word that means nothing there.
    #[error("{path}: `{}` is unknown: expected {}", excerpt(.value), alternatives(.expected))]
    Word {
        /// The field.
        path: &'static str,
        /// What it is.
        value: String,
        /// The words that mean something.
        expected: &'static [&'static str],
    },
    /// Images are to be pulled one at a time, and several at once.
    #[error("maxParallelImagePulls: {0} is too many while serializeImagePulls is true: expected 1, or false")]
    SerializedPulls(i32),
    /// A percentage or an age of image garbage collection.
    #[error("{path}: {problem}")]
    ImageGc {
        /// The field.
        path: &'static str,
        /// What is wrong, in the kubelet's words.
        #[source]
        problem: ImageGcPolicyError,
    },
    /// An entry of the thresholds of eviction.
    #[error(transparent)]
    Threshold(#[from] ThresholdError),
    /// An entry of `preloadedImagesVerificationAllowlist`.
    #[error(transparent)]
    Allowlist(#[from] AllowlistError),
    /// An entry of `featureGates`.
    #[error("featureGates.{}: {}{}", .0.name(), .0, advice(.0))]
    FeatureGate(#[from] FeatureGateError),
}

impl ConfigConversionError {
    /// The field: `syncFrequency`, `evictionHard.memory.available`, `featureGates.NodeSwap`.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Duration { path, .. }
            | Self::Number { path, .. }
            | Self::Word { path, .. }
            | Self::ImageGc { path, .. } => (*path).to_owned(),
            Self::SerializedPulls(_) => "maxParallelImagePulls".to_owned(),
            Self::Threshold(error) => format!("{}.{}", error.field, error.signal),
            Self::Allowlist(error) => format!("preloadedImagesVerificationAllowlist[{}]", error.index),
            Self::FeatureGate(error) => format!("featureGates.{}", error.name()),
        }
    }
}

const fn fault(is_negative: bool) -> &'static str {
    if is_negative { "negative" } else { "out of range" }
}

fn alternatives(words: &[&str]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => words.concat(),
    }
}

fn excerpt(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

fn advice(error: &FeatureGateError) -> String {
    error.advice().map(|advice| format!(": {advice}")).unwrap_or_default()
}

/// All that keeps machines from being made, in the order in which the fields are read. Never empty. Prints a line
/// each.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigConversionErrors(pub(super) Vec<ConfigConversionError>);

impl ConfigConversionErrors {
    /// Each of them.
    #[must_use]
    pub fn errors(&self) -> &[ConfigConversionError] {
        &self.0
    }
}

impl fmt::Display for ConfigConversionErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            let line = if n == 0 { "" } else { "\n" };
            write!(f, "{line}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigConversionErrors {}

impl IntoIterator for ConfigConversionErrors {
    type Item = ConfigConversionError;
    type IntoIter = std::vec::IntoIter<ConfigConversionError>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
