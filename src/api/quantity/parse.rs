//! Reading a quantity, by the grammar and with the roundings of Kubernetes.

use std::str::FromStr;

use num_bigint::{BigInt, BigUint, Sign};

use super::amount::{Amount, GIGA, LIMIT_DIGITS};
use super::{Format, Quantity};

/// What a suffix may be, smallest first, with what it multiplies by.
const SUFFIXES: [(&str, Scale); 16] = [
    ("n", Scale::Ten(-9)),
    ("u", Scale::Ten(-6)),
    ("m", Scale::Ten(-3)),
    ("", Scale::Ten(0)),
    ("k", Scale::Ten(3)),
    ("M", Scale::Ten(6)),
    ("G", Scale::Ten(9)),
    ("T", Scale::Ten(12)),
    ("P", Scale::Ten(15)),
    ("E", Scale::Ten(18)),
    ("Ki", Scale::Two(10)),
    ("Mi", Scale::Two(20)),
    ("Gi", Scale::Two(30)),
    ("Ti", Scale::Two(40)),
    ("Pi", Scale::Two(50)),
    ("Ei", Scale::Two(60)),
];

/// The characters that a suffix may be made of.
const SUFFIX_CHARACTERS: &[u8] = b"eEinumkKMGTP";

/// How much of a bad input an error repeats, in characters.
const EXCERPT: usize = 64;

/// Binary amounts have no more fraction digits than these: the rest can only decide whether to round up
/// (a fraction cut after 9 + 60 digits, times 2⁶⁰ nano units, is never nearer to the next whole number than
/// what was cut off).
const BINARY_FRACTION_DIGITS: usize = 69;

/// Why a text is not a quantity.
///
/// The input is repeated in the error, cut off after 64 characters.
///
/// ```
/// use node_lifecycle::api::{ParseQuantityError, Quantity};
///
/// let error = "12mi".parse::<Quantity>().unwrap_err();
/// assert!(matches!(error, ParseQuantityError::Suffix { .. }));
/// assert_eq!(
///     error.to_string(),
///     "quantity \"12mi\" has the unknown suffix \"mi\" (is \"Mi\" meant?): right would be one of \
///      n u m k M G T P E, Ki Mi Gi Ti Pi Ei, an exponent such as e3, or none"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseQuantityError {
    /// There is no text at all.
    #[error("a quantity must not be empty: right would be a number such as 2, 1.5, 500m, 2Gi or 1e3")]
    Empty,
    /// The text is not a number with a suffix: Kubernetes' form error.
    #[error(
        "quantity {input:?} has {found:?} at byte {at}, where no such character can be: \
         right would be a number and an optional suffix, such as 2, 1.5, 500m, 2Gi or 1e3"
    )]
    Form {
        /// The input, cut off if it is long.
        input: String,
        /// Where the first wrong character is, in bytes from the start.
        at: usize,
        /// The first wrong character.
        found: char,
    },
    /// The text is a number, but what follows is no suffix that Kubernetes knows: its suffix error.
    #[error(
        "quantity {input:?} has the unknown suffix {suffix:?}{}: right would be one of \
         n u m k M G T P E, Ki Mi Gi Ti Pi Ei, an exponent such as e3, or none",
        .meant.map(|meant| format!(" (is {meant:?} meant?)")).unwrap_or_default()
    )]
    Suffix {
        /// The input, cut off if it is long.
        input: String,
        /// The suffix, cut off if it is long.
        suffix: String,
        /// The suffix that differs from this one only in its case, if there is one.
        meant: Option<&'static str>,
    },
    /// There is a suffix but no digit before it.
    ///
    /// Kubernetes reads a missing number as zero before most suffixes, and so do we; before `Pi`, `Ei` and
    /// exponents below -9 it refuses.
    #[error("quantity {input:?} has no digits: right would be a number before the suffix, as in 1Ei")]
    NoDigits {
        /// The input, cut off if it is long.
        input: String,
    },
    /// The amount is beyond 10¹⁰⁰⁰ in magnitude, more than a [`Quantity`] can hold.
    #[error("quantity {input:?} is too large: right would be a magnitude of at most 1e1000")]
    TooLarge {
        /// The input, cut off if it is long.
        input: String,
    },
}

/// What the number is multiplied by: a power of ten or of two.
#[derive(Debug, Clone, Copy)]
enum Scale {
    Ten(i64),
    Two(u32),
}

/// A text taken apart.
pub(super) struct Parts<'a> {
    input: &'a str,
    negative: bool,
    /// Digits before the point, without leading zeros.
    integer: &'a [u8],
    /// Digits after the point.
    fraction: &'a [u8],
    /// Whether any digit was written.
    digits: bool,
    scale: Scale,
    format: Format,
}

impl Quantity {
    /// Reads a quantity, as Kubernetes does.
    ///
    /// The text is an optional sign, digits with at most one point among them, and a suffix: none, one of
    /// `n u m k M G T P E` (powers of 1000), one of `Ki Mi Gi Ti Pi Ei` (powers of 1024), or `e` or `E` with a
    /// decimal exponent. White space is an error. The suffix decides the [`format`](Self::format).
    ///
    /// - What is finer than 10⁻⁹ is rounded away from zero, so that a little is never nothing: `0.1n` is `1n`.
    /// - With a binary suffix the amount is capped at ±(2⁶³-1): `8Ei` is one less than 2⁶³.
    /// - With a binary suffix an amount between -1 and 1, zero apart, gets [`Format::DecimalSi`].
    /// - A number without digits (`.`, `+`, `Ki`) is zero where Kubernetes reads it so; see
    ///   [`ParseQuantityError::NoDigits`].
    ///
    /// The time taken is linear in the length of the text, up to some 2,000 digits that count.
    ///
    /// # Errors
    ///
    /// [`ParseQuantityError`] says what is wrong and what would be right. Beyond Kubernetes' own errors,
    /// magnitudes above 10¹⁰⁰⁰ are refused.
    ///
    /// ```
    /// use node_lifecycle::api::{Format, Quantity};
    ///
    /// let memory = Quantity::parse("1.5Gi")?;
    /// assert_eq!(memory.value(), Ok(3 << 29));
    /// assert_eq!(memory.format(), Format::BinarySi);
    /// assert_eq!(Quantity::parse("1e3")?, Quantity::from_units(1000));
    /// assert!(Quantity::parse("1e1001").is_err());
    /// # Ok::<(), node_lifecycle::api::ParseQuantityError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, ParseQuantityError> {
        Parts::of(text)?.quantity()
    }
}

impl FromStr for Quantity {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, ParseQuantityError> {
        Self::parse(text)
    }
}

impl<'a> Parts<'a> {
    pub(super) fn of(input: &'a str) -> Result<Self, ParseQuantityError> {
        if input.is_empty() {
            return Err(ParseQuantityError::Empty);
        }
        let bytes = input.as_bytes();
        let mut at = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
        let whole = take_while(bytes, &mut at, u8::is_ascii_digit);
        let mut fraction: &[u8] = &[];
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            fraction = take_while(bytes, &mut at, u8::is_ascii_digit);
        }
        let suffix_at = at;
        take_while(bytes, &mut at, |byte| SUFFIX_CHARACTERS.contains(byte));
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        take_while(bytes, &mut at, u8::is_ascii_digit);
        // Everything so far was ASCII, so `at` and `suffix_at` are between characters.
        if let Some(found) = input.get(at..).and_then(|rest| rest.chars().next()) {
            return Err(ParseQuantityError::Form { input: excerpt(input), at, found });
        }
        let suffix = input.get(suffix_at..).unwrap_or_default();
        let Some((scale, format)) = interpret(suffix) else {
            return Err(ParseQuantityError::Suffix {
                input: excerpt(input),
                suffix: excerpt(suffix),
                meant: meant_by(suffix),
            });
        };
        Ok(Self {
            input,
            negative: bytes.first() == Some(&b'-'),
            integer: without_leading_zeros(whole),
            fraction,
            digits: !whole.is_empty() || !fraction.is_empty(),
            scale,
            format,
        })
    }

    pub(super) fn quantity(&self) -> Result<Quantity, ParseQuantityError> {
        if !self.digits && !self.is_short() {
            return Err(ParseQuantityError::NoDigits { input: excerpt(self.input) });
        }
        let (amount, format) = match self.scale {
            Scale::Ten(exponent) => {
                let amount = decimal(self.negative, self.integer, self.fraction, exponent)
                    .ok_or_else(|| ParseQuantityError::TooLarge { input: excerpt(self.input) })?;
                (amount, self.format)
            }
            Scale::Two(exponent) => {
                let amount = binary(self.negative, self.integer, self.fraction, exponent);
                let format = if amount.is_within_one() { Format::DecimalSi } else { self.format };
                (amount, format)
            }
        };
        Ok(Quantity { amount, format })
    }

    /// Whether Kubernetes keeps the text as it was typed and prints that, until arithmetic is done with it.
    ///
    /// It does so for short numbers that it takes for canonical already, and it looks only at the digits: a
    /// plus sign, leading zeros, and a point that happens to shift by a multiple of three all stay.
    pub(super) fn echoes(&self) -> bool {
        if !self.is_short() {
            return false;
        }
        match self.scale {
            Scale::Ten(exponent) => {
                let mut last = self.fraction.iter().rev().chain(self.integer.iter().rev());
                let thousands = (0..3).all(|_| last.next() == Some(&b'0'));
                !self.integer.is_empty()
                    && !thousands
                    && exponent.saturating_sub(length(self.fraction)) % 3 == 0
            }
            // Whether the number before the suffix is no multiple of 8.
            Scale::Two(_) => self.integer.iter().fold(0, |n, digit| (n * 10 + (digit & 15)) % 8) != 0,
        }
    }

    /// Whether Kubernetes reads the number in 64-bit integers: up to 18 decimal digits, no finer than nano; or
    /// a whole binary number whose digits, and some for the suffix, are no more than 14.
    fn is_short(&self) -> bool {
        let integer = length(self.integer).max(1);
        let fraction = length(self.fraction);
        match self.scale {
            Scale::Ten(exponent) => integer + fraction <= 18 && exponent.saturating_sub(fraction) >= -9,
            Scale::Two(exponent) => fraction == 0 && integer + i64::from(exponent) * 3 / 10 <= 14,
        }
    }
}

fn take_while<'a>(bytes: &'a [u8], at: &mut usize, wanted: impl Fn(&u8) -> bool) -> &'a [u8] {
    let rest = bytes.get(*at..).unwrap_or_default();
    let taken = rest.iter().position(|byte| !wanted(byte)).unwrap_or(rest.len());
    *at += taken;
    rest.get(..taken).unwrap_or_default()
}

fn interpret(suffix: &str) -> Option<(Scale, Format)> {
    if let Some((_, scale)) = SUFFIXES.iter().find(|(name, _)| *name == suffix) {
        let format = match scale {
            Scale::Ten(_) => Format::DecimalSi,
            Scale::Two(_) => Format::BinarySi,
        };
        return Some((*scale, format));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    Some((Scale::Ten(exponent), Format::DecimalExponent))
}

/// The suffix of which this one is a misspelling in case. (An `e` is rather half an exponent.)
fn meant_by(suffix: &str) -> Option<&'static str> {
    let names = SUFFIXES.iter().map(|(name, _)| *name);
    names.filter(|_| suffix != "e").find(|name| name.eq_ignore_ascii_case(suffix))
}

/// The number times 10^`exponent`, rounded away from zero to nano units; `None` if it is too large.
fn decimal(negative: bool, integer: &[u8], fraction: &[u8], exponent: i64) -> Option<Amount> {
    // The number is `digits` times 10^`shift` nano units.
    let shift = exponent.saturating_add(9).saturating_sub(length(fraction));
    let fraction = if integer.is_empty() { without_leading_zeros(fraction) } else { fraction };
    let count = length(integer) + length(fraction);
    if count == 0 {
        return Some(Amount::ZERO);
    }
    let total = count.saturating_add(shift);
    if total > i64::from(LIMIT_DIGITS) {
        return None;
    }
    // At most `LIMIT_DIGITS` now; if it is not positive, every digit is rounded away.
    let kept = usize::try_from(total.min(count)).unwrap_or(0);
    let zeros = u32::try_from(shift).unwrap_or(0);
    let mut digits = integer.iter().chain(fraction).copied();
    if count <= 18
        && shift >= 0
        && let Some(amount) = short_decimal(digits.clone(), negative, zeros)
    {
        return Some(amount);
    }
    if total <= 38 {
        let number = digits.by_ref().take(kept).fold(0_i128, |n, digit| n * 10 + i128::from(digit & 15));
        let rounded = number * 10_i128.pow(zeros) + i128::from(digits.any(|digit| digit != b'0'));
        return Some(Amount::from_nanos(if negative { -rounded } else { rounded }));
    }
    let head: Vec<u8> = digits.by_ref().take(kept).collect();
    let number = BigUint::parse_bytes(&head, 10)? * BigUint::from(10_u32).pow(zeros);
    let rounded = number + u32::from(digits.any(|digit| digit != b'0'));
    let sign = if negative { Sign::Minus } else { Sign::Plus };
    Amount::from_big_nanos(BigInt::from_biguint(sign, rounded))
}

/// A short number times 10^`shift` nano units, without 128-bit arithmetic; `None` if that does not do.
fn short_decimal(digits: impl Iterator<Item = u8>, negative: bool, shift: u32) -> Option<Amount> {
    let magnitude = digits.fold(0_i64, |n, digit| n * 10 + i64::from(digit & 15));
    let number = if negative { -magnitude } else { magnitude };
    if shift >= 9 {
        return number.checked_mul(10_i64.checked_pow(shift - 9)?).map(Amount::from_units);
    }
    let unit = 10_i64.pow(9 - shift);
    let nanos = u32::try_from(number.rem_euclid(unit)).ok()? * 10_u32.pow(shift);
    Some(Amount::Small { units: number.div_euclid(unit), nanos })
}

/// The number times 2^`exponent`, rounded away from zero to nano units and capped.
fn binary(negative: bool, integer: &[u8], fraction: &[u8], exponent: u32) -> Amount {
    let signed = |units: i64| Amount::from_units(if negative { -units } else { units });
    if integer.len() > 19 {
        return signed(i64::MAX);
    }
    // Below 10^19 times 2^60, which fits.
    let whole = integer.iter().fold(0_u128, |n, digit| n * 10 + u128::from(digit & 15)) << exponent;
    let Ok(whole) = i64::try_from(whole) else {
        return signed(i64::MAX);
    };
    if fraction.is_empty() {
        return signed(whole);
    }
    let giga = i128::from(GIGA);
    let nanos = i128::from(whole) * giga + binary_fraction(fraction, exponent);
    let capped = nanos.min(i128::from(i64::MAX) * giga);
    Amount::from_nanos(if negative { -capped } else { capped })
}

/// 0.`fraction` times 2^`exponent` in nano units, rounded up.
fn binary_fraction(fraction: &[u8], exponent: u32) -> i128 {
    let (head, tail) = fraction.split_at(fraction.len().min(BINARY_FRACTION_DIGITS));
    let mut inexact = tail.iter().any(|digit| *digit != b'0');
    let head = without_trailing_zeros(head);
    let places = u32::try_from(head.len()).unwrap_or(u32::MAX);
    let nanos = if places <= 20 {
        // Below 10^20 times 2^60, which fits.
        let number = head.iter().fold(0_i128, |n, digit| n * 10 + i128::from(digit & 15)) << exponent;
        if places <= 9 {
            number * 10_i128.pow(9 - places)
        } else {
            let divisor = 10_i128.pow(places - 9);
            inexact |= number % divisor != 0;
            number / divisor
        }
    } else {
        let number = BigUint::parse_bytes(head, 10).unwrap_or_default() << exponent;
        let divisor = BigUint::from(10_u32).pow(places - 9);
        let quotient = &number / &divisor;
        inexact |= quotient.clone() * divisor != number;
        // Below 2^60 * 10^9.
        i128::try_from(quotient).unwrap_or(i128::MAX / 2)
    };
    nanos + i128::from(inexact)
}

fn length(digits: &[u8]) -> i64 {
    i64::try_from(digits.len()).unwrap_or(i64::MAX)
}

fn without_leading_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

fn without_trailing_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().rev().take_while(|digit| **digit == b'0').count();
    digits.get(..digits.len() - zeros).unwrap_or_default()
}

/// The start of a text that may be long, for an error.
pub(super) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
