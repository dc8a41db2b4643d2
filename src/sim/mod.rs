//! A deterministic node in virtual time (feature `sim`).
//!
//! [`Node`] drives a [`Lifecycle`](crate::pod::Lifecycle) for every pod over a simulated runtime: calls take the
//! time that [`Latencies`] say, containers behave and answer their probes as their [`Behavior`] says, and [`Faults`]
//! go wrong by a seed. With [`Config::statuses`] there is an API server too, which takes what is said of the pods. The
//! same seed gives the same bytes; a clone is a branch to try something in.
//!
//! ```
//! use node_lifecycle::api::{Pod, PodPhase};
//! use node_lifecycle::sim::{Config, Node};
//! use std::time::Duration;
//!
//! let pod = Pod::from_json(r#"{"metadata": {"name": "web"}, "spec": {
//!     "initContainers": [{"name": "proxy", "image": "p:1", "restartPolicy": "Always"}],
//!     "containers": [{"name": "app", "image": "a:1"}]}}"#)?;
//! let mut node = Node::new(Config::default());
//! let uid = node.add(pod)?;
//! let start = node.now();
//! node.run_until(start + Duration::from_secs(60))?;
//! assert_eq!(node.phase(&uid), Some(PodPhase::Running));
//!
//! // What if it were deleted now? Try it in a branch.
//! let mut branch = node.clone();
//! branch.delete(&uid, Some(10));
//! branch.run_until(start + Duration::from_secs(120))?;
//! assert_eq!(branch.phase(&uid), None, "it is gone");
//! assert_eq!(node.phase(&uid), Some(PodPhase::Running));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`MemoryPorts`] are the [ports](crate::runtime) in memory, for those who test a node of their own.

mod behavior;
mod config;
mod memory;
mod node;
mod process;
mod runtime;
mod trace;

pub use behavior::{Behavior, BehaviorFile, BehaviorRule, Hooks, Probes, Pull, Script};
pub use config::{Config, Faults, Latencies, Subject};
pub use memory::{
    BehaviorOf, Call, CallFault, CallRecord, Calls, ExecOf, MemoryHooks, MemoryPorts, MemoryProbes,
    MemoryResources, MemoryRuntime, MemorySettings, MemorySink, Stalled, VirtualClock,
};
pub use node::{Livelock, Node, StatusChange};
pub use trace::{Fault, TraceEntry, TraceEvent};
