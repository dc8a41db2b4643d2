//! Evictions: when a node runs out of something, which pod has to go, and why.

mod admission;
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
