//! Starting containers, one at a time: back-off, images, making, start, hook.
//!
//! A container's own image comes first, then those of the image volumes that it mounts (KEP-4639). Each has a
//! back-off of its own, and all of them have to be there before the container is made.

use std::sync::Arc;

use super::state::{Call, InFlight, Resources};
use super::{Action, Failure, Outcome, WaitingReason, Worker};
use crate::api::{ContainerId, SandboxId};
use crate::container::{
    ContainerIndex, ContainerRecord, RecordState, SandboxRecord, SandboxState, grace_seconds,
};
use crate::machine::{OperationId, Timestamp};
use crate::pod::{NeededImage, StartReason, SyncPlan};

impl Worker {
    /// Begins the first start of the plan that may be tried now. The others wait for their turn.
    pub(super) fn start_next(&mut self, plan: &SyncPlan, actions: &mut Vec<Action>) {
        let stopping = self.state.termination.containers();
        for start in plan.starts() {
            if self.state.is_in_flight(Call::is_start) {
                return;
            }
            let is_here = stopping.contains(start.container) || self.observed.runs(start.container);
            if !is_here && !self.is_held_back(start.container) && self.wishes_are_met(start.container) {
                self.try_start(start.container, start.reason, actions);
            }
        }
    }

    /// Whether the app containers that the caller wants before this one have started, or have done their work.
    fn wishes_are_met(&self, index: ContainerIndex) -> bool {
        let before = self.pod.ordering().start_after(index).intersection(self.pod.apps());
        let has_started = |index: ContainerIndex| {
            let latest = self.observed.latest(index);
            let runs = latest.is_some_and(ContainerRecord::is_running) && self.has_started(index);
            let is_over =
                latest.is_some_and(|latest| latest.exit().is_some()) && !self.restarts_after_exit(index);
            runs || is_over
        };
        before.iter().all(has_started)
    }

    pub(super) fn try_start(
        &mut self,
        index: ContainerIndex,
        reason: StartReason,
        actions: &mut Vec<Action>,
    ) {
        let now = self.state.now;
        let Some(compiled) = self.pod.container(index) else { return };
        let track = &mut self.state.tracks[index.at()];
        track.retry_at.take_if(|at| *at <= now);
        if track.retry_at.is_some() {
            return;
        }
        let Some(image) = compiled.images().nth(track.images_there as usize) else {
            self.create(index, actions);
            return;
        };
        let key = compiled.image_key(image);
        if self.state.image_back_off.is_in_back_off_since_update(&key, now) {
            let image = self.pod.container(index).map(|container| Arc::clone(&container.image));
            let message = format!("Back-off pulling image \"{}\"", image.unwrap_or_default());
            track.waits_for(WaitingReason::ImagePullBackOff, message);
            track.retry_at = Some(self.state.image_back_off.ends(&key));
            return;
        }
        if image == NeededImage::Container
            && let Some(ended) = self.ended(index)
            && let Err(refused) = self.state.crash_loop.restart(&key, ended, now)
        {
            let track = &mut self.state.tracks[index.at()];
            let message = refused.message(self.pod.name_of(index), &self.pod.display_name);
            track.waits_for(WaitingReason::CrashLoopBackOff, message);
            track.retry_at = Some(refused.until);
            return;
        }
        let deadline = now + self.settings.patience;
        let operation = self.state.issue(Call::EnsureImage { container: index, image }, Some(deadline));
        actions.push(Action::EnsureImage { operation, container: index, image, reason });
    }

    /// When the container last ended by itself: an instance that was killed to be replaced does not count.
    fn ended(&self, index: ContainerIndex) -> Option<Timestamp> {
        let killed = usize::from(self.state.restarting.contains(index));
        let instances = self.observed.instances().filter(|(of, _)| *of == Some(index));
        instances.skip(killed).find_map(|(_, record)| record.exit()).map(|exit| exit.finished_at)
    }

    fn create(&mut self, index: ContainerIndex, actions: &mut Vec<Action>) {
        let Some(sandbox) = self.observed.sandboxes().first().map(|sandbox| sandbox.id.clone()) else {
            return;
        };
        let Some(spec_hash) = self.pod.container(index).map(|container| container.spec_hash) else { return };
        let track = &mut self.state.tracks[index.at()];
        track.images_there = 0;
        let attempt = track.highest_attempt.map_or(0, |highest| highest.saturating_add(1));
        let deadline = self.state.now + self.settings.operation_timeout;
        let call = Call::CreateContainer { container: index, attempt, spec_hash };
        let operation = self.state.issue(call, Some(deadline));
        actions.push(Action::CreateContainer { operation, container: index, sandbox, attempt });
    }

    /// Takes the outcome of an operation; one that is not in flight is stale, doubled or foreign.
    pub(super) fn finish_operation(
        &mut self,
        operation: OperationId,
        outcome: Outcome,
        actions: &mut Vec<Action>,
    ) {
        let Some(at) = self.state.in_flight.iter().position(|known| known.operation == operation) else {
            return;
        };
        let call = self.state.in_flight.remove(at).call;
        match (call, outcome) {
            (Call::PrepareResources, Outcome::Done) => self.state.resources = Resources::Prepared,
            (Call::ReleaseResources, Outcome::Done) => self.state.resources = Resources::Released,
            (Call::CreateSandbox { attempt }, Outcome::SandboxCreated(id)) => self.sandbox_made(id, attempt),
            (Call::StopSandbox { sandbox }, Outcome::Done) => self.sandbox_stopped(&sandbox),
            (Call::RemoveSandbox { sandbox }, Outcome::Done) => {
                self.observed.remove_sandbox(&sandbox);
                self.scratch.has_news = true;
            }
            (Call::EnsureImage { container, image }, Outcome::Done) => self.image_there(container, image),
            (Call::CreateContainer { container, attempt, spec_hash }, Outcome::ContainerCreated(id)) => {
                self.made(container, (id, attempt, spec_hash), actions);
            }
            (Call::StartContainer { container, id }, Outcome::Done) => self.started(container, id, actions),
            (Call::PostStart { container, .. }, Outcome::Done) => self.state.hooks_pending.remove(container),
            (Call::PreStop { id }, _) => self.state.termination.hook_finished(self.state.now, &id),
            (Call::StopContainer { id }, Outcome::Done) => self.stop_confirmed(id),
            // If it failed the garbage collection gets it: it counts no more in any case.
            (Call::RemoveContainer { .. }, _) => {}
            (call, Outcome::Failed(failure)) => self.call_failed(call, &failure, actions),
            // An answer to another question is as good as none.
            (call, _) => self.call_failed(call, &Failure::default(), actions),
        }
    }

    /// Takes what is observed for an outcome that has not come: what was asked for is there.
    pub(super) fn take_evidence(&mut self, actions: &mut Vec<Action>) {
        let mut at = 0;
        while let Some(InFlight { operation, call, .. }) = self.state.in_flight.get(at) {
            let outcome = match call {
                Call::CreateSandbox { attempt } => {
                    let mut sandboxes = self.observed.sandboxes().iter();
                    let made = sandboxes.find(|sandbox| sandbox.attempt == *attempt);
                    made.map(|made| Outcome::SandboxCreated(made.id.clone()))
                }
                Call::CreateContainer { container, attempt, .. } => {
                    let is_it =
                        |latest: &&ContainerRecord| latest.attempt == *attempt && latest.exit().is_none();
                    let made = self.observed.latest(*container).filter(is_it);
                    made.map(|made| Outcome::ContainerCreated(made.id.clone()))
                }
                Call::StartContainer { id, .. } => self.observed.find(id).and_then(|record| {
                    let is_past =
                        matches!(record.state, RecordState::Running { .. } | RecordState::Exited(_));
                    is_past.then_some(Outcome::Done)
                }),
                _ => None,
            };
            match outcome {
                // It goes from the list; what stands there now has not been looked at.
                Some(outcome) => {
                    let operation = *operation;
                    self.finish_operation(operation, outcome, actions);
                }
                None => at += 1,
            }
        }
    }

    /// Gives up on operations that have taken too long.
    pub(super) fn expire_operations(&mut self, actions: &mut Vec<Action>) {
        let now = self.state.now;
        let is_late = |operation: &InFlight| operation.deadline.is_some_and(|deadline| deadline <= now);
        if !self.state.in_flight.iter().any(is_late) {
            return;
        }
        let (late, in_flight) = std::mem::take(&mut self.state.in_flight).into_iter().partition(is_late);
        self.state.in_flight = in_flight;
        let late: Vec<InFlight> = late;
        for InFlight { call, .. } in late {
            self.state.give_up(&call);
            self.call_failed(call, &Failure::default(), actions);
        }
    }

    fn sandbox_made(&mut self, id: SandboxId, attempt: u32) {
        if self.observed.sandboxes().iter().any(|known| known.id == id) {
            return;
        }
        let created_at = self.after(self.observed.sandboxes().first().map(|newest| newest.created_at));
        let host_network = self.pod.spec.host_network;
        let state = SandboxState::Ready;
        self.observe_sandbox(SandboxRecord {
            id,
            attempt,
            state,
            ip: None,
            host_network,
            created_at,
            ..SandboxRecord::default()
        });
    }

    fn sandbox_stopped(&mut self, id: &SandboxId) {
        if let Some(known) = self.observed.sandboxes().iter().find(|known| known.id == *id) {
            let stopped = SandboxRecord { state: SandboxState::NotReady, ..known.clone() };
            self.observe_sandbox(stopped);
        }
    }

    fn image_there(&mut self, container: ContainerIndex, image: NeededImage) {
        let Some(compiled) = self.pod.container(container) else { return };
        self.state.image_back_off.reset(&compiled.image_key(image));
        let asked = compiled.images().position(|needed| needed == image);
        if self.may_start(container)
            && let Some(asked) = asked.and_then(|at| u32::try_from(at).ok())
        {
            self.state.tracks[container.at()].images_there = asked.saturating_add(1);
        }
    }

    fn made(
        &mut self,
        container: ContainerIndex,
        (id, attempt, spec_hash): (ContainerId, u32, u64),
        actions: &mut Vec<Action>,
    ) {
        let Some(compiled) = self.pod.container(container) else { return };
        let newest = self.observed.records().containers.first().map(|newest| newest.created_at);
        let record = ContainerRecord {
            id: id.clone(),
            name: Arc::clone(&compiled.name),
            attempt,
            spec_hash,
            image: Arc::clone(&compiled.image),
            image_ref: Arc::default(),
            created_at: self.after(newest),
            state: RecordState::Created,
        };
        if self.observed.find(&id).is_none() {
            self.observe_container(record);
        }
        // Whatever it waited for is over.
        self.state.tracks[container.at()].waiting = None;
        let is_new = self.observed.find(&id).is_some_and(|known| known.state == RecordState::Created);
        if !is_new || !self.may_start(container) {
            return;
        }
        let deadline = self.state.now + self.settings.operation_timeout;
        let call = Call::StartContainer { container, id: id.clone() };
        let operation = self.state.issue(call, Some(deadline));
        actions.push(Action::StartContainer { operation, container, id });
    }

    fn started(&mut self, container: ContainerIndex, id: ContainerId, actions: &mut Vec<Action>) {
        let Some(known) = self.observed.find(&id) else { return };
        if known.state == RecordState::Created {
            let state = RecordState::Running { started_at: self.state.now };
            let record = ContainerRecord { state, ..known.clone() };
            self.observe_container(record);
        }
        self.state.restarting.remove(container);
        let runs = self.observed.find(&id).is_some_and(ContainerRecord::is_running);
        if runs
            && self.may_start(container)
            && self.pod.container(container).is_some_and(|known| known.post_start)
        {
            self.state.hooks_pending.insert(container);
            let deadline = self.state.now + self.settings.patience;
            let operation = self.state.issue(Call::PostStart { container, id: id.clone() }, Some(deadline));
            actions.push(Action::RunPostStart { operation, container, id });
        }
    }

    fn call_failed(&mut self, call: Call, failure: &Failure, actions: &mut Vec<Action>) {
        let now = self.state.now;
        let again = now + self.settings.retry;
        match call {
            Call::PrepareResources | Call::ReleaseResources => {
                self.state.resources_retry_at = Some(again);
            }
            Call::CreateSandbox { .. } | Call::StopSandbox { .. } | Call::RemoveSandbox { .. } => {
                self.state.sandbox_retry_at = Some(again);
            }
            Call::EnsureImage { container, image } => {
                let reason = self.start_failed(container, failure, WaitingReason::ErrImagePull);
                if reason == WaitingReason::ErrImagePull
                    && let Some(compiled) = self.pod.container(container)
                {
                    self.state.image_back_off.next(&compiled.image_key(image), now, now);
                }
            }
            Call::CreateContainer { container, .. } => {
                self.start_failed(container, failure, WaitingReason::CreateContainerError);
            }
            Call::StartContainer { container, .. } => {
                self.start_failed(container, failure, WaitingReason::RunContainerError);
            }
            Call::PostStart { container, id } => {
                let message = Arc::clone(&failure.message);
                self.state.tracks[container.at()].waits_for(WaitingReason::PostStartHookError, message);
                let grace = grace_seconds(None, self.pod.spec.termination_grace_period_seconds, None);
                if self.is_syncing() {
                    self.stop_alone((&id, Some(container)), grace, actions);
                } else if self.may_start(container) {
                    // A sidecar that is needed while the pod goes makes room for its next instance.
                    self.state.termination.let_go(&id);
                }
            }
            Call::PreStop { id } => self.state.termination.hook_finished(now, &id),
            Call::RemoveContainer { .. } => {}
            Call::StopContainer { id } => {
                self.state.issue(Call::StopAgain { id }, Some(again));
            }
            Call::StopAgain { id } => {
                if let Some(step) = self.state.termination.again(now, &id) {
                    self.take_step(step, actions);
                }
            }
        }
    }

    fn start_failed(
        &mut self,
        container: ContainerIndex,
        failure: &Failure,
        usual: WaitingReason,
    ) -> WaitingReason {
        let reason = WaitingReason::of_word(&failure.reason).unwrap_or(usual);
        let track = &mut self.state.tracks[container.at()];
        self.scratch.has_news |= track.message != failure.message;
        track.waits_for(reason, Arc::clone(&failure.message));
        track.retry_at = Some(self.state.now + self.settings.retry);
        reason
    }

    /// Now, or right after the newest of its kind: what is made last is the latest, whatever the clocks say.
    fn after(&self, newest: Option<Timestamp>) -> Timestamp {
        let next = |newest: Timestamp| newest + std::time::Duration::from_nanos(1);
        newest.map(next).unwrap_or(self.state.now).max(self.state.now)
    }

    /// Stops one instance that is to be replaced or has failed; it waits for nobody.
    pub(super) fn stop_alone(
        &mut self,
        instance: (&ContainerId, Option<ContainerIndex>),
        grace: i64,
        actions: &mut Vec<Action>,
    ) {
        if self.state.termination.stop_of(instance.0).is_none() {
            self.begin_stop(instance, grace, false, actions);
        }
    }
}
