//! The ports of a node, together.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;

use crate::api::Pod;
use crate::container::{HookCall, ProbeCheck};
use crate::image::{
    CredentialProviderRequest, CredentialProviderResponse, CredentialProviderSettings, ImageFilesystem,
    PullPod, SignatureVerdict,
};
use crate::runtime::{
    AuthConfig, Clock, CredentialProvider, CredentialProviderError, ExecSyncResponse, FilesystemUsage,
    HookError, HookRequest, HookRunner, Image, ImageDisk, ImageError, ImageService, ImageSpec, PodImages,
    PodPullSecrets, PodReference, PodResources, PodSandboxConfig, PrepareError, ProbeReport, ProbeRequest,
    ProbeRunner, PullSecrets, PullSecretsError, RuntimeService, SignatureError, SignatureRequest,
    SignatureVerifier, StatusSink,
};

/// The ports of a node, one of each. A clone is a handle to the same.
#[derive(Clone)]
pub struct Ports {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Sandboxes and containers.
    pub runtime: Arc<dyn RuntimeService>,
    /// Images.
    pub images: Arc<dyn ImageService>,
    /// Probes.
    pub probes: Arc<dyn ProbeRunner>,
    /// Hooks.
    pub hooks: Arc<dyn HookRunner>,
    /// Statuses.
    pub statuses: Arc<dyn StatusSink>,
    /// Everything else that pods need.
    pub resources: Arc<dyn PodResources>,
}

impl Ports {
    /// The ports of a node in small: one thing is its clock, its runtime and what takes statuses. Probes and hooks
    /// are commands that the runtime [executes](ExecOnly), and the rest is [absent](Absent). Put others in their
    /// place as you have them.
    #[must_use]
    pub fn of<T: Clock + RuntimeService + StatusSink + 'static>(node: &Arc<T>) -> Self {
        let runtime = Arc::clone(node) as Arc<dyn RuntimeService>;
        let exec = Arc::new(ExecOnly(Arc::clone(&runtime)));
        Self {
            clock: Arc::clone(node) as _,
            runtime,
            images: Arc::new(Absent),
            probes: Arc::clone(&exec) as _,
            hooks: exec,
            statuses: Arc::clone(node) as _,
            resources: Arc::new(Absent),
        }
    }
}

/// A port that a node does not have: every image is there already, and pods need nothing besides. There are no secrets
/// and no plugins, and nobody knows the disk.
#[derive(Debug, Clone, Copy, Default)]
pub struct Absent;

#[async_trait]
impl ImageService for Absent {
    async fn image_status(&self, image: &ImageSpec) -> Result<Option<Image>, ImageError> {
        Ok(Some(Image { id: Arc::clone(&image.image), ..Image::default() }))
    }

    async fn pull_image(
        &self,
        image: &ImageSpec,
        _auth: Option<&AuthConfig>,
        _sandbox_config: Option<&PodSandboxConfig>,
    ) -> Result<Arc<str>, ImageError> {
        Ok(Arc::clone(&image.image))
    }
}

#[async_trait]
impl PodResources for Absent {
    async fn prepare_pod(&self, _pod: &Arc<Pod>) -> Result<(), PrepareError> {
        Ok(())
    }

    async fn release_pod(&self, _pod: &PodReference) -> Result<(), PrepareError> {
        Ok(())
    }
}

#[async_trait]
impl PullSecrets for Absent {
    async fn pull_secrets(&self, _pod: &PullPod) -> Result<PodPullSecrets, PullSecretsError> {
        Ok(PodPullSecrets::default())
    }
}

#[async_trait]
impl CredentialProvider for Absent {
    async fn credentials(
        &self,
        _settings: &CredentialProviderSettings,
        _request: &CredentialProviderRequest,
    ) -> Result<CredentialProviderResponse, CredentialProviderError> {
        Err(CredentialProviderError::Failed("plugins are not run here".into()))
    }
}

#[async_trait]
impl SignatureVerifier for Absent {
    async fn verify(&self, _request: &SignatureRequest) -> Result<SignatureVerdict, SignatureError> {
        Err(SignatureError::Unavailable("signatures are not checked here".into()))
    }
}

#[async_trait]
impl PodImages for Absent {
    async fn needed_images(&self) -> Result<BTreeSet<Arc<str>>, ImageError> {
        Ok(BTreeSet::new())
    }
}

#[async_trait]
impl ImageDisk for Absent {
    async fn room(&self, _usage: &FilesystemUsage) -> Result<ImageFilesystem, ImageError> {
        Err(ImageError::Unimplemented("the disk of images"))
    }
}

/// Probes and hooks by [`RuntimeService::exec_sync`]; those over the network cannot be carried out.
#[derive(Clone)]
pub struct ExecOnly(pub Arc<dyn RuntimeService>);

#[async_trait]
impl ProbeRunner for ExecOnly {
    async fn probe(&self, request: &ProbeRequest) -> ProbeReport {
        match &*request.check {
            ProbeCheck::Exec { command } => {
                ProbeReport::of_command(self.0.exec_sync(&request.id, command, request.timeout).await)
            }
            _ => ProbeReport::error("only commands are run here"),
        }
    }
}

#[async_trait]
impl HookRunner for ExecOnly {
    async fn run_hook(&self, request: &HookRequest) -> Result<(), HookError> {
        let HookCall::Exec { command } = &request.call else {
            return Err(HookError::Failed("only commands are run here".into()));
        };
        let timeout = request.timeout.unwrap_or_default();
        match self.0.exec_sync(&request.id, command, timeout).await? {
            ExecSyncResponse { exit_code: 0, .. } => Ok(()),
            ExecSyncResponse { exit_code, .. } => {
                Err(HookError::Failed(format!("the command ended with {exit_code}").into()))
            }
        }
    }
}
