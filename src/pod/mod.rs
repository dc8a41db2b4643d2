//! One pod: its compiled form, and what is decided about it.

mod cgroup;
mod compiled;
mod observed;
mod phase;
mod plan;
mod qos;
mod resources;
mod termination;

pub use cgroup::{
    DEFAULT_CPU_PERIOD_US, PodCgroup, cpu_period_us, cpu_quota_us, cpu_shares, cpu_weight, pod_cgroup,
};
pub use compiled::{CompileError, CompiledContainer, CompiledPod};
pub use observed::Observed;
pub use phase::{Seen, phase};
pub use plan::{
    Kill, KillPodReason, KillReason, NextInit, PlanContext, ProbeResult, ProbeResults, SandboxFault, Start,
    StartReason, SyncPlan, any_app_created, next_init, plan, plan_into, sandbox_fault,
};
pub use qos::{oom_score_adj, pod_qos_class, qos_class};
pub use resources::{Overhead, PodResources, pod_resources};
pub use termination::{Ended, Ending, Termination, TerminationStep, forecast};
