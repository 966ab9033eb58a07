//! What every origin promises, whatever is behind it: run against each over a registry in memory
//! that it asks in its own way.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sluicegate_model::manifest::Descriptor;
use sluicegate_model::media_type::OCI_MANIFEST;
use sluicegate_model::registry::TagPage;
use sluicegate_model::{Digest, Reference, Repository};

use super::{Fault, MemoryOrigin};
use crate::origin::{Askers, BlobPart, Failure, Origin, OriginBlob, OriginError};

const BLOB: &[u8] = b"0123456789";

/// An origin, and the registry that it asks.
struct Pair {
    memory: MemoryOrigin,
    origin: Arc<dyn Origin>,
}

/// Proves what is promised of the origins that `over` makes, each over a registry of its own.
pub async fn prove(over: impl AsyncFn(MemoryOrigin) -> Arc<dyn Origin>) {
    let new = async || {
        let memory = MemoryOrigin::default();
        memory.push_manifest("lib/app", "1", OCI_MANIFEST, b"{}");
        memory.push_blob("lib/app", BLOB);
        let origin = over(memory.clone()).await;
        Pair { memory, origin }
    };
    manifests_come_with_their_own_digest(new().await).await;
    a_head_tells_where_a_tag_points_and_may_tell_nothing(new().await).await;
    blobs_come_whole_and_from_an_offset(new().await).await;
    a_cut_blob_says_so_and_goes_on_where_it_was_cut(new().await).await;
    a_limit_on_a_blob_is_told_with_its_end(new().await).await;
    trouble_and_absence_are_told_apart(new().await).await;
    a_part_is_that_part_the_whole_or_neither(new().await).await;
    tags_come_in_pages_and_all_at_once(new().await).await;
    referrers_come_by_their_type(new().await).await;
    an_answer_that_is_late_comes_all_the_same(new().await).await;
}

fn app() -> Repository {
    "up.test/lib/app".parse().unwrap()
}

fn digest() -> Digest {
    Digest::of(BLOB)
}

impl Pair {
    /// Starts the blob for itself.
    async fn blob(&self, offset: u64) -> Result<OriginBlob, OriginError> {
        let askers = Askers::of(&digest());
        self.origin.blob(&askers, &app(), &digest(), offset).await
    }

    async fn read(&self, offset: u64) -> Vec<u8> {
        read(self.blob(offset).await.unwrap()).await.unwrap()
    }
}

async fn read(blob: OriginBlob) -> Result<Vec<u8>, OriginError> {
    let all: Vec<_> = blob.pieces.try_collect().await?;
    Ok(all.concat())
}

async fn manifests_come_with_their_own_digest(pair: Pair) {
    let by_digest = Reference::Digest(Digest::of(b"{}"));
    for reference in ["1".parse().unwrap(), by_digest.clone()] {
        for found in [
            pair.origin.manifest(&app(), &reference).await.unwrap(),
            pair.origin.manifest_soon(&app(), &reference).await.unwrap(),
        ] {
            assert_eq!(found.bytes, "{}");
            assert_eq!(found.media_type, OCI_MANIFEST);
            assert_eq!(found.digest, Digest::of(b"{}"));
        }
    }
    let absent = pair.origin.manifest(&app(), &"2".parse().unwrap()).await;
    assert_eq!(absent.unwrap_err().failure, Failure::Absent);
    pair.memory.fail("manifests", Fault::OtherBytes);
    let other = pair.origin.manifest(&app(), &by_digest).await;
    assert_eq!(other.unwrap_err().failure, Failure::Broken);
}

async fn a_head_tells_where_a_tag_points_and_may_tell_nothing(pair: Pair) {
    let tag = "1".parse().unwrap();
    let head = pair.origin.head(&app(), &tag).await.unwrap();
    let head = head.expect("it says where");
    assert_eq!(head.digest, Digest::of(b"{}"));
    assert_eq!(head.media_type, OCI_MANIFEST);
    pair.memory.fail("HEAD", Fault::Absent);
    assert_eq!(pair.origin.head(&app(), &tag).await.unwrap(), None);
    assert!(pair.origin.manifest(&app(), &tag).await.is_ok());
    pair.memory.mend("HEAD");
    let limit = Fault::Limited {
        times: 1,
        retry_after: None,
    };
    pair.memory.fail("HEAD", limit);
    let limited = pair.origin.head(&app(), &tag).await;
    assert!(limited.unwrap_err().is_too_much(), "for GET as well");
}

async fn blobs_come_whole_and_from_an_offset(pair: Pair) {
    for offset in [0, 4] {
        let blob = pair.blob(offset).await.unwrap();
        assert_eq!((blob.offset, blob.total_len), (offset, Some(10)));
        assert_eq!(
            read(blob).await.unwrap(),
            BLOB[usize::try_from(offset).unwrap()..]
        );
    }
    pair.memory.fail("blobs", Fault::IgnoresRange);
    let whole = pair.blob(4).await.unwrap();
    assert_eq!((whole.offset, whole.total_len), (0, Some(10)));
    assert_eq!(read(whole).await.unwrap(), BLOB);
    pair.memory.fail("blobs", Fault::Untold);
    let untold = pair.blob(0).await.unwrap();
    assert_eq!(untold.total_len, None);
    assert_eq!(read(untold).await.unwrap(), BLOB);
    // Whoever reads it hashes.
    pair.memory.fail("blobs", Fault::OtherBytes);
    let other = pair.read(0).await;
    assert!(other.len() == BLOB.len() && other != BLOB, "{other:?}");
}

async fn a_cut_blob_says_so_and_goes_on_where_it_was_cut(pair: Pair) {
    pair.memory.fail("blobs", Fault::Cut(4));
    let mut cut = pair.blob(0).await.unwrap();
    let mut came = Vec::new();
    let error = loop {
        match cut.pieces.try_next().await {
            Ok(piece) => came.extend(piece.expect("it ends with an error")),
            Err(error) => break error,
        }
    };
    assert!(error.is_retryable() && !error.is_an_answer(), "{error}");
    assert_eq!(came, BLOB[..4]);
    came.extend(pair.read(4).await);
    assert_eq!(came, BLOB);
}

async fn a_limit_on_a_blob_is_told_with_its_end(pair: Pair) {
    for retry_after in [
        None,
        Some(Duration::from_secs(0)),
        Some(Duration::from_hours(1)),
    ] {
        let fault = Fault::Limited {
            times: 1,
            retry_after,
        };
        let asked = pair.memory.count("blobs");
        pair.memory.fail("blobs", fault);
        let Err(error) = pair.blob(0).await else {
            panic!("no limit");
        };
        assert_eq!(error.failure, Failure::Limited);
        assert!(error.is_too_much());
        assert_eq!(error.retry_after, retry_after);
        assert_eq!(pair.memory.count("blobs"), asked + 1, "one attempt");
    }
}

async fn trouble_and_absence_are_told_apart(pair: Pair) {
    pair.memory.fail("blobs", Fault::Unreachable);
    let trouble = pair.blob(0).await.err().unwrap();
    assert_eq!(trouble.failure, Failure::Unreachable);
    pair.memory.mend("blobs");
    pair.memory.fail("blobs", Fault::Absent);
    let absent = pair.blob(0).await.err().unwrap();
    assert_eq!(absent.failure, Failure::Absent);
    assert!(absent.is_an_answer() && !absent.is_retryable());
}

async fn a_part_is_that_part_the_whole_or_neither(pair: Pair) {
    let (app, digest) = (app(), digest());
    let part = || pair.origin.blob_part(&app, &digest, 3..7);
    assert!(matches!(part().await.unwrap(), BlobPart::Part(part) if part == "3456"));
    pair.memory.fail("blobs", Fault::IgnoresRange);
    let BlobPart::Whole(whole) = part().await.unwrap() else {
        panic!("not the whole");
    };
    assert_eq!(read(whole).await.unwrap(), BLOB);
    pair.memory.fail("blobs", Fault::Absent);
    assert!(matches!(part().await.unwrap(), BlobPart::Neither));
}

async fn tags_come_in_pages_and_all_at_once(pair: Pair) {
    pair.memory
        .push_manifest("lib/app", "2", OCI_MANIFEST, b"{2}");
    let tags = |names: &[&str]| -> Vec<_> { names.iter().map(|it| it.parse().unwrap()).collect() };
    let first = pair.origin.tags(&app(), "n=1").await.unwrap();
    let next = [("last", "1"), ("n", "1")].map(|(name, value)| (name.into(), value.into()));
    let wanted = TagPage {
        tags: tags(&["1"]),
        next: Some(next.to_vec()),
    };
    assert_eq!(first, wanted);
    let last = pair.origin.tags(&app(), "last=1&n=1").await.unwrap();
    let wanted = TagPage {
        tags: tags(&["2"]),
        next: None,
    };
    assert_eq!(last, wanted);
    let all = pair.origin.all_tags(&app()).await.unwrap();
    assert_eq!(all, tags(&["1", "2"]));
    let nowhere = "up.test/nowhere".parse().unwrap();
    let absent = pair.origin.tags(&nowhere, "").await.unwrap_err();
    assert_eq!(absent.failure, Failure::Absent);
}

async fn referrers_come_by_their_type(pair: Pair) {
    let manifest = Digest::of(b"{}");
    let referrer = |name: &str| Descriptor {
        media_type: OCI_MANIFEST.to_owned(),
        digest: Digest::of(name.as_bytes()),
        size: 2,
        platform: None,
        urls: Vec::new(),
        artifact_type: Some(format!("application/{name}")),
        annotations: [("by".to_owned(), name.to_owned())].into(),
    };
    let none = pair.origin.referrers(&app(), &manifest, None).await;
    assert!(none.unwrap().found.is_empty());
    let [one, two] = ["signature", "sbom"].map(referrer);
    for referrer in [&one, &two] {
        pair.memory
            .push_referrer("lib/app", &manifest, referrer.clone());
    }
    for (wanted, expected) in [
        (None, vec![one.clone(), two.clone()]),
        (Some("application/sbom"), vec![two]),
        (Some("application/other"), Vec::new()),
    ] {
        let found = pair
            .origin
            .referrers(&app(), &manifest, wanted)
            .await
            .unwrap();
        assert_eq!(found.found, expected, "{wanted:?}");
        assert!(!found.are_cut);
    }
}

async fn an_answer_that_is_late_comes_all_the_same(pair: Pair) {
    pair.memory.withhold(digest().as_str());
    let waits = pair.read(0);
    let releases = async {
        pair.memory.until_asked("blobs", 1).await;
        pair.memory.release();
    };
    let (came, ()) = tokio::join!(waits, releases);
    assert_eq!(came, BLOB);
}
