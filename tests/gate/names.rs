//! Names, paths, methods: one canonical repository whatever the spelling, and nothing outside the
//! grammar.

use http::{Method, StatusCode};
use sluicegate_tests::fault::{Fault, Seen};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::stage::{REPO, Stage, blob_path, clean, manifest_path};

/// Sends bytes as they are and gives the beginning of the answer.
async fn raw(stage: &Stage, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(stage.proxy.address())
        .await
        .expect("connect");
    stream.write_all(bytes).await.expect("send");
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer);
    let read = tokio::time::timeout(std::time::Duration::from_secs(10), read);
    let length = read.await.expect("an answer in time").expect("an answer");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn every_spelling_of_a_repository_meets_at_one_name() {
    let stage = Stage::with(|proxy, url| {
        proxy
            .flag("--upstream", &format!("docker.io={url}"))
            .flag("--name", "gate.test:5000")
    })
    .await;
    let image = clean(80);
    stage.upstream.add("library/x", "1", &image);
    for path in [
        "/v2/docker.io/x/manifests/1",
        "/v2/docker.io/library/x/manifests/1",
        "/v2/index.docker.io/library/x/manifests/1",
        "/v2/x/manifests/1?ns=docker.io",
        "/v2/library/x/manifests/1?ns=registry-1.docker.io",
        "/v2/library/x/manifests/1?ns=DOCKER.IO%3A443",
        "/v2/docker.io/library/x/manifests/1?ns=gate.test:5000",
    ] {
        let reply = stage.get(path).await;
        assert_eq!(
            (reply.status, reply.body),
            (StatusCode::OK, image.manifest.clone()),
            "{path}"
        );
    }
    assert_eq!(
        stage.upstream.count("GET", "/manifests/"),
        1,
        "one manifest"
    );
    assert_eq!(stage.upstream.count("HEAD", "/"), 0);
    let verdict = stage.proxy.verdict(image.digest.as_str()).await;
    assert_eq!(verdict["repository"], "docker.io/library/x");
    for path in [
        "/v2/library/x/manifests/1",
        "/v2/up.test/library/x/manifests/1?ns=up.test",
    ] {
        assert_eq!(stage.get(path).await.status, StatusCode::OK, "{path}");
    }
    let verdict = stage.proxy.verdict(image.digest.as_str()).await;
    assert_eq!(
        verdict["repository"], "up.test/library/x",
        "another upstream is another name"
    );
}

#[tokio::test]
async fn a_client_never_adds_an_upstream() {
    let stage = Stage::hold().await;
    for path in [
        "/v2/evil.example/x/manifests/1",
        "/v2/x/manifests/1?ns=evil.example",
        "/v2/127.0.0.1:80/x/manifests/1",
        "/v2/x/tags/list?ns=169.254.169.254",
    ] {
        let reply = stage.get(path).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(reply.json()["errors"][0]["code"], "DENIED", "{path}");
    }
    let seen = stage.upstream.seen();
    let is_path = |seen: &Seen| seen.path.starts_with("/v2/evil.example/x/");
    assert!(seen.iter().all(is_path), "{seen:?}");
}

#[tokio::test]
async fn a_part_with_a_dot_is_the_default_upstreams_where_it_has_it() {
    let stage = Stage::hold().await;
    let image = clean(86);
    stage.upstream.add("team.a/app", "1", &image);
    for (path, wanted) in [
        ("/v2/team.a/app/manifests/1", StatusCode::OK),
        ("/v2/team.b/app/manifests/1", StatusCode::FORBIDDEN),
        ("/v2/team.a/app/manifests/2", StatusCode::NOT_FOUND),
        ("/v2/team.a/app/manifests/1?ns=", StatusCode::OK),
    ] {
        let reply = stage.get(path).await;
        assert_eq!(reply.status, wanted, "{path}: {}", reply.text());
    }
}

#[tokio::test]
async fn paths_outside_the_grammar_are_400_and_reach_nobody() {
    let stage = Stage::hold().await;
    let image = clean(81);
    stage.upstream.add(REPO, "1", &image);
    let digest = image.digest.as_str();
    let long = "a".repeat(300);
    for path in [
        "/v2/lib%2Fapp/manifests/1".to_owned(),
        "/v2/lib%2fapp/manifests/1".to_owned(),
        "/v2/l%69b/app/manifests/1".to_owned(),
        "/v2/lib//app/manifests/1".to_owned(),
        "/v2/lib/%2e%2e/app/manifests/1".to_owned(),
        "/v2/lib/../app/manifests/1".to_owned(),
        "/v2/lib/app/manifests/1%00".to_owned(),
        "/v2/LIB/app/manifests/1".to_owned(),
        format!("/v2/{long}/manifests/1"),
        format!("/v2/lib/app/manifests/{long}"),
        "/v2/lib/app/blobs/sha256:abc".to_owned(),
        format!("/v2/lib/app/manifests/sha256:{}", "G".repeat(64)),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = raw(&stage, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
    assert!(stage.upstream.seen().is_empty(), "nobody was asked");
    let escaped = manifest_path(REPO, &digest.replace(':', "%3A"));
    assert_eq!(
        stage.get(&escaped).await.status,
        StatusCode::OK,
        "clients escape the colon"
    );
}

#[tokio::test]
async fn every_write_is_405_before_its_body_is_read() {
    let stage = Stage::hold().await;
    let upload = "/v2/lib/app/blobs/uploads/";
    for (method, path) in [
        ("POST", upload),
        (
            "POST",
            "/v2/lib/app/blobs/uploads/?mount=sha256:0&from=lib/other",
        ),
        ("PUT", "/v2/lib/app/manifests/1"),
        ("PATCH", upload),
        ("DELETE", "/v2/lib/app/manifests/1"),
        ("PUT", "/v2/"),
    ] {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\nexpect: 100-continue\r\n\r\n"
        );
        let answer = raw(&stage, request.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 405 "),
            "{method} {path}: {answer}"
        );
        assert!(answer.contains("UNSUPPORTED"), "{answer}");
    }
    assert!(stage.upstream.seen().is_empty());
}

#[tokio::test]
async fn ambiguous_framing_and_tunnels_are_refused() {
    let stage = Stage::hold().await;
    for request in [
        "GET /v2/ HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        "CONNECT evil.example:80 HTTP/1.1\r\nhost: evil.example\r\n\r\n",
    ] {
        let answer = raw(&stage, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{request}: {answer}");
    }
}

#[tokio::test]
async fn a_plain_listener_answers_a_tls_hello_with_400_at_once() {
    let stage = Stage::hold().await;
    let hello = [0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3];
    let started = std::time::Instant::now();
    let answer = raw(&stage, &hello).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
}

#[tokio::test]
async fn an_upstreams_429_is_passed_on_with_its_time() {
    let stage = Stage::hold().await;
    let image = clean(82);
    stage.upstream.add(REPO, "1", &image);
    let wait = || Fault::Status(429, vec![("retry-after", "77".to_owned())]);
    stage.upstream.always("/manifests/", wait());
    for method in [Method::GET, Method::HEAD] {
        let reply = stage.once(method.clone(), &manifest_path(REPO, "1")).await;
        assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(reply.header("retry-after"), "77");
        if method == Method::GET {
            assert_eq!(reply.json()["errors"][0]["code"], "TOOMANYREQUESTS");
            assert!(reply.message().contains("77"), "{}", reply.message());
        }
    }
}

#[tokio::test]
async fn the_next_page_of_a_list_is_asked_of_us_in_the_same_namespace() {
    let stage = Stage::hold().await;
    let image = clean(83);
    stage.upstream.add(REPO, "1", &image);
    let link = "</v2/lib/app/tags/list?last=b&n=2>; rel=\"next\"";
    let headers = vec![("link", link.to_owned())];
    let list = Fault::Say(200, headers, r#"{"tags":["a","b"]}"#.to_owned());
    stage.upstream.script("/tags/list", [list.clone(), list]);
    let plain = stage.get("/v2/up.test/lib/app/tags/list?n=2").await;
    assert_eq!(
        plain.header("link"),
        "</v2/up.test/lib/app/tags/list?last=b&n=2>; rel=\"next\""
    );
    let with_ns = stage.get("/v2/lib/app/tags/list?n=2&ns=up.test").await;
    assert!(
        with_ns.header("link").contains("ns=up.test"),
        "{}",
        with_ns.header("link")
    );
    let asked = stage.upstream.seen();
    assert!(
        asked.iter().all(|seen| !seen.path.contains("ns=")),
        "ours is not passed on"
    );
    // Lists name content and carry none: a blob stays unknown.
    let blob = stage.get(&blob_path(REPO, &image.layers[0].digest)).await;
    assert_eq!(blob.status, StatusCode::NOT_FOUND);
}
