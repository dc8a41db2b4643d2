//! From a path to what is known of it, and of what it follows from.

use super::merge::Effective;
use super::provenance::{FieldProvenance, Origin, Provenance};

/// What has a default that follows from something else, and from what.
const FOLLOWS: [(&str, &str); 4] = [
    ("crashLoopBackOff.maxContainerRestartPeriod", "featureGates[KubeletCrashLoopBackOffMax]"),
    ("imagePullCredentialsVerificationPolicy", "featureGates[KubeletEnsureSecretPulledImages]"),
    ("nodeStatusReportFrequency", "nodeStatusUpdateFrequency"),
    ("serializeImagePulls", "maxParallelImagePulls"),
];

impl Provenance {
    /// What is known of a path, or else of the nearest thing above it: of `logging.vmodule[0].verbosity` the list
    /// `logging.vmodule`. Its path comes first. `None` if nothing of it is there.
    ///
    /// ```
    /// use node_lifecycle::config::{Flags, Source, merge};
    ///
    /// let taint = "--register-with-taints=a=b:NoSchedule";
    /// let effective = merge(None, None, &Flags::parse(&[taint]), Default::default())?;
    /// let (path, field) = effective.provenance.nearest("registerWithTaints[0].key").unwrap();
    /// assert_eq!((path, field.origin().to_string()), ("registerWithTaints", "--register-with-taints".to_owned()));
    /// # Ok::<(), node_lifecycle::config::ConfigErrors>(())
    /// ```
    pub fn nearest<'p>(&self, path: &'p str) -> Option<(&'p str, FieldProvenance<'_>)> {
        let mut path = path;
        loop {
            match self.field(path) {
                Some(field) => return Some((path, field)),
                None => path = &path[..path.rfind(['.', '['])?],
            }
        }
    }
}

impl Effective {
    /// The field that the default of a field follows from, if nobody has set it and it does.
    ///
    /// ```
    /// use node_lifecycle::config::{Flags, Source, merge};
    ///
    /// let base = Source::base("kubelet.yaml", r#"{"apiVersion": "kubelet.config.k8s.io/v1beta1",
    ///     "kind": "KubeletConfiguration", "maxParallelImagePulls": 4}"#);
    /// let effective = merge(Some(&base), None, &Flags::default(), Default::default())?;
    /// assert_eq!(effective.follows_from("serializeImagePulls"), Some("maxParallelImagePulls"));
    /// assert_eq!(effective.follows_from("nodeStatusReportFrequency"), None);
    /// # Ok::<(), node_lifecycle::config::ConfigErrors>(())
    /// ```
    pub fn follows_from(&self, field: &str) -> Option<&'static str> {
        let is_derived = self.provenance.field(field)?.origin() == &Origin::Derived;
        let follows = FOLLOWS.iter().find(|(follower, _)| *follower == field);
        follows.filter(|_| is_derived).map(|(_, from)| *from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, MergeOptions, Source, merge};

    #[test]
    fn all_that_is_derived_follows_from_something() {
        let base = Source::base(
            "kubelet.yaml",
            r#"{"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
                "nodeStatusUpdateFrequency": "20s", "maxParallelImagePulls": 4, "featureGates":
                {"KubeletCrashLoopBackOffMax": true, "KubeletEnsureSecretPulledImages": true}}"#,
        );
        let effective = merge(Some(&base), None, &Flags::default(), MergeOptions::default()).unwrap();
        let derived = effective.provenance.iter().filter(|(_, field)| field.origin() == &Origin::Derived);
        let derived: Vec<_> = derived.map(|(path, _)| path).collect();
        assert_eq!(derived, FOLLOWS.map(|(follower, _)| follower));
        for (follower, from) in FOLLOWS {
            assert_eq!(effective.follows_from(follower), Some(from));
            assert!(effective.provenance.field(from).is_some(), "{from}");
        }
    }

    #[test]
    fn a_path_that_leads_nowhere_has_nothing_near() {
        let effective = merge(None, None, &Flags::default(), MergeOptions::default()).unwrap();
        assert_eq!(effective.provenance.nearest("noSuchField.x[0]"), None);
        assert_eq!(effective.provenance.nearest(""), None);
        let (path, _) = effective.provenance.nearest("authentication.webhook.cacheTTL").unwrap();
        assert_eq!(path, "authentication.webhook.cacheTTL");
        let (path, _) = effective.provenance.nearest("evictionHard.é.available").unwrap();
        assert_eq!(path, "evictionHard");
    }
}
