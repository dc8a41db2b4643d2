//! `null` as Kubernetes' readers take it: the same as absent.

use serde::{Deserialize, Deserializer};

/// For a field with a default: `null` gives the default.
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Whether a value is what an absent field would give, so that printing leaves it out.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
