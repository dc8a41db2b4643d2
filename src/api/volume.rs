//! Volumes, as far as ephemeral storage and image volumes need them.

use serde::{Deserialize, Serialize};

use super::nullable::{is_default, nullable};
use super::{ImagePullPolicy, Quantity};

/// A volume of a pod. Kinds that no lifecycle decision reads have a name and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// The name that mounts refer to.
    pub name: String,
    /// A folder that lives as long as the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_dir: Option<EmptyDirVolume>,
    /// The content of an OCI image (KEP-4639).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageVolume>,
    /// A file or folder of the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_path: Option<HostPathVolume>,
    /// The content of a `ConfigMap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapVolume>,
    /// A clone of a git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_repo: Option<GitRepoVolume>,
}

/// A folder that lives as long as the pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmptyDirVolume {
    /// Empty for the node's disk, `Memory` for memory.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub medium: String,
    /// The size at which the pod is evicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_limit: Option<Quantity>,
}

/// The content of an OCI image as a volume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageVolume {
    /// The image's reference.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub reference: String,
    /// When it is pulled; the default is that of a container's image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_policy: Option<ImagePullPolicy>,
}

/// A file or folder of the node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostPathVolume {
    /// Where it is on the node.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub path: String,
}

/// The content of a `ConfigMap`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConfigMapVolume {
    /// Its name.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub name: String,
}

/// A clone of a git repository.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GitRepoVolume {
    /// Its address.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub repository: String,
}
