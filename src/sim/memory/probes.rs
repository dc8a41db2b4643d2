//! Probes of containers in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::calls::Call;
use super::{MemoryRuntime, lock};
use crate::api::Uid;
use crate::container::{ProbeAnswer, ProbeKind, RecordState};
use crate::runtime::{ProbeReport, ProbeRequest, ProbeRunner};

/// Answers probes by the scripts of the containers: a startup probe passes `startsAfter` the start, a readiness
/// probe `readyAfter`, a liveness probe while the container runs. A clone is a handle to the same.
#[derive(Debug, Clone)]
pub struct MemoryProbes {
    runtime: MemoryRuntime,
    set: Arc<Mutex<BTreeMap<Question, ProbeAnswer>>>,
}

/// A pod, a container, and a kind of probe.
type Question = (Uid, Arc<str>, u8);

const fn order(kind: ProbeKind) -> u8 {
    match kind {
        ProbeKind::Startup => 0,
        ProbeKind::Liveness => 1,
        ProbeKind::Readiness => 2,
    }
}

impl MemoryProbes {
    /// Probes of this runtime's containers.
    #[must_use]
    pub fn new(runtime: &MemoryRuntime) -> Self {
        Self { runtime: runtime.clone(), set: Arc::default() }
    }

    /// From now on a container that runs answers so, whatever its script says; `None`: by its script again.
    pub fn set(&self, uid: &Uid, container: &str, kind: ProbeKind, answer: Option<ProbeAnswer>) {
        let question = (uid.clone(), Arc::from(container), order(kind));
        match answer {
            Some(answer) => lock(&self.set).insert(question, answer),
            None => lock(&self.set).remove(&question),
        };
    }

    fn ask(&self, request: &ProbeRequest) -> ProbeReport {
        if let Some(Err(error)) = request.check.address().map(|address| address.host(&request.pod_ip)) {
            return ProbeReport::error(error);
        }
        let looked = self.runtime.with(|state, now| {
            let process = &state.instances.get(&request.id)?.process;
            let RecordState::Running { started_at } = process.record.state else { return None };
            Some((now - started_at, process.script))
        });
        let Some((runs_for, script)) = looked else {
            return ProbeReport { answer: ProbeAnswer::Failure, output: "connection refused".into() };
        };
        let question = (request.pod.uid.clone(), Arc::clone(&request.container), order(request.kind));
        if let Some(answer) = lock(&self.set).get(&question) {
            return ProbeReport::from(*answer);
        }
        let passes = match request.kind {
            ProbeKind::Startup => runs_for >= script.starts_after(),
            ProbeKind::Liveness => true,
            ProbeKind::Readiness => runs_for >= script.ready_after(),
        };
        ProbeReport::from(if passes { ProbeAnswer::Success } else { ProbeAnswer::Failure })
    }
}

#[async_trait]
impl ProbeRunner for MemoryProbes {
    async fn probe(&self, request: &ProbeRequest) -> ProbeReport {
        let asked = async {
            let limit = Some(request.timeout);
            let begun = self.runtime.calls.begin(Call::Probe, &request.container, Duration::ZERO, limit);
            begun.await?.answer(Ok(self.ask(request))).await
        };
        asked.await.unwrap_or_else(|unanswered: ProbeReport| unanswered)
    }
}
