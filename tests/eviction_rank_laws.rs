//! Laws of the ranking, of local limits and of preemption, under any numbers.
#![allow(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::collections::BTreeSet;

use node_lifecycle::api::{Pod, Uid};
use node_lifecycle::behaviour::{Behaviour, Compat, FeatureGates};
use node_lifecycle::eviction::{
    AdmissionFailure, DiskLayout, EvictionPod, ObservedPod, PodStats, RankBy, RankedPod, Requirement, Signal,
    exceeded_limits, first_in_rank, local_storage_violation, pods_to_preempt, rank, recover_admission,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

const LAYOUTS: [DiskLayout; 4] =
    [DiskLayout::One, DiskLayout::Dedicated, DiskLayout::Split, DiskLayout::LayersApart];

/// Few values, so that pods tie, and some that no node has.
fn amount() -> impl Strategy<Value = &'static str> {
    select(vec!["0", "1", "2", "2500m", "1Ki", "-1", "-9E", "9E", "16Ei", "1e30", "1e1000", "-1e1000"])
}

fn measured() -> impl Strategy<Value = Option<u64>> {
    option::of(select(vec![0, 1, 2, 3, 1024, 1025, i64::MAX as u64, u64::MAX]))
}

fn priority() -> impl Strategy<Value = Option<i32>> {
    option::of(select(vec![0, 1, -1, i32::MIN, i32::MAX, 1_999_999_999, 2_000_000_000]))
}

/// A pod's spec without a name, and what was measured of it.
fn pod() -> impl Strategy<Value = (Value, Option<Value>)> {
    let requests = (amount(), amount(), option::of(amount()), option::of(amount()));
    let spec = (requests, priority()).prop_map(|((memory, disk, limit, size_limit), priority)| {
        let resources = json!({
            "requests": {"memory": memory, "cpu": memory, "ephemeral-storage": disk},
            "limits": limit.map(|limit| json!({"ephemeral-storage": limit})),
        });
        json!({
            "priority": priority,
            "containers": [{"name": "app", "image": "app:1", "resources": resources}],
            "volumes": [{"name": "v", "emptyDir": {"sizeLimit": size_limit}}],
        })
    });
    let stats = (measured(), measured(), measured(), measured(), measured());
    let stats = stats.prop_map(|(memory, processes, layer, logs, volume)| {
        let usage = |used: Option<u64>| json!({"usedBytes": used, "inodesUsed": used});
        json!({
            "memoryWorkingSetBytes": memory,
            "processCount": processes,
            "ephemeralStorageUsedBytes": volume,
            "containers": [{"name": "app", "rootfs": usage(layer), "logs": usage(logs)}],
            "volumes": [{"name": "v", "usedBytes": volume, "inodesUsed": volume}],
        })
    });
    (spec, option::weighted(0.8, stats))
}

fn object(uid: &str, spec: &Value) -> Pod {
    serde_json::from_value(json!({"metadata": {"name": "p", "uid": uid}, "spec": spec})).unwrap()
}

/// Pods whose UIDs are in no order and share their beginnings.
fn observed() -> impl Strategy<Value = Vec<ObservedPod>> {
    let uids = vec(select(vec!["", "a", "a-long-beginning-", "b"]), 12);
    (vec(pod(), 0..12), uids).prop_map(|(pods, uids)| {
        let observed = |(n, ((spec, stats), uid)): (usize, ((Value, Option<Value>), &str))| {
            let pod = EvictionPod::of(&object(&format!("{uid}{}", n * 7 % 12), &spec), &Behaviour::default());
            let stats = stats.map(|stats| serde_json::from_value::<PodStats>(stats).unwrap().into());
            ObservedPod::new(pod.into(), stats)
        };
        pods.into_iter().zip(uids).enumerate().map(observed).collect()
    })
}

fn by() -> impl Strategy<Value = RankBy> {
    (select(Signal::ALL.to_vec()), select(LAYOUTS.to_vec()))
        .prop_map(|(signal, layout)| RankBy::of(signal, layout))
}

fn compat() -> impl Strategy<Value = Compat> {
    select(vec![Compat::default(), Compat::kubelet_1_32()])
}

fn uids(pods: &[ObservedPod], ranked: &[RankedPod]) -> Vec<Uid> {
    ranked.iter().map(|ranked| pods[ranked.index].pod().uid.clone()).collect()
}

proptest! {
    #[test]
    fn every_pod_has_one_place_and_no_later_one_goes_before(
        pods in observed(), by in by(), compat in compat(),
    ) {
        let ranked = rank(by, &pods, compat);
        let indices: BTreeSet<_> = ranked.iter().map(|ranked| ranked.index).collect();
        prop_assert_eq!(indices.len(), ranked.len());
        prop_assert!(indices.into_iter().eq(0..pods.len()));
        for (place, earlier) in ranked.iter().enumerate() {
            prop_assert_eq!(earlier.key, by.key(&pods[earlier.index], compat));
            for later in &ranked[place..] {
                prop_assert!(by.compare(&earlier.key, &later.key).is_le());
                prop_assert_eq!(
                    by.compare(&earlier.key, &later.key),
                    by.compare(&later.key, &earlier.key).reverse()
                );
            }
        }
    }

    #[test]
    fn the_order_does_not_depend_on_that_of_the_list(
        (pods, shuffled) in observed().prop_flat_map(|pods| (Just(pods.clone()), Just(pods).prop_shuffle())),
        by in by(),
    ) {
        let order = |pods: &[ObservedPod]| uids(pods, &rank(by, pods, Compat::default()));
        prop_assert_eq!(order(&pods), order(&shuffled));
    }

    #[test]
    fn the_kubelet_leaves_equal_pods_as_listed(pods in observed(), by in by()) {
        let compat = Compat::kubelet_1_32();
        let mut expected: Vec<_> = pods.iter().enumerate().collect();
        expected.sort_by(|(_, a), (_, b)| by.compare(&by.key(a, compat), &by.key(b, compat)));
        let ranked = rank(by, &pods, compat);
        prop_assert!(ranked.iter().map(|ranked| ranked.index).eq(expected.iter().map(|(index, _)| *index)));
    }

    #[test]
    fn the_first_is_the_first_of_the_order_that_is_eligible(
        pods in observed(), by in by(), compat in compat(), eligible in any::<u16>(),
    ) {
        let is_eligible = |index: usize| eligible & (1 << index) != 0;
        let of_uid = |pod: &ObservedPod| pods.iter().position(|it| it.pod().uid == pod.pod().uid).unwrap();
        let first = first_in_rank(by, &pods, compat, |pod| is_eligible(of_uid(pod)));
        let expected = rank(by, &pods, compat).into_iter().find(|ranked| is_eligible(ranked.index));
        prop_assert_eq!(first, expected);
    }

    #[test]
    fn keys_read_back(pods in observed(), by in by(), compat in compat()) {
        let ranked = rank(by, &pods, compat);
        let text = serde_json::to_string(&ranked).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<RankedPod>>(&text).unwrap(), ranked);
    }

    #[test]
    fn a_limit_never_ends_a_critical_pod(pods in observed(), layout in select(LAYOUTS.to_vec())) {
        for pod in &pods {
            let exceeded = exceeded_limits(pod, layout).next().filter(|_| !pod.pod().is_critical);
            prop_assert_eq!(local_storage_violation(pod, layout), exceeded);
        }
    }

    #[test]
    fn preemption_bears_any_numbers(
        pods in vec(pod(), 0..8), of in priority(), amounts in vec(any::<i64>(), 3),
    ) {
        let pods: Vec<_> = pods.iter().map(|(spec, _)| object("victim", spec)).collect();
        let critical = object("critical", &json!({"priority": of}));
        let resources = ["memory", "cpu", "pods"];
        let required = |(resource, quantity): (&str, &i64)| Requirement {
            resource: resource.into(),
            quantity: *quantity,
        };
        let required: Vec<_> = resources.into_iter().zip(&amounts).map(required).collect();
        if let Ok(victims) = pods_to_preempt(&critical, &pods, &required, FeatureGates::default()) {
            prop_assert_eq!(victims.iter().collect::<BTreeSet<_>>().len(), victims.len());
        }
        let failure = AdmissionFailure::InsufficientResource {
            resource: "memory".into(),
            requested: amounts[0],
            used: amounts[1],
            capacity: amounts[2],
        };
        let _ = recover_admission(&critical, &pods, &[failure], FeatureGates::default());
    }

    #[test]
    fn the_preempted_free_enough_and_none_in_vain(
        requests in vec((0..6_i64, priority()), 0..8), required in 0..20_i64, of in priority(),
    ) {
        let spec = |(memory, priority): &(i64, Option<i32>)| json!({
            "priority": priority,
            "containers": [{"name": "app", "image": "app:1", "resources": {"requests": {"memory": memory}}}],
        });
        let pods: Vec<_> = requests.iter().map(|requests| object("victim", &spec(requests))).collect();
        let pod = object("pod", &json!({"priority": of}));
        let may_go = |victim: &Pod| {
            let higher = pod.spec.priority.zip(victim.spec.priority).is_some_and(|(by, it)| by > it);
            higher || (pod.is_critical() && !victim.is_critical())
        };
        let freed = |victims: &mut dyn Iterator<Item = usize>| victims.map(|it| requests[it].0).sum::<i64>();
        let requirement = Requirement { resource: "memory".into(), quantity: required };
        match pods_to_preempt(&pod, &pods, &[requirement], FeatureGates::default()) {
            Ok(victims) => {
                prop_assert!(freed(&mut victims.iter().copied()) >= required);
                for victim in &victims {
                    prop_assert!(may_go(&pods[*victim]));
                    prop_assert!(freed(&mut victims.iter().copied().filter(|it| it != victim)) < required);
                }
            }
            Err(error) => {
                let all = freed(&mut (0..pods.len()).filter(|it| may_go(&pods[*it])));
                prop_assert_eq!(error.missing[0].quantity, required - all);
            }
        }
    }
}
