//! From a configuration to machines: who reads which field, and that what passes makes every machine.
//!
//! `docs/configuration-fields.md` has what is found here. `RECORD=1 cargo test --all-features --test config_machines`
//! writes it anew: a field that nobody reads, or nobody reads any more, shows there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use node_lifecycle::behaviour::{Behaviour, Compat, Feature, GateRegistry};
use node_lifecycle::config::{
    ConfigConversionErrors, Field, FieldKind, Host, KubeletConfiguration, MachineSettings,
};
use node_lifecycle::eviction::{EvictionConfig, EvictionSettings, Manager, Platform, Signal};
use node_lifecycle::image::{ImageGc, ImageGcConfig, PullConfig, Puller, Verification};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::pod::{PodCgroupSettings, Pods, PodsSettings, ResizeNode};
use node_lifecycle::runtime::NodeSettings;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

/// A field that is no struct: its path and what may stand there.
#[derive(Debug, Clone)]
struct Leaf {
    path: Vec<&'static str>,
    kind: FieldKind,
}

fn leaves() -> Vec<Leaf> {
    fn below(fields: &'static [Field], path: &[&'static str], found: &mut Vec<Leaf>) {
        for field in fields {
            let path = [path, &[field.name]].concat();
            match field.kind {
                FieldKind::Struct(fields) => below(fields, &path, found),
                kind => found.push(Leaf { path, kind }),
            }
        }
    }
    let mut found = Vec::new();
    below(KubeletConfiguration::FIELDS, &[], &mut found);
    found
}

/// Values of every kind, of which for each field some are valid and no default. They know nothing of the fields.
fn candidates(kind: FieldKind) -> Vec<Value> {
    const WORDS: [&str; 12] = [
        "/a",
        "x",
        "1",
        "10%",
        "50%",
        "1Gi",
        "90s",
        "static",
        "Static",
        "pods",
        "r.example/a",
        "NeverVerify",
    ];
    match kind {
        FieldKind::Bool => vec![json!(true), json!(false)],
        FieldKind::Int32 | FieldKind::Int64 => [2, 1, 70, 95, -1].map(Value::from).to_vec(),
        FieldKind::Uint32 => [2, 1, 70].map(Value::from).to_vec(),
        FieldKind::Float => vec![json!(0.5)],
        FieldKind::String => WORDS.map(Value::from).to_vec(),
        FieldKind::Duration | FieldKind::DurationOrNanoseconds => {
            ["90s", "50ms", "1000h", "-1s"].map(Value::from).to_vec()
        }
        FieldKind::Quantity => vec![json!("3Gi")],
        FieldKind::Time => vec![json!("2025-01-01T00:00:00Z")],
        FieldKind::List(element) => {
            let one = candidates(*element).into_iter().map(|value| json!([value]));
            one.chain([json!([])]).collect()
        }
        FieldKind::Map(element) => {
            let gates = Feature::ALL.iter().map(|gate| gate.name());
            let keys: Vec<_> = match *element {
                FieldKind::Bool => gates.collect(),
                _ => Signal::ALL.map(Signal::name).into_iter().chain(["x"]).collect(),
            };
            let values = candidates(*element);
            keys.iter().flat_map(|key| values.iter().map(move |value| json!({*key: value}))).collect()
        }
        FieldKind::Struct(fields) => {
            let first =
                |field: &Field| Some((field.name.to_owned(), candidates(field.kind).into_iter().next()?));
            vec![Value::Object(fields.iter().filter_map(first).collect())]
        }
    }
}

fn set(json: &mut Value, path: &[&str], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        *json = value;
        return;
    };
    if !json.is_object() {
        *json = Value::Object(Map::new());
    }
    set(&mut json[first], rest, value);
}

/// Configurations to set a field in: one in which nothing is set, and one that has of all that others depend on.
fn bases() -> [Value; 2] {
    let gates = Feature::ALL.iter().map(|gate| (gate.name().to_owned(), json!(true))).collect();
    [
        json!({}),
        json!({
            "featureGates": Value::Object(gates), "serializeImagePulls": false,
            "imagePullCredentialsVerificationPolicy": "NeverVerifyAllowlistedImages",
            "evictionHard": {"nodefs.available": "1Gi"}, "evictionSoft": {"nodefs.available": "2Gi"},
            "evictionSoftGracePeriod": {"nodefs.available": "1m"},
        }),
    ]
}

fn printed<T: Debug>(read: &Result<T, ConfigConversionErrors>) -> String {
    format!("{read:?}")
}

macro_rules! settings {
    ($($module:ident::$name:ident),* $(,)?) => {
        [$((
            concat!("`", stringify!($module), "::", stringify!($name), "`"),
            |config| printed(&$name::try_from(config)),
        )),*]
    };
}

type Read = fn(&KubeletConfiguration) -> String;

/// Everything that a machine is made from.
fn settings() -> Vec<(&'static str, Read)> {
    let all: [(&'static str, Read); 9] = settings![
        behaviour::Behaviour,
        eviction::EvictionConfig,
        image::ImageGcConfig,
        image::PullConfig,
        image::Verification,
        pod::PodsSettings,
        pod::PodCgroupSettings,
        pod::ResizeNode,
        runtime::NodeSettings,
    ];
    all.to_vec()
}

/// Which settings change when a field does. What is no more than refused is read, too.
fn readers(leaf: &Leaf) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    for base in bases() {
        let before: KubeletConfiguration = serde_json::from_value(base.clone()).unwrap();
        let all_before = printed(&MachineSettings::try_from(&before));
        for value in candidates(leaf.kind) {
            let mut after = base.clone();
            set(&mut after, &leaf.path, value);
            let Ok(after) = serde_json::from_value::<KubeletConfiguration>(after) else { continue };
            if printed(&MachineSettings::try_from(&after)) == all_before {
                continue;
            }
            let changed = settings().into_iter().filter(|(_, read)| read(&before) != read(&after));
            found.extend(changed.map(|(name, _)| name));
        }
    }
    found
}

#[test]
fn every_field_has_its_readers_in_the_docs() {
    let all: Vec<_> = leaves().into_iter().map(|leaf| (leaf.path.join("."), readers(&leaf))).collect();
    let (read, unread): (Vec<_>, Vec<_>) = all.iter().partition(|(_, readers)| !readers.is_empty());
    let mut text = format!(
        "# Who reads which field of a configuration\n\n\
         `KubeletConfiguration` has {} fields that are no structs. Settings read a field if they change, or are refused, \
         when it\nchanges. `tests/config_machines.rs` tries that out for every field, and `RECORD=1 cargo test \
         --all-features --test\nconfig_machines` writes it down here: do not edit it.\n\n## Read: {}\n\n| field | settings |\n|---|---|\n",
        all.len(),
        read.len(),
    );
    for (path, readers) in &read {
        let readers: Vec<_> = readers.iter().copied().collect();
        writeln!(text, "| `{path}` | {} |", readers.join(", ")).unwrap();
    }
    writeln!(text, "\n## Read by no machine here: {}\n", unread.len()).unwrap();
    for (path, _) in &unread {
        writeln!(text, "- `{path}`").unwrap();
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration-fields.md");
    if std::env::var_os("RECORD").is_some() {
        std::fs::write(file, &text).unwrap();
    }
    let expected = std::fs::read_to_string(file).unwrap_or_default();
    assert!(text == expected, "{file} is no longer right:\n{text}\nRECORD=1 keeps it.");
}

/// What is read in `docs/configuration-fields.md` says it of the code, too: no machine of the driver reads more.
#[cfg(feature = "driver")]
#[test]
fn a_driver_reads_what_its_node_and_its_workers_read() {
    use node_lifecycle::driver::DriverSettings;
    let config: KubeletConfiguration =
        serde_json::from_value(json!({"runtimeRequestTimeout": "9s", "podLogsDir": "/a"})).unwrap();
    let driver = DriverSettings::try_from(&config).unwrap();
    let machines = MachineSettings::try_from(&config).unwrap();
    assert_eq!(driver, machines.driver());
    assert_eq!(driver.call_timeout, std::time::Duration::from_secs(9));
    assert_eq!(driver.node, NodeSettings::try_from(&config).unwrap());
}

fn newer() -> Host {
    Host { gates: GateRegistry::default().with_newer(), ..Host::default() }
}

fn hosts() -> impl Strategy<Value = Host> {
    let platform = prop_oneof![Just(Platform::Linux), Just(Platform::Windows), Just(Platform::Other)];
    (platform, any::<bool>(), any::<bool>()).prop_map(|(platform, cgroup_v2, has_newer)| Host {
        platform,
        cgroup_v2,
        gates: if has_newer { GateRegistry::default().with_newer() } else { GateRegistry::default() },
        ..Host::default()
    })
}

/// Values of every kind, most of which are wrong.
fn hostile(kind: FieldKind) -> BoxedStrategy<Value> {
    let known = prop::sample::select(candidates(kind));
    let other = match kind {
        FieldKind::Int32 => any::<i32>().prop_map(Value::from).boxed(),
        FieldKind::Int64 => any::<i64>().prop_map(Value::from).boxed(),
        FieldKind::Duration => any::<i64>().prop_map(|nanos| json!(format!("{nanos}ns"))).boxed(),
        FieldKind::String => "\\PC{0,12}".prop_map(Value::from).boxed(),
        FieldKind::List(element) => vec(hostile(*element), 0..3).prop_map(Value::from).boxed(),
        FieldKind::Map(element) => {
            let keys = prop::sample::select(Signal::ALL.map(Signal::name).to_vec());
            let keys = prop_oneof![keys.prop_map(str::to_owned), "\\PC{0,6}"];
            let entries = prop::collection::btree_map(keys, hostile(*element), 0..3);
            entries.prop_map(|entries| Value::Object(entries.into_iter().collect())).boxed()
        }
        _ => known.clone().boxed(),
    };
    prop_oneof![known, other].boxed()
}

/// A configuration in which some fields are set, to anything.
fn any_config() -> impl Strategy<Value = KubeletConfiguration> {
    let field = any::<Index>().prop_flat_map(|at| {
        let leaf = at.get(&leaves()).clone();
        hostile(leaf.kind).prop_map(move |value| (leaf.path.clone(), value))
    });
    (prop::sample::select(bases().to_vec()), vec(field, 0..8)).prop_map(|(mut json, fields)| {
        for (path, value) in fields {
            let mut with = json.clone();
            set(&mut with, &path, value);
            // What no field can be is passed over.
            if serde_json::from_value::<KubeletConfiguration>(with.clone()).is_ok() {
                json = with;
            }
        }
        serde_json::from_value(json).unwrap()
    })
}

/// A configuration that is valid: what machines read is anywhere in its range.
fn valid_config() -> impl Strategy<Value = KubeletConfiguration> {
    let threshold =
        prop_oneof!["[1-9][0-9]{0,2}(Mi|Gi|k|)", "[1-9][0-9]?(\\.[0-9])?%", Just("100%".to_owned())];
    let by_signal = |text: BoxedStrategy<String>| {
        let signals = prop::sample::select(Signal::ALL.map(Signal::name).map(str::to_owned).to_vec());
        prop::collection::btree_map(signals, text, 0..4)
    };
    let seconds = |most: u32| (1..=most).prop_map(|seconds| json!(format!("{seconds}s")));
    let eviction = (
        prop::option::of(by_signal(threshold.clone().boxed())),
        by_signal(threshold.clone().boxed()),
        by_signal(threshold.boxed()),
        seconds(10_000),
        0..i32::MAX,
        prop::option::of(any::<bool>()),
    );
    let images = (0..=99_i32, 1..=100_i32, seconds(10_000), 0..i32::MAX, 1..i32::MAX, 1..i32::MAX);
    let pods = (seconds(10_000), seconds(10_000), seconds(300), any::<i64>(), any::<bool>(), 1..1000_u32);
    let gates = prop::sample::subsequence(Feature::ALL.to_vec(), 0..5);
    let words = (
        prop::sample::select(vec!["none", "static"]),
        prop::sample::select(vec!["None", "Static"]),
        prop::sample::select(vec!["NeverVerify", "NeverVerifyPreloadedImages", "AlwaysVerify"]),
    );
    (eviction, images, pods, gates, words).prop_map(|(eviction, images, pods, gates, words)| {
        let (hard, soft, reclaim, transition, grace, merge) = eviction;
        let (low, above, minimum, qps, burst, parallel) = images;
        let (sync, request, restart, pids, quota, period) = pods;
        let periods: std::collections::BTreeMap<_, _> = soft.keys().map(|key| (key.clone(), "30s")).collect();
        let mut json = json!({
            "evictionSoft": soft, "evictionSoftGracePeriod": periods, "evictionMinimumReclaim": reclaim,
            "evictionPressureTransitionPeriod": transition, "evictionMaxPodGracePeriod": grace,
            "mergeDefaultEvictionSettings": merge, "imageGCLowThresholdPercent": low,
            "imageGCHighThresholdPercent": (low + above).min(100), "imageMinimumGCAge": minimum,
            "registryPullQPS": qps, "registryBurst": burst, "maxParallelImagePulls": parallel,
            "syncFrequency": sync, "runtimeRequestTimeout": request, "podPidsLimit": pids, "cpuCFSQuota": quota,
            "reservedSystemCPUs": "0", "cpuManagerPolicy": words.0, "memoryManagerPolicy": words.1,
            "featureGates": gates.iter().filter(|gate| !locked(**gate)).map(|gate| (gate.name(), true))
                .collect::<std::collections::BTreeMap<_, _>>(),
        });
        if let Some(hard) = hard {
            json["evictionHard"] = json!(hard);
        }
        if gates.contains(&Feature::CustomCPUCFSQuotaPeriod) {
            json["cpuCFSQuotaPeriod"] = json!(format!("{period}ms"));
        }
        if gates.contains(&Feature::KubeletCrashLoopBackOffMax) {
            json["crashLoopBackOff"]["maxContainerRestartPeriod"] = restart;
        }
        if gates.contains(&Feature::KubeletEnsureSecretPulledImages) {
            json["imagePullCredentialsVerificationPolicy"] = json!(words.2);
        }
        serde_json::from_value(json).unwrap()
    })
}

fn locked(gate: Feature) -> bool {
    gate.info().in_release(32).is_some_and(|maturity| maturity.locked && !maturity.default)
}

/// Whether a path leads to a field, or into a map or list.
fn is_field(path: &str) -> bool {
    let mut kind = FieldKind::Struct(KubeletConfiguration::FIELDS);
    for step in path.split(['.', '[']) {
        match kind.at([step]) {
            // Keys of maps may have dots.
            Some(FieldKind::Map(_) | FieldKind::List(_)) => return true,
            Some(next) => kind = next,
            None => return false,
        }
    }
    true
}

/// Makes every machine.
fn make(machines: MachineSettings) -> Result<(), Box<dyn std::error::Error>> {
    let (behaviour, now) = (Arc::new(machines.behaviour), Timestamp::from_unix_seconds(1000));
    Manager::new(machines.eviction, Arc::clone(&behaviour), now)?;
    ImageGc::new(machines.image_gc, Arc::clone(&behaviour), now)?;
    Puller::new(machines.pulls, Arc::clone(&behaviour), now)?;
    drop(Pods::new(behaviour, machines.pods, now));
    Ok(())
}

proptest! {
    #[test]
    fn a_valid_configuration_makes_every_machine(config in valid_config()) {
        let check = config.clone().with_defaults().check(&newer(), Compat::default());
        prop_assert!(check.is_valid(), "{:?}", check.errors);
        let machines = MachineSettings::of(&config, &newer(), Compat::default());
        prop_assert!(machines.is_ok(), "{:?}", machines);
        let made = machines.map(make);
        prop_assert!(matches!(made, Ok(Ok(()))), "{:?}", made);
    }

    #[test]
    fn a_configuration_without_errors_makes_every_machine(
        config in any_config(),
        host in hosts(),
        copies in any::<bool>(),
    ) {
        let compat = if copies { Compat::kubelet_1_32() } else { Compat::default() };
        let check = config.clone().with_defaults().check(&host, compat);
        match MachineSettings::of(&config, &host, compat) {
            Ok(machines) => {
                let made = make(machines);
                prop_assert!(made.is_ok(), "{:?}", made);
            }
            Err(errors) => {
                prop_assert!(!errors.errors().is_empty());
                for error in errors.errors() {
                    let path = error.path();
                    prop_assert!(check.errors.iter().any(|said| said.path() == path), "{}", error);
                    prop_assert!(is_field(&path), "{}", path);
                    prop_assert!(errors.errors().iter().filter(|other| *other == error).count() == 1);
                }
            }
        }
    }

    #[test]
    fn what_is_unset_has_its_default(config in any_config()) {
        let defaulted = config.clone().with_defaults();
        prop_assert_eq!(MachineSettings::try_from(&config), MachineSettings::try_from(&defaulted));
    }

    #[test]
    fn the_parts_are_those_of_the_whole(config in any_config()) {
        let whole = MachineSettings::try_from(&config);
        macro_rules! part {
            ($($part:ident: $type:ty),*) => {{
                let mut errors = Vec::new();
                $(match <$type>::try_from(&config) {
                    Ok(part) => {
                        if let Ok(whole) = &whole {
                            prop_assert_eq!(&part, &whole.$part);
                        }
                    }
                    Err(wrong) => errors.extend(wrong),
                })*
                errors
            }};
        }
        let errors = part!(behaviour: Behaviour, eviction: EvictionConfig, image_gc: ImageGcConfig, pulls: PullConfig,
            verification: Verification, pods: PodsSettings, node: NodeSettings, pod_cgroup: PodCgroupSettings,
            resize: ResizeNode<'_>);
        let of_whole = whole.err().map(|errors| errors.errors().to_vec()).unwrap_or_default();
        prop_assert!(errors.iter().all(|error| of_whole.contains(error)));
        prop_assert!(of_whole.iter().all(|error| errors.contains(error)));
    }

    #[test]
    fn thresholds_are_the_same_however_they_are_read(config in any_config()) {
        let json = serde_json::to_value(&config).unwrap();
        let Ok(settings) = serde_json::from_value::<EvictionSettings>(json) else { return Ok(()) };
        let Ok(through) = EvictionSettings::try_from(&config) else { return Ok(()) };
        let [direct, through] = [settings, through].map(|it| it.config(Platform::Linux, Compat::default()));
        prop_assert_eq!(direct, through);
    }
}
