//! What happens to a probe, and what is to be done about it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::HandlerError;
use super::{CompiledProbe, ProbeCheck, ProbeKind, ProbeResult};
use crate::api::{ContainerId, PodPhase};
use crate::machine::{OperationId, Timestamp};

/// What can happen to a probe.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ProberEvent {
    /// The container and its pod, as their status shows them. Whoever drives the machine says so whenever it
    /// changed.
    Seen(Sight),
    /// The probe is wanted now rather than a period later, as for readiness while a status is made that is not
    /// ready. Where nothing may be asked now, nothing is; while an attempt is under way, a run follows it.
    Run,
    /// What an attempt came to.
    Answered {
        /// The attempt's operation.
        operation: OperationId,
        /// The answer.
        answer: ProbeAnswer,
    },
    /// Its spec changed. One for another kind is passed over.
    Updated(Arc<CompiledProbe>),
    /// The agent has been restarted: an attempt that was under way is void, and nothing is asked before the next
    /// [`Seen`](Self::Seen). Results, runs and holds go on.
    AgentStarted {
        /// The number of the agent's life, higher than any before.
        epoch: u32,
        /// How long nothing is asked, so that the probes of a node do not all start at once: a random part of
        /// the period, which is also the most that counts.
        jitter: Duration,
    },
}

/// What a probe sees: its container, and the pod around it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sight {
    /// The pod.
    pub pod: PodSight,
    /// The latest instance of the container; `None` while there is none, or nothing is known of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceSight>,
}

/// What a probe has to know of its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodSight {
    /// Its phase.
    pub phase: PodPhase,
    /// Whether it is being stopped for good: it is deleted, evicted, …
    pub deleted: bool,
}

impl Default for PodSight {
    /// A pod of which nothing is known.
    fn default() -> Self {
        Self { phase: PodPhase::Unknown, deleted: false }
    }
}

/// One instance of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceSight {
    /// The runtime's name of it. (A status without an id is of no instance yet.)
    pub id: ContainerId,
    /// What it does.
    pub state: InstanceState,
    /// Whether it counts as started, which [`is_started`](super::is_started) decides.
    pub started: bool,
}

/// What an instance does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum InstanceState {
    /// It does not run, and it may again.
    Waiting,
    /// It runs.
    Running {
        /// Since when. One that is still to come counts as the time at which it was first seen.
        started_at: Timestamp,
    },
    /// It has ended.
    Terminated,
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProbeAnswer {
    /// Yes.
    Success,
    /// Yes, but: it counts as a success.
    Warning,
    /// No.
    Failure,
    /// Neither: it counts as a failure.
    Unknown,
    /// The attempt could not be made. It is made again, three times at most; then the run counts for nothing.
    Error,
}

impl ProbeAnswer {
    /// The reason of the event that a kubelet writes about it; none about a success.
    #[must_use]
    pub const fn event_reason(self) -> Option<&'static str> {
        match self {
            Self::Success => None,
            Self::Warning => Some("ProbeWarning"),
            Self::Failure | Self::Unknown | Self::Error => Some("Unhealthy"),
        }
    }

    /// The message of that event, given what the check put out or why it could not be made. An error is worth an
    /// event when the run came to nothing, which [`ProberAction::Errored`] says.
    ///
    /// ```
    /// use node_lifecycle::container::{ProbeAnswer, ProbeKind};
    ///
    /// let output = "HTTP probe failed with statuscode: 503";
    /// assert_eq!(
    ///     ProbeAnswer::Failure.explain(ProbeKind::Readiness, output).unwrap(),
    ///     "Readiness probe failed: HTTP probe failed with statuscode: 503"
    /// );
    /// ```
    #[must_use]
    pub fn explain(self, probe: ProbeKind, output: &str) -> Option<String> {
        let what = match self {
            Self::Success => return None,
            Self::Warning => "warning",
            Self::Failure | Self::Unknown => "failed",
            Self::Error => "errored and resulted in unknown state",
        };
        Some(format!("{probe} probe {what}: {output}"))
    }
}

/// What is to be done about a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "action")]
pub enum ProberAction {
    /// Ask once. Answered by [`ProberEvent::Answered`].
    Attempt {
        /// The operation.
        operation: OperationId,
        /// The instance that is asked.
        id: ContainerId,
        /// Which probe.
        probe: ProbeKind,
        /// How long the answer may take; none until then is a [`ProbeAnswer::Failure`].
        timeout: Duration,
        /// What to do.
        check: Arc<ProbeCheck>,
    },
    /// The probe says something else than before, or something of a new instance.
    Changed {
        /// The instance.
        id: ContainerId,
        /// Which probe.
        probe: ProbeKind,
        /// What it says.
        result: ProbeResult,
    },
    /// A run came to nothing, and changes nothing.
    Errored {
        /// The instance that was to be asked.
        id: ContainerId,
        /// Which probe.
        probe: ProbeKind,
        /// Why.
        fault: ProbeFault,
    },
    /// The probe is over; what it said counts no more.
    Ended {
        /// Which probe.
        probe: ProbeKind,
    },
}

/// Why a run came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ProbeFault {
    /// The spec does not say what to ask.
    #[error(transparent)]
    Check(HandlerError),
    /// None of its attempts could be made, or was answered in time.
    #[error("no attempt could be made")]
    NoAnswer,
}
