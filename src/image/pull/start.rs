//! Whose turn it is, and how a pull begins.

use std::sync::Arc;

use super::state::{Running, Stage, Target};
use super::{FAIR_PULL_TURN, Puller, PullerAction, back_off_key, record};
use crate::image::ImageEvent;

impl Puller {
    /// Begins as many pulls as may begin now.
    pub(super) fn start_pulls(&mut self, actions: &mut Vec<PullerAction>) {
        self.state.blocked_until = None;
        let now = self.state.now;
        while self.state.running.len() < self.config.slots() {
            let Some(target) = self.next_pull() else { return };
            let has_token = self.state.bucket.as_mut().is_none_or(|bucket| bucket.take(now));
            if has_token {
                self.start(&target, actions);
            } else if self.behaviour.compat.keep_pull_back_off {
                self.announce(&target, actions);
                self.failed(&target, "pull QPS exceeded", actions);
            } else {
                self.state.blocked_until = self.state.bucket.and_then(|bucket| bucket.next_token(now));
                return;
            }
        }
        self.make_room(actions);
    }

    /// The next one that can begin beside those under way.
    fn next_pull(&mut self) -> Option<Target> {
        let is_free = |target: &&Target| self.is_free(target);
        if self.state.turns >= FAIR_PULL_TURN - 1
            && let Some(longest) = self.state.arrivals.values().find(is_free)
        {
            return Some(longest.clone());
        }
        let (rank, target) = self.state.queue.iter().find(|(_, target)| self.is_free(target))?;
        let (is_prefetch, target) = (rank.is_prefetch, target.clone());
        (!is_prefetch || self.may_prefetch()).then_some(target)
    }

    /// Whether nothing of the same image with the same credentials is under way.
    fn is_free(&self, target: &Target) -> bool {
        !self.state.busy.contains(&target.key())
    }

    /// Whether something may be fetched ahead of time now.
    fn may_prefetch(&mut self) -> bool {
        let budget = self.config.prefetch;
        let parallel = u32::try_from(self.prefetches().count()).unwrap_or(u32::MAX);
        let (there, coming) = self.prefetch_bytes();
        if parallel >= budget.max_parallel || there.saturating_add(coming) >= budget.max_bytes {
            return false;
        }
        let is_time = self.state.prefetch_from <= self.state.now;
        if !is_time {
            self.state.blocked_until = Some(self.state.prefetch_from);
        }
        is_time
    }

    /// What is only fetched ahead of time gives way to what is wanted now.
    fn make_room(&mut self, actions: &mut Vec<PullerAction>) {
        if !self.state.arrivals.values().any(|target| self.is_free(target)) {
            return;
        }
        let pulls = self
            .state
            .running
            .values()
            .filter_map(|target| Some((target, self.state.pulls.get(target)?.running()?)));
        let going = pulls.clone().filter(|(_, running)| running.is_cancelled).count();
        let can_go = pulls.filter(|(_, running)| running.is_prefetch && !running.is_cancelled);
        let can_go: Vec<Target> = can_go.map(|(target, _)| target.clone()).collect();
        let needed = self.state.arrivals.len().saturating_sub(going);
        for target in can_go.iter().rev().take(needed) {
            self.cancel(target, actions);
        }
    }

    fn start(&mut self, target: &Target, actions: &mut Vec<PullerAction>) {
        let by_arrival = self.by_arrival();
        let Some(pull) = self.state.pulls.get_mut(target) else { return };
        let Stage::Queued { rank, oldest } = pull.stage else { return };
        let asked = pull.wanted_by.iter().filter_map(|id| self.state.requests.get(id));
        let Some(first) = asked.min_by_key(|asked| asked.rank(by_arrival)) else { return };
        let (image, request) = (Arc::clone(&first.image), Arc::clone(&first.request));
        let operation = self.state.operations.issue();
        let started = self.state.now;
        let until = started + self.config.pull_timeout;
        pull.stage = Stage::Running(Box::new(Running {
            operation,
            image: Arc::clone(&image),
            started,
            until,
            is_cancelled: false,
            is_prefetch: rank.is_prefetch,
            usable: None,
            is_used: false,
            heard: None,
        }));
        self.state.queue.remove(&rank);
        oldest.and_then(|oldest| self.state.arrivals.remove(&oldest));
        self.state.running.insert(operation, target.clone());
        self.state.busy.insert(target.key());
        self.state.deadlines.insert((until, operation));
        if !rank.is_prefetch && !by_arrival {
            self.state.turns = self.state.turns.saturating_add(1) % FAIR_PULL_TURN;
        }
        self.announce(target, actions);
        actions.push(PullerAction::Pull { operation, image, request });
    }

    /// Says that a pull begins to those who wait for it.
    fn announce(&mut self, target: &Target, actions: &mut Vec<PullerAction>) {
        let Some(pull) = self.state.pulls.get(target) else { return };
        for asked in pull.wanted_by.iter().filter_map(|id| self.state.requests.get(id)) {
            self.state.errors.remove(&back_off_key(&asked.request, &asked.target, self.behaviour.compat));
            record(&asked.request, ImageEvent::pulling(&asked.request.image), actions);
        }
    }
}
