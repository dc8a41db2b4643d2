//! JSON as RFC 8259 has it, with positions.

use super::error::ReadError;
use super::node::Duplicates;
use super::{Document, Entry, MAX_DEPTH, Mapping, Node, Number, Position, Value};

/// Adds the documents of a text to those that are there, for as long as it can be read.
pub(super) fn read(
    text: &str,
    duplicates: &mut Duplicates,
    documents: &mut Vec<Document>,
) -> Result<(), ReadError> {
    let mut reader = Reader::new(text, duplicates);
    reader.skip_blanks();
    while reader.peek().is_some() {
        let root = reader.value(0)?;
        if reader.peek().is_some_and(continues_a_word) {
            return Err(reader.unexpected("a space before the next value"));
        }
        documents.push(Document::new(documents.len() + 1, root));
        reader.skip_blanks();
    }
    Ok(())
}

/// After `1` or `true` at the top, what would look like more of it.
fn continues_a_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.' | b'_')
}

struct Reader<'a> {
    text: &'a str,
    duplicates: &'a mut Duplicates,
    /// The next byte to read.
    at: usize,
    /// The last byte whose position was asked for, and that position. Moves forward only, so that all positions
    /// together cost one walk through the text.
    marked: usize,
    mark: Position,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, duplicates: &'a mut Duplicates) -> Self {
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text, duplicates, at, marked: at, mark: Position::default() }
    }

    fn value(&mut self, depth: usize) -> Result<Node, ReadError> {
        let position = self.position();
        let value = match self.peek() {
            Some(b'{' | b'[') if depth == MAX_DEPTH => return Err(ReadError::TooDeep { position }),
            Some(b'{') => self.object(depth + 1)?,
            Some(b'[') => self.array(depth + 1)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            _ if self.take("null") => Value::Null,
            _ if self.take("true") => Value::Bool(true),
            _ if self.take("false") => Value::Bool(false),
            _ => return Err(self.unexpected("a JSON value")),
        };
        Ok(Node::new(value, position))
    }

    fn array(&mut self, depth: usize) -> Result<Value, ReadError> {
        let mut nodes = Vec::new();
        self.at += 1;
        self.skip_blanks();
        if self.take("]") {
            return Ok(Value::Sequence(nodes));
        }
        loop {
            nodes.push(self.value(depth)?);
            self.skip_blanks();
            if self.take("]") {
                return Ok(Value::Sequence(nodes));
            }
            if !self.take(",") {
                return Err(self.unexpected("`,` or `]`"));
            }
            self.skip_blanks();
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, ReadError> {
        let mut entries = Vec::new();
        self.at += 1;
        self.skip_blanks();
        if self.take("}") {
            return Ok(Value::Mapping(Mapping::default()));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let position = self.position();
            let key = self.string()?;
            self.skip_blanks();
            if !self.take(":") {
                return Err(self.unexpected("`:`"));
            }
            self.skip_blanks();
            entries.push(Entry::new(key, position, self.value(depth)?));
            self.skip_blanks();
            if self.take("}") {
                return Mapping::new(entries, self.duplicates).map(Value::Mapping);
            }
            if !self.take(",") {
                return Err(self.unexpected("`,` or `}`"));
            }
            self.skip_blanks();
        }
    }

    fn string(&mut self) -> Result<String, ReadError> {
        let mut string = String::new();
        self.at += 1;
        loop {
            let run = self.rest().bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
            let run = run.unwrap_or(self.rest().len());
            string.push_str(self.rest().get(..run).unwrap_or_default());
            self.at += run;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => string.push(self.escape()?),
                Some(_) => return Err(self.syntax("a control character in a string; escape it")),
                None => return Err(self.unexpected("the closing `\"` of a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ReadError> {
        let start = self.at;
        self.at += 1;
        let byte = self.peek();
        self.at += 1;
        let escaped = match byte {
            Some(b'"') => Some('"'),
            Some(b'\\') => Some('\\'),
            Some(b'/') => Some('/'),
            Some(b'b') => Some('\u{8}'),
            Some(b'f') => Some('\u{c}'),
            Some(b'n') => Some('\n'),
            Some(b'r') => Some('\r'),
            Some(b't') => Some('\t'),
            Some(b'u') => match self.hex4() {
                Some(high @ 0xd800..0xdc00) => match self.take("\\u").then(|| self.hex4()).flatten() {
                    Some(low @ 0xdc00..0xe000) => {
                        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
                    }
                    _ => None,
                },
                Some(code) => char::from_u32(code),
                None => None,
            },
            _ => None,
        };
        escaped.ok_or_else(|| {
            self.at = start;
            self.syntax("an escape that JSON does not have, or half of a surrogate pair")
        })
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn number(&mut self) -> Result<Number, ReadError> {
        let start = self.at;
        self.take("-");
        if !self.take("0") {
            self.digits()?;
        } else if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.syntax("a number with a leading zero"));
        }
        let whole = self.at;
        if self.take(".") {
            self.digits()?;
        }
        if self.take("e") || self.take("E") {
            let _signed = self.take("+") || self.take("-");
            self.digits()?;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if whole == self.at {
            if let Ok(number) = text.parse() {
                return Ok(Number::Signed(number));
            }
            if let Ok(number) = text.parse() {
                return Ok(Number::Unsigned(number));
            }
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Number::Float(number)),
            _ => {
                self.at = start;
                Err(self.syntax("a number too large for 64 bits"))
            }
        }
    }

    fn digits(&mut self) -> Result<(), ReadError> {
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Err(self.unexpected("a digit"));
        }
        self.at += digits;
        Ok(())
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, expected: &str) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.at += expected.len();
        }
        found
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn position(&mut self) -> Position {
        let bytes = self.text.as_bytes();
        let end = self.at.min(bytes.len());
        while self.marked < end {
            let byte = bytes.get(self.marked).copied().unwrap_or_default();
            self.marked += 1;
            if byte == b'\n' || (byte == b'\r' && bytes.get(self.marked) != Some(&b'\n')) {
                self.mark.line = self.mark.line.saturating_add(1);
                self.mark.column = 1;
            } else if byte & 0b1100_0000 != 0b1000_0000 {
                self.mark.column = self.mark.column.saturating_add(1);
            }
        }
        self.mark
    }

    fn unexpected(&mut self, expected: &str) -> ReadError {
        let message = match self.rest().chars().next() {
            Some(found) => format!("expected {expected}, found {found:?}"),
            None => format!("expected {expected}, found the end of the text"),
        };
        self.syntax(&message)
    }

    fn syntax(&mut self, message: &str) -> ReadError {
        ReadError::Syntax { position: self.position(), message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_json as read;
    use super::*;

    fn one(text: &str) -> Node {
        let mut documents = read(text).unwrap();
        assert_eq!(documents.len(), 1, "{text}");
        documents.remove(0).into_root()
    }

    #[test]
    fn values_and_positions() {
        let node = one("\u{feff}{\r\n  \"é\": [1, -2.5e3],\n\t\"b\": \"\\ud83d\\ude00\\n\" }");
        assert_eq!(node.position(), Position { line: 1, column: 1 });
        let items = node.get("é").unwrap().as_sequence().unwrap();
        assert_eq!(items[0].position(), Position { line: 2, column: 9 });
        assert_eq!(items[1].as_number(), Some(Number::Float(-2500.0)));
        let entry = node.as_mapping().unwrap().entry("b").unwrap();
        assert_eq!(entry.position(), Position { line: 3, column: 2 });
        assert_eq!(entry.node().as_str(), Some("\u{1f600}\n"));
        assert_eq!(one("18446744073709551615").as_number(), Some(Number::Unsigned(u64::MAX)));
        assert_eq!(one("-0").as_number(), Some(Number::Signed(0)));
    }

    #[test]
    fn values_one_after_the_other() {
        let documents = read("{}[]\n 1 \"x\" null").unwrap();
        assert_eq!(documents.iter().map(Document::number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert_eq!(read(" \n").unwrap(), []);
    }

    #[test]
    fn strictness() {
        for (text, expected) in [
            ("{\"a\":1,}", "1:8: expected a key in double quotes, found '}'"),
            ("[1,]", "1:4: expected a JSON value, found ']'"),
            ("[1 2]", "1:4: expected `,` or `]`, found '2'"),
            ("{\"a\" 1}", "1:6: expected `:`, found '1'"),
            ("{\"a\":\n\"b", "2:3: expected the closing `\"` of a string, found the end of the text"),
            ("01", "1:2: a number with a leading zero"),
            ("1.", "1:3: expected a digit, found the end of the text"),
            ("+1", "1:1: expected a JSON value, found '+'"),
            ("truefalse", "1:5: expected a space before the next value, found 'f'"),
            ("1e999", "1:1: a number too large for 64 bits"),
            ("[\"\t\"]", "1:3: a control character in a string; escape it"),
            ("\"\\ud800\"", "1:2: an escape that JSON does not have, or half of a surrogate pair"),
            ("\"\\u+123\"", "1:2: an escape that JSON does not have, or half of a surrogate pair"),
            ("// x", "1:1: expected a JSON value, found '/'"),
            ("{\"a\":1,\n \"a\":2}", "2:2: the key \"a\" is already set at 1:2; keep one of the two"),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&nested(MAX_DEPTH)).is_ok());
        assert!(matches!(read(&nested(MAX_DEPTH + 1)), Err(ReadError::TooDeep { .. })));
        assert!(matches!(read(&"[{\"a\":".repeat(1 << 20)), Err(ReadError::TooDeep { .. })));
    }

    #[test]
    fn the_first_repetition_among_many_keys_is_named() {
        let mut keys: Vec<String> = (0..100).map(|i| format!("\"k{i}\": {i}")).collect();
        keys.insert(60, "\"k40\": 0".into());
        keys.push("\"k1\": 0".into());
        let error = read(&format!("{{{}}}", keys.join(",\n"))).unwrap_err();
        let ReadError::DuplicateKey { key, position, first } = error else { panic!("{error}") };
        assert_eq!((key.as_str(), position.line, first.line), ("k40", 61, 41));
    }
}
