//! The sync plan, the restart decision and the phase.

use std::collections::BTreeMap;

use node_lifecycle::api::{ContainerStatus, PodStatus};
use node_lifecycle::container::{ContainerIndex, ProbeResult, ProbeResults, restarts, succeeded};
use node_lifecycle::pod::{
    CompiledPod, KillReason, NextInit, PlanContext, Start, any_app_created, next_init, phase, plan,
};
use serde_json::{Value, json};

use crate::runtime::{decode, observed, pod};

pub(crate) fn pod_actions(input: &Value) -> Value {
    let (api, pod) = pod(input);
    let observed = observed(&pod, input);
    let (liveness, startup): (BTreeMap<String, ProbeResult>, BTreeMap<String, ProbeResult>) =
        (decode(&input["liveness"]), decode(&input["startup"]));
    let of_latest = |results: &BTreeMap<String, ProbeResult>, index| {
        observed.latest(index).and_then(|latest| results.get(latest.id.as_str())).copied()
    };
    let probes: Vec<_> = indices(&pod)
        .map(|index| ProbeResults {
            startup: of_latest(&startup, index),
            liveness: of_latest(&liveness, index),
            readiness: None,
        })
        .collect();
    let plan = plan(
        &pod,
        &observed,
        PlanContext { deleted: api.is_deleted(), probes: &probes, ..PlanContext::default() },
    );

    let names =
        |starts: &[Start]| starts.iter().map(|start| pod.name_of(start.container)).collect::<Vec<_>>();
    let inits = names(&plan.start_inits);
    let (next, inits) =
        if pod.sidecars().is_empty() { (inits.first().copied(), vec![]) } else { (None, inits) };
    let mut kills: Vec<_> = plan.kill.iter().collect();
    kills.sort_by(|a, b| a.id.cmp(&b.id));
    let kills = kills.into_iter().map(|kill| {
        json!({
            "id": kill.id,
            "name": pod.name_of(kill.container),
            "reason": match kill.reason {
                KillReason::LivenessProbe => "LivenessProbe",
                KillReason::StartupProbe => "StartupProbe",
                KillReason::Unknown => "Unknown",
                _ => "",
            },
            "message": kill.message(&pod),
        })
    });
    json!({
        "killPod": plan.kill_pod.is_some(),
        "createSandbox": plan.create_sandbox,
        "attempt": plan.attempt,
        "sandboxId": plan.sandbox,
        "nextInitContainer": next,
        "initContainersToStart": inits,
        "containersToStart": names(&plan.start_apps),
        "ephemeralContainersToStart": names(&plan.start_ephemeral),
        "containersToKill": kills.collect::<Vec<_>>(),
    })
}

pub(crate) fn restart_decision(input: &Value) -> Value {
    let (api, pod) = pod(input);
    let observed = observed(&pod, input);
    let decided = indices(&pod).filter(|index| !pod.ephemeral().contains(*index)).map(|index| {
        let latest = observed.latest(index);
        json!({
            "name": pod.name_of(index),
            "latestId": latest.map(|latest| &latest.id),
            "restart": restarts(pod.spec.restart_policy, latest, api.is_deleted()),
            "succeeded": succeeded(latest),
        })
    });
    let (next, failed) = match next_init(&pod, &observed) {
        NextInit::Start { container, failed } => (Some(pod.name_of(container)), failed),
        NextInit::Done | NextInit::Running => (None, None),
    };
    json!({
        "containers": decided.collect::<Vec<_>>(),
        "anyRegularContainerCreated": any_app_created(&pod, &observed),
        "nextInit": {
            "done": next_init(&pod, &observed) == NextInit::Done,
            "next": next,
            "failedId": failed.map(|failed| &failed.id),
        },
    })
}

pub(crate) fn pod_phase(input: &Value) -> Value {
    let (_, pod) = pod(input);
    let container_statuses: Vec<ContainerStatus> = decode(&input["containerStatuses"]);
    let seen = pod.seen(&PodStatus { container_statuses, ..PodStatus::default() });
    json!({"phase": phase(&pod, &seen, decode(&input["podIsTerminal"]))})
}

fn indices(pod: &CompiledPod) -> impl Iterator<Item = ContainerIndex> {
    (0..).map(ContainerIndex).take(pod.containers().len())
}
