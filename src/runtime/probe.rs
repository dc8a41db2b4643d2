//! The port of probes.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{ExecSyncResponse, PodReference, RuntimeError};
use crate::api::ContainerId;
use crate::container::{ProbeAnswer, ProbeCheck, ProbeKind, exec_answer, http_answer};

/// How much of what a container says to a probe is kept, in bytes.
const MOST_OUTPUT: usize = 10 * 1024;

/// Asks a container once.
///
/// See the [module](super) for what holds of every port. Whether an answer counts, and when the next question
/// is due, is decided by the machine of the probe ([`Prober`](crate::container::Prober)); a runner keeps nothing
/// between two questions and never retries.
#[async_trait]
pub trait ProbeRunner: Send + Sync {
    /// Asks, and returns the answer within [`ProbeRequest::timeout`].
    ///
    /// There is always an answer. Being too slow is [`ProbeAnswer::Failure`], and so is a connection that is
    /// refused; a question that could not be asked (the runtime cannot be reached, the pod has no address) is
    /// [`ProbeAnswer::Error`], which changes no count.
    ///
    /// Idempotent as far as the container is; with a lost answer the question is simply asked again. A caller
    /// gives up a question that takes longer than its timeout and a second.
    async fn probe(&self, request: &ProbeRequest) -> ProbeReport;
}

/// One question to one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeRequest {
    /// The pod.
    pub pod: PodReference,
    /// The pod's first address; empty when it has none. What an [`Address`](crate::container::Address) without a
    /// host means.
    pub pod_ip: Arc<str>,
    /// The container's name.
    pub container: Arc<str>,
    /// The instance.
    pub id: ContainerId,
    /// What it is asked for.
    pub kind: ProbeKind,
    /// How it is asked. Resolved once for the spec, and shared by all its questions.
    pub check: Arc<ProbeCheck>,
    /// How long the answer may take; not zero.
    pub timeout: Duration,
}

/// What a container answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeReport {
    /// What it means: the answer that the probe's machine is given.
    pub answer: ProbeAnswer,
    /// What the container said, or why it was not asked, for a person; the first 10 KiB are enough. It stands in
    /// the event that tells of the answer, [`ProbeAnswer::explain`].
    pub output: Arc<str>,
}

impl ProbeReport {
    /// What the end of a command means: its exit code counts, being too slow is a failure, and all else says that
    /// it was not run.
    ///
    /// ```
    /// use node_lifecycle::container::ProbeAnswer;
    /// use node_lifecycle::runtime::{ExecSyncResponse, ProbeReport, RuntimeError};
    /// use std::time::Duration;
    ///
    /// let ran = ExecSyncResponse { stderr: b"no such file".into(), exit_code: 1, ..Default::default() };
    /// let report = ProbeReport::of_command(Ok(ran));
    /// assert_eq!((report.answer, &*report.output), (ProbeAnswer::Failure, "no such file"));
    /// let slow = ProbeReport::of_command(Err(RuntimeError::DeadlineExceeded(Duration::from_secs(1))));
    /// assert_eq!(slow.answer, ProbeAnswer::Failure);
    /// let gone = ProbeReport::of_command(Err(RuntimeError::Unavailable("no socket".into())));
    /// assert_eq!(gone.answer, ProbeAnswer::Error);
    /// ```
    #[must_use]
    pub fn of_command(ran: Result<ExecSyncResponse, RuntimeError>) -> Self {
        match ran {
            Ok(ExecSyncResponse { mut stdout, stderr, exit_code }) => {
                stdout.extend(stderr);
                stdout.truncate(MOST_OUTPUT);
                Self { answer: exec_answer(exit_code), output: String::from_utf8_lossy(&stdout).into() }
            }
            Err(RuntimeError::DeadlineExceeded(limit)) => Self::too_slow(limit),
            Err(error) => Self::error(error),
        }
    }

    /// What an answer over HTTP means, given its status and body. The kubelet's words for the event.
    #[must_use]
    pub fn of_http(status: u16, body: &[u8]) -> Self {
        let answer = http_answer(status);
        let body = || String::from_utf8_lossy(body.get(..MOST_OUTPUT).unwrap_or(body));
        let output = match answer {
            ProbeAnswer::Success => body().into_owned(),
            ProbeAnswer::Warning => format!("Probe terminated redirects, Response body: {}", body()),
            _ => format!("HTTP probe failed with statuscode: {status}"),
        };
        Self { answer, output: output.into() }
    }

    /// There was no answer within this time, which is a failure.
    #[must_use]
    pub fn too_slow(limit: Duration) -> Self {
        Self { answer: ProbeAnswer::Failure, output: format!("no answer within {limit:?}").into() }
    }

    /// The question could not be asked, and this is why.
    #[must_use]
    pub fn error(why: impl Display) -> Self {
        Self { answer: ProbeAnswer::Error, output: why.to_string().into() }
    }
}

impl From<ProbeAnswer> for ProbeReport {
    /// Without a word.
    fn from(answer: ProbeAnswer) -> Self {
        Self { answer, output: Arc::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_kept_in_part() {
        let ran = ExecSyncResponse { stdout: vec![b'a'; 20_000], ..ExecSyncResponse::default() };
        let report = ProbeReport::of_command(Ok(ran));
        assert_eq!((report.answer, report.output.len()), (ProbeAnswer::Success, MOST_OUTPUT));
        let report = ProbeReport::of_http(200, &[b'a'; 20_000]);
        assert_eq!((report.answer, report.output.len()), (ProbeAnswer::Success, MOST_OUTPUT));
        let report = ProbeReport::of_http(503, b"secret");
        assert_eq!(&*report.output, "HTTP probe failed with statuscode: 503");
        assert_eq!(ProbeReport::of_http(302, b"").answer, ProbeAnswer::Warning);
    }
}
