//! Where the kubelet and the library answer differently, and what makes the difference.

use anstyle::{AnsiColor, Style};
use node_lifecycle::behaviour::Compat;
use serde::Serialize;
use serde_json::{Map, Value};

use super::copied::Copied;
use super::shell::colored;

/// How it is marked.
pub(crate) const MARK: Style = colored(AnsiColor::Yellow).bold();

/// Something that the other one sees differently.
#[derive(Debug, Serialize)]
pub(crate) struct Difference {
    /// How the other one sees it.
    pub(crate) otherwise: String,
    /// Which fields of `Compat` make that difference, each by itself, as `docs/kubelet-differences.md` names them.
    pub(crate) fields: Vec<String>,
}

impl Difference {
    /// All of it in a line, with what the `other` one says as it is `shown`.
    pub(crate) fn line(&self, other: Copied, shown: impl Fn(&str) -> String) -> String {
        let (otherwise, because) = (shown(&self.otherwise), self.because());
        format!("{MARK}! {} would answer otherwise:{MARK:#} {otherwise} ({because})\n", other.name())
    }

    /// The fields in a sentence.
    pub(crate) fn because(&self) -> String {
        match self.fields.as_slice() {
            [] => "several differences together".to_owned(),
            fields => fields.join(", "),
        }
    }
}

/// An answer in sentences, those of one aspect together. The first one is whether there is an answer at all: whoever
/// differs in that says nothing else.
pub(crate) type Seen<const ASPECTS: usize> = [Vec<String>; ASPECTS];

/// Where `theirs` answers otherwise than `ours`. `switched` has what the two differ in, one by one: its name, and `ours`
/// with that as in `theirs`.
pub(crate) fn differences<Way, const ASPECTS: usize>(
    ours: &Way,
    theirs: &Way,
    switched: impl IntoIterator<Item = (String, Way)>,
    answer: impl Fn(&Way) -> Seen<ASPECTS>,
) -> Vec<Difference> {
    let (mine, other) = (answer(ours), answer(theirs));
    if mine == other {
        return Vec::new();
    }
    let switched: Vec<_> = switched.into_iter().map(|(field, way)| (field, answer(&way))).collect();
    let said = if mine.first() == other.first() { ASPECTS } else { 1 };
    let aspects = mine.iter().zip(&other).enumerate().take(said);
    let differ = aspects.filter(|(_, (mine, other))| mine != other).map(|(at, (mine, other))| Difference {
        otherwise: otherwise(mine, other),
        fields: switched
            .iter()
            .filter(|(_, seen)| seen.get(at) == Some(other))
            .map(|(field, _)| field.clone())
            .collect(),
    });
    differ.collect()
}

/// Each field in which the two differ, and `ours` with this one as in `theirs`.
pub(crate) fn switches(ours: Compat, theirs: Compat) -> impl Iterator<Item = (String, Compat)> {
    let fields = |compat: Compat| match serde_json::to_value(compat) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let (ours, theirs) = (fields(ours), fields(theirs));
    theirs.into_iter().filter_map(move |(field, value)| {
        let mut switched = ours.clone();
        let before = switched.insert(field.clone(), value.clone());
        let compat = serde_json::from_value(Value::Object(switched)).ok()?;
        (before != Some(value)).then(|| (snake(&field), compat))
    })
}

fn snake(camel: &str) -> String {
    camel.chars().fold(String::new(), |mut snake, letter| {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
        snake
    })
}

/// What the other one says first that is not said here.
fn otherwise(mine: &[String], other: &[String]) -> String {
    let new: Vec<_> = other.iter().filter(|sentence| !mine.contains(sentence)).map(String::as_str).collect();
    let gone = mine.iter().filter(|sentence| !other.contains(sentence));
    match new.as_slice() {
        [] => format!("not so: {}", gone.map(String::as_str).collect::<Vec<_>>().join("; ")),
        [first, rest @ ..] if rest.len() > 2 => {
            format!("{first}; and {} more like it", rest.len())
        }
        all => all.join("; "),
    }
}
