//! What happens to a pod as a whole, and what is to be done about it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::api::{Pod, PodStatus};
use crate::container::ProbeAnswer;
use crate::machine::OperationId;
use crate::pod::{Action, CompiledPod, Event, ProbesAction};

/// What can happen to a pod as a whole.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum LifecycleEvent {
    /// The pod as its source has it now, in whatever it changed. A pod with another UID is not this one and is
    /// passed over. A deletion stamp begins the deletion.
    Offered {
        /// The pod, with the status that the API server has.
        pod: Arc<Pod>,
        /// The same, compiled.
        compiled: Arc<CompiledPod>,
        /// Of a static pod: its mirror in the API server, if there is one.
        mirror: Option<Arc<Pod>>,
    },
    /// Something happened to its containers, or came of an action about them.
    Pod(Event),
    /// What an attempt of a probe came to.
    Answered {
        /// The attempt's operation.
        operation: OperationId,
        /// The answer.
        answer: ProbeAnswer,
    },
    /// What came of sending a status.
    StatusSent {
        /// The status' version.
        version: u64,
        /// Whether the API server has taken it.
        taken: bool,
    },
    /// What came of deleting the pod from the API server, or that it is gone from there by other hands: from then on
    /// nothing is sent and nothing waits for it. (Of a static pod's mirror [`Offered`](Self::Offered) tells.)
    PodDeleted {
        /// Whether it is gone there.
        gone: bool,
    },
    /// The agent has been restarted: what was in flight is void, and nothing happens before the next full
    /// observation.
    AgentStarted {
        /// The number of the agent's life, higher than any before.
        epoch: u32,
        /// How long probes ask nothing, so that those of a node do not all start at once.
        jitter: Duration,
    },
}

/// What is to be done about a pod as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "of")]
pub enum LifecycleAction {
    /// About its containers, sandbox and resources. Answered by [`LifecycleEvent::Pod`].
    Pod(Action),
    /// About a probe. An attempt is answered by [`LifecycleEvent::Answered`].
    Probe(ProbesAction),
    /// Send its status to the API server: to its mirror, if the pod is static. Answered by
    /// [`LifecycleEvent::StatusSent`]; without an answer it is sent again after a while. One is on its way at a
    /// time, and none is older than one that was sent before.
    SendStatus {
        /// Its version.
        version: u64,
        /// The status, merged with what the API server has.
        status: Arc<PodStatus>,
    },
    /// Delete it from the API server: nothing is left of it here, and the API server knows how it ended. Answered
    /// by [`LifecycleEvent::PodDeleted`].
    DeletePod,
}
