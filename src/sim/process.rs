//! A simulated process: an instance of a container that follows its script.

use std::sync::Arc;
use std::time::Duration;

use super::Script;
use crate::api::RestartPolicy;
use crate::container::{ContainerKind, ContainerRecord, Exit, RecordState};
use crate::machine::Timestamp;

/// An instance of a container, and what it is going to do.
#[derive(Debug, Clone)]
pub(super) struct Process {
    pub(super) record: ContainerRecord,
    pub(super) script: Script,
    /// When it will end as things stand, with which code, and whether by force.
    pub(super) end: Option<(Timestamp, i32, bool)>,
}

impl Process {
    /// One that was made and not started. `script` is the container's; after its crashes an instance does what
    /// is usual.
    pub(super) fn new(
        record: ContainerRecord,
        script: Script,
        (kind, policy): (ContainerKind, RestartPolicy),
    ) -> Self {
        let script = match script {
            Script::Crashes { times, .. } if record.attempt >= times => Script::usual(kind, policy),
            script => script,
        };
        Self { record, script, end: None }
    }

    /// Starts it; when it will end by itself follows from its script.
    pub(super) fn start(&mut self, now: Timestamp) {
        self.record.state = RecordState::Running { started_at: now };
        self.end = self.script.own_end(self.record.attempt).map(|(after, code)| (now + after, code, false));
    }

    /// Sends it the stop signal.
    pub(super) fn stop(&mut self, now: Timestamp, timeout: Duration) {
        let killed = (now + timeout, 137, true);
        let end = match self.script.stops_after() {
            Some(after) if after <= timeout => (now + after, 0, false),
            _ => killed,
        };
        self.end = Some(match self.end {
            Some(sooner) if sooner.0 <= end.0 => sooner,
            _ => end,
        });
    }

    /// Ends it.
    pub(super) fn exit(&mut self, now: Timestamp, exit_code: i32) {
        let reason = Arc::from(if exit_code == 0 { "Completed" } else { "Error" });
        let started_at = self.record.started_at();
        let message = Arc::default();
        self.record.state =
            RecordState::Exited(Exit { exit_code, started_at, finished_at: now, reason, message });
        self.end = None;
    }
}

/// Now, or right after what was made last.
pub(super) fn after(last: Option<Timestamp>, now: Timestamp) -> Timestamp {
    last.map_or(now, |last| now.max(last + Duration::from_nanos(1)))
}
