//! How long a pod may be active: `spec.activeDeadlineSeconds`, counted from `status.startTime`.
//!
//! A pod whose time is over fails with the reason [`DEADLINE_EXCEEDED`]. The decision is made anew each time from
//! what the pod says now, so a deadline that is set, brought forward or put off later counts from the same start;
//! one that was exceeded is not taken back here, because a pod that failed has failed for ever.
//!
//! Without a start there is no deadline yet. A start in the future (a clock that was set back) puts the deadline
//! that much later. A deadline of zero or less, which the API refuses, is over at the start.
//!
//! ```
//! use node_lifecycle::machine::Timestamp;
//! use node_lifecycle::pod::{ActiveDeadline, active_deadline};
//!
//! let start = Timestamp::from_unix_seconds(100);
//! let at = Timestamp::from_unix_seconds;
//! assert_eq!(active_deadline(Some(60), Some(start), at(159)), ActiveDeadline::Ahead { at: at(160) });
//! assert_eq!(active_deadline(Some(60), Some(start), at(160)), ActiveDeadline::Exceeded { since: at(160) });
//! // It was given another minute in time.
//! assert_eq!(active_deadline(Some(120), Some(start), at(160)), ActiveDeadline::Ahead { at: at(220) });
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::machine::Timestamp;

/// The reason of a pod that was active for too long.
pub const DEADLINE_EXCEEDED: &str = "DeadlineExceeded";

/// The message of a pod that was active for too long.
pub const DEADLINE_EXCEEDED_MESSAGE: &str = "Pod was active on the node longer than the specified deadline";

/// Where a pod stands towards its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum ActiveDeadline {
    /// It has none, or has not begun.
    None,
    /// It may go on until then; look again at that time.
    Ahead {
        /// When it is over.
        at: Timestamp,
    },
    /// It has to fail.
    Exceeded {
        /// Since when.
        since: Timestamp,
    },
}

impl ActiveDeadline {
    /// When to look again if nothing changes.
    #[must_use]
    pub const fn next_wakeup(self) -> Option<Timestamp> {
        match self {
            Self::Ahead { at } => Some(at),
            Self::None | Self::Exceeded { .. } => None,
        }
    }

    /// Whether the pod has to fail.
    #[must_use]
    pub const fn is_exceeded(self) -> bool {
        matches!(self, Self::Exceeded { .. })
    }
}

/// Where a pod stands at `now`, given `spec.activeDeadlineSeconds` and `status.startTime`. A deadline beyond the
/// end of time ([`Timestamp::MAX`]) is none.
#[must_use]
pub fn active_deadline(seconds: Option<i64>, start: Option<Timestamp>, now: Timestamp) -> ActiveDeadline {
    let (Some(seconds), Some(start)) = (seconds, start) else { return ActiveDeadline::None };
    let at = start + Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    if at == Timestamp::MAX {
        ActiveDeadline::None
    } else if now >= at {
        ActiveDeadline::Exceeded { since: at }
    } else {
        ActiveDeadline::Ahead { at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn without_a_start_or_a_deadline_there_is_none() {
        assert_eq!(active_deadline(None, Some(at(0)), at(9)), ActiveDeadline::None);
        assert_eq!(active_deadline(Some(1), None, at(9)), ActiveDeadline::None);
        assert_eq!(active_deadline(Some(i64::MAX), Some(at(0)), Timestamp::MAX), ActiveDeadline::None);
    }

    #[test]
    fn a_deadline_may_move() {
        let start = Some(at(100));
        assert!(active_deadline(Some(10), start, at(150)).is_exceeded(), "set later, already over");
        assert_eq!(active_deadline(Some(10), start, at(150)), ActiveDeadline::Exceeded { since: at(110) });
        assert_eq!(active_deadline(Some(100), start, at(150)).next_wakeup(), Some(at(200)));
        assert!(active_deadline(Some(50), start, at(150)).is_exceeded(), "brought forward to now");
    }

    #[test]
    fn a_start_in_the_future_is_waited_for() {
        assert_eq!(active_deadline(Some(10), Some(at(100)), at(0)), ActiveDeadline::Ahead { at: at(110) });
        for seconds in [0, -1, i64::MIN] {
            assert!(active_deadline(Some(seconds), Some(at(100)), at(100)).is_exceeded());
            assert!(!active_deadline(Some(seconds), Some(at(100)), at(99)).is_exceeded());
        }
    }
}
