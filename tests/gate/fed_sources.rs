//! Plugins that come from elsewhere, signed: with the bundle of a feed, and from a registry.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::guests::saying;
use sluicegate_tests::image::artifact;
use sluicegate_tests::process::Outcome;
use sluicegate_tests::proxy::sluicegate;
use tempfile::TempDir;

use crate::signatures::{KINDS, Signer};
use crate::stage::{REPO, Stage, clean, eventually, manifest_path};

const MANIFEST: &str = r#"{"name":"acme","version":"1.2.3","kind":"detector","abi":1,
    "claims":[{"name":"METADATA"}]}"#;
const FINDING: &str = r#"{"findings":[{"id":"ACME-1","severity":"critical","summary":"it is open",
    "package":{"name":"goodlib","version":"1.0"},"remedy":[{"package":"goodlib","version":"9.9"}]}]}"#;

fn text(path: &Path) -> String {
    path.to_str().expect("a readable path").to_owned()
}

/// Somebody who makes bundles for a service.
struct Publisher {
    home: TempDir,
    public: String,
}

impl Publisher {
    async fn new() -> Self {
        let home = tempfile::tempdir().expect("make a directory");
        let key = text(&home.path().join("feeds.key"));
        let made = sluicegate(&["feeds", "create-key", &key]).await;
        let public = made.expect_ok("create-key").stdout.trim().to_owned();
        let advisories = [
            Advisory::new("ALPINE-CVE-2026-0001", "Alpine:edge", "nothing", "1"),
            Advisory::new("GHSA-aaaa-aaaa-aaaa", "PyPI", "badlib", "2.0"),
        ];
        feeds::write(&home.path().join("feeds"), &[], &advisories);
        let plugins = home.path().join("plugins");
        std::fs::create_dir(&plugins).expect("make a directory");
        std::fs::write(plugins.join("acme.wasm"), saying(MANIFEST, FINDING)).expect("write it");
        Self { home, public }
    }

    fn file(&self, name: &str) -> String {
        text(&self.home.path().join(name))
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Makes a bundle and imports it where the service keeps its data.
    async fn publish(&self, version: &str, with_plugins: bool) {
        let (bundle, key, source) = (self.file("b"), self.file("feeds.key"), self.file("feeds"));
        let plugins = self.file("plugins");
        let mut export = vec!["feeds", "export", &bundle, "--signing-key", &key];
        export.extend(["--feed", &source, "--bundle-version", version]);
        if with_plugins {
            export.extend(["--plugin", &plugins]);
        }
        sluicegate(&export).await.expect_ok("export");
        let data = text(&self.data());
        let import = [
            "feeds",
            "import",
            &bundle,
            "--trust",
            &self.public,
            "--data",
            &data,
        ];
        sluicegate(&import).await.expect_ok("import");
    }
}

async fn plugin_shown(stage: &Stage) -> Value {
    let listed = stage.proxy.api("/api/v1/plugins").await.json();
    let items = listed["items"].as_array().expect("a list").clone();
    let fed = items.into_iter().find(|it| it["name"] == "fed/acme");
    fed.unwrap_or_default()
}

#[tokio::test]
async fn a_bundle_brings_a_plugin_to_a_running_service_and_the_next_takes_it_away() {
    let publisher = Publisher::new().await;
    publisher.publish("1", false).await;
    let data = text(&publisher.data());
    let stage = Stage::with(|proxy, _| proxy.data(&data).flag("--feed", "imported")).await;
    let image = clean(720);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    publisher.publish("2", true).await;
    let tag = manifest_path(REPO, "1");
    eventually("what the plugin finds refuses", async || {
        stage.get(&tag).await.status == StatusCode::FORBIDDEN
    })
    .await;
    let refused = stage.get(&tag).await;
    assert!(refused.text().contains("ACME-1"), "{}", refused.text());
    let shown = plugin_shown(&stage).await;
    assert_eq!(shown["source"], "feed bundle 2", "{shown}");
    assert_eq!(shown["signed_by"][0], publisher.public.as_str(), "{shown}");
    assert_eq!(shown["seen"]["failed"], 0, "{shown}");
    assert!(shown["seen"]["asked"].as_u64() > Some(0), "{shown}");
    assert!(shown["seen"]["last_asked"].is_string(), "{shown}");
    let listed = sluicegate(&["plugins", "list", "--data", &data]).await;
    let listed = listed.expect_ok("plugins list").stdout;
    assert!(listed.contains("feed bundle 2"), "{listed}");
    let kept = sluicegate(&["plugins", "remove", "acme", "--data", &data]).await;
    assert_eq!(kept.status, 2, "{kept:?}");
    assert!(kept.text().contains("would come again"), "{kept:?}");
    publisher.publish("3", false).await;
    eventually("it leaves again", async || {
        stage.get(&tag).await.status == StatusCode::OK
    })
    .await;
    assert_eq!(plugin_shown(&stage).await, Value::Null);
}

/// Adds an artifact of the upstream.
async fn add(stage: &Stage, reference: &str, trust: Option<&str>) -> Outcome {
    let place = tempfile::tempdir().expect("make a directory");
    let trusted = trust.map(|key| format!("plugin_trust: [\"{key}\"]\n"));
    let url = stage.upstream.url();
    let config = format!(
        "upstreams: {{up.test: {{url: \"{url}\"}}}}\n{}",
        trusted.unwrap_or_default()
    );
    let file = text(&place.path().join("sluicegate.yaml"));
    std::fs::write(&file, config).expect("write it");
    let data = text(&stage.proxy.data());
    let arguments = [
        "plugins", "add", reference, "--config", &file, "--data", &data,
    ];
    sluicegate(&arguments).await
}

#[tokio::test]
async fn a_plugin_of_a_registry_is_taken_by_its_digest_where_a_trusted_key_has_signed_it() {
    let stage = Stage::hold().await;
    let image = clean(721);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    let module = Bytes::from(saying(MANIFEST, FINDING));
    let plugin = artifact("application/wasm", &[("application/wasm", module)], None);
    let repository = "security/acme";
    stage.upstream.add(repository, "1", &plugin);
    let reference = format!("oci://up.test/{repository}@{}", plugin.digest);
    let signer = Signer::of(KINDS[0]);
    let key = signer.key_file();
    let refused = |outcome: &Outcome, why: &str| {
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert!(outcome.text().contains(why), "{outcome:?}");
    };
    let nobody = add(&stage, &reference, None).await;
    refused(&nobody, "not who vouches for it");
    let unsigned = add(&stage, &reference, Some(&key)).await;
    refused(&unsigned, "signed by none of the keys of plugin_trust");
    let by_tag = add(&stage, &format!("oci://up.test/{repository}:1"), Some(&key)).await;
    refused(&by_tag, "wanted a digest");
    let elsewhere = reference.replace("up.test", "other.test");
    refused(
        &add(&stage, &elsewhere, Some(&key)).await,
        "configured upstreams",
    );
    let signature = signer.simple("", &plugin.digest);
    let tag = format!("sha256-{}.sig", plugin.digest.hex());
    stage.upstream.add(repository, &tag, &signature);
    let stranger = Signer::of(KINDS[2]);
    let by_another = add(&stage, &reference, Some(&stranger.key_file())).await;
    refused(&by_another, "signed by none of the keys of plugin_trust");
    let added = add(&stage, &reference, Some(&key)).await;
    let said = added.expect_ok("plugins add").stdout;
    assert!(
        said.contains("acme 1.2.3") && said.contains("signed by sha256:"),
        "{said}"
    );
    eventually("what the plugin finds refuses", async || {
        stage.get(&manifest_path(REPO, "1")).await.status == StatusCode::FORBIDDEN
    })
    .await;
    let shown = plugin_shown(&stage).await;
    assert_eq!(shown["source"], reference.as_str(), "{shown}");
    assert!(shown["signed_by"][0].is_string(), "{shown}");
}
