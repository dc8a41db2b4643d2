//! Laws of the garbage collection of images, under random images, users, failures and events.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test, a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::behaviour::{Behaviour, Compat, Feature};
use node_lifecycle::image::{
    ImageCollection, ImageFilesystem, ImageGc, ImageGcAction, ImageGcConfig, ImageGcContext, ImageGcEvent,
    ImageGcOutcome, ImageGcPolicy, ImageGcReason, ImageGcScope, ImageGcStep, ImageInventory, ImageListing,
    ImageRecord, ImageRecords, ImageRemoval, ImageUser, ListedImage, image_gc_plan,
};
use node_lifecycle::machine::{Machine, OperationId, Snapshots, Timestamp};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

const IDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const HANDLERS: [&str; 3] = ["", "gvisor", "kata"];

fn name() -> impl Strategy<Value = Arc<str>> {
    select(vec!["a", "b", "c", "d", "e", "f", "name-of-a", "name-of-b", "nowhere"]).prop_map(Arc::from)
}

/// Sizes of which few are alike, and some that no disk has.
fn size() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..300_u64, 1 => Just(u64::MAX)]
}

fn listing() -> impl Strategy<Value = ImageListing> {
    let handler = || select(HANDLERS.to_vec());
    let image = (select(IDS.to_vec()), handler(), size(), prop::bool::weighted(0.1));
    let image = image.prop_map(|(id, handler, size_bytes, pinned)| ListedImage {
        id: id.into(),
        runtime_handler: handler.into(),
        names: vec![format!("name-of-{id}").into()],
        size_bytes,
        pinned,
    });
    let user = (name(), handler(), vec(name(), 0..2)).prop_map(|(image, handler, image_mounts)| ImageUser {
        image,
        runtime_handler: handler.into(),
        image_mounts,
    });
    let sandbox = prop::option::weighted(0.1, name());
    let parts =
        (vec(image, 0..12), vec(user, 0..3), sandbox, btree_set(name(), 0..2), btree_set(name(), 0..2));
    parts.prop_map(|(images, containers, sandbox_image, needed, no_cache)| ImageListing {
        images,
        containers,
        sandbox_image,
        needed,
        no_cache,
    })
}

fn policy() -> impl Strategy<Value = ImageGcPolicy> {
    let age = || prop_oneof![8 => (0..60_u64).prop_map(Duration::from_secs), 1 => Just(Duration::MAX)];
    (0..=100, 0..=100, age(), age()).prop_map(|(a, b, minimum_age, maximum_age): (i32, i32, _, _)| {
        ImageGcPolicy {
            high_threshold_percent: a.max(b),
            low_threshold_percent: a.min(b),
            minimum_age,
            maximum_age,
        }
    })
}

fn disk() -> impl Strategy<Value = ImageFilesystem> {
    let bytes = || prop_oneof![8 => 0..1500_u64, 1 => Just(u64::MAX)];
    (bytes(), bytes())
        .prop_map(|(capacity_bytes, available_bytes)| ImageFilesystem { capacity_bytes, available_bytes })
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    let gates = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.9));
    let compat = select(vec![Compat::default(), Compat::kubelet_1_32()]);
    (gates, compat).prop_map(|((handlers, volumes, maximum_age), compat)| {
        let gates = Behaviour::default()
            .gates
            .with(Feature::RuntimeClassInImageCriApi, handlers)
            .with(Feature::ImageVolume, volumes)
            .with(Feature::ImageMaximumGCAge, maximum_age);
        Behaviour { gates, compat }
    })
}

fn scope() -> impl Strategy<Value = ImageGcScope> {
    select(vec![ImageGcScope::NoCache, ImageGcScope::Unused, ImageGcScope::All])
}

/// A node whose images were looked at several times, at growing times.
#[derive(Debug, Clone)]
struct Node {
    looks: Vec<(u64, ImageListing)>,
    policy: ImageGcPolicy,
    disk: ImageFilesystem,
    scope: ImageGcScope,
    behaviour: Behaviour,
}

fn node() -> impl Strategy<Value = Node> {
    (vec((0..50_u64, listing()), 1..5), policy(), disk(), scope(), behaviour())
        .prop_map(|(looks, policy, disk, scope, behaviour)| Node { looks, policy, disk, scope, behaviour })
}

impl Node {
    /// What is remembered of it after the last look, and when that was.
    fn records(&self) -> (ImageRecords, Timestamp) {
        let (mut records, mut now) = (ImageRecords::default(), Timestamp::UNIX_EPOCH);
        for (n, (seconds, listing)) in self.looks.iter().enumerate() {
            now += Duration::from_secs(*seconds);
            let inventory = ImageInventory::new(listing, self.behaviour.gates);
            if n == 0 {
                records.detect_existing(&inventory, now);
            } else {
                records.detect(&inventory, now);
            }
        }
        (records, now)
    }

    fn context(&self, now: Timestamp) -> ImageGcContext {
        ImageGcContext { now, began: Timestamp::UNIX_EPOCH, scope: self.scope }
    }

    fn plan(&self, records: &ImageRecords, now: Timestamp) -> Vec<ImageRemoval> {
        image_gc_plan(records, &self.policy, self.context(now), self.disk, &self.behaviour)
    }

    /// Collects; removals fail by their number. Returns what was tried, and whether it succeeded.
    fn collect(
        &self,
        records: &mut ImageRecords,
        now: Timestamp,
        fails: &[bool],
    ) -> (Vec<(ImageRemoval, bool)>, ImageCollection) {
        let mut collection =
            ImageCollection::begin(records, &self.policy, self.context(now), &self.behaviour);
        let mut tried = Vec::new();
        loop {
            match collection.next_step(records) {
                ImageGcStep::Remove(removal) => {
                    assert_eq!(collection.next_step(records), ImageGcStep::Remove(removal.clone()));
                    let succeeds = !fails.get(tried.len()).copied().unwrap_or(false);
                    collection.finished(records, if succeeds { Ok(()) } else { Err("busy".into()) });
                    tried.push((removal, succeeds));
                }
                ImageGcStep::Measure => {
                    let available_bytes = self.disk.available_bytes.saturating_add(collection.freed_bytes());
                    collection.measured(records, Ok(ImageFilesystem { available_bytes, ..self.disk }));
                }
                ImageGcStep::Done => break,
            }
        }
        collection.finished(records, Ok(()));
        collection.measured(records, Ok(self.disk));
        assert_eq!(collection.next_step(records), ImageGcStep::Done);
        (tried, collection)
    }
}

fn record<'a>(records: &'a ImageRecords, removal: &ImageRemoval) -> &'a ImageRecord {
    let is_it =
        |record: &&ImageRecord| record.id == removal.id && record.runtime_handler == removal.runtime_handler;
    records.iter().find(is_it).unwrap()
}

const fn phase(reason: ImageGcReason) -> u8 {
    match reason {
        ImageGcReason::NoCache => 0,
        ImageGcReason::MaximumAge { .. } => 1,
        _ => 2,
    }
}

fn total(removals: impl Iterator<Item = u64>) -> u64 {
    removals.fold(0, u64::saturating_add)
}

proptest! {
    #[test]
    fn nothing_goes_that_is_wanted_or_young(node in node(), fails in vec(any::<bool>(), 0..12)) {
        let (mut records, now) = node.records();
        let before = records.clone();
        let (tried, _) = node.collect(&mut records, now, &fails);
        let mut keys = BTreeSet::new();
        for (removal, _) in &tried {
            let record = record(&before, removal);
            prop_assert!(!record.in_use && !record.needed && !record.pinned);
            let is_young = record.first_detected.is_some_and(|first| now - first < node.policy.minimum_age);
            match removal.reason {
                ImageGcReason::NoCache => prop_assert!(record.no_cache),
                ImageGcReason::MaximumAge { .. } if node.behaviour.compat.age_by_last_use_only => {}
                _ => prop_assert!(!is_young),
            }
            prop_assert!(keys.insert((&removal.id, &removal.runtime_handler)), "tried twice");
        }
    }

    #[test]
    fn what_is_used_by_any_name_is_known_to_be(node in node()) {
        let (records, _) = node.records();
        let by_handler = node.behaviour.gates.enabled(Feature::RuntimeClassInImageCriApi);
        let listing = &node.looks.last().unwrap().1;
        for image in &listing.images {
            let handler = if by_handler { &*image.runtime_handler } else { "" };
            let record = records.iter().find(|it| it.id == image.id && &*it.runtime_handler == handler).unwrap();
            let is_named = |name: &Arc<str>| *name == image.id || image.names.contains(name);
            let is_user = |user: &ImageUser| {
                is_named(&user.image) && (!by_handler || user.runtime_handler == image.runtime_handler)
            };
            prop_assert!(record.in_use || !listing.containers.iter().any(is_user));
            prop_assert!(record.in_use || !listing.sandbox_image.iter().any(is_named));
            prop_assert_eq!(record.needed, listing.needed.iter().any(is_named));
            prop_assert!(record.no_cache || !listing.no_cache.iter().any(is_named));
            prop_assert!(record.pinned || !image.pinned);
        }
    }

    #[test]
    fn the_disk_phase_stops_as_soon_as_enough_is_freed(mut node in node(), fails in vec(any::<bool>(), 0..12)) {
        node.behaviour.compat = Compat::default();
        node.scope = ImageGcScope::All;
        let (mut records, now) = node.records();
        let (tried, collection) = node.collect(&mut records, now, &fails);
        let freed = |removals: &[(ImageRemoval, bool)], before_disk: bool| {
            let counts = |(removal, succeeded): &&(ImageRemoval, bool)| {
                *succeeded && (phase(removal.reason) < 2) == before_disk
            };
            total(removals.iter().filter(counts).map(|(removal, _)| removal.frees_bytes))
        };
        let available = node.disk.available_bytes.saturating_add(freed(&tried, true)).min(node.disk.capacity_bytes);
        let low = u128::from(node.disk.capacity_bytes)
            * u128::from(100 - node.policy.low_threshold_percent.unsigned_abs()) / 100;
        for (n, (removal, _)) in tried.iter().enumerate() {
            if let ImageGcReason::DiskSpace { used_percent, missing_bytes } = removal.reason {
                prop_assert!(used_percent >= node.policy.high_threshold_percent);
                let by_now = u128::from(available) + u128::from(freed(&tried[..n], false));
                prop_assert!(by_now < low);
                // More than can be counted is as good as all.
                prop_assert!(u128::from(missing_bytes) == low - by_now || low > i64::MAX as u128);
            }
        }
        // Whoever is not told of a failure has room, or less than the high threshold.
        let after = ImageFilesystem {
            available_bytes: available.saturating_add(freed(&tried, false)),
            ..node.disk
        };
        let is_low = u128::from(after.available_bytes) >= low
            || after.used_percent().is_some_and(|used| used < node.policy.high_threshold_percent);
        prop_assert!(is_low || !collection.errors().is_empty());
    }

    #[test]
    fn to_collect_again_at_once_does_nothing(mut node in node()) {
        node.behaviour.compat = Compat::default();
        let (mut records, now) = node.records();
        let (_, first) = node.collect(&mut records, now, &[]);
        node.disk.available_bytes = node.disk.available_bytes.saturating_add(first.freed_bytes());
        let (tried, second) = node.collect(&mut records, now, &[]);
        prop_assert_eq!((tried, second.freed_bytes()), (vec![], 0));
    }

    #[test]
    fn freed_counts_once_an_id_and_never_for_failures(node in node(), fails in vec(any::<bool>(), 0..12)) {
        let (mut records, now) = node.records();
        let before = records.clone();
        let (tried, collection) = node.collect(&mut records, now, &fails);
        let removed: Vec<_> = tried.iter().filter(|(_, ok)| *ok).map(|(removal, _)| removal).collect();
        prop_assert_eq!(collection.freed_bytes(), total(removed.iter().map(|removal| removal.frees_bytes)));
        for id in IDS {
            let of_id: Vec<_> = removed.iter().filter(|removal| &*removal.id == id).collect();
            let (last, others) = match of_id.split_last() {
                Some((last, others)) => (last, others),
                None => continue,
            };
            prop_assert!(others.iter().all(|removal| removal.frees_bytes == 0));
            let stays = records.iter().any(|record| &*record.id == id);
            prop_assert_eq!(last.frees_bytes, if stays { 0 } else { record(&before, last).size_bytes });
        }
        prop_assert_eq!(records.iter().count() + removed.len(), before.iter().count());
    }

    #[test]
    fn the_order_is_total_and_does_not_hang_on_the_listing(node in node(), seed in any::<u64>()) {
        let (records, now) = node.records();
        let plan = node.plan(&records, now);
        let place = |removal: &ImageRemoval| {
            let record = record(&records, removal);
            let key = (record.last_used, record.first_detected, record.id.clone(), record.runtime_handler.clone());
            (phase(removal.reason), key)
        };
        prop_assert!(plan.iter().map(place).collect::<Vec<_>>().is_sorted_by(|a, b| a < b));
        let mut shuffled = node;
        let key = |text: &str| {
            text.bytes().fold(seed, |key, byte| (key ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15))
        };
        for (_, listing) in &mut shuffled.looks {
            listing.images.sort_by_key(|image| key(&format!("{image:?}")));
            listing.containers.sort_by_key(|user| key(&format!("{user:?}")));
        }
        let (records, now) = shuffled.records();
        prop_assert_eq!(shuffled.plan(&records, now), plan);
    }

    #[test]
    fn a_plan_is_what_is_done_when_all_goes_well(node in node()) {
        let (mut records, now) = node.records();
        let plan = node.plan(&records, now);
        let (tried, collection) = node.collect(&mut records, now, &[]);
        prop_assert_eq!(tried.into_iter().map(|(removal, _)| removal).collect::<Vec<_>>(), plan);
        for removal in collection.errors() {
            prop_assert!(!removal.to_string().is_empty());
        }
    }

    #[test]
    fn a_stored_collection_goes_on(node in node(), fails in vec(any::<bool>(), 0..12)) {
        let (mut records, now) = node.records();
        let mut collection = ImageCollection::begin(&records, &node.policy, node.context(now), &node.behaviour);
        let mut twin = (records.clone(), collection.clone());
        for n in 0.. {
            let text = serde_json::to_string(&(&twin.0, &twin.1)).unwrap();
            twin = serde_json::from_str(&text).unwrap();
            let step = collection.next_step(&records);
            prop_assert_eq!(&twin.1.next_step(&twin.0), &step);
            for (records, collection) in [(&mut records, &mut collection), (&mut twin.0, &mut twin.1)] {
                match step {
                    ImageGcStep::Remove(_) if fails.get(n) == Some(&true) => {
                        collection.finished(records, Err("busy".into()));
                    }
                    ImageGcStep::Remove(_) => collection.finished(records, Ok(())),
                    ImageGcStep::Measure => collection.measured(records, Ok(node.disk)),
                    ImageGcStep::Done => {}
                }
            }
            if step == ImageGcStep::Done {
                break;
            }
        }
        prop_assert_eq!(twin.0, records);
        prop_assert_eq!(twin.1.errors(), collection.errors());
    }

    #[test]
    fn a_later_look_ends_a_collection(node in node()) {
        let (mut records, now) = node.records();
        let mut collection = ImageCollection::begin(&records, &node.policy, node.context(now), &node.behaviour);
        let step = collection.next_step(&records);
        records.detect(&ImageInventory::new(&node.looks[0].1, node.behaviour.gates), now);
        let count = records.iter().count();
        collection.finished(&mut records, Ok(()));
        prop_assert_eq!(records.iter().count(), count);
        prop_assert_eq!(collection.next_step(&records), ImageGcStep::Done, "after {:?}", step);
    }
}

/// What happens to a node that runs the machine.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Time(u64),
    Wake,
    /// What was asked for last is answered as things are, or fails.
    Answer {
        fails: bool,
    },
    /// An answer that nobody waits for.
    Stray,
    Pulled(usize),
    /// A pod uses an image that is there.
    Used(usize),
    /// The last pod that used it is gone.
    Unused(usize),
    Disk(ImageFilesystem),
    DeleteUnused,
    AgentStarted,
}

fn happening() -> impl Strategy<Value = Happening> {
    let image = || 0..IDS.len();
    prop_oneof![
        4 => (0..400_u64).prop_map(Happening::Time),
        2 => Just(Happening::Wake),
        12 => prop::bool::weighted(0.2).prop_map(|fails| Happening::Answer { fails }),
        1 => Just(Happening::Stray),
        3 => image().prop_map(Happening::Pulled),
        2 => image().prop_map(Happening::Used),
        2 => image().prop_map(Happening::Unused),
        2 => disk().prop_map(Happening::Disk),
        2 => Just(Happening::DeleteUnused),
        1 => Just(Happening::AgentStarted),
    ]
}

/// A node as it is, and the machine that looks after its images.
struct Rig {
    machine: ImageGc,
    environment: (ImageGcConfig, Arc<Behaviour>),
    now: Timestamp,
    epoch: u32,
    /// What is there, and whether a pod uses it.
    images: BTreeMap<usize, bool>,
    disk: ImageFilesystem,
    asked: Option<ImageGcAction>,
    requests: BTreeSet<OperationId>,
    requested: u32,
}

/// The last two images are not kept.
fn is_no_cache(image: usize) -> bool {
    image >= 4
}

impl Rig {
    fn new(policy: ImageGcPolicy, behaviour: Behaviour) -> Self {
        let environment = (ImageGcConfig { policy, ..ImageGcConfig::default() }, Arc::new(behaviour));
        let now = Timestamp::from_unix_seconds(1000);
        let machine = ImageGc::new(environment.0, Arc::clone(&environment.1), now).unwrap();
        let (images, disk) = (BTreeMap::new(), ImageFilesystem { capacity_bytes: 1000, available_bytes: 0 });
        let (asked, requests) = (None, BTreeSet::new());
        Self { machine, environment, now, epoch: 0, images, disk, asked, requests, requested: 0 }
    }

    /// Tells the machine, and a copy of it that was stored and restored, and compares what they ask for.
    fn tell(&mut self, event: Option<&ImageGcEvent>) {
        let stored = serde_json::to_string(&self.machine.snapshot()).unwrap();
        let mut twin =
            ImageGc::restore(serde_json::from_str(&stored).unwrap(), self.environment.clone(), self.now)
                .unwrap();
        let [mut actions, mut twins] = [Vec::new(), Vec::new()];
        for (machine, actions) in [(&mut self.machine, &mut actions), (&mut twin, &mut twins)] {
            match event.cloned() {
                Some(event) => machine.step(self.now, event, actions),
                None => machine.wake(self.now, actions),
            }
        }
        assert_eq!(actions, twins);
        let [after, twins] = [&self.machine, &twin].map(|it| serde_json::to_value(it.snapshot()).unwrap());
        assert_eq!(after, twins);
        assert!(self.machine.next_wakeup().is_none_or(|at| at > self.now));
        for action in actions {
            match &action {
                ImageGcAction::Remove { removal, .. } => {
                    let image = IDS.iter().position(|id| **id == *removal.id).unwrap();
                    assert_ne!(self.images.get(&image), Some(&true), "{removal:?} is used");
                    self.asked = Some(action);
                }
                ImageGcAction::Observe { .. } | ImageGcAction::Measure { .. } => self.asked = Some(action),
                ImageGcAction::Reclaimed { request, .. } => assert!(self.requests.remove(request)),
                ImageGcAction::Warn { message, .. } => assert!(!message.is_empty()),
                ImageGcAction::Note(note) => assert!(!note.to_string().is_empty()),
            }
        }
    }

    fn answer(&mut self, fails: bool) {
        let failed = || ImageGcOutcome::Failed("no answer".into());
        let (operation, outcome) = match self.asked.take() {
            Some(ImageGcAction::Observe { operation }) => (operation, ImageGcOutcome::Observed(self.look())),
            Some(ImageGcAction::Measure { operation }) => (operation, ImageGcOutcome::Measured(self.disk)),
            Some(ImageGcAction::Remove { operation, removal }) => {
                if !fails {
                    self.images.retain(|image, _| *IDS[*image] != *removal.id);
                }
                (operation, ImageGcOutcome::Removed)
            }
            _ => return,
        };
        let outcome = if fails { failed() } else { outcome };
        self.tell(Some(&ImageGcEvent::Done { operation, outcome }));
    }

    fn look(&self) -> Arc<ImageInventory> {
        let image =
            |image: &usize| ListedImage { id: IDS[*image].into(), size_bytes: 100, ..ListedImage::default() };
        let used = self.images.iter().filter(|(_, used)| **used).map(|(image, _)| IDS[*image].into());
        let listing = ImageListing {
            images: self.images.keys().map(image).collect(),
            needed: used.collect(),
            no_cache: (0..IDS.len())
                .filter(|image| is_no_cache(*image))
                .map(|image| IDS[image].into())
                .collect(),
            ..ImageListing::default()
        };
        Arc::new(ImageInventory::new(&listing, self.environment.1.gates))
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Time(seconds) => {
                let to = self.now + Duration::from_secs(seconds);
                if self.machine.next_wakeup().is_some_and(|at| at > to) {
                    let before = serde_json::to_value(self.machine.snapshot()).unwrap();
                    let mut actions = Vec::new();
                    self.machine.clone().wake(to, &mut actions);
                    assert!(actions.is_empty(), "woken too early: {before}");
                }
                self.now = to;
            }
            Happening::Wake => self.tell(None),
            Happening::Answer { fails } => self.answer(fails),
            Happening::Stray => {
                let operation = OperationId { epoch: 0, seq: 77 };
                self.tell(Some(&ImageGcEvent::Done { operation, outcome: ImageGcOutcome::Removed }));
            }
            Happening::Pulled(image) => {
                self.images.entry(image).or_insert(false);
                if is_no_cache(image) {
                    // Pulled for a pod.
                    self.happen(Happening::Used(image));
                }
            }
            Happening::Used(image) => {
                // An image that is being removed has to be pulled anew.
                let is_going = matches!(&self.asked,
                    Some(ImageGcAction::Remove { removal, .. }) if *removal.id == *IDS[image]);
                if let (false, Some(used)) = (is_going, self.images.get_mut(&image)) {
                    *used = true;
                    self.tell(Some(&ImageGcEvent::Needed { id: IDS[image].into() }));
                }
            }
            Happening::Unused(image) => {
                if let Some(used @ true) = self.images.get_mut(&image) {
                    *used = false;
                    self.tell(Some(&ImageGcEvent::PodGone));
                }
            }
            Happening::Disk(disk) => self.disk = disk,
            Happening::DeleteUnused => {
                let request = OperationId { epoch: 9, seq: self.requested };
                self.requested += 1;
                if self.machine.next_wakeup().is_some() {
                    self.requests.insert(request);
                    self.tell(Some(&ImageGcEvent::DeleteUnused { request }));
                }
            }
            Happening::AgentStarted => {
                self.epoch += 1;
                self.requests.clear();
                self.asked = None;
                self.tell(Some(&ImageGcEvent::AgentStarted { epoch: self.epoch }));
            }
        }
    }
}

proptest! {
    #[test]
    fn the_machine_keeps_what_is_used_and_answers_everyone(
        policy in policy().prop_filter("valid", |policy| policy.validate().is_ok()),
        behaviour in behaviour(),
        happenings in vec(happening(), 0..80),
    ) {
        let mut rig = Rig::new(policy, behaviour);
        rig.happen(Happening::AgentStarted);
        for happening in happenings {
            rig.happen(happening);
        }
        // Where all that is asked is answered it comes to rest, and at the next look nothing is forgotten.
        for _ in 0..2 {
            rig.tell(None);
            for _ in 0..200 {
                if rig.asked.is_none() {
                    break;
                }
                rig.answer(false);
            }
            prop_assert!(rig.asked.is_none(), "never rests");
            rig.now = rig.machine.next_wakeup().unwrap();
        }
        prop_assert!(rig.requests.is_empty(), "not answered: {:?}", rig.requests);
        for (image, used) in &rig.images {
            prop_assert!(*used || !is_no_cache(*image), "{} has no user", IDS[*image]);
        }
    }
}
