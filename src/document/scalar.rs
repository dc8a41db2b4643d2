//! What a YAML scalar is: YAML 1.1 as go-yaml v2 reads it, which `sigs.k8s.io/yaml` (1.4 in Kubernetes 1.32) is
//! built on.

use super::{Number, Value};

/// A scalar, before it becomes a value or a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Integer(Number),
    Float(f64),
    String(String),
}

/// What a tag says of its scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScalarTag {
    /// None, and the scalar is plain; or `!`, which go-yaml takes for none even before a quoted scalar.
    Implicit,
    /// `!!str`, an unknown tag, or none before a scalar in quotes or a block.
    String,
    Bool,
    Integer,
    Float,
    Null,
    Binary,
}

impl ScalarTag {
    /// The tag `!!name`.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "bool" => Self::Bool,
            "int" => Self::Integer,
            "float" => Self::Float,
            "null" => Self::Null,
            "binary" => Self::Binary,
            _ => Self::String,
        }
    }

    /// Its name without `!!`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Implicit | Self::String => "str",
            Self::Bool => "bool",
            Self::Integer => "int",
            Self::Float => "float",
            Self::Null => "null",
            Self::Binary => "binary",
        }
    }
}

/// What a text is under a tag, or nothing if it is not what the tag says.
pub(super) fn resolve(tag: ScalarTag, text: &str) -> Option<Scalar> {
    if tag == ScalarTag::String {
        return Some(Scalar::String(text.into()));
    }
    let scalar = resolve_plain(text);
    match (tag, &scalar) {
        (ScalarTag::Implicit, _)
        | (ScalarTag::Bool, Scalar::Bool(_))
        | (ScalarTag::Integer, Scalar::Integer(_))
        | (ScalarTag::Float, Scalar::Float(_) | Scalar::Integer(_))
        | (ScalarTag::Null, Scalar::Null) => Some(scalar),
        _ => None,
    }
}

fn resolve_plain(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => {
            Scalar::Bool(true)
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => {
            Scalar::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => match text.as_bytes().first() {
            Some(b'0'..=b'9' | b'+' | b'-') => number(text),
            // Here Go's own rule holds for underscores: only between digits.
            Some(b'.') if underscores_between_digits(text) => float(&text.replace('_', "")),
            _ => None,
        }
        .unwrap_or_else(|| Scalar::String(text.into())),
    }
}

fn number(text: &str) -> Option<Scalar> {
    let stripped;
    let text = if text.contains('_') {
        stripped = text.replace('_', "");
        &stripped
    } else {
        text
    };
    integer(text).map(Scalar::Integer).or_else(|| float(text))
}

/// An integer as Go's literals have it: `0x`, `0o` and `0b` in either case, and a leading zero for octal.
fn integer(text: &str) -> Option<Number> {
    let (negative, signed, digits) = match text.as_bytes().first()? {
        b'-' => (true, true, text.get(1..)?),
        b'+' => (false, true, text.get(1..)?),
        _ => (false, false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, digits.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, digits.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, digits.get(2..)?),
        [b'0', _, ..] => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0i64.checked_sub_unsigned(magnitude).map(Number::Signed);
    }
    match Number::unsigned(magnitude) {
        // `strconv.ParseUint` takes no sign.
        Number::Unsigned(_) if signed => None,
        number => Some(number),
    }
}

/// A decimal number with at least one digit before its exponent. One too large for 64 bits is none.
fn float(text: &str) -> Option<Scalar> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let decimal = unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && unsigned
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    if !decimal {
        return None;
    }
    text.parse().ok().filter(|float: &f64| float.is_finite()).map(Scalar::Float)
}

fn underscores_between_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    (0..bytes.len()).filter(|&at| bytes[at] == b'_').all(|at| digit(at.checked_sub(1)) && digit(Some(at + 1)))
}

impl Scalar {
    /// As a value, unless it is infinite or not a number.
    ///
    /// Kubernetes prints a float as JSON before it reads it as a field, and a JSON number without a fraction is an
    /// integer; so here.
    pub(super) fn into_value(self) -> Option<Value> {
        Some(match self {
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(truth),
            Self::Integer(number) => Value::Number(number),
            Self::Float(float) if float.is_finite() => Value::Number(integral(float)),
            Self::Float(_) => return None,
            Self::String(text) => Value::String(text),
        })
    }

    /// As a key, unless it is null.
    pub(super) fn into_key(self) -> Option<String> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(truth) => truth.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Float(float) => float_key(float),
            Self::String(text) => text,
        })
    }
}

/// A float without a fraction as an integer, if 64 bits hold it.
fn integral(float: f64) -> Number {
    if float.fract() != 0.0 || float.abs() >= 2f64.powi(64) {
        return Number::Float(float);
    }
    // By way of its shortest digits, as in Kubernetes: 71154872565873264.0 is 71154872565873260.
    let digits = float.abs().to_string();
    let negative = float.is_sign_negative();
    match digits.parse::<u64>() {
        Ok(magnitude) if negative => {
            0i64.checked_sub_unsigned(magnitude).map_or(Number::Float(float), Number::Signed)
        }
        Ok(magnitude) => Number::unsigned(magnitude),
        Err(_) => Number::Float(float),
    }
}

/// How `sigs.k8s.io/yaml` spells a float that is a key: in single precision, with an exponent from a million on.
fn float_key(float: f64) -> String {
    #[allow(clippy::cast_possible_truncation)] // single precision is the rule
    let single = float as f32;
    if single.is_nan() {
        return ".nan".into();
    }
    if single.is_infinite() {
        return if single > 0.0 { ".inf".into() } else { "-.inf".into() };
    }
    let scientific = format!("{single:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if single != 0.0 && !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => single.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_are_what_kubernetes_takes_them_for() {
        let string = |text: &str| Scalar::String(text.into());
        let int = |number: i64| Scalar::Integer(Number::Signed(number));
        let table = [
            // Null.
            ("", Scalar::Null),
            ("~", Scalar::Null),
            ("null", Scalar::Null),
            ("Null", Scalar::Null),
            ("NULL", Scalar::Null),
            ("nULL", string("nULL")),
            ("nil", string("nil")),
            // Booleans, single letters among them.
            ("true", Scalar::Bool(true)),
            ("TRUE", Scalar::Bool(true)),
            ("tRue", string("tRue")),
            ("yes", Scalar::Bool(true)),
            ("Yes", Scalar::Bool(true)),
            ("on", Scalar::Bool(true)),
            ("ON", Scalar::Bool(true)),
            ("y", Scalar::Bool(true)),
            ("Y", Scalar::Bool(true)),
            ("n", Scalar::Bool(false)),
            ("No", Scalar::Bool(false)),
            ("off", Scalar::Bool(false)),
            ("oFF", string("oFF")),
            ("t", string("t")),
            // Integers.
            ("0", int(0)),
            ("-0", int(0)),
            ("+12", int(12)),
            ("-12", int(-12)),
            ("1_000", int(1000)),
            ("1__0_", int(10)),
            ("_1", string("_1")),
            ("0777", int(511)),
            ("-0777", int(-511)),
            ("0o777", int(511)),
            ("0O17", int(15)),
            ("0b101", int(5)),
            ("-0b101", int(-5)),
            ("0x1F", int(31)),
            ("0X_1f", int(31)),
            ("0x", string("0x")),
            ("0b2", string("0b2")),
            ("9223372036854775807", int(i64::MAX)),
            ("-9223372036854775808", int(i64::MIN)),
            ("18446744073709551615", Scalar::Integer(Number::Unsigned(u64::MAX))),
            ("18446744073709551616", Scalar::Float(18_446_744_073_709_551_616.0)),
            ("+18446744073709551615", Scalar::Float(18_446_744_073_709_551_615.0)),
            ("0xfffffffffffffffff", string("0xfffffffffffffffff")),
            // Floats.
            ("1.5", Scalar::Float(1.5)),
            ("1.", Scalar::Float(1.0)),
            (".5", Scalar::Float(0.5)),
            ("-.5", Scalar::Float(-0.5)),
            ("1e3", Scalar::Float(1000.0)),
            ("685.230_15e+03", Scalar::Float(685_230.15)),
            ("1.e+3", Scalar::Float(1000.0)),
            ("08", Scalar::Float(8.0)),
            (".5_0", Scalar::Float(0.5)),
            ("._5", string("._5")),
            (".5_", string(".5_")),
            (".", string(".")),
            ("..", string("..")),
            (".e1", string(".e1")),
            ("-", string("-")),
            ("1e", string("1e")),
            ("1e400", string("1e400")),
            ("1e-400", Scalar::Float(0.0)),
            ("0x1p4", string("0x1p4")),
            ("inf", string("inf")),
            ("+inf", string("+inf")),
            ("-nan", string("-nan")),
            (".inf", Scalar::Float(f64::INFINITY)),
            ("+.INF", Scalar::Float(f64::INFINITY)),
            ("-.Inf", Scalar::Float(f64::NEG_INFINITY)),
            // No base 60, no timestamps, no quantities.
            ("1:30", string("1:30")),
            ("190:20:30.15", string("190:20:30.15")),
            ("2024-01-01", string("2024-01-01")),
            ("2024-01-01T00:00:00Z", string("2024-01-01T00:00:00Z")),
            ("100m", string("100m")),
            ("1Gi", string("1Gi")),
            ("1-2", string("1-2")),
            ("1.2.3", string("1.2.3")),
            ("+-5", string("+-5")),
            ("0x-5", string("0x-5")),
        ];
        for (text, scalar) in table {
            assert_eq!(resolve(ScalarTag::Implicit, text), Some(scalar), "{text:?}");
        }
        assert!(matches!(resolve(ScalarTag::Implicit, ".NaN"), Some(Scalar::Float(nan)) if nan.is_nan()));
    }

    #[test]
    fn tags_are_obeyed_or_contradicted() {
        assert_eq!(resolve(ScalarTag::named("str"), "12"), Some(Scalar::String("12".into())));
        assert_eq!(resolve(ScalarTag::named("int"), "12"), Some(Scalar::Integer(Number::Signed(12))));
        assert_eq!(resolve(ScalarTag::named("int"), "1.0"), None);
        assert_eq!(resolve(ScalarTag::named("int"), "twelve"), None);
        assert_eq!(resolve(ScalarTag::named("float"), "12"), Some(Scalar::Integer(Number::Signed(12))));
        assert_eq!(resolve(ScalarTag::named("bool"), "on"), Some(Scalar::Bool(true)));
        assert_eq!(resolve(ScalarTag::named("null"), "0"), None);
        assert_eq!(
            resolve(ScalarTag::named("timestamp"), "2024-01-01"),
            Some(Scalar::String("2024-01-01".into()))
        );
    }

    #[test]
    fn whole_floats_are_integers() {
        let value = |text: &str| resolve(ScalarTag::Implicit, text).and_then(Scalar::into_value);
        for (text, number) in [
            ("1e3", Number::Signed(1000)),
            ("-1.0", Number::Signed(-1)),
            ("-0.0", Number::Signed(0)),
            ("1e19", Number::Unsigned(10_000_000_000_000_000_000)),
            ("71154872565873264.0", Number::Signed(71_154_872_565_873_260)),
            ("-1e19", Number::Float(-1e19)),
            ("1e20", Number::Float(1e20)),
            ("0.5", Number::Float(0.5)),
        ] {
            assert_eq!(value(text), Some(Value::Number(number)), "{text}");
        }
        assert_eq!(value(".inf"), None);
    }

    #[test]
    fn keys_become_strings() {
        let key = |text: &str| resolve(ScalarTag::Implicit, text).and_then(Scalar::into_key);
        for (text, expected) in [
            ("8080", "8080"),
            ("0x10", "16"),
            ("on", "true"),
            ("n", "false"),
            ("1.5", "1.5"),
            ("1.0", "1"),
            ("-0.0", "-0"),
            ("0.1", "0.1"),
            ("100000.0", "100000"),
            ("1e6", "1e+06"),
            ("1234567.0", "1.234567e+06"),
            ("16777217.0", "1.6777216e+07"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("1e36", "1e+36"),
            ("1e39", ".inf"),
            (".nan", ".nan"),
            ("-.inf", "-.inf"),
            ("text", "text"),
        ] {
            assert_eq!(key(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(key("~"), None);
    }
}
