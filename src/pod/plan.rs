//! What must be done to bring the runtime in line with the pod: which sandbox to make, which containers to
//! start, in which order, which to kill, and why.

use super::{CompiledPod, Observed};
use crate::api::{ContainerId, RestartPolicy, SandboxId};
use crate::container::{
    AfterExit, ContainerIndex, ContainerKind, ContainerRecord, ContainerSet, ProbeResult, ProbeResults,
    RecordState, SandboxState, succeeded,
};

/// What a plan depends on beside the pod's spec and its records.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlanContext<'a> {
    /// Whether deletion of the pod began.
    pub deleted: bool,
    /// What the probes say of the latest instance of each container, in the order of their indices. A
    /// missing entry is no result.
    pub probes: &'a [ProbeResults],
    /// Containers whose `postStart` hook has not come back: they have not started.
    pub hooks_pending: ContainerSet,
    /// App containers that were killed in order to be started again: their policy is not asked.
    pub restarting: ContainerSet,
    /// Containers whose latest instance was stopped together with the whole pod: its exit restarts nobody else.
    pub killed: ContainerSet,
    /// Whether containers have yet to run since all of them were restarted (KEP-5532): a sandbox that is lost
    /// meanwhile is replaced whatever the pod's policy.
    pub begins_anew: bool,
}

/// What must be done to bring the runtime in line with the pod.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncPlan {
    /// Stop and remove the instances of all init and app containers, in no order and without hooks, because this
    /// one's exit restarts all of them (KEP-5532). The sandbox stays, and nothing else is to be done before.
    pub restart_all: Option<ContainerIndex>,
    /// Stop all containers and the sandbox first, and why.
    pub kill_pod: Option<KillPodReason>,
    /// Make a new sandbox.
    pub create_sandbox: bool,
    /// The attempt of the sandbox to make, else of the one that there is.
    pub attempt: u32,
    /// The sandbox that is kept or replaced; `None` when there is none or when it is of no further use.
    pub sandbox: Option<SandboxId>,
    /// Init containers to start, in order.
    pub start_inits: Vec<Start>,
    /// App containers to start, in spec order.
    pub start_apps: Vec<Start>,
    /// Ephemeral containers to start, in spec order.
    pub start_ephemeral: Vec<Start>,
    /// Instances to kill: init containers from last to first, then app containers in spec order.
    pub kill: Vec<Kill>,
}

/// A container to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Which.
    pub container: ContainerIndex,
    /// Why.
    pub reason: StartReason,
}

/// Why a container is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum StartReason {
    /// There is no instance of it.
    NeverStarted,
    /// The pod begins anew in a new sandbox.
    NewSandbox,
    /// All that has to come before it has.
    ItsTurn,
    /// An instance was made and not started.
    NotStarted,
    /// It ended, and its restart policy says so.
    Ended,
    /// The runtime has lost sight of it.
    Unknown,
    /// Its instance is outdated.
    DefinitionChanged,
    /// Its liveness probe failed.
    LivenessProbe,
    /// Its startup probe failed.
    StartupProbe,
}

/// An instance to kill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    /// Which container.
    pub container: ContainerIndex,
    /// Which instance.
    pub id: ContainerId,
    /// Why.
    pub reason: KillReason,
    /// Whether it is started again.
    pub restarts: bool,
}

/// Why a container is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum KillReason {
    /// It was made from another definition.
    DefinitionChanged,
    /// Its liveness probe failed.
    LivenessProbe,
    /// Its startup probe failed.
    StartupProbe,
    /// The runtime has lost sight of it, and two instances must not run.
    Unknown,
}

/// Why all of a pod is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum KillPodReason {
    /// Its sandbox is of no use.
    Sandbox(SandboxFault),
    /// An init container failed and is not restarted.
    InitFailed(ContainerIndex),
    /// No app container runs or is to be started.
    NothingToKeep,
}

/// Why a sandbox is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum SandboxFault {
    /// There is none.
    Missing,
    /// More than one is ready.
    MoreThanOneReady,
    /// The latest is not ready.
    NotReady,
    /// It shares the node's network where the pod does not ask for it, or the other way round.
    WrongNetwork,
    /// It has a network and no address.
    NoAddress,
}

impl Kill {
    /// The kubelet's message.
    #[must_use]
    pub fn message(&self, pod: &CompiledPod) -> String {
        let name = pod.name_of(self.container);
        let is_init = pod.container(self.container).is_some_and(|container| container.kind.is_init());
        let subject = if is_init { "Init container" } else { "Container" };
        let restarted = if self.restarts && !is_init { ", will be restarted" } else { "" };
        match self.reason {
            KillReason::DefinitionChanged => format!("{subject} {name} definition changed{restarted}"),
            KillReason::LivenessProbe => format!("{subject} {name} failed liveness probe{restarted}"),
            KillReason::StartupProbe => format!("{subject} {name} failed startup probe{restarted}"),
            KillReason::Unknown => {
                format!("{subject} is in \"unknown\" state, try killing it before restart")
            }
        }
    }
}

impl KillPodReason {
    /// A sentence for a person.
    #[must_use]
    pub fn explain(self, pod: &CompiledPod) -> String {
        match self {
            Self::Sandbox(fault) => format!("the pod's sandbox has to be made anew: {}", fault.explain()),
            Self::InitFailed(index) => {
                format!("init container {} failed and is not restarted", pod.name_of(index))
            }
            Self::NothingToKeep => "no app container runs or is to be started".to_owned(),
        }
    }
}

impl SandboxFault {
    /// Half a sentence for a person.
    #[must_use]
    pub const fn explain(self) -> &'static str {
        match self {
            Self::Missing => "there is none",
            Self::MoreThanOneReady => "more than one is ready",
            Self::NotReady => "it is not ready",
            Self::WrongNetwork => "its network is not the one that the pod asks for",
            Self::NoAddress => "it has no address",
        }
    }
}

impl SyncPlan {
    fn clear(&mut self) {
        self.restart_all = None;
        self.kill_pod = None;
        self.create_sandbox = false;
        self.attempt = 0;
        self.sandbox = None;
        self.start_inits.clear();
        self.start_apps.clear();
        self.start_ephemeral.clear();
        self.kill.clear();
    }

    fn kill(
        &mut self,
        container: ContainerIndex,
        latest: &ContainerRecord,
        reason: KillReason,
        restarts: bool,
    ) {
        self.kill.push(Kill { container, id: latest.id.clone(), reason, restarts });
    }

    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.restart_all.is_none()
            && self.kill_pod.is_none()
            && self.kill.is_empty()
            && self.starts().next().is_none()
    }

    /// All containers to start: ephemeral, init, then app containers, as the kubelet starts them.
    pub fn starts(&self) -> impl Iterator<Item = Start> + '_ {
        self.start_ephemeral.iter().chain(&self.start_inits).chain(&self.start_apps).copied()
    }
}

/// The plan for a pod. See [`plan_into`] for the form that reuses a plan's buffers.
///
/// ```
/// use std::sync::Arc;
/// use node_lifecycle::api::Pod;
/// use node_lifecycle::behaviour::Behaviour;
/// use node_lifecycle::container::PodRecords;
/// use node_lifecycle::pod::{CompiledPod, Observed, PlanContext, plan};
///
/// let pod = Pod::from_json(r#"{"metadata": {"name": "web"},
///     "spec": {"containers": [{"name": "app", "image": "nginx:1.27"}]}}"#)?;
/// let pod = CompiledPod::compile(&pod, &Arc::new(Behaviour::default()))?;
/// let nothing = Observed::new(&pod, PodRecords::default());
/// let plan = plan(&pod, &nothing, PlanContext::default());
/// assert!(plan.create_sandbox);
/// assert_eq!(pod.name_of(plan.start_apps[0].container), "app");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn plan(pod: &CompiledPod, observed: &Observed, context: PlanContext<'_>) -> SyncPlan {
    let mut plan = SyncPlan::default();
    plan_into(pod, observed, context, &mut plan);
    plan
}

/// The plan for a pod, written over an earlier one.
pub fn plan_into(pod: &CompiledPod, observed: &Observed, context: PlanContext<'_>, plan: &mut SyncPlan) {
    plan.clear();
    let compat = pod.behaviour.compat;
    let starts_work = !context.deleted || compat.start_work_for_deleted_pods;
    if !context.deleted {
        let exempt = context.restarting.union(context.killed);
        plan.restart_all = restarts_all(pod, observed, exempt);
        if plan.restart_all.is_some() {
            let latest = observed.sandboxes().first();
            plan.attempt = latest.map_or(0, |latest| latest.attempt);
            plan.sandbox = latest.map(|latest| latest.id.clone());
            return;
        }
    }
    let walk = Walk { pod, observed, context, starts_work };
    match walk.sandbox_fault(plan) {
        Some(fault) => walk.new_sandbox(fault, plan),
        None => walk.same_sandbox(plan),
    }
    if !starts_work {
        // Whatever the walk found: nothing begins for a pod that goes.
        plan.create_sandbox = false;
        plan.start_inits.clear();
        plan.start_apps.clear();
        plan.start_ephemeral.clear();
        plan.kill.iter_mut().for_each(|kill| kill.restarts = false);
    }
}

/// The container whose exit restarts all containers of the pod (KEP-5532): the first whose latest instance ended
/// with an exit code that one of its rules is for. Instances that were killed in order to be replaced, or
/// together with the pod, did not exit of their own accord: those of the containers in `exempt` restart nobody.
#[must_use]
pub fn restarts_all(pod: &CompiledPod, observed: &Observed, exempt: ContainerSet) -> Option<ContainerIndex> {
    pod.restarting_all().difference(exempt).iter().find(|index| {
        let exit = observed.latest(*index).and_then(ContainerRecord::exit);
        let container = pod.container(*index);
        exit.zip(container)
            .is_some_and(|(exit, container)| container.after_exit(exit.exit_code) == AfterExit::RestartsAll)
    })
}

/// Why the latest sandbox is of no use to the pod; `None` when it serves.
#[must_use]
pub fn sandbox_fault(pod: &CompiledPod, observed: &Observed) -> Option<SandboxFault> {
    let sandboxes = observed.sandboxes();
    let Some(latest) = sandboxes.first() else { return Some(SandboxFault::Missing) };
    let host_network = pod.spec.host_network;
    if sandboxes.iter().filter(|sandbox| sandbox.state == SandboxState::Ready).count() > 1 {
        Some(SandboxFault::MoreThanOneReady)
    } else if latest.state == SandboxState::NotReady {
        Some(SandboxFault::NotReady)
    } else if latest.host_network != host_network {
        Some(SandboxFault::WrongNetwork)
    } else if !host_network && latest.ip.as_deref() == Some("") {
        Some(SandboxFault::NoAddress)
    } else {
        None
    }
}

struct Walk<'a> {
    pod: &'a CompiledPod,
    observed: &'a Observed,
    context: PlanContext<'a>,
    starts_work: bool,
}

impl Walk<'_> {
    fn probes(&self, index: ContainerIndex) -> ProbeResults {
        self.context.probes.get(index.at()).copied().unwrap_or_default()
    }

    /// Decides whether the sandbox serves, and fills in its attempt and id.
    fn sandbox_fault(&self, plan: &mut SyncPlan) -> Option<SandboxFault> {
        let fault = sandbox_fault(self.pod, self.observed);
        if let Some(latest) = self.observed.sandboxes().first() {
            plan.attempt = latest.attempt.saturating_add(u32::from(fault.is_some()));
            if fault != Some(SandboxFault::WrongNetwork) {
                plan.sandbox = Some(latest.id.clone());
            }
        }
        fault
    }

    /// Everything goes and begins anew, unless there is nothing left to begin.
    fn new_sandbox(&self, fault: SandboxFault, plan: &mut SyncPlan) {
        let (pod, observed) = (self.pod, self.observed);
        plan.kill_pod = Some(KillPodReason::Sandbox(fault));
        let never = pod.spec.restart_policy == RestartPolicy::Never;
        let goes_on = never
            && !self.context.begins_anew
            && plan.attempt != 0
            && !observed.records().containers.is_empty();
        if goes_on && (pod.behaviour.compat.keep_never_pods_without_sandbox || !has_yet_to_run(pod, observed))
        {
            return;
        }
        let reruns_finished = pod.behaviour.compat.rerun_finished_containers;
        for index in pod.apps().iter() {
            let latest = observed.latest(index);
            let Some(app) = pod.container(index) else { continue };
            let exit = latest.and_then(ContainerRecord::exit);
            let is_over = match app.restart_policy {
                RestartPolicy::Always => false,
                RestartPolicy::OnFailure => succeeded(latest),
                RestartPolicy::Never if goes_on => latest.is_some_and(|latest| !never_ran(latest)),
                RestartPolicy::Never => !reruns_finished && exit.is_some(),
            };
            let is_ruled = exit.is_some_and(|exit| app.restarts_by_rule(exit.exit_code));
            if !is_over || is_ruled {
                plan.start_apps.push(Start { container: index, reason: StartReason::NewSandbox });
            }
        }
        if plan.start_apps.is_empty() && self.has_initialised_before() {
            return;
        }
        plan.create_sandbox = true;
        // Of a pod that never restarts anything init containers that have done their work stay done.
        let stays_done = |index: &ContainerIndex| goes_on && is_done_for_good(pod, observed, *index);
        if let Some(first) = pod.inits().iter().find(|index| !stays_done(index)) {
            plan.start_apps.clear();
            plan.start_inits.push(Start { container: first, reason: StartReason::NewSandbox });
        }
    }

    /// Whether a pod whose sandbox is lost had been initialised. For pods with sidecars an app container that
    /// exited is a sign of it, unlike in [`inits_with_sidecars`](Self::inits_with_sidecars).
    fn has_initialised_before(&self) -> bool {
        if self.pod.sidecars().is_empty() {
            matches!(next_init(self.pod, self.observed), NextInit::Done)
        } else {
            any_app_created(self.pod, self.observed)
        }
    }

    fn same_sandbox(&self, plan: &mut SyncPlan) {
        let (pod, observed) = (self.pod, self.observed);
        for index in pod.ephemeral().iter() {
            if observed.latest(index).is_none() {
                plan.start_ephemeral.push(Start { container: index, reason: StartReason::NeverStarted });
            }
        }
        let initialised = if pod.sidecars().is_empty() {
            self.inits_without_sidecars(plan)
        } else {
            self.inits_with_sidecars(plan)
        };
        if initialised {
            self.apps(plan);
        }
    }

    /// The walk over init containers of a pod without sidecars; whether no init work is left.
    fn inits_without_sidecars(&self, plan: &mut SyncPlan) -> bool {
        let (container, failed) = match next_init(self.pod, self.observed) {
            NextInit::Done => return true,
            NextInit::Running => return false,
            NextInit::Start { container, failed } => (container, failed),
        };
        let mut reason = if failed.is_some() { StartReason::Ended } else { StartReason::ItsTurn };
        if let Some(failed) = failed {
            if !self.restarts_failed(container, failed) {
                plan.kill_pod = Some(KillPodReason::InitFailed(container));
                return false;
            }
            if failed.state == RecordState::Unknown {
                reason = StartReason::Unknown;
                plan.kill(container, failed, KillReason::Unknown, true);
            }
        }
        plan.start_inits.push(Start { container, reason });
        false
    }

    /// The walk over init containers of a pod with sidecars, from last to first, because records of the
    /// earlier ones may be gone; whether the pod is initialised.
    fn inits_with_sidecars(&self, plan: &mut SyncPlan) -> bool {
        let (pod, observed) = (self.pod, self.observed);
        // An exited app container may be of an earlier sandbox and proves nothing.
        let mut initialised = pod.apps().iter().any(|index| {
            let state = observed.latest(index).map(|latest| &latest.state);
            matches!(state, Some(RecordState::Created | RecordState::Running { .. }))
        });
        let last = pod.inits().iter().next_back();
        // Whether the container at hand has been passed before: a later one has a record, or an app runs.
        let mut passed = initialised;
        for index in pod.inits().iter().rev() {
            let is_sidecar = pod.sidecars().contains(index);
            let Some(latest) = observed.latest(index) else {
                if passed && is_sidecar {
                    plan.start_inits.push(Start { container: index, reason: StartReason::NeverStarted });
                }
                continue;
            };
            if passed && !is_sidecar {
                continue;
            }
            let mut is_through = false;
            match &latest.state {
                RecordState::Created => {
                    plan.start_inits.push(Start { container: index, reason: StartReason::NotStarted });
                }
                RecordState::Running { .. } => {
                    if is_sidecar {
                        is_through = self.running_sidecar(plan, index, latest, passed);
                    }
                }
                RecordState::Exited(_) if is_sidecar => {
                    plan.start_inits.push(Start { container: index, reason: StartReason::Ended });
                }
                RecordState::Exited(_) if !has_failed(latest) => {
                    is_through = true;
                    self.start_next(plan, index, last);
                }
                RecordState::Exited(_) | RecordState::Unknown => {
                    let lost = latest.state == RecordState::Unknown;
                    if !is_sidecar && !self.restarts_failed(index, latest) {
                        plan.kill_pod = Some(KillPodReason::InitFailed(index));
                        plan.start_inits.clear();
                        return false;
                    }
                    if lost {
                        plan.kill(index, latest, KillReason::Unknown, true);
                    }
                    let reason = if lost { StartReason::Unknown } else { StartReason::Ended };
                    plan.start_inits.push(Start { container: index, reason });
                }
            }
            initialised |= is_through && Some(index) == last;
            passed = true;
        }
        if !passed && let Some(first) = pod.inits().iter().next() {
            plan.start_inits.push(Start { container: first, reason: StartReason::NeverStarted });
        }
        plan.start_inits.reverse();
        initialised
    }

    /// A sidecar that runs: whether it has started, and whether it is to be replaced. The next container
    /// follows when it is the first time.
    fn running_sidecar(
        &self,
        plan: &mut SyncPlan,
        index: ContainerIndex,
        latest: &ContainerRecord,
        passed: bool,
    ) -> bool {
        let Some(container) = self.pod.container(index) else { return false };
        if self.context.hooks_pending.contains(index) {
            return false;
        }
        let probes = self.probes(index);
        if container.startup_probe {
            match probes.startup {
                Some(ProbeResult::Success) => {}
                Some(ProbeResult::Failure) => {
                    self.replace(plan, index, latest, KillReason::StartupProbe, StartReason::StartupProbe);
                    return false;
                }
                Some(ProbeResult::Unknown) | None => return false,
            }
        }
        if !passed {
            self.start_next(plan, index, self.pod.inits().iter().next_back());
        }
        if latest.spec_hash != container.spec_hash {
            self.replace(plan, index, latest, KillReason::DefinitionChanged, StartReason::DefinitionChanged);
        } else if container.liveness_probe && probes.liveness == Some(ProbeResult::Failure) {
            self.replace(plan, index, latest, KillReason::LivenessProbe, StartReason::LivenessProbe);
        }
        true
    }

    fn start_next(&self, plan: &mut SyncPlan, index: ContainerIndex, last: Option<ContainerIndex>) {
        if Some(index) != last {
            let next = ContainerIndex(index.0.saturating_add(1));
            plan.start_inits.push(Start { container: next, reason: StartReason::ItsTurn });
        }
    }

    /// The app containers of an initialised pod.
    fn apps(&self, plan: &mut SyncPlan) {
        let mut keeps = false;
        for (container, index) in self.pod.containers().iter().zip((0..).map(ContainerIndex)) {
            if container.kind != ContainerKind::App {
                continue;
            }
            let latest = self.observed.latest(index);
            let Some(running) = latest.filter(|latest| latest.is_running()) else {
                if container.restarts(latest, self.context.deleted) || self.context.restarting.contains(index)
                {
                    self.start_app(plan, index, latest);
                }
                continue;
            };
            let probes = self.probes(index);
            let (kill, start) = if running.spec_hash != container.spec_hash {
                (KillReason::DefinitionChanged, StartReason::DefinitionChanged)
            } else if probes.liveness == Some(ProbeResult::Failure) {
                (KillReason::LivenessProbe, StartReason::LivenessProbe)
            } else if probes.startup == Some(ProbeResult::Failure) {
                (KillReason::StartupProbe, StartReason::StartupProbe)
            } else {
                keeps = true;
                continue;
            };
            // A changed definition restarts under any policy.
            let restarts =
                kill == KillReason::DefinitionChanged || container.restart_policy != RestartPolicy::Never;
            if restarts {
                plan.start_apps.push(Start { container: index, reason: start });
            }
            plan.kill(index, running, kill, restarts);
        }
        let begins = !plan.start_apps.is_empty() && self.starts_work;
        if !keeps && !begins {
            plan.kill_pod = Some(KillPodReason::NothingToKeep);
            // Sidecars do not keep a pod alive.
            plan.start_inits.clear();
        }
    }

    fn start_app(&self, plan: &mut SyncPlan, index: ContainerIndex, latest: Option<&ContainerRecord>) {
        let reason = match latest.map(|latest| &latest.state) {
            None => StartReason::NeverStarted,
            Some(RecordState::Created) => StartReason::NotStarted,
            Some(RecordState::Unknown) => StartReason::Unknown,
            Some(RecordState::Exited(_) | RecordState::Running { .. }) => StartReason::Ended,
        };
        plan.start_apps.push(Start { container: index, reason });
        if let Some(latest) = latest.filter(|latest| latest.state == RecordState::Unknown) {
            plan.kill(index, latest, KillReason::Unknown, true);
        }
    }

    fn replace(
        &self,
        plan: &mut SyncPlan,
        index: ContainerIndex,
        latest: &ContainerRecord,
        kill: KillReason,
        start: StartReason,
    ) {
        plan.kill(index, latest, kill, true);
        plan.start_inits.push(Start { container: index, reason: start });
    }

    /// Whether a failed init container runs again.
    fn restarts_failed(&self, index: ContainerIndex, failed: &ContainerRecord) -> bool {
        let exit_code = failed.exit().map(|exit| exit.exit_code);
        self.pod.container(index).is_some_and(|container| container.restarts_failed(exit_code))
    }
}

/// Whether a pod that never restarts anything has something left to begin when its sandbox is lost: an app container
/// that has never run, and no init container that has failed.
fn has_yet_to_run(pod: &CompiledPod, observed: &Observed) -> bool {
    let has_failed_for_good = |index| {
        let (latest, container) = (observed.latest(index), pod.container(index));
        latest.zip(container).is_some_and(|(latest, container)| {
            let exit_code = latest.exit().map(|exit| exit.exit_code);
            has_failed(latest) && !container.restarts_failed(exit_code)
        })
    };
    let regular_inits = pod.inits().difference(pod.sidecars());
    !regular_inits.iter().any(has_failed_for_good)
        && pod.apps().iter().any(|index| observed.latest(index).is_none_or(never_ran))
}

/// Whether an instance was made and not started.
pub(crate) fn never_ran(latest: &ContainerRecord) -> bool {
    latest.state == RecordState::Created
}

/// Whether a container is a regular init container that has done its work.
pub(crate) fn is_done_for_good(pod: &CompiledPod, observed: &Observed, index: ContainerIndex) -> bool {
    pod.inits().difference(pod.sidecars()).contains(index) && succeeded(observed.latest(index))
}

/// Whether an app container exists whose latest instance was made, runs or has ended.
#[must_use]
pub fn any_app_created(pod: &CompiledPod, observed: &Observed) -> bool {
    pod.apps()
        .iter()
        .any(|index| observed.latest(index).is_some_and(|latest| latest.state != RecordState::Unknown))
}

/// Where the init containers of a pod stand, as if none were a sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextInit<'a> {
    /// No init work is left.
    Done,
    /// One of them runs.
    Running,
    /// One of them is to be started.
    Start {
        /// Which.
        container: ContainerIndex,
        /// Its failed instance, if that is why.
        failed: Option<&'a ContainerRecord>,
    },
}

/// The walk over init containers, as if none were a sidecar.
///
/// A running app container ends it: initialisation is over even if records are gone. Else the last failed init
/// container is next; else the last one that runs or has exited decides.
#[must_use]
pub fn next_init<'a>(pod: &CompiledPod, observed: &'a Observed) -> NextInit<'a> {
    let Some(last) = pod.inits().iter().next_back() else { return NextInit::Done };
    let latest = |index| observed.latest(index);
    if pod.apps().iter().any(|index| latest(index).is_some_and(ContainerRecord::is_running)) {
        return NextInit::Done;
    }
    for container in pod.inits().iter().rev() {
        if let Some(failed) = latest(container).filter(|latest| has_failed(latest)) {
            return NextInit::Start { container, failed: Some(failed) };
        }
    }
    for container in pod.inits().iter().rev() {
        match latest(container).map(|latest| &latest.state) {
            Some(RecordState::Running { .. }) => return NextInit::Running,
            Some(RecordState::Exited(_)) if container == last => return NextInit::Done,
            Some(RecordState::Exited(_)) => {
                let container = ContainerIndex(container.0.saturating_add(1));
                return NextInit::Start { container, failed: None };
            }
            Some(RecordState::Created | RecordState::Unknown) | None => {}
        }
    }
    NextInit::Start { container: ContainerIndex(0), failed: None }
}

/// Whether an init container has failed: a bad exit, out of memory whatever its exit code, or out of sight.
fn has_failed(latest: &ContainerRecord) -> bool {
    match &latest.state {
        RecordState::Exited(exit) => exit.exit_code != 0 || &*exit.reason == "OOMKilled",
        RecordState::Unknown => true,
        RecordState::Created | RecordState::Running { .. } => false,
    }
}
