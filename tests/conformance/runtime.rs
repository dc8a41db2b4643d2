//! What the recordings share: pods, and the runtime's report of one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::Pod;
use node_lifecycle::behaviour::Behaviour;
use node_lifecycle::container::{
    ContainerRecord, Exit, PodRecords, RecordState, SandboxRecord, SandboxState, spec_hash,
};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::pod::{CompiledPod, Observed};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(crate) fn decode<T: DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).unwrap_or_else(|error| panic!("cannot read {value}: {error}"))
}

/// A duration as the recordings write it.
pub(crate) fn millis(duration: Duration) -> Value {
    json!(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// The pod of a case, compiled as the kubelet 1.32 behaves.
pub(crate) fn pod(input: &Value) -> (Pod, CompiledPod) {
    let pod: Pod = decode(&input["pod"]);
    let compiled = CompiledPod::compile(&pod, &Arc::new(Behaviour::kubelet_1_32()));
    let compiled = compiled.unwrap_or_else(|error| panic!("cannot compile {pod:?}: {error}"));
    (pod, compiled)
}

#[derive(Deserialize)]
struct Runtime {
    sandboxes: Vec<Sandbox>,
    containers: Vec<Container>,
    #[serde(default)]
    ips: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sandbox {
    id: String,
    attempt: u32,
    state: String,
    ip: Option<String>,
    network_mode: String,
    created_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    id: String,
    name: String,
    state: String,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    #[serde(default)]
    exit_code: i32,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    image: String,
    #[serde(default)]
    image_ref: String,
    restart_count: u32,
    #[serde(default = "matches")]
    hash_matches: bool,
}

fn matches() -> bool {
    true
}

/// The runtime's report of a case.
pub(crate) fn observed(pod: &CompiledPod, input: &Value) -> Observed {
    let runtime: Runtime = decode(&input["runtime"]);
    let hashes: BTreeMap<&str, u64> = pod
        .spec
        .init_containers
        .iter()
        .chain(&pod.spec.containers)
        .chain(&pod.spec.ephemeral_containers)
        .map(|container| (container.name.as_str(), spec_hash(container)))
        .collect();
    let container = |container: Container| {
        let hash = hashes.get(container.name.as_str()).copied().unwrap_or_default();
        let at = |stamp: Option<Timestamp>| stamp.unwrap_or(container.created_at);
        ContainerRecord {
            id: container.id.into(),
            attempt: container.restart_count,
            spec_hash: if container.hash_matches { hash } else { !hash },
            created_at: container.created_at,
            state: match container.state.as_str() {
                "created" => RecordState::Created,
                "running" => RecordState::Running { started_at: at(container.started_at) },
                "exited" => RecordState::Exited(Exit {
                    exit_code: container.exit_code,
                    finished_at: at(container.finished_at),
                    reason: container.reason.into(),
                    message: container.message.into(),
                    started_at: container.started_at,
                }),
                _ => RecordState::Unknown,
            },
            name: container.name.into(),
            image: container.image.into(),
            image_ref: container.image_ref.into(),
        }
    };
    let mut sandboxes = sandboxes(runtime.sandboxes);
    // The addresses of the latest sandbox, in the runtime's order.
    if let Some(latest) = sandboxes.first_mut()
        && let [first, others @ ..] = &*runtime.ips
    {
        latest.ip = Some(first.clone());
        latest.additional_ips = others.to_vec();
    }
    let records =
        PodRecords { sandboxes, containers: runtime.containers.into_iter().map(container).collect() };
    Observed::new(pod, records)
}

/// What the runtime reports of sandboxes only.
pub(crate) fn observed_sandboxes(pod: &CompiledPod, input: &Value) -> Observed {
    let sandboxes = sandboxes(decode(&input["sandboxes"]));
    Observed::new(pod, PodRecords { sandboxes, ..PodRecords::default() })
}

fn sandboxes(sandboxes: Vec<Sandbox>) -> Vec<SandboxRecord> {
    let record = |sandbox: Sandbox| SandboxRecord {
        id: sandbox.id.into(),
        attempt: sandbox.attempt,
        state: if sandbox.state == "ready" { SandboxState::Ready } else { SandboxState::NotReady },
        ip: sandbox.ip,
        host_network: sandbox.network_mode == "node",
        created_at: sandbox.created_at,
        ..SandboxRecord::default()
    };
    sandboxes.into_iter().map(record).collect()
}
