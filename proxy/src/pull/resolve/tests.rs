//! Tags against upstreams that answer HEAD, GET and digests each in their own way.

use jiff::SignedDuration;
use sluicegate_engine::testkit::MemoryContent;
use sluicegate_engine::testkit::MemoryLedger;
use sluicegate_upstream::fake::{Fake, Seen, answer};
use sluicegate_upstream::{Upstream, UpstreamOptions};

use super::*;

/// A resolver that asks again each time, and the manifests behind it.
fn resolver(upstream: Upstream) -> (Resolver, Manifests) {
    let content = Arc::new(MemoryContent::new(1 << 30));
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::default());
    let upstreams = [("up.test".to_owned(), Arc::new(upstream))];
    let upstreams = Arc::new(Upstreams::new(upstreams));
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

#[tokio::test]
async fn a_tag_is_followed_where_manifests_are_found_by_tag_only_or_head_is_odd() {
    // What HEAD answers once the tag has moved: a status, and whether it tells the digest.
    for (status, tells) in [
        (200, true),
        (200, false),
        (401, false),
        (404, false),
        (405, false),
        (500, false),
        (503, false),
    ] {
        let at = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let now = Arc::clone(&at);
        let fake = Fake::start(move |seen: Seen| {
            let body = manifest(now.load(std::sync::atomic::Ordering::SeqCst));
            async move {
                let kind = ("content-type", sluicegate_model::media_type::OCI_MANIFEST);
                let digest = Digest::of(body.as_bytes()).to_string();
                let told = [kind, ("docker-content-digest", &*digest)];
                match (seen.method.as_str(), seen.target.contains("sha256:")) {
                    (_, true) => answer(404, &[], ""),
                    ("HEAD", _) if tells => answer(status, &told, ""),
                    ("HEAD", _) => answer(status, &[kind], ""),
                    _ => answer(200, &told, body),
                }
            }
        })
        .await;
        let (resolver, manifests) = resolver(fake.upstream());
        let (repository, tag) = ("up.test/app".parse().unwrap(), "1".parse().unwrap());
        for number in 0..3 {
            at.store(number, std::sync::atomic::Ordering::SeqCst);
            let resolved = resolver.resolve(&repository, &tag).await.unwrap();
            let wanted = Digest::of(manifest(number).as_bytes());
            assert_eq!(resolved.digest, wanted, "HEAD {status} {tells}");
            assert!(resolved.stale_since.is_none());
            let known = manifests.tagged(&repository, &wanted, &tag).await;
            assert_eq!(known.unwrap().digest, wanted);
            // Known now, so that HEAD is enough where it tells.
            let gets = fake.seen().iter().filter(|s| s.method == "GET").count();
            resolver.resolve(&repository, &tag).await.unwrap();
            let more = fake.seen().iter().filter(|s| s.method == "GET").count() - gets;
            assert_eq!(more, usize::from(!tells), "HEAD {status} {tells}");
        }
    }
}

#[tokio::test]
async fn what_a_tag_gives_counts_only_with_the_digest_asked_for() {
    let fake = Fake::start(|seen: Seen| async move {
        let kind = ("content-type", sluicegate_model::media_type::OCI_MANIFEST);
        if seen.target.contains("sha256:") {
            return answer(404, &[], "");
        }
        answer(200, &[kind], manifest(1))
    })
    .await;
    let (_, manifests) = resolver(fake.upstream());
    let (repository, tag) = ("up.test/app".parse().unwrap(), "1".parse().unwrap());
    let right = Digest::of(manifest(1).as_bytes());
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
    // Nobody listens there.
    let url = "http://127.0.0.1:1".parse().unwrap();
    let options = UpstreamOptions::anonymous("up.test", url);
    let upstream = Arc::new(Upstream::new(options, None).unwrap());
    let upstreams = Arc::new(Upstreams::new([("up.test".to_owned(), upstream)]));
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
