//! Laws of a pod's resources and quality of service, under random specs, hostile ones among them.
#![allow(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::sync::Arc;

use node_lifecycle::api::{Pod, PodSpec, QosClass, Quantity, ResourceList, ResourceRequirements};
use node_lifecycle::behaviour::{Behaviour, Feature, FeatureGates};
use node_lifecycle::pod::{
    CompiledPod, Overhead, PodCgroupSettings, cpu_quota_us, cpu_shares, cpu_weight, oom_score_adj,
    pod_cgroup, pod_qos_class, pod_resources, qos_class,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Amounts as people write them.
fn sane() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("0".to_owned()),
        "[1-9][0-9]{0,4}(m|k|M|Mi|Gi)?",
        prop::sample::select(vec!["1", "250m", "1Gi", "500M"]).prop_map(String::from),
    ]
}

/// Amounts as nobody should write them.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        sane(),
        sane().prop_map(|amount| format!("-{amount}")),
        "-?[0-9]{1,40}(\\.[0-9]{1,12})?",
        ("-?[1-9][0-9]{0,9}", 0..=990).prop_map(|(number, exponent)| format!("{number}e{exponent}")),
        any::<i64>().prop_map(|amount| amount.to_string()),
        prop::sample::select(vec![
            "-9223372036854775808",
            "9223372036854775807",
            "9223372036854775807.5",
            "1e1000",
            "-1e1000",
            "8Ei",
            "1n",
            "-1n"
        ])
        .prop_map(String::from),
    ]
}

fn list(amount: impl Strategy<Value = String>) -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec!["cpu", "memory", "hugepages-2Mi", "example.com/dev"]);
    vec((names, amount), 0..4).prop_map(|amounts| {
        Value::Object(amounts.into_iter().map(|(name, amount)| (name.to_owned(), json!(amount))).collect())
    })
}

fn requirements<S: Strategy<Value = String>>(amount: fn() -> S) -> impl Strategy<Value = Value> {
    (list(amount()), list(amount()), any::<bool>()).prop_map(|(requests, limits, equal)| {
        let requests = if equal { &limits } else { &requests };
        json!({"requests": requests, "limits": limits})
    })
}

/// Containers with their names still to be given.
fn containers<S: Strategy<Value = String>>(
    amount: fn() -> S,
    prefix: &'static str,
) -> impl Strategy<Value = Vec<Value>> {
    vec((requirements(amount), any::<bool>()), 0..4).prop_map(move |containers| {
        let named = containers.into_iter().enumerate().map(|(n, (resources, sidecar))| {
            let mut container = json!({"name": format!("{prefix}{n}"), "resources": resources});
            if sidecar && prefix == "init" {
                container["restartPolicy"] = json!("Always");
            }
            container
        });
        named.collect()
    })
}

fn spec<S: Strategy<Value = String>>(amount: fn() -> S) -> impl Strategy<Value = Value> {
    let own = prop_oneof![3 => Just(json!({})), 1 => requirements(amount)];
    (containers(amount, "init"), containers(amount, "app"), list(amount()), own).prop_map(
        |(inits, apps, overhead, own)| {
            json!({"initContainers": inits, "containers": apps, "overhead": overhead, "resources": own})
        },
    )
}

fn gates() -> impl Strategy<Value = FeatureGates> {
    (any::<bool>(), any::<bool>()).prop_map(|(own, period)| {
        FeatureGates::default()
            .with(Feature::PodLevelResources, own)
            .with(Feature::CustomCPUCFSQuotaPeriod, period)
    })
}

fn read(spec: &Value) -> PodSpec {
    serde_json::from_value(spec.clone()).unwrap()
}

/// Whether a pod's own resources name what a pod can ask for (KEP-2837).
fn asks_as_a_pod(own: &ResourceRequirements) -> bool {
    ["cpu", "memory", "hugepages-2Mi"]
        .iter()
        .any(|name| own.requests.contains_key(*name) || own.limits.contains_key(*name))
}

/// Whether no amount of the second list is below that of the first.
fn at_most(low: &ResourceList, high: &ResourceList) -> bool {
    low.iter().all(|(name, amount)| high.get(name).is_some_and(|other| amount <= other))
}

proptest! {
    #[test]
    fn overhead_never_lowers(spec in spec(sane), gates in gates()) {
        let spec = read(&spec);
        let with = pod_resources(&spec, gates, Overhead::Included);
        let without = pod_resources(&spec, gates, Overhead::Excluded);
        prop_assert!(at_most(&without.requests, &with.requests));
        prop_assert!(at_most(&without.limits, &with.limits));
        prop_assert!(without.limits.keys().eq(with.limits.keys()), "overhead makes no limit");
    }

    #[test]
    fn a_container_more_never_lowers(
        spec in spec(sane), gates in gates(), more in requirements(sane), place in any::<prop::sample::Index>(),
        kind in 0..3_u8,
    ) {
        let before = pod_resources(&read(&spec), gates, Overhead::Included);
        let mut longer = spec;
        let mut container = json!({"name": "more", "resources": more});
        if kind == 2 {
            container["restartPolicy"] = json!("Always");
        }
        let list = longer[if kind == 0 { "containers" } else { "initContainers" }].as_array_mut().unwrap();
        list.insert(place.index(list.len() + 1), container);
        let after = pod_resources(&read(&longer), gates, Overhead::Included);
        prop_assert!(at_most(&before.requests, &after.requests));
        prop_assert!(at_most(&before.limits, &after.limits));
    }

    /// The rule once more, slow and plain: the most that runs at once.
    #[test]
    fn requests_are_the_most_that_runs_at_once(spec in spec(sane)) {
        let spec = read(&spec);
        let sidecars = |upto: usize| spec.init_containers[..upto].iter().filter(|init| init.is_sidecar());
        let mut points = vec![spec.containers.iter().chain(sidecars(spec.init_containers.len())).collect::<Vec<_>>()];
        for (n, init) in spec.init_containers.iter().enumerate() {
            points.push(sidecars(n).chain([init]).collect());
        }
        let all = pod_resources(&spec, FeatureGates::default(), Overhead::Excluded);
        for (name, amount) in &all.requests {
            let sums = points.iter().map(|point| {
                point.iter().filter_map(|container| container.resources.requests.get(name)).sum::<Quantity>()
            });
            prop_assert_eq!(Some(amount.clone()), sums.max(), "{}", name);
        }
    }

    #[test]
    fn guaranteed_is_equal_and_best_effort_is_nothing(spec in spec(sane), own in any::<bool>()) {
        let spec = read(&spec);
        let gates = FeatureGates::default().with(Feature::PodLevelResources, own);
        let judged: Vec<_> = match &spec.resources {
            own if gates.enabled(Feature::PodLevelResources) && asks_as_a_pod(own) => vec![own],
            _ => spec.containers.iter().chain(&spec.init_containers).map(|container| &container.resources).collect(),
        };
        let class = qos_class(&spec, gates);
        for name in ["cpu", "memory"] {
            let requests: Quantity = judged.iter().filter_map(|resources| resources.requests.get(name)).sum();
            let limits: Quantity = judged.iter().filter_map(|resources| resources.limits.get(name)).sum();
            match class {
                QosClass::Guaranteed => prop_assert!(requests == limits && !limits.is_zero()),
                QosClass::BestEffort => prop_assert!(requests.is_zero() && limits.is_zero()),
                QosClass::Burstable => {}
            }
        }
    }

    /// In a pod that is guaranteed container by container the effective amounts are equal too.
    #[test]
    fn equal_containers_make_a_guaranteed_pod(
        amounts in vec(("[1-9][0-9]{0,4}m", "[1-9][0-9]{0,3}Mi", any::<bool>()), 1..6), apps in 1..6_usize,
    ) {
        let containers = amounts.iter().enumerate().map(|(n, (cpu, memory, sidecar))| {
            let amounts = json!({"cpu": cpu, "memory": memory});
            let resources = json!({"requests": amounts, "limits": amounts});
            let policy = (n >= apps && *sidecar).then_some("Always");
            json!({"name": format!("c{n}"), "resources": resources, "restartPolicy": policy})
        });
        let containers: Vec<_> = containers.collect();
        let (apps, inits) = containers.split_at(apps.min(containers.len()));
        let spec = read(&json!({"containers": apps, "initContainers": inits}));
        prop_assert_eq!(qos_class(&spec, FeatureGates::default()), QosClass::Guaranteed);
        let resources = pod_resources(&spec, FeatureGates::default(), Overhead::Included);
        prop_assert_eq!(resources.requests, resources.limits);
    }

    /// Whatever is asked for: no panic, and what the kernel is told is in its range.
    #[test]
    fn hostile_numbers_stay_in_range(
        spec in spec(hostile), gates in gates(), capacity in prop_oneof![Just(0), any::<u64>()],
        period in any::<u64>(),
        status in prop::sample::select(vec![None, Some("Guaranteed"), Some("Burstable"), Some("BestEffort")]),
    ) {
        let mut object = Map::from_iter([("spec".to_owned(), spec)]);
        object.extend(status.map(|class| ("status".to_owned(), json!({"qosClass": class}))));
        let pod: Pod = serde_json::from_value(Value::Object(object)).unwrap();
        let behaviour = Arc::new(Behaviour { gates, ..Behaviour::default() });
        let compiled = CompiledPod::compile(&pod, &behaviour).unwrap();
        prop_assert_eq!(compiled.qos, qos_class(&pod.spec, gates));
        let qos = pod_qos_class(&pod, gates);
        for container in pod.spec.init_containers.iter().chain(&pod.spec.containers) {
            let score = oom_score_adj(&pod, container, capacity, gates);
            match qos {
                QosClass::Guaranteed => prop_assert_eq!(score, -997),
                QosClass::Burstable => prop_assert!((3..=999).contains(&score), "{}", score),
                QosClass::BestEffort => prop_assert_eq!(score, 1000),
            }
        }
        let node = PodCgroupSettings { cpu_cfs_quota_period_us: Some(period), pids_limit: None };
        let cgroup = pod_cgroup(&compiled, qos, &node);
        prop_assert!((2..=262_144).contains(&cgroup.cpu_shares));
        prop_assert!(cgroup.cpu_quota_us.is_none_or(|quota| quota >= 1000));
        prop_assert!(cgroup.memory_limit_bytes != Some(0));
    }

    #[test]
    fn more_cpu_is_never_less(a in any::<i64>(), b in any::<i64>(), period in any::<u64>(), gates in gates()) {
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(cpu_shares(low) <= cpu_shares(high));
        let weights = (cpu_weight(cpu_shares(low)), cpu_weight(cpu_shares(high)));
        prop_assert!(1 <= weights.0 && weights.0 <= weights.1 && weights.1 <= 10_000);
        if let (Some(low), Some(high)) = (cpu_quota_us(low, period, gates), cpu_quota_us(high, period, gates)) {
            prop_assert!(1000 <= low && low <= high);
        }
    }
}
