use serde_json::{Value, json};

use super::*;

/// A value that may stand there and is not empty.
fn sample(kind: FieldKind) -> Value {
    match kind {
        FieldKind::Bool => json!(true),
        FieldKind::Int32 => json!(-7),
        FieldKind::Int64 => json!(1_i64 << 40),
        FieldKind::Uint32 => json!(u32::MAX),
        FieldKind::Float => json!(0.5),
        FieldKind::String => json!("x"),
        FieldKind::Duration | FieldKind::DurationOrNanoseconds => json!("1m30s"),
        FieldKind::Quantity => json!("1Mi"),
        FieldKind::Time => json!("2025-03-01T10:00:00Z"),
        FieldKind::List(element) => json!([sample(*element)]),
        FieldKind::Map(element) => json!({"a": sample(*element)}),
        FieldKind::Struct(fields) => object(fields, |field| sample(field.kind)),
    }
}

fn object(fields: &[Field], value: fn(&Field) -> Value) -> Value {
    Value::Object(fields.iter().map(|field| (field.name.to_owned(), value(field))).collect())
}

fn read(json: Value) -> KubeletConfiguration {
    serde_json::from_value(json).unwrap()
}

#[test]
fn every_field_is_written_as_it_was_read() {
    let all = sample(FieldKind::Struct(KubeletConfiguration::FIELDS));
    let config = read(all.clone());
    assert_eq!(serde_json::to_value(&config).unwrap(), all);
    for field in KubeletConfiguration::FIELDS {
        let one = json!({ field.name: sample(field.kind) });
        let config = read(one.clone());
        assert_ne!(config, KubeletConfiguration::default(), "{}", field.name);
        assert_eq!(serde_json::to_value(&config).unwrap()[field.name], one[field.name]);
    }
}

#[test]
fn null_is_unset_and_unknown_fields_pass() {
    let mut nulls = object(KubeletConfiguration::FIELDS, |_| Value::Null);
    nulls["maxPod"] = json!([]);
    assert_eq!(read(nulls), KubeletConfiguration::default());
}

#[test]
fn what_is_unset_is_left_out_as_kubernetes_does() {
    let written = serde_json::to_value(KubeletConfiguration::default()).unwrap();
    for name in ["maxPods", "enableServer", "evictionHard", "enforceNodeAllocatable", "tracing", "kind"] {
        assert_eq!(written.get(name), None, "{name}");
    }
    assert_eq!(written["syncFrequency"], "0s");
    assert_eq!(written["memorySwap"], json!({}));
    assert_eq!(written["containerRuntimeEndpoint"], "");
    assert_eq!(
        written["logging"],
        json!({"flushFrequency": 0, "verbosity": 0, "options": {"text": {"infoBufferSize": "0"},
            "json": {"infoBufferSize": "0"}}})
    );
}

#[test]
fn set_to_nothing_is_not_unset() {
    let config = read(json!({"evictionHard": {}, "enforceNodeAllocatable": []}));
    assert_eq!(config.eviction_hard, Some([].into()));
    let again = serde_json::to_value(&config).unwrap();
    assert_eq!(again["enforceNodeAllocatable"], json!([]));
    assert_eq!(read(again), config);
    let kubelet = config.to_kubelet_json().unwrap();
    assert_eq!((kubelet.get("evictionHard"), kubelet.get("enforceNodeAllocatable")), (None, None));
    assert_eq!(config.with_defaults().enforce_node_allocatable, Some(vec![]));
}

#[test]
fn wrong_kinds_are_refused() {
    for wrong in [
        json!({"maxPods": "110"}),
        json!({"maxPods": 1_i64 << 31}),
        json!({"syncFrequency": 60}),
        json!({"syncFrequency": "1 min"}),
        json!({"failSwapOn": "true"}),
        json!({"evictionHard": {"memory.available": 100}}),
        json!({"clusterDNS": "10.0.0.10"}),
        json!({"logging": {"verbosity": -1}}),
        json!({"registerWithTaints": [{"timeAdded": "yesterday"}]}),
        json!({"reservedMemory": [{"limits": {"memory": "1 GB"}}]}),
    ] {
        assert!(serde_json::from_value::<KubeletConfiguration>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn newer_fields_say_since_when() {
    let newer: Vec<_> = KubeletConfiguration::FIELDS
        .iter()
        .filter_map(|field| field.since.map(|minor| (field.name, minor)))
        .collect();
    assert_eq!(
        newer,
        [
            ("tlsCurvePreferences", 36),
            ("imagePullCredentialsVerificationPolicy", 33),
            ("preloadedImagesVerificationAllowlist", 33),
            ("mergeDefaultEvictionSettings", 33),
            ("memoryReservationPolicy", 36),
            ("userNamespaces", 33),
        ]
    );
}
