//! One field that is set by hand: `maxPods=60`.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use thiserror::Error;

use super::explain::steps;
use super::source::Source;
use super::{FieldKind, schema};
use crate::document;

/// The most steps that a path may have. The longest of a configuration has four.
const MAX_STEPS: usize = 16;

/// Why a text sets no field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AssignmentError {
    /// It has no `=`.
    #[error("`{text}` sets nothing: expected a field, = and a value, such as maxPods=60")]
    NoValue {
        /// The text.
        text: String,
    },
    /// It has nothing before the `=`.
    #[error("`{text}` names no field: expected one, = and a value, such as maxPods=60")]
    NoField {
        /// The text.
        text: String,
    },
    /// The path has more steps than any field.
    #[error("`{text}`: no field lies so deep")]
    TooDeep {
        /// The text.
        text: String,
    },
}

impl Source {
    /// A drop-in that sets one field: `maxPods=60`, `evictionHard.memory.available=1Gi`, `clusterDNS=[10.0.0.10]`.
    ///
    /// Paths are written as for [`Provenance::field`](super::Provenance::field). Where the field is a text, a duration or
    /// a quantity, the value is taken as it stands; else it is read as JSON, or as YAML with the feature `yaml`. `null`
    /// takes away what is there. It is a drop-in like any other: maps are merged, and lists are replaced. What is wrong
    /// with the field or its value is said when it is merged.
    ///
    /// ```
    /// use node_lifecycle::config::{Flags, Source, merge};
    ///
    /// let set = [
    ///     Source::assignment("--set 1", "evictionHard.memory.available=1Gi")?,
    ///     Source::assignment("--set 2", "featureGates.NodeSwap=false")?,
    ///     Source::assignment("--set 3", r#"clusterDNS=["10.0.0.10"]"#)?,
    /// ];
    /// let effective = merge(None, Some(&set), &Flags::default(), Default::default())?;
    /// assert_eq!(effective.config.eviction_hard.unwrap()["memory.available"], "1Gi");
    /// assert_eq!(effective.config.feature_gates["NodeSwap"], false);
    /// assert_eq!(effective.config.cluster_dns, ["10.0.0.10"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text does not have the form `field=value`.
    pub fn assignment(name: impl Into<Arc<str>>, text: &str) -> Result<Self, AssignmentError> {
        let owned = || text.to_owned();
        let (path, value) = text.split_once('=').ok_or_else(|| AssignmentError::NoValue { text: owned() })?;
        let steps = steps(path);
        if steps.is_empty() {
            return Err(AssignmentError::NoField { text: owned() });
        }
        if steps.len() > MAX_STEPS {
            return Err(AssignmentError::TooDeep { text: owned() });
        }
        let value = read(schema::ROOT.at(&steps), value);
        let set = steps.into_iter().rev().fold(value, |below, step| json!({ step: below }));
        let mut fields = Map::new();
        fields.insert("apiVersion".to_owned(), "kubelet.config.k8s.io/v1beta1".into());
        fields.insert("kind".to_owned(), "KubeletConfiguration".into());
        if let Value::Object(set) = set {
            fields.extend(set);
        }
        Ok(Self::drop_in(name, Value::Object(fields).to_string()))
    }
}

fn read(kind: Option<FieldKind>, text: &str) -> Value {
    let is_text =
        matches!(kind, Some(FieldKind::String | FieldKind::Duration | FieldKind::Quantity | FieldKind::Time));
    let read = match text {
        "null" => Some(Value::Null),
        _ if is_text => None,
        text => document::read(text).ok().and_then(|documents| {
            let [document] = documents.as_slice() else { return None };
            Some(document.root().to_json())
        }),
    };
    read.unwrap_or_else(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, merge};

    fn problem(text: &str) -> String {
        let set = Source::assignment("set", text).unwrap();
        merge(None, Some(&[set]), &Flags::default(), Default::default()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_said_when_it_is_merged() {
        assert!(problem("maxPod=60").ends_with("there is no field maxPod; did you mean maxPods?"));
        assert!(problem("maxPods=many").contains(": maxPods: "));
        assert!(problem("clusterDNS[0]=10.0.0.10").contains(": clusterDNS: "));
        assert!(problem("syncFrequency=60").contains(": syncFrequency: "));
    }

    #[test]
    fn a_text_without_a_field_or_a_value_is_refused() {
        for (text, says) in [
            ("maxPods", "`maxPods` sets nothing: expected a field, = and a value, such as maxPods=60"),
            ("=3", "`=3` names no field: expected one, = and a value, such as maxPods=60"),
        ] {
            assert_eq!(Source::assignment("set", text).unwrap_err().to_string(), says);
        }
        let deep = format!("{}a=1", "a.".repeat(100_000));
        assert!(matches!(Source::assignment("set", &deep), Err(AssignmentError::TooDeep { .. })));
    }

    #[test]
    fn texts_stay_texts() {
        let set = ["clusterDomain=1", "evictionHard[nodefs.available]=0", "syncFrequency=null", "--=x"];
        let text = set.map(|text| Source::assignment("set", text).unwrap().text().unwrap().to_owned());
        assert!(text[0].contains(r#""clusterDomain":"1""#), "{}", text[0]);
        assert!(text[1].contains(r#""evictionHard":{"nodefs.available":"0"}"#), "{}", text[1]);
        assert!(text[2].contains(r#""syncFrequency":null"#), "{}", text[2]);
    }
}
