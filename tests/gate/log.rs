//! The log of pulls, told by real requests: nothing is lost when the service ends, an answer is
//! never ahead of its line, and who allowed something can be told when the file is gone.

use http::{Method, StatusCode};
use serde_json::Value;
use sluicegate_tests::proxy::UPSTREAM;

use crate::stage::{REPO, Stage, USUAL, clean, eventually, manifest_path, vulnerable};

const EXCEPTION: &str = "# Agreed with the team on Monday.
apiVersion: sluicegate/v1
kind: Exception
metadata: {name: badlib-not-reachable, author: a.lopez, ticket: SEC-1412}
spec: {id: CVE-2026-1111, images: [up.test/lib/app], statement: not called, expiresAt: 2099-01-31}
";

/// Gives the lines as they are on disk.
fn lines(stage: &Stage) -> Vec<Value> {
    let path = stage.proxy.data().join("decisions/decisions.jsonl");
    let text = std::fs::read_to_string(path).expect("read the log");
    let line = |line| serde_json::from_str(line).expect("a line of JSON");
    text.lines().map(line).collect()
}

fn of_type<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

async fn get_as(stage: &Stage, agent: &str, path: &str) {
    loop {
        let call = stage.call(Method::GET, path).header("user-agent", agent);
        let reply = call.send().await;
        if reply.status != StatusCode::TEMPORARY_REDIRECT {
            return;
        }
    }
}

#[tokio::test]
async fn counts_survive_the_end_of_the_service_and_agents_and_tags_are_told_apart() {
    let mut stage = Stage::hold().await;
    let image = clean(700);
    for tag in ["1", "2"] {
        stage.upstream.add(REPO, tag, &image);
    }
    for _ in 0..3 {
        get_as(&stage, "x/1", &manifest_path(REPO, "1")).await;
    }
    get_as(&stage, "x/1", &manifest_path(REPO, image.digest.as_str())).await;
    get_as(&stage, "y/1", &manifest_path(REPO, "1")).await;
    get_as(&stage, "x/1", &manifest_path(REPO, "2")).await;
    let before = lines(&stage);
    assert_eq!(of_type(&before, "pull").len(), 3, "{before:#?}");
    assert_eq!(of_type(&before, "count").len(), 0, "{before:#?}");
    assert!(stage.proxy.terminate().success());
    let after = lines(&stage);
    let counts = of_type(&after, "count");
    assert_eq!(counts.len(), 1, "{after:#?}");
    assert_eq!(
        (&counts[0]["count"], &counts[0]["user_agent"]),
        (&2.into(), &"x/1".into())
    );
    assert_eq!(counts[0]["tag"], "1");
    let line = &after[0];
    let policies = line["policies"].as_str();
    assert!(
        policies.is_some_and(|digest| digest.starts_with("sha256:")),
        "{line}"
    );
    for (field, wanted) in [
        ("asked", image.digest.as_str()),
        ("served", image.digest.as_str()),
        ("platform", "linux/amd64"),
        ("decision", "allow"),
        ("policy", "default"),
    ] {
        assert_eq!(line[field], wanted, "{line}");
    }
}

#[tokio::test]
async fn a_head_is_on_disk_when_it_is_answered() {
    let mut stage = Stage::hold().await;
    let image = clean(701);
    stage.upstream.add(REPO, "1", &image);
    let reply = stage.head(&manifest_path(REPO, "1")).await;
    assert_eq!(reply.status, StatusCode::OK);
    stage.proxy.kill();
    let lines = lines(&stage);
    assert_eq!(of_type(&lines, "pull").len(), 1, "{lines:#?}");
}

#[tokio::test]
async fn who_allowed_it_is_told_after_the_file_is_gone() {
    let stage = Stage::with(|proxy, _| {
        let proxy = proxy.policy("policy.yaml", USUAL);
        proxy.policy("exception.yaml", EXCEPTION)
    })
    .await;
    let image = vulnerable(702);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    stage.proxy.remove_policy("exception.yaml");
    eventually("the image is refused", async || {
        stage.get(&manifest_path(REPO, "1")).await.status == StatusCode::FORBIDDEN
    })
    .await;

    let lines = lines(&stage);
    let pulls = of_type(&lines, "pull");
    let (allowed, refused) = (pulls[0], pulls[pulls.len() - 1]);
    assert_eq!(
        allowed["allowed_by"],
        serde_json::json!(["badlib-not-reachable"])
    );
    assert_eq!(refused["decision"], "refuse");
    assert_eq!(refused["allowed_by"], serde_json::json!([]));
    assert_eq!(refused["served"], Value::Null);
    let rules = refused["reasons"].as_array().expect("reasons");
    assert_eq!(rules[0]["findings"], serde_json::json!(["CVE-2026-1111"]));
    let changes = of_type(&lines, "policy");
    assert_eq!(changes.len(), 1, "{lines:#?}");
    assert_eq!(changes[0]["policy"], "usual");

    let texts = stage.proxy.data().join("decisions/policies.jsonl");
    let texts = std::fs::read_to_string(texts).expect("read the texts");
    for part in [
        "Agreed with the team on Monday",
        "a.lopez",
        "SEC-1412",
        "not called",
    ] {
        assert!(texts.contains(part), "{part}");
    }
    assert!(texts.contains(allowed["policies"].as_str().expect("a digest")));
    eventually("the event is there", async || {
        let events = stage.proxy.api("/api/v1/events").await.json();
        !events["items"].as_array().expect("items").is_empty()
    })
    .await;
    let events = stage.proxy.api("/api/v1/events").await.json();
    let went = &events["items"][0]["cause"]["exceptions"];
    assert_eq!(
        went["gone"],
        serde_json::json!(["badlib-not-reachable"]),
        "{events:#}"
    );
    assert_eq!(went["policies"], allowed["policies"]);
}

#[tokio::test]
async fn what_is_asked_of_unknown_registries_is_a_line_and_a_metric() {
    let stage = Stage::hold().await;
    let asked = [
        (
            "/v2/nowhere.test/team/app/manifests/1",
            "nowhere.test/team/app",
        ),
        (
            "/v2/team/app/manifests/1?ns=elsewhere.test",
            "elsewhere.test/team/app",
        ),
        (
            "/v2/nowhere.test/team/app/manifests/2",
            "nowhere.test/team/app",
        ),
    ];
    for (path, _) in asked {
        let reply = stage.once(Method::GET, path).await;
        assert!(reply.status.is_client_error(), "{}", reply.text());
    }
    let lines = lines(&stage);
    let denied: Vec<_> = of_type(&lines, "denied")
        .iter()
        .map(|line| line["repository"].clone())
        .collect();
    assert_eq!(
        denied,
        ["nowhere.test/team/app", "elsewhere.test/team/app"],
        "{lines:#?}"
    );
    let counted = stage.metric("sluicegate_denied_total").await;
    assert!((counted - 3.0).abs() < 0.1, "{counted}");
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_client_is_whom_it_names() {
    let stage = Stage::with(|proxy, _| proxy.flag("--trusted-proxies", "127.0.0.0/8")).await;
    let image = clean(703);
    stage.upstream.add(REPO, "1", &image);
    for said in [
        "203.0.113.9",
        "6.6.6.6, 203.0.113.10:1234, 127.0.0.9",
        "junk",
    ] {
        loop {
            let call = stage.call(Method::GET, &manifest_path(REPO, "1"));
            let reply = call.header("x-forwarded-for", said).send().await;
            if reply.status == StatusCode::OK {
                break;
            }
        }
    }
    let lines = lines(&stage);
    let clients: Vec<_> = of_type(&lines, "pull")
        .iter()
        .map(|line| line["client"].clone())
        .collect();
    assert_eq!(clients, ["203.0.113.9", "203.0.113.10", "127.0.0.1"]);
}

#[tokio::test]
async fn in_stream_mode_the_verdict_follows_its_pull() {
    let stage = Stage::with(|proxy, _| {
        let proxy = proxy.policy("policy.yaml", USUAL).flag("--gate", "stream");
        proxy.policy("exception.yaml", EXCEPTION)
    })
    .await;
    let image = vulnerable(704);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    eventually("the verdict is told", async || lines(&stage).len() == 2).await;
    let lines = lines(&stage);
    assert_eq!(
        (&lines[0]["count"], &lines[1]["count"]),
        (&1.into(), &0.into())
    );
    assert_eq!(lines[0]["reasons"][0]["rule"], "verdict-pending");
    assert_eq!(
        lines[1]["allowed_by"],
        serde_json::json!(["badlib-not-reachable"])
    );
    let name = format!("{UPSTREAM}/{REPO}");
    assert_eq!(
        (&lines[1]["repository"], &lines[1]["tag"]),
        (&name.into(), &"1".into())
    );
}
