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
    /// In the garbage collection of containers a removal that failed counts as done.
    ///
    /// Right: it frees nothing, and the next candidate is tried.
    pub count_failed_removals: bool,
    /// The grace periods of a container's own probes are not kept with it, so that they are lost once its pod is
    /// not known any more.
    ///
    /// Right: they are kept as the pod's is.
    pub forget_probe_grace: bool,
    /// Under the restart policy `Never`, containers that finished run a second time when the pod's first
    /// sandbox is found without its record (attempt 0 is made anew).
    ///
    /// Right: a container that finished is not run again.
    pub rerun_finished_containers: bool,
    /// A pod with the restart policy `Never` whose sandbox is lost gets no other one as soon as one of its containers
    /// was made, though none may ever have run: it stays `Pending`, without an end (issue 118321).
    ///
    /// Right: app containers that have never run are started in a new sandbox. What has finished does not run again,
    /// init containers included, and an init container that has failed fails the pod.
    pub keep_never_pods_without_sandbox: bool,
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
    /// A pod's deletion with a grace period of zero is forgotten where someone on the node asks for one as well:
    /// that one counts, even where it is longer than what the pod was given before.
    ///
    /// Right: the least that anybody asked for counts, and a grace period only shrinks.
    pub forget_zero_grace: bool,
    /// When no source wants a pod any more while it is being brought up, that goes on until it comes back by
    /// itself, however long it takes.
    ///
    /// Right: it is given up, as for a pod that is deleted.
    pub wait_for_sync_of_orphans: bool,
    /// A static pod that waits for its full name is looked at again only at its retry, some ten seconds after the
    /// name is free; and one that was forgotten while it waited has its old place when it comes back.
    ///
    /// Right: the next in line is looked at as soon as the name is free, in the order in which they came.
    pub static_pods_wait_for_retry: bool,
    /// A pod stays terminating for as long as the call that stops its containers fails, even if the runtime was
    /// asked since that call began and has nothing of the pod that runs.
    ///
    /// Right: what is gone has stopped.
    pub retry_termination_of_gone_pods: bool,
    /// Whoever kills a pod and asks to be told when its containers have stopped is not told where the pod was never
    /// let through, is known from the runtime only, or has finished already.
    ///
    /// Right: every kill is answered.
    pub drop_completion_notices: bool,
    /// A static pod that the runtime has, that goes, and that was never let through, counts as finished as soon as
    /// its source describes it, though its containers may run.
    ///
    /// Right: they are stopped first.
    pub finish_observed_static_pods: bool,
    /// Under the restart policies `Never` and `OnFailure`, the status of a sidecar that waits to be started
    /// again says how it ended, and not that it waits and for what.
    ///
    /// Right: a sidecar is started again whatever the pod's policy, so it waits.
    pub hide_sidecar_back_off: bool,
    /// A pod's phase is computed before it is known which of its containers have started, so that no sidecar has:
    /// a pod whose only app container waits to be restarted is `Pending`, though it has been `Running`.
    ///
    /// Right: a sidecar that has started has started.
    pub compute_phase_before_startup: bool,
    /// A status whose phase is not terminal, or is the other terminal one, replaces a terminal phase, in the
    /// cache of statuses and in what is sent.
    ///
    /// Right: a terminal phase is for ever. (Static pods aside, which begin anew under the same identity.)
    pub leave_terminal_phases: bool,
    /// The look for a `Ready` condition that is outdated leaves out the init containers' statuses, so that a
    /// pod with sidecars and readiness gates seems outdated for ever.
    ///
    /// Right: sidecars are looked at like app containers.
    pub reconcile_readiness_without_sidecars: bool,
    /// Under the restart policies `Never` and `OnFailure`, no status may follow one that has an init container
    /// where the spec has none or another one: one stray status, and the pod's is never updated again.
    ///
    /// Right: init containers are found by name, and what the spec does not have holds nothing up.
    pub refuse_after_unknown_init_container: bool,
    /// When a pod ends, whether its app containers had been started is asked of the API server's status only,
    /// which may not have it yet; they stay waiting then, in a pod that has failed.
    ///
    /// Right: what the node knows itself counts as well.
    pub judge_ended_pods_by_api_only: bool,
    /// When inodes run out, the last thing that pods are ranked by is their number of inodes less the bytes of local
    /// disk that they request.
    ///
    /// Right: nothing is taken off, for nobody can request inodes.
    pub rank_inodes_less_bytes: bool,
    /// Pods that rank equal for an eviction are left in the order in which the node has them.
    ///
    /// Right: they are ordered by UID, so that the order of a list decides nothing.
    pub rank_ties_as_listed: bool,
    /// In the settings of evictions a percentage is read as Go reads a number, behind any number of `%`: `nan%`,
    /// `7%%`, `0x1p3%` and `1_0%` are taken, and a threshold that is no number is never met.
    ///
    /// Right: it is a decimal number and one `%`, and anything else is refused.
    pub accept_malformed_percentages: bool,
    /// In evictions, when the runtime does not say whether images have a disk of their own, the tick is over, memory
    /// included; when it does not say whether writeable layers have, the answer is no for good; and where they have,
    /// with the gate `KubeletSeparateDiskGC` off, an error is said once and no pod is evicted for any threshold again.
    ///
    /// Right: what is not known of disks is asked again and said at each tick, and other signals go on.
    pub need_disk_layout: bool,
    /// Thresholds of `containerfs` that follow from those of another file system count from the tick after the one
    /// in which the layout of the disks became known.
    ///
    /// Right: they count at once.
    pub derive_containerfs_late: bool,
    /// A threshold whose signal is not observed counts as unmet: its grace period begins anew.
    ///
    /// Right: it stays as it was, and drives no eviction.
    pub forget_unobserved_thresholds: bool,
    /// With a transition period of zero no pressure is ever reported.
    ///
    /// Right: it is reported for as long as it lasts.
    pub hide_pressure_without_transition: bool,
    /// After a node has freed what no pod needs, a pod is evicted unless every threshold is unmet by then, whatever it
    /// is of and however old its measurement; and where the node could not be observed, one is evicted all the same.
    ///
    /// Right: each threshold is judged for itself and by a later measurement; where there is none, the next tick says.
    pub check_every_threshold: bool,
    /// An eviction that was refused counts: its pod's end is waited for.
    ///
    /// Right: it does not, and the next tick chooses again.
    pub count_refused_evictions: bool,
    /// Since when thresholds have been met, and which conditions still hold, is forgotten when the agent restarts.
    ///
    /// Right: it is part of the snapshot.
    pub forget_eviction_state: bool,
    /// How long a pull is not tried again goes by the pod and the image as written; a success does not end it, and a pull
    /// that the node's own rate limit holds up has failed and adds to it.
    ///
    /// Right: it goes by image and credentials, and ends with a success; a pull that is held up waits for the next
    /// token.
    pub keep_pull_back_off: bool,
    /// Images are pulled in the order in which they were asked for, whoever needs them.
    ///
    /// Right: what is urgent goes first, and every fourth pull is that of whoever has waited longest.
    pub pull_in_order_of_arrival: bool,
    /// Since when images are there, and when they were last used, is forgotten when the agent restarts; the maximum age
    /// of images starts anew.
    ///
    /// Right: it is part of the snapshot.
    pub forget_image_ages: bool,
    /// Towards the maximum age of images only their last use counts: one that was never used is too old as soon as the
    /// agent has run that long, and the minimum age does not hold.
    ///
    /// Right: an image's age counts from when it was first seen or last used, whichever is later, and the minimum age
    /// holds.
    pub age_by_last_use_only: bool,
    /// When an image could not be removed that had reached its maximum age, the disk is not looked at.
    ///
    /// Right: it is.
    pub skip_disk_after_failed_age: bool,
    /// When a disk has reached its high threshold and there is room down to the low one all the same, because both are
    /// the same and percentages are whole numbers, one image goes.
    ///
    /// Right: none does.
    pub remove_an_image_for_nothing: bool,
    /// The path of a pull secret is a plain beginning: credentials for `team` are tried for `teamx` too.
    ///
    /// Right: it covers whole segments, itself and what is below it.
    pub match_pull_secrets_by_prefix: bool,
    /// One entry of one pull secret that cannot be read fails all pull secrets of the pod, and so its pulls.
    ///
    /// Right: that entry is left out, and said.
    pub fail_on_bad_pull_secret: bool,
    /// In a node's configuration, a drop-in's fields are passed over that do not exist, and so are those of the base, of
    /// which keys may stand twice too: the last one counts.
    ///
    /// Right: they are errors, with the place and the nearest name that exists.
    pub accept_unknown_fields: bool,
    /// In a drop-in of a node's configuration the case of a field's name does not matter; of several that differ in their
    /// case only, the last one by the order of bytes counts.
    ///
    /// Right: it matters.
    pub match_any_case: bool,
    /// An empty list or map in the base of a node's configuration is forgotten as soon as there is a folder of drop-ins:
    /// it has its default.
    ///
    /// Right: it is empty.
    pub forget_empty_settings: bool,
    /// Of a file of a node's configuration only the first document counts, and what follows is not even looked at.
    ///
    /// Right: a second document is an error.
    pub ignore_later_documents: bool,
}

impl Compat {
    /// The kubelet of Kubernetes 1.32, as measured.
    #[must_use]
    pub const fn kubelet_1_32() -> Self {
        Self {
            count_failed_removals: true,
            forget_probe_grace: true,
            rerun_finished_containers: true,
            keep_never_pods_without_sandbox: true,
            start_work_for_deleted_pods: true,
            wait_for_next_sidecar_only: true,
            end_probes_by_pod_policy: true,
            forget_zero_grace: true,
            wait_for_sync_of_orphans: true,
            static_pods_wait_for_retry: true,
            retry_termination_of_gone_pods: true,
            drop_completion_notices: true,
            finish_observed_static_pods: true,
            hide_sidecar_back_off: true,
            compute_phase_before_startup: true,
            leave_terminal_phases: true,
            reconcile_readiness_without_sidecars: true,
            refuse_after_unknown_init_container: true,
            judge_ended_pods_by_api_only: true,
            rank_inodes_less_bytes: true,
            rank_ties_as_listed: true,
            accept_malformed_percentages: true,
            need_disk_layout: true,
            derive_containerfs_late: true,
            forget_unobserved_thresholds: true,
            hide_pressure_without_transition: true,
            check_every_threshold: true,
            count_refused_evictions: true,
            forget_eviction_state: true,
            keep_pull_back_off: true,
            pull_in_order_of_arrival: true,
            forget_image_ages: true,
            age_by_last_use_only: true,
            skip_disk_after_failed_age: true,
            remove_an_image_for_nothing: true,
            match_pull_secrets_by_prefix: true,
            fail_on_bad_pull_secret: true,
            accept_unknown_fields: true,
            match_any_case: true,
            forget_empty_settings: true,
            ignore_later_documents: true,
        }
    }
}
