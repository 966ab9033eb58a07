//! Plugins behind a URL are fetched by the hashes of their list, or those of before stay.

use sluicegate_config::{Credentials, Secret};
use tempfile::tempdir;

use super::*;
use crate::bundle::SigningKey;
use crate::signed::{offered, sign};

/// Puts a directory's worth of plugins behind the URL, with a list that a new key has signed.
fn put(site: &Site, version: u64, plugins: &[(&str, &[u8])]) {
    let place = tempdir().unwrap();
    let key = place.path().join("key");
    SigningKey::create(&key).unwrap();
    let key = SigningKey::read(&key).unwrap();
    let directory = place.path().join("plugins");
    std::fs::create_dir(&directory).unwrap();
    for (name, content) in plugins {
        std::fs::write(directory.join(name), content).unwrap();
    }
    assert_eq!(sign(&directory, version, &[key]).unwrap(), plugins.len());
    for entry in std::fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        site.put(&format!("plugins/{name}"), std::fs::read(&path).unwrap());
    }
}

/// Names what is offered, with its content.
fn here(mirror: &Mirror) -> (u64, Vec<(String, Vec<u8>)>) {
    let offered = offered(mirror.directory()).unwrap().unwrap();
    assert_eq!(offered.signatures.len(), 1);
    let files = offered.files.into_iter();
    let files = files.map(|(name, path, _)| (name, std::fs::read(path).unwrap()));
    (offered.version, files.collect())
}

fn one(name: &str, content: &[u8]) -> Vec<(String, Vec<u8>)> {
    vec![(name.to_owned(), content.to_vec())]
}

#[tokio::test]
async fn plugins_come_with_a_sync_and_each_once() {
    let (site, mirror, _home) = synced_at_noon().await;
    put(&site, 1, &[("acme.wasm", b"one")]);
    let synced = sync(&mirror, LATER).await.unwrap();
    assert!(synced.problems.is_empty(), "{:?}", synced.problems);
    let asked = |seen: &[site::Seen], path: &str| seen.iter().any(|it| it.path.ends_with(path));
    assert!(
        !asked(&site.take_seen(), "manifest.json"),
        "nobody wants any"
    );
    assert!(offered(mirror.directory()).unwrap().is_none());
    let mirror = mirror.with_plugins(true);
    sync(&mirror, LATER).await.unwrap();
    assert!(asked(&site.take_seen(), "acme.wasm"));
    assert_eq!(here(&mirror), (1, one("acme.wasm", b"one")));
    let synced = sync(&mirror, LATER).await.unwrap();
    assert!(synced.changed.is_empty(), "{:?}", synced.changed);
    assert!(!asked(&site.take_seen(), "acme.wasm"));
    put(&site, 2, &[("more.wasm", b"two")]);
    let synced = sync(&mirror, LATER).await.unwrap();
    assert_eq!(synced.changed, ["plugins/manifest.json"]);
    assert_eq!(here(&mirror), (2, one("more.wasm", b"two")));
}

#[tokio::test]
async fn what_is_not_what_the_list_has_leaves_what_was_there() {
    let (site, mirror, _home) = synced_at_noon().await;
    let mirror = mirror.with_plugins(true);
    put(&site, 1, &[("acme.wasm", b"one")]);
    sync(&mirror, NOON).await.unwrap();
    let before = here(&mirror);
    put(&site, 2, &[("acme.wasm", b"two")]);
    site.put("plugins/acme.wasm", b"owt".to_vec());
    for problem in [
        "not what was signed",
        "is no plugin's file",
        "plugins/manifest.json",
    ] {
        let synced = sync(&mirror, LATER).await.unwrap();
        let problems = synced.problems.join("; ");
        assert!(problems.contains(problem), "{problem}: {problems}");
        assert_eq!(here(&mirror), before, "{problem}");
        // Advisories do not wait for it.
        assert_eq!(synced.confirmed, Some(at(LATER)));
        let list = br#"{"format":"sluicegate-plugins/1","version":3,"files":[{"name":"../x.wasm",
            "sha256":"00","length":1}]}"#;
        if problem.starts_with("not") {
            site.put("plugins/manifest.json", list.to_vec());
        } else {
            site.remove("plugins/manifest.json");
        }
    }
}

#[tokio::test]
async fn plugins_are_asked_for_with_the_credentials_of_the_feed() {
    let site = Site::start(&["Debian:12"]).await;
    put(&site, 1, &[("acme.wasm", b"one")]);
    site.require("robot:secret");
    let home = tempdir().unwrap();
    let described = UpstreamSettings::anonymous("mirror", site.url());
    let login = Credentials {
        username: "robot".to_owned(),
        password: Secret::new("secret"),
    };
    let described = UpstreamSettings {
        login: Some(sluicegate_config::Login::Said(login)),
        allow_insecure_credentials: true,
        ..described
    };
    let mirror = Mirror::new(&described, home.path(), ProxyVariables::default());
    let mirror = mirror.unwrap().with_plugins(true);
    let synced = sync(&mirror, NOON).await.unwrap();
    assert!(synced.problems.is_empty(), "{:?}", synced.problems);
    assert_eq!(here(&mirror), (1, one("acme.wasm", b"one")));
}
