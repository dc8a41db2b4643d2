//! The names of images.

use node_lifecycle::image::ImageReference;
use serde_json::{Value, json};

pub(crate) fn image_ref(input: &Value) -> Value {
    let text = input["image"].as_str().unwrap_or_default();
    match (text.parse::<ImageReference>(), ImageReference::with_default_tag(text)) {
        (Ok(image), Ok(with_default_tag)) => json!({
            "error": false,
            "repo": image.repository(),
            "tag": image.tag(),
            "digest": image.digest(),
            "withDefaultTag": with_default_tag,
        }),
        (Err(error), _) | (_, Err(error)) => json!({"error": true, "message": error.kubelet_message(text)}),
    }
}
