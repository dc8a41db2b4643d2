//! What is asked of a container from outside, and what came of it.

use serde::{Deserialize, Serialize};

/// What the probes of one container say of its latest instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProbeResults {
    /// The startup probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub startup: Option<ProbeResult>,
    /// The liveness probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liveness: Option<ProbeResult>,
    /// The readiness probe. No plan reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readiness: Option<ProbeResult>,
}

/// What a probe is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProbeKind {
    /// Whether the container has started.
    Startup,
    /// Whether it is alive.
    Liveness,
    /// Whether it takes traffic.
    Readiness,
}

/// What a probe says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProbeResult {
    /// Yes.
    Success,
    /// No.
    Failure,
    /// Not yet.
    Unknown,
}
