//! Whether a status may follow another: a container that has ended for good does not come back.

use crate::api::{
    Container, ContainerState, ContainerStateTerminated, ContainerStatus, PodStatus, RestartPolicy,
    RestartRuleAction,
};
use crate::behaviour::Feature;
use crate::pod::CompiledPod;

/// Why a status may not follow another. Messages are the kubelet's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IllegalTransition {
    /// A container that has ended, and that its restart policy does not bring back, is said not to have.
    #[error("terminated container {name} attempted illegal transition to non-terminated state")]
    Container {
        /// The container.
        name: String,
    },
    /// The same of an init container.
    #[error("terminated init container {name} attempted illegal transition to non-terminated state")]
    InitContainer {
        /// The init container.
        name: String,
    },
    /// The old status has an init container where the spec has none or another one. (Only under
    /// [`Compat::refuse_after_unknown_init_container`](crate::behaviour::Compat).)
    #[error("found mismatch between pod spec and status, container: {name}")]
    UnknownInitContainer {
        /// What the status has.
        name: String,
    },
}

/// Whether the status `new` may follow `old`.
///
/// Under the restart policy `Always` all may. Else a container that has ended has ended for good, unless it is a
/// sidecar, or it failed and the policy is `OnFailure`. With the gate `ContainerRestartRules` (KEP-5307) each
/// container's own policy and rules count instead of the pod's.
///
/// # Errors
/// [`IllegalTransition`]: the first offence, app containers first, in the order of the old status.
pub fn check_transition(
    pod: &CompiledPod,
    old: &PodStatus,
    new: &PodStatus,
) -> Result<(), IllegalTransition> {
    let gates = pod.behaviour.gates;
    let own_rules = gates.enabled(Feature::ContainerRestartRules);
    if !own_rules && pod.spec.restart_policy == RestartPolicy::Always {
        return Ok(());
    }
    let (inits, apps) = (&pod.spec.init_containers, &pod.spec.containers);
    let restarts_all = |container: &Container| {
        let mut rules = container.restart_policy_rules.iter();
        rules.any(|rule| rule.action == RestartRuleAction::RestartAllContainers)
    };
    if gates.enabled(Feature::RestartAllContainersOnContainerExits)
        && inits.iter().chain(apps).any(restarts_all)
    {
        return Ok(());
    }
    let may_restart = |container: Option<&Container>, end: &ContainerStateTerminated| {
        let own = container.filter(|_| own_rules);
        own.is_some_and(|own| own.restart_policy_rules.iter().any(|rule| rule.is_for(end.exit_code)))
            || match own.and_then(|own| own.restart_policy).unwrap_or(pod.spec.restart_policy) {
                RestartPolicy::Always => true,
                RestartPolicy::OnFailure => end.exit_code != 0,
                RestartPolicy::Never => false,
            }
    };

    for old in &old.container_statuses {
        let container = || apps.iter().find(|app| app.name == old.name);
        if let Some(end) = end_of(old)
            && comes_back(old, &new.container_statuses)
            && !may_restart(container(), end)
        {
            return Err(IllegalTransition::Container { name: old.name.clone() });
        }
    }
    for (at, old) in old.init_container_statuses.iter().enumerate() {
        let in_place = inits.get(at).filter(|init| init.name == old.name);
        if in_place.is_none() && pod.behaviour.compat.refuse_after_unknown_init_container {
            return Err(IllegalTransition::UnknownInitContainer { name: old.name.clone() });
        }
        let by_name = || inits.iter().find(|init| init.name == old.name);
        let Some(init) = in_place.or_else(by_name) else { continue };
        if let Some(end) = end_of(old)
            && !init.is_sidecar()
            && comes_back(old, &new.init_container_statuses)
            && !may_restart(Some(init), end)
        {
            return Err(IllegalTransition::InitContainer { name: old.name.clone() });
        }
    }
    Ok(())
}

const fn end_of(status: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    match &status.state {
        Some(ContainerState::Terminated(end)) => Some(end),
        _ => None,
    }
}

fn comes_back(old: &ContainerStatus, new: &[ContainerStatus]) -> bool {
    new.iter().any(|new| new.name == old.name && end_of(new).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ContainerStateRunning, Pod};
    use crate::behaviour::{Behaviour, FeatureGates};
    use std::sync::Arc;

    fn app(state: ContainerState) -> PodStatus {
        let app =
            ContainerStatus { name: "app".to_owned(), state: Some(state), ..ContainerStatus::default() };
        PodStatus { container_statuses: vec![app], ..PodStatus::default() }
    }

    #[test]
    fn what_has_ended_for_good_does_not_come_back() {
        let json = r#"{"metadata": {"name": "p"}, "spec": {"restartPolicy": "Never",
            "containers": [{"name": "app", "image": "a:1"}]}}"#;
        let pod = Pod::from_json(json).unwrap();
        let pod = CompiledPod::compile(&pod, &Arc::new(Behaviour::default())).unwrap();
        let ended = app(ContainerState::Terminated(ContainerStateTerminated::default()));
        let runs = app(ContainerState::Running(ContainerStateRunning::default()));
        assert_eq!(
            check_transition(&pod, &ended, &runs).unwrap_err().to_string(),
            "terminated container app attempted illegal transition to non-terminated state"
        );
        assert_eq!(check_transition(&pod, &runs, &ended), Ok(()));
        assert_eq!(check_transition(&pod, &ended, &PodStatus::default()), Ok(()));
    }

    #[test]
    fn a_containers_own_rules_count_with_their_gate() {
        let json = r#"{"metadata": {"name": "p"}, "spec": {"restartPolicy": "Never", "containers": [
            {"name": "app", "image": "a:1", "restartPolicy": "Never", "restartPolicyRules": [
                {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]}]}}"#;
        let pod = Pod::from_json(json).unwrap();
        let gates = FeatureGates::default().with(Feature::ContainerRestartRules, true);
        let behaviour = Behaviour { gates, ..Behaviour::default() };
        let pod = CompiledPod::compile(&pod, &Arc::new(behaviour)).unwrap();
        let runs = app(ContainerState::Running(ContainerStateRunning::default()));
        let ended = |exit_code| {
            app(ContainerState::Terminated(ContainerStateTerminated { exit_code, ..Default::default() }))
        };
        assert_eq!(check_transition(&pod, &ended(42), &runs), Ok(()));
        assert!(check_transition(&pod, &ended(1), &runs).is_err());
    }
}
