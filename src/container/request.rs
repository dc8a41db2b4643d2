//! A question over HTTP as a port asks it, made from what a spec says: shared by hooks and probes.
//!
//! The rules are those that Kubernetes documents for `httpGet`: the pod's own address unless a host is given, a
//! port by number or by the name that the container gives it, `HTTP` unless `HTTPS` is asked for. Certificates
//! are not checked. A header of the name `Host` takes the place of the host in the question; without headers of
//! these names `User-Agent` is the node's and `Accept` is `*/*`, and an empty `Accept` sends none.
//!
//! ```
//! use node_lifecycle::api::{ContainerPort, HttpGetAction, Port};
//! use node_lifecycle::container::HttpRequest;
//!
//! let ports = [ContainerPort { name: "web".into(), container_port: 8080, ..ContainerPort::default() }];
//! let mut action = HttpGetAction {
//!     path: "healthz?full=1".into(), port: Port::Name("web".into()),
//!     host: String::new(), scheme: "HTTPS".into(), http_headers: vec![],
//! };
//! let request = HttpRequest::new(&action, &ports, "fd00::7", "kube-lifecycle/1.32")?;
//! assert_eq!(request.url(), "https://[fd00::7]:8080/healthz?full=1");
//!
//! action.port = Port::Name("wbe".into());
//! assert_eq!(
//!     HttpRequest::new(&action, &ports, "fd00::7", "kube-lifecycle/1.32").unwrap_err().to_string(),
//!     "no port of the container is called `wbe`: it has web (8080)"
//! );
//! # Ok::<(), node_lifecycle::container::RequestError>(())
//! ```

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};

use crate::api::{ContainerPort, HttpGetAction, HttpHeader, Port};

/// A `GET` to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRequest {
    /// Whether it is encrypted.
    pub scheme: Scheme,
    /// The name or address to connect to; an IPv6 address without brackets.
    pub host: String,
    /// The port to connect to, from 1 to 65535.
    pub port: u16,
    /// The path with its query, fit to be sent: it begins with `/` and has no byte that a URL may not have.
    pub path: String,
    /// All headers, in order, the usual ones included. A name may come more than once.
    pub headers: Vec<HttpHeader>,
}

/// Whether a question over HTTP is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Scheme {
    /// It is not.
    Http,
    /// It is. The certificate is not checked.
    Https,
}

/// Why a spec gives no question that can be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The container names no such port.
    #[error("no port of the container is called `{name}`: it has {}", list(.known))]
    UnknownPort {
        /// What was asked for.
        name: String,
        /// The ports that the container names.
        known: Vec<(String, u16)>,
    },
    /// A port of which there is none.
    #[error("the port is {port}, expected a number from 1 to 65535 or a name")]
    PortOutOfRange {
        /// What was asked for.
        port: String,
    },
    /// No host is given and the pod has no address.
    #[error("no host is given and the pod has no address yet")]
    NoHost,
    /// Neither of the two.
    #[error("the scheme is `{scheme}`, expected HTTP or HTTPS")]
    Scheme {
        /// What was asked for.
        scheme: String,
    },
    /// A header that cannot be sent.
    #[error("the header `{}` cannot be sent: expected a name of letters, digits and `-`, and a value on one line", .name.escape_default())]
    Header {
        /// Its name.
        name: String,
    },
}

fn list(known: &[(String, u16)]) -> String {
    if known.is_empty() {
        return "none with a name".to_owned();
    }
    known.iter().map(|(name, port)| format!("{name} ({port})")).collect::<Vec<_>>().join(", ")
}

impl HttpRequest {
    /// Makes a question of what a container's spec says. `ports` are the container's, `pod_ip` is the pod's first
    /// address (empty: none yet), `user_agent` what the node calls itself.
    ///
    /// # Errors
    /// [`RequestError`] where the spec gives no question that can be asked.
    pub fn new(
        action: &HttpGetAction,
        ports: &[ContainerPort],
        pod_ip: &str,
        user_agent: &str,
    ) -> Result<Self, RequestError> {
        let HttpGetAction { path, port, host, scheme, http_headers } = action;
        let scheme = if scheme.is_empty() || scheme.eq_ignore_ascii_case("http") {
            Scheme::Http
        } else if scheme.eq_ignore_ascii_case("https") {
            Scheme::Https
        } else {
            return Err(RequestError::Scheme { scheme: scheme.clone() });
        };
        Ok(Self {
            scheme,
            port: resolve_port(port, ports)?,
            host: host_or(host, pod_ip)?,
            path: sendable(path),
            headers: with_usual(http_headers, user_agent)?,
        })
    }

    /// The whole address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority(), self.path)
    }

    /// The host with its port, as it stands in the address.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The same question in the clear, for a server that answers an encrypted one in the clear; `None` if this is
    /// not encrypted. What identifies the asker (`Authorization`) is left out of it.
    #[must_use]
    pub fn in_the_clear(&self) -> Option<Self> {
        let mut request = (self.scheme == Scheme::Https).then(|| self.clone())?;
        request.scheme = Scheme::Http;
        request.headers.retain(|header| !header.name.eq_ignore_ascii_case("authorization"));
        Some(request)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// The number of a port, which may be given by the name that the container has for it. A name that no port has
/// and that is a number is taken as one.
///
/// # Errors
/// [`RequestError::UnknownPort`] and [`RequestError::PortOutOfRange`].
pub fn resolve_port(port: &Port, ports: &[ContainerPort]) -> Result<u16, RequestError> {
    let out_of_range = || RequestError::PortOutOfRange { port: port.to_string() };
    let number = match port {
        Port::Number(number) => *number,
        Port::Name(name) => {
            let named = ports.iter().filter(|port| !port.name.is_empty());
            if let Some(port) = named.clone().find(|port| port.name == *name) {
                port.container_port
            } else if let Ok(number) = name.parse::<i128>() {
                u16::try_from(number).map_err(|_| out_of_range())?
            } else {
                let known = named.map(|port| (port.name.clone(), port.container_port)).collect();
                return Err(RequestError::UnknownPort { name: name.clone(), known });
            }
        }
    };
    if number == 0 { Err(out_of_range()) } else { Ok(number) }
}

/// The host that is asked: the one that is given, else the pod's address.
///
/// # Errors
/// [`RequestError::NoHost`] when there is neither.
pub(super) fn host_or(host: &str, pod_ip: &str) -> Result<String, RequestError> {
    let host = if host.is_empty() { pod_ip } else { host };
    if host.is_empty() { Err(RequestError::NoHost) } else { Ok(host.to_owned()) }
}

/// A path begins with `/`, has no fragment, and what a URL may not have is written in hexadecimal.
fn sendable(path: &str) -> String {
    let path = path.split_once('#').map_or(path, |(path, _)| path);
    let mut text = if path.starts_with('/') { String::new() } else { "/".to_owned() };
    for byte in path.bytes() {
        if byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn with_usual(given: &[HttpHeader], user_agent: &str) -> Result<Vec<HttpHeader>, RequestError> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_text = |byte: u8| byte == b'\t' || !byte.is_ascii_control();
    for HttpHeader { name, value } in given {
        if name.is_empty() || !name.bytes().all(is_token) || !value.bytes().all(is_text) {
            return Err(RequestError::Header { name: name.clone() });
        }
    }
    let is_given = |name: &str| given.iter().any(|header| header.name.eq_ignore_ascii_case(name));
    let mut headers = given.to_vec();
    for (name, value) in [("User-Agent", user_agent), ("Accept", "*/*")] {
        if !is_given(name) {
            headers.push(HttpHeader { name: name.to_owned(), value: value.to_owned() });
        }
    }
    let first_accept = headers.iter().find(|header| header.name.eq_ignore_ascii_case("accept"));
    if first_accept.is_some_and(|header| header.value.is_empty()) {
        headers.retain(|header| !header.name.eq_ignore_ascii_case("accept"));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, container_port: u16) -> ContainerPort {
        ContainerPort { name: name.to_owned(), container_port, ..ContainerPort::default() }
    }

    fn action(json: &str) -> HttpGetAction {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_port_is_found_by_name_then_by_number() {
        let ports = [port("", 1), port("8081", 80), port("web", 8080)];
        let named = |name: &str| resolve_port(&Port::Name(name.to_owned()), &ports);
        assert_eq!(named("web"), Ok(8080));
        assert_eq!(named("8081"), Ok(80), "a name first");
        assert_eq!(named("9090"), Ok(9090));
        assert!(matches!(named("70000"), Err(RequestError::PortOutOfRange { .. })));
        assert!(matches!(named("-1"), Err(RequestError::PortOutOfRange { .. })));
        assert!(matches!(named(""), Err(RequestError::UnknownPort { .. })));
        assert!(matches!(resolve_port(&Port::Number(0), &ports), Err(RequestError::PortOutOfRange { .. })));
        assert_eq!(
            resolve_port(&Port::Name("web".to_owned()), &[]).unwrap_err().to_string(),
            "no port of the container is called `web`: it has none with a name"
        );
    }

    #[test]
    fn a_path_is_fit_to_be_sent() {
        assert_eq!(sendable(""), "/");
        assert_eq!(sendable("a b?q=ü#top"), "/a%20b?q=%C3%BC");
        assert_eq!(sendable("/x\r\nHost: evil"), "/x%0D%0AHost:%20evil");
    }

    #[test]
    fn the_usual_headers_give_way() {
        let text = |json: &str| {
            let request = HttpRequest::new(&action(json), &[], "10.0.0.1", "node")?;
            let header = |header: &HttpHeader| format!("{}: {}", header.name, header.value);
            Ok::<_, RequestError>(request.headers.iter().map(header).collect::<Vec<_>>())
        };
        assert_eq!(text(r#"{"port": 80}"#).unwrap(), ["User-Agent: node", "Accept: */*"]);
        let own = r#"{"port": 80, "httpHeaders": [{"name": "user-agent", "value": "me"}, {"name": "ACCEPT", "value": ""},
            {"name": "X-A", "value": "1"}, {"name": "X-A", "value": "2"}]}"#;
        assert_eq!(text(own).unwrap(), ["user-agent: me", "X-A: 1", "X-A: 2"]);
        let evil = r#"{"port": 80, "httpHeaders": [{"name": "X-A", "value": "1\r\nX-B: 2"}]}"#;
        assert!(matches!(text(evil), Err(RequestError::Header { .. })));
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        let error = |json: &str| HttpRequest::new(&action(json), &[], "", "node").unwrap_err().to_string();
        assert_eq!(error(r#"{"port": 80}"#), "no host is given and the pod has no address yet");
        assert_eq!(error(r#"{"port": 80, "scheme": "FTP"}"#), "the scheme is `FTP`, expected HTTP or HTTPS");
    }
}
