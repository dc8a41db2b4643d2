//! One file onto what is there: an RFC 7386 merge patch that keeps in mind who set what.

use std::sync::Arc;

use crate::config::provenance::{Content, Slot, Slots};
use crate::config::source::Place;
use crate::config::{FieldKind, Note, Origin, schema};
use crate::document::{Mapping, Node, Value};

/// A file that is being applied.
pub(super) struct Patch<'a> {
    pub(super) file: &'a Arc<str>,
    pub(super) notes: &'a mut Vec<Note>,
}

impl Patch<'_> {
    /// Maps merge, `null` takes away, everything else replaces.
    pub(super) fn apply(&mut self, slots: &mut Slots, patch: Mapping, kind: FieldKind, path: &str) {
        for entry in patch {
            let place = self.place(&entry);
            let (key, node) = entry.into_parts();
            match (slots.get_mut(&key), node.value()) {
                (None, Value::Null) => {}
                (Some(slot), Value::Null) => self.take_away(slot, place, kind, path, &key),
                (None, _) => {
                    let slot = self.slot(Origin::File(place), node);
                    slots.insert(key, slot);
                }
                (Some(slot), _) => self.set(slot, node, place, kind, path, &key),
            }
        }
    }

    fn place(&self, entry: &crate::document::Entry) -> Place {
        Place { file: Arc::clone(self.file), position: entry.position() }
    }

    fn take_away(&mut self, slot: &mut Slot, place: Place, kind: FieldKind, path: &str, key: &str) {
        if slot.is_gone() {
            return;
        }
        let origin = Origin::File(place);
        self.notes.push(Note::TakenAway {
            field: schema::below(path, kind, key),
            by: origin.clone(),
            was: slot.to_setting(),
        });
        slot.replace(origin, Content::Gone);
    }

    fn set(&mut self, slot: &mut Slot, node: Node, place: Place, kind: FieldKind, path: &str, key: &str) {
        let origin = Origin::File(place);
        if let (Content::Map(below), Value::Mapping(_)) = (&mut slot.content, node.value()) {
            // Which of the two made the map does not matter: what stands in it tells.
            if let Value::Mapping(patch) = node.into_value() {
                let path = schema::below(path, kind, key);
                self.apply(below, patch, schema::kind_of(kind, key), &path);
            }
            return;
        }
        let same_place = slot.origin == origin;
        if let (Content::Leaf(was), true) = (&slot.content, slot.origin.is_set() && !same_place)
            && let (Some(was), Some(_)) = (was.as_sequence(), node.as_sequence())
            && !was.is_empty()
        {
            self.notes.push(Note::ListReplaced {
                field: schema::below(path, kind, key),
                by: origin.clone(),
                was: slot.to_setting(),
            });
        }
        let new = self.slot(origin, node);
        if same_place {
            slot.content = new.content;
        } else {
            slot.replace(new.origin, new.content);
        }
    }

    /// What is new: a `null` in it means nothing.
    fn slot(&mut self, origin: Origin, node: Node) -> Slot {
        let position = node.position();
        let content = match node.into_value() {
            Value::Mapping(mapping) => {
                let mut below = Slots::new();
                for entry in mapping {
                    let place = self.place(&entry);
                    let (key, node) = entry.into_parts();
                    if !node.is_null() {
                        let slot = self.slot(Origin::File(place), node);
                        below.insert(key, slot);
                    }
                }
                Content::Map(below)
            }
            Value::Sequence(items) => {
                let items = items.into_iter().map(without_nulls).collect();
                Content::Leaf(Node::of(Value::Sequence(items)).with_position(position))
            }
            value => Content::Leaf(Node::of(value).with_position(position)),
        };
        Slot::new(origin, content)
    }
}

/// A `null` in a mapping means nothing; in a list it stays.
fn without_nulls(node: Node) -> Node {
    let position = node.position();
    let node = match node.into_value() {
        Value::Mapping(mapping) => Node::mapping(mapping.into_iter().filter_map(|entry| {
            let position = entry.position();
            let (key, node) = entry.into_parts();
            (!node.is_null()).then(|| (key, position, without_nulls(node)))
        })),
        Value::Sequence(items) => Node::of(Value::Sequence(items.into_iter().map(without_nulls).collect())),
        value => Node::of(value),
    };
    node.with_position(position)
}

/// Sets what a flag says.
pub(super) fn set_flag(slots: &mut Slots, path: &[&str], flag: &'static str, node: Node) {
    let Some((first, rest)) = path.split_first() else { return };
    let origin = Origin::Flag(flag);
    let slot = slots.entry((*first).to_owned()).or_insert_with(|| Slot::new(Origin::Default, Content::Gone));
    if !rest.is_empty() {
        if slot.map().is_none() {
            (slot.origin, slot.content) = (origin, Content::Map(Slots::new()));
        }
        if let Content::Map(below) = &mut slot.content {
            set_flag(below, rest, flag, node);
        }
        return;
    }
    let content = match node.into_value() {
        Value::Mapping(mapping) => {
            let below = mapping.into_iter().map(|entry| {
                let (key, node) = entry.into_parts();
                (key, Slot::new(origin.clone(), Content::Leaf(node)))
            });
            Content::Map(below.collect())
        }
        value => Content::Leaf(Node::of(value)),
    };
    if slot.is_gone() && slot.origin == Origin::Default {
        (slot.origin, slot.content) = (origin, content);
    } else {
        slot.replace(origin, content);
    }
}
