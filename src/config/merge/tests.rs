use super::*;
use crate::config::source::Unreadable;
use crate::config::{Setting, SourceKind};

const TYPE: &str = r#""apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration""#;

fn base(fields: &str) -> Source {
    Source::base("/etc/kubelet/config.yaml", format!("{{{TYPE}, {fields}}}"))
}

fn drop_in(name: &str, fields: &str) -> Source {
    Source::drop_in(name, format!("{{{TYPE}, {fields}}}"))
}

fn merged(base: &Source, drop_ins: &[Source], flags: &[&str]) -> Effective {
    merge(Some(base), Some(drop_ins), &Flags::parse(flags), MergeOptions::default()).unwrap()
}

fn history(effective: &Effective, path: &str) -> Vec<String> {
    let field = effective.provenance.field(path).unwrap();
    let value = field.value().map_or("unset".to_owned(), |value| value.to_string());
    let mut history: Vec<_> = field.overrode().iter().map(Setting::to_string).collect();
    history.push(format!("{value} ({})", field.origin()));
    history
}

#[test]
fn every_value_has_its_history() {
    let effective = merged(
        &base(r#""maxPods": 50, "nodeStatusUpdateFrequency": "60s", "systemReserved": {"cpu": "1"}"#),
        &[
            drop_in("10.conf", r#""maxPods": 60, "systemReserved": {"memory": "1Gi"}, "podsPerCore": 7"#),
            drop_in("20.conf", r#""maxPods": null, "systemReserved": {"cpu": null}"#),
            drop_in("30.conf", r#""maxPods": 70, "podsPerCore": 0"#),
        ],
        &["--pods-per-core=9", "--system-reserved=pid=100"],
    );
    assert_eq!(
        history(&effective, "maxPods"),
        [
            "50 (/etc/kubelet/config.yaml:1:81)",
            "60 (10.conf:1:81)",
            "null (20.conf:1:81)",
            "70 (30.conf:1:81)",
        ]
    );
    assert_eq!(
        history(&effective, "podsPerCore"),
        ["7 (10.conf:1:133)", "0 (30.conf:1:96)", "9 (--pods-per-core)"]
    );
    // Durations and the like are written as Kubernetes writes them.
    assert_eq!(
        history(&effective, "nodeStatusUpdateFrequency"),
        ["\"1m0s\" (/etc/kubelet/config.yaml:1:96)"]
    );
    assert_eq!(
        history(&effective, "nodeStatusReportFrequency"),
        ["\"1m0s\" (default that follows from another field)"]
    );
    assert_eq!(history(&effective, "port"), ["10250 (default)"]);
    assert_eq!(
        history(&effective, "systemReserved"),
        ["{\"memory\":\"1Gi\"} (/etc/kubelet/config.yaml:1:132)", "{\"pid\":\"100\"} (--system-reserved)"]
    );
    assert_eq!(
        effective.files.iter().map(|file| &**file).collect::<Vec<_>>(),
        ["/etc/kubelet/config.yaml", "10.conf", "20.conf", "30.conf"]
    );
    let notes: Vec<_> = effective.notes.iter().map(ToString::to_string).collect();
    assert!(
        notes.contains(
            &"--system-reserved: replaces all of systemReserved, and so takes away memory".to_owned()
        )
    );
}

#[test]
fn zero_is_unset_where_kubernetes_says_so() {
    let effective = merged(
        &base(r#""registryBurst": 0, "registryPullQPS": 0, "kernelMemcgNotification": false"#),
        &[],
        &[],
    );
    assert_eq!((effective.config.registry_burst, effective.config.registry_pull_qps), (10, Some(0)));
    assert_eq!(
        effective.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["/etc/kubelet/config.yaml:1:81: registryBurst: zero or nothing means the default, 10"]
    );
    assert_eq!(history(&effective, "registryBurst"), ["0 (/etc/kubelet/config.yaml:1:81)", "10 (default)"]);
    assert_eq!(history(&effective, "kernelMemcgNotification"), ["false (/etc/kubelet/config.yaml:1:123)"]);
}

#[test]
fn paths_of_the_base_are_relative_to_its_folder() {
    for (path, absolute) in [
        ("manifests", "/etc/kubelet/manifests"),
        ("./a/../b", "/etc/kubelet/b"),
        ("../../../x", "/x"),
        ("..", "/etc"),
        (".", "/etc/kubelet"),
        ("/var//x/.", "/var//x/."),
    ] {
        let effective = merged(&base(&format!(r#""staticPodPath": "{path}""#)), &[], &[]);
        assert_eq!(effective.config.static_pod_path, absolute, "{path}");
        assert!(effective.provenance.field("staticPodPath").unwrap().origin().file().is_some());
    }
}

#[test]
fn without_a_base_flags_have_their_own_defaults() {
    let effective = merge(None, None, &Flags::default(), MergeOptions::default()).unwrap();
    let config = &effective.config;
    assert_eq!(config.authentication.anonymous.enabled, Some(true));
    assert_eq!((config.read_only_port, config.authorization.mode.as_str()), (10255, "AlwaysAllow"));
    assert_eq!(config.eviction_hard, Some([].into()));
    assert!(effective.provenance.iter().all(|(_, field)| !field.origin().is_set()));
}

#[test]
fn all_problems_are_in_one_report() {
    let errors = merge(
        Some(&base(r#""maxPods": "50", "failSwapOn": 1, "maxPod": 3"#)),
        Some(&[
            drop_in(
                "10.conf",
                r#""featureGates": {"NodeSwop": true, "CPUManager": false}, "syncFrequency": "5d""#,
            ),
            Source::unreadable("20.conf", SourceKind::DropIn, Unreadable::TooLarge),
            Source::drop_in("30.conf", "{}"),
            Source::drop_in("40.conf", r#"{"apiVersion": "v1", "kind": "Pod"}"#),
            Source::drop_in("50.conf", "[]"),
        ]),
        &Flags::parse(&["--max-pods=x", "--feature-gates=Sidecars=true"]),
        MergeOptions::default(),
    );
    assert_eq!(
        errors.unwrap_err().to_string(),
        "/etc/kubelet/config.yaml:1:92: maxPods: invalid type: string \"50\", expected i32; remove the quotes\n\
         /etc/kubelet/config.yaml:1:112: failSwapOn: invalid type: integer `1`, expected a boolean\n\
         /etc/kubelet/config.yaml:1:115: there is no field maxPod; did you mean maxPods?\n\
         10.conf:1:98: unrecognized feature gate: NodeSwop; did you mean NodeSwap?\n\
         10.conf:1:116: cannot set feature gate CPUManager to false, feature is locked to true\n\
         10.conf:1:155: syncFrequency: `5d` is no duration: expected numbers with units (ns, us, ms, s, m, h) such as \
         1m30s, at most 292 years\n\
         20.conf: is larger than 4194304 bytes, the most that a file of a configuration may have\n\
         30.conf:1:1: apiVersion is missing; expected kubelet.config.k8s.io/v1beta1\n\
         40.conf:1:2: apiVersion is \"v1\"; expected kubelet.config.k8s.io/v1beta1\n\
         50.conf:1:1: expected fields and their values\n\
         invalid argument \"x\" for \"--max-pods\" flag: strconv.ParseInt: parsing \"x\": invalid syntax\n\
         --feature-gates: unrecognized feature gate: Sidecars; did you mean SidecarContainers?"
    );
}

#[test]
fn a_file_of_nothing_but_mistakes_costs_little() {
    let fields: Vec<_> = (0..20_000).map(|n| format!("\"field{n}\": {n}")).collect();
    let errors =
        merge(Some(&base(&fields.join(", "))), None, &Flags::default(), MergeOptions::default()).unwrap_err();
    assert_eq!(errors.problems().len(), MOST_OF_A_FILE + 1);
    let doubled = base(&r#""maxPods": 1, "#.repeat(20_000));
    let doubled = Source::base("b", doubled.text().unwrap().replace(", }", "}"));
    let errors = merge(Some(&doubled), None, &Flags::default(), MergeOptions::default()).unwrap_err();
    assert_eq!(errors.problems().len(), crate::document::MAX_LISTED_DUPLICATES);
    let gates: Vec<_> = (0..20_000).map(|n| format!("\"Gate{n}\": true")).collect();
    let drop_in = drop_in("10.conf", &format!("\"featureGates\": {{{}}}", gates.join(", ")));
    let errors = merge(None, Some(&[drop_in]), &Flags::default(), MergeOptions::default()).unwrap_err();
    assert_eq!(errors.problems().len(), MOST_OF_A_FILE);
}

/// What a machine makes of the settings and what the configuration says are one.
#[test]
fn with_merged_defaults_every_signal_is_there() {
    let merges = r#""mergeDefaultEvictionSettings": true"#;
    let takes = drop_in("10.conf", r#""evictionHard": {"imagefs.inodesFree": null}"#);
    let some = r#""evictionHard": {"memory.available": "1Gi"}"#;
    for (effective, memory) in [
        (merged(&base(merges), &[takes], &[]), "100Mi"),
        (merged(&base(merges), &[drop_in("10.conf", r#""evictionHard": null"#)], &[]), "100Mi"),
        // The base alone would not have them.
        (merged(&base(some), &[drop_in("10.conf", merges)], &[]), "1Gi"),
        (merged(&base(merges), &[], &["--eviction-hard=memory.available<2Gi"]), "2Gi"),
    ] {
        let hard = effective.config.eviction_hard.as_ref().unwrap();
        assert_eq!((hard.len(), hard["memory.available"].as_str()), (5, memory));
        assert_eq!(
            history(&effective, "evictionHard[imagefs.inodesFree]").last().unwrap(),
            "\"5%\" (default)"
        );
        assert!(!effective.notes.iter().any(|note| matches!(note, Note::EvictionDefaultsGone { .. })));
    }
}

/// As the kubelet, which has set the gates of its flags before it reads a file.
#[test]
fn a_group_of_gates_among_the_flags_counts_for_defaults() {
    let none = base(r#""maxPods": 50"#);
    for (flag, period) in [
        ("--feature-gates=AllAlpha=true", Some("5m0s")),
        ("--feature-gates=AllAlpha=true,KubeletCrashLoopBackOffMax=false", None),
        ("--feature-gates=AllBeta=false", None),
    ] {
        let config = merged(&none, &[], &[flag]).config;
        let found = config.crash_loop_back_off.max_container_restart_period.map(|it| it.to_string());
        assert_eq!(found.as_deref(), period, "{flag}");
    }
}

/// Notes are of what somebody has lost, and a history goes back to its beginning.
#[test]
fn nothing_is_noted_where_nothing_is_lost() {
    let effective = merged(
        &base(
            r#""clusterDNS": [], "imageMaximumGCAge": "0h", "authentication": {"webhook": {"enabled": false}}"#,
        ),
        &[drop_in("10.conf", r#""clusterDNS": ["10.0.0.10"], "authentication": {"webhook": null}"#)],
        &["--eviction-hard=memory.available<2Gi"],
    );
    let is_of_nothing = |note: &&Note| {
        matches!(note, Note::ListReplaced { .. } | Note::MapReplaced { .. } | Note::ZeroIsUnset { .. })
    };
    assert_eq!(effective.notes.iter().find(is_of_nothing), None);
    assert!(effective.provenance.field("imageMaximumGCAge").unwrap().origin().is_set());
    let webhook = history(&effective, "authentication.webhook");
    assert_eq!(webhook.len(), 3, "{webhook:?}");
    assert!(
        webhook[0].contains("\"enabled\":false") && webhook[1].starts_with("null (10.conf:"),
        "{webhook:?}"
    );
}
