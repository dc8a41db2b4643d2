//! Evictions: when a node runs out of something, which pod has to go, and why.
//!
//! * [`EvictionSettings`] are what a kubelet's configuration says of evictions, [`EvictionConfig`] what comes of it: the
//!   [`Threshold`]s and the pace.
//! * [`Observation`] is a node at one instant: what it has left ([`Levels`]), how its disks are laid out
//!   ([`DiskLayout`]), its pods and what they use. [`Observation::from_summary`] reads it from the kubelet's Summary API.
//! * [`Manager`] is the machine: conditions, grace periods, what can be freed first, and one pod at a time.
//! * [`Explanation`] says why a tick came out as it did; [`explain`] does that for one observation, beforehand.
//! * [`rank`] is the order in which pods go, [`local_storage_violation`] a pod's own limits, [`admit`] who may come while
//!   a node is under pressure, [`preemption`] who makes room for a critical pod.
//! * [`forecast`] says what happens if things go on as they do; [`contention`] and [`PsiConditions`] tell by pressure
//!   stall information when tasks wait too long.
//!
//! ```
//! use std::sync::Arc;
//! use node_lifecycle::api::{Pod, Summary};
//! use node_lifecycle::behaviour::Behaviour;
//! use node_lifecycle::eviction::{DiskLayout, EvictionConfig, Observation, explain};
//!
//! let summary = Summary::from_json(r#"{
//!     "node": {"nodeName": "n1", "memory": {"availableBytes": 83886080, "workingSetBytes": 8506048512}},
//!     "pods": [{"podRef": {"name": "web", "namespace": "shop", "uid": "1"},
//!         "memory": {"workingSetBytes": 2147483648}, "containers": []}]}"#)?;
//! let pod = Pod::from_json(r#"{"metadata": {"name": "web", "namespace": "shop", "uid": "1"},
//!     "spec": {"nodeName": "n1", "containers": [{"name": "app", "image": "app:1"}]}}"#)?;
//!
//! let behaviour = Arc::new(Behaviour::default());
//! let (observation, _) = Observation::from_summary(&summary, DiskLayout::One, [&pod], &behaviour);
//! let now = "2025-03-01T12:00:00Z".parse()?;
//! let explanation = explain(EvictionConfig::default(), behaviour, &Arc::new(observation), now)?.unwrap();
//! assert_eq!(&*explanation.evicted[0].pod.name, "web");
//! assert!(explanation.to_string().contains("Nobody would have had to go if 20Mi more of memory had been left."));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod admission;
mod amount;
mod config;
mod containerfs;
mod explanation;
mod forecast;
mod layout;
mod level;
mod limits;
mod manager;
mod observation;
mod pod;
mod preemption;
mod psi;
mod rank;
mod rates;
mod settings;
mod signal;
mod stats;
mod summary;
mod threshold;

pub use admission::{Rejection, admit};
pub use amount::Amount;
pub use config::{EvictionConfig, EvictionConfigError};
pub use containerfs::LayoutThresholds;
pub use explanation::{
    EvictedExplanation, Explanation, LimitExplanation, Otherwise, PodName, RankedName, Ranking,
    ReclaimExplanation, Sight, Step, StepExplanation, ThresholdExplanation, ThresholdState, explain,
};
pub use forecast::{Crossing, Forecast, Victim, forecast};
pub use layout::{DiskLayout, DiskUsageKinds, Disks};
pub use level::{Level, Levels};
pub use limits::{LimitExceeded, exceeded_limits, local_storage_violation};
pub use manager::{
    Action, Event, Eviction, EvictionAnnotations, Manager, ManagerSnapshot, NodeReclaim, Note, Outcome,
};
pub use observation::{DiskUsage, Observation, ObservedPod, PodUsage};
pub use pod::{EvictionContainer, EvictionPod, EvictionVolume};
pub use preemption::{
    AdmissionFailure, PreemptionError, Recovery, RecoveryError, Requirement, pods_to_preempt, preemption,
    recover_admission,
};
pub use psi::{
    Contention, ContentionPressure, ContentionVerdict, Psi, PsiConditions, PsiConfig, PsiConfigError,
    PsiObservation, contention,
};
pub use rank::{DiskResource, RankBy, RankKey, RankedPod, first_in_rank, rank, rank_into};
pub use rates::{ContainerRates, FsRates, PodRates, Rate, Rates};
pub use settings::{
    EvictionSettings, Platform, ThresholdError, ThresholdErrors, ThresholdField, ThresholdNotice,
    ThresholdProblem,
};
pub use signal::{Filesystem, ParseSignalError, Pressure, Pressures, Resource, Signal};
pub use stats::{ContainerStats, FsUsage, PodStats, VolumeStats};
pub use summary::SummaryReport;
pub use threshold::{Threshold, ThresholdValue};
