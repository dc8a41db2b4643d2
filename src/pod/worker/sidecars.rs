//! Sidecars that are needed while the pod goes (KEP-4438).
//!
//! Under the gate `SidecarsRestartableDuringPodTermination` a sidecar that has ended is started again as long as a
//! container runs for which it would wait on its way down: an app container or a later sidecar. Crash-loop back-off
//! applies. What is started again is a container like any other that is found running while the pod goes: its hook
//! runs at once, it is told to stop at its turn, and it has what is left of the pod's one deadline. With 1 s or less
//! left nothing is started. Nothing but sidecars is, and no sidecar that never ran. A pod whose app containers are
//! done by themselves has its sidecars stopped by its plan, before it goes, and none of them is started again then.
//!
//! What goes beyond the proposal's alpha: the explicit stop order is the one that the pod has in any case; the
//! deadline and what is going on survive a restart of the agent, evictions and static pods included; and an attempt
//! number is never given out twice.

use std::time::Duration;

use super::state::{Call, Stage};
use super::{Action, Worker};
use crate::behaviour::Feature;
use crate::container::{ContainerIndex, ContainerSet, RecordState, SandboxState};
use crate::machine::Timestamp;
use crate::pod::StartReason;

/// With this much time left or less, no sidecar is started again.
const TOO_LATE: Duration = Duration::from_secs(1);

impl Worker {
    /// Whether an instance of a container may be made and started as things are.
    pub(super) fn may_start(&self, index: ContainerIndex) -> bool {
        match self.state.stage {
            Stage::Syncing => !self.all_containers_restarting() || self.pod.ephemeral().contains(index),
            Stage::Terminating { .. } => self.is_needed_still(index),
            Stage::Terminated | Stage::Finished => false,
        }
    }

    /// Starts the sidecars again that have ended and are needed still, the last one first.
    pub(super) fn restart_sidecars(&mut self, actions: &mut Vec<Action>) {
        if !self.restarts_sidecars() {
            return;
        }
        let unneeded: ContainerSet =
            self.pod.sidecars().iter().filter(|index| !self.is_needed_still(*index)).collect();
        for index in unneeded.iter() {
            let track = &mut self.state.tracks[index.at()];
            track.images_there = 0;
            track.retry_at = None;
        }
        // Nothing waits for an image of theirs any more.
        self.state.in_flight.retain(|operation| match &operation.call {
            Call::EnsureImage { container, .. } => !unneeded.contains(*container),
            _ => true,
        });
        for index in self.pod.sidecars().difference(unneeded).iter().rev() {
            // A hook that hangs holds nobody up.
            let is_busy = |call: &Call| call.is_start() && !matches!(call, Call::PostStart { .. });
            if self.state.is_in_flight(is_busy) {
                return;
            }
            if self.has_ended(index) {
                self.try_start(index, StartReason::Ended, actions);
            }
        }
    }

    fn restarts_sidecars(&self) -> bool {
        self.pod.behaviour.gates.enabled(Feature::SidecarsRestartableDuringPodTermination)
            && matches!(self.state.stage, Stage::Terminating { .. })
    }

    /// Whether a sidecar of a pod that goes is waited for by nobody's end: its turn to stop has not come, and there
    /// is time.
    fn is_needed_still(&self, index: ContainerIndex) -> bool {
        let Stage::Terminating { deadline, .. } = self.state.stage else { return false };
        if !self.restarts_sidecars() || !self.pod.sidecars().contains(index) {
            return false;
        }
        let is_too_late = deadline.is_some_and(|deadline| deadline.since(self.state.now) <= TOO_LATE);
        let sandbox = self.observed.sandboxes().first();
        let serves = sandbox.is_some_and(|sandbox| sandbox.state == SandboxState::Ready);
        !is_too_late && serves && !self.pod.waits_for(index, self.here()).is_empty()
    }

    /// The containers that run, or may: others wait for them before they are told to stop.
    fn here(&self) -> ContainerSet {
        let starting = self.state.in_flight.iter().filter_map(|operation| match &operation.call {
            Call::StartContainer { container, .. } => Some(*container),
            _ => None,
        });
        self.state.termination.containers().union(starting.collect())
    }

    /// Whether a sidecar ran and none of its instances does.
    fn has_ended(&self, index: ContainerIndex) -> bool {
        let is_here = self.here().contains(index) || self.observed.runs(index);
        let latest = self.observed.latest(index);
        !is_here
            && latest.is_some_and(|latest| match latest.state {
                RecordState::Exited(_) => true,
                // Made to replace one that ended, and never started.
                RecordState::Created => latest.attempt > 0,
                RecordState::Running { .. } | RecordState::Unknown => false,
            })
    }

    /// When the time comes after which no sidecar is started again, if one waits for its start.
    pub(super) fn sidecar_changes_at(&self) -> Option<Timestamp> {
        let Stage::Terminating { deadline: Some(deadline), .. } = self.state.stage else { return None };
        let is_waited_for = |call: &Call| matches!(call, Call::EnsureImage { .. });
        let waits = self.restarts_sidecars() && self.state.is_in_flight(is_waited_for);
        waits.then(|| deadline.moved_back(TOO_LATE))
    }
}
