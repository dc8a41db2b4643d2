//! Where the kubelet's probes go wrong: one test a public issue, named by its number in kubernetes/kubernetes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{Pod, PodPhase};
use node_lifecycle::behaviour::Behaviour;
use node_lifecycle::container::{
    ContainerIndex, InstanceSight, InstanceState, PodSight, ProbeAnswer, ProbeFault, ProbeKind, ProbeResult,
    ProberAction, ProberSettings, Readiness, Sight,
};
use node_lifecycle::machine::{Machine, OperationId, Snapshots, Timestamp};
use node_lifecycle::pod::{CompiledPod, PodProbes, ProbesAction, ProbesEvent};

const APP: ContainerIndex = ContainerIndex(0);

/// A pod's probes and a clock. The status that the probes see follows their results, as a node agent's does.
struct Node {
    probes: PodProbes,
    pod: Arc<CompiledPod>,
    now: Timestamp,
    sight: PodSight,
    actions: Vec<ProbesAction>,
}

impl Node {
    fn new(spec: &str) -> Self {
        let json = format!(r#"{{"metadata": {{"name": "web", "uid": "1"}}, "spec": {spec}}}"#);
        let pod = Pod::from_json(&json).unwrap();
        let pod = Arc::new(CompiledPod::compile(&pod, &Arc::new(Behaviour::default())).unwrap());
        let now = Timestamp::UNIX_EPOCH;
        let probes = PodProbes::new(Arc::clone(&pod), ProberSettings::default(), Duration::ZERO, now);
        let sight = PodSight { phase: PodPhase::Running, deleted: false };
        Self { probes, pod, now, sight, actions: Vec::new() }
    }

    /// An app container with these probes.
    fn app(probes: &str) -> Self {
        Self::new(&format!(r#"{{"containers": [{{"name": "app", "image": "app:1", {probes}}}]}}"#))
    }

    fn step(&mut self, event: ProbesEvent) {
        self.probes.step(self.now, event, &mut self.actions);
    }

    fn see(&mut self, id: &str, state: InstanceState) {
        let running = matches!(state, InstanceState::Running { .. });
        let started = self.probes.started(APP, &id.into(), running);
        let instance = Some(InstanceSight { id: id.into(), state, started });
        self.step(ProbesEvent::Container { container: APP, sight: Sight { pod: self.sight, instance } });
    }

    fn runs(&mut self, id: &str) {
        self.see(id, InstanceState::Running { started_at: Timestamp::UNIX_EPOCH });
    }

    /// Goes on to a time, waking the probes as they want, and says when what was asked on the way.
    fn until(&mut self, seconds: i64) -> Vec<(i64, ProbeKind)> {
        let end = Timestamp::from_unix_seconds(seconds);
        let mut asked = Vec::new();
        loop {
            for action in std::mem::take(&mut self.actions) {
                if let ProberAction::Attempt { probe, .. } = action.action {
                    asked.push((self.now.unix_nanos() / 1_000_000_000, probe));
                    self.actions.push(action);
                    return asked;
                }
            }
            let Some(due) = self.probes.next_wakeup().filter(|due| *due <= end) else { break };
            self.now = due;
            self.probes.wake(due, &mut self.actions);
        }
        self.now = end;
        asked
    }

    /// Answers what is asked.
    fn answer(&mut self, answer: ProbeAnswer) {
        let operation = self.actions.drain(..).find_map(|asked| operation(&asked.action));
        self.step(ProbesEvent::Answered { operation: operation.expect("it asks"), answer });
    }

    fn result(&self, probe: ProbeKind) -> Option<ProbeResult> {
        self.probes.results()[APP.at()].of(probe)
    }
}

fn operation(action: &ProberAction) -> Option<OperationId> {
    match action {
        ProberAction::Attempt { operation, .. } => Some(*operation),
        _ => None,
    }
}

/// The first question comes when the initial delay is over, not at the next tick of a clock that began before the
/// container did. (Also 62036, 96614, 118396 and 130393.)
#[test]
fn issue_132793_the_first_question_comes_after_the_initial_delay() {
    let mut node = Node::app(
        r#""startupProbe": {"tcpSocket": {"port": 80}, "initialDelaySeconds": 15, "periodSeconds": 310}"#,
    );
    node.runs("c1");
    assert_eq!(node.until(400), [(15, ProbeKind::Startup)]);
    node.answer(ProbeAnswer::Failure);
    assert_eq!(node.until(400), [(325, ProbeKind::Startup)]);
}

/// A container that is ready stays so when the agent is restarted, until its probe says otherwise. (Also 78733,
/// 113646, 125397 and, the other way about, 135795.)
#[test]
fn issue_100277_a_restarted_agent_keeps_what_probes_said() {
    let exec = r#"{"exec": {"command": ["true"]}}"#;
    let mut node = Node::app(&format!(r#""startupProbe": {exec}, "readinessProbe": {exec}"#));
    node.runs("c1");
    node.answer(ProbeAnswer::Success);
    node.runs("c1");
    node.answer(ProbeAnswer::Success);
    let id = "c1".into();
    assert_eq!(node.probes.readiness(APP, &id, node.probes.started(APP, &id, true)), Readiness::Ready);

    let stored = serde_json::to_string(&node.probes.snapshot()).unwrap();
    let environment = (Arc::clone(&node.pod), ProberSettings::default());
    node.probes = PodProbes::restore(serde_json::from_str(&stored).unwrap(), environment, node.now).unwrap();
    node.step(ProbesEvent::AgentStarted { epoch: 1, jitter: Duration::from_secs(7) });
    assert_eq!(node.probes.readiness(APP, &id, node.probes.started(APP, &id, true)), Readiness::Ready);
    node.runs("c1");
    assert_eq!(node.probes.readiness(APP, &id, node.probes.started(APP, &id, true)), Readiness::Ready);
    assert_eq!(node.until(60), [(10, ProbeKind::Readiness)], "startup is not asked again");
}

/// A startup probe that takes longer than its period and passes is asked once.
#[test]
fn issue_117153_a_slow_startup_probe_is_asked_once() {
    let mut node = Node::app(
        r#""startupProbe": {"exec": {"command": ["warm-up"]}, "periodSeconds": 10, "timeoutSeconds": 95}"#,
    );
    node.runs("c1");
    assert_eq!(node.until(0), [(0, ProbeKind::Startup)]);
    node.now = Timestamp::from_unix_seconds(40);
    node.answer(ProbeAnswer::Success);
    assert_eq!(node.until(200), [], "before and after the status says that it has started");
    node.runs("c1");
    assert_eq!(node.until(400), []);
}

/// A sidecar's liveness probe ends with the pod, as an app container's does: its failure must not restart what is
/// being stopped.
#[test]
fn pull_141766_a_sidecars_liveness_ends_when_the_pod_is_stopped() {
    let mut node = Node::new(
        r#"{"initContainers": [{"name": "proxy", "image": "proxy:1", "restartPolicy": "Always",
            "livenessProbe": {"exec": {"command": ["true"]}}}],
            "containers": [{"name": "app", "image": "app:1"}]}"#,
    );
    node.runs("c1");
    node.sight.deleted = true;
    node.step(ProbesEvent::Pod(node.sight));
    assert!(node.probes.probed(ProbeKind::Liveness).is_empty());
    node.answer(ProbeAnswer::Failure);
    assert_eq!(node.until(600), []);
}

/// Under the policy `Never` a sidecar that failed before it was ever asked is asked when it runs again, so that
/// the pod goes on.
#[test]
fn issue_132826_a_sidecar_that_failed_at_first_can_still_pass() {
    let mut node = Node::new(
        r#"{"restartPolicy": "Never",
            "initContainers": [{"name": "proxy", "image": "proxy:1", "restartPolicy": "Always",
            "startupProbe": {"exec": {"command": ["true"]}, "initialDelaySeconds": 10}}],
            "containers": [{"name": "app", "image": "app:1"}]}"#,
    );
    node.runs("c1");
    node.see("c1", InstanceState::Terminated);
    assert_eq!(node.until(20), []);
    node.runs("c2");
    assert_eq!(node.until(20), [(20, ProbeKind::Startup)]);
    node.answer(ProbeAnswer::Success);
    assert!(node.probes.started(APP, &"c2".into(), true));
}

/// A runtime that never answers holds up a probe for its timeout and the slack, three times a run; what was known
/// stays.
#[test]
fn an_attempt_that_is_never_answered_is_given_up() {
    let mut node = Node::app(r#""livenessProbe": {"exec": {"command": ["true"]}}"#);
    node.runs("c1");
    node.actions.clear();
    for given_up in [11, 22] {
        assert_eq!(node.until(300), [(given_up, ProbeKind::Liveness)]);
        node.actions.clear();
    }
    node.now = Timestamp::from_unix_seconds(33);
    node.probes.wake(node.now, &mut node.actions);
    let (id, probe, fault) = ("c1".into(), ProbeKind::Liveness, ProbeFault::NoAnswer);
    assert_eq!(node.actions[0].action, ProberAction::Errored { id, probe, fault });
    assert_eq!(node.result(ProbeKind::Liveness), Some(ProbeResult::Success));
}
