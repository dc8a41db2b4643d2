//! The periods of a worker.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::{BackOffSettings, CrashLoopSettings};

/// The periods of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WorkerSettings {
    /// How long crash-looping containers wait.
    pub crash_loop: CrashLoopSettings,
    /// How long a container waits for an image that could not be pulled: 10 s to 300 s, by default.
    pub image_back_off: BackOffSettings,
    /// How long a failed step waits before it is tried again: 10 s. (The kubelet adds up to half of it at
    /// random; add your own jitter here.)
    pub retry: Duration,
    /// How long the outcome of a runtime call may take before the call counts as failed: 2 min.
    pub operation_timeout: Duration,
    /// How long a pull or a `postStart` hook may take before it counts as failed: 1 h. (The kubelet waits
    /// for ever.)
    pub patience: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            crash_loop: CrashLoopSettings::default(),
            image_back_off: BackOffSettings {
                initial: Duration::from_secs(10),
                max: Duration::from_secs(300),
                expire_after: None,
            },
            retry: Duration::from_secs(10),
            operation_timeout: Duration::from_secs(120),
            patience: Duration::from_secs(3600),
        }
    }
}
