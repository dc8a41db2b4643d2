//! The ports in memory keep the contracts: at once, and when calls take time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::GoDuration;
use node_lifecycle::machine::Timestamp;
use node_lifecycle::runtime::{
    Clock, ExecSyncResponse, HookRunner, ImageService, PodResources, ProbeRunner, RuntimeService, StatusSink,
};
use node_lifecycle::sim::{Behavior, Latencies, MemoryPorts, MemorySettings, Script};

use crate::bench::{Bench, Program};

impl Bench for MemoryPorts {
    fn runtime(&self) -> &dyn RuntimeService {
        &self.runtime
    }
    fn images(&self) -> &dyn ImageService {
        &self.runtime
    }
    fn clock(&self) -> &dyn Clock {
        &self.clock
    }
    fn probes(&self) -> Option<&dyn ProbeRunner> {
        Some(&self.probes)
    }
    fn hooks(&self) -> Option<&dyn HookRunner> {
        Some(&self.hooks)
    }
    fn sink(&self) -> Option<&dyn StatusSink> {
        Some(&self.sink)
    }
    fn resources(&self) -> Option<&dyn PodResources> {
        Some(&self.resources)
    }
    fn image(&self) -> &'static str {
        "localhost:5000/busybox:1"
    }
    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.clock.run(future).unwrap()
    }
}

pub(crate) fn settings(latencies: Latencies) -> MemorySettings {
    let script = |container: &str| {
        let ignores = |ignores_sigterm| Script::Runs {
            starts_after: GoDuration(Duration::from_secs(3)),
            ready_after: GoDuration(Duration::from_secs(5)),
            stops_after: GoDuration::default(),
            ignores_sigterm,
        };
        Some(match container {
            name if name == Program::ExitsWith3.name() => {
                Script::Exits { after: GoDuration::default(), code: 3 }
            }
            name if name == Program::IgnoresStop.name() => ignores(true),
            _ => ignores(false),
        })
    };
    MemorySettings {
        latencies,
        behavior: Arc::new(move |subject| Behavior {
            script: script(subject.container),
            ..Behavior::default()
        }),
        // `sh -c "exit <code>"`, and nothing else.
        exec: Arc::new(|_, command| ExecSyncResponse {
            exit_code: command.last().and_then(|it| it.strip_prefix("exit ")?.parse().ok()).unwrap_or(127),
            ..ExecSyncResponse::default()
        }),
        container_events: true,
        ..MemorySettings::default()
    }
}

mod at_once {
    use super::*;
    crate::contract::contracts!(MemoryPorts::with_settings(
        Timestamp::from_unix_seconds(1_735_689_600),
        settings(Latencies::NONE)
    ));
}

mod in_time {
    use super::*;
    crate::contract::contracts!(MemoryPorts::with_settings(
        Timestamp::from_unix_seconds(1_735_689_600),
        settings(Latencies::default())
    ));
}
