//! A pull of a runtime in memory that tells how far it has come.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;

use super::MemoryRuntime;
use super::images::image_id;
use crate::image::PullProgress;
use crate::machine::Timestamp;
use crate::runtime::{Clock, ImageError, ImageSpec, PullUpdate};
use crate::sim::Pull;

/// In how many steps a pull goes on.
const STEPS: u32 = 4;

/// A pull that goes on in equal steps.
pub(super) struct Pulling {
    runtime: MemoryRuntime,
    image: ImageSpec,
    pull: Pull,
    /// What is still to come, and when. Nothing is the end.
    steps: VecDeque<(Timestamp, Option<PullUpdate>)>,
    sleep: Option<BoxFuture<'static, ()>>,
}

impl Pulling {
    pub(super) fn new(runtime: MemoryRuntime, image: ImageSpec, pull: Pull) -> Self {
        let (start, size) = (runtime.calls.clock.now(), runtime.settings.image_size);
        let takes = pull.takes.map_or(runtime.settings.latencies.pull, |takes| takes.0);
        let step = |n: u32| {
            let progress = PullProgress {
                bytes: size / u64::from(STEPS) * u64::from(n),
                total_bytes: Some(size),
                layers: 0,
                total_layers: Some(1),
            };
            (start + takes / STEPS * n, Some(PullUpdate::Progress(progress)))
        };
        let mut steps: Vec<_> = (0..STEPS).map(step).collect();
        if let Some(after) = pull.usable_after.filter(|after| after.0 < takes && pull.fails.is_none()) {
            let usable = PullUpdate::Usable(image_id(&image.image));
            steps.push((start + after.0, Some(usable)));
        }
        steps.sort_by_key(|(at, _)| *at);
        steps.push((start + takes, None));
        Self { runtime, image, pull, steps: steps.into(), sleep: None }
    }
}

impl Stream for Pulling {
    type Item = Result<PullUpdate, ImageError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some((at, _)) = self.steps.front() else { return Poll::Ready(None) };
        let clock = self.runtime.calls.clock.clone();
        let at = *at;
        let sleep = self.sleep.get_or_insert_with(|| clock.sleep_until(at));
        if sleep.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.sleep = None;
        let update = self.steps.pop_front().and_then(|(_, update)| update);
        Poll::Ready(Some(match update {
            Some(update) => Ok(update),
            None => self.runtime.fetch(&self.image, &self.pull).map(PullUpdate::Pulled),
        }))
    }
}
