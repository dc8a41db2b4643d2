//! What newer gates make of a pod, where a scenario does not show it: one case a test.

#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{ImagePullPolicy, Pod, PodPhase};
use node_lifecycle::behaviour::Behaviour;
use node_lifecycle::container::{
    ContainerIndex, ContainerRecord, Exit, PodRecords, RecordState, SandboxRecord, SandboxState,
};
use node_lifecycle::machine::{Machine, Snapshots, Timestamp};
use node_lifecycle::pod::{
    Action, Change, CompiledPod, Event, Failure, KillPodReason, NeededImage, Observed, Outcome, PlanContext,
    Seen, ViewState, WaitingReason, Worker, WorkerSettings, phase, plan,
};

const RULES: &str = "ContainerRestartRules=true";
const ALL: &str = "ContainerRestartRules=true,RestartAllContainersOnContainerExits=true";
const SIDECARS: &str = "SidecarsRestartableDuringPodTermination=true";

/// A worker that is answered by hand.
struct Rig {
    worker: Worker,
    now: Timestamp,
    /// What it asked for and has no answer.
    asked: Vec<Action>,
    changes: Vec<Change>,
    made: u32,
}

impl Rig {
    /// A pod whose sandbox and containers are up as far as they go by themselves.
    fn up(gates: &str, spec: &str) -> Self {
        let mut rig = Self::new(gates, spec);
        rig.answer_all();
        rig
    }

    fn new(gates: &str, spec: &str) -> Self {
        let (pod, compiled) = compiled(gates, spec);
        let now = Timestamp::from_unix_seconds(1000);
        let worker = Worker::new(&pod, compiled, WorkerSettings::default(), now);
        let mut rig = Self { worker, now, asked: Vec::new(), changes: Vec::new(), made: 0 };
        rig.step(Event::Observed { at: now, records: Box::default() });
        rig
    }

    fn step(&mut self, event: Event) {
        let mut actions = Vec::new();
        self.worker.step(self.now, event, &mut actions);
        self.take(actions);
    }

    fn take(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Report { change } => self.changes.push(change),
                // They have tests of their own.
                Action::PrepareResources { operation } | Action::ReleaseResources { operation } => {
                    self.step(Event::Done { operation, outcome: Outcome::Done });
                }
                action => self.asked.push(action),
            }
        }
    }

    /// Lets time go on.
    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        let mut actions = Vec::new();
        self.worker.wake(self.now, &mut actions);
        self.take(actions);
    }

    /// Answers what was asked for as a runtime would; a stop is confirmed and seen.
    fn answer(&mut self, at: usize) {
        let action = self.asked.remove(at);
        self.made += 1;
        let outcome = match &action {
            Action::CreateSandbox { .. } => Outcome::SandboxCreated(format!("s{}", self.made).into()),
            Action::CreateContainer { .. } => Outcome::ContainerCreated(format!("c{}", self.made).into()),
            Action::StopContainer { id, .. } => {
                let record = self.worker.observed().find(id).unwrap().clone();
                self.see_exit(record, 137);
                Outcome::Done
            }
            _ => Outcome::Done,
        };
        self.step(Event::Done { operation: action.operation().unwrap(), outcome });
    }

    fn answer_all(&mut self) {
        while !self.asked.is_empty() {
            self.answer(0);
        }
    }

    fn fail(&mut self, at: usize) {
        let operation = self.asked.remove(at).operation().unwrap();
        self.step(Event::Done { operation, outcome: Outcome::Failed(Box::<Failure>::default()) });
    }

    fn index(&self, name: &str) -> ContainerIndex {
        self.worker.pod().index_of(name).unwrap()
    }

    fn latest(&self, name: &str) -> Option<&ContainerRecord> {
        self.worker.observed().latest(self.index(name))
    }

    fn exit(&mut self, name: &str, code: i32) {
        let record = self.latest(name).unwrap().clone();
        self.see_exit(record, code);
    }

    fn see_exit(&mut self, record: ContainerRecord, exit_code: i32) {
        let exit = Exit { exit_code, finished_at: self.now, ..Exit::default() };
        self.step(Event::Container(Box::new(ContainerRecord { state: RecordState::Exited(exit), ..record })));
    }

    /// What was asked for, by action and container.
    fn asks(&self) -> Vec<String> {
        let name = |index: &ContainerIndex| self.worker.pod().name_of(*index).to_owned();
        let name_if = |index: &Option<ContainerIndex>| index.as_ref().map(name).unwrap_or_default();
        let asked = self.asked.iter().map(|action| match action {
            Action::EnsureImage { container, image: NeededImage::Container, .. } => {
                format!("image {}", name(container))
            }
            Action::EnsureImage { container, image: NeededImage::Volume(volume), .. } => {
                format!("volume {} of {}", volume.0, name(container))
            }
            Action::CreateContainer { container, .. } => format!("create {}", name(container)),
            Action::StartContainer { container, .. } => format!("start {}", name(container)),
            Action::StopContainer { container, timeout_seconds, .. } => {
                format!("stop {} {timeout_seconds}", name_if(container))
            }
            Action::RunPreStop { container, .. } => format!("preStop {}", name_if(container)),
            Action::RemoveContainer { container, .. } => format!("remove {}", name(container)),
            Action::CreateSandbox { .. } => "sandbox".to_owned(),
            Action::StopSandbox { .. } => "stop sandbox".to_owned(),
            other => format!("{other:?}"),
        });
        asked.collect()
    }

    /// The agent is restarted: what was asked for is void.
    fn restart_agent(&mut self, records: PodRecords) {
        let environment = (Arc::clone(self.worker.pod()), WorkerSettings::default());
        let stored = serde_json::to_string(&self.worker.snapshot()).unwrap();
        self.worker = Worker::restore(serde_json::from_str(&stored).unwrap(), environment, self.now).unwrap();
        self.asked.clear();
        self.step(Event::AgentStarted { epoch: 1 });
        self.step(Event::Observed { at: self.now, records: Box::new(records) });
    }

    fn records(&self) -> PodRecords {
        self.worker.observed().records().clone()
    }

    fn state(&self, name: &str) -> ViewState {
        self.worker.view(self.index(name)).unwrap().state
    }
}

fn compiled(gates: &str, spec: &str) -> (Pod, Arc<CompiledPod>) {
    let json = format!(r#"{{"metadata": {{"name": "p", "uid": "u"}}, "spec": {spec}}}"#);
    let pod = Pod::from_json(&json).unwrap();
    let behaviour = Behaviour { gates: gates.parse().unwrap(), ..Behaviour::default() };
    let compiled = Arc::new(CompiledPod::compile(&pod, &Arc::new(behaviour)).unwrap());
    (pod, compiled)
}

/// Restart rules.
mod rules {
    use super::*;

    fn exited(pod: &CompiledPod, name: &str, exit_code: i32) -> ContainerRecord {
        let container = pod.container(pod.index_of(name).unwrap()).unwrap();
        ContainerRecord {
            id: name.into(),
            name: Arc::clone(&container.name),
            spec_hash: container.spec_hash,
            state: RecordState::Exited(Exit { exit_code, ..Exit::default() }),
            ..ContainerRecord::default()
        }
    }

    fn observed(pod: &CompiledPod, containers: Vec<ContainerRecord>) -> Observed {
        let sandbox =
            SandboxRecord { id: "s".into(), state: SandboxState::Ready, ..SandboxRecord::default() };
        Observed::new(pod, PodRecords { sandboxes: vec![sandbox], containers })
    }

    const INIT: &str = r#"{"restartPolicy": "Always",
        "initContainers": [{"name": "i", "image": "i:1", "restartPolicy": "Never", "restartPolicyRules": [
            {"action": "Restart", "exitCodes": {"operator": "In", "values": [3]}}]}SIDECAR],
        "containers": [{"name": "a", "image": "a:1"}]}"#;

    #[test]
    fn an_init_container_has_its_own_word_in_both_walks() {
        let sidecar = r#", {"name": "s", "image": "s:1", "restartPolicy": "Always"}"#;
        for more in ["", sidecar] {
            let (_, pod) = compiled(RULES, &INIT.replace("SIDECAR", more));
            let plan =
                |code| plan(&pod, &observed(&pod, vec![exited(&pod, "i", code)]), PlanContext::default());
            assert_eq!(plan(1).kill_pod, Some(KillPodReason::InitFailed(ContainerIndex(0))));
            assert_eq!((plan(3).kill_pod, plan(3).start_inits.len()), (None, 1));
            let mut seen = vec![Seen::Exited { code: 3 }; pod.containers().len()];
            seen[pod.containers().len() - 1] = Seen::Waiting { last_exit: None };
            assert_eq!(phase(&pod, &seen, false), PodPhase::Pending);
            seen[0] = Seen::Exited { code: 1 };
            assert_eq!(phase(&pod, &seen, false), PodPhase::Failed);
        }
    }

    #[test]
    fn a_pod_that_may_still_restart_a_container_runs() {
        let (_, pod) = compiled(
            RULES,
            r#"{"restartPolicy": "Never", "containers": [{"name": "a", "image": "a:1"},
                {"name": "b", "image": "b:1", "restartPolicy": "OnFailure", "restartPolicyRules": [
                    {"action": "Restart", "exitCodes": {"operator": "In", "values": [0]}}]}]}"#,
        );
        let phase = |code| phase(&pod, &[Seen::Exited { code: 0 }, Seen::Exited { code }], false);
        assert_eq!([phase(0), phase(1)], [PodPhase::Running; 2]);
        let plan = plan(
            &pod,
            &observed(&pod, vec![exited(&pod, "a", 0), exited(&pod, "b", 0)]),
            PlanContext::default(),
        );
        assert_eq!(plan.start_apps.iter().map(|start| start.container.0).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn a_plan_says_that_all_restart_and_nothing_else() {
        let (_, pod) = compiled(ALL, all::SPEC);
        let records = vec![exited(&pod, "watch", 88), exited(&pod, "once", 1)];
        let plan = |context| plan(&pod, &observed(&pod, records.clone()), context);
        let restarts = plan(PlanContext::default());
        assert_eq!(restarts.restart_all, pod.index_of("watch"));
        assert!(
            restarts.kill_pod.is_none() && restarts.kill.is_empty() && restarts.starts().next().is_none()
        );
        let deleted = plan(PlanContext { deleted: true, ..PlanContext::default() });
        assert_eq!(deleted.restart_all, None);
        let replaced = plan(PlanContext { restarting: pod.sidecars(), ..PlanContext::default() });
        assert_eq!(replaced.restart_all, None);
    }
}

/// All containers are restarted.
mod all {
    use super::*;

    pub(super) const SPEC: &str = r#"{"restartPolicy": "Never", "terminationGracePeriodSeconds": 60,
        "initContainers": [{"name": "fetch", "image": "f:1"},
            {"name": "watch", "image": "w:1", "restartPolicy": "Always", "restartPolicyRules": [
                {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [88]}}]}],
        "containers": [{"name": "work", "image": "a:1", "lifecycle": {"preStop": {"sleep": {"seconds": 9}}}},
            {"name": "once", "image": "o:1"}],
        "ephemeralContainers": [{"name": "debug", "image": "d:1"}]}"#;

    fn running() -> Rig {
        let mut rig = Rig::up(ALL, SPEC);
        rig.exit("fetch", 0);
        rig.answer_all();
        rig.exit("once", 0);
        assert_eq!(rig.worker.phase(), PodPhase::Running);
        rig.changes.clear();
        rig
    }

    #[test]
    fn hooks_grace_and_debuggers_are_passed_over() {
        let mut rig = running();
        rig.exit("watch", 88);
        assert_eq!(rig.asks(), ["stop work 2"]);
        assert!(rig.worker.all_containers_restarting());
        assert!(rig.changes.contains(&Change::AllContainersRestarting(true)));
        rig.answer(0);
        let removed = ["remove once", "remove work", "remove fetch", "remove watch"];
        assert_eq!(rig.asks()[..4], removed, "the one that began it goes last");
        assert_eq!(rig.asks()[4..], ["image fetch"]);
        assert!(!rig.worker.all_containers_restarting());
        let waiting = |code| ViewState::Waiting {
            reason: WaitingReason::RestartingAllContainers,
            last_exit_code: Some(code),
        };
        assert_eq!([rig.state("once"), rig.state("watch")], [waiting(0), waiting(88)]);
        assert_eq!(rig.state("debug"), ViewState::Running);
        rig.answer_all();
        rig.exit("fetch", 0);
        rig.answer_all();
        let attempts =
            ["fetch", "watch", "work", "once", "debug"].map(|name| rig.latest(name).unwrap().attempt);
        assert_eq!(attempts, [1, 1, 1, 1, 0]);
        assert!(!rig.changes.iter().any(|change| matches!(change, Change::Phase(_))), "{:?}", rig.changes);
    }

    #[test]
    fn who_is_stopped_with_the_pod_restarts_nobody() {
        let mut rig = Rig::up(ALL, &SPEC.replace("88", "88, 137"));
        rig.exit("fetch", 0);
        rig.answer_all();
        rig.exit("once", 0);
        rig.exit("work", 0);
        assert_eq!(rig.asks(), ["stop watch 60", "stop debug 60"], "the job is done");
        rig.answer_all();
        assert_eq!(rig.latest("watch").unwrap().exit().unwrap().exit_code, 137);
        assert_eq!(rig.worker.phase(), PodPhase::Succeeded);
        assert!(rig.worker.is_terminated());
    }

    #[test]
    fn an_init_container_that_fails_for_good_fails_the_pod() {
        let mut rig = running();
        rig.exit("watch", 88);
        rig.answer_all();
        rig.exit("fetch", 1);
        rig.answer_all();
        assert_eq!(rig.worker.phase(), PodPhase::Failed);
    }

    #[test]
    fn the_second_time_waits_for_the_back_off_of_the_one_that_began_it() {
        let mut rig = running();
        for _ in 0..2 {
            rig.exit("watch", 88);
            rig.answer_all();
            if rig.latest("fetch").is_some() {
                rig.exit("fetch", 0);
                rig.answer_all();
            }
        }
        let backs_off =
            ViewState::Waiting { reason: WaitingReason::CrashLoopBackOff, last_exit_code: Some(88) };
        assert_eq!(rig.state("watch"), backs_off);
        assert!(rig.latest("fetch").is_none() && rig.asked.is_empty());
        rig.wait(4);
        let sandbox = rig.worker.observed().sandboxes()[0].clone();
        rig.step(Event::Sandbox(Box::new(SandboxRecord { state: SandboxState::NotReady, ..sandbox })));
        rig.answer(0);
        assert_eq!(rig.asks(), ["sandbox"], "a sandbox that is lost is replaced all the same");
        rig.answer_all();
        assert!(rig.latest("fetch").is_none());
        rig.wait(5);
        assert!(rig.asked.is_empty());
        rig.wait(1);
        assert_eq!(rig.asks(), ["image fetch"]);
    }

    #[test]
    fn a_sandbox_that_is_lost_on_the_way_up_is_replaced() {
        let mut rig = running();
        rig.exit("watch", 88);
        while rig.asks() != ["image watch"] {
            rig.answer(0);
            if rig.latest("fetch").is_some_and(ContainerRecord::is_running) {
                rig.exit("fetch", 0);
            }
        }
        let sandbox = rig.worker.observed().sandboxes()[0].clone();
        rig.step(Event::Sandbox(Box::new(SandboxRecord { state: SandboxState::NotReady, ..sandbox })));
        rig.answer_all();
        assert_eq!(rig.worker.observed().sandboxes()[0].attempt, 1);
        rig.exit("fetch", 0);
        rig.answer_all();
        let attempts = ["fetch", "watch", "work", "once"].map(|name| rig.latest(name).unwrap().attempt);
        assert_eq!(attempts, [2, 1, 1, 1]);
        assert_eq!(rig.worker.phase(), PodPhase::Running);
    }

    #[test]
    fn what_is_being_made_is_waited_for_and_not_started() {
        let mut rig = Rig::up(ALL, SPEC);
        rig.exit("fetch", 0);
        while rig.asks() != ["create work"] {
            rig.answer(0);
        }
        rig.exit("watch", 88);
        assert_eq!(rig.asks(), ["create work"]);
        assert!(rig.worker.all_containers_restarting());
        rig.answer(0);
        assert_eq!(rig.asks(), ["remove work", "remove fetch", "remove watch", "image fetch"]);
        assert_eq!(rig.worker.phase(), PodPhase::Pending, "it has not run yet");
    }

    #[test]
    fn an_agent_that_restarts_carries_it_through() {
        let mut rig = running();
        rig.exit("watch", 88);
        let before = rig.records();
        rig.restart_agent(before.clone());
        assert_eq!(rig.asks(), ["stop work 2"]);
        rig.answer(0);
        assert_eq!(rig.asks().last().unwrap(), "image fetch");

        // Once more, when all are removed and the runtime still lists the one that began it.
        let mut late = before;
        late.containers.retain(|record| matches!(&*record.name, "watch" | "debug"));
        rig.restart_agent(late);
        assert_eq!(rig.asks(), ["image fetch"]);
    }

    #[test]
    fn a_deleted_pod_does_not_begin_anew() {
        let mut rig = running();
        rig.exit("watch", 88);
        rig.step(Event::Deleted { grace_seconds: None });
        rig.answer_all();
        assert!(rig.worker.is_finished());
        assert!(rig.changes.contains(&Change::AllContainersRestarting(false)));
        assert!(rig.worker.observed().records().containers.is_empty());

        let mut rig = running();
        rig.step(Event::Deleted { grace_seconds: None });
        rig.exit("watch", 88);
        assert!(!rig.worker.all_containers_restarting(), "too late");
    }
}

/// Sidecars that are needed while the pod goes.
mod sidecars {
    use super::*;

    const SPEC: &str = r#"{"terminationGracePeriodSeconds": 30, "initContainers": [
        {"name": "logs", "image": "l:1", "restartPolicy": "Always"},
        {"name": "mesh", "image": "m:1", "restartPolicy": "Always",
         "lifecycle": {"preStop": {"sleep": {"seconds": 1}}}}],
        "containers": [{"name": "app", "image": "a:1"}]}"#;

    fn going(gates: &str, grace: i64) -> Rig {
        let mut rig = Rig::up(gates, SPEC);
        rig.step(Event::Deleted { grace_seconds: Some(grace) });
        let hook = rig.asks().iter().position(|ask| ask == "preStop mesh").unwrap();
        rig.answer(hook);
        assert_eq!(rig.asks(), [format!("stop app {}", grace.max(2))]);
        rig
    }

    #[test]
    fn one_that_dies_is_restarted_and_stopped_at_its_turn() {
        let mut rig = going(SIDECARS, 30);
        rig.wait(10);
        rig.exit("mesh", 1);
        assert_eq!(rig.asks()[1..], ["image mesh"]);
        rig.answer(1);
        rig.answer(1);
        rig.answer(1);
        assert_eq!(rig.asks()[1..], ["preStop mesh"], "it has a hook of its own");
        rig.answer(1);
        rig.wait(5);
        rig.answer(0);
        assert_eq!(rig.asks(), ["stop mesh 15"], "what is left of the pod's one deadline");
        rig.answer(0);
        assert_eq!(rig.asks(), ["stop logs 15"]);
        rig.answer_all();
        assert!(rig.worker.is_finished());
    }

    #[test]
    fn nothing_is_restarted_without_the_gate_or_the_time_or_the_need() {
        let mut rig = going("", 30);
        rig.exit("mesh", 1);
        assert_eq!(rig.asks().len(), 1);

        let mut rig = going(SIDECARS, 1);
        rig.exit("mesh", 1);
        assert_eq!(rig.asks().len(), 1, "there is 1 s");

        let mut rig = going(SIDECARS, 30);
        rig.answer(0);
        assert_eq!(rig.asks(), ["stop mesh 30"]);
        rig.exit("mesh", 1);
        assert_eq!(rig.asks(), ["stop mesh 30", "stop logs 30"], "its turn has come");
        rig.exit("logs", 1);
        assert_eq!(rig.asks().last().unwrap(), "stop sandbox");
    }

    #[test]
    fn one_needs_another() {
        let mut rig = going(SIDECARS, 30);
        rig.exit("mesh", 1);
        rig.exit("logs", 1);
        assert_eq!(rig.asks()[1..], ["image mesh"], "one at a time, the last first");
        rig.answer(1);
        rig.answer(1);
        rig.answer(1);
        assert_eq!(rig.asks()[1..], ["preStop mesh", "image logs"]);
        // The app ends, but `mesh` runs still.
        rig.answer(0);
        assert!(rig.asks().contains(&"image logs".to_owned()));
        rig.exit("mesh", 1);
        rig.asked.retain(|action| matches!(action, Action::EnsureImage { .. }));
        rig.answer_all();
        assert!(!rig.asks().iter().any(|ask| ask.starts_with("create")), "nobody needs it any more");
    }

    #[test]
    fn back_off_applies_and_a_dead_line_ends_it() {
        let mut rig = going(SIDECARS, 15);
        rig.exit("mesh", 1);
        for _ in 0..3 {
            rig.answer(1);
        }
        rig.answer(1);
        rig.exit("mesh", 1);
        assert_eq!(rig.asks().len(), 1, "the second time waits for 10 s");
        rig.wait(10);
        assert_eq!(rig.asks()[1..], ["image mesh"]);
        rig.wait(4);
        rig.answer(1);
        assert!(!rig.asks().iter().any(|ask| ask.starts_with("create")), "1 s is left");
    }

    #[test]
    fn one_that_never_ran_is_not_started() {
        let mut rig = Rig::new(SIDECARS, SPEC);
        while rig.asks() != ["image mesh"] {
            rig.answer(0);
        }
        rig.step(Event::Deleted { grace_seconds: None });
        rig.asked.clear();
        rig.exit("logs", 1);
        assert_eq!(rig.asks(), ["stop sandbox"]);
    }

    #[test]
    fn an_agent_that_restarts_goes_on_with_it() {
        let mut rig = going(SIDECARS, 30);
        rig.exit("mesh", 1);
        rig.answer(1);
        assert_eq!(rig.asks()[1..], ["create mesh"]);
        rig.wait(3);
        let records = rig.records();
        rig.restart_agent(records);
        assert_eq!(rig.asks(), ["stop app 27"]);
        rig.wait(7);
        assert_eq!(rig.asks()[1..], ["image mesh"], "the first try counts for its back-off");
        rig.answer(1);
        let create = rig.asked.iter().find_map(|action| match action {
            Action::CreateContainer { attempt, .. } => Some(*attempt),
            _ => None,
        });
        assert_eq!(create, Some(2), "the attempt that may have been made is not given out again");
    }

    #[test]
    fn a_job_that_is_done_restarts_none() {
        let job = SPEC.replacen('{', r#"{"restartPolicy": "Never", "#, 1);
        let mut rig = Rig::up(SIDECARS, &job);
        rig.exit("app", 0);
        assert_eq!(rig.asks(), ["preStop mesh"]);
        rig.exit("logs", 1);
        assert_eq!(rig.asks(), ["preStop mesh"]);
        rig.answer_all();
        assert_eq!(rig.worker.phase(), PodPhase::Succeeded);
        assert!(rig.worker.is_terminated());
    }

    #[test]
    fn an_evicted_pod_has_them_too_and_no_app_is_started() {
        let mut rig = Rig::up(SIDECARS, SPEC);
        let verdict = node_lifecycle::pod::Verdict {
            reason: "Evicted".into(),
            message: "".into(),
            grace_seconds: Some(20),
            ..node_lifecycle::pod::Verdict::default()
        };
        rig.step(Event::Verdict(Box::new(verdict)));
        rig.exit("logs", 1);
        assert!(rig.asks().contains(&"image logs".to_owned()));
        rig.exit("app", 1);
        assert!(!rig.asks().contains(&"image app".to_owned()));
    }
}

/// Image volumes.
mod volumes {
    use super::*;

    const SPEC: &str = r#"{"volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "m", "image": {"reference": "m:1"}}],
        "containers": [{"name": "a", "image": "a:1", "volumeMounts": [{"name": "m", "mountPath": "/m"}]}]}"#;

    #[test]
    fn a_container_waits_for_the_images_of_its_volumes() {
        let mut rig = Rig::new("ImageVolume=true", SPEC);
        rig.answer(0);
        assert_eq!(rig.asks(), ["image a"]);
        rig.answer(0);
        assert_eq!(rig.asks(), ["volume 1 of a"]);
        let a = rig.worker.pod().container(rig.index("a")).unwrap();
        let volume = a.images().nth(1).unwrap();
        let (image, policy) = a.image(volume).unwrap();
        assert_eq!((&**image, policy), ("m:1", ImagePullPolicy::IfNotPresent));

        rig.fail(0);
        let waits = |reason| ViewState::Waiting { reason, last_exit_code: None };
        assert_eq!(rig.state("a"), waits(WaitingReason::ErrImagePull));
        rig.wait(10);
        assert_eq!(rig.asks(), ["volume 1 of a"], "its own image is there");
        rig.fail(0);
        rig.wait(10);
        assert_eq!(rig.state("a"), waits(WaitingReason::ImagePullBackOff));
        rig.wait(10);
        rig.answer(0);
        assert_eq!(rig.asks(), ["create a"]);
        rig.fail(0);
        rig.wait(10);
        assert_eq!(rig.asks(), ["image a"], "a new try begins with its own image");
    }

    #[test]
    fn an_agent_that_restarts_asks_anew() {
        let mut rig = Rig::new("ImageVolume=true", SPEC);
        rig.answer(0);
        rig.answer(0);
        let records = rig.records();
        rig.restart_agent(records);
        assert_eq!(rig.asks(), ["image a"]);
    }
}
