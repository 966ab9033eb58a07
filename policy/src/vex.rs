//! What authors say of weaknesses in products: OpenVEX and CSAF 2.0 as one list of statements.
//!
//! A statement that quiets a finding has to be certain: product, version and place are known to be
//! those meant, and it says why. One that does not is believed where it may be meant. Reading order:
//! `product`, the two formats (`openvex`, `csaf`), and `said`, what counts for a finding.

mod csaf;
mod openvex;
mod product;
mod reading;
mod said;
mod signed;

use jiff::Timestamp;
use sluicegate_model::Digest;
use sluicegate_model::strict_yaml::Mistake;
use sluicegate_model::vex::{VexJustification, VexStatement, VexStatus};

use crate::attached::AttachedText;
use product::Subject;
use reading::Reading;

pub(crate) use said::{Claim, Vex};
pub use signed::{NotHeard, said_in};

/// Largest file, in bytes: advisories on a whole distribution take some.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Longest statement that is shown, in characters: a verdict can hold many thousands.
const MAX_SHOWN_CHARS: usize = 300;

/// A document.
#[derive(Debug)]
pub(crate) struct VexDocument {
    /// Its file, as policies name it.
    pub path: String,
    /// The digest of its text.
    pub digest: Digest,
    /// Its id, as the author gave it.
    pub id: String,
    /// Who says all of it.
    pub author: String,
    /// Who signed it, where it is attached to an image.
    pub signed: Option<SignedBy>,
    pub statements: Vec<Statement>,
}

/// Who signed a document, and for which manifest.
#[derive(Debug)]
pub(crate) struct SignedBy {
    pub key: Digest,
    /// The image's own, or an index that lists it.
    pub manifest: Digest,
    /// Whether it was said once and is said no more: then it quiets nothing.
    pub is_gone: bool,
}

/// One statement on one weakness.
#[derive(Debug)]
pub(crate) struct Statement {
    /// What the weakness is called.
    pub name: String,
    /// Its other names.
    pub aliases: Vec<String>,
    pub status: VexStatus,
    pub justification: Option<VexJustification>,
    pub words: Option<String>,
    /// Since when it is said.
    pub at: Timestamp,
    /// What it is about: those of its products that can be recognized.
    pub subjects: Vec<Subject>,
}

impl VexDocument {
    /// Reads a document of either format.
    pub(crate) fn read(text: &AttachedText) -> Result<Self, Vec<Mistake>> {
        let mut reading = Reading::default();
        let document = reading.document(text);
        match document {
            Some(document) if reading.mistakes.is_empty() => Ok(document),
            _ => Err(reading.mistakes),
        }
    }

    /// Names who speaks, apart from all others: the key of a signed one, whatever it says of itself.
    fn speaker(&self) -> (bool, &str) {
        match &self.signed {
            Some(signed) => (true, signed.key.as_str()),
            None => (false, &self.author),
        }
    }
}

impl Statement {
    /// Tells whether it quiets what it is about: `not_affected` says why.
    pub(crate) fn quiets(&self) -> bool {
        match self.status {
            VexStatus::NotAffected => self.justification.is_some() || self.words.is_some(),
            VexStatus::Fixed => true,
            VexStatus::Affected | VexStatus::UnderInvestigation => false,
        }
    }

    /// Shows it as verdicts do, for a policy.
    pub(crate) fn shown(&self, document: &VexDocument, policy: &str) -> VexStatement {
        let words = self.words.as_deref().map(shortened);
        VexStatement {
            status: self.status,
            justification: self.justification,
            statement: words,
            author: shortened(&document.author),
            document: shortened(&document.id),
            file: document.path.clone(),
            key: document.signed.as_ref().map(|it| it.key.clone()),
            timestamp: self.at,
            policies: vec![policy.to_owned()],
        }
    }
}

/// Makes a text one line that is not too long.
fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MAX_SHOWN_CHARS {
        return line;
    }
    let kept: String = line.chars().take(MAX_SHOWN_CHARS - 1).collect();
    format!("{kept}…")
}
