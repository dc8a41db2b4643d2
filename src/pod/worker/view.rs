//! What a pod and its containers look like from outside.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::state::{Stage, Track};
use super::{Action, Note, Worker};
use crate::api::PodPhase;
use crate::container::{ContainerIndex, ProbeResult, RecordState};
use crate::pod::{Seen, phase};

/// Something that looks different from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Change {
    /// The pod's phase.
    Phase(PodPhase),
    /// A container.
    Container {
        /// Which.
        container: ContainerIndex,
        /// What it looks like now.
        view: ContainerView,
    },
    /// Whether all containers are being stopped and removed in order to be started again (KEP-5532): the
    /// pod's condition `AllContainersRestarting`.
    AllContainersRestarting(bool),
    /// All containers have ended for good.
    Terminated,
    /// Nothing is left of the pod.
    Finished,
    /// Something is as it should not be.
    Note(Note),
}

/// What a container looks like: the gist of its API status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerView {
    /// What it does.
    pub state: ViewState,
    /// Whether it has started.
    pub started: bool,
    /// Whether it takes traffic.
    pub ready: bool,
    /// How often it was restarted.
    pub restart_count: u32,
}

impl Default for ContainerView {
    fn default() -> Self {
        let reason = WaitingReason::ContainerCreating;
        let state = ViewState::Waiting { reason, last_exit_code: None };
        Self { state, started: false, ready: false, restart_count: 0 }
    }
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ViewState {
    /// It waits.
    Waiting {
        /// For what.
        reason: WaitingReason,
        /// How its last instance ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_exit_code: Option<i32>,
    },
    /// It runs.
    Running,
    /// It has ended.
    Terminated {
        /// How.
        exit_code: i32,
    },
}

/// What a container waits for, by the API's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum WaitingReason {
    /// Its turn: the pod has init containers.
    PodInitializing,
    /// Its sandbox, its image and its making.
    ContainerCreating,
    /// The end of its crash-loop back-off.
    CrashLoopBackOff,
    /// Its image, which could not be pulled.
    ErrImagePull,
    /// The end of its image's back-off.
    ImagePullBackOff,
    /// Its image, which must not be pulled and is not there.
    ErrImageNeverPull,
    /// Its image, whose reference is malformed.
    InvalidImageName,
    /// Its making, which failed.
    CreateContainerError,
    /// Its making, for which something is missing.
    CreateContainerConfigError,
    /// Its start, which failed.
    RunContainerError,
    /// Its restart after its `postStart` hook failed.
    PostStartHookError,
    /// Its restart together with all containers of the pod (KEP-5532).
    RestartingAllContainers,
}

impl WaitingReason {
    /// The API's word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::PodInitializing => "PodInitializing",
            Self::ContainerCreating => "ContainerCreating",
            Self::CrashLoopBackOff => "CrashLoopBackOff",
            Self::ErrImagePull => "ErrImagePull",
            Self::ImagePullBackOff => "ImagePullBackOff",
            Self::ErrImageNeverPull => "ErrImageNeverPull",
            Self::InvalidImageName => "InvalidImageName",
            Self::CreateContainerError => "CreateContainerError",
            Self::CreateContainerConfigError => "CreateContainerConfigError",
            Self::RunContainerError => "RunContainerError",
            Self::PostStartHookError => "PostStartHookError",
            Self::RestartingAllContainers => "RestartingAllContainers",
        }
    }

    /// The reason that the API calls by this word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        [
            Self::ErrImagePull,
            Self::ImagePullBackOff,
            Self::ErrImageNeverPull,
            Self::InvalidImageName,
            Self::CreateContainerError,
            Self::CreateContainerConfigError,
            Self::RunContainerError,
            Self::PostStartHookError,
        ]
        .into_iter()
        .find(|reason| reason.word() == word)
    }
}

impl fmt::Display for WaitingReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Worker {
    /// Says what looks different from before.
    pub(super) fn report(&mut self, actions: &mut Vec<Action>) {
        let restarting = self.all_containers_restarting();
        if std::mem::replace(&mut self.state.said_restarting, restarting) != restarting {
            actions.push(Action::Report { change: Change::AllContainersRestarting(restarting) });
        }
        for at in 0..self.state.tracks.len() {
            let Ok(container) = u8::try_from(at).map(ContainerIndex) else { continue };
            let view = self.look_at(container, &self.state.tracks[at]);
            if self.state.tracks[at].view != view {
                self.state.tracks[at].view = view;
                actions.push(Action::Report { change: Change::Container { container, view } });
            }
        }
        let phase = self.phase_of(|worker, at| Seen::from(&worker.state.tracks[at].view));
        // A terminal phase is said when nothing can run any more.
        let is_premature = phase.is_terminal() && self.state.end.is_none();
        if self.state.phase != phase && !is_premature {
            self.state.phase = phase;
            actions.push(Action::Report { change: Change::Phase(phase) });
        }
    }

    fn look_at(&self, index: ContainerIndex, track: &Track) -> ContainerView {
        let latest = self.observed.latest(index);
        let restart_count = latest.map_or(track.highest_attempt.unwrap_or(0), |latest| latest.attempt);
        let has_inits = !self.pod.inits().is_empty();
        let fresh = if has_inits { WaitingReason::PodInitializing } else { WaitingReason::ContainerCreating };
        let waiting = |reason| ViewState::Waiting { reason, last_exit_code: self.last_exit(index) };
        let over = !matches!(self.state.stage, Stage::Syncing);
        let state = match latest.map(|latest| &latest.state) {
            Some(RecordState::Running { .. }) => ViewState::Running,
            Some(RecordState::Exited(exit)) => match track.waiting {
                Some(reason) if !over && self.restarts_after_exit(index) => waiting(reason),
                _ => ViewState::Terminated { exit_code: exit.exit_code },
            },
            None if self.begins_anew(index) => ViewState::Waiting {
                reason: track.waiting.unwrap_or(WaitingReason::RestartingAllContainers),
                last_exit_code: track.view.last_exit_before_restart(),
            },
            // An end that was seen is not undone when its record is collected.
            None if matches!(track.view.state, ViewState::Terminated { .. }) => track.view.state,
            Some(RecordState::Created | RecordState::Unknown) | None => {
                waiting(track.waiting.unwrap_or(fresh))
            }
        };
        let started = state == ViewState::Running && self.has_started(index);
        // A regular init container is ready when it has done its work.
        let is_regular_init = self.pod.inits().difference(self.pod.sidecars()).contains(index);
        let ready = match state {
            ViewState::Running => !is_regular_init && started && self.is_ready(index),
            ViewState::Terminated { exit_code } => is_regular_init && exit_code == 0,
            ViewState::Waiting { .. } => false,
        };
        ContainerView { state, started, ready, restart_count }
    }

    fn last_exit(&self, index: ContainerIndex) -> Option<i32> {
        let mut instances = self.observed.instances().filter(|(of, _)| *of == Some(index));
        instances.find_map(|(_, record)| record.exit()).map(|exit| exit.exit_code)
    }

    pub(super) fn restarts_after_exit(&self, index: ContainerIndex) -> bool {
        self.pod.sidecars().contains(index)
            || self.state.restarting.contains(index)
            || self
                .pod
                .container(index)
                .is_some_and(|container| container.restarts(self.observed.latest(index), self.state.deleted))
    }

    /// Whether a running container has started: its `postStart` hook has returned and its startup probe has
    /// passed.
    pub(super) fn has_started(&self, index: ContainerIndex) -> bool {
        let Some(container) = self.pod.container(index) else { return false };
        let track = &self.state.tracks[index.at()];
        !self.state.hooks_pending.contains(index)
            && (!container.startup_probe || track.probes.startup == Some(ProbeResult::Success))
    }

    fn is_ready(&self, index: ContainerIndex) -> bool {
        let Some(container) = self.pod.container(index) else { return false };
        let track = &self.state.tracks[index.at()];
        !container.readiness_probe || track.probes.readiness == Some(ProbeResult::Success)
    }

    /// The phase as things are now; a terminal one stays.
    pub(super) fn compute_phase(&mut self) -> PodPhase {
        self.phase_of(|worker, at| {
            let index = ContainerIndex(u8::try_from(at).unwrap_or(u8::MAX));
            Seen::from(&worker.look_at(index, &worker.state.tracks[at]))
        })
    }

    fn phase_of(&mut self, look: impl Fn(&Self, usize) -> Seen) -> PodPhase {
        if let Some(end) = self.state.end {
            return end;
        }
        let mut seen = std::mem::take(&mut self.scratch.seen);
        seen.clear();
        seen.extend((0..self.state.tracks.len()).map(|at| look(self, at)));
        for index in self.state.restarting.intersection(self.pod.apps()).iter() {
            if let Some(seen) = seen.get_mut(index.at()) {
                // It is being replaced in place, whatever the restart policy says of its end.
                *seen = Seen::Running { started: false };
            }
        }
        self.look_past_restart(&mut seen);
        let phase = phase(&self.pod, &seen, false);
        self.scratch.seen = seen;
        phase
    }

    /// The phase of a pod whose containers have all ended for good.
    pub(super) fn end_phase(&mut self) -> PodPhase {
        let tracks = (0..).map(ContainerIndex).zip(&self.state.tracks);
        let seen: Vec<_> = tracks.map(|(index, track)| Seen::from(&self.look_at(index, track))).collect();
        match phase(&self.pod, &seen, true) {
            phase if phase.is_terminal() || self.pod.is_static => phase,
            // A container was never made, or is nowhere to be found.
            _ => PodPhase::Failed,
        }
    }
}

impl From<&ContainerView> for Seen {
    fn from(view: &ContainerView) -> Self {
        match view.state {
            ViewState::Waiting { last_exit_code, .. } => Self::Waiting { last_exit: last_exit_code },
            ViewState::Running => Self::Running { started: view.started },
            ViewState::Terminated { exit_code } => Self::Exited { code: exit_code },
        }
    }
}
