//! Quantities in JSON and whatever else serde reads.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Quantity;

/// As a string: the canonical text, which reads back as the same amount.
impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From a string, a number or null.
///
/// Of a string the white space around it is dropped, as Kubernetes does in JSON. Of a number Kubernetes reads
/// the text. An integer gives the same here. A number with a fraction or an exponent has usually been made an
/// `f64` before it gets here, so its text is the shortest decimal one that gives this `f64` back, without an
/// exponent: `0.5` and `1e3` are 500m and 1000, both [`DecimalSi`](super::Format::DecimalSi), and digits beyond
/// the 17th are lost. (With `arbitrary_precision` on in serde_json, the text is the original one.) Null is zero.
///
/// ```
/// use node_lifecycle::api::Quantity;
///
/// let limits: Vec<Quantity> = serde_json::from_str(r#"["500m", 0.5, 1e3, 2]"#)?;
/// assert_eq!(limits[0], limits[1]);
/// assert_eq!(serde_json::to_string(&limits)?, r#"["500m","500m","1k","2"]"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text)
    }
}

struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = Quantity;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a quantity: a string such as \"500m\", \"1.5\" or \"2Gi\", or a number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Quantity, E> {
        Quantity::parse(text.trim()).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, units: i64) -> Result<Quantity, E> {
        Ok(Quantity::from_units(units))
    }

    fn visit_u64<E: Error>(self, units: u64) -> Result<Quantity, E> {
        match i64::try_from(units) {
            Ok(units) => Ok(Quantity::from_units(units)),
            Err(_) => self.visit_str(&units.to_string()),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Quantity, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<Quantity, E> {
        Ok(Quantity::ZERO)
    }

    /// How serde_json gives numbers when `arbitrary_precision` is on, which any crate of a build may do.
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Quantity, A::Error> {
        match serde_json::Number::deserialize(MapAccessDeserializer::new(map)) {
            Ok(number) => self.visit_str(&number.to_string()),
            Err(_) => Err(A::Error::invalid_type(Unexpected::Map, &self)),
        }
    }
}
