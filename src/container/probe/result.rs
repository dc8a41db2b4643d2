//! What probes are for, and what they say.

use std::fmt;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProbeKind {
    /// Whether the container has started.
    Startup,
    /// Whether it is alive.
    Liveness,
    /// Whether it takes traffic.
    Readiness,
}

impl ProbeKind {
    /// All of them, in the order in which they are asked.
    pub const ALL: [Self; 3] = [Self::Startup, Self::Readiness, Self::Liveness];
}

impl fmt::Display for ProbeKind {
    /// As Kubernetes' messages have it: `Startup`, `Liveness`, `Readiness`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl ProbeResults {
    /// What the probe of a kind says.
    #[must_use]
    pub const fn of(&self, kind: ProbeKind) -> Option<ProbeResult> {
        match kind {
            ProbeKind::Startup => self.startup,
            ProbeKind::Liveness => self.liveness,
            ProbeKind::Readiness => self.readiness,
        }
    }

    /// Takes over what the probe of a kind says.
    pub const fn set(&mut self, kind: ProbeKind, result: Option<ProbeResult>) {
        *match kind {
            ProbeKind::Startup => &mut self.startup,
            ProbeKind::Liveness => &mut self.liveness,
            ProbeKind::Readiness => &mut self.readiness,
        } = result;
    }
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
