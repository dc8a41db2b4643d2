//! What the set of pods asks for, done by the machine of each.

use std::sync::Arc;

use super::entry::{Call, Life, Memory};
use super::remains::remains_of_refused;
use super::settings::part_of;
use super::{Pods, PodsAction};
use crate::api::{Pod, Uid};
use crate::machine::{Machine, OperationId, Timestamp};
use crate::pod::{
    CompiledPod, Event, Lifecycle, LifecycleAction, LifecycleEvent, LifecycleSettings, PodStage, PodUpdate,
    Requeue, StatusOverride, SyncOutcome, Verdict, Worker, WorkersAction, WorkersEvent,
};

impl Pods {
    /// Does what the set of pods asks for, and what follows, until nothing is left.
    pub(super) fn run(&mut self, actions: &mut Vec<PodsAction>) {
        while let Some(action) = self.queue.pop_front() {
            self.carry_out(action, actions);
        }
    }

    fn carry_out(&mut self, action: WorkersAction, actions: &mut Vec<PodsAction>) {
        if action.operation().is_some() && self.postpone(&action) {
            return;
        }
        match action {
            WorkersAction::SyncPod { operation, uid, pod, .. } => self.sync(operation, &uid, &pod, actions),
            WorkersAction::SyncTerminatingPod { operation, uid, pod, grace_period_seconds, status } => {
                self.make(&uid, &pod, true, actions);
                self.wait_for(&uid, operation, Call::Terminating);
                self.terminate(&uid, grace_period_seconds, status.as_deref(), actions);
            }
            WorkersAction::SyncTerminatingRuntimePod { operation, uid, .. } => {
                self.stop_running(operation, &uid, actions);
            }
            WorkersAction::SyncTerminatedPod { operation, uid, pod } => {
                self.make(&uid, &pod, true, actions);
                self.wait_for(&uid, operation, Call::Terminated);
                self.admit(&uid, actions);
                if self.worker(&uid).is_some_and(Worker::is_syncing) {
                    // It ended in a life of the agent that nothing is known of.
                    self.tell(&uid, deleted(None), actions);
                }
            }
            WorkersAction::Cancel { operation, uid } => self.cancel(&uid, operation),
            WorkersAction::Requeue { uid, after } => self.requeue(&uid, after),
            WorkersAction::Completed { uid, notice } => actions.push(PodsAction::Completed { uid, notice }),
            WorkersAction::Finished { uid } => {
                if let Some(entry) = self.entries.get_mut(&uid) {
                    entry.memory.requeue_at = None;
                }
                self.touch(&uid);
                actions.push(PodsAction::Finished { uid });
            }
            WorkersAction::Forgotten { uid, restart_wanted } => self.forget(&uid, restart_wanted, actions),
        }
    }

    /// A call of a new life of a UID waits until the last one is over.
    fn postpone(&mut self, action: &WorkersAction) -> bool {
        let entry = self.entries.entry(action.uid().clone()).or_default();
        if entry.memory.leaving {
            entry.memory.postponed = Some(action.clone());
        } else {
            entry.memory.held = false;
        }
        entry.memory.leaving
    }

    fn sync(&mut self, operation: OperationId, uid: &Uid, pod: &Arc<Pod>, actions: &mut Vec<PodsAction>) {
        self.make(uid, pod, false, actions);
        self.admit(uid, actions);
        // The pod's machine goes on by itself. One that is refused has come to its end.
        let is_over = self.worker(uid).is_none_or(Worker::is_terminated);
        let outcome = if is_over { SyncOutcome::Terminal } else { SyncOutcome::Done };
        self.send_refusal(uid, actions);
        self.touch(uid);
        self.tell_workers(WorkersEvent::Done { uid: uid.clone(), operation, outcome });
    }

    /// Makes a pod's machine, if there is none. Where it cannot be, the pod is refused; what the runtime has of it
    /// gets one if it is to go.
    fn make(&mut self, uid: &Uid, pod: &Arc<Pod>, goes: bool, actions: &mut Vec<PodsAction>) {
        let entry = self.entries.entry(uid.clone()).or_default();
        if entry.life.is_some() {
            return;
        }
        let pod = Arc::clone(entry.memory.pod.get_or_insert_with(|| Arc::clone(pod)));
        let mirror = entry.memory.mirror.clone();
        match CompiledPod::compile(&pod, &self.behaviour) {
            Ok(compiled) => {
                let compiled = Arc::new(compiled);
                self.make_life(uid, Arc::clone(&pod), Arc::clone(&compiled), false);
                if mirror.is_some() {
                    self.offer_to(uid, pod, compiled, mirror, actions);
                }
            }
            Err(error) => {
                self.refuse(uid, &pod, &error, actions);
                if goes {
                    self.make_remains(uid, remains_of_refused(&pod));
                    self.tell(uid, deleted(None), actions);
                }
            }
        }
    }

    pub(super) fn make_life(&mut self, uid: &Uid, of: Arc<Pod>, compiled: Arc<CompiledPod>, remains: bool) {
        let now = self.state.now;
        let (until, whole) = self.state.jitter;
        let jitter = if now < until { part_of(uid, whole) } else { std::time::Duration::ZERO };
        let settings = settings_of(&self.settings.lifecycle, remains);
        let mut machine = Lifecycle::new(&of, compiled, settings, jitter, now);
        // An outcome that belongs to an earlier life of the UID is foreign to this one.
        let epoch = self.state.epoch;
        self.state.epoch = epoch.saturating_add(1);
        machine.step(now, LifecycleEvent::AgentStarted { epoch, jitter }, &mut self.scratch.life);
        self.scratch.life.clear();
        let entry = self.entries.entry(uid.clone()).or_default();
        entry.memory.version_base = self.state.versions;
        entry.memory.stepped_at = now;
        entry.memory.settled = false;
        entry.life = Some(Life { of, mirror: None, machine, remains });
    }

    /// Shows a pod what was last observed of it, if it has not been observed in this life of the agent.
    pub(super) fn admit(&mut self, uid: &Uid, actions: &mut Vec<PodsAction>) {
        if self.worker(uid).is_some_and(|worker| !worker.is_synced())
            && let Some((at, records)) = self.state.latest_of(uid)
        {
            let records = Box::new(records);
            self.tell(uid, LifecycleEvent::Pod(Event::Observed { at, records }), actions);
        }
        self.follow(uid, actions);
    }

    fn wait_for(&mut self, uid: &Uid, operation: OperationId, call: Call) {
        if let Some(entry) = self.entries.get_mut(uid) {
            entry.memory.call = Some((operation, call));
        }
    }

    /// The pod goes: by a verdict where its status has to say why, by its deletion otherwise. One that has come to
    /// its end by itself, and that its source still has, is left as it is.
    fn terminate(
        &mut self,
        uid: &Uid,
        grace_seconds: Option<i64>,
        status: Option<&StatusOverride>,
        actions: &mut Vec<PodsAction>,
    ) {
        let is_deleted = self.workers.is_pod_deleted(uid);
        let is_over = self.worker(uid).is_some_and(Worker::is_terminated);
        if let Some(status) = status.filter(|_| !is_over) {
            let StatusOverride { reason, message, disruption, spares_succeeded } = status.clone();
            let verdict = Verdict { reason, message, grace_seconds, disruption, spares_succeeded };
            self.tell(uid, LifecycleEvent::Pod(Event::Verdict(Box::new(verdict))), actions);
        }
        if is_deleted || (status.is_none() && !is_over) {
            self.tell(uid, deleted(grace_seconds), actions);
        }
        self.admit(uid, actions);
    }

    fn cancel(&mut self, uid: &Uid, operation: OperationId) {
        let Some(Memory { call, postponed, reading, .. }) =
            self.entries.get_mut(uid).map(|entry| &mut entry.memory)
        else {
            return;
        };
        let is_postponed = postponed.take_if(|action| action.operation() == Some(operation)).is_some();
        let is_call = call.take_if(|(known, _)| *known == operation).is_some();
        if is_call {
            *reading = None;
        }
        if is_call || is_postponed {
            let outcome = SyncOutcome::Canceled;
            self.tell_workers(WorkersEvent::Done { uid: uid.clone(), operation, outcome });
            self.touch(uid);
        }
    }

    fn requeue(&mut self, uid: &Uid, after: Requeue) {
        let after = self.settings.requeue(uid, after);
        let at: Option<Timestamp> = (!after.is_zero()).then(|| self.state.now + after);
        self.entries.entry(uid.clone()).or_default().memory.requeue_at = at;
        if at.is_none() {
            self.tell_workers(WorkersEvent::Due { uid: uid.clone() });
        }
        self.touch(uid);
    }

    /// The pod is known no more. What is left of it still goes; a pod of its UID that is wanted begins anew.
    fn forget(&mut self, uid: &Uid, restart_wanted: bool, actions: &mut Vec<PodsAction>) {
        actions.push(PodsAction::Forgotten { uid: uid.clone(), restart_wanted });
        let Some(entry) = self.entries.get_mut(uid) else { return };
        let memory = &mut entry.memory;
        (memory.call, memory.postponed, memory.requeue_at) = (None, None, None);
        (memory.reading, memory.refusal, memory.held) = (None, None, false);
        let again = memory.pod.clone().filter(|_| restart_wanted && self.state.wanted.contains(uid));
        let mirror = memory.mirror.clone();
        if let Some(life) = &entry.life {
            memory.leaving = true;
            if !life.machine.worker().is_deleted() {
                self.tell(uid, deleted(None), actions);
            }
            self.admit(uid, actions);
        }
        if let Some(pod) = again {
            let update = PodUpdate { mirror, ..PodUpdate::create(pod) };
            self.tell_workers(WorkersEvent::Update(update));
        }
        self.follow(uid, actions);
        self.forget_if_empty(uid);
    }

    /// Forgets what is not known any more, neither to the set of pods nor by what is left.
    pub(super) fn forget_if_empty(&mut self, uid: &Uid) {
        let is_empty = self.entries.get(uid).is_some_and(|entry| entry.life.is_none());
        if is_empty && self.workers.stage(uid).is_none() {
            let due = self.entries.remove(uid).and_then(|entry| entry.due);
            if let Some(due) = due {
                self.deadlines.remove(&(due, uid.clone()));
            }
        }
    }

    /// Hands something to a pod's machine, and what it asks for outward.
    pub(super) fn tell(&mut self, uid: &Uid, event: LifecycleEvent, actions: &mut Vec<PodsAction>) {
        let now = self.state.now;
        let Some(entry) = self.entries.get_mut(uid) else { return };
        let Some(life) = &mut entry.life else { return };
        life.machine.step(now, event, &mut self.scratch.life);
        entry.memory.stepped_at = now;
        entry.memory.settled = false;
        self.emit(uid, actions);
        self.follow(uid, actions);
    }

    /// What a pod's machine asks for goes outward.
    pub(super) fn emit(&mut self, uid: &Uid, actions: &mut Vec<PodsAction>) {
        let base = self.entries.get(uid).map_or(0, |entry| entry.memory.version_base);
        for mut action in self.scratch.life.drain(..) {
            if let LifecycleAction::SendStatus { version, .. } = &mut action {
                *version = version.saturating_add(base);
                self.state.versions = self.state.versions.max(*version);
            }
            actions.push(PodsAction::Pod { uid: uid.clone(), action });
        }
    }

    /// What follows from where a pod's machine is now.
    pub(super) fn follow(&mut self, uid: &Uid, actions: &mut Vec<PodsAction>) {
        let Some(entry) = self.entries.get_mut(uid) else { return };
        if let Some(life) = &entry.life {
            let (worker, memory) = (life.machine.worker(), &mut entry.memory);
            let is_done = |call: Call| match call {
                Call::Terminating => worker.is_terminated(),
                Call::Terminated => worker.is_released(),
                Call::Runtime => worker.is_finished(),
            };
            let done = memory.call.take_if(|(_, call)| is_done(*call));
            let has_ended =
                worker.is_terminated() && !memory.held && !memory.leaving && memory.call.is_none();
            let is_gone = memory.leaving && worker.is_finished();
            if is_gone {
                memory.leaving = false;
                entry.life = None;
                self.state.dropped.insert(uid.clone(), self.state.now);
                self.queue.extend(entry.memory.postponed.take());
            }
            if let Some((operation, _)) = done {
                let outcome = SyncOutcome::Done;
                self.tell_workers(WorkersEvent::Done { uid: uid.clone(), operation, outcome });
            } else if has_ended && self.workers.stage(uid) == Some(PodStage::Sync) {
                self.tell_workers(WorkersEvent::Due { uid: uid.clone() });
            }
            if is_gone {
                self.forget_if_empty(uid);
            }
        }
        self.send_refusal(uid, actions);
        self.touch(uid);
    }

    /// Keeps the pod's place in the index of deadlines.
    pub(super) fn touch(&mut self, uid: &Uid) {
        let Some(entry) = self.entries.get_mut(uid) else { return };
        let due = entry.next_wakeup();
        if due == entry.due {
            return;
        }
        if let Some(before) = entry.due {
            self.deadlines.remove(&(before, uid.clone()));
        }
        if let Some(due) = due {
            self.deadlines.insert((due, uid.clone()));
        }
        entry.due = due;
    }

    pub(super) fn tell_workers(&mut self, event: WorkersEvent) {
        self.workers.step(self.state.now, event, &mut self.scratch.workers);
        self.queue.extend(self.scratch.workers.drain(..));
    }

    pub(super) fn worker(&self, uid: &Uid) -> Option<&Worker> {
        Some(self.lifecycle(uid)?.worker())
    }
}

/// The settings of what the runtime has of a pod without a spec: nobody hears of it.
pub(super) fn settings_of(settings: &LifecycleSettings, remains: bool) -> LifecycleSettings {
    LifecycleSettings { publishes: settings.publishes && !remains, ..settings.clone() }
}

const fn deleted(grace_seconds: Option<i64>) -> LifecycleEvent {
    LifecycleEvent::Pod(Event::Deleted { grace_seconds })
}
