//! What a worker does where calls, events and reports overlap: one case a test, answered by hand.

#![cfg(feature = "sim")]
#![allow(
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

use node_lifecycle::api::*;
use node_lifecycle::behaviour::Behaviour;
use node_lifecycle::container::*;
use node_lifecycle::machine::*;
use node_lifecycle::ordering::{Direction, Edge};
use node_lifecycle::pod::*;
use std::sync::Arc;
use std::time::Duration;

struct Rig {
    w: Worker,
    now: Timestamp,
    acts: Vec<Action>,
    n: u32,
}
fn t(s: i64) -> Timestamp {
    Timestamp::from_unix_seconds(s)
}
fn compiled(json: &str) -> (Pod, Arc<CompiledPod>) {
    let mut pod = Pod::from_json(json).unwrap();
    if pod.metadata.uid.as_str().is_empty() {
        pod.metadata.uid = "u".into();
    }
    let c = Arc::new(CompiledPod::compile(&pod, &Arc::new(Behaviour::default())).unwrap());
    (pod, c)
}
impl Rig {
    fn new(json: &str) -> Self {
        let (p, c) = compiled(json);
        Self::with(p, c)
    }
    fn with(p: Pod, c: Arc<CompiledPod>) -> Self {
        let now = t(1000);
        let mut r = Self { w: Worker::new(&p, c, WorkerSettings::default(), now), now, acts: vec![], n: 0 };
        r.ev(Event::Observed { at: now, records: Box::default() });
        r
    }
    fn ev(&mut self, e: Event) {
        let mut a = vec![];
        self.w.step(self.now, e, &mut a);
        self.took(a);
    }
    /// Resources are prepared and released at once: they have tests of their own.
    fn took(&mut self, mut a: Vec<Action>) {
        let is_of_resources =
            |a: &Action| matches!(a, Action::PrepareResources { .. } | Action::ReleaseResources { .. });
        while let Some(at) = a.iter().position(is_of_resources) {
            let operation = a.remove(at).operation().unwrap();
            self.w.step(self.now, Event::Done { operation, outcome: Outcome::Done }, &mut a);
        }
        self.acts.extend(a);
    }
    fn at(&mut self, s: i64) {
        self.now = t(s);
        let mut a = vec![];
        self.w.wake(self.now, &mut a);
        self.took(a);
    }
    fn take(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.acts)
    }
    fn done(&mut self, op: OperationId, o: Outcome) {
        self.ev(Event::Done { operation: op, outcome: o });
    }
    /// Answers the first pending action that is not a report, in the obvious way; returns it.
    fn answer(&mut self) -> Option<Action> {
        let at = self.acts.iter().position(|a| a.operation().is_some())?;
        let a = self.acts.remove(at);
        let op = a.operation().unwrap();
        self.n += 1;
        let o = match &a {
            Action::CreateSandbox { .. } => Outcome::SandboxCreated(format!("s{}", self.n).into()),
            Action::CreateContainer { .. } => Outcome::ContainerCreated(format!("c{}", self.n).into()),
            _ => Outcome::Done,
        };
        self.done(op, o);
        Some(a)
    }
    fn up(&mut self) {
        for _ in 0..100 {
            if !self.acts.iter().any(|a| a.operation().is_some()) {
                break;
            }
            self.answer();
        }
        self.acts.clear();
    }
    fn rec(&self, name: &str) -> ContainerRecord {
        let i = self.w.pod().index_of(name).unwrap();
        self.w.observed().latest(i).unwrap().clone()
    }
    fn exit(&mut self, name: &str, code: i32) {
        let r = self.rec(name);
        let state = RecordState::Exited(Exit {
            exit_code: code,
            finished_at: self.now,
            reason: "".into(),
            ..Exit::default()
        });
        self.ev(Event::Container(Box::new(ContainerRecord { state, ..r })));
    }
    fn report(&mut self, at: i64, f: impl Fn(&mut PodRecords)) {
        let mut r = self.w.observed().records().clone();
        f(&mut r);
        self.ev(Event::Observed { at: t(at), records: Box::new(r) });
    }
    fn stuck(&self) -> bool {
        !self.acts.iter().any(|a| a.operation().is_some())
            && self.w.next_wakeup().is_none()
            && !self.w.is_finished()
    }
}
const JOB: &str = r#"{"metadata":{"name":"p"},"spec":{"restartPolicy":"Never","terminationGracePeriodSeconds":30,
 "containers":[{"name":"app","image":"a:1"}]}}"#;
const INIT: &str = r#"{"metadata":{"name":"p"},"spec":{"restartPolicy":"Always",
 "initContainers":[{"name":"netinit","image":"i:1"}],"containers":[{"name":"app","image":"a:1"}]}}"#;

fn ensures(a: &[Action]) -> Vec<u8> {
    a.iter()
        .filter_map(|a| match a {
            Action::EnsureImage { container, .. } => Some(container.0),
            _ => None,
        })
        .collect()
}

#[test]
fn init_runs_again_in_a_new_sandbox() {
    let mut r = Rig::new(INIT);
    for _ in 0..4 {
        r.answer();
    } // sandbox, image, create, start of netinit
    r.exit("netinit", 0);
    r.up();
    assert_eq!(r.w.phase(), PodPhase::Running);
    // the sandbox dies, with its containers
    r.now = t(2000);
    let s = r.w.observed().sandboxes()[0].clone();
    r.ev(Event::Sandbox(Box::new(SandboxRecord { state: SandboxState::NotReady, ..s })));
    r.acts.clear();
    r.exit("app", 137);
    let mut first = None;
    for _ in 0..6 {
        if let Some(a) = r.answer() {
            if let Action::CreateContainer { container, .. } = a {
                first = Some(container.0);
                break;
            }
        }
    }
    assert_eq!(
        first,
        Some(0),
        "the kubelet purges init containers with the sandbox and begins with the first"
    );
}
#[test]
fn sidecars_first_in_a_new_sandbox() {
    let mut r = Rig::new(
        r#"{"metadata":{"name":"p"},"spec":{"restartPolicy":"Always",
     "initContainers":[{"name":"proxy","image":"i:1","restartPolicy":"Always","startupProbe":{"exec":{}}},{"name":"mig","image":"m:1"}],"containers":[{"name":"app","image":"a:1"}]}}"#,
    );
    for _ in 0..4 {
        r.answer();
    }
    let id = r.rec("proxy").id;
    r.ev(Event::Probed { id, probe: ProbeKind::Startup, result: ProbeResult::Success });
    for _ in 0..3 {
        r.answer();
    }
    r.exit("mig", 0);
    r.up();
    assert_eq!(r.w.phase(), PodPhase::Running);
    r.now = t(5000);
    let s = r.w.observed().sandboxes()[0].clone();
    r.ev(Event::Sandbox(Box::new(SandboxRecord { state: SandboxState::NotReady, ..s })));
    r.acts.clear();
    r.exit("app", 137);
    r.exit("proxy", 137);
    let mut order = vec![];
    for _ in 0..14 {
        if let Some(a) = r.answer() {
            if let Action::StartContainer { container, .. } = a {
                order.push(container.0);
            }
        }
    }
    assert_eq!(order, [0], "only the proxy, whose startup probe has not passed; got {order:?}");
}

#[test]
fn deletion_shortens_a_stop_in_progress() {
    let mut r = Rig::new(
        r#"{"metadata":{"name":"p"},"spec":{"restartPolicy":"Always","terminationGracePeriodSeconds":600,
     "containers":[{"name":"app","image":"a:1","livenessProbe":{"exec":{}},"lifecycle":{"preStop":{"exec":{}}}}]}}"#,
    );
    r.up();
    let id = r.rec("app").id;
    r.ev(Event::Probed { id, probe: ProbeKind::Liveness, result: ProbeResult::Failure });
    assert!(r.take().iter().any(|a| matches!(a, Action::RunPreStop { .. })));
    r.now = t(1001);
    r.ev(Event::Deleted { grace_seconds: Some(5) });
    for s in 1002..1015 {
        r.at(s);
    }
    assert!(
        r.take().iter().any(|a| matches!(a, Action::StopContainer { .. })),
        "told to die by deadline + 2 s; next wakeup {:?}",
        r.w.next_wakeup()
    );
}
#[test]
fn late_container_after_the_end_gets_no_more_grace() {
    let mut r = Rig::new(
        r#"{"metadata":{"name":"p"},"spec":{"restartPolicy":"Always","terminationGracePeriodSeconds":600,
     "containers":[{"name":"app","image":"a:1","lifecycle":{"preStop":{"exec":{}}}}]}}"#,
    );
    for _ in 0..3 {
        r.answer();
    } // sandbox, image, create; start in flight
    r.now = t(1001);
    r.ev(Event::Deleted { grace_seconds: Some(5) });
    r.at(1200); // the start has timed out
    let rec = r.rec("app");
    r.acts.clear();
    r.ev(Event::Container(Box::new(ContainerRecord {
        state: RecordState::Running { started_at: t(1199) },
        ..rec
    })));
    for a in &r.acts {
        match a {
            Action::RunPreStop { timeout_seconds, .. } | Action::StopContainer { timeout_seconds, .. } => {
                assert!(*timeout_seconds <= 5, "{a:?}");
            }
            _ => {}
        }
    }
}
#[test]
fn late_container_after_the_pod_was_terminated() {
    let mut r = Rig::new(
        r#"{"metadata":{"name":"p"},"spec":{"restartPolicy":"Always","terminationGracePeriodSeconds":600,
     "containers":[{"name":"app","image":"a:1","lifecycle":{"preStop":{"exec":{}}}}]}}"#,
    );
    for _ in 0..3 {
        r.answer();
    }
    r.now = t(1001);
    r.ev(Event::Deleted { grace_seconds: Some(5) });
    r.acts.clear();
    r.at(1200); // start times out; the sandbox is stopped
    while let Some(a) = r.acts.iter().position(|a| matches!(a, Action::StopSandbox { .. })) {
        let op = r.acts.remove(a).operation().unwrap();
        r.done(op, Outcome::Done);
    }
    assert!(r.w.is_terminated(), "{:?}", r.acts);
    let rec = r.rec("app");
    r.acts.clear();
    r.ev(Event::Container(Box::new(ContainerRecord {
        state: RecordState::Running { started_at: t(1199) },
        ..rec
    })));
    for a in &r.acts {
        match a {
            Action::RunPreStop { timeout_seconds, .. } | Action::StopContainer { timeout_seconds, .. } => {
                assert!(*timeout_seconds <= 5, "{a:?}");
            }
            _ => {}
        }
    }
}
fn replaced_but_start_outcome_lost(agent: bool) -> Rig {
    let mut r = Rig::new(JOB);
    r.up();
    let (_, c2) = compiled(&JOB.replace("a:1", "a:2"));
    r.ev(Event::Updated(c2));
    let stop =
        r.acts.iter().find(|a| matches!(a, Action::StopContainer { .. })).unwrap().operation().unwrap();
    r.acts.clear();
    r.now = t(1005);
    r.exit("app", 0);
    r.done(stop, Outcome::Done);
    r.answer();
    r.answer(); // image, create -> start in flight
    let start =
        r.acts.iter().find(|a| matches!(a, Action::StartContainer { .. })).unwrap().operation().unwrap();
    r.acts.clear();
    r.now = t(1010);
    if agent {
        r.ev(Event::AgentStarted { epoch: 1 });
    } else {
        r.done(start, Outcome::Failed(Box::default()));
    }
    let rec = r.rec("app");
    r.report(1010, |p| {
        for c in &mut p.containers {
            if c.id == rec.id {
                c.state = RecordState::Running { started_at: t(1010) }
            }
        }
    });
    r.now = t(1100);
    r.acts.clear();
    r.exit("app", 0);
    r.at(1200);
    r
}
#[test]
fn a_replaced_job_does_not_run_twice_when_the_agent_restarted() {
    let r = replaced_but_start_outcome_lost(true);
    assert!(ensures(&r.acts).is_empty(), "it runs again: {:?}", r.acts);
}
#[test]
fn a_replaced_job_does_not_run_twice_when_the_start_was_answered_by_an_error() {
    let r = replaced_but_start_outcome_lost(false);
    assert!(ensures(&r.acts).is_empty(), "it runs again: {:?}", r.acts);
}
#[test]
fn end_phase_waits_for_how_containers_ended() {
    let mut r = Rig::new(JOB);
    r.up();
    r.now = t(1100);
    r.ev(Event::Deleted { grace_seconds: None });
    let rec = r.rec("app");
    // the answers come first (a relisting driver), then the list
    while r.answer().is_some() {
        if r.w.is_terminated() {
            break;
        }
    }
    r.report(1100, |p| {
        for c in &mut p.containers {
            if c.id == rec.id {
                c.state = RecordState::Exited(Exit {
                    exit_code: 0,
                    finished_at: t(1100),
                    reason: "Completed".into(),
                    ..Exit::default()
                });
            }
        }
    });
    assert_eq!(r.w.phase(), PodPhase::Succeeded);
}
#[test]
fn init_record_collected_phase_stays_running() {
    let mut r = Rig::new(INIT);
    for _ in 0..4 {
        r.answer();
    }
    r.exit("netinit", 0);
    r.up();
    assert_eq!(r.w.phase(), PodPhase::Running);
    r.now = t(1500);
    r.report(1500, |p| p.containers.retain(|c| &*c.name != "netinit"));
    assert_eq!(r.w.phase(), PodPhase::Running);
}
#[test]
fn init_record_collected_job_is_over() {
    let mut r = Rig::new(&INIT.replace("Always", "Never"));
    for _ in 0..4 {
        r.answer();
    }
    r.exit("netinit", 0);
    r.up();
    r.now = t(1500);
    r.report(1500, |p| p.containers.retain(|c| &*c.name != "netinit"));
    r.acts.clear();
    r.now = t(1600);
    r.exit("app", 0);
    assert!(ensures(&r.acts).is_empty(), "init runs again after the job has ended: {:?}", r.acts);
}
#[test]
fn stale_report_does_not_undo_an_event() {
    let mut r = Rig::new(JOB);
    r.answer();
    r.answer(); // sandbox, image
    let op =
        r.acts.iter().find(|a| matches!(a, Action::CreateContainer { .. })).unwrap().operation().unwrap();
    r.acts.clear();
    let hash = r.w.pod().containers()[0].spec_hash;
    r.now = t(1010); // the event stream is faster than the answer, which gets lost
    let _ = op;
    r.ev(Event::Container(Box::new(ContainerRecord {
        id: "c".into(),
        name: "app".into(),
        attempt: 0,
        spec_hash: hash,
        created_at: t(1009),
        state: RecordState::Running { started_at: t(1009) },
        ..ContainerRecord::default()
    })));
    r.acts.clear();
    r.now = t(1011);
    r.report(1008, |p| p.containers.clear());
    r.at(1300);
    assert!(ensures(&r.acts).is_empty(), "a second instance while the first runs: {:?}", r.acts);
}
#[test]
fn stale_report_does_not_undo_a_stopped_sandbox() {
    let mut r = Rig::new(JOB.replace("Never", "Always").as_str());
    r.up();
    r.now = t(1100);
    let s = r.w.observed().sandboxes()[0].clone();
    r.ev(Event::Sandbox(Box::new(SandboxRecord { ip: Some(String::new()), ..s.clone() })));
    let rec = r.rec("app");
    r.acts.clear();
    r.now = t(1101);
    r.ev(Event::Container(Box::new(ContainerRecord {
        state: RecordState::Exited(Exit {
            exit_code: 137,
            finished_at: t(1101),
            reason: "".into(),
            ..Exit::default()
        }),
        ..rec
    })));
    let a = r.answer();
    assert!(matches!(a, Some(Action::StopSandbox { .. })), "{a:?}");
    r.now = t(1102);
    let a = r.answer();
    assert!(matches!(a, Some(Action::CreateSandbox { .. })), "{a:?}");
    r.acts.clear();
    r.now = t(1103);
    r.report(1100, |p| {
        p.sandboxes.retain(|x| x.id == s.id);
        for x in &mut p.sandboxes {
            x.state = SandboxState::Ready;
        }
    });
    assert!(
        !r.acts.iter().any(|a| matches!(a, Action::StopSandbox { sandbox, .. } if *sandbox != s.id)),
        "the new sandbox is stopped: {:?}",
        r.acts
    );
}
#[test]
fn a_pull_of_the_old_image_does_not_clear_the_new() {
    let mut r = Rig::new(JOB);
    r.answer(); // sandbox; pull of a:1 in flight
    let (_, c2) = compiled(&JOB.replace("a:1", "a:2"));
    r.ev(Event::Updated(c2));
    r.answer(); // a:1 is there
    assert!(
        !r.acts.iter().any(|a| matches!(a, Action::CreateContainer { .. })),
        "a:2 was never looked for: {:?}",
        r.acts
    );
}
#[test]
fn instance_of_the_old_image_is_not_taken_for_the_new() {
    let mut r = Rig::new(JOB);
    r.answer();
    r.answer(); // CreateContainer from a:1 in flight
    let (_, c2) = compiled(&JOB.replace("a:1", "a:2"));
    r.ev(Event::Updated(c2));
    let new = r.w.pod().containers()[0].spec_hash;
    r.answer();
    assert_ne!(r.rec("app").spec_hash, new);
}
#[test]
fn wish_after_a_container_that_is_done_is_no_deadlock() {
    let pod = Pod::from_json(
        r#"{"metadata":{"name":"p","uid":"u"},"spec":{"restartPolicy":"OnFailure",
     "containers":[{"name":"seed","image":"a:1"},{"name":"web","image":"b:1"}]}}"#,
    )
    .unwrap();
    let c = Arc::new(
        CompiledPod::compile_with(&pod, &Arc::default(), &[Edge::new("seed", "web", Direction::Start)])
            .unwrap(),
    );
    let mut r = Rig::with(pod, c);
    for _ in 0..3 {
        r.answer();
    } // sandbox, image, create; start in flight
    let rec = r.rec("seed");
    let op = r.acts.iter().find(|a| matches!(a, Action::StartContainer { .. })).unwrap().operation().unwrap();
    r.acts.clear();
    r.ev(Event::Container(Box::new(ContainerRecord {
        state: RecordState::Exited(Exit {
            exit_code: 0,
            finished_at: t(1000),
            reason: "".into(),
            ..Exit::default()
        }),
        ..rec
    })));
    r.done(op, Outcome::Done);
    assert!(!r.stuck(), "nothing in flight, no wake-up, not finished; phase {:?}", r.w.phase());
}
#[test]
fn an_epoch_that_does_not_grow_reuses_no_operation() {
    let mut r = Rig::new(JOB);
    let a = r.acts.iter().find_map(Action::operation).unwrap();
    r.acts.clear();
    r.ev(Event::AgentStarted { epoch: 0 });
    r.ev(Event::Observed { at: t(1000), records: Box::default() });
    let b = r.acts.iter().find_map(Action::operation).unwrap();
    assert_ne!(a, b);
}
#[test]
fn clock_set_back_no_second_instance() {
    let mut r = Rig::new(JOB.replace("Never", "Always").as_str());
    r.up();
    r.now = t(2000);
    r.exit("app", 1);
    r.up();
    assert!(r.rec("app").is_running());
    // the runtime's clock was an hour ahead when the first instance was made
    r.now = t(2100);
    r.report(2100, |p| {
        for c in &mut p.containers {
            if c.attempt == 0 {
                c.created_at = t(4600);
            }
        }
    });
    r.at(2500);
    assert!(ensures(&r.acts).is_empty(), "a second instance while attempt 1 runs: {:?}", r.acts);
}
#[test]
fn late_made_instance_no_second_runs() {
    let mut r = Rig::new(JOB.replace("Never", "Always").as_str());
    r.answer();
    r.answer(); // create attempt 0 in flight, never answered
    r.acts.clear();
    r.at(1121);
    r.at(1140);
    r.up();
    assert!(r.rec("app").is_running(), "{:?}", r.rec("app"));
    let hash = r.w.pod().containers()[0].spec_hash;
    r.now = t(1200);
    r.ev(Event::Container(Box::new(ContainerRecord {
        id: "late".into(),
        name: "app".into(),
        attempt: 0,
        spec_hash: hash,
        created_at: t(1199),
        state: RecordState::Created,
        ..ContainerRecord::default()
    })));
    r.at(1500);
    assert!(ensures(&r.acts).is_empty(), "another instance while attempt 1 runs: {:?}", r.acts);
}
#[test]
fn grace_does_not_grow_by_a_zero() {
    assert!(pod_grace_seconds(Default::default(), Some(5), Some(0), None, Some(30)) <= 5);
}
#[test]
fn a_deletion_with_zero_is_as_soon_as_possible() {
    let mut r = Rig::new(JOB);
    r.up();
    r.ev(Event::Deleted { grace_seconds: Some(0) });
    let s = r.acts.iter().find_map(|a| match a {
        Action::StopContainer { timeout_seconds, .. } => Some(*timeout_seconds),
        _ => None,
    });
    assert_eq!(s, Some(2));
}
#[test]
fn sandbox_event_is_evidence() {
    let mut r = Rig::new(JOB);
    r.acts.clear(); // create in flight; its answer is lost
    r.now = t(1001);
    r.ev(Event::Sandbox(Box::new(SandboxRecord {
        id: "s".into(),
        attempt: 0,
        state: SandboxState::Ready,
        ip: None,
        host_network: false,
        created_at: t(1000),
        ..SandboxRecord::default()
    })));
    r.ev(Event::Deleted { grace_seconds: Some(1) });
    r.at(1010);
    assert!(
        r.acts.iter().any(|a| matches!(a, Action::StopSandbox { .. })),
        "waits for the lost answer until {:?}",
        r.w.next_wakeup()
    );
}
#[test]
fn probe_results_survive_a_record_that_flickers() {
    let mut r = Rig::new(
        r#"{"metadata":{"name":"p"},"spec":{"initContainers":[{"name":"proxy","image":"i:1","restartPolicy":"Always","startupProbe":{"exec":{}}}],"containers":[{"name":"app","image":"a:1"}]}}"#,
    );
    r.up();
    let id = r.rec("proxy").id;
    let rec = r.rec("proxy");
    r.ev(Event::Probed { id, probe: ProbeKind::Startup, result: ProbeResult::Success });
    r.up();
    assert_eq!(r.w.phase(), PodPhase::Running);
    r.now = t(1100);
    r.ev(Event::Container(Box::new(rec.clone())));
    let apprec = r.rec("app");
    r.now = t(1200);
    r.report(1200, |p| p.containers.retain(|c| &*c.name != "proxy"));
    r.acts.clear();
    r.now = t(1201);
    r.report(1201, |p| {
        p.containers.clear();
        p.containers.push(apprec.clone());
        p.containers.push(rec.clone());
    });
    assert!(r.w.view(ContainerIndex(0)).unwrap().started);
}
#[test]
fn sidecar_killed_by_liveness_waits_as_the_kubelet_has_it() {
    let mut r = Rig::new(
        r#"{"metadata":{"name":"p"},"spec":{"initContainers":[{"name":"proxy","image":"i:1","restartPolicy":"Always","livenessProbe":{"exec":{}}}],"containers":[{"name":"app","image":"a:1"}]}}"#,
    );
    r.up();
    for (n, at) in [(1, 1300), (2, 1500)] {
        r.now = t(at);
        let id = r.rec("proxy").id;
        r.ev(Event::Probed { id, probe: ProbeKind::Liveness, result: ProbeResult::Failure });
        let stop =
            r.acts.iter().find(|a| matches!(a, Action::StopContainer { .. })).unwrap().operation().unwrap();
        r.acts.clear();
        r.exit("proxy", 137);
        r.done(stop, Outcome::Done);
        assert!(!ensures(&r.acts).is_empty(), "kill {n}: {:?}", r.acts);
        r.up();
    }
}
#[test]
fn settings_of_the_new_agent_count() {
    let mut r = Rig::new(JOB.replace("Never", "Always").as_str());
    r.up();
    let snap = r.w.snapshot();
    let mut set = WorkerSettings::default();
    set.crash_loop.initial = Duration::from_secs(1);
    set.crash_loop.max = Duration::from_secs(2);
    r.w = Worker::restore(snap, (Arc::clone(r.w.pod()), set), t(1000)).unwrap();
    for at in [1001, 1100] {
        r.now = t(at);
        r.exit("app", 1);
        r.at(at + 3);
        if at == 1001 {
            r.up();
        }
    }
    assert!(!ensures(&r.acts).is_empty(), "still the old delays; next {:?}", r.w.next_wakeup());
}
#[test]
fn a_sandbox_that_comes_late_to_an_evicted_pod_is_stopped() {
    let mut r = Rig::new(JOB);
    r.ev(Event::Verdict(Box::new(Verdict {
        reason: "Evicted".into(),
        message: "".into(),
        grace_seconds: None,
        ..Verdict::default()
    })));
    r.acts.clear();
    r.at(1121);
    assert!(r.w.is_terminated());
    r.acts.clear();
    r.now = t(1130);
    r.report(1130, |p| {
        p.sandboxes.push(SandboxRecord {
            id: "s".into(),
            attempt: 0,
            state: SandboxState::Ready,
            ip: None,
            host_network: false,
            created_at: t(1129),
            ..SandboxRecord::default()
        });
    });
    r.at(1300);
    assert!(r.acts.iter().any(|a| matches!(a, Action::StopSandbox { .. })));
}

#[test]
fn a_failed_pull_of_the_old_image_delays_not_the_new() {
    let mut r = Rig::new(JOB);
    r.answer();
    let op = r.acts.iter().find(|a| matches!(a, Action::EnsureImage { .. })).unwrap().operation().unwrap();
    r.acts.clear();
    let (_, c2) = compiled(&JOB.replace("a:1", "a:2"));
    r.ev(Event::Updated(c2));
    r.done(op, Outcome::Failed(Box::default()));
    assert!(!ensures(&r.acts).is_empty(), "a:2 waits until {:?}", r.w.next_wakeup());
}
#[test]
fn terminated_is_said_once_and_stays() {
    let mut r = Rig::new(JOB);
    for _ in 0..3 {
        r.answer();
    }
    r.ev(Event::Verdict(Box::new(Verdict {
        reason: "Evicted".into(),
        message: "".into(),
        grace_seconds: Some(1),
        ..Verdict::default()
    })));
    r.acts.clear();
    r.at(1121);
    while let Some(a) = r.acts.iter().position(|a| matches!(a, Action::StopSandbox { .. })) {
        let op = r.acts.remove(a).operation().unwrap();
        r.done(op, Outcome::Done);
    }
    assert!(r.w.is_terminated());
    let rec = r.rec("app");
    r.acts.clear();
    r.ev(Event::Container(Box::new(ContainerRecord {
        state: RecordState::Running { started_at: t(1199) },
        ..rec
    })));
    assert!(r.w.is_terminated());
}
#[test]
fn a_deleted_pod_with_an_outcome_that_comes_after_the_agents_restart_leaks_no_sandbox() {
    let mut r = Rig::new(JOB);
    r.acts.clear(); // CreateSandbox in flight
    r.ev(Event::Deleted { grace_seconds: Some(1) });
    r.ev(Event::AgentStarted { epoch: 1 });
    r.ev(Event::Observed { at: t(1000), records: Box::default() });
    assert!(!r.w.is_finished(), "finished while the runtime may still make the sandbox");
}
#[allow(dead_code)]
fn huge_timestamps_no_panic_and_progress() {
    for ts in [i64::MIN, i64::MAX] {
        let mut r = Rig::new(JOB);
        r.up();
        let ts = Timestamp::from_unix_nanos(ts);
        let rec = r.rec("app");
        r.ev(Event::Container(Box::new(ContainerRecord {
            created_at: ts,
            state: RecordState::Exited(Exit {
                exit_code: 1,
                finished_at: ts,
                reason: "".into(),
                ..Exit::default()
            }),
            ..rec
        })));
        r.now = Timestamp::MAX;
        let mut a = vec![];
        r.w.wake(r.now, &mut a);
        r.ev(Event::Deleted { grace_seconds: Some(i64::MAX) });
        r.ev(Event::Deleted { grace_seconds: Some(i64::MIN) });
        r.up();
        assert!(r.w.is_finished(), "{ts:?} {:?}", r.w.next_wakeup());
    }
}
#[test]
fn at_the_end_of_time_lost_calls_are_not_given_up() {
    let (p, c) = compiled(JOB);
    let now = Timestamp::MAX;
    let mut w = Worker::new(&p, c, WorkerSettings::default(), now);
    let mut a = vec![];
    w.step(now, Event::Observed { at: now, records: Box::default() }, &mut a);
}
#[test]
fn step_at_the_end_of_time_returns() {
    let mut r = Rig::new(JOB);
    r.up();
    r.now = Timestamp::MAX;
    r.ev(Event::Deleted { grace_seconds: Some(1) });
    r.ev(Event::Done { operation: OperationId { epoch: 9, seq: 9 }, outcome: Outcome::Done });
}
#[test]
fn simulator_after_run_until_max() {
    use node_lifecycle::sim::*;
    let mut node = Node::new(Config::default());
    let uid = node.add(Pod::from_json(JOB.replace("Never", "Always").as_str()).unwrap()).unwrap();
    node.run_until(Timestamp::MAX).unwrap();
    node.delete(&uid, None);
    node.run_until(Timestamp::MAX).unwrap();
}
#[test]
fn verdict_shortens_a_stop_that_has_been_told() {
    let mut r = Rig::new(
        r#"{"metadata":{"name":"p"},"spec":{"restartPolicy":"Always","terminationGracePeriodSeconds":30,
     "containers":[{"name":"app","image":"a:1","livenessProbe":{"exec":{},"terminationGracePeriodSeconds":3600}}]}}"#,
    );
    r.up();
    let id = r.rec("app").id;
    r.ev(Event::Probed { id, probe: ProbeKind::Liveness, result: ProbeResult::Failure });
    assert!(r.take().iter().any(|a| matches!(a, Action::StopContainer { timeout_seconds: 3600, .. })));
    r.now = t(1001);
    r.ev(Event::Deleted { grace_seconds: Some(5) });
    for s in 1002..1040 {
        r.at(s);
    }
    assert!(
        r.take().iter().any(|a| matches!(a, Action::StopContainer { .. })),
        "never told again; the runtime kills it after 3600 s"
    );
}
#[test]
fn a_container_found_late_is_told_by_the_deadline() {
    let mut r = Rig::new(
        r#"{"metadata":{"name":"p"},"spec":{"restartPolicy":"Always","terminationGracePeriodSeconds":30,
     "containers":[{"name":"app","image":"a:1","lifecycle":{"preStop":{"exec":{}}}}]}}"#,
    );
    for _ in 0..3 {
        r.answer();
    } // start in flight
    let op = r.acts.iter().find(|a| matches!(a, Action::StartContainer { .. })).unwrap().operation().unwrap();
    r.acts.clear();
    r.ev(Event::Deleted { grace_seconds: None });
    r.at(1100);
    r.done(op, Outcome::Done);
    for s in 1101..1104 {
        r.at(s);
    }
    assert!(r.acts.iter().any(|a| matches!(a, Action::StopContainer { .. })), "{:?}", r.acts);
}

#[test]
fn what_the_api_says_of_a_pod_counts() {
    // Restart counts go on, and a deletion that began before the node looked has its own grace.
    let known = r#"{"metadata":{"name":"p","deletionTimestamp":"2025-01-01T00:00:00Z","deletionGracePeriodSeconds":7},
        "spec":{"terminationGracePeriodSeconds":30,"containers":[{"name":"app","image":"a:1"}]}}"#;
    let (pod, form) = compiled(known);
    let running = ContainerRecord {
        id: "old".into(),
        name: "app".into(),
        attempt: 7,
        spec_hash: form.containers()[0].spec_hash,
        created_at: t(900),
        state: RecordState::Running { started_at: t(901) },
        ..ContainerRecord::default()
    };
    let mut worker = Worker::new(&pod, form, WorkerSettings::default(), t(1000));
    let records = Box::new(PodRecords { containers: vec![running], ..PodRecords::default() });
    let mut actions = Vec::new();
    worker.step(t(1000), Event::Observed { at: t(1000), records }, &mut actions);
    let timeouts: Vec<_> = actions
        .iter()
        .filter_map(|action| match action {
            Action::StopContainer { timeout_seconds, .. } => Some(*timeout_seconds),
            _ => None,
        })
        .collect();
    assert_eq!(timeouts, [7]);

    let restarted = JOB.replace(
        "\"spec\"",
        r#""status":{"containerStatuses":[{"name":"app","restartCount":7,"containerID":"containerd://x"}]},"spec""#,
    );
    let mut r = Rig::new(&restarted);
    let attempts = std::iter::from_fn(|| r.answer());
    let attempts: Vec<_> = attempts
        .filter_map(|action| match action {
            Action::CreateContainer { attempt, .. } => Some(attempt),
            _ => None,
        })
        .collect();
    assert_eq!(attempts, [8]);
}

#[test]
fn a_failed_liveness_probe_gives_its_own_grace() {
    let mut r = Rig::new(
        r#"{"metadata":{"name":"p"},"spec":{"terminationGracePeriodSeconds":30,"containers":[{"name":"app",
        "image":"a:1","livenessProbe":{"exec":{"command":["ok"]},"terminationGracePeriodSeconds":9}}]}}"#,
    );
    r.up();
    let id = r.rec("app").id;
    r.ev(Event::Probed { id, probe: ProbeKind::Liveness, result: ProbeResult::Failure });
    assert!(r.acts.iter().any(|action| matches!(action, Action::StopContainer { timeout_seconds: 9, .. })));
}

#[test]
fn a_call_that_is_never_answered_is_given_up() {
    let mut r = Rig::new(JOB);
    r.acts.clear();
    assert_eq!(r.w.next_wakeup(), Some(t(1120)), "two minutes for the sandbox");
    r.at(1120);
    assert!(r.acts.is_empty(), "it is tried again after ten seconds");
    r.at(1130);
    let attempts: Vec<_> = r.acts.iter().filter(|a| matches!(a, Action::CreateSandbox { .. })).collect();
    assert!(
        matches!(attempts[..], [Action::CreateSandbox { attempt: 1, .. }]),
        "the first may be there: {attempts:?}"
    );
}

#[test]
fn a_sidecar_waits_for_an_app_whose_start_has_no_answer() {
    let mut r = Rig::new(
        r#"{"metadata":{"name":"p"},"spec":{"terminationGracePeriodSeconds":30,
        "initContainers":[{"name":"proxy","image":"p:1","restartPolicy":"Always"}],
        "containers":[{"name":"app","image":"a:1"}]}}"#,
    );
    while !r
        .acts
        .iter()
        .any(|action| matches!(action, Action::StartContainer { container, .. } if container.0 == 1))
    {
        r.answer().expect("the app is started in the end");
    }
    r.acts.clear();
    r.now = t(1001);
    r.ev(Event::Deleted { grace_seconds: None });
    assert!(!r.acts.iter().any(|action| matches!(action, Action::StopContainer { .. })), "{:?}", r.acts);
    r.at(1031);
    assert!(r.acts.iter().any(|action| matches!(action, Action::StopContainer { .. })), "its grace is spent");
}

#[test]
fn a_restarted_sidecar_has_to_start_again() {
    let mut r = Rig::new(
        r#"{"metadata":{"name":"p"},"spec":{"initContainers":[{"name":"proxy","image":"p:1","restartPolicy":"Always",
        "startupProbe":{"exec":{"command":["ok"]}}}],"containers":[{"name":"app","image":"a:1"}]}}"#,
    );
    r.up();
    let id = r.rec("proxy").id;
    r.ev(Event::Probed { id, probe: ProbeKind::Startup, result: ProbeResult::Success });
    let started = |r: &Rig| r.w.view(ContainerIndex(0)).is_some_and(|view| view.started);
    assert!(started(&r));
    r.now = t(1100);
    r.exit("proxy", 1);
    r.up();
    assert!(r.rec("proxy").is_running() && !started(&r), "the probe of the new instance has said nothing");
}

/// 51142: a container that finished, whose record was removed, ran a second time.
#[test]
fn a_finished_container_whose_record_is_gone_does_not_run_again() {
    let json = r#"{"metadata":{"name":"p"},"spec":{"restartPolicy":"OnFailure",
        "containers":[{"name":"long","image":"a:1"},{"name":"short","image":"b:1"}]}}"#;
    let mut r = Rig::new(json);
    r.up();
    r.now = t(1100);
    r.exit("short", 0);
    r.report(1100, |p| p.containers.retain(|c| &*c.name != "short"));
    assert_eq!(ensures(&r.acts), [] as [u8; 0]);
    // Nor does it when the runtime is asked again, or the agent has been restarted.
    r.now = t(1200);
    let environment = (Arc::clone(r.w.pod()), WorkerSettings::default());
    r.w = Worker::restore(r.w.snapshot(), environment, r.now).unwrap();
    r.ev(Event::AgentStarted { epoch: 1 });
    r.report(1200, |p| p.containers.retain(|c| &*c.name != "short"));
    assert_eq!(ensures(&r.acts), [] as [u8; 0]);
    r.exit("long", 0);
    r.up();
    assert_eq!(r.w.phase(), PodPhase::Succeeded);
}

/// 104531: the agent starts with nothing but the API's word that a container has finished.
#[test]
fn what_has_finished_by_the_api_does_not_run_again() {
    let json = r#"{"metadata":{"name":"p"},"spec":{"restartPolicy":"Never",
        "containers":[{"name":"done","image":"a:1"},{"name":"new","image":"b:1"}]},
        "status":{"phase":"Running","containerStatuses":[{"name":"done","restartCount":0,
            "containerID":"containerd://c0","state":{"terminated":{"exitCode":0,
            "startedAt":"1970-01-01T00:10:00Z","finishedAt":"1970-01-01T00:11:00Z"}}}]}}"#;
    let mut r = Rig::new(json);
    let mut started = Vec::new();
    while let Some(action) = r.answer() {
        started.extend(ensures(&[action]));
    }
    assert_eq!(started, [1]);
    r.exit("new", 0);
    r.up();
    assert_eq!(r.w.phase(), PodPhase::Succeeded);
}

#[test]
fn a_pod_that_is_active_for_too_long_fails() {
    let json = r#"{"metadata":{"name":"p"},"spec":{"activeDeadlineSeconds":60,"terminationGracePeriodSeconds":5,
        "containers":[{"name":"app","image":"a:1"}]}}"#;
    let mut r = Rig::new(json);
    r.up();
    assert_eq!(r.w.next_wakeup(), Some(t(1060)));
    r.at(1059);
    assert!(r.take().is_empty());
    r.at(1060);
    let stop = r.take();
    assert!(matches!(stop[..], [Action::StopContainer { timeout_seconds: 5, .. }]), "{stop:?}");
    r.exit("app", 0);
    r.up();
    assert_eq!(r.w.phase(), PodPhase::Failed);
    assert_eq!(r.w.verdict().map(|verdict| &*verdict.reason), Some("DeadlineExceeded"));
}

/// The runtime's clock was set back: the instance that runs is older than the end that is remembered.
#[test]
fn an_end_that_is_remembered_does_not_hide_the_next_instance() {
    let mut r = Rig::new(INIT.replace("netinit", "i").as_str());
    r.up();
    r.exit("i", 0);
    r.up();
    let first = r.rec("app");
    r.now = t(1100);
    r.exit("app", 1);
    r.acts.clear();
    let state = RecordState::Running { started_at: t(900) };
    let next = ContainerRecord { id: "next".into(), attempt: 1, created_at: t(900), state, ..first };
    r.now = t(1101);
    r.report(1101, |p| {
        p.containers.retain(|known| &*known.name != "app");
        p.containers.push(next.clone());
    });
    assert_eq!(r.rec("app").id, next.id);
}

/// An init container that went with an earlier sandbox has to run again, also when its end is told late.
#[test]
fn an_end_that_is_told_late_does_not_count_in_a_new_sandbox() {
    let mut r = Rig::new(INIT);
    r.up();
    r.exit("netinit", 0);
    r.up();
    let init = r.rec("netinit");
    r.now = t(1100);
    let lost = SandboxRecord { state: SandboxState::NotReady, ..r.w.observed().sandboxes()[0].clone() };
    r.ev(Event::Sandbox(Box::new(lost)));
    while r.w.observed().find(&init.id).is_some() {
        assert!(r.answer().is_some());
    }
    r.report(1101, |_| {});
    r.ev(Event::Container(Box::new(init.clone())));
    assert_eq!(r.w.observed().find(&init.id), None);
}

#[test]
fn what_is_remembered_does_not_grow_with_updates() {
    let mut r = Rig::new(JOB);
    let mut sizes = Vec::new();
    for n in 0..200 {
        r.ev(Event::Updated(compiled(&JOB.replace("a:1", &format!("a:{n}"))).1));
        r.now += Duration::from_secs(600);
        r.at(r.now.unix_nanos() / 1_000_000_000);
        while let Some(at) = r.acts.iter().position(|a| a.operation().is_some()) {
            let action = r.acts.remove(at);
            if matches!(action, Action::EnsureImage { .. }) {
                r.done(action.operation().unwrap(), Outcome::Failed(Box::default()));
                break;
            }
            r.acts.insert(0, action);
            r.answer();
        }
        r.acts.clear();
        sizes.push(serde_json::to_string(&r.w.snapshot()).unwrap().len());
    }
    assert!(sizes[199] < sizes[20] + 200, "{sizes:?}");
}

/// A pod that is evicted while its deletion takes its time: its status says so (KEP-3329).
#[test]
fn a_pod_that_is_being_deleted_can_be_evicted() {
    let mut r = Rig::new(JOB);
    r.up();
    let verdict =
        |reason: &str| Verdict { reason: reason.into(), grace_seconds: Some(1), ..Verdict::default() };
    r.ev(Event::Deleted { grace_seconds: Some(600) });
    r.ev(Event::Verdict(Box::new(verdict("Evicted"))));
    r.ev(Event::Verdict(Box::new(verdict("Preempting"))));
    r.exit("app", 0);
    r.up();
    assert_eq!(r.w.phase(), PodPhase::Failed);
    assert_eq!(r.w.verdict().map(|verdict| &*verdict.reason), Some("Evicted"));

    // One that came to its end by itself does not fail any more.
    let mut r = Rig::new(JOB);
    r.up();
    r.exit("app", 0);
    r.ev(Event::Verdict(Box::new(verdict("Evicted"))));
    r.up();
    assert_eq!(r.w.phase(), PodPhase::Succeeded);
}

#[test]
fn what_is_confirmed_is_forgotten_without_full_reports() {
    let mut r = Rig::new(&JOB.replace("Never", "Always"));
    let mut sizes = Vec::new();
    for n in 0..100 {
        r.up();
        let (id, now) = (r.rec("app").id, r.now);
        r.ev(Event::Probed { id, probe: ProbeKind::Liveness, result: ProbeResult::Failure });
        assert!(matches!(r.answer(), Some(Action::StopContainer { .. })), "{n}");
        r.exit("app", 137);
        r.now = now + Duration::from_secs(600);
        r.at(r.now.unix_nanos() / 1_000_000_000);
        sizes.push(serde_json::to_string(&r.w.snapshot()).unwrap().len());
    }
    assert!(sizes[99] < sizes[10] + 200, "{sizes:?}");
}
