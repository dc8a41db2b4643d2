//! What holds of statuses whatever comes: generated, merged, remembered and sent.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use node_lifecycle::api::{
    ConditionStatus, Container, ContainerState, ContainerStateRunning, ContainerStateTerminated,
    ContainerStateWaiting, ContainerStatus, Pod, PodCondition, PodIp, PodPhase, PodReadinessGate, PodSpec,
    PodStatus, Probe, RestartPolicy, VolumeMount,
};
use node_lifecycle::behaviour::{Behaviour, Feature, FeatureGates};
use node_lifecycle::container::{
    ContainerRecord, ContainerSet, Exit, PodRecords, ProbeResult, ProbeResults, RecordState, SandboxRecord,
    SandboxState,
};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::pod::{
    ApiPod, CompiledPod, MergeContext, Observed, ResizePending, ResizeProgress, StatusCache, StatusChange,
    StatusInputs, StatusVerdict, Waiting, merge_status, merge_status_into, pod_status, pod_status_into,
};
use proptest::prelude::*;

/// Names of containers: the first eight may be in the spec, `stranger` never is.
const NAMES: [&str; 9] = ["init-0", "side-1", "init-2", "app", "web", "db", "debug", "api", "stranger"];
const OWNED: [&str; 5] =
    ["Ready", "ContainersReady", "Initialized", "PodScheduled", "PodReadyToStartContainers"];

fn pod() -> impl Strategy<Value = CompiledPod> {
    let policy =
        prop::sample::select(vec![RestartPolicy::Always, RestartPolicy::OnFailure, RestartPolicy::Never]);
    let counts = (0..=3_usize, 1..=3_usize, 0..=1_usize);
    (policy, counts, any::<[bool; 5]>()).prop_map(|(restart_policy, (inits, apps, debug), flags)| {
        let [probes, gate, is_static, newer, kubelet] = flags;
        let container = |name: &&str| Container {
            name: (*name).to_owned(),
            image: format!("{name}:1"),
            restart_policy: name.starts_with("side").then_some(RestartPolicy::Always),
            startup_probe: probes.then(Probe::default),
            volume_mounts: vec![VolumeMount {
                name: "data".to_owned(),
                mount_path: "/data".to_owned(),
                read_only: probes,
                ..VolumeMount::default()
            }],
            ..Container::default()
        };
        let spec = PodSpec {
            restart_policy,
            init_containers: NAMES[..inits].iter().map(container).collect(),
            containers: NAMES[3..3 + apps].iter().map(container).collect(),
            ephemeral_containers: NAMES[6..6 + debug].iter().map(container).collect(),
            readiness_gates: gate
                .then(|| PodReadinessGate { condition_type: "example.com/gate".to_owned() })
                .into_iter()
                .collect(),
            ..PodSpec::default()
        };
        let mut pod = Pod { spec: Arc::new(spec), ..Pod::default() };
        if is_static {
            pod.metadata.annotations.insert(Pod::CONFIG_SOURCE.to_owned(), "file".to_owned());
        }
        let mut behaviour = if kubelet { Behaviour::kubelet_1_32() } else { Behaviour::default() };
        for gate in [
            Feature::PodObservedGenerationTracking,
            Feature::InPlacePodVerticalScaling,
            Feature::ContainerStopSignals,
        ] {
            behaviour.gates.set(gate, newer);
        }
        CompiledPod::compile(&pod, &Arc::new(behaviour)).unwrap()
    })
}

fn stamp() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        8 => (0..100_000_i64).prop_map(Timestamp::from_unix_millis),
        1 => any::<i64>().prop_map(Timestamp::from_unix_nanos),
    ]
}

fn exit_code() -> impl Strategy<Value = i32> {
    prop_oneof![Just(0), Just(1), Just(137), any::<i32>()]
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(NAMES.to_vec())
}

fn message() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(String::new()), 2 => "[a-zé€]{0,12}", 1 => Just("é".repeat(7000))]
}

fn records() -> impl Strategy<Value = PodRecords> {
    let state = prop_oneof![
        Just(RecordState::Created),
        stamp().prop_map(|started_at| RecordState::Running { started_at }),
        (exit_code(), prop::option::of(stamp()), stamp(), message()).prop_map(
            |(exit_code, started_at, finished_at, message)| RecordState::Exited(Exit {
                exit_code,
                started_at,
                finished_at,
                reason: "Error".into(),
                message: message.into(),
            })
        ),
        Just(RecordState::Unknown),
    ];
    // Few ids, so that one may stand for two instances.
    let container =
        (0..6_u8, name(), any::<u32>(), stamp(), state).prop_map(|(id, name, attempt, created_at, state)| {
            ContainerRecord {
                id: format!("c{id}").into(),
                name: name.into(),
                attempt,
                created_at,
                state,
                image: "image:1".into(),
                ..ContainerRecord::default()
            }
        });
    let ips = prop::sample::select(vec!["", "10.0.0.7", "fd00::7", "nonsense", "10.0.0.8"]);
    let sandbox = (any::<[bool; 2]>(), prop::collection::vec(ips, 0..3), stamp()).prop_map(
        |([ready, host_network], ips, created_at)| SandboxRecord {
            id: "s".into(),
            state: if ready { SandboxState::Ready } else { SandboxState::NotReady },
            ip: ips.first().map(|ip| (*ip).to_owned()),
            additional_ips: ips.iter().skip(1).map(|ip| (*ip).to_owned()).collect(),
            host_network,
            created_at,
            ..SandboxRecord::default()
        },
    );
    (prop::collection::vec(sandbox, 0..3), prop::collection::vec(container, 0..8))
        .prop_map(|(sandboxes, containers)| PodRecords { sandboxes, containers })
}

fn state() -> impl Strategy<Value = Option<ContainerState>> {
    prop_oneof![
        Just(None),
        message().prop_map(|message| Some(ContainerState::Waiting(ContainerStateWaiting {
            reason: "ContainerCreating".to_owned(),
            message
        }))),
        prop::option::of(stamp())
            .prop_map(|started_at| Some(ContainerState::Running(ContainerStateRunning { started_at }))),
        (exit_code(), message(), prop::option::of(stamp())).prop_map(|(exit_code, message, finished_at)| {
            Some(ContainerState::Terminated(ContainerStateTerminated {
                exit_code,
                message,
                finished_at,
                ..ContainerStateTerminated::default()
            }))
        }),
    ]
}

fn container_statuses() -> impl Strategy<Value = Vec<ContainerStatus>> {
    let flags = (any::<bool>(), prop::option::of(any::<bool>()), any::<u32>());
    let status = (name(), state(), state(), flags, 0..6_u8).prop_map(
        |(name, state, last_state, (ready, started, restart_count), id)| ContainerStatus {
            name: name.to_owned(),
            state,
            last_state,
            ready,
            started,
            restart_count,
            container_id: format!("containerd://c{id}"),
            volume_mounts: vec![VolumeMount::default(); usize::from(id % 2)],
            ..ContainerStatus::default()
        },
    );
    // One status of a container, as the API server keeps them.
    prop::collection::vec(status, 0..4).prop_map(|mut statuses| {
        statuses.sort_by(|a, b| a.name.cmp(&b.name));
        statuses.dedup_by(|a, b| a.name == b.name);
        statuses
    })
}

fn status() -> impl Strategy<Value = PodStatus> {
    let types = OWNED.into_iter().chain(["DisruptionTarget", "example.com/gate", "example.com/other"]);
    let type_ = prop::sample::select(types.collect::<Vec<_>>());
    let holds =
        prop::sample::select(vec![ConditionStatus::True, ConditionStatus::False, ConditionStatus::Unknown]);
    let condition = (type_, holds, message(), prop::option::of(stamp())).prop_map(
        |(type_, status, message, last_transition_time)| PodCondition {
            type_: type_.to_owned(),
            status,
            reason: String::new(),
            message,
            last_transition_time,
            last_probe_time: None,
            observed_generation: None,
        },
    );
    // One condition of a type, as the API server keeps them.
    let conditions = prop::collection::vec(condition, 0..6).prop_map(|mut conditions| {
        let mut seen = Vec::new();
        conditions.retain(|condition| {
            let is_new = !seen.contains(&condition.type_);
            seen.push(condition.type_.clone());
            is_new
        });
        conditions
    });
    let phase = prop::option::of(prop::sample::select(vec![
        PodPhase::Pending,
        PodPhase::Running,
        PodPhase::Succeeded,
        PodPhase::Failed,
        PodPhase::Unknown,
    ]));
    let lists = (container_statuses(), container_statuses(), container_statuses());
    (phase, conditions, lists, message(), prop::option::of(stamp())).prop_map(
        |(phase, conditions, (inits, apps, ephemeral), message, start_time)| PodStatus {
            phase,
            conditions,
            message,
            pod_ips: vec![PodIp { ip: "10.0.0.9".to_owned() }],
            start_time,
            init_container_statuses: inits,
            container_statuses: apps,
            ephemeral_container_statuses: ephemeral,
            ..PodStatus::default()
        },
    )
}

/// What a status is generated from, owned.
#[derive(Debug, Clone)]
struct Inputs {
    api: PodStatus,
    previous: Option<PodStatus>,
    flags: [bool; 5],
    probes: Vec<ProbeResults>,
    workers: Vec<u8>,
}

fn inputs() -> impl Strategy<Value = Inputs> {
    let result = prop::option::of(prop::sample::select(vec![
        ProbeResult::Success,
        ProbeResult::Failure,
        ProbeResult::Unknown,
    ]));
    let probes = (result.clone(), result).prop_map(|(startup, readiness)| ProbeResults {
        startup,
        liveness: None,
        readiness,
    });
    let probes = prop::collection::vec(probes, 0..9);
    let workers = prop::collection::vec(any::<u8>(), 0..4);
    (status(), prop::option::of(status()), any::<[bool; 5]>(), probes, workers)
        .prop_map(|(api, previous, flags, probes, workers)| Inputs { api, previous, flags, probes, workers })
}

impl Inputs {
    fn with<T>(&self, take: impl FnOnce(&StatusInputs<'_>) -> T) -> T {
        let [deleted, terminal, waits, judged, resizes] = self.flags;
        let waiting = vec![Some(Waiting { reason: "CrashLoopBackOff", message: "back-off" }); 4];
        let probed: ContainerSet =
            self.workers.iter().copied().map(node_lifecycle::container::ContainerIndex).collect();
        let hosts = ["192.168.1.5".to_owned(), "nonsense".to_owned(), "fd00::1".to_owned()];
        let verdict = StatusVerdict {
            reason: "Evicted",
            message: "out of memory",
            disruption: Some("out of memory"),
            spares_succeeded: terminal,
        };
        let resize =
            ResizeProgress { pending: Some((ResizePending::Deferred, "no room")), in_progress: Some("") };
        take(&StatusInputs {
            previous: self.previous.as_ref(),
            deleted,
            terminal,
            generation: Some(3),
            waiting: if waits { &waiting } else { &[] },
            probes: &self.probes,
            startup_probed: probed,
            readiness_probed: probed,
            verdict: judged.then_some(verdict),
            host_ips: if deleted { &hosts } else { &hosts[..1] },
            resize: if resizes { resize } else { ResizeProgress::default() },
            ..StatusInputs::new(&self.api)
        })
    }
}

/// What can happen to a cache.
#[derive(Debug, Clone)]
enum Step {
    Set(Box<PodStatus>),
    SetAgain,
    Ready(u8, bool),
    Started(u8, bool),
    Terminate,
    Send,
    Sent(u64),
    Failed(u64),
    Reconcile,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<(Timestamp, Step)>> {
    let step = prop_oneof![
        4 => status().prop_map(|status| Step::Set(Box::new(status))),
        2 => Just(Step::SetAgain),
        1 => (0..7_u8, any::<bool>()).prop_map(|(id, ready)| Step::Ready(id, ready)),
        1 => (0..7_u8, any::<bool>()).prop_map(|(id, started)| Step::Started(id, started)),
        1 => Just(Step::Terminate),
        3 => Just(Step::Send),
        2 => (0..12_u64).prop_map(Step::Sent),
        2 => (0..12_u64).prop_map(Step::Failed),
        1 => Just(Step::Reconcile),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec((stamp(), step), 1..20)
}

const fn is_terminal(phase: Option<PodPhase>) -> bool {
    matches!(phase, Some(PodPhase::Succeeded | PodPhase::Failed))
}

fn foreign(status: &PodStatus, gates: FeatureGates) -> Vec<&PodCondition> {
    let resizes = gates.enabled(Feature::InPlacePodVerticalScaling);
    let is_own = |type_: &str| OWNED.contains(&type_) || resizes && type_.starts_with("PodResize");
    let theirs =
        |condition: &&PodCondition| !is_own(&condition.type_) && condition.type_ != "DisruptionTarget";
    status.conditions.iter().filter(theirs).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_status_is_the_same_whatever_was_in_its_buffer(
        pod in pod(), records in records(), inputs in inputs(), mut buffer in status(),
    ) {
        let observed = Observed::new(&pod, records);
        let fresh = inputs.with(|inputs| pod_status(&pod, &observed, inputs));
        inputs.with(|inputs| pod_status_into(&pod, &observed, inputs, &mut buffer));
        prop_assert_eq!(&fresh, &buffer);

        let gates = pod.behaviour.gates;
        prop_assert_eq!(foreign(&fresh, gates), foreign(&inputs.api, gates));
        // One status a container, each in its place; terminal phases stay.
        prop_assert_eq!(fresh.container_statuses.len(), pod.spec.containers.len());
        prop_assert_eq!(fresh.init_container_statuses.len(), pod.spec.init_containers.len());
        prop_assert!(fresh.container_statuses.is_sorted_by(|a, b| a.name < b.name));
        if is_terminal(inputs.api.phase) {
            prop_assert_eq!(fresh.phase, inputs.api.phase);
        } else if let Some(previous) = inputs.previous.filter(|previous| is_terminal(previous.phase))
            && !pod.is_static
            && !pod.behaviour.compat.leave_terminal_phases
        {
            prop_assert_eq!(fresh.phase, previous.phase);
            let is_new = fresh.message != previous.message && fresh.message != inputs.api.message;
            prop_assert!(!is_new, "{}", fresh.message);
        }
    }

    #[test]
    fn a_merge_leaves_to_others_what_is_theirs(
        api in status(), new in status(), flags in any::<[bool; 3]>(), now in stamp(), mut buffer in status(),
    ) {
        let [could_run, is_static, kubelet] = flags;
        let behaviour = if kubelet { Behaviour::kubelet_1_32() } else { Behaviour::default() };
        let context = MergeContext { now, could_run, is_static, behaviour: &behaviour };
        let merged = merge_status(&api, &new, context);
        merge_status_into(&api, &new, context, &mut buffer);
        prop_assert_eq!(&merged, &buffer);
        prop_assert_eq!(foreign(&merged, behaviour.gates), foreign(&api, behaviour.gates));

        if is_terminal(api.phase) && !is_static && !kubelet {
            prop_assert_eq!(merged.phase, api.phase);
            let old = api.container_statuses.iter();
            for old in old.filter(|old| matches!(old.state, Some(ContainerState::Terminated(_)))) {
                let mut new = merged.container_statuses.iter().filter(|new| new.name == old.name);
                prop_assert!(new.all(|new| matches!(new.state, Some(ContainerState::Terminated(_)))));
            }
        }
        if is_terminal(merged.phase) {
            prop_assert!(!is_terminal(new.phase) || is_terminal(api.phase) || !could_run);
            let ready = merged.condition("Ready").map(|ready| ready.status);
            prop_assert_ne!(ready, Some(ConditionStatus::True));
        }
        // What was merged and taken merges to itself, but for the order of its conditions.
        let (mut again, mut merged) = (merge_status(&merged, &merged, context), merged);
        for status in [&mut again, &mut merged] {
            status.conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
        }
        prop_assert_eq!(again, merged);
    }

    #[test]
    fn what_is_said_and_sent_only_goes_forward(
        pod in pod(), api in status(), mirror in prop::option::of(status()),
        flags in any::<[bool; 2]>(), steps in steps(),
    ) {
        let [deleted, is_mirror] = flags;
        let view = ApiPod { pod: &pod, status: &api, mirror: mirror.as_ref(), deleted, is_mirror };
        let mut cache = StatusCache::default();
        let (mut on_its_way, mut newest_sent) = (None, 0);
        for (now, step) in steps {
            let before = cache.clone();
            let change = match step {
                Step::Set(mut status) => Some(cache.set(now, &view, &mut status)),
                Step::SetAgain => cache.status().cloned().map(|mut status| {
                    let change = cache.set(now, &view, &mut status);
                    let is_lost = pod.behaviour.compat.refuse_after_unknown_init_container
                        && matches!(change, StatusChange::Refused(_));
                    assert!(deleted || is_lost || change == StatusChange::Unchanged, "{change:?}");
                    change
                }),
                Step::Ready(id, ready) => {
                    Some(cache.set_ready(now, &view, &format!("containerd://c{id}"), ready))
                }
                Step::Started(id, started) => {
                    Some(cache.set_started(now, &view, &format!("containerd://c{id}"), started))
                }
                Step::Terminate => Some(cache.terminate(now, &view)),
                Step::Send => {
                    let version = cache.next_update().map(|update| update.version);
                    if let Some(version) = version {
                        prop_assert!(on_its_way.is_none() && version >= newest_sent);
                        prop_assert_eq!(version, cache.version());
                        (on_its_way, newest_sent) = (Some(version), version);
                    }
                    None
                }
                Step::Sent(version) => {
                    prop_assert_eq!(cache.sent(version), on_its_way == Some(version));
                    on_its_way = on_its_way.filter(|expected| *expected != version);
                    None
                }
                Step::Failed(version) => {
                    prop_assert_eq!(cache.failed(version), on_its_way == Some(version));
                    on_its_way = on_its_way.filter(|expected| *expected != version);
                    None
                }
                Step::Reconcile => {
                    let _ = cache.reconcile(&view);
                    None
                }
                Step::Restart => {
                    let stored = serde_json::to_string(&cache.snapshot(&pod)).unwrap();
                    let stored = serde_json::from_str(&stored).unwrap();
                    cache = StatusCache::restore(stored, &pod, now).unwrap();
                    prop_assert_eq!(cache.status(), before.status());
                    on_its_way = None;
                    None
                }
            };
            let accepted = change.is_some_and(|change| change.is_accepted());
            prop_assert_eq!(cache.version(), before.version() + u64::from(accepted));
            if !accepted {
                prop_assert_eq!(cache.status(), before.status());
                continue;
            }
            let (Some(old), Some(new)) = (before.status(), cache.status()) else { continue };
            for condition in new.conditions.iter().filter(|it| OWNED.contains(&&*it.type_)) {
                let old = old.condition(&condition.type_);
                if let Some(old) = old.filter(|old| old.status == condition.status) {
                    prop_assert_eq!(condition.last_transition_time, old.last_transition_time);
                } else {
                    prop_assert!(condition.last_transition_time.is_some());
                }
            }
            prop_assert_eq!(new.start_time, old.start_time);
            if is_terminal(old.phase) && !pod.is_static && !pod.behaviour.compat.leave_terminal_phases {
                prop_assert_eq!(new.phase, old.phase);
            }
        }
    }
}
