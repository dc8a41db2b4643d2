//! The pulls of pods: all of a node go through one driver of images.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::{AbortHandle, abortable};

use super::calls::{Subject, failed, within_limit};
use super::images::PullOrder;
use super::{Answer, Core, Handle};
use crate::api::{Pod, Uid};
use crate::behaviour::Feature;
use crate::container::ContainerIndex;
use crate::image::{PullId, PullPod, PullRequest, PullResult, PullUrgency};
use crate::machine::OperationId;
use crate::pod::{Event, Failure, LifecycleEvent, NeededImage, Outcome, Pods, PodsEvent};
use crate::runtime::{ImageError, PodImages};

/// The reference that containers are made from, of the image that a container has in its spec.
#[derive(Clone)]
pub(super) struct KnownImage {
    pub(super) image: Arc<str>,
    pub(super) image_ref: Arc<str>,
}

impl Core {
    /// Sees to it that an image is there, for as long as the pod waits for it.
    pub(super) fn start_pull(
        &mut self,
        uid: Uid,
        operation: OperationId,
        (container, which): (ContainerIndex, NeededImage),
    ) {
        let Some(subject) = self.subject(&uid) else { return };
        let (pull, abort) = abortable(async move {
            let limit = subject.settings.patience;
            within_limit(&subject, limit, subject.ensure_image(container, which)).await
        });
        self.pulls.insert((uid.clone(), operation), abort);
        self.calls.push(Box::pin(async move {
            let Ok(ensured) = pull.await else { return Answer::GivenUp(uid, operation) };
            let (image, outcome) = match ensured {
                Ok(image) => (Some((container, which, image)), Outcome::Done),
                Err(failure) => (None, Outcome::Failed(Box::new(failure))),
            };
            let event = LifecycleEvent::Pod(Event::Done { operation, outcome });
            let image = image.and_then(|(container, which, image)| {
                image.filter(|_| which == NeededImage::Container).map(|image| (container, image))
            });
            Answer::Ensured { event: PodsEvent::Pod { uid: uid.clone(), event }, uid, operation, image }
        }));
    }

    /// Drops the pulls that no pod waits for any more.
    pub(super) fn drop_pulls(&mut self) {
        let pods = &self.pods;
        let waits = |uid: &Uid, operation: OperationId| {
            pods.lifecycle(uid).is_some_and(|lifecycle| lifecycle.worker().is_in_flight(operation))
        };
        self.pulls.retain(|(uid, operation), abort| {
            let is_waited_for = waits(uid, *operation);
            if !is_waited_for {
                AbortHandle::abort(abort);
            }
            is_waited_for
        });
    }

    /// Asks for the images of a pod that come later than this one.
    pub(super) fn prefetch(&self, uid: &Uid, (container, which): (ContainerIndex, NeededImage)) {
        let Some(subject) = self.subject(uid) else { return };
        let all = (0..).map(ContainerIndex).zip(subject.compiled.containers());
        let all = all.flat_map(|(index, compiled)| compiled.images().map(move |image| (index, image)));
        for needed in all.skip_while(|needed| *needed != (container, which)).skip(1) {
            let Some(request) = subject.pull_request(needed.0, needed.1) else { continue };
            let urgency = PullUrgency { blocks_next_container: false, ..request.urgency };
            self.images.want(PullRequest { prefetch: true, urgency, ..request }.into());
        }
    }
}

impl Subject {
    /// Sees to it that an image is there, by its pull policy: what containers are made from then.
    async fn ensure_image(
        &self,
        container: ContainerIndex,
        which: NeededImage,
    ) -> Result<Option<KnownImage>, Failure> {
        let Some(request) = self.pull_request(container, which) else { return Ok(None) };
        let image = Arc::clone(&request.image);
        // The pod travels with its pull, as what its sandbox is made from.
        let sandbox_config = self.sandbox_config(self.latest_attempt()).await?;
        let order = PullOrder { request, sandbox_config: Some(Arc::new(sandbox_config)) };
        match self.images.pull(order).await {
            Ok(PullResult::Failed(failure)) => {
                Err(Failure { reason: failure.reason.as_str().into(), message: failure.message })
            }
            Ok(pulled) => {
                let image_ref = pulled.image_ref().map(Arc::clone);
                Ok(image_ref.map(|image_ref| KnownImage { image, image_ref }))
            }
            Err(stopped) => Err(failed(&ImageError::Unavailable(stopped.to_string().into()))),
        }
    }

    /// What is asked for: what a pod waits for blocks its next container.
    fn pull_request(&self, container: ContainerIndex, which: NeededImage) -> Option<PullRequest> {
        let compiled = self.compiled.container(container)?;
        let (image, policy) = compiled.image(which)?;
        let meta = &self.pod.metadata;
        let pod = meta.uid.clone();
        let id = match which {
            NeededImage::Container => {
                PullId::Container { pod, name: self.compiled.name_of(container).into() }
            }
            NeededImage::Volume(volume) => {
                let volume = self.pod.spec.volumes.get(usize::try_from(volume.0).ok()?)?;
                PullId::Volume { pod, name: volume.name.as_str().into() }
            }
        };
        let by_handler = self.compiled.behaviour.gates.enabled(Feature::RuntimeClassInImageCriApi);
        let mut request = PullRequest {
            policy,
            runtime_handler: if by_handler { self.handler().ok()?.into() } else { Arc::default() },
            urgency: PullUrgency {
                node_critical: self.pod.is_node_critical(),
                blocks_next_container: true,
                priority: self.pod.spec.priority.unwrap_or(0),
            },
            pod: Some(Arc::new(PullPod {
                namespace: meta.namespace.as_str().into(),
                name: meta.name.as_str().into(),
                uid: meta.uid.clone(),
                service_account: self.pod.spec.service_account_name.as_str().into(),
            })),
            ..PullRequest::new(id, Arc::clone(image))
        };
        if let Some(adjust) = &self.adjust {
            adjust(&self.pod, &mut request);
        }
        Some(request)
    }
}

#[async_trait]
impl PodImages for Handle {
    /// The images of all pods of the driver but those that have ended.
    async fn needed_images(&self) -> Result<BTreeSet<Arc<str>>, ImageError> {
        let needed = self.look(needed_images).await;
        needed.map_err(|stopped| ImageError::Unavailable(stopped.to_string().into()))
    }
}

fn needed_images(pods: &Pods) -> BTreeSet<Arc<str>> {
    let live = pods
        .uids()
        .filter(|uid| pods.lifecycle(uid).is_none_or(|lifecycle| !lifecycle.worker().is_terminated()));
    live.filter_map(|uid| pods.pod(uid)).flat_map(|pod| images_of(pod)).collect()
}

/// All images of a pod, as it writes them.
pub(super) fn images_of(pod: &Pod) -> impl Iterator<Item = Arc<str>> {
    let spec = &pod.spec;
    let containers = spec.init_containers.iter().chain(&spec.containers).chain(&spec.ephemeral_containers);
    let volumes = spec.volumes.iter().filter_map(|volume| volume.image.as_ref());
    let images = containers.map(|container| &container.image).chain(volumes.map(|image| &image.reference));
    images.filter(|image| !image.is_empty()).map(|image| image.as_str().into())
}
