use super::*;
use crate::api::{ConditionStatus, PodPhase};
use crate::behaviour::Behaviour;
use crate::container::{ProbeAnswer, ProberAction, RecordState, SandboxState};
use crate::machine::Snapshots;
use crate::pod::Outcome;

struct Rig {
    pod: Lifecycle,
    now: Timestamp,
    asked: Vec<LifecycleAction>,
    sent: Vec<(u64, Arc<PodStatus>)>,
    made: u32,
}

impl Rig {
    fn new(json: &str) -> Self {
        let now = Timestamp::from_unix_seconds(1000);
        let pod = Pod::from_json(json).unwrap();
        let compiled = Arc::new(CompiledPod::compile(&pod, &Arc::new(Behaviour::default())).unwrap());
        let pod = Lifecycle::new(&pod, compiled, LifecycleSettings::default(), Duration::ZERO, now);
        let mut rig = Self { pod, now, asked: Vec::new(), sent: Vec::new(), made: 0 };
        rig.step(LifecycleEvent::Pod(Event::Observed { at: now, records: Box::default() }));
        rig
    }

    fn step(&mut self, event: LifecycleEvent) {
        let mut actions = Vec::new();
        self.pod.step(self.now, event, &mut actions);
        self.take(actions);
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        let mut actions = Vec::new();
        self.pod.wake(self.now, &mut actions);
        self.take(actions);
    }

    fn take(&mut self, actions: Vec<LifecycleAction>) {
        for action in actions {
            match action {
                LifecycleAction::SendStatus { version, status } => self.sent.push((version, status)),
                LifecycleAction::Pod(Action::Report { .. }) => {}
                LifecycleAction::Probe(ProbesAction { action: ProberAction::Changed { .. }, .. }) => {}
                action => self.asked.push(action),
            }
        }
    }

    /// Answers what was asked of the runtime, well.
    fn up(&mut self) {
        while let Some(at) = self.asked.iter().position(|action| matches!(action, LifecycleAction::Pod(_))) {
            let LifecycleAction::Pod(action) = self.asked.remove(at) else { unreachable!() };
            self.made += 1;
            let outcome = match action {
                Action::CreateSandbox { .. } => Outcome::SandboxCreated(format!("s{}", self.made).into()),
                Action::CreateContainer { .. } => Outcome::ContainerCreated(format!("c{}", self.made).into()),
                _ => Outcome::Done,
            };
            let operation = action.operation().unwrap();
            self.step(LifecycleEvent::Pod(Event::Done { operation, outcome }));
        }
    }

    fn api_takes(&mut self, taken: bool) {
        let version = self.sent.last().unwrap().0;
        self.step(LifecycleEvent::StatusSent { version, taken });
    }

    fn ready(&self) -> ConditionStatus {
        self.pod.status().unwrap().condition("Ready").unwrap().status
    }
}

const WEB: &str = r#"{"metadata": {"name": "web", "uid": "1"}, "spec": {"containers": [{"name": "app",
    "image": "a:1", "readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 5}}]}}"#;

#[test]
fn a_probe_makes_a_pod_ready_and_its_status_says_so() {
    let mut rig = Rig::new(WEB);
    rig.up();
    assert_eq!((rig.pod.worker().phase(), rig.ready()), (PodPhase::Running, ConditionStatus::False));
    let Some(LifecycleAction::Probe(ProbesAction {
        action: ProberAction::Attempt { operation, .. }, ..
    })) = rig.asked.pop()
    else {
        panic!("{:?}", rig.asked)
    };
    rig.step(LifecycleEvent::Answered { operation, answer: ProbeAnswer::Success });
    assert_eq!(rig.ready(), ConditionStatus::True);
    assert!(rig.pod.worker().view(ContainerIndex(0)).unwrap().ready);

    // One status is on its way at a time; the next is the newest.
    assert_eq!(rig.sent.len(), 1);
    rig.api_takes(true);
    assert_eq!(rig.sent.len(), 2);
    assert_eq!(rig.sent[1].0, rig.pod.statuses.version());
    rig.api_takes(true);
    assert_eq!(rig.sent.len(), 2);
}

#[test]
fn a_status_is_sent_until_it_is_taken() {
    let mut rig = Rig::new(WEB);
    rig.api_takes(false);
    assert_eq!(rig.sent.len(), 1);
    rig.wait(10);
    assert_eq!(rig.sent.len(), 2, "it is tried again");
    rig.wait(30);
    assert_eq!(rig.sent.len(), 3, "its answer was lost");
    let versions: Vec<u64> = rig.sent.iter().map(|(version, _)| *version).collect();
    assert!(versions.is_sorted(), "{versions:?}");
}

#[test]
fn a_deleted_pod_goes_from_the_api_when_all_is_said() {
    let mut rig = Rig::new(WEB);
    rig.up();
    let mut deleted = Pod::from_json(WEB).unwrap();
    deleted.metadata.deletion_timestamp = Some(rig.now);
    deleted.metadata.deletion_grace_period_seconds = Some(5);
    let compiled = Arc::clone(rig.pod.worker().pod());
    rig.step(LifecycleEvent::Offered { pod: Arc::new(deleted), compiled, mirror: None });
    rig.up();
    // The runtime says how it ended.
    rig.now += Duration::from_secs(1);
    let records = Box::default();
    rig.step(LifecycleEvent::Pod(Event::Observed { at: rig.now, records }));
    rig.wait(10);
    rig.up();
    assert!(rig.pod.worker().is_finished() && !rig.pod.is_finished());
    assert!(rig.asked.iter().all(|action| *action != LifecycleAction::DeletePod), "the end was not sent yet");
    for _ in 0..3 {
        rig.api_takes(true);
    }
    assert!(rig.sent.last().unwrap().1.phase.unwrap().is_terminal());
    assert_eq!(rig.asked.pop(), Some(LifecycleAction::DeletePod));
    rig.step(LifecycleEvent::PodDeleted { gone: true });
    assert!(rig.pod.is_finished());
}

#[test]
fn it_is_stored_and_taken_up_again() {
    let mut rig = Rig::new(WEB);
    rig.up();
    let json = serde_json::to_string(&rig.pod.snapshot()).unwrap();
    let environment = (Arc::clone(rig.pod.worker().pod()), LifecycleSettings::default());
    let restored = Lifecycle::restore(serde_json::from_str(&json).unwrap(), environment, rig.now).unwrap();
    assert_eq!(serde_json::to_string(&restored.snapshot()).unwrap(), json);
    rig.pod = restored;
    rig.step(LifecycleEvent::AgentStarted { epoch: 1, jitter: Duration::ZERO });
    rig.asked.clear();
    let records = Box::new(rig.pod.worker().observed().records().clone());
    rig.step(LifecycleEvent::Pod(Event::Observed { at: rig.now, records }));
    let asks = |action: &LifecycleAction| matches!(action, LifecycleAction::Probe(_));
    rig.wait(5);
    assert!(rig.asked.iter().any(asks), "{:?}", rig.asked);
}

#[test]
fn a_status_that_is_on_its_way_is_still_awaited_when_taken_up_and_sent_again_by_a_new_agent() {
    let mut rig = Rig::new(WEB);
    let environment = (Arc::clone(rig.pod.worker().pod()), LifecycleSettings::default());
    rig.pod = Lifecycle::restore(rig.pod.snapshot(), environment, rig.now).unwrap();
    rig.api_takes(true);
    rig.wait(60);
    assert_eq!(rig.sent.len(), 1, "it was taken");

    rig.up();
    assert_eq!(rig.sent.len(), 2);
    rig.step(LifecycleEvent::AgentStarted { epoch: 1, jitter: Duration::ZERO });
    let records = Box::new(rig.pod.worker().observed().records().clone());
    rig.step(LifecycleEvent::Pod(Event::Observed { at: rig.now, records }));
    assert_eq!(rig.sent.len(), 3, "nobody waits for the answer any more");
}

#[test]
fn what_the_runtime_says_later_is_said_too() {
    let mut rig = Rig::new(WEB);
    rig.up();
    rig.now += Duration::from_secs(1);
    let mut records = rig.pod.worker().observed().records().clone();
    records.sandboxes[0].ip = Some("10.0.0.7".to_owned());
    records.containers[0].image_ref = "sha256:1".into();
    let seen = rig.pod.worker().view(ContainerIndex(0)).copied();
    rig.step(LifecycleEvent::Pod(Event::Observed { at: rig.now, records: Box::new(records) }));
    assert_eq!(rig.pod.worker().view(ContainerIndex(0)).copied(), seen, "its gist is the same");
    let status = rig.pod.status().unwrap();
    assert_eq!((&*status.pod_ip, &*status.container_statuses[0].image_id), ("10.0.0.7", "sha256:1"));
}

#[test]
fn a_pod_that_has_ended_keeps_its_address() {
    let mut rig = Rig::new(&WEB.replace(r#""spec": {"#, r#""spec": {"restartPolicy": "Never", "#));
    rig.up();
    let mut records = rig.pod.worker().observed().records().clone();
    let mut report = |rig: &mut Rig, change: &dyn Fn(&mut crate::container::PodRecords)| {
        change(&mut records);
        rig.now += Duration::from_secs(1);
        rig.step(LifecycleEvent::Pod(Event::Observed { at: rig.now, records: Box::new(records.clone()) }));
    };
    report(&mut rig, &|records| records.sandboxes[0].ip = Some("10.0.0.7".to_owned()));
    let exit = crate::container::Exit { finished_at: rig.now, ..Default::default() };
    report(&mut rig, &|records| records.containers[0].state = RecordState::Exited(exit.clone()));
    rig.up();
    report(&mut rig, &|records| {
        records.sandboxes[0].state = SandboxState::NotReady;
        records.sandboxes[0].ip = Some(String::new());
    });
    let status = rig.pod.status().unwrap();
    assert_eq!((status.phase, &*status.pod_ip), (Some(PodPhase::Succeeded), "10.0.0.7"));
    assert_eq!(status.pod_ips.len(), 1);
}

#[test]
fn a_pod_that_someone_else_took_from_the_api_is_not_waited_for() {
    let mut rig = Rig::new(WEB);
    rig.step(LifecycleEvent::PodDeleted { gone: true });
    rig.api_takes(false);
    rig.wait(60);
    assert_eq!(rig.sent.len(), 1, "there is nowhere to send it to");
    let mut deleted = Pod::from_json(WEB).unwrap();
    deleted.metadata.deletion_timestamp = Some(rig.now);
    let compiled = Arc::clone(rig.pod.worker().pod());
    rig.step(LifecycleEvent::Offered { pod: Arc::new(deleted), compiled, mirror: None });
    rig.up();
    assert!(rig.pod.is_finished());
}

#[test]
fn what_others_say_while_a_status_is_on_its_way_is_kept() {
    let mut rig = Rig::new(WEB);
    let mut pod = Pod::from_json(WEB).unwrap();
    let gate = |status| crate::api::PodCondition {
        type_: "example.com/gate".to_owned(),
        status,
        reason: String::new(),
        message: String::new(),
        last_transition_time: None,
        last_probe_time: None,
        observed_generation: None,
    };
    pod.status.conditions = vec![gate(ConditionStatus::True)];
    let compiled = Arc::clone(rig.pod.worker().pod());
    rig.step(LifecycleEvent::Offered { pod: Arc::new(pod), compiled, mirror: None });
    rig.api_takes(true);
    rig.up();
    rig.api_takes(true);
    for (_, status) in &rig.sent[1..] {
        assert!(status.condition("example.com/gate").is_some(), "{status:?}");
    }
    assert!(rig.pod.status().unwrap().condition("example.com/gate").is_some());
}

#[test]
fn a_static_pod_whose_mirror_is_gone_sends_nothing() {
    let json =
        WEB.replace(r#""uid": "1""#, r#""uid": "1", "annotations": {"kubernetes.io/config.source": "file"}"#);
    let mut rig = Rig::new(&json);
    assert!(rig.sent.is_empty());
    let pod = Arc::new(Pod::from_json(&json).unwrap());
    let offered = |rig: &Rig, mirror: bool| {
        let compiled = Arc::clone(rig.pod.worker().pod());
        LifecycleEvent::Offered { pod: Arc::clone(&pod), compiled, mirror: mirror.then(|| Arc::clone(&pod)) }
    };
    rig.step(offered(&rig, true));
    assert_eq!(rig.sent.len(), 1);
    rig.step(offered(&rig, false));
    rig.api_takes(true);
    rig.up();
    assert_eq!(rig.sent.len(), 1, "there is no mirror to send it to");
    rig.step(offered(&rig, true));
    assert_eq!(rig.sent.len(), 2);
}

#[test]
fn periods_of_nothing_do_not_make_it_run_in_circles() {
    let mut rig = Rig::new(WEB);
    let settings = LifecycleSettings {
        send_timeout: Duration::ZERO,
        send_retry: Duration::ZERO,
        ..LifecycleSettings::default()
    };
    let environment = (Arc::clone(rig.pod.worker().pod()), settings);
    rig.pod = Lifecycle::restore(rig.pod.snapshot(), environment, rig.now).unwrap();
    rig.up();
    for taken in [false, true] {
        rig.api_takes(taken);
        assert!(rig.pod.next_wakeup().is_none_or(|at| at > rig.now));
    }
}

#[test]
fn an_instance_that_looks_like_the_one_before_is_probed() {
    let mut rig = Rig::new(WEB);
    rig.up();
    rig.now += Duration::from_secs(1);
    let mut records = rig.pod.worker().observed().records().clone();
    records.containers[0].id = "other".into();
    records.containers[0].created_at = rig.now;
    rig.step(LifecycleEvent::Pod(Event::Observed { at: rig.now, records: Box::new(records) }));
    let prober = rig.pod.probes().prober(ContainerIndex(0), crate::container::ProbeKind::Readiness).unwrap();
    assert_eq!(prober.instance(), Some(&"other".into()));
}

#[test]
fn all_instants_move_back_by_as_much() {
    let mut rig = Rig::new(WEB);
    let Some(LifecycleAction::Pod(prepare)) = rig.asked.pop() else { panic!("{:?}", rig.asked) };
    let outcome = Outcome::Failed(Box::default());
    let operation = prepare.operation().unwrap();
    rig.step(LifecycleEvent::Pod(Event::Done { operation, outcome }));
    rig.now += Duration::from_secs(5);
    rig.api_takes(true);
    let until = rig.pod.next_wakeup().unwrap() - rig.now;
    let (environment, now) = ((Arc::clone(rig.pod.worker().pod()), LifecycleSettings::default()), rig.now);
    let earlier = now.moved_back(Duration::from_secs(500));
    let restored = Lifecycle::restore(rig.pod.snapshot(), environment, earlier).unwrap();
    assert_eq!(restored.next_wakeup(), Some(earlier + until));
    assert_eq!(restored.worker().next_wakeup(), restored.next_wakeup());
}

#[test]
fn the_end_is_sent_when_nothing_can_run_any_more() {
    let mut rig = Rig::new(WEB);
    rig.up();
    rig.api_takes(true);
    let verdict = crate::pod::Verdict {
        reason: "Evicted".into(),
        disruption: Some("low on memory".into()),
        ..Default::default()
    };
    rig.step(LifecycleEvent::Pod(Event::Verdict(Box::new(verdict))));
    assert_eq!(&*rig.pod.status().unwrap().reason, "Evicted", "it is decided");
    rig.api_takes(true);
    assert_eq!(rig.sent.last().unwrap().1.phase, Some(PodPhase::Running), "and it still runs");
    let mut app = rig.pod.worker().observed().latest(ContainerIndex(0)).unwrap().clone();
    app.state = RecordState::Exited(crate::container::Exit { finished_at: rig.now, ..Default::default() });
    rig.step(LifecycleEvent::Pod(Event::Container(Box::new(app))));
    rig.up();
    rig.api_takes(true);
    let last = &rig.sent.last().unwrap().1;
    assert_eq!((last.phase, &*last.reason), (Some(PodPhase::Failed), "Evicted"));
    assert!(last.condition("DisruptionTarget").is_some());
}

#[test]
fn liveness_is_not_asked_while_the_pod_goes() {
    let mut rig = Rig::new(&WEB.replace("readinessProbe", "livenessProbe"));
    rig.up();
    rig.step(LifecycleEvent::Pod(Event::Deleted { grace_seconds: Some(600) }));
    rig.asked.clear();
    rig.wait(30);
    let asks = |action: &LifecycleAction| matches!(action, LifecycleAction::Probe(_));
    assert!(!rig.asked.iter().any(asks), "{:?}", rig.asked);
}

#[test]
fn a_condition_of_others_changes_readiness_at_once() {
    let gated = WEB.replace(r#""spec": {"#, r#""spec": {"readinessGates": [{"conditionType": "gate"}], "#);
    let mut rig = Rig::new(&gated.replace("readinessProbe", "livenessProbe"));
    rig.up();
    assert_eq!(rig.ready(), ConditionStatus::False);
    let mut pod = Pod::from_json(&gated).unwrap();
    pod.status.conditions = vec![serde_json::from_str(r#"{"type": "gate", "status": "True"}"#).unwrap()];
    let compiled = Arc::clone(rig.pod.worker().pod());
    rig.step(LifecycleEvent::Offered { pod: Arc::new(pod), compiled, mirror: None });
    assert_eq!(rig.ready(), ConditionStatus::True);
}

#[test]
fn a_container_that_is_not_ready_is_asked_when_something_changes() {
    let two = WEB.replace(r#""containers": ["#, r#""containers": [{"name": "other", "image": "a:1"}, "#);
    let mut rig = Rig::new(&two.replace(r#""periodSeconds": 5"#, r#""periodSeconds": 500"#));
    rig.up();
    let attempt = |rig: &mut Rig| {
        let asked = std::mem::take(&mut rig.asked);
        asked.into_iter().find_map(|action| match action {
            LifecycleAction::Probe(ProbesAction {
                action: ProberAction::Attempt { operation, .. }, ..
            }) => Some(operation),
            _ => None,
        })
    };
    // More than one may be asked for on the way up.
    while let Some(operation) = attempt(&mut rig) {
        rig.step(LifecycleEvent::Answered { operation, answer: ProbeAnswer::Failure });
    }
    rig.now += Duration::from_secs(1);
    let mut other = rig.pod.worker().observed().latest(ContainerIndex(0)).unwrap().clone();
    other.state = RecordState::Exited(crate::container::Exit { finished_at: rig.now, ..Default::default() });
    rig.step(LifecycleEvent::Pod(Event::Container(Box::new(other))));
    assert!(attempt(&mut rig).is_some(), "a period is not waited for");
}

#[test]
fn the_last_is_said_when_all_is_given_back() {
    let mut rig = Rig::new(WEB);
    rig.up();
    rig.step(LifecycleEvent::Pod(Event::Deleted { grace_seconds: Some(1) }));
    let is_release =
        |action: &LifecycleAction| matches!(action, LifecycleAction::Pod(Action::ReleaseResources { .. }));
    while !rig.asked.iter().any(is_release) {
        rig.asked.retain(|action| matches!(action, LifecycleAction::Pod(_)));
        if rig.asked.is_empty() {
            // The runtime says how it ended.
            rig.now += Duration::from_secs(20);
            let records = Box::default();
            rig.step(LifecycleEvent::Pod(Event::Observed { at: rig.now, records }));
            continue;
        }
        let LifecycleAction::Pod(action) = rig.asked.remove(0) else { unreachable!() };
        let (operation, outcome) = (action.operation().unwrap(), Outcome::Done);
        rig.step(LifecycleEvent::Pod(Event::Done { operation, outcome }));
    }
    assert!(rig.pod.worker().is_terminated() && !rig.pod.statuses.is_finished());
    rig.up();
    assert!(rig.pod.statuses.is_finished());
}
