//! From the path of a field back to the node that stands there.

use super::{Mapping, Node, Value};

/// One step down, and what is left of the path after it.
pub(super) enum Step<'p> {
    /// To the item with this index.
    Item(usize, &'p str),
    /// To the entry with this index.
    Entry(usize, &'p str),
}

/// A path below another.
pub(crate) fn join(path: &str, below: &str) -> String {
    match (path, below) {
        ("", path) | (path, "") => path.to_owned(),
        (path, below) if below.starts_with('[') => format!("{path}{below}"),
        (path, below) => format!("{path}.{below}"),
    }
}

/// Whether a path is the outer one or lies below it.
pub(crate) fn is_within(outer: &str, path: &str) -> bool {
    let rest = path.strip_prefix(outer);
    outer.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

impl Node {
    /// The value that a path leads to, if it is there.
    ///
    /// A path is written as in errors: `spec.containers[0].image`; an empty one is the node itself. Keys may
    /// contain dots and brackets: of several that fit the longest is taken.
    pub fn at(&self, path: &str) -> Option<&Self> {
        let (node, rest) = self.walk(path);
        rest.is_empty().then_some(node)
    }

    /// The last value on the way that a path leads, this node if the first step is already missing.
    ///
    /// Where something is missing, this is where it would be added.
    pub fn nearest(&self, path: &str) -> &Self {
        self.walk(path).0
    }

    fn walk<'n, 'p>(&'n self, path: &'p str) -> (&'n Self, &'p str) {
        let (mut node, mut path) = (self, path);
        while let Some(step) = node.step(path) {
            let (next, rest) = match (node.value(), step) {
                (Value::Sequence(items), Step::Item(n, rest)) => (items.get(n), rest),
                (Value::Mapping(mapping), Step::Entry(n, rest)) => {
                    (mapping.iter().as_slice().get(n).map(|entry| entry.node()), rest)
                }
                _ => break,
            };
            let Some(next) = next else { break };
            (node, path) = (next, rest);
        }
        (node, path)
    }

    /// The first step of a path, if it leads anywhere.
    pub(super) fn step<'p>(&self, path: &'p str) -> Option<Step<'p>> {
        match self.value() {
            Value::Sequence(items) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                let index = index.parse().ok().filter(|index| *index < items.len())?;
                Some(Step::Item(index, rest))
            }
            Value::Mapping(mapping) if !path.is_empty() => {
                longest_key(mapping, path.strip_prefix('.').unwrap_or(path))
            }
            _ => None,
        }
    }
}

fn longest_key<'p>(mapping: &Mapping, path: &'p str) -> Option<Step<'p>> {
    mapping
        .iter()
        .enumerate()
        .filter_map(|(n, entry)| {
            let rest = path.strip_prefix(entry.key())?;
            (rest.is_empty() || rest.starts_with(['.', '['])).then_some(Step::Entry(n, rest))
        })
        .min_by_key(|step| match step {
            Step::Item(_, rest) | Step::Entry(_, rest) => rest.len(),
        })
}

#[cfg(test)]
mod tests {
    use super::super::{Node, read_json};

    #[test]
    fn paths_lead_back_to_nodes() {
        let text = r#"{"a": [{"b": 1}, {"x.y/z[0]": {"": 2}, "x": {"y/z[0]": 3}}]}"#;
        let root = read_json(text).unwrap().remove(0).into_root();
        for (path, found) in [
            ("", Some(root.to_json())),
            ("a[0].b", Some(1.into())),
            ("a[1].x.y/z[0]", Some(serde_json::json!({"": 2}))),
            ("a[1].x.y/z[0].", Some(2.into())),
            ("a[2]", None),
            ("a[0].c", None),
            ("a[0].b.c", None),
            ("b", None),
            ("a[", None),
            ("[0]", None),
        ] {
            assert_eq!(root.at(path).map(Node::to_json), found, "{path}");
        }
        assert_eq!(root.nearest("a[0].c.d").position(), root.at("a[0]").unwrap().position());
        assert_eq!(root.nearest("z").position(), root.position());
    }
}
