//! The client of a registry as the engine's port: the suite of every origin, what its errors mean,
//! and downloads that take turns.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use sluicegate_engine::content::{Interest, Waiting};
use sluicegate_engine::testkit::{
    Fault, Given, MemoryContent, MemoryLedger, MemoryOrigin, origin_suite,
};
use sluicegate_model::manifest::Descriptor;
use sluicegate_model::media_type;
use sluicegate_upstream::fake::{Answer, Fake, Seen, answer};

use super::*;
use sluicegate_engine::pull::download::Downloads;

/// How long a registry takes over a blob, so that several are asked for at a time.
const ANSWERS_AFTER: Duration = Duration::from_millis(20);

/// Gives the bytes that a request wants the blob from on and, where it ends before, up to.
fn range(seen: &Seen) -> Option<(usize, Option<usize>)> {
    let range = seen.headers.get("range")?.to_str().unwrap();
    let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some((start.parse().unwrap(), end.parse().ok()))
}

/// Sends what there is as a registry would, with the faults that are left.
fn sent(given: &Given, seen: &Seen) -> Answer {
    let has = |fault: &Fault| given.faults.contains(fault);
    let length = given.bytes.len();
    let range = range(seen).filter(|_| !has(&Fault::IgnoresRange));
    let (start, last) = range.map_or((0, None), |(start, last)| (start, last));
    let end = last.map_or(length, |last| last + 1);
    let part = given.bytes.slice(start..end);
    let cut = given.faults.iter().find_map(|fault| match fault {
        Fault::Cut(after) => Some(*after),
        _ => None,
    });
    let digest = Digest::of(&given.bytes).to_string();
    let told = part.len().to_string();
    let content_range = format!("bytes {start}-{}/{length}", end.saturating_sub(1));
    let mut headers = vec![
        ("content-type", given.media_type.as_str()),
        ("docker-content-digest", digest.as_str()),
    ];
    headers.extend(range.map(|_| ("content-range", content_range.as_str())));
    headers.extend((!has(&Fault::Untold)).then_some(("content-length", told.as_str())));
    let status = if range.is_some() { 206 } else { 200 };
    let whole = answer(status, &headers, "");
    let (head, _) = whole.into_parts();
    let piece = part.slice(..cut.unwrap_or(part.len()));
    let piece = stream::iter([Ok(hyper::body::Frame::data(piece))]);
    let end = stream::iter(cut).then(|_| async {
        // What came before is sent while this waits.
        tokio::task::yield_now().await;
        Err(std::io::Error::other("cut"))
    });
    let body = http_body_util::StreamBody::new(piece.chain(end));
    http::Response::from_parts(head, http_body_util::BodyExt::boxed_unsync(body))
}

fn refused(error: &OriginError) -> Answer {
    let wait = error.retry_after.map(|wait| wait.as_secs().to_string());
    let headers: Vec<_> = wait.iter().map(|wait| ("retry-after", &**wait)).collect();
    match error.failure {
        Failure::Absent => answer(404, &[], ""),
        Failure::Limited => answer(429, &headers, ""),
        _ => answer(500, &[], ""),
    }
}

async fn reply(memory: MemoryOrigin, seen: Seen) -> Answer {
    let target = seen.target.strip_prefix("/v2/").unwrap();
    let (name, query) = target.split_once('?').unwrap_or((target, ""));
    if let Some(path) = name.strip_suffix("/tags/list") {
        let Some(page) = memory.tag_page(path, query).await else {
            return answer(404, &[], "");
        };
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = page.next.map(|next| query.extend_pairs(next).finish());
        let next = query.map(|query| format!("</v2/{name}?{query}>; rel=\"next\""));
        let headers: Vec<_> = next.iter().map(|next| ("link", &**next)).collect();
        return answer(
            200,
            &headers,
            json!({"name": path, "tags": page.tags}).to_string(),
        );
    }
    if let Some((path, manifest)) = name.split_once("/referrers/") {
        let found = memory.referring(path, manifest).await.unwrap();
        let kind = ("content-type", media_type::OCI_INDEX);
        let list = json!({"schemaVersion": 2, "manifests": found});
        return answer(200, &[kind], list.to_string());
    }
    let head = if seen.method == "HEAD" { "HEAD " } else { "" };
    match memory.ask(&format!("{head}{name}")).await {
        Ok(given) => sent(&given, &seen),
        Err(error) => refused(&error),
    }
}

/// Makes an origin of a client that asks a registry over HTTP.
fn origin(fake: &Fake) -> Arc<dyn Origin> {
    let upstreams = Upstreams::new([Whose::Service(Arc::new(fake.upstream()))]);
    upstreams.of(&"up.test/app".parse().unwrap()).unwrap()
}

#[tokio::test]
async fn the_client_of_a_registry_is_an_origin() {
    let over = async |memory: MemoryOrigin| {
        let fake = Fake::start(move |seen| reply(memory.clone(), seen)).await;
        origin(&fake)
    };
    origin_suite::prove(over).await;
}

#[tokio::test]
async fn a_repository_of_no_upstream_is_absent() {
    let upstreams = Upstreams::new([]);
    let nowhere = upstreams.of(&"up.test/app".parse().unwrap()).err().unwrap();
    assert_eq!(nowhere.failure, Failure::Absent);
    assert_eq!(nowhere.to_string(), "up.test is no upstream");
}

/// Each row: a status, what it means, and whether it is too much, may pass at once, and answers.
#[tokio::test]
async fn statuses_mean_what_the_client_makes_of_them() {
    for (status, failure, [too_much, retryable, answers]) in [
        (400, Failure::Broken, [false, false, true]),
        (401, Failure::Unauthorized, [false, false, true]),
        (403, Failure::Denied, [false, false, true]),
        (404, Failure::Absent, [false, false, true]),
        (408, Failure::Fleeting, [false, true, true]),
        (429, Failure::Limited, [true, false, false]),
        (500, Failure::Unreachable, [false, true, false]),
        (501, Failure::Broken, [false, false, true]),
        (503, Failure::Overloaded, [true, false, false]),
    ] {
        let fake = Fake::start(move |_| async move {
            let body = r#"{"errors":[{"code":"X","message":"so it is"}]}"#;
            answer(status, &[("retry-after", "7")], body)
        })
        .await;
        let (repository, digest) = ("up.test/app".parse().unwrap(), Digest::of(b"x"));
        let asked = fake.upstream().blob("app", &digest, 0).await;
        let client = asked.unwrap_err();
        let origin = origin(&fake);
        let askers = Askers::default();
        let asked = origin.blob(&askers, &repository, &digest, 0).await;
        let error = asked.err().unwrap();
        assert_eq!(error.failure, failure, "{status}");
        assert_eq!(error.to_string(), client.to_string());
        assert_eq!(error.retry_after, client.retry_after());
        let told = [
            error.is_too_much(),
            error.is_retryable(),
            error.is_an_answer(),
        ];
        assert_eq!(told, [too_much, retryable, answers], "{status}");
    }
}

#[tokio::test]
async fn an_upstream_that_bears_two_requests_gives_all_blobs_of_an_image() {
    for (status, wait) in [(429, ""), (429, "0"), (503, "")] {
        let now = Arc::<AtomicUsize>::default();
        let fake = Fake::start(move |seen: Seen| {
            let now = Arc::clone(&now);
            async move {
                if now.fetch_add(1, Ordering::SeqCst) >= 2 {
                    now.fetch_sub(1, Ordering::SeqCst);
                    let headers = [("retry-after", wait)];
                    return answer(status, if wait.is_empty() { &[] } else { &headers }, "");
                }
                tokio::time::sleep(ANSWERS_AFTER).await;
                now.fetch_sub(1, Ordering::SeqCst);
                let contents = (0..10_u8).map(|name| vec![name; 100]);
                let asked = |content: &Vec<u8>| seen.target.ends_with(Digest::of(content).as_str());
                answer(200, &[], contents.into_iter().find(asked).unwrap())
            }
        })
        .await;
        let content = Arc::new(MemoryContent::new(1 << 30));
        let ledger = Arc::new(MemoryLedger::default());
        let upstreams = Arc::new(Upstreams::new([Whose::Service(Arc::new(fake.upstream()))]));
        let downloads = Downloads::new(content, ledger, upstreams);
        let (interest, client) = (Arc::<Interest>::default(), Waiting::default());
        interest.join(client.seen_from_afar());
        let (image, repository) = (Digest::of(b"image"), "up.test/app".parse().unwrap());
        let layers: Vec<_> = (0..10_u8).map(|name| layer(&[name; 100])).collect();
        for layer in &layers {
            let source = downloads.ensure_for(&image, &interest, &repository, layer);
            source.await.unwrap();
        }
        for layer in &layers {
            let source = downloads.ensure_for(&image, &interest, &repository, layer);
            let source = source.await.unwrap();
            let stored = downloads.stored(&layer.digest, &source).await;
            assert!(stored.is_ok(), "{status} {wait:?}: {stored:?}");
        }
    }
}

fn layer(content: &[u8]) -> Descriptor {
    Descriptor {
        media_type: "x/y".into(),
        digest: Digest::of(content),
        size: content.len() as u64,
        platform: None,
        urls: Vec::new(),
        artifact_type: None,
        annotations: BTreeMap::new(),
    }
}
