//! What holds for any base, drop-ins and flags.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use node_lifecycle::behaviour::Compat;
use node_lifecycle::config::{Effective, Flags, Layers, MergeOptions, Origin, Source, merge};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Values of fields of every kind: to be set, to be emptied, to be taken away.
const FIELDS: &[(&str, &[&str])] = &[
    ("maxPods", &["50", "60", "0", "null"]),
    ("podPidsLimit", &["-5", "1000", "0"]),
    ("registryBurst", &["0", "20"]),
    ("failSwapOn", &["true", "false", "null"]),
    ("kernelMemcgNotification", &["true", "false"]),
    ("maxParallelImagePulls", &["1", "5", "null"]),
    ("serializeImagePulls", &["true", "false"]),
    ("memoryThrottlingFactor", &["0.5", "1", "0"]),
    ("nodeStatusUpdateFrequency", &["\"20s\"", "\"0s\"", "\"1m30s\""]),
    ("nodeStatusReportFrequency", &["\"20s\"", "\"90s\""]),
    ("clusterDNS", &["[\"10.0.0.10\"]", "[\"10.0.0.10\",\"10.0.0.11\"]", "[]", "null"]),
    ("enforceNodeAllocatable", &["[\"pods\"]", "[]", "null", "[\"none\"]"]),
    (
        "evictionHard",
        &[
            "{}",
            "null",
            "{\"memory.available\":\"1Gi\"}",
            "{\"memory.available\":null,\"pid.available\":\"10%\"}",
            "{\"nodefs.available\":\"0%\"}",
        ],
    ),
    ("mergeDefaultEvictionSettings", &["true", "false", "null"]),
    ("systemReserved", &["{\"cpu\":\"100m\"}", "{\"memory\":\"1Gi\",\"cpu\":null}", "{}"]),
    (
        "featureGates",
        &["{\"NodeSwap\":true}", "{\"NodeSwap\":null,\"KubeletCrashLoopBackOffMax\":true}", "null"],
    ),
    (
        "authentication",
        &["{\"webhook\":{\"cacheTTL\":\"1m\"}}", "{\"webhook\":null}", "{\"anonymous\":{\"enabled\":true}}"],
    ),
    (
        "logging",
        &[
            "{\"verbosity\":4}",
            "{\"flushFrequency\":5000000000}",
            "{\"options\":{\"json\":{\"infoBufferSize\":\"1Ki\"}}}",
        ],
    ),
    ("staticPodURLHeader", &["{\"X\":[\"a\"]}", "{\"X\":[],\"Y\":[\"b\"]}"]),
    ("registerWithTaints", &["[{\"key\":\"a\",\"effect\":\"NoSchedule\"}]", "[]", "null"]),
    ("shutdownGracePeriodByPodPriority", &["[{\"priority\":0,\"shutdownGracePeriodSeconds\":10}]", "null"]),
    ("staticPodPath", &["\"manifests\"", "\"/etc/x\"", "\"\""]),
    ("resolvConf", &["\"\"", "\"./a/../b\""]),
];

fn file() -> impl Strategy<Value = String> {
    let field = (0..FIELDS.len()).prop_flat_map(|n| (Just(n), 0..FIELDS[n].1.len()));
    prop::collection::vec(field, 0..6).prop_map(|fields| {
        let mut map = Map::new();
        for (field, value) in fields {
            map.insert(FIELDS[field].0.to_owned(), serde_json::from_str(FIELDS[field].1[value]).unwrap());
        }
        map.insert("apiVersion".to_owned(), "kubelet.config.k8s.io/v1beta1".into());
        map.insert("kind".to_owned(), "KubeletConfiguration".into());
        serde_json::to_string_pretty(&map).unwrap()
    })
}

fn flags() -> impl Strategy<Value = Vec<&'static str>> {
    let known = [
        "--max-pods=70",
        "--eviction-hard=memory.available<2Gi",
        "--feature-gates=MemoryQoS=true",
        "--cluster-dns=1.1.1.1",
        "--system-reserved=cpu=1",
        "--serialize-image-pulls=false",
        "--node-ip=10.0.0.7",
    ];
    prop::sample::subsequence(known.to_vec(), 0..4)
}

fn drop_ins() -> impl Strategy<Value = Vec<Source>> {
    prop::collection::vec(file(), 0..6).prop_map(|files| {
        let named = |(n, text)| Source::drop_in(format!("{n}0.conf"), text);
        files.into_iter().enumerate().map(named).collect()
    })
}

fn options() -> impl Strategy<Value = MergeOptions> {
    prop_oneof![Just(MergeOptions::default()), Just(MergeOptions::kubelet_1_32())]
}

fn base() -> impl Strategy<Value = Option<Source>> {
    prop::option::weighted(0.9, file().prop_map(|text| Source::base("/etc/kubelet/config.yaml", text)))
}

/// Everything that a merge gives, notes included.
fn seen(effective: &Effective) -> (Value, Vec<(String, String)>, Vec<String>) {
    let config = serde_json::to_value(&effective.config).unwrap();
    let origins = effective.provenance.iter().map(|(path, field)| {
        let history: Vec<_> = field.overrode().iter().map(ToString::to_string).collect();
        (path, format!("{} after {history:?}", field.origin()))
    });
    (config, origins.collect(), effective.notes.iter().map(ToString::to_string).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.min(20_000)))]

    /// One file at a time, from any state on, or all at once.
    #[test]
    fn a_left_fold(base in base(), files in drop_ins(), flags in flags(), options in options(), at in 0..6usize) {
        let at = at.min(files.len());
        let whole = merge(base.as_ref(), Some(&files), &Flags::parse(&flags), options).unwrap();
        let mut first = Layers::new(base.as_ref(), options);
        first.enter_folder();
        files[..at].iter().for_each(|file| first.apply(file));
        let mut second = first.clone();
        files[at..].iter().for_each(|file| second.apply(file));
        let parsed = Flags::parse(&flags);
        prop_assert_eq!(seen(&second.finish(&parsed).unwrap()), seen(&whole));
        let start = merge(base.as_ref(), Some(&files[..at]), &Flags::parse(&flags), options).unwrap();
        prop_assert_eq!(seen(&first.finish(&parsed).unwrap()), seen(&start));
    }

    /// The same file twice in a row changes nothing, neither the tree nor where it comes from.
    #[test]
    fn twice_is_once(base in base(), files in drop_ins(), last in file(), options in options()) {
        let last = Source::drop_in("99.conf", last);
        let mut once = Layers::new(base.as_ref(), options);
        files.iter().chain([&last]).for_each(|file| once.apply(file));
        let mut twice = once.clone();
        twice.apply(&last);
        prop_assert_eq!(once.tree(), twice.tree());
        let [once, twice] = [once, twice].map(|layers| layers.finish(&Flags::default()).unwrap());
        prop_assert_eq!(seen(&once), seen(&twice));
        prop_assert_eq!(once.files, twice.files);
    }

    /// What comes out is a file that comes out again.
    #[test]
    fn the_effective_configuration_is_a_base(base in base(), files in drop_ins(), flags in flags()) {
        let options = MergeOptions::default();
        let effective = merge(base.as_ref(), Some(&files), &Flags::parse(&flags), options).unwrap();
        let text = serde_json::to_string_pretty(&effective.config).unwrap();
        for drop_ins in [None, Some(&[][..])] {
            let again = merge(Some(&Source::base("effective.json", &*text)), drop_ins, &Flags::default(), options).unwrap();
            prop_assert_eq!(&again.config, &effective.config);
        }
    }

    /// What is written line by line, for people, reads as what was written.
    #[cfg(feature = "yaml")]
    #[test]
    fn the_lines_read_as_the_configuration(base in base(), files in drop_ins(), flags in flags(), options in options()) {
        let effective = merge(base.as_ref(), Some(&files), &Flags::parse(&flags), options).unwrap();
        let text: String = effective.lines(|_, _| true).iter().map(|line| format!("{line}\n")).collect();
        let lines = Source::base("lines.yaml", &*text);
        let again = merge(Some(&lines), None, &Flags::default(), options).unwrap();
        prop_assert_eq!(&again.config, &effective.config, "{}", text);
        let differences = node_lifecycle::config::diff(&effective.provenance, &again.provenance);
        prop_assert!(differences.is_empty(), "{:?}", differences);
    }

    /// Each value that is no default has somebody who set it, and only who was given can have.
    #[test]
    fn every_value_has_an_origin(base in base(), files in drop_ins(), flags in flags(), options in options()) {
        let effective = merge(base.as_ref(), Some(&files), &Flags::parse(&flags), options).unwrap();
        let mut texts: BTreeMap<&str, &str> = BTreeMap::new();
        for source in base.iter().chain(&files) {
            texts.insert(source.name(), source.text().unwrap());
        }
        let fields: BTreeMap<_, _> = effective.provenance.iter().collect();
        for (path, field) in &fields {
            let settings = field.overrode().iter().map(|was| was.origin());
            for origin in settings.chain([field.origin()]) {
                match origin {
                    Origin::File(place) => {
                        let text = texts[&*place.file];
                        let line = text.lines().nth(place.position.line as usize - 1).unwrap();
                        let key = path.rsplit(['.', '[']).next().unwrap().trim_end_matches(']');
                        let parts: Vec<&str> = path.split(['.', '[', ']']).collect();
                        prop_assert!(
                            line.contains(key) || parts.iter().any(|part| !part.is_empty() && line.contains(part)),
                            "{path} at {place}: {line}"
                        );
                    }
                    Origin::Flag(flag) => prop_assert!(flags.iter().any(|given| given.starts_with(flag))),
                    Origin::Default | Origin::Derived => {}
                }
            }
        }
        // Where there is no base, some defaults are those of the flags, until a drop-in takes them away.
        let empty = Source::base("empty", r#"{"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration"}"#);
        let defaults = [Some(&empty), base.as_ref().map(|_| &empty)]
            .map(|base| merge(base, None, &Flags::default(), options).unwrap());
        let mut known = 0;
        let config = serde_json::to_value(&effective.config).unwrap();
        let mut leaves = Vec::new();
        walk("", &config, &mut leaves);
        for (path, value) in leaves {
            let Some(field) = effective.provenance.field(&path) else { panic!("nothing is known of {path}") };
            prop_assert_eq!(field.value().map(normal), Some(normal(value)), "{}", path);
            known += 1;
            if *field.origin() == Origin::Default {
                let known = |it: &Effective| it.provenance.field(&path).and_then(|field| field.value());
                prop_assert!(defaults.iter().any(|it| known(it) == field.value()), "{}", path);
            }
        }
        prop_assert!(known > 80);
    }

    /// Each name in an explanation is one that was given.
    #[test]
    fn every_field_can_be_explained(base in base(), files in drop_ins()) {
        let effective = merge(base.as_ref(), Some(&files), &Flags::default(), MergeOptions::default()).unwrap();
        for (field, _) in FIELDS {
            let explanation = effective.explain(field).unwrap().to_string();
            prop_assert!(explanation.starts_with(field));
            let is_set = files.iter().chain(&base).any(|file| file.text().unwrap().contains(&format!("\"{field}\"")));
            if !is_set {
                prop_assert!(!explanation.contains("set by"), "{}", explanation);
            }
        }
        prop_assert!(effective.explain("maxPod").is_none());
        prop_assert_eq!(effective.nearest_field("maxPod"), Some("maxPods".to_owned()));
    }

    /// No text panics, as base or as drop-in.
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC*", options in options()) {
        for source in [
            Source::from_bytes("a", node_lifecycle::config::SourceKind::Base, bytes),
            Source::base("b", text),
        ] {
            let drop_in = match source.text() {
                Ok(text) => Source::drop_in("c", text),
                Err(why) => Source::unreadable("c", node_lifecycle::config::SourceKind::DropIn, why.clone()),
            };
            let _ = merge(Some(&source), Some(&[drop_in]), &Flags::default(), options);
        }
    }

    /// No change to a text that is right panics; what is still accepted has all its origins.
    #[test]
    fn mutated_files(base in file(), last in file(), at in any::<prop::sample::Index>(), with in "[\\PC\\n\\t]{0,6}", gone in 0..9usize, options in options()) {
        let mutate = |text: &str| {
            let mut text: Vec<char> = text.chars().collect();
            let from = at.index(text.len());
            let to = (from + gone).min(text.len());
            text.splice(from..to, with.chars());
            text.into_iter().collect::<String>()
        };
        let drop_in = Source::drop_in("10.conf", mutate(&last));
        let changed = Source::base("base", mutate(&base));
        for (base, drop_ins) in [(Some(changed), vec![]), (Some(Source::base("base", base)), vec![drop_in])] {
            match merge(base.as_ref(), Some(&drop_ins), &Flags::default(), options) {
                Ok(effective) => prop_assert!(effective.provenance.iter().count() > 80),
                Err(errors) => prop_assert!(!errors.problems().is_empty()),
            }
        }
    }

    /// Any line of arguments is read.
    #[test]
    fn any_flags(arguments in prop::collection::vec(prop_oneof!["-{0,2}[a-z-]{0,12}=?\\PC{0,8}", "--(max-pods|v|vmodule|cluster-dns|reserved-memory|register-with-taints|manifest-url-header|feature-gates|eviction-hard|oom-score-adj)=\\PC{0,12}"], 0..6)) {
        let flags = Flags::parse(&arguments);
        let _ = Layers::new(None, MergeOptions::default()).finish(&flags);
    }
}

fn walk(path: &str, value: &Value, leaves: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(&path, value, leaves);
            }
        }
        value => leaves.push((path.to_owned(), value.clone())),
    }
}

/// Durations and amounts have several forms, and a flag's is kept as it was written.
fn normal(value: Value) -> Value {
    let number = value.as_f64();
    number.map_or(value, |number| json!(number))
}

/// The corpus: texts that once were, or could be, hard to read. Each is read as a base and as a drop-in.
#[test]
fn the_corpus_is_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/config");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for options in [MergeOptions::default(), MergeOptions::kubelet_1_32()] {
            use node_lifecycle::config::SourceKind;
            let base = Source::from_bytes(name.as_str(), SourceKind::Base, bytes.clone());
            let drop_in = Source::from_bytes(name.as_str(), SourceKind::DropIn, bytes.clone());
            let as_base = merge(Some(&base), None, &Flags::default(), options);
            let as_drop_in = merge(None, Some(&[drop_in]), &Flags::default(), options);
            if name.starts_with("wrong-") && options.compat == Compat::default() {
                assert!(as_base.is_err() && as_drop_in.is_err(), "{name} is accepted");
            }
            if name.starts_with("right-") && (cfg!(feature = "yaml") || name.ends_with(".json")) {
                assert!(as_base.is_ok() && as_drop_in.is_ok(), "{name}: {as_base:?} {as_drop_in:?}");
            }
        }
        count += 1;
    }
    assert!(count >= 20, "{count}");
}
