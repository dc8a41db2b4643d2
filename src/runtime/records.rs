//! From what a runtime lists to what decisions read.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    Container, ContainerFilter, ContainerState, ContainerStatus, NamespaceMode, PodSandbox, PodSandboxFilter,
    PodSandboxStatus, RuntimeError, RuntimeService,
};
use crate::api::Uid;
use crate::container::labels::{
    CONTAINER_HASH_ANNOTATION, CONTAINER_NAME_LABEL, CONTAINER_RESTART_COUNT_ANNOTATION, POD_UID_LABEL,
};
use crate::container::{ContainerRecord, Exit, PodRecords, RecordState, SandboxRecord};

/// A sandbox's status as a record.
#[must_use]
pub fn sandbox_record(status: &PodSandboxStatus) -> SandboxRecord {
    let sandbox = &status.sandbox;
    SandboxRecord {
        id: sandbox.id.clone(),
        attempt: sandbox.metadata.attempt,
        state: sandbox.state,
        ip: status.network.as_ref().map(|network| network.ip.clone()),
        additional_ips: status
            .network
            .as_ref()
            .map(|network| network.additional_ips.clone())
            .unwrap_or_default(),
        host_network: status.namespace_options.network == NamespaceMode::Node,
        created_at: sandbox.created_at,
    }
}

/// A container's status as a record.
///
/// Name, attempt and spec hash are read from its labels and annotations, and name and attempt from its
/// metadata where they are not there. A hash that cannot be read is 0, which makes the instance outdated. An end
/// before the start counts as one at the start.
#[must_use]
pub fn container_record(status: &ContainerStatus) -> ContainerRecord {
    let container = &status.container;
    let annotation = |name| container.annotations.get(name).map(String::as_str);
    let name = container.labels.get(CONTAINER_NAME_LABEL).unwrap_or(&container.metadata.name);
    let attempt = annotation(CONTAINER_RESTART_COUNT_ANNOTATION).and_then(|text| text.parse().ok());
    let hash = annotation(CONTAINER_HASH_ANNOTATION).and_then(|text| u64::from_str_radix(text, 16).ok());
    ContainerRecord {
        id: container.id.clone(),
        name: Arc::from(name.as_str()),
        attempt: attempt.unwrap_or(container.metadata.attempt),
        spec_hash: hash.unwrap_or(0),
        image: Arc::clone(&container.image.image),
        image_ref: Arc::clone(&container.image_ref),
        created_at: container.created_at,
        state: state(status),
    }
}

fn state(status: &ContainerStatus) -> RecordState {
    let created_at = status.container.created_at;
    match status.container.state {
        ContainerState::Created => RecordState::Created,
        ContainerState::Running => {
            RecordState::Running { started_at: status.started_at.unwrap_or(created_at) }
        }
        ContainerState::Exited => RecordState::Exited(Exit {
            exit_code: status.exit_code,
            started_at: status.started_at,
            finished_at: status.finished_at.max(status.started_at).unwrap_or(created_at),
            reason: Arc::clone(&status.reason),
            message: Arc::clone(&status.message),
        }),
        ContainerState::Unknown => RecordState::Unknown,
    }
}

impl super::ContainerEventResponse {
    /// What the event says of its sandbox and that one's containers. Sandboxes before it are not in it, so this
    /// is no full report of the pod.
    #[must_use]
    pub fn records(&self) -> PodRecords {
        newest_first(PodRecords {
            sandboxes: self.pod_sandbox_status.iter().map(sandbox_record).collect(),
            containers: self.containers_statuses.iter().map(container_record).collect(),
        })
    }
}

/// See [`RuntimeService::pod_records`].
pub(super) async fn of_pod<S: RuntimeService + ?Sized>(
    service: &S,
    uid: &Uid,
) -> Result<PodRecords, RuntimeError> {
    let label_selector = BTreeMap::from([(POD_UID_LABEL.to_owned(), uid.to_string())]);
    let mut all = listed(service, label_selector).await?;
    Ok(all.remove(uid).unwrap_or_default())
}

/// See [`RuntimeService::all_records`].
pub(super) async fn of_all<S: RuntimeService + ?Sized>(
    service: &S,
) -> Result<BTreeMap<Uid, PodRecords>, RuntimeError> {
    listed(service, BTreeMap::new()).await
}

/// Containers first: a sandbox that is made in between is seen without its containers rather than the other way
/// round.
async fn listed<S: RuntimeService + ?Sized>(
    service: &S,
    label_selector: BTreeMap<String, String>,
) -> Result<BTreeMap<Uid, PodRecords>, RuntimeError> {
    let mut records: BTreeMap<Uid, PodRecords> = BTreeMap::new();
    let filter = ContainerFilter { label_selector: label_selector.clone(), ..ContainerFilter::default() };
    for Container { id, labels, .. } in service.list_containers(&filter).await? {
        let Some(uid) = labels.get(POD_UID_LABEL) else { continue };
        match service.container_status(&id).await {
            Ok(status) => {
                records
                    .entry(Uid::from(uid.as_str()))
                    .or_default()
                    .containers
                    .push(container_record(&status));
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    let filter = PodSandboxFilter { label_selector, ..PodSandboxFilter::default() };
    for PodSandbox { id, labels, .. } in service.list_pod_sandbox(&filter).await? {
        let Some(uid) = labels.get(POD_UID_LABEL) else { continue };
        match service.pod_sandbox_status(&id).await {
            Ok(status) => {
                records.entry(Uid::from(uid.as_str())).or_default().sandboxes.push(sandbox_record(&status));
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(records.into_iter().map(|(uid, records)| (uid, newest_first(records))).collect())
}

/// By the time of making; of two made at once the higher attempt is the newer one.
fn newest_first(mut records: PodRecords) -> PodRecords {
    records.sandboxes.sort_by_key(|sandbox| Reverse((sandbox.created_at, sandbox.attempt)));
    records.containers.sort_by_key(|container| Reverse((container.created_at, container.attempt)));
    records
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Timestamp;

    #[test]
    fn a_container_that_is_not_labelled_is_named_by_its_metadata() {
        let mut status = ContainerStatus::default();
        status.container.metadata.name = "app".into();
        status.container.metadata.attempt = 3;
        status.container.annotations.insert(CONTAINER_HASH_ANNOTATION.into(), "no number".into());
        let record = container_record(&status);
        assert_eq!((&*record.name, record.attempt, record.spec_hash), ("app", 3, 0));
        assert_eq!(record.state, RecordState::Unknown);
    }

    #[test]
    fn nothing_ends_before_it_starts() {
        let at = Timestamp::from_unix_nanos;
        let mut status = ContainerStatus {
            started_at: Some(at(500)),
            finished_at: Some(at(200)),
            ..ContainerStatus::default()
        };
        status.container.state = ContainerState::Exited;
        assert_eq!(container_record(&status).exit().unwrap().finished_at, at(500));
        // It could not be started.
        status.started_at = None;
        let exit = container_record(&status);
        assert_eq!((exit.started_at(), exit.exit().unwrap().finished_at), (None, at(200)));
    }
}
