//! One pod: its compiled form, and what is decided about it.

mod compiled;
mod observed;
mod phase;
mod plan;
mod termination;
mod worker;

pub use compiled::{CompileError, CompiledContainer, CompiledPod};
pub use observed::Observed;
pub use phase::{Seen, phase};
pub use plan::{
    Kill, KillPodReason, KillReason, NextInit, PlanContext, ProbeKind, ProbeResult, ProbeResults,
    SandboxFault, Start, StartReason, SyncPlan, any_app_created, next_init, plan, plan_into, sandbox_fault,
};
pub use termination::{Ended, Ending, Termination, TerminationStep, forecast, pod_grace_seconds};
pub use worker::{
    Action, Change, ContainerView, Event, Failure, Outcome, StopReason, Verdict, ViewState, WaitingReason,
    Worker, WorkerSettings, WorkerSnapshot,
};
