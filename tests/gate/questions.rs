//! Questions to the API that are mistyped: each is told what is wrong with it, none is answered with
//! nothing.

use http::{Method, StatusCode};
use sluicegate_tests::wire::Call;

use crate::stage::{REPO, Stage, clean, manifest_path, vulnerable};

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

/// Asserts that a question is refused for the sake of a parameter, with these words.
async fn refused(stage: &Stage, path: String, parameter: &str, words: &str) {
    let reply = stage.proxy.api(&path).await;
    let text = reply.text();
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{path}: {text}");
    assert_eq!(reply.header("content-type"), "application/problem+json");
    let problem = reply.json();
    assert_eq!(problem["parameter"], parameter, "{path}: {text}");
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(detail.contains(words), "{path}: {detail}");
}

/// Questions, the parameter that is wrong in each, and words that say so.
const MISTYPED: [(&str, &str, &str); 11] = [
    ("packages?name=x&colour=red", "colour", "name"),
    (
        "packages?name=x&after=zzz",
        "after",
        "no cursor of this list",
    ),
    ("packages?package=x", "package", "did you mean name?"),
    ("packages", "name", "is missing"),
    ("packages?name=", "name", "is empty"),
    ("verdicts?name=log4j-core", "name", "did you mean package?"),
    (
        "verdicts?decision=deny",
        "decision",
        "allow, annotate, refuse",
    ),
    (
        "verdicts?decision=refused",
        "decision",
        "did you mean refuse?",
    ),
    ("events?type=pull", "type", "verdict.changed"),
    // Bytes that no list begins with, and a place in the list of another.
    ("verdicts?after=00ff", "after", "no cursor of this list"),
    ("verdicts?after=7", "after", "no cursor of this list"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistyped_question_is_told_the_right_word() {
    let stage = Stage::hold().await;
    for (question, parameter, words) in MISTYPED {
        refused(&stage, format!("/api/v1/{question}"), parameter, words).await;
    }
    let nobody = format!("/api/v1/verdicts/sha256:{}", "0".repeat(64));
    let takers = ROUTES.map(ToOwned::to_owned).into_iter();
    for path in takers.chain([nobody.clone(), format!("{nobody}/sbom")]) {
        let words = "is called \"colour\"";
        refused(&stage, format!("{path}?colour=red"), "colour", words).await;
    }
    let path = format!("{nobody}/sbom?format=sarif");
    refused(&stage, path, "format", "cyclonedx, spdx").await;
    for list in ["verdicts", "decisions", "events"] {
        for (wrong, words) in [
            ("after=zzz", "no cursor of this list"),
            ("limit=0", "from 1 to 1000"),
            ("since=yesterday", "an age such as 7d"),
            ("repository=UP", "UP"),
            ("digest=latest", "latest"),
        ] {
            let (name, _) = wrong.split_once('=').expect("a value");
            refused(&stage, format!("/api/v1/{list}?{wrong}"), name, words).await;
        }
    }
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_question_is_answered_by_what_the_description_does_not_have() {
    let stage = Stage::hold().await;
    for (tag, image) in [("good", clean(412)), ("bad", vulnerable(413))] {
        stage.upstream.add(REPO, tag, &image);
        stage.get(&manifest_path(REPO, tag)).await;
    }
    let told = sluicegate_tests::api_fuzzer::ask_everything(stage.proxy.api_address(), 25).await;
    assert!(told.ok(), "{}", told.text());
    let text = told.text();
    assert!(
        text.contains("listVerdicts") || text.contains("passed"),
        "{text}"
    );
}
