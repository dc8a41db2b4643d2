//! As much of a configuration as can be had of files that something is wrong with.

use super::flags::Flags;
use super::merge::{Effective, MergeOptions, layers};
use super::problem::Problem;
use super::source::Source;
use crate::document::ReadError;

/// What could be read, and everything that is wrong with the rest.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SalvagedConfig {
    /// The configuration without what is wrong: what does not fit its field, and gates that do not exist or are locked,
    /// are left out.
    pub effective: Effective,
    /// What is wrong, in the order of the files, flags last.
    pub problems: Vec<Problem>,
    /// Whether all files could be read, so that nothing is missing but what the problems name. Where it is not so, what
    /// is wrong with the configuration beside may be wrong only because something is missing.
    pub is_complete: bool,
}

/// As [`merge`](super::merge), but with what can be had of the configuration even if something is wrong: so that
/// everything else that is wrong with it can be said at once.
///
/// ```
/// use node_lifecycle::config::{Flags, Host, Source, merge_salvaging};
///
/// let base = Source::base("kubelet.yaml", r#"{"apiVersion": "kubelet.config.k8s.io/v1beta1",
///     "kind": "KubeletConfiguration",
///     "maxPod": 50, "podPidsLimit": "many", "readOnlyPort": -1}"#);
/// let salvaged = merge_salvaging(Some(&base), None, &Flags::default(), Default::default());
/// let problems: Vec<_> = salvaged.problems.iter().map(ToString::to_string).collect();
/// assert_eq!(problems[0], "kubelet.yaml:3:5: there is no field maxPod; did you mean maxPods?");
/// assert!(problems[1].starts_with("kubelet.yaml:3:35: podPidsLimit: "));
/// assert!(salvaged.is_complete);
/// let invalid = salvaged.effective.config.validate(&Host::default()).unwrap_err();
/// assert_eq!(invalid.errors()[0].path(), "readOnlyPort");
/// ```
pub fn merge_salvaging(
    base: Option<&Source>,
    drop_ins: Option<&[Source]>,
    flags: &Flags,
    options: MergeOptions,
) -> SalvagedConfig {
    let (mut effective, problems) = layers(base, drop_ins, flags, options).finish_anyway(flags);
    for problem in &problems {
        if let Problem::Gate { error, .. } = problem {
            effective.config.feature_gates.remove(error.name());
        }
    }
    let is_complete = !problems.iter().any(loses_a_file);
    SalvagedConfig { effective, problems, is_complete }
}

impl Problem {
    /// The path of the field that it is about, if it is about one.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Type { field, .. } => Some(field),
            Self::UnknownField { field, .. } | Self::Value { field, .. } => Some(field),
            Self::Gate { .. } => Some("featureGates"),
            _ => None,
        }
    }
}

fn loses_a_file(problem: &Problem) -> bool {
    match problem {
        Problem::Text { error, .. } => !matches!(error, ReadError::DuplicateKey { .. }),
        Problem::Unreadable { .. }
        | Problem::Empty { .. }
        | Problem::NoMapping { .. }
        | Problem::Type { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_may_be_why_something_is_missing() {
        let of = |text: &str| {
            merge_salvaging(Some(&Source::base("a", text)), None, &Flags::default(), Default::default())
        };
        assert!(!of("{\"kind\": ").is_complete);
        assert!(!of("").is_complete);
        assert!(!of(r#"{"kind": "Pod"}"#).is_complete);
        let gate = of(
            r#"{"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "maxPods": 7, "maxPods": 8,
                "featureGates": {"NoSuchGate": true, "NodeSwap": false}}"#,
        );
        assert!(gate.is_complete);
        assert_eq!(gate.problems.len(), 2);
        assert_eq!(gate.effective.config.max_pods, 8);
        assert_eq!(gate.effective.config.feature_gates.keys().collect::<Vec<_>>(), ["NodeSwap"]);
    }
}
