//! What a sandbox and a container bear so that whoever lists them knows what they are.
//!
//! The labels are the kubelet's, which `crictl` and log collectors read too. Labels can be filtered by;
//! annotations carry the rest.

/// Label: the pod's name.
pub const POD_NAME_LABEL: &str = "io.kubernetes.pod.name";
/// Label: the pod's namespace.
pub const POD_NAMESPACE_LABEL: &str = "io.kubernetes.pod.namespace";
/// Label: the pod's UID. What does not bear it is not a node's own and is passed over.
pub const POD_UID_LABEL: &str = "io.kubernetes.pod.uid";
/// Label of a container: its name in the pod.
pub const CONTAINER_NAME_LABEL: &str = "io.kubernetes.container.name";
/// Annotation of a container: its attempt, in decimal.
pub const CONTAINER_RESTART_COUNT_ANNOTATION: &str = "io.kubernetes.container.restartCount";
/// Annotation of a container: the [`spec_hash`](crate::container::spec_hash) that it was made from, in
/// hexadecimal.
pub const CONTAINER_HASH_ANNOTATION: &str = "io.kubernetes.container.hash";
/// Annotation of a container, this library's own: what it is for, as
/// [`ContainerKind`](crate::container::ContainerKind) is written: `init`, `sidecar`, `app` or `ephemeral`.
pub const CONTAINER_KIND_ANNOTATION: &str = "node-lifecycle/container-kind";
/// Annotation of a container, this library's own: its restart policy, `Always`, `OnFailure` or `Never`.
pub const CONTAINER_RESTART_POLICY_ANNOTATION: &str = "node-lifecycle/restart-policy";
