//! The settings of a driver.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::runtime::{CALL_TIMEOUT, NodeSettings};

/// The settings of a driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverSettings {
    /// How often the runtime is observed in full: every second.
    pub relist: Duration,
    /// How long a call may take: 2 min. A stop has this time beyond its own.
    pub call_timeout: Duration,
    /// How long a `postStart` hook may take, and how long a pod waits for one of its images: 1 h.
    pub patience: Duration,
    /// Whether a pod's later images are fetched while earlier ones of its containers start, within
    /// [`PullConfig::prefetch`](crate::image::PullConfig::prefetch): no, as with the kubelet.
    pub prefetch_images: bool,
    /// What the node adds to what a pod says.
    pub node: NodeSettings,
    /// The runtime's handlers by the names of runtime classes. A pod of a class that is not here is not made.
    pub runtime_handlers: BTreeMap<String, String>,
}

impl Default for DriverSettings {
    fn default() -> Self {
        Self {
            relist: Duration::from_secs(1),
            call_timeout: CALL_TIMEOUT,
            patience: Duration::from_secs(3600),
            prefetch_images: false,
            node: NodeSettings::default(),
            runtime_handlers: BTreeMap::new(),
        }
    }
}
