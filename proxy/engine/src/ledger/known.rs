//! What is known of an image before it is judged: its verdict, whose findings are read only where
//! somebody asks for them.

use std::ops::Range;

use sluicegate_model::Digest;
use sluicegate_model::finding::Finding;
use sluicegate_model::verdict::Verdict;

use super::bases::BasisNumber;
use super::replacement::{Mark, Stamp};
use super::stored;
use crate::reused::Reused;

/// A stored verdict, and its mark.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The verdict; none where there is none or it is damaged.
    pub earlier: Option<Earlier>,
    /// What nobody else may have replaced meanwhile; none where there is none.
    pub mark: Option<Mark>,
    /// The number of the basis that it rests on.
    pub basis: BasisNumber,
}

impl Known {
    /// Gives the verdict but for its findings.
    pub fn head(&self) -> Option<&Verdict> {
        self.earlier.as_ref().map(Earlier::head)
    }

    /// Reads the verdict, all of it; none where there is none or it is damaged.
    pub fn verdict(&self) -> Option<Verdict> {
        self.earlier.clone().and_then(Earlier::whole)
    }
}

/// A stored verdict: nearly all of it is findings, which mostly stay as they were.
#[derive(Clone, Debug)]
pub struct Earlier {
    /// The verdict without its findings.
    head: Verdict,
    text: Reused,
    /// Where the findings stand in the text.
    findings: Range<usize>,
    /// How it is packed, where the text is without its stamp.
    packed: Option<PackedAs>,
}

/// How a text lies in a ledger.
#[derive(Clone, Debug)]
pub struct PackedAs {
    /// The digest of its compressed bytes.
    pub digest: Digest,
    /// Whether it is kept apart from the ledger's rows.
    pub is_apart: bool,
}

impl Earlier {
    /// Reads a text that is without its stamp, and is packed; none where it is damaged.
    pub fn stamped(stamp: Stamp, text: Vec<u8>, packed: PackedAs) -> Option<Self> {
        let mut earlier = Self::of(text)?;
        stamp.swapped_with(&mut earlier.head);
        earlier.packed = Some(packed);
        Some(earlier)
    }

    /// Reads the text of a whole verdict; none where it is damaged.
    pub fn of(text: Vec<u8>) -> Option<Self> {
        let findings = stored::findings_in(&text).ok()?;
        let head = stored::without(&text, &findings)?;
        Some(Self {
            head: stored::read_verdict(&head)?,
            text: text.into(),
            findings,
            packed: None,
        })
    }

    /// Gives the verdict but for its findings: it has none.
    pub fn head(&self) -> &Verdict {
        &self.head
    }

    /// Reads the findings; none where they are damaged.
    pub fn findings(&self) -> Option<Vec<Finding>> {
        stored::read_findings(self.findings_text())
    }

    /// Reads the verdict, all of it; none where it is damaged.
    pub fn whole(self) -> Option<Verdict> {
        let findings = self.findings()?;
        Some(Verdict {
            findings,
            ..self.head
        })
    }

    /// Tells how long the text is, in bytes.
    pub(super) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Gives the text of the findings.
    pub(super) fn findings_text(&self) -> &[u8] {
        self.text.get(self.findings.clone()).unwrap_or_default()
    }

    /// Tells how a text without a stamp is packed already, if this is it.
    pub(super) fn packed_as(&self, text: &[u8]) -> Option<&PackedAs> {
        self.packed.as_ref().filter(|_| **self.text == *text)
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_model::samples;

    use super::*;
    use crate::ledger::{PackedBytes, Replacement};

    /// Makes a verdict whose other texts look like the place of its findings.
    fn misleading() -> Verdict {
        let mut verdict = samples::verdict_with_everything();
        verdict.reasons[0].message = r#"","findings":[{"id":"CVE-1"}],"findings":[]"#.into();
        verdict.warnings = vec![
            r#""findings":[],"#.into(),
            r#"],"findings":["#.into(),
            r#"],"coverage":{"#.into(),
            r"]\".into(),
        ];
        verdict.findings[0].detail = Some(r#"],"coverage":{"status":"#.into());
        verdict.coverage.gaps[0].detail = r#"],"coverage":{"]"#.into();
        verdict
    }

    fn kept(verdict: &Verdict) -> (Known, Replacement) {
        let new = Replacement::new(&mut verdict.clone(), &Known::default()).unwrap();
        let PackedBytes::New { bytes, digest } = &new.text.bytes else {
            panic!("nothing was there before")
        };
        let text = zstd::bulk::decompress(bytes, new.text.text_bytes).unwrap();
        let packed = PackedAs {
            digest: digest.clone(),
            is_apart: false,
        };
        let stamp = Stamp::of(&new.summary);
        let known = Known {
            mark: Some(stamp.mark(digest)),
            earlier: Earlier::stamped(stamp, text, packed),
            ..Known::default()
        };
        (known, new)
    }

    #[test]
    fn a_verdict_is_read_as_it_was_written_whatever_its_texts_hold() {
        for verdict in [misleading(), samples::verdict()] {
            let (known, _) = kept(&verdict);
            assert_eq!(known.verdict().unwrap(), verdict);
            let head = known.head().unwrap();
            assert_eq!((head.findings.len(), &head.reasons), (0, &verdict.reasons));
            assert_eq!(head.coverage, verdict.coverage);
            let whole = Earlier::of(stored::verdict_text(&verdict).unwrap());
            assert_eq!(whole.and_then(Earlier::whole).unwrap(), verdict);
        }
    }

    #[test]
    fn what_says_the_same_is_not_packed_again_and_tells_nothing() {
        let verdict = misleading();
        let (known, first) = kept(&verdict);
        let mut again = verdict.clone();
        again.provenance.decided_at = jiff::Timestamp::MAX;
        let new = Replacement::new(&mut again, &known).unwrap();
        assert_eq!(new.text.new_bytes(), None);
        assert_eq!(new.text.digest(), first.text.digest());
        assert_eq!(new.old_terms.as_ref(), Some(&new.terms));
        assert!(new.change.is_none());
    }

    #[test]
    fn another_decision_on_the_same_findings_is_told_and_packed() {
        let verdict = misleading();
        let (known, _) = kept(&verdict);
        let mut other = verdict.clone();
        other.decision = sluicegate_model::verdict::Decision::Allow;
        assert_ne!(verdict.decision, other.decision);
        let new = Replacement::new(&mut other, &known).unwrap();
        assert!(new.text.new_bytes().is_some());
        let change = new.change.unwrap();
        assert_eq!(
            (change.findings.added.count, change.findings.removed.count),
            (0, 0)
        );
        let changed = crate::events::difference((&verdict, &verdict.findings.clone()), &other);
        assert_eq!(Some(change), changed);
    }
}
