//! Whom the API answers: hosts, origins, methods, on a listener that others reach and on one that
//! they do not.

use http::Method;
use serde_json::json;
use sluicegate_tests::process::free_port;
use sluicegate_tests::proxy::sluicegate;

use crate::served::Served;
use crate::stage::Stage;

/// Every route that is read.
const READS: [&str; 9] = [
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/v1/openapi.json",
    "/api/v1/status",
    "/api/v1/verdicts",
    "/api/v1/decisions",
    "/api/v1/events",
    "/api/v1/feeds/problems",
];

/// Starts a service whose API others reach.
async fn open(home: &std::path::Path, how: &[&str]) -> Served {
    let (registry, port) = (format!("127.0.0.1:{}", free_port()), free_port());
    let (listen, data) = (format!("0.0.0.0:{port}"), home.join("data"));
    let data = data.display().to_string();
    let mut arguments = vec![
        "--listen",
        &registry,
        "--api-listen",
        &listen,
        "--data",
        &data,
    ];
    arguments.extend(["--feed", "none", "--name", "gate.example"]);
    arguments.extend(how);
    Served::start(&[], &arguments, &format!("127.0.0.1:{port}"), home).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_others_reach_the_api_nothing_is_started_without_a_key() {
    for how in [&["--api-auth", "anonymous"][..], &["--api-open"]] {
        let home = tempfile::tempdir().expect("make a directory");
        let served = open(home.path(), how).await;
        let body = json!({"image": "docker.io/library/nginx:1"}).to_string();
        // Over loopback too: the listener counts, not who asks.
        for headers in [
            &[("content-type", "application/json")][..],
            &[
                ("content-type", "application/json"),
                ("host", "10.1.2.3:5080"),
            ],
            &[("content-type", "text/plain")],
            &[],
        ] {
            let call =
                sluicegate_tests::wire::Call::new(Method::POST, served.api(), "/api/v1/scans");
            let add = |call: sluicegate_tests::wire::Call, (name, value): &(&str, &str)| {
                call.header(name, value)
            };
            let reply = headers
                .iter()
                .fold(call, add)
                .body(body.clone())
                .send()
                .await;
            assert_eq!(reply.status, 403, "{headers:?}: {}", reply.text());
            assert_eq!(reply.header("content-type"), "application/problem+json");
            let detail = reply.json()["detail"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            assert!(detail.contains("api_auth: anonymous"), "{detail}");
        }
        for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let reply = served.ask(method.clone(), "/api/v1/status", &[]).await;
            assert_eq!(reply.status, 403, "{method}");
        }
        for path in READS {
            assert_eq!(
                served.ask(Method::GET, path, &[]).await.status,
                200,
                "{path}"
            );
            assert_eq!(
                served.ask(Method::HEAD, path, &[]).await.status,
                200,
                "{path}"
            );
        }
        let status = served.ask(Method::GET, "/api/v1/status", &[]).await.json();
        let insecure = status["insecure"].to_string();
        assert!(
            insecure.contains("the API answers reads without a key"),
            "{insecure}"
        );
        assert_eq!(status["queue"], 0, "{status}");

        let service = format!("http://{}", served.api());
        let warmed =
            sluicegate(&["warm", "docker.io/library/nginx:1", "--service", &service]).await;
        assert_eq!(warmed.status, 3, "{warmed:?}");
        assert!(
            warmed.text().contains("on its own machine"),
            "{}",
            warmed.text()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_answers_to_its_own_names_and_pages_only() {
    let home = tempfile::tempdir().expect("make a directory");
    let served = open(home.path(), &["--api-auth", "anonymous"]).await;
    let stage = Stage::hold().await;
    let local = stage.proxy.api_address();
    for path in READS.into_iter().chain(["/nowhere"]) {
        let right = if path == "/nowhere" { 404 } else { 200 };
        for (host, wanted) in [
            ("10.244.3.17:5080", right),
            ("[fd00::17]:5080", right),
            ("localhost:5080", right),
            ("gate.example", right),
            ("evil.example", 421),
            ("evil.example:5080", 421),
        ] {
            let reply = served.ask(Method::GET, path, &[("host", host)]).await;
            assert_eq!(reply.status, wanted, "{path} at {host}: {}", reply.text());
            let call = sluicegate_tests::wire::Call::new(Method::GET, local, path);
            let reply = call.header("host", host).send().await;
            let wanted = if host == "gate.example" { 421 } else { wanted };
            assert_eq!(reply.status, wanted, "{path} at {host}, on loopback");
        }
        let page = [("host", "10.0.0.1"), ("origin", "http://evil.example")];
        assert_eq!(
            served.ask(Method::GET, path, &page).await.status,
            403,
            "{path}"
        );
    }
    let body = r#"{"image":"x:1"}"#;
    let call = sluicegate_tests::wire::Call::new(Method::POST, local, "/api/v1/scans");
    let call = call.header("content-type", "application/json").body(body);
    let foreign = call.clone().header("origin", "null").send().await;
    assert_eq!(foreign.status, 403, "{}", foreign.text());
    let rebound = call.clone().header("host", "evil.example").send().await;
    assert_eq!(rebound.status, 421, "{}", rebound.text());
    let own = call
        .header("origin", &format!("http://{local}"))
        .send()
        .await;
    assert_eq!(own.status, 202, "{}", own.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_heads_are_read_with_care() {
    let home = tempfile::tempdir().expect("make a directory");
    let served = open(home.path(), &["--api-auth", "anonymous"]).await;
    for (head, wanted) in [
        ("GET /healthz HTTP/1.0\r\n\r\n", "200"),
        ("GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n", "421"),
        ("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", "400"),
        (
            "GET /healthz HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n",
            "400",
        ),
        (
            "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
            "400",
        ),
        (
            "GET http://evil.example/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
            "421",
        ),
        (
            "GET http://127.0.0.1/healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
            "421",
        ),
        (
            "GET http://127.0.0.1:1/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
            "200",
        ),
        (
            "GET /healthz HTTP/1.1\r\nhOST: LOCALHOST.:1\r\nConnection: close\r\n\r\n",
            "200",
        ),
    ] {
        let answer = served.raw(head).await;
        assert!(answer.contains(wanted), "{head:?}: {answer:?}");
    }
}
