//! The example `explain_eviction` from outside: arguments in, what it prints and its exit code out.
//!
//! The texts under `tests/golden` are read like code. `RECORD=1 cargo test --features yaml --test explain_eviction`
//! writes them anew.
#![cfg(feature = "yaml")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../examples/explain_eviction/main.rs"]
#[expect(dead_code, reason = "its `main` is not called here")]
mod explain_eviction;

mod example;

use std::ffi::OsString;
use std::fs;

use example::{Folder, Ran, data, in_crate, readme_shows};
use explain_eviction::Io;
use node_lifecycle::api::{Pod, Summary, read_pods};
use node_lifecycle::behaviour::Behaviour;
use node_lifecycle::eviction::{EvictionPod, Explanation};
use serde_json::Value;

fn run_with(args: &[&str], stdin: &str) -> Ran {
    let args = ["explain_eviction"].iter().chain(args).map(OsString::from);
    Ran::of(|out, err| {
        explain_eviction::explain_eviction(args, &mut Io { stdin: &mut stdin.as_bytes(), out, err })
    })
}

fn run(args: &[&str]) -> Ran {
    run_with(args, "")
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&run(&[args, &["--json"]].concat()).out).expect("JSON")
}

#[test]
fn texts() {
    let (pods, config) = (data("pods.json"), data("kubelet.yaml"));
    let (earlier, disk) = (data("summary-earlier.json"), data("summary-disk.json"));
    let of = |summary| ["--pods", &pods, "--config", &config, "--summary", summary];
    for (name, args) in [
        ("memory", [].as_slice()),
        ("forecast", &["--earlier", &earlier, "--horizon", "30m"]),
        ("grace", &of(&earlier)),
        ("grace-over", &[of(&earlier).as_slice(), &["--met-for", "1m30s", "--all"]].concat()),
        ("inodes", &of(&disk)),
        ("calm", &["--pods", &pods, "--summary", &earlier, "--signal", "pid.available"]),
    ] {
        run(args).reads_like(&format!("explain-eviction-{name}"));
    }
}

#[test]
fn json_says_the_same_as_the_text() {
    let earlier = data("summary-earlier.json");
    let args = ["--earlier", &earlier];
    let (text, json) = (run(&args).out, json(&args));
    let explanation: Explanation =
        serde_json::from_value(json["explanation"].clone()).expect("an explanation");
    assert!(text.contains(&explanation.to_string()), "{text}");
    for note in json["notes"].as_array().expect("notes") {
        assert!(text.contains(&format!("note: {}\n", note.as_str().expect("a note"))), "{note}");
    }
    assert_eq!((&json["node"], &json["decides"]), (&"worker-7".into(), &"kubelet-1.32".into()));
    assert_eq!(json["ranking"]["pods"][0]["name"], json["explanation"]["evicted"][0]["pod"]["name"]);
    assert_eq!(json["forecast"]["now"], json["at"]);
}

#[test]
fn what_the_library_would_do_is_marked_with_the_field_that_makes_the_difference() {
    let (pods, disk, config) = (data("pods.json"), data("summary-disk.json"), data("kubelet.yaml"));
    let args = ["--pods", &pods, "--summary", &disk, "--config", &config];
    let mark = |who, pod| {
        format!(
            "! {who} would answer otherwise: shop/{pod} has to go, with 1s of grace (rank_inodes_less_bytes)\n"
        )
    };
    let kubelet = run(&args).out;
    assert!(kubelet.contains(&mark("the library", "thumbnailer-6c4b8d7f9-zz8lp")), "{kubelet}");
    let library = run(&[&args[..], &["--compat", "none"]].concat()).out;
    assert!(library.contains(&mark("the kubelet 1.32", "nightly-report-29557800-7jx4c")), "{library}");
    assert!(!run(&[]).out.contains("otherwise"), "they agree about memory");

    let folder = Folder::new("eviction-mark");
    let config = folder.put("typo.yaml", "evictionHard: {memory.available: 7%%}\n");
    let lenient = run(&["--config", &config]);
    assert!(
        lenient
            .out
            .contains("expected a decimal number and one %, such as 12.5% (accept_malformed_percentages)")
    );
    assert_eq!(lenient.out.matches("otherwise").count(), 1, "{}", lenient.out);
    let strict = run(&["--config", &config, "--compat", "none"]);
    assert_eq!((strict.code, strict.out.as_str()), (2, ""));
}

#[test]
fn a_layout_of_disks_and_gates_are_taken_as_they_are_given() {
    let folder = Folder::new("eviction-gates");
    let config = folder.put(
        "configz.json",
        r#"{"kubeletconfig": {"evictionHard": {"imagefs.available": "25%"}, "featureGates": {"KubeletSeparateDiskGC": false, "X": true}}}"#,
    );
    let dedicated = json(&["--disks", "dedicated", "--config", &config]);
    let freed = &dedicated["explanation"]["reclaims"];
    assert_eq!((&freed[0]["what"], &freed[1]["what"]), (&"containers".into(), &"images".into()));
    assert_eq!(dedicated["explanation"]["layout"], "dedicated");
    let split = run(&["--disks", "split", "--config", &config]).out;
    assert!(split.contains("KubeletSeparateDiskGC is off"), "{split}");
}

#[test]
fn bad_input_is_named_with_its_place() {
    let folder = Folder::new("eviction-bad");
    let (pods, summary) = (data("pods.json"), data("summary.json"));
    let broken = folder.put("broken.json", "{\"node\":\n tru}");
    let negative = folder.put("negative.json", r#"{"node": {"fs": {"capacityBytes": -1}}}"#);
    let percentage = folder
        .put("percentage.yaml", "kind: KubeletConfiguration\nevictionHard:\n  memory.available: 120%\n");
    let graceless = folder.put("graceless.yaml", "evictionSoft: {nodefs.available: 20%}\n");
    let typed = folder.put("typed.yaml", "evictionHard: {memory.available: 5}\n");
    let other = folder.put("other.yaml", "kind: Deployment\n");
    let nothing = folder.put("nothing.json", r#"{"kind": "List", "items": []}"#);
    let missing = folder.path("missing.json");
    let of = |pods, summary| ["--pods", pods, "--summary", summary];
    let with = |config| ["--config", config];
    for (args, says) in [
        (&of(&pods, &missing)[..], format!("{missing}: ")),
        (&of(&pods, &broken), format!("{broken}: line 2, column 2: ")),
        (
            &of(&pods, &negative),
            format!("{negative}: document 1, line 1, column 35: node.fs.capacityBytes: "),
        ),
        (
            &of(&pods, &pods),
            "examples/data/pods.json: is of the kind List, expected `node` and `pods`".into(),
        ),
        (
            &of(&summary, &summary),
            "examples/data/summary.json: document 1, line 1, column 1: kind: is missing".into(),
        ),
        (
            &of(&nothing, &summary),
            format!("{nothing}: there is no pod in it: expected what `kubectl get pods"),
        ),
        (
            &with(&percentage),
            format!(
                "{percentage}: document 1, line 3, column 21: evictionHard[memory.available]: `120%` is above 100%: \
                 expected 0% to 100%\n"
            ),
        ),
        (
            &with(&graceless),
            format!(
                "{graceless}: document 1, line 1, column 1: evictionSoftGracePeriod[nodefs.available]: is missing"
            ),
        ),
        (&with(&typed), format!("{typed}: document 1, line 1, column 34: evictionHard.memory.available: ")),
        (&with(&other), format!("{other}: is of the kind Deployment, expected a KubeletConfiguration\n")),
        (
            &with(&summary),
            "examples/data/summary.json: is a summary, expected a KubeletConfiguration\n".into(),
        ),
    ] {
        let ran = run(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {}", ran.err);
        assert!(ran.err.starts_with(&format!("error: {says}")), "{args:?}: {says}\n{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
    for (args, says) in [
        (&["--pods", &pods][..], "--summary <FILE>"),
        (&["--signal", "memory.free"], "`memory.free` is no eviction signal"),
        (&["--met-for", "5"], "`5` is no duration"),
        (&["--now", "noon"], "`noon` is no timestamp"),
    ] {
        let ran = run(args);
        assert!(ran.code == 2 && ran.out.is_empty() && ran.err.contains(says), "{args:?}: {}", ran.err);
    }
}

#[test]
fn what_does_not_fit_together_is_noted() {
    let folder = Folder::new("eviction-misfits");
    let pod = r#"{"kind": "Pod", "metadata": {"name": "web", "uid": "a"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}"#;
    let summary = folder.put(
        "summary.json",
        r#"{"node": {}, "pods": [{"podRef": {"name": "old", "namespace": "shop", "uid": "b"}}]}"#,
    );
    let ran = run_with(&["--pods", "-", "--summary", &summary, "--earlier", &data("summary.json")], pod);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for says in [
        "a node with 1 active pod, as the kubelet 1.32 decides\nstdin, ",
        "note: the summary does not tell how the disks are laid out",
        "note: the summary has no times",
        "note: default/web: not measured, so that they go early\n",
        "note: shop/old: measured, and not in the list of pods\n",
        "summary.json is not earlier: nothing changes\n",
        "Nobody has to go.",
    ] {
        assert!(ran.out.contains(says), "{says}\n{}", ran.out);
    }
}

#[test]
fn a_picture_shows_every_signal_and_every_pod() {
    let folder = Folder::new("eviction-chart");
    let (pods, disk) = (data("pods.json"), data("summary-disk.json"));
    let empty = folder.put("empty.json", r#"{"node": {}}"#);
    for (summary, bars) in [(data("summary.json"), 40), (disk, 40), (empty, 1)] {
        let file = folder.path("chart.svg");
        let args = ["--pods", &pods, "--summary", &summary, "--chart", &file];
        let ran = run(&args);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        let picture = fs::read_to_string(&file).expect("the picture");
        let tree = roxmltree::Document::parse(&picture).expect("well-formed XML");
        let of = |tag: &'static str| tree.descendants().filter(move |node| node.has_tag_name(tag));
        let texts: Vec<_> = of("text").filter_map(|node| node.text()).collect();
        let said = json(&args);
        for threshold in said["explanation"]["thresholds"].as_array().expect("thresholds") {
            let signal = threshold["threshold"]["signal"].as_str().expect("a signal");
            assert_eq!(texts.contains(&signal), !threshold["available"].is_null(), "{signal}");
        }
        for place in said["ranking"]["pods"].as_array().into_iter().flatten() {
            let name = format!("{}/{}", place["namespace"], place["name"]).replace('"', "");
            assert!(texts.contains(&&*name), "{name}");
        }
        assert!(of("rect").count() >= bars);
        let number =
            |node: roxmltree::Node<'_, '_>, name| node.attribute(name).and_then(|x| x.parse::<u32>().ok());
        for rect in of("rect") {
            assert!(number(rect, "x") <= Some(1200) && number(rect, "width") <= Some(1200));
        }
    }
    let nowhere = folder.path("missing/chart.svg");
    let ran = run(&["--chart", &nowhere]);
    assert!(ran.code == 1 && ran.err.starts_with(&format!("error: {nowhere}: ")), "{}", ran.err);
}

#[test]
fn the_shipped_node_is_consistent_to_the_byte() {
    let text = fs::read_to_string(data("pods.json")).expect("the pods");
    let pods: Vec<Pod> =
        read_pods(&text).into_pods().expect("pods").into_iter().map(|found| found.pod).collect();
    for pod in &pods {
        let qos = EvictionPod::of(pod, &Behaviour::default()).qos;
        assert_eq!(pod.status.qos_class, Some(qos), "{}", pod.metadata.name);
    }
    for name in ["summary.json", "summary-earlier.json", "summary-disk.json"] {
        let text = fs::read_to_string(data(name)).expect("a summary");
        let summary = Summary::from_json(&text).expect("a summary");
        let memory = |stats: &Option<node_lifecycle::api::MemoryStats>| {
            stats.as_ref().and_then(|memory| memory.working_set_bytes).unwrap_or_default()
        };
        let node = &summary.node;
        let all: u64 = summary.pods.iter().map(|pod| memory(&pod.memory)).sum();
        assert_eq!(memory(&node.pods_cgroup().expect("the pods' cgroup").memory), all, "{name}");
        let of_system: u64 = node.system_containers.iter().map(|container| memory(&container.memory)).sum();
        assert!(of_system < memory(&node.memory), "{name}");
        assert_eq!(summary.pods.len() + 1, pods.len(), "{name}: one has ended");
        let layers = |pod: &node_lifecycle::api::PodStats| -> u64 {
            pod.containers.iter().filter_map(|container| container.rootfs.as_ref()?.used_bytes).sum()
        };
        let container_fs = node.runtime.as_ref().and_then(|runtime| runtime.container_fs.as_ref());
        let used = container_fs.and_then(|disk| disk.used_bytes);
        assert_eq!(used, Some(summary.pods.iter().map(layers).sum()), "{name}");
        for pod in &summary.pods {
            let of_containers: u64 = pod.containers.iter().map(|container| memory(&container.memory)).sum();
            assert!(of_containers < memory(&pod.memory), "{name}: {}", pod.pod_ref.name);
        }
    }
}

#[test]
fn the_readme_has_what_is_printed_and_drawn() {
    readme_shows(
        "$ cargo run --release --features yaml --example explain_eviction",
        "explain-eviction-memory",
    );
    let picture = std::env::temp_dir().join(format!("readme-{}.svg", std::process::id()));
    assert_eq!(run(&["--chart", &picture.display().to_string()]).code, 0);
    let drawn = fs::read_to_string(&picture).expect("a picture");
    fs::remove_file(&picture).expect("it is there");
    let shown = fs::read_to_string(in_crate("docs/eviction.svg")).expect("the README's picture");
    assert!(drawn == shown, "docs/eviction.svg is another picture");
}
