//! What a worker remembers.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::note::Noted;
use super::{ContainerView, StopReason, Verdict, WaitingReason, WorkerSettings};
use crate::api::{ContainerId, ContainerStatus, Pod, PodPhase, SandboxId};
use crate::container::{BackOff, ContainerIndex, ContainerSet, CrashLoop, ProbeResults};
use crate::machine::{OperationId, Operations, Timestamp};
use crate::pod::{CompiledPod, NeededImage, Termination, pod_grace_seconds};

/// Everything that a worker remembers beside the runtime's records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The latest time seen.
    pub(super) now: Timestamp,
    pub(super) stage: Stage,
    /// When the node accepted the pod: its active deadline counts from here.
    pub(super) started_at: Timestamp,
    /// Whether deletion began.
    pub(super) deleted: bool,
    pub(super) verdict: Option<Verdict>,
    /// The phase as it was last reported.
    pub(super) phase: PodPhase,
    /// The phase for ever.
    pub(super) end: Option<PodPhase>,
    /// Whether there has been a full observation in this life of the agent.
    pub(super) synced: bool,
    /// When the last full observation was made.
    pub(super) observed_at: Option<Timestamp>,
    /// One entry a container, in the order of their indices.
    pub(super) tracks: Vec<Track>,
    /// App containers that are killed in order to be started again, whatever their policy.
    pub(super) restarting: ContainerSet,
    /// Instances that the plan stopped together with the whole pod, as long as they are known.
    pub(super) killed: Vec<ContainerId>,
    /// All containers are restarted together (KEP-5532).
    pub(super) again: Option<Again>,
    /// Containers whose `postStart` hook has not come back.
    pub(super) hooks_pending: ContainerSet,
    pub(super) termination: Termination,
    pub(super) operations: Operations,
    pub(super) in_flight: Vec<InFlight>,
    pub(super) resources: Resources,
    /// When the next call about resources may be made, after a failure.
    pub(super) resources_retry_at: Option<Timestamp>,
    /// When the next call about the sandbox may be made, after a failure.
    pub(super) sandbox_retry_at: Option<Timestamp>,
    pub(super) highest_sandbox_attempt: Option<u32>,
    /// By the containers' spec hashes.
    pub(super) crash_loop: CrashLoop<u64>,
    /// By the containers' spec hashes.
    pub(super) image_back_off: BackOff<u64>,
    /// Instances that something is known of by an event or an outcome, and since when; a report made before
    /// says nothing of them.
    pub(super) news: Vec<(ContainerId, Timestamp)>,
    /// The same for sandboxes.
    pub(super) sandbox_news: Vec<(SandboxId, Timestamp)>,
    /// Instances of init containers that ended with an earlier sandbox: they count no more.
    pub(super) purged: Vec<ContainerId>,
    /// Until when the pod does not come to its end: something may have been made that nobody has seen.
    pub(super) unsettled_until: Option<Timestamp>,
    /// Whether it was said that all containers have ended.
    pub(super) said_terminated: bool,
    /// Whether it was said that all containers are being restarted.
    pub(super) said_restarting: bool,
    /// Instances that the runtime has confirmed to have stopped, and since when.
    pub(super) stopped: Vec<(ContainerId, Timestamp)>,
    pub(super) noted: Noted,
}

/// Where the pod is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Stage {
    /// The runtime is brought in line with the spec.
    Syncing,
    /// All containers are stopped for good.
    Terminating {
        /// Why.
        reason: StopReason,
        /// Seconds that every container gets; `None`: each its own.
        grace: Option<i64>,
        /// When they are over, for containers that are found late.
        deadline: Option<Timestamp>,
    },
    /// No container runs any more, nor will.
    Terminated,
    /// Nothing is left.
    Finished,
}

impl Stage {
    pub(super) fn terminating(reason: StopReason, grace: Option<i64>, now: Timestamp) -> Self {
        let seconds = |grace: i64| Duration::from_secs(u64::try_from(grace).unwrap_or(0));
        Self::Terminating { reason, grace, deadline: grace.map(|grace| now + seconds(grace)) }
    }
}

/// Where the resources of the pod are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Resources {
    /// They have to be prepared before anything is started.
    Unprepared,
    /// They are there.
    Prepared,
    /// They have been given back.
    Released,
}

/// All containers of the pod are restarted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Again {
    pub(super) step: AgainStep,
    /// The spec hash of the container whose exit began it: the key of its back-off.
    pub(super) key: u64,
    /// When that container ended.
    pub(super) ended_at: Timestamp,
    /// Whether the pod ran when it began: it runs on.
    pub(super) ran: bool,
    /// Those whose next instance has not been seen to run.
    pub(super) left: ContainerSet,
}

/// How far the restart of all containers is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum AgainStep {
    /// What runs is stopped, and then all instances are removed.
    Stopping,
    /// Nothing is left, and nothing starts before this time: the back-off. `None`: it was not asked.
    Waiting(Option<Timestamp>),
    /// They start, from the first init container.
    Starting,
    /// The pod goes: it came to nothing.
    Over,
}

/// What is remembered of one container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Track {
    /// The highest attempt ever seen or asked for.
    pub(super) highest_attempt: Option<u32>,
    /// Why its last start came to nothing.
    pub(super) waiting: Option<WaitingReason>,
    /// The same for a person, as far as anything is known.
    pub(super) message: Arc<str>,
    /// When the next start may be tried.
    pub(super) retry_at: Option<Timestamp>,
    /// How many of the images that its next instance needs are there, in their order. Its back-off is over, too.
    pub(super) images_there: u32,
    /// The instance that the probe results are of.
    pub(super) probed: Option<ContainerId>,
    pub(super) probes: ProbeResults,
    /// What was last reported.
    pub(super) view: ContainerView,
}

/// An operation whose outcome has not come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InFlight {
    pub(super) operation: OperationId,
    pub(super) call: Call,
    /// When it counts as failed.
    pub(super) deadline: Option<Timestamp>,
}

/// What was asked of the runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Call {
    PrepareResources,
    ReleaseResources,
    CreateSandbox {
        attempt: u32,
    },
    StopSandbox {
        sandbox: SandboxId,
    },
    RemoveSandbox {
        sandbox: SandboxId,
    },
    EnsureImage {
        container: ContainerIndex,
        image: NeededImage,
    },
    CreateContainer {
        container: ContainerIndex,
        attempt: u32,
        /// What it is made from, which may have changed when it is there.
        spec_hash: u64,
    },
    StartContainer {
        container: ContainerIndex,
        id: ContainerId,
    },
    PostStart {
        container: ContainerIndex,
        id: ContainerId,
    },
    PreStop {
        id: ContainerId,
    },
    StopContainer {
        id: ContainerId,
    },
    RemoveContainer {
        id: ContainerId,
    },
    /// No call: a stop that failed is tried again when this is due.
    StopAgain {
        id: ContainerId,
    },
}

impl Call {
    /// Whether it is a step of starting a container, of which a pod has one at a time.
    pub(super) const fn is_start(&self) -> bool {
        matches!(
            self,
            Self::EnsureImage { .. }
                | Self::CreateContainer { .. }
                | Self::StartContainer { .. }
                | Self::PostStart { .. }
        )
    }

    /// Whether it brings something into being that a pod on its way down has to wait for.
    pub(super) const fn makes_something(&self) -> bool {
        matches!(
            self,
            Self::CreateSandbox { .. } | Self::CreateContainer { .. } | Self::StartContainer { .. }
        )
    }

    /// The container of the spec that it is about.
    pub(super) const fn container(&self) -> Option<ContainerIndex> {
        match self {
            Self::EnsureImage { container, .. }
            | Self::CreateContainer { container, .. }
            | Self::StartContainer { container, .. }
            | Self::PostStart { container, .. } => Some(*container),
            _ => None,
        }
    }
}

impl Track {
    pub(super) fn waits_for(&mut self, reason: WaitingReason, message: impl Into<Arc<str>>) {
        self.waiting = Some(reason);
        self.message = message.into();
    }
}

impl State {
    pub(super) fn new(pod: &Pod, compiled: &CompiledPod, settings: &WorkerSettings, now: Timestamp) -> Self {
        let phase = pod.status.phase.unwrap_or(PodPhase::Pending);
        let end = Some(phase).filter(|phase| phase.is_terminal());
        let deletion = pod.metadata.deletion_grace_period_seconds;
        let stage = if pod.is_deleted() {
            let spec = pod.spec.termination_grace_period_seconds;
            let grace = pod_grace_seconds(compiled.behaviour.compat, None, deletion, None, spec);
            Stage::terminating(StopReason::Deleted, Some(grace), now)
        } else if end.is_some() {
            Stage::terminating(StopReason::Completed, None, now)
        } else {
            Stage::Syncing
        };
        let ran = |status: &&ContainerStatus| status.restart_count > 0 || !status.container_id.is_empty();
        let tracks = compiled.containers().iter().map(|container| {
            let known = pod
                .status
                .all_container_statuses()
                .find(|status| *status.name == *container.name)
                .filter(ran);
            let highest_attempt = known.map(|status| status.restart_count);
            Track { highest_attempt, ..Track::default() }
        });
        Self {
            now,
            stage,
            started_at: pod.status.start_time.unwrap_or(now),
            deleted: pod.is_deleted(),
            verdict: None,
            phase,
            end,
            synced: false,
            observed_at: None,
            tracks: tracks.collect(),
            restarting: ContainerSet::EMPTY,
            killed: Vec::new(),
            again: None,
            hooks_pending: ContainerSet::EMPTY,
            termination: Termination::default(),
            operations: Operations::of_epoch(0),
            in_flight: Vec::new(),
            resources: Resources::Unprepared,
            resources_retry_at: None,
            sandbox_retry_at: None,
            highest_sandbox_attempt: None,
            crash_loop: CrashLoop::new(settings.crash_loop),
            image_back_off: BackOff::new(settings.image_back_off),
            news: Vec::new(),
            sandbox_news: Vec::new(),
            purged: Vec::new(),
            unsettled_until: None,
            said_terminated: false,
            said_restarting: false,
            stopped: Vec::new(),
            noted: Noted::default(),
        }
    }

    /// Notes a call and gives it a name.
    pub(super) fn issue(&mut self, call: Call, deadline: Option<Timestamp>) -> OperationId {
        // At the end of time nothing is ever late.
        let deadline = deadline.filter(|deadline| *deadline < Timestamp::MAX);
        let operation = self.operations.issue();
        self.in_flight.push(InFlight { operation, call, deadline });
        operation
    }

    /// Gives up on a call. What it was to make may have been made all the same: its attempt is not given out
    /// again.
    pub(super) fn give_up(&mut self, call: &Call) {
        match call {
            Call::CreateContainer { container, attempt, .. } => {
                let highest = &mut self.tracks[container.at()].highest_attempt;
                *highest = (*highest).max(Some(*attempt));
            }
            Call::CreateSandbox { attempt } => {
                self.highest_sandbox_attempt = self.highest_sandbox_attempt.max(Some(*attempt));
            }
            _ => {}
        }
    }

    /// Whether a call of some kind is in flight.
    pub(super) fn is_in_flight(&self, is: impl Fn(&Call) -> bool) -> bool {
        self.in_flight.iter().any(|operation| is(&operation.call))
    }

    /// Moves every stored instant back.
    pub(super) fn move_back(&mut self, by: Duration) {
        let back = |at: &mut Timestamp| *at = at.moved_back(by);
        back(&mut self.now);
        back(&mut self.started_at);
        self.observed_at.iter_mut().for_each(back);
        self.tracks.iter_mut().filter_map(|track| track.retry_at.as_mut()).for_each(back);
        self.in_flight.iter_mut().filter_map(|operation| operation.deadline.as_mut()).for_each(back);
        self.resources_retry_at.iter_mut().for_each(back);
        self.sandbox_retry_at.iter_mut().for_each(back);
        if let Some(again) = &mut self.again {
            back(&mut again.ended_at);
            if let AgainStep::Waiting(Some(until)) = &mut again.step {
                back(until);
            }
        }
        self.unsettled_until.iter_mut().for_each(back);
        if let Stage::Terminating { deadline: Some(deadline), .. } = &mut self.stage {
            back(deadline);
        }
        self.news.iter_mut().chain(&mut self.stopped).for_each(|(_, at)| back(at));
        self.sandbox_news.iter_mut().for_each(|(_, at)| back(at));
        self.termination.move_back(by);
        self.crash_loop.move_back(by);
        self.image_back_off.move_back(by);
    }
}
