//! Amounts that are short enough to read.

use std::fmt;

use super::Resource;
use crate::api::Quantity;

/// An amount that is short enough to read: bytes with a binary prefix and one digit after the point, inodes and
/// processes as they are. What is left of a whole one counts as one, so that nothing missing shows as nothing.
///
/// ```
/// use node_lifecycle::eviction::{Amount, Resource};
///
/// assert_eq!(Amount::of_units(Resource::Memory, 2_616_995_840_u64).to_string(), "2.4Gi");
/// assert_eq!(Amount::of_units(Resource::Inodes, 2048_u64).to_string(), "2048");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    resource: Resource,
    units: i128,
}

impl Amount {
    /// So much of a resource.
    #[must_use]
    pub fn of(resource: Resource, quantity: &Quantity) -> Self {
        let nanos = quantity.nanos_saturating();
        // Away from zero.
        let rest = (nanos % GIGA).signum();
        Self { resource, units: nanos / GIGA + rest }
    }

    /// So many bytes, inodes or processes.
    #[must_use]
    pub fn of_units(resource: Resource, units: impl Into<i128>) -> Self {
        Self { resource, units: units.into() }
    }
}

const GIGA: i128 = 1_000_000_000;

/// A whole amount in billionths.
pub(super) fn in_nanos(units: impl Into<i128>) -> i128 {
    units.into() * GIGA
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.units.unsigned_abs();
        if matches!(self.resource, Resource::Inodes | Resource::Pids) || units < 1024 {
            return write!(f, "{}", self.units);
        }
        let prefixes = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        let (mut unit, mut prefix) = (1024_u128, 0);
        while units / unit >= 1024 && prefix + 1 < prefixes.len() {
            unit *= 1024;
            prefix += 1;
        }
        let tenths = units.saturating_mul(10).saturating_add(unit / 2) / unit;
        let sign = if self.units < 0 { "-" } else { "" };
        let prefix = prefixes.get(prefix).unwrap_or(&"");
        match tenths % 10 {
            0 => write!(f, "{sign}{}{prefix}", tenths / 10),
            rest => write!(f, "{sign}{}.{rest}{prefix}", tenths / 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short_and_never_hide_what_is_missing() {
        let bytes = |units: i128| Amount::of_units(Resource::Memory, units).to_string();
        let shown = [0, 1023, 1024, -1536, 100 << 20, (8 << 30) - 1, i128::MAX].map(bytes);
        assert_eq!(shown[..6], ["0", "1023", "1Ki", "-1.5Ki", "100Mi", "8Gi"]);
        assert!(shown[6].ends_with("Ei"));
        for (quantity, shown) in [("1n", "1"), ("-1n", "-1"), ("1500m", "2"), ("1Mi", "1Mi")] {
            assert_eq!(Amount::of(Resource::Memory, &quantity.parse().unwrap()).to_string(), shown);
        }
    }
}
