//! What the trace is told.

use std::sync::Arc;

use super::{Node, SimPod, StatusChange};
use crate::api::{ConditionStatus, PodCondition};
use crate::container::{ContainerIndex, HandlerError, ProbeAnswer, ProbeKind, ProbeResult};
use crate::pod::{Action, Change};
use crate::sim::{TraceEntry, TraceEvent};

/// What the trace has of a pod already, so that it is told what is new only.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    /// By type: whether it holds, and why.
    conditions: Vec<(String, ConditionStatus, String)>,
    /// The last answers of the latest instances.
    answers: Vec<(ContainerIndex, ProbeKind, ProbeAnswer)>,
    /// Probes that were said to have nothing to ask.
    unasked: Vec<(ContainerIndex, ProbeKind)>,
}

impl Told {
    /// A container has another instance.
    pub(super) fn forget(&mut self, container: ContainerIndex) {
        self.answers.retain(|(of, ..)| *of != container);
    }

    /// Takes an answer; says whether it is another one than before. An instance is taken to be well until then.
    fn answer(&mut self, container: ContainerIndex, probe: ProbeKind, answer: ProbeAnswer) -> bool {
        let known = self.answers.iter_mut().find(|(of, kind, _)| (*of, *kind) == (container, probe));
        match known {
            Some((.., known)) => std::mem::replace(known, answer) != answer,
            None => {
                self.answers.push((container, probe, answer));
                answer != ProbeAnswer::Success
            }
        }
    }
}

impl Node {
    pub(super) fn report(&mut self, pod: u32, change: Change) {
        let known = &self.pods[pod as usize];
        let uid = known.pod.metadata.uid.clone();
        if change == Change::Finished && !self.config.statuses {
            self.remove(pod);
        }
        self.note(pod, |known| match change {
            Change::Phase(phase) => TraceEvent::Phase { phase },
            Change::Container { container, view } => {
                TraceEvent::Container { container: known.name_of(container), view }
            }
            Change::Note(note) => TraceEvent::Note { note },
            Change::AllContainersRestarting(restarting) => TraceEvent::AllContainersRestarting { restarting },
            Change::Terminated => TraceEvent::PodTerminated,
            Change::Finished => TraceEvent::PodFinished,
        });
        self.changes.push(StatusChange { at: self.now, uid, change });
    }

    pub(super) fn note(&mut self, pod: u32, event: impl FnOnce(&SimPod) -> TraceEvent) {
        if self.config.trace {
            let known = &self.pods[pod as usize];
            let (at, name, event) = (self.now, Arc::clone(&known.name), event(known));
            self.trace.push(TraceEntry { at, pod: name, event });
        }
    }

    pub(super) fn trace_action(&mut self, pod: u32, action: &Action) {
        self.note(pod, |known| {
            let name = |container: &ContainerIndex| known.name_of(*container);
            let name_if = |container: &Option<ContainerIndex>| container.map(|index| known.name_of(index));
            match action {
                Action::PrepareResources { .. } => TraceEvent::PreparingResources,
                Action::ReleaseResources { .. } => TraceEvent::ReleasingResources,
                Action::CreateSandbox { attempt, .. } => TraceEvent::CreatingSandbox { attempt: *attempt },
                Action::StopSandbox { reason, .. } => TraceEvent::StoppingSandbox { reason: *reason },
                Action::RemoveSandbox { .. } => TraceEvent::RemovingSandbox,
                Action::EnsureImage { container, image, reason, .. } => TraceEvent::Pulling {
                    container: name(container),
                    image: known.image_of(*container, *image),
                    reason: *reason,
                },
                Action::CreateContainer { container, attempt, .. } => {
                    TraceEvent::Creating { container: name(container), attempt: *attempt }
                }
                Action::StartContainer { container, .. } => {
                    TraceEvent::Starting { container: name(container) }
                }
                Action::RunPostStart { container, .. } => {
                    TraceEvent::PostStart { container: name(container) }
                }
                Action::RunPreStop { container, timeout_seconds, .. } => TraceEvent::PreStop {
                    container: name_if(container).unwrap_or_default(),
                    timeout_seconds: *timeout_seconds,
                },
                Action::StopContainer { container, timeout_seconds, .. } => TraceEvent::Stopping {
                    container: name_if(container).unwrap_or_default(),
                    timeout_seconds: *timeout_seconds,
                },
                Action::RemoveContainer { container, .. } => {
                    TraceEvent::Removing { container: name(container) }
                }
                Action::Report { change: Change::Phase(phase) } => TraceEvent::Phase { phase: *phase },
                Action::Report { .. } => TraceEvent::PodTerminated,
            }
        });
    }

    /// An attempt of a probe was answered, and what its probe says changed to `result` by that.
    pub(super) fn tell_answer(
        &mut self,
        pod: u32,
        (container, probe): (ContainerIndex, ProbeKind),
        answer: ProbeAnswer,
        result: Option<ProbeResult>,
    ) {
        if !self.config.trace {
            return;
        }
        let is_new = self.pods[pod as usize].told.answer(container, probe, answer);
        if is_new || result.is_some() || self.config.trace_attempts {
            self.note(pod, |known| {
                let container = known.name_of(container);
                TraceEvent::Probed { container, probe, answer, result }
            });
        }
    }

    /// A probe has nothing to ask, which is said once.
    pub(super) fn tell_unasked(&mut self, pod: u32, of: (ContainerIndex, ProbeKind), why: &HandlerError) {
        let told = &mut self.pods[pod as usize].told;
        if self.config.trace && !told.unasked.contains(&of) {
            told.unasked.push(of);
            self.note(pod, |known| TraceEvent::ProbeImpossible {
                container: known.name_of(of.0),
                probe: of.1,
                message: why.to_string().into(),
            });
        }
    }

    /// Conditions that are others than before.
    pub(super) fn tell_conditions(&mut self, pod: u32) {
        if !self.config.trace {
            return;
        }
        let SimPod { told, lifecycle, name, .. } = &mut self.pods[pod as usize];
        let Some(status) = lifecycle.status() else { return };
        let same = |told: &(String, ConditionStatus, String), condition: &PodCondition| {
            told.0 == condition.type_ && told.1 == condition.status && told.2 == condition.reason
        };
        let conditions = &status.conditions;
        let is_same = told.conditions.len() == conditions.len()
            && told.conditions.iter().zip(conditions).all(|(told, condition)| same(told, condition));
        if is_same {
            return;
        }
        let gone = told.conditions.iter().filter(|(type_, ..)| status.condition(type_).is_none());
        let gone = gone.map(|(type_, ..)| TraceEvent::ConditionGone { condition: type_.as_str().into() });
        let new = conditions
            .iter()
            .filter(|condition| !told.conditions.iter().any(|told| same(told, condition)))
            .map(|condition| TraceEvent::Condition {
                condition: condition.type_.as_str().into(),
                status: condition.status,
                reason: condition.reason.as_str().into(),
            });
        let (at, name) = (self.now, &*name);
        let entry = |event| TraceEntry { at, pod: Arc::clone(name), event };
        self.trace.extend(gone.chain(new).map(entry));
        let told_now = conditions.iter();
        told.conditions = told_now
            .map(|condition| (condition.type_.clone(), condition.status, condition.reason.clone()))
            .collect();
    }
}
