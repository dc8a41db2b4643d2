//! What a runtime in memory has: sandboxes, instances, images, and who waits for them to change.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use crate::api::{ContainerId, RestartPolicy, SandboxId};
use crate::container::{ContainerKind, ContainerRecord, RecordState, SandboxState};
use crate::machine::Timestamp;
use crate::runtime::{
    CONTAINER_KIND_ANNOTATION, CONTAINER_RESTART_POLICY_ANNOTATION, Container, ContainerConfig,
    ContainerEventResponse, ContainerEventType, ContainerResources, ContainerState, ContainerStatus, Image,
    ImageSpec, NamespaceMode, PodSandbox, PodSandboxConfig, PodSandboxNetworkStatus, PodSandboxStatus,
};
use crate::sim::process::{Process, after};
use crate::sim::{Script, Subject};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) sandboxes: BTreeMap<SandboxId, Sandbox>,
    pub(super) instances: BTreeMap<ContainerId, Instance>,
    /// By id.
    pub(super) images: BTreeMap<Arc<str>, Image>,
    /// How often the pulls of an image have failed, by its name.
    pub(super) failed_pulls: BTreeMap<Arc<str>, u32>,
    pub(super) not_ready: Option<Arc<str>>,
    made: u64,
    last_made: Option<Timestamp>,
    pub(super) subscribers: BTreeMap<u64, VecDeque<ContainerEventResponse>>,
    waiting: Vec<Waker>,
    changed: bool,
}

#[derive(Debug)]
pub(super) struct Sandbox {
    pub(super) config: PodSandboxConfig,
    pub(super) state: SandboxState,
    created_at: Timestamp,
    runtime_handler: String,
    /// Counts the pods with a network, for their addresses.
    number: u64,
}

#[derive(Debug)]
pub(super) struct Instance {
    pub(super) process: Process,
    pub(super) sandbox: SandboxId,
    pub(super) config: ContainerConfig,
    pub(super) resources: ContainerResources,
    pod: Arc<str>,
    image: Arc<str>,
}

impl State {
    /// Ends what has to have ended by now, in the order in which it does.
    pub(super) fn settle(&mut self, now: Timestamp) {
        let due = |instance: &Instance| instance.process.end.filter(|(at, ..)| *at <= now);
        let mut ended: Vec<_> = self
            .instances
            .iter()
            .filter_map(|(id, instance)| due(instance).map(|(at, code, _)| (at, id.clone(), code)))
            .collect();
        ended.sort();
        for (at, id, code) in ended {
            self.exit(&id, at, code, None);
        }
    }

    /// Who has to be woken.
    pub(super) fn take_woken(&mut self) -> Vec<Waker> {
        if std::mem::take(&mut self.changed) { std::mem::take(&mut self.waiting) } else { Vec::new() }
    }

    /// Something is to happen at another time than before.
    pub(super) const fn shorten(&mut self) {
        self.changed = true;
    }

    /// Is woken with the next change.
    pub(super) fn wait(&mut self, waker: &Waker) {
        if !self.waiting.iter().any(|known| known.will_wake(waker)) {
            self.waiting.push(waker.clone());
        }
    }

    /// When the next process ends.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        self.instances.values().filter_map(|instance| instance.process.end.map(|(at, ..)| at)).min()
    }

    pub(super) fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn now_made(&mut self, now: Timestamp) -> Timestamp {
        let at = after(self.last_made, now);
        self.last_made = Some(at);
        at
    }

    pub(super) fn add_sandbox(
        &mut self,
        config: PodSandboxConfig,
        runtime_handler: String,
        now: Timestamp,
    ) -> SandboxId {
        let number = self.number();
        let id = SandboxId::from(format!("s{number}"));
        let created_at = self.now_made(now);
        let state = SandboxState::Ready;
        self.sandboxes.insert(id.clone(), Sandbox { config, state, created_at, runtime_handler, number });
        self.tell(id.as_str(), ContainerEventType::Created, &id, now);
        self.tell(id.as_str(), ContainerEventType::Started, &id, now);
        id
    }

    /// Stops a sandbox; what runs in it is killed.
    pub(super) fn stop_sandbox(&mut self, id: &SandboxId, now: Timestamp) {
        let Some(sandbox) = self.sandboxes.get_mut(id) else { return };
        if std::mem::replace(&mut sandbox.state, SandboxState::NotReady) == SandboxState::NotReady {
            return;
        }
        for container in self.instances_of(id) {
            self.exit(&container, now, 137, None);
        }
        self.tell(id.as_str(), ContainerEventType::Stopped, id, now);
    }

    pub(super) fn remove_sandbox(&mut self, id: &SandboxId, now: Timestamp) {
        self.stop_sandbox(id, now);
        for container in self.instances_of(id) {
            self.remove(&container, now);
        }
        if self.sandboxes.remove(id).is_some() {
            self.tell(id.as_str(), ContainerEventType::Deleted, id, now);
        }
    }

    fn instances_of(&self, sandbox: &SandboxId) -> Vec<ContainerId> {
        let instances = self.instances.iter().filter(|(_, instance)| instance.sandbox == *sandbox);
        instances.map(|(id, _)| id.clone()).collect()
    }

    /// Makes an instance, given its script once it is known what it is.
    pub(super) fn add_instance(
        &mut self,
        sandbox: &SandboxId,
        (config, image): (ContainerConfig, &Image),
        script: impl FnOnce(&Subject<'_>, RestartPolicy) -> Script,
        now: Timestamp,
    ) -> ContainerId {
        let id = ContainerId::from(format!("c{}", self.number()));
        let created_at = self.now_made(now);
        let known = self.sandboxes.get(sandbox);
        let pod: Arc<str> = known.map(|known| known.config.metadata.name.as_str().into()).unwrap_or_default();
        let written = written(&config.image);
        let (kind, policy) = role(&config);
        let container = &config.metadata.name;
        let script = script(&Subject { pod: &pod, container, image: &written, kind }, policy);
        let record = ContainerRecord {
            id: id.clone(),
            name: container.as_str().into(),
            attempt: config.metadata.attempt,
            spec_hash: 0,
            image: Arc::clone(image.repo_tags.first().unwrap_or(&config.image.image)),
            image_ref: Arc::clone(image.repo_digests.first().unwrap_or(&image.id)),
            created_at,
            state: RecordState::Created,
        };
        let instance = Instance {
            process: Process::new(record, script, (kind, policy)),
            sandbox: sandbox.clone(),
            resources: ContainerResources {
                linux: config.linux.resources.clone(),
                ..ContainerResources::default()
            },
            pod,
            image: written,
            config,
        };
        self.instances.insert(id.clone(), instance);
        self.tell(id.as_str(), ContainerEventType::Created, sandbox, now);
        id
    }

    pub(super) fn start(&mut self, id: &ContainerId, now: Timestamp) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        instance.process.start(now);
        let sandbox = instance.sandbox.clone();
        self.tell(id.as_str(), ContainerEventType::Started, &sandbox, now);
        self.settle(now);
    }

    /// Ends a process that runs, with the usual reason for the code unless another is given.
    pub(super) fn exit(&mut self, id: &ContainerId, at: Timestamp, code: i32, reason: Option<&str>) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        if !instance.process.record.is_running() {
            return;
        }
        instance.process.exit(at, code);
        if let (RecordState::Exited(exit), Some(reason)) = (&mut instance.process.record.state, reason) {
            exit.reason = reason.into();
        }
        let sandbox = instance.sandbox.clone();
        self.tell(id.as_str(), ContainerEventType::Stopped, &sandbox, at);
    }

    pub(super) fn remove(&mut self, id: &ContainerId, now: Timestamp) {
        self.exit(id, now, 137, None);
        if let Some(instance) = self.instances.remove(id) {
            self.tell(id.as_str(), ContainerEventType::Deleted, &instance.sandbox, now);
        }
    }

    /// Tells whoever listens, and wakes whoever waits.
    fn tell(&mut self, id: &str, what: ContainerEventType, sandbox: &SandboxId, now: Timestamp) {
        self.changed = true;
        if self.subscribers.is_empty() {
            return;
        }
        let event = ContainerEventResponse {
            container_id: id.into(),
            container_event_type: what,
            created_at: now,
            pod_sandbox_status: self.sandboxes.get(sandbox).map(|known| known.status(sandbox)),
            containers_statuses: self
                .instances
                .values()
                .filter(|instance| instance.sandbox == *sandbox)
                .map(Instance::status)
                .collect(),
        };
        for queue in self.subscribers.values_mut() {
            queue.push_back(event.clone());
        }
    }

    /// The image of this name, tag, digest or id.
    pub(super) fn image(&self, reference: &str) -> Option<&Image> {
        self.images.values().find(|image| {
            let mut names = image.repo_tags.iter().chain(&image.repo_digests);
            *image.id == *reference || names.any(|name| **name == *reference)
        })
    }
}

/// An image as the pod's author wrote it.
fn written(image: &ImageSpec) -> Arc<str> {
    let resolved = image.user_specified_image.is_empty();
    Arc::clone(if resolved { &image.image } else { &image.user_specified_image })
}

/// What a container is for and when it is restarted, by its annotations; an app container that is always
/// restarted where they do not say.
fn role(config: &ContainerConfig) -> (ContainerKind, RestartPolicy) {
    let annotation = |name| config.annotations.get(name).map_or("", String::as_str);
    let kind = match annotation(CONTAINER_KIND_ANNOTATION) {
        "init" => ContainerKind::Init,
        "sidecar" => ContainerKind::Sidecar,
        "ephemeral" => ContainerKind::Ephemeral,
        _ => ContainerKind::App,
    };
    let policy = match annotation(CONTAINER_RESTART_POLICY_ANNOTATION) {
        "OnFailure" => RestartPolicy::OnFailure,
        "Never" => RestartPolicy::Never,
        _ => RestartPolicy::Always,
    };
    (kind, policy)
}

impl Sandbox {
    pub(super) fn listed(&self, id: &SandboxId) -> PodSandbox {
        PodSandbox {
            id: id.clone(),
            metadata: self.config.metadata.clone(),
            state: self.state,
            created_at: self.created_at,
            labels: self.config.labels.clone(),
            annotations: self.config.annotations.clone(),
            runtime_handler: self.runtime_handler.clone(),
        }
    }

    pub(super) fn status(&self, id: &SandboxId) -> PodSandboxStatus {
        let namespace_options = self.config.linux.security_context.namespace_options.clone();
        let has_network =
            self.state == SandboxState::Ready && namespace_options.network != NamespaceMode::Node;
        let ip = if has_network {
            // 10.0.0.0/8, one address after another.
            let [.., a, b, c] = self.number.to_be_bytes();
            format!("10.{a}.{b}.{c}")
        } else {
            String::new()
        };
        PodSandboxStatus {
            sandbox: self.listed(id),
            network: Some(PodSandboxNetworkStatus { ip, additional_ips: Vec::new() }),
            namespace_options,
        }
    }
}

impl Instance {
    pub(super) fn subject(&self) -> Subject<'_> {
        Subject {
            pod: &self.pod,
            container: &self.config.metadata.name,
            image: &self.image,
            kind: role(&self.config).0,
        }
    }

    pub(super) fn listed(&self) -> Container {
        let record = &self.process.record;
        Container {
            id: record.id.clone(),
            pod_sandbox_id: self.sandbox.clone(),
            metadata: self.config.metadata.clone(),
            image: ImageSpec { image: Arc::clone(&record.image), ..self.config.image.clone() },
            image_ref: Arc::clone(&record.image_ref),
            state: match &record.state {
                RecordState::Created => ContainerState::Created,
                RecordState::Running { .. } => ContainerState::Running,
                RecordState::Exited(_) => ContainerState::Exited,
                RecordState::Unknown => ContainerState::Unknown,
            },
            created_at: record.created_at,
            labels: self.config.labels.clone(),
            annotations: self.config.annotations.clone(),
        }
    }

    pub(super) fn status(&self) -> ContainerStatus {
        let record = &self.process.record;
        let exit = record.exit();
        ContainerStatus {
            container: self.listed(),
            started_at: record.started_at(),
            finished_at: exit.map(|exit| exit.finished_at),
            exit_code: exit.map_or(0, |exit| exit.exit_code),
            reason: exit.map(|exit| Arc::clone(&exit.reason)).unwrap_or_default(),
            message: exit.map(|exit| Arc::clone(&exit.message)).unwrap_or_default(),
            log_path: self.config.log_path.clone(),
            mounts: self.config.mounts.clone(),
            resources: Some(self.resources.clone()),
        }
    }
}
