//! Garbage collection of containers, sandboxes and log folders.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use node_lifecycle::api::Uid;
use node_lifecycle::behaviour::Compat;
use node_lifecycle::container::{
    GarbageCollection, GcContext, GcInventory, GcPolicy, GcScope, GcTarget, ListedContainer, ListedSandbox,
    ListedState, SandboxState,
};
use node_lifecycle::machine::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::runtime::decode;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    op: String,
    min_age_seconds: u64,
    max_per_pod_container: i64,
    max_containers: i64,
    all_sources_ready: bool,
    evict_non_deleted_pods: bool,
    now: Timestamp,
    pods_content_should_be_removed: BTreeSet<Uid>,
    pods_runtime_should_be_removed: BTreeSet<Uid>,
    containers: Vec<Container>,
    sandboxes: Vec<Sandbox>,
    #[serde(default)]
    remove_container_errors: BTreeSet<String>,
    #[serde(default)]
    stop_container_errors: BTreeSet<String>,
    #[serde(default)]
    stop_sandbox_errors: BTreeSet<String>,
    #[serde(default)]
    list_containers_error: bool,
    #[serde(default)]
    list_sandboxes_error: bool,
    #[serde(default)]
    pod_log_dirs: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    id: String,
    #[serde(rename = "podUID")]
    pod_uid: String,
    pod_sandbox_id: String,
    name: String,
    state: ListedState,
    created_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sandbox {
    id: String,
    #[serde(rename = "podUID")]
    pod_uid: String,
    state: String,
    created_at: Timestamp,
}

pub(crate) fn container_gc(input: &Value, recorded: &Value) -> (Value, Value) {
    let case: Case = decode(input);
    let policy = GcPolicy {
        min_age: Duration::from_secs(case.min_age_seconds),
        max_per_pod_container: usize::try_from(case.max_per_pod_container).ok(),
        max_containers: usize::try_from(case.max_containers).ok(),
    };
    let scope = match case.op.as_str() {
        "evictContainers" => GcScope::Containers,
        "evictSandboxes" => GcScope::Sandboxes,
        _ => GcScope::All,
    };
    // The listings of the runtime; its failures are the caller's to report.
    let error = if case.list_containers_error {
        Some("list containers failed")
    } else if case.list_sandboxes_error && scope != GcScope::Containers {
        Some("list sandboxes failed")
    } else {
        None
    };
    let containers = case.containers.into_iter().map(|container| ListedContainer {
        id: container.id.into(),
        pod: container.pod_uid.into(),
        sandbox: container.pod_sandbox_id.into(),
        name: container.name.into(),
        state: container.state,
        created_at: container.created_at,
    });
    let sandboxes = case.sandboxes.into_iter().map(|sandbox| ListedSandbox {
        id: sandbox.id.into(),
        pod: sandbox.pod_uid.into(),
        state: if sandbox.state == "ready" { SandboxState::Ready } else { SandboxState::NotReady },
        created_at: sandbox.created_at,
    });
    let inventory = GcInventory {
        containers: (!case.list_containers_error).then(|| containers.collect()),
        sandboxes: (!case.list_sandboxes_error).then(|| sandboxes.collect()),
        log_directories: Some(case.pod_log_dirs),
    };
    let context = GcContext {
        now: case.now,
        scope,
        gone: case.pods_content_should_be_removed,
        ended: case.pods_runtime_should_be_removed,
        evict_ended: case.evict_non_deleted_pods,
        all_sources_ready: case.all_sources_ready,
    };

    let mut collection = GarbageCollection::begin(&inventory, &policy, &context, Compat::kubelet_1_32());
    let mut attempts = BTreeMap::<String, Vec<String>>::new();
    let mut removed: [BTreeSet<String>; 5] = Default::default();
    let [stopped_containers, containers, stopped_sandboxes, sandboxes, logs] = &mut removed;
    while let Some(removal) = collection.next_removal() {
        let succeeded = match &removal.target {
            GcTarget::Container { id, name, stop_first } => {
                let id = id.to_string();
                if *stop_first && case.stop_container_errors.contains(&id) {
                    false
                } else {
                    if *stop_first {
                        stopped_containers.insert(id.clone());
                    }
                    attempts.entry(format!("{}/{name}", removal.pod)).or_default().push(id.clone());
                    !case.remove_container_errors.contains(&id) && containers.insert(id)
                }
            }
            GcTarget::Sandbox { id } => {
                let id = id.to_string();
                !case.stop_sandbox_errors.contains(&id)
                    && stopped_sandboxes.insert(id.clone())
                    && sandboxes.insert(id)
            }
            GcTarget::LogDirectory { name } => logs.insert(name.clone()),
        };
        collection.finished(succeeded);
    }
    let [stopped_containers, containers, stopped_sandboxes, sandboxes, logs] = removed;
    // Where a container is emptied altogether the kubelet goes by the runtime's list, which is no order.
    let mut recorded = recorded.clone();
    let recorded_attempts = recorded["removeAttemptsPerUnit"].as_object_mut().into_iter().flatten();
    for list in recorded_attempts.filter_map(|(_, list)| list.as_array_mut()) {
        list.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
    attempts.values_mut().for_each(|list| list.sort());
    let answer = json!({
        "error": error,
        "removedContainers": containers,
        "stoppedContainers": stopped_containers,
        "stoppedSandboxes": stopped_sandboxes,
        "removedSandboxes": sandboxes,
        "removedLogDirs": logs,
        "removeAttemptsPerUnit": attempts,
    });
    (recorded, answer)
}
