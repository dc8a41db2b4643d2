//! The probes that a pod's spec asks for.

use crate::api::{Container, RestartPolicy};
use crate::container::{CompiledProbe, ContainerIndex, ContainerKind, ProbeAtExit, ProbeKind};
use crate::pod::{CompiledContainer, CompiledPod};

/// The probes of app containers and sidecars, in the order of their indices and of [`ProbeKind::ALL`].
pub(super) fn compile(pod: &CompiledPod) -> impl Iterator<Item = (ContainerIndex, CompiledProbe)> {
    let spec = &pod.spec;
    let containers = spec.init_containers.iter().chain(&spec.containers).chain(&spec.ephemeral_containers);
    let numbered = (0..).map(ContainerIndex).zip(containers.zip(pod.containers()));
    let probed = numbered
        .filter(|(_, (_, compiled))| matches!(compiled.kind, ContainerKind::Sidecar | ContainerKind::App));
    probed.flat_map(|(index, (container, compiled))| {
        let after_exit = after_exit(pod, container, compiled);
        ProbeKind::ALL.into_iter().filter_map(move |kind| {
            let probe = match kind {
                ProbeKind::Startup => &container.startup_probe,
                ProbeKind::Liveness => &container.liveness_probe,
                ProbeKind::Readiness => &container.readiness_probe,
            };
            Some((index, CompiledProbe::new(kind, probe.as_ref()?, container, after_exit)))
        })
    })
}

/// What becomes of a container's probes when an instance has ended. The kubelet looks at the pod's policy only,
/// whatever the container's own one.
fn after_exit(pod: &CompiledPod, container: &Container, compiled: &CompiledContainer) -> ProbeAtExit {
    if pod.behaviour.compat.end_probes_by_pod_policy {
        let never = pod.spec.restart_policy == RestartPolicy::Never;
        return if never { ProbeAtExit::StaysEnded } else { ProbeAtExit::Waits };
    }
    let restarts = compiled.kind == ContainerKind::Sidecar
        || compiled.restart_policy != RestartPolicy::Never
        || !container.restart_policy_rules.is_empty();
    if restarts { ProbeAtExit::Waits } else { ProbeAtExit::Ends }
}
