//! Thresholds from the settings of a node.

use node_lifecycle::behaviour::Compat;
use node_lifecycle::eviction::{EvictionSettings, Platform, Threshold, ThresholdValue};
use serde_json::{Value, json};

use crate::runtime::decode;

/// What was recorded and what the library says. Of the errors the first one is compared, with the messages that were
/// seen.
pub(crate) fn eviction_parse(input: &Value, recorded: &Value) -> (Value, Value) {
    let mut settings: EvictionSettings = decode(input);
    // The recordings are of settings that were defaulted already.
    settings.enforce_node_allocatable.get_or_insert_default();
    settings.eviction_hard.get_or_insert_default();
    match settings.config(Platform::Linux, Compat::kubelet_1_32()) {
        Ok((config, _)) => {
            let mut thresholds: Vec<_> = config.thresholds.iter().map(threshold).collect();
            thresholds.sort_by_key(|threshold| (threshold["signal"].to_string(), threshold.to_string()));
            (recorded.clone(), json!({"error": false, "thresholds": thresholds}))
        }
        Err(errors) => {
            let message = json!(errors.errors()[0].kubelet_message());
            let mut recorded = recorded.clone();
            if recorded["messages"].as_array().is_some_and(|seen| seen.contains(&message)) {
                recorded["messages"] = message.clone();
            }
            (recorded, json!({"error": true, "messages": message}))
        }
    }
}

fn threshold(threshold: &Threshold) -> Value {
    let grace = threshold.grace_period.as_nanos();
    json!({
        "signal": threshold.signal,
        "operator": "LessThan",
        "value": value(&threshold.value),
        // A whole number of milliseconds is written without a fraction.
        "gracePeriodMs": number(&format!("{}.{:06}", grace / 1_000_000, grace % 1_000_000)),
        "minReclaim": threshold.min_reclaim.as_ref().map(value),
    })
}

fn value(value: &ThresholdValue) -> Value {
    match value {
        ThresholdValue::Quantity(quantity) => json!({"quantity": quantity.to_kubelet_string()}),
        ThresholdValue::Percentage(share) if share.is_nan() => json!({"percentage": "NaN"}),
        ThresholdValue::Percentage(share) => json!({"percentage": number(&share.to_string())}),
    }
}

/// The shortest form of a number.
fn number(text: &str) -> Value {
    let shortest = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    serde_json::from_str(shortest).unwrap_or_else(|error| panic!("cannot read {text}: {error}"))
}
