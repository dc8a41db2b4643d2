//! Amounts of a resource: `500m` of a CPU, `1.5Gi` of memory.
//!
//! Kubernetes writes such an amount as a decimal number with a suffix, and remembers which family the
//! suffix was of so that it can print in the same family. [`Quantity`] is that, with exact arithmetic: an
//! amount is a whole number of nano units, small ones in place, huge ones as a boxed big integer, and no
//! floating point anywhere.
//!
//! Three things the kubelet does with such numbers are faults, and are not copied: amounts of 1000E and more
//! print without their last suffix (`2000E` as `2`), conversions to integers wrap around in silence, and
//! negative fractions may round to a positive number. Here printing is exact and an overflow is an error.
//! [`Quantity::to_kubelet_string`] and [`Quantity::kubelet_text`] give the kubelet's own text where that is
//! what is wanted.

mod amount;
mod json;
mod parse;
mod print;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use amount::Amount;
pub use parse::ParseQuantityError;

/// The family of suffixes in which a [`Quantity`] prints.
///
/// A quantity has the family it was written in. It is not part of the amount: `1Ki` and `1024` are equal.
///
/// ```
/// use node_lifecycle::api::{Format, Quantity};
///
/// assert_eq!("1.5".parse::<Quantity>()?.format(), Format::DecimalSi);
/// assert_eq!("1.5Gi".parse::<Quantity>()?.format(), Format::BinarySi);
/// assert_eq!("15e-1".parse::<Quantity>()?.format(), Format::DecimalExponent);
/// # Ok::<(), node_lifecycle::api::ParseQuantityError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Format {
    /// Powers of 1000: `n`, `u`, `m`, none, `k`, `M`, `G`, `T`, `P`, `E`. Kubernetes' `DecimalSI`.
    #[default]
    DecimalSi,
    /// Powers of 1024: `Ki`, `Mi`, `Gi`, `Ti`, `Pi`, `Ei`. Kubernetes' `BinarySI`.
    BinarySi,
    /// A decimal exponent: `12e6`. Kubernetes' `DecimalExponent`.
    DecimalExponent,
}

/// An exact amount of a resource, and the family of suffixes in which it prints.
///
/// # Range
///
/// The amount is a whole number of nano units (10⁻⁹), at most 10¹⁰⁰⁰ in magnitude. That is far beyond any
/// use: what fits a signed 64-bit number of units takes no allocation, what does not is on the heap, and the
/// limit is there so that six bytes of hostile input (`1e9999999`) cannot take gigabytes. Sums that would
/// pass it stop at it ([`checked_add`](Self::checked_add) tells).
///
/// # Equality and order
///
/// By amount alone; the format is neither compared nor hashed.
///
/// # Arithmetic
///
/// `+` and `-` are exact. The result has the format of the left operand, or of the right one when the left
/// one is zero, as in Kubernetes.
///
/// # Text
///
/// [`Display`](std::fmt::Display) is Kubernetes' canonical form: no fraction, the largest suffix that leaves
/// a whole number, no sign but a minus. A [`Format::BinarySi`] amount that is below 1024 in magnitude or not
/// whole prints as [`Format::DecimalSi`]. Two rules are our own, so that the text always reads back as the
/// same amount: 1000E and more print as a larger number of `E` (`2000E`), for which Kubernetes has no suffix
/// at all, and a binary amount beyond ±(2⁶³-1), which would be capped when read, prints in decimal form.
///
/// ```
/// use node_lifecycle::api::Quantity;
///
/// let request: Quantity = "1.5Gi".parse()?;
/// let overhead: Quantity = "512Mi".parse()?;
/// assert_eq!((&request + &overhead).to_string(), "2Gi");
/// assert_eq!(request.value(), Ok(1_610_612_736));
/// assert!(overhead < request);
/// assert_eq!("0.1".parse::<Quantity>()?, "100m".parse::<Quantity>()?);
/// # Ok::<(), node_lifecycle::api::ParseQuantityError>(())
/// ```
#[derive(Clone)]
pub struct Quantity {
    amount: Amount,
    format: Format,
}

/// An amount that does not fit the 64-bit integer that was asked for.
///
/// ```
/// use node_lifecycle::api::Quantity;
///
/// let many: Quantity = "10E".parse()?;
/// let error = many.value().unwrap_err();
/// assert!(error.to_string().starts_with("10E in whole units does not fit a signed 64-bit integer"));
/// # Ok::<(), node_lifecycle::api::ParseQuantityError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{amount} in {unit} does not fit a signed 64-bit integer: \
     take an amount whose number of {unit} is within -2^63 to 2^63-1, or use the saturating form"
)]
#[non_exhaustive]
pub struct QuantityOverflow {
    /// The amount in canonical text, cut off if it is very long.
    pub amount: String,
    /// What was counted: `whole units` or `milli units`.
    pub unit: &'static str,
}

impl Quantity {
    /// Nothing, in [`Format::DecimalSi`].
    ///
    /// ```
    /// use node_lifecycle::api::Quantity;
    ///
    /// assert!(Quantity::ZERO.is_zero());
    /// assert_eq!(Quantity::default(), Quantity::ZERO);
    /// ```
    pub const ZERO: Self = Self { amount: Amount::ZERO, format: Format::DecimalSi };

    /// That many whole units (cores, bytes, pods), in [`Format::DecimalSi`].
    ///
    /// ```
    /// use node_lifecycle::api::Quantity;
    ///
    /// assert_eq!(Quantity::from_units(2000).to_string(), "2k");
    /// ```
    #[must_use]
    pub const fn from_units(units: i64) -> Self {
        Self { amount: Amount::from_units(units), format: Format::DecimalSi }
    }

    /// That many thousandths of a unit (millicores, say).
    ///
    /// ```
    /// use node_lifecycle::api::{Format, Quantity};
    ///
    /// assert_eq!(Quantity::from_milli(1500, Format::DecimalSi).to_string(), "1500m");
    /// assert_eq!(Quantity::from_milli(-2000, Format::DecimalSi).to_string(), "-2");
    /// ```
    #[must_use]
    pub fn from_milli(milli: i64, format: Format) -> Self {
        Self { amount: Amount::from_milli(milli), format }
    }

    /// That many bytes, in [`Format::BinarySi`].
    ///
    /// ```
    /// use node_lifecycle::api::Quantity;
    ///
    /// assert_eq!(Quantity::from_bytes(1_610_612_736).to_string(), "1536Mi");
    /// ```
    #[must_use]
    pub fn from_bytes(bytes: u64) -> Self {
        Self { amount: Amount::from_bytes(bytes), format: Format::BinarySi }
    }

    /// The same amount in another family of suffixes.
    ///
    /// ```
    /// use node_lifecycle::api::{Format, Quantity};
    ///
    /// assert_eq!(Quantity::from_units(4096).with_format(Format::BinarySi).to_string(), "4Ki");
    /// ```
    #[must_use]
    pub fn with_format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// The family of suffixes in which it prints.
    ///
    /// ```
    /// use node_lifecycle::api::{Format, Quantity};
    ///
    /// assert_eq!(Quantity::from_bytes(1).format(), Format::BinarySi);
    /// ```
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Whether the amount is zero.
    ///
    /// ```
    /// use node_lifecycle::api::Quantity;
    ///
    /// assert!("-0.0Ki".parse::<Quantity>()?.is_zero());
    /// assert!(!"1n".parse::<Quantity>()?.is_zero());
    /// # Ok::<(), node_lifecycle::api::ParseQuantityError>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn is_zero(&self) -> bool {
        self.amount.signum() == 0
    }

    /// -1, 0 or 1: the sign of the amount.
    ///
    /// ```
    /// use node_lifecycle::api::Quantity;
    ///
    /// assert_eq!("-1n".parse::<Quantity>()?.signum(), -1);
    /// # Ok::<(), node_lifecycle::api::ParseQuantityError>(())
    /// ```
    #[must_use]
    pub fn signum(&self) -> i32 {
        self.amount.signum()
    }

    /// The amount in whole units, rounded away from zero.
    ///
    /// # Errors
    ///
    /// [`QuantityOverflow`] when the result does not fit an `i64`. Kubernetes wraps around there.
    ///
    /// ```
    /// use node_lifecycle::api::Quantity;
    ///
    /// assert_eq!("1500m".parse::<Quantity>()?.value(), Ok(2));
    /// assert_eq!("-1500m".parse::<Quantity>()?.value(), Ok(-2));
    /// assert!("10E".parse::<Quantity>()?.value().is_err());
    /// # Ok::<(), node_lifecycle::api::ParseQuantityError>(())
    /// ```
    pub fn value(&self) -> Result<i64, QuantityOverflow> {
        self.amount.units().ok_or_else(|| self.overflow("whole units"))
    }

    /// The amount in thousandths of a unit, rounded away from zero.
    ///
    /// # Errors
    ///
    /// [`QuantityOverflow`] when the result does not fit an `i64`. Kubernetes wraps around there.
    ///
    /// ```
    /// use node_lifecycle::api::Quantity;
    ///
    /// assert_eq!("0.25".parse::<Quantity>()?.milli_value(), Ok(250));
    /// assert_eq!("1u".parse::<Quantity>()?.milli_value(), Ok(1));
    /// assert!("1E".parse::<Quantity>()?.milli_value().is_err());
    /// # Ok::<(), node_lifecycle::api::ParseQuantityError>(())
    /// ```
    pub fn milli_value(&self) -> Result<i64, QuantityOverflow> {
        self.amount.milli().ok_or_else(|| self.overflow("milli units"))
    }

    /// As [`value`](Self::value), but `i64::MIN` or `i64::MAX` where that would be an error.
    ///
    /// ```
    /// use node_lifecycle::api::Quantity;
    ///
    /// assert_eq!("10E".parse::<Quantity>()?.value_saturating(), i64::MAX);
    /// # Ok::<(), node_lifecycle::api::ParseQuantityError>(())
    /// ```
    #[must_use]
    pub fn value_saturating(&self) -> i64 {
        self.amount.units().unwrap_or_else(|| self.nearest())
    }

    /// As [`milli_value`](Self::milli_value), but `i64::MIN` or `i64::MAX` where that would be an error.
    ///
    /// ```
    /// use node_lifecycle::api::Quantity;
    ///
    /// assert_eq!("-1E".parse::<Quantity>()?.milli_value_saturating(), i64::MIN);
    /// # Ok::<(), node_lifecycle::api::ParseQuantityError>(())
    /// ```
    #[must_use]
    pub fn milli_value_saturating(&self) -> i64 {
        self.amount.milli().unwrap_or_else(|| self.nearest())
    }

    /// The amount as a size: whole units rounded up; 0 for a negative amount, `u64::MAX` for one beyond it.
    ///
    /// ```
    /// use node_lifecycle::api::Quantity;
    ///
    /// assert_eq!("1Ki".parse::<Quantity>()?.bytes_saturating(), 1024);
    /// assert_eq!("-1Ki".parse::<Quantity>()?.bytes_saturating(), 0);
    /// assert_eq!("100E".parse::<Quantity>()?.bytes_saturating(), u64::MAX);
    /// # Ok::<(), node_lifecycle::api::ParseQuantityError>(())
    /// ```
    #[must_use]
    pub fn bytes_saturating(&self) -> u64 {
        self.amount.bytes_saturating()
    }

    /// That many billionths.
    pub(crate) fn from_nanos(nanos: i128, format: Format) -> Self {
        Self { amount: Amount::from_nanos(nanos), format }
    }

    /// The amount in billionths, saturating.
    pub(crate) fn nanos_saturating(&self) -> i128 {
        self.amount.nanos_saturating()
    }

    /// The exact sum, or `None` if it is beyond 10¹⁰⁰⁰ in magnitude.
    ///
    /// ```
    /// use node_lifecycle::api::Quantity;
    ///
    /// let largest: Quantity = "1e1000".parse()?;
    /// assert_eq!(largest.checked_add(&Quantity::from_units(1)), None);
    /// assert_eq!(&largest + &Quantity::from_units(1), largest);
    /// # Ok::<(), node_lifecycle::api::ParseQuantityError>(())
    /// ```
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        let amount = self.amount.checked_add(&other.amount)?;
        Some(Self { amount, format: self.format_with(other) })
    }

    /// The exact difference, or `None` if it is beyond 10¹⁰⁰⁰ in magnitude.
    ///
    /// ```
    /// use node_lifecycle::api::Quantity;
    ///
    /// let left = Quantity::from_units(1).checked_sub(&Quantity::from_units(3));
    /// assert_eq!(left, Some(Quantity::from_units(-2)));
    /// ```
    #[must_use]
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        let amount = self.amount.checked_sub(&other.amount)?;
        Some(Self { amount, format: self.format_with(other) })
    }

    /// Kubernetes' rule for the format of a sum: a zero takes on the format of what is added to it.
    #[inline]
    fn format_with(&self, other: &Self) -> Format {
        if self.is_zero() { other.format } else { self.format }
    }

    fn nearest(&self) -> i64 {
        if self.signum() < 0 { i64::MIN } else { i64::MAX }
    }

    fn overflow(&self, unit: &'static str) -> QuantityOverflow {
        QuantityOverflow { amount: parse::excerpt(&self.to_string()), unit }
    }
}

impl Default for Quantity {
    fn default() -> Self {
        Self::ZERO
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.amount == other.amount
    }
}

impl Eq for Quantity {}

impl Hash for Quantity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.amount.hash(state);
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.amount.cmp(&other.amount)
    }
}

impl AddAssign<&Self> for Quantity {
    #[inline]
    fn add_assign(&mut self, other: &Self) {
        self.format = self.format_with(other);
        // Only operands of one sign can pass the limit together, so the left one has the sum's sign.
        self.amount =
            self.amount.checked_add(&other.amount).unwrap_or_else(|| Amount::limit(self.amount.signum()));
    }
}

impl SubAssign<&Self> for Quantity {
    #[inline]
    fn sub_assign(&mut self, other: &Self) {
        self.format = self.format_with(other);
        // Only operands of unlike sign can pass the limit, so the left one has the difference's sign.
        self.amount =
            self.amount.checked_sub(&other.amount).unwrap_or_else(|| Amount::limit(self.amount.signum()));
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        *self += &other;
    }
}

impl SubAssign for Quantity {
    fn sub_assign(&mut self, other: Self) {
        *self -= &other;
    }
}

impl Add<&Quantity> for &Quantity {
    type Output = Quantity;

    #[inline]
    fn add(self, other: &Quantity) -> Quantity {
        self.clone() + other
    }
}

impl Add<&Self> for Quantity {
    type Output = Self;

    #[inline]
    fn add(mut self, other: &Self) -> Self {
        self += other;
        self
    }
}

impl Add for Quantity {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        self + &other
    }
}

impl Sub<&Quantity> for &Quantity {
    type Output = Quantity;

    #[inline]
    fn sub(self, other: &Quantity) -> Quantity {
        self.clone() - other
    }
}

impl Sub<&Self> for Quantity {
    type Output = Self;

    #[inline]
    fn sub(mut self, other: &Self) -> Self {
        self -= other;
        self
    }
}

impl Sub for Quantity {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        self - &other
    }
}

impl Neg for Quantity {
    type Output = Self;

    fn neg(self) -> Self {
        Self { amount: self.amount.negated(), format: self.format }
    }
}

impl Neg for &Quantity {
    type Output = Quantity;

    fn neg(self) -> Quantity {
        -self.clone()
    }
}

impl Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, |sum, amount| sum + amount)
    }
}

impl<'a> Sum<&'a Self> for Quantity {
    fn sum<I: Iterator<Item = &'a Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, |sum, amount| sum + amount)
    }
}
