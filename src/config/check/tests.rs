use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::api::{Quantity, ResourceList};
use crate::behaviour::Behaviour;
use crate::config::{FieldKind, MemoryReservation};
use crate::eviction::Manager;
use crate::image::{ImageGc, Puller};
use crate::machine::Timestamp;

fn config(set: &Value) -> KubeletConfiguration {
    serde_json::from_value::<KubeletConfiguration>(set.clone()).unwrap().with_defaults()
}

/// A node of 4 cores, 8 GiB, 100 GiB and 32,768 process ids.
fn host() -> Host {
    let amounts = [("cpu", "4"), ("memory", "8Gi"), ("ephemeral-storage", "100Gi"), ("pid", "32768")];
    let capacity: ResourceList =
        amounts.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap())).collect();
    Host { capacity, ..Host::default() }
}

fn check(set: &Value) -> ConfigCheck {
    config(set).check(&host(), Compat::default())
}

#[test]
fn the_defaults_are_neither_wrong_nor_dangerous() {
    assert_eq!(check(&json!({})), ConfigCheck::default());
    assert!(check(&json!({})).is_valid());
}

#[test]
fn every_warning_says_what_to_do() {
    let hard = |signal: &str, text: &str| {
        let mut hard = json!({"imagefs.available": "15%", "imagefs.inodesFree": "5%", "memory.available": "100Mi",
            "nodefs.available": "10%", "nodefs.inodesFree": "5%"});
        hard[signal] = json!(text);
        hard
    };
    let soft = |signal: &str, text: &str| {
        json!({"evictionSoft": {signal: text}, "evictionSoftGracePeriod": {signal: "1m"},
            "evictionMaxPodGracePeriod": 60})
    };
    let no_grace = json!({"evictionSoft": {"memory.available": "1Gi"},
        "evictionSoftGracePeriod": {"memory.available": "1m"}});
    for (set, path, text) in [
        (
            json!({"evictionHard": hard("imagefs.available", "20%")}),
            "imageGCHighThresholdPercent",
            "imageGCHighThresholdPercent: images are removed from 85 % full on, and imagefs.available<20% is met \
             from 80 % full on, so that pods are evicted first: set it to 80 or less",
        ),
        (
            json!({"imageGCHighThresholdPercent": 100}),
            "imageGCHighThresholdPercent",
            "imageGCHighThresholdPercent: at 100 no image is removed before the disk is so full that pods are \
             evicted: set it below 100, or imageMaximumGCAge",
        ),
        (
            soft("memory.available", "100Mi"),
            "evictionSoft.memory.available",
            "evictionSoft.memory.available: 100Mi is not above the hard threshold of 100Mi, so that it is never met \
             alone: raise it, or take it out",
        ),
        (
            soft("memory.available", "1%"),
            "evictionSoft.memory.available",
            "evictionSoft.memory.available: 1% is not above the hard threshold of 100Mi, so that it is never met \
             alone: raise it, or take it out",
        ),
        (
            soft("imagefs.inodesFree", "4%"),
            "evictionSoft.imagefs.inodesFree",
            "evictionSoft.imagefs.inodesFree: 4% is not above the hard threshold of 5%, so that it is never met \
             alone: raise it, or take it out",
        ),
        (
            no_grace,
            "evictionMaxPodGracePeriod",
            "evictionMaxPodGracePeriod: at 0 pods that are evicted for a soft threshold are killed at once: set the \
             most seconds that they may have",
        ),
        (
            json!({"evictionHard": hard("nodefs.inodesFree", "0%")}),
            "evictionHard.nodefs.inodesFree",
            "evictionHard[nodefs.inodesFree]: `0%` switches it off",
        ),
        (
            json!({"kubeReserved": {"memory": "4Gi"}, "systemReserved": {"memory": "3996Mi"}}),
            "kubeReserved.memory",
            "memory: of the 8Gi of the node 8Gi are reserved by systemReserved, kubeReserved and evictionHard, which \
             leaves nothing to pods: reserve less",
        ),
        (
            json!({"systemReserved": {"ephemeral-storage": "90Gi"}, "evictionHard": hard("nodefs.available", "10Gi")}),
            "kubeReserved.ephemeral-storage",
            "ephemeral-storage: of the 100Gi of the node 100Gi are reserved by systemReserved, kubeReserved and \
             evictionHard, which leaves nothing to pods: reserve less",
        ),
        (
            json!({"reservedSystemCPUs": "0-4"}),
            "kubeReserved.cpu",
            "cpu: of the 4 of the node 5 are reserved by systemReserved, kubeReserved and evictionHard, which leaves \
             nothing to pods: reserve less",
        ),
        (
            json!({"reservedSystemCPUs": "0", "kubeReserved": {"cpu": "2"}}),
            "reservedSystemCPUs",
            "reservedSystemCPUs: its 1 CPUs count, and what systemReserved and kubeReserved say of cpu does not: \
             take one of the two out",
        ),
        (
            json!({"enforceNodeAllocatable": ["pods", "kube-reserved"], "kubeReservedCgroup": "/k"}),
            "kubeReserved",
            "kubeReserved: enforceNodeAllocatable holds its cgroup to it, and it is empty: set it, or enforce less",
        ),
        (
            json!({"podPidsLimit": 1024, "systemReserved": {"pid": "1000"}}),
            "podPidsLimit",
            "podPidsLimit: 110 pods with 1024 process ids each can use up the 31768 that the node has for them: \
             lower it or maxPods, or set evictionHard of pid.available",
        ),
        (
            json!({"shutdownGracePeriod": "40s", "shutdownGracePeriodCriticalPods": "40s"}),
            "shutdownGracePeriod",
            "shutdownGracePeriod: a shutdown of the node kills pods at once: give them more than the critical ones \
             take of it",
        ),
        (
            json!({"shutdownGracePeriod": "40s"}),
            "shutdownGracePeriod",
            "shutdownGracePeriod: a shutdown of the node kills critical pods at once: set \
             shutdownGracePeriodCriticalPods",
        ),
        (
            json!({"shutdownGracePeriod": "30s", "shutdownGracePeriodCriticalPods": "10s"}),
            "shutdownGracePeriod",
            "shutdownGracePeriod: a shutdown of the node leaves pods 20 s, and by default they have 30 s to end: \
             give them as much",
        ),
        (
            json!({"evictionMaxPodGracePeriod": 60, "shutdownGracePeriodByPodPriority": [
                {"priority": 100, "shutdownGracePeriodSeconds": 10},
                {"priority": 0, "shutdownGracePeriodSeconds": 30}]}),
            "evictionMaxPodGracePeriod",
            "evictionMaxPodGracePeriod: an evicted pod may have 60 s, and a shutdown of the node leaves 30 s: lower \
             it, or give shutdowns more time",
        ),
        (
            json!({"shutdownGracePeriodByPodPriority": [{"priority": 7, "shutdownGracePeriodSeconds": 30},
                {"priority": 7, "shutdownGracePeriodSeconds": 40}]}),
            "shutdownGracePeriodByPodPriority",
            "shutdownGracePeriodByPodPriority: the priority 7 is there twice: keep one of the two",
        ),
        (
            json!({"authentication": {"anonymous": {"enabled": true}}, "authorization": {"mode": "AlwaysAllow"}}),
            "authentication.anonymous.enabled",
            "authentication.anonymous.enabled: anyone who reaches the node may run commands in its containers, since \
             authorization.mode is AlwaysAllow: set it to false, or the mode to Webhook",
        ),
        (
            json!({"readOnlyPort": 10255}),
            "readOnlyPort",
            "readOnlyPort: anyone who reaches port 10255 may read what runs on the node: set it to 0",
        ),
        (
            json!({"memorySwap": {"swapBehavior": "LimitedSwap"}}),
            "failSwapOn",
            "failSwapOn: memorySwap lets containers swap, and with this the agent does not start on a node that can: \
             set it to false",
        ),
        (
            json!({"featureGates": {"CPUManager": true}}),
            "featureGates.CPUManager",
            "featureGates.CPUManager: Setting GA feature gate CPUManager=true. It will be removed in a future \
             release.",
        ),
    ] {
        let found = check(&set);
        assert_eq!(found.errors, [], "{set}");
        let found: Vec<_> = found.warnings.iter().map(|it| (it.path(), it.to_string())).collect();
        assert_eq!(found, [(path.to_owned(), text.to_owned())], "{set}");
    }
}

#[test]
fn defaults_that_vanish_are_told() {
    let found = check(&json!({"evictionHard": {"memory.available": "1Gi"}}));
    let notices: Vec<_> = found.warnings.iter().map(ConfigWarning::path).collect();
    assert_eq!(notices, ["evictionHard"; 4]);
    assert!(found.to_string().starts_with("warning: evictionHard does not name imagefs.available, so that"));
}

#[test]
fn what_is_right_is_not_warned_of() {
    for right in [
        json!({"evictionSoft": {"memory.available": "2%", "pid.available": "10%"}, "evictionMaxPodGracePeriod": 30,
            "evictionSoftGracePeriod": {"memory.available": "1m", "pid.available": "1m"}}),
        json!({"imageGCHighThresholdPercent": 100, "imageMaximumGCAge": "48h"}),
        json!({"shutdownGracePeriod": "40s", "shutdownGracePeriodCriticalPods": "10s"}),
        json!({"featureGates": {"GracefulNodeShutdown": false, "GracefulNodeShutdownBasedOnPodPriority": false}}),
        json!({"readOnlyPort": 10255, "enableServer": false}),
        json!({"memorySwap": {"swapBehavior": "LimitedSwap"}, "failSwapOn": false}),
        json!({"podPidsLimit": 200}),
        json!({"cpuManagerPolicy": "static", "reservedSystemCPUs": "0"}),
        json!({"featureGates": {"NodeSwap": true}}),
    ] {
        assert_eq!(check(&right), ConfigCheck::default(), "{right}");
    }
    // Without what the node has, only alike amounts are compared.
    let soft = config(&json!({"evictionSoft": {"memory.available": "1%"}, "evictionMaxPodGracePeriod": 30,
        "evictionSoftGracePeriod": {"memory.available": "1m"}, "kubeReserved": {"memory": "8Ti"}}));
    assert_eq!(soft.check(&Host::default(), Compat::default()), ConfigCheck::default());
}

#[test]
fn what_no_machine_can_be_made_of_is_an_error() {
    let one = |set: Value| -> (String, String) {
        let found = check(&set).errors;
        assert_eq!(found.len(), 1, "{set}: {found:?}");
        (found[0].path(), found[0].to_string())
    };
    for (set, path, text) in [
        (
            json!({"evictionMinimumReclaim": {"memory.available": "-1"}}),
            "evictionMinimumReclaim.memory.available",
            "evictionMinimumReclaim[memory.available]: `-1` is negative: expected 0 or more",
        ),
        (
            json!({"evictionMaxPodGracePeriod": -1}),
            "evictionMaxPodGracePeriod",
            "evictionMaxPodGracePeriod: -1 is negative: expected 0 or more",
        ),
        (
            json!({"runtimeRequestTimeout": "-1s"}),
            "runtimeRequestTimeout",
            "runtimeRequestTimeout: -1s is negative: expected 0s or more",
        ),
        (
            json!({"shutdownGracePeriodByPodPriority": [{"priority": 0, "shutdownGracePeriodSeconds": -1}]}),
            "shutdownGracePeriodByPodPriority[0].shutdownGracePeriodSeconds",
            "shutdownGracePeriodByPodPriority[0].shutdownGracePeriodSeconds: -1 is negative: expected 0 or more",
        ),
        (
            json!({"kubeReserved": {"gpu": "1"}}),
            "kubeReserved.gpu",
            "kubeReserved.gpu: `1` cannot be reserved: expected cpu, memory, ephemeral-storage or pid",
        ),
        (
            json!({"systemReserved": {"cpu": "-1"}}),
            "systemReserved.cpu",
            "systemReserved.cpu: `-1` is negative: expected 0 or more",
        ),
        (
            json!({"authorization": {"mode": "RBAC"}}),
            "authorization.mode",
            "authorization.mode: `RBAC` is unknown: expected AlwaysAllow or Webhook",
        ),
        (
            json!({"cgroupDriver": "Systemd"}),
            "cgroupDriver",
            "cgroupDriver: `Systemd` is unknown: expected cgroupfs or systemd",
        ),
        (
            json!({"cpuManagerPolicy": "dynamic"}),
            "cpuManagerPolicy",
            "cpuManagerPolicy: `dynamic` is unknown: expected none or static",
        ),
        (
            json!({"cpuManagerPolicy": "static"}),
            "cpuManagerPolicy",
            "cpuManagerPolicy: `static` needs CPU that is not for pods: expected more than 0 in reservedSystemCPUs, \
             or of cpu in systemReserved and kubeReserved",
        ),
        (
            json!({"memoryManagerPolicy": "static"}),
            "memoryManagerPolicy",
            "memoryManagerPolicy: `static` is unknown: expected None or Static",
        ),
        (
            json!({"configMapAndSecretChangeDetectionStrategy": "Poll"}),
            "configMapAndSecretChangeDetectionStrategy",
            "configMapAndSecretChangeDetectionStrategy: `Poll` is unknown: expected Get, Cache or Watch",
        ),
        (
            json!({"memoryReservationPolicy": "All"}),
            "memoryReservationPolicy",
            "memoryReservationPolicy: `All` is unknown: expected None or TieredReservation",
        ),
        (
            json!({"containerLogMaxSize": "10.5"}),
            "containerLogMaxSize",
            "containerLogMaxSize: `10.5` is no size: expected whole bytes, such as 10Mi",
        ),
        (
            json!({"containerLogMaxFiles": 1}),
            "containerLogMaxFiles",
            "containerLogMaxFiles: 1 is too few: expected 2 or more",
        ),
        (
            json!({"userNamespaces": {"idsPerPod": 65535}}),
            "userNamespaces.idsPerPod",
            "userNamespaces.idsPerPod: 65535 is no size of a range: expected a multiple of 65536, from 65536",
        ),
        (
            json!({"maxPods": -1}),
            "maxPods",
            "invalid configuration: maxPods (--max-pods) -1 must not be a negative number",
        ),
        (
            json!({"registryBurst": -1}),
            "registryBurst",
            "invalid configuration: registryBurst (--registry-burst) -1 must not be a negative number",
        ),
    ] {
        assert_eq!(one(set), (path.to_owned(), text.to_owned()));
    }
    assert_eq!(one(json!({"kubeReserved": {"memory": "1 GB"}})).0, "kubeReserved.memory");
    assert_eq!(one(json!({"evictionHard": {"memory.available": "1GB"}})).0, "evictionHard.memory.available");
}

#[test]
fn what_the_kubelet_says_is_not_said_twice() {
    for set in [
        json!({"imageGCLowThresholdPercent": 101, "imageGCHighThresholdPercent": 102}),
        json!({"imageMinimumGCAge": "1h", "imageMaximumGCAge": "1h"}),
        json!({"registryBurst": -1}),
    ] {
        let found = check(&set).errors;
        assert!(found.iter().all(|error| matches!(error, CheckError::Invalid(_))), "{found:?}");
    }
    // Where a gate is wrong the kubelet says nothing else, and this does.
    let found =
        check(&json!({"featureGates": {"NoSuchGate": true}, "imageGCLowThresholdPercent": 90})).errors;
    let paths: Vec<_> = found.iter().map(CheckError::path).collect();
    assert_eq!(paths, ["featureGates.NoSuchGate", "imageGCLowThresholdPercent"]);
}

/// The paths of all durations of a struct.
fn durations(kind: FieldKind, path: &str, found: &mut Vec<String>) {
    for field in kind.fields() {
        let path = if path.is_empty() { field.name.to_owned() } else { format!("{path}.{}", field.name) };
        match field.kind {
            FieldKind::Duration | FieldKind::DurationOrNanoseconds => found.push(path),
            kind => durations(kind, &path, found),
        }
    }
}

#[test]
fn no_duration_may_be_negative_but_one() {
    let mut paths = Vec::new();
    durations(FieldKind::Struct(KubeletConfiguration::FIELDS), "", &mut paths);
    assert!(paths.len() > 20, "{paths:?}");
    for path in paths {
        let set = path.rsplit('.').fold(json!("-1s"), |value, name| json!({ name: value }));
        assert_eq!(check(&set).is_valid(), path == "volumeStatsAggPeriod", "{path}");
    }
}

/// Whatever numbers, texts and switches there are: without errors, every machine can be made.
#[test]
fn without_errors_every_machine_is_made() {
    let values = [json!(-1), json!(0), json!(1), json!(85), json!(101), json!(i32::MAX)];
    let texts =
        [json!("0%"), json!("7%%"), json!("100Mi"), json!("-1"), json!("101%"), json!(""), json!("1m")];
    let spans = [json!("-1s"), json!("0s"), json!("1m"), json!("2562047h")];
    let mut sets: Vec<Value> = Vec::new();
    for (name, values) in [
        ("registryPullQPS", &values[..]),
        ("registryBurst", &values),
        ("maxParallelImagePulls", &values),
        ("imageGCHighThresholdPercent", &values),
        ("imageGCLowThresholdPercent", &values),
        ("evictionMaxPodGracePeriod", &values),
        ("imageMinimumGCAge", &spans),
        ("imageMaximumGCAge", &spans),
        ("runtimeRequestTimeout", &spans),
        ("evictionPressureTransitionPeriod", &spans),
    ] {
        sets.extend(values.iter().map(|value| json!({ name: value })));
    }
    for text in &texts {
        sets.push(json!({"evictionHard": {"memory.available": text}}));
        sets.push(json!({"evictionMinimumReclaim": {"memory.available": text}}));
        sets.push(json!({"evictionSoft": {"memory.available": "1Gi"},
            "evictionSoftGracePeriod": {"memory.available": text}}));
    }
    let now = Timestamp::UNIX_EPOCH;
    for compat in [Compat::default(), Compat::kubelet_1_32()] {
        let behaviour = Arc::new(Behaviour { compat, ..Behaviour::default() });
        let (mut right, mut wrong) = (0, 0);
        for set in &sets {
            let config = config(set);
            if !config.check(&host(), compat).is_valid() {
                wrong += 1;
                continue;
            }
            right += 1;
            let machines = MachineSettings::of(&config, &host(), compat).unwrap();
            Manager::new(machines.eviction, Arc::clone(&behaviour), now).unwrap();
            ImageGc::new(machines.image_gc, Arc::clone(&behaviour), now).unwrap();
            Puller::new(machines.pulls, Arc::clone(&behaviour), now).unwrap();
        }
        assert!(right > 20 && wrong > 20, "{right} right, {wrong} wrong");
    }
}

/// What is compared with what was there before is looked up, and not looked for: each of these took minutes.
#[test]
fn a_configuration_of_nothing_but_mistakes_costs_little() {
    const MANY: i32 = 20_000;
    let mut config = KubeletConfiguration::default().with_defaults();
    config.eviction_hard = Some((0..MANY).map(|n| (format!("signal{n}"), "1Gi".to_owned())).collect());
    config.enforce_node_allocatable = Some((0..MANY).map(|n| format!("pods{n}")).collect());
    let reserved =
        |n| MemoryReservation { numa_node: n, limits: [("memory".to_owned(), Quantity::ZERO)].into() };
    config.reserved_memory = (0..MANY).map(reserved).collect();
    let check = config.check(&Host::default(), Compat::default());
    let count = |field: &str| check.errors.iter().filter(|error| error.path().starts_with(field)).count();
    let counts = ["evictionHard", "enforceNodeAllocatable", "reservedMemory"].map(count);
    assert_eq!(counts, [20_000; 3]);
}
