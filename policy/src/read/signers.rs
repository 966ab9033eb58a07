//! Who has to have signed an image, or attested to something of it: `signedBy` and `attestedBy`.

use sluicegate_model::Digest;
use sluicegate_model::signature::Statement;
use sluicegate_model::strict_yaml::{Fields, Node, Value};
use sluicegate_signatures::{PublicKey, SIGN_PREDICATE};

use super::{DocumentReader, MAX_PATTERN_BYTES, NOT_YET};
use crate::attached::{self, AttachedText, KeyFile, NamedFile, is_path, keys_in};
use crate::image::Stated;

/// Most keys of one condition: each is held against each signature.
const MAX_KEYS: usize = 32;

/// What names a signer and is no key: not yet understood.
const LATER: [&str; 9] = [
    "issuer",
    "issuerRegExp",
    "subject",
    "subjectRegExp",
    "identity",
    "identities",
    "certificate",
    "keyless",
    "notation",
];

/// Short names of predicates, as cosign's `--type` takes them.
/// Source: cosign's `cmd/cosign/cli/options/predicate.go`.
const PREDICATES: [(&str, &str); 10] = [
    ("custom", "https://cosign.sigstore.dev/attestation/v1"),
    ("cyclonedx", "https://cyclonedx.org/bom"),
    ("link", "https://in-toto.io/Link/v1"),
    ("openvex", "https://openvex.dev/ns"),
    ("slsaprovenance", "https://slsa.dev/provenance/v0.2"),
    ("slsaprovenance02", "https://slsa.dev/provenance/v0.2"),
    ("slsaprovenance1", "https://slsa.dev/provenance/v1"),
    ("spdx", "https://spdx.dev/Document"),
    ("spdxjson", "https://spdx.dev/Document"),
    ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
];

impl DocumentReader<'_> {
    /// Reads who has to have signed: a key, or a list of which one is enough.
    pub(super) fn signed_by(&mut self, node: &Node) -> Option<Stated> {
        if matches!(node.value, Value::Map(_)) {
            return self.without_key(node);
        }
        let keys = self.keys(node)?;
        Some(Stated {
            statement: Statement::Signature,
            keys,
        })
    }

    /// Reads whose documents are heard: a list of keys.
    pub(super) fn trusted(&mut self, node: &Node) -> Option<Vec<PublicKey>> {
        self.kept(node.list())?;
        self.keys(node)
    }

    /// Reads who has to have attested to what.
    pub(super) fn attested_by(&mut self, node: &Node) -> Option<Stated> {
        let mut fields = self.kept(Fields::of(node))?;
        let before = self.mistakes.len();
        for key in LATER {
            fields.reject(key, NOT_YET, &mut self.mistakes);
        }
        let is_later = self.mistakes.len() > before;
        let (kind, keys) = (fields.take("type"), fields.take("keys"));
        fields.finish(&mut self.mistakes);
        if let (None, false) = (keys, is_later) {
            self.mistakes.push(node.mistake("\"keys\" is missing"));
        }
        if kind.is_none() {
            let message = "\"type\" is missing: the predicate's type, or cosign's short name of it";
            self.mistakes.push(node.mistake(message));
        }
        let statement = kind.and_then(|node| self.predicate(node));
        let keys = keys.and_then(|node| self.keys(node));
        Some(Stated {
            statement: statement?,
            keys: keys?,
        })
    }

    /// Says of a signer that is described, and not named by a key, what is not understood.
    fn without_key(&mut self, node: &Node) -> Option<Stated> {
        let mut fields = self.kept(Fields::of(node))?;
        let before = self.mistakes.len();
        for key in LATER {
            fields.reject(key, NOT_YET, &mut self.mistakes);
        }
        if self.mistakes.len() == before {
            self.mistakes.push(node.wanted(KEYS));
        }
        None
    }

    fn keys(&mut self, node: &Node) -> Option<Vec<PublicKey>> {
        let items = keys_in(node);
        if items.is_empty() || items.len() > MAX_KEYS {
            let wanted = format!("at least one public key, at most {MAX_KEYS}");
            self.mistakes.push(node.wanted(&wanted));
            return None;
        }
        // Every mistake is told, not the first alone.
        let keys: Vec<Option<PublicKey>> = items.iter().map(|item| self.key(item)).collect();
        keys.into_iter().collect()
    }

    /// Reads a key. What people write for one is made a key here and nowhere else.
    pub(super) fn key(&mut self, node: &Node) -> Option<PublicKey> {
        if matches!(node.value, Value::Map(_)) {
            self.without_key(node);
            return None;
        }
        let Ok(text) = node.text() else {
            self.mistakes.push(node.wanted(KEYS));
            return None;
        };
        if is_path(text) {
            return self.key_file(node, text);
        }
        let key = PublicKey::from_pem(text);
        self.kept(key.map_err(|why| node.mistake(why.to_string())))
    }

    /// Reads a key from its file, which lies below the folder of this one.
    fn key_file(&mut self, node: &Node, text: &str) -> Option<PublicKey> {
        if text.contains("://") {
            let message = format!("keys that are kept elsewhere are {NOT_YET}; wanted {KEYS}");
            self.mistakes.push(node.mistake(message));
            return None;
        }
        let text = self.file(node, "the file of one public key")?;
        let key = PublicKey::from_pem(&text.file.text);
        let key = key.map_err(|why| node.mistake(format!("{:?}: {why}", text.path)));
        let key = self.kept(key)?;
        let digest = Digest::of(text.file.text.as_bytes());
        self.key_files
            .insert(text.path.clone(), KeyFile { text, digest });
        Some(key)
    }

    /// Gives what lies under a path, which is one file.
    pub(super) fn file(&mut self, node: &Node, wanted: &str) -> Option<AttachedText> {
        let path = attached::downward(self.kept(node.text())?);
        let path = self.kept(path.map_err(|why| node.mistake(why.to_string())))?;
        let named = NamedFile {
            by: self.by.to_owned(),
            path,
        };
        let found = attached::found(&named, self.attached).and_then(|found| match found {
            [file] if file.path == named.path => Ok(file.clone()),
            _ => Err(format!("{:?} is a folder; wanted {wanted}", named.path)),
        });
        self.kept(found.map_err(|why| node.mistake(why)))
    }

    fn predicate(&mut self, node: &Node) -> Option<Statement> {
        let text = self.filled_text(node)?;
        let known = PREDICATES.iter().find(|(short, _)| *short == text);
        let text = known.map_or(text, |(_, predicate)| (*predicate).to_owned());
        let is_uri = text.contains(':') || text.contains('/');
        if text == SIGN_PREDICATE {
            let message = "this is what signatures say: `signedBy` asks for them";
            self.mistakes.push(node.mistake(message));
        } else if !is_uri || text.len() > MAX_PATTERN_BYTES {
            let short: Vec<&str> = PREDICATES.iter().map(|(short, _)| *short).collect();
            let wanted = format!("a predicate's type, a URI, or one of {}", short.join(", "));
            self.mistakes.push(node.wanted(&wanted));
        } else {
            return Some(Statement::Attestation(text));
        }
        None
    }
}

/// What is wanted where somebody is named.
const KEYS: &str = "a public key as PEM text, or the path of its file, or a list of those";
