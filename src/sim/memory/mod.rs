//! The ports in memory and in virtual time, to test a node without a runtime.

mod calls;
mod clock;
mod events;
mod hooks;
mod images;
mod probes;
mod pulling;
mod resources;
mod runtime;
mod sink;
mod state;

pub use calls::{Call, CallFault, CallRecord, Calls};
pub use clock::{Stalled, VirtualClock};
pub use hooks::MemoryHooks;
pub use probes::MemoryProbes;
pub use resources::MemoryResources;
pub use runtime::{BehaviorOf, ExecOf, MemoryRuntime, MemorySettings};
pub use sink::MemorySink;

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::machine::Timestamp;

/// One of each port in memory, over one clock: to test a node without a runtime. A clone is a handle to the same.
///
/// | port | in memory |
/// |---|---|
/// | [`RuntimeService`](crate::runtime::RuntimeService), [`ImageService`](crate::runtime::ImageService) | [`MemoryRuntime`] |
/// | [`ProbeRunner`](crate::runtime::ProbeRunner) | [`MemoryProbes`] |
/// | [`HookRunner`](crate::runtime::HookRunner) | [`MemoryHooks`] |
/// | [`StatusSink`](crate::runtime::StatusSink) | [`MemorySink`] |
/// | [`PodResources`](crate::runtime::PodResources) | [`MemoryResources`] |
/// | [`Clock`](crate::runtime::Clock) | [`VirtualClock`] |
///
/// They need no executor and start no thread; any executor will do. All of them share one [`VirtualClock`], one list
/// of [`Calls`], in order, and the faults that wait for calls there. Containers, hooks and pulls behave as their
/// [`Behavior`](super::Behavior) says, as on a simulated [`Node`](super::Node).
///
/// Virtual time goes on when it is told to. A process that ends at a certain time is seen to have ended by whoever
/// looks after that; only who waits for it (a stop, a hook, a stream of events) sets a timer.
///
/// ```
/// use node_lifecycle::api::Pod;
/// use node_lifecycle::behaviour::Behaviour;
/// use node_lifecycle::container::ContainerIndex;
/// use node_lifecycle::machine::Timestamp;
/// use node_lifecycle::pod::CompiledPod;
/// use node_lifecycle::runtime::{
///     Clock, ImageService, NodeSettings, RuntimeService, container_config, pod_sandbox_config,
/// };
/// use node_lifecycle::sim::MemoryPorts;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// let pod = Pod::from_json(r#"{"metadata": {"name": "web", "uid": "u1"}, "spec": {
///     "initContainers": [{"name": "migrate", "image": "m:1"}],
///     "containers": [{"name": "app", "image": "a:1"}]}}"#)?;
/// let compiled = CompiledPod::compile(&pod, &Arc::new(Behaviour::default()))?;
/// let node = NodeSettings::default();
///
/// let ports = MemoryPorts::new(Timestamp::UNIX_EPOCH);
/// let records = ports.clock.run(async {
///     let runtime = &ports.runtime;
///     let sandbox_config = pod_sandbox_config(&pod, 0, &node);
///     let sandbox = runtime.run_pod_sandbox(&sandbox_config, "").await?;
///     let image = runtime.pull_image(&"m:1".into(), None, Some(&sandbox_config)).await?;
///     let config = container_config(&pod, &compiled, ContainerIndex(0), 0, &image, &node).unwrap();
///     let id = runtime.create_container(&sandbox, &config, &sandbox_config).await?;
///     runtime.start_container(&id).await?;
///     ports.clock.sleep_until(ports.clock.now() + Duration::from_secs(2)).await;
///     Ok::<_, Box<dyn std::error::Error>>(runtime.pod_records(&pod.metadata.uid).await?)
/// })??;
/// // What is usual for an init container: it ends well after a second.
/// let exit = records.containers[0].exit().unwrap();
/// assert_eq!((exit.exit_code, exit.finished_at), (0, Timestamp::from_unix_seconds(1)));
/// assert_eq!(records.containers[0].spec_hash, compiled.containers()[0].spec_hash);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct MemoryPorts {
    /// Their time.
    pub clock: VirtualClock,
    /// The calls that they get, and the faults that wait for them.
    pub calls: Calls,
    /// Sandboxes, containers and images.
    pub runtime: MemoryRuntime,
    /// Probes of its containers.
    pub probes: MemoryProbes,
    /// Hooks of its containers.
    pub hooks: MemoryHooks,
    /// Statuses.
    pub sink: MemorySink,
    /// Everything else that pods need.
    pub resources: MemoryResources,
}

impl MemoryPorts {
    /// Ports of a node that has nothing yet, at `start`, with the default [`MemorySettings`].
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self::with_settings(start, MemorySettings::default())
    }

    /// The same with a runtime of these settings.
    #[must_use]
    pub fn with_settings(start: Timestamp, settings: MemorySettings) -> Self {
        let clock = VirtualClock::new(start);
        let calls = Calls::new(&clock);
        let runtime = MemoryRuntime::new(&calls, settings);
        Self {
            probes: MemoryProbes::new(&runtime),
            hooks: MemoryHooks::new(&runtime),
            sink: MemorySink::new(&calls),
            resources: MemoryResources::new(&calls),
            clock,
            calls,
            runtime,
        }
    }
}

#[cfg(feature = "driver")]
impl From<&MemoryPorts> for crate::driver::Ports {
    fn from(ports: &MemoryPorts) -> Self {
        use std::sync::Arc;
        let runtime = Arc::new(ports.runtime.clone());
        Self {
            clock: Arc::new(ports.clock.clone()),
            images: Arc::clone(&runtime) as _,
            runtime,
            probes: Arc::new(ports.probes.clone()),
            hooks: Arc::new(ports.hooks.clone()),
            statuses: Arc::new(ports.sink.clone()),
            resources: Arc::new(ports.resources.clone()),
        }
    }
}

/// A lock that outlives a panic of another holder: nothing here is left half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
