//! Whose turn it is when something runs out.

use std::collections::BTreeMap;
use std::sync::Arc;

use node_lifecycle::api::{Pod, Uid};
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::eviction::{
    DiskResource, DiskUsageKinds, EvictionPod, ObservedPod, PodStats, RankBy, rank,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::runtime::decode;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    rank: String,
    #[serde(default)]
    resource: String,
    #[serde(default)]
    fs_stats: Vec<String>,
    pods: Vec<Pod>,
    pod_stats: BTreeMap<Uid, Arc<PodStats>>,
}

pub(crate) fn eviction_rank(input: &Value, recorded: &Value) -> (Value, Value) {
    let case: Case = decode(input);
    let counts = |kind: &str| case.fs_stats.iter().any(|counted| counted == kind);
    let by = match case.rank.as_str() {
        "memory" => RankBy::Memory,
        "pid" => RankBy::Pids,
        _ => RankBy::Disk {
            usage: DiskUsageKinds {
                layers: counts("root"),
                logs: counts("logs"),
                volumes: counts("localVolumeSource"),
            },
            resource: if case.resource == "inodes" { DiskResource::Inodes } else { DiskResource::Bytes },
        },
    };
    let behaviour = Behaviour::kubelet_1_32();
    let observed = |pod: &Pod| {
        let stats = case.pod_stats.get(&pod.metadata.uid).cloned();
        ObservedPod::new(EvictionPod::of(pod, &behaviour).into(), stats)
    };
    let pods: Vec<_> = case.pods.iter().map(observed).collect();
    let ranked = rank(by, &pods, Compat::kubelet_1_32());
    let groups = ranked.chunk_by(|a, b| by.compare(&a.key, &b.key).is_eq());
    let groups = groups.map(|group| group.iter().map(|ranked| json!(pods[ranked.index].pod().uid)).collect());
    let mut groups: Vec<Vec<_>> = groups.collect();

    // The order within a group is not specified.
    let mut recorded: BTreeMap<String, Vec<Vec<Value>>> = decode(recorded);
    for group in recorded.values_mut().flatten().chain(&mut groups) {
        group.sort_by_key(Value::to_string);
    }
    (json!(recorded), json!({ "order": groups }))
}
