//! Parts of a configuration that are about the node and its pods.

use super::SignedDuration;
use super::wire::wire_structs;
use crate::api::ResourceList;
use crate::machine::Timestamp;

wire_structs! {
    /// Swap for containers (KEP-2400).
    pub struct MemorySwapConfiguration {
        /// `NoSwap` or `LimitedSwap`. Empty: `NoSwap`.
        swap_behavior: String = "swapBehavior",
    }

    /// How containers that crash are restarted (KEP-4603).
    pub struct CrashLoopBackOffConfig {
        /// The longest wait before a restart, from 1 s to 300 s. Needs the gate `KubeletCrashLoopBackOffMax`.
        max_container_restart_period: Option<SignedDuration> = "maxContainerRestartPeriod",
    }

    /// How long pods of a priority have when the node shuts down (KEP-2712).
    pub struct ShutdownGracePeriodByPodPriority {
        /// The lowest priority that this is for.
        priority: i32 = "priority" [always],
        /// Seconds.
        shutdown_grace_period_seconds: i64 = "shutdownGracePeriodSeconds" [always],
    }

    /// Memory of a NUMA node that containers do not get (KEP-1769).
    pub struct MemoryReservation {
        /// The number of the NUMA node.
        numa_node: i32 = "numaNode" [always],
        /// How much of `memory` and of `hugepages-<size>`.
        limits: ResourceList = "limits" [always],
    }

    /// A taint that the node registers with.
    pub struct Taint {
        /// Its key.
        key: String = "key" [always],
        /// Its value.
        value: String = "value",
        /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
        effect: String = "effect" [always],
        /// When it was added. A configuration may not say.
        time_added: Option<Timestamp> = "timeAdded",
    }

    /// The user namespaces of pods (KEP-127).
    pub struct UserNamespaces {
        /// How many ids a pod has: a multiple of 65,536. Default: 65,536. Cannot change while pods run.
        ids_per_pod: Option<i64> = "idsPerPod" [since 33],
    }
}
