//! The ends of support as they are asked: the program's own table, or a newer one from a file.
//!
//! *Shape* of the file, in JSON: `{"format": 1, "of": "2026-12-24", "distributions": [{"ids": ["debian"],
//! "name": "Debian", "naming": {"parts": 1}, "releases": [{"name": "12", "until": "2026-07-11", "open":
//! {"name": "LTS", "until": "2028-06-30"}, "extended": {...}}]}]}`; `naming` is also `"suffix"` or
//! `"rolling"`. It replaces the whole table.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use jiff::civil::Date;
use serde::Deserialize;
use sha2::Digest as _;

use super::table::{AS_OF, DISTRIBUTIONS, Naming};

/// Largest file, in bytes; the program's own table takes some 30 KB.
const MAX_BYTES: u64 = 1024 * 1024;

/// Longest name, in characters.
const MAX_NAME: usize = 80;

/// The revision of the file's form.
const FORMAT: u32 = 1;

/// Until when the releases of distributions are mended.
#[derive(Debug)]
pub struct SupportTable {
    pub(super) of: Date,
    pub(super) distributions: Vec<Distribution>,
    /// The SHA-256 of the file; none for the program's own.
    content: Option<[u8; 32]>,
}

/// A distribution and its releases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Distribution {
    pub(super) ids: Vec<String>,
    pub(super) name: String,
    pub(super) naming: Naming,
    #[serde(default)]
    pub(super) releases: Vec<Row>,
}

/// A release and the ends of its support.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) name: String,
    /// The last day of standard support.
    pub(super) until: Date,
    /// Longer support that reaches everyone.
    #[serde(default)]
    pub(super) open: Option<Longer>,
    /// Longer support for those who ask or pay for it.
    #[serde(default)]
    pub(super) extended: Option<Longer>,
}

/// Support beyond the standard one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Longer {
    pub(super) name: String,
    pub(super) until: Date,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    of: Date,
    distributions: Vec<Distribution>,
}

/// Says why a file is no table of ends of support.
#[derive(Debug, thiserror::Error)]
pub enum SupportError {
    /// The operating system refused.
    #[error("read {path}", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not the document that it should be.
    #[error("{path} is no table of ends of support: {reason}", path = path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl SupportTable {
    /// Gives the program's own.
    pub fn compiled() -> &'static Arc<Self> {
        static OWN: LazyLock<Arc<SupportTable>> = LazyLock::new(|| Arc::new(own()));
        &OWN
    }

    /// Reads one from a file.
    pub fn read(path: &Path) -> Result<Self, SupportError> {
        let failed = |source| SupportError::Io {
            path: path.to_owned(),
            source,
        };
        let wrong = |reason: String| SupportError::Content {
            path: path.to_owned(),
            reason,
        };
        let mut text = Vec::new();
        let file = File::open(path).map_err(failed)?;
        let read = file.take(MAX_BYTES + 1).read_to_end(&mut text);
        read.map_err(failed)?;
        if u64::try_from(text.len()).is_ok_and(|bytes| bytes > MAX_BYTES) {
            return Err(wrong(format!("it has more than {MAX_BYTES} bytes")));
        }
        let written: Written =
            serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        if written.format != FORMAT {
            let got = written.format;
            return Err(wrong(format!("its format is {got}, wanted {FORMAT}")));
        }
        check(&written.distributions).map_err(wrong)?;
        Ok(Self {
            of: written.of,
            distributions: written.distributions,
            content: Some(sha2::Sha256::digest(&text).into()),
        })
    }

    /// Tells of which day it is.
    pub fn of(&self) -> Date {
        self.of
    }

    /// Counts the releases.
    pub fn releases(&self) -> usize {
        self.distributions.iter().map(|it| it.releases.len()).sum()
    }

    /// Names its content: the SHA-256 of its file; none for the program's own.
    pub fn content(&self) -> Option<&[u8; 32]> {
        self.content.as_ref()
    }
}

impl Row {
    /// The last day on which everyone is given fixes.
    pub(super) fn ends(&self) -> Date {
        self.open.as_ref().map_or(self.until, |open| open.until)
    }
}

/// Tells what of a table cannot be: names that are none, and distributions or releases that are there
/// twice.
fn check(distributions: &[Distribution]) -> Result<(), String> {
    let is_name = |name: &String| {
        let length = name.chars().count();
        (1..=MAX_NAME).contains(&length) && !name.contains(char::is_control)
    };
    let mut ids = BTreeSet::new();
    for distribution in distributions {
        let rows = &distribution.releases;
        let longer = rows
            .iter()
            .flat_map(|row| row.open.iter().chain(&row.extended));
        let names = [&distribution.name].into_iter().chain(&distribution.ids);
        let names = names.chain(rows.iter().map(|row| &row.name));
        let mut names = names.chain(longer.map(|longer| &longer.name));
        if let Some(odd) = names.find(|name| !is_name(name)) {
            let odd: String = odd.chars().take(MAX_NAME).collect();
            return Err(format!("{odd:?} is no name"));
        }
        if let Some(twice) = distribution.ids.iter().find(|id| !ids.insert(*id)) {
            return Err(format!("the distribution {twice:?} is there twice"));
        }
        let mut releases = BTreeSet::new();
        if let Some(twice) = rows.iter().find(|row| !releases.insert(&row.name)) {
            let (name, twice) = (&distribution.name, &twice.name);
            return Err(format!("the release {twice:?} of {name:?} is there twice"));
        }
    }
    if ids.is_empty() {
        return Err("it has no distribution".to_owned());
    }
    Ok(())
}

fn own() -> SupportTable {
    let longer = |longer: Option<(&'static str, Date)>| {
        longer.map(|(name, until)| Longer {
            name: name.to_owned(),
            until,
        })
    };
    let distributions = DISTRIBUTIONS.iter().map(|it| Distribution {
        ids: it.ids.iter().map(|id| (*id).to_owned()).collect(),
        name: it.name.to_owned(),
        naming: it.naming,
        releases: it
            .rows
            .iter()
            .map(|row| Row {
                name: row.name.to_owned(),
                until: row.standard,
                open: longer(row.open),
                extended: longer(row.extended),
            })
            .collect(),
    });
    SupportTable {
        of: AS_OF,
        distributions: distributions.collect(),
        content: None,
    }
}
