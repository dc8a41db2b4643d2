//! Laws of resizing pods in place, under random specs and nodes, hostile ones among them.
#![allow(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet};

use node_lifecycle::api::{Pod, PodSpec, Quantity, ResourceList, ResourceRequirements};
use node_lifecycle::behaviour::FeatureGates;
use node_lifecycle::pod::{
    Actuated, Allocation, MemoryUsage, Overhead, PodAmounts, Resize, ResizeNode, ResizePart, ResizePlan,
    ResizePriority, ResizeResource, ResizeStep, is_resize_in_progress, pod_resources, resize,
    resize_in_progress_condition, resize_pending_condition, resize_plan,
};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

const GATES: u32 = 35;

fn sane() -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(0.8, prop_oneof![1 => Just("0".to_owned()), 9 => "[1-9](00m)?", 3 => "[1-9]Mi"])
}

fn hostile() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        sane(),
        any::<i64>().prop_map(|amount| Some(amount.to_string())),
        prop::sample::select(vec!["1e1000", "-1e1000", "1n", "-1", "9223372036854775807.5", "8Ei"])
            .prop_map(|amount| Some(amount.to_owned())),
    ]
}

fn requirements<S: Strategy<Value = Option<String>>>(amount: fn() -> S) -> impl Strategy<Value = Value> {
    (amount(), amount(), amount(), amount(), any::<bool>()).prop_map(
        |(cpu, memory, more_cpu, more_memory, equal)| {
            let list = |cpu: &Option<String>, memory: &Option<String>| {
                let amounts = [("cpu", cpu), ("memory", memory)];
                amounts
                    .into_iter()
                    .filter_map(|(name, it)| Some((name, it.clone()?)))
                    .collect::<BTreeMap<_, _>>()
            };
            let limits = list(&cpu, &memory);
            let requests = if equal { limits.clone() } else { list(&more_cpu, &more_memory) };
            json!({"requests": requests, "limits": limits})
        },
    )
}

/// A pod's spec before and after a resize: the same containers, other amounts.
fn specs<S: Strategy<Value = Option<String>> + 'static>(
    amount: fn() -> S,
) -> impl Strategy<Value = (PodSpec, PodSpec)> {
    let policy = || prop::sample::select(vec!["NotRequired", "RestartContainer"]);
    let container = (requirements(amount), requirements(amount), any::<bool>(), policy(), policy(), 0..8_u8);
    (vec(container, 1..5), any::<bool>()).prop_map(|(containers, overhead)| {
        let [mut old, mut new] = [(); 2].map(|()| json!({"initContainers": [], "containers": []}));
        for (n, (before, after, changes, cpu, memory, kind)) in containers.into_iter().enumerate() {
            let list = if kind < 2 && n > 0 { "initContainers" } else { "containers" };
            let after = if changes { &after } else { &before };
            for (spec, resources) in [(&mut old, &before), (&mut new, after)] {
                let mut container = json!({"name": format!("c{n}"), "resources": resources, "resizePolicy": [
                    {"resourceName": "cpu", "restartPolicy": cpu},
                    {"resourceName": "memory", "restartPolicy": memory}]});
                if kind == 0 && n > 0 {
                    container["restartPolicy"] = json!("Always");
                }
                spec[list].as_array_mut().unwrap().push(container);
            }
        }
        if overhead {
            old["overhead"] = json!({"memory": "1Mi"});
            new["overhead"] = json!({"memory": "1Mi"});
        }
        // What does not run any more keeps what it had.
        new["initContainers"] = Value::Array(
            std::iter::zip(
                old["initContainers"].as_array().unwrap(),
                new["initContainers"].as_array().unwrap(),
            )
            .map(|(old, new)| if old["restartPolicy"] == "Always" { new.clone() } else { old.clone() })
            .collect(),
        );
        (serde_json::from_value(old).unwrap(), serde_json::from_value(new).unwrap())
    })
}

fn list<S: Strategy<Value = Option<String>>>(amount: fn() -> S) -> impl Strategy<Value = ResourceList> {
    (amount(), amount()).prop_map(|(cpu, memory)| {
        let amounts = [("cpu", cpu), ("memory", memory)];
        amounts.into_iter().filter_map(|(name, it)| Some((name.to_owned(), it?.parse().unwrap()))).collect()
    })
}

fn pod(spec: PodSpec) -> Pod {
    Pod { spec: spec.into(), ..Pod::default() }
}

fn gates() -> FeatureGates {
    FeatureGates::of_release(GATES)
}

fn amount(list: &ResourceList, name: &str) -> Quantity {
    list.get(name).cloned().unwrap_or_default()
}

fn started(spec: &PodSpec) -> Actuated {
    Actuated { pod: PodAmounts::of(spec, gates()), containers: Allocation::of(spec).containers }
}

/// Enough is known and nothing is in use.
fn idle(spec: &PodSpec) -> MemoryUsage {
    let containers = Allocation::of(spec).containers.into_keys().map(|name| (name, 0));
    MemoryUsage { pod: Some(0), containers: containers.collect() }
}

fn carry_out(step: &ResizeStep, actuated: &mut Actuated) {
    match step.clone() {
        ResizeStep::Pod { resource: ResizeResource::Memory, to, .. } => actuated.pod.memory_limit = to,
        ResizeStep::Pod { resource: ResizeResource::Cpu, part: ResizePart::Limit, to } => {
            actuated.pod.cpu_limit = to;
        }
        ResizeStep::Pod { resource: ResizeResource::Cpu, part: ResizePart::Request, to } => {
            actuated.pod.cpu_request = to.unwrap_or_default();
        }
        ResizeStep::Container { name, to, .. } => drop(actuated.containers.insert(name, to)),
    }
}

/// The containers that run never have more together than the pod.
fn holds(actuated: &Actuated) -> Result<(), TestCaseError> {
    for (name, most) in [("memory", &actuated.pod.memory_limit), ("cpu", &actuated.pod.cpu_limit)] {
        let Some(most) = most else { continue };
        let limits =
            actuated.containers.values().map(|told| told.limits.get(name).filter(|it| !it.is_zero()));
        let sum: Quantity = limits.flatten().cloned().sum();
        prop_assert!(sum <= *most, "{} in containers of {} {}", sum, most, name);
    }
    Ok(())
}

/// Stops what is restarted, tells what is told, starts again; stops after some steps.
fn carry(
    plan: &ResizePlan,
    spec: &PodSpec,
    actuated: &mut Actuated,
    steps: usize,
) -> Result<(), TestCaseError> {
    for name in &plan.restart {
        actuated.containers.remove(name);
    }
    for step in plan.steps.iter().take(steps) {
        carry_out(step, actuated);
        holds(actuated)?;
    }
    if steps >= plan.steps.len() {
        let wanted = Allocation::of(spec).containers;
        actuated.containers.extend(plan.restart.iter().map(|name| (name.clone(), wanted[name].clone())));
        holds(actuated)?;
    }
    Ok(())
}

proptest! {
    #[test]
    fn nothing_above_allocatable_is_allocated(
        (old, new) in specs(hostile), allocatable in list(hostile), others in list(hostile),
    ) {
        let node = ResizeNode { allocatable: &allocatable, others: &others, ..ResizeNode::default() };
        let allocated = Allocation::of(&old);
        let new = pod(new);
        let requests = pod_resources(&new.spec, gates(), Overhead::Included).requests;
        let verdict = resize(&new, &allocated, &node, gates());
        prop_assert_eq!(&verdict, &resize(&new, &allocated, &node, gates()));
        let fits = ["cpu", "memory"].iter().all(|name| {
            let requested = amount(&requests, name);
            let all = &requested + &amount(&others, name);
            requested <= amount(&allocatable, name) && (requested.signum() <= 0 || all <= amount(&allocatable, name))
        });
        match &verdict {
            Resize::Allocate(allocation) => {
                prop_assert!(fits);
                prop_assert_eq!(resize(&new, allocation, &node, gates()), Resize::Unchanged, "all of it or nothing");
                prop_assert_eq!(allocation.applied_to(&old), (*new.spec).clone());
            }
            Resize::Unchanged => prop_assert!(allocated.is_of(&new.spec, gates())),
            Resize::Deferred(_) | Resize::Infeasible(_) => prop_assert!(!fits),
        }
        let told = resize_pending_condition(&verdict, Some(2));
        prop_assert_eq!(told.is_some(), matches!(verdict, Resize::Deferred(_) | Resize::Infeasible(_)));
    }

    /// Whatever the node has become meanwhile.
    #[test]
    fn back_to_what_is_allocated_is_no_resize(
        (spec, _) in specs(hostile), allocatable in list(hostile), exclusive in any::<bool>(),
        swapping in btree_set("c[0-4]", 0..3), is_static in any::<bool>(),
    ) {
        let node = ResizeNode {
            allocatable: &allocatable, swapping: &swapping, exclusive_cpus: exclusive, exclusive_memory: exclusive,
            ..ResizeNode::default()
        };
        let mut pod = pod(spec);
        if is_static {
            pod.metadata.annotations.insert(Pod::CONFIG_SOURCE.to_owned(), "file".to_owned());
        }
        let allocated = Allocation::of(&pod.spec);
        prop_assert_eq!(resize(&pod, &allocated, &node, gates()), Resize::Unchanged);
        let plan = resize_plan(&pod.spec, &started(&pod.spec), &MemoryUsage::default(), gates());
        prop_assert_eq!(plan, ResizePlan::default());
        let first = ResizePriority::of(&pod.spec, &allocated, None, gates());
        prop_assert_eq!(first, ResizePriority::of(&allocated.applied_to(&pod.spec), &allocated, None, gates()));
    }

    /// A plan that is carried out leaves nothing to do, also when it takes several attempts.
    #[test]
    fn a_plan_comes_to_its_end((old, new) in specs(sane), failures in vec(0..6_usize, 0..4)) {
        let mut actuated = started(&old);
        holds(&actuated)?;
        let mut restarted = BTreeSet::new();
        for steps in failures.into_iter().chain([usize::MAX]) {
            let plan = resize_plan(&new, &actuated, &idle(&new), gates());
            prop_assert_eq!(&plan.blocked, &None);
            // What was stopped and not started again is started now, with what is allocated.
            restarted.extend(plan.restart.iter().cloned());
            carry(&plan, &new, &mut actuated, steps)?;
        }
        let wanted = Allocation::of(&new).containers;
        for name in restarted {
            actuated.containers.insert(name.clone(), wanted[&name].clone());
        }
        holds(&actuated)?;
        prop_assert!(!is_resize_in_progress(&new, &actuated));
        prop_assert_eq!(resize_in_progress_condition(&new, &actuated, Some("late"), None), None);
        prop_assert_eq!(resize_plan(&new, &actuated, &MemoryUsage::default(), gates()), ResizePlan::default());
        prop_assert_eq!(&actuated.pod, &PodAmounts::of(&new, gates()));
    }

    #[test]
    fn memory_in_use_stays(
        (old, new) in specs(sane), used in vec(prop::option::of(0..20_u64 << 20), 5), of_pod in prop::option::of(0..40_u64 << 20),
    ) {
        let actuated = started(&old);
        let containers = used.iter().enumerate().filter_map(|(n, used)| Some((format!("c{n}"), (*used)?)));
        let usage = MemoryUsage { pod: of_pod, containers: containers.collect() };
        let plan = resize_plan(&new, &actuated, &usage, gates());
        prop_assert!(plan.blocked.is_none() || plan.steps.is_empty());
        for step in &plan.steps {
            let ResizeStep::Container { name, resource: ResizeResource::Memory, to } = step else { continue };
            let limit = |told: &ResourceRequirements| told.limits.get("memory").filter(|it| !it.is_zero()).cloned();
            let (before, after) = (limit(&actuated.containers[name]), limit(to));
            if let Some(after) = after && before.is_none_or(|before| after < before) {
                prop_assert!(usage.containers.get(name).is_some_and(|used| *used < after.bytes_saturating()));
            }
        }
    }

    #[test]
    fn hostile_numbers_end_in_a_plan((old, new) in specs(hostile), of_pod in prop::option::of(any::<u64>())) {
        let usage = MemoryUsage { pod: of_pod, ..idle(&new) };
        let plan = resize_plan(&new, &started(&old), &usage, gates());
        prop_assert_eq!(&plan, &resize_plan(&new, &started(&old), &usage, gates()));
        prop_assert!(plan.blocked.is_none_or(|blocked| !blocked.to_string().is_empty()));
    }
}
