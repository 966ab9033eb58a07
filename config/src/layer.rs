//! The layers that settings are merged from, still as text, each text with its place.
//!
//! `flags`, `env` and `file` fill layers; a setting is what the first layer says that has it.

use std::collections::BTreeMap;
use std::fmt;

use crate::errors::Notes;

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

/// Keys, and how many values each takes.
pub(crate) type Keys = [(&'static str, Arity)];

/// The type of a flag, which says how many values the setting takes.
pub(crate) trait Given {
    const ARITY: Arity;

    /// Gives what was written.
    fn texts(self) -> Vec<String>;
}

impl Given for Option<String> {
    const ARITY: Arity = Arity::One;

    fn texts(self) -> Vec<String> {
        self.into_iter().collect()
    }
}

impl Given for Vec<String> {
    const ARITY: Arity = Arity::Many;

    fn texts(self) -> Vec<String> {
        self
    }
}

impl Given for bool {
    const ARITY: Arity = Arity::Switch;

    fn texts(self) -> Vec<String> {
        self.then(|| "true".to_owned()).into_iter().collect()
    }
}

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

impl Sourced {
    /// Reads the text; one that is not what is `wanted` is a mistake.
    pub(crate) fn read<T>(
        &self,
        wanted: &str,
        notes: &mut Notes,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = read(&self.text);
        if value.is_none() {
            let message = format!("wanted {wanted}, got {:?}", self.text);
            notes.error(&self.place, message);
        }
        value
    }

    /// Takes a list apart that is separated by commas.
    pub(crate) fn items(&self) -> impl Iterator<Item = Self> {
        let texts = self.text.split(',').map(str::trim);
        let texts = texts.filter(|text| !text.is_empty());
        texts.map(|text| Self {
            text: text.into(),
            place: self.place.clone(),
        })
    }
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
#[derive(Debug, Default)]
pub(crate) struct Layer(pub(crate) BTreeMap<&'static str, Vec<Sourced>>);

impl Layer {
    /// Gives the single value of a key.
    pub(crate) fn one(&self, key: &str) -> Option<&Sourced> {
        self.many(key)?.first()
    }

    /// Gives the list of a key.
    pub(crate) fn many(&self, key: &str) -> Option<&[Sourced]> {
        self.0.get(key).map(Vec::as_slice)
    }
}

/// Makes the layer of the command line.
pub(crate) fn of_flags(given: impl IntoIterator<Item = (&'static str, Vec<String>)>) -> Layer {
    let given = given.into_iter().filter(|(_, texts)| !texts.is_empty());
    let sourced = |(key, texts): (&'static str, Vec<String>)| {
        let texts = texts.into_iter().map(|text| Sourced {
            text,
            place: Place::Flag(key),
        });
        (key, texts.collect())
    };
    Layer(given.map(sourced).collect())
}

/// All sources, the strongest first.
#[derive(Debug)]
pub(crate) struct Layers(pub(crate) [Layer; 3]);

impl Layers {
    /// Gives the strongest single value.
    pub(crate) fn one(&self, key: &str) -> Option<&Sourced> {
        self.many(key)?.first()
    }

    /// Gives the strongest list.
    pub(crate) fn many(&self, key: &str) -> Option<&[Sourced]> {
        self.0.iter().find_map(|layer| layer.many(key))
    }

    /// Gives every layer's list, the weakest first, for settings that add up.
    pub(crate) fn each(&self, key: &str) -> impl Iterator<Item = &Sourced> {
        let layers = self.0.iter().rev();
        layers.filter_map(move |layer| layer.many(key)).flatten()
    }
}
