//! Tags against upstreams that answer HEAD, GET and digests each in their own way.

use crate::testkit::MemoryContent;
use crate::testkit::MemoryLedger;
use crate::testkit::{Fault, MemoryOrigin};
use jiff::SignedDuration;
use sluicegate_model::media_type::OCI_MANIFEST;

use super::*;

/// A resolver that asks again each time, the manifests behind it, and where it keeps things.
fn resolver(upstream: &MemoryOrigin) -> (Resolver, Manifests) {
    let content = Arc::new(MemoryContent::new(1 << 30));
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::default());
    let upstreams: Arc<dyn Origins> = Arc::new(upstream.clone());
    let manifests = Manifests::new(content, Arc::clone(&ledger), Arc::clone(&upstreams));
    let clock = Clock::from_fn(|| Timestamp::from_second(1_800_000_000).unwrap());
    let ttl = Duration::ZERO;
    let resolver = Resolver::new(ttl, ledger, manifests.clone(), upstreams, clock);
    (resolver, manifests)
}

/// What stands behind the tag for the nth time it is asked for.
fn manifest(number: usize) -> String {
    let config = Digest::of(b"{}");
    let kind = sluicegate_model::media_type::OCI_CONFIG;
    format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"{kind}","digest":"{config}","size":2}},"layers":[],"annotations":{{"n":"{number}"}}}}"#
    )
}

/// An upstream that finds manifests by tag only.
fn by_tag_only() -> MemoryOrigin {
    let upstream = MemoryOrigin::default();
    upstream.fail("manifests/sha256:", Fault::Absent);
    upstream
}

fn push(upstream: &MemoryOrigin, number: usize) -> Digest {
    let body = manifest(number);
    upstream.push_manifest("app", "1", OCI_MANIFEST, body.as_bytes());
    Digest::of(body.as_bytes())
}

#[tokio::test]
async fn a_tag_is_followed_where_manifests_are_found_by_tag_only_or_head_says_nothing() {
    for tells in [true, false] {
        let upstream = by_tag_only();
        if !tells {
            upstream.fail("HEAD", Fault::Absent);
        }
        let (resolver, manifests) = resolver(&upstream);
        let (repository, tag) = ("up.test/app".parse().unwrap(), "1".parse().unwrap());
        let gets = || {
            upstream
                .asked()
                .iter()
                .filter(|it| !it.starts_with("HEAD"))
                .count()
        };
        for number in 0..3 {
            let wanted = push(&upstream, number);
            let resolved = resolver.resolve(&repository, &tag).await.unwrap();
            assert_eq!(resolved.digest, wanted, "HEAD tells: {tells}");
            assert!(resolved.stale_since.is_none());
            let known = manifests.tagged(&repository, &wanted, &tag).await;
            assert_eq!(known.unwrap().digest, wanted);
            // Known now, so that HEAD is enough where it tells.
            let before = gets();
            resolver.resolve(&repository, &tag).await.unwrap();
            assert_eq!(gets() - before, usize::from(!tells), "HEAD tells: {tells}");
        }
    }
}

#[tokio::test]
async fn what_a_tag_gives_counts_only_with_the_digest_asked_for() {
    let upstream = by_tag_only();
    let right = push(&upstream, 1);
    let (_, manifests) = resolver(&upstream);
    let (repository, tag) = ("up.test/app".parse().unwrap(), "1".parse().unwrap());
    let other = Digest::of(manifest(2).as_bytes());
    let known = manifests.tagged(&repository, &other, &tag).await;
    assert!(
        matches!(known, Err(PullError::UnknownManifest)),
        "{known:?}"
    );
    assert!(manifests.tagged(&repository, &right, &tag).await.is_ok());
}

#[tokio::test]
async fn a_tag_heard_of_in_the_future_is_not_served_stale() {
    let now: Timestamp = "2026-11-28T00:00:00Z".parse().unwrap();
    let content = Arc::new(MemoryContent::new(1 << 30));
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::default());
    let upstream = MemoryOrigin::default();
    upstream.fail("", Fault::Unreachable);
    let upstreams: Arc<dyn Origins> = Arc::new(upstream);
    let manifests = Manifests::new(content, Arc::clone(&ledger), Arc::clone(&upstreams));
    let clock = Clock::from_fn(move || now);
    let ttl = Duration::from_mins(1);
    let resolver = Resolver::new(ttl, Arc::clone(&ledger), manifests, upstreams, clock);
    let repository: Repository = "up.test/app".parse().unwrap();
    let hours = SignedDuration::from_hours;
    for (tag, checked_at, is_served) in [
        ("past", now - hours(24), true),
        ("near", now + SignedDuration::from_mins(4), true),
        ("future", now + hours(1), false),
        ("far", now + hours(24 * 3_650), false),
    ] {
        let tag: Tag = tag.parse().unwrap();
        let record = TagRecord {
            digest: Digest::of(b"image"),
            media_type: "x/y".to_owned(),
            checked_at,
        };
        ledger.put_tag(&repository, &tag, &record).await.unwrap();
        let resolved = resolver.resolve(&repository, &tag).await;
        assert_eq!(resolved.is_ok(), is_served, "{tag}: {resolved:?}");
    }
}
