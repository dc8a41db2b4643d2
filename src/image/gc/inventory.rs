//! What is known of a node's images at one instant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::behaviour::{Feature, FeatureGates};

/// What the runtime lists, and what is known of who wants it.
///
/// Wherever an image is named, its id will do, or any of its [names](ListedImage::names) as the runtime spells them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ImageListing {
    /// The images.
    pub images: Vec<ListedImage>,
    /// All containers, those that do not run included.
    pub containers: Vec<ImageUser>,
    /// The image of sandboxes, where the runtime does not pin it. It counts as used.
    pub sandbox_image: Option<Arc<str>>,
    /// What admitted pods wait for, and what is being pulled. It does not go, whatever its age.
    pub needed: BTreeSet<Arc<str>>,
    /// What goes as soon as nobody uses or needs it. An image that was marked once stays so until it is gone.
    pub no_cache: BTreeSet<Arc<str>>,
}

/// An image in the runtime's list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ListedImage {
    /// Its id.
    pub id: Arc<str>,
    /// The handler that it was pulled for; empty: the default one. Counts with the gate `RuntimeClassInImageCriApi`.
    pub runtime_handler: Arc<str>,
    /// Its names with tags and digests.
    pub names: Vec<Arc<str>>,
    /// What it takes on the disk, in bytes.
    pub size_bytes: u64,
    /// Whether it must not be removed.
    pub pinned: bool,
}

/// A container, as far as it needs images.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ImageUser {
    /// The image that it was made from.
    pub image: Arc<str>,
    /// The handler that it runs with. Counts with the gate `RuntimeClassInImageCriApi`.
    pub runtime_handler: Arc<str>,
    /// The images that it has mounted as volumes. They count with the gate `ImageVolume`.
    pub image_mounts: Vec<Arc<str>>,
}

/// The images of a node at one instant, indexed once.
///
/// An image that is listed twice is one image: it is as large as the larger one, and pinned if either is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageInventory {
    /// Each once, by id and handler.
    pub(super) images: Vec<IndexedImage>,
    /// What containers use, and for which handlers.
    used: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IndexedImage {
    pub(super) id: Arc<str>,
    /// Empty where handlers do not count.
    pub(super) runtime_handler: Arc<str>,
    pub(super) size_bytes: u64,
    pub(super) pinned: bool,
    pub(super) in_use: bool,
    pub(super) needed: bool,
    pub(super) no_cache: bool,
}

impl ImageInventory {
    /// Indexes what is listed.
    #[must_use]
    pub fn new(listing: &ImageListing, gates: FeatureGates) -> Self {
        let no_handler = Arc::<str>::from("");
        let by_handler = gates.enabled(Feature::RuntimeClassInImageCriApi);
        let handler = |handler: &Arc<str>| Arc::clone(if by_handler { handler } else { &no_handler });
        let mut mountable = BTreeSet::new();
        if gates.enabled(Feature::ImageVolume) {
            mountable.extend(listing.images.iter().flat_map(|image| image.names.iter().chain([&image.id])));
        }
        let mut used = BTreeMap::<_, BTreeSet<_>>::new();
        for container in &listing.containers {
            let mounts = container.image_mounts.iter().filter(|image| mountable.contains(image));
            for image in mounts.chain([&container.image]) {
                used.entry(Arc::clone(image)).or_default().insert(handler(&container.runtime_handler));
            }
        }
        let index = |image: &ListedImage| {
            let runtime_handler = handler(&image.runtime_handler);
            let is_any = |test: &dyn Fn(&Arc<str>) -> bool| test(&image.id) || image.names.iter().any(test);
            let in_use = is_any(&|name| {
                listing.sandbox_image.as_ref() == Some(name)
                    || used.get(name).is_some_and(|handlers| handlers.contains(&runtime_handler))
            });
            IndexedImage {
                in_use,
                needed: is_any(&|name| listing.needed.contains(name)),
                no_cache: is_any(&|name| listing.no_cache.contains(name)),
                id: Arc::clone(&image.id),
                runtime_handler,
                size_bytes: image.size_bytes,
                pinned: image.pinned,
            }
        };
        let mut images: Vec<_> = listing.images.iter().map(index).collect();
        images.sort_by(|a, b| a.key().cmp(&b.key()));
        images.dedup_by(|again, image| {
            let is_same = again.key() == image.key();
            if is_same {
                image.merge(again);
            }
            is_same
        });
        Self { images, used }
    }

    /// What containers use, as they name it, with the handlers that it is used with: what they were made from, listed
    /// or not, and what is listed of their mounts.
    pub fn in_use(&self) -> impl Iterator<Item = (&Arc<str>, &BTreeSet<Arc<str>>)> {
        self.used.iter()
    }
}

impl IndexedImage {
    pub(super) fn key(&self) -> (&str, &str) {
        (&self.id, &self.runtime_handler)
    }

    fn merge(&mut self, again: &Self) {
        self.size_bytes = self.size_bytes.max(again.size_bytes);
        self.pinned |= again.pinned;
        self.in_use |= again.in_use;
        self.needed |= again.needed;
        self.no_cache |= again.no_cache;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_is_listed_twice_is_one() {
        let image = |size_bytes, pinned, name: &str| ListedImage {
            id: "a".into(),
            names: vec![name.into()],
            size_bytes,
            pinned,
            ..ListedImage::default()
        };
        for (first, second) in [("web:1", "web:2"), ("web:2", "web:1")] {
            let mut listing = ImageListing {
                images: vec![image(5, true, first), image(7, false, second)],
                needed: ["web:2".into()].into(),
                ..ImageListing::default()
            };
            let inventory = ImageInventory::new(&listing, FeatureGates::default());
            let [image] = &*inventory.images else { panic!("{inventory:?}") };
            assert_eq!((image.size_bytes, image.pinned, image.needed, image.in_use), (7, true, true, false));
            listing.containers = vec![ImageUser { image: "web:2".into(), ..ImageUser::default() }];
            listing.no_cache = ["web:2".into()].into();
            let inventory = ImageInventory::new(&listing, FeatureGates::default());
            assert!(inventory.images[0].in_use && inventory.images[0].no_cache);
        }
    }

    #[test]
    fn an_image_is_used_by_any_of_its_names() {
        let listing = |user: ImageUser, sandbox_image| ImageListing {
            images: vec![ListedImage {
                id: "a".into(),
                runtime_handler: "gvisor".into(),
                names: vec!["web:1".into()],
                ..ListedImage::default()
            }],
            containers: vec![user],
            sandbox_image,
            ..ImageListing::default()
        };
        let user = |image: &str, mount: &str, handler: &str| ImageUser {
            image: image.into(),
            image_mounts: vec![mount.into()],
            runtime_handler: handler.into(),
        };
        let is_used = |user: ImageUser, gates: &str| {
            ImageInventory::new(&listing(user, None), gates.parse().unwrap()).images[0].in_use
        };
        assert!(is_used(user("a", "", ""), "") && is_used(user("web:1", "", ""), ""));
        assert!(!is_used(user("b", "a", ""), "") && is_used(user("b", "a", ""), "ImageVolume=true"));
        let by_handler = "RuntimeClassInImageCriApi=true";
        assert!(!is_used(user("a", "", ""), by_handler) && is_used(user("a", "", "gvisor"), by_handler));
        let sandboxes = listing(user("b", "", ""), Some("web:1".into()));
        assert!(ImageInventory::new(&sandboxes, FeatureGates::default()).images[0].in_use);
    }
}
