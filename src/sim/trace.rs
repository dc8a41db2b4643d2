//! What happened on a simulated node, by name and time.

use std::sync::Arc;

use serde::Serialize;

use crate::api::{ConditionStatus, PodPhase};
use crate::container::{ProbeAnswer, ProbeKind, ProbeResult};
use crate::machine::Timestamp;
use crate::pod::{ContainerView, Note, StartReason, StopReason};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceEntry {
    /// When.
    pub at: Timestamp,
    /// To which pod: `<namespace>/<name>`.
    pub pod: Arc<str>,
    /// What.
    #[serde(flatten)]
    pub event: TraceEvent,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "event")]
#[non_exhaustive]
pub enum TraceEvent {
    /// The node learnt of the pod.
    PodAdded,
    /// Its deletion began.
    PodDeleted {
        /// Seconds that the deletion gives.
        #[serde(skip_serializing_if = "Option::is_none")]
        grace_seconds: Option<i64>,
    },
    /// Someone decided that it has to fail.
    PodJudged {
        /// Why, in a word.
        reason: Arc<str>,
    },
    /// The node's agent has been stored, dropped and taken up again.
    AgentRestarted,
    /// The node's agent has been replaced by one that had nothing stored.
    AgentReplaced,
    /// Its phase changed.
    Phase {
        /// What it is now.
        phase: PodPhase,
    },
    /// All of its containers are being stopped and removed in order to be started again, or that is over.
    AllContainersRestarting {
        /// Whether they are.
        restarting: bool,
    },
    /// All of its containers have ended for good.
    PodTerminated,
    /// Nothing is left of it on the node.
    PodFinished,
    /// A condition of its status is another than before.
    Condition {
        /// Its type.
        condition: Arc<str>,
        /// Whether it holds.
        status: ConditionStatus,
        /// Why, in a word.
        #[serde(skip_serializing_if = "str::is_empty")]
        reason: Arc<str>,
    },
    /// Its status has this condition no more.
    ConditionGone {
        /// Its type.
        condition: Arc<str>,
    },
    /// A status is sent to the API server.
    StatusSent {
        /// Its version.
        version: u64,
    },
    /// The API server has taken a status.
    StatusTaken {
        /// Its version.
        version: u64,
    },
    /// It is being deleted from the API server.
    DeletingPod,
    /// The API server has it no more.
    PodGone,
    /// What the pod needs is being prepared: volumes, secrets, devices, cgroups.
    PreparingResources,
    /// It is being given back.
    ReleasingResources,
    /// A sandbox is being made.
    CreatingSandbox {
        /// Its attempt.
        attempt: u32,
    },
    /// A sandbox is there.
    SandboxReady {
        /// Its attempt.
        attempt: u32,
    },
    /// A sandbox has died, and what ran in it.
    SandboxDied,
    /// The runtime has lost what it had of the pod.
    RecordsLost,
    /// A sandbox is being stopped.
    StoppingSandbox {
        /// Why.
        reason: StopReason,
    },
    /// A sandbox is being removed.
    RemovingSandbox,
    /// The container has its turn; an image that it needs is asked for.
    Pulling {
        /// Which container.
        container: Arc<str>,
        /// Which image: its own, or that of a volume.
        image: Arc<str>,
        /// Why it is started.
        reason: StartReason,
    },
    /// The image is there.
    Pulled {
        /// Which container.
        container: Arc<str>,
        /// Whether it was there before, so that nothing was pulled.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        already_present: bool,
    },
    /// The image could not be had.
    PullFailed {
        /// Which container.
        container: Arc<str>,
        /// What the registry says.
        message: Arc<str>,
    },
    /// An instance is being made.
    Creating {
        /// Which container.
        container: Arc<str>,
        /// Its attempt.
        attempt: u32,
    },
    /// An instance is being started.
    Starting {
        /// Which container.
        container: Arc<str>,
    },
    /// An instance runs.
    Started {
        /// Which container.
        container: Arc<str>,
        /// Its attempt.
        attempt: u32,
    },
    /// The `postStart` hook runs.
    PostStart {
        /// Which container.
        container: Arc<str>,
    },
    /// The `postStart` hook has ended.
    PostStarted {
        /// Which container.
        container: Arc<str>,
        /// Whether it has failed.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        failed: bool,
    },
    /// The `preStop` hook runs.
    PreStop {
        /// Which container.
        container: Arc<str>,
        /// Seconds that it may take.
        timeout_seconds: u64,
    },
    /// The `preStop` hook has ended.
    PreStopped {
        /// Which container.
        container: Arc<str>,
        /// Whether it has failed: by itself, or because its time was over.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        failed: bool,
    },
    /// An attempt of a probe is made. It is told only where the configuration asks for all attempts.
    Probing {
        /// Which container.
        container: Arc<str>,
        /// Which probe.
        probe: ProbeKind,
    },
    /// An attempt of a probe was answered. It is told when it says something else than the one before, or when the
    /// probe came to another result by it.
    Probed {
        /// Which container.
        container: Arc<str>,
        /// Which probe.
        probe: ProbeKind,
        /// What the attempt came to.
        answer: ProbeAnswer,
        /// What the probe says from now on, if that is something else.
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<ProbeResult>,
    },
    /// A probe has nothing to ask, by its spec.
    ProbeImpossible {
        /// Which container.
        container: Arc<str>,
        /// Which probe.
        probe: ProbeKind,
        /// Why.
        message: Arc<str>,
    },
    /// An attempt of a probe goes wrong, on purpose.
    ProbeFault {
        /// Which container.
        container: Arc<str>,
        /// Which probe.
        probe: ProbeKind,
        /// What goes wrong.
        fault: Fault,
    },
    /// The stop signal is sent.
    Stopping {
        /// Which container.
        container: Arc<str>,
        /// Seconds until the kill.
        timeout_seconds: u64,
    },
    /// An instance has ended.
    Exited {
        /// Which container.
        container: Arc<str>,
        /// With which exit code.
        exit_code: i32,
        /// Whether it was killed because it did not stop in time.
        forced: bool,
    },
    /// An instance of an earlier sandbox is removed.
    Removing {
        /// Which container.
        container: Arc<str>,
    },
    /// A container looks different.
    Container {
        /// Which container.
        container: Arc<str>,
        /// What it looks like now.
        view: ContainerView,
    },
    /// Something is as it should not be.
    Note {
        /// What.
        #[serde(flatten)]
        note: Note,
    },
    /// A call of the runtime or of the API server went wrong, on purpose.
    Fault {
        /// What went wrong.
        fault: Fault,
    },
}

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// It does nothing and says so.
    Fails,
    /// It does its work, and the answer is that it took too long.
    TimesOut,
    /// Its answer comes late.
    AnswersLate,
    /// Its answer comes twice.
    AnswersTwice,
    /// It does its work and never answers.
    NeverAnswers,
    /// It does nothing and never answers.
    GetsLost,
}

impl Fault {
    /// What can happen to calls of the runtime and to attempts of probes.
    pub(super) const OF_CALLS: [Self; 5] =
        [Self::Fails, Self::TimesOut, Self::AnswersLate, Self::AnswersTwice, Self::NeverAnswers];
    /// What can happen to what is sent to the API server.
    pub(super) const OF_REQUESTS: [Self; 6] = [
        Self::Fails,
        Self::TimesOut,
        Self::AnswersLate,
        Self::AnswersTwice,
        Self::NeverAnswers,
        Self::GetsLost,
    ];
}
