//! A pod's probes as a value that can be stored.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::compile::compile;
use super::{PodProbes, Slot};
use crate::api::Uid;
use crate::container::{ContainerIndex, PodSight, ProbeKind, Prober, ProberSettings, ProberSnapshot};
use crate::machine::{OperationId, Operations, RestoreError, Snapshots, Timestamp};
use crate::pod::CompiledPod;

/// A pod's probes as a value that can be stored, without what follows from the pod's spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodProbesSnapshot {
    /// The version of this form.
    pub version: u32,
    /// The pod's identity.
    pub uid: Uid,
    now: Timestamp,
    operations: Operations,
    sight: PodSight,
    probers: Vec<Stored>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    container: String,
    prober: ProberSnapshot,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<(OperationId, OperationId)>,
}

impl PodProbesSnapshot {
    /// The version that is written and read.
    pub const VERSION: u32 = 1;
}

impl Snapshots for PodProbes {
    type Snapshot = PodProbesSnapshot;
    type Environment = (Arc<CompiledPod>, ProberSettings);

    fn snapshot(&self) -> PodProbesSnapshot {
        let stored = |slot: &Slot| Stored {
            container: self.pod.name_of(slot.container).to_owned(),
            prober: slot.prober.snapshot(),
            asked: slot.asked,
        };
        PodProbesSnapshot {
            version: PodProbesSnapshot::VERSION,
            uid: self.pod.uid.clone(),
            now: self.now,
            operations: self.operations,
            sight: self.sight,
            probers: self.slots.iter().map(stored).collect(),
        }
    }

    fn restore(
        snapshot: PodProbesSnapshot,
        environment: (Arc<CompiledPod>, ProberSettings),
        now: Timestamp,
    ) -> Result<Self, RestoreError> {
        let back = snapshot.now.since(now);
        Self::restore_earlier(snapshot, environment, back)
    }
}

impl PodProbes {
    /// Restores with every instant moved back.
    pub(in crate::pod) fn restore_earlier(
        snapshot: PodProbesSnapshot,
        (pod, settings): (Arc<CompiledPod>, ProberSettings),
        back: Duration,
    ) -> Result<Self, RestoreError> {
        let PodProbesSnapshot { version, uid, now: stored_at, operations, sight, probers } = snapshot;
        if version != PodProbesSnapshot::VERSION {
            return Err(RestoreError::Version { found: version, supported: PodProbesSnapshot::VERSION });
        }
        if uid != pod.uid {
            let (found, expected) = (uid.to_string(), pod.uid.to_string());
            return Err(RestoreError::Mismatch { what: "uid", found, expected });
        }
        let compiled: Vec<_> = compile(&pod).collect();
        let here = compiled.iter().map(|(container, probe)| (pod.name_of(*container), probe.kind));
        let there = probers.iter().map(|stored| (stored.container.as_str(), stored.prober.probe));
        if !here.clone().eq(there.clone()) {
            let (found, expected) = (listed(there), listed(here));
            return Err(RestoreError::Mismatch { what: "probes", found, expected });
        }
        let slot = |((container, probe), stored): ((ContainerIndex, _), Stored)| {
            let prober = Prober::restore_earlier(stored.prober, (Arc::new(probe), settings), back)?;
            Ok(Slot { container, prober, asked: stored.asked })
        };
        let slots = compiled.into_iter().zip(probers).map(slot).collect::<Result<_, _>>()?;
        Ok(Self::of_slots(pod, settings, stored_at.moved_back(back), operations, sight, slots))
    }
}

fn listed<N: AsRef<str>>(probes: impl Iterator<Item = (N, ProbeKind)>) -> String {
    let names: Vec<_> = probes.map(|(container, kind)| format!("{} {kind}", container.as_ref())).collect();
    names.join(", ")
}
