//! Tables of names that are fed to a running service: what images that were judged hold is found by them,
//! and no more once they are gone.

use std::path::Path;

use http::StatusCode;
use serde_json::Value;
use sluicegate_tests::image::{Image, ImageBuilder};
use sluicegate_tests::layer::{Archive, Compression};
use sluicegate_tests::proxy::sluicegate;

use crate::jars::{self, jar, warn};
use crate::stage::{REPO, Stage, base, eventually, manifest_path};

const PRODUCTS: &str = r#"{"format": 1, "of": "2127-01-02", "products": [
    {"name": "acme-gate", "anchor": "Acme gate built by", "place": "near",
     "version": "\\x00(\\d+\\.\\d+)\\x00Acme gate"}]}"#;
const JAR_NAMES: &str = "format 1\nof 2127-01-02\nacme-x org.acme tool org/acme/tool/\n";

/// A program that no table of ours names: the head of an ELF file, and its own texts.
fn program() -> Vec<u8> {
    let mut program = b"\x7fELF\x02\x01\x01".to_vec();
    program.resize(16, 0);
    program.extend([2, 0, 0x3e, 0, 1, 0, 0, 0]);
    program.resize(64, 0);
    program.extend(b"\x007.3\0Acme gate built by hand\0");
    program
}

/// An image with that program.
pub fn image() -> Image {
    let layer = Archive::new().file("usr/bin/acme-gate", program());
    ImageBuilder::new()
        .layer(base())
        .layer(layer.layer(Compression::Gzip))
        .build()
}

/// Puts the table of products into `knowledge/` of a directory.
pub fn write_products(directory: &Path) {
    write(directory, "products.json", PRODUCTS);
}

fn write(directory: &Path, name: &str, text: &str) {
    let knowledge = directory.join("knowledge");
    std::fs::create_dir_all(&knowledge).expect("make a directory");
    std::fs::write(knowledge.join(name), text).expect("write a table");
}

async fn known(stage: &Stage, name: &str) -> Value {
    let status = stage.proxy.api("/api/v1/status").await.json();
    let known = status["feeds"]["knowledge"].as_array().cloned();
    let mut known = known.unwrap_or_default().into_iter();
    let found = known.find(|known| known["knowledge"] == name);
    found.unwrap_or_default()
}

async fn holders(stage: &Stage) -> Value {
    let held = stage.proxy.api("/api/v1/packages?name=acme-gate").await;
    held.json()["items"].clone()
}

async fn is_told(stage: &Stage, file: &str) -> bool {
    let status = stage.proxy.api("/api/v1/status").await.json();
    status["feeds"]["problem"].to_string().contains(file)
}

#[tokio::test]
async fn a_table_of_products_names_a_program_of_an_image_that_was_judged_until_it_is_gone() {
    let stage = Stage::hold().await;
    let image = image();
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    assert_eq!(known(&stage, "products").await["source"], "the program");
    let nobody = Value::Array(Vec::new());
    assert_eq!(holders(&stage).await, nobody);

    write_products(stage.feeds());
    stage.proxy.signal("HUP");
    eventually("the program is named", async || {
        holders(&stage).await[0]["path"] == "usr/bin/acme-gate"
    })
    .await;
    let bill = format!("/api/v1/verdicts/{}/sbom", image.digest);
    let bill = stage.proxy.api(&bill).await.text();
    assert!(bill.contains("pkg:generic/acme-gate@7.3"), "{bill}");
    let shown = known(&stage, "products").await;
    assert_eq!(
        (&shown["source"], &shown["entries"], &shown["newest"]),
        (&"a file".into(), &1.into(), &"2127-01-02T00:00:00Z".into())
    );
    stage.pull(REPO, "1", &image).await;

    // Damaged, or too much, it takes nothing away.
    let many = format!("{PRODUCTS}{}", " ".repeat(1024 * 1024));
    for text in ["{", &many] {
        write(stage.feeds(), "products.json", text);
        stage.proxy.signal("HUP");
        eventually("the damage is told", async || {
            is_told(&stage, "products.json").await
        })
        .await;
        let still = known(&stage, "products").await;
        assert_eq!(still["digest"], shown["digest"], "{still}");
    }
    assert_ne!(holders(&stage).await, nobody);

    let table = stage.feeds().join("knowledge/products.json");
    std::fs::remove_file(&table).expect("take the table away");
    stage.proxy.signal("HUP");
    eventually("nobody knows it any more", async || {
        holders(&stage).await == nobody
    })
    .await;
    assert_eq!(known(&stage, "products").await["source"], "the program");
    stage.pull(REPO, "1", &image).await;
}

#[tokio::test]
async fn a_name_of_a_java_archive_refuses_what_was_served_until_it_is_gone() {
    let mut stage = Stage::hold().await;
    warn(stage.feeds());
    stage.proxy.signal("HUP");
    let image = jars::image("app/acme-x-1.0.jar", &jar("class"));
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    let digest = image.digest.as_str();
    let before = stage.proxy.verdict(digest).await;
    assert_eq!(before["findings"], Value::Array(Vec::new()), "{before}");
    let gaps = before["coverage"]["gaps"].to_string();
    assert!(gaps.contains("jar-unidentified"), "{before}");

    write(stage.feeds(), "jar-names.txt", JAR_NAMES);
    stage.proxy.signal("HUP");
    // The background judges it, whoever asks.
    eventually("it is refused", async || {
        stage.proxy.verdict(digest).await["decision"] == "refuse"
    })
    .await;
    let refused = stage.proxy.verdict(digest).await;
    let finding = &refused["findings"][0];
    assert_eq!(finding["id"], "CVE-2026-4444", "{refused}");
    assert_eq!(finding["package"]["purl"], "pkg:maven/org.acme/tool@1.0");
    let reply = stage.get(&manifest_path(REPO, "1")).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.text());
    assert_eq!(known(&stage, "JAR names").await["entries"], 1);

    // Whoever starts with it reads nothing again.
    stage.proxy.restart().await;
    let reply = stage.get(&manifest_path(REPO, "1")).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.text());
    let again = stage.proxy.verdict(digest).await;
    let scanned_at = |verdict: &Value| verdict["provenance"]["scanned_at"].clone();
    assert_eq!(scanned_at(&again), scanned_at(&refused), "{again}");

    let table = stage.feeds().join("knowledge/jar-names.txt");
    std::fs::remove_file(&table).expect("take the table away");
    stage.proxy.signal("HUP");
    eventually("it is served again", async || {
        stage.get(&manifest_path(REPO, "1")).await.status == StatusCode::OK
    })
    .await;
    let after = stage.proxy.verdict(digest).await;
    assert_eq!(after["findings"], before["findings"], "{after}");
    let fingerprint = |verdict: &Value| verdict["provenance"]["scanner"].clone();
    assert_eq!(fingerprint(&after), fingerprint(&before));
    assert_ne!(fingerprint(&after), fingerprint(&refused));
}

#[tokio::test]
async fn whoever_inspects_goes_by_the_tables_of_the_same_directories() {
    let home = tempfile::tempdir().expect("make a directory");
    let (root, feed, data) = (
        home.path().join("root"),
        home.path().join("feed"),
        home.path().join("data"),
    );
    for (name, content) in [
        (
            "etc/os-release",
            b"ID=alpine\nVERSION_ID=3.24.0_alpha20260601\n".to_vec(),
        ),
        ("usr/bin/acme-gate", program()),
    ] {
        let path = root.join(name);
        let directory = path.parent().expect("a directory");
        std::fs::create_dir_all(directory).expect("make a directory");
        std::fs::write(path, content).expect("write a file");
    }
    warn(&feed);
    let text = |path: &Path| path.display().to_string();
    let (image, feed, data_text) = (format!("dir:{}", text(&root)), text(&feed), text(&data));
    let inspect = [
        "inspect-image",
        &image,
        "--feed",
        &feed,
        "--data",
        &data_text,
        "--format",
        "cyclonedx",
    ];
    let before = sluicegate(&inspect).await.stdout;
    assert!(!before.contains("acme-gate@7.3"), "{before}");
    write_products(&data);
    let after = sluicegate(&inspect).await.stdout;
    assert!(after.contains("pkg:generic/acme-gate@7.3"), "{after}");
    std::fs::remove_dir_all(data.join("knowledge")).expect("take it away");
    let gone = sluicegate(&inspect).await.stdout;
    assert!(!gone.contains("acme-gate@7.3"), "{gone}");
}
