//! What holds of reading manifests whatever the text.

use std::collections::BTreeSet;

use node_lifecycle::api::{Manifest, read_pods};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

fn assert_laws(manifest: &Manifest) {
    let mut names = BTreeSet::new();
    let mut uids = BTreeSet::new();
    for pod in &manifest.pods {
        assert_eq!(pod.pod.validate(), Ok(()));
        let mut again = pod.pod.clone();
        again.apply_defaults();
        assert_eq!(again, pod.pod, "defaults are applied");
        let metadata = &pod.pod.metadata;
        assert!(!metadata.name.is_empty() && !metadata.uid.as_str().is_empty());
        assert!(names.insert((&metadata.namespace, &metadata.name)), "{metadata:?}");
        assert!(uids.insert(&metadata.uid), "{metadata:?}");
    }
    for error in &manifest.errors {
        assert!(!error.message.is_empty() && !error.to_string().is_empty());
    }
    assert!(manifest.errors.is_sorted_by_key(|error| error.position));
}

/// Manifests that are right, as many kinds as there are.
fn seeds() -> Vec<Value> {
    let spec = json!({
        "initContainers": [
            {"name": "setup", "image": "registry.example/setup:1"},
            {"name": "proxy", "image": "registry.example/proxy:1", "restartPolicy": "Always",
             "startupProbe": {"httpGet": {"path": "/", "port": 8080}}}],
        "containers": [
            {"name": "app", "image": "registry.example/app:1",
             "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2", "example.com/gpu": 1}},
             "lifecycle": {"preStop": {"sleep": {"seconds": 5}}}}],
        "volumes": [{"name": "data", "emptyDir": {}}],
        "restartPolicy": "Always",
    });
    let mut ends = spec.clone();
    ends["restartPolicy"] = "OnFailure".into();
    let template =
        |spec: &Value| json!({"metadata": {"labels": {"app.example.com/name": "a"}}, "spec": spec});
    let mut seeds = vec![
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "uid": "u"}, "spec": spec,
               "status": {"phase": "Running"}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "web-"}, "spec": spec}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}),
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "web"},
               "spec": {"parallelism": 3, "template": template(&ends)}}),
        json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "web", "namespace": "night"},
               "spec": {"jobTemplate": {"spec": {"template": template(&ends)}}}}),
    ];
    for kind in ["Deployment", "ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet"] {
        seeds.push(json!({"kind": kind, "metadata": {"name": "web"},
                          "spec": {"replicas": 2, "template": template(&spec)}}));
    }
    seeds
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(entries) => entries.values().map(count).sum(),
        _ => 0,
    }
}

/// The value with this number, counted through the tree.
fn nth<'a>(value: &'a mut Value, n: &mut usize) -> Option<&'a mut Value> {
    if *n == 0 {
        return Some(value);
    }
    *n -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, n)),
        Value::Object(entries) => entries.values_mut().find_map(|item| nth(item, n)),
        _ => None,
    }
}

fn scrap() -> impl Strategy<Value = Value> {
    let words =
        vec!["", "-", "web", "web-2", "Never", "Always", "List", "PodList", "Pod", "1x", ".", "a.b", "é[0]"];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        select(vec![0_i64, 1, -1, 7, i64::MAX, i64::MIN]).prop_map(Value::from),
        select(words).prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([null, {}, [1]])),
        "[a-z]{250,260}".prop_map(Value::from),
    ]
}

/// Manifests of several objects, some in lists, some of whose values are others.
fn mutated() -> impl Strategy<Value = String> {
    let object = (select(seeds()), vec((any::<Index>(), scrap()), 0..4)).prop_map(|(mut seed, changes)| {
        for (at, scrap) in changes {
            let mut n = at.index(count(&seed));
            if let Some(value) = nth(&mut seed, &mut n) {
                *value = scrap;
            }
        }
        seed
    });
    let object = object.boxed();
    let list = vec(object.clone(), 0..4)
        .prop_map(|items| json!({"apiVersion": "v1", "kind": "List", "items": items}));
    let text = vec(prop_oneof![3 => object, 1 => list], 1..5)
        .prop_map(|objects| objects.iter().map(|object| format!("{object:#}\n")).collect::<String>());
    (text, prop::option::weighted(0.1, any::<Index>())).prop_map(|(mut text, cut)| {
        if let Some(cut) = cut {
            let at = cut.index(text.len());
            text.truncate((0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0));
        }
        text
    })
}

fn tokens() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        8 => select(vec![
            "kind: Pod\n", "kind: List\n", "items:\n", "metadata:\n", "  name: a\n", "spec:\n", "  containers:\n",
            "  - name: a\n", "    image: b\n", "---\n", "kind: Job\n", "  template:\n", "- ", "  ", "*a", "&a ",
            "null", "{}", "[", "]", "{", "}", "\"kind\":", "\"Pod\"", "\"items\":", ",", "<<: ",
        ])
        .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn any_text_is_read(text in prop_oneof![any::<String>(), tokens()]) {
        assert_laws(&read_pods(&text));
    }

    #[test]
    fn mutated_manifests_are_read(text in mutated()) {
        let manifest = read_pods(&text);
        assert_laws(&manifest);
        prop_assert_eq!(read_pods(&text), manifest);
    }

    #[test]
    fn every_object_is_a_pod_or_skipped_or_wrong(seeds in vec(select(seeds()), 0..6)) {
        let text: String = seeds.iter().map(Value::to_string).collect();
        let manifest = read_pods(&text);
        assert_laws(&manifest);
        // Of pods with one uid only the first is there.
        prop_assert_eq!(manifest.pods.len() + manifest.skipped.len() + manifest.errors.len(), seeds.len());
    }
}

#[test]
fn the_seeds_are_right() {
    for seed in seeds() {
        let manifest = read_pods(&seed.to_string());
        assert_eq!(manifest.errors, [], "{seed:#}");
        assert_eq!(manifest.pods.len() + manifest.skipped.len(), 1);
    }
}
