//! The port of credential provider plugins.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::AuthConfig;
use crate::image::{
    CredentialProviderRequest, CredentialProviderResponse, CredentialProviderSettings, Credentials,
    ProviderAnswerError,
};

/// Asks a credential provider plugin.
///
/// See the [module](super) for what holds of every port. A plugin is a program: it reads the request from its standard
/// input and writes the response to its standard output. When it is asked, and for how long its answer counts, is
/// decided by [`CredentialProviders`](crate::image::CredentialProviders).
///
/// ```
/// use async_trait::async_trait;
/// use node_lifecycle::image::{
///     CredentialProviderRequest, CredentialProviderResponse, CredentialProviderSettings,
/// };
/// use node_lifecycle::runtime::{CredentialProvider, CredentialProviderError};
///
/// /// Gives everybody the same answer.
/// struct Fixed(&'static [u8]);
///
/// #[async_trait]
/// impl CredentialProvider for Fixed {
///     async fn credentials(
///         &self,
///         _settings: &CredentialProviderSettings,
///         request: &CredentialProviderRequest,
///     ) -> Result<CredentialProviderResponse, CredentialProviderError> {
///         Ok(CredentialProviderResponse::from_json(self.0, request)?)
///     }
/// }
/// ```
#[async_trait]
pub trait CredentialProvider: Send + Sync {
    /// Asks the plugin of these settings, within [`CREDENTIAL_PROVIDER_TIMEOUT`].
    ///
    /// Idempotent. An answer without credentials is one: the image is tried without this plugin's.
    ///
    /// # Errors
    /// [`CredentialProviderError`] when there is no answer that can be used; the image is tried without it.
    async fn credentials(
        &self,
        settings: &CredentialProviderSettings,
        request: &CredentialProviderRequest,
    ) -> Result<CredentialProviderResponse, CredentialProviderError>;
}

/// How long a credential provider plugin may take.
pub const CREDENTIAL_PROVIDER_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a plugin has no answer. Has no credentials in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialProviderError {
    /// It was not run, or ended badly: what it wrote to its standard error.
    #[error("the credential provider failed: {0}")]
    Failed(Arc<str>),
    /// It did not end in time.
    #[error("the credential provider did not answer within {0:?}")]
    DeadlineExceeded(Duration),
    /// Its answer is of no use.
    #[error("{0}")]
    Answer(#[from] ProviderAnswerError),
}

impl From<&Credentials> for AuthConfig {
    /// The user and the password.
    fn from(credentials: &Credentials) -> Self {
        let (username, password) = (credentials.username.clone(), credentials.password.reveal().to_owned());
        Self { username, password, ..Self::default() }
    }
}
