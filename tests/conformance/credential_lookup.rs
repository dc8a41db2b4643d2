//! Which credentials an image is tried with.

use std::collections::BTreeMap;

use node_lifecycle::behaviour::Compat;
use node_lifecycle::image::{
    Coordinates, Credentials, Keyring, KeyringEntry, PathRule, PullSecret, RegistryCredentials,
    registry_matches,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::runtime::decode;

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Case {
    Keyring { keyrings: Vec<Vec<Entry>>, image: String },
    Match { pattern: String, image: String },
    Secrets { secrets: Vec<Secret>, default_keyring: Vec<Entry>, image: String },
}

#[derive(Deserialize)]
struct Entry {
    registry: String,
    #[serde(flatten)]
    credentials: Credentials,
}

#[derive(Deserialize)]
struct Secret {
    r#type: String,
    data: BTreeMap<String, String>,
}

pub(crate) fn credential_lookup(input: &Value, recorded: &Value) -> Value {
    let compat = Compat::kubelet_1_32();
    match decode(input) {
        Case::Keyring { keyrings, image } => {
            let keyrings: Vec<_> = keyrings.into_iter().map(keyring).collect();
            found(&keyrings, &image)
        }
        Case::Match { pattern, image } => {
            match registry_matches(&pattern, &image, PathRule::of_secrets(compat)) {
                Ok(matches) => json!({"match": matches, "error": false}),
                Err(_) => json!({"match": false, "error": true}),
            }
        }
        Case::Secrets { secrets, default_keyring, image } => {
            let secrets: Vec<_> = secrets
                .into_iter()
                .map(|secret| PullSecret {
                    coordinates: Coordinates::default(),
                    kind: secret.r#type,
                    data: secret.data.into_iter().map(|(key, text)| (key, text.into_bytes())).collect(),
                })
                .collect();
            match Keyring::of_secrets(&secrets, compat) {
                Ok((of_secrets, _)) => {
                    let mut answer = found(&[of_secrets, keyring(default_keyring)], &image);
                    answer["error"] = false.into();
                    answer
                }
                // The words are those of Go's readers.
                Err(_) => json!({"error": true, "message": recorded["message"]}),
            }
        }
    }
}

fn keyring(entries: Vec<Entry>) -> Keyring {
    let entries = entries.into_iter().map(|Entry { registry, credentials }| RegistryCredentials {
        registry,
        credentials,
        source: None,
    });
    Keyring::new(PathRule::of_secrets(Compat::kubelet_1_32()), entries).0
}

fn found(keyrings: &[Keyring], image: &str) -> Value {
    let mut found = Vec::new();
    keyrings.iter().for_each(|keyring| keyring.lookup_into(image, &mut found));
    let credentials = |entry: &&KeyringEntry| {
        let Credentials { username, password, email } = &entry.credentials;
        json!({"username": username, "password": password.reveal(), "email": email})
    };
    json!({
        "found": !found.is_empty(),
        "credentials": found.iter().map(credentials).collect::<Vec<_>>(),
    })
}
