//! What is said of queries that do not fit, for every kind of mistake.

use axum::response::IntoResponse as _;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use sluicegate_model::Digest;
use sluicegate_model::verdict::Decision;

use super::*;
use crate::api::parameters::{Limit, Sequence};
use crate::moment::Moment;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Everything {
    name: String,
    digest: Option<Digest>,
    decision: Option<Decision>,
    vulnerability: Option<String>,
    since: Option<Moment>,
    #[serde(default)]
    limit: Limit,
    after: Option<Sequence>,
}

async fn problem<T: DeserializeOwned + JsonSchema>(query: &str) -> Value {
    let Err(problem) = Query::<T>::read(query) else {
        panic!("{query} was accepted");
    };
    let response = problem.into_response();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn parameters_are_read_in_any_order_and_decoded() {
    let read = Query::<Everything>::read("limit=7&decision=refuse&name=%C3%9F+x&since=2d&after=12");
    let Query(read) = read.unwrap();
    assert_eq!((read.name.as_str(), read.limit), ("ß x", Limit(7)));
    assert_eq!(read.decision, Some(Decision::Refuse));
    assert_eq!(read.after, Some(Sequence(12)));
    assert!(read.since.is_some() && read.digest.is_none() && read.vulnerability.is_none());
    let Query(read) = Query::<Everything>::read("name=").unwrap();
    assert_eq!((read.name.as_str(), read.limit), ("", Limit(100)));
}

/// Queries, the parameter that is wrong, and words that say so.
const MISTAKES: [(&str, &str, &str); 21] = [
    (
        "name=x&vulnerabilty=y",
        "vulnerabilty",
        "did you mean vulnerability?",
    ),
    ("name=x&cve=y", "cve", "did you mean vulnerability?"),
    ("name=x&Limit=5", "Limit", "did you mean limit?"),
    ("name=x&per_page=5", "per_page", "did you mean limit?"),
    ("name=x&offset=5", "offset", "did you mean after?"),
    (
        "name=x&zzz=5",
        "zzz",
        "there are after, decision, digest, limit, name",
    ),
    ("name=x&=5", "", "no parameter here is called \"\""),
    (
        "name=x&decision=refused",
        "decision",
        "wanted one of allow, annotate, refuse; did you mean refuse?",
    ),
    (
        "name=x&decision=7",
        "decision",
        "got \"7\", wanted one of allow, annotate, refuse",
    ),
    ("name=x&decision=", "decision", "got \"\""),
    (
        "name=x&limit=0",
        "limit",
        "got \"0\", wanted a whole number from 1 to 1000",
    ),
    ("name=x&limit=+5", "limit", "wanted a whole number"),
    ("name=x&limit=1001", "limit", "from 1 to 1000"),
    ("name=x&limit=ten", "limit", "got \"ten\""),
    (
        "name=x&after=zzz",
        "after",
        "\"zzz\" is no cursor of this list",
    ),
    ("name=x&after=-1", "after", "is no cursor"),
    (
        "name=x&since=yesterday",
        "since",
        "got \"yesterday\", wanted an instant",
    ),
    ("name=x&digest=sha256:00", "digest", "sha256:00"),
    ("name=x&name=y", "name", "given more than once"),
    ("limit=5", "name", "parameter name is missing"),
    ("", "name", "parameter name is missing"),
];

#[tokio::test]
async fn every_mistake_is_named_with_the_right_word() {
    for (query, parameter, words) in MISTAKES {
        let problem = problem::<Everything>(query).await;
        assert_eq!(problem["parameter"], parameter, "{query}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{query}: {detail}");
    }
    let problem = problem::<Nothing>("format=json").await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("this takes none"), "{detail}");
    assert_eq!(problem["known"], json!([]));
}
