//! From a base, drop-ins and flags to one configuration.
//!
//! [`merge`] does it all at once; [`Layers`] is the same step by step. What happens, as in the kubelet 1.32:
//!
//! 1. The base is read, gets its defaults, and its relative paths become absolute; without `evictionHard` it has the
//!    platform's. Where there is no base, what the flags have by default counts.
//! 2. Each drop-in is an RFC 7386 merge patch onto what is there: structs and maps merge by key, lists and everything
//!    else are replaced, `null` takes away.
//! 3. What is unset then gets its default again.
//! 4. Flags outrank all of it. Those of maps replace the whole map, but for `--feature-gates`, which merges.
//!
//! Everything that is wrong with any of the files is reported at once, and [`Note`]s say what is right and may surprise.
//! By default all files are read strictly; [`Compat`] has what the kubelet lets pass.

mod base;
mod finish;
mod patch;
mod reading;
mod settle;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::flags::Flags;
use super::note::Note;
use super::problem::{ConfigErrors, Problem};
use super::provenance::{Provenance, Slots, to_node};
use super::source::{Place, Source};
use super::validate::Gates;
use super::{KubeletConfiguration, schema};
use crate::behaviour::{Compat, Feature, FeatureGates, GateRegistry};
use crate::document::{Lenient, Node, Value};
use crate::eviction::Platform;
use patch::Patch;

/// So many unknown fields, misfits and wrong gates of one file are reported one by one. Nobody reads more at a time.
const MOST_OF_A_FILE: usize = 64;

/// What the merge goes by, beside the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeOptions {
    /// Which faults of the kubelet are copied.
    pub compat: Compat,
    /// What the node runs on: `evictionHard` has its defaults from there.
    pub platform: Platform,
    /// The gates that there are.
    pub registry: GateRegistry,
    /// The gates that are on before a file is read. [`merge`] adds what the flags say, by name or by group.
    pub gates: FeatureGates,
}

/// What is right, on Linux, with the gates of Kubernetes 1.32 and the newer ones that this library has.
impl Default for MergeOptions {
    fn default() -> Self {
        Self {
            compat: Compat::default(),
            platform: Platform::Linux,
            registry: GateRegistry::of_release(FeatureGates::BASELINE).with_newer(),
            gates: FeatureGates::default(),
        }
    }
}

impl MergeOptions {
    /// The kubelet of Kubernetes 1.32, as measured, on Linux.
    #[must_use]
    pub fn kubelet_1_32() -> Self {
        Self {
            compat: Compat::kubelet_1_32(),
            registry: GateRegistry::of_release(FeatureGates::BASELINE),
            ..Self::default()
        }
    }
}

/// The configuration that a node has in the end.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Effective {
    /// The configuration, with all defaults, `apiVersion` and `kind`. `evictionHard` is always set in it: where it is
    /// empty, no default counts.
    pub config: KubeletConfiguration,
    /// Where everything in it comes from.
    pub provenance: Provenance,
    /// What may surprise, in the order in which it happened.
    pub notes: Vec<Note>,
    /// The files, in the order in which they were applied.
    pub files: Vec<Arc<str>>,
}

/// Merges a base, the files of a drop-in folder in their order, and the flags of the command line.
///
/// No drop-ins (`None`) and an empty folder (`Some(&[])`) are not quite the same to the kubelet: see
/// [`Compat::forget_empty_settings`].
///
/// ```
/// use node_lifecycle::config::{Flags, Source, merge};
///
/// let file = |text| format!(r#"{{"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", {text}}}"#);
/// let base = Source::base("/etc/kubelet/config.yaml", file(r#""maxPods": 50, "staticPodPath": "manifests""#));
/// let drop_in = Source::drop_in("10-evictions.conf", file(r#""evictionHard": {"memory.available": "1Gi"}"#));
/// let effective = merge(Some(&base), Some(&[drop_in]), &Flags::parse(&["--max-pods=60"]), Default::default())?;
/// assert_eq!(effective.config.max_pods, 60);
/// assert_eq!(effective.config.static_pod_path, "/etc/kubelet/manifests");
/// let hard = effective.config.eviction_hard.as_ref().unwrap();
/// assert_eq!((hard["memory.available"].as_str(), hard["nodefs.available"].as_str()), ("1Gi", "10%"));
///
/// let misspelt = Source::drop_in("20.conf", file(r#""maxPod": 50"#));
/// let error = merge(Some(&base), Some(&[misspelt]), &Flags::default(), Default::default()).unwrap_err();
/// assert_eq!(error.to_string(), "20.conf:1:81: there is no field maxPod; did you mean maxPods?");
/// # Ok::<(), node_lifecycle::config::ConfigErrors>(())
/// ```
///
/// # Errors
///
/// Everything that is wrong with the files and the flags.
pub fn merge(
    base: Option<&Source>,
    drop_ins: Option<&[Source]>,
    flags: &Flags,
    options: MergeOptions,
) -> Result<Effective, ConfigErrors> {
    layers(base, drop_ins, flags, options).finish(flags)
}

/// All files, one after the other.
pub(super) fn layers(
    base: Option<&Source>,
    drop_ins: Option<&[Source]>,
    flags: &Flags,
    options: MergeOptions,
) -> Layers {
    let options = MergeOptions { gates: gates_under(flags, &options), ..options };
    let mut layers = Layers::new(base, options);
    if let Some(drop_ins) = drop_ins {
        layers.enter_folder();
        for drop_in in drop_ins {
            layers.apply(drop_in);
        }
    }
    layers
}

/// The gates as the flags have them before a file is read, groups such as `AllAlpha` included.
fn gates_under(flags: &Flags, options: &MergeOptions) -> FeatureGates {
    let set: BTreeMap<_, _> = flags.feature_gates().into_iter().collect();
    if set.is_empty() {
        return options.gates;
    }
    let under = Gates::over(options.gates, &set, options.registry);
    let known = Feature::ALL.iter().filter(|feature| options.registry.gate(feature.name()).is_some());
    known.fold(options.gates, |gates, feature| gates.with(*feature, under.enabled(feature.name())))
}

/// A merge on its way: the base, and the drop-ins so far.
///
/// A left fold: applying files one at a time, going on from a clone, or all at once gives the same. (Merging drop-ins
/// with each other first does not, and is not offered.)
///
/// ```
/// use node_lifecycle::config::{Flags, Layers, Source};
///
/// let file = |n| format!(r#"{{"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "maxPods": {n}}}"#);
/// let mut layers = Layers::new(Some(&Source::base("kubelet.yaml", file(50))), Default::default());
/// let before = layers.clone();
/// layers.apply(&Source::drop_in("10.conf", file(60)));
/// assert_eq!(layers.tree()["maxPods"], 60);
/// assert_eq!(before.finish(&Flags::default())?.config.max_pods, 50);
/// # Ok::<(), node_lifecycle::config::ConfigErrors>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Layers {
    options: MergeOptions,
    slots: Slots,
    has_base: bool,
    has_folder: bool,
    files: Vec<Arc<str>>,
    /// Whether a file was applied twice in a row.
    has_repetitions: bool,
    /// Values in drop-ins that do not fit. It is an error only if they are still there in the end.
    misfits: Vec<(String, Place, String)>,
    notes: Vec<Note>,
    problems: Vec<Problem>,
}

impl Layers {
    /// Begins with a base, or with what the flags have by default. What is wrong with it is reported by
    /// [`finish`](Self::finish).
    pub fn new(base: Option<&Source>, options: MergeOptions) -> Self {
        let mut layers = Self {
            options,
            slots: Slots::new(),
            has_base: base.is_some(),
            has_folder: false,
            files: Vec::new(),
            has_repetitions: false,
            misfits: Vec::new(),
            notes: Vec::new(),
            problems: Vec::new(),
        };
        match base {
            Some(base) => layers.begin_with(base),
            None => layers.begin_without_base(),
        }
        layers
    }

    /// Says that there is a drop-in folder, which may be empty. [`apply`](Self::apply) says so too.
    pub fn enter_folder(&mut self) {
        if !std::mem::replace(&mut self.has_folder, true) && self.options.compat.forget_empty_settings {
            self.forget_empty_settings();
        }
    }

    /// Applies one drop-in. What is wrong with it is reported by [`finish`](Self::finish).
    pub fn apply(&mut self, drop_in: &Source) {
        self.enter_folder();
        if let Some(node) = self.read(drop_in) {
            self.apply_node(drop_in, node);
        }
    }

    /// Applies one drop-in whose text was read before, by [`read_leniently`](crate::document::read_leniently).
    pub fn apply_read(&mut self, drop_in: &Source, read: Lenient) {
        self.enter_folder();
        self.read_name(drop_in);
        if let Some(node) = self.take_document(drop_in, read) {
            self.apply_node(drop_in, node);
        }
    }

    fn apply_node(&mut self, drop_in: &Source, node: Node) {
        let Some(mapping) = node.as_mapping() else { return };
        if drop_in.name().contains('/') {
            self.notes.push(Note::InSubFolder { file: Arc::clone(drop_in.shared_name()) });
        }
        self.look_through(drop_in, mapping);
        self.note_relative_paths(drop_in, &node);
        let node = self.without_newer_fields(node);
        let mut patch = Patch { file: drop_in.shared_name(), notes: &mut self.notes };
        if let Value::Mapping(mapping) = node.into_value() {
            patch.apply(&mut self.slots, mapping, schema::ROOT, "");
        }
    }

    /// What there is so far, before what is unset in it gets its default.
    pub fn tree(&self) -> serde_json::Value {
        to_node(&self.slots).to_json()
    }

    fn read_name(&mut self, source: &Source) -> Arc<str> {
        let name = Arc::clone(source.shared_name());
        if self.files.last() == Some(&name) {
            self.has_repetitions = true;
        } else {
            self.files.push(Arc::clone(&name));
        }
        name
    }
}
