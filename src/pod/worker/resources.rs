//! What a pod needs before it starts, and gives back when it is over.

use super::state::{Call, Resources};
use super::{Action, Worker};

impl Worker {
    /// Whether what the pod needs is there; asks for it if not.
    pub(super) fn prepare_resources(&mut self, actions: &mut Vec<Action>) -> bool {
        if self.state.resources == Resources::Prepared {
            return true;
        }
        if let Some(operation) = self.call_about_resources(Call::PrepareResources) {
            actions.push(Action::PrepareResources { operation });
        }
        false
    }

    /// Whether nothing is left to be given back; sees to it if not. What is still being prepared comes first.
    pub(super) fn release_resources(&mut self, actions: &mut Vec<Action>) -> bool {
        if self.state.resources == Resources::Released {
            return true;
        }
        if let Some(operation) = self.call_about_resources(Call::ReleaseResources) {
            actions.push(Action::ReleaseResources { operation });
        }
        false
    }

    /// One call about resources at a time, and none before its time has come.
    fn call_about_resources(&mut self, call: Call) -> Option<crate::machine::OperationId> {
        self.state.resources_retry_at.take_if(|at| *at <= self.state.now);
        let busy =
            self.state.is_in_flight(|call| matches!(call, Call::PrepareResources | Call::ReleaseResources));
        if busy || self.state.resources_retry_at.is_some() {
            return None;
        }
        let deadline = self.state.now + self.settings.operation_timeout;
        Some(self.state.issue(call, Some(deadline)))
    }
}
