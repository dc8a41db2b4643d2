//! Time limits of calls.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};

use crate::runtime::Clock;

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
