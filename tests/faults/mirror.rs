//! Advisories from a URL: fetched before the first verdict, used on while the URL is down.

use sluicegate_tests::fault::FaultUpstream;
use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::image::ImageBuilder;
use sluicegate_tests::layer::Compression;
use sluicegate_tests::mirror::Mirror;
use sluicegate_tests::proxy::ProxyBuilder;
use sluicegate_tests::proxy::sluicegate;
use sluicegate_tests::rootfs;

use crate::stage::{Stage, clean_image, flawed_image, write_feed};

/// Refuses what is known to be bad, and what nothing is known of.
const STRICT: &str = "\
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: strict}
spec:
  onInconclusive: refuse
  rules:
    - {id: critical, when: {severityAtLeast: critical}, action: refuse}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn advisories_of_a_url_refuse_also_while_it_is_down() {
    let files = tempfile::tempdir().expect("make a directory");
    write_feed(files.path());
    std::fs::write(files.path().join("ecosystems.txt"), "PyPI\n").expect("write the list");
    let mirror = Mirror::start(files.path()).await;
    let upstream = FaultUpstream::start().await;
    let builder = ProxyBuilder::new(&upstream.url()).feed_url(&mirror.url());
    let mut stage = Stage::around(upstream, builder).await;
    let (clean, flawed) = (clean_image(1, 1_000), flawed_image(2, 1_000));
    stage.upstream.add("lib/app", "1", &clean);
    stage.upstream.add("lib/flawed", "1", &flawed);
    stage.pulls("lib/app", "1", &clean).await;
    assert_eq!(stage.manifest("lib/flawed", "1").await.status, 403);
    let status = stage.proxy.command(&["feeds", "status"]).await;
    assert!(status.stdout.contains(&mirror.url()), "{}", status.stdout);
    assert!(status.stdout.contains("PyPI"), "{}", status.stdout);
    let data = stage.proxy.data().display().to_string();
    let kept = sluicegate(&["feeds", "status", "--data", &data, "--problems"]).await;
    assert!(kept.stdout.contains(&mirror.url()), "{}", kept.text());
    assert!(kept.stdout.contains("NO SEVERITY"), "{}", kept.text());
    assert!(kept.stdout.contains("every record could be read"));
    let elsewhere = tempfile::tempdir().expect("make a directory");
    let data = elsewhere.path().display().to_string();
    let update = ["feeds", "update", "--data", &data, "--feed", &mirror.url()];
    let update = sluicegate(&update).await;
    assert!(update.ok(), "{}", update.stderr);
    assert!(update.stdout.contains("PyPI/all.zip"), "{}", update.stdout);
    drop(mirror);
    stage.proxy.restart().await;
    let flawed = flawed_image(3, 1_000);
    stage.upstream.add("lib/flawed", "2", &flawed);
    assert_eq!(stage.manifest("lib/flawed", "2").await.status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_image_of_an_ecosystem_is_held_until_its_archive_is_here() {
    let files = tempfile::tempdir().expect("make a directory");
    write_feed(files.path());
    let flaw = Advisory::new("CVE-2026-0002", "Alpine:edge", "flawed", "2.0-r0").critical();
    feeds::write(files.path(), &["Alpine:edge"], &[flaw]);
    let list = "PyPI\nAlpine:edge\nWolfi\n";
    std::fs::write(files.path().join("ecosystems.txt"), list).expect("write the list");
    let mirror = Mirror::start(files.path()).await;
    for gate in ["hold", "stream"] {
        let upstream = FaultUpstream::start().await;
        let builder = ProxyBuilder::new(&upstream.url()).feed_url(&mirror.url());
        let builder = builder.policy("strict.yaml", STRICT).flag("--gate", gate);
        let stage = Stage::around(upstream, builder).await;
        let of = |package| {
            let root = rootfs::alpine(&[(package, "1.0-r0", package)]);
            ImageBuilder::new()
                .layer(root.layer(Compression::Gzip))
                .build()
        };
        let (sound, flawed) = (of("sound"), of("flawed"));
        for (name, image) in [("sound", &sound), ("flawed", &flawed)] {
            stage.upstream.add(&format!("lib/{name}"), "1", image);
        }
        // Both at once, and both the first: neither is judged before the archive is in force.
        let refused = async {
            let manifest = stage.manifest("lib/flawed", "1").await;
            let layer = stage.blob("lib/flawed", &flawed.layers[0]).await;
            (manifest, layer)
        };
        let ((), (manifest, layer)) = tokio::join!(stage.pulls("lib/sound", "1", &sound), refused);
        assert_eq!(layer.status, 403, "{gate}: {}", layer.text());
        assert!(
            layer.message().contains("CVE-2026-0002"),
            "{}",
            layer.message()
        );
        assert_eq!(
            manifest.status == 403,
            gate == "hold",
            "{}",
            manifest.text()
        );
        let status = stage
            .proxy
            .command(&["feeds", "status", "--format", "json"])
            .await;
        assert!(
            status.stdout.contains("\"awaited\": []"),
            "{}",
            status.stdout
        );
    }
}
