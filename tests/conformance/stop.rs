//! The stop order and its arithmetic.

use std::collections::BTreeMap;
use std::time::Duration;

use node_lifecycle::behaviour::Compat;
use node_lifecycle::container::{ContainerSet, KeptWithContainer, ProbeKind, forecast_stop, grace_seconds};
use node_lifecycle::pod::{Ending, forecast};
use serde_json::{Map, Value, json};

use crate::runtime::{decode, millis, pod};

pub(crate) fn termination_order(input: &Value) -> Value {
    let (api, pod) = pod(input);
    let (stop, pre_stop): (BTreeMap<String, u64>, BTreeMap<String, u64>) =
        (decode(&input["stopMs"]), decode(&input["preStopMs"]));
    let index = |name: &str| pod.index_of(name).unwrap_or_else(|| panic!("no container {name}"));
    let lasts = |of: &BTreeMap<String, u64>, name| Duration::from_millis(of.get(name).copied().unwrap_or(0));
    let names: Vec<String> = decode(&input["running"]);
    let ending: Vec<_> = names
        .iter()
        .map(|name| Ending {
            container: index(name),
            pre_stop: lasts(&pre_stop, name),
            stop: lasts(&stop, name),
        })
        .collect();
    let running: ContainerSet = ending.iter().map(|ending| ending.container).collect();

    let waits_for = names.iter().map(|name| {
        let before = pod.waits_for(index(name), running);
        // App containers in spec order, then the sidecars behind.
        let apps = before.intersection(pod.apps()).iter();
        let sidecars = before.intersection(pod.sidecars()).iter();
        let names: Vec<_> = apps.chain(sidecars).map(|index| pod.name_of(index)).collect();
        (name.clone(), json!(names))
    });
    let spec_grace = pod.spec.termination_grace_period_seconds;
    let base = grace_seconds(api.metadata.deletion_grace_period_seconds, spec_grace, None);
    let grace = decode::<Option<i64>>(&input["gracePeriodOverrideSeconds"]).unwrap_or(base);
    let timeline = forecast(&pod, &ending, grace).into_iter().map(|ended| {
        json!({
            "name": pod.name_of(ended.container),
            "stopAtMs": millis(ended.stopped_at),
            "timeoutSeconds": ended.timeout_seconds,
            "endAtMs": millis(ended.ended_at),
            "forced": ended.forced,
        })
    });
    json!({"waitsFor": waits_for.collect::<Map<_, _>>(), "timeline": timeline.collect::<Vec<_>>()})
}

pub(crate) fn kill_grace(input: &Value) -> Value {
    let (api, pod) = pod(input);
    let index = pod.index_of(input["container"].as_str().unwrap_or_default());
    let Some(container) = index.and_then(|index| pod.container(index)) else {
        return json!({"error": true, "preStopRan": false});
    };
    let failed = match input["reason"].as_str() {
        Some("LivenessProbe") => Some(ProbeKind::Liveness),
        Some("StartupProbe") => Some(ProbeKind::Startup),
        _ => None,
    };
    let known: bool = decode(&input["podKnown"]);
    let deletion = api.metadata.deletion_grace_period_seconds;
    let (base, has_hook) = if known {
        let probe = failed.and_then(|failed| container.probe_grace(failed));
        let spec = pod.spec.termination_grace_period_seconds;
        (grace_seconds(deletion, spec, probe), container.pre_stop)
    } else {
        let spec = &pod.spec;
        let mut all = spec.init_containers.iter().chain(&spec.containers).chain(&spec.ephemeral_containers);
        let spec = all.find(|spec| *spec.name == *container.name);
        let spec = spec.unwrap_or_else(|| panic!("no container {}", container.name));
        let kept = KeptWithContainer::of(&api, spec, Compat::kubelet_1_32());
        let (kept, faults) = KeptWithContainer::read(&kept.labels(), &kept.annotations());
        assert!(faults.is_empty(), "{faults:?}");
        (kept.grace_seconds(failed), kept.pre_stop.is_some())
    };
    let grace = decode::<Option<i64>>(&input["gracePeriodOverrideSeconds"]).unwrap_or(base);
    let pre_stop = has_hook.then(|| Duration::from_millis(decode(&input["preStopMs"])));
    let forecast = forecast_stop(grace, pre_stop);
    json!({
        "baseGracePeriodSeconds": known.then_some(base),
        "stopTimeoutSeconds": forecast.timeout_seconds,
        "stopAtMs": millis(forecast.stopped_at),
        "preStopRan": forecast.runs_hook,
        "error": input["stopError"] == "other",
    })
}
