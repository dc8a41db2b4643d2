//! What a `postStart` or `preStop` hook does, as a description: a call that a port makes, or a wait.
//!
//! A hook is one of three: a command in the container, a question over HTTP, or a wait (KEP-3960), which may be
//! zero seconds long (KEP-4818). How long it may take is not its own business: a `preStop` hook spends the
//! container's grace period ([`Stop`](super::Stop)), a `postStart` hook may take as long as it likes, and its
//! container does not count as started before.
//!
//! A question over HTTP has succeeded when there is an answer, whatever its status. Where it is to be encrypted
//! and the server answers in the clear, it is asked once more in the clear, as Kubernetes documents
//! ([`HookCall::in_the_clear`]).
//!
//! `tcpSocket` stands in the API for old objects only: it never did anything and is a typed error here, as is a
//! port that the container does not name.
//!
//! A hook that fails is told in an event of a fixed text ([`HookKind::event_reason`],
//! [`HookKind::event_message`]): what the hook said may be secret.
//!
//! ```
//! use node_lifecycle::api::Pod;
//! use node_lifecycle::container::{HookAction, HookCall, HookKind, hook_action};
//! use std::time::Duration;
//!
//! let pod = Pod::from_json(r#"{"metadata": {"name": "web"}, "spec": {"containers": [{
//!     "name": "app", "image": "app:1", "ports": [{"name": "admin", "containerPort": 8081}],
//!     "lifecycle": {
//!         "postStart": {"httpGet": {"path": "/warm-up", "port": "admin"}},
//!         "preStop": {"sleep": {"seconds": 0}}}}]}}"#)?;
//! let app = &pod.spec.containers[0];
//! let post_start = hook_action(app.post_start().unwrap(), &app.name, &app.ports)?;
//! let HookAction::Call(HookCall::HttpGet(request)) = post_start else { unreachable!("it asks over HTTP") };
//! assert_eq!(request.url("10.0.0.7")?, "http://10.0.0.7:8081/warm-up");
//! let pre_stop = hook_action(app.pre_stop().unwrap(), &app.name, &app.ports)?;
//! assert_eq!(pre_stop, HookAction::Sleep(Duration::ZERO));
//! assert_eq!(HookKind::PreStop.event_message(), "PreStopHook failed");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::handler::resolve_command;
use super::{HandlerError, HttpRequest};
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
    /// Something that a port does.
    Call(HookCall),
    /// A wait, for which no port is needed but a clock.
    Sleep(Duration),
}

/// What a port does for a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum HookCall {
    /// Run a command in the container, without a shell. Exit code 0 is success.
    Exec {
        /// The program and its arguments.
        command: Arc<[String]>,
    },
    /// Ask over HTTP. Any answer is success.
    HttpGet(Box<HttpRequest>),
}

/// What a hook of the container of this name, with these ports, does. Of several handlers, which the API refuses,
/// exec comes first, then httpGet. A negative wait is none.
///
/// # Errors
/// [`HandlerError`] where it cannot be run: it has failed.
pub fn hook_action(
    handler: &LifecycleHandler,
    container: &str,
    ports: &[ContainerPort],
) -> Result<HookAction, HandlerError> {
    let LifecycleHandler { exec, http_get, tcp_socket, sleep } = handler;
    if let Some(exec) = exec {
        return Ok(HookAction::Call(HookCall::Exec { command: resolve_command(exec)? }));
    }
    if let Some(action) = http_get {
        let request = HttpRequest::resolve(action, container, ports, USER_AGENT)?;
        return Ok(HookAction::Call(HookCall::HttpGet(request.into())));
    }
    if let Some(sleep) = sleep {
        return Ok(HookAction::Sleep(Duration::from_secs(u64::try_from(sleep.seconds).unwrap_or(0))));
    }
    Err(if tcp_socket.is_some() { HandlerError::TcpSocketHook } else { HandlerError::EmptyHook })
}

impl HookCall {
    /// The same call in the clear, for a server that answers an encrypted question in the clear: `None` if this
    /// is none. See [`HttpRequest::in_the_clear`]; [`http_fallback_message`] tells of it.
    #[must_use]
    pub fn in_the_clear(&self) -> Option<Self> {
        match self {
            Self::Exec { .. } => None,
            Self::HttpGet(request) => Some(Self::HttpGet(request.in_the_clear()?.into())),
        }
    }
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

/// The message of that event, given the [authority](HttpRequest::authority) that was asked.
#[must_use]
pub fn http_fallback_message(authority: &str) -> String {
    format!("request to HTTPS lifecycle hook {authority} got HTTP response, retry with HTTP succeeded")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(json: &str) -> Result<HookAction, HandlerError> {
        hook_action(&serde_json::from_str(json).unwrap(), "app", &[])
    }

    #[test]
    fn what_cannot_be_run_is_said() {
        for (hook, message) in [
            ("{}", "the hook does nothing: expected exec, httpGet or sleep"),
            (
                r#"{"tcpSocket": {"port": 80}}"#,
                "tcpSocket is not supported as a hook: expected exec, httpGet or sleep",
            ),
            (r#"{"exec": {}}"#, "exec: the command is empty, expected a program and its arguments"),
            (
                r#"{"httpGet": {"port": "web"}}"#,
                "port `web`: container app has no port of that name, it has none with a name",
            ),
        ] {
            assert_eq!(action(hook).unwrap_err().to_string(), message, "{hook}");
        }
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
        let Ok(HookAction::Call(call)) = action(json) else { panic!("{json}") };
        let clear = call.in_the_clear().unwrap();
        assert_eq!(clear.in_the_clear(), None);
        let HookCall::HttpGet(request) = clear else { panic!("{clear:?}") };
        assert_eq!(request.url("").unwrap(), "http://example.com:443/");
        assert_eq!(request.headers[0].value, "kube-lifecycle/1.32", "and nothing secret");
        assert_eq!(
            http_fallback_message(&request.authority("").unwrap()),
            "request to HTTPS lifecycle hook example.com:443 got HTTP response, retry with HTTP succeeded"
        );
    }
}
