//! One pod: its compiled form, and what is decided about it.

mod cgroup;
mod compiled;
mod observed;
mod phase;
mod plan;
mod qos;
mod resources;
mod termination;
mod worker;

pub use cgroup::{
    DEFAULT_CPU_PERIOD_US, PodCgroup, cpu_period_us, cpu_quota_us, cpu_shares, cpu_weight, pod_cgroup,
};
pub use compiled::{CompileError, CompiledContainer, CompiledPod};
pub use observed::Observed;
pub use phase::{Seen, phase};
pub use plan::{
    Kill, KillPodReason, KillReason, NextInit, PlanContext, ProbeKind, ProbeResult, ProbeResults,
    SandboxFault, Start, StartReason, SyncPlan, any_app_created, next_init, plan, plan_into, sandbox_fault,
};
pub use qos::{oom_score_adj, pod_qos_class, qos_class};
pub use resources::{Overhead, PodResources, pod_resources};
pub use termination::{Ended, Ending, Termination, TerminationStep, forecast, pod_grace_seconds};
pub use worker::{
    Action, Change, ContainerView, Event, Failure, Outcome, StopReason, Verdict, ViewState, WaitingReason,
    Worker, WorkerSettings, WorkerSnapshot,
};
