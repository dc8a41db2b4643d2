//! The pod that everything is measured with: 3 init containers, 2 sidecars and 3 app containers.

#![allow(dead_code, clippy::expect_used, reason = "shared by benches and tests that need different parts")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::Criterion;
use node_lifecycle::api::{Container, Pod};
use node_lifecycle::behaviour::Behaviour;
use node_lifecycle::container::{
    ContainerRecord, Exit, PodRecords, ProbeResult, ProbeResults, RecordState, SandboxRecord, SandboxState,
    spec_hash,
};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::pod::{CompiledPod, Observed};

pub(crate) const POD: &str = include_str!("pod.json");

/// Measures an operation's time, and prints what one of it allocates.
pub(crate) fn measure<T>(criterion: &mut Criterion, name: &str, mut operation: impl FnMut() -> T) {
    operation();
    let allocated = allocation_counter::measure(|| {
        black_box(operation());
    });
    println!("{name}: {} allocations, {} bytes", allocated.count_total, allocated.bytes_total);
    criterion.bench_function(name, |bencher| bencher.iter(&mut operation));
}

pub(crate) fn pod() -> Pod {
    Pod::from_json(POD).expect("the bench's own pod is well-formed")
}

pub(crate) fn compiled() -> CompiledPod {
    CompiledPod::compile(&pod(), &Arc::new(Behaviour::default())).expect("the bench's own pod compiles")
}

/// Everything runs as it should; `crashed` has ended.
pub(crate) fn observed(pod: &CompiledPod, crashed: &str) -> Observed {
    let spec = &pod.spec;
    let at = Timestamp::from_unix_seconds;
    let exited = |code| {
        RecordState::Exited(Exit {
            exit_code: code,
            finished_at: at(500),
            reason: Arc::from("Completed"),
            ..Exit::default()
        })
    };
    let record = |n: i64, container: &Container| ContainerRecord {
        id: format!("c{n}").into(),
        name: container.name.as_str().into(),
        attempt: 0,
        spec_hash: spec_hash(container),
        image: container.image.as_str().into(),
        image_ref: format!("{}@sha256:{n:064x}", container.image).into(),
        created_at: at(100 + n),
        state: match container.name.as_str() {
            name if name == crashed => exited(1),
            name if name.starts_with("init") => exited(0),
            _ => RecordState::Running { started_at: at(200) },
        },
    };
    let sandbox = SandboxRecord {
        id: "s".into(),
        attempt: 0,
        state: SandboxState::Ready,
        ip: Some("10.0.0.7".to_owned()),
        host_network: false,
        created_at: at(90),
        ..SandboxRecord::default()
    };
    let all = spec.init_containers.iter().chain(&spec.containers);
    let containers = (0..).zip(all).map(|(n, container)| record(n, container)).collect();
    Observed::new(pod, PodRecords { sandboxes: vec![sandbox], containers })
}

pub(crate) fn probes(pod: &CompiledPod) -> Vec<ProbeResults> {
    let passed = Some(ProbeResult::Success);
    vec![ProbeResults { startup: passed, liveness: passed, readiness: passed }; pod.containers().len()]
}
