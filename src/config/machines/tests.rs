use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::eviction::Platform;

fn config(json: Value) -> KubeletConfiguration {
    serde_json::from_value(json).unwrap()
}

fn newer() -> Host {
    Host { gates: GateRegistry::default().with_newer(), ..Host::default() }
}

#[test]
fn an_unset_configuration_is_the_default_of_every_machine() {
    let machines = MachineSettings::of(&config(json!({})), &Host::default(), Compat::default()).unwrap();
    assert_eq!(machines.behaviour, Behaviour::default());
    assert_eq!(machines.eviction, EvictionConfig::default());
    assert_eq!(machines.eviction_notices, []);
    assert_eq!(machines.image_gc, ImageGcConfig::default());
    assert_eq!(machines.pulls, PullConfig::default());
    assert!(!machines.verification.is_needed("r.example/a", true));
    assert_eq!(machines.pods, PodsSettings::default());
    assert_eq!(machines.node, NodeSettings::default());
    assert_eq!(machines.pod_cgroup, PodCgroupSettings::default());
    assert_eq!(machines.resize, ResizeNode::default());
    #[cfg(feature = "driver")]
    assert_eq!(machines.driver(), crate::driver::DriverSettings::default());
}

#[test]
fn pulls_are_as_the_kubelet_counts_them() {
    let pulls = |json| {
        let PullConfig { max_parallel, rate_limit, .. } = PullConfig::try_from(&config(json)).unwrap();
        (max_parallel.map(u32::from), rate_limit.map(|limit| (limit.tokens, limit.burst)))
    };
    assert_eq!(pulls(json!({})), (Some(1), Some((5, 10))));
    assert_eq!(pulls(json!({"maxParallelImagePulls": 4})), (Some(4), Some((5, 10))));
    assert_eq!(pulls(json!({"serializeImagePulls": false})), (None, Some((5, 10))));
    assert_eq!(pulls(json!({"serializeImagePulls": true, "maxParallelImagePulls": 1})).0, Some(1));
    assert_eq!(pulls(json!({"registryPullQPS": 0, "registryBurst": 3})).1, None);
    assert_eq!(pulls(json!({"registryPullQPS": 1, "registryBurst": 3})).1, Some((1, 3)));
}

#[test]
fn crash_loops_have_their_own_maximum_with_the_gate() {
    let json = json!({"crashLoopBackOff": {"maxContainerRestartPeriod": "30s"}});
    let longest = |gates: Value| {
        let mut json = json.clone();
        json["featureGates"] = gates;
        let settings = CrashLoopSettings::try_from(&config(json)).unwrap();
        (settings.initial, settings.max)
    };
    let seconds = Duration::from_secs;
    assert_eq!(longest(json!({})), (seconds(10), seconds(300)));
    assert_eq!(longest(json!({"KubeletCrashLoopBackOffMax": true})), (seconds(10), seconds(30)));
    assert_eq!(longest(json!({"AllAlpha": true})), (seconds(10), seconds(30)));
    let gentle = json!({"ReduceDefaultCrashLoopBackOffDecay": true});
    assert_eq!(longest(gentle), (seconds(1), seconds(60)));
}

#[test]
fn who_has_to_prove_that_it_may_use_an_image() {
    let json = json!({"imagePullCredentialsVerificationPolicy": "NeverVerifyAllowlistedImages",
        "preloadedImagesVerificationAllowlist": ["r.example/public/*"]});
    let off = Verification::try_from(&config(json.clone())).unwrap();
    assert!(!off.is_needed("r.example/team/web", false));
    let mut json = json;
    json["featureGates"] = json!({"KubeletEnsureSecretPulledImages": true});
    let on = Verification::try_from(&config(json.clone())).unwrap();
    assert!(on.is_needed("r.example/team/web", false) && !on.is_needed("r.example/public/web", false));
    let unknown = MachineSettings::of(&config(json), &Host::default(), Compat::default()).unwrap_err();
    assert_eq!(unknown.errors()[0].path(), "featureGates.KubeletEnsureSecretPulledImages");
}

#[test]
fn a_node_is_as_its_host() {
    let json = json!({"cpuCFSQuotaPeriod": "10.0005ms", "podPidsLimit": 4096, "cpuManagerPolicy": "static"});
    let mut host =
        Host { capacity: [("memory".to_owned(), "4Gi".parse().unwrap())].into(), ..Host::default() };
    let of = |host: &Host| MachineSettings::of(&config(json.clone()), host, Compat::default()).unwrap();
    let machines = of(&host);
    assert_eq!(machines.node.memory_capacity_bytes, Some(4 << 30));
    assert_eq!(machines.node.cpu_cfs_quota_period_us, Some(10_000));
    assert!(machines.node.oom_group_kill && machines.resize.exclusive_cpus);
    assert_eq!(machines.pod_cgroup.pids_limit, Some(4096));
    host.cgroup_v2 = false;
    assert!(!of(&host).node.oom_group_kill);
    host = Host { platform: Platform::Windows, ..host };
    assert_eq!(of(&host).eviction.thresholds[0].to_string(), "allocatableMemory.available<500Mi");

    let off = config(json!({"cpuCFSQuota": false, "podPidsLimit": 0, "singleProcessOOMKill": true}));
    let machines = MachineSettings::of(&off, &Host::default(), Compat::default()).unwrap();
    assert_eq!(machines.node.cpu_cfs_quota_period_us, None);
    assert_eq!(machines.pod_cgroup, PodCgroupSettings { cpu_cfs_quota_period_us: None, pids_limit: None });
    assert!(!machines.node.oom_group_kill);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let config = config(json!({
        "featureGates": {"NodeSwp": true}, "evictionSoft": {"memory.available": "1Gi"},
        "evictionMaxPodGracePeriod": -1, "evictionPressureTransitionPeriod": "-5m",
        "imageGCHighThresholdPercent": 50, "imageMaximumGCAge": "1m", "runtimeRequestTimeout": "-2m",
        "maxParallelImagePulls": 3, "serializeImagePulls": true, "registryPullQPS": -1,
        "imagePullCredentialsVerificationPolicy": "never", "syncFrequency": "-1ns",
        "preloadedImagesVerificationAllowlist": ["r.example/a", "*"], "cpuCFSQuotaPeriod": "2s",
        "crashLoopBackOff": {"maxContainerRestartPeriod": "10m"}, "memoryManagerPolicy": "static"}));
    let errors = MachineSettings::of(&config, &newer(), Compat::default()).unwrap_err();
    let said: Vec<_> = errors.errors().iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "featureGates.NodeSwp: unrecognized feature gate: NodeSwp: did you mean NodeSwap?",
            "evictionPressureTransitionPeriod: -5m0s is negative: expected 0s or more",
            "evictionMaxPodGracePeriod: -1 is negative: expected 0 or more",
            "evictionSoftGracePeriod[memory.available]: is missing: expected how long the soft threshold may be met, \
             such as 1m30s",
            "imageGCLowThresholdPercent: LowThresholdPercent 80 can not be higher than HighThresholdPercent 50",
            "runtimeRequestTimeout: -2m0s is negative: expected 0s or more",
            "maxParallelImagePulls: 3 is too many while serializeImagePulls is true: expected 1, or false",
            "registryPullQPS: -1 is negative: expected 0 or more",
            "imagePullCredentialsVerificationPolicy: `never` is unknown: expected NeverVerify, \
             NeverVerifyPreloadedImages, NeverVerifyAllowlistedImages or AlwaysVerify",
            "preloadedImagesVerificationAllowlist[1]: `*` has a * that is not its last part: expected such as \
             r.example/team/*",
            "crashLoopBackOff.maxContainerRestartPeriod: 10m0s is out of range: expected 1s to 5m0s",
            "syncFrequency: -1ns is negative: expected 0s or more",
            "cpuCFSQuotaPeriod: 2s is out of range: expected 1ms to 1s",
            "memoryManagerPolicy: `static` is unknown: expected None or Static",
        ]
    );
    assert_eq!(errors.to_string().lines().count(), said.len());
}

#[test]
fn a_fault_of_the_kubelet_is_copied_on_request() {
    let typo = config(json!({"evictionHard": {"memory.available": "7%%"}}));
    let of = |compat| MachineSettings::of(&typo, &Host::default(), compat);
    assert!(of(Compat::default()).is_err());
    let copied = of(Compat::kubelet_1_32()).unwrap();
    assert_eq!(copied.eviction.thresholds.len(), 2);
    assert_eq!(copied.behaviour.compat, Compat::kubelet_1_32());
}
