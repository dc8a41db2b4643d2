//! Quality of service, a pod's requests and limits, and what the kernel is told.

use std::collections::BTreeMap;

use node_lifecycle::api::{Pod, Quantity, ResourceList};
use node_lifecycle::behaviour::{Feature, FeatureGates};
use node_lifecycle::pod::{
    Overhead, cpu_quota_us, cpu_shares, oom_score_adj, pod_qos_class, pod_resources, qos_class,
};
use serde_json::{Map, Value, json};

use crate::runtime::decode;

pub(crate) fn qos_and_resources(input: &Value) -> Value {
    let pod: Pod = decode(&input["pod"]);
    let gates = gates(&input["features"]);
    let spec = &pod.spec;
    let capacity = decode(&input["memoryCapacityBytes"]);
    let milli_cpu = decode(&input["milliCPU"]);
    let scores: BTreeMap<_, _> = spec
        .init_containers
        .iter()
        .chain(&spec.containers)
        .map(|container| (&container.name, oom_score_adj(&pod, container, capacity, gates)))
        .collect();
    let with = pod_resources(spec, gates, Overhead::Included);
    let without = pod_resources(spec, gates, Overhead::Excluded);
    json!({
        "computedQosClass": qos_class(spec, gates),
        "qosClass": pod_qos_class(&pod, gates),
        "oomScoreAdj": scores,
        "requests": each(&with.requests, numbers),
        "limits": each(&with.limits, numbers),
        "requestsWithoutOverhead": each(&without.requests, text),
        "limitsWithoutOverhead": each(&without.limits, text),
        "cpuShares": cpu_shares(milli_cpu),
        "cfsQuotaUs": cpu_quota_us(milli_cpu, decode(&input["cfsPeriodUs"]), gates).unwrap_or(0),
    })
}

/// The gates of a case; those that the library does not know are part of every Kubernetes 1.32.
fn gates(features: &Value) -> FeatureGates {
    let features: BTreeMap<String, bool> = decode(features);
    features.iter().fold(FeatureGates::default(), |gates, (name, enabled)| match name.parse::<Feature>() {
        Ok(feature) => gates.with(feature, *enabled),
        Err(_) => gates,
    })
}

fn each(list: &ResourceList, of: fn(&Quantity) -> Value) -> Map<String, Value> {
    list.iter().map(|(name, amount)| (name.clone(), of(amount))).collect()
}

fn text(amount: &Quantity) -> Value {
    json!(amount.to_kubelet_string())
}

fn numbers(amount: &Quantity) -> Value {
    json!({
        "string": text(amount),
        "value": amount.value_saturating(),
        "milliValue": amount.milli_value_saturating(),
    })
}
