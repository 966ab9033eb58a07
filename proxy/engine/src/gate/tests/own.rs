//! What is attached to images here: listed and served with an image that is served, the same bytes each
//! time, and with no other.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_model::inventory::Inventory;
use sluicegate_model::manifest::{Descriptor, Manifest};
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Reference, media_type};

use super::images::{bad, good};
use super::stage::{Stage, repository};
use crate::attest::{Attests, BUNDLE, Bill, JudgedIndex, Statement, Writes};
use crate::gate::{ManifestAnswer, ReferrersAnswer};
use crate::testkit::PlainWrites;

const NOTHING: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: none}
spec: {rules: [{id: nothing, action: refuse, image: {repositories: [\"up.test/*\"]}}]}
";

pub(super) async fn listed(stage: &Stage, image: &Digest, kind: Option<&str>) -> Vec<Descriptor> {
    let asked = stage.get("app");
    match stage.gate.serve_referrers(&asked, image, kind).await {
        Ok(ReferrersAnswer::List(list)) => list.into_inner().referrers,
        _ => panic!("no list"),
    }
}

/// Asks for a manifest; gives its digest and the blobs that it lists.
pub(super) async fn manifest(stage: &Stage, reference: &str) -> (Digest, Vec<Digest>) {
    let (asked, reference) = (stage.get("app"), reference.parse::<Reference>().unwrap());
    let answer = stage.gate.serve_manifest(&asked, &reference).await;
    let Ok(ManifestAnswer::Serve(served, _)) = answer else {
        panic!("{reference} is not served");
    };
    let manifest = served.into_inner().manifest;
    assert_eq!(Digest::of(&manifest.bytes), manifest.digest);
    let Manifest::Image(image) = &manifest.parsed else {
        panic!("an index");
    };
    let blobs = image.blobs().map(|blob| blob.digest.clone());
    (manifest.digest.clone(), blobs.collect())
}

pub(super) fn tag(image: &Digest) -> String {
    format!("{}.att", image.as_str().replace(':', "-"))
}

#[tokio::test(start_paused = true)]
async fn what_is_attached_is_the_same_by_list_tag_and_digest_and_after_a_start() {
    let image = good("subject");
    let (stage, attests) = Stage::attesting(&image);
    let digest = image.digest();
    let first = listed(&stage, &digest, None).await;
    assert_eq!(first.len(), 4);
    let bundles = listed(&stage, &digest, Some(BUNDLE)).await;
    assert_eq!(bundles, first[..2], "only those of the type");
    let by_tag = manifest(&stage, &tag(&digest)).await;
    for stage in [&stage, &stage.started_again(&attests)] {
        assert_eq!(listed(stage, &digest, None).await, first);
        assert_eq!(manifest(stage, &tag(&digest)).await, by_tag);
        let mut wanted = vec![by_tag.clone()];
        for referrer in &first {
            assert_eq!(referrer.media_type, media_type::OCI_MANIFEST);
            wanted.push(manifest(stage, referrer.digest.as_str()).await);
        }
        for (_, blobs) in wanted {
            for blob in blobs {
                let asked = stage.get("app");
                assert_eq!(stage.blob(&asked, &blob).await, "whole", "{blob}");
            }
        }
    }
    // They belong to this repository alone.
    let elsewhere = stage.get("other");
    let answer = stage.manifest(&elsewhere, first[0].digest.as_str()).await;
    assert_eq!(answer, "UnknownManifest");
}

#[tokio::test(start_paused = true)]
async fn what_the_upstream_has_under_the_tag_goes_before_ours() {
    let image = good("subject");
    let (stage, _) = Stage::attesting(&image);
    let theirs = good("theirs");
    stage.push("app", &tag(&image.digest()), &theirs);
    let (digest, _) = manifest(&stage, &tag(&image.digest())).await;
    assert_eq!(digest, theirs.digest());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_attached_to_what_is_refused() {
    let image = bad("subject");
    let (stage, _) = Stage::attesting(&image);
    let (asked, digest) = (stage.get("app"), image.digest());
    assert_eq!(stage.referrers(&asked, &digest).await, "refuse");
    assert_eq!(stage.manifest(&asked, &tag(&digest)).await, "refuse");
    let unknown = Digest::of(b"unknown");
    assert_eq!(
        stage.manifest(&asked, &tag(&unknown)).await,
        "UnknownManifest"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_attached_is_kept_back_once_the_image_is_refused() {
    let image = good("subject");
    let (stage, _) = Stage::attesting(&image);
    let first = listed(&stage, &image.digest(), None).await;
    let (_, blobs) = manifest(&stage, first[0].digest.as_str()).await;
    stage.snapshots.set_policies(NOTHING);
    let asked = stage.get("app");
    let answer = stage.manifest(&asked, first[0].digest.as_str()).await;
    assert!(answer.starts_with("refuse"), "{answer}");
    let answer = stage.blob(&asked, blobs.last().unwrap()).await;
    assert!(answer.starts_with("refuse"), "{answer}");
}

/// Writes what others do, and bills of more than half of what is shown at a time.
#[derive(Debug)]
struct LongBills(Attests);

impl Writes for LongBills {
    fn statements(&self, verdict: &Verdict) -> io::Result<Vec<Statement>> {
        self.0.writes.statements(verdict)
    }

    fn of_index(&self, index: &JudgedIndex) -> io::Result<Vec<Statement>> {
        self.0.writes.of_index(index)
    }

    fn bills(&self, _: &Verdict, _: &Inventory) -> io::Result<Vec<Bill>> {
        let (media_type, text) = ("application/spdx+json", vec![b' '; 25 * 1024 * 1024]);
        Ok(vec![Bill { media_type, text }])
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_read_long_documents_wait_for_each_other_s_memory() {
    let image = good("subject");
    let attests = PlainWrites::attests();
    let attests = Attests {
        key: Arc::clone(&attests.key),
        writes: Arc::new(LongBills(attests)),
    };
    let stage = Stage::attesting_by(&attests, &image);
    let list = listed(&stage, &image.digest(), None).await;
    let (_, blobs) = manifest(&stage, list.last().unwrap().digest.as_str()).await;
    let app = repository("app");
    let read = || {
        let piece = stage.gate.parts.attester.piece(&app, blobs.last().unwrap());
        tokio::time::timeout(Duration::from_secs(1), piece)
    };
    let first = read().await.unwrap().unwrap().unwrap();
    let sent = first.source();
    drop(first);
    assert!(read().await.is_err(), "both were in memory");
    drop(sent);
    assert!(read().await.unwrap().unwrap().is_some());
}
