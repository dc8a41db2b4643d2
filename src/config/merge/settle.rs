//! From a configuration and what was said, to who has said what in it.

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value as Json};

use crate::behaviour::FeatureGates;
use crate::config::note::Note;
use crate::config::provenance::{Content, Origin, Slot, Slots};
use crate::config::schema;
use crate::config::source::Place;
use crate::config::{FieldKind, KubeletConfiguration};
use crate::document::{Mapping, Node, Number, Value};
use crate::eviction::Platform;

/// A configuration whose every value has an origin.
pub(super) struct Settled {
    pub(super) slots: Slots,
    pub(super) notes: Vec<Note>,
}

/// What a file says, `null`s of fields aside.
pub(super) fn to_slots(file: &Arc<str>, mapping: Mapping) -> Slots {
    let mut slots = Slots::new();
    for entry in mapping {
        let origin = Origin::File(Place { file: Arc::clone(file), position: entry.position() });
        let (key, node) = entry.into_parts();
        let position = node.position();
        let content = match node.into_value() {
            Value::Null => continue,
            Value::Mapping(mapping) => Content::Map(to_slots(file, mapping)),
            value => Content::Leaf(Node::of(value).with_position(position)),
        };
        slots.insert(key, Slot::new(origin, content));
    }
    slots
}

/// What everything is by default.
static DEFAULTS: LazyLock<Map<String, Json>> = LazyLock::new(|| {
    let mut config = KubeletConfiguration::default();
    complete(&mut config, &FeatureGates::default());
    match serde_json::to_value(config) {
        Ok(Json::Object(fields)) => fields,
        _ => Map::new(),
    }
});

/// Gives everything that is unset its default, as a kubelet has it once it has read its configuration.
pub(super) fn complete(config: &mut KubeletConfiguration, gates: &FeatureGates) {
    config.apply_defaults_under(gates);
    // It has no default of its own, but the kubelet keeps it as a plain boolean.
    config.enable_system_log_query.get_or_insert(false);
}

/// Gives each value of a configuration the origin that it has in what was said, or else that of a default.
pub(super) fn settle(said: Slots, config: &KubeletConfiguration, platform: Platform) -> Settled {
    let Ok(Json::Object(fields)) = serde_json::to_value(config) else {
        return Settled { slots: said, notes: Vec::new() };
    };
    let hard = platform.default_eviction_hard().iter();
    let hard: Map<String, Json> = hard.map(|(signal, value)| ((*signal).into(), (*value).into())).collect();
    let mut settling = Settling { evictions: &hard, notes: Vec::new() };
    let slots = settling.map(said, fields, schema::ROOT, "", Some(&DEFAULTS));
    Settled { slots, notes: settling.notes }
}

struct Settling<'a> {
    evictions: &'a Map<String, Json>,
    notes: Vec<Note>,
}

impl Settling<'_> {
    fn map(
        &mut self,
        mut said: Slots,
        fields: Map<String, Json>,
        kind: FieldKind,
        path: &str,
        defaults: Option<&Map<String, Json>>,
    ) -> Slots {
        let mut slots = Slots::new();
        for (key, value) in fields {
            let below_defaults = match key.as_str() {
                "evictionHard" if path.is_empty() => Some(self.evictions),
                key => defaults.and_then(|defaults| defaults.get(key)).and_then(Json::as_object),
            };
            let is_type = path.is_empty() && matches!(key.as_str(), "kind" | "apiVersion");
            let is_default = is_type || defaults.and_then(|defaults| defaults.get(&key)) == Some(&value);
            let origin = if is_default { Origin::Default } else { Origin::Derived };
            let slot = match (said.remove(&key), value) {
                (said, Json::Object(fields)) => {
                    let path = schema::below(path, kind, &key);
                    let kind = schema::kind_of(kind, &key);
                    self.below(said, fields, kind, &path, below_defaults)
                }
                (Some(said), value) => self.leaf(said, value, kind, path, &key, origin),
                (None, value) => Slot::new(origin, Content::Leaf(Node::from_json(value))),
            };
            slots.insert(key, slot);
        }
        // What is set to zero is not written where zero is the same as unset; who has set it is worth knowing.
        let rest = said.into_iter().filter(|(key, slot)| {
            let exists = match kind {
                FieldKind::Struct(fields) => schema::field(fields, key).is_some(),
                _ => true,
            };
            exists && (slot.is_gone() || is_nothing(slot))
        });
        slots.extend(rest);
        slots
    }

    fn below(
        &mut self,
        said: Option<Slot>,
        fields: Map<String, Json>,
        kind: FieldKind,
        path: &str,
        defaults: Option<&Map<String, Json>>,
    ) -> Slot {
        match said {
            Some(Slot { origin, content: Content::Map(said), overrode }) => {
                let content = Content::Map(self.map(said, fields, kind, path, defaults));
                Slot { origin, content, overrode }
            }
            said => {
                let content = Content::Map(self.map(Slots::new(), fields, kind, path, defaults));
                let mut slot = Slot::new(Origin::Default, content);
                if let Some(mut said) = said {
                    slot.overrode.append(&mut said.overrode);
                    slot.overrode.push(said.to_setting());
                }
                slot
            }
        }
    }

    fn leaf(
        &mut self,
        mut said: Slot,
        value: Json,
        kind: FieldKind,
        path: &str,
        key: &str,
        default: Origin,
    ) -> Slot {
        if let Content::Leaf(node) = &said.content {
            if is_same(node, &value) {
                return said;
            }
            if !is_zero(node) || is_zero(&Node::from_json(value.clone())) {
                let position = node.position();
                said.content = Content::Leaf(Node::from_json(value).with_position(position));
                return said;
            }
            if said.origin.is_set() {
                self.notes.push(Note::ZeroIsUnset {
                    field: schema::below(path, kind, key),
                    by: said.origin.clone(),
                    default: value.clone(),
                });
            }
        }
        let mut slot = Slot::new(default, Content::Leaf(Node::from_json(value)));
        slot.overrode.append(&mut said.overrode);
        slot.overrode.push(said.to_setting());
        slot
    }
}

/// Whether a value is written in the text just so.
fn is_same(node: &Node, value: &Json) -> bool {
    match (node.value(), value) {
        (Value::Null, Json::Null) => true,
        (Value::Bool(a), Json::Bool(b)) => a == b,
        (Value::Number(Number::Signed(a)), Json::Number(b)) => b.as_i64() == Some(*a),
        (Value::Number(Number::Unsigned(a)), Json::Number(b)) => b.as_u64() == Some(*a),
        (Value::Number(Number::Float(a)), Json::Number(b)) => b.is_f64() && b.as_f64() == Some(*a),
        (Value::String(a), Json::String(b)) => a == b,
        (Value::Sequence(_) | Value::Mapping(_), _) => node.to_json() == *value,
        _ => false,
    }
}

fn is_nothing(slot: &Slot) -> bool {
    match &slot.content {
        Content::Leaf(node) => is_zero(node),
        Content::Map(slots) => slots.values().all(is_nothing),
        Content::Gone => true,
    }
}

/// Whether a value is the zero of its kind.
pub(super) fn is_zero(node: &Node) -> bool {
    match node.value() {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(Number::Signed(number)) => *number == 0,
        Value::Number(Number::Unsigned(number)) => *number == 0,
        Value::Number(Number::Float(number)) => *number == 0.0,
        Value::String(text) => {
            text.is_empty() || text.parse::<crate::config::SignedDuration>().is_ok_and(|time| time.is_zero())
        }
        Value::Sequence(items) => items.is_empty(),
        Value::Mapping(mapping) => mapping.is_empty(),
    }
}
