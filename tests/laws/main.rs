//! The laws of a pod's life, under random pods, scripts, faults and orders of events.

#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod life;
mod lifecycle;
mod machine;
mod pods;

/// As many cases as `PROPTEST_CASES` asks for; without it the usual number.
fn cases(usual: u32) -> proptest::prelude::ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|asked| asked.parse().ok());
    proptest::prelude::ProptestConfig { cases: asked.unwrap_or(usual), ..Default::default() }
}
