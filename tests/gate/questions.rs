//! Questions to the API that are mistyped: each is told what is wrong with it, none is answered with
//! nothing.

use http::{Method, StatusCode};
use sluicegate_tests::wire::Call;

use crate::stage::{REPO, Stage, clean};

/// Every route that is read and takes no parameter that has to be there.
const ROUTES: [&str; 8] = [
    "/readyz",
    "/metrics",
    "/api/v1/openapi.json",
    "/api/v1/status",
    "/api/v1/feeds/problems",
    "/api/v1/verdicts",
    "/api/v1/decisions",
    "/api/v1/events",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistyped_question_is_told_the_right_word() {
    let stage = Stage::hold().await;
    let nobody = format!("/api/v1/verdicts/sha256:{}", "0".repeat(64));
    let refused = async |path: String, parameter: &str, words: &str| {
        let reply = stage.proxy.api(&path).await;
        let text = reply.text();
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{path}: {text}");
        assert_eq!(reply.header("content-type"), "application/problem+json");
        let problem = reply.json();
        assert_eq!(problem["parameter"], parameter, "{path}: {text}");
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.contains(words), "{path}: {detail}");
    };
    let packages = "/api/v1/packages?name=x".to_owned();
    let takers = ROUTES.map(ToOwned::to_owned).into_iter();
    for path in takers.chain([nobody.clone(), format!("{nobody}/sbom")]) {
        refused(
            format!("{path}?colour=red"),
            "colour",
            "is called \"colour\"",
        )
        .await;
    }
    refused(format!("{packages}&colour=red"), "colour", "name").await;
    for list in ["verdicts", "decisions", "events"] {
        let list = format!("/api/v1/{list}");
        refused(
            format!("{list}?after=zzz"),
            "after",
            "no cursor of this list",
        )
        .await;
        refused(format!("{list}?limit=0"), "limit", "from 1 to 1000").await;
        refused(
            format!("{list}?since=yesterday"),
            "since",
            "an age such as 7d",
        )
        .await;
        refused(format!("{list}?repository=UP"), "repository", "UP").await;
        refused(format!("{list}?digest=latest"), "digest", "latest").await;
    }
    refused(
        format!("{packages}&after=zzz"),
        "after",
        "no cursor of this list",
    )
    .await;
    refused(
        "/api/v1/packages?package=x".into(),
        "package",
        "did you mean name?",
    )
    .await;
    refused("/api/v1/packages".into(), "name", "is missing").await;
    refused(
        "/api/v1/verdicts?name=log4j-core".into(),
        "name",
        "did you mean package?",
    )
    .await;
    refused(
        "/api/v1/verdicts?decision=deny".into(),
        "decision",
        "allow, annotate, refuse",
    )
    .await;
    refused("/api/v1/events?type=pull".into(), "type", "verdict.changed").await;
    refused(
        format!("{nobody}/sbom?format=sarif"),
        "format",
        "cyclonedx, spdx",
    )
    .await;
    // What once was a place in this list, in the keys of another.
    refused(
        "/api/v1/verdicts?after=00ff".into(),
        "after",
        "no cursor of this list",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_error_is_a_problem() {
    let stage = Stage::hold().await;
    let body = r#"{"image":"lib/app:1"}"#;
    let json = Some("application/json");
    for (method, path, kind, body, wanted) in [
        (Method::GET, "/nowhere", None, "", 404),
        (Method::GET, "/api/v1", None, "", 404),
        (Method::GET, "/api/v1/verdicts/", None, "", 404),
        (Method::DELETE, "/api/v1/verdicts", None, "", 405),
        (Method::GET, "/api/v1/scans", None, "", 405),
        (Method::TRACE, "/healthz", None, "", 405),
        (Method::GET, "/api/v1/verdicts/latest", None, "", 400),
        (Method::GET, "/api/v1/verdicts/%ff", None, "", 400),
        (Method::GET, "/api/v1/scans/7", None, "", 404),
        (Method::POST, "/api/v1/scans", None, body, 415),
        (Method::POST, "/api/v1/scans", Some("text/plain"), body, 415),
        (Method::POST, "/api/v1/scans", json, "{", 400),
        (Method::POST, "/api/v1/scans", json, "[]", 400),
        (Method::POST, "/api/v1/scans", json, r#"{"image":7}"#, 400),
        (
            Method::POST,
            "/api/v1/scans",
            json,
            r#"{"image":"x","y":1}"#,
            400,
        ),
        (Method::POST, "/api/v1/scans", json, r#"{"image":""}"#, 400),
    ] {
        let call = Call::new(method.clone(), stage.proxy.api_address(), path);
        let call = kind
            .into_iter()
            .fold(call, |call, kind| call.header("content-type", kind));
        let reply = call.body(body).send().await;
        assert_eq!(
            reply.status,
            wanted,
            "{method} {path} {body}: {}",
            reply.text()
        );
        assert_eq!(reply.header("content-type"), "application/problem+json");
        let problem = reply.json();
        assert_eq!(problem["status"], wanted);
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty())
        );
        if wanted == 405 {
            assert!(!reply.header("allow").is_empty(), "{method} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_those_that_are_pulled_and_times_are_what_people_write() {
    let stage = Stage::with(|proxy, _| proxy.flag("--name", "gate.example:5000")).await;
    let image = clean(411);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    let found = async |query: &str| {
        let path = format!("/api/v1/verdicts?{query}");
        let reply = stage.proxy.api(&path).await;
        assert_eq!(reply.status, StatusCode::OK, "{query}: {}", reply.text());
        reply.json()["items"].as_array().expect("a list").len()
    };
    for (query, wanted) in [
        ("repository=up.test/lib/app", 1),
        ("repository=lib/app", 1),
        ("repository=gate.example:5000/lib/app", 1),
        ("repository=gate.example:5000/up.test/lib/app", 1),
        ("repository=lib/other", 0),
        ("repository=gone.example/lib/app", 0),
        ("since=1h", 1),
        ("since=7d&until=0s", 1),
        ("since=2020-01-01", 1),
        ("until=2020-01-01", 0),
        ("until=1h", 0),
        ("since=2999-01-01T00:00:00Z", 0),
    ] {
        assert_eq!(found(query).await, wanted, "{query}");
    }
    let path = format!("/api/v1/verdicts/{}?repository=lib/app", image.digest);
    let shown = stage.proxy.api(&path).await;
    assert_eq!(shown.json()["repository"], "up.test/lib/app");
}
