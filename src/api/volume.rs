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
