//! Which gates are on for the rules that depend on them.

use std::collections::BTreeMap;

use super::error::Findings;
use crate::behaviour::{FeatureGates, GateGroup, GateRegistry};
use crate::config::KubeletConfiguration;

/// What is set, over what was set before. Looks gates up as they are asked for.
pub(in crate::config) struct Gates<'a> {
    registry: GateRegistry,
    set: &'a BTreeMap<String, bool>,
    before: FeatureGates,
}

impl<'a> Gates<'a> {
    /// The gates of a configuration; `None` if it sets what a kubelet refuses.
    pub(super) fn of(
        config: &'a KubeletConfiguration,
        registry: GateRegistry,
        found: &mut Findings,
    ) -> Option<Self> {
        for (name, value) in &config.feature_gates {
            if let Some(error) = registry.refuse(name, *value) {
                found.add(format_args!("featureGates.{name}"), error);
            }
        }
        found.0.is_empty().then(|| Self::over(FeatureGates::default(), &config.feature_gates, registry))
    }

    /// What is set over what was set before. What a kubelet refuses is passed over.
    pub(in crate::config) const fn over(
        before: FeatureGates,
        set: &'a BTreeMap<String, bool>,
        registry: GateRegistry,
    ) -> Self {
        Self { registry, set, before }
    }

    /// Whether a gate is on: by its name, else by its group, else as before.
    pub(in crate::config) fn enabled(&self, name: &str) -> bool {
        let Some((info, state)) = self.registry.gate(name) else { return false };
        let by_group = || {
            let stage = state.maturity()?.stage;
            let group = GateGroup::ALL.into_iter().find(|group| group.stage() == stage)?;
            self.set.get(group.name()).copied()
        };
        let before = || info.feature.map_or(state.default_value(), |feature| self.before.enabled(feature));
        match state.maturity() {
            Some(maturity) if maturity.locked => maturity.default,
            _ => self.set.get(name).copied().or_else(by_group).unwrap_or_else(before),
        }
    }
}
