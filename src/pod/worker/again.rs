//! One exit restarts all containers, in the same sandbox (KEP-5532).
//!
//! A container that exits with a code for which it has the rule `RestartAllContainers` has all init and app
//! containers stopped at once: in no order, without `preStop` hooks and without the pod's grace period. When none
//! runs any more, their instances are removed and the pod begins anew with its first init container. Containers
//! that had ended for good run again; ephemeral ones are left alone. Restart counts go on. The pod's phase stays
//! `Running` if it was that, until an init container fails for good.
//!
//! What is different from the kubelet: the crash-loop back-off of the container that began it is kept before the
//! pod begins anew, as the proposal promises, although the instance that it is counted from is removed; the exit
//! code that began it stays to be seen (the kubelet shows 137 for all of them); an instance that is killed in order
//! to be replaced (a failed probe, a new image), or with the whole pod, restarts nobody; and where an agent's
//! restart comes in between, the machine's snapshot carries it through.

use super::state::{Again, AgainStep, Call};
use super::{Action, ContainerView, ViewState, WaitingReason, Worker};
use crate::container::{ContainerIndex, ContainerRecord, ContainerSet, RecordState};
use crate::machine::Timestamp;
use crate::pod::{Seen, restarts_all};

/// How a killed instance ended whose end nobody saw.
const KILLED: i32 = 137;

impl Again {
    pub(super) fn next_wakeup(self) -> Option<Timestamp> {
        match self.step {
            AgainStep::Waiting(until) => until,
            AgainStep::Stopping | AgainStep::Starting | AgainStep::Over => None,
        }
    }
}

impl Worker {
    /// Begins or goes on to restart all containers; whether nothing else is to be done before.
    pub(super) fn restart_all(&mut self, actions: &mut Vec<Action>) -> bool {
        let exempt = self.state.restarting.union(self.killed());
        if let Some(trigger) = restarts_all(&self.pod, &self.observed, exempt) {
            self.begin_again(trigger);
        }
        loop {
            let Some(again) = &self.state.again else { return false };
            match again.step {
                AgainStep::Stopping => {
                    if !self.all_stopped(actions) {
                        return true;
                    }
                    self.purge_all(actions);
                }
                // What is no part of it (a debugger, a new sandbox) need not wait.
                AgainStep::Waiting(Some(until)) if until > self.state.now => return false,
                AgainStep::Waiting(_) => self.ask_back_off(),
                AgainStep::Starting | AgainStep::Over => return false,
            }
        }
    }

    fn begin_again(&mut self, trigger: ContainerIndex) {
        let Some(container) = self.pod.container(trigger) else { return };
        let Some(exit) = self.observed.latest(trigger).and_then(ContainerRecord::exit) else { return };
        let (key, ended_at) = (container.spec_hash, exit.finished_at);
        let known = self.state.again.as_ref();
        if known.is_some_and(|again| again.step == AgainStep::Stopping) {
            return;
        }
        // The pod may be on its way up from a restart before.
        let ran = self.state.phase == crate::api::PodPhase::Running;
        let left = self.restarted();
        self.state.again = Some(Again { step: AgainStep::Stopping, key, ended_at, ran, left });
        self.state.restarting = ContainerSet::EMPTY;
        self.state.in_flight.retain(|operation| match operation.call {
            Call::EnsureImage { container, .. } => !left.contains(container),
            _ => true,
        });
        for index in left.iter() {
            let track = &mut self.state.tracks[index.at()];
            track.waiting = None;
            track.retry_at = None;
            track.images_there = 0;
        }
    }

    /// The containers that a restart of all restarts.
    fn restarted(&self) -> ContainerSet {
        self.pod.inits().union(self.pod.apps())
    }

    /// Stops what runs; whether nothing does, nor can come up.
    fn all_stopped(&mut self, actions: &mut Vec<Action>) -> bool {
        let restarted = self.restarted();
        let (now, mut steps) = (self.state.now, std::mem::take(&mut self.scratch.steps));
        let mut runs = false;
        for (index, record) in self.observed.instances() {
            let may_run = matches!(record.state, RecordState::Running { .. } | RecordState::Unknown);
            let of_these = index.is_some_and(|index| restarted.contains(index));
            if may_run && of_these && !self.state.stopped.iter().any(|(id, _)| *id == record.id) {
                runs = true;
                self.state.termination.hasten(now, (&record.id, index), &mut steps);
            }
        }
        self.take_steps(steps, actions);
        self.advance_termination(actions);
        let is_made = |call: &Call| {
            call.makes_something() && call.container().is_some_and(|index| restarted.contains(index))
        };
        !runs && !self.state.is_in_flight(is_made)
    }

    /// Removes all instances; the one that began it goes last, so that an agent without a memory begins it again.
    fn purge_all(&mut self, actions: &mut Vec<Action>) {
        let Some(again) = &mut self.state.again else { return };
        again.step = AgainStep::Waiting(None);
        let key = again.key;
        let began_it = |index: &ContainerIndex| {
            self.pod.container(*index).is_some_and(|container| container.spec_hash == key)
        };
        let restarted = self.restarted();
        let last: ContainerSet = restarted.iter().filter(began_it).collect();
        self.purge(restarted.difference(last), actions);
        self.purge(last, actions);
        self.records_changed();
    }

    fn ask_back_off(&mut self) {
        let Some(again) = &mut self.state.again else { return };
        let left = again.left;
        let waiting = match self.state.crash_loop.restart(&again.key, again.ended_at, self.state.now) {
            Ok(()) => {
                again.step = AgainStep::Starting;
                None
            }
            Err(refused) => {
                again.step = AgainStep::Waiting(Some(refused.until));
                Some(refused)
            }
        };
        for index in left.iter() {
            let message =
                waiting.map(|refused| refused.message(self.pod.name_of(index), &self.pod.display_name));
            if let Some(track) = self.state.tracks.get_mut(index.at()) {
                match message {
                    Some(message) => track.waits_for(WaitingReason::CrashLoopBackOff, message),
                    None => track.waiting = None,
                }
            }
        }
    }

    /// Takes note of what the plan stops together with the whole pod.
    pub(super) fn note_killed(&mut self) {
        for index in self.pod.restarting_all().iter() {
            let latest = self.observed.latest(index).filter(|latest| latest.is_running());
            if let Some(latest) = latest.filter(|latest| !self.state.killed.contains(&latest.id)) {
                self.state.killed.push(latest.id.clone());
            }
        }
    }

    /// The containers whose latest instance was stopped together with the whole pod.
    pub(super) fn killed(&self) -> ContainerSet {
        let is_killed = |index: &ContainerIndex| {
            self.observed.latest(*index).is_some_and(|latest| self.state.killed.contains(&latest.id))
        };
        if self.state.killed.is_empty() {
            return ContainerSet::EMPTY;
        }
        self.pod.restarting_all().iter().filter(is_killed).collect()
    }

    /// Whether a container waits for the back-off of a restart of all.
    pub(super) fn is_held_back(&self, index: ContainerIndex) -> bool {
        let waits = |again: Again| matches!(again.step, AgainStep::Waiting(_)) && again.left.contains(index);
        self.state.again.is_some_and(waits)
    }

    /// Whether a container waits for its first instance after a restart of all.
    pub(super) fn begins_anew(&self, index: ContainerIndex) -> bool {
        self.state.again.is_some_and(|again| again.left.contains(index))
    }

    /// Takes note of the containers that run again, or have run.
    pub(super) fn note_restarted(&mut self) {
        let Some(again) = &mut self.state.again else { return };
        if again.step != AgainStep::Starting {
            return;
        }
        for index in again.left.iter() {
            let latest = self.observed.latest(index).map(|latest| &latest.state);
            if matches!(latest, Some(RecordState::Running { .. } | RecordState::Exited(_))) {
                again.left.remove(index);
            }
        }
        if again.left.is_empty() {
            self.state.again = None;
        }
    }

    /// What the phase makes of containers that begin anew: where the pod ran it runs on, else it is pending.
    pub(super) fn look_past_restart(&self, seen: &mut [Seen]) {
        let Some(again) = self.state.again else { return };
        let is_going_up = !again.left.intersection(self.pod.apps()).is_empty();
        for (seen, index) in seen.iter_mut().zip((0..).map(ContainerIndex)) {
            let (is_app, is_left) = (self.pod.apps().contains(index), again.left.contains(index));
            let is_init = self.pod.inits().contains(index);
            *seen = match *seen {
                _ if is_left && !again.ran => Seen::Waiting { last_exit: None },
                _ if is_left && is_app => Seen::Running { started: false },
                _ if is_left && is_init => Seen::Exited { code: 0 },
                Seen::Exited { code } => Seen::Exited { code },
                // An init container at work does not make a pod that ran pending again.
                _ if is_init && again.ran && is_going_up => Seen::Exited { code: 0 },
                seen => seen,
            };
        }
    }
}

impl ContainerView {
    /// How the instance ended that was removed, as far as anybody knows.
    pub(super) const fn last_exit_before_restart(&self) -> Option<i32> {
        match self.state {
            ViewState::Terminated { exit_code } => Some(exit_code),
            ViewState::Waiting { last_exit_code, .. } => last_exit_code,
            ViewState::Running => Some(KILLED),
        }
    }
}
