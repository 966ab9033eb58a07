//! The fault upstream does what it is told, seen by plain clients.

use std::time::Duration;

use http::{Method, StatusCode};
use sluicegate_tests::clients::skopeo;
use sluicegate_tests::fault::{Auth, Fault, FaultUpstream};
use sluicegate_tests::image::{Image, ImageBuilder};
use sluicegate_tests::layer::{self, Compression};
use sluicegate_tests::registry::{PASSWORD, USER};
use sluicegate_tests::wire::{self, Call};

async fn serving(seed: u64) -> (FaultUpstream, Image, String) {
    let upstream = FaultUpstream::start().await;
    let image = ImageBuilder::new()
        .layer(layer::noise(seed, 200_000, Compression::Plain))
        .build();
    upstream.add("lib/app", "1", &image);
    let path = format!("/v2/lib/app/blobs/{}", image.layers[0].digest);
    (upstream, image, path)
}

#[tokio::test]
async fn skopeo_copies_from_a_faultless_fault_upstream_with_and_without_a_token() {
    let (upstream, image, _) = serving(1).await;
    let target = tempfile::tempdir().expect("make a directory");
    let reference = format!("{}/lib/app:1", upstream.address());
    skopeo::copy(&reference, target.path())
        .await
        .expect_ok("skopeo");
    upstream.demand(Auth::Token);
    skopeo::copy(&reference, target.path())
        .await
        .expect_failure("skopeo without a password");
    let credentials = format!("--src-creds={USER}:{PASSWORD}");
    skopeo::copy_with(&[&credentials], &reference, target.path())
        .await
        .expect_ok("skopeo");
    assert_eq!(skopeo::manifest(target.path()), image.manifest);
}

#[tokio::test]
async fn bodies_break_once_and_heal() {
    let (upstream, image, path) = serving(2).await;
    let size = image.layers[0].bytes.len() as u64;
    upstream.script(
        &path,
        [
            Fault::CutAt(100_000),
            Fault::CorruptAt(7),
            Fault::ShortenTo(9),
        ],
    );
    let cut = wire::get(upstream.address(), &path).await;
    assert_eq!((cut.whole, cut.body_bytes), (false, 100_000));
    let corrupt = wire::get(upstream.address(), &path).await;
    assert_eq!((corrupt.whole, corrupt.body_bytes), (true, size));
    assert_ne!(corrupt.body_digest, image.layers[0].digest);
    assert_eq!(wire::get(upstream.address(), &path).await.body_bytes, 9);
    let fine = wire::get(upstream.address(), &path).await;
    assert_eq!(fine.body_digest, image.layers[0].digest);
    assert_eq!(upstream.count("GET", &path), 4);
}

#[tokio::test]
async fn a_stalled_body_never_ends() {
    let (upstream, _, path) = serving(3).await;
    upstream.script(&path, [Fault::StallAt(5)]);
    let call = Call::new(Method::GET, upstream.address(), &path);
    let stalled = call.limit(Duration::from_millis(300)).send().await;
    assert_eq!((stalled.whole, stalled.body_bytes), (false, 5));
}

#[tokio::test]
async fn ranges_resume_a_body_unless_told_to_ignore_them() {
    let (upstream, image, path) = serving(4).await;
    let tail =
        || Call::new(Method::GET, upstream.address(), &path).header("range", "bytes=199999-");
    let part = tail().send().await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.body, image.layers[0].bytes.slice(199_999..));
    upstream.ignore_range();
    assert_eq!(tail().send().await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_limited_upstream_takes_its_time() {
    let (upstream, image, path) = serving(5).await;
    upstream.limit_to(400_000);
    let started = std::time::Instant::now();
    let reply = wire::get(upstream.address(), &path).await;
    assert_eq!(reply.body_digest, image.layers[0].digest);
    assert!(
        started.elapsed() > Duration::from_millis(400),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_redirect_leads_to_the_sink_which_records_the_headers() {
    let (upstream, image, path) = serving(6).await;
    let sink = FaultUpstream::start().await;
    sink.add("lib/app", "1", &image);
    upstream.always("/blobs/", Fault::RedirectTo(sink.url()));
    let reply = Call::new(Method::GET, upstream.address(), &path)
        .send()
        .await;
    assert_eq!(reply.header("location"), format!("{}{path}", sink.url()));
    let target = tempfile::tempdir().expect("make a directory");
    let reference = format!("{}/lib/app:1", upstream.address());
    skopeo::copy(&reference, target.path())
        .await
        .expect_ok("skopeo");
    assert!(
        sink.seen()
            .iter()
            .all(|seen| seen.authorization().is_empty())
    );
    assert_eq!(sink.count("GET", &path), 1);
}
