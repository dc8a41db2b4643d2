//! All that is said, as a file and as JSON alike.

use std::collections::BTreeMap;

use node_lifecycle::config::{Effective, FieldProvenance, KubeletConfiguration, Origin, diff};
use serde::Serialize;
use serde_json::Value;

use super::annotate::{beside, plain};
use super::copied::Copied;
use super::decide::{Answer, Case, Said, lines, options, reread};
use super::marks::{Mark, marks};
use super::names::Names;

/// All that is said of one configuration.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) decides: Copied,
    /// What it is made of.
    pub(crate) of: String,
    /// The files, in the order in which they were applied.
    pub(crate) files: Vec<String>,
    pub(crate) config: KubeletConfiguration,
    /// Everything that has a value, by path.
    pub(crate) fields: BTreeMap<String, Field>,
    pub(crate) notes: Vec<Sentence>,
    pub(crate) warnings: Vec<Sentence>,
    /// What a file cannot say: what it is made again of the lines below differs in this.
    pub(crate) beyond_files: Vec<Sentence>,
    /// Where the other one, kubelet or library, would answer otherwise.
    pub(crate) differences: Vec<Mark>,
    /// The configuration, line by line.
    #[serde(skip)]
    pub(crate) lines: Vec<Line>,
    /// How many values nobody has set that are left out.
    #[serde(skip)]
    pub(crate) left_out: usize,
}

/// A sentence, and the field that it is about, if it is about one.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sentence {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) field: String,
    pub(crate) text: String,
}

/// A line of the configuration, and what stands beside it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) beside: Option<String>,
    /// Whether somebody has set it.
    pub(crate) is_set: bool,
    /// Whether the other one has another value there.
    pub(crate) is_marked: bool,
}

/// A value, where it comes from, and what was there before.
#[derive(Debug, Serialize)]
pub(crate) struct Field {
    pub(crate) value: Option<Value>,
    pub(crate) origin: From,
    /// The newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) overrode: Vec<Before>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Before {
    pub(crate) value: Option<Value>,
    pub(crate) origin: From,
}

/// Where a value comes from.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(crate) enum From {
    Default,
    Derived {
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<&'static str>,
    },
    File {
        file: String,
        line: u32,
        column: u32,
    },
    Set,
    Flag {
        flag: &'static str,
    },
}

impl Report {
    pub(crate) fn new(case: &Case<'_>, answer: &Answer) -> Self {
        let (loaded, effective, copied) = (case.loaded, &answer.effective, case.args.compat);
        let names = &loaded.names;
        let differences = marks(case, answer);
        let all = lines(effective, case.args.only_set, options(copied));
        let shown = all.iter().map(|line| Line {
            text: line.to_string(),
            // Each file says of what kind it is.
            beside: line
                .provenance
                .filter(|_| !matches!(&*line.field, "apiVersion" | "kind"))
                .map(|field| beside(names, effective, &line.field, field)),
            is_set: line.provenance.is_some_and(|field| field.origin().is_set()),
            is_marked: line.provenance.is_some() && differences.iter().any(|it| it.field == line.field),
        });
        let shown = shown.collect();
        let values = all.iter().filter(|line| line.provenance.is_some_and(|field| field.value().is_some()));
        let fields = effective.provenance.iter();
        let fields: BTreeMap<_, _> =
            fields.map(|(path, field)| (path.clone(), Field::new(names, effective, &path, field))).collect();
        Self {
            decides: copied,
            of: loaded.described(),
            files: effective.files.iter().map(|file| names.file(file)).collect(),
            config: effective.config.clone(),
            warnings: warnings(names, answer),
            notes: notes(names, effective),
            beyond_files: beyond_files(effective, &all, copied),
            differences,
            left_out: fields.len().saturating_sub(values.count()),
            fields,
            lines: shown,
        }
    }
}

/// What the merge has noted.
fn notes(names: &Names, effective: &Effective) -> Vec<Sentence> {
    let said = effective
        .notes
        .iter()
        .map(|note| Said { field: note.field().unwrap_or_default().to_owned(), text: note.to_string() });
    said.map(|said| Sentence::new(names, &said)).collect()
}

/// What is dangerous, but for what the merge has noted in the same words.
pub(crate) fn warnings(names: &Names, answer: &Answer) -> Vec<Sentence> {
    let noted: Vec<_> = answer.effective.notes.iter().map(ToString::to_string).collect();
    let new = answer.warnings.iter().filter(|warning| !noted.contains(&warning.text));
    new.map(|warning| Sentence::new(names, warning)).collect()
}

/// What is not the same if the lines are read again.
fn beyond_files(
    effective: &Effective,
    lines: &[node_lifecycle::config::Line<'_>],
    copied: Copied,
) -> Vec<Sentence> {
    match reread(lines, options(copied)) {
        Ok(again) => {
            let lost = diff(&effective.provenance, &again.provenance);
            let value = |side: Option<FieldProvenance<'_>>| {
                side.and_then(|it| it.value()).map_or_else(|| "unset".to_owned(), |value| plain(&value))
            };
            let said = lost.into_iter().map(|it| Sentence {
                text: format!(
                    "{}: no file can say {}; read again it is {}",
                    it.field,
                    value(it.left),
                    value(it.right)
                ),
                field: it.field,
            });
            said.collect()
        }
        Err(errors) => errors
            .problems()
            .iter()
            .map(|it| Sentence { field: String::new(), text: format!("no file can say this: {it}") })
            .collect(),
    }
}

impl Sentence {
    pub(crate) fn new(names: &Names, said: &Said) -> Self {
        Self { field: said.field.clone(), text: names.sentence(&said.text) }
    }
}

impl Field {
    pub(crate) fn new(names: &Names, effective: &Effective, path: &str, field: FieldProvenance<'_>) -> Self {
        let overrode = field.overrode().iter().rev().map(|was| Before {
            value: was.value(),
            origin: From::new(names, effective, path, was.origin()),
        });
        Self {
            value: field.value(),
            origin: From::new(names, effective, path, field.origin()),
            overrode: overrode.collect(),
        }
    }
}

impl From {
    fn new(names: &Names, effective: &Effective, path: &str, origin: &Origin) -> Self {
        match origin {
            Origin::Default => Self::Default,
            Origin::Derived => Self::Derived { from: effective.follows_from(path) },
            Origin::Flag(flag) => Self::Flag { flag },
            Origin::File(place) if names.is_set(&place.file) => Self::Set,
            Origin::File(place) => Self::File {
                file: names.file(&place.file),
                line: place.position.line,
                column: place.position.column,
            },
        }
    }
}
