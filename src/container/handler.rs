//! What a handler names, found: the port of a container, the command to run. Probes and hooks share it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::{ContainerPort, ExecAction, Port};

/// Why a probe or a hook cannot be carried out as its spec has it.
///
/// A probe whose spec is at fault is never answered: each of its runs ends in this. A hook has failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "fault")]
#[non_exhaustive]
pub enum HandlerError {
    /// A probe names no way to ask.
    #[error("the probe does nothing: expected exec, httpGet, tcpSocket or grpc")]
    EmptyProbe,
    /// A hook names nothing to do.
    #[error("the hook does nothing: expected exec, httpGet or sleep")]
    EmptyHook,
    /// A hook would open a connection, which no hook does.
    #[error("tcpSocket is not supported as a hook: expected exec, httpGet or sleep")]
    TcpSocketHook,
    /// There is no program to run.
    #[error("exec: the command is empty, expected a program and its arguments")]
    EmptyCommand,
    /// The container has no port of this name.
    #[error("port `{name}`: container {container} has no port of that name, it has {}", list(.known))]
    UnknownPort {
        /// What was asked for.
        name: Arc<str>,
        /// The container's name.
        container: Arc<str>,
        /// The names of its ports, with their numbers.
        known: Arc<[(Arc<str>, u16)]>,
    },
    /// It is no port.
    #[error("port {port}: expected a number from 1 to 65535 or the name of one of the container's ports")]
    PortOutOfRange {
        /// What was asked for.
        port: Arc<str>,
    },
    /// It is no host.
    #[error("host `{}`: expected a name or an address, without a port", .host.escape_default())]
    Host {
        /// What was asked for.
        host: Arc<str>,
    },
    /// No host is given, so that the pod is meant, and it has no address.
    #[error("no host is given and the pod has no address yet")]
    NoHost,
    /// It is no scheme.
    #[error("scheme `{}`: expected HTTP or HTTPS", .scheme.escape_default())]
    Scheme {
        /// What was asked for.
        scheme: Arc<str>,
    },
    /// A header that cannot be sent. Its value, which may be secret, is not told.
    #[error("header `{}`: expected a name of letters, digits and `-`, and a value on one line", .name.escape_default())]
    Header {
        /// Its name.
        name: Arc<str>,
    },
}

fn list(known: &[(Arc<str>, u16)]) -> String {
    if known.is_empty() {
        return "none with a name".to_owned();
    }
    known.iter().map(|(name, port)| format!("{name} ({port})")).collect::<Vec<_>>().join(", ")
}

/// The number of a port, from 1 to 65535, of the container of this name with these ports: it may be given by the
/// name that the container has for it. A name that no port has and that is a number is taken as one.
///
/// ```
/// use node_lifecycle::api::{ContainerPort, Port};
/// use node_lifecycle::container::resolve_port;
///
/// let ports = [ContainerPort { name: "web".into(), container_port: 8080, ..ContainerPort::default() }];
/// assert_eq!(resolve_port(&Port::Name("web".into()), "app", &ports), Ok(8080));
/// assert_eq!(resolve_port(&Port::Name("9090".into()), "app", &ports), Ok(9090));
/// assert_eq!(
///     resolve_port(&Port::Name("wbe".into()), "app", &ports).unwrap_err().to_string(),
///     "port `wbe`: container app has no port of that name, it has web (8080)"
/// );
/// ```
///
/// # Errors
/// [`HandlerError::UnknownPort`] and [`HandlerError::PortOutOfRange`].
pub fn resolve_port(port: &Port, container: &str, ports: &[ContainerPort]) -> Result<u16, HandlerError> {
    let out_of_range = || HandlerError::PortOutOfRange { port: port.to_string().into() };
    let number = match port {
        Port::Number(number) => *number,
        Port::Name(name) => {
            let named = ports.iter().filter(|port| !port.name.is_empty());
            if let Some(port) = named.clone().find(|port| port.name == *name) {
                port.container_port
            } else if let Ok(number) = name.parse::<i128>() {
                u16::try_from(number).map_err(|_| out_of_range())?
            } else {
                return Err(HandlerError::UnknownPort {
                    name: name.as_str().into(),
                    container: container.into(),
                    known: named.map(|port| (port.name.as_str().into(), port.container_port)).collect(),
                });
            }
        }
    };
    if number == 0 { Err(out_of_range()) } else { Ok(number) }
}

/// The command of a handler: a program and its arguments.
pub(super) fn resolve_command(exec: &ExecAction) -> Result<Arc<[String]>, HandlerError> {
    match exec.command.first() {
        Some(program) if !program.is_empty() => Ok(exec.command.as_slice().into()),
        _ => Err(HandlerError::EmptyCommand),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_found_by_name_then_by_number() {
        let port = |name: &str, container_port| ContainerPort {
            name: name.to_owned(),
            container_port,
            ..ContainerPort::default()
        };
        let ports = [port("", 1), port("8081", 80), port("web", 8080), port("odd", 0)];
        let named = |name: &str| resolve_port(&Port::Name(name.to_owned()), "app", &ports);
        assert_eq!(named("web"), Ok(8080));
        assert_eq!(named("8081"), Ok(80), "a name first");
        assert_eq!(named("9090"), Ok(9090));
        for out_of_range in ["70000", "-1", "0", "odd"] {
            let error = named(out_of_range).unwrap_err();
            assert!(matches!(error, HandlerError::PortOutOfRange { .. }), "{out_of_range}: {error}");
        }
        assert!(matches!(named(""), Err(HandlerError::UnknownPort { .. })));
        assert!(matches!(
            resolve_port(&Port::Number(0), "app", &ports),
            Err(HandlerError::PortOutOfRange { .. })
        ));
        assert_eq!(
            resolve_port(&Port::Name("web".to_owned()), "app", &[]).unwrap_err().to_string(),
            "port `web`: container app has no port of that name, it has none with a name"
        );
    }
}
