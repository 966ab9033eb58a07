//! What happens beside verdicts, told once: refused pulls, and what ends.

use http::StatusCode;
use serde_json::Value;

use crate::stage::{REPO, Stage, USUAL, eventually, manifest_path, vulnerable};

/// Ends in three days.
fn exception() -> String {
    let day = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(72);
    let day = day.strftime("%Y-%m-%d");
    format!(
        "---\napiVersion: sluicegate/v1\nkind: Exception\nmetadata: {{name: soon, owner: platform}}\n\
         spec: {{id: CVE-2026-9999, images: [\"up.test/**\"], statement: x, expiresAt: {day}}}\n"
    )
}

async fn events(stage: &Stage, kind: &str) -> Vec<Value> {
    let path = format!("/api/v1/events?type={kind}");
    let page = stage.proxy.api(&path).await.json();
    page["items"].as_array().expect("items").clone()
}

#[tokio::test]
async fn a_refused_pull_is_told_when_the_service_ends_and_what_ends_soon_once() {
    let policy = format!("{USUAL}{}", exception());
    let mut stage = Stage::with(|proxy, _| proxy.policy("policy.yaml", &policy)).await;
    let image = vulnerable(430);
    stage.upstream.add(REPO, "1", &image);
    for _ in 0..2 {
        let reply = stage.get(&manifest_path(REPO, "1")).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.text());
    }
    eventually("the exception is told of", async || {
        !events(&stage, "exception.ending").await.is_empty()
    })
    .await;
    assert!(stage.proxy.terminate().success());
    stage.proxy.restart().await;
    let blocked = events(&stage, "pull.blocked").await;
    let [told] = &blocked[..] else {
        panic!("{blocked:?}")
    };
    assert_eq!(told["digest"], image.digest.as_str());
    assert_eq!(
        (&told["tag"], &told["count"]),
        (&Value::from("1"), &Value::from(2))
    );
    assert!(
        told["message"]
            .as_str()
            .is_some_and(|it| it.contains("CVE-2026-1111")),
        "{told}"
    );
    assert_eq!(told["client"], "127.0.0.1");
    let listed = stage
        .proxy
        .command(&["events", "list", "--type", "pull.blocked"])
        .await;
    let listed = listed.expect_ok("list events").stdout;
    assert!(
        listed.contains("pull.blocked") && listed.contains("127.0.0.1"),
        "{listed}"
    );
    // It looks again a few seconds after each start; a second exception shows that it has.
    let another = exception().replace("name: soon", "name: other");
    stage.proxy.write_policy("more.yaml", &another);
    stage.proxy.restart().await;
    eventually("the other one is told of", async || {
        events(&stage, "exception.ending").await.len() >= 2
    })
    .await;
    let told = events(&stage, "exception.ending").await;
    let names: Vec<&Value> = told.iter().map(|it| &it["exception"]).collect();
    assert_eq!(names, ["other", "soon"], "each once");
    assert_eq!(told[1]["days_before"], 7);
}
