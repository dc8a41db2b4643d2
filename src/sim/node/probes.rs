//! The probes' attempts, which the containers answer by their scripts.

use std::time::Duration;

use super::{Node, What};
use crate::api::ContainerId;
use crate::container::{ContainerIndex, ProbeAnswer, ProbeFault, ProbeKind, ProberAction, RecordState};
use crate::machine::{Machine, OperationId};
use crate::pod::{LifecycleEvent, ProbesAction};
use crate::sim::{Fault, TraceEvent};

/// How an attempt of a probe is answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    operation: OperationId,
    container: ContainerIndex,
    probe: ProbeKind,
    answer: ProbeAnswer,
}

impl Node {
    /// Does what a probe asks for: an attempt is answered after a while.
    pub(super) fn probe(&mut self, pod: u32, ProbesAction { container, action }: ProbesAction) {
        match action {
            ProberAction::Attempt { operation, id, probe, timeout, check: _ } => {
                if self.config.trace_attempts {
                    self.note(pod, |known| {
                        let container = known.name_of(container);
                        TraceEvent::Probing { container, probe }
                    });
                }
                let (answer, takes) = self.ask(pod, container, &id, probe, timeout);
                let answer = Answer { operation, container, probe, answer };
                self.answer_later(pod, answer, takes, timeout);
            }
            ProberAction::Errored { probe, fault: ProbeFault::Check(error), .. } => {
                self.tell_unasked(pod, (container, probe), &error);
            }
            // An answer that changes something is told when it comes.
            ProberAction::Errored { .. } | ProberAction::Changed { .. } | ProberAction::Ended { .. } => {}
        }
    }

    /// What an instance answers, and how long that takes.
    fn ask(
        &mut self,
        pod: u32,
        container: ContainerIndex,
        id: &ContainerId,
        probe: ProbeKind,
        timeout: Duration,
    ) -> (ProbeAnswer, Duration) {
        let known = &mut self.pods[pod as usize];
        let probes = known.cast.behaviors.get(container.at()).map(|behavior| behavior.probe);
        let probes = probes.unwrap_or_default();
        let process = known.runtime.instance(id).map(|instance| &instance.process);
        let running = process.and_then(|process| match process.record.state {
            RecordState::Running { started_at } => Some((process, started_at)),
            _ => None,
        });
        // Where nothing runs there is nobody to answer.
        let Some((process, started_at)) = running else { return (ProbeAnswer::Failure, Duration::ZERO) };
        let (attempt, age) = (process.record.attempt, self.now - started_at);
        let answer = probes.answer(&process.script, probe, attempt, age);
        let is_late = answer == ProbeAnswer::Success && probes.takes.0 > timeout;
        (if is_late { ProbeAnswer::Failure } else { answer }, probes.takes(attempt, age, timeout))
    }

    /// Answers after a while, unless the answer goes astray.
    fn answer_later(&mut self, pod: u32, answer: Answer, takes: Duration, timeout: Duration) {
        let fault = self.draw_fault(&Fault::OF_CALLS);
        if let Some(fault) = fault {
            let Answer { container, probe, .. } = answer;
            self.note(pod, |known| {
                let container = known.name_of(container);
                TraceEvent::ProbeFault { container, probe, fault }
            });
        }
        let at = self.now + takes;
        let mut say = |at, which| {
            let answer = Answer { answer: which, ..answer };
            self.schedule(at, pod, What::Probe(answer));
        };
        match fault {
            Some(Fault::NeverAnswers | Fault::GetsLost) => {}
            Some(Fault::Fails) => say(at, ProbeAnswer::Error),
            Some(Fault::TimesOut) => say(at + timeout, ProbeAnswer::Failure),
            Some(Fault::AnswersLate) => say(at + Duration::from_secs(5), answer.answer),
            Some(Fault::AnswersTwice) => {
                say(at, answer.answer);
                say(at + Duration::from_secs(1), answer.answer);
            }
            None => say(at, answer.answer),
        }
    }

    pub(super) fn answer_probe(&mut self, pod: u32, answer: Answer) {
        let Answer { operation, container, probe, answer } = answer;
        let known = &mut self.pods[pod as usize];
        let before = known.lifecycle.probe_results(container).of(probe);
        let event = LifecycleEvent::Answered { operation, answer };
        known.lifecycle.step(self.now, event, &mut self.actions);
        let after = known.lifecycle.probe_results(container).of(probe);
        self.tell_answer(pod, (container, probe), answer, after.filter(|_| after != before));
        self.after_step(pod);
    }
}
