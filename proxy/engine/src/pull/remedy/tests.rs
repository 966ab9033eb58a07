//! Upgrades by the scanner's and the policies' own word: lowest versions, graces of exceptions, what no
//! upgrade mends, and that none can be left out.

use std::io::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use sluicegate_model::artifact::Content;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Ecosystem, Owner, PackageType, Standing};
use sluicegate_model::samples;
use sluicegate_model::verdict::Decision;
use sluicegate_model::weakness::{FoundWeakness, Remedy as Ends, WeakPackage, Weakness};
use sluicegate_model::{Digest, Scope};
use sluicegate_policy::{FeedStanding, SourceFile};
use sluicegate_remedy::step::Remedy;
use sluicegate_scanner::feeds::{FeedDirectory, FeedIndex, build_index};

use super::*;

const NOW: &str = "2026-06-01T00:00:00Z";
const DEBIAN: &str = "Debian:12";

/// Writes a record that is critical or low, on versions from and to.
fn record(id: &str, on: (&str, &str), ranges: &[(&str, Option<&str>)], is_critical: bool) -> Value {
    let (ecosystem, name) = on;
    let ranges = ranges.iter().map(|(introduced, fixed)| {
        let mut events = vec![json!({"introduced": introduced})];
        events.extend(fixed.map(|fixed| json!({"fixed": fixed})));
        json!({"type": "ECOSYSTEM", "events": events})
    });
    let vector = if is_critical {
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
    } else {
        "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"
    };
    json!({
        "schema_version": "1.6.0", "id": id, "modified": NOW, "published": NOW,
        "severity": [{"type": "CVSS_V3", "score": vector}],
        "affected": [{"package": {"ecosystem": ecosystem, "name": name},
            "ranges": ranges.collect::<Vec<_>>()}],
    })
}

fn advisories(ecosystems: &[(&str, Vec<Value>)]) -> Advisories {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("feed");
    for (ecosystem, records) in ecosystems {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for record in records {
            let name = format!("{}.json", record["id"].as_str().unwrap());
            zip.start_file(name, options).unwrap();
            zip.write_all(record.to_string().as_bytes()).unwrap();
        }
        let folder = root.join(ecosystem);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("all.zip"), zip.finish().unwrap().into_inner()).unwrap();
    }
    let out = home.path().join("out");
    let now = NOW.parse().unwrap();
    let path = build_index(&[FeedDirectory::at(root)], &out, now, &|_| {}).unwrap();
    Advisories {
        index: Arc::new(FeedIndex::open(&path).unwrap()),
        standing: FeedStanding::default(),
        problem: None,
    }
}

fn debian(name: &str, version: &str, source: &str) -> Component {
    Component {
        ecosystem: Some(Ecosystem::new(DEBIAN)),
        ..samples::component(name, version, PackageType::Deb, Some(source))
    }
}

fn npm(name: &str, version: &str, path: &str) -> Component {
    Component {
        path: path.to_owned(),
        ..samples::component(name, version, PackageType::Npm, None)
    }
}

/// An image, and by what it is judged.
struct Bench {
    inventory: Inventory,
    advisories: Advisories,
    policies: PolicySet,
}

impl Bench {
    fn new(components: Vec<Component>, ecosystems: &[(&str, Vec<Value>)]) -> Self {
        let mut inventory = samples::inventory();
        inventory.components = components;
        inventory.gaps.clear();
        let text = "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  \
            onInconclusive: allow\n  rules:\n  - {id: critical, when: {severityAtLeast: critical}, \
            action: refuse}\n  - {id: malware, when: {kind: malware}, action: refuse}\n---\n\
            apiVersion: sluicegate/v1\nkind: Exception\nmetadata: {name: known}\nspec: \
            {id: CVE-2026-9, statement: looked at, expiresAt: 2027-01-01}\n";
        let file = SourceFile {
            name: "p.yaml".into(),
            text: text.into(),
        };
        Self {
            inventory,
            advisories: advisories(ecosystems),
            policies: PolicySet::parse(&[file]).unwrap(),
        }
    }

    fn remedy(&self, inventory: &Inventory) -> Remedy {
        let image = Image {
            scope: Scope::for_all("docker.io/library/app".parse().unwrap()),
            digest: Digest::of(b"image"),
            tags: Vec::new(),
            first_seen: None,
            graces: Vec::new(),
            signatures: None,
        };
        let now = NOW.parse().unwrap();
        let scanned = Scanned {
            content: Content::Image,
            inventory: inventory.clone(),
            scanned_at: now,
            scan_ms: 7,
            read_by: None,
        };
        let by = (&self.policies, &self.advisories);
        remedy(&image, &scanned, by, &KnownPackages::default(), now)
    }

    /// Does all steps but one by hand.
    fn done(&self, remedy: &Remedy, but: Option<usize>) -> Inventory {
        let mut inventory = self.inventory.clone();
        for component in &mut inventory.components {
            let package = &mut component.package;
            let source = package.source.as_mut();
            let name = source.as_ref().map_or(&package.name, |source| &source.name);
            let mut steps = remedy.steps.iter().enumerate();
            let is_it = |(at, step): &(usize, &sluicegate_remedy::step::Step)| {
                Some(*at) != but && step.package == *name && step.from == package.version
            };
            if let Some((_, step)) = steps.find(is_it) {
                let old = std::mem::replace(&mut package.version, step.to.clone());
                component.purl = component.purl.replace(&old, &step.to);
                if let Some(source) = source {
                    source.version.clone_from(&step.to);
                }
            }
        }
        inventory
    }

    /// Checks that all steps are enough, and all but one are not.
    fn assert_minimal(&self, remedy: &Remedy) {
        let after = self.remedy(&self.done(remedy, None));
        assert_eq!(after.decision, Decision::Allow, "{after:?}");
        for at in 0..remedy.steps.len() {
            let without = self.remedy(&self.done(remedy, Some(at)));
            assert_eq!(without.decision, Decision::Refuse, "without {at}");
        }
    }
}

fn steps(remedy: &Remedy) -> Vec<(&str, &str, &str)> {
    let steps = remedy.steps.iter();
    let steps = steps.map(|it| (&*it.package, &*it.from, &*it.to));
    steps.collect()
}

/// An image with packages of Debian and of npm, some of which are refused.
fn refused() -> Bench {
    let openssl = (DEBIAN, "openssl");
    let lodash = ("npm", "lodash");
    Bench::new(
        vec![
            debian("apt", "2.6.1", "apt"),
            debian("libssl3", "3.0.9-1", "openssl"),
            debian("openssl", "3.0.9-1", "openssl"),
            debian("zlib1g", "1.2.13-1", "zlib"),
            npm("lodash", "4.17.20", "app/node_modules/lodash/package.json"),
            npm(
                "lodash",
                "3.0.0",
                "app/node_modules/a/node_modules/lodash/package.json",
            ),
        ],
        &[
            (
                DEBIAN,
                vec![
                    record("CVE-2026-1", openssl, &[("0", Some("3.0.9-2"))], true),
                    // The fix of the first has this one.
                    record(
                        "CVE-2026-2",
                        openssl,
                        &[("3.0.9-2", Some("3.0.11-1~deb12u2"))],
                        true,
                    ),
                    // No rule refuses for these.
                    record("CVE-2026-3", openssl, &[("0", Some("3.1-1"))], false),
                    record("CVE-2026-9", openssl, &[("0", Some("3.2-1"))], true),
                    record(
                        "CVE-2026-4",
                        (DEBIAN, "zlib"),
                        &[("0", Some("1.3-1"))],
                        false,
                    ),
                ],
            ),
            (
                "npm",
                vec![record(
                    "CVE-2026-5",
                    lodash,
                    &[("0", Some("3.10.2")), ("4.0.0", Some("4.17.21"))],
                    true,
                )],
            ),
        ],
    )
}

#[test]
fn packages_go_as_far_as_policy_asks_and_no_further() {
    let bench = refused();
    let remedy = bench.remedy(&bench.inventory);
    let mut found = steps(&remedy);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("lodash", "3.0.0", "3.10.2"),
            ("lodash", "4.17.20", "4.17.21"),
            ("openssl", "3.0.9-1", "3.0.11-1~deb12u2"),
        ]
    );
    assert_eq!(remedy.decision_after, Decision::Allow);
    assert_eq!(remedy.unmendable, []);
    bench.assert_minimal(&remedy);
}

#[test]
fn what_a_system_s_package_owns_is_mended_with_that() {
    let python = debian("python3-idna", "3.3-1", "python-idna");
    let mut owned = samples::component("idna", "3.3", PackageType::Python, None);
    owned.path = "usr/lib/python3/dist-packages/idna-3.3.egg-info".into();
    owned.standing = Standing::OwnedBy(Box::new(Owner {
        package: python.package.clone(),
        ecosystem: python.ecosystem.clone(),
        purl: python.purl.clone(),
    }));
    let bench = Bench::new(
        vec![debian("apt", "2.6.1", "apt"), owned, python],
        &[
            (
                DEBIAN,
                vec![record(
                    "CVE-2026-1",
                    (DEBIAN, "python-idna"),
                    &[("0", Some("3.3-1+deb12u1"))],
                    true,
                )],
            ),
            (
                "PyPI",
                vec![record(
                    "CVE-2026-1",
                    ("PyPI", "idna"),
                    &[("0", Some("3.7"))],
                    true,
                )],
            ),
        ],
    );
    let remedy = bench.remedy(&bench.inventory);
    assert_eq!(
        steps(&remedy),
        [("python-idna", "3.3-1", "3.3-1+deb12u1")],
        "{remedy:?}"
    );
    assert_eq!(
        (remedy.decision_after, remedy.unmendable.len()),
        (Decision::Allow, 0)
    );
}

#[test]
fn what_has_no_fix_is_apart_and_steps_are_told_all_the_same() {
    let bench = Bench::new(
        vec![
            npm("bad", "1.0.0", "app/node_modules/bad/package.json"),
            npm("old", "1.0.0", "app/node_modules/old/package.json"),
            npm("harm", "1.0.0", "app/node_modules/harm/package.json"),
        ],
        &[(
            "npm",
            vec![
                record("CVE-2026-1", ("npm", "bad"), &[("0", Some("1.0.1"))], true),
                record("CVE-2026-2", ("npm", "old"), &[("0", None)], true),
                record("MAL-2026-1", ("npm", "harm"), &[("0", None)], true),
            ],
        )],
    );
    let remedy = bench.remedy(&bench.inventory);
    assert_eq!(steps(&remedy), [("bad", "1.0.0", "1.0.1")]);
    assert_eq!(remedy.decision_after, Decision::Refuse);
    let left = remedy.unmendable.iter();
    let left: Vec<(&str, &str)> = left.map(|it| (&*it.what, &*it.why)).collect();
    assert_eq!(
        left,
        [
            ("CVE-2026-2 in old", "no fixed version is published"),
            (
                "MAL-2026-1 in harm",
                "it is published to do harm: remove the package, and trust nothing that ran with it"
            ),
        ]
    );
}

#[test]
fn a_plugins_word_on_what_ends_a_weakness_counts() {
    let package = npm("acme", "1.0.0", "app/node_modules/acme/package.json");
    let mut bench = Bench::new(vec![package.clone()], &[("npm", Vec::new())]);
    bench.inventory.weaknesses = vec![FoundWeakness {
        plugin: "acme".into(),
        layer: samples::app_layer(),
        weakness: Weakness {
            id: "ACME-1".into(),
            aliases: Vec::new(),
            kind: sluicegate_model::finding::FindingKind::Vulnerability,
            severity: sluicegate_model::severity::Severity::Critical,
            summary: "it is careless".into(),
            package: Some(WeakPackage {
                name: "acme".into(),
                version: "1.0.0".into(),
                purl: package.purl.clone(),
            }),
            remedy: vec![Ends {
                package: "acme".into(),
                version: "1.2.0".into(),
            }],
            path: package.path,
            line: None,
            column: None,
            hash: None,
            is_hidden: false,
        },
    }];
    let remedy = bench.remedy(&bench.inventory);
    assert_eq!(steps(&remedy), [("acme", "1.0.0", "1.2.0")]);
    assert_eq!(remedy.decision_after, Decision::Allow);
}
