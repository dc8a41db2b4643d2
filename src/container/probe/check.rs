//! What one attempt of a probe does, resolved, for a port to carry out.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::handler::resolve_command;
use super::super::{Address, HandlerError, HttpRequest};
use super::ProbeAnswer;
use crate::api::{Container, Port, Probe};

/// What the node calls itself in a probe's question over HTTP.
const USER_AGENT: &str = "kube-probe/1.32";

/// What one attempt of a probe does. It is resolved once from the spec; what is not known before the pod runs,
/// its IP, is left to whoever carries it out.
///
/// The attempt has to be over within the probe's timeout. Running into it is an answer, a
/// [`ProbeAnswer::Failure`], and so is a connection that is refused. [`ProbeAnswer::Error`] is for an attempt
/// that could not be made: the runtime does not answer, there is no pod IP yet.
///
/// ```
/// use node_lifecycle::api::Pod;
/// use node_lifecycle::container::ProbeCheck;
///
/// let pod = Pod::from_json(r#"{"metadata": {"name": "web"}, "spec": {"containers": [{"name": "app", "image": "a:1",
///     "ports": [{"name": "web", "containerPort": 8080}],
///     "livenessProbe": {"httpGet": {"path": "healthz", "port": "web"}},
///     "readinessProbe": {"tcpSocket": {"port": "wbe"}}}]}}"#)?;
/// let app = &pod.spec.containers[0];
/// let ProbeCheck::HttpGet(request) = ProbeCheck::resolve(app.liveness_probe.as_ref().unwrap(), app)? else {
///     unreachable!("it asks over HTTP")
/// };
/// assert_eq!(request.url("10.0.0.7")?, "http://10.0.0.7:8080/healthz");
///
/// let unknown = ProbeCheck::resolve(app.readiness_probe.as_ref().unwrap(), app);
/// assert_eq!(
///     unknown.unwrap_err().to_string(),
///     "port `wbe`: container app has no port of that name, it has web (8080)"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ProbeCheck {
    /// Run a command in the container, without a shell. Its exit code is judged by [`exec_answer`].
    Exec {
        /// The program and its arguments.
        command: Arc<[String]>,
    },
    /// Ask over HTTP. The answer's status is judged by [`http_answer`].
    HttpGet(Box<HttpRequest>),
    /// Open a connection, and close it: success if it opens, failure if not.
    TcpSocket(Address),
    /// Ask the gRPC health service: `SERVING` is a success, any other status and any failed call a failure.
    Grpc {
        /// Where it is: always at the pod.
        address: Address,
        /// The service that is asked about; empty means the whole server.
        service: Arc<str>,
    },
}

impl ProbeCheck {
    /// What a probe of a container does. Where it names several ways, the first of exec, httpGet, tcpSocket and
    /// grpc is taken.
    ///
    /// # Errors
    /// [`HandlerError`] when it names none, or what cannot be asked: a port that the container does not have.
    pub fn resolve(probe: &Probe, container: &Container) -> Result<Self, HandlerError> {
        let Container { name, ports, .. } = container;
        if let Some(exec) = &probe.exec {
            return Ok(Self::Exec { command: resolve_command(exec)? });
        }
        if let Some(action) = &probe.http_get {
            return Ok(Self::HttpGet(HttpRequest::resolve(action, name, ports, USER_AGENT)?.into()));
        }
        if let Some(tcp) = &probe.tcp_socket {
            return Ok(Self::TcpSocket(Address::resolve(&tcp.host, &tcp.port, name, ports)?));
        }
        if let Some(grpc) = &probe.grpc {
            let address = Address::resolve("", &Port::Number(grpc.port), name, ports)?;
            return Ok(Self::Grpc { address, service: grpc.service.as_str().into() });
        }
        Err(HandlerError::EmptyProbe)
    }

    /// Where it connects to; `None` for a command.
    #[must_use]
    pub const fn address(&self) -> Option<&Address> {
        match self {
            Self::Exec { .. } => None,
            Self::HttpGet(request) => Some(&request.address),
            Self::TcpSocket(address) | Self::Grpc { address, .. } => Some(address),
        }
    }
}

/// What the status of an HTTP answer means: 200 to 299 is a success, 300 to 399 (a redirect that was not
/// followed) a warning, which counts as success, all else a failure.
///
/// ```
/// use node_lifecycle::container::{ProbeAnswer, http_answer};
///
/// assert_eq!(http_answer(204), ProbeAnswer::Success);
/// assert_eq!(http_answer(302), ProbeAnswer::Warning);
/// assert_eq!(http_answer(404), ProbeAnswer::Failure);
/// ```
#[must_use]
pub const fn http_answer(status: u16) -> ProbeAnswer {
    match status {
        200..=299 => ProbeAnswer::Success,
        300..=399 => ProbeAnswer::Warning,
        _ => ProbeAnswer::Failure,
    }
}

/// What the exit code of a command means: 0 is a success, all else a failure.
#[must_use]
pub const fn exec_answer(exit_code: i32) -> ProbeAnswer {
    if exit_code == 0 { ProbeAnswer::Success } else { ProbeAnswer::Failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(probe: &str) -> Result<ProbeCheck, HandlerError> {
        let container = r#"{"name": "app", "ports": [{"name": "web", "containerPort": 80}]}"#;
        let container: Container = serde_json::from_str(container).unwrap();
        ProbeCheck::resolve(&serde_json::from_str(probe).unwrap(), &container)
    }

    #[test]
    fn every_way_to_ask_is_resolved() {
        let exec = resolve(r#"{"exec": {"command": ["cat", "/ready"]}, "grpc": {"port": 1}}"#);
        assert_eq!(exec, Ok(ProbeCheck::Exec { command: ["cat", "/ready"].map(str::to_owned).into() }));
        let tcp = resolve(r#"{"tcpSocket": {"port": "web", "host": "db"}}"#);
        assert_eq!(tcp, Ok(ProbeCheck::TcpSocket(Address { host: Some("db".into()), port: 80 })));
        let grpc = resolve(r#"{"grpc": {"port": 9000, "service": "shop"}}"#);
        let address = Address { host: None, port: 9000 };
        assert_eq!(grpc, Ok(ProbeCheck::Grpc { address, service: "shop".into() }));
        let http = r#"{"httpGet": {"port": "8443", "scheme": "HTTPS", "host": "h", "path": "/a?b=c"}}"#;
        let Ok(ProbeCheck::HttpGet(http)) = resolve(http) else { panic!("it asks over HTTP") };
        assert_eq!(http.url("10.0.0.7").unwrap(), "https://h:8443/a?b=c");
        assert_eq!(http.headers[0].value, "kube-probe/1.32");
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        let range = "port 0: expected a number from 1 to 65535 or the name of one of the container's ports";
        for (probe, message) in [
            ("{}", "the probe does nothing: expected exec, httpGet, tcpSocket or grpc"),
            (r#"{"exec": {}}"#, "exec: the command is empty, expected a program and its arguments"),
            (r#"{"tcpSocket": {"port": 0}}"#, range),
            (r#"{"grpc": {"port": 0}}"#, range),
            (
                r#"{"httpGet": {"port": "no"}}"#,
                "port `no`: container app has no port of that name, it has web (80)",
            ),
        ] {
            assert_eq!(resolve(probe).unwrap_err().to_string(), message, "{probe}");
        }
    }
}
