//! What the machine of the pulls asks for.

use std::sync::Arc;

use futures::future::{AbortHandle, abortable};

use super::credentials::PodKeyring;
use super::pulling::{PullContext, PullEnd, Pulled, Pulling, Step};
use super::{Images, ImagesEvent, ImagesNote};
use crate::driver::limit::{answered, within};
use crate::image::{
    Access, ImageGcEvent, ImagePresence, ImagePullCredentials, PullId, PullPod, PullRequest, PullResult,
    PullerAction, PullerEvent, PullerOutcome, SignatureSubject, SignatureVerdict,
};
use crate::machine::OperationId;
use crate::runtime::{
    Image, ImageError, ImageSpec, POD_NAME_LABEL, POD_NAMESPACE_LABEL, POD_UID_LABEL, PodSandboxConfig,
    PodSandboxMetadata, PullUpdate, SignatureError, SignatureRequest,
};

/// What a call came to.
pub(super) enum Answer {
    /// Whether an image is there.
    Looked(Look, Box<Result<Option<Image>, ImageError>>),
    /// What the pod presents for an image that is there.
    Presented(Look, Box<Image>, ImagePullCredentials),
    /// How a pull goes on, or nothing: it was given up.
    Step(OperationId, Option<Step>),
    /// Whether an image is signed as it has to be.
    Checked(OperationId, Result<SignatureVerdict, SignatureError>),
    /// Whether an image is there still that was pulled while it was removed.
    Rechecked(OperationId, Pulled, bool),
}

/// The question whether an image is there.
#[derive(Clone)]
pub(super) struct Look {
    operation: OperationId,
    image: Arc<str>,
    request: Arc<PullRequest>,
}

/// A pull that is under way.
pub(super) struct UnderWay {
    /// The reference, with its tag.
    pub(super) image: Arc<str>,
    request: Arc<PullRequest>,
    abort: AbortHandle,
}

/// What waits for the end of a removal.
pub(super) enum Held {
    Look(Look),
    Pulled(OperationId, Pulled),
}

impl Images {
    pub(super) fn carry_out_pull(&mut self, action: PullerAction) {
        match action {
            PullerAction::Look { operation, image, request } => {
                self.start_look(Look { operation, image, request });
            }
            PullerAction::Pull { operation, image, request } => self.start_pull(operation, image, request),
            PullerAction::CancelPull { operation } => {
                if let Some(pull) = self.pulls.get(&operation) {
                    pull.abort.abort();
                }
            }
            PullerAction::VerifySignature { operation, image, subject, request } => {
                let SignatureSubject { authority, image_ref, .. } = *subject;
                let pod = request.pod.clone();
                self.start_check(operation, SignatureRequest { image, image_ref, authority, pod });
            }
            PullerAction::Answer { id, result } => self.answer(&id, *result),
            PullerAction::Record { id, event } => self.tell(&ImagesEvent::Pod { id, event }),
            PullerAction::Progress(standing) => self.tell(&ImagesEvent::Progress(standing)),
            PullerAction::Note(note) => self.note(ImagesNote::Pull(note)),
        }
    }

    pub(super) fn take_pull(&mut self, answer: Answer) {
        match answer {
            Answer::Looked(look, status) => self.looked(look, *status),
            Answer::Presented(look, image, presented) => {
                let presence = self.prove(&look, &image, &presented);
                self.say_presence(&look, presence.unwrap_or(ImagePresence::Unproven));
            }
            Answer::Step(operation, step) => self.pull_goes_on(operation, step),
            Answer::Checked(operation, verdict) => {
                let outcome = match verdict {
                    Ok(verdict) => PullerOutcome::Verified(verdict),
                    Err(error) => PullerOutcome::Failed(error.to_string().into()),
                };
                self.hand_pull(PullerEvent::Done { operation, outcome });
            }
            Answer::Rechecked(operation, pulled, is_there) => {
                if is_there {
                    self.pulled(operation, pulled);
                } else {
                    self.pull_again(operation);
                }
            }
        }
    }

    /// An answer to a request whose place another one has taken is nobody's.
    fn answer(&mut self, id: &PullId, result: PullResult) {
        if self.orders.get(id).is_none_or(|order| order.keyring.is_none()) {
            return;
        }
        if let Some(sender) = self.orders.remove(id).and_then(|order| order.sender) {
            // Nobody waits for it any more, then.
            let _ = sender.send(result);
        }
    }

    fn start_look(&self, look: Look) {
        let (ports, limit) = (self.ports.clone(), self.settings.call_timeout);
        let spec = self.spec(&look.image, &look.request);
        self.call(async move {
            let status = ports.images.image_status(&spec);
            let status = answered(&*ports.clock, limit, ImageError::DeadlineExceeded, status).await;
            Answer::Looked(look, Box::new(status))
        });
    }

    fn looked(&mut self, look: Look, status: Result<Option<Image>, ImageError>) {
        let image = match status {
            Ok(Some(image)) => image,
            other => return self.say_presence(&look, other.into()),
        };
        let owner = self.no_cache.get(&image.id).map(|(pod, _)| pod);
        if owner.is_some_and(|owner| look.request.id.pod() != Some(owner)) {
            return self.say_presence(&look, ImagePresence::Unproven);
        }
        // Plugins are asked only if what is at hand is not enough.
        let keyring = self.keyring_of(&look.request);
        let own = keyring.as_ref().map(|keyring| self.registrar.own_entries(keyring, &look.request.image));
        let presented = own.map(|own| ImagePullCredentials::presented(&own)).unwrap_or_default();
        match self.prove(&look, &image, &presented) {
            Some(presence) => self.say_presence(&look, presence),
            None => self.ask_for_proof(look, Box::new(image), keyring),
        }
    }

    /// Whether the pod may use an image that is there; nothing, if what it presents does not prove it.
    fn prove(
        &mut self,
        look: &Look,
        image: &Image,
        presented: &ImagePullCredentials,
    ) -> Option<ImagePresence> {
        let (now, verification) = (self.ports.clock.now(), &self.settings.verification);
        let (access, has_learned) = self.records.verify(now, verification, &look.image, &image.id, presented);
        if has_learned {
            self.tell_records();
        }
        match access {
            Access::Granted(_) => Some(ImagePresence::Present(Arc::clone(&image.id))),
            Access::MustPull => None,
        }
    }

    fn ask_for_proof(&self, look: Look, image: Box<Image>, keyring: Option<Arc<PodKeyring>>) {
        let registrar = Arc::clone(&self.registrar);
        self.call(async move {
            let keyring = match keyring {
                Some(keyring) => keyring,
                None => Arc::new(registrar.of_pod(&look.request).await),
            };
            let entries = registrar.entries(&keyring, &look.request).await.unwrap_or_default();
            let presented = ImagePullCredentials::presented(&entries.iter().collect::<Vec<_>>());
            Answer::Presented(look, image, presented)
        });
    }

    fn say_presence(&mut self, look: &Look, presence: ImagePresence) {
        if let ImagePresence::Present(id) = &presence {
            // What is being removed is looked at again when that is over.
            if self.removing.as_ref().is_some_and(|removing| removing.id == *id) {
                return self.held.push(Held::Look(look.clone()));
            }
            self.hand_collection(ImageGcEvent::Needed { id: Arc::clone(id) });
        }
        let outcome = PullerOutcome::Looked(presence);
        self.hand_pull(PullerEvent::Done { operation: look.operation, outcome });
    }

    fn start_check(&self, operation: OperationId, request: SignatureRequest) {
        let (ports, limit) = (self.ports.clone(), self.settings.call_timeout);
        self.call(async move {
            let verdict = ports.signatures.verify(&request);
            let late = SignatureError::DeadlineExceeded;
            Answer::Checked(operation, answered(&*ports.clock, limit, late, verdict).await)
        });
    }

    fn start_pull(&mut self, operation: OperationId, image: Arc<str>, request: Arc<PullRequest>) {
        self.records.begin(&image);
        self.tell_records();
        let pulling = Pulling::new(
            PullContext {
                ports: self.ports.clone(),
                settings: Arc::clone(&self.settings),
                registrar: Arc::clone(&self.registrar),
            },
            self.spec(&image, &request),
            Arc::clone(&request),
            self.sandbox_config(&request),
            self.keyring_of(&request),
        );
        let abort = self.go_on(operation, Box::new(pulling));
        self.pulls.insert(operation, UnderWay { image, request, abort });
    }

    fn go_on(&self, operation: OperationId, pulling: Box<Pulling>) -> AbortHandle {
        let (next, abort) = abortable(pulling.next());
        self.call(async move { Answer::Step(operation, next.await.ok()) });
        abort
    }

    fn pull_goes_on(&mut self, operation: OperationId, step: Option<Step>) {
        match step {
            Some(Step::Update(update, pulling)) => {
                let is_given_up = self.pulls.get(&operation).is_none_or(|pull| pull.abort.is_aborted());
                if is_given_up {
                    drop(pulling);
                    return self.pull_failed(operation, None);
                }
                let event = match update {
                    PullUpdate::Progress(progress) => PullerEvent::Progress { operation, progress },
                    PullUpdate::Usable(image_ref) | PullUpdate::Pulled(image_ref) => {
                        PullerEvent::Usable { operation, image_ref }
                    }
                };
                let abort = self.go_on(operation, pulling);
                if let Some(pull) = self.pulls.get_mut(&operation) {
                    pull.abort = abort;
                }
                self.hand_pull(event);
            }
            Some(Step::Pulled(pulled)) => self.pulled(operation, pulled),
            Some(Step::Failed(end)) => self.pull_failed(operation, Some(end)),
            None => self.pull_failed(operation, None),
        }
    }

    fn pulled(&mut self, operation: OperationId, pulled: Pulled) {
        if self.removing.as_ref().is_some_and(|removing| removing.id == pulled.id) {
            return self.held.push(Held::Pulled(operation, pulled));
        }
        let Some(UnderWay { image, request, .. }) = self.pulls.remove(&operation) else { return };
        let now = self.ports.clock.now();
        let Pulled { image_ref, id, size_bytes, credentials } = pulled;
        self.records.succeeded(now, &image, &id, &credentials);
        self.tell_records();
        if let Some(pod) = request.id.pod().filter(|_| request.no_cache) {
            self.no_cache.insert(Arc::clone(&id), (pod.clone(), now));
        }
        self.hand_collection(ImageGcEvent::Needed { id });
        let outcome = PullerOutcome::Pulled { image_ref, size_bytes };
        self.hand_pull(PullerEvent::Done { operation, outcome });
    }

    /// A pull has failed, or was given up. What may have come all the same stays recorded as begun.
    fn pull_failed(&mut self, operation: OperationId, end: Option<PullEnd>) {
        let Some(UnderWay { image, .. }) = self.pulls.remove(&operation) else { return };
        let end = end.unwrap_or_else(|| PullEnd { error: "given up".into(), is_lost: true });
        if end.is_lost {
            self.doubtful.insert(image, self.ports.clock.now());
        } else {
            self.records.failed(&image);
            self.tell_records();
        }
        let outcome = PullerOutcome::Failed(end.error);
        self.hand_pull(PullerEvent::Done { operation, outcome });
    }

    /// A removal has ended: what waited for it is asked anew.
    pub(super) fn release_held(&mut self) {
        for held in std::mem::take(&mut self.held) {
            match held {
                Held::Look(look) => self.start_look(look),
                Held::Pulled(operation, pulled) => {
                    let (ports, limit) = (self.ports.clone(), self.settings.call_timeout);
                    let spec = ImageSpec::from(Arc::clone(&pulled.image_ref));
                    self.call(async move {
                        let status = within(&*ports.clock, limit, ports.images.image_status(&spec)).await;
                        Answer::Rechecked(operation, pulled, matches!(status, Some(Ok(Some(_)))))
                    });
                }
            }
        }
    }

    /// What was pulled was removed meanwhile.
    fn pull_again(&mut self, operation: OperationId) {
        let Some(UnderWay { image, request, abort }) = self.pulls.remove(&operation) else { return };
        self.records.failed(&image);
        if abort.is_aborted() {
            self.pulls.insert(operation, UnderWay { image, request, abort });
            self.pull_failed(operation, None);
        } else {
            self.start_pull(operation, image, request);
        }
    }

    fn keyring_of(&self, request: &PullRequest) -> Option<Arc<PodKeyring>> {
        self.orders.get(&request.id).and_then(|order| order.keyring.clone())
    }

    fn spec(&self, image: &Arc<str>, request: &PullRequest) -> ImageSpec {
        let annotations = self.sandbox_config(request).map(|config| config.annotations.clone());
        ImageSpec {
            image: Arc::clone(image),
            user_specified_image: Arc::clone(&request.image),
            runtime_handler: Arc::clone(&request.runtime_handler),
            annotations: annotations.unwrap_or_default(),
        }
    }

    /// What the runtime is told of the pod: as it was ordered, or what the request says.
    fn sandbox_config(&self, request: &PullRequest) -> Option<Arc<PodSandboxConfig>> {
        let ordered = self.orders.get(&request.id).and_then(|order| order.order.sandbox_config.clone());
        ordered.or_else(|| request.pod.as_deref().map(|pod| Arc::new(of_pod(pod))))
    }

    fn call(&self, call: impl Future<Output = Answer> + Send + 'static) {
        self.calls.push(Box::pin(async move { super::Answer::Pulls(call.await) }));
    }
}

/// As little as a runtime has to know of a pod.
fn of_pod(pod: &PullPod) -> PodSandboxConfig {
    let PullPod { namespace, name, uid, .. } = pod;
    let labels = [
        (POD_NAMESPACE_LABEL, namespace.to_string()),
        (POD_NAME_LABEL, name.to_string()),
        (POD_UID_LABEL, uid.to_string()),
    ];
    PodSandboxConfig {
        metadata: PodSandboxMetadata {
            name: name.to_string(),
            namespace: namespace.to_string(),
            uid: uid.clone(),
            attempt: 0,
        },
        labels: labels.map(|(label, value)| (label.to_owned(), value)).into(),
        ..PodSandboxConfig::default()
    }
}
