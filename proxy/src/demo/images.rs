//! Two small images, built in memory: one clean, one with a library that is known to be exploited.

use std::io::{Cursor, Write as _};

use bytes::Bytes;
use serde_json::json;
use sluicegate_model::{Digest, media_type};
use zip::write::SimpleFileOptions;

/// An image as a registry serves it: the manifest, then every blob.
pub struct BuiltImage {
    /// The manifest's bytes.
    pub manifest: Bytes,
    /// The blobs: config first, then the layers.
    pub blobs: Vec<(Digest, Bytes)>,
}

/// What an installed-package database of the demo's distribution says.
const APK_DATABASE: &str = "P:musl\nV:1.2.5-r0\nA:x86_64\no:musl\nL:MIT\n\n\
    P:busybox\nV:1.36.1-r29\nA:x86_64\no:busybox\nL:GPL-2.0-only\n\n";
/// Edge rolls on: the demo shows no end of support, whenever it is run.
const OS_RELEASE: &str = "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.24.0_alpha20260601\nPRETTY_NAME=\"Alpine Linux edge\"\n";

/// Builds the image that passes.
pub fn clean() -> std::io::Result<BuiltImage> {
    image(&[base_files()])
}

/// Builds the image with log4j-core 2.14.1 in its second layer.
pub fn vulnerable() -> std::io::Result<BuiltImage> {
    let jar = jar("org.apache.logging.log4j", "log4j-core", "2.14.1")?;
    image(&[base_files(), vec![("app/lib/log4j-core-2.14.1.jar", jar)]])
}

fn base_files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("etc/os-release", OS_RELEASE.into()),
        ("etc/alpine-release", b"3.24.0_alpha20260601\n".to_vec()),
        ("lib/apk/db/installed", APK_DATABASE.into()),
    ]
}

fn image(layers: &[Vec<(&str, Vec<u8>)>]) -> std::io::Result<BuiltImage> {
    let mut blobs = Vec::new();
    let (mut descriptors, mut diff_ids) = (Vec::new(), Vec::new());
    for files in layers {
        let archive = archive(files)?;
        diff_ids.push(Digest::of(&archive));
        let layer = Bytes::from(gzip(&archive)?);
        let digest = Digest::of(&layer);
        descriptors.push(json!({
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": digest,
            "size": layer.len(),
        }));
        blobs.push((digest, layer));
    }
    let config = json!({
        "os": "linux",
        "architecture": sluicegate_model::manifest::Platform::host().architecture,
        "config": {"Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let config = Bytes::from(config.to_string());
    let digest = Digest::of(&config);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": {"mediaType": media_type::OCI_CONFIG, "digest": digest, "size": config.len()},
        "layers": descriptors,
    });
    blobs.insert(0, (digest, config));
    Ok(BuiltImage {
        manifest: Bytes::from(manifest.to_string()),
        blobs,
    })
}

fn archive(files: &[(&str, Vec<u8>)]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, content.as_slice())?;
    }
    archive.into_inner()
}

fn gzip(archive: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(archive)?;
    encoder.finish()
}

fn jar(group: &str, artifact: &str, version: &str) -> std::io::Result<Vec<u8>> {
    let mut jar = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let path = format!("META-INF/maven/{group}/{artifact}/pom.properties");
    jar.start_file(path, SimpleFileOptions::default())?;
    jar.write_all(
        format!("groupId={group}\nartifactId={artifact}\nversion={version}\n").as_bytes(),
    )?;
    Ok(jar.finish()?.into_inner())
}
