//! Lists of licences: each entry a licence, its later versions too, or a family of licences.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Licence;
use super::versions::{BASES, Term};

/// How names of licences start that SPDX does not list.
const CUSTOM: &str = "LicenseRef-";

/// One entry of a list of licences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    written: String,
    names: Names,
    exception: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Names {
    /// These, without a word on later versions.
    These(Vec<String>),
    /// Licences that SPDX does not list, whose names start so.
    Starting(String),
}

/// Says that an entry of a list names no licence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLicence {
    /// It is none.
    #[error("{0:?} is no licence on SPDX's list")]
    Unknown(String),
    /// It wants several together.
    #[error("{0:?} joins licences by AND: a list names each by itself")]
    Joined(String),
}

impl Listed {
    /// Reads an entry: a licence, perhaps with an exception; several with `OR` between them, as if each
    /// was an entry; or the start of names and `*`, which is the licences of SPDX's list that are called
    /// so.
    ///
    /// *Errors*: one where it names no licence, or wants several together.
    pub fn parse(entry: &str) -> Result<Vec<Self>, NoLicence> {
        let unknown = || NoLicence::Unknown(entry.to_owned());
        if let Some(start) = entry.strip_suffix('*') {
            return Ok(vec![Self::family(start).ok_or_else(unknown)?]);
        }
        let licence = Licence::parse(entry).ok_or_else(unknown)?;
        let choices = licence.choices();
        let choices = choices.ok_or_else(|| NoLicence::Joined(entry.to_owned()))?;
        Ok(choices.iter().map(Self::of).collect())
    }

    fn of(term: &Term) -> Self {
        Self {
            written: term.to_string(),
            names: Names::These(term.versions().map(str::to_owned).collect()),
            exception: term.exception.as_ref().map(|(name, _)| name.clone()),
        }
    }

    fn family(start: &str) -> Option<Self> {
        let is_called_so = |name: &&&str| {
            let own = name.get(..start.len());
            own.is_some_and(|own| own.eq_ignore_ascii_case(start))
        };
        let called = BASES.iter().filter(is_called_so);
        let called: Vec<String> = called.map(ToString::to_string).collect();
        let names = if start.starts_with(CUSTOM) {
            Names::Starting(start.to_owned())
        } else if start.is_empty() || called.is_empty() {
            return None;
        } else {
            Names::These(called)
        };
        Some(Self {
            written: format!("{start}*"),
            names,
            exception: None,
        })
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// A list of licences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LicenceList {
    written: Vec<String>,
    /// The licences that are meant with whatever exception.
    bare: BTreeSet<String>,
    /// How others of those start that SPDX does not list.
    starts: BTreeSet<String>,
    /// The licences that are meant with one exception alone, by that.
    with: BTreeMap<String, BTreeSet<String>>,
}

impl FromIterator<Listed> for LicenceList {
    fn from_iter<T: IntoIterator<Item = Listed>>(entries: T) -> Self {
        let mut list = Self::default();
        for entry in entries {
            list.written.push(entry.written);
            match (entry.names, entry.exception) {
                (Names::These(names), None) => list.bare.extend(names),
                (Names::These(names), Some(exception)) => {
                    list.with.entry(exception).or_default().extend(names);
                }
                (Names::Starting(start), _) => {
                    list.starts.insert(start);
                }
            }
        }
        list
    }
}

impl LicenceList {
    /// Gives its entries as SPDX writes them, in their order.
    pub fn written(&self) -> &[String] {
        &self.written
    }

    /// Tells whether it has a version of a licence, as far as what is forbidden goes.
    pub(super) fn forbids(&self, term: &Term, version: &str) -> bool {
        self.has_bare(version) || self.has_with(term, version)
    }

    /// Does the same as far as what is permitted goes.
    pub(super) fn permits(&self, term: &Term, version: &str) -> bool {
        let exception = term.exception.as_ref();
        let only_permits = exception.is_none_or(|(_, is_listed)| *is_listed);
        (only_permits && self.has_bare(version)) || self.has_with(term, version)
    }

    fn has_bare(&self, name: &str) -> bool {
        let mut starts = self.starts.iter();
        self.bare.contains(name) || starts.any(|start| name.starts_with(start))
    }

    fn has_with(&self, term: &Term, version: &str) -> bool {
        let exception = term.exception.as_ref();
        let names = exception.and_then(|(exception, _)| self.with.get(exception));
        names.is_some_and(|names| names.contains(version))
    }

    /// Tells whether it has all that another one has.
    pub fn covers(&self, other: &Self) -> bool {
        let has_start = |start: &String| self.starts.iter().any(|own| start.starts_with(own));
        let mut with = other.with.iter();
        let has_all_with = |(exception, names): (&String, &BTreeSet<String>)| {
            let own = self.with.get(exception);
            let is_own = |name: &String| own.is_some_and(|own| own.contains(name));
            names.iter().all(|name| self.has_bare(name) || is_own(name))
        };
        other.bare.iter().all(|name| self.has_bare(name))
            && other.starts.iter().all(has_start)
            && with.all(has_all_with)
    }
}
