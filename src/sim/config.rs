//! What a simulated node is made of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Behavior, BehaviorFile};
use crate::behaviour::Behaviour;
use crate::container::{ContainerKind, ProberSettings};
use crate::machine::Timestamp;
use crate::pod::WorkerSettings;

/// What a simulated node is made of.
#[derive(Clone)]
pub struct Config {
    /// When it begins.
    pub start: Timestamp,
    /// Gates, and faults of the kubelet that are copied.
    pub behaviour: Arc<Behaviour>,
    /// The periods of its workers.
    pub settings: WorkerSettings,
    /// The settings of its probes.
    pub prober: ProberSettings,
    /// Whether statuses are made, sent to a simulated API server and heard of from there. Without it nobody is told
    /// what the pods look like, which is faster, and the API server knows of a pod only what it was given.
    pub statuses: bool,
    /// How long its runtime's calls take.
    pub latencies: Latencies,
    /// How its containers behave: a function of the container.
    pub behavior: Arc<dyn Fn(&Subject<'_>) -> Behavior + Send + Sync>,
    /// What everything random is made from.
    pub seed: u64,
    /// What goes wrong.
    pub faults: Faults,
    /// How often the runtime is asked for everything, on a node where an answer can go astray (faults, or an
    /// agent that was restarted). Elsewhere every change is told at once.
    pub relist: Duration,
    /// Whether a trace is kept.
    pub trace: bool,
    /// Whether the trace has every attempt of a probe, and not only those that say something new.
    pub trace_attempts: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            start: Timestamp::from_unix_seconds(1_735_689_600),
            behaviour: Arc::default(),
            settings: WorkerSettings::default(),
            prober: ProberSettings::default(),
            statuses: false,
            latencies: Latencies::default(),
            behavior: Arc::new(|_| Behavior::default()),
            seed: 0,
            faults: Faults::default(),
            relist: Duration::from_secs(1),
            trace: false,
            trace_attempts: false,
        }
    }
}

impl Config {
    /// The same node with containers that behave as a file says.
    #[must_use]
    pub fn with_behavior_file(self, file: BehaviorFile) -> Self {
        Self { behavior: Arc::new(move |subject| file.behavior(subject)), ..self }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("start", &self.start).field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// A container that something is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject<'a> {
    /// Its pod's name.
    pub pod: &'a str,
    /// Its name.
    pub container: &'a str,
    /// Its image.
    pub image: &'a str,
    /// What it is for.
    pub kind: ContainerKind,
}

/// How long a runtime's calls take. The default is what a containerd on a small machine was measured to take,
/// and 2 s for a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latencies {
    /// Preparing what a pod needs: none, by default.
    pub prepare_resources: Duration,
    /// Giving it back: none, by default.
    pub release_resources: Duration,
    /// Making a sandbox.
    pub create_sandbox: Duration,
    /// Stopping a sandbox.
    pub stop_sandbox: Duration,
    /// Removing a sandbox with its containers.
    pub remove_sandbox: Duration,
    /// Pulling an image.
    pub pull: Duration,
    /// Finding that an image is there.
    pub image_status: Duration,
    /// Making a container.
    pub create: Duration,
    /// Starting a container.
    pub start: Duration,
    /// Sending a stop signal.
    pub stop: Duration,
    /// Telling the API server something, and hearing of what changed there.
    pub api: Duration,
}

impl Latencies {
    /// Every call is answered at once.
    pub const NONE: Self = Self {
        prepare_resources: Duration::ZERO,
        release_resources: Duration::ZERO,
        create_sandbox: Duration::ZERO,
        stop_sandbox: Duration::ZERO,
        remove_sandbox: Duration::ZERO,
        pull: Duration::ZERO,
        image_status: Duration::ZERO,
        create: Duration::ZERO,
        start: Duration::ZERO,
        stop: Duration::ZERO,
        api: Duration::ZERO,
    };
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            prepare_resources: Duration::ZERO,
            release_resources: Duration::ZERO,
            create_sandbox: Duration::from_millis(64),
            stop_sandbox: Duration::from_millis(44),
            remove_sandbox: Duration::from_millis(3),
            pull: Duration::from_secs(2),
            image_status: Duration::from_millis(1),
            create: Duration::from_millis(9),
            start: Duration::from_millis(61),
            stop: Duration::from_millis(40),
            api: Duration::from_millis(10),
        }
    }
}

/// What goes wrong: how many of the runtime's calls, of the probes' attempts and of what is sent to the API server, in
/// thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// Of a thousand calls, so many fail, time out, are answered late, are answered twice or are never
    /// answered (and, of what is sent to the API server, get lost); 0 to 1000.
    pub per_mille: u16,
}
