//! What holds of feature gates under any settings.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use node_lifecycle::behaviour::{
    Feature, FeatureGateError, FeatureGateSettings, FeatureGates, FeatureInfo, GateGroup, GateRegistry,
    GateSource,
};
use proptest::prelude::*;

fn registry() -> impl Strategy<Value = GateRegistry> {
    (20..50_u32, any::<bool>()).prop_map(|(release, newer)| {
        let registry = GateRegistry::of_release(release);
        if newer { registry.with_newer() } else { registry }
    })
}

/// Names that there are, groups, and others.
fn name() -> impl Strategy<Value = String> {
    let known: Vec<_> = FeatureInfo::all().map(|info| info.name.to_owned()).collect();
    prop_oneof![
        8 => proptest::sample::select(known),
        2 => proptest::sample::select(GateGroup::ALL.map(|group| group.name().to_owned()).to_vec()),
        1 => "[A-Za-z]{0,12}",
    ]
}

fn settings() -> impl Strategy<Value = Vec<(String, bool)>> {
    proptest::collection::vec((name(), any::<bool>()), 0..12)
}

/// Settings that the registry accepts: those that it refuses one by one are left out.
fn accepted(registry: GateRegistry, settings: Vec<(String, bool)>) -> FeatureGateSettings {
    let fits = |one: &(String, bool)| registry.apply(&[one.clone()].into_iter().collect()).is_ok();
    settings.into_iter().filter(fits).collect()
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,60}", more in "[A-Za-z=,tf01 ]{0,40}", registry in registry()) {
        for text in [text, more] {
            if let Ok(settings) = text.parse::<FeatureGateSettings>() {
                let printed = settings.to_string();
                prop_assert_eq!(printed.parse::<FeatureGateSettings>(), Ok(settings.clone()));
                let judged = registry.apply(&settings);
                if let Err(errors) = judged {
                    prop_assert!(errors.iter().len() > 0);
                    errors.iter().for_each(|error| drop((error.to_string(), error.advice())));
                }
            }
        }
    }

    #[test]
    fn settings_round_trip(settings in settings()) {
        let settings: FeatureGateSettings = settings.into_iter().collect();
        prop_assert_eq!(settings.to_string().parse::<FeatureGateSettings>(), Ok(settings.clone()));
        let json = serde_json::to_string(&settings).unwrap();
        prop_assert_eq!(serde_json::from_str::<FeatureGateSettings>(&json).unwrap(), settings);
    }

    #[test]
    fn order_does_not_matter(registry in registry(), settings in settings(), seed in any::<u64>()) {
        // One setting a name, so that the order can't say which is the last.
        let settings: FeatureGateSettings = settings.into_iter().collect();
        let mut entries: Vec<_> = settings.iter().map(|(name, on)| format!("{name}={on}")).collect();
        let turn = usize::try_from(seed % 12).unwrap().min(entries.len());
        entries.rotate_left(turn);
        if seed % 2 == 0 {
            entries.reverse();
        }
        let shuffled = entries.join(",").parse().unwrap();
        prop_assert_eq!(registry.apply(&settings), registry.apply(&shuffled));
    }

    #[test]
    fn each_value_has_its_reason(registry in registry(), settings in settings()) {
        let settings = accepted(registry, settings);
        let Ok(gates) = registry.apply(&settings) else { return Ok(()) };
        prop_assert_eq!(gates.iter().len(), registry.gates().count());
        for gate in gates.iter() {
            let it = gate.state.maturity();
            let group = it.and_then(|it| GateGroup::ALL.into_iter().find(|group| group.stage() == it.stage));
            let group = group.and_then(|group| Some((settings.get(group.name())?, GateSource::Group(group))));
            let set = settings.get(gate.info.name).map(|value| (value, GateSource::Set));
            let default = (gate.state.default_value(), GateSource::Default);
            prop_assert_eq!((gate.enabled, gate.source), set.or(group).unwrap_or(default), "{}", gate.info.name);
            prop_assert!(it.is_none_or(|it| !it.locked || gate.enabled == it.default), "{}", gate.info.name);
        }
        for feature in Feature::ALL {
            let value = gates.enabled(feature.name()).unwrap_or(false);
            prop_assert_eq!(gates.typed().enabled(*feature), value, "{}", feature);
        }
    }

    #[test]
    fn what_is_refused_is_refused_for_a_reason(registry in registry(), settings in settings()) {
        let settings: FeatureGateSettings = settings.into_iter().collect();
        let Err(errors) = registry.apply(&settings) else { return Ok(()) };
        prop_assert!(errors.iter().map(FeatureGateError::name).is_sorted());
        for error in errors {
            let name = error.name().to_owned();
            match error {
                FeatureGateError::Unrecognized { .. } => prop_assert!(registry.gate(&name).is_none()),
                FeatureGateError::Locked { value, locked, .. } => {
                    let it = registry.gate(&name).unwrap().1.maturity().unwrap();
                    prop_assert!(it.locked && it.default == locked && locked != value);
                }
                FeatureGateError::Dependencies { needs, .. } => {
                    prop_assert!(registry.release() >= 35);
                    prop_assert!(needs.iter().all(|need| settings.get(need) != Some(true)));
                }
                _ => prop_assert!(false, "a new kind of error"),
            }
        }
    }

    #[test]
    fn gates_of_machines_read_what_they_print(on in proptest::collection::vec(any::<bool>(), Feature::ALL.len())) {
        let gates = Feature::ALL.iter().zip(on).fold(FeatureGates::default(), |gates, (it, on)| gates.with(*it, on));
        prop_assert_eq!(gates.to_string().parse(), Ok(gates));
        let settings: FeatureGateSettings = gates.to_string().parse().unwrap();
        prop_assert_eq!(FeatureGates::try_from(&settings), Ok(gates));
    }
}
