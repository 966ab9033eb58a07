//! The ed25519 keys of bundles: made and read as PKCS#8, trusted by their public half.
//!
//! A public key is written `ed25519:` and 32 bytes in base64, or as PEM. Called by `pack`, `unpack`
//! and `feeds create-key`. Source: RFC 8032, RFC 8410 (the encodings).

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::signed_text;

/// Largest key file, in bytes; real ones have about 120.
const MAX_KEY_BYTES: u64 = 16 * 1024;
/// What stands before the 32 bytes of a public key in DER. Source: RFC 8410, section 4.
const PUBLIC_PREFIX: [u8; 12] = [48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0];
/// What stands before a public key as one word.
const SCHEME: &str = "ed25519:";

/// Says why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("{action} key {path}", path = path.display())]
    File {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It holds no such key.
    #[error("{name} is no {wanted}")]
    NotAKey {
        /// The file, or the key as it was given.
        name: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// More must sign than are trusted, or none.
    #[error("{wanted} signatures are wanted of {known} trusted keys")]
    TooFew {
        /// How many must sign.
        wanted: usize,
        /// How many are trusted.
        known: usize,
    },
    /// There was no randomness.
    #[error("a key could not be made")]
    NotMade,
}

/// A key that signs.
pub struct SigningKey(Ed25519KeyPair);

/// The half of a key that everybody may know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

/// Whose signatures are believed, and how many are wanted.
#[derive(Clone, Debug)]
pub struct Trust {
    keys: BTreeSet<PublicKey>,
    wanted: usize,
}

impl SigningKey {
    /// Makes a key and writes it to a new file that only its owner may read.
    ///
    /// *Errors*: the file is there already, or cannot be written.
    pub fn create(path: &Path) -> Result<PublicKey, KeyError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        let document = document.map_err(|_| KeyError::NotMade)?;
        let key = Self::from_der(document.as_ref()).ok_or(KeyError::NotMade)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options
            .open(path)
            .and_then(|mut file| {
                let body = STANDARD.encode(document.as_ref());
                let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
                file.write_all(format!("{begin}\n{body}\n{end}\n").as_bytes())?;
                file.sync_all()
            })
            .map_err(file_error("create", path))?;
        Ok(key.public())
    }

    /// Reads a key: PKCS#8, in PEM or DER.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let content = read(path)?;
        let der = from_pem(&content, "PRIVATE KEY").unwrap_or(content);
        Self::from_der(&der).ok_or_else(|| KeyError::NotAKey {
            name: path.display().to_string(),
            wanted: "ed25519 signing key (PKCS#8, PEM or DER)",
        })
    }

    /// Gives the half that may be known.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().zip(self.0.public_key().as_ref()) {
            *place = *byte;
        }
        PublicKey(bytes)
    }

    /// Signs a manifest.
    pub(super) fn sign(&self, manifest: &[u8]) -> Vec<u8> {
        self.0.sign(&signed_text(manifest)).as_ref().to_vec()
    }

    /// Signs a text that says what it is for.
    pub(crate) fn sign_text(&self, text: &[u8]) -> Vec<u8> {
        self.0.sign(text).as_ref().to_vec()
    }

    fn from_der(der: &[u8]) -> Option<Self> {
        // Keys that openssl makes carry no public half, so there is nothing to compare it with.
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
            .ok()
            .map(Self)
    }
}

impl PublicKey {
    /// Understands a key, or reads it from the file of that name.
    pub fn named(text: &str) -> Result<Self, KeyError> {
        if text.starts_with(SCHEME) {
            return Self::from_word(text).ok_or_else(|| not_public(text));
        }
        let content = read(Path::new(text))?;
        let word = std::str::from_utf8(&content).unwrap_or_default().trim();
        let der = from_pem(&content, "PUBLIC KEY");
        let bytes = der.as_deref().unwrap_or(&content);
        let bytes = bytes.strip_prefix(&PUBLIC_PREFIX);
        let key = bytes.and_then(|bytes| bytes.try_into().ok().map(Self));
        key.or_else(|| Self::from_word(word))
            .ok_or_else(|| not_public(text))
    }

    fn from_word(word: &str) -> Option<Self> {
        let bytes = STANDARD.decode(word.strip_prefix(SCHEME)?).ok()?;
        bytes.try_into().ok().map(Self)
    }

    fn has_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, self.0);
        key.verify(text, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", STANDARD.encode(self.0))
    }
}

impl Trust {
    /// Believes these keys, of which `wanted` must have signed. A key that is named twice is one.
    ///
    /// *Errors*: [`KeyError::TooFew`].
    pub fn new(keys: Vec<PublicKey>, wanted: usize) -> Result<Self, KeyError> {
        let keys: BTreeSet<PublicKey> = keys.into_iter().collect();
        if wanted == 0 || keys.len() < wanted {
            let known = keys.len();
            return Err(KeyError::TooFew { wanted, known });
        }
        Ok(Self { keys, wanted })
    }

    /// Lists the keys that signed a manifest: each once, however many signatures it has.
    ///
    /// *Errors*: how many did and how many are wanted.
    pub(super) fn check(
        &self,
        manifest: &[u8],
        signatures: &[Vec<u8>],
    ) -> Result<Vec<String>, (usize, usize)> {
        let text = signed_text(manifest);
        let has_signed = |key: &&PublicKey| signatures.iter().any(|s| key.has_signed(&text, s));
        let found = self.keys.iter().filter(has_signed);
        let found: Vec<String> = found.map(PublicKey::to_string).collect();
        if found.len() < self.wanted {
            return Err((found.len(), self.wanted));
        }
        Ok(found)
    }
}

fn not_public(name: &str) -> KeyError {
    KeyError::NotAKey {
        name: name.to_owned(),
        wanted: "ed25519 public key (ed25519:BASE64, or a PEM file)",
    }
}

fn read(path: &Path) -> Result<Vec<u8>, KeyError> {
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_KEY_BYTES).read_to_end(&mut content))
        .map_err(file_error("read", path))?;
    Ok(content)
}

/// Unwraps PEM; none where it is not.
fn from_pem(content: &[u8], label: &str) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(content).ok()?;
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.split_whitespace().collect();
    STANDARD.decode(body).ok()
}

fn file_error(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> KeyError {
    let path = path.to_owned();
    move |source| KeyError::File {
        action,
        path,
        source,
    }
}
