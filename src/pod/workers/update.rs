//! What a source, or someone else on the node, says of a pod.

use std::sync::Arc;

use super::state::{Life, PodState, RuntimeSeen, Work};
use super::{KillPodOptions, PodSubject, PodUpdate, UpdateType, Workers, WorkersAction};
use crate::api::{Pod, Uid};
use crate::behaviour::Compat;
use crate::machine::Timestamp;
use crate::pod::pod_grace_seconds;

impl Workers {
    /// Takes an update: the pod is brought in line, begins to go, gets less time, or nothing happens.
    pub(super) fn update(&mut self, update: PodUpdate, actions: &mut Vec<WorkersAction>) {
        let PodUpdate { kind, mut subject, mirror, mut kill } = update;
        let uid = subject.uid().clone();
        let is_running_only = matches!(subject, PodSubject::Running(_));
        if is_running_only && kind != UpdateType::Kill {
            return self.answer_for_nothing(uid, kill, actions);
        }
        let is_new = self.introduce(&uid, &subject);
        let (compat, now) = (self.behaviour.compat, self.state.now);
        let Some(pod) = self.state.pods.get_mut(&uid) else { return };

        if is_running_only {
            pod.observed_runtime = true;
            // Its configuration is known after all.
            if let Some(known) = pod.newest() {
                subject = PodSubject::Pod(Arc::clone(known));
            }
        }
        pod.offered = true;
        if kind == UpdateType::Create && !is_new && pod.asks_for_restart(&subject) {
            pod.restart_requested = true;
            if compat.drop_completion_notices {
                return;
            }
            return match &mut pod.life {
                Life::Terminating { notices, .. } => notices.extend(kill.and_then(|kill| kill.completed)),
                _ => answer(uid, kill, actions),
            };
        }
        if pod.is_finished() {
            return self.answer_for_nothing(uid, kill, actions);
        }

        let begins = !pod.is_termination_requested()
            && pod.begins_to_go(now, subject.pod().filter(|_| !is_running_only), kind, kill.as_ref());
        let (mut grace, mut is_shortened) = (None, false);
        match &mut pod.life {
            Life::Terminating { grace: known, status, notices, .. } => {
                let wanted = kill.as_ref().and_then(|kill| kill.grace_period_seconds_override);
                let seconds = grace_of(compat, *known, subject.pod(), wanted);
                is_shortened = known.is_some_and(|known| known != seconds);
                *known = Some(seconds);
                grace = Some(seconds);
                if let Some(kill) = kill {
                    notices.extend(kill.completed);
                    if kill.status.is_some() {
                        *status = kill.status;
                    }
                }
            }
            Life::Terminated { .. } if is_running_only => {
                // The runtime was asked before its containers stopped.
                return self.answer_for_nothing(uid, kill, actions);
            }
            _ => answer(uid.clone(), kill.take(), actions),
        }

        pod.pending = Some(Work { kind, subject, mirror, grace });
        if begins || is_shortened {
            pod.cancel(&uid, actions);
        }
        self.queue.push_back(uid);
    }

    /// Makes a pod known that was not. One that is terminal for its source and of which the runtime has nothing
    /// that runs has stopped already: what it holds remains to be released.
    fn introduce(&mut self, uid: &Uid, subject: &PodSubject) -> bool {
        if self.state.pods.contains_key(uid) {
            return false;
        }
        let mut pod = PodState::new(subject);
        if subject.pod().is_some_and(|pod| is_terminal(pod)) {
            pod.unchecked_terminal = true;
            if let Some(seen) = self.state.runtime_of(uid) {
                let _ = pod.check_terminal(self.state.now, seen);
            }
        }
        if subject.is_static() {
            let waiting = self.state.waiting_static.entry(Arc::clone(&pod.full_name));
            waiting.or_default().push(uid.clone());
        }
        self.state.pods.insert(uid.clone(), pod);
        true
    }

    /// There is nothing to do, and whoever waits is told so.
    fn answer_for_nothing(&self, uid: Uid, kill: Option<KillPodOptions>, actions: &mut Vec<WorkersAction>) {
        if !self.behaviour.compat.drop_completion_notices {
            answer(uid, kill, actions);
        }
    }
}

impl PodState {
    /// Whether a pod that a source offers as new is to be started again.
    fn asks_for_restart(&mut self, subject: &PodSubject) -> bool {
        // The API offers all of its pods when the agent is new. The node's own sources do so too, and have no other
        // way to say that they want a pod anew.
        let is_introduced = std::mem::replace(&mut self.introduced, true);
        let is_of_api = !subject.is_static() && self.newest().is_some_and(|known| !known.is_static());
        self.is_termination_requested() && (is_introduced || !is_of_api)
    }

    /// Whether the pod begins to go. `pod` is `None` where the runtime has it and someone wants it gone.
    fn begins_to_go(
        &mut self,
        now: Timestamp,
        pod: Option<&Arc<Pod>>,
        kind: UpdateType,
        kill: Option<&KillPodOptions>,
    ) -> bool {
        match pod {
            None => self.deleted = true,
            Some(pod) if pod.is_deleted() => self.deleted = true,
            Some(pod) if is_terminal(pod) => {}
            Some(_) if kind == UpdateType::Kill => self.evicted = kill.is_some_and(|kill| kill.evict),
            Some(_) => return false,
        }
        self.life = Life::terminating(now);
        true
    }

    /// The runtime says what it has of a pod that was terminal at first sight. If nothing runs, it stopped before it
    /// was seen: gives the life that ends with this.
    pub(super) fn check_terminal(&mut self, now: Timestamp, seen: RuntimeSeen) -> Option<Life> {
        let is_asked = std::mem::take(&mut self.unchecked_terminal);
        if !is_asked || !seen.state.is_gone() || self.is_terminated() {
            return None;
        }
        self.termination_started = true;
        Some(std::mem::replace(&mut self.life, Life::Terminated { since: now }))
    }

    /// Asks for the call in flight to be given up, once.
    pub(super) fn cancel(&mut self, uid: &Uid, actions: &mut Vec<WorkersAction>) {
        if let Some(call) = self.in_flight.as_mut().filter(|call| !call.canceled) {
            call.canceled = true;
            actions.push(WorkersAction::Cancel { operation: call.operation, uid: uid.clone() });
        }
    }
}

pub(super) fn grace_of(
    compat: Compat,
    known: Option<i64>,
    pod: Option<&Arc<Pod>>,
    wanted: Option<i64>,
) -> i64 {
    let deletion = pod.and_then(|pod| pod.metadata.deletion_grace_period_seconds);
    let spec = pod.and_then(|pod| pod.spec.termination_grace_period_seconds);
    pod_grace_seconds(compat, known, deletion, wanted, spec)
}

fn answer(uid: Uid, kill: Option<KillPodOptions>, actions: &mut Vec<WorkersAction>) {
    if let Some(notice) = kill.and_then(|kill| kill.completed) {
        actions.push(WorkersAction::Completed { uid, notice });
    }
}

fn is_terminal(pod: &Pod) -> bool {
    pod.status.phase.is_some_and(|phase| phase.is_terminal())
}
