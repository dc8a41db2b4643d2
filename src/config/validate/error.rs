//! What is wrong with a configuration.

use std::fmt;

/// What is wrong with a field of a configuration, in the kubelet's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ValidationError {
    path: String,
    others: &'static [&'static str],
    message: String,
}

impl ValidationError {
    pub(super) const fn new(path: String, others: &'static [&'static str], message: String) -> Self {
        Self { path, others, message }
    }

    /// The field: `maxPods`, `logging.vmodule[0]`, `featureGates.CPUManager`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Other fields that the rule reads, so that a change of one of them may be the remedy.
    #[must_use]
    pub const fn others(&self) -> &'static [&'static str] {
        self.others
    }

    /// What the kubelet says.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Everything that is wrong with a configuration, in the kubelet's order. Prints a line each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ValidationErrors(pub(super) Vec<ValidationError>);

impl ValidationErrors {
    /// Each of them; there is at least one.
    #[must_use]
    pub fn errors(&self) -> &[ValidationError] {
        &self.0
    }
}

impl fmt::Display for ValidationErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            let line = if n == 0 { "" } else { "\n" };
            write!(f, "{line}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ValidationErrors {}

impl IntoIterator for ValidationErrors {
    type Item = ValidationError;
    type IntoIter = std::vec::IntoIter<ValidationError>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The path of something in a list: the list, the place, and what stands below.
#[derive(Clone, Copy)]
pub(super) struct At<'a>(pub(super) &'static str, pub(super) usize, pub(super) &'a str);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(list, index, below) = self;
        let dot = if below.is_empty() { "" } else { "." };
        write!(f, "{list}[{index}]{dot}{below}")
    }
}

/// What was found so far. Nothing is allocated as long as nothing is wrong.
#[derive(Default)]
pub(super) struct Findings(pub(super) Vec<ValidationError>);

impl Findings {
    /// Something is wrong with a field.
    pub(super) fn add(&mut self, path: impl fmt::Display, message: impl fmt::Display) {
        self.add_with(path, &[], message);
    }

    /// Something is wrong with a field beside others.
    pub(super) fn add_with(
        &mut self,
        path: impl fmt::Display,
        others: &'static [&'static str],
        message: impl fmt::Display,
    ) {
        self.0.push(ValidationError::new(path.to_string(), others, message.to_string()));
    }

    /// A field that has to be from `least` to `most`.
    pub(super) fn within(&mut self, field: &str, flag: &str, value: i64, [least, most]: [i64; 2]) {
        if !(least..=most).contains(&value) {
            self.add(
                field,
                format_args!(
                    "invalid configuration: {field} ({flag}) {value} must be between {least} and {most}, inclusive"
                ),
            );
        }
    }

    /// A field that has to be 0 or above.
    pub(super) fn not_negative(&mut self, field: &str, flag: &str, value: i64) {
        if value < 0 {
            self.add(
                field,
                format_args!("invalid configuration: {field} ({flag}) {value} must not be a negative number"),
            );
        }
    }
}
