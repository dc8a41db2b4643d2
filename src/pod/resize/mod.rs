//! Changing the resources of a running pod in place (KEP-1287).
//!
//! A resize passes through three states, and each has a decision:
//!
//! * what the spec asks for is *desired*; [`resize`] says whether it becomes *allocated*: set aside on the node,
//!   all of it or nothing;
//! * what is allocated and has not reached the containers is in progress; [`resize_plan`] says what has to be told
//!   to whom, in which order, and which containers have to be restarted for it;
//! * what a container was told is *actuated*.
//!
//! A resize that cannot be allocated is *deferred* when the node is only too full for it now, to be looked at again
//! whenever something else gives room, in the order of [`ResizePriority`]; it is *infeasible* when it can never be.
//! Both are told in the condition `PodResizePending`, and what is in progress in `PodResizeInProgress`, with
//! Kubernetes' reasons and messages.
//!
//! What is different here: amounts are compared exactly, where the kubelet cuts CPU to milli units and memory to
//! bytes; a limit that is not there is the highest one, where the kubelet takes it for zero when it orders the
//! steps; and the pod's own cgroup is compared with what it was last told, so that a step that failed is done again
//! also when all containers have theirs.
//!
//! ```
//! use node_lifecycle::api::{Pod, ResourceList};
//! use node_lifecycle::behaviour::FeatureGates;
//! use node_lifecycle::pod::{Allocation, Resize, ResizeNode, resize, resize_pending_condition};
//!
//! let pod = |cpu: &str| Pod::from_json(&format!(r#"{{"metadata": {{"name": "web"}}, "spec": {{"containers": [
//!     {{"name": "app", "image": "app:1", "resources": {{"requests": {{"cpu": "{cpu}"}}}}}}]}}}}"#));
//! let list = |cpu: &str| ResourceList::from([("cpu".to_owned(), cpu.parse().unwrap())]);
//! let gates = FeatureGates::of_release(35);
//! let (allocatable, others) = (list("4"), list("2500m"));
//! let node = ResizeNode { allocatable: &allocatable, others: &others, ..ResizeNode::default() };
//! let allocated = Allocation::of(&pod("1")?.spec);
//!
//! assert_eq!(resize(&pod("1")?, &allocated, &node, gates), Resize::Unchanged);
//! assert!(matches!(resize(&pod("1500m")?, &allocated, &node, gates), Resize::Allocate(_)));
//!
//! let deferred = resize(&pod("2")?, &allocated, &node, gates);
//! let condition = resize_pending_condition(&deferred, None).unwrap();
//! assert_eq!(condition.reason, "Deferred");
//! assert_eq!(condition.message, "Node didn't have enough resource: cpu, requested: 2000, used: 2500, capacity: 4000");
//!
//! let never = resize(&pod("5")?, &allocated, &node, gates);
//! let condition = resize_pending_condition(&never, None).unwrap();
//! assert_eq!(condition.reason, "Infeasible");
//! assert_eq!(condition.message, "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000");
//! # Ok::<(), node_lifecycle::api::PodError>(())
//! ```

mod actuate;
mod allocate;
mod allocation;

pub use actuate::{
    Actuated, MemoryInUse, MemoryUsage, PodAmounts, ResizeBlocked, ResizePart, ResizePlan, ResizeResource,
    ResizeStep, is_resize_in_progress, resize_in_progress_condition, resize_plan,
};
pub use allocate::{
    Deferred, Infeasible, Resize, ResizeNode, ResizePriority, resize, resize_pending_condition,
};
pub use allocation::Allocation;
