//! Percentages: a share of what there is, read and printed.

use std::fmt;

use crate::eviction::{Threshold, ThresholdValue};

/// A number as Go reads it, in 32 bits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct GoFloat {
    pub(super) value: f32,
    /// Whether it is written in decimal digits.
    pub(super) is_decimal: bool,
}

/// Why Go does not take a text for a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FloatFault {
    Syntax,
    Range,
}

/// Reads a number as Go reads it: in decimal digits, in hexadecimal ones with a binary exponent, with underscores
/// between digits; infinities and what is no number have names.
pub(super) fn parse_go_float(text: &str) -> Result<GoFloat, FloatFault> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let value = if is_decimal { finite(text.parse().ok())? } else { unusual(text)? };
    Ok(GoFloat { value, is_decimal })
}

fn finite(value: Option<f32>) -> Result<f32, FloatFault> {
    let value = value.ok_or(FloatFault::Syntax)?;
    if value.is_finite() { Ok(value) } else { Err(FloatFault::Range) }
}

fn unusual(text: &str) -> Result<f32, FloatFault> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    if text.eq_ignore_ascii_case("nan") {
        return Ok(f32::NAN);
    }
    if ["inf", "infinity"].iter().any(|name| unsigned.eq_ignore_ascii_case(name)) {
        return Ok(f32::INFINITY * sign);
    }
    let hex = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X"));
    let digits = without_underscores(hex.unwrap_or(unsigned), hex.is_some()).ok_or(FloatFault::Syntax)?;
    match hex {
        Some(_) => finite(hexadecimal(&digits)).map(|value| value * sign),
        None if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            finite(digits.parse().ok()).map(|value| value * sign)
        }
        None => Err(FloatFault::Syntax),
    }
}

/// Takes out underscores, each of which has to stand between two digits; the prefix `0x` counts as one.
fn without_underscores(text: &str, is_hex: bool) -> Option<String> {
    let is_digit = |c: char| if is_hex { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
    let mut follows_digit = is_hex;
    let mut after_underscore = false;
    for c in text.chars() {
        if (c == '_' && !follows_digit) || (after_underscore && !is_digit(c)) {
            return None;
        }
        after_underscore = c == '_';
        follows_digit = is_digit(c);
    }
    (!after_underscore).then(|| text.replace('_', ""))
}

/// `<digits>[.<digits>]p<exponent>`, after its sign and `0x`.
fn hexadecimal(text: &str) -> Option<f32> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let digits_of_exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if digits_of_exponent.is_empty() || !digits_of_exponent.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = whole.chars().chain(fraction.chars()).map(|c| c.to_digit(16)).peekable();
    digits.peek()?;
    // At most 52 bits, the last of which says whether anything was cut off: rounding once more is then exact.
    let (mut bits, mut shift) = (0_u64, -4 * i64::try_from(fraction.len()).ok()?);
    for digit in digits {
        let digit = u64::from(digit?);
        if bits < 1 << 48 {
            bits = bits << 4 | digit;
        } else {
            bits |= u64::from(digit != 0);
            shift = shift.saturating_add(4);
        }
    }
    if bits == 0 {
        return Some(0.0);
    }
    let beyond = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
    let exponent = exponent.parse().unwrap_or(beyond);
    // Beyond these powers it is nothing, or too large, whatever the digits.
    let power = shift.saturating_add(exponent).clamp(-400, 400);
    let scale = f64::from_bits(u64::try_from(1023 + power).ok()? << 52);
    #[expect(clippy::cast_precision_loss, reason = "52 bits fit")]
    #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
    Some((bits as f64 * scale) as f32)
}

impl fmt::Display for FloatFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "invalid syntax",
            Self::Range => "value out of range",
        })
    }
}

/// As a configuration writes it: `memory.available<100Mi`.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}<{}", self.signal, self.value)
    }
}

/// As a configuration writes it: `100Mi`, `12.5%`. What was read from a configuration reads back as
/// the same amount or share.
impl fmt::Display for ThresholdValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantity(quantity) => quantity.fmt(f),
            Self::Percentage(share) => f.pad(&percentage(*share)),
        }
    }
}

/// The shortest text that reads as this share, and is no `0%` or `100%`, which switch off.
fn percentage(share: f32) -> String {
    let percent = f64::from(share) * 100.0;
    let short = (0..=9).map(|places| format!("{percent:.places$}"));
    // Very small ones, and those that no percentage reads as.
    let near = share * 100.0;
    let long = [near, near.next_up(), near.next_down(), near].map(|value| value.to_string());
    let reads_back = |text: &String| {
        !["0", "100"].contains(&text.as_str())
            && text.parse::<f32>().is_ok_and(|value| (value / 100.0).to_bits() == share.to_bits())
    };
    let found = short.chain(long).find(reads_back).unwrap_or_else(|| near.to_string());
    format!("{found}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        for (text, value) in [
            ("0x1p3", 8.0),
            ("-0X.8p+1", -1.0),
            ("0x_1_0.p-4", 1.0),
            ("1_0.5", 10.5),
            ("1e1_0", 1e10),
            ("+Infinity", f32::INFINITY),
            ("0x1p-9999999999999999999", 0.0),
            ("0x1p-149", f32::from_bits(1)),
            // Half of the last bit is rounded to even, a little more is rounded up.
            ("0x1000001p0", 16_777_216.0),
            ("0x1000001.00000000000000000001p0", 16_777_218.0),
        ] {
            assert_eq!(parse_go_float(text), Ok(GoFloat { value, is_decimal: false }), "{text}");
        }
        assert!(parse_go_float("NAN").is_ok_and(|read| read.value.is_nan()));
        assert_eq!(parse_go_float("5."), Ok(GoFloat { value: 5.0, is_decimal: true }));
    }

    #[test]
    fn refuses_what_go_refuses() {
        for text in [
            "", ".", "+", "e1", "1e", " 1", "5,5", "+nan", "in", "_1", "1_", "1__0", "1_.5", "1_e5", "0x",
            "0x1", "0xp1", "0x.p1", "0x1p", "0x1p_1", "0x1_p1", "--1", "+-1_0", "0b1p1",
        ] {
            assert_eq!(parse_go_float(text), Err(FloatFault::Syntax), "{text}");
        }
        for text in ["1e39", "-1e400", "0x1p128", "0x1p9999999999999999999", "1_0e38"] {
            assert_eq!(parse_go_float(text), Err(FloatFault::Range), "{text}");
        }
    }

    #[test]
    fn prints_what_does_not_switch_off() {
        let print = |share| ThresholdValue::Percentage(share).to_string();
        assert_eq!(
            [0.1, 0.155, 1.0, 0.0, -0.0, f32::NAN].map(print),
            ["10%", "15.5%", "100.0%", "0.0%", "-0%", "NaN%"]
        );
        assert_eq!([0.333_33, 1e-30, 2.0].map(print), ["33.333%", "0.0000000000000000000000000001%", "200%"]);
    }
}
