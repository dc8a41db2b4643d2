//! Whether a container that is not running is started.

use serde::{Deserialize, Serialize};

use super::{ContainerRecord, RecordState};
use crate::api::{
    Container, ContainerRestartRule, ExitCodeOperator, ExitCodes, RestartPolicy, RestartRuleAction,
};

/// Whether a container is to be started, given its latest instance: the general rule for app containers that
/// have no restart rules of their own (those of a compiled container are in
/// [`CompiledContainer::restarts`](crate::pod::CompiledContainer::restarts)).
///
/// Never once deletion began. Yes when there is no instance, or one that was made and not started, or one
/// that the runtime has lost sight of. No while it runs. After an exit the policy decides. A sidecar's own
/// `Always` is the business of the walk over init containers, not of this rule.
///
/// ```
/// use node_lifecycle::api::RestartPolicy;
/// use node_lifecycle::container::restarts;
///
/// assert!(restarts(RestartPolicy::Never, None, false));
/// assert!(!restarts(RestartPolicy::Never, None, true));
/// ```
#[must_use]
pub fn restarts(policy: RestartPolicy, latest: Option<&ContainerRecord>, deleted: bool) -> bool {
    if deleted {
        return false;
    }
    match latest.map(|record| &record.state) {
        None | Some(RecordState::Created | RecordState::Unknown) => true,
        Some(RecordState::Running { .. }) => false,
        Some(RecordState::Exited(exit)) => after_exit(policy, &[], exit.exit_code) != AfterExit::Stays,
    }
}

/// What follows the end of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AfterExit {
    /// It stays ended.
    Stays,
    /// The container is started again.
    Restarts,
    /// All containers of the pod are started again, from the first init container (KEP-5532).
    RestartsAll,
}

/// What follows the exit of a container of its own accord: the first of its rules that is for this exit code
/// (KEP-5307), else its policy.
///
/// `policy` is the container's own, or the pod's where it has none. Rules are about exits only: an instance
/// that was never started or that the runtime has lost sight of has no exit code, and [`restarts`] decides.
///
/// ```
/// use node_lifecycle::api::{ContainerRestartRule, RestartPolicy};
/// use node_lifecycle::container::{AfterExit, after_exit};
///
/// let rule: ContainerRestartRule = serde_json::from_str(
///     r#"{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}"#)?;
/// assert_eq!(after_exit(RestartPolicy::Never, &[rule.clone()], 42), AfterExit::Restarts);
/// assert_eq!(after_exit(RestartPolicy::Never, &[rule], 1), AfterExit::Stays);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn after_exit(policy: RestartPolicy, rules: &[ContainerRestartRule], exit_code: i32) -> AfterExit {
    if let Some(rule) = rules.iter().find(|rule| rule.is_for(exit_code)) {
        return match rule.action {
            RestartRuleAction::Restart => AfterExit::Restarts,
            RestartRuleAction::RestartAllContainers => AfterExit::RestartsAll,
        };
    }
    let restarts = match policy {
        RestartPolicy::Always => true,
        RestartPolicy::OnFailure => exit_code != 0,
        RestartPolicy::Never => false,
    };
    if restarts { AfterExit::Restarts } else { AfterExit::Stays }
}

impl ContainerRestartRule {
    /// Whether it is for this exit code. A rule that names no exit codes is for none.
    #[must_use]
    pub fn is_for(&self, exit_code: i32) -> bool {
        self.exit_codes.as_ref().is_some_and(|codes| codes.contains(exit_code))
    }
}

impl ExitCodes {
    /// Whether this exit code is meant.
    #[must_use]
    pub fn contains(&self, exit_code: i32) -> bool {
        match self.operator {
            ExitCodeOperator::In => self.values.contains(&exit_code),
            ExitCodeOperator::NotIn => !self.values.contains(&exit_code),
        }
    }
}

/// Whether the latest instance ended with exit code 0.
#[must_use]
pub fn succeeded(latest: Option<&ContainerRecord>) -> bool {
    latest.and_then(ContainerRecord::exit).is_some_and(|exit| exit.exit_code == 0)
}

/// What makes an instance outdated when it changes: the container's name and image.
///
/// The kubelet hashes the same two fields since 1.31. The value is this library's own and is kept with the
/// container by the runtime; it means nothing elsewhere.
#[must_use]
pub fn spec_hash(container: &Container) -> u64 {
    // FNV-1a, 64 bits.
    let bytes = container.name.bytes().chain([0]).chain(container.image.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(operator: ExitCodeOperator, values: &[i32], action: RestartRuleAction) -> ContainerRestartRule {
        ContainerRestartRule { action, exit_codes: Some(ExitCodes { operator, values: values.to_vec() }) }
    }

    #[test]
    fn the_first_rule_that_fits_goes_before_the_policy() {
        let rules = [
            rule(ExitCodeOperator::In, &[0, 42], RestartRuleAction::Restart),
            rule(ExitCodeOperator::NotIn, &[1, 42], RestartRuleAction::RestartAllContainers),
        ];
        for (code, never, on_failure) in [
            (0, AfterExit::Restarts, AfterExit::Restarts),
            (42, AfterExit::Restarts, AfterExit::Restarts),
            (1, AfterExit::Stays, AfterExit::Restarts),
            (137, AfterExit::RestartsAll, AfterExit::RestartsAll),
        ] {
            assert_eq!(after_exit(RestartPolicy::Never, &rules, code), never, "{code}");
            assert_eq!(after_exit(RestartPolicy::OnFailure, &rules, code), on_failure, "{code}");
        }
    }

    #[test]
    fn no_rule_is_for_what_names_no_codes() {
        let rule = ContainerRestartRule { action: RestartRuleAction::Restart, exit_codes: None };
        assert_eq!(after_exit(RestartPolicy::Never, &[rule], 1), AfterExit::Stays);
    }
}
