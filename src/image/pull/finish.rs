//! What comes of a pull, and what is made of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::state::{Asked, Running, Stage, State, Target};
use super::{
    PullFailure, PullResult, Puller, PullerAction, PullerNote, PullerOutcome, answer, back_off_key,
    failed_pull, record,
};
use crate::api::{GoDuration, ImagePullPolicy};
use crate::image::ImageEvent;
use crate::machine::OperationId;

impl Puller {
    /// What came of a pull.
    pub(super) fn ended(
        &mut self,
        operation: OperationId,
        outcome: &PullerOutcome,
        actions: &mut Vec<PullerAction>,
    ) {
        let Some(target) = self.state.running.get(&operation).cloned() else { return };
        let Some(running) = self.state.pulls.get(&target).and_then(|pull| pull.running()).cloned() else {
            return;
        };
        match outcome {
            PullerOutcome::Looked(_) | PullerOutcome::Verified(_) => {}
            PullerOutcome::Pulled { image_ref, size_bytes } => {
                self.pace_prefetch(&running, *size_bytes);
                self.pulled(&target, &running, (image_ref, *size_bytes), actions);
            }
            PullerOutcome::Failed(error) => {
                self.pace_prefetch(&running, 0);
                if running.is_cancelled {
                    // Whoever has come since then waits for a pull of its own.
                    let by_arrival = self.by_arrival();
                    self.state.requeue(&target, by_arrival);
                } else {
                    if running.usable.is_some() {
                        let (image, error) = (Arc::clone(&running.image), Arc::clone(error));
                        actions.push(PullerAction::Note(PullerNote::RestFailed { image, error }));
                    }
                    self.failed(&target, error, actions);
                }
            }
        }
    }

    fn pulled(
        &mut self,
        target: &Target,
        running: &Running,
        (image_ref, size_bytes): (&Arc<str>, u64),
        actions: &mut Vec<PullerAction>,
    ) {
        let now = self.state.now;
        let waiting = self.take_waiting(target);
        let by_arrival = self.by_arrival();
        self.state.requeue(target, by_arrival);
        if running.is_prefetch {
            // What has no known size takes room all the same.
            let image = (Arc::clone(image_ref), size_bytes.max(running.bytes()).max(1));
            self.state.prefetched.insert(target.image.clone(), image);
        } else if !waiting.is_empty() {
            self.state.prefetched.remove(&target.image);
        }
        if !self.behaviour.compat.keep_pull_back_off {
            let key = target.back_off_key();
            self.state.back_off.reset(&key);
            self.state.errors.remove(&key);
        }
        for asked in waiting {
            let took = now.since(running.started.max(asked.since));
            let took_with_waiting = now.since(asked.since);
            let event = ImageEvent::pulled(&asked.request.image, took, took_with_waiting, size_bytes);
            let image_ref = Arc::clone(image_ref);
            let no_cache = asked.request.no_cache;
            let result = PullResult::Pulled { image_ref, size_bytes, took, took_with_waiting, no_cache };
            self.hand_out(asked, event, result, actions);
        }
        self.forget_stale_back_off();
        // What is not cached is of use to nobody else.
        if target.owner.is_none() {
            self.look_again(target, actions);
        }
    }

    /// An image that somebody else waits to pull may be of use to him as well.
    fn look_again(&mut self, pulled: &Target, actions: &mut Vec<PullerAction>) {
        let from =
            Target { credentials: "".into(), runtime_handler: "".into(), owner: None, ..pulled.clone() };
        let same = self.state.pulls.range(from..).take_while(|(target, _)| target.image == pulled.image);
        let same = same
            .filter(|(target, _)| target.runtime_handler == pulled.runtime_handler && target.owner.is_none());
        let waiting = same.filter(|(_, pull)| pull.running().is_none()).flat_map(|(_, pull)| &pull.wanted_by);
        let ids: Vec<_> = waiting.cloned().collect();
        for id in ids {
            let Some(asked) = self.state.requests.get_mut(&id) else { continue };
            if asked.looked_again || asked.request.policy != ImagePullPolicy::IfNotPresent {
                continue;
            }
            asked.looked_again = true;
            let target = asked.target.clone();
            let by_arrival = self.by_arrival();
            self.state.leave(&id, &target, by_arrival);
            self.look(&id, actions);
        }
    }

    /// A pull has failed: those who waited for it are told, and it is not tried for a while.
    pub(super) fn failed(&mut self, target: &Target, error: &str, actions: &mut Vec<PullerAction>) {
        let waiting = self.take_waiting(target);
        let by_arrival = self.by_arrival();
        self.state.requeue(target, by_arrival);
        self.fail_all(&waiting, error, actions);
        if !self.behaviour.compat.keep_pull_back_off {
            self.forget_stale_back_off();
        }
    }

    pub(super) fn fail_all(&mut self, waiting: &[Asked], error: &str, actions: &mut Vec<PullerAction>) {
        let now = self.state.now;
        let mut counted = BTreeSet::new();
        for asked in waiting {
            let image = &asked.request.image;
            let failure = failed_pull(image, error);
            let key = back_off_key(&asked.request, &asked.target, self.behaviour.compat);
            if counted.insert(key.clone()) {
                self.state.back_off.next(&key, now, now);
                self.state.errors.insert(key.clone(), failure.to_string().into());
            }
            record(&asked.request, ImageEvent::pull_failed(image, error), actions);
            let failure = PullFailure { retry_at: Some(self.state.back_off.ends(&key)), ..failure };
            answer(asked, PullResult::Failed(failure), actions);
        }
    }

    /// The image can be used while the rest of it comes.
    pub(super) fn usable(
        &mut self,
        operation: OperationId,
        image_ref: &Arc<str>,
        actions: &mut Vec<PullerAction>,
    ) {
        let Some(target) = self.state.running.get(&operation).cloned() else { return };
        let Some(running) = self.state.pulls.get_mut(&target).and_then(|pull| pull.running_mut()) else {
            return;
        };
        running.usable = Some(Arc::clone(image_ref));
        self.serve_usable(&target, actions);
    }

    /// Tells those who wait for a pull that they need not any more, if that is so.
    pub(super) fn serve_usable(&mut self, target: &Target, actions: &mut Vec<PullerAction>) {
        let Some(pull) = self.state.pulls.get(target) else { return };
        let Some(running) = pull.running() else { return };
        let Some(image_ref) = running.usable.clone() else { return };
        let started = running.started;
        let wanted = pull.wanted_by.iter().filter_map(|id| self.state.requests.get(id));
        let wanted: Vec<_> = wanted.filter(|asked| !asked.request.prefetch).cloned().collect();
        for asked in wanted {
            let by_arrival = self.by_arrival();
            self.state.leave(&asked.request.id, target, by_arrival);
            self.state.requests.remove(&asked.request.id);
            self.state.prefetched.remove(&target.image);
            let took = self.state.now.since(started.max(asked.since));
            let event = ImageEvent::usable(&asked.request.image, took);
            let (image_ref, no_cache) = (Arc::clone(&image_ref), asked.request.no_cache);
            self.hand_out(asked, event, PullResult::Usable { image_ref, no_cache }, actions);
        }
    }

    /// A pull was not answered in time, or makes no progress.
    pub(super) fn overdue(&mut self, operation: OperationId, actions: &mut Vec<PullerAction>) {
        actions.push(PullerAction::Note(PullerNote::TimedOut { operation }));
        let Some(target) = self.state.running.get(&operation).cloned() else { return };
        let Some(running) = self.state.pulls.get(&target).and_then(|pull| pull.running()) else { return };
        let error: Arc<str> = match running.heard {
            Some(_) => format!("given up: no progress for {}", GoDuration(self.config.progress_deadline)),
            None => format!("given up: no answer within {}", GoDuration(self.config.pull_timeout)),
        }
        .into();
        if running.is_cancelled {
            return self.ended(operation, &PullerOutcome::Failed(error), actions);
        }
        if running.usable.is_some() {
            let (image, error) = (Arc::clone(&running.image), Arc::clone(&error));
            actions.push(PullerAction::Note(PullerNote::RestFailed { image, error }));
        }
        let waiting = self.take_waiting(&target);
        self.fail_all(&waiting, &error, actions);
        self.cancel(&target, actions);
    }

    /// Asks for the end of a pull. It counts as under way until that is said, or for as long as a call may take.
    pub(super) fn cancel(&mut self, target: &Target, actions: &mut Vec<PullerAction>) {
        let until = self.state.now + self.config.call_timeout;
        let Some(pull) = self.state.pulls.get_mut(target) else { return };
        let Some(running) = pull.running_mut().filter(|running| !running.is_cancelled) else { return };
        running.is_cancelled = true;
        actions.push(PullerAction::CancelPull { operation: running.operation });
        self.state.set_deadline(target, until);
    }

    /// Gives up a pull that nobody wants, unless containers use it already.
    pub(super) fn drop_unwanted(&mut self, target: &Target, actions: &mut Vec<PullerAction>) {
        let Some(pull) = self.state.pulls.get(target) else { return };
        if pull.wanted_by.is_empty() && pull.running().is_some_and(|running| running.usable.is_none()) {
            self.cancel(target, actions);
        }
    }

    /// Takes those who wait for a pull, in order.
    pub(super) fn take_waiting(&mut self, target: &Target) -> Vec<Asked> {
        let Some(pull) = self.state.pulls.get_mut(target) else { return Vec::new() };
        let ids = match &mut pull.stage {
            Stage::Running(_) => std::mem::take(&mut pull.wanted_by),
            // Its place in the queue goes by them.
            Stage::Queued { .. } => pull.wanted_by.clone(),
        };
        ids.iter().filter_map(|id| self.state.requests.remove(id)).collect()
    }

    /// The next that is fetched ahead of time waits for as long as this one may have taken.
    fn pace_prefetch(&mut self, running: &Running, size_bytes: u64) {
        let Some(rate) = self.config.prefetch.bytes_per_second.filter(|_| running.is_prefetch) else {
            return;
        };
        let come = running.bytes().max(size_bytes);
        let from = self.state.prefetch_from.max(running.started);
        self.state.prefetch_from = from + Duration::from_secs(come.div_ceil(u64::from(rate.get())));
    }

    fn forget_stale_back_off(&mut self) {
        let State { back_off, errors, now, .. } = &mut self.state;
        back_off.gc(*now);
        errors.retain(|key, _| !back_off.delay(key.as_str()).is_zero());
    }
}
