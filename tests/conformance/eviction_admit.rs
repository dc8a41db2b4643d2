//! Which pods a node takes while it is short of something.

use node_lifecycle::api::Pod;
use node_lifecycle::behaviour::FeatureGates;
use node_lifecycle::eviction::{Pressure, admit};
use serde_json::{Value, json};

use crate::runtime::decode;

pub(crate) fn eviction_admit(input: &Value) -> Value {
    let pod: Pod = decode(&input["pod"]);
    let pressures: Vec<Pressure> = decode(&input["conditions"]);
    match admit(&pressures, &pod, FeatureGates::default()) {
        Ok(()) => json!({"admit": true}),
        Err(rejection) => {
            json!({"admit": false, "reason": rejection.reason, "message": rejection.message})
        }
    }
}
