//! Quantities: reading, printing, rounding, comparing and adding.

use std::cmp::Ordering;

use node_lifecycle::api::{Format, ParseQuantityError, Quantity};
use serde_json::{Map, Value, json};

/// What was recorded and what the library says, both without what the schema says not to compare: the text of
/// an error, and integers that the recording marks as inexact.
pub(crate) fn quantity(input: &Value, expected: &Value) -> (Value, Value) {
    let text = input["string"].as_str().unwrap_or_default();
    let mut actual = answer(text).unwrap_or_else(|_| error());
    if expected.get("error").is_some() {
        return (Value::Object(error()), Value::Object(actual));
    }
    let mut expected = expected.as_object().cloned().unwrap_or_default();
    for (field, exact) in [("value", "valueExact"), ("milliValue", "milliValueExact")] {
        if expected.remove(exact) == Some(Value::Bool(false)) {
            expected.remove(field);
            actual.remove(field);
        }
    }
    (Value::Object(expected), Value::Object(actual))
}

fn error() -> Map<String, Value> {
    Map::from_iter([("error".to_owned(), Value::Bool(true))])
}

fn answer(text: &str) -> Result<Map<String, Value>, ParseQuantityError> {
    let quantity = Quantity::parse(text)?;
    let canonical = quantity.to_kubelet_string();
    let fraction = Quantity::parse("1500m")?;
    let gibibyte = Quantity::parse("1Gi")?;
    let fields = [
        ("string", json!(Quantity::kubelet_text(text)?)),
        ("canonicalExact", json!(Quantity::parse(&canonical).is_ok_and(|again| again == quantity))),
        ("canonical", json!(canonical)),
        ("format", json!(name(quantity.format()))),
        ("value", json!(quantity.value().ok())),
        ("milliValue", json!(quantity.milli_value().ok())),
        ("sign", json!(quantity.signum())),
        ("isZero", json!(quantity.is_zero())),
        ("cmp1500m", json!(number(quantity.cmp(&fraction)))),
        ("plus1500m", json!((&quantity + &fraction).to_kubelet_string())),
        ("oneGiMinus", json!((&gibibyte - &quantity).to_kubelet_string())),
    ];
    Ok(fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect())
}

fn name(format: Format) -> &'static str {
    match format {
        Format::DecimalSi => "DecimalSI",
        Format::BinarySi => "BinarySI",
        Format::DecimalExponent => "DecimalExponent",
    }
}

fn number(order: Ordering) -> i32 {
    match order {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }
}
