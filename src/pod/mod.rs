//! One pod: its compiled form, and what is decided about it.

mod compiled;
mod observed;
mod phase;
mod plan;
mod termination;

pub use compiled::{CompileError, CompiledContainer, CompiledPod};
pub use observed::Observed;
pub use phase::{Seen, phase};
pub use plan::{
    Kill, KillPodReason, KillReason, NextInit, PlanContext, ProbeResult, ProbeResults, SandboxFault, Start,
    StartReason, SyncPlan, any_app_created, next_init, plan, plan_into, sandbox_fault,
};
pub use termination::{Ended, Ending, Termination, TerminationStep, forecast};
