//! Which images have to be signed, for whom, and in whose name.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::SignatureVerdict;
use crate::image::credentials::check_registry;
use crate::image::{ImageReference, PathRule, RegistryError, registry_matches};

/// Which images have to be signed. By default none.
///
/// The first rule that covers image and namespace counts, as in a list of a firewall: exceptions come first, and a rule
/// without images and namespaces at the end is for everything else. What no rule covers need not be signed.
///
/// ```
/// use node_lifecycle::image::{SignatureMode, SignaturePolicy, SigningPod};
///
/// let policy: SignaturePolicy = serde_json::from_str(r#"{"rules": [
///     {"mode": "off", "namespaces": ["kube-system"], "images": ["registry.example/kube"]},
///     {"mode": "require", "images": ["*.example"], "authority": "release-2026"},
///     {"mode": "warn"}]}"#)?;
/// policy.validate()?;
///
/// let mode = |image: &str, namespace| {
///     let rule = policy.rule(&image.parse().unwrap(), SigningPod::Of(namespace));
///     rule.map_or(SignatureMode::Off, |rule| rule.mode)
/// };
/// assert_eq!(mode("registry.example/kube/proxy:1", "kube-system"), SignatureMode::Off);
/// assert_eq!(mode("registry.example/kube/proxy:1", "shop"), SignatureMode::Require);
/// assert_eq!(mode("nginx", "shop"), SignatureMode::Warn);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SignaturePolicy {
    /// The rules, the first that covers image and namespace counts.
    pub rules: Vec<SignatureRule>,
    /// How long it counts that a signature is in order, unless the answer says less: 24 h, by default. It is asked anew
    /// then.
    pub valid_for: Duration,
    /// How long it counts that it is not: 5 min, by default. It may be signed in the meantime.
    pub invalid_for: Duration,
    /// How many answers are remembered, at least 1: 4,096, by default. Those go first that count for the shortest time.
    pub max_remembered: usize,
}

/// Some images, for some namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SignatureRule {
    /// Whether they have to be signed.
    pub mode: SignatureMode,
    /// Registries, with globs, a port and a path of whole segments, as [`registry_matches`] has them, by the whole name:
    /// `docker.io/library` is for `nginx`. None: all images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// Namespaces of pods. None: all, and what no pod asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// In whose name: what means a key, or several, to whoever verifies; empty: what it takes without being told. Where
    /// keys change, give them another name: what was found out in the name of others does not count then.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub authority: Arc<str>,
}

/// Whether images have to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SignatureMode {
    /// Nobody asks.
    #[default]
    Off,
    /// An image is used at once, and an event says so when its signature is not in order.
    Warn,
    /// An image is not used before its signature is known to be in order.
    Require,
}

/// For whom an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningPod<'a> {
    /// A pod of this namespace.
    Of(&'a str),
    /// A pod of which the namespace is not known. Rules that require a signature count for it, whatever their
    /// namespaces are, and others only if they have none.
    Unknown,
    /// No pod. Rules with namespaces do not count.
    None,
}

/// Why a [`SignaturePolicy`] is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct SignaturePolicyError {
    /// Where: `rules[1].images[0]`.
    pub path: String,
    /// What is wrong, and what would be right.
    #[source]
    pub problem: SignaturePolicyProblem,
}

/// What is wrong with a [`SignaturePolicy`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignaturePolicyProblem {
    /// The name of a registry is malformed.
    #[error("{0}")]
    Registry(#[from] RegistryError),
    /// A name is empty, or begins or ends with a space.
    #[error("`{0}` is no name: expected one without spaces around it")]
    Name(String),
    /// A registry with a scheme.
    #[error("`{0}` has a scheme: expected such as registry.example/team")]
    Scheme(String),
    /// Nothing can be remembered.
    #[error("is zero: expected at least 1")]
    Zero,
    /// A rule that nothing reaches.
    #[error("is for nothing, as rules[{0}] before it is for everything: expected that one last")]
    Unreachable(usize),
}

impl Default for SignaturePolicy {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            valid_for: Duration::from_secs(24 * 3600),
            invalid_for: Duration::from_secs(300),
            max_remembered: 4096,
        }
    }
}

impl SignaturePolicy {
    /// Checks the rules.
    ///
    /// # Errors
    /// [`SignaturePolicyError`] for the first that is wrong.
    pub fn validate(&self) -> Result<(), SignaturePolicyError> {
        let wrong = |path: String, problem| Err(SignaturePolicyError { path, problem });
        if self.max_remembered == 0 {
            return wrong("maxRemembered".to_owned(), SignaturePolicyProblem::Zero);
        }
        let mut for_all = None;
        for (at, rule) in self.rules.iter().enumerate() {
            if let Some(before) = for_all {
                return wrong(format!("rules[{at}]"), SignaturePolicyProblem::Unreachable(before));
            }
            for (place, image) in rule.images.iter().enumerate() {
                check_image(image)
                    .or_else(|problem| wrong(format!("rules[{at}].images[{place}]"), problem))?;
            }
            for (place, namespace) in rule.namespaces.iter().enumerate() {
                check_name(namespace)
                    .or_else(|problem| wrong(format!("rules[{at}].namespaces[{place}]"), problem))?;
            }
            if rule.images.is_empty() && rule.namespaces.is_empty() {
                for_all = Some(at);
            }
        }
        Ok(())
    }

    /// The rule that counts for an image, if there is one.
    #[must_use]
    pub fn rule(&self, image: &ImageReference, pod: SigningPod<'_>) -> Option<&SignatureRule> {
        self.rules.iter().find(|rule| rule.covers(image, pod))
    }

    /// How long an answer counts at the most.
    pub(super) const fn time_of(&self, verdict: &SignatureVerdict) -> Duration {
        match verdict {
            SignatureVerdict::Valid { .. } => self.valid_for,
            SignatureVerdict::Invalid { .. } => self.invalid_for,
        }
    }

    /// Whether a rule verifies in this name.
    pub(super) fn has_authority(&self, authority: &str) -> bool {
        self.rules.iter().any(|rule| rule.mode != SignatureMode::Off && &*rule.authority == authority)
    }
}

impl SignatureRule {
    fn covers(&self, image: &ImageReference, pod: SigningPod<'_>) -> bool {
        let is_strict = self.mode == SignatureMode::Require;
        let covers_pod = match pod {
            _ if self.namespaces.is_empty() => true,
            SigningPod::Of(namespace) => self.namespaces.iter().any(|name| name == namespace),
            SigningPod::Unknown => is_strict,
            SigningPod::None => false,
        };
        // What cannot be compared must not get around a rule, nor be let through by one.
        let matches = |pattern: &String| {
            registry_matches(pattern, image.repository(), PathRule::Segments).unwrap_or(is_strict)
        };
        covers_pod && (self.images.is_empty() || self.images.iter().any(matches))
    }
}

fn check_image(image: &str) -> Result<(), SignaturePolicyProblem> {
    check_name(image)?;
    if image.contains("://") {
        return Err(SignaturePolicyProblem::Scheme(first_of(image)));
    }
    Ok(check_registry(image)?)
}

fn check_name(name: &str) -> Result<(), SignaturePolicyProblem> {
    if name.is_empty() || name.trim() != name {
        return Err(SignaturePolicyProblem::Name(first_of(name)));
    }
    Ok(())
}

/// As much of a text as a message has room for.
fn first_of(text: &str) -> String {
    text.chars().take(64).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn rule(mode: SignatureMode, images: &[&str], namespaces: &[&str]) -> SignatureRule {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        SignatureRule { mode, images: owned(images), namespaces: owned(namespaces), authority: "".into() }
    }

    fn policy(rules: Vec<SignatureRule>) -> SignaturePolicy {
        SignaturePolicy { rules, ..SignaturePolicy::default() }
    }

    fn mode(policy: &SignaturePolicy, image: &str, pod: SigningPod<'_>) -> SignatureMode {
        policy.rule(&image.parse().unwrap(), pod).map_or(SignatureMode::Off, |rule| rule.mode)
    }

    #[test]
    fn the_first_rule_that_covers_counts() {
        use SignatureMode::{Off, Require, Warn};
        let policy = policy(vec![
            rule(Off, &["registry.example:5000/team"], &["dev"]),
            rule(Require, &["registry.example:5000", "docker.io/library"], &[]),
            rule(Warn, &[], &["dev"]),
        ]);
        assert_eq!(policy.validate(), Ok(()));
        for (image, namespace, expected) in [
            ("registry.example:5000/team/web", "dev", Off),
            ("registry.example:5000/teamwork/web", "dev", Require),
            ("registry.example:5000/team/web", "shop", Require),
            ("nginx", "shop", Require),
            ("docker.io/other/nginx", "shop", Off),
            ("registry.example/team/web", "dev", Warn),
        ] {
            assert_eq!(mode(&policy, image, SigningPod::Of(namespace)), expected, "{image} in {namespace}");
        }
        assert_eq!(mode(&SignaturePolicy::default(), "nginx", SigningPod::None), Off);
    }

    #[test]
    fn a_namespace_that_is_not_known_gets_around_no_rule() {
        use SignatureMode::{Off, Require};
        let policy = policy(vec![rule(Off, &[], &["kube-system"]), rule(Require, &[], &["shop"])]);
        assert_eq!(mode(&policy, "nginx", SigningPod::Unknown), Require);
        assert_eq!(mode(&policy, "nginx", SigningPod::None), Off);
    }

    #[test]
    fn a_wrong_policy_says_where_and_what_would_be_right() {
        use SignatureMode::Require;
        let wrong = |policy: SignaturePolicy| policy.validate().unwrap_err().to_string();
        let of = |images: &[&str], namespaces: &[&str]| {
            wrong(policy(vec![rule(Require, &["r.example"], &[]), rule(Require, images, namespaces)]))
        };
        assert_eq!(
            of(&["r[.example"], &[]),
            "rules[1].images[0]: the registry has a malformed glob: expected such as *.registry.example or \
             r[ab].registry.example"
        );
        assert_eq!(
            of(&["a", "https://r.example"], &[]),
            "rules[1].images[1]: `https://r.example` has a scheme: expected such as registry.example/team"
        );
        assert_eq!(
            of(&[], &[" shop"]),
            "rules[1].namespaces[0]: ` shop` is no name: expected one without spaces around it"
        );
        assert_eq!(
            wrong(policy(vec![rule(Require, &[], &[]), rule(Require, &[], &[])])),
            "rules[1]: is for nothing, as rules[0] before it is for everything: expected that one last"
        );
        let none = SignaturePolicy { max_remembered: 0, ..SignaturePolicy::default() };
        assert_eq!(wrong(none), "maxRemembered: is zero: expected at least 1");
        let misspelt = r#"{"rules": [{"mode": "off", "namespace": ["dev"]}]}"#;
        assert!(serde_json::from_str::<SignaturePolicy>(misspelt).is_err(), "it would be for all namespaces");
    }
}
