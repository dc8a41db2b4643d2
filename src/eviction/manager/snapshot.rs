//! The manager as a value that can be stored.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Manager;
use super::state::{Phase, State};
use super::tick::Tick;
use crate::behaviour::Behaviour;
use crate::eviction::EvictionConfig;
use crate::machine::{RestoreError, Snapshots, Timestamp};

/// The manager as a value that can be stored: since when thresholds are met, which conditions hold, whose cleanup is
/// waited for; and in the middle of a tick what was observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagerSnapshot {
    /// The version of this form.
    pub version: u32,
    state: State,
    tick: Option<Tick>,
}

impl ManagerSnapshot {
    /// The version that is written and read.
    pub const VERSION: u32 = 1;
}

impl Snapshots for Manager {
    type Snapshot = ManagerSnapshot;
    type Environment = (EvictionConfig, Arc<Behaviour>);

    fn snapshot(&self) -> ManagerSnapshot {
        let is_in_tick = matches!(self.state.phase, Phase::Reclaim { .. } | Phase::Check { .. });
        ManagerSnapshot {
            version: ManagerSnapshot::VERSION,
            state: self.state.clone(),
            tick: is_in_tick.then(|| self.tick.clone()),
        }
    }

    /// Thresholds that the configuration does not have any more are forgotten, and new ones begin anew; the middle of a
    /// tick goes on only with the thresholds that it began with.
    fn restore(
        snapshot: ManagerSnapshot,
        (config, behaviour): (EvictionConfig, Arc<Behaviour>),
        now: Timestamp,
    ) -> Result<Self, RestoreError> {
        let ManagerSnapshot { version, mut state, tick } = snapshot;
        if version != ManagerSnapshot::VERSION {
            return Err(RestoreError::Version { found: version, supported: ManagerSnapshot::VERSION });
        }
        config.validate(behaviour.compat).map_err(|error| RestoreError::Mismatch {
            what: "eviction configuration",
            found: error.to_string(),
            expected: "a valid one".into(),
        })?;
        let mut tick = tick.unwrap_or_default();
        let back = state.now.since(now);
        if !back.is_zero() {
            state.move_back(back);
            tick.move_back(back);
        }
        let mut restored = Self { config, behaviour, state, tick };
        let before = restored.state.watches.clone();
        restored.state.watch(restored.thresholds());
        let same =
            |(now, before): (&super::state::Watch, &super::state::Watch)| now.threshold == before.threshold;
        let are_same = before.len() == restored.state.watches.len()
            && restored.state.watches.iter().zip(&before).all(same);
        if !are_same && matches!(restored.state.phase, Phase::Reclaim { .. } | Phase::Check { .. }) {
            restored.state.phase = Phase::Interval { until: restored.state.now + Duration::from_nanos(1) };
        }
        Ok(restored)
    }
}
