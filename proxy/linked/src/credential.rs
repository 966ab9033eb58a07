//! What proves a scanner: a linking key, once, and then a credential of its own. The service keeps
//! codes of both and neither of them.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sluicegate_engine::instance_key::{Code, InstanceKey, KEY_BYTES};
use sluicegate_model::secret::Secret;

/// What every linking key begins with.
pub const LINKING_PREFIX: &str = "SGL";
/// What the public half of every scanner's credential begins with.
pub const SCANNER_PREFIX: &str = "SGN";
/// How many characters follow it.
const RANDOM_CHARS: usize = 20;
/// Of what they are. Source: RFC 4648 section 6, base32.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// The length of the secret half and of what follows a linking key's beginning, in characters.
const SECRET_CHARS: usize = 43;
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
    "that is no scanner's credential: wanted {SCANNER_PREFIX}, {RANDOM_CHARS} letters and digits, \
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
        let rest = text.strip_prefix(SCANNER_PREFIX).ok_or(NoCredential)?;
        let is_whole = rest.len() == RANDOM_CHARS;
        let is_one = is_whole && rest.bytes().all(|byte| ALPHABET.contains(&byte));
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
        let random: [u8; RANDOM_CHARS] = rand::random();
        // The alphabet divides the values of a byte, so that each letter is as likely.
        let letter = |byte: u8| ALPHABET.get(usize::from(byte) % ALPHABET.len()).copied();
        let letters = random.into_iter().filter_map(letter).map(char::from);
        Self {
            key: ScannerKey(SCANNER_PREFIX.chars().chain(letters).collect()),
            secret: Secret::new(random_secret()),
        }
    }

    /// Reads `SGN....SECRET`.
    pub fn parse(text: &str) -> Result<Self, NoCredential> {
        let (key, secret) = text.split_once('.').ok_or(NoCredential)?;
        let key = key.parse()?;
        let is_secret = secret.len() == SECRET_CHARS && secret.bytes().all(is_of_secrets);
        let secret = is_secret.then(|| Secret::new(secret));
        secret
            .map(|secret| Self { key, secret })
            .ok_or(NoCredential)
    }

    /// Writes both halves as they are presented: `SGN....SECRET`.
    pub fn to_secret(&self) -> Secret {
        Secret::new(format!("{}.{}", self.key, self.secret.expose()))
    }
}

fn is_of_secrets(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn random_secret() -> String {
    let secret: [u8; KEY_BYTES] = rand::random();
    URL_SAFE_NO_PAD.encode(secret)
}

/// Makes a linking key.
pub(crate) fn linking_key() -> Secret {
    Secret::new(format!("{LINKING_PREFIX}{}", random_secret()))
}

/// Tells whether a text has the shape of a linking key.
pub fn is_linking_key(text: &str) -> bool {
    let rest = text.strip_prefix(LINKING_PREFIX);
    rest.is_some_and(|rest| rest.len() == SECRET_CHARS && rest.bytes().all(is_of_secrets))
}

/// What proves that somebody knows a secret: an HMAC-SHA-256 of it under the instance key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof(Code);

impl Proof {
    /// Computes what the right linking key has.
    pub(crate) fn of_linking(instance: &InstanceKey, linking_key: &Secret) -> Self {
        Self(instance.code(LINKING, &[linking_key.expose()]))
    }

    /// Computes what the right credential has.
    pub(crate) fn of_credential(instance: &InstanceKey, credential: &Credential) -> Self {
        let parts = [credential.key.as_str(), credential.secret.expose()];
        Self(instance.code(CREDENTIAL, &parts))
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
