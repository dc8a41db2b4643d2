//! A pod's containers on their way down, in order.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::CompiledPod;
use crate::api::ContainerId;
use crate::behaviour::Compat;
use crate::container::{ContainerIndex, ContainerSet, MINIMUM_GRACE_SECONDS, Stop, StopPhase};
use crate::machine::Timestamp;

/// The containers of a pod that are being stopped.
///
/// Each goes through its own [`Stop`]: hook, turn, timeout. Its turn has come when none of the containers
/// that come before it in the stop order is still here. A container that is stopped alone (a failed probe, a
/// new image) waits for nobody.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Termination {
    stopping: Vec<Stopping>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stopping {
    id: ContainerId,
    /// `None` for a container that is not in the spec.
    container: Option<ContainerIndex>,
    /// Whether it waits for its turn.
    ordered: bool,
    stop: Stop,
}

/// What is to be done about a container that is being stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminationStep {
    /// Run its `preStop` hook, for at most this long.
    RunPreStop {
        /// The instance.
        id: ContainerId,
        /// Which container it is.
        container: Option<ContainerIndex>,
        /// Whole seconds.
        timeout_seconds: u64,
    },
    /// Send it the stop signal, and kill it when the timeout is over.
    Stop {
        /// The instance.
        id: ContainerId,
        /// Which container it is.
        container: Option<ContainerIndex>,
        /// Whole seconds, at least [`MINIMUM_GRACE_SECONDS`].
        timeout_seconds: u64,
    },
}

impl Termination {
    /// Begins to stop an instance with `grace` seconds. One that is being stopped already only has its grace
    /// shortened, and waits for its turn if it did.
    pub fn begin(
        &mut self,
        pod: &CompiledPod,
        now: Timestamp,
        (id, container): (&ContainerId, Option<ContainerIndex>),
        grace: i64,
        ordered: bool,
        steps: &mut Vec<TerminationStep>,
    ) {
        if let Some(known) = self.stopping.iter_mut().find(|known| known.id == *id) {
            if known.stop.shrink(now, grace) {
                steps.push(known.stop_step());
            }
            return;
        }
        let has_hook =
            container.and_then(|index| pod.container(index)).is_some_and(|container| container.pre_stop);
        let stopping =
            Stopping { id: id.clone(), container, ordered, stop: Stop::begin(now, grace, has_hook) };
        if stopping.stop.phase == StopPhase::Hook {
            let timeout_seconds = stopping.stop.grace;
            steps.push(TerminationStep::RunPreStop { id: id.clone(), container, timeout_seconds });
        }
        self.stopping.push(stopping);
    }

    /// Stops an instance at once: no hook (one that runs is not waited for), no turn, and
    /// [`MINIMUM_GRACE_SECONDS`] between the stop signal and the kill.
    pub fn hasten(
        &mut self,
        now: Timestamp,
        (id, container): (&ContainerId, Option<ContainerIndex>),
        steps: &mut Vec<TerminationStep>,
    ) {
        const GRACE: i64 = MINIMUM_GRACE_SECONDS.cast_signed();
        if let Some(known) = self.stopping.iter_mut().find(|known| known.id == *id) {
            known.ordered = false;
            known.stop.hook_finished(now);
            if known.stop.shrink(now, GRACE) {
                steps.push(known.stop_step());
            }
            return;
        }
        let stop = Stop::begin(now, GRACE, false);
        self.stopping.push(Stopping { id: id.clone(), container, ordered: false, stop });
    }

    /// Makes an instance wait for nobody any more.
    pub(crate) fn let_go(&mut self, id: &ContainerId) {
        for known in self.stopping.iter_mut().filter(|known| known.id == *id) {
            known.ordered = false;
        }
    }

    /// The `preStop` hook of an instance has come back, however it ended.
    pub fn hook_finished(&mut self, now: Timestamp, id: &ContainerId) {
        if let Some(known) = self.stopping.iter_mut().find(|known| known.id == *id) {
            known.stop.hook_finished(now);
        }
    }

    /// An instance is gone.
    pub fn exited(&mut self, id: &ContainerId) {
        self.stopping.retain(|known| known.id != *id);
    }

    /// Keeps only the instances that are still here.
    pub(crate) fn retain(&mut self, is_here: impl Fn(&ContainerId) -> bool) {
        self.stopping.retain(|known| is_here(&known.id));
    }

    /// Follows the containers to their new indices.
    pub(crate) fn renumber(&mut self, moved: impl Fn(ContainerIndex) -> Option<ContainerIndex>) {
        self.stopping.iter_mut().for_each(|known| known.container = known.container.and_then(&moved));
    }

    /// An instance that was told to stop has to be told again: the runtime refused.
    #[must_use]
    pub fn again(&mut self, now: Timestamp, id: &ContainerId) -> Option<TerminationStep> {
        let known = self.stopping.iter_mut().find(|known| known.id == *id)?;
        if known.stop.phase != StopPhase::Stopping {
            return None;
        }
        let left = known.stop.deadline().since(now).as_secs().max(MINIMUM_GRACE_SECONDS);
        known.stop = Stop { phase: StopPhase::Stopping, since: now, grace: left };
        Some(known.stop_step())
    }

    /// Shortens the grace of everything that is being stopped to `grace` seconds from now.
    pub fn shrink(&mut self, now: Timestamp, grace: i64, steps: &mut Vec<TerminationStep>) {
        for known in &mut self.stopping {
            if known.stop.shrink(now, grace) {
                steps.push(known.stop_step());
            }
        }
    }

    /// Makes everything that is being stopped wait for its turn, because the whole pod goes.
    pub fn order_all(&mut self) {
        self.stopping.iter_mut().for_each(|known| known.ordered = true);
    }

    /// Goes on as far as possible at `now`. Containers in `starting` are here too, or may be: those that come
    /// after them wait.
    pub fn advance(
        &mut self,
        pod: &CompiledPod,
        now: Timestamp,
        starting: ContainerSet,
        steps: &mut Vec<TerminationStep>,
    ) {
        // Being told to stop takes nobody off the list, so one round is enough.
        let here = self.containers().union(starting);
        for known in &mut self.stopping {
            let is_its_turn =
                !known.ordered || known.container.is_none_or(|index| pod.waits_for(index, here).is_empty());
            if known.stop.advance(now, is_its_turn) {
                steps.push(known.stop_step());
            }
        }
    }

    /// When to call [`advance`](Self::advance) if nothing happens first.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        self.stopping.iter().filter_map(|known| known.stop.next_wakeup()).min()
    }

    /// The containers of the spec that are being stopped.
    #[must_use]
    pub fn containers(&self) -> ContainerSet {
        self.stopping.iter().filter_map(|known| known.container).collect()
    }

    /// The state of an instance that is being stopped.
    #[must_use]
    pub fn stop_of(&self, id: &ContainerId) -> Option<&Stop> {
        self.stopping.iter().find(|known| known.id == *id).map(|known| &known.stop)
    }

    /// The instances that are being stopped, in the order in which that began.
    pub fn instances(&self) -> impl Iterator<Item = (&ContainerId, Option<ContainerIndex>, &Stop)> {
        self.stopping.iter().map(|known| (&known.id, known.container, &known.stop))
    }

    /// Whether nothing is being stopped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stopping.is_empty()
    }

    pub(crate) fn move_back(&mut self, by: Duration) {
        self.stopping.iter_mut().for_each(|known| known.stop.move_back(by));
    }
}

impl Stopping {
    fn stop_step(&self) -> TerminationStep {
        let (id, container) = (self.id.clone(), self.container);
        TerminationStep::Stop { id, container, timeout_seconds: self.stop.grace }
    }
}

/// The seconds that a pod gets to stop: never under 1, and never more than before.
///
/// `deletion` is what the deletion says, `wanted` what someone on the node wants (eviction, shutdown), and
/// `previous` what came of the last call (`None` or zero: there was none): the least of them counts, and zero or less is as soon
/// as possible. Where nobody asks for anything it is the pod's own, `spec`.
///
/// ```
/// use node_lifecycle::behaviour::Compat;
/// use node_lifecycle::pod::pod_grace_seconds;
///
/// let right = Compat::default();
/// let first = pod_grace_seconds(right, None, Some(20), None, Some(30));
/// assert_eq!(first, 20);
/// // Later an eviction wants 5 s; and whoever comes then with more is too late.
/// let second = pod_grace_seconds(right, Some(first), Some(20), Some(5), Some(30));
/// assert_eq!((second, pod_grace_seconds(right, Some(second), Some(20), Some(60), Some(30))), (5, 5));
/// ```
#[must_use]
pub fn pod_grace_seconds(
    compat: Compat,
    previous: Option<i64>,
    deletion: Option<i64>,
    wanted: Option<i64>,
    spec: Option<i64>,
) -> i64 {
    let previous = previous.filter(|previous| *previous != 0);
    let asked = [previous, deletion, wanted].into_iter().flatten();
    let least = asked.reduce(|least, asked| {
        let is_forgotten = compat.forget_zero_grace && least == 0;
        if is_forgotten { asked } else { least.min(asked) }
    });
    least.or(spec).unwrap_or(0).max(1)
}

/// A running container, for a [`forecast`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// Which container.
    pub container: ContainerIndex,
    /// How long its `preStop` hook takes, if it has one.
    pub pre_stop: Duration,
    /// How long it takes to exit once it has the stop signal.
    pub stop: Duration,
}

/// How a container will go, by a [`forecast`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// Which container.
    pub container: ContainerIndex,
    /// When it is told to stop, from the beginning.
    pub stopped_at: Duration,
    /// The timeout that it is given, in whole seconds.
    pub timeout_seconds: u64,
    /// When it is gone, from the beginning.
    pub ended_at: Duration,
    /// Whether it was killed because the timeout ran out.
    pub forced: bool,
}

/// How a pod's containers will go when all of them are stopped at once with `grace` seconds: what is told to
/// stop when, with which timeout, and what has to be killed. Sorted by the time of the stop signal, then by
/// name.
///
/// It drives the same [`Termination`] that a pod's worker drives, in virtual time.
#[must_use]
pub fn forecast(pod: &CompiledPod, running: &[Ending], grace: i64) -> Vec<Ended> {
    let id = |index: ContainerIndex| ContainerId::from(pod.name_of(index));
    let ending = |container| running.iter().find(|ending| Some(ending.container) == container);
    let start = Timestamp::UNIX_EPOCH;
    let (mut termination, mut steps) = (Termination::default(), Vec::new());
    for ending in running {
        let instance = (&id(ending.container), Some(ending.container));
        termination.begin(pod, start, instance, grace, true, &mut steps);
    }

    let mut ended: Vec<Ended> = Vec::new();
    let mut due: Vec<(Timestamp, Due)> = Vec::new();
    let mut now = start;
    loop {
        termination.advance(pod, now, ContainerSet::EMPTY, &mut steps);
        for step in steps.drain(..) {
            match step {
                TerminationStep::RunPreStop { id, container, .. } => {
                    let takes = ending(container).map_or(Duration::ZERO, |ending| ending.pre_stop);
                    due.push((now + takes, Due::HookFinished(id)));
                }
                TerminationStep::Stop { id, container, timeout_seconds } => {
                    let (Some(container), Some(ending)) = (container, ending(container)) else { continue };
                    let timeout = Duration::from_secs(timeout_seconds);
                    let (stopped_at, takes) = (now - start, ending.stop.min(timeout));
                    let forced = ending.stop > timeout;
                    let ended_at = stopped_at.saturating_add(takes);
                    ended.push(Ended { container, stopped_at, timeout_seconds, ended_at, forced });
                    due.push((now + takes, Due::Exited(id)));
                }
            }
        }
        let wakeup = termination.next_wakeup().into_iter();
        let Some(next) = wakeup.chain(due.iter().map(|(at, _)| *at)).min() else { break };
        now = next;
        due.retain(|(at, due)| {
            if *at > now {
                return true;
            }
            match due {
                Due::HookFinished(id) => termination.hook_finished(now, id),
                Due::Exited(id) => termination.exited(id),
            }
            false
        });
    }
    ended.sort_by(|a, b| {
        let name = |ended: &Ended| pod.name_of(ended.container);
        a.stopped_at.cmp(&b.stopped_at).then_with(|| name(a).cmp(name(b)))
    });
    ended
}

enum Due {
    HookFinished(ContainerId),
    Exited(ContainerId),
}
