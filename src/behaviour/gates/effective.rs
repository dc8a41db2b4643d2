//! The gates of a release, and what settings make of them.

use std::fmt;

use super::{Component, FeatureGateSettings, FeatureGates, FeatureInfo, GateGroup, Maturity, StageCounts};

/// The gates that the components of a release accept.
///
/// ```
/// use node_lifecycle::behaviour::{Feature, FeatureGateSettings, GateRegistry};
///
/// let registry = GateRegistry::of_release(32);
/// let settings: FeatureGateSettings = "AllBeta=false,KubeletSeparateDiskGC=true".parse()?;
/// let gates = registry.apply(&settings)?;
/// assert_eq!(gates.enabled("KubeletTracing"), Some(false));
/// assert!(gates.typed().enabled(Feature::KubeletSeparateDiskGC));
///
/// let error = registry.apply(&"NodeSwp=true".parse()?).unwrap_err();
/// assert_eq!(error.to_string(), "unrecognized feature gate: NodeSwp");
/// assert_eq!(error.iter().next().and_then(|it| it.advice()).as_deref(), Some("did you mean NodeSwap?"));
///
/// // A gate of a later release that this crate has can be admitted.
/// let settings: FeatureGateSettings = "ContainerRestartRules=true".parse()?;
/// assert!(registry.apply(&settings).is_err());
/// assert!(registry.with_newer().apply(&settings)?.typed().enabled(Feature::ContainerRestartRules));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateRegistry {
    release: u32,
    newer: bool,
}

impl Default for GateRegistry {
    fn default() -> Self {
        Self::of_release(FeatureGates::BASELINE)
    }
}

impl GateRegistry {
    /// The first minor release that refuses a gate whose dependencies are off.
    const CHECKS_DEPENDENCIES: u32 = 35;

    /// The gates of the release 1.`minor`. They are known for [`FeatureInfo::OLDEST`] to
    /// [`FeatureInfo::NEWEST`]; before, those are missing that had gone by then; after, it is the newest.
    #[must_use]
    pub const fn of_release(minor: u32) -> Self {
        Self { release: minor, newer: false }
    }

    /// The same, and those gates that the release has not yet and that decisions of this crate read. They are off
    /// by default, and no group switches them.
    #[must_use]
    pub const fn with_newer(self) -> Self {
        Self { newer: true, ..self }
    }

    /// The minor release of Kubernetes 1.
    #[must_use]
    pub const fn release(self) -> u32 {
        self.release
    }

    /// Every gate, in the byte order of the names, with what it is in this release. [Groups](GateGroup) are
    /// none.
    pub fn gates(self) -> impl Iterator<Item = (&'static FeatureInfo, GateState)> {
        FeatureInfo::all().filter_map(move |info| Some((info, self.state(info)?)))
    }

    /// The gate of that name, if this release has it.
    #[must_use]
    pub fn gate(self, name: &str) -> Option<(&'static FeatureInfo, GateState)> {
        let info = FeatureInfo::named(name)?;
        Some((info, self.state(info)?))
    }

    fn state(self, info: &FeatureInfo) -> Option<GateState> {
        match info.in_release(self.release) {
            Some(maturity) => Some(GateState::Released(maturity)),
            None if self.newer && info.feature.is_some() && info.removed.is_none() => Some(GateState::Newer),
            None => None,
        }
    }

    /// How many gates that a component reads there are at each stage. (Each component accepts all gates.)
    ///
    /// The talk of SIG Node about 1.29 counted 40 gates: 19 at alpha, 16 at beta, 5 of what is generally
    /// available, of which no list is known. This crate counts every gate that the kubelet's code asks for, whoever
    /// owns it, and finds 35, 25 and 10, and 3 on their way out; `docs/feature-gates.md` says more.
    #[must_use]
    pub fn counts(self, component: Component) -> StageCounts {
        let read = self.gates().filter(|(info, _)| info.is_read_by(component));
        read.filter_map(|(_, state)| state.maturity()).map(|maturity| maturity.stage).collect()
    }

    /// The name of a gate or group of this release that is nearest to a wrong one, if one is near.
    #[must_use]
    pub fn nearest(self, name: &str) -> Option<&'static str> {
        // Likeness costs the product of the lengths, and no gate has a name half as long.
        const LONGEST: usize = 128;
        if name.len() > LONGEST {
            return None;
        }
        let wanted = name.to_lowercase();
        let names = self.gates().map(|(info, _)| info.name).chain(GateGroup::ALL.map(GateGroup::name));
        let near = names.map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name));
        let (likeness, name) = near.max_by(|one, other| one.0.total_cmp(&other.0))?;
        (likeness >= 0.85).then_some(name)
    }

    /// What the settings make of the gates.
    ///
    /// Their order doesn't matter. A gate that is set by name has that value, whatever a [group](GateGroup)
    /// says; else the group of its stage decides, else the default.
    ///
    /// # Errors
    ///
    /// Gates that this release has not or has locked, in byte order of the names; if there are none, from 1.35 on,
    /// gates that are on while another one which they need is off.
    pub fn apply(self, settings: &FeatureGateSettings) -> Result<EffectiveGates, FeatureGateErrors> {
        let wrong: Vec<_> = settings.iter().filter_map(|(name, value)| self.refuse(name, value)).collect();
        if !wrong.is_empty() {
            return Err(FeatureGateErrors(wrong));
        }
        let effective = self.gates().map(|(info, state)| effective(info, state, settings)).collect();
        let gates = EffectiveGates { release: self.release, gates: effective };
        let lacking = gates.lacking();
        if self.release >= Self::CHECKS_DEPENDENCIES && !lacking.is_empty() {
            let wrong = |(name, needs)| FeatureGateError::Dependencies { name, needs };
            return Err(FeatureGateErrors(lacking.into_iter().map(wrong).collect()));
        }
        Ok(gates)
    }

    /// Why a setting is refused, if it is.
    pub(crate) fn refuse(self, name: &str, value: bool) -> Option<FeatureGateError> {
        if GateGroup::named(name).is_some() {
            return None;
        }
        let Some((info, state)) = self.gate(name) else {
            return Some(FeatureGateError::Unrecognized { name: name.to_owned(), registry: self });
        };
        let locked = state.maturity().filter(|it| it.locked && it.default != value)?;
        Some(FeatureGateError::Locked { name: info.name, value, locked: locked.default })
    }
}

fn effective(info: &'static FeatureInfo, state: GateState, settings: &FeatureGateSettings) -> EffectiveGate {
    let group = || {
        let stage = state.maturity()?.stage;
        let group = GateGroup::ALL.into_iter().find(|group| group.stage() == stage)?;
        Some((settings.get(group.name())?, GateSource::Group(group)))
    };
    let (enabled, source) = settings
        .get(info.name)
        .map(|value| (value, GateSource::Set))
        .or_else(group)
        .unwrap_or((state.default_value(), GateSource::Default));
    EffectiveGate { info, state, enabled, source }
}

/// What a gate is in a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateState {
    /// The release has it.
    Released(Maturity),
    /// It came, or will come, with a later release, and this crate has it.
    Newer,
}

impl GateState {
    /// The stage in this release, if the release has it.
    #[must_use]
    pub const fn maturity(self) -> Option<Maturity> {
        match self {
            Self::Released(maturity) => Some(maturity),
            Self::Newer => None,
        }
    }

    /// Whether it is on if nothing sets it.
    #[must_use]
    pub const fn default_value(self) -> bool {
        match self {
            Self::Released(maturity) => maturity.default,
            Self::Newer => false,
        }
    }
}

/// Why a gate has its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateSource {
    /// It is the default.
    Default,
    /// A group switches its stage.
    Group(GateGroup),
    /// It is set by name.
    Set,
}

/// A gate and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EffectiveGate {
    /// The gate.
    pub info: &'static FeatureInfo,
    /// What it is in the release.
    pub state: GateState,
    /// Whether it is on.
    pub enabled: bool,
    /// Why.
    pub source: GateSource,
}

/// The value of every gate of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveGates {
    release: u32,
    gates: Vec<EffectiveGate>,
}

impl EffectiveGates {
    /// Every gate, in the byte order of the names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &EffectiveGate> {
        self.gates.iter()
    }

    /// The gate of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&EffectiveGate> {
        let found = self.gates.binary_search_by(|gate| gate.info.name.cmp(name)).ok()?;
        self.gates.get(found)
    }

    /// Whether a gate is on; `None` if the release has none of that name.
    #[must_use]
    pub fn enabled(&self, name: &str) -> Option<bool> {
        self.get(name).map(|gate| gate.enabled)
    }

    /// The gates that machines take. Those that the release has not are off.
    #[must_use]
    pub fn typed(&self) -> FeatureGates {
        let read = self.gates.iter().filter_map(|gate| Some((gate.info.feature?, gate.enabled)));
        read.fold(FeatureGates::of_release(self.release), |gates, (feature, enabled)| {
            gates.with(feature, enabled)
        })
    }

    /// What is worth saying of the gates that are set by name, and of what others need, in the byte order of the
    /// names.
    #[must_use]
    pub fn notes(&self) -> Vec<FeatureGateNote> {
        let mut notes: Vec<_> = self.gates.iter().flat_map(|gate| self.of_one(gate)).collect();
        let lacking = self.lacking().into_iter();
        notes.extend(lacking.map(|(name, needs)| FeatureGateNote::Dependencies { name, needs }));
        notes.sort_by_key(FeatureGateNote::name);
        notes
    }

    fn of_one(&self, gate: &EffectiveGate) -> impl Iterator<Item = FeatureGateNote> + use<> {
        use super::Stage::{Deprecated, GeneralAvailability};
        let (name, value) = (gate.info.name, gate.enabled);
        let stage = match gate.state {
            GateState::Newer => Some(FeatureGateNote::Newer {
                name,
                since: gate.info.history.first().map(|first| first.since),
                release: self.release,
            }),
            GateState::Released(Maturity { stage: Deprecated, .. }) => {
                Some(FeatureGateNote::Deprecated { name, value })
            }
            GateState::Released(Maturity { stage: GeneralAvailability, .. }) => {
                Some(FeatureGateNote::GeneralAvailability { name, value })
            }
            GateState::Released(_) => None,
        };
        let unread = gate.info.feature.is_none().then_some(FeatureGateNote::Unread { name });
        let set = gate.source == GateSource::Set;
        [stage, unread].into_iter().flatten().filter(move |_| set)
    }

    /// The gates that are on while others that they need are off. What the release doesn't have is not needed.
    fn lacking(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        let on = self.gates.iter().filter(|gate| gate.enabled);
        let needs = |gate: &EffectiveGate| {
            let off = gate.info.dependencies.iter().copied().filter(|name| self.enabled(name) == Some(false));
            (gate.info.name, off.collect::<Vec<_>>())
        };
        on.map(needs).filter(|(_, needs)| !needs.is_empty()).collect()
    }
}

/// Something worth saying of a setting that is valid. The texts are the kubelet's where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeatureGateNote {
    /// The gate is on its way out.
    Deprecated {
        /// The gate.
        name: &'static str,
        /// What it is set to.
        value: bool,
    },
    /// The feature is generally available, so that its gate will go.
    GeneralAvailability {
        /// The gate.
        name: &'static str,
        /// What it is set to.
        value: bool,
    },
    /// A kubelet of the release refuses the gate, and this crate has it.
    Newer {
        /// The gate.
        name: &'static str,
        /// The minor release that brought it; `None` where none has yet.
        since: Option<u32>,
        /// The minor release that is asked about.
        release: u32,
    },
    /// The gate is on, and others that it needs are off. A kubelet refuses that from 1.35 on.
    Dependencies {
        /// The gate.
        name: &'static str,
        /// Those that are off.
        needs: Vec<&'static str>,
    },
    /// No decision of this crate reads the gate.
    Unread {
        /// The gate.
        name: &'static str,
    },
}

impl FeatureGateNote {
    /// The gate that it is about.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Deprecated { name, .. }
            | Self::GeneralAvailability { name, .. }
            | Self::Newer { name, .. }
            | Self::Dependencies { name, .. }
            | Self::Unread { name } => name,
        }
    }
}

impl fmt::Display for FeatureGateNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deprecated { name, value } => write!(
                f,
                "Setting deprecated feature gate {name}={value}. It will be removed in a future release."
            ),
            Self::GeneralAvailability { name, value } => {
                write!(f, "Setting GA feature gate {name}={value}. It will be removed in a future release.")
            }
            Self::Newer { name, since: Some(since), release } => {
                write!(
                    f,
                    "feature gate {name} came with Kubernetes 1.{since}: a kubelet 1.{release} refuses it"
                )
            }
            Self::Newer { name, since: None, .. } => {
                write!(f, "feature gate {name} is proposed: no release of Kubernetes is known to have it")
            }
            Self::Dependencies { name, needs } => {
                write!(
                    f,
                    "{name} is enabled, but depends on features that are disabled: [{}]",
                    needs.join(" ")
                )
            }
            Self::Unread { name } => write!(f, "feature gate {name} changes nothing that is decided here"),
        }
    }
}

/// Everything that is wrong with the settings. Never empty. Prints as the kubelet does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", joined(.0))]
pub struct FeatureGateErrors(Vec<FeatureGateError>);

fn joined(errors: &[FeatureGateError]) -> String {
    let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
    if let [one] = &*texts { one.clone() } else { format!("[{}]", texts.join(", ")) }
}

impl FeatureGateErrors {
    /// Each of them, in the byte order of the names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &FeatureGateError> {
        self.0.iter()
    }
}

impl IntoIterator for FeatureGateErrors {
    type Item = FeatureGateError;
    type IntoIter = std::vec::IntoIter<FeatureGateError>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Why a setting was refused, as the kubelet words it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FeatureGateError {
    /// The release has no gate of that name.
    #[error("unrecognized feature gate: {name}")]
    Unrecognized {
        /// The name that was given.
        name: String,
        /// The gates that there are.
        registry: GateRegistry,
    },
    /// The gate can't be changed any more.
    #[error("cannot set feature gate {name} to {value}, feature is locked to {locked}")]
    Locked {
        /// The gate.
        name: &'static str,
        /// What it was to be.
        value: bool,
        /// What it is.
        locked: bool,
    },
    /// The gate is on, and others that it needs are off.
    #[error("{name} is enabled, but depends on features that are disabled: [{}]", .needs.join(" "))]
    Dependencies {
        /// The gate.
        name: &'static str,
        /// Those that are off.
        needs: Vec<&'static str>,
    },
}

impl FeatureGateError {
    /// The gate that it is about.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Unrecognized { name, .. } => name,
            Self::Locked { name, .. } | Self::Dependencies { name, .. } => name,
        }
    }

    /// What would be right, or why it isn't, where more is known than the kubelet says.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        let Self::Unrecognized { name, registry } = self else { return None };
        let release = registry.release();
        let Some(info) = FeatureInfo::named(name) else {
            return registry.nearest(name).map(|near| format!("did you mean {near}?"));
        };
        Some(match (info.removed, info.history.first()) {
            (Some(removed), _) if removed <= release => format!("it was removed in Kubernetes 1.{removed}"),
            (_, Some(first)) => format!("it came with Kubernetes 1.{}", first.since),
            (_, None) => "it is proposed, and no release of Kubernetes is known to have it".into(),
        })
    }
}
