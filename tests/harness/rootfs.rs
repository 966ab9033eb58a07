//! The root file systems hold what their tools promise.

use std::collections::BTreeSet;
use std::io::Read as _;

use sluicegate_tests::layer::{Compression, Layer};
use sluicegate_tests::rootfs;

fn paths(layer: &Layer) -> BTreeSet<String> {
    let mut archive = tar::Archive::new(layer.bytes.as_ref());
    let entries = archive.entries().expect("a tar archive");
    entries
        .map(|entry| {
            entry
                .expect("an entry")
                .path()
                .expect("a path")
                .display()
                .to_string()
        })
        .collect()
}

#[tokio::test]
async fn debian_has_its_package_database() {
    let layer = rootfs::debian(Compression::Plain).await;
    let mut archive = tar::Archive::new(layer.bytes.as_ref());
    let mut entries = archive
        .entries()
        .expect("a tar archive")
        .map(|entry| entry.expect("an entry"));
    let is_status = |entry: &tar::Entry<'_, &[u8]>| {
        entry
            .path()
            .is_ok_and(|path| path.ends_with("var/lib/dpkg/status"))
    };
    let mut status = String::new();
    let mut entry = entries.find(is_status).expect("no dpkg status");
    entry.read_to_string(&mut status).expect("read the status");
    assert!(status.matches("\nStatus: install ok installed\n").count() > 80);
}

#[tokio::test]
async fn pip_leaves_its_metadata() {
    let layer = rootfs::pip_jinja2(Compression::Plain).await;
    assert!(
        paths(&layer)
            .iter()
            .any(|path| path.ends_with("-2.10.dist-info/METADATA"))
    );
}

#[tokio::test]
async fn npm_leaves_its_package_file() {
    let layer = rootfs::npm_minimist(Compression::Plain).await;
    assert!(
        paths(&layer).contains("./app/node_modules/minimist/package.json"),
        "{:?}",
        paths(&layer)
    );
}

#[tokio::test]
async fn debian_jars_name_themselves() {
    let layer = rootfs::debian_jars(Compression::Plain).await;
    assert!(
        paths(&layer).contains("./usr/share/java/log4j-core.jar"),
        "{:?}",
        paths(&layer)
    );
}
