//! Node-lifecycle primitives for Kubernetes nodes.
pub mod api;
pub mod behaviour;
pub mod container;
pub mod document;
pub mod machine;
pub mod ordering;
pub mod pod;
#[cfg(feature = "sim")]
pub mod sim;
