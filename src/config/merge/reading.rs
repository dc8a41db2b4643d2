//! From a file to a mapping that is a `KubeletConfiguration` by its own word.

use std::sync::Arc;

use super::{Layers, MOST_OF_A_FILE};
use crate::config::note::Note;
use crate::config::problem::Problem;
use crate::config::schema::{self, Finding};
use crate::config::source::{Place, Source, SourceKind};
use crate::document::{Document, Lenient, Mapping, Node, Value, read_leniently};

const TYPE: [(&str, &str); 2] =
    [("apiVersion", "kubelet.config.k8s.io/v1beta1"), ("kind", "KubeletConfiguration")];

/// The fields that have paths of files.
pub(super) const PATHS: [&str; 7] = [
    "staticPodPath",
    "authentication.x509.clientCAFile",
    "tlsCertFile",
    "tlsPrivateKeyFile",
    "resolvConf",
    "volumePluginDir",
    "podLogsDir",
];

impl Layers {
    /// Reads a file; `None` if there is nothing that could be applied.
    pub(super) fn read(&mut self, source: &Source) -> Option<Node> {
        let file = self.read_name(source);
        let text = match source.text() {
            Ok(text) => text,
            Err(why) => {
                self.problems.push(Problem::Unreadable { file, why: why.clone() });
                return None;
            }
        };
        self.take_document(source, read_leniently(text))
    }

    /// The document of a file, if it is a `KubeletConfiguration` by its own word.
    pub(super) fn take_document(&mut self, source: &Source, read: Lenient) -> Option<Node> {
        let file = Arc::clone(source.shared_name());
        let document = self.first_document(source, read)?;
        let root = document.into_root();
        let at = || Place { file: Arc::clone(&file), position: root.position() };
        let Some(mapping) = root.as_mapping() else {
            self.problems.push(if root.is_null() {
                Problem::Empty { file }
            } else {
                Problem::NoMapping { at: at() }
            });
            return None;
        };
        for (field, expected) in TYPE {
            let entry = mapping.entry(field).or_else(|| {
                // The kubelet looks for the type of its base as Go looks for any key.
                let any_case = self.options.compat.match_any_case && source.kind() == SourceKind::Base;
                mapping.iter().filter(|_| any_case).find(|entry| entry.key().eq_ignore_ascii_case(field))
            });
            let found = entry.map(|entry| entry.node());
            if found.and_then(Node::as_str) != Some(expected) {
                let position = entry.map_or(root.position(), |entry| entry.position());
                self.problems.push(Problem::Type {
                    at: Place { file: Arc::clone(&file), position },
                    field,
                    found: found.filter(|node| !node.is_null()).map(|node| node.to_json().to_string()),
                    expected,
                });
                return None;
            }
        }
        Some(root)
    }

    /// The document that counts. What else is wrong with the text is reported.
    fn first_document(&mut self, source: &Source, read: Lenient) -> Option<Document> {
        let file = source.shared_name();
        let mut documents = read.documents.into_iter();
        let first = documents.next();
        let later = documents.next().map(|document| document.root().position());
        let compat = self.options.compat;
        match read.error {
            Some(_) if first.is_some() && compat.ignore_later_documents => {}
            Some(error) => {
                self.problems.push(Problem::Text { file: Arc::clone(file), error });
                return None;
            }
            None if first.is_none() => self.problems.push(Problem::Empty { file: Arc::clone(file) }),
            None => {}
        }
        for error in read.duplicates {
            let counts = later.is_none_or(|later| error.position() < later);
            match source.kind() {
                _ if !counts => {}
                SourceKind::Base if compat.accept_unknown_fields => {
                    self.notes.push(Note::DoubledKey { file: Arc::clone(file), error });
                }
                _ => self.problems.push(Problem::Text { file: Arc::clone(file), error }),
            }
        }
        if let Some(position) = later {
            let at = Place { file: Arc::clone(file), position };
            if compat.ignore_later_documents {
                self.notes.push(Note::LaterDocument { at });
            } else {
                self.problems.push(Problem::LaterDocument { at });
            }
        }
        first
    }

    /// Looks for what is no field and, in drop-ins, for what does not fit.
    pub(super) fn look_through(&mut self, source: &Source, mapping: &Mapping) {
        let compat = self.options.compat;
        let mut found = Vec::new();
        schema::look(mapping, schema::ROOT, "", &mut found);
        let place = |position| Place { file: Arc::clone(source.shared_name()), position };
        let (mut unknown, mut misfits) = (0, 0);
        for finding in found {
            match finding {
                Finding::Unknown { fields, key, .. }
                    if compat.match_any_case
                        && source.kind() == SourceKind::DropIn
                        && schema::field_in_any_case(fields, key).is_some() => {}
                Finding::Unknown { path: field, position, fields, key } => {
                    unknown += 1;
                    if unknown <= MOST_OF_A_FILE {
                        let nearest = schema::nearest(fields, &field, key);
                        self.unknown_field(field, place(position), nearest);
                    }
                }
                Finding::Newer { path: field, position, since } => {
                    let at = place(position);
                    if compat.accept_unknown_fields {
                        self.notes.push(Note::UnknownField { field, at, nearest: None });
                    } else {
                        self.notes.push(Note::NewerField { field, at, since });
                    }
                }
                Finding::Misfit { path, position, message } => {
                    misfits += 1;
                    if source.kind() == SourceKind::DropIn && misfits <= MOST_OF_A_FILE {
                        self.misfits.push((path, place(position), message));
                    }
                }
            }
        }
        if unknown > MOST_OF_A_FILE {
            let file = Arc::clone(source.shared_name());
            if compat.accept_unknown_fields {
                self.notes.push(Note::ManyUnknownFields { file, count: unknown });
            } else {
                self.problems.push(Problem::ManyUnknownFields { file, count: unknown });
            }
        }
    }

    /// To the kubelet 1.32 newer fields are unknown like others.
    pub(super) fn without_newer_fields(&self, node: Node) -> Node {
        if !self.options.compat.accept_unknown_fields {
            return node;
        }
        let position = node.position();
        let node = match node.into_value() {
            Value::Mapping(mapping) => Node::mapping(mapping.into_iter().filter_map(|entry| {
                let position = entry.position();
                let (key, node) = entry.into_parts();
                let field = schema::field(schema::ROOT.fields(), &key);
                field.is_none_or(|field| field.since.is_none()).then_some((key, position, node))
            })),
            value => Node::of(value),
        };
        node.with_position(position)
    }

    fn unknown_field(&mut self, field: String, at: Place, nearest: Option<String>) {
        if self.options.compat.accept_unknown_fields {
            self.notes.push(Note::UnknownField { field, at, nearest });
        } else {
            self.problems.push(Problem::UnknownField { field, at, nearest });
        }
    }

    pub(super) fn note_relative_paths(&mut self, source: &Source, node: &Node) {
        for path in PATHS {
            if let Some(found) = node.at(path)
                && let Some(text) = found.as_str()
                && !text.is_empty()
                && !text.starts_with('/')
            {
                let place = Place { file: Arc::clone(source.shared_name()), position: found.position() };
                self.notes.push(Note::RelativePath {
                    field: path.to_owned(),
                    by: crate::config::Origin::File(place),
                    path: text.to_owned(),
                });
            }
        }
    }
}
