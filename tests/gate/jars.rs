//! Archives that do not state what they are: known by their digests once there is an index of JARs.

use std::io::{Cursor, Write as _};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::image::{Image, ImageBuilder};
use sluicegate_tests::layer::{Archive, Compression};
use sluicegate_tests::process::run;
use sluicegate_tests::proxy::sluicegate;
use zip::write::SimpleFileOptions;

use crate::stage::{REPO, Stage, base, eventually};

/// Writes an archive with one class and nothing that says what it is.
pub fn jar(content: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let started = zip.start_file("org/acme/tool/Tool.class", SimpleFileOptions::default());
    started.expect("start an entry");
    zip.write_all(content.as_bytes()).expect("write an entry");
    zip.finish().expect("end the archive").into_inner()
}

/// Lays an archive out as a repository publishes it.
fn publish(root: &Path, version: &str, bytes: &[u8]) {
    let place = root.join("org/acme/tool").join(version);
    std::fs::create_dir_all(&place).expect("make a directory");
    std::fs::write(place.join(format!("tool-{version}.jar")), bytes).expect("write an archive");
}

/// Publishes an advisory on what the archive is.
pub fn warn(feeds: &Path) {
    let advisories = [
        Advisory::new("ALPINE-CVE-2026-0001", "Alpine:edge", "nothing", "1"),
        Advisory::new("GHSA-dddd-dddd-dddd", "Maven", "org.acme:tool", "2.0")
            .alias("CVE-2026-4444")
            .critical(),
    ];
    feeds::write(feeds, &[], &advisories);
}

/// An image with the archive at a path.
pub fn image(path: &str, bytes: &[u8]) -> Image {
    let archive = Archive::new().file(path, bytes);
    ImageBuilder::new()
        .layer(base())
        .layer(archive.layer(Compression::Gzip))
        .build()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test]
async fn an_index_of_jars_refuses_what_ran_unknown_and_no_byte_is_read_again() {
    let stage = Stage::hold().await;
    warn(stage.feeds());
    stage.proxy.signal("HUP");
    let bytes = jar("one");
    let image = image("app/x.jar", &bytes);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    let before = stage.proxy.verdict(image.digest.as_str()).await;
    assert_eq!(before["findings"], Value::Array(Vec::new()), "{before}");
    let gaps = before["coverage"]["gaps"].to_string();
    assert!(gaps.contains("jar-unidentified"), "{before}");
    let asked = stage.upstream.seen().len();

    let home = tempfile::tempdir().expect("make a directory");
    publish(home.path(), "1.0", &bytes);
    publish(home.path(), "2.0", &jar("two"));
    let index = text(&stage.feeds().join("knowledge/jars.idx"));
    let from = text(home.path());
    let made = sluicegate(&["feeds", "jars", &from, "--out", &index, "--format", "json"]).await;
    let made = made.expect_ok("feeds jars").text();
    assert!(
        made.contains("\"archives\": 2") || made.contains("\"archives\":2"),
        "{made}"
    );
    stage.proxy.signal("HUP");
    let digest = image.digest.as_str();
    eventually("the verdict is made anew", async || {
        stage.proxy.verdict(digest).await["decision"] == "refuse"
    })
    .await;
    let refused = stage.proxy.verdict(digest).await;
    let finding = &refused["findings"][0];
    assert_eq!(finding["id"], "CVE-2026-4444", "{refused}");
    assert_eq!(finding["package"]["purl"], "pkg:maven/org.acme/tool@1.0");
    assert_eq!(finding["package"]["evidence"], "digest");
    assert_eq!(finding["package"]["path"], "app/x.jar");
    assert_eq!(
        refused["provenance"]["scanned_at"],
        before["provenance"]["scanned_at"]
    );
    assert_eq!(stage.upstream.seen().len(), asked, "nobody was asked");
    let held = stage.proxy.api("/api/v1/packages?name=tool").await.json();
    assert_eq!(held["items"][0]["path"], "app/x.jar", "{held}");
    let bill = format!("/api/v1/verdicts/{digest}/sbom");
    let bill = stage.proxy.api(&bill).await.text();
    assert!(bill.contains("pkg:maven/org.acme/tool@1.0"), "{bill}");
    let status = stage.proxy.api("/api/v1/status").await.json();
    let known = &status["feeds"]["knowledge"];
    assert_eq!(known[1]["knowledge"], "JARs by digest", "{known}");
    assert_eq!(known[1]["entries"], 2);
    assert_eq!(known[0]["source"], "the program");

    std::fs::write(&index, "half of a file").expect("damage the index");
    stage.proxy.signal("HUP");
    eventually("the damage is told", async || {
        let status = stage.proxy.api("/api/v1/status").await.json();
        status["feeds"]["problem"].to_string().contains("jars.idx")
    })
    .await;
    std::fs::remove_file(&index).expect("take the index away");
    stage.proxy.signal("HUP");
    eventually("without it nobody knows", async || {
        stage.proxy.verdict(digest).await["decision"] != "refuse"
    })
    .await;
    assert_eq!(stage.upstream.seen().len(), asked, "nobody was asked");
}

#[tokio::test]
async fn trivys_database_is_taken_as_an_index_by_whoever_inspects() {
    let home = tempfile::tempdir().expect("make a directory");
    let (root, feed) = (home.path().join("root"), home.path().join("feed"));
    std::fs::create_dir_all(root.join("app")).expect("make a directory");
    std::fs::create_dir_all(root.join("etc")).expect("make a directory");
    std::fs::write(
        root.join("etc/os-release"),
        "ID=alpine\nVERSION_ID=3.24.0_alpha20260601\n",
    )
    .expect("write a file");
    std::fs::write(root.join("app/x.jar"), jar("one")).expect("write an archive");
    warn(&feed);
    let database = text(&home.path().join("trivy-java.db"));
    let script = "import hashlib, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute('CREATE TABLE artifacts(id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT)')
db.execute('CREATE TABLE indices(artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT, foreign key (artifact_id) references artifacts(id))')
db.execute('CREATE UNIQUE INDEX indices_sha1_idx ON indices(sha1)')
for n in range(3000):
    db.execute('INSERT INTO artifacts VALUES (?, ?, ?)', (n + 1, 'org.other', f'tool-{n}'))
    db.execute('INSERT INTO indices VALUES (?, ?, ?, ?)', (n + 1, '1.0', hashlib.sha1(str(n).encode()).digest(), 'jar'))
db.execute(\"INSERT INTO artifacts VALUES (70000, 'org.acme', 'tool')\")
own = hashlib.sha1(open(sys.argv[2], 'rb').read()).digest()
db.execute('INSERT INTO indices VALUES (?, ?, ?, ?)', (70000, '1.0', own, 'jar'))
db.commit()
";
    let archive = text(&root.join("app/x.jar"));
    let arguments = ["-c", script, &database, &archive];
    run("python3", &arguments, Duration::from_secs(20))
        .await
        .expect_ok("python3");
    let (image, feed) = (format!("dir:{}", root.display()), text(&feed));
    let data = text(&home.path().join("data"));
    let inspect = [
        "inspect-image",
        &image,
        "--feed",
        &feed,
        "--data",
        &data,
        "--format",
        "json",
    ];
    let unknown: Value = serde_json::from_str(&sluicegate(&inspect).await.stdout).expect("JSON");
    assert_eq!(unknown["findings"], Value::Array(Vec::new()), "{unknown}");
    let index = text(&home.path().join("data/knowledge/jars.idx"));
    let made = sluicegate(&["feeds", "jars", &database, "--out", &index]).await;
    let made = made.expect_ok("feeds jars").text();
    assert!(made.contains("archives   3001"), "{made}");
    let refused = sluicegate(&inspect).await.expect_failure("inspect-image");
    let refused: Value = serde_json::from_str(&refused.stdout).expect("JSON");
    assert_eq!(refused["findings"][0]["id"], "CVE-2026-4444", "{refused}");
    assert_eq!(refused["findings"][0]["package"]["evidence"], "digest");
    let broken = text(&home.path().join("broken.db"));
    std::fs::write(&broken, "no database").expect("write a file");
    let other = text(&home.path().join("other.idx"));
    sluicegate(&["feeds", "jars", &broken, "--out", &other])
        .await
        .expect_failure("feeds jars");
    assert!(!Path::new(&other).exists(), "nothing half made");
}

#[tokio::test]
async fn a_signed_bundle_brings_an_index_along() {
    let home = tempfile::tempdir().expect("make a directory");
    let place = |name: &str| text(&home.path().join(name));
    let (root, bytes) = (home.path().join("root"), jar("one"));
    std::fs::create_dir_all(root.join("app")).expect("make a directory");
    std::fs::write(root.join("app/x.jar"), &bytes).expect("write an archive");
    warn(&home.path().join("feed"));
    publish(&home.path().join("repository"), "1.0", &bytes);
    let index = place("known/jars.idx");
    let ok = async |arguments: &[&str]| {
        let ended = sluicegate(arguments).await;
        ended.expect_ok(&arguments.join(" ")).stdout
    };
    ok(&["feeds", "jars", &place("repository"), "--out", &index]).await;
    let public = ok(&["feeds", "create-key", &place("key")]).await;
    let (bundle, data, key) = (place("bundle"), place("data"), place("key"));
    let (feed, known) = (place("feed"), place("known"));
    let export = [
        "feeds",
        "export",
        &bundle,
        "--signing-key",
        &key,
        "--feed",
        &feed,
    ];
    ok(&[&export[..], &["--knowledge", &known]].concat()).await;
    let import = [
        "feeds",
        "import",
        &bundle,
        "--trust",
        public.trim(),
        "--data",
        &data,
    ];
    ok(&import).await;
    let image = format!("dir:{}", root.display());
    let inspect = [
        "inspect-image",
        &image,
        "--feed",
        "imported",
        "--data",
        &data,
    ];
    let told = sluicegate(&[&inspect[..], &["--format", "json"]].concat()).await;
    let told: Value = serde_json::from_str(&told.stdout).expect("JSON");
    let finding = &told["findings"][0];
    assert_eq!(finding["id"], "CVE-2026-4444", "{told}");
    assert_eq!(finding["package"]["evidence"], "digest", "{told}");
}
