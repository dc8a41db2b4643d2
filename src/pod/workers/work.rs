//! One call after another: what a pod's newest update leads to, and what follows from an outcome.

use std::sync::Arc;

use super::state::{Call, InFlight, Life, Work};
use super::{PodStage, PodSubject, Requeue, RuntimeState, SyncOutcome, Workers, WorkersAction};
use crate::api::Uid;
use crate::machine::{OperationId, Operations};

/// Whether a pod is let through.
enum Start {
    Now,
    /// Another static pod has its full name, or comes first.
    NotYet,
    /// It goes before it began.
    Never,
}

impl Workers {
    /// Acts on the newest update of every pod that something happened to.
    pub(super) fn run(&mut self, actions: &mut Vec<WorkersAction>) {
        while let Some(uid) = self.queue.pop_front() {
            self.act(&uid, actions);
        }
    }

    /// Acts on a pod's newest update, unless a call of the pod is in flight.
    fn act(&mut self, uid: &Uid, actions: &mut Vec<WorkersAction>) {
        let Some(seen) = self.state.runtime_of(uid) else { return };
        let Some(pod) = self.state.pods.get_mut(uid) else { return };
        let stage = pod.stage();
        if pod.in_flight.is_some() || (stage == PodStage::Sync && !pod.offered) {
            return;
        }
        let Some(work) = pod.pending.take() else { return };
        match self.start(uid, &work) {
            Start::Now => {}
            Start::NotYet => {
                if let Some(pod) = self.state.pods.get_mut(uid) {
                    pod.pending = Some(work);
                }
                actions.push(WorkersAction::Requeue { uid: uid.clone(), after: Requeue::Backoff });
                return;
            }
            Start::Never => return self.finish(uid, self.behaviour.compat.drop_completion_notices, actions),
        }
        let (now, Some(pod)) = (self.state.now, self.state.pods.get_mut(uid)) else { return };
        pod.activate(&work);
        if seen.state == RuntimeState::Unreadable && matches!(work.subject, PodSubject::Pod(_)) {
            actions.push(WorkersAction::Requeue { uid: uid.clone(), after: Requeue::Backoff });
            return;
        }

        let operation = self.state.operations.issue();
        let Work { kind, subject, mirror, grace } = work;
        let (uid, call) = (uid.clone(), pod.call_for(&subject));
        pod.termination_started |= matches!(call, Call::Terminating | Call::TerminatingRuntime);
        pod.in_flight = Some(InFlight { operation, call, since: now, canceled: false });
        actions.push(match (subject, &pod.life) {
            (PodSubject::Running(pod), _) => WorkersAction::SyncTerminatingRuntimePod { operation, uid, pod },
            (PodSubject::Pod(pod), Life::Sync) => {
                WorkersAction::SyncPod { operation, uid, kind, pod, mirror }
            }
            (PodSubject::Pod(pod), Life::Terminating { status, .. }) => {
                let (grace_period_seconds, status) = (grace, status.clone());
                WorkersAction::SyncTerminatingPod { operation, uid, pod, grace_period_seconds, status }
            }
            (PodSubject::Pod(pod), _) => WorkersAction::SyncTerminatedPod { operation, uid, pod },
        });
    }

    /// Lets a pod through, if it was not already and may be.
    fn start(&mut self, uid: &Uid, work: &Work) -> Start {
        let Some(pod) = self.state.pods.get_mut(uid) else { return Start::Never };
        if pod.started || matches!(work.subject, PodSubject::Running(_)) {
            return Start::Now;
        }
        if !work.subject.is_static() {
            pod.started = true;
            return Start::Now;
        }
        if pod.is_termination_requested() {
            // What the runtime has of it has to be stopped, though it was never let through.
            let is_here = pod.observed_runtime && !pod.is_terminated();
            if !is_here || self.behaviour.compat.finish_observed_static_pods {
                return Start::Never;
            }
            pod.started = true;
            return Start::Now;
        }
        let full_name = Arc::clone(&pod.full_name);
        if !self.take_name(&full_name, uid) {
            return Start::NotYet;
        }
        if let Some(pod) = self.state.pods.get_mut(uid) {
            pod.started = true;
        }
        Start::Now
    }

    /// What came of a call.
    pub(super) fn done(
        &mut self,
        uid: Uid,
        operation: OperationId,
        outcome: SyncOutcome,
        actions: &mut Vec<WorkersAction>,
    ) {
        let now = self.state.now;
        let Some(pod) = self.state.pods.get_mut(&uid) else { return };
        let Some(call) = pod.in_flight.take_if(|call| call.operation == operation) else { return };
        self.queue.push_back(uid.clone());

        // Whatever a call that stops the pod says: if the runtime was asked since and has nothing that runs, it is
        // done.
        let stops = matches!(call.call, Call::Terminating | Call::TerminatingRuntime);
        let is_done_anyway = stops
            && !self.behaviour.compat.retry_termination_of_gone_pods
            && self.state.runtime_of(&uid).is_some_and(|seen| seen.state.is_gone() && seen.at > call.since);
        let Some(pod) = self.state.pods.get_mut(&uid) else { return };
        let after = match (outcome, call.call) {
            (SyncOutcome::Canceled, _) => Requeue::Backoff,
            (SyncOutcome::Failed, _) if !is_done_anyway => Requeue::Backoff,
            (SyncOutcome::NetworkNotReady, _) if !is_done_anyway => Requeue::Transient,
            (_, Call::Terminated) => return self.finish(&uid, false, actions),
            (_, Call::TerminatingRuntime) => return self.forget(&uid, actions),
            (_, Call::Terminating) => {
                let life = std::mem::replace(&mut pod.life, Life::Terminated { since: now });
                give_notice(&uid, life, actions);
                pod.replay();
                Requeue::Immediate
            }
            (SyncOutcome::Terminal, Call::Sync) => {
                if !pod.is_termination_requested() {
                    pod.life = Life::terminating(now);
                }
                pod.termination_started = true;
                pod.replay();
                Requeue::Immediate
            }
            (_, Call::Sync) => Requeue::Resync,
        };
        actions.push(WorkersAction::Requeue { uid, after });
    }

    /// A pod that was put back is looked at again.
    pub(super) fn look_again(&mut self, uid: Uid) {
        let Some(pod) = self.state.pods.get_mut(&uid) else { return };
        if pod.in_flight.is_none() && !pod.is_finished() {
            pod.replay();
            self.queue.push_back(uid);
        }
    }

    /// The pod has come to its end.
    fn finish(&mut self, uid: &Uid, is_silent: bool, actions: &mut Vec<WorkersAction>) {
        let now = self.state.now;
        let Some(pod) = self.state.pods.get_mut(uid) else { return };
        let life = std::mem::replace(&mut pod.life, Life::Finished { since: now });
        pod.pending = None;
        if !is_silent {
            give_notice(uid, life, actions);
        }
        actions.push(WorkersAction::Finished { uid: uid.clone() });
        let full_name = Arc::clone(&pod.full_name);
        self.leave_name(&full_name, uid);
    }

    /// Operations in flight are void, and nothing is certain any more.
    pub(super) fn restart_agent(&mut self, epoch: u32) {
        let state = &mut self.state;
        let next = state.operations.epoch().saturating_add(1);
        state.operations = Operations::of_epoch(epoch.max(next));
        state.sources_read = false;
        state.listed_at = None;
        state.runtime.clear();
        for pod in state.pods.values_mut() {
            pod.offered = false;
            pod.introduced = false;
            pod.in_flight = None;
            if !pod.is_finished() {
                // Whoever would have looked at it again is gone as well.
                pod.replay();
            }
        }
    }
}

impl super::state::PodState {
    const fn call_for(&self, subject: &PodSubject) -> Call {
        match (subject, &self.life) {
            (PodSubject::Running(_), _) => Call::TerminatingRuntime,
            (PodSubject::Pod(_), Life::Sync) => Call::Sync,
            (PodSubject::Pod(_), Life::Terminating { .. }) => Call::Terminating,
            (PodSubject::Pod(_), _) => Call::Terminated,
        }
    }
}

/// Tells everybody who waits for the end of a pod's containers.
pub(super) fn give_notice(uid: &Uid, life: Life, actions: &mut Vec<WorkersAction>) {
    let Life::Terminating { notices, .. } = life else { return };
    let notices = notices.into_iter().map(|notice| WorkersAction::Completed { uid: uid.clone(), notice });
    actions.extend(notices);
}
