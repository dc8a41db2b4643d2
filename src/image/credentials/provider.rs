//! Credential provider plugins: their configuration, what they are asked and answer, and what is kept of that.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::docker_config::ByRegistry;
use super::password::sha256_hex;
use super::registry::check_registry;
use super::{
    Coordinates, CredentialSource, Credentials, Password, PathRule, RegistryCredentials, RegistryError,
    registry_matches,
};
use crate::api::GoDuration;
use crate::behaviour::{Feature, FeatureGates};
use crate::machine::Timestamp;

/// Which plugins there are: `CredentialProviderConfig` of `kubelet.config.k8s.io`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialProviderConfig {
    /// `kubelet.config.k8s.io/v1`, or an older version.
    pub api_version: String,
    /// `CredentialProviderConfig`.
    pub kind: String,
    /// The plugins, in the order in which their answers are tried.
    pub providers: Vec<CredentialProviderSettings>,
}

/// One plugin.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialProviderSettings {
    /// Its name, which is its program's.
    pub name: String,
    /// Which images it is asked for, as registries with globs. Their paths are plain beginnings:
    /// `registry.example/team` is for `registry.example/teamx` too, which [`WithinSegment`] says.
    pub match_images: Vec<String>,
    /// How long its answers count that do not say it themselves; zero: they are not kept. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_cache_duration: Option<GoDuration>,
    /// In which version it is asked and answers: `credentialprovider.kubelet.k8s.io/v1`, or an older one.
    pub api_version: String,
    /// Its program's arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// What is added to its program's environment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
    /// The token of the pod's service account that it is given (KEP-4412); `None`: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_attributes: Option<ServiceAccountTokenAttributes>,
}

/// A variable of an environment. `Debug` does not show its value: it may be a secret.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnvVar {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

impl fmt::Debug for EnvVar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvVar").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Which token a plugin is given (KEP-4412).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceAccountTokenAttributes {
    /// Whom the token is for. Required.
    pub service_account_token_audience: String,
    /// For how much an answer counts. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_type: Option<TokenCacheType>,
    /// Whether pods without a service account are passed over. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_service_account: Option<bool>,
    /// The service account's annotations that it is given and that have to be there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required_service_account_annotation_keys: Vec<String>,
    /// The service account's annotations that it is given where they are there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub optional_service_account_annotation_keys: Vec<String>,
}

/// For how much an answer counts that was given for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenCacheType {
    /// For every pod of the service account.
    ServiceAccount,
    /// For this token.
    Token,
}

/// Everything that is wrong with the configuration of the plugins. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(|(place, problem)| format!("{place}: {problem}")).collect::<Vec<_>>().join("\n"))]
pub struct ProviderConfigError(pub Vec<(String, ProviderConfigProblem)>);

/// What is wrong with the configuration of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderConfigProblem {
    /// Something is missing.
    #[error("is missing")]
    Missing,
    /// A name that can be no file's.
    #[error("is no program's name: expected one without / and spaces, other than . and ..")]
    Name,
    /// Another one has it already.
    #[error("is there twice")]
    Duplicate,
    /// A version that is not known.
    #[error("is not known: expected {V1}, or v1beta1 or v1alpha1")]
    ApiVersion,
    /// A pattern that names no registry.
    #[error("{0}")]
    Registry(#[from] RegistryError),
    /// Tokens are not given without their feature gate.
    #[error("needs the feature gate {}", Feature::KubeletServiceAccountTokenForCredentialProviders)]
    Gate,
    /// Tokens are given in version 1 only.
    #[error("needs the apiVersion {V1}")]
    TokenVersion,
    /// An annotation is required of service accounts that are not.
    #[error("needs requireServiceAccount to be true")]
    NotRequired,
}

const V1: &str = "credentialprovider.kubelet.k8s.io/v1";
const VERSIONS: [&str; 3] =
    [V1, "credentialprovider.kubelet.k8s.io/v1beta1", "credentialprovider.kubelet.k8s.io/v1alpha1"];

impl CredentialProviderConfig {
    /// Checks it as the kubelet does, and that its globs are well-formed.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    pub fn validate(&self, gates: FeatureGates) -> Result<(), ProviderConfigError> {
        let (mut problems, mut names) = (Vec::new(), BTreeSet::new());
        if self.providers.is_empty() {
            problems.push(("providers".to_owned(), ProviderConfigProblem::Missing));
        }
        for (n, provider) in self.providers.iter().enumerate() {
            let mut add = |field: &str, problem| problems.push((format!("providers[{n}].{field}"), problem));
            if provider.name.is_empty() {
                add("name", ProviderConfigProblem::Missing);
            } else if provider.name.contains(['/', ' ']) || matches!(provider.name.as_str(), "." | "..") {
                add("name", ProviderConfigProblem::Name);
            } else if !names.insert(&provider.name) {
                add("name", ProviderConfigProblem::Duplicate);
            }
            provider.validate(gates, &mut add);
        }
        if problems.is_empty() { Ok(()) } else { Err(ProviderConfigError(problems)) }
    }
}

impl CredentialProviderSettings {
    fn validate(&self, gates: FeatureGates, add: &mut impl FnMut(&str, ProviderConfigProblem)) {
        use ProviderConfigProblem as Problem;

        if !VERSIONS.contains(&self.api_version.as_str()) {
            let is_missing = self.api_version.is_empty();
            add("apiVersion", if is_missing { Problem::Missing } else { Problem::ApiVersion });
        }
        if self.match_images.is_empty() {
            add("matchImages", Problem::Missing);
        }
        for (n, pattern) in self.match_images.iter().enumerate() {
            if let Err(error) = check_registry(pattern) {
                add(&format!("matchImages[{n}]"), error.into());
            }
        }
        if self.default_cache_duration.is_none() {
            add("defaultCacheDuration", Problem::Missing);
        }
        let Some(token) = &self.token_attributes else { return };
        if !gates.enabled(Feature::KubeletServiceAccountTokenForCredentialProviders) {
            add("tokenAttributes", Problem::Gate);
        }
        if self.api_version != V1 {
            add("tokenAttributes", Problem::TokenVersion);
        }
        for (field, is_missing) in [
            ("serviceAccountTokenAudience", token.service_account_token_audience.is_empty()),
            ("cacheType", token.cache_type.is_none()),
            ("requireServiceAccount", token.require_service_account.is_none()),
        ] {
            if is_missing {
                add(&format!("tokenAttributes.{field}"), Problem::Missing);
            }
        }
        let required = &token.required_service_account_annotation_keys;
        if token.require_service_account == Some(false) && !required.is_empty() {
            add("tokenAttributes.requiredServiceAccountAnnotationKeys", Problem::NotRequired);
        }
        let mut keys = BTreeSet::new();
        if !required.iter().chain(&token.optional_service_account_annotation_keys).all(|key| keys.insert(key))
        {
            add("tokenAttributes.optionalServiceAccountAnnotationKeys", Problem::Duplicate);
        }
    }

    /// Whether it is asked for an image: the pattern that matches, and whether that is within a segment.
    fn matching(&self, image: &str) -> Option<(&str, bool)> {
        let matches = |pattern: &str, rule| registry_matches(pattern, image, rule) == Ok(true);
        let pattern = self.match_images.iter().find(|pattern| matches(pattern, PathRule::Prefix))?;
        // Another pattern may be for the image without being a mere beginning of it.
        let is_whole = self.match_images.iter().any(|pattern| matches(pattern, PathRule::Segments));
        Some((pattern, !is_whole))
    }
}

/// What a plugin is asked: `CredentialProviderRequest`. It is serialised with its token.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind", rename = "CredentialProviderRequest")]
pub struct CredentialProviderRequest {
    /// The version, as the plugin's settings have it.
    pub api_version: String,
    /// The image: registry and path.
    pub image: String,
    /// The token of the pod's service account.
    #[serde(skip_serializing_if = "Password::is_empty", serialize_with = "Password::serialize_revealed")]
    pub service_account_token: Password,
    /// The annotations of the pod's service account that the plugin's settings name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub service_account_annotations: BTreeMap<String, String>,
}

/// What a plugin answers: `CredentialProviderResponse`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialProviderResponse {
    /// For how much it counts.
    pub cache_key_type: CacheKeyType,
    /// How long it counts; zero: only now; `None`: as the plugin's settings say.
    #[serde(default)]
    pub cache_duration: Option<GoDuration>,
    /// Credentials by registry.
    #[serde(default, deserialize_with = "crate::api::nullable")]
    pub auth: BTreeMap<String, Credentials>,
}

impl fmt::Debug for CredentialProviderResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialProviderResponse")
            .field("cache_key_type", &self.cache_key_type)
            .field("cache_duration", &self.cache_duration)
            .field("auth", &ByRegistry(&self.auth))
            .finish()
    }
}

/// For how much an answer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CacheKeyType {
    /// For this image, whatever its tag.
    Image,
    /// For every image of this registry.
    Registry,
    /// For every image that the plugin is asked for.
    Global,
}

/// Why an answer of a plugin is of no use. Does not repeat it, for it may have credentials in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderAnswerError {
    /// It is no `CredentialProviderResponse` in JSON.
    #[error("the answer is no CredentialProviderResponse in JSON: wrong at line {line} column {column}")]
    Form {
        /// The line, from 1; 0 where it is not known.
        line: usize,
        /// The column.
        column: usize,
    },
    /// It is of another version than the question.
    #[error("the answer is of another apiVersion than the question: expected {expected}")]
    ApiVersion {
        /// The question's.
        expected: String,
    },
}

impl CredentialProviderResponse {
    /// Reads the answer to `request`.
    ///
    /// # Errors
    /// [`ProviderAnswerError`] when it is none, or none to this request.
    pub fn from_json(json: &[u8], request: &CredentialProviderRequest) -> Result<Self, ProviderAnswerError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            #[serde(default)]
            api_version: String,
            #[serde(default)]
            kind: String,
            #[serde(flatten)]
            response: CredentialProviderResponse,
        }
        let form = |error: serde_json::Error| ProviderAnswerError::Form {
            line: error.line(),
            column: error.column(),
        };
        let answer: Answer = serde_json::from_slice(json).map_err(form)?;
        if answer.api_version != request.api_version {
            return Err(ProviderAnswerError::ApiVersion { expected: request.api_version.clone() });
        }
        if answer.kind != "CredentialProviderResponse" {
            return Err(ProviderAnswerError::Form { line: 0, column: 0 });
        }
        Ok(answer.response)
    }
}

/// The service account of a pod for which plugins are asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceAccount {
    /// Which one.
    pub coordinates: Coordinates,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Tokens of it that are bound to the pod, by audience.
    pub tokens: BTreeMap<String, Password>,
}

/// What comes of a plugin for an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderLookup {
    /// It has answered already.
    Cached(Arc<[RegistryCredentials]>),
    /// It has to be asked; then it has [answered](CredentialProviders::answered).
    Ask {
        /// Its place in the configuration.
        provider: usize,
        /// The question. Equal ones need to be asked only once.
        request: CredentialProviderRequest,
    },
    /// It has to be asked with a token for this audience, which the pod does not have yet.
    NeedsToken {
        /// Its place in the configuration.
        provider: usize,
        /// Whom the token is for.
        audience: String,
    },
}

/// A notice: a plugin is asked for an image that its pattern is a mere beginning of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithinSegment {
    /// The plugin.
    pub provider: String,
    /// The pattern.
    pub pattern: String,
    /// The image.
    pub image: String,
}

/// The plugins of a node, and what they have answered.
///
/// An image goes to every plugin that is for it. What they answer, earlier plugins first, makes a
/// [`Keyring`](super::Keyring) by [`PathRule::Prefix`], as its documented contract is.
///
/// ```
/// use node_lifecycle::behaviour::FeatureGates;
/// use node_lifecycle::image::{
///     CredentialProviderResponse, CredentialProviders, Keyring, PathRule, ProviderLookup,
/// };
/// use node_lifecycle::machine::Timestamp;
///
/// let config = serde_json::from_str(r#"{
///     "apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig",
///     "providers": [{"name": "ecr", "matchImages": ["*.registry.example"], "defaultCacheDuration": "10m",
///         "apiVersion": "credentialprovider.kubelet.k8s.io/v1"}]}"#)?;
/// let mut providers = CredentialProviders::new(config, FeatureGates::default())?;
/// let (now, image) = (Timestamp::UNIX_EPOCH, "eu.registry.example/web");
///
/// let [ProviderLookup::Ask { provider, request }] = &providers.lookup(now, image, None)[..] else { panic!() };
/// let response = CredentialProviderResponse::from_json(br#"{
///     "apiVersion": "credentialprovider.kubelet.k8s.io/v1", "kind": "CredentialProviderResponse",
///     "cacheKeyType": "Registry", "auth": {"eu.registry.example": {"username": "bob", "password": "x"}}
/// }"#, request)?;
/// let answer = providers.answered(now, *provider, request, None, response);
/// let (keyring, _) = Keyring::new(PathRule::Prefix, answer.iter().cloned());
/// assert_eq!(keyring.lookup(image)[0].credentials.username, "bob");
///
/// let another = providers.lookup(now, "eu.registry.example/db", None);
/// assert_eq!(another, [ProviderLookup::Cached(answer)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CredentialProviders {
    config: CredentialProviderConfig,
    /// One for each plugin.
    caches: Vec<BTreeMap<CacheKey, CacheEntry>>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct CacheKey {
    scope: Scope,
    account: Option<AccountKey>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Image(String),
    Registry(String),
    Global,
}

/// The service account that an answer is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct AccountKey {
    coordinates: Coordinates,
    /// Those that the plugin was given.
    annotations: BTreeMap<String, String>,
    /// The token's hash, where an answer is for that alone.
    token: Option<String>,
}

#[derive(Debug, Clone)]
struct CacheEntry {
    answer: Arc<[RegistryCredentials]>,
    expires_at: Timestamp,
}

/// The token that a plugin is given.
enum Token<'a> {
    /// None.
    Without,
    /// None, for the plugin is not asked.
    Skip,
    Of(AccountKey, Option<&'a Password>),
}

impl CredentialProviders {
    /// Plugins that have answered nothing yet.
    ///
    /// # Errors
    /// [`ProviderConfigError`] when the configuration is not [valid](CredentialProviderConfig::validate).
    pub fn new(config: CredentialProviderConfig, gates: FeatureGates) -> Result<Self, ProviderConfigError> {
        config.validate(gates)?;
        let caches = vec![BTreeMap::new(); config.providers.len()];
        Ok(Self { config, caches })
    }

    /// The plugins' settings.
    #[must_use]
    pub fn settings(&self) -> &[CredentialProviderSettings] {
        &self.config.providers
    }

    /// What comes of each plugin that is for an image (registry and path), in their order.
    #[must_use]
    pub fn lookup(
        &self,
        now: Timestamp,
        image: &str,
        account: Option<&ServiceAccount>,
    ) -> Vec<ProviderLookup> {
        let asked = self.config.providers.iter().zip(&self.caches).enumerate();
        asked.filter_map(|(n, (settings, cache))| settings.lookup(n, cache, now, image, account)).collect()
    }

    /// The patterns that are mere beginnings of an image, of plugins that are asked for it.
    pub fn within_segment(&self, image: &str) -> impl Iterator<Item = WithinSegment> {
        self.config.providers.iter().filter_map(move |settings| match settings.matching(image)? {
            (pattern, true) => Some(WithinSegment {
                provider: settings.name.clone(),
                pattern: pattern.to_owned(),
                image: image.to_owned(),
            }),
            _ => None,
        })
    }

    /// Takes a plugin's answer to a request for a pod, keeps it for as long as it says, and returns what it has for the
    /// image.
    pub fn answered(
        &mut self,
        now: Timestamp,
        provider: usize,
        request: &CredentialProviderRequest,
        account: Option<&ServiceAccount>,
        response: CredentialProviderResponse,
    ) -> Arc<[RegistryCredentials]> {
        let settings = self.config.providers.get(provider);
        let account = settings.and_then(|settings| match settings.token(account) {
            Token::Of(account, _) => Some(account),
            Token::Without | Token::Skip => None,
        });
        let source =
            account.as_ref().map(|account| CredentialSource::ServiceAccount(account.coordinates.clone()));
        let answer: Arc<[_]> = response
            .auth
            .into_iter()
            .map(|(registry, credentials)| RegistryCredentials {
                registry,
                credentials,
                source: source.clone(),
            })
            .collect();
        let lasts = response.cache_duration.or_else(|| settings?.default_cache_duration);
        let lasts = lasts.map_or(Duration::ZERO, |lasts| lasts.0);
        if let Some(cache) = self.caches.get_mut(provider).filter(|_| !lasts.is_zero()) {
            let scope = match response.cache_key_type {
                CacheKeyType::Image => Scope::Image(request.image.clone()),
                CacheKeyType::Registry => Scope::Registry(registry_of(&request.image).to_owned()),
                CacheKeyType::Global => Scope::Global,
            };
            // What has expired goes when something comes: a cache does not outgrow what still counts.
            cache.retain(|_, entry| entry.expires_at >= now);
            let entry = CacheEntry { answer: answer.clone(), expires_at: now + lasts };
            cache.insert(CacheKey { scope, account }, entry);
        }
        answer
    }
}

impl CredentialProviderSettings {
    fn lookup(
        &self,
        provider: usize,
        cache: &BTreeMap<CacheKey, CacheEntry>,
        now: Timestamp,
        image: &str,
        account: Option<&ServiceAccount>,
    ) -> Option<ProviderLookup> {
        self.matching(image)?;
        let (account, token) = match self.token(account) {
            Token::Without => (None, None),
            Token::Skip => return None,
            Token::Of(account, token) => (Some(account), Some(token)),
        };
        let scopes =
            [Scope::Image(image.to_owned()), Scope::Registry(registry_of(image).to_owned()), Scope::Global];
        for scope in scopes {
            let key = CacheKey { scope, account: account.clone() };
            if let Some(entry) = cache.get(&key).filter(|entry| entry.expires_at >= now) {
                return Some(ProviderLookup::Cached(entry.answer.clone()));
            }
        }
        if let (Some(None), Some(attributes)) = (token, &self.token_attributes) {
            let audience = attributes.service_account_token_audience.clone();
            return Some(ProviderLookup::NeedsToken { provider, audience });
        }
        let request = CredentialProviderRequest {
            api_version: self.api_version.clone(),
            image: image.to_owned(),
            service_account_token: token.flatten().cloned().unwrap_or_default(),
            service_account_annotations: account.map(|account| account.annotations).unwrap_or_default(),
        };
        Some(ProviderLookup::Ask { provider, request })
    }

    /// The token that the plugin is given for a pod.
    fn token<'a>(&self, account: Option<&'a ServiceAccount>) -> Token<'a> {
        let Some(attributes) = &self.token_attributes else { return Token::Without };
        let Some(account) = account else {
            let is_required = attributes.require_service_account == Some(true);
            return if is_required { Token::Skip } else { Token::Without };
        };
        let required = &attributes.required_service_account_annotation_keys;
        if !required.iter().all(|key| account.annotations.contains_key(key)) {
            return Token::Skip;
        }
        let keys = required.iter().chain(&attributes.optional_service_account_annotation_keys);
        let annotations = keys.filter_map(|key| Some((key.clone(), account.annotations.get(key)?.clone())));
        let token = account.tokens.get(&attributes.service_account_token_audience);
        let hash = token
            .filter(|_| attributes.cache_type != Some(TokenCacheType::ServiceAccount))
            .map(|token| sha256_hex(token.reveal()));
        let key = AccountKey {
            coordinates: account.coordinates.clone(),
            annotations: annotations.collect(),
            token: hash,
        };
        Token::Of(key, token)
    }
}

/// The host and port of an image.
fn registry_of(image: &str) -> &str {
    image.split('/').next().unwrap_or_default()
}

impl fmt::Display for WithinSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, pattern, image } = self;
        write!(
            f,
            "provider {provider} is asked for {image}, which {pattern} is only the beginning of: \
             a / at its end would end it"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str = r#"{"name": "p", "matchImages": ["r.example/team"], "defaultCacheDuration": "10s",
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1"}"#;

    fn providers(settings: &str, gates: &str) -> CredentialProviders {
        let provider = serde_json::from_str(settings).unwrap();
        let config =
            CredentialProviderConfig { providers: vec![provider], ..CredentialProviderConfig::default() };
        CredentialProviders::new(config, gates.parse().unwrap()).unwrap()
    }

    fn response(key_type: CacheKeyType, seconds: Option<u64>) -> CredentialProviderResponse {
        let cache_duration = seconds.map(|seconds| GoDuration(Duration::from_secs(seconds)));
        let auth = [("r.example".to_owned(), Credentials::default())].into();
        CredentialProviderResponse { cache_key_type: key_type, cache_duration, auth }
    }

    /// For each second and image, whether the answer to a first question counts.
    fn counts(key_type: CacheKeyType, seconds: Option<u64>) -> Vec<bool> {
        let mut providers = providers(SETTINGS, "");
        let at = Timestamp::from_unix_seconds;
        let image = "r.example/team/a";
        let Some(ProviderLookup::Ask { provider, request }) = providers.lookup(at(0), image, None).pop()
        else {
            panic!("nothing is kept yet")
        };
        let _ = providers.answered(at(0), provider, &request, None, response(key_type, seconds));
        [(0, image), (3, image), (4, image), (10, image), (11, image), (0, "r.example/team/b")]
            .iter()
            .map(|(second, image)| {
                let found = providers.lookup(at(*second), image, None);
                matches!(found[..], [ProviderLookup::Cached(_)])
            })
            .collect()
    }

    #[test]
    fn an_answer_counts_for_as_long_as_it_says() {
        use CacheKeyType::{Global, Image, Registry};
        assert_eq!(counts(Image, None), [true, true, true, true, false, false], "the settings' 10 s");
        assert_eq!(counts(Image, Some(3)), [true, true, false, false, false, false]);
        assert_eq!(counts(Image, Some(0)), [false; 6]);
        for key_type in [Registry, Global] {
            assert!(counts(key_type, None)[5], "another image of the registry");
        }
    }

    #[test]
    fn a_pattern_is_a_mere_beginning_and_says_so() {
        let providers = providers(SETTINGS, "");
        let now = Timestamp::UNIX_EPOCH;
        for (image, is_asked, is_within) in [
            ("r.example/team/a", true, false),
            ("r.example/teamx/a", true, true),
            ("r.example/other", false, false),
        ] {
            assert_eq!(providers.lookup(now, image, None).len() == 1, is_asked, "{image}");
            assert_eq!(providers.within_segment(image).next().is_some(), is_within, "{image}");
        }
    }

    #[test]
    fn a_token_is_needed_once_for_a_service_account_or_for_each_pod() {
        for (cache_type, is_shared) in [("ServiceAccount", true), ("Token", false)] {
            let token = format!(
                r#", "tokenAttributes": {{"serviceAccountTokenAudience": "r", "cacheType": "{cache_type}",
                    "requireServiceAccount": true, "requiredServiceAccountAnnotationKeys": ["role"]}}}}"#
            );
            let settings = SETTINGS.trim_end_matches('}').to_owned() + &token;
            let mut providers = providers(&settings, "KubeletServiceAccountTokenForCredentialProviders=true");
            let (now, image) = (Timestamp::UNIX_EPOCH, "r.example/team/a");
            assert_eq!(providers.lookup(now, image, None), [], "it is required");
            let mut account = ServiceAccount::default();
            assert_eq!(providers.lookup(now, image, Some(&account)), [], "its annotation is required");

            account.annotations = [("role".to_owned(), "puller".to_owned())].into();
            let needed = [ProviderLookup::NeedsToken { provider: 0, audience: "r".to_owned() }];
            assert_eq!(providers.lookup(now, image, Some(&account)), needed);

            let with = |token: &str| ServiceAccount {
                tokens: [("r".to_owned(), token.into())].into(),
                ..account.clone()
            };
            let asked = providers.lookup(now, image, Some(&with("1")));
            let [ProviderLookup::Ask { provider, request }] = &asked[..] else { panic!("{asked:?}") };
            assert_eq!(request.service_account_annotations["role"], "puller");
            let answer = response(CacheKeyType::Global, None);
            let answer = providers.answered(now, *provider, request, Some(&with("1")), answer);
            assert_eq!(answer[0].source, Some(CredentialSource::ServiceAccount(Coordinates::default())));
            let is_kept = |account: &ServiceAccount| {
                matches!(providers.lookup(now, image, Some(account))[..], [ProviderLookup::Cached(_)])
            };
            assert!(is_kept(&with("1")));
            assert_eq!((is_kept(&with("2")), is_kept(&account)), (is_shared, is_shared));
        }
    }
}
