//! One container: what is observed of it, whether it runs again, how long that waits, how it is stopped, when
//! what is left of it goes.
//!
//! * [`ContainerRecord`] and [`SandboxRecord`] are what a runtime reports, any number of attempts.
//! * [`restarts`] decides whether a container that is not running is started (again); [`after_exit`] says what its
//!   exit code means where it has rules of its own.
//! * [`BackOff`] is Kubernetes' exponential back-off; [`CrashLoop`] is what it means for crashing containers.
//! * [`Prober`] is one probe of a container: what it asks (a [`ProbeCheck`]), when, and what the answers come to.
//! * [`gc_plan`] says which dead containers, sandboxes and log folders go; [`GarbageCollection`] is the same step
//!   by step.
//! * [`hook_action`] says what a hook does; [`HttpRequest`] is a question over HTTP, a hook's or a probe's, and
//!   [`HandlerError`] why one cannot be asked.
//! * [`grace_seconds`] and [`Stop`] carry one container from the decision to stop it to the stop signal.
//! * [`stop_signal`] says with which signal.
//! * [`KeptWithContainer`] is what has to be known for that when the pod is not.
//!
//! ```
//! use node_lifecycle::container::{CrashLoop, CrashLoopSettings};
//! use node_lifecycle::machine::Timestamp;
//! use std::time::Duration;
//!
//! let mut crash_loop = CrashLoop::new(CrashLoopSettings::default());
//! let exited = Timestamp::from_unix_seconds(100);
//! // The first restart is immediate, the second waits for 10 s.
//! assert_eq!(crash_loop.restart(&"app", exited, exited), Ok(()));
//! let refused = crash_loop.restart(&"app", exited, exited).unwrap_err();
//! assert_eq!(refused.delay, Duration::from_secs(10));
//! assert_eq!(refused.until, exited + Duration::from_secs(10));
//! ```

mod backoff;
mod crash_loop;
mod gc;
mod handler;
mod hooks;
mod index;
mod kept;
pub(crate) mod labels;
mod probe;
mod record;
mod request;
mod restart;
mod signal;
mod stop;

pub use backoff::{BackOff, BackOffSettings};
pub use crash_loop::{CrashLoop, CrashLoopSettings, InBackOff};
pub use gc::{
    GarbageCollection, GcContext, GcInventory, GcPolicy, GcReason, GcScope, GcTarget, ListedContainer,
    ListedSandbox, ListedState, Removal, gc_plan,
};
pub use handler::{HandlerError, resolve_port};
pub use hooks::{HTTP_FALLBACK_REASON, HookAction, HookCall, HookKind, hook_action, http_fallback_message};
pub use index::{ContainerIndex, ContainerKind, ContainerSet};
pub use kept::{KeptFault, KeptWithContainer};
pub use probe::{
    CompiledProbe, InstanceSight, InstanceState, Pace, PodSight, ProbeAnswer, ProbeAtExit, ProbeCheck,
    ProbeFault, ProbeKind, ProbeResult, ProbeResults, Prober, ProberAction, ProberEvent, ProberSettings,
    ProberSnapshot, Readiness, Sight, exec_answer, http_answer, is_started, readiness,
};
pub use record::{ContainerRecord, Exit, PodRecords, RecordState, SandboxRecord, SandboxState};
pub use request::{Address, HttpRequest, Scheme};
pub use restart::{AfterExit, after_exit, restarts, spec_hash, succeeded};
pub(crate) use signal::own_stop_signal;
pub use signal::stop_signal;
pub use stop::{
    MINIMUM_GRACE_SECONDS, ProbeGrace, Stop, StopForecast, StopPhase, forecast_stop, grace_seconds,
};
