//! What is remembered of the pods of a node.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{PodStage, PodSubject, RuntimeState, StatusOverride, UpdateType};
use crate::api::{Pod, Uid};
use crate::machine::{OperationId, Operations, Timestamp};

/// Everything that the machine remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    /// The latest time seen.
    pub(super) now: Timestamp,
    pub(super) operations: Operations,
    /// Whether all sources have been read in this life of the agent.
    pub(super) sources_read: bool,
    /// When the runtime was last listed in full, in this life of the agent.
    pub(super) listed_at: Option<Timestamp>,
    pub(super) runtime: BTreeMap<Uid, RuntimeSeen>,
    pub(super) pods: BTreeMap<Uid, PodState>,
    /// By full name, the static pod that has it.
    pub(super) started_static: BTreeMap<Arc<str>, Uid>,
    /// By full name, the static pods that wait for it, in the order in which they came.
    pub(super) waiting_static: BTreeMap<Arc<str>, Vec<Uid>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RuntimeSeen {
    pub(super) state: RuntimeState,
    pub(super) at: Timestamp,
}

/// What is remembered of one pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodState {
    /// As it was when the pod was first seen.
    pub(super) full_name: Arc<str>,
    pub(super) life: Life,
    /// Whether its containers are being stopped, or have been: nothing is started any more.
    pub(super) termination_started: bool,
    /// Whether it was let through: anything may have been made of it.
    pub(super) started: bool,
    /// Whether the runtime had it when it was killed.
    pub(super) observed_runtime: bool,
    /// Whether it was deleted, or no source wants it.
    pub(super) deleted: bool,
    pub(super) evicted: bool,
    /// Whether a source offered the UID anew while the pod was going.
    pub(super) restart_requested: bool,
    /// Whether someone spoke of it in this life of the agent.
    pub(super) offered: bool,
    /// Whether a source offered it as new in this life of the agent, or it was first seen in it.
    pub(super) introduced: bool,
    /// Whether no source wanted it when all of them were last read.
    pub(super) orphan: bool,
    /// Whether it was terminal at first sight, and the runtime still has to say whether anything runs.
    pub(super) unchecked_terminal: bool,
    /// What was last acted on.
    pub(super) active: Option<Work>,
    /// The newest update that was not acted on.
    pub(super) pending: Option<Work>,
    pub(super) in_flight: Option<InFlight>,
}

/// Where a pod is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Life {
    Sync,
    Terminating {
        since: Timestamp,
        /// Seconds, once someone said something about it.
        grace: Option<i64>,
        status: Option<Arc<StatusOverride>>,
        /// Who wants to know when its containers have stopped.
        notices: Vec<Arc<str>>,
    },
    Terminated {
        since: Timestamp,
    },
    Finished {
        since: Timestamp,
    },
}

impl Life {
    pub(super) const fn terminating(now: Timestamp) -> Self {
        Self::Terminating { since: now, grace: None, status: None, notices: Vec::new() }
    }
}

/// An update, as far as it is acted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Work {
    pub(super) kind: UpdateType,
    pub(super) subject: PodSubject,
    pub(super) mirror: Option<Arc<Pod>>,
    /// Seconds, where the pod goes and the update said so.
    pub(super) grace: Option<i64>,
}

/// A call whose outcome has not come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InFlight {
    pub(super) operation: OperationId,
    pub(super) call: Call,
    pub(super) since: Timestamp,
    pub(super) canceled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Call {
    Sync,
    Terminating,
    TerminatingRuntime,
    Terminated,
}

impl State {
    pub(super) const fn new(now: Timestamp) -> Self {
        Self {
            now,
            operations: Operations::of_epoch(0),
            sources_read: false,
            listed_at: None,
            runtime: BTreeMap::new(),
            pods: BTreeMap::new(),
            started_static: BTreeMap::new(),
            waiting_static: BTreeMap::new(),
        }
    }

    /// What the runtime has of a pod, and as of when. `None` before it was listed.
    pub(super) fn runtime_of(&self, uid: &Uid) -> Option<RuntimeSeen> {
        let at = self.listed_at?;
        Some(self.runtime.get(uid).copied().unwrap_or(RuntimeSeen { state: RuntimeState::Nothing, at }))
    }

    pub(super) fn move_back(&mut self, by: Duration) {
        let back = |at: &mut Timestamp| *at = at.moved_back(by);
        back(&mut self.now);
        self.listed_at.iter_mut().for_each(back);
        self.runtime.values_mut().for_each(|seen| back(&mut seen.at));
        for pod in self.pods.values_mut() {
            match &mut pod.life {
                Life::Sync => {}
                Life::Terminating { since, .. } | Life::Terminated { since } | Life::Finished { since } => {
                    back(since);
                }
            }
            pod.in_flight.iter_mut().for_each(|call| back(&mut call.since));
        }
    }
}

impl PodState {
    pub(super) fn new(subject: &PodSubject) -> Self {
        Self {
            full_name: subject.full_name().into(),
            life: Life::Sync,
            termination_started: false,
            started: false,
            observed_runtime: false,
            deleted: false,
            evicted: false,
            restart_requested: false,
            offered: true,
            introduced: true,
            orphan: false,
            unchecked_terminal: false,
            active: None,
            pending: None,
            in_flight: None,
        }
    }

    pub(super) const fn stage(&self) -> PodStage {
        match self.life {
            Life::Sync => PodStage::Sync,
            Life::Terminating { .. } => PodStage::Terminating,
            Life::Terminated { .. } => PodStage::Terminated,
            Life::Finished { .. } => PodStage::Finished,
        }
    }

    /// Whether it goes or has gone.
    pub(super) const fn is_termination_requested(&self) -> bool {
        !matches!(self.life, Life::Sync)
    }

    /// Whether all of its containers have stopped.
    pub(super) const fn is_terminated(&self) -> bool {
        matches!(self.life, Life::Terminated { .. } | Life::Finished { .. })
    }

    pub(super) const fn is_finished(&self) -> bool {
        matches!(self.life, Life::Finished { .. })
    }

    /// The pod as a source last had it, the newest first.
    pub(super) fn newest(&self) -> Option<&Arc<Pod>> {
        let known = [&self.pending, &self.active].into_iter().flatten();
        known.filter_map(|work| work.subject.pod()).next()
    }

    /// Takes an update as what is acted on from now on.
    pub(super) fn activate(&mut self, work: &Work) {
        let before = self.active.take();
        let (mirror, grace) = before.map_or((None, None), |before| (before.mirror, before.grace));
        self.active = Some(Work {
            kind: UpdateType::Sync,
            subject: work.subject.clone(),
            mirror: work.mirror.clone().or(mirror),
            grace: work.grace.or(grace),
        });
    }

    /// Plays what was last acted on once more, unless something newer waits.
    pub(super) fn replay(&mut self) {
        if self.pending.is_none() {
            self.pending.clone_from(&self.active);
        }
    }
}
