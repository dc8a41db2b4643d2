//! The contracts of the ports, written once and held by every implementation.
//!
//! * [`contract`] says what is assumed of every implementation, one function a promise. It is generic over a
//!   [`bench::Bench`].
//! * [`memory`] holds the ports in memory to it, and [`beyond`] says what those do beyond it.
//! * [`worker`] runs a pod over them with the smallest driver there can be.
//!
//! To hold an implementation of your own to the contracts, copy `bench.rs` and `contract.rs`, implement
//! [`bench::Bench`] for it, and write:
//!
//! ```ignore
//! mod containerd {
//!     crate::contract::contracts!(MyBench::with_nothing_in_it());
//! }
//! ```

#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bench;
mod beyond;
mod contract;
mod memory;
