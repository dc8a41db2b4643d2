//! From the containers to the probes, and from the probes to the containers.

use super::{Lifecycle, LifecycleAction};
use crate::container::{
    ContainerIndex, ContainerSet, InstanceSight, InstanceState, PodSight, ProberAction, RecordState, Sight,
};
use crate::pod::{Event, ProbesEvent, ViewState};

impl Lifecycle {
    /// Shows the probes what looks different; all containers when they are seen for the first time or something new
    /// is known of them (an instance may look like the one before it), which is also worth a status.
    pub(super) fn show_to_probes(&mut self) {
        let mut changed = std::mem::take(&mut self.scratch.changed);
        let (is_there, has_news) = (self.worker.is_synced(), self.worker.take_news());
        if is_there && (has_news || !self.seen) {
            self.seen = true;
            self.scratch.is_dirty = true;
            changed = self.all_containers();
        }
        let pod = PodSight { phase: self.worker.phase(), deleted: !self.worker.is_syncing() };
        for container in changed.iter() {
            let sight = Sight { pod, instance: self.instance(container) };
            self.step_probes(ProbesEvent::Container { container, sight });
        }
        if is_there && self.probes.sight() != pod {
            self.step_probes(ProbesEvent::Pod(pod));
        }
    }

    fn all_containers(&self) -> ContainerSet {
        let count = self.worker.pod().containers().len();
        (0..).map(ContainerIndex).take(count).collect()
    }

    /// The latest instance of a container as its status shows it. One that was made and not started is none yet: it
    /// has not failed for not running, and must not be killed for that as soon as it does.
    fn instance(&self, container: ContainerIndex) -> Option<InstanceSight> {
        let (latest, view) = (self.worker.observed().latest(container)?, self.worker.view(container)?);
        let state = match (view.state, &latest.state) {
            (_, RecordState::Created) => return None,
            (ViewState::Running, RecordState::Running { started_at }) => {
                InstanceState::Running { started_at: *started_at }
            }
            (ViewState::Terminated { .. }, _) => InstanceState::Terminated,
            _ => InstanceState::Waiting,
        };
        Some(InstanceSight { id: latest.id.clone(), state, started: view.started })
    }

    /// The probes' attempts go outward, and their results to the worker.
    pub(super) fn route_probes(&mut self, actions: &mut Vec<LifecycleAction>) {
        let mut probes = std::mem::take(&mut self.scratch.probes);
        for action in probes.drain(..) {
            if let ProberAction::Changed { id, probe, result } = &action.action {
                self.step_worker(Event::Probed { id: id.clone(), probe: *probe, result: *result });
            }
            self.scratch.is_dirty |=
                matches!(action.action, ProberAction::Changed { .. } | ProberAction::Ended { .. });
            actions.push(LifecycleAction::Probe(action));
        }
        self.scratch.probes = probes;
    }
}
