//! A sink that keeps what it is sent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::calls::{Call, Calls};
use super::lock;
use crate::api::{PodStatus, Uid};
use crate::machine::Timestamp;
use crate::runtime::{CALL_TIMEOUT, Clock, PodReference, SinkError, StatusSink, StatusUpdate};

/// Keeps every status that it is sent, in order. A clone is a handle to the same.
///
/// It knows no pods: it takes the status of any that was not deleted through it.
#[derive(Debug, Clone)]
pub struct MemorySink {
    calls: Calls,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    sent: Vec<(Timestamp, StatusUpdate)>,
    latest: BTreeMap<Uid, (u64, Arc<PodStatus>)>,
    deleted: BTreeMap<Uid, (Timestamp, PodReference)>,
}

impl MemorySink {
    /// One that has nothing yet.
    #[must_use]
    pub fn new(calls: &Calls) -> Self {
        Self { calls: calls.clone(), state: Arc::default() }
    }

    /// Every status that was taken, with its time, in order.
    #[must_use]
    pub fn sent(&self) -> Vec<(Timestamp, StatusUpdate)> {
        lock(&self.state).sent.clone()
    }

    /// The status of the highest version that was sent for a pod.
    #[must_use]
    pub fn status(&self, uid: &Uid) -> Option<Arc<PodStatus>> {
        lock(&self.state).latest.get(uid).map(|(_, status)| Arc::clone(status))
    }

    /// The pods that were deleted, with the time, by UID.
    #[must_use]
    pub fn deleted(&self) -> BTreeMap<Uid, (Timestamp, PodReference)> {
        lock(&self.state).deleted.clone()
    }
}

#[async_trait]
impl StatusSink for MemorySink {
    async fn send_status(&self, update: &StatusUpdate) -> Result<(), SinkError> {
        let StatusUpdate { pod: PodReference { uid, name, .. }, version, status } = update;
        let passage = self.calls.begin(Call::SendStatus, name, Duration::ZERO, Some(CALL_TIMEOUT)).await?;
        let now = self.calls.clock.now();
        let taken = {
            let mut state = lock(&self.state);
            if state.deleted.contains_key(uid) {
                Err(SinkError::NotFound(uid.clone()))
            } else {
                state.sent.push((now, update.clone()));
                let latest = state.latest.entry(uid.clone()).or_default();
                if *version >= latest.0 {
                    *latest = (*version, Arc::clone(status));
                }
                Ok(())
            }
        };
        passage.answer(taken).await
    }

    async fn delete_pod(&self, pod: &PodReference) -> Result<(), SinkError> {
        let passage =
            self.calls.begin(Call::DeletePod, &pod.name, Duration::ZERO, Some(CALL_TIMEOUT)).await?;
        let now = self.calls.clock.now();
        lock(&self.state).deleted.entry(pod.uid.clone()).or_insert_with(|| (now, pod.clone()));
        passage.answer(Ok(())).await
    }
}
