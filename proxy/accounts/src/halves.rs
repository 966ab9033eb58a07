//! The two halves by which somebody is known: one that names them and proves nothing, one that is told
//! once. The service keeps a proof of the second.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sluicegate_engine::instance_key::{Code, InstanceKey, KEY_BYTES};
use sluicegate_model::secret::Secret;

/// How many characters follow the beginning of a public half.
pub const PUBLIC_CHARS: usize = 20;
/// Of what they are. Source: RFC 4648 section 6, base32.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// The length of a secret half, in characters.
pub const SECRET_CHARS: usize = 43;

/// Makes a public half that nobody else has.
pub fn random_public(prefix: &str) -> String {
    let random: [u8; PUBLIC_CHARS] = rand::random();
    // The alphabet divides the values of a byte, so that each letter is as likely.
    let letter = |byte: u8| ALPHABET.get(usize::from(byte) % ALPHABET.len()).copied();
    let letters = random.into_iter().filter_map(letter).map(char::from);
    prefix.chars().chain(letters).collect()
}

/// Tells whether a text is a public half with this beginning.
pub fn is_public(prefix: &str, text: &str) -> bool {
    let is_one = |rest: &str| {
        rest.len() == PUBLIC_CHARS && rest.bytes().all(|byte| ALPHABET.contains(&byte))
    };
    text.strip_prefix(prefix).is_some_and(is_one)
}

/// Makes a secret half: 256 random bits, after a beginning.
pub fn random_secret(prefix: &str) -> Secret {
    let secret: [u8; KEY_BYTES] = rand::random();
    Secret::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(secret)))
}

/// Tells whether a text has the shape of a secret half.
pub fn is_secret(text: &str) -> bool {
    let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() == SECRET_CHARS && text.bytes().all(is_of_it)
}

/// What proves that somebody knows a secret: an HMAC-SHA-256 of it under the instance key, with what it
/// is bound to. Compared in constant time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof(Code);

impl Proof {
    /// Computes what the right secret would have; `purpose` tells it from all else that the instance
    /// key signs.
    pub fn of(instance: &InstanceKey, purpose: &str, parts: &[&str]) -> Self {
        Self(instance.code(purpose, parts))
    }

    /// A proof that no secret has, compared with where nobody is named: the work is the same.
    pub const fn of_nothing() -> Self {
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
