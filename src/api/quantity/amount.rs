//! The number behind a quantity: a whole number of nano units, without floating point.

use std::borrow::Cow;
use std::cmp::Ordering;

use num_bigint::{BigInt, BigUint, Sign};

/// Nano units in a unit.
pub(super) const GIGA: u32 = 1_000_000_000;
const MEGA: u32 = 1_000_000;

/// The largest amount is 10 to this power, in units.
const LIMIT_EXPONENT: u32 = 1000;
/// How many decimal digits the largest amount has when written in nano units.
pub(super) const LIMIT_DIGITS: u32 = LIMIT_EXPONENT + 10;
/// How many bits the largest amount has when written in nano units; fewer bits are certainly within it.
const LIMIT_BITS: u64 = 3352;

/// A number of nano units.
///
/// There is one form for each number, so that derived equality and hashing are right: `Small` whenever the
/// floor of the amount in units fits an `i64`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Amount {
    /// `units + nanos / 10⁹`, where `units` is the floor (so -0.1 is `-1 + 0.9`) and `nanos` is below 10⁹.
    Small { units: i64, nanos: u32 },
    /// Nano units.
    Big(Box<BigInt>),
}

impl Amount {
    pub(super) const ZERO: Self = Self::from_units(0);

    pub(super) const fn from_units(units: i64) -> Self {
        Self::Small { units, nanos: 0 }
    }

    pub(super) fn from_milli(milli: i64) -> Self {
        Self::from_nanos(i128::from(milli) * i128::from(MEGA))
    }

    pub(super) fn from_bytes(bytes: u64) -> Self {
        Self::from_nanos(i128::from(bytes) * i128::from(GIGA))
    }

    /// Any `i128` is within the limit.
    pub(super) fn from_nanos(nanos: i128) -> Self {
        let giga = i128::from(GIGA);
        match (i64::try_from(nanos.div_euclid(giga)), u32::try_from(nanos.rem_euclid(giga))) {
            (Ok(units), Ok(nanos)) => Self::Small { units, nanos },
            _ => Self::Big(Box::new(BigInt::from(nanos))),
        }
    }

    /// `None` beyond the limit.
    pub(super) fn from_big_nanos(nanos: BigInt) -> Option<Self> {
        let within = nanos.bits() < LIMIT_BITS || *nanos.magnitude() <= limit_magnitude();
        within.then(|| Self::normal(nanos))
    }

    fn normal(nanos: BigInt) -> Self {
        match i128::try_from(&nanos) {
            Ok(small) => Self::from_nanos(small),
            Err(_) => Self::Big(Box::new(nanos)),
        }
    }

    /// The largest amount of that sign; zero counts as positive.
    pub(super) fn limit(sign: i32) -> Self {
        let sign = if sign < 0 { Sign::Minus } else { Sign::Plus };
        Self::Big(Box::new(BigInt::from_biguint(sign, limit_magnitude())))
    }

    #[inline]
    pub(super) fn signum(&self) -> i32 {
        match self {
            Self::Small { units: 0, nanos: 0 } => 0,
            Self::Small { units, .. } => {
                if *units < 0 {
                    -1
                } else {
                    1
                }
            }
            Self::Big(nanos) => match nanos.sign() {
                Sign::Minus => -1,
                Sign::NoSign => 0,
                Sign::Plus => 1,
            },
        }
    }

    /// Whether it is between -1 and 1 but not zero.
    pub(super) fn is_within_one(&self) -> bool {
        matches!(self, Self::Small { units: -1 | 0, nanos: 1.. })
    }

    /// Whole units, rounded away from zero.
    pub(super) fn units(&self) -> Option<i64> {
        match *self {
            Self::Small { units, nanos } if units >= 0 && nanos > 0 => units.checked_add(1),
            Self::Small { units, .. } => Some(units),
            Self::Big(_) => None,
        }
    }

    /// Thousandths of a unit, rounded away from zero.
    pub(super) fn milli(&self) -> Option<i64> {
        match *self {
            Self::Small { units, nanos } => {
                let rest = if units >= 0 { nanos.div_ceil(MEGA) } else { nanos / MEGA };
                i64::try_from(i128::from(units) * 1000 + i128::from(rest)).ok()
            }
            Self::Big(_) => None,
        }
    }

    /// Whole units rounded up, between 0 and `u64::MAX`.
    pub(super) fn bytes_saturating(&self) -> u64 {
        match self {
            _ if self.signum() < 0 => 0,
            Self::Small { units, nanos } => units.unsigned_abs() + u64::from(*nanos > 0),
            Self::Big(nanos) => {
                let rounded_up = (nanos.magnitude() + (GIGA - 1)) / GIGA;
                u64::try_from(rounded_up).unwrap_or(u64::MAX)
            }
        }
    }

    /// In billionths, saturating.
    #[inline]
    pub(super) fn nanos_saturating(&self) -> i128 {
        match self {
            Self::Small { units, nanos } => in_nanos(*units, *nanos),
            Self::Big(nanos) => {
                let nearest = if self.signum() < 0 { i128::MIN } else { i128::MAX };
                i128::try_from(nanos.as_ref()).unwrap_or(nearest)
            }
        }
    }

    #[inline]
    pub(super) fn checked_add(&self, other: &Self) -> Option<Self> {
        if let (&Self::Small { units: a, nanos: x }, &Self::Small { units: b, nanos: y }) = (self, other) {
            let (nanos, carry) = if x + y >= GIGA { (x + y - GIGA, 1) } else { (x + y, 0) };
            if let Some(units) = a.checked_add(b).and_then(|units| units.checked_add(carry)) {
                return Some(Self::Small { units, nanos });
            }
        }
        self.add_big(other)
    }

    #[inline]
    pub(super) fn checked_sub(&self, other: &Self) -> Option<Self> {
        if let (&Self::Small { units: a, nanos: x }, &Self::Small { units: b, nanos: y }) = (self, other) {
            let (nanos, borrow) = if x < y { (x + GIGA - y, 1) } else { (x - y, 0) };
            if let Some(units) = a.checked_sub(b).and_then(|units| units.checked_sub(borrow)) {
                return Some(Self::Small { units, nanos });
            }
        }
        self.sub_big(other)
    }

    #[cold]
    fn add_big(&self, other: &Self) -> Option<Self> {
        Self::from_big_nanos(self.to_big().as_ref() + other.to_big().as_ref())
    }

    #[cold]
    fn sub_big(&self, other: &Self) -> Option<Self> {
        Self::from_big_nanos(self.to_big().as_ref() - other.to_big().as_ref())
    }

    pub(super) fn negated(self) -> Self {
        match self {
            Self::Small { units, nanos } => Self::from_nanos(-in_nanos(units, nanos)),
            // The limit is symmetric, but the range of `Small` is not: 2^63 is big, -2^63 is small.
            Self::Big(nanos) => Self::normal(-*nanos),
        }
    }

    fn to_big(&self) -> Cow<'_, BigInt> {
        match self {
            Self::Small { units, nanos } => Cow::Owned(BigInt::from(in_nanos(*units, *nanos))),
            Self::Big(nanos) => Cow::Borrowed(nanos),
        }
    }
}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Amount {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Small { units: a, nanos: x }, Self::Small { units: b, nanos: y }) => {
                a.cmp(b).then_with(|| x.cmp(y))
            }
            (Self::Big(a), Self::Big(b)) => a.cmp(b),
            // A big amount is beyond every small one, so its sign decides.
            (Self::Big(_), Self::Small { .. }) => self.signum().cmp(&0),
            (Self::Small { .. }, Self::Big(_)) => 0.cmp(&other.signum()),
        }
    }
}

/// Never overflows: an `i64` times 10⁹ has 94 bits.
fn in_nanos(units: i64, nanos: u32) -> i128 {
    i128::from(units) * i128::from(GIGA) + i128::from(nanos)
}

fn limit_magnitude() -> BigUint {
    BigUint::from(10_u32).pow(LIMIT_DIGITS - 1)
}
