//! Each fault of the kubelet 1.32 with images that can be copied: what is right, and what the kubelet does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::image::{
    ImageCollection, ImageFilesystem, ImageGc, ImageGcAction, ImageGcConfig, ImageGcContext, ImageGcEvent,
    ImageGcOutcome, ImageGcPolicy, ImageGcScope, ImageGcStep, ImageInventory, ImageListing, ImageRecords,
    ImageUser, ListedImage, image_gc_plan,
};
use node_lifecycle::machine::{Machine, Snapshots, Timestamp};

const HOUR: u64 = 3600;
const EMPTY: ImageFilesystem = ImageFilesystem { capacity_bytes: 1000, available_bytes: 1000 };
const FULL: ImageFilesystem = ImageFilesystem { capacity_bytes: 1000, available_bytes: 0 };

/// As it is right, and as the kubelet 1.32 has it.
fn both<T>(answer: impl Fn(&Arc<Behaviour>) -> T) -> [T; 2] {
    [Compat::default(), Compat::kubelet_1_32()]
        .map(|compat| answer(&Arc::new(Behaviour { compat, ..Behaviour::default() })))
}

fn at(hours: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(hours * HOUR)
}

fn image(id: &str) -> ListedImage {
    ListedImage { id: id.into(), size_bytes: 100, ..ListedImage::default() }
}

fn inventory(ids: &[&str]) -> ImageInventory {
    let images = ids.iter().map(|id| image(id)).collect();
    ImageInventory::new(&ImageListing { images, ..ImageListing::default() }, Behaviour::default().gates)
}

/// A maximum age of a day.
fn policy() -> ImageGcPolicy {
    ImageGcPolicy { maximum_age: Duration::from_secs(24 * HOUR), ..ImageGcPolicy::default() }
}

/// Of unused images that are seen after so many hours, those that go after a hundred.
fn gone(first_seen: &[(&str, u64)], disk: ImageFilesystem, policy: ImageGcPolicy) -> [Vec<String>; 2] {
    both(|behaviour| {
        let mut records = ImageRecords::default();
        for n in 1..=first_seen.len() {
            let ids: Vec<_> = first_seen.iter().take(n).map(|(id, _)| *id).collect();
            records.detect(&inventory(&ids), at(first_seen[n - 1].1));
        }
        let context = ImageGcContext { now: at(100), began: at(0), scope: ImageGcScope::All };
        let plan = image_gc_plan(&records, &policy, context, disk, behaviour);
        plan.iter().map(|removal| removal.id.to_string()).collect()
    })
}

#[test]
fn age_by_last_use_only() {
    let [right, kubelet] = gone(&[("old", 1), ("fetched-ahead", 99), ("new", 100)], EMPTY, policy());
    assert_eq!(right, ["old"]);
    assert_eq!(kubelet, ["old", "fetched-ahead", "new"]);
}

#[test]
fn remove_an_image_for_nothing() {
    let policy =
        ImageGcPolicy { high_threshold_percent: 50, low_threshold_percent: 50, ..ImageGcPolicy::default() };
    let disk = ImageFilesystem { capacity_bytes: 1000, available_bytes: 505 };
    let [right, kubelet] = gone(&[("a", 99), ("b", 99)], disk, policy);
    assert_eq!(disk.used_percent(), Some(50));
    assert!(right.is_empty());
    assert_eq!(kubelet, ["a"]);
}

#[test]
fn skip_disk_after_failed_age() {
    let [right, kubelet] = both(|behaviour| {
        // What was never used is old for the kubelet, so one of them is used for a while.
        let used = ImageListing {
            images: ["stuck", "unused"].map(image).into(),
            containers: vec![ImageUser { image: "unused".into(), ..ImageUser::default() }],
            ..ImageListing::default()
        };
        let mut seen = ImageRecords::default();
        seen.detect(&inventory(&["stuck"]), at(0));
        seen.detect(&ImageInventory::new(&used, behaviour.gates), at(99));
        seen.detect(&inventory(&["stuck", "unused"]), at(100));
        let context = ImageGcContext { now: at(100), began: at(0), scope: ImageGcScope::All };
        let mut collection = ImageCollection::begin(&seen, &policy(), context, behaviour);
        let mut removed = Vec::new();
        loop {
            match collection.next_step(&seen) {
                ImageGcStep::Remove(removal) if &*removal.id == "stuck" => {
                    collection.finished(&mut seen, Err("device is busy".into()));
                }
                ImageGcStep::Remove(removal) => {
                    removed.push(removal.id.to_string());
                    collection.finished(&mut seen, Ok(()));
                }
                ImageGcStep::Measure => collection.measured(&seen, Ok(FULL)),
                ImageGcStep::Done => break,
            }
        }
        let errors: Vec<_> = collection.errors().iter().map(ToString::to_string).collect();
        (removed, errors)
    });
    let too_old =
        "wanted to free images older than 24h0m0s, encountered errors in image deletion: device is busy";
    let too_full = "Failed to garbage collect required amount of images. Attempted to free 200 bytes, \
                    but only found 100 bytes eligible to free.";
    assert_eq!(right, (vec!["unused".to_owned()], vec![too_old.to_owned(), too_full.to_owned()]));
    assert_eq!(kubelet, (vec![], vec![too_old.to_owned()]));
}

#[test]
fn forget_image_ages() {
    let [right, kubelet] = both(|behaviour| {
        let config = ImageGcConfig { policy: policy(), ..ImageGcConfig::default() };
        let mut images = ImageGc::new(config, Arc::clone(behaviour), at(0)).unwrap();
        // A look at two images; returns what is to be removed, which never ends.
        let look = |images: &mut ImageGc, now: Timestamp, epoch| {
            let (mut actions, mut removed) = (Vec::new(), Vec::new());
            images.step(now, ImageGcEvent::AgentStarted { epoch }, &mut actions);
            while let Some(action) = actions.pop() {
                let (operation, outcome) = match action {
                    ImageGcAction::Observe { operation } => {
                        (operation, ImageGcOutcome::Observed(inventory(&["a", "b"]).into()))
                    }
                    ImageGcAction::Measure { operation } => (operation, ImageGcOutcome::Measured(EMPTY)),
                    ImageGcAction::Remove { operation, removal } => {
                        removed.push(removal.id.to_string());
                        (operation, ImageGcOutcome::Failed("device is busy".into()))
                    }
                    _ => continue,
                };
                images.step(now, ImageGcEvent::Done { operation, outcome }, &mut actions);
            }
            removed
        };
        assert!(look(&mut images, at(0), 1).is_empty());
        let stored = serde_json::to_string(&images.snapshot()).unwrap();
        let environment = (config, Arc::clone(behaviour));
        let mut again =
            ImageGc::restore(serde_json::from_str(&stored).unwrap(), environment, at(25)).unwrap();
        look(&mut again, at(25), 2)
    });
    assert_eq!(right, ["a", "b"]);
    assert!(kubelet.is_empty(), "the maximum age starts anew");
}
