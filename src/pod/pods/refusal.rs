//! A pod that cannot be brought up as it is: its status says so, and it goes when it is deleted.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Pods, PodsAction};
use crate::api::{Pod, PodPhase, PodStatus, Uid};
use crate::machine::Timestamp;
use crate::pod::{CompileError, LifecycleAction};

/// What is said of a pod that is refused, and how far that is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refusal {
    pub(super) status: Arc<PodStatus>,
    version: u64,
    taken: bool,
    gone: bool,
    /// When the answer to what is on its way is waited for no more.
    until: Option<Timestamp>,
    retry_at: Option<Timestamp>,
}

impl Refusal {
    pub(super) fn next_wakeup(&self) -> Option<Timestamp> {
        self.until.or(self.retry_at)
    }

    pub(super) fn move_back(&mut self, by: Duration) {
        self.until.iter_mut().chain(&mut self.retry_at).for_each(|at| *at = at.moved_back(by));
    }

    /// What was on its way in the agent's last life is sent again.
    pub(super) fn restart(&mut self) {
        self.until = None;
        self.retry_at = None;
    }

    fn answered(&mut self, now: Timestamp, retry: Duration, is_done: bool) {
        self.until = None;
        self.retry_at = (!is_done).then(|| now + retry);
    }
}

/// The status of a pod that the node refuses, over what the API has of it.
fn refused_status(pod: &Pod, message: &str, now: Timestamp) -> PodStatus {
    let known = &pod.status;
    if known.phase.is_some_and(PodPhase::is_terminal) {
        return known.clone();
    }
    PodStatus {
        phase: Some(PodPhase::Failed),
        reason: REASON.to_owned(),
        message: format!("Pod was rejected: {message}"),
        start_time: known.start_time.or(Some(now.truncated_to_seconds())),
        ..known.clone()
    }
}

/// The word for a pod whose spec cannot be carried out.
const REASON: &str = "InvalidPodSpec";

impl Pods {
    /// Refuses a pod that cannot be compiled.
    pub(super) fn refuse(
        &mut self,
        uid: &Uid,
        pod: &Pod,
        error: &CompileError,
        actions: &mut Vec<PodsAction>,
    ) {
        let Some(entry) = self.entries.get_mut(uid) else { return };
        if entry.memory.refusal.is_some() {
            return;
        }
        let message: Arc<str> = error.to_string().into();
        let status = Arc::new(refused_status(pod, &message, self.state.now));
        self.state.versions = self.state.versions.saturating_add(1);
        entry.memory.refusal = Some(Refusal {
            taken: *status == pod.status,
            status,
            version: self.state.versions,
            gone: false,
            until: None,
            retry_at: None,
        });
        actions.push(PodsAction::Refused { uid: uid.clone(), reason: REASON.into(), message });
    }

    /// Sends what has to be sent of a pod that was refused, one thing at a time.
    pub(super) fn send_refusal(&mut self, uid: &Uid, actions: &mut Vec<PodsAction>) {
        let now = self.state.now;
        let settings = &self.settings.lifecycle;
        let Some(entry) = self.entries.get_mut(uid) else { return };
        let Some(refusal) = &mut entry.memory.refusal else { return };
        refusal.until.take_if(|until| *until <= now);
        refusal.retry_at.take_if(|at| *at <= now);
        let is_idle = refusal.next_wakeup().is_none() && self.state.latest.is_some();
        if !settings.publishes || !is_idle || refusal.gone {
            return;
        }
        let is_deleted = entry.memory.pod.as_ref().is_some_and(|pod| pod.is_deleted());
        let is_over = entry.life.as_ref().is_some_and(|life| life.machine.worker().is_finished());
        let action = if !refusal.taken {
            LifecycleAction::SendStatus { version: refusal.version, status: Arc::clone(&refusal.status) }
        } else if is_deleted && is_over {
            LifecycleAction::DeletePod
        } else {
            return;
        };
        refusal.until = Some(now + settings.send_timeout);
        actions.push(PodsAction::Pod { uid: uid.clone(), action });
    }

    /// Whether it was the status of a pod that was refused that was sent.
    pub(super) fn refusal_sent(&mut self, uid: &Uid, version: u64, taken: bool) -> bool {
        let retry = self.settings.lifecycle.send_retry;
        let refusal = self.entries.get_mut(uid).and_then(|entry| entry.memory.refusal.as_mut());
        let Some(refusal) = refusal else { return false };
        if refusal.version == version && !refusal.taken {
            refusal.taken = taken;
            refusal.answered(self.state.now, retry, taken);
        }
        true
    }

    /// Whether it is a pod that was refused that is gone from the API server.
    pub(super) fn refused_gone(&mut self, uid: &Uid) -> bool {
        let refusal = self.entries.get_mut(uid).and_then(|entry| entry.memory.refusal.as_mut());
        let Some(refusal) = refusal else { return false };
        refusal.gone = true;
        refusal.restart();
        self.touch(uid);
        true
    }

    /// Whether it was a pod that was refused that was deleted.
    pub(super) fn refused_deleted(&mut self, uid: &Uid, gone: bool) -> bool {
        let retry = self.settings.lifecycle.send_retry;
        let refusal = self.entries.get_mut(uid).and_then(|entry| entry.memory.refusal.as_mut());
        let Some(refusal) = refusal else { return false };
        if refusal.taken && refusal.until.is_some() {
            refusal.gone |= gone;
            refusal.answered(self.state.now, retry, gone);
        }
        true
    }
}
