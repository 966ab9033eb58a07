//! Sources built in code: what each accepts, chooses and refuses, and that all give the same
//! inventory.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use sluicegate_config::{Environment, Flags};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::{Digest, media_type};

use super::files::Files as _;
use super::tar_index::TarIndex;
use super::*;
use crate::inspect::{FactsCache, Scanner};

const APK: &str = "C:Q1test=\nP:musl\nV:1.2.3-r4\nA:x86_64\nS:1\nI:1\nT:t\no:musl\n\n";
const RELEASE: &str = "ID=alpine\nVERSION_ID=3.16.9\n";

struct Stage {
    runtime: tokio::runtime::Runtime,
    directory: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        Self {
            runtime: tokio::runtime::Runtime::new().unwrap(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn surroundings(&self, platform: Option<&str>) -> Surroundings {
        // No engine of this machine's is asked.
        let nowhere = "unix:///nowhere";
        let variables = [("DOCKER_HOST", nowhere), ("CONTAINER_HOST", nowhere)];
        let environment = Environment::from_variables(variables, false);
        let settings = sluicegate_config::load(Flags::default(), &environment, None);
        Surroundings {
            settings: Arc::new(settings.unwrap().settings),
            environment: Arc::new(environment),
            platform: platform.map(|text| text.parse().unwrap()),
            runtime: self.runtime.handle().clone(),
            on_copy: Arc::new(|_| {}),
            on_note: Arc::new(|_| {}),
        }
    }

    fn open(&self, argument: &str) -> Result<Box<dyn Source>, SourceError> {
        open(Some(argument), None, Stdin::Other, &self.surroundings(None))
    }

    fn scan(&self, source: &dyn Source) -> Result<Inventory, SourceError> {
        let scanner = Scanner {
            cache: FactsCache::new(self.path("facts"), sluicegate_machine::clock::system()),
            plugins: sluicegate_engine::plugins::ActivePlugins::built_in(),
            clock: sluicegate_machine::clock::system(),
            platform: None,
            on_layer: Arc::new(|_| {}),
            on_note: Arc::new(|note| panic!("{note}")),
        };
        scanner.scan(source).map(|scanned| scanned.inventory)
    }

    fn write(&self, name: &str, files: &[(&str, Vec<u8>)]) -> String {
        let path = self.path(name);
        std::fs::write(&path, archive(files)).unwrap();
        path.display().to_string()
    }
}

fn archive(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, content.as_slice())
            .unwrap();
    }
    tar.into_inner().unwrap()
}

fn layer() -> Vec<u8> {
    archive(&[
        ("etc/os-release", RELEASE.into()),
        ("lib/apk/db/installed", APK.into()),
    ])
}

fn config(layers: &[Vec<u8>], architecture: &str) -> Vec<u8> {
    let diff_ids: Vec<_> = layers.iter().map(|layer| Digest::of(layer)).collect();
    json!({"os": "linux", "architecture": architecture, "rootfs": {"diff_ids": diff_ids}})
        .to_string()
        .into_bytes()
}

fn descriptor(kind: &str, content: &[u8]) -> Value {
    json!({"mediaType": kind, "digest": Digest::of(content), "size": content.len()})
}

fn blob(content: &[u8]) -> (String, Vec<u8>) {
    let path = format!("blobs/sha256/{}", Digest::of(content).hex());
    (path, content.to_vec())
}

/// Builds an OCI layout whose images are (name, architecture).
fn layout(images: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    let layer = layer();
    let mut files = vec![("oci-layout".to_owned(), b"{}".to_vec()), blob(&layer)];
    let mut manifests = Vec::new();
    for (name, architecture) in images {
        let config = config(std::slice::from_ref(&layer), architecture);
        let manifest = json!({
            "schemaVersion": 2,
            "config": descriptor(media_type::OCI_CONFIG, &config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
        });
        let manifest = manifest.to_string().into_bytes();
        let mut listed = descriptor(media_type::OCI_MANIFEST, &manifest);
        listed["platform"] = json!({"os": "linux", "architecture": architecture});
        if !name.is_empty() {
            listed["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        }
        manifests.push(listed);
        files.extend([blob(&config), blob(&manifest)]);
    }
    let index = json!({"schemaVersion": 2, "manifests": manifests}).to_string();
    files.push(("index.json".to_owned(), index.into_bytes()));
    files
}

fn borrowed(files: &[(String, Vec<u8>)]) -> Vec<(&str, Vec<u8>)> {
    let borrow = |(path, content): &'_ (String, Vec<u8>)| (path.clone(), content.clone());
    let owned: Vec<_> = files.iter().map(borrow).collect();
    owned
        .into_iter()
        .map(|(path, content)| (&*path.leak(), content))
        .collect()
}

fn packages(inventory: &Inventory) -> Vec<(String, String, String)> {
    let package = |component: &sluicegate_model::package::Component| {
        (
            component.package.name.clone(),
            component.package.version.clone(),
            component.path.clone(),
        )
    };
    inventory.components.iter().map(package).collect()
}

#[test]
fn every_source_of_an_image_gives_the_same_packages() {
    let stage = Stage::new();
    let layer = layer();
    let config = config(std::slice::from_ref(&layer), "amd64");
    let oci = stage.write("oci.tar", &borrowed(&layout(&[("1", "amd64")])));
    let list = json!([{"Config": "c.json", "RepoTags": ["app:1"], "Layers": ["a/layer.tar"]}]);
    let docker = stage.write(
        "docker.tar",
        &[
            ("c.json", config),
            ("a/layer.tar", layer),
            ("manifest.json", list.to_string().into_bytes()),
        ],
    );
    let root = stage.path("root");
    for (path, content) in [("etc/os-release", RELEASE), ("lib/apk/db/installed", APK)] {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    for argument in [
        format!("oci-archive:{oci}"),
        format!("docker-archive:{docker}"),
        format!("docker-archive:{docker}:app:1"),
        format!("dir:{}", root.display()),
    ] {
        // The second time what is known of the layer is used.
        for _ in 0..2 {
            let source = stage.open(&argument).unwrap();
            let inventory = stage.scan(source.as_ref()).unwrap();
            let found = packages(&inventory);
            assert_eq!(found.len(), 1, "{argument}: {inventory:?}");
            assert_eq!(
                (found[0].0.as_str(), found[0].1.as_str()),
                ("musl", "1.2.3-r4")
            );
            assert_eq!(inventory.gaps, [], "{argument}");
        }
    }
}

#[test]
fn the_image_is_chosen_by_name_and_platform() {
    let stage = Stage::new();
    let images = layout(&[("1", "amd64"), ("1", "arm64"), ("2", "arm64")]);
    let path = stage.write("oci.tar", &borrowed(&images));
    let chosen = |argument: &str, platform| {
        let surroundings = stage.surroundings(platform);
        open(Some(argument), None, Stdin::Other, &surroundings)
            .map(|source| source.image().digest.clone())
            .map_err(|error| error.to_string())
    };
    let named = |name: &str| format!("oci-archive:{path}:{name}");
    let amd = chosen(&named("1"), Some("linux/amd64")).unwrap();
    let arm = chosen(&named("1"), Some("linux/arm64")).unwrap();
    assert_ne!(amd, arm);
    // The only one is taken unless another platform is asked for.
    assert_eq!(chosen(&named("2"), None).unwrap(), arm);
    let error = chosen(&named("2"), Some("linux/s390x")).unwrap_err();
    assert!(error.contains("only for linux/arm64"), "{error}");
    let error = chosen(&format!("oci-archive:{path}"), None).unwrap_err();
    assert!(error.contains("several images"), "{error}");
    let error = chosen(&named("3"), None).unwrap_err();
    assert!(error.contains("no image \"3\", only 1, 2"), "{error}");
}

#[test]
fn content_that_is_not_what_its_digest_says_is_never_scanned() {
    let stage = Stage::new();
    let mut files = layout(&[("1", "amd64")]);
    let place = |files: &[(String, Vec<u8>)]| stage.write("oci.tar", &borrowed(files));
    let original = files[1].1.clone();
    // A longer one, a shorter one, another one.
    for content in [
        [original.clone(), vec![0; 512]].concat(),
        original[..original.len() - 512].to_vec(),
        vec![0; original.len()],
    ] {
        files[1].1 = content;
        let source = stage
            .open(&format!("oci-archive:{}", place(&files)))
            .unwrap();
        let error = stage.scan(source.as_ref()).unwrap_err();
        assert!(matches!(error, SourceError::Damaged { .. }), "{error}");
    }
}

#[test]
fn a_docker_archive_may_link_its_layers_and_be_compressed() {
    let stage = Stage::new();
    let layer = layer();
    let config = config(&[layer.clone(), layer.clone()], "amd64");
    let list = json!([{"Config": "c.json", "RepoTags": null,
        "Layers": ["a/layer.tar", "b/layer.tar"]}]);
    let plain = archive(&[
        ("c.json", config),
        ("a/layer.tar", layer),
        ("manifest.json", list.to_string().into_bytes()),
    ]);
    let mut tar = tar::Builder::new(plain[..plain.len() - 1024].to_vec());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "b/layer.tar", "../a/layer.tar")
        .unwrap();
    let plain = tar.into_inner().unwrap();
    let path = stage.path("docker.tar.gz");
    let mut encoder =
        flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
    encoder.write_all(&plain).unwrap();
    encoder.finish().unwrap();
    let source = stage.open(&format!("docker-archive:{}", path.display()));
    let source = source.unwrap();
    assert_eq!(source.image().manifest.layers.len(), 2);
    assert_eq!(source.image().repository.to_string(), "local/docker");
    assert_eq!(packages(&stage.scan(source.as_ref()).unwrap()).len(), 1);
}

/// A docker archive of one layer, whose config says that it has another digest or its own.
fn docker_archive(stored: &[u8], named: &[u8]) -> Vec<u8> {
    let list = json!([{"Config": "c.json", "RepoTags": null, "Layers": ["l.tar"]}]);
    archive(&[
        ("c.json", config(&[named.to_vec()], "amd64")),
        ("l.tar", stored.to_vec()),
        ("manifest.json", list.to_string().into_bytes()),
    ])
}

#[test]
fn a_docker_archives_layers_are_held_against_what_its_config_calls_them() {
    let stage = Stage::new();
    let layer = layer();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&layer).unwrap();
    let packed = encoder.finish().unwrap();
    // Its archive breaks off where the scan has not read all.
    let broken = [&layer[..512], &[b'x'; 4096]].concat();
    for (name, stored, named, wanted) in [
        ("plain", &layer, &layer, Some(1)),
        ("packed", &packed, &layer, Some(1)),
        ("broken", &broken, &broken, Some(0)),
        ("lying", &layer, &broken, None),
        ("short", &layer[..1].to_vec(), &layer, None),
    ] {
        let path = stage.path(name);
        std::fs::write(&path, docker_archive(stored, named)).unwrap();
        let source = stage.open(&format!("docker-archive:{}", path.display()));
        let source = source.unwrap();
        match (stage.scan(source.as_ref()), wanted) {
            (Ok(inventory), Some(wanted)) => {
                assert_eq!(packages(&inventory).len(), wanted, "{name}");
                let manifest = &source.image().manifest;
                assert_eq!(manifest.layers[0].digest, Digest::of(stored), "{name}");
            }
            (Err(SourceError::Damaged { .. }), None) => {}
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

#[test]
fn a_root_file_system_is_never_left() {
    let stage = Stage::new();
    let (root, outside) = (stage.path("root"), stage.path("outside"));
    std::fs::create_dir_all(root.join("lib/apk")).unwrap();
    std::fs::create_dir_all(outside.join("db")).unwrap();
    std::fs::write(outside.join("db/installed"), APK).unwrap();
    std::os::unix::fs::symlink(outside.join("db"), root.join("lib/apk/db")).unwrap();
    std::os::unix::fs::symlink("/etc", root.join("etc")).unwrap();
    let source = stage.open(&format!("dir:{}", root.display())).unwrap();
    assert_eq!(packages(&stage.scan(source.as_ref()).unwrap()), []);
}

#[test]
fn names_and_hostile_archives_are_read_with_care() {
    let stage = Stage::new();
    let long = format!("{}/{}", "d".repeat(150), "f".repeat(150));
    let mut content = archive(&[(&long, b"long".to_vec()), ("./x", b"1".to_vec())]);
    let index = |content: &[u8]| {
        let mut file = tempfile::tempfile_in(stage.directory.path()).unwrap();
        file.write_all(content).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        TarIndex::open(file, "test")
    };
    let read = |index: &TarIndex, path: &str| index.read(path, 100).unwrap();
    let found = index(&content).unwrap();
    assert_eq!(read(&found, &long).as_deref(), Some(&b"long"[..]));
    assert_eq!(read(&found, "x").as_deref(), Some(&b"1"[..]));
    assert_eq!(read(&found, "../x").as_deref(), Some(&b"1"[..]));
    assert_eq!(read(&found, "y"), None);
    // Cut within an entry; an entry that claims more than there is; no archive at all.
    assert!(index(&content[..content.len() - 1024 - 512]).is_err());
    content[124..135].copy_from_slice(b"77777777777");
    assert!(index(&content).is_err());
    assert!(index(&[b'x'; 2048]).is_err());
    // Links in a circle.
    let mut tar = tar::Builder::new(Vec::new());
    for (path, target) in [("a", "b"), ("b", "a")] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Link);
        header.set_size(0);
        tar.append_link(&mut header, path, target).unwrap();
    }
    assert_eq!(read(&index(&tar.into_inner().unwrap()).unwrap(), "a"), None);
}

#[test]
fn a_packed_tree_has_its_entries_in_order() {
    let stage = Stage::new();
    let root = stage.path("root");
    for path in ["b/2", "b/1", "a", "b/c/d"] {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    let source = stage.open(&format!("dir:{}", root.display())).unwrap();
    let layer = source.image().manifest.layers[0].clone();
    let mut packed = Vec::new();
    source
        .open(&layer)
        .unwrap()
        .read_to_end(&mut packed)
        .unwrap();
    assert_eq!(Digest::of(&packed), layer.digest);
    let mut tar = tar::Archive::new(packed.as_slice());
    let paths: Vec<String> = tar
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().display().to_string())
        .collect();
    assert_eq!(
        paths,
        ["a", "b/", "b/1", "b/2", "b/c/", "b/c/d"].map(|path| path.trim_end_matches('/'))
    );
}

#[test]
fn arguments_say_which_kind_of_source_is_meant() {
    let stage = Stage::new();
    let file = stage.write("a:b.tar", &[]);
    for (argument, wanted) in [
        ("-".to_owned(), SourceName::Stdin),
        ("nginx:1.25".into(), SourceName::Image("nginx:1.25".into())),
        ("docker:app:1".into(), SourceName::Docker("app:1".into())),
        ("dir:/x:y".into(), SourceName::Rootfs("/x:y".into())),
        (
            format!("oci-archive:{file}"),
            SourceName::OciArchive(Path::new(&file).into(), None),
        ),
        (
            format!("oci-archive:{file}:app:1"),
            SourceName::OciArchive(Path::new(&file).into(), Some("app:1".into())),
        ),
    ] {
        assert_eq!(SourceName::parse(&argument), wanted);
    }
    let settings = stage.surroundings(None).settings;
    for (text, wanted) in [
        ("nginx", "docker.io/library/nginx latest"),
        ("team/app:1", "docker.io/team/app 1"),
        ("quay.io/a/b:2", "quay.io/a/b 2"),
        ("reg.corp.example:5000/x:3", "reg.corp.example:5000/x 3"),
        ("localhost/x", "localhost/x latest"),
    ] {
        let (repository, reference) = name::image_name(text, &settings).unwrap();
        assert_eq!(format!("{repository} {reference}"), wanted);
    }
    assert!(name::image_name("UPPER/x y", &settings).is_err());
}

mod bound;
mod claims;
mod here;
