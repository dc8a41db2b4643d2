//! How often something may be done.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::PullRateLimit;
use crate::machine::Timestamp;

/// A bucket of tokens that fills at a steady rate, in exact integer arithmetic.
///
/// It is full in the beginning. A rate or a burst of zero gives no token that was not there.
///
/// ```
/// use node_lifecycle::image::{PullRateLimit, TokenBucket};
/// use node_lifecycle::machine::Timestamp;
/// use std::time::Duration;
///
/// let start = Timestamp::UNIX_EPOCH;
/// let mut bucket = TokenBucket::new(PullRateLimit::per_second(5, 2), start);
/// assert!(bucket.take(start) && bucket.take(start));
/// assert!(!bucket.take(start));
/// assert_eq!(bucket.next_token(start), Some(start + Duration::from_millis(200)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenBucket {
    limit: PullRateLimit,
    /// How many whole tokens it lacks to be full.
    lacks: u32,
    /// And how many parts of another: as many make one as the period has nanoseconds.
    lacks_parts: u64,
    updated: Timestamp,
}

impl TokenBucket {
    /// A full one.
    #[must_use]
    pub const fn new(limit: PullRateLimit, now: Timestamp) -> Self {
        Self { limit, lacks: 0, lacks_parts: 0, updated: now }
    }

    /// The rate that it keeps.
    #[must_use]
    pub const fn limit(&self) -> PullRateLimit {
        self.limit
    }

    /// Takes a token, if there is one.
    pub fn take(&mut self, now: Timestamp) -> bool {
        self.fill(now);
        let has_one = self.shortage() == Some(0);
        self.lacks += u32::from(has_one);
        has_one
    }

    /// When a token can be taken: `now` if there is one, `None` if there never will be.
    #[must_use]
    pub fn next_token(mut self, now: Timestamp) -> Option<Timestamp> {
        self.fill(now);
        match (self.shortage()?, u128::from(self.limit.tokens)) {
            (0, _) => Some(self.updated),
            (_, 0) => None,
            (short, rate) => {
                let nanos = u64::try_from(short.div_ceil(rate)).unwrap_or(u64::MAX);
                Some(self.updated + Duration::from_nanos(nanos))
            }
        }
    }

    /// Lets what has flown in since count. A clock that runs backwards brings nothing.
    fn fill(&mut self, now: Timestamp) {
        let came = now.since(self.updated).as_nanos().saturating_mul(self.limit.tokens.into());
        let lacks = self.lacking().saturating_sub(came);
        self.lacks = u32::try_from(lacks / self.token()).unwrap_or(u32::MAX);
        self.lacks_parts = u64::try_from(lacks % self.token()).unwrap_or(u64::MAX);
        self.updated = self.updated.max(now);
    }

    /// How many parts there are too few for a token; `None` where the bucket holds none.
    fn shortage(&self) -> Option<u128> {
        let room = u128::from(self.limit.burst.checked_sub(1)?) * self.token();
        Some(self.lacking().saturating_sub(room))
    }

    /// How many parts it lacks to be full.
    fn lacking(&self) -> u128 {
        u128::from(self.lacks) * self.token() + u128::from(self.lacks_parts)
    }

    /// How many parts make a token.
    fn token(&self) -> u128 {
        u64::try_from(self.limit.period.as_nanos()).unwrap_or(u64::MAX).max(1).into()
    }

    pub(super) fn move_back(&mut self, by: Duration) {
        self.updated = self.updated.moved_back(by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn a_rate_that_no_nanosecond_divides_stays_exact() {
        let mut bucket = TokenBucket::new(PullRateLimit::per_second(3, 1), START);
        let mut now = START;
        for _ in 0..=300 {
            assert!(bucket.take(now));
            assert!(!bucket.take(now));
            now = bucket.next_token(now).unwrap_or(Timestamp::MAX);
        }
        // Each wait is cut up to a nanosecond, and nothing is lost by it.
        assert_eq!((now - START).as_nanos().div_ceil(1_000_000_000), 101);
    }

    #[test]
    fn no_number_makes_it_panic() {
        for (tokens, period, burst) in [
            (0, Duration::ZERO, 0),
            (0, Duration::MAX, 1),
            (u32::MAX, Duration::MAX, u32::MAX),
            (1, Duration::ZERO, u32::MAX),
        ] {
            let limit = PullRateLimit { tokens, period, burst };
            let mut bucket = TokenBucket::new(limit, Timestamp::from_unix_nanos(i64::MIN));
            assert_eq!(bucket.take(START), burst > 0);
            assert!(bucket.next_token(Timestamp::MAX).is_none_or(|next| next == Timestamp::MAX));
            bucket.move_back(Duration::MAX);
        }
    }

    #[test]
    fn a_clock_that_runs_backwards_brings_nothing() {
        let mut bucket = TokenBucket::new(PullRateLimit::per_second(1, 1), START);
        assert!(bucket.take(START + Duration::from_secs(10)));
        assert!(!bucket.take(START));
        assert_eq!(bucket.next_token(START), Some(START + Duration::from_secs(11)));
    }
}
