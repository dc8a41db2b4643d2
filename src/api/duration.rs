//! Durations as Go writes them, and so Kubernetes.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A duration that reads and prints as in Go: `10s`, `1m20s`, `5m0s`, `1h0m0s`, `1.5s`, `250ms`, `0s`.
///
/// Never negative, and at most 2⁶³−1 nanoseconds (292 years), as in Go.
///
/// ```
/// use node_lifecycle::api::GoDuration;
/// use std::time::Duration;
///
/// assert_eq!(GoDuration(Duration::from_secs(80)).to_string(), "1m20s");
/// assert_eq!("1h0.5s".parse(), Ok(GoDuration(Duration::from_millis(3_600_500))));
/// assert!("10".parse::<GoDuration>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GoDuration(pub Duration);

/// Text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no duration: expected numbers with units (ns, us, ms, s, m, h) such as 1m30s, at most 292 years"
)]
pub struct ParseDurationError(String);

impl FromStr for GoDuration {
    type Err = ParseDurationError;
    fn from_str(text: &str) -> Result<Self, ParseDurationError> {
        let error = || ParseDurationError(text.chars().take(64).collect());
        if text == "0" {
            return Ok(Self::default());
        }
        let (mut rest, mut nanos) = (text, 0_u64);
        while !rest.is_empty() {
            let (number, unit, after) = next_part(rest).ok_or_else(error)?;
            nanos = scaled(number, unit).and_then(|part| nanos.checked_add(part)).ok_or_else(error)?;
            rest = after;
        }
        if text.is_empty() || i64::try_from(nanos).is_err() {
            return Err(error());
        }
        Ok(Self(Duration::from_nanos(nanos)))
    }
}

/// Splits off a number, its unit in nanoseconds, and what comes after.
fn next_part(text: &str) -> Option<(&str, u64, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit() && character != '.')?;
    let (number, rest) = text.split_at(end);
    let end =
        rest.find(|character: char| character.is_ascii_digit() || character == '.').unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let nanos = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    Some((number, nanos, rest))
}

/// A decimal number times a unit; what is finer than a nanosecond is cut off.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()?.checked_mul(unit)? };
    // 18 digits are finer than any unit needs, and fit.
    let digits = fraction.get(..fraction.len().min(18))?;
    let part = if digits.is_empty() {
        0
    } else {
        let scale = 10_u128.pow(u32::try_from(digits.len()).ok()?);
        u64::try_from(u128::from(digits.parse::<u64>().ok()?) * u128::from(unit) / scale).ok()?
    };
    whole.checked_add(part)
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = GoDuration;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 1m30s")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<GoDuration, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => write_decimal(f, nanos, 3, "µs"),
            1_000_000..1_000_000_000 => write_decimal(f, nanos, 6, "ms"),
            _ => {
                let (minutes, rest) = (nanos / 60_000_000_000, nanos % 60_000_000_000);
                match minutes {
                    0 => {}
                    1..60 => write!(f, "{minutes}m")?,
                    _ => write!(f, "{}h{}m", minutes / 60, minutes % 60)?,
                }
                write_decimal(f, rest, 9, "s")
            }
        }
    }
}

/// Writes `value / 10^scale` without trailing zeros.
fn write_decimal(f: &mut fmt::Formatter<'_>, value: u128, scale: u32, unit: &str) -> fmt::Result {
    let one = 10_u128.pow(scale);
    write!(f, "{}", value / one)?;
    let (mut fraction, mut digits) = (value % one, scale as usize);
    if fraction != 0 {
        while fraction % 10 == 0 {
            fraction /= 10;
            digits -= 1;
        }
        write!(f, ".{fraction:0digits$}")?;
    }
    f.write_str(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_go_does() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (250_000_000, "250ms"),
            (1_000_000_001, "1.000000001s"),
            (10_000_000_000, "10s"),
            (80_000_000_000, "1m20s"),
            (300_000_000_000, "5m0s"),
            (3_600_000_000_000, "1h0m0s"),
        ] {
            let duration = GoDuration(Duration::from_nanos(nanos));
            assert_eq!(duration.to_string(), text);
            assert_eq!(text.parse(), Ok(duration));
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        for wrong in
            ["", "10", ".s", "1.2.3s", "s", "1x", "-1s", "1 s", "300000000h", "1s2", "99999999999999999999s"]
        {
            assert!(wrong.parse::<GoDuration>().is_err(), "{wrong}");
        }
    }
}
