//! The stop order and its arithmetic.

use std::collections::BTreeMap;
use std::time::Duration;

use node_lifecycle::container::{ContainerSet, grace_seconds};
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
