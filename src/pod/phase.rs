//! Where a pod is in its life, from what is seen of its containers.

use super::{CompiledContainer, CompiledPod};
use crate::api::{ContainerState, ContainerStatus, PodPhase, PodStatus};
use crate::container::{AfterExit, ContainerKind};

/// What a pod's phase depends on, of one container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Seen {
    /// Nothing is known.
    #[default]
    Unknown,
    /// It waits to be started.
    Waiting {
        /// The exit code of the instance before, if there was one.
        last_exit: Option<i32>,
    },
    /// It runs.
    Running {
        /// Whether it has started.
        started: bool,
    },
    /// It has ended.
    Exited {
        /// Its exit code.
        code: i32,
    },
}

impl From<&ContainerStatus> for Seen {
    fn from(status: &ContainerStatus) -> Self {
        match &status.state {
            None => Self::Unknown,
            Some(ContainerState::Running(_)) => Self::Running { started: status.started == Some(true) },
            Some(ContainerState::Terminated(terminated)) => Self::Exited { code: terminated.exit_code },
            Some(ContainerState::Waiting(_)) => Self::Waiting {
                last_exit: match &status.last_state {
                    Some(ContainerState::Terminated(terminated)) => Some(terminated.exit_code),
                    _ => None,
                },
            },
        }
    }
}

impl CompiledPod {
    /// What is seen of each of its containers, by their statuses.
    #[must_use]
    pub fn seen(&self, status: &PodStatus) -> Vec<Seen> {
        let statuses = || status.init_container_statuses.iter().chain(&status.container_statuses);
        let by_name = |name: &str| statuses().find(|status| status.name == name);
        self.containers()
            .iter()
            .map(|container| by_name(&container.name).map(Seen::from).unwrap_or_default())
            .collect()
    }
}

/// How many containers are in which state.
#[derive(Default)]
struct Count {
    pending_inits: u32,
    pending_sidecars: u32,
    /// A failed init container that is not restarted.
    init_failed_for_good: bool,
    unknown: u32,
    running: u32,
    waiting: u32,
    stopped: u32,
    succeeded: u32,
    any_app_started: bool,
    any_app_restarts: bool,
}

/// The phase of a pod whose containers look as `seen` says (one entry a container, in the order of their
/// indices; ephemeral ones are passed over, missing ones are unknown).
///
/// `terminal`: all containers have been stopped for good, whatever the restart policy says. It is not
/// considered for static pods. A waiting container that ran before counts as stopped, never as succeeded, and
/// a sidecar that has ended is not counted at all. A pod with an app container that is to run again, by its rules
/// (KEP-5307) or its policy, is not at its end.
#[must_use]
pub fn phase(pod: &CompiledPod, seen: &[Seen], terminal: bool) -> PodPhase {
    phase_of(pod, seen.iter().copied(), terminal)
}

/// [`phase`] of what is seen one after another.
pub(super) fn phase_of(pod: &CompiledPod, seen: impl Iterator<Item = Seen>, terminal: bool) -> PodPhase {
    let mut count = Count::default();
    let seen = seen.chain(std::iter::repeat(Seen::Unknown));
    for (container, seen) in pod.containers().iter().zip(seen) {
        match container.kind {
            ContainerKind::Init => count.init(seen, container),
            ContainerKind::Sidecar => count.sidecar(seen),
            ContainerKind::App => count.app(seen, container),
            ContainerKind::Ephemeral => {}
        }
    }
    count.phase(terminal && !pod.is_static)
}

impl Count {
    fn init(&mut self, seen: Seen, container: &CompiledContainer) {
        match seen {
            Seen::Exited { code: 0 } | Seen::Waiting { last_exit: Some(0) } => {}
            Seen::Exited { code } | Seen::Waiting { last_exit: Some(code) } => {
                self.init_failed_for_good |= !container.restarts_failed(Some(code));
            }
            Seen::Unknown | Seen::Running { .. } | Seen::Waiting { last_exit: None } => {
                self.pending_inits += 1;
            }
        }
    }

    const fn sidecar(&mut self, seen: Seen) {
        match seen {
            Seen::Unknown => {
                self.pending_sidecars += 1;
                self.unknown += 1;
            }
            Seen::Running { started } => {
                self.pending_sidecars += !started as u32;
                self.running += 1;
            }
            Seen::Waiting { last_exit: None } => {
                self.pending_sidecars += 1;
                self.waiting += 1;
            }
            Seen::Waiting { .. } | Seen::Exited { .. } => {}
        }
    }

    fn app(&mut self, seen: Seen, container: &CompiledContainer) {
        match seen {
            Seen::Unknown => self.unknown += 1,
            Seen::Running { .. } => {
                self.any_app_started = true;
                self.running += 1;
            }
            Seen::Exited { code } => {
                self.any_app_started = true;
                self.stopped += 1;
                self.succeeded += u32::from(code == 0);
                self.any_app_restarts |= container.after_exit(code) != AfterExit::Stays;
            }
            Seen::Waiting { last_exit: Some(code) } => {
                self.stopped += 1;
                self.any_app_restarts |= container.restarts_failed(Some(code));
            }
            Seen::Waiting { last_exit: None } => self.waiting += 1,
        }
    }

    const fn phase(&self, terminal: bool) -> PodPhase {
        let initialising = self.pending_inits > 0 || self.pending_sidecars > 0 && !self.any_app_started;
        let ended = if self.stopped == self.succeeded { PodPhase::Succeeded } else { PodPhase::Failed };
        if self.init_failed_for_good {
            PodPhase::Failed
        } else if initialising || self.waiting > 0 || self.unknown > 0 {
            PodPhase::Pending
        } else if self.running > 0 {
            PodPhase::Running
        } else if self.stopped == 0 {
            PodPhase::Pending
        } else if terminal || !self.any_app_restarts {
            ended
        } else {
            PodPhase::Running
        }
    }
}
