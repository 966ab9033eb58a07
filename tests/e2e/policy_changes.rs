//! Roll-out and way out: modes, exceptions, reload, and what a broken policy file does.

use http::{Method, StatusCode};
use sluicegate_tests::proxy::Proxy;
use sluicegate_tests::wire::Reply;

use crate::scene::{BAD, POLICY, RELOAD_LIMIT, Scene, bad, meh, within};

async fn manifest(proxy: &Proxy, name: &str) -> Reply {
    proxy
        .ask(Method::GET, &format!("/v2/lib/{name}/manifests/1"))
        .await
}

fn exception(id: &str, expires: &str) -> String {
    format!(
        "apiVersion: sluicegate/v1\nkind: Exception\nmetadata: {{name: test, author: a.test}}\n\
         spec: {{id: {id}, images: [\"up.test/lib/app\"], statement: \"not reachable\", expiresAt: {expires}}}\n"
    )
}

#[tokio::test]
async fn exception_file_undoes_a_refusal_and_its_removal_restores_it() {
    let scene = Scene::start("hold").await;
    let image = bad(30_000);
    scene.push("app", &image).await;
    assert_eq!(
        manifest(&scene.proxy, "app").await.status,
        StatusCode::FORBIDDEN
    );
    scene
        .proxy
        .write_policy("exception.yaml", &exception(BAD, "2099-01-01"));
    within(RELOAD_LIMIT, "the exception allows", async || {
        manifest(&scene.proxy, "app").await.status == StatusCode::OK
    })
    .await;
    let blob = format!("/v2/lib/app/blobs/{}", image.layers[0].digest);
    assert_eq!(
        scene.proxy.ask(Method::GET, &blob).await.body_digest,
        image.layers[0].digest
    );
    let verdict = scene.proxy.verdict(image.digest.as_str()).await;
    assert!(verdict.to_string().contains("not reachable") || verdict.to_string().contains("test"));
    scene.proxy.remove_policy("exception.yaml");
    within(RELOAD_LIMIT, "the refusal is back", async || {
        manifest(&scene.proxy, "app").await.status == StatusCode::FORBIDDEN
    })
    .await;
}

#[tokio::test]
async fn expired_exception_allows_nothing() {
    let scene = Scene::start_with(|builder| {
        builder.policy("exception.yaml", &exception(BAD, "2020-01-01"))
    })
    .await;
    scene.push("app", &bad(30_100)).await;
    assert_eq!(
        manifest(&scene.proxy, "app").await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn audit_annotate_enforce_is_the_way_in() {
    let audit = POLICY.replace("mode: enforce", "mode: audit");
    let scene = Scene::start_with(|builder| builder.policy("prod.yaml", &audit)).await;
    let image = bad(30_200);
    scene.push("app", &image).await;
    let reply = manifest(&scene.proxy, "app").await;
    assert_eq!(
        (reply.status, reply.header("sluicegate-verdict")),
        (StatusCode::OK, "allow")
    );
    let verdict = scene.proxy.verdict(image.digest.as_str()).await;
    assert_eq!(verdict["decision"], "allow");
    assert_eq!(verdict["reasons"][0]["action"], "refuse", "{verdict}");

    scene.proxy.write_policy(
        "prod.yaml",
        &POLICY.replace("mode: enforce", "mode: annotate"),
    );
    within(RELOAD_LIMIT, "annotate is in force", async || {
        manifest(&scene.proxy, "app")
            .await
            .header("sluicegate-verdict")
            == "annotate"
    })
    .await;
    let reply = manifest(&scene.proxy, "app").await;
    assert_eq!(reply.body, image.manifest);
    assert!(reply.header("warning").starts_with("299 - \""), "{reply:?}");
    assert!(reply.header("warning").contains(BAD), "{reply:?}");
    let url = format!("/api/v1/verdicts/{}", image.digest);
    assert!(
        reply.header("sluicegate-verdict-url").ends_with(&url),
        "{reply:?}"
    );

    scene.proxy.write_policy("prod.yaml", POLICY);
    within(RELOAD_LIMIT, "enforce is in force", async || {
        manifest(&scene.proxy, "app").await.status == StatusCode::FORBIDDEN
    })
    .await;
}

#[tokio::test]
async fn annotated_image_is_served_with_a_warning() {
    let scene = Scene::start("hold").await;
    let image = meh(30_300);
    scene.push("app", &image).await;
    let reply = manifest(&scene.proxy, "app").await;
    assert_eq!(
        (reply.status, reply.header("sluicegate-verdict")),
        (StatusCode::OK, "annotate")
    );
    let warnings: usize = reply
        .headers
        .get_all("warning")
        .iter()
        .map(|value| value.len())
        .sum();
    assert!(warnings > 0 && warnings <= 4_096, "{reply:?}");
}

#[tokio::test]
async fn built_in_policy_refuses_what_is_critical_and_fixable() {
    let registry = sluicegate_tests::registry::Registry::start().await;
    let feed = crate::scene::feed();
    let builder = sluicegate_tests::proxy::ProxyBuilder::new(&registry.url()).feed(feed.path());
    let proxy = builder.start().await;
    registry.push("lib/app", "1", &bad(30_500)).await;
    registry.push("lib/meh", "1", &meh(30_501)).await;
    let refused = manifest(&proxy, "app").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused
            .message()
            .starts_with("sluicegate: refused by policy \"default\", rule \"")
    );
    assert_eq!(
        manifest(&proxy, "meh").await.header("sluicegate-verdict"),
        "allow",
        "what is medium is listed without a note"
    );
}
