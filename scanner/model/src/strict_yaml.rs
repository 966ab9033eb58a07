//! YAML as a tree that knows where every value stands, so that all mistakes of a file are told at
//! once, each with its line and column.
//!
//! Policy and configuration files are read through it. Duplicate keys, unknown tags and documents
//! over the budget are refused; a key that no reader asked for is a mistake. It reads text only,
//! never a file.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// Longest text accepted, in bytes. A thousand exceptions take about 300 KB.
pub const MAX_TEXT_BYTES: usize = 4 * 1024 * 1024;

/// Deepest nesting accepted, in levels. Our own documents need six.
const MAX_DEPTH: usize = 32;

/// Most mappings, lists and scalars accepted in one text, aliases expanded.
const MAX_NODES: usize = 200_000;

/// Something wrong in a file, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The line, from 1; 0 where the whole file is meant.
    pub line: u64,
    /// The column, from 1; 0 where the whole file is meant.
    pub column: u64,
    /// What is wrong, and what was wanted.
    pub message: String,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
    /// What stands there.
    pub value: Value,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the file's order.
    Map(Vec<(Node, Node)>),
}

/// Reads all documents of a text; an empty document is a [`Value::Null`].
pub fn parse(text: &str) -> Result<Vec<Node>, Mistake> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(Mistake {
            line: 0,
            column: 0,
            message: format!("the file is longer than {MAX_TEXT_BYTES} bytes"),
        });
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: MAX_NODES * 3,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_NODES,
        },
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let (line, column) = error
            .location()
            .map_or((0, 0), |place| (place.line(), place.column()));
        Mistake {
            line,
            column,
            message: one_line(&error.to_string()),
        }
    })
}

impl Node {
    /// Says that something is wrong here.
    pub fn mistake(&self, message: impl Into<String>) -> Mistake {
        Mistake {
            line: self.line,
            column: self.column,
            message: message.into(),
        }
    }

    /// Says that `wanted` should stand here and does not.
    pub fn wanted(&self, wanted: &str) -> Mistake {
        self.mistake(format!("wanted {wanted}, got {}", self.shown()))
    }

    /// Gives the text here.
    pub fn text(&self) -> Result<&str, Mistake> {
        match &self.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.wanted("text")),
        }
    }

    /// Gives the truth value here.
    pub fn bool(&self) -> Result<bool, Mistake> {
        match self.value {
            Value::Bool(value) => Ok(value),
            _ => Err(self.wanted("true or false")),
        }
    }

    /// Gives the number here.
    pub fn number(&self) -> Result<f64, Mistake> {
        match self.value {
            Value::Float(value) => Ok(value),
            // Whole numbers in our files are small; 2^53 and above would lose their last digits.
            Value::Integer(value) => Ok(value as f64),
            _ => Err(self.wanted("a number")),
        }
    }

    /// Gives the items here.
    pub fn list(&self) -> Result<&[Self], Mistake> {
        match &self.value {
            Value::List(items) => Ok(items),
            _ => Err(self.wanted("a list")),
        }
    }

    /// Gives the entries here.
    pub fn entries(&self) -> Result<&[(Self, Self)], Mistake> {
        match &self.value {
            Value::Map(entries) => Ok(entries),
            _ => Err(self.wanted("a mapping")),
        }
    }

    /// Parses the text here; `wanted` describes what is right.
    pub fn parsed<T: std::str::FromStr>(&self, wanted: &str) -> Result<T, Mistake> {
        match &self.value {
            Value::Text(text) => text.parse().map_err(|_| self.wanted(wanted)),
            _ => Err(self.wanted(wanted)),
        }
    }

    fn shown(&self) -> String {
        match &self.value {
            Value::Null => "nothing".into(),
            Value::Bool(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Text(text) => format!("{:?}", text.chars().take(80).collect::<String>()),
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a mapping".into(),
        }
    }
}

/// The keys of one mapping; each is asked for once, and what nobody asked for is a mistake.
#[derive(Debug)]
pub struct Fields<'a> {
    node: &'a Node,
    entries: &'a [(Node, Node)],
    known: Vec<&'static str>,
    rejected: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Opens a mapping.
    pub fn of(node: &'a Node) -> Result<Self, Mistake> {
        Ok(Self {
            node,
            entries: node.entries()?,
            known: Vec::new(),
            rejected: Vec::new(),
        })
    }

    /// Gives the value of `key`, where it is present and not null.
    pub fn take(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        self.entries
            .iter()
            .find(|(name, _)| name.value == Value::Text(key.into()))
            .map(|(_, value)| value)
            .filter(|value| value.value != Value::Null)
    }

    /// Gives the value of `key`, which must be there.
    pub fn require(&mut self, key: &'static str) -> Result<&'a Node, Mistake> {
        self.take(key)
            .ok_or_else(|| self.node.mistake(format!("{key:?} is missing")))
    }

    /// Reports `key`, where it is present, with a reason of its own.
    pub fn reject(&mut self, key: &'static str, reason: &str, mistakes: &mut Vec<Mistake>) {
        self.rejected.push(key);
        let found = self.entries.iter().map(|(name, _)| name);
        let found = found.filter(|name| name.value == Value::Text(key.into()));
        mistakes.extend(found.map(|name| name.mistake(format!("{key}: {reason}"))));
    }

    /// Reports every key that was not asked for.
    pub fn finish(self, mistakes: &mut Vec<Mistake>) {
        for (name, _) in self.entries {
            let known = match &name.value {
                Value::Text(text) => {
                    let text = text.as_str();
                    self.known.contains(&text) || self.rejected.contains(&text)
                }
                _ => false,
            };
            if !known {
                mistakes.push(name.mistake(format!(
                    "unknown key {}, wanted one of {}",
                    name.shown(),
                    self.known.join(", ")
                )));
            }
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self {
            line: spanned.referenced.line(),
            column: spanned.referenced.column(),
            value: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        i64::try_from(value)
            .map(Value::Integer)
            .map_err(|_| E::custom(format_args!("number {value} is out of range")))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Node {
        parse(text).unwrap().remove(0)
    }

    #[test]
    fn knows_where_every_key_and_value_stands() {
        let node = one("a: 1\nb:\n  - x\n  - {c: true, d: 1.5, e: null, f: 2027-01-31}\n");
        let entries = node.entries().unwrap();
        let (key, list) = &entries[1];
        assert_eq!((key.line, key.column), (2, 1));
        let item = &list.list().unwrap()[1];
        let (key, value) = &item.entries().unwrap()[1];
        assert_eq!((key.line, key.column), (4, 15));
        assert_eq!((value.line, value.column), (4, 18));
        assert_eq!(value.number(), Ok(1.5));
        let date = &item.entries().unwrap()[3].1;
        assert_eq!(date.text(), Ok("2027-01-31"));
    }

    #[test]
    fn names_every_key_that_nobody_asked_for() {
        let node = one("good: 1\nbda: 2\n7: 3\n");
        let mut fields = Fields::of(&node).unwrap();
        assert!(fields.take("good").is_some());
        assert!(fields.require("bad").is_err());
        let mut mistakes = Vec::new();
        fields.finish(&mut mistakes);
        assert_eq!(
            mistakes[0],
            Mistake {
                line: 2,
                column: 1,
                message: "unknown key \"bda\", wanted one of good, bad".into()
            }
        );
        assert_eq!((mistakes.len(), mistakes[1].line), (2, 3));
    }

    #[test]
    fn refuses_what_could_be_read_in_two_ways_or_without_end() {
        let duplicate = parse("a: 1\nb: 2\na: 3\n").unwrap_err();
        assert_eq!((duplicate.line, duplicate.column), (3, 1), "{duplicate:?}");
        assert!(parse("a: [1\n").is_err());
        assert!(parse("a: !python/object x\n").is_err());
        assert!(parse(&"[".repeat(100)).is_err());
        assert!(parse(&"x".repeat(MAX_TEXT_BYTES + 1)).is_err());
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..10 {
            let alias = format!("*a{},", level - 1).repeat(10);
            bomb = [bomb, format!("a{level}: &a{level} [{alias}]\n")].concat();
        }
        assert!(parse(&bomb).is_err());
    }

    #[test]
    fn reads_many_documents() {
        let documents = parse("---\na: 1\n---\n---\nb: 2\n").unwrap();
        assert!(documents.iter().any(|node| node.line == 5), "{documents:?}");
    }
}
