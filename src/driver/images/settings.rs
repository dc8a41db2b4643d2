//! What images are driven with.

use std::sync::Arc;
use std::time::Duration;

use crate::behaviour::Behaviour;
use crate::driver::{Absent, Ports};
use crate::image::{
    CredentialProviderConfig, ImageGcConfig, ImageGcPolicyError, Keyring, ProviderConfigError, PullConfig,
    PullConfigError, Verification,
};
use crate::machine::RestoreError;
use crate::runtime::{
    CALL_TIMEOUT, Clock, CredentialProvider, ImageDisk, ImageService, PodImages, PullSecrets, RuntimeService,
    SignatureVerifier,
};

/// The ports of a node's images. A clone is a handle to the same.
///
/// Those of a node's [`Ports`] are enough for pulls without credentials. The collection of images needs a
/// [disk](Self::disk) too, and [pods](Self::pods), which a [`Driver`](crate::driver::Driver) sets to its own.
#[derive(Clone)]
pub struct ImagePorts {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Images.
    pub images: Arc<dyn ImageService>,
    /// Containers, for the images that they use.
    pub runtime: Arc<dyn RuntimeService>,
    /// The pull secrets of pods.
    pub secrets: Arc<dyn PullSecrets>,
    /// Credential provider plugins.
    pub plugins: Arc<dyn CredentialProvider>,
    /// Signatures. Without it no image is used that has to be signed.
    pub signatures: Arc<dyn SignatureVerifier>,
    /// Which images pods need.
    pub pods: Arc<dyn PodImages>,
    /// How large the disk of images is.
    pub disk: Arc<dyn ImageDisk>,
}

impl From<&Ports> for ImagePorts {
    /// The node's own, and none for the rest: no pod has a secret or needs an image, there are no plugins and no
    /// signatures, and the disk is not known.
    fn from(ports: &Ports) -> Self {
        Self {
            clock: Arc::clone(&ports.clock),
            images: Arc::clone(&ports.images),
            runtime: Arc::clone(&ports.runtime),
            secrets: Arc::new(Absent),
            plugins: Arc::new(Absent),
            signatures: Arc::new(Absent),
            pods: Arc::new(Absent),
            disk: Arc::new(Absent),
        }
    }
}

/// Who removes images that nobody uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GarbageCollection {
    /// The runtime, by itself. Here nothing is removed, no-cache images neither: images are looked at every so often,
    /// and what has vanished is forgotten, and pulled again when somebody needs it.
    Runtime {
        /// How often.
        look_every: Duration,
    },
    /// This library, over [`ImageService::remove_image`].
    Library(ImageGcConfig),
}

impl Default for GarbageCollection {
    /// The runtime, looked at every 5 min.
    fn default() -> Self {
        Self::Runtime { look_every: Duration::from_secs(300) }
    }
}

/// What images are driven with.
#[derive(Debug, Clone)]
pub struct ImagesSettings {
    /// How images are pulled.
    pub pulls: PullConfig,
    /// Who collects them.
    pub collection: GarbageCollection,
    /// Gates, and the kubelet's faults that are copied.
    pub behaviour: Arc<Behaviour>,
    /// The node's own credentials, for every pod: those of its docker configuration.
    pub node_credentials: Keyring,
    /// The credential provider plugins; `None`: none.
    pub plugins: Option<CredentialProviderConfig>,
    /// Which pods have to prove that they may use an image that is there (KEP-2535). By default none.
    pub verification: Verification,
    /// The image of sandboxes, where the runtime does not pin it.
    pub sandbox_image: Option<Arc<str>>,
    /// How long a call may take, but for a pull: 2 min. After a restart, so long a pull is kept that a pod was waiting
    /// for and that has not been asked for again.
    pub call_timeout: Duration,
}

impl Default for ImagesSettings {
    fn default() -> Self {
        Self {
            pulls: PullConfig::default(),
            collection: GarbageCollection::default(),
            behaviour: Arc::default(),
            node_credentials: Keyring::default(),
            plugins: None,
            verification: Verification::default(),
            sandbox_image: None,
            call_timeout: CALL_TIMEOUT,
        }
    }
}

/// Why images are not driven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImagesError {
    /// How they are pulled.
    #[error("pulls: {0}")]
    Pulls(#[from] PullConfigError),
    /// When they go.
    #[error("image garbage collection: {0}")]
    Collection(#[from] ImageGcPolicyError),
    /// Which plugins there are.
    #[error("credential providers: {0}")]
    Plugins(#[from] ProviderConfigError),
    /// What was stored.
    #[error("{0}")]
    Restore(#[from] RestoreError),
}
