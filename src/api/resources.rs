//! Amounts of resources by name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Quantity;
use super::nullable::{is_default, nullable};

/// Amounts by resource name: `cpu` in cores, `memory` and `ephemeral-storage` in bytes, and any other.
pub type ResourceList = BTreeMap<String, Quantity>;

/// What is asked for and what is the most.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ResourceRequirements {
    /// What is set aside.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub requests: ResourceList,
    /// What may be used at most.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub limits: ResourceList,
}
