//! An access key: its two halves, and what is kept of it. The secret half is told once and kept by
//! nobody: what is kept proves it.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sluicegate_engine::identity::Credentials;
use sluicegate_engine::instance_key::{Code, InstanceKey, KEY_BYTES};
use sluicegate_model::access::{Reach, Rights, Role};
use sluicegate_model::secret::Secret;

/// What every access key begins with; no user of a registry is called so.
pub const PREFIX: &str = "SGK";
/// How many characters follow.
const RANDOM_CHARS: usize = 20;
/// Of what they are. Source: RFC 4648 section 6, base32.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// What proofs of secrets are for, as distinct from all else that the instance key signs.
const PURPOSE: &str = "access key";

/// The public half of a key: names it, proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct AccessKey(String);

/// Says that a text is no access key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("that is no access key: wanted {PREFIX} and {RANDOM_CHARS} letters and digits")]
pub struct NoAccessKey;

impl AccessKey {
    fn random() -> Self {
        let random: [u8; RANDOM_CHARS] = rand::random();
        // The alphabet divides the values of a byte, so that each letter is as likely.
        let letter = |byte: u8| ALPHABET.get(usize::from(byte) % ALPHABET.len()).copied();
        let letters = random.into_iter().filter_map(letter).map(char::from);
        Self(PREFIX.chars().chain(letters).collect())
    }

    /// Gives it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Lets keys be found by what somebody presents, whatever that is.
impl Borrow<str> for AccessKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AccessKey {
    type Err = NoAccessKey;

    fn from_str(text: &str) -> Result<Self, NoAccessKey> {
        let rest = text.strip_prefix(PREFIX).ok_or(NoAccessKey)?;
        let is_whole = rest.len() == RANDOM_CHARS;
        let is_one = is_whole && rest.bytes().all(|byte| ALPHABET.contains(&byte));
        is_one.then(|| Self(text.to_owned())).ok_or(NoAccessKey)
    }
}

impl<'de> Deserialize<'de> for AccessKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What proves that somebody knows the secret of a key: an HMAC-SHA-256 of it under the instance
/// key, bound to the access key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof(Code);

impl Proof {
    /// Computes what the right secret would have.
    pub(crate) fn of(instance: &InstanceKey, access: &str, secret: &str) -> Self {
        Self(instance.code(PURPOSE, &[access, secret]))
    }

    /// A proof that no secret has, compared with where there is no key: the work is the same.
    pub(crate) const fn of_nothing() -> Self {
        Self(Code::of([0; KEY_BYTES]))
    }
}

impl Serialize for Proof {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hex::serde::serialize(self.0.bytes(), serializer)
    }
}

impl<'de> Deserialize<'de> for Proof {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: [u8; KEY_BYTES] = hex::serde::deserialize(deserializer)?;
        Ok(Self(Code::of(bytes)))
    }
}

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its public half.
    pub access: AccessKey,
    /// What it is called in the log and by bindings. A key and its successor share it.
    pub name: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub role: Role,
    /// Patterns of the repositories that it knows of; without any, all.
    pub repositories: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends by itself.
    pub expires: Option<Timestamp>,
    /// When it was ended.
    pub revoked: Option<Timestamp>,
    /// What proves its secret.
    pub proof: Proof,
}

/// How a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// It is good.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

impl Key {
    /// Tells how it stands now.
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.revoked.is_some() {
            return KeyState::Revoked;
        }
        match self.expires {
            Some(end) if end <= now => KeyState::Expired,
            _ => KeyState::Active,
        }
    }

    /// Gives what its holder may do, and where.
    pub fn rights(&self) -> Rights {
        Rights::of(self.role, Reach::of(&self.repositories))
    }
}

/// A key that was just made, with what is told only now.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The key.
    pub key: Key,
    /// Its secret half.
    pub secret: Secret,
}

/// Reads both halves of a key from what somebody presents: a name and its secret, or `ACCESS.SECRET`.
pub(crate) fn presented(credentials: &Credentials) -> Option<(&str, &str)> {
    match credentials {
        Credentials::Basic { name, secret } => Some((name, secret.expose())),
        Credentials::Bearer(both) => both.expose().split_once('.'),
    }
}

/// Makes both halves of a key, and what proves the second.
pub(crate) fn halves(instance: &InstanceKey) -> (AccessKey, Secret, Proof) {
    let access = AccessKey::random();
    let secret: [u8; KEY_BYTES] = rand::random();
    let secret = Secret::new(URL_SAFE_NO_PAD.encode(secret));
    let proof = Proof::of(instance, access.as_str(), secret.expose());
    (access, secret, proof)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_have_the_shape_that_is_promised() {
        let instance = InstanceKey::of(&[7; KEY_BYTES]);
        let (access, secret, proof) = halves(&instance);
        assert_eq!(access.as_str().len(), 23);
        assert_eq!(access.as_str().parse(), Ok(access.clone()));
        assert_eq!(secret.expose().len(), 43);
        assert_eq!(
            proof,
            Proof::of(&instance, access.as_str(), secret.expose())
        );
        let (other_access, other_secret, _) = halves(&instance);
        assert_ne!(access, other_access);
        assert_ne!(secret, other_secret);
        assert_ne!(
            proof,
            Proof::of(&instance, other_access.as_str(), secret.expose())
        );
        let other = InstanceKey::of(&[8; KEY_BYTES]);
        assert_ne!(proof, Proof::of(&other, access.as_str(), secret.expose()));
    }

    #[test]
    fn what_is_no_access_key_is_none() {
        for text in [
            "",
            "SGK",
            "ci",
            "SGKAAAAAAAAAAAAAAAAAAA",
            "SGKAAAAAAAAAAAAAAAAAAAAA",
            "SGKaaaaaaaaaaaaaaaaaaaa",
            "SGLAAAAAAAAAAAAAAAAAAAA",
            "SGKAAAAAAAAAAAAAAAAAAA1",
        ] {
            assert_eq!(text.parse::<AccessKey>(), Err(NoAccessKey), "{text}");
        }
    }
}
