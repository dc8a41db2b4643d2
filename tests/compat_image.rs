//! Each fault of the kubelet 1.32 with images that can be copied: what is right, and what the kubelet does.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use node_lifecycle::behaviour::Compat;
use node_lifecycle::image::{Coordinates, Keyring, PullSecret};

fn secret(name: &str, config: &str) -> PullSecret {
    PullSecret {
        coordinates: Coordinates { namespace: "shop".into(), name: name.into(), uid: name.into() },
        kind: "kubernetes.io/dockerconfigjson".into(),
        data: [(".dockerconfigjson".to_owned(), config.as_bytes().to_vec())].into(),
    }
}

fn users(keyring: &Keyring, image: &str) -> Vec<String> {
    keyring.lookup(image).iter().map(|entry| entry.credentials.username.clone()).collect()
}

#[test]
fn match_pull_secrets_by_prefix() {
    let secrets = [secret("a", r#"{"auths": {"r.example/team": {"username": "team"}}}"#)];
    let [right, kubelet] = [Compat::default(), Compat::kubelet_1_32()].map(|compat| {
        let (keyring, faults) = Keyring::of_secrets(&secrets, compat).unwrap();
        assert!(faults.is_empty());
        ["r.example/team", "r.example/team/web", "r.example/teamx"].map(|image| users(&keyring, image).len())
    });
    assert_eq!(right, [1, 1, 0]);
    assert_eq!(kubelet, [1, 1, 1]);
}

#[test]
fn fail_on_bad_pull_secret() {
    let secrets = [
        secret(
            "typo",
            r#"{"auths": {"q.example": {"auth": "hunter2!"}, "r.example/a": {"username": "same secret"}}}"#,
        ),
        secret("no-json", r#"{"auths": {"r.example": {"password": "hunter2"}}"#),
        secret("well", r#"{"auths": {"r.example": {"username": "other secret"}}}"#),
    ];
    let (keyring, faults) = Keyring::of_secrets(&secrets, Compat::default()).unwrap();
    assert_eq!(users(&keyring, "r.example/a/web"), ["same secret", "other secret"]);
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "secret shop/typo: registry q.example: auth is no base64: expected user:password in base64",
            "secret shop/no-json: no JSON at line 1 column 48: expected Docker's configuration",
        ]
    );

    let error = Keyring::of_secrets(&secrets, Compat::kubelet_1_32()).unwrap_err();
    assert_eq!(error.to_string(), faults[0]);
}
