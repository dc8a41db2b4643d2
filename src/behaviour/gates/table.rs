//! The table of all feature gates: what a person edits when Kubernetes has a new release.
//!
//! It has every gate that a kubelet from 1.29 to 1.36 accepts, and those that this crate has before a release
//! does. A kubelet registers the gates of all of Kubernetes' parts, not only its own: those of `pkg/features`, of
//! the libraries of the API server and its extensions, of the controller managers, of client-go, and of logging,
//! metrics and the pages of component-base.
//!
//! # A row
//!
//! ```text
//! Name: KEP 1287, in [Kubelet Scheduler], [Alpha 27 off, Beta 33 on, GA 35 on locked], needs [Other], gone 38:
//!     "What it does.";
//! ```
//!
//! - `KEP`: the enhancement proposal that names the gate in its `kep.yaml`, or that the source names beside the
//!   gate. Left out where neither does, and for a gate that collects options of several proposals.
//! - `in`: the parts of Kubernetes whose code asked for the gate in any of these releases. For the kubelet that
//!   is code in `cmd/kubelet`, `pkg/kubelet`, `pkg/credentialprovider`, `pkg/probe`, `pkg/security` and
//!   `pkg/volume`; gates of client-go, logging, metrics and status pages count for each part that registers
//!   them. Where no code asked any more, the parts that the proposal names.
//! - the history: `Stage`, minor release of Kubernetes 1, default, and `locked` if it can't be changed. From 1.29
//!   on it is what the source of each release registers; what the source says of older releases stands before.
//!   A gate that was added to patch releases counts from the minor release that was the first to have it. What
//!   Kubernetes lists as "1.0", how things were before there was a gate, is left out. An empty history is
//!   that of a gate which a proposal names and no release has.
//! - `needs`: the gates that must be on for it, as 1.36 states them (for a gate that 1.36 has not, as 1.35 does).
//! - `gone`: the first release without it.
//!
//! The rows stand in byte order of their names, first those that a decision of this crate reads, then the others.
//! A gate becomes one that is read by moving its row; the rest follows.

use super::info::{Component, FeatureInfo, Maturity, Stage};

macro_rules! gates {
    (
        read { $($read:ident: $(KEP $read_kep:literal,)? in [$($read_in:ident)*],
            [$($read_stage:ident $read_since:literal $read_default:ident $($read_locked:ident)?),*]
            $(, needs [$($read_need:ident)*])? $(, gone $read_gone:literal)?: $read_summary:literal;)* }
        known { $($name:ident: $(KEP $kep:literal,)? in [$($in:ident)*],
            [$($stage:ident $since:literal $default:ident $($locked:ident)?),*]
            $(, needs [$($need:ident)*])? $(, gone $gone:literal)?: $summary:literal;)* }
    ) => {
        /// A feature gate that a decision of this crate reads, by Kubernetes' name.
        ///
        /// The releases are minor releases of Kubernetes 1; `on` and `off` are the defaults.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Feature {
            $(
                #[doc = concat!($read_summary, $(" KEP-", stringify!($read_kep), ".",)?
                    $(" ", stringify!($read_stage), " in ", stringify!($read_since), ", ",
                    stringify!($read_default), $(" and ", stringify!($read_locked),)? ";",)*)]
                $read,
            )*
        }

        impl Feature {
            /// Every gate, in byte order of the names.
            pub const ALL: &'static [Self] = &[$(Self::$read),*];

            /// What is known of it.
            #[must_use]
            pub const fn info(self) -> &'static FeatureInfo {
                match self {
                    $(Self::$read => {
                        const INFO: FeatureInfo = row!($read, Some(Feature::$read), [$($read_kep)?], [$($read_in)*],
                            [$($read_stage $read_since $read_default $($read_locked)?),*],
                            [$($($read_need)*)?], [$($read_gone)?], $read_summary);
                        &INFO
                    })*
                }
            }
        }

        const READ: &[&FeatureInfo] = &[$(Feature::$read.info()),*];
        const KNOWN: &[&FeatureInfo] = &[$(&row!($name, None, [$($kep)?], [$($in)*],
            [$($stage $since $default $($locked)?),*], [$($($need)*)?], [$($gone)?], $summary)),*];
    };
}

macro_rules! row {
    ($name:ident, $feature:expr, [$($kep:literal)?], [$($in:ident)*],
        [$($stage:ident $since:literal $default:ident $($locked:ident)?),*],
        [$($need:ident)*], [$($gone:literal)?], $summary:literal) => {
        FeatureInfo {
            name: stringify!($name),
            feature: $feature,
            kep: row!(@option $($kep)?),
            components: &[$(Component::$in),*],
            history: &[$(Maturity {
                stage: row!(@stage $stage),
                since: $since,
                default: row!(@default $default),
                locked: row!(@locked $($locked)?),
            }),*],
            removed: row!(@option $($gone)?),
            dependencies: &[$(stringify!($need)),*],
            summary: $summary,
        }
    };
    (@option) => { None };
    (@option $value:literal) => { Some($value) };
    (@stage GA) => { Stage::GeneralAvailability };
    (@stage $stage:ident) => { Stage::$stage };
    (@default on) => { true };
    (@default off) => { false };
    (@locked) => { false };
    (@locked locked) => { true };
}

/// All rows, in the byte order of the names.
pub(super) const GATES: &[&FeatureInfo] = &merged::<{ READ.len() + KNOWN.len() }>(READ, KNOWN);

/// The rows of two lists, each of which is in order.
const fn merged<const N: usize>(
    one: &[&'static FeatureInfo],
    other: &[&'static FeatureInfo],
) -> [&'static FeatureInfo; N] {
    let mut all = [one[0]; N];
    let (mut i, mut j) = (0, 0);
    while i + j < N {
        let first = j == other.len() || i < one.len() && precedes(one[i].name, other[j].name);
        (all[i + j], i, j) = if first { (one[i], i + 1, j) } else { (other[j], i, j + 1) };
    }
    all
}

/// Whether a name stands before another in byte order.
const fn precedes(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut i = 0;
    while i < one.len() && i < other.len() {
        if one[i] != other[i] {
            return one[i] < other[i];
        }
        i += 1;
    }
    one.len() < other.len()
}

#[rustfmt::skip]
gates! {
    read {
        AllowOverwriteTerminationGracePeriodSeconds: in [Kubelet], [Deprecated 32 off, Deprecated 35 off locked]:
            "A soft eviction may give a pod more grace than its own spec does.";
        ContainerRestartRules: KEP 5307, in [ApiServer Kubelet], [Alpha 34 off, Beta 35 on]:
            "Containers have a restart policy of their own, and rules by exit code.";
        ContainerStopSignals: KEP 4960, in [ApiServer Kubelet], [Alpha 33 off]:
            "A container names the signal that stops it.";
        CustomCPUCFSQuotaPeriod: in [Kubelet], [Alpha 12 off, GA 36 on]:
            "The period of CPU quotas can be set.";
        ImageMaximumGCAge: KEP 4210, in [Kubelet], [Alpha 29 off, Beta 30 on, GA 35 on locked]:
            "An image that nobody uses for long enough is removed, however much room there is.";
        ImageVolume: KEP 4639, in [ApiServer Kubelet], [Alpha 31 off, Beta 33 off, Beta 35 on, GA 36 on locked]:
            "The content of an image can be mounted as a volume.";
        InPlacePodLevelResourcesVerticalScaling: KEP 5419, in [ApiServer Kubelet Scheduler], [Alpha 35 off, Beta 36 on], needs [InPlacePodVerticalScaling NodeDeclaredFeatures PodLevelResources]:
            "Requests and limits of a pod as a whole can be changed while it runs.";
        InPlacePodVerticalScaling: KEP 1287, in [ApiServer Kubelet Scheduler], [Alpha 27 off, Beta 33 on, GA 35 on locked]:
            "Requests and limits of a running pod can be changed.";
        KubeletCrashLoopBackOffMax: KEP 4603, in [Kubelet], [Alpha 32 off, Beta 35 on]:
            "A node can lower the longest crash-loop back-off.";
        KubeletEnsureSecretPulledImages: KEP 2535, in [Kubelet], [Alpha 33 off, Beta 35 on]:
            "Whoever uses an image that a node has must be allowed to fetch it.";
        KubeletPSI: KEP 4205, in [Kubelet], [Alpha 33 off, Beta 34 on, GA 36 on locked]:
            "Pressure stall information is measured.";
        KubeletSeparateDiskGC: KEP 4191, in [Kubelet], [Alpha 29 off, Beta 31 on]:
            "Writeable layers and images can be on disks of their own.";
        KubeletServiceAccountTokenForCredentialProviders: KEP 4412, in [ApiServer Kubelet], [Alpha 33 off, Beta 34 on]:
            "Credential provider plugins are given a token of the pod's service account.";
        PSINodeCondition: KEP 5394, in [ControllerManager Kubelet Scheduler], []:
            "Conditions of the node say that tasks wait for memory or for disks.";
        PodLevelResources: KEP 2837, in [ApiServer ControllerManager Kubelet Scheduler], [Alpha 32 off, Beta 34 on]:
            "A pod has resource requests and limits of its own.";
        PodObservedGenerationTracking: KEP 5067, in [ApiServer ControllerManager Kubelet Scheduler], [Alpha 33 off, Beta 34 on, GA 35 on locked]:
            "A pod's status says which generation of its spec it is of.";
        PodReadyToStartContainersCondition: KEP 3085, in [Kubelet], [Alpha 28 off, Beta 29 on]:
            "A condition says whether a pod has its sandbox and its network.";
        ReduceDefaultCrashLoopBackOffDecay: KEP 4603, in [Kubelet], [Alpha 33 off]:
            "Crash-loop back-off starts at 1 s and ends at 1 min.";
        RestartAllContainersOnContainerExits: KEP 5532, in [ApiServer Kubelet], [Alpha 35 off, Beta 36 on], needs [ContainerRestartRules NodeDeclaredFeatures]:
            "The exit of one container can restart all containers of its pod.";
        RuntimeClassInImageCriApi: KEP 4216, in [Kubelet], [Alpha 29 off]:
            "An image is pulled, kept and removed for each runtime handler apart.";
        SidecarsRestartableDuringPodTermination: KEP 4438, in [Kubelet], []:
            "A sidecar that ends while its pod goes is restarted as long as it is needed.";
    }
    known {
        APIListChunking: KEP 365, in [ApiServer], [Alpha 8 off, Beta 9 on, GA 29 on locked], gone 33:
            "";
        APIPriorityAndFairness: KEP 1040, in [ApiServer], [Alpha 18 off, Beta 20 on, GA 29 on locked], gone 31:
            "";
        APIResponseCompression: in [ApiServer], [Alpha 8 off, Beta 16 on]:
            "";
        APISelfSubjectReview: KEP 3325, in [ApiServer], [Alpha 26 off, Beta 27 on, GA 28 on locked], gone 30:
            "";
        APIServerIdentity: KEP 1965, in [ApiServer ControllerManager], [Alpha 20 off, Beta 26 on]:
            "";
        APIServerTracing: KEP 647, in [ApiServer], [Alpha 22 off, Beta 27 on, GA 34 on locked]:
            "";
        APIServingWithRoutine: in [ApiServer], [Alpha 30 off]:
            "";
        AdmissionWebhookMatchConditions: KEP 3716, in [ApiServer], [Alpha 27 off, Beta 28 on, GA 30 on locked], gone 33:
            "";
        AggregatedDiscoveryEndpoint: in [ApiServer], [Alpha 26 off, Beta 27 on, GA 30 on locked], gone 33:
            "";
        AggregatedDiscoveryRemoveBetaType: in [ApiServer], [Deprecated 33 on, Deprecated 35 on locked]:
            "";
        AllowDNSOnlyNodeCSR: in [Kubelet], [Deprecated 31 off]:
            "";
        AllowInsecureKubeletCertificateSigningRequests: in [ApiServer], [Deprecated 31 off]:
            "";
        AllowParsingUserUIDFromCertAuth: in [ApiServer], [Beta 33 on]:
            "";
        AllowServiceExternalIPs: KEP 5707, in [KubeProxy], [GA 36 on]:
            "";
        AllowServiceLBStatusOnNonLB: in [ApiServer], [Deprecated 29 off, Deprecated 32 off locked], gone 35:
            "";
        AllowUnsafeMalformedObjectDeletion: KEP 3926, in [ApiServer], [Alpha 32 off]:
            "";
        AnonymousAuthConfigurableEndpoints: KEP 4633, in [ApiServer], [Alpha 31 off, Beta 32 on, GA 34 on locked]:
            "";
        AnyVolumeDataSource: KEP 1495, in [ApiServer], [Alpha 18 off, Beta 24 on, GA 33 on locked]:
            "";
        AppArmor: KEP 24, in [ApiServer Kubelet], [Beta 4 on, GA 31 on locked], gone 33:
            "";
        AppArmorFields: in [ApiServer Kubelet], [Beta 30 on, GA 31 on locked], gone 33:
            "";
        AtomicFIFO: KEP 5647, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Beta 36 on]:
            "";
        AuthorizeNodeWithSelectors: KEP 4601, in [ApiServer], [Alpha 31 off, Beta 32 on, GA 34 on locked], needs [AuthorizeWithSelectors]:
            "";
        AuthorizePodWebsocketUpgradeCreatePermission: KEP 4006, in [ApiServer], [Beta 35 on]:
            "";
        AuthorizeWithSelectors: KEP 4601, in [ApiServer], [Alpha 31 off, Beta 32 on, GA 34 on locked]:
            "";
        BtreeWatchCache: in [ApiServer], [Beta 32 on, GA 33 on locked]:
            "";
        CBORServingAndStorage: KEP 4222, in [ApiServer], [Alpha 32 off]:
            "";
        CPUManager: KEP 3570, in [Kubelet], [Alpha 8 off, Beta 10 on, GA 26 on locked], gone 33:
            "";
        CPUManagerPolicyAlphaOptions: in [Kubelet], [Alpha 23 off]:
            "";
        CPUManagerPolicyBetaOptions: in [Kubelet], [Beta 23 on]:
            "";
        CPUManagerPolicyOptions: KEP 2625, in [Kubelet], [Alpha 22 off, Beta 23 on, GA 33 on locked]:
            "";
        CRDObservedGenerationTracking: KEP 4192, in [ApiServer], [Beta 35 off, Beta 36 on]:
            "";
        CRDValidationRatcheting: KEP 4008, in [ApiServer], [Alpha 28 off, Beta 30 on, GA 33 on locked]:
            "";
        CRIListStreaming: KEP 5825, in [Kubelet], [Alpha 36 off]:
            "";
        CSIMigrationAzureFile: KEP 1885, in [ControllerManager Kubelet], [Alpha 15 off, Beta 21 off, GA 26 on, GA 28 on locked], gone 30:
            "";
        CSIMigrationPortworx: KEP 2589, in [ControllerManager Kubelet Scheduler], [Alpha 23 off, Beta 25 off, Beta 31 on, GA 33 on locked], gone 36:
            "";
        CSIMigrationRBD: in [ControllerManager Kubelet Scheduler], [Alpha 23 off, Deprecated 28 off], gone 31:
            "";
        CSINodeExpandSecret: KEP 3107, in [ApiServer Kubelet], [Alpha 25 off, Beta 27 on, GA 29 on locked], gone 31:
            "";
        CSIServiceAccountTokenSecrets: KEP 5538, in [ApiServer], [Beta 35 on, GA 36 on locked]:
            "";
        CSIVolumeHealth: KEP 1432, in [Kubelet], [Alpha 21 off]:
            "";
        ChangeContainerStatusOnKubeletRestart: KEP 4781, in [Kubelet], [Deprecated 35 off]:
            "";
        ClearingNominatedNodeNameAfterBinding: KEP 5278, in [ApiServer], [Alpha 34 off, Beta 35 on]:
            "";
        ClientsAllowCARotation: in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Beta 36 on]:
            "";
        ClientsAllowCBOR: KEP 4222, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 32 off]:
            "";
        ClientsAllowTLSCacheGC: in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Beta 36 on]:
            "";
        ClientsPreferCBOR: KEP 4222, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 32 off]:
            "";
        CloudControllerManagerWatchBasedRoutesReconciliation: KEP 5237, in [CloudControllerManager], [Alpha 35 off]:
            "";
        CloudControllerManagerWebhook: KEP 2699, in [CloudControllerManager], [Alpha 27 off]:
            "";
        CloudDualStackNodeIPs: KEP 3705, in [Kubelet], [Alpha 27 off, Beta 29 on, GA 30 on locked], gone 32:
            "";
        ClusterTrustBundle: KEP 3257, in [ApiServer ControllerManager], [Alpha 27 off, Beta 33 off]:
            "";
        ClusterTrustBundleProjection: KEP 3257, in [ApiServer Kubelet], [Alpha 29 off, Beta 33 off], needs [ClusterTrustBundle]:
            "";
        ComponentFlagz: KEP 4828, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 32 off, Beta 36 on]:
            "";
        ComponentSLIs: KEP 3466, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 26 off, Beta 27 on, GA 32 on locked], gone 35:
            "";
        ComponentStatusz: KEP 4827, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 32 off, Beta 36 on]:
            "";
        ConcurrentWatchObjectDecode: KEP 6178, in [ApiServer], [Beta 31 off]:
            "";
        ConsistentHTTPGetHandlers: in [Kubelet], [GA 25 on, GA 30 on locked], gone 31:
            "";
        ConsistentListFromCache: KEP 2340, in [ApiServer], [Alpha 28 off, Beta 31 on, GA 34 on locked]:
            "";
        ConstrainedImpersonation: KEP 5284, in [ApiServer], [Alpha 35 off, Beta 36 on]:
            "";
        ContainerCheckpoint: KEP 2008, in [Kubelet], [Alpha 25 off, Beta 30 on]:
            "";
        ContextualLogging: KEP 3077, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 24 off, Beta 30 on]:
            "";
        ControllerManagerReleaseLeaderElectionLockOnExit: KEP 5366, in [ControllerManager], [Alpha 36 off]:
            "";
        CoordinatedLeaderElection: KEP 4355, in [ApiServer ControllerManager Scheduler], [Alpha 31 off, Beta 33 off]:
            "";
        CronJobsScheduledAnnotation: KEP 4026, in [ControllerManager], [Beta 28 on, GA 32 on locked], gone 35:
            "";
        CrossNamespaceVolumeDataSource: KEP 3294, in [ApiServer], [Alpha 26 off]:
            "";
        CustomResourceFieldSelectors: KEP 4358, in [ApiServer], [Alpha 30 off, Beta 31 on, GA 32 on locked]:
            "";
        CustomResourceValidationExpressions: KEP 2876, in [ApiServer], [Alpha 23 off, Beta 25 on, GA 29 on locked], gone 31:
            "";
        DRAAdminAccess: KEP 5018, in [ApiServer ControllerManager Scheduler], [Alpha 32 off, Beta 34 on, GA 36 on locked], needs [DynamicResourceAllocation]:
            "";
        DRAConsumableCapacity: KEP 5075, in [ApiServer ControllerManager Scheduler], [Alpha 34 off, Beta 36 on], needs [DynamicResourceAllocation]:
            "";
        DRAControlPlaneController: KEP 3063, in [ApiServer Scheduler], [Alpha 26 off], gone 32:
            "";
        DRADeviceBindingConditions: KEP 5007, in [ApiServer Scheduler], [Alpha 34 off, Beta 36 on], needs [DRAResourceClaimDeviceStatus DynamicResourceAllocation]:
            "";
        DRADeviceTaintRules: KEP 5055, in [ApiServer ControllerManager Scheduler], [Alpha 35 off, Beta 36 off], needs [DRADeviceTaints]:
            "";
        DRADeviceTaints: KEP 5055, in [ApiServer ControllerManager Scheduler], [Alpha 33 off, Beta 36 on], needs [DynamicResourceAllocation]:
            "";
        DRAExtendedResource: KEP 5004, in [ApiServer Kubelet Scheduler], [Alpha 34 off, Beta 36 on], needs [DynamicResourceAllocation]:
            "";
        DRAListTypeAttributes: KEP 5491, in [ApiServer Scheduler], [Alpha 36 off], needs [DynamicResourceAllocation]:
            "";
        DRANodeAllocatableResources: KEP 5517, in [ApiServer Scheduler], [Alpha 36 off], needs [DynamicResourceAllocation]:
            "";
        DRAPartitionableDevices: KEP 4815, in [ApiServer Scheduler], [Alpha 33 off, Beta 36 on], needs [DynamicResourceAllocation]:
            "";
        DRAPrioritizedList: KEP 4816, in [ApiServer ControllerManager Scheduler], [Alpha 33 off, Beta 34 on, GA 36 on], needs [DynamicResourceAllocation]:
            "";
        DRAResourceClaimDeviceStatus: KEP 4817, in [ApiServer Scheduler], [Alpha 32 off, Beta 33 on]:
            "";
        DRAResourceClaimGranularStatusAuthorization: KEP 4817, in [ApiServer], [Beta 36 on], needs [DRAResourceClaimDeviceStatus DynamicResourceAllocation]:
            "";
        DRAResourcePoolStatus: KEP 5677, in [ApiServer ControllerManager], [Alpha 36 off], needs [DynamicResourceAllocation]:
            "";
        DRASchedulerFilterTimeout: KEP 4381, in [Scheduler], [Beta 34 on], needs [DynamicResourceAllocation]:
            "";
        DRAWorkloadResourceClaims: KEP 5729, in [ApiServer ControllerManager Kubelet Scheduler], [Alpha 36 off], needs [DynamicResourceAllocation GenericWorkload]:
            "";
        DeclarativeValidation: KEP 5073, in [ApiServer], [Beta 33 on, GA 36 on locked]:
            "";
        DeclarativeValidationBeta: KEP 5073, in [ApiServer], [Beta 36 on], needs [DeclarativeValidation]:
            "";
        DeclarativeValidationTakeover: KEP 5073, in [ApiServer], [Beta 33 off, Deprecated 36 off], needs [DeclarativeValidation]:
            "";
        DefaultHostNetworkHostPortsInPodTemplates: in [ApiServer], [Deprecated 28 off], gone 31:
            "";
        DeploymentReplicaSetTerminatingReplicas: KEP 3973, in [ApiServer ControllerManager], [Alpha 33 off, Beta 35 on]:
            "";
        DetectCacheInconsistency: KEP 4988, in [ApiServer], [Beta 34 on]:
            "";
        DevicePluginCDIDevices: KEP 4009, in [Kubelet], [Alpha 28 off, Beta 29 on, GA 31 on locked], gone 34:
            "";
        DisableAllocatorDualWrite: KEP 1880, in [ApiServer], [Alpha 31 off, Beta 33 off, GA 34 on, GA 35 on locked], needs [MultiCIDRServiceAllocator]:
            "";
        DisableCPUQuotaWithExclusiveCPUs: in [Kubelet], [Beta 33 on, Deprecated 36 on]:
            "";
        DisableCloudProviders: KEP 2395, in [ApiServer ControllerManager Kubelet], [Alpha 22 off, Beta 29 on, GA 31 on locked], gone 33:
            "";
        DisableKubeletCloudCredentialProviders: KEP 2395, in [ApiServer Kubelet], [Alpha 23 off, Beta 29 on, GA 31 on locked], gone 33:
            "";
        DisableNodeKubeProxyVersion: KEP 4004, in [Kubelet], [Alpha 29 off, Deprecated 31 off, Deprecated 33 on, Deprecated 36 on locked]:
            "";
        DynamicResourceAllocation: KEP 4381, in [ApiServer ControllerManager Kubelet Scheduler], [Alpha 26 off, Beta 32 off, GA 34 on, GA 35 on locked]:
            "";
        EfficientWatchResumption: KEP 1904, in [ApiServer], [Alpha 20 off, Beta 21 on, GA 24 on locked], gone 33:
            "";
        ElasticIndexedJob: KEP 3715, in [ApiServer], [Beta 27 on, GA 31 on locked], gone 34:
            "";
        EnvFiles: KEP 3721, in [ApiServer Kubelet], [Alpha 34 off, Beta 35 on]:
            "";
        EventedPLEG: KEP 3386, in [Kubelet], [Alpha 26 off]:
            "";
        ExecProbeTimeout: in [Kubelet], [GA 20 on, GA 35 on locked]:
            "";
        ExpandedDNSConfig: KEP 2595, in [ApiServer Kubelet], [Alpha 22 off, Beta 26 on, GA 28 on locked], gone 30:
            "";
        ExperimentalHostUserNamespaceDefaulting: in [Kubelet], [Alpha 5 off, Deprecated 28 off locked], gone 30:
            "";
        ExtendWebSocketsToKubelet: KEP 4006, in [ApiServer Kubelet], [Beta 36 on], needs [NodeDeclaredFeatures]:
            "";
        ExternalServiceAccountTokenSigner: KEP 740, in [ApiServer], [Alpha 32 off, Beta 34 on, GA 36 on locked]:
            "";
        GangScheduling: in [Scheduler], [Alpha 35 off], needs [GenericWorkload]:
            "";
        GenericWorkload: in [ApiServer ControllerManager Scheduler], [Alpha 35 off]:
            "";
        GitRepoVolumeDriver: KEP 5040, in [ApiServer Kubelet], [Deprecated 33 off, Deprecated 36 off locked]:
            "";
        GracefulNodeShutdown: KEP 2000, in [Kubelet], [Alpha 20 off, Beta 21 on]:
            "";
        GracefulNodeShutdownBasedOnPodPriority: KEP 2712, in [Kubelet], [Alpha 23 off, Beta 24 on], needs [GracefulNodeShutdown]:
            "";
        HPAConfigurableTolerance: KEP 4951, in [ApiServer ControllerManager], [Alpha 33 off, Beta 35 on]:
            "";
        HPAContainerMetrics: KEP 1610, in [ApiServer ControllerManager], [Alpha 20 off, Beta 27 on, GA 30 on locked], gone 32:
            "";
        HPAScaleToZero: KEP 2021, in [ApiServer ControllerManager], [Alpha 16 off]:
            "";
        HonorPVReclaimPolicy: KEP 2644, in [ControllerManager], [Alpha 23 off, Beta 31 on, GA 33 on locked], gone 36:
            "";
        HostnameOverride: KEP 4762, in [ApiServer Kubelet], [Alpha 34 off, Beta 35 on]:
            "";
        IPTablesOwnershipCleanup: KEP 3178, in [Kubelet], [Alpha 25 off, Beta 27 on, GA 28 on locked], gone 30:
            "";
        ImageVolumeWithDigest: KEP 5365, in [ApiServer Kubelet], [Alpha 35 off], needs [ImageVolume]:
            "";
        InOrderInformers: in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Beta 33 on, GA 36 on locked]:
            "";
        InOrderInformersBatchProcess: in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Beta 35 on]:
            "";
        InPlacePodVerticalScalingAllocatedStatus: KEP 1287, in [ApiServer Kubelet], [Alpha 32 off, Deprecated 33 off], needs [InPlacePodVerticalScaling], gone 36:
            "";
        InPlacePodVerticalScalingExclusiveCPUs: KEP 5554, in [Kubelet], [Alpha 32 off], needs [InPlacePodVerticalScaling]:
            "";
        InPlacePodVerticalScalingExclusiveMemory: in [Kubelet], [Alpha 34 off], needs [InPlacePodVerticalScaling MemoryManager]:
            "";
        InPlacePodVerticalScalingInitContainers: in [ApiServer Kubelet], [Beta 36 on], needs [InPlacePodVerticalScaling NodeDeclaredFeatures]:
            "";
        InTreePluginAWSUnregister: KEP 1487, in [ControllerManager Kubelet], [Alpha 21 off], gone 31:
            "";
        InTreePluginAzureDiskUnregister: KEP 1490, in [ControllerManager Kubelet], [Alpha 21 off], gone 31:
            "";
        InTreePluginAzureFileUnregister: KEP 1885, in [ControllerManager Kubelet], [Alpha 21 off], gone 31:
            "";
        InTreePluginGCEUnregister: KEP 1488, in [ControllerManager Kubelet], [Alpha 21 off], gone 31:
            "";
        InTreePluginOpenStackUnregister: KEP 1489, in [ControllerManager Kubelet], [Alpha 21 off], gone 31:
            "";
        InTreePluginPortworxUnregister: KEP 2589, in [ControllerManager Kubelet], [Alpha 23 off], gone 36:
            "";
        InTreePluginRBDUnregister: in [ControllerManager Kubelet], [Alpha 23 off, Deprecated 28 off], gone 31:
            "";
        InTreePluginvSphereUnregister: KEP 1491, in [ControllerManager Kubelet], [Alpha 21 off], gone 31:
            "";
        InformerResourceVersion: in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 30 off, GA 35 on]:
            "";
        JobBackoffLimitPerIndex: KEP 3850, in [ApiServer ControllerManager], [Alpha 28 off, Beta 29 on, GA 33 on locked]:
            "";
        JobManagedBy: KEP 4368, in [ApiServer ControllerManager], [Alpha 30 off, Beta 32 on, GA 35 on locked]:
            "";
        JobPodFailurePolicy: KEP 3329, in [ApiServer ControllerManager], [Alpha 25 off, Beta 26 on, GA 31 on locked], gone 33:
            "";
        JobPodReplacementPolicy: KEP 3939, in [ApiServer ControllerManager], [Alpha 28 off, Beta 29 on, GA 34 on locked]:
            "";
        JobReadyPods: KEP 2879, in [ControllerManager], [Alpha 23 off, Beta 24 on, GA 29 on locked], gone 31:
            "";
        JobSuccessPolicy: KEP 3998, in [ApiServer ControllerManager], [Alpha 30 off, Beta 31 on, GA 33 on locked]:
            "";
        KMSv1: KEP 3299, in [ApiServer], [Deprecated 28 on, Deprecated 29 off]:
            "";
        KMSv2: KEP 3299, in [ApiServer], [Alpha 25 off, Beta 27 on, GA 29 on locked], gone 32:
            "";
        KMSv2KDF: KEP 3299, in [ApiServer], [Beta 28 off, GA 29 on locked], gone 32:
            "";
        KubeProxyDrainingTerminatingNodes: KEP 3836, in [KubeProxy], [Alpha 28 off, Beta 30 on, GA 31 on locked], gone 33:
            "";
        KubeletCgroupDriverFromCRI: KEP 4033, in [Kubelet], [Alpha 28 off, Beta 31 on, GA 34 on locked]:
            "";
        KubeletFineGrainedAuthz: KEP 2862, in [ApiServer Kubelet], [Alpha 32 off, Beta 33 on, GA 36 on locked]:
            "";
        KubeletInUserNamespace: KEP 2033, in [Kubelet], [Alpha 22 off]:
            "";
        KubeletPodResources: KEP 606, in [ControllerManager Kubelet], [Alpha 13 off, Beta 15 on, GA 28 on locked], gone 30:
            "";
        KubeletPodResourcesDynamicResources: in [Kubelet], [Alpha 27 off, Beta 34 on, GA 36 on locked]:
            "";
        KubeletPodResourcesGet: KEP 3695, in [Kubelet], [Alpha 27 off, Beta 34 on, GA 36 on locked]:
            "";
        KubeletPodResourcesListUseActivePods: in [Kubelet], [Deprecated 34 on]:
            "";
        KubeletRegistrationGetOnExistsOnly: in [Kubelet], [Deprecated 32 off]:
            "";
        KubeletTracing: KEP 2832, in [Kubelet], [Alpha 25 off, Beta 27 on, GA 34 on locked]:
            "";
        LegacyServiceAccountTokenCleanUp: KEP 2799, in [ApiServer ControllerManager], [Alpha 28 off, Beta 29 on, GA 30 on locked], gone 32:
            "";
        LegacyServiceAccountTokenTracking: KEP 2799, in [ApiServer], [Alpha 26 off, Beta 27 on, GA 28 on locked], gone 30:
            "";
        LegacySidecarContainers: in [Kubelet], [Deprecated 33 off], gone 34:
            "";
        ListFromCacheSnapshot: KEP 4988, in [ApiServer], [Alpha 33 off, Beta 34 on]:
            "";
        LoadBalancerIPMode: KEP 1860, in [ApiServer KubeProxy], [Alpha 29 off, Beta 30 on, GA 32 on locked], gone 35:
            "";
        LocalStorageCapacityIsolationFSQuotaMonitoring: KEP 1029, in [Kubelet], [Alpha 15 off, Beta 31 off]:
            "";
        LogarithmicScaleDown: KEP 2185, in [ControllerManager], [Alpha 21 off, Beta 22 on, GA 31 on locked]:
            "";
        LoggingAlphaOptions: in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 24 off]:
            "";
        LoggingBetaOptions: in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Beta 24 on]:
            "";
        ManifestBasedAdmissionControlConfig: KEP 5793, in [ApiServer], [Alpha 36 off]:
            "";
        MatchLabelKeysInPodAffinity: KEP 3633, in [ApiServer], [Alpha 29 off, Beta 31 on, GA 33 on locked]:
            "";
        MatchLabelKeysInPodTopologySpread: KEP 3243, in [ApiServer Scheduler], [Alpha 25 off, Beta 27 on]:
            "";
        MatchLabelKeysInPodTopologySpreadSelectorMerge: KEP 3243, in [ApiServer], [Beta 34 on], needs [MatchLabelKeysInPodTopologySpread]:
            "";
        MaxUnavailableStatefulSet: KEP 961, in [ApiServer ControllerManager], [Alpha 24 off, Beta 35 off]:
            "";
        MemoryManager: KEP 1769, in [Kubelet], [Alpha 21 off, Beta 22 on, GA 32 on locked], gone 36:
            "";
        MemoryQoS: KEP 2570, in [Kubelet], [Alpha 22 off]:
            "";
        MinDomainsInPodTopologySpread: KEP 3022, in [ApiServer Scheduler], [Alpha 24 off, Beta 25 off, Beta 28 on, GA 30 on locked], gone 32:
            "";
        MinimizeIPTablesRestore: KEP 3453, in [KubeProxy], [Alpha 26 off, Beta 27 on, GA 28 on locked], gone 30:
            "";
        MultiCIDRServiceAllocator: KEP 1880, in [ApiServer ControllerManager KubeProxy], [Alpha 27 off, Beta 31 off, GA 33 on, GA 34 on locked]:
            "";
        MutableCSINodeAllocatableCount: KEP 4876, in [ApiServer Kubelet], [Alpha 33 off, Beta 34 off, Beta 35 on, GA 36 on locked]:
            "";
        MutablePVNodeAffinity: KEP 5381, in [ApiServer], [Alpha 35 off]:
            "";
        MutablePodResourcesForSuspendedJobs: KEP 5440, in [ApiServer], [Alpha 35 off, Beta 36 on]:
            "";
        MutableSchedulingDirectivesForSuspendedJobs: KEP 5440, in [ApiServer ControllerManager], [Alpha 35 off, Beta 36 on]:
            "";
        MutatingAdmissionPolicy: KEP 3962, in [ApiServer], [Alpha 30 off, Beta 34 off, GA 36 on]:
            "";
        NFTablesProxyMode: KEP 3866, in [KubeProxy], [Alpha 29 off, Beta 31 on, GA 33 on locked]:
            "";
        NativeHistograms: KEP 5808, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 36 off]:
            "";
        NewVolumeManagerReconstruction: KEP 3756, in [Kubelet], [Alpha 25 off, Beta 27 off, Beta 28 on, GA 30 on locked], gone 32:
            "";
        NodeDeclaredFeatures: KEP 5328, in [ApiServer Kubelet Scheduler], [Alpha 35 off, Beta 36 on]:
            "";
        NodeInclusionPolicyInPodTopologySpread: KEP 3094, in [ApiServer Scheduler], [Alpha 25 off, Beta 26 on, GA 33 on locked]:
            "";
        NodeLogQuery: KEP 2258, in [Kubelet], [Alpha 27 off, Beta 30 off, GA 36 on locked]:
            "";
        NodeOutOfServiceVolumeDetach: KEP 2268, in [ControllerManager], [Alpha 24 off, Beta 26 on, GA 28 on locked], gone 32:
            "";
        NodeSwap: KEP 2400, in [Kubelet], [Alpha 22 off, Beta 28 off, Beta 30 on, GA 34 on locked]:
            "";
        NominatedNodeNameForExpectation: KEP 5278, in [Scheduler], [Alpha 34 off, Beta 35 on]:
            "";
        OpenAPIEnums: KEP 2887, in [ApiServer], [Alpha 23 off, Beta 24 on]:
            "";
        OpportunisticBatching: KEP 5598, in [Scheduler], [Beta 35 on]:
            "";
        OrderedNamespaceDeletion: KEP 5080, in [ControllerManager], [Beta 30 off, Beta 33 on, GA 34 on locked]:
            "";
        PDBUnhealthyPodEvictionPolicy: KEP 3018, in [ApiServer], [Alpha 26 off, Beta 27 on, GA 31 on locked], gone 33:
            "";
        PLEGOnDemandRelist: in [Kubelet], [Beta 36 on]:
            "";
        PersistentVolumeClaimUnusedSinceTime: KEP 5541, in [ControllerManager], [Alpha 36 off]:
            "";
        PersistentVolumeLastPhaseTransitionTime: KEP 3762, in [ApiServer], [Alpha 28 off, Beta 29 on, GA 31 on locked], gone 33:
            "";
        PodAndContainerStatsFromCRI: KEP 2371, in [Kubelet], [Alpha 23 off]:
            "";
        PodCertificateRequest: KEP 4317, in [ApiServer ControllerManager Kubelet], [Alpha 34 off, Beta 35 off], needs [AuthorizeNodeWithSelectors]:
            "";
        PodDeletionCost: KEP 2255, in [ApiServer ControllerManager], [Alpha 21 off, Beta 22 on]:
            "";
        PodDisruptionConditions: KEP 3329, in [ApiServer ControllerManager Kubelet Scheduler], [Alpha 25 off, Beta 26 on, GA 31 on locked], gone 34:
            "";
        PodHostIPs: KEP 2681, in [ApiServer Kubelet], [Alpha 28 off, Beta 29 on, GA 30 on locked], gone 32:
            "";
        PodIndexLabel: KEP 4017, in [ControllerManager], [Beta 28 on, GA 32 on locked], gone 35:
            "";
        PodLevelResourceManagers: KEP 5526, in [Kubelet], [Alpha 36 off], needs [PodLevelResources]:
            "";
        PodLifecycleSleepAction: KEP 3960, in [ApiServer Kubelet], [Alpha 29 off, Beta 30 on, GA 34 on locked]:
            "";
        PodLifecycleSleepActionAllowZero: KEP 4818, in [ApiServer], [Alpha 32 off, Beta 33 on, GA 34 on locked], needs [PodLifecycleSleepAction]:
            "";
        PodLogsQuerySplitStreams: KEP 3288, in [ApiServer Kubelet], [Alpha 32 off]:
            "";
        PodSchedulingReadiness: KEP 3521, in [ApiServer Scheduler], [Alpha 26 off, Beta 27 on, GA 30 on locked]:
            "";
        PodTopologyLabelsAdmission: KEP 4742, in [ApiServer], [Alpha 33 off, Beta 35 on]:
            "";
        PodsAPI: KEP 4188, in [Kubelet], [Alpha 36 off]:
            "";
        PortForwardWebsockets: KEP 4006, in [ApiServer], [Alpha 30 off, Beta 31 on]:
            "";
        PreferSameTrafficDistribution: KEP 3015, in [ApiServer ControllerManager KubeProxy], [Alpha 33 off, Beta 34 on, GA 35 on locked]:
            "";
        PreventStaticPodAPIReferences: in [Kubelet], [Beta 34 on]:
            "";
        ProbeHostPodSecurityStandards: KEP 4559, in [ApiServer], [GA 34 on locked], gone 35:
            "";
        ProcMountType: KEP 4265, in [ApiServer], [Alpha 12 off, Beta 31 off, Beta 33 on, GA 36 on locked], needs [UserNamespacesSupport]:
            "";
        ProxyTerminatingEndpoints: KEP 1669, in [KubeProxy], [Alpha 22 off, Beta 26 on, GA 28 on locked], gone 30:
            "";
        QOSReserved: in [Kubelet], [Alpha 11 off]:
            "";
        ReadWriteOncePod: KEP 2485, in [ApiServer Kubelet Scheduler], [Alpha 22 off, Beta 27 on, GA 29 on locked], gone 31:
            "";
        RecoverVolumeExpansionFailure: KEP 1790, in [ApiServer ControllerManager Kubelet], [Alpha 23 off, Beta 32 on, GA 34 on locked]:
            "";
        RecursiveReadOnlyMounts: KEP 3857, in [ApiServer Kubelet], [Alpha 30 off, Beta 31 on, GA 33 on locked]:
            "";
        RelaxedDNSSearchValidation: KEP 4427, in [ApiServer], [Alpha 32 off, Beta 33 on, GA 34 on locked]:
            "";
        RelaxedEnvironmentVariableValidation: KEP 4369, in [ApiServer], [Alpha 30 off, Beta 32 on, GA 34 on locked]:
            "";
        RelaxedServiceNameValidation: KEP 5311, in [ApiServer], [Alpha 34 off, Beta 36 on]:
            "";
        ReloadKubeletClientCAFile: in [Kubelet], [Beta 36 on]:
            "";
        ReloadKubeletServerCertificateFile: in [Kubelet], [Beta 31 on]:
            "";
        RemainingItemCount: in [ApiServer], [Alpha 15 off, Beta 16 on, GA 29 on locked], gone 33:
            "";
        RemoteRequestHeaderUID: in [ApiServer], [Alpha 32 off, Beta 33 on]:
            "";
        RemoveSelfLink: KEP 1164, in [ApiServer], [Alpha 16 off, Beta 20 on, GA 24 on locked], gone 30:
            "";
        ResilientWatchCacheInitialization: KEP 4568, in [ApiServer], [Beta 31 on, GA 34 on locked]:
            "";
        ResourceHealthStatus: KEP 4680, in [ApiServer Kubelet], [Alpha 31 off, Beta 36 on], needs [DynamicResourceAllocation]:
            "";
        ResourceHealthStatusMessage: KEP 4680, in [ApiServer Kubelet], [Beta 36 on], needs [ResourceHealthStatus]:
            "";
        RetryGenerateName: KEP 4420, in [ApiServer], [Alpha 30 off, Beta 31 on, GA 32 on locked]:
            "";
        RotateKubeletServerCertificate: in [Kubelet], [Alpha 7 off, Beta 12 on]:
            "";
        SELinuxChangePolicy: KEP 1710, in [ApiServer ControllerManager Kubelet], [Alpha 32 off, Beta 33 on, GA 36 on locked]:
            "";
        SELinuxMount: KEP 1710, in [ApiServer Kubelet], [Alpha 30 off, Beta 33 off]:
            "";
        SELinuxMountReadWriteOncePod: KEP 1710, in [ApiServer Kubelet], [Alpha 25 off, Beta 27 off, Beta 28 on, GA 36 on locked]:
            "";
        SchedulerAsyncAPICalls: KEP 5229, in [Scheduler], [Beta 34 off]:
            "";
        SchedulerAsyncPreemption: KEP 4832, in [Scheduler], [Alpha 32 off, Beta 33 on]:
            "";
        SchedulerPopFromBackoffQ: KEP 5142, in [Scheduler], [Beta 33 on]:
            "";
        SchedulerQueueingHints: KEP 4247, in [Scheduler], [Beta 28 off, Beta 32 on, GA 34 on locked]:
            "";
        SecurityContextDeny: in [ApiServer], [Alpha 28 off], gone 30:
            "";
        SeparateCacheWatchRPC: in [ApiServer], [Beta 28 on, Deprecated 33 off, Deprecated 36 off locked]:
            "";
        SeparateTaintEvictionController: KEP 3902, in [ControllerManager], [Beta 29 on, GA 34 on locked]:
            "";
        ServerSideApply: KEP 555, in [ApiServer], [Alpha 14 off, Beta 16 on, GA 22 on, GA 28 on locked], gone 32:
            "";
        ServerSideFieldValidation: KEP 2885, in [ApiServer], [Alpha 23 off, Beta 24 on, GA 28 on locked], gone 32:
            "";
        ServiceAccountNodeAudienceRestriction: KEP 4412, in [ApiServer], [Beta 32 off, Beta 33 on]:
            "";
        ServiceAccountTokenJTI: KEP 4193, in [ApiServer], [Alpha 29 off, Beta 30 on, GA 32 on locked]:
            "";
        ServiceAccountTokenNodeBinding: KEP 4193, in [ApiServer], [Alpha 29 off, Beta 31 on, GA 33 on locked], needs [ServiceAccountTokenNodeBindingValidation]:
            "";
        ServiceAccountTokenNodeBindingValidation: KEP 4193, in [ApiServer], [Alpha 29 off, Beta 30 on, GA 32 on locked]:
            "";
        ServiceAccountTokenPodNodeInfo: KEP 4193, in [ApiServer], [Alpha 29 off, Beta 30 on, GA 32 on locked]:
            "";
        ServiceCIDRStatusFieldWiping: in [ApiServer], [Deprecated 36 on]:
            "";
        ServiceNodePortStaticSubrange: KEP 3668, in [ApiServer], [Alpha 27 off, Beta 28 on, GA 29 on locked], gone 31:
            "";
        ServiceTrafficDistribution: KEP 4444, in [ApiServer ControllerManager KubeProxy], [Alpha 30 off, Beta 31 on, GA 33 on locked], gone 36:
            "";
        ShardedListAndWatch: KEP 5866, in [ApiServer], [Alpha 36 off]:
            "";
        SidecarContainers: KEP 753, in [ApiServer ControllerManager Kubelet Scheduler], [Alpha 28 off, Beta 29 on, GA 33 on locked]:
            "";
        SizeBasedListCostEstimate: in [ApiServer], [Beta 34 on]:
            "";
        SizeMemoryBackedVolumes: KEP 1967, in [Kubelet], [Alpha 20 off, Beta 22 on, GA 32 on locked], gone 35:
            "";
        SkipReadOnlyValidationGCE: in [ApiServer], [Alpha 26 off, Deprecated 29 on], gone 31:
            "";
        StableLoadBalancerNodeSet: KEP 3458, in [CloudControllerManager], [Beta 27 on, GA 30 on locked], gone 32:
            "";
        StaleControllerConsistencyDaemonSet: KEP 5647, in [ControllerManager], [Beta 36 on], needs [AtomicFIFO]:
            "";
        StaleControllerConsistencyJob: KEP 5647, in [ControllerManager], [Beta 36 on], needs [AtomicFIFO]:
            "";
        StaleControllerConsistencyReplicaSet: KEP 5647, in [ControllerManager], [Beta 36 on], needs [AtomicFIFO]:
            "";
        StaleControllerConsistencyStatefulSet: KEP 5647, in [ControllerManager], [Beta 36 on], needs [AtomicFIFO]:
            "";
        StatefulSetAutoDeletePVC: KEP 1847, in [ApiServer ControllerManager], [Alpha 23 off, Beta 27 on, GA 32 on locked], gone 35:
            "";
        StatefulSetSemanticRevisionComparison: in [ControllerManager], [Beta 34 on]:
            "";
        StatefulSetStartOrdinal: KEP 3335, in [ApiServer ControllerManager], [Alpha 26 off, Beta 27 on, GA 31 on locked], gone 34:
            "";
        StorageCapacityScoring: KEP 4049, in [Scheduler], [Alpha 33 off]:
            "";
        StorageNamespaceIndex: in [ApiServer], [Beta 30 on, Deprecated 33 on]:
            "";
        StorageVersionAPI: KEP 2339, in [ApiServer ControllerManager], [Alpha 20 off], needs [APIServerIdentity]:
            "";
        StorageVersionHash: in [ApiServer], [Alpha 14 off, Beta 15 on]:
            "";
        StorageVersionMigrator: KEP 4192, in [ApiServer ControllerManager], [Alpha 30 off, Beta 35 off]:
            "";
        StreamingCollectionEncodingToJSON: KEP 5116, in [ApiServer], [Beta 33 on, GA 34 on locked]:
            "";
        StreamingCollectionEncodingToProtobuf: KEP 5116, in [ApiServer], [Beta 33 on, GA 34 on locked]:
            "";
        StrictCostEnforcementForVAP: in [ApiServer], [Beta 30 off, GA 32 on locked], gone 35:
            "";
        StrictCostEnforcementForWebhooks: in [ApiServer], [Beta 30 off, GA 32 on locked], gone 35:
            "";
        StrictIPCIDRValidation: KEP 4858, in [ApiServer], [Alpha 33 off, Beta 36 on]:
            "";
        StructuredAuthenticationConfiguration: KEP 3331, in [ApiServer], [Alpha 29 off, Beta 30 on, GA 34 on locked]:
            "";
        StructuredAuthenticationConfigurationEgressSelector: KEP 3331, in [ApiServer], [Beta 34 on], needs [StructuredAuthenticationConfiguration]:
            "";
        StructuredAuthenticationConfigurationJWKSMetrics: KEP 3331, in [ApiServer], [Beta 35 on], needs [StructuredAuthenticationConfiguration]:
            "";
        StructuredAuthorizationConfiguration: KEP 3221, in [ApiServer], [Alpha 29 off, Beta 30 on, GA 32 on locked], gone 36:
            "";
        SupplementalGroupsPolicy: KEP 3619, in [ApiServer Kubelet], [Alpha 31 off, Beta 33 on, GA 35 on locked]:
            "";
        SystemdWatchdog: in [Kubelet], [Beta 32 on, GA 35 on locked]:
            "";
        TaintTolerationComparisonOperators: KEP 5471, in [ApiServer ControllerManager Kubelet Scheduler], [Alpha 35 off]:
            "";
        TokenRequestServiceAccountUIDValidation: in [ApiServer], [Beta 34 on]:
            "";
        TopologyAwareHints: KEP 2433, in [ApiServer ControllerManager KubeProxy], [Alpha 21 off, Beta 23 off, Beta 24 on, GA 33 on locked], gone 36:
            "";
        TopologyAwareWorkloadScheduling: KEP 5732, in [ApiServer Scheduler], [Alpha 36 off], needs [GenericWorkload]:
            "";
        TopologyManagerPolicyAlphaOptions: KEP 3545, in [Kubelet], [Alpha 26 off]:
            "";
        TopologyManagerPolicyBetaOptions: KEP 3545, in [Kubelet], [Beta 26 off, Beta 28 on]:
            "";
        TopologyManagerPolicyOptions: KEP 3545, in [Kubelet], [Alpha 26 off, Beta 28 on, GA 32 on, GA 36 on locked]:
            "";
        TranslateStreamCloseWebsocketRequests: KEP 4006, in [ApiServer], [Alpha 29 off, Beta 30 on]:
            "";
        UnauthenticatedHTTP2DOSMitigation: in [ApiServer], [Beta 25 off, Beta 29 on]:
            "";
        UnknownVersionInteroperabilityProxy: KEP 4020, in [ApiServer], [Alpha 28 off, Beta 36 on], needs [APIServerIdentity]:
            "";
        UnlockWhileProcessingFIFO: KEP 5647, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Beta 36 on]:
            "";
        UserNamespacesHostNetworkSupport: KEP 5607, in [ApiServer], [Alpha 35 off], needs [NodeDeclaredFeatures UserNamespacesSupport]:
            "";
        UserNamespacesPodSecurityStandards: in [ApiServer], [Alpha 29 off], gone 35:
            "";
        UserNamespacesSupport: KEP 127, in [ApiServer Kubelet], [Alpha 25 off, Beta 30 off, Beta 33 on, GA 36 on locked]:
            "";
        ValidatingAdmissionPolicy: KEP 3488, in [ApiServer ControllerManager], [Alpha 26 off, Beta 28 off, GA 30 on locked], gone 32:
            "";
        VolumeAttributesClass: KEP 3751, in [ApiServer ControllerManager Scheduler], [Alpha 29 off, Beta 31 off, GA 34 on, GA 36 on locked]:
            "";
        VolumeCapacityPriority: KEP 1845, in [Scheduler], [Alpha 21 off], gone 33:
            "";
        VolumeLimitScaling: KEP 5030, in [ApiServer Scheduler], [Alpha 35 off]:
            "";
        WatchBookmark: in [ApiServer], [Alpha 15 off, Beta 16 on, GA 17 on locked], gone 33:
            "";
        WatchCacheInitializationPostStartHook: KEP 4568, in [ApiServer], [Beta 31 off, Beta 36 on]:
            "";
        WatchFromStorageWithoutResourceVersion: in [ApiServer], [Beta 27 off, Deprecated 33 off locked], gone 36:
            "";
        WatchList: KEP 3157, in [ApiServer], [Alpha 27 off, Beta 32 on, Beta 33 off, Beta 34 on]:
            "";
        WatchListClient: KEP 3157, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Beta 30 off, Beta 35 on]:
            "";
        WinDSR: KEP 5100, in [KubeProxy], [Alpha 14 off, Beta 33 on, GA 34 on locked]:
            "";
        WinOverlay: KEP 5100, in [KubeProxy], [Alpha 14 off, Beta 20 on, GA 34 on locked]:
            "";
        WindowsCPUAndMemoryAffinity: KEP 4885, in [Kubelet], [Alpha 32 off], needs [MemoryManager]:
            "";
        WindowsGracefulNodeShutdown: KEP 4802, in [Kubelet], [Alpha 32 off, Beta 34 on], needs [GracefulNodeShutdown]:
            "";
        WindowsHostNetwork: KEP 3503, in [Kubelet], [Alpha 26 off, Deprecated 33 off]:
            "";
        WorkloadAwarePreemption: KEP 5710, in [ApiServer Scheduler], [Alpha 36 off], needs [GangScheduling]:
            "";
        WorkloadWithJob: KEP 5547, in [ApiServer ControllerManager], [Alpha 36 off], needs [GenericWorkload]:
            "";
        ZeroLimitedNominalConcurrencyShares: in [ApiServer], [Beta 29 off, GA 30 on locked], gone 32:
            "";
    }
}
