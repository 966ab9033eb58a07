//! What is said of a secret: which kind, where, and by which hash it can be known again.

use std::fmt;

use ring::hmac;
use sluicegate_model::severity::Severity;

/// What is hashed before each value, so that a hash of ours is no other's.
const DOMAIN: &[u8] = b"sluicegate secret\0";

/// What a secret opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretKind {
    /// A private key: PEM, PGP, age.
    PrivateKey,
    /// A cloud's account.
    Cloud,
    /// A host of source code.
    CodeHost,
    /// A registry of packages or images.
    Registry,
    /// Another service: messages, payments, mail, models, operations.
    Service,
    /// A database or a server, by a URL that holds the password.
    Url,
    /// A signed token that whoever holds it may use.
    SignedToken,
    /// A password or token that only its name tells.
    Password,
}

impl SecretKind {
    /// Gives the word that policies and answers use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PrivateKey => "private-key",
            Self::Cloud => "cloud",
            Self::CodeHost => "code-host",
            Self::Registry => "registry",
            Self::Service => "service",
            Self::Url => "url",
            Self::SignedToken => "signed-token",
            Self::Password => "password",
        }
    }
}

/// One secret: all that may be kept and shown of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// The rule that found it: `github-token`.
    pub rule: &'static str,
    /// What it is, for people: `GitHub token`.
    pub title: &'static str,
    /// What it opens.
    pub kind: SecretKind,
    /// How bad it is that it is there.
    pub severity: Severity,
    /// Where the value begins: bytes from the start of the text, from 0.
    pub offset: u64,
    /// The line in which the value begins, from 1.
    pub line: u64,
    /// The byte of that line at which it begins, from 1.
    pub column: u64,
    /// The same for the same value, under the same salt.
    pub hash: SecretHash,
}

/// The HMAC-SHA-256 of a value under the caller's salt.
///
/// Whoever has no salt learns nothing of the value, and cannot try guesses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Gives the 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The key of the hashes. It has to be kept as a secret itself: with it, a short password can be
/// guessed from its hash.
pub struct SecretSalt(hmac::Key);

impl SecretSalt {
    /// Makes a salt of 32 random bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Hashes a value, given in pieces.
    pub(crate) fn hash<'a>(&self, pieces: impl Iterator<Item = &'a [u8]>) -> SecretHash {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(DOMAIN);
        pieces.for_each(|piece| context.update(piece));
        let mut hash = [0; 32];
        let tag = context.sign();
        hash.iter_mut()
            .zip(tag.as_ref())
            .for_each(|(to, from)| *to = *from);
        SecretHash(hash)
    }
}
