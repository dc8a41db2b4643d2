//! The example `simulate` from outside: arguments in, what it prints and its exit code out.
//!
//! The pictures under `tests/golden` are read like code. `RECORD=1 cargo test --all-features --test simulate`
//! draws them anew.
#![cfg(all(feature = "sim", feature = "yaml"))]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../examples/simulate/main.rs"]
#[expect(dead_code, reason = "its `main` is not called here")]
mod simulate;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use node_lifecycle::api::read_pods;
use node_lifecycle::container::ContainerKind;
use node_lifecycle::machine::Timestamp;
use serde_json::Value;
use simulate::Io;

/// What a run left.
struct Ran {
    code: u8,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

fn run_with(args: &[&str], stdin: &str) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let (mut plain_out, mut plain_err) =
        (anstream::StripStream::new(&mut out), anstream::StripStream::new(&mut err));
    let args = ["simulate"].iter().chain(args).map(OsString::from);
    let mut io = Io { stdin: &mut stdin.as_bytes(), out: &mut plain_out, err: &mut plain_err };
    let code = simulate::simulate(args, &mut io, 100);
    let text = |bytes| String::from_utf8(bytes).expect("what is printed is UTF-8");
    Ran { code, out: text(out), err: text(err) }
}

fn run(args: &[&str]) -> Ran {
    run_with(args, "")
}

fn in_crate(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).display().to_string()
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("node-lifecycle-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder below");
        fs::write(&path, content).expect("a file for the test");
        path.display().to_string()
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const GOOD: &str = "{kind: Pod, metadata: {name: good}, spec: {containers: [{name: app, image: a:1}]}}\n";
const BAD: &str = "kind: Pod\nmetadata: {name: bad}\nspec:\n  containers:\n  - name: 7\n    image: a:1\n";
const GATED: &str = "kind: Deployment\nmetadata: {name: gated}\nspec:\n  template:\n    spec:\n      containers:\n      \
                     - name: app\n        image: a:1\n        restartPolicy: Never\n";

#[test]
fn every_shipped_manifest_is_drawn() {
    let ran = run(&[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("note: the feature gate ContainerRestartRules is on"), "{}", ran.err);
    let folder = in_crate("examples/manifests");
    let mut pods = 0;
    for file in fs::read_dir(folder).expect("the shipped manifests") {
        let text = fs::read_to_string(file.expect("a file").path()).expect("a manifest");
        for found in read_pods(&text).pods {
            pods += 1;
            let name = format!("{}/{}", found.pod.metadata.namespace, found.pod.metadata.name);
            assert!(ran.out.contains(&format!("\n{name}  ")), "{name} has a title");
            let spec = &found.pod.spec;
            for container in spec.init_containers.iter().chain(&spec.containers) {
                assert!(ran.out.contains(&format!("   {}", container.name)), "{name}: {}", container.name);
            }
        }
    }
    assert!(
        ran.out.starts_with(&format!("{pods} pods on one node, deleted after 6m\n")),
        "{}",
        &ran.out[..80]
    );
    assert!(!ran.out.contains('\u{1b}'), "no colours where they cannot be shown");
    let widest = ran.out.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{widest:?}");
}

#[test]
fn sidecars_are_up_before_the_app_and_down_after_it() {
    let events = run(&["--json"]).json();
    let of = |pod: &str| -> Vec<&Value> { events.iter().filter(|event| event["pod"] == *pod).collect() };
    let mut kinds: BTreeMap<String, BTreeMap<String, ContainerKind>> = BTreeMap::new();
    for file in fs::read_dir(in_crate("examples/manifests")).expect("the shipped manifests") {
        let text = fs::read_to_string(file.expect("a file").path()).expect("a manifest");
        for found in read_pods(&text).pods {
            let (pod, spec) = (&found.pod.metadata, &found.pod.spec);
            let sidecars = spec.init_containers.iter().filter(|container| container.is_sidecar());
            let sidecars = sidecars.map(|container| (container.name.clone(), ContainerKind::Sidecar));
            let apps = spec.containers.iter().map(|container| (container.name.clone(), ContainerKind::App));
            kinds.insert(format!("{}/{}", pod.namespace, pod.name), sidecars.chain(apps).collect());
        }
    }
    let mut checked = 0;
    for (pod, kinds) in &kinds {
        let events = of(pod);
        let named =
            |kind| kinds.iter().filter(move |(_, other)| **other == kind).map(|(name, _)| name.as_str());
        let is =
            |event: &Value, name: &str, what: &str| event["event"] == *what && event["container"] == *name;
        let first = |name: &str, what: &str| events.iter().find(|event| is(event, name, what)).copied();
        let last = |name: &str, what: &str| events.iter().rfind(|event| is(event, name, what)).copied();
        let is_up = |name: &str| {
            events
                .iter()
                .find(|event| is(event, name, "container") && event["view"]["started"] == true)
                .copied()
        };
        for sidecar in named(ContainerKind::Sidecar) {
            for app in named(ContainerKind::App) {
                checked += 1;
                let what = format!("{pod}: {sidecar}, {app}");
                assert!(time(is_up(sidecar)) <= time(first(app, "pulling")), "{what}");
                assert!(time(last(app, "exited")) < time(last(sidecar, "exited")), "{what}");
                // Where an app takes all of the grace, the sidecars are told at its end.
                if pod != "default/slow-stop" {
                    assert!(time(last(app, "exited")) <= time(first(sidecar, "stopping")), "{what}");
                }
            }
        }
    }
    assert!(checked >= 6, "there are sidecars in the shipped manifests: {checked}");
}

fn time(event: Option<&Value>) -> Timestamp {
    let at = event.and_then(|event| event["at"].as_str()).expect("it happens");
    at.parse().expect("a time")
}

#[test]
fn pictures() {
    for (name, args) in [
        ("two-sidecars-drain", &[][..]),
        ("slow-stop", &["--grace", "5"][..]),
        ("crash-loop", &["--no-delete"][..]),
        ("job-with-sidecar", &["--width", "72"][..]),
        ("probes-and-hooks", &["--width", "80", "--delete-after", "90s", "--restart-agent-at", "50s"][..]),
        ("bad-image", &["--width", "40", "--until", "50s"][..]),
    ] {
        let manifest = ["yaml", "json"].map(|end| in_crate(&format!("examples/manifests/{name}.{end}")));
        let manifest = manifest.iter().find(|file| Path::new(file).exists()).expect(name);
        let behavior = in_crate("examples/behavior.yaml");
        let ran = run(&[&[manifest, "--behavior", &behavior], args].concat());
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{name}");
        let golden = PathBuf::from(in_crate(&format!("tests/golden/simulate-{name}.txt")));
        if std::env::var_os("RECORD").is_some() {
            fs::create_dir_all(golden.parent().expect("a folder")).expect("the folder of pictures");
            fs::write(&golden, &ran.out).expect("a picture");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert!(ran.out == expected, "{name} looks different now:\n{}\nRECORD=1 keeps it.", ran.out);
    }
}

#[test]
fn bad_input_is_named_with_its_place() {
    let folder = Folder::new("bad-input");
    let bad = folder.put("bad.yaml", format!("{GOOD}---\n{BAD}"));
    let gated = folder.put("gated.yaml", GATED);
    let list =
        folder.put("list.json", r#"{"kind": "List", "items": [{"kind": "Pod", "spec": {"containers": 5}}]}"#);
    let broken = folder.put("broken.yml", "a: [1\n");
    let binary = folder.put("binary.json", [0xff, 0xfe]);
    let rules = folder.put("rules.json", r#"{"rules": [{"script": {"exit": {}}}]}"#);
    let good = folder.put("good.yaml", GOOD);
    let empty = folder.put("none/readme.txt", "nothing");
    let empty = Path::new(&empty).parent().and_then(Path::to_str).expect("its folder").to_owned();
    let missing = format!("{}/missing.yaml", folder.path());
    for (args, says) in [
        (
            &[bad.as_str()][..],
            format!("error: {bad}: document 2, line 7, column 11: spec.containers[0].name: "),
        ),
        (
            &[&gated],
            format!(
                "error: {gated}: document 1, line 9, column 24: spec.template.spec.containers[0].restartPolicy: \
                 needs the feature gate ContainerRestartRules"
            ),
        ),
        (&[&list], format!("error: {list}: document 1, line 1, column 67: items[0].spec.containers: ")),
        (&[&broken], format!("error: {broken}: line 2, column 1: ")),
        (&[&binary], format!("error: {binary}: is not UTF-8 text: see byte 0")),
        (&[&missing], format!("error: {missing}: ")),
        (&[&empty], format!("error: {empty}: the folder has no manifests: expected *.yaml, *.yml or *.json")),
        (
            &[&good, "--behavior", &rules],
            format!("error: {rules}: document 1, line 1, column 24: rules[0].script: unknown variant `exit`"),
        ),
        (&[&good, &good], "metadata.name: `default/good` is taken by the pod of ".to_owned()),
        (&[&good, "--until", "5"], "`5` is no duration".to_owned()),
        (&[&good, "--fault", "1.5"], "expected a number from 0 to 1".to_owned()),
        (&[&good, "--feature-gates", "Sidecars=true"], "unknown feature gate `Sidecars`".to_owned()),
    ] {
        let ran = run(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(&says), "{args:?}: {says}\n{}", ran.err);
    }
    let ran = run(&[&gated, "--feature-gates", "ContainerRestartRules=true"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn what_can_be_read_runs_when_it_is_told_to_keep_going() {
    let folder = Folder::new("keep-going");
    folder.put("a.yaml", BAD);
    folder.put("b.yaml", GOOD);
    folder.put("below/c.json", r#"{"kind": "Pod", "metadata": {"name": "c"}, "spec": {"containers": [{"name": "c", "image": "c"}]}}"#);
    let ran = run(&[folder.path(), "--keep-going"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("spec.containers[0].name"), "{}", ran.err);
    let (c, good) = (ran.out.find("\ndefault/c "), ran.out.find("\ndefault/good "));
    assert!(c.is_some() && good.is_some(), "{}", ran.out);
    assert_eq!(run(&[folder.path()]).out, "");
}

#[test]
fn the_standard_input_is_read() {
    let ran = run_with(&["-"], &format!("{GOOD}---\n{{kind: Service, metadata: {{name: web}}}}\n"));
    assert_eq!(ran.code, 0);
    assert_eq!(ran.err, "note: stdin: document 2: Service/web has no pods, skipped\n");
    assert!(ran.out.contains("Pod/good in stdin"), "{}", ran.out);
    assert_eq!(run_with(&["-"], "").code, 2);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let folder = Folder::new("seed");
    let draw = |seed: &str, name: &str| {
        let svg = folder.put(name, "");
        let text = run(&["--fault", "0.2", "--seed", seed, "--svg", &svg]);
        let json = run(&["--fault", "0.2", "--seed", seed, "--json"]);
        assert_eq!((text.code, json.code), (0, 0), "{}{}", text.err, json.err);
        (text.out, json.out, fs::read(svg).expect("the picture"))
    };
    let (first, second, other) = (draw("7", "a.svg"), draw("7", "b.svg"), draw("8", "c.svg"));
    assert!(first == second);
    assert!(first.1 != other.1, "another seed, other faults");
    assert!(first.1.contains(r#""event":"fault""#));
}

#[test]
fn a_trace_is_json_and_nothing_else() {
    let manifest = in_crate("examples/manifests/two-sidecars-drain.yaml");
    let ran = run(&[&manifest, "--json", "--grace", "9"]);
    let events = ran.json();
    assert_eq!(events[0]["event"], "podAdded");
    assert_eq!(events.last().expect("an end")["event"], "podGone");
    let deleted = events.iter().find(|event| event["event"] == "podDeleted").expect("the deletion");
    assert_eq!((&deleted["graceSeconds"], &deleted["at"]), (&9.into(), &"2025-01-01T00:01:00Z".into()));
}

#[test]
fn a_picture_is_well_formed() {
    let folder = Folder::new("svg");
    let rules =
        folder.put("rules.yaml", r#"rules: [{container: app, pull: {fails: "a <b> & \"c\" \u0001"}}]"#);
    let manifest = folder.put("a & <b>.yaml", GOOD);
    let svg = folder.put("out.svg", "");
    assert_eq!(run(&[&manifest, "--behavior", &rules, "--svg", &svg]).code, 0);
    let all = folder.put("all.svg", "");
    assert_eq!(run(&["--svg", &all, "--json"]).code, 0);
    for (file, text) in [(svg, "Pod/good in "), (all, "default/two-sidecars-drain")] {
        let picture = fs::read_to_string(file).expect("the picture");
        let tree = roxmltree::Document::parse(&picture).expect("well-formed XML");
        let texts: Vec<_> = tree.descendants().filter(|node| node.has_tag_name("text")).collect();
        assert!(texts.iter().any(|node| node.text().is_some_and(|found| found.contains(text))), "{text}");
        assert!(tree.descendants().filter(|node| node.has_tag_name("rect")).count() > 5);
    }
    let nowhere = format!("{}/missing/out.svg", folder.path());
    let ran = run(&[&manifest, "--svg", &nowhere]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.starts_with(&format!("error: {nowhere}: ")), "{}", ran.err);
}

#[test]
fn orders_are_graphviz() {
    let ran = run(&[&in_crate("examples/manifests/two-sidecars-drain.yaml"), "--dot"]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.starts_with("digraph \"default/two-sidecars-drain\" {"), "{}", ran.out);
    assert!(ran.out.contains("label=stop"));
}

#[test]
fn copied_faults_are_marked() {
    let ran = run_with(&["-", "--compat", "kubelet-1.32"], GOOD);
    assert!(ran.out.contains("The faults of the kubelet 1.32 are copied"), "{}", ran.out);
    assert!(!run_with(&["-"], GOOD).out.contains("kubelet"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for how in [&["--json"][..], &["--dot"], &["--help"], &[]] {
        let mut err = Vec::new();
        let mut io = Io { stdin: &mut io::empty(), out: &mut Closed, err: &mut err };
        let args = ["simulate"].iter().chain(how).map(OsString::from);
        assert_eq!(simulate::simulate(args, &mut io, 100), 0, "{how:?}");
        assert!(!String::from_utf8_lossy(&err).contains("error"), "{how:?}");
    }
}
