//! What is wrong with the settings of thresholds, and what is worth saying.

use std::fmt;

use super::share;
use crate::api::{ParseDurationError, ParseQuantityError, Quantity};
use crate::eviction::Signal;

/// A setting that has a text for each signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ThresholdField {
    /// `evictionHard`.
    Hard,
    /// `evictionSoft`.
    Soft,
    /// `evictionSoftGracePeriod`.
    SoftGracePeriod,
    /// `evictionMinimumReclaim`.
    MinimumReclaim,
}

/// Everything that is wrong with the thresholds of a configuration, in the order in which the kubelet looks at it.
/// Never empty.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ThresholdErrors(pub(super) Vec<ThresholdError>);

/// One entry that is wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{field}[{}]: {}{problem}", excerpt(.signal), quoted(.text.as_deref()))]
#[non_exhaustive]
pub struct ThresholdError {
    /// The setting.
    pub field: ThresholdField,
    /// The entry's signal, as it is written.
    pub signal: String,
    /// The entry's text; none where the entry is missing.
    pub text: Option<String>,
    /// What is wrong, and what would be right.
    #[source]
    pub problem: ThresholdProblem,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ThresholdProblem {
    /// It is of no signal that there is.
    #[error("is for an unknown signal: expected one of {}", Signal::ALL.map(Signal::name).join(", "))]
    UnknownSignal,
    /// It is neither a percentage nor a quantity.
    #[error("is no amount: {0}")]
    Quantity(ParseQuantityError),
    /// A threshold that is not above zero.
    #[error("is {0}: expected more than 0, or 0% to switch the signal off")]
    NotPositive(Quantity),
    /// A percentage that is no decimal number, or has more than one `%`.
    #[error("is no percentage: expected a decimal number and one %, such as 12.5%")]
    Percentage,
    /// A threshold below `0%`.
    #[error("is below 0%: expected 0% to 100%")]
    Below0,
    /// A threshold above `100%`.
    #[error("is above 100%: expected 0% to 100%")]
    Above100,
    /// A minimum reclaim below zero.
    #[error("is negative: expected 0 or more")]
    NegativeReclaim,
    /// A minimum reclaim of `0%` or less.
    #[error("is not above 0%: expected more, or the amount 0")]
    ReclaimNotAbove0,
    /// It is no duration.
    #[error("{0}")]
    Duration(ParseDurationError),
    /// A grace period below zero.
    #[error("is negative: expected 0s or more")]
    NegativeGracePeriod,
    /// A soft threshold has no grace period.
    #[error("is missing: expected how long the soft threshold may be met, such as 1m30s")]
    NoGracePeriod,
}

/// What is worth telling whoever wrote the settings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ThresholdNotice {
    /// The texts `0%` and `100%` are no thresholds: nobody is evicted for the signal.
    SwitchedOff {
        /// The setting.
        field: ThresholdField,
        /// The signal.
        signal: Signal,
        /// The text.
        text: &'static str,
    },
    /// A default does not count because `evictionHard` is there and does not name its signal.
    DefaultDropped {
        /// The signal.
        signal: &'static str,
        /// The default.
        text: &'static str,
    },
}

impl ThresholdErrors {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> &[ThresholdError] {
        &self.0
    }
}

impl ThresholdError {
    /// What the kubelet 1.32 says about the entry; none where it takes it.
    #[must_use]
    pub fn kubelet_message(&self) -> Option<String> {
        let signal = &self.signal;
        let text = self.text.as_deref().unwrap_or_default();
        Some(match &self.problem {
            ThresholdProblem::UnknownSignal => format!("unsupported eviction signal {signal}"),
            ThresholdProblem::Quantity(error) => quantity_message(error)?.to_owned(),
            ThresholdProblem::NotPositive(quantity) => {
                format!("eviction threshold {signal} must be positive: {}", quantity.to_kubelet_string())
            }
            ThresholdProblem::Percentage => {
                let number = text.trim_end_matches('%');
                let fault = share::parse_go_float(number).err()?;
                format!("strconv.ParseFloat: parsing {number:?}: {fault}")
            }
            ThresholdProblem::Below0 => {
                format!("eviction percentage threshold {signal} must be >= 0%: {text}")
            }
            ThresholdProblem::Above100 => {
                format!("eviction percentage threshold {signal} must be <= 100%: {text}")
            }
            ThresholdProblem::NegativeReclaim => {
                format!("negative eviction minimum reclaim specified for {signal}")
            }
            ThresholdProblem::ReclaimNotAbove0 => {
                format!("eviction percentage minimum reclaim {signal} must be positive: {text}")
            }
            ThresholdProblem::Duration(_) => duration_message(text),
            ThresholdProblem::NegativeGracePeriod => {
                format!("invalid eviction grace period specified: {text}, must be a positive value")
            }
            ThresholdProblem::NoGracePeriod => {
                format!("grace period must be specified for the soft eviction threshold {signal}")
            }
        })
    }
}

fn quantity_message(error: &ParseQuantityError) -> Option<&'static str> {
    match error {
        ParseQuantityError::Empty | ParseQuantityError::Form { .. } => Some(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        ParseQuantityError::Suffix { .. } => Some("unable to parse quantity's suffix"),
        ParseQuantityError::NoDigits { .. } => Some("unable to parse numeric part of quantity"),
        ParseQuantityError::TooLarge { .. } => None,
    }
}

/// What Go says about a text that is no duration.
fn duration_message(text: &str) -> String {
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    while !rest.is_empty() {
        let (whole, after) = split_after(rest, |c| c.is_ascii_digit());
        let fraction = after.strip_prefix('.').map(|after| split_after(after, |c| c.is_ascii_digit()));
        let (fraction, after) = fraction.unwrap_or(("", after));
        if whole.is_empty() && fraction.is_empty() {
            break;
        }
        let (unit, after) = split_after(after, |c| !c.is_ascii_digit() && c != '.');
        match unit {
            "" => return format!("time: missing unit in duration {text:?}"),
            "ns" | "us" | "µs" | "μs" | "ms" | "s" | "m" | "h" => rest = after,
            _ => return format!("time: unknown unit {unit:?} in duration {text:?}"),
        }
    }
    format!("time: invalid duration {text:?}")
}

/// Splits behind the characters that are wanted.
fn split_after(text: &str, is_wanted: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !is_wanted(c)).unwrap_or(text.len()))
}

/// A text before what is wrong with it.
fn quoted(text: Option<&str>) -> String {
    text.map(|text| format!("`{}` ", excerpt(text))).unwrap_or_default()
}

/// A text, as far as it is worth repeating.
fn excerpt(text: &str) -> String {
    text.chars().take(64).collect()
}

impl ThresholdField {
    /// Kubernetes' name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hard => "evictionHard",
            Self::Soft => "evictionSoft",
            Self::SoftGracePeriod => "evictionSoftGracePeriod",
            Self::MinimumReclaim => "evictionMinimumReclaim",
        }
    }
}

impl fmt::Display for ThresholdField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for ThresholdNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SwitchedOff { field, signal, text } => {
                write!(f, "{field}[{signal}]: `{text}` switches it off")
            }
            Self::DefaultDropped { signal, text } => write!(
                f,
                "evictionHard does not name {signal}, so that its default of {text} does not count: \
                 mergeDefaultEvictionSettings keeps it"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_go_says_of_durations() {
        for (text, message) in [
            ("", "invalid duration \"\""),
            ("-", "invalid duration \"-\""),
            ("s", "invalid duration \"s\""),
            (".s", "invalid duration \".s\""),
            ("30", "missing unit in duration \"30\""),
            ("1m5", "missing unit in duration \"1m5\""),
            ("1.5", "missing unit in duration \"1.5\""),
            ("1d", "unknown unit \"d\" in duration \"1d\""),
            ("1m-30s", "unknown unit \"m-\" in duration \"1m-30s\""),
            ("1.2.3s", "missing unit in duration \"1.2.3s\""),
            ("300000000h", "invalid duration \"300000000h\""),
        ] {
            assert_eq!(duration_message(text), format!("time: {message}"), "{text}");
        }
    }
}
