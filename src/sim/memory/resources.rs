//! What pods need besides, of which only the books are kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::calls::{Call, Calls};
use super::lock;
use crate::api::{Pod, Uid};
use crate::runtime::{
    CALL_TIMEOUT, ContainerConfig, PodReference, PodResources, PodSandboxConfig, PrepareError,
};

/// Notes which pods are prepared, and refuses what comes out of order. A clone is a handle to the same.
#[derive(Debug, Clone)]
pub struct MemoryResources {
    calls: Calls,
    prepared: Arc<Mutex<BTreeMap<Uid, PodReference>>>,
}

impl MemoryResources {
    /// Nothing is prepared yet.
    #[must_use]
    pub fn new(calls: &Calls) -> Self {
        Self { calls: calls.clone(), prepared: Arc::default() }
    }

    /// The pods that are prepared and not released, by UID.
    #[must_use]
    pub fn prepared(&self) -> BTreeMap<Uid, PodReference> {
        lock(&self.prepared).clone()
    }

    fn check(&self, pod: &Pod) -> Result<(), PrepareError> {
        let known = lock(&self.prepared).contains_key(&pod.metadata.uid);
        if known { Ok(()) } else { Err(PrepareError::Missing("the pod has not been prepared".into())) }
    }
}

#[async_trait]
impl PodResources for MemoryResources {
    async fn prepare_pod(&self, pod: &Arc<Pod>) -> Result<(), PrepareError> {
        let name = &pod.metadata.name;
        let passage = self.calls.begin(Call::PreparePod, name, Duration::ZERO, Some(CALL_TIMEOUT)).await?;
        lock(&self.prepared).insert(pod.metadata.uid.clone(), PodReference::from(&**pod));
        passage.answer(Ok(())).await
    }

    async fn release_pod(&self, pod: &PodReference) -> Result<(), PrepareError> {
        let passage =
            self.calls.begin(Call::ReleasePod, &pod.name, Duration::ZERO, Some(CALL_TIMEOUT)).await?;
        lock(&self.prepared).remove(&pod.uid);
        passage.answer(Ok(())).await
    }

    async fn generate_sandbox_config(
        &self,
        pod: &Arc<Pod>,
        config: &mut PodSandboxConfig,
    ) -> Result<(), PrepareError> {
        let call = Call::GenerateSandboxConfig;
        let name = &config.metadata.name;
        let passage = self.calls.begin(call, name, Duration::ZERO, Some(CALL_TIMEOUT)).await?;
        passage.answer(self.check(pod)).await
    }

    async fn generate_container_config(
        &self,
        pod: &Arc<Pod>,
        config: &mut ContainerConfig,
    ) -> Result<(), PrepareError> {
        let call = Call::GenerateContainerConfig;
        let name = &config.metadata.name;
        let passage = self.calls.begin(call, name, Duration::ZERO, Some(CALL_TIMEOUT)).await?;
        passage.answer(self.check(pod)).await
    }
}
