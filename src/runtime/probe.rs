//! The port of probes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{PodReference, RuntimeError};
use crate::api::{ContainerId, ExecAction, GrpcAction, HttpGetAction, Probe, TcpSocketAction};
use crate::container::ProbeKind;

/// Asks a container once.
///
/// See the [module](super) for what holds of every port. Whether an answer counts, and when the next question
/// is due, is decided by the machine of the probe; a runner keeps nothing between two questions and never
/// retries.
#[async_trait]
pub trait ProbeRunner: Send + Sync {
    /// Asks, and returns the answer within [`ProbeRequest::timeout`].
    ///
    /// Being too slow is an answer: [`ProbeOutcome::Failure`]. Idempotent as far as the container is; with a lost
    /// answer the question is simply asked again. A caller gives up a question that takes longer than its
    /// timeout and a second.
    ///
    /// # Errors
    /// [`ProbeError`] when there is no answer, not even that it failed: this changes no count.
    async fn probe(&self, request: &ProbeRequest) -> Result<ProbeAnswer, ProbeError>;
}

/// One question to one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeRequest {
    /// The pod.
    pub pod: PodReference,
    /// The pod's first address; empty when it has none. What an absent host in the handler means.
    pub pod_ip: String,
    /// The container's name.
    pub container: Arc<str>,
    /// The instance.
    pub id: ContainerId,
    /// What it is asked for.
    pub kind: ProbeKind,
    /// How it is asked.
    pub handler: ProbeHandler,
    /// How long the answer may take; not zero.
    pub timeout: Duration,
}

/// How a container is asked. A port by name is one of the container's ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeHandler {
    /// A command in the container: exit code 0 is success, any other failure.
    Exec(ExecAction),
    /// Over HTTP or HTTPS, whose certificate is not verified: 200 to 399 is success, any other failure. A
    /// redirect to another host is not followed and is a warning.
    HttpGet(HttpGetAction),
    /// A connection: success when it opens.
    TcpSocket(TcpSocketAction),
    /// The gRPC health service: `SERVING` is success.
    Grpc(GrpcAction),
}

impl ProbeHandler {
    /// The handler of a probe: the first that it has, in the order of the variants. `None` when it has none.
    #[must_use]
    pub fn of(probe: &Probe) -> Option<Self> {
        let Probe { exec, http_get, tcp_socket, grpc, .. } = probe;
        None.or_else(|| exec.clone().map(Self::Exec))
            .or_else(|| http_get.clone().map(Self::HttpGet))
            .or_else(|| tcp_socket.clone().map(Self::TcpSocket))
            .or_else(|| grpc.clone().map(Self::Grpc))
    }
}

/// What a container answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeAnswer {
    /// Yes or no.
    pub outcome: ProbeOutcome,
    /// What it said, for a person; the first 10 KiB are enough.
    pub output: Arc<str>,
}

impl From<ProbeOutcome> for ProbeAnswer {
    /// Without a word.
    fn from(outcome: ProbeOutcome) -> Self {
        Self { outcome, output: Arc::default() }
    }
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProbeOutcome {
    /// Yes.
    Success,
    /// Yes, and something that a person should know. Counts as success.
    Warning,
    /// No.
    Failure,
    /// Neither. Changes no count.
    Unknown,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The handler cannot be carried out: a port by a name that the container does not have, say.
    #[error("the probe cannot be carried out: {0}")]
    Invalid(Arc<str>),
    /// The runtime did not run the command.
    #[error("the command was not run: {0}")]
    Runtime(#[from] RuntimeError),
    /// Anything else.
    #[error("{0}")]
    Unknown(Arc<str>),
}
