//! The book of all keys: what can be done to it. Pure; who keeps it is the business of `store`.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sluicegate_engine::audit::About;
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_model::Digest;
use sluicegate_model::access::Role;

use super::key::{Issued, Key, KeyState, halves};
use super::vouched;
use super::wanted::{
    MAX_NAME_BYTES, MAX_PATTERN_BYTES, MAX_PATTERNS, is_name, shortened, wrong_pattern,
};

/// Most keys that are kept, those that have ended included: some hundred bytes each.
pub const MAX_KEYS: usize = 50_000;
/// Longest name of an owner, in bytes.
const MAX_OWNER_BYTES: usize = 128;
/// Longest life of a key: ten years are for ever.
const MAX_LIFE: SignedDuration = SignedDuration::from_hours(24 * 3_660);

/// All keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    keys: Vec<Key>,
}

/// A key that somebody wants.
#[derive(Clone, Debug)]
pub struct WantedKey {
    /// What it is to be called.
    pub name: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub role: Role,
    /// Patterns of its repositories; none for all.
    pub repositories: Vec<String>,
    /// How long it is good for.
    pub life: Option<SignedDuration>,
}

/// Keys that are meant by one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those of this name, or the one with this access key.
    Named(String),
    /// All that somebody has.
    OwnedBy(String),
}

impl Which {
    fn means(&self, key: &Key) -> bool {
        match self {
            Self::Named(text) => key.name == *text || key.access.as_str() == text,
            Self::OwnedBy(owner) => key.owner.as_ref() == Some(owner),
        }
    }
}

/// Says why the book stays as it is. The fault is the one's who asks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A name is none.
    #[error(
        "the name {0:?} is none: wanted 1 to {MAX_NAME_BYTES} small letters, digits, '.', '_' or '-'"
    )]
    Name(String),
    /// An owner is none.
    #[error("the owner {0:?} is none: wanted 1 to {MAX_OWNER_BYTES} visible characters of ASCII")]
    Owner(String),
    /// A key of this name is still good.
    #[error("there is a key {0:?}; rotate or revoke it, or choose another name")]
    Taken(String),
    /// A pattern is none.
    #[error(
        "the pattern {0:?} is none: wanted 1 to {MAX_PATTERN_BYTES} bytes such as \
         docker.io/team/**, at most {MAX_PATTERNS} of them"
    )]
    Pattern(String),
    /// The life of a key or an overlap is no time that a key can have.
    #[error("a key lives between a second and ten years")]
    Life,
    /// There is no such key.
    #[error("there is no key {0:?} that could be ended")]
    Unknown(String),
    /// There are too many.
    #[error("there are {MAX_KEYS} keys, as many as are kept")]
    Full,
}

impl vouched::Book for Book {
    const ABOUT: About = About::Keys;
    const TAKEN_UP: &str = "keys-taken-up";

    fn digest(&self) -> Digest {
        Digest::of(&serde_json::to_vec(&self.keys).unwrap_or_default())
    }

    fn is_sound(&self) -> bool {
        let mut seen = HashSet::new();
        self.keys.iter().all(|key| seen.insert(&key.access))
    }
}

impl Book {
    /// Lists every key, the oldest first.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Adds a key.
    pub fn create(
        &mut self,
        wanted: WantedKey,
        instance: &InstanceKey,
        now: Timestamp,
    ) -> Result<Issued, KeyError> {
        if !is_name(&wanted.name) {
            return Err(KeyError::Name(shortened(&wanted.name)));
        }
        if let Some(owner) = &wanted.owner {
            owned(owner)?;
        }
        if let Some(pattern) = wrong_pattern(&wanted.repositories) {
            return Err(KeyError::Pattern(shortened(pattern)));
        }
        let is_good = |key: &Key| key.name == wanted.name && key.state(now) == KeyState::Active;
        if self.keys.iter().any(is_good) {
            return Err(KeyError::Taken(wanted.name));
        }
        let expires = wanted.life.map(|life| end_of(life, now)).transpose()?;
        let (access, secret, proof) = halves(instance);
        let key = Key {
            access,
            name: wanted.name,
            owner: wanted.owner,
            role: wanted.role,
            repositories: wanted.repositories,
            created: now,
            expires,
            revoked: None,
            proof,
        };
        self.add(Issued { key, secret })
    }

    /// Adds a successor to the one good key that is meant; that one ends after the overlap, or when
    /// it would have ended anyway. The successor lives as long as the key did.
    pub fn rotate(
        &mut self,
        which: &str,
        overlap: SignedDuration,
        instance: &InstanceKey,
        now: Timestamp,
    ) -> Result<Issued, KeyError> {
        let meant = Which::Named(which.to_owned());
        let unknown = || KeyError::Unknown(shortened(which));
        let is_good = |key: &&mut Key| meant.means(key) && key.state(now) == KeyState::Active;
        // Of a key that is being rotated already the newest is meant.
        let old = self.keys.iter_mut().rev().find(is_good);
        let old = old.ok_or_else(unknown)?;
        let end = now.checked_add(overlap).map_err(|_| KeyError::Life)?;
        if overlap.is_negative() || overlap > MAX_LIFE {
            return Err(KeyError::Life);
        }
        let life = old.expires.map(|end| end.duration_since(old.created));
        let (access, secret, proof) = halves(instance);
        let key = Key {
            access,
            created: now,
            expires: life.map(|life| end_of(life, now)).transpose()?,
            proof,
            ..old.clone()
        };
        old.expires = Some(old.expires.map_or(end, |before| before.min(end)));
        self.add(Issued { key, secret })
    }

    /// Ends keys, and gives them.
    pub fn revoke(&mut self, which: &Which, now: Timestamp) -> Result<Vec<Key>, KeyError> {
        let mut ended = Vec::new();
        for key in &mut self.keys {
            if which.means(key) && key.revoked.is_none() {
                key.revoked = Some(now);
                ended.push(key.clone());
            }
        }
        if ended.is_empty() {
            let (Which::Named(text) | Which::OwnedBy(text)) = which;
            return Err(KeyError::Unknown(shortened(text)));
        }
        Ok(ended)
    }

    fn add(&mut self, issued: Issued) -> Result<Issued, KeyError> {
        if self.keys.len() >= MAX_KEYS {
            return Err(KeyError::Full);
        }
        self.keys.push(issued.key.clone());
        Ok(issued)
    }
}

fn owned(text: &str) -> Result<(), KeyError> {
    let is_one = !text.is_empty()
        && text.len() <= MAX_OWNER_BYTES
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    let wrong = || KeyError::Owner(shortened(text));
    is_one.then_some(()).ok_or_else(wrong)
}

fn end_of(life: SignedDuration, now: Timestamp) -> Result<Timestamp, KeyError> {
    if life < SignedDuration::from_secs(1) || life > MAX_LIFE {
        return Err(KeyError::Life);
    }
    now.checked_add(life).map_err(|_| KeyError::Life)
}

#[cfg(test)]
mod tests;
