//! Plugins in the scanner: what they say of a layer, beside others that are hostile.

use std::fmt::Write as _;
use std::sync::Arc;

use sluicegate_model::coverage::GapKind;
use sluicegate_model::digest::Digest;
use sluicegate_model::inventory::Inventory;
use sluicegate_scanner::fed::FedPlugin;
use sluicegate_scanner::{
    LayerFacts, LayerInput, Limits, PluginSet, fingerprint_by, merge_by, scan_layer_again,
};

use super::{MANIFEST, doing, saying};
use crate::WasmPlugin;

const FINDING: &str = r#"{"findings":[{"id":"ACME-1","severity":"high","summary":"debug is on"}]}"#;

fn set(plugins: Vec<WasmPlugin>) -> PluginSet {
    let plugins = plugins
        .into_iter()
        .map(|plugin| Arc::new(plugin) as Arc<dyn FedPlugin>);
    PluginSet::with_fed(plugins.collect()).unwrap()
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len().try_into().unwrap());
        header.set_mode(0o644);
        builder.append_data(&mut header, path, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn scan(plugins: &PluginSet, layer: &[u8]) -> (LayerFacts, Inventory) {
    let facts = scan_layer_again(layer, &Limits::default(), plugins, None);
    let digest = Digest::of(b"layer");
    let inventory = merge_by(
        plugins,
        None,
        &[LayerInput {
            digest: &digest,
            facts: &facts,
        }],
    );
    (facts, inventory)
}

/// Plugins that do their worst to every file that the good one reads.
fn hostile() -> Vec<WasmPlugin> {
    let named = |name: &str| MANIFEST.replace("acme", name);
    let texts = [
        ("loops", "(loop (br 0)) i64.const 0"),
        (
            "recurses",
            "(call $analyze (local.get 0) (local.get 1) (local.get 2) (local.get 3))",
        ),
        ("traps", "unreachable"),
        ("floods", "(i64.const 0x7fffffff)"),
        (
            "grows",
            "(loop (br_if 0 (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0)))) unreachable",
        ),
    ];
    let mut all: Vec<_> = texts
        .into_iter()
        .map(|(name, text)| doing(&named(name), text))
        .collect();
    all.push(saying(&named("babbles"), b"\xff\xfe").unwrap());
    all.push(saying(&named("denies"), br#"{"not_affected":["ACME-1"]}"#).unwrap());
    all
}

#[test]
fn a_weakness_is_found_beside_plugins_that_do_their_worst() {
    let layer = tar(&[
        ("etc/x.conf", b"debug = on"),
        ("app/package.json", br#"{"name":"left","version":"1.0.0"}"#),
    ]);
    let good = || saying(MANIFEST, FINDING.as_bytes()).unwrap();
    let (_, alone) = scan(&set(vec![good()]), &layer);
    let mut all = hostile();
    all.insert(3, good());
    let (facts, beside) = scan(&set(all), &layer);
    assert_eq!(alone.weaknesses, beside.weaknesses);
    assert_eq!(alone.weaknesses.len(), 1);
    assert_eq!(alone.components, beside.components);
    assert_eq!(LayerFacts::from_bytes(&facts.to_bytes()).unwrap(), facts);
    let failed = beside
        .gaps
        .iter()
        .filter(|gap| gap.kind == GapKind::PluginFailed);
    let mut failed: Vec<_> = failed
        .map(|gap| gap.detail.split(' ').nth(1).unwrap())
        .collect();
    failed.sort_unstable();
    let wanted = [
        "babbles", "denies", "floods", "grows", "loops", "recurses", "traps",
    ];
    assert_eq!(failed, wanted);
    assert!(alone.gaps.iter().all(|gap| beside.gaps.contains(gap)));
}

#[test]
fn a_plugin_that_fails_everywhere_is_asked_a_few_times() {
    let paths: Vec<String> = (0..2_000).map(|at| format!("d{at}/x.conf")).collect();
    let files: Vec<(&str, &[u8])> = paths.iter().map(|path| (&**path, &b"1"[..])).collect();
    let (facts, inventory) = scan(&set(hostile()), &tar(&files));
    assert!(facts.told.len() <= 8 * 7, "{}", facts.told.len());
    let gaps = inventory
        .gaps
        .iter()
        .filter(|gap| gap.kind == GapKind::PluginFailed);
    let mut said = String::new();
    for gap in gaps {
        writeln!(said, "{}", gap.detail).unwrap();
    }
    assert_eq!(said.lines().count(), 14, "{said}");
    assert!(said.contains("plugin loops failed on 8 files: 1992 more files were not read by it"));
}

#[test]
fn another_file_is_another_plugin() {
    let one = set(vec![saying(MANIFEST, FINDING.as_bytes()).unwrap()]);
    let other = set(vec![saying(MANIFEST, b"{}").unwrap()]);
    assert_ne!(fingerprint_by(&one), fingerprint_by(&other));
    assert_eq!(
        fingerprint_by(&set(Vec::new())),
        sluicegate_scanner::fingerprint()
    );
    let layer = tar(&[("etc/x.conf", b"1")]);
    let (facts, _) = scan(&one, &layer);
    let kept = other.review(facts);
    assert!(
        matches!(kept, sluicegate_scanner::Kept::Outdated(_)),
        "it claims a file of the layer"
    );
}

#[test]
fn the_kit_tells_an_author_all_that_came_of_it() {
    let plugin = doing(
        MANIFEST,
        "(call $log (local.get 0) (local.get 1))
         (if (i32.eq (local.get 3) (i32.const 1)) (then unreachable)) i64.const 0",
    );
    let layer = tar(&[("a/x.conf", b"1"), ("b/x.conf", b"22"), ("c/y.conf", b"3")]);
    let trial = crate::try_on(plugin, layer.as_slice(), &Limits::default()).unwrap();
    assert_eq!(trial.asked, 2);
    assert_eq!(trial.log, ["a/x.conf", "b/x.conf"]);
    assert_eq!(trial.gaps.len(), 1);
    assert!(
        trial.gaps[0].detail.contains("it trapped"),
        "{:?}",
        trial.gaps
    );
}
