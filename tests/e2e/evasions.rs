//! The six steps of "Malicious Compliance" on real systems, through the whole proxy.
//!
//! Source: Coldwater, Cooley, Geesaman, McCune, KubeCon Europe 2023. Each step hides more of an image
//! with known vulnerabilities; the last squashes everything into one layer.

use std::io::Read as _;

use http::Method;
use serde_json::Value;
use sluicegate_tests::image::{Image, ImageBuilder};
use sluicegate_tests::layer::{self, Archive, Compression, Layer};
use sluicegate_tests::rootfs;

use crate::scene::Scene;

const SITE: &str = "usr/lib/python3/dist-packages/jinja2-2.10.dist-info";
const OS: &str = "NAME=\"Bagel\"\nID=bagelos\nVERSION_ID=1\n";

/// A system, and where its package manager keeps the database.
struct System {
    name: &'static str,
    layer: Layer,
    database: &'static str,
}

#[tokio::test]
async fn malicious_compliance_is_clean_at_no_step() {
    let scene = Scene::start("hold").await;
    let mut systems = vec![System {
        name: "debian",
        layer: rootfs::debian(Compression::Plain).await,
        database: "var/lib/dpkg",
    }];
    match rootfs::extra("images/alpine-minirootfs-3.16.9-x86_64.tar.gz") {
        Some(path) => {
            let archive = zcat(&layer::from_tar_gz_file(&path));
            systems.push(System {
                name: "alpine",
                layer: Layer::of(&archive, Compression::Plain),
                database: "lib/apk/db",
            });
        }
        None => println!("SLUICEGATE_TEST_DATA adds no images: no further cases"),
    }
    for system in systems {
        let layers = steps(&system).await;
        for count in 2..=layers.len() {
            let image = layers[..count]
                .iter()
                .fold(ImageBuilder::new(), |builder, layer| {
                    builder.layer(layer.clone())
                });
            let verdict = judged(&scene, &format!("{}{count}", system.name), &image.build()).await;
            assert_not_clean(&verdict, system.name, count - 1);
        }
        let image = ImageBuilder::new().layer(squashed(&layers)).build();
        let verdict = judged(&scene, &format!("{}-squashed", system.name), &image).await;
        assert_not_clean(&verdict, system.name, 6);
        assert_eq!(
            verdict["coverage"]["status"], "unscannable",
            "{}",
            verdict["coverage"]
        );
    }
}

/// Gives the system, the packages, and one layer for each further step.
async fn steps(system: &System) -> Vec<Layer> {
    let packages = merged(&[
        rootfs::pip_jinja2(Compression::Plain).await,
        rootfs::npm_minimist(Compression::Plain).await,
    ]);
    let renamed = Archive::new()
        .file("etc/os-release", OS)
        .file("usr/lib/os-release", OS)
        .whiteout("etc/debian_version")
        .whiteout("etc/alpine-release");
    let removed = Archive::new().whiteout(system.database);
    let stripped = Archive::new()
        .whiteout(SITE)
        .whiteout("app/node_modules/minimist/package.json")
        .whiteout("app/node_modules/.package-lock.json")
        .whiteout("app/package.json")
        .whiteout("app/package-lock.json")
        .symlink("app/lock", "/proc/self/root/app/hidden");
    let packed = Archive::new().file_with_mode("app/server", packed(), 0o755);
    vec![
        system.layer.clone(),
        packages,
        renamed.layer(Compression::Gzip),
        removed.layer(Compression::Gzip),
        stripped.layer(Compression::Gzip),
        packed.layer(Compression::Gzip),
    ]
}

/// Joins uncompressed layers into one archive.
fn merged(layers: &[Layer]) -> Layer {
    flattened(layers, &[])
}

/// Joins all layers as they look from above: removed paths are gone.
fn squashed(layers: &[Layer]) -> Layer {
    let plain: Vec<Layer> = layers
        .iter()
        .map(|layer| match layer.compression {
            Compression::Plain => layer.clone(),
            _ => Layer::of(&zcat(layer), Compression::Plain),
        })
        .collect();
    let whiteouts: Vec<String> = plain.iter().flat_map(whiteouts).collect();
    flattened(&plain, &whiteouts)
}

fn whiteouts(layer: &Layer) -> Vec<String> {
    let mut archive = tar::Archive::new(&layer.bytes[..]);
    let entries = archive.entries().expect("read an archive");
    let paths = entries.map(|entry| name(&entry.expect("read an entry")));
    paths
        .filter(|path| path.contains(".wh."))
        .map(|path| path.replace(".wh.", ""))
        .collect()
}

fn flattened(layers: &[Layer], removed: &[String]) -> Layer {
    let mut joined = tar::Builder::new(Vec::new());
    let mut seen = std::collections::BTreeSet::new();
    // Upper layers first: of two files with one name the upper counts.
    for layer in layers.iter().rev() {
        let mut archive = tar::Archive::new(&layer.bytes[..]);
        for entry in archive.entries().expect("read an archive") {
            let entry = entry.expect("read an entry");
            let path = name(&entry);
            let is_removed = |gone: &String| {
                path == *gone
                    || path
                        .strip_prefix(gone.as_str())
                        .is_some_and(|rest| rest.starts_with('/'))
            };
            if path.is_empty()
                || path.contains(".wh.")
                || removed.iter().any(is_removed)
                || !seen.insert(path.clone())
            {
                continue;
            }
            let mut header = entry.header().clone();
            match entry.link_name().expect("read a link's name") {
                Some(target) => joined
                    .append_link(&mut header, &path, target)
                    .expect("write to memory"),
                None => joined
                    .append_data(&mut header, &path, entry)
                    .expect("write to memory"),
            }
        }
    }
    Layer::of(
        &joined.into_inner().expect("write to memory"),
        Compression::Gzip,
    )
}

fn name(entry: &tar::Entry<'_, &[u8]>) -> String {
    let path = entry.path().expect("read a name");
    let path = path.to_string_lossy();
    path.trim_start_matches("./").trim_matches('/').to_owned()
}

fn zcat(layer: &Layer) -> Vec<u8> {
    let mut archive = Vec::new();
    flate2::read::MultiGzDecoder::new(&layer.bytes[..])
        .read_to_end(&mut archive)
        .expect("decompress in memory");
    archive
}

async fn judged(scene: &Scene, name: &str, image: &Image) -> Value {
    scene.push(name, image).await;
    let path = format!("/v2/lib/{name}/manifests/1");
    scene.proxy.ask(Method::GET, &path).await;
    scene.proxy.verdict(image.digest.as_str()).await
}

fn assert_not_clean(verdict: &Value, system: &str, step: usize) {
    let is_complete = verdict["coverage"]["status"] == "complete";
    let findings = verdict["findings"].as_array().map_or(0, Vec::len);
    let is_clean = is_complete && findings == 0;
    assert!(!is_clean, "{system}, step {step}: {verdict}");
    assert_ne!(verdict["decision"], "allow", "{system}, step {step}");
}

/// Gives a program for Linux whose only segment is what UPX makes of one.
fn packed() -> Vec<u8> {
    let mut program = b"\x7fELF\x02\x01\x01\x03".to_vec();
    program.resize(16, 0);
    program.extend([2_u8, 0, 62, 0, 1, 0, 0, 0]);
    // Entry, program headers right after this header, no sections.
    for number in [0x40_0078_u64, 64, 0] {
        program.extend(number.to_le_bytes());
    }
    program.extend([0_u8; 4]);
    for number in [64_u16, 56, 1, 0, 0, 0] {
        program.extend(number.to_le_bytes());
    }
    // One readable and executable segment: type, flags, offset, addresses, sizes, alignment.
    program.extend([1_u8, 0, 0, 0, 5, 0, 0, 0]);
    for number in [0_u64, 0x40_0000, 0x40_0000, 4096, 65_536, 4096] {
        program.extend(number.to_le_bytes());
    }
    program.extend(b"UPX!\x0d\x16\x02\x0a");
    program.resize(4096, 0xa5);
    program
}
