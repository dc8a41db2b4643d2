//! The contracts of the ports, written once and held by every implementation.
//!
//! `contract` is generic over a [`bench::Bench`]; `memory` runs it over the ports in memory, and says what those
//! do beyond it. Another implementation needs a bench and one line for [`contracts`].

#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bench;
mod beyond;
mod contract;
mod memory;
mod worker;
