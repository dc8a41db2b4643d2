//! What the machine that collects asks for; and looking at images where the runtime collects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::try_join3;
use futures::stream::{StreamExt, TryStreamExt, iter};

use super::{GarbageCollection, ImagePorts, Images, ImagesEvent, ImagesNote, names_of, spellings};
use crate::behaviour::Feature;
use crate::driver::limit::answered;
use crate::image::{
    ImageFilesystem, ImageGcAction, ImageGcEvent, ImageGcOutcome, ImageInventory, ImageListing, ImageUser,
    ListedImage, PullerEvent,
};
use crate::machine::{OperationId, Timestamp};
use crate::runtime::{Container, ContainerFilter, Image, ImageError, ImageSpec, RuntimeError};

/// How many containers are asked at once what they have mounted.
const ASKED_AT_ONCE: usize = 16;

/// What a call came to.
pub(super) enum Answer {
    /// What the runtime has, for a collection or only to know.
    Seen(Option<OperationId>, Result<Seen, Arc<str>>),
    Measured(OperationId, Result<ImageFilesystem, Arc<str>>),
    Removed(OperationId, Result<(), ImageError>),
}

/// What the runtime has.
pub(super) struct Seen {
    /// When it was asked.
    at: Timestamp,
    images: Vec<Image>,
    containers: Vec<ImageUser>,
    needed: BTreeSet<Arc<str>>,
}

/// A removal that is under way.
pub(super) struct Removing {
    operation: OperationId,
    pub(super) id: Arc<str>,
}

impl Images {
    pub(super) fn carry_out_collection(&mut self, action: ImageGcAction) {
        match action {
            ImageGcAction::Observe { operation } => {
                let (ports, limit, now) =
                    (self.ports.clone(), self.settings.call_timeout, self.ports.clock.now());
                let with_mounts = self.settings.behaviour.gates.enabled(Feature::ImageVolume);
                self.call_to_collect(async move {
                    let seen = see(&ports, now, with_mounts);
                    Answer::Seen(Some(operation), answered(&*ports.clock, limit, no_answer, seen).await)
                });
            }
            ImageGcAction::Measure { operation } => {
                let (ports, limit) = (self.ports.clone(), self.settings.call_timeout);
                self.call_to_collect(async move {
                    let room = answered(&*ports.clock, limit, no_answer, measure(&ports)).await;
                    Answer::Measured(operation, room)
                });
            }
            ImageGcAction::Remove { operation, removal } => {
                let spec = ImageSpec {
                    runtime_handler: Arc::clone(&removal.runtime_handler),
                    ..ImageSpec::from(Arc::clone(&removal.id))
                };
                self.removing = Some(Removing { operation, id: Arc::clone(&removal.id) });
                self.tell(&ImagesEvent::Removing(removal));
                let (ports, limit) = (self.ports.clone(), self.settings.call_timeout);
                self.call_to_collect(async move {
                    let (late, removed) = (ImageError::DeadlineExceeded, ports.images.remove_image(&spec));
                    Answer::Removed(operation, answered(&*ports.clock, limit, late, removed).await)
                });
            }
            ImageGcAction::Reclaimed { request, result } => {
                if let Some(sender) = self.reclaims.remove(&request) {
                    // Nobody waits for it any more, then.
                    let _ = sender.send(result);
                }
            }
            ImageGcAction::Warn { reason, message } => self.tell(&ImagesEvent::Node { reason, message }),
            ImageGcAction::Note(note) => self.note(ImagesNote::Collection(note)),
        }
    }

    pub(super) fn take_collection(&mut self, answer: Answer) {
        let (operation, outcome) = match answer {
            Answer::Seen(operation, Ok(seen)) => {
                let inventory = operation.map(|operation| (operation, self.inventory(&seen)));
                self.listed(&seen);
                let Some((operation, inventory)) = inventory else { return };
                (operation, ImageGcOutcome::Observed(Arc::new(inventory)))
            }
            Answer::Seen(Some(operation), Err(error)) => (operation, ImageGcOutcome::Failed(error)),
            Answer::Seen(None, Err(error)) => return self.note(ImagesNote::Look { error }),
            Answer::Measured(operation, Ok(room)) => (operation, ImageGcOutcome::Measured(room)),
            Answer::Measured(operation, Err(error)) => (operation, ImageGcOutcome::Failed(error)),
            Answer::Removed(operation, removed) => (operation, self.removed(operation, removed)),
        };
        self.hand_collection(ImageGcEvent::Done { operation, outcome });
    }

    /// Looks at the runtime's images when it is time, where it collects them itself.
    pub(super) fn look(&mut self, now: Timestamp) {
        let GarbageCollection::Runtime { look_every } = self.settings.collection else { return };
        if self.look_at.is_none_or(|at| at > now) {
            return;
        }
        self.look_at = Some(now + look_every.max(std::time::Duration::from_nanos(1)));
        let (ports, limit) = (self.ports.clone(), self.settings.call_timeout);
        self.call_to_collect(async move {
            let images = ports.images.list_images(None);
            let images = answered(&*ports.clock, limit, ImageError::DeadlineExceeded, images).await;
            let seen = |images| Seen { at: now, images, containers: Vec::new(), needed: BTreeSet::new() };
            Answer::Seen(None, images.map(seen).map_err(|error| text(&error)))
        });
    }

    /// What the machine that collects is shown.
    fn inventory(&self, seen: &Seen) -> ImageInventory {
        let wanted = self.puller.requests().map(|request| &request.image);
        let ordered = self.orders.values().map(|order| &order.order.request.image);
        let pulled = self.pulls.values().map(|pull| &pull.image);
        let needed = seen.needed.iter().chain(wanted).chain(ordered).chain(pulled);
        let listing = ImageListing {
            images: seen.images.iter().map(ListedImage::from).collect(),
            containers: seen.containers.clone(),
            sandbox_image: self.settings.sandbox_image.clone(),
            needed: needed.flat_map(spellings).collect(),
            no_cache: self.no_cache.keys().cloned().collect(),
        };
        ImageInventory::new(&listing, self.settings.behaviour.gates)
    }

    /// What is there was listed: what is not there any more is forgotten.
    fn listed(&mut self, seen: &Seen) {
        let names = |image: &Image| image.names().cloned().collect::<Vec<_>>();
        let listed: BTreeMap<_, _> =
            seen.images.iter().map(|image| (Arc::clone(&image.id), names(image))).collect();
        self.settle_doubts(seen);
        let present: BTreeSet<&str> = seen.images.iter().flat_map(names_of).map(|name| &**name).collect();
        if self.records.prune(&present, seen.at) > 0 {
            self.tell_records();
        }
        self.no_cache.retain(|id, (_, since)| *since >= seen.at || listed.contains_key(id));
        let before = std::mem::replace(&mut self.listed, listed);
        for (id, names) in before {
            if !self.listed.contains_key(&id) {
                self.is_gone(&id, names);
                self.tell(&ImagesEvent::Vanished { id });
            }
        }
    }

    /// What was pulled with no known end, and is there, was fetched by somebody who is not known. What has not shown up
    /// for as long as a pull may take has not come.
    fn settle_doubts(&mut self, seen: &Seen) {
        if self.doubtful.is_empty() {
            return;
        }
        let is_of = |doubtful: &Arc<str>, image: &Image| {
            spellings(doubtful).any(|name| names_of(image).any(|known| *known == name))
        };
        let mut settled = BTreeSet::new();
        for image in &seen.images {
            let of_image: Vec<_> = self.doubtful.keys().filter(|name| is_of(name, image)).cloned().collect();
            if !of_image.is_empty() {
                let names = of_image.iter().map(|name| &**name);
                self.records.agent_started(seen.at, [(&*image.id, names)]);
                settled.extend(of_image);
            }
        }
        let now = self.ports.clock.now();
        let patience = self.settings.pulls.pull_timeout;
        let is_pulled = |image: &Arc<str>| self.pulls.values().any(|pull| pull.image == *image);
        for (image, since) in &self.doubtful {
            if now.since(*since) >= patience && !is_pulled(image) && !settled.contains(image) {
                self.records.failed(image);
                settled.insert(Arc::clone(image));
            }
        }
        if !settled.is_empty() {
            self.doubtful.retain(|image, _| !settled.contains(image));
            self.tell_records();
        }
    }

    fn removed(&mut self, operation: OperationId, removed: Result<(), ImageError>) -> ImageGcOutcome {
        if let Some(removing) = self.removing.take_if(|removing| removing.operation == operation) {
            if removed.is_ok()
                && let Some(names) = self.listed.remove(&removing.id)
            {
                self.is_gone(&removing.id, names);
            }
            self.release_held();
        }
        match removed {
            Ok(()) => ImageGcOutcome::Removed,
            Err(error) => ImageGcOutcome::Failed(text(&error)),
        }
    }

    /// An image is gone, and takes no room any more.
    fn is_gone(&mut self, id: &Arc<str>, names: Vec<Arc<str>>) {
        self.no_cache.remove(id);
        for name in names.into_iter().chain([Arc::clone(id)]) {
            self.hand_pull(PullerEvent::Removed(name));
        }
    }

    /// Images by these names are needed.
    pub(super) fn need_names(&mut self, images: &BTreeSet<Arc<str>>) {
        if self.collection.is_none() {
            return;
        }
        let needed: BTreeSet<_> = images.iter().flat_map(spellings).collect();
        let of_name = self
            .listed
            .iter()
            .filter(|(id, names)| needed.contains(*id) || names.iter().any(|name| needed.contains(name)));
        let ids: Vec<_> = of_name.map(|(id, _)| Arc::clone(id)).collect();
        ids.into_iter().for_each(|id| self.hand_collection(ImageGcEvent::Needed { id }));
    }

    fn call_to_collect(&self, call: impl Future<Output = Answer> + Send + 'static) {
        self.calls.push(Box::pin(async move { super::Answer::Collection(call.await) }));
    }
}

/// Images, who uses them, and who needs them.
async fn see(ports: &ImagePorts, at: Timestamp, with_mounts: bool) -> Result<Seen, Arc<str>> {
    let images = async { ports.images.list_images(None).await.map_err(|error| text(&error)) };
    let needed = async { ports.pods.needed_images().await.map_err(|error| text(&error)) };
    let (images, containers, needed) = try_join3(images, users(ports, with_mounts), needed).await?;
    Ok(Seen { at, images, containers, needed })
}

/// Who uses images. What is mounted each container has to be asked.
async fn users(ports: &ImagePorts, with_mounts: bool) -> Result<Vec<ImageUser>, Arc<str>> {
    let listed = ports.runtime.list_containers(&ContainerFilter::default()).await;
    let listed = listed.map_err(|error| text(&error))?;
    if !with_mounts {
        return Ok(listed.iter().map(ImageUser::from).collect());
    }
    let asked = iter(listed).map(|container: Container| async move {
        match ports.runtime.container_status(&container.id).await {
            Ok(status) => Ok(Some(ImageUser::from(&status))),
            // It is gone meanwhile.
            Err(RuntimeError::NotFound(_)) => Ok(None),
            Err(error) => Err(text(&error)),
        }
    });
    asked.buffered(ASKED_AT_ONCE).try_filter_map(|user| async move { Ok(user) }).try_collect().await
}

/// How much room there is where images are.
async fn measure(ports: &ImagePorts) -> Result<ImageFilesystem, Arc<str>> {
    let info = ports.images.image_fs_info().await.map_err(|error| text(&error))?;
    let usage =
        info.of_images().ok_or_else(|| Arc::from("the image service names no file system of images"))?;
    ports.disk.room(usage).await.map_err(|error| text(&error))
}

fn text(error: &dyn std::fmt::Display) -> Arc<str> {
    error.to_string().into()
}

fn no_answer(limit: std::time::Duration) -> Arc<str> {
    text(&ImageError::DeadlineExceeded(limit))
}
