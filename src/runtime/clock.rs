//! The port of time.

use futures_core::future::BoxFuture;

use crate::machine::Timestamp;

/// What time it is, and waiting for a later one.
///
/// ```
/// use node_lifecycle::machine::Timestamp;
/// use node_lifecycle::runtime::Clock;
///
/// /// One that stands still.
/// struct Noon(Timestamp);
/// impl Clock for Noon {
///     fn now(&self) -> Timestamp {
///         self.0
///     }
///     fn sleep_until(&self, deadline: Timestamp) -> futures_core::future::BoxFuture<'static, ()> {
///         if deadline <= self.0 { Box::pin(std::future::ready(())) } else { Box::pin(std::future::pending()) }
///     }
/// }
/// ```
pub trait Clock: Send + Sync {
    /// Now: UTC, read once at the start of the agent, and advanced by a monotonic clock from there. It never
    /// goes back and never jumps, whatever is done to the wall clock. Cheap.
    fn now(&self) -> Timestamp;

    /// Is ready as soon as `now()` is at or after `deadline`, at once when it is already, and never before.
    ///
    /// Dropping it gives the wait up. A suspended machine may count the time that it slept or not.
    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()>;
}
