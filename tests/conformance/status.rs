//! A pod's status: generated, its conditions, merged, and whether it may follow another.

use std::collections::BTreeMap;

use node_lifecycle::api::{ContainerStatus, PodCondition, PodPhase, PodStatus};
use node_lifecycle::behaviour::Behaviour;
use node_lifecycle::container::{ContainerIndex, ContainerSet, ProbeResult, ProbeResults};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::pod::{
    CompiledPod, ConditionDecision, ContainerStatuses, MergeContext, StatusInputs, StatusVerdict, Waiting,
    check_transition, containers_ready, merge_status, needs_readiness_reconcile, pod_initialized, pod_ready,
    pod_status, ready_to_start_containers,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::runtime::{decode, observed, observed_sandboxes, pod};

#[derive(Deserialize)]
struct Words {
    reason: String,
    message: String,
}

pub(crate) fn api_pod_status(input: &Value) -> Value {
    let (api, pod) = pod(input);
    let observed = observed(&pod, input);
    let previous: Option<PodStatus> = decode(&input["oldStatus"]);
    let failed_starts: BTreeMap<String, Words> = decode(&input["reasonCache"]);
    let (readiness, startup): (BTreeMap<String, ProbeResult>, BTreeMap<String, ProbeResult>) =
        (decode(&input["readiness"]), decode(&input["startup"]));
    let evict: Option<Words> = decode(&input["evict"]);
    let (host_ips, node_ips): (Option<Vec<String>>, Option<Vec<String>>) =
        (decode(&input["hostIPs"]), decode(&input["nodeIPs"]));
    let (host_ips, node_ips) = (host_ips.unwrap_or_default(), node_ips.unwrap_or_default());

    let waiting: Vec<_> = indices(&pod)
        .map(|index| failed_starts.get(pod.name_of(index)))
        .map(|words| words.map(|Words { reason, message }| Waiting { reason, message }))
        .collect();
    let of_latest = |results: &BTreeMap<String, ProbeResult>, index| {
        observed.latest(index).and_then(|latest| results.get(latest.id.as_str())).copied()
    };
    let probes: Vec<_> = indices(&pod)
        .map(|index| ProbeResults {
            startup: of_latest(&startup, index),
            liveness: None,
            readiness: of_latest(&readiness, index),
        })
        .collect();
    let probed = pod.apps().union(pod.sidecars()).iter().filter(|_| decode(&input["probeWorkers"]));
    let (mut startup_probed, mut readiness_probed) = (ContainerSet::EMPTY, ContainerSet::EMPTY);
    for index in probed {
        let Some(container) = pod.container(index) else { continue };
        if container.startup_probe {
            startup_probed.insert(index);
        }
        if container.readiness_probe {
            readiness_probed.insert(index);
        }
    }
    let verdict = evict.as_ref().map(|Words { reason, message }| StatusVerdict {
        reason,
        message,
        disruption: None,
        spares_succeeded: false,
    });
    let inputs = StatusInputs {
        previous: previous.as_ref(),
        deleted: api.is_deleted(),
        generation: api.metadata.generation,
        terminal: decode(&input["podIsTerminal"]),
        waiting: &waiting,
        probes: &probes,
        startup_probed,
        readiness_probed,
        verdict,
        host_ips: &host_ips,
        node_ips: &node_ips,
        ..StatusInputs::new(&api.status)
    };
    json!({"status": pod_status(&pod, &observed, &inputs)})
}

pub(crate) fn pod_conditions(input: &Value) -> Value {
    let (api, pod) = pod(input);
    let statuses: Option<Vec<ContainerStatus>> = decode(&input["containerStatuses"]);
    let statuses = statuses.as_deref().map(|all| ContainerStatuses { inits: all, apps: all });
    let phase: PodPhase = decode(&input["phase"]);
    let conditions = &api.status.conditions;
    let condition =
        |type_, decision: ConditionDecision| json!(decision.to_condition(type_, &pod, conditions));
    json!({
        "containersReady":
            condition(PodCondition::CONTAINERS_READY, containers_ready(&pod, statuses, phase)),
        "ready": condition(PodCondition::READY, pod_ready(&pod, statuses, phase, conditions)),
        "initialized": condition(PodCondition::INITIALIZED, pod_initialized(&pod, statuses, phase)),
        "readyToStartContainers": condition(
            PodCondition::READY_TO_START_CONTAINERS,
            ready_to_start_containers(&pod, &observed_sandboxes(&pod, input)),
        ),
        "needsReadinessReconcile":
            needs_readiness_reconcile(&pod, &decode::<PodStatus>(&input["reconcilePodStatus"])),
    })
}

pub(crate) fn status_merge(input: &Value) -> Value {
    let (api, new): (PodStatus, PodStatus) = (decode(&input["oldStatus"]), decode(&input["newStatus"]));
    let context = MergeContext {
        now: decode::<Timestamp>(&input["now"]),
        could_run: decode(&input["couldHaveRunningContainers"]),
        is_static: false,
        behaviour: &Behaviour::kubelet_1_32(),
    };
    json!({"status": merge_status(&api, &new, context)})
}

pub(crate) fn status_transition(input: &Value) -> Value {
    let (_, pod) = pod(input);
    let (old, new): (PodStatus, PodStatus) = (decode(&input["oldStatus"]), decode(&input["newStatus"]));
    json!({"error": check_transition(&pod, &old, &new).err().map(|illegal| illegal.to_string())})
}

fn indices(pod: &CompiledPod) -> impl Iterator<Item = ContainerIndex> {
    (0..).map(ContainerIndex).take(pod.containers().len())
}
