//! Images on disk in the forms that runtimes take in, and what lies in what they make of them.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use sluicegate_model::Digest;

use crate::archives::entry;

/// Path and name of every package.
pub type Found = BTreeSet<(String, String)>;

/// Adds what an archive ends with.
pub fn ended<const N: usize>(layers: [Vec<u8>; N]) -> [Vec<u8>; N] {
    layers.map(|mut tar| {
        tar.resize(tar.len() + 1024, 0);
        tar
    })
}

/// Gives path and name of every package below a directory.
pub fn found_in(root: &Path) -> Found {
    let mut found = Found::new();
    walk(root, root, &mut found);
    found
}

fn walk(root: &Path, directory: &Path, found: &mut Found) {
    let entries = std::fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("read {}: {error}", directory.display()));
    for entry in entries {
        let path = entry.expect("read what was unpacked").path();
        let kind = match path.symlink_metadata() {
            Ok(found) => found.file_type(),
            // Overlay file systems list a removal in a directory that only one layer has.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => panic!("look at {}: {error}", path.display()),
        };
        if kind.is_dir() {
            walk(root, &path, found);
        } else if kind.is_file() && path.ends_with("METADATA") {
            let text = std::fs::read_to_string(&path).expect("read what was unpacked");
            let name = text.lines().find_map(|line| line.strip_prefix("Name: "));
            let below = path
                .strip_prefix(root)
                .expect("below the root")
                .display()
                .to_string();
            found.extend(name.map(|name| (below, name.to_owned())));
        }
    }
}

/// Writes an OCI image layout with one image, called `it`.
pub fn layout(layout: &Path, layers: &[Vec<u8>]) {
    let blobs = layout.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).expect("make a directory");
    let blob = |kind: &str, content: &[u8]| {
        let digest = Digest::of(content);
        std::fs::write(blobs.join(digest.hex()), content).expect("write a blob");
        json!({"mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest.as_str(), "size": content.len()})
    };
    let config = config(layers);
    let descriptors: Vec<_> = layers.iter().map(|tar| blob("layer.v1.tar", tar)).collect();
    let manifest = json!({
        "schemaVersion": 2,
        "config": blob("config.v1+json", config.to_string().as_bytes()),
        "layers": descriptors,
    });
    let mut described = blob("manifest.v1+json", manifest.to_string().as_bytes());
    described["annotations"] = json!({"org.opencontainers.image.ref.name": "it"});
    let index = json!({"schemaVersion": 2, "manifests": [described]});
    std::fs::write(layout.join("index.json"), index.to_string()).expect("write the index");
    std::fs::write(
        layout.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .expect("write the layout");
}

/// Writes an archive as `docker save` does, with one image of this name.
pub fn docker_archive(file: &Path, name: &str, layers: &[Vec<u8>]) {
    let mut tar = Vec::new();
    let mut add = |name: &str, content: &[u8]| {
        entry(&mut tar, b'0', name.as_bytes(), b"", content);
    };
    let names: Vec<_> = (0..layers.len())
        .map(|at| format!("{at}/layer.tar"))
        .collect();
    for (name, layer) in names.iter().zip(layers) {
        add(name, layer);
    }
    add("config.json", config(layers).to_string().as_bytes());
    let manifest = json!([{"Config": "config.json", "RepoTags": [name], "Layers": names}]);
    add("manifest.json", manifest.to_string().as_bytes());
    tar.resize(tar.len() + 1024, 0);
    std::fs::write(file, tar).expect("write an archive");
}

fn config(layers: &[Vec<u8>]) -> Value {
    let diff_ids: Vec<_> = layers.iter().map(|tar| Digest::of(tar)).collect();
    let diff_ids: Vec<_> = diff_ids.iter().map(Digest::as_str).collect();
    json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    })
}
