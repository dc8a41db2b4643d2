//! From files to a node.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use node_lifecycle::api::{Pod, Summary, read_pods};
use node_lifecycle::behaviour::FeatureGates;
use node_lifecycle::document::{self, Document, Node};
use node_lifecycle::eviction::{EvictionSettings, ThresholdErrors};
use serde::Deserialize;

use super::args::Args;
use super::source::{at, decode, only_document, read_file, read_text, shipped, shown};

/// What was read.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The files, as they are named to the user.
    pub(crate) files: Vec<String>,
    pub(crate) pods: Vec<Pod>,
    pub(crate) summary: Summary,
    /// An earlier one, with its file.
    pub(crate) earlier: Option<(String, Summary)>,
    pub(crate) config: KubeletConfig,
    /// Worth saying.
    pub(crate) notes: Vec<String>,
}

/// What concerns evictions of a `KubeletConfiguration`, and where it stands.
#[derive(Debug, Default)]
pub(crate) struct KubeletConfig {
    pub(crate) settings: EvictionSettings,
    pub(crate) gates: FeatureGates,
    source: Option<(String, Document)>,
}

/// Reads everything that the arguments name, or says all that is wrong with it.
pub(crate) fn load(args: &Args, stdin: &mut dyn Read) -> Result<Loaded, Vec<String>> {
    let is_shipped = args.pods.is_none();
    let path = |asked: &Option<PathBuf>, name| asked.clone().unwrap_or_else(|| shipped(name));
    let (pods, summary) = (path(&args.pods, "data/pods.json"), path(&args.summary, "data/summary.json"));
    let config = args.config.clone().or_else(|| is_shipped.then(|| shipped("data/kubelet.yaml")));

    let (mut errors, mut notes) = (Vec::new(), Vec::new());
    let files = [Some(&pods), Some(&summary), config.as_ref()].into_iter().flatten();
    let files = files.map(|path| named(path)).collect();
    let pods = load_pods(&pods, stdin, &mut notes).map_err(|wrong| errors.extend(wrong));
    let mut take = |error| errors.push(error);
    let summary = load_summary(&summary).map_err(&mut take);
    let earlier = args.earlier.as_ref().map(|path| load_summary(path).map(|summary| (shown(path), summary)));
    let earlier = earlier.transpose().map_err(&mut take);
    let config = config.map_or(Ok(KubeletConfig::default()), |path| load_config(&path)).map_err(&mut take);
    match (pods, summary, earlier, config) {
        (Ok(pods), Ok(summary), Ok(earlier), Ok(config)) => {
            Ok(Loaded { files, pods, summary, earlier, config, notes })
        }
        _ => Err(errors),
    }
}

/// A path as it is named to the user.
fn named(path: &Path) -> String {
    if path.as_os_str() == "-" { "stdin".to_owned() } else { shown(path) }
}

fn load_pods(path: &Path, stdin: &mut dyn Read, notes: &mut Vec<String>) -> Result<Vec<Pod>, Vec<String>> {
    let file = named(path);
    let text = if path.as_os_str() == "-" {
        read_text(stdin).map_err(|error| format!("{file}: {error}"))
    } else {
        read_file(path)
    };
    let manifest = read_pods(&text.map_err(|error| vec![error])?);
    if !manifest.errors.is_empty() {
        return Err(manifest.errors.iter().map(|error| format!("{file}: {error}")).collect());
    }
    if manifest.pods.is_empty() {
        return Err(vec![format!(
            "{file}: there is no pod in it: expected what `kubectl get pods -A -o json` prints"
        )]);
    }
    notes.extend(manifest.skipped.iter().map(|origin| format!("{file}: {origin} has no pods, skipped")));
    Ok(manifest.pods.into_iter().map(|found| found.pod).collect())
}

fn load_summary(path: &Path) -> Result<Summary, String> {
    let file = shown(path);
    let document = only_document(&file, document::read_json(&read_file(path)?), "`node` and `pods`")?;
    if document.get("node").is_none() {
        return Err(format!(
            "{file}: {}, expected `node` and `pods`, as \
             `kubectl get --raw /api/v1/nodes/NODE/proxy/stats/summary` prints them",
            kind_of(document.root())
        ));
    }
    decode(&file, document.number(), document.root())
}

fn load_config(path: &Path) -> Result<KubeletConfig, String> {
    /// What else is read of a `KubeletConfiguration`.
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Gates {
        feature_gates: Option<BTreeMap<String, bool>>,
    }

    let file = shown(path);
    let document = only_document(&file, document::read(&read_file(path)?), "a KubeletConfiguration")?;
    let root = kubelet_config(&document);
    let is_other = match root.get("kind") {
        Some(kind) => kind.as_str() != Some("KubeletConfiguration"),
        None => root.get("node").is_some(),
    };
    if is_other {
        return Err(format!("{file}: {}, expected a KubeletConfiguration", kind_of(root)));
    }
    let settings = decode(&file, document.number(), root)?;
    let Gates { feature_gates } = decode(&file, document.number(), root)?;
    let mut gates = FeatureGates::default();
    for (name, enabled) in feature_gates.unwrap_or_default() {
        // Those of which nothing here depends are not known.
        if let Ok(gate) = name.parse() {
            gates.set(gate, enabled);
        }
    }
    Ok(KubeletConfig { settings, gates, source: Some((file, document)) })
}

/// The configuration itself, or that in what `configz` answers.
fn kubelet_config(document: &Document) -> &Node {
    document.get("kubeletconfig").unwrap_or_else(|| document.root())
}

/// What a document is, by what it says of itself.
fn kind_of(root: &Node) -> String {
    match root.get("kind").and_then(Node::as_str) {
        Some(kind) => format!("is of the kind {kind}"),
        None if root.get("node").is_some() => "is a summary".to_owned(),
        None => "is something else".to_owned(),
    }
}

impl KubeletConfig {
    /// What is wrong with its thresholds, with the places of the entries.
    pub(crate) fn refuse(&self, errors: &ThresholdErrors) -> Vec<String> {
        let errors = errors.errors().iter().map(|error| {
            let Some((file, document)) = &self.source else { return error.to_string() };
            let field = kubelet_config(document).get(error.field.name());
            let entry = field.and_then(|field| field.get(&error.signal));
            let position = entry.or(field).map(Node::position).unwrap_or_default();
            format!("{}: {error}", at(file, document.number(), position))
        });
        errors.collect()
    }
}
