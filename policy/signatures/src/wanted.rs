//! What is looked for: which keys, what they have to say, and on what.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::signature::{Signed, Statement};
use sluicegate_model::{Digest, Repository};

use crate::key::PublicKey;

/// Largest document read, in bytes: an attestation carries an SBOM of some MiB at most.
pub const MAX_DOCUMENT_BYTES: usize = 4 * 1024 * 1024;

/// The keys that are looked for, and what they have to say.
#[derive(Clone, Debug)]
pub struct Wanted {
    keys: BTreeMap<Digest, PublicKey>,
    statements: BTreeSet<Statement>,
    /// The keys whose VEX documents are heard.
    vex: BTreeMap<Digest, PublicKey>,
    id: Digest,
}

impl Wanted {
    /// Collects keys and statements, each once.
    pub fn new<'a>(
        keys: impl IntoIterator<Item = &'a PublicKey>,
        statements: impl IntoIterator<Item = Statement>,
    ) -> Self {
        let keys = keys.into_iter().map(|key| (key.id().clone(), key.clone()));
        let (keys, statements): (BTreeMap<_, _>, BTreeSet<_>) =
            (keys.collect(), statements.into_iter().collect());
        let mut text = String::new();
        for part in keys
            .keys()
            .map(Digest::as_str)
            .chain(statements.iter().map(Statement::as_str))
        {
            text.push_str(part);
            text.push('\n');
        }
        Self {
            id: Digest::of(text.as_bytes()),
            keys,
            statements,
            vex: BTreeMap::new(),
        }
    }

    /// Wants what some keys say of weaknesses too.
    pub fn hearing<'a>(self, keys: impl IntoIterator<Item = &'a PublicKey>) -> Self {
        let keys = keys.into_iter().map(|key| (key.id().clone(), key.clone()));
        let vex: BTreeMap<_, _> = keys.collect();
        if vex.is_empty() {
            return self;
        }
        let ids = vex.keys().map(Digest::as_str);
        let parts: Vec<&str> = [self.id.as_str(), "vex"].into_iter().chain(ids).collect();
        let id = Digest::of(parts.join("\n").as_bytes());
        Self { vex, id, ..self }
    }

    /// Lists the keys whose VEX documents are heard.
    pub fn vex_keys(&self) -> BTreeSet<Digest> {
        self.vex.keys().cloned().collect()
    }

    /// Tells whether anything is looked for.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty() && self.vex.is_empty()
    }

    /// Names all of it.
    pub fn id(&self) -> &Digest {
        &self.id
    }

    /// Lists the keys.
    pub fn keys(&self) -> BTreeSet<Digest> {
        self.keys.keys().cloned().collect()
    }

    /// Lists the statements.
    pub fn statements(&self) -> &BTreeSet<Statement> {
        &self.statements
    }

    /// Tells whether signatures are looked for.
    pub fn asks_for_signatures(&self) -> bool {
        self.statements.contains(&Statement::Signature)
    }

    /// Tells whether attestations are looked for.
    pub fn asks_for_attestations(&self) -> bool {
        let mut statements = self.statements.iter();
        !self.vex.is_empty() || statements.any(|it| *it != Statement::Signature)
    }

    /// Lists the keys whose VEX documents are heard that have signed a message by one of some
    /// signatures.
    pub(crate) fn vex_signers(
        &self,
        (message, signatures): &(Vec<u8>, Vec<Vec<u8>>),
    ) -> Vec<Digest> {
        let has_signed = |key: &&PublicKey| {
            let mut signatures = signatures.iter();
            signatures.any(|signature| key.has_signed(message, signature))
        };
        let signers = self.vex.values().filter(has_signed);
        signers.map(|key| key.id().clone()).collect()
    }

    /// Lists the keys that have signed a message by one of some signatures, and so state something of
    /// a manifest.
    pub(crate) fn signers(
        &self,
        message: &[u8],
        signatures: &[Vec<u8>],
        statement: &Statement,
        manifest: &Digest,
    ) -> BTreeSet<Signed> {
        let has_signed = |key: &&PublicKey| {
            let mut signatures = signatures.iter();
            signatures.any(|signature| key.has_signed(message, signature))
        };
        let signers = self.keys.values().filter(has_signed);
        let signed = signers.map(|key| Signed {
            key: key.id().clone(),
            statement: statement.clone(),
            manifest: manifest.clone(),
        });
        signed.collect()
    }
}

/// The manifest on which signatures are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its digest.
    pub digest: &'a Digest,
    /// Its bytes, which have that digest.
    pub bytes: &'a [u8],
    /// What its repository is called, here and at its upstream.
    pub names: &'a [Repository],
}
