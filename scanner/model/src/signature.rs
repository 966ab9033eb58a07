//! What is known of who signed an image: which keys were looked for, and what they have signed.
//!
//! A value alone: whoever fills it has verified what it lists. What was not looked for, or could not
//! be, is not known, and never the same as "not signed".

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;
use crate::heard::HeardVex;

/// What is said of a manifest by whoever signs it.
///
/// *Shape*: written as `signature`, or as the type of the attestation's predicate, which is a URI.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Statement {
    /// That it is theirs.
    Signature,
    /// What a predicate of this type says.
    Attestation(String),
}

/// The word for a signature; no predicate's type is one word.
const SIGNATURE: &str = "signature";

impl Statement {
    /// Gives it as it is written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Signature => SIGNATURE,
            Self::Attestation(predicate) => predicate,
        }
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Statement {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            SIGNATURE => Self::Signature,
            predicate => Self::Attestation(predicate.to_owned()),
        })
    }
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Statement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|never: Infallible| match never {})
    }
}

/// A key that has signed a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signed {
    /// The key, by the SHA-256 of its DER form (SubjectPublicKeyInfo).
    pub key: Digest,
    /// What it says of the manifest.
    pub statement: Statement,
    /// The manifest: the image's own, or an index of its repository that lists it.
    pub manifest: Digest,
}

/// What is known of who signed an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatures {
    /// The keys that were looked for.
    pub keys: BTreeSet<Digest>,
    /// What they were asked for to say.
    pub statements: BTreeSet<Statement>,
    /// Who has signed, in order, each once.
    pub found: Vec<Signed>,
    /// When the registry was asked for what is listed here.
    pub looked_up_at: Timestamp,
    /// Why there may be more than was found, where that is so.
    pub unknown: Option<String>,
    /// What keys say of its weaknesses; none where nobody looked for that.
    pub vex: Option<HeardVex>,
}

impl Signatures {
    /// Tells whether one of some keys says this; none where that is not known.
    pub fn say(&self, statement: &Statement, keys: &BTreeSet<Digest>) -> Option<bool> {
        let mut found = self.found.iter();
        if found.any(|it| it.statement == *statement && keys.contains(&it.key)) {
            return Some(true);
        }
        let was_asked = self.asked_for(std::iter::once(statement), keys);
        (was_asked && self.unknown.is_none()).then_some(false)
    }

    /// Tells whether somebody looked for all of these statements by all of these keys.
    pub fn asked_for<'a>(
        &self,
        mut statements: impl Iterator<Item = &'a Statement>,
        keys: &BTreeSet<Digest>,
    ) -> bool {
        self.keys.is_superset(keys) && statements.all(|it| self.statements.contains(it))
    }

    /// Tells whether somebody looked for what all of these keys say of weaknesses.
    pub fn heard_of(&self, keys: &BTreeSet<Digest>) -> bool {
        keys.is_empty()
            || self
                .vex
                .as_ref()
                .is_some_and(|it| it.keys.is_superset(keys))
    }

    /// Tells whether nothing else follows from these than from others, whenever they were looked up.
    pub fn are_as_good_as(&self, other: &Self) -> bool {
        self.keys == other.keys
            && self.statements == other.statements
            && self.found == other.found
            && self.vex == other.vex
            && self.unknown.is_some() == other.unknown.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set<T: Ord, const N: usize>(items: [T; N]) -> BTreeSet<T> {
        BTreeSet::from(items)
    }

    #[test]
    fn what_was_not_looked_for_is_not_known() {
        let (one, other, image) = (Digest::of(b"1"), Digest::of(b"2"), Digest::of(b"image"));
        let provenance = Statement::Attestation("https://slsa.dev/provenance/v1".into());
        let signed = Signed {
            key: one.clone(),
            statement: Statement::Signature,
            manifest: image,
        };
        let mut known = Signatures {
            keys: set([one.clone()]),
            statements: set([Statement::Signature]),
            found: Vec::new(),
            looked_up_at: Timestamp::UNIX_EPOCH,
            unknown: None,
            vex: None,
        };
        let by = |key: &Digest| set([key.clone()]);
        let both = set([one.clone(), other.clone()]);
        assert_eq!(known.say(&Statement::Signature, &by(&one)), Some(false));
        assert_eq!(known.say(&Statement::Signature, &by(&other)), None);
        assert_eq!(known.say(&Statement::Signature, &both), None);
        assert_eq!(known.say(&provenance, &by(&one)), None);
        known.unknown = Some("the registry fails".into());
        assert_eq!(known.say(&Statement::Signature, &by(&one)), None);
        known.found.push(signed);
        assert_eq!(known.say(&Statement::Signature, &by(&one)), Some(true));
        assert_eq!(known.say(&Statement::Signature, &both), Some(true));
        assert_eq!(known.say(&Statement::Signature, &by(&other)), None);
        assert_eq!(known.say(&provenance, &by(&one)), None);
    }

    #[test]
    fn a_statement_is_read_as_it_is_written() {
        for text in [
            "signature",
            "https://spdx.dev/Document",
            "cosign.sigstore.dev/attestation/v1",
        ] {
            let statement: Statement = text.parse().unwrap();
            assert_eq!(statement.as_str(), text);
        }
    }
}
