//! The flags that there are.

/// A flag that sets a field.
#[derive(Debug)]
pub(super) struct Flag {
    /// Its name, with its dashes.
    pub(super) name: &'static str,
    /// The path of the field.
    pub(super) path: &'static str,
    /// How its value is read.
    pub(super) kind: FlagKind,
}

/// How the value of a flag is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FlagKind {
    Bool,
    Int32,
    Int64,
    Uint32,
    String,
    Ip,
    Quantity,
    Duration,
    /// Items with commas between them.
    List,
    /// Pairs with commas between them, and this between key and value.
    Map(char),
    /// One pair, whose value may have commas.
    MapWhole,
    /// Pairs of a gate and a boolean.
    Gates,
    /// Pairs with a colon, several of a key.
    Headers,
    Taints,
    ReservedMemory,
    VModule,
}

use FlagKind::{
    Bool, Duration, Gates, Headers, Int32, Int64, Ip, List, Map, MapWhole, Quantity, ReservedMemory, String,
    Taints, Uint32, VModule,
};

const fn flag(name: &'static str, path: &'static str, kind: FlagKind) -> Flag {
    Flag { name, path, kind }
}

/// Those of the kubelet 1.32 (`AddKubeletConfigFlags`), by name.
pub(super) const FLAGS: &[Flag] = &[
    flag("--address", "address", Ip),
    flag("--allowed-unsafe-sysctls", "allowedUnsafeSysctls", List),
    flag("--anonymous-auth", "authentication.anonymous.enabled", Bool),
    flag("--authentication-token-webhook", "authentication.webhook.enabled", Bool),
    flag("--authentication-token-webhook-cache-ttl", "authentication.webhook.cacheTTL", Duration),
    flag("--authorization-mode", "authorization.mode", String),
    flag(
        "--authorization-webhook-cache-authorized-ttl",
        "authorization.webhook.cacheAuthorizedTTL",
        Duration,
    ),
    flag(
        "--authorization-webhook-cache-unauthorized-ttl",
        "authorization.webhook.cacheUnauthorizedTTL",
        Duration,
    ),
    flag("--cgroup-driver", "cgroupDriver", String),
    flag("--cgroup-root", "cgroupRoot", String),
    flag("--cgroups-per-qos", "cgroupsPerQOS", Bool),
    flag("--client-ca-file", "authentication.x509.clientCAFile", String),
    flag("--cluster-dns", "clusterDNS", List),
    flag("--cluster-domain", "clusterDomain", String),
    flag("--container-log-max-files", "containerLogMaxFiles", Int32),
    flag("--container-log-max-size", "containerLogMaxSize", String),
    flag("--container-runtime-endpoint", "containerRuntimeEndpoint", String),
    flag("--contention-profiling", "enableContentionProfiling", Bool),
    flag("--cpu-cfs-quota", "cpuCFSQuota", Bool),
    flag("--cpu-cfs-quota-period", "cpuCFSQuotaPeriod", Duration),
    flag("--cpu-manager-policy", "cpuManagerPolicy", String),
    flag("--cpu-manager-policy-options", "cpuManagerPolicyOptions", MapWhole),
    flag("--cpu-manager-reconcile-period", "cpuManagerReconcilePeriod", Duration),
    flag("--enable-controller-attach-detach", "enableControllerAttachDetach", Bool),
    flag("--enable-debugging-handlers", "enableDebuggingHandlers", Bool),
    flag("--enable-server", "enableServer", Bool),
    flag("--enforce-node-allocatable", "enforceNodeAllocatable", List),
    flag("--event-burst", "eventBurst", Int32),
    flag("--event-qps", "eventRecordQPS", Int32),
    flag("--eviction-hard", "evictionHard", Map('<')),
    flag("--eviction-max-pod-grace-period", "evictionMaxPodGracePeriod", Int32),
    flag("--eviction-minimum-reclaim", "evictionMinimumReclaim", Map('=')),
    flag("--eviction-pressure-transition-period", "evictionPressureTransitionPeriod", Duration),
    flag("--eviction-soft", "evictionSoft", Map('<')),
    flag("--eviction-soft-grace-period", "evictionSoftGracePeriod", Map('=')),
    flag("--fail-cgroupv1", "failCgroupV1", Bool),
    flag("--fail-swap-on", "failSwapOn", Bool),
    flag("--feature-gates", "featureGates", Gates),
    flag("--file-check-frequency", "fileCheckFrequency", Duration),
    flag("--hairpin-mode", "hairpinMode", String),
    flag("--healthz-bind-address", "healthzBindAddress", Ip),
    flag("--healthz-port", "healthzPort", Int32),
    flag("--http-check-frequency", "httpCheckFrequency", Duration),
    flag("--image-gc-high-threshold", "imageGCHighThresholdPercent", Int32),
    flag("--image-gc-low-threshold", "imageGCLowThresholdPercent", Int32),
    flag("--image-service-endpoint", "imageServiceEndpoint", String),
    flag("--iptables-drop-bit", "iptablesDropBit", Int32),
    flag("--iptables-masquerade-bit", "iptablesMasqueradeBit", Int32),
    flag("--kernel-memcg-notification", "kernelMemcgNotification", Bool),
    flag("--kube-api-burst", "kubeAPIBurst", Int32),
    flag("--kube-api-content-type", "contentType", String),
    flag("--kube-api-qps", "kubeAPIQPS", Int32),
    flag("--kube-reserved", "kubeReserved", Map('=')),
    flag("--kube-reserved-cgroup", "kubeReservedCgroup", String),
    flag("--kubelet-cgroups", "kubeletCgroups", String),
    flag("--local-storage-capacity-isolation", "localStorageCapacityIsolation", Bool),
    flag("--log-flush-frequency", "logging.flushFrequency", Duration),
    flag("--log-json-info-buffer-size", "logging.options.json.infoBufferSize", Quantity),
    flag("--log-json-split-stream", "logging.options.json.splitStream", Bool),
    flag("--log-text-info-buffer-size", "logging.options.text.infoBufferSize", Quantity),
    flag("--log-text-split-stream", "logging.options.text.splitStream", Bool),
    flag("--logging-format", "logging.format", String),
    flag("--make-iptables-util-chains", "makeIPTablesUtilChains", Bool),
    flag("--manifest-url", "staticPodURL", String),
    flag("--manifest-url-header", "staticPodURLHeader", Headers),
    flag("--max-open-files", "maxOpenFiles", Int64),
    flag("--max-pods", "maxPods", Int32),
    flag("--memory-manager-policy", "memoryManagerPolicy", String),
    flag("--minimum-image-ttl-duration", "imageMinimumGCAge", Duration),
    flag("--node-status-max-images", "nodeStatusMaxImages", Int32),
    flag("--node-status-update-frequency", "nodeStatusUpdateFrequency", Duration),
    flag("--oom-score-adj", "oomScoreAdj", Int32),
    flag("--pod-cidr", "podCIDR", String),
    flag("--pod-manifest-path", "staticPodPath", String),
    flag("--pod-max-pids", "podPidsLimit", Int64),
    flag("--pods-per-core", "podsPerCore", Int32),
    flag("--port", "port", Int32),
    flag("--protect-kernel-defaults", "protectKernelDefaults", Bool),
    flag("--provider-id", "providerID", String),
    flag("--qos-reserved", "qosReserved", Map('=')),
    flag("--read-only-port", "readOnlyPort", Int32),
    flag("--register-node", "registerNode", Bool),
    flag("--register-with-taints", "registerWithTaints", Taints),
    flag("--registry-burst", "registryBurst", Int32),
    flag("--registry-qps", "registryPullQPS", Int32),
    flag("--reserved-cpus", "reservedSystemCPUs", String),
    flag("--reserved-memory", "reservedMemory", ReservedMemory),
    flag("--resolv-conf", "resolvConf", String),
    flag("--rotate-certificates", "rotateCertificates", Bool),
    flag("--rotate-server-certificates", "serverTLSBootstrap", Bool),
    flag("--runonce", "runOnce", Bool),
    flag("--runtime-request-timeout", "runtimeRequestTimeout", Duration),
    flag("--serialize-image-pulls", "serializeImagePulls", Bool),
    flag("--streaming-connection-idle-timeout", "streamingConnectionIdleTimeout", Duration),
    flag("--sync-frequency", "syncFrequency", Duration),
    flag("--system-cgroups", "systemCgroups", String),
    flag("--system-reserved", "systemReserved", Map('=')),
    flag("--system-reserved-cgroup", "systemReservedCgroup", String),
    flag("--tls-cert-file", "tlsCertFile", String),
    flag("--tls-cipher-suites", "tlsCipherSuites", List),
    flag("--tls-min-version", "tlsMinVersion", String),
    flag("--tls-private-key-file", "tlsPrivateKeyFile", String),
    flag("--topology-manager-policy", "topologyManagerPolicy", String),
    flag("--topology-manager-policy-options", "topologyManagerPolicyOptions", Map('=')),
    flag("--topology-manager-scope", "topologyManagerScope", String),
    flag("--v", "logging.verbosity", Uint32),
    flag("--vmodule", "logging.vmodule", VModule),
    flag("--volume-plugin-dir", "volumePluginDir", String),
    flag("--volume-stats-agg-period", "volumeStatsAggPeriod", Duration),
];

/// Other flags of the kubelet 1.32 that take a value.
pub(super) const OTHERS: &[&str] = &[
    "bootstrap-kubeconfig",
    "cert-dir",
    "cloud-config",
    "cloud-provider",
    "config",
    "config-dir",
    "experimental-mounter-path",
    "hostname-override",
    "housekeeping-interval",
    "image-credential-provider-bin-dir",
    "image-credential-provider-config",
    "kubeconfig",
    "lock-file",
    "maximum-dead-containers",
    "maximum-dead-containers-per-container",
    "minimum-container-ttl-duration",
    "node-ip",
    "node-labels",
    "pod-infra-container-image",
    "root-dir",
    "runtime-cgroups",
];

/// Other flags of the kubelet 1.32 that are true without a value.
pub(super) const OTHER_BOOLEANS: &[&str] = &[
    "exit-on-lock-contention",
    "experimental-allocatable-ignore-eviction",
    "help",
    "keep-terminated-pod-volumes",
    "seccomp-default",
    "version",
    "windows-service",
];
