//! The pull secrets of a pod.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::docker_config::decode_base64;
use super::{CredentialFault, CredentialSource, DockerConfig, Keyring, PathRule, RegistryCredentials};
use crate::api::{ObjectMeta, Uid};
use crate::behaviour::Compat;

/// Which secret, or which service account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Coordinates {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its UID.
    pub uid: Uid,
}

impl fmt::Display for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A secret, as far as it may hold credentials for registries. `Debug` does not show its data.
///
/// Reads a v1 Secret, whose data are in base64.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "RawSecret")]
pub struct PullSecret {
    /// Which one.
    pub coordinates: Coordinates,
    /// Its type: `kubernetes.io/dockerconfigjson` or `kubernetes.io/dockercfg`; others are passed over.
    pub kind: String,
    /// Its data.
    pub data: BTreeMap<String, Vec<u8>>,
}

impl PullSecret {
    /// What it says of registries; `None` where it says nothing.
    fn docker_config(&self) -> Option<Result<DockerConfig, CredentialFault>> {
        let data = |key| self.data.get(key).filter(|data| !data.is_empty());
        match self.kind.as_str() {
            "kubernetes.io/dockerconfigjson" => {
                data(".dockerconfigjson").map(|data| DockerConfig::from_json(data))
            }
            "kubernetes.io/dockercfg" => data(".dockercfg").map(|data| DockerConfig::from_dockercfg(data)),
            _ => None,
        }
    }
}

impl Keyring {
    /// The credentials of a pod's pull secrets, in their order, and what could not be read of them.
    ///
    /// # Errors
    /// With [`Compat::fail_on_bad_pull_secret`] the first thing that could not be read. By default none.
    pub fn of_secrets(
        secrets: &[PullSecret],
        compat: Compat,
    ) -> Result<(Self, Vec<CredentialFault>), CredentialFault> {
        let (mut entries, mut faults) = (Vec::new(), Vec::new());
        for secret in secrets {
            let secret_faults = match secret.docker_config() {
                None => continue,
                Some(Err(fault)) => vec![fault],
                Some(Ok(config)) => {
                    entries.extend(config.entries.into_iter().map(|(registry, credentials)| {
                        let source = Some(CredentialSource::Secret(secret.coordinates.clone()));
                        RegistryCredentials { registry, credentials, source }
                    }));
                    config.faults
                }
            };
            faults.extend(
                secret_faults
                    .into_iter()
                    .map(|fault| CredentialFault { secret: Some(secret.coordinates.clone()), ..fault }),
            );
        }
        if compat.fail_on_bad_pull_secret && !faults.is_empty() {
            return Err(faults.swap_remove(0));
        }
        let (keyring, unknown) = Self::new(PathRule::of_secrets(compat), entries);
        faults.extend(unknown);
        Ok((keyring, faults))
    }
}

impl fmt::Debug for PullSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PullSecret")
            .field("coordinates", &self.coordinates)
            .field("kind", &self.kind)
            .field("data", &self.data.keys())
            .finish()
    }
}

#[derive(Deserialize)]
struct RawSecret {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    /// Any value: serde would show one of another type.
    #[serde(default)]
    data: serde_json::Value,
}

impl TryFrom<RawSecret> for PullSecret {
    type Error = String;
    fn try_from(raw: RawSecret) -> Result<Self, String> {
        let data = match raw.data {
            serde_json::Value::Null => BTreeMap::new(),
            serde_json::Value::Object(data) => data
                .into_iter()
                .map(|(key, value)| match value.as_str().and_then(decode_base64) {
                    Some(decoded) => Ok((key, decoded)),
                    None => Err(format!("data[{}] is no base64", super::docker_config::excerpt(&key))),
                })
                .collect::<Result<_, _>>()?,
            _ => return Err("data is no map of texts in base64".into()),
        };
        let ObjectMeta { namespace, name, uid, .. } = raw.metadata;
        let coordinates = Coordinates { namespace: namespace.into(), name: name.into(), uid };
        Ok(Self { coordinates, kind: raw.kind.unwrap_or_default(), data })
    }
}
