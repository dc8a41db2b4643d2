//! The registry of feature gates: its data, what a kubelet says of settings, and the table in the docs.
//!
//! `RECORD=1 cargo test --test gate_registry` writes `docs/feature-gates.md` anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use node_lifecycle::behaviour::{
    Component, EffectiveGates, Feature, FeatureGateErrors, FeatureGateNote, FeatureGates, FeatureInfo,
    GateGroup, GateRegistry, GateSource, Maturity, Stage, StageCounts,
};

const RELEASES: std::ops::RangeInclusive<u32> = FeatureInfo::OLDEST..=FeatureInfo::NEWEST;

fn apply(registry: GateRegistry, settings: &str) -> Result<EffectiveGates, FeatureGateErrors> {
    registry.apply(&settings.parse().unwrap())
}

fn refused(release: u32, settings: &str) -> String {
    apply(GateRegistry::of_release(release), settings).unwrap_err().to_string()
}

/// The data.
mod table {
    use super::*;

    #[test]
    fn names_are_in_order_and_found() {
        let names: Vec<_> = FeatureInfo::all().map(|info| info.name).collect();
        assert!(names.is_sorted_by(|one, other| one < other));
        assert!(names.iter().all(|name| FeatureInfo::named(name).is_some_and(|info| info.name == *name)));
        assert!(FeatureInfo::named("NoSuchGate").is_none());
        let read: Vec<_> = FeatureInfo::all().filter_map(|info| info.feature).collect();
        assert_eq!(read, Feature::ALL);
        assert!(read.iter().all(|feature| feature.info().feature == Some(*feature)));
    }

    #[test]
    fn histories_go_forward() {
        for info in FeatureInfo::all() {
            let steps = info.history.windows(2);
            for step in steps {
                let [before, after] = step else { unreachable!("windows of two") };
                assert!(before.since < after.since && before.stage <= after.stage, "{}", info.name);
                let same = |it: &Maturity| (it.stage, it.default, it.locked);
                assert!(same(before) != same(after) && before.locked <= after.locked, "{}", info.name);
            }
            let end = info.removed.unwrap_or(FeatureInfo::NEWEST + 1);
            assert!(info.history.iter().all(|it| it.since < end), "{}", info.name);
            assert!(info.removed.is_none_or(|gone| RELEASES.contains(&gone)), "{}", info.name);
            assert!(!info.summary.is_empty() && !info.components.is_empty(), "{}", info.name);
            assert!(info.components.is_sorted(), "{}", info.name);
        }
    }

    /// What Kubernetes itself demands of its gates. It is also why a group can't change a locked gate.
    #[test]
    fn stages_mean_what_they_say() {
        for release in RELEASES {
            for (info, state) in GateRegistry::of_release(release).gates() {
                let it = state.maturity().unwrap();
                let finished = matches!(it.stage, Stage::GeneralAvailability | Stage::Deprecated);
                assert!(finished || !it.locked, "{} is locked in 1.{release}", info.name);
                // The one gate that was ever on at alpha.
                assert!(it.stage != Stage::Alpha || !it.default || info.name == "WindowsHostNetwork");
            }
        }
    }

    #[test]
    fn needs_exist_and_are_no_less_mature() {
        let order = |stage| match stage {
            Stage::Deprecated => 0,
            Stage::Alpha => 1,
            Stage::Beta => 2,
            Stage::GeneralAvailability => 3,
        };
        let registry = GateRegistry::of_release(FeatureInfo::NEWEST);
        for (info, state) in registry.gates() {
            assert!(info.dependencies.is_sorted(), "{}", info.name);
            for name in info.dependencies {
                assert!(FeatureInfo::named(name).is_some(), "{} needs {name}", info.name);
                let Some((_, needed)) = registry.gate(name) else { continue };
                let [it, needed] = [state, needed].map(|state| state.maturity().unwrap());
                assert!(order(it.stage) <= order(needed.stage), "{} needs {name}", info.name);
                assert!(
                    it.default <= needed.default && it.locked <= needed.locked,
                    "{} needs {name}",
                    info.name
                );
            }
        }
        for release in RELEASES {
            assert!(apply(GateRegistry::of_release(release), "").is_ok(), "the defaults of 1.{release}");
        }
    }

    /// The sample that the project knows best: gates in recordings of a kubelet 1.32.
    #[test]
    fn the_gates_of_1_32() {
        let known = |name| GateRegistry::of_release(32).gate(name).unwrap().1.maturity().unwrap();
        let brief = |name| {
            let it = known(name);
            format!("{} {} {}", it.stage, it.since, if it.locked { "locked" } else { "free" })
        };
        assert_eq!(brief("CPUManager"), "GA 26 locked");
        assert_eq!(brief("DevicePluginCDIDevices"), "GA 31 locked");
        assert_eq!(brief("NodeSwap"), "beta 30 free");
        assert!(known("NodeSwap").default && !known("NodeLogQuery").default);
        assert_eq!(brief("NodeLogQuery"), "beta 30 free");
        assert_eq!(brief("KubeletCrashLoopBackOffMax"), "alpha 32 free");
        // Gates of libraries that a kubelet links.
        for name in
            ["ContextualLogging", "ComponentSLIs", "WatchListClient", "APIServerTracing", "ComponentFlagz"]
        {
            known(name);
        }
        assert_eq!(GateRegistry::of_release(32).gates().count(), 177);
    }
}

/// Counts by stage.
mod counts {
    use super::*;

    fn stages(release: u32, choose: impl Fn(&FeatureInfo) -> bool) -> StageCounts {
        let gates = GateRegistry::of_release(release).gates().filter(|(info, _)| choose(info));
        gates.filter_map(|(_, state)| Some(state.maturity()?.stage)).collect()
    }

    /// A talk counted 40: 19 at alpha, 16 at beta and 5 of what is generally available. What we count is more, and
    /// what nothing but the kubelet reads is near; the text in the docs says why.
    #[test]
    fn of_the_kubelet_1_29() {
        let counts = GateRegistry::of_release(29).counts(Component::Kubelet);
        assert_eq!(counts, StageCounts { alpha: 35, beta: 25, general_availability: 10, deprecated: 3 });
        assert_eq!(counts.total(), 73);
        let alone = stages(29, |info| info.components == [Component::Kubelet]);
        assert_eq!(alone, StageCounts { alpha: 20, beta: 15, general_availability: 5, deprecated: 1 });
    }

    #[test]
    fn a_newer_gate_counts_in_no_stage() {
        let registry = GateRegistry::of_release(32);
        assert_eq!(registry.with_newer().counts(Component::Kubelet), registry.counts(Component::Kubelet));
        assert!(registry.with_newer().gates().count() > registry.gates().count());
    }
}

/// What settings make of the gates.
mod settings {
    use super::*;

    #[test]
    fn the_kubelets_words() {
        assert_eq!(refused(32, "NoSuchGate=true"), "unrecognized feature gate: NoSuchGate");
        assert_eq!(
            refused(32, "CPUManager=false"),
            "cannot set feature gate CPUManager to false, feature is locked to true"
        );
        assert_eq!(
            refused(32, "NoSuchGate=true,DevicePluginCDIDevices=0"),
            "[cannot set feature gate DevicePluginCDIDevices to false, feature is locked to true, \
             unrecognized feature gate: NoSuchGate]"
        );
        assert!(apply(GateRegistry::default(), "CPUManager=true").is_ok(), "what it is locked to");
        assert_eq!(
            refused(35, "RestartAllContainersOnContainerExits=true"),
            "RestartAllContainersOnContainerExits is enabled, but depends on features that are disabled: \
             [NodeDeclaredFeatures]"
        );
    }

    /// What recordings of a kubelet 1.32 set, and it took.
    #[test]
    fn what_the_kubelet_takes() {
        let on = "AllAlpha CPUManager CustomCPUCFSQuotaPeriod KubeletCrashLoopBackOffMax KubeletSeparateDiskGC \
                  LoggingAlphaOptions MemoryQoS NodeLogQuery NodeSwap PodLevelResources";
        let off = "AllBeta GracefulNodeShutdown GracefulNodeShutdownBasedOnPodPriority ImageMaximumGCAge \
                   KubeletSeparateDiskGC KubeletTracing NodeSwap RotateKubeletServerCertificate";
        for (names, value) in [(on, true), (off, false)] {
            for name in names.split_whitespace() {
                let gates = apply(GateRegistry::of_release(32), &format!("{name}={value}")).unwrap();
                assert!(gates.enabled(name).is_none_or(|is_on| is_on == value), "{name}");
            }
        }
    }

    #[test]
    fn advice() {
        let advice = |release, settings| {
            let error = apply(GateRegistry::of_release(release), settings).unwrap_err();
            error.into_iter().next().unwrap().advice()
        };
        let said = |text: &str| Some(text.to_owned());
        assert_eq!(advice(32, "nodeswap=true"), said("did you mean NodeSwap?"));
        assert_eq!(advice(32, "KubeletSeperateDiskGC=true"), said("did you mean KubeletSeparateDiskGC?"));
        assert_eq!(advice(32, "allBeta=true"), said("did you mean AllBeta?"));
        assert_eq!(advice(32, "XYZ=true"), None);
        assert_eq!(advice(33, "CPUManager=true"), said("it was removed in Kubernetes 1.33"));
        assert_eq!(advice(32, "ContainerRestartRules=true"), said("it came with Kubernetes 1.34"));
        let proposed = said("it is proposed, and no release of Kubernetes is known to have it");
        assert_eq!(advice(36, "PSINodeCondition=true"), proposed);
        assert_eq!(advice(32, "CPUManager=false"), None);
    }

    #[test]
    fn names_win_over_groups_and_groups_over_defaults() {
        let gates =
            apply(GateRegistry::default(), "AllAlpha=true,AllBeta=false,MemoryQoS=false,NodeSwap=true");
        let gates = gates.unwrap();
        let one = |name| gates.get(name).map(|gate| (gate.enabled, gate.source)).unwrap();
        assert_eq!(one("MemoryQoS"), (false, GateSource::Set));
        assert_eq!(one("NodeSwap"), (true, GateSource::Set));
        assert_eq!(one("EventedPLEG"), (true, GateSource::Group(GateGroup::AllAlpha)));
        assert_eq!(one("KubeletTracing"), (false, GateSource::Group(GateGroup::AllBeta)));
        assert_eq!(one("CPUManager"), (true, GateSource::Default));
        assert_eq!(one("AllowDNSOnlyNodeCSR"), (false, GateSource::Default));
        assert_eq!(gates.enabled("ContainerRestartRules"), None, "it is newer");
    }

    #[test]
    fn newer_gates_are_off_and_of_no_group() {
        let registry = GateRegistry::default().with_newer();
        let gates = apply(registry, "AllAlpha=true,ContainerStopSignals=true").unwrap();
        assert_eq!(gates.enabled("ContainerRestartRules"), Some(false));
        assert_eq!(gates.enabled("PodLevelResources"), Some(true));
        let expected = FeatureGates::default()
            .with(Feature::ContainerStopSignals, true)
            .with(Feature::CustomCPUCFSQuotaPeriod, true)
            .with(Feature::ImageVolume, true)
            .with(Feature::InPlacePodVerticalScaling, true)
            .with(Feature::KubeletCrashLoopBackOffMax, true)
            .with(Feature::PodLevelResources, true)
            .with(Feature::RuntimeClassInImageCriApi, true);
        assert_eq!(gates.typed(), expected);
        assert!(registry.gate("GangScheduling").is_none(), "nothing here reads it");
    }

    #[test]
    fn notes() {
        let registry = GateRegistry::default().with_newer();
        let settings = "CPUManager=true,AllowDNSOnlyNodeCSR=true,ContainerRestartRules=true,PSINodeCondition=true,\
                        KubeletSeparateDiskGC=true,GracefulNodeShutdown=false";
        let notes: Vec<_> = apply(registry, settings).unwrap().notes();
        let texts: Vec<_> = notes.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "Setting deprecated feature gate AllowDNSOnlyNodeCSR=true. It will be removed in a future release.",
                "feature gate AllowDNSOnlyNodeCSR changes nothing that is decided here",
                "Setting GA feature gate CPUManager=true. It will be removed in a future release.",
                "feature gate CPUManager changes nothing that is decided here",
                "feature gate ContainerRestartRules came with Kubernetes 1.34: a kubelet 1.32 refuses it",
                "feature gate GracefulNodeShutdown changes nothing that is decided here",
                "GracefulNodeShutdownBasedOnPodPriority is enabled, but depends on features that are disabled: \
                 [GracefulNodeShutdown]",
                "feature gate PSINodeCondition is proposed: no release of Kubernetes is known to have it",
            ]
        );
        assert_eq!(notes[0], FeatureGateNote::Deprecated { name: "AllowDNSOnlyNodeCSR", value: true });
        assert!(
            apply(registry, "AllAlpha=true").unwrap().notes().iter().all(|note| note.name() != "EventedPLEG")
        );
    }

    #[test]
    fn defaults_are_those_that_machines_take() {
        for release in 1..=FeatureInfo::NEWEST + 4 {
            for registry in
                [GateRegistry::of_release(release), GateRegistry::of_release(release).with_newer()]
            {
                assert_eq!(
                    apply(registry, "").unwrap().typed(),
                    FeatureGates::of_release(release),
                    "1.{release}"
                );
            }
        }
    }
}

#[test]
fn the_docs_are_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/feature-gates.md");
    let written = document();
    if std::env::var_os("RECORD").is_some() {
        std::fs::write(path, &written).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == written, "docs/feature-gates.md is out of date: RECORD=1 writes it anew");
}

const INTRODUCTION: &str = "\
# Feature gates

Generated from `src/behaviour/gates/table.rs` by `RECORD=1 cargo test --test gate_registry`; that file also says
where its facts come from. The releases are minor releases of Kubernetes 1.

A kubelet accepts the gates of all of Kubernetes' parts, not only its own. `GateRegistry::of_release(32)` does as a
kubelet 1.32; `with_newer()` also admits those later gates that this library has. A gate in **bold** is read by a
decision of this library. \"locked\" can't be changed any more.

";

const ON_COUNTS: &str = "
The talk of SIG Node about 1.29 counted 40 gates: 19 at alpha, 16 at beta and 5 of what is generally available. We
know of no list behind it, so that it can't be counted after. The 73 above are more, for we count every gate that
code of the kubelet asks for, whoever owns it: those of volumes, network, authentication, logging and metrics too,
those of features that the API server or the scheduler has a part in, and those on their way out. The 41 that nothing
else reads (20, 15 and 5, and 1 on its way out) come near to the talk's number without being its rule.

";

fn document() -> String {
    let mut text = INTRODUCTION.to_owned();
    text +=
        "## How many there are\n\nGates that a kubelet reads, and those of them that nothing else reads:\n\n";
    text += "| release | alpha | beta | GA | deprecated | all | nothing else: alpha | beta | GA | deprecated | all |\n";
    text += "|---|---|---|---|---|---|---|---|---|---|---|\n";
    for release in RELEASES {
        let registry = GateRegistry::of_release(release);
        let alone = registry.gates().filter(|(info, _)| info.components == [Component::Kubelet]);
        let alone = alone.filter_map(|(_, state)| Some(state.maturity()?.stage)).collect();
        let cells = [registry.counts(Component::Kubelet), alone].map(|it: StageCounts| {
            format!(
                "{} | {} | {} | {} | {}",
                it.alpha,
                it.beta,
                it.general_availability,
                it.deprecated,
                it.total()
            )
        });
        writeln!(text, "| 1.{release} | {} |", cells.join(" | ")).unwrap();
    }
    text += ON_COUNTS;
    text += "## All of them\n\n| gate | in 1.32 | history | read by | needs | KEP | what it does |\n";
    text += "|---|---|---|---|---|---|---|\n";
    for info in FeatureInfo::all() {
        text += &row(info);
    }
    text
}

fn row(info: &FeatureInfo) -> String {
    let FeatureInfo { name, summary, .. } = info;
    let name = if info.feature.is_some() { format!("**{name}**") } else { (*name).to_owned() };
    let now = info.in_release(32).map_or_else(|| "–".to_owned(), |it| format!("{}, {}", it.stage, value(it)));
    let mut history: Vec<_> =
        info.history.iter().map(|it| format!("{} {} {}", it.since, it.stage, value(*it))).collect();
    history.extend(info.removed.map(|gone| format!("{gone} gone")));
    let history = if history.is_empty() { "proposed".to_owned() } else { history.join("; ") };
    let readers: Vec<_> = info.components.iter().map(ToString::to_string).collect();
    let kep = info.kep.map(|kep| format!("[{kep}](https://kep.k8s.io/{kep})")).unwrap_or_default();
    let needs = info.dependencies.join(", ");
    format!("| {name} | {now} | {history} | {} | {needs} | {kep} | {summary} |\n", readers.join(", "))
}

fn value(maturity: Maturity) -> &'static str {
    match (maturity.default, maturity.locked) {
        (false, false) => "off",
        (true, false) => "on",
        (false, true) => "off, locked",
        (true, true) => "on, locked",
    }
}

/// Each part reads some gate, and every release changes some.
#[test]
fn the_table_covers_parts_and_releases() {
    let parts: BTreeSet<_> = FeatureInfo::all().flat_map(|info| info.components).collect();
    assert_eq!(parts.len(), 6);
    for release in RELEASES {
        let changes = FeatureInfo::all().filter(|info| info.history.iter().any(|it| it.since == release));
        assert!(changes.count() > 10, "1.{release}");
    }
}

/// A name of a megabyte is like no other, which is said at once.
#[test]
fn nothing_is_near_a_name_that_no_gate_could_have() {
    let name = "NodeSwap".repeat(1 << 17);
    assert_eq!(GateRegistry::default().nearest(&name), None);
    let longest = FeatureInfo::all().map(|info| info.name.len()).max().unwrap();
    assert!(longest <= 64, "{longest}");
}
