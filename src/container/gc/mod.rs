//! Which dead containers, dead sandboxes and old log folders go.
//!
//! A container that ended stays for a while: its log can still be read, and its record says how often the
//! container was restarted. What goes is decided by three limits, and by what became of the pod:
//!
//! 1. everything that is dead of a pod that is gone (or whose containers may go, where room is needed),
//! 2. beyond the newest [`max_per_pod_container`](GcPolicy::max_per_pod_container) of each container,
//! 3. beyond [`max_containers`](GcPolicy::max_containers) in all: first every container is cut to an equal
//!    share of it (at least 1), then the oldest go, whosever they are.
//!
//! Nothing that runs goes, and nothing that is younger than [`min_age`](GcPolicy::min_age). Then the sandboxes
//! that are not ready and hold no container any more, but the newest of a pod that still exists; then the log
//! folders of pods that are gone. Among the candidates of a step the oldest go first.
//!
//! The plan and its execution are apart. [`gc_plan`] is what will go if every removal succeeds, in order, with
//! a reason for each. Because a removal that fails changes what follows, [`GarbageCollection`] gives out the
//! same plan step by step and is told how each removal went; `gc_plan` drives it.
//!
//! What is different here: for the kubelet a removal that failed counts as done. Here it frees nothing, so
//! that the limit in all is kept by trying the next candidate. The newest of a container that the limit of its
//! own keeps do not take the place of an older one that could not be removed: they are what is worth keeping.
//! [`Compat::count_failed_removals`] is the kubelet's way.
//!
//! ```
//! use node_lifecycle::api::Uid;
//! use node_lifecycle::behaviour::Compat;
//! use node_lifecycle::container::{
//!     GcContext, GcInventory, GcPolicy, ListedContainer, ListedState, gc_plan,
//! };
//! use node_lifecycle::machine::Timestamp;
//!
//! let instance = |id: &str, created: i64, state| ListedContainer {
//!     id: id.into(), pod: "u1".into(), sandbox: "s1".into(), name: "app".into(), state,
//!     created_at: Timestamp::from_unix_seconds(created),
//! };
//! let inventory = GcInventory {
//!     containers: Some(vec![
//!         instance("third", 300, ListedState::Running),
//!         instance("second", 200, ListedState::Exited),
//!         instance("first", 100, ListedState::Exited),
//!     ]),
//!     ..GcInventory::default()
//! };
//! let context = GcContext { now: Timestamp::from_unix_seconds(1000), ..GcContext::default() };
//! let plan = gc_plan(&inventory, &GcPolicy::default(), &context, Compat::default());
//! let lines: Vec<_> = plan.iter().map(ToString::to_string).collect();
//! assert_eq!(lines, ["container first: 2 of its kind are dead, the newest 1 are kept"]);
//! ```
//!
//! [`Compat::count_failed_removals`]: crate::behaviour::Compat::count_failed_removals

mod collection;
mod inventory;

pub use collection::{GarbageCollection, gc_plan};
pub use inventory::{
    GcContext, GcInventory, GcPolicy, GcReason, GcScope, GcTarget, ListedContainer, ListedSandbox,
    ListedState, Removal,
};
