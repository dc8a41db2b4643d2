//! What is remembered of images.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ImageInventory;
use super::inventory::IndexedImage;
use crate::machine::Timestamp;

/// What is remembered of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImageRecord {
    /// Its id.
    pub id: Arc<str>,
    /// The handler that it was pulled for; empty without the gate `RuntimeClassInImageCriApi`.
    pub runtime_handler: Arc<str>,
    /// When it was first seen; `None`: it was there before anyone looked.
    pub first_detected: Option<Timestamp>,
    /// When it was last seen in use; `None`: never.
    pub last_used: Option<Timestamp>,
    /// What it takes on the disk, in bytes.
    pub size_bytes: u64,
    /// Whether the runtime says that it must not be removed.
    pub pinned: bool,
    /// Whether a container uses it.
    pub in_use: bool,
    /// Whether an admitted pod waits for it, or someone pulls it.
    pub needed: bool,
    /// Whether it goes as soon as nobody uses or needs it.
    pub no_cache: bool,
    /// It has been removed, and no one has looked since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_gone: bool,
}

/// What is remembered of a node's images: since when they are there, and when they were last used.
///
/// A value that can be stored; with it the ages of images outlive the agent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Stored", rename_all = "camelCase")]
pub struct ImageRecords {
    /// By id and handler. What has been removed keeps its place until someone looks.
    records: Vec<ImageRecord>,
    /// How often they were compared with what the runtime lists.
    detections: u64,
    /// Whether any may be a no-cache image.
    #[serde(skip)]
    have_no_cache: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    records: Vec<ImageRecord>,
    detections: u64,
}

impl From<Stored> for ImageRecords {
    fn from(Stored { mut records, detections }: Stored) -> Self {
        records.sort_by(|a, b| a.key().cmp(&b.key()));
        records.dedup_by(|again, record| again.key() == record.key());
        let have_no_cache = records.iter().any(|record| record.no_cache);
        Self { records, detections, have_no_cache }
    }
}

impl ImageRecords {
    /// Takes what the runtime lists: what is new is seen from `now` on, and what is not listed any more is forgotten.
    ///
    /// A collection that was begun before is over. Allocates nothing where there is no new image.
    pub fn detect(&mut self, inventory: &ImageInventory, now: Timestamp) {
        self.merge(inventory, now, Some(now));
    }

    /// The same when it is looked for the first time: of what is there already nobody knows since when, so that it is
    /// not too young to go. Towards a maximum age it counts from when garbage collection began.
    pub fn detect_existing(&mut self, inventory: &ImageInventory, now: Timestamp) {
        self.merge(inventory, now, None);
    }

    /// What is remembered of each image, by id and handler.
    pub fn iter(&self) -> impl Iterator<Item = &ImageRecord> {
        self.indexed().map(|(_, record)| record)
    }

    fn merge(&mut self, inventory: &ImageInventory, now: Timestamp, first_detected: Option<Timestamp>) {
        let mut listed = inventory.images.iter().peekable();
        let mut new = Vec::new();
        let mut have_no_cache = false;
        self.records.retain_mut(|record| {
            if record.is_gone {
                return false;
            }
            while let Some(image) = listed.peek() {
                match record.compare(image) {
                    Ordering::Less => return false,
                    Ordering::Equal => {
                        record.see(image, now);
                        have_no_cache |= record.no_cache;
                        listed.next();
                        return true;
                    }
                    Ordering::Greater => new.extend(listed.next()),
                }
            }
            false
        });
        new.extend(listed);
        self.have_no_cache = have_no_cache || new.iter().any(|image| image.no_cache);
        if !new.is_empty() {
            self.records.extend(new.into_iter().map(|image| ImageRecord::new(image, now, first_detected)));
            self.records.sort_unstable_by(|a, b| a.key().cmp(&b.key()));
        }
        self.detections = self.detections.wrapping_add(1);
    }

    /// The image is needed from now on.
    pub(super) fn need(&mut self, id: &str) {
        let first = self.records.partition_point(|record| &*record.id < id);
        let of_id = self.records.iter_mut().skip(first).take_while(|record| &*record.id == id);
        of_id.for_each(|record| record.needed = true);
    }

    pub(super) const fn detections(&self) -> u64 {
        self.detections
    }

    pub(super) const fn have_no_cache(&self) -> bool {
        self.have_no_cache
    }

    pub(super) fn get(&self, index: usize) -> Option<&ImageRecord> {
        self.records.get(index).filter(|record| !record.is_gone)
    }

    pub(super) fn indexed(&self) -> impl Iterator<Item = (usize, &ImageRecord)> {
        self.records.iter().enumerate().filter(|(_, record)| !record.is_gone)
    }

    pub(super) fn forget(&mut self, index: usize) {
        if let Some(record) = self.records.get_mut(index) {
            record.is_gone = true;
        }
    }

    /// How many bytes are free when an image goes: none while it stays for another handler.
    pub(super) fn frees(&self, index: usize) -> u64 {
        let Some(record) = self.get(index) else { return 0 };
        // Whoever has the same id stands next to it and has another handler, which is quick to see.
        let is_same =
            |other: &&ImageRecord| other.runtime_handler != record.runtime_handler && other.id == record.id;
        let (before, rest) = self.records.split_at_checked(index).unwrap_or_default();
        let others = before.iter().rev().take_while(is_same).chain(rest.iter().skip(1).take_while(is_same));
        if others.into_iter().any(|other| !other.is_gone) { 0 } else { record.size_bytes }
    }

    pub(super) fn move_back(&mut self, by: Duration) {
        for record in &mut self.records {
            for time in [&mut record.first_detected, &mut record.last_used].into_iter().flatten() {
                *time = time.moved_back(by);
            }
        }
    }
}

impl ImageRecord {
    fn new(image: &IndexedImage, now: Timestamp, first_detected: Option<Timestamp>) -> Self {
        Self {
            id: Arc::clone(&image.id),
            runtime_handler: Arc::clone(&image.runtime_handler),
            first_detected,
            last_used: image.in_use.then_some(now),
            size_bytes: image.size_bytes,
            pinned: image.pinned,
            in_use: image.in_use,
            needed: image.needed,
            no_cache: image.no_cache,
            is_gone: false,
        }
    }

    fn see(&mut self, image: &IndexedImage, now: Timestamp) {
        if image.in_use {
            self.last_used = self.last_used.max(Some(now));
        }
        self.size_bytes = image.size_bytes;
        self.pinned = image.pinned;
        self.in_use = image.in_use;
        self.needed = image.needed;
        self.no_cache |= image.no_cache;
    }

    fn key(&self) -> (&str, &str) {
        (&self.id, &self.runtime_handler)
    }

    fn compare(&self, image: &IndexedImage) -> Ordering {
        // Mostly it is the same image.
        if Arc::ptr_eq(&self.id, &image.id) && Arc::ptr_eq(&self.runtime_handler, &image.runtime_handler) {
            return Ordering::Equal;
        }
        self.key().cmp(&image.key())
    }

    /// Whether nobody wants it.
    pub(super) const fn can_go(&self) -> bool {
        !self.pinned && !self.in_use && !self.needed
    }
}
