//! One pod: its compiled form, what is decided about it, and the machine that carries it through its life.
//!
//! * [`CompiledPod`] is what follows from the spec only; [`Observed`] is what a runtime reports, indexed by it.
//! * [`plan`] says what must be done to bring the two in line, with a reason for every entry; [`phase`] says where
//!   the pod is in its life.
//! * [`forecast`] says how the containers will go when the pod is deleted; [`Termination`] is the same as it happens.
//! * [`active_deadline`] says whether the pod has been active for too long.
//! * [`qos_class`], [`pod_resources`], [`oom_score_adj`] and [`pod_cgroup`] are what the node sets aside for it.
//! * [`resize`] says what becomes of a change of its resources, [`resize_plan`] how that is carried out.
//! * [`Worker`] is the machine: events in, actions out.
//!
//! ```
//! use std::sync::Arc;
//! use node_lifecycle::api::{Pod, QosClass};
//! use node_lifecycle::behaviour::Behaviour;
//! use node_lifecycle::container::PodRecords;
//! use node_lifecycle::pod::{CompiledPod, Observed, PlanContext, StartReason, plan};
//!
//! let pod = Pod::from_json(r#"{"metadata": {"name": "web"}, "spec": {"containers": [
//!     {"name": "app", "image": "app:1", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]}}"#)?;
//! let pod = CompiledPod::compile(&pod, &Arc::new(Behaviour::default()))?;
//! assert_eq!(pod.qos, QosClass::Guaranteed);
//!
//! let plan = plan(&pod, &Observed::new(&pod, PodRecords::default()), PlanContext::default());
//! let why = plan.kill_pod.map(|reason| reason.explain(&pod));
//! assert_eq!(why.as_deref(), Some("the pod's sandbox has to be made anew: there is none"));
//! assert_eq!(plan.start_apps[0].reason, StartReason::NewSandbox);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cgroup;
mod compiled;
mod deadline;
mod observed;
mod phase;
mod plan;
mod qos;
mod resize;
mod resources;
mod termination;
mod worker;

pub use cgroup::{
    DEFAULT_CPU_PERIOD_US, PodCgroup, cpu_period_us, cpu_quota_us, cpu_shares, cpu_weight, pod_cgroup,
};
pub use compiled::{CompileError, CompiledContainer, CompiledPod};
pub use deadline::{ActiveDeadline, DEADLINE_EXCEEDED, DEADLINE_EXCEEDED_MESSAGE, active_deadline};
pub use observed::Observed;
pub use phase::{Seen, phase};
pub use plan::{
    Kill, KillPodReason, KillReason, NextInit, PlanContext, SandboxFault, Start, StartReason, SyncPlan,
    any_app_created, next_init, plan, plan_into, sandbox_fault,
};
pub use qos::{oom_score_adj, pod_qos_class, qos_class};
pub use resize::{
    Actuated, Allocation, Deferred, Infeasible, MemoryInUse, MemoryUsage, PodAmounts, Resize, ResizeBlocked,
    ResizeNode, ResizePart, ResizePlan, ResizePriority, ResizeResource, ResizeStep, is_resize_in_progress,
    resize, resize_in_progress_condition, resize_pending_condition, resize_plan,
};
pub use resources::{Overhead, PodResources, pod_resources};
pub use termination::{Ended, Ending, Termination, TerminationStep, forecast, pod_grace_seconds};
pub use worker::{
    Action, Change, ContainerView, Event, Failure, Outcome, StopReason, Verdict, ViewState, WaitingReason,
    Worker, WorkerSettings, WorkerSnapshot,
};
