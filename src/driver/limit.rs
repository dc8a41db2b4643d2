//! Time limits of calls.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};

use crate::runtime::Clock;

/// What a call answers within `limit`, or that it was too `late`.
pub(super) async fn answered<T, E>(
    clock: &dyn Clock,
    limit: Duration,
    late: fn(Duration) -> E,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    within(clock, limit, call).await.unwrap_or_else(|| Err(late(limit)))
}

/// What a call answers within `limit`; `None` when it does not, and then it is given up.
pub(super) async fn within<T>(
    clock: &dyn Clock,
    limit: Duration,
    call: impl Future<Output = T>,
) -> Option<T> {
    let limit = clock.sleep_until(clock.now() + limit);
    match select(pin!(call), limit).await {
        Either::Left((answer, _)) => Some(answer),
        Either::Right(_) => None,
    }
}
