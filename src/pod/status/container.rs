//! The status of one container, from its newest two instances and its status before.

use super::compare::same_text;
use super::inputs::{StatusInputs, StatusResources, Waiting};
use super::write::{self, Refill};
use crate::api::{
    Container, ContainerId, ContainerState, ContainerStateRunning, ContainerStatus, RestartPolicy,
    VolumeMount,
};
use crate::behaviour::Feature;
use crate::container::{
    ContainerIndex, ContainerKind, ContainerRecord, Exit, ProbeResult, RecordState, restarts, succeeded,
};
use crate::pod::{CompiledContainer, CompiledPod, Observed};

/// The exit code of an instance of which nobody saw how it ended: killed.
const UNKNOWN_EXIT_CODE: i32 = 137;
const STATUS_UNKNOWN: &str = "ContainerStatusUnknown";
/// What is said of an instance that the runtime has lost sight of, or that was gone when its pod ended.
const LOST_IN_TERMINATION: &str = "The container could not be located when the pod was terminated";
/// What is said of an instance that ran and of which the runtime has no record.
const LOST_IN_DELETION: &str =
    "The container could not be located when the pod was deleted.  The container used to be Running";

/// Makes a state that of an instance that was lost while the pod ended.
pub(super) fn write_lost_in_termination(to: &mut Option<ContainerState>) {
    write_lost(LOST_IN_TERMINATION, to);
}

fn write_lost(message: &str, to: &mut Option<ContainerState>) {
    write::terminated(to, |to| {
        to.exit_code = UNKNOWN_EXIT_CODE;
        to.signal = 0;
        write::text(&mut to.reason, STATUS_UNKNOWN);
        write::text(&mut to.message, message);
        to.started_at = None;
        to.finished_at = None;
        to.container_id.clear();
    });
}

/// One container while its status is written.
pub(super) struct Writing<'a> {
    pub(super) pod: &'a CompiledPod,
    pub(super) observed: &'a Observed,
    pub(super) inputs: &'a StatusInputs<'a>,
    pub(super) index: ContainerIndex,
    pub(super) container: &'a CompiledContainer,
    pub(super) spec: &'a Container,
    /// Its status before.
    pub(super) old: Option<&'a ContainerStatus>,
}

impl Writing<'_> {
    /// Writes every field of the status.
    pub(super) fn write(&self, to: &mut ContainerStatus) {
        let waiting = self.failed_start();
        match (self.observed.latest(self.index), self.old) {
            (Some(latest), _) => self.write_instance(latest, waiting, to),
            (None, Some(old)) if matches!(old.state, Some(ContainerState::Terminated(_))) => {
                Self::write_old(old, waiting, to);
            }
            (None, _) => self.write_absent(waiting, to),
        }
        self.write_started_and_ready(to);
    }

    /// Why it waits, if its last start came to nothing and it is to be started again.
    fn failed_start(&self) -> Option<Waiting<'_>> {
        let waiting = self.inputs.waiting.get(self.index.at()).copied().flatten();
        let latest = self.observed.latest(self.index);
        if self.inputs.restarting.contains(self.index) && latest.is_some_and(|latest| latest.exit().is_some())
        {
            // It is replaced in place. To say that it has ended would be for good.
            return Some(waiting.unwrap_or(Waiting { reason: "ContainerCreating", message: "" }));
        }
        let waiting = waiting?;
        let kind = self.container.kind;
        let restarts_always =
            kind == ContainerKind::Sidecar && !self.pod.behaviour.compat.hide_sidecar_back_off;
        let policy = if restarts_always { RestartPolicy::Always } else { self.container.restart_policy };
        let by_rule = |exit: &Exit| self.container.restarts_by_rule(exit.exit_code);
        let by_rule = !self.inputs.deleted && latest.and_then(ContainerRecord::exit).is_some_and(by_rule);
        let is_done = kind.is_init() && !restarts_always && succeeded(latest);
        let restarts = by_rule || !is_done && restarts(policy, latest, self.inputs.deleted);
        restarts.then_some(waiting)
    }

    fn write_instance(
        &self,
        latest: &ContainerRecord,
        waiting: Option<Waiting<'_>>,
        to: &mut ContainerStatus,
    ) {
        let ContainerStatus {
            name,
            state,
            last_state,
            ready,
            started,
            restart_count,
            image,
            image_id,
            container_id,
            allocated_resources,
            resources,
            volume_mounts,
            user,
            stop_signal,
        } = to;
        write::text(name, &self.container.name);
        *ready = false;
        *started = None;
        *restart_count = if self.is_lost(latest) {
            self.old.map_or(0, |old| old.restart_count).saturating_add(1)
        } else {
            latest.attempt
        };
        write::text(image, &latest.image);
        write::text(image_id, &latest.image_ref);
        self.write_id(&latest.id, container_id);
        match self.resources() {
            Some(StatusResources { allocated, actual }) => {
                write::value(allocated_resources, allocated);
                write::value(resources, actual);
            }
            None => {
                write::nothing(allocated_resources);
                write::nothing(&mut resources.requests);
                write::nothing(&mut resources.limits);
            }
        }
        match self.old {
            Some(old) => write::value(volume_mounts, &old.volume_mounts),
            None => volume_mounts.clear(),
        }
        write::nothing(user);
        let signals = self.pod.behaviour.gates.enabled(Feature::ContainerStopSignals);
        match self.spec.lifecycle.as_ref().filter(|_| signals) {
            Some(lifecycle) => write::value(stop_signal, &lifecycle.stop_signal),
            None => *stop_signal = None,
        }

        let has_ended = latest.exit().is_some() || self.is_lost(latest);
        match (waiting, self.observed.before_latest(self.index)) {
            (Some(_), _) if has_ended => self.write_state(latest, last_state),
            (_, Some(before)) => self.write_state(before, last_state),
            (_, None) => *last_state = None,
        }
        match waiting {
            Some(Waiting { reason, message }) => write::waiting(state, reason, message),
            None => self.write_state(latest, state),
        }
    }

    /// Whether the runtime has lost sight of an instance that ran when it was last seen.
    fn is_lost(&self, record: &ContainerRecord) -> bool {
        let used_to_run = self.old.is_some_and(|old| matches!(old.state, Some(ContainerState::Running(_))));
        record.state == RecordState::Unknown && used_to_run
    }

    fn write_state(&self, record: &ContainerRecord, to: &mut Option<ContainerState>) {
        match &record.state {
            RecordState::Running { started_at } => {
                let started_at = Some(started_at.truncated_to_seconds());
                *to = Some(ContainerState::Running(ContainerStateRunning { started_at }));
            }
            RecordState::Exited(exit) => write::terminated(to, |to| {
                to.exit_code = exit.exit_code;
                to.signal = 0;
                write::text(&mut to.reason, &exit.reason);
                write::text(&mut to.message, &exit.message);
                to.started_at = exit.started_at.map(|at| at.truncated_to_seconds());
                to.finished_at = Some(exit.finished_at.truncated_to_seconds());
                self.write_id(&record.id, &mut to.container_id);
            }),
            RecordState::Unknown if self.is_lost(record) => write_lost(LOST_IN_TERMINATION, to),
            RecordState::Created | RecordState::Unknown => write::waiting(to, "", ""),
        }
    }

    fn write_id(&self, id: &ContainerId, to: &mut String) {
        let (runtime, id) = (self.inputs.runtime, id.as_str());
        let rest = to.split_at_checked(runtime.len() + 3);
        let same = rest.is_some_and(|(head, tail)| {
            same_text(tail, id)
                && head
                    .split_at_checked(runtime.len())
                    .is_some_and(|(start, colon)| same_text(start, runtime) && same_text(colon, "://"))
        });
        if !same {
            to.clear();
            to.extend([runtime, "://", id]);
        }
    }

    fn resources(&self) -> Option<StatusResources<'_>> {
        let is_on = self.pod.behaviour.gates.enabled(Feature::InPlacePodVerticalScaling);
        self.inputs.resources.get(self.index.at()).copied().flatten().filter(|_| is_on)
    }

    /// An end that was said is not taken back when the runtime's record of it is gone.
    fn write_old(old: &ContainerStatus, waiting: Option<Waiting<'_>>, to: &mut ContainerStatus) {
        match waiting {
            None => write::container(to, old),
            Some(Waiting { reason, message }) => {
                // The end moves to the last state; written in turns, so that each buffer is used for its like.
                let mut state = to.state.take();
                let mut last_state = to.last_state.take();
                write::container(to, old);
                write::state(&mut last_state, old.state.as_ref());
                write::waiting(&mut state, reason, message);
                to.state = state;
                to.last_state = last_state;
            }
        }
    }

    fn write_absent(&self, waiting: Option<Waiting<'_>>, to: &mut ContainerStatus) {
        let ContainerStatus {
            name,
            state,
            last_state,
            ready,
            started,
            restart_count,
            image,
            image_id,
            container_id,
            allocated_resources,
            resources,
            volume_mounts,
            user,
            stop_signal,
        } = to;
        write::text(name, &self.container.name);
        *ready = false;
        *started = None;
        *restart_count = self.old.map_or(0, |old| old.restart_count);
        write::text(image, &self.container.image);
        image_id.clear();
        container_id.clear();
        write::nothing(allocated_resources);
        write::nothing(&mut resources.requests);
        write::nothing(&mut resources.limits);
        write_mounts(&self.spec.volume_mounts, volume_mounts);
        write::nothing(user);
        *stop_signal = None;

        let old_last = self.old.and_then(|old| old.last_state.as_ref());
        let ran = self.old.is_some_and(|old| matches!(old.state, Some(ContainerState::Running(_))));
        if ran && !matches!(old_last, Some(ContainerState::Terminated(_))) {
            // It has gone without a trace. It shows as stopped, so that the pod does not become pending again.
            write_lost(LOST_IN_DELETION, last_state);
            *restart_count = restart_count.saturating_add(u32::from(!self.inputs.deleted));
        } else {
            write::state(last_state, old_last);
        }
        let fresh = if self.pod.inits().is_empty() { "ContainerCreating" } else { "PodInitializing" };
        let Waiting { reason, message } = waiting.unwrap_or(Waiting { reason: fresh, message: "" });
        write::waiting(state, reason, message);
    }

    /// What the probes say. Who has not started keeps the readiness that it was written with.
    fn write_started_and_ready(&self, to: &mut ContainerStatus) {
        let kind = self.container.kind;
        if kind == ContainerKind::Ephemeral {
            return;
        }
        let probes = self.inputs.probes.get(self.index.at()).copied().unwrap_or_default();
        let running = matches!(to.state, Some(ContainerState::Running(_)));
        let started = running
            && !self.inputs.hooks_pending.contains(self.index)
            && match probes.startup {
                Some(result) => result == ProbeResult::Success,
                None => !self.inputs.startup_probed.contains(self.index),
            };
        to.started = Some(started);
        if kind == ContainerKind::Init {
            to.ready |= matches!(&to.state, Some(ContainerState::Terminated(end)) if end.exit_code == 0);
        } else if started {
            to.ready = probes.readiness == Some(ProbeResult::Success)
                || !self.inputs.readiness_probed.contains(self.index);
        }
    }
}

/// The mounts that a container is going to have. A read-only one says whether what is mounted below is
/// read-only too, which no runtime supports that is known here.
fn write_mounts(spec: &[VolumeMount], to: &mut Vec<VolumeMount>) {
    let mut mounts = Refill::new(to);
    for mount in spec {
        let (_, VolumeMount { name, mount_path, sub_path, read_only, recursive_read_only }) =
            mounts.next(VolumeMount::default);
        write::text(name, &mount.name);
        write::text(mount_path, &mount.mount_path);
        sub_path.clear();
        *read_only = mount.read_only;
        let below = mount.read_only.then_some("Disabled");
        if recursive_read_only.as_deref() != below {
            *recursive_read_only = below.map(str::to_owned);
        }
    }
    mounts.finish();
}
