//! A pod as a whole as a value that can be stored.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::publish::{Known, Sending};
use super::{Lifecycle, LifecycleSettings, Scratch};
use crate::machine::{RestoreError, Snapshots, Timestamp};
use crate::pod::{
    CompiledPod, PodProbes, PodProbesSnapshot, StatusCache, StatusCacheSnapshot, Worker, WorkerSnapshot,
};

/// A pod as a whole as a value that can be stored: its worker, its probes, what was said of it and how far that is
/// on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LifecycleSnapshot {
    /// The version of this form.
    pub version: u32,
    /// Its containers.
    pub worker: WorkerSnapshot,
    /// Its probes.
    pub probes: PodProbesSnapshot,
    /// What was said of it.
    pub statuses: StatusCacheSnapshot,
    now: Timestamp,
    known: Known,
    sending: Sending,
    seen: bool,
    wakeup: Option<Timestamp>,
}

impl LifecycleSnapshot {
    /// The version that is written and read.
    pub const VERSION: u32 = 1;

    /// The latest time that the machine had seen.
    pub(in crate::pod) const fn taken_at(&self) -> Timestamp {
        self.now
    }
}

impl Snapshots for Lifecycle {
    type Snapshot = LifecycleSnapshot;
    type Environment = (Arc<CompiledPod>, LifecycleSettings);

    fn snapshot(&self) -> LifecycleSnapshot {
        LifecycleSnapshot {
            version: LifecycleSnapshot::VERSION,
            worker: self.worker.snapshot(),
            probes: self.probes.snapshot(),
            statuses: self.statuses.snapshot(self.worker.pod()),
            now: self.now,
            known: self.known.clone(),
            sending: self.sending.clone(),
            seen: self.seen,
            wakeup: self.wakeup,
        }
    }

    fn restore(
        snapshot: LifecycleSnapshot,
        (pod, settings): (Arc<CompiledPod>, LifecycleSettings),
        now: Timestamp,
    ) -> Result<Self, RestoreError> {
        let LifecycleSnapshot {
            version,
            worker,
            probes,
            statuses,
            now: stored,
            known,
            mut sending,
            seen,
            mut wakeup,
        } = snapshot;
        if version != LifecycleSnapshot::VERSION {
            return Err(RestoreError::Version { found: version, supported: LifecycleSnapshot::VERSION });
        }
        let back = stored.since(now);
        sending.move_back(back);
        wakeup = wakeup.map(|at| at.moved_back(back));
        let mut statuses = StatusCache::restore(statuses, &pod, now)?;
        if let Some(version) = sending.version() {
            statuses.still_sending(version);
        }
        Ok(Self {
            now: stored.moved_back(back),
            worker: Worker::restore_earlier(worker, (Arc::clone(&pod), settings.worker), back)?,
            statuses,
            probes: PodProbes::restore_earlier(probes, (pod, settings.prober), back)?,
            settings,
            known,
            sending,
            seen,
            wakeup,
            scratch: Scratch::default(),
        })
    }
}
