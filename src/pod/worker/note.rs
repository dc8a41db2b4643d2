//! What should not be, said out loud.

use serde::{Deserialize, Serialize};

use super::{Action, Change, Worker};
use crate::container::{ContainerIndex, ContainerRecord, SandboxState};

/// Something that should not be, and what is made of it. Nothing is lost for it, and nobody has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "note")]
#[non_exhaustive]
pub enum Note {
    /// More than one sandbox is ready: all of them are stopped, and a new one is made.
    SandboxesReady {
        /// How many are.
        count: u32,
    },
    /// The runtime has containers that are not in the spec: they are stopped with the pod.
    StrangeContainers {
        /// How many.
        count: u32,
    },
    /// An exit code that no process can have, taken as it is: other than 0 is a failure.
    ExitCode {
        /// Whose; `None` when it is not in the spec.
        container: Option<ContainerIndex>,
        /// What the runtime says.
        exit_code: i32,
    },
    /// A grace period that is negative counts as the least there is.
    NegativeGrace {
        /// Seconds.
        seconds: i64,
    },
    /// Time ran backwards: the latest time seen counts.
    ClockWentBack,
}

/// What has been said and still holds, so that it is not said again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Noted {
    sandboxes_ready: u32,
    strange_containers: u32,
    clock_went_back: bool,
}

impl Worker {
    pub(super) fn note(&mut self, note: Note) {
        self.scratch.notes.push(note);
    }

    pub(super) fn note_grace(&mut self, seconds: Option<i64>) {
        if let Some(seconds) = seconds.filter(|seconds| *seconds < 0) {
            self.note(Note::NegativeGrace { seconds });
        }
    }

    pub(super) fn note_clock(&mut self, went_back: bool) {
        if went_back && !self.state.noted.clock_went_back {
            self.note(Note::ClockWentBack);
        }
        self.state.noted.clock_went_back = went_back;
    }

    /// Looks at a record that is about to be taken.
    pub(super) fn note_exit_code(&mut self, record: &ContainerRecord) {
        let Some(exit_code) = record.exit().map(|exit| exit.exit_code) else { return };
        let is_new = self.observed.find(&record.id).is_none_or(|known| known.exit() != record.exit());
        if is_new && !(0..=255).contains(&exit_code) {
            let container = self.pod.index_of(&record.name);
            self.note(Note::ExitCode { container, exit_code });
        }
    }

    /// Looks at all records.
    pub(super) fn note_records(&mut self) {
        let count = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
        let ready = self.observed.sandboxes().iter().filter(|one| one.state == SandboxState::Ready);
        let ready = count(ready.count());
        let strange = count(self.observed.instances().filter(|(index, _)| index.is_none()).count());
        let noted = &mut self.state.noted;
        let said = std::mem::replace(&mut noted.sandboxes_ready, ready);
        let said_strange = std::mem::replace(&mut noted.strange_containers, strange);
        if ready > said.max(1) {
            self.note(Note::SandboxesReady { count: ready });
        }
        if strange > said_strange {
            self.note(Note::StrangeContainers { count: strange });
        }
    }

    pub(super) fn report_notes(&mut self, actions: &mut Vec<Action>) {
        let notes = self.scratch.notes.drain(..).filter(|_| self.state.synced);
        actions.extend(notes.map(|note| Action::Report { change: Change::Note(note) }));
    }
}
