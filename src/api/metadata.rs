//! What an object is called and when it goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Uid;
use super::nullable::{is_default, nullable};
use crate::machine::Timestamp;

/// The part of an object's metadata that a node reads.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectMeta {
    /// The name, unique in its namespace. Empty where only `generateName` is given.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub name: String,
    /// The prefix that the API server makes a name from.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub generate_name: String,
    /// The namespace.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub namespace: String,
    /// The identity.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub uid: Uid,
    /// The version of the object, opaque text.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub resource_version: String,
    /// Counts the changes of the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// When the API server made the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<Timestamp>,
    /// When the object has to be gone; its presence means that deletion began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<Timestamp>,
    /// Seconds that the deletion gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_grace_period_seconds: Option<i64>,
    /// Labels.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_default")]
    pub annotations: BTreeMap<String, String>,
}
