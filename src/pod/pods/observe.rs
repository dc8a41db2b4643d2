//! What sources and the runtime say, and what comes of it for each pod.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::entry::{Latest, state_of};
use super::{Pods, PodsAction, PodsNote};
use crate::api::{Pod, Uid};
use crate::container::PodRecords;
use crate::machine::{Operations, Timestamp};
use crate::pod::{
    CompiledPod, Event, KillPodOptions, LifecycleEvent, PodStage, PodSubject, PodUpdate, RunningPod,
    UpdateType, WorkersEvent,
};

impl Pods {
    /// A source offers a pod or changes it, or someone wants it gone.
    pub(super) fn update(&mut self, update: PodUpdate, actions: &mut Vec<PodsAction>) {
        let uid = update.subject.uid().clone();
        let offered = match &update.subject {
            PodSubject::Pod(pod) if update.kind != UpdateType::Kill => Some(Arc::clone(pod)),
            _ => None,
        };
        if let Some(pod) = &offered {
            if !self.state.wanted.contains(&uid) {
                Arc::make_mut(&mut self.state.wanted).insert(uid.clone());
            }
            let memory = &mut self.entries.entry(uid.clone()).or_default().memory;
            memory.pod = Some(Arc::clone(pod));
            memory.mirror.clone_from(&update.mirror);
        }
        self.tell_workers(WorkersEvent::Update(update));
        self.run(actions);
        if let Some(pod) = offered {
            self.offer(&uid, pod, actions);
        }
        self.forget_if_empty(&uid);
    }

    /// The newest form of a pod goes to its machine as well, whatever is in flight.
    fn offer(&mut self, uid: &Uid, pod: Arc<Pod>, actions: &mut Vec<PodsAction>) {
        let Some(entry) = self.entries.get_mut(uid) else { return };
        if entry.memory.leaving || entry.is_remains() {
            return self.follow(uid, actions);
        }
        let mirror = entry.memory.mirror.clone();
        let Some(life) = &mut entry.life else { return };
        if Arc::ptr_eq(&life.of, &pod) && life.mirror == mirror {
            // It was made of it just now.
            return;
        }
        let known = life.machine.worker().pod();
        let is_same = pod.spec == known.spec && pod.is_static() == known.is_static;
        let compiled = if is_same {
            Arc::clone(known)
        } else {
            match CompiledPod::compile(&pod, &self.behaviour) {
                Ok(compiled) => Arc::new(compiled),
                Err(error) => {
                    let note = PodsNote::UpdateRefused { message: error.to_string().into() };
                    actions.push(PodsAction::Note { uid: uid.clone(), note });
                    return;
                }
            }
        };
        self.offer_to(uid, pod, compiled, mirror, actions);
    }

    /// A pod's machine takes it as it is offered.
    pub(super) fn offer_to(
        &mut self,
        uid: &Uid,
        pod: Arc<Pod>,
        compiled: Arc<CompiledPod>,
        mirror: Option<Arc<Pod>>,
        actions: &mut Vec<PodsAction>,
    ) {
        if let Some(life) = self.entries.get_mut(uid).and_then(|entry| entry.life.as_mut()) {
            life.of = Arc::clone(&pod);
            life.mirror.clone_from(&mirror);
        }
        self.tell(uid, LifecycleEvent::Offered { pod, compiled, mirror }, actions);
    }

    /// Someone wants a pod gone, as it was last offered.
    pub(super) fn kill(&mut self, uid: Uid, options: KillPodOptions, actions: &mut Vec<PodsAction>) {
        match self.entries.get(&uid).and_then(|entry| entry.memory.pod.clone()) {
            Some(pod) => self.tell_workers(WorkersEvent::Update(PodUpdate::kill(pod, options))),
            None => actions.extend(options.completed.map(|notice| PodsAction::Completed { uid, notice })),
        }
    }

    /// A source has a pod no more.
    pub(super) fn remove(&mut self, uid: &Uid, actions: &mut Vec<PodsAction>) {
        if self.state.wanted.contains(uid) {
            Arc::make_mut(&mut self.state.wanted).remove(uid);
            self.gone_from_api(uid, actions);
            self.sync_known();
        }
    }

    /// What the sources want.
    pub(super) fn want(
        &mut self,
        pods: Arc<BTreeSet<Uid>>,
        all_sources_ready: bool,
        actions: &mut Vec<PodsAction>,
    ) {
        self.state.wanted = pods;
        self.state.sources_ready |= all_sources_ready;
        if self.state.sources_ready {
            let is_gone = |uid: &&Uid| !self.state.wanted.contains(*uid);
            let gone: Vec<Uid> = self.entries.keys().filter(is_gone).cloned().collect();
            gone.iter().for_each(|uid| self.gone_from_api(uid, actions));
        }
        self.sync_known();
    }

    /// The API server has a pod no more: nobody hears of it. (What became of a static pod its mirror says.)
    fn gone_from_api(&mut self, uid: &Uid, actions: &mut Vec<PodsAction>) {
        let is_of_api = self.pod(uid).is_some_and(|pod| !pod.is_static());
        if is_of_api && !self.refused_gone(uid) {
            self.tell(uid, LifecycleEvent::PodDeleted { gone: true }, actions);
        }
    }

    pub(super) fn sync_known(&mut self) {
        let desired = Arc::clone(&self.state.wanted);
        let all_sources_ready = self.state.sources_ready;
        self.tell_workers(WorkersEvent::SyncKnown { desired, all_sources_ready });
    }

    /// All that the runtime has.
    pub(super) fn observe(
        &mut self,
        at: Timestamp,
        pods: &Arc<BTreeMap<Uid, PodRecords>>,
        actions: &mut Vec<PodsAction>,
    ) {
        let at = at.min(self.state.now);
        if self.state.latest.as_ref().is_some_and(|latest| latest.at > at) {
            return;
        }
        self.note_shared(pods, actions);
        let states = pods.iter().map(|(uid, records)| (uid.clone(), state_of(records)));
        let states = Arc::new(states.collect());
        self.state.latest = Some(Latest { at, pods: Arc::clone(pods) });
        self.state.dropped.retain(|_, dropped| *dropped >= at);
        self.tell_workers(WorkersEvent::RuntimeListed { at, pods: states });
        self.run(actions);

        let nothing = PodRecords::default();
        let known: Vec<Uid> = self.entries.keys().cloned().collect();
        for uid in known {
            self.observe_pod(&uid, at, pods.get(&uid).unwrap_or(&nothing), actions);
        }
        self.run(actions);
        if self.state.sources_ready {
            self.sync_known();
            self.run(actions);
            self.stop_unknown(at, pods);
        }
    }

    /// What the runtime has of one pod; passed over where it is no news.
    fn observe_pod(&mut self, uid: &Uid, at: Timestamp, records: &PodRecords, actions: &mut Vec<PodsAction>) {
        let Some(entry) = self.entries.get_mut(uid) else { return };
        let is_settled = entry.memory.settled
            && entry.life.as_ref().is_some_and(|life| life.machine.worker().observed().records() == records);
        if is_settled || entry.memory.held || self.state.is_before_life(uid, at) {
            return self.send_refusal(uid, actions);
        }
        let since = entry.memory.stepped_at;
        let records = Box::new(records.clone());
        self.tell(uid, LifecycleEvent::Pod(Event::Observed { at, records }), actions);
        if let Some(entry) = self.entries.get_mut(uid) {
            entry.memory.settled = at > since;
        }
    }

    /// Pods that the runtime has and nobody knows have to go.
    fn stop_unknown(&mut self, at: Timestamp, pods: &BTreeMap<Uid, PodRecords>) {
        for (uid, records) in pods {
            let is_known = self.workers.stage(uid).is_some()
                || self.entries.contains_key(uid)
                || self.state.wanted.contains(uid);
            let has_something = !records.sandboxes.is_empty() || !records.containers.is_empty();
            if !is_known && has_something && !self.state.is_before_life(uid, at) {
                let running = RunningPod { uid: uid.clone(), ..RunningPod::default() };
                self.tell_workers(WorkersEvent::Update(PodUpdate::kill_running(Arc::new(running))));
            }
        }
    }

    /// Says which containers are reported under two pods, once.
    fn note_shared(&mut self, pods: &BTreeMap<Uid, PodRecords>, actions: &mut Vec<PodsAction>) {
        let mut owners = HashMap::new();
        let mut shared = BTreeSet::new();
        for (uid, records) in pods {
            for record in &records.containers {
                let Some(other) = owners.insert(&record.id, uid).filter(|other| *other != uid) else {
                    continue;
                };
                if !self.state.shared.contains(&record.id) && shared.insert(record.id.clone()) {
                    let note = PodsNote::SharedContainer { id: record.id.clone(), other: other.clone() };
                    actions.push(PodsAction::Note { uid: uid.clone(), note });
                }
                shared.insert(record.id.clone());
            }
        }
        self.state.shared = shared;
    }

    /// Something happened to one pod, or came of an action about it.
    pub(super) fn pod_event(&mut self, uid: &Uid, event: LifecycleEvent, actions: &mut Vec<PodsAction>) {
        match event {
            // Each comes by another way.
            LifecycleEvent::Offered { .. }
            | LifecycleEvent::AgentStarted { .. }
            | LifecycleEvent::Pod(Event::AgentStarted { .. } | Event::Updated(_)) => {}
            LifecycleEvent::StatusSent { version, taken } => {
                if !self.refusal_sent(uid, version, taken) {
                    let base = self.entries.get(uid).map_or(0, |entry| entry.memory.version_base);
                    if let Some(version) = version.checked_sub(base) {
                        self.tell(uid, LifecycleEvent::StatusSent { version, taken }, actions);
                    }
                }
                self.follow(uid, actions);
            }
            LifecycleEvent::PodDeleted { gone } => {
                if !self.refused_deleted(uid, gone) {
                    self.tell(uid, LifecycleEvent::PodDeleted { gone }, actions);
                }
                self.follow(uid, actions);
                if gone {
                    self.remove(uid, actions);
                }
            }
            LifecycleEvent::Pod(Event::Observed { at, records }) => {
                let at = at.min(self.state.now);
                let state = state_of(&records);
                self.tell_workers(WorkersEvent::RuntimeObserved { at, uid: uid.clone(), state });
                if self.state.latest.is_some() {
                    self.observe_pod(uid, at, &records, actions);
                }
            }
            LifecycleEvent::Pod(Event::Container(_) | Event::Sandbox(_)) if self.is_held(uid) => {}
            event => self.tell(uid, event, actions),
        }
    }

    fn is_held(&self, uid: &Uid) -> bool {
        self.entries.get(uid).is_some_and(|entry| entry.memory.held)
    }

    /// A new life of the agent.
    pub(super) fn restart(&mut self, epoch: u32, jitter: std::time::Duration) {
        let epoch = epoch.max(self.state.epoch);
        self.state.epoch = epoch.saturating_add(1);
        self.state.operations = Operations::of_epoch(epoch);
        self.state.jitter = (self.state.now + jitter, jitter);
        self.state.latest = None;
        self.state.sources_ready = false;
        self.state.wanted = Arc::default();
        self.tell_workers(WorkersEvent::AgentStarted { epoch });
        let known: Vec<Uid> = self.entries.keys().cloned().collect();
        for uid in known {
            let is_synced = self.workers.stage(&uid) == Some(PodStage::Sync);
            let Some(entry) = self.entries.get_mut(&uid) else { continue };
            let memory = &mut entry.memory;
            (memory.call, memory.postponed, memory.requeue_at) = (None, None, None);
            (memory.reading, memory.settled) = (None, false);
            memory.held = is_synced && !memory.leaving;
            if let Some(refusal) = &mut memory.refusal {
                refusal.restart();
            }
            let jitter = super::settings::part_of(&uid, jitter);
            self.tell(&uid, LifecycleEvent::AgentStarted { epoch, jitter }, &mut Vec::new());
            self.touch(&uid);
        }
    }
}
