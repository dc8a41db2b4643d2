//! What one attempt of a probe does, resolved, for a port to carry out.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ProbeAnswer;
use crate::api::{Container, HttpGetAction, HttpHeader, Port, Probe};

/// What one attempt of a probe does. It is resolved once from the spec; what is not known before the pod runs,
/// its IP, is left to whoever carries it out.
///
/// The attempt has to be over within the probe's timeout. Running into it is an answer, a
/// [`ProbeAnswer::Failure`], and so is a connection that is refused. [`ProbeAnswer::Error`] is for an attempt
/// that could not be made: the runtime does not answer, there is no pod IP yet.
///
/// ```
/// use node_lifecycle::api::Pod;
/// use node_lifecycle::container::{CheckError, ProbeCheck};
///
/// let pod = Pod::from_json(r#"{"metadata": {"name": "web"}, "spec": {"containers": [{"name": "app", "image": "a:1",
///     "ports": [{"name": "web", "containerPort": 8080}],
///     "livenessProbe": {"httpGet": {"path": "healthz", "port": "web"}},
///     "readinessProbe": {"tcpSocket": {"port": "wbe"}}}]}}"#)?;
/// let app = &pod.spec.containers[0];
/// let Ok(ProbeCheck::Http(http)) = ProbeCheck::resolve(app.liveness_probe.as_ref().unwrap(), app) else {
///     panic!("it asks over HTTP");
/// };
/// assert_eq!(http.url("10.0.0.7"), "http://10.0.0.7:8080/healthz");
/// assert_eq!(http.url("fd00::7"), "http://[fd00::7]:8080/healthz");
///
/// let unknown = ProbeCheck::resolve(app.readiness_probe.as_ref().unwrap(), app);
/// assert_eq!(unknown.unwrap_err().to_string(), "port `wbe`: container app has no port of that name");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProbeCheck {
    /// Run a command in the container, without a shell. Its exit code is judged by [`exec_answer`].
    Exec {
        /// The command and its arguments, at least one word.
        command: Arc<[String]>,
    },
    /// Send a GET request. The answer's status is judged by [`http_answer`].
    Http(Box<HttpCheck>),
    /// Open a connection, and close it: success if it opens, failure if not.
    Tcp {
        /// The host; `None` means the pod's IP.
        host: Option<Arc<str>>,
        /// The port, 1 to 65535.
        port: u16,
    },
    /// Ask the gRPC health service at the pod's IP: `SERVING` is a success, any other status and any failed call
    /// a failure.
    Grpc {
        /// The port, 1 to 65535.
        port: u16,
        /// The service that is asked about; empty means the whole server.
        service: Arc<str>,
    },
}

/// A GET request.
///
/// The kubelet's requests have these habits, which servers rely on:
///
/// * A certificate is not verified, connections are not reused, no proxy is used.
/// * `User-Agent: kube-probe/<version>` and `Accept: */*` are sent unless the headers name them; an `Accept` with an
///   empty value is not sent at all. A `Host` header names the virtual host.
/// * Redirects to the same host name are followed, ten at most. One to another host is not followed: its own
///   status is the answer, a [`ProbeAnswer::Warning`], which counts as success.
/// * At most 10 KiB of the body are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpCheck {
    /// How it is sent.
    pub scheme: HttpScheme,
    /// The host; `None` means the pod's IP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The port, 1 to 65535.
    pub port: u16,
    /// The path, from its leading `/` on, with its query if it has one.
    pub path: String,
    /// The headers, as the spec has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HttpHeader>,
}

/// How a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpScheme {
    /// In clear.
    Http,
    /// Over TLS.
    Https,
}

/// Why a probe's check cannot be made of its spec. Such a probe is never answered: each of its runs ends in this
/// fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum CheckError {
    /// It names no way to ask.
    #[error("none of exec, httpGet, tcpSocket and grpc is given")]
    NoHandler,
    /// Its command is empty.
    #[error("exec: the command is empty")]
    EmptyCommand,
    /// It names a port that the container does not have.
    #[error("port `{port}`: container {container} has no port of that name")]
    UnknownPort {
        /// The port's name.
        port: Arc<str>,
        /// The container's.
        container: Arc<str>,
    },
    /// Its port is 0.
    #[error("port 0: expected 1 to 65535")]
    ZeroPort,
    /// Its scheme is none.
    #[error("scheme `{0}`: expected HTTP or HTTPS")]
    UnknownScheme(Arc<str>),
}

impl ProbeCheck {
    /// What a probe of a container does. Where it names several ways, the first of exec, httpGet, tcpSocket and
    /// grpc is taken.
    ///
    /// # Errors
    /// [`CheckError`] when it names none, or a port that the container does not have.
    pub fn resolve(probe: &Probe, container: &Container) -> Result<Self, CheckError> {
        if let Some(exec) = &probe.exec {
            let command: Arc<[String]> = exec.command.as_slice().into();
            return if command.is_empty() {
                Err(CheckError::EmptyCommand)
            } else {
                Ok(Self::Exec { command })
            };
        }
        if let Some(http) = &probe.http_get {
            return HttpCheck::resolve(http, container).map(|http| Self::Http(Box::new(http)));
        }
        if let Some(tcp) = &probe.tcp_socket {
            let host = (!tcp.host.is_empty()).then(|| tcp.host.as_str().into());
            return Ok(Self::Tcp { host, port: port_number(&tcp.port, container)? });
        }
        if let Some(grpc) = &probe.grpc {
            let port = port_number(&Port::Number(grpc.port), container)?;
            return Ok(Self::Grpc { port, service: grpc.service.as_str().into() });
        }
        Err(CheckError::NoHandler)
    }
}

impl HttpCheck {
    fn resolve(http: &HttpGetAction, container: &Container) -> Result<Self, CheckError> {
        let scheme = match http.scheme.as_str() {
            scheme if scheme.is_empty() || scheme.eq_ignore_ascii_case("http") => HttpScheme::Http,
            scheme if scheme.eq_ignore_ascii_case("https") => HttpScheme::Https,
            unknown => return Err(CheckError::UnknownScheme(unknown.into())),
        };
        let slash = if http.path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            scheme,
            host: (!http.host.is_empty()).then(|| http.host.clone()),
            port: port_number(&http.port, container)?,
            path: format!("{slash}{}", http.path),
            headers: http.http_headers.clone(),
        })
    }

    /// Where the request goes, for a pod with this IP.
    #[must_use]
    pub fn url(&self, pod_ip: &str) -> String {
        let host = self.host.as_deref().unwrap_or(pod_ip);
        let (open, close) = if host.contains(':') && !host.starts_with('[') { ("[", "]") } else { ("", "") };
        format!("{}://{open}{host}{close}:{}{}", self.scheme, self.port, self.path)
    }
}

/// A port by its number, by its name among the container's, or by a name that is a number.
fn port_number(port: &Port, container: &Container) -> Result<u16, CheckError> {
    let number = match port {
        Port::Number(number) => *number,
        Port::Name(name) => {
            let named = container.ports.iter().find(|port| port.name == *name);
            let number = named.map(|port| port.container_port).or_else(|| name.parse().ok());
            number.ok_or_else(|| CheckError::UnknownPort {
                port: name.as_str().into(),
                container: container.name.as_str().into(),
            })?
        }
    };
    if number == 0 { Err(CheckError::ZeroPort) } else { Ok(number) }
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

impl fmt::Display for HttpScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(probe: &str) -> Result<ProbeCheck, CheckError> {
        let container = r#"{"name": "app", "ports": [{"name": "web", "containerPort": 80},
            {"name": "odd", "containerPort": 0}]}"#;
        let container: Container = serde_json::from_str(container).unwrap();
        ProbeCheck::resolve(&serde_json::from_str(probe).unwrap(), &container)
    }

    #[test]
    fn every_way_to_ask_is_resolved() {
        let exec = resolve(r#"{"exec": {"command": ["cat", "/ready"]}, "grpc": {"port": 1}}"#);
        assert_eq!(exec, Ok(ProbeCheck::Exec { command: ["cat", "/ready"].map(str::to_owned).into() }));
        let tcp = resolve(r#"{"tcpSocket": {"port": "web", "host": "db"}}"#);
        assert_eq!(tcp, Ok(ProbeCheck::Tcp { host: Some("db".into()), port: 80 }));
        let grpc = resolve(r#"{"grpc": {"port": 9000, "service": "shop"}}"#);
        assert_eq!(grpc, Ok(ProbeCheck::Grpc { port: 9000, service: "shop".into() }));
        let http = r#"{"httpGet": {"port": "8443", "scheme": "HTTPS", "host": "h", "path": "/a?b=c",
            "httpHeaders": [{"name": "Host", "value": "shop"}]}}"#;
        let Ok(ProbeCheck::Http(http)) = resolve(http) else { panic!("it asks over HTTP") };
        assert_eq!(http.url("10.0.0.7"), "https://h:8443/a?b=c");
        assert_eq!(http.headers[0].value, "shop");
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        for (probe, message) in [
            ("{}", "none of exec, httpGet, tcpSocket and grpc is given"),
            (r#"{"exec": {}}"#, "exec: the command is empty"),
            (r#"{"tcpSocket": {"port": 0}}"#, "port 0: expected 1 to 65535"),
            (r#"{"tcpSocket": {"port": "odd"}}"#, "port 0: expected 1 to 65535"),
            (r#"{"grpc": {"port": 0}}"#, "port 0: expected 1 to 65535"),
            (r#"{"httpGet": {"port": "no"}}"#, "port `no`: container app has no port of that name"),
            (r#"{"httpGet": {"port": 1, "scheme": "ftp"}}"#, "scheme `ftp`: expected HTTP or HTTPS"),
        ] {
            assert_eq!(resolve(probe).unwrap_err().to_string(), message, "{probe}");
        }
    }
}
