//! Who looked at the bytes of an image.
//!
//! What somebody else says of them is a claim, and counts where they were asked and nowhere else: the
//! domain is part of the key of facts, of inventories and of verdicts.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;

/// Longest name of whoever says something, in bytes.
const MAX_NAME_BYTES: usize = 200;
/// What stands before the name of a scanner.
const SCANNER: &str = "scanner:";
/// Between a scanner's name and its enrolment.
const BETWEEN: char = '/';

/// Whose word it is what an image holds.
///
/// *Shape*: written as `scanner:NAME/ENROLMENT`, or as the reporter's name; this machine's own word
/// as nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Domain {
    /// This machine's, which read the bytes itself.
    #[default]
    Here,
    /// A linked scanner's.
    Scanner {
        /// Its name.
        name: Arc<str>,
        /// Which of those that ever had the name it is: what one said that was revoked, another does
        /// not say.
        enrolment: Arc<str>,
    },
    /// That of somebody who told of an image, such as `key:ci`.
    Reporter(Arc<str>),
}

impl Domain {
    /// Tells whether it is this machine's own word.
    pub fn is_here(&self) -> bool {
        *self == Self::Here
    }

    /// Names it to people: a scanner without its enrolment.
    pub fn shown(&self) -> Option<String> {
        match self {
            Self::Here => None,
            Self::Scanner { name, .. } => Some(format!("{SCANNER}{name}")),
            Self::Reporter(name) => Some(name.to_string()),
        }
    }

    /// Writes it as people are told of it.
    ///
    /// *Errors*: those of the writer.
    pub fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.shown().serialize(serializer)
    }

    /// Gives what stands for it in keys: nothing for this machine, else letters and digits.
    pub fn in_keys(&self) -> Option<String> {
        (!self.is_here()).then(|| Digest::of(self.to_string().as_bytes()).hex().to_owned())
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here => Ok(()),
            Self::Scanner { name, enrolment } => write!(f, "{SCANNER}{name}{BETWEEN}{enrolment}"),
            Self::Reporter(name) => f.write_str(name),
        }
    }
}

/// Says that a text is nobody's domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names nobody who says what an image holds")]
pub struct NoDomain(String);

impl FromStr for Domain {
    type Err = NoDomain;

    fn from_str(text: &str) -> Result<Self, NoDomain> {
        let wrong = || NoDomain(text.chars().take(80).collect());
        if text.len() > MAX_NAME_BYTES || text.contains(|c: char| c.is_control()) {
            return Err(wrong());
        }
        if text.is_empty() {
            return Ok(Self::Here);
        }
        let Some(scanner) = text.strip_prefix(SCANNER) else {
            return Ok(Self::Reporter(text.into()));
        };
        // People are not told the enrolment.
        let (name, enrolment) = scanner.split_once(BETWEEN).unwrap_or((scanner, ""));
        Ok(Self::Scanner {
            name: name.into(),
            enrolment: enrolment.into(),
        })
    }
}

impl Serialize for Domain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Domain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A manifest as it was looked at in one domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sighting {
    /// Who looked.
    pub domain: Domain,
    /// The manifest.
    pub digest: Digest,
}

impl Sighting {
    /// Names what this machine looked at itself.
    pub fn here(digest: Digest) -> Self {
        Self {
            domain: Domain::Here,
            digest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_what_it_is_written_as() {
        let scanner = Domain::Scanner {
            name: "eu-west".into(),
            enrolment: "7f".into(),
        };
        let key = Domain::Reporter("key:ci".into());
        for domain in [scanner.clone(), key.clone(), Domain::Here] {
            assert_eq!(domain.to_string().parse(), Ok(domain));
        }
        assert_eq!(scanner.shown().as_deref(), Some("scanner:eu-west"));
        assert_eq!(key.shown().as_deref(), Some("key:ci"));
        assert_eq!(Domain::Here.in_keys(), None);
        assert_ne!(scanner.in_keys(), key.in_keys());
    }

    #[test]
    fn a_name_that_cannot_be_one_is_refused() {
        for text in ["a\0b", &"x".repeat(MAX_NAME_BYTES + 1)] {
            assert!(text.parse::<Domain>().is_err(), "{text:?}");
        }
    }
}
