//! Secrets in images: looked for once a rule asks, told by place and hash, their values nowhere.

use std::path::Path;
use std::process::Command;

use http::StatusCode;
use serde_json::Value;
use sluicegate_tests::image::{Image, ImageBuilder};
use sluicegate_tests::layer::{Archive, Compression};
use sluicegate_tests::proxy::sluicegate;

use crate::stage::{REPO, Stage, USUAL, base, eventually, manifest_path};

/// The usual policy, and a rule that asks.
pub const ASKING: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: asking}
spec:
  onInconclusive: {partial: annotate, unscannable: refuse}
  rules:
    - {id: no-secrets, when: {kind: secret, severityAtLeast: medium}, action: refuse}
";
/// Made for this test; nobody's.
const TOKEN: &str = "kJ3hGt9RdXw2QzPlMnB7";
const PASSWORD: &str = "k8Lm#2pQz-Wx9";
pub const KEY_PATH: &str = "root/.ssh/id_app";

/// Makes a private key, in PEM.
pub fn private_key() -> String {
    let arguments = [
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:2048",
    ];
    let made = Command::new("openssl").args(arguments).output();
    let made = made.expect("run openssl");
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).expect("a key in PEM")
}

pub fn image(key: &str) -> Image {
    let layer = Archive::new()
        .file(KEY_PATH, key)
        .file("app/settings.py", "DEBUG = False\n")
        .layer(Compression::Gzip);
    ImageBuilder::new()
        .layer(base())
        .layer(layer)
        .env("PATH=/usr/bin")
        .env(&format!("DEPLOY_TOKEN={TOKEN}"))
        .step(&format!("RUN sshpass -p {PASSWORD} ssh deploy@db.internal"))
        .build()
}

/// What must be nowhere: of the key, a line of it.
fn values(key: &str) -> Vec<String> {
    let line = key.lines().nth(3).expect("a long key").to_owned();
    vec![line, TOKEN.to_owned(), PASSWORD.to_owned()]
}

fn assert_without(text: &[u8], values: &[String], what: &str) {
    for value in values {
        let holds = text
            .windows(value.len())
            .any(|part| part == value.as_bytes());
        assert!(!holds, "{what} holds {value}");
    }
}

/// Checks every file but the image's own content.
fn assert_nothing_kept(directory: &Path, image: &Image, values: &[String]) {
    for entry in std::fs::read_dir(directory).expect("list a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            assert_nothing_kept(&path, image, values);
            continue;
        }
        // Sockets, and what is gone meanwhile.
        let Ok(content) = std::fs::read(&path) else {
            continue;
        };
        if content != image.config.bytes {
            assert_without(&content, values, &path.display().to_string());
        }
    }
}

fn is_secret(finding: &Value, id: &str, path: &str) -> bool {
    finding["kind"] == "secret" && finding["id"] == id && finding["package"]["path"] == path
}

#[tokio::test]
async fn a_rule_that_asks_refuses_an_image_with_secrets_and_no_value_is_ever_kept_or_shown() {
    let stage = Stage::with(|proxy, _| proxy.policy("policy.yaml", USUAL)).await;
    let key = private_key();
    let (image, values) = (image(&key), values(&key));
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    let status = async || stage.proxy.api("/api/v1/status").await.json()["plugins"].clone();
    assert_eq!(status().await["secrets"]["on"], false);
    stage.proxy.write_policy("policy.yaml", ASKING);
    let events = async || stage.proxy.api("/api/v1/events").await;
    eventually("an event", async || {
        events().await.json()["items"][0]["decision"]["after"] == "refuse"
    })
    .await;
    assert_eq!(status().await["secrets"]["on"], true);
    let tag = manifest_path(REPO, "1");
    let refused = stage.get(&tag).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
    assert!(refused.text().contains("SECRET-"), "{}", refused.text());
    let verdict = stage.proxy.verdict(image.digest.as_str()).await;
    let findings = verdict["findings"].as_array().expect("findings");
    let is_told = |id: &str, path: &str| findings.iter().any(|it| is_secret(it, id, path));
    assert!(is_told("SECRET-PRIVATE-KEY", KEY_PATH), "{verdict}");
    for place in ["config: Env DEPLOY_TOKEN", "config: history[2]"] {
        let mut found = findings.iter();
        assert!(found.any(|it| it["package"]["path"] == place), "{verdict}");
    }
    for (what, text) in [
        ("the refusal", refused.body.to_vec()),
        ("the verdict", verdict.to_string().into_bytes()),
        ("the events", events().await.body.to_vec()),
        ("the log", stage.proxy.log().into_bytes()),
    ] {
        assert_without(&text, &values, what);
    }
    assert_nothing_kept(&stage.proxy.data(), &image, &values);
    stage.proxy.write_policy("policy.yaml", USUAL);
    eventually("it leaves again", async || {
        stage.get(&tag).await.status == StatusCode::OK
    })
    .await;
    assert_eq!(status().await["secrets"]["on"], false);
}

#[tokio::test]
async fn inspect_image_looks_where_the_policy_asks_and_writes_no_value_in_any_format() {
    let place = tempfile::tempdir().expect("make a directory");
    let key = private_key();
    let (image, values) = (image(&key), values(&key));
    let path = |name: &str| place.path().join(name).display().to_string();
    image.write_layout(Path::new(&path("layout")), &serde_json::json!({}));
    std::fs::write(path("asking.yaml"), ASKING).expect("write a policy");
    let (name, data) = (format!("oci:{}", path("layout")), path("data"));
    let inspected = async |policy: &[&str], format: &str| {
        let usual = [
            "inspect-image",
            &name,
            "--feed",
            "none",
            "--data",
            &data,
            "--format",
            format,
        ];
        sluicegate(&[&usual, policy].concat()).await
    };
    let silent = inspected(&[], "json").await;
    assert!(!silent.stdout.contains("SECRET-"), "{silent:?}");
    let asking = path("asking.yaml");
    for format in ["table", "json", "sarif", "cyclonedx", "spdx"] {
        let told = inspected(&["--policy", &asking], format).await;
        assert_eq!(told.status, 1, "{format}: {told:?}");
        if format != "spdx" {
            assert!(told.stdout.contains("SECRET-PRIVATE-KEY"), "{told:?}");
        }
        assert_without(told.text().as_bytes(), &values, format);
    }
    assert_nothing_kept(Path::new(&data), &image, &values);
}

/// A policy that asks how images are set up.
const SETUP: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: setup}
spec:
  onInconclusive: {partial: annotate, unscannable: annotate}
  rules:
    - {id: setup, when: {kind: configuration, severityAtLeast: medium}, action: refuse}
";

#[tokio::test]
async fn inspect_image_says_how_an_image_is_set_up_where_the_policy_asks() {
    let place = tempfile::tempdir().expect("make a directory");
    let layer = Archive::new()
        .file_with_mode("usr/bin/own", "#!/bin/sh\n", 0o4755)
        .file_with_mode("usr/bin/open", "#!/bin/sh\n", 0o777)
        .layer(Compression::Gzip);
    let image = ImageBuilder::new().layer(base()).layer(layer).build();
    let path = |name: &str| place.path().join(name).display().to_string();
    image.write_layout(Path::new(&path("layout")), &serde_json::json!({}));
    std::fs::write(path("setup.yaml"), SETUP).expect("write a policy");
    let (name, data, policy) = (
        format!("oci:{}", path("layout")),
        path("data"),
        path("setup.yaml"),
    );
    let usual = [
        "inspect-image",
        &name,
        "--feed",
        "none",
        "--data",
        &data,
        "--format",
        "json",
    ];
    let silent = sluicegate(&usual).await;
    assert!(!silent.stdout.contains("IMAGE-"), "{silent:?}");
    let told = sluicegate(&[&usual[..], &["--policy", &policy]].concat()).await;
    assert_eq!(told.status, 1, "{told:?}");
    let verdict: Value = serde_json::from_str(&told.stdout).expect("a verdict");
    let findings = verdict["findings"].as_array().expect("findings").iter();
    let told = findings.map(|it| (it["id"].as_str(), it["package"]["path"].as_str()));
    let mut told: Vec<_> = told.collect();
    told.sort_unstable();
    let wanted = [
        (Some("IMAGE-ROOT-USER"), Some("config: User")),
        (Some("IMAGE-SETUID-FILE"), Some("usr/bin/own")),
        (Some("IMAGE-WRITABLE-PATH"), Some("usr/bin/open")),
    ];
    assert_eq!(told, wanted);
}
