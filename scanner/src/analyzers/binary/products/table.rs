//! The products and where they keep their versions: the program's own table, or a newer one from a file.
//!
//! *Shape* of the file, in JSON: `{"format": 1, "of": "2026-11-28", "products": [{"name": "nginx",
//! "anchor": "nginx version: nginx/", "place": "near", "version": "\\x00nginx version:
//! nginx/(1\\.\\d+\\.\\d+)"}]}`. It replaces the whole table. Its bounds keep a scan as quick as it is
//! with the program's own, whatever it says.
//!
//! An anchor is chosen so that programs which only mention a product, or link to it, do not have
//! it. Programs in Go are not here: their build information names them.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use jiff::civil::Date;
use regex::bytes::{Regex, RegexBuilder};
use regex_automata::dfa::{StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use serde::Deserialize;

use crate::analyzers::table_file::{self, FedFile, TableError};

/// What such a table is of, in errors.
const KIND: &str = "products";
/// The revision of the file's form.
const FORMAT: u32 = 1;
/// Most products: four times those that are known.
const MAX_PRODUCTS: usize = 256;
/// Most products whose version may stand anywhere: a file is read once more for each that it names.
const MAX_ANYWHERE: usize = 32;
/// Longest name of a product, in bytes.
const MAX_NAME: usize = 80;
/// Shortest and longest anchor, in bytes: a shorter one is everywhere.
const MIN_ANCHOR: usize = 5;
const MAX_ANCHOR: usize = 64;
/// Fewest bytes of an anchor that differ: what repeats one or two is filling.
const MIN_DISTINCT: usize = 4;
/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 512;
/// Fewest bytes that a pattern matches: one that matches less does so at every step.
const MIN_MATCH: usize = 4;
/// Largest automaton of a pattern, in bytes: within it each byte of a file takes one step, for it fits
/// what the engine keeps of one.
const MAX_AUTOMATON: usize = 1024 * 1024;
/// Most memory while that is made, in bytes.
const MAX_MAKING: usize = 8 * 1024 * 1024;

/// The products that binaries are known to be.
#[derive(Debug)]
pub struct ProductTable {
    of: Date,
    pub(super) products: Vec<Product>,
    /// The anchors, by the places of their products.
    pub(super) anchors: AhoCorasick,
    /// None for the program's own.
    file: Option<FedFile>,
}

/// One product and how its version is told.
#[derive(Debug)]
pub(super) struct Product {
    /// The name under which it is reported.
    pub(super) name: String,
    /// A literal that only its own binary has; none contains another.
    pub(super) anchor: String,
    /// Where its version stands.
    pub(super) place: VersionPlace,
    /// The version: the groups, joined by dots. Of bytes.
    pub(super) version: Regex,
}

/// Where a product's own binary keeps its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum VersionPlace {
    /// Near the anchor.
    Near,
    /// Anywhere in a binary that has the anchor.
    Anywhere,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    of: Date,
    products: Vec<WrittenProduct>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenProduct {
    name: String,
    anchor: String,
    place: VersionPlace,
    version: String,
}

impl ProductTable {
    /// Its name among knowledge files.
    pub const FILE: &str = "products.json";

    /// Gives the program's own.
    pub fn compiled() -> &'static Arc<Self> {
        static OWN: LazyLock<Arc<ProductTable>> = LazyLock::new(|| {
            // Each of its patterns is known to be quick.
            let own = parse(include_bytes!("products.json"), |_| true);
            Arc::new(own.expect("the program's own table is read by a test"))
        });
        &OWN
    }

    /// Reads one from a file.
    pub fn read(path: &Path) -> Result<Self, TableError> {
        table_file::read(path, KIND, fed)
    }

    /// Reads one from the bytes of a file.
    pub fn of_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, TableError> {
        table_file::of_bytes(path, KIND, bytes, fed)
    }

    /// Tells of which day it is.
    pub fn of(&self) -> Date {
        self.of
    }

    /// Counts the products.
    pub fn products(&self) -> usize {
        self.products.len()
    }

    /// Gives its file; none for the program's own.
    pub fn file(&self) -> Option<&FedFile> {
        self.file.as_ref()
    }
}

fn fed(bytes: Vec<u8>) -> Result<ProductTable, String> {
    let own = &ProductTable::compiled().products;
    let is_own = |pattern: &str| own.iter().any(|it| it.version.as_str() == pattern);
    let table = parse(&bytes, is_own)?;
    Ok(ProductTable {
        file: Some(FedFile::of(bytes)),
        ..table
    })
}

/// Reads a table; `is_quick` tells of which patterns it is known that they take few steps.
fn parse(bytes: &[u8], is_quick: impl Fn(&str) -> bool) -> Result<ProductTable, String> {
    let written: Written = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let Written {
        format,
        of,
        products,
    } = written;
    if format != FORMAT {
        return Err(format!("its format is {format}, wanted {FORMAT}"));
    }
    check(&products)?;
    let products = products.into_iter().map(|it| product(it, &is_quick));
    let products = products.collect::<Result<Vec<Product>, String>>()?;
    let anchors = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .match_kind(MatchKind::LeftmostFirst)
        .build(products.iter().map(|product| &product.anchor))
        .map_err(|error| error.to_string())?;
    Ok(ProductTable {
        of,
        products,
        anchors,
        file: None,
    })
}

/// Tells what of a table cannot be: too much of it, names that are none, and anchors that are everywhere
/// or hide another.
fn check(products: &[WrittenProduct]) -> Result<(), String> {
    if products.is_empty() || products.len() > MAX_PRODUCTS {
        let got = products.len();
        return Err(format!("it has {got} products, wanted 1 to {MAX_PRODUCTS}"));
    }
    let anywhere = products.iter();
    let anywhere = anywhere.filter(|it| it.place == VersionPlace::Anywhere);
    let anywhere = anywhere.count();
    if anywhere > MAX_ANYWHERE {
        return Err(format!(
            "the versions of {anywhere} products may stand anywhere, of at most {MAX_ANYWHERE}"
        ));
    }
    if let Some(odd) = products.iter().find(|it| !is_name(&it.name)) {
        let odd: String = odd.name.chars().take(MAX_NAME).collect();
        return Err(format!("{odd:?} is no name"));
    }
    for (at, product) in products.iter().enumerate() {
        let (name, anchor) = (&product.name, &product.anchor);
        if !is_anchor(anchor) {
            return Err(format!(
                "the anchor of {name} is none: wanted {MIN_ANCHOR} to {MAX_ANCHOR} printable bytes of \
                 ASCII, {MIN_DISTINCT} of them different"
            ));
        }
        let mut others = products.iter().enumerate();
        let hides = others.find(|(other, it)| *other != at && it.anchor.contains(&**anchor));
        if let Some((_, other)) = hides {
            let other = &other.name;
            return Err(format!("the anchor of {name} is part of that of {other}"));
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._+".contains(&byte);
    let is_begun = name.starts_with(|first: char| first.is_ascii_alphanumeric());
    is_begun && name.len() <= MAX_NAME && name.bytes().all(is_plain)
}

fn is_anchor(anchor: &str) -> bool {
    let is_long = (MIN_ANCHOR..=MAX_ANCHOR).contains(&anchor.len());
    let is_printable = anchor.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let mut bytes: Vec<u8> = anchor.bytes().collect();
    bytes.sort_unstable();
    bytes.dedup();
    is_long && is_printable && bytes.len() >= MIN_DISTINCT
}

fn product(written: WrittenProduct, is_quick: impl Fn(&str) -> bool) -> Result<Product, String> {
    let WrittenProduct {
        name,
        anchor,
        place,
        version,
    } = written;
    let told = |why: String| format!("the version of {name} {why}");
    if !is_quick(&version) {
        check_quick(&version).map_err(told)?;
    }
    let version = RegexBuilder::new(&version).unicode(false).build();
    let version = version.map_err(|error| told(format!("is no pattern: {error}")))?;
    if version.captures_len() < 2 {
        return Err(told("is a pattern without a group".to_owned()));
    }
    Ok(Product {
        name,
        anchor,
        place,
        version,
    })
}

/// Tells why a pattern is none that takes one step for each byte and matches some.
fn check_quick(text: &str) -> Result<(), String> {
    if text.len() > MAX_PATTERN {
        return Err(format!("is a pattern of more than {MAX_PATTERN} bytes"));
    }
    let bytes = || syntax::Config::new().unicode(false).utf8(false);
    let parsed = syntax::parse_with(text, &bytes());
    let parsed = parsed.map_err(|error| format!("is no pattern: {error}"))?;
    let least = parsed.properties().minimum_len();
    if least.is_none_or(|least| least < MIN_MATCH) {
        return Err(format!("matches less than {MIN_MATCH} bytes"));
    }
    let config = dense::Config::new()
        .start_kind(StartKind::Unanchored)
        .dfa_size_limit(Some(MAX_AUTOMATON))
        .determinize_size_limit(Some(MAX_MAKING));
    let nfa = thompson::Config::new().nfa_size_limit(Some(MAX_AUTOMATON));
    let automaton = dense::Builder::new()
        .configure(config)
        .syntax(bytes())
        .thompson(nfa.utf8(false))
        .build(text);
    let automaton = automaton.map(drop);
    automaton.map_err(|error| format!("takes too many steps to look for: {error}"))
}

#[cfg(test)]
mod tests;
