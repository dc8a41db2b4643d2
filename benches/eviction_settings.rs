//! Reading the thresholds of evictions from settings that are decoded already.
//!
//! Beside the time, each operation's allocations are printed.

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

mod shop;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use node_lifecycle::behaviour::Compat;
use node_lifecycle::eviction::{DiskLayout, EvictionConfig, EvictionSettings, Platform};
use shop::measure;

/// What an operator writes who wants warnings early: every field is used.
const SOFT_TOO: &str = r#"{
    "evictionHard": {"memory.available": "500Mi", "nodefs.available": "10%", "nodefs.inodesFree": "5%",
        "imagefs.available": "15%", "imagefs.inodesFree": "5%", "pid.available": "1000"},
    "evictionSoft": {"memory.available": "1.5Gi", "nodefs.available": "12.5%", "imagefs.available": "20%"},
    "evictionSoftGracePeriod": {"memory.available": "1m30s", "nodefs.available": "2m", "imagefs.available": "2m"},
    "evictionMinimumReclaim": {"memory.available": "0Mi", "nodefs.available": "500Mi", "imagefs.available": "2Gi"}
}"#;

fn reading(criterion: &mut Criterion) {
    let defaults = Platform::Linux.default_eviction_hard();
    let entries = defaults.iter().map(|(signal, value)| ((*signal).to_owned(), (*value).to_owned()));
    let hard = EvictionSettings { eviction_hard: Some(entries.collect()), ..EvictionSettings::default() };
    let soft_too = serde_json::from_str(SOFT_TOO).expect("the bench's own settings are well-formed");
    for (name, settings) in [
        ("read thresholds: the 5 defaults of Linux", hard),
        ("read thresholds: 6 hard ones, 3 soft ones", soft_too),
    ] {
        measure(criterion, name, || {
            black_box(&settings).config(Platform::Linux, Compat::default()).expect("well-formed")
        });
    }
}

fn layout(criterion: &mut Criterion) {
    let config = EvictionConfig::default();
    measure(criterion, "thresholds for a layout of disks", || {
        black_box(&config).thresholds_for(DiskLayout::Dedicated)
    });
}

criterion_group!(benches, reading, layout);
criterion_main!(benches);
