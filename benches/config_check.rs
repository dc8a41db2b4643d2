//! Defaulting, validating and checking a configuration that is decoded already.
//!
//! Beside the time, each operation's allocations are printed.

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

mod shop;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use node_lifecycle::behaviour::Compat;
use node_lifecycle::config::{Host, KubeletConfiguration};
use shop::measure;

/// What a node of a larger cluster says.
const NODE: &str = r#"{
    "maxPods": 250, "podPidsLimit": 4096, "registerWithTaints": [{"key": "example.com/dedicated", "value": "batch",
        "effect": "NoSchedule"}],
    "featureGates": {"NodeSwap": true, "KubeletCrashLoopBackOffMax": true, "GracefulNodeShutdown": true},
    "kubeReserved": {"cpu": "200m", "memory": "1Gi"}, "systemReserved": {"cpu": "500m", "memory": "1Gi"},
    "evictionHard": {"memory.available": "500Mi", "nodefs.available": "10%", "nodefs.inodesFree": "5%",
        "imagefs.available": "15%", "imagefs.inodesFree": "5%"},
    "evictionSoft": {"memory.available": "1.5Gi"}, "evictionSoftGracePeriod": {"memory.available": "1m30s"},
    "evictionMaxPodGracePeriod": 60, "serializeImagePulls": false, "maxParallelImagePulls": 5,
    "shutdownGracePeriod": "2m", "shutdownGracePeriodCriticalPods": "30s",
    "logging": {"format": "json"}, "tracing": {"endpoint": "localhost:4317", "samplingRatePerMillion": 100}
}"#;

fn check(criterion: &mut Criterion) {
    let read: KubeletConfiguration = serde_json::from_str(NODE).expect("the bench's own text is well-formed");
    let config = read.clone().with_defaults();
    let host = Host::default();
    assert_eq!(config.validate(&host), Ok(()), "the bench's own configuration is valid");
    let wrong = KubeletConfiguration::default();
    measure(criterion, "apply the defaults to a copy", || black_box(&read).clone().with_defaults());
    measure(criterion, "validate: nothing is wrong", || black_box(&config).validate(&host));
    measure(criterion, "validate: all is unset", || black_box(&wrong).validate(&host));
    measure(criterion, "check, warnings included", || black_box(&config).check(&host, Compat::default()));
}

criterion_group!(benches, check);
criterion_main!(benches);
