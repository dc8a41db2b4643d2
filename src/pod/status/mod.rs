//! What the node says of a pod to the API server: generated, checked, remembered, merged, sent.
//!
//! - [`pod_status`] makes the status from the runtime's records, the status before and what probes and
//!   verdicts say; [`pod_ready`] and its siblings are the conditions by themselves.
//! - [`StatusCache`] takes it if [`check_transition`] lets it follow, gives it a version and times, and says
//!   what has to be sent.
//! - [`merge_status`] puts it together with what the API server has, right before it is sent.
//!
//! The rules are the kubelet's, as recorded. Different on purpose are the fields of
//! [`Compat`](crate::behaviour::Compat) that speak of statuses, and termination messages are cut between
//! characters rather than within one.
//!
//! ```
//! use std::sync::Arc;
//! use node_lifecycle::api::{Pod, PodPhase};
//! use node_lifecycle::behaviour::Behaviour;
//! use node_lifecycle::container::PodRecords;
//! use node_lifecycle::pod::{CompiledPod, Observed, StatusInputs, StatusVerdict, Waiting, pod_status};
//!
//! let pod = Pod::from_json(r#"{"metadata": {"name": "web"},
//!     "spec": {"containers": [{"name": "app", "image": "app:1"}]}}"#)?;
//! let compiled = CompiledPod::compile(&pod, &Arc::new(Behaviour::default()))?;
//! let observed = Observed::new(&compiled, PodRecords::default());
//!
//! // Its image cannot be pulled.
//! let waiting = [Some(Waiting { reason: "ImagePullBackOff", message: "Back-off pulling image \"app:1\"" })];
//! let inputs = StatusInputs { waiting: &waiting, ..StatusInputs::new(&pod.status) };
//! let status = pod_status(&compiled, &observed, &inputs);
//! assert_eq!(status.phase, Some(PodPhase::Pending));
//! let ready = status.condition("Ready").unwrap();
//! assert_eq!(ready.message, "containers with unready status: [app]");
//!
//! // It has run out of time.
//! let verdict = StatusVerdict {
//!     reason: "DeadlineExceeded",
//!     message: "Pod was active on the node longer than the specified deadline",
//!     disruption: None,
//!     spares_succeeded: false,
//! };
//! let status = pod_status(&compiled, &observed, &StatusInputs { verdict: Some(verdict), ..inputs });
//! assert_eq!((status.phase, &*status.reason), (Some(PodPhase::Failed), "DeadlineExceeded"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cache;
mod compare;
mod conditions;
mod container;
mod generate;
mod inputs;
mod merge;
mod normalise;
mod owned;
mod transition;
mod write;

pub use cache::{ApiPod, StatusCache, StatusCacheSnapshot, StatusChange, StatusUpdate};
pub use conditions::{
    ConditionDecision, ConditionReason, ContainerStatuses, containers_ready, needs_readiness_reconcile,
    pod_initialized, pod_ready, ready_to_start_containers,
};
pub use generate::{pod_status, pod_status_into};
pub use inputs::{ResizePending, ResizeProgress, StatusInputs, StatusResources, StatusVerdict, Waiting};
pub use merge::{MergeContext, merge_status, merge_status_into};
pub use normalise::MAX_TERMINATION_MESSAGES_BYTES;
pub use transition::{IllegalTransition, check_transition};

#[cfg(test)]
mod tests;
