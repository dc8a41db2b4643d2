//! What a Kubernetes node decides, without what it does.
//!
//! Which container starts next, which sidecar stops last, whether a pod runs again: each is a value computed
//! from values. Nothing in the core opens a socket, reads a clock, spawns a task or rolls a die; whoever
//! embeds it brings those. The baseline is the kubelet of Kubernetes 1.32, measured, and better where the
//! kubelet is known to go wrong: see [`behaviour::Compat`].
//!
//! ```
//! use std::sync::Arc;
//! use node_lifecycle::api::Pod;
//! use node_lifecycle::behaviour::Behaviour;
//! use node_lifecycle::pod::{CompiledPod, Ending, forecast};
//! use std::time::Duration;
//!
//! // A proxy that has to outlive the app it serves. Does it, in ten seconds?
//! let pod = Pod::from_json(r#"{"metadata": {"name": "shop"}, "spec": {
//!     "initContainers": [{"name": "proxy", "image": "proxy:1", "restartPolicy": "Always"}],
//!     "containers": [{"name": "app", "image": "app:1"}]}}"#)?;
//! let pod = CompiledPod::compile(&pod, &Arc::new(Behaviour::default()))?;
//! assert_eq!(pod.ordering().to_string(), "start: proxy (sidecar), then app\nstop:  app, then proxy (sidecar)\n");
//!
//! let ending = |name, seconds| Ending {
//!     container: pod.index_of(name).unwrap(),
//!     pre_stop: Duration::ZERO,
//!     stop: Duration::from_secs(seconds),
//! };
//! let ended = forecast(&pod, &[ending("proxy", 1), ending("app", 8)], 10);
//! assert_eq!(pod.name_of(ended[1].container), "proxy");
//! assert_eq!((ended[1].stopped_at, ended[1].timeout_seconds), (Duration::from_secs(8), 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is where
//!
//! | module | what it has |
//! |---|---|
//! | [`machine`] | the one trait of every state machine, time, operation ids, snapshots |
//! | [`behaviour`] | feature gates, and the faults of the kubelet that can be copied |
//! | [`api`] | pods, status, quantities and manifests as a node reads them |
//! | [`document`] | JSON and YAML with positions, for manifests and configuration alike |
//! | [`config`] | a node's configuration: every field, its defaults, what is wrong with it and what is dangerous |
//! | [`container`] | one container: records, restarts, back-off, probes, hooks, stopping, garbage collection |
//! | [`ordering`] | the start order and the stop order of a pod's containers |
//! | [`pod`] | one pod: compiled form, resources, plan, status, and its machine, the [`pod::Lifecycle`]; the set of pods |
//! | [`image`] | the names of images, credentials, pulls, and which images a node keeps |
//! | [`runtime`] | the ports: traits in the terms of the Container Runtime Interface |
#![cfg_attr(feature = "driver", doc = "| [`driver`] | runs the pods of a node over the ports |")]
#![cfg_attr(
    not(feature = "driver"),
    doc = "| `driver` | runs the pods of a node over the ports (feature `driver`) |"
)]
#![cfg_attr(feature = "sim", doc = "| [`sim`] | a deterministic node in virtual time |")]
#![cfg_attr(not(feature = "sim"), doc = "| `sim` | a deterministic node in virtual time (feature `sim`) |")]
//!
//! Everything has one of four shapes: a *decision* is a pure function such as [`pod::plan`]; a *machine* is
//! stepped, such as [`pod::Lifecycle`]; a *port* is a trait that you implement, such as [`runtime::RuntimeService`];
//! a *driver* joins the two. The actions of a machine are plain values: whoever drives it himself carries them out as
//! [`machine`] says.
//!
//! # Features
//!
//! None is on by default, and all are additive.
//!
//! * `driver`: runs the pods of a node over your ports, on any executor.
//! * `sim`: a deterministic node in virtual time, and every port in memory.
//! * `yaml`: manifests in YAML. JSON is always read.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod api;
pub mod behaviour;
pub mod config;
pub mod container;
pub mod document;
#[cfg(feature = "driver")]
#[cfg_attr(docsrs, doc(cfg(feature = "driver")))]
pub mod driver;
pub mod eviction;
pub mod image;
pub mod machine;
pub mod ordering;
pub mod pod;
pub mod runtime;
#[cfg(feature = "sim")]
#[cfg_attr(docsrs, doc(cfg(feature = "sim")))]
pub mod sim;

/// The README's example runs too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
