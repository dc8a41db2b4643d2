//! A kubelet of one's own: a runtime whose containers are processes of this machine, and a pod with a sidecar and an
//! app that comes up and is deleted. The library says what is started and stopped, and when; here it is done.

#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // It reads a clock, and no lock is poisoned.

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use node_lifecycle::api::{ConditionStatus::True, ContainerId, Pod, SandboxId};
use node_lifecycle::container::SandboxState;
use node_lifecycle::driver::{Driver, DriverSettings, Ports};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::pod::{Pods, PodsSettings};
use node_lifecycle::runtime::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::{process::Child, process::Command, time::sleep};

const POD: &str = r#"{"metadata": {"name": "shop", "uid": "1"}, "spec": {
  "initContainers": [{"name": "proxy", "image": "sh", "restartPolicy": "Always", "command": ["sh", "-c",
    "trap 'echo proxy: bye; exit' TERM; echo proxy: hello; while :; do sleep 0.1; done"]}],
  "containers": [{"name": "app", "image": "sh", "command": ["sh", "-c",
    "trap 'sleep 1; echo app: bye; exit' TERM; echo app: hello; while :; do sleep 0.1; done"]}]}}"#;

/// A container: what is known of it, its command, and its process while it runs.
type Process = (ContainerStatus, Vec<String>, Option<Child>);

/// The node: its clock, its runtime, and what takes its pods' statuses.
struct Node {
    began: Instant,
    sandboxes: Mutex<BTreeMap<SandboxId, PodSandbox>>,
    containers: Mutex<BTreeMap<ContainerId, Process>>,
}

impl Node {
    /// The containers as they are by now: those whose process has ended are marked so.
    fn containers(&self) -> MutexGuard<'_, BTreeMap<ContainerId, Process>> {
        let mut containers = self.containers.lock().unwrap();
        for (status, _, child) in containers.values_mut() {
            if let Some(Ok(Some(exit))) = child.as_mut().map(Child::try_wait) {
                *child = None;
                status.container.state = ContainerState::Exited;
                (status.exit_code, status.finished_at) = (exit.code().unwrap_or(137), Some(self.now()));
            }
        }
        containers
    }
}

#[rustfmt::skip]
impl Clock for Node {
    fn now(&self) -> Timestamp { Timestamp::UNIX_EPOCH + self.began.elapsed() }
    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'static, ()> { Box::pin(sleep(until - self.now())) }
}

type Result<T> = std::result::Result<T, RuntimeError>;

#[async_trait]
#[rustfmt::skip]
impl RuntimeService for Node {
    // A sandbox is no more than a name here.
    async fn run_pod_sandbox(&self, config: &PodSandboxConfig, _handler: &str) -> Result<SandboxId> {
        let id = SandboxId::from(format!("{}-{}", config.metadata.name, config.metadata.attempt));
        self.sandboxes.lock().unwrap().insert(id.clone(), PodSandbox::new(id.clone(), config, self.now()));
        Ok(id)
    }
    async fn stop_pod_sandbox(&self, id: &SandboxId) -> Result<()> {
        let mut sandboxes = self.sandboxes.lock().unwrap();
        sandboxes.get_mut(id).map(|it| it.state = SandboxState::NotReady).ok_or(RuntimeError::not_found(id))
    }
    async fn remove_pod_sandbox(&self, id: &SandboxId) -> Result<()> {
        self.containers().retain(|_, (status, ..)| status.container.pod_sandbox_id != *id);
        self.sandboxes.lock().unwrap().remove(id).map(drop).ok_or(RuntimeError::not_found(id))
    }
    async fn list_pod_sandbox(&self, _: &PodSandboxFilter) -> Result<Vec<PodSandbox>> {
        Ok(self.sandboxes.lock().unwrap().values().cloned().collect())
    }
    // A container is a process. What it is made with says whose it is, and comes back in every list.
    async fn create_container(&self, sandbox: &SandboxId, config: &ContainerConfig, _: &PodSandboxConfig) -> Result<ContainerId> {
        let id = ContainerId::from(format!("{}-{}", config.metadata.name, config.metadata.attempt));
        let status = ContainerStatus { container: Container::new(id.clone(), sandbox, config, self.now()), ..Default::default() };
        self.containers().insert(id.clone(), (status, config.command.clone(), None));
        Ok(id)
    }
    async fn start_container(&self, id: &ContainerId) -> Result<()> {
        let mut containers = self.containers();
        let (status, command, child) = containers.get_mut(id).ok_or(RuntimeError::not_found(id))?;
        let [program, arguments @ ..] = &command[..] else { return Err(RuntimeError::not_found("command")) };
        *child = Some(Command::new(program).args(arguments).kill_on_drop(true).spawn()?);
        (status.container.state, status.started_at) = (ContainerState::Running, Some(self.now()));
        Ok(())
    }
    async fn stop_container(&self, id: &ContainerId, timeout: Duration) -> Result<()> {
        println!("{id} is told to stop, and has {timeout:?}");
        let (deadline, mut signal) = (self.now() + timeout, "TERM");
        loop {
            let Some(pid) = self.containers().get(id).and_then(|it| it.2.as_ref()?.id()) else { return Ok(()) };
            Command::new("sh").args(["-c", &format!("kill -{signal} {pid}")]).status().await?;
            sleep(Duration::from_millis(50)).await;
            signal = if self.now() < deadline { "0" } else { "KILL" };
        }
    }
    async fn remove_container(&self, id: &ContainerId) -> Result<()> {
        self.containers().remove(id).map(drop).ok_or(RuntimeError::not_found(id))
    }
    async fn list_containers(&self, _: &ContainerFilter) -> Result<Vec<Container>> {
        Ok(self.containers().values().map(|(status, ..)| status.container.clone()).collect())
    }
    async fn container_status(&self, id: &ContainerId) -> Result<ContainerStatus> {
        self.containers().get(id).map(|(status, ..)| status.clone()).ok_or(RuntimeError::not_found(id))
    }
}

#[async_trait]
#[rustfmt::skip]
impl StatusSink for Node {
    async fn send_status(&self, update: &StatusUpdate) -> std::result::Result<(), SinkError> {
        let is_ready = update.status.condition("Ready").is_some_and(|ready| ready.status == True);
        println!("{} is {:?}{}", update.pod.name, update.status.phase.unwrap(), if is_ready { " and ready" } else { "" });
        Ok(())
    }
    async fn delete_pod(&self, pod: &PodReference) -> std::result::Result<(), SinkError> {
        println!("nothing is left of {}", pod.name);
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let node = Node { began: Instant::now(), sandboxes: Mutex::default(), containers: Mutex::default() };
    let node = Arc::new(node);
    let pods = Pods::new(Arc::default(), PodsSettings::default(), node.now());
    let mut driver = Driver::new(Ports::of(&node), pods, DriverSettings::default());
    let handle = driver.handle();
    // A source of pods: there is one, and after three seconds it has to go.
    let mut pod = Pod::from_json(POD).unwrap();
    let source = async {
        handle.want([pod.metadata.uid.clone()].into(), true);
        handle.offer(Arc::new(pod.clone()));
        sleep(Duration::from_secs(3)).await;
        pod.metadata.deletion_timestamp = Some(node.now());
        handle.offer(Arc::new(pod));
        while handle.look(|pods| pods.uids().next().is_some()).await == Ok(true) {
            sleep(Duration::from_millis(100)).await;
        }
        handle.stop();
    };
    tokio::join!(driver.run(), source);
}
