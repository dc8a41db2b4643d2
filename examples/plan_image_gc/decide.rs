//! What a node decides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::behaviour::{Behaviour, Compat, Feature};
use node_lifecycle::image::{
    ImageCollection, ImageFilesystem, ImageGcContext, ImageGcPolicy, ImageGcPolicyError, ImageGcScope,
    ImageGcStep, ImageInventory, ImageListing, ImageRecord, ImageRecords, ImageRemoval, ImageUser,
    ListedImage,
};
use node_lifecycle::machine::Timestamp;
use serde_json::json;

use super::args::{Args, Free};
use super::copied::Copied;
use super::load::{Ages, Loaded};
use super::node::listed;
use super::text::bytes;
use super::usage::{How, Usage, User, find};

/// A node that is looked at.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) args: &'a Args,
    pub(crate) loaded: &'a Loaded,
    pub(crate) now: Timestamp,
    /// `None`: nothing says how large it is.
    pub(crate) disk: Option<ImageFilesystem>,
    pub(crate) images: Vec<Known>,
    /// When the kubelet was started, if anything says so.
    started: Option<Timestamp>,
    notes: Vec<String>,
}

/// An image, each once.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) id: Arc<str>,
    pub(crate) runtime_handler: Arc<str>,
    pub(crate) name: String,
    pub(crate) names: Vec<Arc<str>>,
    pub(crate) size_bytes: u64,
    pinned: bool,
    pub(crate) users: BTreeSet<User>,
    ages: Option<Ages>,
}

/// Who decides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) compat: Compat,
    /// What pods wait for stays. That is for the caller to say, and the kubelet does not.
    pub(crate) keep_awaited: bool,
}

/// What it decides. Images are named by their place in [`Case::images`].
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) policy: ImageGcPolicy,
    /// What goes, in order.
    pub(crate) goes: Vec<(usize, ImageRemoval)>,
    /// What would go next if more had to be freed, in order.
    pub(crate) next: Vec<(usize, ImageRemoval)>,
    /// What stays, and why.
    pub(crate) stays: Vec<(usize, Stay)>,
    /// What is known of each image.
    pub(crate) ages: BTreeMap<usize, Ages>,
    pub(crate) freed: u64,
    pub(crate) errors: Vec<String>,
    /// Whether garbage collection is switched off.
    is_off: bool,
}

/// Why an image stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stay {
    InUse,
    Awaited,
    Pinned,
    TooYoung { age: Duration },
    JustUsed,
}

impl Way {
    pub(crate) fn of(decides: Copied) -> Self {
        Self { compat: decides.compat(), keep_awaited: decides == Copied::None }
    }
}

impl<'a> Case<'a> {
    pub(crate) fn new(args: &'a Args, loaded: &'a Loaded) -> Self {
        let image_fs = loaded.summary.as_ref().and_then(|it| it.node.runtime.as_ref()?.image_fs.as_ref());
        let measured = [loaded.fs.as_ref().and_then(|fs| fs.time()), image_fs.and_then(|fs| fs.time)];
        let newest = measured.into_iter().flatten().max();
        let kubelet = loaded.summary.as_ref().and_then(|summary| {
            let mut own = summary.node.system_containers.iter();
            own.find(|container| container.name == "kubelet")?.start_time
        });
        let mut case = Self {
            args,
            loaded,
            now: args.now.or(newest).unwrap_or(Timestamp::UNIX_EPOCH),
            disk: None,
            images: Vec::new(),
            started: args.started.or(kubelet),
            notes: Vec::new(),
        };
        if args.now.or(newest).is_none() {
            case.notes.push("nothing says when the node was looked at: --now does".to_owned());
        }
        case.disk = args.capacity.map(|capacity| case.asked_disk(capacity)).or_else(|| {
            let fs = image_fs?;
            Some(ImageFilesystem { capacity_bytes: fs.capacity_bytes?, available_bytes: fs.available_bytes? })
        });
        case.know();
        case
    }

    /// The disk that is asked for.
    fn asked_disk(&mut self, capacity_bytes: u64) -> ImageFilesystem {
        let available_bytes = self.args.available.unwrap_or_else(|| {
            let used = self.loaded.fs.as_ref().map_or_else(|| self.sizes(), |fs| fs.used_bytes());
            self.notes.push(
                "what images do not take of their disk counts as free, as on a disk of their own: --available says \
                 better"
                    .to_owned(),
            );
            capacity_bytes.saturating_sub(used)
        });
        ImageFilesystem { capacity_bytes, available_bytes }
    }

    /// What images say that they take.
    fn sizes(&self) -> u64 {
        self.loaded.images.iter().fold(0, |sum, image| sum.saturating_add(image.size.0))
    }

    /// Puts together what is known of each image.
    fn know(&mut self) {
        let loaded = self.loaded;
        let by_handler = loaded.config.gates.enabled(Feature::RuntimeClassInImageCriApi);
        let mut usage = Usage::of(&loaded.pods, &loaded.images);
        let aged = find(&loaded.images, loaded.ages.keys().map(String::as_str));
        let mut ages = BTreeMap::new();
        for (name, images) in &aged {
            let given = loaded.ages.get(*name).copied().unwrap_or_default();
            ages.extend(images.iter().map(|image| (*image, given)));
        }
        let mut known = BTreeMap::<_, Known>::new();
        for (at, image) in loaded.images.iter().enumerate() {
            let handler = if by_handler { image.runtime_handler() } else { "" };
            let entry = known.entry((&*image.id, handler)).or_insert_with(|| Known {
                id: image.id.as_str().into(),
                runtime_handler: handler.into(),
                name: image.name().to_owned(),
                names: Vec::new(),
                size_bytes: 0,
                pinned: false,
                users: BTreeSet::new(),
                ages: None,
            });
            let users = usage.users.remove(&at).unwrap_or_default();
            entry
                .users
                .extend(users.into_iter().filter(|user| !by_handler || user.runtime_handler == handler));
            entry
                .names
                .extend(image.repo_tags.iter().chain(&image.repo_digests).map(|name| name.as_str().into()));
            entry.size_bytes = entry.size_bytes.max(image.size.0);
            entry.pinned |= image.pinned;
            entry.ages = entry.ages.or(ages.get(&at).copied());
        }
        self.images = known.into_values().collect();
        let unlisted =
            aged.iter().filter(|(_, images)| images.is_empty()).map(|(name, _)| (*name).to_owned());
        self.note_all("remembered, and not there any more", &unlisted.collect::<Vec<_>>());
        let not_listed: Vec<_> = usage.not_listed.into_iter().collect();
        self.note_all("used by a container, and not listed", &not_listed);
    }

    fn note_all(&mut self, what: &str, names: &[String]) {
        if !names.is_empty() {
            self.notes.push(format!("{}: {what}", listed(names)));
        }
    }

    /// What was assumed.
    pub(crate) fn notes(&self, answer: &Answer) -> Vec<String> {
        let mut notes = self.notes.clone();
        if self.disk.is_none() && self.args.free.is_none() {
            notes.push(
                "how large the disk of images is nobody says, crictl neither, so that nothing goes to make room: \
                 --summary or --capacity says it"
                    .to_owned(),
            );
        }
        if let Some(fs) = &self.loaded.fs {
            let (sizes, used) = (
                self.images.iter().fold(0_u64, |sum, it| sum.saturating_add(it.size_bytes)),
                fs.used_bytes(),
            );
            if sizes.abs_diff(used) > used / 10 {
                notes.push(format!(
                    "by their sizes images take {}, on the disk {}: what is freed is counted by their sizes",
                    bytes(sizes),
                    bytes(used)
                ));
            }
        }
        // Of what is used or pinned nobody asks.
        let going = answer.goes.iter().chain(&answer.next).filter_map(|(at, _)| self.images.get(*at));
        let unknown = going.clone().filter(|image| image.ages.is_none()).count();
        match self.args.unused_for {
            None if unknown > 0 && unknown == going.count() => notes.push(
                "crictl does not show since when images are there and when they were last used: it is decided as if \
                 the kubelet had just been started; --ages or --unused-for says better"
                    .to_owned(),
            ),
            None if unknown > 0 => notes.push(format!(
                "{unknown} of the images that could go count as there since before the kubelet was started, and as unused \
                 since: --ages or --unused-for says better"
            )),
            _ => {}
        }
        if self.started.is_none() && !answer.policy.maximum_age.is_zero() && self.oldest().is_none() {
            notes.push(
                "nothing says since when the kubelet runs, so that nothing is too old: --started says it"
                    .to_owned(),
            );
        }
        let compat = self.args.compat.compat();
        if let Some(started) =
            self.started.filter(|started| compat.forget_image_ages && self.oldest() < Some(*started))
            && self.oldest().is_some()
        {
            notes.push(format!("the kubelet was started at {started}, and has forgotten what was before"));
        }
        if answer.is_off {
            notes.push(
                "imageGCHighThresholdPercent is 100, and there is no maximum age: garbage collection is off"
                    .to_owned(),
            );
        }
        let order: Vec<_> =
            answer.goes.iter().chain(&answer.next).map(|(at, _)| answer.ages.get(at)).collect();
        if self.args.compat == Copied::Kubelet132 && order.windows(2).any(|pair| pair.first() == pair.last())
        {
            notes.push(
                "images that are alike in age go in no certain order in the kubelet; here they go by id"
                    .to_owned(),
            );
        }
        notes
    }

    /// The oldest time that is remembered.
    fn oldest(&self) -> Option<Timestamp> {
        let given = self.args.unused_for.map(|age| self.now.moved_back(age.0));
        let ages = self.images.iter().filter_map(|image| image.ages);
        ages.flat_map(|ages| [ages.first_detected, ages.last_used]).flatten().chain(given).min()
    }

    /// When garbage collection began.
    fn began(&self, compat: Compat) -> Timestamp {
        match (self.started, self.oldest()) {
            (Some(started), Some(oldest)) if !compat.forget_image_ages => started.min(oldest),
            (Some(started), _) => started,
            (None, oldest) => oldest.unwrap_or(self.now),
        }
    }

    pub(crate) fn answer(&self, way: Way) -> Result<Answer, ImageGcPolicyError> {
        let mut policy = self.loaded.config.settings;
        policy.validate()?;
        if let Some(percent) = self.args.target {
            (policy.high_threshold_percent, policy.low_threshold_percent) = (percent, percent);
        }
        let behaviour = Behaviour { gates: self.loaded.config.gates, compat: way.compat };
        let began = self.began(way.compat);
        let mut records = self.remembered(way.compat, began);
        records.detect(&ImageInventory::new(&self.listing(way), behaviour.gates), self.now);

        let has_maximum =
            !policy.maximum_age.is_zero() && behaviour.gates.enabled(Feature::ImageMaximumGCAge);
        let is_off = self.args.free.is_none() && policy.high_threshold_percent == 100 && !has_maximum;
        let (scope, wanted) = match self.args.free {
            Some(Free::All) => (ImageGcScope::Unused, None),
            Some(Free::Bytes(bytes)) => (ImageGcScope::Unused, Some(bytes)),
            None if is_off => (ImageGcScope::NoCache, None),
            None => (ImageGcScope::All, None),
        };
        let context = ImageGcContext { now: self.now, began, scope };
        let mut collection = ImageCollection::begin(&records, &policy, context, &behaviour);
        let goes = self.collect(&mut collection, &mut records, wanted);
        let demand = ImageGcContext { scope: ImageGcScope::Unused, ..context };
        let next = self.collect(
            &mut ImageCollection::begin(&records, &policy, demand, &behaviour),
            &mut records,
            None,
        );

        let stays = records.iter().filter_map(|record| {
            let why = self.why(record, &policy);
            Some((self.place(&record.id, &record.runtime_handler)?, why))
        });
        let mut stays: Vec<_> = stays.collect();
        stays.sort_by_key(|(at, why)| (*why, self.images.get(*at).map(|image| &*image.name)));
        let ages = self.ages_by(way.compat, began).collect();
        let errors = collection.errors().iter().map(ToString::to_string).collect();
        let freed = collection.freed_bytes();
        Ok(Answer { policy, goes, next, stays, ages, freed, errors, is_off })
    }

    /// What is removed, in order, until so much is freed.
    fn collect(
        &self,
        collection: &mut ImageCollection,
        records: &mut ImageRecords,
        wanted: Option<u64>,
    ) -> Vec<(usize, ImageRemoval)> {
        let mut removals = Vec::new();
        while wanted.is_none_or(|wanted| collection.freed_bytes() < wanted) {
            match collection.next_step(records) {
                ImageGcStep::Remove(removal) => {
                    removals
                        .extend(self.place(&removal.id, &removal.runtime_handler).map(|at| (at, removal)));
                    collection.finished(records, Ok(()));
                }
                ImageGcStep::Measure => {
                    let Some(disk) = self.disk else { break };
                    let available_bytes = disk.available_bytes.saturating_add(collection.freed_bytes());
                    collection.measured(records, Ok(ImageFilesystem { available_bytes, ..disk }));
                }
                ImageGcStep::Done => break,
            }
        }
        removals
    }

    fn place(&self, id: &str, handler: &str) -> Option<usize> {
        self.images.binary_search_by(|image| (&*image.id, &*image.runtime_handler).cmp(&(id, handler))).ok()
    }

    fn why(&self, record: &ImageRecord, policy: &ImageGcPolicy) -> Stay {
        let age = record.first_detected.map(|first| self.now.since(first));
        match age {
            _ if record.pinned => Stay::Pinned,
            _ if record.in_use => Stay::InUse,
            _ if record.needed => Stay::Awaited,
            Some(age) if age < policy.minimum_age => Stay::TooYoung { age },
            _ => Stay::JustUsed,
        }
    }

    /// What whoever decides remembers of each image.
    fn ages_by(&self, compat: Compat, began: Timestamp) -> impl Iterator<Item = (usize, Ages)> {
        let assumed = self.args.unused_for.map(|age| self.now.moved_back(age.0));
        self.images.iter().enumerate().map(move |(at, image)| {
            let ages = image.ages.unwrap_or(Ages { first_detected: assumed, last_used: assumed });
            let remembered =
                |time: Option<Timestamp>| time.filter(|time| !compat.forget_image_ages || *time >= began);
            let (first_detected, last_used) = (remembered(ages.first_detected), remembered(ages.last_used));
            (at, Ages { first_detected, last_used })
        })
    }

    /// The same as records, in the form in which they are stored.
    fn remembered(&self, compat: Compat, began: Timestamp) -> ImageRecords {
        let records: Vec<_> = self
            .ages_by(compat, began)
            .filter_map(|(at, ages)| {
                let image = self.images.get(at)?;
                Some(json!({
                    "id": image.id, "runtimeHandler": image.runtime_handler,
                    "firstDetected": ages.first_detected, "lastUsed": ages.last_used,
                    "sizeBytes": 0, "pinned": false, "inUse": false, "needed": false, "noCache": false,
                }))
            })
            .collect();
        serde_json::from_value(json!({"records": records, "detections": 0})).unwrap_or_default()
    }

    fn listing(&self, way: Way) -> ImageListing {
        let mut listing = ImageListing::default();
        for image in &self.images {
            listing.images.push(ListedImage {
                id: Arc::clone(&image.id),
                runtime_handler: Arc::clone(&image.runtime_handler),
                names: image.names.clone(),
                size_bytes: image.size_bytes,
                pinned: image.pinned,
            });
            for user in &image.users {
                let id = Arc::clone(&image.id);
                let mut made_from = ImageUser {
                    runtime_handler: user.runtime_handler.as_str().into(),
                    ..ImageUser::default()
                };
                match user.how {
                    How::Runs | How::Ended => made_from.image = id,
                    How::Mounts => made_from.image_mounts = vec![id],
                    How::Waits if way.keep_awaited => {
                        listing.needed.insert(id);
                        continue;
                    }
                    How::Waits => continue,
                }
                listing.containers.push(made_from);
            }
        }
        listing
    }
}
