//! From trees to types: a serde deserializer over [`Node`].

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::{DecodeError, Entry, Mapping, Node, Number, Position, Value};

const QUOTE: &str = "quote it to make it a string";
const UNQUOTE: &str = "remove the quotes";

type Result<T> = std::result::Result<T, DecodeError>;

impl Node {
    fn visit<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value> {
        match self.value() {
            Value::Null => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(*truth),
            Value::Number(Number::Signed(number)) => match u64::try_from(*number) {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => visitor.visit_i64(*number),
            },
            Value::Number(Number::Unsigned(number)) => visitor.visit_u64(*number),
            Value::Number(Number::Float(number)) => visitor.visit_f64(*number),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Sequence(nodes) => visit_sequence(nodes, visitor),
            Value::Mapping(mapping) => visit_mapping(mapping, visitor),
        }
        .map_err(|error| error.at(self.position()))
    }

    /// As [`Node::visit`], for a type that wants a string.
    fn visit_text<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value> {
        let read = self.visit(visitor);
        match self.value() {
            Value::Bool(_) | Value::Number(_) => read.map_err(|error| error.with_hint(QUOTE)),
            _ => read,
        }
    }

    /// As [`Node::visit`], for a type that wants a number.
    fn visit_number<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value> {
        let read = self.visit(visitor);
        match self.value() {
            Value::String(text) if text.parse::<f64>().is_ok_and(f64::is_finite) => {
                read.map_err(|error| error.with_hint(UNQUOTE))
            }
            _ => read,
        }
    }

    fn unexpected(&self) -> Unexpected<'_> {
        match self.value() {
            Value::Null => Unexpected::Unit,
            Value::Bool(truth) => Unexpected::Bool(*truth),
            Value::Number(Number::Signed(number)) => Unexpected::Signed(*number),
            Value::Number(Number::Unsigned(number)) => Unexpected::Unsigned(*number),
            Value::Number(Number::Float(number)) => Unexpected::Float(*number),
            Value::String(text) => Unexpected::Str(text),
            Value::Sequence(_) => Unexpected::Seq,
            Value::Mapping(_) => Unexpected::Map,
        }
    }

    fn wrong_type(&self, expected: &dyn Expected) -> DecodeError {
        let error: DecodeError = de::Error::invalid_type(self.unexpected(), expected);
        error.at(self.position())
    }
}

fn visit_sequence<'de, V: Visitor<'de>>(nodes: &'de [Node], visitor: V) -> Result<V::Value> {
    let mut items = Items { nodes: nodes.iter() };
    let value = visitor.visit_seq(&mut items)?;
    match items.nodes.len() {
        0 => Ok(value),
        left => Err(de::Error::invalid_length(nodes.len(), &Fewer(nodes.len() - left))),
    }
}

fn visit_mapping<'de, V: Visitor<'de>>(mapping: &'de Mapping, visitor: V) -> Result<V::Value> {
    let mut entries = Entries { entries: mapping.iter(), value: None };
    let value = visitor.visit_map(&mut entries)?;
    match entries.entries.len() {
        0 => Ok(value),
        left => Err(de::Error::invalid_length(mapping.len(), &Fewer(mapping.len() - left))),
    }
}

/// A visitor took fewer elements than there are.
struct Fewer(usize);

impl Expected for Fewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            1 => f.write_str("1 element"),
            count => write!(f, "{count} elements"),
        }
    }
}

macro_rules! forward {
    ($to:ident: $($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.$to(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = DecodeError;

    forward!(visit: deserialize_any deserialize_bool deserialize_unit deserialize_seq deserialize_map
        deserialize_identifier);
    forward!(visit_text: deserialize_char deserialize_str deserialize_string);
    forward!(visit_number: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64);
    forward!(deserialize_byte_buf: deserialize_bytes);

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value() {
            Value::String(text) => visitor
                .visit_borrowed_bytes(text.as_bytes())
                .map_err(|error: DecodeError| error.at(self.position())),
            _ => self.visit_text(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
            .map_err(|error: DecodeError| error.at(self.position()))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        self.visit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self).map_err(|error: DecodeError| error.at(self.position()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.visit(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.visit(visitor)
    }

    /// Of a mapping only: `resources: []` must not pass for an empty struct.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.value() {
            Value::Sequence(_) => Err(self.wrong_type(&visitor)),
            _ => self.visit(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.value() {
            Value::String(text) => {
                visitor.visit_enum(Variant { name: text, position: self.position(), node: None })
            }
            Value::Mapping(mapping) => match mapping.iter().as_slice() {
                [entry] => {
                    let (name, position) = (entry.key(), entry.position());
                    visitor.visit_enum(Variant { name, position, node: Some(entry.node()) })
                }
                _ => Err(de::Error::invalid_value(Unexpected::Map, &"a mapping with a single key")),
            },
            Value::Bool(_) | Value::Number(_) => Err(self.wrong_type(&"a string").with_hint(QUOTE)),
            Value::Null | Value::Sequence(_) => {
                Err(self.wrong_type(&"a string or a mapping with a single key"))
            }
        }
        .map_err(|error| error.at(self.position()))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }
}

impl<'de> IntoDeserializer<'de, DecodeError> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

struct Items<'de> {
    nodes: std::slice::Iter<'de, Node>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        match self.nodes.next() {
            // A seed may fail without asking the node, so the position is set here too.
            Some(node) => seed.deserialize(node).map(Some).map_err(|error| error.at(node.position())),
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.nodes.len())
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, Entry>,
    value: Option<&'de Node>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let Some(entry) = self.entries.next() else { return Ok(None) };
        self.value = Some(entry.node());
        seed.deserialize(Key { name: entry.key() }).map(Some).map_err(|error| error.at(entry.position()))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        match self.value.take() {
            Some(node) => seed.deserialize(node).map_err(|error| error.at(node.position())),
            None => Err(de::Error::custom("a value was asked for before its key")),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A key: text, or a number or boolean in text where the type wants one.
struct Key<'de> {
    name: &'de str,
}

macro_rules! parsed {
    ($($method:ident => $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            match self.name.parse() {
                Ok(parsed) => visitor.$visit(parsed),
                Err(_) => visitor.visit_borrowed_str(self.name),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = DecodeError;

    parsed! {
        deserialize_bool => visit_bool
        deserialize_i8 => visit_i8
        deserialize_i16 => visit_i16
        deserialize_i32 => visit_i32
        deserialize_i64 => visit_i64
        deserialize_i128 => visit_i128
        deserialize_u8 => visit_u8
        deserialize_u16 => visit_u16
        deserialize_u32 => visit_u32
        deserialize_u64 => visit_u64
        deserialize_u128 => visit_u128
        deserialize_f32 => visit_f32
        deserialize_f64 => visit_f64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_borrowed_str(self.name)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        BorrowedStrDeserializer::new(self.name).deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A variant's name, and what stands under it if the enum is written as a mapping.
struct Variant<'de> {
    name: &'de str,
    position: Position,
    node: Option<&'de Node>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self)> {
        let variant = seed.deserialize(Key { name: self.name }).map_err(|error| error.at(self.position))?;
        Ok((variant, self))
    }
}

impl<'de> Variant<'de> {
    fn content(&self, expected: &dyn Expected) -> Result<&'de Node> {
        self.node.ok_or_else(|| {
            let error: DecodeError = de::Error::invalid_type(Unexpected::UnitVariant, expected);
            error.at(self.position)
        })
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<()> {
        match self.node {
            Some(node) => de::Deserialize::deserialize(node),
            None => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        let node = self.content(&"a variant with a value")?;
        seed.deserialize(node).map_err(|error| error.at(node.position()))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        let node = self.content(&visitor)?;
        match node.value() {
            Value::Sequence(_) => node.visit(visitor),
            _ => Err(node.wrong_type(&visitor)),
        }
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value> {
        let node = self.content(&visitor)?;
        match node.value() {
            Value::Mapping(_) => node.visit(visitor),
            _ => Err(node.wrong_type(&visitor)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use indexmap::IndexMap;
    use serde::Deserialize;

    use super::super::read_json;
    use super::*;

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(rename_all = "camelCase")]
    struct Pod {
        name: String,
        #[serde(default)]
        grace_seconds: Option<u8>,
        #[serde(default)]
        containers: Vec<Container>,
        #[serde(default)]
        labels: IndexMap<String, Box<str>>,
        #[serde(default)]
        ports: BTreeMap<u16, Name>,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    struct Name(String);

    #[derive(Deserialize, Debug, PartialEq)]
    struct Container {
        policy: Policy,
        #[serde(flatten)]
        rest: Rest,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    struct Rest {
        weight: Option<f64>,
        #[serde(flatten)]
        others: BTreeMap<String, serde_json::Value>,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    enum Policy {
        Always,
        After(u32),
        Between { low: i8, high: i8 },
        Pair(i8, i8),
    }

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(untagged)]
    enum IntOrString {
        Int(i32),
        String(String),
    }

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(tag = "kind")]
    enum Object {
        Node { cpus: u8 },
        Empty,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        known: Option<u8>,
    }

    fn decode<T: de::DeserializeOwned>(text: &str) -> Result<T> {
        read_json(text).unwrap()[0].decode()
    }

    #[test]
    fn structs_maps_and_enums() {
        let pod: Pod = decode(
            r#"{"name": "a", "graceSeconds": 30, "other": [{}], "labels": {"z": "1", "a": "2"}, "ports": {"80": "web"},
                "containers": [{"policy": "Always", "weight": 1, "x": [1, null]}, {"policy": {"After": 5}},
                               {"policy": {"Between": {"low": -1, "high": 1}}}, {"policy": {"Pair": [1, 2]}}]}"#,
        )
        .unwrap();
        assert_eq!(pod.grace_seconds, Some(30));
        assert_eq!(pod.labels.keys().collect::<Vec<_>>(), ["z", "a"]);
        assert_eq!(pod.ports, BTreeMap::from([(80, Name("web".into()))]));
        assert_eq!(pod.containers[0].rest.weight, Some(1.0));
        assert_eq!(
            pod.containers[0].rest.others,
            BTreeMap::from([("x".into(), serde_json::json!([1, null]))])
        );
        assert_eq!(
            pod.containers.iter().map(|container| &container.policy).collect::<Vec<_>>(),
            [&Policy::Always, &Policy::After(5), &Policy::Between { low: -1, high: 1 }, &Policy::Pair(1, 2)]
        );
        assert_eq!(
            decode::<Vec<IntOrString>>(r#"[1, "1"]"#).unwrap(),
            [IntOrString::Int(1), IntOrString::String("1".into())]
        );
        assert_eq!(
            decode::<Vec<Object>>(r#"[{"cpus": 2, "kind": "Node"}, {"kind": "Empty"}]"#).unwrap(),
            [Object::Node { cpus: 2 }, Object::Empty]
        );
        let documents = read_json(r#"["borrowed", null]"#).unwrap();
        assert_eq!(<(&str, ())>::deserialize(documents[0].root()).unwrap(), ("borrowed", ()));
    }

    #[test]
    fn errors_say_where_and_what() {
        let error = |text: &str| decode::<Pod>(text).unwrap_err().to_string();
        for (text, expected) in [
            (
                "{\"name\":\n 5}",
                "2:2: name: invalid type: integer `5`, expected a string; quote it to make it a string",
            ),
            (
                "{\"name\": \"\", \"graceSeconds\": 300}",
                "1:30: graceSeconds: invalid value: integer `300`, expected u8",
            ),
            (
                "{\"name\": \"\", \"graceSeconds\": -1}",
                "1:30: graceSeconds: invalid value: integer `-1`, expected u8",
            ),
            (
                "{\"name\": \"\", \"graceSeconds\": 1.0}",
                "1:30: graceSeconds: invalid type: floating point `1.0`, expected u8",
            ),
            (
                "{\"name\": \"\", \"graceSeconds\": \"3\"}",
                "1:30: graceSeconds: invalid type: string \"3\", expected u8; remove the quotes",
            ),
            (
                "{\"name\": \"\", \"labels\": {\"a.b/c\": true}}",
                "1:34: labels.a.b/c: invalid type: boolean `true`, expected a string; quote it to make it a string",
            ),
            (
                "{\"name\": \"\", \"ports\": {\"x\": \"\"}}",
                "1:24: ports.x: invalid type: string \"x\", expected u16",
            ),
            (
                "{\"name\": \"\", \"containers\": [{\"policy\": false}]}",
                "1:40: containers[0].policy: invalid type: boolean `false`, expected a string; quote it to make it a string",
            ),
            ("[]", "1:1: invalid type: sequence, expected struct Pod"),
            ("{}", "1:1: missing field `name`"),
            ("{\"name\": \"\", \"containers\": [\n {}]}", "2:2: containers[0]: missing field `policy`"),
            (
                "{\"name\": \"\", \"containers\": [\n {\"policy\": \"Never\"}]}",
                "2:13: containers[0].policy: unknown variant `Never`, expected one of `Always`, `After`, `Between`, `Pair`",
            ),
        ] {
            assert_eq!(error(text), expected, "{text}");
        }
        let error = decode::<Strict>("{\"known\": 1,\n \"unknown\": 2}").unwrap_err();
        assert_eq!(error.to_string(), "2:2: unknown: unknown field `unknown`, expected `known`");
        let error = decode::<(u8, u8)>("[1, 2, 3]").unwrap_err();
        assert_eq!(error.message(), "invalid length 3, expected 2 elements");
    }
}
