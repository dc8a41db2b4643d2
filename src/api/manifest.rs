//! From the text of a manifest to the pods in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::nullable::nullable;
use super::{ObjectMeta, Pod, PodSpec, RestartPolicy, Uid};
use crate::document::{self, Node, Position, ReadError, Salvaged, Value, is_within, join};

/// Reads the pods of a manifest: the pods themselves, and one pod for each workload that makes some.
///
/// The text is JSON, or YAML with the feature `yaml`; it may have several documents, as `kubectl` takes and
/// prints them. From each of them come
///
/// | kind | pod | its name |
/// |---|---|---|
/// | `Pod` | the pod | its own; of `generateName` what stands before the last `-` |
/// | `Deployment`, `ReplicaSet`, `ReplicationController`, `DaemonSet` | of `spec.template` | the workload's |
/// | `StatefulSet` | of `spec.template` | the workload's with `-0` |
/// | `Job` | of `spec.template` | the workload's |
/// | `CronJob` | of `spec.jobTemplate.spec.template` | the workload's |
/// | `List`, `PodList`, `DeploymentList`, … | those of its `items`, lists in lists too | |
///
/// Everything else, kinds of other API groups with the same names included, is named in
/// [`skipped`](Manifest::skipped). `apiVersion` may be absent.
///
/// A workload gives one pod, however many it asks for: [`ManifestPod::replicas`] says how many. Pods have their
/// defaults and are valid. All of them have
///
/// * a **name** that no other pod of the manifest has in its namespace: pods that are named in the text keep
///   their names, and whoever comes later gets `-2`, `-3`, …;
/// * a **namespace**: that of the template, else that of the workload, else `default`;
/// * a **uid** that no other pod of the manifest has: their own, or `<kind>.<namespace>.<name>`, such as
///   `deployment.default.web`, which is the same whenever the manifest is read.
///
/// What the API server would refuse of a template, such as a `Job` that restarts its pods for ever, is refused
/// here. One object that is wrong keeps none of the others from being read.
///
/// ```
/// use node_lifecycle::api::read_pods;
///
/// let manifest = read_pods(r#"
/// {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
/// {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
///  "spec": {"replicas": 3, "template": {"spec": {
///     "containers": [{"name": "app", "image": "registry.example/web:1"}]}}}}
/// {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "report"},
///  "spec": {"template": {"spec": {
///     "containers": [{"name": "app"}]}}}}
/// "#);
///
/// let web = &manifest.pods[0];
/// assert_eq!(web.pod.display_name(), "web_shop(deployment.shop.web)");
/// assert_eq!((web.origin.to_string().as_str(), web.replicas), ("Deployment/web", 3));
/// assert_eq!(manifest.skipped[0].to_string(), "Service/web");
///
/// // All that is wrong is said at once.
/// let errors: Vec<_> = manifest.errors.iter().map(ToString::to_string).collect();
/// assert_eq!(errors, [
///     "document 3, line 7, column 32: spec.template.spec.restartPolicy: is missing: \
///      the pods of a Job have `Never` or `OnFailure`",
///     "document 3, line 8, column 20: spec.template.spec.containers[0].image: is missing: \
///      every container needs an image",
/// ]);
/// ```
#[must_use]
pub fn read_pods(text: &str) -> Manifest {
    let mut reader = Reader::default();
    match document::read(text) {
        Ok(documents) => {
            for document in &documents {
                let place = Place { document: document.number(), path: String::new(), node: document.root() };
                reader.read(&place, None);
            }
        }
        Err(error) => reader.errors.push(ManifestError::unreadable(&error)),
    }
    reader.finish()
}

/// What a manifest holds, each list in the order of the text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Manifest {
    /// The pods, with defaults and valid.
    pub pods: Vec<ManifestPod>,
    /// The objects that have no pods.
    pub skipped: Vec<Origin>,
    /// Everything that is wrong. An object with an error is neither in `pods` nor in `skipped`.
    pub errors: Vec<ManifestError>,
}

impl Manifest {
    /// The pods, if nothing is wrong.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn into_pods(self) -> Result<Vec<ManifestPod>, ManifestErrors> {
        if self.errors.is_empty() { Ok(self.pods) } else { Err(ManifestErrors(self.errors)) }
    }
}

/// A pod of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ManifestPod {
    /// The pod, with defaults and valid.
    pub pod: Pod,
    /// The object that it comes from.
    pub origin: Origin,
    /// How many such pods the object asks for: `spec.replicas`, of a `Job` or `CronJob` `parallelism`, and 1 for
    /// all others. It may be 0.
    pub replicas: u32,
}

/// An object of a manifest: what it is and where it stands.
///
/// Displays as `Deployment/web`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin {
    /// The number of its document, from 1.
    pub document: usize,
    /// Where it begins.
    pub position: Position,
    /// Its path in the document: empty for the document itself, `items[0]` for the first item of a list.
    pub path: String,
    /// Its kind, such as `Deployment`.
    pub kind: String,
    /// Its name, or its `generateName`; empty if it has neither.
    pub name: String,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// One thing that is wrong with a manifest.
///
/// Displays as `document 2, line 14, column 9: spec.containers[0].image: is missing: …`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}line {}, column {}: {}{message}", InDocument(*.document), .position.line, .position.column, Field(.path))]
#[non_exhaustive]
pub struct ManifestError {
    /// The number of the document, from 1; `None` when the text as a whole cannot be read.
    pub document: Option<usize>,
    /// Where the value stands; of what is missing, where it would be added.
    pub position: Position,
    /// The path of the field in its document, such as `spec.template.spec.containers[0].image`; empty for the
    /// document itself.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

struct InDocument(Option<usize>);

impl fmt::Display for InDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |number| write!(f, "document {number}, "))
    }
}

struct Field<'a>(&'a str);

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "{}: ", self.0) }
    }
}

impl ManifestError {
    fn unreadable(error: &ReadError) -> Self {
        let (position, message) = (error.position(), error.to_string());
        let message = message.strip_prefix(&format!("{position}: ")).unwrap_or(&message).to_owned();
        Self { document: None, position, path: String::new(), message }
    }
}

/// Everything that is wrong with a manifest, at least one thing. Displays as one line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ManifestErrors(pub Vec<ManifestError>);

/// A kind of object that is or makes pods.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    groups: &'static [&'static str],
    /// The path of what looks like a pod; empty where it is the object itself.
    template: &'static str,
    /// The path of the number of pods; empty where there is one.
    replicas: &'static str,
    /// What stands behind the workload's name in the pod's.
    suffix: &'static str,
    policy: Policy,
}

/// Which restart policies the pods of a workload may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    Any,
    /// The pods stay: `Always`, and no deadline.
    Always,
    /// The pods end: not `Always`.
    Ends,
}

#[rustfmt::skip]
const KINDS: [Kind; 8] = {
    const APPS: &[&str] = &["apps", "extensions"];
    const ONE: &str = "spec.template";
    const CRON: &str = "spec.jobTemplate.spec.template";
    const REPLICAS: &str = "spec.replicas";
    const PARALLELISM: &str = "spec.parallelism";
    const CRON_PARALLELISM: &str = "spec.jobTemplate.spec.parallelism";
    use Policy::{Always, Any, Ends};
    [
        Kind { name: "Pod", groups: &[""], template: "", replicas: "", suffix: "", policy: Any },
        Kind { name: "Deployment", groups: APPS, template: ONE, replicas: REPLICAS, suffix: "", policy: Always },
        Kind { name: "ReplicaSet", groups: APPS, template: ONE, replicas: REPLICAS, suffix: "", policy: Always },
        Kind { name: "ReplicationController", groups: &[""], template: ONE, replicas: REPLICAS, suffix: "", policy: Always },
        Kind { name: "StatefulSet", groups: APPS, template: ONE, replicas: REPLICAS, suffix: "-0", policy: Always },
        Kind { name: "DaemonSet", groups: APPS, template: ONE, replicas: "", suffix: "", policy: Always },
        Kind { name: "Job", groups: &["batch"], template: ONE, replicas: PARALLELISM, suffix: "", policy: Ends },
        Kind { name: "CronJob", groups: &["batch"], template: CRON, replicas: CRON_PARALLELISM, suffix: "", policy: Ends },
    ]
};

impl Kind {
    fn find(name: &str, group: Option<&str>) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name && group.is_none_or(|group| kind.groups.contains(&group)))
    }

    fn is_pod(&self) -> bool {
        self.template.is_empty()
    }
}

/// What the object of a kind is to this reader.
enum Meaning {
    /// A list, of items of this kind where they do not say theirs.
    List(Option<&'static Kind>),
    Pods(&'static Kind),
    Nothing,
}

impl Meaning {
    fn of(kind: &str, group: Option<&str>) -> Self {
        if kind == "List" && group.is_none_or(str::is_empty) {
            return Self::List(None);
        }
        if let Some(kind) = kind.strip_suffix("List").and_then(|item| Kind::find(item, group)) {
            return Self::List(Some(kind));
        }
        Kind::find(kind, group).map_or(Self::Nothing, Self::Pods)
    }
}

/// A node and how it was reached.
struct Place<'a> {
    document: usize,
    path: String,
    node: &'a Node,
}

impl Place<'_> {
    fn error(&self, path: &str, message: impl Into<String>) -> ManifestError {
        let position = self.node.nearest(path).position();
        let message = message.into();
        ManifestError { document: Some(self.document), position, path: join(&self.path, path), message }
    }

    /// The value at a path, where null is as good as nothing.
    fn get(&self, path: &str) -> Option<&Node> {
        self.node.at(path).filter(|node| !node.is_null())
    }

    fn value<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ManifestError> {
        self.get(path).map(Node::decode).transpose().map_err(|error| self.error(path, error.message()))
    }

    fn origin(&self, kind: &str) -> Origin {
        let text = |path| self.get(path).and_then(Node::as_str).filter(|text| !text.is_empty());
        let name = text("metadata.name").or_else(|| text("metadata.generateName")).unwrap_or_default();
        Origin {
            document: self.document,
            position: self.node.position(),
            path: self.path.clone(),
            kind: kind.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// What a workload says of the pods that it makes.
#[derive(Deserialize)]
struct Template {
    #[serde(default, deserialize_with = "nullable")]
    metadata: ObjectMeta,
    #[serde(default, deserialize_with = "nullable")]
    spec: Arc<PodSpec>,
}

/// A pod that was read, before it is told from the others by name and uid.
struct Candidate {
    pod: ManifestPod,
    /// Whether its name stands in the text as a pod's name.
    is_named: bool,
    /// Where its uid stands, or would.
    uid_position: Position,
}

#[derive(Default)]
struct Reader {
    candidates: Vec<Candidate>,
    skipped: Vec<Origin>,
    errors: Vec<ManifestError>,
}

impl Reader {
    /// Reads an object, and if it is a list those in it. Lists nest no deeper than documents do.
    fn read(&mut self, place: &Place<'_>, implied: Option<&'static Kind>) {
        if place.node.as_mapping().is_none() {
            let message = format!("is {}, expected a Kubernetes object, such as a Pod", describe(place.node));
            return self.errors.push(place.error("", message));
        }
        let (kind, version) = match (place.value::<String>("kind"), place.value::<String>("apiVersion")) {
            (Ok(kind), Ok(version)) => (kind.unwrap_or_default(), version),
            (kind, version) => return self.errors.extend([kind.err(), version.err()].into_iter().flatten()),
        };
        let group = version.as_deref().map(|version| version.rsplit_once('/').map_or("", |(group, _)| group));
        let meaning = match (kind.as_str(), implied) {
            ("", Some(implied)) => Meaning::Pods(implied),
            ("", None) => {
                let message = "is missing: a Kubernetes object names its kind, such as `Pod`";
                return self.errors.push(place.error("kind", message));
            }
            (kind, _) => Meaning::of(kind, group),
        };
        match meaning {
            Meaning::List(kind) => self.list(place, kind),
            Meaning::Pods(kind) => match Draft::new(place, kind).read() {
                Ok(candidate) => self.candidates.push(candidate),
                Err(errors) => self.errors.extend(errors),
            },
            Meaning::Nothing => self.skipped.push(place.origin(&kind)),
        }
    }

    fn list(&mut self, place: &Place<'_>, kind: Option<&'static Kind>) {
        let Some(items) = place.get("items") else { return };
        let Some(items) = items.as_sequence() else {
            let message = format!("is {}, expected a list of objects", describe(items));
            return self.errors.push(place.error("items", message));
        };
        for (n, node) in items.iter().enumerate() {
            let path = join(&place.path, &format!("items[{n}]"));
            self.read(&Place { document: place.document, path, node }, kind);
        }
    }

    fn finish(mut self) -> Manifest {
        give_names(&mut self.candidates);
        self.give_uids();
        self.errors.sort_by_key(|error| error.position);
        let pods = self.candidates.into_iter().map(|candidate| candidate.pod).collect();
        Manifest { pods, skipped: self.skipped, errors: self.errors }
    }

    /// Gives every pod a uid of its own; those that say a uid which an earlier one said are refused.
    fn give_uids(&mut self) {
        let mut taken = BTreeMap::<Uid, String>::new();
        let errors = &mut self.errors;
        self.candidates.retain(|Candidate { pod: ManifestPod { pod, origin, .. }, uid_position, .. }| {
            let uid = &pod.metadata.uid;
            if uid.as_str().is_empty() {
                return true;
            }
            if let Some(by) = taken.get(uid) {
                errors.push(ManifestError {
                    document: Some(origin.document),
                    position: *uid_position,
                    path: join(&origin.path, "metadata.uid"),
                    message: format!("is `{uid}`, which {by} has too: a uid is of one pod only"),
                });
                return false;
            }
            taken.insert(uid.clone(), format!("{origin} of document {}", origin.document));
            true
        });
        for Candidate { pod: ManifestPod { pod, origin, .. }, .. } in &mut self.candidates {
            let ObjectMeta { name, namespace, uid, .. } = &mut pod.metadata;
            if uid.as_str().is_empty() {
                let plain = format!("{}.{namespace}.{name}", origin.kind.to_lowercase());
                let mut numbered = (2_u64..).map(|n| format!("{plain}-{n}"));
                let mut free = plain.clone();
                while taken.contains_key(free.as_str()) {
                    free = numbered.next().unwrap_or_default();
                }
                *uid = free.as_str().into();
                taken.insert(uid.clone(), String::new());
            }
        }
    }
}

/// Gives every pod a name of its own in its namespace; those that are named in the text keep theirs.
fn give_names(candidates: &mut [Candidate]) {
    let mut taken = BTreeSet::new();
    let mut left = Vec::new();
    for Candidate { pod: ManifestPod { pod, .. }, is_named, .. } in candidates {
        let ObjectMeta { name, namespace, .. } = &mut pod.metadata;
        if !*is_named || !taken.insert((namespace.clone(), name.clone())) {
            left.push((namespace, name));
        }
    }
    let mut last = BTreeMap::<(String, String), u64>::new();
    for (namespace, name) in left {
        let mut free = (namespace.clone(), name.clone());
        while !taken.insert(free.clone()) {
            let n = last.entry((namespace.clone(), name.clone())).or_insert(1);
            *n += 1;
            free.1 = numbered(name, *n);
        }
        *name = free.1;
    }
}

/// `web-2` of `web`, cut so that it stays a name.
fn numbered(name: &str, n: u64) -> String {
    const LONGEST: usize = 253;
    let suffix = format!("-{n}");
    let kept = name.get(..LONGEST - suffix.len()).unwrap_or(name).trim_end_matches(['-', '.']);
    format!("{kept}{suffix}")
}

fn describe(node: &Node) -> &'static str {
    match node.value() {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) => "a mapping",
    }
}

/// An object while its pod is read. Paths are those in the object.
struct Draft<'a> {
    place: &'a Place<'a>,
    kind: &'static Kind,
    /// Values that do not fit their fields.
    malformed: Vec<ManifestError>,
    /// Values that fit and are wrong.
    refused: Vec<ManifestError>,
}

impl<'a> Draft<'a> {
    fn new(place: &'a Place<'a>, kind: &'static Kind) -> Self {
        Self { place, kind, malformed: Vec::new(), refused: Vec::new() }
    }

    fn read(mut self) -> Result<Candidate, Vec<ManifestError>> {
        let candidate = if self.kind.is_pod() { self.pod() } else { self.workload() };
        self.malformed.append(&mut self.refused);
        candidate.filter(|_| self.malformed.is_empty()).ok_or(self.malformed)
    }

    fn pod(&mut self) -> Option<Candidate> {
        let mut salvaged = self.salvage::<Pod>("");
        let mut pod = salvaged.value.take()?;
        let is_named = !pod.metadata.name.is_empty();
        let (name, name_path) = self.name(&pod.metadata);
        pod.metadata.name = name;
        pod.apply_defaults();
        self.check(&pod, &salvaged, name_path, "metadata.namespace");
        Some(self.candidate(pod, is_named, 1))
    }

    fn workload(&mut self) -> Option<Candidate> {
        let metadata = self.salvage::<ObjectMeta>("metadata").value.unwrap_or_default();
        let (name, name_path) = self.name(&metadata);
        let replicas = self.replicas();
        let Kind { name: kind, template: path, suffix, .. } = *self.kind;
        if self.place.get(path).is_none() {
            self.refuse(path, format!("is missing: a {kind} makes its pods from it"));
            return None;
        }
        let mut salvaged = self.salvage::<Template>(path);
        let template = salvaged.value.take()?;
        let mut namespace_path = join(path, "metadata.namespace");
        let ObjectMeta { mut namespace, labels, annotations, .. } = template.metadata;
        if namespace.is_empty() {
            namespace = metadata.namespace;
            "metadata.namespace".clone_into(&mut namespace_path);
        }
        let name = name + suffix;
        let metadata = ObjectMeta { name, namespace, labels, annotations, ..ObjectMeta::default() };
        let mut pod = Pod { metadata, spec: template.spec, ..Pod::default() };
        pod.apply_defaults();
        self.check(&pod, &salvaged, name_path, &namespace_path);
        self.check_template(&pod.spec);
        Some(self.candidate(pod, false, replicas))
    }

    fn candidate(&self, pod: Pod, is_named: bool, replicas: u32) -> Candidate {
        let uid_position = self.place.node.nearest("metadata.uid").position();
        let origin = self.place.origin(self.kind.name);
        Candidate { pod: ManifestPod { pod, origin, replicas }, is_named, uid_position }
    }

    /// Reads as much as can be read at a path.
    fn salvage<T: DeserializeOwned>(&mut self, path: &str) -> Salvaged<T> {
        let Some(node) = self.place.get(path) else { return Salvaged::default() };
        let salvaged = node.salvage::<T>();
        let malformed = salvaged.errors.iter().map(|error| ManifestError {
            position: error.position(),
            ..self.place.error(&join(path, error.path()), error.message())
        });
        self.malformed.extend(malformed);
        salvaged
    }

    /// Notes what is wrong, unless it comes of something that could not be read.
    fn refuse(&mut self, path: &str, message: impl Into<String>) {
        let error = self.place.error(path, message);
        let is_malformed = |known: &ManifestError| {
            is_within(&known.path, &error.path) || is_within(&error.path, &known.path)
        };
        if !self.malformed.iter().any(is_malformed) {
            self.refused.push(error);
        }
    }

    /// The name that an object gives its pods, and where it stands.
    fn name(&mut self, metadata: &ObjectMeta) -> (String, &'static str) {
        const NAME: &str = "metadata.name";
        const PREFIX: &str = "metadata.generateName";
        let ObjectMeta { name, generate_name, .. } = metadata;
        let generated = generate_name.trim_end_matches(['-', '.']);
        if !name.is_empty() {
            return (name.clone(), NAME);
        }
        if !generated.is_empty() {
            return (generated.to_owned(), PREFIX);
        }
        if generate_name.is_empty() {
            // Of a prefix that could not be read the name is not missing.
            if !self.malformed.iter().any(|error| error.path == join(&self.place.path, PREFIX)) {
                self.refuse(NAME, format!("is missing: every {} needs a name", self.kind.name));
            }
        } else {
            self.refuse(PREFIX, format!("is `{generate_name}`, expected a letter or digit in it"));
        }
        // The rest is checked all the same.
        ("unnamed".to_owned(), NAME)
    }

    fn replicas(&mut self) -> u32 {
        if self.kind.replicas.is_empty() {
            return 1;
        }
        match self.place.value::<u32>(self.kind.replicas) {
            Ok(replicas) => replicas.unwrap_or(1),
            Err(error) => {
                let found = self.place.get(self.kind.replicas).map(Node::to_json).unwrap_or_default();
                let message = format!("is {found}, expected a number of pods, at least 0");
                self.malformed.push(ManifestError { message, ..error });
                1
            }
        }
    }

    /// What the API server checks of every pod.
    fn check<T>(&mut self, pod: &Pod, salvaged: &Salvaged<T>, name_path: &str, namespace_path: &str) {
        for invalid in pod.validate().err().unwrap_or_default() {
            match invalid.path.as_str() {
                "metadata.name" => self.refuse(name_path, invalid.message),
                "metadata.namespace" => self.refuse(namespace_path, invalid.message),
                path => self.refuse(&join(self.kind.template, &salvaged.original(path)), invalid.message),
            }
        }
    }

    /// What the API server checks of the pods of a workload beside.
    fn check_template(&mut self, spec: &PodSpec) {
        let Kind { name: kind, template, policy, .. } = *self.kind;
        let at = |field: &str| join(template, &format!("spec.{field}"));
        let (path, own) = (at("restartPolicy"), spec.restart_policy);
        match policy {
            Policy::Ends if own == RestartPolicy::Always => {
                let found = if self.place.get(&path).is_some() { "is `Always`" } else { "is missing" };
                self.refuse(&path, format!("{found}: the pods of a {kind} have `Never` or `OnFailure`"));
            }
            Policy::Always if own != RestartPolicy::Always => {
                self.refuse(&path, format!("is `{own:?}`: the pods of a {kind} have `Always`"));
            }
            _ => {}
        }
        if policy == Policy::Always && spec.active_deadline_seconds.is_some() {
            let message = format!("is not for the pods of a {kind}: they are not meant to end");
            self.refuse(&at("activeDeadlineSeconds"), message);
        }
        if !spec.ephemeral_containers.is_empty() {
            let message = "is not for templates: ephemeral containers are added to pods that run";
            self.refuse(&at("ephemeralContainers"), message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = r#"{"containers": [{"name": "app", "image": "registry.example/app:1"}]}"#;

    fn pods(text: &str) -> Vec<ManifestPod> {
        read_pods(text).into_pods().unwrap()
    }

    fn names(text: &str) -> Vec<String> {
        pods(text).iter().map(|pod| pod.pod.display_name()).collect()
    }

    fn errors(text: &str) -> String {
        read_pods(text).into_pods().unwrap_err().to_string()
    }

    fn workload(kind: &str, name: &str, spec: &str) -> String {
        format!(
            r#"{{"kind": "{kind}", "metadata": {{"name": "{name}"}}, "spec": {{"template": {{"spec": {spec}}}}}}}"#
        )
    }

    #[test]
    fn every_kind_gives_a_pod() {
        let ends = SPEC.replacen('{', r#"{"restartPolicy": "Never", "#, 1);
        let mut text = format!(r#"{{"kind": "Pod", "metadata": {{"name": "p"}}, "spec": {SPEC}}}"#);
        for kind in ["Deployment", "ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet"] {
            text += &workload(kind, &kind.to_lowercase(), SPEC);
        }
        text += &workload("Job", "job", &ends);
        text += &format!(
            r#"{{"kind": "CronJob", "metadata": {{"name": "cron", "namespace": "night"}}, "spec": {{"jobTemplate": {{"spec":
                {{"parallelism": 2, "template": {{"spec": {ends}}}}}}}}}}}"#
        );
        assert_eq!(
            names(&text),
            [
                "p_default(pod.default.p)",
                "deployment_default(deployment.default.deployment)",
                "replicaset_default(replicaset.default.replicaset)",
                "replicationcontroller_default(replicationcontroller.default.replicationcontroller)",
                "statefulset-0_default(statefulset.default.statefulset-0)",
                "daemonset_default(daemonset.default.daemonset)",
                "job_default(job.default.job)",
                "cron_night(cronjob.night.cron)",
            ]
        );
        let pods = pods(&text);
        assert_eq!(pods.iter().map(|pod| pod.replicas).collect::<Vec<_>>(), [1, 1, 1, 1, 1, 1, 1, 2]);
        assert_eq!(pods[7].origin.document, 8);
    }

    #[test]
    fn lists_are_opened_and_other_kinds_named() {
        let text = format!(
            r#"{{"kind": "List", "apiVersion": "v1", "items": [
                {{"kind": "Service", "metadata": {{"name": "web"}}}},
                {{"kind": "PodList", "items": [{{"metadata": {{"generateName": "a-"}}, "spec": {SPEC}}}]}},
                {{"kind": "Job", "apiVersion": "batch.example.com/v1", "metadata": {{"name": "other"}}}},
                {{"kind": "ServiceList", "items": null}}, {{"kind": "DeploymentList", "items": null}}]}}"#
        );
        let manifest = read_pods(&text);
        assert_eq!(manifest.errors, []);
        assert_eq!(manifest.pods[0].pod.display_name(), "a_default(pod.default.a)");
        assert_eq!(manifest.pods[0].origin.path, "items[1].items[0]");
        assert_eq!(manifest.pods[0].origin.position, Position { line: 3, column: 47 });
        let skipped: Vec<_> =
            manifest.skipped.iter().map(|origin| format!("{origin} {}", origin.path)).collect();
        assert_eq!(skipped, ["Service/web items[0]", "Job/other items[2]", "ServiceList/ items[3]"]);
    }

    #[test]
    fn names_and_uids_are_unique() {
        let pod = |metadata: &str| format!(r#"{{"kind": "Pod", "metadata": {metadata}, "spec": {SPEC}}}"#);
        let mut text = workload("Deployment", "web", SPEC) + &workload("DaemonSet", "web", SPEC);
        text += &pod(r#"{"name": "web", "uid": "deployment.default.web-3"}"#);
        text += &pod(r#"{"name": "web", "namespace": "shop"}"#);
        text += &(pod(r#"{"name": "web"}"#) + &pod(r#"{"name": "web-2"}"#));
        assert_eq!(
            names(&text),
            [
                "web-3_default(deployment.default.web-3-2)",
                "web-4_default(daemonset.default.web-4)",
                "web_default(deployment.default.web-3)",
                "web_shop(pod.shop.web)",
                "web-5_default(pod.default.web-5)",
                "web-2_default(pod.default.web-2)",
            ]
        );
        let one = pod(r#"{"name": "a", "uid": "x"}"#);
        assert_eq!(
            errors(&format!("{one}\n{one}")),
            "document 2, line 2, column 50: metadata.uid: is `x`, which Pod/a of document 1 has too: \
             a uid is of one pod only"
        );
        let long = "a.".repeat(126) + "b";
        let text = workload("Deployment", &long, SPEC) + &workload("DaemonSet", &long, SPEC);
        assert_eq!(pods(&text)[1].pod.metadata.name, "a.".repeat(125) + "a-2");
    }

    #[test]
    fn a_template_has_labels_and_no_identity() {
        let text = format!(
            r#"{{"kind": "Deployment", "metadata": {{"name": "web", "namespace": "shop", "uid": "1", "labels": {{"a": "b"}}}},
                "spec": {{"template": {{"metadata": {{"name": "other", "uid": "2", "creationTimestamp": null,
                "labels": {{"app": "web"}}}}, "spec": {SPEC}}}}}}}"#
        );
        let metadata = pods(&text).remove(0).pod.metadata;
        let labels = [("app".to_owned(), "web".to_owned())].into();
        let expected = ObjectMeta {
            name: "web".into(),
            namespace: "shop".into(),
            uid: "deployment.shop.web".into(),
            labels,
            ..ObjectMeta::default()
        };
        assert_eq!(metadata, expected);
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once_where_it_stands() {
        let text = r#"
{"kind": "Deployment", "metadata": {"name": "Web"}, "spec": {
  "replicas": -1,
  "template": {"metadata": {"namespace": "a.b"}, "spec": {
    "activeDeadlineSeconds": 5,
    "restartPolicy": "OnFailure",
    "volumes": [{"emptyDir": {}}, {"name": "v"}, {"name": "v"}],
    "ephemeralContainers": [{"name": "shell", "image": "registry.example/shell:1"}],
    "containers": [
      {"name": "a", "image": 7},
      {"image": "registry.example/b:1", "resources": {"requests": {"example.com/gpu": "-1"}}},
      {"name": "c", "image": "registry.example/c:1",
       "livenessProbe": {"httpGet": {"path": "/"}, "periodSeconds": 0}}]}}}}"#;
        let expected = "
document 1, line 2, column 45: metadata.name: is `Web`, expected up to 253 of a-z, 0-9, `-` and `.`, with a letter or digit at both ends of each part
document 1, line 3, column 15: spec.replicas: is -1, expected a number of pods, at least 0
document 1, line 4, column 42: spec.template.metadata.namespace: is `a.b`, expected up to 63 of a-z, 0-9 and `-`, with a letter or digit at both ends
document 1, line 5, column 30: spec.template.spec.activeDeadlineSeconds: is not for the pods of a Deployment: they are not meant to end
document 1, line 6, column 22: spec.template.spec.restartPolicy: is `OnFailure`: the pods of a Deployment have `Always`
document 1, line 7, column 17: spec.template.spec.volumes[0]: missing field `name`
document 1, line 7, column 59: spec.template.spec.volumes[2].name: is `v`, which another volume of the pod has
document 1, line 8, column 28: spec.template.spec.ephemeralContainers: is not for templates: ephemeral containers are added to pods that run
document 1, line 10, column 30: spec.template.spec.containers[0].image: invalid type: integer `7`, expected a string; quote it to make it a string
document 1, line 11, column 7: spec.template.spec.containers[1].name: is missing: every container needs a name
document 1, line 11, column 87: spec.template.spec.containers[1].resources.requests.example.com/gpu: is -1, expected at least 0
document 1, line 13, column 37: spec.template.spec.containers[2].livenessProbe.httpGet: missing field `port`
document 1, line 13, column 69: spec.template.spec.containers[2].livenessProbe.periodSeconds: is 0, expected at least 1";
        assert_eq!(format!("\n{}", errors(text)), expected);
    }

    #[test]
    fn one_wrong_object_leaves_the_others() {
        let good = workload("Deployment", "good", SPEC);
        let manifest =
            read_pods(&format!(r#"{{"kind": "Pod"}} {good} {{"metadata": {{}}}} [] {{"kind": 1}}"#));
        assert_eq!(manifest.pods.len(), 1);
        let errors: Vec<_> = manifest.errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            errors.iter().map(|error| error.split_once("column").unwrap().1).collect::<Vec<_>>(),
            [
                " 1: metadata.name: is missing: every Pod needs a name",
                " 1: spec.containers: is empty: a pod has at least one app container",
                " 172: kind: is missing: a Kubernetes object names its kind, such as `Pod`",
                " 189: is a list, expected a Kubernetes object, such as a Pod",
                " 201: kind: invalid type: integer `1`, expected a string; quote it to make it a string",
            ]
        );
    }

    #[test]
    fn jobs_end() {
        let always = SPEC.replacen('{', r#"{"restartPolicy": "Always", "#, 1);
        let sometimes = always.replace("Always", "Sometimes");
        assert!(errors(&workload("Job", "j", SPEC)).ends_with(
            "spec.template.spec.restartPolicy: is missing: the pods of a Job have `Never` or `OnFailure`"
        ));
        assert!(errors(&workload("Job", "j", &always)).ends_with(
            "spec.template.spec.restartPolicy: is `Always`: the pods of a Job have `Never` or `OnFailure`"
        ));
        assert_eq!(read_pods(&workload("Job", "j", &sometimes)).errors.len(), 1);
        let bare = r#"{"kind": "CronJob", "metadata": {"name": "c"}, "spec": {"jobTemplate": null}}"#;
        assert_eq!(
            errors(bare),
            "document 1, line 1, column 72: spec.jobTemplate.spec.template: is missing: \
             a CronJob makes its pods from it"
        );
    }

    #[test]
    fn a_text_that_cannot_be_read_is_one_error() {
        assert_eq!(errors(r#"{"kind": "Pod"} {"kind": }"#).split(": ").next(), Some("line 1, column 26"));
        assert_eq!(read_pods(""), Manifest::default());
    }
}
