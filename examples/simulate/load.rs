//! From paths to pods: files, folders and the standard input.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use node_lifecycle::api::{ManifestPod, Origin, Pod, read_pods};
use node_lifecycle::document;
use node_lifecycle::pod::CompileError;
use node_lifecycle::sim::BehaviorFile;

use super::source::{self, at, read_text, shipped, shown};

/// A pod, and where it was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) pod: Pod,
    file: String,
    origin: Origin,
    /// The text of its file, to find fields in.
    text: Arc<str>,
    /// What it was made from, for its title: `Deployment/web in pod.yaml`.
    pub(crate) source: String,
}

impl Found {
    /// Where it stands: `pod.yaml: document 1, line 3, column 1`.
    fn place(&self) -> String {
        at(&self.file, self.origin.document, self.origin.position)
    }

    /// What is wrong with it as a whole, with the place of the field in its file.
    pub(crate) fn refuse(&self, error: &CompileError) -> String {
        let CompileError::GateNeeded { path, .. } = error else {
            return format!("{}: {error}", self.place());
        };
        let documents = document::read(&self.text).unwrap_or_default();
        let document = documents.iter().find(|document| document.number() == self.origin.document);
        // The pod is the object itself or the template in it.
        let paths =
            ["", "spec.template.", "spec.jobTemplate.spec.template."].map(|above| format!("{above}{path}"));
        let found = document.and_then(|document| document.root().at(&self.origin.path)).and_then(|object| {
            paths.iter().find_map(|path| object.at(path).map(|field| (path, field.position())))
        });
        let Some((below, position)) = found else { return format!("{}: {error}", self.place()) };
        let dot = if self.origin.path.is_empty() { "" } else { "." };
        let message = error.to_string();
        let message = message.strip_prefix(&**path).unwrap_or(&message);
        format!(
            "{}: {}{dot}{below}{message}",
            at(&self.file, self.origin.document, position),
            self.origin.path
        )
    }
}

/// What was found: pods, things to say, and things that are wrong.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) pods: Vec<Found>,
    pub(crate) notes: Vec<String>,
    pub(crate) errors: Vec<String>,
    /// Who has a name, or an identity, first.
    taken: BTreeMap<String, String>,
}

/// Reads all pods of all paths, in their order.
pub(crate) fn load(paths: &[PathBuf], stdin: &mut dyn Read) -> Loaded {
    let mut loaded = Loaded::default();
    let shipped = [shipped("manifests")];
    let paths = if paths.is_empty() { &shipped } else { paths };
    for path in paths {
        if path.as_os_str() == "-" {
            loaded.take(Path::new("stdin"), read_text(stdin));
            continue;
        }
        match manifests_below(path) {
            Ok(files) if files.is_empty() => loaded.errors.push(format!(
                "{}: the folder has no manifests: expected *.yaml, *.yml or *.json",
                shown(path)
            )),
            Ok(files) => {
                for file in files {
                    loaded.take(&file, fs::File::open(&file).and_then(|mut file| read_text(&mut file)));
                }
            }
            Err(error) => loaded.errors.push(format!("{}: {error}", shown(path))),
        }
    }
    if loaded.pods.is_empty() && loaded.errors.is_empty() {
        loaded
            .errors
            .push("no pod was found: expected a manifest with a pod or something that makes pods".into());
    }
    loaded
}

/// Reads how containers behave. What is wrong is said with its place.
pub(crate) fn behavior(path: &Path) -> Result<BehaviorFile, String> {
    let file = shown(path);
    let document = source::only_document(&file, document::read(&source::read_file(path)?), "`rules`")?;
    source::decode(&file, document.number(), document.root())
}

impl Loaded {
    fn take(&mut self, path: &Path, text: io::Result<String>) {
        let file = shown(path);
        let text = match text {
            Ok(text) => text,
            Err(error) => return self.errors.push(format!("{file}: {error}")),
        };
        let text: Arc<str> = text.into();
        let manifest = read_pods(&text);
        if manifest.pods.is_empty() && manifest.errors.is_empty() && manifest.skipped.is_empty() {
            self.notes.push(format!("{file}: nothing is in it"));
        }
        self.errors.extend(manifest.errors.iter().map(|error| format!("{file}: {error}")));
        self.notes.extend(
            manifest
                .skipped
                .iter()
                .map(|origin| format!("{file}: document {}: {origin} has no pods, skipped", origin.document)),
        );
        for pod in manifest.pods {
            self.take_pod(&file, &text, pod);
        }
    }

    fn take_pod(&mut self, file: &str, text: &Arc<str>, found: ManifestPod) {
        let ManifestPod { pod, origin, replicas, .. } = found;
        let place = at(file, origin.document, origin.position);
        let metadata = &pod.metadata;
        let name = format!("{}/{}", metadata.namespace, metadata.name);
        for (field, what) in [("name", &name), ("uid", &metadata.uid.to_string())] {
            if let Some(first) = self.taken.get(what) {
                self.errors.push(format!(
                    "{place}: metadata.{field}: `{what}` is taken by the pod of {first}: on one node no two are alike"
                ));
                return;
            }
        }
        self.taken.insert(metadata.uid.to_string(), place.clone());
        self.taken.insert(name, place);
        if replicas != 1 {
            self.notes.push(format!("{file}: {origin} asks for {replicas} pods, one of them is run"));
        }
        if pod.is_deleted() {
            self.notes
                .push(format!("{file}: {origin} has a deletionTimestamp, so that nothing of it is started"));
        }
        if let Some(phase) = pod.status.phase.filter(|phase| phase.is_terminal()) {
            self.notes
                .push(format!("{file}: {origin} is {phase} by its status, so that it does not run again"));
        }
        let source = format!("{origin} in {file}");
        self.pods.push(Found { pod, file: file.to_owned(), origin, text: Arc::clone(text), source });
    }
}

/// The file itself, or what is below a folder, in byte order.
fn manifests_below(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let (mut files, mut folders) = (Vec::new(), vec![path.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            // A link to a folder is not followed: it could lead back.
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if is_manifest(&entry.path()) {
                files.push(entry.path());
            }
        }
    }
    files.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    Ok(files)
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    matches!(extension, "yaml" | "yml" | "json") && path.is_file()
}
