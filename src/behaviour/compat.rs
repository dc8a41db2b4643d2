//! The faults of the kubelet that can be copied.

use serde::{Deserialize, Serialize};

/// Where the library copies a fault of the kubelet 1.32 instead of doing the right thing.
///
/// The default is right everywhere; [`Compat::kubelet_1_32`] is the kubelet as it was measured. Each field
/// is one fault, has a row in `docs/kubelet-differences.md` and a test that shows both answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Compat {
    /// Under the restart policy `Never`, containers that finished run a second time when the pod's first
    /// sandbox is found without its record (attempt 0 is made anew).
    ///
    /// Right: a container that finished is not run again.
    pub rerun_finished_containers: bool,
    /// The plan for a deleted pod can create a sandbox and start init or ephemeral containers.
    ///
    /// Right: nothing is started once deletion began.
    pub start_work_for_deleted_pods: bool,
    /// On the way down a sidecar waits for the app containers and for the next sidecar only: when that one
    /// does not run, sidecars further behind are not waited for.
    ///
    /// Right: it waits for every later sidecar that runs.
    pub wait_for_next_sidecar_only: bool,
    /// In a pod with the restart policy `Never` a container's probes end with its instance, also a sidecar's: what
    /// is started in its place counts as started and ready without being asked, until the pod's next sync.
    ///
    /// Right: the container's own policy counts, and another instance is asked whatever the policy.
    pub end_probes_by_pod_policy: bool,
}

impl Compat {
    /// The kubelet of Kubernetes 1.32, as measured.
    #[must_use]
    pub const fn kubelet_1_32() -> Self {
        Self {
            rerun_finished_containers: true,
            start_work_for_deleted_pods: true,
            wait_for_next_sidecar_only: true,
            end_probes_by_pod_policy: true,
        }
    }
}
