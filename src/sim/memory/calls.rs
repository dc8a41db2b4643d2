//! The calls that ports in memory get: which, when, and what goes wrong with them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{VirtualClock, lock};
use crate::machine::Timestamp;
use crate::runtime::{
    CALL_TIMEOUT, Clock, HookError, ImageError, PrepareError, ProbeReport, RuntimeError, SinkError,
};

/// A call of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Call {
    /// `RuntimeService::version`.
    Version,
    /// `RuntimeService::status`.
    Status,
    /// `RuntimeService::run_pod_sandbox`.
    RunPodSandbox,
    /// `RuntimeService::stop_pod_sandbox`.
    StopPodSandbox,
    /// `RuntimeService::remove_pod_sandbox`.
    RemovePodSandbox,
    /// `RuntimeService::pod_sandbox_status`.
    PodSandboxStatus,
    /// `RuntimeService::list_pod_sandbox`.
    ListPodSandbox,
    /// `RuntimeService::create_container`.
    CreateContainer,
    /// `RuntimeService::start_container`.
    StartContainer,
    /// `RuntimeService::stop_container`.
    StopContainer,
    /// `RuntimeService::remove_container`.
    RemoveContainer,
    /// `RuntimeService::list_containers`.
    ListContainers,
    /// `RuntimeService::container_status`.
    ContainerStatus,
    /// `RuntimeService::update_container_resources`.
    UpdateContainerResources,
    /// `RuntimeService::exec_sync`.
    ExecSync,
    /// `RuntimeService::container_events`.
    GetContainerEvents,
    /// `ImageService::image_status`.
    ImageStatus,
    /// `ImageService::pull_image`.
    PullImage,
    /// `ImageService::list_images`.
    ListImages,
    /// `ImageService::remove_image`.
    RemoveImage,
    /// `ImageService::image_fs_info`.
    ImageFsInfo,
    /// `ProbeRunner::probe`.
    Probe,
    /// `HookRunner::run_hook`.
    RunHook,
    /// `StatusSink::send_status`.
    SendStatus,
    /// `StatusSink::delete_pod`.
    DeletePod,
    /// `PodResources::prepare_pod`.
    PreparePod,
    /// `PodResources::release_pod`.
    ReleasePod,
    /// `PodResources::generate_sandbox_config`.
    GenerateSandboxConfig,
    /// `PodResources::generate_container_config`.
    GenerateContainerConfig,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallFault {
    /// It does nothing and fails with this message.
    Fails(Arc<str>),
    /// It takes so much longer. One that is then slower than its limit does nothing and says so.
    Delays(Duration),
    /// It does nothing and never answers.
    Hangs,
    /// It does its work, and the answer is lost: it ends with `DeadlineExceeded` when its limit is over.
    LosesAnswer,
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// When.
    pub at: Timestamp,
    /// Which.
    pub call: Call,
    /// Of what: an id, an image, a container's or a pod's name.
    pub subject: Arc<str>,
}

/// The calls of all ports in memory that share it, in order, and the faults that wait for them. A clone is a
/// handle to the same.
///
/// ```
/// use node_lifecycle::machine::Timestamp;
/// use node_lifecycle::runtime::{RuntimeError, RuntimeService};
/// use node_lifecycle::sim::{Call, CallFault, MemoryPorts};
///
/// let ports = MemoryPorts::new(Timestamp::UNIX_EPOCH);
/// ports.calls.inject(Call::Version, CallFault::Fails("not initialized yet".into()));
/// let version = ports.clock.run(ports.runtime.version())?;
/// assert_eq!(version, Err(RuntimeError::Unknown("not initialized yet".into())));
/// assert!(ports.clock.run(ports.runtime.version())?.is_ok(), "one fault, one call");
/// assert_eq!(ports.calls.made().len(), 2);
/// # Ok::<(), node_lifecycle::sim::Stalled>(())
/// ```
#[derive(Debug, Clone)]
pub struct Calls {
    pub(super) clock: VirtualClock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    faults: BTreeMap<Call, VecDeque<CallFault>>,
    made: Vec<CallRecord>,
}

impl Calls {
    /// No calls yet, and no faults.
    #[must_use]
    pub fn new(clock: &VirtualClock) -> Self {
        Self { clock: clock.clone(), state: Arc::default() }
    }

    /// The next call of this kind goes wrong. Several faults wait for as many calls.
    pub fn inject(&self, call: Call, fault: CallFault) {
        lock(&self.state).faults.entry(call).or_default().push_back(fault);
    }

    /// The calls that were made so far, in order.
    #[must_use]
    pub fn made(&self) -> Vec<CallRecord> {
        lock(&self.state).made.clone()
    }

    /// Forgets the calls that were made so far, and returns them.
    pub fn take_made(&self) -> Vec<CallRecord> {
        std::mem::take(&mut lock(&self.state).made)
    }

    /// A call is made. Returns when its work is to be done, `takes` later, if it is.
    pub(super) async fn begin(
        &self,
        call: Call,
        subject: &str,
        takes: Duration,
        limit: Option<Duration>,
    ) -> Result<Passage, Refusal> {
        let at = self.clock.now();
        let fault = {
            let mut state = lock(&self.state);
            state.made.push(CallRecord { at, call, subject: subject.into() });
            state.faults.get_mut(&call).and_then(VecDeque::pop_front)
        };
        let takes = match &fault {
            Some(CallFault::Delays(by)) => takes.saturating_add(*by),
            _ => takes,
        };
        if let Some(limit) = limit.filter(|limit| takes > *limit) {
            self.clock.sleep_until(at + limit).await;
            return Err(Refusal::TooSlow(limit));
        }
        if !takes.is_zero() {
            self.clock.sleep_until(at + takes).await;
        }
        match fault {
            Some(CallFault::Fails(message)) => Err(Refusal::Failed(message)),
            Some(CallFault::Hangs) => std::future::pending().await,
            Some(CallFault::LosesAnswer) => Ok(Passage(Some((self.clock.clone(), at, limit)))),
            Some(CallFault::Delays(_)) | None => Ok(Passage(None)),
        }
    }
}

/// A call whose work is to be done.
pub(super) struct Passage(Option<(VirtualClock, Timestamp, Option<Duration>)>);

impl Passage {
    /// Its answer, unless that is lost.
    pub(super) async fn answer<T, E: From<Refusal>>(self, answer: Result<T, E>) -> Result<T, E> {
        let Some((clock, at, limit)) = self.0 else { return answer };
        let limit = limit.unwrap_or(CALL_TIMEOUT);
        clock.sleep_until(at + limit).await;
        Err(Refusal::TooSlow(limit).into())
    }
}

/// Why a call has no answer of its own.
pub(super) enum Refusal {
    Failed(Arc<str>),
    TooSlow(Duration),
}

macro_rules! refusals {
    ($($error:ident),*) => {$(
        impl From<Refusal> for $error {
            fn from(refusal: Refusal) -> Self {
                match refusal {
                    Refusal::Failed(message) => Self::Unknown(message),
                    Refusal::TooSlow(limit) => Self::DeadlineExceeded(limit),
                }
            }
        }
    )*};
}

refusals!(RuntimeError, ImageError, HookError, SinkError, PrepareError);

impl From<Refusal> for ProbeReport {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Failed(message) => Self::error(message),
            Refusal::TooSlow(limit) => Self::too_slow(limit),
        }
    }
}
