//! The pods of a node as a value that can be stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::calls::settings_of;
use super::entry::{Entry, Life, Memory, State};
use super::{Pods, PodsSettings};
use crate::api::{Pod, Uid};
use crate::behaviour::Behaviour;
use crate::machine::{RestoreError, Snapshots, Timestamp};
use crate::pod::{CompiledPod, Lifecycle, LifecycleSnapshot, Workers, WorkersSnapshot};

/// The pods of a node as a value that can be stored: the set of them, each pod as a whole with the spec that it
/// is of, and what was last observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodsSnapshot {
    /// The version of this form.
    pub version: u32,
    /// The set of pods.
    pub workers: WorkersSnapshot,
    state: State,
    pods: BTreeMap<Uid, EntrySnapshot>,
}

impl PodsSnapshot {
    /// The version that is written and read.
    pub const VERSION: u32 = 1;
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct EntrySnapshot {
    memory: Memory,
    life: Option<Box<LifeSnapshot>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LifeSnapshot {
    /// With the spec that counts: one that came later may have been refused.
    of: Arc<Pod>,
    mirror: Option<Arc<Pod>>,
    remains: bool,
    machine: LifecycleSnapshot,
}

impl Snapshots for Pods {
    type Snapshot = PodsSnapshot;
    type Environment = (Arc<Behaviour>, PodsSettings);

    fn snapshot(&self) -> PodsSnapshot {
        let pods = self.entries.iter().map(|(uid, entry)| {
            let life = entry.life.as_ref().map(|life| {
                let (of, mirror) = (Arc::clone(&life.of), life.mirror.clone());
                let (remains, machine) = (life.remains, life.machine.snapshot());
                Box::new(LifeSnapshot { of, mirror, remains, machine })
            });
            (uid.clone(), EntrySnapshot { memory: entry.memory.clone(), life })
        });
        PodsSnapshot {
            version: PodsSnapshot::VERSION,
            workers: self.workers.snapshot(),
            state: self.state.clone(),
            pods: pods.collect(),
        }
    }

    fn restore(
        snapshot: PodsSnapshot,
        (behaviour, settings): (Arc<Behaviour>, PodsSettings),
        now: Timestamp,
    ) -> Result<Self, RestoreError> {
        let PodsSnapshot { version, workers, mut state, pods } = snapshot;
        if version != PodsSnapshot::VERSION {
            return Err(RestoreError::Version { found: version, supported: PodsSnapshot::VERSION });
        }
        let back = state.now.since(now);
        state.move_back(back);
        let workers = Workers::restore(workers, Arc::clone(&behaviour), now)?;
        let mut restored = Self::with(behaviour, settings, workers, state);
        for (uid, EntrySnapshot { memory, life }) in pods {
            let mut entry = Entry { memory, life: None, due: None };
            entry.move_back(back);
            if let Some(life) = life {
                let LifeSnapshot { of, mirror, remains, machine } = *life;
                let compiled = CompiledPod::compile(&of, &restored.behaviour).map_err(|error| {
                    RestoreError::Mismatch {
                        what: "pod",
                        found: error.to_string(),
                        expected: format!("a spec of {} that compiles, as it did", of.display_name()),
                    }
                })?;
                let settings = settings_of(&restored.settings.lifecycle, remains);
                // All of them move back by the same, whenever each was last stepped.
                let as_of = machine.taken_at().moved_back(back);
                let machine = Lifecycle::restore(machine, (Arc::new(compiled), settings), as_of)?;
                entry.life = Some(Life { of, mirror, machine, remains });
            }
            restored.entries.insert(uid.clone(), entry);
            restored.touch(&uid);
        }
        Ok(restored)
    }
}
