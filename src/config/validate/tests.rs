use serde_json::{Value, json};

use super::*;

/// A configuration with its defaults, and fields that are set over them; `null` is unset.
fn config(set: &Value) -> KubeletConfiguration {
    let defaults = KubeletConfiguration::default().with_defaults();
    let mut fields = serde_json::to_value(defaults).unwrap();
    for (name, value) in set.as_object().unwrap() {
        fields[name] = value.clone();
    }
    serde_json::from_value(fields).unwrap()
}

fn errors(set: &Value, host: &Host) -> Vec<(String, String)> {
    let errors = config(set).validate(host).err().unwrap_or_default();
    errors.into_iter().map(|error| (error.path().to_owned(), error.to_string())).collect()
}

/// One fault each: what is set, the path, and what the kubelet says behind `invalid configuration: `.
#[test]
fn every_rule_has_the_kubelets_words() {
    let tracing_off = json!({"featureGates": {"KubeletTracing": false}, "tracing": {}});
    let no_shutdown = json!({"featureGates": {"GracefulNodeShutdown": false,
        "GracefulNodeShutdownBasedOnPodPriority": false}, "shutdownGracePeriod": "10s"});
    let by_priority = json!([{"priority": 0, "shutdownGracePeriodSeconds": 10}]);
    let no_priority = json!({"featureGates": {"GracefulNodeShutdownBasedOnPodPriority": false},
        "shutdownGracePeriodByPodPriority": by_priority.clone()});
    let both = json!({"shutdownGracePeriod": "10s", "shutdownGracePeriodByPodPriority": by_priority});
    let crash = |period: &str| {
        json!({"featureGates": {"KubeletCrashLoopBackOffMax": true},
            "crashLoopBackOff": {"maxContainerRestartPeriod": period}})
    };
    let custom_period =
        json!({"featureGates": {"CustomCPUCFSQuotaPeriod": true}, "cpuCFSQuotaPeriod": "999µs"});
    for (set, path, message) in [
        (
            json!({"nodeLeaseDurationSeconds": 0}),
            "nodeLeaseDurationSeconds",
            "nodeLeaseDurationSeconds must be greater than 0",
        ),
        (
            json!({"systemCgroups": "/s"}),
            "systemCgroups",
            "systemCgroups (--system-cgroups) was specified and cgroupRoot (--cgroup-root) was not specified",
        ),
        (
            json!({"eventBurst": -1}),
            "eventBurst",
            "eventBurst (--event-burst) -1 must not be a negative number",
        ),
        (
            json!({"eventRecordQPS": -1}),
            "eventRecordQPS",
            "eventRecordQPS (--event-qps) -1 must not be a negative number",
        ),
        (
            json!({"healthzPort": 65536}),
            "healthzPort",
            "healthzPort (--healthz-port) 65536 must be between 1 and 65535, inclusive",
        ),
        (
            json!({"cpuCFSQuotaPeriod": "10ms"}),
            "cpuCFSQuotaPeriod",
            "cpuCFSQuotaPeriod (--cpu-cfs-quota-period) {10ms} requires feature gate CustomCPUCFSQuotaPeriod",
        ),
        (
            custom_period,
            "cpuCFSQuotaPeriod",
            "cpuCFSQuotaPeriod (--cpu-cfs-quota-period) {999µs} must be between 1ms and 1sec, inclusive",
        ),
        (
            json!({"imageGCHighThresholdPercent": 101}),
            "imageGCHighThresholdPercent",
            "imageGCHighThresholdPercent (--image-gc-high-threshold) 101 must be between 0 and 100, inclusive",
        ),
        (
            json!({"imageGCLowThresholdPercent": -1}),
            "imageGCLowThresholdPercent",
            "imageGCLowThresholdPercent (--image-gc-low-threshold) -1 must be between 0 and 100, inclusive",
        ),
        (
            json!({"imageGCLowThresholdPercent": 85}),
            "imageGCLowThresholdPercent",
            "imageGCLowThresholdPercent (--image-gc-low-threshold) 85 must be less than \
             imageGCHighThresholdPercent (--image-gc-high-threshold) 85",
        ),
        (
            json!({"featureGates": {"ImageMaximumGCAge": false}, "imageMaximumGCAge": "1h"}),
            "imageMaximumGCAge",
            "ImageMaximumGCAge feature gate is required for Kubelet configuration option imageMaximumGCAge",
        ),
        (
            json!({"imageMaximumGCAge": "-1s"}),
            "imageMaximumGCAge",
            "imageMaximumGCAge -1s must not be negative",
        ),
        (
            json!({"imageMaximumGCAge": "2m"}),
            "imageMaximumGCAge",
            "imageMaximumGCAge 2m0s must be greater than imageMinimumGCAge 2m0s",
        ),
        (
            json!({"iptablesDropBit": 32}),
            "iptablesDropBit",
            "iptablesDropBit (--iptables-drop-bit) 32 must be between 0 and 31, inclusive",
        ),
        (
            json!({"iptablesMasqueradeBit": -1}),
            "iptablesMasqueradeBit",
            "iptablesMasqueradeBit (--iptables-masquerade-bit) -1 must be between 0 and 31, inclusive",
        ),
        (
            json!({"kubeAPIBurst": -1}),
            "kubeAPIBurst",
            "kubeAPIBurst (--kube-api-burst) -1 must not be a negative number",
        ),
        (
            json!({"kubeAPIQPS": -1}),
            "kubeAPIQPS",
            "kubeAPIQPS (--kube-api-qps) -1 must not be a negative number",
        ),
        (
            json!({"nodeStatusMaxImages": -2}),
            "nodeStatusMaxImages",
            "nodeStatusMaxImages (--node-status-max-images) -2 must be -1 or greater",
        ),
        (
            json!({"maxOpenFiles": -1}),
            "maxOpenFiles",
            "maxOpenFiles (--max-open-files) -1 must not be a negative number",
        ),
        (json!({"maxPods": -1}), "maxPods", "maxPods (--max-pods) -1 must not be a negative number"),
        (
            json!({"oomScoreAdj": -1001}),
            "oomScoreAdj",
            "oomScoreAdj (--oom-score-adj) -1001 must be between -1000 and 1000, inclusive",
        ),
        (
            json!({"podsPerCore": -1}),
            "podsPerCore",
            "podsPerCore (--pods-per-core) -1 must not be a negative number",
        ),
        (json!({"port": 0}), "port", "port (--port) 0 must be between 1 and 65535, inclusive"),
        (
            json!({"readOnlyPort": -1}),
            "readOnlyPort",
            "readOnlyPort (--read-only-port) -1 must be between 0 and 65535, inclusive",
        ),
        (
            json!({"registryBurst": -1}),
            "registryBurst",
            "registryBurst (--registry-burst) -1 must not be a negative number",
        ),
        (
            json!({"registryPullQPS": -1}),
            "registryPullQPS",
            "registryPullQPS (--registry-qps) -1 must not be a negative number",
        ),
        (
            json!({"maxParallelImagePulls": 0}),
            "maxParallelImagePulls",
            "maxParallelImagePulls 0 must be a positive number",
        ),
        (
            json!({"maxParallelImagePulls": 2}),
            "maxParallelImagePulls",
            "maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls (--serialize-image-pulls) \
             is set to false",
        ),
        (
            json!({"featureGates": {"RotateKubeletServerCertificate": false}, "serverTLSBootstrap": true}),
            "serverTLSBootstrap",
            "serverTLSBootstrap true requires feature gate RotateKubeletServerCertificate",
        ),
        (
            json!({"runOnce": true}),
            "runOnce",
            "runOnce (--runOnce) true, Runonce mode has been deprecated and should not be set",
        ),
        (
            json!({"registerWithTaints": [{"key": "a", "timeAdded": "2020-01-01T00:00:00Z"}]}),
            "registerWithTaints[0].timeAdded",
            "taint.TimeAdded is not nil",
        ),
        (
            json!({"topologyManagerPolicy": "foo"}),
            "topologyManagerPolicy",
            "topologyManagerPolicy (--topology-manager-policy) \"foo\" must be one of: \
             [\"none\" \"best-effort\" \"restricted\" \"single-numa-node\"]",
        ),
        (
            json!({"topologyManagerScope": ""}),
            "topologyManagerScope",
            "topologyManagerScope (--topology-manager-scope) \"\" must be one of: \"container\", or \"pod\"",
        ),
        (
            json!({"shutdownGracePeriod": "5s", "shutdownGracePeriodCriticalPods": "10s"}),
            "shutdownGracePeriodCriticalPods",
            "shutdownGracePeriodCriticalPods {10s} must be <= shutdownGracePeriod {5s}",
        ),
        (
            json!({"shutdownGracePeriod": "500ms"}),
            "shutdownGracePeriod",
            "shutdownGracePeriod {500ms} must be either zero or otherwise >= 1 sec",
        ),
        (
            json!({"shutdownGracePeriodCriticalPods": "-5s"}),
            "shutdownGracePeriodCriticalPods",
            "shutdownGracePeriodCriticalPods {-5s} must be either zero or otherwise >= 1 sec",
        ),
        (
            no_shutdown,
            "shutdownGracePeriod",
            "specifying shutdownGracePeriod or shutdownGracePeriodCriticalPods requires feature gate \
             GracefulNodeShutdown",
        ),
        (
            both,
            "shutdownGracePeriodByPodPriority",
            "Cannot specify both shutdownGracePeriodByPodPriority and shutdownGracePeriod at the same time",
        ),
        (
            no_priority,
            "shutdownGracePeriodByPodPriority",
            "Specifying shutdownGracePeriodByPodPriority requires feature gate \
             GracefulNodeShutdownBasedOnPodPriority",
        ),
        (
            json!({"memorySwap": {"swapBehavior": "UnlimitedSwap"}}),
            "memorySwap.swapBehavior",
            "memorySwap.swapBehavior \"UnlimitedSwap\" must be one of: \"\", \"LimitedSwap\" or \"NoSwap\"",
        ),
        (
            json!({"featureGates": {"NodeSwap": false}, "memorySwap": {"swapBehavior": "NoSwap"}}),
            "memorySwap.swapBehavior",
            "memorySwap.swapBehavior cannot be set when NodeSwap feature flag is disabled",
        ),
        (
            json!({"featureGates": {"KubeletCrashLoopBackOffMax": true}}),
            "crashLoopBackOff.maxContainerRestartPeriod",
            "FeatureGate KubeletCrashLoopBackOffMax is enabled, CrashLoopBackOff.MaxContainerRestartPeriod \
             must be set",
        ),
        (
            json!({"crashLoopBackOff": {"maxContainerRestartPeriod": "10s"}}),
            "crashLoopBackOff.maxContainerRestartPeriod",
            "FeatureGate KubeletCrashLoopBackOffMax not enabled, CrashLoopBackOff.MaxContainerRestartPeriod \
             must not be set",
        ),
        (
            crash("999ms"),
            "crashLoopBackOff.maxContainerRestartPeriod",
            "CrashLoopBackOff.MaxContainerRestartPeriod (got: 0.999 seconds) must be set between 1s and 300s",
        ),
        (
            crash("-1m40s"),
            "crashLoopBackOff.maxContainerRestartPeriod",
            "CrashLoopBackOff.MaxContainerRestartPeriod (got: -100 seconds) must be set between 1s and 300s",
        ),
        (
            json!({"enforceNodeAllocatable": ["system-reserved", "system-reserved-compressible"],
                "systemReservedCgroup": "/s"}),
            "enforceNodeAllocatable",
            "both \"system-reserved\" and \"system-reserved-compressible\" cannot be specified together in \
             enforceNodeAllocatable (--enforce-node-allocatable)",
        ),
        (
            json!({"enforceNodeAllocatable": ["pods", "pods"]}),
            "enforceNodeAllocatable[1]",
            "duplicated enforcements \"pods\" in enforceNodeAllocatable (--enforce-node-allocatable)",
        ),
        (
            json!({"enforceNodeAllocatable": ["system-reserved"]}),
            "enforceNodeAllocatable[0]",
            "systemReservedCgroup (--system-reserved-cgroup) must be specified when \"system-reserved\" or \
             \"system-reserved-compressible\" included in enforceNodeAllocatable (--enforce-node-allocatable)",
        ),
        (
            json!({"enforceNodeAllocatable": ["kube-reserved-compressible"]}),
            "enforceNodeAllocatable[0]",
            "kubeReservedCgroup (--kube-reserved-cgroup) must be specified when \"kube-reserved\" or \
             \"kube-reserved-compressible\" included in enforceNodeAllocatable (--enforce-node-allocatable)",
        ),
        (
            json!({"enforceNodeAllocatable": ["pods", "none"]}),
            "enforceNodeAllocatable[1]",
            "enforceNodeAllocatable (--enforce-node-allocatable) may not contain additional enforcements when \
             \"none\" is specified",
        ),
        (
            json!({"enforceNodeAllocatable": ["bogus"]}),
            "enforceNodeAllocatable[0]",
            "option \"bogus\" specified for enforceNodeAllocatable (--enforce-node-allocatable). Valid options \
             are \"pods\", \"system-reserved\", \"system-reserved-compressible\", \"kube-reserved\", \
             \"kube-reserved-compressible\" or \"none\"",
        ),
        (
            json!({"cgroupsPerQOS": false}),
            "enforceNodeAllocatable[0]",
            "cgroupsPerQOS (--cgroups-per-qos) must be set to true when \"pods\" contained in \
             enforceNodeAllocatable (--enforce-node-allocatable)",
        ),
        (
            json!({"hairpinMode": "foo"}),
            "hairpinMode",
            "option \"foo\" specified for hairpinMode (--hairpin-mode). Valid options are \"none\", \
             \"hairpin-veth\" or \"promiscuous-bridge\"",
        ),
        (
            json!({"imagePullCredentialsVerificationPolicy": "AlwaysVerify"}),
            "imagePullCredentialsVerificationPolicy",
            "`imagePullCredentialsVerificationPolicy` must not be set if KubeletEnsureSecretPulledImages \
             feature gate is not enabled",
        ),
        (
            json!({"preloadedImagesVerificationAllowlist": ["r.example/*"]}),
            "preloadedImagesVerificationAllowlist",
            "`preloadedImagesVerificationAllowlist` must not be set if KubeletEnsureSecretPulledImages feature \
             gate is not enabled",
        ),
        (
            json!({"reservedSystemCPUs": "0", "kubeReservedCgroup": "/k"}),
            "reservedSystemCPUs",
            "can't use reservedSystemCPUs (--reserved-cpus) with systemReservedCgroup (--system-reserved-cgroup) \
             or kubeReservedCgroup (--kube-reserved-cgroup)",
        ),
        (
            json!({"reservedSystemCPUs": "1,,2"}),
            "reservedSystemCPUs",
            "unable to parse reservedSystemCPUs (--reserved-cpus) 1,,2, error: strconv.Atoi: parsing \"\": \
             invalid syntax",
        ),
        (
            json!({"reservedSystemCPUs": "3-1"}),
            "reservedSystemCPUs",
            "unable to parse reservedSystemCPUs (--reserved-cpus) 3-1, error: invalid range \"3-1\" (3 > 1)",
        ),
        (
            json!({"reservedMemory": [{"numaNode": 1, "limits": {"cpu": "1"}}]}),
            "reservedMemory[0].limits.cpu",
            "the limit type \"cpu\" for NUMA node 1 is not supported, only [memory hugepages-<HugePageSize>] is \
             accepted",
        ),
        (
            json!({"reservedMemory": [{"numaNode": 0, "limits": {"memory": "0"}}]}),
            "reservedMemory[0].limits.memory",
            "reserved memory may not be zero for NUMA node 0 and resource \"memory\"",
        ),
        (
            json!({"reservedMemory": [{"limits": {"hugepages-2Mi": "2Mi"}}, {"limits": {"hugepages-2Mi": "4Mi"}}]}),
            "reservedMemory[1].limits.hugepages-2Mi",
            "the reserved memory has a duplicate value for NUMA node 0 and resource \"hugepages-2Mi\"",
        ),
        (
            tracing_off,
            "tracing",
            "tracing should not be configured if KubeletTracing feature flag is disabled.",
        ),
        (
            json!({"featureGates": {"MemoryQoS": true}, "memoryThrottlingFactor": null}),
            "memoryThrottlingFactor",
            "memoryThrottlingFactor is required when MemoryQoS feature flag is enabled",
        ),
        (
            json!({"memoryThrottlingFactor": 1.1}),
            "memoryThrottlingFactor",
            "memoryThrottlingFactor 1.1 must be greater than 0 and less than or equal to 1.0",
        ),
        (
            json!({"containerRuntimeEndpoint": ""}),
            "containerRuntimeEndpoint",
            "the containerRuntimeEndpoint was not specified or empty",
        ),
        (
            json!({"enableSystemLogQuery": true}),
            "enableSystemLogQuery",
            "NodeLogQuery feature gate is required for enableSystemLogHandler",
        ),
        (
            json!({"featureGates": {"NodeLogQuery": true}, "enableSystemLogQuery": true,
                "enableSystemLogHandler": false}),
            "enableSystemLogQuery",
            "enableSystemLogHandler is required for enableSystemLogQuery",
        ),
        (
            json!({"containerLogMaxWorkers": 0}),
            "containerLogMaxWorkers",
            "containerLogMaxWorkers must be greater than or equal to 1",
        ),
        (
            json!({"containerLogMonitorInterval": "2999ms"}),
            "containerLogMonitorInterval",
            "containerLogMonitorInterval must be a positive time duration greater than or equal to 3s",
        ),
        (json!({"podLogsDir": "logs"}), "podLogsDir", "pod logs path \"logs\" must be absolute path"),
        (json!({"podLogsDir": "/a/"}), "podLogsDir", "pod logs path \"/a/\" must be normalized"),
        (
            json!({"podLogsDir": "/lög"}),
            "podLogsDir",
            "pod logs path \"/lög\" mut contains ASCII characters only",
        ),
    ] {
        let expected = (path.to_owned(), format!("invalid configuration: {message}"));
        let found = errors(&set, &Host::default());
        assert!(found.contains(&expected), "{set}: {found:#?}");
        // Nothing else but what follows from the same value.
        assert!(
            found.iter().all(|(other, _)| other.split(['[', '.']).next() == path.split(['[', '.']).next()
                || other.starts_with("shutdownGracePeriod")),
            "{set}: {found:#?}"
        );
    }
}

#[test]
fn other_rules_have_other_words() {
    let json = json!({"format": "json", "verbosity": 0, "options": {}});
    let beta_off = json!({"featureGates": {"AllBeta": false}, "logging": json});
    for (set, path, message) in [
        (
            json!({"featureGates": {"CPUManager": false}}),
            "featureGates.CPUManager",
            "cannot set feature gate CPUManager to false, feature is locked to true",
        ),
        (
            json!({"registerWithTaints": [{"key": "a", "effect": "NoSchedule"}, {"key": "a b", "value": "c",
                "effect": "NoExecute"}]}),
            "registerWithTaints[1]",
            "invalid taint: {a b c NoExecute <nil>}",
        ),
        (
            json!({"showHiddenMetricsForVersion": "1.30"}),
            "showHiddenMetricsForVersion",
            "--show-hidden-metrics-for-version must be omitted or have the value '1.31'. Only the previous minor \
             version is allowed",
        ),
        (
            beta_off,
            "logging.format",
            "logging.format: Forbidden: Log format json is disabled, see LoggingBetaOptions feature",
        ),
        (
            json!({"logging": {"format": ""}}),
            "logging.format",
            "logging.format: Invalid value: \"\": Unsupported log format",
        ),
        (
            json!({"logging": {"format": "text", "verbosity": 2_147_483_648_u32}}),
            "logging.verbosity",
            "logging.verbosity: Invalid value: 0x80000000: Must be <= 2147483647",
        ),
        (
            json!({"logging": {"format": "json", "vmodule": [{"filePattern": "a", "verbosity": 1}]}}),
            "logging.vmodule",
            "logging.vmodule: Forbidden: Only supported for text log format",
        ),
        (
            json!({"logging": {"format": "text", "vmodule": [{}]}}),
            "logging.vmodule[0]",
            "logging.vmodule[0]: Required value: File pattern must not be empty",
        ),
        (
            json!({"logging": {"format": "text", "vmodule": [{"filePattern": "a=b", "verbosity": 1}]}}),
            "logging.vmodule[0]",
            "logging.vmodule[0]: Invalid value: \"a=b\": File pattern must not contain equal sign or comma",
        ),
        (
            json!({"logging": {"format": "text", "vmodule": [{"filePattern": "a", "verbosity": u32::MAX}]}}),
            "logging.vmodule[0]",
            "logging.vmodule[0]: Invalid value: 0xffffffff: Must be <= 2147483647",
        ),
        (
            json!({"logging": {"format": "text", "options": {"text": {"splitStream": true}}}}),
            "logging.options.text.splitStream",
            "logging.options.text.splitStream: Forbidden: Feature LoggingAlphaOptions is disabled",
        ),
        (
            json!({"logging": {"format": "text", "options": {"json": {"infoBufferSize": "1Mi"}}}}),
            "logging.options.json.infoBufferSize",
            "logging.options.json.infoBufferSize: Forbidden: Feature LoggingAlphaOptions is disabled",
        ),
        (
            json!({"tracing": {"samplingRatePerMillion": -1}}),
            "tracing.samplingRatePerMillion",
            "tracing.samplingRatePerMillion: Invalid value: -1: sampling rate must be positive",
        ),
        (
            json!({"tracing": {"samplingRatePerMillion": 1_000_001}}),
            "tracing.samplingRatePerMillion",
            "tracing.samplingRatePerMillion: Invalid value: 1000001: sampling rate per million must be less than \
             or equal to one million",
        ),
        (
            json!({"tracing": {"endpoint": "tcp://x"}}),
            "tracing.endpoint",
            "tracing.endpoint: Invalid value: \"tcp://x\": unsupported scheme: tcp.  Options are none, dns, unix, \
             or unix-abstract.  See https://github.com/grpc/grpc/blob/master/doc/naming.md",
        ),
        (
            json!({"tracing": {"endpoint": "a:b"}}),
            "tracing.endpoint",
            "tracing.endpoint: Invalid value: \"dns://a:b\": parse \"dns://a:b\": invalid port \":b\" after host",
        ),
    ] {
        let expected = vec![(path.to_owned(), message.to_owned())];
        assert_eq!(errors(&set, &Host::default()), expected, "{set}");
    }
}

#[test]
fn an_invalid_taint_with_a_time_prints_it_as_go_does() {
    let set = json!({"registerWithTaints": [{"key": "", "timeAdded": "2020-01-01T00:00:00Z"}]});
    let messages: Vec<_> = errors(&set, &Host::default()).into_iter().map(|(_, message)| message).collect();
    let time = "invalid configuration: taint.TimeAdded is not nil";
    assert_eq!(messages, ["invalid taint: {   2020-01-01 00:00:00 +0000 UTC}", time]);
}

#[test]
fn a_gate_that_is_wrong_is_all_that_is_said() {
    let set = json!({"maxPods": -1, "featureGates": {"NoSuchGate": true, "DevicePluginCDIDevices": false}});
    let messages: Vec<_> = errors(&set, &Host::default()).into_iter().map(|(_, message)| message).collect();
    assert_eq!(
        messages,
        [
            "cannot set feature gate DevicePluginCDIDevices to false, feature is locked to true",
            "unrecognized feature gate: NoSuchGate"
        ]
    );
}

#[test]
fn newer_gates_pass_where_they_are_admitted() {
    let gates = json!({"KubeletEnsureSecretPulledImages": true});
    let set = |policy: &str, list: &[&str]| {
        json!({"featureGates": gates, "imagePullCredentialsVerificationPolicy": policy,
            "preloadedImagesVerificationAllowlist": list})
    };
    assert_eq!(errors(&set("AlwaysVerify", &[]), &Host::default()).len(), 1);
    let host = Host { gates: GateRegistry::default().with_newer(), ..Host::default() };
    assert_eq!(errors(&set("NeverVerifyAllowlistedImages", &["r.example/*"]), &host), []);
    for (policy, list, path, message) in [
        (
            "Never",
            &[][..],
            "imagePullCredentialsVerificationPolicy",
            "option \"Never\" specified for imagePullCredentialsVerificationPolicy. Valid options are \
             \"NeverVerify\", \"NeverVerifyPreloadedImages\", \"NeverVerifyAllowlistedImages\" or \"AlwaysVerify\"",
        ),
        (
            "NeverVerify",
            &["r.example/*"],
            "preloadedImagesVerificationAllowlist",
            "can't set `preloadedImagesVerificationAllowlist` if `imagePullCredentialsVertificationPolicy` is not \
             \"NeverVerifyAllowlistedImages\"",
        ),
        (
            "NeverVerifyAllowlistedImages",
            &["r.example/a", "*"],
            "preloadedImagesVerificationAllowlist[1]",
            "invalid image pattern in `preloadedImagesVerificationAllowlist`: not a valid wildcard pattern, only \
             patterns ending with '/*' are allowed: *",
        ),
    ] {
        let expected = vec![(path.to_owned(), format!("invalid configuration: {message}"))];
        assert_eq!(errors(&set(policy, list), &host), expected);
    }
}

#[test]
fn rules_of_the_host() {
    let v1 = Host { cgroup_v2: false, ..Host::default() };
    let fail = json!({"failCgroupV1": true, "singleProcessOOMKill": false});
    let one_by_one = json!({"singleProcessOOMKill": false});
    assert_eq!(errors(&fail, &Host::default()), []);
    assert_eq!(errors(&json!({}), &v1), []);
    let said = |path: &str, message: &str| vec![(path.to_owned(), message.to_owned())];
    assert_eq!(
        errors(&fail, &v1),
        said(
            "failCgroupV1",
            "kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is in maintenance mode"
        )
    );
    assert_eq!(
        errors(&one_by_one, &v1),
        said(
            "singleProcessOOMKill",
            "invalid configuration: singleProcessOOMKill must not be explicitly set to false when using cgroup v1"
        )
    );
    let windows = Host { platform: Platform::Windows, ..Host::default() };
    let messages: Vec<_> = errors(&json!({}), &windows).into_iter().map(|(_, message)| message).collect();
    assert_eq!(
        messages,
        [
            "invalid configuration: CgroupsPerQOS (--cgroups-per-qos) true is not supported on Windows",
            "invalid configuration: EnforceNodeAllocatable (--enforce-node-allocatable) [pods] is not supported \
             on Windows"
        ]
    );
}

#[test]
fn what_is_unset_counts_as_zero() {
    let found = KubeletConfiguration::default().validate(&Host::default()).unwrap_err();
    let paths: Vec<_> = found.errors().iter().map(ValidationError::path).collect();
    assert!(paths.starts_with(&[
        "nodeLeaseDurationSeconds",
        "cpuCFSQuotaPeriod",
        "imageGCLowThresholdPercent"
    ]));
    assert_eq!(found.errors()[2].others(), ["imageGCHighThresholdPercent"]);
}
