//! Statements and bills of a few words, for tests of what is done with them.

use std::io;
use std::sync::Arc;

use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Verdict;

use crate::attest::{AttestationKey, Attests, Bill, JudgedImage, JudgedIndex, Statement, Writes};

/// Writes who decided what and when, or nothing at all.
#[derive(Clone, Copy, Debug)]
pub struct PlainWrites {
    is_silent: bool,
}

impl PlainWrites {
    /// Signs with a key of its own.
    pub fn attests() -> Attests {
        Self { is_silent: false }.by_a_key()
    }

    /// Says nothing of any image, so that nothing is attached to one.
    pub fn silent() -> Attests {
        Self { is_silent: true }.by_a_key()
    }

    fn by_a_key(self) -> Attests {
        let (key, _) = AttestationKey::make().unwrap();
        Attests {
            key: Arc::new(key),
            writes: Arc::new(self),
        }
    }
}

impl Writes for PlainWrites {
    fn statements(&self, verdict: &Verdict) -> io::Result<Vec<Statement>> {
        if self.is_silent {
            return Ok(Vec::new());
        }
        let digest = verdict.digest.hex();
        let written = |predicate: &'static str| {
            let said = serde_json::json!({
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{"digest": {"sha256": digest}}],
                "predicateType": predicate,
                "predicate": [verdict.decision.as_str(), verdict.provenance.decided_at.to_string()],
            });
            Statement {
                predicate,
                text: said.to_string().into_bytes(),
            }
        };
        Ok(["urn:one", "urn:two"].map(written).into())
    }

    fn of_index(&self, index: &JudgedIndex) -> io::Result<Vec<Statement>> {
        if self.is_silent {
            return Ok(Vec::new());
        }
        let said = |image: &JudgedImage| {
            let decided_at = image.verdict.provenance.decided_at;
            format!("{} {decided_at}", image.verdict.digest)
        };
        let said = serde_json::json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": index.digest.hex()}}],
            "predicateType": "urn:one",
            "predicate": index.images.iter().map(said).collect::<Vec<_>>(),
        });
        let text = said.to_string().into_bytes();
        let predicate = "urn:one";
        Ok(vec![Statement { predicate, text }])
    }

    fn bills(&self, verdict: &Verdict, inventory: &Inventory) -> io::Result<Vec<Bill>> {
        let (digest, count) = (&verdict.digest, inventory.components.len());
        let written = |media_type| Bill {
            media_type,
            text: format!("{{\"{media_type}\": \"{count} in {digest}\"}}").into_bytes(),
        };
        Ok(["application/vnd.cyclonedx+json", "application/spdx+json"]
            .map(written)
            .into())
    }
}
