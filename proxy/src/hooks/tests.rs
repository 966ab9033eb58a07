//! What registries send, and what others send in their name: each is read as what it says, or told
//! what is wrong with it.

use serde_json::{Value, json};
use sluicegate_model::names::Names;

use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const OTHER: &str = "sha256:6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";

fn names() -> Names {
    let upstreams = ["docker.io", "harbor.corp", "harbor.corp:8443", "ghcr.io"];
    Names::new(upstreams, ["gate.corp"], "docker.io")
}

/// Names what a notification tells of, one image after the other; or what it tells instead.
fn told<T: Payload>(body: &Value) -> Result<Vec<String>, String> {
    let payload: T = serde_json::from_str(&body.to_string()).map_err(|error| error.to_string())?;
    let pushed = match payload.told().map_err(|error| error.to_string())? {
        Told::Pushed(pushed) => pushed,
        Told::Other(why) => return Err(format!("ignored: {why}")),
    };
    let canonical = pushed.iter().map(|image| {
        let (repository, reference) = image.canonical(&names()).map_err(|it| it.to_string())?;
        Ok(format!("{repository} {reference}"))
    });
    canonical.collect()
}

fn one(image: &str, reference: &str) -> Vec<String> {
    vec![format!("{image} {reference}")]
}

#[track_caller]
fn refused<T: Payload>(body: &Value, words: &str) {
    let told = told::<T>(body).expect_err("nothing is told");
    assert!(told.contains(words), "{body}: {told}");
}

fn harbor(resources: Value) -> Value {
    json!({
        "type": "PUSH_ARTIFACT",
        "occur_at": 1_680_501_893,
        "operator": "robot$ci",
        "event_data": {
            "resources": resources,
            "repository": {"name": "app", "namespace": "team", "repo_full_name": "team/app"},
        },
    })
}

#[test]
fn harbor_tells_of_what_was_pushed_in_either_form() {
    let resource = |url: &str| json!([{"digest": DIGEST, "tag": "1", "resource_url": url}]);
    for (url, image) in [
        ("harbor.corp/team/app:1", "harbor.corp/team/app"),
        ("HARBOR.corp/team/app:1", "harbor.corp/team/app"),
        ("harbor.corp:8443/team/a/b:1", "harbor.corp:8443/team/a/b"),
        (
            &format!("harbor.corp/team/app@{DIGEST}"),
            "harbor.corp/team/app",
        ),
        // What is said beside the name goes before.
        (
            &format!("harbor.corp/team/app@{OTHER}"),
            "harbor.corp/team/app",
        ),
    ] {
        let event = harbor(resource(url));
        assert_eq!(told::<HarborEvent>(&event), Ok(one(image, DIGEST)), "{url}");
        let data = &event["event_data"];
        let cloud = json!({"specversion": "1.0", "type": "harbor.artifact.pushed", "data": data});
        assert_eq!(told::<HarborEvent>(&cloud), Ok(one(image, DIGEST)), "{url}");
    }
    let undigested = harbor(json!([{"resource_url": "harbor.corp/team/app:1", "digest": ""}]));
    assert_eq!(
        told::<HarborEvent>(&undigested),
        Ok(one("harbor.corp/team/app", "1"))
    );
    assert_eq!(told::<HarborEvent>(&harbor(json!([]))), Ok(Vec::new()));
}

#[test]
fn harbor_s_other_events_start_nothing_and_what_names_no_image_is_told() {
    refused::<HarborEvent>(
        &json!({"type": "DELETE_ARTIFACT"}),
        "ignored: events of type",
    );
    let long = json!({"type": "x".repeat(10_000)});
    assert!(told::<HarborEvent>(&long).unwrap_err().len() < 100);
    for (resources, words) in [
        (json!([{"digest": DIGEST}]), "no resource_url"),
        (
            json!([{"resource_url": "harbor.corp"}]),
            "wanted HOST/REPOSITORY",
        ),
        (
            json!([{"resource_url": "harbor.corp:8443"}]),
            "wanted HOST/REPOSITORY",
        ),
        (
            json!([{"resource_url": "/team/app:1"}]),
            "wanted HOST/REPOSITORY",
        ),
        (
            json!([{"resource_url": "harbor.corp/app"}]),
            "neither tag nor digest",
        ),
        (json!([{"resource_url": "harbor.corp/app:a*"}]), "tag"),
        (json!([{"resource_url": "harbor.corp/../app:1"}]), "invalid"),
        (json!([{"resource_url": "harbor.corp/APP:1"}]), "invalid"),
        (
            json!([{"resource_url": "evil.example/app:1"}]),
            "\"evil.example\" is not configured",
        ),
        // What Docker Hub would be asked for without a host before it.
        (
            json!([{"resource_url": "library/app:1"}]),
            "\"library\" is not configured",
        ),
        (
            json!([{"resource_url": "harbor.corp/app:1", "digest": "sha256:1"}]),
            "sha256:1",
        ),
        (
            json!([{"resource_url": "harbor.corp/app:1", "digest": 7}]),
            "invalid type",
        ),
        (json!({}), "invalid type"),
    ] {
        refused::<HarborEvent>(&harbor(resources), words);
    }
    refused::<HarborEvent>(&json!({"type": "PUSH_ARTIFACT"}), "no event_data");
    refused::<HarborEvent>(&json!([]), "");
    refused::<HarborEvent>(&json!({}), "missing field `type`");
    let twice = r#"{"type": "DELETE_ARTIFACT", "type": "PUSH_ARTIFACT"}"#;
    assert!(serde_json::from_str::<HarborEvent>(twice).is_err());
}

fn github(event: &str, version: Value) -> Value {
    json!({
        "action": "published",
        event: {
            "name": "App/Web",
            "namespace": "Team",
            "package_type": "CONTAINER",
            "package_version": version,
        },
    })
}

#[test]
fn github_tells_of_images_by_digest_with_or_without_a_tag() {
    let tagged = |name: &str, digest: &str| json!({"tag": {"name": name, "digest": digest}});
    let (image, address) = ("ghcr.io/team/app/web", "ghcr.io/Team/App/Web:1");
    for version in [
        json!({"container_metadata": tagged("1", DIGEST), "package_url": address}),
        json!({"container_metadata": tagged("", DIGEST), "package_url": "ghcr.io/team/app/web:"}),
        json!({"container_metadata": tagged("1", DIGEST)}),
        json!({"version": DIGEST, "package_url": "ghcr.io/team/app/web"}),
        json!({"version": DIGEST, "container_metadata": tagged("1", "")}),
        json!({"version": OTHER, "container_metadata": tagged("1", DIGEST)}),
    ] {
        for event in ["package", "registry_package"] {
            let body = github(event, version.clone());
            assert_eq!(told::<GithubEvent>(&body), Ok(one(image, DIGEST)), "{body}");
        }
    }
    let untold = json!({"version": "1", "container_metadata": tagged("v1", "")});
    assert_eq!(
        told::<GithubEvent>(&github("package", untold)),
        Ok(one(image, "v1"))
    );
}

#[test]
fn github_s_other_events_start_nothing_and_what_names_no_image_is_told() {
    refused::<GithubEvent>(
        &json!({"zen": "Keep it simple.", "hook_id": 1}),
        "the secret is right",
    );
    refused::<GithubEvent>(
        &json!({"action": "created", "issue": {}}),
        "ignored: events of anything",
    );
    let npm = json!({"package": {"name": "x", "package_type": "NPM"}});
    refused::<GithubEvent>(&npm, "ignored: packages of type \"NPM\"");
    refused::<GithubEvent>(&json!({"package": {"name": "x"}}), "ignored");
    let unversioned = json!({"package": {"name": "x", "package_type": "container"}});
    refused::<GithubEvent>(&unversioned, "no package_version");
    let elsewhere = json!({"version": DIGEST, "package_url": "evil.example/x:1"});
    refused::<GithubEvent>(
        &github("package", elsewhere),
        "\"evil.example\" is not configured",
    );
    let unnamed = json!({"version": "1"});
    refused::<GithubEvent>(&github("package", unnamed), "neither tag nor digest");
    let spoilt = json!({"version": "sha256:xyz", "package_url": "ghcr.io/team/app:1"});
    refused::<GithubEvent>(&github("package", spoilt), "sha256:xyz");
    let nested = json!({"container_metadata": {"tag": "1"}});
    refused::<GithubEvent>(&github("package", nested), "invalid type");
}

#[test]
fn anything_else_names_images_as_they_are_pulled() {
    for (image, wanted) in [
        ("alpine", one("docker.io/library/alpine", "latest")),
        ("alpine:3", one("docker.io/library/alpine", "3")),
        ("gate.corp/ghcr.io/team/app:1", one("ghcr.io/team/app", "1")),
        (
            &format!("harbor.corp:8443/app:1@{DIGEST}"),
            one("harbor.corp:8443/app", DIGEST),
        ),
    ] {
        assert_eq!(
            told::<GenericEvent>(&json!({"image": image})),
            Ok(wanted),
            "{image}"
        );
    }
    let both = json!({"image": "a:1", "images": ["b:2", "c:3"]});
    assert_eq!(told::<GenericEvent>(&both).unwrap().len(), 3);
    for (body, words) in [
        (json!({}), "no image"),
        (json!({"images": []}), "no image"),
        (json!({"image": ""}), "invalid"),
        (json!({"image": "a:*"}), "tag"),
        (json!({"image": "a@sha256:1"}), "sha256:1"),
        (
            json!({"image": "evil.example/a:1"}),
            "\"evil.example\" is not configured",
        ),
        (
            json!({"image": "a", "callback": "http://evil.example"}),
            "unknown field",
        ),
        (json!({"images": "a"}), "invalid type"),
    ] {
        refused::<GenericEvent>(&body, words);
    }
    let deep = "[".repeat(100_000);
    assert!(serde_json::from_str::<GenericEvent>(&deep).is_err());
}
