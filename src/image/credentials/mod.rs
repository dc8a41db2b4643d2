//! Credentials for registries: where they come from, and which ones an image is tried with.

mod docker_config;
mod keyring;
mod password;
mod provider;
mod registry;
mod secret;

pub use docker_config::{CredentialFault, CredentialProblem, DockerConfig};
pub use keyring::{CredentialSource, Keyring, KeyringEntry, RegistryCredentials};
pub(super) use password::sha256_hex;
pub use password::{Credentials, Password};
pub use provider::{
    CacheKeyType, CredentialProviderConfig, CredentialProviderRequest, CredentialProviderResponse,
    CredentialProviderSettings, CredentialProviders, EnvVar, ProviderAnswerError, ProviderConfigError,
    ProviderConfigProblem, ProviderLookup, ServiceAccount, ServiceAccountTokenAttributes, TokenCacheType,
    WithinSegment,
};
pub(super) use registry::check_registry;
pub use registry::{PathRule, RegistryError, registry_matches};
pub use secret::{Coordinates, PullSecret};
