//! The simulated runtime of one pod: sandboxes and instances.

use std::sync::Arc;

use super::process::{Process, after};
use super::{Behavior, Config, Script, Subject};
use crate::api::{ContainerId, Pod, SandboxId};
use crate::container::{
    ContainerIndex, ContainerRecord, PodRecords, RecordState, SandboxRecord, SandboxState,
};
use crate::machine::Timestamp;
use crate::pod::CompiledPod;

/// What the simulated runtime has of one pod.
#[derive(Debug, Clone, Default)]
pub(super) struct Runtime {
    pub(super) sandboxes: Vec<SandboxRecord>,
    pub(super) instances: Vec<Instance>,
}

/// One instance of a container.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) process: Process,
    pub(super) container: ContainerIndex,
    pub(super) sandbox: SandboxId,
}

/// How the containers of one pod behave.
#[derive(Debug, Clone)]
pub(super) struct Cast {
    pub(super) behaviors: Vec<Behavior>,
    pub(super) scripts: Vec<Script>,
}

impl Cast {
    pub(super) fn new(config: &Config, pod: &Pod, compiled: &CompiledPod) -> Self {
        let behaviors: Vec<_> = compiled
            .containers()
            .iter()
            .map(|container| {
                (config.behavior)(&Subject {
                    pod: &pod.metadata.name,
                    container: &container.name,
                    image: &container.image,
                    kind: container.kind,
                })
            })
            .collect();
        let usual = compiled.containers().iter();
        let usual = usual.map(|container| Script::usual(container.kind, container.restart_policy));
        let scripts = behaviors.iter().zip(usual).map(|(behavior, usual)| behavior.script.unwrap_or(usual));
        let scripts = scripts.collect();
        Self { behaviors, scripts }
    }
}

impl Runtime {
    /// All there is, newest first.
    pub(super) fn report(&self) -> PodRecords {
        PodRecords {
            sandboxes: self.sandboxes.iter().rev().cloned().collect(),
            containers: self.instances.iter().rev().map(|instance| instance.process.record.clone()).collect(),
        }
    }

    pub(super) fn instance(&mut self, id: &ContainerId) -> Option<&mut Instance> {
        self.instances.iter_mut().rev().find(|instance| instance.process.record.id == *id)
    }

    pub(super) fn is_ready(&self, id: &SandboxId) -> bool {
        self.sandboxes.iter().any(|sandbox| sandbox.id == *id && sandbox.state == SandboxState::Ready)
    }

    pub(super) fn create_sandbox(&mut self, id: SandboxId, attempt: u32, host_network: bool, now: Timestamp) {
        let ip = Some(if host_network { String::new() } else { "10.244.0.7".to_owned() });
        let state = SandboxState::Ready;
        let created_at = after(self.sandboxes.last().map(|last| last.created_at), now);
        self.sandboxes.push(SandboxRecord {
            id,
            attempt,
            state,
            ip,
            additional_ips: Vec::new(),
            host_network,
            created_at,
        });
    }

    /// Stops a sandbox; what runs in it is killed.
    pub(super) fn stop_sandbox(&mut self, id: &SandboxId) -> Vec<ContainerId> {
        for sandbox in self.sandboxes.iter_mut().filter(|sandbox| sandbox.id == *id) {
            sandbox.state = SandboxState::NotReady;
        }
        let running = self.instances.iter().filter(|instance| instance.sandbox == *id);
        let running = running.filter(|instance| instance.process.record.is_running());
        running.map(|instance| instance.process.record.id.clone()).collect()
    }

    pub(super) fn remove_sandbox(&mut self, id: &SandboxId) {
        self.sandboxes.retain(|sandbox| sandbox.id != *id);
        self.instances.retain(|instance| instance.sandbox != *id);
    }

    pub(super) fn create(
        &mut self,
        compiled: &CompiledPod,
        cast: &Cast,
        (id, container, attempt): (ContainerId, ContainerIndex, u32),
        sandbox: SandboxId,
        now: Timestamp,
    ) {
        let (Some(known), Some(script)) = (compiled.container(container), cast.scripts.get(container.at()))
        else {
            return;
        };
        let record = ContainerRecord {
            id,
            name: Arc::clone(&known.name),
            attempt,
            spec_hash: known.spec_hash,
            image: Arc::clone(&known.image),
            image_ref: Arc::clone(&known.image),
            created_at: after(self.instances.last().map(|last| last.process.record.created_at), now),
            state: RecordState::Created,
        };
        self.collect_garbage(container);
        let process = Process::new(record, *script, (known.kind, known.restart_policy));
        self.instances.push(Instance { process, container, sandbox });
    }
}

impl Runtime {
    /// Removes all but the latest instance of a container that have ended, as a node's garbage collection does.
    fn collect_garbage(&mut self, container: ContainerIndex) {
        let latest = self.instances.iter().rposition(|instance| instance.container == container);
        let mut at = 0;
        self.instances.retain(|instance| {
            let is_garbage = instance.container == container
                && Some(at) != latest
                && instance.process.record.exit().is_some();
            at += 1;
            !is_garbage
        });
    }
}
