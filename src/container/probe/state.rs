//! What a prober remembers, and the rules by which answers become a result.

use serde::{Deserialize, Serialize};

use super::{
    CompiledProbe, InstanceSight, InstanceState, PodSight, ProbeAnswer, ProbeAtExit, ProbeKind, ProbeResult,
    ProberAction, Sight,
};
use crate::api::ContainerId;
use crate::machine::{OperationId, Operations, Timestamp};

/// What a prober remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    pub(super) now: Timestamp,
    pub(super) operations: Operations,
    pub(super) sight: Sight,
    /// The instance that the result is of.
    pub(super) id: Option<ContainerId>,
    pub(super) result: Option<ProbeResult>,
    /// The last answer.
    pub(super) last: Option<ProbeResult>,
    /// How often it came in a row.
    pub(super) result_run: u32,
    /// Whether nothing is asked until there is another instance.
    pub(super) on_hold: bool,
    pub(super) ended: bool,
    /// When the jitter is over.
    pub(super) quiet_until: Timestamp,
    /// When the period asks for the next run.
    pub(super) next: Timestamp,
    /// Whether a run is wanted at once.
    pub(super) wanted: bool,
    pub(super) attempt: Option<Attempt>,
}

/// An attempt that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attempt {
    pub(super) operation: OperationId,
    /// Which of its run, from 1 on.
    pub(super) number: u8,
    pub(super) deadline: Timestamp,
}

impl State {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            now,
            operations: Operations::of_epoch(0),
            sight: Sight::default(),
            id: None,
            result: None,
            last: None,
            result_run: 0,
            on_hold: false,
            ended: false,
            quiet_until: now,
            next: now,
            wanted: false,
            attempt: None,
        }
    }

    /// Takes what is seen of the container and its pod.
    pub(super) fn see(&mut self, probe: &CompiledProbe, sight: Sight, actions: &mut Vec<ProberAction>) {
        let before = std::mem::replace(&mut self.sight, sight);
        if self.ended && !self.begins_anew(probe) {
            return;
        }
        self.ended = false;
        if self.sight.pod.phase.is_terminal() {
            self.end(probe.kind, actions);
            return;
        }
        let Some(instance) = &mut self.sight.instance else {
            self.attempt = None;
            return;
        };
        // A start in the future is a clock's fault, which must not put the first question off.
        if let InstanceState::Running { started_at } = &mut instance.state {
            let known = before.instance.filter(|known| known.id == instance.id).map(|known| known.state);
            let seen = match known {
                Some(InstanceState::Running { started_at }) => started_at,
                _ => self.now,
            };
            *started_at = (*started_at).min(seen);
        }
        let (state, is_new) = (instance.state, self.id.as_ref() != Some(&instance.id));
        let is_its_turn = instance.takes(probe.kind);
        if is_new {
            self.id = Some(instance.id.clone());
            self.attempt = None;
            self.on_hold = false;
            self.next = self.now;
            self.wanted = false;
            self.result = None;
            self.set(probe.kind, probe.kind.initial_result(), actions);
        }
        if !is_its_turn {
            self.attempt = None;
        }
        if self.on_hold {
            return;
        }
        match state {
            InstanceState::Running { .. } => {
                if self.sight.pod.ends(probe.kind) {
                    self.set(probe.kind, ProbeResult::Success, actions);
                    self.end(probe.kind, actions);
                }
            }
            InstanceState::Waiting => self.set(probe.kind, ProbeResult::Failure, actions),
            InstanceState::Terminated => {
                self.set(probe.kind, ProbeResult::Failure, actions);
                if probe.after_exit != ProbeAtExit::Waits {
                    self.end(probe.kind, actions);
                }
            }
        }
    }

    /// Whether a probe that ended with an instance has another one to ask.
    fn begins_anew(&self, probe: &CompiledProbe) -> bool {
        let next = self.sight.instance.as_ref().filter(|instance| self.id.as_ref() != Some(&instance.id));
        probe.after_exit == ProbeAtExit::Ends
            && next.is_some_and(|next| next.state != InstanceState::Terminated)
            && !self.sight.pod.ends(probe.kind)
    }

    /// Takes an answer that is no error.
    pub(super) fn take(
        &mut self,
        probe: &CompiledProbe,
        answer: ProbeAnswer,
        actions: &mut Vec<ProberAction>,
    ) {
        let (result, threshold) = match answer {
            ProbeAnswer::Success | ProbeAnswer::Warning => (ProbeResult::Success, probe.success_threshold),
            ProbeAnswer::Failure | ProbeAnswer::Unknown => (ProbeResult::Failure, probe.failure_threshold),
            ProbeAnswer::Error => return,
        };
        self.result_run = if self.last == Some(result) { self.result_run.saturating_add(1) } else { 1 };
        self.last = Some(result);
        if self.result_run < threshold {
            return;
        }
        self.set(probe.kind, result, actions);
        let is_last_word = match probe.kind {
            ProbeKind::Startup => true,
            ProbeKind::Liveness => result == ProbeResult::Failure,
            ProbeKind::Readiness => false,
        };
        if is_last_word {
            self.on_hold = true;
            self.result_run = 0;
        }
    }

    /// From when on something may be asked, with the instance as it is.
    pub(super) fn opens_at(&self, probe: &CompiledProbe) -> Option<Timestamp> {
        if self.ended || self.on_hold || self.attempt.is_some() {
            return None;
        }
        let instance = self.sight.instance.as_ref()?;
        let InstanceState::Running { started_at } = instance.state else { return None };
        // The delay is of whole seconds, so an age cut to whole seconds reaches it at the same instant.
        instance.takes(probe.kind).then(|| started_at + probe.initial_delay)
    }

    fn set(&mut self, probe: ProbeKind, result: ProbeResult, actions: &mut Vec<ProberAction>) {
        if self.result != Some(result) {
            self.result = Some(result);
            if let Some(id) = &self.id {
                actions.push(ProberAction::Changed { id: id.clone(), probe, result });
            }
        }
    }

    fn end(&mut self, probe: ProbeKind, actions: &mut Vec<ProberAction>) {
        self.ended = true;
        self.attempt = None;
        self.wanted = false;
        actions.push(ProberAction::Ended { probe });
    }

    /// Moves every instant back.
    pub(super) fn move_back(&mut self, by: std::time::Duration) {
        for at in [&mut self.now, &mut self.quiet_until, &mut self.next] {
            *at = at.moved_back(by);
        }
        if let Some(attempt) = &mut self.attempt {
            attempt.deadline = attempt.deadline.moved_back(by);
        }
        if let Some(instance) = &mut self.sight.instance
            && let InstanceState::Running { started_at } = &mut instance.state
        {
            *started_at = started_at.moved_back(by);
        }
    }
}

impl PodSight {
    /// Whether the pod is so far that nothing is asked any more: its phase is terminal, or it is being stopped
    /// and the probe is not for readiness.
    pub(crate) const fn ends(self, probe: ProbeKind) -> bool {
        self.phase.is_terminal() || (self.deleted && !matches!(probe, ProbeKind::Readiness))
    }
}

impl InstanceSight {
    /// Whether a probe of this kind has its turn: startup until it has started, all others from then on.
    fn takes(&self, probe: ProbeKind) -> bool {
        let runs = matches!(self.state, InstanceState::Running { .. });
        runs && (probe == ProbeKind::Startup) != self.started
    }
}
