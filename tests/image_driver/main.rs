//! The images of a node over ports in memory, in virtual time.
//!
//! * [`choices`]: who collects images is the embedder's choice. The library does, or the runtime does.
//! * [`credentials`]: what an image is tried with, and who may use one that is there.
//! * [`pulls`]: progress, cancellation, restarts, a pull and a removal of one image at once.
//! * [`signatures`]: what has to be signed.
//! * [`laws`]: what holds whatever is wanted and whatever goes wrong.

#![cfg(all(feature = "driver", feature = "sim"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bench;
mod choices;
mod credentials;
mod laws;
mod pulls;
mod signatures;
