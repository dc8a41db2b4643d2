//! The laws of the two orders, under any pod and any wishes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use node_lifecycle::api::{Container, PodSpec, RestartPolicy};
use node_lifecycle::container::{ContainerIndex, ContainerKind, ContainerSet};
use node_lifecycle::ordering::{Direction, Edge, Ordering, OrderingError};
use proptest::prelude::*;

fn spec() -> impl Strategy<Value = PodSpec> {
    (prop::collection::vec(any::<bool>(), 0..=6), 1..=6_usize, 0..=2_usize).prop_map(
        |(inits, apps, debuggers)| {
            let container = |name: String| Container { name, ..Container::default() };
            let init = |(n, sidecar): (usize, bool)| Container {
                restart_policy: sidecar.then_some(RestartPolicy::Always),
                ..container(format!("init-{n}"))
            };
            PodSpec {
                init_containers: inits.into_iter().enumerate().map(init).collect(),
                containers: (0..apps).map(|n| container(format!("app-{n}"))).collect(),
                ephemeral_containers: (0..debuggers).map(|n| container(format!("debug-{n}"))).collect(),
                ..PodSpec::default()
            }
        },
    )
}

fn kinds(spec: &PodSpec) -> Vec<ContainerKind> {
    let init = |container: &Container| {
        if container.is_sidecar() { ContainerKind::Sidecar } else { ContainerKind::Init }
    };
    let inits = spec.init_containers.iter().map(init);
    let apps = spec.containers.iter().map(|_| ContainerKind::App);
    inits.chain(apps).chain(spec.ephemeral_containers.iter().map(|_| ContainerKind::Ephemeral)).collect()
}

/// Wishes by number: some make sense, some do not.
fn wishes() -> impl Strategy<Value = Vec<(usize, usize, bool)>> {
    prop::collection::vec((0..16_usize, 0..16_usize, any::<bool>()), 0..6)
}

fn edges(spec: &PodSpec, wishes: &[(usize, usize, bool)]) -> Vec<Edge> {
    let all = || spec.init_containers.iter().chain(&spec.containers).chain(&spec.ephemeral_containers);
    let name = |n: usize| all().nth(n).map_or("nobody".to_owned(), |container| container.name.clone());
    let direction = |up| if up { Direction::Start } else { Direction::Stop };
    wishes.iter().map(|(a, b, up)| Edge::new(name(*a), name(*b), direction(*up))).collect()
}

proptest! {
    /// Init containers come one after another, app containers after all of them; whatever is ready is
    /// started, and in the end everything is.
    #[test]
    fn the_way_up(spec in spec(), picks in prop::collection::vec(any::<usize>(), 20)) {
        let (ordering, kinds) = (Ordering::of(&spec, &[]).unwrap(), kinds(&spec));
        let mut started = ContainerSet::EMPTY;
        for pick in picks {
            let ready: Vec<_> = ordering.ready_to_start(started).iter().collect();
            if ready.is_empty() { break }
            let next = ready[pick % ready.len()];
            for earlier in (0..next.0).map(ContainerIndex) {
                let waits_for = kinds[earlier.at()].is_init() && kinds[next.at()] != ContainerKind::Ephemeral;
                prop_assert!(!waits_for || started.contains(earlier), "{next:?} before {earlier:?}");
            }
            started.insert(next);
        }
        prop_assert_eq!(started.len(), kinds.len());
    }

    /// No sidecar goes while an app container or a later sidecar runs, whichever of them run.
    #[test]
    fn the_way_down(spec in spec(), running in any::<u16>(), picks in prop::collection::vec(any::<usize>(), 20)) {
        let (ordering, kinds) = (Ordering::of(&spec, &[]).unwrap(), kinds(&spec));
        let all = (0..).map(ContainerIndex).take(kinds.len());
        let mut running: ContainerSet = all.filter(|index| running & (1 << index.0) != 0).collect();
        for pick in picks {
            let ready: Vec<_> = ordering.ready_to_stop(running).iter().collect();
            prop_assert!(running.is_empty() || !ready.is_empty(), "nothing can stop of {running:?}");
            if ready.is_empty() { break }
            let next = ready[pick % ready.len()];
            if kinds[next.at()] == ContainerKind::Sidecar {
                for other in running.iter() {
                    let is_before = kinds[other.at()] == ContainerKind::App
                        || kinds[other.at()] == ContainerKind::Sidecar && other > next;
                    prop_assert!(!is_before, "{next:?} before {other:?}");
                }
            }
            running.remove(next);
        }
    }

    /// Wishes are kept in both directions, together with Kubernetes' own order, or refused.
    #[test]
    fn wishes_are_kept_or_refused(spec in spec(), wishes in wishes()) {
        let edges = edges(&spec, &wishes);
        let Ok(ordering) = Ordering::of(&spec, &edges) else { return Ok(()) };
        let own = Ordering::of(&spec, &[]).unwrap();
        let all = || spec.init_containers.iter().chain(&spec.containers).chain(&spec.ephemeral_containers);
        let index = |name: &str| ContainerIndex(u8::try_from(all().position(|known| known.name == name).unwrap()).unwrap());
        for edge in &edges {
            let (before, after) = (index(&edge.before), index(&edge.after));
            let waits = match edge.direction {
                Direction::Start => ordering.start_after(after).contains(before),
                Direction::Stop => ordering.stop_after(after).contains(before),
            };
            prop_assert!(waits, "{edge:?} is lost");
        }
        for index in (0..).map(ContainerIndex).take(all().count()) {
            prop_assert!(own.start_after(index).is_subset(ordering.start_after(index)));
            prop_assert!(own.stop_after(index).is_subset(ordering.stop_after(index)));
            prop_assert!(!ordering.start_after(index).contains(index) && !ordering.stop_after(index).contains(index));
        }
        // Every container has its place, once.
        let places: usize = ordering.stages(Direction::Start).iter().map(|stage| stage.len()).sum();
        prop_assert_eq!(places, spec.init_containers.len() + spec.containers.len());
        let _ = (ordering.to_string(), ordering.dot("pod"));
    }

    /// A circle of wishes is always found, and its path is one.
    #[test]
    fn circles_are_found(spec in spec(), length in 2..6_usize) {
        let apps: Vec<_> = spec.containers.iter().map(|container| container.name.clone()).take(length).collect();
        let next = apps.iter().cycle().skip(1);
        let edges: Vec<_> = apps.iter().zip(next).map(|(a, b)| Edge::new(a, b, Direction::Start)).collect();
        match Ordering::of(&spec, &edges) {
            Err(OrderingError::Cycle { path, .. }) => {
                prop_assert_eq!(path.first(), path.last());
                prop_assert_eq!(path.len(), apps.len() + 1);
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }
}
