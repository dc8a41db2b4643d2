//! What happened on a simulated node, by name and time.

use std::sync::Arc;

use serde::Serialize;

use crate::api::PodPhase;
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
    /// Nothing is left of it.
    PodFinished,
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
    /// A call of the runtime went wrong, on purpose.
    Fault {
        /// What went wrong.
        fault: Fault,
    },
}

/// How a call of the runtime goes wrong.
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
}
