//! The Kubernetes objects as a node reads them.
//!
//! [`Pod`] is the v1 Pod with everything that a lifecycle decision reads, [`PodStatus`] what a node says
//! of it, and [`Summary`] what a node measures. They read what `kubectl get pod -o json` prints, what the API
//! server sends, what a manifest contains and what a kubelet answers: unknown fields pass, `null` is as good as
//! absent, and what is malformed is refused with the path of the field.
//!
//! Reading keeps what was said. The defaults that the API server would fill in are a step of their own,
//! [`Pod::apply_defaults`], and so are its rules, [`Pod::validate`]; [`Pod::from_json`] does all three.
//! [`read_pods`] does them for whole manifests: several documents, lists, and the pods of workloads.
//!
//! ```
//! use node_lifecycle::api::Pod;
//!
//! let pod = Pod::from_json(r#"{
//!     "kind": "Pod",
//!     "metadata": {"name": "web", "uid": "5f9f3c7c"},
//!     "spec": {"containers": [{"name": "app", "image": "nginx:1.27"}]}
//! }"#)?;
//! assert_eq!(pod.spec.termination_grace_period_seconds, Some(30));
//!
//! let wrong = Pod::from_json(r#"{"metadata": {"name": "web"}, "spec": {"containers": [{"name": 7}]}}"#);
//! assert_eq!(
//!     wrong.unwrap_err().to_string(),
//!     "spec.containers[0].name: invalid type: integer `7`, expected a string at line 1 column 64"
//! );
//! # Ok::<(), node_lifecycle::api::PodError>(())
//! ```

mod container;
mod defaults;
mod duration;
mod id;
mod manifest;
mod metadata;
mod nullable;
mod pod;
mod probe;
mod quantity;
mod resources;
mod signal;
mod status;
mod summary;
mod validate;
mod volume;

pub use container::{
    Container, ContainerPort, ContainerRestartRule, ExitCodeOperator, ExitCodes, ImagePullPolicy, Protocol,
    ResizePolicy, RestartPolicy, RestartRuleAction, VolumeMount,
};
pub use duration::{GoDuration, ParseDurationError};
pub use id::{ContainerId, SandboxId, Uid};
pub use manifest::{Manifest, ManifestError, ManifestErrors, ManifestPod, Origin, read_pods};
pub use metadata::ObjectMeta;
pub(crate) use nullable::nullable;
pub use pod::{LocalObjectReference, Pod, PodOs, PodReadinessGate, PodSpec, Toleration};
pub use probe::{
    ExecAction, GrpcAction, HttpGetAction, HttpHeader, Lifecycle, LifecycleHandler, Port, Probe, SleepAction,
    TcpSocketAction,
};
pub use quantity::*;
pub(crate) use resources::is_pod_level;
pub use resources::{ResourceList, ResourceRequirements};
pub use signal::{ParseStopSignalError, StopSignal, StopSignalError};
pub use status::{
    ConditionStatus, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus, PodCondition, PodIp, PodPhase, PodResourceClaimStatus, PodStatus, QosClass,
};
pub use summary::{
    ContainerStats, CpuStats, FsStats, IoStats, MemoryStats, NodeStats, PodReference, PodStats, ProcessStats,
    PsiData, PsiStats, PvcReference, RlimitStats, RuntimeStats, Summary, SummaryError, SwapStats,
    VolumeStats,
};
pub(crate) use validate::is_dns_subdomain;
pub use validate::{Invalid, PodError};
pub use volume::{ConfigMapVolume, EmptyDirVolume, GitRepoVolume, HostPathVolume, ImageVolume, Volume};
