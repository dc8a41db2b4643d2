//! The way down: everything is stopped in order, for good.

use std::time::Duration;

use super::state::{AgainStep, Call, Resources, Stage};
use super::{Action, Change, StopReason, Verdict, Worker};
use crate::api::{ContainerId, PodPhase};
use crate::container::{ContainerIndex, ContainerRecord, ContainerSet, StopPhase, grace_seconds};
use crate::machine::Timestamp;
use crate::pod::{
    ActiveDeadline, DEADLINE_EXCEEDED, DEADLINE_EXCEEDED_MESSAGE, TerminationStep, active_deadline,
    pod_grace_seconds,
};

impl Worker {
    /// The pod's deletion began, or got another grace period.
    pub(super) fn delete(&mut self, grace_seconds: Option<i64>, actions: &mut Vec<Action>) {
        self.state.deleted = true;
        self.shorten(StopReason::Deleted, grace_seconds, None, actions);
    }

    /// Someone else decided that the pod has to fail.
    pub(super) fn judge(&mut self, verdict: Verdict, actions: &mut Vec<Action>) {
        let grace = verdict.grace_seconds;
        // A pod that is being deleted may still fail. One that came to its end by itself has ended.
        let may_fail = match self.state.stage {
            Stage::Syncing => true,
            Stage::Terminating { reason, .. } => {
                reason == StopReason::Deleted && self.state.verdict.is_none()
            }
            Stage::Terminated | Stage::Finished => false,
        };
        if may_fail {
            self.state.verdict = Some(verdict);
        }
        self.shorten(StopReason::Verdict, None, grace, actions);
    }

    /// Where the pod stands towards its active deadline; one that goes has none any more.
    pub(super) fn active_deadline(&self) -> ActiveDeadline {
        if !self.is_syncing() {
            return ActiveDeadline::None;
        }
        active_deadline(self.pod.spec.active_deadline_seconds, Some(self.state.started_at), self.state.now)
    }

    /// A pod that has been active for too long has to fail.
    pub(super) fn keep_deadline(&mut self, actions: &mut Vec<Action>) {
        if self.active_deadline().is_exceeded() {
            let verdict = Verdict {
                reason: DEADLINE_EXCEEDED.into(),
                message: DEADLINE_EXCEEDED_MESSAGE.into(),
                ..Verdict::default()
            };
            self.judge(verdict, actions);
        }
    }

    /// Begins to stop the pod, or gives it less time.
    fn shorten(
        &mut self,
        reason: StopReason,
        deletion: Option<i64>,
        wanted: Option<i64>,
        actions: &mut Vec<Action>,
    ) {
        let (compat, spec) = (self.pod.behaviour.compat, self.pod.spec.termination_grace_period_seconds);
        let now = self.state.now;
        match &mut self.state.stage {
            Stage::Syncing => {
                let grace = pod_grace_seconds(compat, None, deletion, wanted, spec);
                self.begin_termination(reason, Some(grace));
                self.shrink_all(grace, actions);
            }
            Stage::Terminating { grace, deadline, .. } => {
                let shorter = pod_grace_seconds(compat, *grace, deletion, wanted, spec);
                *grace = Some(shorter);
                let sooner = now + Duration::from_secs(u64::try_from(shorter).unwrap_or(0));
                *deadline = Some(deadline.map_or(sooner, |deadline| deadline.min(sooner)));
                self.shrink_all(shorter, actions);
            }
            Stage::Terminated | Stage::Finished => {}
        }
    }

    /// Whatever is being stopped already has no more time than the pod.
    fn shrink_all(&mut self, grace: i64, actions: &mut Vec<Action>) {
        let mut steps = std::mem::take(&mut self.scratch.steps);
        self.state.termination.shrink(self.state.now, grace, &mut steps);
        self.take_steps(steps, actions);
    }

    pub(super) fn begin_termination(&mut self, reason: StopReason, grace: Option<i64>) {
        self.state.stage = Stage::terminating(reason, grace, self.state.now);
        self.state.termination.order_all();
        self.state.restarting = ContainerSet::EMPTY;
        if let Some(again) = &mut self.state.again {
            again.step = AgainStep::Over;
        }
        // Nothing waits for an image any more.
        self.state.in_flight.retain(|operation| !matches!(operation.call, Call::EnsureImage { .. }));
        for track in &mut self.state.tracks {
            track.retry_at = None;
            track.images_there = 0;
        }
    }

    /// Stops what runs; when nothing does, the sandbox; and then the pod has come to its end.
    pub(super) fn terminate(&mut self, actions: &mut Vec<Action>) {
        let Stage::Terminating { reason, deadline, .. } = self.state.stage else { return };
        let now = self.state.now;
        // What is found late has what is left, the second that has begun included.
        let whole = |left: Duration| left.as_secs() + u64::from(left.subsec_nanos() > 0);
        let left = deadline.map(|deadline| whole(deadline.since(now)).cast_signed());
        self.stop_running(left, actions);
        self.advance_termination(actions);
        self.restart_sidecars(actions);
        if self.anything_runs()
            || self.state.is_in_flight(Call::makes_something)
            || self.stop_sandboxes(reason, actions)
        {
            return;
        }
        self.state.unsettled_until.take_if(|until| *until <= now);
        if self.state.unsettled_until.max(self.ends_known_by()).is_some_and(|until| until > now) {
            return;
        }
        self.state.stage = Stage::Terminated;
        let end = match self.state.end {
            Some(end) => end,
            None if self.state.verdict.is_some() => PodPhase::Failed,
            None => self.end_phase(),
        };
        self.state.end = Some(end);
        self.state.unsettled_until = None;
        self.report(actions);
        if !std::mem::replace(&mut self.state.said_terminated, true) {
            actions.push(Action::Report { change: Change::Terminated });
        }
        self.clean_up(actions);
    }

    /// Where the runtime has stopped instances that still read as running: by when an observation has to say
    /// how they ended.
    pub(super) fn ends_known_by(&self) -> Option<Timestamp> {
        let runs = |id| self.observed.find(id).is_some_and(ContainerRecord::is_running);
        let stopped = self.state.stopped.iter().filter(|(id, _)| runs(id));
        stopped.map(|(_, at)| *at + self.settings.retry).max()
    }

    /// What is left of a deleted pod is removed.
    pub(super) fn clean_up(&mut self, actions: &mut Vec<Action>) {
        if self.anything_runs() {
            // A start that was given up has come about after all.
            let reason = if self.state.deleted { StopReason::Deleted } else { StopReason::Completed };
            self.begin_termination(reason, Some(0));
            self.state.resources = Resources::Unprepared;
            self.terminate(actions);
            return;
        }
        let released = self.release_resources(actions);
        if !self.state.deleted {
            // A sandbox that came late has nothing to do.
            self.stop_sandboxes(StopReason::Completed, actions);
            return;
        }
        if self.observed.sandboxes().is_empty() {
            if !released {
                return;
            }
            self.state.stage = Stage::Finished;
            actions.push(Action::Report { change: Change::Finished });
            return;
        }
        if !self.sandbox_may_be_called() {
            return;
        }
        let deadline = self.state.now + self.settings.operation_timeout;
        for at in 0..self.observed.sandboxes().len() {
            let sandbox = self.observed.sandboxes()[at].id.clone();
            let call = Call::RemoveSandbox { sandbox: sandbox.clone() };
            if !self.state.is_in_flight(|other| *other == call) {
                let operation = self.state.issue(call, Some(deadline));
                actions.push(Action::RemoveSandbox { operation, sandbox });
            }
        }
    }

    /// Begins to stop every instance that runs, in order. Without `grace` each container has its own.
    pub(super) fn stop_running(&mut self, grace: Option<i64>, actions: &mut Vec<Action>) {
        let spec = self.pod.spec.termination_grace_period_seconds;
        let grace = grace.unwrap_or_else(|| grace_seconds(None, spec, None));
        let is_new = |record: &ContainerRecord| {
            record.is_running()
                && self.state.termination.stop_of(&record.id).is_none()
                && !self.is_stopped(&record.id)
        };
        let running = self.observed.instances().filter(|(_, record)| is_new(record));
        let running: Vec<_> = running.map(|(index, record)| (record.id.clone(), index)).collect();
        for (id, index) in running {
            self.begin_stop((&id, index), grace, true, actions);
        }
    }

    pub(super) fn begin_stop(
        &mut self,
        instance: (&ContainerId, Option<ContainerIndex>),
        grace: i64,
        ordered: bool,
        actions: &mut Vec<Action>,
    ) {
        let mut steps = std::mem::take(&mut self.scratch.steps);
        let now = self.state.now;
        self.state.termination.begin(&self.pod, now, instance, grace, ordered, &mut steps);
        self.take_steps(steps, actions);
    }

    pub(super) fn advance_termination(&mut self, actions: &mut Vec<Action>) {
        // A container whose start has no outcome yet may run.
        let starting = self.state.in_flight.iter().filter_map(|operation| match &operation.call {
            Call::StartContainer { container, .. } => Some(*container),
            _ => None,
        });
        let starting = starting.collect();
        let mut steps = std::mem::take(&mut self.scratch.steps);
        self.state.termination.advance(&self.pod, self.state.now, starting, &mut steps);
        self.take_steps(steps, actions);
    }

    pub(super) fn take_steps(&mut self, mut steps: Vec<TerminationStep>, actions: &mut Vec<Action>) {
        for step in steps.drain(..) {
            self.take_step(step, actions);
        }
        self.scratch.steps = steps;
    }

    pub(super) fn take_step(&mut self, step: TerminationStep, actions: &mut Vec<Action>) {
        if !self.state.synced {
            // The next observation resumes it.
            return;
        }
        match step {
            TerminationStep::RunPreStop { id, container, timeout_seconds } => {
                let operation = self.state.issue(Call::PreStop { id: id.clone() }, None);
                actions.push(Action::RunPreStop { operation, container, id, timeout_seconds });
            }
            TerminationStep::Stop { id, container, timeout_seconds } => {
                // A stop that is asked for again takes the place of the one before.
                self.state.in_flight.retain(|known| match &known.call {
                    Call::StopContainer { id: other } | Call::StopAgain { id: other } => *other != id,
                    _ => true,
                });
                let timeout = Duration::from_secs(timeout_seconds);
                let deadline = self.state.now + timeout + self.settings.operation_timeout;
                let operation = self.state.issue(Call::StopContainer { id: id.clone() }, Some(deadline));
                actions.push(Action::StopContainer { operation, container, id, timeout_seconds });
            }
        }
    }

    /// The runtime says that an instance has stopped. How it ended comes with an observation.
    pub(super) fn stop_confirmed(&mut self, id: ContainerId) {
        self.state.termination.exited(&id);
        self.settle_unknown(&id);
        let stopped = &mut self.state.stopped;
        stopped.push((id, self.state.now));
        if stopped.len() > 2 * self.observed.records().containers.len() {
            // Instances that are gone need no confirmation.
            stopped.retain(|(known, _)| self.observed.find(known).is_some());
        }
    }

    /// A new life of the agent: what was in flight is void, and may come about all the same.
    pub(super) fn restart_agent(&mut self, epoch: u32) {
        let state = &mut self.state;
        let next = state.operations.epoch().saturating_add(1);
        state.operations = crate::machine::Operations::of_epoch(epoch.max(next));
        if state.is_in_flight(Call::makes_something) {
            state.unsettled_until = Some(state.now + self.settings.retry);
        }
        for operation in std::mem::take(&mut state.in_flight) {
            state.give_up(&operation.call);
            match operation.call {
                Call::StartContainer { container, .. } => {
                    state.tracks[container.at()].retry_at = Some(state.now + self.settings.retry);
                }
                // How it ended will never be known. (One that has failed stays pending: its container goes.)
                Call::PostStart { container, .. } => state.hooks_pending.remove(container),
                _ => {}
            }
        }
        if state.resources == Resources::Prepared {
            // Preparing again costs nothing where they are there.
            state.resources = Resources::Unprepared;
        }
        state.synced = false;
        state.observed_at = None;
        state.news.clear();
        state.sandbox_news.clear();
        state.stopped.clear();
        state.tracks.iter_mut().for_each(|track| track.images_there = 0);
    }

    /// After an agent's restart: hooks run again for what is left of their time, stops are asked for again.
    pub(super) fn resume_termination(&mut self, actions: &mut Vec<Action>) {
        let instances = self.state.termination.instances();
        let stopping: Vec<_> =
            instances.map(|(id, container, stop)| (id.clone(), container, *stop)).collect();
        for (id, container, stop) in stopping {
            match stop.phase {
                StopPhase::Hook => {
                    let timeout_seconds = stop.deadline().since(self.state.now).as_secs();
                    if timeout_seconds == 0 {
                        self.state.termination.hook_finished(self.state.now, &id);
                        continue;
                    }
                    self.take_step(TerminationStep::RunPreStop { id, container, timeout_seconds }, actions);
                }
                StopPhase::Waiting => {}
                StopPhase::Stopping => {
                    if let Some(step) = self.state.termination.again(self.state.now, &id) {
                        self.take_step(step, actions);
                    }
                }
            }
        }
    }
}
