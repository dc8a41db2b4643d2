//! Each fault of the kubelet 1.32 in evictions that can be copied: what is right, and what the kubelet does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use node_lifecycle::api::Pod;
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::eviction::{
    DiskResource, DiskUsageKinds, EvictionPod, EvictionSettings, ObservedPod, Platform, PodStats, RankBy,
    rank,
};
use serde_json::{Value, json};

fn observed(uid: &str, requests: &Value, stats: &Value) -> ObservedPod {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": uid, "uid": uid},
        "spec": {"containers": [{"name": "app", "image": "app:1", "resources": {"requests": requests}}]},
    }))
    .unwrap();
    let stats: PodStats = serde_json::from_value(stats.clone()).unwrap();
    ObservedPod::new(EvictionPod::of(&pod, &Behaviour::default()).into(), Some(stats.into()))
}

/// The UIDs in order, as it is right and as the kubelet 1.32 has it.
fn both(by: RankBy, pods: &[ObservedPod]) -> [Vec<String>; 2] {
    [Compat::default(), Compat::kubelet_1_32()].map(|compat| {
        let uid = |index: usize| pods[index].pod().uid.to_string();
        rank(by, pods, compat).iter().map(|ranked| uid(ranked.index)).collect()
    })
}

#[test]
fn rank_inodes_less_bytes() {
    let of_inodes = |inodes: u64| json!({"containers": [{"name": "app", "rootfs": {"inodesUsed": inodes}}]});
    let pods = [
        observed("many-files", &json!({"ephemeral-storage": "1Gi"}), &of_inodes(1_000_000)),
        observed("one-file", &json!({}), &of_inodes(1)),
    ];
    let by = RankBy::Disk { usage: DiskUsageKinds::ALL, resource: DiskResource::Inodes };
    let [right, kubelet] = both(by, &pods);
    assert_eq!(right, ["many-files", "one-file"]);
    assert_eq!(kubelet, ["one-file", "many-files"]);
}

#[test]
fn rank_ties_as_listed() {
    let pods = ["b", "a"].map(|uid| observed(uid, &json!({}), &json!({"memoryWorkingSetBytes": 1})));
    let [right, kubelet] = both(RankBy::Memory, &pods);
    assert_eq!(right, ["a", "b"]);
    assert_eq!(kubelet, ["b", "a"]);
}

#[test]
fn accept_malformed_percentages() {
    for (text, read) in [("nan%", "NaN%"), ("7%%", "7%"), ("0x1p3%", "8%"), ("1_0%", "10%")] {
        let settings = EvictionSettings {
            eviction_hard: Some([("nodefs.available".to_owned(), text.to_owned())].into()),
            ..EvictionSettings::default()
        };
        let [right, kubelet] = [Compat::default(), Compat::kubelet_1_32()].map(|compat| {
            let read = settings.config(Platform::Linux, compat);
            read.map(|(config, _)| (config.thresholds[0].value.to_string(), config.validate(compat)))
        });
        let error = right.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "evictionHard[nodefs.available]: `{text}` is no percentage: \
                 expected a decimal number and one %, such as 12.5%"
            )
        );
        assert_eq!(error.errors()[0].kubelet_message(), None, "the kubelet takes it");
        assert_eq!(kubelet, Ok((read.to_owned(), Ok(()))));
    }
}
