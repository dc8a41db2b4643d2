//! Compares a recorded answer with the library's, as the schema says.

use serde_json::Value;

/// What differs, as `path: expected … got …`. Absent, `null`, `""`, `{}` and `[]` are the same, but for a
/// waiting state without a reason, which is not the same as no state.
pub(crate) fn differences(expected: &Value, actual: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(&mut String::new(), &normalised(expected), &normalised(actual), &mut found);
    found
}

fn normalised(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, value)| (key.clone(), normalised(value)))
                .filter(|(key, value)| key == "waiting" || !is_nothing(value))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(normalised).collect()),
        other => other.clone(),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn compare(path: &mut String, expected: &Value, actual: &Value, found: &mut Vec<String>) {
    let length = path.len();
    match (expected, actual) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                path.push('.');
                path.push_str(key);
                let side = |fields: &serde_json::Map<_, _>| fields.get(key).cloned().unwrap_or_default();
                compare(path, &side(a), &side(b), found);
                path.truncate(length);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (n, (a, b)) in a.iter().zip(b).enumerate() {
                path.push_str(&format!("[{n}]"));
                compare(path, a, b, found);
                path.truncate(length);
            }
        }
        (a, b) if a == b => {}
        // Go writes 1 where serde_json writes 1.0.
        (Value::Number(a), Value::Number(b)) if (a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64() => {}
        (a, b) => found.push(format!("{path}: expected {a} got {b}")),
    }
}
