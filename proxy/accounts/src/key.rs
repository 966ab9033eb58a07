//! An access key: its two halves, and what is kept of it. The secret half is told once and kept by
//! nobody: what is kept proves it.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use sluicegate_engine::identity::Credentials;
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_model::access::{Reach, Rights, Role};
use sluicegate_model::secret::Secret;

use super::halves::{PUBLIC_CHARS, Proof, is_public, random_public, random_secret};

/// What every access key begins with; no user of a registry is called so.
pub const PREFIX: &str = "SGK";
/// What proofs of secrets are for, as distinct from all else that the instance key signs.
const PURPOSE: &str = "access key";

/// The public half of a key: names it, proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct AccessKey(String);

/// Says that a text is no access key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("that is no access key: wanted {PREFIX} and {PUBLIC_CHARS} letters and digits")]
pub struct NoAccessKey;

impl AccessKey {
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
        let is_one = is_public(PREFIX, text);
        is_one.then(|| Self(text.to_owned())).ok_or(NoAccessKey)
    }
}

impl<'de> Deserialize<'de> for AccessKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
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

/// Computes what the right secret of an access key would have.
pub(crate) fn proof(instance: &InstanceKey, access: &str, secret: &str) -> Proof {
    Proof::of(instance, PURPOSE, &[access, secret])
}

/// Makes both halves of a key, and what proves the second.
pub(crate) fn halves(instance: &InstanceKey) -> (AccessKey, Secret, Proof) {
    let (access, secret) = (AccessKey(random_public(PREFIX)), random_secret(""));
    let proof = proof(instance, access.as_str(), secret.expose());
    (access, secret, proof)
}

#[cfg(test)]
mod tests {
    use sluicegate_engine::instance_key::KEY_BYTES;

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
            super::proof(&instance, access.as_str(), secret.expose())
        );
        let (other_access, other_secret, _) = halves(&instance);
        assert_ne!(access, other_access);
        assert_ne!(secret, other_secret);
        assert_ne!(
            proof,
            super::proof(&instance, other_access.as_str(), secret.expose())
        );
        let other = InstanceKey::of(&[8; KEY_BYTES]);
        assert_ne!(
            proof,
            super::proof(&other, access.as_str(), secret.expose())
        );
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
