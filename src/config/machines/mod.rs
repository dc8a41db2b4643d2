//! From a configuration to the settings of machines: each in one place.

mod error;
mod images;
mod pods;
mod reading;
#[cfg(test)]
mod tests;

pub use error::{ConfigConversionError, ConfigConversionErrors};

use super::{Host, KubeletConfiguration};
use crate::behaviour::{Behaviour, Compat, FeatureGates, GateRegistry};
use crate::container::CrashLoopSettings;
use crate::eviction::{EvictionConfig, EvictionSettings, ThresholdNotice};
use crate::image::{ImageGcConfig, ImageGcPolicy, PullConfig, Verification, VerificationPolicy};
use crate::pod::{LifecycleSettings, PodCgroupSettings, PodsSettings, ResizeNode, WorkerSettings};
use crate::runtime::NodeSettings;
use reading::Reading;

/// What the machines of a node are made from, as its configuration has it.
///
/// [`of`](Self::of) makes all of it, for one host; each part by itself is `try_from` a [`KubeletConfiguration`], for
/// a Linux with cgroup v2, the gates of Kubernetes 1.32 and the newer ones of this crate, and nothing copied of the
/// kubelet's faults. What is unset has its default; the defaults need not be applied before. What a machine is made
/// from beside the configuration has the default of its settings.
///
/// | settings | fields |
/// |---|---|
/// | [`Behaviour`], [`FeatureGates`] | `featureGates` |
/// | [`EvictionConfig`], [`EvictionSettings`] | `evictionHard`, `evictionSoft`, `evictionSoftGracePeriod`, `evictionMinimumReclaim`, `evictionPressureTransitionPeriod`, `evictionMaxPodGracePeriod`, `mergeDefaultEvictionSettings`, `enforceNodeAllocatable`, `localStorageCapacityIsolation` |
/// | [`ImageGcConfig`], its [`ImageGcPolicy`] | `imageGCHighThresholdPercent`, `imageGCLowThresholdPercent`, `imageMinimumGCAge`, `imageMaximumGCAge`; `runtimeRequestTimeout` |
/// | [`PullConfig`] | `serializeImagePulls`, `maxParallelImagePulls`, `registryPullQPS`, `registryBurst`, `runtimeRequestTimeout` |
/// | [`Verification`], its [`VerificationPolicy`] | `imagePullCredentialsVerificationPolicy`, `preloadedImagesVerificationAllowlist`; `featureGates` |
/// | [`PodsSettings`] | `syncFrequency`; what [`LifecycleSettings`] have |
/// | [`LifecycleSettings`], [`WorkerSettings`] | `runtimeRequestTimeout`; what [`CrashLoopSettings`] have |
/// | [`CrashLoopSettings`] | `crashLoopBackOff.maxContainerRestartPeriod`, `featureGates` |
/// | [`NodeSettings`] | `podLogsDir`, `cpuCFSQuota`, `cpuCFSQuotaPeriod`, `singleProcessOOMKill` |
/// | [`PodCgroupSettings`] | `cpuCFSQuota`, `cpuCFSQuotaPeriod`, `podPidsLimit` |
/// | [`ResizeNode`] | `cpuManagerPolicy`, `memoryManagerPolicy` |
/// | `DriverSettings` (feature `driver`) | `runtimeRequestTimeout`; what [`NodeSettings`] have |
///
/// `docs/configuration-fields.md` has it by field, and those that no machine reads.
///
/// ```
/// use node_lifecycle::behaviour::Compat;
/// use node_lifecycle::config::{Host, KubeletConfiguration, MachineSettings};
/// use node_lifecycle::image::PullConfig;
///
/// let config: KubeletConfiguration = serde_json::from_str(
///     r#"{"maxParallelImagePulls": 3, "registryPullQPS": 0, "evictionHard": {"memory.available": "1Gi"}}"#,
/// )?;
/// let machines = MachineSettings::of(&config, &Host::default(), Compat::default())?;
/// assert_eq!(machines.pulls.max_parallel.map(u32::from), Some(3));
/// assert_eq!(machines.pulls.rate_limit, None);
/// assert_eq!(machines.eviction.thresholds.last().unwrap().to_string(), "memory.available<1Gi");
/// assert_eq!(PullConfig::try_from(&config)?, machines.pulls);
///
/// let config: KubeletConfiguration = serde_json::from_str(
///     r#"{"syncFrequency": "-1s", "registryBurst": -5, "evictionHard": {"memory.available": "150%"}}"#,
/// )?;
/// assert_eq!(
///     MachineSettings::of(&config, &Host::default(), Compat::default()).unwrap_err().to_string(),
///     "evictionHard[memory.available]: `150%` is above 100%: expected 0% to 100%\n\
///      registryBurst: -5 is negative: expected 0 or more\n\
///      syncFrequency: -1s is negative: expected 0s or more"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MachineSettings {
    /// Which gates are on, and what is copied of the kubelet.
    pub behaviour: Behaviour,
    /// For [`eviction::Manager`](crate::eviction::Manager).
    pub eviction: EvictionConfig,
    /// What is worth telling whoever wrote the thresholds.
    pub eviction_notices: Vec<ThresholdNotice>,
    /// For [`image::ImageGc`](crate::image::ImageGc).
    pub image_gc: ImageGcConfig,
    /// For [`image::Puller`](crate::image::Puller).
    pub pulls: PullConfig,
    /// Who has to prove that it may use an image that is there.
    pub verification: Verification,
    /// For [`pod::Pods`](crate::pod::Pods).
    pub pods: PodsSettings,
    /// For [`runtime::container_config`](crate::runtime::container_config). The node's memory is the host's.
    pub node: NodeSettings,
    /// For [`pod::pod_cgroup`](crate::pod::pod_cgroup).
    pub pod_cgroup: PodCgroupSettings,
    /// For [`pod::resize`](crate::pod::resize()): what it has to know beside what the node has.
    pub resize: ResizeNode<'static>,
}

impl MachineSettings {
    /// What the machines of a host are made from, with the gates that its agent knows.
    ///
    /// Only what would keep a machine from being made, or from doing what the field says, is refused here:
    /// [`KubeletConfiguration::check`] says this and more.
    ///
    /// # Errors
    /// Everything that is wrong, each with its field.
    pub fn of(
        config: &KubeletConfiguration,
        host: &Host,
        compat: Compat,
    ) -> Result<Self, ConfigConversionErrors> {
        Reading::of(config, host, compat).finish(Reading::everything)
    }

    /// As [`of`](Self::of), with defaults for what is wrong.
    pub(super) fn with_errors(
        config: &KubeletConfiguration,
        host: &Host,
        compat: Compat,
    ) -> (Self, Vec<ConfigConversionError>) {
        Reading::of(config, host, compat).finish_anyway(Reading::everything)
    }

    /// What a driver runs with.
    #[cfg(feature = "driver")]
    #[cfg_attr(docsrs, doc(cfg(feature = "driver")))]
    #[must_use]
    pub fn driver(&self) -> crate::driver::DriverSettings {
        crate::driver::DriverSettings {
            call_timeout: self.pods.lifecycle.worker.operation_timeout,
            node: self.node.clone(),
            ..crate::driver::DriverSettings::default()
        }
    }
}

impl Reading<'_> {
    fn everything(&mut self) -> MachineSettings {
        let behaviour = self.behaviour();
        let (eviction, eviction_notices) = self.eviction_with_notices();
        MachineSettings {
            behaviour,
            eviction,
            eviction_notices,
            image_gc: self.image_gc(),
            pulls: self.pulls(),
            verification: self.verification(),
            pods: self.pods(),
            node: self.node(),
            pod_cgroup: self.pod_cgroup(),
            resize: self.resize(),
        }
    }
}

macro_rules! read_from_configurations {
    ($($(#[$attribute:meta])* $read:ident: $settings:ty;)*) => {$(
        $(#[$attribute])*
        impl TryFrom<&KubeletConfiguration> for $settings {
            type Error = ConfigConversionErrors;
            /// See [`MachineSettings`].
            fn try_from(config: &KubeletConfiguration) -> Result<Self, ConfigConversionErrors> {
                let host = Host { gates: GateRegistry::default().with_newer(), ..Host::default() };
                Reading::of(config, &host, Compat::default()).finish(Reading::$read)
            }
        }
    )*};
}

read_from_configurations! {
    everything: MachineSettings;
    behaviour: Behaviour;
    gates: FeatureGates;
    eviction: EvictionConfig;
    eviction_settings: EvictionSettings;
    image_gc: ImageGcConfig;
    image_gc_policy: ImageGcPolicy;
    pulls: PullConfig;
    verification: Verification;
    verification_policy: VerificationPolicy;
    pods: PodsSettings;
    lifecycle: LifecycleSettings;
    worker: WorkerSettings;
    crash_loop: CrashLoopSettings;
    node: NodeSettings;
    pod_cgroup: PodCgroupSettings;
    resize: ResizeNode<'static>;
    #[cfg(feature = "driver")]
    #[cfg_attr(docsrs, doc(cfg(feature = "driver")))]
    driver: crate::driver::DriverSettings;
}
