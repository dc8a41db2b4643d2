//! Hooks: a wait is waited out here, the rest is the runner's.

use std::time::Duration;

use super::calls::{Subject, failed};
use crate::api::ContainerId;
use crate::container::{ContainerIndex, HookAction, HookKind, hook_action};
use crate::pod::Failure;
use crate::runtime::{HookError, HookRequest, PodReference};

impl Subject {
    /// Runs a hook as the spec has it; once more in the clear, where that is what the server speaks.
    pub(super) async fn run_hook(
        &self,
        container: ContainerIndex,
        id: ContainerId,
        kind: HookKind,
        timeout: Option<Duration>,
    ) -> Result<(), Failure> {
        let spec = &self.compiled.spec;
        let mut all = spec.init_containers.iter().chain(&spec.containers).chain(&spec.ephemeral_containers);
        let Some(spec) = all.nth(container.at()) else { return Ok(()) };
        let handler = match kind {
            HookKind::PostStart => spec.post_start(),
            HookKind::PreStop => spec.pre_stop(),
        };
        let Some(handler) = handler else { return Ok(()) };
        let action = hook_action(handler, &spec.name, &spec.ports);
        let call = match action.map_err(|error| failed(&HookError::Invalid(error)))? {
            HookAction::Sleep(wait) => return self.sleep(wait, timeout).await,
            HookAction::Call(call) => call,
        };
        let request = HookRequest {
            pod: PodReference::from(&*self.pod),
            pod_ip: self.pod_ip.clone(),
            container: spec.name.as_str().into(),
            id,
            kind,
            call,
            timeout,
        };
        let mut ran = self.ports.hooks.run_hook(&request).await;
        if ran == Err(HookError::AnsweredInTheClear)
            && let Some(request) = request.in_the_clear()
        {
            ran = self.ports.hooks.run_hook(&request).await;
        }
        ran.map_err(|error| failed(&error))
    }

    async fn sleep(&self, wait: Duration, timeout: Option<Duration>) -> Result<(), Failure> {
        let most = timeout.unwrap_or(Duration::MAX);
        let clock = &self.ports.clock;
        clock.sleep_until(clock.now() + wait.min(most)).await;
        if wait > most { Err(failed(&HookError::DeadlineExceeded(most))) } else { Ok(()) }
    }
}
