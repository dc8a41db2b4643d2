//! The configuration of a node agent, field by field.

use std::collections::BTreeMap;

use super::wire::wire_structs;
use super::{
    CrashLoopBackOffConfig, KubeletAuthentication, KubeletAuthorization, LoggingConfiguration,
    MemoryReservation, MemorySwapConfiguration, ShutdownGracePeriodByPodPriority, SignedDuration, Taint,
    TracingConfiguration, UserNamespaces,
};
use crate::behaviour::FeatureGateSettings;

wire_structs! {
    /// `kubelet.config.k8s.io/v1beta1`, `KubeletConfiguration`: every field of Kubernetes 1.32, and newer ones, of which
    /// each says since when.
    ///
    /// A field that is an `Option` can be unset; in the others the zero value (0, the empty string, list or map) means
    /// unset, as it does to Kubernetes. [`default`](Self::default) is a configuration in which nothing is set;
    /// [`apply_defaults`](Self::apply_defaults) fills in what Kubernetes would.
    ///
    /// Reading takes `null` as unset and passes over unknown fields; [`FIELDS`](Self::FIELDS) is for whoever wants to be
    /// strict. Writing leaves out what is unset, except that structs and durations are always written, as Kubernetes
    /// does.
    pub struct KubeletConfiguration {
        /// `KubeletConfiguration`, in a file.
        kind: String = "kind",
        /// `kubelet.config.k8s.io/v1beta1`, in a file.
        api_version: String = "apiVersion",
        /// Whether the server runs that logs, metrics and `exec` go through. Default: true.
        enable_server: Option<bool> = "enableServer",
        /// The folder or the file of static pods. Empty: there are none from files.
        static_pod_path: String = "staticPodPath",
        /// The folder of pods' logs: absolute, normalised, ASCII. Default: `/var/log/pods`.
        pod_logs_dir: String = "podLogsDir",
        /// The longest time between two syncs of a pod. Default: 1 min.
        sync_frequency: SignedDuration = "syncFrequency",
        /// How often `staticPodPath` is read again. Default: 20 s.
        file_check_frequency: SignedDuration = "fileCheckFrequency",
        /// How often `staticPodURL` is read again. Default: 20 s.
        http_check_frequency: SignedDuration = "httpCheckFrequency",
        /// Where static pods are fetched from. Empty: there are none from a URL.
        static_pod_url: String = "staticPodURL",
        /// Headers of the requests to `staticPodURL`.
        static_pod_url_header: BTreeMap<String, Vec<String>> = "staticPodURLHeader",
        /// The address that the server listens on. Default: `0.0.0.0`.
        address: String = "address",
        /// The port of the server, from 1 to 65,535. Default: 10250.
        port: i32 = "port",
        /// The port of a server that asks for no credentials. 0, the default: there is none.
        read_only_port: i32 = "readOnlyPort",
        /// The file of the server's certificate. Empty, with `tlsPrivateKeyFile`: one is made.
        tls_cert_file: String = "tlsCertFile",
        /// The file of the key of `tlsCertFile`.
        tls_private_key_file: String = "tlsPrivateKeyFile",
        /// The server's cipher suites, by Go's names. Empty: Go's own.
        tls_cipher_suites: Vec<String> = "tlsCipherSuites",
        /// The server's key exchanges, by Go's numbers. Empty: Go's own. Since 1.36.
        tls_curve_preferences: Vec<i32> = "tlsCurvePreferences" [since 36],
        /// The lowest version of TLS: `VersionTLS12` or `VersionTLS13`, for example. Empty: Go's own.
        tls_min_version: String = "tlsMinVersion",
        /// Whether a new client certificate is asked for before the old one ends. Default: false.
        rotate_certificates: bool = "rotateCertificates",
        /// Whether the server's certificate is asked for from the API server. Needs the gate
        /// `RotateKubeletServerCertificate`. Default: false.
        server_tls_bootstrap: bool = "serverTLSBootstrap",
        /// How requests to the server are authenticated.
        authentication: KubeletAuthentication = "authentication" [always],
        /// Which requests to the server are allowed.
        authorization: KubeletAuthorization = "authorization" [always],
        /// How many pulls may begin in a second. 0: any number. Default: 5.
        registry_pull_qps: Option<i32> = "registryPullQPS",
        /// How many pulls may begin at once. Default: 10.
        registry_burst: i32 = "registryBurst",
        /// Who has to show credentials for an image that the node has (KEP-2535): `NeverVerify`,
        /// `NeverVerifyPreloadedImages`, `NeverVerifyAllowlistedImages` or `AlwaysVerify`. Needs the gate
        /// `KubeletEnsureSecretPulledImages`, and then its default is `NeverVerifyPreloadedImages`. Since 1.33.
        image_pull_credentials_verification_policy: String = "imagePullCredentialsVerificationPolicy" [since 33],
        /// What `NeverVerifyAllowlistedImages` lets pass: images without tag and digest; a last `/*` stands for the
        /// rest. Since 1.33.
        preloaded_images_verification_allowlist: Vec<String> = "preloadedImagesVerificationAllowlist" [since 33],
        /// How many events may be sent in a second. 0: any number. Default: 50.
        event_record_qps: Option<i32> = "eventRecordQPS",
        /// How many events may be sent at once. Default: 100.
        event_burst: i32 = "eventBurst",
        /// Whether the server has logs, `exec`, `attach` and port forwarding. Default: true.
        enable_debugging_handlers: Option<bool> = "enableDebuggingHandlers",
        /// Whether locks are profiled, where there are debugging handlers. Default: false.
        enable_contention_profiling: bool = "enableContentionProfiling",
        /// The port of the health check, up to 65,535. 0: there is none. Default: 10248.
        healthz_port: Option<i32> = "healthzPort",
        /// The address of the health check. Default: `127.0.0.1`.
        healthz_bind_address: String = "healthzBindAddress",
        /// How readily the kernel kills the agent when memory runs out, from −1000 to 1000. Default: −999.
        oom_score_adj: Option<i32> = "oomScoreAdj",
        /// The DNS domain of the cluster, which containers search too.
        cluster_domain: String = "clusterDomain",
        /// The addresses of the cluster's name servers, for containers.
        cluster_dns: Vec<String> = "clusterDNS",
        /// How long a stream may be idle. Default: 4 h.
        streaming_connection_idle_timeout: SignedDuration = "streamingConnectionIdleTimeout",
        /// How often the node's status is computed. Default: 10 s.
        node_status_update_frequency: SignedDuration = "nodeStatusUpdateFrequency",
        /// How often a status that did not change is sent. Default: 5 min, or what `nodeStatusUpdateFrequency` is
        /// set to.
        node_status_report_frequency: SignedDuration = "nodeStatusReportFrequency",
        /// How many seconds the node's lease lasts, above 0. Default: 40.
        node_lease_duration_seconds: i32 = "nodeLeaseDurationSeconds",
        /// The least age of an image that may be removed. Default: 2 min.
        image_minimum_gc_age: SignedDuration = "imageMinimumGCAge",
        /// How long an image may be unused before it is removed, however much room there is (KEP-4210). 0 s, the
        /// default: for ever. Needs the gate `ImageMaximumGCAge`.
        image_maximum_gc_age: SignedDuration = "imageMaximumGCAge",
        /// From how full a disk on images are removed, in percent. Default: 85.
        image_gc_high_threshold_percent: Option<i32> = "imageGCHighThresholdPercent",
        /// How full a disk may stay when images are removed, in percent, below `imageGCHighThresholdPercent`.
        /// Default: 80.
        image_gc_low_threshold_percent: Option<i32> = "imageGCLowThresholdPercent",
        /// How often the use of volumes is measured. Default: 1 min.
        volume_stats_agg_period: SignedDuration = "volumeStatsAggPeriod",
        /// The cgroup that the agent runs in. Empty: the one it was started in.
        kubelet_cgroups: String = "kubeletCgroups",
        /// The cgroup for processes that are in none. Needs `cgroupRoot`. Empty: they stay.
        system_cgroups: String = "systemCgroups",
        /// The cgroup under which pods stand. Empty: the runtime's default.
        cgroup_root: String = "cgroupRoot",
        /// Whether there is a cgroup for each QoS class and pod. Default: true.
        cgroups_per_qos: Option<bool> = "cgroupsPerQOS",
        /// `cgroupfs` or `systemd`. Default: `cgroupfs`.
        cgroup_driver: String = "cgroupDriver",
        /// `none` or `static`. Default: `none`.
        cpu_manager_policy: String = "cpuManagerPolicy",
        /// Whether a container's processes are killed one by one when its memory runs out. Unset: on cgroup v1 so,
        /// on v2 all at once.
        single_process_oom_kill: Option<bool> = "singleProcessOOMKill",
        /// Options of the CPU manager's policy.
        cpu_manager_policy_options: BTreeMap<String, String> = "cpuManagerPolicyOptions",
        /// How often the CPU manager looks. Default: 10 s.
        cpu_manager_reconcile_period: SignedDuration = "cpuManagerReconcilePeriod",
        /// `None` or `Static`. Default: `None`.
        memory_manager_policy: String = "memoryManagerPolicy",
        /// `none`, `best-effort`, `restricted` or `single-numa-node`. Default: `none`.
        topology_manager_policy: String = "topologyManagerPolicy",
        /// `container` or `pod`. Default: `container`.
        topology_manager_scope: String = "topologyManagerScope",
        /// Options of the topology manager's policy.
        topology_manager_policy_options: BTreeMap<String, String> = "topologyManagerPolicyOptions",
        /// By resource (`memory`), which part of guaranteed pods' requests others may not use, such as `50%`. Needs
        /// the gate `QOSReserved`.
        qos_reserved: BTreeMap<String, String> = "qosReserved",
        /// How long a call of the runtime may take that is not known to be long. Default: 2 min.
        runtime_request_timeout: SignedDuration = "runtimeRequestTimeout",
        /// How a pod reaches itself through a Service: `promiscuous-bridge`, `hairpin-veth` or `none`. Default:
        /// `promiscuous-bridge`.
        hairpin_mode: String = "hairpinMode",
        /// How many pods the node may have. Default: 110.
        max_pods: i32 = "maxPods",
        /// Pods' addresses, for an agent without an API server.
        pod_cidr: String = "podCIDR",
        /// How many process ids a pod may have. −1, the default, and whatever is below 0: as many as the node gives
        /// to pods.
        pod_pids_limit: Option<i64> = "podPidsLimit",
        /// The file of name servers that pods' are made from. Empty: pods have none. Default: `/etc/resolv.conf`.
        resolv_conf: Option<String> = "resolvConf",
        /// Whether the agent runs its pods once and exits. May not be set any more.
        run_once: bool = "runOnce",
        /// Whether limits of CPU are enforced. Default: true.
        cpu_cfs_quota: Option<bool> = "cpuCFSQuota",
        /// The period of CPU quotas, from 1 ms to 1 s. Others than the default of 100 ms need the gate
        /// `CustomCPUCFSQuotaPeriod`.
        cpu_cfs_quota_period: Option<SignedDuration> = "cpuCFSQuotaPeriod",
        /// How many images the node's status lists. −1: all. Default: 50.
        node_status_max_images: Option<i32> = "nodeStatusMaxImages",
        /// How many files the agent may have open. Default: 1,000,000.
        max_open_files: i64 = "maxOpenFiles",
        /// How the agent talks to the API server. Default: `application/vnd.kubernetes.protobuf`.
        content_type: String = "contentType",
        /// How many requests a second the API server gets. Default: 50.
        kube_api_qps: Option<i32> = "kubeAPIQPS",
        /// How many requests the API server gets at once. Default: 100.
        kube_api_burst: i32 = "kubeAPIBurst",
        /// Whether images are pulled one at a time. Default: unless `maxParallelImagePulls` is above 1.
        serialize_image_pulls: Option<bool> = "serializeImagePulls",
        /// How many images are pulled at once. More than 1 only where `serializeImagePulls` is false. Unset: any
        /// number.
        max_parallel_image_pulls: Option<i32> = "maxParallelImagePulls",
        /// By signal, below which value pods are evicted at once. Unset: the platform's defaults (see
        /// [`Platform::default_eviction_hard`](crate::eviction::Platform::default_eviction_hard)); `Some` of an
        /// empty map: none.
        eviction_hard: Option<BTreeMap<String, String>> = "evictionHard",
        /// By signal, below which value pods are evicted if it lasts.
        eviction_soft: BTreeMap<String, String> = "evictionSoft",
        /// By signal, how long a soft threshold may be met.
        eviction_soft_grace_period: BTreeMap<String, String> = "evictionSoftGracePeriod",
        /// How long a condition of pressure stays after it was last met. Default: 5 min.
        eviction_pressure_transition_period: SignedDuration = "evictionPressureTransitionPeriod",
        /// The most seconds of grace that a pod has which is evicted for a soft threshold. Default: 0.
        eviction_max_pod_grace_period: i32 = "evictionMaxPodGracePeriod",
        /// By signal, how much more than its threshold has to be freed.
        eviction_minimum_reclaim: BTreeMap<String, String> = "evictionMinimumReclaim",
        /// Whether signals that `evictionHard` does not name keep their defaults. Default: false. Since 1.33.
        merge_default_eviction_settings: Option<bool> = "mergeDefaultEvictionSettings" [since 33],
        /// How many pods there may be for each core, within `maxPods`. 0, the default: any number.
        pods_per_core: i32 = "podsPerCore",
        /// Whether volumes are attached by the cluster's controller instead of the agent. Default: true.
        enable_controller_attach_detach: Option<bool> = "enableControllerAttachDetach",
        /// Whether the agent refuses to run with kernel settings that it would have to change. Default: false.
        protect_kernel_defaults: bool = "protectKernelDefaults",
        /// Whether the agent leaves a hint in iptables. Default: true.
        make_iptables_util_chains: Option<bool> = "makeIPTablesUtilChains",
        /// Without effect; from 0 to 31. Default: 14.
        iptables_masquerade_bit: Option<i32> = "iptablesMasqueradeBit",
        /// Without effect; from 0 to 31. Default: 15.
        iptables_drop_bit: Option<i32> = "iptablesDropBit",
        /// By name, which features are on or off other than by default.
        feature_gates: BTreeMap<String, bool> = "featureGates",
        /// Whether the agent refuses to run on a node that swaps. Default: true.
        fail_swap_on: Option<bool> = "failSwapOn",
        /// Swap for containers.
        memory_swap: MemorySwapConfiguration = "memorySwap",
        /// How large a container's log gets before the next one is begun. Default: `10Mi`.
        container_log_max_size: String = "containerLogMaxSize",
        /// How many logs of a container are kept. Default: 5.
        container_log_max_files: Option<i32> = "containerLogMaxFiles",
        /// How many logs are rotated at once, at least 1. Default: 1.
        container_log_max_workers: Option<i32> = "containerLogMaxWorkers",
        /// How often logs are looked at, at least every 3 s. Default: 10 s.
        container_log_monitor_interval: Option<SignedDuration> = "containerLogMonitorInterval",
        /// How the agent hears of ConfigMaps and Secrets: `Get`, `Cache` or `Watch`. Default: `Watch`.
        config_map_and_secret_change_detection_strategy: String = "configMapAndSecretChangeDetectionStrategy",
        /// By resource, what the operating system's daemons have, such as `cpu: 200m`.
        system_reserved: BTreeMap<String, String> = "systemReserved",
        /// By resource, what the agent and the runtime have.
        kube_reserved: BTreeMap<String, String> = "kubeReserved",
        /// The CPUs that the system and the agent have, such as `0-1,4`. Not together with `systemReservedCgroup`
        /// and `kubeReservedCgroup`.
        reserved_system_cpus: String = "reservedSystemCPUs",
        /// The release whose hidden metrics are shown, such as `1.31`: only the one before.
        show_hidden_metrics_for_version: String = "showHiddenMetricsForVersion",
        /// The cgroup that `systemReserved` is enforced on.
        system_reserved_cgroup: String = "systemReservedCgroup",
        /// The cgroup that `kubeReserved` is enforced on.
        kube_reserved_cgroup: String = "kubeReservedCgroup",
        /// What is held to its part of the node: `none`, or any of `pods`, `system-reserved`,
        /// `system-reserved-compressible`, `kube-reserved` and `kube-reserved-compressible`. Unset: `pods`; `Some`
        /// of an empty list: nothing.
        enforce_node_allocatable: Option<Vec<String>> = "enforceNodeAllocatable",
        /// Kernel settings that pods may change though that is not safe; a last `*` stands for the rest.
        allowed_unsafe_sysctls: Vec<String> = "allowedUnsafeSysctls",
        /// The folder of volume plugins. Default: `/usr/libexec/kubernetes/kubelet-plugins/volume/exec/`.
        volume_plugin_dir: String = "volumePluginDir",
        /// What the provider of the machine calls it.
        provider_id: String = "providerID",
        /// Whether the kernel tells when memory runs short. Default: false.
        kernel_memcg_notification: bool = "kernelMemcgNotification",
        /// The agent's own logs.
        logging: LoggingConfiguration = "logging",
        /// Whether the server has the system's logs. Default: true.
        enable_system_log_handler: Option<bool> = "enableSystemLogHandler",
        /// Whether the server answers queries of the system's logs. Needs the gate `NodeLogQuery` and
        /// `enableSystemLogHandler`. Default: false.
        enable_system_log_query: Option<bool> = "enableSystemLogQuery",
        /// How long a shutdown of the node waits for its pods (KEP-2000): 0 s, the default, or at least 1 s.
        shutdown_grace_period: SignedDuration = "shutdownGracePeriod",
        /// Which part of `shutdownGracePeriod` critical pods have, at the end of it. Default: 0 s.
        shutdown_grace_period_critical_pods: SignedDuration = "shutdownGracePeriodCriticalPods",
        /// How long a shutdown waits for pods, by priority (KEP-2712). Instead of the two before.
        shutdown_grace_period_by_pod_priority: Vec<ShutdownGracePeriodByPodPriority> = "shutdownGracePeriodByPodPriority",
        /// How containers that crash are restarted.
        crash_loop_back_off: CrashLoopBackOffConfig = "crashLoopBackOff",
        /// Memory that the memory manager does not give away, by NUMA node.
        reserved_memory: Vec<MemoryReservation> = "reservedMemory",
        /// Whether the server has profiles. Default: true.
        enable_profiling_handler: Option<bool> = "enableProfilingHandler",
        /// Whether the server can change the verbosity of logs. Default: true.
        enable_debug_flags_handler: Option<bool> = "enableDebugFlagsHandler",
        /// Whether a container without a seccomp profile has the runtime's. Default: false.
        seccomp_default: Option<bool> = "seccompDefault",
        /// From which part of its memory limit on a container is slowed down (KEP-2570), above 0 and at most 1.
        /// Default: 0.9.
        memory_throttling_factor: Option<f64> = "memoryThrottlingFactor",
        /// How requests of memory are protected (KEP-2570): `None` or `TieredReservation`. Needs the gate
        /// `MemoryQoS`. Since 1.36.
        memory_reservation_policy: String = "memoryReservationPolicy" [since 36],
        /// The taints that the node registers with.
        register_with_taints: Vec<Taint> = "registerWithTaints",
        /// Whether the agent registers its node. Default: true.
        register_node: Option<bool> = "registerNode",
        /// The agent's own traces. Unset: there are none.
        tracing: Option<TracingConfiguration> = "tracing",
        /// Whether pods are held to their limits of local disk. Default: true.
        local_storage_capacity_isolation: Option<bool> = "localStorageCapacityIsolation",
        /// The socket of the container runtime. Default: `unix:///run/containerd/containerd.sock`.
        container_runtime_endpoint: String = "containerRuntimeEndpoint" [always],
        /// The socket of the image service. Empty: the container runtime's.
        image_service_endpoint: String = "imageServiceEndpoint",
        /// Whether the agent refuses to run on cgroup v1. Default: false.
        fail_cgroup_v1: Option<bool> = "failCgroupV1",
        /// User namespaces of pods. Since 1.33.
        user_namespaces: Option<UserNamespaces> = "userNamespaces" [since 33],
    }
}

impl KubeletConfiguration {
    /// What `featureGates` sets, for a [`GateRegistry`](crate::behaviour::GateRegistry) to judge.
    #[must_use]
    pub fn feature_gate_settings(&self) -> FeatureGateSettings {
        self.feature_gates.iter().map(|(name, enabled)| (name, *enabled)).collect()
    }
}
