//! A pod's status: generated, judged, merged, and said a second time.
//!
//! Beside the time, each operation's allocations are printed.

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

mod shop;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use node_lifecycle::api::{PodCondition, PodPhase, PodStatus};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::pod::{
    ApiPod, MergeContext, StatusCache, StatusInputs, Waiting, merge_status, merge_status_into, pod_ready,
    pod_status, pod_status_into,
};
use shop::measure;

fn generation(criterion: &mut Criterion) {
    let pod = shop::compiled();
    let probes = shop::probes(&pod);
    let mut waiting = vec![None; pod.containers().len()];
    let hosts = ["192.168.1.5".to_owned()];
    let api = PodStatus::default();
    for (name, crashed) in [("status, steady pod", ""), ("status, a crashed container", "api")] {
        let observed = shop::observed(&pod, crashed);
        if let Some(index) = pod.index_of(crashed) {
            waiting[index.at()] = Some(Waiting {
                reason: "CrashLoopBackOff",
                message: "back-off 10s restarting failed container",
            });
        }
        let first = StatusInputs {
            probes: &probes,
            waiting: &waiting,
            startup_probed: pod.apps().union(pod.sidecars()),
            readiness_probed: pod.apps().union(pod.sidecars()),
            host_ips: &hosts,
            ..StatusInputs::new(&api)
        };
        let said = pod_status(&pod, &observed, &first);
        let inputs = StatusInputs { api: &said, previous: Some(&said), ..first };
        let mut status = said.clone();
        measure(criterion, name, || {
            pod_status_into(black_box(&pod), black_box(&observed), black_box(&inputs), &mut status);
        });
        assert_eq!(status.phase, Some(PodPhase::Running));
        if crashed.is_empty() {
            measure(criterion, "status, steady pod, into a new one", || {
                pod_status(black_box(&pod), black_box(&observed), black_box(&inputs))
            });
        }
    }
}

fn saying(criterion: &mut Criterion) {
    let pod = shop::compiled();
    let (observed, probes) = (shop::observed(&pod, ""), shop::probes(&pod));
    let empty = PodStatus::default();
    let mut status =
        pod_status(&pod, &observed, &StatusInputs { probes: &probes, ..StatusInputs::new(&empty) });
    measure(criterion, "Ready condition", || {
        pod_ready(black_box(&pod), Some(black_box(&status).into()), PodPhase::Running, &status.conditions)
    });

    let now = Timestamp::from_unix_seconds(1000);
    let behaviour = &pod.behaviour;
    let context = MergeContext { now, could_run: true, is_static: false, behaviour };
    let mut api = status.clone();
    let theirs = "example.com/in-rotation".to_owned();
    api.conditions.insert(0, PodCondition { type_: theirs, ..status.conditions[0].clone() });
    let mut merged = merge_status(&api, &status, context);
    measure(criterion, "merge", || {
        merge_status_into(black_box(&api), black_box(&status), context, &mut merged);
    });

    let api = ApiPod::new(&pod, &empty);
    let mut cache = StatusCache::default();
    assert!(cache.set(now, &api, &mut status.clone()).is_accepted());
    measure(criterion, "a status that did not change", || {
        black_box(cache.set(now, &api, black_box(&mut status)))
    });
    assert_eq!(cache.version(), 1);
}

criterion_group!(benches, generation, saying);
criterion_main!(benches);
