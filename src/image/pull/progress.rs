//! How far a pull has come, how fast it is, and whether it stands still.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::state::{Pull, Running};
use super::{
    PullFailure, PullId, PullProgress, PullReason, PullResult, PullStanding, Puller, PullerAction, answer,
};
use crate::machine::{OperationId, Timestamp};

/// What was heard of a pull.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Heard {
    pub(super) progress: PullProgress,
    /// When that was last said, and how many bytes it was then.
    pub(super) said: Timestamp,
    said_bytes: u64,
    bytes_per_second: Option<u64>,
}

impl Heard {
    fn new(progress: PullProgress, now: Timestamp) -> Self {
        Self { progress, said: now, said_bytes: progress.bytes, bytes_per_second: None }
    }

    /// Takes what is new. Whether that is more than there was.
    fn advance(&mut self, new: PullProgress) -> bool {
        let old = self.progress;
        self.progress =
            PullProgress { bytes: new.bytes.max(old.bytes), layers: new.layers.max(old.layers), ..new };
        new.bytes > old.bytes || new.layers > old.layers
    }

    /// Measures the rate since it was last said.
    fn say(&mut self, now: Timestamp) {
        let (bytes, nanos) =
            (self.progress.bytes.saturating_sub(self.said_bytes), now.since(self.said).as_nanos());
        let rate = (u128::from(bytes) * 1_000_000_000).checked_div(nanos);
        self.bytes_per_second = rate.map(|rate| u64::try_from(rate).unwrap_or(u64::MAX));
        (self.said, self.said_bytes) = (now, self.progress.bytes);
    }

    fn time_left(&self) -> Option<Duration> {
        let left = self.progress.total_bytes?.saturating_sub(self.progress.bytes);
        let rate = self.bytes_per_second.filter(|rate| *rate > 0)?;
        Some(Duration::from_secs(left.div_ceil(rate)))
    }
}

impl Running {
    /// How many bytes have come, as far as it was heard of.
    pub(super) fn bytes(&self) -> u64 {
        self.heard.as_ref().map_or(0, |heard| heard.progress.bytes)
    }
}

impl Pull {
    /// How it stands, if it is under way and was heard of.
    pub(super) fn standing(&self) -> Option<PullStanding> {
        let running = self.running()?;
        let heard = running.heard.as_ref()?;
        Some(PullStanding {
            image: Arc::clone(&running.image),
            waiting: self.wanted_by.iter().cloned().collect(),
            progress: heard.progress,
            bytes_per_second: heard.bytes_per_second,
            time_left: heard.time_left(),
        })
    }

    /// How many bytes it is known to bring at least.
    pub(super) fn bytes(&self) -> u64 {
        let heard = self.running().and_then(|running| running.heard.as_ref());
        heard.map_or(0, |Heard { progress, .. }| progress.total_bytes.unwrap_or(0).max(progress.bytes))
    }
}

impl Puller {
    /// How the pull stands that a request waits for, if it is under way and was heard of.
    #[must_use]
    pub fn standing(&self, id: &PullId) -> Option<PullStanding> {
        let asked = self.state.requests.get(id).filter(|asked| asked.look.is_none())?;
        self.state.pulls.get(&asked.target)?.standing()
    }

    pub(super) fn progress(
        &mut self,
        operation: OperationId,
        progress: PullProgress,
        actions: &mut Vec<PullerAction>,
    ) {
        let now = self.state.now;
        let Some(target) = self.state.running.get(&operation).cloned() else { return };
        let Some(pull) = self.state.pulls.get_mut(&target) else { return };
        let Some(running) = pull.running_mut().filter(|running| !running.is_cancelled) else { return };
        let (advanced, is_due) = match &mut running.heard {
            Some(heard) => {
                let advanced = heard.advance(progress);
                let interval = self.config.progress_interval.max(Duration::from_nanos(1));
                let is_due = now.since(heard.said) >= interval;
                if is_due {
                    heard.say(now);
                }
                (advanced, is_due)
            }
            None => {
                running.heard = Some(Heard::new(progress, now));
                (true, true)
            }
        };
        let is_prefetch = running.is_prefetch;
        if is_due && let Some(standing) = pull.standing() {
            actions.push(PullerAction::Progress(Box::new(standing)));
        }
        if advanced {
            self.state.set_deadline(&target, now + self.config.progress_deadline);
        }
        if !is_prefetch {
            return;
        }
        let (there, coming) = self.prefetch_bytes();
        let most = self.config.prefetch.max_bytes;
        if there.saturating_add(coming) > most {
            let message: Arc<str> = format!(
                "not fetched ahead of time: {coming} bytes to come beside {there} that nobody has used yet, and \
                 {most} may be there"
            )
            .into();
            for asked in self.take_waiting(&target) {
                let failure = PullFailure::new(PullReason::PrefetchRefused, Arc::clone(&message));
                answer(&asked, PullResult::Failed(failure), actions);
            }
            self.cancel(&target, actions);
        }
    }

    /// How many bytes were fetched ahead of time and are not used, and how many are about to be.
    pub(super) fn prefetch_bytes(&self) -> (u64, u64) {
        let there = self.state.prefetched.values().fold(0, |sum: u64, (_, size)| sum.saturating_add(*size));
        let coming = self.prefetches().fold(0, |sum: u64, pull| sum.saturating_add(pull.bytes()));
        (there, coming)
    }

    /// The pulls under way that only fetch ahead of time.
    pub(super) fn prefetches(&self) -> impl Iterator<Item = &Pull> {
        let pulls = self.state.running.values().filter_map(|target| self.state.pulls.get(target));
        pulls.filter(|pull| pull.running().is_some_and(|running| running.is_prefetch))
    }
}
