//! Structs of the wire: one macro declares the Rust field, its name on the wire, and what is known of it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{FlushFrequency, SignedDuration};
use crate::api::Quantity;
use crate::machine::Timestamp;

/// A field of a `KubeletConfiguration` or of a struct in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Field {
    /// Its name on the wire.
    pub name: &'static str,
    /// What may stand there.
    pub kind: FieldKind,
    /// The minor release of Kubernetes 1 that brought it: 33 is 1.33. `None`: 1.32 knows it.
    pub since: Option<u32>,
    /// Whether it is written even if it is empty.
    pub always: bool,
}

/// What may stand in a field. `null` may stand everywhere, and is the same as nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum FieldKind {
    /// `true` or `false`.
    Bool,
    /// A whole number of 32 bits with a sign.
    Int32,
    /// A whole number of 64 bits with a sign.
    Int64,
    /// A whole number of 32 bits without a sign.
    Uint32,
    /// A number.
    Float,
    /// A string.
    String,
    /// A string with a duration, such as `1m30s`.
    Duration,
    /// A string with a duration, or a whole number of nanoseconds.
    DurationOrNanoseconds,
    /// A quantity: a string such as `1Gi`, or a number.
    Quantity,
    /// A string with an RFC 3339 instant.
    Time,
    /// A list of these.
    List(&'static Self),
    /// A map from strings to these.
    Map(&'static Self),
    /// A struct of these fields.
    Struct(&'static [Field]),
}

impl FieldKind {
    /// Whether drop-ins merge into it: structs and maps. Everything else is replaced.
    #[must_use]
    pub const fn is_merged(self) -> bool {
        matches!(self, Self::Map(_) | Self::Struct(_))
    }

    /// The fields of a struct; none of anything else.
    #[must_use]
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Self::Struct(fields) => fields,
            _ => &[],
        }
    }

    /// Which kind the value has that `path` leads to from here: `authentication`, `webhook`, `cacheTTL`. Into a list
    /// and into a map any step leads. `None`: there is no such field.
    ///
    /// ```
    /// use node_lifecycle::config::{FieldKind, KubeletConfiguration};
    ///
    /// let config = FieldKind::Struct(KubeletConfiguration::FIELDS);
    /// assert_eq!(config.at(["evictionHard", "memory.available"]), Some(FieldKind::String));
    /// assert_eq!(config.at(["registerWithTaints", "0", "keys"]), None);
    /// ```
    #[must_use]
    pub fn at(self, path: impl IntoIterator<Item: AsRef<str>>) -> Option<Self> {
        path.into_iter().try_fold(self, |kind, step| match kind {
            Self::Struct(fields) => {
                fields.iter().find(|field| field.name == step.as_ref()).map(|field| field.kind)
            }
            Self::List(element) | Self::Map(element) => Some(*element),
            _ => None,
        })
    }
}

/// A type of the wire.
pub(crate) trait Wire {
    /// What may stand for it.
    const KIND: FieldKind;

    /// Whether Go's encoder leaves it out of a field that is `omitempty`.
    fn is_empty(&self) -> bool;

    /// Takes what is unset from `defaults`.
    fn fill(&mut self, defaults: Self);
}

macro_rules! scalars {
    ($($type:ty: $kind:ident, empty if $empty:expr, unset if $unset:expr;)*) => {
        $(impl Wire for $type {
            const KIND: FieldKind = FieldKind::$kind;
            fn is_empty(&self) -> bool {
                let empty: fn(&Self) -> bool = $empty;
                empty(self)
            }
            fn fill(&mut self, defaults: Self) {
                let unset: fn(&Self) -> bool = $unset;
                if unset(self) {
                    *self = defaults;
                }
            }
        })*
    };
}

// Go never leaves out what is a struct there, though it may be unset.
scalars! {
    bool: Bool, empty if |value| !value, unset if |value| !value;
    i32: Int32, empty if |value| *value == 0, unset if |value| *value == 0;
    i64: Int64, empty if |value| *value == 0, unset if |value| *value == 0;
    u32: Uint32, empty if |value| *value == 0, unset if |value| *value == 0;
    f64: Float, empty if |value| *value == 0.0, unset if |value| *value == 0.0;
    String: String, empty if Self::is_empty, unset if Self::is_empty;
    SignedDuration: Duration, empty if |_| false, unset if |value| value.is_zero();
    FlushFrequency: DurationOrNanoseconds, empty if |_| false, unset if |value| value.duration.is_zero();
    Quantity: Quantity, empty if |_| false, unset if |value| *value == Self::ZERO;
    Timestamp: Time, empty if |_| false, unset if |_| false;
}

impl<T: Wire> Wire for Option<T> {
    const KIND: FieldKind = T::KIND;
    fn is_empty(&self) -> bool {
        self.is_none()
    }
    fn fill(&mut self, defaults: Self) {
        if self.is_none() {
            *self = defaults;
        }
    }
}

impl<T: Wire + 'static> Wire for Vec<T> {
    const KIND: FieldKind = FieldKind::List(&T::KIND);
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
    fn fill(&mut self, defaults: Self) {
        if self.is_empty() {
            *self = defaults;
        }
    }
}

impl<T: Wire + 'static> Wire for BTreeMap<String, T> {
    const KIND: FieldKind = FieldKind::Map(&T::KIND);
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
    fn fill(&mut self, defaults: Self) {
        if self.is_empty() {
            *self = defaults;
        }
    }
}

/// Declares structs: each field with its type, its name on the wire and, in brackets, what is special of it:
/// `always` (written even if it is empty) or `since 33` (the release that brought it).
macro_rules! wire_structs {
    ($(
        $(#[$attribute:meta])*
        pub struct $name:ident {
            $($(#[$documentation:meta])* $field:ident: $type:ty = $wire:literal $([$($mark:tt)*])?,)*
        }
    )*) => {$(
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, Default, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $(
                $(#[$documentation])*
                #[serde(rename = $wire, deserialize_with = "crate::api::nullable")]
                pub $field: $type,
            )*
        }

        impl $name {
            /// Its fields, in the order in which they are written.
            pub const FIELDS: &'static [$crate::config::Field] = &[$(
                wire_structs!(@field $wire, $type $(, $($mark)*)?),
            )*];
        }

        impl $crate::config::kubelet::wire::Wire for $name {
            const KIND: $crate::config::FieldKind = $crate::config::FieldKind::Struct(Self::FIELDS);
            fn is_empty(&self) -> bool {
                false
            }
            fn fill(&mut self, defaults: Self) {
                $($crate::config::kubelet::wire::Wire::fill(&mut self.$field, defaults.$field);)*
            }
        }

        /// What is empty is left out where Kubernetes leaves it out.
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;
                use $crate::config::kubelet::wire::Wire;
                let mut map = serializer.serialize_map(None)?;
                let mut fields = Self::FIELDS.iter();
                $(
                    let always = fields.next().is_some_and(|field| field.always);
                    if always || !Wire::is_empty(&self.$field) {
                        map.serialize_entry($wire, &self.$field)?;
                    }
                )*
                map.end()
            }
        }
    )*};
    (@field $wire:literal, $type:ty) => { wire_structs!(@field $wire, $type, None, false) };
    (@field $wire:literal, $type:ty, always) => { wire_structs!(@field $wire, $type, None, true) };
    (@field $wire:literal, $type:ty, since $minor:literal) => {
        wire_structs!(@field $wire, $type, Some($minor), false)
    };
    (@field $wire:literal, $type:ty, $since:expr, $always:literal) => {
        $crate::config::Field {
            name: $wire,
            kind: <$type as $crate::config::kubelet::wire::Wire>::KIND,
            since: $since,
            always: $always,
        }
    };
}

pub(crate) use wire_structs;
