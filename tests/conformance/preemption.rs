//! Which pods make room for a critical one.

use node_lifecycle::api::Pod;
use node_lifecycle::behaviour::FeatureGates;
use node_lifecycle::eviction::{
    AdmissionFailure, Recovery, Requirement, pods_to_preempt, preemption as how, recover_admission,
};
use serde_json::{Value, json};

use crate::runtime::decode;

pub(crate) fn preemption(input: &Value) -> Value {
    let pod: Pod = decode(&input["admitPod"]);
    let pods: Vec<Pod> = decode(&input["pods"]);
    let gates = FeatureGates::default();
    let uid = |index: &usize| &pods[*index].metadata.uid;

    if input["kind"] == "getPodsToPreempt" {
        let required: Vec<Requirement> = decode(&input["requirements"]);
        return match pods_to_preempt(&pod, &pods, &required, gates) {
            Ok(victims) => json!({"victims": victims.iter().map(uid).collect::<Vec<_>>()}),
            Err(error) => json!({"error": error.to_string()}),
        };
    }
    let failures: Vec<AdmissionFailure> = decode(&input["failureReasons"]);
    match recover_admission(&pod, &pods, &failures, gates) {
        Ok(Recovery::Rejected(reasons)) => {
            json!({"remainingReasons": reasons.iter().map(|failure| failure.reason()).collect::<Vec<_>>()})
        }
        Ok(Recovery::Preempt(victims)) => {
            let killed = victims.iter().map(|victim| {
                let kill = how();
                let status = kill.status.unwrap_or_default();
                json!({
                    "uid": uid(victim),
                    "isEvicted": kill.evict,
                    "gracePeriodOverrideIsNil": kill.grace_period_seconds_override.is_none(),
                    "phase": "Failed",
                    "reason": status.reason,
                    "message": status.message,
                    "conditionMessage": status.disruption,
                })
            });
            json!({"killed": killed.collect::<Vec<_>>()})
        }
        Err(error) => json!({"error": error.to_string()}),
    }
}
