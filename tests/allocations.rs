//! What happens again and again allocates nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../benches/shop/mod.rs"]
mod shop;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use allocation_counter::measure;
use node_lifecycle::api::{ConditionStatus, Pod, PodStatus};
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::config::{Host, KubeletConfiguration};
use node_lifecycle::container::{ContainerSet, ProbeKind};
use node_lifecycle::eviction::{
    DiskLayout, RankBy, Signal, first_in_rank, local_storage_violation, rank_into,
};
use node_lifecycle::image::{
    ImageCollection, ImageFilesystem, ImageGcContext, ImageGcPolicy, ImageGcStep, ImageInventory,
    ImageListing, ImageRecords, ImageUser, ListedImage,
};
use node_lifecycle::machine::{Machine, OperationId, Timestamp};
use node_lifecycle::pod::{
    ApiPod, Event, LifecycleEvent, MergeContext, PlanContext, PodUpdate, ProbesEvent, RuntimeState, Seen,
    StatusCache, StatusChange, StatusInputs, SyncOutcome, SyncPlan, Waiting, Workers, WorkersAction,
    WorkersEvent, merge_status_into, phase, plan_into, pod_status_into,
};

#[test]
fn the_plan_of_a_steady_pod() {
    let pod = shop::compiled();
    let (observed, probes) = (shop::observed(&pod, ""), shop::probes(&pod));
    let context = PlanContext { probes: &probes, ..PlanContext::default() };
    let mut plan = SyncPlan::default();
    let allocated = measure(|| plan_into(&pod, &observed, context, &mut plan));
    assert!(plan.is_empty());
    assert_eq!(allocated.count_total, 0, "from the first time on");
}

#[test]
fn the_plan_of_a_crashing_pod_reuses_its_buffers() {
    let pod = shop::compiled();
    let (observed, probes) = (shop::observed(&pod, "api"), shop::probes(&pod));
    let context = PlanContext { probes: &probes, ..PlanContext::default() };
    let mut plan = SyncPlan::default();
    plan_into(&pod, &observed, context, &mut plan);
    let allocated = measure(|| plan_into(&pod, &observed, context, &mut plan));
    assert_eq!(plan.start_apps.len(), 1);
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn order_and_phase() {
    let pod = shop::compiled();
    let running = shop::observed(&pod, "").running();
    let seen = vec![Seen::Running { started: true }; pod.containers().len()];
    let allocated = measure(|| {
        let ready: ContainerSet =
            running.iter().filter(|index| pod.waits_for(*index, running).is_empty()).collect();
        assert_eq!(ready, pod.apps());
        let _ = phase(&pod, &seen, false);
    });
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn a_status_that_did_not_change() {
    let pod = shop::compiled();
    let probes = shop::probes(&pod);
    let api = PodStatus::default();
    let now = Timestamp::from_unix_seconds(1000);
    for crashed in ["", "api"] {
        let observed = shop::observed(&pod, crashed);
        let mut waiting = vec![None; pod.containers().len()];
        if let Some(index) = pod.index_of(crashed) {
            waiting[index.at()] = Some(Waiting { reason: "CrashLoopBackOff", message: "back-off 10s" });
        }
        let first = StatusInputs { probes: &probes, waiting: &waiting, ..StatusInputs::new(&api) };
        let mut status = PodStatus::default();
        pod_status_into(&pod, &observed, &first, &mut status);
        let mut cache = StatusCache::default();
        assert!(cache.set(now, &ApiPod::new(&pod, &api), &mut status).is_accepted());

        let said = cache.status().unwrap().clone();
        let inputs = StatusInputs { api: &said, previous: Some(&said), ..first };
        let (mut status, mut merged) = (said.clone(), said.clone());
        let allocated = measure(|| {
            pod_status_into(&pod, &observed, &inputs, &mut status);
            let change = cache.set(now, &ApiPod::new(&pod, &said), &mut status);
            assert_eq!(change, StatusChange::Unchanged);
            let context = MergeContext { now, could_run: true, is_static: false, behaviour: &pod.behaviour };
            merge_status_into(&said, &status, context, &mut merged);
        });
        assert_eq!(allocated.count_total, 0, "{crashed}");
        assert_eq!(merged, said);
    }
}

#[test]
fn probes_of_a_steady_pod() {
    let pod = shop::compiled();
    let mut probes = shop::probers(&pod);
    let (mut actions, mut answered) = (Vec::with_capacity(32), 0);
    let app = pod.apps().iter().next().unwrap();
    let sight = shop::sight(app);
    let mut now = probes.next_wakeup().unwrap();
    let mut round = || {
        // A period: every probe is asked and answered; nothing else changes.
        probes.wake(now, &mut actions);
        answered += shop::answer_all(&mut probes, now, &mut actions);
        probes.step(now, ProbesEvent::Container { container: app, sight: sight.clone() }, &mut actions);
        probes.step(now, ProbesEvent::Pod(sight.pod), &mut actions);
        assert!(actions.is_empty());
        now = probes.next_wakeup().unwrap();
    };
    round();
    assert_eq!(measure(&mut round).count_total, 0);
    let asked = [ProbeKind::Liveness, ProbeKind::Readiness].map(|kind| probes.probed(kind).len());
    assert_eq!(answered, 2 * asked.iter().sum::<usize>());
    assert!(answered > 0);
}

#[test]
fn the_pods_of_a_node_where_nothing_changes() {
    let pods = (0..200_u32).map(|n| {
        let mut pod = shop::pod();
        pod.metadata.uid = format!("uid-{n}").into();
        Arc::new(pod)
    });
    let pods: Vec<_> = pods.collect();
    let (now, mut actions) = (Timestamp::from_unix_seconds(1000), Vec::new());
    let mut workers = Workers::new(Arc::default(), now);
    workers.step(now, WorkersEvent::RuntimeListed { at: now, pods: Arc::default() }, &mut actions);
    let sync = |workers: &mut Workers, actions: &mut Vec<WorkersAction>, pod: &Arc<Pod>| {
        workers.step(now, WorkersEvent::Update(PodUpdate::sync(Arc::clone(pod))), actions);
        let operation = actions.pop().and_then(|action| action.operation()).unwrap();
        let (uid, outcome) = (pod.metadata.uid.clone(), SyncOutcome::Done);
        workers.step(now, WorkersEvent::Done { uid, operation, outcome }, actions);
        actions.clear();
    };
    pods.iter().for_each(|pod| sync(&mut workers, &mut actions, pod));
    let desired: Arc<BTreeSet<_>> = Arc::new(pods.iter().map(|pod| pod.metadata.uid.clone()).collect());
    let has = desired.iter().map(|uid| (uid.clone(), RuntimeState::Running));
    let listed: Arc<BTreeMap<_, _>> = Arc::new(has.collect());
    let mut round = |workers: &mut Workers| {
        // All is well, for the sources, for the runtime and for every pod.
        let events = [
            WorkersEvent::SyncKnown { desired: Arc::clone(&desired), all_sources_ready: true },
            WorkersEvent::RuntimeListed { at: now, pods: Arc::clone(&listed) },
            WorkersEvent::RuntimeObserved {
                at: now,
                uid: pods[7].metadata.uid.clone(),
                state: RuntimeState::Running,
            },
            WorkersEvent::Done {
                uid: pods[7].metadata.uid.clone(),
                operation: OperationId { epoch: 9, seq: 9 },
                outcome: SyncOutcome::Failed,
            },
        ];
        events.into_iter().for_each(|event| workers.step(now, event, &mut actions));
        workers.wake(now, &mut actions);
        assert!(actions.is_empty());
        pods.iter().for_each(|pod| sync(workers, &mut actions, pod));
    };
    round(&mut workers);
    let allocated = measure(|| round(&mut workers));
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn a_pod_to_which_nothing_happens() {
    let (mut pod, now) = shop::lifecycle();
    let status = pod.status().unwrap();
    assert_eq!(status.condition("Ready").map(|ready| ready.status), Some(ConditionStatus::True));
    let record = pod.worker().observed().records().containers[0].clone();
    let mut worker = pod.worker().clone();
    let mut nothing = Vec::new();
    let boxed = || Event::Container(Box::new(record.clone()));
    worker.step(now, boxed(), &mut nothing);
    let event = boxed();
    assert_eq!(measure(|| worker.step(now, event, &mut nothing)).count_total, 0);

    let mut actions = Vec::new();
    pod.step(now, LifecycleEvent::Pod(boxed()), &mut actions);
    let event = LifecycleEvent::Pod(boxed());
    assert_eq!(measure(|| pod.step(now, event, &mut actions)).count_total, 0);
    assert!(nothing.is_empty() && actions.is_empty());

    // A round of probes that say what they said before.
    actions.reserve(64);
    let mut round = || {
        let due = pod.next_wakeup().unwrap();
        pod.wake(due, &mut actions);
        shop::settle(&mut pod, due, &mut actions);
    };
    round();
    assert_eq!(measure(round).count_total, 0);
}

#[test]
fn whose_turn_it_is_on_a_node_of_110_pods() {
    let (pods, compat) = (shop::observed_pods(110), Compat::default());
    let mut ranked = Vec::with_capacity(pods.len());
    let allocated = measure(|| {
        for signal in Signal::ALL {
            let by = RankBy::of(signal, DiskLayout::One);
            rank_into(by, &pods, compat, &mut ranked);
            let first = first_in_rank(by, &pods, compat, |pod| !pod.pod().is_critical);
            assert_eq!(first.as_ref(), ranked.first());
        }
        assert!(pods.iter().all(|pod| local_storage_violation(pod, DiskLayout::One).is_none()));
    });
    assert_eq!((ranked.len(), allocated.count_total), (110, 0));
}

#[test]
fn a_tick_without_pressure() {
    let (mut evictions, seen) = (shop::Evictions::new(), shop::observation(110, 50, 50));
    assert_eq!((evictions.tick(&seen), evictions.tick(&seen)), (None, None));
    let allocated = measure(|| assert_eq!(evictions.tick(&seen), None));
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn a_look_at_images_that_are_known() {
    let image = |n: u32| ListedImage { id: format!("sha256:{n}").into(), ..ListedImage::default() };
    let listing = ImageListing {
        images: (0..100).map(image).collect(),
        containers: vec![ImageUser { image: "sha256:7".into(), ..ImageUser::default() }],
        ..ImageListing::default()
    };
    let behaviour = Behaviour::default();
    let seen = ImageInventory::new(&listing, behaviour.gates);
    let (now, disk) =
        (Timestamp::from_unix_seconds(1000), ImageFilesystem { capacity_bytes: 2, available_bytes: 1 });
    let mut records = ImageRecords::default();
    records.detect(&ImageInventory::new(&listing, behaviour.gates), now);
    let allocated = measure(|| {
        records.detect(&seen, now);
        let (policy, context) =
            (ImageGcPolicy::default(), ImageGcContext { now, ..ImageGcContext::default() });
        let mut collection = ImageCollection::begin(&records, &policy, context, &behaviour);
        assert_eq!(collection.next_step(&records), ImageGcStep::Measure);
        collection.measured(&records, Ok(disk));
        assert_eq!(collection.next_step(&records), ImageGcStep::Done);
    });
    assert_eq!((records.iter().count(), allocated.count_total), (100, 0));
}

#[test]
fn a_configuration_that_is_valid() {
    let json = r#"{"maxPods": 250, "featureGates": {"NodeSwap": true}, "memorySwap": {"swapBehavior": "LimitedSwap"},
        "reservedSystemCPUs": "0-1,7", "enforceNodeAllocatable": ["pods"], "registerWithTaints": [{"key": "a.b/c"}],
        "reservedMemory": [{"numaNode": 0, "limits": {"memory": "1Gi"}}]}"#;
    let config = serde_json::from_str::<KubeletConfiguration>(json).unwrap().with_defaults();
    let host = Host::default();
    assert_eq!(measure(|| assert_eq!(config.validate(&host), Ok(()))).count_total, 0);
}
