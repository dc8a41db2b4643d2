//! In which order the containers of a pod start, and in which they stop.
//!
//! One graph holds both orders (KEP-753):
//!
//! * **Start:** all init containers form one sequence in spec order. A regular one has to have exited with 0,
//!   a sidecar has to be started, before the next begins; app containers follow, all together.
//! * **Stop:** app containers together, then the sidecars one at a time in reverse. Nothing waits for regular
//!   init containers.
//! * Ephemeral containers stand outside of both.
//!
//! A caller may add [edges](Edge) of its own, which the kubelet cannot do: this app container before that
//! one, up or down. What contradicts Kubernetes' own order is refused.
//!
//! ```
//! use node_lifecycle::api::Pod;
//! use node_lifecycle::container::{ContainerIndex, ContainerSet};
//! use node_lifecycle::ordering::{Direction, Edge, Ordering};
//!
//! let pod = Pod::from_json(r#"{"metadata": {"name": "shop"}, "spec": {
//!     "initContainers": [{"name": "migrate", "image": "m:1"},
//!                        {"name": "proxy", "image": "p:1", "restartPolicy": "Always"}],
//!     "containers": [{"name": "web", "image": "w:1"}, {"name": "cache", "image": "c:1"}]}}"#)?;
//! let ordering = Ordering::of(&pod.spec, &[])?;
//! assert_eq!(ordering.to_string(), "start: migrate (init), then proxy (sidecar), then web and cache\n\
//!                                   stop:  web and cache, then proxy (sidecar)\n");
//!
//! // Walked step by step: nothing is started, so `migrate` is first.
//! let first = ordering.ready_to_start(ContainerSet::EMPTY);
//! assert_eq!(first.iter().collect::<Vec<_>>(), [ContainerIndex(0)]);
//!
//! // `web` needs the cache.
//! let edge = Edge::new("cache", "web", Direction::Start);
//! let ordering = Ordering::of(&pod.spec, &[edge])?;
//! assert!(ordering.to_string().starts_with(
//!     "start: migrate (init), then proxy (sidecar), then cache, then web\n"));
//!
//! let wrong = Edge::new("web", "proxy", Direction::Start);
//! assert_eq!(Ordering::of(&pod.spec, &[wrong]).unwrap_err().to_string(),
//!     "`web` cannot start before `proxy`: Kubernetes' own order is proxy → web");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod draw;
mod graph;

pub use graph::{Direction, Edge, Ordering, OrderingError};
