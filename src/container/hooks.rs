//! What a `postStart` or `preStop` hook does, as a description that a port executes.
//!
//! A hook is one of three: a command in the container, a question over HTTP, or a wait (KEP-3960), which may be
//! zero seconds long (KEP-4818). How long it may take is not its own business: a `preStop` hook spends the
//! container's grace period ([`Stop`](super::Stop)), a `postStart` hook may take as long as it likes, and its
//! container does not count as started before.
//!
//! A question over HTTP has succeeded when there is an answer, whatever its status. Where it is to be encrypted
//! and the server answers in the clear, it is asked once more in the clear, as Kubernetes documents
//! ([`HttpRequest::in_the_clear`]).
//!
//! `tcpSocket` stands in the API for old objects only: it never did anything and is a typed error here, as is a
//! port that the container does not name.
//!
//! A hook that fails is told in an event of a fixed text ([`HookKind::event_reason`],
//! [`HookKind::event_message`]): what the hook said may be secret.
//!
//! ```
//! use node_lifecycle::api::Pod;
//! use node_lifecycle::container::{HookAction, HookKind, hook_action};
//! use std::time::Duration;
//!
//! let pod = Pod::from_json(r#"{"metadata": {"name": "web"}, "spec": {"containers": [{
//!     "name": "app", "image": "app:1", "ports": [{"name": "admin", "containerPort": 8081}],
//!     "lifecycle": {
//!         "postStart": {"httpGet": {"path": "/warm-up", "port": "admin"}},
//!         "preStop": {"sleep": {"seconds": 0}}}}]}}"#)?;
//! let app = &pod.spec.containers[0];
//! let HookAction::HttpGet(request) = hook_action(app.post_start().unwrap(), &app.ports, "10.0.0.7")? else {
//!     unreachable!()
//! };
//! assert_eq!(request.url(), "http://10.0.0.7:8081/warm-up");
//! let pre_stop = hook_action(app.pre_stop().unwrap(), &app.ports, "10.0.0.7")?;
//! assert_eq!(pre_stop, HookAction::Sleep(Duration::ZERO));
//! assert_eq!(HookKind::PreStop.event_message(), "PreStopHook failed");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{HttpRequest, RequestError};
use crate::api::{ContainerPort, LifecycleHandler};

/// What the node calls itself in a hook's question over HTTP.
const USER_AGENT: &str = "kube-lifecycle/1.32";

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HookKind {
    /// Right after the start. Its failure stops the container.
    PostStart,
    /// Before the stop signal. Its failure changes nothing.
    PreStop,
}

/// What a hook does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HookAction {
    /// Runs a command in the container: the program and its arguments. Exit code 0 is success.
    Exec(Vec<String>),
    /// Asks over HTTP. Any answer is success.
    HttpGet(HttpRequest),
    /// Waits.
    Sleep(Duration),
}

/// Why a hook cannot be run: it has failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// It does nothing that is known here.
    #[error("the hook does nothing: expected exec, httpGet or sleep")]
    Nothing,
    /// It would open a connection, which no hook does.
    #[error("tcpSocket is not supported as a hook: expected exec, httpGet or sleep")]
    TcpSocket,
    /// It has a command without a program.
    #[error("the hook's command is empty: expected a program and its arguments")]
    EmptyCommand,
    /// Its question over HTTP cannot be asked.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// What a hook does, given the container's ports and the pod's first address (empty: none yet). Of several
/// handlers, which the API refuses, exec comes first, then httpGet. A negative wait is none.
///
/// # Errors
/// [`HookError`] where it cannot be run.
pub fn hook_action(
    handler: &LifecycleHandler,
    ports: &[ContainerPort],
    pod_ip: &str,
) -> Result<HookAction, HookError> {
    let LifecycleHandler { exec, http_get, tcp_socket, sleep } = handler;
    if let Some(exec) = exec {
        return match exec.command.first() {
            Some(program) if !program.is_empty() => Ok(HookAction::Exec(exec.command.clone())),
            _ => Err(HookError::EmptyCommand),
        };
    }
    if let Some(action) = http_get {
        return Ok(HookAction::HttpGet(HttpRequest::new(action, ports, pod_ip, USER_AGENT)?));
    }
    if let Some(sleep) = sleep {
        return Ok(HookAction::Sleep(Duration::from_secs(u64::try_from(sleep.seconds).unwrap_or(0))));
    }
    Err(if tcp_socket.is_some() { HookError::TcpSocket } else { HookError::Nothing })
}

impl HookKind {
    /// The reason of the event, of the type `Warning`, that tells of a failure.
    #[must_use]
    pub const fn event_reason(self) -> &'static str {
        match self {
            Self::PostStart => "FailedPostStartHook",
            Self::PreStop => "FailedPreStopHook",
        }
    }

    /// The message of the event that tells of a failure. It does not say why: that may be secret.
    #[must_use]
    pub const fn event_message(self) -> &'static str {
        match self {
            Self::PostStart => "PostStartHook failed",
            Self::PreStop => "PreStopHook failed",
        }
    }
}

/// The reason of the event, of the type `Warning`, that tells that an encrypted question was answered in the
/// clear and then asked in the clear.
pub const HTTP_FALLBACK_REASON: &str = "LifecycleHTTPFallback";

/// The message of that event.
#[must_use]
pub fn http_fallback_message(request: &HttpRequest) -> String {
    let authority = request.authority();
    format!("request to HTTPS lifecycle hook {authority} got HTTP response, retry with HTTP succeeded")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(json: &str) -> Result<HookAction, HookError> {
        hook_action(&serde_json::from_str(json).unwrap(), &[], "10.0.0.7")
    }

    #[test]
    fn what_cannot_be_run_is_said() {
        assert_eq!(action("{}"), Err(HookError::Nothing));
        assert_eq!(action(r#"{"tcpSocket": {"port": 80}}"#), Err(HookError::TcpSocket));
        assert_eq!(action(r#"{"exec": {}}"#), Err(HookError::EmptyCommand));
        let unknown = action(r#"{"httpGet": {"port": "web"}}"#).unwrap_err();
        assert_eq!(unknown.to_string(), "no port of the container is called `web`: it has none with a name");
    }

    #[test]
    fn a_wait_is_never_negative_and_may_be_long() {
        assert_eq!(action(r#"{"sleep": {"seconds": -5}}"#), Ok(HookAction::Sleep(Duration::ZERO)));
        let long = Duration::from_secs(i64::MAX.unsigned_abs());
        assert_eq!(action(r#"{"sleep": {"seconds": 9223372036854775807}}"#), Ok(HookAction::Sleep(long)));
    }

    #[test]
    fn encryption_gives_way_without_telling_who_asks() {
        let json = r#"{"httpGet": {"port": 443, "scheme": "HTTPS", "host": "example.com",
            "httpHeaders": [{"name": "authorization", "value": "secret"}]}}"#;
        let Ok(HookAction::HttpGet(request)) = action(json) else { panic!("{json}") };
        let clear = request.in_the_clear().unwrap();
        assert_eq!(clear.url(), "http://example.com:443/");
        assert!(!clear.headers.iter().any(|header| header.value == "secret"));
        assert_eq!(clear.in_the_clear(), None);
        assert_eq!(
            http_fallback_message(&request),
            "request to HTTPS lifecycle hook example.com:443 got HTTP response, retry with HTTP succeeded"
        );
    }
}
