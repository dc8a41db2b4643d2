//! A question over HTTP, resolved from what a spec says, for a port to ask: shared by probes and hooks.
//!
//! The rules are those that Kubernetes documents for `httpGet`: the pod's own address unless a host is given, a
//! port by number or by the name that the container gives it, `HTTP` unless `HTTPS` is asked for.
//!
//! A question is resolved once, with the spec. What is not known before the pod runs, its address, is asked for
//! where it is needed: [`HttpRequest::url`], [`Address::authority`].
//!
//! ```
//! use node_lifecycle::api::{ContainerPort, HttpGetAction, Port};
//! use node_lifecycle::container::{HandlerError, HttpRequest};
//!
//! let ports = [ContainerPort { name: "web".into(), container_port: 8080, ..ContainerPort::default() }];
//! let mut action = HttpGetAction {
//!     path: "healthz?full=1".into(), port: Port::Name("web".into()),
//!     host: String::new(), scheme: "HTTPS".into(), http_headers: vec![],
//! };
//! let request = HttpRequest::resolve(&action, "app", &ports, "kube-probe/1.32")?;
//! assert_eq!(request.url("fd00::7")?, "https://[fd00::7]:8080/healthz?full=1");
//! assert_eq!(request.url(""), Err(HandlerError::NoHost), "the pod has no address yet");
//! # Ok::<(), HandlerError>(())
//! ```

use std::fmt::{self, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{HandlerError, resolve_port};
use crate::api::{ContainerPort, HttpGetAction, HttpHeader, Port};

/// A `GET` to be sent.
///
/// Servers rely on some habits of the kubelet's, which whoever sends it keeps to:
///
/// * A certificate is not checked, connections are not reused, no proxy is used.
/// * A header of the name `Host` takes the place of the host in the question; the connection is made to
///   [`address`](Self::address) all the same.
/// * For a probe, redirects to the same host name are followed, ten at most. One to another host is not followed:
///   its own status is the answer.
/// * At most 10 KiB of the body are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRequest {
    /// Whether it is encrypted.
    pub scheme: Scheme,
    /// Where it goes.
    #[serde(flatten)]
    pub address: Address,
    /// The path with its query, fit to be sent: it begins with `/` and has no byte that a URL may not have.
    pub path: String,
    /// All headers, in order. `User-Agent` and `Accept: */*` are among them, unless the spec has its own; an
    /// `Accept` that the spec leaves empty is not. A name may come more than once.
    pub headers: Vec<HttpHeader>,
}

/// Where a connection goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// A name or an address, an IPv6 address without brackets; `None` means the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Arc<str>>,
    /// The port, from 1 to 65535.
    pub port: u16,
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

impl Address {
    /// Resolves a host, which is the pod where it is empty, and a port of the container of this name with these
    /// ports.
    ///
    /// # Errors
    /// [`HandlerError`] where there is no such port, or the host is none.
    pub fn resolve(
        host: &str,
        port: &Port,
        container: &str,
        ports: &[ContainerPort],
    ) -> Result<Self, HandlerError> {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_odd = |char: char| char.is_whitespace() || char.is_control() || r"/\?#@[]".contains(char);
        let is_host = !bare.contains(is_odd) && (!bare.contains(':') || is_ipv6(bare));
        if !is_host || (bare.is_empty() && !host.is_empty()) {
            return Err(HandlerError::Host { host: host.into() });
        }
        let port = resolve_port(port, container, ports)?;
        Ok(Self { host: (!bare.is_empty()).then(|| bare.into()), port })
    }

    /// The host to connect to, for a pod with this first address (empty: none yet).
    ///
    /// # Errors
    /// [`HandlerError::NoHost`] where the pod is meant and has none.
    pub fn host<'a>(&'a self, pod_ip: &'a str) -> Result<&'a str, HandlerError> {
        let host = self.host.as_deref().unwrap_or(pod_ip);
        if host.is_empty() { Err(HandlerError::NoHost) } else { Ok(host) }
    }

    /// The host with its port, as it stands in a URL, for a pod with this first address (empty: none yet).
    ///
    /// # Errors
    /// [`HandlerError::NoHost`] where the pod is meant and has none.
    pub fn authority(&self, pod_ip: &str) -> Result<String, HandlerError> {
        let (host, port) = (self.host(pod_ip)?, self.port);
        Ok(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
    }
}

/// Whether this is an IPv6 address, with a zone or without.
fn is_ipv6(host: &str) -> bool {
    let address = host.split_once('%').map_or(host, |(address, _)| address);
    address.parse::<std::net::Ipv6Addr>().is_ok()
}

impl HttpRequest {
    /// Resolves what the spec of the container of this name, with these ports, says. `user_agent` is what the
    /// node calls itself.
    ///
    /// # Errors
    /// [`HandlerError`] where the spec gives no question that can be asked.
    pub fn resolve(
        action: &HttpGetAction,
        container: &str,
        ports: &[ContainerPort],
        user_agent: &str,
    ) -> Result<Self, HandlerError> {
        let HttpGetAction { path, port, host, scheme, http_headers } = action;
        let scheme = if scheme.is_empty() || scheme.eq_ignore_ascii_case("http") {
            Scheme::Http
        } else if scheme.eq_ignore_ascii_case("https") {
            Scheme::Https
        } else {
            return Err(HandlerError::Scheme { scheme: scheme.as_str().into() });
        };
        Ok(Self {
            scheme,
            address: Address::resolve(host, port, container, ports)?,
            path: sendable(path),
            headers: with_usual(http_headers, user_agent)?,
        })
    }

    /// The whole address, for a pod with this first address (empty: none yet).
    ///
    /// # Errors
    /// [`HandlerError::NoHost`] where the pod is meant and has none.
    pub fn url(&self, pod_ip: &str) -> Result<String, HandlerError> {
        Ok(format!("{}://{}{}", self.scheme, self.authority(pod_ip)?, self.path))
    }

    /// The host with its port, as it stands in the URL: [`Address::authority`].
    ///
    /// # Errors
    /// [`HandlerError::NoHost`] where the pod is meant and has none.
    pub fn authority(&self, pod_ip: &str) -> Result<String, HandlerError> {
        self.address.authority(pod_ip)
    }

    /// The same question in the clear, for a server that answers an encrypted one in the clear; `None` if this is
    /// not encrypted. What identifies the asker (`Authorization`) is left out of it. Hooks are asked so, probes
    /// are not.
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

/// A path begins with `/`, has no fragment, and what a URL may not have is written in hexadecimal, as is a `%`
/// that is not followed by two hexadecimal digits.
fn sendable(path: &str) -> String {
    let path = path.split_once('#').map_or(path, |(path, _)| path);
    let mut text = if path.starts_with('/') { String::new() } else { "/".to_owned() };
    for (at, byte) in path.bytes().enumerate() {
        let rest = path.as_bytes().get(at + 1..at + 3);
        let is_escape = || rest.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte) && (byte != b'%' || is_escape()) {
            text.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn with_usual(given: &[HttpHeader], user_agent: &str) -> Result<Vec<HttpHeader>, HandlerError> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_text = |byte: u8| byte == b'\t' || !byte.is_ascii_control();
    for HttpHeader { name, value } in given {
        if name.is_empty() || !name.bytes().all(is_token) || !value.bytes().all(is_text) {
            return Err(HandlerError::Header { name: name.as_str().into() });
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

    fn resolve(json: &str) -> Result<HttpRequest, HandlerError> {
        HttpRequest::resolve(&serde_json::from_str(json).unwrap(), "app", &[], "node")
    }

    #[test]
    fn a_path_is_fit_to_be_sent() {
        assert_eq!(sendable(""), "/");
        assert_eq!(sendable("a b?q=ü#top"), "/a%20b?q=%C3%BC");
        assert_eq!(sendable("/x\r\nHost: evil"), "/x%0D%0AHost:%20evil");
        assert_eq!(sendable("/50%/%4"), "/50%25/%254");
        assert_eq!(sendable("/a%20b%"), "/a%20b%25");
    }

    #[test]
    fn the_usual_headers_give_way() {
        let text = |json: &str| {
            let header = |header: &HttpHeader| format!("{}: {}", header.name, header.value);
            Ok::<_, HandlerError>(resolve(json)?.headers.iter().map(header).collect::<Vec<_>>())
        };
        assert_eq!(text(r#"{"port": 80}"#).unwrap(), ["User-Agent: node", "Accept: */*"]);
        let own = r#"{"port": 80, "httpHeaders": [{"name": "user-agent", "value": "me"}, {"name": "ACCEPT", "value": ""},
            {"name": "X-A", "value": "1"}, {"name": "X-A", "value": "2"}]}"#;
        assert_eq!(text(own).unwrap(), ["user-agent: me", "X-A: 1", "X-A: 2"]);
        let evil = r#"{"port": 80, "httpHeaders": [{"name": "X-A", "value": "1\r\nX-B: 2"}]}"#;
        assert!(matches!(text(evil), Err(HandlerError::Header { .. })));
    }

    #[test]
    fn a_host_takes_the_place_of_the_pod() {
        let authority = |host: &str, pod_ip: &str| {
            Address::resolve(host, &Port::Number(80), "app", &[])
                .and_then(|address| address.authority(pod_ip))
        };
        assert_eq!(authority("", "10.0.0.7").unwrap(), "10.0.0.7:80");
        assert_eq!(authority("", "fd00::7").unwrap(), "[fd00::7]:80");
        assert_eq!(authority("db.example", "").unwrap(), "db.example:80");
        assert_eq!(authority("::1", "").unwrap(), "[::1]:80");
        assert_eq!(authority("[fe80::1%eth0]", "").unwrap(), "[fe80::1%eth0]:80");
        assert_eq!(authority("", ""), Err(HandlerError::NoHost));
        for odd in ["[]", "db:80", "db/", "a b", "me@db", "db\r\nX-A: 1", "[::1"] {
            assert!(matches!(authority(odd, "10.0.0.7"), Err(HandlerError::Host { .. })), "{odd:?}");
        }
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        let error = |json: &str| resolve(json).and_then(|request| request.url("")).unwrap_err().to_string();
        assert_eq!(error(r#"{"port": 80}"#), "no host is given and the pod has no address yet");
        assert_eq!(error(r#"{"port": 80, "scheme": "FTP"}"#), "scheme `FTP`: expected HTTP or HTTPS");
        assert_eq!(
            error(r#"{"port": 80, "host": "db:80"}"#),
            "host `db:80`: expected a name or an address, without a port"
        );
        assert_eq!(
            error(r#"{"port": 80, "httpHeaders": [{"name": "X A"}]}"#),
            "header `X A`: expected a name of letters, digits and `-`, and a value on one line"
        );
    }

    #[test]
    fn a_question_reads_back() {
        let request = resolve(r#"{"port": 80, "host": "db"}"#).unwrap();
        let json = serde_json::to_string(&request).unwrap();
        assert!(json.starts_with(r#"{"scheme":"HTTP","host":"db","port":80,"path":"/","#), "{json}");
        assert_eq!(serde_json::from_str::<HttpRequest>(&json).unwrap(), request);
    }
}
