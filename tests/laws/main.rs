//! The laws of a pod's life, under random pods, scripts, faults and orders of events.

#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod life;
mod lifecycle;
mod machine;
mod pods;
