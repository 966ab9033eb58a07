//! JSON as the same tree that YAML is read to: every value knows where it stands, so that a mistake in
//! a document of somebody else is told with its line and column.
//!
//! Duplicate keys, excess depth and trailing text are refused. It reads text only, never a file.

use std::collections::HashSet;

use crate::strict_yaml::{Mistake, Node, Value};

/// Deepest nesting accepted, in levels. Trees of products in advisories take about twenty.
const MAX_DEPTH: usize = 100;
/// Most keys and values accepted in one text. Each takes about 50 bytes while it is read.
const MAX_NODES: usize = 500_000;

/// Reads a text of at most so many bytes that is one value.
pub fn parse(text: &str, most_bytes: usize) -> Result<Node, Mistake> {
    if text.len() > most_bytes {
        return Err(Mistake {
            line: 1,
            column: 1,
            message: format!("the file is longer than {most_bytes} bytes"),
        });
    }
    let mut reader = Reader {
        text,
        at: 0,
        counted: 0,
        line: 1,
        column: 1,
        nodes: 0,
    };
    let node = reader.value(0)?;
    reader.skip_space();
    if reader.peek().is_some() {
        return Err(reader.mistake("wanted the end of the file"));
    }
    Ok(node)
}

/// A text and how far it is read.
struct Reader<'a> {
    text: &'a str,
    /// The next byte.
    at: usize,
    /// The byte up to which lines and columns are counted.
    counted: usize,
    line: u64,
    column: u64,
    nodes: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Counts lines and columns up to the next byte.
    fn count(&mut self) {
        let passed = self.text.get(self.counted..self.at).unwrap_or_default();
        for c in passed.chars() {
            if c == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.counted = self.at;
    }

    fn mistake(&mut self, message: impl Into<String>) -> Mistake {
        self.count();
        Mistake {
            line: self.line,
            column: self.column,
            message: message.into(),
        }
    }

    /// Begins a value here.
    fn node(&mut self) -> Result<Node, Mistake> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.mistake(format!("more than {MAX_NODES} keys and values")));
        }
        self.count();
        Ok(Node {
            line: self.line,
            column: self.column,
            value: Value::Null,
        })
    }

    fn value(&mut self, depth: usize) -> Result<Node, Mistake> {
        self.skip_space();
        if depth > MAX_DEPTH {
            return Err(self.mistake(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let mut node = self.node()?;
        node.value = match self.peek() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(node)
    }

    fn map(&mut self, depth: usize) -> Result<Value, Mistake> {
        let mut entries: Vec<(Node, Node)> = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.take(b'}') {
            return Ok(Value::Map(entries));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.mistake("wanted a key in quotes"));
            }
            let mut key = self.node()?;
            key.value = Value::Text(self.string()?);
            self.skip_space();
            if !self.take(b':') {
                return Err(self.mistake("wanted \":\""));
            }
            let value = self.value(depth + 1)?;
            entries.push((key, value));
            self.skip_space();
            if self.take(b'}') {
                return once_each(entries);
            }
            if !self.take(b',') {
                return Err(self.mistake("wanted \",\" or \"}\""));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, Mistake> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.take(b']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take(b']') {
                return Ok(Value::List(items));
            }
            if !self.take(b',') {
                return Err(self.mistake("wanted \",\" or \"]\""));
            }
        }
    }

    fn take(&mut self, wanted: u8) -> bool {
        let is_there = self.peek() == Some(wanted);
        self.at += usize::from(is_there);
        is_there
    }

    fn word(&mut self) -> Result<Value, Mistake> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let words = [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
        ];
        for (word, value) in words {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.mistake("wanted a value"))
    }

    fn number(&mut self) -> Result<Value, Mistake> {
        let begun = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        let mut is_whole = true;
        if self.take(b'.') {
            is_whole = false;
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            is_whole = false;
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let text = self.text.get(begun..self.at).unwrap_or_default();
        let whole = text.parse().ok().filter(|_| is_whole);
        let float = || text.parse().ok().filter(|it: &f64| it.is_finite());
        whole
            .map(Value::Integer)
            .or_else(|| float().map(Value::Float))
            .ok_or_else(|| self.mistake("the number is out of range"))
    }

    fn digits(&mut self) -> Result<(), Mistake> {
        let begun = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == begun {
            return Err(self.mistake("wanted a digit"));
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, Mistake> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
            let plain = rest.bytes().position(|byte| is_special(&byte));
            let plain = plain.unwrap_or(rest.len());
            text.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escaped()?),
                Some(_) => return Err(self.mistake("a text holds a character that is not escaped")),
                None => return Err(self.mistake("a text has no end")),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, Mistake> {
        self.at += 1;
        let character = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.mistake("no such escape")),
        };
        self.at += 1;
        Ok(character)
    }

    /// Reads `uXXXX`, or two of them where the first is half of a pair.
    fn unicode(&mut self) -> Result<char, Mistake> {
        self.at += 1;
        let first = self.four_digits()?;
        let is_second = |unit: &u16| (0xdc00..0xe000).contains(unit);
        let mut units = vec![first];
        if (0xd800..0xdc00).contains(&first) && self.take(b'\\') && self.take(b'u') {
            units.extend(Some(self.four_digits()?).filter(is_second));
        }
        let mut read = char::decode_utf16(units);
        match read.next() {
            Some(Ok(character)) if read.next().is_none() => Ok(character),
            _ => Err(self.mistake("half of a pair of escapes")),
        }
    }

    fn four_digits(&mut self) -> Result<u16, Mistake> {
        let digits = self.text.get(self.at..self.at + 4).unwrap_or_default();
        let is_hex = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u16::from_str_radix(digits, 16) {
            Ok(unit) if is_hex => {
                self.at += 4;
                Ok(unit)
            }
            _ => Err(self.mistake("wanted four hexadecimal digits")),
        }
    }
}

/// Refuses a key that stands twice: of two readers each could believe another one.
fn once_each(entries: Vec<(Node, Node)>) -> Result<Value, Mistake> {
    let mut seen = HashSet::with_capacity(entries.len());
    for (key, _) in &entries {
        let text = key.text().unwrap_or_default();
        if !seen.insert(text) {
            let shown: String = text.chars().take(80).collect();
            return Err(key.mistake(format!("duplicate key {shown:?}")));
        }
    }
    Ok(Value::Map(entries))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Node, Mistake> {
        parse(text, 1_000_000)
    }

    /// Gives a tree as serde's.
    fn plain(node: &Node) -> serde_json::Value {
        match &node.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(plain).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|(key, value)| (key.text().unwrap().to_owned(), plain(value)))
                .collect(),
        }
    }

    #[test]
    fn knows_where_every_key_and_value_stands() {
        let node =
            read("{\"é\": 1,\n\t\"b\": [true,\n  {\"c\": \"\\u00e9\\ud83d\\ude00\"}]}\n").unwrap();
        let entries = node.entries().unwrap();
        assert_eq!((entries[0].1.line, entries[0].1.column), (1, 7));
        let (key, list) = &entries[1];
        assert_eq!((key.line, key.column), (2, 2));
        let (key, value) = &list.list().unwrap()[1].entries().unwrap()[0];
        assert_eq!((key.line, key.column), (3, 4));
        assert_eq!(value.text(), Ok("é😀"));
    }

    #[test]
    fn refuses_with_a_place_what_is_no_json_or_could_be_read_in_two_ways() {
        for (text, line, column) in [
            ("", 1, 1),
            ("{\"a\": 1,\n \"\\u0061\": 2}", 2, 2),
            ("{} {}", 1, 4),
            ("[1,]", 1, 4),
            ("{\"a\":}", 1, 6),
            ("{a: 1}", 1, 2),
            ("[01]", 1, 3),
            ("[1.]", 1, 4),
            ("[1e999]", 1, 7),
            ("[nul]", 1, 2),
            ("\"\n\"", 1, 2),
            ("\"x", 1, 3),
            ("\"\\ud83d\"", 1, 8),
            ("\"\\ud83d\\u0041\"", 1, 14),
            ("\"\\u+123\"", 1, 4),
            ("\u{feff}{}", 1, 1),
        ] {
            let mistake = read(text).unwrap_err();
            assert_eq!(
                (mistake.line, mistake.column),
                (line, column),
                "{text}: {mistake:?}"
            );
        }
        assert!(read(&("[".repeat(200) + &"]".repeat(200))).is_err());
        assert!(read(&format!("[{}1]", "1,".repeat(MAX_NODES))).is_err());
        assert!(parse("[1, 2]", 3).is_err());
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_others_read(text in "[\\[\\]{},: \n\"\\\\ubn0-9eE.+-]{0,24}|\"\\PC{0,12}\"") {
            let others = serde_json::from_str::<serde_json::Value>(&text);
            match read(&text) {
                Ok(node) => prop_assert_eq!(plain(&node), others.unwrap()),
                // Others take the last of equal keys.
                Err(mistake) => prop_assert!(others.is_err() || mistake.message.contains("duplicate")),
            }
        }
    }
}
