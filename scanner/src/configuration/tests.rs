//! How an image is set up: what layers leave behind counts, and what is on `PATH`.

use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_model::finding::Finding;
use tar::EntryType::{Directory, Regular};

use super::*;
use crate::facts::LayerFacts;
use crate::feeds::FeedIndex;
use crate::image::layers::LayerInput;
use crate::inventory::merge_by;
use crate::limits::Limits;
use crate::plugin_set::{Kept, PluginSet};
use crate::testing::{Layer, layer_digest};
use crate::{scan_layer, scan_layer_again};

const NOBODY: &str = r#"{"config":{"User":"1000"}}"#;

fn looking() -> PluginSet {
    PluginSet::with_fed(vec![Arc::new(ConfigurationDetector)]).unwrap()
}

fn scan(layer: &[u8]) -> LayerFacts {
    scan_layer_again(layer, &Limits::default(), &looking(), None)
}

fn found(config: &str, layers: Vec<Layer>) -> Vec<Finding> {
    let layers = layers.into_iter().map(|layer| scan(&layer.tar()));
    let layers: Vec<LayerFacts> = layers.collect();
    let digests: Vec<_> = (0..layers.len()).map(layer_digest).collect();
    let layers = digests.iter().zip(&layers);
    let layers = layers.map(|(digest, facts)| LayerInput { digest, facts });
    let config = ImageConfig::parse(config.as_bytes()).unwrap();
    let plugins = looking();
    let inventory = merge_by(&plugins, Some(&config), &layers.collect::<Vec<_>>());
    assert_eq!(inventory.detectors, ["configuration"]);
    crate::judge(&inventory, &FeedIndex::empty(), Timestamp::UNIX_EPOCH).findings
}

fn places(config: &str, layers: Vec<Layer>) -> Vec<(String, String)> {
    let findings = found(config, layers).into_iter();
    let places = findings.map(|finding| (finding.id, finding.package.path));
    let mut places: Vec<_> = places.collect();
    places.sort();
    places
}

fn named(id: &str, paths: &[&str]) -> Vec<(String, String)> {
    let each = paths.iter().map(|path| (id.to_owned(), (*path).to_owned()));
    each.collect()
}

#[test]
fn an_image_that_names_nobody_runs_as_root() {
    for (config, wanted) in [
        ("{}", true),
        (r#"{"config":{"User":"0:0"}}"#, true),
        (r#"{"config":{"User":"root"}}"#, true),
        (NOBODY, false),
    ] {
        let places = places(config, vec![Layer::new().file("a", "b")]);
        let root = named("IMAGE-ROOT-USER", &["config: User"]);
        assert_eq!(places == root, wanted, "{config}: {places:?}");
        assert!(wanted || places.is_empty(), "{places:?}");
    }
}

#[test]
fn programs_with_the_rights_of_others_are_told_while_they_are_there() {
    let base = Layer::new()
        .mode(Regular, "usr/bin/sudo", 0o4755)
        .mode(Regular, "usr/bin/own", 0o2755)
        .mode(Regular, "usr/bin/gone", 0o4755)
        .mode(Regular, "usr/bin/replaced", 0o4755)
        .mode(Regular, "usr/share/no-program", 0o4644)
        .mode(Regular, "usr/bin/plain", 0o755)
        .hardlink("usr/bin/again", "usr/bin/own");
    let above = Layer::new()
        .file("usr/bin/.wh.gone", "")
        .mode(Regular, "usr/bin/replaced", 0o755);
    let findings = found(NOBODY, vec![base, above]);
    let told = findings
        .iter()
        .map(|it| (it.package.path.as_str(), it.severity));
    let mut told: Vec<_> = told.collect();
    told.sort_unstable();
    let wanted = [
        ("usr/bin/again", Severity::Medium),
        ("usr/bin/own", Severity::Medium),
        ("usr/bin/sudo", Severity::Low),
    ];
    assert_eq!(told, wanted);
    let sudo = findings
        .iter()
        .find(|it| it.severity == Severity::Low)
        .unwrap();
    assert_eq!(sudo.kind, FindingKind::Configuration);
    assert_eq!(sudo.source, "detector configuration");
    assert!(
        sudo.detail
            .as_deref()
            .unwrap()
            .contains("(setuid), in layer sha256:")
    );
}

#[test]
fn what_all_can_write_matters_on_path_and_above_it() {
    let layer = || {
        Layer::new()
            .mode(Directory, "tmp", 0o1777)
            .mode(Directory, "tmp/bin", 0o755)
            .mode(Directory, "opt", 0o777)
            .mode(Directory, "opt/app", 0o755)
            .mode(Directory, "opt/app/bin", 0o755)
            .mode(Directory, "srv", 0o777)
            .mode(Directory, "usr/bin", 0o755)
            .mode(Regular, "usr/bin/open", 0o777)
            .mode(Regular, "srv/open", 0o777)
            .symlink("bin", "usr/bin")
    };
    let with = |path: &str| format!(r#"{{"config":{{"User":"1","Env":["PATH={path}"]}}}}"#);
    for (path, wanted) in [
        ("/usr/sbin", vec![]),
        ("/bin", vec!["usr/bin/open"]),
        ("/usr/bin/", vec!["usr/bin/open"]),
        ("/opt/app/bin", vec!["opt"]),
        ("/opt/app/missing", vec!["opt"]),
        ("/tmp/bin", vec![]),
        ("/tmp", vec!["tmp"]),
        ("/srv", vec!["srv", "srv/open"]),
        ("srv:./opt", vec![]),
    ] {
        let places = places(&with(path), vec![layer()]);
        assert_eq!(places, named(WRITABLE, &wanted), "{path}");
    }
    // Where the image names none, runtimes do.
    assert_eq!(
        places(NOBODY, vec![layer()]),
        named(WRITABLE, &["usr/bin/open"])
    );
}

#[test]
fn a_directory_has_the_mode_of_the_last_layer_that_has_it() {
    let open = || Layer::new().mode(Directory, "usr/bin", 0o777);
    let shut = || Layer::new().mode(Directory, "usr/bin", 0o755);
    let other = || Layer::new().file("usr/bin/a", "b");
    let gone = || Layer::new().file("usr/.wh.bin", "");
    for (layers, is_open) in [
        (vec![open()], true),
        (vec![open(), other()], true),
        (vec![open(), shut()], false),
        (vec![shut(), open()], true),
        (vec![open(), gone()], false),
    ] {
        let wanted = named(WRITABLE, if is_open { &["usr/bin"] } else { &[] });
        assert_eq!(places(NOBODY, layers), wanted);
    }
}

#[test]
fn layers_that_nobody_looked_at_are_read_again() {
    let layer = Layer::new().mode(Directory, "usr/bin", 0o777).tar();
    let before = scan_layer(&layer[..], &Limits::default());
    let Kept::Outdated(earlier) = looking().review(before.clone()) else {
        panic!("nobody looked at its modes");
    };
    let again = scan_layer_again(&layer[..], &Limits::default(), &looking(), Some(&earlier));
    assert_eq!(again, scan(&layer));
    assert_eq!((again.told.len(), &again.events), (1, &before.events));
}
