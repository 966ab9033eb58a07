//! Files and directories without a word for their kind: read as what they are.

use std::io::Write as _;
use std::path::Path;

use super::{SourceError, SourceName, Stage, archive, blob, borrowed, config, layer, layout};

fn docker_save() -> Vec<u8> {
    let layer = layer();
    let config = config(std::slice::from_ref(&layer), "amd64");
    let list =
        br#"[{"Config": "c.json", "RepoTags": ["docker.io/library/php:8"], "Layers": ["l.tar"]}]"#;
    archive(&[
        ("c.json", config),
        ("l.tar", layer),
        ("manifest.json", list.to_vec()),
    ])
}

fn judged_as(stage: &Stage, argument: &str) -> String {
    let source = stage
        .open(argument)
        .unwrap_or_else(|error| panic!("{argument}: {error}"));
    source.image().repository.to_string()
}

#[test]
fn an_archive_is_read_as_what_it_is() {
    let stage = Stage::new();
    let layout = archive(&borrowed(&layout(&[("1", "amd64")])));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&docker_save()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(layout.as_slice(), 1).unwrap();
    for (name, bytes) in [
        ("app.tar", docker_save()),
        ("app.tgz", gzip.clone()),
        ("app.tar.gz", gzip),
        ("app.tar.zst", zstd),
        // What it is called says nothing; what it begins with does.
        ("app", layout),
    ] {
        let path = stage.path(name);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(judged_as(&stage, &path.display().to_string()), "local/app");
    }
    let chosen = format!(
        "{}:docker.io/library/php:8",
        stage.path("app.tar").display()
    );
    assert_eq!(judged_as(&stage, &chosen), "local/app");
}

#[test]
fn a_directory_is_a_layout_or_a_root_file_system() {
    let stage = Stage::new();
    for (path, content) in layout(&[("1", "amd64")]) {
        let path = stage.path("build").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let build = stage.path("build").display().to_string();
    assert_eq!(judged_as(&stage, &build), "local/build");
    assert_eq!(judged_as(&stage, &format!("{build}:1")), "local/build");
    let etc = stage.path("root/etc");
    std::fs::create_dir_all(&etc).unwrap();
    std::fs::write(etc.join("os-release"), "ID=alpine\nVERSION_ID=3.16.9\n").unwrap();
    let root = stage.path("root").display().to_string();
    assert_eq!(judged_as(&stage, &root), "local/root");
}

#[test]
fn a_path_that_is_not_there_is_no_image_of_a_registry() {
    let stage = Stage::new();
    let absent = stage.path("absent").display().to_string();
    for argument in [&absent, "./absent", "absent.tar", "out/absent.tar.gz"] {
        let error = stage.open(argument).err().unwrap();
        assert!(
            matches!(error, SourceError::File { .. }),
            "{argument}: {error}"
        );
        assert!(error.to_string().contains("absent"), "{error}");
    }
    let (_, blob) = blob(b"no archive at all, but a file that is here");
    let file = stage.path("notes");
    std::fs::write(&file, blob).unwrap();
    assert!(stage.open(&file.display().to_string()).is_err());
}

#[test]
fn a_word_that_names_an_image_stays_one() {
    assert!(Path::new("src").is_dir() && Path::new("src/lib.rs").is_file());
    for name in [
        "src",
        "src/lib.rs",
        "nginx",
        "nginx:1.25",
        "quay.io/team/app.tar",
        "app@sha256:12",
    ] {
        assert_eq!(SourceName::parse(name), SourceName::Image(name.to_owned()));
    }
    let docker = SourceName::parse("docker:app.tar");
    assert_eq!(docker, SourceName::Docker("app.tar".to_owned()));
}
