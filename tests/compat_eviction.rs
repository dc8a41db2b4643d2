//! Each fault of the kubelet 1.32 in evictions that can be copied: what is right, and what the kubelet does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{Pod, Quantity};
use node_lifecycle::behaviour::{Behaviour, Compat, Feature};
use node_lifecycle::eviction::{
    Action, DiskLayout, DiskResource, DiskUsageKinds, Disks, Event, EvictionConfig, EvictionPod,
    EvictionSettings, Level, Levels, Manager, Observation, ObservedPod, Outcome, Platform, PodStats, RankBy,
    Signal, Threshold, ThresholdValue, rank,
};
use node_lifecycle::machine::{Machine, OperationId, Timestamp};
use serde_json::{Value, json};

fn observed(uid: &str, requests: &Value, stats: &Value) -> ObservedPod {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": uid, "uid": uid},
        "spec": {"containers": [{"name": "app", "image": "app:1", "resources": {"requests": requests}}]},
    }))
    .unwrap();
    let stats: PodStats = serde_json::from_value(stats.clone()).unwrap();
    ObservedPod::new(EvictionPod::of(&pod, &Behaviour::default()).into(), Some(stats.into()))
}

/// The UIDs in order, as it is right and as the kubelet 1.32 has it.
fn both(by: RankBy, pods: &[ObservedPod]) -> [Vec<String>; 2] {
    [Compat::default(), Compat::kubelet_1_32()].map(|compat| {
        let uid = |index: usize| pods[index].pod().uid.to_string();
        rank(by, pods, compat).iter().map(|ranked| uid(ranked.index)).collect()
    })
}

#[test]
fn rank_inodes_less_bytes() {
    let of_inodes = |inodes: u64| json!({"containers": [{"name": "app", "rootfs": {"inodesUsed": inodes}}]});
    let pods = [
        observed("many-files", &json!({"ephemeral-storage": "1Gi"}), &of_inodes(1_000_000)),
        observed("one-file", &json!({}), &of_inodes(1)),
    ];
    let by = RankBy::Disk { usage: DiskUsageKinds::ALL, resource: DiskResource::Inodes };
    let [right, kubelet] = both(by, &pods);
    assert_eq!(right, ["many-files", "one-file"]);
    assert_eq!(kubelet, ["one-file", "many-files"]);
}

#[test]
fn rank_ties_as_listed() {
    let pods = ["b", "a"].map(|uid| observed(uid, &json!({}), &json!({"memoryWorkingSetBytes": 1})));
    let [right, kubelet] = both(RankBy::Memory, &pods);
    assert_eq!(right, ["a", "b"]);
    assert_eq!(kubelet, ["b", "a"]);
}

#[test]
fn accept_malformed_percentages() {
    for (text, read) in [("nan%", "NaN%"), ("7%%", "7%"), ("0x1p3%", "8%"), ("1_0%", "10%")] {
        let settings = EvictionSettings {
            eviction_hard: Some([("nodefs.available".to_owned(), text.to_owned())].into()),
            ..EvictionSettings::default()
        };
        let [right, kubelet] = [Compat::default(), Compat::kubelet_1_32()].map(|compat| {
            let read = settings.config(Platform::Linux, compat);
            read.map(|(config, _)| (config.thresholds[0].value.to_string(), config.validate(compat)))
        });
        let error = right.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "evictionHard[nodefs.available]: `{text}` is no percentage: \
                 expected a decimal number and one %, such as 12.5%"
            )
        );
        assert_eq!(error.errors()[0].kubelet_message(), None, "the kubelet takes it");
        assert_eq!(kubelet, Ok((read.to_owned(), Ok(()))));
    }
}

/// A manager and the node that it watches, with one pod.
struct Watched {
    manager: Manager,
    disks: Disks,
    refuses: bool,
}

/// The same manager as it is right and as the kubelet 1.32 has it.
fn both_watch(config: &EvictionConfig, disks: impl Into<Disks>) -> [Watched; 2] {
    let disks = disks.into();
    [Behaviour::default(), Behaviour::kubelet_1_32()].map(|behaviour| {
        let manager = Manager::new(config.clone(), behaviour.into(), at(0)).unwrap();
        Watched { manager, disks: disks.clone(), refuses: false }
    })
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

/// Thresholds of so much, to be met for so many seconds.
fn config(thresholds: &[(Signal, i64, u64)]) -> EvictionConfig {
    let threshold = |&(signal, amount, grace): &(Signal, i64, u64)| Threshold {
        signal,
        value: ThresholdValue::Quantity(Quantity::from_units(amount)),
        grace_period: Duration::from_secs(grace),
        min_reclaim: None,
    };
    EvictionConfig { thresholds: thresholds.iter().map(threshold).collect(), ..EvictionConfig::default() }
}

/// What is left of 100, measured at so many seconds.
fn left(seconds: i64, signals: &[(Signal, i64)]) -> Result<Levels, ()> {
    let level = |available| Level { available, capacity: 100, time: Some(at(seconds)) };
    Ok(signals.iter().map(|&(signal, available)| (signal, level(available))).collect())
}

impl Watched {
    fn hand(&mut self, seconds: i64, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        self.manager.step(at(seconds), event, &mut actions);
        actions
    }

    /// What comes of a tick whose looks see this, in order. What had to go before is gone.
    fn tick(&mut self, seconds: i64, looks: &[Result<Levels, ()>]) -> Vec<String> {
        let mut actions = match seconds {
            0 => self.hand(0, Event::AgentStarted { epoch: 1 }),
            _ => self.hand(seconds, Event::CleanedUp("web".into())),
        };
        if actions.is_empty() {
            actions = self.hand(seconds, Event::MemoryNotification);
        }
        let (mut looks, mut said) = (looks.iter(), Vec::new());
        while !actions.is_empty() {
            let action = actions.remove(0);
            let (operation, outcome) = match action {
                Action::Observe { operation } => (operation, self.observe(looks.next().unwrap())),
                Action::Reclaim { operation, what } => {
                    said.push(format!("frees {what}"));
                    (operation, Outcome::Reclaimed { freed_bytes: None })
                }
                Action::Evict(eviction) => {
                    said.push("evicts".to_owned());
                    let refused = Outcome::Failed("no".into());
                    (eviction.operation, if self.refuses { refused } else { Outcome::Accepted })
                }
                Action::SetPressures(pressures) => {
                    said.extend(pressures.iter().map(|pressure| pressure.to_string()));
                    continue;
                }
                Action::Note(note) => {
                    said.push(serde_json::to_value(note).unwrap()["note"].as_str().unwrap().to_owned());
                    continue;
                }
                Action::ThresholdMet(_) => continue,
            };
            actions.extend(self.hand(seconds, Event::Done { operation, outcome }));
        }
        said
    }

    fn observe(&self, look: &Result<Levels, ()>) -> Outcome {
        let Ok(levels) = look else { return Outcome::Failed("no stats".into()) };
        let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "web", "uid": "web"}})).unwrap();
        let pod = Arc::new(EvictionPod::of(&pod, &Behaviour::default()));
        Outcome::Observed(Arc::new(Observation::new(*levels, self.disks.clone(), [(pod, None)])))
    }
}

#[test]
fn need_disk_layout() {
    let low = left(0, &[(Signal::MemoryAvailable, 5), (Signal::NodefsAvailable, 5)]);
    let config = config(&[(Signal::MemoryAvailable, 10, 0), (Signal::NodefsAvailable, 10, 0)]);
    let unknown = |images, layers| Disks { dedicated_image_fs: images, dedicated_container_fs: layers };

    let [mut right, mut kubelet] = both_watch(&config, unknown(Err("no".into()), Ok(false)));
    let said = right.tick(0, &[low]);
    assert_eq!(said, ["layoutUnknown", "unobserved", "MemoryPressure", "evicts"]);
    assert_eq!(kubelet.tick(0, &[low]), ["layoutUnknown"]);

    // Images have a disk of their own, and nobody says whether layers are on it too.
    let disk = |seconds| left(seconds, &[(Signal::MemoryAvailable, 50), (Signal::NodefsAvailable, 5)]);
    let [mut right, mut kubelet] = both_watch(&config, unknown(Ok(true), Err("no".into())));
    assert_eq!(right.tick(0, &[disk(0)]), ["layoutUnknown", "unobserved"]);
    assert_eq!(kubelet.tick(0, &[disk(0)]), ["DiskPressure", "evicts"]);
    for watched in [&mut right, &mut kubelet] {
        watched.disks = DiskLayout::Split.into();
    }
    let freed = left(2, &[(Signal::NodefsAvailable, 50)]);
    assert_eq!(right.tick(1, &[disk(1), freed]), ["unobserved", "DiskPressure", "frees dead containers"]);
    assert_eq!(kubelet.tick(1, &[disk(1)]), ["evicts"], "nothing is freed where layers are not on the disk");

    // What tells images and layers apart is off.
    let behaviours = [Behaviour::default(), Behaviour::kubelet_1_32()];
    let [right, kubelet] = behaviours.map(|mut behaviour| {
        behaviour.gates.set(Feature::KubeletSeparateDiskGC, false);
        let manager = Manager::new(config.clone(), behaviour.into(), at(0)).unwrap();
        let mut watched = Watched { manager, disks: DiskLayout::Split.into(), refuses: false };
        [watched.tick(0, &[low]), watched.tick(1, &[left(1, &[(Signal::MemoryAvailable, 5)])])]
    });
    let first: &[_] = &["layoutUnsupported", "MemoryPressure", "DiskPressure", "evicts"];
    assert_eq!(right, [first, &["layoutUnsupported", "unobserved", "evicts"]]);
    assert_eq!(kubelet, [&["layoutUnsupported"][..], &["unobserved", "MemoryPressure"]]);
}

#[test]
fn derive_containerfs_late() {
    let config = config(&[(Signal::NodefsAvailable, 10, 0)]);
    let low = |seconds| left(seconds, &[(Signal::NodefsAvailable, 50), (Signal::ContainerfsAvailable, 5)]);
    let freed = |seconds| left(seconds, &[(Signal::NodefsAvailable, 50), (Signal::ContainerfsAvailable, 50)]);
    let [mut right, mut kubelet] = both_watch(&config, DiskLayout::One);
    let acts = ["DiskPressure", "frees dead containers", "frees unused images"];
    assert_eq!(right.tick(0, &[low(0), freed(1)]), acts);
    assert!(kubelet.tick(0, &[low(0)]).is_empty());
    assert_eq!(kubelet.tick(1, &[low(1), freed(2)]), acts);
}

#[test]
fn forget_unobserved_thresholds() {
    let config = config(&[(Signal::MemoryAvailable, 10, 30)]);
    let low = |seconds| left(seconds, &[(Signal::MemoryAvailable, 5)]);
    let [right, kubelet] = both_watch(&config, DiskLayout::One).map(|mut watched| {
        watched.tick(0, &[low(0)]);
        assert_eq!(watched.tick(10, &[left(10, &[])]), ["unobserved"]);
        watched.tick(30, &[low(30)])
    });
    assert_eq!(right, ["evicts"]);
    assert!(kubelet.is_empty());
}

#[test]
fn hide_pressure_without_transition() {
    let config = EvictionConfig {
        pressure_transition_period: Duration::ZERO,
        ..config(&[(Signal::MemoryAvailable, 10, 0)])
    };
    let low = left(0, &[(Signal::MemoryAvailable, 5)]);
    let [right, kubelet] = both_watch(&config, DiskLayout::One).map(|mut watched| watched.tick(0, &[low]));
    assert_eq!(right, ["MemoryPressure", "evicts"]);
    assert_eq!(kubelet, ["evicts"]);
}

#[test]
fn check_every_threshold() {
    let config = config(&[(Signal::MemoryAvailable, 10, 60), (Signal::ImagefsAvailable, 10, 0)]);
    let see =
        |seconds, images| left(seconds, &[(Signal::MemoryAvailable, 5), (Signal::ImagefsAvailable, images)]);
    let both = |checked| {
        both_watch(&config, DiskLayout::One).map(|mut watched| {
            let said = watched.tick(0, &[see(0, 5), checked]);
            assert_eq!(said[2..4], ["frees dead containers", "frees unused images"]);
            said[4..].to_vec()
        })
    };
    // Images are enough for the disk; memory is still low, and may be for a minute.
    let [right, kubelet] = both(see(1, 50));
    assert!(right.is_empty());
    assert_eq!(kubelet, ["evicts"]);
    // The same measurement as before.
    let [right, kubelet] = both(see(0, 5));
    assert!(right.is_empty());
    assert_eq!(kubelet, ["evicts"]);
    let [right, kubelet] = both(Err(()));
    assert_eq!(right, ["observationFailed"]);
    assert_eq!(kubelet, ["observationFailed", "evicts"]);
}

#[test]
fn count_refused_evictions() {
    let low = left(0, &[(Signal::MemoryAvailable, 5)]);
    let config = config(&[(Signal::MemoryAvailable, 10, 0)]);
    let [right, kubelet] = both_watch(&config, DiskLayout::One).map(|mut watched| {
        watched.refuses = true;
        assert_eq!(watched.tick(0, &[low]), ["MemoryPressure", "evicts", "evictionRefused"]);
        watched.manager.next_wakeup()
    });
    assert_eq!(right, Some(at(10)), "the next tick");
    assert_eq!(kubelet, Some(at(30)), "when the pod should have been gone");
}

#[test]
fn forget_eviction_state() {
    let low = |seconds| left(seconds, &[(Signal::MemoryAvailable, 5)]);
    let config = config(&[(Signal::MemoryAvailable, 10, 30)]);
    let [right, kubelet] = both_watch(&config, DiskLayout::One).map(|mut watched| {
        assert_eq!(watched.tick(0, &[low(0)]), ["MemoryPressure"]);
        watched.hand(10, Event::AgentStarted { epoch: 2 });
        let pressures = watched.manager.pressures();
        let operation = OperationId { epoch: 2, seq: 0 };
        let outcome = watched.observe(&low(10));
        watched.hand(10, Event::Done { operation, outcome });
        (pressures.is_empty(), watched.tick(30, &[low(30)]))
    });
    assert_eq!(right, (false, vec!["evicts".to_owned()]));
    assert_eq!(kubelet, (true, Vec::new()));
}
