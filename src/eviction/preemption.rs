//! Which pods make room for a critical one.
//!
//! A pod may be preempted by a critical pod unless it is critical itself, and by any pod of a higher priority where
//! both have one. What has to be freed is known as [`Requirement`]s, and a pod frees what it requests.
//!
//! Best effort goes before burstable, and that before guaranteed: of each class go the pods that are still needed if
//! all of the classes before it went. Within a class the pod that comes closest to what is still required goes first:
//! closeness is the sum, over the requirements, of the square of the share that would stay open. Of equally close pods
//! the one with the smaller memory request goes, then the smaller CPU request, then the later one; where a pod was
//! taken out of the list, the last one stands in its place.
//!
//! A pod that goes is killed with [`preemption`]. The critical pod is admitted even if a kill fails, as in the kubelet:
//! it is tried again with the pod's own deletion.
//!
//! ```
//! use node_lifecycle::api::Pod;
//! use node_lifecycle::behaviour::FeatureGates;
//! use node_lifecycle::eviction::{Requirement, pods_to_preempt};
//!
//! let pod = |name: &str, priority: i32, memory: &str| Pod::from_json(&format!(
//!     r#"{{"metadata": {{"name": "{name}"}}, "spec": {{"priority": {priority}, "containers": [{{"name": "app",
//!     "image": "app:1", "resources": {{"requests": {{"memory": "{memory}"}}}}}}]}}}}"#));
//! let running = [pod("small", 0, "64Mi")?, pod("large", 0, "1Gi")?, pod("right", 0, "512Mi")?];
//! let required = [Requirement { resource: "memory".into(), quantity: 500 << 20 }];
//! let critical = pod("dns", 2_000_001_000, "500Mi")?;
//! assert_eq!(pods_to_preempt(&critical, &running, &required, FeatureGates::default()), Ok(vec![2]));
//! # Ok::<(), node_lifecycle::api::PodError>(())
//! ```

use std::borrow::Borrow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::pod::request;
use crate::api::{Pod, QosClass};
use crate::behaviour::FeatureGates;
use crate::pod::{KillPodOptions, StatusOverride, pod_qos_class};

/// How much of a resource has to be freed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// The resource, as pods name it; `pods` for a place on the node.
    pub resource: Arc<str>,
    /// How much: thousandths of a CPU, otherwise whole units (bytes, pods). What is not above zero is met already.
    pub quantity: i64,
}

/// Why a pod does not fit on the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum AdmissionFailure {
    /// There is not enough of a resource. In the units of a [`Requirement`].
    InsufficientResource {
        /// The resource.
        resource: Arc<str>,
        /// What the pod asks for.
        requested: i64,
        /// What others have.
        used: i64,
        /// What there is.
        capacity: i64,
    },
    /// Something that no preemption can change.
    Other {
        /// What, in a word.
        reason: Arc<str>,
    },
}

/// What follows from a pod's [`AdmissionFailure`]s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery<'a> {
    /// The pod is not admitted, for these reasons.
    Rejected(Vec<&'a AdmissionFailure>),
    /// The pod is admitted once the pods at these indices are [gone](preemption), in this order.
    Preempt(Vec<usize>),
}

/// All pods that may be preempted together do not free enough.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no set of running pods found to reclaim resources: [{}]", listed(.missing))]
#[non_exhaustive]
pub struct PreemptionError {
    /// What would still be required.
    pub missing: Vec<Requirement>,
}

/// A critical pod does not fit, and no preemption makes room for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("preemption: error finding a set of pods to preempt: {0}")]
pub struct RecoveryError(#[from] pub PreemptionError);

impl AdmissionFailure {
    /// In a word or two, as the pod's status says it.
    #[must_use]
    pub fn reason(&self) -> Arc<str> {
        match self {
            Self::InsufficientResource { resource, .. } => format!("Insufficient {resource}").into(),
            Self::Other { reason } => Arc::clone(reason),
        }
    }

    /// What has to be freed, if that would help.
    fn requirement(&self) -> Option<Requirement> {
        let Self::InsufficientResource { resource, requested, used, capacity } = self else { return None };
        let missing = i128::from(*requested) - (i128::from(*capacity) - i128::from(*used));
        let nearest = if missing < 0 { i64::MIN } else { i64::MAX };
        Some(Requirement {
            resource: Arc::clone(resource),
            quantity: i64::try_from(missing).unwrap_or(nearest),
        })
    }
}

/// What becomes of a pod that does not fit on the node: a critical one is admitted at others' cost, unless something
/// else than resources is in the way.
///
/// # Errors
/// [`RecoveryError`] when not enough can be freed; the pod is not admitted then, and nobody is killed.
pub fn recover_admission<'a, P: Borrow<Pod>>(
    pod: &Pod,
    running: &[P],
    failures: &'a [AdmissionFailure],
    gates: FeatureGates,
) -> Result<Recovery<'a>, RecoveryError> {
    if !pod.is_critical() {
        return Ok(Recovery::Rejected(failures.iter().collect()));
    }
    let others: Vec<_> = failures.iter().filter(|failure| failure.requirement().is_none()).collect();
    if !others.is_empty() {
        return Ok(Recovery::Rejected(others));
    }
    let required: Vec<_> = failures.iter().filter_map(AdmissionFailure::requirement).collect();
    Ok(Recovery::Preempt(pods_to_preempt(pod, running, &required, gates)?))
}

/// How a pod is killed that makes room for a critical one: with its own grace, and failed.
#[must_use]
pub fn preemption() -> KillPodOptions {
    KillPodOptions {
        evict: true,
        status: Some(Arc::new(StatusOverride {
            reason: "Preempting".into(),
            message: "Preempted in order to admit critical pod".into(),
            disruption: Some("Pod was preempted by Kubelet to accommodate a critical pod.".into()),
            ..StatusOverride::default()
        })),
        ..KillPodOptions::default()
    }
}

/// The pods that have to go so that `required` is free for `pod`, as indices of `running`: best effort first, then
/// burstable, then guaranteed.
///
/// # Errors
/// [`PreemptionError`] when even all that may go do not free enough.
pub fn pods_to_preempt<P: Borrow<Pod>>(
    pod: &Pod,
    running: &[P],
    required: &[Requirement],
    gates: FeatureGates,
) -> Result<Vec<usize>, PreemptionError> {
    let [mut best_effort, mut burstable, mut guaranteed] = [const { Vec::new() }; 3];
    for (index, candidate) in running.iter().map(Borrow::borrow).enumerate() {
        if is_preemptable(candidate, pod) {
            let class = match pod_qos_class(candidate, gates) {
                QosClass::BestEffort => &mut best_effort,
                QosClass::Burstable => &mut burstable,
                QosClass::Guaranteed => &mut guaranteed,
            };
            class.push(Candidate::of(index, candidate, required));
        }
    }

    let open = |gone: [&[Candidate]; 3]| {
        let mut open: Vec<_> = required.iter().map(|requirement| requirement.quantity).collect();
        gone.into_iter().flatten().for_each(|candidate| candidate.free(&mut open));
        open
    };
    let choose = |class, open| closest(class, open).map_err(|open| PreemptionError::of(required, &open));
    // Enough has to be there in all; then of each class only what is needed besides the classes before it and what
    // was chosen already.
    let all = open([&best_effort, &burstable, &guaranteed]);
    if all.iter().any(is_open) {
        return Err(PreemptionError::of(required, &all));
    }
    let besides = open([&best_effort, &burstable, &[]]);
    let guaranteed = choose(guaranteed, besides)?;
    let besides = open([&best_effort, &[], &guaranteed]);
    let burstable = choose(burstable, besides)?;
    let besides = open([&[], &burstable, &guaranteed]);
    let best_effort = choose(best_effort, besides)?;
    Ok([best_effort, burstable, guaranteed].iter().flatten().map(|candidate| candidate.index).collect())
}

fn is_preemptable(victim: &Pod, by: &Pod) -> bool {
    (by.is_critical() && !victim.is_critical())
        || by.spec.priority.zip(victim.spec.priority).is_some_and(|(by, victim)| by > victim)
}

/// A pod that may go.
struct Candidate {
    index: usize,
    /// Its requests of memory and of CPU: the smaller pod goes first.
    size: (i64, i64),
    /// What it frees of each requirement.
    frees: Vec<i64>,
}

/// Of a class the pods to go, in order, until nothing is open; or what stays open.
fn closest(mut class: Vec<Candidate>, mut open: Vec<i64>) -> Result<Vec<Candidate>, Vec<i64>> {
    let mut chosen = Vec::new();
    while open.iter().any(is_open) {
        let places = class.iter().enumerate().map(|(place, it)| (it.distance(&open), it.size, place));
        // The first from behind, so the last of equals.
        let best = places.rev().min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let Some((.., best)) = best else { return Err(open) };
        let candidate = class.swap_remove(best);
        candidate.free(&mut open);
        chosen.push(candidate);
    }
    Ok(chosen)
}

/// Whether something is still required.
const fn is_open(quantity: &i64) -> bool {
    *quantity > 0
}

impl Candidate {
    fn of(index: usize, pod: &Pod, required: &[Requirement]) -> Self {
        let size = (requested(pod, "memory"), requested(pod, "cpu"));
        let frees = required.iter().map(|requirement| requested(pod, &requirement.resource)).collect();
        Self { index, size, frees }
    }

    /// Takes what it frees off what is open.
    fn free(&self, open: &mut [i64]) {
        for (open, freed) in open.iter_mut().zip(&self.frees).filter(|(open, _)| is_open(open)) {
            *open = open.saturating_sub(*freed);
        }
    }

    /// How far from what is open it is, from 0 to the number of requirements.
    #[expect(clippy::cast_precision_loss, reason = "as the kubelet computes it")]
    fn distance(&self, open: &[i64]) -> f64 {
        let left = |(open, freed): (&i64, &i64)| {
            let left = open.saturating_sub(*freed).max(0);
            let share = left as f64 / *open as f64;
            share * share
        };
        open.iter().zip(&self.frees).filter(|(open, _)| is_open(open)).map(left).sum()
    }
}

/// What a pod requests, in the units of a [`Requirement`].
fn requested(pod: &Pod, resource: &str) -> i64 {
    match resource {
        "pods" => 1,
        "cpu" => request(pod, resource).milli_value_saturating(),
        _ => request(pod, resource).value_saturating(),
    }
}

impl PreemptionError {
    fn of(required: &[Requirement], open: &[i64]) -> Self {
        let open = required.iter().zip(open).filter(|(_, quantity)| is_open(quantity));
        let missing = |(it, quantity): (&Requirement, &i64)| Requirement {
            resource: Arc::clone(&it.resource),
            quantity: *quantity,
        };
        Self { missing: open.map(missing).collect() }
    }
}

fn listed(requirements: &[Requirement]) -> String {
    let listed = requirements.iter().map(|it| format!("(res: {}, q: {}), ", it.resource, it.quantity));
    listed.collect()
}
