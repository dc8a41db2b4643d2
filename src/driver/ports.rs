//! The ports of a node, together.

use std::sync::Arc;

use crate::runtime::{
    Clock, HookRunner, ImageService, PodResources, ProbeRunner, RuntimeService, StatusSink,
};

/// The ports of a node, one of each. A clone is a handle to the same.
#[derive(Clone)]
pub struct Ports {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Sandboxes and containers.
    pub runtime: Arc<dyn RuntimeService>,
    /// Images.
    pub images: Arc<dyn ImageService>,
    /// Probes.
    pub probes: Arc<dyn ProbeRunner>,
    /// Hooks.
    pub hooks: Arc<dyn HookRunner>,
    /// Statuses.
    pub statuses: Arc<dyn StatusSink>,
    /// Everything else that pods need.
    pub resources: Arc<dyn PodResources>,
}

impl Ports {
    /// The ports of one thing that is all of them.
    #[must_use]
    pub fn of<T>(all: &Arc<T>) -> Self
    where
        T: Clock
            + RuntimeService
            + ImageService
            + ProbeRunner
            + HookRunner
            + StatusSink
            + PodResources
            + 'static,
    {
        Self {
            clock: Arc::clone(all) as _,
            runtime: Arc::clone(all) as _,
            images: Arc::clone(all) as _,
            probes: Arc::clone(all) as _,
            hooks: Arc::clone(all) as _,
            statuses: Arc::clone(all) as _,
            resources: Arc::clone(all) as _,
        }
    }
}
