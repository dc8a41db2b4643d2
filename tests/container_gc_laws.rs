//! Laws of the garbage collection of containers, under random inventories and failures.
#![allow(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use node_lifecycle::api::Uid;
use node_lifecycle::behaviour::Compat;
use node_lifecycle::container::{
    GarbageCollection, GcContext, GcInventory, GcPolicy, GcReason, GcScope, GcTarget, ListedContainer,
    ListedSandbox, ListedState, Removal, SandboxState, gc_plan,
};
use node_lifecycle::machine::Timestamp;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

const NOW: i64 = 10_000;

fn pod() -> impl Strategy<Value = Uid> {
    select(vec!["u0", "u1", "u2"]).prop_map(Uid::from)
}

/// Containers and sandboxes, each made at a second of its own.
fn inventory() -> impl Strategy<Value = GcInventory> {
    let states =
        select(vec![ListedState::Created, ListedState::Running, ListedState::Exited, ListedState::Unknown]);
    let container = (pod(), select(vec!["a", "b"]), states, 0..4_u8);
    let sandbox = (pod(), any::<bool>());
    let (containers, sandboxes) = (vec(container, 0..20), vec(sandbox, 0..8));
    let order = any::<u64>();
    (containers, sandboxes, btree_set(pod(), 0..4), order).prop_map(|(containers, sandboxes, logs, order)| {
        let containers = (0_i64..).zip(containers).map(|(n, (pod, name, state, sandbox))| ListedContainer {
            id: format!("c{n}").into(),
            pod,
            sandbox: format!("s{sandbox}").into(),
            name: name.into(),
            state,
            created_at: Timestamp::from_unix_seconds(NOW - 37 * n + i64::from(n % 2 == 0)),
        });
        let sandboxes = (0_i64..).zip(sandboxes).map(|(n, (pod, ready))| ListedSandbox {
            id: format!("s{n}").into(),
            pod,
            state: if ready { SandboxState::Ready } else { SandboxState::NotReady },
            created_at: Timestamp::from_unix_seconds(NOW - 61 * n),
        });
        let mut inventory = GcInventory {
            containers: Some(containers.collect()),
            sandboxes: Some(sandboxes.collect()),
            log_directories: Some(logs.iter().map(|uid| format!("ns_pod_{uid}")).collect()),
        };
        shuffle(&mut inventory, order);
        inventory
    })
}

/// Another order of the same things.
fn shuffle(inventory: &mut GcInventory, seed: u64) {
    let key = |id: &str| {
        id.bytes().fold(seed, |key, byte| (key ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    };
    inventory.containers.as_mut().unwrap().sort_by_key(|container| key(container.id.as_str()));
    inventory.sandboxes.as_mut().unwrap().sort_by_key(|sandbox| key(sandbox.id.as_str()));
    inventory.log_directories.as_mut().unwrap().sort_by_key(|name| key(name));
}

fn policy() -> impl Strategy<Value = GcPolicy> {
    let limit = || prop::option::of(prop_oneof![4 => 0..6_usize, 1 => Just(usize::MAX)]);
    let age = prop_oneof![4 => (0..500_u64).prop_map(Duration::from_secs), 1 => Just(Duration::MAX)];
    (age, limit(), limit()).prop_map(|(min_age, max_per_pod_container, max_containers)| GcPolicy {
        min_age,
        max_per_pod_container,
        max_containers,
    })
}

fn context() -> impl Strategy<Value = GcContext> {
    let scope = select(vec![GcScope::Containers, GcScope::Sandboxes, GcScope::All]);
    (scope, btree_set(pod(), 0..2), btree_set(pod(), 0..2), any::<bool>(), any::<bool>()).prop_map(
        |(scope, gone, ended, evict_ended, all_sources_ready)| GcContext {
            now: Timestamp::from_unix_seconds(NOW),
            scope,
            gone,
            ended,
            evict_ended,
            all_sources_ready,
        },
    )
}

/// Collects; removals fail by their number.
fn collect(
    (inventory, policy, context): (&GcInventory, &GcPolicy, &GcContext),
    compat: Compat,
    fails: &[bool],
) -> (Vec<(Removal, bool)>, GarbageCollection) {
    let mut collection = GarbageCollection::begin(inventory, policy, context, compat);
    let mut tried = Vec::new();
    while let Some(removal) = collection.next_removal().cloned() {
        let succeeds = !fails.get(tried.len()).copied().unwrap_or(false);
        collection.finished(succeeds);
        tried.push((removal, succeeds));
    }
    collection.finished(true);
    (tried, collection)
}

fn id(removal: &Removal) -> String {
    match &removal.target {
        GcTarget::Container { id, .. } => id.to_string(),
        GcTarget::Sandbox { id } => id.to_string(),
        GcTarget::LogDirectory { name } => name.clone(),
    }
}

fn is_evictable(container: &ListedContainer, policy: &GcPolicy) -> bool {
    container.state != ListedState::Running
        && container.created_at <= Timestamp::from_unix_seconds(NOW).moved_back(policy.min_age)
}

proptest! {
    #[test]
    fn nothing_that_is_needed_goes(
        inventory in inventory(), policy in policy(), context in context(), fails in vec(any::<bool>(), 0..30),
        kubelet in any::<bool>(),
    ) {
        let compat = if kubelet { Compat::kubelet_1_32() } else { Compat::default() };
        let (tried, collection) = collect((&inventory, &policy, &context), compat, &fails);
        let containers = inventory.containers.as_ref().unwrap();
        let sandboxes = inventory.sandboxes.as_ref().unwrap();
        let (mut seen, mut here) = (BTreeSet::new(), containers.iter().map(|c| c.id.clone()).collect::<BTreeSet<_>>());
        let mut previous = 0;
        for (removal, succeeded) in &tried {
            prop_assert!(seen.insert(id(removal)), "{} twice", removal);
            let kind = match &removal.target {
                GcTarget::Container { id, stop_first, .. } => {
                    let container = containers.iter().find(|container| container.id == *id).unwrap();
                    prop_assert!(is_evictable(container, &policy), "{}", removal);
                    prop_assert_eq!(*stop_first, container.state == ListedState::Unknown);
                    if *succeeded {
                        here.remove(id);
                    }
                    0
                }
                GcTarget::Sandbox { id } => {
                    let sandbox = sandboxes.iter().find(|sandbox| sandbox.id == *id).unwrap();
                    prop_assert_eq!(sandbox.state, SandboxState::NotReady);
                    prop_assert!(!containers.iter().any(|it| it.sandbox == *id && here.contains(&it.id)), "{}", removal);
                    let newer = sandboxes.iter().any(|it| it.pod == sandbox.pod && it.created_at > sandbox.created_at);
                    let whole = context.gone.contains(&sandbox.pod)
                        || context.evict_ended && context.ended.contains(&sandbox.pod);
                    prop_assert!(newer || whole, "{}", removal);
                    1
                }
                GcTarget::LogDirectory { .. } => {
                    prop_assert!(context.all_sources_ready && context.gone.contains(&removal.pod));
                    2
                }
            };
            prop_assert!(previous <= kind, "containers, then sandboxes, then logs");
            previous = kind;
        }
        let failed: Vec<_> = tried.iter().filter(|(_, ok)| !ok).map(|(removal, _)| removal.clone()).collect();
        prop_assert_eq!(collection.failed(), failed);
    }

    /// At most what is configured stays, unless what is left could not be removed.
    #[test]
    fn limits_are_kept(
        inventory in inventory(), policy in policy(), context in context(), fails in vec(any::<bool>(), 0..30),
    ) {
        let context = GcContext { scope: GcScope::All, ..context };
        let (tried, collection) = collect((&inventory, &policy, &context), Compat::default(), &fails);
        let removed: BTreeSet<_> = tried.iter().filter(|(_, ok)| *ok).map(|(removal, _)| id(removal)).collect();
        let failed: BTreeSet<_> = tried.iter().filter(|(_, ok)| !ok).map(|(removal, _)| id(removal)).collect();
        let dead = inventory.containers.as_ref().unwrap().iter().filter(|container| is_evictable(container, &policy));
        let stays: Vec<_> = dead.clone().filter(|container| !removed.contains(container.id.as_str())).collect();
        prop_assert_eq!(collection.dead(), stays.len());
        let untried: Vec<_> = stays.iter().filter(|container| !failed.contains(container.id.as_str())).collect();
        if let Some(limit) = policy.max_containers {
            prop_assert!(stays.len() <= limit || untried.is_empty(), "{} stay", stays.len());
        }
        let mut units = BTreeMap::<_, usize>::new();
        for container in &untried {
            *units.entry((&container.pod, &container.name)).or_default() += 1;
        }
        if let Some(limit) = policy.max_per_pod_container {
            prop_assert!(units.values().all(|stay| *stay <= limit));
        }
        if context.all_sources_ready {
            prop_assert!(!untried.iter().any(|container| context.gone.contains(&container.pod)));
        }
    }

    /// At least what is configured stays of pods that exist: the newest.
    #[test]
    fn the_newest_stay(
        inventory in inventory(), policy in policy(), context in context(), fails in vec(any::<bool>(), 0..30),
    ) {
        let policy = GcPolicy { max_containers: None, ..policy };
        let (tried, _) = collect((&inventory, &policy, &context), Compat::default(), &fails);
        let keep = policy.max_per_pod_container.unwrap_or(usize::MAX);
        for (removal, _) in &tried {
            let GcTarget::Container { id, name, .. } = &removal.target else { continue };
            if removal.reason == GcReason::PodGone || removal.reason == GcReason::PodEnded {
                continue;
            }
            let of_unit = inventory.containers.as_ref().unwrap().iter();
            let of_unit = of_unit.filter(|it| it.pod == removal.pod && it.name == *name && is_evictable(it, &policy));
            let this = of_unit.clone().find(|it| it.id == *id).unwrap();
            let newer = of_unit.filter(|it| it.created_at > this.created_at).count();
            prop_assert!(newer >= keep, "{}: {} are newer", removal, newer);
        }
    }

    #[test]
    fn the_plan_is_the_same_whatever_the_order(
        inventory in inventory(), policy in policy(), context in context(), seed in any::<u64>(),
    ) {
        let plan = gc_plan(&inventory, &policy, &context, Compat::default());
        let mut other = inventory.clone();
        shuffle(&mut other, seed);
        prop_assert_eq!(&plan, &gc_plan(&other, &policy, &context, Compat::default()));
        // Where nothing fails there is nothing to differ about.
        prop_assert_eq!(&plan, &gc_plan(&inventory, &policy, &context, Compat::kubelet_1_32()));
        let (tried, _) = collect((&inventory, &policy, &context), Compat::default(), &[]);
        prop_assert_eq!(plan, tried.into_iter().map(|(removal, _)| removal).collect::<Vec<_>>());
    }

    /// What was collected once is collected: a second round finds nothing.
    #[test]
    fn a_second_collection_finds_nothing(inventory in inventory(), policy in policy(), context in context()) {
        let gone: BTreeSet<_> = gc_plan(&inventory, &policy, &context, Compat::default()).iter().map(id).collect();
        let mut rest = inventory;
        rest.containers.as_mut().unwrap().retain(|it| !gone.contains(it.id.as_str()));
        rest.sandboxes.as_mut().unwrap().retain(|it| !gone.contains(it.id.as_str()));
        rest.log_directories.as_mut().unwrap().retain(|it| !gone.contains(it));
        let again = gc_plan(&rest, &policy, &context, Compat::default());
        prop_assert!(again.is_empty(), "{:?}", again);
    }

    /// A listing that failed is no empty list.
    #[test]
    fn without_a_listing_nothing_goes(inventory in inventory(), policy in policy(), context in context()) {
        let unlisted = GcInventory { containers: None, ..inventory };
        let plan = gc_plan(&unlisted, &policy, &context, Compat::default());
        let is_log = |removal: &Removal| matches!(removal.target, GcTarget::LogDirectory { .. });
        prop_assert!(plan.iter().all(is_log), "{:?}", plan);
    }
}
