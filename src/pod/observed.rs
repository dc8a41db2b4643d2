//! A pod's records, indexed by container.

use std::cmp::Reverse;

use crate::api::{ContainerId, SandboxId};
use crate::container::{ContainerIndex, ContainerRecord, ContainerSet, PodRecords, SandboxRecord};

use super::CompiledPod;

/// What a runtime reports of a pod, indexed once so that every decision finds a container's latest instance
/// at its index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    records: PodRecords,
    /// Per record of a container, which of the spec's it is.
    indices: Vec<Option<ContainerIndex>>,
    /// Per container of the spec, where its latest instance stands in the records.
    latest: Vec<Option<u32>>,
    /// Per container of the spec, where the instance before its latest stands.
    before: Vec<Option<u32>>,
}

impl Observed {
    /// How many ended instances of a container are kept when one after another is added. A full report is kept
    /// whole.
    pub const KEPT: usize = 3;

    /// Indexes a report. Records are put newest first (by creation, stable) if they are not.
    #[must_use]
    pub fn new(pod: &CompiledPod, mut records: PodRecords) -> Self {
        records.sandboxes.sort_by_key(|record| Reverse(record.created_at));
        records.containers.sort_by_key(|record| Reverse(record.created_at));
        let mut observed = Self { records, ..Self::default() };
        observed.index(pod);
        observed
    }

    /// Indexes the same records for another form of the pod.
    pub fn index(&mut self, pod: &CompiledPod) {
        let records = self.records.containers.iter();
        self.indices.clear();
        self.indices.extend(records.map(|record| pod.index_of(&record.name)));
        self.latest.clear();
        self.latest.resize(pod.containers().len(), None);
        self.before.clear();
        self.before.resize(pod.containers().len(), None);
        self.find_latest();
    }

    fn find_latest(&mut self) {
        self.latest.fill(None);
        self.before.fill(None);
        for (at, index) in (0_u32..).zip(&self.indices) {
            let Some(index) = index.map(ContainerIndex::at) else { continue };
            match self.latest.get_mut(index) {
                Some(latest @ None) => *latest = Some(at),
                Some(Some(_)) => _ = self.before[index].get_or_insert(at),
                None => {}
            }
        }
    }

    /// All that was reported, newest first.
    #[must_use]
    pub const fn records(&self) -> &PodRecords {
        &self.records
    }

    /// The sandboxes, newest first.
    #[must_use]
    pub fn sandboxes(&self) -> &[SandboxRecord] {
        &self.records.sandboxes
    }

    /// The latest instance of a container.
    #[must_use]
    pub fn latest(&self, index: ContainerIndex) -> Option<&ContainerRecord> {
        let at = (*self.latest.get(index.at())?)?;
        self.records.containers.get(at as usize)
    }

    /// The instance of a container before its latest.
    #[must_use]
    pub fn before_latest(&self, index: ContainerIndex) -> Option<&ContainerRecord> {
        let at = (*self.before.get(index.at())?)?;
        self.records.containers.get(at as usize)
    }

    /// Every instance, newest first, with the container of the spec that it is of.
    pub fn instances(&self) -> impl Iterator<Item = (Option<ContainerIndex>, &ContainerRecord)> {
        self.indices.iter().copied().zip(&self.records.containers)
    }

    /// An instance by its id.
    #[must_use]
    pub fn find(&self, id: &ContainerId) -> Option<&ContainerRecord> {
        self.records.containers.iter().find(|record| record.id == *id)
    }

    /// Whether any instance of a container runs, the latest or not.
    #[must_use]
    pub fn runs(&self, index: ContainerIndex) -> bool {
        self.instances().any(|(of, record)| of == Some(index) && record.is_running())
    }

    /// The containers of the spec whose latest instance runs.
    #[must_use]
    pub fn running(&self) -> ContainerSet {
        let indices = (0..).map(ContainerIndex).take(self.latest.len());
        indices.filter(|index| self.latest(*index).is_some_and(ContainerRecord::is_running)).collect()
    }

    /// Takes over what is known of one instance, known before or not.
    pub fn put_container(&mut self, pod: &CompiledPod, record: ContainerRecord) {
        let known = &mut self.records.containers;
        let same = known.iter().position(|known| known.id == record.id);
        if let Some(same) = same.map(|at| &mut known[at])
            && same.created_at == record.created_at
            && same.name == record.name
        {
            *same = record;
            return;
        }
        if let Some(at) = known.iter().position(|known| known.id == record.id) {
            known.remove(at);
            self.indices.remove(at);
        }
        let at = known.partition_point(|known| known.created_at > record.created_at);
        let index = pod.index_of(&record.name);
        self.indices.insert(at, index);
        known.insert(at, record);
        self.forget_old(index);
        self.find_latest();
    }

    /// Forgets what no decision looks at: of the instances of one container that have ended, all but the newest
    /// [`KEPT`](Self::KEPT).
    fn forget_old(&mut self, index: Option<ContainerIndex>) {
        let mut ended = 0;
        for at in 0..self.indices.len() {
            if self.indices.get(at) == Some(&index) && self.records.containers[at].exit().is_some() {
                ended += 1;
                if ended > Self::KEPT {
                    self.indices.remove(at);
                    self.records.containers.remove(at);
                    return;
                }
            }
        }
    }

    /// Takes over what is known of one sandbox, known before or not.
    pub fn put_sandbox(&mut self, record: SandboxRecord) {
        let known = &mut self.records.sandboxes;
        known.retain(|known| known.id != record.id);
        let at = known.partition_point(|known| known.created_at > record.created_at);
        known.insert(at, record);
    }

    /// Forgets an instance.
    pub(super) fn remove_container(&mut self, id: &ContainerId) {
        if let Some(at) = self.records.containers.iter().position(|known| known.id == *id) {
            self.records.containers.remove(at);
            self.indices.remove(at);
            self.find_latest();
        }
    }

    /// Forgets a sandbox; with the last one go all containers.
    pub(super) fn remove_sandbox(&mut self, id: &SandboxId) {
        self.records.sandboxes.retain(|known| known.id != *id);
        if self.records.sandboxes.is_empty() {
            self.records.containers.clear();
            self.indices.clear();
            self.find_latest();
        }
    }
}
