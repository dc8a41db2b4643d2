//! One container: what is observed of it, whether it runs again, how long that waits, how it is stopped.
//!
//! * [`ContainerRecord`] and [`SandboxRecord`] are what a runtime reports, any number of attempts.
//! * [`restarts`] decides whether a container that is not running is started (again).
//! * [`BackOff`] is Kubernetes' exponential back-off; [`CrashLoop`] is what it means for crashing containers.
//! * [`Prober`] is one probe of a container: what it asks (a [`ProbeCheck`]), when, and what the answers come to.
//! * [`grace_seconds`] and [`Stop`] carry one container from the decision to stop it to the stop signal.
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
mod index;
mod probe;
mod record;
mod restart;
mod stop;

pub use backoff::{BackOff, BackOffSettings};
pub use crash_loop::{CrashLoop, CrashLoopSettings, InBackOff};
pub use index::{ContainerIndex, ContainerKind, ContainerSet};
pub use probe::{
    AfterExit, CheckError, CompiledProbe, HttpCheck, HttpScheme, InstanceSight, InstanceState, Pace,
    PodSight, ProbeAnswer, ProbeCheck, ProbeFault, ProbeKind, ProbeResult, ProbeResults, Prober,
    ProberAction, ProberEvent, ProberSettings, ProberSnapshot, Readiness, Sight, exec_answer, http_answer,
    is_started, readiness,
};
pub use record::{ContainerRecord, Exit, PodRecords, RecordState, SandboxRecord, SandboxState};
pub use restart::{restarts, spec_hash, succeeded};
pub use stop::{MINIMUM_GRACE_SECONDS, ProbeGrace, Stop, StopPhase, grace_seconds};
