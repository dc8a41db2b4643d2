//! What every state machine of this crate has in common: how it is driven, how time and operations are
//! named, and how it is stored.
//!
//! # The contract
//!
//! A machine is a value. Whoever drives it keeps a clock and a buffer of actions, and repeats:
//!
//! 1. hand it what happened with [`Machine::step`], or call [`Machine::wake`] when
//!    [`Machine::next_wakeup`] has come;
//! 2. carry out the actions that it appended, in their order;
//! 3. hand back what came of them, as events.
//!
//! Both calls are total: whatever the event, whatever the time, a machine answers without a panic. The rest
//! of the contract holds for every machine here and is checked by the property tests:
//!
//! * `now` never goes backwards for a machine: an earlier one counts as the latest it has seen.
//! * A wake before `next_wakeup()` changes nothing. After any call `next_wakeup()` is `None` or later than
//!   `now`. Asking is cheap.
//! * A machine holds no undelivered output, and reads no clock, socket or random number. The same first
//!   state and the same log of events give the same actions, byte for byte.
//! * An action that has an outcome carries an [`OperationId`]; the outcome comes back as an event with it.
//!   Stale, doubled and foreign outcomes are dropped. One that never comes is repaired by the next
//!   observation.
//! * [`Snapshots::restore`] is exact and emits nothing. A restarted agent restores and then hands over the
//!   machine's "agent started" event with a new epoch: operations in flight are void, and nothing acts before
//!   the next full observation.
//!
//! ```
//! use node_lifecycle::machine::{Machine, Timestamp};
//! use std::time::Duration;
//!
//! /// Rings once, a minute after the first event.
//! #[derive(Default)]
//! struct Alarm(Option<Timestamp>);
//!
//! impl Machine for Alarm {
//!     type Event = ();
//!     type Action = &'static str;
//!     fn step(&mut self, now: Timestamp, (): (), actions: &mut Vec<&'static str>) {
//!         self.wake(now, actions);
//!         self.0.get_or_insert(now + Duration::from_secs(60));
//!     }
//!     fn wake(&mut self, now: Timestamp, actions: &mut Vec<&'static str>) {
//!         if self.0.take_if(|due| *due <= now).is_some() {
//!             actions.push("ring");
//!         }
//!     }
//!     fn next_wakeup(&self) -> Option<Timestamp> {
//!         self.0
//!     }
//! }
//!
//! let (mut alarm, mut actions) = (Alarm::default(), Vec::new());
//! alarm.step(Timestamp::UNIX_EPOCH, (), &mut actions);
//! assert!(actions.is_empty());
//! alarm.wake(alarm.next_wakeup().unwrap(), &mut actions);
//! assert_eq!(actions, ["ring"]);
//! ```

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A state machine that is stepped. See the [module](self) for the contract.
pub trait Machine {
    /// What can happen to it.
    type Event;
    /// What it asks for.
    type Action;

    /// Does what is due at `now`, then takes one thing that happened; appends what is to be done about it.
    fn step(&mut self, now: Timestamp, event: Self::Event, actions: &mut Vec<Self::Action>);

    /// Does what is due at `now`.
    fn wake(&mut self, now: Timestamp, actions: &mut Vec<Self::Action>);

    /// When to wake it if nothing happens first.
    fn next_wakeup(&self) -> Option<Timestamp>;
}

/// A machine that can be stored and taken up again.
pub trait Snapshots: Machine + Sized {
    /// The stored form: versioned, readable by serde, independent of private fields.
    type Snapshot: Serialize + de::DeserializeOwned;
    /// What the machine stands on and does not store: compiled specs, behaviour.
    type Environment;

    /// The machine as a value that can be stored.
    fn snapshot(&self) -> Self::Snapshot;

    /// The machine that was stored, as of `now`.
    ///
    /// Exact, and emits nothing. When `now` is earlier than the time of the snapshot (a clock that was set
    /// back between two lives of an agent), every stored instant moves back by the difference.
    ///
    /// # Errors
    /// [`RestoreError`] when the snapshot is of an unknown version or does not fit the environment.
    fn restore(
        snapshot: Self::Snapshot,
        environment: Self::Environment,
        now: Timestamp,
    ) -> Result<Self, RestoreError>;
}

/// Why a snapshot was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The snapshot was written in a form that this version does not read.
    #[error("snapshot has version {found}, this library reads version {supported}")]
    Version {
        /// The version that the snapshot names.
        found: u32,
        /// The version that is read.
        supported: u32,
    },
    /// The snapshot speaks of something that the environment does not have.
    #[error("snapshot does not fit: {what}: found {found}, expected {expected}")]
    Mismatch {
        /// Which part of the snapshot.
        what: &'static str,
        /// What it says.
        found: String,
        /// What would fit.
        expected: String,
    },
}

/// An instant: nanoseconds since the Unix epoch, UTC, from the year 1677 to 2262.
///
/// Arithmetic saturates. In serde it is RFC 3339 text, with as many fraction digits as it needs.
///
/// ```
/// use node_lifecycle::machine::Timestamp;
/// use std::time::Duration;
///
/// let start: Timestamp = "2025-03-01T10:00:00Z".parse()?;
/// let later = start + Duration::from_millis(1500);
/// assert_eq!(later.to_string(), "2025-03-01T10:00:01.500Z");
/// assert_eq!(later - start, Duration::from_millis(1500));
/// assert_eq!(start - later, Duration::ZERO);
/// # Ok::<(), node_lifecycle::machine::ParseTimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// Text that is no RFC 3339 instant within a [`Timestamp`]'s range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no timestamp: expected RFC 3339 such as 2025-03-01T10:00:00Z, between 1677 and 2262")]
pub struct ParseTimestampError(String);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(0);
    /// The last instant there is.
    pub const MAX: Self = Self(i64::MAX);

    /// The instant that is `nanos` nanoseconds after (negative: before) the Unix epoch.
    #[must_use]
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The instant that is `millis` milliseconds after the Unix epoch, saturating.
    #[must_use]
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// The instant that is `seconds` seconds after the Unix epoch, saturating.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_nanos(self) -> i64 {
        self.0
    }

    /// Time since `earlier`; zero when that is later than this.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(i128::from(self.0) - i128::from(earlier.0)).unwrap_or(0))
    }

    /// The same instant without its fraction of a second, as API objects carry it.
    #[must_use]
    pub const fn truncated_to_seconds(self) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(1_000_000_000)))
    }

    /// This instant moved back by `by`, saturating.
    #[must_use]
    pub fn moved_back(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(saturated_nanos(by)))
    }
}

fn saturated_nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(saturated_nanos(duration)))
    }
}

impl AddAssign<Duration> for Timestamp {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub for Timestamp {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(timestamp: Timestamp) -> Self {
        Self::from_timestamp_nanos(timestamp.0)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    /// Saturates outside the years 1677 to 2262.
    fn from(time: DateTime<Utc>) -> Self {
        let saturated = if time.timestamp() < 0 { i64::MIN } else { i64::MAX };
        Self(time.timestamp_nanos_opt().unwrap_or(saturated))
    }
}

impl std::str::FromStr for Timestamp {
    type Err = ParseTimestampError;
    fn from_str(text: &str) -> Result<Self, ParseTimestampError> {
        DateTime::parse_from_rfc3339(text)
            .ok()
            .and_then(|time| time.timestamp_nanos_opt())
            .map(Self)
            .ok_or_else(|| ParseTimestampError(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&DateTime::from(*self).to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 timestamp such as 2025-03-01T10:00:00Z")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// The name of one operation that a machine asked for, unique within that machine.
///
/// The epoch is the agent's life: operations of an earlier one are void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OperationId {
    /// Which life of the agent.
    pub epoch: u32,
    /// Counts up within an epoch.
    pub seq: u32,
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.seq)
    }
}

/// Gives out [`OperationId`]s, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operations {
    next: OperationId,
}

impl Operations {
    /// The operations of the life `epoch`.
    #[must_use]
    pub const fn of_epoch(epoch: u32) -> Self {
        Self { next: OperationId { epoch, seq: 0 } }
    }

    /// The life that they belong to.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.next.epoch
    }

    /// The next name. After 2³² of them the epoch counts up.
    pub const fn issue(&mut self) -> OperationId {
        let issued = self.next;
        self.next = match issued.seq.checked_add(1) {
            Some(seq) => OperationId { epoch: issued.epoch, seq },
            None => OperationId { epoch: issued.epoch.wrapping_add(1), seq: 0 },
        };
        issued
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_saturate_and_never_panic() {
        assert_eq!(Timestamp::MAX + Duration::MAX, Timestamp::MAX);
        assert_eq!(Timestamp::from_unix_nanos(i64::MIN).moved_back(Duration::MAX).unix_nanos(), i64::MIN);
        assert_eq!(Timestamp::MAX - Timestamp::from_unix_nanos(i64::MIN), Duration::from_nanos(u64::MAX));
        for extreme in [Timestamp::MAX, Timestamp::from_unix_nanos(i64::MIN)] {
            assert_eq!(extreme.to_string().parse(), Ok(extreme));
        }
        let before = Timestamp::from_unix_nanos(-1);
        assert_eq!(before.truncated_to_seconds(), Timestamp::from_unix_seconds(-1));
    }

    #[test]
    fn timestamps_read_rfc_3339_only() {
        let noon = Timestamp::from_unix_seconds(1_740_830_400);
        assert_eq!("2025-03-01T12:00:00Z".parse(), Ok(noon));
        assert_eq!("2025-03-01T13:00:00+01:00".parse(), Ok(noon));
        for wrong in ["", "2025-03-01", "1740830400", "3025-03-01T12:00:00Z"] {
            assert!(wrong.parse::<Timestamp>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn operations_count_on_when_an_epoch_is_used_up() {
        let mut operations = Operations { next: OperationId { epoch: 1, seq: u32::MAX } };
        assert_eq!(operations.issue(), OperationId { epoch: 1, seq: u32::MAX });
        assert_eq!(operations.issue(), OperationId { epoch: 2, seq: 0 });
    }
}
