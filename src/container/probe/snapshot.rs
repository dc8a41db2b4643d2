//! A prober as a value that can be stored.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::state::State;
use super::{CompiledProbe, ProbeKind, Prober, ProberSettings};
use crate::machine::{RestoreError, Snapshots, Timestamp};

/// A prober as a value that can be stored: what it remembers and what it last saw, without what follows from the
/// spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProberSnapshot {
    /// The version of this form.
    pub version: u32,
    /// Which probe it is.
    pub probe: ProbeKind,
    state: State,
}

impl ProberSnapshot {
    /// The version that is written and read.
    pub const VERSION: u32 = 1;
}

impl Snapshots for Prober {
    type Snapshot = ProberSnapshot;
    type Environment = (Arc<CompiledProbe>, ProberSettings);

    fn snapshot(&self) -> ProberSnapshot {
        let (version, probe) = (ProberSnapshot::VERSION, self.probe.kind);
        ProberSnapshot { version, probe, state: self.state.clone() }
    }

    fn restore(
        snapshot: ProberSnapshot,
        environment: (Arc<CompiledProbe>, ProberSettings),
        now: Timestamp,
    ) -> Result<Self, RestoreError> {
        let back = snapshot.state.now.since(now);
        Self::restore_earlier(snapshot, environment, back)
    }
}

impl Prober {
    /// Restores with every instant moved back.
    pub(crate) fn restore_earlier(
        snapshot: ProberSnapshot,
        (probe, settings): (Arc<CompiledProbe>, ProberSettings),
        back: Duration,
    ) -> Result<Self, RestoreError> {
        let ProberSnapshot { version, probe: kind, mut state } = snapshot;
        if version != ProberSnapshot::VERSION {
            return Err(RestoreError::Version { found: version, supported: ProberSnapshot::VERSION });
        }
        if kind != probe.kind {
            let (found, expected) = (kind.to_string(), probe.kind.to_string());
            return Err(RestoreError::Mismatch { what: "probe", found, expected });
        }
        if !back.is_zero() {
            state.move_back(back);
        }
        let mut prober = Self { probe, settings, state, wakeup: None };
        prober.wakeup = prober.compute_wakeup();
        Ok(prober)
    }
}
