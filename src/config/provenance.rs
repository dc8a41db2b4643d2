//! Who has set each field of a configuration, and what that overrode.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::source::Place;
use super::{FieldKind, schema};
use crate::document::Node;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// Nobody has set it: it is Kubernetes' default.
    Default,
    /// Nobody has set it: it is a default that follows from what another field says.
    Derived,
    /// A file.
    File(Place),
    /// A flag of the command line, with its dashes.
    Flag(&'static str),
}

impl Origin {
    /// Whether somebody has set it.
    pub fn is_set(&self) -> bool {
        matches!(self, Self::File(_) | Self::Flag(_))
    }

    /// The file, if it comes from one.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::File(place) => Some(&place.file),
            _ => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Derived => f.write_str("default that follows from another field"),
            Self::File(place) => place.fmt(f),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A value that a field had for a while, and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    pub(super) origin: Origin,
    pub(super) value: Option<Node>,
}

impl Setting {
    /// Where it came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The value, as it was written; `None` if it was a `null`, which takes away what is there.
    pub fn value(&self) -> Option<serde_json::Value> {
        self.value.as_ref().map(Node::to_json)
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Some(value) => write!(f, "{value}")?,
            None => f.write_str("null")?,
        }
        write!(f, " ({})", self.origin)
    }
}

/// A field: its value, or what is below it, where that comes from, and what was there before.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slot {
    pub(super) origin: Origin,
    pub(super) content: Content,
    /// The oldest first.
    pub(super) overrode: Vec<Setting>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// Anything that is replaced as a whole.
    Leaf(Node),
    /// A struct or a map.
    Map(Slots),
    /// A `null` has taken it away.
    Gone,
}

pub(super) type Slots = BTreeMap<String, Slot>;

impl Slot {
    pub(super) fn new(origin: Origin, content: Content) -> Self {
        Self { origin, content, overrode: Vec::new() }
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self.content, Content::Gone)
    }

    pub(super) fn map(&self) -> Option<&Slots> {
        match &self.content {
            Content::Map(slots) => Some(slots),
            _ => None,
        }
    }

    /// The value as one; `None` if it is gone.
    pub(super) fn to_node(&self) -> Option<Node> {
        match &self.content {
            Content::Leaf(node) => Some(node.clone()),
            Content::Map(slots) => Some(to_node(slots)),
            Content::Gone => None,
        }
    }

    /// What it is now, as something that was.
    pub(super) fn to_setting(&self) -> Setting {
        Setting { origin: self.origin.clone(), value: self.to_node() }
    }

    /// Makes it something else, and keeps in mind what it was.
    pub(super) fn replace(&mut self, origin: Origin, content: Content) {
        let value = match std::mem::replace(&mut self.content, content) {
            Content::Leaf(node) => Some(node),
            Content::Map(slots) => Some(to_node(&slots)),
            Content::Gone => None,
        };
        self.overrode.push(Setting { origin: std::mem::replace(&mut self.origin, origin), value });
    }
}

/// The mapping that slots stand for.
pub(super) fn to_node(slots: &Slots) -> Node {
    let entries = slots.iter().filter_map(|(key, slot)| {
        let node = slot.to_node()?;
        Some((key.clone(), node.position(), node))
    });
    Node::mapping(entries)
}

/// Where everything in a configuration comes from: one entry for each value, and for each list as a whole.
///
/// ```
/// use node_lifecycle::config::{Flags, Source, merge};
///
/// let base = Source::base("kubelet.yaml", r#"{"apiVersion": "kubelet.config.k8s.io/v1beta1",
///     "kind": "KubeletConfiguration",
///     "maxPods": 50}"#);
/// let drop_in = Source::drop_in("10-pods.conf", r#"{"apiVersion": "kubelet.config.k8s.io/v1beta1",
///     "kind": "KubeletConfiguration", "maxPods": 60}"#);
/// let effective = merge(Some(&base), Some(&[drop_in]), &Flags::default(), Default::default())?;
/// let max_pods = effective.provenance.field("maxPods").unwrap();
/// assert_eq!(max_pods.origin().to_string(), "10-pods.conf:2:37");
/// assert_eq!(max_pods.overrode()[0].to_string(), "50 (kubelet.yaml:3:5)");
/// # Ok::<(), node_lifecycle::config::ConfigErrors>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Provenance {
    pub(super) slots: Slots,
}

/// What is known of one field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FieldProvenance<'a>(pub(super) &'a Slot);

impl<'a> FieldProvenance<'a> {
    /// Where it comes from. Of a struct or a map: who made it; what stands in it may come from elsewhere.
    pub fn origin(&self) -> &'a Origin {
        &self.0.origin
    }

    /// What it is; `None` if it was taken away.
    pub fn value(&self) -> Option<serde_json::Value> {
        self.0.to_node().as_ref().map(Node::to_json)
    }

    /// What it was before, the oldest first.
    pub fn overrode(&self) -> &'a [Setting] {
        &self.0.overrode
    }

    pub(super) fn slot(&self) -> &'a Slot {
        self.0
    }
}

impl Provenance {
    /// What is known of a field, by its path: `maxPods`, `authentication.webhook.cacheTTL`, and of an entry of a map
    /// `evictionHard[memory.available]` or `evictionHard.memory.available`. Lists are known as a whole.
    pub fn field(&self, path: &str) -> Option<FieldProvenance<'_>> {
        find(&self.slots, path).map(FieldProvenance)
    }

    /// Everything that has a value, by path, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (String, FieldProvenance<'_>)> {
        let mut found = Vec::new();
        walk(&self.slots, schema::ROOT, "", &mut |path, slot| {
            if matches!(slot.content, Content::Leaf(_)) {
                found.push((path.to_owned(), FieldProvenance(slot)));
            }
        });
        found.into_iter()
    }
}

/// The slot that a path leads to. Keys may have dots: of several that fit, the longest is taken.
fn find<'s>(slots: &'s Slots, path: &str) -> Option<&'s Slot> {
    let fits = slots.iter().filter_map(|(key, slot)| {
        let rest = match path.strip_prefix('[') {
            Some(bracketed) => bracketed.strip_prefix(key.as_str())?.strip_prefix(']')?,
            None => path.strip_prefix(key.as_str())?,
        };
        match rest.strip_prefix('.') {
            _ if rest.is_empty() => Some((key, slot)),
            Some(below) => Some((key, find(slot.map()?, below)?)),
            None if rest.starts_with('[') => Some((key, find(slot.map()?, rest)?)),
            None => None,
        }
    });
    fits.max_by_key(|(key, _)| key.len()).map(|(_, slot)| slot)
}

/// Visits each slot with its path, what is above before what is below.
pub(super) fn walk<'s>(
    slots: &'s Slots,
    kind: FieldKind,
    path: &str,
    visit: &mut impl FnMut(&str, &'s Slot),
) {
    for (key, slot) in slots {
        let path = schema::below(path, kind, key);
        visit(&path, slot);
        if let Content::Map(slots) = &slot.content {
            walk(slots, schema::kind_of(kind, key), &path, visit);
        }
    }
}
