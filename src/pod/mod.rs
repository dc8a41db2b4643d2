//! One pod: its compiled form, what is decided about it, and the machine that carries it through its life.
//!
//! * [`CompiledPod`] is what follows from the spec only; [`Observed`] is what a runtime reports, indexed by it.
//! * [`plan`] says what must be done to bring the two in line, with a reason for every entry; [`phase`] says where
//!   the pod is in its life.
//! * [`forecast`] says how the containers will go when the pod is deleted; [`Termination`] is the same as it happens.
//! * [`active_deadline`] says whether the pod has been active for too long.
//! * [`qos_class`], [`pod_resources`], [`oom_score_adj`] and [`pod_cgroup`] are what the node sets aside for it.
//! * [`Worker`] is the machine of one pod's containers: events in, actions out. [`PodProbes`] is that of its probes.
//! * [`Workers`] is the machine of all pods that a node agent knows: which is brought up, which goes, which is gone.
//! * [`Pods`] is all of this as one machine: the pods of a node, each with its [`Lifecycle`], behind [`Workers`].
//! * [`pod_status`] is what the node says of it, [`StatusCache`] remembers what was said and what has to be sent,
//!   and [`merge_status`] leaves to others what is theirs.
//! * [`resize`] says what becomes of a change of its resources, [`resize_plan`] how that is carried out.
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
mod lifecycle;
mod observed;
mod phase;
mod plan;
mod pods;
mod probes;
mod qos;
mod resize;
mod resources;
mod status;
mod termination;
mod worker;
mod workers;

pub use cgroup::{
    DEFAULT_CPU_PERIOD_US, PodCgroup, PodCgroupSettings, cpu_period_us, cpu_quota_us, cpu_shares, cpu_weight,
    pod_cgroup,
};
pub use compiled::{CompileError, CompiledContainer, CompiledPod, NeededImage, VolumeImage, VolumeIndex};
pub use deadline::{ActiveDeadline, DEADLINE_EXCEEDED, DEADLINE_EXCEEDED_MESSAGE, active_deadline};
pub use lifecycle::{
    Lifecycle, LifecycleAction, LifecycleEvent, LifecycleSettings, LifecycleSnapshot, NodeAddresses,
};
pub use observed::Observed;
pub use phase::{Seen, phase};
pub use plan::{
    Kill, KillPodReason, KillReason, NextInit, PlanContext, SandboxFault, Start, StartReason, SyncPlan,
    any_app_created, next_init, plan, plan_into, restarts_all, sandbox_fault,
};
pub use pods::{Pods, PodsAction, PodsEvent, PodsNote, PodsSettings, PodsSnapshot};
pub use probes::{PodProbes, PodProbesSnapshot, ProbesAction, ProbesEvent};
pub use qos::{oom_score_adj, pod_qos_class, qos_class};
pub use resize::{
    Actuated, Allocation, Deferred, Infeasible, MemoryInUse, MemoryUsage, PodAmounts, Resize, ResizeBlocked,
    ResizeNode, ResizePart, ResizePlan, ResizePriority, ResizeResource, ResizeStep, is_resize_in_progress,
    resize, resize_in_progress_condition, resize_pending_condition, resize_plan,
};
pub use resources::{Overhead, PodResources, pod_resources};
pub use status::{
    ApiPod, ConditionDecision, ConditionReason, ContainerStatuses, IllegalTransition,
    MAX_TERMINATION_MESSAGES_BYTES, MergeContext, ResizePending, ResizeProgress, StatusCache,
    StatusCacheSnapshot, StatusChange, StatusInputs, StatusResources, StatusUpdate, StatusVerdict, Waiting,
    check_transition, containers_ready, merge_status, merge_status_into, needs_readiness_reconcile,
    pod_initialized, pod_ready, pod_status, pod_status_into, ready_to_start_containers,
};
pub use termination::{Ended, Ending, Termination, TerminationStep, forecast, pod_grace_seconds};
pub use worker::{
    Action, Change, ContainerView, Event, Failure, Note, Outcome, StopReason, Verdict, ViewState,
    WaitingReason, Worker, WorkerSettings, WorkerSnapshot,
};
pub use workers::{
    KillPodOptions, KnownPod, PodStage, PodSubject, PodUpdate, Requeue, RunningPod, RuntimeState,
    StatusOverride, SyncOutcome, UpdateType, Workers, WorkersAction, WorkersEvent, WorkersSnapshot,
};
