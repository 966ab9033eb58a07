//! What proves a scanner: a linking key, once, and then a credential of its own. The service keeps
//! codes of both and neither of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use sluicegate_accounts::halves::{
    PUBLIC_CHARS, Proof, SECRET_CHARS, is_public, is_secret, random_public, random_secret,
};
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_model::secret::Secret;

/// What every linking key begins with.
pub const LINKING_PREFIX: &str = "SGL";
/// What the public half of every scanner's credential begins with.
pub const SCANNER_PREFIX: &str = "SGN";
/// What codes of linking keys and of credentials are for, as distinct from all else that the
/// instance key signs.
const LINKING: &str = "linking key";
const CREDENTIAL: &str = "scanner credential";

/// The public half of a scanner's credential: names it, proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ScannerKey(String);

/// Both halves of a scanner's credential. The scanner makes them, so that an enrolment whose answer
/// was lost can be asked for again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The public half.
    pub key: ScannerKey,
    /// The secret half.
    pub secret: Secret,
}

/// Says that a text is no credential of a scanner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "that is no scanner's credential: wanted {SCANNER_PREFIX}, {PUBLIC_CHARS} letters and digits, \
     '.' and {SECRET_CHARS} characters"
)]
pub struct NoCredential;

impl ScannerKey {
    /// Gives it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScannerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ScannerKey {
    type Err = NoCredential;

    fn from_str(text: &str) -> Result<Self, NoCredential> {
        let is_one = is_public(SCANNER_PREFIX, text);
        is_one.then(|| Self(text.to_owned())).ok_or(NoCredential)
    }
}

impl<'de> Deserialize<'de> for ScannerKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Credential {
    /// Makes one that nobody else has.
    pub fn random() -> Self {
        Self {
            key: ScannerKey(random_public(SCANNER_PREFIX)),
            secret: random_secret(""),
        }
    }

    /// Reads `SGN....SECRET`.
    pub fn parse(text: &str) -> Result<Self, NoCredential> {
        let (key, secret) = text.split_once('.').ok_or(NoCredential)?;
        let key = key.parse()?;
        let secret = is_secret(secret).then(|| Secret::new(secret));
        secret
            .map(|secret| Self { key, secret })
            .ok_or(NoCredential)
    }

    /// Writes both halves as they are presented: `SGN....SECRET`.
    pub fn to_secret(&self) -> Secret {
        Secret::new(format!("{}.{}", self.key, self.secret.expose()))
    }
}

/// Makes a linking key.
pub(crate) fn linking_key() -> Secret {
    random_secret(LINKING_PREFIX)
}

/// Tells whether a text has the shape of a linking key.
pub fn is_linking_key(text: &str) -> bool {
    text.strip_prefix(LINKING_PREFIX).is_some_and(is_secret)
}

/// Computes what the right linking key has.
pub(crate) fn linking_proof(instance: &InstanceKey, linking_key: &Secret) -> Proof {
    Proof::of(instance, LINKING, &[linking_key.expose()])
}

/// Computes what the right credential has.
pub(crate) fn credential_proof(instance: &InstanceKey, credential: &Credential) -> Proof {
    let parts = [credential.key.as_str(), credential.secret.expose()];
    Proof::of(instance, CREDENTIAL, &parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_linking_keys_are_read_by_their_shape_and_shown_to_nobody() {
        let credential = Credential::random();
        let text = credential.to_secret();
        assert_eq!(Credential::parse(text.expose()), Ok(credential.clone()));
        assert_eq!(
            (credential.key.as_str().len(), text.expose().len()),
            (23, 67)
        );
        let shown = format!("{credential:?}");
        assert!(!shown.contains(credential.secret.expose()), "{shown}");
        for wrong in [
            "",
            "SGN",
            "SGK.x",
            &text.expose()[1..],
            &text.expose()[..66],
        ] {
            assert_eq!(Credential::parse(wrong), Err(NoCredential), "{wrong}");
        }
        let linking = linking_key();
        assert!(is_linking_key(linking.expose()));
        assert!(!is_linking_key(&linking.expose()[..45]) && !is_linking_key(text.expose()));
        assert_ne!(linking, linking_key());
    }
}
