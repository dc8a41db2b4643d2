//! Reading a pod strictly: what is malformed, and what the API server would refuse.

use std::collections::BTreeSet;
use std::fmt;

use super::resources::is_pod_level;
use super::{
    Container, LifecycleHandler, Pod, PodSpec, Probe, ResourceRequirements, RestartPolicy, StopSignal,
};

/// One thing that is wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The path of the field, such as `spec.containers[0].name`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Why a pod was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PodError {
    /// The text is no JSON, or a field does not have the type that it should have.
    #[error("{path}: {message}")]
    Malformed {
        /// The path of the field; `.` for the whole text.
        path: String,
        /// What is wrong, with line and column.
        message: String,
    },
    /// Fields have the right types and values that the API server would refuse: all of them at once.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Invalid(Vec<Invalid>),
}

impl Pod {
    /// Reads a pod from JSON, fills in the defaults and checks it.
    ///
    /// # Errors
    /// [`PodError`] names the path of every field that is wrong.
    pub fn from_json(text: &str) -> Result<Self, PodError> {
        let mut pod: Self = serde_json::from_str(text).or_else(|_| {
            // Once more, slower, to learn where.
            serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text)).map_err(|error| {
                PodError::Malformed { path: error.path().to_string(), message: error.inner().to_string() }
            })
        })?;
        pod.apply_defaults();
        pod.validate().map_err(PodError::Invalid)?;
        Ok(pod)
    }

    /// Checks what the API server would check of the fields that a node reads.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the fields.
    pub fn validate(&self) -> Result<(), Vec<Invalid>> {
        let mut check = Check { invalid: Vec::new() };
        check.metadata(self);
        check.spec(&self.spec);
        if check.invalid.is_empty() { Ok(()) } else { Err(check.invalid) }
    }
}

struct Check {
    invalid: Vec<Invalid>,
}

/// Which list a container stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Init,
    App,
    Ephemeral,
}

impl Check {
    fn refuse(&mut self, path: impl fmt::Display, message: impl Into<String>) {
        self.invalid.push(Invalid { path: path.to_string(), message: message.into() });
    }

    fn at_least(&mut self, path: impl fmt::Display, value: Option<impl Into<i64>>, least: i64) {
        if let Some(value) = value.map(Into::into)
            && value < least
        {
            self.refuse(path, format!("is {value}, expected at least {least}"));
        }
    }

    fn metadata(&mut self, pod: &Pod) {
        let metadata = &pod.metadata;
        if metadata.name.is_empty() && metadata.generate_name.is_empty() {
            self.refuse("metadata.name", "is missing: every pod needs a name");
        } else if !metadata.name.is_empty() && !is_dns_subdomain(&metadata.name) {
            self.refuse("metadata.name", format!("is `{}`, expected {SUBDOMAIN}", metadata.name));
        }
        if !metadata.namespace.is_empty() && !is_dns_label(&metadata.namespace) {
            self.refuse("metadata.namespace", format!("is `{}`, expected {LABEL}", metadata.namespace));
        }
        self.at_least("metadata.deletionGracePeriodSeconds", metadata.deletion_grace_period_seconds, 0);
    }

    fn spec(&mut self, spec: &PodSpec) {
        self.at_least("spec.terminationGracePeriodSeconds", spec.termination_grace_period_seconds, 0);
        self.at_least("spec.activeDeadlineSeconds", spec.active_deadline_seconds, 1);
        if spec.host_network && spec.host_users == Some(false) {
            self.refuse("spec.hostNetwork", "is true, expected false: the pod has `hostUsers: false`");
        }
        if let Some(os) = &spec.os
            && !["linux", "windows"].contains(&os.name.as_str())
        {
            self.refuse("spec.os.name", format!("is `{}`, expected linux or windows", os.name));
        }
        self.pod_resources(spec);
        for (name, amount) in &spec.overhead {
            self.amount(format_args!("spec.overhead.{name}"), amount);
        }
        if spec.containers.is_empty() {
            self.refuse("spec.containers", "is empty: a pod has at least one app container");
        }
        let mut names = BTreeSet::new();
        for (list, field, containers) in [
            (List::Init, "initContainers", &spec.init_containers),
            (List::App, "containers", &spec.containers),
            (List::Ephemeral, "ephemeralContainers", &spec.ephemeral_containers),
        ] {
            for (n, container) in containers.iter().enumerate() {
                let path = format!("spec.{field}[{n}]");
                if !container.name.is_empty() && !names.insert(container.name.as_str()) {
                    self.refuse(
                        format_args!("{path}.name"),
                        format!("is `{}`, which another container of the pod has", container.name),
                    );
                }
                self.container(list, &path, container, spec);
            }
        }
        let mut volumes = BTreeSet::new();
        for (n, volume) in spec.volumes.iter().enumerate() {
            if !volumes.insert(volume.name.as_str()) {
                self.refuse(
                    format_args!("spec.volumes[{n}].name"),
                    format!("is `{}`, which another volume of the pod has", volume.name),
                );
            }
            if volume.image.as_ref().is_some_and(|image| image.reference.trim().is_empty()) {
                let path = format_args!("spec.volumes[{n}].image.reference");
                self.refuse(path, "is missing: an image volume needs an image");
            }
        }
    }

    fn container(&mut self, list: List, path: &str, container: &Container, spec: &PodSpec) {
        if container.name.is_empty() {
            self.refuse(format_args!("{path}.name"), "is missing: every container needs a name");
        } else if !is_dns_label(&container.name) {
            self.refuse(format_args!("{path}.name"), format!("is `{}`, expected {LABEL}", container.name));
        }
        if container.image.trim().is_empty() {
            self.refuse(format_args!("{path}.image"), "is missing: every container needs an image");
        }
        self.ports(path, container);
        self.resources(&format!("{path}.resources"), &container.resources);
        self.restart_rules(list, path, container);
        for (n, mount) in container.volume_mounts.iter().enumerate() {
            let sub_path = &mount.sub_path;
            if sub_path.starts_with('/') || sub_path.split('/').any(|part| part == "..") {
                self.refuse(
                    format_args!("{path}.volumeMounts[{n}].subPath"),
                    format!("is `{sub_path}`, expected a path below the volume's root, without `..`"),
                );
            }
        }
        let stays = list == List::App
            || list == List::Init && container.restart_policy == Some(RestartPolicy::Always);
        for (field, probe) in [
            ("livenessProbe", &container.liveness_probe),
            ("readinessProbe", &container.readiness_probe),
            ("startupProbe", &container.startup_probe),
        ] {
            let Some(probe) = probe else { continue };
            let path = format!("{path}.{field}");
            if stays {
                self.probe(&path, field == "readinessProbe", probe);
            } else {
                self.refuse(path, "is not for this container: only app containers and sidecars have it");
            }
        }
        if let Some(signal) =
            container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.stop_signal.as_ref())
        {
            self.stop_signal(list, &format!("{path}.lifecycle.stopSignal"), signal, spec);
        }
        if let Some(lifecycle) = &container.lifecycle {
            for (field, handler) in [("postStart", &lifecycle.post_start), ("preStop", &lifecycle.pre_stop)] {
                let Some(handler) = handler else { continue };
                let path = format!("{path}.lifecycle.{field}");
                if stays {
                    self.handler(&path, handler, spec);
                } else {
                    self.refuse(path, "is not for this container: only app containers and sidecars have it");
                }
            }
        }
    }

    fn ports(&mut self, path: &str, container: &Container) {
        let mut names = BTreeSet::new();
        for (n, port) in container.ports.iter().enumerate() {
            let path = format!("{path}.ports[{n}]");
            self.at_least(format_args!("{path}.containerPort"), Some(port.container_port), 1);
            if port.name.is_empty() {
                continue;
            }
            if !is_port_name(&port.name) {
                self.refuse(format_args!("{path}.name"), format!("is `{}`, expected {PORT_NAME}", port.name));
            } else if !names.insert(port.name.as_str()) {
                self.refuse(
                    format_args!("{path}.name"),
                    format!("is `{}`, which another port of the container has", port.name),
                );
            }
        }
    }

    fn restart_rules(&mut self, list: List, path: &str, container: &Container) {
        let rules = &container.restart_policy_rules;
        if list == List::Ephemeral {
            if container.restart_policy.is_some() {
                self.refuse(format_args!("{path}.restartPolicy"), "is not for ephemeral containers");
            }
            if !rules.is_empty() {
                self.refuse(format_args!("{path}.restartPolicyRules"), "is not for ephemeral containers");
            }
        } else if !rules.is_empty() && container.restart_policy.is_none() {
            self.refuse(format_args!("{path}.restartPolicy"), "is missing: `restartPolicyRules` needs it");
        }
        if rules.len() > MOST_RULES {
            let message = format!("has {} rules, expected at most {MOST_RULES}", rules.len());
            self.refuse(format_args!("{path}.restartPolicyRules"), message);
        }
        for (n, rule) in rules.iter().enumerate() {
            let path = format!("{path}.restartPolicyRules[{n}].exitCodes");
            match &rule.exit_codes {
                None => self.refuse(path, "is missing: a rule says for which exit codes it is"),
                Some(codes) => self.exit_codes(&format!("{path}.values"), &codes.values),
            }
        }
    }

    fn exit_codes(&mut self, path: &str, values: &[i32]) {
        if values.is_empty() || values.len() > 255 {
            self.refuse(path, "expected 1 to 255 exit codes");
        }
        let mut known = BTreeSet::new();
        for (n, value) in values.iter().enumerate() {
            if !(0..=255).contains(value) {
                let message = format!("is {value}, expected an exit code from 0 to 255");
                self.refuse(format_args!("{path}[{n}]"), message);
            } else if !known.insert(value) {
                self.refuse(format_args!("{path}[{n}]"), format!("is {value}, which is listed before"));
            }
        }
    }

    fn probe(&mut self, path: &str, readiness: bool, probe: &Probe) {
        let handlers = [
            probe.exec.is_some(),
            probe.http_get.is_some(),
            probe.tcp_socket.is_some(),
            probe.grpc.is_some(),
        ];
        if handlers.iter().filter(|there| **there).count() != 1 {
            self.refuse(path, "expected exactly one of exec, httpGet, tcpSocket and grpc");
        }
        self.at_least(format_args!("{path}.initialDelaySeconds"), probe.initial_delay_seconds, 0);
        self.at_least(format_args!("{path}.timeoutSeconds"), probe.timeout_seconds, 1);
        self.at_least(format_args!("{path}.periodSeconds"), probe.period_seconds, 1);
        self.at_least(format_args!("{path}.successThreshold"), probe.success_threshold, 1);
        self.at_least(format_args!("{path}.failureThreshold"), probe.failure_threshold, 1);
        if !readiness && probe.success_threshold.is_some_and(|threshold| threshold > 1) {
            self.refuse(
                format_args!("{path}.successThreshold"),
                "expected 1: only readiness probes have more",
            );
        }
        let grace = format!("{path}.terminationGracePeriodSeconds");
        if readiness && probe.termination_grace_period_seconds.is_some() {
            self.refuse(grace, "is not for readiness probes: they stop nothing");
        } else {
            self.at_least(grace, probe.termination_grace_period_seconds, 1);
        }
    }

    fn stop_signal(&mut self, list: List, path: &str, signal: &str, spec: &PodSpec) {
        if list == List::Ephemeral {
            self.refuse(path, "is not for ephemeral containers");
        } else if let Err(error) = StopSignal::for_os(signal, spec.os.as_ref()) {
            self.refuse(path, format!("is wrong: {error}"));
        }
    }

    fn handler(&mut self, path: &str, handler: &LifecycleHandler, spec: &PodSpec) {
        let handlers = [
            handler.exec.is_some(),
            handler.http_get.is_some(),
            handler.tcp_socket.is_some(),
            handler.sleep.is_some(),
        ];
        if handlers.iter().filter(|there| **there).count() != 1 {
            self.refuse(path, "expected exactly one of exec, httpGet and sleep");
        }
        if let Some(sleep) = handler.sleep {
            let most = spec.termination_grace_period_seconds.unwrap_or(30);
            if !(0..=most).contains(&sleep.seconds) {
                self.refuse(
                    format_args!("{path}.sleep.seconds"),
                    format!("is {}, expected 0 to the pod's grace period of {most}", sleep.seconds),
                );
            }
        }
    }

    fn resources(&mut self, path: &str, resources: &ResourceRequirements) {
        for (field, amounts) in [("requests", &resources.requests), ("limits", &resources.limits)] {
            for (name, amount) in amounts {
                self.amount(format_args!("{path}.{field}.{name}"), amount);
            }
        }
        for (name, request) in &resources.requests {
            if let Some(limit) = resources.limits.get(name)
                && request > limit
            {
                self.refuse(
                    format_args!("{path}.requests.{name}"),
                    format!("is {request}, expected at most the limit of {limit}"),
                );
            }
        }
    }

    /// A pod's own resources (KEP-2837): only some can be asked for, and they bound what the containers ask for.
    fn pod_resources(&mut self, spec: &PodSpec) {
        let own = &spec.resources;
        self.resources("spec.resources", own);
        for (field, amounts) in [("requests", &own.requests), ("limits", &own.limits)] {
            for name in amounts.keys().filter(|name| !is_pod_level(name)) {
                let message = "is not for a pod as a whole: expected cpu, memory or hugepages-…";
                self.refuse(format_args!("spec.resources.{field}.{name}"), message);
            }
        }
        let of_containers = spec.of_containers(|resources| &resources.requests);
        for (name, own) in &own.requests {
            if let Some(theirs) = of_containers.get(name).filter(|theirs| *theirs > own) {
                let message = format!("is {own}, expected at least the {theirs} that the containers request");
                self.refuse(format_args!("spec.resources.requests.{name}"), message);
            }
        }
        for (list, containers) in
            [("initContainers", &spec.init_containers), ("containers", &spec.containers)]
        {
            for (n, container) in containers.iter().enumerate() {
                for (name, limit) in &container.resources.limits {
                    if let Some(most) = own.limits.get(name).filter(|most| *most < limit) {
                        let message = format!("is {limit}, expected at most the pod's own limit of {most}");
                        self.refuse(format_args!("spec.{list}[{n}].resources.limits.{name}"), message);
                    }
                }
            }
        }
    }

    fn amount(&mut self, path: impl fmt::Display, amount: &super::Quantity) {
        if *amount < super::Quantity::ZERO {
            self.refuse(path, format!("is {amount}, expected at least 0"));
        }
    }
}

/// How many restart rules a container has at most.
const MOST_RULES: usize = 20;

const LABEL: &str = "up to 63 of a-z, 0-9 and `-`, with a letter or digit at both ends";
const SUBDOMAIN: &str =
    "up to 253 of a-z, 0-9, `-` and `.`, with a letter or digit at both ends of each part";

const PORT_NAME: &str =
    "up to 15 of a-z, 0-9 and single `-`, at least one letter, with a letter or digit at both ends";

fn is_port_name(text: &str) -> bool {
    text.len() <= 15
        && is_dns_part(text)
        && !text.contains("--")
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
}

fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && is_dns_part(text)
}

pub(crate) fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_part)
}

fn is_dns_part(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(inside) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(spec: &str) -> String {
        Pod::from_json(&format!(r#"{{"metadata": {{"name": "p"}}, "spec": {spec}}}"#))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let spec = r#"{"hostNetwork": true, "hostUsers": false, "terminationGracePeriodSeconds": -1,
            "initContainers": [{"name": "a", "image": "a", "livenessProbe": {"exec": {}}}],
            "containers": [{"name": "a", "image": "x", "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}},
                           {"name": "B_"}]}"#;
        assert_eq!(
            errors(spec).lines().map(|line| line.split(": ").next().unwrap()).collect::<Vec<_>>(),
            [
                "spec.terminationGracePeriodSeconds",
                "spec.hostNetwork",
                "spec.initContainers[0].livenessProbe",
                "spec.containers[0].name",
                "spec.containers[0].resources.requests.cpu",
                "spec.containers[1].name",
                "spec.containers[1].image",
            ]
        );
    }

    #[test]
    fn ports_have_numbers_and_names_of_their_own() {
        let spec = r#"{"containers": [{"name": "a", "image": "a", "ports": [{"name": "web", "containerPort": 80},
            {"name": "web", "containerPort": 81}, {"name": "81", "containerPort": 0}]}]}"#;
        assert_eq!(
            errors(spec),
            "spec.containers[0].ports[1].name: is `web`, which another port of the container has\n\
             spec.containers[0].ports[2].containerPort: is 0, expected at least 1\n\
             spec.containers[0].ports[2].name: is `81`, expected up to 15 of a-z, 0-9 and single `-`, at least one \
             letter, with a letter or digit at both ends"
        );
        let error =
            errors(r#"{"containers": [{"name": "a", "image": "a", "ports": [{"containerPort": 70000}]}]}"#);
        assert!(error.starts_with("spec.containers[0].ports[0].containerPort: "), "{error}");
    }

    #[test]
    fn a_stop_signal_needs_an_operating_system() {
        let spec = |os: &str, signal: &str| {
            format!(
                r#"{{{os}"containers": [{{"name": "a", "image": "a", "lifecycle": {{"stopSignal": "{signal}"}}}}]}}"#
            )
        };
        assert_eq!(
            errors(&spec("", "SIGHUP")),
            "spec.containers[0].lifecycle.stopSignal: is wrong: SIGHUP needs `spec.os.name`: signals are the operating system's"
        );
        assert_eq!(
            errors(&spec(r#""os": {"name": "windows"}, "#, "SIGHUP")),
            "spec.containers[0].lifecycle.stopSignal: is wrong: SIGHUP is no signal of windows: expected SIGTERM or SIGKILL"
        );
        assert_eq!(
            errors(&spec(r#""os": {"name": "linux"}, "#, "HUP")),
            "spec.containers[0].lifecycle.stopSignal: is wrong: `HUP` is no signal: expected a name such as \
             SIGTERM, SIGUSR1 or SIGRTMIN+3"
        );
    }

    #[test]
    fn restart_rules_have_their_limits() {
        let spec = r#"{
            "initContainers": [{"name": "i", "image": "i", "restartPolicyRules": [
                {"action": "Restart", "exitCodes": {"operator": "In", "values": [3, -1, 3, 256]}}]}],
            "containers": [{"name": "a", "image": "a", "restartPolicy": "Never", "restartPolicyRules": [
                {"action": "Restart"}, {"action": "Restart", "exitCodes": {"operator": "NotIn", "values": []}}]}],
            "ephemeralContainers": [{"name": "e", "image": "e", "restartPolicyRules": [
                {"action": "Restart", "exitCodes": {"operator": "In", "values": [0]}}]}]}"#;
        assert_eq!(
            errors(spec).lines().collect::<Vec<_>>(),
            [
                "spec.initContainers[0].restartPolicy: is missing: `restartPolicyRules` needs it",
                "spec.initContainers[0].restartPolicyRules[0].exitCodes.values[1]: is -1, expected an exit code \
                 from 0 to 255",
                "spec.initContainers[0].restartPolicyRules[0].exitCodes.values[2]: is 3, which is listed before",
                "spec.initContainers[0].restartPolicyRules[0].exitCodes.values[3]: is 256, expected an exit code \
                 from 0 to 255",
                "spec.containers[0].restartPolicyRules[0].exitCodes: is missing: a rule says for which exit codes \
                 it is",
                "spec.containers[0].restartPolicyRules[1].exitCodes.values: expected 1 to 255 exit codes",
                "spec.ephemeralContainers[0].restartPolicyRules: is not for ephemeral containers",
            ]
        );
        let rule = r#"{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}"#;
        let rules = vec![rule; 21].join(",");
        let spec = format!(
            r#"{{"containers": [{{"name": "a", "image": "a", "restartPolicy": "Never",
                "restartPolicyRules": [{rules}]}}]}}"#
        );
        assert_eq!(errors(&spec), "spec.containers[0].restartPolicyRules: has 21 rules, expected at most 20");
        let odd = spec.replacen("\"In\"", "\"Exists\"", 1);
        assert!(errors(&odd).contains("restartPolicyRules[0].exitCodes.operator: unknown variant `Exists`"));
    }

    #[test]
    fn a_pods_own_resources_bound_its_containers() {
        let spec = r#"{"resources": {"requests": {"cpu": "1", "example.com/dev": "1"}, "limits": {"memory": "1Gi"}},
            "containers": [{"name": "a", "image": "a", "resources": {"requests": {"cpu": "600m"}}},
                {"name": "b", "image": "b", "resources": {"requests": {"cpu": "600m", "memory": "1Mi"},
                                                          "limits": {"memory": "2Gi"}}}]}"#;
        assert_eq!(
            errors(spec).lines().collect::<Vec<_>>(),
            [
                "spec.resources.requests.example.com/dev: is not for a pod as a whole: expected cpu, memory or \
                 hugepages-…",
                "spec.resources.requests.cpu: is 1, expected at least the 1200m that the containers request",
                "spec.containers[1].resources.limits.memory: is 2Gi, expected at most the pod's own limit of 1Gi",
            ]
        );
    }

    #[test]
    fn an_image_volume_has_an_image_and_is_not_left() {
        let spec = r#"{"volumes": [{"name": "v", "image": {}}], "containers": [{"name": "a", "image": "a",
            "volumeMounts": [{"name": "v", "mountPath": "/a", "subPath": "in/side"},
                             {"name": "v", "mountPath": "/b", "subPath": "in/../.."},
                             {"name": "v", "mountPath": "/c", "subPath": "/etc"}]}]}"#;
        let paths: Vec<_> =
            errors(spec).lines().map(|line| line.split(": ").next().unwrap().to_owned()).collect();
        assert_eq!(
            paths,
            [
                "spec.containers[0].volumeMounts[1].subPath",
                "spec.containers[0].volumeMounts[2].subPath",
                "spec.volumes[0].image.reference",
            ]
        );
    }

    #[test]
    fn a_wrong_type_is_named_with_its_path() {
        let error = errors(
            r#"{"containers": [{"name": "a", "image": "a", "resources": {"limits": {"cpu": "1x"}}}]}"#,
        );
        assert!(error.starts_with("spec.containers[0].resources.limits.cpu: "), "{error}");
        let error = errors(r#"{"restartPolicy": "Sometimes", "containers": []}"#);
        assert!(
            error.starts_with("spec.restartPolicy: unknown variant `Sometimes`, expected one of"),
            "{error}"
        );
    }

    #[test]
    fn null_is_as_good_as_absent() {
        let pod = Pod::from_json(
            r#"{"metadata": {"name": "p", "creationTimestamp": null, "annotations": null},
                "spec": {"containers": [{"name": "a", "image": "a", "resources": null}], "initContainers": null},
                "status": {}}"#,
        );
        assert!(pod.is_ok(), "{pod:?}");
    }
}
