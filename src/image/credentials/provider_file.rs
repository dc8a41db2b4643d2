//! The file that says which credential provider plugins there are.

use super::{CredentialProviderConfig, ProviderConfigError, ProviderConfigProblem};
use crate::behaviour::FeatureGates;
use crate::document::{self, Document, Position, ReadError, is_within};

/// What a file says of credential provider plugins.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CredentialProviderFile {
    /// The plugins, valid.
    pub config: CredentialProviderConfig,
    /// What is valid and may not be meant so, in the order of the text.
    pub notices: Vec<ProviderFileProblem>,
}

/// Why a file of credential provider plugins is refused. Shows no argument and no variable of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderFileError {
    /// It is neither JSON nor YAML.
    #[error("{position}: {message}")]
    #[non_exhaustive]
    Unreadable {
        /// Where reading stopped.
        position: Position,
        /// What stands there and what was expected.
        message: String,
    },
    /// It has more or fewer documents than one.
    #[error("{found} documents: expected one, a CredentialProviderConfig")]
    #[non_exhaustive]
    Documents {
        /// How many.
        found: usize,
    },
    /// Everything that is wrong, in the order of the text. Never empty.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<ProviderFileProblem>),
}

/// One thing that a file of credential provider plugins says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {}{}{message}", .path, if .path.is_empty() { "" } else { ": " })]
#[non_exhaustive]
pub struct ProviderFileProblem {
    /// Where it stands; of what is missing, where it would be added.
    pub position: Position,
    /// The field, such as `providers[0].matchImages[1]`; empty for the whole.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

const VERSIONS: [&str; 3] =
    ["kubelet.config.k8s.io/v1", "kubelet.config.k8s.io/v1beta1", "kubelet.config.k8s.io/v1alpha1"];

impl CredentialProviderConfig {
    /// Reads the file of the kubelet's `--image-credential-provider-config`: JSON, or YAML with the feature `yaml`.
    /// Unknown fields are refused, as the kubelet refuses them.
    ///
    /// ```
    /// use node_lifecycle::behaviour::FeatureGates;
    /// use node_lifecycle::image::CredentialProviderConfig;
    ///
    /// let text = r#"{"apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig",
    ///     "providers": [{"name": "ecr", "defaultCacheDuration": "10m",
    ///         "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
    ///         "matchImages": ["*.registry.example", "registry.example/team"]}]}"#;
    /// let file = CredentialProviderConfig::from_text(text, FeatureGates::default())?;
    /// assert_eq!(file.config.providers[0].name, "ecr");
    /// assert_eq!(
    ///     file.notices[0].to_string(),
    ///     "4:47: providers[0].matchImages[1]: the path is a plain beginning, so that this is for \
    ///      registry.example/teamx too: end it with / where only what is below is meant"
    /// );
    ///
    /// let wrong = text.replace("\"10m\"", "10");
    /// let error = CredentialProviderConfig::from_text(&wrong, FeatureGates::default()).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "2:59: providers[0].defaultCacheDuration: invalid type: integer `10`, expected a duration such as 1m30s; \
    ///      quote it to make it a string"
    /// );
    /// # Ok::<(), node_lifecycle::image::ProviderFileError>(())
    /// ```
    ///
    /// # Errors
    /// [`ProviderFileError`] with everything that is wrong and where it stands.
    pub fn from_text(text: &str, gates: FeatureGates) -> Result<CredentialProviderFile, ProviderFileError> {
        let documents = document::read(text).map_err(|error| unreadable(&error))?;
        let [document] = &*documents else {
            return Err(ProviderFileError::Documents { found: documents.len() });
        };
        let salvaged = document.root().salvage::<Self>();
        let mut problems: Vec<_> = salvaged
            .errors
            .iter()
            .map(|error| ProviderFileProblem {
                position: error.position(),
                path: error.path().to_owned(),
                message: without_values(error.path(), error.message()),
            })
            .collect();
        let config = salvaged.value.as_ref();
        let found = config.map(|config| config.problems(document, gates)).unwrap_or_default();
        for problem in found {
            let path = salvaged.original(&problem.path);
            // What could not be read is not missing besides.
            if !problems.iter().any(|known| is_within(&path, &known.path) || is_within(&known.path, &path)) {
                let position = document.root().nearest(&path).position();
                problems.push(ProviderFileProblem { position, path, ..problem });
            }
        }
        problems.sort_by_key(|problem| problem.position);
        match salvaged.value {
            Some(config) if problems.is_empty() => {
                let notices = config.notices(document);
                Ok(CredentialProviderFile { config, notices })
            }
            _ => Err(ProviderFileError::Wrong(problems)),
        }
    }

    /// What is wrong with what could be read.
    fn problems(&self, document: &Document, gates: FeatureGates) -> Vec<ProviderFileProblem> {
        let mut problems = Vec::new();
        if !VERSIONS.contains(&self.api_version.as_str()) {
            let message = format!("expected {}, or v1beta1 or v1alpha1", VERSIONS[0]);
            problems.push(problem(document, "apiVersion", message));
        }
        if self.kind != "CredentialProviderConfig" {
            problems.push(problem(document, "kind", "expected CredentialProviderConfig"));
        }
        if let Err(ProviderConfigError(found)) = self.validate(gates) {
            problems.extend(
                found.into_iter().map(|(path, what): (_, ProviderConfigProblem)| {
                    problem(document, &path, what.to_string())
                }),
            );
        }
        problems
    }

    /// Patterns that end within a part of a path.
    fn notices(&self, document: &Document) -> Vec<ProviderFileProblem> {
        let mut notices = Vec::new();
        for (n, provider) in self.providers.iter().enumerate() {
            for (m, pattern) in provider.match_images.iter().enumerate() {
                let bare = pattern.split_once("://").map_or(pattern.as_str(), |(_, bare)| bare);
                if bare.split_once('/').is_some_and(|(_, path)| !path.is_empty() && !path.ends_with('/')) {
                    let message = format!(
                        "the path is a plain beginning, so that this is for {bare}x too: end it with / where only \
                         what is below is meant"
                    );
                    notices.push(problem(document, &format!("providers[{n}].matchImages[{m}]"), message));
                }
            }
        }
        notices
    }
}

fn problem(document: &Document, path: &str, message: impl Into<String>) -> ProviderFileProblem {
    let position = document.root().nearest(path).position();
    ProviderFileProblem { position, path: path.to_owned(), message: message.into() }
}

/// A plugin may be given a secret by its arguments or its environment: what stands there is not repeated.
fn without_values(path: &str, message: &str) -> String {
    let may_be_secret = ["args", "env"].iter().any(|field| path.split(['.', '[']).any(|part| part == *field));
    match message.split_once("expected ") {
        Some((_, expected)) if may_be_secret => format!("expected {expected}"),
        None if may_be_secret => "does not fit".to_owned(),
        _ => message.to_owned(),
    }
}

/// Nor is a value repeated that cannot be read.
fn unreadable(error: &ReadError) -> ProviderFileError {
    let position = error.position();
    let message = match error {
        ReadError::Tag { tag, .. } => format!("a value is no !!{tag}"),
        error => {
            let message = error.to_string();
            message.strip_prefix(&format!("{position}: ")).unwrap_or(&message).to_owned()
        }
    };
    ProviderFileError::Unreadable { position, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        CredentialProviderConfig::from_text(text, FeatureGates::default()).unwrap_err().to_string()
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once_where_it_stands() {
        let text = r#"{"apiVersion": "v1", "kind": "CredentialProviderConfig", "providers": [
            {"name": "a/b", "apiVersion": "credentialprovider.kubelet.k8s.io/v1", "matchImages": ["[.example"],
             "defaultCacheDuration": "soon", "matchImage": []},
            {"name": "c"}]}"#;
        let error = error(text);
        let lines: Vec<_> = error.lines().map(|line| line.split(": ").take(2).collect::<Vec<_>>()).collect();
        assert_eq!(
            lines,
            [
                ["1:16", "apiVersion"],
                ["2:22", "providers[0].name"],
                ["2:99", "providers[0].matchImages[0]"],
                ["3:38", "providers[0].defaultCacheDuration"],
                ["3:46", "providers[0].matchImage"],
                ["4:13", "providers[1].apiVersion"],
                ["4:13", "providers[1].matchImages"],
                ["4:13", "providers[1].defaultCacheDuration"],
            ],
            "{error}"
        );
    }

    #[test]
    fn one_document_is_expected() {
        assert_eq!(error(""), "0 documents: expected one, a CredentialProviderConfig");
        assert_eq!(error("{}{}"), "2 documents: expected one, a CredentialProviderConfig");
        assert!(error("{").starts_with("1:2: "), "{}", error("{"));
    }

    #[test]
    fn what_a_plugin_is_given_is_not_shown() {
        let text = |field: &str| {
            format!(
                r#"{{"apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig", "providers": [
                {{"name": "a", "apiVersion": "credentialprovider.kubelet.k8s.io/v1", "matchImages": ["r.example"],
                 "defaultCacheDuration": "1m", {field}}}]}}"#
            )
        };
        for field in [
            r#""env": [{"name": "TOKEN", "value": 4711}]"#,
            r#""env": "4711""#,
            r#""args": [4711]"#,
            r#""args": {"--token": 4711}"#,
        ] {
            let error = error(&text(field));
            assert!(!error.contains("4711") && error.contains("expected"), "{error}");
        }
    }

    #[test]
    #[cfg(feature = "yaml")]
    fn yaml_is_read_too() {
        let text = "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n- name: ecr\n  \
                    matchImages:\n  - \"*.registry.example\"\n  - registry.example/team/\n  defaultCacheDuration: 10m\n  \
                    apiVersion: credentialprovider.kubelet.k8s.io/v1\n  env:\n  - name: AWS_PROFILE\n    value: node\n";
        let file = CredentialProviderConfig::from_text(text, FeatureGates::default()).unwrap();
        assert_eq!((file.config.providers[0].env[0].value.as_str(), file.notices), ("node", vec![]));
        assert_eq!(
            error(&text.replace("name: ecr", "name: .")),
            "4:9: providers[0].name: is no program's name: expected one without / and spaces, other than . and .."
        );
    }
}
