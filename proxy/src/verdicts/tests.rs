//! Promises of the typed records, on the engine that forgets, and of sled against damage.

mod durability;
mod events;
mod filters;
mod lists;
mod packages;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use sluicegate_local::cache::{ContentStore, DocumentKind};
use sluicegate_local::store::{Key, MemoryStore, Op, Opened, SledStore, StoreError, VerdictStore};
use sluicegate_model::coverage::Coverage;
use sluicegate_model::finding::Finding;
use sluicegate_model::package::PackageType;
use sluicegate_model::samples;
use sluicegate_model::verdict::{Decision, PolicyReference, Provenance, Verdict};
use sluicegate_model::{Digest, Repository, Tag};
use tempfile::TempDir;

use super::*;

fn records() -> (TempDir, Records) {
    let directory = tempfile::tempdir().unwrap();
    let content = ContentStore::open(directory.path(), 1 << 30).unwrap();
    (
        directory,
        Records::new(Arc::new(MemoryStore::new()), content),
    )
}

impl Records {
    /// Writes a verdict over the one that is there.
    async fn put_verdict(&self, verdict: &Verdict) -> Result<(), StoreError> {
        let known = self
            .known_verdict(&verdict.repository, &verdict.digest)
            .await?;
        let replacement = Replacement::new(verdict, &known)?;
        assert_eq!(self.replace_verdicts(vec![replacement]).await?, [true]);
        Ok(())
    }
}

fn repository(name: &str) -> Repository {
    format!("up.test/{name}").parse().unwrap()
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn finding(id: &str, package: &str) -> Finding {
    let package = samples::component(package, "1.0", PackageType::Deb, None);
    let mut finding = samples::finding(id, &package);
    finding.aliases = vec![format!("GHSA-{id}")];
    finding.advisories = vec![format!("DSA-{id}")];
    finding.cvss = Some(7.5);
    finding.package.layer = Digest::of(id.as_bytes());
    finding
}

fn verdict(name: &str, image: &str, decided: i64, findings: Vec<Finding>) -> Verdict {
    Verdict {
        digest: Digest::of(image.as_bytes()),
        repository: repository(name),
        tags: vec!["1".parse().unwrap()],
        claimed_name: None,
        platform: "linux/amd64".into(),
        artifact: None,
        decision: if findings.is_empty() {
            Decision::Allow
        } else {
            Decision::Refuse
        },
        policy: PolicyReference {
            name: "default".into(),
            digest: Digest::of(b"policy"),
        },
        valid_until: Some(second(1000)),
        reasons: Vec::new(),
        allowed_by: Vec::new(),
        warnings: Vec::new(),
        findings,
        coverage: Coverage::from_gaps(Vec::new()),
        distro: None,
        packages: 88,
        provenance: Provenance {
            scanner: "test".into(),
            feeds: "none".into(),
            feed_time: None,
            scanned_at: second(decided),
            decided_at: second(decided),
            scan_ms: 41,
        },
    }
}

/// Findings whose text does not fit into a row.
fn many_findings() -> Vec<Finding> {
    let name = |n: usize| Digest::of(&n.to_le_bytes()).hex().to_owned();
    (0..400)
        .map(|n| finding(&name(n), &name(n + 1000)))
        .collect()
}

#[tokio::test]
async fn small_and_large_verdicts_come_back_whole() {
    let (_directory, records) = records();
    for findings in [Vec::new(), many_findings()] {
        let verdict = verdict("app", "image", 0, findings);
        records.put_verdict(&verdict).await.unwrap();
        let (repository, digest) = (&verdict.repository, &verdict.digest);
        let got = records.verdict(repository, digest).await.unwrap();
        assert_eq!(got.as_ref(), Some(&verdict));
        assert_eq!(
            records
                .verdict(&self::repository("other"), digest)
                .await
                .unwrap(),
            None
        );
    }
}

#[tokio::test]
async fn replaced_verdict_is_gone_from_every_index_and_from_the_disk() {
    let (directory, records) = records();
    let old = verdict("app", "image", 0, many_findings());
    let new = verdict("app", "image", 9, vec![finding("CVE-2", "zlib")]);
    records.put_verdict(&old).await.unwrap();
    records.put_verdict(&new).await.unwrap();
    let all = records
        .list_verdicts(&VerdictFilter::default(), 9, None)
        .await
        .unwrap();
    assert_eq!(all.items, std::slice::from_ref(&new));
    assert_eq!(records.verdicts_of(&old.digest).await.unwrap(), [new]);
    assert!(
        files_below(directory.path()).is_empty(),
        "the old findings stayed"
    );
}

#[tokio::test]
async fn whoever_knew_another_verdict_writes_nothing_and_leaves_nothing() {
    let (directory, records) = records();
    let old = verdict("app", "image", 0, many_findings());
    let mut late = verdict("app", "image", 8, many_findings());
    late.findings.pop();
    let known = records
        .known_verdict(&old.repository, &old.digest)
        .await
        .unwrap();
    records.put_verdict(&old).await.unwrap();
    let kept = files_below(directory.path());
    let other = verdict("app", "other", 8, Vec::new());
    let batch = [&late, &other].map(|verdict| Replacement::new(verdict, &known).unwrap());
    let written = records.replace_verdicts(batch.into()).await.unwrap();
    assert_eq!(written, [false, true]);
    let got = records.verdict(&old.repository, &old.digest).await.unwrap();
    assert_eq!(got, Some(old));
    assert_eq!(files_below(directory.path()), kept, "its document stayed");
}

#[tokio::test]
async fn tags_that_are_added_at_once_are_all_there() {
    let (_directory, records) = records();
    let verdict = verdict("app", "image", 0, Vec::new());
    records.put_verdict(&verdict).await.unwrap();
    let (repository, digest) = (&verdict.repository, &verdict.digest);
    let tags: Vec<Tag> = (1..=8).map(|n| n.to_string().parse().unwrap()).collect();
    let adding = tags
        .iter()
        .map(|tag| records.add_tag(repository, digest, tag));
    for tagged in futures_util::future::join_all(adding).await {
        tagged.unwrap().unwrap();
    }
    let got = records.verdict(repository, digest).await.unwrap().unwrap();
    assert_eq!(got.tags, tags);
    let absent = Digest::of(b"none");
    let tagged = records.add_tag(repository, &absent, &tags[0]).await;
    assert_eq!(tagged.unwrap(), None);
}

#[tokio::test]
async fn verdict_whose_document_is_damaged_counts_as_not_judged() {
    let (directory, records) = records();
    let verdict = verdict("app", "image", 0, many_findings());
    records.put_verdict(&verdict).await.unwrap();
    let files = files_below(directory.path());
    assert_eq!(files.len(), 1);
    flip(&files[0], 100);
    let got = records
        .verdict(&verdict.repository, &verdict.digest)
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
async fn lists_newest_first_page_by_page() {
    let (_directory, records) = records();
    for number in 0..700 {
        let verdict = verdict("app", &number.to_string(), number, Vec::new());
        records.put_verdict(&verdict).await.unwrap();
    }
    let mut after = None;
    let mut seen = Vec::new();
    loop {
        let filter = VerdictFilter::default();
        let page = records
            .list_verdicts(&filter, 256, after.as_deref())
            .await
            .unwrap();
        seen.extend(
            page.items
                .iter()
                .map(|verdict| verdict.provenance.decided_at),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (0..700).rev().map(second).collect();
    assert_eq!(seen, expected);
    for cursor in ["zz", "00", ""] {
        let filter = VerdictFilter::default();
        let listed = records.list_verdicts(&filter, 1, Some(cursor)).await;
        assert!(matches!(listed, Err(StoreError::Cursor(_))), "{cursor:?}");
    }
}

fn only(set: impl FnOnce(&mut VerdictFilter)) -> VerdictFilter {
    let mut filter = VerdictFilter::default();
    set(&mut filter);
    filter
}

#[tokio::test]
async fn verdicts_of_one_image_come_from_every_repository() {
    let (_directory, records) = records();
    let [a, b] = [
        verdict("a", "image", 1, Vec::new()),
        verdict("b", "image", 2, Vec::new()),
    ];
    for verdict in [&a, &b] {
        records.put_verdict(verdict).await.unwrap();
    }
    assert_eq!(records.verdicts_of(&a.digest).await.unwrap(), [b, a]);
    assert!(
        records
            .verdicts_of(&Digest::of(b"?"))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn membership_and_release_belong_to_one_repository() {
    let (_directory, records) = records();
    let (app, other) = (repository("app"), repository("app/other"));
    let [manifest, second, layer] = [&b"m"[..], b"n", b"l"].map(Digest::of);
    let list = [layer.clone()];
    for manifest in [&manifest, &second] {
        records
            .add_membership(&app, manifest, "type", &list, &[])
            .await
            .unwrap();
    }
    records.mark_released(&app, &manifest).await.unwrap();
    let member = records.membership(&app, &manifest).await.unwrap().unwrap();
    assert_eq!(
        (member.media_type.as_str(), &member.blobs[..]),
        ("type", &list[..])
    );
    assert!(member.released && member.children.is_empty());
    assert!(
        !records
            .membership(&app, &second)
            .await
            .unwrap()
            .unwrap()
            .released
    );
    assert_eq!(records.membership(&other, &manifest).await.unwrap(), None);
    assert!(!records.is_released(&other, &manifest).await.unwrap());

    let mut listing = records.manifests_listing(&app, &layer).await.unwrap();
    listing.sort();
    let mut expected = vec![manifest, second];
    expected.sort();
    assert_eq!(listing, expected);
    assert!(
        records
            .manifests_listing(&other, &layer)
            .await
            .unwrap()
            .is_empty()
    );

    records.mark_blob_present(&app, &layer).await.unwrap();
    assert!(records.blob_present(&app, &layer).await.unwrap());
    assert!(!records.blob_present(&other, &layer).await.unwrap());
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
async fn tags_and_platforms_are_remembered_within_bounds() {
    let (_directory, records) = records();
    let (app, tag) = (repository("app"), "latest".parse().unwrap());
    assert_eq!(records.tag(&app, &tag).await.unwrap(), None);
    let record = TagRecord {
        digest: Digest::of(b"m"),
        media_type: "type".into(),
        checked_at: second(0),
    };
    records.put_tag(&app, &tag, &record).await.unwrap();
    assert_eq!(records.tag(&app, &tag).await.unwrap(), Some(record));
    assert_eq!(records.tag(&repository("b"), &tag).await.unwrap(), None);

    for number in 0..100 {
        records
            .add_platform(&app, &format!("linux/{number}"))
            .await
            .unwrap();
        records.add_platform(&app, "linux/0").await.unwrap();
    }
    assert_eq!(records.platforms(&app).await.unwrap().len(), 16);
    assert!(
        records
            .platforms(&repository("b"))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn document_of_an_evicted_kind_never_takes_a_verdict_along() {
    let directory = tempfile::tempdir().unwrap();
    let content = ContentStore::open(directory.path(), 1).unwrap();
    let records = Records::new(Arc::new(MemoryStore::new()), content.clone());
    let verdict = verdict("app", "image", 0, many_findings());
    records.put_verdict(&verdict).await.unwrap();
    content
        .put_document(DocumentKind::Report, "r", vec![1; 1000])
        .await
        .unwrap();
    let blob = Bytes::from_static(b"larger than the store");
    content.put(&Digest::of(&blob), blob).await.unwrap();
    let got = records
        .verdict(&verdict.repository, &verdict.digest)
        .await
        .unwrap();
    assert_eq!(got, Some(verdict));
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}
