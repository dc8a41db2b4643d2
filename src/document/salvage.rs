//! Reading past what does not fit, so that all of it can be reported at once.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use super::path::{Step, is_within};
use super::{DecodeError, Mapping, Node, Value};

/// After so many errors reading stops: each one costs another pass, and nobody reads more at a time.
const MOST_ERRORS: usize = 32;

/// What could be read of a value, and everything that does not fit.
#[derive(Debug)]
pub(crate) struct Salvaged<T> {
    /// The value without the fields that do not fit; `None` if nothing is left.
    pub(crate) value: Option<T>,
    /// What does not fit, by path, in the order of the text.
    pub(crate) errors: Vec<DecodeError>,
    holes: Holes,
}

impl<T> Default for Salvaged<T> {
    /// Of nothing, nothing.
    fn default() -> Self {
        Self { value: None, errors: Vec::new(), holes: Holes::default() }
    }
}

impl<T> Salvaged<T> {
    /// The path in the text of what has this path in the salvaged value, in which wrong items of sequences are
    /// left out.
    pub(crate) fn original(&self, path: &str) -> String {
        self.holes.original(path)
    }
}

impl Node {
    /// Reads the value as a `T`, and when something does not fit, again without it.
    pub(crate) fn salvage<T: DeserializeOwned>(&self) -> Salvaged<T> {
        let (mut errors, mut holes) = (Vec::<DecodeError>::new(), Holes::default());
        let error = match self.decode() {
            Ok(value) => return Salvaged { value: Some(value), errors, holes },
            Err(error) => error,
        };
        let (mut rest, mut next) = (self.clone(), Some(error));
        let mut value = None;
        while let Some(error) = next.take() {
            let path = error.path().to_owned();
            let original = holes.original(&path);
            // What is missing because it was taken out has been reported.
            if !errors.iter().any(|known| is_within(&original, known.path())) {
                errors.push(error.with_path(original));
            }
            if errors.len() < MOST_ERRORS && rest.take_out(&path, &mut holes) {
                match rest.decode() {
                    Ok(salvaged) => value = Some(salvaged),
                    Err(error) => next = Some(error),
                }
            }
        }
        errors.sort_by_key(DecodeError::position);
        Salvaged { value, errors, holes }
    }

    /// Removes what a path leads to; `false` if nothing is there, or if it is the node itself.
    fn take_out(&mut self, path: &str, holes: &mut Holes) -> bool {
        let (mut node, mut rest) = (self, path);
        loop {
            let walked = &path[..path.len() - rest.len()];
            let Some(step) = node.step(rest) else { return false };
            match (node.value_mut(), step) {
                (Value::Sequence(items), Step::Item(n, "")) => {
                    holes.add(walked, n);
                    items.remove(n);
                    return true;
                }
                (Value::Mapping(mapping), Step::Entry(n, "")) => {
                    mapping.entries_mut().remove(n);
                    return true;
                }
                (Value::Sequence(items), Step::Item(n, left)) => (node, rest) = (&mut items[n], left),
                (Value::Mapping(mapping), Step::Entry(n, left)) => {
                    (node, rest) = (entry_mut(mapping, n), left);
                }
                _ => return false,
            }
        }
    }
}

fn entry_mut(mapping: &mut Mapping, n: usize) -> &mut Node {
    mapping.entries_mut()[n].node_mut()
}

/// Which items of which sequences are gone: indices of the text by the sequence's path in the text.
#[derive(Debug, Default)]
struct Holes(BTreeMap<String, BTreeSet<usize>>);

impl Holes {
    fn add(&mut self, sequence: &str, index: usize) {
        let sequence = self.original(sequence);
        let index = self.shift(&sequence, index);
        self.0.entry(sequence).or_default().insert(index);
    }

    fn original(&self, path: &str) -> String {
        let (mut original, mut rest) = (String::with_capacity(path.len()), path);
        while let Some((before, after)) = rest.split_once('[') {
            original.push_str(before);
            match after.split_once(']').and_then(|(index, left)| Some((index.parse().ok()?, left))) {
                Some((index, left)) => {
                    let index = self.shift(&original, index);
                    original.push_str(&format!("[{index}]"));
                    rest = left;
                }
                None => {
                    original.push('[');
                    rest = after;
                }
            }
        }
        original + rest
    }

    fn shift(&self, sequence: &str, index: usize) -> usize {
        let holes = self.0.get(sequence).into_iter().flatten();
        holes.fold(index, |index, hole| if *hole <= index { index.saturating_add(1) } else { index })
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_json;
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize, Debug, PartialEq)]
    struct Thing {
        name: String,
        #[serde(default)]
        size: Option<u8>,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    struct Box {
        things: Vec<Thing>,
        #[serde(default)]
        open: bool,
    }

    #[test]
    fn all_that_does_not_fit_is_found_where_it_stands() {
        let text = r#"{"things": [{"name": "a"}, {"size": 1}, {"name": "b", "size": "x"}, {"name": 3}, {"name": "c", "size": 300}],
                       "open": "yes"}"#;
        let root = read_json(text).unwrap().remove(0).into_root();
        let salvaged = root.salvage::<Box>();
        let paths: Vec<_> = salvaged.errors.iter().map(DecodeError::path).collect();
        assert_eq!(paths, ["things[1]", "things[2].size", "things[3].name", "things[4].size", "open"]);
        let names: Vec<_> = salvaged.value.as_ref().unwrap().things.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(salvaged.original("things[2].name"), "things[4].name");
    }

    #[test]
    fn what_cannot_be_read_at_all_is_one_error() {
        let root = read_json("[1]").unwrap().remove(0).into_root();
        let salvaged = root.salvage::<Box>();
        assert_eq!((salvaged.value, salvaged.errors.len()), (None, 1));
    }
}
