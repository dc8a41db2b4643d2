//! What an implementation brings to be held to the contracts.

use std::collections::BTreeMap;
use std::future::Future;

use node_lifecycle::api::{ContainerId, SandboxId};
use node_lifecycle::container::ContainerKind;
use node_lifecycle::runtime::{
    CONTAINER_HASH_ANNOTATION, CONTAINER_KIND_ANNOTATION, CONTAINER_NAME_LABEL,
    CONTAINER_RESTART_COUNT_ANNOTATION, Clock, ContainerConfig, ContainerMetadata, HookRunner, ImageService,
    ImageSpec, POD_UID_LABEL, PodReference, PodResources, PodSandboxConfig, PodSandboxMetadata, ProbeRunner,
    RuntimeService, StatusSink,
};

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// Ends at once with exit code 3.
    ExitsWith3,
    /// Runs until it gets its stop signal, and ends at once then.
    Obeys,
    /// Runs until it is killed.
    IgnoresStop,
}

impl Program {
    /// Its name as a container: what an implementation may know it by.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ExitsWith3 => "exits-with-3",
            Self::Obeys => "obeys",
            Self::IgnoresStop => "ignores-stop",
        }
    }

    /// As a command for busybox.
    pub(crate) fn command(self) -> Vec<String> {
        let script = match self {
            Self::ExitsWith3 => "exit 3",
            Self::Obeys => "trap 'exit 0' TERM; while :; do sleep 0.05; done",
            Self::IgnoresStop => "trap '' TERM; while :; do sleep 0.05; done",
        };
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }
}

/// An implementation of the ports, with nothing in it.
///
/// A runtime, its images and a clock are needed. Of the other ports those are held to their contracts that are
/// there.
pub(crate) trait Bench {
    fn runtime(&self) -> &dyn RuntimeService;
    fn images(&self) -> &dyn ImageService;
    fn clock(&self) -> &dyn Clock;

    fn probes(&self) -> Option<&dyn ProbeRunner> {
        None
    }
    fn hooks(&self) -> Option<&dyn HookRunner> {
        None
    }
    fn sink(&self) -> Option<&dyn StatusSink> {
        None
    }
    fn resources(&self) -> Option<&dyn PodResources> {
        None
    }

    /// An image that can be pulled and runs [`Program::command`].
    fn image(&self) -> &str;

    /// Runs a future to its end.
    fn run<T>(&self, future: impl Future<Output = T>) -> T;

    /// What the sandbox of a pod is made from.
    fn sandbox_config(&self, uid: &str, attempt: u32) -> PodSandboxConfig {
        PodSandboxConfig {
            metadata: PodSandboxMetadata {
                name: "pod".into(),
                namespace: "contract".into(),
                uid: uid.into(),
                attempt,
            },
            labels: BTreeMap::from([(POD_UID_LABEL.into(), uid.into())]),
            ..PodSandboxConfig::default()
        }
    }

    /// What an instance of a container is made from.
    fn container_config(&self, uid: &str, program: Program, attempt: u32) -> ContainerConfig {
        let name = program.name().to_owned();
        ContainerConfig {
            metadata: ContainerMetadata { name: name.clone(), attempt },
            image: ImageSpec::from(self.image()),
            command: program.command(),
            labels: BTreeMap::from([(POD_UID_LABEL.into(), uid.into()), (CONTAINER_NAME_LABEL.into(), name)]),
            annotations: BTreeMap::from([
                (CONTAINER_HASH_ANNOTATION.into(), format!("{:x}", u64::MAX - u64::from(attempt))),
                (CONTAINER_RESTART_COUNT_ANNOTATION.into(), attempt.to_string()),
                (CONTAINER_KIND_ANNOTATION.into(), word(ContainerKind::App)),
            ]),
            ..ContainerConfig::default()
        }
    }
}

/// The pod of this UID, as the ports are told of it.
pub(crate) fn pod(uid: &str) -> PodReference {
    PodReference { uid: uid.into(), namespace: "contract".into(), name: "pod".into() }
}

fn word(kind: ContainerKind) -> String {
    serde_json::to_value(kind).unwrap().as_str().unwrap().to_owned()
}

/// A sandbox that is ready, and the image.
pub(crate) async fn sandbox(bench: &impl Bench, uid: &str) -> SandboxId {
    bench.images().pull_image(&bench.image().into(), None, None).await.unwrap();
    bench.runtime().run_pod_sandbox(&bench.sandbox_config(uid, 0), "").await.unwrap()
}

/// A container of it, made and not started.
pub(crate) async fn created(
    bench: &impl Bench,
    (uid, sandbox): (&str, &SandboxId),
    program: Program,
) -> ContainerId {
    let config = bench.container_config(uid, program, 0);
    bench.runtime().create_container(sandbox, &config, &bench.sandbox_config(uid, 0)).await.unwrap()
}

/// A container of it that was started.
pub(crate) async fn started(bench: &impl Bench, pod: (&str, &SandboxId), program: Program) -> ContainerId {
    let id = created(bench, pod, program).await;
    bench.runtime().start_container(&id).await.unwrap();
    id
}
