//! Which pod has to go, and what it is told.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use super::tick::Evicted;
use super::{Action, Eviction, EvictionAnnotations, Manager};
use crate::api::{Quantity, Uid};
use crate::behaviour::Feature;
use crate::eviction::{
    ContainerStats, DiskLayout, EvictionContainer, EvictionPod, Level, Observation, ObservedPod, RankBy,
    Resource, Signal, Step, Threshold, first_in_rank, local_storage_violation,
};
use crate::machine::OperationId;
use crate::pod::Verdict;

/// Seconds of grace of a pod that has to go at once.
const LEAST_GRACE: i64 = 1;

impl Manager {
    /// Every pod that uses more local disk than its own limits allow has to go. Whether there was one.
    pub(super) fn evict_over_limit(&mut self, seen: &Arc<Observation>, actions: &mut Vec<Action>) -> bool {
        let Some(layout) = self.state.layout else { return false };
        let mut evicted = BTreeMap::new();
        for (at, observed) in seen.pods().iter().enumerate() {
            if observed.pod().is_critical {
                continue;
            }
            let Some(violation) = local_storage_violation(observed, layout) else { continue };
            let message = Arc::from(violation.message());
            let eviction = self.eviction(observed.pod(), message, LEAST_GRACE, None);
            self.send(at, eviction, &mut evicted, actions);
        }
        let anyone = !evicted.is_empty();
        if anyone {
            self.wait_for_cleanup(evicted);
        }
        anyone
    }

    /// The first pod in rank that may go has to, for the watch at `at`.
    pub(super) fn evict_for(&mut self, at: usize, actions: &mut Vec<Action>) {
        let (Some(watch), Some(seen)) = (self.state.watches.get(at), self.tick.observation.clone()) else {
            return self.rest(actions);
        };
        let threshold = watch.threshold.clone();
        let compat = self.behaviour.compat;
        if !self.has_ranking(threshold.signal) {
            self.tick.conclude(Step::NoRanking);
            return if compat.need_disk_layout { self.rest(actions) } else { self.next_threshold(actions) };
        }
        let by = self.rank_by(threshold.signal);
        let may_go = |observed: &ObservedPod| !observed.pod().is_critical;
        let Some(first) = first_in_rank(by, seen.pods(), compat, may_go) else {
            self.tick.conclude(Step::NobodyCanGo);
            return self.rest(actions);
        };
        let Some(observed) = seen.pods().get(first.index) else { return self.rest(actions) };
        let (message, annotations) = low_on(&threshold, seen.levels.get(threshold.signal), observed);
        let grace = self.grace_of(observed.pod(), &threshold);
        let eviction = self.eviction(observed.pod(), message.into(), grace, Some(annotations));
        if let Some(check) = self.tick.check.as_ref().filter(|_| !compat.check_every_threshold) {
            // It was made before this pod went, and is not fresh in the next tick.
            for (signal, level) in check.levels.iter() {
                if level.time > self.state.levels.get(signal).and_then(|known| known.time) {
                    self.state.levels.set(signal, Some(*level));
                }
            }
        }
        let mut evicted = BTreeMap::new();
        self.send(first.index, eviction, &mut evicted, actions);
        self.tick.conclude(Step::Evicts);
        self.wait_for_cleanup(evicted);
    }

    /// What pods are ranked by when a signal is low.
    pub(in crate::eviction) fn rank_by(&self, signal: Signal) -> RankBy {
        RankBy::of(signal, self.state.layout.unwrap_or(DiskLayout::One))
    }

    /// How long a pod gets: next to nothing for a hard threshold; for a soft one what the node grants, and no more than
    /// the pod asks for itself.
    fn grace_of(&self, pod: &EvictionPod, threshold: &Threshold) -> i64 {
        if threshold.is_hard() {
            return LEAST_GRACE;
        }
        let granted = self.config.max_pod_grace_period_seconds;
        let own = pod.termination_grace_period_seconds;
        let overwrites = self.behaviour.gates.enabled(Feature::AllowOverwriteTerminationGracePeriodSeconds);
        own.filter(|_| !overwrites).map_or(granted, |own| own.min(granted))
    }

    fn eviction(
        &mut self,
        pod: &EvictionPod,
        message: Arc<str>,
        grace: i64,
        annotations: Option<EvictionAnnotations>,
    ) -> Eviction {
        Eviction {
            operation: self.state.operations.issue(),
            uid: pod.uid.clone(),
            verdict: Verdict {
                reason: Eviction::REASON.into(),
                grace_seconds: Some(grace),
                disruption: annotations.is_some().then(|| Arc::clone(&message)),
                message,
                spares_succeeded: false,
            },
            annotations,
        }
    }

    fn send(
        &mut self,
        pod: usize,
        eviction: Eviction,
        evicted: &mut BTreeMap<Uid, Option<OperationId>>,
        actions: &mut Vec<Action>,
    ) {
        let message = Arc::clone(&eviction.verdict.message);
        let grace_seconds = eviction.verdict.grace_seconds.unwrap_or_default();
        self.tick.evicted.push(Evicted { pod, message, grace_seconds, refused: None });
        evicted.insert(eviction.uid.clone(), Some(eviction.operation));
        actions.push(Action::Evict(Box::new(eviction)));
    }
}

/// What the status of a pod says that goes for a threshold, in the kubelet's words.
fn low_on(
    threshold: &Threshold,
    level: Option<&Level>,
    observed: &ObservedPod,
) -> (String, EvictionAnnotations) {
    let resource = threshold.signal.resource();
    let mut message = format!("The node was low on resource: {resource}. ");
    if let Some(level) = level {
        let quantity = threshold.value.amount(level.capacity).to_kubelet_string();
        let available = measured(resource, level.available).to_kubelet_string();
        let _ = write!(message, "Threshold quantity: {quantity}, available: {available}. ");
    }
    let mut annotations = EvictionAnnotations::default();
    let Some(stats) = observed.stats() else { return (message, annotations) };
    annotations.starved_resource = Some(resource);
    for stats in &stats.containers {
        let same = |container: &&EvictionContainer| container.name == stats.name;
        for container in observed.pod().containers.iter().filter(same) {
            let Some((used, request)) = use_of(resource, stats, container) else { continue };
            let used = measured(resource, i64::try_from(used).unwrap_or(i64::MAX));
            if used <= *request {
                continue;
            }
            let _ = write!(
                message,
                "Container {} was using {}, request is {}, has larger consumption of {resource}. ",
                stats.name,
                used.to_kubelet_string(),
                request.to_kubelet_string()
            );
            annotations.offending_containers.push((Arc::clone(&stats.name), used));
        }
    }
    (message, annotations)
}

/// What a container uses of a resource, and requests of it, where both are known.
fn use_of<'a>(
    resource: Resource,
    stats: &ContainerStats,
    container: &'a EvictionContainer,
) -> Option<(u64, &'a Quantity)> {
    match resource {
        Resource::Memory => Some((stats.memory_working_set_bytes?, &container.memory_request)),
        Resource::EphemeralStorage => {
            let used = stats.rootfs.used_bytes?.saturating_add(stats.logs.used_bytes?);
            Some((used, &container.ephemeral_storage_request))
        }
        Resource::Inodes | Resource::Pids => None,
    }
}

/// A measurement as messages print it.
fn measured(resource: Resource, amount: i64) -> Quantity {
    Quantity::from_units(amount).with_format(resource.format())
}
