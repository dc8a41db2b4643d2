//! What the runtime has of a pod whose spec is not known: it is stopped, and nothing of it stays.

use std::sync::Arc;

use super::entry::{Call, Entry};
use super::{Pods, PodsAction};
use crate::api::{Container, Lifecycle as Hooks, ObjectMeta, Pod, PodSpec, Uid};
use crate::container::KeptWithContainer;
use crate::machine::OperationId;
use crate::pod::{CompiledPod, Event, LifecycleEvent, SyncOutcome, WorkersEvent};

impl Pods {
    /// Stops a pod that only the runtime knows, as soon as it is read what was kept with its containers.
    pub(super) fn stop_running(&mut self, operation: OperationId, uid: &Uid, actions: &mut Vec<PodsAction>) {
        let until = self.state.now + self.settings.lifecycle.worker.operation_timeout;
        let entry = self.entries.entry(uid.clone()).or_default();
        entry.memory.held = false;
        entry.memory.call = Some((operation, Call::Runtime));
        if entry.life.is_some() {
            let event = LifecycleEvent::Pod(Event::Deleted { grace_seconds: None });
            self.tell(uid, event, actions);
            self.admit(uid, actions);
            return;
        }
        let reading = self.state.operations.issue();
        entry.memory.reading = Some((reading, until));
        actions.push(PodsAction::ReadKept { operation: reading, uid: uid.clone() });
        self.touch(uid);
    }

    /// What was kept with the containers has been read, or could not be.
    pub(super) fn take_kept(
        &mut self,
        operation: OperationId,
        uid: &Uid,
        kept: Option<Vec<KeptWithContainer>>,
        actions: &mut Vec<PodsAction>,
    ) {
        let Some(entry) = self.entries.get_mut(uid) else { return };
        if entry.memory.reading.take_if(|(reading, _)| *reading == operation).is_none() {
            return;
        }
        match kept {
            Some(kept) => {
                let grace_seconds = kept.iter().find_map(|kept| kept.deletion_grace_period_seconds);
                self.make_remains(uid, remains_of(uid, kept));
                let event = LifecycleEvent::Pod(Event::Deleted { grace_seconds });
                self.tell(uid, event, actions);
                self.admit(uid, actions);
            }
            None => self.reading_failed(uid),
        }
        self.touch(uid);
    }

    /// The call is tried again after a while.
    pub(super) fn reading_failed(&mut self, uid: &Uid) {
        let Some(entry) = self.entries.get_mut(uid) else { return };
        entry.memory.reading = None;
        if let Some((operation, _)) = entry.memory.call.take() {
            let outcome = SyncOutcome::Failed;
            self.tell_workers(WorkersEvent::Done { uid: uid.clone(), operation, outcome });
        }
    }

    /// A machine for what the runtime has of a pod that is not brought up: it only goes.
    pub(super) fn make_remains(&mut self, uid: &Uid, pod: Pod) {
        // Whatever has no order stops at once.
        let compiled = CompiledPod::compile(&pod, &self.behaviour).or_else(|_| {
            let spec = PodSpec { containers: Vec::new(), ..PodSpec::clone(&pod.spec) };
            CompiledPod::compile(&Pod { spec: Arc::new(spec), ..pod.clone() }, &self.behaviour)
        });
        let Ok(compiled) = compiled else { return };
        let of = Arc::new(Pod { spec: Arc::clone(&compiled.spec), ..pod });
        self.make_life(uid, of, Arc::new(compiled), true);
    }
}

impl Entry {
    /// Whether it is no more than what the runtime has.
    pub(super) fn is_remains(&self) -> bool {
        self.life.as_ref().is_some_and(|life| life.remains)
    }
}

/// As much of a pod as its containers' labels say.
fn remains_of(uid: &Uid, kept: Vec<KeptWithContainer>) -> Pod {
    let termination_grace_period_seconds =
        kept.iter().filter_map(|kept| kept.termination_grace_period_seconds).max();
    let (name, namespace) = kept
        .first()
        .map_or_else(Default::default, |kept| (kept.pod_name.clone(), kept.pod_namespace.clone()));
    let mut containers = Vec::<Container>::new();
    for KeptWithContainer { name, pre_stop, ports, .. } in kept {
        if containers.iter().all(|known| known.name != name) {
            let lifecycle = pre_stop.map(|hook| Hooks { pre_stop: Some(hook), ..Hooks::default() });
            containers.push(Container { name, ports, lifecycle, ..Container::default() });
        }
    }
    Pod {
        metadata: ObjectMeta { uid: uid.clone(), name, namespace, ..ObjectMeta::default() },
        spec: Arc::new(PodSpec { containers, termination_grace_period_seconds, ..PodSpec::default() }),
        ..Pod::default()
    }
}

/// A pod that is refused, without what it is refused for.
pub(super) fn remains_of_refused(pod: &Pod) -> Pod {
    let termination_grace_period_seconds = pod.spec.termination_grace_period_seconds;
    let spec = PodSpec { termination_grace_period_seconds, ..PodSpec::default() };
    Pod { metadata: pod.metadata.clone(), spec: Arc::new(spec), ..Pod::default() }
}
