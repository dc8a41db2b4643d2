//! The laws of a pod's life, under random pods, scripts, faults and orders of events.

#![cfg(feature = "sim")]

mod life;
mod machine;
mod pods;
