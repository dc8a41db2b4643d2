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
//!   A gate that was added to patch releases counts from the minor release that was the first to have it, and a
//!   default that patch releases changed is as the last of them had it. What Kubernetes lists as "1.0", how things
//!   were before there was a gate, is left out. An empty history is that of a gate which a proposal names and no
//!   release has.
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
pub(super) static GATES: &[&FeatureInfo] = &merged::<{ READ.len() + KNOWN.len() }>(READ, KNOWN);

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
            "A list can be fetched from the API server in chunks.";
        APIPriorityAndFairness: KEP 1040, in [ApiServer], [Alpha 18 off, Beta 20 on, GA 29 on locked], gone 31:
            "The API server queues requests fairly, by priority.";
        APIResponseCompression: in [ApiServer], [Alpha 8 off, Beta 16 on]:
            "Answers to reads of the API are compressed.";
        APISelfSubjectReview: KEP 3325, in [ApiServer], [Alpha 26 off, Beta 27 on, GA 28 on locked], gone 30:
            "A client can ask the API server who it is.";
        APIServerIdentity: KEP 1965, in [ApiServer ControllerManager], [Alpha 20 off, Beta 26 on]:
            "Each API server of a cluster has a lease with its identity.";
        APIServerTracing: KEP 647, in [ApiServer], [Alpha 22 off, Beta 27 on, GA 34 on locked]:
            "The API server exports traces.";
        APIServingWithRoutine: in [ApiServer], [Alpha 30 off]:
            "Watches are served in goroutines of their own.";
        AdmissionWebhookMatchConditions: KEP 3716, in [ApiServer], [Alpha 27 off, Beta 28 on, GA 30 on locked], gone 33:
            "Admission webhooks have conditions in CEL for what they are asked.";
        AggregatedDiscoveryEndpoint: in [ApiServer], [Alpha 26 off, Beta 27 on, GA 30 on locked], gone 33:
            "One endpoint lists all resources of the API, with entity tags.";
        AggregatedDiscoveryRemoveBetaType: in [ApiServer], [Deprecated 33 on, Deprecated 35 on locked]:
            "Discovery no longer answers in its v2beta1 form.";
        AllowDNSOnlyNodeCSR: in [Kubelet], [Deprecated 31 off]:
            "A kubelet may ask for a certificate that has DNS names and no address.";
        AllowInsecureKubeletCertificateSigningRequests: in [ApiServer], [Deprecated 31 off]:
            "Certificate requests of kubelets are admitted whatever node they name.";
        AllowParsingUserUIDFromCertAuth: in [ApiServer], [Beta 33 on]:
            "The UID of a user is read from its client certificate.";
        AllowServiceExternalIPs: KEP 5707, in [KubeProxy], [GA 36 on]:
            "kube-proxy serves the external addresses of services.";
        AllowServiceLBStatusOnNonLB: in [ApiServer], [Deprecated 29 off, Deprecated 32 off locked], gone 35:
            "Services that are no load balancers may have a load balancer's status.";
        AllowUnsafeMalformedObjectDeletion: KEP 3926, in [ApiServer], [Alpha 32 off]:
            "Objects in storage that can't be read can be deleted.";
        AnonymousAuthConfigurableEndpoints: KEP 4633, in [ApiServer], [Alpha 31 off, Beta 32 on, GA 34 on locked]:
            "Anonymous requests can be confined to some endpoints.";
        AnyVolumeDataSource: KEP 1495, in [ApiServer], [Alpha 18 off, Beta 24 on, GA 33 on locked]:
            "Any kind of object can be the source of a volume's data.";
        AppArmor: KEP 24, in [ApiServer Kubelet], [Beta 4 on, GA 31 on locked], gone 33:
            "Containers run under AppArmor profiles.";
        AppArmorFields: in [ApiServer Kubelet], [Beta 30 on, GA 31 on locked], gone 33:
            "AppArmor profiles are set by fields of the security context.";
        AtomicFIFO: KEP 5647, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Beta 36 on]:
            "Informers take what they are told in one piece instead of one event at a time.";
        AuthorizeNodeWithSelectors: KEP 4601, in [ApiServer], [Alpha 31 off, Beta 32 on, GA 34 on locked], needs [AuthorizeWithSelectors]:
            "A node may list only the pods that are bound to it.";
        AuthorizePodWebsocketUpgradeCreatePermission: KEP 4006, in [ApiServer], [Beta 35 on]:
            "Exec, attach and port-forward over WebSockets need the right to create.";
        AuthorizeWithSelectors: KEP 4601, in [ApiServer], [Alpha 31 off, Beta 32 on, GA 34 on locked]:
            "Authorizers see the field and label selectors of a request.";
        BtreeWatchCache: in [ApiServer], [Beta 32 on, GA 33 on locked]:
            "The watch cache keeps objects in a B-tree.";
        CBORServingAndStorage: KEP 4222, in [ApiServer], [Alpha 32 off]:
            "The API speaks CBOR, and custom resources are stored in it.";
        CPUManager: KEP 3570, in [Kubelet], [Alpha 8 off, Beta 10 on, GA 26 on locked], gone 33:
            "Containers can have CPUs of their own.";
        CPUManagerPolicyAlphaOptions: in [Kubelet], [Alpha 23 off]:
            "Options of the CPU manager's policy that are at alpha can be set.";
        CPUManagerPolicyBetaOptions: in [Kubelet], [Beta 23 on]:
            "Options of the CPU manager's policy that are at beta can be set.";
        CPUManagerPolicyOptions: KEP 2625, in [Kubelet], [Alpha 22 off, Beta 23 on, GA 33 on locked]:
            "The policy of the CPU manager has options.";
        CRDObservedGenerationTracking: KEP 4192, in [ApiServer], [Beta 35 off, Beta 36 on]:
            "The status of a custom resource definition says which generation it is of.";
        CRDValidationRatcheting: KEP 4008, in [ApiServer], [Alpha 28 off, Beta 30 on, GA 33 on locked]:
            "Fields of custom resources that don't change are not judged anew.";
        CRIListStreaming: KEP 5825, in [Kubelet], [Alpha 36 off]:
            "The runtime's lists are read as streams.";
        CSIMigrationAzureFile: KEP 1885, in [ControllerManager Kubelet], [Alpha 15 off, Beta 21 off, GA 26 on, GA 28 on locked], gone 30:
            "The CSI driver serves volumes of the in-tree plugin of Azure File.";
        CSIMigrationPortworx: KEP 2589, in [ControllerManager Kubelet Scheduler], [Alpha 23 off, Beta 25 off, Beta 31 on, GA 33 on locked], gone 36:
            "The CSI driver serves volumes of the in-tree plugin of Portworx.";
        CSIMigrationRBD: in [ControllerManager Kubelet Scheduler], [Alpha 23 off, Deprecated 28 off], gone 31:
            "The CSI driver serves volumes of the in-tree plugin of RBD.";
        CSINodeExpandSecret: KEP 3107, in [ApiServer Kubelet], [Alpha 25 off, Beta 27 on, GA 29 on locked], gone 31:
            "A CSI driver is given a secret when it grows a volume on a node.";
        CSIServiceAccountTokenSecrets: KEP 5538, in [ApiServer], [Beta 35 on, GA 36 on locked]:
            "CSI drivers are given service account tokens as secrets, not in the volume's context.";
        CSIVolumeHealth: KEP 1432, in [Kubelet], [Alpha 21 off]:
            "The kubelet reports a CSI volume that is not well as an event of its pod.";
        ChangeContainerStatusOnKubeletRestart: KEP 4781, in [Kubelet], [Deprecated 35 off]:
            "A restart of the kubelet may make running containers unready for a while.";
        ClearingNominatedNodeNameAfterBinding: KEP 5278, in [ApiServer], [Alpha 34 off, Beta 35 on]:
            "A pod's nominated node is cleared once the pod is bound.";
        ClientsAllowCARotation: in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Beta 36 on]:
            "Clients take on new certificate authorities without a restart.";
        ClientsAllowCBOR: KEP 4222, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 32 off]:
            "Clients may speak CBOR.";
        ClientsAllowTLSCacheGC: in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Beta 36 on]:
            "Clients forget TLS transports that nobody uses.";
        ClientsPreferCBOR: KEP 4222, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 32 off]:
            "Clients speak CBOR unless told otherwise.";
        CloudControllerManagerWatchBasedRoutesReconciliation: KEP 5237, in [CloudControllerManager], [Alpha 35 off]:
            "Routes of a cloud are reconciled when nodes change, not every so often.";
        CloudControllerManagerWebhook: KEP 2699, in [CloudControllerManager], [Alpha 27 off]:
            "The cloud controller manager serves webhooks.";
        CloudDualStackNodeIPs: KEP 3705, in [Kubelet], [Alpha 27 off, Beta 29 on, GA 30 on locked], gone 32:
            "A node in a cloud can be given addresses of both families.";
        ClusterTrustBundle: KEP 3257, in [ApiServer ControllerManager], [Alpha 27 off, Beta 33 off]:
            "Bundles of trusted certificates are objects of the API.";
        ClusterTrustBundleProjection: KEP 3257, in [ApiServer Kubelet], [Alpha 29 off, Beta 33 off], needs [ClusterTrustBundle]:
            "A volume can have a bundle of trusted certificates.";
        ComponentFlagz: KEP 4828, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 32 off, Beta 36 on]:
            "A page shows the flags of a component.";
        ComponentSLIs: KEP 3466, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 26 off, Beta 27 on, GA 32 on locked], gone 35:
            "A component's health checks are served as metrics.";
        ComponentStatusz: KEP 4827, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 32 off, Beta 36 on]:
            "A page shows the version and uptime of a component.";
        ConcurrentWatchObjectDecode: KEP 6178, in [ApiServer], [Beta 31 off]:
            "Objects of a watch are decoded in parallel.";
        ConsistentHTTPGetHandlers: in [Kubelet], [GA 25 on, GA 30 on locked], gone 31:
            "Lifecycle hooks make HTTP requests as probes do.";
        ConsistentListFromCache: KEP 2340, in [ApiServer], [Alpha 28 off, Beta 31 on, GA 34 on locked]:
            "Consistent lists come from the watch cache.";
        ConstrainedImpersonation: KEP 5284, in [ApiServer], [Alpha 35 off, Beta 36 on]:
            "Impersonation can be allowed for some requests only.";
        ContainerCheckpoint: KEP 2008, in [Kubelet], [Alpha 25 off, Beta 30 on]:
            "The kubelet has an endpoint that checkpoints a container.";
        ContextualLogging: KEP 3077, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 24 off, Beta 30 on]:
            "Loggers are handed down in contexts.";
        ControllerManagerReleaseLeaderElectionLockOnExit: KEP 5366, in [ControllerManager], [Alpha 36 off]:
            "A controller manager that ends gives up its leadership at once.";
        CoordinatedLeaderElection: KEP 4355, in [ApiServer ControllerManager Scheduler], [Alpha 31 off, Beta 33 off]:
            "The API server chooses the leader of a component.";
        CronJobsScheduledAnnotation: KEP 4026, in [ControllerManager], [Beta 28 on, GA 32 on locked], gone 35:
            "The jobs of a cron job carry the time that they were scheduled for.";
        CrossNamespaceVolumeDataSource: KEP 3294, in [ApiServer], [Alpha 26 off]:
            "The source of a volume's data can be in another namespace.";
        CustomResourceFieldSelectors: KEP 4358, in [ApiServer], [Alpha 30 off, Beta 31 on, GA 32 on locked]:
            "Custom resources can be selected by fields.";
        CustomResourceValidationExpressions: KEP 2876, in [ApiServer], [Alpha 23 off, Beta 25 on, GA 29 on locked], gone 31:
            "Custom resources are validated by expressions in CEL.";
        DRAAdminAccess: KEP 5018, in [ApiServer ControllerManager Scheduler], [Alpha 32 off, Beta 34 on, GA 36 on locked], needs [DynamicResourceAllocation]:
            "A claim can ask for administrative access to devices.";
        DRAConsumableCapacity: KEP 5075, in [ApiServer ControllerManager Scheduler], [Alpha 34 off, Beta 36 on], needs [DynamicResourceAllocation]:
            "Several claims can share the capacity of a device.";
        DRAControlPlaneController: KEP 3063, in [ApiServer Scheduler], [Alpha 31 off], gone 32:
            "A driver's controller allocates devices to claims.";
        DRADeviceBindingConditions: KEP 5007, in [ApiServer Scheduler], [Alpha 34 off, Beta 36 on], needs [DRAResourceClaimDeviceStatus DynamicResourceAllocation]:
            "A pod is bound once its devices are ready for it.";
        DRADeviceTaintRules: KEP 5055, in [ApiServer ControllerManager Scheduler], [Alpha 35 off, Beta 36 off], needs [DRADeviceTaints]:
            "Administrators taint devices by rules.";
        DRADeviceTaints: KEP 5055, in [ApiServer ControllerManager Scheduler], [Alpha 33 off, Beta 36 on], needs [DynamicResourceAllocation]:
            "Devices have taints.";
        DRAExtendedResource: KEP 5004, in [ApiServer Kubelet Scheduler], [Alpha 34 off, Beta 36 on], needs [DynamicResourceAllocation]:
            "Extended resources can be served by claims of devices.";
        DRAListTypeAttributes: KEP 5491, in [ApiServer Scheduler], [Alpha 36 off], needs [DynamicResourceAllocation]:
            "Attributes of devices can be lists.";
        DRANodeAllocatableResources: KEP 5517, in [ApiServer Scheduler], [Alpha 36 off], needs [DynamicResourceAllocation]:
            "Claims can be for what a node has to allocate, such as CPU and memory.";
        DRAPartitionableDevices: KEP 4815, in [ApiServer Scheduler], [Alpha 33 off, Beta 36 on], needs [DynamicResourceAllocation]:
            "A device can be divided when it is allocated.";
        DRAPrioritizedList: KEP 4816, in [ApiServer ControllerManager Scheduler], [Alpha 33 off, Beta 34 on, GA 36 on], needs [DynamicResourceAllocation]:
            "A request for devices can list alternatives, the best first.";
        DRAResourceClaimDeviceStatus: KEP 4817, in [ApiServer Scheduler], [Alpha 32 off, Beta 33 on]:
            "Drivers report the state of a claim's devices in its status.";
        DRAResourceClaimGranularStatusAuthorization: KEP 4817, in [ApiServer], [Beta 36 on], needs [DRAResourceClaimDeviceStatus DynamicResourceAllocation]:
            "The parts of a claim's status need rights of their own.";
        DRAResourcePoolStatus: KEP 5677, in [ApiServer ControllerManager], [Alpha 36 off], needs [DynamicResourceAllocation]:
            "One can ask what is free in the pools of a driver.";
        DRASchedulerFilterTimeout: KEP 4381, in [Scheduler], [Beta 34 on], needs [DynamicResourceAllocation]:
            "The scheduler gives up on a node when the search for devices takes too long.";
        DRAWorkloadResourceClaims: KEP 5729, in [ApiServer ControllerManager Kubelet Scheduler], [Alpha 36 off], needs [DynamicResourceAllocation GenericWorkload]:
            "A claim can be made for a group of pods.";
        DeclarativeValidation: KEP 5073, in [ApiServer], [Beta 33 on, GA 36 on locked]:
            "Rules that stand beside the API's types validate objects.";
        DeclarativeValidationBeta: KEP 5073, in [ApiServer], [Beta 36 on], needs [DeclarativeValidation]:
            "Declared rules that are at beta count.";
        DeclarativeValidationTakeover: KEP 5073, in [ApiServer], [Beta 33 off, Deprecated 36 off], needs [DeclarativeValidation]:
            "Declared rules replace those that were written by hand.";
        DefaultHostNetworkHostPortsInPodTemplates: in [ApiServer], [Deprecated 28 off], gone 31:
            "Templates of pods on the host's network are given host ports by default.";
        DeploymentReplicaSetTerminatingReplicas: KEP 3973, in [ApiServer ControllerManager], [Alpha 33 off, Beta 35 on]:
            "Deployments and replica sets count their pods that are going.";
        DetectCacheInconsistency: KEP 4988, in [ApiServer], [Beta 34 on]:
            "The watch cache is compared with storage.";
        DevicePluginCDIDevices: KEP 4009, in [Kubelet], [Alpha 28 off, Beta 29 on, GA 31 on locked], gone 34:
            "Device plugins name devices by the Container Device Interface.";
        DisableAllocatorDualWrite: KEP 1880, in [ApiServer], [Alpha 31 off, Beta 33 off, GA 34 on, GA 35 on locked], needs [MultiCIDRServiceAllocator]:
            "Addresses of services are no longer written to the old allocator as well.";
        DisableCPUQuotaWithExclusiveCPUs: in [Kubelet], [Beta 33 on, Deprecated 36 on]:
            "Containers that have CPUs of their own have no CPU quota.";
        DisableCloudProviders: KEP 2395, in [ApiServer ControllerManager Kubelet], [Alpha 22 off, Beta 29 on, GA 31 on locked], gone 33:
            "Cloud providers in the tree are switched off.";
        DisableKubeletCloudCredentialProviders: KEP 2395, in [ApiServer Kubelet], [Alpha 23 off, Beta 29 on, GA 31 on locked], gone 33:
            "The kubelet's own credential helpers of clouds are switched off.";
        DisableNodeKubeProxyVersion: KEP 4004, in [Kubelet], [Alpha 29 off, Deprecated 31 off, Deprecated 33 on, Deprecated 36 on locked]:
            "A node no longer reports a version of kube-proxy.";
        DynamicResourceAllocation: KEP 4381, in [ApiServer ControllerManager Kubelet Scheduler], [Alpha 26 off, Beta 32 off, GA 34 on, GA 35 on locked]:
            "Pods claim devices, which the scheduler allocates.";
        EfficientWatchResumption: KEP 1904, in [ApiServer], [Alpha 20 off, Beta 21 on, GA 24 on locked], gone 33:
            "Watches go on after a restart of the API server without a new list.";
        ElasticIndexedJob: KEP 3715, in [ApiServer], [Beta 27 on, GA 31 on locked], gone 34:
            "The completions of an indexed job can change with its parallelism.";
        EnvFiles: KEP 3721, in [ApiServer Kubelet], [Alpha 34 off, Beta 35 on]:
            "Environment variables come from a file that an init container wrote.";
        EventedPLEG: KEP 3386, in [Kubelet], [Alpha 26 off]:
            "The kubelet learns of containers by events of the runtime.";
        ExecProbeTimeout: in [Kubelet], [GA 20 on, GA 35 on locked]:
            "An exec probe that takes longer than its timeout has failed.";
        ExpandedDNSConfig: KEP 2595, in [ApiServer Kubelet], [Alpha 22 off, Beta 26 on, GA 28 on locked], gone 30:
            "A pod may have up to 32 DNS search paths.";
        ExperimentalHostUserNamespaceDefaulting: in [Kubelet], [Alpha 5 off, Deprecated 28 off locked], gone 30:
            "Does nothing: it was for dockershim.";
        ExtendWebSocketsToKubelet: KEP 4006, in [ApiServer Kubelet], [Beta 36 on], needs [NodeDeclaredFeatures]:
            "WebSockets of exec and attach go through to the kubelet.";
        ExternalServiceAccountTokenSigner: KEP 740, in [ApiServer], [Alpha 32 off, Beta 34 on, GA 36 on locked]:
            "A service outside of the API server signs service account tokens.";
        GangScheduling: in [Scheduler], [Alpha 35 off], needs [GenericWorkload]:
            "A group of pods is scheduled as a whole or not at all.";
        GenericWorkload: in [ApiServer ControllerManager Scheduler], [Alpha 35 off]:
            "Groups of pods that belong together are objects of the API.";
        GitRepoVolumeDriver: KEP 5040, in [ApiServer Kubelet], [Deprecated 33 off, Deprecated 36 off locked]:
            "Volumes can be clones of git repositories.";
        GracefulNodeShutdown: KEP 2000, in [Kubelet], [Alpha 20 off, Beta 21 on]:
            "Pods end gracefully when the node shuts down.";
        GracefulNodeShutdownBasedOnPodPriority: KEP 2712, in [Kubelet], [Alpha 23 off, Beta 24 on], needs [GracefulNodeShutdown]:
            "The time for a graceful shutdown depends on the priority of pods.";
        HPAConfigurableTolerance: KEP 4951, in [ApiServer ControllerManager], [Alpha 33 off, Beta 35 on]:
            "The tolerances of a horizontal pod autoscaler can be set.";
        HPAContainerMetrics: KEP 1610, in [ApiServer ControllerManager], [Alpha 20 off, Beta 27 on, GA 30 on locked], gone 32:
            "Pods can be scaled by the metrics of one of their containers.";
        HPAScaleToZero: KEP 2021, in [ApiServer ControllerManager], [Alpha 16 off]:
            "Pods can be scaled down to none.";
        HonorPVReclaimPolicy: KEP 2644, in [ControllerManager], [Alpha 23 off, Beta 31 on, GA 33 on locked], gone 36:
            "A volume's reclaim policy holds in whatever order volume and claim are deleted.";
        HostnameOverride: KEP 4762, in [ApiServer Kubelet], [Alpha 34 off, Beta 35 on]:
            "A pod can have any host name.";
        IPTablesOwnershipCleanup: KEP 3178, in [Kubelet], [Alpha 25 off, Beta 27 on, GA 28 on locked], gone 30:
            "The kubelet no longer makes chains of iptables that others used.";
        ImageVolumeWithDigest: KEP 5365, in [ApiServer Kubelet], [Alpha 36 off], needs [ImageVolume]:
            "A pod's status has the digests of its image volumes.";
        InOrderInformers: in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Beta 33 on, GA 36 on locked]:
            "Informers deliver events in their order.";
        InOrderInformersBatchProcess: in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Beta 35 on]:
            "Informers that keep the order take events in batches.";
        InPlacePodVerticalScalingAllocatedStatus: KEP 1287, in [ApiServer Kubelet], [Alpha 32 off, Deprecated 33 off], needs [InPlacePodVerticalScaling], gone 36:
            "A container's status had the resources allocated to it.";
        InPlacePodVerticalScalingExclusiveCPUs: KEP 5554, in [Kubelet], [Alpha 32 off], needs [InPlacePodVerticalScaling]:
            "Containers that have CPUs of their own can be resized.";
        InPlacePodVerticalScalingExclusiveMemory: in [Kubelet], [Alpha 34 off], needs [InPlacePodVerticalScaling MemoryManager]:
            "Containers whose memory is bound to NUMA nodes can be resized.";
        InPlacePodVerticalScalingInitContainers: in [ApiServer Kubelet], [Beta 36 on], needs [InPlacePodVerticalScaling NodeDeclaredFeatures]:
            "Running init containers can be resized.";
        InTreePluginAWSUnregister: KEP 1487, in [ControllerManager Kubelet], [Alpha 21 off], gone 31:
            "The in-tree plugin of AWS EBS is left out.";
        InTreePluginAzureDiskUnregister: KEP 1490, in [ControllerManager Kubelet], [Alpha 21 off], gone 31:
            "The in-tree plugin of Azure Disk is left out.";
        InTreePluginAzureFileUnregister: KEP 1885, in [ControllerManager Kubelet], [Alpha 21 off], gone 31:
            "The in-tree plugin of Azure File is left out.";
        InTreePluginGCEUnregister: KEP 1488, in [ControllerManager Kubelet], [Alpha 21 off], gone 31:
            "The in-tree plugin of GCE PD is left out.";
        InTreePluginOpenStackUnregister: KEP 1489, in [ControllerManager Kubelet], [Alpha 21 off], gone 31:
            "The in-tree plugin of OpenStack Cinder is left out.";
        InTreePluginPortworxUnregister: KEP 2589, in [ControllerManager Kubelet], [Alpha 23 off], gone 36:
            "The in-tree plugin of Portworx is left out.";
        InTreePluginRBDUnregister: in [ControllerManager Kubelet], [Alpha 23 off, Deprecated 28 off], gone 31:
            "The in-tree plugin of RBD is left out.";
        InTreePluginvSphereUnregister: KEP 1491, in [ControllerManager Kubelet], [Alpha 21 off], gone 31:
            "The in-tree plugin of vSphere is left out.";
        InformerResourceVersion: in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 30 off, GA 35 on]:
            "An informer tells the resource version that it has seen.";
        JobBackoffLimitPerIndex: KEP 3850, in [ApiServer ControllerManager], [Alpha 28 off, Beta 29 on, GA 33 on locked]:
            "Failures of an indexed job are counted for each index.";
        JobManagedBy: KEP 4368, in [ApiServer ControllerManager], [Alpha 30 off, Beta 32 on, GA 35 on locked]:
            "A controller of one's own can run a job.";
        JobPodFailurePolicy: KEP 3329, in [ApiServer ControllerManager], [Alpha 25 off, Beta 26 on, GA 31 on locked], gone 33:
            "A job decides by exit codes and conditions what a failed pod means.";
        JobPodReplacementPolicy: KEP 3939, in [ApiServer ControllerManager], [Alpha 28 off, Beta 29 on, GA 34 on locked]:
            "A job can wait until a pod has fully gone before it makes another.";
        JobReadyPods: KEP 2879, in [ControllerManager], [Alpha 23 off, Beta 24 on, GA 29 on locked], gone 31:
            "A job's status counts pods that are ready.";
        JobSuccessPolicy: KEP 3998, in [ApiServer ControllerManager], [Alpha 30 off, Beta 31 on, GA 33 on locked]:
            "A job can have succeeded before all of its pods have.";
        KMSv1: KEP 3299, in [ApiServer], [Deprecated 28 on, Deprecated 29 off]:
            "Secrets are encrypted with the first API of key services.";
        KMSv2: KEP 3299, in [ApiServer], [Alpha 25 off, Beta 27 on, GA 29 on locked], gone 32:
            "Secrets are encrypted with the second API of key services.";
        KMSv2KDF: KEP 3299, in [ApiServer], [Beta 28 off, GA 29 on locked], gone 32:
            "Keys for single writes are derived instead of fetched.";
        KubeProxyDrainingTerminatingNodes: KEP 3836, in [KubeProxy], [Alpha 28 off, Beta 30 on, GA 31 on locked], gone 33:
            "kube-proxy lets connections drain from nodes that are about to go.";
        KubeletCgroupDriverFromCRI: KEP 4033, in [Kubelet], [Alpha 28 off, Beta 31 on, GA 34 on locked]:
            "The kubelet asks the runtime which cgroup driver to use.";
        KubeletFineGrainedAuthz: KEP 2862, in [ApiServer Kubelet], [Alpha 32 off, Beta 33 on, GA 36 on locked]:
            "Each endpoint of the kubelet needs a right of its own.";
        KubeletInUserNamespace: KEP 2033, in [Kubelet], [Alpha 22 off]:
            "The kubelet runs without root, in a user namespace.";
        KubeletPodResources: KEP 606, in [ControllerManager Kubelet], [Alpha 13 off, Beta 15 on, GA 28 on locked], gone 30:
            "The kubelet serves which devices its pods have.";
        KubeletPodResourcesDynamicResources: in [Kubelet], [Alpha 27 off, Beta 34 on, GA 36 on locked]:
            "The pod resources API has what was allocated to claims.";
        KubeletPodResourcesGet: KEP 3695, in [Kubelet], [Alpha 27 off, Beta 34 on, GA 36 on locked]:
            "The pod resources API can be asked for one pod.";
        KubeletPodResourcesGetAllocatable: in [Kubelet], [Alpha 21 off, Beta 23 on, GA 28 on locked], gone 30:
            "The pod resources API has what a node can allocate.";
        KubeletPodResourcesListUseActivePods: in [Kubelet], [Deprecated 34 on]:
            "The pod resources API lists pods that have not ended.";
        KubeletRegistrationGetOnExistsOnly: in [Kubelet], [Deprecated 32 off]:
            "A kubelet that may not create its node does not look whether it is there.";
        KubeletTracing: KEP 2832, in [Kubelet], [Alpha 25 off, Beta 27 on, GA 34 on locked]:
            "The kubelet exports traces.";
        LegacyServiceAccountTokenCleanUp: KEP 2799, in [ApiServer ControllerManager], [Alpha 28 off, Beta 29 on, GA 30 on locked], gone 32:
            "Old service account tokens that nobody uses are removed.";
        LegacyServiceAccountTokenTracking: KEP 2799, in [ApiServer], [Alpha 26 off, Beta 27 on, GA 28 on locked], gone 30:
            "The use of old service account tokens is noted.";
        LegacySidecarContainers: in [Kubelet], [Deprecated 33 off], gone 34:
            "Sidecars are handled by the code from before them.";
        ListFromCacheSnapshot: KEP 4988, in [ApiServer], [Alpha 33 off, Beta 34 on]:
            "Lists of the past come from snapshots of the watch cache.";
        LoadBalancerIPMode: KEP 1860, in [ApiServer KubeProxy], [Alpha 29 off, Beta 30 on, GA 32 on locked], gone 35:
            "A load balancer says whether traffic keeps its address.";
        LocalStorageCapacityIsolationFSQuotaMonitoring: KEP 1029, in [Kubelet], [Alpha 15 off, Beta 31 off]:
            "Project quotas measure the local storage of pods.";
        LogarithmicScaleDown: KEP 2185, in [ControllerManager], [Alpha 21 off, Beta 22 on, GA 31 on locked]:
            "Scaling down spares older pods, in steps of magnitude.";
        LoggingAlphaOptions: in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 24 off]:
            "Logging options that are at alpha can be set.";
        LoggingBetaOptions: in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Beta 24 on]:
            "Logging options that are at beta can be set.";
        ManifestBasedAdmissionControlConfig: KEP 5793, in [ApiServer], [Alpha 36 off]:
            "Admission plugins are configured by files.";
        MatchLabelKeysInPodAffinity: KEP 3633, in [ApiServer], [Alpha 29 off, Beta 31 on, GA 33 on locked]:
            "Affinity between pods can go by the values of label keys.";
        MatchLabelKeysInPodTopologySpread: KEP 3243, in [ApiServer Scheduler], [Alpha 25 off, Beta 27 on]:
            "The spread of pods can go by the values of label keys.";
        MatchLabelKeysInPodTopologySpreadSelectorMerge: KEP 3243, in [ApiServer], [Beta 34 on], needs [MatchLabelKeysInPodTopologySpread]:
            "The label keys of a spread become part of its selector.";
        MaxUnavailableStatefulSet: KEP 961, in [ApiServer ControllerManager], [Alpha 24 off, Beta 35 off]:
            "A stateful set can update several pods at once.";
        MemoryManager: KEP 1769, in [Kubelet], [Alpha 21 off, Beta 22 on, GA 32 on locked], gone 36:
            "Memory of containers can be bound to NUMA nodes.";
        MemoryQoS: KEP 2570, in [Kubelet], [Alpha 22 off]:
            "Requests and limits of memory protect and throttle by cgroups v2.";
        MinDomainsInPodTopologySpread: KEP 3022, in [ApiServer Scheduler], [Alpha 24 off, Beta 25 off, Beta 28 on, GA 30 on locked], gone 32:
            "A spread can ask for a minimum of domains.";
        MinimizeIPTablesRestore: KEP 3453, in [KubeProxy], [Alpha 26 off, Beta 27 on, GA 28 on locked], gone 30:
            "kube-proxy writes only what has changed.";
        MultiCIDRServiceAllocator: KEP 1880, in [ApiServer ControllerManager KubeProxy], [Alpha 27 off, Beta 31 off, GA 33 on, GA 34 on locked]:
            "The ranges of service addresses are objects that can change.";
        MutableCSINodeAllocatableCount: KEP 4876, in [ApiServer Kubelet], [Alpha 33 off, Beta 34 off, Beta 35 on, GA 36 on locked]:
            "The number of volumes that a node can attach can change.";
        MutablePVNodeAffinity: KEP 5381, in [ApiServer], [Alpha 35 off]:
            "The node affinity of a volume can change.";
        MutablePodResourcesForSuspendedJobs: KEP 5440, in [ApiServer], [Alpha 35 off, Beta 36 on]:
            "The resources of a suspended job's pods can change.";
        MutableSchedulingDirectivesForSuspendedJobs: KEP 5440, in [ApiServer ControllerManager], [Alpha 35 off, Beta 36 on]:
            "Where a suspended job's pods may run can change.";
        MutatingAdmissionPolicy: KEP 3962, in [ApiServer], [Alpha 30 off, Beta 34 off, GA 36 on]:
            "Objects are changed on admission by expressions in CEL.";
        NFTablesProxyMode: KEP 3866, in [KubeProxy], [Alpha 29 off, Beta 31 on, GA 33 on locked]:
            "kube-proxy can use nftables.";
        NativeHistograms: KEP 5808, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Alpha 36 off]:
            "Histograms are served in Prometheus' native form.";
        NewVolumeManagerReconstruction: KEP 3756, in [Kubelet], [Alpha 25 off, Beta 27 off, Beta 28 on, GA 30 on locked], gone 32:
            "The kubelet finds mounted volumes again early after its start.";
        NodeDeclaredFeatures: KEP 5328, in [ApiServer Kubelet Scheduler], [Alpha 35 off, Beta 36 on]:
            "A node declares which features it has.";
        NodeInclusionPolicyInPodTopologySpread: KEP 3094, in [ApiServer Scheduler], [Alpha 25 off, Beta 26 on, GA 33 on locked]:
            "A spread says whether node affinity and taints count.";
        NodeLogQuery: KEP 2258, in [Kubelet], [Alpha 27 off, Beta 30 off, GA 36 on locked]:
            "The kubelet serves logs of the node's services.";
        NodeOutOfServiceVolumeDetach: KEP 2268, in [ControllerManager], [Alpha 24 off, Beta 26 on, GA 28 on locked], gone 32:
            "Volumes of a node that is out of service are detached.";
        NodeSwap: KEP 2400, in [Kubelet], [Alpha 22 off, Beta 28 off, Beta 30 on, GA 34 on locked]:
            "Pods can use swap.";
        NominatedNodeNameForExpectation: KEP 5278, in [Scheduler], [Alpha 34 off, Beta 35 on]:
            "A pod's nominated node says where it is expected to run.";
        OpenAPIEnums: KEP 2887, in [ApiServer], [Alpha 23 off, Beta 24 on]:
            "Schemas of the API list the values of enumerations.";
        OpportunisticBatching: KEP 5598, in [Scheduler], [Beta 35 on]:
            "The scheduler takes equal pods together.";
        OrderedNamespaceDeletion: KEP 5080, in [ControllerManager], [Beta 30 off, Beta 33 on, GA 34 on locked]:
            "Pods go first when a namespace is deleted.";
        PDBUnhealthyPodEvictionPolicy: KEP 3018, in [ApiServer], [Alpha 26 off, Beta 27 on, GA 31 on locked], gone 33:
            "A disruption budget says whether pods that are not well may be evicted.";
        PLEGOnDemandRelist: in [Kubelet], [Beta 36 on]:
            "The kubelet looks at a single pod when it needs to.";
        PersistentVolumeClaimUnusedSinceTime: KEP 5541, in [ControllerManager], [Alpha 36 off]:
            "A claim's condition says since when nobody uses it.";
        PersistentVolumeLastPhaseTransitionTime: KEP 3762, in [ApiServer], [Alpha 28 off, Beta 29 on, GA 31 on locked], gone 33:
            "A volume's status says when its phase last changed.";
        PodAndContainerStatsFromCRI: KEP 2371, in [Kubelet], [Alpha 23 off]:
            "Statistics of pods and containers come from the runtime.";
        PodCertificateRequest: KEP 4317, in [ApiServer ControllerManager Kubelet], [Alpha 34 off, Beta 35 off], needs [AuthorizeNodeWithSelectors]:
            "A pod can be given a certificate of its own.";
        PodDeletionCost: KEP 2255, in [ApiServer ControllerManager], [Alpha 21 off, Beta 22 on]:
            "An annotation says which pods of a replica set go first.";
        PodDisruptionConditions: KEP 3329, in [ApiServer ControllerManager Kubelet Scheduler], [Alpha 25 off, Beta 26 on, GA 31 on locked], gone 34:
            "A condition says that a pod is ended by a disruption.";
        PodHostIPs: KEP 2681, in [ApiServer Kubelet], [Alpha 28 off, Beta 29 on, GA 30 on locked], gone 32:
            "A pod's status has all addresses of its node.";
        PodIndexLabel: KEP 4017, in [ControllerManager], [Beta 28 on, GA 32 on locked], gone 35:
            "Pods have their index as a label.";
        PodLevelResourceManagers: KEP 5526, in [Kubelet], [Alpha 36 off], needs [PodLevelResources]:
            "The managers of CPUs, memory and topology know resources of pods.";
        PodLifecycleSleepAction: KEP 3960, in [ApiServer Kubelet], [Alpha 29 off, Beta 30 on, GA 34 on locked]:
            "A lifecycle hook can sleep.";
        PodLifecycleSleepActionAllowZero: KEP 4818, in [ApiServer], [Alpha 32 off, Beta 33 on, GA 34 on locked], needs [PodLifecycleSleepAction]:
            "A hook's sleep may be of no time.";
        PodLogsQuerySplitStreams: KEP 3288, in [ApiServer Kubelet], [Alpha 32 off]:
            "Standard output and standard error can be read apart.";
        PodSchedulingReadiness: KEP 3521, in [ApiServer Scheduler], [Alpha 26 off, Beta 27 on, GA 30 on locked]:
            "Gates hold back the scheduling of a pod.";
        PodTopologyLabelsAdmission: KEP 4742, in [ApiServer], [Alpha 33 off, Beta 35 on]:
            "A pod is given the zone and region of its node as labels.";
        PodsAPI: KEP 4188, in [Kubelet], [Alpha 36 off]:
            "The kubelet serves its pods over gRPC.";
        PortForwardWebsockets: KEP 4006, in [ApiServer], [Alpha 30 off, Beta 31 on]:
            "Ports are forwarded over WebSockets.";
        PreferSameTrafficDistribution: KEP 3015, in [ApiServer ControllerManager KubeProxy], [Alpha 33 off, Beta 34 on, GA 35 on locked]:
            "Traffic of a service can prefer its own zone or node.";
        PreventStaticPodAPIReferences: in [Kubelet], [Beta 34 on]:
            "Static pods that refer to objects of the API are refused.";
        ProbeHostPodSecurityStandards: KEP 4559, in [ApiServer], [GA 34 on locked], gone 35:
            "Security standards for pods look at the hosts of probes.";
        ProcMountType: KEP 4265, in [ApiServer], [Alpha 12 off, Beta 31 off, Beta 33 on, GA 36 on locked], needs [UserNamespacesSupport]:
            "A container says how much of /proc is masked.";
        ProxyTerminatingEndpoints: KEP 1669, in [KubeProxy], [Alpha 22 off, Beta 26 on, GA 28 on locked], gone 30:
            "Traffic goes to ending pods when no others are left.";
        QOSReserved: in [Kubelet], [Alpha 11 off]:
            "Memory that higher quality classes request is kept from lower ones.";
        ReadWriteOncePod: KEP 2485, in [ApiServer Kubelet Scheduler], [Alpha 22 off, Beta 27 on, GA 29 on locked], gone 31:
            "A volume can be for a single pod.";
        RecoverVolumeExpansionFailure: KEP 1790, in [ApiServer ControllerManager Kubelet], [Alpha 23 off, Beta 32 on, GA 34 on locked]:
            "A volume that could not grow can be asked for less.";
        RecursiveReadOnlyMounts: KEP 3857, in [ApiServer Kubelet], [Alpha 30 off, Beta 31 on, GA 33 on locked]:
            "A mount is read-only with all mounts below it.";
        RelaxedDNSSearchValidation: KEP 4427, in [ApiServer], [Alpha 32 off, Beta 33 on, GA 34 on locked]:
            "A DNS search path may have underscores and be a single dot.";
        RelaxedEnvironmentVariableValidation: KEP 4369, in [ApiServer], [Alpha 30 off, Beta 32 on, GA 34 on locked]:
            "Names of environment variables may have almost any printable character.";
        RelaxedServiceNameValidation: KEP 5311, in [ApiServer], [Alpha 34 off, Beta 36 on]:
            "A service's name may begin with a digit.";
        ReloadKubeletClientCAFile: in [Kubelet], [Beta 36 on]:
            "The kubelet reads the file of its client authorities anew when it changes.";
        ReloadKubeletServerCertificateFile: in [Kubelet], [Beta 31 on]:
            "The kubelet reads its serving certificate anew when the file changes.";
        RemainingItemCount: in [ApiServer], [Alpha 15 off, Beta 16 on, GA 29 on locked], gone 33:
            "A chunk of a list says how many items are left.";
        RemoteRequestHeaderUID: in [ApiServer], [Alpha 32 off, Beta 33 on]:
            "A front proxy may send the UID of a user.";
        RemoveSelfLink: KEP 1164, in [ApiServer], [Alpha 16 off, Beta 20 on, GA 24 on locked], gone 30:
            "Objects no longer have a link to themselves.";
        ResilientWatchCacheInitialization: KEP 4568, in [ApiServer], [Beta 31 on, GA 34 on locked]:
            "Requests are turned away while the watch cache fills.";
        ResourceHealthStatus: KEP 4680, in [ApiServer Kubelet], [Alpha 31 off, Beta 36 on], needs [DynamicResourceAllocation]:
            "A pod's status says how its devices are.";
        ResourceHealthStatusMessage: KEP 4680, in [ApiServer Kubelet], [Beta 36 on], needs [ResourceHealthStatus]:
            "A pod's status has a message on how its devices are.";
        RetryGenerateName: KEP 4420, in [ApiServer], [Alpha 30 off, Beta 31 on, GA 32 on locked]:
            "A generated name that exists is generated anew.";
        RotateKubeletServerCertificate: in [Kubelet], [Alpha 7 off, Beta 12 on]:
            "The kubelet renews its serving certificate.";
        SELinuxChangePolicy: KEP 1710, in [ApiServer ControllerManager Kubelet], [Alpha 32 off, Beta 33 on, GA 36 on locked]:
            "A pod says how its volumes are labelled for SELinux.";
        SELinuxMount: KEP 1710, in [ApiServer Kubelet], [Alpha 30 off, Beta 33 off]:
            "Any volume is mounted with its SELinux label instead of relabelled.";
        SELinuxMountReadWriteOncePod: KEP 1710, in [ApiServer Kubelet], [Alpha 25 off, Beta 27 off, Beta 28 on, GA 36 on locked]:
            "A volume for a single pod is mounted with its SELinux label.";
        SchedulerAsyncAPICalls: KEP 5229, in [Scheduler], [Beta 34 off]:
            "The scheduler doesn't wait for its calls of the API.";
        SchedulerAsyncPreemption: KEP 4832, in [Scheduler], [Alpha 32 off, Beta 33 on]:
            "The scheduler doesn't wait for preemptions.";
        SchedulerPopFromBackoffQ: KEP 5142, in [Scheduler], [Beta 33 on]:
            "The scheduler takes pods from back-off when it has nothing else to do.";
        SchedulerQueueingHints: KEP 4247, in [Scheduler], [Beta 28 off, Beta 32 on, GA 34 on locked]:
            "Plugins hint which events may help a pod that could not be scheduled.";
        SecurityContextDeny: in [ApiServer], [Alpha 28 off], gone 30:
            "The admission plugin that forbids parts of security contexts can be used.";
        SeparateCacheWatchRPC: in [ApiServer], [Beta 28 on, Deprecated 33 off, Deprecated 36 off locked]:
            "The watch cache has a connection of its own to storage.";
        SeparateTaintEvictionController: KEP 3902, in [ControllerManager], [Beta 29 on, GA 34 on locked]:
            "A controller of its own evicts pods for taints.";
        ServerSideApply: KEP 555, in [ApiServer], [Alpha 14 off, Beta 16 on, GA 22 on, GA 28 on locked], gone 32:
            "The API server merges what is applied.";
        ServerSideFieldValidation: KEP 2885, in [ApiServer], [Alpha 23 off, Beta 24 on, GA 28 on locked], gone 32:
            "The API server reports unknown and duplicate fields.";
        ServiceAccountNodeAudienceRestriction: KEP 4412, in [ApiServer], [Beta 32 off, Beta 33 on]:
            "A kubelet can ask only for tokens of audiences that its pods use.";
        ServiceAccountTokenJTI: KEP 4193, in [ApiServer], [Alpha 29 off, Beta 30 on, GA 32 on locked]:
            "Service account tokens have identifiers, which are audited.";
        ServiceAccountTokenNodeBinding: KEP 4193, in [ApiServer], [Alpha 29 off, Beta 31 on, GA 33 on locked], needs [ServiceAccountTokenNodeBindingValidation]:
            "Service account tokens can be bound to nodes.";
        ServiceAccountTokenNodeBindingValidation: KEP 4193, in [ApiServer], [Alpha 29 off, Beta 30 on, GA 32 on locked]:
            "The node that a service account token names is validated.";
        ServiceAccountTokenPodNodeInfo: KEP 4193, in [ApiServer], [Alpha 29 off, Beta 30 on, GA 32 on locked]:
            "A pod's token names its node.";
        ServiceCIDRStatusFieldWiping: in [ApiServer], [Deprecated 36 on]:
            "Writes of a service range don't touch its status.";
        ServiceNodePortStaticSubrange: KEP 3668, in [ApiServer], [Alpha 27 off, Beta 28 on, GA 29 on locked], gone 31:
            "Part of the node ports is kept for fixed choice.";
        ServiceTrafficDistribution: KEP 4444, in [ApiServer ControllerManager KubeProxy], [Alpha 30 off, Beta 31 on, GA 33 on locked], gone 36:
            "A service says how its traffic is distributed.";
        ShardedListAndWatch: KEP 5866, in [ApiServer], [Alpha 36 off]:
            "A client can list and watch a share of the objects.";
        SidecarContainers: KEP 753, in [ApiServer ControllerManager Kubelet Scheduler], [Alpha 28 off, Beta 29 on, GA 33 on locked]:
            "Init containers that restart always are sidecars.";
        SizeBasedListCostEstimate: in [ApiServer], [Beta 34 on]:
            "The cost of a list is estimated by the size of its objects.";
        SizeMemoryBackedVolumes: KEP 1967, in [Kubelet], [Alpha 20 off, Beta 22 on, GA 32 on locked], gone 35:
            "Volumes in memory have a size limit.";
        SkipReadOnlyValidationGCE: in [ApiServer], [Alpha 26 off, Deprecated 29 on], gone 31:
            "Volumes of GCE PD in deployments need not be read-only.";
        StableLoadBalancerNodeSet: KEP 3458, in [CloudControllerManager], [Beta 27 on, GA 30 on locked], gone 32:
            "Load balancers are configured anew less often when nodes change.";
        StaleControllerConsistencyDaemonSet: KEP 5647, in [ControllerManager], [Beta 36 on], needs [AtomicFIFO]:
            "The daemon set controller waits until it sees its own writes.";
        StaleControllerConsistencyJob: KEP 5647, in [ControllerManager], [Beta 36 on], needs [AtomicFIFO]:
            "The job controller waits until it sees its own writes.";
        StaleControllerConsistencyReplicaSet: KEP 5647, in [ControllerManager], [Beta 36 on], needs [AtomicFIFO]:
            "The replica set controller waits until it sees its own writes.";
        StaleControllerConsistencyStatefulSet: KEP 5647, in [ControllerManager], [Beta 36 on], needs [AtomicFIFO]:
            "The stateful set controller waits until it sees its own writes.";
        StatefulSetAutoDeletePVC: KEP 1847, in [ApiServer ControllerManager], [Alpha 23 off, Beta 27 on, GA 32 on locked], gone 35:
            "The claims of a stateful set can go with it.";
        StatefulSetSemanticRevisionComparison: in [ControllerManager], [Beta 34 on]:
            "Revisions of a stateful set are compared by what they mean.";
        StatefulSetStartOrdinal: KEP 3335, in [ApiServer ControllerManager], [Alpha 26 off, Beta 27 on, GA 31 on locked], gone 34:
            "The pods of a stateful set can be counted from any number.";
        StorageCapacityScoring: KEP 4049, in [Scheduler], [Alpha 33 off]:
            "Nodes are scored by the storage that they have left.";
        StorageNamespaceIndex: in [ApiServer], [Beta 30 on, Deprecated 33 on]:
            "The watch cache has an index by namespace.";
        StorageVersionAPI: KEP 2339, in [ApiServer ControllerManager], [Alpha 20 off], needs [APIServerIdentity]:
            "API servers publish the versions in which they store objects.";
        StorageVersionHash: in [ApiServer], [Alpha 14 off, Beta 15 on]:
            "Discovery has a hash of the version in which objects are stored.";
        StorageVersionMigrator: KEP 4192, in [ApiServer ControllerManager], [Alpha 30 off, Beta 35 off]:
            "A controller stores objects anew in the current version.";
        StreamingCollectionEncodingToJSON: KEP 5116, in [ApiServer], [Beta 33 on, GA 34 on locked]:
            "Lists are written as JSON item by item.";
        StreamingCollectionEncodingToProtobuf: KEP 5116, in [ApiServer], [Beta 33 on, GA 34 on locked]:
            "Lists are written as Protobuf item by item.";
        StrictCostEnforcementForVAP: in [ApiServer], [Beta 30 off, GA 32 on locked], gone 35:
            "The cost of expressions of admission policies is limited strictly.";
        StrictCostEnforcementForWebhooks: in [ApiServer], [Beta 30 off, GA 32 on locked], gone 35:
            "The cost of the conditions of webhooks is limited strictly.";
        StrictIPCIDRValidation: KEP 4858, in [ApiServer], [Alpha 33 off, Beta 36 on]:
            "Addresses and ranges are validated strictly.";
        StructuredAuthenticationConfiguration: KEP 3331, in [ApiServer], [Alpha 29 off, Beta 30 on, GA 34 on locked]:
            "A file configures authentication.";
        StructuredAuthenticationConfigurationEgressSelector: KEP 3331, in [ApiServer], [Beta 34 on], needs [StructuredAuthenticationConfiguration]:
            "The configuration of authentication chooses a way out.";
        StructuredAuthenticationConfigurationJWKSMetrics: KEP 3331, in [ApiServer], [Beta 35 on], needs [StructuredAuthenticationConfiguration]:
            "Key sets of authentication have metrics.";
        StructuredAuthorizationConfiguration: KEP 3221, in [ApiServer], [Alpha 29 off, Beta 30 on, GA 32 on locked], gone 36:
            "A file configures authorization.";
        SupplementalGroupsPolicy: KEP 3619, in [ApiServer Kubelet], [Alpha 31 off, Beta 33 on, GA 35 on locked]:
            "A pod says whether groups of its image count.";
        SystemdWatchdog: in [Kubelet], [Beta 32 on, GA 35 on locked]:
            "The kubelet tells systemd's watchdog that it is alive.";
        TaintTolerationComparisonOperators: KEP 5471, in [ApiServer ControllerManager Kubelet Scheduler], [Alpha 35 off]:
            "Tolerations can compare numbers.";
        TokenRequestServiceAccountUIDValidation: in [ApiServer], [Beta 34 on]:
            "A request for a token must name the UID of its service account, if any.";
        TopologyAwareHints: KEP 2433, in [ApiServer ControllerManager KubeProxy], [Alpha 21 off, Beta 23 off, Beta 24 on, GA 33 on locked], gone 36:
            "Endpoints have hints that keep traffic near.";
        TopologyAwareWorkloadScheduling: KEP 5732, in [ApiServer Scheduler], [Alpha 36 off], needs [GenericWorkload]:
            "A group of pods is placed by topology.";
        TopologyManagerPolicyAlphaOptions: KEP 3545, in [Kubelet], [Alpha 26 off]:
            "Options of the topology manager's policy that are at alpha can be set.";
        TopologyManagerPolicyBetaOptions: KEP 3545, in [Kubelet], [Beta 26 off, Beta 28 on]:
            "Options of the topology manager's policy that are at beta can be set.";
        TopologyManagerPolicyOptions: KEP 3545, in [Kubelet], [Alpha 26 off, Beta 28 on, GA 32 on, GA 36 on locked]:
            "The policy of the topology manager has options.";
        TranslateStreamCloseWebsocketRequests: KEP 4006, in [ApiServer], [Alpha 29 off, Beta 30 on]:
            "Exec and attach go over WebSockets.";
        UnauthenticatedHTTP2DOSMitigation: in [ApiServer], [Beta 25 off, Beta 29 on]:
            "Connections of clients without identity are closed early.";
        UnknownVersionInteroperabilityProxy: KEP 4020, in [ApiServer], [Alpha 28 off, Beta 36 on], needs [APIServerIdentity]:
            "API servers of different versions pass requests on to each other.";
        UnlockWhileProcessingFIFO: KEP 5647, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Beta 36 on]:
            "The queue of an informer takes events while others are handled.";
        UserNamespacesHostNetworkSupport: KEP 5607, in [ApiServer], [Alpha 35 off], needs [NodeDeclaredFeatures UserNamespacesSupport]:
            "Pods on the host's network can have user namespaces.";
        UserNamespacesPodSecurityStandards: in [ApiServer], [Alpha 29 off], gone 35:
            "Security standards for pods are laxer with user namespaces.";
        UserNamespacesSupport: KEP 127, in [ApiServer Kubelet], [Alpha 25 off, Beta 30 off, Beta 33 on, GA 36 on locked]:
            "Pods have user namespaces.";
        ValidatingAdmissionPolicy: KEP 3488, in [ApiServer ControllerManager], [Alpha 26 off, Beta 28 off, GA 30 on locked], gone 32:
            "Objects are validated on admission by expressions in CEL.";
        VolumeAttributesClass: KEP 3751, in [ApiServer ControllerManager Scheduler], [Alpha 29 off, Beta 31 off, GA 34 on, GA 36 on locked]:
            "Attributes of volumes, such as throughput, can change.";
        VolumeCapacityPriority: KEP 1845, in [Scheduler], [Alpha 21 off], gone 33:
            "Nodes are scored by the capacity of their volumes.";
        VolumeLimitScaling: KEP 5030, in [ApiServer Scheduler], [Alpha 35 off]:
            "The scheduler and the autoscaler agree on how many volumes a node takes.";
        WatchBookmark: in [ApiServer], [Alpha 15 off, Beta 16 on, GA 17 on locked], gone 33:
            "Watches have bookmarks.";
        WatchCacheInitializationPostStartHook: KEP 4568, in [ApiServer], [Beta 31 off, Beta 36 on]:
            "An API server is ready once its watch cache is.";
        WatchFromStorageWithoutResourceVersion: in [ApiServer], [Beta 27 off, Deprecated 33 off locked], gone 36:
            "Watches without a version are served from storage.";
        WatchList: KEP 3157, in [ApiServer], [Alpha 27 off, Beta 32 on, Beta 33 off, Beta 34 on]:
            "Lists are served as streams.";
        WatchListClient: KEP 3157, in [ApiServer ControllerManager KubeProxy Kubelet Scheduler], [Beta 30 off, Beta 35 on]:
            "Clients fetch lists as streams.";
        WinDSR: KEP 5100, in [KubeProxy], [Alpha 14 off, Beta 33 on, GA 34 on locked]:
            "kube-proxy on Windows lets servers answer directly.";
        WinOverlay: KEP 5100, in [KubeProxy], [Alpha 14 off, Beta 20 on, GA 34 on locked]:
            "kube-proxy on Windows can use overlay networks.";
        WindowsCPUAndMemoryAffinity: KEP 4885, in [Kubelet], [Alpha 32 off], needs [MemoryManager]:
            "The managers of CPUs, memory and topology work on Windows.";
        WindowsGracefulNodeShutdown: KEP 4802, in [Kubelet], [Alpha 32 off, Beta 34 on], needs [GracefulNodeShutdown]:
            "Pods end gracefully when a Windows node shuts down.";
        WindowsHostNetwork: KEP 3503, in [Kubelet], [Alpha 26 on, Deprecated 33 off]:
            "Windows containers can use the host's network.";
        WorkloadAwarePreemption: KEP 5710, in [ApiServer Scheduler], [Alpha 36 off], needs [GangScheduling]:
            "Groups of pods are preempted as a whole.";
        WorkloadWithJob: KEP 5547, in [ApiServer ControllerManager], [Alpha 36 off], needs [GenericWorkload]:
            "The job controller makes groups of pods for jobs.";
        ZeroLimitedNominalConcurrencyShares: in [ApiServer], [Beta 29 off, GA 30 on locked], gone 32:
            "A priority level may have no share at all.";
    }
}
