//! The example `plan_image_gc` from outside: arguments in, what it prints and its exit code out.
//!
//! The texts under `tests/golden` are read like code. `RECORD=1 cargo test --features yaml --test plan_image_gc` writes
//! them anew.
#![cfg(feature = "yaml")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../examples/plan_image_gc/main.rs"]
#[expect(dead_code, reason = "its `main` is not called here")]
mod plan_image_gc;

mod example;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;

use example::{Folder, Ran, data, in_crate, readme_shows};
use plan_image_gc::Io;
use serde_json::Value;

fn run_with(args: &[&str], stdin: &str) -> Ran {
    let args = ["plan_image_gc"].iter().chain(args).map(OsString::from);
    Ran::of(|out, err| plan_image_gc::plan_image_gc(args, &mut Io { stdin: &mut stdin.as_bytes(), out, err }))
}

fn run(args: &[&str]) -> Ran {
    run_with(args, "")
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&run(&[args, &["--json"]].concat()).out).expect("JSON")
}

/// The names of a list, without their registry.
fn names<'a>(plan: &'a Value, list: &str) -> Vec<&'a str> {
    let images = plan[list].as_array().expect("a list").iter();
    images
        .map(|image| image["name"].as_str().expect("a name").trim_start_matches("registry.example/"))
        .collect()
}

/// The places of files of one's own.
struct Files {
    images: String,
    pods: String,
}

impl Files {
    /// Images by JSON, and one pod that runs `web` and one that waits for `next`.
    fn new(folder: &Folder, images: &str) -> Self {
        let pods = r#"{"kind": "List", "items": [
            {"kind": "Pod", "metadata": {"name": "web", "namespace": "shop", "uid": "1"},
             "spec": {"nodeName": "n1", "containers": [{"name": "app", "image": "web:1"}]},
             "status": {"phase": "Running", "containerStatuses": [{"name": "app", "image": "docker.io/library/web:1",
                "imageID": "docker.io/library/web@sha256:aa", "containerID": "containerd://1", "state": {"running": {}}}]}},
            {"kind": "Pod", "metadata": {"name": "next", "namespace": "shop", "uid": "2"},
             "spec": {"nodeName": "n1", "containers": [{"name": "app", "image": "next"}]},
             "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": "next", "imageID": "",
                "state": {"waiting": {"reason": "ContainerCreating"}}}]}}]}"#;
        Self { images: folder.put("images.json", images), pods: folder.put("pods.json", pods) }
    }

    fn args<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [&["--images", &*self.images, "--pods", &*self.pods], more].concat()
    }
}

#[test]
fn texts() {
    let (images, fs, pods) = (data("images.json"), data("imagefsinfo.json"), data("pods.json"));
    let earlier = data("summary.json");
    let real = ["--images", &images, "--fs", &fs, "--pods", &pods];
    let large = [&real[..], &["--capacity", "40Gi", "--unused-for", "36h", "--all"]].concat();
    for (name, args) in [
        ("full", [].as_slice()),
        ("library", &["--compat", "none"]),
        ("room", &["--summary", &earlier]),
        ("demand", &["--free", "5Gi"]),
        ("forgotten", &["--started", "2026-03-14T03:00:00Z"]),
        ("size-unknown", &real),
        ("own-disk", &large),
    ] {
        run(args).reads_like(&format!("plan-image-gc-{name}"));
    }
}

#[test]
fn json_says_the_same_as_the_text() {
    let (text, json) = (run(&["--all"]).out, json(&[]));
    for (list, mark) in [("goes", '.'), ("next", '.'), ("stays", '-')] {
        for image in json[list].as_array().expect("a list") {
            let name: String = image["name"].as_str().expect("a name").chars().take(40).collect();
            let line = text.lines().find(|line| line.contains(&name)).expect("its line");
            assert!(line.trim_start().split(' ').next().expect("a number").ends_with(mark), "{line}");
        }
    }
    let count = |list: &str| json[list].as_array().map_or(0, Vec::len);
    let listed: Value =
        serde_json::from_str(&fs::read_to_string(data("images.json")).expect("images")).expect("JSON");
    let listed = listed["images"].as_array().expect("images");
    assert_eq!(count("goes") + count("next") + count("stays"), listed.len());
    let sum: u64 =
        json["goes"].as_array().expect("a list").iter().filter_map(|it| it["freesBytes"].as_u64()).sum();
    assert_eq!(json["freedBytes"], sum);
    for note in json["notes"].as_array().expect("notes") {
        assert!(text.contains(&format!("note: {}\n", note.as_str().expect("a note"))), "{note}");
    }
    assert_eq!((&json["node"], &json["decides"]), (&"worker-7".into(), &"kubelet-1.32".into()));
}

#[test]
fn what_the_library_would_do_is_marked_with_the_field_that_makes_the_difference() {
    let earlier = data("summary.json");
    let kubelet = json(&["--summary", &earlier]);
    assert!(names(&kubelet, "goes").contains(&"ops/netshoot:v0.13"), "{kubelet}");
    let marks = kubelet["differences"].to_string();
    assert!(marks.contains("ops/netshoot:v0.13 stays, as it is too young"), "{marks}");
    assert!(marks.contains("age_by_last_use_only"), "{marks}");
    let library = json(&["--summary", &earlier, "--compat", "none"]);
    assert_eq!(names(&library, "goes"), ["kube/kube-proxy:v1.31.6", "shop/catalog:2.13.0"]);
    assert!(run(&["--free", "all"]).out.lines().all(|line| !line.starts_with('!')), "they agree on demand");

    // After a restart the kubelet takes what is old for new.
    let forgotten = json(&["--summary", &earlier, "--started", "2026-03-14T03:00:00Z"]);
    assert_eq!(names(&forgotten, "goes"), Vec::<&str>::new());
    let marks = forgotten["differences"].to_string();
    assert!(marks.contains("shop/catalog:2.13.0 goes, as it is too old"), "{marks}");
}

#[test]
fn what_a_pod_waits_for_stays_where_the_library_decides() {
    let folder = Folder::new("plan-awaited");
    let files = Files::new(
        &folder,
        r#"{"images": [{"id": "sha256:1", "repoTags": ["docker.io/library/web:1"],
                "repoDigests": ["docker.io/library/web@sha256:aa"], "size": "100"},
            {"id": "sha256:2", "repoTags": ["docker.io/library/next:latest"], "repoDigests": [], "size": 50},
            {"id": "sha256:3", "repoTags": ["<none>:<none>"], "repoDigests": ["x@sha256:cc"], "size": "7"},
            {"id": "sha256:4", "repoTags": null, "size": "9", "pinned": true}]}"#,
    );
    let kubelet = json(&files.args(&["--free", "all"]));
    assert_eq!(names(&kubelet, "goes"), ["docker.io/library/next:latest", "x@sha256:cc"]);
    let mark = "docker.io/library/next:latest stays, as a pod waits for it";
    assert!(kubelet["differences"].to_string().contains(mark), "{kubelet}");
    assert!(kubelet["differences"].to_string().contains("what pods wait for"), "{kubelet}");
    let library = run(&files.args(&["--free", "all", "--compat", "none"]));
    assert!(library.out.contains("shop/next waits for it\n"), "{}", library.out);
    assert!(library.out.contains("used by shop/web\n"), "{}", library.out);
    assert!(library.out.contains("sha256:4  ") && library.out.contains("pinned"), "{}", library.out);
}

#[test]
fn a_container_is_known_by_the_id_of_its_image() {
    let folder = Folder::new("plan-ids");
    let files = Files::new(
        &folder,
        r#"{"images": [
            {"id": "sha256:1", "repoTags": ["docker.io/library/web:1"], "repoDigests": ["docker.io/library/web@sha256:bb"]},
            {"id": "sha256:2", "repoTags": [], "repoDigests": ["mirror.example/web@sha256:aa"]}]}"#,
    );
    let plan = json(&files.args(&[]));
    assert_eq!(names(&plan, "stays"), ["mirror.example/web@sha256:aa"], "the tag has moved on");
    for id in ["sha256:2", "2", "docker://sha256:2", "docker-pullable://mirror.example/web@sha256:aa"] {
        let pods = fs::read_to_string(&files.pods).expect("pods");
        folder.put("pods.json", &pods.replace("docker.io/library/web@sha256:aa", id));
        assert_eq!(names(&json(&files.args(&[])), "stays"), ["mirror.example/web@sha256:aa"], "{id}");
        folder.put("pods.json", &pods);
    }
    let pods = fs::read_to_string(&files.pods).expect("pods");
    folder.put("pods.json", &pods.replace("web@sha256:aa", "web@sha256:ff"));
    let notes = json(&files.args(&[]))["notes"].to_string();
    assert!(notes.contains("docker.io/library/web:1: used by a container, and not listed"), "{notes}");
}

#[test]
fn the_disk_is_as_large_as_is_said() {
    let folder = Folder::new("plan-disk");
    let images = r#"{"images": [{"id": "sha256:3", "repoDigests": ["x@sha256:cc"], "size": "600"},
        {"id": "sha256:4", "repoDigests": ["y@sha256:cc"], "size": "300"}]}"#;
    let files = Files::new(&folder, images);
    let old = r#"{"status": {"timestamp": "1773502804218334907", "fsId": {"mountpoint": "/m"}, "usedBytes": {"value": "900"}}}"#;
    let bare = r#"{"imageFilesystems": [{"timestamp": 1773502804218334907, "usedBytes": {"value": 900}}, {}], "containerFilesystems": []}"#;
    for fs in [old, bare] {
        let fs = folder.put("fs.json", fs);
        let plan = json(&files.args(&["--fs", &fs, "--capacity", "1000"]));
        assert_eq!(
            (&plan["disk"]["usedPercent"], &plan["disk"]["availableBytes"]),
            (&90.into(), &100.into())
        );
        assert_eq!(plan["at"], "2026-03-14T15:40:04.218334907Z");
        assert_eq!(names(&plan, "goes"), ["x@sha256:cc"]);
        assert_eq!(plan["disk"]["usedPercentAfterwards"], 30);
    }
    let roomy = json(&files.args(&["--capacity", "1000", "--available", "500"]));
    assert_eq!((&roomy["disk"]["usedPercent"], names(&roomy, "goes").len()), (&50.into(), 0));
    let target = json(&files.args(&["--capacity", "1000", "--available", "500", "--target", "30"]));
    assert_eq!(names(&target, "goes").len(), 1);
    let nothing = run(&files.args(&["--capacity", "0"]));
    assert!(nothing.out.contains("invalid capacity 0 on image filesystem\n"), "{}", nothing.out);
    let unknown = run(&files.args(&[]));
    assert!(unknown.out.contains("--summary or --capacity says it"), "{}", unknown.out);
    assert!(unknown.out.contains("nothing says when the node was looked at"), "{}", unknown.out);
    let ample = run(&files.args(&["--capacity", "1000", "--available", "0", "--target", "0"]));
    assert!(ample.out.contains("Failed to garbage collect required amount of images"), "{}", ample.out);
}

#[test]
fn pods_of_other_nodes_are_left_out() {
    let folder = Folder::new("plan-nodes");
    let files = Files::new(
        &folder,
        r#"{"images": [{"id": "sha256:1", "repoDigests": ["docker.io/library/web@sha256:aa"], "size": "1"}]}"#,
    );
    let pods = fs::read_to_string(&files.pods).expect("pods");
    folder.put("pods.json", &pods.replacen("n1", "n2", 1));
    let several = run(&files.args(&[]));
    assert_eq!(several.err, "error: the pods are on several nodes: --node says which one, of n1, n2\n");
    let n1 = json(&files.args(&["--node", "n1"]));
    assert_eq!((names(&n1, "next").len(), n1["node"].as_str()), (1, Some("n1")));
    assert!(n1["notes"].to_string().contains("1 pod is not on this node, and left out"), "{n1}");
    assert_eq!(names(&json(&files.args(&["--node", "n2"])), "stays").len(), 1);
    let nowhere = run(&files.args(&["--node", "n3"]));
    assert_eq!((nowhere.code, &*nowhere.err), (2, "error: no pod is on n3: they are on n1, n2\n"));
    let piped = run_with(&["--images", &files.images, "--pods", "-", "--json"], &pods);
    assert_eq!(piped.code, 0, "{}", piped.err);
}

#[test]
fn what_is_odd_is_noted() {
    let folder = Folder::new("plan-odd");
    let files = Files::new(
        &folder,
        r#"{"images": [{"id": "sha256:1", "size": "5"}, {"id": "sha256:1", "size": "7", "repoTags": ["old:1"]}]}"#,
    );
    let ages = folder
        .put("ages.json", r#"{"images": {"gone:1": {}, "old:1": {"lastUsed": "2026-03-01T00:00:00Z"}}}"#);
    let config = folder.put(
        "config.yaml",
        "imageMinimumGCAge: 0s\nimageGCHighThresholdPercent: 100\nimageGCLowThresholdPercent: 99\n",
    );
    let now = "2026-03-14T00:00:00Z";
    let plan = json(&files.args(&["--ages", &ages, "--config", &config, "--now", now, "--capacity", "10"]));
    let notes = plan["notes"].to_string();
    for note in [
        "sha256:1 is listed more than once, and counts once",
        "gone:1: remembered, and not there any more",
        "imageMinimumGCAge: zero counts as not given, which is 2m",
        "garbage collection is off",
    ] {
        assert!(notes.contains(note), "{note}: {notes}");
    }
    let image = &plan["next"][0];
    assert_eq!((&image["sizeBytes"], &image["lastUsed"]), (&7.into(), &"2026-03-01T00:00:00Z".into()));
}

#[test]
fn handlers_and_volumes_count_with_their_gates() {
    let folder = Folder::new("plan-gates");
    let files = Files::new(
        &folder,
        r#"{"images": [
            {"id": "sha256:1", "repoDigests": ["docker.io/library/web@sha256:aa"], "size": "6"},
            {"id": "sha256:1", "repoDigests": ["docker.io/library/web@sha256:aa"], "size": "6", "spec": {"runtimeHandler": "kata"}},
            {"id": "sha256:2", "repoTags": ["docker.io/library/model:1"], "size": "5"}]}"#,
    );
    let pods = fs::read_to_string(&files.pods).expect("pods");
    let mounts = r#""image": "web:1", "volumeMounts": [{"name": "m", "mountPath": "/m"}]}], "volumes": [{"name": "m", "image": {"reference": "model:1"}}]"#;
    folder.put("pods.json", &pods.replacen(r#""image": "web:1"}]"#, mounts, 1));
    let gates =
        folder.put("gates.yaml", "featureGates: {ImageVolume: true, RuntimeClassInImageCriApi: true}\n");
    assert_eq!(names(&json(&files.args(&["--free", "all"])), "goes"), ["docker.io/library/model:1"]);
    let with = json(&files.args(&["--free", "all", "--config", &gates]));
    assert_eq!((names(&with, "goes").len(), &with["goes"][0]["runtimeHandler"]), (1, &"kata".into()));
    assert_eq!((&with["goes"][0]["freesBytes"], &with["freedBytes"]), (&0.into(), &0.into()));
    let text = run(&files.args(&["--free", "all", "--config", &gates])).out;
    assert!(text.contains("frees nothing, as it stays for another handler"), "{text}");
    assert!(text.contains("mounted by shop/web"), "{text}");
}

#[test]
fn bad_input_is_named_with_its_place() {
    let folder = Folder::new("plan-bad");
    let (images, fs, pods) = (data("images.json"), data("imagefsinfo.json"), data("pods.json"));
    let broken = folder.put("broken.json", "{\"images\":\n tru}");
    let size = folder.put("size.json", "{\"images\": [{\"id\": \"a\",\n \"size\": \"-5\"}]}");
    let huge = folder.put("huge.json", "{\"images\": [{\"id\": \"a\", \"size\": \"18446744073709551616\"}]}");
    let nameless = folder.put("nameless.json", "{\"images\": [\n {\"size\": \"5\"}]}");
    let used =
        folder.put("used.json", r#"{"status": {"imageFilesystems": [{"usedBytes": {"value": "many"}}]}}"#);
    let empty = folder.put("empty.json", r#"{"status": {"imageFilesystems": []}}"#);
    let order = folder.put("order.yaml", "imageGCHighThresholdPercent: 70\nimageGCLowThresholdPercent: 80\n");
    let ages = folder.put("ages.yaml", "imageMinimumGCAge: 5m\nimageMaximumGCAge: 2m\n");
    let negative = folder.put("negative.yaml", "imageMaximumGCAge: -1s\n");
    let wrong = folder.put("wrong.yaml", "images:\n  web:1: {lastSeen: 2026-03-14T12:00:00Z}\n");
    let time = folder.put("time.yaml", "images:\n  web:1:\n    lastUsed: noon\n");
    let missing = folder.path("missing.json");
    let of = |images, fs| ["--images", images, "--fs", fs, "--pods", &pods];
    for (args, says) in [
        (&of(&missing, &fs)[..], format!("{missing}: ")),
        (&of(&broken, &fs), format!("{broken}: line 2, column 2: ")),
        (
            &of(&pods, &fs),
            "examples/data/pods.json: has no list `images`: expected what `crictl images".into(),
        ),
        (&of(&size, &fs), format!("{size}: document 1, line 2, column 10: images[0].size: ")),
        (&of(&huge, &fs), format!("{huge}: document 1, line 1, column 33: images[0].size: ")),
        (&of(&nameless, &fs), format!("{nameless}: document 1, line 2, column 2: id: is missing")),
        (&of(&images, &images), "examples/data/images.json: has no `imageFilesystems`: expected what".into()),
        (&of(&images, &empty), format!("{empty}: has no `imageFilesystems`: expected what")),
        (
            &of(&images, &used),
            format!("{used}: document 1, line 1, column 58: imageFilesystems[0].usedBytes.value: "),
        ),
        (&["--images", &images, "--pods", &fs], "examples/data/imagefsinfo.json: ".into()),
        (
            &["--config", &order],
            format!(
                "{order}: document 1, line 2, column 29: LowThresholdPercent 80 can not be higher than \
                 HighThresholdPercent 70\n"
            ),
        ),
        (
            &["--config", &ages],
            format!(
                "{ages}: document 1, line 2, column 20: imageMaximumGCAge 2m0s must be greater than \
                 imageMinimumGCAge 5m0s\n"
            ),
        ),
        (&["--config", &negative], format!("{negative}: document 1, line 1, column 20: imageMaximumGCAge: ")),
        (
            &["--config", &images],
            "examples/data/images.json: is something else, expected a KubeletConfiguration\n".into(),
        ),
        (&["--ages", &wrong], format!("{wrong}: document 1, line 2, column ")),
        (&["--ages", &time], format!("{time}: document 1, line 3, column 15: images.web:1.lastUsed: ")),
        (&["--summary", &fs], "examples/data/imagefsinfo.json: is something else, expected `node`".into()),
    ] {
        let ran = run(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {}", ran.err);
        assert!(ran.err.starts_with(&format!("error: {says}")), "{args:?}: {says}\n{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
    for (args, says) in [
        (&["--images", &images][..], "--pods <FILE>"),
        (&["--available", "5Gi"], "--capacity <SIZE>"),
        (&["--capacity=-5Gi"], "`-5Gi` is below zero"),
        (&["--free", "much"], "much"),
        (&["--target", "101"], "101 is not in 0..=100"),
        (&["--target", "5", "--free", "all"], "cannot be used with"),
        (&["--unused-for", "5"], "`5` is no duration"),
        (&["--now", "noon"], "`noon` is no timestamp"),
    ] {
        let ran = run(args);
        assert!(ran.code == 2 && ran.out.is_empty() && ran.err.contains(says), "{args:?}: {}", ran.err);
    }
}

#[test]
fn a_picture_shows_the_disk_and_every_image() {
    let folder = Folder::new("plan-chart");
    let (images, pods) = (data("images.json"), data("pods.json"));
    let empty = folder.put("empty.json", r#"{"images": []}"#);
    let file = folder.path("chart.svg");
    for (args, bars) in [
        (&[][..], 40),
        (&["--free", "all"], 40),
        (&["--images", &images, "--pods", &pods], 36),
        (&["--images", &empty, "--pods", &pods], 4),
    ] {
        let args = [args, &["--chart", &file]].concat();
        let ran = run(&args);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        let picture = fs::read_to_string(&file).expect("the picture");
        let tree = roxmltree::Document::parse(&picture).expect("well-formed XML");
        let of = |tag: &'static str| tree.descendants().filter(move |node| node.has_tag_name(tag));
        let tooltips: Vec<_> = of("title").filter_map(|node| node.text()).collect();
        let said = json(&args);
        for list in ["goes", "next", "stays"] {
            for name in
                said[list].as_array().expect("a list").iter().filter_map(|image| image["name"].as_str())
            {
                assert!(tooltips.iter().any(|tooltip| tooltip.starts_with(&format!("{name}: "))), "{name}");
            }
        }
        assert!(of("rect").count() >= bars, "{}", of("rect").count());
        let number =
            |node: roxmltree::Node<'_, '_>, name| node.attribute(name).and_then(|x| x.parse::<u32>().ok());
        for rect in of("rect") {
            assert!(number(rect, "x") <= Some(1200) && number(rect, "width") <= Some(1200));
        }
        let texts: BTreeSet<_> = of("text").filter_map(|node| node.text()).collect();
        assert_eq!(texts.contains("imagefs"), said["disk"]["usedPercent"].is_number());
    }
    let nowhere = folder.path("missing/chart.svg");
    let ran = run(&["--chart", &nowhere]);
    assert!(ran.code == 1 && ran.err.starts_with(&format!("error: {nowhere}: ")), "{}", ran.err);
}

#[test]
fn the_shipped_node_is_that_of_the_evictions() {
    let plan = json(&[]);
    let stays = names(&plan, "stays");
    let pods: Value =
        serde_json::from_str(&fs::read_to_string(data("pods.json")).expect("pods")).expect("JSON");
    let mut used = BTreeSet::new();
    for pod in pods["items"].as_array().expect("pods") {
        for list in ["containers", "initContainers"] {
            let containers = pod["spec"][list].as_array().into_iter().flatten();
            used.extend(containers.filter_map(|container| container["image"].as_str()));
        }
    }
    for image in &used {
        assert!(stays.contains(&image.trim_start_matches("registry.example/")), "{image}");
    }
    assert_eq!(stays.len(), used.len() + 1, "that of sandboxes stays too");
    assert_eq!(plan["disk"]["imageBytes"], 27_198_480_384_u64);
}

#[test]
fn the_picture_is_the_one_that_is_drawn() {
    let folder = Folder::new("plan-picture");
    let picture = folder.path("image_gc.svg");
    assert_eq!(run(&["--chart", &picture]).code, 0);
    let drawn = fs::read_to_string(&picture).expect("a picture");
    let shown = in_crate("docs/image_gc.svg");
    if std::env::var_os("RECORD").is_some() {
        fs::write(&shown, &drawn).expect("a picture");
    }
    assert!(drawn == fs::read_to_string(&shown).unwrap_or_default(), "docs/image_gc.svg is another picture");
}

#[test]
fn the_readme_has_what_is_printed() {
    readme_shows("--example plan_image_gc | head -21", "plan-image-gc-full");
}
