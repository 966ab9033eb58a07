//! How clients log in: by the token endpoint and by Basic, with a key of ours, without one, and with
//! what is another registry's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::Value;
use sluicegate_tests::keys::{Holder, Keys};
use sluicegate_tests::wire::{Call, Reply};

use crate::stage::{REPO, Stage, image_with, manifest_path, patiently, vulnerable};

/// What a pod's pull secret for the origin looks like.
fn pull_secret() -> String {
    format!("Basic {}", STANDARD.encode("hub-user:dckr_pat_1"))
}

async fn ask(stage: &Stage, path: &str, sent: Option<&str>) -> Reply {
    let call = || {
        let call = Call::new(Method::GET, stage.proxy.address(), path);
        match sent {
            Some(sent) => call.header("authorization", sent),
            None => call,
        }
    };
    patiently(call).await
}

/// Asks for a token as the challenge says, and gives the header to send.
async fn token(stage: &Stage, challenge: &str, sent: Option<&str>) -> Result<String, Reply> {
    let field = |name: &str| {
        let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
        rest.split('"').next()
    };
    let realm = field("realm").expect("a realm");
    let here = format!("http://{}", stage.proxy.address());
    let path = realm
        .strip_prefix(&here)
        .unwrap_or_else(|| panic!("{realm} is not {here}"));
    let scope = field("scope")
        .map(|scope| format!("&scope={scope}"))
        .unwrap_or_default();
    let reply = ask(stage, &format!("{path}?service=x{scope}"), sent).await;
    if reply.status != 200 {
        return Err(reply);
    }
    let answer = reply.json();
    assert_eq!(answer["token"], answer["access_token"]);
    assert_eq!(answer["expires_in"], Value::from(300));
    Ok(format!("Bearer {}", answer["token"].as_str().unwrap()))
}

async fn required() -> Stage {
    Stage::with(|proxy, _| proxy.flag("--registry-auth", "required")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_sent_once_for_a_token_or_each_time_as_it_is() {
    let stage = required().await;
    let image = image_with("goodlib", 1);
    stage.upstream.add(REPO, "1", &image);
    let ci = Keys(&stage.proxy).make("ci", "puller", &[]).await;
    let path = manifest_path(REPO, "1");
    let refused = ask(&stage, &path, None).await;
    assert_eq!(refused.status, 401);
    let challenge = refused.header("www-authenticate").to_owned();
    assert!(
        challenge.contains("scope=\"repository:up.test/lib/app:pull\""),
        "{challenge}"
    );
    assert_eq!(
        ask(&stage, "/v2/", None).await.status,
        401,
        "docker login asks here"
    );
    let token = token(&stage, &challenge, Some(&ci.basic())).await.unwrap();
    for sent in [token.as_str(), &ci.basic(), &ci.bearer()] {
        let reply = ask(&stage, &path, Some(sent)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.body, image.manifest);
    }
    let elsewhere = ask(&stage, &manifest_path("lib/else", "1"), Some(&token)).await;
    assert_eq!(elsewhere.status, 401, "the token is for another repository");
    assert!(
        elsewhere
            .header("www-authenticate")
            .contains("insufficient_scope")
    );
    let lines = stage.proxy.api("/api/v1/decisions?type=pull").await.json();
    assert_eq!(lines["items"][0]["principal"], "ci", "{lines}");
    let only = stage
        .proxy
        .api("/api/v1/decisions?type=pull&principal=ci")
        .await
        .json();
    assert_eq!(only["items"], lines["items"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_secret_of_the_origin_is_no_failed_login_and_goes_nowhere() {
    let stage = Stage::hold().await;
    let image = image_with("goodlib", 1);
    stage.upstream.add(REPO, "1", &image);
    let path = manifest_path(REPO, "1");
    let reply = ask(&stage, &path, Some(&pull_secret())).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    Keys(&stage.proxy).make("ci", "puller", &[]).await;
    let reply = ask(&stage, &path, Some(&pull_secret())).await;
    assert_eq!(reply.status, 200, "making a key switches nothing on");
    let sent = stage.upstream.seen();
    assert!(
        sent.iter().all(|seen| seen.authorization().is_empty()),
        "{sent:?}"
    );
    assert!(
        !stage.proxy.log().contains("dckr_pat_1"),
        "the secret is in the log"
    );
}

/// Two policies: the built-in one for everybody, and none that refuses anything for `lenient-*` and
/// for one network.
const LENIENT: &str = r"
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: lenient}
spec: {mode: audit}
---
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: strict}
spec:
  rules:
    - {id: no-criticals, when: {severityAtLeast: critical}, action: refuse}
---
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: for-lenient}
spec: {policy: lenient, repositories: ['up.test/**'], clients: ['key:lenient-*']}
---
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: for-prod}
spec: {policy: strict, repositories: ['up.test/**'], clients: ['key:prod-*', '127.0.0.9']}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_key_is_answered_by_the_policies_that_are_bound_to_it() {
    let stage = Stage::with(|proxy, _| proxy.policy("bound.yaml", LENIENT)).await;
    let image = vulnerable(1);
    stage.upstream.add(REPO, "1", &image);
    let keys = Keys(&stage.proxy);
    let lenient = keys.make("lenient-ci", "puller", &[]).await;
    let prod = keys.make("prod-1", "puller", &[]).await;
    let path = manifest_path(REPO, "1");
    // A policy is bound to keys, so that everybody is asked, and whoever has none gets a token too.
    let asked = ask(&stage, &path, None).await;
    assert_eq!(asked.status, 401, "{}", asked.text());
    let challenge = asked.header("www-authenticate").to_owned();
    for sent in [None, Some(pull_secret())] {
        let anonymous = token(&stage, &challenge, sent.as_deref()).await.unwrap();
        let reply = ask(&stage, &path, Some(&anonymous)).await;
        assert_eq!(reply.status, 403, "the built-in policy: {}", reply.text());
        assert!(
            reply.message().contains("CVE-2026-1111"),
            "{}",
            reply.message()
        );
    }
    assert_eq!(ask(&stage, &path, Some(&lenient.basic())).await.status, 200);
    let refused = ask(&stage, &path, Some(&prod.basic())).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(
        refused.message().contains("\"no-criticals\""),
        "{}",
        refused.message()
    );
    let node = Call::new(Method::GET, stage.proxy.address(), &path).from_host(9);
    let node = node.header("authorization", &pull_secret()).send().await;
    assert_eq!(
        node.status,
        403,
        "a node is known by its network: {}",
        node.text()
    );
    assert!(
        node.message().contains("\"no-criticals\""),
        "{}",
        node.message()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_rotated_overlaps_and_one_that_is_revoked_ends_at_once() {
    let stage = required().await;
    stage.upstream.add(REPO, "1", &image_with("goodlib", 1));
    let keys = Keys(&stage.proxy);
    let ci = keys
        .make("ci", "puller", &["--owner", "a.lopez", "--expires", "90d"])
        .await;
    let rotated = keys
        .run(&["rotate", "ci", "--overlap", "1h", "--format", "json"])
        .await;
    let next = Keys::issued(&rotated.expect_ok("rotate"));
    let path = manifest_path(REPO, "1");
    let status = async |holder: &Holder| ask(&stage, &path, Some(&holder.basic())).await.status;
    assert_eq!(
        (status(&ci).await, status(&next).await),
        (200.try_into().unwrap(), 200.try_into().unwrap())
    );
    let challenge = ask(&stage, &path, None)
        .await
        .header("www-authenticate")
        .to_owned();
    let kept = token(&stage, &challenge, Some(&next.basic()))
        .await
        .unwrap();
    keys.run(&["revoke", "--owner", "a.lopez"])
        .await
        .expect_ok("revoke");
    assert_eq!(
        (status(&ci).await.as_u16(), status(&next).await.as_u16()),
        (401, 401)
    );
    assert_eq!(
        ask(&stage, &path, Some(&kept)).await.status,
        401,
        "its token ends with it"
    );
    let listed = keys.run(&["list"]).await.expect_ok("list").stdout;
    assert!(
        listed.contains("revoked") && listed.contains("a.lopez"),
        "{listed}"
    );
    assert!(!listed.contains(&ci.secret) && !listed.contains(&next.secret));
    let lines = stage.proxy.api("/api/v1/decisions?type=key").await.json();
    let rules: Vec<&str> = lines["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["reasons"][0]["rule"].as_str().unwrap())
        .collect();
    assert_eq!(rules, ["key-revoked", "key-rotated", "key-made"], "{lines}");
    assert!(!lines.to_string().contains(&ci.secret));
}
