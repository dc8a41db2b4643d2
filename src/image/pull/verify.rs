//! Signatures, which are asked for before an image is handed out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::state::Asked;
use super::{
    PullFailure, PullId, PullReason, PullRequest, PullResult, Puller, PullerAction, PullerNote, answer,
    back_off_key, record,
};
use crate::api::GoDuration;
use crate::image::event::back_off_message;
use crate::image::{
    ImageEvent, SignatureMemory, SignatureMode, SignatureSubject, SignatureVerdict, SigningPod,
};
use crate::machine::{OperationId, Timestamp};

/// What is known of signatures, and what is being found out.
#[derive(Debug, Clone, Default)]
pub(super) struct Signatures {
    pub(super) memory: SignatureMemory,
    pub(super) checks: BTreeMap<OperationId, Check>,
    /// The check of each subject.
    asked: BTreeMap<SignatureSubject, OperationId>,
}

/// A question about a signature that is in flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Check {
    pub(super) operation: OperationId,
    pub(super) until: Timestamp,
    subject: SignatureSubject,
    /// The reference with its tag.
    image: Arc<str>,
    /// For whom it was asked first.
    request: Arc<PullRequest>,
    /// Who has the image already, and is told if its signature is not in order.
    #[serde(with = "by_id")]
    users: BTreeMap<PullId, Arc<PullRequest>>,
    /// Who waits for the answer. Their requests say so too.
    #[serde(skip)]
    held: BTreeSet<PullId>,
}

/// An image that is there, and is not handed out before its signature is known to be in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Held {
    pub(super) check: OperationId,
    event: ImageEvent,
    result: PullResult,
}

impl Puller {
    /// Hands an image out to a request that is not known any more, at once or when its signature is known to be in
    /// order.
    pub(super) fn hand_out(
        &mut self,
        mut asked: Asked,
        event: ImageEvent,
        result: PullResult,
        actions: &mut Vec<PullerAction>,
    ) {
        let Some((mode, subject)) = self.has_to_be_signed(&asked, &result) else {
            record(&asked.request, event, actions);
            return answer(&asked, result, actions);
        };
        let known = self.state.signatures.memory.get(&subject, self.state.now).cloned();
        match (mode, known) {
            (SignatureMode::Require, None) if self.is_refused(&asked) => self.refuse_for_now(&asked, actions),
            (SignatureMode::Require, None) => {
                let check = self.check(subject, &asked, actions);
                asked.held = Some(Box::new(Held { check, event, result }));
                let id = asked.request.id.clone();
                self.state.hold(&id, check);
                self.state.requests.insert(id, asked);
            }
            (SignatureMode::Require, Some(SignatureVerdict::Invalid { reason })) => {
                if self.is_refused(&asked) {
                    self.refuse_for_now(&asked, actions);
                } else {
                    self.fail_unsigned(&[asked], &reason, actions);
                }
            }
            (_, known) => {
                record(&asked.request, event, actions);
                answer(&asked, result, actions);
                match known {
                    Some(SignatureVerdict::Invalid { reason }) => warn(&asked.request, &reason, actions),
                    None if !asked.request.prefetch => {
                        let check = self.check(subject, &asked, actions);
                        if let Some(check) = self.state.signatures.checks.get_mut(&check) {
                            check.users.insert(asked.request.id.clone(), asked.request);
                        }
                    }
                    Some(SignatureVerdict::Valid { .. }) | None => {}
                }
            }
        }
    }

    /// How much it matters that an image is signed, and what has to be; `None`: not at all.
    fn has_to_be_signed(
        &self,
        asked: &Asked,
        result: &PullResult,
    ) -> Option<(SignatureMode, SignatureSubject)> {
        let policy = &self.config.signatures;
        if policy.rules.is_empty() {
            return None;
        }
        let request = &asked.request;
        let pod = match (&request.pod, request.id.pod()) {
            (Some(pod), _) => SigningPod::Of(&pod.namespace),
            (None, Some(_)) => SigningPod::Unknown,
            (None, None) => SigningPod::None,
        };
        let rule = policy.rule(&asked.target.image, pod).filter(|rule| rule.mode != SignatureMode::Off)?;
        let subject = SignatureSubject {
            authority: Arc::clone(&rule.authority),
            repository: asked.target.image.repository().into(),
            image_ref: Arc::clone(result.image_ref()?),
        };
        Some((rule.mode, subject))
    }

    /// Asks for a signature, unless that is being asked already.
    fn check(
        &mut self,
        subject: SignatureSubject,
        asked: &Asked,
        actions: &mut Vec<PullerAction>,
    ) -> OperationId {
        // What is no content may mean something else by the time of the answer.
        if let Some(check) = self.state.signatures.asked.get(&subject).filter(|_| subject.is_content()) {
            return *check;
        }
        let check = Check {
            operation: self.state.operations.issue(),
            until: self.state.now + self.config.call_timeout,
            subject,
            image: Arc::clone(&asked.image),
            request: Arc::clone(&asked.request),
            users: BTreeMap::new(),
            held: BTreeSet::new(),
        };
        let operation = check.operation;
        actions.push(check.question());
        self.state.add_check(check);
        operation
    }

    /// What came of a question about a signature.
    pub(super) fn verified(
        &mut self,
        operation: OperationId,
        verdict: Result<&SignatureVerdict, &str>,
        actions: &mut Vec<PullerAction>,
    ) {
        let Some((check, held)) = self.state.take_check(operation) else { return };
        let now = self.state.now;
        // What is over when it comes is no answer.
        let is_over = |until: &Option<Timestamp>| until.is_some_and(|until| until <= now);
        let wrong: Option<Arc<str>> = match verdict {
            Ok(SignatureVerdict::Valid { until }) if is_over(until) => {
                Some("the signature has expired".into())
            }
            Ok(SignatureVerdict::Valid { .. }) => None,
            Ok(SignatureVerdict::Invalid { reason }) => Some(Arc::clone(reason)),
            Err(error) => Some(format!("it could not be checked: {error}").into()),
        };
        if let Ok(verdict) = verdict {
            self.state.signatures.memory.remember(&check.subject, verdict, &self.config.signatures, now);
        }
        match wrong {
            None => {
                for mut asked in held {
                    let Some(held) = asked.held.take() else { continue };
                    let key = back_off_key(&asked.request, &asked.target, self.behaviour.compat);
                    if self.state.errors.get(&key).is_some_and(|error| is_of_signature(error)) {
                        self.state.errors.remove(&key);
                        self.state.back_off.reset(&key);
                    }
                    record(&asked.request, held.event, actions);
                    answer(&asked, held.result, actions);
                }
            }
            Some(reason) => {
                check.users.values().for_each(|request| warn(request, &reason, actions));
                self.fail_unsigned(&held, &reason, actions);
            }
        }
    }

    /// A question about a signature was not answered in time.
    pub(super) fn check_overdue(&mut self, operation: OperationId, actions: &mut Vec<PullerAction>) {
        actions.push(PullerAction::Note(PullerNote::TimedOut { operation }));
        let error = format!("no answer within {}", GoDuration(self.config.call_timeout));
        self.verified(operation, Err(&error), actions);
    }

    /// Nobody gets an image whose signature is not in order, and it is not tried again for a while.
    fn fail_unsigned(&mut self, asked: &[Asked], reason: &str, actions: &mut Vec<PullerAction>) {
        let error = format!("{}: {reason}", PullReason::SignatureValidationFailed);
        self.fail_all(asked, &error, actions);
    }

    /// Whether its signature was not in order a short while ago.
    fn is_refused(&self, asked: &Asked) -> bool {
        let key = back_off_key(&asked.request, &asked.target, self.behaviour.compat);
        self.state.errors.get(&key).is_some_and(|error| is_of_signature(error))
            && self.state.back_off.is_in_back_off_since_update(&key, self.state.now)
    }

    /// An image is not tried yet.
    pub(super) fn refuse_for_now(&self, asked: &Asked, actions: &mut Vec<PullerAction>) {
        let key = back_off_key(&asked.request, &asked.target, self.behaviour.compat);
        let image = &asked.request.image;
        let mut message = back_off_message(image);
        if let Some(error) = self.state.errors.get(&key) {
            message = format!("{message}: {error}");
        }
        record(&asked.request, ImageEvent::back_off(image), actions);
        let until = self.state.back_off.ends(&key);
        let failure = PullFailure::new(PullReason::ImagePullBackOff, message).retry_at(until);
        answer(asked, PullResult::Failed(failure), actions);
    }

    /// Asks anew for those who have an image already. Whoever waits for one is looked after from the beginning.
    pub(super) fn restart_checks(&mut self, actions: &mut Vec<PullerAction>) {
        let checks = std::mem::take(&mut self.state.signatures.checks);
        self.state.signatures.asked.clear();
        for (_, mut check) in checks {
            if !check.users.is_empty() {
                check.operation = self.state.operations.issue();
                check.until = self.state.now + self.config.call_timeout;
                check.held.clear();
                actions.push(check.question());
                self.state.add_check(check);
            }
        }
    }
}

impl super::state::State {
    pub(super) fn add_check(&mut self, check: Check) {
        self.deadlines.insert((check.until, check.operation));
        self.signatures.asked.insert(check.subject.clone(), check.operation);
        self.signatures.checks.insert(check.operation, check);
    }

    /// Joins a request to the check that it waits for; whether there is one.
    pub(super) fn hold(&mut self, id: &PullId, check: OperationId) -> bool {
        self.signatures.checks.get_mut(&check).is_some_and(|check| check.held.insert(id.clone()))
    }

    /// A request does not wait for a check any more.
    pub(super) fn release(&mut self, id: &PullId, check: OperationId) {
        if let Some(check) = self.signatures.checks.get_mut(&check) {
            check.held.remove(id);
        }
    }

    /// Forgets a check, and takes those who wait for it, in order.
    fn take_check(&mut self, operation: OperationId) -> Option<(Check, Vec<Asked>)> {
        let check = self.signatures.checks.remove(&operation)?;
        self.deadlines.remove(&(check.until, operation));
        if self.signatures.asked.get(&check.subject) == Some(&operation) {
            self.signatures.asked.remove(&check.subject);
        }
        let held = check.held.iter().filter_map(|id| self.requests.remove(id)).collect();
        Some((check, held))
    }
}

impl Check {
    /// As it is stored.
    pub(super) fn stored(&self) -> Self {
        Self { held: BTreeSet::new(), ..self.clone() }
    }

    pub(super) fn move_back(&mut self, by: Duration) {
        self.until = self.until.moved_back(by);
    }

    fn question(&self) -> PullerAction {
        PullerAction::VerifySignature {
            operation: self.operation,
            image: Arc::clone(&self.image),
            subject: Box::new(self.subject.clone()),
            request: Arc::clone(&self.request),
        }
    }
}

/// Whether a pull failed for a signature.
fn is_of_signature(error: &str) -> bool {
    error.starts_with(PullReason::SignatureValidationFailed.as_str())
}

fn warn(request: &PullRequest, reason: &str, actions: &mut Vec<PullerAction>) {
    record(request, ImageEvent::unsigned(&request.image, reason), actions);
}

/// Requests by their ids, stored as a list.
mod by_id {
    use serde::{Deserializer, Serializer};

    use super::{Arc, BTreeMap, Deserialize, PullId, PullRequest};

    type Requests = BTreeMap<PullId, Arc<PullRequest>>;

    pub(super) fn serialize<S: Serializer>(requests: &Requests, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(requests.values())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Requests, D::Error> {
        let requests = Vec::<Arc<PullRequest>>::deserialize(from)?;
        Ok(requests.into_iter().map(|request| (request.id.clone(), request)).collect())
    }
}
