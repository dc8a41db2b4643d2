//! Laws of reading, defaulting, validating and checking a configuration, under random and hostile values.
#![allow(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::collections::BTreeSet;

use node_lifecycle::api::Quantity;
use node_lifecycle::behaviour::{Compat, GateRegistry};
use node_lifecycle::config::{Field, FieldKind, Host, KubeletConfiguration};
use node_lifecycle::eviction::Platform;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

/// Words that mean something somewhere, and some that mean nothing.
const WORDS: &[&str] = &[
    "",
    "none",
    "None",
    "static",
    "Static",
    "pods",
    "kube-reserved",
    "system-reserved-compressible",
    "Webhook",
    "AlwaysAllow",
    "text",
    "json",
    "/var/log",
    "../log",
    "0-3,7",
    "3-1",
    "0-9223372036854775807",
    "1,,2",
    "10Mi",
    "-1",
    "1e400",
    "0%",
    "100%",
    "7%%",
    "nan%",
    "1m",
    "-5s",
    "a b",
    "a/b/c",
    "NoSchedule",
    "tcp://x",
    "://",
    "dns://%",
    "[::1",
    "r.example/*",
    "*",
    "ä\u{7f}\u{10ffff}\"",
    "NeverVerifyAllowlistedImages",
    "LimitedSwap",
    "x=y",
];

/// Keys of maps: signals, resources, gates.
const KEYS: &[&str] = &[
    "memory.available",
    "nodefs.available",
    "imagefs.inodesFree",
    "pid.available",
    "cpu",
    "memory",
    "pid",
    "ephemeral-storage",
    "hugepages-2Mi",
    "AllAlpha",
    "AllBeta",
    "NodeSwap",
    "CPUManager",
    "NoSuchGate",
    "KubeletCrashLoopBackOffMax",
    "KubeletEnsureSecretPulledImages",
    "LoggingAlphaOptions",
    "",
    "[0].a",
];

fn word() -> BoxedStrategy<Value> {
    prop_oneof![4 => select(WORDS).prop_map(|word| json!(word)), 1 => "\\PC{0,8}".prop_map(Value::from)]
        .boxed()
}

/// A value that may stand there.
fn value(kind: FieldKind) -> BoxedStrategy<Value> {
    let numbers = |more: i64| select(vec![-1, 0, 1, 2, 80, 100, 65_535, 65_536, more]).prop_map(Value::from);
    match kind {
        FieldKind::Bool => any::<bool>().prop_map(Value::from).boxed(),
        FieldKind::Int32 => numbers(i32::MIN.into()).boxed(),
        FieldKind::Int64 => numbers(i64::MIN).boxed(),
        FieldKind::Uint32 => select(vec![0_u32, 1, u32::MAX]).prop_map(Value::from).boxed(),
        FieldKind::Float => select(vec![-1.0, 0.0, 1e-300, 0.5, 1.0, 1e300]).prop_map(Value::from).boxed(),
        FieldKind::String => word(),
        FieldKind::Duration => duration().boxed(),
        FieldKind::DurationOrNanoseconds => prop_oneof![duration(), numbers(i64::MIN)].boxed(),
        FieldKind::Quantity => select(vec!["0", "1Mi", "-1", "1n"]).prop_map(Value::from).boxed(),
        FieldKind::Time => Just(json!("2025-03-01T10:00:00Z")).boxed(),
        FieldKind::List(element) => vec(value(*element), 0..3).prop_map(Value::from).boxed(),
        FieldKind::Map(element) => btree_map(select(KEYS).prop_map(str::to_owned), value(*element), 0..4)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
            .boxed(),
        FieldKind::Struct(fields) => object(fields, fields.len()),
    }
}

fn duration() -> impl Strategy<Value = Value> {
    select(vec!["0s", "999ms", "1s", "3s", "5m", "-1s", "2562047h", "-2562047h"]).prop_map(Value::from)
}

/// Some of the fields of a struct.
fn object(fields: &'static [Field], most: usize) -> BoxedStrategy<Value> {
    subsequence(fields, 0..=most)
        .prop_flat_map(|fields| {
            fields.into_iter().map(|it| value(it.kind).prop_map(move |v| (it.name, v))).collect::<Vec<_>>()
        })
        .prop_map(|fields| {
            Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
        })
        .boxed()
}

fn config() -> impl Strategy<Value = Value> {
    object(KubeletConfiguration::FIELDS, 12)
}

fn host() -> impl Strategy<Value = Host> {
    let platform = select(vec![Platform::Linux, Platform::Windows, Platform::Other]);
    let amounts =
        select(vec!["0", "1", "8Gi", "32768", "1e30"]).prop_map(|text| text.parse::<Quantity>().unwrap());
    let capacity = btree_map(select(KEYS).prop_map(str::to_owned), amounts, 0..5);
    (platform, any::<bool>(), capacity, any::<bool>()).prop_map(|(platform, cgroup_v2, capacity, newer)| {
        let gates = GateRegistry::default();
        Host { platform, cgroup_v2, capacity, gates: if newer { gates.with_newer() } else { gates } }
    })
}

/// Whether the first steps of a path lead to a field.
fn is_field(path: &str) -> bool {
    let steps = path.split(['.', '[']).map(|step| step.trim_end_matches(']'));
    let mut kind = FieldKind::Struct(KubeletConfiguration::FIELDS);
    for step in steps {
        match kind.at([step]) {
            // Keys of maps may have dots.
            Some(FieldKind::Map(_)) => return true,
            Some(next) => kind = next,
            None => return false,
        }
    }
    true
}

proptest! {
    #[test]
    fn what_is_read_is_written_and_read_again(json in config()) {
        let read: KubeletConfiguration = serde_json::from_value(json).unwrap();
        let written = serde_json::to_value(&read).unwrap();
        prop_assert_eq!(&serde_json::from_value::<KubeletConfiguration>(written.clone()).unwrap(), &read);
        // As the kubelet writes it, nothing is added.
        let kubelet = read.to_kubelet_json().unwrap();
        prop_assert!(kubelet.as_object().unwrap().iter().all(|(name, value)| written[name] == *value));
    }

    #[test]
    fn defaults_are_applied_once_and_change_nothing_that_is_set(json in config()) {
        let read: KubeletConfiguration = serde_json::from_value(json).unwrap();
        let once = read.clone().with_defaults();
        prop_assert_eq!(&once.clone().with_defaults(), &once);
        let [given, once] = [&read, &once].map(|config| serde_json::to_value(config).unwrap());
        let unset = serde_json::to_value(KubeletConfiguration::default()).unwrap();
        for (name, value) in given.as_object().unwrap_or(&Map::new()) {
            let is_scalar = !value.is_object();
            let is_limit = name == "podPidsLimit";
            prop_assert!(!is_scalar || is_limit || unset.get(name) == Some(value) || once[name] == *value, "{name}");
        }
    }

    #[test]
    fn errors_and_warnings_are_of_fields(json in config(), host in host(), copied in any::<bool>()) {
        let config = serde_json::from_value::<KubeletConfiguration>(json).unwrap().with_defaults();
        let compat = if copied { Compat::kubelet_1_32() } else { Compat::default() };
        let check = config.check(&host, compat);
        let refused = config.validate(&host).err().unwrap_or_default();
        prop_assert!(check.errors.len() >= refused.errors().len());
        for path in check.errors.iter().map(|it| it.path()).chain(check.warnings.iter().map(|it| it.path())) {
            prop_assert!(is_field(&path), "{path}");
        }
        let others = refused.errors().iter().flat_map(|error| error.others());
        prop_assert!(others.into_iter().all(|path| is_field(path)));
        // Said once.
        let mut said = BTreeSet::new();
        prop_assert!(check.errors.iter().all(|it| said.insert((it.path(), it.to_string()))), "{check}");
        prop_assert_eq!(check.to_string().is_empty(), check.errors.is_empty() && check.warnings.is_empty());
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,40}") {
        let config = KubeletConfiguration {
            pod_logs_dir: text.clone(),
            reserved_system_cpus: text.clone(),
            container_log_max_size: text.clone(),
            hairpin_mode: text.clone(),
            topology_manager_policy: text.clone(),
            system_reserved: [(text.clone(), text.clone())].into(),
            tracing: serde_json::from_value(json!({"endpoint": text})).unwrap(),
            register_with_taints: serde_json::from_value(json!([{"key": text, "value": text}])).unwrap(),
            ..KubeletConfiguration::default().with_defaults()
        };
        prop_assert!(!config.check(&Host::default(), Compat::default()).is_valid());
    }
}
