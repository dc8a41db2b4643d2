//! A node's pods from their first sight to their end, and the grace that a pod gets.

use node_lifecycle::behaviour::Compat;
use node_lifecycle::pod::pod_grace_seconds;
use serde_json::{Value, json};

use crate::runtime::decode;

pub(crate) fn effective_pod_grace(input: &Value) -> Value {
    let seconds = |value: &Value| decode::<Option<i64>>(value);
    let previous = seconds(&input["previousGracePeriodSeconds"]).filter(|previous| *previous != 0);
    let grace = pod_grace_seconds(
        Compat::kubelet_1_32(),
        previous,
        seconds(&input["deletionGracePeriodSeconds"]),
        seconds(&input["options"]["gracePeriodOverrideSeconds"]),
        seconds(&input["terminationGracePeriodSeconds"]),
    );
    json!({"gracePeriodSeconds": grace, "changed": previous.is_some_and(|previous| previous != grace)})
}
