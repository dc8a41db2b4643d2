//! What was said of a pod, step by step.

use node_lifecycle::api::Pod;
use node_lifecycle::machine::Timestamp;
use node_lifecycle::pod::{ApiPod, StatusCache};
use serde_json::{Value, json};

use crate::runtime::{decode, pod};

pub(crate) fn status_cache(input: &Value) -> Value {
    let (api, pod) = pod(input);
    let mirror: Option<Pod> = decode(&input["mirrorPod"]);
    let api = ApiPod {
        pod: &pod,
        status: &api.status,
        mirror: mirror.as_ref().map(|mirror| &mirror.status),
        deleted: api.is_deleted(),
        is_mirror: api.is_mirror(),
    };
    let mut cache = StatusCache::default();
    let steps: Vec<Value> = decode(&input["steps"]);
    let steps = steps.iter().map(|step| {
        let before = cache.version();
        take(&mut cache, &api, step);
        let changed = cache.version() != before;
        json!({
            "cached": cache.status().is_some(),
            "version": cache.version(),
            "changed": changed,
            "status": cache.status().filter(|_| changed),
            "podIsFinished": cache.is_finished(),
            "needsUpdate": cache.needs_update(&api),
            "needsReconcile": cache.needs_reconcile(&api),
        })
    });
    json!({"steps": steps.collect::<Vec<_>>()})
}

fn take(cache: &mut StatusCache, api: &ApiPod<'_>, step: &Value) {
    let now: Timestamp = decode(&step["now"]);
    let container = || decode::<String>(&step["containerId"]);
    match decode::<String>(&step["op"]).as_str() {
        "setPodStatus" => _ = cache.set(now, api, &mut decode(&step["status"])),
        "setContainerReadiness" => _ = cache.set_ready(now, api, &container(), decode(&step["value"])),
        "setContainerStartup" => _ = cache.set_started(now, api, &container(), decode(&step["value"])),
        "terminatePod" => _ = cache.terminate(now, api),
        "synced" => {
            if let Some(version) = cache.next_update().map(|update| update.version) {
                cache.sent(version);
            }
        }
        op => panic!("no operation {op}"),
    }
}
