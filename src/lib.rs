//! Node-lifecycle primitives for Kubernetes nodes.
pub mod api;
pub mod document;
