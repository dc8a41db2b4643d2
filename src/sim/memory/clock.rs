//! Virtual time.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_core::future::BoxFuture;

use super::lock;
use crate::machine::Timestamp;
use crate::runtime::Clock;

/// So many polls in a row without time going on are a livelock.
const MOST_POLLS: u32 = 1_000_000;

/// A clock that goes on when it is told to. A clone is a handle to the same clock.
///
/// Under an executor of your own: run it until nothing moves, call
/// [`advance_to_next_timer`](Self::advance_to_next_timer), repeat. Without one, [`run`](Self::run) and
/// [`run_until`](Self::run_until) do just that with one future.
///
/// ```
/// use node_lifecycle::machine::Timestamp;
/// use node_lifecycle::runtime::Clock;
/// use node_lifecycle::sim::VirtualClock;
/// use std::time::Duration;
///
/// let clock = VirtualClock::new(Timestamp::UNIX_EPOCH);
/// let woken_at = clock.run(async {
///     clock.sleep_until(clock.now() + Duration::from_secs(3600)).await;
///     clock.now()
/// })?;
/// assert_eq!(woken_at, Timestamp::from_unix_seconds(3600));
/// # Ok::<(), node_lifecycle::sim::Stalled>(())
/// ```
#[derive(Debug, Clone)]
pub struct VirtualClock(Arc<Mutex<Time>>);

#[derive(Debug)]
struct Time {
    now: Timestamp,
    timers: BTreeMap<(Timestamp, u64), Waker>,
    made: u64,
}

/// Why a future did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stalled {
    /// It waits for something that is no timer of the clock, such as a call that never answers.
    #[error("nothing is left to wait for at {0}: no timer is set, and the future is not ready")]
    Idle(Timestamp),
    /// It wakes itself again and again, and time does not go on.
    #[error("time stands still at {0}: the future was polled a million times in a row")]
    Livelock(Timestamp),
}

impl VirtualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Time { now: start, timers: BTreeMap::new(), made: 0 })))
    }

    /// When the next sleep ends. One until [`Timestamp::MAX`] never does.
    #[must_use]
    pub fn next_timer(&self) -> Option<Timestamp> {
        lock(&self.0).timers.first_key_value().map(|((at, _), _)| *at)
    }

    /// Goes on to `to`, or stays if it is earlier than now, and wakes whose sleep has ended, in the order of their
    /// deadlines. All of them see `to` as now.
    pub fn advance_to(&self, to: Timestamp) {
        let mut time = lock(&self.0);
        time.now = time.now.max(to);
        let later = match time.now.unix_nanos().checked_add(1) {
            Some(next) => time.timers.split_off(&(Timestamp::from_unix_nanos(next), 0)),
            None => BTreeMap::new(),
        };
        let due = std::mem::replace(&mut time.timers, later);
        drop(time);
        due.into_values().for_each(Waker::wake);
    }

    /// Goes on by `by`; see [`advance_to`](Self::advance_to).
    pub fn advance(&self, by: Duration) {
        self.advance_to(self.now() + by);
    }

    /// Goes on to the next timer, and wakes those that sleep until then. `None` when there is none.
    pub fn advance_to_next_timer(&self) -> Option<Timestamp> {
        let next = self.next_timer()?;
        self.advance_to(next);
        Some(next)
    }

    /// Runs a future to its end: polls it, and goes on to the next timer whenever it waits.
    ///
    /// # Errors
    /// [`Stalled`] when it would never end.
    pub fn run<F: Future>(&self, future: F) -> Result<F::Output, Stalled> {
        let mut future = pin!(future);
        loop {
            if let Some(output) = self.settle(future.as_mut())? {
                return Ok(output);
            }
            if self.advance_to_next_timer().is_none() {
                return Err(Stalled::Idle(self.now()));
            }
        }
    }

    /// Runs a future as [`run`](Self::run) does, but not beyond `until`, where the clock then stands: `None` if it
    /// has not ended by then. Whoever keeps the future can look around and go on with it later.
    ///
    /// # Errors
    /// [`Stalled::Livelock`].
    pub fn run_until<F: Future + ?Sized>(
        &self,
        until: Timestamp,
        mut future: Pin<&mut F>,
    ) -> Result<Option<F::Output>, Stalled> {
        loop {
            if let Some(output) = self.settle(future.as_mut())? {
                return Ok(Some(output));
            }
            if self.next_timer().is_none_or(|next| next > until) {
                self.advance_to(until);
                return Ok(None);
            }
            self.advance_to_next_timer();
        }
    }

    /// Polls a future until it has ended or waits for time to go on.
    fn settle<F: Future + ?Sized>(&self, mut future: Pin<&mut F>) -> Result<Option<F::Output>, Stalled> {
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        for _ in 0..MOST_POLLS {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Ok(Some(output));
            }
            if !woken.0.swap(false, Ordering::AcqRel) {
                return Ok(None);
            }
        }
        Err(Stalled::Livelock(self.now()))
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        lock(&self.0).now
    }

    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(Sleep { clock: self.clone(), deadline, timer: None })
    }
}

/// A sleep; its timer is set when it is first polled.
struct Sleep {
    clock: VirtualClock,
    deadline: Timestamp,
    timer: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let (clock, deadline) = (self.clock.clone(), self.deadline);
        let mut time = lock(&clock.0);
        if time.now >= deadline {
            return Poll::Ready(());
        }
        if deadline < Timestamp::MAX {
            let timer = *self.timer.get_or_insert_with(|| {
                time.made += 1;
                time.made
            });
            let before = time.timers.insert((deadline, timer), context.waker().clone());
            // Whatever a waker does when it goes, it does without the lock.
            drop(time);
            drop(before);
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            let waker = lock(&self.clock.0).timers.remove(&(self.deadline, timer));
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_that_is_dropped_leaves_no_timer() {
        let clock = VirtualClock::new(Timestamp::UNIX_EPOCH);
        let mut sleep = clock.sleep_until(Timestamp::from_unix_seconds(5));
        let until = Timestamp::from_unix_seconds(2);
        assert_eq!(clock.run_until(until, sleep.as_mut()), Ok(None));
        assert_eq!((clock.now(), clock.next_timer()), (until, Some(Timestamp::from_unix_seconds(5))));
        drop(sleep);
        assert_eq!(clock.next_timer(), None);
        // Time does not run backwards.
        clock.advance_to(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.now(), until);
    }

    #[test]
    fn what_never_ends_is_told() {
        let clock = VirtualClock::new(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.run(std::future::pending::<()>()), Err(Stalled::Idle(Timestamp::UNIX_EPOCH)));
        assert_eq!(clock.run(clock.sleep_until(Timestamp::MAX)), Err(Stalled::Idle(Timestamp::UNIX_EPOCH)));
        let restless = std::future::poll_fn(|context: &mut Context<'_>| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert_eq!(clock.run(restless), Err(Stalled::Livelock(Timestamp::UNIX_EPOCH)));
    }
}
