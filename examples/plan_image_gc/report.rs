//! All that is said, in text, in JSON and as a picture alike.

use std::time::Duration;

use node_lifecycle::image::{ImageFilesystem, ImageGcPolicy, ImageGcReason, ImageRemoval};
use node_lifecycle::machine::Timestamp;
use serde::Serialize;

use super::args::Free;
use super::copied::Copied;
use super::decide::{Answer, Case, Stay, Way};
use super::differ::{Difference, differences, switches};
use super::seen::seen;
use super::usage::User;

/// All that is said.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// What was read.
    pub(crate) files: Vec<String>,
    pub(crate) node: String,
    pub(crate) at: Timestamp,
    pub(crate) decides: Copied,
    pub(crate) notes: Vec<String>,
    pub(crate) policy: ImageGcPolicy,
    /// What is asked for on demand: `all`, or so many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) demand: Option<Demand>,
    pub(crate) disk: Disk,
    /// What goes, in order.
    pub(crate) goes: Vec<Image>,
    /// What would go next if more had to be freed, in order.
    pub(crate) next: Vec<Image>,
    /// What stays.
    pub(crate) stays: Vec<Image>,
    pub(crate) freed_bytes: u64,
    /// What goes wrong, in the kubelet's words.
    pub(crate) errors: Vec<String>,
    /// Where the other one, kubelet or library, would answer otherwise.
    pub(crate) differences: Vec<Difference>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Demand {
    All,
    Bytes(u64),
}

/// What is known of the disk of images.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Disk {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mountpoint: Option<String>,
    /// What images take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image_bytes: Option<u64>,
    #[serde(flatten)]
    pub(crate) size: Option<ImageFilesystem>,
    /// How full it is, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) used_percent: Option<i32>,
    /// How full it is afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) used_percent_afterwards: Option<i32>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Image {
    pub(crate) name: String,
    pub(crate) id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) runtime_handler: String,
    pub(crate) size_bytes: u64,
    /// What frees its removal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) frees_bytes: Option<u64>,
    /// What is freed when it is gone, with what goes before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) freed_bytes: Option<u64>,
    pub(crate) why: Why,
    pub(crate) first_detected: Option<Timestamp>,
    pub(crate) last_used: Option<Timestamp>,
    pub(crate) users: Vec<User>,
}

/// Why an image goes or stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub(crate) enum Why {
    /// It goes.
    Goes {
        reason: ImageGcReason,
    },
    /// It could go.
    Enough,
    InUse,
    Awaited,
    Pinned,
    TooYoung {
        age: Duration,
    },
    JustUsed,
}

impl From<Stay> for Why {
    fn from(stay: Stay) -> Self {
        match stay {
            Stay::InUse => Self::InUse,
            Stay::Awaited => Self::Awaited,
            Stay::Pinned => Self::Pinned,
            Stay::TooYoung { age } => Self::TooYoung { age },
            Stay::JustUsed => Self::JustUsed,
        }
    }
}

impl Report {
    pub(crate) fn new(case: &Case<'_>, answer: &Answer) -> Self {
        let (args, loaded) = (case.args, case.loaded);
        let mut notes = loaded.notes.clone();
        notes.extend(case.notes(answer));
        let percent = |freed: u64| {
            let disk = case.disk?;
            let available_bytes = disk.available_bytes.saturating_add(freed);
            ImageFilesystem { available_bytes, ..disk }.used_percent()
        };
        let mut freed = 0_u64;
        let mut going = |(at, removal): &(usize, ImageRemoval), why| {
            freed = freed.saturating_add(removal.frees_bytes);
            Some(Image {
                frees_bytes: Some(removal.frees_bytes),
                freed_bytes: Some(freed),
                ..Image::new(case, answer, *at, why)?
            })
        };
        let goes = |removal: &ImageRemoval| Why::Goes { reason: removal.reason };
        let goes = answer.goes.iter().filter_map(|it| going(it, goes(&it.1))).collect();
        let next = answer.next.iter().filter_map(|it| going(it, Why::Enough)).collect();
        let stays = answer.stays.iter().filter_map(|(at, why)| Image::new(case, answer, *at, (*why).into()));
        Self {
            files: loaded.files.clone(),
            node: loaded.node.clone().unwrap_or_else(|| "a node".to_owned()),
            at: case.now,
            decides: args.compat,
            notes,
            policy: answer.policy,
            demand: args.free.map(|free| match free {
                Free::All => Demand::All,
                Free::Bytes(bytes) => Demand::Bytes(bytes),
            }),
            disk: Disk {
                mountpoint: loaded
                    .fs
                    .as_ref()
                    .map(|fs| fs.mountpoint().to_owned())
                    .filter(|it| !it.is_empty()),
                image_bytes: loaded.fs.as_ref().map(|fs| fs.used_bytes()),
                size: case.disk,
                used_percent: percent(0),
                used_percent_afterwards: percent(answer.freed),
            },
            goes,
            next,
            stays: stays.collect(),
            freed_bytes: answer.freed,
            errors: answer.errors.clone(),
            differences: otherwise(case),
        }
    }
}

/// Where the other one would answer otherwise.
fn otherwise(case: &Case<'_>) -> Vec<Difference> {
    let (ours, theirs) = (Way::of(case.args.compat), Way::of(case.args.compat.other()));
    let switched =
        switches(ours.compat, theirs.compat).map(|(field, compat)| (field, Way { compat, ..ours }));
    let awaited = ("what pods wait for".to_owned(), Way { keep_awaited: theirs.keep_awaited, ..ours });
    differences(&ours, &theirs, switched.chain([awaited]), |way| seen(case, &case.answer(*way)))
}

impl Image {
    fn new(case: &Case<'_>, answer: &Answer, at: usize, why: Why) -> Option<Self> {
        let image = case.images.get(at)?;
        let ages = answer.ages.get(&at).copied().unwrap_or_default();
        Some(Self {
            name: image.name.clone(),
            id: image.id.to_string(),
            runtime_handler: image.runtime_handler.to_string(),
            size_bytes: image.size_bytes,
            frees_bytes: None,
            freed_bytes: None,
            why,
            first_detected: ages.first_detected,
            last_used: ages.last_used,
            users: image.users.iter().cloned().collect(),
        })
    }
}
