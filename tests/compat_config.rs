//! Each fault of the kubelet 1.32 in reading its configuration that can be copied: what is right, and what the kubelet
//! does. And what is the same in both, though it may surprise.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![cfg(feature = "yaml")]

use node_lifecycle::behaviour::Compat;
use node_lifecycle::config::{ConfigErrors, Effective, Flags, MergeOptions, Source, merge};

const TYPE: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

/// What comes of a base and drop-ins, as it is right and as the kubelet 1.32 has it.
fn both(base: &str, drop_ins: &[&str]) -> [Result<Effective, ConfigErrors>; 2] {
    let base = Source::base("/etc/kubelet/config.yaml", format!("{TYPE}{base}"));
    let named =
        |(n, text): (usize, &&str)| Source::drop_in(format!("{}0.conf", n + 1), format!("{TYPE}{text}"));
    let drop_ins: Vec<_> = drop_ins.iter().enumerate().map(named).collect();
    [Compat::default(), Compat::kubelet_1_32()].map(|compat| {
        let options = MergeOptions { compat, ..MergeOptions::default() };
        merge(Some(&base), Some(&drop_ins), &Flags::default(), options)
    })
}

fn notes(effective: &Effective) -> Vec<String> {
    effective.notes.iter().map(ToString::to_string).collect()
}

#[test]
fn accept_unknown_fields() {
    let [right, kubelet] =
        both("maxPod: 5\nmaxPods: 6\nmaxPods: 7\n", &["authentication:\n  webhok:\n    enabled: true\n"]);
    assert_eq!(
        right.unwrap_err().to_string(),
        "/etc/kubelet/config.yaml:3:1: there is no field maxPod; did you mean maxPods?\n\
         /etc/kubelet/config.yaml:5:1: the key \"maxPods\" is already set at 4:1; keep one of the two\n\
         10.conf:4:3: there is no field authentication.webhok; did you mean authentication.webhook?"
    );
    let kubelet = kubelet.unwrap();
    assert_eq!(kubelet.config.max_pods, 7);
    assert_eq!(
        notes(&kubelet),
        [
            "/etc/kubelet/config.yaml:5:1: the key \"maxPods\" is already set at 4:1; keep one of the two; the last one \
             counts",
            "/etc/kubelet/config.yaml:3:1: there is no field maxPod, and it is passed over; did you mean maxPods?",
            "10.conf:4:3: there is no field authentication.webhok, and it is passed over; did you mean \
             authentication.webhook?",
        ]
    );
    // What is newer than 1.32 is unknown to it, and known here.
    let [right, kubelet] =
        both("evictionHard: {memory.available: 1Gi}\nmergeDefaultEvictionSettings: true\n", &[]);
    let [right, kubelet] = [right, kubelet].map(|it| it.unwrap().config.eviction_hard.unwrap().len());
    assert_eq!((right, kubelet), (5, 1));
    // A key that stands twice in a drop-in is an error for both.
    assert!(both("", &["maxPods: 6\nmaxPods: 7\n"]).iter().all(Result::is_err));
}

#[test]
fn match_any_case() {
    let [right, kubelet] = both("maxPods: 50\n", &["maxpods: 60\n", "MAXPODS: 70\n"]);
    assert_eq!(
        right.unwrap_err().to_string(),
        "10.conf:3:1: there is no field maxpods; did you mean maxPods?\n\
         20.conf:3:1: there is no field MAXPODS; did you mean maxPods?"
    );
    // By the order of bytes `maxpods` is the last of the three, whichever file it is in.
    let kubelet = kubelet.unwrap();
    assert_eq!(kubelet.config.max_pods, 60);
    let max_pods = kubelet.provenance.field("maxPods").unwrap();
    assert_eq!(max_pods.origin().to_string(), "10.conf:3:1");
    assert_eq!(
        notes(&kubelet),
        ["20.conf:3:1: `MAXPODS` counts as maxPods", "10.conf:3:1: `maxpods` counts as maxPods"]
    );
    // In the base it matters for both.
    let [right, kubelet] = both("maxpods: 50\n", &[]);
    assert!(right.is_err());
    assert_eq!(kubelet.unwrap().config.max_pods, 110);
}

#[test]
fn forget_empty_settings() {
    let [right, kubelet] = both("enforceNodeAllocatable: []\n", &[]).map(Result::unwrap);
    assert_eq!(right.config.enforce_node_allocatable, Some(vec![]));
    assert_eq!(kubelet.config.enforce_node_allocatable, Some(vec!["pods".to_owned()]));
    assert_eq!(
        notes(&kubelet),
        [
            "/etc/kubelet/config.yaml:3:1: enforceNodeAllocatable: that it is empty is forgotten, because there is a drop-in folder"
        ]
    );
    // Without a folder it counts for both.
    let base = Source::base("config.yaml", format!("{TYPE}enforceNodeAllocatable: []\n"));
    let alone = merge(Some(&base), None, &Flags::default(), MergeOptions::kubelet_1_32()).unwrap();
    assert_eq!(alone.config.enforce_node_allocatable, Some(vec![]));
}

#[test]
fn ignore_later_documents() {
    let [right, kubelet] = both("maxPods: 50\n---\nmaxPods: 60\n", &["podsPerCore: 2\n---\n]\n"]);
    let right = right.unwrap_err().to_string();
    let lines: Vec<_> = right.lines().collect();
    assert_eq!(
        lines[0],
        "/etc/kubelet/config.yaml:5:1: only the first document of a file counts; put this one into a file of its own"
    );
    assert!(lines[1].starts_with("10.conf:5:1: "), "{right}");
    let kubelet = kubelet.unwrap();
    assert_eq!((kubelet.config.max_pods, kubelet.config.pods_per_core), (50, 2));
    assert_eq!(notes(&kubelet), ["/etc/kubelet/config.yaml:5:1: only the first document of a file counts"]);
}

/// The kubelet panics, which cannot be copied.
#[test]
fn an_unknown_gate_is_an_error_for_both() {
    for result in both("featureGates:\n  NodeSwop: true\n", &["featureGates:\n  NodeSwop: null\n"]) {
        assert_eq!(
            result.unwrap_err().to_string(),
            "/etc/kubelet/config.yaml:4:3: unrecognized feature gate: NodeSwop; did you mean NodeSwap?"
        );
    }
}

/// A list, an entry and a default that follows from another field: what a person may not expect, in both.
#[test]
fn what_is_kept_is_noted() {
    for effective in both(
        "evictionHard:\n  memory.available: 1Gi\nclusterDNS: [10.0.0.10, 10.0.0.11]\nsystemReserved: {cpu: 100m}\n",
        &[
            "clusterDNS: [10.0.0.12]\nmaxParallelImagePulls: 5\nevictionHard: {nodefs.available: 100%}\n",
            "systemReserved: {cpu: null}\nstaticPodPath: manifests\nmaxPods: many\n",
            "maxPods: 20\n",
        ],
    ) {
        let effective = effective.unwrap();
        assert_eq!(
            notes(&effective),
            [
                "/etc/kubelet/config.yaml:3:1: with evictionHard in the base imagefs.available<15%, \
                 imagefs.inodesFree<5%, nodefs.available<10%, nodefs.inodesFree<5% no longer counts by default",
                "10.conf:3:1: clusterDNS replaces [\"10.0.0.10\",\"10.0.0.11\"] (/etc/kubelet/config.yaml:5:1); lists \
                 are not merged",
                "20.conf:4:16: staticPodPath: `manifests` is relative to where the kubelet runs, as in every drop-in",
                "20.conf:3:18: null takes \"100m\" (/etc/kubelet/config.yaml:6:18) away from systemReserved[cpu]",
                "serializeImagePulls stays true, the default that follows from the base alone; if all stood in one file \
                 it would be false",
                "10.conf:5:16: evictionHard[nodefs.available]: `100%` switches it off",
                "20.conf:5:10: maxPods: does not fit: expected a whole number of 32 bits; not an error only because \
                 something replaces it",
            ]
        );
        assert_eq!(effective.config.serialize_image_pulls, Some(true));
        assert_eq!(effective.config.static_pod_path, "manifests");
    }
}

/// Without its own `evictionHard` the base has the defaults, and a drop-in merges into these.
#[test]
fn a_drop_in_merges_into_the_default_evictions() {
    for effective in both("", &["evictionHard: {memory.available: 1Gi}\n"]) {
        let effective = effective.unwrap();
        let hard = effective.config.eviction_hard.as_ref().unwrap();
        assert_eq!(
            (hard.len(), hard["memory.available"].as_str(), hard["nodefs.available"].as_str()),
            (5, "1Gi", "10%")
        );
        assert_eq!(
            notes(&effective),
            ["10.conf:3:16: evictionHard in a drop-in leaves imagefs.available<15%, imagefs.inodesFree<5%, \
              nodefs.available<10%, nodefs.inodesFree<5% as it is by default"]
        );
    }
}
