//! Random pods and how their containers behave.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::{
    Container, ContainerRestartRule, ExecAction, ExitCodeOperator, ExitCodes, GoDuration, ImageVolume,
    Lifecycle, LifecycleHandler, ObjectMeta, Pod, PodSpec, Probe, RestartPolicy, RestartRuleAction,
    SleepAction, Volume, VolumeMount,
};
use node_lifecycle::behaviour::{Behaviour, Feature, FeatureGates};
use node_lifecycle::sim::{Behavior, Hooks, Probes, Pull, Script};
use proptest::prelude::*;

/// A pod, and how its containers behave by name.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) pod: Pod,
    pub(crate) behaviors: Arc<BTreeMap<String, Behavior>>,
    pub(crate) gates: FeatureGates,
}

impl Case {
    pub(crate) fn behaviour(&self) -> Arc<Behaviour> {
        Arc::new(Behaviour { gates: self.gates, ..Behaviour::default() })
    }

    pub(crate) fn enabled(&self, feature: Feature) -> bool {
        self.gates.enabled(feature)
    }

    pub(crate) fn grace(&self) -> Duration {
        let grace = self.pod.spec.termination_grace_period_seconds.unwrap_or(30);
        Duration::from_secs(u64::try_from(grace).unwrap_or(0).max(1))
    }
}

/// A pod under random gates, with what they allow.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    (plain_case(), gates(), prop::collection::vec(newer(), 13)).prop_map(|(mut case, gates, newer)| {
        case.gates = gates;
        let spec = Arc::make_mut(&mut case.pod.spec);
        if gates.enabled(Feature::ImageVolume) {
            let image = Some(ImageVolume { reference: "model:1".to_owned(), ..ImageVolume::default() });
            spec.volumes = vec![Volume { name: "model".to_owned(), image, ..Volume::default() }];
        }
        let lists = [&mut spec.init_containers, &mut spec.containers, &mut spec.ephemeral_containers];
        for (container, newer) in lists.into_iter().flatten().zip(newer) {
            if gates.enabled(Feature::ImageVolume) && newer.mounts {
                let name = "model".to_owned();
                container.volume_mounts = vec![VolumeMount { name, ..VolumeMount::default() }];
            }
            if container.name == "debug" || !gates.enabled(Feature::ContainerRestartRules) {
                continue;
            }
            if container.restart_policy.is_none() {
                // A regular init container is none that is always restarted: that is a sidecar.
                let always = container.name.starts_with("init");
                container.restart_policy =
                    newer.policy.filter(|policy| !(always && *policy == RestartPolicy::Always));
            }
            if container.restart_policy.is_some() {
                let may_restart_all = gates.enabled(Feature::RestartAllContainersOnContainerExits);
                let allowed = |rule: &ContainerRestartRule| {
                    may_restart_all || rule.action == RestartRuleAction::Restart
                };
                container.restart_policy_rules = newer.rules.into_iter().filter(allowed).collect();
            }
        }
        case
    })
}

fn gates() -> impl Strategy<Value = FeatureGates> {
    let is_on = || prop::bool::weighted(0.8);
    let on = [is_on(), is_on(), is_on(), is_on()];
    (prop::bool::weighted(0.8), on).prop_map(|(any, [rules, all, sidecars, images])| {
        FeatureGates::default()
            .with(Feature::ContainerRestartRules, any && rules)
            .with(Feature::RestartAllContainersOnContainerExits, any && all)
            .with(Feature::SidecarsRestartableDuringPodTermination, any && sidecars)
            .with(Feature::ImageVolume, any && images)
    })
}

/// What the gates allow a container.
#[derive(Debug, Clone)]
struct Newer {
    policy: Option<RestartPolicy>,
    rules: Vec<ContainerRestartRule>,
    mounts: bool,
}

fn newer() -> impl Strategy<Value = Newer> {
    let policy =
        prop_oneof![Just(RestartPolicy::Always), Just(RestartPolicy::OnFailure), Just(RestartPolicy::Never)];
    let action = prop_oneof![Just(RestartRuleAction::Restart), Just(RestartRuleAction::RestartAllContainers)];
    let operator = prop_oneof![4 => Just(ExitCodeOperator::In), 1 => Just(ExitCodeOperator::NotIn)];
    let values = prop_oneof![prop::collection::vec(0..3, 1..3), Just(vec![137]), Just(vec![0, 137])];
    let rule = (action, operator, values).prop_map(|(action, operator, values)| ContainerRestartRule {
        action,
        exit_codes: Some(ExitCodes { operator, values }),
    });
    let rules = prop_oneof![Just(Vec::new()), prop::collection::vec(rule, 1..3)];
    (prop::option::weighted(0.8, policy), rules, any::<bool>()).prop_map(|(policy, rules, mounts)| Newer {
        policy,
        rules,
        mounts,
    })
}

fn plain_case() -> impl Strategy<Value = Case> {
    let inits = prop::collection::vec((any::<bool>(), part()), 0..=5);
    let apps = prop::collection::vec(part(), 1..=6);
    let policy =
        prop_oneof![Just(RestartPolicy::Always), Just(RestartPolicy::OnFailure), Just(RestartPolicy::Never)];
    let ephemeral = prop::option::weighted(0.2, part());
    (inits, apps, ephemeral, policy, 1..40_i64).prop_map(|(inits, apps, ephemeral, restart_policy, grace)| {
        let mut behaviors = BTreeMap::new();
        let mut named = |name: String, part: Part| {
            behaviors.insert(name.clone(), part.behavior);
            Container { name, image: part.image, ..part.container }
        };
        let init_containers = inits.into_iter().enumerate().map(|(n, (is_sidecar, part))| {
            if is_sidecar {
                let container = named(format!("sidecar-{n}"), part);
                return Container { restart_policy: Some(RestartPolicy::Always), ..container };
            }
            // A regular init container has no probes and hooks, and ends.
            let script = match part.behavior.script {
                Some(Script::Runs { .. }) | None => Some(exits(1500, 0)),
                ending => ending,
            };
            let behavior = Behavior { script, ..part.behavior };
            named(format!("init-{n}"), Part { container: Container::default(), behavior, ..part })
        });
        let init_containers = init_containers.collect();
        let containers =
            apps.into_iter().enumerate().map(|(n, part)| named(format!("app-{n}"), part)).collect();
        let ephemeral_containers = ephemeral.into_iter().map(|part| {
            let container = Container::default();
            named("debug".to_owned(), Part { container, ..part })
        });
        let ephemeral_containers = ephemeral_containers.collect();
        let metadata = ObjectMeta {
            name: "pod".to_owned(),
            namespace: "laws".to_owned(),
            uid: "uid".into(),
            ..ObjectMeta::default()
        };
        let spec = PodSpec {
            init_containers,
            containers,
            ephemeral_containers,
            restart_policy,
            termination_grace_period_seconds: Some(grace),
            ..PodSpec::default()
        };
        let pod = Pod { metadata, spec: Arc::new(spec), ..Pod::default() };
        Case { pod, behaviors: Arc::new(behaviors), gates: FeatureGates::default() }
    })
}

#[derive(Debug, Clone)]
struct Part {
    image: String,
    container: Container,
    behavior: Behavior,
}

fn part() -> impl Strategy<Value = Part> {
    let image = prop_oneof![Just("a:1".to_owned()), Just("b:1".to_owned()), Just("c".to_owned())];
    let probes = (startup_probe(), probe(), probe(), probes());
    (image, probes, pre_stop(), any::<bool>(), script(), hooks(), pull()).prop_map(
        |(image, probes, pre_stop, has_post_start, script, hook, pull)| {
            let (startup_probe, liveness_probe, readiness_probe, probe) = probes;
            let post_start = has_post_start.then(|| LifecycleHandler {
                exec: Some(ExecAction::default()),
                ..LifecycleHandler::default()
            });
            let lifecycle = Some(Lifecycle { post_start, pre_stop, ..Lifecycle::default() });
            let container = Container {
                startup_probe,
                liveness_probe,
                readiness_probe,
                lifecycle,
                ..Container::default()
            };
            Part { image, container, behavior: Behavior { script: Some(script), hook, pull, probe } }
        },
    )
}

fn startup_probe() -> impl Strategy<Value = Option<Probe>> {
    // Some give up after a few questions, and their containers are started again.
    let threshold = prop_oneof![3 => Just(1000), 1 => 1..4];
    let probe = (0..5, 1..10, threshold).prop_map(|(delay, period, threshold)| Probe {
        initial_delay_seconds: Some(delay),
        period_seconds: Some(period),
        failure_threshold: Some(threshold),
        ..asks()
    });
    prop::option::weighted(0.3, probe)
}

fn probe() -> impl Strategy<Value = Option<Probe>> {
    let probe = (0..5, 1..12, 1..3, 1..4).prop_map(|(delay, period, timeout, threshold)| Probe {
        initial_delay_seconds: Some(delay),
        period_seconds: Some(period),
        timeout_seconds: Some(timeout),
        failure_threshold: Some(threshold),
        ..asks()
    });
    prop::option::weighted(0.3, probe)
}

fn asks() -> Probe {
    Probe { exec: Some(ExecAction { command: vec!["ask".to_owned()] }), ..Probe::default() }
}

/// What the probes come to.
fn probes() -> impl Strategy<Value = Probes> {
    let maybe = |weight| prop::option::weighted(weight, duration(60_000));
    let times = (maybe(0.2), maybe(0.2), maybe(0.6), maybe(0.1), maybe(0.8));
    (times, prop::option::weighted(0.5, 1..3_u32), duration(1_500)).prop_map(|(times, instances, takes)| {
        let (hangs_after, unready_from, unready_for, errors_from, errors_for) = times;
        Probes { hangs_after, unready_from, unready_for, errors_from, errors_for, instances, takes }
    })
}

fn pre_stop() -> impl Strategy<Value = Option<LifecycleHandler>> {
    let sleep = (0..20_i64).prop_map(|seconds| LifecycleHandler {
        sleep: Some(SleepAction { seconds }),
        ..LifecycleHandler::default()
    });
    let exec = Just(LifecycleHandler { exec: Some(ExecAction::default()), ..LifecycleHandler::default() });
    prop::option::weighted(0.4, prop_oneof![sleep, exec])
}

fn exits(millis: u64, code: i32) -> Script {
    Script::Exits { after: GoDuration(Duration::from_millis(millis)), code }
}

fn duration(most_millis: u64) -> impl Strategy<Value = GoDuration> {
    (0..=most_millis).prop_map(|millis| GoDuration(Duration::from_millis(millis)))
}

fn script() -> impl Strategy<Value = Script> {
    prop_oneof![
        (0..20_000_u64, 0..3).prop_map(|(millis, code)| exits(millis, code)),
        (1..4_u32, duration(5_000)).prop_map(|(times, after)| Script::Crashes { times, after, code: 1 }),
        (duration(20_000), duration(20_000), duration(60_000), any::<bool>()).prop_map(
            |(starts_after, ready_after, stops_after, ignores_sigterm)| Script::Runs {
                starts_after,
                ready_after,
                stops_after,
                ignores_sigterm,
            }
        ),
    ]
}

fn hooks() -> impl Strategy<Value = Hooks> {
    // Some hang longer than anybody waits.
    let pre_stop = prop_oneof![6 => duration(30_000), 1 => Just(GoDuration(Duration::from_secs(1_000_000)))];
    (duration(3_000), pre_stop, prop::bool::weighted(0.1), prop::bool::weighted(0.2)).prop_map(
        |(post_start, pre_stop, post_start_fails, pre_stop_fails)| Hooks {
            post_start,
            pre_stop,
            post_start_fails,
            pre_stop_fails,
        },
    )
}

fn pull() -> impl Strategy<Value = Pull> {
    (prop::option::weighted(0.2, 1..3_u32), duration(5_000)).prop_map(|(times, takes)| Pull {
        takes: Some(takes),
        usable_after: None,
        fails: times.map(|_| "no such image".to_owned()),
        times,
    })
}
