//! The way up: what is observed, and what the plan makes of it.

use std::sync::Arc;

use super::state::{Call, Stage};
use super::{Action, StopReason, ViewState, Worker};
use crate::api::{ContainerId, RestartPolicy, SandboxId};
use crate::container::{
    ContainerIndex, ContainerRecord, ContainerSet, Exit, PodRecords, ProbeKind, ProbeResult, ProbeResults,
    RecordState, SandboxRecord, SandboxState, grace_seconds,
};
use crate::machine::Timestamp;
use crate::pod::plan::{is_done_for_good, never_ran};
use crate::pod::{
    CompiledContainer, CompiledPod, Kill, KillPodReason, KillReason, Observed, PlanContext, SyncPlan,
    plan_into,
};

impl Worker {
    /// Takes a full report of the runtime.
    pub(super) fn observe(&mut self, at: Timestamp, mut report: PodRecords, actions: &mut Vec<Action>) {
        let at = at.min(self.state.now);
        if self.state.observed_at.is_some_and(|last| at < last) {
            return;
        }
        self.state.observed_at = Some(at);
        // What is gone from the reports need not be remembered as purged.
        self.state.purged.retain(|id| report.containers.iter().any(|record| record.id == *id));
        report.containers.retain(|record| !self.state.purged.contains(&record.id));
        for record in &mut report.containers {
            self.keep_progress(record);
            self.note_exit_code(record);
        }
        self.state.news.retain(|(_, known)| *known >= at);
        self.state.sandbox_news.retain(|(_, known)| *known >= at);
        self.state.stopped.retain(|(_, stopped)| *stopped >= at);
        // What is known since the runtime was asked is not in the report, and true all the same.
        for (id, _) in &self.state.news {
            if let Some(known) = self.observed.find(id) {
                report.containers.retain(|record| record.id != *id);
                report.containers.push(known.clone());
            }
        }
        for (id, _) in &self.state.sandbox_news {
            report.sandboxes.retain(|record| record.id != *id);
            report.sandboxes.extend(self.observed.sandboxes().iter().find(|known| known.id == *id).cloned());
        }
        self.remember_ends(&mut report);
        let observed = Observed::new(&self.pod, report);
        self.scratch.has_news |= observed != self.observed;
        self.observed = observed;
        self.records_changed();
        self.take_evidence(actions);
        if !self.state.synced {
            self.state.synced = true;
            self.resume_termination(actions);
        }
    }

    /// The end of a container's latest instance counts, also when its record is gone.
    fn remember_ends(&self, report: &mut PodRecords) {
        let indices = (0..).map(ContainerIndex).take(self.pod.containers().len());
        let ended = indices.filter_map(|index| self.observed.latest(index).filter(|it| it.exit().is_some()));
        for known in ended {
            let is_there = |record: &ContainerRecord| {
                let is_newer = record.created_at > known.created_at || record.attempt > known.attempt;
                record.id == known.id || is_newer
            };
            if !report.containers.iter().any(|record| record.name == known.name && is_there(record)) {
                report.containers.push(known.clone());
            }
        }
    }

    /// Takes what is known of one container.
    pub(super) fn observe_container(&mut self, mut record: ContainerRecord) {
        if self.state.purged.contains(&record.id) || self.is_of_old(&record) {
            return;
        }
        self.keep_progress(&mut record);
        self.note_exit_code(&record);
        let id = record.id.clone();
        self.scratch.has_news |= self.observed.find(&id) != Some(&record);
        self.observed.put_container(&self.pod, record);
        let news = &mut self.state.news;
        match news.iter_mut().rev().find(|(known, _)| *known == id) {
            Some((_, since)) => *since = self.state.now,
            None => news.push((id, self.state.now)),
        }
        if news.len() > 2 * self.observed.records().containers.len() {
            // Instances that are gone are no news.
            news.retain(|(known, _)| self.observed.find(known).is_some());
        }
        self.records_changed();
    }

    /// Whether an instance has ended, is not known (any more) and is none that comes next: it went with an earlier
    /// sandbox, say, and its end is told late. If it counts after all the next full report has it.
    fn is_of_old(&self, record: &ContainerRecord) -> bool {
        let track = self.pod.index_of(&record.name).and_then(|index| self.state.tracks.get(index.at()));
        let is_next = track.is_none_or(|track| track.highest_attempt < Some(record.attempt));
        self.state.synced && !is_next && record.exit().is_some() && self.observed.find(&record.id).is_none()
    }

    /// Takes what is known of one sandbox.
    pub(super) fn observe_sandbox(&mut self, record: SandboxRecord) {
        let id = record.id.clone();
        self.scratch.has_news |= !self.observed.sandboxes().contains(&record);
        self.observed.put_sandbox(record);
        self.state.sandbox_news.retain(|(known, _)| *known != id);
        self.state.sandbox_news.push((id, self.state.now));
        self.records_changed();
    }

    /// An instance goes one way: made, running, exited. A report that says otherwise is late.
    fn keep_progress(&self, record: &mut ContainerRecord) {
        let Some(known) = self.observed.find(&record.id) else { return };
        let is_late = match (&known.state, &record.state) {
            (RecordState::Exited(_), RecordState::Exited(_)) => false,
            (RecordState::Exited(_), _) | (RecordState::Running { .. }, RecordState::Created) => true,
            _ => false,
        };
        if is_late {
            record.state.clone_from(&known.state);
        }
    }

    /// Brings in line what is remembered of instances.
    pub(super) fn records_changed(&mut self) {
        self.note_records();
        for (index, record) in self.observed.instances() {
            if let Some(track) = index.and_then(|index| self.state.tracks.get_mut(index.at())) {
                track.highest_attempt = track.highest_attempt.max(Some(record.attempt));
            }
        }
        let sandboxes = self.observed.sandboxes().iter().map(|sandbox| sandbox.attempt);
        self.state.highest_sandbox_attempt = self.state.highest_sandbox_attempt.max(sandboxes.max());
        for (index, track) in (0..).map(ContainerIndex).zip(&mut self.state.tracks) {
            let latest = self.observed.latest(index);
            // A record that is missing for once does not undo what the probes said of it.
            if let Some(latest) = latest.filter(|latest| track.probed.as_ref() != Some(&latest.id)) {
                track.probed = Some(latest.id.clone());
                track.probes = ProbeResults::default();
            }
            if !latest.is_some_and(ContainerRecord::is_running) {
                self.state.hooks_pending.remove(index);
            }
        }
        // Whatever was to be replaced has been, when its successor runs.
        for index in self.state.restarting.iter() {
            let latest = self.observed.latest(index).filter(|latest| latest.is_running());
            let goes = |id| self.state.termination.stop_of(id).is_some() || self.is_stopped(id);
            if latest.is_some_and(|latest| !goes(&latest.id)) {
                self.state.restarting.remove(index);
            }
        }
        self.note_restarted();
        self.state.killed.retain(|id| self.observed.find(id).is_some());
        let observed = &self.observed;
        let is_gone = |id: &ContainerId| {
            !observed.find(id).is_some_and(|record| {
                matches!(record.state, RecordState::Running { .. } | RecordState::Unknown)
            })
        };
        self.state.termination.retain(|id| !is_gone(id));
        self.state.in_flight.retain(|operation| match &operation.call {
            Call::PostStart { id, .. } | Call::PreStop { id } | Call::StopAgain { id } => !is_gone(id),
            _ => true,
        });
    }

    /// Takes the result of a probe, if it is of a latest instance. Says whether anything can follow from it: no result
    /// yet, one that is not known, and what a probe says of an instance that it has not asked are all the same, and
    /// nothing follows for an instance that does not run.
    pub(super) fn take_probe(&mut self, id: &ContainerId, probe: ProbeKind, result: ProbeResult) -> bool {
        let at = self.state.tracks.iter().position(|track| track.probed.as_ref() == Some(id));
        let Some(track) = at.and_then(|at| self.state.tracks.get_mut(at)) else { return false };
        let counts = |result| result != probe.initial_result() && result != ProbeResult::Unknown;
        let before = track.probes.of(probe);
        track.probes.set(probe, Some(result));
        let is_news = before != Some(result) && (before.is_some_and(counts) || counts(result));
        // What does not run is neither killed for its probes nor ready by them.
        is_news && self.observed.find(id).is_some_and(ContainerRecord::is_running)
    }

    /// Takes a new form of the pod; what is remembered of containers follows their names.
    pub(super) fn update(&mut self, pod: Arc<CompiledPod>) {
        if pod.uid != self.pod.uid {
            return;
        }
        let old = std::mem::replace(&mut self.pod, pod);
        let moved = |index: ContainerIndex| self.pod.index_of(old.name_of(index));
        let set = |set: ContainerSet| set.iter().filter_map(moved).collect();
        self.state.restarting = set(self.state.restarting);
        if let Some(again) = &mut self.state.again {
            again.left = set(again.left);
        }
        self.state.hooks_pending = set(self.state.hooks_pending);
        self.state.termination.renumber(moved);
        let tracks = self.pod.containers().iter().map(|container| {
            let known = old.index_of(&container.name);
            let mut track =
                known.map(|index| std::mem::take(&mut self.state.tracks[index.at()])).unwrap_or_default();
            let same = known.and_then(|index| old.container(index));
            // Other images are not known to be there.
            let asks_for_the_same = |same: &CompiledContainer| {
                same.spec_hash == container.spec_hash && same.volume_images == container.volume_images
            };
            if !same.is_some_and(asks_for_the_same) {
                track.images_there = 0;
            }
            track
        });
        self.state.tracks = tracks.collect();
        let key_of = |pod: &CompiledPod, index, image| {
            pod.container(index)
                .map(|container| (container.image_key(image), container.image(image).is_some()))
        };
        self.state.in_flight.retain_mut(|operation| match &mut operation.call {
            // An image that is not asked for any more clears nothing.
            Call::EnsureImage { container, image } => {
                let before = key_of(&old, *container, *image);
                moved(*container).map(|index| *container = index).is_some()
                    && key_of(&self.pod, *container, *image) == before
            }
            Call::CreateContainer { container, .. }
            | Call::StartContainer { container, .. }
            | Call::PostStart { container, .. } => {
                moved(*container).map(|index| *container = index).is_some()
            }
            _ => true,
        });
        self.state.crash_loop.gc(self.state.now);
        self.state.image_back_off.gc(self.state.now);
        self.observed.index(&self.pod);
        self.records_changed();
    }

    /// Brings the runtime in line with the spec.
    pub(super) fn sync(&mut self, actions: &mut Vec<Action>) {
        if self.restart_all(actions) {
            return;
        }
        if self.may_be_over() && self.compute_phase().is_terminal() {
            self.begin_termination(StopReason::Completed, None);
            self.terminate(actions);
            return;
        }
        let mut plan = std::mem::take(&mut self.scratch.plan);
        self.plan_into(&mut plan);
        self.carry_out(&plan, actions);
        self.scratch.plan = plan;
    }

    /// Whether the phase can be terminal at all: something has ended that counts for it. It spares most syncs the look
    /// at every container.
    fn may_be_over(&self) -> bool {
        let counts =
            |index: ContainerIndex, exit_code: i32| exit_code != 0 || self.pod.apps().contains(index);
        let mut instances = self.observed.instances();
        let mut tracks = (0..).map(ContainerIndex).zip(&self.state.tracks);
        self.state.end.is_some()
            || instances.any(|(index, record)| {
                index.zip(record.exit()).is_some_and(|(index, exit)| counts(index, exit.exit_code))
            })
            || tracks.any(|(index, track)| match track.view.state {
                ViewState::Terminated { exit_code }
                | ViewState::Waiting { last_exit_code: Some(exit_code), .. } => counts(index, exit_code),
                _ => false,
            })
    }

    fn plan_into(&mut self, plan: &mut SyncPlan) {
        let mut probes = std::mem::take(&mut self.scratch.probes);
        probes.clear();
        probes.extend(self.state.tracks.iter().map(|track| track.probes));
        let context = PlanContext {
            deleted: self.state.deleted,
            probes: &probes,
            hooks_pending: self.state.hooks_pending,
            restarting: self.state.restarting,
            killed: self.killed(),
            begins_anew: self.state.again.is_some(),
        };
        plan_into(&self.pod, &self.observed, context, plan);
        self.scratch.probes = probes;
    }

    fn carry_out(&mut self, plan: &SyncPlan, actions: &mut Vec<Action>) {
        if let Some(reason) = plan.kill_pod {
            self.note_killed();
            self.stop_running(None, actions);
            self.advance_termination(actions);
            let sandbox_goes = matches!(reason, KillPodReason::Sandbox(_));
            if self.anything_runs() || sandbox_goes && self.stop_sandboxes(StopReason::Plan(reason), actions)
            {
                return;
            }
        }
        for kill in &plan.kill {
            self.kill(kill, actions);
        }
        self.advance_termination(actions);
        let starts = plan.create_sandbox || plan.kill_pod.is_none() && plan.starts().next().is_some();
        if !starts || !self.prepare_resources(actions) {
            return;
        }
        if plan.create_sandbox {
            self.create_sandbox(plan.attempt, actions);
        } else {
            self.start_next(plan, actions);
        }
    }

    fn kill(&mut self, kill: &Kill, actions: &mut Vec<Action>) {
        if self.is_stopped(&kill.id) {
            return;
        }
        let spec = self.pod.spec.termination_grace_period_seconds;
        let container = self.pod.container(kill.container);
        let failed = match kill.reason {
            KillReason::LivenessProbe => Some(ProbeKind::Liveness),
            KillReason::StartupProbe => Some(ProbeKind::Startup),
            KillReason::DefinitionChanged | KillReason::Unknown => None,
        };
        let probe = container.zip(failed).and_then(|(container, failed)| container.probe_grace(failed));
        let grace = grace_seconds(None, spec, probe);
        self.stop_alone((&kill.id, Some(kill.container)), grace, actions);
        if kill.restarts {
            self.state.restarting.insert(kill.container);
        }
    }

    fn create_sandbox(&mut self, attempt: u32, actions: &mut Vec<Action>) {
        let busy = self.state.is_in_flight(|call| matches!(call, Call::CreateSandbox { .. }));
        if busy || !self.sandbox_may_be_called() {
            return;
        }
        let next = self.state.highest_sandbox_attempt.map_or(0, |highest| highest.saturating_add(1));
        let attempt = attempt.max(next);
        let deadline = self.state.now + self.settings.operation_timeout;
        let operation = self.state.issue(Call::CreateSandbox { attempt }, Some(deadline));
        actions.push(Action::CreateSandbox { operation, attempt });
        self.purge_inits(actions);
    }

    /// In a new sandbox initialisation begins anew: what init containers did in the old one counts no more. Of a pod
    /// that never restarts anything what was done stays done, and what was only made is made anew.
    fn purge_inits(&mut self, actions: &mut Vec<Action>) {
        let (pod, observed) = (&self.pod, &self.observed);
        let mut purged = pod.inits();
        let keeps = pod.spec.restart_policy == RestartPolicy::Never
            && self.state.again.is_none()
            && !pod.behaviour.compat.keep_never_pods_without_sandbox;
        if keeps {
            purged = purged.iter().filter(|index| !is_done_for_good(pod, observed, *index)).collect();
            let made = pod.apps().iter().filter(|index| observed.latest(*index).is_some_and(never_ran));
            made.for_each(|index| purged.insert(index));
        }
        self.purge(purged, actions);
    }

    /// What some containers have done so far counts no more.
    pub(super) fn purge(&mut self, containers: ContainerSet, actions: &mut Vec<Action>) {
        let instances = self.observed.instances();
        let of_any = instances.filter_map(|(index, record)| Some((index?, record.id.clone())));
        let purged: Vec<_> = of_any.filter(|(index, _)| containers.contains(*index)).collect();
        for (container, id) in purged {
            self.observed.remove_container(&id);
            self.state.purged.push(id.clone());
            let deadline = self.state.now + self.settings.operation_timeout;
            let operation = self.state.issue(Call::RemoveContainer { id: id.clone() }, Some(deadline));
            actions.push(Action::RemoveContainer { operation, container, id });
        }
    }

    /// Stops the sandboxes that are ready; whether any is left.
    pub(super) fn stop_sandboxes(&mut self, reason: StopReason, actions: &mut Vec<Action>) -> bool {
        let ready: Vec<SandboxId> = self
            .observed
            .sandboxes()
            .iter()
            .filter(|sandbox| sandbox.state == SandboxState::Ready)
            .map(|sandbox| sandbox.id.clone())
            .collect();
        let deadline = self.state.now + self.settings.operation_timeout;
        let may_be_called = self.sandbox_may_be_called();
        for sandbox in &ready {
            let call = Call::StopSandbox { sandbox: sandbox.clone() };
            if may_be_called && !self.state.is_in_flight(|other| *other == call) {
                let operation = self.state.issue(call, Some(deadline));
                actions.push(Action::StopSandbox { operation, sandbox: sandbox.clone(), reason });
            }
        }
        !ready.is_empty()
    }

    pub(super) fn sandbox_may_be_called(&mut self) -> bool {
        self.state.sandbox_retry_at.take_if(|at| *at <= self.state.now);
        self.state.sandbox_retry_at.is_none()
    }

    /// Whether a container runs that the runtime has not confirmed to have stopped.
    pub(super) fn anything_runs(&self) -> bool {
        let mut records = self.observed.records().containers.iter();
        records.any(|record| record.is_running() && !self.is_stopped(&record.id))
            || !self.state.termination.is_empty()
    }

    pub(super) fn is_stopped(&self, id: &ContainerId) -> bool {
        self.state.stopped.iter().any(|(stopped, _)| stopped == id)
    }

    /// An instance that the runtime had lost sight of is gone by its own word.
    pub(super) fn settle_unknown(&mut self, id: &ContainerId) {
        if let Some(known) = self.observed.find(id).filter(|known| known.state == RecordState::Unknown) {
            let exit = Exit {
                exit_code: 137,
                finished_at: self.state.now,
                reason: Arc::from("ContainerStatusUnknown"),
                ..Exit::default()
            };
            let record = ContainerRecord { state: RecordState::Exited(exit), ..known.clone() };
            self.observe_container(record);
        }
    }

    /// Whether the runtime is brought in line with the spec: nothing is being stopped for good yet.
    #[must_use]
    pub const fn is_syncing(&self) -> bool {
        matches!(self.state.stage, Stage::Syncing)
    }
}
