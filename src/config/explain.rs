//! The whole story of a field.

use std::fmt;

use super::merge::Effective;
use super::note::Note;
use super::provenance::{Content, FieldProvenance, Origin, Slot, walk};
use super::{FieldKind, KubeletConfiguration, schema};
use crate::document::Node;

/// How a field came to be what it is. Prints as text of several lines.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Explanation<'a> {
    /// The path that was asked for.
    pub field: String,
    /// The field, or each value below it, by path.
    pub values: Vec<(String, FieldProvenance<'a>)>,
    /// What is worth knowing of it.
    pub notes: Vec<&'a Note>,
    /// What it is if nobody sets anything, as far as it has such a default.
    pub default: Option<serde_json::Value>,
}

impl Effective {
    /// The whole story of a field, by its path: its value, or the values below it, who has set each, what that
    /// overrode, and what is worth knowing.
    ///
    /// ```
    /// use node_lifecycle::config::{Flags, Source, merge};
    ///
    /// let file = |text| format!("{{\n\"apiVersion\": \"kubelet.config.k8s.io/v1beta1\", \"kind\": \"KubeletConfiguration\",\n{text}}}");
    /// let base = Source::base("kubelet.yaml", file(r#""maxPods": 50"#));
    /// let drop_ins = [
    ///     Source::drop_in("10.conf", file(r#""evictionHard": {"memory.available": "1Gi"}"#)),
    ///     Source::drop_in("20.conf", file(r#""evictionHard": {"memory.available": "2Gi", "imagefs.inodesFree": null}"#)),
    /// ];
    /// let effective = merge(Some(&base), Some(&drop_ins), &Flags::default(), Default::default())?;
    /// assert_eq!(effective.explain("evictionHard").unwrap().to_string(), r#"evictionHard
    ///   evictionHard[imagefs.available]: "15%", default
    ///   evictionHard[imagefs.inodesFree]: unset, by 20.conf:3:45
    ///     before: "5%" (default)
    ///   evictionHard[memory.available]: "2Gi", set by 20.conf:3:18
    ///     before: "100Mi" (default)
    ///     before: "1Gi" (10.conf:3:18)
    ///   evictionHard[nodefs.available]: "10%", default
    ///   evictionHard[nodefs.inodesFree]: "5%", default
    ///   note: 20.conf:3:45: null takes "5%" (default) away from evictionHard[imagefs.inodesFree]
    ///   note: 20.conf:3:18: evictionHard in a drop-in leaves imagefs.available<15%, nodefs.available<10%, nodefs.inodesFree<5% as it is by default
    /// "#);
    /// # Ok::<(), node_lifecycle::config::ConfigErrors>(())
    /// ```
    ///
    /// `None` if there is no such field; [`nearest_field`](Self::nearest_field) may know what was meant.
    pub fn explain(&self, field: &str) -> Option<Explanation<'_>> {
        let mut values = Vec::new();
        let found = self.provenance.field(field);
        let kind = schema::ROOT.at(steps(field).iter().map(String::as_str));
        if let Some(found) = found {
            collect(found.slot(), kind.unwrap_or(FieldKind::String), field, &mut values);
        } else {
            kind?;
        }
        let notes = self.notes.iter().filter(|note| note.concerns(field)).collect();
        let default = serde_json::to_value(KubeletConfiguration::default().with_defaults()).ok();
        let default =
            default.and_then(|all| steps(field).iter().try_fold(all, |it, step| it.get(step).cloned()));
        Some(Explanation { field: field.to_owned(), values, notes, default })
    }

    /// The field that is nearest to a path that leads nowhere, if one is near.
    pub fn nearest_field(&self, path: &str) -> Option<String> {
        let (above, key) = path.rsplit_once('.').unwrap_or(("", path));
        let fields = match above {
            "" => schema::ROOT.fields(),
            above => schema::ROOT.at(steps(above).iter().map(String::as_str))?.fields(),
        };
        schema::nearest(fields, path, key)
    }
}

fn collect<'a>(slot: &'a Slot, kind: FieldKind, path: &str, values: &mut Vec<(String, FieldProvenance<'a>)>) {
    match &slot.content {
        Content::Map(below) => walk(below, kind, path, &mut |path, slot| {
            if !matches!(slot.content, Content::Map(_)) {
                values.push((path.to_owned(), FieldProvenance(slot)));
            }
        }),
        _ => values.push((path.to_owned(), FieldProvenance(slot))),
    }
}

/// The steps of a path. What follows the name of a map is one key, dots included.
pub(super) fn steps(path: &str) -> Vec<String> {
    let (mut steps, mut kind, mut rest) = (Vec::new(), schema::ROOT, path);
    while !rest.is_empty() {
        let is_key = matches!(kind, FieldKind::Map(_));
        let (step, after) = match rest.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']').unwrap_or((bracketed, "")),
            None if is_key => (rest, ""),
            None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
        };
        steps.push(step.to_owned());
        kind = schema::kind_of(kind, step);
        rest = after.strip_prefix('.').unwrap_or(after);
    }
    steps
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.field)?;
        if self.values.is_empty() {
            writeln!(f, "  unset")?;
        }
        for (path, field) in &self.values {
            let value = field.slot().to_node().as_ref().map(Node::to_json);
            match (value, field.origin()) {
                (Some(value), origin @ (Origin::Default | Origin::Derived)) => {
                    writeln!(f, "  {path}: {value}, {origin}")?;
                }
                (Some(value), origin) => writeln!(f, "  {path}: {value}, set by {origin}")?,
                (None, origin) => writeln!(f, "  {path}: unset, by {origin}")?,
            }
            for was in field.overrode() {
                writeln!(f, "    before: {was}")?;
            }
        }
        if let Some(default) = &self.default
            && self.values.iter().any(|(_, field)| field.origin().is_set())
        {
            writeln!(f, "  if nobody sets it: {default}")?;
        }
        for note in &self.notes {
            writeln!(f, "  note: {note}")?;
        }
        Ok(())
    }
}
