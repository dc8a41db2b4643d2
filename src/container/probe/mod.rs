//! What is asked of a container from outside, again and again, and what came of it.
//!
//! * [`CompiledProbe`] is what follows from the spec: the periods, the thresholds, and the [`ProbeCheck`] that a
//!   port carries out.
//! * [`Prober`] is one probe of one container as a machine: when it asks, and what the answers come to.
//! * [`ProbeResult`] and [`ProbeResults`] are what it says; [`is_started`] and [`readiness`] are what that means
//!   for the container's status.

mod check;
mod compiled;
mod message;
mod prober;
mod result;
mod snapshot;
mod standing;
mod state;

pub use check::{ProbeCheck, exec_answer, http_answer};
pub use compiled::{CompiledProbe, ProbeAtExit};
pub use message::{
    InstanceSight, InstanceState, PodSight, ProbeAnswer, ProbeFault, ProberAction, ProberEvent, Sight,
};
pub use prober::{Pace, Prober, ProberSettings};
pub use result::{ProbeKind, ProbeResult, ProbeResults};
pub use snapshot::ProberSnapshot;
pub use standing::{Readiness, is_started, readiness};

#[cfg(test)]
mod tests;
