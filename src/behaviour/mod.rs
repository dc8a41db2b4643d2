//! Which Kubernetes this is: the feature gates that are on, and the faults of the kubelet that are copied.
//!
//! ```
//! use node_lifecycle::behaviour::{Behaviour, Compat, Feature};
//!
//! // Right by default, with the gates as Kubernetes 1.32 ships them.
//! let behaviour = Behaviour::default();
//! assert!(!behaviour.gates.enabled(Feature::ContainerRestartRules));
//!
//! // A node that behaves as the kubelet 1.32 was measured to behave.
//! let measured = Behaviour { compat: Compat::kubelet_1_32(), ..Behaviour::default() };
//! assert!(measured.compat.start_work_for_deleted_pods);
//! ```

mod compat;
mod gates;

pub use compat::Compat;
pub use gates::{
    Component, EffectiveGate, EffectiveGates, Feature, FeatureGateError, FeatureGateErrors, FeatureGateNote,
    FeatureGateSettings, FeatureGates, FeatureInfo, GateGroup, GateRegistry, GateSource, GateState, Maturity,
    ParseFeatureGatesError, Stage, StageCounts,
};

use serde::{Deserialize, Serialize};

/// What decisions depend on beside their inputs. Shared by [`Arc`](std::sync::Arc) where it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Behaviour {
    /// The feature gates, by Kubernetes' names.
    pub gates: FeatureGates,
    /// Where the library copies a fault of the kubelet.
    pub compat: Compat,
}

impl Behaviour {
    /// The gates' defaults together with everything that the kubelet 1.32 does, faults included.
    #[must_use]
    pub fn kubelet_1_32() -> Self {
        Self { gates: FeatureGates::default(), compat: Compat::kubelet_1_32() }
    }
}
