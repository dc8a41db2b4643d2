//! Which gates are on for the rules that depend on them.

use std::collections::BTreeMap;

use super::error::Findings;
use crate::behaviour::{FeatureGateSettings, GateGroup, GateRegistry};
use crate::config::KubeletConfiguration;

/// What is set, over what was set before. Looks gates up as they are asked for.
pub(in crate::config) struct Gates<'a> {
    registry: GateRegistry,
    set: &'a BTreeMap<String, bool>,
    before: Option<&'a FeatureGateSettings>,
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
        let gates = Self { registry, set: &config.feature_gates, before: None };
        found.0.is_empty().then_some(gates)
    }

    /// The gates of a configuration. What a kubelet refuses is passed over.
    pub(in crate::config) const fn of_settings(
        config: &'a KubeletConfiguration,
        registry: GateRegistry,
    ) -> Self {
        Self { registry, set: &config.feature_gates, before: None }
    }

    /// The gates of a configuration over those that were set before. What a kubelet refuses is passed over.
    pub(in crate::config) const fn over(
        before: &'a FeatureGateSettings,
        config: &'a KubeletConfiguration,
        registry: GateRegistry,
    ) -> Self {
        Self { registry, set: &config.feature_gates, before: Some(before) }
    }

    /// Whether a gate is on: by its name, else by its group, else by default.
    pub(in crate::config) fn enabled(&self, name: &str) -> bool {
        let Some((_, state)) = self.registry.gate(name) else { return false };
        let by_group = || {
            let stage = state.maturity()?.stage;
            let group = GateGroup::ALL.into_iter().find(|group| group.stage() == stage)?;
            self.setting(group.name())
        };
        match state.maturity() {
            Some(maturity) if maturity.locked => maturity.default,
            _ => self.setting(name).or_else(by_group).unwrap_or(state.default_value()),
        }
    }

    fn setting(&self, name: &str) -> Option<bool> {
        self.set.get(name).copied().or_else(|| self.before?.get(name))
    }
}
