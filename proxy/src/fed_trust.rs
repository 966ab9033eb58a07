//! Whose plugins are believed that come from elsewhere: the keys of the setting `plugin_trust`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sluicegate_model::signature::{Signed, Statement};
use sluicegate_signatures::{KeyError, PublicKey, Wanted};

/// Largest file of a key, in bytes; RSA's longest has about 1,500.
const MAX_KEY_BYTES: u64 = 16 * 1024;
/// How a key begins that `feeds create-key` has printed.
const SCHEME: &str = "ed25519:";
/// What stands before the 32 bytes of such a key in DER. Source: RFC 8410, section 4.
const PREFIX: [u8; 12] = [48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0];
/// What shows that a text is a key and no file's name.
const PEM: &str = "-----BEGIN";

/// The keys that are believed.
#[derive(Clone, Debug)]
pub struct PluginTrust {
    keys: Vec<PublicKey>,
    wanted: Wanted,
}

/// Says why a key of the setting cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Its file cannot be read.
    #[error("plugin_trust: cannot read the key {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// It is no key.
    #[error("plugin_trust: {name}: {source}")]
    NoKey {
        /// Which, as it was written.
        name: String,
        /// Why not.
        source: KeyError,
    },
}

impl Default for PluginTrust {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            wanted: Wanted::new([], []),
        }
    }
}

impl PluginTrust {
    /// Reads keys, each a PEM text, what `feeds create-key` printed, or the name of a file with one.
    pub fn read(texts: &[String]) -> Result<Self, TrustError> {
        let keys: Vec<PublicKey> = texts.iter().map(|it| key(it)).collect::<Result<_, _>>()?;
        let wanted = Wanted::new(&keys, [Statement::Signature]);
        Ok(Self { keys, wanted })
    }

    /// Tells whether nobody is believed.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Gives what is looked for on an artifact.
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Names the keys that have signed a text by any of some signatures.
    pub fn signers(&self, text: &[u8], signatures: &[Vec<u8>]) -> Vec<String> {
        let has_signed = |key: &&PublicKey| {
            let mut signatures = signatures.iter();
            signatures.any(|signature| key.has_signed(text, signature))
        };
        let signers = self.keys.iter().filter(has_signed);
        signers.map(|key| key.id().to_string()).collect()
    }
}

/// Names the keys that have signed an artifact.
pub fn names(signed: &BTreeSet<Signed>) -> Vec<String> {
    signed.iter().map(|it| it.key.to_string()).collect()
}

fn key(text: &str) -> Result<PublicKey, TrustError> {
    let no_key = |name: &str| {
        let name = name.to_owned();
        move |source| TrustError::NoKey { name, source }
    };
    if text.trim_start().starts_with(PEM) {
        return PublicKey::from_pem(text).map_err(no_key("a key"));
    }
    if text.starts_with(SCHEME) {
        return of_word(text).map_err(no_key(text));
    }
    let content = read(Path::new(text)).map_err(|source| TrustError::Unreadable {
        path: PathBuf::from(text),
        source,
    })?;
    let content = content.trim();
    let key = if content.starts_with(SCHEME) {
        of_word(content)
    } else {
        PublicKey::from_pem(content)
    };
    key.map_err(no_key(text))
}

fn of_word(word: &str) -> Result<PublicKey, KeyError> {
    let bytes = word.strip_prefix(SCHEME).map(|it| STANDARD.decode(it));
    let bytes = bytes.ok_or(KeyError::NoKey)?;
    let bytes = bytes.map_err(|_| KeyError::Damaged)?;
    let der = STANDARD.encode([&PREFIX[..], &bytes].concat());
    PublicKey::from_pem(&format!(
        "-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----"
    ))
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(MAX_KEY_BYTES)
        .read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use sluicegate_feeds::bundle::SigningKey;

    use super::*;

    #[test]
    fn keys_are_read_as_they_are_printed_and_from_files() {
        let place = tempfile::tempdir().unwrap();
        let word = SigningKey::create(&place.path().join("key")).unwrap();
        let word = word.to_string();
        let file = place.path().join("public");
        let name = file.display().to_string();
        std::fs::write(&file, format!("{word}\n")).unwrap();
        let by_word = PluginTrust::read(std::slice::from_ref(&word)).unwrap();
        let by_file = PluginTrust::read(std::slice::from_ref(&name)).unwrap();
        assert_eq!(by_word.wanted().id(), by_file.wanted().id());
        assert!(PluginTrust::read(&[]).unwrap().is_empty());
        std::fs::write(&file, "something else").unwrap();
        for wrong in [
            name.as_str(),
            "ed25519:AAAA",
            "-----BEGIN x",
            "/no/such/file",
        ] {
            let error = PluginTrust::read(&[wrong.to_owned()])
                .unwrap_err()
                .to_string();
            assert!(error.starts_with("plugin_trust: "), "{error}");
        }
    }
}
