//! What happens to a pod's probes, and what is to be done about it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::{ContainerIndex, PodSight, ProbeAnswer, ProbeKind, ProberAction, Sight};
use crate::machine::OperationId;
use crate::pod::CompiledPod;

/// What can happen to a pod's probes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ProbesEvent {
    /// A container, together with the pod around it, as their status shows them. One that the pod does not have
    /// is passed over.
    Container {
        /// Which.
        container: ContainerIndex,
        /// What is seen.
        sight: Sight,
    },
    /// The pod alone: its phase changed, or it is being stopped.
    Pod(PodSight),
    /// A probe is wanted now rather than a period later, as [`Readiness::RunProbe`](crate::container::Readiness)
    /// says.
    Run {
        /// The container.
        container: ContainerIndex,
        /// Which probe.
        probe: ProbeKind,
    },
    /// What an attempt came to.
    Answered {
        /// The attempt's operation.
        operation: OperationId,
        /// The answer.
        answer: ProbeAnswer,
    },
    /// The pod's spec, changed or not. A pod with another UID is not this one and is passed over. (What was due
    /// before it in the same step names containers as they stood.)
    Updated(Arc<CompiledPod>),
    /// The agent has been restarted: attempts that were under way are void, and nothing is asked of a container
    /// before it is seen again. Results, runs and holds go on.
    AgentStarted {
        /// The number of the agent's life, higher than any before.
        epoch: u32,
        /// How long nothing is asked, of which no more than each probe's period counts.
        jitter: Duration,
    },
}

/// What is to be done about one probe of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbesAction {
    /// The container.
    pub container: ContainerIndex,
    /// What is to be done. Its operation is unique among the pod's probes.
    #[serde(flatten)]
    pub action: ProberAction,
}
