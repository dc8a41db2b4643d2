//! What the puller remembers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::progress::Heard;
use super::verify::{Held, Signatures};
use super::{PullId, PullRequest, PullUrgency, TokenBucket};
use crate::api::Uid;
use crate::container::BackOff;
use crate::image::ImageReference;
use crate::machine::{OperationId, Operations, Timestamp};

/// What the puller remembers.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) now: Timestamp,
    pub(super) operations: Operations,
    /// What is wanted and not answered.
    pub(super) requests: BTreeMap<PullId, Asked>,
    /// The questions in flight whether an image is there.
    pub(super) looks: BTreeMap<OperationId, PullId>,
    /// What has to be pulled, and by whom it is wanted.
    pub(super) pulls: BTreeMap<Target, Pull>,
    /// Those that wait for their turn, the first to go first.
    pub(super) queue: BTreeMap<Rank, Target>,
    /// Of these, those that are wanted now, the first to come first.
    pub(super) arrivals: BTreeMap<u64, Target>,
    /// Those under way.
    pub(super) running: BTreeMap<OperationId, Target>,
    /// Images and credentials of those under way.
    pub(super) busy: BTreeSet<(ImageReference, Arc<str>)>,
    /// When operations are given up.
    pub(super) deadlines: BTreeSet<(Timestamp, OperationId)>,
    /// When a pull can begin that cannot now, though there is room for it.
    pub(super) blocked_until: Option<Timestamp>,
    pub(super) bucket: Option<TokenBucket>,
    pub(super) back_off: BackOff<String>,
    /// Why the pulls have failed that are not tried yet.
    pub(super) errors: BTreeMap<String, Arc<str>>,
    /// How many pulls have begun since it was the turn of the one that had waited longest.
    pub(super) turns: u32,
    /// How many requests have come.
    pub(super) arrived: u64,
    /// Images that were fetched ahead of time and nobody has used: what containers are made from, and its size.
    pub(super) prefetched: BTreeMap<ImageReference, (Arc<str>, u64)>,
    /// From when something may be fetched ahead of time.
    pub(super) prefetch_from: Timestamp,
    /// What is known of signatures.
    pub(super) signatures: Signatures,
}

/// Something that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    pub(super) request: Arc<PullRequest>,
    /// The reference with its tag.
    pub(super) image: Arc<str>,
    pub(super) target: Target,
    /// Its number in the order of arrival.
    pub(super) arrived: u64,
    /// The question whether it is there, and when that is given up.
    pub(super) look: Option<(OperationId, Timestamp)>,
    /// Whether that was asked a second time, after someone else had pulled it.
    pub(super) looked_again: bool,
    /// What it gets once its signature is known to be in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) held: Option<Box<Held>>,
    /// When it came.
    pub(super) since: Timestamp,
}

/// What one pull is for: requests of the same share it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Target {
    pub(super) image: ImageReference,
    pub(super) credentials: Arc<str>,
    pub(super) runtime_handler: Arc<str>,
    /// The pod that has it to itself, where the image is not cached.
    pub(super) owner: Option<Uid>,
}

/// A pull, and by whom it is wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Pull {
    pub(super) wanted_by: BTreeSet<PullId>,
    pub(super) stage: Stage,
}

#[derive(Debug, Clone)]
pub(super) enum Stage {
    /// It waits for its turn: its place in both orders.
    Queued {
        rank: Rank,
        oldest: Option<u64>,
    },
    Running(Box<Running>),
}

/// A pull under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Running {
    pub(super) operation: OperationId,
    /// The reference with its tag.
    pub(super) image: Arc<str>,
    pub(super) started: Timestamp,
    pub(super) until: Timestamp,
    pub(super) is_cancelled: bool,
    /// Whether it is only fetched ahead of time.
    pub(super) is_prefetch: bool,
    /// The reference to make containers from, once that can be done.
    pub(super) usable: Option<Arc<str>>,
    pub(super) heard: Option<Heard>,
}

/// The place in the queue: the least goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) is_prefetch: bool,
    urgency: Reverse<PullUrgency>,
    arrived: u64,
}

impl Rank {
    const LAST: Self = Self {
        is_prefetch: true,
        urgency: Reverse(PullUrgency {
            node_critical: false,
            blocks_next_container: false,
            priority: i32::MIN,
        }),
        arrived: u64::MAX,
    };
}

impl Default for Stage {
    fn default() -> Self {
        Self::Queued { rank: Rank::LAST, oldest: None }
    }
}

impl Asked {
    /// Its place in the queue.
    pub(super) fn rank(&self, by_arrival: bool) -> Rank {
        let urgency = if by_arrival { PullUrgency::default() } else { self.request.urgency };
        Rank { is_prefetch: self.request.prefetch, urgency: Reverse(urgency), arrived: self.arrived }
    }
}

impl Target {
    /// By what the delays go.
    pub(super) fn back_off_key(&self) -> String {
        format!("{} {}", self.credentials, self.image)
    }

    /// No two pulls of these are under way at once.
    pub(super) fn key(&self) -> (ImageReference, Arc<str>) {
        (self.image.clone(), Arc::clone(&self.credentials))
    }
}

impl Pull {
    pub(super) const fn running(&self) -> Option<&Running> {
        match &self.stage {
            Stage::Running(running) => Some(running),
            Stage::Queued { .. } => None,
        }
    }

    pub(super) const fn running_mut(&mut self) -> Option<&mut Running> {
        match &mut self.stage {
            Stage::Running(running) => Some(running),
            Stage::Queued { .. } => None,
        }
    }
}

impl State {
    /// Joins a request to its pull, which waits for its turn if it is not under way.
    pub(super) fn join(&mut self, id: &PullId, by_arrival: bool) {
        let Some(asked) = self.requests.get(id) else { return };
        let (rank, arrived) = (asked.rank(by_arrival), asked.arrived);
        let pull = self.pulls.entry(asked.target.clone()).or_default();
        let was_wanted = !pull.wanted_by.is_empty();
        pull.wanted_by.insert(id.clone());
        match &mut pull.stage {
            Stage::Running(running) => {
                running.is_prefetch = rank.is_prefetch && (running.is_prefetch || !was_wanted);
            }
            Stage::Queued { rank: first, oldest } => {
                let was_first = *first;
                if rank < was_first {
                    self.queue.remove(&was_first);
                    self.queue.insert(rank, asked.target.clone());
                    *first = rank;
                }
                if !rank.is_prefetch && oldest.is_none_or(|oldest| arrived < oldest) {
                    let was_oldest = oldest.replace(arrived);
                    was_oldest.and_then(|oldest| self.arrivals.remove(&oldest));
                    self.arrivals.insert(arrived, asked.target.clone());
                }
            }
        }
    }

    /// Takes a request from its pull, which keeps its place for the others. It may be wanted by nobody then.
    pub(super) fn leave(&mut self, id: &PullId, target: &Target, by_arrival: bool) {
        let Some(pull) = self.pulls.get_mut(target) else { return };
        if !pull.wanted_by.remove(id) {
            return;
        }
        match &mut pull.stage {
            Stage::Running(running) if !pull.wanted_by.is_empty() => {
                let mut left = pull.wanted_by.iter().filter_map(|id| self.requests.get(id));
                running.is_prefetch = left.all(|asked| asked.request.prefetch);
            }
            Stage::Running(_) => {}
            Stage::Queued { .. } => self.requeue(target, by_arrival),
        }
    }

    /// Gives a pull its place in the queue by who wants it; one that nobody wants is forgotten.
    pub(super) fn requeue(&mut self, target: &Target, by_arrival: bool) {
        let Some(pull) = self.pulls.remove(target) else { return };
        match pull.stage {
            Stage::Running(running) => {
                self.running.remove(&running.operation);
                self.busy.remove(&target.key());
                self.deadlines.remove(&(running.until, running.operation));
            }
            Stage::Queued { rank, oldest } => {
                self.queue.remove(&rank);
                oldest.and_then(|oldest| self.arrivals.remove(&oldest));
            }
        }
        for id in pull.wanted_by {
            self.join(&id, by_arrival);
        }
    }

    /// Moves when an operation is given up.
    pub(super) fn set_deadline(&mut self, target: &Target, until: Timestamp) {
        let Some(running) = self.pulls.get_mut(target).and_then(Pull::running_mut) else { return };
        self.deadlines.remove(&(running.until, running.operation));
        self.deadlines.insert((until, running.operation));
        running.until = until;
    }
}
