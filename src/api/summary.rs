//! What a node measures: the kubelet's Summary API.

use serde::{Deserialize, Serialize};

use super::Uid;
use super::nullable::{is_default, nullable};
use crate::document::{self, DecodeError, ReadError};
use crate::machine::Timestamp;

macro_rules! stats {
    ($($(#[$meta:meta])* $name:ident {
        $($(#[doc = $doc:literal])+ $field:ident: $type:ty $(= $wire:literal)?,)+
    })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $(
                $(#[doc = $doc])+
                #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
                $(#[serde(rename = $wire)])?
                pub $field: $type,
            )+
        }
    )+};
}

stats! {
    /// What a node measures: what the kubelet answers at `/stats/summary`, as far as a lifecycle decision or a reader
    /// of one asks for it. Unknown fields pass, and `null` is as good as absent.
    ///
    /// ```
    /// use node_lifecycle::api::Summary;
    ///
    /// let summary = Summary::from_json(r#"{
    ///     "node": {"nodeName": "worker-1",
    ///              "rlimit": {"time": "2025-03-01T12:00:00Z", "maxpid": 4096, "curproc": 300}},
    ///     "pods": [{"podRef": {"name": "web", "namespace": "default", "uid": "5f9f3c7c"},
    ///               "memory": {"workingSetBytes": 1048576},
    ///               "process_stats": {"process_count": 3}}]
    /// }"#)?;
    /// assert_eq!(summary.node.rlimit.and_then(|rlimit| rlimit.max_pid), Some(4096));
    /// assert_eq!(summary.pods[0].pod_ref.uid.as_str(), "5f9f3c7c");
    ///
    /// let wrong = Summary::from_json("{\"node\": {},\n \"pods\": [{\"memory\": {\"workingSetBytes\": -1}}]}");
    /// assert_eq!(
    ///     wrong.unwrap_err().to_string(),
    ///     "2:42: pods[0].memory.workingSetBytes: invalid value: integer `-1`, expected u64"
    /// );
    /// # Ok::<(), node_lifecycle::api::SummaryError>(())
    /// ```
    Summary {
        /// The node as a whole.
        node: NodeStats,
        /// Its pods, in no order.
        pods: Vec<PodStats>,
    }

    /// A node as a whole.
    NodeStats {
        /// Its name.
        node_name: String,
        /// Since when it is measured.
        start_time: Option<Timestamp>,
        /// The node's own cgroups: `kubelet`, `runtime`, `misc` and [`pods`](Self::PODS).
        system_containers: Vec<ContainerStats>,
        /// Processor time.
        cpu: Option<CpuStats>,
        /// Memory.
        memory: Option<MemoryStats>,
        /// Swap.
        swap: Option<SwapStats>,
        /// How it waits for its disks.
        io: Option<IoStats>,
        /// Its own file system.
        fs: Option<FsStats>,
        /// The file systems of the container runtime.
        runtime: Option<RuntimeStats>,
        /// Processes.
        rlimit: Option<RlimitStats>,
    }

    /// The file systems of the container runtime. They may be the same as the node's.
    RuntimeStats {
        /// That of images; `usedBytes` is what images take.
        image_fs: Option<FsStats>,
        /// That of writeable layers; `usedBytes` is what layers take (KEP-4191).
        container_fs: Option<FsStats>,
    }

    /// How many processes there are and may be.
    RlimitStats {
        /// When this was measured.
        time: Option<Timestamp>,
        /// How many there may be.
        max_pid: Option<i64> = "maxpid",
        /// How many there are.
        num_of_running_processes: Option<i64> = "curproc",
    }

    /// A pod.
    PodStats {
        /// Which one. For a static pod this is the UID that the node gave it, and not that of its mirror in the API.
        pod_ref: PodReference,
        /// Since when it is measured.
        start_time: Option<Timestamp>,
        /// Its containers.
        containers: Vec<ContainerStats>,
        /// Processor time of its cgroup.
        cpu: Option<CpuStats>,
        /// Memory of its cgroup.
        memory: Option<MemoryStats>,
        /// Swap of its cgroup.
        swap: Option<SwapStats>,
        /// How its cgroup waits for disks.
        io: Option<IoStats>,
        /// Its volumes.
        volume_stats: Vec<VolumeStats> = "volume",
        /// Its local disk as a whole: layers, logs and `emptyDir` volumes.
        ephemeral_storage: Option<FsStats> = "ephemeral-storage",
        /// Processes.
        process_stats: Option<ProcessStats> = "process_stats",
    }

    /// Which pod stats are of.
    #[derive(Eq, PartialOrd, Ord, Hash)]
    PodReference {
        /// Its name.
        name: String,
        /// Its namespace.
        namespace: String,
        /// Its identity on the node.
        uid: Uid,
    }

    /// A container of a pod, or a cgroup of the node.
    ContainerStats {
        /// Its name.
        name: String,
        /// Since when it is measured.
        start_time: Option<Timestamp>,
        /// Processor time.
        cpu: Option<CpuStats>,
        /// Memory.
        memory: Option<MemoryStats>,
        /// Swap.
        swap: Option<SwapStats>,
        /// How it waits for disks.
        io: Option<IoStats>,
        /// Its writeable layer, `usedBytes`, and the file system that it is on.
        rootfs: Option<FsStats>,
        /// Its logs, `usedBytes`, and the file system that they are on.
        logs: Option<FsStats>,
    }

    /// Processor time.
    CpuStats {
        /// When this was measured.
        time: Option<Timestamp>,
        /// Nanoseconds of it per second.
        usage_nano_cores: Option<u64>,
        /// Nanoseconds of it in all.
        usage_core_nano_seconds: Option<u64>,
        /// How tasks wait for it (KEP-4205).
        psi: Option<PsiStats>,
    }

    /// Memory, in bytes.
    MemoryStats {
        /// When this was measured.
        time: Option<Timestamp>,
        /// What is left below the limit: of the node, its memory less its working set.
        available_bytes: Option<u64>,
        /// All that is used, caches included.
        usage_bytes: Option<u64>,
        /// What is used and cannot go.
        working_set_bytes: Option<u64>,
        /// Memory that is of no file.
        rss_bytes: Option<u64>,
        /// Page faults so far that needed no disk.
        page_faults: Option<u64>,
        /// Page faults so far that needed a disk.
        major_page_faults: Option<u64>,
        /// How tasks wait for it (KEP-4205).
        psi: Option<PsiStats>,
    }

    /// Swap, in bytes.
    SwapStats {
        /// When this was measured.
        time: Option<Timestamp>,
        /// What is left.
        swap_available_bytes: Option<u64>,
        /// What is used.
        swap_usage_bytes: Option<u64>,
    }

    /// How tasks wait for disks.
    IoStats {
        /// When this was measured.
        time: Option<Timestamp>,
        /// How long (KEP-4205).
        psi: Option<PsiStats>,
    }

    /// Pressure stall information: how much of the time tasks waited for something (KEP-4205).
    #[derive(Copy)]
    PsiStats {
        /// Time in which all tasks that had something to do waited.
        full: PsiData,
        /// Time in which at least one task waited.
        some: PsiData,
    }

    /// Shares of time, in percent.
    #[derive(Copy)]
    PsiData {
        /// Nanoseconds in all, as the API has it.
        total: u64,
        /// Percent of the last ten seconds.
        avg10: f64,
        /// Percent of the last minute.
        avg60: f64,
        /// Percent of the last five minutes.
        avg300: f64,
    }

    /// A file system, and what something uses of it.
    FsStats {
        /// When this was measured.
        time: Option<Timestamp>,
        /// Bytes that are free on the file system.
        available_bytes: Option<u64>,
        /// Bytes that it has in all.
        capacity_bytes: Option<u64>,
        /// Bytes that are used: of what is asked about, which need not be all that is used of the file system.
        used_bytes: Option<u64>,
        /// Inodes that are free on the file system.
        inodes_free: Option<u64>,
        /// Inodes that it has in all.
        inodes: Option<u64>,
        /// Inodes that are used of what is asked about.
        inodes_used: Option<u64>,
    }

    /// A volume: an [`FsStats`] with a name.
    VolumeStats {
        /// Its name in the pod.
        name: String,
        /// The claim that it is of, if it is of one.
        pvc_ref: Option<PvcReference>,
        /// When this was measured.
        time: Option<Timestamp>,
        /// Bytes that are free on its file system.
        available_bytes: Option<u64>,
        /// Bytes that its file system has in all.
        capacity_bytes: Option<u64>,
        /// Bytes that the volume uses.
        used_bytes: Option<u64>,
        /// Inodes that are free on its file system.
        inodes_free: Option<u64>,
        /// Inodes that its file system has in all.
        inodes: Option<u64>,
        /// Inodes that the volume uses.
        inodes_used: Option<u64>,
    }

    /// A claim of a volume.
    PvcReference {
        /// Its name.
        name: String,
        /// Its namespace.
        namespace: String,
    }

    /// Processes.
    ProcessStats {
        /// How many there are.
        process_count: Option<u64> = "process_count",
    }
}

/// Why a summary was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// The text is no JSON.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A field does not have the type that it should have.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The text is not one object.
    #[error("a summary is one JSON object, and there are {found}")]
    Count {
        /// How many there are.
        found: usize,
    },
}

impl Summary {
    /// Reads what the kubelet answers at `/stats/summary`.
    ///
    /// # Errors
    /// [`SummaryError`] with the line, the column and the path of the first thing that is wrong.
    pub fn from_json(text: &str) -> Result<Self, SummaryError> {
        match document::read_json(text)?.as_slice() {
            [document] => Ok(document.decode()?),
            documents => Err(SummaryError::Count { found: documents.len() }),
        }
    }
}

impl NodeStats {
    /// The name of the cgroup that has all pods, among the [`system_containers`](Self::system_containers).
    pub const PODS: &'static str = "pods";

    /// The cgroup that has all pods, if it was measured.
    #[must_use]
    pub fn pods_cgroup(&self) -> Option<&ContainerStats> {
        self.system_containers.iter().find(|container| container.name == Self::PODS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYTHING: &str = r#"{
        "node": {
            "nodeName": "worker-1", "startTime": "2025-03-01T08:00:00Z",
            "systemContainers": [{"name": "pods", "startTime": "2025-03-01T08:00:00Z",
                "memory": {"time": "2025-03-01T12:00:00Z", "availableBytes": 7, "workingSetBytes": 3}}],
            "cpu": {"time": "2025-03-01T12:00:00Z", "usageNanoCores": 1, "usageCoreNanoSeconds": 2},
            "memory": {"time": "2025-03-01T12:00:00Z", "availableBytes": 1, "usageBytes": 2, "workingSetBytes": 3,
                "rssBytes": 4, "pageFaults": 5, "majorPageFaults": 6, "psi": {
                    "full": {"total": 1, "avg10": 0.5, "avg60": 0.25, "avg300": 0.125},
                    "some": {"total": 2, "avg10": 1.5, "avg60": 1.25, "avg300": 1.125}}},
            "swap": {"time": "2025-03-01T12:00:00Z", "swapAvailableBytes": 1, "swapUsageBytes": 2},
            "io": {"time": "2025-03-01T12:00:00Z", "psi": {
                "full": {"total": 1, "avg10": 0.5, "avg60": 0.25, "avg300": 0.125},
                "some": {"total": 2, "avg10": 1.5, "avg60": 1.25, "avg300": 1.125}}},
            "fs": {"time": "2025-03-01T12:00:00Z", "availableBytes": 1, "capacityBytes": 2, "usedBytes": 3,
                "inodesFree": 4, "inodes": 5, "inodesUsed": 6},
            "runtime": {"imageFs": {"availableBytes": 1}, "containerFs": {"availableBytes": 2}},
            "rlimit": {"time": "2025-03-01T12:00:00Z", "maxpid": 1, "curproc": 2}},
        "pods": [{
            "podRef": {"name": "web-1", "namespace": "shop", "uid": "u-1"}, "startTime": "2025-03-01T09:00:00Z",
            "containers": [{"name": "app", "rootfs": {"usedBytes": 1}, "logs": {"usedBytes": 2}}],
            "volume": [{"name": "cache", "pvcRef": {"name": "claim", "namespace": "shop"}, "usedBytes": 9,
                "inodesUsed": 8}],
            "ephemeral-storage": {"usedBytes": 12}, "process_stats": {"process_count": 4}}]}"#;

    #[test]
    fn every_field_has_the_name_that_the_kubelet_prints() {
        let summary = Summary::from_json(EVERYTHING).unwrap();
        let printed = serde_json::to_value(&summary).unwrap();
        assert_eq!(printed, serde_json::from_str::<serde_json::Value>(EVERYTHING).unwrap());
    }

    #[test]
    fn null_is_absent_and_unknown_fields_pass() {
        let text = r#"{"node": {"startTime": null, "systemContainers": null, "memory": null, "fs": {"inodes": null},
            "network": {"rxBytes": 1}}, "pods": null, "kind": "Summary"}"#;
        let node = NodeStats { fs: Some(FsStats::default()), ..NodeStats::default() };
        assert_eq!(Summary::from_json(text).unwrap(), Summary { node, pods: Vec::new() });
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, message) in [
            ("", "a summary is one JSON object, and there are 0"),
            ("{} {}", "a summary is one JSON object, and there are 2"),
            ("{\"pods\": tru}", "1:10: "),
            (r#"{"pods": [{"volume": [{"inodesUsed": "7"}]}]}"#, "1:38: pods[0].volume[0].inodesUsed: "),
            (r#"{"node": {"fs": {"time": "yesterday"}}}"#, "1:26: node.fs.time: `yesterday` is no timestamp"),
        ] {
            let error = Summary::from_json(text).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
