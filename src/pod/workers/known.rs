//! Which pods are known: what the sources want, what the runtime has, and who has a static pod's full name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::state::{Life, RuntimeSeen, State};
use super::update::grace_of;
use super::work::give_notice;
use super::{RuntimeState, Workers, WorkersAction};
use crate::api::Uid;
use crate::machine::Timestamp;

impl Workers {
    /// Compares what is known with what is wanted: orphans go, and what has gone is forgotten.
    pub(super) fn sync_known(
        &mut self,
        desired: &BTreeSet<Uid>,
        all_sources_ready: bool,
        actions: &mut Vec<WorkersAction>,
    ) {
        self.state.sources_read |= all_sources_ready;
        let mut changed = std::mem::take(&mut self.changed);
        let mut desired = desired.iter().peekable();
        for (uid, pod) in &mut self.state.pods {
            while desired.next_if(|wanted| *wanted < uid).is_some() {}
            let is_wanted = desired.next_if(|wanted| *wanted == uid).is_some();
            if all_sources_ready {
                pod.orphan = !is_wanted;
            }
            let is_confirmed = is_wanted && !pod.offered;
            pod.offered |= is_wanted;
            if (all_sources_ready && !is_wanted) || pod.restart_requested || is_confirmed {
                changed.push(uid.clone());
            }
        }
        for uid in changed.drain(..) {
            self.settle_known(uid, all_sources_ready, actions);
        }
        self.changed = changed;
    }

    fn settle_known(&mut self, uid: Uid, all_sources_ready: bool, actions: &mut Vec<WorkersAction>) {
        let (compat, now) = (self.behaviour.compat, self.state.now);
        let Some(pod) = self.state.pods.get_mut(&uid) else { return };
        let is_orphan = pod.orphan && all_sources_ready;
        if pod.is_finished() {
            if is_orphan || pod.restart_requested {
                self.forget(&uid, actions);
            }
            return;
        }
        if is_orphan {
            pod.deleted = true;
            if !pod.started && !pod.observed_runtime {
                return self.forget(&uid, actions);
            }
            if !pod.is_termination_requested() {
                let active = pod.active.as_ref().and_then(|active| active.subject.pod());
                let grace = Some(grace_of(compat, None, active, None));
                pod.life = Life::Terminating { since: now, grace, status: None, notices: Vec::new() };
                if !compat.wait_for_sync_of_orphans {
                    pod.cancel(&uid, actions);
                }
            }
            pod.replay();
        }
        self.queue.push_back(uid);
    }

    /// The pod is known no more.
    pub(super) fn forget(&mut self, uid: &Uid, actions: &mut Vec<WorkersAction>) {
        let Some(pod) = self.state.pods.remove(uid) else { return };
        let is_wanted = pod.pending.as_ref().is_some_and(|pending| pending.subject.pod().is_some());
        let restart_wanted = (pod.restart_requested || is_wanted) && !pod.orphan;
        if !self.behaviour.compat.drop_completion_notices {
            give_notice(uid, pod.life, actions);
        }
        actions.push(WorkersAction::Forgotten { uid: uid.clone(), restart_wanted });
        if self.state.runtime.get(uid).is_some_and(|seen| seen.state == RuntimeState::Nothing) {
            self.state.runtime.remove(uid);
        }
        if !self.behaviour.compat.static_pods_wait_for_retry {
            self.leave_line(&pod.full_name, uid);
        }
        self.leave_name(&pod.full_name, uid);
    }

    /// All that the runtime has. The first time in a life of the agent what was held back is done.
    pub(super) fn list_runtime(
        &mut self,
        at: Timestamp,
        pods: &BTreeMap<Uid, RuntimeState>,
        actions: &mut Vec<WorkersAction>,
    ) {
        let state = &mut self.state;
        let at = at.min(state.now);
        if state.listed_at.is_some_and(|listed_at| listed_at > at) {
            return;
        }
        // Both are in the order of their keys: one round over both.
        let mut listed = pods.iter().peekable();
        let mut is_one_gone = false;
        for (uid, seen) in &mut state.runtime {
            while let Some((new, _)) = listed.next_if(|(new, _)| *new < uid) {
                self.changed.push(new.clone());
            }
            let has = listed.next_if(|(same, _)| *same == uid).map_or(RuntimeState::Nothing, |(_, has)| *has);
            if seen.at <= at {
                *seen = RuntimeSeen { state: has, at };
                is_one_gone |= has == RuntimeState::Nothing;
            }
        }
        self.changed.extend(listed.map(|(new, _)| new.clone()));
        for uid in self.changed.drain(..) {
            let state_of = pods.get(&uid).copied().unwrap_or(RuntimeState::Nothing);
            state.runtime.insert(uid, RuntimeSeen { state: state_of, at });
        }
        if is_one_gone {
            let State { runtime, pods, .. } = &mut *state;
            runtime.retain(|uid, seen| seen.state != RuntimeState::Nothing || pods.contains_key(uid));
        }
        if state.listed_at.replace(at).is_some() {
            return;
        }
        for (uid, pod) in &mut state.pods {
            let nothing = RuntimeSeen { state: RuntimeState::Nothing, at };
            let seen = state.runtime.get(uid).copied().unwrap_or(nothing);
            if let Some(life) = pod.check_terminal(state.now, seen) {
                give_notice(uid, life, actions);
            }
            self.queue.push_back(uid.clone());
        }
    }

    /// What the runtime has of one pod.
    pub(super) fn observe_runtime(&mut self, at: Timestamp, uid: Uid, has: RuntimeState) {
        let state = &mut self.state;
        let seen = RuntimeSeen { state: has, at: at.min(state.now) };
        if let Some(known) = state.runtime.get_mut(&uid) {
            if known.at <= seen.at {
                *known = seen;
            }
            if known.state == RuntimeState::Nothing && !state.pods.contains_key(&uid) {
                state.runtime.remove(&uid);
            }
        } else if has != RuntimeState::Nothing || state.pods.contains_key(&uid) {
            state.runtime.insert(uid, seen);
        }
    }

    /// Takes a full name for a static pod: if it is free, and nobody came before who still wants it.
    pub(super) fn take_name(&mut self, full_name: &Arc<str>, uid: &Uid) -> bool {
        let state = &mut self.state;
        if let Some(holder) = state.started_static.get(full_name) {
            return holder == uid;
        }
        if let Some(waiting) = state.waiting_static.get_mut(full_name) {
            let waits = |uid| state.pods.get(uid).is_some_and(|pod| !pod.is_termination_requested());
            if let Some(first) = waiting.iter().position(waits) {
                let is_first = waiting.get(first) == Some(uid);
                waiting.drain(..first + usize::from(is_first));
                if !is_first {
                    return false;
                }
            }
            if waiting.is_empty() {
                state.waiting_static.remove(full_name);
            }
        }
        state.started_static.insert(Arc::clone(full_name), uid.clone());
        true
    }

    /// A pod that had a full name, or waited for it, does so no more: the next one is looked at.
    pub(super) fn leave_name(&mut self, full_name: &Arc<str>, uid: &Uid) {
        let state = &mut self.state;
        if state.started_static.get(full_name) == Some(uid) {
            state.started_static.remove(full_name);
        }
        if self.behaviour.compat.static_pods_wait_for_retry || state.started_static.contains_key(full_name) {
            return;
        }
        let waiting = state.waiting_static.get(full_name).into_iter().flatten();
        let waits = |uid: &&Uid| state.pods.get(*uid).is_some_and(|pod| !pod.is_termination_requested());
        if let Some(next) = waiting.into_iter().find(waits) {
            self.queue.push_back(next.clone());
        }
    }

    /// A pod that is forgotten keeps no place for its next life.
    fn leave_line(&mut self, full_name: &Arc<str>, uid: &Uid) {
        if let Some(waiting) = self.state.waiting_static.get_mut(full_name) {
            waiting.retain(|waits| waits != uid);
            if waiting.is_empty() {
                self.state.waiting_static.remove(full_name);
            }
        }
    }
}
