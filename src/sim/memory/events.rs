//! The stream of events of a runtime in memory.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;

use super::MemoryRuntime;
use crate::runtime::{Clock, ContainerEventResponse, RuntimeError};

/// What happens from now on; it never ends.
pub(super) struct Events {
    runtime: MemoryRuntime,
    number: u64,
    sleep: Option<BoxFuture<'static, ()>>,
}

impl Events {
    pub(super) fn new(runtime: MemoryRuntime) -> Self {
        let number = runtime.with(|state, _| {
            let number = state.number();
            state.subscribers.entry(number).or_default();
            number
        });
        Self { runtime, number, sleep: None }
    }
}

impl Stream for Events {
    type Item = Result<ContainerEventResponse, RuntimeError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let number = self.number;
            let (event, next_end) = self.runtime.with(|state, _| {
                let event = state.subscribers.get_mut(&number).and_then(|queue| queue.pop_front());
                if event.is_none() {
                    state.wait(context.waker());
                }
                (event, state.next_end())
            });
            if let Some(event) = event {
                return Poll::Ready(Some(Ok(event)));
            }
            // A process that ends by itself is seen when its time has come.
            let clock = self.runtime.calls.clock.clone();
            self.sleep = next_end.map(|at| clock.sleep_until(at));
            let has_come = self.sleep.as_mut().is_some_and(|sleep| sleep.as_mut().poll(context).is_ready());
            if !has_come {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let number = self.number;
        self.runtime.with(|state, _| state.subscribers.remove(&number));
    }
}
