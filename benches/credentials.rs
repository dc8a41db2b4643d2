//! Names of images, and which credentials one is tried with, among 1,000.
//!
//! Beside the time, each operation's allocations are printed.

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

mod shop;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use node_lifecycle::image::{Credentials, ImageReference, Keyring, PathRule, RegistryCredentials};
use shop::measure;

fn keyring(registry: impl Fn(usize) -> String) -> Keyring {
    let entries = (0..1_000).map(|n| RegistryCredentials {
        registry: registry(n),
        credentials: Credentials { username: "bob".to_owned(), password: "x".into(), email: String::new() },
        source: None,
    });
    Keyring::new(PathRule::Segments, entries).0
}

fn lookup(criterion: &mut Criterion) {
    for (name, keyring) in [
        (
            "look up credentials of 3 images: 1,000 paths of one registry",
            keyring(|n| format!("r.example/team-{n}")),
        ),
        ("look up credentials of 3 images: 1,000 registries", keyring(|n| format!("r{n}.example"))),
        ("look up credentials of 3 images: 1,000 globs", keyring(|n| format!("*.r{n}.example"))),
    ] {
        let mut found = Vec::with_capacity(8);
        measure(criterion, name, || {
            found.clear();
            for image in ["r.example/team-500/web", "r500.example/web", "eu.r500.example/web"] {
                keyring.lookup_into(black_box(image), &mut found);
            }
            found.len()
        });
    }
}

fn reference(criterion: &mut Criterion) {
    for (name, text) in [("read a name: short", "nginx:1.27"), ("read a name: long", LONG)] {
        measure(criterion, name, || black_box(text).parse::<ImageReference>().expect("well-formed"));
    }
}

const LONG: &str = "registry.example:5000/shop/web/frontend:1.2.3@sha256:\
     9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

criterion_group!(benches, lookup, reference);
criterion_main!(benches);
