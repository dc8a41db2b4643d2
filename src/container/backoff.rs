//! Exponential back-off by key.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::machine::Timestamp;

/// How long a back-off is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackOffSettings {
    /// The first delay.
    pub initial: Duration,
    /// The longest delay; each one is twice the last until then.
    pub max: Duration,
    /// How long an entry counts after its last update. `None`: twice the longest delay.
    pub expire_after: Option<Duration>,
}

impl BackOffSettings {
    fn expire_after(&self) -> Duration {
        self.expire_after.unwrap_or(self.max.saturating_mul(2))
    }
}

/// Delays by key, each twice the last, as Kubernetes counts them.
///
/// An entry is *stale* when an event comes strictly later than the expiry after its last update. Stale
/// entries keep their delay until [`next`](Self::next) starts anew or [`gc`](Self::gc) drops them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "K: Ord + Deserialize<'de>"))]
pub struct BackOff<K: Ord> {
    settings: BackOffSettings,
    entries: BTreeMap<K, Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    delay: Duration,
    updated: Timestamp,
}

impl<K: Ord> BackOff<K> {
    /// Without entries.
    #[must_use]
    pub const fn new(settings: BackOffSettings) -> Self {
        Self { settings, entries: BTreeMap::new() }
    }

    /// The settings that it was made with.
    #[must_use]
    pub const fn settings(&self) -> &BackOffSettings {
        &self.settings
    }

    /// Takes other settings; entries keep their delays.
    pub const fn set_settings(&mut self, settings: BackOffSettings) {
        self.settings = settings;
    }

    /// The present delay of a key: zero without an entry.
    #[must_use]
    pub fn delay<Q: Ord + ?Sized>(&self, key: &Q) -> Duration
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).map_or(Duration::ZERO, |entry| entry.delay)
    }

    /// Advances the delay of a key for an event at `event`: the first one for a new or stale entry, else
    /// twice the last, at most the longest. The entry's last update becomes `now`, not `event`.
    pub fn next<Q: Ord + ToOwned<Owned = K> + ?Sized>(&mut self, key: &Q, event: Timestamp, now: Timestamp)
    where
        K: Borrow<Q>,
    {
        let settings = self.settings;
        match self.entries.get_mut(key) {
            Some(entry) => {
                entry.delay = if entry.is_stale(event, settings) {
                    settings.initial
                } else {
                    entry.delay.saturating_mul(2).min(settings.max)
                };
                entry.updated = now;
            }
            None => {
                self.entries.insert(key.to_owned(), Entry { delay: settings.initial, updated: now });
            }
        }
    }

    /// Whether `now` is still within the delay of an event at `event`.
    #[must_use]
    pub fn is_in_back_off_since<Q: Ord + ?Sized>(&self, key: &Q, event: Timestamp, now: Timestamp) -> bool
    where
        K: Borrow<Q>,
    {
        self.entries
            .get(key)
            .is_some_and(|entry| !entry.is_stale(event, self.settings) && is_within(event, now, entry.delay))
    }

    /// Whether an event at `event` comes within the delay of the entry's last update.
    #[must_use]
    pub fn is_in_back_off_since_update<Q: Ord + ?Sized>(&self, key: &Q, event: Timestamp) -> bool
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).is_some_and(|entry| {
            !entry.is_stale(event, self.settings) && is_within(entry.updated, event, entry.delay)
        })
    }

    /// When the delay after the last update of a key is over.
    pub(crate) fn ends<Q: Ord + ?Sized>(&self, key: &Q) -> Timestamp
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).map_or(Timestamp::UNIX_EPOCH, |entry| entry.updated + entry.delay)
    }

    /// Drops the entries that are stale at `now`.
    pub fn gc(&mut self, now: Timestamp) {
        let settings = self.settings;
        self.entries.retain(|_, entry| !entry.is_stale(now, settings));
    }

    /// Drops the entry of a key: the next delay is the first again.
    pub fn reset<Q: Ord + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.entries.remove(key);
    }

    /// Moves every stored instant back, for a clock that was set back between two lives of an agent.
    pub(crate) fn move_back(&mut self, by: Duration) {
        self.entries.values_mut().for_each(|entry| entry.updated = entry.updated.moved_back(by));
    }
}

impl Entry {
    fn is_stale(&self, event: Timestamp, settings: BackOffSettings) -> bool {
        event.since(self.updated) > settings.expire_after()
    }
}

/// Whether `to` lies less than `delay` after `from`; before it counts as within, whatever the delay.
fn is_within(from: Timestamp, to: Timestamp, delay: Duration) -> bool {
    to < from || to - from < delay
}
