//! The order of Maven versions, by the rules of Maven's own "Version Order Specification".
//!
//! A version is a tree: `.` separates siblings, `-` and every change between digits and letters
//! open a deeper list, and a word that runs into a number (`rc1`, `rc-1`) is one item. Source:
//! <https://maven.apache.org/pom.html#version-order-specification>. Called by the Maven matcher.

use std::cmp::Ordering;

use super::{ParsedVersion, VersionError, bounded, compare_digits, malformed};

/// A Maven version.
#[derive(Clone, Debug)]
pub struct MavenVersion {
    items: Vec<Item>,
}

#[derive(Clone, Debug)]
enum Item {
    /// Digits without leading zeros; the empty text is zero.
    Number(Box<str>),
    Word(Qualifier),
    /// A word and the number it runs into.
    Numbered(Qualifier, Box<str>),
    List(Vec<Item>),
}

/// A word, by its meaning. The order of the variants is Maven's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Qualifier {
    Alpha,
    Beta,
    Milestone,
    Rc,
    Snapshot,
    Release,
    Sp,
    Other(Box<str>),
}

impl ParsedVersion for MavenVersion {
    fn parse(text: &str) -> Result<Self, VersionError> {
        if bounded(text)?.trim().is_empty() || text.contains(char::is_whitespace) {
            return Err(malformed("Maven", text));
        }
        // An unresolved property is a build's mistake, not a version.
        if text.contains("${") {
            return Err(malformed("Maven", text));
        }
        Ok(Self {
            items: VersionReader::default().read(&text.to_lowercase()),
        })
    }
}

impl Ord for MavenVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_lists(&self.items, &other.items)
    }
}

impl PartialOrd for MavenVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for MavenVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for MavenVersion {}

fn compare_lists(left: &[Item], right: &[Item]) -> Ordering {
    for at in 0..left.len().max(right.len()) {
        let order = match (left.get(at), right.get(at)) {
            (Some(a), Some(b)) => compare(a, b),
            (Some(a), None) => against_nothing(a),
            (None, Some(b)) => against_nothing(b).reverse(),
            (None, None) => Ordering::Equal,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

fn compare(left: &Item, right: &Item) -> Ordering {
    match (left, right) {
        (Item::Number(a), Item::Number(b)) => compare_digits(a, b),
        (Item::Number(_), _) => Ordering::Greater,
        (_, Item::Number(_)) => Ordering::Less,
        (Item::List(a), Item::List(b)) => compare_lists(a, b),
        (Item::List(a), b) => compare_list_with_word(a, b),
        (a, Item::List(b)) => compare_list_with_word(b, a).reverse(),
        (Item::Word(a), Item::Word(b)) => a.cmp(b),
        (Item::Numbered(a, x), Item::Numbered(b, y)) => a.cmp(b).then_with(|| compare_digits(x, y)),
        (Item::Numbered(a, x), Item::Word(b)) => compare_numbered_with_word(a, x, b),
        (Item::Word(a), Item::Numbered(b, y)) => compare_numbered_with_word(b, y, a).reverse(),
    }
}

/// A list against a single word: its first item decides, then whether anything of weight follows.
fn compare_list_with_word(list: &[Item], word: &Item) -> Ordering {
    let Some((first, rest)) = list.split_first() else {
        return against_nothing(word).reverse();
    };
    compare(first, word).then_with(|| compare_lists(rest, &[]))
}

fn compare_numbered_with_word(word: &Qualifier, number: &str, plain: &Qualifier) -> Ordering {
    word.cmp(plain).then_with(|| match word {
        Qualifier::Release => compare_digits(number, ""),
        _ => Ordering::Greater,
    })
}

fn against_nothing(item: &Item) -> Ordering {
    match item {
        Item::Number(digits) => compare_digits(digits, ""),
        Item::Word(word) => word.cmp(&Qualifier::Release),
        Item::Numbered(word, number) => word
            .cmp(&Qualifier::Release)
            .then_with(|| compare_digits(number, "")),
        Item::List(items) => compare_lists(items, &[]),
    }
}

/// Reads a lower-case text into nested lists; `open` holds the lists that are not closed yet, the
/// innermost last.
struct VersionReader {
    open: Vec<Vec<Item>>,
    /// The characters of the item that is being read.
    pending: String,
    is_digit: bool,
    is_numbered: bool,
}

impl Default for VersionReader {
    fn default() -> Self {
        Self {
            open: vec![Vec::new()],
            pending: String::new(),
            is_digit: false,
            is_numbered: false,
        }
    }
}

impl VersionReader {
    fn read(mut self, text: &str) -> Vec<Item> {
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            match c {
                '.' => self.dot(),
                '-' => self.hyphen(characters.peek().copied()),
                '0'..='9' => self.digit(c),
                _ => self.letter(c),
            }
        }
        if !self.pending.is_empty() {
            if !self.is_digit {
                self.deepen();
            }
            self.finish_item();
        }
        self.close()
    }

    fn dot(&mut self) {
        self.finish_item();
        self.is_numbered = false;
    }

    fn hyphen(&mut self, next: Option<char>) {
        let joins_number = next.is_some_and(|c| c.is_ascii_digit());
        if !self.pending.is_empty() && !self.is_digit && joins_number {
            self.is_numbered = true;
            return;
        }
        self.finish_item();
        self.deepen();
        self.is_numbered = false;
    }

    fn digit(&mut self, c: char) {
        if !self.is_digit && !self.pending.is_empty() {
            self.is_numbered = true;
            self.deepen();
        }
        self.is_digit = true;
        self.pending.push(c);
    }

    fn letter(&mut self, c: char) {
        if self.is_digit && !self.pending.is_empty() {
            self.finish_item();
            self.deepen();
            self.is_numbered = false;
        }
        self.is_digit = false;
        self.pending.push(c);
    }

    /// Ends the item that is being read; nothing between two separators counts as zero.
    fn finish_item(&mut self) {
        let text = std::mem::take(&mut self.pending);
        let item = item(&text, self.is_numbered, self.is_digit);
        if let Some(innermost) = self.open.last_mut() {
            innermost.push(item);
        }
    }

    /// Opens a list inside the innermost one, unless that one is still empty.
    fn deepen(&mut self) {
        if self.open.last().is_some_and(|list| !list.is_empty()) {
            self.open.push(Vec::new());
        }
    }

    fn close(mut self) -> Vec<Item> {
        let mut inner = normalized(self.open.pop().unwrap_or_default());
        while let Some(mut outer) = self.open.pop() {
            outer.push(Item::List(inner));
            inner = normalized(outer);
        }
        inner
    }
}

fn item(text: &str, is_numbered: bool, is_digit: bool) -> Item {
    if text.is_empty() {
        return Item::Number("".into());
    }
    if is_numbered {
        let start = text.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
        let (word, number) = text.split_at(start);
        return Item::Numbered(Qualifier::read(word, true), without_zeros(number));
    }
    if is_digit {
        return Item::Number(without_zeros(text));
    }
    Item::Word(Qualifier::read(text, false))
}

fn without_zeros(digits: &str) -> Box<str> {
    digits.trim_start_matches('0').into()
}

/// Drops what carries no weight: zeros and empty lists at the end, and zeros before a word.
fn normalized(mut items: Vec<Item>) -> Vec<Item> {
    for at in (0..items.len()).rev() {
        let is_null = match items.get(at) {
            Some(Item::Number(digits)) => digits.is_empty(),
            Some(Item::List(list)) => list.is_empty(),
            Some(Item::Word(_) | Item::Numbered(..)) | None => false,
        };
        let droppable = match items.get(at + 1) {
            None | Some(Item::Word(_)) => true,
            Some(Item::List(list)) => {
                matches!(list.first(), Some(Item::Word(_) | Item::Numbered(..)))
            }
            Some(Item::Number(_) | Item::Numbered(..)) => false,
        };
        if is_null && droppable {
            items.remove(at);
        }
    }
    match items.as_mut_slice() {
        [Item::List(only)] => std::mem::take(only),
        _ => items,
    }
}

impl Qualifier {
    fn read(word: &str, before_number: bool) -> Self {
        match word {
            "a" if before_number => Self::Alpha,
            "b" if before_number => Self::Beta,
            "m" if before_number => Self::Milestone,
            "alpha" => Self::Alpha,
            "beta" => Self::Beta,
            "milestone" => Self::Milestone,
            "rc" | "cr" => Self::Rc,
            "snapshot" => Self::Snapshot,
            "" | "ga" | "final" | "release" => Self::Release,
            "sp" => Self::Sp,
            other => Self::Other(other.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::laws;
    use proptest::prelude::*;

    const ORDERED: &[&str] = &[
        "1-alpha2 < 1-alpha-3 < 1-beta < 1-milestone-1 < 1-rc < 1-snapshot < 1 < 1-sp < 1-foo < 1-1 < 1.1",
        "1 = 1.0 = 1.0.0 = 1-ga = 1-final = 1.release = 1-0",
        "1.0.RC1 < 1.0-RC2 < 1.0.RC3 < 1.0-SNAPSHOT < 1.0 < 1.0.1",
        "1.0.RC2 < 1.0-RC3 < 1.0.1",
        "2.0-a1 = 2.0-alpha-1 = 2.0alpha1",
        "1-a1 < 1-b1 < 1-m1 < 1-cr1 < 1-rc2 < 1",
        "2.14.1 < 2.15.0 < 2.100.0",
        "1.9999999999 < 1.99999999999999999999 < 1.100000000000000000000",
        "4.1.42.Final = 4.1.42 < 4.1.43.Final",
        "20030211.134440 < 20040616",
        "1.0-20240101.120000-1 < 1.0-20240102.120000-1",
        "32.0.0-android < 32.0.0-jre < 32.0.1-android",
        "1-foo2 < 1-foo10",
    ];

    #[test]
    fn orders_the_table() {
        laws::check_table::<MavenVersion>(ORDERED);
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in ["", " ", "1 2", "${project.version}", &"1.".repeat(200)] {
            assert!(MavenVersion::parse(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in TEXT, b in TEXT, c in TEXT) {
            laws::check_total_order::<MavenVersion>(&a, &b, &c)?;
        }

        #[test]
        fn never_panics(text in "[-.0-9a-zA-Z_+é]{0,40}") {
            let _ = MavenVersion::parse(&text).map(|version| version.cmp(&version));
        }
    }

    const TEXT: &str = "[0-2](\\.[0-2]){0,2}(-(alpha|rc|sp|snapshot|foo)(-?[0-2])?)?";
}
