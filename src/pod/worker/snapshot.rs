//! A worker as a value that can be stored.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::state::State;
use super::{Scratch, Worker, WorkerSettings};
use crate::api::Uid;
use crate::container::{ContainerIndex, PodRecords};
use crate::machine::{RestoreError, Snapshots, Timestamp};
use crate::pod::{CompiledPod, Observed};

/// A worker as a value that can be stored: what it remembers and what it last saw, without what follows from
/// the pod's spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerSnapshot {
    /// The version of this form.
    pub version: u32,
    /// The pod's identity.
    pub uid: Uid,
    /// The names of its containers, in the order of their indices.
    pub containers: Vec<String>,
    records: PodRecords,
    state: State,
    wakeup: Option<Timestamp>,
}

impl WorkerSnapshot {
    /// The version that is written and read.
    pub const VERSION: u32 = 2;
}

impl Snapshots for Worker {
    type Snapshot = WorkerSnapshot;
    type Environment = (Arc<CompiledPod>, WorkerSettings);

    fn snapshot(&self) -> WorkerSnapshot {
        WorkerSnapshot {
            version: WorkerSnapshot::VERSION,
            uid: self.pod.uid.clone(),
            containers: self.pod.containers().iter().map(|container| container.name.to_string()).collect(),
            records: self.observed.records().clone(),
            state: self.state.clone(),
            wakeup: self.wakeup,
        }
    }

    fn restore(
        snapshot: WorkerSnapshot,
        environment: (Arc<CompiledPod>, WorkerSettings),
        now: Timestamp,
    ) -> Result<Self, RestoreError> {
        let back = snapshot.state.now.since(now);
        Self::restore_earlier(snapshot, environment, back)
    }
}

impl Worker {
    /// Restores with every instant moved back.
    pub(in crate::pod) fn restore_earlier(
        snapshot: WorkerSnapshot,
        (pod, settings): (Arc<CompiledPod>, WorkerSettings),
        back: Duration,
    ) -> Result<Self, RestoreError> {
        let WorkerSnapshot { version, uid, containers, records, mut state, mut wakeup } = snapshot;
        if version != WorkerSnapshot::VERSION {
            return Err(RestoreError::Version { found: version, supported: WorkerSnapshot::VERSION });
        }
        let mismatch =
            |what, found: String, expected: String| Err(RestoreError::Mismatch { what, found, expected });
        if uid != pod.uid {
            return mismatch("uid", uid.to_string(), pod.uid.to_string());
        }
        let names: Vec<&str> = pod.containers().iter().map(|container| &*container.name).collect();
        if containers != names || state.tracks.len() != names.len() {
            return mismatch("containers", containers.join(", "), names.join(", "));
        }
        let beyond = |index: &ContainerIndex| index.at() >= names.len();
        let calls = state.in_flight.iter().filter_map(|operation| operation.call.container());
        let stops = state.termination.instances().filter_map(|(_, container, _)| container);
        if let Some(index) = calls.chain(stops).find(beyond) {
            return mismatch("container index", index.0.to_string(), format!("less than {}", names.len()));
        }
        if !back.is_zero() {
            state.move_back(back);
            wakeup = wakeup.map(|at| at.moved_back(back));
        }
        state.crash_loop.set_settings(settings.crash_loop);
        state.image_back_off.set_settings(settings.image_back_off);
        let observed = Observed::new(&pod, records);
        Ok(Self { pod, settings, state, observed, wakeup, scratch: Scratch::default() })
    }
}
