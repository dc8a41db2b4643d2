//! What drop-ins are applied onto: the base with its defaults, or what the flags have by default.

use std::sync::Arc;

use super::Layers;
use super::settle::{Settled, complete, settle, to_slots};
use crate::config::note::Note;
use crate::config::problem::Problem;
use crate::config::provenance::{Content, Origin, Slots};
use crate::config::schema;
use crate::config::source::Source;
use crate::config::{FieldKind, KubeletConfiguration};
use crate::document::{Mapping, Node, Number, Value};

impl Layers {
    /// As `loadConfigFile` of the kubelet: decoded, defaulted, paths made absolute, `evictionHard` filled in.
    pub(super) fn begin_with(&mut self, base: &Source) {
        let explicit = self.read(base).map(|node| self.look_into(base, node));
        let (mut config, explicit) = explicit.unwrap_or_default();
        make_paths_absolute(&mut config, base.folder());
        complete(&mut config, &self.options.gates);
        self.fill_evictions(&mut config, &explicit);
        let settled = settle(explicit, &config, self.options.platform);
        self.take(settled);
    }

    /// As the kubelet begins: the defaults, and the older ones of four flags.
    pub(super) fn begin_without_base(&mut self) {
        let mut config = KubeletConfiguration::default();
        fill_flag_defaults(&mut config);
        complete(&mut config, &self.options.gates);
        let mut settled = settle(Slots::new(), &config, self.options.platform);
        set_all_default(&mut settled.slots);
        self.take(settled);
    }

    pub(super) fn take(&mut self, settled: Settled) {
        self.slots = settled.slots;
        self.notes.extend(settled.notes);
    }

    /// Decodes the base, and remembers what it says.
    fn look_into(&mut self, base: &Source, node: Node) -> (KubeletConfiguration, Slots) {
        let node = zeros_for_nulls(node, schema::ROOT);
        if let Some(mapping) = node.as_mapping() {
            self.look_through(base, mapping);
        }
        let node = self.without_newer_fields(node);
        let salvaged = node.salvage::<KubeletConfiguration>();
        let file = base.shared_name();
        for error in salvaged.errors {
            self.problems.push(Problem::value(Arc::clone(file), &error));
        }
        let slots = match node.into_value() {
            Value::Mapping(mapping) => to_slots(file, mapping),
            _ => Slots::new(),
        };
        let config = salvaged.value.unwrap_or_default();
        self.check_gates(&config, &slots);
        (config, slots)
    }

    fn fill_evictions(&mut self, config: &mut KubeletConfiguration, explicit: &Slots) {
        let defaults = self.options.platform.default_eviction_hard();
        let merges = config.merge_default_eviction_settings == Some(true);
        let hard = config.eviction_hard.get_or_insert_default();
        let set = explicit.get("evictionHard");
        let unnamed = defaults.iter().filter(|(signal, _)| !hard.contains_key(*signal)).copied();
        let unnamed: Vec<_> = unnamed.collect();
        match set {
            Some(slot) if !merges => {
                if !unnamed.is_empty() {
                    self.notes.push(Note::EvictionDefaultsGone { by: slot.origin.clone(), gone: unnamed });
                }
            }
            _ => hard.extend(unnamed.into_iter().map(|(signal, value)| (signal.into(), value.into()))),
        }
    }

    /// The kubelet writes its base down again before it applies drop-ins, and leaves out what is empty.
    pub(super) fn forget_empty_settings(&mut self) {
        let Self { slots, notes, .. } = self;
        slots.retain(|key, slot| {
            let is_empty = match (&slot.content, schema::kind_of(schema::ROOT, key)) {
                (Content::Leaf(node), FieldKind::List(_)) => node.as_sequence().is_some_and(<[_]>::is_empty),
                (Content::Map(below), FieldKind::Map(_)) => below.is_empty(),
                _ => false,
            };
            if is_empty && slot.origin.is_set() {
                notes.push(Note::EmptyForgotten { field: key.clone(), by: slot.origin.clone() });
            }
            !is_empty
        });
    }
}

/// What flags have by default where the file's default is another.
pub(super) fn fill_flag_defaults(config: &mut KubeletConfiguration) {
    config.authentication.anonymous.enabled.get_or_insert(true);
    config.authentication.webhook.enabled.get_or_insert(false);
    if config.authorization.mode.is_empty() {
        config.authorization.mode = "AlwaysAllow".to_owned();
    }
    if config.read_only_port == 0 {
        config.read_only_port = 10255;
    }
}

fn set_all_default(slots: &mut Slots) {
    for slot in slots.values_mut() {
        slot.origin = Origin::Default;
        if let Content::Map(below) = &mut slot.content {
            set_all_default(below);
        }
    }
}

/// In the base a `null` in a map or a list is the zero of its kind, as Go reads it. (A `null` of a field is nothing.)
fn zeros_for_nulls(node: Node, kind: FieldKind) -> Node {
    let position = node.position();
    let node = match (node.into_value(), kind) {
        (Value::Mapping(mapping), FieldKind::Struct(_)) => Node::mapping(mapping.into_iter().map(|entry| {
            let position = entry.position();
            let (key, node) = entry.into_parts();
            let node = match schema::kind_of(kind, &key) {
                kind @ (FieldKind::Struct(_) | FieldKind::Map(_) | FieldKind::List(_)) => {
                    zeros_for_nulls(node, kind)
                }
                _ => node,
            };
            (key, position, node)
        })),
        (Value::Mapping(mapping), FieldKind::Map(element)) => {
            Node::mapping(mapping.into_iter().map(|entry| {
                let position = entry.position();
                let (key, node) = entry.into_parts();
                (key, position, zero_for_null(node, *element))
            }))
        }
        (Value::Sequence(items), FieldKind::List(element)) => {
            let items = items.into_iter().map(|item| zero_for_null(item, *element));
            Node::of(Value::Sequence(items.collect()))
        }
        (value, _) => Node::of(value),
    };
    node.with_position(position)
}

pub(super) fn zero_for_null(node: Node, kind: FieldKind) -> Node {
    if !node.is_null() {
        return zeros_for_nulls(node, kind);
    }
    let zero = match kind {
        FieldKind::Bool => Value::Bool(false),
        FieldKind::Int32 | FieldKind::Int64 | FieldKind::Uint32 | FieldKind::Float => {
            Value::Number(Number::Signed(0))
        }
        FieldKind::String => Value::String(String::new()),
        FieldKind::Duration | FieldKind::DurationOrNanoseconds => Value::String("0s".to_owned()),
        FieldKind::Quantity => Value::String("0".to_owned()),
        FieldKind::List(_) => Value::Sequence(Vec::new()),
        FieldKind::Struct(_) | FieldKind::Map(_) => Value::Mapping(Mapping::default()),
        FieldKind::Time => Value::Null,
    };
    Node::of(zero).with_position(node.position())
}

/// Relative paths of the base are relative to its folder.
fn make_paths_absolute(config: &mut KubeletConfiguration, folder: &str) {
    if folder.is_empty() {
        return;
    }
    let KubeletConfiguration { authentication, resolv_conf, .. } = config;
    let mut paths = vec![&mut authentication.x509.client_ca_file];
    paths.extend(resolv_conf);
    paths.extend([
        &mut config.static_pod_path,
        &mut config.tls_cert_file,
        &mut config.tls_private_key_file,
        &mut config.volume_plugin_dir,
        &mut config.pod_logs_dir,
    ]);
    for path in paths {
        if !path.is_empty() && !path.starts_with('/') {
            *path = join(folder, path);
        }
    }
}

/// A path below a folder, without `.` and `..` where that can be told from the text.
fn join(folder: &str, path: &str) -> String {
    let rooted = folder.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}
