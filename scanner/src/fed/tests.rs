//! What fed plugins say reaches the verdict, and changes nothing of what is there without them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use sluicegate_model::coverage::GapKind;
use sluicegate_model::finding::FindingKind;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::severity::Severity;
use sluicegate_model::weakness::{Remedy, Weakness};

use super::*;
use crate::facts::{LayerFacts, Told};
use crate::feeds::FeedIndex;
use crate::image::layers::LayerInput;
use crate::inventory::{merge, merge_by};
use crate::limits::Limits;
use crate::plugin_set::{Kept, PluginSet};
use crate::testing::{Layer, layer_digest};
use crate::{scan_layer, scan_layer_again};

type Say = dyn Fn(&str, &[u8]) -> FedAnswer + Send + Sync;

/// A plugin that says what a test wants.
struct Said {
    name: &'static str,
    claims: Vec<Wants<'static>>,
    say: Box<Say>,
    calls: Arc<AtomicUsize>,
}

impl FedPlugin for Said {
    fn id(&self) -> FedId<'_> {
        FedId {
            name: self.name,
            version: "1",
            digest: "00",
        }
    }

    fn kind(&self) -> FedKind {
        FedKind::Detector
    }

    fn claims(&self) -> Vec<Wants<'_>> {
        self.claims.clone()
    }

    fn max_file_bytes(&self) -> u64 {
        1_000
    }

    fn read(&self, path: &str, content: &[u8]) -> FedAnswer {
        self.calls.fetch_add(1, Ordering::Relaxed);
        (self.say)(path, content)
    }

    fn detect(&self, inventory: &Inventory) -> FedAnswer {
        (self.say)("", &serde_json::to_vec(inventory).unwrap())
    }
}

fn weakness(id: &str) -> Weakness {
    Weakness {
        id: id.to_owned(),
        aliases: vec!["CVE-2024-0001".to_owned()],
        kind: FindingKind::Vulnerability,
        severity: Severity::High,
        summary: "it is open".to_owned(),
        package: None,
        remedy: vec![Remedy {
            package: "openthing".to_owned(),
            version: "2".to_owned(),
        }],
        path: String::new(),
        line: Some(3),
        column: None,
        hash: None,
        is_hidden: false,
    }
}

fn told(told: Told) -> FedAnswer {
    FedAnswer { told, work: 10 }
}

/// Finds a weakness in every file that it reads.
fn finder(name: &'static str, claims: Vec<Wants<'static>>) -> Said {
    of(name, claims, |_, _| {
        told(Told {
            weaknesses: vec![weakness("FINDER-1")],
            ..Told::default()
        })
    })
}

fn of(
    name: &'static str,
    claims: Vec<Wants<'static>>,
    say: impl Fn(&str, &[u8]) -> FedAnswer + Send + Sync + 'static,
) -> Said {
    Said {
        name,
        claims,
        say: Box::new(say),
        calls: Arc::default(),
    }
}

fn set(plugins: Vec<Said>) -> PluginSet {
    let plugins = plugins.into_iter();
    let plugins = plugins.map(|plugin| Arc::new(plugin) as Arc<dyn FedPlugin>);
    PluginSet::with_fed(plugins.collect()).unwrap()
}

fn scan(plugins: &PluginSet, layer: &[u8], earlier: Option<&LayerFacts>) -> LayerFacts {
    scan_layer_again(layer, &Limits::default(), plugins, earlier)
}

fn image(plugins: &PluginSet, layers: &[LayerFacts]) -> Inventory {
    let digests: Vec<_> = (0..layers.len()).map(layer_digest).collect();
    let layers = digests.iter().zip(layers);
    let layers = layers.map(|(digest, facts)| LayerInput { digest, facts });
    merge_by(plugins, None, &layers.collect::<Vec<_>>())
}

fn found(inventory: &Inventory) -> Vec<&str> {
    let found = inventory.weaknesses.iter();
    found.map(|found| found.weakness.path.as_str()).collect()
}

#[test]
fn a_weakness_is_a_finding_with_its_remedy() {
    let plugins = set(vec![finder("finder", vec![Wants::Named("x.conf")])]);
    let layer = Layer::new().file("etc/x.conf", "open = yes").tar();
    let inventory = image(&plugins, &[scan(&plugins, &layer, None)]);
    let feeds = FeedIndex::empty();
    let report = crate::judge(&inventory, &feeds, Timestamp::UNIX_EPOCH);
    let [finding] = &report.findings[..] else {
        panic!("{report:?}");
    };
    assert_eq!(finding.id, "FINDER-1");
    assert_eq!(finding.aliases, ["CVE-2024-0001"]);
    assert_eq!(finding.severity, Severity::High);
    assert_eq!(finding.package.path, "etc/x.conf");
    assert_eq!(finding.source, "plugin finder");
    let detail = finding.detail.as_deref().unwrap();
    assert_eq!(detail, "it is open (line 3); remedy: openthing 2");
}

#[test]
fn only_files_that_are_in_the_image_count() {
    let plugins = set(vec![finder("finder", vec![Wants::Ending(".conf")])]);
    let base = Layer::new()
        .file("etc/gone.conf", "1")
        .file("etc/replaced.conf", "1")
        .file("opt/a/hidden.conf", "1")
        .file("etc/kept.conf", "1")
        .symlink("conf", "etc");
    let above = Layer::new()
        .file("etc/.wh.gone.conf", "")
        .symlink("etc/replaced.conf", "kept.conf")
        .file("opt/a/.wh..wh..opq", "")
        .file("conf/linked.conf", "1");
    let layers = [base.tar(), above.tar()].map(|layer| scan(&plugins, &layer, None));
    let inventory = image(&plugins, &layers);
    // Unpacked apart, the second layer has a directory where the first has a link.
    let mut found = found(&inventory);
    found.sort_unstable();
    let wanted = ["conf/linked.conf", "etc/kept.conf", "etc/linked.conf"];
    assert_eq!(found, wanted);
}

/// A plugin that claims everything it can and says as much as it can.
fn loud(name: &'static str) -> Said {
    let claims = vec![
        Wants::Ending(".json"),
        Wants::Ending(".jar"),
        Wants::Named("status"),
        Wants::Named("os-release"),
        Wants::Content {
            starts: b"\x7fELF",
            holds: b"",
        },
    ];
    of(name, claims, |path, _| {
        let named = |purl: &str| crate::package_of(purl).unwrap();
        told(Told {
            packages: vec![
                named("pkg:deb/debian/bash@9999?arch=amd64"),
                // What the scanner finds there as well, but for its source.
                named("pkg:deb/debian/bash@5.1?arch=amd64"),
                named("pkg:npm/left@1.0.0"),
                named(&format!("pkg:generic/{}@1", path.len())),
            ],
            weaknesses: vec![weakness("LOUD-1")],
            gaps: vec!["all is well".to_owned()],
            ..Told::default()
        })
    })
}

#[test]
fn what_a_plugin_says_only_adds() {
    let status = "Package: bash\nStatus: install ok installed\nVersion: 5.1\nSource: shell\nArchitecture: amd64\n\n";
    let program = [b"\x7fELF".as_slice(), &[0; 2_000]].concat();
    let layer = Layer::new()
        .file("etc/os-release", "ID=debian\nVERSION_ID=12\n")
        .file("var/lib/dpkg/status", status)
        .file("app/package.json", r#"{"name":"left","version":"1.0.0"}"#)
        .file(
            "app/node_modules/x/package.json",
            r#"{"name":"x","version":"2.0.0"}"#,
        )
        .file(
            "app/bom.json",
            r#"{"bomFormat":"CycloneDX","components":[{"purl":"pkg:npm/left@1.0.0"}]}"#,
        )
        .file("app/a.jar", "PK\x03\x04 none")
        .file("usr/bin/tool", &program)
        .file("lost/status", status)
        .tar();
    let without = scan_layer(layer.as_slice(), &Limits::default());
    let plugins = set(vec![loud("loud"), loud("louder")]);
    let with = scan(&plugins, &layer, None);
    let bare = |facts: &LayerFacts| (facts.events.clone(), facts.gaps.clone(), facts.entries);
    assert_eq!(bare(&with), bare(&without), "what analyzers found");
    let digest = layer_digest(0);
    let facts = &without;
    let before = merge(
        None,
        &[LayerInput {
            digest: &digest,
            facts,
        }],
    );
    let after = image(&plugins, &[with]);
    assert!(after.components.len() > before.components.len());
    assert!(
        before
            .components
            .iter()
            .all(|it| after.components.contains(it))
    );
    assert!(before.gaps.iter().all(|it| after.gaps.contains(it)));
    assert_eq!(after.distro, before.distro);
    let is_told = |it: &&sluicegate_model::package::Component| {
        let mut told = after.told.iter();
        told.any(|told| (&told.purl, &told.path) == (&it.purl, &it.path))
    };
    assert_eq!(before.components.iter().filter(is_told).count(), 0);
    let feeds = FeedIndex::empty();
    let judged = |inventory| crate::judge(inventory, &feeds, Timestamp::UNIX_EPOCH);
    let (before, after) = (judged(&before), judged(&after));
    assert!(before.findings.iter().all(|it| after.findings.contains(it)));
    assert!(
        before
            .coverage
            .gaps
            .iter()
            .all(|it| after.coverage.gaps.contains(it))
    );
    assert!(before.coverage.status <= after.coverage.status);
}

#[test]
fn with_none_fed_everything_is_as_before() {
    let layer = Layer::new()
        .file("app/package.json", r#"{"name":"a","version":"1"}"#)
        .tar();
    let none = set(Vec::new());
    let facts = scan(&none, &layer, None);
    let usual = scan_layer(layer.as_slice(), &Limits::default());
    assert_eq!(facts.to_bytes(), usual.to_bytes());
    assert_eq!(crate::fingerprint_by(&none), crate::fingerprint());
    let one = set(vec![finder("finder", vec![Wants::Named("x")])]);
    assert_ne!(crate::fingerprint_by(&one), crate::fingerprint());
}

#[test]
fn a_changed_plugin_reads_what_it_claims_and_no_more() {
    let layer = Layer::new()
        .file("etc/a.conf", "1")
        .file("etc/b.toml", "1")
        .tar();
    let one = || finder("one", vec![Wants::Ending(".conf")]);
    let two = || finder("two", vec![Wants::Ending(".toml")]);
    let first = set(vec![one()]);
    let facts = scan(&first, &layer, None);
    let facts = LayerFacts::from_bytes(&facts.to_bytes()).unwrap();
    // One that claims nothing of the layer takes its facts over.
    let idle = set(vec![one(), finder("idle", vec![Wants::Named("none")])]);
    assert!(matches!(idle.review(facts.clone()), Kept::Adopted(_)));
    // One that claims a file of it reads that.
    let (old, new) = (one(), two());
    let calls = [Arc::clone(&old.calls), Arc::clone(&new.calls)];
    let both = set(vec![new, old]);
    let Kept::Outdated(earlier) = both.review(facts.clone()) else {
        panic!("a file is claimed that nobody read");
    };
    let again = scan(&both, &layer, Some(&earlier));
    assert_eq!(calls.map(|calls| calls.load(Ordering::Relaxed)), [0, 1]);
    assert_eq!(again, scan(&both, &layer, None));
    // One that is gone is heard no more, and nothing is read.
    let Kept::Adopted(adopted) = set(vec![two()]).review(again) else {
        panic!("nothing is to be read");
    };
    assert_eq!(
        found(&image(&set(vec![two()]), &[*adopted])),
        ["etc/b.toml"]
    );
}

#[test]
fn a_plugin_that_fails_is_a_gap_and_is_left_alone() {
    let failing = of("bad", vec![Wants::Ending(".conf")], |_, _| {
        told(Told::failed("it trapped"))
    });
    let (calls, other) = (
        Arc::clone(&failing.calls),
        finder("good", vec![Wants::Ending(".conf")]),
    );
    let plugins = set(vec![failing, other]);
    let layer = (0..20).fold(Layer::new(), |layer, at| {
        layer.file(&format!("etc/{at}.conf"), "1")
    });
    let facts = scan(&plugins, &layer.tar(), None);
    assert_eq!(calls.load(Ordering::Relaxed), 8);
    let inventory = image(&plugins, &[facts]);
    assert_eq!(inventory.weaknesses.len(), 20, "the other is heard");
    let failed = inventory
        .gaps
        .iter()
        .filter(|gap| gap.kind == GapKind::PluginFailed);
    let failed: Vec<_> = failed.map(|gap| gap.detail.as_str()).collect();
    assert_eq!(
        failed,
        [
            "plugin bad failed on 8 files: 12 more files were not read by it",
            "plugin bad is not heard: it trapped, and failed on 7 more files of the layer",
        ]
    );
}

#[test]
fn a_host_that_panics_and_a_plugin_that_floods_take_nobody_down() {
    let panicking = of("panics", vec![Wants::Ending(".conf")], |_, _| panic!("no"));
    let flooding = of("floods", vec![Wants::Ending(".conf")], |_, _| {
        told(Told {
            weaknesses: vec![weakness("FLOODS-1"); 5_000],
            ..Told::default()
        })
    });
    let many = of("many", vec![Wants::Ending(".conf")], |_, _| {
        let mut each = (0..300).map(|at| weakness(&format!("MANY-{at}")));
        told(Told {
            weaknesses: each.by_ref().collect(),
            ..Told::default()
        })
    });
    let plugins = set(vec![panicking, flooding, many]);
    let layer = Layer::new().file("etc/a.conf", "1").tar();
    let inventory = image(&plugins, &[scan(&plugins, &layer, None)]);
    assert_eq!(inventory.weaknesses.len(), 200);
    let failed = inventory
        .gaps
        .iter()
        .filter(|gap| gap.kind == GapKind::PluginFailed);
    assert_eq!(failed.count(), 3);
}

#[test]
fn what_cannot_be_handed_over_is_a_gap() {
    let plugins = set(vec![finder("finder", vec![Wants::Ending(".conf")])]);
    let layer = Layer::new()
        .file("etc/large.conf", "1".repeat(1_001))
        .file("etc/other", "1")
        .file("etc/read.conf", "1")
        .hardlink("etc/linked.conf", "etc/other")
        .hardlink("etc/again.conf", "etc/read.conf")
        .tar();
    let inventory = image(&plugins, &[scan(&plugins, &layer, None)]);
    assert_eq!(found(&inventory), ["etc/again.conf", "etc/read.conf"]);
    let failed = inventory
        .gaps
        .iter()
        .filter(|gap| gap.kind == GapKind::PluginFailed);
    let failed: Vec<_> = failed.map(|gap| gap.detail.as_str()).collect();
    let wanted = "plugin finder is not heard: it reads files of at most 1000 bytes, got 1001, \
                  and failed on 1 more files of the layer";
    assert_eq!(failed, [wanted]);
}

#[test]
fn a_detector_without_claims_sees_the_inventory() {
    let plugins = set(vec![of("whole", Vec::new(), |path, text| {
        assert_eq!(path, "");
        let text = String::from_utf8_lossy(text);
        let seen = text.contains("pkg:npm/a@1.0.0");
        told(Told {
            weaknesses: seen.then(|| weakness("WHOLE-1")).into_iter().collect(),
            ..Told::default()
        })
    })]);
    let layer = Layer::new().file(
        "app/node_modules/a/package.json",
        r#"{"name":"a","version":"1.0.0"}"#,
    );
    let facts = scan(&plugins, &layer.tar(), None);
    assert_eq!(image(&plugins, &[facts]).weaknesses.len(), 1);
}

#[test]
fn a_set_has_a_bound_and_names_of_its_own() {
    let named = |name: &'static str| Arc::new(finder(name, Vec::new())) as Arc<dyn FedPlugin>;
    let twice = PluginSet::with_fed(vec![named("a"), named("a")]).err();
    assert_eq!(twice, Some(FedError::SameName("a".to_owned())));
    let many = (0..10_000).map(|at| named(Box::leak(format!("p{at}").into_boxed_str())));
    let many = PluginSet::with_fed(many.collect()).err();
    assert_eq!(many, Some(FedError::TooMany(10_000)));
}
