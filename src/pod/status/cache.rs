//! What the node has said of a pod last, and what of it has to be sent.

use serde::{Deserialize, Serialize};

use super::conditions::{ContainerStatuses, containers_ready, pod_ready};
use super::container::write_lost_in_termination;
use super::merge::{keep_end, transition_time};
use super::normalise::normalise;
use super::owned::{is_owned, says_the_same};
use super::{IllegalTransition, check_transition};
use crate::api::{ContainerState, ContainerStatus, PodCondition, PodPhase, PodStatus, Uid};
use crate::behaviour::FeatureGates;
use crate::machine::{RestoreError, Timestamp};
use crate::pod::CompiledPod;

/// A pod as the API server has it, as far as its status goes.
#[derive(Debug, Clone, Copy)]
pub struct ApiPod<'a> {
    /// Its spec.
    pub pod: &'a CompiledPod,
    /// Its status there.
    pub status: &'a PodStatus,
    /// Of a static pod: the status of its mirror, if there is one.
    pub mirror: Option<&'a PodStatus>,
    /// Whether its deletion began.
    pub deleted: bool,
    /// Whether it is itself a mirror.
    pub is_mirror: bool,
}

impl<'a> ApiPod<'a> {
    /// A pod that is no static one and is not being deleted.
    #[must_use]
    pub const fn new(pod: &'a CompiledPod, status: &'a PodStatus) -> Self {
        Self { pod, status, mirror: None, deleted: false, is_mirror: false }
    }
}

/// What became of a status, or of a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusChange {
    /// It is what the node says of the pod from now on.
    Accepted {
        /// Its version.
        version: u64,
        /// How many of its containers the spec does not have. They are kept, and sent.
        unknown_containers: usize,
    },
    /// It says nothing new.
    Unchanged,
    /// It cannot follow what was said before, and is dropped.
    Refused(IllegalTransition),
    /// There is no such instance in what was said, so there is nothing to change.
    UnknownContainer,
    /// Nothing was said yet, so there is nothing to change.
    NothingSaid,
}

impl StatusChange {
    /// Whether the status is another one now.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted { .. })
    }
}

/// A status that has to be sent. It is merged with what the API server has first: see
/// [`merge_status`](super::merge_status).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusUpdate<'a> {
    /// Its version, to be given back with the answer.
    pub version: u64,
    /// The status.
    pub status: &'a PodStatus,
}

/// What the node says of one pod, in versions, and what of it has been sent.
///
/// A status becomes the next version when it says something new. It is sent at most once at a time and only
/// the newest version is, so what is sent is never older than what was sent before; versions that were never
/// sent are passed over. A send that failed is tried again, an answer to an earlier one changes nothing.
///
/// Transition times and the start time are given here: a condition's time moves when its status does and at no
/// other time. Time itself does not go backwards.
///
/// ```
/// use std::sync::Arc;
/// use node_lifecycle::api::{Pod, PodPhase, PodStatus};
/// use node_lifecycle::behaviour::Behaviour;
/// use node_lifecycle::machine::Timestamp;
/// use node_lifecycle::pod::{ApiPod, CompiledPod, StatusCache, StatusChange};
///
/// let pod = Pod::from_json(r#"{"metadata": {"name": "web", "uid": "1"},
///     "spec": {"containers": [{"name": "app", "image": "app:1"}]}}"#)?;
/// let compiled = CompiledPod::compile(&pod, &Arc::new(Behaviour::default()))?;
/// let (api, now) = (ApiPod::new(&compiled, &pod.status), Timestamp::UNIX_EPOCH);
///
/// let mut cache = StatusCache::default();
/// let mut status = PodStatus { phase: Some(PodPhase::Running), ..PodStatus::default() };
/// let change = cache.set(now, &api, &mut status);
/// assert_eq!(change, StatusChange::Accepted { version: 1, unknown_containers: 0 });
///
/// let version = cache.next_update().map(|update| update.version).unwrap();
/// assert!(cache.next_update().is_none(), "it is on its way");
/// cache.failed(version);
/// assert_eq!(cache.next_update().unwrap().version, 1, "it is tried again");
/// assert!(cache.sent(version));
/// assert!(cache.next_update().is_none());
///
/// let mut same = PodStatus { phase: Some(PodPhase::Running), ..PodStatus::default() };
/// assert_eq!(cache.set(now, &api, &mut same), StatusChange::Unchanged);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusCache {
    memory: Memory,
    /// The version that is on its way.
    in_flight: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Memory {
    /// The latest time seen.
    now: Option<Timestamp>,
    status: Option<PodStatus>,
    /// Of the status; 0 without one.
    version: u64,
    /// Whether all containers are known to be gone for good.
    finished: bool,
    /// The newest version that the API server has taken.
    sent: Option<u64>,
    /// Whether the API server has lost it since.
    lost: bool,
    /// Whether that was seen while another was on its way, and may be true of that one, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    lost_meanwhile: bool,
}

/// A [`StatusCache`] as a value that can be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusCacheSnapshot {
    /// The version of this form.
    pub version: u32,
    /// The pod's identity.
    pub uid: Uid,
    memory: Memory,
}

impl StatusCacheSnapshot {
    /// The version that is written and read.
    pub const VERSION: u32 = 1;
}

impl StatusCache {
    /// What the node says of the pod.
    #[must_use]
    pub const fn status(&self) -> Option<&PodStatus> {
        self.memory.status.as_ref()
    }

    /// The version of [`status`](Self::status); 0 before there is one.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.memory.version
    }

    /// Whether all containers are known to be gone for good, since [`terminate`](Self::terminate).
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.memory.finished
    }

    /// Takes a status that was generated anew.
    ///
    /// It is exchanged: where it is accepted, `status` has the one before afterwards, so that its buffers can
    /// be used for the next. Where it says nothing new it is left as it would have been said, and where it is
    /// refused as it was. Of a pod that is being deleted every status counts as new, so that its end is not
    /// missed.
    pub fn set(&mut self, now: Timestamp, api: &ApiPod<'_>, status: &mut PodStatus) -> StatusChange {
        self.accept(now, api, status, api.deleted, false)
    }

    /// Takes another readiness of an instance, by its id as the API writes it: `containerd://…`. The
    /// conditions `Ready` and `ContainersReady` follow.
    pub fn set_ready(
        &mut self,
        now: Timestamp,
        api: &ApiPod<'_>,
        container_id: &str,
        ready: bool,
    ) -> StatusChange {
        let Some(said) = &self.memory.status else { return StatusChange::NothingSaid };
        match find(said, container_id) {
            None => return StatusChange::UnknownContainer,
            Some(container) if container.ready == ready => return StatusChange::Unchanged,
            Some(_) => {}
        }
        let mut status = said.clone();
        if let Some(container) = find_mut(&mut status, container_id) {
            container.ready = ready;
        }
        update_readiness(api.pod, &mut status);
        self.accept(now, api, &mut status, false, false)
    }

    /// Takes whether an instance has started, by its id as the API writes it.
    pub fn set_started(
        &mut self,
        now: Timestamp,
        api: &ApiPod<'_>,
        container_id: &str,
        started: bool,
    ) -> StatusChange {
        let Some(said) = &self.memory.status else { return StatusChange::NothingSaid };
        match find(said, container_id) {
            None => return StatusChange::UnknownContainer,
            Some(container) if container.started == Some(started) => return StatusChange::Unchanged,
            Some(_) => {}
        }
        let mut status = said.clone();
        if let Some(container) = find_mut(&mut status, container_id) {
            container.started = Some(started);
        }
        self.accept(now, api, &mut status, false, false)
    }

    /// Says the last of a pod whose containers are all gone for good.
    ///
    /// Of a container of which nobody saw how it ended, it says that it was lost, with exit code 137: of app
    /// containers if they can have been started at all, of init containers up to the last that shows any sign
    /// of having run. A pod that has not come to its end has failed; a static one may come back.
    pub fn terminate(&mut self, now: Timestamp, api: &ApiPod<'_>) -> StatusChange {
        let mut status = self.memory.status.as_ref().unwrap_or(api.status).clone();
        let by_cache = !api.pod.behaviour.compat.judge_ended_pods_by_api_only;
        if was_initialised(api.pod, api.status) || by_cache && was_initialised(api.pod, &status) {
            lose(&mut status.container_statuses);
        }
        let inits = &mut status.init_container_statuses;
        let last = inits.iter().rposition(shows_signs_of_life).unwrap_or(0);
        let started = inits.len().min(last + 1);
        lose(&mut inits[..started]);
        if !api.pod.is_static && !status.phase.is_some_and(PodPhase::is_terminal) {
            status.phase = Some(PodPhase::Failed);
        }
        self.accept(now, api, &mut status, true, true)
    }

    fn accept(
        &mut self,
        now: Timestamp,
        api: &ApiPod<'_>,
        status: &mut PodStatus,
        force: bool,
        finished: bool,
    ) -> StatusChange {
        let memory = &mut self.memory;
        let now = memory.now.map_or(now, |latest| latest.max(now));
        let old = memory.status.as_ref().or(api.mirror).unwrap_or(api.status);
        if let Err(illegal) = check_transition(api.pod, old, status) {
            return StatusChange::Refused(illegal);
        }
        if !api.pod.is_static && !api.pod.behaviour.compat.leave_terminal_phases {
            keep_end(old, status);
        }
        set_transition_times(old, now, api.pod.behaviour.gates, status);
        status.start_time = old.start_time.or(status.start_time).or(Some(now));
        normalise(api.pod, status);

        memory.now = Some(now);
        let is_said = memory.status.is_some() && says_the_same(old, status, api.pod.behaviour.gates);
        if is_said && !force {
            return StatusChange::Unchanged;
        }
        let unknown_containers = count_unknown(api.pod, status);
        std::mem::swap(memory.status.get_or_insert_default(), status);
        memory.version = memory.version.saturating_add(1);
        memory.finished = finished || memory.finished && !api.pod.is_static;
        StatusChange::Accepted { version: memory.version, unknown_containers }
    }

    /// The status that has to be sent now, which is on its way from then on, until [`sent`](Self::sent) or
    /// [`failed`](Self::failed). `None` when the API server has the newest one or another is on its way.
    #[must_use = "it counts as being on its way"]
    pub fn next_update(&mut self) -> Option<StatusUpdate<'_>> {
        if self.in_flight.is_some() || !self.is_newer_than_sent() {
            return None;
        }
        let status = self.memory.status.as_ref()?;
        let version = self.memory.version;
        self.in_flight = Some(version);
        Some(StatusUpdate { version, status })
    }

    /// The API server has taken a version. `false`: that one was not on its way, and nothing changes.
    pub fn sent(&mut self, version: u64) -> bool {
        let is_awaited = self.in_flight == Some(version);
        if is_awaited {
            self.in_flight = None;
            self.memory.sent = Some(version);
            self.memory.lost = std::mem::take(&mut self.memory.lost_meanwhile);
        }
        is_awaited
    }

    /// A version could not be sent, or its answer is waited for no more: it, or a newer one, is sent again.
    /// `false`: that one was not on its way, and nothing changes.
    pub fn failed(&mut self, version: u64) -> bool {
        let is_awaited = self.in_flight == Some(version);
        if is_awaited {
            self.in_flight = None;
        }
        is_awaited
    }

    /// A version is still on its way, after all: the answer to it is to be taken.
    pub(in crate::pod) const fn still_sending(&mut self, version: u64) {
        self.in_flight = Some(version);
    }

    fn is_newer_than_sent(&self) -> bool {
        self.memory.lost || self.memory.sent.is_none_or(|sent| sent < self.memory.version)
    }

    /// Whether the API server has to be told something: nothing was ever sent, there is something newer, or the
    /// pod can be deleted there.
    #[must_use]
    pub fn needs_update(&self, api: &ApiPod<'_>) -> bool {
        self.is_newer_than_sent() || self.can_be_deleted(api)
    }

    /// Whether the API server has something else than was said, of what is the node's to say. Of a static pod
    /// its mirror is asked.
    #[must_use]
    pub fn needs_reconcile(&self, api: &ApiPod<'_>) -> bool {
        let (gates, nothing) = (api.pod.behaviour.gates, PodStatus::default());
        let there = if api.pod.is_static { api.mirror } else { Some(api.status) };
        let Some(there) = there else { return false };
        let said = self.memory.status.as_ref().unwrap_or(&nothing);
        if says_the_same(there, said, gates) {
            return false;
        }
        let mut there = there.clone();
        normalise(api.pod, &mut there);
        !says_the_same(&there, said, gates)
    }

    /// Notes that the API server has something else than was said, so that it is sent once more. Returns
    /// [`needs_reconcile`](Self::needs_reconcile). To be asked when the API server's pod changes.
    pub fn reconcile(&mut self, api: &ApiPod<'_>) -> bool {
        let differs = self.memory.status.is_some() && self.needs_reconcile(api);
        self.memory.lost |= differs;
        self.memory.lost_meanwhile = differs && self.in_flight.is_some();
        differs
    }

    /// Whether nothing of the pod is left here and it can go from the API server: its deletion began, the
    /// API server knows that it has come to its end, and all its containers are gone. To be done when there
    /// is nothing left to send.
    #[must_use]
    pub fn can_be_deleted(&self, api: &ApiPod<'_>) -> bool {
        let is_over = api.status.phase.is_some_and(PodPhase::is_terminal);
        api.deleted && !api.is_mirror && is_over && self.memory.finished
    }

    /// The cache as a value that can be stored.
    #[must_use]
    pub fn snapshot(&self, pod: &CompiledPod) -> StatusCacheSnapshot {
        StatusCacheSnapshot {
            version: StatusCacheSnapshot::VERSION,
            uid: pod.uid.clone(),
            memory: self.memory.clone(),
        }
    }

    /// The cache that was stored, as of `now`. What was on its way is sent again. When `now` is earlier than
    /// the time of the snapshot, time goes on from `now`.
    ///
    /// # Errors
    /// [`RestoreError`] when the snapshot is of an unknown version or of another pod.
    pub fn restore(
        snapshot: StatusCacheSnapshot,
        pod: &CompiledPod,
        now: Timestamp,
    ) -> Result<Self, RestoreError> {
        let StatusCacheSnapshot { version, uid, mut memory } = snapshot;
        let mismatch =
            |what, found: String, expected: String| RestoreError::Mismatch { what, found, expected };
        if version != StatusCacheSnapshot::VERSION {
            return Err(RestoreError::Version { found: version, supported: StatusCacheSnapshot::VERSION });
        }
        if uid != pod.uid {
            return Err(mismatch("uid", uid.to_string(), pod.uid.to_string()));
        }
        if let Some(sent) = memory.sent.filter(|sent| *sent > memory.version) {
            return Err(mismatch("sent version", sent.to_string(), format!("at most {}", memory.version)));
        }
        memory.now = memory.now.map(|latest| latest.min(now));
        Ok(Self { memory, in_flight: None })
    }
}

fn find<'a>(status: &'a PodStatus, id: &str) -> Option<&'a ContainerStatus> {
    let mut all = status.container_statuses.iter().chain(&status.init_container_statuses);
    all.find(|container| container.container_id == id)
}

fn find_mut<'a>(status: &'a mut PodStatus, id: &str) -> Option<&'a mut ContainerStatus> {
    let mut all = status.container_statuses.iter_mut().chain(&mut status.init_container_statuses);
    all.find(|container| container.container_id == id)
}

fn update_readiness(pod: &CompiledPod, status: &mut PodStatus) {
    let phase = status.phase.unwrap_or(PodPhase::Unknown);
    for type_ in [PodCondition::READY, PodCondition::CONTAINERS_READY] {
        let statuses = Some(ContainerStatuses::from(&*status));
        let decision = if type_ == PodCondition::READY {
            pod_ready(pod, statuses, phase, &status.conditions)
        } else {
            containers_ready(pod, statuses, phase)
        };
        let mut condition = decision.to_condition(type_, pod, &status.conditions);
        match status.conditions.iter_mut().find(|known| known.type_ == type_) {
            Some(known) => {
                condition.observed_generation = known.observed_generation;
                *known = condition;
            }
            None => status.conditions.push(condition),
        }
    }
}

/// Whether app containers can have been started, by what a status shows.
fn was_initialised(pod: &CompiledPod, status: &PodStatus) -> bool {
    let last_init_is_done = || {
        let statuses = &status.init_container_statuses;
        let last = statuses.last()?;
        let spec = pod.spec.init_containers.get(statuses.len() - 1).filter(|spec| spec.name == last.name)?;
        Some(match &last.state {
            Some(ContainerState::Running(_)) => spec.is_sidecar() && last.started == Some(true),
            Some(ContainerState::Terminated(end)) => !spec.is_sidecar() && end.exit_code == 0,
            _ => false,
        })
    };
    pod.inits().is_empty()
        || status.container_statuses.iter().any(shows_signs_of_life)
        || last_init_is_done() == Some(true)
}

/// Whether a container has ever been more than waiting.
const fn shows_signs_of_life(status: &ContainerStatus) -> bool {
    !matches!(status.state, Some(ContainerState::Waiting(_)))
        || matches!(status.last_state, Some(ContainerState::Terminated(_)))
}

fn lose(statuses: &mut [ContainerStatus]) {
    for status in statuses {
        if !matches!(status.state, Some(ContainerState::Terminated(_))) {
            write_lost_in_termination(&mut status.state);
        }
    }
}

/// Those of the kubelet 1.32 have their times from here whatever the gates say, newer ones under theirs.
fn set_transition_times(old: &PodStatus, now: Timestamp, gates: FeatureGates, status: &mut PodStatus) {
    const TIMED: [&str; 6] = [
        PodCondition::CONTAINERS_READY,
        PodCondition::READY,
        PodCondition::INITIALIZED,
        PodCondition::READY_TO_START_CONTAINERS,
        PodCondition::POD_SCHEDULED,
        PodCondition::DISRUPTION_TARGET,
    ];
    for condition in &mut status.conditions {
        if TIMED.contains(&&*condition.type_) || is_owned(&condition.type_, gates) {
            condition.last_transition_time = transition_time(old, condition, now);
        }
    }
}

fn count_unknown(pod: &CompiledPod, status: &PodStatus) -> usize {
    let lists =
        [&status.init_container_statuses, &status.container_statuses, &status.ephemeral_container_statuses];
    lists.into_iter().flatten().filter(|status| pod.index_of(&status.name).is_none()).count()
}
