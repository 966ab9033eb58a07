//! Secrets in layers and configurations are findings that never hold their values.

use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_model::coverage::GapKind;
use sluicegate_model::finding::{Finding, FindingKind};
use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::package::Evidence;
use sluicegate_model::severity::Severity;

use super::*;
use crate::facts::LayerFacts;
use crate::feeds::FeedIndex;
use crate::image::layers::LayerInput;
use crate::inventory::merge_by;
use crate::limits::Limits;
use crate::plugin_set::{Kept, PluginSet};
use crate::testing::{Layer, layer_digest};
use crate::{scan_layer, scan_layer_again};

/// Made for these tests; nobody's.
const TOKEN: &str = "k8Lm#2pQz-Wx9";

fn setting() -> String {
    format!("# of the shop\nDB_PASSWORD={TOKEN}\n")
}

fn with_salt(salt: u8) -> PluginSet {
    PluginSet::with_fed(vec![Arc::new(SecretDetector::new(&[salt; 32]))]).unwrap()
}

fn scan(plugins: &PluginSet, layer: &[u8]) -> LayerFacts {
    scan_layer_again(layer, &Limits::default(), plugins, None)
}

fn inventory(plugins: &PluginSet, config: &ImageConfig, layers: &[LayerFacts]) -> Inventory {
    let digests: Vec<_> = (0..layers.len()).map(layer_digest).collect();
    let layers = digests.iter().zip(layers);
    let layers = layers.map(|(digest, facts)| LayerInput { digest, facts });
    merge_by(plugins, Some(config), &layers.collect::<Vec<_>>())
}

/// A configuration in which nothing is said.
fn silent() -> ImageConfig {
    ImageConfig::parse(b"{}").unwrap()
}

fn found(plugins: &PluginSet, layers: &[LayerFacts]) -> Vec<Finding> {
    let inventory = inventory(plugins, &silent(), layers);
    let text = serde_json::to_string(&inventory).unwrap();
    assert!(!text.contains(TOKEN), "{text}");
    crate::judge(&inventory, &FeedIndex::empty(), Timestamp::UNIX_EPOCH).findings
}

#[test]
fn a_secret_is_a_finding_that_says_where_and_by_which_hash() {
    let plugins = with_salt(1);
    let layer = Layer::new().file("app/.env", setting()).tar();
    let facts = scan(&plugins, &layer);
    let stored = serde_json::to_string(&facts).unwrap();
    assert!(!stored.contains(TOKEN), "{stored}");
    assert_eq!(facts, LayerFacts::from_bytes(&facts.to_bytes()).unwrap());
    let findings = found(&plugins, &[facts]);
    let [finding] = &findings[..] else {
        panic!("{findings:?}");
    };
    assert!(finding.id.starts_with("SECRET-"), "{}", finding.id);
    assert_eq!(finding.kind, FindingKind::Secret);
    assert!(finding.severity > Severity::Unknown);
    assert_eq!(finding.package.path, "app/.env");
    assert_eq!(
        (finding.source.as_str(), finding.fixed.as_ref()),
        ("detector secrets", None)
    );
    let detail = finding.detail.as_deref().unwrap();
    assert!(detail.contains("(line 2), hash "), "{detail}");
    let layer = layer_digest(0);
    assert!(
        detail.ends_with(&format!("it stays in layer {layer}")),
        "{detail}"
    );
    assert!(!format!("{finding:?}").contains(TOKEN));
}

#[test]
fn without_the_detector_nobody_looks() {
    let layer = Layer::new().file("app/.env", setting()).tar();
    let facts = scan_layer(&layer[..], &Limits::default());
    assert_eq!(found(PluginSet::built_in(), &[facts]), []);
}

#[test]
fn one_value_is_one_finding_wherever_it_stands_and_hashes_are_of_the_salt() {
    let layer = Layer::new()
        .file("app/.env", setting())
        .file("srv/b/.env", setting())
        .hardlink("srv/c/.env", "app/.env")
        .file("srv/other/.env", setting().replace("Wx9", "Wx8"))
        .tar();
    let hashes = |salt| {
        let plugins = with_salt(salt);
        let findings = found(&plugins, &[scan(&plugins, &layer)]);
        assert_eq!(findings.len(), 2, "{findings:?}");
        let many = findings.iter().find(|finding| finding.copies > 1).unwrap();
        assert_eq!(many.copies, 3);
        assert_eq!(many.paths, ["app/.env", "srv/b/.env", "srv/c/.env"]);
        let hash = |finding: &Finding| {
            let detail = finding.detail.clone().unwrap_or_default();
            detail.split("hash ").nth(1).unwrap()[..HASH_DIGITS].to_owned()
        };
        findings.iter().map(hash).collect::<Vec<_>>()
    };
    assert_eq!(hashes(1), hashes(1));
    assert_ne!(hashes(1), hashes(2));
}

#[test]
fn files_that_are_in_the_image_come_first() {
    let plugins = with_salt(1);
    let base = Layer::new()
        .file("a/.env", setting())
        .file("b/.env", setting())
        .file("c/.env", setting());
    let above = Layer::new()
        .file("a/.wh..env", "")
        .file("b/.env", "DB_PASSWORD_FILE=/run/secrets/db\n");
    let layers = [base.tar(), above.tar()].map(|layer| scan(&plugins, &layer));
    let findings = found(&plugins, &layers);
    let [finding] = &findings[..] else {
        panic!("{findings:?}");
    };
    let package = &finding.package;
    assert_eq!(package.path, "c/.env");
    assert_eq!(package.evidence, Evidence::Installed);
    assert_eq!(finding.paths, ["a/.env", "b/.env", "c/.env"]);
}

#[test]
fn what_analyzers_find_is_the_same_beside_it_and_files_of_every_size_are_read() {
    let large = [vec![b'x'; 700_000], b"\n".to_vec(), setting().into_bytes()].concat();
    let layer = Layer::new()
        .file("etc/os-release", "ID=debian\nVERSION_ID=12\n")
        .file("app/package.json", r#"{"name":"left","version":"1.0.0"}"#)
        .file("app/large.env", &large)
        .file("app/a.jar", "PK\x03\x04 none")
        .file("app/empty", "")
        .file("app/z.env", setting())
        .tar();
    let plugins = with_salt(1);
    let (with, without) = (
        scan(&plugins, &layer),
        scan_layer(&layer[..], &Limits::default()),
    );
    assert_eq!(with.events, without.events);
    assert_eq!(with.gaps, without.gaps);
    assert_eq!(with.diff_id, without.diff_id);
    let told: Vec<&str> = with.told.iter().map(|told| told.path.as_str()).collect();
    assert_eq!(told, ["app/large.env", "app/z.env"]);
    assert_eq!(with.told[0].told.weaknesses[0].line, Some(3));
}

#[test]
fn a_layer_is_read_again_once_it_is_on_and_not_when_it_is_off() {
    let layer = Layer::new()
        .file("app/package.json", r#"{"name":"left","version":"1.0.0"}"#)
        .file("app/.env", setting())
        .tar();
    let (on, off) = (with_salt(1), PluginSet::with_fed(Vec::new()).unwrap());
    let before = scan(&off, &layer);
    let Kept::Outdated(earlier) = on.review(before.clone()) else {
        panic!("nobody has looked for secrets");
    };
    let again = scan_layer_again(&layer[..], &Limits::default(), &on, Some(&earlier));
    assert_eq!(again, scan(&on, &layer));
    assert_eq!(again.told.len(), 1);
    let Kept::Adopted(adopted) = off.review(again) else {
        panic!("nothing is to be read");
    };
    assert_eq!(*adopted, before);
    let empty = scan(&off, &Layer::new().dir("a").tar());
    assert!(matches!(on.review(empty), Kept::Adopted(_)));
    assert_ne!(crate::fingerprint_by(&on), crate::fingerprint_by(&off));
}

#[test]
fn very_many_secrets_are_bounded_and_a_gap() {
    let line = |at: usize| format!("DB_PASSWORD=k8Lm#2pQz-{at:04}\n");
    let full: String = (0..=MAX_OF_FILE).map(line).collect();
    let layer = (0..20).fold(Layer::new(), |layer, at| {
        layer.file(&format!("app/{at}.env"), &full)
    });
    let plugins = with_salt(1);
    let facts = scan(&plugins, &layer.tar());
    let said: u64 = facts.told.iter().map(|told| told.told.weight()).sum();
    assert!(said < 512 * 1024, "{said}");
    let inventory = inventory(&plugins, &silent(), &[facts]);
    assert!(inventory.weaknesses.len() <= 1_000);
    let gaps = inventory.gaps.iter();
    let gaps: Vec<_> = gaps.map(|gap| (gap.kind, gap.detail.as_str())).collect();
    let is_named = |kind, text: &str| {
        let mut gaps = gaps.iter();
        gaps.any(|(its, detail)| *its == kind && detail.contains(text))
    };
    let of_file = "201 or more secrets are in the file, of which 200 are told";
    assert!(is_named(GapKind::FileUnreadable, of_file), "{gaps:?}");
    let of_layer = "more files were not read by it";
    assert!(is_named(GapKind::PluginFailed, of_layer), "{gaps:?}");
}

#[test]
fn a_configuration_is_read_and_what_is_shown_of_it_holds_no_value() {
    let text = format!(
        r#"{{"config":{{"Env":["PATH=/bin","DB_PASSWORD={TOKEN}"],"Labels":{{"deploy.password":"{TOKEN}","plain":"yes"}},
            "Cmd":["serve","--db-password","{TOKEN}"]}},
            "history":[{{"created_by":"RUN sshpass -p {TOKEN} ssh a"}}]}}"#
    );
    let config = ImageConfig::parse(text.as_bytes()).unwrap();
    let plugins = with_salt(1);
    let layer = scan(&plugins, &Layer::new().file("a", "b").tar());
    let inventory = inventory(&plugins, &config, &[layer]);
    let text = serde_json::to_string(&inventory).unwrap();
    assert!(!text.contains(TOKEN), "{text}");
    let run = inventory.run.as_ref().unwrap();
    assert_eq!(run.labels["deploy.password"], "***");
    assert_eq!(run.labels["plain"], "yes");
    let step = inventory.layers[0].created_by.as_deref();
    assert_eq!(step, Some("RUN sshpass -p *** ssh a"));
    let report = crate::judge(&inventory, &FeedIndex::empty(), Timestamp::UNIX_EPOCH);
    let places = report.findings.iter().flat_map(Finding::places);
    let mut places: Vec<&str> = places.collect();
    places.sort_unstable();
    let wanted = [
        "config: Entrypoint and Cmd",
        "config: Env DB_PASSWORD",
        "config: Labels deploy.password",
        "config: history[0]",
    ];
    assert_eq!(places, wanted);
    let detail = report.findings[0].detail.as_deref().unwrap();
    assert!(
        detail.ends_with("it stays in the image's configuration"),
        "{detail}"
    );
}

#[test]
fn a_configuration_that_can_be_read_in_two_ways_is_a_gap() {
    let config = br#"{"config":{"Env":[],"env":["DB_PASSWORD=k8Lm#2pQz-Wx9"]}}"#;
    let config = ImageConfig::parse(config).unwrap();
    let inventory = inventory(&with_salt(1), &config, &[]);
    let gaps: Vec<_> = inventory
        .gaps
        .iter()
        .map(|gap| gap.detail.as_str())
        .collect();
    let wanted = "no secrets were looked for in it";
    assert!(gaps.iter().any(|gap| gap.contains(wanted)), "{gaps:?}");
}

#[test]
fn history_and_labels_are_shown_without_secrets_though_nobody_looks_for_them() {
    let text = format!(
        r#"{{"config":{{"Labels":{{"deploy.password":"{TOKEN}"}}}},"history":[{{"created_by":"RUN sshpass -p {TOKEN} ssh a"}}]}}"#
    );
    let config = ImageConfig::parse(text.as_bytes()).unwrap();
    let off = PluginSet::built_in();
    let layer = scan(off, &Layer::new().file("a", "b").tar());
    let text = serde_json::to_string(&inventory(off, &config, &[layer])).unwrap();
    assert!(!text.contains(TOKEN), "{text}");
}

#[test]
fn what_a_later_layer_hides_is_told_of_the_layer_that_holds_it() {
    let plugins = with_salt(1);
    let base = scan(&plugins, &Layer::new().file("app/.env", setting()).tar());
    let other = Layer::new().file("app/.env", "DEBUG=0\n").tar();
    let gone = Layer::new().file("app/.wh..env", "").tar();
    let moved = Layer::new()
        .file("app/.wh..env", "")
        .file("srv/.env", setting());
    for (above, wanted) in [
        (other, ("app/.env", Evidence::Historical, 1)),
        (gone, ("app/.env", Evidence::Historical, 1)),
        (moved.tar(), ("srv/.env", Evidence::Installed, 2)),
    ] {
        let layers = [base.clone(), scan(&plugins, &above)];
        let found = found(&plugins, &layers);
        let [finding] = &found[..] else {
            panic!("{found:?}");
        };
        let package = &finding.package;
        let told = (package.path.as_str(), package.evidence, finding.copies);
        assert_eq!(told, wanted);
        let detail = finding.detail.as_deref().unwrap();
        let is_hidden = package.evidence == Evidence::Historical;
        assert_eq!(
            detail.contains("a later layer hides"),
            is_hidden,
            "{detail}"
        );
        assert_eq!(package.layer, layer_digest(usize::from(!is_hidden)));
    }
}
