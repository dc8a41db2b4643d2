//! What `kubectl` and a node's configuration say of the node.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use node_lifecycle::api::{Pod, Summary, read_pods};
use node_lifecycle::behaviour::FeatureGates;
use node_lifecycle::document::{self, Document, Node, Position};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::source::{at, decode, only_document, read_file, read_text, shown};

/// A path as it is named to the user.
pub(crate) fn named(path: &Path) -> String {
    if path.as_os_str() == "-" { "stdin".to_owned() } else { shown(path) }
}

/// The pods that `kubectl get pods -A -o json` prints; `-` is the standard input.
pub(crate) fn load_pods(
    path: &Path,
    stdin: &mut dyn Read,
    notes: &mut Vec<String>,
) -> Result<Vec<Pod>, Vec<String>> {
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

/// What a node measures, as its `/stats/summary` says.
pub(crate) fn load_summary(path: &Path) -> Result<Summary, String> {
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

/// What is read of a `KubeletConfiguration`, and where it stands.
#[derive(Debug, Default)]
pub(crate) struct KubeletConfig<S> {
    pub(crate) settings: S,
    pub(crate) gates: FeatureGates,
    source: Option<(String, Document)>,
}

/// A `KubeletConfiguration`, or what `configz` answers.
pub(crate) fn load_config<S: DeserializeOwned>(path: &Path) -> Result<KubeletConfig<S>, String> {
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
        None => ["node", "images", "status"].iter().any(|field| root.get(field).is_some()),
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

impl<S> KubeletConfig<S> {
    /// What is wrong with it, with the place of the entry, or else that of its field.
    pub(crate) fn refuse(&self, field: &str, entry: Option<&str>, error: &str) -> String {
        let Some((file, document)) = &self.source else { return error.to_owned() };
        let field = kubelet_config(document).get(field);
        let entry = entry.and_then(|entry| field?.get(entry));
        let position: Position = entry.or(field).map(Node::position).unwrap_or_default();
        format!("{}: {error}", at(file, document.number(), position))
    }
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

/// The first of many names.
pub(crate) fn listed(names: &[String]) -> String {
    match names.split_at_checked(3) {
        Some((first, rest @ [_, _, ..])) => format!("{} and {} more", first.join(", "), rest.len()),
        _ => names.join(", "),
    }
}
