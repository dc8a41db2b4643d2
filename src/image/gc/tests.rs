use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::behaviour::{Behaviour, FeatureGates};
use crate::machine::{Machine, OperationId, Snapshots, Timestamp};

const NOW: Timestamp = Timestamp::from_unix_seconds(10_000);
const FULL: ImageFilesystem = ImageFilesystem { capacity_bytes: 1000, available_bytes: 0 };

fn seen(listing: &str, gates: &str) -> ImageInventory {
    ImageInventory::new(&serde_json::from_str(listing).unwrap(), gates.parse().unwrap())
}

fn plan(records: &ImageRecords, scope: ImageGcScope) -> Vec<String> {
    let context = ImageGcContext { now: NOW, began: Timestamp::UNIX_EPOCH, scope };
    let plan = image_gc_plan(records, &ImageGcPolicy::default(), context, FULL, &Behaviour::default());
    plan.iter().map(ToString::to_string).collect()
}

#[test]
fn an_image_of_several_handlers_frees_its_room_with_the_last() {
    let listing = r#"{"images": [
        {"id": "a", "runtimeHandler": "kata", "sizeBytes": 150}, {"id": "a", "sizeBytes": 150},
        {"id": "b", "sizeBytes": 100}, {"id": "b", "runtimeHandler": "kata", "sizeBytes": 100}],
        "containers": [{"image": "b", "runtimeHandler": "kata"}]}"#;
    let mut records = ImageRecords::default();
    records.detect_existing(&seen(listing, "RuntimeClassInImageCriApi=true"), NOW);
    let why = "images take room on a disk that is 100 % full, and";
    assert_eq!(
        plan(&records, ImageGcScope::All),
        [
            format!("a: {why} 200 bytes are to be freed; frees 0 bytes"),
            format!("a for kata: {why} 200 bytes are to be freed; frees 150 bytes"),
            format!("b: {why} 50 bytes are to be freed; frees 0 bytes"),
        ]
    );
}

#[test]
fn a_no_cache_image_goes_as_soon_as_nobody_uses_it() {
    let listing = |user: &str| {
        format!(
            r#"{{"images": [{{"id": "secret", "sizeBytes": 5}}, {{"id": "fixed", "pinned": true}},
            {{"id": "next"}}, {{"id": "other"}}], "containers": [{{"image": "{user}"}}],
            "needed": ["next"], "noCache": ["secret", "fixed", "next"]}}"#
        )
    };
    let mut records = ImageRecords::default();
    records.detect(&seen(&listing("secret"), ""), NOW);
    assert!(plan(&records, ImageGcScope::NoCache).is_empty());
    // Seen just now, and marked no more.
    let unmarked = listing("other").replace(r#""secret", "fixed""#, r#""fixed""#);
    records.detect(&seen(&unmarked, ""), NOW);
    let gone = ["secret: it is not to be kept, and nobody uses it any more; frees 5 bytes"];
    assert_eq!(plan(&records, ImageGcScope::NoCache), gone);
    assert_eq!(plan(&records, ImageGcScope::All), gone);
}

#[test]
fn what_was_there_before_anyone_looked_is_not_too_young() {
    let [mut existing, mut new] = [ImageRecords::default(), ImageRecords::default()];
    let seen = seen(r#"{"images": [{"id": "a"}]}"#, "");
    existing.detect_existing(&seen, NOW);
    new.detect(&seen, NOW);
    let why = "a: nobody uses it, and room is needed; frees 0 bytes";
    assert_eq!(plan(&existing, ImageGcScope::Unused), [why]);
    assert!(plan(&new, ImageGcScope::Unused).is_empty());
}

/// A machine on a node whose images and disk are given.
struct Rig {
    machine: ImageGc,
    seen: Arc<ImageInventory>,
    disk: ImageFilesystem,
}

impl Rig {
    fn new(policy: ImageGcPolicy, listing: &str) -> Self {
        let config = ImageGcConfig { policy, ..ImageGcConfig::default() };
        let machine = ImageGc::new(config, Arc::new(Behaviour::default()), NOW).unwrap();
        Self { machine, seen: Arc::new(seen(listing, "")), disk: FULL }
    }

    /// What the machine asks for until it rests; removals fail.
    fn told(&mut self, now: Timestamp, event: ImageGcEvent) -> Vec<ImageGcAction> {
        let (mut actions, mut next) = (Vec::new(), Some(event));
        while let Some(event) = next.take() {
            let from = actions.len();
            self.machine.step(now, event, &mut actions);
            let answer = actions.iter().skip(from).find_map(|action| match action {
                ImageGcAction::Observe { operation } => {
                    Some((*operation, ImageGcOutcome::Observed(Arc::clone(&self.seen))))
                }
                ImageGcAction::Measure { operation } => {
                    Some((*operation, ImageGcOutcome::Measured(self.disk)))
                }
                ImageGcAction::Remove { operation, .. } => {
                    Some((*operation, ImageGcOutcome::Failed("device is busy".into())))
                }
                _ => None,
            });
            next = answer.map(|(operation, outcome)| ImageGcEvent::Done { operation, outcome });
        }
        actions
    }
}

fn warnings(actions: &[ImageGcAction]) -> Vec<&'static str> {
    let reason = |action: &ImageGcAction| match action {
        ImageGcAction::Warn { reason, .. } => Some(*reason),
        _ => None,
    };
    actions.iter().filter_map(reason).collect()
}

#[test]
fn a_second_failure_in_a_row_is_a_warning() {
    let mut rig = Rig::new(ImageGcPolicy::default(), r#"{"images": []}"#);
    let started = rig.told(NOW, ImageGcEvent::AgentStarted { epoch: 1 });
    assert_eq!(warnings(&started), ["FreeDiskSpaceFailed"]);
    let later = rig.machine.next_wakeup().unwrap();
    assert_eq!(later, NOW + Duration::from_secs(300));
    let again = rig.told(later, ImageGcEvent::PodGone);
    assert_eq!(warnings(&again), ["FreeDiskSpaceFailed", "ImageGCFailed"]);
    rig.disk.capacity_bytes = 0;
    let unmeasured = rig.told(later + Duration::from_secs(300), ImageGcEvent::PodGone);
    assert_eq!(warnings(&unmeasured), ["InvalidDiskCapacity", "ImageGCFailed"]);
}

#[test]
fn without_thresholds_the_disk_is_not_measured_and_evictions_are_served() {
    let policy = ImageGcPolicy { high_threshold_percent: 100, ..ImageGcPolicy::default() };
    let mut rig = Rig::new(policy, r#"{"images": [{"id": "a"}]}"#);
    let started = rig.told(NOW, ImageGcEvent::AgentStarted { epoch: 1 });
    assert!(matches!(&*started, [ImageGcAction::Observe { .. }]), "{started:?}");
    let request = OperationId { epoch: 7, seq: 7 };
    let asked = rig.told(NOW, ImageGcEvent::DeleteUnused { request });
    let [.., ImageGcAction::Reclaimed { request: answered, result: Err(error) }] = &*asked else {
        panic!("{asked:?}")
    };
    assert_eq!(*answered, request);
    assert_eq!(
        &**error,
        "wanted to free 9223372036854775807 bytes, but freed 0 bytes space with errors in image deletion: \
         device is busy"
    );
}

#[test]
fn what_comes_to_be_needed_in_a_collection_stays() {
    let images = r#"{"images": [{"id": "a"}, {"id": "b"}, {"id": "c"}]}"#;
    let mut rig = Rig::new(ImageGcPolicy::default(), images);
    let mut actions = Vec::new();
    rig.machine.step(NOW, ImageGcEvent::AgentStarted { epoch: 1 }, &mut actions);
    let Some(ImageGcAction::Observe { operation }) = actions.pop() else { panic!("{actions:?}") };
    // A pod comes while the look is under way, another one while an image is removed.
    rig.machine.step(NOW, ImageGcEvent::Needed { id: "a".into() }, &mut actions);
    let outcome = ImageGcOutcome::Observed(Arc::clone(&rig.seen));
    rig.machine.step(NOW, ImageGcEvent::Done { operation, outcome }, &mut actions);
    let Some(ImageGcAction::Measure { operation }) = actions.pop() else { panic!("{actions:?}") };
    let outcome = ImageGcOutcome::Measured(FULL);
    rig.machine.step(NOW, ImageGcEvent::Done { operation, outcome }, &mut actions);
    let Some(ImageGcAction::Remove { operation, removal }) = actions.pop() else { panic!("{actions:?}") };
    assert_eq!(&*removal.id, "b");
    rig.machine.step(NOW, ImageGcEvent::Needed { id: "c".into() }, &mut actions);
    rig.machine.step(NOW, ImageGcEvent::Done { operation, outcome: ImageGcOutcome::Removed }, &mut actions);
    assert_eq!(warnings(&actions), ["FreeDiskSpaceFailed"], "and nothing else goes");
    let left: Vec<_> = rig.machine.records().iter().map(|record| &*record.id).collect();
    assert_eq!(left, ["a", "c"]);
}

/// A machine that has come to rest after its first look, at `NOW`.
fn rested(policy: ImageGcPolicy, listing: &str) -> Rig {
    let mut rig = Rig::new(policy, listing);
    rig.disk.available_bytes = rig.disk.capacity_bytes;
    rig.told(NOW, ImageGcEvent::AgentStarted { epoch: 1 });
    rig
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn an_image_of_exactly_the_maximum_age_stays() {
    let hour = 60 * MINUTE;
    let policy = ImageGcPolicy { maximum_age: hour, ..ImageGcPolicy::default() };
    let mut records = ImageRecords::default();
    records.detect(&seen(r#"{"images": [{"id": "a"}]}"#, ""), NOW);
    let plan = |now| {
        let context = ImageGcContext { now, began: Timestamp::UNIX_EPOCH, scope: ImageGcScope::All };
        let empty = ImageFilesystem { available_bytes: 1000, ..FULL };
        image_gc_plan(&records, &policy, context, empty, &Behaviour::default()).len()
    };
    assert_eq!((plan(NOW + hour), plan(NOW + hour + Duration::from_nanos(1))), (0, 1));
}

#[test]
fn looks_for_pods_that_are_gone_do_not_put_off_the_collection() {
    let mut rig = rested(ImageGcPolicy::default(), r#"{"images": []}"#);
    let is_collection = |actions: &[ImageGcAction]| {
        actions.iter().any(|action| matches!(action, ImageGcAction::Measure { .. }))
    };
    for minutes in [2, 4] {
        assert!(!is_collection(&rig.told(NOW + minutes * MINUTE, ImageGcEvent::PodGone)));
    }
    assert_eq!(rig.machine.next_wakeup(), Some(NOW + 5 * MINUTE));
    assert!(is_collection(&rig.told(NOW + 5 * MINUTE, ImageGcEvent::PodGone)));
}

#[test]
fn what_comes_in_a_look_is_looked_at_right_after_it() {
    let mut rig = rested(ImageGcPolicy::default(), r#"{"images": []}"#);
    let request = OperationId { epoch: 7, seq: 7 };
    for event in [ImageGcEvent::PodGone, ImageGcEvent::DeleteUnused { request }] {
        let mut actions = Vec::new();
        rig.machine.step(NOW + MINUTE, ImageGcEvent::PodGone, &mut actions);
        let Some(ImageGcAction::Observe { operation }) = actions.pop() else { panic!("{actions:?}") };
        rig.machine.step(NOW + MINUTE, event, &mut actions);
        assert!(actions.is_empty());
        let outcome = ImageGcOutcome::Observed(Arc::clone(&rig.seen));
        rig.machine.step(NOW + MINUTE, ImageGcEvent::Done { operation, outcome }, &mut actions);
        let Some(ImageGcAction::Observe { operation }) = actions.pop() else { panic!("{actions:?}") };
        let outcome = ImageGcOutcome::Failed("no answer".into());
        rig.machine.step(NOW + MINUTE, ImageGcEvent::Done { operation, outcome }, &mut actions);
        assert_eq!(rig.machine.next_wakeup(), Some(NOW + 5 * MINUTE));
    }
}

#[test]
fn an_image_that_was_removed_and_is_there_again_is_new() {
    let mut rig = rested(ImageGcPolicy::default(), r#"{"images": [{"id": "a", "sizeBytes": 5}]}"#);
    rig.disk = FULL;
    let (mut actions, later) = (Vec::new(), NOW + 5 * MINUTE);
    rig.machine.wake(later, &mut actions);
    for n in 0..3 {
        let (operation, outcome) = match actions.pop() {
            Some(ImageGcAction::Observe { operation }) => {
                (operation, ImageGcOutcome::Observed(Arc::clone(&rig.seen)))
            }
            Some(ImageGcAction::Measure { operation }) => (operation, ImageGcOutcome::Measured(FULL)),
            Some(ImageGcAction::Remove { operation, .. }) => (operation, ImageGcOutcome::Removed),
            other => panic!("{n}: {other:?}"),
        };
        actions.clear();
        rig.machine.step(later, ImageGcEvent::Done { operation, outcome }, &mut actions);
    }
    assert_eq!(rig.machine.records().iter().count(), 0);
    rig.told(later + MINUTE, ImageGcEvent::PodGone);
    let found: Vec<_> = rig.machine.records().iter().map(|record| record.first_detected).collect();
    assert_eq!(found, [Some(later + MINUTE)]);
}

#[test]
fn without_its_gate_a_maximum_age_does_not_bring_the_disk_into_it() {
    let policy =
        ImageGcPolicy { high_threshold_percent: 100, maximum_age: 60 * MINUTE, ..ImageGcPolicy::default() };
    let gates: FeatureGates = "ImageMaximumGCAge=false".parse().unwrap();
    let config = ImageGcConfig { policy, ..ImageGcConfig::default() };
    let behaviour = Arc::new(Behaviour { gates, ..Behaviour::default() });
    let mut rig = rested(policy, r#"{"images": [{"id": "a"}]}"#);
    rig.machine = ImageGc::new(config, behaviour, NOW).unwrap();
    rig.disk = FULL;
    let started = rig.told(NOW, ImageGcEvent::AgentStarted { epoch: 1 });
    assert!(matches!(&*started, [ImageGcAction::Observe { .. }]), "{started:?}");
}

#[test]
fn a_clock_that_was_set_back_makes_no_image_younger() {
    let policy = ImageGcPolicy { maximum_age: 60 * MINUTE, ..ImageGcPolicy::default() };
    let used = r#"{"images": [{"id": "a"}, {"id": "b"}], "containers": [{"image": "b"}]}"#;
    let mut rig = rested(policy, used);
    let unused =
        used.replace(r#"{"image": "b"}"#, "").replace(r#"{"id": "b"}"#, r#"{"id": "b"}, {"id": "c"}"#);
    rig.seen = Arc::new(seen(&unused, ""));
    rig.told(NOW + 20 * MINUTE, ImageGcEvent::PodGone);
    // In the midst of a collection.
    let (mut actions, late) = (Vec::new(), NOW + 25 * MINUTE);
    rig.machine.wake(late, &mut actions);
    let Some(ImageGcAction::Observe { operation }) = actions.pop() else { panic!("{actions:?}") };
    let outcome = ImageGcOutcome::Observed(Arc::clone(&rig.seen));
    rig.machine.step(late, ImageGcEvent::Done { operation, outcome }, &mut actions);
    let before = serde_json::to_value(rig.machine.snapshot()).unwrap();

    let day = 24 * 60 * MINUTE;
    let environment = (ImageGcConfig { policy, ..ImageGcConfig::default() }, Arc::new(Behaviour::default()));
    let earlier = late.moved_back(day);
    let again = ImageGc::restore(rig.machine.snapshot(), environment, earlier).unwrap();
    let times = |value: &serde_json::Value| {
        let mut times = Vec::new();
        let mut left = vec![value.clone()];
        while let Some(value) = left.pop() {
            match value {
                serde_json::Value::Array(values) => left.extend(values),
                serde_json::Value::Object(fields) => left.extend(fields.into_iter().map(|(_, value)| value)),
                value => times.extend(value.as_str().and_then(|text| text.parse::<Timestamp>().ok())),
            }
        }
        times
    };
    let expected: Vec<_> = times(&before).into_iter().map(|time| time.moved_back(day)).collect();
    assert_eq!(expected.len(), 9, "{before}");
    assert_eq!(times(&serde_json::to_value(again.snapshot()).unwrap()), expected);

    rig.machine = again;
    rig.disk.available_bytes = rig.disk.capacity_bytes;
    let removed = |actions: &[ImageGcAction]| {
        let remove = |action: &ImageGcAction| match action {
            ImageGcAction::Remove { removal, .. } => Some(removal.id.to_string()),
            _ => None,
        };
        actions.iter().filter_map(remove).collect::<Vec<_>>()
    };
    let at = |minutes| NOW.moved_back(day) + minutes * MINUTE;
    rig.told(at(60), ImageGcEvent::AgentStarted { epoch: 2 });
    assert_eq!(removed(&rig.told(at(65), ImageGcEvent::PodGone)), ["a", "b"]);
}

#[test]
fn nothing_is_due_at_the_end_of_time() {
    let policy = ImageGcPolicy { high_threshold_percent: 100, ..ImageGcPolicy::default() };
    let mut rig = Rig::new(policy, r#"{"images": [{"id": "a"}]}"#);
    let mut actions = Vec::new();
    rig.machine.step(Timestamp::MAX, ImageGcEvent::AgentStarted { epoch: 1 }, &mut actions);
    assert_eq!(rig.machine.next_wakeup(), None);
}

#[test]
fn records_that_were_stored_in_any_order_are_read() {
    let mut records = ImageRecords::default();
    records.detect(&seen(r#"{"images": [{"id": "a"}, {"id": "b"}], "noCache": ["b"]}"#, ""), NOW);
    let mut stored = serde_json::to_value(&records).unwrap();
    stored["records"].as_array_mut().unwrap().reverse();
    assert_eq!(serde_json::from_value::<ImageRecords>(stored).unwrap(), records);
    assert!(!ImageInventory::new(&ImageListing::default(), FeatureGates::default()).in_use().any(|_| true));
}
