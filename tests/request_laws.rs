//! Laws of questions over HTTP: whatever a spec says, what is sent is one request to one place.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use node_lifecycle::api::{ContainerPort, HttpGetAction, HttpHeader, Port};
use node_lifecycle::container::{HandlerError, HttpRequest, Scheme};
use proptest::collection::vec;
use proptest::prelude::*;

/// Text as people write it, and as nobody should.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9.:/?#%@\\[\\] -]{0,12}",
        "\\PC{0,6}",
        ".{0,6}",
        Just("x\r\nHost: evil".to_owned()),
        Just("[fd00::1]".to_owned()),
    ]
}

fn action() -> impl Strategy<Value = HttpGetAction> {
    let port = prop_oneof![4 => any::<u16>().prop_map(Port::Number), 1 => text().prop_map(Port::Name)];
    let scheme = prop_oneof![9 => "(|HTTP|https|Https)", 1 => text()];
    let host = prop_oneof![3 => "(|db\\.example|::1|\\[fd00::1\\])", 1 => text()];
    let header = (
        prop_oneof![9 => "(Host|Accept|user-agent|Authorization|X-A)", 1 => text()],
        prop_oneof![9 => "[ -~]{0,6}", 1 => text()],
    )
        .prop_map(|(name, value)| HttpHeader { name, value });
    (text(), port, host, scheme, vec(header, 0..4)).prop_map(|(path, port, host, scheme, http_headers)| {
        HttpGetAction { path, port, host, scheme, http_headers }
    })
}

fn ports() -> impl Strategy<Value = Vec<ContainerPort>> {
    let port = (text(), any::<u16>()).prop_map(|(name, container_port)| ContainerPort {
        name,
        container_port,
        ..ContainerPort::default()
    });
    vec(port, 0..3)
}

proptest! {
    #[test]
    fn what_is_sent_is_one_request(action in action(), ports in ports(), pod_ip in "(|10\\.0\\.0\\.7|fd00::7)") {
        let Ok(request) = HttpRequest::resolve(&action, "app", &ports, "kube-probe/1.32") else { return Ok(()) };
        prop_assert!(request.address.port > 0);
        prop_assert!(request.path.starts_with('/'));
        prop_assert!(request.path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'));
        let one_line = |text: &str| !text.contains(|char: char| char.is_ascii_control() && char != '\t');
        prop_assert!(request.headers.iter().all(|it| !it.name.is_empty() && one_line(&it.name) && one_line(&it.value)));
        let of_name = |name: &str| request.headers.iter().filter(|it| it.name.eq_ignore_ascii_case(name)).count();
        prop_assert!(of_name("user-agent") > 0);

        match request.url(&pod_ip) {
            Err(error) => {
                prop_assert_eq!(error, HandlerError::NoHost);
                prop_assert!(action.host.is_empty() && pod_ip.is_empty());
            }
            Ok(url) => {
                // Whoever reads the URL finds the same host, port and path in it.
                let rest = url.strip_prefix(&format!("{}://", request.scheme)).unwrap();
                let (authority, path) = rest.split_once('/').unwrap();
                prop_assert_eq!(format!("/{path}"), &*request.path);
                let (host, port) = authority.rsplit_once(':').unwrap();
                prop_assert_eq!(port.parse(), Ok(request.address.port));
                let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
                prop_assert_eq!(host, request.address.host(&pod_ip).unwrap());
                prop_assert!(!host.contains(char::is_whitespace));
            }
        }

        let read = serde_json::to_string(&request).unwrap();
        prop_assert_eq!(&serde_json::from_str::<HttpRequest>(&read).unwrap(), &request);
        match request.in_the_clear() {
            None => prop_assert_eq!(request.scheme, Scheme::Http),
            Some(clear) => {
                prop_assert_eq!(request.scheme, Scheme::Https);
                prop_assert_eq!((&clear.address, &clear.path), (&request.address, &request.path));
                prop_assert!(!clear.headers.iter().any(|it| it.name.eq_ignore_ascii_case("authorization")));
                prop_assert_eq!(clear.in_the_clear(), None);
            }
        }
    }

    #[test]
    fn a_path_that_is_fit_stays_as_it_is(action in action()) {
        let resolve = |action: &HttpGetAction| HttpRequest::resolve(action, "app", &[], "node");
        let Ok(once) = resolve(&action) else { return Ok(()) };
        let again = resolve(&HttpGetAction { path: once.path.clone(), ..action });
        prop_assert_eq!(again.unwrap().path, once.path);
    }
}
