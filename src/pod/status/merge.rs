//! A status of the node's merged with the one that the API server has, right before it is sent.

use super::conditions::{ConditionDecision, find_condition};
use super::owned::is_owned;
use super::write::{self, Refill, blank_condition};
use crate::api::{ConditionStatus, ContainerState, ContainerStatus, PodCondition, PodPhase, PodStatus};
use crate::behaviour::{Behaviour, FeatureGates};
use crate::machine::Timestamp;

/// What a merge depends on beside the two statuses.
#[derive(Debug, Clone, Copy)]
pub struct MergeContext<'a> {
    /// The time.
    pub now: Timestamp,
    /// Whether a container of the pod may still run.
    pub could_run: bool,
    /// Whether the pod is static: one that has ended begins anew when its file comes back.
    pub is_static: bool,
    /// What the node does.
    pub behaviour: &'a Behaviour,
}

/// What is sent: the node's `new` status, with what is not the node's to say as the API server has it.
///
/// - Conditions of others survive, first and in their order; the node's own follow.
/// - `DisruptionTarget` goes along only with the step into a terminal phase.
/// - That step waits until no container can run any more: until then phase, reason and message stay.
/// - A pod in a terminal phase is not ready.
/// - A terminal phase stays as it is, and so does a container that has ended in it. (The kubelet sends what it
///   is given: [`Compat::leave_terminal_phases`](crate::behaviour::Compat).)
///
/// ```
/// use node_lifecycle::api::{PodPhase, PodStatus};
/// use node_lifecycle::behaviour::Behaviour;
/// use node_lifecycle::machine::Timestamp;
/// use node_lifecycle::pod::{MergeContext, merge_status};
///
/// let of_phase = |phase| PodStatus { phase: Some(phase), ..PodStatus::default() };
/// let context = MergeContext {
///     now: Timestamp::UNIX_EPOCH,
///     could_run: true,
///     is_static: false,
///     behaviour: &Behaviour::default(),
/// };
/// // It has ended, but it is not sure yet that nothing runs.
/// let merged = merge_status(&of_phase(PodPhase::Running), &of_phase(PodPhase::Failed), context);
/// assert_eq!(merged.phase, Some(PodPhase::Running));
/// // What has failed does not run again.
/// let merged = merge_status(&of_phase(PodPhase::Failed), &of_phase(PodPhase::Running), context);
/// assert_eq!(merged.phase, Some(PodPhase::Failed));
/// ```
#[must_use]
pub fn merge_status(api: &PodStatus, new: &PodStatus, context: MergeContext<'_>) -> PodStatus {
    let mut merged = PodStatus::default();
    merge_status_into(api, new, context, &mut merged);
    merged
}

/// [`merge_status`] into a status that is there, whatever it has: its buffers are used again.
pub fn merge_status_into(
    api: &PodStatus,
    new: &PodStatus,
    context: MergeContext<'_>,
    merged: &mut PodStatus,
) {
    let MergeContext { now, could_run, is_static, behaviour } = context;
    let is_terminal = |status: &PodStatus| status.phase.is_some_and(PodPhase::is_terminal);
    let ends = !is_terminal(api) && is_terminal(new);
    let now = now.truncated_to_seconds();

    write::pod_but_conditions(merged, new);
    let disruption = ends && !could_run;
    merge_conditions(api, new, disruption.then_some(now), behaviour.gates, &mut merged.conditions);
    write::value(&mut merged.resource_claim_statuses, &api.resource_claim_statuses);
    if ends && could_run {
        keep_phase(api, merged);
    }
    if !is_static && !behaviour.compat.leave_terminal_phases {
        keep_end(api, merged);
    }
    if let Some(phase) = merged.phase.filter(|phase| phase.is_terminal()) {
        make_unready(phase, now, &mut merged.conditions);
    }
}

fn merge_conditions(
    api: &PodStatus,
    new: &PodStatus,
    disrupted_at: Option<Timestamp>,
    gates: FeatureGates,
    to: &mut Vec<PodCondition>,
) {
    let mut merged = Refill::new(to);
    for foreign in &api.conditions {
        if !is_owned(&foreign.type_, gates) {
            write::condition(merged.next(blank_condition).1, foreign);
        }
    }
    for condition in &new.conditions {
        if is_owned(&condition.type_, gates) {
            write::condition(merged.next(blank_condition).1, condition);
        } else if condition.type_ == PodCondition::DISRUPTION_TARGET
            && let Some(now) = disrupted_at
        {
            let at = merged.filled().iter().position(|known| known.type_ == condition.type_);
            let to = match at {
                Some(at) => &mut merged.filled()[at],
                None => merged.next(blank_condition).1,
            };
            write::condition(to, condition);
            to.last_transition_time = transition_time(api, condition, now);
        }
    }
    merged.finish();
}

/// When a condition came to its status: a new one has come to it now.
pub(super) fn transition_time(
    old: &PodStatus,
    condition: &PodCondition,
    now: Timestamp,
) -> Option<Timestamp> {
    match find_condition(&old.conditions, &condition.type_) {
        Some(old) if old.status == condition.status => old.last_transition_time,
        _ => Some(now),
    }
}

fn keep_phase(old: &PodStatus, new: &mut PodStatus) {
    new.phase = old.phase;
    write::text(&mut new.reason, &old.reason);
    write::text(&mut new.message, &old.message);
}

/// Where the old phase is terminal: keeps it, its reason and message, and the end of every container that has
/// ended.
pub(super) fn keep_end(old: &PodStatus, new: &mut PodStatus) {
    if !old.phase.is_some_and(PodPhase::is_terminal) {
        return;
    }
    if new.phase != old.phase {
        keep_phase(old, new);
    }
    keep_ends(&old.init_container_statuses, &mut new.init_container_statuses);
    keep_ends(&old.container_statuses, &mut new.container_statuses);
    keep_ends(&old.ephemeral_container_statuses, &mut new.ephemeral_container_statuses);
}

fn keep_ends(old: &[ContainerStatus], new: &mut [ContainerStatus]) {
    let has_ended = |status: &ContainerStatus| matches!(status.state, Some(ContainerState::Terminated(_)));
    for new in new.iter_mut().filter(|new| !has_ended(new)) {
        if let Some(old) = old.iter().find(|old| old.name == new.name && has_ended(old)) {
            write::container(new, old);
        }
    }
}

fn make_unready(phase: PodPhase, now: Timestamp, conditions: &mut Vec<PodCondition>) {
    let types = [PodCondition::CONTAINERS_READY, PodCondition::READY];
    let holds = |condition: &PodCondition| {
        types.contains(&&*condition.type_) && condition.status == ConditionStatus::True
    };
    if !conditions.iter().any(holds) {
        return;
    }
    let decision = ConditionDecision::in_terminal_phase(phase);
    for type_ in types {
        let at = conditions.iter().position(|condition| condition.type_ == type_);
        let at = at.unwrap_or_else(|| {
            conditions.push(blank_condition());
            conditions.len() - 1
        });
        let to = &mut conditions[at];
        let was_false = to.type_ == type_ && to.status == decision.status;
        write::text(&mut to.type_, type_);
        to.status = decision.status;
        write::text(&mut to.reason, decision.reason.word());
        to.message.clear();
        to.last_probe_time = None;
        if !was_false {
            to.last_transition_time = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(type_: &str, status: ConditionStatus) -> PodCondition {
        PodCondition { type_: type_.to_owned(), status, ..blank_condition() }
    }

    fn types(status: &PodStatus) -> Vec<&str> {
        status.conditions.iter().map(|condition| &*condition.type_).collect()
    }

    #[test]
    fn a_disruption_is_said_with_the_end_and_not_before() {
        let [yes, no] = [ConditionStatus::True, ConditionStatus::False];
        let api = PodStatus {
            phase: Some(PodPhase::Running),
            conditions: vec![condition("example.com/theirs", no), condition("Ready", yes)],
            ..PodStatus::default()
        };
        let new = PodStatus {
            phase: Some(PodPhase::Failed),
            reason: "Evicted".to_owned(),
            conditions: vec![condition("DisruptionTarget", yes), condition("Ready", yes)],
            ..PodStatus::default()
        };
        let behaviour = Behaviour::default();
        let now = Timestamp::from_unix_seconds(7);
        let context = MergeContext { now, could_run: true, is_static: false, behaviour: &behaviour };

        let before = merge_status(&api, &new, context);
        assert_eq!((before.phase, &*before.reason), (Some(PodPhase::Running), ""));
        assert_eq!(types(&before), ["example.com/theirs", "Ready"]);

        let after = merge_status(&api, &new, MergeContext { could_run: false, ..context });
        assert_eq!((after.phase, &*after.reason), (Some(PodPhase::Failed), "Evicted"));
        assert_eq!(types(&after), ["example.com/theirs", "DisruptionTarget", "Ready", "ContainersReady"]);
        let ready = after.condition("Ready").unwrap();
        assert_eq!((ready.status, &*ready.reason, ready.last_transition_time), (no, "PodFailed", Some(now)));
    }
}
