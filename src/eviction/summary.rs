//! From what the kubelet measures, its Summary API, to an observation.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    ContainerStats, DiskLayout, Disks, EvictionPod, FsUsage, Level, Levels, Observation, PodStats, Signal,
    VolumeStats,
};
use crate::api::{self, FsStats, ObjectMeta, Pod, PodPhase, PodReference, Summary, Uid};
use crate::behaviour::Behaviour;
use crate::machine::Timestamp;

/// What of a summary and a list of pods did not fit together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SummaryReport {
    /// Pods that are not active on the node and were left out: they have ended, they run on another node, or they
    /// wait to be given one.
    pub inactive_pods: Vec<Uid>,
    /// Active pods of which nothing was measured. Where pods are ranked by memory or disk, they go first.
    pub pods_without_stats: Vec<Uid>,
    /// Pods whose stats were found by namespace and name alone: the UIDs differ, so that the stats may be those of
    /// an earlier pod of that name.
    pub matched_by_name: Vec<Uid>,
    /// Stats of pods that are not in the list.
    pub stats_without_pods: Vec<PodReference>,
    /// Stats that later ones of the same UID replaced.
    pub replaced_stats: Vec<PodReference>,
}

impl Observation {
    /// What is known of a node by its summary and the pods that the API has, in the order in which the node has
    /// them.
    ///
    /// Pods that are not active are left out: those that have ended (`Succeeded`, `Failed`), those of another node
    /// than the summary's, and those that are `Pending` without a node.
    ///
    /// A pod's stats are those of its UID. The API has static pods as mirrors, with UIDs of their own: theirs are those
    /// of the UID in the annotation `kubernetes.io/config.hash`, or else `kubernetes.io/config.mirror`. A pod that
    /// has none this way gets those of its namespace and name, unless they are another pod's. Of stats with the
    /// same UID the last count, as in the kubelet; of pods with the same UID the first. The [`SummaryReport`] says
    /// what did not fit.
    ///
    /// ```
    /// use node_lifecycle::api::{Pod, Summary};
    /// use node_lifecycle::behaviour::Behaviour;
    /// use node_lifecycle::eviction::{DiskLayout, Observation, Signal};
    ///
    /// let summary = Summary::from_json(r#"{
    ///     "node": {"nodeName": "worker-1",
    ///              "memory": {"time": "2025-03-01T12:00:00Z", "availableBytes": 300, "workingSetBytes": 700}},
    ///     "pods": [{"podRef": {"name": "web", "namespace": "default", "uid": "u-1"},
    ///               "memory": {"workingSetBytes": 600}}]
    /// }"#)?;
    /// let pod = Pod::from_json(r#"{
    ///     "metadata": {"name": "web", "namespace": "default", "uid": "u-1"},
    ///     "spec": {"nodeName": "worker-1", "containers": [{"name": "app", "image": "web:1"}]}
    /// }"#)?;
    /// let disks = DiskLayout::guess(&summary).unwrap_or_default();
    /// let (observation, report) = Observation::from_summary(&summary, disks, &[pod], &Behaviour::default());
    ///
    /// assert_eq!(observation.levels.get(Signal::MemoryAvailable).unwrap().capacity, 1000);
    /// assert_eq!(observation.pods()[0].usage().memory, 600);
    /// assert_eq!(report, Default::default());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn from_summary(
        summary: &Summary,
        disks: impl Into<Disks>,
        pods: impl IntoIterator<Item: Borrow<Pod>>,
        behaviour: &Behaviour,
    ) -> (Self, SummaryReport) {
        let mut report = SummaryReport::default();
        let pods: Vec<_> = pods.into_iter().collect();
        let pods: Vec<&Pod> = pods.iter().map(Borrow::borrow).collect();
        let stats = stats_of(&pods, &summary.pods, &mut report);
        let active = pods.iter().zip(stats).filter_map(|(pod, stats)| {
            if !is_active_on(pod, &summary.node.node_name) {
                report.inactive_pods.push(pod.metadata.uid.clone());
                return None;
            }
            if stats.is_none() {
                report.pods_without_stats.push(pod.metadata.uid.clone());
            }
            let stats = stats.map(|stats| Arc::new(PodStats::from(stats)));
            Some((Arc::new(EvictionPod::of(pod, behaviour)), stats))
        });
        let observation = Self::new(Levels::from(summary), disks, active);
        (observation, report)
    }
}

fn is_active_on(pod: &Pod, node: &str) -> bool {
    match pod.spec.node_name.as_str() {
        "" => !matches!(pod.status.phase, Some(PodPhase::Pending | PodPhase::Succeeded | PodPhase::Failed)),
        its if its != node && !node.is_empty() => false,
        _ => !pod.status.phase.is_some_and(PodPhase::is_terminal),
    }
}

/// The stats of each pod.
fn stats_of<'a>(
    pods: &[&Pod],
    stats: &'a [api::PodStats],
    report: &mut SummaryReport,
) -> Vec<Option<&'a api::PodStats>> {
    let (mut by_uid, mut without_uid) = (BTreeMap::new(), Vec::new());
    for stats in stats {
        let uid = stats.pod_ref.uid.as_str();
        if uid.is_empty() {
            without_uid.push(stats);
        } else if let Some(replaced) = by_uid.insert(uid, stats) {
            report.replaced_stats.push(replaced.pod_ref.clone());
        }
    }
    let mut found: Vec<_> =
        pods.iter().map(|pod| identities(pod).find_map(|uid| by_uid.get(uid).copied())).collect();
    for stats in found.iter().flatten() {
        by_uid.remove(stats.pod_ref.uid.as_str());
    }
    let mut left: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for stats in by_uid.into_values().chain(without_uid) {
        let PodReference { namespace, name, .. } = &stats.pod_ref;
        left.entry((namespace, name)).or_default().push(stats);
    }
    for (pod, stats) in pods.iter().zip(&mut found).filter(|(_, stats)| stats.is_none()) {
        let ObjectMeta { namespace, name, uid, .. } = &pod.metadata;
        *stats = left.get_mut(&(namespace, name)).and_then(Vec::pop);
        report.matched_by_name.extend(stats.map(|_| uid.clone()));
    }
    report.stats_without_pods.extend(left.into_values().flatten().map(|stats| stats.pod_ref.clone()));
    found
}

/// The UIDs under which the node may have a pod.
fn identities(pod: &Pod) -> impl Iterator<Item = &str> {
    let annotations = [Pod::CONFIG_HASH, Pod::CONFIG_MIRROR].into_iter();
    let annotated = annotations.filter_map(|name| pod.metadata.annotations.get(name).map(String::as_str));
    std::iter::once(pod.metadata.uid.as_str()).chain(annotated)
}

/// A signal is observed if both of its numbers were measured. Of memory there is what is available and the working
/// set together, and `allocatableMemory` is that of the cgroup `pods`. Numbers that are too large saturate.
impl From<&Summary> for Levels {
    fn from(summary: &Summary) -> Self {
        let node = &summary.node;
        let image_fs = node.runtime.as_ref().and_then(|runtime| runtime.image_fs.as_ref());
        let container_fs = node.runtime.as_ref().and_then(|runtime| runtime.container_fs.as_ref());
        let pods = node.pods_cgroup().and_then(|pods| pods.memory.as_ref());
        let mut levels = Self::default();
        for (signal, level) in [
            (Signal::MemoryAvailable, node.memory.as_ref().and_then(memory)),
            (Signal::AllocatableMemoryAvailable, pods.and_then(memory)),
            (Signal::NodefsAvailable, node.fs.as_ref().and_then(bytes)),
            (Signal::NodefsInodesFree, node.fs.as_ref().and_then(inodes)),
            (Signal::ImagefsAvailable, image_fs.and_then(bytes)),
            (Signal::ImagefsInodesFree, image_fs.and_then(inodes)),
            (Signal::ContainerfsAvailable, container_fs.and_then(bytes)),
            (Signal::ContainerfsInodesFree, container_fs.and_then(inodes)),
            (Signal::PidAvailable, node.rlimit.as_ref().and_then(processes)),
        ] {
            levels.set(signal, level);
        }
        levels
    }
}

fn memory(stats: &api::MemoryStats) -> Option<Level> {
    let available = stats.available_bytes?;
    Some(level(available, available.saturating_add(stats.working_set_bytes?), stats.time))
}

fn bytes(stats: &FsStats) -> Option<Level> {
    Some(level(stats.available_bytes?, stats.capacity_bytes?, stats.time))
}

fn inodes(stats: &FsStats) -> Option<Level> {
    Some(level(stats.inodes_free?, stats.inodes?, stats.time))
}

fn processes(stats: &api::RlimitStats) -> Option<Level> {
    let capacity = stats.max_pid?;
    let available = capacity.saturating_sub(stats.num_of_running_processes?);
    Some(Level { available, capacity, time: stats.time })
}

fn level(available: u64, capacity: u64, time: Option<Timestamp>) -> Level {
    let saturating = |amount| i64::try_from(amount).unwrap_or(i64::MAX);
    Level { available: saturating(available), capacity: saturating(capacity), time }
}

impl From<&api::PodStats> for PodStats {
    fn from(stats: &api::PodStats) -> Self {
        Self {
            memory_working_set_bytes: stats.memory.as_ref().and_then(|memory| memory.working_set_bytes),
            process_count: stats.process_stats.as_ref().and_then(|processes| processes.process_count),
            ephemeral_storage_used_bytes: stats.ephemeral_storage.as_ref().and_then(|disk| disk.used_bytes),
            containers: stats.containers.iter().map(ContainerStats::from).collect(),
            volumes: stats.volume_stats.iter().map(VolumeStats::from).collect(),
        }
    }
}

impl From<&api::ContainerStats> for ContainerStats {
    fn from(stats: &api::ContainerStats) -> Self {
        let usage = |disk: &Option<FsStats>| disk.as_ref().map(FsUsage::from).unwrap_or_default();
        Self {
            name: stats.name.as_str().into(),
            memory_working_set_bytes: stats.memory.as_ref().and_then(|memory| memory.working_set_bytes),
            rootfs: usage(&stats.rootfs),
            logs: usage(&stats.logs),
        }
    }
}

impl From<&api::VolumeStats> for VolumeStats {
    fn from(stats: &api::VolumeStats) -> Self {
        let usage = FsUsage { used_bytes: stats.used_bytes, inodes_used: stats.inodes_used };
        Self { name: stats.name.as_str().into(), usage }
    }
}

impl From<&FsStats> for FsUsage {
    fn from(stats: &FsStats) -> Self {
        Self { used_bytes: stats.used_bytes, inodes_used: stats.inodes_used }
    }
}

impl DiskLayout {
    /// The layout that a summary looks like. None where it says too little.
    ///
    /// This is a guess: a runtime knows which device its directories are on, and a summary has their sizes only. Two
    /// file systems count as one if they have the same capacity and the same inodes in all, and what is free of
    /// them differs by no more than a hundredth of that, since they are not measured at one instant. Without a file
    /// system of writeable layers, these are with the images.
    #[must_use]
    pub fn guess(summary: &Summary) -> Option<Self> {
        let node_fs = summary.node.fs.as_ref()?;
        let runtime = summary.node.runtime.as_ref()?;
        let image_fs = runtime.image_fs.as_ref()?;
        let dedicated_container_fs = match &runtime.container_fs {
            Some(container_fs) => !looks_like(container_fs, image_fs)?,
            None => false,
        };
        Some(Self::of(!looks_like(image_fs, node_fs)?, dedicated_container_fs))
    }
}

fn looks_like(one: &FsStats, other: &FsStats) -> Option<bool> {
    let capacity = one.capacity_bytes?;
    let apart = one.available_bytes?.abs_diff(other.available_bytes?);
    Some(Some(capacity) == other.capacity_bytes && one.inodes == other.inodes && apart <= capacity / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(json: &str) -> Summary {
        Summary::from_json(json).unwrap()
    }

    fn pod(json: &str) -> Pod {
        serde_json::from_str(json).unwrap()
    }

    fn observed(summary: &Summary, pods: &[Pod]) -> (Vec<(String, u64)>, SummaryReport) {
        let (observation, report) =
            Observation::from_summary(summary, DiskLayout::One, pods, &Behaviour::default());
        let used = observation.pods().iter().map(|pod| (pod.pod().uid.to_string(), pod.usage().memory));
        (used.collect(), report)
    }

    #[test]
    fn a_signal_needs_both_of_its_numbers() {
        let levels = Levels::from(&summary(
            r#"{"node": {
            "memory": {"time": "2025-03-01T12:00:00Z", "availableBytes": 3, "workingSetBytes": 4},
            "systemContainers": [{"name": "kubelet", "memory": {"availableBytes": 9, "workingSetBytes": 9}},
                {"name": "pods", "memory": {"availableBytes": 1, "workingSetBytes": 18446744073709551615}}],
            "fs": {"availableBytes": 5, "inodesFree": 6, "inodes": 7},
            "runtime": {"imageFs": {"availableBytes": 1, "capacityBytes": 2},
                "containerFs": {"inodesFree": 3, "inodes": 4}},
            "rlimit": {"maxpid": 10, "curproc": 12}}}"#,
        ));
        let seen: Vec<_> =
            levels.iter().map(|(signal, level)| (signal, level.available, level.capacity)).collect();
        assert_eq!(
            seen,
            [
                (Signal::AllocatableMemoryAvailable, 1, i64::MAX),
                (Signal::ContainerfsInodesFree, 3, 4),
                (Signal::ImagefsAvailable, 1, 2),
                (Signal::MemoryAvailable, 3, 7),
                (Signal::NodefsInodesFree, 6, 7),
                (Signal::PidAvailable, -2, 10),
            ]
        );
        let time = levels.get(Signal::MemoryAvailable).and_then(|level| level.time);
        assert_eq!(time, Some("2025-03-01T12:00:00Z".parse().unwrap()));
    }

    #[test]
    fn a_mirror_has_the_stats_of_its_static_pod() {
        let summary = summary(
            r#"{"pods": [
                {"podRef": {"uid": "hash", "name": "etcd", "namespace": "kube-system"},
                 "memory": {"workingSetBytes": 7}}]}"#,
        );
        for annotation in ["kubernetes.io/config.hash", "kubernetes.io/config.mirror"] {
            let mirror = format!(
                r#"{{"metadata": {{"name": "etcd-1", "uid": "mirror", "annotations": {{"{annotation}": "hash"}}}}}}"#
            );
            let (used, report) = observed(&summary, &[pod(&mirror)]);
            assert_eq!(used, [("mirror".into(), 7)]);
            assert_eq!(report, SummaryReport::default());
        }
    }

    #[test]
    fn a_name_stands_in_for_a_uid_unless_the_stats_are_another_pods() {
        let summary = summary(
            r#"{"pods": [
                {"podRef": {"uid": "a", "name": "web", "namespace": "n"}, "memory": {"workingSetBytes": 1}},
                {"podRef": {"uid": "b", "name": "db", "namespace": "n"}, "memory": {"workingSetBytes": 2}},
                {"podRef": {"name": "job", "namespace": "n"}, "memory": {"workingSetBytes": 3}}]}"#,
        );
        let named = |name, uid| {
            pod(&format!(r#"{{"metadata": {{"name": "{name}", "namespace": "n", "uid": "{uid}"}}}}"#))
        };
        let pods = [named("web", "other"), named("db", "new"), named("web", "a"), named("job", "j")];
        let (used, report) = observed(&summary, &pods);
        assert_eq!(used, [("other".into(), 0), ("new".into(), 2), ("a".into(), 1), ("j".into(), 3)]);
        assert_eq!(report.matched_by_name, [Uid::from("new"), Uid::from("j")]);
        assert_eq!(report.pods_without_stats, [Uid::from("other")]);
    }

    #[test]
    fn what_does_not_fit_is_reported() {
        let summary = summary(
            r#"{"node": {"nodeName": "here"}, "pods": [
                {"podRef": {"uid": "a", "name": "first", "namespace": "n"}, "memory": {"workingSetBytes": 1}},
                {"podRef": {"uid": "a", "name": "last", "namespace": "n"}, "memory": {"workingSetBytes": 2}},
                {"podRef": {"uid": "gone", "name": "gone", "namespace": "n"}},
                {"podRef": {"uid": "done", "name": "done", "namespace": "n"}}]}"#,
        );
        let pods = [
            pod(
                r#"{"metadata": {"uid": "a"}, "spec": {"nodeName": "here"}, "status": {"phase": "Pending"}}"#,
            ),
            pod(r#"{"metadata": {"uid": "a"}}"#),
            pod(r#"{"metadata": {"uid": "done"}, "status": {"phase": "Failed"}}"#),
            pod(r#"{"metadata": {"uid": "there"}, "spec": {"nodeName": "there"}}"#),
            pod(r#"{"metadata": {"uid": "unbound"}, "status": {"phase": "Pending"}}"#),
            pod(r#"{"metadata": {"uid": "new"}}"#),
        ];
        let (used, report) = observed(&summary, &pods);
        assert_eq!(used, [("a".into(), 2), ("new".into(), 0)]);
        let names = |references: &[PodReference]| {
            references.iter().map(|reference| reference.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&report.stats_without_pods), ["gone"]);
        assert_eq!(names(&report.replaced_stats), ["first"]);
        assert_eq!(report.inactive_pods, ["done", "there", "unbound"].map(Uid::from));
        assert_eq!(report.pods_without_stats, [Uid::from("new")]);
    }

    #[test]
    fn a_layout_is_guessed_by_sizes() {
        let fs = |capacity: u64, free: u64| {
            format!(r#"{{"capacityBytes": {capacity}, "availableBytes": {free}}}"#)
        };
        let (node, other) = (fs(1000, 500), fs(2000, 500));
        let guess = |image: &str, container: &str| {
            DiskLayout::guess(&summary(&format!(
                r#"{{"node": {{"fs": {node}, "runtime": {{"imageFs": {image}, "containerFs": {container}}}}}}}"#
            )))
        };
        assert_eq!(guess(&node, "null"), Some(DiskLayout::One));
        assert_eq!(guess(&fs(1000, 490), &fs(1000, 495)), Some(DiskLayout::One), "measured at other times");
        assert_eq!(guess(&fs(1000, 489), "null"), Some(DiskLayout::Dedicated), "as large, and fuller");
        assert_eq!(guess(&other, "null"), Some(DiskLayout::Dedicated));
        assert_eq!(guess(&other, &other), Some(DiskLayout::Dedicated));
        assert_eq!(guess(&other, &node), Some(DiskLayout::Split));
        assert_eq!(guess(&node, &other), Some(DiskLayout::LayersApart));
        assert_eq!(guess("null", "null"), None);
        assert_eq!(guess("{}", "null"), None);
    }
}
