//! What is remembered of one pod, and of all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use crate::api::{ContainerId, Pod, Uid};
use crate::container::{PodRecords, RecordState, SandboxState};
use crate::machine::{Machine, OperationId, Operations, Timestamp};
use crate::pod::{Lifecycle, RuntimeState, WorkersAction};

/// What is remembered beside the pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    /// The latest time seen.
    pub(super) now: Timestamp,
    /// The epoch of the next lifecycle: two of one UID never share an operation's name.
    pub(super) epoch: u32,
    /// The operations of the machine's own.
    pub(super) operations: Operations,
    /// Until when, and over which time, the probes of new pods are spread.
    pub(super) jitter: (Timestamp, Duration),
    pub(super) wanted: Arc<BTreeSet<Uid>>,
    pub(super) sources_ready: bool,
    /// The latest full observation of this life of the agent.
    pub(super) latest: Option<Latest>,
    /// Pods that were dropped since: what was observed before says nothing of their next life.
    pub(super) dropped: BTreeMap<Uid, Timestamp>,
    /// The highest version of a status that was sent.
    pub(super) versions: u64,
    /// Containers that are known to be reported under two pods.
    pub(super) shared: BTreeSet<ContainerId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Latest {
    pub(super) at: Timestamp,
    pub(super) pods: Arc<BTreeMap<Uid, PodRecords>>,
}

impl State {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            now,
            epoch: 1,
            operations: Operations::of_epoch(0),
            jitter: (now, Duration::ZERO),
            wanted: Arc::default(),
            sources_ready: false,
            latest: None,
            dropped: BTreeMap::new(),
            versions: 0,
            shared: BTreeSet::new(),
        }
    }

    pub(super) fn move_back(&mut self, by: Duration) {
        let back = |at: &mut Timestamp| *at = at.moved_back(by);
        back(&mut self.now);
        back(&mut self.jitter.0);
        self.latest.iter_mut().for_each(|latest| back(&mut latest.at));
        self.dropped.values_mut().for_each(back);
    }

    /// Whether what was observed at `at` is older than a pod's life.
    pub(super) fn is_before_life(&self, uid: &Uid, at: Timestamp) -> bool {
        self.dropped.get(uid).is_some_and(|dropped| *dropped >= at)
    }

    /// The latest that was observed of a pod, if it says something of it.
    pub(super) fn latest_of(&self, uid: &Uid) -> Option<(Timestamp, PodRecords)> {
        let Latest { at, pods } = self.latest.as_ref()?;
        (!self.is_before_life(uid, *at)).then(|| (*at, pods.get(uid).cloned().unwrap_or_default()))
    }
}

/// One pod: what is remembered of it, and its machine once it was let through.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub(super) memory: Memory,
    pub(super) life: Option<Life>,
    /// Where it stands in the index of deadlines.
    pub(super) due: Option<Timestamp>,
}

/// A pod's machine.
#[derive(Debug, Clone)]
pub(super) struct Life {
    /// The pod that it is of, as it was last taken.
    pub(super) of: Arc<Pod>,
    /// Its mirror, as it was last taken.
    pub(super) mirror: Option<Arc<Pod>>,
    pub(super) machine: Lifecycle,
    /// Whether it is no more than what the runtime has: the pod's spec is not known, or cannot be.
    pub(super) remains: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Memory {
    /// The pod as it was last offered.
    pub(super) pod: Option<Arc<Pod>>,
    /// Its mirror as it was last offered with it.
    pub(super) mirror: Option<Arc<Pod>>,
    /// What waits for the pod's machine to come so far.
    pub(super) call: Option<(OperationId, Call)>,
    /// What waits for the last life of the UID to be over.
    pub(super) postponed: Option<WorkersAction>,
    /// When it is looked at again.
    pub(super) requeue_at: Option<Timestamp>,
    /// What the runtime kept is being read, and when that is given up.
    pub(super) reading: Option<(OperationId, Timestamp)>,
    /// Whether its source has to offer it in this life of the agent before anything is done.
    pub(super) held: bool,
    /// Whether it is forgotten, and what is left of it still has to go.
    pub(super) leaving: bool,
    /// When something last happened to it.
    pub(super) stepped_at: Timestamp,
    /// Whether it was observed since.
    pub(super) settled: bool,
    pub(super) refusal: Option<Refusal>,
    /// What the versions of its statuses count on from.
    pub(super) version_base: u64,
}

/// What a call waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Call {
    /// The end of the last container.
    Terminating,
    /// The release of what was prepared.
    Terminated,
    /// The end of all that the runtime has.
    Runtime,
}

impl Entry {
    /// When the next thing is due.
    pub(super) fn next_wakeup(&self) -> Option<Timestamp> {
        let Memory { requeue_at, reading, refusal, .. } = &self.memory;
        let life = self.life.as_ref().and_then(|life| life.machine.next_wakeup());
        let reading = reading.map(|(_, until)| until);
        let refusal = refusal.as_ref().and_then(Refusal::next_wakeup);
        [life, *requeue_at, reading, refusal].into_iter().flatten().min()
    }

    pub(super) fn move_back(&mut self, by: Duration) {
        let Memory { requeue_at, reading, refusal, stepped_at, .. } = &mut self.memory;
        let reading = reading.iter_mut().map(|(_, until)| until);
        let instants = requeue_at.iter_mut().chain(reading).chain([stepped_at]);
        instants.for_each(|at| *at = at.moved_back(by));
        refusal.iter_mut().for_each(|refusal| refusal.move_back(by));
    }
}

/// What the runtime has of a pod, in short. What it does not know of counts as running.
pub(super) fn state_of(records: &PodRecords) -> RuntimeState {
    let runs = |state: &RecordState| matches!(state, RecordState::Running { .. } | RecordState::Unknown);
    if records.containers.iter().any(|record| runs(&record.state)) {
        RuntimeState::Running
    } else if records.sandboxes.iter().any(|sandbox| sandbox.state == SandboxState::Ready) {
        RuntimeState::SandboxOnly
    } else if records.sandboxes.is_empty() && records.containers.is_empty() {
        RuntimeState::Nothing
    } else {
        RuntimeState::Exited
    }
}
