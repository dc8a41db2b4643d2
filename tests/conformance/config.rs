//! The configuration of a node: its defaults, and what is wrong with it.

use node_lifecycle::config::{Host, KubeletConfiguration, ValidationErrors};
use serde_json::{Value, json};

use crate::runtime::decode;

/// A configuration with its defaults.
///
/// The tree that was recorded is not quite that of Kubernetes 1.32: it leaves what its server reads as it came, and its
/// default `contentType` is JSON. (The recordings of merging and validation have the defaults of 1.32.)
pub(crate) fn config_defaults(input: &Value) -> Value {
    let given: KubeletConfiguration = decode(&input["config"]);
    let mut config = given.clone().with_defaults();
    config.enable_server = given.enable_server;
    config.port = given.port;
    config.authentication = given.authentication;
    config.authorization = given.authorization;
    if given.content_type.is_empty() {
        config.content_type = "application/json".to_owned();
    }
    without_empty_structs(config.to_kubelet_json().unwrap_or_else(|error| panic!("{error}")))
}

/// The recordings leave out structs of the server in which nothing is set.
fn without_empty_structs(mut config: Value) -> Value {
    let unset = serde_json::to_value(KubeletConfiguration::default()).unwrap_or_default();
    for name in ["authentication", "authorization"] {
        if config[name] == unset[name]
            && let Some(fields) = config.as_object_mut()
        {
            fields.remove(name);
        }
    }
    config
}

/// Everything that is wrong with a configuration that has its defaults.
///
/// The tree that was recorded does not look at `port`, which Kubernetes 1.32 does: every case gets one that is right.
pub(crate) fn config_validate(input: &Value) -> Value {
    let config = KubeletConfiguration { port: 10250, ..decode(&input["config"]) };
    let host = Host { cgroup_v2: input["hostCgroupV2"] == true, ..Host::default() };
    let errors = config.validate(&host).err().map(ValidationErrors::into_iter).into_iter().flatten();
    json!({"errors": errors.map(|error| error.message().to_owned()).collect::<Vec<_>>()})
}
