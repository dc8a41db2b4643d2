//! The example `effective_config` from outside: arguments in, what it prints and its exit code out.
//!
//! The texts under `tests/golden` are read like code. `RECORD=1 cargo test --features yaml --test effective_config`
//! writes them anew.
#![cfg(feature = "yaml")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../examples/effective_config/main.rs"]
#[expect(dead_code, reason = "its `main` is not called here")]
mod effective_config;

mod example;

use std::ffi::OsString;
use std::fs;

use effective_config::Io;
use example::{Folder, Ran, data, readme_shows};
use node_lifecycle::config::{Flags, MergeOptions, Source, diff, merge, read_base, read_folder};
use serde_json::Value;

fn run_with(args: &[&str], stdin: &str) -> Ran {
    let args = ["effective_config"].iter().chain(args).map(OsString::from);
    Ran::of(|out, err| {
        effective_config::effective_config(args, &mut Io { stdin: &mut stdin.as_bytes(), out, err })
    })
}

fn run(args: &[&str]) -> Ran {
    run_with(args, "")
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&run(&[&["--format", "json"], args].concat()).out).expect("JSON")
}

const TYPE: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

/// A file of a configuration, whose fields begin in line 3.
fn put(folder: &Folder, name: &str, fields: &str) -> String {
    folder.put(name, &format!("{TYPE}{fields}"))
}

#[test]
fn texts() {
    let folder = Folder::new("effective-texts");
    let other = put(
        &folder,
        "new.yaml",
        "maxPods: 250\nclusterDNS: [10.96.0.10]\nmergeDefaultEvictionSettings: true\n",
    );
    let other_args = ["--diff", &other];
    for (name, args) in [
        ("all", [].as_slice()),
        ("only-set", &["--only-set"]),
        ("evictions", &["--explain", "evictionHard", "--set", "evictionHard.memory.available=1Gi"]),
        (
            "gates",
            &["--explain", "KubeletCrashLoopBackOffMax", "--explain", "NodeSwap", "--explain", "CPUManager"],
        ),
        ("flags", &["--only-set", "--", "--max-pods=0", "--cluster-dns=10.0.0.10", "--node-ip=10.1.0.7"]),
        ("diff", &other_args),
    ] {
        let ran = run(args);
        let shown = Ran { out: ran.out.replace(&other, "new.yaml"), ..ran };
        shown.reads_like(&format!("effective-config-{name}"));
    }
}

#[test]
fn what_is_printed_is_a_configuration_that_means_the_same() {
    let base = read_base(data("kubelet.yaml").as_ref());
    let drop_ins = read_folder(data("kubelet.conf.d").as_ref());
    for (compat, options) in
        [("kubelet-1.32", MergeOptions::kubelet_1_32()), ("none", MergeOptions::default())]
    {
        for (flags, more) in [(&[] as &[&str], &[][..]), (&["--max-pods=60"], &["--", "--max-pods=60"])] {
            let meant =
                merge(Some(&base), Some(&drop_ins), &Flags::parse(flags), options).expect("it is valid");
            for only_set in [&[][..], &["--only-set"]] {
                let args = [&["--compat", compat], only_set, more].concat();
                let printed = run(&args).out;
                let again = merge(Some(&Source::base("", printed)), None, &Flags::default(), options);
                let again = again.expect("what is printed is valid");
                assert_eq!(again.config, meant.config, "{args:?}");
                assert_eq!(diff(&again.provenance, &meant.provenance), [], "{args:?}");
            }
        }
    }
    // And read again, from the standard input too, it prints the same.
    let all = run(&[]).out;
    let values = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.is_empty());
        lines.map(|line| line.split("  #").next().unwrap_or_default().trim_end().to_owned()).collect()
    };
    let again = run_with(&["--config", "-"], &all);
    assert_eq!((again.code, values(&again.out)), (0, values(&all)));
}

#[test]
fn what_no_file_can_say_is_said() {
    let said = json(&["--", "--max-pods=0"]);
    assert_eq!(said["beyondFiles"][0]["field"], "maxPods");
    assert_eq!(said["beyondFiles"][0]["text"], "maxPods: no file can say 0; read again it is 110");
    assert_eq!(json(&[])["beyondFiles"], Value::Array(Vec::new()));
}

#[test]
fn what_somebody_writes_stays_in_its_line() {
    let folder = Folder::new("effective-lines");
    let odd = "\"a\\nmaxPods: 1 # \\u2028maxPods: 2 \\u0085\\e[31m\"";
    let base = put(&folder, "base.yaml", &format!("clusterDomain: {odd}\nnodeStatusMaxImages: 7\n"));
    for set in ["clusterDomain=b", "nodeStatusMaxImages=8"] {
        let ran = run(&["--config", &base, "--only-set", "--set", set]);
        assert!(ran.out.contains("a") && !ran.out.contains(['\u{2028}', '\u{85}', '\u{1b}']), "{}", ran.out);
        let again = merge(Some(&Source::base("", ran.out)), None, &Flags::default(), MergeOptions::default());
        let again = again.expect("it is one configuration").config;
        assert_eq!(again.max_pods, 110);
        assert_eq!(again.cluster_domain == "b", set == "clusterDomain=b");
        assert_eq!(again.cluster_domain.contains("\nmaxPods: 1 # \u{2028}"), set != "clusterDomain=b");
    }
}

#[test]
fn json_says_the_same_as_the_text() {
    let dangerous = ["--set", "readOnlyPort=10255"];
    let (text, json) = (run(&dangerous).out, json(&dangerous));
    for (what, list) in [("note", "notes"), ("warning", "warnings")] {
        let said = json[list].as_array().expect("a list");
        assert!(!said.is_empty(), "{list}");
        for sentence in said {
            let line = format!("# {what}: {}\n", sentence["text"].as_str().expect("a text"));
            assert!(text.contains(&line), "{line}");
        }
    }
    let fields = json["fields"].as_object().expect("fields");
    let comments = text.lines().filter(|line| line.contains("  # ") && !line.contains(": {}")).count();
    assert_eq!(fields.len(), comments + 2, "apiVersion and kind have none");
    let pods = &fields["maxPods"];
    assert_eq!((&pods["value"], &json["config"]["maxPods"]), (&55.into(), &55.into()));
    assert_eq!(pods["origin"]["file"], "worker-7/10-maintenance.conf");
    assert_eq!((&pods["origin"]["line"], &pods["origin"]["column"]), (&4.into(), &1.into()));
    assert_eq!(pods["overrode"][0]["value"], 110);
    assert_eq!(pods["overrode"][0]["origin"]["file"], "examples/data/kubelet.yaml");
    assert_eq!(fields["evictionHard[pid.available]"]["origin"]["line"], 21);
    assert_eq!(json["decides"], "kubelet-1.32");
}

#[test]
fn what_is_set_by_hand_comes_last_and_flags_outrank_it() {
    let set = [
        "--set",
        "maxPods=70",
        "--set",
        "maxParallelImagePulls=null",
        "--set",
        "featureGates.NodeSwap=false",
    ];
    let said = json(&set);
    let fields = &said["fields"];
    assert_eq!(
        (&fields["maxPods"]["value"], &fields["maxPods"]["origin"]["kind"]),
        (&70.into(), &"set".into())
    );
    assert_eq!(fields["featureGates[NodeSwap]"]["value"], false);
    assert!(fields.get("maxParallelImagePulls").is_none());
    let text = run(&[&set[..], &["--", "--max-pods=80"]].concat()).out;
    assert!(
        text.contains(
            "# --max-pods, was 70 in --set, before 55 in worker-7/10-maintenance.conf:4, before 110"
        ),
        "{text}"
    );
    assert!(text.contains("# note: --set maxParallelImagePulls=null: null takes 4"), "{text}");
    assert!(
        text.contains("# maxParallelImagePulls: null")
            && text.contains("# taken away by --set, was 4 in 30-images.conf:5"),
        "{text}"
    );
    let derived = json(&["--config", &data("kubelet.yaml"), "--set", "nodeStatusUpdateFrequency=20s"]);
    assert_eq!(derived["fields"]["nodeStatusReportFrequency"]["origin"]["kind"], "default");
    let folder = Folder::new("effective-derived");
    let base = put(&folder, "base.yaml", "maxParallelImagePulls: 3\n");
    let text = run(&["--config", &base]).out;
    assert!(text.contains("# derived from maxParallelImagePulls\n"), "{text}");
    for (wrong, says) in [
        ("maxPods", "error: --set: `maxPods` sets nothing: expected a field, = and a value"),
        ("=1", "error: --set: `=1` names no field"),
    ] {
        let ran = run(&["--set", wrong]);
        assert!(ran.code == 2 && ran.err.starts_with(says), "{}", ran.err);
    }
    let ran = run(&["--compat", "none", "--set", "maxPod=7"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.starts_with("error: --set maxPod=7: there is no field maxPod; did you mean maxPods?\n"),
        "{}",
        ran.err
    );
}

#[test]
fn what_the_library_would_do_is_marked_with_the_field_that_makes_the_difference() {
    let folder = Folder::new("effective-mark");
    fs::create_dir(folder.path("conf.d")).expect("a folder");
    let base = put(&folder, "base.yaml", "maxPods: 50\nenforceNodeAllocatable: []\n");
    let dir = folder.path("conf.d");
    let args = ["--config", &*base, "--config-dir", &dir];
    let kubelet = run(&args).out;
    let mark = "# ! the library would answer otherwise: enforceNodeAllocatable: [] (base.yaml:4) (forget_empty_settings)\n";
    assert!(kubelet.contains(mark), "{kubelet}");
    assert!(
        kubelet.lines().any(|line| line.starts_with("enforceNodeAllocatable:") && line.ends_with("  !")),
        "{kubelet}"
    );
    let library = run(&[&args[..], &["--compat", "none"]].concat()).out;
    let mark = "# ! the kubelet 1.32 would answer otherwise: enforceNodeAllocatable: [pods] (default";
    assert!(library.contains(mark), "{library}");

    put(&folder, "conf.d/10.conf", "podPidLimit: 100\n");
    let kubelet = run(&args);
    let refused = "10.conf:3:1: there is no field podPidLimit; did you mean podPidsLimit?";
    let mark =
        format!("# ! the library would answer otherwise: refused, {refused} (accept_unknown_fields)\n");
    assert!(kubelet.code == 0 && kubelet.out.contains(&mark), "{}", kubelet.out);
    let library = run(&[&args[..], &["--compat", "none"]].concat());
    assert_eq!((library.code, library.out.as_str()), (1, ""));
    assert_eq!(
        library.err,
        format!(
            "error: {refused}\n! the kubelet 1.32 would answer otherwise: nothing is wrong with it (accept_unknown_fields)\n"
        )
    );
    assert!(!run(&[]).out.contains("otherwise"), "they agree about the shipped node");
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_place() {
    let folder = Folder::new("effective-bad");
    fs::create_dir(folder.path("conf.d")).expect("a folder");
    let base = put(
        &folder,
        "base.yaml",
        "maxPod: 50\nmaxPods: many\nreadOnlyPort: -1\nfeatureGates:\n  NodeSwp: true\nevictionHard:\n  \
         memory.available: 120%\nsystemCgroups: /system\n",
    );
    let dir = folder.path("conf.d");
    let all = ["--config", &*base, "--config-dir", &dir, "--compat", "none"];
    let ran = run(&all);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    let lines: Vec<_> = ran.err.lines().collect();
    for (place, says) in [
        ("3:1", "there is no field maxPod; did you mean maxPods?"),
        ("4:10", "maxPods: invalid type: string \"many\", expected i32"),
        ("7:3", "unrecognized feature gate: NodeSwp; did you mean NodeSwap?"),
        ("10:1", "invalid configuration: systemCgroups (--system-cgroups) was specified"),
        ("5:1", "invalid configuration: readOnlyPort (--read-only-port) -1 must be between"),
        ("9:3", "evictionHard[memory.available]: `120%` is above 100%"),
    ] {
        let line = format!("error: {base}:{place}: {says}");
        assert!(lines.iter().any(|it| it.starts_with(&line)), "{line}\n{}", ran.err);
    }
    assert_eq!(lines.len(), 6, "{}", ran.err);

    put(&folder, "conf.d/10-doubled.conf", "maxPods: 1\nmaxPods: 2\n");
    put(&folder, "conf.d/20-tab.conf", "logging:\n\tverbosity: 2\n");
    put(&folder, "conf.d/30-two.conf", "maxPods: 3\n---\nmaxPods: 4\n");
    put(&folder, "conf.d/40-typed.conf", "syncFrequency: 5 minutes\n");
    fs::write(folder.path("conf.d/50-bytes.conf"), b"clusterDomain: \xff\xfe\n").expect("a file");
    folder.put("conf.d/60-other.conf", "kind: Pod\napiVersion: v1\n");
    folder.put("conf.d/70-empty.conf", "# nothing\n");
    let missing = folder.path("missing.yaml");
    let ran = run(&["--config", &missing, "--config-dir", &dir, "--compat", "none", "--", "--max-pod=3"]);
    let expected = [
        format!("{missing}: cannot be read: "),
        "10-doubled.conf:4:1: the key \"maxPods\" is already set at 3:1".to_owned(),
        "20-tab.conf:4:2: tabs disallowed".to_owned(),
        "30-two.conf:5:1: only the first document of a file counts".to_owned(),
        "40-typed.conf:3:16: syncFrequency: ".to_owned(),
        "50-bytes.conf: is not UTF-8 from byte 15 on".to_owned(),
        "60-other.conf:2:1: apiVersion is \"v1\"; expected kubelet.config.k8s.io/v1beta1".to_owned(),
        "70-empty.conf: has no content".to_owned(),
        "unknown flag: --max-pod; did you mean --max-pods?".to_owned(),
    ];
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    for says in &expected {
        assert!(
            ran.err.lines().any(|line| line.starts_with(&format!("error: {says}"))),
            "{says}\n{}",
            ran.err
        );
    }
    assert_eq!(
        ran.err.lines().count(),
        expected.len(),
        "nothing is said of what may be missing\n{}",
        ran.err
    );

    let nowhere = folder.path("no.conf.d");
    let ran = run(&["--config-dir", &nowhere]);
    assert!(
        ran.code == 1 && ran.err.starts_with(&format!("error: {nowhere}: cannot be read: ")),
        "{}",
        ran.err
    );
    let ran = run(&["--diff", &base]);
    assert!(ran.code == 1 && ran.out.is_empty() && ran.err.contains(&format!("{base}:7:3: ")), "{}", ran.err);
}

#[test]
fn a_field_of_a_wrong_configuration_is_explained_as_far_as_it_goes() {
    let folder = Folder::new("effective-explain");
    let base = put(&folder, "base.yaml", "maxPods: 50\nreadOnlyPort: -1\n");
    let ran = run(&["--config", &base, "--explain", "maxPods"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.starts_with("maxPods\n  50  base.yaml:3\n"), "{}", ran.out);
    assert!(
        ran.err.starts_with(&format!("error: {base}:4:1: invalid configuration: readOnlyPort")),
        "{}",
        ran.err
    );
    for (field, says) in [
        ("maxPod", "there is no field maxPod; did you mean maxPods?"),
        ("NodeSwp", "there is no field NodeSwp; did you mean the gate NodeSwap?"),
        ("nothingOfTheKind", "there is no field nothingOfTheKind\n"),
    ] {
        let ran = run(&["--explain", field]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        assert!(ran.err.starts_with(&format!("error: {says}")), "{}", ran.err);
    }
    let story = json(&["--explain", "featureGates.NodeSwap", "--explain", "runtimeRequestTimeout"]);
    assert_eq!(story[0]["gate"]["enabled"], true);
    assert_eq!(story[0]["gate"]["history"][1]["since"], 28);
    assert!(
        story[1]["readers"].as_array().is_some_and(|readers| readers.contains(&"image::PullConfig".into()))
    );
}

#[test]
fn arguments_that_are_wrong_are_refused() {
    for (args, says) in [
        (&["--explain", "maxPods", "--diff", "x"][..], "cannot be used with"),
        (&["--capacity", "memory"], "expected a resource, = and an amount, such as memory=8Gi"),
        (&["--format", "xml"], "invalid value 'xml'"),
        (&["--max-pods=3"], "unexpected argument '--max-pods'"),
    ] {
        let ran = run(args);
        assert!(ran.code == 2 && ran.out.is_empty() && ran.err.contains(says), "{args:?}: {}", ran.err);
    }
    let reserved = run(&["--capacity", "memory=300Mi"]);
    let said = format!("{}{}", reserved.out, reserved.err);
    assert!(said.contains("300Mi"), "{said}");
}

#[test]
fn the_readme_has_what_is_printed() {
    readme_shows("--example effective_config -- --only-set | head -26", "effective-config-only-set");
}
