//! Verdicts that are made anew and say the same, and those of an earlier form.

use std::os::unix::fs::MetadataExt as _;

use sluicegate_engine::content::PackedDocument;
use sluicegate_engine::ledger::{BasisNumber, Known, stored};
use sluicegate_model::heard::{HeardVex, Remembered, SignedDocument, Unheard, VexMark};
use sluicegate_model::signature::{Signatures, Signed, Statement};
use sluicegate_model::vex::VexStatus;

use super::rows::{VerdictBody, VerdictRow};
use super::*;

async fn known(records: &Records, verdict: &Verdict) -> Known {
    let (scope, digest) = (&verdict.scope(), &verdict.digest);
    records.known_verdict(scope, digest).await.unwrap()
}

async fn replace(records: &Records, verdict: &Verdict, known: &Known) -> bool {
    let new = Replacement::new(&mut verdict.clone(), known).unwrap();
    records.replace_verdicts(vec![new]).await.unwrap() == [true]
}

/// Gives the same verdict, made anew: another policy and feed, and later.
fn anew(verdict: &Verdict, decided: i64) -> Verdict {
    let mut anew = verdict.clone();
    anew.policy.digest = Digest::of(b"another policy");
    anew.valid_until = Some(second(decided + 60));
    anew.provenance.feed_time = Some(second(decided));
    anew.provenance.decided_at = second(decided);
    anew
}

#[tokio::test]
async fn a_verdict_that_says_the_same_writes_no_text_and_answers_with_its_time() {
    let (directory, records) = records();
    let large = verdict("app", "large", 0, many_findings());
    let small = verdict("app", "small", 0, vec![finding("CVE-1", "zlib")]);
    let inode = || {
        let files = files_below(directory.path());
        assert_eq!(files.len(), 1);
        files[0].metadata().unwrap().ino()
    };
    put(&records, &large).await;
    put(&records, &small).await;
    let before = inode();
    for first in [&large, &small] {
        let (was, anew) = (known(&records, first).await, anew(first, 9));
        assert!(replace(&records, &anew, &was).await);
        let is = known(&records, &anew).await;
        assert_eq!(is.verdict(), Some(anew.clone()));
        assert_ne!(is.mark, was.mark, "another may not take it for the old one");
        assert!(!replace(&records, first, &was).await);
    }
    assert_eq!(inode(), before, "the document was written again");
    // Without its row the text is gone: had it been written again, it would be here.
    let was = known(&records, &small).await;
    let row = keys::text(&small.scope(), &small.digest);
    let gone = vec![Op::Delete { key: row }];
    records.store.apply(gone).await.unwrap();
    assert!(replace(&records, &anew(&small, 10), &was).await);
    let lost = known(&records, &small).await;
    assert_eq!(lost.verdict(), None);
    // What could not be read is written whole.
    assert!(replace(&records, &anew(&small, 11), &lost).await);
    let found = known(&records, &small).await.verdict();
    assert_eq!(found, Some(anew(&small, 11)));
}

#[tokio::test]
async fn a_text_moves_between_row_and_document_and_leaves_nothing() {
    let (directory, records) = records();
    let small = verdict("app", "image", 0, Vec::new());
    let large = verdict("app", "image", 1, many_findings());
    let row = keys::text(&small.scope(), &small.digest);
    for (verdict, files) in [(&small, 0), (&large, 1), (&small, 0)] {
        put(&records, verdict).await;
        assert_eq!(
            known(&records, verdict).await.verdict().as_ref(),
            Some(verdict)
        );
        assert_eq!(files_below(directory.path()).len(), files);
        let is_row = records.store.get(&row).await.unwrap().is_some();
        assert_eq!(is_row, files == 0);
    }
}

#[tokio::test]
async fn verdicts_of_an_earlier_form_are_read_and_replaced() {
    let (directory, records) = records();
    let verdict = verdict("app", "image", 0, many_findings());
    let text = stored::verdict_text(&verdict).unwrap();
    let packed = zstd::bulk::compress(&text, 3).unwrap();
    let name = format!("{} {}", verdict.repository, Digest::of(&packed));
    let kind = DocumentKind::Verdict;
    let document = PackedDocument::from_packed(kind, &name, text.len(), &packed).unwrap();
    let documents = vec![document];
    records.content.put_documents(documents).await.unwrap();
    for body in [VerdictBody::Inline(packed), VerdictBody::Document(name)] {
        let row = VerdictRow {
            decided_at: verdict.provenance.decided_at,
            decision: verdict.decision,
            marks: None,
            body,
            basis: BasisNumber::default(),
        };
        let key = keys::verdict(&verdict.scope(), &verdict.digest);
        let row = rows::put_verdict(key, &row).unwrap();
        records.store.apply(vec![row]).await.unwrap();
        let was = known(&records, &verdict).await;
        assert_eq!(was.verdict().as_ref(), Some(&verdict));
        let of = (&verdict.scope(), &verdict.digest);
        let bytes = records.verdict_bytes(of.0, of.1).await.unwrap();
        assert_eq!(bytes, Some(text.len() as u64));
        assert!(replace(&records, &anew(&verdict, 9), &was).await);
        let is = known(&records, &verdict).await.verdict();
        assert_eq!(is, Some(anew(&verdict, 9)));
    }
    assert_eq!(files_below(directory.path()).len(), 1, "the new one");
}

/// Gives what is known where one of two keys has signed the image, and not all was seen.
fn signatures() -> Signatures {
    let keys = [Digest::of(b"key"), Digest::of(b"other key")];
    let spdx = Statement::Attestation("https://spdx.dev/Document".into());
    Signatures {
        found: vec![Signed {
            key: Digest::of(b"key"),
            statement: Statement::Signature,
            manifest: Digest::of(b"manifest"),
        }],
        keys: keys.into(),
        statements: [Statement::Signature, spdx].into(),
        looked_up_at: "2026-11-20T10:00:00Z".parse().unwrap(),
        unknown: Some("the list of referrers: connection refused".into()),
        vex: Some(heard()),
    }
}

/// Gives what was heard of a key, and what was not.
fn heard() -> HeardVex {
    let [key, manifest, digest] = ["key", "manifest", "vex"].map(|it| Digest::of(it.as_bytes()));
    let said = VexMark {
        product: "{\"@id\":\"pkg:npm/x\"}".into(),
        vulnerability: "CVE-1".into(),
        aliases: vec!["GHSA-1".into()],
        status: VexStatus::Fixed,
        at: "2026-11-20T10:00:00Z".parse().unwrap(),
    };
    let gone = Remembered {
        key: key.clone(),
        manifest: manifest.clone(),
        said,
    };
    let unheard = Unheard {
        key: key.clone(),
        manifest: manifest.clone(),
        document: Some(digest.clone()),
        why: "it is older".into(),
    };
    HeardVex {
        keys: [key.clone()].into(),
        documents: vec![SignedDocument {
            key,
            manifest,
            digest,
            text: "{\"a\": \"\u{e9}\"}".into(),
        }],
        remembered: vec![gone],
        unheard: vec![unheard],
    }
}

#[test]
fn what_earlier_texts_lack_is_kept() {
    let mut verdict = verdict("app", "image", 0, many_findings());
    verdict.signatures = Some(signatures());
    let date = Some(verdict.provenance.decided_at);
    verdict.first_seen = date;
    verdict.findings[0].published = date;
    verdict.findings[1].fix_published = date;
    verdict.findings[2].vex = vec![samples::vex_statement()];
    verdict.findings[2].vex[0].key = Some(Digest::of(b"key"));
    let text = stored::verdict_text(&verdict).unwrap();
    assert_eq!(stored::read_verdict(&text), Some(verdict));
}
