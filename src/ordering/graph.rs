//! The graph: built from a spec, checked, and walked.

use std::fmt;

use petgraph::algo;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, EdgeFiltered, EdgeRef, Reversed};
use serde::{Deserialize, Serialize};

use crate::api::PodSpec;
use crate::container::{ContainerIndex, ContainerKind, ContainerSet};

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// When the pod starts.
    Start,
    /// When the pod stops.
    Stop,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::Stop => "stop",
        })
    }
}

/// A wish of the caller: one container before another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// On the way up this one has to be started before, on the way down it has to be gone before …
    pub before: String,
    /// … this one begins to start or stop.
    pub after: String,
    /// On the way up or down.
    pub direction: Direction,
}

impl Edge {
    /// `before` comes before `after`.
    pub fn new(before: impl Into<String>, after: impl Into<String>, direction: Direction) -> Self {
        Self { before: before.into(), after: after.into(), direction }
    }
}

/// Why an order was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderingError {
    /// An edge names a container that the pod does not have.
    #[error("no container is called `{name}`: the pod has {known}")]
    UnknownContainer {
        /// The name in the edge.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// An edge names a container that stands outside of that order: an ephemeral one, or on the way down a
    /// regular init container.
    #[error("`{name}` stands outside of the {direction} order: it is {kind} container")]
    Outside {
        /// The name in the edge.
        name: String,
        /// Which order.
        direction: Direction,
        /// What it is, with its article.
        kind: &'static str,
    },
    /// The edges of the caller form a circle.
    #[error("the {direction} order has a circle: {}", path.join(" → "))]
    Cycle {
        /// Which order.
        direction: Direction,
        /// The containers on the circle; the last is the first again.
        path: Vec<String>,
    },
    /// An edge goes against the order that Kubernetes gives.
    #[error("`{before}` cannot {direction} before `{after}`: Kubernetes' own order is {}", path.join(" → "))]
    Contradiction {
        /// Which order.
        direction: Direction,
        /// The edge's first container.
        before: String,
        /// The edge's second container.
        after: String,
        /// How Kubernetes' order leads from the second to the first.
        path: Vec<String>,
    },
    /// Two containers have one name.
    #[error("two containers are called `{name}`: names are unique in a pod")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// The pod has more containers than a [`ContainerSet`] holds.
    #[error("the pod has {found} containers: at most {} are handled", ContainerSet::CAPACITY)]
    TooManyContainers {
        /// How many it has.
        found: usize,
    },
}

/// A container in the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) kind: ContainerKind,
}

/// The start order and the stop order of a pod's containers, as one graph.
#[derive(Debug, Clone)]
pub struct Ordering {
    /// Nodes stand in the order of [`ContainerIndex`]; an edge leads from what comes before.
    pub(super) graph: DiGraph<Node, Relation>,
    members: ContainerSet,
    /// Per container, what has to be started before it, near and far.
    start_after: Vec<ContainerSet>,
    /// Per container, what has to be gone before it is told to stop: near and far.
    stop_after: Vec<ContainerSet>,
    /// The near ones only.
    stop_next: Vec<ContainerSet>,
    /// What has a place in the stop order.
    stops: ContainerSet,
}

/// Why one container comes before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Relation {
    pub(super) direction: Direction,
    /// Whether the caller asked for it.
    pub(super) added: bool,
}

impl Ordering {
    /// The order of a pod's containers, with the caller's own edges (usually none).
    ///
    /// # Errors
    /// [`OrderingError`] names the container or the path that is in the way.
    pub fn of(spec: &PodSpec, edges: &[Edge]) -> Result<Self, OrderingError> {
        let graph = kubernetes_order(spec)?;
        let own = graph.clone();
        let mut ordering = Self::index(graph);
        for edge in edges {
            ordering.add(edge, &own)?;
        }
        Ok(if edges.is_empty() { ordering } else { Self::index(ordering.graph) })
    }

    fn index(graph: DiGraph<Node, Relation>) -> Self {
        let members = graph.node_indices().map(container).collect();
        let ancestors = |direction| {
            graph.node_indices().map(|node| ancestors(&graph, node, direction)).collect::<Vec<_>>()
        };
        let (start_after, stop_after) = (ancestors(Direction::Start), ancestors(Direction::Stop));
        let mut stop_next = vec![ContainerSet::EMPTY; graph.node_count()];
        for edge in graph.edge_references().filter(|edge| edge.weight().direction == Direction::Stop) {
            stop_next[edge.target().index()].insert(container(edge.source()));
        }
        let stops = graph.node_indices().filter(|node| stops_in_order(graph[*node].kind)).map(container);
        let stops = stops.collect();
        Self { graph, members, start_after, stop_after, stop_next, stops }
    }

    fn add(&mut self, edge: &Edge, own: &DiGraph<Node, Relation>) -> Result<(), OrderingError> {
        let direction = edge.direction;
        let (before, after) = (self.find(&edge.before, direction)?, self.find(&edge.after, direction)?);
        let names = |path: Vec<NodeIndex>| path.into_iter().map(|node| own[node].name.clone()).collect();
        if before != after
            && let Some(path) = path(own, after, before, direction)
        {
            let (before, after) = (edge.before.clone(), edge.after.clone());
            return Err(OrderingError::Contradiction { direction, before, after, path: names(path) });
        }
        if let Some(mut path) = path(&self.graph, after, before, direction) {
            path.push(after);
            return Err(OrderingError::Cycle { direction, path: names(path) });
        }
        self.graph.add_edge(before, after, Relation { direction, added: true });
        Ok(())
    }

    fn find(&self, name: &str, direction: Direction) -> Result<NodeIndex, OrderingError> {
        let node = self.graph.node_indices().find(|node| self.graph[*node].name == name);
        let node = node.ok_or_else(|| {
            let names: Vec<_> = self.graph.node_weights().map(|node| node.name.as_str()).collect();
            OrderingError::UnknownContainer { name: name.to_owned(), known: names.join(", ") }
        })?;
        let kind = match (self.graph[node].kind, direction) {
            (ContainerKind::Ephemeral, _) => "an ephemeral",
            (ContainerKind::Init, Direction::Stop) => "a regular init",
            _ => return Ok(node),
        };
        Err(OrderingError::Outside { name: name.to_owned(), direction, kind })
    }

    /// The containers that can be started, given those that are.
    ///
    /// *Started* means: for a regular init container that it exited with 0; for a sidecar that it runs, its
    /// `postStart` hook has returned and its startup probe has passed; for an app container that it runs.
    #[must_use]
    pub fn ready_to_start(&self, started: ContainerSet) -> ContainerSet {
        let waits = self.members.difference(started);
        waits.iter().filter(|index| self.start_after(*index).is_subset(started)).collect()
    }

    /// The containers that can be told to stop, given those that still run.
    #[must_use]
    pub fn ready_to_stop(&self, running: ContainerSet) -> ContainerSet {
        let free = |index: &ContainerIndex| self.stop_after(*index).intersection(running).is_empty();
        running.intersection(self.members).iter().filter(free).collect()
    }

    /// What has to be started before a container is.
    #[must_use]
    pub fn start_after(&self, index: ContainerIndex) -> ContainerSet {
        self.start_after.get(index.at()).copied().unwrap_or_default()
    }

    /// What has to be gone before a container is told to stop.
    #[must_use]
    pub fn stop_after(&self, index: ContainerIndex) -> ContainerSet {
        self.stop_after.get(index.at()).copied().unwrap_or_default()
    }

    /// The part of [`stop_after`](Self::stop_after) that a container follows immediately.
    #[must_use]
    pub fn stop_next(&self, index: ContainerIndex) -> ContainerSet {
        self.stop_next.get(index.at()).copied().unwrap_or_default()
    }

    /// The containers that have a place in the stop order: app containers and sidecars.
    #[must_use]
    pub const fn stops(&self) -> ContainerSet {
        self.stops
    }

    /// The groups of containers that start (or stop) together, in their order. Ephemeral containers are in
    /// none of them, nor, on the way down, regular init containers.
    #[must_use]
    pub fn stages(&self, direction: Direction) -> Vec<ContainerSet> {
        let (mut left, after): (ContainerSet, &dyn Fn(ContainerIndex) -> ContainerSet) = match direction {
            Direction::Start => {
                let starts = |index: &ContainerIndex| self.node(*index).kind != ContainerKind::Ephemeral;
                (self.members.iter().filter(starts).collect(), &|index| self.start_after(index))
            }
            Direction::Stop => (self.stops, &|index| self.stop_after(index)),
        };
        let mut stages = Vec::new();
        while !left.is_empty() {
            let stage: ContainerSet =
                left.iter().filter(|index| after(*index).intersection(left).is_empty()).collect();
            left = left.difference(stage);
            stages.push(stage);
        }
        stages
    }

    pub(super) fn node(&self, index: ContainerIndex) -> &Node {
        &self.graph[NodeIndex::new(index.at())]
    }
}

/// The order that Kubernetes itself gives.
fn kubernetes_order(spec: &PodSpec) -> Result<DiGraph<Node, Relation>, OrderingError> {
    let found = spec.init_containers.len() + spec.containers.len() + spec.ephemeral_containers.len();
    if found > ContainerSet::CAPACITY {
        return Err(OrderingError::TooManyContainers { found });
    }
    let mut graph = DiGraph::<Node, Relation>::new();
    for (kind, containers) in [
        (ContainerKind::Init, &spec.init_containers),
        (ContainerKind::App, &spec.containers),
        (ContainerKind::Ephemeral, &spec.ephemeral_containers),
    ] {
        for container in containers {
            if graph.node_weights().any(|node| node.name == container.name) {
                return Err(OrderingError::DuplicateName { name: container.name.clone() });
            }
            let kind = if kind == ContainerKind::Init && container.is_sidecar() {
                ContainerKind::Sidecar
            } else {
                kind
            };
            graph.add_node(Node { name: container.name.clone(), kind });
        }
    }
    let of_kind = |wanted: fn(ContainerKind) -> bool| -> Vec<NodeIndex> {
        graph.node_indices().filter(|node| wanted(graph[*node].kind)).collect()
    };
    let inits = of_kind(ContainerKind::is_init);
    let sidecars = of_kind(|kind| kind == ContainerKind::Sidecar);
    let apps = of_kind(|kind| kind == ContainerKind::App);

    let mut before = |from: NodeIndex, to: NodeIndex, direction| {
        graph.add_edge(from, to, Relation { direction, added: false });
    };
    for pair in inits.windows(2) {
        before(pair[0], pair[1], Direction::Start);
    }
    for app in &apps {
        if let Some(last) = inits.last() {
            before(*last, *app, Direction::Start);
        }
        for sidecar in &sidecars {
            before(*app, *sidecar, Direction::Stop);
        }
    }
    for pair in sidecars.windows(2) {
        before(pair[1], pair[0], Direction::Stop);
    }
    Ok(graph)
}

const fn stops_in_order(kind: ContainerKind) -> bool {
    matches!(kind, ContainerKind::App | ContainerKind::Sidecar)
}

fn container(node: NodeIndex) -> ContainerIndex {
    // The constructor refuses more containers than a set holds, 128.
    ContainerIndex(u8::try_from(node.index()).unwrap_or(u8::MAX))
}

fn ancestors(graph: &DiGraph<Node, Relation>, of: NodeIndex, direction: Direction) -> ContainerSet {
    let one_way = EdgeFiltered::from_fn(graph, |edge| edge.weight().direction == direction);
    let upwards = Reversed(&one_way);
    let mut walk = Dfs::new(upwards, of);
    let mut found = ContainerSet::EMPTY;
    while let Some(node) = walk.next(upwards) {
        if node != of {
            found.insert(container(node));
        }
    }
    found
}

/// The shortest path from one container to another.
fn path(
    graph: &DiGraph<Node, Relation>,
    from: NodeIndex,
    to: NodeIndex,
    direction: Direction,
) -> Option<Vec<NodeIndex>> {
    let one_way = EdgeFiltered::from_fn(graph, |edge| edge.weight().direction == direction);
    algo::astar(&one_way, from, |node| node == to, |_| 1_u32, |_| 0).map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Container, RestartPolicy};

    fn spec() -> PodSpec {
        let container = |name: &str| Container { name: name.to_owned(), ..Container::default() };
        let sidecar = |name| Container { restart_policy: Some(RestartPolicy::Always), ..container(name) };
        PodSpec {
            init_containers: vec![container("init"), sidecar("log"), sidecar("proxy"), sidecar("mesh")],
            containers: vec![container("a"), container("b"), container("c")],
            ephemeral_containers: vec![container("debug")],
            ..PodSpec::default()
        }
    }

    fn set(indices: &[u8]) -> ContainerSet {
        indices.iter().copied().map(ContainerIndex).collect()
    }

    #[test]
    fn the_way_up_is_one_sequence() {
        let ordering = Ordering::of(&spec(), &[]).unwrap();
        assert_eq!(ordering.ready_to_start(set(&[])), set(&[0, 7]), "ephemeral containers wait for nothing");
        assert_eq!(ordering.ready_to_start(set(&[0, 1, 7])), set(&[2]));
        assert_eq!(ordering.ready_to_start(set(&[0, 1, 2, 3])), set(&[4, 5, 6, 7]));
    }

    #[test]
    fn the_way_down_is_reversed_and_waits_across_gaps() {
        let ordering = Ordering::of(&spec(), &[]).unwrap();
        assert_eq!(ordering.ready_to_stop(set(&[0, 1, 2, 3, 4, 5, 7])), set(&[0, 4, 5, 7]));
        assert_eq!(ordering.ready_to_stop(set(&[1, 3])), set(&[3]), "`proxy` between them does not run");
        assert_eq!(ordering.stop_next(ContainerIndex(1)), set(&[2, 4, 5, 6]));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_path() {
        let refused = |edges: &[Edge]| Ordering::of(&spec(), edges).unwrap_err().to_string();
        let start = |before, after| Edge::new(before, after, Direction::Start);
        let stop = |before, after| Edge::new(before, after, Direction::Stop);
        assert_eq!(
            refused(&[start("a", "b"), start("b", "c"), start("c", "a")]),
            "the start order has a circle: a → b → c → a"
        );
        assert_eq!(refused(&[start("a", "a")]), "the start order has a circle: a → a");
        assert_eq!(
            refused(&[start("mesh", "log")]),
            "`mesh` cannot start before `log`: Kubernetes' own order is log → proxy → mesh"
        );
        assert_eq!(
            refused(&[stop("log", "a")]),
            "`log` cannot stop before `a`: Kubernetes' own order is a → log"
        );
        assert_eq!(
            refused(&[stop("init", "a")]),
            "`init` stands outside of the stop order: it is a regular init container"
        );
        assert!(
            refused(&[start("x", "a")]).starts_with("no container is called `x`: the pod has init, log, ")
        );
    }
}
