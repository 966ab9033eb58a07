//! The table of settings, and the layers they are merged from, still as text.
//!
//! One row makes a flag, a variable and a key of the file. `flags`, `env` and `file` fill layers;
//! `check` reads the first layer that has a setting.

use std::collections::BTreeMap;
use std::fmt;

/// How many values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arity {
    /// One text.
    One,
    /// A list.
    Many,
    /// On or off.
    Switch,
}

/// Every setting that is more than a file's: key of the file, and how many values.
///
/// The flag is the key with `-` for `_`, the variable is `SLUICEGATE_` and the key in capitals.
pub(crate) const SETTINGS: &[(&str, Arity)] = &[
    ("listen", Arity::One),
    ("api_listen", Arity::One),
    ("name", Arity::Many),
    ("data", Arity::One),
    ("policy", Arity::Many),
    ("feed", Arity::Many),
    ("feed_trust", Arity::Many),
    ("upstream", Arity::Many),
    ("default_upstream", Arity::One),
    ("platforms", Arity::Many),
    ("gate", Arity::One),
    ("cache_size", Arity::One),
    ("log_format", Arity::One),
    ("api_auth", Arity::One),
    ("api_open", Arity::Switch),
    ("allow_anonymous", Arity::Switch),
    ("explain_to_old_clients", Arity::Switch),
    ("api_url", Arity::One),
    ("tag_ttl", Arity::One),
    ("max_connections", Arity::One),
    ("trusted_proxies", Arity::Many),
    ("webhook", Arity::One),
    ("webhook_secret_file", Arity::One),
];

/// Gives a setting's variable.
pub(crate) fn variable(key: &str) -> String {
    format!("SLUICEGATE_{}", key.to_ascii_uppercase())
}

/// A text and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Sourced {
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// Where a text was written.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// On the command line.
    Flag(&'static str),
    /// In the environment.
    Variable(String),
    /// In the file.
    File(String, u64, u64),
    /// Nowhere.
    Default(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(key) => write!(f, "--{}", key.replace('_', "-")),
            Self::Variable(name) => f.write_str(name),
            Self::File(name, line, column) => write!(f, "{name}:{line}:{column}"),
            Self::Default(key) => write!(f, "{key} (default)"),
        }
    }
}

/// What one source says.
pub(crate) type Layer = BTreeMap<&'static str, Vec<Sourced>>;

/// All sources, the strongest first.
#[derive(Debug)]
pub(crate) struct Layers([Layer; 3]);

impl Layers {
    pub(crate) fn new(strongest_first: [Layer; 3]) -> Self {
        Self(strongest_first)
    }

    /// Gives what each source says.
    pub(crate) fn strongest_first(&self) -> impl Iterator<Item = &Layer> {
        self.0.iter()
    }

    /// Gives the strongest single value.
    pub(crate) fn one(&self, key: &str) -> Option<&Sourced> {
        self.many(key)?.first()
    }

    /// Gives the strongest list.
    pub(crate) fn many(&self, key: &str) -> Option<&[Sourced]> {
        let found = self.0.iter().find_map(|layer| layer.get(key));
        found.map(Vec::as_slice)
    }

    /// Gives every layer's list, the weakest first, for settings that add up.
    pub(crate) fn each(&self, key: &str) -> impl Iterator<Item = &Sourced> {
        self.0
            .iter()
            .rev()
            .filter_map(move |layer| layer.get(key))
            .flatten()
    }
}
