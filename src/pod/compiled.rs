//! What depends on a pod's spec only, computed once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Overhead, PodResources, pod_resources, qos_class};
use crate::api::{
    Container, ContainerRestartRule, ImagePullPolicy, Pod, PodSpec, QosClass, RestartPolicy,
    RestartRuleAction, StopSignal, StopSignalError, Uid,
};
use crate::behaviour::{Behaviour, Feature, FeatureGates};
use crate::container::{
    AfterExit, ContainerIndex, ContainerKind, ContainerRecord, ContainerSet, ProbeGrace, ProbeKind,
    after_exit, own_stop_signal, restarts, spec_hash,
};
use crate::ordering::{Edge, Ordering, OrderingError};

/// A pod's spec made ready for decisions: containers by index, kinds, effective restart policies, orders,
/// quality of service and resources.
///
/// It is compiled anew when the spec or the behaviour changes, and never stored.
#[derive(Debug, Clone)]
pub struct CompiledPod {
    /// The pod's identity.
    pub uid: Uid,
    /// `<name>_<namespace>(<uid>)`, as messages name it.
    pub display_name: Arc<str>,
    /// Whether it comes from the node's own files rather than from the API.
    pub is_static: bool,
    /// The spec that it was compiled from.
    pub spec: Arc<PodSpec>,
    /// What it was compiled under.
    pub behaviour: Arc<Behaviour>,
    /// Its quality of service by its spec. A class that its status names goes first: see
    /// [`pod_qos_class`](super::pod_qos_class).
    pub qos: QosClass,
    /// What it asks for as a whole, with its overhead.
    pub resources: PodResources,
    containers: Vec<CompiledContainer>,
    ordering: Ordering,
    sets: Sets,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sets {
    inits: ContainerSet,
    sidecars: ContainerSet,
    apps: ContainerSet,
    ephemeral: ContainerSet,
    restarting_all: ContainerSet,
}

/// A container of a compiled pod.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CompiledContainer {
    /// Its name.
    pub name: Arc<str>,
    /// Its image, as written.
    pub image: Arc<str>,
    /// What it is for.
    pub kind: ContainerKind,
    /// Its own restart policy where it has one and the gate `ContainerRestartRules` is on, else the pod's.
    /// (A sidecar's `Always` shows in its kind.)
    pub restart_policy: RestartPolicy,
    /// What certain exit codes mean, before the policy is looked at (KEP-5307).
    pub restart_rules: Vec<ContainerRestartRule>,
    /// When its image is pulled.
    pub image_pull_policy: ImagePullPolicy,
    /// The images of the image volumes that it mounts (KEP-4639), in the order of its mounts, each once.
    pub volume_images: Vec<VolumeImage>,
    /// What makes an instance outdated.
    pub spec_hash: u64,
    /// Whether it has a startup probe.
    pub startup_probe: bool,
    /// Whether it has a liveness probe.
    pub liveness_probe: bool,
    /// Whether it has a readiness probe.
    pub readiness_probe: bool,
    /// Whether it has a `postStart` hook.
    pub post_start: bool,
    /// Whether it has a `preStop` hook.
    pub pre_stop: bool,
    /// The signal that its spec stops it with, if it names one and the gate `ContainerStopSignals` is on; else the
    /// image's is used.
    pub stop_signal: Option<StopSignal>,
    /// The grace period of its startup probe.
    pub startup_grace: ProbeGrace,
    /// The grace period of its liveness probe.
    pub liveness_grace: ProbeGrace,
    /// Where its status stands in the list of its kind: init containers in spec order, others by name.
    pub(super) status_slot: usize,
}

/// A volume by its place in `spec.volumes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VolumeIndex(pub u32);

/// The image of an image volume.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VolumeImage {
    /// Which volume.
    pub volume: VolumeIndex,
    /// Its image, as written.
    pub image: Arc<str>,
    /// When it is pulled.
    pub pull_policy: ImagePullPolicy,
}

/// One of the images that have to be there before a container is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NeededImage {
    /// The container's own.
    Container,
    /// That of an image volume that it mounts (KEP-4639).
    Volume(VolumeIndex),
}

/// Why a pod cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// Its containers have no order.
    #[error(transparent)]
    Ordering(#[from] OrderingError),
    /// The signal that a container is to be stopped with is none that it can have.
    #[error("container {container}: {error}")]
    StopSignal {
        /// The container.
        container: String,
        /// What is wrong.
        #[source]
        error: StopSignalError,
    },
    /// It uses what a feature gate that is off has to allow.
    #[error("{path}: needs the feature gate {gate}, which is off: {allowed}")]
    GateNeeded {
        /// The path of the field.
        path: String,
        /// The gate.
        gate: Feature,
        /// What is allowed without it.
        allowed: &'static str,
    },
}

impl CompiledPod {
    /// Compiles a pod.
    ///
    /// # Errors
    /// [`CompileError`] when names are not unique, or a field needs a gate that is off.
    pub fn compile(pod: &Pod, behaviour: &Arc<Behaviour>) -> Result<Self, CompileError> {
        Self::compile_with(pod, behaviour, &[])
    }

    /// Compiles a pod together with the caller's own wishes for its order.
    ///
    /// # Errors
    /// As for [`compile`](Self::compile), and when an edge cannot be.
    pub fn compile_with(pod: &Pod, behaviour: &Arc<Behaviour>, edges: &[Edge]) -> Result<Self, CompileError> {
        let spec = &pod.spec;
        let ordering = Ordering::of(spec, edges)?;
        check_gates(spec, behaviour.gates)?;
        let lists = [
            (ContainerKind::Init, &spec.init_containers),
            (ContainerKind::App, &spec.containers),
            (ContainerKind::Ephemeral, &spec.ephemeral_containers),
        ];
        let containers = lists.into_iter().flat_map(|(kind, containers)| {
            containers.iter().enumerate().map(move |(at, container)| {
                let by_name = || containers.iter().filter(|other| other.name < container.name).count();
                let status_slot = if kind == ContainerKind::Init { at } else { by_name() };
                let compiled = CompiledContainer::of(container, kind, spec, behaviour)?;
                Ok(CompiledContainer { status_slot, ..compiled })
            })
        });
        let containers = containers.collect::<Result<Vec<_>, CompileError>>()?;
        let mut sets = Sets::default();
        for (index, container) in (0..).map(ContainerIndex).zip(&containers) {
            match container.kind {
                ContainerKind::Init => sets.inits.insert(index),
                ContainerKind::Sidecar => {
                    sets.inits.insert(index);
                    sets.sidecars.insert(index);
                }
                ContainerKind::App => sets.apps.insert(index),
                ContainerKind::Ephemeral => sets.ephemeral.insert(index),
            }
            let restarts_all =
                |rule: &ContainerRestartRule| rule.action == RestartRuleAction::RestartAllContainers;
            if container.restart_rules.iter().any(restarts_all) {
                sets.restarting_all.insert(index);
            }
        }
        Ok(Self {
            uid: pod.metadata.uid.clone(),
            display_name: pod.display_name().into(),
            is_static: pod.is_static(),
            spec: Arc::clone(spec),
            behaviour: Arc::clone(behaviour),
            qos: qos_class(spec, behaviour.gates),
            resources: pod_resources(spec, behaviour.gates, Overhead::Included),
            containers,
            ordering,
            sets,
        })
    }

    /// Its containers, in the order of their indices.
    #[must_use]
    pub fn containers(&self) -> &[CompiledContainer] {
        &self.containers
    }

    /// One of its containers; `None` for an index of another pod.
    #[must_use]
    pub fn container(&self, index: ContainerIndex) -> Option<&CompiledContainer> {
        self.containers.get(index.at())
    }

    /// The index of a container by its name.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<ContainerIndex> {
        let at = self.containers.iter().position(|container| &*container.name == name)?;
        u8::try_from(at).ok().map(ContainerIndex)
    }

    /// The name of a container; empty for an index of another pod.
    #[must_use]
    pub fn name_of(&self, index: ContainerIndex) -> &str {
        self.container(index).map_or("", |container| &container.name)
    }

    /// The orders of its containers.
    #[must_use]
    pub const fn ordering(&self) -> &Ordering {
        &self.ordering
    }

    /// All of its init containers, sidecars among them.
    #[must_use]
    pub const fn inits(&self) -> ContainerSet {
        self.sets.inits
    }

    /// Its sidecars.
    #[must_use]
    pub const fn sidecars(&self) -> ContainerSet {
        self.sets.sidecars
    }

    /// Its app containers.
    #[must_use]
    pub const fn apps(&self) -> ContainerSet {
        self.sets.apps
    }

    /// Those with a rule that restarts all of them (KEP-5532).
    #[must_use]
    pub const fn restarting_all(&self) -> ContainerSet {
        self.sets.restarting_all
    }

    /// Its ephemeral containers.
    #[must_use]
    pub const fn ephemeral(&self) -> ContainerSet {
        self.sets.ephemeral
    }

    /// The running containers that one waits for before it is told to stop.
    #[must_use]
    pub fn waits_for(&self, index: ContainerIndex, running: ContainerSet) -> ContainerSet {
        let before = if self.behaviour.compat.wait_for_next_sidecar_only {
            self.ordering.stop_next(index)
        } else {
            self.ordering.stop_after(index)
        };
        before.intersection(running)
    }
}

impl CompiledContainer {
    /// The grace period of one of its probes.
    #[must_use]
    pub const fn probe_grace(&self, probe: ProbeKind) -> ProbeGrace {
        match probe {
            ProbeKind::Startup => self.startup_grace,
            ProbeKind::Liveness => self.liveness_grace,
            ProbeKind::Readiness => None,
        }
    }

    fn of(
        container: &Container,
        kind: ContainerKind,
        spec: &PodSpec,
        behaviour: &Behaviour,
    ) -> Result<Self, CompileError> {
        let kind =
            if kind == ContainerKind::Init && container.is_sidecar() { ContainerKind::Sidecar } else { kind };
        let own_policy = container.restart_policy.filter(|_| kind != ContainerKind::Sidecar);
        let grace = |probe: &Option<crate::api::Probe>| {
            probe.as_ref().and_then(|probe| probe.termination_grace_period_seconds)
        };
        let stop_signal = own_stop_signal(spec, container, behaviour.gates)
            .map_err(|error| CompileError::StopSignal { container: container.name.clone(), error })?;
        Ok(Self {
            name: container.name.as_str().into(),
            image: container.image.as_str().into(),
            kind,
            restart_policy: own_policy.unwrap_or(spec.restart_policy),
            restart_rules: container.restart_policy_rules.clone(),
            image_pull_policy: container
                .image_pull_policy
                .unwrap_or_else(|| ImagePullPolicy::default_for(&container.image)),
            volume_images: volume_images(container, spec),
            spec_hash: spec_hash(container),
            startup_probe: container.startup_probe.is_some(),
            liveness_probe: container.liveness_probe.is_some(),
            readiness_probe: container.readiness_probe.is_some(),
            post_start: container.post_start().is_some(),
            pre_stop: container.pre_stop().is_some(),
            stop_signal,
            startup_grace: grace(&container.startup_probe),
            liveness_grace: grace(&container.liveness_probe),
            status_slot: 0,
        })
    }
}

impl CompiledContainer {
    /// What follows when an instance of it exits of its own accord. A sidecar is started again whatever its
    /// rules pass over.
    #[must_use]
    pub fn after_exit(&self, exit_code: i32) -> AfterExit {
        let policy =
            if self.kind == ContainerKind::Sidecar { RestartPolicy::Always } else { self.restart_policy };
        after_exit(policy, &self.restart_rules, exit_code)
    }

    /// Whether it is to be started, given its latest instance: its rules and its policy decide. See
    /// [`restarts`] for what goes without rules.
    #[must_use]
    pub fn restarts(&self, latest: Option<&ContainerRecord>, deleted: bool) -> bool {
        match latest.and_then(ContainerRecord::exit) {
            Some(exit) if !deleted => self.after_exit(exit.exit_code) != AfterExit::Stays,
            _ => restarts(self.restart_policy, latest, deleted),
        }
    }

    /// One of the images that it needs, as written, and when it is pulled; `None` for a volume that it does not
    /// mount.
    #[must_use]
    pub fn image(&self, which: NeededImage) -> Option<(&Arc<str>, ImagePullPolicy)> {
        match which {
            NeededImage::Container => Some((&self.image, self.image_pull_policy)),
            NeededImage::Volume(volume) => {
                let image = self.volume_images.iter().find(|image| image.volume == volume)?;
                Some((&image.image, image.pull_policy))
            }
        }
    }

    /// The images that it needs, in the order in which they are asked for: its own, then its volumes'.
    pub fn images(&self) -> impl Iterator<Item = NeededImage> {
        let volumes = self.volume_images.iter().map(|image| NeededImage::Volume(image.volume));
        std::iter::once(NeededImage::Container).chain(volumes)
    }

    /// The key of an image's back-off: another image of the same container has another.
    pub(super) fn image_key(&self, which: NeededImage) -> u64 {
        match which {
            NeededImage::Container => self.spec_hash,
            NeededImage::Volume(_) => {
                let image = self.image(which).map(|(image, _)| image.as_bytes()).unwrap_or_default();
                let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
                image.iter().fold(self.spec_hash, mix)
            }
        }
    }

    /// Whether one of its rules restarts it after this exit code, whatever its policy says.
    pub(super) fn restarts_by_rule(&self, exit_code: i32) -> bool {
        self.restart_rules.iter().any(|rule| rule.is_for(exit_code))
    }

    /// Whether it runs again when it has failed, given the exit code where there is one. For init containers:
    /// one that is killed or lost sight of has failed, too.
    pub(super) fn restarts_failed(&self, exit_code: Option<i32>) -> bool {
        self.restart_policy != RestartPolicy::Never
            || exit_code.is_some_and(|code| self.restarts_by_rule(code))
    }
}

/// Refuses what a gate that is off has to allow.
fn check_gates(spec: &PodSpec, gates: FeatureGates) -> Result<(), CompileError> {
    if !gates.enabled(Feature::ContainerRestartRules) {
        refuse_container_policies(spec)?;
    }
    if !gates.enabled(Feature::RestartAllContainersOnContainerExits) {
        refuse_restarts_of_all(spec)?;
    }
    if !gates.enabled(Feature::ImageVolume)
        && let Some(volume) = spec.volumes.iter().position(|volume| volume.image.is_some())
    {
        return Err(CompileError::GateNeeded {
            path: format!("spec.volumes[{volume}].image"),
            gate: Feature::ImageVolume,
            allowed: "without it no volume is an image",
        });
    }
    Ok(())
}

fn volume_images(container: &Container, spec: &PodSpec) -> Vec<VolumeImage> {
    let mut images = Vec::<VolumeImage>::new();
    for mount in &container.volume_mounts {
        let mut volumes = (0..).map(VolumeIndex).zip(&spec.volumes);
        let Some((volume, known)) = volumes.find(|(_, volume)| volume.name == mount.name) else { continue };
        let Some(image) = &known.image else { continue };
        if images.iter().all(|known| known.volume != volume) {
            let default = || ImagePullPolicy::default_for(&image.reference);
            let pull_policy = image.pull_policy.unwrap_or_else(default);
            images.push(VolumeImage { volume, image: image.reference.as_str().into(), pull_policy });
        }
    }
    images
}

/// The containers that have a restart policy, each with the name of its list and its place in it.
fn restartable(spec: &PodSpec) -> impl Iterator<Item = (&'static str, usize, &Container)> {
    let inits =
        spec.init_containers.iter().enumerate().map(|(n, container)| ("initContainers", n, container));
    let apps = spec.containers.iter().enumerate().map(|(n, container)| ("containers", n, container));
    inits.chain(apps)
}

/// Without the gate, `Always` on an init container is all that a container may say of its restarts.
fn refuse_container_policies(spec: &PodSpec) -> Result<(), CompileError> {
    for (list, n, container) in restartable(spec) {
        let policy_refused = match container.restart_policy {
            None => false,
            Some(RestartPolicy::Always) => list == "containers",
            Some(_) => true,
        };
        let field = if policy_refused {
            "restartPolicy"
        } else if container.restart_policy_rules.is_empty() {
            continue;
        } else {
            "restartPolicyRules"
        };
        return Err(CompileError::GateNeeded {
            path: format!("spec.{list}[{n}].{field}"),
            gate: Feature::ContainerRestartRules,
            allowed: "without it only init containers have a restart policy, and that is `Always`",
        });
    }
    Ok(())
}

fn refuse_restarts_of_all(spec: &PodSpec) -> Result<(), CompileError> {
    for (list, n, container) in restartable(spec) {
        let restarts_all =
            |rule: &ContainerRestartRule| rule.action == RestartRuleAction::RestartAllContainers;
        if let Some(rule) = container.restart_policy_rules.iter().position(restarts_all) {
            return Err(CompileError::GateNeeded {
                path: format!("spec.{list}[{n}].restartPolicyRules[{rule}].action"),
                gate: Feature::RestartAllContainersOnContainerExits,
                allowed: "without it the only action is `Restart`",
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_volume_needs_its_gate() {
        let json = r#"{"metadata": {"name": "p"}, "spec": {
            "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "model", "image": {"reference": "model:1"}},
                        {"name": "data", "image": {"reference": "data", "pullPolicy": "Never"}}],
            "containers": [{"name": "a", "image": "a:1", "volumeMounts": [
                {"name": "data", "mountPath": "/d"}, {"name": "tmp", "mountPath": "/t"},
                {"name": "model", "mountPath": "/m"}, {"name": "data", "mountPath": "/e"}]},
                {"name": "b", "image": "b:1"}]}}"#;
        let pod = Pod::from_json(json).unwrap();
        assert_eq!(
            CompiledPod::compile(&pod, &Arc::default()).unwrap_err().to_string(),
            "spec.volumes[1].image: needs the feature gate ImageVolume, which is off: without it no volume is an \
             image"
        );
        let gates = FeatureGates::default().with(Feature::ImageVolume, true);
        let compiled =
            CompiledPod::compile(&pod, &Arc::new(Behaviour { gates, ..Behaviour::default() })).unwrap();
        let images = |at: u8| {
            let container = compiled.container(ContainerIndex(at)).unwrap();
            let images = container.images().filter_map(|which| container.image(which));
            images.map(|(image, policy)| (image.to_string(), policy)).collect::<Vec<_>>()
        };
        let [a, data, model] = [
            ("a:1", ImagePullPolicy::IfNotPresent),
            ("data", ImagePullPolicy::Never),
            ("model:1", ImagePullPolicy::IfNotPresent),
        ]
        .map(|(image, policy)| (image.to_owned(), policy));
        assert_eq!(images(0), [a, data, model]);
        assert_eq!(images(1).len(), 1);
    }

    #[test]
    fn restarting_all_needs_two_gates() {
        let json = r#"{"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "a:1",
            "restartPolicy": "Never", "restartPolicyRules": [{"action": "RestartAllContainers",
                "exitCodes": {"operator": "In", "values": [3]}}]}]}}"#;
        let pod = Pod::from_json(json).unwrap();
        let compile = |gates: &str| {
            let behaviour = Behaviour { gates: gates.parse().unwrap(), ..Behaviour::default() };
            CompiledPod::compile(&pod, &Arc::new(behaviour))
        };
        let error = |gates: &str| compile(gates).unwrap_err().to_string();
        assert!(
            error("RestartAllContainersOnContainerExits=true").starts_with(
                "spec.containers[0].restartPolicy: needs the feature gate ContainerRestartRules"
            )
        );
        assert_eq!(
            error("ContainerRestartRules=true"),
            "spec.containers[0].restartPolicyRules[0].action: needs the feature gate \
             RestartAllContainersOnContainerExits, which is off: without it the only action is `Restart`"
        );
        let both = compile("ContainerRestartRules=true,RestartAllContainersOnContainerExits=true").unwrap();
        assert_eq!(both.restarting_all(), both.apps());
    }

    #[test]
    fn a_containers_own_policy_needs_its_gate() {
        let json = r#"{"metadata": {"name": "p"}, "spec": {"restartPolicy": "Never",
            "initContainers": [{"name": "i", "image": "i:1", "restartPolicy": "OnFailure"}],
            "containers": [{"name": "a", "image": "a:1"}]}}"#;
        let pod = Pod::from_json(json).unwrap();
        let behaviour = Arc::new(Behaviour::default());
        assert_eq!(
            CompiledPod::compile(&pod, &behaviour).unwrap_err().to_string(),
            "spec.initContainers[0].restartPolicy: needs the feature gate ContainerRestartRules, which is off: \
             without it only init containers have a restart policy, and that is `Always`"
        );
        let gates = behaviour.gates.with(Feature::ContainerRestartRules, true);
        let compiled =
            CompiledPod::compile(&pod, &Arc::new(Behaviour { gates, ..Behaviour::default() })).unwrap();
        let policies: Vec<_> =
            compiled.containers().iter().map(|container| container.restart_policy).collect();
        assert_eq!(policies, [RestartPolicy::OnFailure, RestartPolicy::Never]);
    }
}
