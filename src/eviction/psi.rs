//! Pressure stall information (KEP-4205), and the conditions of the node that follow from it (KEP-5394).
//!
//! The kernel says which share of the last ten seconds, the last minute and the last five minutes tasks waited for a
//! resource. Four conditions are made of the time in which all of them waited at once (`full`): that of memory and of
//! disks, each for the whole node and for the pods' cgroup. Processor time is measured and makes no condition, since
//! it only slows tasks down.
//!
//! | last minute | last ten seconds | | the condition |
//! |---|---|---|---|
//! | below the threshold | | [`Contention::Low`] | goes, after the transition period |
//! | at least the threshold | below | [`Contention::Falling`] | stays as it is |
//! | at least the threshold | at least the threshold | [`Contention::High`] | comes |
//! | not measured | | [`Contention::Unknown`] | stays as it is |
//!
//! Nothing is reported unless both gates are on, `KubeletPSI` and `PSINodeCondition`, nor of a condition whose
//! threshold is zero.
//!
//! # What the proposal leaves open
//!
//! The proposal is in alpha. It has no transition period: the average over a minute is meant to be steady enough. Here
//! there is one, and it is zero by default. The threshold of 90 percent and the names of the settings are those of the
//! kubelet's implementation, which is not released. What is not measured is not spoken of in the proposal; here it
//! says nothing, and the conditions stay.
//!
//! ```
//! use node_lifecycle::api::Summary;
//! use node_lifecycle::behaviour::{Behaviour, Feature};
//! use node_lifecycle::eviction::{Contention, ContentionPressure, PsiConditions, PsiConfig, PsiObservation};
//! use node_lifecycle::machine::Timestamp;
//!
//! let mut behaviour = Behaviour::default();
//! behaviour.gates.set(Feature::KubeletPSI, true);
//! behaviour.gates.set(Feature::PSINodeCondition, true);
//!
//! let summary = Summary::from_json(r#"{"node": {"memory": {"psi": {
//!     "full": {"total": 5400, "avg10": 97.5, "avg60": 91.0, "avg300": 40.25},
//!     "some": {"total": 6000, "avg10": 99.0, "avg60": 98.0, "avg300": 60.75}}}}}"#)?;
//! let mut conditions = PsiConditions::default();
//! let (config, now) = (PsiConfig::default(), Timestamp::UNIX_EPOCH);
//! let verdicts = conditions.observe(&PsiObservation::from(&summary), &config, &behaviour, now);
//!
//! assert_eq!(verdicts[0].pressure, ContentionPressure::SystemMemory);
//! assert_eq!((verdicts[0].contention, verdicts[0].status), (Contention::High, Some(true)));
//! assert_eq!((verdicts[1].contention, verdicts[1].status), (Contention::Unknown, Some(false)));
//! assert_eq!(ContentionPressure::SystemMemory.to_string(), "SystemMemoryContentionPressure");
//! # Ok::<(), node_lifecycle::api::SummaryError>(())
//! ```

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::api::{IoStats, MemoryStats, PsiStats, Summary};
use crate::behaviour::{Behaviour, Feature};
use crate::machine::Timestamp;

/// How long tasks waited, on the node as a whole and in the pods' cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PsiObservation {
    /// All tasks of the node.
    pub system: Psi,
    /// Those of pods.
    pub kubepods: Psi,
}

/// How long tasks waited for each resource, as far as that was measured.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Psi {
    /// For processor time.
    pub cpu: Option<PsiStats>,
    /// For memory.
    pub memory: Option<PsiStats>,
    /// For disks.
    pub io: Option<PsiStats>,
}

/// A condition of the node: tasks wait for something. In the order in which a node reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ContentionPressure {
    /// All tasks wait for memory.
    #[serde(rename = "SystemMemoryContentionPressure")]
    SystemMemory,
    /// All tasks wait for disks.
    #[serde(rename = "SystemDiskContentionPressure")]
    SystemDisk,
    /// All tasks of pods wait for memory.
    #[serde(rename = "KubepodsMemoryContentionPressure")]
    KubepodsMemory,
    /// All tasks of pods wait for disks.
    #[serde(rename = "KubepodsDiskContentionPressure")]
    KubepodsDisk,
}

/// From which share of the time on a condition holds: 0.9 is ninety percent, and with 0 there is no such condition.
/// In serde these are the kubelet's settings.
///
/// A number that [`validate`](Self::validate) refuses is read nevertheless: one that is none or negative as 0, and
/// none above 1 is ever reached.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PsiConfig {
    /// For memory, on the node as a whole.
    pub system_memory_contention_threshold: f64,
    /// For disks, on the node as a whole.
    pub system_disk_contention_threshold: f64,
    /// For memory, in the pods' cgroup.
    pub kubepods_memory_contention_threshold: f64,
    /// For disks, in the pods' cgroup.
    pub kubepods_disk_contention_threshold: f64,
    /// How long the last minute has to be below the threshold, whenever it is looked at, until a condition goes.
    pub transition_period: Duration,
}

/// A threshold that is no share.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "the threshold of {pressure} is {threshold}: expected a share from 0, which is never, to 1, which is always"
)]
#[non_exhaustive]
pub struct PsiConfigError {
    /// The condition whose threshold it is.
    pub pressure: ContentionPressure,
    /// The threshold.
    pub threshold: f64,
}

/// How long tasks wait for something, towards a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Contention {
    /// That was not measured.
    Unknown,
    /// In the last minute it was below the threshold.
    Low,
    /// In the last minute it was not, and in the last ten seconds it was: it is falling.
    Falling,
    /// Neither in the last minute nor in the last ten seconds it was below.
    High,
}

/// What an observation means for a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ContentionVerdict {
    /// The condition.
    pub pressure: ContentionPressure,
    /// How long tasks wait.
    pub contention: Contention,
    /// Whether the condition holds; `None` where it is not reported.
    pub status: Option<bool>,
    /// Whether this is another answer than before.
    pub changed: bool,
}

/// Which conditions the node has by pressure stall information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PsiConditions([Condition; ContentionPressure::ALL.len()]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Condition {
    status: Option<bool>,
    /// Since when tasks wait less than would keep it.
    low_since: Option<Timestamp>,
}

impl PsiConditions {
    /// Takes what was measured, as of `now`, and says what it means for each condition, in their order.
    pub fn observe(
        &mut self,
        observation: &PsiObservation,
        config: &PsiConfig,
        behaviour: &Behaviour,
        now: Timestamp,
    ) -> [ContentionVerdict; ContentionPressure::ALL.len()] {
        let is_on = [Feature::KubeletPSI, Feature::PSINodeCondition]
            .into_iter()
            .all(|feature| behaviour.gates.enabled(feature));
        ContentionPressure::ALL.map(|pressure| {
            let condition = &mut self.0[pressure as usize];
            let (before, threshold) = (condition.status, config.threshold(pressure));
            let contention = contention(observation.get(pressure), threshold);
            if is_on && threshold > 0.0 {
                condition.step(contention, config.transition_period, now);
            } else {
                *condition = Condition::default();
            }
            let status = condition.status;
            ContentionVerdict { pressure, contention, status, changed: status != before }
        })
    }

    /// Whether the node has a condition; `None` where it is not reported.
    #[must_use]
    pub const fn status(&self, pressure: ContentionPressure) -> Option<bool> {
        self.0[pressure as usize].status
    }
}

impl Condition {
    fn step(&mut self, contention: Contention, transition_period: Duration, now: Timestamp) {
        let holds = self.status == Some(true);
        match contention {
            Contention::Unknown => self.status = Some(holds),
            Contention::Falling => *self = Self { status: Some(holds), low_since: None },
            Contention::High => *self = Self { status: Some(true), low_since: None },
            Contention::Low => {
                let since = *self.low_since.get_or_insert(now);
                self.status = Some(holds && now - since < transition_period);
            }
        }
    }
}

/// How long tasks wait, towards `threshold`, a share. Averages below 0 or above 100 percent count as these; where
/// one is no number, nothing was measured.
#[must_use]
pub fn contention(psi: Option<&PsiStats>, threshold: f64) -> Contention {
    let Some(full) = psi.map(|psi| psi.full).filter(|full| !full.avg60.is_nan() && !full.avg10.is_nan())
    else {
        return Contention::Unknown;
    };
    let reaches = |percent: f64| percent.clamp(0.0, 100.0) / 100.0 >= threshold;
    match (reaches(full.avg60), reaches(full.avg10)) {
        (false, _) => Contention::Low,
        (true, false) => Contention::Falling,
        (true, true) => Contention::High,
    }
}

impl From<&Summary> for PsiObservation {
    fn from(summary: &Summary) -> Self {
        let node = &summary.node;
        let memory = |stats: &Option<MemoryStats>| stats.as_ref().and_then(|stats| stats.psi);
        let io = |stats: &Option<IoStats>| stats.as_ref().and_then(|stats| stats.psi);
        let of_pods = |pods: &crate::api::ContainerStats| Psi {
            cpu: pods.cpu.as_ref().and_then(|cpu| cpu.psi),
            memory: memory(&pods.memory),
            io: io(&pods.io),
        };
        Self {
            system: Psi {
                cpu: node.cpu.as_ref().and_then(|cpu| cpu.psi),
                memory: memory(&node.memory),
                io: io(&node.io),
            },
            kubepods: node.pods_cgroup().map(of_pods).unwrap_or_default(),
        }
    }
}

impl PsiObservation {
    /// What a condition is made of.
    #[must_use]
    pub const fn get(&self, pressure: ContentionPressure) -> Option<&PsiStats> {
        match pressure {
            ContentionPressure::SystemMemory => self.system.memory.as_ref(),
            ContentionPressure::SystemDisk => self.system.io.as_ref(),
            ContentionPressure::KubepodsMemory => self.kubepods.memory.as_ref(),
            ContentionPressure::KubepodsDisk => self.kubepods.io.as_ref(),
        }
    }
}

impl PsiConfig {
    /// The threshold of a condition.
    #[must_use]
    pub const fn threshold(&self, pressure: ContentionPressure) -> f64 {
        match pressure {
            ContentionPressure::SystemMemory => self.system_memory_contention_threshold,
            ContentionPressure::SystemDisk => self.system_disk_contention_threshold,
            ContentionPressure::KubepodsMemory => self.kubepods_memory_contention_threshold,
            ContentionPressure::KubepodsDisk => self.kubepods_disk_contention_threshold,
        }
    }

    /// Whether every threshold is a share.
    ///
    /// # Errors
    /// The first that is not.
    pub fn validate(&self) -> Result<(), PsiConfigError> {
        let thresholds = ContentionPressure::ALL.map(|pressure| (pressure, self.threshold(pressure)));
        match thresholds.into_iter().find(|(_, threshold)| !(0.0..=1.0).contains(threshold)) {
            Some((pressure, threshold)) => Err(PsiConfigError { pressure, threshold }),
            None => Ok(()),
        }
    }
}

impl Default for PsiConfig {
    /// Ninety percent everywhere, and no transition period.
    fn default() -> Self {
        Self {
            system_memory_contention_threshold: 0.9,
            system_disk_contention_threshold: 0.9,
            kubepods_memory_contention_threshold: 0.9,
            kubepods_disk_contention_threshold: 0.9,
            transition_period: Duration::ZERO,
        }
    }
}

impl ContentionPressure {
    /// All of them, in the order in which a node reports them.
    pub const ALL: [Self; 4] =
        [Self::SystemMemory, Self::SystemDisk, Self::KubepodsMemory, Self::KubepodsDisk];

    /// The name of the condition.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SystemMemory => "SystemMemoryContentionPressure",
            Self::SystemDisk => "SystemDiskContentionPressure",
            Self::KubepodsMemory => "KubepodsMemoryContentionPressure",
            Self::KubepodsDisk => "KubepodsDiskContentionPressure",
        }
    }

    /// The key of the taint that keeps pods off a node with this condition; its effect is `NoSchedule`.
    #[must_use]
    pub const fn taint(self) -> &'static str {
        match self {
            Self::SystemMemory | Self::KubepodsMemory => "node.kubernetes.io/memory-contention-pressure",
            Self::SystemDisk | Self::KubepodsDisk => "node.kubernetes.io/disk-contention-pressure",
        }
    }
}

impl fmt::Display for ContentionPressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::PsiData;

    fn psi(avg10: f64, avg60: f64) -> PsiStats {
        PsiStats { full: PsiData { avg10, avg60, ..PsiData::default() }, ..PsiStats::default() }
    }

    fn observed(avg10: f64, avg60: f64) -> PsiObservation {
        let system = Psi { memory: Some(psi(avg10, avg60)), ..Psi::default() };
        PsiObservation { system, ..PsiObservation::default() }
    }

    fn gated(psi: bool, condition: bool) -> Behaviour {
        let gates = Behaviour::default().gates;
        let gates = gates.with(Feature::KubeletPSI, psi).with(Feature::PSINodeCondition, condition);
        Behaviour { gates, ..Behaviour::default() }
    }

    /// The status of the node's memory after each pair of averages, one second after the other.
    fn statuses(config: &PsiConfig, averages: &[(f64, f64)]) -> Vec<Option<bool>> {
        let mut conditions = PsiConditions::default();
        let seconds = averages.iter().zip(0..);
        seconds
            .map(|((avg10, avg60), second)| {
                let now = Timestamp::from_unix_seconds(second);
                conditions.observe(&observed(*avg10, *avg60), config, &gated(true, true), now)[0].status
            })
            .collect()
    }

    #[test]
    fn a_condition_comes_when_both_averages_are_high_and_goes_with_the_slow_one() {
        let averages = [
            (95.0, 10.0),
            (80.0, 90.0),
            (90.0, 90.0),
            (10.0, 95.0),
            (f64::NAN, 0.0),
            (95.0, 89.0),
            (10.0, 95.0),
        ];
        assert_eq!(
            statuses(&PsiConfig::default(), &averages).into_iter().map(Option::unwrap).collect::<Vec<_>>(),
            [false, false, true, true, true, false, false]
        );
    }

    #[test]
    fn a_condition_stays_for_the_transition_period() {
        let config = PsiConfig { transition_period: Duration::from_secs(2), ..PsiConfig::default() };
        let (high, low) = ((95.0, 95.0), (0.0, 0.0));
        let held: Vec<_> = statuses(&config, &[low, high, low, low, high, low, low, low, low])
            .into_iter()
            .map(Option::unwrap)
            .collect();
        assert_eq!(held, [false, true, true, true, true, true, true, false, false]);
    }

    #[test]
    fn nothing_is_reported_without_both_gates_or_without_a_threshold() {
        let off = PsiConfig { system_memory_contention_threshold: 0.0, ..PsiConfig::default() };
        let mut conditions = PsiConditions::default();
        let mut status = |config: &PsiConfig, behaviour: Behaviour| {
            let verdicts =
                conditions.observe(&observed(99.0, 99.0), config, &behaviour, Timestamp::UNIX_EPOCH);
            (verdicts[0].status, verdicts[0].changed)
        };
        let on = PsiConfig::default();
        assert_eq!(status(&on, gated(false, true)), (None, false));
        assert_eq!(status(&on, gated(true, false)), (None, false));
        assert_eq!(status(&on, gated(true, true)), (Some(true), true));
        assert_eq!(status(&on, gated(true, true)), (Some(true), false));
        assert_eq!(status(&off, gated(true, true)), (None, true));
    }

    #[test]
    fn absurd_numbers_have_a_reading() {
        assert_eq!(contention(None, 0.5), Contention::Unknown);
        assert_eq!(contention(Some(&psi(f64::NAN, 99.0)), 0.5), Contention::Unknown);
        assert_eq!(contention(Some(&psi(-5.0, f64::NEG_INFINITY)), 0.5), Contention::Low);
        assert_eq!(contention(Some(&psi(f64::INFINITY, 1e300)), 1.0), Contention::High);
        assert_eq!(contention(Some(&psi(1e300, 1e300)), 1.01), Contention::Low);
        assert_eq!(
            contention(Some(&psi(7.0, 7.0)), 0.07),
            Contention::High,
            "seven percent are seven percent"
        );
        for threshold in [f64::NAN, -1.0] {
            let config = PsiConfig { system_memory_contention_threshold: threshold, ..PsiConfig::default() };
            assert_eq!(statuses(&config, &[(99.0, 99.0)]), [None]);
            assert_eq!(config.validate().unwrap_err().pressure, ContentionPressure::SystemMemory);
        }
        let config = PsiConfig { kubepods_disk_contention_threshold: 90.0, ..PsiConfig::default() };
        assert_eq!(
            config.validate().unwrap_err().to_string(),
            "the threshold of KubepodsDiskContentionPressure is 90: \
             expected a share from 0, which is never, to 1, which is always"
        );
        assert_eq!(PsiConfig::default().validate(), Ok(()));
    }

    #[test]
    fn each_condition_is_made_of_its_own_numbers() {
        let summary = Summary::from_json(
            r#"{"node": {
                "cpu": {"psi": {"full": {"avg60": 1.0}}}, "memory": {"psi": {"full": {"avg60": 2.0}}},
                "io": {"psi": {"full": {"avg60": 3.0}}}, "systemContainers": [{"name": "pods",
                "cpu": {"psi": {"full": {"avg60": 4.0}}}, "memory": {"psi": {"full": {"avg60": 5.0}}},
                "io": {"psi": {"full": {"avg60": 6.0}}}}]}}"#,
        )
        .unwrap();
        let observation = PsiObservation::from(&summary);
        let averages =
            ContentionPressure::ALL.map(|pressure| observation.get(pressure).map(|psi| psi.full.avg60));
        assert_eq!(averages, [2.0, 3.0, 5.0, 6.0].map(Some));
        assert_eq!(
            observation.kubepods.cpu,
            Some(PsiStats { full: PsiData { avg60: 4.0, ..PsiData::default() }, ..PsiStats::default() })
        );
        for pressure in ContentionPressure::ALL {
            assert_eq!(serde_json::to_value(pressure).unwrap(), pressure.name());
        }
    }
}
