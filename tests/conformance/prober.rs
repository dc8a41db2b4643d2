//! The probes of one container, step by step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{ContainerId, PodPhase};
use node_lifecycle::container::{
    ContainerIndex, InstanceSight, InstanceState, Pace, PodSight, ProbeAnswer, ProbeKind, ProberAction,
    ProberSettings, Readiness, Sight,
};
use node_lifecycle::machine::{Machine, OperationId, Timestamp};
use node_lifecycle::pod::{PodProbes, ProbesAction, ProbesEvent};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::runtime::{decode, pod};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    advance_ms: u64,
    pod_deleted: bool,
    phase: PodPhase,
    has_status: bool,
    container_state: String,
    container_id: String,
    started_at_ms: Option<i64>,
    #[serde(default)]
    probe_outcomes: BTreeMap<String, Vec<ProbeAnswer>>,
}

/// The container of a case and its probes, which run when they are told to.
struct Case {
    probes: PodProbes,
    container: ContainerIndex,
    now: Timestamp,
    actions: Vec<ProbesAction>,
}

pub(crate) fn prober(input: &Value) -> Value {
    let (_, pod) = pod(input);
    let name: String = decode(&input["container"]);
    let container = pod.index_of(&name).unwrap_or_else(|| panic!("no container {name}"));
    let settings = ProberSettings { pace: Pace::Asked, ..ProberSettings::default() };
    let now = Timestamp::UNIX_EPOCH;
    let probes = PodProbes::new(Arc::new(pod), settings, Duration::ZERO, now);
    let mut case = Case { probes, container, now, actions: Vec::new() };
    let steps: Vec<Step> = decode(&input["steps"]);
    json!({"steps": steps.iter().map(|step| case.step(step)).collect::<Vec<_>>()})
}

impl Case {
    fn step(&mut self, step: &Step) -> Value {
        self.now += Duration::from_millis(step.advance_ms);
        // Its id in the API's form is `<runtime>://<id>`.
        let bare = step.container_id.rsplit("://").next().unwrap_or_default();
        let id = (!bare.is_empty()).then(|| ContainerId::from(bare));
        let state = match step.container_state.as_str() {
            "running" => Some(InstanceState::Running {
                started_at: Timestamp::from_unix_millis(step.started_at_ms.unwrap_or_default()),
            }),
            "terminated" => Some(InstanceState::Terminated),
            "waiting" => Some(InstanceState::Waiting),
            _ => None,
        };
        let state = state.filter(|_| step.has_status);
        let (before, triggered) = self.status(id.as_ref(), state);
        let started = before["started"] == true;
        let living: Vec<_> = ProbeKind::ALL.into_iter().filter(|kind| self.lives(*kind)).collect();

        // Without a status the probes see nothing.
        let pod = if step.has_status {
            PodSight { phase: step.phase, deleted: step.pod_deleted }
        } else {
            PodSight { deleted: step.pod_deleted, ..PodSight::default() }
        };
        let instance = id.clone().zip(state).map(|(id, state)| InstanceSight { id, state, started });
        let seen = ProbesEvent::Container { container: self.container, sight: Sight { pod, instance } };
        self.probes.step(self.now, seen, &mut self.actions);

        let mut workers = Map::new();
        for kind in living {
            let name = kind.to_string();
            let answers = step.probe_outcomes.get(&name).map_or(&[][..], Vec::as_slice);
            let attempts = self.run(kind, answers);
            let Some(prober) = self.probes.prober(self.container, kind) else { continue };
            let worker = json!({
                "keepGoing": !prober.is_ended(),
                "attempts": attempts,
                "onHold": prober.is_on_hold(),
                "resultRun": prober.result_run(),
                "result": prober.result(),
                "triggered": triggered && kind == ProbeKind::Readiness,
            });
            workers.insert(name, worker);
        }
        let (mut after, triggered) = self.status(id.as_ref(), state);
        if triggered {
            after["triggered"] = json!(true);
        }
        json!({"statusBefore": before, "workers": workers, "statusAfter": after})
    }

    fn lives(&self, kind: ProbeKind) -> bool {
        self.probes.probed(kind).contains(self.container)
    }

    /// What a status says of the container, and whether making it asked the readiness probe to run.
    fn status(&self, id: Option<&ContainerId>, state: Option<InstanceState>) -> (Value, bool) {
        let Some(state) = state else { return (json!({}), false) };
        // A container without an id is asked for by an empty one.
        let id = id.cloned().unwrap_or_default();
        let running = matches!(state, InstanceState::Running { .. });
        let started = self.probes.started(self.container, &id, running);
        let readiness = self.probes.readiness(self.container, &id, started);
        let status = json!({"started": started, "ready": readiness == Readiness::Ready});
        (status, readiness == Readiness::RunProbe)
    }

    /// Runs a probe once, answering its attempts; how many it made.
    fn run(&mut self, probe: ProbeKind, answers: &[ProbeAnswer]) -> usize {
        self.actions.clear();
        let run = ProbesEvent::Run { container: self.container, probe };
        self.probes.step(self.now, run, &mut self.actions);
        let mut attempts = 0;
        loop {
            let asked = self.actions.iter().find_map(asked);
            self.actions.clear();
            let Some(operation) = asked else { return attempts };
            let answer = answers.get(attempts).unwrap_or_else(|| panic!("no answer {attempts} of {probe}"));
            attempts += 1;
            let answered = ProbesEvent::Answered { operation, answer: *answer };
            self.probes.step(self.now, answered, &mut self.actions);
        }
    }
}

fn asked(asked: &ProbesAction) -> Option<OperationId> {
    match asked.action {
        ProberAction::Attempt { operation, .. } => Some(operation),
        _ => None,
    }
}
