//! Values as Go prints them in messages.

use std::fmt::{self, Write};

/// A string as `%q` prints it.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                '\u{7}' => f.write_str("\\a")?,
                '\u{8}' => f.write_str("\\b")?,
                '\u{c}' => f.write_str("\\f")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '\u{b}' => f.write_str("\\v")?,
                '\0'..'\u{20}' | '\u{7f}' => write!(f, "\\x{:02x}", u32::from(character))?,
                // Rust escapes what cannot be printed, as Go does, but for a quote.
                _ if character == '\'' || character.escape_debug().len() == 1 => f.write_char(character)?,
                '\u{80}'..'\u{10000}' => write!(f, "\\u{:04x}", u32::from(character))?,
                _ => write!(f, "\\U{:08x}", u32::from(character))?,
            }
        }
        f.write_char('"')
    }
}

/// Strings as `%q` prints a list of them.
pub(super) struct QuotedList<'a>(pub(super) &'a [&'a str]);

impl fmt::Display for QuotedList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('[')?;
        for (n, text) in self.0.iter().enumerate() {
            let space = if n == 0 { "" } else { " " };
            write!(f, "{space}{}", Quoted(text))?;
        }
        f.write_char(']')
    }
}

/// A number as `%v` prints it: without an exponent from 0.0001 to below 10²¹.
pub(super) struct Float(pub(super) f64);

impl fmt::Display for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_finite() {
            return match (self.0.is_nan(), self.0.is_sign_negative()) {
                (true, _) => f.write_str("NaN"),
                (_, true) => f.write_str("-Inf"),
                (_, false) => f.write_str("+Inf"),
            };
        }
        let scientific = format!("{:e}", self.0);
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        match exponent.parse::<i32>() {
            Ok(exponent @ (..-4 | 21..)) => {
                let sign = if exponent < 0 { '-' } else { '+' };
                write!(f, "{mantissa}e{sign}{:02}", exponent.unsigned_abs())
            }
            _ => write!(f, "{}", self.0),
        }
    }
}

/// Why text is no number, as `strconv.Atoi` says it.
pub(super) struct AtoiError<'a> {
    text: &'a str,
    out_of_range: bool,
}

impl fmt::Display for AtoiError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = if self.out_of_range { "value out of range" } else { "invalid syntax" };
        write!(f, "strconv.Atoi: parsing {}: {why}", Quoted(self.text))
    }
}

/// A whole number as Go reads one.
pub(super) fn atoi(text: &str) -> Result<i64, AtoiError<'_>> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.parse().map_err(|error: std::num::ParseIntError| AtoiError {
        text,
        out_of_range: matches!(error.kind(), PosOverflow | NegOverflow),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_as_go_does() {
        for (text, quoted) in [
            ("lög", r#""lög""#),
            ("a\"b\\c'd", r#""a\"b\\c'd""#),
            ("\u{7}\u{8}\u{c}\n\r\t\u{b}", r#""\a\b\f\n\r\t\v""#),
            ("\u{1}\u{7f}\u{85}\u{e000}\u{10ffff}", r#""\x01\x7f\u0085\ue000\U0010ffff""#),
        ] {
            assert_eq!(Quoted(text).to_string(), quoted);
        }
        assert_eq!(QuotedList(&["a", ""]).to_string(), r#"["a" ""]"#);
    }

    #[test]
    fn numbers_are_written_as_go_does() {
        for (number, text) in [
            (0.0, "0"),
            (-0.5, "-0.5"),
            (1.1, "1.1"),
            (0.0001, "0.0001"),
            (0.000_012_5, "1.25e-05"),
            (1e20, "100000000000000000000"),
            (-1e21, "-1e+21"),
            (1e-300, "1e-300"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(Float(number).to_string(), text);
        }
    }

    #[test]
    fn numbers_are_read_as_go_does() {
        assert!(matches!(atoi("+12"), Ok(12)));
        for (text, why) in [
            ("", "strconv.Atoi: parsing \"\": invalid syntax"),
            ("2-3", "strconv.Atoi: parsing \"2-3\": invalid syntax"),
            ("9223372036854775808", "strconv.Atoi: parsing \"9223372036854775808\": value out of range"),
        ] {
            assert_eq!(atoi(text).map_err(|error| error.to_string()), Err(why.to_owned()));
        }
    }
}
