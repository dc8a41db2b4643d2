//! Each fault of the kubelet 1.32 with images that can be copied: what is right, and what the kubelet does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::ImagePullPolicy;
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::image::{
    Coordinates, ImageCollection, ImageFilesystem, ImageGc, ImageGcAction, ImageGcConfig, ImageGcContext,
    ImageGcEvent, ImageGcOutcome, ImageGcPolicy, ImageGcScope, ImageGcStep, ImageInventory, ImageListing,
    ImageRecords, ImageUser, Keyring, ListedImage, PullConfig, PullId, PullRateLimit, PullRequest,
    PullSecret, PullUrgency, Puller, PullerAction, PullerEvent, PullerOutcome, image_gc_plan,
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

fn wants(name: &str, image: &str, urgency: PullUrgency) -> PullerEvent {
    let id = PullId::Container { pod: name.into(), name: "app".into() };
    let policy = ImagePullPolicy::Always;
    PullerEvent::Wanted(Arc::new(PullRequest { policy, urgency, ..PullRequest::new(id, image) }))
}

/// What is said of a pull, in order.
fn said(actions: &[PullerAction]) -> Vec<String> {
    let line = |action: &PullerAction| match action {
        PullerAction::Pull { image, .. } => Some(format!("pull {image}")),
        PullerAction::Record { event, .. } => Some(event.message.to_string()),
        _ => None,
    };
    actions.iter().filter_map(line).collect()
}

/// Answers the last pull that was asked for.
fn end(puller: &mut Puller, now: Timestamp, actions: &mut Vec<PullerAction>, outcome: PullerOutcome) {
    let last = actions.iter().rev().find(|action| matches!(action, PullerAction::Pull { .. }));
    let operation = last.and_then(PullerAction::operation).unwrap();
    actions.clear();
    puller.step(now, PullerEvent::Done { operation, outcome }, actions);
}

#[test]
fn keep_pull_back_off() {
    let rate_limit = PullRateLimit { tokens: 1, period: Duration::from_secs(60), burst: 2 };
    let [right, kubelet] = both(|behaviour| {
        let config = PullConfig { rate_limit: Some(rate_limit), ..PullConfig::default() };
        let mut puller = Puller::new(config, Arc::clone(behaviour), at(0)).unwrap();
        let mut actions = Vec::new();
        let mut delays = Vec::new();
        let request = PullRequest::new(PullId::Container { pod: "p1".into(), name: "app".into() }, "app:1");
        let failed = || PullerOutcome::Failed("boom".into());
        let pulled = || PullerOutcome::Pulled { image_ref: "sha256:1".into(), size_bytes: 1 };
        let later = |seconds| at(0) + Duration::from_secs(seconds);

        puller.step(at(0), wants("p1", "app:1", PullUrgency::default()), &mut actions);
        end(&mut puller, at(0), &mut actions, failed());
        puller.step(later(10), wants("p1", "app:1", PullUrgency::default()), &mut actions);
        end(&mut puller, later(10), &mut actions, pulled());
        delays.push(puller.back_off(&request).as_secs());
        // There is no token left until the first minute is over.
        actions.clear();
        puller.step(later(20), wants("p1", "app:1", PullUrgency::default()), &mut actions);
        delays.push(puller.back_off(&request).as_secs());
        if let Some(due) = puller.next_wakeup() {
            puller.wake(due, &mut actions);
            assert_eq!(due, later(60));
        }
        (delays, said(&actions))
    });
    assert_eq!(right, (vec![0, 0], vec!["Pulling image \"app:1\"".to_owned(), "pull app:1".to_owned()]));
    let refused = "Failed to pull image \"app:1\": pull QPS exceeded";
    assert_eq!(kubelet, (vec![10, 20], vec!["Pulling image \"app:1\"".to_owned(), refused.to_owned()]));
}

#[test]
fn pull_in_order_of_arrival() {
    let [right, kubelet] = both(|behaviour| {
        let mut puller = Puller::new(PullConfig::default(), Arc::clone(behaviour), at(0)).unwrap();
        let mut actions = Vec::new();
        let critical = PullUrgency { node_critical: true, ..PullUrgency::default() };
        for (image, urgency) in
            [("first", PullUrgency::default()), ("batch", PullUrgency::default()), ("network", critical)]
        {
            puller.step(at(0), wants(image, image, urgency), &mut actions);
        }
        let image_ref = "sha256:1".into();
        end(&mut puller, at(1), &mut actions, PullerOutcome::Pulled { image_ref, size_bytes: 1 });
        said(&actions).pop()
    });
    assert_eq!(right.as_deref(), Some("pull network:latest"));
    assert_eq!(kubelet.as_deref(), Some("pull batch:latest"));
}

fn secret(name: &str, config: &str) -> PullSecret {
    PullSecret {
        coordinates: Coordinates { namespace: "shop".into(), name: name.into(), uid: name.into() },
        kind: "kubernetes.io/dockerconfigjson".into(),
        data: [(".dockerconfigjson".to_owned(), config.as_bytes().to_vec())].into(),
    }
}

fn users(keyring: &Keyring, image: &str) -> Vec<String> {
    keyring.lookup(image).iter().map(|entry| entry.credentials.username.clone()).collect()
}

#[test]
fn match_pull_secrets_by_prefix() {
    let secrets = [secret("a", r#"{"auths": {"r.example/team": {"username": "team"}}}"#)];
    let [right, kubelet] = [Compat::default(), Compat::kubelet_1_32()].map(|compat| {
        let (keyring, faults) = Keyring::of_secrets(&secrets, compat).unwrap();
        assert!(faults.is_empty());
        ["r.example/team", "r.example/team/web", "r.example/teamx"].map(|image| users(&keyring, image).len())
    });
    assert_eq!(right, [1, 1, 0]);
    assert_eq!(kubelet, [1, 1, 1]);
}

#[test]
fn fail_on_bad_pull_secret() {
    let secrets = [
        secret(
            "typo",
            r#"{"auths": {"q.example": {"auth": "hunter2!"}, "r.example/a": {"username": "same secret"}}}"#,
        ),
        secret("no-json", r#"{"auths": {"r.example": {"password": "hunter2"}}"#),
        secret("well", r#"{"auths": {"r.example": {"username": "other secret"}}}"#),
    ];
    let (keyring, faults) = Keyring::of_secrets(&secrets, Compat::default()).unwrap();
    assert_eq!(users(&keyring, "r.example/a/web"), ["same secret", "other secret"]);
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "secret shop/typo: registry q.example: auth is no base64: expected user:password in base64",
            "secret shop/no-json: no JSON at line 1 column 48: expected Docker's configuration",
        ]
    );

    let error = Keyring::of_secrets(&secrets, Compat::kubelet_1_32()).unwrap_err();
    assert_eq!(error.to_string(), faults[0]);
}
