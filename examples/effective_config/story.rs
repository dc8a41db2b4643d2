//! The whole story of a field.

use node_lifecycle::behaviour::{EffectiveGate, FeatureInfo, GateSource, Maturity};
use node_lifecycle::config::{Effective, MergeOptions};
use serde::Serialize;

use super::annotate::{beside, plain};
use super::decide::{Answer, Case, options};
use super::marks::Mark;
use super::report::{Field, Sentence, warnings};

/// Who reads which field, as the tests find it out.
const READERS: &str = include_str!("../../docs/configuration-fields.md");

/// What is known of a field.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Story {
    pub(crate) field: String,
    /// The field, or each value below it.
    pub(crate) values: Vec<Told>,
    /// What it is if nobody sets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<serde_json::Value>,
    /// The settings of machines that read it.
    pub(crate) readers: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gate: Option<Gate>,
    pub(crate) notes: Vec<Sentence>,
    pub(crate) warnings: Vec<Sentence>,
    pub(crate) differences: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Told {
    pub(crate) path: String,
    #[serde(flatten)]
    pub(crate) field: Field,
    /// The same in words.
    #[serde(skip)]
    pub(crate) words: String,
}

/// What is known of a feature gate.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Gate {
    pub(crate) summary: &'static str,
    /// `None` if the gates that are set are wrong, or the release has it not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enabled: Option<bool>,
    /// Why it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) because: Option<String>,
    pub(crate) history: &'static [Maturity],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) removed: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kep: Option<u32>,
    pub(crate) read_by: Vec<String>,
    pub(crate) needs: &'static [&'static str],
    /// Whether a machine of the library reads it.
    pub(crate) read_here: bool,
    /// The stage now, in words.
    #[serde(skip)]
    pub(crate) stage: String,
}

impl Story {
    /// The story of a field or a gate; what is wrong if there is none.
    pub(crate) fn of(case: &Case<'_>, answer: &Answer, marks: &[Mark], asked: &str) -> Result<Self, String> {
        let (names, effective) = (&case.loaded.names, &answer.effective);
        let options = options(case.args.compat);
        let gate =
            asked.strip_prefix("featureGates").map_or(asked, |gate| gate.trim_matches(['.', '[', ']']));
        let gate = FeatureInfo::named(gate);
        let field = match gate {
            Some(gate) => format!("featureGates[{}]", gate.name),
            None => asked.to_owned(),
        };
        let explanation = effective.explain(&field).ok_or_else(|| match effective.nearest_field(asked) {
            Some(near) => format!("there is no field {asked}; did you mean {near}?"),
            None => match options.registry.nearest(asked) {
                Some(near) => format!("there is no field {asked}; did you mean the gate {near}?"),
                None => format!("there is no field {asked}"),
            },
        })?;
        let told = explanation.values.iter().map(|(path, field)| {
            let value = field.value().map_or_else(|| "unset".to_owned(), |value| plain(&value));
            Told {
                words: format!("{value}\t{}", beside(names, effective, path, *field)),
                field: Field::new(names, effective, path, *field),
                path: path.clone(),
            }
        });
        let said = |note: &&node_lifecycle::config::Note| Sentence {
            field: note.field().unwrap_or_default().to_owned(),
            text: names.sentence(&note.to_string()),
        };
        let concerns = |it: &str| is_within(&field, it) || is_within(it, &field);
        Ok(Self {
            values: told.collect(),
            default: explanation.default.clone(),
            readers: readers(&field),
            gate: gate.map(|gate| Gate::new(gate, effective, options)),
            notes: explanation.notes.iter().map(said).collect(),
            warnings: warnings(names, answer).into_iter().filter(|it| concerns(&it.field)).collect(),
            differences: marks
                .iter()
                .filter(|mark| concerns(&mark.field))
                .map(|mark| format!("{} ({})", mark.difference.otherwise, mark.difference.because()))
                .collect(),
            field,
        })
    }
}

impl Gate {
    fn new(info: &'static FeatureInfo, effective: &Effective, options: MergeOptions) -> Self {
        let gates = options.registry.apply(&effective.config.feature_gate_settings()).ok();
        let now = gates.as_ref().and_then(|gates| gates.get(info.name));
        let because = |gate: &EffectiveGate| match gate.source {
            GateSource::Default => "by default".to_owned(),
            GateSource::Group(group) => format!("by {}", group.name()),
            GateSource::Set => "as it is set".to_owned(),
        };
        let release = options.registry.release();
        let stage = match info.in_release(release) {
            Some(Maturity { stage, since, default, locked }) => format!(
                "{stage} in 1.{release}, since 1.{since}, {} by default{}",
                on(default),
                if locked { ", and cannot be switched" } else { "" }
            ),
            None => format!("none that Kubernetes 1.{release} has"),
        };
        Self {
            summary: info.summary,
            enabled: now.map(|gate| gate.enabled),
            because: now.map(because),
            history: info.history,
            removed: info.removed,
            kep: info.kep,
            read_by: info.components.iter().map(ToString::to_string).collect(),
            needs: info.dependencies,
            read_here: info.feature.is_some(),
            stage,
        }
    }

    /// `alpha 1.28 (off), beta 1.32 (on)`.
    pub(crate) fn past(&self) -> String {
        let past = self.history.iter().map(|it| {
            let locked = if it.locked { ", locked" } else { "" };
            format!("{} 1.{} ({}{locked})", it.stage, it.since, on(it.default))
        });
        let gone = self.removed.map(|release| format!("gone in 1.{release}"));
        past.chain(gone).collect::<Vec<_>>().join(", ")
    }
}

pub(crate) const fn on(enabled: bool) -> &'static str {
    if enabled { "on" } else { "off" }
}

/// The settings of machines that read a field, or something in it.
fn readers(field: &str) -> Vec<&'static str> {
    let rows = READERS.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let rows = rows.filter(|(read, _)| is_within(read, field) || is_within(field, read));
    let readers = rows.flat_map(|(_, readers)| readers.trim_end_matches(" |").split(", "));
    let mut readers: Vec<_> = readers.map(|reader| reader.trim_matches('`')).collect();
    readers.sort_unstable();
    readers.dedup();
    readers
}

/// Whether a path lies in another one, brackets or not.
fn is_within(outer: &str, path: &str) -> bool {
    let plain = |path: &str| path.replace('[', ".").replace(']', "");
    let (outer, path) = (plain(outer), plain(path));
    let rest = path.strip_prefix(&outer);
    !outer.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
