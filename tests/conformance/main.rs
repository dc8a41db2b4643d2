//! Replays what a real kubelet 1.32 answered, line by line, against the library.
//!
//! `CONFORMANCE_DIR=<folder> cargo test --release --all-features --test conformance -- --nocapture` reads every
//! `*.jsonl.gz` of the folder (default: this one). A file is named after an operation and has one case a line:
//! `{"id", "in", "out"}`. An adapter only translates: JSON in, a call of the public API, JSON out.

#![allow(clippy::panic, reason = "a case that cannot be read fails its test")]

mod backoff;
mod compare;
mod config;
mod config_merge;
mod credential_lookup;
mod eviction_admit;
mod eviction_parse;
mod eviction_rank;
mod eviction_synchronize;
mod gc;
mod image_gc;
mod image_pull;
mod image_ref;
mod pod;
mod preemption;
mod prober;
mod quantity;
mod resources;
mod runtime;
mod status;
mod status_cache;
mod stop;
mod workers;

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use flate2::read::GzDecoder;
use serde_json::Value;

/// What was recorded and what the library answers, of one case, ready to be compared.
type Adapter = fn(&Value, &Value) -> (Value, Value);

const ADAPTERS: &[(&str, Adapter)] = &[
    ("api_pod_status", |input, out| (out.clone(), status::api_pod_status(input))),
    ("backoff", |input, out| (out.clone(), backoff::backoff(input, out))),
    ("config_defaults", |input, out| (out["config"].clone(), config::config_defaults(input))),
    ("config_merge", config_merge::config_merge),
    ("config_validate", |input, out| (out.clone(), config::config_validate(input))),
    ("container_gc", gc::container_gc),
    ("crash_backoff", |input, out| (out.clone(), backoff::crash_backoff(input))),
    ("credential_lookup", |input, out| (out.clone(), credential_lookup::credential_lookup(input, out))),
    ("effective_pod_grace", |input, out| (out.clone(), workers::effective_pod_grace(input))),
    ("eviction_admit", |input, out| (out.clone(), eviction_admit::eviction_admit(input))),
    ("eviction_parse", eviction_parse::eviction_parse),
    ("eviction_rank", eviction_rank::eviction_rank),
    ("eviction_synchronize", eviction_synchronize::eviction_synchronize),
    ("image_pull_decision", |input, out| (out.clone(), image_pull::image_pull_decision(input))),
    ("image_ref", |input, out| (out.clone(), image_ref::image_ref(input))),
    ("image_gc", |input, out| (out.clone(), image_gc::image_gc(input))),
    ("kill_grace", |input, out| (out.clone(), stop::kill_grace(input))),
    ("pod_actions", |input, out| (out.clone(), pod::pod_actions(input))),
    ("pod_conditions", |input, out| (out.clone(), status::pod_conditions(input))),
    ("pod_phase", |input, out| (out.clone(), pod::pod_phase(input))),
    ("preemption", |input, out| (out.clone(), preemption::preemption(input))),
    ("prober", |input, out| (out.clone(), prober::prober(input))),
    ("pod_workers", |input, out| (out.clone(), workers::pod_workers(input))),
    ("qos_and_resources", |input, out| (out.clone(), resources::qos_and_resources(input))),
    ("quantity", quantity::quantity),
    ("restart_decision", |input, out| (out.clone(), pod::restart_decision(input))),
    ("status_cache", |input, out| (out.clone(), status_cache::status_cache(input))),
    ("status_merge", |input, out| (out.clone(), status::status_merge(input))),
    ("status_transition", |input, out| (out.clone(), status::status_transition(input))),
    ("termination_order", |input, out| (out.clone(), stop::termination_order(input))),
];

/// Operations that wait for what they need to be built.
const NOT_YET: &[&str] = &["cpu_topology", "node_allocatable", "node_conditions", "node_shutdown"];

/// Operations whose cases are YAML, which is read with the feature `yaml`.
const IN_YAML: &[&str] = &["config_merge"];

/// How many differences of a file are shown.
const SHOWN: usize = 5;

fn main() -> ExitCode {
    let folder = std::env::var_os("CONFORMANCE_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance"), PathBuf::from);
    match replay_folder(&folder) {
        Ok((passed, failed)) => {
            println!("conformance: {passed} passed, {failed} failed");
            ExitCode::from(u8::from(failed != 0))
        }
        Err(error) => {
            println!("conformance: {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn replay_folder(folder: &Path) -> Result<(usize, usize), Box<dyn Error>> {
    let entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".jsonl.gz"));
    files.sort();
    if files.is_empty() {
        return Err("there is no *.jsonl.gz".into());
    }
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let operation = name.trim_end_matches(".jsonl.gz");
        let adapter = ADAPTERS.iter().find(|(name, _)| *name == operation);
        match (NOT_YET.contains(&operation), adapter) {
            (true, Some(_)) => return Err(format!("{operation} has an adapter and is `not yet`").into()),
            (true, None) => {
                println!("conformance {operation}: not yet");
                continue;
            }
            (false, _) => {}
        }
        if IN_YAML.contains(&operation) && !cfg!(feature = "yaml") {
            println!("conformance {operation}: not read, it needs the feature yaml");
            continue;
        }
        let (_, adapter) = adapter.ok_or_else(|| format!("no adapter for the operation {operation}"))?;
        let (right, total) = replay_file(&file, *adapter)?;
        println!("conformance {operation}: {right}/{total}");
        if total == 0 {
            return Err(format!("{operation} has no cases").into());
        }
        passed += right;
        failed += total - right;
    }
    Ok((passed, failed))
}

fn replay_file(file: &Path, adapter: Adapter) -> Result<(usize, usize), Box<dyn Error>> {
    let (mut right, mut total) = (0, 0);
    for line in BufReader::new(GzDecoder::new(File::open(file)?)).lines() {
        let case: Value = serde_json::from_str(&line?)?;
        total += 1;
        let differences = match catch_unwind(|| adapter(&case["in"], &case["out"])) {
            Ok((expected, actual)) => compare::differences(&expected, &actual),
            Err(_) => vec!["the library or its adapter panicked".to_owned()],
        };
        if differences.is_empty() {
            right += 1;
        } else if total - right <= SHOWN {
            println!("  {}: {}", case["id"].as_str().unwrap_or("?"), differences.join("; "));
        }
    }
    Ok((right, total))
}
