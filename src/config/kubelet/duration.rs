//! Durations of a configuration, which may be negative until they are validated.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::api::{GoDuration, ParseDurationError};

/// A duration as Go writes it, with a sign: `1m30s`, `-5s`, `0s`.
///
/// At most 2⁶³−1 nanoseconds (292 years) either way.
///
/// ```
/// use node_lifecycle::config::SignedDuration;
/// use std::time::Duration;
///
/// let age: SignedDuration = "-1m30s".parse()?;
/// assert!(age.is_negative());
/// assert_eq!(age.to_string(), "-1m30s");
/// assert_eq!(age.to_duration(), None);
/// assert_eq!(SignedDuration::from_seconds(120).to_duration(), Some(Duration::from_secs(120)));
/// # Ok::<(), node_lifecycle::api::ParseDurationError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SignedDuration(i64);

impl SignedDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From nanoseconds.
    #[must_use]
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(if nanoseconds == i64::MIN { -i64::MAX } else { nanoseconds })
    }

    /// From seconds; what is out of range is the longest there is.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_nanoseconds(seconds.saturating_mul(1_000_000_000))
    }

    /// From milliseconds; what is out of range is the longest there is.
    #[must_use]
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self::from_nanoseconds(milliseconds.saturating_mul(1_000_000))
    }

    /// In nanoseconds.
    #[must_use]
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// Whether it is no time at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether it is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// As a duration without a sign; `None` if it is negative.
    #[must_use]
    pub fn to_duration(self) -> Option<Duration> {
        u64::try_from(self.0).ok().map(Duration::from_nanos)
    }
}

/// What is longer than 292 years is 292 years.
impl From<Duration> for SignedDuration {
    fn from(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl FromStr for SignedDuration {
    type Err = ParseDurationError;
    fn from_str(text: &str) -> Result<Self, ParseDurationError> {
        let (negative, magnitude) = match text.strip_prefix(['-', '+']) {
            Some(magnitude) => (text.starts_with('-'), magnitude),
            None => (false, text),
        };
        let Self(nanoseconds) = magnitude.parse::<GoDuration>()?.0.into();
        Ok(Self(if negative { -nanoseconds } else { nanoseconds }))
    }
}

impl fmt::Display for SignedDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_negative() {
            f.write_str("-")?;
        }
        GoDuration(Duration::from_nanos(self.0.unsigned_abs())).fmt(f)
    }
}

impl Serialize for SignedDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SignedDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = SignedDuration;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 1m30s")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<SignedDuration, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// How often logs are flushed: on the wire a string with a duration, or a number of nanoseconds, as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FlushFrequency {
    /// How often.
    pub duration: SignedDuration,
    /// Whether it is written as a string. Otherwise it is the number of nanoseconds.
    pub as_text: bool,
}

impl Serialize for FlushFrequency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.as_text {
            self.duration.serialize(serializer)
        } else {
            serializer.serialize_i64(self.duration.nanoseconds())
        }
    }
}

impl<'de> Deserialize<'de> for FlushFrequency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl de::Visitor<'_> for Either {
            type Value = FlushFrequency;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 1m30s, or a whole number of nanoseconds")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<FlushFrequency, E> {
                Ok(FlushFrequency { duration: text.parse().map_err(E::custom)?, as_text: true })
            }
            fn visit_i64<E: de::Error>(self, nanoseconds: i64) -> Result<FlushFrequency, E> {
                Ok(FlushFrequency { duration: SignedDuration::from_nanoseconds(nanoseconds), as_text: false })
            }
            fn visit_u64<E: de::Error>(self, nanoseconds: u64) -> Result<FlushFrequency, E> {
                let signed = i64::try_from(nanoseconds)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(nanoseconds), &self))?;
                self.visit_i64(signed)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_read_and_written() {
        for (text, nanoseconds, printed) in [
            ("-1s", -1_000_000_000, "-1s"),
            ("+500ms", 500_000_000, "500ms"),
            ("0", 0, "0s"),
            ("-0", 0, "0s"),
            ("-2562047h47m16.854775807s", -i64::MAX, "-2562047h47m16.854775807s"),
        ] {
            let duration: SignedDuration = text.parse().unwrap();
            assert_eq!(duration, SignedDuration::from_nanoseconds(nanoseconds));
            assert_eq!(duration.to_string(), printed);
        }
        for wrong in ["", "-", "--1s", "+-1s", "5", "1h-1s"] {
            assert!(wrong.parse::<SignedDuration>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_the_longest() {
        assert_eq!(SignedDuration::from_seconds(i64::MIN).nanoseconds(), -i64::MAX);
        assert_eq!(SignedDuration::from(Duration::MAX).nanoseconds(), i64::MAX);
    }

    #[test]
    fn a_flush_frequency_is_written_as_it_came() {
        for text in [r#""9s""#, "9000000000", r#""-1s""#, "-5"] {
            let read: FlushFrequency = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
        for wrong in [r#""9""#, "1.5", "18446744073709551615", "[]"] {
            assert!(serde_json::from_str::<FlushFrequency>(wrong).is_err(), "{wrong}");
        }
    }
}
