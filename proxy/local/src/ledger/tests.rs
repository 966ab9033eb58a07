//! Promises of the typed records, on the engine that forgets, and of sled against damage.

mod durability;
mod lists;
mod losses;
mod pulls;
mod record;
mod suite;
mod texts;
mod versions;
mod words;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use sluicegate_engine::content::{Content as _, DocumentKind};
use sluicegate_engine::ledger::{
    EventFilter, Events as _, Ledger, Lists as _, Membership as _, Packages as _, Replacement,
    VerdictFilter, Verdicts as _,
};
use sluicegate_engine::testkit::ledger_suite::lists::{only, pages};
use sluicegate_engine::testkit::ledger_suite::{
    finding, many_findings, put, repository, second, verdict,
};
use sluicegate_model::finding::Finding;
use sluicegate_model::package::PackageType;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Scope, samples};
use tempfile::TempDir;

use crate::cache::ContentStore;
use crate::cache::tests::files_below;
use crate::store::{Key, MemoryStore, Op, Opened, SledStore, StoreError, VerdictStore};

use super::*;

fn records() -> (TempDir, Records) {
    let directory = tempfile::tempdir().unwrap();
    let content = Arc::new(ContentStore::open(directory.path(), 1 << 30).unwrap());
    (
        directory,
        Records::new(Arc::new(MemoryStore::new()), content),
    )
}

#[tokio::test]
async fn findings_of_a_replaced_verdict_are_gone_from_the_disk() {
    let (directory, records) = records();
    let old = verdict("app", "image", 0, many_findings());
    let new = verdict("app", "image", 9, vec![finding("CVE-2", "zlib")]);
    put(&records, &old).await;
    put(&records, &new).await;
    assert!(
        files_below(directory.path()).is_empty(),
        "the old findings stayed"
    );
}

#[tokio::test]
async fn whoever_knew_another_verdict_leaves_nothing() {
    let (directory, records) = records();
    let old = verdict("app", "image", 0, many_findings());
    let mut late = verdict("app", "image", 8, many_findings());
    late.findings.pop();
    let known = records
        .known_verdict(&old.scope(), &old.digest)
        .await
        .unwrap();
    put(&records, &old).await;
    let kept = files_below(directory.path());
    let other = verdict("app", "other", 8, Vec::new());
    let batch =
        [&late, &other].map(|verdict| Replacement::new(&mut verdict.clone(), &known).unwrap());
    let written = records.replace_verdicts(batch.into()).await.unwrap();
    assert_eq!(written, [false, true]);
    let got = records.verdict(&old.scope(), &old.digest).await.unwrap();
    assert_eq!(got, Some(old));
    assert_eq!(files_below(directory.path()), kept, "its document stayed");
}

#[tokio::test]
async fn verdict_whose_document_is_damaged_counts_as_not_judged() {
    let (directory, records) = records();
    let verdict = verdict("app", "image", 0, many_findings());
    put(&records, &verdict).await;
    let files = files_below(directory.path());
    assert_eq!(files.len(), 1);
    flip(&files[0], 100);
    let got = records
        .verdict(&verdict.scope(), &verdict.digest)
        .await
        .unwrap();
    assert_eq!(got, None);
    let all = records
        .list_verdicts(&VerdictFilter::default(), 9, None)
        .await
        .unwrap();
    assert!(all.items.is_empty());
}

#[tokio::test]
async fn what_an_upstream_only_said_to_head_is_no_membership_any_more() {
    let (_directory, records) = records();
    let (app, digest) = (repository("app"), Digest::of(b"m"));
    let member = rows::MemberRow {
        media_type: "type".into(),
        blobs: Vec::new(),
        children: Vec::new(),
    };
    // The letters under which both kinds of proof were kept without a difference.
    let old = ["m", "b"].map(|letter| {
        let key = format!("{letter}\0{app}\0{digest}\0").into_bytes();
        rows::put(Key(key.into()), &member).unwrap()
    });
    records.store.apply(old.into()).await.unwrap();
    assert_eq!(records.membership(&app, &digest).await.unwrap(), None);
    assert!(!records.is_member(&app, &digest).await.unwrap());
    assert!(!records.blob_present(&app, &digest).await.unwrap());
}

#[tokio::test]
async fn document_of_an_evicted_kind_never_takes_a_verdict_along() {
    let directory = tempfile::tempdir().unwrap();
    let content = Arc::new(ContentStore::open(directory.path(), 1).unwrap());
    let records = Records::new(Arc::new(MemoryStore::new()), content.clone());
    let verdict = verdict("app", "image", 0, many_findings());
    put(&records, &verdict).await;
    content
        .put_document(DocumentKind::Report, "r", vec![1; 1000])
        .await
        .unwrap();
    let blob = Bytes::from_static(b"larger than the store");
    content.put(&Digest::of(&blob), blob).await.unwrap();
    let got = records
        .verdict(&verdict.scope(), &verdict.digest)
        .await
        .unwrap();
    assert_eq!(got, Some(verdict));
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}
