//! Printing a quantity: exactly, and as the kubelet does.

use std::borrow::Cow;
use std::fmt::{self, Write};

use num_bigint::BigInt;

use super::amount::{Amount, GIGA};
use super::parse::Parts;
use super::{Format, ParseQuantityError, Quantity};

const DECIMAL_SUFFIXES: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const BINARY_SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// Where the two ways of printing differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// What is printed reads back as the same amount.
    Exact,
    /// Suffixes that do not exist are left out, and binary amounts are printed in binary whatever their size.
    Kubelet,
}

impl Quantity {
    /// The canonical text as the kubelet 1.32 prints it, faults included.
    ///
    /// It differs from [`Display`](fmt::Display) in two cases. Where the largest power of 1000 that divides a
    /// [`Format::DecimalSi`] amount is beyond `E`, the kubelet prints no suffix, so that the text is of another
    /// amount; and likewise in binary beyond `Ei`. Binary amounts beyond ±(2⁶³-1), which only arithmetic can
    /// make, it prints with a binary suffix, though they would be capped when read.
    ///
    /// ```
    /// use node_lifecycle::api::Quantity;
    ///
    /// let large: Quantity = "2000E".parse()?;
    /// assert_eq!(large.to_kubelet_string(), "2");
    /// assert_eq!(large.to_string(), "2000E");
    /// # Ok::<(), node_lifecycle::api::ParseQuantityError>(())
    /// ```
    #[must_use]
    pub fn to_kubelet_string(&self) -> String {
        self.text(Style::Kubelet)
    }

    /// What the kubelet 1.32 prints for a quantity that it has read from `input` and not changed since.
    ///
    /// The kubelet keeps the text of a short number that it takes for canonical already, with whatever plus
    /// sign, leading zeros or point it has, and prints that; any arithmetic makes it canonical. A
    /// [`Quantity`] does not keep its text, so this takes it. Everything else prints as
    /// [`to_kubelet_string`](Self::to_kubelet_string).
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    ///
    /// ```
    /// use node_lifecycle::api::Quantity;
    ///
    /// assert_eq!(Quantity::kubelet_text("+0014M")?, "+0014M");
    /// assert_eq!(Quantity::kubelet_text("0.5")?, "500m");
    /// # Ok::<(), node_lifecycle::api::ParseQuantityError>(())
    /// ```
    pub fn kubelet_text(input: &str) -> Result<Cow<'_, str>, ParseQuantityError> {
        let parts = Parts::of(input)?;
        let quantity = parts.quantity()?;
        Ok(if parts.echoes() { Cow::Borrowed(input) } else { Cow::Owned(quantity.to_kubelet_string()) })
    }

    fn text(&self, style: Style) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(style, &mut text);
        text
    }

    fn write(&self, style: Style, out: &mut dyn Write) -> fmt::Result {
        if self.is_zero() {
            return out.write_char('0');
        }
        if self.signum() < 0 {
            out.write_char('-')?;
        }
        if self.format == Format::BinarySi && self.write_binary(style, out)? {
            return Ok(());
        }
        match &self.amount {
            Amount::Small { units, nanos: 0 } => {
                let (number, groups) = without_thousands(units.unsigned_abs());
                write!(out, "{number}")?;
                self.write_decimal_suffix(groups + 3, out)
            }
            &Amount::Small { units, nanos } => {
                let (whole, part) = magnitude(units, nanos);
                let (part, groups) = without_thousands(u64::from(part));
                let places = 10_u128.pow(9 - 3 * groups);
                write!(out, "{}", u128::from(whole) * places + u128::from(part))?;
                self.write_decimal_suffix(groups, out)
            }
            Amount::Big(nanos) => {
                let digits = nanos.magnitude().to_string();
                let mut groups = digits.bytes().rev().take_while(|digit| *digit == b'0').count() / 3;
                if self.format != Format::DecimalExponent && style == Style::Exact {
                    groups = groups.min(DECIMAL_SUFFIXES.len() - 1);
                }
                out.write_str(digits.get(..digits.len() - 3 * groups).unwrap_or_default())?;
                self.write_decimal_suffix(u32::try_from(groups).unwrap_or(u32::MAX), out)
            }
        }
    }

    /// Writes the suffix for 1000^`groups` nano units; nothing where there is none.
    fn write_decimal_suffix(&self, groups: u32, out: &mut dyn Write) -> fmt::Result {
        if self.format == Format::DecimalExponent {
            let exponent = 3 * i64::from(groups) - 9;
            return if exponent == 0 { Ok(()) } else { write!(out, "e{exponent}") };
        }
        out.write_str(nth(&DECIMAL_SUFFIXES, u64::from(groups)))
    }

    /// Writes the magnitude in powers of 1024, or says that it is not to be written so.
    fn write_binary(&self, style: Style, out: &mut dyn Write) -> Result<bool, fmt::Error> {
        match &self.amount {
            Amount::Small { units: i64::MIN, .. } if style == Style::Exact => Ok(false),
            Amount::Small { units, nanos: 0 } if units.unsigned_abs() >= 1024 => {
                let powers = units.unsigned_abs().trailing_zeros() / 10;
                let suffix = nth(&BINARY_SUFFIXES, u64::from(powers));
                write!(out, "{}{suffix}", units.unsigned_abs() >> (10 * powers))?;
                Ok(true)
            }
            Amount::Big(nanos) if style == Style::Kubelet => {
                let units: BigInt = &**nanos / GIGA;
                if &units * GIGA != **nanos {
                    return Ok(false);
                }
                let powers = units.trailing_zeros().unwrap_or(0) / 10;
                write!(out, "{}{}", units.magnitude() >> (10 * powers), nth(&BINARY_SUFFIXES, powers))?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

/// The canonical text; see [`Quantity`]. Width, fill and alignment are heeded.
impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if formatter.width().is_none() && formatter.precision().is_none() {
            return self.write(Style::Exact, formatter);
        }
        formatter.pad(&self.text(Style::Exact))
    }
}

impl fmt::Debug for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Quantity({}, {:?})", self.text(Style::Exact), self.format)
    }
}

/// The suffix at that place, or none.
fn nth<'a>(suffixes: &[&'a str], place: u64) -> &'a str {
    usize::try_from(place).ok().and_then(|place| suffixes.get(place).copied()).unwrap_or("")
}

/// The number without its factors of 1000, and how many those are. Not for zero.
fn without_thousands(mut number: u64) -> (u64, u32) {
    let mut groups = 0;
    while number != 0 && number.is_multiple_of(1000) {
        number /= 1000;
        groups += 1;
    }
    (number, groups)
}

/// The magnitude of `units + nanos / 10⁹`, in units and nano units, where `nanos` is not zero.
fn magnitude(units: i64, nanos: u32) -> (u64, u32) {
    if units < 0 { ((units + 1).unsigned_abs(), GIGA - nanos) } else { (units.unsigned_abs(), nanos) }
}
