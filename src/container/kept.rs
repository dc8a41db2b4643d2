//! What a runtime keeps with a container, so that it can still be stopped when nobody knows its pod any more.
//!
//! An agent that restarts may find containers of a pod that was deleted meanwhile. Their grace period, their
//! hook and its port are then known from one place only: the labels and annotations that were given to the
//! runtime when the container was made. [`KeptWithContainer`] is that part of a pod as a value, written to and
//! read from such maps under Kubernetes' own names (`io.kubernetes.pod.*`, `io.kubernetes.container.*`).
//!
//! What is different here: the kubelet keeps no probe's own grace period (KEP-2238), so that a container whose
//! probe failed is stopped with the pod's, which may be much shorter. Here both are kept, under names of this
//! library's own; [`Compat::forget_probe_grace`] leaves them out.
//!
//! ```
//! use node_lifecycle::api::Pod;
//! use node_lifecycle::behaviour::Compat;
//! use node_lifecycle::container::{KeptWithContainer, ProbeKind};
//!
//! let pod = Pod::from_json(r#"{"metadata": {"name": "web", "uid": "u1"}, "spec": {
//!     "terminationGracePeriodSeconds": 5,
//!     "containers": [{"name": "app", "image": "app:1", "livenessProbe": {
//!         "exec": {"command": ["check"]}, "terminationGracePeriodSeconds": 60}}]}}"#)?;
//! let kept = KeptWithContainer::of(&pod, &pod.spec.containers[0], Compat::default());
//! let (labels, annotations) = (kept.labels(), kept.annotations());
//! assert_eq!(labels["io.kubernetes.container.name"], "app");
//! assert_eq!(annotations["io.kubernetes.pod.terminationGracePeriod"], "5");
//!
//! // The agent's next life, in which the pod is gone.
//! let (found, faults) = KeptWithContainer::read(&labels, &annotations);
//! assert!(faults.is_empty());
//! assert_eq!(found.grace_seconds(Some(ProbeKind::Liveness)), 60);
//! assert_eq!(found.grace_seconds(None), 5);
//! # Ok::<(), node_lifecycle::api::PodError>(())
//! ```
//!
//! [`Compat::forget_probe_grace`]: crate::behaviour::Compat::forget_probe_grace

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::labels::{CONTAINER_NAME_LABEL, POD_NAME_LABEL, POD_NAMESPACE_LABEL, POD_UID_LABEL};
use super::{ProbeGrace, ProbeKind, grace_seconds};
use crate::api::{Container, ContainerPort, LifecycleHandler, Pod, Uid};
use crate::behaviour::Compat;

const DELETION_GRACE: &str = "io.kubernetes.pod.deletionGracePeriod";
const TERMINATION_GRACE: &str = "io.kubernetes.pod.terminationGracePeriod";
const PRE_STOP: &str = "io.kubernetes.container.preStopHandler";
const PORTS: &str = "io.kubernetes.container.ports";
const LIVENESS_GRACE: &str = "node-lifecycle/liveness-probe-grace-period";
const STARTUP_GRACE: &str = "node-lifecycle/startup-probe-grace-period";

/// What is needed to stop a container whose pod is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct KeptWithContainer {
    /// The pod's identity.
    pub pod: Uid,
    /// The pod's name.
    pub pod_name: String,
    /// The pod's namespace.
    pub pod_namespace: String,
    /// The container's name.
    pub name: String,
    /// The pod's `deletionGracePeriodSeconds` when the container was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_grace_period_seconds: Option<i64>,
    /// The pod's `terminationGracePeriodSeconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_grace_period_seconds: Option<i64>,
    /// The container's `preStop` hook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_stop: Option<LifecycleHandler>,
    /// The container's ports, which a hook may name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<ContainerPort>,
    /// The grace period in seconds of its liveness probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liveness_grace: ProbeGrace,
    /// The grace period in seconds of its startup probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub startup_grace: ProbeGrace,
}

/// An entry that cannot be read, and counts as absent: what else was kept is still of use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` is `{value}`, expected {expected}")]
#[non_exhaustive]
pub struct KeptFault {
    /// The label or annotation.
    pub key: &'static str,
    /// What it says.
    pub value: String,
    /// What would be right.
    pub expected: &'static str,
}

impl KeptWithContainer {
    /// What is to be kept with a container of a pod.
    #[must_use]
    pub fn of(pod: &Pod, container: &Container, compat: Compat) -> Self {
        let grace = |probe: &Option<crate::api::Probe>| {
            let probe = probe.as_ref().filter(|_| !compat.forget_probe_grace)?;
            probe.termination_grace_period_seconds
        };
        Self {
            pod: pod.metadata.uid.clone(),
            pod_name: pod.metadata.name.clone(),
            pod_namespace: pod.metadata.namespace.clone(),
            name: container.name.clone(),
            deletion_grace_period_seconds: pod.metadata.deletion_grace_period_seconds,
            termination_grace_period_seconds: pod.spec.termination_grace_period_seconds,
            pre_stop: container.pre_stop().cloned(),
            ports: container.ports.clone(),
            liveness_grace: grace(&container.liveness_probe),
            startup_grace: grace(&container.startup_probe),
        }
    }

    /// The grace period of the container in seconds, before any override, given which probe's failure stops it
    /// if one does: [`grace_seconds`].
    #[must_use]
    pub fn grace_seconds(&self, failed: Option<ProbeKind>) -> i64 {
        let probe = match failed {
            Some(ProbeKind::Liveness) => self.liveness_grace,
            Some(ProbeKind::Startup) => self.startup_grace,
            Some(ProbeKind::Readiness) | None => None,
        };
        grace_seconds(self.deletion_grace_period_seconds, self.termination_grace_period_seconds, probe)
    }

    /// The labels that say it, for the runtime to keep.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<String, String> {
        let labels = [
            (POD_UID_LABEL, self.pod.as_str()),
            (POD_NAME_LABEL, &self.pod_name),
            (POD_NAMESPACE_LABEL, &self.pod_namespace),
            (CONTAINER_NAME_LABEL, &self.name),
        ];
        labels.map(|(key, text)| (key.to_owned(), text.to_owned())).into()
    }

    /// The annotations that say it, for the runtime to keep.
    #[must_use]
    pub fn annotations(&self) -> BTreeMap<String, String> {
        let seconds = [
            (DELETION_GRACE, self.deletion_grace_period_seconds),
            (TERMINATION_GRACE, self.termination_grace_period_seconds),
            (LIVENESS_GRACE, self.liveness_grace),
            (STARTUP_GRACE, self.startup_grace),
        ];
        let seconds = seconds.into_iter().filter_map(|(key, seconds)| Some((key, seconds?.to_string())));
        let hook = self.pre_stop.as_ref().and_then(|hook| Some((PRE_STOP, to_json(hook)?)));
        let ports = (!self.ports.is_empty()).then(|| Some((PORTS, to_json(&self.ports)?))).flatten();
        seconds.chain(hook).chain(ports).map(|(key, text)| (key.to_owned(), text)).collect()
    }

    /// Reads it from what the runtime kept. Other entries pass; what is absent is absent.
    #[must_use]
    pub fn read(
        labels: &BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
    ) -> (Self, Vec<KeptFault>) {
        let mut reader = Reader { labels, annotations, faults: Vec::new() };
        let kept = Self {
            pod: reader.text(POD_UID_LABEL).into(),
            pod_name: reader.text(POD_NAME_LABEL),
            pod_namespace: reader.text(POD_NAMESPACE_LABEL),
            name: reader.text(CONTAINER_NAME_LABEL),
            deletion_grace_period_seconds: reader.seconds(DELETION_GRACE),
            termination_grace_period_seconds: reader.seconds(TERMINATION_GRACE),
            pre_stop: reader.json(PRE_STOP, "a lifecycle handler in JSON"),
            ports: reader.json(PORTS, "a list of container ports in JSON").unwrap_or_default(),
            liveness_grace: reader.seconds(LIVENESS_GRACE),
            startup_grace: reader.seconds(STARTUP_GRACE),
        };
        (kept, reader.faults)
    }
}

struct Reader<'a> {
    labels: &'a BTreeMap<String, String>,
    annotations: &'a BTreeMap<String, String>,
    faults: Vec<KeptFault>,
}

impl Reader<'_> {
    fn text(&self, key: &str) -> String {
        self.labels.get(key).cloned().unwrap_or_default()
    }

    fn seconds(&mut self, key: &'static str) -> Option<i64> {
        self.parse(key, "a number of whole seconds", i64::from_str)
    }

    fn json<T: DeserializeOwned>(&mut self, key: &'static str, expected: &'static str) -> Option<T> {
        self.parse(key, expected, |text| serde_json::from_str(text))
    }

    fn parse<T, E: Display>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.annotations.get(key)?;
        let read = parse(text).ok();
        if read.is_none() {
            self.faults.push(KeptFault { key, value: text.clone(), expected });
        }
        read
    }
}

/// The API's own types always print.
fn to_json(value: &impl Serialize) -> Option<String> {
    serde_json::to_string(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_reads_back() {
        let json = r#"{"metadata": {"name": "web", "uid": "u1", "deletionGracePeriodSeconds": 7}, "spec": {
            "containers": [{"name": "app", "image": "app:1",
                "ports": [{"name": "admin", "containerPort": 8081}],
                "startupProbe": {"exec": {}, "terminationGracePeriodSeconds": 90},
                "lifecycle": {"preStop": {"httpGet": {"path": "/quit", "port": "admin"}}}}]}}"#;
        let pod = Pod::from_json(json).unwrap();
        let kept = KeptWithContainer::of(&pod, &pod.spec.containers[0], Compat::default());
        assert_eq!(
            kept.annotations()[PORTS],
            r#"[{"name":"admin","containerPort":8081,"protocol":"TCP"}]"#,
            "as the kubelet writes it"
        );
        assert_eq!(KeptWithContainer::read(&kept.labels(), &kept.annotations()), (kept, vec![]));
    }

    #[test]
    fn what_cannot_be_read_is_said_and_the_rest_counts() {
        let annotations = [(TERMINATION_GRACE, "60"), (DELETION_GRACE, "soon"), (PRE_STOP, "{")];
        let annotations = annotations.map(|(key, text)| (key.to_owned(), text.to_owned())).into();
        let (kept, faults) = KeptWithContainer::read(&BTreeMap::new(), &annotations);
        assert_eq!(kept.grace_seconds(None), 60);
        assert_eq!(
            faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "`io.kubernetes.pod.deletionGracePeriod` is `soon`, expected a number of whole seconds",
                "`io.kubernetes.container.preStopHandler` is `{`, expected a lifecycle handler in JSON",
            ]
        );
    }
}
