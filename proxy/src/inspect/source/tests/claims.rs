//! An archive that names itself: what it says is shown, and selects nothing.

use serde_json::json;
use sluicegate_model::Digest;

use super::super::called::Called;
use super::super::docker_archive::DockerArchive;
use super::super::oci_layout::OciLayout;
use super::super::{Source, SourceError, Stdin, open};
use super::{Stage, archive, borrowed, config, layer, layout};

/// What the maker of an image wants it to pass for.
const WELL_KNOWN: &str = "docker.io/library/php:8";

/// Gives what an image is judged as, and what it claims.
fn judged(source: Result<Box<dyn Source>, SourceError>) -> (String, Option<String>) {
    let source = source.unwrap();
    let image = source.image();
    let tags: Vec<String> = image.tags.iter().map(ToString::to_string).collect();
    let name = format!("{} {}", image.repository, tags.join(","));
    (name, image.claimed_name.clone())
}

fn docker_files(tags: &[&str]) -> Vec<(String, Vec<u8>)> {
    let layer = layer();
    let config = config(std::slice::from_ref(&layer), "amd64");
    let list = json!([{"Config": "c.json", "RepoTags": tags, "Layers": ["l.tar"]}]);
    vec![
        ("c.json".to_owned(), config),
        ("l.tar".to_owned(), layer),
        ("manifest.json".to_owned(), list.to_string().into_bytes()),
    ]
}

/// Builds a layout of one image with these annotations.
fn annotated(annotations: &serde_json::Value) -> Vec<(String, Vec<u8>)> {
    let mut files = layout(&[("x", "amd64")]);
    let (_, index) = files.last_mut().unwrap();
    let mut parsed: serde_json::Value = serde_json::from_slice(index).unwrap();
    parsed["manifests"][0]["annotations"] = annotations.clone();
    // The index may speak as well.
    parsed["annotations"] = annotations.clone();
    *index = parsed.to_string().into_bytes();
    files
}

fn unpacked(stage: &Stage, name: &str, files: &[(String, Vec<u8>)]) -> String {
    let folder = stage.path(name);
    for (path, content) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder.display().to_string()
}

fn assert_judged(stage: &Stage, argument: &str, name: &str, claim: &str) {
    let (judged, claimed) = judged(stage.open(argument));
    assert_eq!(judged, name, "{argument}");
    assert_eq!(claimed.as_deref(), Some(claim), "{argument}");
}

#[test]
fn no_layout_chooses_the_name_it_is_judged_under() {
    let stage = Stage::new();
    let whole = json!({"io.containerd.image.name": WELL_KNOWN,
        "org.opencontainers.image.ref.name": "8"});
    let reference = json!({"org.opencontainers.image.ref.name": WELL_KNOWN});
    let both = json!({"io.containerd.image.name": "evil.example/x:1",
        "org.opencontainers.image.ref.name": WELL_KNOWN});
    let folder = unpacked(&stage, "fake", &annotated(&reference));
    let archive = |name: &str, annotations: &serde_json::Value| {
        stage.write(name, &borrowed(&annotated(annotations)))
    };
    let whole = archive("whole.tar", &whole);
    let reference = archive("reference.tar", &reference);
    let both = archive("both.tar", &both);
    let two = "evil.example/x:1, docker.io/library/php:8";
    for (argument, name, claim) in [
        (format!("oci:{folder}"), "local/fake ", WELL_KNOWN),
        (format!("oci:{folder}:php:8"), "local/fake ", WELL_KNOWN),
        (format!("oci-archive:{whole}"), "local/whole ", WELL_KNOWN),
        (
            format!("oci-archive:{whole}:8"),
            "local/whole 8",
            WELL_KNOWN,
        ),
        (
            format!("oci-archive:{reference}"),
            "local/reference ",
            WELL_KNOWN,
        ),
        (
            format!("docker-archive:{reference}"),
            "local/reference ",
            WELL_KNOWN,
        ),
        (format!("oci-archive:{both}"), "local/both ", two),
    ] {
        assert_judged(&stage, &argument, name, claim);
    }
}

#[test]
fn no_docker_archive_chooses_the_name_it_is_judged_under() {
    let stage = Stage::new();
    let docker = stage.write("docker.tar", &borrowed(&docker_files(&[WELL_KNOWN])));
    let docker = format!("docker-archive:{docker}");
    for chosen in ["", ":php:8", ":docker.io/library/php:8"] {
        let argument = format!("{docker}{chosen}");
        assert_judged(&stage, &argument, "local/docker ", WELL_KNOWN);
    }
    assert_judged(&stage, &format!("{docker}:8"), "local/docker 8", WELL_KNOWN);
}

#[test]
fn a_name_that_was_given_is_the_name() {
    let stage = Stage::new();
    let surroundings = stage.surroundings(None);
    let docker = stage.write("docker.tar", &borrowed(&docker_files(&[WELL_KNOWN])));
    let folder = unpacked(&stage, "root", &[("etc/x".to_owned(), Vec::new())]);
    let opened = |argument: &str, name: &str| {
        judged(open(
            Some(argument),
            Some(name),
            Stdin::Other,
            &surroundings,
        ))
    };
    let docker = format!("docker-archive:{docker}");
    let claimed = Some(WELL_KNOWN.to_owned());
    let own = ("docker.io/team/app 1".to_owned(), claimed.clone());
    assert_eq!(opened(&docker, "team/app:1"), own);
    let quay = ("quay.io/team/app latest".to_owned(), claimed);
    assert_eq!(opened(&docker, "quay.io/team/app"), quay);
    // What was given is no claim.
    let php = ("docker.io/library/php 8".to_owned(), None);
    assert_eq!(opened(&docker, "php:8"), php);
    assert_eq!(opened(&format!("dir:{folder}"), "php:8"), php);
    let wrong = open(Some(&docker), Some("no name"), Stdin::Other, &surroundings);
    assert!(matches!(wrong, Err(SourceError::Name(_))));
}

#[test]
fn what_an_engine_exports_is_called_by_what_was_asked() {
    let stage = Stage::new();
    let surroundings = stage.surroundings(None);
    let called = Called::given("team/app:1", &surroundings.settings).unwrap();
    for (tags, claim) in [
        (&["team/app:1"][..], None),
        (&["docker.io/team/app:1", "team/app:1"], None),
        (&[WELL_KNOWN, "team/app:1"], Some(WELL_KNOWN)),
    ] {
        let files = stage.write("export.tar", &borrowed(&docker_files(tags)));
        let files = std::fs::File::open(files).unwrap();
        let files = super::TarIndex::open(files, "docker:team/app:1").unwrap();
        let wanted = Some("team/app:1");
        let export = DockerArchive::open(Box::new(files), wanted, called.clone(), &surroundings);
        let (judged, claimed) = judged(Ok(Box::new(export.unwrap())));
        assert_eq!(judged, "docker.io/team/app 1");
        assert_eq!(claimed.as_deref(), claim);
    }
}

#[test]
fn two_images_of_one_name_are_not_chosen_between() {
    let stage = Stage::new();
    let mut files = layout(&[("8", "amd64"), ("8", "arm64")]);
    let (_, index) = files.last_mut().unwrap();
    let text = String::from_utf8(index.clone()).unwrap();
    *index = text.replace("arm64", "amd64").into_bytes();
    let tar = archive(&borrowed(&files));
    let open = |wanted: Option<&str>| {
        let place = stage.path("two.tar");
        std::fs::write(&place, &tar).unwrap();
        let index = super::TarIndex::open(std::fs::File::open(place).unwrap(), "two").unwrap();
        let called = Called::local("two");
        OciLayout::open(Box::new(index), wanted, called, &stage.surroundings(None))
    };
    for wanted in [Some("8"), None] {
        let error = open(wanted).map(|_| ()).unwrap_err();
        assert!(matches!(error, SourceError::Ambiguous { .. }), "{error}");
    }
    // By its digest one of them is meant, and no other.
    let manifest = files.iter().filter(|(path, _)| path.starts_with("blobs/"));
    let is_manifest = |content: &Vec<u8>| content.starts_with(b"{\"config\"");
    let manifests = manifest.filter(|(_, content)| is_manifest(content));
    let (_, manifest) = manifests.collect::<Vec<_>>().pop().unwrap();
    let digest = Digest::of(manifest);
    let chosen = open(Some(digest.as_str())).unwrap();
    assert_eq!(chosen.image().digest, digest);
}
