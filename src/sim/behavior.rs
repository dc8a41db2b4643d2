//! How simulated containers behave.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use super::Subject;
use crate::api::{GoDuration, RestartPolicy};
use crate::container::{ContainerKind, ProbeAnswer, ProbeKind};

/// How one container behaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Behavior {
    /// What its process does; `None`: what is usual for its kind.
    pub script: Option<Script>,
    /// How long its hooks take, and whether they fail.
    pub hook: Hooks,
    /// What its pulls do.
    pub pull: Pull,
    /// What its probes come to, beside what its script says of them.
    pub probe: Probes,
}

/// What the process of a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Script {
    /// It ends by itself.
    Exits {
        /// After this long.
        #[serde(default)]
        after: GoDuration,
        /// With this exit code.
        #[serde(default)]
        code: i32,
    },
    /// Its first instances end by themselves, later ones do what is usual for the container.
    Crashes {
        /// How many.
        times: u32,
        /// After this long.
        #[serde(default)]
        after: GoDuration,
        /// With this exit code, 1 by default.
        #[serde(default = "one")]
        code: i32,
    },
    /// It runs until it is stopped.
    Runs {
        /// When its startup probe passes, from its start.
        #[serde(default)]
        starts_after: GoDuration,
        /// When its readiness probe passes, from its start.
        #[serde(default)]
        ready_after: GoDuration,
        /// How long it takes to end once it is told to.
        #[serde(default)]
        stops_after: GoDuration,
        /// Whether it has to be killed.
        #[serde(default)]
        ignores_sigterm: bool,
    },
}

const fn one() -> i32 {
    1
}

impl Script {
    /// Runs until it is told to stop, and obeys at once.
    pub const OBEDIENT: Self = Self::Runs {
        starts_after: GoDuration(Duration::ZERO),
        ready_after: GoDuration(Duration::ZERO),
        stops_after: GoDuration(Duration::ZERO),
        ignores_sigterm: false,
    };

    /// What is usual: an init container ends well after 1 s, an app container that is not always restarted
    /// after 30 s, and everything else runs until it is stopped.
    #[must_use]
    pub fn usual(kind: ContainerKind, policy: RestartPolicy) -> Self {
        let exits = |seconds| Self::Exits { after: GoDuration(Duration::from_secs(seconds)), code: 0 };
        match kind {
            ContainerKind::Init => exits(1),
            ContainerKind::App if policy != RestartPolicy::Always => exits(30),
            ContainerKind::App | ContainerKind::Sidecar | ContainerKind::Ephemeral => Self::OBEDIENT,
        }
    }

    /// When instance number `attempt` ends by itself, and with which code.
    #[must_use]
    pub const fn own_end(&self, attempt: u32) -> Option<(Duration, i32)> {
        match *self {
            Self::Exits { after, code } => Some((after.0, code)),
            Self::Crashes { times, after, code } if attempt < times => Some((after.0, code)),
            Self::Crashes { .. } | Self::Runs { .. } => None,
        }
    }

    /// How long it takes to end once it is told to; `None`: it has to be killed.
    #[must_use]
    pub const fn stops_after(&self) -> Option<Duration> {
        match *self {
            Self::Runs { ignores_sigterm: true, .. } => None,
            Self::Runs { stops_after, .. } => Some(stops_after.0),
            Self::Exits { .. } | Self::Crashes { .. } => Some(Duration::ZERO),
        }
    }

    /// When its startup probe passes, from its start.
    #[must_use]
    pub const fn starts_after(&self) -> Duration {
        match *self {
            Self::Runs { starts_after, .. } => starts_after.0,
            _ => Duration::ZERO,
        }
    }

    /// When its readiness probe passes, from its start.
    #[must_use]
    pub const fn ready_after(&self) -> Duration {
        match *self {
            Self::Runs { ready_after, .. } => ready_after.0,
            _ => Duration::ZERO,
        }
    }
}

/// How long the hooks of a container take, and whether they fail. A `sleep` hook takes what the spec says. One that
/// is to hang takes longer than anybody waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Hooks {
    /// The `postStart` hook.
    pub post_start: GoDuration,
    /// The `preStop` hook.
    pub pre_stop: GoDuration,
    /// Whether the `postStart` hook fails.
    pub post_start_fails: bool,
    /// Whether the `preStop` hook fails.
    pub pre_stop_fails: bool,
}

/// What the probes of a container come to. Without any of it a startup probe passes from its script's `startsAfter`
/// on, a readiness probe from `readyAfter` on, and a liveness probe as long as the container runs.
///
/// Times count from the start of an instance.
///
/// ```
/// use std::time::Duration;
/// use node_lifecycle::container::{ProbeAnswer, ProbeKind};
/// use node_lifecycle::sim::{Probes, Script};
///
/// // The first instance hangs after half a minute.
/// let probes = Probes { hangs_after: Some("30s".parse()?), instances: Some(1), ..Probes::default() };
/// let at = |seconds, attempt| {
///     probes.answer(&Script::OBEDIENT, ProbeKind::Liveness, attempt, Duration::from_secs(seconds))
/// };
/// assert_eq!((at(29, 0), at(30, 0)), (ProbeAnswer::Success, ProbeAnswer::Failure));
/// assert_eq!(at(30, 1), ProbeAnswer::Success, "another instance, another life");
/// # Ok::<(), node_lifecycle::api::ParseDurationError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Probes {
    /// From then on the instance answers no more: every attempt runs into its timeout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hangs_after: Option<GoDuration>,
    /// From then on its readiness probe fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unready_from: Option<GoDuration>,
    /// For so long; absent: until it is started again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unready_for: Option<GoDuration>,
    /// From then on its attempts cannot be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors_from: Option<GoDuration>,
    /// For so long; absent: until it is started again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors_for: Option<GoDuration>,
    /// How many instances these four are for, the first ones; absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances: Option<u32>,
    /// How long an answer takes. One that takes longer than the probe's timeout is a failure.
    pub takes: GoDuration,
}

impl Probes {
    /// What an attempt comes to that is made of instance number `attempt` when it has run for so long.
    #[must_use]
    pub fn answer(&self, script: &Script, probe: ProbeKind, attempt: u32, age: Duration) -> ProbeAnswer {
        let concerned = self.instances.is_none_or(|instances| attempt < instances);
        let within = |from: Option<GoDuration>, length: Option<GoDuration>| {
            let from = from.filter(|from| concerned && from.0 <= age);
            from.is_some_and(|from| length.is_none_or(|length| age < from.0.saturating_add(length.0)))
        };
        if within(self.errors_from, self.errors_for) {
            return ProbeAnswer::Error;
        }
        let passes = !within(self.hangs_after, None)
            && match probe {
                ProbeKind::Startup => age >= script.starts_after(),
                ProbeKind::Readiness => {
                    age >= script.ready_after() && !within(self.unready_from, self.unready_for)
                }
                ProbeKind::Liveness => true,
            };
        if passes { ProbeAnswer::Success } else { ProbeAnswer::Failure }
    }

    /// How long an attempt of instance number `attempt` takes that is made when it has run for so long: no longer
    /// than its timeout.
    #[must_use]
    pub fn takes(&self, attempt: u32, age: Duration, timeout: Duration) -> Duration {
        let concerned = self.instances.is_none_or(|instances| attempt < instances);
        let hangs = concerned && self.hangs_after.is_some_and(|from| from.0 <= age);
        if hangs { timeout } else { self.takes.0.min(timeout) }
    }
}

/// What the pulls of a container's image do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Pull {
    /// How long a pull takes; absent: the node's latency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takes: Option<GoDuration>,
    /// From when containers can be made from the image, while the rest of it comes; absent: at the end. Where pulls
    /// tell of their progress only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usable_after: Option<GoDuration>,
    /// It fails with this message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fails: Option<String>,
    /// It fails so many times only; absent: always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// Behaviours by pattern, as a file has them.
///
/// ```
/// use node_lifecycle::sim::BehaviorFile;
///
/// let file: BehaviorFile = serde_json::from_str(r#"{"rules": [
///     {"container": "migrate*", "script": {"exits": {"after": "4s"}}},
///     {"pod": "slow-*", "script": {"runs": {"ignoresSigterm": true}}, "hook": {"preStop": "3s"}}]}"#)?;
/// assert_eq!(file.rules.len(), 2);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BehaviorFile {
    /// For each of script, hook, pull and probe, the first rule that matches and has one counts.
    #[serde(default)]
    pub rules: Vec<BehaviorRule>,
}

/// How the containers behave that match all patterns. In a pattern `*` stands for any text and `?` for one
/// character.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BehaviorRule {
    /// A pattern for the pod's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// A pattern for the container's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// A pattern for the container's image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What its process does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<Script>,
    /// How long its hooks take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<Hooks>,
    /// What its pulls do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull: Option<Pull>,
    /// What its probes come to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probes>,
}

impl BehaviorRule {
    fn matches(&self, subject: &Subject<'_>) -> bool {
        let fits = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| WildMatch::new(pattern).matches(text))
        };
        fits(&self.pod, subject.pod)
            && fits(&self.container, subject.container)
            && fits(&self.image, subject.image)
    }
}

impl BehaviorFile {
    /// How a container behaves.
    #[must_use]
    pub fn behavior(&self, subject: &Subject<'_>) -> Behavior {
        let rules: Vec<_> = self.rules.iter().filter(|rule| rule.matches(subject)).collect();
        Behavior {
            script: rules.iter().find_map(|rule| rule.script),
            hook: rules.iter().find_map(|rule| rule.hook).unwrap_or_default(),
            pull: rules.iter().find_map(|rule| rule.pull.clone()).unwrap_or_default(),
            probe: rules.iter().find_map(|rule| rule.probe).unwrap_or_default(),
        }
    }
}
