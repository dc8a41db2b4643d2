//! Which pods a node takes while it is short of something.
//!
//! Critical pods always. The others while it is short of nothing, and, while it is short of memory alone, if they
//! are not `BestEffort` (a request or limit of processor time will do) or bear the taint
//! `node.kubernetes.io/memory-pressure` with the effect `NoSchedule`.
//!
//! ```
//! use node_lifecycle::api::Pod;
//! use node_lifecycle::behaviour::FeatureGates;
//! use node_lifecycle::eviction::{Pressure, admit};
//!
//! let pod = Pod::from_json(
//!     r#"{"metadata": {"name": "job"}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}"#)?;
//! let rejection = admit(&[Pressure::Memory], &pod, FeatureGates::default()).unwrap_err();
//! assert_eq!(rejection.message, "The node had condition: [MemoryPressure]. ");
//! # Ok::<(), node_lifecycle::api::PodError>(())
//! ```

use serde::Serialize;

use super::Pressure;
use crate::api::{Pod, QosClass, Toleration};
use crate::behaviour::FeatureGates;
use crate::pod::pod_qos_class;

/// Why a node does not take a pod, as the pod's status says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct Rejection {
    /// In a word: `Evicted`.
    pub reason: &'static str,
    /// For a person, in the kubelet's words, with the space at their end.
    pub message: String,
}

/// Whether a node with these conditions takes `pod`. The message names them in the order given.
///
/// # Errors
/// The [`Rejection`] that the pod's status has to say.
pub fn admit(pressures: &[Pressure], pod: &Pod, gates: FeatureGates) -> Result<(), Rejection> {
    let is_taken = match pressures {
        [] => true,
        _ if pod.is_critical() => true,
        [Pressure::Memory] => {
            pod_qos_class(pod, gates) != QosClass::BestEffort
                || pod.spec.tolerations.iter().any(bears_memory_pressure)
        }
        _ => false,
    };
    if is_taken {
        return Ok(());
    }
    let names: Vec<_> = pressures.iter().map(|pressure| pressure.name()).collect();
    let message = format!("The node had condition: [{}]. ", names.join(" "));
    Err(Rejection { reason: "Evicted", message })
}

/// The taint has no value.
fn bears_memory_pressure(toleration: &Toleration) -> bool {
    matches!(toleration.effect.as_str(), "" | "NoSchedule")
        && matches!(toleration.key.as_str(), "" | "node.kubernetes.io/memory-pressure")
        && match toleration.operator.as_str() {
            "" | "Equal" => toleration.value.is_empty(),
            operator => operator == "Exists",
        }
}
