//! A pod's life on a node where things go wrong: what holds of the containers, whatever the agent knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{ContainerState, GoDuration, PodPhase, RestartPolicy, Uid};
use node_lifecycle::behaviour::Feature;
use node_lifecycle::container::{ProbeAnswer, ProbeKind, ProbeResult};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::sim::{Behavior, Config, Faults, Node, TraceEntry, TraceEvent};
use proptest::prelude::*;

use crate::pods::{Case, case};

/// What is done to the node, and when.
#[derive(Debug, Clone)]
enum Deed {
    Delete(Option<i64>),
    /// The agent is taken up again from what was stored.
    RestartAgent,
    /// It comes back with nothing stored. What it has to know the API server has, so that it is restarted only where
    /// no statuses are sent.
    ReplaceAgent,
}

fn deeds() -> impl Strategy<Value = Vec<(u64, Deed)>> {
    let deed = prop_oneof![
        prop::option::of(0..30_i64).prop_map(Deed::Delete),
        Just(Deed::RestartAgent),
        Just(Deed::RestartAgent),
        Just(Deed::ReplaceAgent),
    ];
    prop::collection::vec((0..120_000_u64, deed), 0..4).prop_map(|mut deeds| {
        deeds.sort_by_key(|(at, _)| *at);
        deeds
    })
}

/// How things are on a node: what goes wrong, by which seed, and whether statuses are sent.
#[derive(Debug, Clone, Copy, Default)]
struct World {
    faults: u16,
    seed: u64,
    statuses: bool,
    /// Whether the trace has every attempt of a probe.
    attempts: bool,
}

fn node(case: &Case, world: World) -> Node {
    let behaviors = Arc::clone(&case.behaviors);
    Node::new(Config {
        seed: world.seed,
        trace: true,
        trace_attempts: world.attempts,
        statuses: world.statuses,
        faults: Faults { per_mille: world.faults },
        behaviour: case.behaviour(),
        behavior: Arc::new(move |subject| behaviors.get(subject.container).cloned().unwrap_or_default()),
        ..Config::default()
    })
}

/// The pod's life: what is done to it, and in the end its deletion. Whatever the runtime and the API server answer, as
/// long as they answer in the end, the pod is gone after two hours.
fn live(case: &Case, world: World, deeds: &[(u64, Deed)]) -> Result<Vec<TraceEntry>, TestCaseError> {
    let mut node = node(case, world);
    let start = node.now();
    let uid = node.add(case.pod.clone()).unwrap();
    let mut witness = Witness::default();
    for (at, deed) in deeds {
        witness.watch(&mut node, &uid, start + Duration::from_millis(*at))?;
        match deed {
            Deed::Delete(grace) => {
                node.delete(&uid, *grace);
            }
            Deed::ReplaceAgent if world.statuses => node.replace_agent(),
            Deed::RestartAgent | Deed::ReplaceAgent => node.restart_agent().unwrap(),
        }
    }
    witness.watch(&mut node, &uid, start + Duration::from_secs(300))?;
    node.delete(&uid, None);
    witness.watch(&mut node, &uid, start + Duration::from_secs(2 * 3600))?;
    prop_assert!(node.phase(&uid).is_none(), "the pod is still there");
    Ok(node.take_trace())
}

/// How many answers in a row a probe wants.
fn threshold(case: &Case, container: &str, probe: ProbeKind, answer: ProbeAnswer) -> u32 {
    let spec = &case.pod.spec;
    let container = spec.init_containers.iter().chain(&spec.containers).find(|known| known.name == container);
    let container = container.expect("a container of the pod");
    let probe = match probe {
        ProbeKind::Startup => &container.startup_probe,
        ProbeKind::Liveness => &container.liveness_probe,
        ProbeKind::Readiness => &container.readiness_probe,
    };
    let probe = probe.as_ref().expect("a probe of the container");
    let threshold =
        if answer == ProbeAnswer::Success { probe.success_threshold } else { probe.failure_threshold };
    threshold.map_or(1, |threshold| u32::try_from(threshold).unwrap())
}

/// What holds of what the node and the API server say at every moment.
#[derive(Default)]
struct Witness {
    /// The terminal phase that the API server has heard of.
    end: Option<PodPhase>,
    /// Instances that have ended by what the API server has heard.
    ended: BTreeSet<String>,
}

impl Witness {
    fn watch(&mut self, node: &mut Node, uid: &Uid, until: Timestamp) -> Result<(), TestCaseError> {
        self.look(node, uid)?;
        while node.next_event().is_some_and(|at| at <= until) {
            node.step().unwrap();
            self.look(node, uid)?;
        }
        node.run_until(until).unwrap();
        Ok(())
    }

    fn look(&mut self, node: &Node, uid: &Uid) -> Result<(), TestCaseError> {
        let (Some(api), Some(status)) = (node.api_pod(uid), node.status(uid)) else { return Ok(()) };
        let now = node.now();
        let phase = api.status.phase.filter(|phase| phase.is_terminal());
        prop_assert!(self.end.is_none() || phase == self.end, "{phase:?} after {:?} at {now}", self.end);
        self.end = phase;
        for container in api.status.all_container_statuses() {
            let id = &container.container_id;
            match container.state {
                Some(ContainerState::Terminated(_)) => _ = self.ended.insert(id.clone()),
                Some(ContainerState::Running(_)) => {
                    prop_assert!(!self.ended.contains(id), "{id} runs again at {now}");
                }
                _ => {}
            }
        }
        let lifecycle = node.lifecycle(uid).expect("it is there");
        for container in status.init_container_statuses.iter().chain(&status.container_statuses) {
            let index = lifecycle.worker().pod().index_of(&container.name).expect("a container of the pod");
            let asked =
                lifecycle.probes().prober(index, ProbeKind::Readiness).is_some_and(|it| !it.is_ended());
            let says = lifecycle.probe_results(index).readiness;
            let running = matches!(container.state, Some(ContainerState::Running(_)));
            if asked && running && container.ready && says != Some(ProbeResult::Success) {
                println!(
                    "{}",
                    serde_json::to_string(&node.clone().take_trace()).unwrap().replace("},{", "}\n{")
                );
            }
            prop_assert!(
                !(asked && running && container.ready) || says == Some(ProbeResult::Success),
                "{} is ready at {now}, and its probe says {says:?}",
                container.name
            );
        }
        Ok(())
    }
}

/// What is true of a pod's containers at one moment, by the runtime.
#[derive(Default)]
struct Truth {
    running: BTreeMap<Arc<str>, u32>,
    /// Ran and, if it is an init container, ended well or was seen to have started.
    through: BTreeSet<Arc<str>>,
    /// Those that were before a restart of all: the API server may still say so.
    was_through: BTreeSet<Arc<str>>,
    ever_started: BTreeSet<Arc<str>>,
    highest: BTreeMap<Arc<str>, u32>,
    /// Has a `postStart` hook that ran.
    hooked: BTreeSet<Arc<str>>,
    /// Is being stopped, since before the deletion or by its stop signal.
    told: BTreeSet<Arc<str>>,
    /// Since when containers only go.
    going_since: Option<Timestamp>,
    deleted_at: Option<Timestamp>,
    phase: Option<PodPhase>,
    terminal: Option<PodPhase>,
    terminated: bool,
    /// All containers are being restarted, of a pod that ran.
    again: bool,
    /// The version of the status that was sent last in the agent's life.
    sent: u64,
}

impl Truth {
    /// Whether something begins for a container although nothing may any more. While a pod goes a sidecar may be
    /// started again (KEP-4438) as long as an app container or a later sidecar runs, and there is more than a
    /// second left.
    fn may_begin(&self, case: &Case, container: &str, at: Timestamp, spent_at: Option<Timestamp>) -> bool {
        if self.terminal.is_some() {
            return false;
        }
        if self.deleted_at.is_none() {
            return true;
        }
        let inits = case.pod.spec.init_containers.iter().map(|container| container.name.as_str());
        let behind: Vec<_> = inits.skip_while(|name| *name != container).skip(1).collect();
        let needs =
            |name: &str| name.starts_with("app") || name.starts_with("sidecar") && behind.contains(&name);
        case.enabled(Feature::SidecarsRestartableDuringPodTermination)
            && container.starts_with("sidecar")
            && spent_at.is_none_or(|spent_at| at + Duration::from_secs(1) < spent_at)
            && self.running.iter().any(|(name, running)| *running > 0 && needs(name))
    }
}

/// Checks a trace, and shows it when a law is broken.
fn check(case: &Case, trace: &[TraceEntry], with_faults: bool) -> Result<(), TestCaseError> {
    let checked = check_laws(case, trace, with_faults);
    if checked.is_err() {
        let lines = trace.iter().map(|entry| serde_json::to_string(entry).unwrap());
        println!("{}", lines.collect::<Vec<_>>().join("\n"));
    }
    checked
}

fn check_laws(case: &Case, trace: &[TraceEntry], with_faults: bool) -> Result<(), TestCaseError> {
    let spec = &case.pod.spec;
    let inits: Vec<&str> = spec.init_containers.iter().map(|container| container.name.as_str()).collect();
    let sidecars: Vec<&str> = inits.iter().copied().filter(|name| name.starts_with("sidecar")).collect();
    let mut truth = Truth::default();
    for TraceEntry { at, event, .. } in trace {
        let restarts_sidecars = case.enabled(Feature::SidecarsRestartableDuringPodTermination);
        match event {
            TraceEvent::PreStop { .. } | TraceEvent::Stopping { .. } => {
                truth.going_since.get_or_insert(*at);
            }
            // A sidecar may start while the pod goes.
            TraceEvent::Started { container, .. }
                if restarts_sidecars && container.starts_with("sidecar") => {}
            TraceEvent::Started { .. } => truth.going_since = None,
            _ => {}
        }
        match event {
            TraceEvent::Creating { container, attempt } => {
                let highest = truth.highest.insert(Arc::clone(container), *attempt);
                prop_assert!(
                    with_faults || highest.is_none_or(|highest| *attempt > highest),
                    "{container}: attempt {attempt} after {highest:?}"
                );
                let spent_at = trace_grace(case, trace, *at);
                prop_assert!(
                    truth.may_begin(case, container, *at, spent_at),
                    "{container} is made at {at}, after the deletion or the end"
                );
            }
            TraceEvent::Pulling { container, .. } | TraceEvent::Starting { container } => {
                let spent_at = trace_grace(case, trace, *at);
                prop_assert!(
                    truth.may_begin(case, container, *at, spent_at),
                    "{event:?} at {at}, after the deletion or the end"
                );
            }
            TraceEvent::CreatingSandbox { .. } => {
                prop_assert!(truth.deleted_at.is_none(), "{event:?} at {at}, after the deletion");
                prop_assert!(truth.terminal.is_none(), "{event:?} at {at}, after the end");
            }
            TraceEvent::AllContainersRestarting { restarting: true } => {
                prop_assert!(truth.deleted_at.is_none(), "{event:?} at {at}, after the deletion");
                prop_assert!(truth.terminal.is_none(), "{event:?} at {at}, after the end");
                truth.again = truth.phase == Some(PodPhase::Running);
            }
            TraceEvent::AllContainersRestarting { restarting: false } if truth.deleted_at.is_none() => {
                // They are all gone, and begin anew in their order.
                let running =
                    truth.running.iter().find(|(name, running)| **running > 0 && &***name != "debug");
                prop_assert!(with_faults || running.is_none(), "{running:?} at {at}, after a restart of all");
                truth.ever_started.clear();
                truth.was_through.append(&mut truth.through);
            }
            TraceEvent::Started { container, .. } => {
                truth.told.remove(container);
                *truth.running.entry(Arc::clone(container)).or_default() += 1;
                prop_assert!(truth.running[container] == 1, "two instances of {container} run at {at}");
                if truth.ever_started.insert(Arc::clone(container)) && &**container != "debug" {
                    let before = inits.iter().take_while(|name| **name != &**container);
                    for earlier in before {
                        prop_assert!(
                            truth.through.contains(*earlier),
                            "{container} starts at {at} before {earlier} is through"
                        );
                    }
                }
            }
            TraceEvent::Exited { container, exit_code, .. } => {
                if let Some(running) = truth.running.get_mut(container) {
                    *running = running.saturating_sub(1);
                }
                if container.starts_with("init") && *exit_code == 0 {
                    truth.through.insert(Arc::clone(container));
                }
            }
            TraceEvent::Container { container, view } if view.started && container.starts_with("sidecar") => {
                truth.through.insert(Arc::clone(container));
            }
            TraceEvent::Stopping { container, .. } => {
                // One that was told to stop before (a hook failed) is only told again.
                let is_told_again = !truth.told.insert(Arc::clone(container));
                let Some(deleted_at) = truth.deleted_at.filter(|_| !is_told_again) else { continue };
                let Some(place) = sidecars.iter().position(|name| *name == &**container) else { continue };
                let hook_fails = with_faults || case.behaviors[&**container].hook.post_start_fails;
                if restarts_sidecars && hook_fails && truth.hooked.contains(container) {
                    // Its hook failed, and it goes in order to be started again.
                    continue;
                }
                // The pod may have come to its end by itself before it was deleted.
                let since = truth.going_since.unwrap_or(deleted_at);
                let is_spent = *at >= since + case.grace()
                    || trace_grace(case, trace, *at).is_some_and(|spent_at| *at >= spent_at);
                let later = |name: &str| name.starts_with("app") || sidecars[place + 1..].contains(&name);
                let waits_for = truth.running.iter().find(|(name, running)| **running > 0 && later(name));
                prop_assert!(
                    is_spent || waits_for.is_none(),
                    "{container} is told to stop at {at} while {waits_for:?} runs"
                );
            }
            TraceEvent::PostStart { container } => {
                truth.hooked.insert(Arc::clone(container));
            }
            TraceEvent::PreStop { container, .. } if truth.deleted_at.is_none() => {
                truth.told.insert(Arc::clone(container));
            }
            TraceEvent::PodDeleted { .. } => {
                truth.deleted_at.get_or_insert(*at);
            }
            TraceEvent::Phase { phase } => {
                prop_assert!(truth.terminal.is_none(), "phase {phase} at {at} after {:?}", truth.terminal);
                let falls_back = truth.again && *phase == PodPhase::Pending;
                prop_assert!(with_faults || !falls_back, "{phase} at {at}, in a restart of all");
                truth.phase = Some(*phase);
                truth.terminal = Some(*phase).filter(|phase| phase.is_terminal());
                if truth.terminal.is_some() {
                    let running: Vec<_> = truth.running.iter().filter(|(_, running)| **running > 0).collect();
                    prop_assert!(with_faults || running.is_empty(), "{phase} at {at} while {running:?} run");
                }
            }
            TraceEvent::PodTerminated => truth.terminated = true,
            TraceEvent::StatusSent { version } => {
                prop_assert!(*version >= truth.sent, "status {version} at {at}, after {}", truth.sent);
                truth.sent = *version;
            }
            TraceEvent::AgentReplaced => {
                // What nobody has told the API server, and what is on its way, is not known any more.
                truth.sent = 0;
                truth.highest.clear();
                truth.terminal = None;
                truth.again = false;
                truth.through.append(&mut truth.was_through);
            }
            _ => {}
        }
    }
    prop_assert!(truth.terminated, "the pod never came to its end");
    Ok(())
}

/// When the grace of the pod's deletion is spent, by the deletions up to a time: the earliest deadline. An agent that
/// had nothing stored does not know what was spent before it came, and gives the least grace once more.
fn trace_grace(case: &Case, trace: &[TraceEntry], until: Timestamp) -> Option<Timestamp> {
    let mut spent: Option<(Timestamp, Duration)> = None;
    for entry in trace.iter().filter(|entry| entry.at <= until) {
        match entry.event {
            TraceEvent::PodDeleted { grace_seconds } => {
                // Zero is as soon as possible: a second.
                let own = grace_seconds.map(|grace| u64::try_from(grace).unwrap_or(0).max(1));
                let grace = own.map_or(case.grace(), Duration::from_secs);
                let (at, least) = spent.unwrap_or((Timestamp::MAX, Duration::MAX));
                spent = Some((at.min(entry.at + grace), least.min(grace)));
            }
            TraceEvent::AgentReplaced => {
                spent = spent.map(|(_, least)| (entry.at + least, least));
            }
            _ => {}
        }
    }
    spent.map(|(at, _)| at)
}

proptest! {
    #![proptest_config(crate::cases(400))]

    /// Start, stop and restart laws, and the end, on a node where nothing goes wrong.
    #[test]
    fn a_life_without_faults(case in case(), deeds in deeds(), statuses in any::<bool>()) {
        let trace = live(&case, World { statuses, ..World::default() }, &deeds)?;
        check(&case, &trace, false)?;
    }

    /// The same where calls, probes and requests fail, time out, are answered late, twice or never.
    #[test]
    fn a_life_with_faults(
        case in case(),
        deeds in deeds(),
        seed in any::<u64>(),
        faults in 1..300_u16,
        statuses in any::<bool>(),
    ) {
        let trace = live(&case, World { faults, seed, statuses, ..World::default() }, &deeds)?;
        check(&case, &trace, true)?;
    }

    /// What a probe says changes when as many answers in a row say so as its threshold wants, and not before.
    #[test]
    fn a_verdict_comes_at_its_threshold(case in case()) {
        let mut case = case;
        for behavior in Arc::make_mut(&mut case.behaviors).values_mut() {
            // Answers come at once, so that none is for an instance that has gone.
            behavior.probe.takes = GoDuration(Duration::ZERO);
        }
        let mut node = node(&case, World { attempts: true, ..World::default() });
        node.add(case.pod.clone()).unwrap();
        node.run_until(node.now() + Duration::from_secs(300)).unwrap();
        let mut runs: BTreeMap<(Arc<str>, ProbeKind), (Option<ProbeAnswer>, u32)> = BTreeMap::new();
        for TraceEntry { at, event, .. } in node.take_trace() {
            let TraceEvent::Probed { container, probe, answer, result } = event else { continue };
            if answer == ProbeAnswer::Error { continue }
            let (last, run) = runs.entry((Arc::clone(&container), probe)).or_default();
            *run = if *last == Some(answer) { *run + 1 } else { 1 };
            *last = Some(answer);
            let threshold = threshold(&case, &container, probe, answer);
            prop_assert!(result.is_none() || *run >= threshold, "{container} {probe}: {answer:?} {run} times at {at}");
            prop_assert!(
                result.is_none_or(|result| (result == ProbeResult::Success) == (answer == ProbeAnswer::Success)),
                "{container} {probe}: {result:?} by {answer:?} at {at}"
            );
        }
    }

    /// Whatever hooks do, everything that runs is told to stop by the deadline and two seconds.
    #[test]
    fn the_deadline_holds(case in case(), deleted_at in 0..120_u64) {
        let mut node = node(&case, World::default());
        let start = node.now();
        let uid = node.add(case.pod.clone()).unwrap();
        node.run_until(start + Duration::from_secs(deleted_at)).unwrap();
        node.delete(&uid, None);
        let deleted_at = node.now();
        node.run_until(start + Duration::from_secs(3600)).unwrap();
        for TraceEntry { at, event, .. } in node.take_trace() {
            if at < deleted_at { continue }
            if let TraceEvent::Stopping { container, .. } = &event {
                prop_assert!(at <= deleted_at + case.grace() + Duration::from_secs(2), "{container} at {at}");
            }
        }
        prop_assert!(node.phase(&uid).is_none());
    }

    /// A pod that ends by itself ends as its policy says, and sidecars do not keep it: rules that they have for
    /// exits are not for those that the node brings about.
    #[test]
    fn sidecars_keep_no_job_alive(case in case(), codes in prop::collection::vec(0..2, 6)) {
        let mut case = case;
        let spec = Arc::make_mut(&mut case.pod.spec);
        spec.restart_policy = RestartPolicy::Never;
        let mut behaviors = BTreeMap::new();
        for container in &mut spec.init_containers {
            container.lifecycle = None;
            if !container.is_sidecar() {
                container.restart_policy = None;
                container.restart_policy_rules.clear();
            }
            let script = if container.name.starts_with("init") {
                node_lifecycle::sim::Script::usual(node_lifecycle::container::ContainerKind::Init, RestartPolicy::Never)
            } else {
                node_lifecycle::sim::Script::OBEDIENT
            };
            behaviors.insert(container.name.clone(), Behavior { script: Some(script), ..Behavior::default() });
        }
        for (container, code) in spec.containers.iter_mut().zip(&codes) {
            container.lifecycle = None;
            container.restart_policy = None;
            container.restart_policy_rules.clear();
            let script = node_lifecycle::sim::Script::Exits { after: "3s".parse().unwrap(), code: *code };
            behaviors.insert(container.name.clone(), Behavior { script: Some(script), ..Behavior::default() });
        }
        let failed = spec.containers.iter().zip(&codes).any(|(_, code)| *code != 0);
        case.behaviors = Arc::new(behaviors);
        let mut node = node(&case, World::default());
        let uid = node.add(case.pod.clone()).unwrap();
        node.run_until(node.now() + Duration::from_secs(600)).unwrap();
        let end = if failed { PodPhase::Failed } else { PodPhase::Succeeded };
        prop_assert_eq!(node.phase(&uid), Some(end));
    }

    /// The same seed gives the same bytes, and a clone is a branch.
    #[test]
    fn the_same_seed_gives_the_same_bytes(case in case(), deeds in deeds(), seed in any::<u64>()) {
        let faulty = World { faults: 100, seed, statuses: true, ..World::default() };
        let bytes = || Ok::<_, TestCaseError>(serde_json::to_string(&live(&case, faulty, &deeds)?).unwrap());
        prop_assert_eq!(bytes()?, bytes()?);

        let mut trunk = node(&case, faulty);
        let uid = trunk.add(case.pod).unwrap();
        trunk.run_until(trunk.now() + Duration::from_secs(20)).unwrap();
        let mut branch = trunk.clone();
        branch.delete(&uid, None);
        branch.run_until(branch.now() + Duration::from_secs(60)).unwrap();
        let mut again = trunk.clone();
        again.run_until(again.now() + Duration::from_secs(60)).unwrap();
        trunk.run_until(trunk.now() + Duration::from_secs(60)).unwrap();
        prop_assert_eq!(trunk.take_trace(), again.take_trace());
    }
}
