//! From all layers to the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::base::{fill_flag_defaults, zero_for_null};
use super::patch::set_flag;
use super::settle::{complete, settle};
use super::{Effective, Layers, MOST_OF_A_FILE};
use crate::config::flags::Flags;
use crate::config::note::Note;
use crate::config::problem::{ConfigErrors, Problem};
use crate::config::provenance::{Content, Origin, Provenance, Slot, Slots, to_node};
use crate::config::{FieldKind, KubeletConfiguration, schema};
use crate::document::{Node, Value};

impl Layers {
    /// Decodes what there is, gives what is unset its default, and lets flags outrank it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the files and the flags.
    pub fn finish(self, flags: &Flags) -> Result<Effective, ConfigErrors> {
        let (effective, problems) = self.finish_anyway(flags);
        if problems.is_empty() { Ok(effective) } else { Err(ConfigErrors(problems)) }
    }

    /// The configuration without what is wrong with it, and that.
    pub(in crate::config) fn finish_anyway(mut self, flags: &Flags) -> (Effective, Vec<Problem>) {
        self.problems.extend(flags.errors().iter().cloned().map(Problem::Flag));
        self.notes.extend(flags.without_field().map(|flag| Note::NoField { flag: flag.to_owned() }));
        if self.options.compat.match_any_case {
            let slots = std::mem::take(&mut self.slots);
            self.slots = self.match_any_case(slots, schema::ROOT, "");
        }
        let mut config = self.decode();
        let slots = std::mem::take(&mut self.slots);
        self.check_gates(&config, &slots);
        complete(&mut config, &self.options.gates);
        config.eviction_hard.get_or_insert_default();
        config.kind = "KubeletConfiguration".to_owned();
        config.api_version = "kubelet.config.k8s.io/v1beta1".to_owned();
        let said = self.has_folder.then(|| only_said(&slots));
        let settled = settle(slots, &config, self.options.platform);
        self.take(settled);
        self.inherit_evictions(&mut config);
        if let Some(said) = said {
            self.note_sticky_defaults(&said, &config);
            self.note_kept_evictions();
        }
        self.apply_flags(&mut config, flags);
        self.inherit_evictions(&mut config);
        self.note_signals_off();
        self.note_unused_misfits();
        let notes = std::mem::take(&mut self.notes);
        let effective = Effective {
            config,
            provenance: Provenance { slots: std::mem::take(&mut self.slots) },
            notes: if self.has_repetitions { without_repetitions(notes) } else { notes },
            files: self.files.clone(),
        };
        (effective, self.in_order())
    }

    fn decode(&mut self) -> KubeletConfiguration {
        let node = to_node(&self.slots);
        let salvaged = node.salvage::<KubeletConfiguration>();
        for error in &salvaged.errors {
            let found = find_leaf(&self.slots, error.path());
            let problem = match found.map(|slot| &slot.origin) {
                Some(Origin::File(place)) => Problem::value(Arc::clone(&place.file), error),
                _ => Problem::value(Arc::from(""), error),
            };
            // What is wrong with the base has been reported.
            self.report(problem);
        }
        salvaged.value.unwrap_or_default()
    }

    fn in_order(self) -> Vec<Problem> {
        let Self { files, mut problems, .. } = self;
        let order: BTreeMap<&str, usize> = files.iter().enumerate().map(|(n, file)| (&**file, n)).collect();
        problems.sort_by_cached_key(|problem| {
            let file = problem.file().map(|file| order.get(file).copied().unwrap_or_default());
            (file.unwrap_or(usize::MAX), problem.position())
        });
        problems
    }

    /// Go's decoder finds a field whatever the case of its key; of several keys the last one by bytes counts.
    fn match_any_case(&mut self, slots: Slots, kind: FieldKind, path: &str) -> Slots {
        let mut matched = Slots::new();
        for (key, mut slot) in slots {
            let name = match kind {
                FieldKind::Struct(fields) => {
                    // A field that is newer than 1.32 is unknown to it.
                    let known = schema::field_in_any_case(fields, &key).filter(|field| field.since.is_none());
                    let Some(field) = known else { continue };
                    field.name.to_owned()
                }
                _ => key.clone(),
            };
            let here = schema::below(path, kind, &name);
            let kind = schema::kind_of(kind, &name);
            if name != key && !slot.is_gone() {
                self.notes.push(Note::OtherCase {
                    field: here.clone(),
                    written: key,
                    by: slot.origin.clone(),
                });
            }
            slot.content = match slot.content {
                Content::Map(below) => Content::Map(self.match_any_case(below, kind, &here)),
                Content::Leaf(node) => Content::Leaf(zero_for_null(node, kind)),
                Content::Gone => Content::Gone,
            };
            match matched.get_mut(&name) {
                None => _ = matched.insert(name, slot),
                Some(_) if slot.is_gone() => {}
                Some(earlier) => self.decode_over(earlier, slot, kind, &here),
            }
        }
        matched
    }

    /// What Go's decoder does with the second value for one field.
    fn decode_over(&mut self, earlier: &mut Slot, later: Slot, kind: FieldKind, path: &str) {
        if let (Content::Map(earlier), Content::Map(_)) = (&mut earlier.content, &later.content) {
            let Content::Map(later) = later.content else { return };
            for (key, slot) in later {
                let path = schema::below(path, kind, &key);
                match earlier.get_mut(&key) {
                    None => _ = earlier.insert(key, slot),
                    Some(earlier) => {
                        self.decode_over(earlier, slot, schema::kind_of(kind, &key), &path);
                    }
                }
            }
            return;
        }
        if let (Content::Leaf(node), Origin::File(place)) = (&earlier.content, &earlier.origin)
            && let Some(message) = schema::misfit(kind, node)
        {
            self.problems.push(Problem::Value { field: path.to_owned(), at: place.clone(), message });
        }
        let was = earlier.to_setting();
        let mut history = std::mem::take(&mut earlier.overrode);
        *earlier = later;
        history.push(was);
        history.append(&mut earlier.overrode);
        earlier.overrode = history;
    }

    /// Reports feature gates that do not exist, or are locked. (The kubelet panics.)
    pub(super) fn check_gates(&mut self, config: &KubeletConfiguration, slots: &Slots) {
        if config.feature_gates.is_empty() {
            return;
        }
        let errors = self.options.registry.apply(&config.feature_gate_settings()).err();
        for error in errors.into_iter().flatten().take(MOST_OF_A_FILE) {
            let gates = slots.get("featureGates").and_then(Slot::map);
            let by = gates.and_then(|gates| gates.get(error.name())).map(|slot| slot.origin.clone());
            self.report(Problem::Gate { by: by.unwrap_or(Origin::Default), error });
        }
    }

    /// Reports what has not been reported yet.
    fn report(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn apply_flags(&mut self, config: &mut KubeletConfiguration, flags: &Flags) {
        let errors = self.options.registry.apply(&flags.feature_gates()).err();
        for error in errors.into_iter().flatten().take(MOST_OF_A_FILE) {
            self.report(Problem::Gate { by: Origin::Flag("--feature-gates"), error });
        }
        for setting in flags.settings() {
            let path: Vec<&str> = setting.path.split('.').collect();
            let node = match (setting.path, setting.value.value()) {
                ("featureGates", Value::Mapping(gates)) => {
                    for gate in gates {
                        let path = ["featureGates", gate.key()];
                        set_flag(&mut self.slots, &path, setting.flag, gate.node().clone());
                    }
                    continue;
                }
                (field, Value::Mapping(new)) => {
                    let was = self.slots.get(field).and_then(Slot::map).into_iter().flatten();
                    let lost = was.filter(|(key, slot)| {
                        slot.origin.is_set() && !slot.is_gone() && new.get(key).is_none()
                    });
                    let keys: Vec<String> = lost.map(|(key, _)| key.clone()).collect();
                    if !keys.is_empty() {
                        let (field, flag) = (field.to_owned(), setting.flag);
                        self.notes.push(Note::MapReplaced { field, flag, keys });
                    }
                    setting.value.clone()
                }
                _ => setting.value.clone(),
            };
            set_flag(&mut self.slots, &path, setting.flag, node);
        }
        if flags.settings().next().is_some() {
            // What a flag says has been read already, so that this cannot go wrong because of it.
            if let Some(decoded) = to_node(&self.slots).salvage().value {
                *config = decoded;
            }
        }
    }

    /// Compares what defaults are with what they would be if all files were one.
    fn note_sticky_defaults(&mut self, said: &Slots, merged: &KubeletConfiguration) {
        let Some(mut config) = to_node(said).salvage::<KubeletConfiguration>().value else { return };
        if !self.has_base {
            fill_flag_defaults(&mut config);
        }
        complete(&mut config, &self.options.gates);
        config.eviction_hard.clone_from(&merged.eviction_hard);
        config.kind.clone_from(&merged.kind);
        config.api_version.clone_from(&merged.api_version);
        if config == *merged {
            return;
        }
        let otherwise = settle(Slots::new(), &config, self.options.platform).slots;
        let notes = &mut self.notes;
        compare_defaults(&self.slots, &otherwise, schema::ROOT, "", &mut |field, slot, otherwise| {
            if let Some(value) = slot.to_node() {
                notes.push(Note::StickyDefault {
                    field: field.to_owned(),
                    value: value.to_json(),
                    otherwise: otherwise.and_then(Slot::to_node).map(|node| node.to_json()),
                });
            }
        });
    }

    /// With `mergeDefaultEvictionSettings` a signal that is not named in the end has its default, whoever took it away:
    /// the eviction manager goes by what is there in the end, and by nothing else.
    fn inherit_evictions(&mut self, config: &mut KubeletConfiguration) {
        if config.merge_default_eviction_settings != Some(true) {
            return;
        }
        self.notes.retain(|note| !matches!(note, Note::EvictionDefaultsGone { .. }));
        let hard = config.eviction_hard.get_or_insert_default();
        let slots = self.slots.get_mut("evictionHard").map(|slot| &mut slot.content);
        let Some(Content::Map(slots)) = slots else { return };
        for (signal, value) in self.options.platform.default_eviction_hard() {
            if hard.contains_key(*signal) {
                continue;
            }
            hard.insert((*signal).to_owned(), (*value).to_owned());
            let content = Content::Leaf(Node::of(Value::String((*value).to_owned())));
            match slots.get_mut(*signal) {
                Some(gone) => gone.replace(Origin::Default, content),
                None => _ = slots.insert((*signal).to_owned(), Slot::new(Origin::Default, content)),
            }
        }
    }

    fn note_kept_evictions(&mut self) {
        let Some(hard) = self.slots.get("evictionHard").and_then(Slot::map) else { return };
        let by = hard.values().find(|slot| slot.origin.is_set() && !slot.is_gone());
        let by = by.map(|slot| slot.origin.clone());
        let defaults = self.options.platform.default_eviction_hard().iter();
        let kept = defaults.filter(|(signal, _)| {
            hard.get(*signal).is_some_and(|slot| slot.origin == Origin::Default && !slot.is_gone())
        });
        let kept: Vec<_> = kept.copied().collect();
        if let (Some(by), false) = (by, kept.is_empty()) {
            self.notes.push(Note::EvictionDefaultsKept { by, kept });
        }
    }

    fn note_signals_off(&mut self) {
        for field in ["evictionHard", "evictionSoft"] {
            for (signal, slot) in self.slots.get(field).and_then(Slot::map).into_iter().flatten() {
                if let Content::Leaf(node) = &slot.content
                    && let Some(value @ ("0%" | "100%")) = node.as_str()
                {
                    self.notes.push(Note::SignalOff {
                        field: format!("{field}[{signal}]"),
                        by: slot.origin.clone(),
                        value: value.to_owned(),
                    });
                }
            }
        }
    }

    /// Values that do not fit and are not there any more are no errors, as for the kubelet.
    fn note_unused_misfits(&mut self) {
        let reported = self.problems.iter().filter_map(|problem| match problem {
            Problem::Value { at, .. } => Some(at),
            _ => None,
        });
        let reported: BTreeSet<_> = reported.collect();
        let unused = std::mem::take(&mut self.misfits);
        let unused = unused.into_iter().filter(|(_, at, _)| !reported.contains(at));
        self.notes.extend(unused.map(|(field, at, message)| Note::UnusedMisfit { field, at, message }));
    }
}

/// The slot on the way of a path of the decoder, as deep as there is one.
fn find_leaf<'s>(slots: &'s Slots, path: &str) -> Option<&'s Slot> {
    let fits = slots.iter().filter(|(key, _)| {
        path.strip_prefix(key.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    });
    let (key, slot) = fits.max_by_key(|(key, _)| key.len())?;
    let rest = path.get(key.len() + 1..).unwrap_or_default();
    slot.map().filter(|_| !rest.is_empty()).and_then(|below| find_leaf(below, rest)).or(Some(slot))
}

/// What files say, without defaults.
fn only_said(slots: &Slots) -> Slots {
    let mut said = Slots::new();
    for (key, slot) in slots {
        let content = match &slot.content {
            Content::Map(below) => Content::Map(only_said(below)),
            Content::Leaf(node) if slot.origin.is_set() => Content::Leaf(node.clone()),
            _ => continue,
        };
        said.insert(key.clone(), Slot::new(slot.origin.clone(), content));
    }
    said
}

/// Visits the defaults that differ from those there.
fn compare_defaults(
    slots: &Slots,
    others: &Slots,
    kind: FieldKind,
    path: &str,
    visit: &mut impl FnMut(&str, &Slot, Option<&Slot>),
) {
    for (key, slot) in slots {
        let other = others.get(key);
        match (&slot.content, other.map(|other| &other.content)) {
            (Content::Map(below), Some(Content::Map(others))) => {
                let path = schema::below(path, kind, key);
                compare_defaults(below, others, schema::kind_of(kind, key), &path, visit);
            }
            (Content::Leaf(node), other_content) if !slot.origin.is_set() => {
                let is_same = match other_content {
                    Some(Content::Leaf(other)) => node.value() == other.value(),
                    _ => false,
                };
                if !is_same {
                    visit(&schema::below(path, kind, key), slot, other);
                }
            }
            _ => {}
        }
    }
}

/// A file that is applied twice is noted once.
fn without_repetitions(mut notes: Vec<Note>) -> Vec<Note> {
    if notes.len() > 1 {
        let mut seen = BTreeSet::new();
        notes.retain(|note| seen.insert(note.to_string()));
    }
    notes
}
