//! The Kubernetes objects as a node reads them.
