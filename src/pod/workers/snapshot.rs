//! The pods of a node as a value that can be stored.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Workers;
use super::state::State;
use crate::behaviour::Behaviour;
use crate::machine::{RestoreError, Snapshots, Timestamp};

/// The pods of a node as a value that can be stored: where each is in its life, what was last said of it, and
/// which calls are in flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkersSnapshot {
    /// The version of this form.
    pub version: u32,
    pub(super) state: State,
}

impl WorkersSnapshot {
    /// The version that is written and read.
    pub const VERSION: u32 = 1;
}

impl Snapshots for Workers {
    type Snapshot = WorkersSnapshot;
    type Environment = Arc<Behaviour>;

    fn snapshot(&self) -> WorkersSnapshot {
        WorkersSnapshot { version: WorkersSnapshot::VERSION, state: self.state.clone() }
    }

    fn restore(
        snapshot: WorkersSnapshot,
        behaviour: Arc<Behaviour>,
        now: Timestamp,
    ) -> Result<Self, RestoreError> {
        let WorkersSnapshot { version, mut state } = snapshot;
        if version != WorkersSnapshot::VERSION {
            return Err(RestoreError::Version { found: version, supported: WorkersSnapshot::VERSION });
        }
        let mismatch = |what, found: String, expected: &str| RestoreError::Mismatch {
            what,
            found,
            expected: expected.into(),
        };
        let next = state.operations.clone().issue();
        let in_flight = state.pods.values().filter_map(|pod| pod.in_flight.as_ref());
        if let Some(call) = in_flight.into_iter().find(|call| call.operation >= next) {
            return Err(mismatch("operation", call.operation.to_string(), "one that was given out"));
        }
        for (full_name, uid) in &state.started_static {
            if state.pods.get(uid).is_none_or(|pod| pod.full_name != *full_name) {
                return Err(mismatch("static pod", uid.to_string(), "a known pod of this full name"));
            }
        }
        let back = state.now.since(now);
        if !back.is_zero() {
            state.move_back(back);
        }
        Ok(Self::with(behaviour, state))
    }
}
