//! The ports: what a node's decisions need of the world, as traits that you implement.
//!
//! | port | what is behind it |
//! |---|---|
//! | [`RuntimeService`] | sandboxes and containers: a runtime that speaks the Container Runtime Interface (CRI) v1, or your own |
//! | [`ImageService`] | images, on the same socket as a rule |
//! | [`CredentialProvider`] | credentials for images, from a plugin |
//! | [`SignatureVerifier`] | whether images are signed |
//! | [`ProbeRunner`] | asks a container, by exec, HTTP, TCP or gRPC |
//! | [`HookRunner`] | runs `postStart` and `preStop` hooks |
//! | [`StatusSink`] | takes statuses: the API server |
//! | [`PodResources`] | what a pod needs besides: volumes, secrets, devices, cgroups |
//! | [`Clock`] | time |
//!
//! Names and messages are the CRI's in Rust's spelling; messages are plain structs with a `Default`. All ports
//! are object-safe, `Send` and `Sync`: keep them as `Arc<dyn RuntimeService>`. [`pod_sandbox_config`] and
//! [`container_config`] make what a runtime is given from a pod, and [`RuntimeService::pod_records`] reads it
//! back. What fails becomes a [`Failure`](crate::pod::Failure), the outcome of an action, by `From`.
//!
//! # What is assumed of every port
//!
//! * **Time limits are the port's.** Every call answers in the end; within [`CALL_TIMEOUT`] unless its own
//!   documentation says more, with a `DeadlineExceeded` at the latest. The caller has a limit of its own in case it
//!   does not.
//! * **A lost answer proves nothing.** After `DeadlineExceeded` or `Unavailable`, and when the caller drops the
//!   future, the call may have taken effect, may still, or never will. What changed is found by looking.
//! * **Order is the caller's.** Calls overlap freely. What has to come after something else is called after
//!   that was answered. A port need not order calls that overlap, and must not mix them up.
//! * **Idempotent means:** doing it again after it was done, or may have been, does no harm and is no error. Each
//!   method says whether it is.
//! * **No panic, no retry, no state of decisions.** A port does one thing once and says what came of it; when it
//!   is tried again is decided elsewhere.
//!
//! `tests/ports` holds these contracts as tests that are generic over the implementation; with the feature
//! `sim` there is one in memory for every port (`sim::MemoryPorts`).
//!
//! # Example
//!
//! A probe runner for a runtime that can only run commands.
//!
//! ```
//! use async_trait::async_trait;
//! use node_lifecycle::container::ProbeCheck;
//! use node_lifecycle::runtime::{ProbeReport, ProbeRequest, ProbeRunner, RuntimeService};
//! use std::sync::Arc;
//!
//! struct ExecOnly(Arc<dyn RuntimeService>);
//!
//! #[async_trait]
//! impl ProbeRunner for ExecOnly {
//!     async fn probe(&self, request: &ProbeRequest) -> ProbeReport {
//!         match &*request.check {
//!             ProbeCheck::Exec { command } => {
//!                 ProbeReport::of_command(self.0.exec_sync(&request.id, command, request.timeout).await)
//!             }
//!             _ => ProbeReport::error("only exec probes are served here"),
//!         }
//!     }
//! }
//! ```

mod clock;
mod config;
mod container;
mod credential;
mod error;
mod hook;
mod image;
mod probe;
mod records;
mod resources;
mod sandbox;
mod service;
mod signature;
mod sink;

pub use crate::container::labels::{
    CONTAINER_HASH_ANNOTATION, CONTAINER_KIND_ANNOTATION, CONTAINER_NAME_LABEL,
    CONTAINER_RESTART_COUNT_ANNOTATION, CONTAINER_RESTART_POLICY_ANNOTATION, POD_NAME_LABEL,
    POD_NAMESPACE_LABEL, POD_UID_LABEL,
};
pub use clock::Clock;
pub use config::{NodeSettings, container_config, pod_sandbox_config};
pub use container::{
    Container, ContainerConfig, ContainerFilter, ContainerMetadata, ContainerResources, ContainerState,
    ContainerStatus, Device, KeyValue, LinuxContainerConfig, LinuxContainerResources,
    LinuxContainerSecurityContext, Mount, MountPropagation,
};
pub use credential::{CREDENTIAL_PROVIDER_TIMEOUT, CredentialProvider, CredentialProviderError};
pub use error::{ImageError, RuntimeError, done_if_gone};
pub use hook::{HookError, HookRequest, HookRunner};
pub use image::{AuthConfig, FilesystemUsage, Image, ImageFsInfo, ImageService, ImageSpec, PullUpdate};
pub use probe::{ProbeReport, ProbeRequest, ProbeRunner};
pub use records::{container_record, sandbox_record};
pub use resources::{PodResources, PrepareError};
pub use sandbox::{
    DnsConfig, LinuxPodSandboxConfig, LinuxSandboxSecurityContext, NamespaceMode, NamespaceOption,
    PodSandbox, PodSandboxConfig, PodSandboxFilter, PodSandboxMetadata, PodSandboxNetworkStatus,
    PodSandboxStatus, PortMapping,
};
pub use service::{
    ContainerEventResponse, ContainerEventType, ExecSyncResponse, RuntimeCondition, RuntimeHandler,
    RuntimeService, RuntimeStatus, Version,
};
pub use signature::{SIGNATURE_TIMEOUT, SignatureError, SignatureRequest, SignatureVerifier};
pub use sink::{PodReference, SinkError, StatusSink, StatusUpdate};

use std::time::Duration;

/// How long a call of a port may take unless its documentation says otherwise: the kubelet's
/// `runtimeRequestTimeout`.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(120);
