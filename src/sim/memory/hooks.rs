//! Hooks of containers in memory.

use std::ops::ControlFlow;
use std::time::Duration;

use async_trait::async_trait;

use super::MemoryRuntime;
use super::calls::Call;
use super::state::Instance;
use crate::container::{HookCall, HookKind};
use crate::machine::Timestamp;
use crate::runtime::{Clock, HookError, HookRequest, HookRunner, RuntimeError};

/// Runs hooks as the [`Hooks`](crate::sim::Hooks) of the containers' behaviours say: so long, and with this end.
/// A clone is a handle to the same.
#[derive(Debug, Clone)]
pub struct MemoryHooks {
    runtime: MemoryRuntime,
}

impl MemoryHooks {
    /// Hooks of this runtime's containers.
    #[must_use]
    pub fn new(runtime: &MemoryRuntime) -> Self {
        Self { runtime: runtime.clone() }
    }

    /// Runs a hook that began at this time.
    async fn run(&self, request: &HookRequest, begun_at: Timestamp) -> Result<(), HookError> {
        if let HookCall::HttpGet(asked) = &request.call {
            asked.address.host(&request.pod_ip)?;
        }
        let running = |instance: &&Instance| instance.process.record.is_running();
        let hook = self.runtime.with(|state, _| {
            let instance = state.instances.get(&request.id).filter(running)?;
            Some((self.runtime.settings.behavior)(&instance.subject()).hook)
        });
        let Some(hook) = hook else {
            let message = format!("container \"{}\" is not running", request.id);
            return Err(RuntimeError::Unknown(message.into()).into());
        };
        let (takes, fails) = match request.kind {
            HookKind::PostStart => (hook.post_start.0, hook.post_start_fails),
            HookKind::PreStop => (hook.pre_stop.0, false),
        };
        let ends_at = self.runtime.calls.clock.now() + takes;
        let limit = request.timeout.filter(|limit| ends_at > begun_at + *limit);
        let until = limit.map_or(ends_at, |limit| begun_at + limit);
        let outlived = self
            .runtime
            .wait_for(|state, now| {
                if now >= until {
                    return ControlFlow::Break(true);
                }
                match state.instances.get(&request.id).filter(running) {
                    Some(instance) => {
                        let end = instance.process.end.map_or(until, |(at, ..)| at);
                        ControlFlow::Continue(Some(until.min(end)))
                    }
                    None => ControlFlow::Break(false),
                }
            })
            .await;
        match limit {
            _ if !outlived => Err(HookError::Failed("the container has ended".into())),
            Some(limit) => Err(HookError::DeadlineExceeded(limit)),
            None if fails => Err(HookError::Failed("the hook failed".into())),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl HookRunner for MemoryHooks {
    async fn run_hook(&self, request: &HookRequest) -> Result<(), HookError> {
        let calls = &self.runtime.calls;
        let begun_at = calls.clock.now();
        let passage = calls.begin(Call::RunHook, &request.container, Duration::ZERO, request.timeout).await?;
        passage.answer(self.run(request, begun_at).await).await
    }
}
