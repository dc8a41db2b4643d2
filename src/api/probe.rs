//! Probes and hooks: what is asked of a container from outside.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::nullable::{is_default, nullable};

/// A question that a node asks a container again and again.
///
/// Absent numbers take the defaults named with each field.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// Runs a command; exit code 0 is success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecAction>,
    /// Asks over HTTP; 200 to 399 is success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_get: Option<HttpGetAction>,
    /// Opens a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp_socket: Option<TcpSocketAction>,
    /// Asks the gRPC health service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<GrpcAction>,
    /// Seconds after the start of the instance in which nothing is asked; default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_delay_seconds: Option<i32>,
    /// Seconds that an answer may take; default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<i32>,
    /// Seconds between two questions; default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_seconds: Option<i32>,
    /// Answers in a row that make a success; default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_threshold: Option<i32>,
    /// Answers in a row that make a failure; default 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<i32>,
    /// Seconds of grace when this probe's failure stops the container (KEP-2238).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub termination_grace_period_seconds: Option<i64>,
}

/// What happens around a container's life.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lifecycle {
    /// Runs right after the start; the container counts as started when it has returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_start: Option<LifecycleHandler>,
    /// Runs before the stop signal, within the grace period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_stop: Option<LifecycleHandler>,
    /// The signal that asks the container to stop, such as `SIGUSR1` (KEP-4960).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
}

/// What a hook does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LifecycleHandler {
    /// Runs a command in the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecAction>,
    /// Asks over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_get: Option<HttpGetAction>,
    /// Kept by the API for old objects; it does nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp_socket: Option<TcpSocketAction>,
    /// Waits (KEP-3960).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sleep: Option<SleepAction>,
}

/// A command that runs in the container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExecAction {
    /// The command and its arguments; no shell is involved.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub command: Vec<String>,
}

/// A question over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpGetAction {
    /// The path; absent means `/`.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub path: String,
    /// The port.
    pub port: Port,
    /// The host; absent means the pod's IP.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub host: String,
    /// `HTTP` or `HTTPS`; absent means `HTTP`.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub scheme: String,
    /// Headers beside the usual ones; a name may come more than once.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub http_headers: Vec<HttpHeader>,
}

/// A header of a question over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HttpHeader {
    /// Its name; case does not matter.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    /// Its value.
    #[serde(default, deserialize_with = "nullable")]
    pub value: String,
}

/// A connection that is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpSocketAction {
    /// The port.
    pub port: Port,
    /// The host; absent means the pod's IP.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub host: String,
}

/// A question to the gRPC health service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrpcAction {
    /// The port.
    pub port: u16,
    /// The service that is asked about; absent means the whole server.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub service: String,
}

/// A wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SleepAction {
    /// How many seconds.
    pub seconds: i64,
}

/// A port by number or by the name that a container gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a port: a number from 1 to 65535 or a name")]
pub enum Port {
    /// Its number.
    Number(u16),
    /// Its name.
    Name(String),
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}
