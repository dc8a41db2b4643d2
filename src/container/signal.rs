//! Which signal asks a container to stop (KEP-4960).
//!
//! Under the gate `ContainerStopSignals` a container's spec may name it, in `lifecycle.stopSignal`, and the spec
//! goes first. Because signals are the operating system's, the pod then has to say which one it is for
//! (`spec.os.name`), and on Windows there are `SIGTERM` and `SIGKILL` only. Else it is what the image says, which
//! the runtime knows; else `SIGTERM`.
//!
//! ```
//! use node_lifecycle::api::{Pod, StopSignal};
//! use node_lifecycle::behaviour::{Feature, FeatureGates};
//! use node_lifecycle::container::stop_signal;
//!
//! let pod = Pod::from_json(r#"{"metadata": {"name": "web"}, "spec": {"os": {"name": "linux"}, "containers": [
//!     {"name": "app", "image": "nginx:1", "lifecycle": {"stopSignal": "SIGUSR1"}}]}}"#)?;
//! let app = &pod.spec.containers[0];
//! let gates = FeatureGates::default();
//! assert_eq!(stop_signal(&pod.spec, app, gates, Some("SIGQUIT"))?.name(), "SIGQUIT");
//! assert_eq!(stop_signal(&pod.spec, app, gates, None)?, StopSignal::SIGTERM);
//! let gates = gates.with(Feature::ContainerStopSignals, true);
//! assert_eq!(stop_signal(&pod.spec, app, gates, Some("SIGQUIT"))?.name(), "SIGUSR1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::api::{Container, PodSpec, StopSignal, StopSignalError};
use crate::behaviour::{Feature, FeatureGates};

/// The signal that asks a container to stop, given what its image says (`None`: nothing, or the runtime does not
/// tell).
///
/// # Errors
/// [`StopSignalError`] when what has the say names no signal, or one that the pod cannot have.
pub fn stop_signal(
    spec: &PodSpec,
    container: &Container,
    gates: FeatureGates,
    image: Option<&str>,
) -> Result<StopSignal, StopSignalError> {
    if let Some(signal) = own_stop_signal(spec, container, gates)? {
        return Ok(signal);
    }
    match image.filter(|image| !image.is_empty()) {
        Some(image) => Ok(StopSignal::of_image(image)?),
        None => Ok(StopSignal::SIGTERM),
    }
}

/// The signal that a container's own spec names, if the gate lets it count.
pub(crate) fn own_stop_signal(
    spec: &PodSpec,
    container: &Container,
    gates: FeatureGates,
) -> Result<Option<StopSignal>, StopSignalError> {
    let named = container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.stop_signal.as_deref());
    let Some(named) = named.filter(|_| gates.enabled(Feature::ContainerStopSignals)) else {
        return Ok(None);
    };
    StopSignal::for_os(named, spec.os.as_ref()).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_needs_an_operating_system_that_has_it() {
        let gates = FeatureGates::default().with(Feature::ContainerStopSignals, true);
        let of = |os: &str, signal: &str| {
            let json = format!(
                r#"{{"os": {os}, "containers": [{{"name": "a", "lifecycle": {{"stopSignal": "{signal}"}}}}]}}"#
            );
            let spec: PodSpec = serde_json::from_str(&json).unwrap();
            stop_signal(&spec, &spec.containers[0], gates, None).map_err(|error| error.to_string())
        };
        assert_eq!(of(r#"{"name": "windows"}"#, "SIGKILL"), Ok(StopSignal::SIGKILL));
        assert_eq!(
            of(r#"{"name": "windows"}"#, "SIGHUP").unwrap_err(),
            "SIGHUP is no signal of windows: expected SIGTERM or SIGKILL"
        );
        assert_eq!(
            of("null", "SIGHUP").unwrap_err(),
            "SIGHUP needs `spec.os.name`: signals are the operating system's"
        );
        assert!(of(r#"{"name": "linux"}"#, "HUP").unwrap_err().starts_with("`HUP` is no signal"));
    }
}
