//! One collection, removal by removal.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::queue::Queue;
use super::{ImageFilesystem, ImageGcError, ImageGcPolicy, ImageRecord, ImageRecords};
use crate::api::GoDuration;
use crate::behaviour::{Behaviour, Compat, Feature};
use crate::machine::Timestamp;

/// What a collection looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ImageGcScope {
    /// No-cache images.
    NoCache,
    /// No-cache images, then everything that nobody uses: what an eviction asks for before a pod has to go.
    Unused,
    /// No-cache images, then what is too old, then what is in the way on a disk that is too full.
    #[default]
    All,
}

/// What a collection begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ImageGcContext {
    /// The time.
    pub now: Timestamp,
    /// When garbage collection began: no image counts as older, and none is too old before the maximum age has
    /// passed since.
    pub began: Timestamp,
    /// What is looked at.
    pub scope: ImageGcScope,
}

/// An image that is to be removed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageRemoval {
    /// Its id.
    pub id: Arc<str>,
    /// The handler that it was pulled for; empty without the gate `RuntimeClassInImageCriApi`.
    pub runtime_handler: Arc<str>,
    /// How many bytes that frees: none while the image stays for another handler.
    pub frees_bytes: u64,
    /// Why.
    pub reason: ImageGcReason,
}

/// Why an image is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
#[non_exhaustive]
pub enum ImageGcReason {
    /// It is not to be kept, and its last user is gone.
    NoCache,
    /// Nobody has used it for longer than the maximum age.
    MaximumAge {
        /// For how long; `None`: it was never used, and counts as old for that.
        unused_for: Option<Duration>,
        /// The maximum age.
        maximum: Duration,
    },
    /// The disk is too full, and of what nobody uses it has been unused longest.
    DiskSpace {
        /// How full, in percent.
        used_percent: i32,
        /// How much is still to be freed.
        missing_bytes: u64,
    },
    /// Nobody uses it, and room is needed.
    Unused,
}

/// What a collection goes on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageGcStep {
    /// Remove an image, and say how that [went](ImageCollection::finished).
    Remove(ImageRemoval),
    /// Measure the disk that images are on, [as it is now](ImageCollection::measured).
    Measure,
    /// Nothing is left to do.
    Done,
}

/// A collection that is under way: one removal at a time, each followed by how it went.
///
/// Among the candidates of a phase those go first that have been unused longest (never used comes first of all), then
/// those that were seen first, then by id and handler.
///
/// ```
/// # use node_lifecycle::behaviour::Behaviour;
/// # use node_lifecycle::image::*;
/// # let (mut records, behaviour) = (ImageRecords::default(), Behaviour::default());
/// # let (remove, measure) = (|_: ImageRemoval| Ok(()), || Ok(ImageFilesystem { capacity_bytes: 9, available_bytes: 9 }));
/// let (policy, context) = (ImageGcPolicy::default(), ImageGcContext::default());
/// let mut collection = ImageCollection::begin(&records, &policy, context, &behaviour);
/// loop {
///     match collection.next_step(&records) {
///         ImageGcStep::Remove(removal) => collection.finished(&mut records, remove(removal)),
///         ImageGcStep::Measure => collection.measured(&records, measure()),
///         ImageGcStep::Done => break,
///     }
/// }
/// assert!(collection.errors().is_empty());
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageCollection {
    policy: ImageGcPolicy,
    context: ImageGcContext,
    compat: Compat,
    /// What the records were compared with; once they have been compared anew, this collection is over.
    detections: u64,
    phase: Phase,
    /// What is left of the phase.
    queue: Queue<Candidate>,
    /// What is being removed.
    current: Option<usize>,
    /// Images whose removal has failed; they are not tried again.
    failed: BTreeSet<usize>,
    /// What went wrong in the phase, in order.
    failures: Vec<Arc<str>>,
    /// What the phase has removed.
    removed: usize,
    /// What the phase has freed, in bytes.
    phase_freed: u64,
    freed: u64,
    errors: Vec<ImageGcError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Phase {
    NoCache,
    MaximumAge,
    Measurement,
    /// `used_percent` is `None` on demand.
    Room {
        wanted: i64,
        used_percent: Option<i32>,
    },
    Done,
}

/// An image by when it was last used, when it was first seen, and its place by id and handler. Of the times only the
/// order counts.
type Candidate = (u64, u64, usize);

fn candidate((index, record): (usize, &ImageRecord)) -> Candidate {
    // From the first instant there is to the last one; never is before all.
    let order = |time: Option<Timestamp>| {
        time.map_or(0, |time| time.unix_nanos().cast_unsigned().wrapping_add(1 << 63).saturating_add(1))
    };
    (order(record.last_used), order(record.first_detected), index)
}

/// What a collection will remove if every removal succeeds, in order; `filesystem` is the disk as it is now.
#[must_use]
pub fn image_gc_plan(
    records: &ImageRecords,
    policy: &ImageGcPolicy,
    context: ImageGcContext,
    filesystem: ImageFilesystem,
    behaviour: &Behaviour,
) -> Vec<ImageRemoval> {
    let mut records = records.clone();
    let mut collection = ImageCollection::begin(&records, policy, context, behaviour);
    let mut plan = Vec::new();
    loop {
        match collection.next_step(&records) {
            ImageGcStep::Remove(removal) => {
                plan.push(removal);
                collection.finished(&mut records, Ok(()));
            }
            ImageGcStep::Measure => {
                let available_bytes = filesystem.available_bytes.saturating_add(collection.freed_bytes());
                collection.measured(&records, Ok(ImageFilesystem { available_bytes, ..filesystem }));
            }
            ImageGcStep::Done => return plan,
        }
    }
}

impl ImageCollection {
    /// Begins with what is remembered, right after it was [compared](ImageRecords::detect) with what the runtime lists.
    #[must_use]
    pub fn begin(
        records: &ImageRecords,
        policy: &ImageGcPolicy,
        context: ImageGcContext,
        behaviour: &Behaviour,
    ) -> Self {
        let mut policy = *policy;
        if !behaviour.gates.enabled(Feature::ImageMaximumGCAge) {
            policy.maximum_age = Duration::ZERO;
        }
        let mut collection = Self {
            policy,
            context,
            compat: behaviour.compat,
            detections: records.detections(),
            phase: Phase::NoCache,
            queue: Queue::new(),
            current: None,
            failed: BTreeSet::new(),
            failures: Vec::new(),
            removed: 0,
            phase_freed: 0,
            freed: 0,
            errors: Vec::new(),
        };
        collection.enter(records, Phase::NoCache);
        collection
    }

    /// What is to be done now; the same until it is said how that went. [`Done`](ImageGcStep::Done) also when the
    /// records have been compared anew since: begin another collection.
    pub fn next_step(&mut self, records: &ImageRecords) -> ImageGcStep {
        if self.detections != records.detections() {
            self.phase = Phase::Done;
        } else if self.current.is_none() {
            self.current = self.settle(records);
        }
        let removal = |(index, record): (usize, &ImageRecord)| ImageRemoval {
            id: Arc::clone(&record.id),
            runtime_handler: Arc::clone(&record.runtime_handler),
            frees_bytes: records.frees(index),
            reason: self.reason(record),
        };
        match self.phase {
            Phase::Done => ImageGcStep::Done,
            Phase::Measurement => ImageGcStep::Measure,
            _ => {
                let current = self.current.and_then(|index| Some((index, records.get(index)?)));
                current.map_or(ImageGcStep::Done, |current| ImageGcStep::Remove(removal(current)))
            }
        }
    }

    /// The image has been removed (also when it was gone already), or why not. Nothing to do when none was to be.
    pub fn finished(&mut self, records: &mut ImageRecords, result: Result<(), Arc<str>>) {
        let Some(index) = self.current.take_if(|_| self.detections == records.detections()) else { return };
        match result {
            Ok(()) => {
                let frees = records.frees(index);
                records.forget(index);
                self.removed += 1;
                self.phase_freed = self.phase_freed.saturating_add(frees);
                self.freed = self.freed.saturating_add(frees);
            }
            Err(error) => {
                self.failed.insert(index);
                self.failures.push(error);
            }
        }
    }

    /// The disk has been measured, or why not. Nothing to do when that was not asked for.
    pub fn measured(&mut self, records: &ImageRecords, result: Result<ImageFilesystem, Arc<str>>) {
        if self.phase != Phase::Measurement || self.detections != records.detections() {
            return;
        }
        let measured = result.map_err(|error| ImageGcError::Filesystem { error });
        let used = measured.and_then(|disk| {
            disk.used_percent().map(|percent| (disk, percent)).ok_or(ImageGcError::ZeroCapacity)
        });
        match used {
            Ok((disk, percent)) if percent >= self.policy.high_threshold_percent => {
                let wanted = disk.missing_bytes(&self.policy);
                self.enter(records, Phase::Room { wanted, used_percent: Some(percent) });
            }
            Ok(_) => self.phase = Phase::Done,
            Err(error) => {
                self.errors.push(error);
                self.phase = Phase::Done;
            }
        }
    }

    /// What has been freed so far, in bytes. An image that is there for several handlers counts once, with the last.
    #[must_use]
    pub const fn freed_bytes(&self) -> u64 {
        self.freed
    }

    /// What it looks at.
    #[must_use]
    pub const fn scope(&self) -> ImageGcScope {
        self.context.scope
    }

    /// What went wrong so far, in order.
    #[must_use]
    pub fn errors(&self) -> &[ImageGcError] {
        &self.errors
    }

    /// The next image to be removed. Goes on to the next phase that has something to do.
    fn settle(&mut self, records: &ImageRecords) -> Option<usize> {
        loop {
            let is_enough = match self.phase {
                Phase::Measurement | Phase::Done => return None,
                Phase::Room { wanted, used_percent: Some(_) } => self.is_enough(wanted),
                Phase::Room { used_percent: None, .. } | Phase::NoCache | Phase::MaximumAge => false,
            };
            // What has come to be wanted since stays.
            let can_go = |(_, _, index): &Candidate| records.get(*index).is_some_and(ImageRecord::can_go);
            if !is_enough && let Some((_, _, index)) = std::iter::from_fn(|| self.queue.pop()).find(can_go) {
                return Some(index);
            }
            self.leave();
            let next = match (self.phase, self.context.scope) {
                (Phase::NoCache, ImageGcScope::Unused) => {
                    Phase::Room { wanted: i64::MAX, used_percent: None }
                }
                (Phase::NoCache, ImageGcScope::All) => Phase::MaximumAge,
                (Phase::MaximumAge, _) if !self.skips_disk() => Phase::Measurement,
                _ => Phase::Done,
            };
            self.enter(records, next);
        }
    }

    fn is_enough(&self, wanted: i64) -> bool {
        let is_freed = i128::from(self.phase_freed) >= i128::from(wanted);
        is_freed && (self.removed > 0 || !self.compat.remove_an_image_for_nothing)
    }

    fn skips_disk(&self) -> bool {
        let of_age = |error: &ImageGcError| matches!(error, ImageGcError::MaximumAge { .. });
        self.compat.skip_disk_after_failed_age && self.errors.iter().any(of_age)
    }

    fn enter(&mut self, records: &ImageRecords, phase: Phase) {
        self.phase = phase;
        self.removed = 0;
        self.phase_freed = 0;
        let mut queue = std::mem::replace(&mut self.queue, Queue::new());
        let may_go = |(index, record): &(usize, &ImageRecord)| {
            record.can_go() && self.is_due(record) && !self.failed.contains(index)
        };
        let records = (!self.has_nothing_due(records)).then(|| records.indexed());
        queue.refill(records.into_iter().flatten().filter(may_go).map(candidate));
        self.queue = queue;
    }

    /// Whether it is plain without a look at each image that none is to go.
    fn has_nothing_due(&self, records: &ImageRecords) -> bool {
        match self.phase {
            Phase::NoCache => !records.have_no_cache(),
            Phase::MaximumAge => {
                let maximum = self.policy.maximum_age;
                maximum.is_zero() || self.context.now.since(self.context.began) <= maximum
            }
            Phase::Room { .. } => false,
            Phase::Measurement | Phase::Done => true,
        }
    }

    fn is_due(&self, record: &ImageRecord) -> bool {
        let now = self.context.now;
        let old_enough =
            record.first_detected.is_none_or(|first| now.since(first) >= self.policy.minimum_age);
        match self.phase {
            Phase::NoCache => record.no_cache,
            Phase::MaximumAge if self.compat.age_by_last_use_only => {
                self.unused_for(record).is_none_or(|age| age > self.policy.maximum_age)
            }
            Phase::MaximumAge => {
                old_enough && self.unused_for(record).is_some_and(|age| age > self.policy.maximum_age)
            }
            Phase::Room { .. } => old_enough && record.last_used < Some(now),
            Phase::Measurement | Phase::Done => false,
        }
    }

    /// How long an image has been without a user; `None` where it counts as infinitely long.
    fn unused_for(&self, record: &ImageRecord) -> Option<Duration> {
        let since = if self.compat.age_by_last_use_only {
            record.last_used
        } else {
            record.last_used.max(Some(record.first_detected.unwrap_or(self.context.began)))
        };
        since.map(|since| self.context.now.since(since))
    }

    fn reason(&self, record: &ImageRecord) -> ImageGcReason {
        match self.phase {
            Phase::MaximumAge => ImageGcReason::MaximumAge {
                unused_for: self.unused_for(record),
                maximum: self.policy.maximum_age,
            },
            Phase::Room { wanted, used_percent: Some(used_percent) } => {
                let missing_bytes = u64::try_from(wanted).unwrap_or(0).saturating_sub(self.phase_freed);
                ImageGcReason::DiskSpace { used_percent, missing_bytes }
            }
            Phase::Room { used_percent: None, .. } => ImageGcReason::Unused,
            Phase::NoCache | Phase::Measurement | Phase::Done => ImageGcReason::NoCache,
        }
    }

    /// Moves every instant back.
    pub(super) fn move_back(&mut self, by: Duration) {
        self.context.now = self.context.now.moved_back(by);
        self.context.began = self.context.began.moved_back(by);
    }

    /// Says what went wrong in the phase.
    fn leave(&mut self) {
        let errors = std::mem::take(&mut self.failures);
        let freed = self.phase_freed;
        let error = match self.phase {
            Phase::NoCache if !errors.is_empty() => ImageGcError::NoCache { errors },
            Phase::MaximumAge if !errors.is_empty() => {
                ImageGcError::MaximumAge { maximum: GoDuration(self.policy.maximum_age), errors }
            }
            Phase::Room { wanted, .. } if !errors.is_empty() => ImageGcError::Room { wanted, freed, errors },
            Phase::Room { wanted, used_percent: Some(_) } if i128::from(freed) < i128::from(wanted) => {
                ImageGcError::NotEnough { wanted, freed }
            }
            _ => return,
        };
        self.errors.push(error);
    }
}

impl fmt::Display for ImageRemoval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, runtime_handler, frees_bytes, reason } = self;
        write!(f, "{id}")?;
        if !runtime_handler.is_empty() {
            write!(f, " for {runtime_handler}")?;
        }
        write!(f, ": {reason}; frees {frees_bytes} bytes")
    }
}

impl fmt::Display for ImageGcReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoCache => f.write_str("it is not to be kept, and nobody uses it any more"),
            Self::MaximumAge { unused_for: Some(unused_for), maximum } => {
                let (unused_for, maximum) = (GoDuration(unused_for), GoDuration(maximum));
                write!(f, "nobody has used it for {unused_for}, and the maximum age is {maximum}")
            }
            Self::MaximumAge { unused_for: None, .. } => {
                f.write_str("it was never used, and counts as too old for that")
            }
            Self::DiskSpace { used_percent, missing_bytes } => {
                let disk = "images take room on a disk";
                write!(f, "{disk} that is {used_percent} % full, and {missing_bytes} bytes are to be freed")
            }
            Self::Unused => f.write_str("nobody uses it, and room is needed"),
        }
    }
}
