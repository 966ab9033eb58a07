//! The key that signs what this instance says of images: ECDSA on the curve P-256.
//!
//! Source: RFC 5480 (the public half), RFC 5958 (PKCS#8).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use sluicegate_model::Digest;

/// Longest file of a key, in bytes; real ones have about 240.
pub(super) const MAX_KEY_BYTES: usize = 16 * 1024;
/// What stands before the 65 bytes of a public key in DER. Source: RFC 5480, sections 2 and 2.2.
const PUBLIC_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";
/// Characters of one line of a PEM. Source: RFC 7468, section 2.
const LINE_CHARS: usize = 64;

/// A key that signs. It is shown to nobody.
pub struct AttestationKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    /// The public half, as `SubjectPublicKeyInfo`.
    public: Vec<u8>,
}

/// Says why a text is no key that signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is longer than any key.
    #[error("it has more than {MAX_KEY_BYTES} bytes, and a key has about 240")]
    Long,
    /// It is a key in the form that OpenSSL wrote before PKCS#8.
    #[error(
        "it is an EC PRIVATE KEY, wanted PKCS#8: `openssl pkcs8 -topk8 -nocrypt -in FILE` makes one of it"
    )]
    NotPkcs8,
    /// It is a key that a password protects.
    #[error("it is protected by a password, and nobody is there to be asked for one")]
    Encrypted,
    /// It is something else.
    #[error(
        "it is no private key: wanted PKCS#8 as PEM, which begins with -----BEGIN {PRIVATE}-----"
    )]
    NoKey,
    /// It is another kind of key, or damaged.
    #[error("it is no ECDSA key on the curve P-256, or damaged")]
    Kind,
    /// There was no randomness.
    #[error("a key could not be made")]
    NotMade,
}

impl AttestationKey {
    /// Makes a key, and writes it as it is read.
    pub fn make() -> Result<(Self, String), KeyError> {
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random);
        let der = der.map_err(|_| KeyError::NotMade)?;
        Ok((Self::of_der(der.as_ref())?, pem(PRIVATE, der.as_ref())))
    }

    /// Reads a key: PKCS#8, as PEM.
    pub fn of_pem(text: &str) -> Result<Self, KeyError> {
        if text.len() > MAX_KEY_BYTES {
            return Err(KeyError::Long);
        }
        if text.contains("-----BEGIN EC PRIVATE KEY-----") {
            return Err(KeyError::NotPkcs8);
        }
        if text.contains("-----BEGIN ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        let (begin, end) = (
            format!("-----BEGIN {PRIVATE}-----"),
            format!("-----END {PRIVATE}-----"),
        );
        let (_, rest) = text.split_once(&begin).ok_or(KeyError::NoKey)?;
        let (body, _) = rest.split_once(&end).ok_or(KeyError::NoKey)?;
        let body: String = body.split_ascii_whitespace().collect();
        let der = STANDARD.decode(body).map_err(|_| KeyError::NoKey)?;
        Self::of_der(&der)
    }

    fn of_der(der: &[u8]) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der, &random);
        let pair = pair.map_err(|_| KeyError::Kind)?;
        let public = [&PUBLIC_PREFIX[..], pair.public_key().as_ref()].concat();
        Ok(Self {
            pair,
            random,
            public,
        })
    }

    /// Gives the half that everybody may know, as PEM.
    pub fn public_pem(&self) -> String {
        pem(PUBLIC, &self.public)
    }

    /// Names it: the SHA-256 of its public half in DER.
    pub fn id(&self) -> Digest {
        Digest::of(&self.public)
    }

    /// Names it as sigstore's programs do: the same in base64.
    pub(super) fn hint(&self) -> String {
        let hash = ring::digest::digest(&ring::digest::SHA256, &self.public);
        STANDARD.encode(hash)
    }

    /// Signs a message; another signature each time.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ring::error::Unspecified> {
        let signature = self.pair.sign(&self.random, message)?;
        Ok(signature.as_ref().to_vec())
    }
}

/// What is signed with a secret is shown, the secret is not.
impl fmt::Debug for AttestationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttestationKey")
            .field("id", &self.id())
            .field("private", &"***")
            .finish()
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for (at, c) in body.char_indices() {
        if at > 0 && at % LINE_CHARS == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text + &format!("\n-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_made_is_read_again_and_not_shown() {
        let (made, text) = AttestationKey::make().unwrap();
        let read = AttestationKey::of_pem(&text).unwrap();
        assert_eq!(read.public_pem(), made.public_pem());
        assert_eq!(read.id(), made.id());
        let mut lines = text.lines().filter(|line| !line.starts_with('-'));
        let shown = format!("{read:?}");
        assert!(lines.all(|line| !shown.contains(line)), "{shown}");
        assert!(shown.contains("***"));
    }

    #[test]
    fn policies_take_its_public_half_and_what_it_signed() {
        let (key, _) = AttestationKey::make().unwrap();
        let public = sluicegate_signatures::PublicKey::from_pem(&key.public_pem()).unwrap();
        assert_eq!(*public.id(), key.id());
        let signature = key.sign(b"said").unwrap();
        assert!(public.has_signed(b"said", &signature));
        assert!(!public.has_signed(b"unsaid", &signature));
    }

    #[test]
    fn what_is_no_such_key_says_what_it_is() {
        let wrong = |text: &str| AttestationKey::of_pem(text).unwrap_err();
        assert_eq!(wrong(""), KeyError::NoKey);
        assert_eq!(wrong(&"x".repeat(MAX_KEY_BYTES + 1)), KeyError::Long);
        let sec1 = "-----BEGIN EC PRIVATE KEY-----\n-----END EC PRIVATE KEY-----\n";
        assert_eq!(wrong(sec1), KeyError::NotPkcs8);
        let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n";
        assert_eq!(wrong(locked), KeyError::Encrypted);
        let other = pem(PRIVATE, b"no key");
        assert_eq!(wrong(&other), KeyError::Kind);
        let (key, text) = AttestationKey::make().unwrap();
        assert_eq!(wrong(&key.public_pem()), KeyError::NoKey);
        assert_eq!(wrong(&text.replacen('M', "!", 1)), KeyError::NoKey);
    }
}
