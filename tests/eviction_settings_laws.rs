//! Laws of the settings of evictions, under random texts.
#![allow(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use node_lifecycle::behaviour::Compat;
use node_lifecycle::eviction::{
    DiskLayout, EvictionConfig, EvictionSettings, Platform, Signal, Threshold, ThresholdValue,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

fn signal() -> impl Strategy<Value = Signal> {
    select(Signal::ALL.to_vec())
}

/// Values that are mostly right, and right in all ways.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[0-9]{1,3}(\\.[0-9]{0,4})?(k|Mi|Gi|e3|m|)",
        4 => "[0-9]{1,2}(\\.[0-9]{0,8})?%",
        1 => "[+-]?[0-9]{0,2}\\.?[0-9]{0,9}(e[+-]?[0-9]{1,2})?%",
        1 => "[+-]?0[xX][0-9a-f_]{0,14}\\.?[0-9a-f]{0,3}p[+-]?[0-9]{1,3}%{1,2}",
        1 => select(vec!["0%", "100%", "100.0%", "0.0%", "-0%", "nan%", "NaN%%", "inf%", "1_0%", "_1%", "%", ""])
            .prop_map(String::from),
    ]
}

fn anything() -> impl Strategy<Value = String> {
    prop_oneof![value(), grace_period(), "\\PC{0,12}", "[-+0-9._xpeEinfa%]{0,12}"]
}

fn grace_period() -> impl Strategy<Value = String> {
    "\\+?([0-9]{1,2}m)?[0-9]{1,3}(\\.[0-9]{1,3})?s"
}

fn by_signal(text: impl Strategy<Value = String>) -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(signal().prop_map(|signal| signal.name().to_owned()), text, 0..6)
}

/// Settings whose soft thresholds have grace periods.
fn settings() -> impl Strategy<Value = EvictionSettings> {
    let pods = option::of(vec(select(vec!["pods", "none"]).prop_map(String::from), 0..2));
    let soft = by_signal(value());
    (
        option::of(by_signal(value())),
        soft,
        grace_period(),
        by_signal(value()),
        pods,
        option::of(any::<bool>()),
    )
        .prop_map(|(hard, soft, grace, reclaim, pods, merge)| EvictionSettings {
            eviction_hard: hard,
            eviction_soft_grace_period: soft.keys().map(|signal| (signal.clone(), grace.clone())).collect(),
            eviction_soft: soft,
            eviction_minimum_reclaim: reclaim,
            enforce_node_allocatable: pods,
            merge_default_eviction_settings: merge,
            ..EvictionSettings::default()
        })
}

fn platform() -> impl Strategy<Value = Platform> {
    select(vec![Platform::Linux, Platform::Windows, Platform::Other])
}

fn compat() -> impl Strategy<Value = Compat> {
    select(vec![Compat::default(), Compat::kubelet_1_32()])
}

fn threshold() -> impl Strategy<Value = Threshold> {
    let value = (1..99_u8).prop_map(|percent| ThresholdValue::Percentage(f32::from(percent) / 100.0));
    (signal(), value, 0..3_u64).prop_map(|(signal, value, grace)| Threshold {
        signal,
        value,
        grace_period: Duration::from_secs(grace),
        min_reclaim: None,
    })
}

/// The value that a text is read as.
fn read(text: &str) -> Option<ThresholdValue> {
    let settings = EvictionSettings {
        eviction_hard: Some([("pid.available".to_owned(), text.to_owned())].into()),
        ..EvictionSettings::default()
    };
    let (config, _) = settings.config(Platform::Linux, Compat::kubelet_1_32()).ok()?;
    config.thresholds.into_iter().next().map(|threshold| threshold.value)
}

/// What tells two thresholds apart, numbers that are none included.
fn same(a: &[Threshold], b: &[Threshold]) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

proptest! {
    #[test]
    fn no_text_panics(
        maps in vec(btree_map(prop_oneof![signal().prop_map(|it| it.to_string()), anything()], anything(), 0..5), 4),
        platform in platform(),
        compat in compat(),
    ) {
        let [hard, soft, grace, reclaim] = <[_; 4]>::try_from(maps).unwrap();
        let settings = EvictionSettings {
            eviction_hard: Some(hard),
            eviction_soft: soft,
            eviction_soft_grace_period: grace,
            eviction_minimum_reclaim: reclaim,
            ..EvictionSettings::default()
        };
        match settings.config(platform, compat) {
            Ok((_, notices)) => prop_assert!(notices.iter().all(|notice| !notice.to_string().is_empty())),
            Err(errors) => {
                prop_assert!(!errors.errors().is_empty());
                for error in errors.errors() {
                    prop_assert!(errors.to_string().contains(&error.to_string()));
                    let _ = error.kubelet_message();
                }
            }
        }
    }

    /// A manager runs with whatever is read.
    #[test]
    fn what_is_read_is_valid_and_in_order(settings in settings(), platform in platform(), compat in compat()) {
        if let Ok((config, _)) = settings.config(platform, compat) {
            prop_assert_eq!(config.validate(compat), Ok(()));
            prop_assert!(config.thresholds.is_sorted_by(|a, b| a.precedence(b).is_le()));
        }
    }

    /// What is right by default is right for the kubelet, and means the same.
    #[test]
    fn the_kubelet_takes_what_is_taken_by_default(settings in settings(), platform in platform()) {
        if let Ok(right) = settings.config(platform, Compat::default()) {
            prop_assert_eq!(settings.config(platform, Compat::kubelet_1_32()), Ok(right));
        }
    }

    #[test]
    fn what_is_printed_reads_back(text in value()) {
        if let Some(value) = read(&text) {
            let again = read(&value.to_string()).unwrap();
            let is_same = match (&value, &again) {
                (ThresholdValue::Percentage(value), ThresholdValue::Percentage(again)) => {
                    value.to_bits() == again.to_bits()
                }
                (value, again) => value == again,
            };
            prop_assert!(is_same, "{} is printed as {} and reads as {:?}", text, value, again);
        }
    }

    /// Merging is the same as writing the defaults down beside what is written.
    #[test]
    fn defaults_that_are_merged_are_as_if_written(settings in settings(), platform in platform(), compat in compat()) {
        let merged = EvictionSettings { merge_default_eviction_settings: Some(true), ..settings.clone() };
        let mut hard: BTreeMap<String, String> = platform.default_eviction_hard().iter()
            .map(|(signal, value)| ((*signal).to_owned(), (*value).to_owned()))
            .collect();
        hard.extend(settings.eviction_hard.clone().unwrap_or_default());
        let written = EvictionSettings {
            eviction_hard: Some(hard), merge_default_eviction_settings: None, ..settings
        };
        match (merged.config(platform, compat), written.config(platform, compat)) {
            (Ok((merged, _)), Ok((written, _))) => prop_assert!(same(&merged.thresholds, &written.thresholds)),
            (merged, written) => prop_assert_eq!(merged.map_err(|_| ()), written.map_err(|_| ())),
        }
    }

    #[test]
    fn the_order_is_total(a in threshold(), b in threshold(), c in threshold()) {
        prop_assert_eq!(a.precedence(&b), b.precedence(&a).reverse());
        if a.precedence(&b).is_le() && b.precedence(&c).is_le() {
            prop_assert!(a.precedence(&c).is_le());
        }
        let alike = (a.signal, a.grace_period) == (b.signal, b.grace_period);
        prop_assert_eq!(a.precedence(&b) == Ordering::Equal, alike);
    }

    /// `containerfs` has the last thresholds of what it follows, and nothing else is touched.
    #[test]
    fn containerfs_follows(
        thresholds in vec(threshold(), 0..12),
        layout in select(vec![DiskLayout::One, DiskLayout::Dedicated, DiskLayout::Split, DiskLayout::LayersApart]),
    ) {
        let config = EvictionConfig { thresholds: thresholds.clone(), ..EvictionConfig::default() };
        let found = config.thresholds_for(layout);
        let all = found.clone().into_all();
        prop_assert!(found.configured.is_sorted_by(|a, b| a.precedence(b).is_le()));
        prop_assert!(all.is_sorted_by(|a, b| a.precedence(b).is_le()));
        let others = |thresholds: &[Threshold]| {
            let mut others = thresholds.to_vec();
            others.retain(|threshold| {
                ![Signal::ContainerfsAvailable, Signal::ContainerfsInodesFree].contains(&threshold.signal)
            });
            others.sort_by(Threshold::precedence);
            others
        };
        if layout == DiskLayout::LayersApart {
            prop_assert_eq!(found.configured.len(), thresholds.len());
            prop_assert!(found.derived.is_empty() && found.overridden.is_empty());
            return Ok(());
        }
        prop_assert!(same(&others(&thresholds), &others(&all)));
        let (available, inodes_free) = match layout {
            DiskLayout::Dedicated => (Signal::ImagefsAvailable, Signal::ImagefsInodesFree),
            _ => (Signal::NodefsAvailable, Signal::NodefsInodesFree),
        };
        for (signal, followed) in
            [(Signal::ContainerfsAvailable, available), (Signal::ContainerfsInodesFree, inodes_free)]
        {
            for hard in [true, false] {
                let of = |list: &[Threshold], signal| {
                    let is_it = |threshold: &&Threshold| threshold.signal == signal && threshold.is_hard() == hard;
                    list.iter().filter(is_it).cloned().collect::<Vec<_>>()
                };
                let followed = of(&thresholds, followed).pop().map(|followed| Threshold { signal, ..followed });
                let was = of(&thresholds, signal);
                let is_derived = followed.is_some() && was.is_empty();
                let derived = followed.iter().filter(|_| is_derived).cloned().collect::<Vec<_>>();
                prop_assert_eq!(of(&found.derived, signal), derived);
                prop_assert_eq!(of(&found.overridden, signal).pop(), was.last().cloned());
                let kept = was.len().saturating_sub(1) + usize::from(followed.is_some());
                prop_assert_eq!(of(&all, signal).len(), kept);
                prop_assert!(followed.is_none_or(|followed| of(&all, signal).contains(&followed)));
            }
        }
    }
}

#[test]
fn a_whole_configuration_is_read() {
    let text = r#"{"apiVersion": "kubelet.config.k8s.io/v1beta1", "maxPods": 110, "evictionSoft": null,
        "evictionPressureTransitionPeriod": "30s", "evictionMaxPodGracePeriod": 60,
        "localStorageCapacityIsolation": false, "evictionHard": {}}"#;
    let settings: EvictionSettings = serde_json::from_str(text).unwrap();
    let (config, notices) = settings.config(Platform::Linux, Compat::default()).unwrap();
    let expected = EvictionConfig {
        thresholds: vec![],
        pressure_transition_period: Duration::from_secs(30),
        max_pod_grace_period_seconds: 60,
        local_storage_capacity_isolation: false,
        ..EvictionConfig::default()
    };
    assert_eq!((config, notices.len()), (expected, 5), "an empty evictionHard drops all 5 defaults");
    let again = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<EvictionSettings>(&again).unwrap(), settings);
}

#[test]
fn without_settings_the_kubelet_s_defaults_count() {
    let (config, notices) = EvictionSettings::default().config(Platform::Linux, Compat::default()).unwrap();
    assert_eq!((config, notices.len()), (EvictionConfig::default(), 0));
}
