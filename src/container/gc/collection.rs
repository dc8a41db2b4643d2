//! One collection, removal by removal.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::{GcContext, GcInventory, GcPolicy, GcReason, GcTarget, ListedContainer, ListedState, Removal};
use crate::api::{SandboxId, Uid};
use crate::behaviour::Compat;
use crate::container::SandboxState;

/// What will go if every removal succeeds, in order.
#[must_use]
pub fn gc_plan(
    inventory: &GcInventory,
    policy: &GcPolicy,
    context: &GcContext,
    compat: Compat,
) -> Vec<Removal> {
    let mut collection = GarbageCollection::begin(inventory, policy, context, compat);
    let mut plan = Vec::new();
    while let Some(removal) = collection.next_removal() {
        plan.push(removal.clone());
        collection.finished(true);
    }
    plan
}

/// A collection that is under way: one removal at a time, each followed by how it went.
///
/// ```
/// # use node_lifecycle::behaviour::Compat;
/// # use node_lifecycle::container::{GarbageCollection, GcContext, GcInventory, GcPolicy, GcTarget, Removal};
/// # let (inventory, policy) = (GcInventory::default(), GcPolicy::default());
/// # let context = GcContext::default();
/// # let remove = |_: &Removal| true;
/// let mut collection = GarbageCollection::begin(&inventory, &policy, &context, Compat::default());
/// while let Some(removal) = collection.next_removal() {
///     let succeeded = remove(removal);
///     collection.finished(succeeded);
/// }
/// assert!(collection.failed().is_empty());
/// ```
#[derive(Debug, Clone)]
pub struct GarbageCollection {
    policy: GcPolicy,
    context: GcContext,
    compat: Compat,
    /// The dead containers that are old enough and still here, newest first.
    units: BTreeMap<Unit, Vec<Dead>>,
    /// How many there are.
    dead: usize,
    /// How many containers each sandbox holds, whatever they do.
    held: BTreeMap<SandboxId, usize>,
    sandboxes: Vec<super::ListedSandbox>,
    log_directories: Vec<String>,
    step: Step,
    /// What is left of the step.
    queue: VecDeque<Candidate>,
    failed: Vec<Removal>,
}

/// One container of one pod.
type Unit = (Uid, Arc<str>);

#[derive(Debug, Clone)]
struct Dead {
    container: ListedContainer,
    /// Its removal has failed in this collection; it is not tried again.
    tried: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    WholePods,
    PerPodContainer,
    Share,
    Total,
    Sandboxes,
    LogDirectories,
    Done,
}

#[derive(Debug, Clone)]
struct Candidate {
    removal: Removal,
    sandbox: Option<SandboxId>,
}

impl GarbageCollection {
    /// Looks at what there is.
    #[must_use]
    pub fn begin(inventory: &GcInventory, policy: &GcPolicy, context: &GcContext, compat: Compat) -> Self {
        let scope = context.scope;
        let listed = inventory.containers.as_deref();
        let mut units = BTreeMap::<Unit, Vec<Dead>>::new();
        let mut held = BTreeMap::new();
        for container in listed.unwrap_or_default() {
            *held.entry(container.sandbox.clone()).or_insert(0) += 1;
            let latest = context.now.moved_back(policy.min_age);
            if scope.containers() && container.state != ListedState::Running && container.created_at <= latest
            {
                let unit = units.entry((container.pod.clone(), Arc::clone(&container.name))).or_default();
                unit.push(Dead { container: container.clone(), tried: false });
            }
        }
        for unit in units.values_mut() {
            unit.sort_by(|a, b| b.by_age(a));
        }
        let mut sandboxes = inventory.sandboxes.clone().unwrap_or_default();
        if !scope.sandboxes() || listed.is_none() {
            sandboxes.clear();
        }
        sandboxes.sort_by(|a, b| (&a.pod, a.created_at, &a.id).cmp(&(&b.pod, b.created_at, &b.id)));
        let mut log_directories = inventory.log_directories.clone().unwrap_or_default();
        if !scope.log_directories() {
            log_directories.clear();
        }
        log_directories.sort();
        let mut collection = Self {
            policy: *policy,
            context: context.clone(),
            compat,
            dead: units.values().map(Vec::len).sum(),
            units,
            held,
            sandboxes,
            log_directories,
            step: Step::WholePods,
            queue: VecDeque::new(),
            failed: Vec::new(),
        };
        collection.queue = collection.candidates();
        collection.settle();
        collection
    }

    /// What is to be removed now; the same until [`finished`](Self::finished) says how that went. `None` when
    /// nothing is left to do.
    #[must_use]
    pub fn next_removal(&self) -> Option<&Removal> {
        self.queue.front().map(|candidate| &candidate.removal)
    }

    /// The [next removal](Self::next_removal) has been tried. Nothing to do when there is none.
    pub fn finished(&mut self, succeeded: bool) {
        let Some(Candidate { removal, sandbox }) = self.queue.pop_front() else { return };
        if let GcTarget::Container { id, name, .. } = &removal.target {
            let key = (removal.pod.clone(), Arc::clone(name));
            if let Some(unit) = self.units.get_mut(&key) {
                // The oldest stand last, and go first.
                let at = unit.iter().rposition(|dead| dead.container.id == *id && !dead.tried);
                if succeeded || self.compat.count_failed_removals {
                    self.dead -= usize::from(at.map(|at| unit.remove(at)).is_some());
                } else if let Some(dead) = at.and_then(|at| unit.get_mut(at)) {
                    dead.tried = true;
                }
                if unit.is_empty() {
                    self.units.remove(&key);
                }
            }
            if succeeded && let Some(held) = sandbox.and_then(|sandbox| self.held.get_mut(&sandbox)) {
                *held = held.saturating_sub(1);
            }
        }
        if !succeeded {
            self.failed.push(removal);
        }
        self.settle();
    }

    /// The removals that have failed so far, in order. The next collection tries them again.
    #[must_use]
    pub fn failed(&self) -> &[Removal] {
        &self.failed
    }

    /// How many dead containers that are old enough are still here.
    #[must_use]
    pub const fn dead(&self) -> usize {
        self.dead
    }

    /// Goes on to the next step that has something to do.
    fn settle(&mut self) {
        if self.step == Step::Total && self.excess().is_none() {
            self.queue.clear();
        }
        while self.queue.is_empty() && self.step != Step::Done {
            self.step = match self.step {
                Step::WholePods => Step::PerPodContainer,
                Step::PerPodContainer => Step::Share,
                Step::Share => Step::Total,
                Step::Total => Step::Sandboxes,
                Step::Sandboxes => Step::LogDirectories,
                Step::LogDirectories | Step::Done => Step::Done,
            };
            self.queue = self.candidates();
        }
    }

    /// What the present step would remove, in order.
    fn candidates(&self) -> VecDeque<Candidate> {
        match self.step {
            Step::WholePods => self.of_whole_pods(),
            Step::PerPodContainer => match self.policy.max_per_pod_container {
                Some(limit) => self
                    .beyond_the_newest(limit, |unit| GcReason::PerPodContainer { dead: unit.len(), limit }),
                None => VecDeque::new(),
            },
            Step::Share => self.excess().map_or_else(VecDeque::new, |(dead, limit)| {
                let share = (limit / self.units.len().max(1)).max(1);
                self.beyond_the_newest(share, |_| GcReason::Share { dead, limit, share })
            }),
            Step::Total => self.excess().map_or_else(VecDeque::new, |(dead, limit)| {
                let mut oldest: Vec<_> = self.units.values().flatten().filter(|dead| !dead.tried).collect();
                oldest.sort_by(|a, b| a.by_age(b));
                oldest.into_iter().map(|it| it.candidate(GcReason::Total { dead, limit })).collect()
            }),
            Step::Sandboxes => self.dead_sandboxes(),
            Step::LogDirectories => self.old_log_directories(),
            Step::Done => VecDeque::new(),
        }
    }

    fn of_whole_pods(&self) -> VecDeque<Candidate> {
        if !self.context.all_sources_ready {
            return VecDeque::new();
        }
        let of_unit = |((pod, _), unit): (&Unit, &Vec<Dead>)| {
            let reason = self.context.whole_pod(pod)?;
            Some(unit.iter().rev().map(|dead| dead.candidate(reason)).collect::<Vec<_>>())
        };
        self.units.iter().filter_map(of_unit).flatten().collect()
    }

    /// Of each container what is older than its newest `keep`.
    fn beyond_the_newest(&self, keep: usize, reason: impl Fn(&[Dead]) -> GcReason) -> VecDeque<Candidate> {
        let of_unit = |unit: &Vec<Dead>| {
            let reason = reason(unit);
            let older = unit.iter().skip(keep).filter(|dead| !dead.tried);
            let mut older: Vec<_> = older.map(|dead| dead.candidate(reason)).collect();
            older.reverse();
            older
        };
        self.units.values().flat_map(of_unit).collect()
    }

    /// How many dead containers there are and how many are kept in all, if these are fewer.
    fn excess(&self) -> Option<(usize, usize)> {
        let limit = self.policy.max_containers?;
        (self.dead > limit).then_some((self.dead, limit))
    }

    fn dead_sandboxes(&self) -> VecDeque<Candidate> {
        let of_pod = |sandboxes: &[super::ListedSandbox]| {
            let whole = sandboxes.first().and_then(|first| self.context.whole_pod(&first.pod));
            let considered =
                if whole.is_some() { sandboxes.len() } else { sandboxes.len().saturating_sub(1) };
            let is_empty = |id| self.held.get(id).copied().unwrap_or(0) == 0;
            let dead = sandboxes.iter().take(considered);
            let dead =
                dead.filter(|sandbox| sandbox.state == SandboxState::NotReady && is_empty(&sandbox.id));
            let candidate = |sandbox: &super::ListedSandbox| Candidate {
                removal: Removal {
                    target: GcTarget::Sandbox { id: sandbox.id.clone() },
                    pod: sandbox.pod.clone(),
                    reason: whole.unwrap_or(GcReason::Replaced),
                },
                sandbox: None,
            };
            dead.map(candidate).collect::<Vec<_>>()
        };
        self.sandboxes.chunk_by(|a, b| a.pod == b.pod).flat_map(of_pod).collect()
    }

    fn old_log_directories(&self) -> VecDeque<Candidate> {
        let candidate = |name: &String| {
            // Neither a namespace nor a pod's name has an underscore; a name without one is of someone else.
            let (_, uid) = name.rsplit_once('_')?;
            let pod = Uid::from(uid);
            let is_old =
                self.context.all_sources_ready && !uid.is_empty() && self.context.gone.contains(&pod);
            let target = GcTarget::LogDirectory { name: name.clone() };
            is_old.then_some(Candidate {
                removal: Removal { target, pod, reason: GcReason::PodGone },
                sandbox: None,
            })
        };
        self.log_directories.iter().filter_map(candidate).collect()
    }
}

impl Dead {
    /// Orders dead containers by age, the oldest first. What was made at one instant is ordered by name.
    fn by_age(&self, other: &Self) -> Ordering {
        let (a, b) = (&self.container, &other.container);
        (a.created_at, &a.pod, &a.name, &a.id).cmp(&(b.created_at, &b.pod, &b.name, &b.id))
    }

    fn candidate(&self, reason: GcReason) -> Candidate {
        let ListedContainer { id, pod, sandbox, name, state, .. } = &self.container;
        let target = GcTarget::Container {
            id: id.clone(),
            name: Arc::clone(name),
            stop_first: *state == ListedState::Unknown,
        };
        Candidate { removal: Removal { target, pod: pod.clone(), reason }, sandbox: Some(sandbox.clone()) }
    }
}
