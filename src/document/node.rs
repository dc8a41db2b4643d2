//! The tree that reading gives: values that know their position.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::DeserializeOwned;

use super::{DecodeError, MAX_LISTED_DUPLICATES, ReadError};

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, counted from 1.
    pub line: u32,
    /// The column in characters, counted from 1.
    pub column: u32,
}

impl Default for Position {
    /// The start of a text.
    fn default() -> Self {
        Self { line: 1, column: 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One document of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    number: usize,
    root: Node,
}

impl Document {
    pub(super) fn new(number: usize, root: Node) -> Self {
        Self { number, root }
    }

    /// Which document of its text this is, counted from 1.
    ///
    /// Documents without content (nothing but comments between two `---`) have a number too, though they are not
    /// among those that were read; what stands before the first `---` counts only if it has content.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The value that the document holds.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The value that the document holds, for keeps.
    pub fn into_root(self) -> Node {
        self.root
    }

    /// The value under a key, if the document is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.root.get(key)
    }

    /// Reads the document as a `T`; see [`Node::decode`].
    ///
    /// # Errors
    ///
    /// The first value that does not fit, with its path and position.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        self.root.decode()
    }
}

/// A value and where it stands.
///
/// What came through an alias has the position of the anchored text, since that is where it would be changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    value: Value,
    position: Position,
}

impl Node {
    pub(super) fn new(value: Value, position: Position) -> Self {
        Self { value, position }
    }

    /// A value that stands in no text.
    pub(crate) fn from_json(value: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let value = match value {
            Json::Null => Value::Null,
            Json::Bool(truth) => Value::Bool(truth),
            Json::Number(number) => Value::Number(match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Number::Signed(number),
                (None, Some(number)) => Number::Unsigned(number),
                (None, None) => Number::Float(number.as_f64().unwrap_or_default()),
            }),
            Json::String(text) => Value::String(text),
            Json::Array(items) => Value::Sequence(items.into_iter().map(Self::from_json).collect()),
            Json::Object(fields) => {
                let node = |(key, value)| (key, Position::default(), Self::from_json(value));
                return Self::mapping(fields.into_iter().map(node));
            }
        };
        Self { value, position: Position::default() }
    }

    /// A mapping that stands in no text. No key may stand twice.
    pub(crate) fn mapping(entries: impl IntoIterator<Item = (String, Position, Self)>) -> Self {
        let entries = entries.into_iter().map(|(key, position, node)| Entry { key, position, node });
        let mapping = Mapping { entries: entries.collect() };
        Self { value: Value::Mapping(mapping), position: Position::default() }
    }

    /// A scalar or a sequence that stands in no text.
    pub(crate) fn of(value: Value) -> Self {
        Self { value, position: Position::default() }
    }

    /// Puts it elsewhere.
    pub(crate) fn with_position(self, position: Position) -> Self {
        Self { position, ..self }
    }

    /// What it is.
    pub fn value(&self) -> &Value {
        &self.value
    }

    pub(super) fn value_mut(&mut self) -> &mut Value {
        &mut self.value
    }

    /// What it is, for keeps.
    pub fn into_value(self) -> Value {
        self.value
    }

    /// Where it begins.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The value under a key, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_mapping()?.get(key)
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth, if this is a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// The number, if this is one.
    pub fn as_number(&self) -> Option<Number> {
        match self.value {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The items, if this is a sequence.
    pub fn as_sequence(&self) -> Option<&[Self]> {
        match &self.value {
            Value::Sequence(nodes) => Some(nodes),
            _ => None,
        }
    }

    /// The entries, if this is a mapping.
    pub fn as_mapping(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// Reads the value as a `T`.
    ///
    /// Nothing is converted: a number is no string and a string no number, `1.5` is no integer, 300 no `u8`, and a
    /// sequence no struct. A type that borrows text can be read with `T::deserialize(&node)`, without a path in
    /// its errors.
    ///
    /// # Errors
    ///
    /// The first value that does not fit, with its path and position. Under `#[serde(flatten)]` and in untagged
    /// enums serde keeps no track, and path and position are those of the struct or enum.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        // Keeping the path costs an allocation a field, so it is kept only once something is known to be wrong.
        T::deserialize(self).or_else(|_| {
            serde_path_to_error::deserialize(self).map_err(|error| {
                let path = match error.path().iter().len() {
                    0 => String::new(),
                    _ => error.path().to_string(),
                };
                error.into_inner().with_path(path)
            })
        })
    }

    /// The same value without positions.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(truth) => (*truth).into(),
            Value::Number(number) => number.to_json(),
            Value::String(text) => text.as_str().into(),
            Value::Sequence(nodes) => nodes.iter().map(Self::to_json).collect(),
            Value::Mapping(mapping) => {
                mapping.iter().map(|entry| (entry.key.clone(), entry.node.to_json())).collect()
            }
        }
    }
}

/// What a [`Node`] can be.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Values under keys.
    Mapping(Mapping),
}

/// A finite number, exact if it is an integer of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer that an `i64` holds.
    Signed(i64),
    /// An integer above [`i64::MAX`].
    Unsigned(u64),
    /// A number with a fraction or an exponent, or an integer beyond 64 bits; never infinite, always a number.
    Float(f64),
}

impl Number {
    #[cfg(feature = "yaml")]
    pub(super) fn unsigned(number: u64) -> Self {
        i64::try_from(number).map_or(Self::Unsigned(number), Self::Signed)
    }

    /// The number, if it is an integer that fits.
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Self::Signed(number) => Some(number),
            Self::Unsigned(_) | Self::Float(_) => None,
        }
    }

    /// The number, if it is an integer that fits.
    pub fn as_u64(self) -> Option<u64> {
        match self {
            Self::Signed(number) => u64::try_from(number).ok(),
            Self::Unsigned(number) => Some(number),
            Self::Float(_) => None,
        }
    }

    fn to_json(self) -> serde_json::Value {
        match self {
            Self::Signed(number) => number.into(),
            Self::Unsigned(number) => number.into(),
            Self::Float(number) => number.into(),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(number) => number.fmt(f),
            Self::Unsigned(number) => number.fmt(f),
            Self::Float(number) => write!(f, "{number:?}"),
        }
    }
}

/// Entries in the order of the text, no key twice; merged ones (`<<`) follow the rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    entries: Vec<Entry>,
}

impl Mapping {
    /// Makes a mapping of entries; what is done where two of them have the same key is the duplicates' to say.
    pub(super) fn new(mut entries: Vec<Entry>, duplicates: &mut Duplicates) -> Result<Self, ReadError> {
        let mut repeated = repeated(&entries);
        repeated.sort_by_key(|&(_, second)| second);
        for &(first, second) in &repeated {
            let Entry { key, position, .. } = &entries[second];
            let (key, position) = (key.clone(), *position);
            duplicates.add(ReadError::DuplicateKey { key, position, first: entries[first].position })?;
        }
        if !repeated.is_empty() {
            let mut nth = 0;
            let earlier: BTreeSet<usize> = repeated.into_iter().map(|(first, _)| first).collect();
            entries.retain(|_| {
                nth += 1;
                !earlier.contains(&(nth - 1))
            });
        }
        Ok(Self { entries })
    }

    /// Adds the entries of other mappings whose keys are not there yet.
    #[cfg(feature = "yaml")]
    pub(super) fn merge(&mut self, others: Vec<Self>) {
        let mut known: BTreeSet<String> = self.entries.iter().map(|entry| entry.key.clone()).collect();
        for entry in others.into_iter().flatten() {
            if known.insert(entry.key.clone()) {
                self.entries.push(entry);
            }
        }
    }

    pub(super) fn entries_mut(&mut self) -> &mut Vec<Entry> {
        &mut self.entries
    }

    /// The value under a key. Looks through the entries one by one.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(Entry::node)
    }

    /// The entry with a key. Looks through the entries one by one.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The entries in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.entries.iter()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The entries that repeat a key, each after the last one before it that has the same.
///
/// Few keys are compared each with each, many are sorted: a hostile mapping costs n log n.
fn repeated(entries: &[Entry]) -> Vec<(usize, usize)> {
    const FEW: usize = 16;
    if entries.len() <= FEW {
        let before = |second: usize| entries[..second].iter().rposition(|e| e.key == entries[second].key);
        return (1..entries.len()).filter_map(|second| Some((before(second)?, second))).collect();
    }
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by(|&a, &b| entries[a].key.cmp(&entries[b].key));
    let pairs = order.windows(2).filter_map(|pair| match *pair {
        [a, b] if entries[a].key == entries[b].key => Some((a, b)),
        _ => None,
    });
    pairs.collect()
}

/// What is done with a key that stands twice: reading ends there, or it is kept in mind, and the last one counts.
#[derive(Debug)]
pub(super) enum Duplicates {
    /// Reading ends.
    Refused,
    /// The last one counts; those that repeat one are listed.
    Listed(Vec<ReadError>),
}

impl Duplicates {
    pub(super) fn add(&mut self, duplicate: ReadError) -> Result<(), ReadError> {
        match self {
            Self::Refused => Err(duplicate),
            Self::Listed(list) => {
                if list.len() < MAX_LISTED_DUPLICATES {
                    list.push(duplicate);
                }
                Ok(())
            }
        }
    }
}

impl<'a> IntoIterator for &'a Mapping {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Mapping {
    type Item = Entry;
    type IntoIter = std::vec::IntoIter<Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

/// A key and the value under it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    key: String,
    position: Position,
    node: Node,
}

impl Entry {
    pub(super) fn new(key: String, position: Position, node: Node) -> Self {
        Self { key, position, node }
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Where the key begins.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The value under it.
    pub fn node(&self) -> &Node {
        &self.node
    }

    pub(super) fn node_mut(&mut self) -> &mut Node {
        &mut self.node
    }

    /// Key and value, for keeps.
    pub fn into_parts(self) -> (String, Node) {
        (self.key, self.node)
    }
}
