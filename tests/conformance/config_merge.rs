//! A base, drop-ins and flags, merged.

use std::path::Path;

use node_lifecycle::config::{
    ConfigErrors, Flags, MergeOptions, Problem, Source, in_folder_order, merge, read_folder,
};
use serde_json::{Value, json};

/// What was recorded and what the library says. Of errors it is compared that there is one; where it is a flag's, with
/// its text.
pub(crate) fn config_merge(input: &Value, recorded: &Value) -> (Value, Value) {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let base = text(&input["base"]).map(|text| Source::base("/etc/kubelet/config.yaml", text));
    let files = input["dropIns"].as_array().into_iter().flatten();
    let files = files.filter(|file| file["isDirectory"] != true).map(|file| {
        Source::drop_in(
            text(&file["fileName"]).unwrap_or_default(),
            text(&file["content"]).unwrap_or_default(),
        )
    });
    let drop_ins = if input["configDirMissing"] == true {
        Some(read_folder(Path::new("/etc/kubelet/conf.d/is/missing")))
    } else {
        (input["configDirGiven"] == true).then(|| in_folder_order(files))
    };
    let flags: Vec<String> = input["flags"].as_array().into_iter().flatten().filter_map(text).collect();
    match merge(base.as_ref(), drop_ins.as_deref(), &Flags::parse(&flags), MergeOptions::kubelet_1_32()) {
        Ok(effective) => {
            let config = effective.config.to_kubelet_json().unwrap_or_else(|error| panic!("{error}"));
            (recorded.clone(), json!({"error": false, "config": without_type(config)}))
        }
        Err(errors) => {
            let mut expected = json!({"error": recorded["error"]});
            let mut actual = json!({"error": true});
            if let Some(message) = flag_message(&errors)
                && recorded["message"].as_str().is_some_and(|text| text.starts_with("invalid argument"))
            {
                expected["message"] = recorded["message"].clone();
                actual["message"] = message.into();
            }
            (expected, actual)
        }
    }
}

/// The kubelet stops at the first problem of a flag.
fn flag_message(errors: &ConfigErrors) -> Option<String> {
    errors.problems().iter().find_map(|problem| match problem {
        Problem::Flag(error) => Some(error.to_string()),
        _ => None,
    })
}

/// The kubelet's own form of a configuration does not say what it is.
fn without_type(mut config: Value) -> Value {
    if let Some(fields) = config.as_object_mut() {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    config
}
